"""LinearClassifier, written by archlang from blueprint.arch.

3x32x32 -> 10; 30,730 parameters, 30,720 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless LinearClassifier takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.shape[1:] == (3, 32, 32):
        return
    raise ValueError(f"LinearClassifier's input is Nx3x32x32, not {'x'.join(map(str, x.shape))}")


class LinearClassifier(nn.Module):
    """LinearClassifier: 3x32x32 -> 10."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(3072, 10)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = torch.flatten(x, 1)  # 3072
        return self.fc1(x)  # 10
