"""Diagnostics as data: what is wrong, where, how one came there, and ways out. `text.py` and `json.py` render them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from archlang.records import record
from archlang.source import Span

Severity = Literal["error", "warning"]


@record
class Problem:
    """What is wrong, without a place: one subclass for each code, with typed fields and the words made from them.

    Wording: the fact in `message`, lower case and without a full stop; what the carets mean in `label`; context and
    arithmetic in `notes`; ways out that need no edit in `advice`. The docstring is the page of `archc explain`: its
    first line says what it is, the last paragraph why it is an error; `errors/examples` has an example of each.
    """

    code: ClassVar[str]
    severity: ClassVar[Severity] = "error"

    @property
    def message(self) -> str:
        """The fact, in one line."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """What stands at the marked place; empty when the message says it all."""
        return ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Context: the arithmetic with the user's own numbers."""
        return ()

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do, in words."""
        return ()


@record
class Label:
    """A second place that belongs to a diagnostic, with what it says there."""

    span: Span
    text: str


@record
class Edit:
    """Replace the characters of `span` (none, to insert) by `text`."""

    span: Span
    text: str


@record
class Help:
    """A way out: in words, and as edits where it is certain what to write.

    `safe` edits say what the author evidently meant, so that `archc check --fix` applies them; others choose between
    architectures (`padding=1` or `stride=2`), which is the author's to do. `changes` is the layer that an edit
    concerns: what then comes out of it is added to the message when the edit is tried.
    """

    message: str
    edits: tuple[Edit, ...] = ()
    safe: bool = False
    changes: Span | None = field(default=None, compare=False, repr=False)


@record
class Diagnostic:
    """A problem at its place. `span` is None for what has no place in a text (a file that is not there).

    `trail` is the chain of expansions that led there, innermost first; `helps` were tried and come out clean. `denied`
    makes a warning an error.
    """

    problem: Problem
    span: Span | None
    file: str
    secondary: tuple[Label, ...] = ()
    trail: tuple[Label, ...] = ()
    helps: tuple[Help, ...] = ()
    candidates: tuple[Help, ...] = field(default=(), compare=False, repr=False)
    denied: bool = False

    @property
    def code(self) -> str:
        """The stable name of the problem's kind."""
        return self.problem.code

    @property
    def severity(self) -> Severity:
        """`error` or `warning`."""
        return "error" if self.denied else self.problem.severity

    @property
    def message(self) -> str:
        """The fact, in one line."""
        return self.problem.message

    @property
    def all_helps(self) -> tuple[Help, ...]:
        """Helps with edits first, then the advice in words."""
        # advice in words may be what an edit does already
        shown = {remedy.message for remedy in self.helps}
        return self.helps + tuple(Help(text) for text in self.problem.advice if text not in shown)


class Diagnosed(Exception):
    """Raised to give up a stage; carries the diagnostic that says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class ArchitectureError(Exception):
    """An architecture, or the request for one, is wrong. Its text is the rendered diagnostics."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        from archlang.diagnostics.text import render

        super().__init__("\n" + render(diagnostics))
        self.diagnostics = diagnostics

    def __reduce__(self) -> tuple[Any, ...]:
        # pickling would give back the text as `diagnostics`; multiprocessing sends errors by pickle
        return type(self), (self.diagnostics,)


ArchitectureError.__module__ = "archlang"  # where users find it, and where tracebacks say it is from


MOST_DIAGNOSTICS = 100
"""More than this helps nobody; a file of a million mistakes must not cost a million reports."""


@dataclass
class Collector:
    """Gathers diagnostics of one run, each (code, place) once, and no more than anyone would read."""

    items: list[Diagnostic] = field(default_factory=list[Diagnostic])
    known: set[object] = field(default_factory=set[object])

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic unless the same code already stands at the same place."""
        span = diagnostic.span
        # a block is elaborated once for each shape: the same mistake in it would be told as often
        key = (diagnostic.code, span and (span.source.name, span.start, span.end))
        if key not in self.known and not self.is_full:
            self.known.add(key)
            self.items.append(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keep several."""
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)

    @property
    def is_full(self) -> bool:
        """Whether no more are kept."""
        return len(self.items) >= MOST_DIAGNOSTICS

    @property
    def errors(self) -> int:
        """How many are errors."""
        return sum(d.severity == "error" for d in self.items)
