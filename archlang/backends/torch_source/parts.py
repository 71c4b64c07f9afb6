"""Bodies as the source writer reads them: flattening pulled out in front, copies sorted by their structure.

A flattening that the compiler put at the start of a body (`[FC -> RELU]*2` behind a convolution) is moved in front of
the group, block or repeat, as people write it: `x = torch.flatten(x, 1)`. Copies of a repeat are cut into segments of
equal structure, so that each segment can be one loop. Nothing is expanded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property, partial
from itertools import groupby

from archlang.backends.flattening import is_put_in, takes_any_shape
from archlang.backends.torch_source.alignment import Alignment, Draft, NotMergeable, align
from archlang.backends.torch_source.conditions import Conditions
from archlang.backends.torch_source.rows import is_middle, presences
from archlang.backends.torch_source.steps import (
    Copies,
    Part,
    Row,
    Segment,
    Step,
    Style,
    is_chain,
    is_function,
    shift_all,
    shifted,
)
from archlang.backends.torch_source.vectors import Vector
from archlang.ir.graph import BodyId, Call, Layer, Model, Name, Ref, Repeat
from archlang.ir.ops.base import Op, Shape
from archlang.ir.ops.embedding import LearnedTensor
from archlang.ir.walk import Starts, advance
from archlang.syntax import ast

SHAPELESS = frozenset({"activation", "norm", "regularisation"})
"""Families of layers that give what they take, as far as shapes go."""

MOST_STRUCTURES = 16
"""Structures of one block beyond which each has a class of its own."""

Piece = tuple[Layer | Call | Segment, tuple[Shape, ...]]
"""What a node becomes, and the shapes that come out."""


class Parts:
    """The parts of a model, each made once, and how they are built.

    Each structure of the blocks `separate` has a class of its own; those of `recursive` ones have one together.
    """

    def __init__(
        self,
        model: Model,
        separate: frozenset[str] = frozenset(),
        used: frozenset[BodyId] | None = None,
        recursive: frozenset[str] = frozenset(),
        conditions: Conditions | None = None,
    ) -> None:
        self.model = model
        self.conditions = conditions or Conditions(None)
        self.separate = separate
        self.recursive = recursive
        self.used = frozenset(range(len(model.bodies))) if used is None else used
        self._structures: dict[object, int] = {}
        self._looks: dict[int, tuple[Part, int]] = {}
        self._merging: list[str] = []
        self._entangled: set[str] = set()
        # caches of this object: on the methods they would keep every model alive (ruff's B019)
        self.variants = cache(self._variants)
        self.aligned_looks = cache(self._aligned_looks)
        self.part = cache(self._part)
        self.structure = cache(self._structure)
        self.is_plain = cache(self._is_plain)
        self.is_numbered = cache(self._is_numbered)

    def of(self, run: Copies) -> Part:
        """The part that one copy of a run is."""
        part = self.part(run.body)
        return part.whole if run.whole else part

    def _part(self, body_id: BodyId) -> Part:
        body = self.model.bodies[body_id]
        steps: list[Step] = []
        # a node may become several steps, so references to it move to the last of these
        moved: dict[Ref, Ref] = {}
        for index, node in enumerate(body.nodes):
            refs = tuple(moved.get(ref, ref) for ref in node.inputs)
            shapes = tuple(body.shape_of(ref) for ref in node.inputs)
            ends = refs
            for piece, outputs in self._pieces(node):
                steps.append(Step(piece, refs, shapes, outputs, index in body.training))
                ends = tuple(Ref(len(steps) - 1, port) for port in range(len(outputs)))
                # the first value flows through the pieces; further ones (labels used inside) go to each of them
                refs, shapes = (*ends[:1], *refs[1:]), (*outputs[:1], *shapes[1:])
            moved |= {Ref(index, port): ref for port, ref in enumerate(ends)}
        outputs = tuple(moved.get(ref, ref) for ref in body.outputs)
        return _with_lead(tuple(steps), outputs)

    def _pieces(self, node: Layer | Call | Repeat) -> Iterator[Piece]:
        """A node as the steps it becomes, with their outputs."""
        match node:
            case Layer():
                yield node, node.outputs
            case Call():
                yield from self._lead(node.body)
                yield node, node.outputs
            case Repeat():
                yield from self._segments(node)

    def _lead(self, body: BodyId) -> Iterator[Piece]:
        return ((step.node, step.outputs) for step in self.part(body).lead)

    def _segments(self, repeat: Repeat) -> Iterator[Piece]:
        starts: Starts = dict(repeat.starts)
        pending: list[Copies] = []
        first = starts
        for run in repeat.runs:
            if not run.count:
                continue
            # copies that all flatten are given a map each: theirs cannot stand once in front of the loop
            copies = Copies(run.body, run.count, run.count > 1 and bool(self.part(run.body).lead))
            lead = () if copies.whole else tuple(self._lead(run.body))
            if pending and (lead or self._differs(pending[0], copies)):
                yield Segment(tuple(pending), tuple(first.items()), repeat.origin), self._given(pending)
                pending = []
            yield from lead
            # a segment's names begin where its first run does
            first = first if pending else starts
            pending.append(copies)
            starts = advance(starts, self.model.bodies[run.body], run.count)
        if pending:
            yield Segment(tuple(pending), tuple(first.items()), repeat.origin), self._given(pending)

    def _given(self, runs: list[Copies]) -> tuple[Shape, ...]:
        body = self.model.bodies[runs[-1].body]
        return tuple(body.shape_of(ref) for ref in body.outputs)

    def _differs(self, one: Copies, other: Copies) -> bool:
        return self.structure(one.body, one.whole, True) != self.structure(other.body, other.whole, True)

    def _structure(
        self, body_id: BodyId, whole: bool = False, in_loop: bool = False, counts_vary: bool | None = None
    ) -> int:
        """A number that is equal for bodies that differ only in numbers; in a loop, labels and counts may too.

        Unless it is said whether `counts_vary`, the body opens a scope of its own.
        """
        part = self.of(Copies(body_id, 1, whole))
        # a numbered nn.Sequential is applied as a whole: how many copies it has changes no word of `forward`
        is_whole = counts_vary is None and self.is_plain(body_id) and self.is_numbered(body_id)
        loops = in_loop or counts_vary or is_whole
        faces = tuple((step.inputs, step.training, self._face(step, in_loop, loops)) for step in part.steps)
        return self._structures.setdefault((faces, part.outputs), len(self._structures))

    def _face(self, step: Step, labels_vary: bool, counts_vary: bool) -> object:
        node = step.node
        match node:
            case Layer():
                return "layer", _name_face(node.name, labels_vary), _op_face(node.op), node.init, node.shared
            case Call():
                definition = self.model.bodies[node.body].definition
                return "call", _name_face(node.name, labels_vary), definition, self.variant(node.body), node.shared
            case Segment(runs=(run, *_)) if counts_vary:
                # runs of one segment are alike but for their numbers, so the first tells the structure
                return "segment", self.structure(run.body, run.whole, True)
            case Segment():
                # `forward` applies their children by places in the scope around, so repeats inside count as well
                faces = groupby(node.runs, lambda run: self.structure(run.body, run.whole, False, False))
                return "copies", tuple((face, sum(run.count for run in runs)) for face, runs in faces)

    # ---- one class for bodies that differ by optional parts

    @cached_property
    def called(self) -> list[BodyId]:
        """Bodies that open a scope."""
        nodes = (node for body in sorted(self.used) for node in self.model.bodies[body].nodes)
        return sorted({node.body for node in nodes if isinstance(node, Call)})

    def variant(self, body_id: BodyId) -> int:
        """A number that is equal for bodies that one class stands for."""
        definition = self.model.bodies[body_id].definition
        if definition in self.recursive:
            return self._structures.setdefault(("recursive", definition), len(self._structures))
        # met again while it is being grouped: the answer would depend on itself, so all in between stay apart
        if definition in self._merging:
            self._entangled.update(self._merging[self._merging.index(definition) :])
        if definition is None or definition in self.separate or definition in self._merging:
            return self.structure(body_id)
        variants = self.variants(definition)  # first: blocks that hold themselves are told apart inside
        structure = self.structure(body_id)
        return variants.get(structure, structure)

    def _variants(self, definition: str) -> dict[int, int]:
        """For each structure of a block the first of those that share a class with it."""
        self._merging.append(definition)
        try:
            groups = self._grouped(definition)
            return {} if definition in self._entangled else groups
        finally:
            self._merging.pop()

    def _grouped(self, definition: str) -> dict[int, int]:
        found: dict[int, BodyId] = {}
        for body in self.called:
            if self.model.bodies[body].definition == definition:
                found.setdefault(self.structure(body), body)
        # a class with a condition for everything reads worse than several classes
        if len(found) == 1 or len(found) > MOST_STRUCTURES:
            return {}
        groups: list[list[int]] = []
        # the widest first, as others are it with steps left out
        for structure in sorted(found, key=lambda one: -len(self.part(found[one]).steps)):
            for group in groups:
                if self.merges([found[one] for one in (*group, structure)]):
                    group.append(structure)
                    break
            else:
                groups.append([structure])
        return {structure: group[0] for group in groups for structure in group}

    def merges(self, bodies: list[BodyId]) -> bool:
        """Whether one class can stand for bodies."""
        parts = [self.part(body) for body in bodies]
        faces = {
            (len(self.model.bodies[body].inputs), len(part.outputs), bool(part.lead))
            for body, part in zip(bodies, parts, strict=True)
        }
        counts_vary = all(self.is_plain(body) and self.is_numbered(body) for body in bodies)
        alignment = self._align(parts, counts_vary) if len(faces) == 1 else None
        return alignment is not None and all(map(self._may_be_missing, alignment.drafts))

    def _may_be_missing(self, draft: Draft) -> bool:
        """Whether the bodies that lack a row do so because the author left it to a condition; or none does."""
        if None not in draft.places or is_middle(draft.step.node):
            return True
        return self.conditions.at(draft.step.node.origin) is not None

    def look(self, part: Part) -> int:
        """A number that is equal for parts of which each step is like that of the others."""
        if id(part) not in self._looks:
            faces = tuple((step.inputs, step.training, self._face(step, True, True)) for step in part.steps)
            # the part is kept with its number: a part that is freed would leave its id to another
            self._looks[id(part)] = (
                part,
                self._structures.setdefault(("look", faces, part.outputs), len(self._structures)),
            )
        return self._looks[id(part)][1]

    def aligned(self, parts: Sequence[Part | None]) -> tuple[list[Row], tuple[Ref, ...]]:
        """The steps of parts in rows, and what they give. Raises `NotMergeable`."""
        given = [part for part in parts if part is not None]
        # most often all look alike, and their steps stand side by side without a search
        looks = {self.look(part): part for part in reversed(given)}
        if len(looks) == 1:
            steps = given[0].steps
            rows = [Row(tuple(part and part.steps[i] for part in parts), step) for i, step in enumerate(steps)]
            return rows, given[0].outputs
        # one search for each set of looks, however many bodies there are of each
        order = tuple(dict.fromkeys(self.look(part) for part in given))
        alignment = self.aligned_looks(order)
        if alignment is None:
            raise NotMergeable
        columns = [0 if part is None else order.index(self.look(part)) for part in parts]
        return alignment.rows(parts, columns), alignment.outputs

    def keeps_shapes(self, condition: ast.Expression) -> bool:
        """Whether what a condition decides about lets pass whatever shape there is."""
        nodes = (node for body in self.used for node in self.model.bodies[body].nodes)
        parts = [node for node in nodes if any(one.node is condition for one in self.conditions.at(node.origin) or ())]
        return bool(parts) and all(isinstance(node, Layer) and node.op.family in SHAPELESS for node in parts)

    def together(self, rows: Sequence[Row], parts: Sequence[Part | None]) -> Iterator[tuple[Vector | None, list[int]]]:
        """The places of rows that follow each other and are there together, for the same reason, with where they are.

        What is there as often for another reason is not there together: for other arguments the two may differ.
        """
        there = presences(rows, parts)
        reasons = [self.conditions.at(row.lead.node.origin) for row in rows]
        keys = [(present, None if present is None else why) for present, why in zip(there, reasons, strict=True)]
        for (present, _), places in groupby(range(len(rows)), keys.__getitem__):
            yield present, list(places)

    def _aligned_looks(self, looks: tuple[int, ...]) -> Alignment | None:
        known = {look: part for part, look in self._looks.values()}
        return self._align([known[look] for look in looks], counts_vary=True)

    def _align(self, parts: list[Part], counts_vary: bool) -> Alignment | None:
        """The rows of parts. Numbers of copies may vary where a chain is run as a whole, not by places in `forward`."""
        # chains of numbered modules need no `forward`, so any of them can be laid over each other
        chains = all(part.is_chain and part.steps and all(step.is_plain for step in part.steps) for part in parts)
        numbered = all(_is_numbered(step.node) for part in parts for step in part.steps)
        return align(parts, partial(self._fits, counts_vary), chains and numbered)

    def _fits(self, counts_vary: bool, one: Step, other: Step) -> bool:
        """Whether two steps stand at one place and are the same but for numbers, and for what groups leave out."""
        if _place(one.node) != _place(other.node):
            return False
        if self._face(one, False, counts_vary) == self._face(other, False, counts_vary):
            return one.training == other.training
        left, right = one.node, other.node
        if not isinstance(left, Call) or not isinstance(right, Call) or left.name != right.name or left.shared:
            return False
        if {self.model.bodies[node.body].definition for node in (left, right)} != {None}:
            return False
        return self.merges([left.body, right.body])

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
            function = style is not None and isinstance(node, Layer) and is_function(node, style)
            if numbered == function or node.shared:
                return False
        return True


def _is_numbered(node: Layer | Call | Segment) -> bool:
    """Whether a part takes the next number of its scope."""
    return not isinstance(node, Segment) and node.name is not None and node.name.base == ""


def _place(node: Layer | Call | Segment) -> object:
    """Where a part was written; a repeat is known by what it repeats."""
    return None if isinstance(node, Segment) else node.origin


def _op_face(op: Op) -> object:
    """What a layer adds to the structure: arguments whose value can be told wherever torch's default is left out."""
    call = op.torch()
    fixed = (op.std, op.fill) if isinstance(op, LearnedTensor) else ()
    # an argument that is a field has a value even where torch's default is left out, so it may be missing in some
    return type(op), call.target, tuple(a.name for a in call.arguments if not hasattr(op, a.name)), fixed


def _name_face(name: Name | None, labels_vary: bool) -> object:
    """What a name adds to the structure: not its number, which follows from what stands before."""
    if name is None or name.index is not None:
        # a number may differ between bodies without making another structure: `conv1` here is `conv3` there
        return name and ("kind", name.base)
    return "label" if labels_vary else ("label", name.base)


def _with_lead(steps: tuple[Step, ...], outputs: tuple[Ref, ...]) -> Part:
    """The part whose steps these are: a flattening goes in front of them, past layers that no shape matters to."""
    before = next((place for place, step in enumerate(steps) if not takes_any_shape(step.node)), len(steps))
    # one that the author wrote stays where it is
    if before == len(steps) or not is_put_in(steps[before].node) or not is_chain(steps):
        return Part((), steps, outputs)
    flat = steps[before].outputs
    lead = replace(steps[before], inputs=(Ref(-1),), shapes=steps[0].shapes)
    # dropout in front of it reads the flat numbers then, of which it drops as many
    first = tuple(replace(step, shapes=flat, outputs=flat) for step in steps[:before])
    return Part((lead,), first + shifted(steps[before + 1 :], -1), shift_all(outputs, -1))
