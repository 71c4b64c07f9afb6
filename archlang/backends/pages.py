"""A picture as one SVG that is read on a page: a long chain in columns, the insets and the legend beside it.

Each piece is laid out by Graphviz alone, so that none pulls another apart. From pieces of different sizes the
arrangement is taken that is largest on a page. What is said here of columns holds for rows where the picture goes from
left to right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from archlang.backends.arms import find_arms
from archlang.backends.columns import FROM, TO, balanced, find_cuts, inset_pieces, order_of, split, without_insets
from archlang.backends.crowding import Area, crowded, read_layout
from archlang.backends.diagram import Diagram
from archlang.backends.graphviz import node_id, write_dot, write_legend
from archlang.backends.legend import legend_families
from archlang.backends.pictures import svg_page, write_svg
from archlang.backends.pieces import Piece, Point, bent_line, read_piece
from archlang.backends.render_options import RenderOptions
from archlang.backends.themes import PALETTES
from archlang.records import record

PAGE = (470.0, 680.0)
"""Width and height, in points, of what an A4 page has room for; across and along for pictures from left to right."""

MOST_COLUMNS = 12

MOST_INSET_COLUMNS = 6

COLUMN_PRICE = 0.15
"""Power of the number of columns by which a picture counts as smaller: in two it has to be a tenth larger than in one,
to be worth it, and in four once more."""

GAP = 14.0
"""Between columns, in points: a line goes up in it."""

STACK_GAP = 4.0
"""Between pieces in a column."""

LEGEND_GAP = 14.0
"""Between a column, with a line that leads on from it, and the legend below."""

INSET_GAP = 24.0
"""Between a column and an inset below it."""

TURN = 12.0
"""How far beyond a column the room for the line to the next ends; the line turns half way."""

LAYOUTS = 3
"""How often a piece is laid out again at most, until every shape on a line stands free."""


@record
class Placed:
    """A piece with its place on the page, in the number of a column."""

    piece: Piece
    column: int
    x: float
    y: float


def write_page(diagram: Diagram, options: RenderOptions | None = None) -> str:
    """The picture as SVG, ending in a newline."""
    return _Page(diagram, options or RenderOptions()).write()


class _Page:
    """Arranges one picture."""

    def __init__(self, diagram: Diagram, options: RenderOptions) -> None:
        self.diagram = diagram
        self.across = options.direction == "LR"
        self.wanted = options.columns
        self.palette = PALETTES[options.theme]
        families = legend_families(diagram, options)
        # each piece would bring a legend of its own families
        self.options = replace(options, legend=False)
        self.main = without_insets(diagram)
        self.insets = [self._piece(inset) for inset in inset_pieces(diagram)]
        self.legend = (
            [read_piece(write_svg(write_legend(diagram.name, families, options)), self.across)] if families else []
        )

    def _piece(self, diagram: Diagram) -> Piece:
        """A part, laid out again as long as shapes came to lie on something else."""
        apart: set[str] = set()
        svg = write_svg(write_dot(diagram, self.options, apart=apart))
        for _ in range(LAYOUTS):
            # room for one shape moves everything, so that others may be crowded then
            new = crowded(read_layout(svg)) - apart
            if not new:
                break
            apart |= new
            svg = write_svg(write_dot(diagram, self.options, apart=apart))
        return read_piece(svg, self.across)

    def write(self) -> str:
        """The SVG of the best arrangement."""
        best = max(self._arrangements(), key=self._worth)
        width, height = _extent(best)
        size = (height, width) if self.across else (width, height)
        inner = [self._placed_svg(number, placed) for number, placed in enumerate(best)]
        lines = "".join(self._line(*two) for two in pairwise(best))
        return svg_page(self.diagram.name, size, self.palette.page, f"{''.join(inner)}{lines}")

    def _arrangements(self) -> Iterator[list[Placed]]:
        """Ways to place everything, the plainest first."""
        for columns in self._columns():
            longest = max(piece.height for piece in columns)
            inset = sum(piece.height + STACK_GAP for piece in self.insets)
            # as long as the picture, or so long that the insets fill one to five columns evenly
            bounds = {longest, *(max(longest, inset / count) for count in range(1, MOST_INSET_COLUMNS))}
            for bound in sorted(bounds):
                yield self._stacked(columns, bound)
            yield self._shelved(columns)

    def _columns(self) -> Iterator[list[Piece]]:
        """The picture itself in one column, and in more where that could make it larger; or as it is wanted."""
        whole = self._piece(self.main)
        # a U is read across, from arm to arm: no column of it would make sense
        cut = [] if find_arms(self.main).rows else list(self._cut(whole))
        yield from cut if cut and self.wanted else [[whole], *cut]

    def _cut(self, whole: Piece) -> Iterator[list[Piece]]:
        """The picture itself in several columns."""
        cuts = find_cuts(self.main)
        order = [box.id for box in order_of(self.main)]
        ends = {cut.behind: _between(whole, order, cut.behind) for cut in cuts} | {0: 0.0, -1: whole.height}
        # n columns are n*width wide and height/n high: of the page's form where n^2 = height/width * PAGE[0]/PAGE[1]
        likely = min(int((whole.height / whole.width * PAGE[0] / PAGE[1]) ** 0.5), MOST_COLUMNS)
        # a few more are tried: a column is as wide as its own widest box, not as the whole picture
        counts = range(max(2, likely - 1), likely + 3) if whole.height > PAGE[1] else ()
        seen = {1}
        for count in counts if self.wanted is None else (self.wanted,):
            chosen = balanced(cuts, ends, count)
            if len(chosen) + 1 not in seen:
                seen.add(len(chosen) + 1)
                yield [self._piece(piece) for piece in split(self.main, chosen)]

    def _side_by_side(self, columns: Sequence[Piece]) -> list[Placed]:
        """The columns of the picture itself."""
        x, top = 0.0, TURN if len(columns) > 1 else 0.0
        placed: list[Placed] = []
        for number, piece in enumerate(columns):
            placed.append(Placed(piece, number, x, top))
            x += piece.width + GAP
        return placed

    def _stacked(self, columns: Sequence[Piece], bound: float) -> list[Placed]:
        """The columns, then the insets in columns that are no longer than a bound, the legend last."""
        placed = self._side_by_side(columns)
        column, x = placed[-1].column, placed[-1].x
        y = placed[-1].y + placed[-1].piece.height + INSET_GAP
        for piece in self.insets:
            if y + piece.height > bound:
                column, x, y = column + 1, _extent(placed)[0] + GAP, 0.0
            placed.append(Placed(piece, column, x, y))
            y += piece.height + STACK_GAP
        return [*placed, *self._with_legend(placed)]

    def _shelved(self, columns: Sequence[Piece]) -> list[Placed]:
        """The columns, and the insets below all of them in rows that are no wider."""
        placed = self._side_by_side(columns)
        width, column, x = (
            max(_extent(placed)[0], *(piece.width for piece in (*columns, *self.insets))),
            len(columns),
            0.0,
        )
        y = _extent(placed)[1] + INSET_GAP
        for piece in self.insets:
            if x and x + piece.width > width:
                x, y = 0.0, _extent(placed)[1] + STACK_GAP
            placed.append(Placed(piece, column, x, y))
            column, x = column + 1, x + piece.width + GAP
        return [*placed, *self._with_legend(placed)]

    def _with_legend(self, placed: Sequence[Placed]) -> Iterator[Placed]:
        """The legend where it takes the least room: in a free corner, under a column, or beside all of them."""
        for piece in self.legend:
            free = [
                one for one in (Placed(piece, -1, x, y) for x, y in _places(piece, placed))
                if not any(_meet(one, other) for other in placed)
            ]  # fmt: skip
            # never empty: the last place is beside everything
            yield max(free, key=lambda one: self._legend_worth([*placed, one]))

    def _legend_worth(self, placed: Sequence[Placed]) -> tuple[float, float]:
        """How large the picture is on a page, then how little paper it takes."""
        width, height = _extent(placed)
        return self._worth(placed), -width * height

    def _worth(self, placed: Sequence[Placed]) -> float:
        """How large the picture is on a page, less for more columns."""
        width, height = _extent(placed)
        # at most 1: a small picture is not blown up, so that smaller still is no better
        scale = min(PAGE[0] / width, PAGE[1] / height, 1.0)
        columns = 1 + sum(name.startswith(FROM) for one in placed for name in one.piece.joints)
        return scale / columns**COLUMN_PRICE

    def _placed_svg(self, number: int, placed: Placed) -> str:
        """A piece in its place; ids of Graphviz's own are told apart by the piece's number."""
        x, y = (placed.y, placed.x) if self.across else (placed.x, placed.y)
        svg = placed.piece.svg if not number else re.sub(r' id="', f' id="p{number}.', placed.piece.svg)
        return f'<g transform="translate({x:.2f} {y:.2f})">\n{svg}</g>\n'

    def _line(self, first: Placed, second: Placed) -> str:
        """From the end of a column up to the beginning of the next."""
        start, end = _joint(first, TO), _joint(second, FROM)
        if start is None or end is None:
            return ""
        middle = second.x - GAP / 2
        below, above = first.y + first.piece.height + TURN / 2, second.y - TURN / 2
        corners = [start, (start[0], below), (middle, below), (middle, above), (end[0], above), end]
        points = [(y, x) if self.across else (x, y) for x, y in corners]
        path = bent_line(points)
        return f'<g class="edge">\n<path fill="none" stroke="{self.palette.edge}" d="{path}"/>\n</g>\n'


# ---- places


def _extent(placed: Sequence[Placed]) -> tuple[float, float]:
    """Width and height of all that is placed, with the lines below columns."""
    bottoms = (one.y + one.piece.height + (TURN if _joint(one, TO) else 0.0) for one in placed)
    return max(one.x + one.piece.width for one in placed), max(bottoms)


def _places(piece: Piece, placed: Sequence[Placed]) -> Iterator[Point]:
    """Where a legend could stand."""
    for one in placed:
        right, low = one.x + one.piece.width - piece.width, one.y + one.piece.height - piece.height
        yield from ((right, one.y), (one.x, one.y), (right, low), (one.x, low))
        yield one.x + one.piece.width + GAP, one.y
    ends = {one.column: (one.x, one.y + one.piece.height + LEGEND_GAP) for one in placed}
    yield from (*ends.values(), (_extent(placed)[0] + GAP, 0.0))


def _meet(legend: Placed, other: Placed) -> bool:
    """Whether a legend would lie on anything of a piece; what is in its box but empty is free."""
    left, top = legend.x - other.x, legend.y - other.y
    wanted = Area("", left, top, left + legend.piece.width, top + legend.piece.height)
    return any(wanted.meets(area) for area in other.piece.areas)


def _joint(placed: Placed, kind: str) -> Point | None:
    """Where a line ends or begins in a piece."""
    found = [point for name, point in placed.piece.joints.items() if name.startswith(kind)]
    return (placed.x + found[0][0], placed.y + found[0][1]) if found else None


def _between(whole: Piece, order: Sequence[str], behind: int) -> float:
    """How far along the picture the middle between two boxes is."""
    return (whole.boxes[node_id(order[behind - 1])].bottom + whole.boxes[node_id(order[behind])].top) / 2
