"""Hypothesis strategies that tests share: shapes, arguments, and layers paired with the torch module they stand for.

`LAYERS` holds a strategy for each registered layer. Each draws a `Case`: the text of a layer in one of its spellings,
and the torch module written down independently of archlang. A new layer needs a strategy here; a test demands it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from math import prod
from operator import add, mul
from typing import Any

import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor, nn

from archlang.ir.arithmetic import Window, effective_kernel
from archlang.ir.ops import activation, conv, linear, merge, norm, pool
from archlang.ir.ops import shape as shape_ops
from archlang.ir.ops.base import Op

settings.register_profile(
    "archlang",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    max_examples=int(os.environ.get("ARCHLANG_EXAMPLES", "100")),
)
settings.load_profile("archlang")

Shape = tuple[int, ...]
Arguments = dict[str, Any]
Fields = Mapping[str, st.SearchStrategy[Any]]

CONV_LETTERS = {"out_channels": "K", "kernel_size": "F", "stride": "S", "padding": "P"}
POOL_LETTERS = {"kernel_size": "F", "stride": "S", "padding": "P"}
UNREAD = frozenset({"stride-drops-input"})
BATCH = frozenset({"wrong-rank"})
MISMATCH = frozenset({"join-mismatch"})


@dataclass(frozen=True)
class Case:
    """A layer on its inputs, as text, and how to make its torch module without archlang.

    `module` raises, or makes a module that raises, where torch takes no such layer. `stricter` holds the codes with
    which the language may reject what torch takes.
    """

    shapes: tuple[Shape, ...]
    layer: str
    module: Callable[[], nn.Module]
    stricter: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The whole model. A join's branches are inputs."""
        inputs = [f"INPUT{value_text(shape)}" for shape in self.shapes]
        if len(inputs) == 1:
            return f"{inputs[0]} -> {self.layer}"
        return f"{self.layer}{{ {', '.join(f'in{i}: {text}' for i, text in enumerate(inputs))} }}"


class Function(nn.Module):
    """A function of tensors as a module."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        """Apply it."""
        return self.function(*inputs)


def value_text(value: Any) -> str:
    """A value as an .arch file spells it."""
    match value:
        case bool() | None:
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return f"({', '.join(value_text(item) for item in value)}{',' if len(value) == 1 else ''})"
        case _:
            return repr(value)


@st.composite
def spellings(draw: st.DrawFn, op: type[Op], arguments: Arguments, torch_word: str, letters: Mapping[str, str]) -> str:
    """A layer's text: its word or torch's, some arguments by position, the others by name or letter in any order."""
    words = [word for word in op.words if not word[-2:] in ("1d", "2d", "3d")] + [torch_word]
    order = [parameter.name for parameter in op.signature if not parameter.keyword]
    leading = next((i for i, name in enumerate(order) if name not in arguments), len(order))
    by_position = order[: draw(st.integers(0, leading))]
    named = draw(st.permutations([name for name in arguments if name not in by_position]))
    spelled = [letters[name] if name in letters and draw(st.booleans()) else name for name in named]
    parts = [draw(value_texts(arguments[name])) for name in by_position]
    parts += [f"{word}={draw(value_texts(arguments[name]))}" for word, name in zip(spelled, named, strict=True)]
    return f"{draw(st.sampled_from(words))}({', '.join(parts)})"


def value_texts(value: Any) -> st.SearchStrategy[str]:
    """The ways to write a value: sizes as 3x3, as (3, 3) or as [3, 3]."""
    plain = value_text(value)
    if not isinstance(value, tuple) or len(value) < 2:
        return st.just(plain)
    return st.sampled_from([plain, f"[{plain[1:-1]}]", "x".join(map(str, value))])


@st.composite
def shapes(draw: st.DrawFn, ranks: tuple[int, ...], largest: int = 14, channels: int = 6) -> Shape:
    """A shape of one of the ranks (channels included); a lone axis is features."""
    rank = draw(st.sampled_from(ranks))
    size = st.integers(1, largest) if rank < 4 else st.integers(1, min(largest, 7))
    return (draw(st.integers(1, channels)), *(draw(size) for _ in range(rank - 1)))


def sizes(axes: int, low: int, high: int) -> st.SearchStrategy[int | Shape]:
    """One number for all axes or one for each."""
    number = st.integers(low, high)
    return number | st.tuples(*[number] * axes)


def given(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Arguments]:
    """Any subset of arguments: what is not drawn stays at its default."""
    return st.fixed_dictionaries({}, optional=fields)


def spread(value: int | Shape, axes: int) -> Shape:
    """A number for each axis."""
    return value if isinstance(value, tuple) else (value,) * axes


def _padding(mode: str, kernel: int | Shape, dilation: int | Shape, axes: int) -> Shape:
    """The lectures' words for padding as numbers; no layer of torch's takes "same" with unequal sides here."""
    share = {"valid": 0, "same": 0.5, "full": 1}[mode]
    reach = [d * (k - 1) for k, d in zip(spread(kernel, axes), spread(dilation, axes), strict=True)]
    return tuple(int(r * share) for r in reach)


@st.composite
def windows(
    draw: st.DrawFn,
    symmetric: bool = False,
    dilations: st.SearchStrategy[int] = st.integers(1, 4),
    ceils: st.SearchStrategy[bool] = st.booleans(),
) -> Window:
    """One axis of a convolution or pooling. Rounding up, the padding stays below the window, as in every pooling."""
    size, kernel_size, stride = draw(st.integers(1, 40)), draw(st.integers(1, 9)), draw(st.integers(1, 12))
    dilation, ceil = draw(dilations), draw(ceils)
    most = effective_kernel(kernel_size, dilation) - 1 if ceil else 12
    before = draw(st.integers(0, most))
    after = before if symmetric else draw(st.integers(0, most))
    return Window(size, kernel_size, stride, (before, after), dilation, ceil)


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    shape = draw(shapes((2, 3, 4)))
    axes = len(shape) - 1
    optional = given(
        stride=sizes(axes, 1, 4),
        padding=sizes(axes, 0, 6) | st.sampled_from(["same", "valid", "full"]),
        dilation=sizes(axes, 1, 3),
        groups=st.sampled_from([1, 2, 3, shape[0]]),
        bias=st.booleans(),
        padding_mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    )
    arguments = {"out_channels": draw(st.integers(1, 12)), "kernel_size": draw(sizes(axes, 1, 5))} | draw(optional)
    torch_arguments = {"in_channels": shape[0], **arguments}
    if arguments.get("padding") == "full":
        torch_arguments["padding"] = _padding("full", arguments["kernel_size"], arguments.get("dilation", 1), axes)
    rounding = {"round": "floor"} if draw(st.booleans()) else {}
    word = f"Conv{axes}d"
    layer = draw(spellings(conv.Conv, arguments | rounding, word, CONV_LETTERS))
    return Case((shape,), layer, lambda: getattr(nn, word)(**torch_arguments), UNREAD)


@st.composite
def poolings(draw: st.DrawFn, op: type[Op], word: str, own_fields: Callable[[int], Fields]) -> Case:
    """Windows; sometimes `round`, which torch knows as `ceil_mode`. `own_fields` takes the number of axes."""
    shape = draw(shapes((2, 3, 4)))
    axes = len(shape) - 1
    padding = sizes(axes, 0, 3) | st.sampled_from(["valid", "full"])
    optional = given(stride=sizes(axes, 1, 5), padding=padding, **own_fields(axes))
    arguments = {"kernel_size": draw(sizes(axes, 1, 5)), **draw(optional)}
    rounding = draw(given(ceil_mode=st.booleans()) | st.sampled_from([{"round": "ceil"}, {"round": "floor"}]))
    torch_arguments = {**arguments, "ceil_mode": rounding.get("ceil_mode") or rounding.get("round") == "ceil"}
    if isinstance(mode := arguments.get("padding"), str):
        torch_arguments["padding"] = _padding(mode, arguments["kernel_size"], arguments.get("dilation", 1), axes)
    arguments |= rounding
    layer = draw(spellings(op, arguments, f"{word}{axes}d", POOL_LETTERS))
    return Case((shape,), layer, lambda: getattr(nn, f"{word}{axes}d")(**torch_arguments), UNREAD)


@st.composite
def adaptive_poolings(draw: st.DrawFn, op: type[Op], word: str) -> Case:
    shape = draw(shapes((2, 3, 4)))
    axes = len(shape) - 1
    arguments = {"to": draw(sizes(axes, 1, 9))}
    layer = draw(spellings(op, arguments, f"{word}{axes}d", {}))
    return Case((shape,), layer, lambda: getattr(nn, f"Adaptive{word}{axes}d")(arguments["to"]))


def _max_fields(axes: int) -> Fields:
    return {"dilation": sizes(axes, 1, 3)}


def _average_fields(axes: int) -> Fields:
    divisor = {"divisor_override": st.none() | st.integers(1, 9)} if axes > 1 else {}
    return {"count_include_pad": st.booleans(), **divisor}


@st.composite
def linears(draw: st.DrawFn) -> Case:
    shape = draw(shapes((1, 2, 3, 4), largest=6))
    arguments = {"out_features": draw(st.integers(1, 50)), **draw(given(bias=st.booleans()))}
    layer = draw(spellings(linear.Linear, arguments, "Linear", {}))
    flattened = [nn.Flatten()] if len(shape) > 1 else []
    return Case((shape,), layer, lambda: nn.Sequential(*flattened, nn.Linear(prod(shape), **arguments)))


@st.composite
def plain(
    draw: st.DrawFn, op: type[Op], word: str, ranks: tuple[int, ...] = (1, 2, 3, 4), **fields: st.SearchStrategy[Any]
) -> Case:
    """A layer whose class and arguments are torch's; `size` and `dim` are always given, torch has no default for them."""
    shape = draw(shapes(ranks, largest=6))
    needed = {name: draw(field) for name, field in fields.items() if name in ("size", "dim")}
    arguments = needed | draw(given(**{name: field for name, field in fields.items() if name not in needed}))
    layer = draw(spellings(op, arguments, word, {}))
    on_batch = any(arguments.get(name) == -len(shape) - 1 for name in ("dim", "start_dim", "end_dim"))
    return Case((shape,), layer, lambda: getattr(nn, word)(**arguments), BATCH if on_batch else frozenset())


@st.composite
def batch_norms(draw: st.DrawFn) -> Case:
    shape = draw(shapes((1, 2, 3, 4), largest=6))
    arguments = draw(
        given(
            eps=numbers(0, 1),
            momentum=st.none() | numbers(0, 1),
            affine=st.booleans(),
            track_running_stats=st.booleans(),
        )
    )
    word = f"BatchNorm{max(len(shape) - 1, 1)}d"
    layer = draw(spellings(norm.BatchNorm, arguments, word, {}))
    return Case((shape,), layer, lambda: getattr(nn, word)(shape[0], **arguments))


@st.composite
def crops(draw: st.DrawFn) -> Case:
    shape = draw(shapes((2, 3, 4)))
    axes = len(shape) - 1
    arguments = {"to": draw(sizes(axes, 1, 9)), **draw(given(start=sizes(axes, 0, 5)))}
    to = spread(arguments["to"], axes)
    start = spread(arguments["start"], axes) if "start" in arguments else None
    return Case(
        (shape,), draw(spellings(shape_ops.Crop, arguments, "CROP", {})), lambda: Function(partial(cut, to, start))
    )


def cut(to: Shape, start: Shape | None, x: Tensor) -> Tensor:
    """A part of the last axes; the middle one unless its start is given. Raises where it reaches beyond."""
    for i, kept in enumerate(to):
        axis = x.dim() - len(to) + i
        x = x.narrow(axis, start[i] if start else (x.shape[axis] - kept) // 2, kept)
    return x


@st.composite
def joined_shapes(draw: st.DrawFn, may_differ: Callable[[int], bool]) -> tuple[Shape, ...]:
    """Two to four shapes that agree along most axes; seldom of different ranks."""
    first = draw(shapes((1, 2, 3, 4), largest=6))
    found = [first]
    for _ in range(draw(st.integers(1, 3))):
        sizes_here = [draw(st.integers(1, 6)) if may_differ(axis) else size for axis, size in enumerate(first)]
        if draw(st.integers(0, 9)) == 0:
            sizes_here[draw(st.integers(0, len(first) - 1))] = draw(st.integers(1, 6))
        found.append(tuple(sizes_here))
    if draw(st.integers(0, 19)) == 0:
        found.append(draw(shapes((1, 2, 3, 4), largest=6)))
    return tuple(found)


def _cropped(inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """All inputs cut around their centre to the smallest sizes behind the channels."""
    sizes_here = zip(*(x.shape[2:] for x in inputs), strict=True)
    to = tuple(min(column) for column in sizes_here)
    return [cut(to, None, x) for x in inputs]


@st.composite
def joins(draw: st.DrawFn, op: type[Op], function: Callable[..., Tensor], with_dim: bool) -> Case:
    """`function` takes the inputs and, for a concatenation, their axis."""
    arguments: Arguments = draw(given(align=st.sampled_from(["crop", None])))
    if with_dim:
        arguments |= draw(given(dim=DIMENSIONS))
    align, dim = arguments.get("align"), arguments.get("dim", 1)
    found = draw(joined_shapes(lambda axis: (with_dim and axis == max(dim - 1, 0)) or (align == "crop" and axis > 0)))
    ranks = {len(shape) for shape in found}
    layer = draw(spellings(op, arguments, op.words[0], {}))

    def join(*inputs: Tensor) -> Tensor:
        return function(_cropped(inputs) if align else inputs, *([dim] if with_dim else []))

    strict = len(ranks) > 1 or (with_dim and dim == -min(ranks) - 1)
    return Case(found, layer.removesuffix("()"), lambda: Function(join), MISMATCH if strict else frozenset())


def numbers(low: float, high: float) -> st.SearchStrategy[int | float]:
    """Whole numbers and others."""
    return st.integers(int(low), int(high)) | st.floats(low, high, allow_subnormal=False)


DIMENSIONS = st.integers(-6, 6).filter(bool)
"""Axes as torch counts them. The batch, axis 0, is drawn from the other end: torch takes it, archlang does not."""

LAYERS: dict[type[Op], st.SearchStrategy[Case]] = {
    conv.Conv: convolutions(),
    pool.MaxPool: poolings(pool.MaxPool, "MaxPool", _max_fields) | adaptive_poolings(pool.MaxPool, "MaxPool"),
    pool.AvgPool: poolings(pool.AvgPool, "AvgPool", _average_fields) | adaptive_poolings(pool.AvgPool, "AvgPool"),
    linear.Linear: linears(),
    linear.Flatten: plain(linear.Flatten, "Flatten", start_dim=DIMENSIONS, end_dim=DIMENSIONS),
    shape_ops.Crop: crops(),
    merge.Concat: joins(merge.Concat, torch.cat, True),
    merge.Add: joins(merge.Add, partial(reduce, add), False),
    merge.Mul: joins(merge.Mul, partial(reduce, mul), False),
    linear.Identity: plain(linear.Identity, "Identity"),
    norm.BatchNorm: batch_norms(),
    norm.LocalResponseNorm: plain(
        norm.LocalResponseNorm,
        "LocalResponseNorm",
        (2, 3, 4),
        size=st.integers(1, 12),
        alpha=numbers(0, 2),
        beta=numbers(0, 2),
        k=numbers(0, 3),
    ),
    norm.Dropout: plain(norm.Dropout, "Dropout", p=numbers(0, 1), inplace=st.booleans()),
    activation.ReLU: plain(activation.ReLU, "ReLU", inplace=st.booleans()),
    activation.LeakyReLU: plain(
        activation.LeakyReLU, "LeakyReLU", negative_slope=numbers(-2, 2), inplace=st.booleans()
    ),
    activation.Tanh: plain(activation.Tanh, "Tanh"),
    activation.Sigmoid: plain(activation.Sigmoid, "Sigmoid"),
    activation.Softmax: plain(activation.Softmax, "Softmax", dim=DIMENSIONS),
}
