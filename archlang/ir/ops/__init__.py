"""The layers: one class each, in one file for each family; `registry.py` finds them by what a file writes."""

from __future__ import annotations

from archlang.ir.ops.activation import (
    CELU,
    ELU,
    GELU,
    SELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Maxout,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)  # fmt: skip
from archlang.ir.ops.attention import Attention
from archlang.ir.ops.channels import AddCoords, ChannelShuffle, Select
from archlang.ir.ops.conv import Conv
from archlang.ir.ops.dropout import ChannelDropout, Dropout, DropPath
from archlang.ir.ops.embedding import Embedding, LearnedTensor
from archlang.ir.ops.group_norm import GroupNorm, InstanceNorm, LayerNorm
from archlang.ir.ops.linear import Flatten, FullyConnected, Identity, Linear
from archlang.ir.ops.merge import Add, Concat, Mul
from archlang.ir.ops.norm import BatchNorm, LocalResponseNorm
from archlang.ir.ops.pad import Pad
from archlang.ir.ops.pixels import PixelShuffle, PixelUnshuffle
from archlang.ir.ops.pool import AvgPool, LpPool, MaxPool
from archlang.ir.ops.registry import OPS, WORDS, find_layer, register, register_all
from archlang.ir.ops.resample import MaxUnpool, Upsample
from archlang.ir.ops.scale import Scale
from archlang.ir.ops.shape import Crop, Permute, Reshape, Slice
from archlang.ir.ops.transposed import UpConv

# within a family, docs/layers.md has them in this order.
register_all((
    Conv, UpConv,
    MaxPool, AvgPool, LpPool, MaxUnpool, Upsample,
    FullyConnected, Linear, Embedding, Attention, LearnedTensor,
    BatchNorm, LayerNorm, GroupNorm, InstanceNorm, LocalResponseNorm, Scale,
    Dropout, ChannelDropout, DropPath,
    ReLU, ReLU6, LeakyReLU, PReLU, ELU, CELU, SELU, GELU, SiLU, Mish, Hardswish, Hardsigmoid, Hardtanh, Softplus, Tanh,
    Sigmoid, LogSigmoid, Softmax, LogSoftmax, Maxout,
    Concat, Add, Mul,
    Flatten, Identity, Reshape, Permute, Crop, Slice, Pad, Select, ChannelShuffle, PixelShuffle, PixelUnshuffle,
    AddCoords,
))  # fmt: skip

__all__ = ["OPS", "WORDS", "find_layer", "register"]
