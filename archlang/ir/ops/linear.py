"""Linear layers, on the whole input or on its last axis, and the flattening before them."""

from __future__ import annotations

from math import prod
from typing import Literal, Self

from archlang.errors.shapes import WrongRank
from archlang.errors.words import product_text
from archlang.ir.arithmetic import regrouped
from archlang.ir.ops.arguments import dimension, flag, whole
from archlang.ir.ops.base import (
    Counts,
    Field,
    Lines,
    Op,
    OpError,
    Shape,
    TorchCall,
    Value,
    keyword,
    positional,
    with_defaults,
)  # fmt: skip
from archlang.ir.ops.trace import Tensor, Trace
from archlang.records import record


@record(kw_only=True)
class _Dense(Op):
    """What the two share: weights of out_features x in_features and a bias."""

    in_features: int
    out_features: int
    bias: bool

    family = "linear"
    initialised = True
    signature = (whole("out_features"), flag("bias", True))

    def parameters(self) -> Counts:
        """`weight` of out x in, torch's order, and `bias`."""
        return {"weight": (self.out_features, self.in_features)} | ({"bias": (self.out_features,)} if self.bias else {})

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """in*out at every position; adding the bias is none."""
        return self.in_features * prod(output)

    def explain_parameters(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`(in + 1)*out = (9216 + 1)*4096`, the bias as one further input."""
        numbers = f"({self.in_features} + 1)" if self.bias else str(self.in_features)
        total = (self.in_features + self.bias) * self.out_features
        return (f"{'(in + 1)' if self.bias else 'in'}*out = {numbers}*{self.out_features} = {total:,}",)

    def explain_macs(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`in*out`, and times the positions where there are several."""
        positions = output[:-1]
        once = f"in*out = {product_text((self.in_features, self.out_features))}"
        if not positions:
            return (once,)
        return (f"at each of {product_text(positions)} positions: {once}", f"together {self.macs(inputs, output):,}")

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input as rows of features, for the gradient of the weights."""
        x = inputs[0]
        # torch multiplies a matrix of rows: a permuted input of tokens is copied first, and the copy is what is kept.
        rows = x if len(x.shape) == 2 else trace.reshape(x, (prod(x.shape[:-1]), x.shape[-1]))
        trace.keep(rows)
        return (trace.output(outputs[0]),)

    @property
    def summary(self) -> str:
        """The features that come out."""
        return str(self.out_features)

    def torch(self) -> TorchCall:
        """`nn.Linear` for both: it works on the last axis, whatever stands before it."""
        sizes = (
            positional("in_features", self.in_features, "in"),
            positional("out_features", self.out_features, "out"),
        )
        return with_defaults(TorchCall("nn.Linear", (*sizes, keyword("bias", self.bias))), {"bias": True})


@record(kw_only=True)
class FullyConnected(_Dense):
    """Fully connected to the whole input (torch.nn.Linear): the compiler flattens first what is not flat.

    (features) -> (out_features). Weights are out_features x in_features; as many MACs.
    """

    op: Literal["fc"] = "fc"

    tag = "fc"
    inferred = "in_features"
    words = ("FC",)
    kind = "fc"

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Takes the features of any shape: the elaboration puts a Flatten in front of what is not flat."""
        return cls(**given, in_features=prod(shape))

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The whole input."""
        return ((None,) * len(inputs[0]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """That each neuron reads every number."""
        return (f"{self.out_features} neurons, each with a weight for every one of {self.in_features} numbers",)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(out_features), whatever flows in."""
        return (self.out_features,)


@record(kw_only=True)
class Linear(_Dense):
    """The same linear map of the last axis at every position (torch.nn.Linear): of tokens in a sequence.

    (..., features) -> (..., out_features). Weights are out_features x in_features; as many MACs at each position.
    """

    op: Literal["linear"] = "linear"

    tag = "linear"
    inferred = "in_features"
    words = ("LINEAR", "Linear")
    kind = "linear"

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Takes the last axis, as torch does; tokens are (L, E)."""
        return cls(**given, in_features=shape[-1])

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All features of the same position."""
        return ((*field[:-1], None),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """The features before and after, which hold at every position."""
        return (f"{self.in_features} features become {self.out_features} at every position",)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(..., features) -> (..., out_features)."""
        return (*inputs[0][:-1], self.out_features)


@record(kw_only=True)
class Flatten(Op):
    """Axes `start_dim` to `end_dim` as one (torch.nn.Flatten); dimensions count as in torch, the batch being 0."""

    op: Literal["flatten"] = "flatten"
    start_dim: int = 1
    end_dim: int = -1

    tag = "flatten"
    words = ("FLATTEN", "Flatten")
    kind = "flatten"
    family = "shape"
    keeps_integers = True
    signature = (dimension("start_dim", 1), dimension("end_dim", -1))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Flatten:
        """Raises `OpError` unless the axes are there, in this order and behind the batch."""
        op = cls(**given)
        start, end = op._bounds(shape)
        if not 1 <= start <= end <= len(shape):
            axes = f"axes 1 to {len(shape)}, start_dim first (the batch is axis 0 and stays)"
            raise OpError(WrongRank(f"{word}(start_dim={op.start_dim}, end_dim={op.end_dim})", shape, axes))
        return op

    def _bounds(self, shape: Shape) -> tuple[int, int]:
        """First and last axis, counted with the batch, from the front."""
        start, end = (dim + len(shape) + 1 if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        return start, end

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """The product of the axes in their place."""
        shape = inputs[0]
        start, end = self._bounds(shape)
        return (*shape[: start - 1], prod(shape[start - 1 : end]), *shape[end:])

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A view, or a copy of a map that lies with its channels last."""
        return (trace.reshape(inputs[0], (trace.batch, *outputs[0])),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The numbers that stand there, counted through in the order (C, H, W)."""
        return (regrouped(field, output, inputs[0]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`in one row: 256*6*6 = 9,216`."""
        start, end = self._bounds(inputs[0])
        return (f"in one row: {product_text(inputs[0][start - 1 : end])}",)

    def torch(self) -> TorchCall:
        """`nn.Flatten`, its dimensions only where they are not torch's 1 and -1."""
        arguments = (keyword("start_dim", self.start_dim), keyword("end_dim", self.end_dim))
        return with_defaults(TorchCall("nn.Flatten", arguments), {"start_dim": 1, "end_dim": -1})


@record(kw_only=True)
class Identity(Op):
    """The input itself (torch.nn.Identity)."""

    op: Literal["identity"] = "identity"

    tag = "identity"
    words = ("IDENTITY", "Identity")
    kind = "identity"
    family = "shape"
    keeps_integers = True

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """The input itself: nothing is allocated and nothing kept."""
        return inputs

    def torch(self) -> TorchCall:
        """`nn.Identity`, which keeps the place of a layer in a block's names."""
        return TorchCall("nn.Identity")
