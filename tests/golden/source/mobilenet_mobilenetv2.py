"""MobileNetV2, written by archlang from mobilenet.arch.

MobileNets: convolutions split into one for each map and a 1x1 across them. Versions 2 and 3 have torchvision's names.

Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted Residuals and Linear Bottlenecks. CVPR 2018, table 2

3x224x224 -> 1000; 3,504,872 parameters, 300,774,272 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless MobileNetV2 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, _, _ = x.shape
        if channels == 3:
            return
    raise ValueError(f"MobileNetV2's input is Nx3xHxW, not {'x'.join(map(str, x.shape))}")


class Unit2(nn.Sequential):
    """`unit2(c, k, stride, groups)` of mobilenet.arch."""

    def __init__(self, in_channels: int, c: int, k: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, c, k, stride=stride, padding=k // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU6(),
        )


class Inverted(nn.Module):
    """`inverted(c, t, stride)` of mobilenet.arch."""

    def __init__(self, in_channels: int, c: int, t: int, stride: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if t > 1:
            layers.append(Unit2(in_channels, t * in_channels, k=1))
        layers += [
            Unit2(t * in_channels, t * in_channels, k=3, stride=stride, groups=t * in_channels),
            nn.Conv2d(t * in_channels, c, 1, bias=False),
            nn.BatchNorm2d(c),
        ]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and c == in_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """MobileNetV2: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            Unit2(3, 32, k=3, stride=2),  # 32x112x112
            Inverted(32, 16, t=1),  # 16x112x112
            Inverted(16, 24, t=6, stride=2),  # 24x56x56
            Inverted(24, 24, t=6),
        ]
        channels = 24
        for c, stride, depth in ((32, 2, 2), (64, 2, 3), (96, 1, 2), (160, 2, 2)):
            layers.append(Inverted(channels, c, t=6, stride=stride))
            for _ in range(depth):
                layers.append(Inverted(c, c, t=6))
            channels = c
        layers += [
            Inverted(160, 320, t=6),  # 320x7x7
            Unit2(320, 1280, k=1),  # 1280x7x7
        ]
        self.features = nn.Sequential(*layers)
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
