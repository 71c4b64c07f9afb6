"""Transposed convolution: the shapes of a convolution backwards."""

from __future__ import annotations

from math import prod
from typing import Any, Literal, Self

from archlang.errors.arguments import GroupsIndivisible, NotAllowed, OutOfRange
from archlang.errors.words import shape_text
from archlang.ir.arithmetic import transposed_output
from archlang.ir.ops.arguments import choice, flag, sizes, whole
from archlang.ir.ops.base import (
    Counts,
    Op,
    OpError,
    Shape,
    Sizes,
    TorchCall,
    Value,
    collapse,
    keyword,
    positional,
    require_rank,
    with_defaults,
)  # fmt: skip
from archlang.ir.ops.window import WINDOW_SHAPES
from archlang.records import record

TORCH_DEFAULTS = {"stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "bias": True, "dilation": 1}


@record(kw_only=True)
class UpConv(Op):
    """Transposed convolution, also called up-convolution (torch.nn.ConvTranspose1d, ConvTranspose2d, ConvTranspose3d).

    (C, *sizes) -> (out_channels, *out) with out = (N - 1)S - 2P + d(k - 1) + output_padding + 1: the sizes that a
    convolution of the same numbers takes to N. Padding removes rows of the output; output_padding adds rows behind,
    since with a stride several sizes lead to one N, and is below the stride or the dilation. Weights are
    in_channels x out_channels/groups x kernel; MACs are input elements x out_channels/groups x kernel elements.
    """

    op: Literal["upconv"] = "upconv"
    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes
    padding: Sizes
    output_padding: Sizes
    groups: int
    bias: bool
    dilation: Sizes

    tag = "upconv"
    words = ("UPCONV", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")
    kind = "upconv"
    family = "conv"
    initialised = True
    signature = (
        whole("out_channels", letter="K"),
        sizes("kernel_size", letter="F"),
        sizes("stride", 1, letter="S"),
        sizes("padding", 0, minimum=0, letter="P"),
        sizes("output_padding", 0, minimum=0),
        whole("groups", 1),
        flag("bias", True),
        sizes("dilation", 1),
        choice("padding_mode", "zeros", "zeros"),
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        for channels, side in ((shape[0], "input"), (given["out_channels"], "output")):
            if channels % given["groups"]:
                raise OpError(GroupsIndivisible(word, "groups", channels, given["groups"], side))
        _check_output_padding(word, given)
        fields = {name: value for name, value in given.items() if name != "padding_mode"}
        return cls(**fields, in_channels=shape[0])

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        columns = (self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation)
        out = tuple(transposed_output(*numbers) for numbers in zip(inputs[0][1:], *columns, strict=True))
        if any(size < 1 for size in out):
            reason = f"it removes rows at both sides, and of {shape_text(self._unpadded(out))} nothing is left"
            raise OpError(NotAllowed(self.words[0], "padding", collapse(self.padding), reason))
        return (self.out_channels, *out)

    def _unpadded(self, out: Sizes) -> Sizes:
        """The output's sizes before padding removes rows of them."""
        return tuple(size + 2 * rows for size, rows in zip(out, self.padding, strict=True))

    def parameters(self) -> Counts:
        weight = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return {"weight": weight} | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(inputs[0]) * (self.out_channels // self.groups) * prod(self.kernel_size)

    @property
    def summary(self) -> str:
        parts = [shape_text(self.kernel_size), str(self.out_channels)]
        parts += [f"stride {shape_text(self.stride)}"] if set(self.stride) != {1} else []
        parts += [f"groups {self.groups}"] if self.groups > 1 else []
        return ", ".join(parts)

    def torch(self) -> TorchCall:
        call = TorchCall(
            f"nn.ConvTranspose{len(self.kernel_size)}d",
            (
                positional("in_channels", self.in_channels, "in"),
                positional("out_channels", self.out_channels, "out"),
                positional("kernel_size", collapse(self.kernel_size)),
                keyword("stride", collapse(self.stride)),
                keyword("padding", collapse(self.padding)),
                keyword("output_padding", collapse(self.output_padding)),
                keyword("groups", self.groups),
                keyword("bias", self.bias),
                keyword("dilation", collapse(self.dilation)),
            ),
        )
        return with_defaults(call, TORCH_DEFAULTS)


def _check_output_padding(word: str, given: dict[str, Any]) -> None:
    """Along each axis it adds fewer rows than the stride, or than the dilation."""
    for rows, stride, dilation in zip(given["output_padding"], given["stride"], given["dilation"], strict=True):
        if rows >= max(stride, dilation):
            expected = f"below the stride or the dilation, {max(stride, dilation)}"
            raise OpError(OutOfRange(word, "output_padding", collapse(given["output_padding"]), expected))
