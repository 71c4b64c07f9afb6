"""Which parts the author left to conditions, told by where they stand in the file: `X?(c != in_channels)`.

Nothing is looked for by values: a condition belongs to a part only if the part stands inside what it decides about.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property
from typing import Protocol

from archlang.elaborate.program import Definition, switch_name, walk
from archlang.ir.graph import Origin
from archlang.records import record
from archlang.syntax import ast

Position = tuple[int, int]
"""Line and column."""


@record(eq=False)
# equal to itself alone: a condition that stands twice in a file is two conditions
class Condition:
    """One condition: the words, and the definition that they stand in, by its chain."""

    node: ast.Expression
    chain: ast.Chain


Reason = tuple[Condition, ...]
"""All conditions that decide about a part, the outermost first."""


class Definitions(Protocol):
    """What knows the blocks and models of a file."""

    def definitions(self) -> Iterator[Definition]:
        """All definitions, those of imported files too."""
        ...


class Conditions:
    """The conditions of a file; without one, any part may be missing, and nothing says when."""

    def __init__(self, family: Definitions | None) -> None:
        self._family = family
        self.at = cache(self._at)

    def _at(self, origin: Origin) -> Reason | None:
        """The conditions around what was written at a place; None if it is always there.

        What a caller wrote in the braces of a block is none of the block's own parts: other braces hold other parts.
        """
        if self._family is None:
            return ()
        place = origin.line, origin.column
        if any(_is_inside(place, branch) for branch in self._braces.get(origin.file, ())):
            return None
        # stages are found from outside in
        around = (own for stage, own in self._optional.get(origin.file, ()) if _is_inside(place, stage))
        return tuple(condition for own in around for condition in own) or None

    @cached_property
    def _definitions(self) -> list[Definition]:
        return list(self._family.definitions()) if self._family else []

    @cached_property
    def _optional(self) -> dict[str, list[tuple[ast.Stage, Reason]]]:
        """The stages of each file that conditions decide about, with these."""
        found: dict[str, list[tuple[ast.Stage, Reason]]] = {}
        for definition in self._definitions:
            chain = definition.tree.chain
            for node in walk(chain):
                if isinstance(node, ast.Stage) and (conditions := tuple(_conditions(node, chain))):
                    found.setdefault(node.span.source.name, []).append((node, conditions))
        return found

    @cached_property
    def _braces(self) -> dict[str, list[ast.Branch]]:
        """What each file gives to blocks in braces."""
        found: dict[str, list[ast.Branch]] = {}
        for definition in self._definitions:
            for node in walk(definition.tree.chain):
                if isinstance(node, ast.Call) and node.branches and _has_holes(definition, node.word):
                    found.setdefault(node.span.source.name, []).extend(node.branches)
        return found


def _has_holes(definition: Definition, word: str) -> bool:
    called = definition.program.definitions.get(word)
    return called is not None and bool(called.tree.holes)


def _is_inside(place: Position, node: ast.Node) -> bool:
    return (node.span.line, node.span.column) <= place < node.span.end_position


def _conditions(stage: ast.Stage, chain: ast.Chain) -> Iterator[Condition]:
    """The conditions of a stage; that of an unguarded `?` is the switch of its name."""
    # the last suffix is the outermost: `X?(a)?(b)` is `[X?(a)]?(b)`
    for one in reversed(stage.suffixes):
        if isinstance(one, ast.Optional):
            yield Condition(one.condition or ast.NameUse(stage.span, switch_name(stage) or ""), chain)
