"""UNet, written by archlang from unet.arch.

U-Net: what a level sees goes through the levels below it, and beside them.
Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation. MICCAI 2015, figure 1

As a recursion. Nothing is padded: the output is the input less 184, and the input is 188 + 16k. Each level cuts what
it passes by.

1x572x572 -> 2x388x388; 31,030,658 parameters, 150,428,424,448 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def crop_like(x: Tensor, other: Tensor) -> Tensor:
    """The middle of `x`, as large as `other`."""
    for axis in range(2, x.dim()):
        size = other.shape[axis]
        x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
    return x


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless UNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 1 and h >= 188 and h % 16 == 12 and w >= 188 and w % 16 == 12:
            return
    raise ValueError(
        f"UNet's input is Nx1xHxW with H, W = 188 + 16k, k >= 0 (188, 204, 220, ...), not {'x'.join(map(str, x.shape))}"
    )


class Double(nn.Sequential):
    """`double(c)` of unet.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(nn.Conv2d(in_channels, c, 3), nn.ReLU(), nn.Conv2d(c, c, 3), nn.ReLU())


class Level(nn.ModuleList):
    """`level(c, depth)` of unet.arch."""

    def __init__(self, in_channels: int, c: int, depth: int) -> None:
        layers: list[nn.Module] = [Double(in_channels, c)]
        if depth > 0:
            layers += [
                nn.MaxPool2d(2),
                Level(c, 2 * c, depth=depth - 1),
                nn.ConvTranspose2d(2 * c, c, 2, stride=2),
                Double(2 * c, c),
            ]
        super().__init__(layers)
        self.depth = depth

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)
        if self.depth > 0:
            y = self[1](x)
            y = self[2](y)
            y = self[3](y)
            x = crop_like(x, y)
            x = torch.cat((x, y), dim=1)
            return self[4](x)
        return x


class UNet(nn.Module):
    """UNet: 1x572x572 -> 2x388x388.

    Args:
        classes: sets `out_channels` of `nn.Conv2d`.
        width: sets `c` of `Level`, `in_channels` of `nn.Conv2d`.

    Written for depth=4; other values need another file.
    """

    def __init__(self, classes: int = 2, width: int = 64) -> None:
        super().__init__()
        self.level1 = Level(1, width, depth=4)
        self.conv1 = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.level1(x)  # 64x388x388
        return self.conv1(x)  # 2x388x388
