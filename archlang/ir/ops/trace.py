"""Tensors without numbers: what a layer allocates, gives on as a view, and what autograd keeps for the backward pass.

A layer says it in its `trace`, which follows torch's expression step by step; `ir/memory.py` adds it up. Shapes here
have the batch in front. Strides are followed since torch copies what does not lie in memory as an operation wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Literal

from archlang.records import record

INDEX_BYTES = 8
"""torch's positions are int64."""

DTYPE_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
"""Types of the numbers, with the bytes of one."""

Dims = tuple[int, ...]


@record
class Setting:
    """How a model runs: samples at once, bytes of one number, training or inference, on which device."""

    batch: int = 1
    itemsize: int = 4
    training: bool = True
    device: Literal["cpu", "cuda"] = "cuda"


class Storage:
    """A piece of memory: its bytes, whether autograd keeps it, and how many values lie in it."""

    __slots__ = ("kept", "size", "uses")

    def __init__(self, size: int, kept: bool = False, uses: int = 0) -> None:
        self.size = size
        self.kept = kept
        self.uses = uses


@record(eq=False)
class Tensor:
    """A value: where it lies, how, the bytes of one number, and whether a gradient flows back to it."""

    storage: Storage
    shape: Dims
    strides: Dims
    itemsize: int
    grad: bool = False

    @property
    def size(self) -> int:
        """Bytes of its numbers."""
        return prod(self.shape) * self.itemsize

    @property
    def is_contiguous(self) -> bool:
        """Whether its numbers lie one behind the other in the order of its axes."""
        return _significant(self.shape, self.strides) == _significant(self.shape, contiguous_strides(self.shape))

    @property
    def is_channels_last(self) -> bool:
        """Whether it is a map whose channels lie together, as torch decides it."""
        if len(self.shape) not in (4, 5):
            return False
        # c10's is_channels_last_strides: strides must grow in the order C, W, H, N; a size of 1 says nothing.
        least = 0
        for axis in (1, *range(len(self.shape) - 1, 1, -1), 0):
            # (N, 1, 1, 1) lies both ways: torch decides for channels first where the batch's stride is the channels'.
            if self.strides[axis] < least or (axis == 0 and least == self.strides[1]):
                return False
            least = self.strides[axis] * (self.shape[axis] if self.shape[axis] > 1 else 1)
        return True


class Trace:
    """Follows one layer: the memory that it takes, the most at once, and what is kept of it."""

    def __init__(self, setting: Setting, recording: bool) -> None:
        self.setting = setting
        self.recording = recording
        """Whether autograd records the layer: in training, where it has weights or a gradient flows through it."""
        # bytes beyond what was there before the layer; what it is given counts with whoever made it.
        self.live = self.peak = self.kept = 0
        self.made: list[Storage] = []

    @property
    def training(self) -> bool:
        """Whether the model is in training mode."""
        return self.setting.training

    @property
    def batch(self) -> int:
        """Samples at once."""
        return self.setting.batch

    def new(self, shape: Sequence[int], itemsize: int | None = None, like: Sequence[Tensor] = ()) -> Tensor:
        """Memory for a tensor. The axes lie in the order of those in `like`, if one has its shape, as those of an
        operation on single numbers; else one behind the other."""
        size, dims = self.setting.itemsize if itemsize is None else itemsize, tuple(shape)
        # after TensorIterator: the first operand of the output's shape sets the order in which its axes lie.
        pattern = next((tensor for tensor in like if tensor.shape == dims), None)
        strides = _dense_strides(pattern) if pattern else contiguous_strides(dims)
        storage = Storage(prod(dims) * size)
        self.made.append(storage)
        self.live += storage.size
        self.peak = max(self.peak, self.live)
        return Tensor(storage, dims, strides, size, self.recording)

    def output(self, shape: Sequence[int], *like: Tensor) -> Tensor:
        """Memory for the layer's output, its shape without the batch. A map lies as that in `like` does: with its
        channels last, if they are."""
        tensor = self.new((self.batch, *shape))
        # a map of one channel or one position is both; only one that is not contiguous tells torch to keep the order.
        last = any(given.is_channels_last and not given.is_contiguous for given in like)
        return replace(tensor, strides=_channels_last_strides(tensor.shape)) if last else tensor

    def keep(self, *tensors: Tensor) -> None:
        """Tensors that autograd needs again."""
        for tensor in tensors if self.recording else ():
            # by memory, not by tensor: two layers that keep one value, or views of it, pay once.
            if not tensor.storage.kept:
                tensor.storage.kept = True
                self.kept += tensor.storage.size

    def free(self, *tensors: Tensor) -> None:
        """Temporary tensors that are given up before the layer is done; at its end the others are."""
        for tensor in tensors:
            # inputs are not the layer's own to give up: others may still read them.
            if tensor.storage in self.made:
                self.made.remove(tensor.storage)
                # what autograd holds stays alive though the layer's code lets go of it.
                self.live -= 0 if tensor.storage.kept else tensor.storage.size

    def finish(self, outputs: Sequence[Tensor]) -> None:
        """Give up what the layer does not give on."""
        # by identity of the memory: an output may be a view of something made on the way.
        given_on = {id(tensor.storage) for tensor in outputs}
        self.free(*(Tensor(storage, (), (), 0) for storage in list(self.made) if id(storage) not in given_on))

    def view(self, tensor: Tensor, shape: Sequence[int], strides: Sequence[int]) -> Tensor:
        """The same memory with other axes."""
        # a view of what needs a gradient needs one, also where the layer has no weights.
        return replace(tensor, shape=tuple(shape), strides=tuple(strides), grad=tensor.grad or self.recording)

    def same(self, tensor: Tensor) -> Tensor:
        """The tensor itself, after an operation in place."""
        return self.view(tensor, tensor.shape, tensor.strides)

    def permute(self, tensor: Tensor, dims: Sequence[int]) -> Tensor:
        """Its axes in another order."""
        return self.view(tensor, [tensor.shape[dim] for dim in dims], [tensor.strides[dim] for dim in dims])

    def reshape(self, tensor: Tensor, shape: Sequence[int]) -> Tensor:
        """A view where that is possible, else a copy, as `torch.reshape` does it."""
        strides = view_strides(tensor, tuple(shape))
        return self.new(shape, tensor.itemsize) if strides is None else self.view(tensor, shape, strides)

    def contiguous(self, tensor: Tensor) -> Tensor:
        """The tensor itself, or a copy whose numbers lie in order."""
        return tensor if tensor.is_contiguous else self.new(tensor.shape, tensor.itemsize)


def contiguous_strides(shape: Dims) -> Dims:
    """Strides of numbers in order."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _significant(shape: Dims, strides: Dims) -> list[int]:
    """Strides of the axes that have any."""
    # the stride along an axis of size 1 is never used, and torch leaves any number there.
    return [stride for size, stride in zip(shape, strides, strict=True) if size != 1]


def _channels_last_strides(shape: Dims) -> Dims:
    order = (0, *range(2, len(shape)), 1)
    return _ordered_strides(shape, order)


def _dense_strides(tensor: Tensor) -> Dims:
    """Strides of a tensor whose axes lie in the same order without gaps."""
    # the largest stride is the outermost axis; equal ones stay in the order of the axes.
    order = sorted(range(len(tensor.shape)), key=lambda axis: (-tensor.strides[axis], axis))
    return _ordered_strides(tensor.shape, order)


def _ordered_strides(shape: Dims, order: Sequence[int]) -> Dims:
    """Strides of axes that lie in an order, the outermost first."""
    strides, below = [0] * len(shape), 1
    for axis in reversed(order):
        strides[axis], below = below, below * shape[axis]
    return tuple(strides)


def view_strides(tensor: Tensor, shape: Dims) -> Dims | None:
    """Strides of a tensor under another shape of as many numbers; None where that takes a copy."""
    blocks = _blocks(tensor)
    strides: list[int] = []
    # c10's computeStride: from the last axis on, each new axis must lie within one block of memory without gaps.
    for size in reversed(shape):
        while blocks and blocks[-1][0] == 1 and size != 1:
            blocks.pop()
        if size == 1:
            strides.append(1)
            continue
        # it would run over the end of a block, where the next number lies elsewhere: torch.reshape copies.
        if not blocks or blocks[-1][0] % size:
            return None
        length, step = blocks.pop()
        strides.append(step)
        # what is left of the block goes to the axes before.
        blocks.append((length // size, step * size))
    return tuple(reversed(strides))


def _blocks(tensor: Tensor) -> list[tuple[int, int]]:
    """Axes as (size, stride), those that lie without a gap taken together."""
    blocks: list[tuple[int, int]] = []
    for size, stride in zip(tensor.shape, tensor.strides, strict=True):
        if size == 1:
            continue
        # the axis before steps over just this one: together they are one row of numbers.
        if blocks and blocks[-1][1] == size * stride:
            blocks[-1] = (blocks[-1][0] * size, stride)
        else:
            blocks.append((size, stride))
    return blocks
