"""DeconvNet, written by archlang from deconvnet.arch.

DeconvNet: VGG-16 down to a single vector, and its mirror image back up; each unpooling puts the values where the
pooling of its level found them.
Noh, Hong, Han: Learning Deconvolution Network for Semantic Segmentation. ICCV 2015. Sizes are those of the authors'
Caffe net.

3x224x224 -> 21x224x224; 251,805,653 parameters, 32,745,979,904 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless DeconvNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 224 and h % 32 == 0 and w >= 224 and w % 32 == 0:
            return
    raise ValueError(
        f"DeconvNet's input is Nx3xHxW with H, W = 32k, k >= 7 (224, 256, 288, ...), not {'x'.join(map(str, x.shape))}"
    )


class Conv(nn.Sequential):
    """`conv(c, k, padding)` of deconvnet.arch."""

    def __init__(self, in_channels: int, c: int, k: int = 3, padding: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, c, k, padding=padding),
            nn.BatchNorm2d(c),
            nn.ReLU(),
        )


class Deconv(nn.Sequential):
    """`deconv(c, k, padding)` of deconvnet.arch."""

    def __init__(self, in_channels: int, c: int, k: int = 3, padding: int = 1) -> None:
        super().__init__(
            nn.ConvTranspose2d(in_channels, c, k, padding=padding),
            nn.BatchNorm2d(c),
            nn.ReLU(),
        )


class DeconvNet(nn.Module):
    """DeconvNet: 3x224x224 -> 21x224x224.

    Args:
        classes: sets `out_channels` of `nn.Conv2d`.
    """

    def __init__(self, classes: int = 21) -> None:
        super().__init__()
        self.conv1 = Conv(3, 64)
        self.conv2 = Conv(64, 64)
        self.pool1 = nn.MaxPool2d(2, return_indices=True)
        self.conv3 = Conv(64, 128)
        self.conv4 = Conv(128, 128)
        self.pool2 = nn.MaxPool2d(2, return_indices=True)
        self.conv5 = Conv(128, 256)
        self.conv6 = Conv(256, 256)
        self.conv7 = Conv(256, 256)
        self.pool3 = nn.MaxPool2d(2, return_indices=True)
        self.conv8 = Conv(256, 512)
        self.conv9 = Conv(512, 512)
        self.conv10 = Conv(512, 512)
        self.pool4 = nn.MaxPool2d(2, return_indices=True)
        self.conv11 = Conv(512, 512)
        self.conv12 = Conv(512, 512)
        self.conv13 = Conv(512, 512)
        self.pool5 = nn.MaxPool2d(2, return_indices=True)
        self.conv14 = Conv(512, 4096, k=7, padding=0)
        self.conv15 = Conv(4096, 4096, k=1, padding=0)
        self.deconv1 = Deconv(4096, 512, k=7, padding=0)
        self.unpool1 = nn.MaxUnpool2d(2)
        self.deconv2 = Deconv(512, 512)
        self.deconv3 = Deconv(512, 512)
        self.deconv4 = Deconv(512, 512)
        self.unpool2 = nn.MaxUnpool2d(2)
        self.deconv5 = Deconv(512, 512)
        self.deconv6 = Deconv(512, 512)
        self.deconv7 = Deconv(512, 256)
        self.unpool3 = nn.MaxUnpool2d(2)
        self.deconv8 = Deconv(256, 256)
        self.deconv9 = Deconv(256, 256)
        self.deconv10 = Deconv(256, 128)
        self.unpool4 = nn.MaxUnpool2d(2)
        self.deconv11 = Deconv(128, 128)
        self.deconv12 = Deconv(128, 64)
        self.unpool5 = nn.MaxUnpool2d(2)
        self.deconv13 = Deconv(64, 64)
        self.deconv14 = Deconv(64, 64)
        self.conv16 = nn.Conv2d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.conv1(x)  # 64x224x224
        x = self.conv2(x)
        x, pool1_indices = self.pool1(x)  # 64x112x112, 64x112x112
        x = self.conv3(x)  # 128x112x112
        x = self.conv4(x)
        x, pool2_indices = self.pool2(x)  # 128x56x56, 128x56x56
        x = self.conv5(x)  # 256x56x56
        x = self.conv6(x)
        x = self.conv7(x)
        x, pool3_indices = self.pool3(x)  # 256x28x28, 256x28x28
        x = self.conv8(x)  # 512x28x28
        x = self.conv9(x)
        x = self.conv10(x)
        x, pool4_indices = self.pool4(x)  # 512x14x14, 512x14x14
        x = self.conv11(x)
        x = self.conv12(x)
        x = self.conv13(x)
        x, pool5_indices = self.pool5(x)  # 512x7x7, 512x7x7
        x = self.conv14(x)  # 4096x1x1
        x = self.conv15(x)
        x = self.deconv1(x)  # 512x7x7
        x = self.unpool1(x, pool5_indices)  # 512x14x14
        x = self.deconv2(x)
        x = self.deconv3(x)
        x = self.deconv4(x)
        x = self.unpool2(x, pool4_indices)  # 512x28x28
        x = self.deconv5(x)
        x = self.deconv6(x)
        x = self.deconv7(x)  # 256x28x28
        x = self.unpool3(x, pool3_indices)  # 256x56x56
        x = self.deconv8(x)
        x = self.deconv9(x)
        x = self.deconv10(x)  # 128x56x56
        x = self.unpool4(x, pool2_indices)  # 128x112x112
        x = self.deconv11(x)
        x = self.deconv12(x)  # 64x112x112
        x = self.unpool5(x, pool1_indices)  # 64x224x224
        x = self.deconv13(x)
        x = self.deconv14(x)
        return self.conv16(x)  # 21x224x224
