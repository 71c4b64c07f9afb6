"""The layers that `strategies.py` does not draw, against torch: shapes, parameters, work and values, and what is rejected.

What torch has no class for is written down here a second time, in the plainest way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from math import prod, tanh
from typing import Any

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import note
from hypothesis import strategies as st
from strategies import (
    BATCH,
    CONV_LETTERS,
    DIMENSIONS,
    LAYERS,
    POOL_LETTERS,
    UNREAD,
    Arguments,
    Case,
    Function,
    Shape,
    given,
    numbers,
    plain,
    shapes,
    sizes,
    spellings,
    spread,
)
from test_ops import Built, check, codes, last_op
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

from archlang.backends import support
from archlang.ir.graph import Model
from archlang.ir.json import read_model, write_model
from archlang.ir.ops import (
    OPS, activation, attention, channels, dropout, embedding, group_norm, linear, pad, pool, resample, scale, shape,
    transposed
)  # fmt: skip
from archlang.ir.ops.base import Op, OpError
from archlang.ir.walk import fold_totals

N = 2
CONFLICT = frozenset({"argument-conflict"})
RANGE = frozenset({"out-of-range"})

# ---- layers that torch has a class for ---------------------------------------------------------------


@st.composite
def up_convolutions(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((2, 3, 4), largest=6))
    axes = len(given_shape) - 1
    optional = given(
        stride=sizes(axes, 1, 4), padding=sizes(axes, 0, 3), output_padding=sizes(axes, 0, 3),
        groups=st.sampled_from([1, 2, 3, given_shape[0]]), bias=st.booleans(), dilation=sizes(axes, 1, 3),
        padding_mode=st.just("zeros"),
    )  # fmt: skip
    arguments = {"out_channels": draw(st.integers(1, 8)), "kernel_size": draw(sizes(axes, 1, 4)), **draw(optional)}
    word = f"ConvTranspose{axes}d"
    layer = draw(spellings(transposed.UpConv, arguments, word, CONV_LETTERS))
    return Case((given_shape,), layer, lambda: getattr(nn, word)(given_shape[0], **arguments))


@st.composite
def power_poolings(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((2, 3, 4), largest=9))
    axes = len(given_shape) - 1
    arguments = {"norm_type": draw(st.sampled_from([1, 2, 3, 2.5])), "kernel_size": draw(sizes(axes, 1, 4))}
    arguments |= draw(given(stride=sizes(axes, 1, 4)))
    rounding = draw(given(ceil_mode=st.booleans()) | st.sampled_from([{"round": "ceil"}, {"round": "floor"}]))
    ceil_mode = rounding.get("ceil_mode") or rounding.get("round") == "ceil"
    word = f"LPPool{axes}d"
    layer = draw(spellings(pool.LpPool, arguments | rounding, word, POOL_LETTERS))
    return Case((given_shape,), layer, lambda: getattr(nn, word)(**arguments, ceil_mode=ceil_mode), UNREAD)


@st.composite
def upsamplings(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((2, 3, 4), largest=6))
    axes = len(given_shape) - 1
    factor = numbers(1, 4) | st.sampled_from([0.5, 0.75, 1.3, 2.3])
    arguments = draw(
        st.fixed_dictionaries({"size": sizes(axes, 1, 9)})
        | st.fixed_dictionaries({"scale_factor": factor | st.tuples(*[factor] * axes)})
    )
    modes = ["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear"]
    arguments |= draw(given(mode=st.sampled_from(modes), align_corners=st.none() | st.booleans()))
    layer = draw(spellings(resample.Upsample, arguments, "Upsample", {}))
    # torch gives maps without a single number in some modes.
    factors = spread(arguments.get("scale_factor", 1), axes)
    empty = any(int(n * f) == 0 for n, f in zip(given_shape[1:], factors, strict=True))
    return Case((given_shape,), layer, lambda: nn.Upsample(**arguments), CONFLICT if empty else frozenset())


@st.composite
def linears(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    arguments = {"out_features": draw(st.integers(1, 50)), **draw(given(bias=st.booleans()))}
    layer = draw(spellings(linear.Linear, arguments, "Linear", {}))
    return Case((given_shape,), layer, lambda: nn.Linear(given_shape[-1], **arguments))


@st.composite
def attentions(draw: st.DrawFn) -> Case:
    length, features = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    arguments = {"num_heads": draw(st.integers(1, 4)), **draw(given(dropout=numbers(0, 1), bias=st.booleans()))}
    layer = draw(spellings(attention.Attention, arguments, "MultiheadAttention", {}))
    return Case(((length, features),), layer, lambda: SelfAttention(features, **arguments))


class SelfAttention(nn.MultiheadAttention):
    """torch's attention of a sequence to itself."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward(x, x, x, need_weights=False)[0]


@st.composite
def embeddings(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=5))
    arguments = {"num_embeddings": draw(st.integers(1, 9)), "embedding_dim": draw(st.integers(1, 9))}
    arguments |= draw(given(padding_idx=st.none() | st.integers(-10, 10)))
    layer = draw(spellings(embedding.Embedding, arguments, "Embedding", {}))
    deep = frozenset({"wrong-rank"}) if len(given_shape) == 4 else frozenset[str]()
    return Case((given_shape,), layer, lambda: nn.Embedding(**arguments), deep)


@st.composite
def layer_norms(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    arguments = draw(given(eps=numbers(0, 1), elementwise_affine=st.booleans(), bias=st.booleans()))
    where = draw(given(dim=DIMENSIONS) | st.just({"channels_first": True}))
    layer = draw(spellings(group_norm.LayerNorm, arguments | where, "LayerNorm", {}))
    dim = where.get("dim", -1)
    if "channels_first" in where:
        return Case((given_shape,), layer, lambda: ChannelsLast(nn.LayerNorm(given_shape[0], **arguments)))
    normalised = given_shape[dim - 1 if dim > 0 else dim :]
    strict = BATCH if not -len(given_shape) <= dim <= len(given_shape) else frozenset[str]()
    return Case((given_shape,), layer, lambda: nn.LayerNorm(normalised, **arguments), strict)


class ChannelsLast(nn.Sequential):
    """A layer in between two permutations."""

    def forward(self, x: Tensor) -> Tensor:
        """Channels behind, the layer, channels in front."""
        axes = range(x.dim())
        back = super().forward(x.permute(0, *axes[2:], 1))
        return back.permute(0, x.dim() - 1, *axes[1:-1])


@st.composite
def group_norms(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    arguments = {"num_groups": draw(st.integers(1, 6)), **draw(given(eps=numbers(0, 1), affine=st.booleans()))}
    layer = draw(spellings(group_norm.GroupNorm, arguments, "GroupNorm", {}))
    groups = arguments["num_groups"]
    return Case(
        (given_shape,),
        layer,
        lambda: nn.GroupNorm(groups, given_shape[0], **{k: v for k, v in arguments.items() if k != "num_groups"}),
        CONFLICT if prod(given_shape) == groups else frozenset(),
    )


@st.composite
def instance_norms(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((2, 3, 4), largest=6))
    word = f"InstanceNorm{len(given_shape) - 1}d"
    arguments = draw(
        given(
            eps=numbers(0, 1), momentum=st.none() | numbers(0, 1), affine=st.booleans(),
            track_running_stats=st.booleans(),
        )
    )  # fmt: skip
    layer = draw(spellings(group_norm.InstanceNorm, arguments, word, {}))
    # With statistics, torch rejects maps of one position in training only.
    strict = BATCH if prod(given_shape[1:]) == 1 else frozenset[str]()
    return Case((given_shape,), layer, lambda: getattr(nn, word)(given_shape[0], **arguments), strict)


@st.composite
def channel_dropouts(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((2, 3, 4), largest=6))
    word = f"Dropout{len(given_shape) - 1}d"
    arguments = draw(given(p=numbers(0, 1), inplace=st.booleans()))
    layer = draw(spellings(dropout.ChannelDropout, arguments, word, {}))
    return Case((given_shape,), layer, lambda: getattr(nn, word)(**arguments))


@st.composite
def prelus(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    arguments = draw(given(channels=st.booleans(), fill=numbers(-1, 1)))
    count, init = given_shape[0] if arguments.get("channels") else 1, arguments.get("fill", 0.25)
    layer = draw(spellings(activation.PReLU, arguments, "PReLU", {}))
    return Case((given_shape,), layer, lambda: nn.PReLU(count, init))


@st.composite
def shuffles(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    groups = draw(st.integers(1, 4))
    layer = draw(spellings(channels.ChannelShuffle, {"groups": groups}, "ChannelShuffle", {}))
    return Case((given_shape,), layer, lambda: nn.ChannelShuffle(groups))


# ---- layers that torch has no class for ----------------------------------------------------------------


def written(
    draw: st.DrawFn, op: type[Op], given_shape: Shape, arguments: Arguments, function: Callable[[Tensor], Tensor]
) -> Case:
    """A layer without parameters, with what it computes."""
    return Case((given_shape,), draw(spellings(op, arguments, op.words[0], {})), lambda: Function(function))


@st.composite
def paddings(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((2, 3, 4), largest=6))
    axes = len(given_shape) - 1
    both, sides = given(padding=sizes(axes, 0, 4)), given(before=sizes(axes, 0, 4), after=sizes(axes, 0, 4))
    arguments = draw(both | sides)
    more = st.integers(0, 3) | st.tuples(st.integers(0, 3), st.integers(0, 3))
    modes = st.sampled_from(["constant", "reflect", "replicate", "circular"])
    arguments |= draw(given(mode=modes, value=numbers(-2, 2), channels=more))
    padding, added = arguments.get("padding", 0), spread(arguments.get("channels", 0), 2)
    before = (added[0], *spread(arguments.get("before", padding), axes))
    after = (added[1], *spread(arguments.get("after", padding), axes))
    mode = arguments.get("mode", "constant")
    used = slice(1 if added == (0, 0) else 0, None)
    rows = [n for pair in list(zip(before, after, strict=True))[used][::-1] for n in pair]
    case = written(draw, pad.Pad, given_shape, arguments, lambda x: _padded(x, rows, mode, arguments.get("value", 0)))
    nothing = not {"padding", "before", "after", "channels"} & set(arguments)
    deep = axes == 3 and added != (0, 0)
    stricter = frozenset({"missing-argument"} if nothing else {"argument-conflict"} if deep else ())
    return Case(case.shapes, case.layer, case.module, stricter)


def _padded(x: Tensor, rows: list[int], mode: str, value: float) -> Tensor:
    """As torch pads, which takes a value for any mode and channels for none but constants."""
    if mode != "constant" and (value or len(rows) == 2 * (x.dim() - 1)):
        raise ValueError
    return F.pad(x, rows, mode, value)


@st.composite
def reshapings(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=4))
    wanted = (
        draw(st.lists(st.sampled_from([-1, 1, 2, 3, 4, 6, 12]), min_size=1, max_size=5))
        if draw(st.booleans())
        else [*draw(st.permutations(given_shape))]
    )
    if draw(st.booleans()):
        wanted[draw(st.integers(0, len(wanted) - 1))] = -1
    case = written(draw, shape.Reshape, given_shape, {"shape": _size(tuple(wanted))}, lambda x: x.reshape(N, *wanted))
    return Case(case.shapes, case.layer, case.module, RANGE if len(wanted) > 4 else frozenset())


def _size(values: tuple[int, ...]) -> tuple[int, ...]:
    """Negative numbers stand in no size such as 3x3: a list hinders that spelling."""
    return Listed(values) if min(values) < 0 else values


class Listed(tuple[int, ...]):
    """A tuple that is written as one: `len` says less than 2 to `value_texts`."""

    __slots__ = ()


@st.composite
def permutations(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    rank = len(given_shape)
    dims = [draw(st.sampled_from([d, d - rank - 1])) for d in draw(st.permutations(range(1, rank + 1)))]
    if draw(st.integers(0, 4)) == 0:
        dims[draw(st.integers(0, rank - 1))] = draw(st.integers(-3, 5))
    behind = dims[1:] if dims[0] == 0 else dims
    spelled = (0, *dims) if draw(st.booleans()) and dims[0] != 0 else tuple(dims)
    return written(draw, shape.Permute, given_shape, {"dims": _size(spelled)}, lambda x: _permuted(x, behind))


def _permuted(x: Tensor, dims: list[int]) -> Tensor:
    order = [dim + x.dim() if dim < 0 else dim for dim in dims]
    if 0 in order:
        raise ValueError
    return x.permute(0, *order)


@st.composite
def slices(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    position = st.integers(-7, 7)
    arguments = {"dim": draw(DIMENSIONS), **draw(given(start=position, stop=st.none() | position))}
    dim, start, stop = arguments["dim"], arguments.get("start", 0), arguments.get("stop")

    def cut(x: Tensor) -> Tensor:
        size = x.shape[dim]
        inside = start in range(-size, size) and (stop is None or stop in range(-size, size + 1))
        if dim in (0, -x.dim()) or not inside or not (out := x.transpose(0, dim)[start:stop].transpose(0, dim)).numel():
            raise ValueError
        return out

    return written(draw, shape.Slice, given_shape, arguments, cut)


@st.composite
def selections(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    chosen = tuple(draw(st.lists(st.integers(0, 6), min_size=1, max_size=9)))
    return written(
        draw, channels.Select, given_shape, {"channels": chosen}, lambda x: torch.stack([x[:, c] for c in chosen], 1)
    )


@st.composite
def coordinates(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((2, 3, 4), largest=6))
    arguments = draw(given(with_r=st.booleans()))
    return written(
        draw, channels.AddCoords, given_shape, arguments, lambda x: with_coordinates(x, arguments.get("with_r", False))
    )


def with_coordinates(x: Tensor, with_r: bool) -> Tensor:
    """CoordConv's channels: x along the last axis, y, z, each i/(n - 1)*2 - 1; then their distance from the centre."""
    found: list[Tensor] = []
    for axis in range(x.dim() - 1, 1, -1):
        n = x.shape[axis]
        along = torch.arange(n) / (n - 1) * 2 - 1 if n > 1 else torch.zeros(1)
        shape_along = [n if a == axis else 1 for a in range(x.dim())]
        found.append(along.to(x).reshape(shape_along).expand(N, 1, *x.shape[2:]))
    if with_r:
        found.append(sum(c**2 for c in found).sqrt())  # pyright: ignore[reportAttributeAccessIssue]
    return torch.cat([x, *found], 1)


@st.composite
def maxouts(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6, channels=12))
    pieces = draw(st.integers(1, 4))

    def largest(x: Tensor) -> Tensor:
        if x.shape[1] % pieces:
            raise ValueError
        return torch.stack([x[:, c : c + pieces].amax(1) for c in range(0, x.shape[1], pieces)], 1)

    return written(draw, activation.Maxout, given_shape, {"pieces": pieces}, largest)


@st.composite
def path_dropouts(draw: st.DrawFn) -> Case:
    return written(draw, dropout.DropPath, draw(shapes((1, 2, 3, 4))), {"p": draw(numbers(0, 1))}, lambda x: x)


@st.composite
def tanhs(draw: st.DrawFn) -> Case:
    arguments = draw(given(amplitude=numbers(-2, 2), slope=numbers(-2, 2)))
    a, s = arguments.get("amplitude", 1), arguments.get("slope", 1)
    return written(draw, activation.Tanh, draw(shapes((1, 2, 3, 4))), arguments, lambda x: a * torch.tanh(s * x))


@st.composite
def scales(draw: st.DrawFn) -> Case:
    given_shape = draw(shapes((1, 2, 3, 4), largest=6))
    arguments = draw(given(bias=st.booleans(), fill=numbers(-2, 2), dim=DIMENSIONS))
    layer = draw(spellings(scale.Scale, arguments, "SCALE", {}))
    return Case((given_shape,), layer, lambda: Affine(given_shape, **arguments))


class Affine(nn.Module):
    """weight*x + bias, both already in a shape that broadcasts."""

    def __init__(self, given_shape: Shape, bias: bool = True, fill: float = 1.0, dim: int = 1) -> None:
        super().__init__()
        if dim in (0, -len(given_shape) - 1):
            raise ValueError
        self.dim = dim
        size = (1, *given_shape)[dim]
        self.weight = nn.Parameter(torch.ones(size) * fill)
        if bias:
            self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        """The axis last, and back."""
        x = x.transpose(self.dim, -1) * self.weight
        return (x + self.bias if hasattr(self, "bias") else x).transpose(self.dim, -1)


MORE: dict[type[Op], st.SearchStrategy[Case]] = {
    transposed.UpConv: up_convolutions(),
    pool.LpPool: power_poolings(),
    resample.Upsample: upsamplings(),
    linear.Linear: linears(),
    attention.Attention: attentions(),
    embedding.Embedding: embeddings(),
    group_norm.LayerNorm: layer_norms(),
    group_norm.GroupNorm: group_norms(),
    group_norm.InstanceNorm: instance_norms(),
    scale.Scale: scales(),
    dropout.ChannelDropout: channel_dropouts(),
    dropout.DropPath: path_dropouts(),
    activation.ReLU6: plain(activation.ReLU6, "ReLU6", inplace=st.booleans()),
    activation.PReLU: prelus(),
    activation.ELU: plain(activation.ELU, "ELU", alpha=numbers(0, 2), inplace=st.booleans()),
    activation.GELU: plain(activation.GELU, "GELU", approximate=st.sampled_from(["none", "tanh"])),
    activation.SiLU: plain(activation.SiLU, "SiLU", inplace=st.booleans()),
    activation.Hardswish: plain(activation.Hardswish, "Hardswish", inplace=st.booleans()),
    activation.Hardsigmoid: plain(activation.Hardsigmoid, "Hardsigmoid", inplace=st.booleans()),
    activation.Hardtanh: plain(
        activation.Hardtanh, "Hardtanh", min_val=numbers(-3, 1), max_val=numbers(-1, 3), inplace=st.booleans()
    ),
    activation.Softplus: plain(activation.Softplus, "Softplus", beta=numbers(1, 3), threshold=numbers(0, 20)),
    activation.Tanh: tanhs(),
    activation.LogSoftmax: plain(activation.LogSoftmax, "LogSoftmax", dim=st.integers(-4, 4).filter(bool)),
    activation.Maxout: maxouts(),
    shape.Reshape: reshapings(),
    shape.Permute: permutations(),
    shape.Slice: slices(),
    pad.Pad: paddings(),
    channels.Select: selections(),
    channels.ChannelShuffle: shuffles(),
    channels.AddCoords: coordinates(),
}

DRAWN_ELSEWHERE = {embedding.LearnedTensor, resample.MaxUnpool}
"""A source, and a layer of two inputs that no chain can write: below."""


def inputs_of(op: Op, given_shapes: tuple[Shape, ...], device: str) -> list[Tensor]:
    if isinstance(op, embedding.Embedding):
        return [torch.randint(op.num_embeddings, (N, *s), device=device) for s in given_shapes]
    return [torch.randn(N, *s, device=device) for s in given_shapes]


def torch_takes(case: Case) -> bool:
    """Whether torch runs it on the CPU and gives numbers at all; the meta device checks less."""
    kind = torch.zeros(1, dtype=torch.long if case.layer.lower().startswith("embedding") else torch.float)
    try:
        out = case.module().eval()(*(kind.new_zeros(N, *s) for s in case.shapes))
    except (RuntimeError, ValueError, IndexError, AssertionError, NotImplementedError):
        return False
    return out.numel() > 0


def named_shapes(tensors: Any) -> dict[str, Shape]:
    """Names without the numbers that containers give."""
    return {".".join(part for part in name.split(".") if not part.isdigit()): tuple(t.shape) for name, t in tensors}


def assert_layer(model: Model, case: Case) -> None:
    """Shapes, names and work on the meta device."""
    with torch.device("meta"):
        theirs, ours = case.module().eval(), Built(model).eval()
    op, (output,) = last_op(model), model.outputs
    given_inputs = inputs_of(op, case.shapes, "meta")
    with FlopCounterMode(display=False) as counter:
        assert tuple(theirs(*given_inputs).shape) == (N, *output.shape)
    assert tuple(ours(*given_inputs).shape) == (N, *output.shape)
    assert named_shapes(ours.named_parameters()) == named_shapes(theirs.named_parameters()) == dict(op.parameters())
    assert named_shapes(ours.named_buffers()) == named_shapes(theirs.named_buffers()) == dict(op.buffers())
    totals = fold_totals(model)[-1]
    assert totals.parameters == sum(p.numel() for p in theirs.parameters())
    assert totals.buffers == sum(b.numel() for b in theirs.buffers())
    assert totals.macs * N * 2 == counter.get_total_flops()


def assert_values(model: Model, case: Case) -> None:
    """The same numbers, at first and with random weights."""
    theirs, ours = case.module().eval(), Built(model).eval()
    given_inputs = inputs_of(last_op(model), case.shapes, "cpu")
    if not any(isinstance(m, nn.Linear | nn.Embedding | nn.MultiheadAttention) or "Conv" in type(m).__name__
               for m in theirs.modules()):  # fmt: skip
        assert_close(ours(*map(torch.clone, given_inputs)), theirs(*map(torch.clone, given_inputs)))
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_()
    ours_by_name = dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True))
    ours.load_state_dict(ours_by_name)
    assert_close(ours(*map(torch.clone, given_inputs)), theirs(*map(torch.clone, given_inputs)))


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("op", MORE, ids=lambda op: op.tag)
@drawn(data=st.data())
def test_layer_is_what_torch_computes(op: type[Op], data: st.DataObject) -> None:
    case = data.draw(MORE[op])
    note(case.text)
    outcome = check(case.text)
    found = {d.problem.code for d in outcome.diagnostics}
    if not outcome.ok:
        assert found & case.stricter or not torch_takes(case), found
        return
    (model,) = outcome.models
    assert isinstance(last_op(model), op)
    assert_layer(model, case)
    assert_values(model, case)
    assert read_model(write_model(model)) == model


def test_every_layer_is_drawn() -> None:
    assert {*LAYERS, *MORE, *DRAWN_ELSEWHERE} == set(OPS)
