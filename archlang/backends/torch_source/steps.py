"""The steps of a body as the source writer reads them, before anything is decided about how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from typing import Literal

from archlang.ir.graph import BodyId, Call, Layer, Origin, Ref
from archlang.ir.ops.base import Shape
from archlang.ir.ops.linear import Flatten
from archlang.ir.walk import Starts
from archlang.records import record

SEQUENTIAL_METHODS = frozenset({"append", "extend", "insert", "pop"})
"""Names that no part of a `nn.Sequential` can have."""

MAPPING_METHODS = frozenset({"clear", "items", "keys", "pop", "update", "values"})
"""Names that no part of a `nn.ModuleDict` can have."""

Style = Literal["attributes", "list"]
"""How `forward` reaches children: `self.conv1`, or `self[0]` in a subclass of `nn.ModuleList`."""


def is_function(layer: Layer, style: Style) -> bool:
    """Whether `forward` does a layer by a function. Flattening is one, unless its name is needed."""
    if not isinstance(layer.op, Flatten):
        return not layer.op.torch().is_module
    return layer.name is None or (style == "attributes" and layer.name.index is not None)


@record
class Copies:
    """`count` copies of a body in a row. `whole` keeps the flattening at its start inside."""

    body: BodyId
    count: int
    whole: bool = False


@record
class Segment:
    """Copies of equal structure. `starts` says where automatic names begin, relative to the enclosing body."""

    runs: tuple[Copies, ...]
    starts: tuple[tuple[str, int], ...]
    origin: Origin = field(compare=False)

    @property
    def count(self) -> int:
        """Copies of all runs."""
        return sum(run.count for run in self.runs)


@record
class Step:
    """One node with the values it reads: outputs of other steps, or inputs of the body where `node` is -1."""

    node: Layer | Call | Segment
    inputs: tuple[Ref, ...]
    shapes: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    training: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is a module of its own with one input and one output, as `nn.Sequential` takes them."""
        node = self.node
        # nn.Sequential calls each child once, always, with one tensor, and hands on whatever comes out
        single = len(self.inputs) == len(self.outputs) == 1 and not self.training
        if not single or isinstance(node, Segment) or node.shared:
            return single and isinstance(node, Segment)
        # `add_module` refuses a name that the container has as an attribute already
        if node.name and node.name.base in SEQUENTIAL_METHODS:
            return False
        call = node.op.torch() if isinstance(node, Layer) else None
        # a module that gives a tuple, as nn.MultiheadAttention does, needs a `forward` that takes one of it
        return call is None or (call.is_module and not call.inputs and not call.call_arguments and call.result is None)


@record
class Row:
    """A step of several bodies at once: None in those that leave it out, where the value `alias` flows on instead.

    What it reads is told in the order of the rows. Of a body that is not there at all nothing is known. `lead` is the
    step in the body that has most of them, so that the names of leads differ.
    """

    steps: tuple[Step | None, ...]
    lead: Step
    alias: Ref | None = None

    @property
    def inputs(self) -> tuple[Ref, ...]:
        """What it reads."""
        return self.lead.inputs


@record
class Part:
    """A body: the flattening at its start, and its steps without it."""

    lead: tuple[Step, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Ref, ...]

    @property
    def whole(self) -> Part:
        """With the flattening among the steps."""
        return Part((), self.lead + shifted(self.steps, len(self.lead)), shift_all(self.outputs, len(self.lead)))

    @property
    def is_chain(self) -> bool:
        """Whether each step reads just what the one before it gives."""
        return is_chain(self.steps) and self.outputs == (Ref(len(self.steps) - 1),)


def is_chain(steps: Iterable[Step]) -> bool:
    """Whether each step reads just what the one before it gives."""
    return all(step.inputs == (Ref(index - 1),) and len(step.outputs) == 1 for index, step in enumerate(steps))


def segments_of(steps: Sequence[Step | None]) -> list[Segment]:
    """The segments of steps that are all segments."""
    return [step.node for step in steps if step is not None and isinstance(step.node, Segment)]


def behind(starts: Starts, segment: Segment) -> Starts:
    """Where automatic names start in the first copy of a segment."""
    return {**starts, **{base: starts.get(base, 0) + taken for base, taken in segment.starts}}


def shift_all(refs: tuple[Ref, ...], by: int) -> tuple[Ref, ...]:
    """References behind `by` steps that were put in front of a chain."""
    return tuple(Ref(ref.node + by, ref.port) for ref in refs)


def shifted(steps: tuple[Step, ...], by: int) -> tuple[Step, ...]:
    """Steps of a chain, behind `by` others."""
    return tuple(replace(step, inputs=shift_all(step.inputs, by)) for step in steps)
