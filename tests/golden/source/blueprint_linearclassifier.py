"""LinearClassifier, written by archlang from blueprint.arch.

3x32x32 -> 10; 30,730 parameters, 30,720 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LinearClassifier(nn.Module):
    """LinearClassifier: 3x32x32 -> 10."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(3072, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.flatten(x, 1)  # 3072
        return self.fc1(x)  # 10
