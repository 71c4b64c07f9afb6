"""AlexNet, written by archlang from alexnet.arch.

AlexNet in one tower, 64-192-384-256-256, with torchvision's names.
Krizhevsky: One weird trick for parallelizing convolutional neural networks. arXiv 1404.5997, 2014

3x224x224 -> 1000; 61,100,840 parameters, 714,188,480 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless AlexNet takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 63 and w >= 63:
            return
    raise ValueError(f"AlexNet's input is Nx3xHxW with H, W >= 63, not {'x'.join(map(str, x.shape))}")


class AlexNet(nn.Module):
    """AlexNet: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.
        dropout: sets `p` of `nn.Dropout`.
    """

    def __init__(self, classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),  # 64x55x55
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # 64x27x27
            nn.Conv2d(64, 192, 5, padding=2),  # 192x27x27
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # 192x13x13
            nn.Conv2d(192, 384, 3, padding=1),  # 384x13x13
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),  # 256x13x13
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # 256x6x6
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(9216, 4096),  # 4096
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, classes),  # 1000
        )

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.features(x)  # 256x6x6
        x = self.avgpool(x)
        x = torch.flatten(x, 1)  # 9216
        return self.classifier(x)  # 1000
