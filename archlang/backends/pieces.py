"""Pieces of a picture that Graphviz laid out one by one, with what `pages.py` has to know to put them side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from archlang.backends.columns import JOINTS
from archlang.backends.crowding import Area, read_layout
from archlang.records import record

Point = tuple[float, float]

BEND = 6.0
"""Radius of the bends of a line between pieces."""


@record
class Piece:
    """A laid out part of the picture: its SVG, moved so that its corner is at 0, 0, and where its joints are."""

    svg: str
    width: float
    height: float
    joints: Mapping[str, tuple[float, float]]
    boxes: Mapping[str, Area]
    areas: tuple[Area, ...]
    """Of all that is drawn."""


def read_piece(svg: str, across: bool) -> Piece:
    """What Graphviz wrote as a piece; places across and along the picture."""
    width, height = (float(size) for size in re.findall(r'\b(?:width|height)="([\d.]+)pt"', svg)[:2])
    start = svg.index('<g id="graph0"')
    # each piece has a background of its own, which would cover its neighbours; the page has one for all
    inner = re.sub(r"<title>.*?</title>\n<polygon [^>]*/>\n", "", svg[start : svg.rindex("</svg>")], count=1)
    # Graphviz draws above the origin, where y is negative, and moves all of it down in one transform
    moved = [float(number) for number in re.findall(r"translate\(([-\d.]+) ([-\d.]+)\)", inner)[0]]
    laid = read_layout(inner)
    boxes = {area.name: _moved(area, moved, across) for area in laid.boxes}
    joints = {
        name: ((at.left + at.right) / 2, (at.top + at.bottom) / 2) for name, at in boxes.items() if _is_joint(name)
    }
    rest = tuple(_moved(area, moved, across) for area in (*laid.frames, *laid.texts, *laid.lines))
    size = (height, width) if across else (width, height)
    return Piece(inner, *size, joints, boxes, (*boxes.values(), *rest))


def _is_joint(name: str) -> bool:
    return name.startswith(JOINTS)


def _moved(area: Area, by: Sequence[float], across: bool) -> Area:
    x, y = by
    left, top, right, bottom = area.left + x, area.top + y, area.right + x, area.bottom + y
    return Area(area.name, *((top, left, bottom, right) if across else (left, top, right, bottom)))


def bent_line(corners: Sequence[Point]) -> str:
    """A line through corners, with round bends."""
    path = f"M{_text(corners[0])}"
    for before, corner, behind in zip(corners, corners[1:], corners[2:], strict=False):
        # a quadratic curve that the corner pulls: round, and within the corner
        path += f"L{_text(_towards(corner, before))}Q{_text(corner)} {_text(_towards(corner, behind))}"
    return f"{path}L{_text(corners[-1])}"


def _towards(start: Point, end: Point) -> Point:
    """A point near a bend: at most half the way to the next one."""
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    part = min(BEND / length, 0.5) if length else 0.0
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _text(point: Point) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"
