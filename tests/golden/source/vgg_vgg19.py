"""VGG19, written by archlang from vgg.arch.

VGG, the whole family (configurations A, B, D, E), with torchvision's names.
Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition. ICLR 2015

3x224x224 -> 1000; 143,667,240 parameters, 19,632,062,464 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless VGG19 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and h >= 32 and w >= 32:
            return
    raise ValueError(f"VGG19's input is Nx3xHxW with H, W >= 32, not {'x'.join(map(str, x.shape))}")


class VGG19(nn.Module):
    """VGG19: 3x224x224 -> 1000.

    Args:
        widths: sets `in_features` of `nn.Linear`.
        classes: sets `out_features` of `nn.Linear`.

    Written for bn=False; other values need another file.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (64, 128, 256, 512, 512),
        classes: int = 1000,
    ) -> None:
        if len(widths) != 5:
            raise ValueError("widths has 5 values")
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, depth in zip(widths, (2, 2, 4, 4, 4), strict=True):
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(49 * widths[-1], 4096),  # 4096
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
