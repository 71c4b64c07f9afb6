"""Layers beside the blueprint's: figures of papers, values worked by hand, and what torch has no class for.

`test_ops.py` holds every layer against torch with random arguments; here stands what such a comparison cannot see.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
import torch
from hypothesis import given, note
from hypothesis import strategies as st
from strategies import shapes, sizes, spread, value_text
from test_ops import Built, check, codes
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from archlang.backends import support
from archlang.ir.arithmetic import Window, transposed_output
from archlang.ir.graph import Model
from archlang.ir.ops import OPS
from archlang.ir.ops.base import Op, OpError, Shape
from archlang.ir.ops.embedding import Embedding, LearnedTensor
from archlang.ir.ops.pool import MaxPool
from archlang.ir.ops.resample import MaxUnpool
from archlang.ir.walk import fold_totals

BATCH = 2


def model_of(text: str) -> Model:
    outcome = check(text)
    assert outcome.ok, [d.problem.message for d in outcome.diagnostics]
    return outcome.models[0]


def figures(text: str) -> tuple[Shape, int, int]:
    """Output shape, parameters and MACs."""
    model = model_of(text)
    totals = fold_totals(model)[-1]
    return model.outputs[0].shape, totals.parameters, totals.macs


def compute(text: str, x: Tensor) -> Tensor:
    """What a model without trained numbers gives in evaluation."""
    return Built(model_of(text)).eval()(x)


# ---- figures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "size", "output"),
    [
        # Dumoulin and Visin, A guide to convolution arithmetic, relationships 8 to 14
        ("UPCONV(1, 3)", 2, 4),
        ("UPCONV(1, 4, padding=2)", 6, 5),
        ("UPCONV(1, 3, stride=2)", 2, 5),
        ("UPCONV(1, 3, stride=2, padding=1)", 3, 5),
        ("UPCONV(1, 3, stride=2, padding=1, output_padding=1)", 3, 6),
        ("UPCONV(1, 3, dilation=2)", 5, 9),
        # Keras's "same": exactly twice the size (CoordConv's painter, windows of 2, 3 and 4)
        ("UPCONV(1, 2, stride=2)", 8, 16),
        ("UPCONV(1, 3, stride=2, padding=1, output_padding=1)", 8, 16),
        ("UPCONV(1, 4, stride=2, padding=1)", 8, 16),
        # FCN's bilinear upsampling and the crops behind it
        ("UPCONV(1, 64, stride=32) -> CROP(to=500, start=19)", 16, 500),
        ("UPCONV(1, 32, stride=16) -> CROP(to=500, start=27)", 34, 500),
        ("UPCONV(1, 16, stride=8) -> CROP(to=500, start=31)", 70, 500),
        ("CROP(to=34, start=5)", 44, 34),
        ("CROP(to=70, start=9)", 88, 70),
        # TensorFlow pads 224 by one row behind for a window of 3 at stride 2, by two and three for one of 7
        ("PAD(before=0, after=1) -> CONV(1, 3, stride=2)", 224, 112),
        ("PAD(before=2, after=3) -> CONV(1, 7, stride=2)", 224, 112),
        ("UPSAMPLE(scale_factor=2)", 7, 14),
        ("UPSAMPLE(scale_factor=0.5)", 7, 3),
        ("LPPOOL(2, 2, stride=2)", 8, 4),
        ('LPPOOL(2, 3, stride=2, round="ceil")', 8, 4),
    ],
)
def test_sizes(layer: str, size: int, output: int) -> None:
    for axes in (1, 2, 3):
        shape = (1, *(size,) * axes)
        if size <= 16 or axes < 3:
            assert model_of(f"INPUT{shape} -> {layer}").outputs[0].shape == (1, *(output,) * axes)


C3 = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
"""LeNet-5, table I: which maps of S2 each map of C3 sees."""


@pytest.mark.parametrize(
    ("text", "output", "parameters", "macs"),
    [
        (
            f"let maps = {[[int(c) for c in column] for column in C3.split()]}\n"
            "model C3 = INPUT(6, 14, 14) -> CONCAT{ SELECT(m) -> CONV(1, 5) for m in maps }",
            (16, 10, 10), 1_516, 1_500 * 100,
        ),
        ("INPUT(6, 28, 28) -> AVGPOOL(2) -> SCALE -> SIGMOID", (6, 14, 14), 12, 0),
        ("INPUT(16, 10, 10) -> AVGPOOL(2) -> SCALE", (16, 5, 5), 32, 0),
        ("INPUT(1024, 28, 28) -> UPCONV(512, 2, stride=2)", (512, 56, 56), 2_097_664, 1024 * 28 * 28 * 512 * 4),
        ("INPUT(96, 7, 7) -> UPCONV(96, 4, stride=2, groups=96, bias=false)", (96, 16, 16), 1_536, 96 * 49 * 16),
        # CoordConv's painter: a coordinate tiled over 64x64, 7,553 parameters, 32 more with r
        *(
            (
                f"INPUT(2, 1, 1) -> UPSAMPLE(size=64) -> ADDCOORDS(with_r={r}) -> CONV(32, 1) -> CONV(32, 1)"
                " -> CONV(64, 1) -> CONV(64, 1) -> CONV(1, 1)",
                (1, 64, 64), count, 4096 * (count - 193),
            )
            for r, count in (("false", 7_553), ("true", 7_585))
        ),
        # Kim's text CNN: 18,765 words of 300 numbers, windows of 3 over 56 words
        ("INPUT(56) -> EMBEDDING(18_765, 300)", (56, 300), 5_629_500, 0),
        # ViT-B/16, one layer of attention: 12 of them have 715,327,488 MACs of products
        ("INPUT(197, 768) -> ATTENTION(12)", (197, 768), 2_362_368, 4 * 197 * 768**2 + 715_327_488 // 12),
        ("INPUT(197, 768) -> LN(eps=1e-6)", (197, 768), 1_536, 0),
        ("INPUT(197, 768) -> LINEAR(3072) -> GELU -> LINEAR(768)", (197, 768), 4_722_432, 2 * 197 * 768 * 3072),
        ("INPUT(197, 768) -> ADD{ _, PARAMETER(197x768, std=0.02, batch=true) }", (197, 768), 151_296, 0),
        ("INPUT(96, 56, 56) -> MUL{ _, PARAMETER(96x1x1, fill=1e-6) }", (96, 56, 56), 96, 0),
        ("INPUT(96, 56, 56) -> LN(eps=1e-6, channels_first=true)", (96, 56, 56), 192, 0),
        ("INPUT(768, 14, 14) -> RESHAPE((768, -1)) -> PERMUTE((2, 1)) -> SLICE(1, stop=1)", (1, 768), 0, 0),
        ("INPUT(64, 8, 8) -> GN(32) -> IN -> IN(affine=true) -> PRELU -> PRELU(channels=true)", (64, 8, 8), 321, 0),
        ("INPUT(64, 8, 8) -> IN(track_running_stats=true)", (64, 8, 8), 0, 0),
        # ResNet's shortcut without parameters: every second row and column, channels of zeros
        ("INPUT(16, 32, 32) -> MAXPOOL(1, stride=2) -> PAD(channels=8)", (32, 16, 16), 0, 0),
        ("INPUT(128, 41) -> MAXOUT(2)", (64, 41), 0, 0),
        ("INPUT(3, 8) -> CONV(4, 3) -> FC(5)", (5,), 165, 4 * 6 * 9 + 120),
    ],
)  # fmt: skip
def test_figures(text: str, output: Shape, parameters: int, macs: int) -> None:
    assert figures(text) == (output, parameters, macs)


@given(st.data())
def test_transposed_convolution_restores_what_a_convolution_took(data: st.DataObject) -> None:
    """With output_padding, which is the remainder of the convolution's division."""
    size, kernel, stride, dilation = (data.draw(st.integers(1, n)) for n in (40, 7, 5, 3))
    window = Window(size, kernel, stride, (data.draw(st.integers(0, 3)),) * 2, dilation)
    if window.fits:
        restored = transposed_output(window.output, kernel, stride, window.padding[0], window.remainder, dilation)
        assert restored == size


# ---- coordinates --------------------------------------------------------------------------------------


def test_coordinates_run_from_minus_one_to_one() -> None:
    x, y, r = compute("INPUT(1, 2, 3) -> ADDCOORDS(with_r=true)", torch.zeros(1, 1, 2, 3))[0, 1:]
    assert x.tolist() == [[-1, 0, 1], [-1, 0, 1]]
    assert y.tolist() == [[-1, -1, -1], [1, 1, 1]]
    torch.testing.assert_close(r, torch.tensor([[math.sqrt(2), 1, math.sqrt(2)]] * 2))


def test_the_coordinate_of_a_single_row_is_the_middle() -> None:
    x, y = compute("INPUT(1, 1, 3) -> ADDCOORDS", torch.zeros(1, 1, 1, 3))[0, 1:]
    assert x.tolist() == [[-1, 0, 1]]
    assert y.tolist() == [[0, 0, 0]]


def test_coordinates_of_sequences_and_volumes() -> None:
    line = compute("INPUT(1, 5) -> ADDCOORDS(true)", torch.zeros(1, 1, 5))[0, 1:]
    assert line.tolist() == [[-1, -0.5, 0, 0.5, 1], [1, 0.5, 0, 0.5, 1]]
    volume = compute("INPUT(1, 2, 2, 2) -> ADDCOORDS", torch.zeros(1, 1, 2, 2, 2))[0, 1:]
    assert volume[:, 0, 0, 1].tolist() == [1, -1, -1]
    assert volume[:, 1, 0, 0].tolist() == [-1, -1, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_coordinates_have_the_type_of_the_input(dtype: torch.dtype) -> None:
    assert support.AddCoords(with_r=True)(torch.zeros(2, 3, 4, 5, dtype=dtype)).dtype == dtype


# ---- values -------------------------------------------------------------------------------------------

RAMP = torch.tensor([[[0.0, 1, 2, 3]]])


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ('UPSAMPLE(scale_factor=2, mode="linear", align_corners=true)', [n * 3 / 7 for n in range(8)]),
        ('UPSAMPLE(scale_factor=2, mode="linear")', [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]),
        ("UPSAMPLE(scale_factor=2)", [0, 0, 1, 1, 2, 2, 3, 3]),
        ("UPSAMPLE(6)", [0, 0, 1, 2, 2, 3]),
        ("PAD(before=1, after=2, value=-1)", [-1, 0, 1, 2, 3, -1, -1]),
        ('PAD(2, "reflect")', [2, 1, 0, 1, 2, 3, 2, 1]),
        ('PAD(2, "replicate")', [0, 0, 0, 1, 2, 3, 3, 3]),
        ('PAD(before=2, mode="circular")', [2, 3, 0, 1, 2, 3]),
        ("LPPOOL(2, 2)", [1, math.sqrt(13)]),
        ("LPPOOL(1, 2)", [1, 5]),
        ("LPPOOL(3, 4)", [36 ** (1 / 3)]),
        ("CROP(2, start=1)", [1, 2]),
        ("SLICE(2, 1, -1)", [1, 2]),
        ("SLICE(-1, -2)", [2, 3]),
        ("SCALE(fill=0.5)", [0, 0.5, 1, 1.5]),
        ("SCALE(fill=2, dim=2)", [0, 2, 4, 6]),
        ("TANH(1.7159, 2/3)", [1.7159 * math.tanh(n * 2 / 3) for n in range(4)]),
        ("HARDTANH(1, 2)", [1, 1, 2, 2]),
        ("RELU6", [0, 1, 2, 3]),
        ("HARDSIGMOID", [0.5, 4 / 6, 5 / 6, 1]),
        ("HARDSWISH", [0, 4 / 6, 10 / 6, 3]),
        ("SOFTPLUS(threshold=2)", [math.log(2), math.log(1 + math.e), math.log(1 + math.e**2), 3]),
        ("LOGSOFTMAX(2)", [n - math.log(sum(map(math.exp, range(4)))) for n in range(4)]),
        ("GELU", [0, 0.841345, 1.954500, 2.995950]),
        ('GELU("tanh")', [0, 0.841192, 1.954598, 2.996363]),
        ("SILU", [n / (1 + math.exp(-n)) for n in range(4)]),
    ],
)
def test_values_on_a_ramp(layer: str, expected: list[float]) -> None:
    torch.testing.assert_close(compute(f"INPUT(1, 4) -> {layer}", RAMP).flatten(), torch.tensor(expected) * 1.0)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("PRELU", -0.25), ("PRELU(fill=0.1)", -0.1), ("PRELU(channels=true)", -0.25), ("ELU", math.exp(-1) - 1),
        ("ELU(2)", 2 * math.exp(-1) - 2), ("RELU6", 0), ("HARDTANH", -1), ("SILU", -1 / (1 + math.e)),
    ],
)  # fmt: skip
def test_values_of_minus_one(layer: str, expected: float) -> None:
    out = compute(f"INPUT(3) -> {layer}", torch.full((1, 3), -1.0))
    torch.testing.assert_close(out, torch.full((1, 3), float(expected)))


def test_maxout_takes_neighbouring_channels() -> None:
    x = torch.tensor([[1.0, 4, 3, 2, -5, -6]])
    assert compute("INPUT(6) -> MAXOUT(2)", x).tolist() == [[4, 3, -5]]
    assert compute("INPUT(6) -> MAXOUT(3)", x).tolist() == [[4, 2]]


def test_selected_channels_come_in_their_order() -> None:
    x = torch.tensor([[1.0, 2, 3]])
    assert compute("INPUT(3) -> SELECT((2, 0, 2))", x).tolist() == [[3, 1, 3]]
    assert compute("INPUT(3) -> SELECT(1)", x).tolist() == [[2]]


def test_shuffled_channels_of_two_groups_alternate() -> None:
    x = torch.arange(6.0).reshape(1, 6, 1)
    assert compute("INPUT(6, 1) -> SHUFFLE(2)", x).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_reshape_and_permute_keep_the_order_of_torch() -> None:
    x = torch.arange(2.0 * 2 * 3 * 4).reshape(2, 2, 3, 4)
    tokens = compute("INPUT(2, 3, 4) -> RESHAPE((2, -1)) -> PERMUTE((2, 1))", x)
    assert torch.equal(tokens, x.flatten(2).transpose(1, 2))
    assert torch.equal(compute("INPUT(2, 3, 4) -> PERMUTE((0, 2, 3, 1))", x), x.permute(0, 2, 3, 1))
    assert torch.equal(compute("INPUT(2, 3, 4) -> PERMUTE((-1, 1, 2))", x), x.permute(0, 3, 1, 2))


def test_layer_normalisation_of_channels_is_a_permuted_one() -> None:
    x = torch.randn(BATCH, 6, 3, 4)
    model = Built(model_of("INPUT(6, 3, 4) -> LN(eps=0.5, channels_first=true)"))
    state = {"0.weight": torch.randn(6), "0.bias": torch.randn(6)}
    model.load_state_dict(state)
    expected = F.layer_norm(x.permute(0, 2, 3, 1), (6,), *state.values(), 0.5).permute(0, 3, 1, 2)
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize(("arguments", "names"), [("", 2), (", bias=false", 1), (", elementwise_affine=false", 0)])
def test_parameters_of_channel_normalisation(arguments: str, names: int) -> None:
    model = model_of(f"INPUT(6, 3, 4) -> LN(channels_first=true{arguments})")
    assert fold_totals(model)[-1].parameters == 6 * names
    assert len(Built(model).state_dict()) == names


@given(st.data())
def test_padding_of_channels_and_sides(data: st.DataObject) -> None:
    """torch.nn.functional.pad, whose order is the last axis first."""
    shape = data.draw(shapes((2, 3), largest=5))
    axes = len(shape) - 1
    before, after = data.draw(sizes(axes, 0, 3)), data.draw(sizes(axes, 0, 3))
    first, last = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))
    value = data.draw(st.sampled_from([0, 2.5]))
    sides = zip((first, *spread(before, axes)), (last, *spread(after, axes)), strict=True)
    layer = f"PAD(before={value_text(before)}, after={value_text(after)}, channels=({first}, {last}), value={value})"
    note(layer)
    x = torch.randn(BATCH, *shape)
    expected = F.pad(x, [n for pair in reversed(list(sides)) for n in pair], value=value)
    assert model_of(f"INPUT{shape} -> {layer}").outputs[0].shape == expected.shape[1:]
    torch.testing.assert_close(compute(f"INPUT{shape} -> {layer}", x), expected, rtol=0, atol=0)


# ---- what acts in training only --------------------------------------------------------------------------


def test_a_dropped_path_is_dropped_for_a_whole_sample() -> None:
    torch.manual_seed(0)
    out = support.DropPath(0.25)(torch.ones(4000, 2, 3))
    assert set(out.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert (out == out[:, :1, :1]).all()
    assert out.mean().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("p", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_paths_are_kept_or_dropped_for_certain(p: float, expected: float) -> None:
    assert (support.DropPath(p)(torch.ones(8, 3)) == expected).all()
    assert (support.DropPath(p).eval()(torch.ones(8, 3)) == 1).all()


def test_dropout_of_channels_drops_whole_maps() -> None:
    torch.manual_seed(0)
    for shape in ((8, 5), (8, 5, 5), (8, 2, 5, 5)):
        out = Built(model_of(f"INPUT{shape} -> CHANNELDROPOUT(0.5)"))(torch.ones(50, *shape)).flatten(2)
        assert (out == out[:, :, :1]).all()
        assert {0.0, 2.0} == set(out.unique().tolist())


# ---- unpooling ------------------------------------------------------------------------------------------


def unpooled(pool: MaxPool, x: Tensor) -> tuple[MaxUnpool, Tensor]:
    """What undoes a pooling, and what it gives."""
    undo = MaxUnpool.undo(pool, tuple(x.shape[1:]))
    call = undo.torch()
    pooled, indices = _module(pool)(x)
    assert call.inputs == (0, 1)
    return undo, _module(undo)(pooled, indices, **{a.name: a.value for a in call.call_arguments})


def _module(op: Op) -> nn.Module:
    call = op.torch()
    named = {a.name: a.value for a in call.arguments if not a.positional}
    return getattr(nn, call.target.removeprefix("nn."))(*(a.value for a in call.arguments if a.positional), **named)


@st.composite
def poolings_with_indices(draw: st.DrawFn) -> tuple[MaxPool, Shape]:
    shape = draw(shapes((2, 3, 4), largest=9))
    axes = len(shape) - 1
    kernel = spread(draw(sizes(axes, 1, 4)), axes)
    return MaxPool(
        kernel_size=kernel,
        stride=spread(draw(sizes(axes, 1, 5)), axes),
        padding=tuple(draw(st.integers(0, k // 2)) for k in kernel),
        dilation=spread(draw(sizes(axes, 1, 2)), axes),
        ceil_mode=draw(st.booleans()),
        to=None,
        return_indices=True,
    ), shape


@given(poolings_with_indices())
def test_unpooling_restores_the_size_and_the_maxima(case: tuple[MaxPool, Shape]) -> None:
    pool, shape = case
    x = torch.rand(BATCH, *shape) + 1
    try:
        pooled, indices = pool.infer_shapes((shape,))
        undo, out = unpooled(pool, x)
    except OpError as error:
        assert error.problem.code in ("kernel-too-large", "out-of-range")
        assert error.problem.code == "kernel-too-large" or set(pool.dilation) != {1}
        return
    assert pooled == indices
    assert undo.infer_shape((pooled, indices)) == tuple(out.shape[1:]) == shape
    kept = out != 0
    assert torch.equal(out[kept], x[kept])
    assert torch.equal(_module(pool)(out.where(kept, -1.0))[0], _module(pool)(x)[0])


def pool_1d(kernel: int, stride: int, **changed: Any) -> MaxPool:
    fields: dict[str, Any] = {"padding": (0,), "dilation": (1,), "ceil_mode": False, "to": None, "return_indices": True}
    return MaxPool(kernel_size=(kernel,), stride=(stride,), **fields | changed)


def test_a_maximum_of_two_windows_is_set_once() -> None:
    _, out = unpooled(pool_1d(3, 2), torch.tensor([[[1.0, 2, 5, 3, 4]]]))
    assert out.tolist() == [[[0, 0, 5, 0, 0]]]


def test_the_size_to_restore_is_said_only_where_torch_would_miss_it() -> None:
    assert unpooled(pool_1d(2, 2), torch.rand(1, 1, 6))[0].output_size is None
    assert unpooled(pool_1d(2, 2), torch.rand(1, 1, 7))[0].output_size == (7,)
    assert unpooled(pool_1d(2, 2, ceil_mode=True), torch.rand(1, 1, 7))[0].output_size == (7,)


@pytest.mark.parametrize("pool", [pool_1d(2, 2, to=(2,)), pool_1d(3, 1, dilation=(3,))])
def test_what_cannot_be_unpooled(pool: MaxPool) -> None:
    with pytest.raises(OpError, match="UNPOOL"):
        MaxUnpool.undo(pool, (1, 9))


def test_unpooling_takes_what_its_pooling_gave() -> None:
    undo = MaxUnpool.undo(pool_1d(2, 2), (3, 8))
    with pytest.raises(OpError, match="shape that its pooling gave"):
        undo.infer_shape(((3, 4), (3, 5)))


# ---- embeddings and learned tensors ------------------------------------------------------------------------


def test_only_embeddings_read_integers() -> None:
    assert [op for op in OPS if op.integer_input] == [Embedding]


def test_the_padding_vector_of_an_embedding_is_zero() -> None:
    model = Built(model_of("INPUT(3) -> EMBEDDING(5, 4, padding_idx=-1)"))
    assert model(torch.tensor([[4, 4, 4]])).abs().sum() == 0


@pytest.mark.parametrize(("batch", "stored"), [(False, (197, 768)), (True, (1, 197, 768))])
def test_the_stored_shape_of_a_learned_tensor(batch: bool, stored: Shape) -> None:
    op = LearnedTensor(shape=(197, 768), std=0.02, fill=0.0, batch=batch)
    assert op.infer_shapes(()) == ((197, 768),)
    assert op.parameters() == {"": stored}
    assert op.torch_class == "PARAMETER"
    assert [(a.name, a.value) for a in op.torch().arguments] == [("shape", stored), ("std", 0.02), ("fill", 0.0)]


# ---- what is rejected ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        ("UPCONV(8)", "missing-argument"),
        ("UPCONV(9, 3, groups=2)", "groups-indivisible"),
        ("UPCONV(8, 3, groups=3)", "groups-indivisible"),
        ("UPCONV(8, 3, stride=2, output_padding=2)", "out-of-range"),
        ("UPCONV(8, 3, output_padding=1)", "out-of-range"),
        ("UPCONV(8, 3, stride=2x1, output_padding=1)", "out-of-range"),
        ("UPCONV(8, 1, padding=4)", "argument-conflict"),
        ('UPCONV(8, 3, padding="same")', "wrong-type"),
        ('UPCONV(8, 3, padding_mode="reflect")', "out-of-range"),
        ("ConvTranspose1d(8, 3)", "wrong-rank"),
        ("LPPOOL(2)", "missing-argument"),
        ("LPPOOL(0, 2)", "out-of-range"),
        ("LPPOOL(-2, 2)", "out-of-range"),
        ("LPPOOL(2, 3)", "stride-drops-input"),
        ("LPPOOL(2, 9)", "kernel-too-large"),
        ("LPPOOL(2, 2, padding=1)", "unknown-argument"),
        ("UPSAMPLE()", "missing-argument"),
        ("UPSAMPLE(4, 2)", "exclusive-arguments"),
        ("UPSAMPLE(scale_factor=0)", "out-of-range"),
        ("UPSAMPLE(scale_factor=0.1)", "argument-conflict"),
        ("UPSAMPLE(scale_factor=(2, 2, 2))", "out-of-range"),
        ('UPSAMPLE(4, mode="linear")', "argument-conflict"),
        ('UPSAMPLE(4, mode="trilinear")', "argument-conflict"),
        ('UPSAMPLE(4, mode="area")', "out-of-range"),
        ("UPSAMPLE(4, align_corners=true)", "argument-conflict"),
        ("LINEAR(0)", "out-of-range"),
        ("ATTENTION(2)", "wrong-rank"),
        ("EMBEDDING(10)", "missing-argument"),
        ("EMBEDDING(10, 4, 10)", "out-of-range"),
        ("EMBEDDING(10, 4, -11)", "out-of-range"),
        ("LN(dim=0)", "wrong-rank"),
        ("LN(dim=4)", "wrong-rank"),
        ("LN(dim=1, channels_first=true)", "exclusive-arguments"),
        ("GN(3)", "groups-indivisible"),
        ("GN()", "missing-argument"),
        ("SCALE(dim=0)", "wrong-rank"),
        ("DROPPATH()", "missing-argument"),
        ("DROPPATH(1.5)", "out-of-range"),
        ("CHANNELDROPOUT(2)", "out-of-range"),
        ("Dropout1d()", "wrong-rank"),
        ("PRELU(64)", "inferred-argument"),
        ('GELU("erf")', "out-of-range"),
        ("HARDTANH(1, 1)", "out-of-range"),
        ("SOFTPLUS(0)", "out-of-range"),
        ("MAXOUT(3)", "argument-conflict"),
        ("RESHAPE((3, -1))", "cannot-reshape"),
        ("RESHAPE((-1, -1))", "out-of-range"),
        ("RESHAPE((0, 4))", "out-of-range"),
        ("RESHAPE((1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 256))", "out-of-range"),
        ("RESHAPE(-2)", "out-of-range"),
        ('RESHAPE("4x64")', "wrong-type"),
        ("PERMUTE((1, 2))", "out-of-range"),
        ("PERMUTE((1, 2, 2))", "out-of-range"),
        ("PERMUTE((1, 0, 2, 3))", "out-of-range"),
        ("SLICE(0, 0, 1)", "wrong-rank"),
        ("SLICE(1, 4)", "out-of-range"),
        ("SLICE(1, 0, 5)", "out-of-range"),
        ("SLICE(1, 2, 2)", "out-of-range"),
        ("CROP(4, start=5)", "out-of-range"),
        ("PAD()", "missing-argument"),
        ("PAD(1, before=1)", "exclusive-arguments"),
        ("PAD(-1)", "out-of-range"),
        ("PAD((1, 2, 3, 4))", "out-of-range"),
        ('PAD(8, "reflect")', "argument-conflict"),
        ('PAD(9, "circular")', "argument-conflict"),
        ('PAD(1, "reflect", value=1)', "argument-conflict"),
        ('PAD(1, "replicate", channels=1)', "argument-conflict"),
        ("PAD(channels=(1, 2, 3))", "out-of-range"),
        ("SELECT(4)", "out-of-range"),
        ("SELECT(())", "wrong-type"),
        ("SELECT((0, -1))", "out-of-range"),
        ("SHUFFLE(3)", "groups-indivisible"),
        ("ADDCOORDS(1)", "wrong-type"),
        ("UNPOOL", "missing-argument"),
        ("TANH(true)", "wrong-type"),
    ],
)
def test_what_a_line_gets_wrong(layer: str, code: str) -> None:
    assert codes(f"INPUT(4, 8, 8) -> {layer}") == [code]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(
            (f"INPUT(4) -> {layer}", "wrong-rank")
            for layer in ("UPCONV(8, 1)", "LPPOOL(2, 1)", "UPSAMPLE(2)", "IN", "SHUFFLE(2)", "ADDCOORDS", "PAD(1)",
                          "CHANNELDROPOUT", "ATTENTION(2)", "CROP(1)")
        ),
        ("INPUT(4, 1, 1) -> IN", "wrong-rank"),
        ("INPUT(4, 1, 1) -> GN(4)", "argument-conflict"),
        ("INPUT(4) -> GN(4)", "argument-conflict"),
        ("INPUT(9, 10) -> ATTENTION(3)", "groups-indivisible"),
        ("INPUT(4, 2, 2, 2) -> EMBEDDING(4, 4)", "wrong-rank"),
        ("INPUT(4, 2, 2, 2) -> PAD(channels=1)", "argument-conflict"),
        ("INPUT(4, 4, 4, 4) -> LPPOOL(2, 5, ceil_mode=true)", "argument-conflict"),
        ("INPUT(4, 4) -> ADD{ _, PARAMETER(0x4) }", "out-of-range"),
        ("INPUT(4, 4) -> ADD{ _, PARAMETER(1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x4x4) }", "out-of-range"),
        ("INPUT(4, 4) -> ADD{ _, PARAMETER(4x4, std=-1) }", "out-of-range"),
        ("INPUT(4, 4) -> ADD{ _, PARAMETER() }", "missing-argument"),
        ("INPUT(4, 4) -> ADD{ _, PARAMETER(4x5) }", "join-mismatch"),
    ],
)  # fmt: skip
def test_what_does_not_fit_its_input(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize(
    "layer",
    [
        "UPCONV(4, 1, stride={})", "UPCONV(4, 1, padding={})", "UPCONV({}, 1)", "UPSAMPLE({})",
        "UPSAMPLE(scale_factor={})", "UPSAMPLE(scale_factor=1e308)", "UPSAMPLE(scale_factor=1e400)", "LPPOOL({}, 2)",
        "LPPOOL(2, {})", "LPPOOL(1e400, 2)", "LINEAR({})", "EMBEDDING({}, 4)", "EMBEDDING(4, {})", "MAXOUT({})",
        "PAD({})", "PAD(channels={})", "RESHAPE({})", "PERMUTE({})", "SELECT({})", "SLICE({})", "SLICE(1, {})",
        "GN({})", "ADD{{ _, PARAMETER({}) }}", "HARDTANH(0, 1e400)", "TANH({})", "SCALE(dim={})",
    ],
)  # fmt: skip
def test_huge_numbers_are_diagnosed_or_taken(layer: str) -> None:
    outcome = check("INPUT(4, 8, 8) -> " + layer.format(10**15))
    assert outcome.ok == bool(outcome.models)


# ---- classes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.tag)
def test_an_op_says_where_it_comes_from(op: type[Op]) -> None:
    """The pages of the layers are made of these texts."""
    text = inspect.getdoc(op) or ""
    assert "torch." in text or "no class in torch" in text
    assert op.family in {
        "conv", "pool", "linear", "norm", "activation", "regularisation", "shape", "join", "attention", "embedding",
        "source",
    }  # fmt: skip


SUPPORT = [
    (support.AddCoords, (True,), (3, 4, 5)),
    (support.ChannelNorm, (3,), (3, 4, 5)),
    (support.DropPath, (0.5,), (3, 4, 5)),
    (support.Maxout, (2,), (4, 5)),
    (support.Reshape, ((3, -1),), (4, 6)),
    (support.ScaledTanh, (1.7159, 2 / 3), (3,)),
    (support.Scale, (3,), (3, 4)),
    (support.Select, ((0, 2),), (3, 4)),
]


def test_every_class_of_support_is_tried() -> None:
    classes = [c for _, c in inspect.getmembers(support, inspect.isclass) if c.__module__ == support.__name__]
    assert {c for c, _, _ in SUPPORT} == set(classes)


@pytest.mark.parametrize(("kind", "arguments", "shape"), SUPPORT, ids=lambda value: getattr(value, "__name__", ""))
def test_the_text_of_a_support_class_stands_on_its_own(
    kind: type[nn.Module], arguments: tuple[Any, ...], shape: Shape
) -> None:
    names: dict[str, Any] = {"torch": torch, "nn": nn, "Tensor": Tensor, "F": F}
    exec(inspect.getsource(kind), names)  # as a generated file has it
    copied = names[kind.__name__](*arguments)
    x = torch.randn(BATCH, *shape)
    copied.load_state_dict(kind(*arguments).state_dict())
    assert torch.equal(copied.eval()(x), kind(*arguments).eval()(x))
    with torch.device("meta"):
        assert kind(*arguments)(x.to("meta")).device.type == "meta"


def test_support_classes_have_no_buffers_and_torchs_names() -> None:
    """So that a model made on the meta device is complete when its state is loaded."""
    state = {name for kind, arguments, _ in SUPPORT for name in kind(*arguments).state_dict()}
    assert state == {"weight", "bias"}
    assert not any(list(kind(*arguments).buffers()) for kind, arguments, _ in SUPPORT)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(support.Scale(4), (4, 5, 6)), (support.Scale(6, False, 0.5, -1), (4, 5, 6)), (support.Scale(4), (4,))],
)
def test_a_scale_is_traced_and_keeps_how_maps_lie(layer: Any, shape: tuple[int, ...]) -> None:
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(2, *shape)
    axes = [1] * (1 + len(shape))
    axes[layer.dim] = -1
    expected = x * layer.weight.view(axes) + (0 if layer.bias is None else layer.bias.view(axes))
    assert torch.equal(torch.fx.symbolic_trace(layer)(x), expected) and torch.equal(layer(x), expected)
    assert layer(x).is_contiguous()
    if len(shape) == 3:
        lying = x.to(memory_format=torch.channels_last)
        assert layer(lying).stride() == lying.stride() and torch.equal(layer(lying), expected)
