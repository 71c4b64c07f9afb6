"""A figure with its places: volumes, kernels, lines and texts, for writers to write down as they stand.

Units are pixels, y grows downwards. A volume's front is `thickness` wide (channels) and `height` high; its depth goes
up and to the right. Everything lies within `width` and `height` of the scene.
"""

from __future__ import annotations

from typing import Literal

from archlang.backends.volumes.maps import Stage
from archlang.records import record

Point = tuple[float, float]

SLAB_GAP = 2.5
"""Between the slabs of one volume."""

LETTER = 0.62
"""Widest mean width of a letter, by the size of its font: texts are placed with room for it."""


@record
class Volume:
    """The maps of one stage: `slabs` boxes beside each other. `x` is the left edge, `top` the front's upper edge."""

    stage: Stage
    x: float
    top: float
    thickness: float
    height: float
    depth: float
    slabs: int

    @property
    def width(self) -> float:
        """From the first slab's left edge to the last one's far edge."""
        return self.slabs * self.thickness + (self.slabs - 1) * SLAB_GAP + self.depth

    @property
    def outlet(self) -> Point:
        """The middle of the side that faces what follows."""
        # the side is a parallelogram: its middle lies half the depth further right and higher than the front's edge
        return self.x + self.width - self.depth / 2, self.top + self.height / 2 - self.depth / 2

    @property
    def inlet(self) -> Point:
        """The left edge at the height of `outlet`: of the front, or where that is low, of the top."""
        y = self.outlet[1]
        # above a low front, the left edge of the lid leads to the right as much as up
        return self.x + max(0.0, self.top - y), y


@record
class Kernel:
    """A window on the side of a volume, as a parallelogram, and the point of the next map that it makes."""

    corners: tuple[Point, Point, Point, Point]
    target: Point


@record
class Line:
    """A line through points; `arrow` at its end. `role` is flow, or skip for what passes stages by."""

    points: tuple[Point, ...]
    role: Literal["flow", "skip"] = "flow"
    arrow: bool = True
    dashed: bool = False


@record
class Text:
    """A line of text: `x` is its middle, or its left end; `y` the base line."""

    x: float
    y: float
    text: str
    size: float
    anchor: Literal["middle", "start"] = "middle"
    bold: bool = False
    muted: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the room that it needs."""
        width = text_width(self.text, self.size)
        left = self.x - width / 2 if self.anchor == "middle" else self.x
        return left, self.y - 0.8 * self.size, left + width, self.y + 0.25 * self.size


@record
class Patch:
    """A square that explains a colour of the legend, by the family's name."""

    x: float
    y: float
    size: float
    family: str


@record
class Scene:
    """The figure. `title` and `about` are for readers who do not see it."""

    width: float
    height: float
    title: str
    about: str
    volumes: tuple[Volume, ...]
    kernels: tuple[Kernel, ...]
    lines: tuple[Line, ...]
    texts: tuple[Text, ...]
    patches: tuple[Patch, ...] = ()


def text_width(text: str, size: float) -> float:
    """Room for a text in a sans-serif font; wide scripts take a full square for each letter."""
    return size * sum(LETTER if ord(letter) < 0x1100 else 1.05 for letter in text)


def slabs_of(volume: Volume) -> tuple[tuple[tuple[Point, ...], tuple[Point, ...], tuple[Point, ...]], ...]:
    """For each slab, from left to right as they cover each other, its top, its side and its front as polygons."""
    found: list[tuple[tuple[Point, ...], tuple[Point, ...], tuple[Point, ...]]] = []
    top, bottom, d = volume.top, volume.top + volume.height, volume.depth
    for number in range(volume.slabs):
        x = volume.x + number * (volume.thickness + SLAB_GAP)
        right = x + volume.thickness
        front = ((x, top), (right, top), (right, bottom), (x, bottom))
        lid = ((x, top), (x + d, top - d), (right + d, top - d), (right, top))
        side = ((right, top), (right + d, top - d), (right + d, bottom - d), (right, bottom))
        found.append((lid, side, front))
    return tuple(found)
