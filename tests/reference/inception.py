"""Branches side by side: GoogLeNet with batch normalisation (after Szegedy 2014), Inception v3 (Szegedy 2015).

With heads, both return the main output and then those of the heads in the order of the network, in training only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Unit(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(self, channels: int, out: int, kernel: Any, **options: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, bias=False, **options)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches: 1x1, two of 3x3 behind a reduction, pooling."""

    def __init__(self, channels: int, c1: int, r3: int, c3: int, r5: int, c5: int, pool: int) -> None:
        super().__init__()
        self.branch1 = Unit(channels, c1, 1)
        self.branch2 = nn.Sequential(Unit(channels, r3, 1), Unit(r3, c3, 3, padding=1))
        self.branch3 = nn.Sequential(Unit(channels, r5, 1), Unit(r5, c5, 3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), Unit(channels, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Head(nn.Module):
    """GoogLeNet's classifier for training, in the middle of the network."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv = Unit(channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(nn.functional.adaptive_avg_pool2d(x, 4))
        return self.fc2(self.dropout(torch.relu(self.fc1(torch.flatten(x, 1)))))


class GoogLeNet(nn.Module):
    """Nine modules in three groups, two heads."""

    def __init__(self, heads: bool, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = Unit(3, 64, 7, stride=2, padding=3)
        self.conv2 = Unit(64, 64, 1)
        self.conv3 = Unit(64, 192, 3, padding=1)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.heads = heads
        if heads:
            self.aux1 = Head(512, classes)
            self.aux2 = Head(528, classes)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Any:
        x = self.pool(self.conv3(self.conv2(self.pool(self.conv1(x)))))
        x = middle = self.inception4a(self.pool(self.inception3b(self.inception3a(x))))
        x = late = self.inception4d(self.inception4c(self.inception4b(x)))
        x = nn.functional.max_pool2d(self.inception4e(x), 2)
        x = self.inception5b(self.inception5a(x))
        aux = [self.aux1(middle), self.aux2(late)] if self.heads and self.training else []
        x = self.fc(self.dropout(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1)))
        return (x, *aux) if aux else x


def pooled(x: Tensor) -> Tensor:
    """An average over 3x3 that keeps the size."""
    return nn.functional.avg_pool2d(x, 3, 1, 1)


class Mixed35(nn.Module):
    """At 35x35: 1x1, 5x5, two 3x3 in a row, pooling."""

    def __init__(self, channels: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = Unit(channels, 64, 1)
        self.branch5x5_1 = Unit(channels, 48, 1)
        self.branch5x5_2 = Unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Unit(channels, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, padding=1)
        self.branch_pool = Unit(channels, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(pooled(x))], 1)


class Reduce35(nn.Module):
    """From 35x35 to 17x17."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = Unit(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = Unit(channels, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, nn.functional.max_pool2d(x, 3, 2)], 1)


class Mixed17(nn.Module):
    """At 17x17: 7x7 filters as 1x7 and 7x1."""

    def __init__(self, channels: int, c: int) -> None:
        super().__init__()
        self.branch1x1 = Unit(channels, 192, 1)
        self.branch7x7_1 = Unit(channels, c, 1)
        self.branch7x7_2 = Unit(c, c, (1, 7), padding=(0, 3))
        self.branch7x7_3 = Unit(c, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = Unit(channels, c, 1)
        self.branch7x7dbl_2 = Unit(c, c, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = Unit(c, c, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = Unit(c, c, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = Unit(c, 192, (1, 7), padding=(0, 3))
        self.branch_pool = Unit(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(pooled(x))], 1)


class Reduce17(nn.Module):
    """From 17x17 to 8x8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = Unit(channels, 192, 1)
        self.branch3x3_2 = Unit(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Unit(channels, 192, 1)
        self.branch7x7x3_2 = Unit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Unit(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Unit(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, nn.functional.max_pool2d(x, 3, 2)], 1)


class Mixed8(nn.Module):
    """At 8x8: branches that split again."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch1x1 = Unit(channels, 320, 1)
        self.branch3x3_1 = Unit(channels, 384, 1)
        self.branch3x3_2a = Unit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Unit(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Unit(channels, 448, 1)
        self.branch3x3dbl_2 = Unit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Unit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Unit(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Unit(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        three = torch.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], 1)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        double = torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1)
        return torch.cat([self.branch1x1(x), three, double, self.branch_pool(pooled(x))], 1)


class HeadV3(nn.Module):
    """Inception v3's classifier for training."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv0 = Unit(channels, 128, 1)
        self.conv1 = Unit(128, 768, 5)
        self.fc = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(self.conv0(nn.functional.avg_pool2d(x, 5, 3)))
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


class InceptionV3(nn.Module):
    """The network for 299x299."""

    def __init__(self, head: bool, classes: int = 1000) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b = Mixed35(192, 32)
        self.Mixed_5c = Mixed35(256, 64)
        self.Mixed_5d = Mixed35(288, 64)
        self.Mixed_6a = Reduce35(288)
        self.Mixed_6b = Mixed17(768, 128)
        self.Mixed_6c = Mixed17(768, 160)
        self.Mixed_6d = Mixed17(768, 160)
        self.Mixed_6e = Mixed17(768, 192)
        self.head = head
        if head:
            self.AuxLogits = HeadV3(768, classes)
        self.Mixed_7a = Reduce17(768)
        self.Mixed_7b = Mixed8(1280)
        self.Mixed_7c = Mixed8(2048)
        self.dropout = nn.Dropout()
        self.fc = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Any:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(nn.functional.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(nn.functional.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        aux = [self.AuxLogits(x)] if self.head and self.training else []
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        x = self.fc(self.dropout(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1)))
        return (x, *aux) if aux else x
