"""Frames of a picture: which of them are one, which boxes take their names, and the ends of an inset."""

from __future__ import annotations

from dataclasses import replace

from archlang.backends.diagram import Box, Cluster, Item
from archlang.ir.ops.base import Shape

UNNAMED = frozenset({"folded", "join"})
"""Families of boxes that do not take the name of a scope that holds nothing else."""

SIDE_BY_SIDE = "side by side"
"""Note on copies that are branches."""


def ends_of_inset(prefix: str, family: str, shapes: tuple[Shape, ...]) -> tuple[Box, ...]:
    """The inputs or outputs of an inset; the edges show their shapes."""
    numbers = [f" {number + 1}" if len(shapes) > 1 else "" for number in range(len(shapes))]
    return tuple(
        Box(f"{prefix}.{number}", f"{family}{numbers[number]}", "", family, shapes=(shape,))
        for number, shape in enumerate(shapes)
    )


def side_by_side(items: list[Item], count: int) -> Cluster:
    """The frame around a branch that stands for several."""
    counted = [(item, item.count if isinstance(item, Cluster) else 1) for item in items]
    parameters, macs = (sum(getattr(item, what) * times for item, times in counted) for what in ("parameters", "macs"))
    return Cluster(
        f"{items[0].id}*{count}", tuple(items), count=count, note=SIDE_BY_SIDE, parameters=parameters, macs=macs
    )


def joined_frame(outer: Cluster) -> Item:
    """A frame, and what it holds alone as one with it where that reads as written: `layer1: unit(c=64) x3`.

    A box alone takes the frame's name, or that of its block: `pool1: MaxPool2d`.
    """
    match outer.items:
        # a frame around one box says no more than a name on the box
        case (Box(label="") as box,) if outer.count == 1 and box.family not in UNNAMED and (name := _only_name(outer)):
            return replace(box, label=name)
        # with two counts above 1 neither frame may go: x2 around x3 are two parts with three copies each
        case (Cluster() as inner,) if not outer.definition and 1 in (outer.count, inner.count):
            if not (outer.name and inner.name) and (not inner.name or inner.count == 1):
                name, path = outer.name or inner.name, outer.path or inner.path
                return replace(inner, id=outer.id, name=name, path=path, count=outer.count * inner.count)
            return outer
        case _:
            return outer


def _only_name(frame: Cluster) -> str:
    """The name of a frame, or the block's where it has none and no arguments to show."""
    return frame.name or (frame.definition if "(" not in frame.definition else "")
