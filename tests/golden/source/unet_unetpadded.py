"""UNetPadded, written by archlang from unet.arch.

U-Net: what a level sees goes through the levels below it, and beside them.
Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation. MICCAI 2015, figure 1

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
        f"UNetPadded's input is Nx3xHxW with H, W = 16k, k >= 1 (16, 32, 48, ...), not {'x'.join(map(str, x.shape))}"
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


class Padded(nn.ModuleList):
    """`padded(c, depth)` of unet.arch."""

    def __init__(self, in_channels: int, c: int, depth: int) -> None:
        layers: list[nn.Module] = [Units(in_channels, c)]
        if depth > 0:
            layers += [
                nn.MaxPool2d(2),
                Padded(c, 2 * c, depth=depth - 1),
                nn.ConvTranspose2d(2 * c, c, 2, stride=2),
                Units(2 * c, c),
            ]
        super().__init__(layers)
        self.depth = depth

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)
        if self.depth > 0:
            y = self[1](x)
            y = self[2](y)
            y = self[3](y)
            x = torch.cat((x, y), dim=1)
            return self[4](x)
        return x


class UNetPadded(nn.Module):
    """UNetPadded: 3x512x512 -> 2x512x512.

    Args:
        classes: sets `out_channels` of `nn.Conv2d`.
        width: sets `c` of `Padded`, `in_channels` of `nn.Conv2d`.

    Written for depth=4; other values need another file.
    """

    def __init__(self, classes: int = 2, width: int = 64) -> None:
        super().__init__()
        self.padded1 = Padded(3, width, depth=4)
        self.conv1 = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.padded1(x)  # 64x512x512
        return self.conv1(x)  # 2x512x512
