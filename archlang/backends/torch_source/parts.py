"""Bodies as the source writer reads them: flattening pulled out in front, copies sorted by their structure.

A flattening that the compiler put at the start of a body (`[FC -> RELU]*2` behind a convolution) is moved in front of
the group, block or repeat, as people write it: `x = torch.flatten(x, 1)`. Copies of a repeat are cut into segments of
equal structure, so that each segment can be one loop. Nothing is expanded here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, groupby
from typing import Literal

from archlang.ir.graph import BodyId, Call, Layer, Model, Name, Ref, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.ops.linear import Flatten
from archlang.ir.walk import Starts, advance

SHORT_REPEAT = 6
"""A repeat that takes at most so many lines is written out."""

LONGEST_FORWARD = 40
"""A repeat of more lines is a loop in `forward` where that can be."""


Style = Literal["attributes", "list"]
"""How `forward` reaches children: `self.conv1`, or `self[0]` in a subclass of `nn.ModuleList`."""


def is_function(layer: Layer, style: Style) -> bool:
    """Whether `forward` does a layer by a function. Flattening is one, unless its name is needed."""
    if not isinstance(layer.op, Flatten):
        return not layer.op.torch().is_module
    return layer.name is None or (style == "attributes" and layer.name.index is not None)


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
    training: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is a module of its own with one input and one output, as `nn.Sequential` takes them."""
        node = self.node
        single = len(self.inputs) == len(self.outputs) == 1 and not self.training
        if not single or isinstance(node, Segment) or node.shared:
            return single and isinstance(node, Segment)
        call = node.op.torch() if isinstance(node, Layer) else None
        return call is None or (call.is_module and not call.inputs and not call.call_arguments and call.result is None)


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


def segments_of(steps: Sequence[Step]) -> list[Segment]:
    """The segments of steps that are all segments."""
    return [step.node for step in steps if isinstance(step.node, Segment)]


def behind(starts: Starts, segment: Segment) -> Starts:
    """Where automatic names start in the first copy of a segment."""
    return {**starts, **{base: starts.get(base, 0) + taken for base, taken in segment.starts}}


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
        self.is_plain = cache(self._is_plain)
        self.is_numbered = cache(self._is_numbered)
        self.counted = cache(self._counted)
        self.children = cache(self._children)

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
            ends = refs
            for piece, outputs in self._pieces(node):
                steps.append(Step(piece, refs, shapes, outputs, index in body.training))
                ends = tuple(Ref(len(steps) - 1, port) for port in range(len(outputs)))
                refs, shapes = (*ends[:1], *refs[1:]), (*outputs[:1], *shapes[1:])
            moved |= {Ref(index, port): ref for port, ref in enumerate(ends)}
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

    def _structure(self, body_id: BodyId, whole: bool = False, in_loop: bool = False) -> int:
        """A number that is equal for bodies that differ only in numbers; in a loop, labels and counts may differ too."""
        part = self.of(Copies(body_id, 1, whole))
        loops = in_loop or (self.is_plain(body_id) and self.is_numbered(body_id))
        faces = tuple((step.inputs, step.training, self._face(step, in_loop, loops)) for step in part.steps)
        return self._structures.setdefault((faces, part.outputs), len(self._structures))

    def _face(self, step: Step, labels_vary: bool, counts_vary: bool) -> object:
        node = step.node
        match node:
            case Layer():
                target = node.op.torch().target
                return "layer", _name_face(node.name, labels_vary), type(node.op), target, node.init, node.shared
            case Call():
                definition = self.model.bodies[node.body].definition
                return "call", _name_face(node.name, labels_vary), definition, self.structure(node.body), node.shared
            case Segment(runs=(run, *_)) if counts_vary:
                return "segment", self.structure(run.body, run.whole, True)
            case Segment():
                faces = groupby(node.runs, lambda run: self.structure(run.body, run.whole))
                return "copies", tuple((face, sum(run.count for run in runs)) for face, runs in faces)

    def _is_plain(self, body_id: BodyId) -> bool:
        """Whether a body can be a `nn.Sequential`, or be part of one: a chain of modules."""
        part = self.part(body_id)
        if len(self.model.bodies[body_id].inputs) != 1 or not part.is_chain:
            return False
        runs = [run for step in part.steps if isinstance(step.node, Segment) for run in step.node.runs]
        return all(step.is_plain for step in part.steps) and all(self.is_plain(run.body) for run in runs)

    def _is_numbered(self, body_id: BodyId, style: Style | None = None, whole: bool = False) -> bool:
        """Whether parts are named 0, 1, 2, ..., as `nn.Sequential`, or `nn.ModuleList` (a style), does by itself."""
        for step in self.of(Copies(body_id, 1, whole)).steps:
            node = step.node
            if isinstance(node, Segment):
                if not self.is_numbered(node.runs[0].body, style, node.runs[0].whole):
                    return False
                continue
            numbered = node.name is not None and node.name.index is not None and node.name.base == ""
            function = bool(style) and isinstance(node, Layer) and is_function(node, style or "list")
            if numbered == function or node.shared:
                return False
        return True

    def labels(self, part: Part) -> Iterator[str]:
        """Labels of a scope."""
        for step in part.steps:
            if isinstance(step.node, Segment):
                for run in step.node.runs:
                    yield from self.labels(self.of(run))
            elif step.node.name and step.node.name.index is None:
                yield step.node.name.base

    def _counted(self, body_id: BodyId) -> Counter[str]:
        """Automatic names of each base in one copy of a body."""
        counted: Counter[str] = Counter()
        for step in self.part(body_id).steps:
            node = step.node
            if isinstance(node, Segment):
                for run in node.runs:
                    counted.update({base: n * run.count for base, n in self.counted(run.body).items()})
            elif node.name and node.name.index is not None:
                counted[node.name.base] += 1
        return counted

    def has_all_numbers(self, segment: Segment) -> bool:
        """Whether the automatic names of a repeat follow each other: no labelled part takes a number between them."""
        for run in segment.runs:
            taken = dict(self.model.bodies[run.body].names)
            if any(taken[base] != count for base, count in self.counted(run.body).items()):
                return False
            nested = (step.node for step in self.part(run.body).steps if isinstance(step.node, Segment))
            if not all(map(self.has_all_numbers, nested)):
                return False
        return True

    def _children(self, body_id: BodyId, whole: bool = False) -> int:
        """How many modules one copy of a plain body adds to the scope around it."""
        total = 0
        for step in self.of(Copies(body_id, 1, whole)).steps:
            if isinstance(step.node, Segment):
                total += self.segment_children(step.node)
            else:
                total += step.node.name is not None
        return total

    def segment_children(self, segment: Segment) -> int:
        """How many modules a segment adds to the scope around it."""
        return sum(self.children(run.body, run.whole) * run.count for run in segment.runs)

    def is_short(self, segments: Sequence[Segment], longest: float) -> bool:
        """Whether a repeat is written out: few lines, and as many copies in each body."""
        counts = {segment.count for segment in segments}
        return counts == {1} or (len(counts) == 1 and max(map(self.run_size, segments)) <= longest)

    def is_applied_by_name(self, segments: Sequence[Segment], style: Style) -> bool:
        """Whether `forward` applies the layers of a repeat one by one: it is short, or no plain chain of children."""
        if self.is_short(segments, LONGEST_FORWARD):
            return True
        if style == "attributes" and not all(map(self.has_all_numbers, segments)):
            return True
        return not all(self.is_plain(run.body) and not run.whole for segment in segments for run in segment.runs)

    def rows(self, segments: Sequence[Segment]) -> Iterator[tuple[tuple[BodyId, ...], list[Part]]]:
        """Copies written out: the first of each segment, the second of each, ..."""
        expanded = (chain.from_iterable([run] * run.count for run in segment.runs) for segment in segments)
        for runs in zip(*expanded, strict=True):
            yield tuple(run.body for run in runs), [self.of(run) for run in runs]

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


def _is_put_in(node: Layer | Call | Segment) -> bool:
    return isinstance(node, Layer) and node.name is None and isinstance(node.op, Flatten)


def _name_face(name: Name | None, labels_vary: bool) -> object:
    """What a name adds to the structure: not its number, which follows from what stands before."""
    if name is None or name.index is not None:
        return name and ("kind", name.base)
    return "label" if labels_vary else ("label", name.base)


def _with_lead(steps: tuple[Step, ...], outputs: tuple[Ref, ...]) -> Part:
    lead = 0
    if is_chain(steps):
        while lead < len(steps) and _is_put_in(steps[lead].node):
            lead += 1
    return Part(steps[:lead], shifted(steps[lead:], -lead), shift_all(outputs, -lead))
