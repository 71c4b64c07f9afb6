"""Figures of a model that take more than a sum: its memory, and what its numbers see of the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archlang.elaborate.calls import match_arguments
from archlang.elaborate.expressions import diagnosed
from archlang.errors.values import NumberTooLarge
from archlang.ir.arithmetic import Symbolic
from archlang.ir.graph import Model, Ref
from archlang.ir.ops.arguments import choice, whole
from archlang.ir.ops.base import OpError, Parameter, Shape
from archlang.ir.ops.trace import DTYPE_BYTES
from archlang.ir.paths import Place, Step
from archlang.syntax import ast

LARGEST_BATCH = 10**6

UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
"""What assertions can multiply with: `memory < 2*GiB`."""

PLAN: tuple[Parameter, ...] = (
    whole("batch", 1),
    choice("mode", "train", "train", "infer"),
    choice("optimizer", "adam", "sgd", "momentum", "adam", "adamw"),
    choice("dtype", "float32", *DTYPE_BYTES),
    choice("device", "cuda", "cuda", "cpu"),
)
"""How the model is meant to run, for `memory(...)`."""


# an int, so that it compares and adds up as any number, and still a thing that can be called with a plan
class MemoryFigure(int):
    """The bytes that a training step with Adam needs for one sample; with arguments those of another use."""

    model: Model

    @classmethod
    def of(cls, model: Model, **plan: Any) -> MemoryFigure:
        """What a model needs. Raises `OpError` where sizes are left free."""
        # loaded by who asks for memory: a plain check does not pay for it
        from archlang.ir.budget import Plan, memory_of

        _require_numbers(model, "the memory of a model")
        figure = cls(memory_of(model, Plan(**plan)).total)
        figure.model = model
        return figure

    def called(self, arguments: Sequence[ast.Argument], evaluate: Callable[[ast.Expression], Any]) -> MemoryFigure:
        """`memory(batch=32, mode="infer")`. Raises `Diagnosed`."""
        names = [parameter.name for parameter in PLAN]
        find = {name: name for name in names}.get
        given = match_arguments("memory", arguments, names, find, evaluate, names)
        plan: dict[str, Any] = {}
        for parameter in PLAN:
            if parameter.name in given:
                value = given[parameter.name]
                try:
                    plan[parameter.name] = parameter.read("memory", parameter.name, value.value, 1)
                except OpError as error:
                    raise diagnosed(error.problem, value.span) from None
        # `whole` has no upper bound, and the message should name the place of the batch
        if plan.get("batch", 1) > LARGEST_BATCH:
            raise diagnosed(NumberTooLarge("the batch", LARGEST_BATCH), given["batch"].span)
        return MemoryFigure.of(self.model, **plan)


def model_field(model: Model) -> Shape:
    """How much of the first input a number of the model's output depends on; see `part_field`."""
    ref = model.root.outputs[0]
    # the root is the last body; node -1 is an input, for a model that gives out what it gets
    place = Place(model, model.name, (Step(len(model.bodies) - 1, max(ref.node, 0)),))
    return _field(place, ref, model.root.shape_of(ref))


def part_field(place: Place) -> Shape:
    """Positions of the first input, along its axes but the channels', that a number of a part's output depends on.

    All of them along an axis where it sees everything. Raises `OpError` where that cannot be worked out.
    """
    return _field(place, Ref(place.steps[-1].index), place.node.outputs[0])


def _field(place: Place, ref: Ref, shape: Shape) -> Shape:
    from archlang.ir.receptive import MOST_NODES, Effort, TooFar, value_field

    model = place.model
    _require_numbers(model, "the receptive field")
    try:
        fields = value_field(place, ref, shape, Effort(model))
    except TooFar:
        raise OpError(NumberTooLarge("the number of layers that are followed", MOST_NODES)) from None
    given = next((one for one in model.inputs if one.name in fields), None)
    # it sees nothing of any input: it comes from a source, such as a learned parameter
    if given is None:
        return (0,) * max(len(model.inputs[0].shape) - 1, 1)
    sizes = [there if size is None else size for size, there in zip(fields[given.name].sizes, given.shape, strict=True)]
    # without the channels, which say nothing of positions; features have only that one axis
    return tuple(sizes[1:] if len(sizes) > 1 else sizes)


def _require_numbers(model: Model, what: str) -> None:
    """Sizes left free have no such figure."""
    sizes = (size for given in model.inputs for size in given.shape)
    letters = dict.fromkeys(name for size in sizes if isinstance(size, Symbolic) for name in size.names)
    if letters:
        from archlang.errors.symbolic import SizeNotTracked

        raise OpError(SizeNotTracked(what, tuple(letters)))
