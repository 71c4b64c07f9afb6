"""UNetPadded, written by archlang from unet.arch.

As it is mostly used today: padded and batch-normalised, so that the output has the size of the input (a multiple of
16). Counts as milesial/Pytorch-UNet, three colours to two classes.

3x512x512 -> 2x512x512; 31,037,698 parameters, 192,686,325,760 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless UNetPadded takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 16 and h % 16 == 0 and w >= 16 and w % 16 == 0:
            return
    raise ValueError(
        "UNetPadded's input `input` is Nx3xHxW with H, W = 16k, k >= 1 (16, 32, 48, ...), not "
        f"{'x'.join(map(str, x.shape))}"
    )


class Units(nn.Sequential):
    """`units(c)` of unet.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
        )


class PaddedDepth0(nn.Sequential):
    """`padded(c, depth)` of unet.arch: 512x32x32 -> 1024x32x32."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(
            Units(in_channels, c),  # 1024x32x32
        )


class PaddedDepth1(nn.ModuleList):
    """`padded(c, depth)` of unet.arch: 256x64x64 -> 512x64x64."""

    def __init__(self, in_channels: int, c: int) -> None:
        layers: list[nn.Module] = [
            Units(in_channels, c),  # 512x64x64
            nn.MaxPool2d(2),  # 512x32x32
            PaddedDepth0(c, 2 * c),  # 1024x32x32
            nn.ConvTranspose2d(2 * c, c, 2, stride=2),  # 512x64x64
            Units(2 * c, c),  # 512x64x64
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)  # 512x64x64
        y = self[1](x)  # 512x32x32
        y = self[2](y)  # 1024x32x32
        y = self[3](y)  # 512x64x64
        x = torch.cat((x, y), dim=1)  # 1024x64x64
        return self[4](x)  # 512x64x64


class PaddedDepth2(nn.ModuleList):
    """`padded(c, depth)` of unet.arch: 128x128x128 -> 256x128x128."""

    def __init__(self, in_channels: int, c: int) -> None:
        layers: list[nn.Module] = [
            Units(in_channels, c),  # 256x128x128
            nn.MaxPool2d(2),  # 256x64x64
            PaddedDepth1(c, 2 * c),  # 512x64x64
            nn.ConvTranspose2d(2 * c, c, 2, stride=2),  # 256x128x128
            Units(2 * c, c),  # 256x128x128
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)  # 256x128x128
        y = self[1](x)  # 256x64x64
        y = self[2](y)  # 512x64x64
        y = self[3](y)  # 256x128x128
        x = torch.cat((x, y), dim=1)  # 512x128x128
        return self[4](x)  # 256x128x128


class PaddedDepth3(nn.ModuleList):
    """`padded(c, depth)` of unet.arch: 64x256x256 -> 128x256x256."""

    def __init__(self, in_channels: int, c: int) -> None:
        layers: list[nn.Module] = [
            Units(in_channels, c),  # 128x256x256
            nn.MaxPool2d(2),  # 128x128x128
            PaddedDepth2(c, 2 * c),  # 256x128x128
            nn.ConvTranspose2d(2 * c, c, 2, stride=2),  # 128x256x256
            Units(2 * c, c),  # 128x256x256
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)  # 128x256x256
        y = self[1](x)  # 128x128x128
        y = self[2](y)  # 256x128x128
        y = self[3](y)  # 128x256x256
        x = torch.cat((x, y), dim=1)  # 256x256x256
        return self[4](x)  # 128x256x256


class PaddedDepth4(nn.ModuleList):
    """`padded(c, depth)` of unet.arch: 3x512x512 -> 64x512x512."""

    def __init__(self, c: int) -> None:
        layers: list[nn.Module] = [
            Units(3, c),  # 64x512x512
            nn.MaxPool2d(2),  # 64x256x256
            PaddedDepth3(c, 2 * c),  # 128x256x256
            nn.ConvTranspose2d(2 * c, c, 2, stride=2),  # 64x512x512
            Units(2 * c, c),  # 64x512x512
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)  # 64x512x512
        y = self[1](x)  # 64x256x256
        y = self[2](y)  # 128x256x256
        y = self[3](y)  # 64x512x512
        x = torch.cat((x, y), dim=1)  # 128x512x512
        return self[4](x)  # 64x512x512


class UNetPadded(nn.Module):
    """UNetPadded: 3x512x512 -> 2x512x512.

    Args:
        classes: sets `out_channels` of `nn.Conv2d`.
        width: sets `c` of `PaddedDepth4`, `in_channels` of `nn.Conv2d`.

    Written for depth=4; other values need another file.
    """

    def __init__(self, classes: int = 2, width: int = 64) -> None:
        super().__init__()
        self.padded1 = PaddedDepth4(width)
        self.conv1 = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.padded1(x)  # 64x512x512
        return self.conv1(x)  # 2x512x512
