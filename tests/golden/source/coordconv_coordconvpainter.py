"""CoordConvPainter, written by archlang from coordconv.arch.

CoordConv: maps of each pixel's coordinates stand beside those that a convolution sees.
Liu, Lehman, Molino, Petroski Such, Frank, Sergeev, Yosinski: An Intriguing Failing of Convolutional Neural Networks
and the CoordConv Solution. NeurIPS 2018. Sizes are those of the authors' code.

From two coordinates, spread over all pixels, to the picture of that one pixel.

2 -> 1x64x64; 7,553 parameters, 30,146,560 multiply-accumulates.
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
    """Raise ValueError unless CoordConvPainter takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.shape[1:] == (2,):
        return
    raise ValueError(f"CoordConvPainter's input is Nx2, not {'x'.join(map(str, x.shape))}")


class CoordConv(nn.Sequential):
    """`CoordConv(c, k, stride, padding, with_r)` of coordconv.arch: 2x64x64 -> 32x64x64."""

    def __init__(self) -> None:
        super().__init__(
            AddCoords(),  # 4x64x64
            nn.Conv2d(4, 32, 1),  # 32x64x64
        )


class CoordConvPainter(nn.Module):
    """CoordConvPainter: 2 -> 1x64x64.

    Written for with_r=False; other values need another file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reshape1 = Reshape((2, 1, 1))
        self.upsample1 = nn.Upsample(size=64)
        self.coordconv1 = CoordConv()
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(32, 32, 1)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(32, 64, 1)
        self.relu3 = nn.ReLU()
        self.conv3 = nn.Conv2d(64, 64, 1)
        self.relu4 = nn.ReLU()
        self.conv4 = nn.Conv2d(64, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.reshape1(x)  # 2x1x1
        x = self.upsample1(x)  # 2x64x64
        x = self.relu1(self.coordconv1(x))  # 32x64x64
        x = self.relu2(self.conv1(x))
        x = self.relu3(self.conv2(x))  # 64x64x64
        x = self.relu4(self.conv3(x))
        return self.conv4(x)  # 1x64x64
