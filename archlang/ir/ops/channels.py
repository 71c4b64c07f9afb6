"""Layers that choose, reorder or add channels."""

from __future__ import annotations

from typing import Literal, Self

from archlang.errors.arguments import GroupsIndivisible, OutOfRange
from archlang.errors.words import listing
from archlang.ir.ops.arguments import flag, integers, whole
from archlang.ir.ops.base import (
    Field,
    Lines,
    Op,
    OpError,
    Shape,
    Sizes,
    TorchCall,
    Value,
    positional,
    require_rank,
    signature_call,
)  # fmt: skip
from archlang.ir.ops.trace import INDEX_BYTES, Tensor, Trace
from archlang.ir.ops.window import WINDOW_SHAPES
from archlang.records import record

MOST_SHOWN = 6


@record(kw_only=True)
class Select(Op):
    """The channels of a list, in its order (torch.index_select): the connections of LeNet-5's C3, `SELECT((0, 1, 2))`.

    (C, ...) -> (as many as are listed, ...). Channels count from 0; one may be listed twice.
    """

    op: Literal["select"] = "select"
    channels: Sizes

    tag = "select"
    words = ("SELECT",)
    kind = "select"
    family = "shape"
    signature = (integers("channels", "channels such as (0, 1, 2)"),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        if max(given["channels"]) >= shape[0]:
            raise OpError(OutOfRange(word, "channels", given["channels"], f"from 0 to {shape[0] - 1}"))
        return cls(**given)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (len(self.channels), *inputs[0][1:])

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        trace.keep(trace.new((len(self.channels),), INDEX_BYTES))
        return (trace.output(outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        return ((None, *field[1:]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        return (f"{len(self.channels)} of {inputs[0][0]} channels",)

    @property
    def summary(self) -> str:
        shown = [str(channel) for channel in self.channels[:MOST_SHOWN]]
        return listing(shown) if len(self.channels) == len(shown) else f"{len(self.channels)} channels"

    def torch(self) -> TorchCall:
        return TorchCall("support.Select", (positional("channels", self.channels),))


@record(kw_only=True)
class ChannelShuffle(Op):
    """Deals the channels of `groups` groups out in turn, so that the next groups mix them (torch.nn.ChannelShuffle).

    (C, L), (C, H, W) or (C, D, H, W), which stays (ShuffleNet, Zhang et al. 2018).
    """

    op: Literal["channel_shuffle"] = "channel_shuffle"
    groups: int

    tag = "channel_shuffle"
    words = ("SHUFFLE", "ChannelShuffle")
    kind = "shuffle"
    family = "shape"
    signature = (whole("groups"),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        if shape[0] % given["groups"]:
            raise OpError(GroupsIndivisible(word, "groups", shape[0], given["groups"], "input"))
        return cls(**given)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        return (trace.output(outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        return ((None, *field[1:]),)

    @property
    def summary(self) -> str:
        return f"{self.groups} groups"

    def torch(self) -> TorchCall:
        return TorchCall("nn.ChannelShuffle", (positional("groups", self.groups),))


@record(kw_only=True)
class AddCoords(Op):
    """Adds to each position its coordinates as channels (CoordConv, Liu et al. 2018; no class in torch).

    (C, *sizes) -> (C + axes, *sizes): x along the last axis first, then y, then z, each from -1 at the first position
    to 1 at the last (0 where there is only one). `with_r` adds their distance from the centre, sqrt(x^2 + y^2).
    """

    op: Literal["add_coords"] = "add_coords"
    with_r: bool

    tag = "add_coords"
    words = ("ADDCOORDS",)
    kind = "addcoords"
    family = "shape"
    signature = (flag("with_r", False),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        return cls(**given)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        channels, *sizes = inputs[0]
        return (channels + len(sizes) + self.with_r, *sizes)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        trace.new((len(outputs[0]) - 1 + self.with_r, *outputs[0][1:]))
        return (trace.output(outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        return ((None, *field[1:]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        added = " + 1 distance" if self.with_r else ""
        return (f"{inputs[0][0]} + {len(output) - 1} coordinates{added} = {output[0]} channels",)

    @property
    def summary(self) -> str:
        return "with r" if self.with_r else ""

    def torch(self) -> TorchCall:
        return signature_call(self, "support.AddCoords")
