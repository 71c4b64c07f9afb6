"""Transposed convolution: the shapes of a convolution backwards."""

from __future__ import annotations

from math import prod
from typing import Any, Literal, Self

from archlang.errors.arguments import GroupsIndivisible, NotAllowed, OutOfRange
from archlang.errors.shapes import AXIS_NAMES
from archlang.errors.words import listing, product_text, shape_text
from archlang.ir.arithmetic import blocks_read, transposed_output, transposed_reads
from archlang.ir.ops.arguments import choice, flag, sizes, whole
from archlang.ir.ops.base import (
    Counts,
    Field,
    Lines,
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
from archlang.ir.ops.trace import Tensor, Trace
from archlang.ir.ops.window import WINDOW_SHAPES, filters_text, weights_law
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
    inferred = "in_channels"
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
        # torch's signature has it and its classes take "zeros" alone; the op need not hold it.
        choice("padding_mode", "zeros", "zeros"),
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` for groups that do not divide, or an output_padding that torch refuses."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        for channels, side in ((shape[0], "input"), (given["out_channels"], "output")):
            if channels % given["groups"]:
                raise OpError(GroupsIndivisible(word, "groups", channels, given["groups"], side))
        _check_output_padding(word, given)
        fields = {name: value for name, value in given.items() if name != "padding_mode"}
        return cls(**fields, in_channels=shape[0])

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(K, *out), out = (N - 1)S - 2P + d(k - 1) + output_padding + 1; raises `OpError` where nothing is left."""
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
        """`weight` of D x K/groups x kernel: input channels first, other than a convolution's."""
        weight = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return {"weight": weight} | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """By the input's numbers, each of which is spread over a patch: the output's would be S^2 times too many."""
        return prod(inputs[0]) * (self.out_channels // self.groups) * prod(self.kernel_size)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input; padding only cuts the output and copies nothing."""
        trace.keep(inputs[0])
        return (trace.output(outputs[0], inputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The rows whose patches lie over the position, and with groups the channels of their own block."""
        channels = blocks_read(field[0], self.out_channels // self.groups, self.in_channels // self.groups)
        columns = (field[1:], self.kernel_size, self.stride, self.padding, self.dilation)
        return ((channels if self.groups > 1 else None, *(transposed_reads(*c) for c in zip(*columns, strict=True))),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """The law with its numbers for each kind of axis."""
        axes: dict[str, list[str]] = {}
        columns = (inputs[0][1:], output[1:], self.kernel_size, self.stride, self.padding, self.output_padding)
        names = AXIS_NAMES[len(self.kernel_size)]
        for name, d, numbers in zip(names, self.dilation, zip(*columns, strict=True), strict=True):
            n, out, k, s, p, extra = numbers
            step = f"({n} - 1)*{s} - 2*{p} + {d}*({k} - 1) + {extra} + 1 = {out}"
            axes.setdefault(step, []).append(name)
        return (
            "out = (N - 1)S - 2P + d(k - 1) + output_padding + 1: a convolution of these numbers backwards",
            *(f"    = {step}  ({listing(found)})" for step, found in axes.items()),
            f"K = {self.out_channels} filters make as many channels",
        )

    @property
    def _patch(self) -> tuple[int, ...]:
        """Sizes of what one number of the input is spread over, its channels last: k*k*K."""
        return *self.kernel_size, self.out_channels // self.groups

    @property
    def _law(self) -> str:
        """The same in letters."""
        return f"{weights_law(self.kernel_size, 'k')}*K{'/g' if self.groups > 1 else ''}"

    def explain_parameters(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`k*k*K*D + K`."""
        law, sizes = f"{self._law}*D", f"{'*'.join(map(str, self._patch))}*{self.in_channels}"
        total = prod(self._patch) * self.in_channels
        # each input channel reaches the outputs of its group only, so a patch is K/g deep.
        share = (f"K/g = {self.out_channels}/{self.groups} = {self._patch[-1]}, the channels of one group",)
        if self.bias:
            law, sizes, total = f"{law} + K", f"{sizes} + {self.out_channels}", total + self.out_channels
        return (f"{law} = {sizes} = {total:,}", *(share if self.groups > 1 else ()))

    def explain_macs(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """One patch for each number of the input."""
        return (
            f"each of the {product_text(inputs[0])} numbers of the input: {self._law} = {product_text(self._patch)}",
            f"together {self.macs(inputs, output):,}",
        )

    @property
    def summary(self) -> str:
        """`2x2, 64, stride 2`."""
        return filters_text(self.kernel_size, self.out_channels, self.stride, self.padding, self.dilation, self.groups)

    def torch(self) -> TorchCall:
        """`nn.ConvTranspose1d`, `2d` or `3d`; output_padding is written, never `output_size` at the call."""
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
