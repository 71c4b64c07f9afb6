"""A picture as DOT text for Graphviz, by the python package `graphviz`, which needs no program to write it.

The text depends on the picture and the style alone: statements stand in execution order, ids come from paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote

import graphviz  # pyright: ignore[reportMissingTypeStubs]

from archlang.backends.diagram import Box, Cluster, Diagram, Item
from archlang.records import record

Dot = Any
"""A `graphviz.Digraph`, or the part of one that is a cluster: the package has no types."""


@record
class Paint:
    """Colours of one family of boxes: inside and border."""

    fill: str
    line: str


@record
class FramePaint:
    """Colours of a frame, of the heading on it and of the heading's text."""

    fill: str
    line: str
    heading: str
    text: str


@record
class Palette:
    """Colours as `#rrggbb`, by the families of `Op.family`. Fills are pale: text has a contrast above 7 on them."""

    families: Mapping[str, Paint] = field(
        default_factory=lambda: {
            "conv": Paint("#dbe9f8", "#3b73af"),
            "linear": Paint("#ddf1dc", "#3a8a45"),
            "pool": Paint("#fbe3d3", "#c0622d"),
            "norm": Paint("#ece3f5", "#7c5aa6"),
            "activation": Paint("#fdf5cf", "#a88a12"),
            "regularisation": Paint("#efefef", "#8a8a8a"),
            "shape": Paint("#d9f1f1", "#2e8b8b"),
            "join": Paint("#fbdfe6", "#b5395e"),
            "attention": Paint("#e2e6fb", "#4a55b5"),
            "embedding": Paint("#e6f0d6", "#66852c"),
            "source": Paint("#fdeccb", "#a8741a"),
            "input": Paint("#ffffff", "#333333"),
            "output": Paint("#ffffff", "#333333"),
            "folded": Paint("#f3f4f6", "#4b5563"),
        }
    )
    other: Paint = Paint("#f6e1ea", "#a84a74")
    page: str = "#ffffff"
    text: str = "#1f2430"
    edge: str = "#5b6270"
    scope: FramePaint = FramePaint("#f8f9fb", "#b4bac6", "#dfe3ea", "#1f2430")
    copies: FramePaint = FramePaint("#eef1f6", "#5b6270", "#5b6270", "#ffffff")

    def box(self, family: str) -> Paint:
        """Colours of a family; those of `other` for one that has none."""
        return self.families.get(family, self.other)


@record
class Style:
    """How a picture looks. Sizes of text are points, lengths are inches unless said otherwise, as Graphviz has it."""

    palette: Palette = field(default_factory=Palette)
    font: str = "DejaVu Sans"
    """The widest of the usual sans-serif fonts, and one whose widths Graphviz knows everywhere: text laid out for it
    fits its box in whatever font a viewer has instead."""
    text_size: int = 11
    small_size: int = 9
    """Of shapes and slim boxes: they follow on every box, and should stand behind it."""
    box_margin: str = "0.12,0.06"
    slim_margin: str = "0.08,0.02"
    heading_margin: str = "0.08,0"
    heading_letter: float = 0.09
    """Width of a bold letter, for the field behind a heading: Graphviz knows the widths of one weight only."""
    slim: frozenset[str] = frozenset({"activation", "regularisation"})
    """Families of slim boxes: without weights, and after almost every layer."""
    rank_gap: float = 0.14
    """Between rows; the shapes take a row of their own, so that this is half an edge. A chain of 20 fits a page."""
    branch_gap: float = 0.3
    frame_margin: int = 10
    """In points, between a frame and what it holds."""
    page_margin: float = 0.1
    straightness: int = 50
    """Weight of an edge between two boxes with nothing else between them: chains are drawn as a straight line, against
    the pull of frames that are wider on one side."""
    longest_text: int = 60
    """In characters; what is longer is cut, so that no box is wider than a page."""


def write_dot(diagram: Diagram, style: Style | None = None) -> str:
    """The picture as DOT text, from top to bottom, ending in a newline."""
    return _Writer(diagram, style or Style()).write()


@record
class _Link:
    """A line to draw: an edge, or its part between two frames. `enters` says that it ends at a frame's heading."""

    source: str
    target: str
    text: str
    enters: bool


class _Writer:
    """Writes one picture in one style."""

    def __init__(self, diagram: Diagram, style: Style) -> None:
        self.diagram = diagram
        self.style = style
        self.palette = style.palette
        self.links = list(_links(diagram))
        self.columns = _columns(self.links)

    def write(self) -> str:
        """The DOT text."""
        style, palette = self.style, self.palette
        font = {"fontname": style.font, "fontcolor": palette.text, "fontsize": str(style.text_size)}
        dot: Dot = graphviz.Digraph(
            _id(self.diagram.name),
            graph_attr={
                "rankdir": "TB", "ranksep": str(style.rank_gap), "nodesep": str(style.branch_gap),
                "pad": str(style.page_margin), "bgcolor": palette.page,
            },
            node_attr=font | {
                "shape": "box", "style": "rounded,filled", "width": "0", "height": "0", "margin": style.box_margin,
            },
            edge_attr=font | {
                "fontsize": str(style.small_size), "fontcolor": palette.edge, "color": palette.edge, "arrowsize": "0.6",
            },
        )  # fmt: skip
        self._write_items(dot, self.diagram.items)
        self._write_links(dot)
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
        title = f"{box.label}: {box.title}" if box.label else box.title
        slim = {"fontsize": str(style.small_size), "margin": style.slim_margin} if box.family in style.slim else {}
        self._write_node(dot, box.id, f"{title}  {box.detail}", fillcolor=paint.fill, color=paint.line, **slim)

    def _write_cluster(self, frame: Dot, cluster: Cluster) -> None:
        """A frame with its heading as the first box in it: `layer1: unit(64) x3`."""
        paint = self.palette.copies if cluster.count > 1 else self.palette.scope
        frame.attr(style="rounded,filled", fillcolor=paint.fill, color=paint.line, margin=str(self.style.frame_margin))
        text = self._shown(_heading_text(cluster))
        heading = {"class": "heading", "margin": self.style.heading_margin, "fontcolor": paint.text}
        heading |= {"fillcolor": paint.heading, "color": paint.heading}
        heading |= {"width": f"{len(text) * self.style.heading_letter + 0.15:.2f}"}
        self._write_node(frame, _heading(cluster.id), text, **heading)
        self._write_items(frame, cluster.items)

    def _write_node(self, dot: Dot, node: str, text: str, **attributes: str) -> None:
        column = {"group": self.columns[node]} if node in self.columns else {}
        dot.node(_id(node), _escaped(self._shown(text)), **attributes, **column)

    def _write_links(self, dot: Dot) -> None:
        for link in self.links:
            straight = self.columns.get(link.source, link.source) == self.columns.get(link.target)
            attributes = {"weight": str(self.style.straightness)} if straight else {}
            attributes |= {"dir": "none"} if link.enters else {}
            attributes |= {"label": _escaped(f" {link.text}")} if link.text else {}
            dot.edge(_id(link.source), _id(link.target), **attributes)

    def _shown(self, text: str) -> str:
        """Text as a reader sees it: cut where it is too long, and what does not print spelled out."""
        most = self.style.longest_text
        cut = text if len(text) <= most else f"{text[: most - 3]}..."
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut.rstrip())


def _escaped(text: str) -> str:
    """Text as a label: Graphviz reads backslashes, `&lt;` and (in a whole label) `<b>` as more than text."""
    return graphviz.escape(text.replace("&", "&amp;"))


def _links(diagram: Diagram) -> Iterator[_Link]:
    """The edges, led through the headings of the frames that they enter; once where several enter the same way."""
    frames = dict(_frames(diagram.items, ()))
    seen: set[tuple[str, str]] = set()
    for edge in diagram.edges:
        here, text = edge.source, edge.text
        for frame in frames[edge.target]:
            if frame in frames[edge.source]:
                continue
            if (here, frame) not in seen:
                yield _Link(here, _heading(frame), text, True)
            seen.add((here, frame))
            here, text = _heading(frame), ""
        yield _Link(here, edge.target, text, False)


def _columns(links: list[_Link]) -> dict[str, str]:
    """A number for each chain without branches, by the boxes on it: they are drawn in one column."""
    leaving, entering = Counter(link.source for link in links), Counter(link.target for link in links)
    columns: dict[str, str] = {}
    for link in links:
        if leaving[link.source] == entering[link.target] == 1:
            columns[link.target] = columns.setdefault(link.source, str(len(columns)))
    return columns


def _frames(items: tuple[Item, ...], around: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each box with the frames around it, the outermost first."""
    for item in items:
        match item:
            case Box():
                yield item.id, around
            case Cluster():
                yield from _frames(item.items, (*around, item.id))


def _heading(cluster: str) -> str:
    return f".heading.{cluster}"


def _heading_text(cluster: Cluster) -> str:
    """`features`, `layer1: unit(64)  x3`, `x2`."""
    name = ": ".join(text for text in (cluster.name, cluster.definition) if text)
    count = f"x{cluster.count:,}" if cluster.count > 1 else ""
    return "  ".join(text for text in (name, count) if text)


def _id(text: str) -> str:
    """An id that means the same wherever DOT has one: letters, digits and `_.-~*`, the rest as `%xx`."""
    return quote(text, safe="*")
