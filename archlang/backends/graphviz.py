"""A picture as DOT text for Graphviz, by the python package `graphviz`, which needs no program to write it.

The text depends on the picture, the options and the style alone: statements stand in execution order, ids come from
paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import graphviz  # pyright: ignore[reportMissingTypeStubs]

from archlang.backends.arms import Arms, find_arms
from archlang.backends.captions import box_lines, edge_text, frame_lines
from archlang.backends.diagram import Box, Cluster, Diagram, Item, boxes_of
from archlang.backends.render_options import RenderOptions
from archlang.backends.themes import FAMILY_NAMES, PALETTES
from archlang.records import record

Dot = Any
"""A `graphviz.Digraph`, or the part of one that is a cluster: the package has no types."""

LEGEND_FAMILIES = 4
LEGEND_BOXES = 16
LEGEND_ROW = 2
"""Families and boxes from which on a legend helps (in a smaller picture the boxes themselves say it all), and how many
stand beside each other."""


@record
class Style:
    """How a picture is laid out. Sizes of text are points, lengths inches unless said otherwise, as Graphviz has it."""

    font: str = "DejaVu Sans"
    """The widest of the usual sans-serif fonts, and one whose widths Graphviz knows everywhere: text laid out for it
    fits its box in whatever font a viewer has instead."""
    text_size: int = 11
    small_size: int = 9
    """Of shapes and slim boxes: they follow on every box, and should stand behind it."""
    symbol_size: int = 14
    symbol_width: str = "0.26"
    """Of the circle around a join's operator."""
    box_margin: str = "0.12,0.06"
    slim_margin: str = "0.08,0.02"
    heading_margin: str = "0.08,0"
    heading_letter: float = 0.09
    """Width of a bold letter, for the field behind a heading: Graphviz knows the widths of one weight only."""
    legend_letter: float = 0.085
    """Width of a small letter, so that all boxes of the legend are as wide as its longest word."""
    error_width: str = "2"
    """Of the border of a layer that fails, which stands out in black and white, too."""
    slim: frozenset[str] = frozenset({"activation", "regularisation"})
    """Families of slim boxes: without weights, and after almost every layer."""
    rank_gap: float = 0.2
    """Between rows; where edges branch, the shapes take a row of their own, and this is half an edge. In a chain they
    float beside it: a row of their own would bend it around them."""
    rank_gap_across: float = 0.2
    """The same from left to right."""
    longest_floating: int = 22
    """In characters; a longer shape would float out of its frame."""
    branch_gap: float = 0.3
    frame_margin: int = 10
    """In points, between a frame and what it holds."""
    page_margin: float = 0.1
    straightness: int = 50
    """Weight of an edge between two boxes with nothing else between them: chains are drawn as a straight line, against
    the pull of frames that are wider on one side."""
    longest_text: int = 60
    """In characters; what is longer is cut, so that no box is wider than a page."""


def write_dot(diagram: Diagram, options: RenderOptions | None = None, style: Style | None = None) -> str:
    """The picture as DOT text, ending in a newline; from top to bottom unless the options say otherwise."""
    return _Writer(diagram, options or RenderOptions(), style or Style()).write()


@record
class _Link:
    """A line to draw: an edge, or its part between two frames. `enters` says that it ends at a frame's heading, `rises`
    that its end stands above its beginning."""

    source: str
    target: str
    text: str
    enters: bool
    rises: bool = False


class _Writer:
    """Writes one picture in one style."""

    def __init__(self, diagram: Diagram, options: RenderOptions, style: Style) -> None:
        self.diagram = diagram
        self.options = options
        self.style = style
        self.palette = PALETTES[options.theme]
        self.arms = find_arms(diagram)
        self.items = _opened((*diagram.items, *diagram.insets), self.arms)
        self.links = list(self._links())
        self.columns = _columns(self.links) | self._arm_columns()
        across = options.direction == "LR"
        self.alone = set[str]() if self.arms.rows or across else _alone(self.links)

    def write(self) -> str:
        """The DOT text."""
        style, palette = self.style, self.palette
        across = self.options.direction == "LR"
        font = {"fontname": style.font, "fontcolor": palette.text, "fontsize": str(style.text_size)}
        dot: Dot = graphviz.Digraph(
            _id(self.diagram.name),
            graph_attr={
                "rankdir": "LR" if across else "TB", "nodesep": str(style.branch_gap),
                "ranksep": str(style.rank_gap_across if across else style.rank_gap),
                "pad": str(style.page_margin), "bgcolor": palette.page,
            },
            node_attr=font | {
                "shape": "box", "style": "rounded,filled", "width": "0", "height": "0", "margin": style.box_margin,
            },
            edge_attr=font | {
                "fontsize": str(style.small_size), "fontcolor": palette.edge, "color": palette.edge, "arrowsize": "0.6",
            },
        )  # fmt: skip
        if self.arms.rows:
            dot.attr(newrank="true")
        self._write_items(dot, self.items)
        for row in self.arms.rows:
            with dot.subgraph() as level:
                level.attr(rank="same")
                for box in row:
                    level.node(_id(box))
        self._write_legend(dot)
        self._write_links(dot)
        self._stack_insets(dot)
        return dot.source

    def _write_items(self, dot: Dot, items: tuple[Item, ...]) -> None:
        for item in items:
            match item:
                case Box():
                    self._write_box(dot, item)
                case Cluster():
                    with dot.subgraph(name=f"cluster_{_id(item.id)}") as frame:
                        self._write_cluster(frame, item)

    def _write_box(self, dot: Dot, box: Box) -> None:
        paint, style = self.palette.box(box.family), self.style
        looks = {"fillcolor": paint.fill, "color": paint.line}
        lines = box_lines(box, self.options)
        if box.family in style.slim:
            looks |= {"fontsize": str(style.small_size), "margin": style.slim_margin}
        elif len(box.symbol) == 1 and lines == (box.symbol,):
            looks |= {"shape": "circle", "fixedsize": "true", "width": style.symbol_width}
            looks |= {"fontsize": str(style.symbol_size), "margin": "0"}
        if box.family == "error":
            looks["penwidth"] = self.style.error_width
        if box.training:
            looks["style"] = "rounded,filled,dashed"
        self._write_node(dot, box.id, lines, **looks)

    def _write_cluster(self, frame: Dot, cluster: Cluster) -> None:
        """A frame with its heading as the first box in it: `layer1: unit(c=64) x3`."""
        paint = self.palette.copies if cluster.count > 1 else self.palette.scope
        dashed = ",dashed" if cluster.training else ""
        frame.attr(
            style=f"rounded,filled{dashed}", fillcolor=paint.fill, color=paint.line, margin=str(self.style.frame_margin)
        )
        lines = tuple(self._shown(line) for line in frame_lines(cluster, self.options))
        longest = max(map(len, lines))
        heading = {"class": "heading", "margin": self.style.heading_margin, "fontcolor": paint.text}
        heading |= {"fillcolor": paint.heading, "color": paint.heading}
        heading |= {"width": f"{longest * self.style.heading_letter + 0.15:.2f}"}
        self._write_node(frame, _heading(cluster.id), lines, **heading)
        self._write_items(frame, cluster.items)

    def _write_node(self, dot: Dot, node: str, lines: tuple[str, ...], **attributes: str) -> None:
        column = {"group": self.columns[node]} if node in self.columns else {}
        text = "\\n".join(_escaped(self._shown(line)) for line in lines)
        dot.node(_id(node), graphviz.nohtml(text), **attributes, **column)

    def _write_links(self, dot: Dot) -> None:
        style = self.style
        for link in self.links:
            straight = self.columns.get(link.source, link.source) == self.columns.get(link.target)
            attributes = {"weight": str(self.style.straightness)} if straight else {}
            attributes |= {"dir": "none"} if link.enters else {}
            if link.text:
                attributes |= {"label": _escaped(f" {link.text}")}
                short = len(link.text) <= style.longest_floating
                attributes |= {"labelfloat": "true"} if short and straight and link.target in self.alone else {}
            ends = _id(link.source), _id(link.target)
            if link.rises:
                attributes = {"dir": "back"} | attributes
                ends = ends[1], ends[0]
            dot.edge(*ends, **attributes)

    def _links(self) -> Iterator[_Link]:
        """The edges, led through the headings of the frames that they enter; once where several enter the same way."""
        frames = dict(_frames(self.items, ()))
        level = {box: number for number, row in enumerate(self.arms.rows) for box in row}
        seen: set[tuple[str, str]] = set()
        for edge in self.diagram.edges:
            here, text = edge.source, edge_text(edge, self.options)
            bridge = level.get(edge.source, -1) == level.get(edge.target)
            rises = edge.target in self.arms.rising and not bridge
            for frame in () if bridge else frames[edge.target]:
                if frame in frames[edge.source]:
                    continue
                if (here, frame) not in seen:
                    yield _Link(here, _heading(frame), text, True, rises)
                seen.add((here, frame))
                here, text = _heading(frame), ""
            yield _Link(here, edge.target, text, False, rises)

    def _arm_columns(self) -> dict[str, str]:
        """The two arms of a U as one column each, headings of their frames included."""
        columns: dict[str, str] = {}
        for box, frames in _frames(self.items, ()):
            for name, arm in (("falling", self.arms.falling), ("rising", self.arms.rising)):
                if box in arm:
                    columns |= dict.fromkeys((box, *map(_heading, frames)), name)
        return columns

    # ---- beside the picture

    def _stack_insets(self, dot: Dot) -> None:
        """Puts insets one below the other, as long as a column of them is no longer than the picture; and in each the
        heading above the inputs."""
        page = _rows(self.diagram.items)
        filled, above = 0, ""
        for inset in self.diagram.insets:
            filled += _rows(inset.items) + 1
            if above and filled <= page:
                dot.edge(_id(above), _id(_heading(inset.id)), style="invis")
            else:
                filled = _rows(inset.items) + 1
            inner = list(boxes_of(inset.items))
            above = inner[-1].id
            for box in inner:
                if box.family == "input":
                    dot.edge(_id(_heading(inset.id)), _id(box.id), style="invis", weight=str(self.style.straightness))

    def _write_legend(self, dot: Dot) -> None:
        """The colours of the picture with their names, in a frame of their own."""
        families = self._families()
        layers = sum(not _plain(box) for box in self.diagram.boxes)
        large = len(families) >= LEGEND_FAMILIES and layers >= LEGEND_BOXES
        wanted = large if self.options.legend is None else self.options.legend
        if not wanted or not families:
            return
        small = {"fontsize": str(self.style.small_size), "margin": self.style.slim_margin}
        width = f"{max(len(FAMILY_NAMES[family]) for family in families) * self.style.legend_letter:.2f}"
        rows = [families[start : start + LEGEND_ROW] for start in range(0, len(families), LEGEND_ROW)]
        with dot.subgraph(name="cluster_.legend") as frame:
            frame.attr(style="rounded", color=self.palette.scope.line, margin=str(self.style.frame_margin))
            for row in rows:
                with frame.subgraph() as line:
                    line.attr(rank="same")
                    for family in row:
                        paint = self.palette.box(family)
                        looks = {"fillcolor": paint.fill, "color": paint.line, "width": width, "class": "legend"}
                        line.node(_legend(family), FAMILY_NAMES[family], **small, **looks)
        for above, below in pairwise(rows):
            dot.edge(_legend(above[0]), _legend(below[0]), style="invis")

    def _families(self) -> list[str]:
        """The families of the picture, in the legend's order."""
        known = {box.family if box.family in FAMILY_NAMES else "other" for box in self.diagram.boxes if not _plain(box)}
        return [family for family in FAMILY_NAMES if family in known]

    def _shown(self, text: str) -> str:
        """Text as a reader sees it: cut where it is too long, and what does not print spelled out."""
        most = self.style.longest_text
        cut = text if len(text) <= most else f"{text[: most - 3]}..."
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut.rstrip())


def _plain(box: Box) -> bool:
    """Whether a box is of no family of layers."""
    return box.family in ("input", "output", "folded", "error")


def _rows(items: tuple[Item, ...]) -> int:
    """About how high items are: boxes and headings, as if one stood below the other."""
    return sum(1 if isinstance(item, Box) else 1 + _rows(item.items) for item in items)


def _escaped(text: str) -> str:
    """Text as a label: Graphviz reads backslashes, `&lt;` and (in a whole label) `<b>` as more than text."""
    return graphviz.escape(text.replace("&", "&amp;"))


def _opened(items: tuple[Item, ...], arms: Arms) -> tuple[Item, ...]:
    """The items without the frames that hold boxes of both arms of a U: they would stand around it, all of them."""
    opened: list[Item] = []
    for item in items:
        if isinstance(item, Box):
            opened.append(item)
            continue
        inner = _opened(item.items, arms)
        names = {box.id for box in boxes_of(inner)}
        if names & arms.rising and names - arms.rising:
            opened += inner
        else:
            opened.append(replace(item, items=inner))
    return tuple(opened)


def _columns(links: list[_Link]) -> dict[str, str]:
    """A number for each chain without branches, by the boxes on it: they are drawn in one column."""
    leaving, entering = Counter(link.source for link in links), Counter(link.target for link in links)
    columns: dict[str, str] = {}
    for link in links:
        if leaving[link.source] == entering[link.target] == 1:
            columns[link.target] = columns.setdefault(link.source, str(len(columns)))
    return columns


def _alone(links: list[_Link]) -> set[str]:
    """The boxes with no other beside them, in no branch: each other one comes before or behind them.

    Sets of boxes are the bits of a number, which is quick for a thousand of them.
    """
    nodes = {node: 1 << place for place, node in enumerate(dict.fromkeys(end for link in links for end in _ends(link)))}
    part, before, behind = dict(nodes), dict(nodes), dict(nodes)
    for link in links:
        before[link.target] |= before[link.source]
    for link in reversed(links):
        behind[link.source] |= behind[link.target]
    for link in (*links, *reversed(links)):
        part[link.source] = part[link.target] = part[link.source] | part[link.target]
    return {node for node in nodes if before[node] | behind[node] == part[node]}


def _ends(link: _Link) -> tuple[str, str]:
    return link.source, link.target


def _frames(items: tuple[Item, ...], around: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each box with the frames around it, the outermost first."""
    for item in items:
        match item:
            case Box():
                yield item.id, around
            case Cluster():
                yield from _frames(item.items, (*around, item.id))


def _legend(family: str) -> str:
    return f".legend.{family}"


def _heading(cluster: str) -> str:
    return f".heading.{cluster}"


def _id(text: str) -> str:
    """An id that means the same wherever DOT has one: letters, digits and `_.-~*`, the rest as `%xx`."""
    return quote(text, safe="*")
