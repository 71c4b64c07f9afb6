"""The arithmetic of sliding windows and of adaptive bins, as pure functions of integers.

Imports nothing of the project. Letters follow the lectures: N input size, F window (the dilated kernel), S stride,
P padding on each side; out = (N + 2P - F)/S + 1.
"""

from __future__ import annotations

from collections.abc import Iterable

from archlang.records import record


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
        if self.ceil or self.stride > self.extent:
            return 0
        return min(self.size, max(0, self.remainder - self.padding[1]))


def transposed_output(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Output size of a transposed convolution: (N - 1)S - 2P + d(k - 1) + output_padding + 1."""
    return (size - 1) * stride - 2 * padding + effective_kernel(kernel_size, dilation) + output_padding


class Symbolic:
    """Base of numbers that are known only as formulas: sizes left free (`dims.py`). They stand wherever an int does."""

    __slots__ = ()

    def scaled(self, factor: float) -> int:
        """floor(self*factor)."""
        raise NotImplementedError

    def settle(self) -> None:
        """Tell sizes apart no further: what is to come cannot change the outcome any more, such as words for an error."""


def scaled_down(size: int | Symbolic, factor: float) -> int:
    """floor(size*factor)."""
    return size.scaled(factor) if isinstance(size, Symbolic) else int(size * factor)


def settle(sizes: Iterable[int | Symbolic]) -> None:
    """Settle what is left free among sizes."""
    for size in sizes:
        if isinstance(size, Symbolic):
            size.settle()
