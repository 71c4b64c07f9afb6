"""DenseNet161, written by archlang from densenet.arch.

Densely connected networks: each layer sees the maps of all before it. ImageNet with torchvision's names, CIFAR-10.
Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks. CVPR 2017

3x224x224 -> 1000; 28,681,000 parameters, 7,727,907,072 multiply-accumulates.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless DenseNet161 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 29 and w >= 29:
            return
    raise ValueError(f"DenseNet161's input is Nx3xHxW with H, W >= 29, not {'x'.join(map(str, x.shape))}")


class Layer(nn.Module):
    """`layer(k, bottleneck)` of densenet.arch."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_features)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(num_features, 192, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(192)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(192, 48, 3, padding=1, bias=False)

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


class DenseNet161(nn.Module):
    """DenseNet161: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        features = nn.Sequential(
            OrderedDict(
                [
                    ("conv0", nn.Conv2d(3, 96, 7, stride=2, padding=3, bias=False)),  # 96x112x112
                    ("norm0", nn.BatchNorm2d(96)),
                    ("0", nn.ReLU()),
                    ("pool0", nn.MaxPool2d(3, stride=2, padding=1)),  # 96x56x56
                ],
            ),
        )
        denseblock1 = nn.Sequential()
        channels = 96
        for i in range(1, 7):
            denseblock1.add_module(f"denselayer{i}", Layer(channels))
            channels += 48
        features.add_module("denseblock1", denseblock1)  # 384x56x56
        features.add_module("transition1", Transition(384))  # 192x28x28
        denseblock2 = nn.Sequential()
        channels = 192
        for i in range(1, 13):
            denseblock2.add_module(f"denselayer{i}", Layer(channels))
            channels += 48
        features.add_module("denseblock2", denseblock2)  # 768x28x28
        features.add_module("transition2", Transition(768))  # 384x14x14
        denseblock3 = nn.Sequential()
        channels = 384
        for i in range(1, 37):
            denseblock3.add_module(f"denselayer{i}", Layer(channels))
            channels += 48
        features.add_module("denseblock3", denseblock3)  # 2112x14x14
        features.add_module("transition3", Transition(2112))  # 1056x7x7
        denseblock4 = nn.Sequential()
        channels = 1056
        for i in range(1, 25):
            denseblock4.add_module(f"denselayer{i}", Layer(channels))
            channels += 48
        features.add_module("denseblock4", denseblock4)  # 2208x7x7
        features.add_module("norm5", nn.BatchNorm2d(2208))
        features.add_module("1", nn.ReLU())
        self.features = features
        self.avgpool1 = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(2208, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.features(x)  # 2208x7x7
        x = self.avgpool1(x)  # 2208x1x1
        x = torch.flatten(x, 1)  # 2208
        return self.classifier(x)  # 1000
