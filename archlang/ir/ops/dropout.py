"""Dropout: of single numbers, of whole channels, and of whole branches."""

from __future__ import annotations

from typing import Literal, Self

from archlang.ir.ops.arguments import flag, number
from archlang.ir.ops.base import Op, Shape, TorchCall, Value, keyword, positional, require_rank, with_defaults
from archlang.ir.ops.trace import Dims, Tensor, Trace
from archlang.ir.ops.window import WINDOW_SHAPES
from archlang.records import record

MASK_BYTES = 1
"""torch's fused dropout keeps which numbers stay as one byte each."""

SIGNATURE = (number("p", 0.5, 0.0, 1.0), flag("inplace", False))


def masked(trace: Trace, x: Tensor, inplace: bool = False, noise_shape: Dims | None = None) -> Tensor:
    """What dropout does in training: numbers times noise, which is kept. On a GPU that is a mask of bytes."""
    # torch fuses dropout on CUDA only; the CPU draws noise of the input's own type, already divided by 1 - p.
    fused = trace.setting.device == "cuda" and not inplace and noise_shape is None
    noise = trace.new(x.shape if noise_shape is None else noise_shape, MASK_BYTES if fused else None)
    # the product's gradient for x needs the noise; what enters a network needs no gradient, and nothing is kept.
    trace.keep(*((noise,) if x.grad else ()))
    return trace.same(x) if inplace else trace.new(x.shape, like=(x,))


@record(kw_only=True)
class _Dropout(Op):
    """Zeroes with probability `p` in training and scales what stays by 1/(1 - p)."""

    p: float
    inplace: bool

    family = "regularisation"
    keeps_integers = True
    signature = SIGNATURE

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """The input itself outside training or for p = 0; else the product with random noise, which is kept."""
        x = inputs[0]
        # torch.dropout returns its input for p = 0, in training as well.
        if not trace.training or self.p == 0:
            return inputs
        if self.p == 1:  # torch multiplies by one zero
            return (masked(trace, x, self.inplace, ()),)
        return (masked(trace, x, self.inplace, self._noise_shape(x)),)

    def _noise_shape(self, x: Tensor) -> Dims | None:
        """Shape of the random numbers where there is not one for each of the input's."""
        return None

    @property
    def summary(self) -> str:
        """The probability of dropping a number; TensorFlow 1 gave that of keeping it."""
        return f"{self.p:g}"

    def _torch(self, target: str) -> TorchCall:
        # `nn.Dropout(inplace=True)` alone reads well; every other call shows its p.
        p = (positional("p", self.p),) if self.p != 0.5 or not self.inplace else ()
        return with_defaults(TorchCall(target, (*p, keyword("inplace", self.inplace))), {"inplace": False})


@record(kw_only=True)
class Dropout(_Dropout):
    """Zeroes each number with probability `p` in training and scales the rest (torch.nn.Dropout).

    Any shape, which stays.
    """

    op: Literal["dropout"] = "dropout"

    tag = "dropout"
    words = ("DROPOUT", "Dropout")
    kind = "dropout"

    def torch(self) -> TorchCall:
        """`nn.Dropout(0.5)`: `p` is written though it is torch's default, since a reader wants to see it."""
        return self._torch("nn.Dropout")


@record(kw_only=True)
class ChannelDropout(_Dropout):
    """Zeroes whole channels with probability `p` in training, scales the rest (torch.nn.Dropout1d, 2d, 3d).

    (C, L), (C, H, W) or (C, D, H, W), which stays (Tompson et al. 2015).
    """

    op: Literal["channel_dropout"] = "channel_dropout"
    axes: int

    tag = "channel_dropout"
    words = ("CHANNELDROPOUT", "Dropout1d", "Dropout2d", "Dropout3d")
    kind = "channeldropout"

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Keeps the number of axes, which torch's class is chosen by."""
        require_rank(word, shape, (2, 3, 4), WINDOW_SHAPES)
        return cls(**given, axes=len(shape) - 1)

    def _noise_shape(self, x: Tensor) -> Dims:
        return (*x.shape[:2], *(1,) * self.axes)

    def torch(self) -> TorchCall:
        """`nn.Dropout1d`, `2d` or `3d` by the rank: torch's Dropout3d takes (N, C, H, W) for one map of N channels."""
        return self._torch(f"nn.Dropout{self.axes}d")


@record(kw_only=True)
class DropPath(Op):
    """Zeroes the whole input of a sample with probability `p` in training, scales it otherwise: stochastic depth.

    Any shape, which stays. It stands at the end of a residual branch (Huang et al. 2016; torchvision's StochasticDepth
    of mode "row"; no class in torch).
    """

    op: Literal["drop_path"] = "drop_path"
    p: float

    tag = "drop_path"
    words = ("DROPPATH",)
    kind = "droppath"
    family = "regularisation"
    keeps_integers = True
    signature = (number("p", minimum=0.0, maximum=1.0),)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """One random number for each sample: kept as a tensor of (batch, 1, ...)."""
        x = inputs[0]
        if not trace.training or self.p == 0:
            return inputs
        return (masked(trace, x, noise_shape=(trace.batch, *(1,) * (len(x.shape) - 1))),)

    @property
    def summary(self) -> str:
        """The probability of leaving the branch out."""
        return f"{self.p:g}"

    def torch(self) -> TorchCall:
        """A module of archlang's own, copied into generated files."""
        return TorchCall("support.DropPath", (positional("p", self.p),))
