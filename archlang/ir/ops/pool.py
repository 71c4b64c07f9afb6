"""Pooling: maximum, average and power mean, over windows or into a given number of bins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

from archlang.diagnostics import Problem
from archlang.errors.arguments import ExclusiveArguments, MissingArguments, NotAllowed
from archlang.errors.shapes import PaddingTooLarge
from archlang.errors.words import product_text, shape_text, size_text
from archlang.ir.arithmetic import Window, bins_read
from archlang.ir.ops.arguments import ROUND, flag, number, optional, padding, sizes, whole
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
from archlang.ir.ops.trace import INDEX_BYTES, Tensor, Trace
from archlang.ir.ops.window import (
    WINDOW_SHAPES,
    check_fits,
    coverage_problems,
    edge_parts,
    make_windows,
    resolve_padding,
    symmetric,
    window_steps,
)  # fmt: skip
from archlang.records import record

# none here means that `to` is given; a pooling with neither is refused when it is built.
KERNEL = optional(sizes("kernel_size", letter="F"))
STRIDE = optional(sizes("stride", letter="S"))
TO = optional(sizes("to", keyword=True))


def _adaptive(name: str) -> dict[str, dict[str, str]]:
    """torch's adaptive classes, whose one argument is `to` here."""
    return {f"Adaptive{name}{axes}d": {"output_size": "to"} for axes in (1, 2, 3)}


@record(kw_only=True)
class _Pool(Op):
    """What maximum and average pooling share. With `to` the output has that size, whatever the input's.

    Windows follow out = (N + 2P - F)/S + 1; torch's stride defaults to the window. `to=1` pools globally.
    """

    kernel_size: Sizes | None
    stride: Sizes | None
    padding: Sizes
    ceil_mode: bool
    to: Sizes | None
    round: str | None = None

    family = "pool"
    torch_name: ClassVar[str]

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Fills in torch's stride, the window; Caffe's is 1. Raises `OpError` for what torch's class would not take."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        if given["to"] is not None:
            return cls(**{**given, **_without_window(word, given, shape)})
        if given["kernel_size"] is None:
            text = ", ".join(parameter.text for parameter in cls.signature)
            raise OpError(MissingArguments(word, ("kernel_size",), text))
        dilation: Sizes = given.get("dilation", (1,) * (len(shape) - 1))
        pad = _resolve_padding(word, given, dilation)
        if given["ceil_mode"] and given["round"]:
            raise OpError(ExclusiveArguments(word, "round", "ceil_mode"))
        fields: dict[str, Any] = {
            # `round="ceil"` and torch's `ceil_mode` are two words for one thing: the op holds both alike.
            **given,
            "stride": given["stride"] or given["kernel_size"],
            "padding": pad,
            "ceil_mode": given["ceil_mode"] or given["round"] == "ceil",
            "round": given["round"] or ("ceil" if given["ceil_mode"] else None),
        }
        return cls(**fields)

    @property
    def _dilation(self) -> Sizes:
        return (1,) * len(self.padding)

    def _windows(self, shape: Shape) -> tuple[Window, ...]:
        return make_windows(
            shape, kernel_size=self.kernel_size, stride=self.stride, padding=symmetric(self.padding),
            dilation=self._dilation, ceil=(self.ceil_mode,) * (len(shape) - 1),
        )  # fmt: skip

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, *out), or (C, *to); raises `OpError` where no window fits."""
        shape = inputs[0]
        if self.to is not None:
            return (shape[0], *self.to)
        windows = self._windows(shape)
        check_fits(self.words[0], shape, windows)
        return (shape[0], *(window.output for window in windows))

    def check(self, inputs: tuple[Shape, ...], strict: bool) -> Iterable[Problem]:
        """Rows that no window reads, unless a rounding was asked for; bins of `to` read everything."""
        if self.to is not None:
            return ()
        return coverage_problems(self.words[0], inputs[0], self._windows(inputs[0]), self.round, strict)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The windows' rows of the same channel; with `to` the rows of the bins."""
        if self.to is not None:
            columns = zip(field[1:], inputs[0][1:], self.to, strict=True)
            return ((field[0], *(bins_read(*numbers) for numbers in columns)),)
        rows = (window.reads(reach) for window, reach in zip(self._windows(inputs[0]), field[1:], strict=True))
        return ((field[0], *rows),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """The law with its numbers, or into how many bins the map is cut."""
        channels = f"each of the {output[0]} channels for itself"
        if self.to is None:
            return (*window_steps(self._windows(inputs[0])), channels)
        sizes = shape_text(inputs[0][1:])
        if set(self.to) == {1}:
            return (f"one window over all {product_text(inputs[0][1:])} numbers of each channel", channels)
        return (f"{sizes} is cut into {shape_text(self.to)} windows, as equal as may be", channels)

    @property
    def summary(self) -> str:
        """`3x3, stride 2`, or `to 6x6`; the stride only where it is not the window."""
        if self.to is not None:
            return f"to {shape_text(self.to)}"
        window, stride = self.kernel_size or (), self.stride or ()
        parts = [shape_text(window)]
        parts += [f"stride {size_text(stride)}"] if stride != window else []
        return ", ".join(parts + edge_parts(self.padding, self._dilation))

    def _torch_extras(self) -> tuple[TorchArgument, ...]:
        """Arguments that only this kind of pooling has."""
        return ()

    def torch(self) -> TorchCall:
        """torch's class by kind and axes; `AdaptiveAvgPool2d` and its like with `to`."""
        # `padding` is there with `to` as well, as zeros: it tells the number of axes.
        axes = len(self.padding)
        if self.to is not None:
            return TorchCall(f"nn.Adaptive{self.torch_name}{axes}d", (positional("output_size", collapse(self.to)),))
        same_stride = self.stride == self.kernel_size
        call = TorchCall(
            f"nn.{self.torch_name}{axes}d",
            (
                positional("kernel_size", collapse(self.kernel_size or ())),
                # left out, torch takes the window: `nn.MaxPool2d(2)` is how one writes it.
                keyword("stride", None if same_stride else collapse(self.stride or ())),
                keyword("padding", collapse(self.padding)),
                keyword("ceil_mode", self.ceil_mode),
                *self._torch_extras(),
            ),
        )
        defaults = {"stride": None, "padding": 0, "ceil_mode": False, "dilation": 1, "return_indices": False}
        return with_defaults(call, {**defaults, "count_include_pad": True, "divisor_override": None})


@record(kw_only=True)
class MaxPool(_Pool):
    """Largest value of each window (torch.nn.MaxPool1d, 2d, 3d; AdaptiveMaxPool with `to`). Padding is minus infinity.

    (C, *sizes) -> (C, *out). With `return_indices`, which the compiler sets for an UNPOOL, a second output of the same
    shape holds where in the map each value came from.
    """

    op: Literal["max_pool"] = "max_pool"
    dilation: Sizes
    return_indices: bool = False

    tag = "max_pool"
    words = ("MAXPOOL", "POOL", "MaxPool1d", "MaxPool2d", "MaxPool3d")
    adapted = _adaptive("MaxPool")
    kind = "pool"
    keeps_integers = True
    torch_name = "MaxPool"
    signature = (KERNEL, STRIDE, padding(), sizes("dilation", 1), flag("ceil_mode", False), TO, ROUND)

    @property
    def _dilation(self) -> Sizes:
        return self.dilation

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input, and the positions of the maxima in int64."""
        out = trace.output(outputs[0], inputs[0])
        one_axis = len(outputs) == 1 and len(outputs[0]) == 2 and self.to is None
        if one_axis and not trace.recording and trace.setting.device == "cpu":
            return (out,)  # torch has an operation without positions for this case alone
        positions = trace.new(out.shape, INDEX_BYTES)
        trace.keep(inputs[0], positions)
        # torch makes the positions for the gradient even where nobody asked for them.
        return (out, positions)[: len(outputs)]

    def _torch_extras(self) -> tuple[TorchArgument, ...]:
        return (keyword("dilation", collapse(self.dilation)), keyword("return_indices", self.return_indices))

    def infer_shapes(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """The map, and of the same shape the positions where an UNPOOL wants them."""
        return (self.infer_shape(inputs),) * (2 if self.return_indices else 1)


@record(kw_only=True)
class AvgPool(_Pool):
    """Mean of each window (torch.nn.AvgPool1d, 2d, 3d; AdaptiveAvgPool with `to`; `to=1` is global average pooling).

    `count_include_pad` says whether padding counts in the divisor, as in torch true by default.
    """

    op: Literal["avg_pool"] = "avg_pool"
    count_include_pad: bool
    divisor_override: int | None

    tag = "avg_pool"
    words = ("AVGPOOL", "AvgPool1d", "AvgPool2d", "AvgPool3d")
    adapted = _adaptive("AvgPool")
    kind = "avgpool"
    keeps_integers = True
    torch_name = "AvgPool"
    signature = (
        KERNEL, STRIDE, padding(), flag("ceil_mode", False), flag("count_include_pad", True),
        optional(whole("divisor_override")), TO, ROUND,
    )  # fmt: skip

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` for a divisor on one axis, where torch's class has none."""
        if given["divisor_override"] is not None and len(shape) == 2:
            reason = "torch.nn.AvgPool1d has no divisor to override"
            raise OpError(NotAllowed(word, "divisor_override", given["divisor_override"], reason))
        op = super().build(word, given, shape)
        # torch's avg_pool3d alone holds the window to the unpadded input.
        _check_volume(word, op.kernel_size, shape)
        return op

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input, though its numbers do not matter: the formula of the gradient reads its sizes."""
        if self.to is None or set(self.to) != {1}:  # torch takes the mean of all otherwise
            trace.keep(inputs[0])
        return (trace.output(outputs[0], inputs[0]),)

    def _torch_extras(self) -> tuple[TorchArgument, ...]:
        return (
            keyword("count_include_pad", self.count_include_pad),
            keyword("divisor_override", self.divisor_override),
        )


@record(kw_only=True)
class LpPool(_Pool):
    """Power mean of each window but for its divisor: (sum of x^p)^(1/p) (torch.nn.LPPool1d, LPPool2d, LPPool3d).

    (C, *sizes) -> (C, *out), without padding. `norm_type` is p: 2 is the L2 pooling of the lectures, 1 the sum.
    """

    op: Literal["lp_pool"] = "lp_pool"
    norm_type: float

    tag = "lp_pool"
    words = ("LPPOOL", "LPPool1d", "LPPool2d", "LPPool3d")
    kind = "lppool"
    torch_name = "LPPool"
    signature = (
        number("norm_type", above=0.0),
        sizes("kernel_size", letter="F"),
        STRIDE,
        flag("ceil_mode", False),
        ROUND,
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Without padding and without `to`, which torch's class does not have."""
        _check_volume(word, given["kernel_size"], shape)
        # by way of what `_Pool` expects; nn.LPPool2d is built on avg_pool2d without padding.
        windows = {**given, "padding": (0,) * cls.slides_over(shape), "to": None}
        return super().build(word, windows, shape)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """sign(p)*relu(abs(p)) of the pooled powers p, times the window's size, to the power of 1/norm_type."""
        x = inputs[0]
        powers = trace.new(x.shape, like=(x,))
        pooled = trace.output(outputs[0], powers)
        trace.keep(x, powers)
        trace.free(powers)
        # F.lp_pool2d writes out sign(p)*relu(|p|), which is p again: each step is a tensor all the same.
        sign, absolute = trace.new(pooled.shape), trace.new(pooled.shape)
        positive = trace.new(pooled.shape)
        trace.keep(pooled, sign, positive)
        trace.free(absolute)
        product = trace.new(pooled.shape)
        trace.free(pooled, sign, positive)
        scaled = trace.new(pooled.shape)
        trace.free(product)
        trace.keep(scaled)
        return (trace.output(outputs[0]),)

    def torch(self) -> TorchCall:
        """As the others', with `norm_type` in front: 2 rather than 2.0."""
        call = super().torch()
        power = int(self.norm_type) if self.norm_type.is_integer() else self.norm_type
        return replace(call, arguments=(positional("norm_type", power), *call.arguments))


def _check_volume(word: str, kernel_size: Sizes | None, shape: Shape) -> None:
    """Hold average pooling over three axes to what torch's takes, also where rounding up lets a larger window fit."""
    if kernel_size and len(shape) == 4 and any(k > n for k, n in zip(kernel_size, shape[1:], strict=True)):
        reason = f"torch takes no window larger than the unpadded input, {shape_text(shape[1:])}, along three axes"
        needs = f"a size of at least its window, {shape_text(kernel_size)}"
        raise OpError(NotAllowed(word, "kernel_size", collapse(kernel_size), reason, needs=needs))


def _without_window(word: str, given: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Check that nothing but the output size is given; a window makes no sense beside it."""
    axes = len(shape) - 1
    plain = {"kernel_size": None, "stride": None, "padding": (0,) * axes, "ceil_mode": False, "round": None}
    plain |= {"dilation": (1,) * axes, "count_include_pad": True, "divisor_override": None}
    for name, value in given.items():
        if name != "to" and value != plain[name]:
            raise OpError(ExclusiveArguments(word, name, "to"))
    # nothing is left to change: all is as `plain` has it, and the op holds none for the window.
    return {}


def _resolve_padding(word: str, given: dict[str, Any], dilation: Sizes) -> Sizes:
    """Numbers for the padding, held to torch's limit of half a window."""
    mode, kernel_size = given["padding"], given["kernel_size"]
    pad = resolve_padding(mode, kernel_size, dilation) if isinstance(mode, str) else mode
    if pad is None or (mode == "same" and set(given["stride"] or kernel_size) != {1}):
        reason = "torch pads pooling with equal sides only, and to the same size only at stride 1"
        raise OpError(NotAllowed(word, "padding", mode, reason, "give the padding as a number"))
    for rows, window in zip(pad, kernel_size, strict=True):
        if rows > window // 2:
            raise OpError(PaddingTooLarge(word, "padding", rows, window))
    return pad
