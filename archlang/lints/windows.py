"""Lints of windows: even ones, large ones, padding that nothing needs, sizes that strides do not divide."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from archlang.diagnostics import Edit, Help
from archlang.ir.arithmetic import Window
from archlang.ir.ops.base import Op, Shape, Sizes
from archlang.ir.ops.conv import Conv
from archlang.ir.ops.pool import AvgPool, LpPool, MaxPool
from archlang.ir.ops.window import make_windows, symmetric
from archlang.lints.base import Finding, Net
from archlang.lints.wiring import Spot

POOLS = (MaxPool.tag, AvgPool.tag, LpPool.tag)
LARGEST_POOLING = 3
SEVERAL = 3 * 3
"""Numbers that the lectures' larger pooling looks at: one of 4 along a sequence is no larger than that."""

LARGE_KERNEL = 7
MANY_CHANNELS = 16
"""Maps from which on weights count; a picture has fewer."""


def windows_of(op: Op, shape: Shape) -> tuple[Window, ...]:
    """The windows along each axis; none where their padding differs by side or their sizes follow from the map."""
    if isinstance(op, Conv) and isinstance(op.padding, tuple):
        return _windows(shape, op.kernel_size, op.stride, op.padding, op.dilation)
    if isinstance(op, MaxPool | AvgPool | LpPool) and op.to is None and op.kernel_size and op.stride:
        dilation = op.dilation if isinstance(op, MaxPool) else (1,) * len(op.padding)
        return _windows(shape, op.kernel_size, op.stride, op.padding, dilation)
    return ()


def _windows(shape: Shape, kernel_size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> tuple[Window, ...]:
    sides = symmetric(padding)
    return make_windows(shape, kernel_size=kernel_size, stride=stride, padding=sides, dilation=dilation)


COLOURS = (1, 3)
"""How many channels a picture has; volumes and films are deeper than that."""

PICTURES = 2
"""How many times longer one side of a picture is than the other at most."""


def inputs_with_channels_last(net: Net) -> Iterator[Finding]:
    """Inputs that look like pictures with their channels last, where windows slide over them."""
    from archlang.errors.shapes import channels_last

    read = _slid_over(net)
    for shape in dict.fromkeys(given.shape for given in net.model.inputs):
        if shape in read and channels_last(shape) and max(shape[:2]) <= PICTURES * min(shape[:2]):
            from archlang.errors.lints import ChannelsLast

            *sizes, channels = shape
            text = f"INPUT({', '.join(map(str, (channels, *sizes)))})"
            for call in net.text.inputs_of(shape):
                yield Finding(
                    ChannelsLast(shape), span=call.span, helps=(Help(f"write {text}", (Edit(call.span, text),)),)
                )


def _slid_over(net: Net) -> list[Shape]:
    """The shapes of inputs that layers of maps read."""
    layers = net.of(Conv.tag, "upconv", "batch_norm", *POOLS)
    return [net.input(spot) for spot, _ in layers if None in net.sources(spot)]


def inputs_with_batch(net: Net) -> Iterator[Finding]:
    """Inputs that look like a batch of pictures, where windows slide over them as over volumes."""
    read = _slid_over(net)
    for shape in dict.fromkeys(given.shape for given in net.model.inputs):
        if shape in read and len(shape) == 4 and shape[1] in COLOURS and min(shape[2:]) > max(COLOURS):
            from archlang.errors.lints import BatchInInput

            text = f"INPUT({', '.join(map(str, shape[1:]))})"
            for call in net.text.inputs_of(shape):
                helps = (Help(f"write {text}", (Edit(call.span, text),)),)
                yield Finding(BatchInInput(shape), span=call.span, helps=helps)


def even_kernel(net: Net) -> Iterator[Finding]:
    """Convolutions with an even window whose padding nearly keeps the size."""
    for spot, op in net.of(Conv.tag):
        odd = [w for w in windows_of(op, net.input(spot)) if _just_misses(w)]
        call = net.call(spot)
        # padding="full" makes every map larger on purpose
        if not odd or (call and '"full"' in call.span.text):
            continue
        window = odd[0]
        from archlang.errors.lints import EvenKernel

        problem = EvenKernel(net.word(spot), window.size, window.extent, window.padding[0], window.output)
        yield Finding(problem, spot, net.argument_span(spot, "kernel_size"), tuple(_odd_windows(net, spot, op)))


def _just_misses(window: Window) -> bool:
    """Whether the size would be kept but for the window's being even."""
    # N + 2P - F + 1 is N for odd windows with P = (F - 1)/2; an even one gives N - 1 or N + 1
    padded = window.extent % 2 == 0 and window.stride == 1 and window.padding[0] > 0
    return padded and abs(window.output - window.size) == 1


def _odd_windows(net: Net, spot: Spot, op: Conv) -> Iterator[Help]:
    """The next smaller and larger odd window, with the padding that keeps the size; torch's own way out at last."""
    if len(set(op.kernel_size)) == len(set(op.dilation)) == 1:
        for size in (op.kernel_size[0] - 1, op.kernel_size[0] + 1):
            padding = op.dilation[0] * (size - 1) // 2
            message = f"kernel_size={size}, padding={padding} keeps the size"
            yield from net.given(spot, message, kernel_size=str(size), padding=str(padding))
    yield from net.given(spot, 'padding="same" keeps the size, with the odd row behind', padding='"same"')


def large_pooling(net: Net) -> Iterator[Finding]:
    """Poolings with large windows and a stride, over less than the whole map."""
    for spot, op in net.of(*POOLS):
        shape = net.input(spot)
        windows = windows_of(op, shape)
        parts = [w for w in windows if w.output > 1 or w.kernel_size < w.size]  # the others pool over a whole axis
        large = [w for w in parts if w.kernel_size > LARGEST_POOLING and w.stride > 1]
        if large and prod(w.kernel_size for w in windows) > SEVERAL:
            from archlang.errors.lints import LargePooling

            problem = LargePooling(net.word(spot), op.kernel_size, op.stride, shape, net.output(spot))
            helps = net.given(spot, "kernel_size=3, stride=2 is the larger of the two", kernel_size="3", stride="2")
            helps = (*net.given(spot, "kernel_size=2, stride=2 is usual", kernel_size="2", stride="2"), *helps)
            yield Finding(problem, spot, net.argument_span(spot, "kernel_size"), helps)


def wasted_padding(net: Net) -> Iterator[Finding]:
    """Convolutions whose first and last windows lie in the padding."""
    for spot, op in net.of(Conv.tag):
        windows = windows_of(op, net.input(spot))
        full = [w.output - _empty(w) for w in windows]
        # reflected and repeated rows are input again, not zeros
        if op.padding_mode != "zeros" or not windows or all(map(_reads, windows)):
            continue
        output = tuple(w.output for w in windows)
        empty = prod(output) - prod(full)
        from archlang.errors.lints import WastedPadding

        problem = WastedPadding(net.word(spot), tuple(w.extent for w in windows), op.padding, output, empty)
        kept = tuple((w.extent - 1) // 2 for w in windows)
        text = str(kept[0]) if len(set(kept)) == 1 else "x".join(map(str, kept))
        helps = net.given(spot, f"padding={text} leaves no window without input", padding=text)
        yield Finding(problem, spot, net.argument_span(spot, "padding"), helps)


def _reads(window: Window) -> bool:
    return _empty(window) == 0


def _empty(window: Window) -> int:
    """Windows along one axis that lie in the padding as a whole."""
    first, size = window.padding[0], window.size
    # window i reads [i*S, i*S + extent) of the padded axis, whose input is [P, P + N): it lies before that if it ends
    # at P at the latest, and behind if i*S >= P + N
    before = max(0, (first - window.extent) // window.stride + 1)
    begins_behind = -(-(first + size) // window.stride)
    return min(before, window.output) + max(0, window.output - max(begins_behind, before))


def large_kernel(net: Net) -> Iterator[Finding]:
    """Large windows between many maps, at stride 1."""
    for spot, op in net.of(Conv.tag):
        shape = net.input(spot)
        large = [k for k in op.kernel_size if k >= LARGE_KERNEL]
        # a convolution over all of the map is an FC in other words
        whole = any(k >= size for k, size in zip(op.kernel_size, shape[1:], strict=True))
        dense = op.groups == 1 and min(op.in_channels, op.out_channels) >= MANY_CHANNELS
        if len(large) < 2 or whole or not dense or {*op.stride, *op.dilation} != {1}:
            continue
        weights = prod(op.kernel_size) * op.in_channels * op.out_channels
        # each layer of 3x3 sees two positions more: three of them see 7
        stack = max(large) // 2
        small = 3 ** len(op.kernel_size) * op.out_channels * (op.in_channels + (stack - 1) * op.out_channels)
        if small < weights:
            from archlang.errors.lints import LargeKernel

            problem = LargeKernel(op.kernel_size, op.in_channels, op.out_channels, weights, stack, small)
            yield Finding(problem, spot, net.argument_span(spot, "kernel_size"))


def indivisible_input(net: Net) -> Iterator[Finding]:
    """The first layer whose stride meets a size that it does not divide, where padding hides that."""
    from archlang.lints.folds import total_strides

    # which input the sizes of a layer come from is not known with several
    if len(net.model.inputs) != 1:
        return
    given = net.model.inputs[0].shape
    for spot, op in net.of(Conv.tag, *POOLS):
        for axis, window in enumerate(windows_of(op, net.input(spot)), start=1):
            needed = total_strides(net.model, axis) if _splits_a_step(window) and op.round is None else 1
            if needed > 1 and len(given) == len(net.input(spot)) and _is_odd(given[axis], needed, window):
                word, stride, size = net.word(spot), window.stride, window.size
                from archlang.errors.lints import IndivisibleInput

                problem = IndivisibleInput(word, stride, size, window.output, given[axis], needed)
                yield Finding(problem, spot, net.argument_span(spot, "stride"))
                return


def _is_odd(size: int, needed: int, window: Window) -> bool:
    """Whether a size is no multiple of all strides, nor one more, where windows with a middle meet both borders."""
    # 225 = 7*32 + 1: an odd window with padding stands with its middle on the first and the last row
    return needed <= size and size % needed > window.extent % 2


def _splits_a_step(window: Window) -> bool:
    """Whether a padded window with a stride makes N/S a size that is not whole."""
    return 1 < window.stride <= window.extent and window.size % window.stride != 0 and sum(window.padding) > 0
