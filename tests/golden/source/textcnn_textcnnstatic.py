"""TextCNNStatic, written by archlang from textcnn.arch.

Convolutions over sentences: windows of 3, 4 and 5 words, the largest value of each map, one linear layer.
Kim: Convolutional Neural Networks for Sentence Classification. EMNLP 2014. Sizes are those of the movie reviews (MR).
The authors' code pads every sentence to 64 words.

CNN-static: word vectors of word2vec are the input and stay as they are.

300x64 -> 2; 360,902 parameters, 21,900,600 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless TextCNNStatic takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 3:
        _, channels, l_ = x.shape
        if channels == 300 and l_ >= 5:
            return
    raise ValueError(f"TextCNNStatic's input is Nx300xL with L >= 5, not {'x'.join(map(str, x.shape))}")


class Windows(nn.ModuleList):
    """`windows(maps)` of textcnn.arch: 300x64 -> 300x1."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [
            nn.Conv1d(300, 100, 3),  # 100x62
            nn.ReLU(),
            nn.AdaptiveMaxPool1d(1),  # 100x1
            nn.Conv1d(300, 100, 4),  # 100x61
            nn.ReLU(),
            nn.AdaptiveMaxPool1d(1),  # 100x1
            nn.Conv1d(300, 100, 5),  # 100x60
            nn.ReLU(),
            nn.AdaptiveMaxPool1d(1),  # 100x1
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        y = self[1](self[0](x))  # 100x62
        y = self[2](y)  # 100x1
        z = self[4](self[3](x))  # 100x61
        z = self[5](z)  # 100x1
        x = self[7](self[6](x))  # 100x60
        x = self[8](x)  # 100x1
        return torch.cat((y, z, x), dim=1)  # 300x1


class TextCNNStatic(nn.Module):
    """TextCNNStatic: 300x64 -> 2.

    Args:
        classes: sets `out_features` of `nn.Linear`.
    """

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.windows1 = Windows()
        self.dropout1 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(300, classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.dropout1(self.windows1(x))  # 300x1
        x = torch.flatten(x, 1)  # 300
        return self.fc1(x)  # 2
