"""Layers that only change the shape, or choose a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from archlang.errors.arguments import OutOfRange
from archlang.ir.ops.arguments import sizes
from archlang.ir.ops.base import Op, OpError, Shape, Sizes, TorchCall, Value, positional, require_rank
from archlang.ir.ops.window import WINDOW_SHAPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop(Op):
    """The middle of a map: `CROP(to=388)`. Of an odd number of rows to cut, the last side loses one more."""

    op: Literal["crop"] = "crop"
    start: Sizes
    to: Sizes

    tag = "crop"
    words = ("CROP",)
    kind = "crop"
    family = "shape"
    signature = (sizes("to"), sizes("start", None, minimum=0))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Crop:
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        to = given["to"]
        start = given["start"] or tuple((size - kept) // 2 for size, kept in zip(shape[1:], to, strict=True))
        if any(s < 0 or s + t > size for s, t, size in zip(start, to, shape[1:], strict=True)):
            raise OpError(OutOfRange(word, "to", to, f"inside the input's {'x'.join(map(str, shape[1:]))}"))
        return cls(start=start, to=to)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (inputs[0][0], *self.to)

    @property
    def summary(self) -> str:
        return "to " + "x".join(map(str, self.to))

    def torch(self) -> TorchCall:
        slices = tuple((s, s + t) for s, t in zip(self.start, self.to, strict=True))
        return TorchCall("[]", (positional("slices", slices),))


def crop_to_smallest(shapes: Sequence[Shape]) -> list[Crop | None]:
    """The crop of each shape around its centre to the smallest sizes of all; None where nothing is to cut."""
    if len({len(shape) for shape in shapes}) > 1:
        return [None] * len(shapes)
    to = tuple(min(column) for column in zip(*(shape[1:] for shape in shapes), strict=True))
    starts = [tuple((size - kept) // 2 for size, kept in zip(shape[1:], to, strict=True)) for shape in shapes]
    return [None if s[1:] == to else Crop(start=a, to=to) for s, a in zip(shapes, starts, strict=True)]
