"""FCN8s, written by archlang from fcn.arch.

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
    raise ValueError(f"FCN8s's input `input` is Nx3xHxW with H, W = 475..506, not {'x'.join(map(str, x.shape))}")


class Conv(nn.Sequential):
    """`conv(c)` of fcn.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(nn.Conv2d(in_channels, c, 3, padding=1), nn.ReLU())


class Pool(nn.Sequential):
    """`pool()` of fcn.arch."""

    def __init__(self) -> None:
        super().__init__(nn.MaxPool2d(2, ceil_mode=True))


class Backbone(nn.Module):
    """`backbone()` of fcn.arch: 3x500x500 -> 4096x16x16, 512x44x44, 256x88x88."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("0", nn.Conv2d(3, 64, 3, padding=100))
        self.relu1 = nn.ReLU()
        self.add_module("2", Conv(64, 64))
        self.pool1 = Pool()
        self.add_module("3", Conv(64, 128))
        self.add_module("4", Conv(128, 128))
        self.pool2 = Pool()
        self.add_module("5", Conv(128, 256))
        self.add_module("6", Conv(256, 256))
        self.add_module("7", Conv(256, 256))
        self.pool3 = Pool()
        self.add_module("8", Conv(256, 512))
        self.add_module("9", Conv(512, 512))
        self.add_module("10", Conv(512, 512))
        self.pool4 = Pool()
        self.add_module("11", Conv(512, 512))
        self.add_module("12", Conv(512, 512))
        self.add_module("13", Conv(512, 512))
        self.pool5 = Pool()
        self.fc6 = nn.Conv2d(512, 4096, 7)
        self.relu2 = nn.ReLU()
        self.dropout1 = nn.Dropout(0.5)
        self.fc7 = nn.Conv2d(4096, 4096, 1)
        self.relu3 = nn.ReLU()
        self.dropout2 = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.relu1(self.get_submodule("0")(x))  # 64x698x698
        x = self.get_submodule("2")(x)
        x = self.pool1(x)  # 64x349x349
        x = self.get_submodule("3")(x)  # 128x349x349
        x = self.get_submodule("4")(x)
        x = self.pool2(x)  # 128x175x175
        x = self.get_submodule("5")(x)  # 256x175x175
        x = self.get_submodule("6")(x)
        x = self.get_submodule("7")(x)
        pool3 = self.pool3(x)  # 256x88x88
        x = self.get_submodule("8")(pool3)  # 512x88x88
        x = self.get_submodule("9")(x)
        x = self.get_submodule("10")(x)
        pool4 = self.pool4(x)  # 512x44x44
        x = self.get_submodule("11")(pool4)
        x = self.get_submodule("12")(x)
        x = self.get_submodule("13")(x)
        x = self.pool5(x)  # 512x22x22
        x = self.dropout1(self.relu2(self.fc6(x)))  # 4096x16x16
        x = self.dropout2(self.relu3(self.fc7(x)))
        return x, pool4, pool3


class FCN8s(nn.Module):
    """FCN8s: 3x500x500 -> 21x500x500.

    Written for classes=21: other values take other layers, so these are no arguments.
    """

    def __init__(self) -> None:
        super().__init__()
        self.vgg = Backbone()
        self.score = nn.Conv2d(4096, 21, 1)
        self.upscore2 = nn.ConvTranspose2d(21, 21, 4, stride=2, bias=False)
        self.score_pool4 = nn.Conv2d(512, 21, 1)
        self.upscore4 = nn.ConvTranspose2d(21, 21, 4, stride=2, bias=False)
        self.score_pool3 = nn.Conv2d(256, 21, 1)
        self.upscore8 = nn.ConvTranspose2d(21, 21, 16, stride=8, bias=False)

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
