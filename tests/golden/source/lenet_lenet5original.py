"""LeNet5Original, written by archlang from lenet.arch.

LeNet-5, as it is taught today and as the paper has it.
LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition.
Proceedings of the IEEE 86(11), 1998

1x32x32 -> 84; 60,000 parameters, 325,680 multiply-accumulates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Scale(nn.Module):
    """weight * x + bias, with one of each along the axis `dim`."""

    def __init__(self, size: int, bias: bool = True, fill: float = 1.0, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim
        self.weight = nn.Parameter(torch.full((size,), float(fill)))
        self.bias = nn.Parameter(torch.zeros(size)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, which stays."""
        x = x.movedim(self.dim, -1) * self.weight
        return (x if self.bias is None else x + self.bias).movedim(-1, self.dim)


class ScaledTanh(nn.Module):
    """amplitude * tanh(slope * x)."""

    def __init__(self, amplitude: float = 1.0, slope: float = 1.0) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, which stays."""
        return self.amplitude * torch.tanh(self.slope * x)


class Select(nn.Module):
    """The channels of a list, in its order."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = list(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> (N, as many as are listed, ...)."""
        return x[:, self.channels]


@torch.fx.wrap
def check_input(x: Tensor) -> None:
    """Raise ValueError unless LeNet5Original takes an input of this shape."""
    if torch.compiler.is_compiling():
        return  # what compiles or exports a module has guards of its own
    if x.dim() == 4:
        _, channels, h, w = x.shape
        if channels == 1 and 32 <= h <= 35 and 32 <= w <= 35:
            return
    raise ValueError(f"LeNet5Original's input is Nx1xHxW with H, W = 32..35, not {'x'.join(map(str, x.shape))}")


class Squash(nn.Sequential):
    """`squash()` of lenet.arch."""

    def __init__(self) -> None:
        super().__init__(ScaledTanh(amplitude=1.7159, slope=0.6666666666666666))


class Subsample(nn.Sequential):
    """`subsample()` of lenet.arch."""

    def __init__(self, size: int) -> None:
        super().__init__(nn.AvgPool2d(2, divisor_override=1), Scale(size), Squash())


class C3(nn.ModuleList):
    """Part of LeNet5Original: 6x14x14 -> 16x10x10."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [
            Select((0, 1, 2)),  # 3x14x14
            nn.Conv2d(3, 1, 5),  # 1x10x10
            Select((1, 2, 3)),  # 3x14x14
            nn.Conv2d(3, 1, 5),  # 1x10x10
            Select((2, 3, 4)),  # 3x14x14
            nn.Conv2d(3, 1, 5),  # 1x10x10
            Select((3, 4, 5)),  # 3x14x14
            nn.Conv2d(3, 1, 5),  # 1x10x10
            Select((0, 4, 5)),  # 3x14x14
            nn.Conv2d(3, 1, 5),  # 1x10x10
            Select((0, 1, 5)),  # 3x14x14
            nn.Conv2d(3, 1, 5),  # 1x10x10
            Select((0, 1, 2, 3)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((1, 2, 3, 4)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((2, 3, 4, 5)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((0, 3, 4, 5)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((0, 1, 4, 5)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((0, 1, 2, 5)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((0, 1, 3, 4)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((1, 2, 4, 5)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((0, 2, 3, 5)),  # 4x14x14
            nn.Conv2d(4, 1, 5),  # 1x10x10
            Select((0, 1, 2, 3, 4, 5)),
            nn.Conv2d(6, 1, 5),  # 1x10x10
        ]
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        y = self[0](x)  # 3x14x14
        y = self[1](y)  # 1x10x10
        z = self[2](x)  # 3x14x14
        z = self[3](z)  # 1x10x10
        y2 = self[4](x)  # 3x14x14
        y2 = self[5](y2)  # 1x10x10
        y3 = self[6](x)  # 3x14x14
        y3 = self[7](y3)  # 1x10x10
        y4 = self[8](x)  # 3x14x14
        y4 = self[9](y4)  # 1x10x10
        y5 = self[10](x)  # 3x14x14
        y5 = self[11](y5)  # 1x10x10
        y6 = self[12](x)  # 4x14x14
        y6 = self[13](y6)  # 1x10x10
        y7 = self[14](x)  # 4x14x14
        y7 = self[15](y7)  # 1x10x10
        y8 = self[16](x)  # 4x14x14
        y8 = self[17](y8)  # 1x10x10
        y9 = self[18](x)  # 4x14x14
        y9 = self[19](y9)  # 1x10x10
        y10 = self[20](x)  # 4x14x14
        y10 = self[21](y10)  # 1x10x10
        y11 = self[22](x)  # 4x14x14
        y11 = self[23](y11)  # 1x10x10
        y12 = self[24](x)  # 4x14x14
        y12 = self[25](y12)  # 1x10x10
        y13 = self[26](x)  # 4x14x14
        y13 = self[27](y13)  # 1x10x10
        y14 = self[28](x)  # 4x14x14
        y14 = self[29](y14)  # 1x10x10
        x = self[30](x)
        x = self[31](x)  # 1x10x10
        return torch.cat((y, z, y2, y3, y4, y5, y6, y7, y8, y9, y10, y11, y12, y13, y14, x), dim=1)


class LeNet5Original(nn.Module):
    """LeNet5Original: 1x32x32 -> 84."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.squash1 = Squash()
        self.s2 = Subsample(6)
        self.c3 = C3()
        self.squash2 = Squash()
        self.s4 = Subsample(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.squash3 = Squash()
        self.f6 = nn.Linear(120, 84)
        self.squash4 = Squash()

    def forward(self, x: Tensor) -> Tensor:
        check_input(x)
        x = self.c1(x)  # 6x28x28
        x = self.squash1(x)
        x = self.s2(x)  # 6x14x14
        x = self.c3(x)  # 16x10x10
        x = self.squash2(x)
        x = self.s4(x)  # 16x5x5
        x = self.c5(x)  # 120x1x1
        x = self.squash3(x)
        x = torch.flatten(x, 1)  # 120
        x = self.f6(x)  # 84
        return self.squash4(x)
