"""FCN8s, written by archlang from fcn.arch.

Fully convolutional networks on VGG-16: FCN-32s, 16s and 8s, as the authors' Caffe nets have them.
Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation. CVPR 2015
A padding of 100 in front makes every input large enough; poolings round up (175 -> 88); fixed crops undo both.

Finer still: those of pool3, too.

3x500x500 -> 21x500x500; 134,489,759 parameters, 181,529,034,048 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless FCN8s takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and 475 <= h <= 506 and 475 <= w <= 506:
            return
    raise ValueError(f"FCN8s's input is Nx3xHxW with H, W = 475..506, not {'x'.join(map(str, x.shape))}")


class Conv(nn.Sequential):
    """`conv(c)` of fcn.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(nn.Conv2d(in_channels, c, 3, padding=1), nn.ReLU())


class Pool(nn.Sequential):
    """`pool()` of fcn.arch."""

    def __init__(self) -> None:
        super().__init__(nn.MaxPool2d(2, ceil_mode=True))


class Backbone(nn.ModuleDict):
    """`backbone()` of fcn.arch: 3x500x500 -> 4096x16x16, 512x44x44, 256x88x88."""

    def __init__(self) -> None:
        super().__init__(
            {
                "0": nn.Conv2d(3, 64, 3, padding=100),
                "1": nn.ReLU(),
                "2": Conv(64, 64),
                "pool1": Pool(),
                "3": Conv(64, 128),
                "4": Conv(128, 128),
                "pool2": Pool(),
                "5": Conv(128, 256),
                "6": Conv(256, 256),
                "7": Conv(256, 256),
                "pool3": Pool(),
                "8": Conv(256, 512),
                "9": Conv(512, 512),
                "10": Conv(512, 512),
                "pool4": Pool(),
                "11": Conv(512, 512),
                "12": Conv(512, 512),
                "13": Conv(512, 512),
                "pool5": Pool(),
                "fc6": nn.Conv2d(512, 4096, 7),
                "14": nn.ReLU(),
                "15": nn.Dropout(0.5),
                "fc7": nn.Conv2d(4096, 4096, 1),
                "16": nn.ReLU(),
                "17": nn.Dropout(0.5),
            },
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self["1"](self["0"](x))  # 64x698x698
        x = self["2"](x)
        x = self["pool1"](x)  # 64x349x349
        x = self["3"](x)  # 128x349x349
        x = self["4"](x)
        x = self["pool2"](x)  # 128x175x175
        x = self["5"](x)  # 256x175x175
        x = self["6"](x)
        x = self["7"](x)
        pool3 = self["pool3"](x)  # 256x88x88
        x = self["8"](pool3)  # 512x88x88
        x = self["9"](x)
        x = self["10"](x)
        pool4 = self["pool4"](x)  # 512x44x44
        x = self["11"](pool4)
        x = self["12"](x)
        x = self["13"](x)
        x = self["pool5"](x)  # 512x22x22
        x = self["15"](self["14"](self["fc6"](x)))  # 4096x16x16
        x = self["17"](self["16"](self["fc7"](x)))
        return x, pool4, pool3


class FCN8s(nn.Module):
    """FCN8s: 3x500x500 -> 21x500x500.

    Args:
        classes: sets `out_channels` of `nn.Conv2d`, `in_channels` of `nn.ConvTranspose2d` and others.
    """

    def __init__(self, classes: int = 21) -> None:
        super().__init__()
        self.vgg = Backbone()
        self.score = nn.Conv2d(4096, classes, 1)
        self.upscore2 = nn.ConvTranspose2d(classes, classes, 4, stride=2, bias=False)
        self.score_pool4 = nn.Conv2d(512, classes, 1)
        self.upscore4 = nn.ConvTranspose2d(classes, classes, 4, stride=2, bias=False)
        self.score_pool3 = nn.Conv2d(256, classes, 1)
        self.upscore8 = nn.ConvTranspose2d(classes, classes, 16, stride=8, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x, vgg, vgg2 = self.vgg(x)  # 4096x16x16, 512x44x44, 256x88x88
        x = self.score(x)  # 21x16x16
        x = self.upscore2(x)  # 21x34x34
        y = self.score_pool4(vgg)  # 21x44x44
        y = y[..., 5:39, 5:39]  # 21x34x34
        x = x + y
        x = self.upscore4(x)  # 21x70x70
        y = self.score_pool3(vgg2)  # 21x88x88
        y = y[..., 9:79, 9:79]  # 21x70x70
        x = x + y
        x = self.upscore8(x)  # 21x568x568
        return x[..., 31:531, 31:531]  # 21x500x500
