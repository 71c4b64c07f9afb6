"""What convolutions and poolings share: sliding windows, their checks and the ways out of a size that does not fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archlang.diagnostics import Problem
from archlang.errors.shapes import AXIS_NAMES, AxisSizes, KernelTooLarge, NotWhole, StrideDropsInput
from archlang.errors.words import listing, plural, shape_text, size_text
from archlang.ir.arithmetic import Window, settle
from archlang.ir.ops.base import Lines, OpError, Shape, Sizes

WINDOW_SHAPES = "(C, L), (C, H, W) or (C, D, H, W)"


def check_fits(word: str, shape: Shape, windows: tuple[Window, ...]) -> None:
    """Raise unless at least one window fits along every axis."""
    if all(window.fits for window in windows):
        return
    # from here on there is an error; telling sizes apart for its words would only split runs further.
    settle(shape)
    axes = tuple(axis for axis, window in zip(_axes(windows), windows, strict=True) if not window.fits)
    raise OpError(KernelTooLarge(word, "kernel_size", shape, axes))


def coverage_problems(
    word: str, shape: Shape, windows: tuple[Window, ...], rounding: str | None, strict: bool
) -> Iterable[Problem]:
    """Rows of the real input that no window reads; under `strict`, any size that is not whole."""
    if rounding is not None:
        return
    if any(window.unread > 0 for window in windows):
        settle(shape)
        yield StrideDropsInput(word, "stride", shape, tuple(axis for axis in _axes(windows) if axis.unread > 0))
    # CS231n's rule: ResNet's first layer, (224 + 2*3 - 7)/2 + 1 = 112.5, is none, though padding alone is left over.
    elif strict and any(window.remainder > 0 for window in windows):
        settle(shape)
        yield NotWhole(word, "stride", shape, tuple(axis for axis in _axes(windows) if axis.remainder > 0))


def _axes(windows: tuple[Window, ...]) -> tuple[AxisSizes, ...]:
    """The numbers of each axis, for a message."""
    names = AXIS_NAMES[len(windows)]
    return tuple(
        AxisSizes(n, w.size, w.kernel_size, w.stride, w.padding, w.dilation, w.unread, max(w.output, 0), w.remainder)
        for n, w in zip(names, windows, strict=True)
    )


def window_steps(windows: tuple[Window, ...]) -> Lines:
    """The law of the output size, and its numbers for each axis that has other ones."""
    names: dict[Window, list[str]] = {}
    for window, name in zip(windows, AXIS_NAMES[len(windows)], strict=True):
        # equal axes share a line: a square input has one, "(height and width)".
        names.setdefault(window, []).append(name)
    extents = (_extent_step(window) for window in names if window.dilation > 1)
    sizes = (f"    = {_size_step(window)}  ({listing(axes)})" for window, axes in names.items())
    return ("out = (N + 2P - F)/S + 1", *sizes, *dict.fromkeys(extents))


def _size_step(window: Window) -> str:
    """`(7 + 2*0 - 3)/3 + 1 = 2.333, rounded down to 2`."""
    before, after = window.padding
    padding = f"2*{before}" if before == after else f"{before} + {after}"
    law = f"({window.size} + {padding} - {window.extent})/{window.stride} + 1"
    # without a remainder rounding up or down is the same, and there is nothing to explain.
    if window.remainder == 0:
        return f"{law} = {window.output}"
    exact = (window.padded - window.extent) / window.stride + 1
    # .g counts all digits: 3 of them behind the point, however large the number.
    digits = len(str(window.output)) + 3
    rounded = f"rounded {'up' if window.output > exact else 'down'} to {window.output}"
    return f"{law} = {exact:.{digits}g}, {rounded}{_left_over(window)}"


def _left_over(window: Window) -> str:
    """What lies behind the last window."""
    if window.unread:
        return f", {plural(window.unread, 'row')} never read"
    # the rest lies in the padding behind: torch reads all of the real input, and nothing has to be said about it.
    return ", only padding left over" if 0 < window.remainder <= window.padding[1] and not window.ceil else ""


def _extent_step(window: Window) -> str:
    return f"F = d(k - 1) + 1 = {window.dilation}*({window.kernel_size} - 1) + 1 = {window.extent}"


def weights_law(kernel_size: Sizes, letter: str) -> str:
    """`F*F`: the weights of a window. `letter` is k where F stands for its extent with the holes of a dilation."""
    return "*".join((letter,) * len(kernel_size))


def symmetric(padding: Sizes) -> tuple[tuple[int, int], ...]:
    """The same rows on both sides of each axis."""
    return tuple((size, size) for size in padding)


def resolve_padding(mode: str, kernel_size: Sizes, dilation: Sizes) -> Sizes | None:
    """Numbers for "valid", "full" and, where both sides get the same, "same"; None where they differ."""
    # d(k - 1) rows in all keep the size at stride 1, since F = d(k - 1) + 1; "full" has as many on each side.
    reach = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
    if mode == "valid":
        return (0,) * len(reach)
    if mode == "full":
        return tuple(reach)
    # an even reach has equal sides; torch's "same" puts the odd row of others behind: a kernel of 4 has 1 and 2.
    return None if any(r % 2 for r in reach) else tuple(r // 2 for r in reach)


def make_windows(shape: Shape, **columns: Any) -> tuple[Window, ...]:
    """One window for each axis from columns of sizes (`kernel_size`, `stride`, ...)."""
    axes = range(len(shape) - 1)
    return tuple(Window(shape[i + 1], **{name: column[i] for name, column in columns.items()}) for i in axes)


def filters_text(
    kernel_size: Sizes, out_channels: int, stride: Sizes, padding: Sizes | str, dilation: Sizes, groups: int
) -> str:
    """The filters of a convolution in a few characters: `3x3, 64, stride 2, pad 1`."""
    # as the lectures write a layer: the window, how many filters, then what departs from stride 1 and no padding.
    parts = [shape_text(kernel_size), str(out_channels)]
    parts += [f"stride {size_text(stride)}"] if set(stride) != {1} else []
    parts += edge_parts(padding, dilation)
    parts += [f"groups {groups}"] if groups > 1 else []
    return ", ".join(parts)


def edge_parts(padding: Sizes | str, dilation: Sizes) -> list[str]:
    """`pad 1` and `dilation 2`, where they are not torch's defaults."""
    pad = padding if isinstance(padding, str) else size_text(padding)
    parts = [f"pad {pad}"] if isinstance(padding, str) or any(padding) else []
    return parts + ([f"dilation {size_text(dilation)}"] if set(dilation) != {1} else [])
