"""UNet, written by archlang from unet.arch.

U-Net as a recursion: what a level sees goes through the levels below it, and beside them.
Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation. MICCAI 2015, figure 1
Nothing is padded: the output is the input less 184, and the input is 188 + 16k. Each level cuts what it passes by.

1x572x572 -> 2x388x388; 31,030,658 parameters, 150,428,424,448 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        "UNet's input `input` is Nx1xHxW with H, W = 188 + 16k, k >= 0 (188, 204, 220, ...), not "
        f"{'x'.join(map(str, x.shape))}"
    )


class Double(nn.Sequential):
    """`double(c)` of unet.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(nn.Conv2d(in_channels, c, 3), nn.ReLU(), nn.Conv2d(c, c, 3), nn.ReLU())


class LevelDepth0(nn.Sequential):
    """`level(c, depth)` of unet.arch: 512x32x32 -> 1024x28x28."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(
            Double(in_channels, c),  # 1024x28x28
        )


class LevelDepth1(nn.ModuleList):
    """`level(c, depth)` of unet.arch: 256x68x68 -> 512x52x52."""

    def __init__(self, in_channels: int, c: int) -> None:
        layers: list[nn.Module] = [
            Double(in_channels, c),  # 512x64x64
            nn.MaxPool2d(2),  # 512x32x32
            LevelDepth0(c, 2 * c),  # 1024x28x28
            nn.ConvTranspose2d(2 * c, c, 2, stride=2),  # 512x56x56
            Double(2 * c, c),  # 512x52x52
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)  # 512x64x64
        y = self[1](x)  # 512x32x32
        y = self[2](y)  # 1024x28x28
        y = self[3](y)  # 512x56x56
        x = x[..., 4:-4, 4:-4]  # 512x56x56
        x = torch.cat((x, y), dim=1)  # 1024x56x56
        return self[4](x)  # 512x52x52


class LevelDepth2(nn.ModuleList):
    """`level(c, depth)` of unet.arch: 128x140x140 -> 256x100x100."""

    def __init__(self, in_channels: int, c: int) -> None:
        layers: list[nn.Module] = [
            Double(in_channels, c),  # 256x136x136
            nn.MaxPool2d(2),  # 256x68x68
            LevelDepth1(c, 2 * c),  # 512x52x52
            nn.ConvTranspose2d(2 * c, c, 2, stride=2),  # 256x104x104
            Double(2 * c, c),  # 256x100x100
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)  # 256x136x136
        y = self[1](x)  # 256x68x68
        y = self[2](y)  # 512x52x52
        y = self[3](y)  # 256x104x104
        x = x[..., 16:-16, 16:-16]  # 256x104x104
        x = torch.cat((x, y), dim=1)  # 512x104x104
        return self[4](x)  # 256x100x100


class LevelDepth3(nn.ModuleList):
    """`level(c, depth)` of unet.arch: 64x284x284 -> 128x196x196."""

    def __init__(self, in_channels: int, c: int) -> None:
        layers: list[nn.Module] = [
            Double(in_channels, c),  # 128x280x280
            nn.MaxPool2d(2),  # 128x140x140
            LevelDepth2(c, 2 * c),  # 256x100x100
            nn.ConvTranspose2d(2 * c, c, 2, stride=2),  # 128x200x200
            Double(2 * c, c),  # 128x196x196
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)  # 128x280x280
        y = self[1](x)  # 128x140x140
        y = self[2](y)  # 256x100x100
        y = self[3](y)  # 128x200x200
        x = x[..., 40:-40, 40:-40]  # 128x200x200
        x = torch.cat((x, y), dim=1)  # 256x200x200
        return self[4](x)  # 128x196x196


class LevelDepth4(nn.ModuleList):
    """`level(c, depth)` of unet.arch: 1x572x572 -> 64x388x388."""

    def __init__(self, c: int) -> None:
        layers: list[nn.Module] = [
            Double(1, c),  # 64x568x568
            nn.MaxPool2d(2),  # 64x284x284
            LevelDepth3(c, 2 * c),  # 128x196x196
            nn.ConvTranspose2d(2 * c, c, 2, stride=2),  # 64x392x392
            Double(2 * c, c),  # 64x388x388
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self[0](x)  # 64x568x568
        y = self[1](x)  # 64x284x284
        y = self[2](y)  # 128x196x196
        y = self[3](y)  # 64x392x392
        x = x[..., 88:-88, 88:-88]  # 64x392x392
        x = torch.cat((x, y), dim=1)  # 128x392x392
        return self[4](x)  # 64x388x388


class UNet(nn.Module):
    """UNet: 1x572x572 -> 2x388x388.

    Args:
        classes: sets `out_channels` of `nn.Conv2d`.
        width: sets `c` of `LevelDepth4`, `in_channels` of `nn.Conv2d`.

    Written for depth=4; other values need another file.
    """

    def __init__(self, classes: int = 2, width: int = 64) -> None:
        super().__init__()
        self.level1 = LevelDepth4(width)
        self.conv1 = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.level1(x)  # 64x388x388
        return self.conv1(x)  # 2x388x388
