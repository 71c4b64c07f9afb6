"""NiN, written by archlang from nin.arch.

Network in Network: 1x1 convolutions between the large ones; each map of the last is a class, averaged.
Lin, Chen, Yan: Network In Network. ICLR 2014 (arXiv 1312.4400). Sizes and poolings are the authors' Caffe nets'.

CIFAR-10. Caffe rounds up when it pools: 32 -> 16 -> 8.

3x32x32 -> 10; 966,986 parameters, 222,486,528 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless NiN takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 32 and w >= 32:
            return
    raise ValueError(f"NiN's input is Nx3xHxW with H, W >= 32, not {'x'.join(map(str, x.shape))}")


class Mlpconv(nn.Sequential):
    """`mlpconv(c, k, widths, stride, padding)` of nin.arch."""

    def __init__(self, in_channels: int, k: int, widths: tuple[int, int], padding: int = 0) -> None:
        super().__init__(
            nn.Conv2d(in_channels, 192, k, padding=padding),
            nn.ReLU(),
            nn.Conv2d(192, widths[0], 1),
            nn.ReLU(),
            nn.Conv2d(widths[0], widths[1], 1),
            nn.ReLU(),
        )


class NiN(nn.Module):
    """NiN: 3x32x32 -> 10.

    Args:
        classes: sets `widths` of `Mlpconv`.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.mlpconv1 = Mlpconv(3, k=5, widths=(160, 96), padding=2)
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.dropout1 = nn.Dropout(0.5)
        self.mlpconv2 = Mlpconv(96, k=5, widths=(192, 192), padding=2)
        self.avgpool1 = nn.AvgPool2d(3, stride=2, ceil_mode=True)
        self.dropout2 = nn.Dropout(0.5)
        self.mlpconv3 = Mlpconv(192, k=3, widths=(192, classes), padding=1)
        self.avgpool2 = nn.AvgPool2d(8)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.mlpconv1(x)  # 96x32x32
        x = self.dropout1(self.pool1(x))  # 96x16x16
        x = self.mlpconv2(x)  # 192x16x16
        x = self.dropout2(self.avgpool1(x))  # 192x8x8
        x = self.mlpconv3(x)  # 10x8x8
        x = self.avgpool2(x)  # 10x1x1
        return torch.flatten(x, 1)  # 10
