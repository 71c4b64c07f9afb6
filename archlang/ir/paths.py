"""Finds the part of a model that a path such as `features.0` names: the way to it through bodies and repeats."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import UnknownPath
from archlang.errors.words import MOST_COMPARED, closest
from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Repeat
from archlang.ir.walk import Starts, Totals, advance, copies, flatten, is_shared, layer_totals, name_text
from archlang.records import record

LONGEST_NUMBER = 18
"""Digits of a number in a name: no model has so many layers."""


@record
class Step:
    """Node `index` of a body; where it is a repeat, also which of its runs and which copy of that."""

    body: BodyId
    index: int
    run: int = 0
    copy: int = 0


@record
class Place:
    """A named layer or call with the steps that lead to it from the model's own body; the last is itself."""

    model: Model
    path: str
    steps: tuple[Step, ...]

    @property
    def body(self) -> Body:
        """The body that it stands in."""
        return self.model.bodies[self.steps[-1].body]

    @property
    def node(self) -> Layer | Call:
        """The part itself."""
        node = self.body.nodes[self.steps[-1].index]
        assert not isinstance(node, Repeat)
        return node

    def totals(self, of_bodies: tuple[Totals, ...]) -> Totals:
        """Totals of the part as if it stood alone, given those of the model's bodies."""
        return of_bodies[self.node.body] if isinstance(self.node, Call) else layer_totals(self.body, self.node)

    @property
    def shared(self) -> bool:
        """Whether it uses the weights of an earlier part."""
        return any(is_shared(self.model.bodies[step.body].nodes[step.index]) for step in self.steps)

    @property
    def training(self) -> bool:
        """Whether it runs in training only."""
        return any(step.index in self.model.bodies[step.body].training for step in self.steps)


def find_place(model: Model, path: str) -> Place | tuple[str, ...]:
    """The part with a path; where there is none, paths that stand in the last scope that there is, not all of many."""
    body, steps, prefix = len(model.bodies) - 1, (), ""
    for word in path.split("."):
        found = next(_with_name(model, body, {}, word), None)
        if found is None:
            return tuple(prefix + name for name in islice(_names(model, body, {}), MOST_COMPARED))
        # one word may lead through several repeats, which have no names of their own.
        steps, prefix = (*steps, *found), f"{prefix}{word}."
        place = Place(model, prefix[:-1], steps)
        if isinstance(place.node, Layer):
            # a layer has no parts: `conv1.weight` is a path too far.
            return place if place.path == path else ()
        body = place.node.body
    return Place(model, path, steps)


def require_place(model: Model, path: str) -> Place:
    """The part with a path. Raises `Diagnosed`, with the nearest name, if there is none."""
    found = find_place(model, path)
    if isinstance(found, Place):
        return found
    raise Diagnosed(Diagnostic(unknown_path(model, path, found), None, model.origin.file))


def unknown_path(model: Model, path: str, beside: tuple[str, ...]) -> UnknownPath:
    """The problem of a path that does not exist, with those of the scope that it leads to."""
    # a model may have millions of layers: only the first are compared.
    every = (flat.path for flat in islice(flatten(model), MOST_COMPARED // 2))
    suggestion = closest(path, beside) or closest(path, every)
    return UnknownPath(path, suggestion, model.name, beside)


def _names(model: Model, body_id: BodyId, starts: Starts) -> Iterator[str]:
    """Names of one scope, through its repeats."""
    for node in model.bodies[body_id].nodes:
        if not isinstance(node, Repeat):
            if node.name is not None:
                yield name_text(node.name, starts)
            continue
        for inner, count, offsets in copies(model, node, starts):
            for _ in range(count):
                yield from _names(model, inner, offsets)
                offsets = advance(offsets, model.bodies[inner])


def _with_name(model: Model, body_id: BodyId, starts: Starts, word: str) -> Iterator[tuple[Step, ...]]:
    """The ways to what has a name in one scope. Of many copies only those are entered that the number leads to."""
    for index, node in enumerate(model.bodies[body_id].nodes):
        if not isinstance(node, Repeat):
            if node.name is not None and name_text(node.name, starts) == word:
                yield (Step(body_id, index),)
            continue
        for run, (inner, count, offsets) in enumerate(copies(model, node, starts)):
            for copy in _copies_with(model.bodies[inner], count, offsets, word):
                step = Step(body_id, index, run, copy)
                there = advance(offsets, model.bodies[inner], copy)
                # repeats in repeats: their names run on in the same scope.
                yield from ((step, *steps) for steps in _with_name(model, inner, there, word))


def _copies_with(body: Body, count: int, starts: Starts, word: str) -> list[int]:
    """Which of so many copies of a body can hold a name: by its number; the first where it is a label."""
    found = {0} if count else set[int]()
    for base, taken in body.names:
        digits = word.removeprefix(base)
        # digits alone, and not too many: int() refuses more than 4,300 of them.
        if taken and word.startswith(base) and digits.isdecimal() and len(digits) <= LONGEST_NUMBER:
            # `conv5` is number 4, counted from 0; names of numbered scopes count from 0 as they stand.
            copy = (int(digits) - bool(base) - starts.get(base, 0)) // taken
            found |= {copy} if 0 <= copy < count else set()
    return sorted(found)
