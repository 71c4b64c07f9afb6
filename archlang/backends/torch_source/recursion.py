"""Blocks that hold themselves: which of them become one class that makes further objects of itself.

A block is recursive if its bodies hold others of it, at any depth and maybe through other blocks. One class stands for
all of them where they differ by what some leave out, as the innermost one does; else each depth has a class of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from archlang.backends.torch_source.conditions import Conditions
from archlang.backends.torch_source.parts import MOST_STRUCTURES, Parts
from archlang.ir.graph import BodyId, Model, bodies_of


def merged_recursions(
    model: Model, conditions: Conditions, separate: frozenset[str], used: frozenset[BodyId]
) -> frozenset[str]:
    """The recursive blocks, less `separate`, that have one class each, given that the others of them have."""
    candidates = frozenset(_recursive(model, used)) - separate
    while candidates:
        parts = Parts(model, separate, used, candidates, conditions)
        unfit = {definition for definition in candidates if not _has_one_class(parts, definition)}
        if not unfit:
            break
        # without these, others are told apart inside by their bodies, so all are asked again
        candidates -= unfit
    return candidates


def _has_one_class(parts: Parts, definition: str) -> bool:
    called = [body for body in parts.called if parts.model.bodies[body].definition == definition]
    # the first body of each structure, as the dictionary keeps the last one given
    found = {parts.structure(body): body for body in reversed(called)}
    if not 0 < len(found) <= MOST_STRUCTURES:
        return False
    # the widest first: the innermost body is the one that leaves most out
    return len(found) == 1 or parts.merges(sorted(found.values(), key=lambda one: -len(parts.part(one).steps)))


def _recursive(model: Model, used: frozenset[BodyId]) -> Iterator[str]:
    """The definitions whose bodies hold others of the same definition."""
    below: dict[str, set[str]] = {}
    inside: list[set[str]] = []
    # bodies stand behind those that they use, so what is inside is known
    for number, body in enumerate(model.bodies):
        held = {inner for node in body.nodes for inner in bodies_of(node)} if number in used else set[BodyId]()
        names = set[str]()
        for inner in held:
            name = model.bodies[inner].definition
            # a group is part of the block that it stands in
            names |= inside[inner] if name is None else {name}
        inside.append(names)
        if body.definition is not None:
            below.setdefault(body.definition, set()).update(names)
    return (name for name in below if name in _reached(below, name))


def _reached(below: dict[str, set[str]], name: str) -> set[str]:
    reached, pending = set[str](), list(below[name])
    while pending:
        if (one := pending.pop()) not in reached:
            reached.add(one)
            pending += below.get(one, ())
    return reached
