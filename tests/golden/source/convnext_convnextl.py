"""ConvNeXtL, written by archlang from convnext.arch.

ConvNeXt-T, S, B and L, with torchvision's names.
Liu, Mao, Wu, Feichtenhofer, Darrell, Xie: A ConvNet for the 2020s. CVPR 2022, table 9
`drop` is the probability to leave out the last block in training; those before it are left out less often.

3x224x224 -> 1000; 197,767,336 parameters, 34,361,433,600 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        x = nn.functional.layer_norm(x.movedim(1, -1), (self.channels,), self.weight, self.bias, self.eps)
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


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ConvNeXtL takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 32 and w >= 32:
            return
    raise ValueError(f"ConvNeXtL's input is Nx3xHxW with H, W >= 32, not {'x'.join(map(str, x.shape))}")


class Patches(nn.Sequential):
    """`patches(c)` of convnext.arch: 3x224x224 -> 192x56x56."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 192, 4, stride=4),  # 192x56x56
            ChannelNorm(192, eps=1e-6),
        )


class Block(nn.ModuleDict):
    """Part of ConvNeXtL."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(
            {
                "0": nn.Conv2d(in_channels, in_channels, 7, padding=3, groups=in_channels),
                "2": nn.LayerNorm(in_channels, eps=1e-6),
                "3": nn.Linear(in_channels, 4 * in_channels),
                "4": nn.GELU(),
                "5": nn.Linear(4 * in_channels, in_channels),
            },
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self["0"](x)
        x = self["2"](torch.permute(x, (0, 2, 3, 1)))
        x = self["4"](self["3"](x))
        x = self["5"](x)
        return torch.permute(x, (0, 3, 1, 2))


class Unit(nn.Module):
    """`unit(c, drop)` of convnext.arch."""

    def __init__(self, c: int, drop: float) -> None:
        super().__init__()
        self.layer_scale = nn.Parameter(torch.full((c, 1, 1), 1e-6))
        self.block = Block(c)
        self.droppath = DropPath(drop)

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        y = self.droppath(self.layer_scale * y)
        return x + y


class Stage(nn.Sequential):
    """`stage(count, before, drop)` of convnext.arch."""

    def __init__(self, count: int, before: int, c: int) -> None:
        layers: list[nn.Module] = []
        for i in range(count):
            layers.append(Unit(c, drop=0.014285714285714285 * (before + i)))
        super().__init__(*layers)


class Half(nn.Sequential):
    """`half(c)` of convnext.arch."""

    def __init__(self, channels: int, c: int) -> None:
        super().__init__(ChannelNorm(channels, eps=1e-6), nn.Conv2d(channels, c, 2, stride=2))


class ConvNeXtL(nn.Module):
    """ConvNeXtL: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            Patches(),  # 192x56x56
            Stage(3, before=0, c=192),
        ]
        channels = 192
        for c, count, before in ((384, 3, 3), (768, 27, 6), (1536, 3, 33)):
            layers += [Half(channels, c), Stage(count, before=before, c=c)]
            channels = c
        self.features = nn.Sequential(*layers)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            ChannelNorm(1536, eps=1e-6),
            nn.Flatten(),  # 1536
            nn.Linear(1536, classes),  # 1000
        )

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.features(x)  # 1536x7x7
        x = self.avgpool1(x)  # 1536x1x1
        return self.classifier(x)  # 1000
