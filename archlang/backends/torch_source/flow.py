"""The steps of `forward`, in their order: bodies followed through their graph, short repeats written out.

All bodies of a class are followed at once. Nothing is written here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from archlang.backends.torch_source.alignment import NotMergeable
from archlang.backends.torch_source.measures import Measures
from archlang.backends.torch_source.steps import Part, Row, Segment, Step, Style, behind, is_function, segments_of
from archlang.backends.torch_source.vectors import Vector
from archlang.backends.torch_source.words import unique
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.limits import TooManyLayers
from archlang.errors.words import shape_text
from archlang.ir.graph import Call, Layer, Ref
from archlang.ir.ops.embedding import LearnedTensor
from archlang.ir.walk import Starts, advance, name_text
from archlang.records import record

LINE_LIMIT = 20_000
"""Most steps of one `forward`: beyond it stands a repeat that cannot be a loop and is too long to be written out."""

FOLDED = frozenset({"activation", "norm", "regularisation"})
"""Families of layers that are written around the layer before them."""


@record
class Applied:
    """One step of `forward`: in each body, the values it reads and gives by number, and its name (empty without).

    A long repeat is one step, that applies its children one after the other; `children` says which of the scope's.
    The first `own` bodies are the model's, others come from samples of it. Where not all bodies have it, `present` says
    which, and `otherwise` which value stands for its own elsewhere. Those of one `stretch` are there together.
    """

    steps: tuple[Step | None, ...]
    lead: Step
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    children: tuple[int, int] = (0, 0)
    own: int = 1
    present: Vector | None = None
    otherwise: int = -1
    stretch: int = -1

    @property
    def node(self) -> Layer | Call | Segment:
        """What is applied."""
        return self.lead.node

    @property
    def reads(self) -> tuple[int, ...]:
        """All values that matter to it."""
        return self.inputs if self.present is None else (*self.inputs, self.otherwise)

    @property
    def is_idle_in_some(self) -> bool:
        """Whether it does nothing in some bodies that have it: there is nothing to crop."""
        # a crop is where its join is, but in some bodies no step at all: there is nothing to cut
        there = self.present or (True,) * len(self.steps)
        return any(step is None and has is True for step, has in zip(self.steps, there, strict=True))

    @property
    def shape(self) -> str:
        """The shapes that come out, where they change and are the same in all bodies of the model."""
        if self.is_idle_in_some:
            return ""
        steps = [step for step in self.steps[: self.own] if step is not None]
        outputs = {step.outputs for step in steps}
        # shapes that stay would be noise behind every activation
        changes = any(step.outputs != step.shapes[:1] for step in steps)
        return ", ".join(map(shape_text, outputs.pop())) if changes and len(outputs) == 1 else ""

    @property
    def folds(self) -> bool:
        """Whether it may be written around the step before it."""
        node = self.node
        return isinstance(node, Layer) and node.op.family in FOLDED and not self.shape and len(self.inputs) == 1

    @property
    def is_own(self) -> bool:
        """Whether it is a tensor of the model's own, that nothing flows into."""
        return isinstance(self.node, Layer) and isinstance(self.node.op, LearnedTensor)

    @property
    def is_sum(self) -> bool:
        """Whether it adds or multiplies its inputs."""
        return isinstance(self.node, Layer) and self.node.op.torch().target in ("+", "*")


@dataclass
class Flow:
    """The steps of bodies of equal structure, short repeats written out."""

    parts: Measures
    style: Style
    own: int
    numbers: count[int]
    applied: list[Applied] = field(default_factory=list[Applied])
    results: tuple[int, ...] = ()
    registered: int = 0

    def follow(self, parts: Sequence[Part | None], inputs: Sequence[int], starts: Starts) -> tuple[int, ...]:
        """Apply bodies to values; returns what they give. Raises `NotMergeable`."""
        rows, outputs = self.parts.aligned(parts)
        values: dict[Ref, int] = {Ref(-1, port): value for port, value in enumerate(inputs)}
        for present, places in self.parts.together(rows, parts):
            # a child of a ModuleList has no attribute that could be None: it needs an `if` of its own
            is_stretch = present is not None and (len(places) > 1 or self.style == "list")
            stretch = next(self.numbers) if is_stretch else -1
            for index in places:
                values |= self._row(rows[index], index, values, starts, present, stretch)
        return tuple(values[ref] for ref in outputs)

    def _row(
        self, row: Row, index: int, values: Mapping[Ref, int], starts: Starts, present: Vector | None, stretch: int
    ) -> dict[Ref, int]:
        """Apply one row; returns what it gives."""
        otherwise = -1 if present is None or row.alias is None else values[row.alias]
        first = len(self.applied)
        given = self._step(row, tuple(values[ref] for ref in row.inputs), starts, present, otherwise)
        # a row may become many steps, where a short repeat is written out
        self.applied[first:] = [replace(one, stretch=stretch) for one in self.applied[first:]]
        return {Ref(index, port): value for port, value in enumerate(given)}

    def _step(
        self, row: Row, inputs: tuple[int, ...], starts: Starts, present: Vector | None, otherwise: int
    ) -> tuple[int, ...]:
        node = row.lead.node
        if isinstance(node, Segment):
            if present is not None:
                raise NotMergeable
            return self._segment(row.steps, row.lead, inputs, starts)
        name = name_text(node.name, starts) if node.name else ""
        outputs = tuple(next(self.numbers) for _ in node.outputs)
        self._apply(
            Applied(row.steps, row.lead, name, inputs, outputs, own=self.own, present=present, otherwise=otherwise)
        )
        # places in `self.children()`: further uses and functions are no children
        self.registered += not (node.shared or (isinstance(node, Layer) and is_function(node, self.style)))
        return outputs

    def _apply(self, applied: Applied) -> None:
        self.applied.append(applied)
        if len(self.applied) > LINE_LIMIT:
            model = self.parts.model
            # copies that no loop can apply, as each reads a label from outside, would be a million lines
            raise Diagnosed(Diagnostic(TooManyLayers(len(self.applied), LINE_LIMIT), None, model.origin.file))

    def _segment(
        self, steps: tuple[Step | None, ...], lead: Step, inputs: tuple[int, ...], starts: Starts
    ) -> tuple[int, ...]:
        segments = segments_of(steps)
        if not self.parts.is_applied_by_name(segments, self.style):
            outputs = (next(self.numbers),)
            last = self.registered + self.parts.segment_children(segments[0])
            self._apply(Applied(steps, lead, "", inputs, outputs, (self.registered, last), self.own))
            self.registered = last
            return outputs
        # numbers are places in the list, which must be the same in all bodies
        if self.style == "list" and len({segment.starts for segment in segments}) > 1:
            raise NotMergeable
        offsets = behind(starts, segments[0])
        ends = inputs
        for body, parts in self.parts.rows(steps):
            ends = self.follow(parts, inputs, offsets)
            # copies hand on their first output; labels from outside go to each of them alike
            inputs = (ends[0], *inputs[1:])
            offsets = advance(offsets, self.parts.model.bodies[body])
        return ends


def follow(parts: Measures, bodies: Sequence[Part], style: Style, inputs: int, own: int) -> Flow:
    """The steps of bodies of equal structure, of which the first `own` are the model's."""
    flow = Flow(parts, style, own, count(inputs))
    flow.results = flow.follow(bodies, range(inputs), {})
    if any(one.present for one in flow.applied):
        # loops go by places among the children, which parts that may be missing would move
        if any(isinstance(one.node, Segment) for one in flow.applied):
            raise NotMergeable
        if style == "list":
            flow.applied = _placed(flow.applied)
    return flow


def _placed(applied: Sequence[Applied]) -> list[Applied]:
    """Steps with the places of their children, from the end where parts before them may be missing."""
    children = [one for one in applied if not (isinstance(one.node, Layer) and is_function(one.node, "list"))]
    places: dict[int, str] = {}
    for index, one in enumerate(children):
        before, behind = children[:index], children[index:]
        # `self[3]` counts from the front if all parts there are certain, `self[-1]` from the end
        if all(other.present in (None, one.present) for other in before):
            places[id(one)] = str(index)
        elif all(other.present in (None, one.present) for other in behind):
            places[id(one)] = str(-len(behind))
        else:
            raise NotMergeable
    return [replace(one, name=places.get(id(one), one.name)) for one in applied]


def attribute_names(flow: Flow) -> dict[str, str]:
    """Attributes for layers that are only numbered: `relu1` for "0", where no parameter has the number in its name."""
    kinds: dict[str, str] = {}
    for applied in flow.applied:
        node = applied.node
        if not isinstance(node, Layer) or not applied.name.isdigit() or is_function(node, flow.style):
            continue
        # renaming a part with parameters would rename its keys in the `state_dict`
        if not node.op.parameters() and not node.op.buffers():
            kinds[applied.name] = node.op.kind
    totals, taken = Counter(kinds.values()), {applied.name for applied in flow.applied}
    names: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    for name, kind in kinds.items():
        numbers[kind] += 1
        # `relu` where there is one, `relu1`, `relu2` where there are more
        wanted = kind if totals[kind] == 1 else f"{kind}{numbers[kind]}"
        names[name] = unique(wanted, taken.__contains__)
        taken.add(names[name])
    return names
