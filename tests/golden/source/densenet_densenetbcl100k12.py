"""DenseNetBCL100k12, written by archlang from densenet.arch.

Densely connected networks: each layer sees the maps of all before it. ImageNet with torchvision's names, CIFAR-10.
Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks. CVPR 2017

Table 2: CIFAR-10, three blocks of equal length, L layers in all.

3x32x32 -> 10; 769,162 parameters, 287,929,692 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless DenseNetBCL100k12 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 4 and w >= 4:
            return
    raise ValueError(f"DenseNetBCL100k12's input is Nx3xHxW with H, W >= 4, not {'x'.join(map(str, x.shape))}")


class Layer(nn.Module):
    """`layer(k, bottleneck)` of densenet.arch."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_features)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(num_features, 48, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(48)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(48, 12, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.norm1(x))
        y = self.relu2(self.norm2(self.conv1(y)))
        y = self.conv2(y)
        return torch.cat((x, y), dim=1)


class Transition(nn.Module):
    """`transition(factor)` of densenet.arch."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_features)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(num_features, num_features // 2, 1, bias=False)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(x))
        x = self.conv(x)
        return self.pool(x)


class DenseNetBCL100k12(nn.Sequential):
    """DenseNetBCL100k12: 3x32x32 -> 10.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(3, 24, 3, padding=1, bias=False)  # 24x32x32
        channels = 24
        for i, out_channels in ((1, 108), (2, 150)):
            layers: list[nn.Module] = []
            for _ in range(16):
                layers.append(nn.Sequential(Layer(channels)))
                channels += 12
            self.add_module(f"block{i}", nn.Sequential(*layers))
            self.add_module(f"transition{i}", Transition(channels))
            channels = out_channels
        layers = []
        for _ in range(16):
            layers.append(nn.Sequential(Layer(channels)))
            channels += 12
        self.block3 = nn.Sequential(*layers)  # 342x8x8
        self.bn1 = nn.BatchNorm2d(342)
        self.relu1 = nn.ReLU()
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)  # 342x1x1
        self.flatten = nn.Flatten()  # 342
        self.classifier = nn.Linear(342, classes)  # 10

    def forward(self, input: Tensor) -> Tensor:
        check_input(input)
        return super().forward(input)
