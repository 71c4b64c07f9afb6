"""LeNet5, written by archlang from lenet.arch.

LeNet-5, as it is taught today and as the paper has it.
LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition.
Proceedings of the IEEE 86(11), 1998

As it is taught today: full connections in C3, plain pooling, a linear output.

1x32x32 -> 10; 61,706 parameters, 416,520 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless LeNet5 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 1 and 32 <= h <= 35 and 32 <= w <= 35:
            return
    raise ValueError(f"LeNet5's input is Nx1xHxW with H, W = 32..35, not {'x'.join(map(str, x.shape))}")


class LeNet5(nn.Module):
    """LeNet5: 1x32x32 -> 10.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.tanh1 = nn.Tanh()
        self.s2 = nn.AvgPool2d(2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.tanh2 = nn.Tanh()
        self.s4 = nn.AvgPool2d(2)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.tanh3 = nn.Tanh()
        self.f6 = nn.Linear(120, 84)
        self.tanh4 = nn.Tanh()
        self.output = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.tanh1(self.c1(x))  # 6x28x28
        x = self.s2(x)  # 6x14x14
        x = self.tanh2(self.c3(x))  # 16x10x10
        x = self.s4(x)  # 16x5x5
        x = self.tanh3(self.c5(x))  # 120x1x1
        x = torch.flatten(x, 1)  # 120
        x = self.tanh4(self.f6(x))  # 84
        return self.output(x)  # 10
