"""SpeechMaxout, written by archlang from speech.arch.

Speech recognition with convolutions alone: a phone, or a blank, for every frame, trained with CTC.
Zhang, Pezeshki, Brakel, Zhang, Laurent, Bengio, Courville: Towards End-to-End Speech Recognition with Deep
Convolutional Neural Networks. Interspeech 2016 (arXiv 1701.02720)

Its best network: the larger of two maps, everywhere. Fully connected layers see one frame: a window of 1.

3x41x200 -> 62x200; 23,383,358 parameters, 34,257,971,200 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Maxout(nn.Module):
    """Largest of `pieces` neighbouring channels."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C/pieces, ...)."""
        return torch.max(torch.unflatten(x, 1, (-1, self.pieces)), dim=2).values


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless SpeechMaxout takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, _ = x.shape
        if channels == 3 and 39 <= h <= 41:
            return
    raise ValueError(f"SpeechMaxout's input is Nx3xHxW with H = 39..41, not {'x'.join(map(str, x.shape))}")


class Maxout2(nn.Sequential):
    """`maxout(c)` of speech.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, 2 * c, (3, 5), padding=(1, 2)),
            Maxout(2),
            nn.Dropout(0.3),
        )


class SpeechMaxout(nn.Module):
    """SpeechMaxout: 3x41x200 -> 62x200.

    Args:
        labels: sets `out_channels` of `nn.Conv1d`.
    """

    def __init__(self, labels: int = 62) -> None:
        super().__init__()
        self.maxout1 = Maxout2(3, 128)
        self.pool1 = nn.MaxPool2d((3, 1))
        self.maxout2 = Maxout2(128, 128)
        self.maxout3 = Maxout2(128, 128)
        self.maxout4 = Maxout2(128, 128)
        self.maxout5 = Maxout2(128, 256)
        self.maxout6 = Maxout2(256, 256)
        self.maxout7 = Maxout2(256, 256)
        self.maxout8 = Maxout2(256, 256)
        self.maxout9 = Maxout2(256, 256)
        self.maxout10 = Maxout2(256, 256)
        self.conv1 = nn.Conv1d(3328, 2048, 1)
        self.maxout11 = Maxout(2)
        self.dropout1 = nn.Dropout(0.3)
        self.conv2 = nn.Conv1d(1024, 2048, 1)
        self.maxout12 = Maxout(2)
        self.dropout2 = nn.Dropout(0.3)
        self.conv3 = nn.Conv1d(1024, 2048, 1)
        self.maxout13 = Maxout(2)
        self.dropout3 = nn.Dropout(0.3)
        self.conv4 = nn.Conv1d(1024, labels, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.maxout1(x)  # 128x41x200
        x = self.pool1(x)  # 128x13x200
        x = self.maxout2(x)
        x = self.maxout3(x)
        x = self.maxout4(x)
        x = self.maxout5(x)  # 256x13x200
        x = self.maxout6(x)
        x = self.maxout7(x)
        x = self.maxout8(x)
        x = self.maxout9(x)
        x = self.maxout10(x)
        x = torch.flatten(x, 1, 2)  # 3328x200
        x = self.conv1(x)  # 2048x200
        x = self.dropout1(self.maxout11(x))  # 1024x200
        x = self.conv2(x)  # 2048x200
        x = self.dropout2(self.maxout12(x))  # 1024x200
        x = self.conv3(x)  # 2048x200
        x = self.dropout3(self.maxout13(x))  # 1024x200
        return self.conv4(x)  # 62x200
