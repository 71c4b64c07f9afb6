"""ResNeXt50, written by archlang from resnet.arch.

Residual networks for ImageNet with torchvision's names, and those of the paper for CIFAR-10.
He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition. CVPR 2016 (arXiv 1512.03385)

Xie, Girshick, Dollar, Tu, He: Aggregated Residual Transformations for Deep Neural Networks. CVPR 2017. 32x4d

3x224x224 -> 1000; 25,028,904 parameters, 4,230,479,872 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ResNeXt50 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, _, _ = x.shape
        if channels == 3:
            return
    raise ValueError(f"ResNeXt50's input is Nx3xHxW, not {'x'.join(map(str, x.shape))}")


class Bottleneck(nn.Module):
    """`bottleneck(c, stride, v1, groups, width)` of resnet.arch."""

    def __init__(self, in_channels: int, c: int, stride: int = 1, v1: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 2 * c, 1, stride=stride if v1 else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(2 * c)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(
            2 * c,
            2 * c,
            3,
            stride=1 if v1 else stride,
            padding=1,
            groups=32,
            bias=False,
        )
        self.bn2 = nn.BatchNorm2d(2 * c)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(2 * c, 4 * c, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * c)
        self.downsample = None
        if stride != 1 or 4 * c != in_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, 4 * c, 1, stride=stride, bias=False),
                nn.BatchNorm2d(4 * c),
            )
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self.downsample is not None:
            x = self.downsample(x)
        return self.relu3(y + x)


class Stage(nn.Sequential):
    """`stage(c, count, stride, deep, v1, groups, width)` of resnet.arch."""

    def __init__(self, in_channels: int, c: int, count: int, stride: int, v1: bool) -> None:
        layers: list[nn.Module] = [Bottleneck(in_channels, c, stride=stride, v1=v1)]
        for _ in range(count - 1):
            layers.append(Bottleneck(4 * c, c, v1=v1))
        super().__init__(*layers)


class ResNeXt50(nn.Module):
    """ResNeXt50: 3x224x224 -> 1000.

    Args:
        v1: sets `v1` of `Stage`.
        classes: sets `out_features` of `nn.Linear`.

    Written for deep=True; other values need another file.
    """

    def __init__(self, v1: bool = False, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = Stage(64, 64, count=3, stride=1, v1=v1)
        self.layer2 = Stage(256, 128, count=4, stride=2, v1=v1)
        self.layer3 = Stage(512, 256, count=6, stride=2, v1=v1)
        self.layer4 = Stage(1024, 512, count=3, stride=2, v1=v1)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.relu1(self.bn1(self.conv1(x)))  # 64x112x112
        x = self.pool1(x)  # 64x56x56
        x = self.layer1(x)  # 256x56x56
        x = self.layer2(x)  # 512x28x28
        x = self.layer3(x)  # 1024x14x14
        x = self.layer4(x)  # 2048x7x7
        x = self.avgpool1(x)  # 2048x1x1
        x = torch.flatten(x, 1)  # 2048
        return self.fc(x)  # 1000
