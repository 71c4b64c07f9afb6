"""Finds the shapes on edges that came to lie on something else in a picture that Graphviz laid out.

A shape beside a straight line takes no room of its own, which keeps pictures short. Where that puts it on a box, a line
or a border, the picture is laid out again with room for it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import unescape

from archlang.records import record

LETTER = 5.7
"""Width of a letter of the shapes, in points: those of Graphviz's measure."""

HEIGHT = 7.0
"""From the baseline of a shape to its top."""

BAND = 40.0
"""Height of the bands that things are looked up in."""

STEPS = 8
"""Points that are looked at on each piece of a curve."""

Point = tuple[float, float]

# Graphviz writes nodes, edges and frames as groups side by side, none inside another: the first </g> is the group's own
GROUP = re.compile(r'<g id="[^"]*" class="(node|edge|cluster)[^"]*">\n<title>([^<]*)</title>\n(.*?)</g>', re.DOTALL)
# outlines are paths because all corners are round; the only polygons are the tips of arrows, which may touch
PATH = re.compile(r'<path [^>]*?d="([^"]*)"')
ELLIPSE = re.compile(r'<ellipse [^>]*?cx="([-\d.]+)" cy="([-\d.]+)" rx="([\d.]+)" ry="([\d.]+)"')
TEXT = re.compile(r'<text [^>]*?x="([-\d.]+)" y="([-\d.]+)"[^>]*>([^<]*)</text>')
NUMBERS = re.compile(r"(-?[\d.]+),(-?[\d.]+)")


@record
class Area:
    """A rectangle, y downwards, and the name of what it belongs to."""

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        """Whether they have points in common."""
        aside = self.right <= other.left or other.right <= self.left
        return not (aside or self.bottom <= other.top or other.bottom <= self.top)

    def holds(self, other: Area) -> bool:
        """Whether the other lies in it."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@record
class Laid:
    """What stands where in a picture: boxes and frames, the shapes on edges, and points of the lines."""

    boxes: tuple[Area, ...]
    frames: tuple[Area, ...]
    texts: tuple[Area, ...]
    lines: tuple[Area, ...]


def read_layout(svg: str) -> Laid:
    """The places of everything in an SVG of Graphviz's, by the ids that DOT has."""
    boxes, frames, texts, lines = list[Area](), list[Area](), list[Area](), list[Area]()
    for kind, title, inner in GROUP.findall(svg):
        name = unescape(title)
        outlines = PATH.findall(inner)
        if kind == "edge":
            texts += (_text_area(name, *found) for found in TEXT.findall(inner))
            lines += (Area(name, x, y, x, y) for path in outlines for x, y in _curve(_points(path)))
        elif outlines:
            (boxes if kind == "node" else frames).append(_area(name, _points(outlines[0])))
        else:
            boxes += (_round_area(name, *map(float, found)) for found in ELLIPSE.findall(inner))
    return Laid(tuple(boxes), tuple(frames), tuple(texts), tuple(lines))


def crowded(laid: Laid) -> set[str]:
    """The edges whose shape lies on a box, another shape, another's line, or on the border of a frame."""
    near: defaultdict[int, list[Area]] = defaultdict(list)
    for area in (*laid.boxes, *laid.texts, *laid.lines):
        for band in _bands(area):
            near[band].append(area)
    return {text.name for text in laid.texts if _is_crowded(text, near, laid.frames)}


def _is_crowded(text: Area, near: defaultdict[int, list[Area]], frames: Iterable[Area]) -> bool:
    around = (area for band in _bands(text) for area in near[band])
    # beside its own line it is meant to stand
    if any(area.name != text.name and area.meets(text) for area in around):
        return True
    return any(frame.meets(text) and not frame.holds(text) for frame in frames)


def _bands(area: Area) -> range:
    return range(int(area.top // BAND), int(area.bottom // BAND) + 1)


def _points(path: str) -> list[Point]:
    return [(float(x), float(y)) for x, y in NUMBERS.findall(path)]


def _area(name: str, points: list[Point]) -> Area:
    across, down = [x for x, _ in points], [y for _, y in points]
    return Area(name, min(across), min(down), max(across), max(down))


def _round_area(name: str, x: float, y: float, width: float, height: float) -> Area:
    return Area(name, x - width, y - height, x + width, y + height)


def _text_area(name: str, x: str, y: str, text: str) -> Area:
    half = len(unescape(text).strip()) * LETTER / 2
    return Area(name, float(x) - half, float(y) - HEIGHT, float(x) + half, float(y))


def _curve(corners: list[Point]) -> Iterator[Point]:
    """Points on a line of cubic pieces."""
    # a piece has two ends and two points that bend it; its end is the beginning of the next
    for start in range(0, len(corners) - 3, 3):
        a, b, c, d = corners[start : start + 4]
        for step in range(STEPS + 1):
            t, u = step / STEPS, 1 - step / STEPS
            weights = u**3, 3 * u * u * t, 3 * u * t * t, t**3
            pairs = list(zip(weights, (a, b, c, d), strict=True))
            yield sum(weight * x for weight, (x, _) in pairs), sum(weight * y for weight, (_, y) in pairs)
