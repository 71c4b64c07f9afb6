"""Which warnings the comments of a file silence, and which comments silence none.

Behind something, a comment counts for its line; alone on its line for the definition below, inside a definition for the
line below; in front of the first definition for the whole file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
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

# behind every line that a file can have
END = 1 << 62

ABOUT_COMMENTS = ("unused-allow", "unknown-lint")
"""Warnings about the comments themselves."""


@record
class Allowed:
    """A code that a comment allows: which of the comment's, and for which lines."""

    comment: AllowComment
    place: int
    lines: Lines

    @property
    def span(self) -> Span:
        """Where the code stands."""
        return self.comment.codes[self.place]

    @property
    def code(self) -> str:
        """The code, which may be none."""
        return self.span.text


class Comments:
    """The comments of a file that allow something. It keeps in mind which of them were of use."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.entries = tuple(_find_allowed(program))
        self._used: set[tuple[str, Lines]] = set()
        self._at: dict[str, dict[int, set[Lines]]] = {}

    def silence(self, diagnostic: Diagnostic) -> bool:
        """Whether a warning stands where a comment allows it."""
        span = diagnostic.span
        if span is None or not self.entries:
            return False
        at = self._by_line(diagnostic.code)
        # a call over several lines may carry the comment behind any of them
        hits = {lines for line in range(span.line, span.end_position[0] + 1) for lines in at.get(line, ())}
        self._used.update((diagnostic.code, lines) for lines in hits)
        return bool(hits)

    def _by_line(self, code: str) -> dict[int, set[Lines]]:
        """For each line what allows a code there. No more than three do: a line's, a definition's and the file's."""
        if code not in self._at:
            at: defaultdict[int, set[Lines]] = defaultdict(set)
            for lines in {entry.lines for entry in self.entries if entry.code == code}:
                for line in range(lines[0], min(lines[1], len(self.program.source.line_starts)) + 1):
                    at[line].add(lines)
            self._at[code] = at
        return self._at[code]

    def problems(self, known: Sequence[str], complete: bool) -> Iterator[Diagnostic]:
        """Codes that do not exist, and, if all was looked at, what silenced nothing."""
        for entry in self.entries:
            if entry.code not in known:
                yield self._unknown(entry, known)
            elif complete and entry.code not in ABOUT_COMMENTS and (entry.code, entry.lines) not in self._used:
                yield self._unused(entry)

    def _unknown(self, entry: Allowed, known: Sequence[str]) -> Diagnostic:
        from archlang.errors.unused import UnknownLint

        suggestion = closest(entry.code, known)
        helps = rename(entry.span, suggestion, known)
        return Diagnostic(UnknownLint(entry.code, suggestion), entry.span, self.program.source.name, candidates=helps)

    def _unused(self, entry: Allowed) -> Diagnostic:
        from archlang.errors.unused import UnusedAllow

        helps = (Help("leave it out", (Edit(_whole(self.program.source, entry), ""),), safe=True),)
        return Diagnostic(UnusedAllow(entry.code), entry.span, self.program.source.name, candidates=helps)


def _find_allowed(program: Program) -> Iterator[Allowed]:
    """All that the comments of a file allow."""
    if "allow:" not in program.source.text:
        return
    from archlang.syntax.comments import allow_comments

    lines = program.source.text.split("\n")
    # neither empty lines nor comments: several comments above one line all count for it
    written = [number for number, line in enumerate(lines, 1) if line.strip()[:1] not in ("", "#")]
    items = [(item.span.line, item.span.end_position[0]) for item in program.items]
    for comment in allow_comments(program.source):
        counts_for = _counts_for(comment, items, written)
        yield from (Allowed(comment, place, counts_for) for place in range(len(comment.codes)))


def _counts_for(comment: AllowComment, items: Sequence[Lines], written: Sequence[int]) -> Lines:
    """The lines that a comment counts for, among those of definitions and those on which anything is written."""
    line = comment.codes[0].line
    if not comment.alone:
        return line, line
    if line < items[0][0]:
        return 1, END
    # items[behind - 1] is the last definition that begins at this line or above
    behind = bisect_right(items, (line, END))
    if line <= items[behind - 1][1]:
        # there is one: the comment stands inside a definition, whose last line is written
        below = written[bisect_right(written, line)]
        return below, below
    return items[behind] if behind < len(items) else (END, END)


def _whole(source: Source, entry: Allowed) -> Span:
    """The comment, with its line where it stands alone; of several codes the one with its comma."""
    codes, place, text = entry.comment.codes, entry.place, source.text
    # the first code goes with the comma behind it, any other with the comma in front
    if place:
        return source.span(codes[place - 1].end, entry.span.end)
    if len(codes) > 1:
        return source.span(entry.span.start, codes[1].start)
    start = text.rfind("#", 0, entry.span.start)
    end = text.find("\n", start)
    alone = entry.comment.alone
    start = source.line_starts[entry.span.line - 1] if alone else len(text[:start].rstrip())
    return source.span(start, len(text) if end < 0 else end + alone)
