"""OneConvolution, written by archlang from blueprint.arch.

3x32x32 -> 10; 328,586 parameters, 1,212,416 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless OneConvolution takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.shape[1:] == (3, 32, 32):
        return
    raise ValueError(f"OneConvolution's input is Nx3x32x32, not {'x'.join(map(str, x.shape))}")


class OneConvolution(nn.Module):
    """OneConvolution: 3x32x32 -> 10."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.fc1 = nn.Linear(32768, 10)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.relu1(self.conv1(x))  # 32x32x32
        x = torch.flatten(x, 1)  # 32768
        return self.fc1(x)  # 10
