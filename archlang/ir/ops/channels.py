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
    keeps_integers = True
    signature = (integers("channels", "channels such as (0, 1, 2)"),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless the input has every channel of the list."""
        if max(given["channels"]) >= shape[0]:
            raise OpError(OutOfRange(word, "channels", given["channels"], f"from 0 to {shape[0] - 1}"))
        return cls(**given)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, ...) -> (as many channels as are listed, ...)."""
        return (len(self.channels), *inputs[0][1:])

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A copy; of the backward pass torch needs the list as a tensor of int64, and not the input."""
        trace.keep(trace.new((len(self.channels),), INDEX_BYTES))
        return (trace.output(outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All channels, though it takes some: a field is one stretch, and a list need not be."""
        return ((None, *field[1:]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`3 of 6 channels`."""
        return (f"{len(self.channels)} of {inputs[0][0]} channels",)

    @property
    def summary(self) -> str:
        """The channels if they are few, else how many."""
        shown = [str(channel) for channel in self.channels[:MOST_SHOWN]]
        return listing(shown) if len(self.channels) == len(shown) else f"{len(self.channels)} channels"

    def torch(self) -> TorchCall:
        """A module of archlang's own, copied into generated files: it indexes x[:, channels]."""
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
    keeps_integers = True
    signature = (whole("groups"),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless the channels divide into the groups."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        if shape[0] % given["groups"]:
            raise OpError(GroupsIndivisible(word, "groups", shape[0], given["groups"], "input"))
        return cls(**given)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A new map without anything kept: the way back is another shuffle."""
        return (trace.output(outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All channels, since a stretch of them comes from places far apart."""
        return ((None, *field[1:]),)

    @property
    def summary(self) -> str:
        """The number of groups."""
        return f"{self.groups} groups"

    def torch(self) -> TorchCall:
        """`groups` without its name, as in torch's examples."""
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
        """Raises `OpError` unless the input is a map of one, two or three axes."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        return cls(**given)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, *sizes) -> (C + axes, *sizes), one more with `with_r`."""
        channels, *sizes = inputs[0]
        return (channels + len(sizes) + self.with_r, *sizes)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """The coordinates, once for all samples, and the map that both are joined to; nothing is kept."""
        trace.new((len(outputs[0]) - 1 + self.with_r, *outputs[0][1:]))
        return (trace.output(outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All channels, though the added ones read none; the same position."""
        return ((None, *field[1:]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`3 + 2 coordinates = 5 channels`."""
        added = " + 1 distance" if self.with_r else ""
        return (f"{inputs[0][0]} + {len(output) - 1} coordinates{added} = {output[0]} channels",)

    @property
    def summary(self) -> str:
        """Whether the distance from the centre is added."""
        return "with r" if self.with_r else ""

    def torch(self) -> TorchCall:
        """A module of archlang's own; its `r` is of the scaled coordinates, as the authors have it: up to sqrt(2)."""
        return signature_call(self, "support.AddCoords")
