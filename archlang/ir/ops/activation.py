"""Non-linearities: the shape stays, nothing is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from archlang.errors.shapes import WrongRank
from archlang.ir.ops.arguments import dimension, flag, number
from archlang.ir.ops.base import Op, OpError, Shape, TorchCall, Value, keyword, with_defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain(Op):
    """An activation whose class in torch has no arguments."""

    torch_name: ClassVar[str]
    family = "activation"

    def torch(self) -> TorchCall:
        return TorchCall(self.torch_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReLU(Op):
    """max(0, x) (torch.nn.ReLU)."""

    op: Literal["relu"] = "relu"
    inplace: bool

    tag = "relu"
    words = ("RELU", "ReLU")
    kind = "relu"
    family = "activation"
    signature = (flag("inplace", False),)

    def torch(self) -> TorchCall:
        return with_defaults(TorchCall("nn.ReLU", (keyword("inplace", self.inplace),)), {"inplace": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyReLU(Op):
    """x above zero, negative_slope times x below (torch.nn.LeakyReLU)."""

    op: Literal["leaky_relu"] = "leaky_relu"
    negative_slope: float
    inplace: bool

    tag = "leaky_relu"
    words = ("LEAKYRELU", "LeakyReLU")
    kind = "leakyrelu"
    family = "activation"
    signature = (number("negative_slope", 0.01), flag("inplace", False))

    @property
    def summary(self) -> str:
        return f"{self.negative_slope:g}"

    def torch(self) -> TorchCall:
        arguments = (keyword("negative_slope", self.negative_slope), keyword("inplace", self.inplace))
        return with_defaults(TorchCall("nn.LeakyReLU", arguments), {"negative_slope": 0.01, "inplace": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tanh(_Plain):
    """Hyperbolic tangent (torch.nn.Tanh)."""

    op: Literal["tanh"] = "tanh"
    tag = "tanh"
    words = ("TANH", "Tanh")
    kind = "tanh"
    torch_name = "nn.Tanh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sigmoid(_Plain):
    """1/(1 + exp(-x)) (torch.nn.Sigmoid)."""

    op: Literal["sigmoid"] = "sigmoid"
    tag = "sigmoid"
    words = ("SIGMOID", "Sigmoid")
    kind = "sigmoid"
    torch_name = "nn.Sigmoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Op):
    """exp(x) over its sum along `dim` (torch.nn.Softmax); dim counts as in torch, 1 being the channels or features."""

    op: Literal["softmax"] = "softmax"
    dim: int

    tag = "softmax"
    words = ("SOFTMAX", "Softmax")
    kind = "softmax"
    family = "activation"
    signature = (dimension("dim", 1),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Softmax:
        dim = given["dim"]
        if not (1 <= dim <= len(shape) or -len(shape) <= dim <= -1):
            axes = f"axes 1 to {len(shape)} (the batch is axis 0 and stays)"
            raise OpError(WrongRank(f"{word}(dim={dim})", shape, axes))
        return cls(dim=dim)

    def torch(self) -> TorchCall:
        return TorchCall("nn.Softmax", (keyword("dim", self.dim),))
