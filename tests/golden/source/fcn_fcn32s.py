"""FCN32s, written by archlang from fcn.arch.

Fully convolutional networks on VGG-16: FCN-32s, 16s and 8s, as the authors' Caffe nets have them.
Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation. CVPR 2015
A padding of 100 in front makes every input large enough; poolings round up (175 -> 88); fixed crops undo both.

3x500x500 -> 21x500x500; 136,152,917 parameters, 181,365,854,976 multiply-accumulates.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless FCN32s takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 475 and w >= 475:
            return
    raise ValueError(f"FCN32s's input is Nx3xHxW with H, W >= 475, not {'x'.join(map(str, x.shape))}")


class Conv(nn.Sequential):
    """`conv(c)` of fcn.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(nn.Conv2d(in_channels, c, 3, padding=1), nn.ReLU())


class Pool(nn.Sequential):
    """`pool()` of fcn.arch."""

    def __init__(self) -> None:
        super().__init__(nn.MaxPool2d(2, ceil_mode=True))


class Backbone(nn.Sequential):
    """`backbone()` of fcn.arch: 3x500x500 -> 4096x16x16."""

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                [
                    ("0", nn.Conv2d(3, 64, 3, padding=100)),  # 64x698x698
                    ("1", nn.ReLU()),
                    ("2", Conv(64, 64)),
                    ("pool1", Pool()),  # 64x349x349
                    ("3", Conv(64, 128)),  # 128x349x349
                    ("4", Conv(128, 128)),
                    ("pool2", Pool()),  # 128x175x175
                    ("5", Conv(128, 256)),  # 256x175x175
                    ("6", Conv(256, 256)),
                    ("7", Conv(256, 256)),
                    ("pool3", Pool()),  # 256x88x88
                    ("8", Conv(256, 512)),  # 512x88x88
                    ("9", Conv(512, 512)),
                    ("10", Conv(512, 512)),
                    ("pool4", Pool()),  # 512x44x44
                    ("11", Conv(512, 512)),
                    ("12", Conv(512, 512)),
                    ("13", Conv(512, 512)),
                    ("pool5", Pool()),  # 512x22x22
                    ("fc6", nn.Conv2d(512, 4096, 7)),  # 4096x16x16
                    ("14", nn.ReLU()),
                    ("15", nn.Dropout(0.5)),
                    ("fc7", nn.Conv2d(4096, 4096, 1)),
                    ("16", nn.ReLU()),
                    ("17", nn.Dropout(0.5)),
                ],
            ),
        )


class FCN32s(nn.Module):
    """FCN32s: 3x500x500 -> 21x500x500.

    Args:
        classes: sets `out_channels` of `nn.Conv2d`, `in_channels` of `nn.ConvTranspose2d` and others.
    """

    def __init__(self, classes: int = 21) -> None:
        super().__init__()
        self.vgg = Backbone()
        self.score = nn.Conv2d(4096, classes, 1)
        self.upscore = nn.ConvTranspose2d(classes, classes, 64, stride=32, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.vgg(x)  # 4096x16x16
        x = self.score(x)  # 21x16x16
        x = self.upscore(x)  # 21x544x544
        return x[..., 19:519, 19:519]  # 21x500x500
