"""ViT, written by archlang from vit.arch.

Vision Transformers ViT-B/16 and L/16: a picture as 196 words of 16x16 pixels. torchvision's names.
Dosovitskiy, Beyer, Kolesnikov, Weissenborn, Zhai, Unterthiner, Dehghani, Minderer, Heigold, Gelly, Uszkoreit,
Houlsby: An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale. ICLR 2021, table 1
The table prints 307M for L: with 1000 classes it is 304M.

3x224x224 -> 1000; 86,567,656 parameters, 17,563,828,224 multiply-accumulates.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless ViT takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 3 and 224 <= h <= 239 and 224 <= w <= 239:
            return
    raise ValueError(f"ViT's input is Nx3xHxW with H, W = 224..239, not {'x'.join(map(str, x.shape))}")


class Perceptron(nn.Sequential):
    """`perceptron(hidden, width, dropout)` of vit.arch: 197x768 -> 197x768."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(width, hidden),  # 197x3072
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),  # 197x768
            nn.Dropout(dropout),
        )


class Layer(nn.Module):
    """`layer(heads, hidden, dropout)` of vit.arch: 197x768 -> 197x768."""

    def __init__(self, normalized_shape: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(normalized_shape, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(
            normalized_shape,
            heads,
            dropout=dropout,
            batch_first=True,
        )
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(normalized_shape, eps=1e-6)
        self.mlp = Perceptron(normalized_shape, hidden, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        y = self.dropout(self.self_attention(y, y, y, need_weights=False)[0])
        add1 = x + y
        x = self.ln_2(add1)
        x = self.mlp(x)
        return add1 + x


class Encoder(nn.Module):
    """`encoder(depth, heads, hidden, dropout)` of vit.arch: 197x768 -> 197x768."""

    def __init__(self, heads: int, hidden: int, dropout: float, size: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, 197, size).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        layers = nn.Sequential()
        for i in range(12):
            layers.add_module(f"encoder_layer_{i}", Layer(size, heads, hidden, dropout=dropout))
        self.layers = layers
        self.ln = nn.LayerNorm(size, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(x + self.pos_embedding)
        return self.ln(self.layers(x))


class ViT(nn.Module):
    """ViT: 3x224x224 -> 1000.

    Args:
        width: sets `out_channels` of `nn.Conv2d`, `size` of `nn.Parameter` and others.
        heads: sets `heads` of `Encoder`.
        hidden: sets `hidden` of `Encoder`.
        dropout: sets `dropout` of `Encoder`.
        classes: sets `out_features` of `nn.Linear`.

    Written for depth=12, patch=16; other values need another file.
    """

    def __init__(
        self,
        width: int = 768,
        heads: int = 12,
        hidden: int = 3072,
        dropout: float = 0.0,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.conv_proj = nn.Conv2d(3, width, 16, stride=16)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.encoder = Encoder(heads, hidden, dropout=dropout, size=width)
        self.heads = nn.Sequential(OrderedDict([("head", nn.Linear(width, classes))]))

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.conv_proj(x)  # 768x14x14
        x = torch.flatten(x, 2)  # 768x196
        x = torch.permute(x, (0, 2, 1))  # 196x768
        x = torch.cat((self.class_token.expand(x.shape[0], -1, -1), x), dim=1)  # 197x768
        x = self.encoder(x)
        x = x[:, :1]  # 1x768
        x = torch.flatten(x, 1)  # 768
        return self.heads(x)  # 1000
