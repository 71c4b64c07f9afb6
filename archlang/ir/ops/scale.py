"""A learned factor and offset for each channel."""

from __future__ import annotations

from typing import Literal, Self

from archlang.ir.ops.arguments import dimension, flag, number
from archlang.ir.ops.base import Counts, Op, Shape, TorchCall, Value, axis_index, positional, signature_call
from archlang.ir.ops.trace import Tensor, Trace
from archlang.records import record


@record(kw_only=True)
class Scale(Op):
    """weight*x + bias with one of each for every channel (no class in torch).

    Any shape, which stays. `dim` is the axis that they go along, counted as in torch: 1 the channels, -1 the features
    of tokens. Weights begin as `fill`, biases as 0. In LeNet-5 of 1998 it follows the pooling; without biases and with
    a small `fill` it is the layer scale of residual branches (Touvron et al. 2021).
    """

    op: Literal["scale"] = "scale"
    size: int
    bias: bool
    fill: float
    dim: int

    tag = "scale"
    words = ("SCALE",)
    kind = "scale"
    family = "norm"
    signature = (flag("bias", True), number("fill", 1.0), dimension("dim", 1))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """The size of the axis `dim`, by default the channels."""
        return cls(**given, size=shape[axis_index(word, given["dim"], shape)])

    def parameters(self) -> Counts:
        """`weight` and `bias`, a number for each place along `dim`."""
        return {"weight": (self.size,)} | ({"bias": (self.size,)} if self.bias else {})

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input for the gradient of the weights; with biases there is a second new tensor."""
        trace.keep(inputs[0])
        product = trace.new(inputs[0].shape, like=inputs)
        if not self.bias:
            return (product,)
        return (trace.new(product.shape, like=(product,)),)

    def torch(self) -> TorchCall:
        """A module of archlang's own, copied into generated files."""
        return signature_call(self, "support.Scale", positional("size", self.size, "in"))
