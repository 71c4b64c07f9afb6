"""EfficientNetB0, written by archlang from efficientnet.arch.

EfficientNet-B0, with torchvision's names.
Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks. ICML 2019, table 1
A stage: window, maps, copies, stride; the maps are t times more inside. Of the sixteen blocks the last is left out
with a probability of almost 0.2 in training, those before it less.

3x224x224 -> 1000; 5,288,548 parameters, 385,814,752 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
    """Raise ValueError unless EfficientNetB0 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, _, _ = x.shape
        if channels == 3:
            return
    raise ValueError(f"EfficientNetB0's input is Nx3xHxW, not {'x'.join(map(str, x.shape))}")


class Unit(nn.Sequential):
    """`unit(c, k, stride, groups, swish)` of efficientnet.arch."""

    def __init__(
        self,
        in_channels: int,
        c: int,
        k: int,
        stride: int = 1,
        groups: int = 1,
        swish: bool = True,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, c, k, stride=stride, padding=k // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c),
        ]
        if swish:
            layers.append(nn.SiLU())
        super().__init__(*layers)


class Excite(nn.Module):
    """`excite(squeezed)` of efficientnet.arch."""

    def __init__(self, in_channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(in_channels, squeezed, 1)
        self.silu = nn.SiLU()
        self.fc2 = nn.Conv2d(squeezed, in_channels, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = self.avgpool(x)
        y = self.silu(self.fc1(y))
        y = self.sigmoid(self.fc2(y))
        return x * y


class Mbconv(nn.Module):
    """`mbconv(c, k, stride, t, drop)` of efficientnet.arch."""

    def __init__(self, in_channels: int, c: int, k: int, stride: int, t: int, drop: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if t > 1:
            layers.append(Unit(in_channels, t * in_channels, k=1))
        layers += [
            Unit(t * in_channels, t * in_channels, k=k, stride=stride, groups=t * in_channels),
            Excite(t * in_channels, in_channels // 4),
            Unit(t * in_channels, c, k=1, swish=False),
        ]
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and c == in_channels
        if self.residual:
            self.droppath = DropPath(drop)

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        if self.residual:
            y = self.droppath(y)
            return x + y
        return y


class Stage(nn.Sequential):
    """`stage(k, c, count, stride, first, t)` of efficientnet.arch."""

    def __init__(
        self,
        in_channels: int,
        k: int,
        c: int,
        count: int,
        stride: int,
        first: int,
        t: int = 6,
    ) -> None:
        layers: list[nn.Module] = []
        channels = in_channels
        for i in range(count):
            layers.append(
                Mbconv(
                    channels,
                    c,
                    k=k,
                    stride=stride if i == 0 else 1,
                    t=t,
                    drop=0.2 * (first + i) / 16,
                ),
            )
            channels = c
        super().__init__(*layers)


class EfficientNetB0(nn.Module):
    """EfficientNetB0: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            Unit(3, 32, k=3, stride=2),  # 32x112x112
            Stage(32, 3, 16, count=1, stride=1, first=0, t=1),  # 16x112x112
            Stage(16, 3, 24, count=2, stride=2, first=1),  # 24x56x56
            Stage(24, 5, 40, count=2, stride=2, first=3),  # 40x28x28
            Stage(40, 3, 80, count=3, stride=2, first=5),  # 80x14x14
            Stage(80, 5, 112, count=3, stride=1, first=8),  # 112x14x14
            Stage(112, 5, 192, count=4, stride=2, first=11),  # 192x7x7
            Stage(192, 3, 320, count=1, stride=1, first=15),  # 320x7x7
            Unit(320, 1280, k=1),  # 1280x7x7
        )
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Dropout(0.2),
            nn.Linear(1280, classes),  # 1000
        )

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.features(x)  # 1280x7x7
        x = self.avgpool1(x)  # 1280x1x1
        x = torch.flatten(x, 1)  # 1280
        return self.classifier(x)  # 1000
