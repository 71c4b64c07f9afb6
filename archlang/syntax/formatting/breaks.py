"""Where lines break: which pieces begin a line, which brackets are opened, and which items share a line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from archlang.syntax.formatting.pieces import Bracket, Piece, Word, is_broken, text_of, width

WIDTH = 120
INDENT = 2
ARROW = len("-> ")

Line = tuple[int, list[Piece]]
"""A column, and the pieces that begin a line there."""

Row = list[list[Piece]]
"""Items that share a line."""

Begins = Callable[[list[Piece], int], bool]
"""Whether a line may begin at one of several pieces."""


def _words(*texts: str) -> Begins:
    return lambda pieces, i: text_of(pieces[i]) in texts


def _is_labelled(pieces: list[Piece], i: int) -> bool:
    return text_of(pieces[i]) == "->" and i + 2 < len(pieces) and text_of(pieces[i + 2]) == ":"


def _is_imported(pieces: list[Piece], i: int) -> bool:
    return text_of(pieces[0]) == "from" and text_of(pieces[i - 1]) == ","


def _is_sum(pieces: list[Piece], i: int) -> bool:
    """The sign of a single value has no blank behind it."""
    return text_of(pieces[i]) in ("+", "-") and i + 1 < len(pieces) and pieces[i + 1].space


CHAIN_BREAKS = (_words("for"), _is_labelled, _words("->"))
OTHER_BREAKS = (_is_imported, _words("if", "else"), _words("or"), _words("and"), _is_sum)
"""Where a line that is too long may break, the best places first."""


def base(line: Line) -> int:
    """The column that a line's brackets are indented from: that of its text behind the arrow."""
    column, pieces = line
    return column + ARROW * (text_of(pieces[0]) == "->")


def lines_of(pieces: list[Piece], column: int, hang: int, tail: int = 0) -> list[Line]:
    """The lines that pieces break into. Those of a chain begin at `hang`; `tail` characters follow on the last one."""
    # the author's own breaks first; what is then still too long breaks at labels before it breaks at every arrow
    lines = _split((column, pieces), lambda pieces, i: pieces[i].broken and text_of(pieces[i]) in ("->", "for"), hang)
    for begins in CHAIN_BREAKS:
        lines = [line for whole in lines for line in _split_chain(whole, begins, hang, tail)]
    for begins in OTHER_BREAKS:
        lines = [line for whole in lines for line in _split_value(whole, begins, tail)]
    return lines


def _split_chain(whole: Line, begins: Begins, hang: int, tail: int) -> list[Line]:
    """Split what does not fit, though the brackets that its author opened are."""
    return [whole] if fits(whole, forced(whole[1]), tail) else _split(whole, begins, hang)


def _split_value(whole: Line, begins: Begins, tail: int) -> list[Line]:
    """Split what does not fit with all its brackets closed: their author's lines have no say in these breaks."""
    is_long = whole[0] + width(whole[1]) + tail > WIDTH
    return _split(whole, lambda pieces, i: begins(pieces, i) and (is_long or pieces[i].broken), base(whole) + INDENT)


def _split(whole: Line, begins: Begins, hang: int) -> list[Line]:
    column, pieces = whole
    starts = [0, *(i for i in range(1, len(pieces)) if begins(pieces, i)), len(pieces)]
    return [(hang if start else column, pieces[start:end]) for start, end in pairwise(starts)]


def fits(line: Line, opened: set[int], tail: int = 0) -> bool:
    """Whether a line keeps to the width while some of its brackets, given by id, are open."""
    column, pieces = line
    # a blank in front of the first piece is not written at the beginning of a line
    column -= pieces[0].space
    for piece in pieces:
        is_open = id(piece) in opened
        # of an opened bracket only its first sign stands on this line, and what follows goes on behind the last sign
        column += piece.space + (1 if is_open else piece.width)
        if column > WIDTH:
            return False
        column = base(line) + 1 if is_open else column
    return column + tail <= WIDTH


def forced(pieces: list[Piece]) -> set[int]:
    """The brackets that have to be opened, by id."""
    return {id(piece) for piece in pieces if isinstance(piece, Bracket) and piece.forced}


def opened(line: Line, tail: int) -> set[int]:
    """Which brackets of a line are opened, by id: those that must be, and as few more as make it fit."""
    brackets = [piece for piece in line[1] if isinstance(piece, Bracket) and piece.items]
    square = [bracket for bracket in brackets if bracket.square]
    others = [bracket for bracket in brackets if not bracket.square]
    must = forced(line[1])
    chosen = must
    # groups and lists before parentheses, whose arguments read best in one line; one bracket before all of them
    for more in ([], _widest(square, must), square, _widest(others, must), others):
        chosen = chosen | {id(bracket) for bracket in more}
        if fits(line, chosen, tail):
            return chosen
    # nothing makes it fit: no more is opened than has to be
    return must


def _widest(brackets: list[Bracket], chosen: set[int]) -> list[Bracket]:
    closed = [bracket for bracket in brackets if id(bracket) not in chosen]
    return [max(closed, key=lambda bracket: bracket.width)] if closed else []


def last_list(bracket: Bracket, column: int, below: int) -> Bracket | None:
    """The list that is a call's last argument, if to open it is enough: `f(a, rows=[` ... `])`.

    The call's own bracket stands at `column`; its items would stand at `below`.
    """
    # f(a, [ opened: two brackets share the indentation of one
    inner = bracket.items[-1][-1] if bracket.items and not bracket.square else None
    if not isinstance(inner, Bracket) or not inner.square or not inner.items:
        return None
    *others, last = bracket.items
    # a list that an expression goes on around (`a + [...]`) is not all of the argument
    alone = len(last) == 1 or text_of(last[-2]) == "="
    broken = bracket.closer.broken or any(item[0].broken for item in bracket.items) or any(map(is_broken, others))
    fits_below = below + width(last) + 1 <= WIDTH and not inner.forced
    if broken or not alone or fits_below or column + bracket.width - inner.width > WIDTH:
        return None
    return inner


def rows_of(bracket: Bracket, column: int) -> list[Row]:
    """The lines of an opened bracket's items: the author's, where these fit."""
    rows: list[Row] = []
    for item in bracket.items:
        if rows and not (bracket.has_rows and item[0].gap.broken):
            rows[-1].append(item)
        else:
            rows.append([item])
    return [line for row in rows for line in _fitted(bracket, row, column)]


def _fitted(bracket: Bracket, row: Row, column: int) -> list[Row]:
    """A row that fits, or one for each item; lists and plain numbers fill lines."""
    broken = any(map(is_broken, row)) or any(item[0].broken for item in row[1:])
    # each item with ", " behind it, but for the last, which has "," alone
    if len(row) == 1 or (not broken and column + sum(width(item) + 2 for item in row) - 1 <= WIDTH):
        return [row]
    is_list = bracket.square and bracket.opener.text == "["
    if broken or not (is_list or all(isinstance(item[0], Word) and len(item) == 1 for item in row)):
        return [[item] for item in row]
    return _filled(row, column)


def _filled(items: Row, column: int) -> list[Row]:
    rows: list[Row] = []
    # full, so that the first item begins a row
    used = WIDTH
    for item in items:
        needed = width(item) + 1
        if used + 1 + needed > WIDTH:
            rows.append([])
            # the first of a row has no blank in front
            used = column - 1
        rows[-1].append(item)
        used += 1 + needed
    return rows
