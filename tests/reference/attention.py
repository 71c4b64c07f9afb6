"""The vision transformer (Dosovitskiy 2020) and the convolutional network built after its example (ConvNeXt, Liu 2022)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from .mobile import DropPath


class EncoderLayer(nn.Module):
    """Attention and a perceptron, each normalised before and beside a skip."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(0.0), nn.Linear(hidden, width), nn.Dropout(0.0)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.self_attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Positions, then the layers."""

    def __init__(self, length: int, width: int, depth: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, length, width).normal_(std=0.02))
        layers = ((f"encoder_layer_{index}", EncoderLayer(width, heads, hidden)) for index in range(depth))
        self.layers = nn.Sequential(OrderedDict(layers))
        self.ln = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return self.ln(self.layers(x + self.pos_embedding))


class VisionTransformer(nn.Module):
    """ViT-B/16 for a square image."""

    def __init__(self, size: int = 224, classes: int = 1000) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, 768))
        self.conv_proj = nn.Conv2d(3, 768, 16, 16)
        self.encoder = Encoder((size // 16) ** 2 + 1, 768, 12, 12, 3072)
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(768, classes)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], 1)
        return self.heads(self.encoder(x)[:, 0])


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of a map."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Permute(nn.Module):
    """Axes in another order."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class Scaled(nn.Module):
    """ConvNeXt's block: a 7x7 filter for each channel, a perceptron, a learned scale."""

    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self.layer_scale = nn.Parameter(torch.full((width, 1, 1), 1e-6))
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 7, padding=3, groups=width),
            Permute(0, 2, 3, 1),
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            Permute(0, 3, 1, 2),
        )
        self.drop = DropPath(drop)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.drop(self.layer_scale * self.block(x))


class ConvNeXt(nn.Module):
    """Four stages, the last block left out with probability 0.1 in training."""

    def __init__(self, depths: tuple[int, ...], widths: tuple[int, ...], classes: int = 1000) -> None:
        super().__init__()
        first = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0], eps=1e-6))
        layers: list[nn.Module] = [first]
        before = 0
        for index, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            if index:
                halving = nn.Conv2d(widths[index - 1], width, 2, 2)
                layers.append(nn.Sequential(ChannelNorm(widths[index - 1], eps=1e-6), halving))
            drops = [0.1 * (before + position) / (sum(depths) - 1) for position in range(depth)]
            layers.append(nn.Sequential(*(Scaled(width, drop) for drop in drops)))
            before += depth
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            ChannelNorm(widths[-1], eps=1e-6), nn.Flatten(1), nn.Linear(widths[-1], classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(nn.functional.adaptive_avg_pool2d(self.features(x), 1))
