"""DenseNet, written by archlang from densenet.arch.

Densely connected networks: each layer sees the maps of all before it. ImageNet with torchvision's names, CIFAR-10.
Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks. CVPR 2017

3x224x224 -> 1000; 7,978,856 parameters, 2,834,161,664 multiply-accumulates.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless DenseNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 29 and w >= 29:
            return
    raise ValueError(f"DenseNet's input is Nx3xHxW with H, W >= 29, not {'x'.join(map(str, x.shape))}")


class Layer(nn.Module):
    """`layer(k, bottleneck)` of densenet.arch."""

    def __init__(self, num_features: int, k: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_features)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(num_features, 4 * k, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * k)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(4 * k, k, 3, padding=1, bias=False)

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


class DenseNet(nn.Module):
    """DenseNet: 3x224x224 -> 1000.

    Args:
        k: sets `out_channels` of `nn.Conv2d`, `num_features` of `nn.BatchNorm2d` and others.
        classes: sets `out_features` of `nn.Linear`.

    Written for depths=(6, 12, 24, 16); other values need another file.
    """

    def __init__(self, k: int = 32, classes: int = 1000) -> None:
        super().__init__()
        features = nn.Sequential(
            OrderedDict(
                [
                    ("conv0", nn.Conv2d(3, 2 * k, 7, stride=2, padding=3, bias=False)),
                    ("norm0", nn.BatchNorm2d(2 * k)),
                    ("0", nn.ReLU()),
                    ("pool0", nn.MaxPool2d(3, stride=2, padding=1)),  # 64x56x56
                ],
            ),
        )
        denseblock1 = nn.Sequential()
        channels = 2 * k
        for i in range(1, 7):
            denseblock1.add_module(f"denselayer{i}", Layer(channels, k))
            channels += k
        features.add_module("denseblock1", denseblock1)  # 256x56x56
        features.add_module("transition1", Transition(channels))  # 128x28x28
        denseblock2 = nn.Sequential()
        channels = 4 * k
        for i in range(1, 13):
            denseblock2.add_module(f"denselayer{i}", Layer(channels, k))
            channels += k
        features.add_module("denseblock2", denseblock2)  # 512x28x28
        features.add_module("transition2", Transition(channels))  # 256x14x14
        denseblock3 = nn.Sequential()
        channels = 8 * k
        for i in range(1, 25):
            denseblock3.add_module(f"denselayer{i}", Layer(channels, k))
            channels += k
        features.add_module("denseblock3", denseblock3)  # 1024x14x14
        features.add_module("transition3", Transition(channels))  # 512x7x7
        denseblock4 = nn.Sequential()
        channels = 16 * k
        for i in range(1, 17):
            denseblock4.add_module(f"denselayer{i}", Layer(channels, k))
            channels += k
        features.add_module("denseblock4", denseblock4)  # 1024x7x7
        features.add_module("norm5", nn.BatchNorm2d(channels))
        features.add_module("1", nn.ReLU())
        self.features = features
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.features(x)  # 1024x7x7
        x = self.avgpool1(x)  # 1024x1x1
        x = torch.flatten(x, 1)  # 1024
        return self.classifier(x)  # 1000
