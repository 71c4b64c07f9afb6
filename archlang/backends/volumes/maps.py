"""One feature map of a figure: how a layer's box reads as a map, with its size, its channels and what made it."""

from __future__ import annotations

from math import prod
from typing import Any

from archlang.backends.diagram import Box
from archlang.errors.words import shape_text
from archlang.ir.ops.base import Shape
from archlang.records import record

WEIGHTED = frozenset({"conv", "linear", "attention", "embedding"})
POINTWISE = frozenset({"activation", "norm", "regularisation"})
SILENT = frozenset({"activation", "norm", "regularisation", "shape", "join", "other"})
"""Families of layers that belong to the map before them."""

FEATURES_LAST = frozenset({"attention", "embedding", "linear"})
"""Families that read (length, features), not (channels, length)."""

NEAR = 0.08
"""How much the sizes of maps that are drawn as one may differ: unpadded convolutions cut a little off."""

WORDS = {"Linear": "FC", "Embedding": "embedding", "Flatten": "flatten"}
"""Short words for torch's classes."""


@record
class Stage:
    """One or more maps alike: `size` (none for a vector), `channels` of the last of `count`, `first` of the first.

    `caption` says what made it, `name` is the author's, `kernel` the window that read the map before. `rows` says that
    a map of one dimension is (length, features). `start` is the size of the first of several, where that is another,
    `arrow` what stands on the way to it in a U. Nothing leads to a `root`.
    """

    id: str
    size: tuple[int, ...]
    channels: int
    family: str
    caption: tuple[str, ...]
    name: str = ""
    count: int = 1
    first: int = 0
    kernel: tuple[int, ...] = ()
    rows: bool = False
    block: bool = False
    arrow: str = ""
    root: bool = False
    start: tuple[int, ...] = ()

    @property
    def size_text(self) -> str:
        """`224x224`, `570 ... 568` of squares that shrink; empty for a vector."""
        if self.start and self.start != self.size:
            ends = [str(size[0]) if len(set(size)) == 1 else shape_text(size) for size in (self.start, self.size)]
            return " ... ".join(ends)
        return shape_text(self.size) if self.size else ""

    @property
    def channels_text(self) -> str:
        """`64`, `64 ... 256`, `64 x3`."""
        text = str(self.channels)
        if self.first and self.first != self.channels:
            text = f"{self.first} ... {text}"
        return f"{text} x{self.count:,}" if self.count > 1 else text


def is_silent(box: Box) -> bool:
    """Whether a box makes no map of its own, as long as the shape stays; so does pooling to a size that is there."""
    return box.family in SILENT or (box.family == "pool" and not _kernel(box))


def changes(before: Stage, stage: Stage) -> bool:
    """Whether a stage has another size than the one before it; flattened for what goes number by number is none."""
    # ReLU behind a flattening: the same numbers, so the map before stays
    if stage.family in POINTWISE:
        return stage.channels * prod(stage.size) != before.channels * prod(before.size)
    return (stage.size, stage.channels) != (before.size, before.channels)


def same(before: Stage, stage: Stage) -> bool:
    """Whether two stages in a row are drawn as one with a count."""
    if stage.root or stage.family == "input" or len(before.size) != len(stage.size):
        return False
    near = all(abs(a - b) <= NEAR * max(a, b) for a, b in zip(before.size, stage.size, strict=True))
    alike = (before.caption, before.family) == (stage.caption, stage.family)
    # blocks may grow in channels from one to the next (DenseNet), layers alike have the same
    return near and alike and (stage.block or before.channels == stage.channels)


def layer_stage(box: Box, last: Shape | None = None, before: Stage | None = None) -> Stage:
    """The map behind a layer, an input, or a part that is one box."""
    rows = _has_rows(box, before)
    size, channels = _split(last or (box.shapes[0] if box.shapes else ()), rows)
    kernel = _kernel(box)
    return Stage(
        box.id, size, channels, box.family, tuple(_caption(box, kernel)), kernel=kernel, rows=rows,
        first=_split(box.shapes[0], rows)[1] if last and box.shapes else 0, block=box.family == "folded",
    )  # fmt: skip


def _kernel(box: Box) -> tuple[int, ...]:
    """The window of a convolution or a pooling."""
    return _numbers(box, "kernel_size") if box.family in ("conv", "pool") else ()


def _numbers(box: Box, field: str) -> tuple[int, ...]:
    """A tuple of integers among the arguments of a box's layer; empty where there is none."""
    value: Any = getattr(box.op, field, ())
    sizes: list[Any] = list(value) if isinstance(value, tuple) else []  # pyright: ignore[reportUnknownArgumentType]
    return tuple(sizes) if all(type(size) is int for size in sizes) else ()


def block_stage(end: Box, last: Shape | None, title: str, count: int, before: Stage | None) -> Stage:
    """The map behind a block that is drawn as one stage."""
    rows = before.rows if before else False
    shape = end.shapes[0] if end.shapes else ()
    size, channels = _split(last or shape, rows)
    first = _split(shape, rows)[1]
    family = "error" if end.family == "error" else "folded"
    return Stage(end.id, size, channels, family, (title,), count=count, first=first, rows=rows, block=True)


def _has_rows(box: Box, before: Stage | None) -> bool:
    if box.family in FEATURES_LAST:
        return True
    if box.family in ("conv", "pool") or before is None:
        return False
    # turns (channels, length) into (length, features), and back
    if box.title in ("PERMUTE", "Transpose") and box.shapes and len(box.shapes[0]) == 2:
        return not before.rows
    return before.rows


def _split(shape: Shape, rows: bool) -> tuple[tuple[int, ...], int]:
    """Size and channels of a shape."""
    sizes = tuple(int(size) for size in shape)
    if len(sizes) == 2 and rows:
        return sizes[:1], sizes[1]
    # channels first, as torch has it; a model may also give a single number
    return (sizes[1:], sizes[0]) if sizes else ((), 1)


def _caption(box: Box, kernel: tuple[int, ...]) -> list[str]:
    """What made a map, in short lines."""
    match box.family:
        case "input":
            return [box.title]
        case "conv" if kernel:
            return [f"{_conv_word(box)} {shape_text(kernel)}{_stride(box)}"]
        case "pool":
            return [_pool_word(box), f"{shape_text(kernel)}{_stride(box)}"] if kernel else [_pool_word(box)]
        case "folded" if box.label:
            return [box.label]
        case "error":
            return [box.title, box.detail]
        case _:
            plain = box.title.lower() if box.title.isupper() else box.title
            return [WORDS.get(box.title, box.symbol or plain)]


def _conv_word(box: Box) -> str:
    op: Any = box.op
    if "Transpose" in box.title:
        return "up-conv"
    groups = getattr(op, "groups", 1)
    # depthwise: as many groups as channels (MobileNet; Howard et al. 2017)
    return "dw conv" if groups > 1 and groups == getattr(op, "in_channels", 0) else "conv"


def _pool_word(box: Box) -> str:
    # torch's classes by their names without 1d, 2d, 3d
    kinds = {
        "MaxPool": "max pool",
        "AvgPool": "avg pool",
        "MaxUnpool": "max unpool",
        "AdaptiveAvgPool": "avg pool",
        "AdaptiveMaxPool": "max pool",
    }
    return kinds.get(box.title.rstrip("123d"), box.title.lower())


def _stride(box: Box) -> str:
    """` /2` for a stride of 2, ` x2` where it enlarges."""
    stride = _numbers(box, "stride")
    if set(stride) <= {1}:
        return ""
    mark = "x" if "Transpose" in box.title or "Unpool" in box.title else "/"
    return f" {mark}{shape_text(stride) if len(set(stride)) > 1 else stride[0]}"
