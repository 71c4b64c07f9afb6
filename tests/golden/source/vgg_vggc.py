"""VGGC, written by archlang from vgg.arch.

VGG, the whole family (configurations A, B, D, E), with torchvision's names.
Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition. ICLR 2015

Configuration C: the last convolution of the three upper stages is 1x1. torchvision has none.

3x224x224 -> 1000; 133,638,952 parameters, 11,770,888,192 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless VGGC takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 32 and w >= 32:
            return
    raise ValueError(f"VGGC's input is Nx3xHxW with H, W >= 32, not {'x'.join(map(str, x.shape))}")


class VGGC(nn.Module):
    """VGGC: 3x224x224 -> 1000.

    Args:
        classes: sets `out_features` of `nn.Linear`.

    Written for widths=(64, 128, 256, 512, 512); other values need another file.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for out_channels in (64, 128):
            layers += [
                nn.Conv2d(channels, out_channels, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(out_channels, out_channels, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels = out_channels
        for out_channels in (256, 512, 512):
            layers += [
                nn.Conv2d(channels, out_channels, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(out_channels, out_channels, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(out_channels, out_channels, 1),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels = out_channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(25088, 4096),  # 4096
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, classes),  # 1000
        )

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.features(x)  # 512x7x7
        x = self.avgpool(x)
        x = torch.flatten(x, 1)  # 25088
        return self.classifier(x)  # 1000
