"""Lines of torch and Keras, pasted: what they mean here is written by `--fix`, and nothing else than they mean."""

from __future__ import annotations

import pytest

from archlang.checking import Request, check_source
from archlang.errors.words import closest, is_clear, meant
from archlang.fixing import fix_source
from archlang.ir.ops import WORDS
from archlang.source import Source

FIXED = [
    ("INPUT(64, 8, 8) -> GroupNorm(32, 64)", "INPUT(64, 8, 8) -> GroupNorm(32)"),
    ("INPUT(64, 8, 8) -> GroupNorm(num_groups=2, num_channels=64)", "INPUT(64, 8, 8) -> GroupNorm(num_groups=2)"),
    ("INPUT(4, 8, 8) -> Conv2d(4, 9, kernel_size=3)", "INPUT(4, 8, 8) -> Conv2d(9, kernel_size=3)"),
    ("INPUT(4, 8, 8) -> Conv2d(in_channels=4, out_channels=9, kernel_size=3)",
     "INPUT(4, 8, 8) -> Conv2d(out_channels=9, kernel_size=3)"),
    ("INPUT(4, 8, 8) -> nn.Conv2d(4, out_channels=9, kernel_size=3)",
     "INPUT(4, 8, 8) -> Conv2d(out_channels=9, kernel_size=3)"),
    ("INPUT(9, 64) -> MultiheadAttention(64, 8)", "INPUT(9, 64) -> MultiheadAttention(8)"),
    ("INPUT(9, 64) -> nn.MultiheadAttention(embed_dim=64, num_heads=8)",
     "INPUT(9, 64) -> MultiheadAttention(num_heads=8)"),
    ("INPUT(9, 8, 8) -> nn.BatchNorm2d(9) -> nn.ReLU(inplace=True) -> nn.MaxPool2d(2, 2)",
     "INPUT(9, 8, 8) -> BatchNorm2d -> ReLU(inplace=true) -> MaxPool2d(2, 2)"),
    ("INPUT(1, 28, 28) -> Conv2d(1, 6, 5) -> ReLU -> Conv2d(6, 16, 5)",
     "INPUT(1, 28, 28) -> Conv2d(6, 5) -> ReLU -> Conv2d(16, 5)"),
    ("INPUT(1, 28, 28) -> nn.Conv2d(1, 6, 5, bias=False) -> nn.ReLU(True) -> nn.MaxPool2d(2, 2) -> nn.Flatten()"
     " -> nn.Linear(864, 84)",
     "INPUT(1, 28, 28) -> Conv2d(6, 5, bias=false) -> ReLU(true) -> MaxPool2d(2, 2) -> Flatten() -> Linear(84)"),
    ("INPUT(64, 8, 8) -> nn.ConvTranspose2d(64, 32, 2, stride=2)",
     "INPUT(64, 8, 8) -> ConvTranspose2d(32, 2, stride=2)"),
    ("INPUT(3, 8, 8) -> nn.ZeroPad2d(1)", "INPUT(3, 8, 8) -> PAD(1)"),
    ("INPUT(3, 8, 8) -> ReflectionPad2d((1, 2, 3, 4))",
     'INPUT(3, 8, 8) -> PAD(before=(3, 1), after=(4, 2), mode="reflect")'),
    ("INPUT(3, 8) -> nn.ConstantPad1d((1, 0), 5.0)", "INPUT(3, 8) -> PAD(before=1, after=0, value=5.0)"),
    ("INPUT(3, 8, 8, 8) -> nn.CircularPad3d(padding=(1, 2, 3, 4, 5, 6))",
     'INPUT(3, 8, 8, 8) -> PAD(before=(5, 3, 1), after=(6, 4, 2), mode="circular")'),
    ("INPUT(216) -> nn.Unflatten(1, (6, 6, 6))", "INPUT(216) -> RESHAPE((6, 6, 6))"),
    ("INPUT(216) -> Unflatten(dim=1, unflattened_size=(6, 6, 6))", "INPUT(216) -> RESHAPE((6, 6, 6))"),
    ("INPUT(7) -> torch.nn.Linear(2, device=none)", "INPUT(7) -> Linear(2)"),
    ("INPUT(3, 8, 8) -> layers.MAXPOOL(2)", "INPUT(3, 8, 8) -> MAXPOOL(2)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fixed"), FIXED)
def test_fixed(text: str, fixed: str) -> None:
    found = fix_source(Source("net.arch", text), Request(), unsafe=False, allow=["all"])
    assert (found.source.text, found.outcome.ok) == (fixed, True)


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(64, 8, 8) -> GroupNorm(32, 48)",
        "INPUT(64, 8, 8) -> Conv2d(in_channels=3, out_channels=9, kernel_size=3)",
        "INPUT(64, 8, 8) -> LayerNorm((64, 8, 8))",
        "INPUT(64, 8, 8) -> FractionalMaxPool2d(2)",
        "INPUT(6, 6, 6) -> Unflatten(2, (3, 2))",
        "INPUT(64, 8, 8) -> Deconvolution(2)",
        "INPUT(64, 8, 8) -> nn.ZeroPad2d((1, 2, 3))",
        "INPUT(64, 8, 8) -> nn.ZeroPad2d",
    ],
)
def test_what_may_mean_something_else_is_left_to_the_author(text: str) -> None:
    """A number that is not the input's, and layers that archlang has not, are not written over."""
    found = fix_source(Source("net.arch", text), Request(), unsafe=False, allow=["all"])
    assert (found.source.text, found.outcome.ok) == (text, False)


@pytest.mark.parametrize(
    ("torch", "ours"),
    [
        ("AdaptiveAvgPool2d(1)", "AVGPOOL(to=1)"),
        ("AdaptiveAvgPool2d((2, 3))", "AVGPOOL(to=2x3)"),
        ("AdaptiveMaxPool2d(output_size=2)", "MAXPOOL(to=2)"),
    ],
)
def test_adaptive_poolings(torch: str, ours: str) -> None:
    texts = [f"INPUT(3, 8, 8) -> {layer}" for layer in (torch, ours)]
    ops = [check_source(Source("net.arch", text)).models[0].root.nodes[-1] for text in texts]
    assert ops[0] == ops[1]


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        ("AdaptiveAvgPool2d", "missing-argument"),
        ("AdaptiveAvgPool2d(kernel_size=2)", "unknown-argument"),
        ("AdaptiveAvgPool2d(2, 2)", "too-many-arguments"),
        ("AdaptiveAvgPool1d(2)", "wrong-rank"),
        ("AdaptiveAvgPool2d(0)", "out-of-range"),
    ],
)
def test_adaptive_poolings_have_torchs_arguments(layer: str, code: str) -> None:
    found = check_source(Source("net.arch", f"INPUT(3, 8, 8) -> {layer}")).diagnostics
    assert [d.code for d in found] == [code]


def test_a_default_of_poolings_is_none_of_adaptive_ones() -> None:
    text = "default AdaptiveAvgPool2d(2)\nINPUT(3, 8, 8) -> AVGPOOL -> AdaptiveAvgPool2d"
    (model,) = check_source(Source("net.arch", text)).models
    assert [node.outputs[0] for node in model.root.nodes] == [(3, 4, 4), (3, 2, 2)]


OPPOSITES = ["Unflatten", "DOWNSAMPLE", "PixelUnshuffle", "Unpool2d", "FractionalMaxPool2d", "DEFLATTEN"]


@pytest.mark.parametrize("word", OPPOSITES)
def test_opposites_are_not_suggested_with_certainty(word: str) -> None:
    suggestion = meant(word, WORDS)
    assert suggestion is None or not is_clear(word, suggestion, WORDS)
    assert suggestion not in ("Flatten", "FLATTEN", "UPSAMPLE", "Upsample", "MaxPool2d")


def test_misspelt_words_are_still_found() -> None:
    slips = {"Unpol": "Unpool", "DownSampel": "DownSample", "UPSAMPEL": "UPSAMPLE", "convtranpose2d": "ConvTranspose2d"}
    for slip, word in slips.items():
        assert closest(slip, {*WORDS, "Unpool", "DownSample"}) == word


@pytest.mark.parametrize(
    "text",
    [
        "nn.Sequential(\n  nn.Conv2d(3, 16, 5),\n  nn.ReLU(),\n)",
        "class Net(nn.Module):\n  def __init__(self):\n    pass",
        "model = Sequential([\n  Dense(10, activation='softmax')\n])",
        "self.conv = nn.Conv2d(3, 16, 5)",
    ],
)
def test_a_file_of_python_is_told_what_to_write(text: str) -> None:
    found = check_source(Source("net.arch", text)).diagnostics
    assert any("chain of stages" in line for d in found for line in d.problem.advice)


def helps(text: str) -> list[str]:
    outcome = check_source(Source("net.arch", text), Request())
    return [remedy.message for diagnostic in outcome.diagnostics for remedy in diagnostic.helps]


def test_a_line_of_torch_is_written_in_one_step() -> None:
    """Also where its number is not what flows in, which the author is then to look at."""
    assert helps("INPUT(3, 8, 8) -> nn.Conv2d(16, 32, 3, padding=1, bias=False)") == [
        "write Conv2d(32, 3, padding=1, bias=false)"
    ]
    assert helps("INPUT(3, 8) -> PAD((1, 0))") == ["write before=1, after=0 gives 3x9"]
    assert helps("INPUT(3, 8, 8) -> PAD((1, 2, 3, 4))") == ["write before=(3, 1), after=(4, 2) gives 3x15x11"]


@pytest.mark.parametrize("words", ["Conv2d(3, 3, 3)", "Conv2d(3, 4, 2)", "Conv2d(3, 2, 1)", "Conv2d(3, 5, 2)"])
def test_kernels_are_not_taken_for_filters(words: str) -> None:
    assert helps(f'INPUT(3, 20, 20) -> {words[:-1]}, round="floor")') == []
    assert check_source(Source("net.arch", f'INPUT(3, 20, 20) -> {words[:-1]}, round="floor")'), Request()).ok


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_pads_are_those_of_torch(axes: int) -> None:
    """torch's own layer gives the shape that the line written for it gives."""
    nn = pytest.importorskip("torch").nn
    import torch

    rows = tuple(range(1, 2 * axes + 1))
    expected = getattr(nn, f"ConstantPad{axes}d")(rows, 0.5)(torch.zeros(1, 2, *(9,) * axes)).shape[1:]
    text = f"INPUT(2, {', '.join(['9'] * axes)}) -> ConstantPad{axes}d({rows}, 0.5)"
    found = fix_source(Source("net.arch", text), Request(), unsafe=False, allow=["all"])
    assert found.outcome.models[0].outputs[0].shape == tuple(expected)
