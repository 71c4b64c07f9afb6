"""The layers: one class each, in one file for each family. `WORDS` finds them by what a file writes."""

from __future__ import annotations

from archlang.ir.ops.activation import LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from archlang.ir.ops.base import Op
from archlang.ir.ops.conv import Conv
from archlang.ir.ops.linear import Flatten, Identity, Linear
from archlang.ir.ops.merge import Add, Concat, Mul
from archlang.ir.ops.norm import BatchNorm, Dropout, LocalResponseNorm
from archlang.ir.ops.pool import AvgPool, MaxPool
from archlang.ir.ops.shape import Crop

OPS: tuple[type[Op], ...] = (
    Conv, MaxPool, AvgPool, Linear, Flatten, Dropout, BatchNorm, LocalResponseNorm,
    ReLU, LeakyReLU, Tanh, Sigmoid, Softmax, Identity,
    Concat, Add, Mul, Crop,
)  # fmt: skip

WORDS: dict[str, type[Op]] = {word: op for op in OPS for word in op.words}
"""Layers by the words that name them. Adaptive poolings are spelled with `to=`."""

JOINS = tuple(op for op in OPS if op.is_join)
"""Layers fed with the branches of braces."""
