"""Layers that choose a part of their input or only change its shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal, Self

from archlang.errors.arguments import OutOfRange
from archlang.errors.shapes import CannotReshape
from archlang.errors.words import listing, product_text
from archlang.ir.arithmetic import regrouped, shifted
from archlang.ir.ops.arguments import dimension, index, integers, optional, sizes
from archlang.ir.ops.base import (
    Field,
    Lines,
    Op,
    OpError,
    Shape,
    Sizes,
    TorchCall,
    Value,
    axis_index,
    positional,
    require_rank,
)  # fmt: skip
from archlang.ir.ops.trace import Tensor, Trace
from archlang.ir.ops.window import WINDOW_SHAPES
from archlang.records import record

MOST_AXES = 16
"""Axes that flow at most, the batch not counted."""


@record(kw_only=True)
class Crop(Op):
    """The middle of a map, or with `start` another part: `CROP(to=388)`, `CROP(to=500, start=19)` as FCN has it.

    (C, *sizes) -> (C, *to), a slice (no class in torch). Of an odd number of rows to cut, the last side loses one more.
    """

    op: Literal["crop"] = "crop"
    start: Sizes
    to: Sizes | None
    after: Sizes | None = None
    """Rows to cut behind, where that is certain and `to` is not: what a join crops fits maps of other sizes, too."""
    centred: bool = False
    """Whether `start` follows from the size."""

    tag = "crop"
    words = ("CROP",)
    kind = "crop"
    family = "shape"
    keeps_integers = True
    signature = (sizes("to"), sizes("start", None, minimum=0))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Crop:
        """Without `start` the crop is centred: (size - to)//2 rows go before it. Raises `OpError` outside the input."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        to = given["to"]
        # FCN crops with fixed offsets (5, 9, 19), U-Net around the centre: 4, 16, 40 and 88 rows.
        start = given["start"] or tuple((size - kept) // 2 for size, kept in zip(shape[1:], to, strict=True))
        if any(s < 0 or s + t > size for s, t, size in zip(start, to, shape[1:], strict=True)):
            raise OpError(OutOfRange(word, "to", to, f"inside the input's {'x'.join(map(str, shape[1:]))}"))
        return cls(start=start, to=to, centred=given["start"] is None)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, *to), or what is left of each axis where rows to cut are known and not the size."""
        channels, *given = inputs[0]
        if self.after is None:
            return (channels, *(self.to or ()))
        kept = tuple(size - s - a for size, s, a in zip(given, self.start, self.after, strict=True))
        if any(size < 1 for size in kept):
            raise OpError(OutOfRange(self.words[0], "start", self.start, f"inside {'x'.join(map(str, given))}"))
        return (channels, *kept)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A view with the strides of the input: it holds all of the input's memory alive."""
        return (trace.view(inputs[0], (trace.batch, *outputs[0]), inputs[0].strides),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The position moved by the rows that are cut before it."""
        # "all" of a crop is not all of its input, but just the rows that it lets through.
        columns = zip(field[1:], output[1:], self.start, strict=True)
        return ((field[0], *(shifted(reach or (0, size - 1), by) for reach, size, by in columns)),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`rows 4 to 59 of 0 to 63`."""
        columns = zip(self.start, output[1:], inputs[0][1:], strict=True)
        return tuple(dict.fromkeys(f"rows {start} to {start + to - 1} of 0 to {n - 1}" for start, to, n in columns))

    @property
    def summary(self) -> str:
        """`to 388`, or `by 4 and 5` where a join crops."""
        if self.to is not None:
            return "to " + "x".join(map(str, self.to))
        cut = dict.fromkeys(
            f"{s}" if s == a else f"{s} and {a}" for s, a in zip(self.start, self.after or (), strict=True)
        )
        return f"by {', '.join(cut)}"

    def torch(self) -> TorchCall:
        """Slices of the last axes, no module: `x[..., 4:60, 4:60]`."""
        ends = self.after or tuple(s + t for s, t in zip(self.start, self.to or (), strict=True))
        # counted from the end, so that a join fits maps of other sizes; `-0` would be the start, hence none.
        stops = (-end or None for end in ends) if self.after else ends
        return TorchCall("[]", (positional("slices", tuple(zip(self.start, stops, strict=True))),))


@record(kw_only=True)
class Slice(Op):
    """A part of one axis (torch.narrow): `SLICE(1, 0, 3)` is the first three channels, `SLICE(-1, stop=-1)` all but the
    last number.

    Any shape; along `dim`, counted as in torch, `stop - start` remain. Negative positions count from the end.
    """

    op: Literal["slice"] = "slice"
    dim: int
    start: int
    stop: int | None
    behind: int
    """Axes behind `dim`."""

    tag = "slice"
    words = ("SLICE",)
    kind = "slice"
    family = "shape"
    keeps_integers = True
    signature = (dimension("dim"), index("start", 0), optional(index("stop")))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` for positions outside the axis; a negative `dim` becomes the axis from the front."""
        axis = axis_index(word, given["dim"], shape)
        made = cls(dim=axis + 1, start=given["start"], stop=given["stop"], behind=len(shape) - axis - 1)
        size, (first, last) = shape[axis], made.ends(shape)
        if not 0 <= first < size:
            raise OpError(OutOfRange(word, "start", made.start, f"a position of the {size} along axis {axis + 1}"))
        if not first < last <= size:
            stop = f"behind {first} and at most {size} along axis {axis + 1}"
            raise OpError(OutOfRange(word, "stop", made.stop, stop))
        return made

    def ends(self, shape: Shape) -> tuple[int, int]:
        """The first position that is taken from a shape, and the one behind the last."""
        size = shape[self.dim - 1]
        first = self.start + size if self.start < 0 else self.start
        if self.stop is None:
            return first, size
        return first, self.stop + size if self.stop < 0 else self.stop

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """`stop - start` along `dim`."""
        before, behind = inputs[0][: self.dim - 1], inputs[0][self.dim :]
        first, last = self.ends(inputs[0])
        return (*before, last - first, *behind)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A view with the strides of the input."""
        return (trace.view(inputs[0], (trace.batch, *outputs[0]), inputs[0].strides),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The position moved by `start`; where all is asked for, the part alone."""
        axis, (first, last) = self.dim - 1, self.ends(inputs[0])
        part = shifted(field[axis] or (0, last - first - 1), first)
        return ((*field[:axis], part, *field[axis + 1 :]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`3 - 0 = 3 along axis 1`."""
        first, last = self.ends(inputs[0])
        return (f"{last} - {first} = {last - first} along axis {self.dim}",)

    @property
    def summary(self) -> str:
        """`0:3, axis 1`, as Python slices."""
        return f"{self.start}:{'' if self.stop is None else self.stop}, axis {self.dim}"

    def torch(self) -> TorchCall:
        """`torch.narrow`, or a Python slice where positions count from the end."""
        if self.start < 0 or self.stop is None or self.stop < 0:  # what is counted from the end moves with it
            slices = ((self.start, self.stop), *[(0, None)] * self.behind)
            return TorchCall("[]", (positional("slices", slices),))
        arguments = (positional("dim", self.dim), positional("start", self.start))
        return TorchCall("torch.narrow", (*arguments, positional("length", self.stop - self.start)))


@record(kw_only=True)
class Reshape(Op):
    """The same numbers in another shape (torch.Tensor.reshape): `RESHAPE((768, -1))`.

    Any shape -> `shape`, without the batch; one -1 in it stands for what is left.
    """

    op: Literal["reshape"] = "reshape"
    shape: Shape

    tag = "reshape"
    words = ("RESHAPE",)
    kind = "reshape"
    family = "shape"
    keeps_integers = True
    signature = (integers("shape", "a shape such as 16x5x5 or (16, -1)", minimum=-1),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless the numbers are as many as before, or the known sizes divide them."""
        wanted, size = given["shape"], prod(shape)
        known = prod(n for n in wanted if n != -1)
        # a size of 0 would leave no numbers, and two -1 would have many answers.
        if len(wanted) > MOST_AXES or wanted.count(-1) > 1 or 0 in wanted:
            expected = f"1 to {MOST_AXES} sizes without the batch, one of them perhaps -1"
            raise OpError(OutOfRange(word, "shape", wanted, expected))
        # without the batch in `shape`, torch's reshape(batch, ...) can never take numbers from another sample.
        if known != size and (-1 not in wanted or size % known):
            raise OpError(CannotReshape(word, "shape", shape, wanted))
        return cls(shape=wanted)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape, its -1 worked out."""
        known = prod(n for n in self.shape if n != -1)
        return tuple(prod(inputs[0]) // known if n == -1 else n for n in self.shape)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A view, or a copy of what does not lie in order, as torch.reshape does it."""
        return (trace.reshape(inputs[0], (trace.batch, *outputs[0])),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The same numbers, counted through."""
        return (regrouped(field, output, inputs[0]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """Both shapes as products of the same value."""
        return (f"the same numbers: {product_text(inputs[0])} are {product_text(output)}",)

    @property
    def summary(self) -> str:
        """`to 768x?`."""
        return "to " + "x".join("?" if n == -1 else str(n) for n in self.shape)

    def torch(self) -> TorchCall:
        """A module of archlang's own, for use in a Sequential: torch has no class that takes any shape."""
        return TorchCall("support.Reshape", (positional("shape", self.shape),))


@record(kw_only=True)
class Permute(Op):
    """The axes in another order (torch.permute): `PERMUTE((2, 1))` makes (L, E) of (E, L).

    Any shape. `dims` names the axes in their new order, counted as in torch; the batch, axis 0, stays the first and is
    written first or left out.
    """

    op: Literal["permute"] = "permute"
    dims: Sizes

    tag = "permute"
    words = ("PERMUTE",)
    kind = "permute"
    family = "shape"
    keeps_integers = True
    signature = (integers("dims", "axes such as (2, 1)", minimum=-MOST_AXES),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless every axis behind the batch is named once; the op holds them from the front."""
        written = given["dims"]
        behind = written[1:] if written[0] == 0 else written
        dims = tuple(dim + len(shape) + 1 if dim < 0 else dim for dim in behind)
        if sorted(dims) != list(range(1, len(shape) + 1)):
            expected = f"the axes 1 to {len(shape)}, each once (the batch is axis 0 and stays)"
            raise OpError(OutOfRange(word, "dims", written, expected))
        return cls(dims=(0, *dims))

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """The sizes in their new order."""
        return tuple(inputs[0][dim - 1] for dim in self.dims[1:])

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A view: only the strides change places."""
        return (trace.permute(inputs[0], self.dims),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """Each axis where it came from."""
        return (tuple(field[self.dims.index(axis) - 1] for axis in range(1, len(self.dims))),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """The order of the axes."""
        return (f"the axes {listing(map(str, self.dims[1:]))} in this order",)

    @property
    def summary(self) -> str:
        """The axes as torch counts them."""
        return ", ".join(map(str, self.dims[1:]))

    def torch(self) -> TorchCall:
        """`torch.permute` with the batch, which `dims` holds as axis 0."""
        return TorchCall("torch.permute", (positional("dims", self.dims),))


def crop_to_smallest(shapes: Sequence[Shape]) -> list[Crop | None]:
    """The crop of each shape around its centre to the smallest sizes of all; None where nothing is to cut."""
    if len({len(shape) for shape in shapes}) > 1:
        return [None] * len(shapes)
    to = tuple(min(column) for column in zip(*(shape[1:] for shape in shapes), strict=True))
    return [None if shape[1:] == to else _centred(shape[1:], to) for shape in shapes]


def _centred(sizes: Shape, to: Shape) -> Crop:
    """The crop of a map around its centre."""
    cut = [size - kept for size, kept in zip(sizes, to, strict=True)]
    # of an odd rest the last side loses one more, as of `CROP(to=...)`.
    return Crop(start=tuple(n // 2 for n in cut), to=None, after=tuple(n - n // 2 for n in cut))
