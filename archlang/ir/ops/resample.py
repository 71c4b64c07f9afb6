"""Upsampling by interpolation, and unpooling to the positions that a pooling chose."""

from __future__ import annotations

from typing import Any, Literal, Self

from archlang.errors.arguments import ExclusiveArguments, MissingArguments, NotAllowed, OutOfRange
from archlang.errors.joins import JoinMismatch
from archlang.errors.words import shape_text
from archlang.ir.arithmetic import Reach, scaled_down, transposed_output, transposed_reads
from archlang.ir.ops.arguments import choice, factors, flag, optional, sizes
from archlang.ir.ops.base import (
    Field,
    Lines,
    Op,
    OpError,
    Shape,
    Sizes,
    TorchArgument,
    TorchCall,
    Value,
    collapse,
    keyword,
    positional,
    require_rank,
    with_defaults,
)  # fmt: skip
from archlang.ir.ops.pool import MaxPool
from archlang.ir.ops.trace import Tensor, Trace
from archlang.ir.ops.window import WINDOW_SHAPES
from archlang.records import record

NEAREST = ("nearest", "nearest-exact")
RANKS = {"linear": 2, "bilinear": 3, "bicubic": 3, "trilinear": 4}
"""Numbers of axes, channels included, that the interpolating modes take; the nearest ones take all three."""


@record(kw_only=True)
class Upsample(Op):
    """Enlarges a map by interpolation, to a size or by a factor (torch.nn.Upsample).

    (C, *sizes) -> (C, *size), or (C, *floor(sizes*scale_factor)). `mode` "linear" takes (C, L), "bilinear" and
    "bicubic" (C, H, W), "trilinear" (C, D, H, W), "nearest" and "nearest-exact" each of them. `align_corners`, of the
    interpolating modes only, changes the values and not the shape.
    """

    op: Literal["upsample"] = "upsample"
    size: Sizes | None
    scale_factor: tuple[float, ...] | None
    mode: str
    align_corners: bool | None

    tag = "upsample"
    words = ("UPSAMPLE", "Upsample")
    kind = "upsample"
    family = "pool"
    signature = (
        optional(sizes("size")),
        optional(factors("scale_factor")),
        choice("mode", "nearest", *NEAREST, *RANKS),
        optional(flag("align_corners", False)),
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless just one of `size` and `scale_factor` is given and the mode fits the axes."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        if given["size"] is None and given["scale_factor"] is None:
            text = ", ".join(parameter.text for parameter in cls.signature)
            raise OpError(MissingArguments(word, ("size or scale_factor",), text))
        if given["size"] is not None and given["scale_factor"] is not None:
            raise OpError(ExclusiveArguments(word, "scale_factor", "size"))
        _check_mode(word, given, shape)
        return cls(**given)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, *size), or (C, *floor(sizes*scale_factor)); raises `OpError` where a factor leaves nothing."""
        channels, *given = inputs[0]
        if self.size is not None:
            return (channels, *self.size)
        out = tuple(scaled_down(size, factor) for size, factor in zip(given, self.scale_factor or (), strict=True))
        if any(size < 1 for size in out):
            reason = f"it leaves nothing of {shape_text(given)}"
            raise OpError(NotAllowed(self.words[0], "scale_factor", collapse(self.scale_factor or ()), reason))
        return (channels, *out)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A new map; nothing is kept, since the weights of the neighbours follow from the sizes alone."""
        return (trace.output(outputs[0], inputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The rows between which torch interpolates, of the same channel."""
        columns = zip(field[1:], inputs[0][1:], output[1:], strict=True)
        return ((field[0], *(self._reads(*numbers) for numbers in columns)),)

    def _reads(self, reach: Reach, size: int, out: int) -> Reach:
        """The rows between which torch interpolates, along one axis."""
        if reach is None:
            return None
        if self.mode == "nearest":
            return reach[0] * size // out, reach[1] * size // out
        if self.align_corners:
            # position o of `out` stands at o*(N - 1)/(out - 1) of the input: the corners lie on each other.
            first, last, below = reach[0] * (size - 1), reach[1] * (size - 1), max(out - 1, 1)
        else:
            # the middle of pixel o stands at (o + 1/2)*N/out - 1/2, here over 2*out so that it stays whole.
            first, last, below = (2 * reach[0] + 1) * size - out, (2 * reach[1] + 1) * size - out, 2 * out
        # the pixel that the middle falls into, (2o + 1)*N // (2*out); plain "nearest" takes o*N // out.
        if self.mode == "nearest-exact":
            return (first + out) // below, (last + out) // below
        # bilinear takes the two rows around a place, bicubic one more on either side.
        around = 1 if self.mode == "bicubic" else 0
        return first // below - around, -(-last // below) + around

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`floor(28*2) = 56` for each kind of axis."""
        if self.scale_factor is None:
            return ("interpolated to the size that is given",)
        columns = zip(inputs[0][1:], self.scale_factor, output[1:], strict=True)
        return tuple(dict.fromkeys(f"floor({n}*{factor:g}) = {out}" for n, factor, out in columns))

    @property
    def summary(self) -> str:
        """`x2`, or `to 56x56`."""
        if self.size is not None:
            return f"to {shape_text(self.size)}"
        factors = dict.fromkeys(f"{factor:g}" for factor in self.scale_factor or ())
        return f"x{', x'.join(factors)}"

    def torch(self) -> TorchCall:
        """`nn.Upsample` with all arguments by name: its first is `size`, which one easily takes for the factor."""
        call = TorchCall(
            "nn.Upsample",
            (
                keyword("size", None if self.size is None else collapse(self.size)),
                keyword("scale_factor", None if self.scale_factor is None else _written(self.scale_factor)),
                keyword("mode", self.mode),
                keyword("align_corners", self.align_corners),
            ),
        )
        return with_defaults(call, {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None})


def _check_mode(word: str, given: dict[str, Any], shape: Shape) -> None:
    mode = given["mode"]
    if len(shape) != RANKS.get(mode, len(shape)):
        fitting = ", ".join(f'"{name}"' for name, rank in RANKS.items() if rank == len(shape))
        reason = f"torch interpolates an input of {len(shape)} axes in another way"
        raise OpError(NotAllowed(word, "mode", mode, reason, f'this input takes {fitting}, "nearest", "nearest-exact"'))
    if mode in NEAREST and given["align_corners"] is not None:
        reason = f'mode="{mode}" does not interpolate'
        raise OpError(NotAllowed(word, "align_corners", given["align_corners"], reason))


def _written(factors: tuple[float, ...]) -> Any:
    """Factors as one writes them: 2 for (2.0, 2.0)."""
    return collapse(tuple(int(factor) if factor.is_integer() else factor for factor in factors))


@record(kw_only=True)
class MaxUnpool(Op):
    """Puts each value back to where a maximum pooling took it from, zeros elsewhere (torch.nn.MaxUnpool1d, 2d, 3d).

    Its inputs are the map and the switches: the second output of the MAXPOOL that it undoes. Both have the pooling's
    output shape, and the pooling's input shape comes out. The maximum of two windows is set once, not summed.
    It is written with the pooling's label: `p: MAXPOOL(2) -> CONV(8, 3x3, padding=1) -> UNPOOL(p)`.
    """

    op: Literal["max_unpool"] = "max_unpool"
    kernel_size: Sizes
    stride: Sizes
    padding: Sizes
    output_size: Sizes | None = None
    """The size to restore, where it is not the one that torch assumes."""

    tag = "max_unpool"
    words = ("UNPOOL", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d")
    kind = "unpool"
    family = "pool"

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` always: without a pooling's label there are no positions to put values back to."""
        raise OpError(MissingArguments(word, ("the label of a MAXPOOL",), "label"))

    @classmethod
    def undo(cls, pool: MaxPool, pooled: Shape) -> Self:
        """The layer that undoes `pool` on an input of the shape `pooled`."""
        if pool.to is not None or pool.kernel_size is None or pool.stride is None:
            raise OpError(OutOfRange(cls.words[0], "pooling", pool.summary, "a pooling over windows"))
        if set(pool.dilation) != {1}:
            raise OpError(
                OutOfRange(cls.words[0], "pooling", pool.summary, "one without dilation, as torch's unpooling")
            )
        op = cls(kernel_size=pool.kernel_size, stride=pool.stride, padding=pool.padding)
        # what a pooling rounds away does not come back: 5x5 pooled by 2 makes 2x2, and torch restores 4x4 unless told.
        assumed = op.infer_shape((pool.infer_shape((pooled,)),) * 2)[1:]
        if assumed == pooled[1:]:
            return op
        # torch takes an output_size less than one stride away from its own, and raises for others.
        if any(abs(a - b) >= s for a, b, s in zip(assumed, pooled[1:], pool.stride, strict=True)):
            expected = f"one whose input of {shape_text(pooled[1:])} torch can restore: without dilation"
            raise OpError(OutOfRange(cls.words[0], "pooling", pool.summary, expected))
        return cls(kernel_size=pool.kernel_size, stride=pool.stride, padding=pool.padding, output_size=pooled[1:])

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(N - 1)S - 2P + F along each axis, or the size that the pooling had."""
        if inputs[0] != inputs[-1]:
            raise OpError(JoinMismatch(self.words[0], inputs, "the shape that its pooling gave"))
        columns = (self.kernel_size, self.stride, self.padding)
        assumed = (transposed_output(*numbers) for numbers in zip(inputs[0][1:], *columns, strict=True))
        return (inputs[0][0], *(self.output_size or assumed))

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the positions alone, and them only where a gradient flows back to the map."""
        trace.keep(*(inputs[1:] if inputs[0].grad else ()))
        return (trace.output(outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The windows that could have chosen the position, of the map and of the positions alike."""
        columns = zip(field[1:], self.kernel_size, self.stride, self.padding, strict=True)
        return ((field[0], *(transposed_reads(*numbers) for numbers in columns)),) * len(inputs)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """The shape that the pooling was given."""
        return (f"back to what the pooling was given, {shape_text(output[1:])}",)

    @property
    def summary(self) -> str:
        """The window of the pooling."""
        return shape_text(self.kernel_size)

    def torch(self) -> TorchCall:
        """Called with the map and the positions, and with `output_size` where torch would assume another."""
        call = TorchCall(
            f"nn.MaxUnpool{len(self.kernel_size)}d",
            (
                positional("kernel_size", collapse(self.kernel_size)),
                keyword("stride", None if self.stride == self.kernel_size else collapse(self.stride)),
                keyword("padding", collapse(self.padding)),
            ),
            inputs=(0, 1),
            call_arguments=self._call_arguments(),
        )
        return with_defaults(call, {"stride": None, "padding": 0})

    def _call_arguments(self) -> tuple[TorchArgument, ...]:
        return () if self.output_size is None else (keyword("output_size", self.output_size),)
