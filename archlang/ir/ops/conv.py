"""Convolution."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any, Literal

from archlang.diagnostics import Problem
from archlang.errors.arguments import GroupsIndivisible, NotAllowed
from archlang.errors.words import product_text, shape_text
from archlang.ir.arithmetic import Window, blocks_read
from archlang.ir.ops.arguments import ROUND, choice, flag, padding, sizes, whole
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
from archlang.ir.ops.window import (
    WINDOW_SHAPES,
    check_fits,
    coverage_problems,
    filters_text,
    make_windows,
    resolve_padding,
    symmetric,
    weights_law,
    window_steps,
)  # fmt: skip
from archlang.records import record

PADDING = padding()
TORCH_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros"}


@record(kw_only=True)
class Conv(Op):
    """Convolution over 1, 2 or 3 axes (torch.nn.Conv1d, Conv2d, Conv3d).

    (C, *sizes) -> (out_channels, *out) with out = (N + 2P - F)/S + 1. Weights are
    out_channels x in_channels/groups x kernel; MACs are output elements x in_channels/groups x kernel elements.
    """

    op: Literal["conv"] = "conv"
    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes
    padding: Sizes | Literal["same"]
    dilation: Sizes
    groups: int
    bias: bool
    padding_mode: str
    round: str | None = None

    tag = "conv"
    inferred = "in_channels"
    words = ("CONV", "Conv1d", "Conv2d", "Conv3d")
    kind = "conv"
    family = "conv"
    initialised = True
    signature = (
        whole("out_channels", letter="K"),
        sizes("kernel_size", letter="F"),
        sizes("stride", 1, letter="S"),
        PADDING,
        sizes("dilation", 1),
        whole("groups", 1),
        flag("bias", True),
        choice("padding_mode", "zeros", "zeros", "reflect", "replicate", "circular"),
        ROUND,
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Conv:
        """Raises `OpError` for another rank than 2 to 4, groups that do not divide, or too wide a border."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        _check_groups(word, shape[0], given)
        if given["round"] == "ceil":
            raise OpError(
                NotAllowed(word, "round", "ceil", "torch rounds convolutions down", "use padding to round up")
            )
        fields: dict[str, Any] = {**given, "in_channels": shape[0], "padding": _resolve(word, given)}
        op = cls(**fields)
        # only the finished op's windows say how many rows "same" gives each side.
        _check_border(word, given, op.windows(shape))
        return op

    def windows(self, shape: Shape) -> tuple[Window, ...]:
        """One window for each axis of an input."""
        # "same" stays a word in the op only where its two sides differ; equal sides have become numbers.
        sides = (
            symmetric(self.padding) if isinstance(self.padding, tuple) else _same_sides(self.kernel_size, self.dilation)
        )
        return make_windows(
            shape, kernel_size=self.kernel_size, stride=self.stride, padding=sides, dilation=self.dilation
        )

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, *sizes) -> (K, *out), out = (N + 2P - F)/S + 1 rounded down; raises `OpError` where no window fits."""
        windows = self.windows(inputs[0])
        check_fits("CONV", inputs[0], windows)
        return (self.out_channels, *(window.output for window in windows))

    def check(self, inputs: tuple[Shape, ...], strict: bool) -> Iterable[Problem]:
        """Rows that no window reads, unless `round="floor"` says that it is meant."""
        return coverage_problems("CONV", inputs[0], self.windows(inputs[0]), self.round, strict)

    def parameters(self) -> Counts:
        """`weight` of K x D/groups x kernel and `bias` of K, torch's order of axes."""
        weight = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        return {"weight": weight} | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """One product for each weight of a filter and each number of the output; adding the bias is none."""
        return prod(output) * (self.in_channels // self.groups) * prod(self.kernel_size)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps what it is convolved with: the input, or the padded copy that torch makes first."""
        x, windows = inputs[0], self.windows(inputs[0].shape[1:])
        padded = [window.padded for window in windows]
        if self.padding_mode == "zeros":  # torch's convolution pads itself, but for an odd row behind
            padded = [window.size + window.padding[1] - window.padding[0] for window in windows]
        # any other border is written out by F.pad before the convolution: a whole copy of the map.
        if self.padding_mode != "zeros" or padded != list(x.shape[2:]):
            # the gradients of F.pad's "reflect" and "replicate" read the unpadded input; "circular" is made of slices.
            trace.keep(*(inputs if x.grad and self.padding_mode in ("reflect", "replicate") else ()))
            x = trace.new((*x.shape[:2], *padded))
        trace.keep(x)
        return (trace.output(outputs[0], x),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The windows' rows, and with groups the channels of their own block; else all channels."""
        channels = blocks_read(field[0], self.out_channels // self.groups, self.in_channels // self.groups)
        rows = (window.reads(reach) for window, reach in zip(self.windows(inputs[0]), field[1:], strict=True))
        # an ungrouped filter reads the whole depth of the input at every position.
        return ((channels if self.groups > 1 else None, *rows),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """The law with its numbers, and where the channels come from."""
        return (*window_steps(self.windows(inputs[0])), f"K = {self.out_channels} filters make as many channels")

    @property
    def _filter(self) -> tuple[int, ...]:
        """Sizes of one filter, the channels that it reads last: F*F*D."""
        return *self.kernel_size, self.in_channels // self.groups

    @property
    def _law(self) -> str:
        """The same in letters."""
        return f"{weights_law(self.kernel_size, 'F' if set(self.dilation) == {1} else 'k')}*D"

    def explain_parameters(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`(F*F*D + 1)*K`, and what it would be without sharing, as CS231n works it out for AlexNet."""
        weights, sizes = self._law, "*".join(map(str, self._filter))
        law, numbers = (f"({weights} + 1)*K", f"({sizes} + 1)") if self.bias else (f"{weights}*K", sizes)
        # `bias` is a bool and counts as the one further weight of each filter.
        total = (prod(self._filter) + self.bias) * self.out_channels
        depth = (f"D = {self.in_channels}/{self.groups} = {self._filter[-1]}, the channels of one group",)
        positions = product_text(output[1:])
        return (
            f"{law} = {numbers}*{self.out_channels} = {total:,}",
            *(depth if self.groups > 1 else ()),
            f"not shared, with filters of its own at each of {positions} positions: {total * prod(output[1:]):,}",
        )

    def explain_macs(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """One filter's weights for each number of the output."""
        return (
            f"each of the {product_text(output)} numbers of the output: {self._law} = {product_text(self._filter)}",
            f"together {self.macs(inputs, output):,}",
        )

    @property
    def summary(self) -> str:
        """`3x3, 64, stride 2, pad 1`."""
        return filters_text(self.kernel_size, self.out_channels, self.stride, self.padding, self.dilation, self.groups)

    def torch(self) -> TorchCall:
        """`nn.Conv1d`, `2d` or `3d` by the number of kernel sizes."""
        call = TorchCall(
            f"nn.Conv{len(self.kernel_size)}d",
            (
                positional("in_channels", self.in_channels, "in"),
                positional("out_channels", self.out_channels, "out"),
                positional("kernel_size", collapse(self.kernel_size)),
                keyword("stride", collapse(self.stride)),
                keyword("padding", collapse(self.padding)),
                keyword("dilation", collapse(self.dilation)),
                keyword("groups", self.groups),
                keyword("bias", self.bias),
                keyword("padding_mode", self.padding_mode),
            ),
        )
        return with_defaults(call, TORCH_DEFAULTS)


def _check_groups(word: str, in_channels: int, given: dict[str, Any]) -> None:
    # torch demands both: each group takes C/groups channels and makes K/groups.
    for channels, side in ((in_channels, "input"), (given["out_channels"], "output")):
        if channels % given["groups"]:
            raise OpError(GroupsIndivisible(word, "groups", channels, given["groups"], side))


def _resolve(word: str, given: dict[str, Any]) -> Sizes | Literal["same"]:
    """Numbers for the padding; "same" stays a word where its two sides differ, as torch pads them."""
    mode = given["padding"]
    if not isinstance(mode, str):
        return mode
    # TensorFlow's SAME has strides, with other rows padded; torch's raises (pytorch#3867), so we say it here.
    if mode == "same" and set(given["stride"]) != {1}:
        reason = f"torch pads to the same size only at stride 1, not {shape_text(given['stride'])}"
        raise OpError(
            NotAllowed(word, "padding", mode, reason, "give the padding as a number: (F - 1)/2 for an odd kernel")
        )
    # a tuple is never empty and so never false: "same" is left where the sides differ, as for a kernel of 4.
    return resolve_padding(mode, given["kernel_size"], given["dilation"]) or "same"


def _check_border(word: str, given: dict[str, Any], windows: tuple[Window, ...]) -> None:
    """Hold padding made of the input's own rows to what the input has: reflecting leaves out the row at the edge."""
    mode = given["padding_mode"]
    # "replicate" repeats one row as often as it likes and asks for nothing.
    left_out = {"reflect": 1, "circular": 0}.get(mode)
    for window in windows if left_out is not None else ():
        most = window.size - (left_out or 0)
        if max(window.padding) > most:
            reason = f'padding_mode="{mode}" takes its rows from the input, at most {most} of {window.size}'
            raise OpError(NotAllowed(word, "padding", collapse(given["padding"]), reason))


def _same_sides(kernel_size: Sizes, dilation: Sizes) -> tuple[tuple[int, int], ...]:
    """torch's "same": an odd row goes behind."""
    reach = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
    return tuple((r // 2, r - r // 2) for r in reach)
