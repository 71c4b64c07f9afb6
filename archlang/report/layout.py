"""Cells as lines: columns aligned, fitted to a width, in colour if asked. Knows nothing of models.

Written by hand: a library for tables costs more start-up time than a whole check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from archlang.records import record

GAP = "  "  # between columns, and before each level of the tree
CUT = "..."  # for the middle of a text that is too long
LEAST = 24  # characters that a text keeps when a table is fitted to a width

STYLES = {"heading": "1", "part": "1", "faint": "2", "+": "32", "-": "31", "~": "33"}


@record
class Grid:
    """Rows of cells below their headings. `sides` has a `<` or `>` for each column; columns of `>` are numbers, which
    are never cut, and neither are the columns in `whole`. The first column names the rows; `parts` are the numbers of
    those rows that hold others; `styles` has other styles for some rows."""

    headings: tuple[str, ...]
    sides: str
    rows: Sequence[tuple[str, ...]]
    whole: frozenset[int] = frozenset()
    parts: frozenset[int] = frozenset()
    styles: Mapping[int, str] = field(default_factory=dict[int, str])


def aligned(rows: Sequence[Sequence[str]], alignment: str) -> list[str]:
    """Rows of cells as lines of columns; `alignment` has a `<` or `>` for each column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    columns = list(zip(alignment, widths, strict=True)) if rows else []
    return [
        GAP.join(f"{cell:{side}{width}}" for cell, (side, width) in zip(row, columns, strict=True)).rstrip()
        for row in rows
    ]


def grid_lines(grid: Grid, width: int | None = None, colour: bool = False) -> list[str]:
    """The table with rules above and below its headings and at its end, at most `width` wide where that can be.

    First long texts lose their middle; what still does not fit is continued in a further table below, which names the
    rows again.
    """
    lines: list[str] = []
    for block in _blocks(_fitted(grid, width), width):
        heading, *body = aligned([block.headings, *block.rows], block.sides)
        rule = painted("-" * max(len(line) for line in (heading, *body)), "faint", colour)
        styles = {**dict.fromkeys(block.parts, "part"), **block.styles}
        # painted when aligned: escapes have a length but no width
        shown = (painted(line, styles.get(row, "part"), colour and row in styles) for row, line in enumerate(body))
        lines += [*([""] if lines else []), rule, painted(heading, "heading", colour), rule, *shown, rule]
    return lines


def _fitted(grid: Grid, width: int | None) -> Grid:
    """The grid with the middle of long texts left out: as little as makes it fit, where that is possible; else only
    of texts that would fill half of a line."""
    widths = _widths(grid)
    if width is None or _total(widths) <= width:
        return grid
    cut = [i for i, side in enumerate(grid.sides) if side == "<" and i not in grid.whole]
    narrowed = _narrowed(widths, cut, width)
    if _total(narrowed) > width:
        # the table is continued below anyway: the names and one such column still fit side by side
        narrowed = [min(n, (width - len(GAP)) // 2) if i in cut else n for i, n in enumerate(widths)]
    rows = [tuple(shortened(cell, most) for cell, most in zip(row, narrowed, strict=True)) for row in grid.rows]
    return Grid(grid.headings, grid.sides, rows, grid.whole, grid.parts, grid.styles)


def _narrowed(widths: Sequence[int], cut: Sequence[int], width: int) -> list[int]:
    """Widths with the widest columns that may be cut made narrower, down to `LEAST`."""
    narrowed = list(widths)
    while _total(narrowed) > width and (wide := [i for i in cut if narrowed[i] > LEAST]):
        # a letter at a time from the widest, so that columns of words end about equally wide
        narrowed[max(wide, key=lambda i: narrowed[i])] -= 1
    return narrowed


def _widths(grid: Grid) -> list[int]:
    return [max(map(len, column)) for column in zip(grid.headings, *grid.rows, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _blocks(grid: Grid, width: int | None) -> Iterator[Grid]:
    """The columns in groups that fit, each behind the names of the rows; a group has at least one column."""
    widths = _widths(grid)
    group = [0]
    for column in range(1, len(widths)):
        if width is not None and len(group) > 1 and _total([widths[i] for i in (*group, column)]) > width:
            yield _only(grid, group)
            group = [0]
        group.append(column)
    yield _only(grid, group)


def _only(grid: Grid, columns: Sequence[int]) -> Grid:
    rows = [tuple(row[i] for i in columns) for row in grid.rows]
    headings, sides = tuple(grid.headings[i] for i in columns), "".join(grid.sides[i] for i in columns)
    return Grid(headings, sides, rows, parts=grid.parts, styles=grid.styles)


def shortened(text: str, most: int) -> str:
    """The text with its middle left out where it is longer; the end of a path says more than its start."""
    if len(text) <= most:
        return text
    if most <= len(CUT):
        return text[len(text) - most :]
    head = (most - len(CUT)) // 3
    return f"{text[:head]}{CUT}{text[len(text) - (most - len(CUT) - head) :]}"


def wrapped(lines: Iterable[str], width: int | None) -> Iterator[str]:
    """Lines of prose, broken between words where they are longer than the width."""
    if width is None:
        yield from lines
        return
    from textwrap import wrap

    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()))
        # on a terminal narrower than 20 the terminal itself breaks lines
        broken = wrap(line, max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        yield from broken if len(line) > width else (line,)


def painted(text: str, style: str, colour: bool) -> str:
    """The text between the escapes of a style, if in colour."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if colour and text else text
