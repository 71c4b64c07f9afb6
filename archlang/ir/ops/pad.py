"""Padding as a layer of its own: other borders than zeros, other rows before than after, channels of zeros."""

from __future__ import annotations

from typing import Any, Literal, Self

from archlang.errors.arguments import ExclusiveArguments, MissingArguments, NotAllowed, OutOfRange
from archlang.errors.words import shape_text
from archlang.ir.arithmetic import shifted
from archlang.ir.ops.arguments import choice, integers, number, optional, sizes
from archlang.ir.ops.base import (
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
)  # fmt: skip
from archlang.ir.ops.trace import Tensor, Trace
from archlang.ir.ops.window import WINDOW_SHAPES
from archlang.records import record

TORCH_NAMES = {"constant": "Constant", "reflect": "Reflection", "replicate": "Replication", "circular": "Circular"}


@record(kw_only=True)
class Pad(Op):
    """Adds rows around a map (torch.nn.ZeroPad1d ... 3d, ConstantPad, ReflectionPad, ReplicationPad, CircularPad).

    (C, *sizes) -> (C, *(before + size + after)). `padding` is a number, or one for each axis in their order, of rows at
    both sides; `before` and `after` say the sides apart: `PAD(before=0, after=1)`. `channels=(0, 16)` adds channels, of
    constants only, before and after those there are. The border is `mode` "constant" of `value`, "reflect" (the map
    mirrored without its edge), "replicate" (its edge) or "circular" (the other end).
    """

    op: Literal["pad"] = "pad"
    before: Sizes
    after: Sizes
    mode: str
    value: float

    tag = "pad"
    words = ("PAD",)
    kind = "pad"
    family = "shape"
    keeps_integers = True
    signature = (
        optional(sizes("padding", minimum=0)),
        choice("mode", "constant", *TORCH_NAMES),
        number("value", 0.0),
        optional(sizes("before", minimum=0, keyword=True)),
        optional(sizes("after", minimum=0, keyword=True)),
        # option A of ResNet's shortcuts (He et al. 2015): channels of zeros, without the parameters of a projection.
        optional(integers("channels", "a number of channels, or (before, after)", keyword=True)),
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` where both `padding` and a side are given, none is, or the mode cannot pad so much."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        before, after = _sides(cls, word, given, len(shape) - 1)
        channels = _channels(word, given["channels"])
        op = cls(before=(channels[0], *before), after=(channels[1], *after), mode=given["mode"], value=given["value"])
        _check_border(word, given, op, shape)
        return op

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """before + size + after along each axis, the channels among them."""
        return tuple(b + size + a for b, size, a in zip(self.before, inputs[0], self.after, strict=True))

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A new map; the gradients of "reflect" and "replicate" read the input, those of the others are slices."""
        trace.keep(*(inputs if self.mode in ("reflect", "replicate") else ()))
        return (trace.output(outputs[0], inputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The position less the rows before it; the border's numbers are taken as lying there, too."""
        rows = tuple(shifted(reach, -before) for reach, before in zip(field, self.before, strict=True))
        return ((None, *rows[1:]) if self.pads_channels else rows,)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`1 + 32 + 1 = 34` for each kind of axis."""
        axes = zip(self.before, inputs[0], self.after, output, strict=True)
        return tuple(dict.fromkeys(f"{b} + {n} + {a} = {out}" for b, n, a, out in axes if b or a))

    @property
    def pads_channels(self) -> bool:
        """Whether channels are added."""
        return self.before[0] + self.after[0] > 0

    @property
    def summary(self) -> str:
        """Rows as one writes them, channels and mode where they are not torch's defaults."""
        mode = "" if self.mode == "constant" else f", {self.mode}"
        channels = f", channels {self.before[0]} and {self.after[0]}" if self.pads_channels else ""
        before, after = shape_text(_short(self.before[1:])), shape_text(_short(self.after[1:]))
        return (before if before == after else f"before {before}, after {after}") + channels + mode

    def torch(self) -> TorchCall:
        """`nn.ZeroPad2d` and its like; with channels there is one more axis, and ZeroPad3d pads a map of two."""
        # torch's classes pad the last one, two or three axes whatever they are, so the channels count as one more.
        first = 0 if self.pads_channels else 1
        before, after = self.before[first:], self.after[first:]
        # torch's order is the last axis first.
        sides = tuple(rows for pair in reversed(list(zip(before, after, strict=True))) for rows in pair)
        name = "Zero" if self.mode == "constant" and self.value == 0 else TORCH_NAMES[self.mode]
        value = (keyword("value", self.value),) if name == "Constant" else ()
        return TorchCall(f"nn.{name}Pad{len(before)}d", (positional("padding", collapse(sides)), *value))


def _short(sizes: Sizes) -> Sizes:
    """(1, 1) as (1,)."""
    return sizes[:1] if len(set(sizes)) == 1 else sizes


def _sides(op: type[Op], word: str, given: dict[str, Any], axes: int) -> tuple[Sizes, Sizes]:
    """Rows before and after, along each axis but the channels."""
    sides = [given["before"], given["after"]]
    if given["padding"] is not None:
        for name in ("before", "after"):
            if given[name] is not None:
                raise OpError(ExclusiveArguments(word, name, "padding"))
        sides = [given["padding"]] * 2
    elif sides == [None, None] and given["channels"] is None:
        text = ", ".join(parameter.text for parameter in op.signature)
        raise OpError(MissingArguments(word, ("padding",), text))
    before, after = (side or (0,) * axes for side in sides)
    return before, after


def _channels(word: str, channels: Sizes | None) -> Sizes:
    """Channels to add before and after; a lone number means both."""
    both = (0, 0) if channels is None else channels * 2 if len(channels) == 1 else channels
    if len(both) != 2:
        raise OpError(OutOfRange(word, "channels", channels, "one number, or two: (before, after)"))
    return both


def _check_border(word: str, given: dict[str, Any], op: Pad, shape: Shape) -> None:
    """Hold each mode to what it can do: only constants make channels, others take their rows from the input."""
    if given["value"] != 0 and op.mode != "constant":
        raise OpError(NotAllowed(word, "value", given["value"], f'mode="{op.mode}" takes the input\'s own numbers'))
    if op.pads_channels and op.mode != "constant":
        raise OpError(NotAllowed(word, "channels", given["channels"], f'mode="{op.mode}" pads no channels'))
    # (C, D, H, W) with its channels would take a ZeroPad4d.
    if op.pads_channels and len(shape) == 4:
        raise OpError(NotAllowed(word, "channels", given["channels"], "torch pads at most three axes at once"))
    # reflecting leaves the edge itself out: of 4 rows 3 can be mirrored. torch raises behind that.
    left_out = {"reflect": 1, "circular": 0}.get(op.mode)
    for before, size, after in zip(op.before, shape, op.after, strict=True):
        if left_out is not None and max(before, after) > size - left_out:
            reason = f"it takes its rows from the input, at most {size - left_out} of {size}"
            raise OpError(NotAllowed(word, "mode", op.mode, reason))
