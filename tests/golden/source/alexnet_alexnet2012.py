"""AlexNet2012, written by archlang from alexnet.arch.

AlexNet as it won ILSVRC 2012: 96-256-384-384-256 on two GPUs, hence the groups.
Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks. NIPS 2012
The paper prints an input of 224, which 11x11 at stride 4 does not fit: 227 gives its 55x55 maps.
Its LRN has n=5, alpha=1e-4, k=2; torch divides alpha by n, hence 5e-4.

3x227x227 -> 1000; 60,965,224 parameters, 724,406,816 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless AlexNet2012 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and 227 <= h <= 258 and 227 <= w <= 258:
            return
    raise ValueError(f"AlexNet2012's input is Nx3xHxW with H, W = 227..258, not {'x'.join(map(str, x.shape))}")


class Norm(nn.Sequential):
    """`norm()` of alexnet.arch."""

    def __init__(self) -> None:
        super().__init__(nn.LocalResponseNorm(5, alpha=0.0005, k=2.0))


class AlexNet2012(nn.Module):
    """AlexNet2012: 3x227x227 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.relu1 = nn.ReLU()
        self.norm1 = Norm()
        self.pool1 = nn.MaxPool2d(3, stride=2)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.relu2 = nn.ReLU()
        self.norm2 = Norm()
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
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
        x = self.relu1(self.conv1(x))  # 96x55x55
        x = self.norm1(x)
        x = self.pool1(x)  # 96x27x27
        x = self.relu2(self.conv2(x))  # 256x27x27
        x = self.norm2(x)
        x = self.pool2(x)  # 256x13x13
        x = self.relu3(self.conv3(x))  # 384x13x13
        x = self.relu4(self.conv4(x))
        x = self.relu5(self.conv5(x))  # 256x13x13
        x = self.pool3(x)  # 256x6x6
        x = torch.flatten(x, 1)  # 9216
        x = self.dropout1(self.relu6(self.fc6(x)))  # 4096
        x = self.dropout2(self.relu7(self.fc7(x)))
        return self.fc8(x)  # 1000
