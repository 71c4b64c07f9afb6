"""Networks for phones: MobileNet v2 and v3 (Sandler 2018, Howard 2019), EfficientNet (Tan 2019), ShuffleNet v2 (Ma 2018)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def unit(
    channels: int,
    out: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    act: type[nn.Module] | None = None,
    **norm: Any,
) -> nn.Sequential:
    """Convolution that keeps the size but for the stride, normalisation, activation."""
    convolution = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    activation = [] if act is None else [act()]
    return nn.Sequential(convolution, nn.BatchNorm2d(out, **norm), *activation)


class Inverted(nn.Module):
    """MobileNet v2: expand, filter each channel, project; a skip where the shape stays."""

    def __init__(self, channels: int, out: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = expansion * channels
        self.skips = stride == 1 and channels == out
        expand = [unit(channels, inner, 1, act=nn.ReLU6)] if expansion > 1 else []
        depthwise = unit(inner, inner, 3, stride, inner, nn.ReLU6)
        project = unit(inner, out, 1)
        self.conv = nn.Sequential(*expand, depthwise, *project)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.skips else self.conv(x)


class MobileNetV2(nn.Module):
    """Inverted residuals at width 1."""

    rows = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [unit(3, 32, 3, 2, act=nn.ReLU6)]
        channels = 32
        for expansion, out, count, stride in self.rows:
            for index in range(count):
                layers.append(Inverted(channels, out, expansion, 1 if index else stride))
                channels = out
        self.features = nn.Sequential(*layers, unit(channels, 1280, 1, act=nn.ReLU6))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(self.features(x), 1), 1))


class Excite(nn.Module):
    """Squeeze and excitation: a weight for each channel."""

    def __init__(self, channels: int, squeezed: int, act: type[nn.Module], gate: type[nn.Module]) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.act, self.gate = act(), gate()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.fc2(self.act(self.fc1(nn.functional.adaptive_avg_pool2d(x, 1)))))


class Row(nn.Module):
    """A row of MobileNet v3's tables."""

    def __init__(self, channels: int, kernel: int, inner: int, out: int, se: bool, swish: bool, stride: int) -> None:
        super().__init__()
        act = nn.Hardswish if swish else nn.ReLU
        self.skips = stride == 1 and channels == out
        norm = {"eps": 0.001, "momentum": 0.01}
        parts: list[nn.Module] = [unit(channels, inner, 1, act=act, **norm)] if inner != channels else []
        parts.append(unit(inner, inner, kernel, stride, inner, act, **norm))
        if se:
            parts.append(Excite(inner, (inner // 4 + 7) // 8 * 8, nn.ReLU, nn.Hardsigmoid))
        self.block = nn.Sequential(*parts, unit(inner, out, 1, **norm))

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x) + x if self.skips else self.block(x)


LARGE = (
    "3 16 16 - r 1, 3 64 24 - r 2, 3 72 24 - r 1, 5 72 40 s r 2, 5 120 40 s r 1, 5 120 40 s r 1, 3 240 80 - h 2, "
    "3 200 80 - h 1, 3 184 80 - h 1, 3 184 80 - h 1, 3 480 112 s h 1, 3 672 112 s h 1, 5 672 160 s h 2, "
    "5 960 160 s h 1, 5 960 160 s h 1"
)
SMALL = (
    "3 16 16 s r 2, 3 72 24 - r 2, 3 88 24 - r 1, 5 96 40 s h 2, 5 240 40 s h 1, 5 240 40 s h 1, 5 120 48 s h 1, "
    "5 144 48 s h 1, 5 288 96 s h 2, 5 576 96 s h 1, 5 576 96 s h 1"
)
"""The paper's tables 1 and 2: kernel, expanded, out, squeezes, activation, stride."""


class MobileNetV3(nn.Module):
    """Large or small."""

    def __init__(self, size: str, classes: int = 1000) -> None:
        super().__init__()
        norm = {"eps": 0.001, "momentum": 0.01}
        layers: list[nn.Module] = [unit(3, 16, 3, 2, act=nn.Hardswish, **norm)]
        channels = 16
        for row in (LARGE if size == "large" else SMALL).split(", "):
            kernel, inner, out, se, act, stride = row.split()
            layers.append(Row(channels, int(kernel), int(inner), int(out), se == "s", act == "h", int(stride)))
            channels = int(out)
        self.features = nn.Sequential(*layers, unit(channels, 6 * channels, 1, act=nn.Hardswish, **norm))
        last = 1280 if size == "large" else 1024
        self.classifier = nn.Sequential(
            nn.Linear(6 * channels, last), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(last, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(self.features(x), 1), 1))


class DropPath(nn.Module):
    """Leaves a branch out for some samples of the batch, in training (stochastic depth, Huang 2016)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        keep = torch.empty(len(x), *[1] * (x.ndim - 1), dtype=x.dtype, device=x.device).bernoulli_(1 - self.p)
        return x * keep.div_(1 - self.p)


class MBConv(nn.Module):
    """EfficientNet's block: MobileNet's, with excitation and stochastic depth."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int, drop: float) -> None:
        super().__init__()
        inner = expansion * channels
        self.skips = stride == 1 and channels == out
        parts: list[nn.Module] = [unit(channels, inner, 1, act=nn.SiLU)] if expansion > 1 else []
        parts.append(unit(inner, inner, kernel, stride, inner, nn.SiLU))
        parts.append(Excite(inner, channels // 4, nn.SiLU, nn.Sigmoid))
        self.block = nn.Sequential(*parts, unit(inner, out, 1))
        self.drop = DropPath(drop)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.block(x)) + x if self.skips else self.block(x)


class EfficientNetB0(nn.Module):
    """The network that the family is scaled from."""

    rows = (
        (3, 16, 1, 1, 1), (3, 24, 2, 2, 6), (5, 40, 2, 2, 6), (3, 80, 3, 2, 6),
        (5, 112, 3, 1, 6), (5, 192, 4, 2, 6), (3, 320, 1, 1, 6),
    )  # fmt: skip

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [unit(3, 32, 3, 2, act=nn.SiLU)]
        channels, before = 32, 0
        for kernel, out, count, stride, expansion in self.rows:
            stage: list[nn.Module] = []
            for index in range(count):
                stage.append(MBConv(channels, out, kernel, 1 if index else stride, expansion, 0.2 * before / 16))
                channels, before = out, before + 1
            layers.append(nn.Sequential(*stage))
        self.features = nn.Sequential(*layers, unit(320, 1280, 1, act=nn.SiLU))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(self.features(x), 1), 1))


def shuffled(x: Tensor) -> Tensor:
    """The channels of two groups by turns."""
    return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


class Shuffle(nn.Module):
    """ShuffleNet v2's unit: half of the channels pass, or both halves are filtered and the size is halved."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        half = out // 2
        self.halves = stride == 2
        if self.halves:
            self.branch1 = nn.Sequential(
                *unit(channels, channels, 3, 2, channels), *unit(channels, half, 1, act=nn.ReLU)
            )
        self.branch2 = nn.Sequential(
            *unit(channels if self.halves else half, half, 1, act=nn.ReLU),
            *unit(half, half, 3, stride, half),
            *unit(half, half, 1, act=nn.ReLU),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.halves:
            return shuffled(torch.cat([self.branch1(x), self.branch2(x)], 1))
        left, right = x.chunk(2, 1)
        return shuffled(torch.cat([left, self.branch2(right)], 1))


class ShuffleNetV2(nn.Module):
    """At width 1."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = unit(3, 24, 3, 2, act=nn.ReLU)
        channels = 24
        for stage, (out, count) in enumerate(((116, 4), (232, 8), (464, 4)), start=2):
            units = [Shuffle(channels, out, 2), *(Shuffle(out, out, 1) for _ in range(count - 1))]
            self.add_module(f"stage{stage}", nn.Sequential(*units))
            channels = out
        self.conv5 = unit(channels, 1024, 1, act=nn.ReLU)
        self.fc = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.conv1(x), 3, 2, 1)
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))
