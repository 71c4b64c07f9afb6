"""What the files of elaboration pass to each other: options, makers of bodies, finished parts, limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from archlang.diagnostics import Diagnostic
from archlang.elaborate.builder import BodyBuilder, Flow
from archlang.ir import graph
from archlang.ir.ops.base import Shape
from archlang.records import record
from archlang.source import Span
from archlang.syntax import ast

CALL_DEPTH = 64
"""How deep blocks and models may call each other."""

LAYER_LIMIT = 10_000_000
"""Layers a model may expand to: above the largest anyone runs, below what would exhaust a flat view."""

WORK_LIMIT = 50_000
"""Stages that may be elaborated in one check: some seconds of work."""

STAGE_DEPTH = 200
"""How deep stages may stand in stages, through all blocks: reports and generated modules recurse as deep."""

LARGEST_SIZE = 10**9
"""Of one axis of any shape."""


@record
class Letter:
    """A letter that is given for a size of an input: the value of the parameter in whose place it stands."""

    name: str

    def __str__(self) -> str:
        return self.name


@record
class Options:
    """What the command line adds to a file: the input shape by name (None: the only input), the lectures' rule.

    A size may be a letter that is bound like a parameter, or left free.
    """

    inputs: tuple[tuple[str | None, tuple[int | str, ...]], ...] = ()
    strict: bool = False

    @property
    def letters(self) -> tuple[str, ...]:
        """Letters that stand for sizes."""
        return tuple(dict.fromkeys(size for _, shape in self.inputs for size in shape if isinstance(size, str)))

    def bound(self, values: Mapping[str, Any]) -> Options:
        """With values for letters."""
        inputs = (
            (name, tuple(values.get(n, n) if isinstance(n, str) else n for n in shape)) for name, shape in self.inputs
        )
        return replace(self, inputs=tuple(inputs)) if self.letters else self


@record
class Maker:
    """How to fill a body, and what identifies it among all that this program makes.

    `part` is the syntax that fills it: the labels and values that it names are all that it depends on.
    """

    key: tuple[Any, ...]
    make: Callable[[BodyBuilder], None]
    part: ast.Node


@record
class Part:
    """An elaborated body with what flows out of it and the defaults it relied on. `body` is None behind an error."""

    body: graph.BodyId | None
    flow: Shape | Flow
    defaults: tuple[graph.DefaultUse, ...]
    inputs: tuple[graph.Input, ...]
    sides: tuple[graph.Side, ...]
    labels: tuple[tuple[str, Span], ...]
    captured: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def origin(span: Span) -> graph.Origin:
    """A span as the IR keeps it."""
    return graph.Origin(span.source.name, span.line, span.column)
