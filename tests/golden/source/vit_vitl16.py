"""ViTL16, written by archlang from vit.arch.

Vision Transformers ViT-B/16 and L/16: a picture as 196 words of 16x16 pixels. torchvision's names.
Dosovitskiy, Beyer, Kolesnikov, Weissenborn, Zhai, Unterthiner, Dehghani, Minderer, Heigold, Gelly, Uszkoreit,
Houlsby: An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale. ICLR 2021, table 1
The table prints 307M for L: with 1000 classes it is 304M.

3x224x224 -> 1000; 304,326,632 parameters, 61,554,712,576 multiply-accumulates.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ViTL16 takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and 224 <= h <= 239 and 224 <= w <= 239:
            return
    raise ValueError(f"ViTL16's input is Nx3xHxW with H, W = 224..239, not {'x'.join(map(str, x.shape))}")


class Perceptron(nn.Sequential):
    """`perceptron(hidden, width, dropout)` of vit.arch: 197x1024 -> 197x1024."""

    def __init__(self, dropout: float) -> None:
        super().__init__(
            nn.Linear(1024, 4096),  # 197x4096
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 1024),  # 197x1024
            nn.Dropout(dropout),
        )


class Layer(nn.Module):
    """`layer(heads, hidden, dropout)` of vit.arch: 197x1024 -> 197x1024."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(1024, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(1024, 16, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(1024, eps=1e-6)
        self.mlp = Perceptron(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        y = self.dropout(self.self_attention(y, y, y, need_weights=False)[0])
        add1 = x + y
        x = self.ln_2(add1)
        x = self.mlp(x)
        return add1 + x


class Encoder(nn.Module):
    """`encoder(depth, heads, hidden, dropout)` of vit.arch: 197x1024 -> 197x1024."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, 197, 1024).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        layers = nn.Sequential()
        for i in range(24):
            layers.add_module(f"encoder_layer_{i}", Layer(dropout))
        self.layers = layers
        self.ln = nn.LayerNorm(1024, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(x + self.pos_embedding)
        return self.ln(self.layers(x))


class ViTL16(nn.Module):
    """ViTL16: 3x224x224 -> 1000.

    Args:
        dropout: sets `dropout` of `Encoder`.
        classes: sets `out_features` of `nn.Linear`.

    Written for patch=16; other values need another file.
    """

    def __init__(self, dropout: float = 0.0, classes: int = 1000) -> None:
        super().__init__()
        self.conv_proj = nn.Conv2d(3, 1024, 16, stride=16)
        self.class_token = nn.Parameter(torch.zeros(1, 1, 1024))
        self.encoder = Encoder(dropout)
        self.heads = nn.Sequential(OrderedDict([("head", nn.Linear(1024, classes))]))

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.conv_proj(x)  # 1024x14x14
        x = torch.flatten(x, 2)  # 1024x196
        x = torch.permute(x, (0, 2, 1))  # 196x1024
        x = torch.cat((self.class_token.expand(x.shape[0], -1, -1), x), dim=1)  # 197x1024
        x = self.encoder(x)
        x = x[:, :1]  # 1x1024
        x = torch.flatten(x, 1)  # 1024
        return self.heads(x)  # 1000
