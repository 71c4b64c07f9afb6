"""Every worked number of the CS231n notes on convolutional networks (and of Dumoulin & Visin's arithmetic), by its id.

Sizes that the lectures call invalid are errors under `--strict`; by default only where real input is never read.
"""

from __future__ import annotations

import pytest
import torch

from archlang.backends.torch_module import build_module
from archlang.checking import Outcome, Request, check_source
from archlang.elaborate.parts import Options
from archlang.ir.arithmetic import Window, effective_kernel, transposed_output
from archlang.ir.graph import Model
from archlang.ir.walk import FlatLayer, Totals, flatten, fold_totals
from archlang.source import Source

BLUEPRINT = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC(64) -> RELU]*K -> FC"
PLAIN_CONV = "default CONV(12, 3x3, padding=1)\n"


def check(text: str, strict: bool = False, **bindings: int | bool) -> Outcome:
    return check_source(Source("<text>", text), Request(None, bindings, Options((), strict)))


def model_of(text: str, strict: bool = True, **bindings: int | bool) -> Model:
    """The model of a text, whole sizes demanded."""
    outcome = check(text, strict, **bindings)
    assert outcome.ok, [d.problem.message for d in outcome.diagnostics]
    return outcome.models[0]


def output(text: str, strict: bool = True) -> tuple[int, ...]:
    return model_of(text, strict).outputs[0].shape


def totals(text: str, **bindings: int | bool) -> Totals:
    return fold_totals(model_of(text, **bindings))[-1]


def layers(text: str) -> list[FlatLayer]:
    return list(flatten(model_of(text)))


def weights(layer: FlatLayer) -> int:
    """Weights without biases, as the notes count them."""
    return torch.Size(layer.layer.op.parameters().get("weight", (0,))).numel()


def error_codes(text: str, strict: bool) -> list[str]:
    return [d.problem.code for d in check(text, strict).diagnostics]


# ---- A: output sizes of convolutions -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "filters", "kernel", "stride", "padding", "expected"),
    [
        pytest.param((1, 7, 7), 1, 3, 1, 0, (1, 5, 5), id="A1"),
        pytest.param((1, 7, 7), 1, 3, 2, 0, (1, 3, 3), id="A2"),
        pytest.param((1, 5, 5), 1, 3, 1, 1, (1, 5, 5), id="A4"),
        pytest.param((1, 5, 5), 1, 3, 2, 1, (1, 3, 3), id="A5"),
        pytest.param((1, 5, 5), 1, 3, 1, 0, (1, 3, 3), id="A7"),
        pytest.param((3, 227, 227), 96, 11, 4, 0, (96, 55, 55), id="A9"),
        pytest.param((4, 11, 11), 2, 5, 2, 0, (2, 4, 4), id="A12"),
        pytest.param((3, 5, 5), 2, 3, 2, 1, (2, 3, 3), id="A13"),
        pytest.param((1, 13, 13), 1, 3, 1, 1, (1, 13, 13), id="A14-F3"),
        pytest.param((1, 13, 13), 1, 5, 1, 2, (1, 13, 13), id="A14-F5"),
        pytest.param((1, 13, 13), 1, 7, 1, 3, (1, 13, 13), id="A14-F7"),
        pytest.param((1, 4, 4), 1, 3, 1, 0, (1, 2, 2), id="G1"),
        pytest.param((1, 5, 5), 1, 4, 1, 2, (1, 6, 6), id="G2"),
        pytest.param((1, 5, 5), 1, 3, 1, 1, (1, 5, 5), id="G3"),
        pytest.param((1, 5, 5), 1, 3, 1, 2, (1, 7, 7), id="G4"),
        pytest.param((1, 5, 5), 1, 3, 2, 0, (1, 2, 2), id="G5"),
        pytest.param((1, 5, 5), 1, 3, 2, 1, (1, 3, 3), id="G6"),
    ],
)
def test_convolution(
    shape: tuple[int, ...], filters: int, kernel: int, stride: int, padding: int, expected: tuple[int, ...]
) -> None:
    """The law (L111) gives a whole number: accepted, strict or not, by letters too."""
    for layer in (
        f"CONV({filters}, {kernel}x{kernel}, stride={stride}, padding={padding})",
        f"CONV(K={filters}, F={kernel}, S={stride}, P={padding})",
    ):
        for strict in (False, True):
            assert output(f"INPUT{shape} -> {layer}", strict) == expected
    window = Window(shape[1], kernel, stride, (padding, padding))
    assert (window.output, window.remainder) == (expected[1], 0)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "default", "torchs"),
    [
        pytest.param(7, 3, 3, 0, "stride-drops-input", 2, id="A3"),
        pytest.param(5, 3, 3, 1, None, 2, id="A6"),
        pytest.param(10, 3, 2, 0, "stride-drops-input", 4, id="A8"),
        pytest.param(224, 11, 4, 0, "stride-drops-input", 54, id="A10"),
        pytest.param(224, 11, 4, 3, None, 55, id="A11-symmetric"),
        pytest.param(6, 3, 2, 1, None, 3, id="G7"),
    ],
)
def test_size_that_is_not_whole(
    size: int, kernel: int, stride: int, padding: int, default: str | None, torchs: int
) -> None:
    """Always an error under `--strict`; by default only where real rows are never read. `round` says it is meant."""
    text = f"INPUT(3, {size}, {size}) -> CONV(96, {kernel}, {stride}, {padding}"
    strict = error_codes(f"{text})", strict=True)
    assert strict == [default or "not-whole"]
    assert error_codes(f"{text})", strict=False) == ([default] if default else [])
    assert output(f'{text}, round="floor")') == (96, torchs, torchs)


def test_a11_three_extra_pixels() -> None:
    """L125: "3 extra pixels" make 224 fit only as 3 in total, 1 before and 2 behind."""
    window = Window(224, 11, 4, (1, 2))
    assert (window.output, window.remainder) == (55, 0)


def test_a12_windows_start_at_0_2_4_6() -> None:
    """L147: X[0:5], X[2:7], X[4:9], X[6:11]."""
    window = Window(11, 5, 2)
    assert [i * 2 for i in range(window.output)] == [0, 2, 4, 6]
    assert (window.output - 1) * window.stride + window.extent == window.size


def test_a14_odd_windows_keep_the_size() -> None:
    for kernel in range(1, 20, 2):
        for size in range(1, 40):
            assert Window(size, kernel, 1, ((kernel - 1) // 2,) * 2).output == size
        assert output(f'INPUT(1, 9, 9) -> CONV(1, {kernel}, padding="same")') == (1, 9, 9)


def test_a15_three_volumes() -> None:
    """L320: 9,633,792 activations (the notes say "about 10 million"); with gradients 77 MB (they say 72)."""
    found = layers("INPUT(3, 224, 224) -> CONV(64, 3, 1, 1)*3")
    assert [layer.layer.outputs[0] for layer in found] == [(64, 224, 224)] * 3
    assert totals("INPUT(3, 224, 224) -> CONV(64, 3, 1, 1)*3").elements == 9_633_792


def test_a16_overview() -> None:
    """L54: INPUT, CONV, RELU, POOL and FC on CIFAR-10, bare but for the 12 filters."""
    found = layers("INPUT -> CONV(12, 3, padding=1) -> RELU -> POOL -> FC")
    shapes = [layer.layer.outputs[0] for layer in found]
    assert shapes == [(12, 32, 32), (12, 32, 32), (12, 16, 16), (10,)]


def test_a17_dilation() -> None:
    """L202: the notes' dilation 0 is torch's 1, their 1 torch's 2: three weights span five positions."""
    assert effective_kernel(3, 1) == 3
    assert effective_kernel(3, 2) == 5
    assert output("INPUT(1, 5, 5) -> CONV(1, 3, dilation=2)") == (1, 1, 1)


def test_a18_one_by_one_convolution() -> None:
    """L200: dot products of three dimensions."""
    (layer,) = layers("INPUT(3, 32, 32) -> CONV(7, 1x1)")
    assert layer.layer.op.parameters()["weight"] == (7, 3, 1, 1)


# ---- B: parameters and connections ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        pytest.param("INPUT(3, 32, 32) -> FC(1, bias=false)", 3_072, id="B1"),
        pytest.param("INPUT(3, 200, 200) -> FC(1, bias=false)", 120_000, id="B2"),
        pytest.param("INPUT(3, 32, 32) -> CONV(1, 5x5)", 75 + 1, id="B3"),
        pytest.param("INPUT(20, 16, 16) -> CONV(1, 3x3, bias=false)", 180, id="B4"),
        pytest.param("INPUT(3, 227, 227) -> CONV(96, 11, 4)", 34_944, id="B6"),
        pytest.param("INPUT(3, 227, 227) -> CONV(96, 11, 4, bias=false)", 34_848, id="B6-weights"),
        pytest.param("INPUT(4, 11, 11) -> CONV(2, 5, 2)", 5 * 5 * 4 * 2 + 2, id="B7"),
        pytest.param("INPUT(16, 9, 9) -> CONV(16, 7, bias=false)", 49 * 16**2, id="B9-one"),
        pytest.param("INPUT(16, 9, 9) -> CONV(16, 3, bias=false)*3", 27 * 16**2, id="B9-three"),
        pytest.param("INPUT(3) -> FC(4) -> FC(2)", 26, id="B10"),
        pytest.param("INPUT(3) -> FC(4)*2 -> FC(1)", 41, id="B11"),
    ],
)
def test_parameters(text: str, parameters: int) -> None:
    assert totals(text).parameters == parameters


def test_b5_without_sharing() -> None:
    """L127: every neuron of the first layer with weights of its own."""
    (layer,) = layers("INPUT(3, 227, 227) -> CONV(96, 11, 4)")
    neurons = torch.Size(layer.layer.outputs[0]).numel()
    assert neurons == 290_400
    assert neurons * (weights(layer) // 96 + 1) == 105_705_600


def test_b8_columns() -> None:
    """L191: X_col is [363 x 3025], W_row [96 x 363]; their product makes the volume."""
    (layer,) = layers("INPUT(3, 227, 227) -> CONV(96, 11, 4)")
    filters, height, width = layer.layer.outputs[0]
    rows, columns = weights(layer) // filters, height * width
    assert (filters, rows, columns) == (96, 363, 3_025)
    assert layer.totals.macs == filters * rows * columns


@pytest.mark.parametrize(("count", "field"), [(1, 3), (2, 5), (3, 7)])
def test_b9_stacked_windows_see_as_much_as_a_large_one(count: int, field: int) -> None:
    assert output(f"INPUT(1, {field}, {field}) -> CONV(1, 3)*{count}") == (1, 1, 1)
    assert output(f"INPUT(1, {field}, {field}) -> CONV(1, {field})") == (1, 1, 1)


# ---- C: pooling -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["POOL", "POOL(2)", "POOL(2x2, stride=2)", "POOL(F=2, S=2)"])
def test_c1_pooling(layer: str) -> None:
    """L229: three of four activations are dropped, nothing is learned."""
    assert output(f"INPUT(64, 224, 224) -> {layer}") == (64, 112, 112)
    found = totals(f"INPUT(64, 224, 224) -> {layer}")
    assert found.parameters == 0
    assert found.elements * 4 == 64 * 224 * 224


def test_c2_pooling_that_does_not_fit() -> None:
    """L312: (32 - 3)/2 + 1 = 15.5."""
    for strict in (False, True):
        assert error_codes("INPUT(3, 32, 32) -> POOL(3, stride=2)", strict) == ["stride-drops-input"]
    assert output('INPUT(3, 32, 32) -> POOL(3, stride=2, round="floor")') == (3, 15, 15)
    assert output('INPUT(3, 32, 32) -> POOL(3, stride=2, round="ceil")') == (3, 16, 16)


def test_c3_common_poolings() -> None:
    """L221: F=3, S=2 (overlapping) and F=2, S=2."""
    assert output("INPUT(96, 55, 55) -> POOL(F=3, S=2)") == (96, 27, 27)
    assert output("INPUT(96, 56, 56) -> POOL(F=2, S=2)") == (96, 28, 28)


# ---- D: fully connected layers as convolutions ------------------------------------------------------------


def test_d1_fully_connected_as_convolution() -> None:
    """L256: the same 102,760,448 weights."""
    (connected,) = layers("INPUT(512, 7, 7) -> FC(4096)")
    (convolved,) = layers("INPUT(512, 7, 7) -> CONV(K=4096, F=7, P=0, S=1)")
    assert connected.layer.outputs[0] == (4096,)
    assert convolved.layer.outputs[0] == (4096, 1, 1)
    assert weights(connected) == weights(convolved) == 102_760_448
    assert connected.totals.parameters == convolved.totals.parameters
    assert connected.totals.macs == convolved.totals.macs


HEAD = "CONV(4096, 7) -> RELU -> CONV(4096, 1) -> RELU -> CONV(1000, 1)"


def test_d2_three_fully_connected_as_convolutions() -> None:
    """L260."""
    found = [layer for layer in layers(f"INPUT(512, 7, 7) -> {HEAD}") if weights(layer)]
    assert [layer.layer.outputs[0] for layer in found] == [(4096, 1, 1), (4096, 1, 1), (1000, 1, 1)]
    whole = totals("INPUT(512, 7, 7) -> FC(4096) -> RELU -> FC(4096) -> RELU -> FC(1000)")
    assert sum(layer.totals.parameters for layer in found) == whole.parameters


def test_d3_larger_picture_gives_a_map_of_scores() -> None:
    """L266: 384x384 through a network that reduces by 32."""
    assert output(f"INPUT(512, 384, 384) -> POOL*5 :: (512, 12, 12) -> {HEAD}") == (1000, 6, 6)


def test_d4_map_of_scores_equals_the_crops() -> None:
    """L268: each place of the map is the fully connected network on one crop, its weights reshaped to (K, C, 7, 7)."""
    torch.manual_seed(0)
    connected = build_module(model_of("INPUT(2, 14, 14) -> POOL -> FC(8) -> RELU -> FC(5)"))
    convolved = build_module(model_of("INPUT(2, 18, 18) -> POOL -> CONV(8, 7) -> RELU -> CONV(5, 1)"))
    ours = convolved.state_dict()
    values = zip(ours.items(), connected.state_dict().values(), strict=True)
    convolved.load_state_dict({name: theirs.reshape(mine.shape) for (name, mine), theirs in values})
    x = torch.randn(1, 2, 18, 18)
    scores = convolved(x)
    assert scores.shape == (1, 5, 3, 3)
    for i in range(3):
        for j in range(3):
            crop = x[:, :, 2 * i : 2 * i + 14, 2 * j : 2 * j + 14]
            torch.testing.assert_close(scores[:, :, i, j], connected(crop))


def test_d5_five_poolings() -> None:
    """L258: 224/2/2/2/2/2 = 7."""
    assert output("INPUT(512, 224, 224) -> POOL*5") == (512, 7, 7)


# ---- E: the blueprint -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "bindings", "count", "parameters"),
    [
        pytest.param("INPUT -> FC", {"N": 0, "M": 0, "K": 0}, 1, 30_730, id="E1"),
        pytest.param("INPUT -> CONV -> RELU -> FC", {"N": 1, "pool": False, "M": 1, "K": 0}, 3, 123_226, id="E2"),
        pytest.param(
            "INPUT -> [CONV -> RELU -> POOL]*2 -> FC(64) -> RELU -> FC", {"N": 1, "M": 2, "K": 1}, 9, 51_510, id="E3"
        ),
        pytest.param(
            "INPUT -> [CONV -> RELU -> CONV -> RELU -> POOL]*3 -> [FC(64) -> RELU]*2 -> FC",
            {"N": 2, "pool": True, "M": 3, "K": 2},
            20,
            24_038,
            id="E4",
        ),
    ],
)
def test_blueprint(chain: str, bindings: dict[str, int | bool], count: int, parameters: int) -> None:
    """L287: an instance written out, and the family with N, M, K and the pooling bound."""
    written, bound = totals(PLAIN_CONV + chain), totals(PLAIN_CONV + BLUEPRINT, **bindings)
    assert (written.layers, written.parameters) == (count, parameters)
    assert bound == written


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("stages", range(4))
@pytest.mark.parametrize("connected", range(3))
def test_blueprint_within_its_usual_bounds(count: int, stages: int, connected: int) -> None:
    found = totals(PLAIN_CONV + BLUEPRINT, N=count, M=stages, K=connected)
    assert found.layers == (2 * count + 1) * stages + 2 * connected + 1


# ---- F: VGGNet --------------------------------------------------------------------------------------------

VGG = """INPUT(3, 224, 224)
  -> [ [CONV(c, 3, padding=1)]*n -> POOL for (c, n) in zip([64, 128, 256, 512, 512], [2, 2, 3, 3, 3]) ]
  -> FC(4096) -> FC(4096) -> FC(1000)"""
VGG_ROWS = [
    ((64, 224, 224), 3_211_264, 1_728),
    ((64, 224, 224), 3_211_264, 36_864),
    ((64, 112, 112), 802_816, 0),
    ((128, 112, 112), 1_605_632, 73_728),
    ((128, 112, 112), 1_605_632, 147_456),
    ((128, 56, 56), 401_408, 0),
    ((256, 56, 56), 802_816, 294_912),
    ((256, 56, 56), 802_816, 589_824),
    ((256, 56, 56), 802_816, 589_824),
    ((256, 28, 28), 200_704, 0),
    ((512, 28, 28), 401_408, 1_179_648),
    ((512, 28, 28), 401_408, 2_359_296),
    ((512, 28, 28), 401_408, 2_359_296),
    ((512, 14, 14), 100_352, 0),
    ((512, 14, 14), 100_352, 2_359_296),
    ((512, 14, 14), 100_352, 2_359_296),
    ((512, 14, 14), 100_352, 2_359_296),
    ((512, 7, 7), 25_088, 0),
    ((4096,), 4_096, 102_760_448),
    ((4096,), 4_096, 16_777_216),
    ((1000,), 1_000, 4_096_000),
]


def test_f_rows_of_vggnet() -> None:
    """L341: volume, activations and weights of every row."""
    found = layers(VGG)
    shapes = [layer.layer.outputs[0] for layer in found]
    assert [
        (shape, torch.Size(shape).numel(), weights(layer)) for shape, layer in zip(shapes, found, strict=True)
    ] == VGG_ROWS


def test_f_totals_of_vggnet() -> None:
    """L362: "138M" is right, with biases and without; "24M activations" is not: the rows sum to 15,237,608."""
    found = totals(VGG)
    assert sum(weights(layer) for layer in layers(VGG)) == 138_344_128
    assert found.parameters == 138_357_544
    assert found.elements + 3 * 224 * 224 == 15_237_608


# ---- G: transposed and dilated arithmetic -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "output_padding", "expected"),
    [
        pytest.param(2, 3, 1, 0, 0, 4, id="G8"),
        pytest.param(6, 4, 1, 2, 0, 5, id="G9"),
        pytest.param(2, 3, 2, 0, 0, 5, id="G10"),
        pytest.param(3, 3, 2, 1, 0, 5, id="G11"),
        pytest.param(3, 3, 2, 1, 1, 6, id="G12"),
    ],
)
def test_transposed_convolution(
    size: int, kernel: int, stride: int, padding: int, output_padding: int, expected: int
) -> None:
    assert transposed_output(size, kernel, stride, padding, output_padding) == expected
    direct = Window(expected, kernel, stride, (padding, padding))
    assert (direct.output, direct.remainder) == (size, output_padding)


def test_g7_two_sizes_share_an_output() -> None:
    """ "Despite different input sizes these share the same output size": 5 and 6."""
    assert [Window(size, 3, 2, (1, 1)).output for size in (5, 6)] == [3, 3]


def test_g13_dilated_convolution() -> None:
    assert output("INPUT(1, 7, 7) -> CONV(1, 3, dilation=2)") == (1, 3, 3)
