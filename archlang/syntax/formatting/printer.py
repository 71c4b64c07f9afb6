"""Writes definitions, line by line."""

from __future__ import annotations

from collections.abc import Iterable

from archlang.syntax.formatting import breaks
from archlang.syntax.formatting.breaks import INDENT, WIDTH, Line, Row
from archlang.syntax.formatting.pieces import Bracket, Definition, Piece, flat, flat_piece, is_broken, width
from archlang.syntax.formatting.tokens import Gap


class Printer:
    """The lines so far, each with the comment behind it, and the line that is being written."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.code: list[str] = []
        self.column = 0

    def text(self) -> str:
        """All that was written."""
        return "".join(f"{line}\n" for line in _aligned(self.lines))

    def definition(self, definition: Definition) -> None:
        """Write a definition on lines of its own."""
        head, body = definition.head, definition.body
        self._newline(0, head[0].gap, blanks=bool(self.code))
        if not body:
            self._print(head, 0)
        elif _begins_line(head, body):
            self._print_line((0, head))
            self._newline(INDENT, body[0].gap, blanks=False)
            self._print(body, INDENT)
        else:
            self._print_line((0, head + body))

    def _newline(self, column: int, gap: Gap, comments_at: int | None = None, blanks: bool = True) -> None:
        """Begin a line, below the comments in front of it. `blanks` says whether the first may be a blank line."""
        # a comment behind the line stands in the gap of the token that begins the next one
        if self.code:
            self.lines.append(("".join(self.code).rstrip(), gap.trailing))
        indent = " " * (column if comments_at is None else comments_at)
        for blank, text in gap.lines:
            self.lines += [("", "")] * (blank and blanks)
            self.lines.append((indent + text, ""))
            blanks = True
        self.lines += [("", "")] * (gap.blank and blanks)
        self.code, self.column = [" " * column], column

    def _write(self, text: str) -> None:
        self.code.append(text)
        self.column += len(text)

    def _print(self, pieces: list[Piece], hang: int, tail: int = 0) -> None:
        """Write pieces from the beginning of a line on, on as many lines as they take."""
        for i, line in enumerate(breaks.lines_of(pieces, self.column, hang, tail)):
            if i:
                self._newline(line[0], line[1][0].gap)
            self._print_line(line, tail)

    def _print_line(self, line: Line, tail: int = 0) -> None:
        """Write a line; brackets that do not fit it are opened."""
        chosen = breaks.opened(line, tail)
        for i, piece in enumerate(line[1]):
            self._write(" " * (piece.space and i > 0))
            if isinstance(piece, Bracket) and id(piece) in chosen:
                self._print_opened(piece, breaks.base(line))
            else:
                self._write(flat_piece(piece))

    def _print_opened(self, bracket: Bracket, column: int) -> None:
        """Write brackets with their content on lines of its own, indented from `column`."""
        self._write(bracket.opener.text)
        inner = breaks.last_list(bracket, self.column, column + INDENT)
        if inner:
            self._print_hugged(bracket, inner, column)
            return
        rows = breaks.rows_of(bracket, column + INDENT)
        # further lines of one item among several are indented once more, or they would look like the next item
        hang = column + INDENT * min(len(bracket.items), 2)
        for i, row in enumerate(rows):
            self._newline(column + INDENT, row[0][0].gap, blanks=i > 0)
            is_last = i + 1 == len(rows)
            self._print_row(row, hang, comma=not is_last or _ends_with_comma(bracket))
        gap = bracket.closer.gap
        # comments in front of the closing bracket are about its content; a blank line there is dropped
        self._newline(column, Gap(gap.trailing, gap.lines), comments_at=column + INDENT, blanks=bool(rows))
        self._write(bracket.closer.text)

    def _print_row(self, row: Row, hang: int, comma: bool) -> None:
        if len(row) == 1:
            self._print(row[0], hang, int(comma))
        else:
            self._write(", ".join(flat(item) for item in row))
        self._write("," * comma)

    def _print_hugged(self, bracket: Bracket, inner: Bracket, column: int) -> None:
        *others, last = bracket.items
        self._write("".join(f"{flat(item)}, " for item in others) + flat(last[:-1]))
        self._print_opened(inner, column)
        self._write("," * bracket.single_comma + bracket.closer.text)


def _begins_line(head: list[Piece], body: list[Piece]) -> bool:
    """Whether the body begins on a line of its own: if it breaks at arrows or operators, or fits only there."""
    if body[0].broken or len(breaks.lines_of(body, width(head) + 1, 0)) > 1:
        return True
    return (
        not breaks.fits((0, head + body), breaks.forced(body)) and not is_broken(body) and INDENT + width(body) <= WIDTH
    )


def _ends_with_comma(bracket: Bracket) -> bool:
    """Whether a comma stands behind the last item on its line; that of an only item means something, and is kept."""
    return bracket.single_comma or (len(bracket.items) > 1 and not bracket.holes)


def _aligned(lines: list[tuple[str, str]]) -> Iterable[str]:
    """Lines with the comments behind them; those of lines one below the other begin at one column."""
    start = 0
    while start < len(lines):
        end = start + 1
        while lines[start][1] and end < len(lines) and lines[end][1]:
            end += 1
        yield from _with_comments(lines[start:end])
        start = end


def _with_comments(lines: list[tuple[str, str]]) -> Iterable[str]:
    column = max(len(code) for code, _ in lines) + 2
    # one long comment gives the column up for its whole block, instead of standing out alone
    if any(column + len(comment) > WIDTH for _, comment in lines):
        column = 0
    return (f"{code.ljust(column - 2)}  {comment}" if comment else code for code, comment in lines)
