"""Normalisations within one sample: layer, group and instance normalisation."""

from __future__ import annotations

from math import prod
from typing import Literal, Self

from archlang.errors.arguments import ExclusiveArguments, GroupsIndivisible, NotAllowed
from archlang.errors.shapes import WrongRank
from archlang.ir.arithmetic import blocks_read
from archlang.ir.ops.arguments import dimension, flag, number, optional, whole
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
    axis_index,
    keyword,
    positional,
    require_rank,
    signature_call,
    with_defaults,
)  # fmt: skip
from archlang.ir.ops.trace import Tensor, Trace
from archlang.records import record

EPS = number("eps", 1e-5, minimum=0.0)
LAST = -1


@record(kw_only=True)
class LayerNorm(Op):
    """Layer normalisation: mean 0 and variance 1 over the last axis (torch.nn.LayerNorm), then weights and biases.

    Any shape, which stays. `dim` is the first axis to normalise over: -1 the last alone, 1 all of them. With
    `channels_first=true` it is over the channels at each position of a map, as ConvNeXt has it (no class in torch, but
    the same weight and bias). Parameters are 2 for each number that is normalised.
    """

    op: Literal["layer_norm"] = "layer_norm"
    normalized_shape: Sizes
    eps: float
    elementwise_affine: bool
    bias: bool
    channels_first: bool

    tag = "layer_norm"
    inferred = "normalized_shape"
    words = ("LN", "LayerNorm")
    kind = "ln"
    family = "norm"
    signature = (
        EPS, flag("elementwise_affine", True), flag("bias", True), dimension("dim", LAST),
        flag("channels_first", False, keyword=True),
    )  # fmt: skip

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """`dim` ends here: the op holds the sizes that are normalised together, as torch's `normalized_shape`."""
        dim = given.pop("dim")
        axis = axis_index(word, dim, shape)
        if given["channels_first"] and dim != LAST:
            raise OpError(ExclusiveArguments(word, "dim", "channels_first"))
        return cls(**given, normalized_shape=shape[:1] if given["channels_first"] else shape[axis:])

    def parameters(self) -> Counts:
        """`weight` and `bias` of the normalised shape; `bias=false` is torch's, too."""
        if not self.elementwise_affine:
            return {}
        return {"weight": self.normalized_shape} | ({"bias": self.normalized_shape} if self.bias else {})

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input, and mean and 1/deviation of each normalised part."""
        x, axes = inputs[0], len(self.normalized_shape)
        # `ChannelNorm` moves the channels to the end, normalises and moves them back: two views around one new tensor.
        order = (0, *range(2, len(x.shape)), 1) if self.channels_first else tuple(range(len(x.shape)))
        positions = tuple(x.shape[axis] for axis in order)[: len(order) - axes]
        trace.keep(x, trace.new(positions), trace.new(positions))
        out = trace.new([x.shape[axis] for axis in order])
        return (trace.permute(out, [order.index(axis) for axis in range(len(order))]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All of the axes that are normalised; of the others the same position."""
        kept = len(output) - len(self.normalized_shape)
        return ((None, *field[1:]) if self.channels_first else (*field[:kept], *(None,) * (len(output) - kept)),)

    def explain_parameters(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`a scale and a shift for each of 768 numbers: 1,536`."""
        each, kinds = prod(self.normalized_shape), len(self.parameters())
        learned = f"{'a scale and a shift' if kinds == 2 else 'a scale'} for each of {each:,} numbers: {kinds * each:,}"
        return (learned if kinds else "none",)

    def torch(self) -> TorchCall:
        """`nn.LayerNorm`, or archlang's `ChannelNorm` for the channels of a map."""
        target, name = (
            ("support.ChannelNorm", "channels") if self.channels_first else ("nn.LayerNorm", "normalized_shape")
        )
        shape = self.normalized_shape
        call = TorchCall(
            target,
            (
                # torch takes an int for one axis, and only that can follow from the width of what flows in.
                positional(name, shape[0], "in") if len(shape) == 1 else positional(name, shape),
                keyword("eps", self.eps),
                keyword("elementwise_affine", self.elementwise_affine),
                keyword("bias", self.bias),
            ),
        )
        return with_defaults(call, {"eps": 1e-5, "elementwise_affine": True, "bias": True})


@record(kw_only=True)
class GroupNorm(Op):
    """Mean 0 and variance 1 within each of `num_groups` groups of channels (torch.nn.GroupNorm).

    (C, ...), which stays. Parameters are 2 a channel with `affine`.
    """

    op: Literal["group_norm"] = "group_norm"
    num_groups: int
    num_channels: int
    eps: float
    affine: bool

    tag = "group_norm"
    inferred = "num_channels"
    inferred_at = 1
    words = ("GN", "GroupNorm")
    kind = "gn"
    family = "norm"
    signature = (whole("num_groups"), EPS, flag("affine", True))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless the channels divide into the groups, and where a group would hold one number."""
        groups = given["num_groups"]
        if shape[0] % groups:
            raise OpError(GroupsIndivisible(word, "num_groups", shape[0], groups, "input"))
        # x - mean(x) is 0 for a single number: the layer would forget its input. torch raises for a batch of one.
        if prod(shape) == groups:
            reason = "each group would hold a single number, which is 0 when its mean is taken off"
            raise OpError(NotAllowed(word, "num_groups", groups, reason))
        return cls(**given, num_channels=shape[0])

    def parameters(self) -> Counts:
        """`weight` and `bias` of a number for each channel, not for each group."""
        return {"weight": (self.num_channels,), "bias": (self.num_channels,)} if self.affine else {}

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input, and mean and 1/deviation of each group of each sample."""
        # torch's CPU kernel takes maps whose channels lie together, and copies what lies in yet another way.
        # only the CPU's kernel reads channels that lie together; CUDA's copies to channels first.
        as_it_lies = inputs[0].is_channels_last and trace.setting.device == "cpu"
        x = inputs[0] if as_it_lies else trace.contiguous(inputs[0])
        groups = (trace.batch, self.num_groups)
        trace.keep(x, trace.new(groups), trace.new(groups))
        return (trace.output(outputs[0], x),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All positions, and the channels of the group."""
        channels = self.num_channels // self.num_groups
        return ((blocks_read(field[0], channels, channels), *(None,) * (len(output) - 1)),)

    def explain_parameters(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`a scale and a shift for each channel: 2*64 = 128`."""
        count = self.num_channels
        return (f"a scale and a shift for each channel: 2*{count} = {2 * count:,}" if self.affine else "none",)

    @property
    def summary(self) -> str:
        """The number of groups."""
        return f"{self.num_groups} groups"

    def torch(self) -> TorchCall:
        """`num_channels` comes second in torch and follows from the input."""
        sizes = (positional("num_groups", self.num_groups), positional("num_channels", self.num_channels, "in"))
        return signature_call(self, "nn.GroupNorm", *sizes)


@record(kw_only=True)
class InstanceNorm(Op):
    """Mean 0 and variance 1 of each channel over its positions (torch.nn.InstanceNorm1d, 2d, 3d).

    (C, L), (C, H, W) or (C, D, H, W), which stays. As in torch it has neither parameters nor running statistics unless
    asked for: 2 parameters a channel with `affine`, and buffers with `track_running_stats`.
    """

    op: Literal["instance_norm"] = "instance_norm"
    num_features: int
    axes: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool

    tag = "instance_norm"
    inferred = "num_features"
    words = ("IN", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d")
    kind = "in"
    family = "norm"
    signature = (
        EPS,
        optional(number("momentum", minimum=0.0, maximum=1.0), 0.1),
        flag("affine", False),
        flag("track_running_stats", False),
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` for a single position, as torch does: it has no variance."""
        expected = "(C, L), (C, H, W) or (C, D, H, W) with more than one position"
        require_rank(word, shape, (2, 3, 4), expected)
        if prod(shape[1:]) == 1:
            raise OpError(WrongRank(word, shape, expected))
        return cls(**given, num_features=shape[0], axes=len(shape) - 1)

    def parameters(self) -> Counts:
        """None by default, unlike BatchNorm's."""
        return {"weight": (self.num_features,), "bias": (self.num_features,)} if self.affine else {}

    def buffers(self) -> Counts:
        """None by default, unlike BatchNorm's."""
        if not self.track_running_stats:
            return {}
        channels = (self.num_features,)
        return {"running_mean": channels, "running_var": channels, "num_batches_tracked": ()}

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """As torch does it: a batch normalisation of one sample with all channels of the batch, for which it repeats
        weights, biases and running statistics."""
        x, channels = trace.contiguous(inputs[0]), (trace.batch * self.num_features,)
        repeated = [trace.new(channels) for _ in range(2 * self.affine + 2 * self.track_running_stats)]
        saved = repeated[self.affine :]  # all but the biases
        trace.keep(x, *saved, trace.new(channels), trace.new(channels))
        return (trace.output(outputs[0]),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All positions of its own channel."""
        return ((field[0], *(None,) * self.axes),)

    def torch(self) -> TorchCall:
        """`nn.InstanceNorm1d`, `2d` or `3d` by the axes of the input."""
        features = positional("num_features", self.num_features, "in")
        return signature_call(self, f"nn.InstanceNorm{self.axes}d", features)
