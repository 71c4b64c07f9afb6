"""Bodies of one block that differ by optional parts, brought into one row of steps: what some of them leave out.

A body fits another if leaving steps out of the other, so that one of their inputs flows on instead, gives just it.
Chains of modules fit each other in any case: what only one of them has stands where it has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from archlang.backends.torch_source.steps import Part, Row, Segment, Step
from archlang.ir.graph import Ref
from archlang.records import record

EFFORT = 2_000
"""Choices that a search for the parts that a body leaves out may take back; it takes one for each step of the body."""

Fits = Callable[[Step, Step], bool]
"""Whether two steps are the same but for their numbers."""


class NotMergeable(Exception):
    """Bodies of one block differ in a way that no single class is written for."""


@dataclass
class Draft:
    """A row to be: what it reads, what flows on where it is left out, and which step of each body it is."""

    step: Step
    inputs: tuple[Ref, ...]
    places: list[int | None]
    alias: Ref | None = None


@dataclass
class Alignment:
    """The rows of several bodies."""

    drafts: list[Draft]
    outputs: tuple[Ref, ...]

    def rows(self, parts: Sequence[Part | None], columns: Sequence[int]) -> list[Row]:
        """The rows of parts; `columns` says which of the aligned bodies each is."""
        return [
            Row(
                tuple(_step(part, draft.places[column]) for part, column in zip(parts, columns, strict=True)),
                replace(draft.step, inputs=draft.inputs),
                draft.alias,
            )
            for draft in self.drafts
        ]


def _step(part: Part | None, place: int | None) -> Step | None:
    return None if part is None or place is None else part.steps[place]


def align(parts: Sequence[Part], fits: Fits, is_chain: bool) -> Alignment | None:
    """The rows of bodies; None where they differ by more than what some of them leave out."""
    if is_chain:
        return _chained(parts, fits)
    # others are this one with steps left out, so none of them can have a step that it lacks
    widest = max(range(len(parts)), key=lambda number: len(parts[number].steps))
    template = parts[widest]
    searches = [_Search(template, part, fits) for part in parts]
    if not all(search.found() for search in searches):
        return None
    drafts: list[Draft] = []
    for index, step in enumerate(template.steps):
        aliases = {search.aliases[index] for search in searches} - {None}
        # `forward` has one text: what flows on instead must be the same value in all bodies that lack the step
        if len(aliases) > 1 or (aliases and not _may_be_missing(step)):
            return None
        drafts.append(
            Draft(step, step.inputs, [search.places[index] for search in searches], next(iter(aliases), None))
        )
    return Alignment(drafts, template.outputs)


def _may_be_missing(step: Step) -> bool:
    return (
        len(step.outputs) == 1 and not step.training and not (not isinstance(step.node, Segment) and step.node.shared)
    )


@record
class _Choice:
    """Which step of the other body a step of the template is, or what flows on without it; `following` is next."""

    place: int | None
    alias: Ref | None
    following: int


@dataclass
class _Search:
    """Which steps of a template make another body."""

    template: Part
    part: Part
    fits: Fits
    image: dict[Ref, Ref] = field(default_factory=dict[Ref, Ref])
    places: list[int | None] = field(default_factory=list[int | None])
    aliases: list[Ref | None] = field(default_factory=list[Ref | None])

    def found(self) -> bool:
        """Whether there is a way; then `places` and `aliases` hold it."""
        ports = {ref.port for step in self.template.steps for ref in step.inputs if ref.node < 0}
        ports |= {ref.port for ref in self.template.outputs if ref.node < 0}
        # inputs stand for themselves; values of left out steps stand for what flows on instead
        self.image = {Ref(-1, port): Ref(-1, port) for port in ports}
        # what is still to be tried for each step: bodies are longer than Python's stack
        pending = [self._choices(0, 0)]
        left = EFFORT
        while pending and left:
            index = len(pending) - 1
            del self.places[index:], self.aliases[index:]
            if (choice := next(pending[-1], None)) is None:
                # each step may be taken or left out: a search through all ways of long bodies would not end
                left -= 1
                pending.pop()
                continue
            self.places.append(choice.place)
            self.aliases.append(choice.alias)
            if len(pending) == len(self.template.steps) and self._is_whole(choice.following):
                return True
            pending.append(self._choices(index + 1, choice.following))
        return False

    def _is_whole(self, place: int) -> bool:
        outputs = tuple(self.image[ref] for ref in self.template.outputs)
        return place == len(self.part.steps) and outputs == self.part.outputs

    def _choices(self, index: int, place: int) -> Iterator[_Choice]:
        """What may become of a step, with what it gives noted; none behind the last one."""
        if index == len(self.template.steps):
            return
        step = self.template.steps[index]
        if self._is_same(step, place):
            for port in range(len(step.outputs)):
                self.image[Ref(index, port)] = Ref(place, port)
            yield _Choice(place, None, place + 1)
        # what is left of the template must still give all that is left of the body
        if len(step.outputs) != 1 or len(self.template.steps) - index <= len(self.part.steps) - place:
            return
        # the value made last is most likely the main path: without its sum, `ADD{ _, ... }` hands on the branch
        for alias in sorted(set(step.inputs), key=lambda ref: -ref.node):
            self.image[Ref(index)] = self.image[alias]
            yield _Choice(None, alias, place)

    def _is_same(self, step: Step, place: int) -> bool:
        if place == len(self.part.steps):
            return False
        other = self.part.steps[place]
        return other.inputs == tuple(self.image[ref] for ref in step.inputs) and self.fits(step, other)


def _chained(parts: Sequence[Part], fits: Fits) -> Alignment:
    """Chains, one after the other laid over what those before them have."""
    drafts: list[Draft] = []
    for number, part in enumerate(parts):
        laid, steps = tuple(drafts), part.steps
        pairs = common_pairs(len(laid), len(steps), lambda i, j, laid=laid, steps=steps: fits(laid[i].step, steps[j]))
        merged: list[Draft] = []
        first, place = 0, 0
        for known, own in [*pairs, (len(drafts), len(part.steps))]:
            added = [Draft(part.steps[index], (), [None] * len(parts)) for index in range(place, own)]
            for index, draft in enumerate(added, start=place):
                draft.places[number] = index
            merged += _as_written(drafts[first:known], added)
            if known < len(drafts):
                # the last pair is the end of both, which is no step
                drafts[known].places[number] = own
                merged.append(drafts[known])
            first, place = known + 1, own + 1
        drafts = merged
    for index, draft in enumerate(drafts):
        draft.inputs = (Ref(index - 1),)
        # in a chain nothing but the step before can flow on instead
        draft.alias = Ref(index - 1) if None in draft.places else None
    return Alignment(drafts, (Ref(len(drafts) - 1),))


def _as_written(known: Sequence[Draft], added: Sequence[Draft]) -> list[Draft]:
    """Two stretches of a chain as one, in the order of the text where that is known."""
    both = [*known, *added]
    nodes = [draft.step.node for draft in both]
    origins = [node.origin for node in nodes if not isinstance(node, Segment)]
    places = [(origin.line, origin.column) for origin in origins]
    # places sort two stretches only if each stands in the order of the text by itself
    in_order = all(own == sorted(own) for own in (places[: len(known)], places[len(known) :]))
    if len(places) < len(both) or not in_order or len({origin.file for origin in origins}) > 1:
        return both
    return [draft for _, draft in sorted(zip(places, both, strict=True), key=lambda one: one[0])]


def common_pairs(ones: int, others: int, fits: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """The longest common part of two rows of so many items, as pairs of places that fit."""
    distances = _Distances(ones, others, fits)
    pairs: list[tuple[int, int]] = []
    one, other = 0, 0
    while one < ones and other < others:
        # taking a pair that fits never makes the rest worse
        if fits(one, other):
            pairs.append((one, other))
            one, other = one + 1, other + 1
        elif distances.of(one + 1, other) <= distances.of(one, other + 1):
            one += 1
        else:
            other += 1
    return pairs


class _Distances:
    """How many items of two rows stand behind each pair of places that have no fellow in the other.

    Found from the ends, by Myers: An O(ND) Difference Algorithm and Its Variations. Algorithmica 1, 1986. On a diagonal
    (places that differ by as much) distances fall towards the end, so where each begins says all. Time and room grow
    with the length times the distance, and with the square of this: chains of thousands that differ by little are fast.
    """

    def __init__(self, ones: int, others: int, fits: Callable[[int, int], bool]) -> None:
        self.ones, self.others, self.fits = ones, others, fits
        self.begins: list[dict[int, int]] = []
        """For each distance and diagonal the first place of the one row that is no further from the ends."""
        while not self.begins or self.begins[-1].get(0, 1) > 0:
            self.begins.append(self._next())

    def _next(self) -> dict[int, int]:
        found: dict[int, int] = {}
        distance = len(self.begins)
        if not distance:
            return {self.ones - self.others: self._run(self.ones, self.others)}
        for diagonal, known in self.begins[-1].items():
            own = known - diagonal
            for one, other in ((known - 1, own), (known, own - 1)):
                if one >= 0 and other >= 0:
                    reached = self._run(one, other)
                    found[one - other] = min(reached, found.get(one - other, reached))
        return found

    def _run(self, one: int, other: int) -> int:
        """Where the pairs that fit begin, of those right in front of two places."""
        while one and other and self.fits(one - 1, other - 1):
            one, other = one - 1, other - 1
        return one

    def of(self, one: int, other: int) -> int:
        """The items without a fellow behind two places."""
        diagonal = one - other
        known = enumerate(self.begins)
        # places beside the shortest way may be further from the ends than the way is long
        return next((n for n, begins in known if begins.get(diagonal, one + 1) <= one), len(self.begins))
