"""Problems of shapes: the arithmetic, shown with the user's own numbers."""

from __future__ import annotations

from math import prod

from archlang.diagnostics import Problem
from archlang.errors.arguments import ArgumentProblem
from archlang.errors.words import listing, plural, product_text, shape_text
from archlang.records import record

AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
ROW_NAMES = {"length": "position", "height": "row", "width": "column", "depth": "slice"}


@record
class AxisSizes:
    """One axis of a window problem, with every number of its arithmetic."""

    axis: str
    size: int
    kernel_size: int
    stride: int
    padding: tuple[int, int]
    dilation: int
    unread: int = 0
    output: int = 0
    remainder: int = 0

    @property
    def extent(self) -> int:
        """The dilated kernel."""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def padding_text(self) -> str:
        """`2*1` for equal sides, `1 + 2` for unequal ones."""
        before, after = self.padding
        return f"2*{before}" if before == after else f"{before} + {after}"

    def same_numbers(self, other: AxisSizes) -> bool:
        """Whether another axis has the same arithmetic."""
        # by the numbers that were given; the others follow from them
        return (self.size, self.kernel_size, self.stride, self.padding, self.dilation) == (
            other.size, other.kernel_size, other.stride, other.padding, other.dilation
        )  # fmt: skip


def _merge(axes: tuple[AxisSizes, ...]) -> list[tuple[AxisSizes, str]]:
    """Axes with equal arithmetic once, with all their names."""
    merged: list[tuple[AxisSizes, list[str]]] = []
    for axis in axes:
        for kept, names in merged:
            # square windows on square maps are the rule: one line of arithmetic for height and width
            if kept.same_numbers(axis):
                names.append(axis.axis)
                break
        else:
            merged.append((axis, [axis.axis]))
    return [(kept, listing(names)) for kept, names in merged]


def _sum_text(axis: AxisSizes) -> str:
    """`7 + 2*0 - 3`: the padded input less the window."""
    # `2*P` where both sides are equal, as in the lectures' law
    return f"{axis.size} + {axis.padding_text} - {axis.extent}"


def _dilated_note(axes: tuple[AxisSizes, ...]) -> tuple[str, ...]:
    """How the window came from kernel and dilation, where there is one."""
    notes = (
        f"F = dilation*(kernel - 1) + 1 = {a.dilation}*({a.kernel_size} - 1) + 1 = {a.extent}"
        for a in axes
        # F is the kernel itself otherwise, and the formula would say 3 = 1*(3 - 1) + 1
        if a.dilation > 1
    )
    return tuple(dict.fromkeys(notes))


@record
class WindowProblem(ArgumentProblem):
    """Base of problems of a sliding window: the layer, its input and the axes concerned."""

    shape: tuple[int, ...]
    axes: tuple[AxisSizes, ...]


@record
class KernelTooLarge(WindowProblem):
    """Not a single window fits the padded input.

    `out = (N + 2P - F)/S + 1` is below 1: the window is larger than the input with its padding, so there is nothing for
    it to read.

    There is no output. It happens at the end of a chain, when poolings have made the map smaller than the next window.
    """

    code = "kernel-too-large"

    @property
    def message(self) -> str:
        """`a window of 5x5 does not fit an input of 3x3`: dilated windows, and only the axes that are too small."""
        window, sizes = shape_text([a.extent for a in self.axes]), shape_text([a.size for a in self.axes])
        # the axes are named where others are large enough
        some = len(self.axes) < len(self.shape) - 1
        along = f" along the {listing(axis.axis for axis in self.axes)}" if some else ""
        return f"a window of {window} does not fit an input of {sizes}{along}"

    @property
    def notes(self) -> tuple[str, ...]:
        """`padded input 3 + 2*0 = 3 < 5 (height and width)`, then dilation, and channels that may stand last."""
        lines = (
            f"padded input {a.size} + {a.padding_text} = {a.size + sum(a.padding)} < {a.extent} ({names})"
            for a, names in _merge(self.axes)
        )
        read = f"the input of {self.owner} is {shape_text(self.shape)}"
        return (*lines, *_dilated_note(self.axes), read, *channels_last(self.shape))


MOST_COLOURS = 4
"""Channels that a picture as it is loaded has at most."""


def channels_last(shape: tuple[int, ...]) -> tuple[str, ...]:
    """What to say of a map with few columns and many channels: most likely a picture with its channels written last."""
    # grey, colour, or colour with transparency; heights and widths of at most four could be channels themselves
    if len(shape) != 3 or shape[2] not in (1, 3, MOST_COLOURS) or not shape[0] > MOST_COLOURS < shape[1]:
        return ()
    height, width, channels = shape
    first = f"INPUT({channels}, {height}, {width})"
    return (f"shapes are channels first: a picture of {height}x{width} with {plural(channels, 'channel')} is {first}",)


@record
class StrideDropsInput(WindowProblem):
    """Rows of the real input lie behind the last window: torch would drop them without a word.

    `out = (N + 2P - F)/S + 1` is not whole, and what is left over is not padding but real rows or columns, which lie
    behind the last window.

    Part of the picture has no influence on the result, which is hardly ever meant. The lectures say of such sizes that
    they do not fit. A line can say that it means it: `round="floor"` drops the rest, `round="ceil"` rounds up.
    """

    code = "stride-drops-input"

    @property
    def message(self) -> str:
        """The stride of the first axis that loses something, and the input along all axes."""
        stride = self.axes[0].stride
        return f"stride {stride} does not cover an input of {shape_text(self.shape[1:])}"

    @property
    def label(self) -> str:
        """`the last row and the last column are never read`, or how many of them."""
        parts = [
            f"the last {ROW_NAMES[a.axis]}" if a.unread == 1 else f"the last {a.unread} {ROW_NAMES[a.axis]}s"
            for a in self.axes
        ]
        # one row is read, two rows or a row and a column are
        single = len(parts) == 1 and self.axes[0].unread == 1
        return f"{listing(parts)} {'is' if single else 'are'} never read"

    @property
    def notes(self) -> tuple[str, ...]:
        """The law with the numbers of each axis, and how dilation made the window."""
        return (*_output_notes(self.axes), *_dilated_note(self.axes))


@record
class NotWhole(WindowProblem):
    """Under --strict: (N + 2P - F)/S + 1 is not a whole number.

    Without `--strict` only rows of the real input count; here the remainder of any layer does, also one in the padding.

    It is the lectures' own rule: `(N + 2P - F)/S + 1` must be whole, or the window does not fit. Many well-known
    networks, ResNet's first layer among them, do not keep it.
    """

    code = "not-whole"

    @property
    def message(self) -> str:
        """Without numbers: they stand in the notes, beside the law."""
        return f"the output size of {self.owner} is not a whole number"

    @property
    def notes(self) -> tuple[str, ...]:
        """The law with the numbers of each axis, and which option asked for it."""
        return (*_output_notes(self.axes), *_dilated_note(self.axes), "--strict accepts only sizes that divide")


def _output_notes(axes: tuple[AxisSizes, ...]) -> tuple[str, ...]:
    """The law and its numbers, one line for each different axis."""
    # the law in letters first, as the lectures (CS231n) write it
    law = "out = (N + 2P - F)/S + 1\n"
    lines: list[str] = []
    for axis, names in _merge(axes):
        numbers = f"({_sum_text(axis)})/{axis.stride} + 1{_exact_text(axis)}"
        lines.append(f"{numbers}, rounded down to {axis.output}, remainder {axis.remainder} ({names})")
    return (law + "\n".join(f"    = {line}" for line in lines),)


def _exact_text(axis: AxisSizes) -> str:
    """` = 2.3333`; nothing where the size is a formula."""
    if type(axis.size) is not int:  # a formula
        return ""
    # four digits behind the point: a third must not look like a whole number
    exact = (axis.size + sum(axis.padding) - axis.extent) / axis.stride + 1
    return f" = {exact:.{len(str(axis.output)) + 4}g}"


@record
class PaddingTooLarge(ArgumentProblem):
    """torch allows a pooling window at most half of padding.

    A pooling window that lies in the padding altogether would have no number to choose from. torch therefore takes at
    most half a window of padding on each side.
    """

    code = "padding-too-large"
    padding: int
    kernel_size: int

    @property
    def message(self) -> str:
        """`padding 2 is more than half of the pooling window of 3`."""
        return f"padding {self.padding} is more than half of the pooling window of {self.kernel_size}"

    @property
    def notes(self) -> tuple[str, ...]:
        """`3//2 = 1`, rounded down as torch does."""
        return (f"torch allows at most {self.kernel_size}//2 = {self.kernel_size // 2}",)


@record
class CannotReshape(ArgumentProblem):
    """The wanted shape has more or fewer numbers than flow in.

    `RESHAPE` gives the same numbers another shape, so the product of its sizes is that of the input's; one -1 stands
    for whatever is left, which must be a whole size.

    Numbers would be left over, or be missing.
    """

    code = "cannot-reshape"
    shape: tuple[int, ...]
    wanted: tuple[int, ...]

    @property
    def message(self) -> str:
        """`6x4x4 cannot become 5x?`: a size that is left to torch, -1, is a question mark."""
        wanted = "x".join("?" if size == -1 else str(size) for size in self.wanted)
        return f"{shape_text(self.shape)} cannot become {wanted}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The numbers that flow in and those that are wanted, with the remainder of their division."""
        # -1 stands for what is left, as in torch.reshape
        size, known = prod(self.shape), [n for n in self.wanted if n != -1]
        wanted, flowing = prod(known), f"{product_text(self.shape)} numbers flow in"
        if any(type(n) is not int for n in self.shape) or wanted > size:  # sizes left free have no remainder to show
            return (flowing, f"{product_text(known)} are wanted")
        quotient, remainder = divmod(size, wanted)
        rest = f" + {remainder:,}" if remainder else ""
        return (flowing, f"{product_text(known)} are wanted, and {size:,} = {wanted:,}*{quotient:,}{rest}")


@record
class WrongRank(Problem):
    """A layer is given an input with the wrong number of axes.

    The axes are counted without the batch: `(features)`, `(C, L)`, `(C, H, W)` or `(C, D, H, W)`.

    A window slides over positions, which a vector behind `FC` or `FLATTEN` does not have any more; and a word such as
    `Conv2d` demands the number of axes in its name.
    """

    code = "wrong-rank"
    owner: str
    shape: tuple[int, ...]
    expected: str

    @property
    def message(self) -> str:
        """What the layer takes, in words, and the shape that it is given."""
        return f"{self.owner} takes {self.expected}, not {shape_text(self.shape)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the axes of the shape are: `(C, H, W)`; the batch is not among them."""
        names = {1: "(features)", 2: "(C, L)", 3: "(C, H, W)", 4: "(C, D, H, W)"}
        found = names.get(len(self.shape), plural(len(self.shape), "axis"))
        return (f"{shape_text(self.shape)} is {found}; the batch is not written",)


@record
class NoInput(Problem):
    """A chain begins with a layer that needs an input.

    Shapes are worked out from the input on, so a model must say what it is given. A chain without one can be a block.
    """

    code = "no-input"
    owner: str

    @property
    def message(self) -> str:
        """The owner is a layer, a model, `_`, or the part in question."""
        return f"nothing flows into {self.owner}"

    @property
    def advice(self) -> tuple[str, ...]:
        """The first stage of any model."""
        return ("begin the model with its input: INPUT(3, 32, 32) -> ...",)


@record
class InputNotFirst(Problem):
    """INPUT stands where something already flows.

    What flows there would be lost. A second input belongs into a branch of a join, as its first stage.
    """

    code = "input-not-first"
    shape: tuple[int, ...]

    @property
    def message(self) -> str:
        """The shape that would be lost."""
        return f"INPUT begins a model, but {shape_text(self.shape)} already flows here"


@record
class InputMismatch(Problem):
    """A model inside another is fed a shape that is not its input's.

    A model is made for the shape that its `INPUT` states, and its fully connected layers have as many weights as that
    demands. For parts that take any size there are blocks.
    """

    code = "input-mismatch"
    model: str
    given: tuple[int, ...]
    wanted: tuple[int, ...]

    @property
    def message(self) -> str:
        """Its own input's shape first: that is the one which cannot change."""
        return f"{self.model} takes {shape_text(self.wanted)}, not {shape_text(self.given)}"


@record
class StatedShape(Problem):
    """The shape stated with `::` is not what comes out.

    `:: (C, H, W)` behind a stage says which shape flows there. It changes nothing; it is checked.

    One of the two is wrong: the statement, or the layers before it. Better to know here than from a later error.
    """

    code = "stated-shape"
    stated: tuple[int, ...]
    actual: tuple[int, ...]

    @property
    def message(self) -> str:
        """What came out first, as the arithmetic of the layers decides about it."""
        return f"the shape here is {shape_text(self.actual)}, not {shape_text(self.stated)}"

    @property
    def label(self) -> str:
        """`states 64x28x28`: the marks stand under the statement, which may be far from the layer that is wrong."""
        return f"states {shape_text(self.stated)}"
