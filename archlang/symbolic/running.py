"""For which input sizes a finished model runs: in torch, its layers as they are, rows that no window reads or not.

A network compiled for 224x224 may run on other sizes, too. Its shapes are followed through the shared bodies with sizes
left free (`ir/dims.py`); nothing is elaborated anew. Parts that run in training only are followed if training is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archlang.ir.dims import Dim
from archlang.ir.fitting import DoesNotFit, running_shapes
from archlang.ir.graph import Body, Call, Layer, Model, Node, Ref, Repeat
from archlang.ir.letters import Letters
from archlang.ir.ops.base import OpError, Shape
from archlang.ir.ops.resample import MaxUnpool
from archlang.ir.size_sets import SizeSet
from archlang.symbolic.elaborate import UNTRACKED
from archlang.symbolic.legal import Box, SizeBoxes

MOST_REGIONS = 300
"""Ways that a model may go before nothing is said of its sizes."""

MOST_STEPS = 100_000
"""Layers that may be followed in all."""

MOST_EFFORT = 4_000_000
"""Values of residue classes that may be worked out in all: a second or two."""

Inputs = Callable[[Letters], tuple[tuple[Any, ...], ...]]
"""The shapes of a model's inputs, given what is known of the letters in them."""

Demand = Callable[[Letters], bool]
"""What must hold of letters besides."""


class Untracked(Exception):
    """Where the model runs has no description that is short enough."""


def running_boxes(
    model: Model, inputs: Inputs, start: Sequence[Box], demand: Demand | None = None, training: bool = False
) -> list[Box]:
    """Boxes of sizes with which a model runs, of those in `start`; they have none in common. Raises `Untracked`."""
    left = [dict(box) for box in start]
    found: list[Box] = []
    steps = regions = effort = 0
    while left:
        # as in explore.py: one set of sizes at a time, what it splits off is left for later
        letters = Letters(left.pop(), left, effort, MOST_EFFORT)
        follower = _Follower(model, MOST_STEPS - steps, training)
        try:
            if (demand is None or demand(letters)) and follower.runs(inputs(letters)):
                found.append(dict(letters.domains))
        except (ArithmeticError, LookupError, TypeError, ValueError):  # a layer of somebody else's, on formulas
            raise Untracked from None
        steps, regions, effort = steps + follower.steps, regions + 1, letters.effort
        if regions > MOST_REGIONS:
            raise Untracked
    return merged(found)


def merged(boxes: Sequence[Box]) -> list[Box]:
    """A single box if the letters do not depend on each other; else those that differ in one letter only as one."""
    if boxes:
        # one box, if the union is one; pairs are only looked for where it is not
        boxes = SizeBoxes.of(tuple(boxes[0]), boxes).boxes
    rest = list(boxes)
    done: list[Box] = []
    while rest:
        box = rest.pop()
        joined = next(((i, j) for i, other in enumerate(rest) if (j := _joined(box, other)) is not None), None)
        if joined is None:
            done.append(box)
        else:
            rest[joined[0]] = joined[1]
            # what found no partner may find one in the larger box
            rest += done
            done = []
    return done


def _joined(one: Box, other: Box) -> Box | None:
    """Both as a single box; None where they are not."""
    different = [name for name in one if one[name] != other[name]]
    if len(different) != 1:
        return None
    return {**one, different[0]: one[different[0]] | other[different[0]]}


class _Follower:
    """Follows one set of shapes through a model."""

    def __init__(self, model: Model, most: int, training: bool) -> None:
        self.model = model
        self.most = most
        self.training = training
        self.steps = 0
        self.known: dict[tuple[int, str], tuple[Shape, ...]] = {}

    def runs(self, inputs: tuple[Shape, ...]) -> bool:
        """Whether nothing stops them."""
        try:
            self._body(len(self.model.bodies) - 1, inputs)
        except DoesNotFit:
            return False
        except OpError as error:
            if isinstance(error.problem, UNTRACKED):
                raise Untracked from None
            return False
        return True

    def _body(self, number: int, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        # by text: `==` of formulas would split the letters
        key = number, repr(inputs)
        if key not in self.known:
            body = self.model.bodies[number]
            values = {Ref(-1, port): shape for port, shape in enumerate(inputs)}
            for index, node in enumerate(body.nodes):
                # an auxiliary head that runs in training only must not narrow what evaluation takes
                if self.training or index not in body.training:
                    self._node(body, index, node, values)
            self.known[key] = tuple(values.get(ref, ()) for ref in body.outputs)
        return self.known[key]

    def _node(self, body: Body, index: int, node: Node, values: dict[Ref, Shape]) -> None:
        inputs = tuple(values[ref] for ref in node.inputs)
        match node:
            case Layer():
                outputs = self._layer(node, inputs)
                if isinstance(node.op, MaxUnpool):
                    _check_restored(body, node, values, outputs[0])
            case Call():
                outputs = self._body(node.body, inputs)
            case Repeat():
                outputs = self._repeat(node, inputs)
        values.update({Ref(index, port): shape for port, shape in enumerate(outputs)})

    def _layer(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        self.steps += 1
        if self.steps > self.most:
            raise Untracked
        return running_shapes(layer.op, inputs)

    def _repeat(self, repeat: Repeat, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        # port 0 flows from copy to copy, the other ports are labels that every copy reads
        flow, *others = inputs
        for run in repeat.runs:
            for _ in range(run.count):
                self.steps += 1
                if self.steps > self.most:
                    raise Untracked
                before, flow = flow, self._body(run.body, (flow, *others))[0]
                # all further copies would do the same; labels from outside do not change from copy to copy
                if repr(flow) == repr(before):
                    break
        return (flow,)


def _check_restored(body: Body, unpool: Layer, values: Mapping[Ref, Shape], output: Shape) -> None:
    """Unpooling restores the map that its pooling read: torch puts the values elsewhere otherwise, or fails."""
    pool = body.nodes[unpool.inputs[-1].node] if unpool.inputs[-1].node >= 0 else None
    if isinstance(pool, Layer) and pool.inputs and values[pool.inputs[0]][1:] != output[1:]:
        raise DoesNotFit


def letter_inputs(shapes: Sequence[Sequence[int | str]]) -> Inputs:
    """Inputs whose free sizes are plain letters."""
    return lambda letters: tuple(
        tuple(Dim.of(letters, size) if isinstance(size, str) else size for size in shape) for shape in shapes
    )


def all_sizes(shapes: Sequence[Sequence[int | str]]) -> Box:
    """Every size for each letter of some shapes."""
    return {size: SizeSet.of() for shape in shapes for size in shape if isinstance(size, str)}
