"""Normalisation over the batch, and across neighbouring channels."""

from __future__ import annotations

from typing import Literal

from archlang.ir.ops.arguments import flag, number, optional, whole
from archlang.ir.ops.base import (
    Counts,
    Field,
    Lines,
    Op,
    Shape,
    TorchCall,
    Value,
    count_elements,
    keyword,
    positional,
    require_rank,
    with_defaults,
)  # fmt: skip
from archlang.ir.ops.trace import Tensor, Trace
from archlang.records import record


@record(kw_only=True)
class BatchNorm(Op):
    """Batch normalisation of each channel (torch.nn.BatchNorm1d, 2d, 3d; features count as channels).

    Shape stays. Parameters are 2 a channel with `affine`; running mean, variance and the batch counter are buffers.
    """

    op: Literal["batch_norm"] = "batch_norm"
    num_features: int
    rank: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool

    tag = "batch_norm"
    inferred = "num_features"
    words = ("BN", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d")
    kind = "bn"
    family = "norm"
    signature = (
        number("eps", 1e-5, above=0.0),
        # none stands for the plain average over all batches, as torch has it.
        optional(number("momentum", minimum=0.0, maximum=1.0), 0.1),
        flag("affine", True),
        flag("track_running_stats", True),
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> BatchNorm:
        """(features), (C, L), (C, H, W) or (C, D, H, W); the rank chooses torch's class."""
        require_rank(word, shape, (1, 2, 3, 4), "(features), (C, L), (C, H, W) or (C, D, H, W)")
        return cls(**given, num_features=shape[0], rank=cls.slides_over(shape))

    def parameters(self) -> Counts:
        """`weight` (gamma) and `bias` (beta), one number a channel each."""
        return {"weight": (self.num_features,), "bias": (self.num_features,)} if self.affine else {}

    def buffers(self) -> Counts:
        """Running mean and variance, and `num_batches_tracked`, a scalar: 2C + 1 numbers."""
        if not self.track_running_stats:
            return {}
        channels = (self.num_features,)
        return {"running_mean": channels, "running_var": channels, "num_batches_tracked": ()}

    def explain_parameters(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """What is learned, and what is saved without being learned (Keras counts that as parameters, too)."""
        count, saved = self.num_features, count_elements(self.buffers())
        learned = f"a scale and a shift for each channel: 2*{count} = {2 * count:,}" if self.affine else "none"
        kept = (f"saved, not learned: running mean and variance, and a counter of batches, {saved:,}",)
        return (learned, *(kept if saved else ()))

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input, and the batch's mean and 1/deviation of each channel."""
        trace.keep(inputs[0], trace.new((self.num_features,)), trace.new((self.num_features,)))
        return (trace.output(outputs[0], inputs[0]),)

    def torch(self) -> TorchCall:
        """`nn.BatchNorm1d`, `2d` or `3d`; `momentum` is the share of the new batch, 1 - Keras's."""
        call = TorchCall(
            f"nn.BatchNorm{self.rank}d",
            (
                positional("num_features", self.num_features, "in"),
                keyword("eps", self.eps),
                keyword("momentum", self.momentum),
                keyword("affine", self.affine),
                keyword("track_running_stats", self.track_running_stats),
            ),
        )
        return with_defaults(call, {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True})


@record(kw_only=True)
class LocalResponseNorm(Op):
    """Normalisation across neighbouring channels (torch.nn.LocalResponseNorm).

    torch divides `alpha` by `size`, the AlexNet paper does not: its alpha = 1e-4 with n = 5 is alpha=5e-4 here.
    """

    op: Literal["lrn"] = "lrn"
    size: int
    alpha: float
    beta: float
    k: float

    tag = "lrn"
    words = ("LRN", "LocalResponseNorm")
    kind = "lrn"
    family = "norm"
    signature = (whole("size"), number("alpha", 1e-4), number("beta", 0.75), number("k", 1.0))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> LocalResponseNorm:
        require_rank(word, shape, (2, 3, 4), "(C, L), (C, H, W) or (C, D, H, W)")
        return cls(**given)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """x/(k + alpha*mean of x^2 over neighbouring channels)^beta, with a torch operation for each step."""
        x = inputs[0]
        square = trace.new(x.shape, like=(x,))
        # torch puts size//2 channels of zeros before, (size - 1)//2 behind: for an even size the window leans back.
        padded = trace.new((trace.batch, x.shape[1] + self.size - 1, *x.shape[2:]))
        trace.free(square)
        mean = trace.new(x.shape)
        # x for its square and for the last division, the padded squares for the pooling.
        trace.keep(x, padded)
        trace.free(padded)
        # alpha*mean, then + k, then ^beta: three operations, three tensors.
        scaled = trace.new(x.shape)
        base = trace.new(x.shape)
        trace.free(scaled)
        divisor = trace.new(x.shape)
        trace.keep(base, divisor)
        trace.free(mean, base)
        return (trace.new(x.shape, like=(x,)),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All channels; a window of `size` of them would be exact, a report shows positions."""
        return ((None, *field[1:]),)

    @property
    def summary(self) -> str:
        """How many channels are looked at."""
        return str(self.size)

    def torch(self) -> TorchCall:
        """torch's own defaults left out, so that what a paper has changed stands out."""
        call = TorchCall(
            "nn.LocalResponseNorm",
            (
                positional("size", self.size),
                keyword("alpha", self.alpha),
                keyword("beta", self.beta),
                keyword("k", self.k),
            ),
        )
        return with_defaults(call, {"alpha": 1e-4, "beta": 0.75, "k": 1.0})
