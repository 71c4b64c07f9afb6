"""NiNImageNet, written by archlang from nin.arch.

Network in Network: 1x1 convolutions between the large ones; each map of the last is a class, averaged.
Lin, Chen, Yan: Network In Network. ICLR 2014 (arXiv 1312.4400). Sizes and poolings are the authors' Caffe nets'.

ImageNet. 11x11 at stride 4 leaves one row of 224 out: 54 -> 27 -> 13 -> 6.

3x224x224 -> 1000; 7,595,176 parameters, 1,100,188,800 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless NiNImageNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 223 and w >= 223:
            return
    raise ValueError(f"NiNImageNet's input is Nx3xHxW with H, W >= 223, not {'x'.join(map(str, x.shape))}")


class Mlpconv(nn.Sequential):
    """`mlpconv(c, k, widths, stride, padding)` of nin.arch."""

    def __init__(
        self,
        in_channels: int,
        c: int,
        k: int,
        widths: tuple[int, int],
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__(
            nn.Conv2d(in_channels, c, k, stride=stride, padding=padding),
            nn.ReLU(),
            nn.Conv2d(c, c, 1),
            nn.ReLU(),
            nn.Conv2d(c, widths[1], 1),
            nn.ReLU(),
        )


class NiNImageNet(nn.Module):
    """NiNImageNet: 3x224x224 -> 1000.

    Args:
        classes: sets `widths` of `Mlpconv`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.mlpconv1 = Mlpconv(3, 96, k=11, widths=(96, 96), stride=4)
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.mlpconv2 = Mlpconv(96, 256, k=5, widths=(256, 256), padding=2)
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.mlpconv3 = Mlpconv(256, 384, k=3, widths=(384, 384), padding=1)
        self.pool3 = nn.MaxPool2d(3, stride=2)
        self.dropout1 = nn.Dropout(0.5)
        self.mlpconv4 = Mlpconv(384, 1024, k=3, widths=(1024, classes), padding=1)
        self.avgpool1 = nn.AvgPool2d(6)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.mlpconv1(x)  # 96x54x54
        x = self.pool1(x)  # 96x27x27
        x = self.mlpconv2(x)  # 256x27x27
        x = self.pool2(x)  # 256x13x13
        x = self.mlpconv3(x)  # 384x13x13
        x = self.dropout1(self.pool3(x))  # 384x6x6
        x = self.mlpconv4(x)  # 1000x6x6
        x = self.avgpool1(x)  # 1000x1x1
        return torch.flatten(x, 1)  # 1000
