"""ConvRegressorUniform, written by archlang from coordconv.arch.

CoordConv: maps of each pixel's coordinates stand beside those that a convolution sees.
Liu, Lehman, Molino, Petroski Such, Frank, Sergeev, Yosinski: An Intriguing Failing of Convolutional Neural Networks
and the CoordConv Solution. NeurIPS 2018. Sizes are those of the authors' code.

1x64x64 -> 2; 72,850 parameters, 3,752,064 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ConvRegressorUniform takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 1 and 64 <= h <= 71 and 64 <= w <= 71:
            return
    raise ValueError(f"ConvRegressorUniform's input is Nx1xHxW with H, W = 64..71, not {'x'.join(map(str, x.shape))}")


class ConvRegressorUniform(nn.Module):
    """ConvRegressorUniform: 1x64x64 -> 2."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.pool3 = nn.MaxPool2d(2)
        self.conv4 = nn.Conv2d(16, 16, 3, padding=1)
        self.relu4 = nn.ReLU()
        self.fc1 = nn.Linear(1024, 64)
        self.relu5 = nn.ReLU()
        self.fc2 = nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.relu1(self.conv1(x))  # 16x64x64
        x = self.pool1(x)  # 16x32x32
        x = self.relu2(self.conv2(x))
        x = self.pool2(x)  # 16x16x16
        x = self.relu3(self.conv3(x))
        x = self.pool3(x)  # 16x8x8
        x = self.relu4(self.conv4(x))
        x = torch.flatten(x, 1)  # 1024
        x = self.relu5(self.fc1(x))  # 64
        return self.fc2(x)  # 2
