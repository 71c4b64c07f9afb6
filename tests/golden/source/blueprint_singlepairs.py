"""SinglePairs, written by archlang from blueprint.arch.

3x32x32 -> 10; 30,744 parameters, 3,264,612 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless SinglePairs takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and 32 <= h <= 35 and 32 <= w <= 35:
            return
    raise ValueError(f"SinglePairs's input is Nx3xHxW with H, W = 32..35, not {'x'.join(map(str, x.shape))}")


class SinglePairs(nn.Module):
    """SinglePairs: 3x32x32 -> 10."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(2048, 10)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.relu1(self.conv1(x))  # 32x32x32
        x = self.pool1(x)  # 32x16x16
        x = self.relu2(self.conv2(x))
        x = self.pool2(x)  # 32x8x8
        x = torch.flatten(x, 1)  # 2048
        x = self.relu3(self.fc1(x))  # 10
        return self.fc2(x)
