"""A picture as DOT text for Graphviz, by the python package `graphviz`, which needs no program to write it.

The text depends on the picture, the options and the style alone: statements stand in execution order, ids come from
paths.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import graphviz  # pyright: ignore[reportMissingTypeStubs]

from archlang.backends.arms import Arms, find_arms
from archlang.backends.captions import box_lines, frame_lines
from archlang.backends.columns import JOINT
from archlang.backends.diagram import Box, Cluster, Diagram, Item, boxes_of
from archlang.backends.legend import legend_families, legend_rows
from archlang.backends.links import Link, Links, alone, chains, frames_around, heading_id
from archlang.backends.render_options import RenderOptions
from archlang.backends.themes import FAMILY_NAMES, PALETTES
from archlang.records import record

Dot = Any
"""A `graphviz.Digraph`, or the part of one that is a cluster: the package has no types."""


POINTS = 72
"""In an inch."""

BOLD_WIDTHS = {
    **dict.fromkeys("ijl|' ", 0.35), **dict.fromkeys("ft.,:;()[]-/", 0.44), **dict.fromkeys('rsczI_*"', 0.58),
    **dict.fromkeys("mw=+@%", 0.92), **dict.fromkeys("MW", 1.08),
}  # fmt: skip
"""Of DejaVu's bold letters, in parts of their size: Graphviz knows the widths of one weight only."""

PLAIN_WIDTH, WIDE_WIDTH = 0.72, 1.05
"""Of all others, and of those beyond Latin script, Greek and Cyrillic."""


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
    heading_space: float = 0.16
    """Beside the text of a heading, for the field behind it: both sides together."""
    legend_letter: float = 0.085
    """Width of a small letter, so that all boxes of the legend are as wide as its longest word."""
    legend_margin: int = 6
    legend_gap: float = 0.08
    """Between boxes of a legend that is a picture of its own."""
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


def write_dot(
    diagram: Diagram,
    options: RenderOptions | None = None,
    style: Style | None = None,
    apart: Collection[str] | None = None,
) -> str:
    """The picture as DOT text, ending in a newline; from top to bottom unless the options say otherwise.

    `apart` are the edges, as `source->target`, whose shapes need room of their own, from a layout before this one;
    None where there was none: then all in branches have it.
    """
    return _Writer(diagram, options or RenderOptions(), style or Style(), apart).write()


def write_legend(name: str, families: list[str], options: RenderOptions, style: Style | None = None) -> str:
    """The legend of a picture as DOT text of its own."""
    style = style or Style()
    tight = replace(style, branch_gap=style.legend_gap, rank_gap=style.legend_gap)
    dot = _page(name, replace(options, direction=None), tight)
    _add_legend(dot, families, options, style)
    return dot.source


def _page(name: str, options: RenderOptions, style: Style) -> Dot:
    """An empty picture."""
    palette, across = PALETTES[options.theme], options.direction == "LR"
    font = {"fontname": style.font, "fontcolor": palette.text, "fontsize": str(style.text_size)}
    return graphviz.Digraph(
        node_id(name),
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


def _add_legend(dot: Dot, families: list[str], options: RenderOptions, style: Style) -> None:
    """The colours of the picture with their names, in a frame of their own."""
    palette, rows = PALETTES[options.theme], legend_rows(families)
    small = {"fontsize": str(style.small_size), "margin": style.slim_margin, "class": "legend"}
    small["width"] = f"{max(len(FAMILY_NAMES[family]) for family in families) * style.legend_letter:.2f}"
    with dot.subgraph(name="cluster_.legend") as frame:
        frame.attr(style="rounded", color=palette.scope.line, margin=str(style.legend_margin))
        for row in rows:
            with frame.subgraph() as line:
                line.attr(rank="same")
                for family in row:
                    paint = palette.box(family)
                    looks = {"fillcolor": paint.fill, "color": paint.line}
                    line.node(f".legend.{family}", FAMILY_NAMES[family], **small, **looks)
    for above, below in pairwise(rows):
        # rank=same joins a row, but says nothing of which row is above
        dot.edge(f".legend.{above[0]}", f".legend.{below[0]}", style="invis")


class _Writer:
    """Writes one picture in one style."""

    def __init__(
        self, diagram: Diagram, options: RenderOptions, style: Style, apart: Collection[str] | None = None
    ) -> None:
        self.diagram = diagram
        self.apart = apart
        self.options = options
        self.style = style
        self.palette = PALETTES[options.theme]
        self.arms = find_arms(diagram)
        self.items = _opened((*diagram.items, *diagram.insets), self.arms)
        drawn = Links(diagram.edges, self.items, self.arms, options)
        self.links, self.bridges = drawn.all, drawn.texts
        self.joints = {box.id for box in diagram.items if isinstance(box, Box) and box.family == JOINT}
        self.columns = chains(self.links) | self._arm_columns()
        across = options.direction == "LR"
        self.alone = set[str]() if self.arms.rows or across else alone(self.links)

    def write(self) -> str:
        """The DOT text."""
        dot = _page(self.diagram.name, self.options, self.style)
        if self.arms.rows:
            # only with newrank may rank=same hold boxes of different frames
            dot.attr(newrank="true")
        self._write_items(dot, self.items)
        for row in self.arms.rows:
            self._write_row(dot, row)
        if families := legend_families(self.diagram, self.options):
            _add_legend(dot, families, self.options, self.style)
        self._write_links(dot)
        self._stack_insets(dot)
        return dot.source

    def _write_row(self, dot: Dot, row: tuple[str, ...]) -> None:
        """A level of a U at one height, with the shapes on its bridges."""
        text_looks = {"shape": "plain", "style": "", "class": "bridge"}
        text_looks |= {"fontsize": str(self.style.small_size), "fontcolor": self.palette.edge}
        with dot.subgraph() as level:
            level.attr(rank="same")
            for box in row:
                level.node(node_id(box))
            for link in self.links:
                if link.source in row and link.target in self.bridges:
                    self._write_node(level, link.target, self.bridges[link.target], **text_looks)

    def _write_items(self, dot: Dot, items: tuple[Item, ...]) -> None:
        for item in items:
            match item:
                case Box():
                    self._write_box(dot, item)
                case Cluster():
                    # by its first letters Graphviz knows a subgraph that is drawn as a frame
                    with dot.subgraph(name=f"cluster_{node_id(item.id)}") as frame:
                        self._write_cluster(frame, item)

    def _write_box(self, dot: Dot, box: Box) -> None:
        paint, style = self.palette.box(box.family), self.style
        if box.family == JOINT:
            self._write_joint(dot, box)
            return
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

    def _write_joint(self, dot: Dot, joint: Box) -> None:
        """The end of an edge that goes on elsewhere: a point before or behind everything else."""
        with dot.subgraph() as end:
            end.attr(rank="source" if any(link.source == joint.id for link in self.links) else "sink")
            end.node(node_id(joint.id), "", shape="point", width="0.01", color=self.palette.edge, **{"class": JOINT})

    def _write_cluster(self, frame: Dot, cluster: Cluster) -> None:
        """A frame with its heading as the first box in it: `layer1: unit(c=64) x3`."""
        paint = self.palette.copies if cluster.count > 1 else self.palette.scope
        dashed = ",dashed" if cluster.training else ""
        frame.attr(
            style=f"rounded,filled{dashed}", fillcolor=paint.fill, color=paint.line, margin=str(self.style.frame_margin)
        )
        lines = tuple(self._shown(line) for line in frame_lines(cluster, self.options))
        # a style sheet makes headings bold, which Graphviz knows nothing of: its field would be too narrow
        widest = max(map(bold_width, lines)) * self.style.text_size / POINTS
        heading = {"class": "heading", "margin": self.style.heading_margin, "fontcolor": paint.text}
        heading |= {"fillcolor": paint.heading, "color": paint.heading}
        heading |= {"width": f"{widest + self.style.heading_space:.2f}"}
        self._write_node(frame, heading_id(cluster.id), lines, **heading)
        self._write_items(frame, cluster.items)

    def _write_node(self, dot: Dot, node: str, lines: tuple[str, ...], **attributes: str) -> None:
        # Graphviz keeps edges within a group straight
        column = {"group": self.columns[node]} if node in self.columns else {}
        text = "\\n".join(_escaped(self._shown(line)) for line in lines)
        # without nohtml a text in <...> is taken for a label of HTML
        dot.node(node_id(node), graphviz.nohtml(text), **attributes, **column)

    def _write_links(self, dot: Dot) -> None:
        for link in self.links:
            ends = node_id(link.source), node_id(link.target)
            # an edge of DOT leads downwards: what rises is written from its end, with the arrow at its back
            ends = ends[::-1] if link.rises else ends
            straight = self.columns.get(link.source, link.source) == self.columns.get(link.target)
            attributes = {"dir": "back"} if link.rises else {}
            attributes |= {"weight": str(self.style.straightness)} if straight else {}
            attributes |= {"dir": "none"} if link.enters or link.target in self.joints else {}
            if link.text:
                # blanks keep the text off its line, which Graphviz sets right beside it
                attributes |= {"label": _escaped(f"  {link.text}")}
                attributes |= {"labelfloat": "true"} if straight and self._floats(link, "->".join(ends)) else {}
            dot.edge(*ends, **attributes)

    def _floats(self, link: Link, ends: str) -> bool:
        """Whether a shape may stand beside its straight line without room of its own."""
        if len(link.text) > self.style.longest_floating:
            return False
        return link.target in self.alone if self.apart is None else ends not in self.apart

    def _arm_columns(self) -> dict[str, str]:
        """The two arms of a U as one column each, headings of their frames included."""
        columns: dict[str, str] = {}
        for box, frames in frames_around(self.items, ()):
            for name, arm in (("falling", self.arms.falling), ("rising", self.arms.rising)):
                if box in arm:
                    columns |= dict.fromkeys((box, *map(heading_id, frames)), name)
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
                dot.edge(node_id(above), node_id(heading_id(inset.id)), style="invis")
            else:
                filled = _rows(inset.items) + 1
            inner = list(boxes_of(inset.items))
            above = inner[-1].id
            for box in inner:
                if box.family == "input":
                    dot.edge(
                        node_id(heading_id(inset.id)),
                        node_id(box.id),
                        style="invis",
                        weight=str(self.style.straightness),
                    )

    def _shown(self, text: str) -> str:
        """Text as a reader sees it: cut where it is too long, and what does not print spelled out."""
        most = self.style.longest_text
        cut = text if len(text) <= most else f"{text[: most - 3]}..."
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut.rstrip())


def bold_width(text: str) -> float:
    """About how wide a heading is, in parts of its size."""
    return sum(BOLD_WIDTHS.get(char, PLAIN_WIDTH if ord(char) < 0x530 else WIDE_WIDTH) for char in text)


def _rows(items: tuple[Item, ...]) -> int:
    """About how high items are: boxes and headings, as if one stood below the other."""
    return sum(1 if isinstance(item, Box) else 1 + _rows(item.items) for item in items)


def _escaped(text: str) -> str:
    """Text as a label: Graphviz reads backslashes, `&lt;` and (in a whole label) `<b>` as more than text."""
    return graphviz.escape(text.replace("&", "&amp;"))


def _opened(items: tuple[Item, ...], arms: Arms) -> tuple[Item, ...]:
    """The items without the frames that hold boxes of both arms of a U, which would stand around it, all of them, and
    without those on a bridge, which has no room for a heading."""
    beside = {box for row in arms.rows for box in row[1:-1]}
    opened: list[Item] = []
    for item in items:
        if isinstance(item, Box):
            opened.append(item)
            continue
        inner = _opened(item.items, arms)
        names = {box.id for box in boxes_of(inner)}
        across = names & arms.rising and names - arms.rising
        # a frame of copies stays all the same: without it the count would be lost
        if item.count == 1 and (across or names & beside):
            opened += inner
        else:
            opened.append(replace(item, items=inner))
    return tuple(opened)


def node_id(text: str) -> str:
    """An id that means the same wherever DOT has one: letters, digits and `_.-~*`, the rest as `%xx`.

    With a slash before it where it would begin with `%`: Graphviz takes that for an id of its own.
    """
    quoted = quote(text, safe="*", errors="surrogatepass")
    return f"/{quoted}" if quoted.startswith("%") else quoted
