"""ResNet34, written by archlang from resnet.arch.

Residual networks for ImageNet with torchvision's names, and those of the paper for CIFAR-10.
He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition. CVPR 2016 (arXiv 1512.03385)

3x224x224 -> 1000; 21,797,672 parameters, 3,663,761,408 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ResNet34 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, _, _ = x.shape
        if channels == 3:
            return
    raise ValueError(f"ResNet34's input is Nx3xHxW, not {'x'.join(map(str, x.shape))}")


class Basic(nn.Module):
    """`basic(c, stride)` of resnet.arch."""

    def __init__(self, in_channels: int, c: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, c, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.downsample = None
        if stride != 1 or c != in_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, c, 1, stride=stride, bias=False),
                nn.BatchNorm2d(c),
            )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.downsample is not None:
            x = self.downsample(x)
        return self.relu2(y + x)


class Stage(nn.Sequential):
    """`stage(c, count, stride, deep, v1, groups, width)` of resnet.arch."""

    def __init__(self, in_channels: int, c: int, count: int, stride: int) -> None:
        layers: list[nn.Module] = [Basic(in_channels, c, stride=stride)]
        for _ in range(count - 1):
            layers.append(Basic(c, c))
        super().__init__(*layers)


class ResNet34(nn.Module):
    """ResNet34: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = Stage(64, 64, count=3, stride=1)
        self.layer2 = Stage(64, 128, count=4, stride=2)
        self.layer3 = Stage(128, 256, count=6, stride=2)
        self.layer4 = Stage(256, 512, count=3, stride=2)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.relu1(self.bn1(self.conv1(x)))  # 64x112x112
        x = self.pool1(x)  # 64x56x56
        x = self.layer1(x)
        x = self.layer2(x)  # 128x28x28
        x = self.layer3(x)  # 256x14x14
        x = self.layer4(x)  # 512x7x7
        x = self.avgpool1(x)  # 512x1x1
        x = torch.flatten(x, 1)  # 512
        return self.fc(x)  # 1000
