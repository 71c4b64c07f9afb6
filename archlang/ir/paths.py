"""Finds the part of a model that a path such as `features.0` names: the way to it through bodies and repeats."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import UnknownPath
from archlang.errors.words import MOST_COMPARED, closest
from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Repeat
from archlang.ir.walk import Starts, advance, copies, flatten, is_shared, name_text
from archlang.records import record


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

    @property
    def shared(self) -> bool:
        """Whether it uses the weights of an earlier part."""
        return any(is_shared(self.model.bodies[step.body].nodes[step.index]) for step in self.steps)

    @property
    def training(self) -> bool:
        """Whether it runs in training only."""
        return any(step.index in self.model.bodies[step.body].training for step in self.steps)


def find_place(model: Model, path: str) -> Place | tuple[str, ...]:
    """The part with a path; where there is none, the paths that stand in the last scope that there is."""
    body, steps, prefix = len(model.bodies) - 1, (), ""
    for word in path.split("."):
        found = next((inner for name, inner in _named(model, body, {}) if name == word), None)
        if found is None:
            return tuple(prefix + name for name, _ in _named(model, body, {}))
        steps, prefix = (*steps, *found), f"{prefix}{word}."
        place = Place(model, prefix[:-1], steps)
        if isinstance(place.node, Layer):
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
    every = (flat.path for flat in islice(flatten(model), MOST_COMPARED // 2))
    suggestion = closest(path, beside) or closest(path, every)
    return UnknownPath(path, suggestion, model.name, beside)


def _named(model: Model, body_id: BodyId, starts: Starts) -> Iterator[tuple[str, tuple[Step, ...]]]:
    """Names of one scope, through its repeats, with the way to each."""
    for index, node in enumerate(model.bodies[body_id].nodes):
        if not isinstance(node, Repeat):
            if node.name is not None:
                yield name_text(node.name, starts), (Step(body_id, index),)
            continue
        for run, (inner, count, offsets) in enumerate(copies(model, node, starts)):
            for copy in range(count):
                step = Step(body_id, index, run, copy)
                yield from ((name, (step, *steps)) for name, steps in _named(model, inner, offsets))
                offsets = advance(offsets, model.bodies[inner])
