"""Which warnings the comments of a file silence.

Behind something, a comment counts for its line; alone on its line for the definition below, inside a definition for the
line below; in front of the first definition for the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from archlang.diagnostics import Diagnostic, Edit, Help
from archlang.elaborate.expressions import rename
from archlang.elaborate.program import Program
from archlang.errors.words import closest
from archlang.records import record
from archlang.source import Source, Span

if TYPE_CHECKING:
    from archlang.syntax.comments import AllowComment

Lines = tuple[int, int]
"""First and last line, both included."""

END = 1 << 62


@record
class Allowed:
    """A code that a comment allows, and for which lines."""

    code: str
    span: Span
    lines: Lines

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Whether a warning stands where the comment counts."""
        if diagnostic.code != self.code or diagnostic.span is None:
            return False
        first, last = lines_of(diagnostic.span)
        return first <= self.lines[1] and self.lines[0] <= last


def lines_of(span: Span) -> Lines:
    """The lines that a span stands on."""
    return span.line, span.end_position[0]


def find_allowed(program: Program) -> list[Allowed]:
    """All that the comments of a file allow."""
    if "allow:" not in program.source.text:
        return []
    from archlang.syntax.comments import allow_comments

    items = [lines_of(item.span) for item in program.items]
    return [
        Allowed(span.text, span, _counts_for(program.source, comment, items))
        for comment in allow_comments(program.source)
        for span in comment.codes
    ]


def _counts_for(source: Source, comment: AllowComment, items: Sequence[Lines]) -> Lines:
    line = comment.codes[0].line
    if not comment.alone:
        return line, line
    if line < items[0][0]:
        return 1, END
    if any(first <= line <= last for first, last in items):
        below = next(n for n in count(line + 1) if source.line_text(n).strip()[:1] not in ("", "#"))
        return below, below
    return next((item for item in items if item[0] > line), (END, END))


def comment_problems(
    program: Program, allowed: Sequence[Allowed], found: Sequence[Diagnostic], known: Sequence[str], complete: bool
) -> Iterator[Diagnostic]:
    """What is wrong with the comments: codes that do not exist, and, if all was looked at, what allows nothing."""
    for entry in allowed:
        if entry.code not in known:
            suggestion = closest(entry.code, known)
            from archlang.errors.unused import UnknownLint

            problem = UnknownLint(entry.code, suggestion)
            yield Diagnostic(problem, entry.span, program.source.name, candidates=rename(entry.span, suggestion, known))
        elif complete and entry.code not in _ABOUT_COMMENTS and not any(map(entry.covers, found)):
            edit = Edit(_whole(program.source, entry, allowed), "")
            helps = (Help("leave it out", (edit,), safe=True),)
            from archlang.errors.unused import UnusedAllow

            yield Diagnostic(UnusedAllow(entry.code), entry.span, program.source.name, candidates=helps)


_ABOUT_COMMENTS = ("unused-allow", "unknown-lint")


def _whole(source: Source, entry: Allowed, allowed: Sequence[Allowed]) -> Span:
    """The comment, with its line where it stands alone; of several codes the one with its comma."""
    text, line = source.text, entry.span.line
    others = [other.span for other in allowed if other.span.line == line and other is not entry]
    before = [span for span in others if span.start < entry.span.start]
    if before:
        return source.span(before[-1].end, entry.span.end)
    if others:
        return source.span(entry.span.start, others[0].start)
    start = text.rfind("#", 0, entry.span.start)
    end = text.find("\n", start)
    line_start = source.line_starts[line - 1]
    alone = not text[line_start:start].strip()
    start = line_start if alone else len(text[:start].rstrip())
    return source.span(start, len(text) if end < 0 else end + alone)
