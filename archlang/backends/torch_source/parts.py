"""Bodies as the source writer reads them: flattening pulled out in front, copies sorted by their structure.

A flattening that the compiler put at the start of a body (`[FC -> RELU]*2` behind a convolution) is moved in front of
the group, block or repeat, as people write it: `x = torch.flatten(x, 1)`. Copies of a repeat are cut into segments of
equal structure, so that each segment can be one loop. Nothing is expanded here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from archlang.ir.graph import BodyId, Call, Layer, Model, Name, Ref, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.walk import Starts, advance


@dataclass(frozen=True, slots=True)
class Copies:
    """`count` copies of a body in a row. `whole` keeps the flattening at its start inside."""

    body: BodyId
    count: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """Copies of equal structure. `starts` says where automatic names begin, relative to the enclosing body."""

    runs: tuple[Copies, ...]
    starts: tuple[tuple[str, int], ...]

    @property
    def count(self) -> int:
        """Copies of all runs."""
        return sum(run.count for run in self.runs)


@dataclass(frozen=True, slots=True)
class Step:
    """One node with the values it reads: outputs of other steps, or inputs of the body where `node` is -1."""

    node: Layer | Call | Segment
    inputs: tuple[Ref, ...]
    shapes: tuple[Shape, ...]
    outputs: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
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


def shift_all(refs: tuple[Ref, ...], by: int) -> tuple[Ref, ...]:
    """References behind `by` steps that were put in front of a chain."""
    return tuple(Ref(ref.node + by, ref.port) for ref in refs)


def shifted(steps: tuple[Step, ...], by: int) -> tuple[Step, ...]:
    """Steps of a chain, behind `by` others."""
    return tuple(replace(step, inputs=shift_all(step.inputs, by)) for step in steps)


class Parts:
    """The parts of a model, each made once."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._structures: dict[object, int] = {}
        self.part = cache(self._part)
        self.structure = cache(self._structure)
        self.size = cache(self._size)

    def of(self, run: Copies) -> Part:
        """The part that one copy of a run is."""
        part = self.part(run.body)
        return part.whole if run.whole else part

    def _part(self, body_id: BodyId) -> Part:
        body = self.model.bodies[body_id]
        steps: list[Step] = []
        moved: dict[Ref, Ref] = {}
        for index, node in enumerate(body.nodes):
            refs = tuple(moved.get(ref, ref) for ref in node.inputs)
            shapes = tuple(body.shape_of(ref) for ref in node.inputs)
            for piece, outputs in self._pieces(node):
                steps.append(Step(piece, refs, shapes, outputs))
                refs, shapes = tuple(Ref(len(steps) - 1, port) for port in range(len(outputs))), outputs
            moved |= {Ref(index, port): ref for port, ref in enumerate(refs)}
        outputs = tuple(moved.get(ref, ref) for ref in body.outputs)
        return _with_lead(tuple(steps), outputs)

    def _pieces(self, node: Layer | Call | Repeat) -> Iterator[tuple[Layer | Call | Segment, tuple[Shape, ...]]]:
        """A node as the steps it becomes, with their outputs."""
        match node:
            case Layer():
                yield node, node.outputs
            case Call():
                yield from self._lead(node.body)
                yield node, node.outputs
            case Repeat():
                yield from self._segments(node)

    def _lead(self, body: BodyId) -> Iterator[tuple[Layer, tuple[Shape, ...]]]:
        for step in self.part(body).lead:
            assert isinstance(step.node, Layer)
            yield step.node, step.outputs

    def _segments(self, repeat: Repeat) -> Iterator[tuple[Layer | Segment, tuple[Shape, ...]]]:
        starts: Starts = dict(repeat.starts)
        pending: list[Copies] = []
        first = starts
        for run in repeat.runs:
            if not run.count:
                continue
            copies = Copies(run.body, run.count, run.count > 1 and bool(self.part(run.body).lead))
            lead = () if copies.whole else tuple(self._lead(run.body))
            if pending and (lead or self._differs(pending[0], copies)):
                yield Segment(tuple(pending), tuple(first.items())), self._given(pending)
                pending = []
            yield from lead
            first = first if pending else starts
            pending.append(copies)
            starts = advance(starts, self.model.bodies[run.body], run.count)
        if pending:
            yield Segment(tuple(pending), tuple(first.items())), self._given(pending)

    def _given(self, runs: list[Copies]) -> tuple[Shape, ...]:
        body = self.model.bodies[runs[-1].body]
        return tuple(body.shape_of(ref) for ref in body.outputs)

    def _differs(self, one: Copies, other: Copies) -> bool:
        return self.structure(one.body, one.whole, True) != self.structure(other.body, other.whole, True)

    def _structure(self, body_id: BodyId, whole: bool = False, labels_vary: bool = False) -> int:
        """A number that is equal for bodies that differ only in numbers (and in labels, if those may vary)."""
        part = self.of(Copies(body_id, 1, whole))
        faces = tuple((step.inputs, self._face(step, labels_vary)) for step in part.steps)
        return self._structures.setdefault((faces, part.outputs), len(self._structures))

    def _face(self, step: Step, labels_vary: bool) -> object:
        node = step.node
        match node:
            case Layer():
                target = node.op.torch().target
                return "layer", _name_face(node.name, labels_vary), type(node.op), target, node.init
            case Call():
                definition = self.model.bodies[node.body].definition
                return "call", _name_face(node.name, labels_vary), definition, self.structure(node.body)
            case Segment(runs=(run, *_)):
                return "segment", self.structure(run.body, run.whole, True)
            case _:
                raise AssertionError("a segment has runs")

    def _size(self, body_id: BodyId) -> int:
        """How many lines one copy of a body takes, with all its repeats written out."""
        total = 0
        for step in self.part(body_id).steps:
            node = step.node
            match node:
                case Layer():
                    total += node.name is not None
                case Call():
                    total += 2 if self.model.bodies[node.body].definition else 1 + self.size(node.body)
                case Segment():
                    total += self.run_size(node)
        return total

    def run_size(self, segment: Segment) -> int:
        """How many lines a segment takes, written out."""
        return sum(self.size(run.body) * run.count for run in segment.runs)


def _name_face(name: Name | None, labels_vary: bool) -> object:
    """What a name adds to the structure: not its number, which follows from what stands before."""
    if name is None or name.index is not None:
        return name and ("kind", name.base)
    return "label" if labels_vary else ("label", name.base)


def _with_lead(steps: tuple[Step, ...], outputs: tuple[Ref, ...]) -> Part:
    lead = 0
    if is_chain(steps):
        while lead < len(steps) and isinstance(node := steps[lead].node, Layer) and node.name is None:
            lead += 1
    return Part(steps[:lead], shifted(steps[lead:], -lead), shift_all(outputs, -lead))
