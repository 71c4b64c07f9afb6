"""Joins: several inputs become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from archlang.errors.joins import JoinMismatch
from archlang.ir.ops.arguments import choice, dimension, optional
from archlang.ir.ops.base import Field, Lines, Op, OpError, Shape, TorchCall, Value, keyword
from archlang.ir.ops.trace import Tensor, Trace
from archlang.records import record

ALIGN = optional(choice("align", None, "crop", keyword=True))
"""`align="crop"` cuts larger maps around their centre to the smallest before they are joined."""


@record(kw_only=True)
class Concat(Op):
    """Inputs one behind the other along an axis (torch.cat); `dim` counts as in torch, 1 being the channels.

    All other sizes must agree; the sizes along `dim` add up.
    """

    op: Literal["concat"] = "concat"
    dim: int

    tag = "concat"
    words = ("CONCAT",)
    kind = "concat"
    family = "join"
    keeps_integers = True
    is_join = True
    signature = (dimension("dim", 1), ALIGN)

    @classmethod
    def build_join(cls, word: str, given: dict[str, Value], shapes: tuple[Shape, ...]) -> Self:
        """Raises `OpError` unless all inputs have the same number of axes and `dim` is one of them."""
        rank, dim = len(shapes[0]), given["dim"]
        if len({len(shape) for shape in shapes}) > 1 or not (1 <= dim <= rank or -rank <= dim <= -1):
            raise OpError(JoinMismatch(word, shapes, f"inputs with the same axes, one of them axis {dim}"))
        # `align` is not the op's: the elaboration puts a Crop in front of each larger input.
        return cls(dim=dim)

    def _axis(self, shape: Shape) -> int:
        return self.dim - 1 if self.dim > 0 else len(shape) + self.dim

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Sizes along `dim` add up; raises `OpError` where any other differs."""
        first, axis = inputs[0], self._axis(inputs[0])
        others = [(*shape[:axis], *shape[axis + 1 :]) for shape in inputs]
        if any(other != others[0] for other in others):
            raise OpError(JoinMismatch("CONCAT", inputs, f"equal sizes along all axes but {axis + 1}", axis + 1))
        return (*first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :])

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A copy of all inputs; nothing is kept, since the gradient is cut up again."""
        # torch.cat lays its output with the channels last only if all inputs lie so.
        return (trace.output(outputs[0], *(inputs if all(x.is_channels_last for x in inputs) else ())),)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """Each branch is asked for the same positions: the result is the largest of theirs."""
        return tuple(_within(field, shape, self._axis(shape)) for shape in inputs)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`64 + 128 + 32 + 32 = 256 along axis 1 (the channels)`."""
        axis = self._axis(output)
        sizes = " + ".join(str(shape[axis]) for shape in inputs)
        return (f"{sizes} = {output[axis]} along axis {axis + 1}" + (" (the channels)" if axis == 0 else ""),)

    def torch(self) -> TorchCall:
        """`torch.cat` of a tuple."""
        return TorchCall("torch.cat", (keyword("dim", self.dim),), tuple_inputs=True)


def _within(field: Field, shape: Shape, axis: int) -> Field:
    """The field with all of an axis where it is as long."""
    reach = field[axis]
    # a stretch as long as the axis of a branch reads all of it, wherever it lies; an axis of 1 says nothing.
    whole = reach is not None and reach[1] - reach[0] + 1 >= max(shape[axis], 2)
    return (*field[:axis], None if whole else reach, *field[axis + 1 :])


def broadcast(sizes: Sequence[int]) -> int | None:
    """The size that all have but for those that are 1; None if two differ."""
    # not a set: of sizes left free, it would have another order in every run, and that decides what is asked first.
    distinct = dict.fromkeys(sizes)
    distinct.pop(1, None)
    common = next(iter(distinct), 1)
    for size in distinct:
        if size == common or size == 1:  # of sizes left free, different formulas may yet be equal, or 1
            continue
        if common != 1:
            return None
        common = size
    return common


def elementwise(trace: Trace, one: Tensor, other: Tensor) -> Tensor:
    """What an operation makes of two tensors, number by number."""
    sizes = zip(one.shape, other.shape, strict=True)
    return trace.new([a if b == 1 else b for a, b in sizes], like=(one, other))


@record(kw_only=True)
class _Elementwise(Op):
    """Equal shapes, or one that is broadcast as torch does: sizes agree, or are 1."""

    family = "join"
    keeps_integers = True
    is_join = True
    signature = (ALIGN,)
    function: ClassVar[str]

    @classmethod
    def build_join(cls, word: str, given: dict[str, Value], shapes: tuple[Shape, ...]) -> Self:
        """Takes any shapes: whether they agree is `infer_shape`'s question."""
        return cls()

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """The broadcast shape. Raises `OpError` for other ranks or sizes; torch would also broadcast ranks."""
        if len({len(shape) for shape in inputs}) > 1:
            raise OpError(JoinMismatch(self.words[0], inputs, "inputs with the same axes"))
        sizes = [broadcast(column) for column in zip(*inputs, strict=True)]
        if None in sizes:
            raise OpError(JoinMismatch(self.words[0], inputs, "equal shapes"))
        return tuple(size for size in sizes if size is not None)

    def torch(self) -> TorchCall:
        """An operator between all inputs, no module."""
        return TorchCall(self.function)


@record(kw_only=True)
class Add(_Elementwise):
    """Sum of the inputs, element by element (torch.add). A size of 1 is broadcast as torch does."""

    op: Literal["add"] = "add"
    tag = "add"
    words = ("ADD",)
    kind = "add"
    function = "+"

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Sum by sum, as `a + b + c` is evaluated; nothing is kept, since each gradient is that of the sum."""
        total = inputs[0]
        for x in inputs[1:]:
            total, before = elementwise(trace, total, x), total
            # the first of them is an input, which is not the layer's own to free: `free` leaves such alone.
            trace.free(before)
        return (total,)


@record(kw_only=True)
class Mul(_Elementwise):
    """Product of the inputs, element by element (torch.mul): gates, squeeze-and-excitation.

    A size of 1 is broadcast as torch does: (C, 1, 1) weighs all places of (C, H, W).
    """

    op: Literal["mul"] = "mul"
    tag = "mul"
    words = ("MUL",)
    kind = "mul"
    function = "*"

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Product by product; each factor is kept where a gradient flows to the other."""
        product = inputs[0]
        for x in inputs[1:]:
            trace.keep(*((product,) if x.grad else ()), *((x,) if product.grad else ()))
            product, before = elementwise(trace, product, x), product
            trace.free(before)
        return (product,)
