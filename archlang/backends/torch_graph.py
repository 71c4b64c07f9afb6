"""What a live module consists of when it runs: steps on numbered values, and modules that take them one by one."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from functools import reduce
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor, nn

from archlang.backends import support
from archlang.ir.ops.base import Shape
from archlang.records import record

Child = nn.Module | nn.Parameter


@record
class Step:
    """One step of a graph: the child to call by name, or a function; values are known by numbers.

    Without inputs it is a tensor of the module's own, made as many as the samples. `training` says that it runs in
    training only. `name` is the layer's or part's own.
    """

    child: str | None
    function: Callable[..., Any] | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    training: bool = False
    result: int | None = None
    named: dict[str, Any] = field(default_factory=dict[str, Any])
    shape: Shape = ()
    name: str | None = None


Plan = tuple[tuple[tuple[Step, tuple[int, ...], int | None, int | None], ...], int, tuple[int, ...]]
"""The steps of a run, how many values there are, and which of them the run gives.

With each step stand the values that nothing reads after it; its input, if it is a child that takes one and no more; and
its output, if it has one.
"""

Plans = tuple[Plan, Plan]
"""How a graph runs in training, and in evaluation: one and the same where nothing runs in training only."""


def planned(steps: Sequence[Step], inputs: int, results: tuple[int, ...], aside: Collection[int] = ()) -> Plans:
    """The plans of steps; results whose places are in `aside` are given in training only, as what only runs there."""
    size = inputs + sum(len(step.outputs) for step in steps)
    made = {number for step in steps if step.training for number in step.outputs}
    always = tuple([number for place, number in enumerate(results) if place not in aside and number not in made])
    whole = _plan(steps, size, results)
    if len(always) == len(results) and not made:
        return whole, whole
    return whole, _plan([step for step in steps if not step.training], size, always)


def _plan(steps: Sequence[Step], size: int, results: tuple[int, ...]) -> Plan:
    # later steps overwrite earlier ones: what stays is the last step that reads a value
    last = {number: index for index, step in enumerate(steps) for number in step.inputs}
    kept = set(results)
    rows = [
        (
            step,
            tuple([number for number in dict.fromkeys(step.inputs) if last[number] == index and number not in kept]),
            step.inputs[0] if _is_plain(step) else None,
            step.outputs[0] if len(step.outputs) == 1 else None,
        )
        for index, step in enumerate(steps)
    ]
    return tuple(rows), size, results


def _is_plain(step: Step) -> bool:
    """Whether a step calls a child on one value, and takes what that gives."""
    return len(step.inputs) == 1 and not (step.function or step.named) and step.result is None


@record
class Fold:
    """A sum or a product of all inputs."""

    function: Callable[[Any, Any], Any]

    def __call__(self, *inputs: Tensor) -> Any:
        """The sum or product."""
        return reduce(self.function, inputs)


@record
class Cut:
    """A slice of the last axes."""

    axes: tuple[slice, ...]

    def __call__(self, x: Tensor) -> Tensor:
        """What the slice leaves."""
        return x[(..., *self.axes)]


@record
class Function:
    """A function of torch with its other arguments; `as_tuple` if it takes its tensors as one tuple."""

    function: Callable[..., Any]
    given: tuple[Any, ...]
    named: dict[str, Any]
    as_tuple: bool

    def __call__(self, *inputs: Any) -> Any:
        """The function of the tensors."""
        tensors = (inputs,) if self.as_tuple else inputs
        return self.function(*tensors, *self.given, **self.named)


# records and not closures, so that modules can be pickled and copied
Applied = Fold | Cut | Function


def function_of(target: str, given: tuple[Any, ...], named: dict[str, Any], as_tuple: bool) -> Applied:
    """What a `TorchCall` that is no module calls."""
    match target:
        case "+":
            return Fold(operator.add)
        case "*":
            return Fold(operator.mul)
        case "[]":
            return Cut(tuple(slice(*ends) for ends in given[0]))
        case _:
            return Function(torch_object(target), given, named, as_tuple)


class Titled(nn.Module):
    """A module that prints under the name of its block or model, and keeps values of its parts on request.

    `_kept` has a list for each part whose values are wanted. `_maps` has the shapes of layers whose values come flat,
    though the model has them before the flattening.
    """

    _title = ""
    _kept: dict[str, list[Any]] | None = None
    _maps: Mapping[str, Shape] = {}

    def _get_name(self) -> str:
        return self._title or super()._get_name()

    def _keep(self, name: str | None, value: Any) -> Any:
        """Keep a value if it is wanted. A copy goes on, which a layer that works in place may change."""
        if self._kept is None or name not in self._kept:
            return value
        self._kept[name].append(value.unflatten(1, self._maps[name]) if name in self._maps else value)
        items = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
        copies = tuple(item.clone() for item in items)
        return copies if isinstance(value, tuple) else copies[0]


def entitle(module: Titled, title: str) -> None:
    """Set what a module prints as; not by a public name, which a part could have."""
    module.__dict__["_title"] = title


class Chain(Titled, nn.Sequential):
    """Children one after the other."""

    _title = "Sequential"

    def forward(self, input: Any) -> Any:  # noqa: A002  (torch's name)
        """Run the children."""
        child: Any
        # as nn.Sequential, whose forward knows nothing of values to keep
        for name, child in self._modules.items():
            input = child(input)  # noqa: A001
            if self._kept is not None:
                input = self._keep(name, input)  # noqa: A001
        return input


class Graph(Titled):
    """Children under the names of the IR, called as the plans for training and for evaluation say."""

    def __init__(self, children: Sequence[tuple[str, Child]], plans: Plans) -> None:
        super().__init__()
        for name, child in children:
            if isinstance(child, nn.Parameter):
                self.register_parameter(name, child)
            else:
                self.add_module(name, child)
        self._in_training, self._in_evaluation = plans

    def forward(self, x: Tensor, *others: Tensor) -> Any:
        """Run the graph."""
        plan, size, ends = self._in_training if self.training else self._in_evaluation
        values: list[Any] = [x, *others]
        values += [None] * (size - len(values))
        modules: Any = self._modules
        for step, spent, source, target in plan:
            if source is None:
                given = self._run(step, values, x)
            else:
                # a part that was deleted is torch's to miss: `object has no attribute 'drop'`
                part = modules[step.child] if step.child in modules else getattr(self, step.child or "")
                given = part(values[source])
            if self._kept is not None:
                given = self._keep(step.name, given)
            # without gradients, memory holds no more than the values that are still to be read
            for number in spent:
                values[number] = None
            if target is None:
                for place, number in enumerate(step.outputs):  # a name for an item would keep it alive
                    values[number] = given[place]
            else:
                values[target] = given
        return values[ends[0]] if len(ends) == 1 else tuple([values[number] for number in ends])

    def _run(self, step: Step, values: list[Any], x: Tensor) -> Any:
        if not step.inputs:
            # expand makes views: a class token stays one tensor whatever the batch
            return getattr(self, step.child or "").expand(x.shape[0], *step.shape)
        part: Any = getattr(self, step.child or "") if step.function is None else step.function
        result = part(*[values[number] for number in step.inputs], **step.named)
        return result if step.result is None else result[step.result]


def torch_object(target: str) -> Any:
    """What `nn.Conv2d`, `torch.flatten` or `package.module:Class` names."""
    if ":" in target:
        module, name = target.split(":")
        return getattr(import_module(module), name)
    # the first word says which package: `torch.cat`, `nn.functional.interpolate`, `support.ChannelNorm`
    found: Any = {"nn": nn, "torch": torch, "support": support}[target.partition(".")[0]]
    for part in target.split(".")[1:]:
        found = getattr(found, part)
    return found
