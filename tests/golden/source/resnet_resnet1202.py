"""ResNet1202, written by archlang from resnet.arch.

Residual networks for ImageNet with torchvision's names, and those of the paper for CIFAR-10.
He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition. CVPR 2016 (arXiv 1512.03385)

Table 6: CIFAR-10, n blocks in each of three stages. Where the maps double, the input passes without parameters
(option A): every second row and column of it, and zeros for the new maps.

3x32x32 -> 10; 19,421,274 parameters, 2,829,238,912 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ResNet1202 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, _, _ = x.shape
        if channels == 3:
            return
    raise ValueError(f"ResNet1202's input is Nx3xHxW, not {'x'.join(map(str, x.shape))}")


class Plain(nn.Module):
    """`plain(c, stride)` of resnet.arch."""

    def __init__(self, in_channels: int, c: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, c, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.with_pool = c != in_channels
        if self.with_pool:
            self.pool = nn.MaxPool2d(1, stride=stride)
            self.pad = nn.ZeroPad3d((0, 0, 0, 0, 0, in_channels))
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.with_pool:
            x = self.pool(x)
            x = self.pad(x)
        return self.relu2(y + x)


class ResNet1202(nn.Module):
    """ResNet1202: 3x32x32 -> 10.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu1 = nn.ReLU()
        layers: list[nn.Module] = []
        for _ in range(200):
            layers.append(Plain(16, 16))
        self.layer1 = nn.Sequential(*layers)
        layers = [
            Plain(16, 32, stride=2),  # 32x16x16
        ]
        for _ in range(199):
            layers.append(Plain(32, 32))
        self.layer2 = nn.Sequential(*layers)
        layers = [
            Plain(32, 64, stride=2),  # 64x8x8
        ]
        for _ in range(199):
            layers.append(Plain(64, 64))
        self.layer3 = nn.Sequential(*layers)
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.relu1(self.bn1(self.conv1(x)))  # 16x32x32
        x = self.layer1(x)
        x = self.layer2(x)  # 32x16x16
        x = self.layer3(x)  # 64x8x8
        x = self.avgpool1(x)  # 64x1x1
        x = torch.flatten(x, 1)  # 64
        return self.fc1(x)  # 10
