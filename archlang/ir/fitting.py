"""Whether a finished layer runs on inputs of other sizes than those it was made for, as torch runs it.

Its weights are what they are, its numbers stay; rows that no window reads are no reason not to run. Works on sizes left
free, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from archlang.ir.arithmetic import Window
from archlang.ir.ops.activation import Maxout, PReLU
from archlang.ir.ops.base import Op, Shape, axis_index
from archlang.ir.ops.channels import ChannelShuffle, Select
from archlang.ir.ops.conv import Conv
from archlang.ir.ops.group_norm import InstanceNorm, LayerNorm
from archlang.ir.ops.pad import Pad
from archlang.ir.ops.scale import Scale
from archlang.ir.ops.shape import Crop, Reshape, Slice

WEIGHTS = {"in_channels": 0, "num_features": 0, "num_channels": 0, "in_features": -1, "embed_dim": -1}
"""Arguments that follow from an axis of the input."""

LEFT_OUT = {"reflect": 1, "circular": 0}
"""Rows of the input that a border taken from it cannot have."""


class DoesNotFit(Exception):
    """A layer cannot run on these inputs."""


def running_shapes(op: Op, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """The shapes that come out. Raises `DoesNotFit`, or `OpError` as the layer's own rule does."""
    # lazily: of sizes left free each comparison may split, and behind the first that fails none is needed.
    if not all(_demands(op, inputs[0]) if inputs else ()):
        raise DoesNotFit
    return op.infer_shapes(inputs)


def _demands(op: Op, shape: Shape) -> Iterator[bool]:
    """What a layer needs of its input beyond what its shape rule asks."""
    for name, axis in WEIGHTS.items():
        size = getattr(op, name, None)
        if size is not None:
            yield shape[axis] == size
    match op:
        case Scale():
            yield shape[axis_index(op.words[0], op.dim, shape)] == op.size
        case LayerNorm():
            axes = len(op.normalized_shape)
            # torch's LayerNorm holds its shape: unlike the other norms it runs on no other size of these axes.
            yield (shape[:1] if op.channels_first else shape[-axes:]) == op.normalized_shape
        case PReLU() if op.num_parameters > 1:
            yield shape[0] == op.num_parameters
        case InstanceNorm():
            # torch raises for one position in training, whatever the weights.
            yield prod(shape[1:]) > 1
        case ChannelShuffle():
            yield shape[0] % op.groups == 0
        case Maxout():
            yield shape[0] % op.pieces == 0
        case Select():
            yield shape[0] > max(op.channels)
        case Conv() if op.padding_mode in LEFT_OUT:
            yield from _border_demands(op.windows(shape), LEFT_OUT[op.padding_mode])
        case _:
            yield from _part_demands(op, shape)


def _part_demands(op: Op, shape: Shape) -> Iterator[bool]:
    """What layers need that take a part of their input, or its numbers in another shape."""
    match op:
        case Pad() if op.mode in LEFT_OUT:
            for before, size, after in zip(op.before, shape, op.after, strict=True):
                yield max(before, after) <= size - LEFT_OUT[op.mode]
        case Crop() if op.to is not None:
            for start, to, size in zip(op.start, op.to, shape[1:], strict=True):
                # a centred crop was written without offsets: on another size it would no longer be in the middle.
                yield (size - to) // 2 == start if op.centred else start + to <= size
        case Slice():
            first, last = op.ends(shape)
            yield first >= 0
            yield first < last
            yield last <= shape[op.dim - 1]
        case Reshape():
            known, size = prod(n for n in op.shape if n != -1), prod(shape)
            # the written source has the -1, too: torch works it out anew for each input.
            yield size % known == 0 if -1 in op.shape else size == known
        case _:
            pass


def _border_demands(windows: tuple[Window, ...], left_out: int) -> Iterator[bool]:
    for window in windows:
        yield max(window.padding) <= window.size - left_out
