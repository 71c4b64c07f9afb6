"""MobileNet, written by archlang from mobilenet.arch.

MobileNets: convolutions split into one for each map and a 1x1 across them. Versions 2 and 3 have torchvision's names.

Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam: MobileNets. arXiv 1704.04861, 2017, table 1

3x224x224 -> 1000; 4,231,976 parameters, 568,740,352 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless MobileNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, _, _ = x.shape
        if channels == 3:
            return
    raise ValueError(f"MobileNet's input is Nx3xHxW, not {'x'.join(map(str, x.shape))}")


class Unit(nn.Sequential):
    """`unit(c, k, stride, groups)` of mobilenet.arch."""

    def __init__(self, in_channels: int, c: int, k: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, c, k, stride=stride, padding=k // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
        )


class Separable(nn.Sequential):
    """`separable(c, stride)` of mobilenet.arch."""

    def __init__(self, in_channels: int, c: int, stride: int = 1) -> None:
        super().__init__(
            Unit(in_channels, in_channels, k=3, stride=stride, groups=in_channels),
            Unit(in_channels, c, k=1),
        )


class MobileNet(nn.Module):
    """MobileNet: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.unit1 = Unit(3, 32, k=3, stride=2)
        self.separable1 = Separable(32, 64)
        self.separable2 = Separable(64, 128, stride=2)
        self.separable3 = Separable(128, 128)
        self.separable4 = Separable(128, 256, stride=2)
        self.separable5 = Separable(256, 256)
        self.separable6 = Separable(256, 512, stride=2)
        self.separable7 = Separable(512, 512)
        self.separable8 = Separable(512, 512)
        self.separable9 = Separable(512, 512)
        self.separable10 = Separable(512, 512)
        self.separable11 = Separable(512, 512)
        self.separable12 = Separable(512, 1024, stride=2)
        self.separable13 = Separable(1024, 1024)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.unit1(x)  # 32x112x112
        x = self.separable1(x)  # 64x112x112
        x = self.separable2(x)  # 128x56x56
        x = self.separable3(x)
        x = self.separable4(x)  # 256x28x28
        x = self.separable5(x)
        x = self.separable6(x)  # 512x14x14
        x = self.separable7(x)
        x = self.separable8(x)
        x = self.separable9(x)
        x = self.separable10(x)
        x = self.separable11(x)
        x = self.separable12(x)  # 1024x7x7
        x = self.separable13(x)
        x = self.avgpool1(x)  # 1024x1x1
        x = torch.flatten(x, 1)  # 1024
        return self.fc1(x)  # 1000
