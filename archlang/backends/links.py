"""The lines of a Graphviz picture: edges, led through the headings of frames, and what they say about the layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archlang.backends.arms import Arms
from archlang.backends.captions import edge_text
from archlang.backends.diagram import Box, Cluster, Edge, Item
from archlang.backends.render_options import RenderOptions
from archlang.records import record

BRIDGE = ".bridge."
"""Begins the ids of the texts in the bridges of a U."""


@record
class Link:
    """A line to draw: an edge, or its part between two frames. `enters` says that it ends at a frame's heading, `rises`
    that its end stands above its beginning."""

    source: str
    target: str
    text: str
    enters: bool
    rises: bool = False


class Links:
    """The links of items. `texts` are the shapes on the bridges of a U: boxes without a border between the two arms,
    which a text beside a line could not be kept apart from the frames of."""

    def __init__(self, edges: tuple[Edge, ...], items: tuple[Item, ...], arms: Arms, options: RenderOptions) -> None:
        self.options = options
        self.frames = dict(frames_around(items, ()))
        self.rising = arms.rising
        self.level = {box: number for number, row in enumerate(arms.rows) for box in row}
        self.texts: dict[str, tuple[str, ...]] = {}
        self.entered: set[tuple[str, str]] = set()
        self.said: set[tuple[str, str]] = set()
        self.all = [link for edge in edges for link in self._links(edge)]

    def _links(self, edge: Edge) -> Iterator[Link]:
        """An edge, led through the headings of the frames that it enters; once where several enter the same way."""
        here, text = edge.source, self._text(edge)
        # -1 here and None there: what stands in no row has no level, and two of these are no bridge
        if self.level.get(edge.source, -1) == self.level.get(edge.target):
            yield from self._bridge(edge, text)
            return
        rises = edge.target in self.rising
        for frame in self.frames[edge.target]:
            if frame in self.frames[edge.source]:
                continue
            # several edges from one box into a frame share the line to its heading
            if (here, frame) not in self.entered:
                yield Link(here, heading_id(frame), text, True, rises)
            self.entered.add((here, frame))
            here, text = heading_id(frame), ""
        yield Link(here, edge.target, text, False, rises)

    def _text(self, edge: Edge) -> str:
        """The shape on an edge; on the first of several that say the same of one box."""
        said = edge.source, edge_text(edge, self.options)
        new = said not in self.said
        self.said.add(said)
        return said[1] if new else ""

    def _bridge(self, edge: Edge, text: str) -> Iterator[Link]:
        here = edge.source
        if text and self.frames[edge.source] != self.frames[edge.target]:
            middle = f"{BRIDGE}{len(self.texts)}"
            self.texts[middle] = tuple(text.replace(" -> ", " ->\n").split("\n"))
            yield Link(here, middle, "", True)
            here, text = middle, ""
        yield Link(here, edge.target, text, False)


def chains(links: list[Link]) -> dict[str, str]:
    """A number for each chain without branches, by the boxes on it: they are drawn in one column."""
    leaving, entering = Counter(link.source for link in links), Counter(link.target for link in links)
    columns: dict[str, str] = {}
    for link in links:
        # a text on a bridge stands between the two arms, in the column of neither
        if BRIDGE not in link.source and leaving[link.source] == entering[link.target] == 1:
            columns[link.target] = columns.setdefault(link.source, str(len(columns)))
    return columns


def alone(links: list[Link]) -> set[str]:
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


def _ends(link: Link) -> tuple[str, str]:
    return link.source, link.target


def frames_around(items: tuple[Item, ...], around: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each box with the frames around it, the outermost first."""
    for item in items:
        match item:
            case Box():
                yield item.id, around
            case Cluster():
                yield from frames_around(item.items, (*around, item.id))


def heading_id(cluster: str) -> str:
    """The id of a frame's heading."""
    return f".heading.{cluster}"
