"""C3DSmall, written by archlang from c3d.arch.

C3D: 3x3x3 convolutions over clips of 16 frames. Sizes are the authors' Caffe nets'.
Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with 3D Convolutional Networks. ICCV 2015

The small net of the paper's study on UCF101.

3x16x112x112 -> 101; 17,444,965 parameters, 19,261,106,176 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless C3DSmall takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 5:
        _, channels, d, h, w = x.shape
        if channels == 3 and 1 <= d <= 16 and 98 <= h <= 129 and 98 <= w <= 129:
            return
    raise ValueError(
        f"C3DSmall's input is Nx3xDxHxW with D = 1..16 and H, W = 98..129, not {'x'.join(map(str, x.shape))}"
    )


class Conv(nn.Sequential):
    """`conv(c)` of c3d.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(nn.Conv3d(in_channels, c, 3, padding=1), nn.ReLU())


class C3DSmall(nn.Module):
    """C3DSmall: 3x16x112x112 -> 101.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 101) -> None:
        super().__init__()
        self.conv1 = Conv(3, 64)
        self.pool1 = nn.MaxPool3d((1, 2, 2))
        self.conv2 = Conv(64, 128)
        self.pool2 = nn.MaxPool3d(2, ceil_mode=True)
        self.conv3 = Conv(128, 256)
        self.pool3 = nn.MaxPool3d(2, ceil_mode=True)
        self.conv4 = Conv(256, 256)
        self.pool4 = nn.MaxPool3d(2, ceil_mode=True)
        self.conv5 = Conv(256, 256)
        self.pool5 = nn.MaxPool3d(2, ceil_mode=True)
        self.fc1 = nn.Linear(4096, 2048)
        self.relu1 = nn.ReLU()
        self.dropout1 = nn.Dropout(0.5)
        self.fc2 = nn.Linear(2048, 2048)
        self.relu2 = nn.ReLU()
        self.dropout2 = nn.Dropout(0.5)
        self.fc3 = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.conv1(x)  # 64x16x112x112
        x = self.pool1(x)  # 64x16x56x56
        x = self.conv2(x)  # 128x16x56x56
        x = self.pool2(x)  # 128x8x28x28
        x = self.conv3(x)  # 256x8x28x28
        x = self.pool3(x)  # 256x4x14x14
        x = self.conv4(x)
        x = self.pool4(x)  # 256x2x7x7
        x = self.conv5(x)
        x = self.pool5(x)  # 256x1x4x4
        x = torch.flatten(x, 1)  # 4096
        x = self.dropout1(self.relu1(self.fc1(x)))  # 2048
        x = self.dropout2(self.relu2(self.fc2(x)))
        return self.fc3(x)  # 101
