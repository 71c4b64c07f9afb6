"""Pieces to lines: what stands on one line, where the others break, and how they are indented."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from archlang.syntax.formatting.pieces import Bracket, Definition, Piece, Word, flat, flat_piece, is_broken, width
from archlang.syntax.formatting.tokens import Gap

WIDTH = 120
INDENT = 2
ARROW = 3

Row = list[list[Piece]]
Part = tuple[int, list[Piece]]
"""A column, and what begins a line there."""

Begins = Callable[[list[Piece], int], bool]
"""Whether a line may begin at one of several pieces."""


def _is_label(pieces: list[Piece], i: int) -> bool:
    colon = pieces[i + 2] if i + 2 < len(pieces) else None
    return _text(pieces[i]) == "->" and _text(colon) == ":"


def _text(piece: Piece | None) -> str:
    return piece.text if isinstance(piece, Word) else ""


def _begins(*words: str) -> Begins:
    return lambda pieces, i: _text(pieces[i]) in words


def _is_binary(pieces: list[Piece], i: int) -> bool:
    """`+` or `-` between two values: the sign of one has no blank behind it."""
    return _text(pieces[i]) in ("+", "-") and i + 1 < len(pieces) and pieces[i + 1].space


def _is_imported(pieces: list[Piece], i: int) -> bool:
    return _text(pieces[0]) == "from" and _text(pieces[i - 1]) == ","


CHAIN_BREAKS = (_begins("for"), _is_label, _begins("->"))
OTHER_BREAKS = (_is_imported, _begins("if", "else"), _begins("or"), _begins("and"), _is_binary)
"""Where a line that is too long may break, the best places first."""


class Printer:
    """Writes definitions, line by line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.code: list[str] = []
        self.column = 0
        self.comments: list[str] = []
        self.fresh = True

    # ---- characters and lines

    def newline(self, column: int, gap: Gap, comments_at: int | None = None, blanks: bool = True) -> None:
        """Begin a line, below the comments that stand in front of it. `blanks` says if a blank line may be the first."""
        if gap.trailing:
            self.comments.append(gap.trailing)
        self._end_line()
        for blank, text in (*gap.lines, (gap.blank, "")):
            if blank and blanks:
                self.lines.append(("", ""))
            blanks = True
            if text:
                self.lines.append((" " * (column if comments_at is None else comments_at) + text, ""))
        self.code, self.column, self.fresh = [" " * column], column, True

    def _end_line(self) -> None:
        code = "".join(self.code).rstrip()
        if code:
            self.lines.append((code, "  ".join(self.comments)))
            self.code, self.comments = [], []

    def finish(self, end: Gap) -> str:
        """The whole text; `end` is what stands behind the last definition."""
        self.newline(0, end)
        return "\n".join(_aligned(self.lines)) + "\n"

    def write(self, text: str) -> None:
        """Add text to the line."""
        self.code.append(text)
        self.column += len(text)
        self.fresh = False

    def put(self, piece: Piece) -> None:
        """Add a piece to the line; the comments in front of it go to the end of the line."""
        self._lead(piece)
        self.write(flat_piece(piece))

    def _lead(self, piece: Piece) -> None:
        if not self.fresh:
            self.write(" " * piece.space)
            self.comments += [piece.gap.trailing] * bool(piece.gap.trailing)
            self.comments += [text for _, text in piece.gap.lines]

    # ---- definitions

    def definition(self, definition: Definition) -> None:
        """Write a definition on lines of its own."""
        head, body = definition.head, definition.body
        self.newline(0, head[0].gap, blanks=bool(self.lines or self.code))
        if not body:
            self.print_lines(head, 0)
        elif self._begins_line(head, body):
            self.print_part((0, head))
            self.newline(INDENT, body[0].gap, blanks=False)
            self.print_lines(body, INDENT)
        else:
            self.print_part((0, head + body))

    def _begins_line(self, head: list[Piece], body: list[Piece]) -> bool:
        """Whether the body begins on a line of its own: if it breaks at arrows or operators, or fits only there."""
        if body[0].gap.commented or len(_parts(body, width(head) + 1, 0, 0)) > 1:
            return True
        return not _fits(head + body, _forced(body), 0, 0, 0) and not is_broken(body) and INDENT + width(body) <= WIDTH

    # ---- lines

    def print_lines(self, pieces: list[Piece], hang: int, tail: int = 0) -> None:
        """Write pieces from the beginning of a line on; further lines of a chain begin at `hang`.

        `tail` is how many characters follow on the last line.
        """
        for i, part in enumerate(_parts(pieces, self.column, hang, tail)):
            if i:
                self.newline(part[0], part[1][0].gap)
            self.print_part(part, tail)

    def print_part(self, part: Part, tail: int = 0) -> None:
        """Write a line; brackets that do not fit it are opened."""
        column, pieces = part
        base = _base(part)
        opened = _opened(pieces, column, base, tail)
        for piece in pieces:
            if isinstance(piece, Bracket) and id(piece) in opened:
                self.print_opened(piece, base)
            else:
                self.put(piece)

    def print_opened(self, bracket: Bracket, base: int) -> None:
        """Write brackets with their content on lines of its own, indented from `base`."""
        self._lead(bracket)
        self.write(bracket.opener.text)
        inner = self._last_list(bracket, base)
        if inner:
            self._print_hugged(bracket, inner, base)
            return
        rows = _rows(bracket, base + INDENT)
        for i, row in enumerate(rows):
            self.newline(base + INDENT, row[0][0].gap, blanks=i > 0)
            comma = _ends_with_comma(bracket) or i + 1 < len(rows)
            self._print_row(row, base + INDENT * (1 if len(bracket.items) == 1 else 2), comma)
        self.newline(base, _without_blank(bracket.closer.gap), base + INDENT, blanks=bool(rows))
        self.write(bracket.closer.text)

    def _print_row(self, row: Row, hang: int, comma: bool) -> None:
        if len(row) == 1:
            self.print_lines(row[0], hang, int(comma))
        else:
            self.write(", ".join(flat(item) for item in row))
        self.write("," * comma)

    def _last_list(self, bracket: Bracket, base: int) -> Bracket | None:
        """The list that is the last argument, if to open it is enough: `f(a, rows=[` ... `])`."""
        *others, last = bracket.items
        inner = last[-1]
        alone = len(last) == 1 or _text(last[-2]) == "="
        if not isinstance(inner, Bracket) or not inner.square or not alone or bracket.square or not inner.items:
            return None
        commented = bracket.closer.gap.commented or any(item[0].gap.commented for item in bracket.items)
        if commented or any(map(is_broken, others)) or is_broken([*last[:-1], inner.opener]):
            return None
        before = bracket.width - inner.width - 1
        fits_below = base + INDENT + width(last) + 1 <= WIDTH and not inner.forced
        return None if fits_below or self.column + before > WIDTH else inner

    def _print_hugged(self, bracket: Bracket, inner: Bracket, base: int) -> None:
        *others, last = bracket.items
        self.write("".join(f"{flat(item)}, " for item in others) + flat(last[:-1]))
        self.print_opened(inner, base)
        self.write("," * bracket.single_comma + bracket.closer.text)


def _base(part: Part) -> int:
    """The column that a line's brackets are indented from: that of its text behind the arrow."""
    column, pieces = part
    return column + ARROW * (_text(pieces[0]) == "->")


def _parts(pieces: list[Piece], column: int, hang: int, tail: int) -> list[Part]:
    """The lines that pieces break into."""
    parts = _split((column, pieces), lambda pieces, i: pieces[i].broken or _is_commented_arrow(pieces[i]), hang)
    for begins in CHAIN_BREAKS:
        parts = [part for whole in parts for part in _split_chain(whole, begins, hang, tail)]
    for begins in OTHER_BREAKS:
        parts = [part for whole in parts for part in _split_operators(whole, begins, tail)]
    return parts


def _is_commented_arrow(piece: Piece) -> bool:
    return piece.gap.commented and _text(piece) in ("->", "for")


def _split_chain(whole: Part, begins: Begins, hang: int, tail: int) -> list[Part]:
    """A line that does not fit, though the brackets that its author opened are."""
    column, pieces = whole
    fits = _fits(pieces, _forced(pieces), column, _base(whole), tail)
    return [whole] if fits else _split(whole, begins, hang)


def _split_operators(whole: Part, begins: Begins, tail: int) -> list[Part]:
    """A line that does not fit with all its brackets closed: whether it breaks here does not hang on the author's."""
    column, pieces = whole
    long = column + width(pieces) + tail > WIDTH
    return _split(
        whole, lambda pieces, i: begins(pieces, i) and (long or pieces[i].gap.commented), _base(whole) + INDENT
    )


def _split(whole: Part, begins: Begins, hang: int) -> list[Part]:
    column, pieces = whole
    starts = [0, *(i for i in range(1, len(pieces)) if begins(pieces, i)), len(pieces)]
    cut = [pieces[start:end] for start, end in zip(starts, starts[1:], strict=False)]
    return [(column, cut[0]), *((hang, part) for part in cut[1:])]


def _opened(pieces: list[Piece], column: int, base: int, tail: int) -> set[int]:
    """Which brackets of a line are opened, by id: those that must be, and as few more as make it fit."""
    brackets = [piece for piece in pieces if isinstance(piece, Bracket) and piece.items]
    square = [bracket for bracket in brackets if bracket.square]
    round_ = [bracket for bracket in brackets if not bracket.square]
    must = _forced(pieces)
    opened = set(must)
    for more in ([], _widest(square, must), square, _widest(round_, must), round_):
        opened = opened | {id(bracket) for bracket in more}
        if _fits(pieces, opened, column, base, tail):
            return opened
    return must


def _forced(pieces: list[Piece]) -> set[int]:
    return {id(piece) for piece in pieces if isinstance(piece, Bracket) and piece.forced}


def _widest(brackets: list[Bracket], opened: set[int]) -> list[Bracket]:
    closed = [bracket for bracket in brackets if id(bracket) not in opened]
    return [max(closed, key=lambda bracket: bracket.width)] if closed else []


def _fits(pieces: list[Piece], opened: set[int], column: int, base: int, tail: int) -> bool:
    column -= pieces[0].space
    for piece in pieces:
        column += piece.space
        if id(piece) in opened:
            if column + 1 > WIDTH:
                return False
            column = base + 1
        else:
            column += piece.width
        if column > WIDTH:
            return False
    return column + tail <= WIDTH


def _rows(bracket: Bracket, column: int) -> list[Row]:
    """The lines of an opened bracket's items: the author's, where these fit."""
    rows: list[Row] = []
    for item in bracket.items:
        if rows and not (bracket.opened and item[0].gap.broken):
            rows[-1].append(item)
        else:
            rows.append([item])
    return [line for row in rows for line in _fitted(bracket, row, column)]


def _fitted(bracket: Bracket, row: Row, column: int) -> Iterable[Row]:
    """A row that fits, or one for each item; those of a list are filled."""
    broken = any(map(is_broken, row)) or any(item[0].gap.commented for item in row[1:])
    if len(row) == 1 or (not broken and column + _row_width(row) <= WIDTH):
        return [row]
    is_list = bracket.square and bracket.opener.text == "["
    if broken or not (is_list or all(len(item) == 1 and isinstance(item[0], Word) for item in row)):
        return [[item] for item in row]
    return _filled(row, column)


def _filled(items: Row, column: int) -> list[Row]:
    rows: list[Row] = []
    used = WIDTH
    for item in items:
        needed = width(item) + 1
        if used + 1 + needed > WIDTH:
            rows.append([])
            used = column - 1
        rows[-1].append(item)
        used += 1 + needed
    return rows


def _row_width(row: Row) -> int:
    return sum(width(item) + 2 for item in row) - 1


def _ends_with_comma(bracket: Bracket) -> bool:
    """Whether a comma stands behind the last item on its line; that of an only item means something, and is kept."""
    return bracket.single_comma or (len(bracket.items) > 1 and not bracket.holes)


def _without_blank(gap: Gap) -> Gap:
    return Gap(gap.trailing, gap.lines, False, gap.broken)


def _aligned(lines: list[tuple[str, str]]) -> list[str]:
    """Lines with the comments behind them; those of lines one below the other begin at one column."""
    texts: list[str] = []
    start = 0
    while start < len(lines):
        end = start + 1
        while lines[start][1] and end < len(lines) and lines[end][1]:
            end += 1
        texts += _with_comments(lines[start:end])
        start = end
    return texts


def _with_comments(lines: list[tuple[str, str]]) -> Iterable[str]:
    column = max(len(code) for code, _ in lines) + 2
    if any(column + len(comment) > WIDTH for _, comment in lines):
        column = 0
    return [f"{code.ljust(column - 2)}  {comment}" if comment else code for code, comment in lines]
