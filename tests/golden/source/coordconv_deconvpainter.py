"""DeconvPainter, written by archlang from coordconv.arch.

CoordConv: maps of each pixel's coordinates stand beside those that a convolution sees.
Liu, Lehman, Molino, Petroski Such, Frank, Sergeev, Yosinski: An Intriguing Failing of Convolutional Neural Networks
and the CoordConv Solution. NeurIPS 2018. Sizes are those of the authors' code.

The same task without coordinates: six steps up, windows of size `k`, `mul` times as wide.

2 -> 1x64x64; 409,921 parameters, 17,697,024 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Reshape(nn.Module):
    """The same numbers in another shape; the batch stays."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, *shape)."""
        return x.reshape(x.shape[0], *self.shape)


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless DeconvPainter takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.shape[1:] == (2,):
        return
    raise ValueError(f"DeconvPainter's input is Nx2, not {'x'.join(map(str, x.shape))}")


class Double(nn.ModuleDict):
    """`double(c, k)` of coordconv.arch."""

    def __init__(self, in_channels: int, c: int, stop: int) -> None:
        super().__init__({"0": nn.ConvTranspose2d(in_channels, c, 3, stride=2)})
        self.stop = stop

    def forward(self, x: Tensor) -> Tensor:
        x = self["0"](x)
        return x[..., : self.stop, : self.stop]


class DeconvPainter(nn.Module):
    """DeconvPainter: 2 -> 1x64x64.

    Args:
        mul: sets `c` of `Double`, `num_features` of `nn.BatchNorm2d` and others.

    Written for k=3; other values need another file.
    """

    def __init__(self, mul: int = 2) -> None:
        super().__init__()
        self.reshape1 = Reshape((2, 1, 1))
        self.double1 = Double(2, 64 * mul, stop=2)
        self.bn1 = nn.BatchNorm2d(64 * mul)
        self.relu1 = nn.ReLU()
        self.double2 = Double(64 * mul, 64 * mul, stop=4)
        self.bn2 = nn.BatchNorm2d(64 * mul)
        self.relu2 = nn.ReLU()
        self.double3 = Double(64 * mul, 64 * mul, stop=8)
        self.bn3 = nn.BatchNorm2d(64 * mul)
        self.relu3 = nn.ReLU()
        self.double4 = Double(64 * mul, 32 * mul, stop=16)
        self.bn4 = nn.BatchNorm2d(32 * mul)
        self.relu4 = nn.ReLU()
        self.double5 = Double(32 * mul, 32 * mul, stop=32)
        self.bn5 = nn.BatchNorm2d(32 * mul)
        self.relu5 = nn.ReLU()
        self.double6 = Double(32 * mul, 1, stop=64)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.reshape1(x)  # 2x1x1
        x = self.relu1(self.bn1(self.double1(x)))  # 128x2x2
        x = self.relu2(self.bn2(self.double2(x)))  # 128x4x4
        x = self.relu3(self.bn3(self.double3(x)))  # 128x8x8
        x = self.relu4(self.bn4(self.double4(x)))  # 64x16x16
        x = self.relu5(self.bn5(self.double5(x)))  # 64x32x32
        return self.double6(x)  # 1x64x64
