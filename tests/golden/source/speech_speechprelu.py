"""SpeechPReLU, written by archlang from speech.arch.

Speech recognition with convolutions alone: a phone, or a blank, for every frame, trained with CTC.
Zhang, Pezeshki, Brakel, Zhang, Laurent, Bengio, Courville: Towards End-to-End Speech Recognition with Deep
Convolutional Neural Networks. Interspeech 2016 (arXiv 1701.02720)

40 filter banks and the energy, with first and second differences: 3 x 41 numbers a frame. The 3x1 pooling leaves the
last two of 41 bands out. The paper prints 4.3M parameters; its ten 3x5 convolutions alone hold 6.2M.

3x41x200 -> 62x200; 11,723,467 parameters, 17,135,334,400 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless SpeechPReLU takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, _ = x.shape
        if channels == 3 and 39 <= h <= 41:
            return
    raise ValueError(f"SpeechPReLU's input is Nx3xHxW with H = 39..41, not {'x'.join(map(str, x.shape))}")


class Prelu(nn.Sequential):
    """`prelu(c)` of speech.arch."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, c, (3, 5), padding=(1, 2)),
            nn.PReLU(),
            nn.Dropout(0.3),
        )


class SpeechPReLU(nn.Module):
    """SpeechPReLU: 3x41x200 -> 62x200.

    Args:
        labels: sets `out_channels` of `nn.Conv1d`.
    """

    def __init__(self, labels: int = 62) -> None:
        super().__init__()
        self.prelu1 = Prelu(3, 128)
        self.pool1 = nn.MaxPool2d((3, 1))
        self.prelu2 = Prelu(128, 128)
        self.prelu3 = Prelu(128, 128)
        self.prelu4 = Prelu(128, 128)
        self.prelu5 = Prelu(128, 256)
        self.prelu6 = Prelu(256, 256)
        self.prelu7 = Prelu(256, 256)
        self.prelu8 = Prelu(256, 256)
        self.prelu9 = Prelu(256, 256)
        self.prelu10 = Prelu(256, 256)
        self.conv1 = nn.Conv1d(3328, 1024, 1)
        self.prelu11 = nn.PReLU()
        self.dropout1 = nn.Dropout(0.3)
        self.conv2 = nn.Conv1d(1024, 1024, 1)
        self.prelu12 = nn.PReLU()
        self.dropout2 = nn.Dropout(0.3)
        self.conv3 = nn.Conv1d(1024, 1024, 1)
        self.prelu13 = nn.PReLU()
        self.dropout3 = nn.Dropout(0.3)
        self.conv4 = nn.Conv1d(1024, labels, 1)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.prelu1(x)  # 128x41x200
        x = self.pool1(x)  # 128x13x200
        x = self.prelu2(x)
        x = self.prelu3(x)
        x = self.prelu4(x)
        x = self.prelu5(x)  # 256x13x200
        x = self.prelu6(x)
        x = self.prelu7(x)
        x = self.prelu8(x)
        x = self.prelu9(x)
        x = self.prelu10(x)
        x = torch.flatten(x, 1, 2)  # 3328x200
        x = self.dropout1(self.prelu11(self.conv1(x)))  # 1024x200
        x = self.dropout2(self.prelu12(self.conv2(x)))
        x = self.dropout3(self.prelu13(self.conv3(x)))
        return self.conv4(x)  # 62x200
