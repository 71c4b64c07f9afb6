"""C3D, written by archlang from c3d.arch.

C3D: 3x3x3 convolutions over clips of 16 frames. Sizes are the authors' Caffe nets'.
Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with 3D Convolutional Networks. ICCV 2015

The first pooling keeps all frames; the last rounds up, as Caffe does: 7 -> 4.

3x16x112x112 -> 487; 79,991,015 parameters, 38,548,959,232 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless C3D takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 5:
        _, channels, d, h, w = x.shape
        if channels == 3 and 8 <= d <= 23 and 112 <= h <= 143 and 112 <= w <= 143:
            return
    raise ValueError(f"C3D's input is Nx3xDxHxW with D = 8..23 and H, W = 112..143, not {'x'.join(map(str, x.shape))}")


class Conv(nn.Sequential):
    """`conv(c)` of c3d.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(nn.Conv3d(in_channels, c, 3, padding=1), nn.ReLU())


class C3D(nn.Module):
    """C3D: 3x16x112x112 -> 487.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 487) -> None:
        super().__init__()
        self.conv1a = Conv(3, 64)
        self.pool1 = nn.MaxPool3d((1, 2, 2))
        self.conv2a = Conv(64, 128)
        self.pool2 = nn.MaxPool3d(2)
        self.conv3a = Conv(128, 256)
        self.conv3b = Conv(256, 256)
        self.pool3 = nn.MaxPool3d(2)
        self.conv4a = Conv(256, 512)
        self.conv4b = Conv(512, 512)
        self.pool4 = nn.MaxPool3d(2)
        self.conv5a = Conv(512, 512)
        self.conv5b = Conv(512, 512)
        self.pool5 = nn.MaxPool3d(2, ceil_mode=True)
        self.fc6 = nn.Linear(8192, 4096)
        self.relu1 = nn.ReLU()
        self.dropout1 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu2 = nn.ReLU()
        self.dropout2 = nn.Dropout(0.5)
        self.fc8 = nn.Linear(4096, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.conv1a(x)  # 64x16x112x112
        x = self.pool1(x)  # 64x16x56x56
        x = self.conv2a(x)  # 128x16x56x56
        x = self.pool2(x)  # 128x8x28x28
        x = self.conv3a(x)  # 256x8x28x28
        x = self.conv3b(x)
        x = self.pool3(x)  # 256x4x14x14
        x = self.conv4a(x)  # 512x4x14x14
        x = self.conv4b(x)
        x = self.pool4(x)  # 512x2x7x7
        x = self.conv5a(x)
        x = self.conv5b(x)
        x = self.pool5(x)  # 512x1x4x4
        x = torch.flatten(x, 1)  # 8192
        x = self.dropout1(self.relu1(self.fc6(x)))  # 4096
        x = self.dropout2(self.relu2(self.fc7(x)))
        return self.fc8(x)  # 487
