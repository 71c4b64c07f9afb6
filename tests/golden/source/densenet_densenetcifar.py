"""DenseNetCIFAR, written by archlang from densenet.arch.

Densely connected networks: each layer sees the maps of all before it. ImageNet with torchvision's names, CIFAR-10.
Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks. CVPR 2017

Table 2: CIFAR-10, three blocks of equal length, L layers in all.

3x32x32 -> 10; 1,019,722 parameters, 264,812,928 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless DenseNetCIFAR takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 4 and w >= 4:
            return
    raise ValueError(f"DenseNetCIFAR's input is Nx3xHxW with H, W >= 4, not {'x'.join(map(str, x.shape))}")


class Layer(nn.Module):
    """`layer(k, bottleneck)` of densenet.arch."""

    def __init__(self, num_features: int, k: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_features)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(num_features, k, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.norm1(x))
        y = self.conv2(y)
        return torch.cat((x, y), dim=1)


class Transition(nn.Module):
    """`transition(factor)` of densenet.arch."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_features)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(num_features, num_features, 1, bias=False)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(x))
        x = self.conv(x)
        return self.pool(x)


class DenseNetCIFAR(nn.Sequential):
    """DenseNetCIFAR: 3x32x32 -> 10.

    Args:
        k: sets `k` of `Layer`.
        classes: sets `out_features` of `nn.Linear`.

    Written for L=40, bc=False; other values need another file.
    """

    def __init__(self, k: int = 12, classes: int = 10) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(3, 16, 3, padding=1, bias=False)  # 16x32x32
        channels = 16
        for i in range(1, 3):
            layers: list[nn.Module] = []
            for _ in range(12):
                layers.append(nn.Sequential(Layer(channels, k)))
                channels += k
            self.add_module(f"block{i}", nn.Sequential(*layers))
            self.add_module(f"transition{i}", Transition(channels))
        layers = []
        for _ in range(12):
            layers.append(nn.Sequential(Layer(channels, k)))
            channels += k
        self.block3 = nn.Sequential(*layers)  # 448x8x8
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)  # 448x1x1
        self.flatten = nn.Flatten()  # 448
        self.classifier = nn.Linear(channels, classes)  # 10

    def forward(self, input: Tensor) -> Tensor:
        check_input(input)
        return super().forward(input)
