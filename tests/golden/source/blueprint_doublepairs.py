"""DoublePairs, written by archlang from blueprint.arch.

3x32x32 -> 10; 52,486 parameters, 16,225,480 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless DoublePairs takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and 32 <= h <= 39 and 32 <= w <= 39:
            return
    raise ValueError(f"DoublePairs's input is Nx3xHxW with H, W = 32..39, not {'x'.join(map(str, x.shape))}")


class DoublePairs(nn.Module):
    """DoublePairs: 3x32x32 -> 10."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(32, 32, 3, padding=1)
        self.relu4 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.conv5 = nn.Conv2d(32, 32, 3, padding=1)
        self.relu5 = nn.ReLU()
        self.conv6 = nn.Conv2d(32, 32, 3, padding=1)
        self.relu6 = nn.ReLU()
        self.pool3 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(512, 10)
        self.relu7 = nn.ReLU()
        self.fc2 = nn.Linear(10, 10)
        self.relu8 = nn.ReLU()
        self.fc3 = nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.relu1(self.conv1(x))  # 32x32x32
        x = self.relu2(self.conv2(x))
        x = self.pool1(x)  # 32x16x16
        x = self.relu3(self.conv3(x))
        x = self.relu4(self.conv4(x))
        x = self.pool2(x)  # 32x8x8
        x = self.relu5(self.conv5(x))
        x = self.relu6(self.conv6(x))
        x = self.pool3(x)  # 32x4x4
        x = torch.flatten(x, 1)  # 512
        x = self.relu7(self.fc1(x))  # 10
        x = self.relu8(self.fc2(x))
        return self.fc3(x)
