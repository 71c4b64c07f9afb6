"""Self-attention."""

from __future__ import annotations

from typing import Literal, Self

from archlang.errors.arguments import GroupsIndivisible
from archlang.ir.ops.arguments import flag, number, whole
from archlang.ir.ops.base import (
    Counts,
    Op,
    OpError,
    Shape,
    TorchCall,
    Value,
    keyword,
    positional,
    require_rank,
    with_defaults,
)  # fmt: skip
from archlang.records import record


@record(kw_only=True)
class Attention(Op):
    """Multi-head self-attention of a sequence (torch.nn.MultiheadAttention; Vaswani et al. 2017).

    (L, E), which stays: L tokens of E features, without a mask. Query, key and value are projected together by a weight
    of 3E x E, and the result by one of E x E. MACs are 4*L*E*E for these and 2*L*L*E for the products of attention.
    """

    op: Literal["attention"] = "attention"
    embed_dim: int
    num_heads: int
    dropout: float
    bias: bool

    tag = "attention"
    words = ("ATTENTION", "MultiheadAttention")
    kind = "attention"
    family = "attention"
    signature = (whole("num_heads"), number("dropout", 0.0, 0.0, 1.0), flag("bias", True))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        require_rank(word, shape, (2,), "a sequence of tokens (L, E)")
        if shape[1] % given["num_heads"]:
            raise OpError(GroupsIndivisible(word, "num_heads", shape[1], given["num_heads"], "feature"))
        return cls(**given, embed_dim=shape[1])

    def parameters(self) -> Counts:
        features = self.embed_dim
        weights = {
            "in_proj_weight": (3 * features, features),
            "in_proj_bias": (3 * features,),
            "out_proj.weight": (features, features),
            "out_proj.bias": (features,),
        }
        return {name: shape for name, shape in weights.items() if self.bias or not name.endswith("bias")}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        length, features = inputs[0]
        return 4 * length * features**2 + 2 * length**2 * features

    @property
    def summary(self) -> str:
        return f"{self.num_heads} heads" if self.num_heads > 1 else "1 head"

    def torch(self) -> TorchCall:
        call = TorchCall(
            "nn.MultiheadAttention",
            (
                positional("embed_dim", self.embed_dim, "in"),
                positional("num_heads", self.num_heads),
                keyword("dropout", self.dropout),
                keyword("bias", self.bias),
                keyword("batch_first", True),
            ),
            inputs=(0, 0, 0),
            call_arguments=(keyword("need_weights", False),),
            result=0,
        )
        return with_defaults(call, {"dropout": 0.0, "bias": True})
