"""Bodies of one block that differ by optional parts, brought into one row of steps: what some of them leave out.

A body fits another if leaving steps out of the other, so that one of their inputs flows on instead, gives just it.
Chains of modules fit each other in any case: what only one of them has stands where it has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from archlang.backends.torch_source.steps import Part, Row, Segment, Step
from archlang.ir.graph import Ref

EFFORT = 2_000
"""Steps of a search for the parts that a body leaves out."""

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


@dataclass
class _Search:
    """Which steps of a template make another body."""

    template: Part
    part: Part
    fits: Fits
    image: dict[Ref, Ref] = field(default_factory=dict[Ref, Ref])
    places: list[int | None] = field(default_factory=list[int | None])
    aliases: list[Ref | None] = field(default_factory=list[Ref | None])
    effort: int = 0

    def found(self) -> bool:
        """Whether there is a way; then `places` and `aliases` hold it."""
        ports = {ref.port for step in self.template.steps for ref in step.inputs if ref.node < 0}
        ports |= {ref.port for ref in self.template.outputs if ref.node < 0}
        # inputs stand for themselves; values of left out steps stand for what flows on instead
        self.image = {Ref(-1, port): Ref(-1, port) for port in ports}
        return self._from(0, 0)

    def _from(self, index: int, place: int) -> bool:
        # each step may be taken or left out: a search through all ways of long bodies would not end
        self.effort += 1
        if self.effort > EFFORT:
            return False
        if index == len(self.template.steps):
            outputs = tuple(self.image[ref] for ref in self.template.outputs)
            return place == len(self.part.steps) and outputs == self.part.outputs
        return self._take(index, place) or self._leave_out(index, place)

    def _take(self, index: int, place: int) -> bool:
        if place == len(self.part.steps):
            return False
        step, other = self.template.steps[index], self.part.steps[place]
        if other.inputs != tuple(self.image[ref] for ref in step.inputs) or not self.fits(step, other):
            return False
        for port in range(len(step.outputs)):
            self.image[Ref(index, port)] = Ref(place, port)
        return self._go_on(index, place, None, place + 1)

    def _leave_out(self, index: int, place: int) -> bool:
        step = self.template.steps[index]
        # what is left of the template must still give all that is left of the body
        if len(step.outputs) != 1 or len(self.template.steps) - index <= len(self.part.steps) - place:
            return False
        # the value made last is most likely the main path: without its sum, `ADD{ _, ... }` hands on the branch
        for alias in sorted(set(step.inputs), key=lambda ref: -ref.node):
            self.image[Ref(index)] = self.image[alias]
            if self._go_on(index, None, alias, place):
                return True
        return False

    def _go_on(self, index: int, place: int | None, alias: Ref | None, following: int) -> bool:
        self.places.append(place)
        self.aliases.append(alias)
        if self._from(index + 1, following):
            return True
        self.places.pop()
        self.aliases.pop()
        return False


def _chained(parts: Sequence[Part], fits: Fits) -> Alignment:
    """Chains, one after the other laid over what those before them have."""
    drafts: list[Draft] = []
    for number, part in enumerate(parts):
        pairs = _common(drafts, part.steps, fits)
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


def _common(drafts: Sequence[Draft], steps: Sequence[Step], fits: Fits) -> list[tuple[int, int]]:
    """The longest common part of two chains, as pairs of places."""
    best = [[0] * (len(steps) + 1) for _ in range(len(drafts) + 1)]
    # the usual table of a longest common subsequence, from the ends
    for known in range(len(drafts) - 1, -1, -1):
        for own in range(len(steps) - 1, -1, -1):
            skipped = max(best[known + 1][own], best[known][own + 1])
            taken = best[known + 1][own + 1] + 1 if fits(drafts[known].step, steps[own]) else 0
            best[known][own] = max(skipped, taken)
    pairs: list[tuple[int, int]] = []
    known, own = 0, 0
    while known < len(drafts) and own < len(steps):
        if best[known][own] == best[known + 1][own + 1] + 1 and fits(drafts[known].step, steps[own]):
            pairs.append((known, own))
            known, own = known + 1, own + 1
        elif best[known + 1][own] >= best[known][own + 1]:
            known += 1
        else:
            own += 1
    return pairs
