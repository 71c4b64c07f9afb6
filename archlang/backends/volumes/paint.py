"""Colours of a volume's faces: the family's own, lighter on top and darker at the side."""

from __future__ import annotations

from archlang.backends.themes import Palette
from archlang.records import record


@record
class Faces:
    """Colours of the three faces that are seen, and of their edges."""

    lid: str
    side: str
    front: str
    line: str


def faces(family: str, palette: Palette) -> Faces:
    """The faces of a family's volumes."""
    paint = palette.box(family)
    return Faces(
        mixed(paint.fill, palette.page, 0.45), mixed(paint.fill, paint.line, 0.22), mixed(paint.fill, paint.line, 0.08),
        paint.line,
    )  # fmt: skip


def mixed(first: str, second: str, share: float) -> str:
    """A colour between two of `#rrggbb`: `share` of the second."""
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
