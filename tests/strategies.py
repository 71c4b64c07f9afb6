"""Hypothesis strategies that tests share: shapes, windows, and layers paired with the torch module they stand for.

`LAYERS` holds a strategy for each registered layer, by its first word. Each draws a `Case`: a layer in one of its
spellings on some input, and its torch module, written down here and not taken from archlang. A new layer needs a
strategy here; a test demands it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from math import ceil, floor, prod
from operator import add, mul
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from archlang.ir.arithmetic import Window, effective_kernel
from archlang.ir.ops import WORDS

Shape = tuple[int, ...]
Arguments = dict[str, Any]
Fields = Mapping[str, st.SearchStrategy[Any]]

LETTERS = {"out_channels": "K", "kernel_size": "F", "stride": "S", "padding": "P"}


@dataclass(frozen=True)
class Case:
    """A layer on its inputs, as text, and how to make its torch module without archlang.

    `module` raises, or makes a module that raises, where torch takes no such layer. `stricter` holds the codes with
    which the language may reject what torch takes. `vocabulary` is the number of indices if the inputs are such.
    """

    shapes: tuple[Shape, ...]
    layer: str
    module: Callable[[], nn.Module]
    stricter: frozenset[str] = frozenset()
    vocabulary: int = 0

    @property
    def text(self) -> str:
        """The whole model. A join's branches are inputs."""
        inputs = [f"INPUT{value_text(shape)}" for shape in self.shapes]
        if len(inputs) == 1:
            return f"{inputs[0]} -> {self.layer}"
        return f"{self.layer}{{ {', '.join(f'in{i}: {text}' for i, text in enumerate(inputs))} }}"

    def inputs(self, batch: int) -> list[Tensor]:
        """Random inputs."""
        if self.vocabulary:
            return [torch.randint(self.vocabulary, (batch, *shape)) for shape in self.shapes]
        return [torch.randn(batch, *shape) for shape in self.shapes]

    def meta_inputs(self, batch: int) -> list[Tensor]:
        """Inputs without numbers."""
        kind = torch.long if self.vocabulary else torch.float
        return [torch.empty(batch, *shape, dtype=kind, device="meta") for shape in self.shapes]


class Function(nn.Module):
    """A function of tensors as a module, for layers that torch has no class for (or `torch_class`, but no single one).

    Its parameters are ones.
    """

    def __init__(self, function: Callable[..., Tensor], torch_class: str = "", **parameters: Shape) -> None:
        super().__init__()
        self.function = function
        self.torch_class = torch_class
        for name, shape in parameters.items():
            self.register_parameter(name, nn.Parameter(torch.ones(shape)))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Apply it to the inputs and the parameters by name."""
        return self.function(*inputs, **dict(self.named_parameters()))


# ---- text ---------------------------------------------------------------------------------------------


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


def value_texts(value: Any) -> st.SearchStrategy[str]:
    """The ways to write a value: sizes as 3x3, as (3, 3) or as [3, 3]."""
    plain = value_text(value)
    if not isinstance(value, tuple) or len(value) < 2:
        return st.just(plain)
    sizes_text = ["x".join(map(str, value))] if all(isinstance(v, int) and v >= 0 for v in value) else []
    return st.sampled_from([plain, f"[{plain[1:-1]}]", *sizes_text])


@st.composite
def spellings(draw: st.DrawFn, word: str, arguments: Arguments, torch_word: str | None = None) -> str:
    """A layer's text: its word or torch's, some arguments by position, the others by name or letter in any order."""
    op = WORDS[word]
    words = [w for w in op.words if w[-2:] not in ("1d", "2d", "3d")] + ([torch_word] if torch_word else [])
    order = [parameter.name for parameter in op.signature if not parameter.keyword]
    leading = next((i for i, name in enumerate(order) if name not in arguments), len(order))
    by_position = order[: draw(st.integers(0, leading))]
    named = draw(st.permutations([name for name in arguments if name not in by_position]))
    letters = {p.name: LETTERS[p.name] for p in op.signature if p.letter}
    spelled = [letters[name] if name in letters and draw(st.booleans()) else name for name in named]
    parts = [draw(value_texts(arguments[name])) for name in by_position]
    parts += [f"{name}={draw(value_texts(arguments[key]))}" for name, key in zip(spelled, named, strict=True)]
    return f"{draw(st.sampled_from(words))}({', '.join(parts)})"


# ---- values -------------------------------------------------------------------------------------------


@st.composite
def shapes(draw: st.DrawFn, ranks: tuple[int, ...] = (1, 2, 3, 4), largest: int = 6, most_channels: int = 6) -> Shape:
    """A shape of one of the ranks (channels included); a lone axis is features."""
    rank = draw(st.sampled_from(ranks))
    size = st.integers(1, largest) if rank < 4 else st.integers(1, min(largest, 7))
    return (draw(st.integers(1, most_channels)), *(draw(size) for _ in range(rank - 1)))


MAPS = partial(shapes, (2, 3, 4), largest=12)
"""Shapes of one, two or three axes beside the channels."""


def sizes(axes: int, low: int, high: int) -> st.SearchStrategy[int | Shape]:
    """One number for all axes or one for each."""
    number = st.integers(low, high)
    return number | st.tuples(*[number] * axes)


def numbers(low: float, high: float) -> st.SearchStrategy[int | float]:
    """Whole numbers and others."""
    return st.integers(ceil(low), floor(high)) | st.floats(low, high, allow_subnormal=False)


def some_of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Arguments]:
    """Any subset of arguments: what is not drawn stays at its default."""
    return st.fixed_dictionaries({}, optional=fields)


def spread(value: int | Shape, axes: int) -> Shape:
    """A number for each axis."""
    return value if isinstance(value, tuple) else (value,) * axes


DIMENSIONS = st.integers(-6, 6).filter(bool)
"""Axes as torch counts them. The batch, axis 0, is drawn from the other end: torch takes it, archlang does not."""

UNREAD = frozenset({"stride-drops-input"})
BATCH = frozenset({"wrong-rank"})
MISMATCH = frozenset({"join-mismatch"})


@st.composite
def windows(
    draw: st.DrawFn,
    symmetric: bool = False,
    dilations: tuple[int, ...] = (1, 2, 3, 4),
    ceils: tuple[bool, ...] = (False, True),
) -> Window:
    """One axis of a convolution or pooling. Rounding up, the padding stays below the window, as in every pooling."""
    size, kernel_size, stride = draw(st.integers(1, 40)), draw(st.integers(1, 9)), draw(st.integers(1, 12))
    dilation, ceil = draw(st.sampled_from(dilations)), draw(st.sampled_from(ceils))
    most = effective_kernel(kernel_size, dilation) - 1 if ceil else 12
    before = draw(st.integers(0, most))
    after = before if symmetric else draw(st.integers(0, most))
    return Window(size, kernel_size, stride, (before, after), dilation, ceil)


# ---- windows ------------------------------------------------------------------------------------------


def _padding(mode: str, kernel: int | Shape, dilation: int | Shape, axes: int) -> Shape:
    """The lectures' "valid" and "full" as numbers."""
    reach = [d * (k - 1) for k, d in zip(spread(kernel, axes), spread(dilation, axes), strict=True)]
    return tuple(r if mode == "full" else 0 for r in reach)


@st.composite
def channels(draw: st.DrawFn) -> tuple[int, int, Arguments]:
    """Numbers of input and output channels with groups that divide both; seldom with others."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.integers(1, 6)), draw(st.integers(1, 12)), {"groups": draw(st.integers(1, 4))}
    groups = draw(st.integers(1, 3))
    arguments = {"groups": groups} if groups > 1 or draw(st.booleans()) else {}
    return groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 4)), arguments


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    in_channels, out_channels, groups = draw(channels())
    shape = (in_channels, *draw(MAPS(largest=8))[1:])
    axes = len(shape) - 1
    optional = some_of(
        stride=sizes(axes, 1, 4),
        padding=sizes(axes, 0, 6) | st.sampled_from(["same", "valid", "full"]),
        dilation=sizes(axes, 1, 3),
        bias=st.booleans(),
        padding_mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    )
    arguments = {"out_channels": out_channels, "kernel_size": draw(sizes(axes, 1, 5)), **groups} | draw(optional)
    torch_arguments = {"in_channels": shape[0], **arguments}
    if arguments.get("padding") == "full":
        torch_arguments["padding"] = _padding("full", arguments["kernel_size"], arguments.get("dilation", 1), axes)
    rounding = {"round": "floor"} if draw(st.booleans()) else {}
    name = f"Conv{axes}d"
    layer = draw(spellings("CONV", arguments | rounding, name))
    return Case((shape,), layer, lambda: getattr(nn, name)(**torch_arguments), UNREAD)


@st.composite
def transposed_convolutions(draw: st.DrawFn) -> Case:
    in_channels, out_channels, groups = draw(channels())
    shape = (in_channels, *draw(MAPS(largest=8))[1:])
    axes = len(shape) - 1
    optional = some_of(
        stride=sizes(axes, 1, 4),
        padding=sizes(axes, 0, 4),
        output_padding=sizes(axes, 0, 2),
        dilation=sizes(axes, 1, 3),
        bias=st.booleans(),
    )
    arguments = {"out_channels": out_channels, "kernel_size": draw(sizes(axes, 1, 5)), **groups} | draw(optional)
    name = f"ConvTranspose{axes}d"
    layer = draw(spellings("UPCONV", arguments, name))
    return Case((shape,), layer, lambda: getattr(nn, name)(shape[0], **arguments))


@st.composite
def poolings(draw: st.DrawFn, word: str, name: str, fields: Callable[[int], Fields], **needed: Any) -> Case:
    """Windows; sometimes `round`, which torch knows as `ceil_mode`. `fields` takes the number of axes."""
    shape = draw(MAPS())
    axes = len(shape) - 1
    arguments = {k: draw(strategy) for k, strategy in needed.items()}
    arguments |= {"kernel_size": draw(sizes(axes, 1, 5)), **draw(some_of(stride=sizes(axes, 1, 5), **fields(axes)))}
    rounding = draw(some_of(ceil_mode=st.booleans()) | st.sampled_from([{"round": "ceil"}, {"round": "floor"}]))
    torch_arguments = {**arguments, "ceil_mode": rounding.get("ceil_mode") or rounding.get("round") == "ceil"}
    if isinstance(mode := arguments.get("padding"), str):
        torch_arguments["padding"] = _padding(mode, arguments["kernel_size"], arguments.get("dilation", 1), axes)
    if name == "LPPool" and axes == 1:  # torch takes bare numbers only
        torch_arguments |= {k: v[0] for k, v in torch_arguments.items() if isinstance(v, tuple)}
    layer = draw(spellings(word, arguments | rounding, f"{name}{axes}d"))
    return Case((shape,), layer, lambda: getattr(nn, f"{name}{axes}d")(**torch_arguments), UNREAD)


def _pool_padding(axes: int) -> st.SearchStrategy[Any]:
    return sizes(axes, 0, 3) | st.sampled_from(["valid", "full"])


def _max_fields(axes: int) -> Fields:
    return {"padding": _pool_padding(axes), "dilation": sizes(axes, 1, 3)}


def _average_fields(axes: int) -> Fields:
    divisor = {"divisor_override": st.none() | st.integers(1, 9)} if axes > 1 else {}
    return {"padding": _pool_padding(axes), "count_include_pad": st.booleans(), **divisor}


def _no_fields(axes: int) -> Fields:
    return {}


@st.composite
def adaptive_poolings(draw: st.DrawFn, word: str, name: str) -> Case:
    shape = draw(MAPS())
    axes = len(shape) - 1
    to = draw(sizes(axes, 1, 9))
    layer = draw(spellings(word, {"to": to}, f"{name}{axes}d"))
    return Case((shape,), layer, lambda: getattr(nn, f"Adaptive{name}{axes}d")(to))


@st.composite
def unpoolings(draw: st.DrawFn) -> Case:
    """A pooling and what undoes it, since nothing else can feed it."""
    shape = draw(MAPS())
    axes = len(shape) - 1
    arguments = {"kernel_size": draw(sizes(axes, 1, 4)), **draw(some_of(stride=sizes(axes, 1, 4)))}
    layer = f"p: {draw(spellings('MAXPOOL', arguments | {'round': 'floor'}))} -> UNPOOL(p)"
    name = f"MaxUnpool{axes}d"
    pool = getattr(nn, f"MaxPool{axes}d")(**arguments, return_indices=True)
    unpool = getattr(nn, name)(**arguments)
    return Case((shape,), layer, lambda: Function(lambda x: unpool(*pool(x), output_size=x.shape), name), UNREAD)


@st.composite
def upsamplings(draw: st.DrawFn) -> Case:
    shape = draw(shapes((2, 3, 4)))
    axes = len(shape) - 1
    factor = numbers(1, 4) | st.floats(0.25, 1)
    target = st.fixed_dictionaries({"size": sizes(axes, 1, 9)}) | st.fixed_dictionaries(
        {"scale_factor": factor | st.tuples(*[factor] * axes)}
    )
    modes = st.sampled_from(["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear"])
    arguments = draw(target) | draw(some_of(mode=modes, align_corners=st.none() | st.booleans()))
    layer = draw(spellings("UPSAMPLE", arguments))
    return Case((shape,), layer, lambda: nn.Upsample(**arguments))


# ---- layers whose arguments are torch's ------------------------------------------------------------------


@st.composite
def plain(
    draw: st.DrawFn,
    word: str,
    name: str,
    ranks: tuple[int, ...] = (1, 2, 3, 4),
    needed: Fields | None = None,
    **fields: st.SearchStrategy[Any],
) -> Case:
    """A layer whose class and arguments are torch's; those in `needed` are always written."""
    shape = draw(shapes(ranks))
    arguments = {k: draw(strategy) for k, strategy in (needed or {}).items()} | draw(some_of(**fields))
    layer = draw(spellings(word, arguments))
    on_batch = any(arguments.get(key) == -len(shape) - 1 for key in ("dim", "start_dim", "end_dim"))
    return Case((shape,), layer, lambda: getattr(nn, name)(**arguments), BATCH if on_batch else frozenset())


@st.composite
def by_rank(
    draw: st.DrawFn, word: str, name: str, ranks: tuple[int, ...], sized: bool, **fields: st.SearchStrategy[Any]
) -> Case:
    """A layer with a class in torch for each rank; `sized` ones are told the channels."""
    shape = draw(shapes(ranks))
    arguments = draw(some_of(**fields))
    torch_word = f"{name}{max(len(shape) - 1, 1)}d"
    layer = draw(spellings(word, arguments, torch_word))
    first = [shape[0]] if sized else []
    # torch takes a single position where it has running statistics, in evaluation only
    stricter = BATCH if word == "IN" and prod(shape[1:]) == 1 else frozenset()
    return Case((shape,), layer, lambda: getattr(nn, torch_word)(*first, **arguments), stricter)


STATISTICS = {
    "eps": numbers(1e-6, 1),
    "momentum": st.none() | numbers(0, 1),
    "affine": st.booleans(),
    "track_running_stats": st.booleans(),
}


@st.composite
def fully_connected(draw: st.DrawFn, word: str, flat: bool) -> Case:
    shape = draw(shapes())
    arguments = {"out_features": draw(st.integers(1, 50)), **draw(some_of(bias=st.booleans()))}
    flattened = [nn.Flatten()] if flat and len(shape) > 1 else []
    features = prod(shape) if flat else shape[-1]
    layer = draw(spellings(word, arguments))
    return Case((shape,), layer, lambda: nn.Sequential(*flattened, nn.Linear(features, **arguments)))


@st.composite
def layer_norms(draw: st.DrawFn) -> Case:
    shape = draw(shapes())
    arguments = draw(some_of(eps=numbers(1e-6, 1), elementwise_affine=st.booleans(), bias=st.booleans()))
    dim = draw(st.sampled_from([None, *range(1, len(shape) + 1), *range(-len(shape), 0)]))
    axis = -1 if dim is None else dim - 1 if dim > 0 else dim
    layer = draw(spellings("LN", arguments | ({} if dim is None else {"dim": dim})))
    return Case((shape,), layer, lambda: nn.LayerNorm(shape[axis:], **arguments))


@st.composite
def channel_norms(draw: st.DrawFn) -> Case:
    """Layer normalisation over the channels of a map, written out."""
    shape = draw(shapes())
    bias = draw(st.booleans())
    layer = draw(spellings("LN", {"channels_first": True, "bias": bias}))

    def norm(x: Tensor, weight: Tensor, bias: Tensor | float = 0.0) -> Tensor:
        x = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        along = [-1] + [1] * (x.dim() - 2)
        return x * weight.view(along) + (bias.view(along) if isinstance(bias, Tensor) else bias)

    names = ("weight", "bias") if bias else ("weight",)
    return Case((shape,), layer, lambda: Function(norm, **dict.fromkeys(names, shape[:1])))


@st.composite
def group_norms(draw: st.DrawFn) -> Case:
    shape = draw(shapes(most_channels=12))
    groups = draw(st.integers(1, 6))
    arguments = draw(some_of(eps=numbers(1e-6, 1), affine=st.booleans()))
    layer = draw(spellings("GN", {"num_groups": groups, **arguments}))
    # with a single number in a group torch raises or not by the size of the batch
    stricter = frozenset({"argument-conflict"}) if prod(shape) == groups else frozenset()
    return Case((shape,), layer, lambda: nn.GroupNorm(groups, shape[0], **arguments), stricter)


@st.composite
def pixels(draw: st.DrawFn, word: str, name: str, argument: str, channels: tuple[int, ...]) -> Case:
    """A shuffle of pixels; factors that do not fit are drawn, too."""
    shape = (draw(st.sampled_from(channels)), draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    arguments = {argument: draw(st.integers(1, 3))}
    layer = draw(spellings(word, arguments))
    return Case((shape,), layer, lambda: getattr(nn, name)(**arguments))


@st.composite
def prelus(draw: st.DrawFn) -> Case:
    shape = draw(shapes())
    arguments = draw(some_of(channels=st.booleans(), fill=numbers(-1, 1)))
    count = shape[0] if arguments.get("channels") else 1
    layer = draw(spellings("PRELU", arguments))
    return Case((shape,), layer, lambda: nn.PReLU(count, arguments.get("fill", 0.25)))


@st.composite
def hard_tanhs(draw: st.DrawFn) -> Case:
    shape = draw(shapes())
    arguments = draw(some_of(min_val=numbers(-2, 1), max_val=numbers(-1, 2), inplace=st.booleans()))
    layer = draw(spellings("HARDTANH", arguments))
    return Case((shape,), layer, lambda: nn.Hardtanh(**arguments))


class SelfAttention(nn.MultiheadAttention):
    """torch's attention of a sequence to itself."""

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Attend."""
        return super().forward(x, x, x, need_weights=False)[0]


@st.composite
def attentions(draw: st.DrawFn) -> Case:
    shape = draw(shapes((2,), largest=12))
    heads = draw(st.integers(1, 4))
    arguments = draw(some_of(dropout=numbers(0, 1), bias=st.booleans()))
    layer = draw(spellings("ATTENTION", {"num_heads": heads, **arguments}))
    return Case((shape,), layer, lambda: SelfAttention(shape[1], heads, batch_first=True, **arguments))


@st.composite
def embeddings(draw: st.DrawFn) -> Case:
    shape = draw(shapes((1, 2, 3)))
    count, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    arguments = draw(some_of(padding_idx=st.none() | st.integers(-10, 10)))
    layer = draw(spellings("EMBEDDING", {"num_embeddings": count, "embedding_dim": width, **arguments}))
    return Case((shape,), layer, lambda: nn.Embedding(count, width, **arguments), vocabulary=count)


# ---- layers that torch has no class for -----------------------------------------------------------------


@st.composite
def functions(
    draw: st.DrawFn,
    word: str,
    arguments: Callable[[Shape], st.SearchStrategy[Arguments]],
    function: Callable[[Tensor, Arguments], Tensor],
    ranks: tuple[int, ...] = (1, 2, 3, 4),
    stricter: Callable[[Shape, Arguments], bool] = lambda shape, arguments: False,
) -> Case:
    """A function of one tensor; it raises for what is not allowed. Where `stricter`, archlang may reject more."""
    shape = draw(shapes(ranks, most_channels=12))
    given = draw(arguments(shape))
    codes = frozenset({"out-of-range", "wrong-rank"}) if stricter(shape, given) else frozenset()
    return Case((shape,), draw(spellings(word, given)), lambda: Function(lambda x: function(x, given)), codes)


def cut(to: Shape, start: Shape | None, x: Tensor) -> Tensor:
    """A part of the last axes; the middle one unless its start is given. Raises where it reaches beyond."""
    for i, kept in enumerate(to):
        axis = x.dim() - len(to) + i
        if kept > x.shape[axis]:
            raise ValueError
        x = x.narrow(axis, start[i] if start else (x.shape[axis] - kept) // 2, kept)
    return x


def _crop(x: Tensor, given: Arguments) -> Tensor:
    axes = x.dim() - 2
    return cut(spread(given["to"], axes), spread(given["start"], axes) if "start" in given else None, x)


def _slice(x: Tensor, given: Arguments) -> Tensor:
    """By Python's rules, but that nothing may be left out of range or empty."""
    dim, size = given["dim"], x.shape[given["dim"]]
    start, stop = given.get("start", 0), given.get("stop")
    if not -size <= start < size or (stop is not None and not -size <= stop <= size):
        raise ValueError
    x = x.movedim(dim, 0)[start:stop].movedim(0, dim)
    if not x.shape[dim]:
        raise ValueError
    return x


def _reshape(x: Tensor, given: Arguments) -> Tensor:
    return x.reshape(len(x), *spread(given["shape"], 1))


def _permute(x: Tensor, given: Arguments) -> Tensor:
    dims = spread(given["dims"], 1)
    return x.permute(dims if dims[0] == 0 else (0, *dims))


@st.composite
def permutations(draw: st.DrawFn, shape: Shape) -> Arguments:
    """The axes in any order; seldom one too many or twice."""
    dims = list(draw(st.permutations(range(1, len(shape) + 1))))
    dims = [dim - len(shape) - 1 if draw(st.booleans()) else dim for dim in dims]
    if draw(st.integers(0, 9)) == 0:
        dims[draw(st.integers(0, len(dims) - 1))] = draw(st.integers(1, 4))
    return {"dims": tuple(([0] if draw(st.booleans()) else []) + dims)}


@st.composite
def reshapings(draw: st.DrawFn, shape: Shape) -> Arguments:
    """The factors of a shape, multiplied up in another way; seldom something else."""
    numbers_left = [f for size in shape for f in (size, 1)]
    wanted = draw(st.permutations(numbers_left))
    count = draw(st.integers(1, min(4, len(wanted))))
    result = [*wanted[: count - 1], prod(wanted[count - 1 :])]
    if draw(st.booleans()):
        result[draw(st.integers(0, count - 1))] = draw(st.sampled_from([-1, -1, -1, 2, 3]))
    return {"shape": tuple(result)}


def _select(x: Tensor, given: Arguments) -> Tensor:
    return torch.stack([x[:, channel] for channel in spread(given["channels"], 1)], 1)


def _maxout(x: Tensor, given: Arguments) -> Tensor:
    pieces = given["pieces"]
    if x.shape[1] % pieces:
        raise ValueError
    groups = [x[:, i : i + pieces].amax(1) for i in range(0, x.shape[1], pieces)]
    return torch.stack(groups, 1)


def _add_coordinates(x: Tensor, given: Arguments) -> Tensor:
    """CoordConv (Liu et al. 2018): i/(n - 1)*2 - 1 along each axis, the last axis first."""
    batch, _, *sizes_here = x.shape
    channels = []
    for axis in reversed(range(2, x.dim())):
        n = x.shape[axis]
        line = torch.tensor([i / (n - 1) * 2 - 1 if n > 1 else 0.0 for i in range(n)], device=x.device)
        line = line.view([-1 if a == axis else 1 for a in range(x.dim())])
        channels.append(line.expand(batch, 1, *sizes_here))
    if given.get("with_r"):
        channels.append(sum((c**2 for c in channels), torch.zeros(())).sqrt())
    return torch.cat([x, *channels], 1)


def _tanh(x: Tensor, given: Arguments) -> Tensor:
    return given.get("amplitude", 1) * torch.tanh(given.get("slope", 1) * x)


@st.composite
def scales(draw: st.DrawFn) -> Case:
    shape = draw(shapes())
    arguments = draw(some_of(bias=st.booleans(), fill=numbers(-1, 1), dim=DIMENSIONS))
    dim = arguments.get("dim", 1)
    names = ("weight", "bias") if arguments.get("bias", True) else ("weight",)

    def scale(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        x = x.movedim(dim, -1)
        return (x * weight + bias if bias is not None else x * weight).movedim(-1, dim)

    def module() -> nn.Module:
        size = torch.empty(1, *shape).shape[dim]
        return Function(scale, **dict.fromkeys(names, (size,)))

    on_batch = dim == -len(shape) - 1
    return Case((shape,), draw(spellings("SCALE", arguments)), module, BATCH if on_batch else frozenset())


PADS = {"constant": "Constant", "reflect": "Reflection", "replicate": "Replication", "circular": "Circular"}


@st.composite
def pads(draw: st.DrawFn) -> Case:
    shape = draw(shapes((2, 3, 4)))
    axes = len(shape) - 1
    mode = draw(st.sampled_from(list(PADS)))
    if draw(st.booleans()):
        arguments = {"padding": draw(sizes(axes, 0, 4))}
        before = after = spread(arguments["padding"], axes)
    else:
        rows = sizes(axes, 0, 4)
        arguments = {"before": draw(rows), "after": draw(rows)}
        before, after = spread(arguments["before"], axes), spread(arguments["after"], axes)
    arguments |= {"mode": mode} if mode != "constant" or draw(st.booleans()) else {}
    value = draw(numbers(-2, 2)) if mode == "constant" and draw(st.booleans()) else None
    arguments |= {} if value is None else {"value": value}
    # torch takes the sides of the last axis first
    sides = [side for axis in reversed(range(axes)) for side in (before[axis], after[axis])]
    kind = "Zero" if mode == "constant" and not value else PADS[mode]
    extra = [value] if kind == "Constant" else []
    layer = draw(spellings("PAD", arguments))
    return Case((shape,), layer, lambda: getattr(nn, f"{kind}Pad{axes}d")(tuple(sides), *extra))


@st.composite
def learned(draw: st.DrawFn) -> Case:
    """A learned tensor added to the input."""
    shape = draw(shapes())
    arguments = draw(some_of(std=numbers(0, 1), fill=numbers(-1, 1), batch=st.booleans()))
    layer = draw(spellings("PARAMETER", {"shape": shape, **arguments}))
    stored = (1, *shape) if arguments.get("batch") else shape
    return Case((shape,), f"ADD{{ _, {layer} }}", lambda: Function(lambda x, learned: x + learned, learned=stored))


# ---- joins ------------------------------------------------------------------------------------------------


@st.composite
def joined_shapes(draw: st.DrawFn, may_differ: Callable[[int], bool]) -> tuple[Shape, ...]:
    """Two to four shapes that agree along most axes; seldom of different ranks."""
    first = draw(shapes())
    found = [first]
    for _ in range(draw(st.integers(1, 3))):
        sizes_here = [draw(st.integers(1, 6)) if may_differ(axis) else size for axis, size in enumerate(first)]
        if draw(st.integers(0, 9)) == 0:
            sizes_here[draw(st.integers(0, len(first) - 1))] = draw(st.integers(1, 6))
        found.append(tuple(sizes_here))
    if draw(st.integers(0, 19)) == 0:
        found.append(draw(shapes()))
    return tuple(found)


def _cropped(inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """All inputs cut around their centre to the smallest sizes behind the channels."""
    to = tuple(min(column) for column in zip(*(x.shape[2:] for x in inputs), strict=True))
    return [cut(to, None, x) for x in inputs]


@st.composite
def joins(draw: st.DrawFn, word: str, function: Callable[..., Tensor], with_dim: bool) -> Case:
    """`function` takes the inputs and, for a concatenation, their axis."""
    arguments: Arguments = draw(some_of(align=st.sampled_from(["crop", None])))
    if with_dim:
        arguments |= draw(some_of(dim=DIMENSIONS))
    align, dim = arguments.get("align"), arguments.get("dim", 1)
    may_differ = [(with_dim and axis == max(dim - 1, 0)) or (align == "crop" and axis > 0) for axis in range(4)]
    found = draw(joined_shapes(may_differ.__getitem__))
    ranks = {len(shape) for shape in found}
    layer = draw(spellings(word, arguments))

    def join(*inputs: Tensor) -> Tensor:
        return function(_cropped(inputs) if align else inputs, *([dim] if with_dim else []))

    strict = len(ranks) > 1 or (with_dim and dim == -min(ranks) - 1)
    return Case(found, layer.removesuffix("()"), lambda: Function(join), MISMATCH if strict else frozenset())


INPLACE = {"inplace": st.booleans()}
DROPOUT = {"p": numbers(0, 1), **INPLACE}
MAP_RANKS = (2, 3, 4)


LAYERS: dict[str, st.SearchStrategy[Case]] = {
    "CONV": convolutions(),
    "UPCONV": transposed_convolutions(),
    "MAXPOOL": poolings("MAXPOOL", "MaxPool", _max_fields) | adaptive_poolings("MAXPOOL", "MaxPool"),
    "AVGPOOL": poolings("AVGPOOL", "AvgPool", _average_fields) | adaptive_poolings("AVGPOOL", "AvgPool"),
    "LPPOOL": poolings("LPPOOL", "LPPool", _no_fields, norm_type=numbers(1, 4)),
    "UNPOOL": unpoolings(),
    "UPSAMPLE": upsamplings(),
    "FC": fully_connected("FC", True),
    "LINEAR": fully_connected("LINEAR", False),
    "EMBEDDING": embeddings(),
    "ATTENTION": attentions(),
    "PARAMETER": learned(),
    "BN": by_rank("BN", "BatchNorm", (1, 2, 3, 4), True, **STATISTICS),
    "IN": by_rank("IN", "InstanceNorm", MAP_RANKS, True, **STATISTICS),
    "LN": layer_norms() | channel_norms(),
    "GN": group_norms(),
    "LRN": plain(
        "LRN",
        "LocalResponseNorm",
        MAP_RANKS,
        {"size": st.integers(1, 12)},
        alpha=numbers(0, 2),
        beta=numbers(0, 2),
        k=numbers(0, 3),
    ),
    "SCALE": scales(),
    "DROPOUT": plain("DROPOUT", "Dropout", **DROPOUT),
    "CHANNELDROPOUT": by_rank("CHANNELDROPOUT", "Dropout", MAP_RANKS, False, **DROPOUT),
    "DROPPATH": functions("DROPPATH", lambda shape: st.fixed_dictionaries({"p": numbers(0, 1)}), lambda x, given: x),
    "RELU": plain("RELU", "ReLU", **INPLACE),
    "RELU6": plain("RELU6", "ReLU6", **INPLACE),
    "LEAKYRELU": plain("LEAKYRELU", "LeakyReLU", negative_slope=numbers(-2, 2), **INPLACE),
    "PRELU": prelus(),
    "ELU": plain("ELU", "ELU", alpha=numbers(-2, 2), **INPLACE),
    "CELU": plain("CELU", "CELU", alpha=numbers(0.1, 2), **INPLACE),
    "SELU": plain("SELU", "SELU", **INPLACE),
    "GELU": plain("GELU", "GELU", approximate=st.sampled_from(["none", "tanh"])),
    "SILU": plain("SILU", "SiLU", **INPLACE),
    "MISH": plain("MISH", "Mish", **INPLACE),
    "LOGSIGMOID": plain("LOGSIGMOID", "LogSigmoid"),
    "HARDSWISH": plain("HARDSWISH", "Hardswish", **INPLACE),
    "HARDSIGMOID": plain("HARDSIGMOID", "Hardsigmoid", **INPLACE),
    "HARDTANH": hard_tanhs(),
    "SOFTPLUS": plain("SOFTPLUS", "Softplus", beta=numbers(0.5, 3), threshold=numbers(0, 30)),
    "TANH": plain("TANH", "Tanh")
    | functions(
        "TANH",
        lambda shape: st.fixed_dictionaries({"amplitude": numbers(2, 3)}, optional={"slope": numbers(0, 2)}),
        _tanh,
    ),
    "SIGMOID": plain("SIGMOID", "Sigmoid"),
    "SOFTMAX": plain("SOFTMAX", "Softmax", needed={"dim": DIMENSIONS}),
    "LOGSOFTMAX": plain("LOGSOFTMAX", "LogSoftmax", needed={"dim": DIMENSIONS}),
    "MAXOUT": functions("MAXOUT", lambda shape: st.fixed_dictionaries({"pieces": st.integers(1, 4)}), _maxout),
    "CONCAT": joins("CONCAT", torch.cat, True),
    "ADD": joins("ADD", partial(reduce, add), False),
    "MUL": joins("MUL", partial(reduce, mul), False),
    "FLATTEN": plain("FLATTEN", "Flatten", start_dim=DIMENSIONS, end_dim=DIMENSIONS),
    "IDENTITY": plain("IDENTITY", "Identity"),
    "RESHAPE": functions("RESHAPE", reshapings, _reshape),
    "PERMUTE": functions("PERMUTE", permutations, _permute),
    "CROP": functions(
        "CROP",
        lambda shape: st.fixed_dictionaries(
            {"to": sizes(len(shape) - 1, 1, 7)}, optional={"start": sizes(len(shape) - 1, 0, 4)}
        ),
        _crop,
        MAP_RANKS,
    ),
    "SLICE": functions(
        "SLICE",
        lambda shape: st.fixed_dictionaries(
            {"dim": DIMENSIONS},
            optional={"start": st.integers(-7, 7), "stop": st.none() | st.integers(-7, 7)},
        ),
        _slice,
        stricter=lambda shape, given: given["dim"] == -len(shape) - 1,
    ),
    "PAD": pads(),
    "SELECT": functions(
        "SELECT",
        lambda shape: st.fixed_dictionaries(
            {"channels": st.integers(0, 12) | st.lists(st.integers(0, shape[0]), min_size=1, max_size=5).map(tuple)}
        ),
        _select,
    ),
    "PIXELSHUFFLE": pixels("PIXELSHUFFLE", "PixelShuffle", "upscale_factor", (4, 8, 9, 36)),
    "PIXELUNSHUFFLE": pixels("PIXELUNSHUFFLE", "PixelUnshuffle", "downscale_factor", (1, 3)),
    "SHUFFLE": plain("SHUFFLE", "ChannelShuffle", MAP_RANKS, {"groups": st.integers(1, 4)}),
    "ADDCOORDS": functions("ADDCOORDS", lambda shape: some_of(with_r=st.booleans()), _add_coordinates, MAP_RANKS),
}
