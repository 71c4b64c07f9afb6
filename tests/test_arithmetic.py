"""Windows against enumeration by brute force and against torch on the meta device."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from strategies import windows
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own name for it)

from archlang.ir.arithmetic import Window, effective_kernel, transposed_output


def starts(window: Window) -> list[int]:
    """Where windows start in the padded input, found by trying.

    Rounding down, as long as a window fits. Rounding up, as long as the window before left something unread, and
    not inside the right padding (pytorch's MaxPool2d: such windows "are ignored").
    """
    found: list[int] = []
    start = 0
    while start + window.extent <= window.padded or (
        window.ceil and start - window.stride + window.extent < window.padded
    ):
        found.append(start)
        start += window.stride
    if window.ceil and found and found[-1] >= window.padding[0] + window.size:
        found.pop()
    return found


def real_rows(window: Window) -> range:
    """Rows of the real input, counted in the padded one."""
    return range(window.padding[0], window.padding[0] + window.size)


def meta(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def torch_convolution(window: Window) -> int | None:
    """Output size in torch, None where it raises."""
    padded = F.pad(meta(1, 1, window.size), window.padding)
    try:
        return F.conv1d(padded, meta(1, 1, window.kernel_size), stride=window.stride, dilation=window.dilation).shape[
            -1
        ]
    except RuntimeError:
        return None


def torch_pooling(window: Window) -> int | None:
    """Output size in torch, None where it raises."""
    pool = nn.MaxPool1d(window.kernel_size, window.stride, window.padding[0], window.dilation, ceil_mode=window.ceil)
    try:
        return pool(meta(1, 1, window.size)).shape[-1]
    except RuntimeError:
        return None


# ---- windows ----------------------------------------------------------------------------------------


@given(windows())
def test_output_counts_the_windows(window: Window) -> None:
    assert max(window.output, 0) == len(starts(window))
    assert window.fits == bool(starts(window))


@given(windows())
def test_remainder_is_what_is_left_behind_the_last_window(window: Window) -> None:
    assume(window.padded >= window.extent)
    floor = starts(Window(window.size, window.kernel_size, window.stride, window.padding, window.dilation))
    assert window.remainder == window.padded - (floor[-1] + window.extent)
    assert (window.remainder == 0) == ((window.padded - window.extent) / window.stride + 1).is_integer()


@given(windows())
@example(Window(1, 4, 4, (5, 0)))  # the last window ends in the left padding
@example(Window(8, 3, 2))
@example(Window(5, 3, 3, (1, 1)))
def test_unread_counts_real_rows_behind_the_last_window(window: Window) -> None:
    assume(window.fits)
    end = starts(window)[-1] + window.extent
    behind = sum(row >= end for row in real_rows(window))
    if window.stride > window.extent:
        assert window.unread == 0
    else:
        assert window.unread == behind


@given(windows(dilations=(1,)))
def test_without_holes_unread_counts_every_real_row_that_no_window_reads(window: Window) -> None:
    assume(window.fits and window.stride <= window.kernel_size)
    read = {row for start in starts(window) for row in range(start, start + window.kernel_size)}
    assert window.unread == sum(row not in read for row in real_rows(window))


@given(windows())
def test_padded_input_and_dilated_kernel(window: Window) -> None:
    rows = [0] * window.padding[0] + [1] * window.size + [0] * window.padding[1]
    assert window.padded == len(rows)
    taps = [i * window.dilation for i in range(window.kernel_size)]
    assert window.extent == taps[-1] + 1 == effective_kernel(window.kernel_size, window.dilation)


@given(windows(ceils=(False,)))
def test_output_is_torchs_for_convolutions(window: Window) -> None:
    assert (window.output if window.fits else None) == torch_convolution(window)


@given(windows(symmetric=True))
@example(Window(4, 2, 3, (1, 1), ceil=True))
@example(Window(2, 3, 2, ceil=True))  # one window, larger than the input
def test_output_is_torchs_for_pooling(window: Window) -> None:
    assume(window.padding[0] <= window.kernel_size // 2)
    assert (window.output if window.fits else None) == torch_pooling(window)


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "padding", "floor", "ceil"),
    [
        (112, 3, 2, 0, 55, 56),
        (56, 3, 2, 0, 27, 28),
        (28, 3, 2, 0, 13, 14),
        (14, 3, 2, 0, 6, 7),
        (110, 3, 2, 0, 54, 55),
        (349, 2, 2, 0, 174, 175),
        (4, 2, 3, 1, 2, 2),
        (5, 1, 3, 0, 2, 2),
        (7, 2, 4, 1, 2, 2),
        (3, 2, 2, 1, 2, 2),
        (8, 3, 5, 1, 2, 2),
        (6, 2, 3, 1, 3, 3),
        (9, 4, 4, 2, 3, 3),
        (2, 3, 3, 1, 1, 1),
    ],
)
def test_no_window_starts_in_the_right_padding(
    size: int, kernel_size: int, stride: int, padding: int, floor: int, ceil: int
) -> None:
    for rounding, expected in ((False, floor), (True, ceil)):
        window = Window(size, kernel_size, stride, (padding, padding), ceil=rounding)
        assert window.output == torch_pooling(window) == expected


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "padding"),
    [(224, 3, 2, (0, 1)), (224, 7, 2, (2, 3)), (225, 3, 2, (1, 1)), (224, 2, 2, (0, 0)), (224, 11, 4, (1, 2))],
)
def test_unequal_padding_can_make_a_size_whole(
    size: int, kernel_size: int, stride: int, padding: tuple[int, int]
) -> None:
    window = Window(size, kernel_size, stride, padding)
    assert (window.remainder, window.unread) == (0, 0)
    assert window.output == torch_convolution(window)


@given(st.integers(1, 10**15), st.integers(1, 10**15), st.integers(1, 10**15), st.integers(0, 10**15))
def test_large_numbers_stay_exact(size: int, kernel_size: int, stride: int, padding: int) -> None:
    window = Window(size, kernel_size, stride, (padding, padding))
    assume(window.fits)
    end = (window.output - 1) * stride + window.extent
    assert end + window.remainder == window.padded
    assert 0 <= window.remainder < stride
    assert 0 <= window.unread <= size


# ---- transposed convolutions --------------------------------------------------------------------------


@given(
    size=st.integers(1, 30),
    kernel_size=st.integers(1, 7),
    stride=st.integers(1, 5),
    padding=st.integers(0, 6),
    output_padding=st.integers(0, 4),
    dilation=st.integers(1, 3),
)
def test_transposed_output_is_torchs(
    size: int, kernel_size: int, stride: int, padding: int, output_padding: int, dilation: int
) -> None:
    assume(output_padding < max(stride, dilation))
    module = nn.ConvTranspose1d(1, 1, kernel_size, stride, padding, output_padding, dilation=dilation, device="meta")
    expected = transposed_output(size, kernel_size, stride, padding, output_padding, dilation)
    try:
        assert tuple(module(meta(1, 1, size)).shape) == (1, 1, expected)
    except RuntimeError:
        assert expected < 1


@given(windows(symmetric=True, ceils=(False,)))
def test_transposed_output_undoes_a_convolution(window: Window) -> None:
    """The remainder is the output padding that brings the size back (Dumoulin & Visin)."""
    assume(window.fits)
    back = transposed_output(
        window.output, window.kernel_size, window.stride, window.padding[0], window.remainder, window.dilation
    )
    assert back == window.size
