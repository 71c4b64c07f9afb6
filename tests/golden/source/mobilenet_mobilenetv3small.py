"""MobileNetV3Small, written by archlang from mobilenet.arch.

MobileNets: convolutions split into one for each map and a 1x1 across them. Versions 2 and 3 have torchvision's names.

"Searching for MobileNetV3" (ICCV 2019), table 2.

3x224x224 -> 1000; 2,542,856 parameters, 56,510,400 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless MobileNetV3Small takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, _, _ = x.shape
        if channels == 3:
            return
    raise ValueError(f"MobileNetV3Small's input is Nx3xHxW, not {'x'.join(map(str, x.shape))}")


class Unit3(nn.Sequential):
    """`unit3(c, k, act, stride, groups)` of mobilenet.arch."""

    def __init__(
        self,
        in_channels: int,
        c: int,
        k: int,
        act: str,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, c, k, stride=stride, padding=k // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c, eps=0.001, momentum=0.01),
        ]
        if act == "relu":
            layers.append(nn.ReLU())
        elif act == "swish":
            layers.append(nn.Hardswish())
        super().__init__(*layers)


class Excite(nn.Module):
    """`excite(c)` of mobilenet.arch."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(c, (c // 4 + 7) // 8 * 8, 1)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d((c // 4 + 7) // 8 * 8, c, 1)
        self.hardsigmoid = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = self.avgpool(x)
        y = self.relu(self.fc1(y))
        y = self.hardsigmoid(self.fc2(y))
        return x * y


class Bottleneck(nn.Module):
    """`bottleneck(k, t, c, se, act, stride)` of mobilenet.arch."""

    def __init__(
        self,
        in_channels: int,
        k: int,
        t: int,
        c: int,
        se: bool,
        act: str,
        stride: int,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if t != in_channels:
            layers.append(Unit3(in_channels, t, k=1, act=act))
        layers.append(Unit3(t, t, k=k, act=act, stride=stride, groups=t))
        if se:
            layers.append(Excite(t))
        layers.append(Unit3(t, c, k=1, act="none"))
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and c == in_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        return x + y if self.residual else y


class MobileNetV3Small(nn.Module):
    """MobileNetV3Small: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            Unit3(3, 16, k=3, act="swish", stride=2),  # 16x112x112
        ]
        channels = 16
        for k, t, c, se, act, stride in (
            (3, 16, 16, True, "relu", 2),
            (3, 72, 24, False, "relu", 2),
            (3, 88, 24, False, "relu", 1),
            (5, 96, 40, True, "swish", 2),
            (5, 240, 40, True, "swish", 1),
            (5, 240, 40, True, "swish", 1),
            (5, 120, 48, True, "swish", 1),
            (5, 144, 48, True, "swish", 1),
            (5, 288, 96, True, "swish", 2),
            (5, 576, 96, True, "swish", 1),
            (5, 576, 96, True, "swish", 1),
        ):
            layers.append(Bottleneck(channels, k, t=t, c=c, se=se, act=act, stride=stride))
            channels = c
        layers.append(Unit3(96, 576, k=1, act="swish"))  # 576x7x7
        self.features = nn.Sequential(*layers)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(576, 1024),  # 1024
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(1024, classes),  # 1000
        )

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.features(x)  # 576x7x7
        x = self.avgpool1(x)  # 576x1x1
        x = torch.flatten(x, 1)  # 576
        return self.classifier(x)  # 1000
