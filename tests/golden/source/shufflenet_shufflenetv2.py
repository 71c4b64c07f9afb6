"""ShuffleNetV2, written by archlang from shufflenet.arch.

ShuffleNet v2 at width 1.0, with torchvision's names.
Ma, Zhang, Zheng, Sun: ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design. ECCV 2018, table 5

3x224x224 -> 1000; 2,278,604 parameters, 144,907,992 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ShuffleNetV2 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, _, _ = x.shape
        if channels == 3:
            return
    raise ValueError(f"ShuffleNetV2's input is Nx3xHxW, not {'x'.join(map(str, x.shape))}")


class Unit(nn.Sequential):
    """`unit(c, k, stride)` of shufflenet.arch."""

    def __init__(self, in_channels: int, c: int, k: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, c, k, stride=stride, padding=k // 2, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
        )


class Branch(nn.Sequential):
    """`branch(c, stride)` of shufflenet.arch."""

    def __init__(self, in_channels: int, c: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, c, 1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.Conv2d(c, c, 3, stride=stride, padding=1, groups=c, bias=False),
            nn.BatchNorm2d(c),
            nn.Conv2d(c, c, 1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
        )


class Halving(nn.Module):
    """`halving(c)` of shufflenet.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__()
        self.branch1 = nn.Sequential(
            nn.Conv2d(
                in_channels,
                in_channels,
                3,
                stride=2,
                padding=1,
                groups=in_channels,
                bias=False,
            ),
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, c // 2, 1, bias=False),
            nn.BatchNorm2d(c // 2),
            nn.ReLU(),
        )
        self.branch2 = Branch(in_channels, c // 2, stride=2)
        self.shuffle = nn.ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.branch1(x)
        x = self.branch2(x)
        x = torch.cat((branch1, x), dim=1)
        return self.shuffle(x)


class Keeping(nn.Module):
    """`keeping(c)` of shufflenet.arch."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.branch2 = Branch(c // 2, c // 2)
        self.shuffle = nn.ChannelShuffle(2)
        self.length = c // 2

    def forward(self, x: Tensor) -> Tensor:
        y = x[:, : self.length]
        x = x[:, self.length :]
        x = self.branch2(x)
        x = torch.cat((y, x), dim=1)
        return self.shuffle(x)


class Stage(nn.Sequential):
    """`stage(c, count)` of shufflenet.arch."""

    def __init__(self, in_channels: int, c: int, count: int) -> None:
        layers: list[nn.Module] = [Halving(in_channels, c)]
        for _ in range(count - 1):
            layers.append(Keeping(c))
        super().__init__(*layers)


class ShuffleNetV2(nn.Module):
    """ShuffleNetV2: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = Unit(3, 24, k=3, stride=2)
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage2 = Stage(24, 116, count=4)
        self.stage3 = Stage(116, 232, count=8)
        self.stage4 = Stage(232, 464, count=4)
        self.conv5 = Unit(464, 1024, k=1)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.conv1(x)  # 24x112x112
        x = self.pool1(x)  # 24x56x56
        x = self.stage2(x)  # 116x28x28
        x = self.stage3(x)  # 232x14x14
        x = self.stage4(x)  # 464x7x7
        x = self.conv5(x)  # 1024x7x7
        x = self.avgpool1(x)  # 1024x1x1
        x = torch.flatten(x, 1)  # 1024
        return self.fc(x)  # 1000
