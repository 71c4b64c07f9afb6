"""ConvRegressor, written by archlang from coordconv.arch.

CoordConv: maps of each pixel's coordinates stand beside those that a convolution sees.
Liu, Lehman, Molino, Petroski Such, Frank, Sergeev, Yosinski: An Intriguing Failing of Convolutional Neural Networks
and the CoordConv Solution. NeurIPS 2018. Sizes are those of the authors' code.

From the picture of one pixel back to its coordinates: with coordinate maps and nothing but convolutions; without.

1x64x64 -> 2; 906 parameters, 3,571,712 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AddCoords(nn.Module):
    """Adds the coordinates x, y (and z) in [-1, 1] as channels; `with_r` their distance from the centre too."""

    def __init__(self, with_r: bool = False) -> None:
        super().__init__()
        self.with_r = with_r

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *sizes) -> (N, C + axes, *sizes)."""
        scales = [torch.linspace(-1 if n > 1 else 0, 1, n, dtype=x.dtype, device=x.device) for n in x.shape[2:]]
        coordinates = torch.stack(torch.meshgrid(*scales, indexing="ij")[::-1])
        if self.with_r:
            distance = coordinates.square().sum(0, keepdim=True).sqrt()
            coordinates = torch.cat((coordinates, distance))
        return torch.cat((x, coordinates.expand(x.shape[0], *coordinates.shape)), dim=1)


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ConvRegressor takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 1 and h >= 64 and w >= 64:
            return
    raise ValueError(f"ConvRegressor's input is Nx1xHxW with H, W >= 64, not {'x'.join(map(str, x.shape))}")


class CoordConv(nn.Sequential):
    """`CoordConv(c, k, stride, padding, with_r)` of coordconv.arch: 1x64x64 -> 8x64x64."""

    def __init__(self) -> None:
        super().__init__(
            AddCoords(),  # 3x64x64
            nn.Conv2d(3, 8, 1),  # 8x64x64
        )


class ConvRegressor(nn.Module):
    """ConvRegressor: 1x64x64 -> 2."""

    def __init__(self) -> None:
        super().__init__()
        self.coordconv1 = CoordConv()
        self.conv1 = nn.Conv2d(8, 8, 1)
        self.conv2 = nn.Conv2d(8, 8, 1)
        self.conv3 = nn.Conv2d(8, 8, 3, padding=1)
        self.conv4 = nn.Conv2d(8, 2, 3, padding=1)
        self.pool1 = nn.MaxPool2d(64)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.coordconv1(x)  # 8x64x64
        x = self.conv1(x)
        x = self.conv2(x)
        x = self.conv3(x)
        x = self.conv4(x)  # 2x64x64
        x = self.pool1(x)  # 2x1x1
        return torch.flatten(x, 1)  # 2
