"""The arithmetic of sliding windows and of adaptive bins, as pure functions of integers.

Imports nothing of the project but `records`. Letters follow the lectures: N input size, F window (the dilated kernel),
S stride, P padding on each side; out = (N + 2P - F)/S + 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from typing import NoReturn

from archlang.records import record

Reach = tuple[int, int] | None
"""Positions along an axis, first and last; None for all."""


def effective_kernel(kernel_size: int, dilation: int) -> int:
    """Extent of a dilated kernel: d(k - 1) + 1."""
    return dilation * (kernel_size - 1) + 1


@record
class Window:
    """One axis of a convolution or pooling: everything its output size depends on.

    `padding` holds the rows added before and after; `ceil` rounds up, as torch's `ceil_mode` and Caffe's pooling do.
    """

    size: int
    kernel_size: int
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    dilation: int = 1
    ceil: bool = False

    @property
    def extent(self) -> int:
        """Rows that one window spans, holes of the dilation included."""
        return effective_kernel(self.kernel_size, self.dilation)

    @property
    def padded(self) -> int:
        """Input size with the padding of both sides."""
        return self.size + sum(self.padding)

    @property
    def fits(self) -> bool:
        """Whether there is a window at all; with `ceil` the only one may reach beyond the padded input."""
        return self.output >= 1

    @property
    def remainder(self) -> int:
        """Rows of the padded input behind the last whole step: 0 when (N + 2P - F)/S is whole."""
        return (self.padded - self.extent) % self.stride

    @property
    def output(self) -> int:
        """Number of windows; 0 or less when none fits. torch's rule, ceil mode included."""
        span = self.padded - self.extent
        if not self.ceil:
            return span // self.stride + 1
        # rounded up with // alone: sizes left free know no other division, and floats would end at 2**53.
        count = -(-span // self.stride) + 1
        # torch drops a window that would start in the right padding (pooling_output_shape).
        starts_in_padding = (count - 1) * self.stride >= self.size + self.padding[0]
        return count - 1 if starts_in_padding else count

    @property
    def unread(self) -> int:
        """Rows of the real input behind the last window: never read by any.

        Says nothing (0) where the stride exceeds the window, since skipping rows is then the purpose, and where
        rounding up lets the last window reach beyond the input.
        """
        # a 1x1 convolution of stride 2 (ResNet's shortcut) skips every other row on purpose.
        if self.ceil or self.stride > self.extent:
            return 0
        # behind the last window come real rows, then the padding: AlexNet's 224, F 11, S 4 leaves 1 row, with P 2 none.
        return min(self.size, max(0, self.remainder - self.padding[1]))

    def reads(self, reach: Reach) -> Reach:
        """The rows that windows `reach` span, borders not cut off."""
        if reach is None:
            return None
        first, last = reach
        # not cut off at the border: a receptive field is that of a map that goes on, as papers count it.
        return first * self.stride - self.padding[0], last * self.stride - self.padding[0] + self.extent - 1


def transposed_output(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Output size of a transposed convolution: (N - 1)S - 2P + d(k - 1) + output_padding + 1."""
    return (size - 1) * stride - 2 * padding + effective_kernel(kernel_size, dilation) + output_padding


def transposed_reads(reach: Reach, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Reach:
    """The rows of the input whose windows a transposed convolution adds up in rows `reach` of its output."""
    if reach is None:
        return None
    # input row i covers output rows iS - P to iS - P + F - 1: solved for i, the last rounded down, the first up.
    last = (reach[1] + padding) // stride
    first = -((effective_kernel(kernel_size, dilation) - 1 - reach[0] - padding) // stride)
    # with a stride above the kernel some rows are covered by none; the row before the gap stands for them.
    return min(first, last), last


def bins_read(reach: Reach, size: int, bins: int) -> Reach:
    """The rows that adaptive pooling of `size` rows into `bins` reads for bins `reach`."""
    # one bin, or all of them, read all rows, whatever the size.
    if reach is None or bins == 1 or (reach[0] <= 0 and reach[1] >= bins - 1):
        return None
    # bins end with the map, unlike windows: there is none to ask beyond the border.
    first, last = max(reach[0], 0), min(reach[1], bins - 1)
    # torch's bin i is floor(i*N/b) to ceil((i + 1)*N/b): 7 rows in 3 bins are 0-2, 2-4 and 4-6, which overlap.
    return first * size // bins, -(-(last + 1) * size // bins) - 1


def blocks_read(reach: Reach, ours: int, theirs: int) -> Reach:
    """Positions that `reach` reads where each `ours` positions read `theirs`, block by block: grouped channels."""
    # with 4 output and 6 input channels a group, output 5 is in group 1, which reads inputs 6 to 11.
    return None if reach is None else (reach[0] // ours * theirs, (reach[1] // ours + 1) * theirs - 1)


def regrouped(field: tuple[Reach, ...], shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[Reach, ...]:
    """The positions of a map of the shape `other` that hold the numbers in `field` of one of `shape`: a reshape.

    Axes that both shapes have in front stay; what is behind is counted through, and all from the first to the last
    number is taken.
    """
    kept = next((i for i, (a, b) in enumerate(zip(shape, other, strict=False)) if a != b), min(len(shape), len(other)))
    first = last = 0
    for reach, size in zip(field[kept:], shape[kept:], strict=True):
        low, high = (0, size - 1) if reach is None else (min(max(n, 0), size - 1) for n in reach)
        # the number of a position, row by row: Horner's rule with the sizes for digits.
        first, last = first * size + low, last * size + high
    return (*field[:kept], *_unravelled(first, last, other[kept:]))


def _unravelled(first: int, last: int, shape: tuple[int, ...]) -> Iterator[Reach]:
    """Positions of the numbers `first` to `last` of a map: along the axes behind one that they cross, all."""
    crossed = False
    for axis, size in enumerate(shape):
        step = prod(shape[axis + 1 :])
        low, high = first // step % size, last // step % size
        # behind an axis that the stretch crosses it wraps around, and meets every position of the axes after.
        yield None if crossed or 0 < size - 1 == high - low else (low, high)
        crossed = crossed or low != high


def shifted(reach: Reach, by: int) -> Reach:
    """The positions `by` further on."""
    return None if reach is None else (reach[0] + by, reach[1] + by)


class Symbolic:
    """Base of numbers that are known only as formulas: sizes left free (`dims.py`). They stand wherever an int does."""

    __slots__ = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The letters that it depends on."""
        raise NotImplementedError

    def scaled(self, factor: float) -> int:
        """floor(self*factor)."""
        raise NotImplementedError

    def refuse(self, operation: str) -> NoReturn:
        """Give up on an operation that has no formula. Raises an error that says so."""
        raise NotImplementedError

    def settle(self) -> None:
        """Tell sizes apart no further: what is to come, such as words for an error, cannot change the outcome."""


def scaled_down(size: int | Symbolic, factor: float) -> int:
    """floor(size*factor)."""
    # torch computes floor(float(size)*factor), too; a formula takes the factor as a fraction.
    return size.scaled(factor) if isinstance(size, Symbolic) else int(size * factor)


def settle(sizes: Iterable[int | Symbolic]) -> None:
    """Settle what is left free among sizes."""
    for size in sizes:
        if isinstance(size, Symbolic):
            size.settle()
