"""ZFNet, written by archlang from zfnet.arch.

ZFNet, which won ILSVRC 2013: AlexNet with smaller windows in front, seen through a deconvolutional network.
Zeiler, Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014, figure 3
The figure's sizes hold with a padding of 1 in front and poolings that round up: 110 -> 55, 26 -> 13.
The paper prints no constants for its normalisation across maps: AlexNet's stand here.

3x224x224 -> 1000; 62,357,608 parameters, 1,168,032,896 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ZFNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and 223 <= h <= 254 and 223 <= w <= 254:
            return
    raise ValueError(f"ZFNet's input is Nx3xHxW with H, W = 223..254, not {'x'.join(map(str, x.shape))}")


class ZFNet(nn.Module):
    """ZFNet: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 7, stride=2, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.lrn1 = nn.LocalResponseNorm(5, alpha=0.0005, k=2.0)
        self.conv2 = nn.Conv2d(96, 256, 5, stride=2)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.lrn2 = nn.LocalResponseNorm(5, alpha=0.0005, k=2.0)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1)
        self.relu5 = nn.ReLU()
        self.pool3 = nn.MaxPool2d(3, stride=2)
        self.fc6 = nn.Linear(9216, 4096)
        self.relu6 = nn.ReLU()
        self.dropout1 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU()
        self.dropout2 = nn.Dropout(0.5)
        self.fc8 = nn.Linear(4096, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.relu1(self.conv1(x))  # 96x110x110
        x = self.lrn1(self.pool1(x))  # 96x55x55
        x = self.relu2(self.conv2(x))  # 256x26x26
        x = self.lrn2(self.pool2(x))  # 256x13x13
        x = self.relu3(self.conv3(x))  # 384x13x13
        x = self.relu4(self.conv4(x))
        x = self.relu5(self.conv5(x))  # 256x13x13
        x = self.pool3(x)  # 256x6x6
        x = torch.flatten(x, 1)  # 9216
        x = self.dropout1(self.relu6(self.fc6(x)))  # 4096
        x = self.dropout2(self.relu7(self.fc7(x)))
        return self.fc8(x)  # 1000
