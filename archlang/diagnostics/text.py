"""Diagnostics for people: a pure function from diagnostics to text, in colour if asked.

It prints nothing and asks nothing of the environment. Whatever a source holds, only printable characters, line ends
and the colour escapes below come out, so that a hostile file cannot drive the terminal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from archlang.diagnostics import Diagnostic, Edit, Help, Label
from archlang.records import record
from archlang.source import Source, Span

LINE_WIDTH = 100  # cells of a source line that are shown; longer ones are cut around what is marked
LEAD_WIDTH = 40  # of these, at most before a mark in a line that is cut
TAB = "    "  # what a tab is shown as
CUT = "..."  # what is left out, in a line and between lines
LABELS_SHOWN = 8  # secondary places of one diagnostic
TRAIL_SHOWN = 4  # expansions of one diagnostic: the innermost ones and the outermost
EDITED_LINES_SHOWN = 6  # lines of one help
REMOVED_WIDTH = 40  # characters of removed text that a help quotes

STYLES = {"error": "1;31", "warning": "1;33", "note": "36", "help": "32", "message": "1"}


def render(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """The diagnostics as text, a blank line between them, without a line end behind the last."""
    return "\n\n".join(_Writer(diagnostic, color).text() for diagnostic in diagnostics)


def summary_line(diagnostics: Iterable[Diagnostic], outcome: str = "") -> str:
    """`1 error, 2 warnings`, and behind a semicolon what came of it; `no errors` if there are none."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    counts = {severity: severities.count(severity) for severity in ("error", "warning")}
    parts = [f"{count:,} {severity}{'s' * (count != 1)}" for severity, count in counts.items() if count]
    return "; ".join(part for part in (", ".join(parts) or "no errors", outcome) if part)


def printable(text: str) -> str:
    """The text with tabs as blanks and all else that a terminal could act on, line ends included, as escapes."""
    # nearly all text is printable, and this is asked for every line
    return text if text.isprintable() else "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    """One character as it is shown: `\\x1b` for an escape, `\\u202e` for a turn of the writing direction."""
    return char if char.isprintable() else TAB if char == "\t" else char.encode("unicode_escape").decode()


def _width(shown: str) -> int:
    """Cells that `_shown` of a character takes: 2 for wide ones, 0 for accents that join the one before."""
    if shown.isascii():
        return len(shown)
    from unicodedata import category, east_asian_width

    # carets stand under characters, so columns are cells of a terminal and not code points
    return 0 if category(shown) in ("Mn", "Me") else 2 if east_asian_width(shown) in "WF" else 1


@record
class _Mark:
    """Characters of one line, counted from 0, to underline; no characters are marked by one glyph."""

    start: int
    end: int
    glyph: str
    style: str
    text: str = ""


Marks = Mapping[int, Sequence[_Mark]]
"""Marks by the number of their line."""


class _Writer:
    """Writes one diagnostic. Line numbers of all its snippets stand in a gutter of one width."""

    def __init__(self, diagnostic: Diagnostic, color: bool) -> None:
        self.diagnostic = diagnostic
        self.color = color
        # snippets of all places and helps stand in one column, also from 99 to 100
        self.gutter = len(str(max(_line_numbers(diagnostic), default=1)))
        self.lines: list[str] = []

    def text(self) -> str:
        """All of it: head, places, notes, trail, helps."""
        self._write_head()
        self._write_places()
        self._write_notes()
        self._write_trail()
        for remedy in self.diagnostic.all_helps:
            self._write_help(remedy)
        return "\n".join(self.lines)

    def _write_head(self) -> None:
        diagnostic, span = self.diagnostic, self.diagnostic.span
        place = f":{span.line}:{span.column}" if span else ""
        kind = self._paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
        message = self._paint("message", printable(diagnostic.message))
        self.lines.append(f"{printable(diagnostic.file)}{place}: {kind}: {message}")

    def _write_places(self) -> None:
        """The source with the primary place and all others in the same text, then what is marked in other texts."""
        marks: defaultdict[Source, list[tuple[int, _Mark]]] = defaultdict(list)
        span, shown = self.diagnostic.span, self.diagnostic.secondary[:LABELS_SHOWN]
        if span:
            marks[span.source].append(_place(span, "^", self.diagnostic.severity, self.diagnostic.problem.label))
        for label in shown:
            marks[label.span.source].append(_place(label.span, "-", "note", label.text))
        for source, places in marks.items():
            if span is None or source is not span.source:
                self._write_arrow(next(label.span for label in shown if label.span.source is source))
            self._bar()
            self._write_lines(_with_context(source, _by_line(places)), source.line_text)

    def _write_notes(self) -> None:
        notes, hidden = list(self.diagnostic.problem.notes), len(self.diagnostic.secondary) - LABELS_SHOWN
        if hidden > 0:
            notes.append(f"{hidden:,} more places are not shown")
        if len(self.lines) > 1 and (notes or self.diagnostic.trail):
            self._bar()
        for note in notes:
            self._write_note(note)

    def _write_trail(self) -> None:
        trail = self.diagnostic.trail
        hidden = len(trail) - TRAIL_SHOWN
        # the innermost expansions say where, the outermost who began: what lies between is mostly a recursion
        for label in trail if hidden <= 0 else trail[: TRAIL_SHOWN - 1]:
            self._write_expansion(label)
        if hidden > 0:
            self._write_note(f"and so on, {hidden:,} more levels, up to")
            self._write_expansion(trail[-1])

    def _write_expansion(self, label: Label) -> None:
        self._write_note(label.text)
        self._write_arrow(label.span)
        self._write_lines(_by_line([_place(label.span, "-", "note", "")]), label.span.source.line_text)

    def _write_help(self, remedy: Help) -> None:
        self.lines.append(f"{self._paint('help', 'help')}: {printable(remedy.message)}")
        edits: defaultdict[Source, list[Edit]] = defaultdict(list)
        for edit in remedy.edits:
            edits[edit.span.source].append(edit)
        for source, group in edits.items():
            if self.diagnostic.span is None or source is not self.diagnostic.span.source:
                self._write_arrow(group[0].span)
            self._bar()
            first, lines, marks = _edited(source, group)
            shown = dict(list(marks.items())[:EDITED_LINES_SHOWN])
            # bound as defaults: the loop goes on while a lambda would look its names up
            self._write_lines(shown, lambda number, first=first, lines=lines: lines[number - first])
            self.lines += [CUT] * (len(shown) < len(marks))

    def _write_note(self, note: str) -> None:
        """A note; its further lines stand under its first."""
        start = " " * self.gutter + " = "
        first, *others = (printable(line) for line in note.split("\n"))
        self.lines.append(f"{start}{self._paint('note', 'note')}: {first}".rstrip())
        self.lines += [f"{' ' * len(start + 'note: ')}{line}".rstrip() for line in others]

    def _write_arrow(self, span: Span) -> None:
        self.lines.append(f"{' ' * self.gutter} --> {printable(span.source.name)}:{span.line}:{span.column}")

    def _write_lines(self, marks: Marks, text_of: Callable[[int], str]) -> None:
        """The marked lines in order; a single line between two of them is shown, more are left out."""
        previous = 0
        for number in sorted(marks):
            # a single line takes no more room than the dots that would stand for it
            if previous and number - previous == 2:
                self._write_line(number - 1, text_of(number - 1), ())
            elif previous and number - previous > 2:
                self.lines.append(CUT)
            self._write_line(number, text_of(number), marks[number])
            previous = number

    def _write_line(self, number: int, text: str, marks: Sequence[_Mark]) -> None:
        """One source line with its marks below; a line that must be cut is shown once for each mark."""
        whole = _window(text, 0)[1] == len(text)
        # marks of a long line may lie too far apart to be seen in one window
        for group in [marks] if whole or not marks else [[mark] for mark in marks]:
            start, end = (0, len(text)) if whole else _window(text, min(group[0].start, len(text)) if group else 0)
            shown = [_shown(char) for char in text[start:end]]
            before, after = CUT * (start > 0), CUT * (end < len(text))
            self.lines.append(f"{number:>{self.gutter}} | {before}{''.join(shown)}{after}".rstrip())
            # the cell at which each character begins, and one more for the end of the line
            cells = list(accumulate(map(_width, shown), initial=len(before)))
            for row in self._underlines(group, lambda at, a=start, c=cells: c[min(max(at - a, 0), len(c) - 1)]):
                self._bar(row)

    def _underlines(self, marks: Iterable[_Mark], cell_of: Callable[[int], int]) -> Iterator[str]:
        """Rows of marks: one that stands to the right of another without a text shares its row."""
        row, filled = "", 0
        for mark in marks:
            start = cell_of(mark.start)
            # an insertion has no characters, and a mark must be seen
            width = max(cell_of(mark.end) - start, 1)
            if row and start < filled:
                yield row
                row, filled = "", 0
            shown = f"{mark.glyph * width} {printable(mark.text)}".rstrip()
            row += " " * (start - filled) + self._paint(mark.style, shown)
            # a text has no end that is known to be free of others, so the next mark begins a row
            filled = start + width if not mark.text else _NEVER
        if row:
            yield row

    def _bar(self, text: str = "") -> None:
        self.lines.append(f"{' ' * self.gutter} | {text}".rstrip())

    def _paint(self, style: str, text: str) -> str:
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.color else text


_NEVER = 1 << 62
"""The end of a row that takes no more marks."""


def _line_numbers(diagnostic: Diagnostic) -> Iterator[int]:
    """Numbers of the lines that are shown, those that edits add included."""
    labels = (*diagnostic.secondary, *diagnostic.trail)
    for span in (*([diagnostic.span] if diagnostic.span else []), *(label.span for label in labels)):
        yield _clamped(span).line
    for remedy in diagnostic.helps:
        # more than needed if edits stand in several places: a gutter may be wider, never too narrow
        added = sum(edit.text.count("\n") for edit in remedy.edits)
        yield from (_clamped(edit.span).end_position[0] + added for edit in remedy.edits)


def _clamped(span: Span) -> Span:
    """The part of a span that lies in its text."""
    start = min(max(span.start, 0), len(span.source.text))
    return Span(span.source, start, min(max(span.end, start), len(span.source.text)))


def _place(span: Span, glyph: str, style: str, text: str) -> tuple[int, _Mark]:
    """The line and mark of a span. One of several lines is marked to the end of its first, and says so."""
    inside = _clamped(span)
    line, start = inside.line, inside.column - 1
    last = span.source.position(max(inside.end - 1, inside.start))[0]
    if last > line:
        end = len(span.source.line_text(line).rstrip())
        return line, _Mark(start, max(start, end), glyph, style, f"{text} (to line {last})".lstrip())
    return line, _Mark(start, start + inside.end - inside.start, glyph, style, text)


def _by_line(places: Iterable[tuple[int, _Mark]]) -> dict[int, list[_Mark]]:
    """Marks by line, in their order."""
    marks: defaultdict[int, list[_Mark]] = defaultdict(list)
    for line, mark in places:
        marks[line].append(mark)
    return marks


def _with_context(source: Source, marks: dict[int, list[_Mark]]) -> Marks:
    """A place in a blank line (the end of a file) says nothing alone: the last text before it is shown too."""
    first = min(marks)
    if source.line_text(first).strip():
        return marks
    written = next((line for line in range(first - 1, 0, -1) if source.line_text(line).strip()), None)
    return marks if written is None else {written: [], **marks}


def _window(text: str, focus: int) -> tuple[int, int]:
    """Which characters of a line are shown if it is cut so that the one at `focus` can be seen."""
    start, room = focus, LEAD_WIDTH
    while start > 0 and (room := room - _cost(text[start - 1])) >= 0:
        start -= 1
    end, room = start, LINE_WIDTH
    while end < len(text) and (room := room - _cost(text[end])) >= 0:
        end += 1
    return start, end


def _cost(char: str) -> int:
    """Room that a character takes from a line; an accent counts too, so that a million of them are cut."""
    return max(_width(_shown(char)), 1)


def _edited(source: Source, edits: Sequence[Edit]) -> tuple[int, list[str], Marks]:
    """The lines from the first edited to the last as they would read, the first one's number, and what is new."""
    spans = sorted(((_clamped(edit.span), edit.text) for edit in edits), key=lambda pair: (pair[0].start, pair[0].end))
    first = spans[0][0].line
    cursor = source.line_starts[first - 1]
    text, marks = "", list[_Mark]()
    for span, new in spans:
        if span.start >= cursor:  # an overlap has no reading
            text += source.text[cursor : span.start]
            marks.append(_edit_mark(len(text), span.text, new))
            text += new
            cursor = span.end
    # lines are shown whole, though the last edit ends inside one
    end = source.text.find("\n", cursor)
    lines = (text + source.text[cursor : end if end >= 0 else None]).split("\n")
    return first, [line.rstrip("\r") for line in lines], _split_marks(lines, first, marks)


def _edit_mark(start: int, old: str, new: str) -> _Mark:
    if new or not old:
        return _Mark(start, start + len(new), "~" if old else "+", "help")
    quoted = old if len(old) <= REMOVED_WIDTH else old[:REMOVED_WIDTH] + CUT
    return _Mark(start, start, "-", "help", f"without `{quoted}`")


def _split_marks(lines: Iterable[str], first: int, marks: Iterable[_Mark]) -> Marks:
    """Marks in a text of several lines as marks of these lines."""
    found: list[tuple[int, _Mark]] = []
    offset = 0
    for number, line in enumerate(lines, first):
        for mark in marks:
            start, end = max(mark.start, offset), min(mark.end, offset + len(line))
            if start < end or start == end == mark.start == mark.end:
                found.append((number, replace(mark, start=start - offset, end=end - offset)))
        offset += len(line) + 1
    return _by_line(found)
