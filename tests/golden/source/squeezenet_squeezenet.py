"""SqueezeNet, written by archlang from squeezenet.arch.

SqueezeNet: as accurate as AlexNet with fifty times fewer parameters. torchvision's names.
Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer: SqueezeNet. arXiv 1602.07360, 2016
Each first convolution leaves out one row of 224.

3x224x224 -> 1000; 1,248,424 parameters, 818,924,576 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless SqueezeNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 21 and w >= 21:
            return
    raise ValueError(f"SqueezeNet's input is Nx3xHxW with H, W >= 21, not {'x'.join(map(str, x.shape))}")


class Pool(nn.Sequential):
    """`pool()` of squeezenet.arch."""

    def __init__(self) -> None:
        super().__init__(nn.MaxPool2d(3, stride=2, ceil_mode=True))


class Fire(nn.Module):
    """`fire(s, e)` of squeezenet.arch."""

    def __init__(self, in_channels: int, s: int, e: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, s, 1)
        self.relu1 = nn.ReLU()
        self.expand1x1 = nn.Conv2d(s, e, 1)
        self.relu2 = nn.ReLU()
        self.expand3x3 = nn.Conv2d(s, e, 3, padding=1)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.squeeze(x))
        y = self.relu2(self.expand1x1(x))
        x = self.relu3(self.expand3x3(x))
        return torch.cat((y, x), dim=1)


class Score(nn.Sequential):
    """`score(classes)` of squeezenet.arch: 512x13x13 -> 1000x1x1."""

    def __init__(self, classes: int) -> None:
        super().__init__(
            nn.Dropout(0.5),
            nn.Conv2d(512, classes, 1),  # 1000x13x13
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),  # 1000x1x1
        )


class SqueezeNet(nn.Module):
    """SqueezeNet: 3x224x224 -> 1000.

    Args:
        classes: sets `classes` of `Score`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 7, stride=2),  # 96x109x109
            nn.ReLU(),
            Pool(),  # 96x54x54
            Fire(96, 16, 64),  # 128x54x54
            Fire(128, 16, 64),
            Fire(128, 32, 128),  # 256x54x54
            Pool(),  # 256x27x27
            Fire(256, 32, 128),
            Fire(256, 48, 192),  # 384x27x27
            Fire(384, 48, 192),
            Fire(384, 64, 256),  # 512x27x27
            Pool(),  # 512x13x13
            Fire(512, 64, 256),
        )
        self.classifier = Score(classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.features(x)  # 512x13x13
        x = self.classifier(x)  # 1000x1x1
        return torch.flatten(x, 1)  # 1000
