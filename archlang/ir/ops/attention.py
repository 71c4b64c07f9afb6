"""Self-attention."""

from __future__ import annotations

from typing import Literal, Self

from archlang.errors.arguments import GroupsIndivisible
from archlang.errors.words import product_text
from archlang.ir.ops.arguments import flag, number, whole
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
    require_rank,
    with_defaults,
)  # fmt: skip
from archlang.ir.ops.dropout import masked
from archlang.ir.ops.trace import Tensor, Trace
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
    inferred = "embed_dim"
    words = ("ATTENTION", "MultiheadAttention")
    kind = "attention"
    family = "attention"
    signature = (whole("num_heads"), number("dropout", 0.0, 0.0, 1.0), flag("bias", True))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless the input is (L, E) and E divides by the heads."""
        require_rank(word, shape, (2,), "a sequence of tokens (L, E)")
        if shape[1] % given["num_heads"]:
            raise OpError(GroupsIndivisible(word, "num_heads", shape[1], given["num_heads"], "feature"))
        return cls(**given, embed_dim=shape[1])

    def parameters(self) -> Counts:
        """Names and shapes of `nn.MultiheadAttention`: the three projections of the input are one tensor of 3E x E."""
        features = self.embed_dim
        weights = {
            "in_proj_weight": (3 * features, features),
            "in_proj_bias": (3 * features,),
            "out_proj.weight": (features, features),
            "out_proj.bias": (features,),
        }
        return {name: shape for name, shape in weights.items() if self.bias or not name.endswith("bias")}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """4*L*E^2 for the projections, 2*L^2*E for the scores and the weighted sum, whatever the heads."""
        length, features = inputs[0]
        # torch's FlopCounterMode misses all of this on CPU tensors in eval mode (the fused operation has no formula),
        # so counts of others may be lower.
        return 4 * length * features**2 + 2 * length**2 * features

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Query, key and value in one, then torch's fused attention; on the CPU with dropout it goes step by step."""
        x = inputs[0]
        batch, length, features = x.shape
        # what keeps nn.MultiheadAttention from its single operation: odd heads ("not even"), and a bias that is None.
        if not trace.training and self.bias and self.num_heads % 2 == 0:
            return (self._in_one(trace, x),)
        tokens = (batch * length, features)
        # nn.MultiheadAttention turns the input to (L, N, E); the linear map copies what does not lie in order.
        rows = trace.reshape(trace.permute(x, (1, 0, 2)), tokens)
        projected = trace.new((batch * length, 3 * features))
        trace.keep(rows)
        trace.free(rows)
        # the three lie mixed, (L, N, 3, E); torch unpacks them to (3, L, N, E) by a copy and gives the first up.
        parts = projected if batch * length == 1 else trace.new((3, *tokens))
        trace.keep(parts)
        if parts is not projected:
            trace.free(projected)
        mixed = self._attended(trace, batch, length, parts)
        trace.keep(mixed)
        out = trace.new((length, batch, features))
        # (N, L, E) again, but as a view: what comes next may have to copy.
        return (trace.permute(out, (1, 0, 2)),)

    def _in_one(self, trace: Trace, x: Tensor) -> Tensor:
        """torch's single operation for inference: query, key and value, and what their attention gives."""
        batch, length, features = x.shape
        rows = trace.reshape(x, (batch * length, features))
        projected = trace.new((batch * length, 3 * features))
        trace.free(rows)
        if trace.setting.device == "cpu":
            # native_multi_head_attention_cpu: heads in front by a copy, and all scores, which the fused kernels avoid.
            parts = trace.new((3, *x.shape))
            trace.free(projected)
            trace.free(trace.new((batch, self.num_heads, length, length)))
            projected = parts
        # what attention gives before the last projection: needed for the peak, read by nothing else here.
        mixed = trace.new(x.shape)
        if trace.setting.device == "cuda":
            trace.free(projected)
        out = trace.output((length, features))
        trace.free(mixed)
        return out

    def _attended(self, trace: Trace, batch: int, length: int, parts: Tensor) -> Tensor:
        """The weighted values of all heads, as they go into the last projection."""
        tokens, scores = (batch * length, self.embed_dim), (batch, self.num_heads, length, length)
        # the fused kernels never hold L x L scores; the CPU's knows no dropout, and torch takes the steps one by one.
        if not (trace.training and self.dropout) or trace.setting.device == "cuda":
            sums = trace.new(scores[:3], max(trace.setting.itemsize, 4))  # the scores' sums, for the softmax
            trace.keep(sums)
            mixed = trace.new(tokens)
            trace.free(sums, parts)
            return mixed
        query, key, products = trace.new(tokens), trace.new(tokens), trace.new(scores)
        weights = trace.new(scores)
        trace.free(products)
        dropped = masked(trace, weights, noise_shape=() if self.dropout == 1 else None)
        trace.keep(query, key, weights, dropped)
        by_head = trace.new((*scores[:3], self.embed_dim // self.num_heads))
        # tokens in front again, (L, N, heads, E/heads): a copy unless the axes that change places are of size 1.
        mixed = trace.reshape(trace.permute(by_head, (2, 0, 1, 3)), tokens)
        if mixed.storage is not by_head.storage:
            trace.free(by_head)
        return mixed

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """Every token looks at every other, and each projection at all features."""
        return ((None, None),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """That the shape stays, and how the features are dealt out to the heads."""
        length, features = inputs[0]
        heads = f"{self.num_heads} heads of {features}/{self.num_heads} = {features // self.num_heads} features"
        return (f"the shape stays: {length} tokens, each of which looks at all {length}", heads)

    def explain_parameters(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`4*(E + 1)*E`, the biases as one further input of each projection."""
        e = self.embed_dim
        law, numbers = ("4*(E + 1)*E", f"4*({e} + 1)*{e}") if self.bias else ("4*E*E", f"4*{e}*{e}")
        return (f"query, key, value and output: {law} = {numbers} = {4 * (e + self.bias) * e:,}",)

    def explain_macs(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`4*L*E*E` and `2*L*L*E` with their numbers."""
        (length, e), macs = inputs[0], self.macs(inputs, output)
        return (
            f"query, key, value and output of {length} tokens: 4*L*E*E = {product_text((4, length, e, e))}",
            f"products of each token with each, twice: 2*L*L*E = {product_text((2, length, length, e))}",
            f"together {macs:,}",
        )

    @property
    def summary(self) -> str:
        """The number of heads."""
        return f"{self.num_heads} heads" if self.num_heads > 1 else "1 head"

    def torch(self) -> TorchCall:
        """Called as `attention(x, x, x, need_weights=False)[0]`, with the batch in front."""
        call = TorchCall(
            "nn.MultiheadAttention",
            (
                positional("embed_dim", self.embed_dim, "in"),
                positional("num_heads", self.num_heads),
                keyword("dropout", self.dropout),
                keyword("bias", self.bias),
                # flowing values have the batch first everywhere; torch's default here is (L, N, E).
                keyword("batch_first", True),
            ),
            inputs=(0, 0, 0),
            # asking for the weights would keep torch from its fused attention: all scores would be held.
            call_arguments=(keyword("need_weights", False),),
            result=0,
        )
        return with_defaults(call, {"dropout": 0.0, "bias": True})
