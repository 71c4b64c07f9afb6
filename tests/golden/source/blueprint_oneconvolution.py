"""OneConvolution, written by archlang from blueprint.arch.

3x32x32 -> 10; 328,586 parameters, 1,212,416 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class OneConvolution(nn.Module):
    """OneConvolution: 3x32x32 -> 10."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.fc1 = nn.Linear(32768, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.conv1(x))  # 32x32x32
        x = torch.flatten(x, 1)  # 32768
        return self.fc1(x)  # 10
