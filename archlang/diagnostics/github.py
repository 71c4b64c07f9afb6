"""Diagnostics as commands of GitHub Actions, which shows them beside the changed lines. Prints nothing.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands; escapes as in actions/toolkit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archlang.diagnostics import Diagnostic
from archlang.diagnostics.sarif import message_lines

# `%` too, as the runner turns escapes back and a text may hold `%0A` itself; `:` and `,` end a property
DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = {**DATA, ":": "%3A", ",": "%2C"}


def to_commands(diagnostics: Iterable[Diagnostic]) -> str:
    """`::error file=net.arch,line=4,...::message`, a line for each diagnostic."""
    return "".join(f"{_command(diagnostic)}\n" for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    properties = ",".join(f"{name}={_escaped(str(value), PROPERTY)}" for name, value in _properties(diagnostic))
    return f"::{diagnostic.severity} {properties}::{_escaped(_visible(diagnostic), DATA)}"


def _properties(diagnostic: Diagnostic) -> Iterator[tuple[str, object]]:
    """Columns are understood on one line only; of several lines all are marked."""
    # `-D` and `<stdin>` are no files that a change could show
    if not diagnostic.file.startswith(("-", "<")):
        yield "file", diagnostic.file
    if span := diagnostic.span:
        end_line, end_column = span.end_position
        yield from (("line", span.line), ("endLine", end_line))
        yield from (("col", span.column), ("endColumn", end_column)) if span.line == end_line else ()
    yield "title", f"archc {diagnostic.code}"


def _visible(diagnostic: Diagnostic) -> str:
    return "\n".join(message_lines(diagnostic))


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(char, char) for char in text)
