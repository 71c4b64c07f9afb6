"""The layers: one class each, in one file for each family; `registry.py` finds them by what a file writes."""

from __future__ import annotations

from archlang.ir.ops.activation import LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from archlang.ir.ops.conv import Conv
from archlang.ir.ops.linear import Flatten, Identity, Linear
from archlang.ir.ops.merge import Add, Concat, Mul
from archlang.ir.ops.norm import BatchNorm, Dropout, LocalResponseNorm
from archlang.ir.ops.pool import AvgPool, MaxPool
from archlang.ir.ops.registry import OPS, WORDS, find_layer, register, register_all
from archlang.ir.ops.shape import Crop

register_all((
    Conv, MaxPool, AvgPool, Linear, Flatten, Dropout, BatchNorm, LocalResponseNorm,
    ReLU, LeakyReLU, Tanh, Sigmoid, Softmax, Identity,
    Concat, Add, Mul, Crop,
))  # fmt: skip

__all__ = ["OPS", "WORDS", "find_layer", "register"]
