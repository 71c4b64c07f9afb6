"""UNetFlat, written by archlang from unet.arch.

U-Net: what a level sees goes through the levels below it, and beside them.
Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation. MICCAI 2015, figure 1

The same written out, each skip by its name.

1x572x572 -> 2x388x388; 31,030,658 parameters, 150,428,424,448 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless UNetFlat takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 1 and h >= 188 and h % 16 == 12 and w >= 188 and w % 16 == 12:
            return
    raise ValueError(
        "UNetFlat's input is Nx1xHxW with H, W = 188 + 16k, k >= 0 (188, 204, 220, ...), not "
        f"{'x'.join(map(str, x.shape))}"
    )


class Double(nn.Sequential):
    """`double(c)` of unet.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(nn.Conv2d(in_channels, c, 3), nn.ReLU(), nn.Conv2d(c, c, 3), nn.ReLU())


class UNetFlat(nn.Module):
    """UNetFlat: 1x572x572 -> 2x388x388.

    Args:
        classes: sets `out_channels` of `nn.Conv2d`.
    """

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.enc1 = Double(1, 64)
        self.pool1 = nn.MaxPool2d(2)
        self.enc2 = Double(64, 128)
        self.pool2 = nn.MaxPool2d(2)
        self.enc3 = Double(128, 256)
        self.pool3 = nn.MaxPool2d(2)
        self.enc4 = Double(256, 512)
        self.pool4 = nn.MaxPool2d(2)
        self.double5 = Double(512, 1024)
        self.upconv1 = nn.ConvTranspose2d(1024, 512, 2, stride=2)
        self.dec4 = Double(1024, 512)
        self.upconv2 = nn.ConvTranspose2d(512, 256, 2, stride=2)
        self.dec3 = Double(512, 256)
        self.upconv3 = nn.ConvTranspose2d(256, 128, 2, stride=2)
        self.dec2 = Double(256, 128)
        self.upconv4 = nn.ConvTranspose2d(128, 64, 2, stride=2)
        self.dec1 = Double(128, 64)
        self.conv1 = nn.Conv2d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        enc1 = self.enc1(x)  # 64x568x568
        x = self.pool1(enc1)  # 64x284x284
        enc2 = self.enc2(x)  # 128x280x280
        x = self.pool2(enc2)  # 128x140x140
        enc3 = self.enc3(x)  # 256x136x136
        x = self.pool3(enc3)  # 256x68x68
        enc4 = self.enc4(x)  # 512x64x64
        x = self.pool4(enc4)  # 512x32x32
        x = self.double5(x)  # 1024x28x28
        upconv1 = self.upconv1(x)  # 512x56x56
        x = enc4[..., 4:-4, 4:-4]  # 512x56x56
        x = torch.cat((x, upconv1), dim=1)  # 1024x56x56
        x = self.dec4(x)  # 512x52x52
        upconv2 = self.upconv2(x)  # 256x104x104
        x = enc3[..., 16:-16, 16:-16]  # 256x104x104
        x = torch.cat((x, upconv2), dim=1)  # 512x104x104
        x = self.dec3(x)  # 256x100x100
        upconv3 = self.upconv3(x)  # 128x200x200
        x = enc2[..., 40:-40, 40:-40]  # 128x200x200
        x = torch.cat((x, upconv3), dim=1)  # 256x200x200
        x = self.dec2(x)  # 128x196x196
        upconv4 = self.upconv4(x)  # 64x392x392
        x = enc1[..., 88:-88, 88:-88]  # 64x392x392
        x = torch.cat((x, upconv4), dim=1)  # 128x392x392
        x = self.dec1(x)  # 64x388x388
        return self.conv1(x)  # 2x388x388
