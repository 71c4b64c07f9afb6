"""InceptionV3, written by archlang from inception.arch.

The Inception networks: GoogLeNet of 2014 as the paper has it and as torchvision has it, and Inception v3.
Each takes `aux = true` for the classifiers that help in training only: they add parameters, but no MACs.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception Architecture for Computer Vision. CVPR 2016
This is the released model, with torchvision's names; the paper's table 1 differs from it in the stem.

3x299x299 -> 1000; 23,834,568 parameters, 5,713,216,096 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless InceptionV3 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 75 and w >= 75:
            return
    raise ValueError(f"InceptionV3's input is Nx3xHxW with H, W >= 75, not {'x'.join(map(str, x.shape))}")


class Unit(nn.Module):
    """`unit(c, k, stride, padding, bn)` of inception.arch."""

    def __init__(
        self,
        in_channels: int,
        c: int,
        k: int | tuple[int, int],
        padding: int | tuple[int, int],
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, c, k, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(c, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


class Mixed35(nn.Module):
    """`mixed35(pool)` of inception.arch."""

    def __init__(self, in_channels: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = Unit(in_channels, 64, k=1, padding=0)
        self.branch5x5_1 = Unit(in_channels, 48, k=1, padding=0)
        self.branch5x5_2 = Unit(48, 64, k=5, padding=2)
        self.branch3x3dbl_1 = Unit(in_channels, 64, k=1, padding=0)
        self.branch3x3dbl_2 = Unit(64, 96, k=3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, k=3, padding=1)
        self.avgpool = nn.AvgPool2d(3, stride=1, padding=1)
        self.branch_pool = Unit(in_channels, pool, k=1, padding=0)

    def forward(self, x: Tensor) -> Tensor:
        branch1x1 = self.branch1x1(x)  # 64x35x35
        y = self.branch5x5_1(x)  # 48x35x35
        branch5x5_2 = self.branch5x5_2(y)  # 64x35x35
        y = self.branch3x3dbl_1(x)  # 64x35x35
        y = self.branch3x3dbl_2(y)  # 96x35x35
        branch3x3dbl_3 = self.branch3x3dbl_3(y)
        x = self.avgpool(x)
        x = self.branch_pool(x)
        return torch.cat((branch1x1, branch5x5_2, branch3x3dbl_3, x), dim=1)


class Reduce35(nn.Module):
    """`reduce35()` of inception.arch: 288x35x35 -> 768x17x17."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = Unit(288, 384, k=3, padding=0, stride=2)
        self.branch3x3dbl_1 = Unit(288, 64, k=1, padding=0)
        self.branch3x3dbl_2 = Unit(64, 96, k=3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, k=3, padding=0, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        branch3x3 = self.branch3x3(x)  # 384x17x17
        y = self.branch3x3dbl_1(x)  # 64x35x35
        y = self.branch3x3dbl_2(y)  # 96x35x35
        branch3x3dbl_3 = self.branch3x3dbl_3(y)  # 96x17x17
        x = self.pool(x)  # 288x17x17
        return torch.cat((branch3x3, branch3x3dbl_3, x), dim=1)  # 768x17x17


class Mixed17(nn.Module):
    """`mixed17(c)` of inception.arch: 768x17x17 -> 768x17x17."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.branch1x1 = Unit(768, 192, k=1, padding=0)
        self.branch7x7_1 = Unit(768, c, k=1, padding=0)
        self.branch7x7_2 = Unit(c, c, k=(1, 7), padding=(0, 3))
        self.branch7x7_3 = Unit(c, 192, k=(7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = Unit(768, c, k=1, padding=0)
        self.branch7x7dbl_2 = Unit(c, c, k=(7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = Unit(c, c, k=(1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = Unit(c, c, k=(7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = Unit(c, 192, k=(1, 7), padding=(0, 3))
        self.avgpool = nn.AvgPool2d(3, stride=1, padding=1)
        self.branch_pool = Unit(768, 192, k=1, padding=0)

    def forward(self, x: Tensor) -> Tensor:
        branch1x1 = self.branch1x1(x)  # 192x17x17
        y = self.branch7x7_1(x)
        y = self.branch7x7_2(y)
        branch7x7_3 = self.branch7x7_3(y)  # 192x17x17
        y = self.branch7x7dbl_1(x)
        y = self.branch7x7dbl_2(y)
        y = self.branch7x7dbl_3(y)
        y = self.branch7x7dbl_4(y)
        branch7x7dbl_5 = self.branch7x7dbl_5(y)  # 192x17x17
        x = self.avgpool(x)
        x = self.branch_pool(x)  # 192x17x17
        return torch.cat((branch1x1, branch7x7_3, branch7x7dbl_5, x), dim=1)  # 768x17x17


class Reduce17(nn.Module):
    """`reduce17()` of inception.arch: 768x17x17 -> 1280x8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Unit(768, 192, k=1, padding=0)
        self.branch3x3_2 = Unit(192, 320, k=3, padding=0, stride=2)
        self.branch7x7x3_1 = Unit(768, 192, k=1, padding=0)
        self.branch7x7x3_2 = Unit(192, 192, k=(1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Unit(192, 192, k=(7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Unit(192, 192, k=3, padding=0, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch3x3_1(x)  # 192x17x17
        branch3x3_2 = self.branch3x3_2(y)  # 320x8x8
        y = self.branch7x7x3_1(x)  # 192x17x17
        y = self.branch7x7x3_2(y)
        y = self.branch7x7x3_3(y)
        branch7x7x3_4 = self.branch7x7x3_4(y)  # 192x8x8
        x = self.pool(x)  # 768x8x8
        return torch.cat((branch3x3_2, branch7x7x3_4, x), dim=1)  # 1280x8x8


class Mixed8(nn.Module):
    """`mixed8()` of inception.arch."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch1x1 = Unit(in_channels, 320, k=1, padding=0)
        self.branch3x3_1 = Unit(in_channels, 384, k=1, padding=0)
        self.branch3x3_2a = Unit(384, 384, k=(1, 3), padding=(0, 1))
        self.branch3x3_2b = Unit(384, 384, k=(3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Unit(in_channels, 448, k=1, padding=0)
        self.branch3x3dbl_2 = Unit(448, 384, k=3, padding=1)
        self.branch3x3dbl_3a = Unit(384, 384, k=(1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Unit(384, 384, k=(3, 1), padding=(1, 0))
        self.avgpool = nn.AvgPool2d(3, stride=1, padding=1)
        self.branch_pool = Unit(in_channels, 192, k=1, padding=0)

    def forward(self, x: Tensor) -> Tensor:
        branch1x1 = self.branch1x1(x)  # 320x8x8
        branch3x3_1 = self.branch3x3_1(x)  # 384x8x8
        branch3x3_2a = self.branch3x3_2a(branch3x3_1)
        y = self.branch3x3_2b(branch3x3_1)
        concat1 = torch.cat((branch3x3_2a, y), dim=1)  # 768x8x8
        y = self.branch3x3dbl_1(x)  # 448x8x8
        branch3x3dbl_2 = self.branch3x3dbl_2(y)  # 384x8x8
        branch3x3dbl_3a = self.branch3x3dbl_3a(branch3x3dbl_2)
        y = self.branch3x3dbl_3b(branch3x3dbl_2)
        concat2 = torch.cat((branch3x3dbl_3a, y), dim=1)  # 768x8x8
        x = self.avgpool(x)
        x = self.branch_pool(x)  # 192x8x8
        return torch.cat((branch1x1, concat1, concat2, x), dim=1)  # 2048x8x8


class InceptionV3(nn.Module):
    """InceptionV3: 3x299x299 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.

    Written for aux=False; other values need another file.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, k=3, padding=0, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, k=3, padding=0)
        self.Conv2d_2b_3x3 = Unit(32, 64, k=3, padding=1)
        self.pool1 = nn.MaxPool2d(3, stride=2)
        self.Conv2d_3b_1x1 = Unit(64, 80, k=1, padding=0)
        self.Conv2d_4a_3x3 = Unit(80, 192, k=3, padding=0)
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.Mixed_5b = Mixed35(192, 32)
        self.Mixed_5c = Mixed35(256, 64)
        self.Mixed_5d = Mixed35(288, 64)
        self.Mixed_6a = Reduce35()
        self.Mixed_6b = Mixed17(128)
        self.Mixed_6c = Mixed17(160)
        self.Mixed_6d = Mixed17(160)
        self.Mixed_6e = Mixed17(192)
        self.Mixed_7a = Reduce17()
        self.Mixed_7b = Mixed8(1280)
        self.Mixed_7c = Mixed8(2048)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.dropout1 = nn.Dropout(0.5)
        self.fc = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.Conv2d_1a_3x3(x)  # 32x149x149
        x = self.Conv2d_2a_3x3(x)  # 32x147x147
        x = self.Conv2d_2b_3x3(x)  # 64x147x147
        x = self.pool1(x)  # 64x73x73
        x = self.Conv2d_3b_1x1(x)  # 80x73x73
        x = self.Conv2d_4a_3x3(x)  # 192x71x71
        x = self.pool2(x)  # 192x35x35
        x = self.Mixed_5b(x)  # 256x35x35
        x = self.Mixed_5c(x)  # 288x35x35
        x = self.Mixed_5d(x)
        x = self.Mixed_6a(x)  # 768x17x17
        x = self.Mixed_6b(x)
        x = self.Mixed_6c(x)
        x = self.Mixed_6d(x)
        x = self.Mixed_6e(x)
        x = self.Mixed_7a(x)  # 1280x8x8
        x = self.Mixed_7b(x)  # 2048x8x8
        x = self.Mixed_7c(x)
        x = self.dropout1(self.avgpool1(x))  # 2048x1x1
        x = torch.flatten(x, 1)  # 2048
        return self.fc(x)  # 1000
