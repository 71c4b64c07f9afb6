"""GoogLeNet, written by archlang from inception.arch.

The Inception networks: GoogLeNet of 2014 as the paper has it and as torchvision has it, and Inception v3.
Each takes `aux = true` for the classifiers that help in training only: they add parameters, but no MACs.

"Going Deeper with Convolutions" (CVPR 2015) with torchvision's names and changes: batch normalisation instead of LRN
and biases, 3x3 for 5x5.

3x224x224 -> 1000; 6,624,904 parameters, 1,498,376,192 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless GoogLeNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 31 and w >= 31:
            return
    raise ValueError(f"GoogLeNet's input is Nx3xHxW with H, W >= 31, not {'x'.join(map(str, x.shape))}")


class Unit(nn.Module):
    """`unit(c, k, stride, padding, bn)` of inception.arch."""

    def __init__(self, in_channels: int, c: int, k: int, padding: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, c, k, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(c, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """`inception(c1, r3, c3, r5, c5, pool, k, bn)` of inception.arch."""

    def __init__(
        self,
        in_channels: int,
        c1: int,
        r3: int,
        c3: int,
        r5: int,
        c5: int,
        pool: int,
    ) -> None:
        super().__init__()
        self.branch1 = Unit(in_channels, c1, k=1, padding=0)
        self.branch2 = nn.Sequential(
            Unit(in_channels, r3, k=1, padding=0),
            Unit(r3, c3, k=3, padding=1),
        )
        self.branch3 = nn.Sequential(
            Unit(in_channels, r5, k=1, padding=0),
            Unit(r5, c5, k=3, padding=1),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            Unit(in_channels, pool, k=1, padding=0),
        )

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.branch1(x)
        branch2 = self.branch2(x)
        branch3 = self.branch3(x)
        x = self.branch4(x)
        return torch.cat((branch1, branch2, branch3, x), dim=1)


class GoogLeNet(nn.Module):
    """GoogLeNet: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.

    Written for aux=False; other values need another file.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = Unit(3, 64, k=7, padding=3, stride=2)
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = Unit(64, 64, k=1, padding=0)
        self.conv3 = Unit(64, 192, k=3, padding=1)
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.pool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.pool4 = nn.MaxPool2d(2)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.dropout1 = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.conv1(x)  # 64x112x112
        x = self.pool1(x)  # 64x56x56
        x = self.conv2(x)
        x = self.conv3(x)  # 192x56x56
        x = self.pool2(x)  # 192x28x28
        x = self.inception3a(x)  # 256x28x28
        x = self.inception3b(x)  # 480x28x28
        x = self.pool3(x)  # 480x14x14
        x = self.inception4a(x)  # 512x14x14
        x = self.inception4b(x)
        x = self.inception4c(x)
        x = self.inception4d(x)  # 528x14x14
        x = self.inception4e(x)  # 832x14x14
        x = self.pool4(x)  # 832x7x7
        x = self.inception5a(x)
        x = self.inception5b(x)  # 1024x7x7
        x = self.dropout1(self.avgpool1(x))  # 1024x1x1
        x = torch.flatten(x, 1)  # 1024
        return self.fc(x)  # 1000
