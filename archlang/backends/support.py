"""Layers that torch has no class for. A generated file gets a copy of the text of those that it uses.

So each class stands on its own: it uses only `torch`, `nn`, `Tensor` and `F`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (its name everywhere)


class AddCoords(nn.Module):
    """Adds the coordinates x, y (and z) in [-1, 1] as channels; `with_r` their distance from the centre too."""

    def __init__(self, with_r: bool = False) -> None:
        super().__init__()
        self.with_r = with_r

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *sizes) -> (N, C + axes, *sizes)."""
        scales = [torch.linspace(-1 if n > 1 else 0, 1, n, dtype=x.dtype, device=x.device) for n in x.shape[2:]]
        coordinates = torch.stack(torch.meshgrid(*scales, indexing="ij")[::-1])
        if self.with_r:
            distance = coordinates.square().sum(0, keepdim=True).sqrt()
            coordinates = torch.cat((coordinates, distance))
        return torch.cat((x, coordinates.expand(x.shape[0], *coordinates.shape)), dim=1)


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels at each position."""

    def __init__(self, channels: int, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels)) if elementwise_affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if elementwise_affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *sizes), which stays."""
        x = F.layer_norm(x.movedim(1, -1), (self.channels,), self.weight, self.bias, self.eps)
        return x.movedim(-1, 1)


class DropPath(nn.Module):
    """Zeroes whole samples with probability `p` in training and scales the others: stochastic depth."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, which stays."""
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty(x.shape[0], *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept.div_(max(1 - self.p, 1e-12))


class Maxout(nn.Module):
    """Largest of `pieces` neighbouring channels."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C/pieces, ...)."""
        return torch.max(torch.unflatten(x, 1, (-1, self.pieces)), dim=2).values


class Reshape(nn.Module):
    """The same numbers in another shape; the batch stays."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, *shape)."""
        return x.reshape(x.shape[0], *self.shape)


class ScaledTanh(nn.Module):
    """amplitude * tanh(slope * x)."""

    def __init__(self, amplitude: float = 1.0, slope: float = 1.0) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, which stays."""
        return self.amplitude * torch.tanh(self.slope * x)


class Scale(nn.Module):
    """weight * x + bias, with one of each along the axis `dim`."""

    def __init__(self, size: int, bias: bool = True, fill: float = 1.0, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim
        self.weight = nn.Parameter(torch.full((size,), float(fill)))
        self.bias = nn.Parameter(torch.zeros(size)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, which stays."""
        x = x.movedim(self.dim, -1) * self.weight
        return (x if self.bias is None else x + self.bias).movedim(-1, self.dim)


class Select(nn.Module):
    """The channels of a list, in its order."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = list(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> (N, as many as are listed, ...)."""
        return x[:, self.channels]
