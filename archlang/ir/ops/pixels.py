"""Channels moved into space and back: the sub-pixel layers of super-resolution. No weights, no work."""

from __future__ import annotations

from typing import Literal, Self

from archlang.errors.arguments import NotAllowed
from archlang.errors.words import listing, plural
from archlang.ir.arithmetic import Symbolic, blocks_read
from archlang.ir.ops.arguments import whole
from archlang.ir.ops.base import (
    Field,
    Lines,
    Op,
    OpError,
    Shape,
    TorchCall,
    Value,
    positional,
    require_rank,
)
from archlang.ir.ops.trace import Tensor, Trace
from archlang.records import record

MAPS = "an input (C, H, W)"
LARGEST_OFFERED = 16
"""Factors beyond this are no way out that anyone looks for."""


@record(kw_only=True)
class PixelShuffle(Op):
    """Makes a map larger by its channels, as ESPCN does (Shi et al. 2016; torch.nn.PixelShuffle).

    (C*r*r, H, W) -> (C, H*r, W*r), with r the `upscale_factor`: the r*r channels of a group become the r*r numbers that
    stand where one stood.
    """

    op: Literal["pixel_shuffle"] = "pixel_shuffle"
    upscale_factor: int

    tag = "pixel_shuffle"
    words = ("PIXELSHUFFLE", "PixelShuffle")
    kind = "pixelshuffle"
    family = "shape"
    keeps_integers = True
    signature = (whole("upscale_factor"),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless the channels divide into groups of r*r."""
        require_rank(word, shape, (3,), MAPS)
        factor, channels = given["upscale_factor"], shape[0]
        square = factor * factor
        if channels % square:
            reason = (
                f"{plural(channels, 'channel')} in groups of {factor}*{factor} = {square}: {_rest(channels, square)}"
            )
            raise OpError(
                NotAllowed(word, "upscale_factor", factor, reason, _offered((channels,), 2), f"a multiple of {square}")
            )
        return cls(upscale_factor=factor)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C*r*r, H, W) -> (C, H*r, W*r)."""
        channels, *sizes = inputs[0]
        return (channels // self.upscale_factor**2, *(size * self.upscale_factor for size in sizes))

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A new map without anything kept: the way back is the other of the two layers."""
        return (_moved(trace, inputs[0], outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The row that became r of them, in all channels of the group."""
        factor = self.upscale_factor
        rows = (reach and (reach[0] // factor, reach[1] // factor) for reach in field[1:])
        return ((blocks_read(field[0], 1, factor * factor), *rows),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`36/(3*3) = 4 channels`, `8*3 = 24`."""
        factor = self.upscale_factor
        sizes = dict.fromkeys(f"{n}*{factor} = {out}" for n, out in zip(inputs[0][1:], output[1:], strict=True))
        return (f"{inputs[0][0]}/({factor}*{factor}) = {output[0]} channels", *sizes)

    @property
    def summary(self) -> str:
        """`x2`, as of UPSAMPLE."""
        return f"x{self.upscale_factor}"

    def torch(self) -> TorchCall:
        """The factor without its name, as in torch's examples."""
        return TorchCall("nn.PixelShuffle", (positional("upscale_factor", self.upscale_factor),))


@record(kw_only=True)
class PixelUnshuffle(Op):
    """Makes a map smaller and keeps all of it in channels: PIXELSHUFFLE undone (torch.nn.PixelUnshuffle).

    (C, H*r, W*r) -> (C*r*r, H, W), with r the `downscale_factor`: each block of r*r numbers becomes r*r channels.
    """

    op: Literal["pixel_unshuffle"] = "pixel_unshuffle"
    downscale_factor: int

    tag = "pixel_unshuffle"
    words = ("PIXELUNSHUFFLE", "PixelUnshuffle")
    kind = "pixelunshuffle"
    family = "shape"
    keeps_integers = True
    signature = (whole("downscale_factor"),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless both sizes are multiples of the factor."""
        require_rank(word, shape, (3,), MAPS)
        factor = given["downscale_factor"]
        for size in shape[1:]:
            if size % factor:
                reason = f"{size} in blocks of {factor}: {_rest(size, factor)}"
                raise OpError(
                    NotAllowed(
                        word, "downscale_factor", factor, reason, _offered(shape[1:], 1), f"a multiple of {factor}"
                    )
                )
        return cls(downscale_factor=factor)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, H*r, W*r) -> (C*r*r, H, W)."""
        channels, *sizes = inputs[0]
        return (channels * self.downscale_factor**2, *(size // self.downscale_factor for size in sizes))

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A new map without anything kept: the way back is the other of the two layers."""
        return (_moved(trace, inputs[0], outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The block of r rows and columns that all channels of a position come from."""
        factor = self.downscale_factor
        rows = (reach and (reach[0] * factor, reach[1] * factor + factor - 1) for reach in field[1:])
        channels = field[0] and (field[0][0] // factor**2, field[0][1] // factor**2)
        return ((channels, *rows),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`4*3*3 = 36 channels`, `24/3 = 8`."""
        factor = self.downscale_factor
        sizes = dict.fromkeys(f"{n}/{factor} = {out}" for n, out in zip(inputs[0][1:], output[1:], strict=True))
        return (f"{inputs[0][0]}*{factor}*{factor} = {output[0]} channels", *sizes)

    @property
    def summary(self) -> str:
        """`/2`."""
        return f"/{self.downscale_factor}"

    def torch(self) -> TorchCall:
        """The factor without its name, as in torch's examples."""
        return TorchCall("nn.PixelUnshuffle", (positional("downscale_factor", self.downscale_factor),))


def _rest(size: int, part: int) -> str:
    """`18 = 4*4 + 2`; of a size left free only that something is left."""
    if isinstance(size, Symbolic):
        return f"{size} is no multiple of {part}"
    return f"{size} = {size // part}*{part} + {size % part}"


def _offered(sizes: Shape, power: int) -> str:
    """The factors that an input takes, whose power divides these sizes."""
    # each comparison of a size left free with a number splits what is legal, and an error would be worked out for ever.
    if any(isinstance(size, Symbolic) for size in sizes):
        return ""
    fitting = [n for n in range(1, LARGEST_OFFERED + 1) if not any(size % n**power for size in sizes)]
    return f"this input takes {listing(map(str, fitting))}"


def _moved(trace: Trace, given: Tensor, shape: Shape) -> Tensor:
    """The new map: torch's kernel for the CPU lays it out as its input, that for CUDA in order."""
    return trace.output(shape, given) if trace.setting.device == "cpu" else trace.output(shape)
