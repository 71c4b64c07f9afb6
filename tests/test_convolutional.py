"""Networks made convolutional: the same weights and names, equal to the network on every window of a larger picture."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

import archlang
from archlang import ArchitectureError
from archlang.ir.convolutional import convolutionalise
from archlang.ir.verify import verify_model

VGG = """
model VGG(widths = [4, 6, 8, 8, 8], classes = 5, P = 1) =
  INPUT(3, 224, 224)
  -> features: [ [CONV(w, 3x3, padding=P) -> RELU -> MAXPOOL(2, round="floor")] for w in widths ]
  -> avgpool: AVGPOOL(to=7x7) -> FLATTEN
  -> classifier: [ [FC(16) -> RELU -> DROPOUT(0.5)]*2 -> FC(classes) ]
"""


def pair(text: str, size: Any = None, **bindings: Any) -> tuple[Any, Any]:
    """A network, and the same made convolutional for inputs of another size, with its weights."""
    plain = archlang.loads(text, seed=0, **bindings).eval()
    for buffer in plain.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    made = archlang.loads(text, seed=1, convolutional=True, input=size, **bindings).eval()
    verify_model(made.arch)
    assert list(made.state_dict()) == list(plain.state_dict())
    assert archlang.transfer(plain, made).complete
    return plain, made


def windows(x: Tensor, size: tuple[int, ...], step: int) -> dict[tuple[int, ...], Tensor]:
    """The windows of a picture by their positions."""
    counts = [(n - s) // step + 1 for n, s in zip(x.shape[2:], size, strict=True)]
    positions = torch.cartesian_prod(*map(torch.arange, counts)).reshape(-1, len(counts)).tolist()
    cuts = {tuple(p): [slice(step * at, step * at + s) for at, s in zip(p, size, strict=True)] for p in positions}
    return {position: x[(slice(None), slice(None), *cut)] for position, cut in cuts.items()}


def picture(*shape: int) -> Tensor:
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))


def test_vgg_at_384_is_the_classifier_on_all_windows_of_the_map() -> None:
    plain, made = pair(VGG, (3, 384, 384))
    assert made.arch.outputs[0].shape == (5, 6, 6)
    x = picture(3, 384, 384)
    found, maps = made(x), plain.features(x)
    assert maps.shape[2:] == (12, 12)
    crops = windows(maps, (7, 7), 1)
    assert len(crops) == 36
    for (i, j), crop in crops.items():
        assert torch.allclose(found[:, :, i, j], plain.classifier(crop.flatten(1)), atol=1e-5)
    x = picture(3, 224, 224)
    assert torch.allclose(made(x).flatten(1), plain(x), atol=1e-5)


CROPPED = {
    "fc": (
        "INPUT(2, 14, 14) -> CONV(4, 3x3) -> RELU -> MAXPOOL(2) -> CONV(5, 3x3) -> RELU -> FC(6) -> RELU -> FC(3)",
        2,
    ),
    "blocks": (
        """block head(n) = DROPOUT -> FC(n) -> BN -> RELU
        model N = INPUT(2, 10, 10) -> body: [CONV(4, 3x3) -> RELU]*3 -> tail: [[head(6)]*3 -> FC(2) -> SOFTMAX]""",
        1,
    ),
    "pool": (
        "INPUT(2, 9, 9) -> CONV(4, 3x3) -> BN -> AVGPOOL(to=1) -> DROPOUT -> FLATTEN -> FC(3) -> LOGSOFTMAX(-1)",
        1,
    ),
    "maximum": (
        "INPUT(2, 8, 8) -> CONV(4, 3x3, stride=1) -> features: [MAXPOOL(to=1)] -> classifier: [RELU -> FC(3)]",
        1,
    ),
    "parts": ("INPUT(2, 8, 8) -> CONV(4, 3x3) -> AVGPOOL(to=2) -> FC(5) -> LN -> GELU -> FC(2)", 3),
    "joins": (
        "INPUT(2, 6, 6) -> CONV(3, 3x3) -> FC(4) -> ADD{ _, [FC(4) -> TANH] } -> CONCAT{ _, FC(2) } -> MAXOUT(2) -> FC(3)",
        1,
    ),
    "line": ("INPUT(3, 11) -> CONV(4, 3) -> RELU -> FLATTEN -> DROPOUT -> LINEAR(5) -> SCALE -> FC(2)", 1),
    "volume": ("INPUT(1, 5, 6, 7) -> CONV(2, 3x3x3) -> FC(3) -> FC(2)", 1),
    "repeats": ("INPUT(2, 6, 6) -> [FC(4) -> RELU]*5 -> FC(4)", 1),
}


@pytest.mark.parametrize("name", CROPPED)
def test_it_is_the_network_on_every_crop(name: str) -> None:
    text, step = CROPPED[name]
    plain = archlang.loads(text).arch.inputs[0].shape
    larger = (plain[0], *(size + 2 * step + axis * step for axis, size in enumerate(plain[1:])))
    network, made = pair(text, larger)
    x = picture(*larger)
    found = made(x)
    crops = windows(x, plain[1:], step)
    assert found[0, 0].numel() == len(crops) > 2
    for position, crop in crops.items():
        assert torch.allclose(found[(slice(None), slice(None), *position)], network(crop), atol=1e-5), position


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=3),
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_any_widths_and_sizes(convs: list[tuple[int, int]], heads: list[int], more: tuple[int, int]) -> None:
    body = " -> ".join(f"CONV({c}, {k}x{k}) -> RELU" for c, k in convs)
    text = f"INPUT(2, 9, 8) -> {body} -> {' -> RELU -> '.join(f'FC({n})' for n in heads)}"
    larger = (2, 9 + more[0], 8 + more[1])
    network, made = pair(text, larger)
    x = picture(*larger)
    found = made(x)
    assert found.shape == (2, heads[-1], more[0] + 1, more[1] + 1)
    assert torch.allclose(found[..., -1, -1], network(x[..., more[0] :, more[1] :]), atol=1e-5)


BETWEEN = [
    "SCALE", "PRELU(channels=true)", "BN", "LN(channels_first=true)", "SOFTMAX", "LOGSOFTMAX(-3)", "MAXOUT(2)", "LRN(3)",
    "CONV(4, 1x1)", "SHUFFLE(2)", "SLICE(1, 0, 4)", "SELECT((3, 1, 0, 2))", "CHANNELDROPOUT", "[BN -> TANH]*3",
    "ADD{ _, RELU }", "MUL{ _, CONV(1, 1x1) -> SIGMOID }", "CONCAT{ _, CONV(4, 1x1) -> TANH }", "IDENTITY",
]  # fmt: skip
BEHIND = ["BN", "LN", "SOFTMAX", "FC(4)", "SLICE(1, 0, 4)", "SELECT((3, 1, 0, 2))", "ADD{ _, TANH }", "SCALE"]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([("AVGPOOL", 1), ("MAXPOOL", 1), ("AVGPOOL", 2), ("AVGPOOL", 3), ("MAXPOOL", 6)]),
    st.lists(st.sampled_from(BETWEEN), max_size=3),
    st.lists(st.sampled_from(BEHIND), max_size=2),
    st.booleans(),
    st.tuples(st.integers(0, 7), st.integers(0, 7)),
)
def test_whatever_treats_positions_alike_may_stand_behind_a_pooling(
    pool: tuple[str, int], between: list[str], behind: list[str], grouped: bool, more: tuple[int, int]
) -> None:
    word, to = pool
    # what mixes the numbers of a flattened map would be refused: then FC comes first.
    head = " -> ".join([*between, *(["FC(6)"] if to > 1 else ["FLATTEN"]), *behind, "FC(3)"])
    text = f"INPUT(2, 8, 8) -> CONV(4, 3x3) -> {word}(to={to}) -> " + (f"head: [{head}]" if grouped else head)
    larger = (2, 8 + more[0], 8 + more[1])
    assume(archlang.checks(text).ok)  # there may be too few channels left
    network, made = pair(text, larger)
    x = picture(*larger)
    found = made(x)
    # one bin moves by single positions, several by their own size; of the map of 6 rows each has 6/to.
    crops = windows(x, (8, 8), 1 if to in (1, 6) else 6 // to)
    assert found[0, 0].numel() == len(crops)
    for position, crop in crops.items():
        assert torch.allclose(found[(slice(None), slice(None), *position)], network(crop), atol=1e-5), position


def test_several_poolings_of_one_map() -> None:
    text = "INPUT(2, 8, 8) -> CONV(4, 3x3) -> CONCAT{ AVGPOOL(to=1), MAXPOOL(to=1), CONV(2, 6x6) } -> FC(3)"
    network, made = pair(text, (2, 9, 10))
    x = picture(2, 9, 10)
    assert made(x).shape == (2, 3, 2, 3)
    assert torch.allclose(made(x)[:, :, 1, 2], network(x[..., 1:, 2:]), atol=1e-5)


def test_a_gate_of_the_whole_map_stays_one() -> None:
    gate = "MUL{ _, [AVGPOOL(to=1) -> CONV(4, 1x1) -> SIGMOID] }"
    network, made = pair(f"INPUT(2, 8, 8) -> CONV(4, 3x3) -> {gate} -> AVGPOOL(to=1) -> FC(3)", (2, 9, 10))
    assert made(picture(2, 9, 10)).shape == (2, 3, 2, 3)
    x = picture(2, 8, 8)
    assert torch.allclose(made(x).flatten(1), network(x), atol=1e-5)


def test_several_inputs_and_side_outputs() -> None:
    text = """model N = CONCAT{ a: INPUT(1, 4, 4) -> t: [CONV(2, 3x3) -> FC(3)], b: INPUT(1, 4, 4) -> SHARE(t) }
      -> OUTPUT{ early: FC(2) } -> AUX{ aux: FC(1) } -> FC(2)"""
    plain, made = pair(text, {"a": (1, 5, 5), "b": (1, 5, 5)})
    assert [output.shape for output in made.arch.outputs] == [(2, 2, 2), (2, 2, 2), (1, 2, 2)]
    x, y = picture(1, 5, 5), picture(1, 5, 5)
    for one, other in zip(made(x, y), plain(x[..., 1:, 1:], y[..., 1:, 1:]), strict=True):
        assert torch.allclose(one[..., 1, 1], other, atol=1e-5)


def test_a_million_copies_are_not_unrolled() -> None:
    model = archlang.checks("INPUT(2, 6, 6) -> [FC(4) -> RELU]*1_000_000 -> FC(4)").models[0]
    assert len(convolutionalise(model).bodies) < 10


def test_it_can_be_cut_and_seeded() -> None:
    net = archlang.loads(VGG, convolutional=True, until="classifier.0", init="he", input=(3, 256, 224), P=1)
    assert net.arch.outputs[0].shape == (16, 2, 1)
    assert not net.classifier[0].bias.any()


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("INPUT(3, 8, 8) -> CONV(4, 3x3)", None, "convolutional cannot take `Net`"),
        ("INPUT(8) -> FC(4)", None, "convolutional cannot take"),
        ("INPUT(3, 4, 4) -> FLATTEN -> BN -> FC(2)", None, "BN of line 1"),
        ("INPUT(3, 4, 4) -> FLATTEN -> SOFTMAX -> FC(2)", None, "SOFTMAX of line 1"),
        ("INPUT(3, 4, 4) -> FC(4) -> RESHAPE((4, 1))", None, "RESHAPE of line 1"),
        ("INPUT(3, 5, 5) -> AVGPOOL(to=2) -> FC(4)", None, "2x2 equal windows, not 5x5"),
        ("INPUT(3, 4, 4) -> AVGPOOL(to=1) -> GN(1) -> FC(2)", None, "`AVGPOOL of line 1`: expected between it and FC"),
        ("INPUT(3, 4, 4) -> AVGPOOL(to=1) -> CONV(2, 3, padding=1) -> FC(2)", (3, 6, 6), "AVGPOOL of line 1"),
        ("INPUT(3, 4, 4) -> AVGPOOL(to=2) -> SOFTMAX(-1) -> RELU -> a: [FC(2)]", (3, 6, 6), "AVGPOOL of line 1"),
        ("INPUT(3, 4, 4) -> AVGPOOL(to=2) -> FLATTEN(2) -> CONV(2, 1) -> FC(2)", (3, 6, 6), "AVGPOOL of line 1"),
        ("INPUT(3, 4, 4) -> UPSAMPLE(size=6) -> FC(2)", (3, 5, 5), "UPSAMPLE of line 1"),
        ("INPUT(3, 4, 4) -> ADD{ _, AVGPOOL(to=1) -> RELU } -> AVGPOOL(to=1) -> GN(3) -> FC(2)", None, "AVGPOOL"),
        (
            "INPUT(3, 5, 5) -> CONV(4, 3x3) -> LINEAR(4) -> FC(3)",
            (3, 7, 6),
            "LINEAR of line 1`: expected a layer whose",
        ),
        ("INPUT(3, 5, 5) -> LN -> FC(3)", (3, 7, 6), "LN of line 1`: expected a layer whose weights"),
        ("INPUT(3, 5, 5) -> LN(dim=1) -> [CONV(3, 3x3)]*2 -> FC(3)", (3, 7, 6), "LN of line 1"),
        ("INPUT(3, 5, 5) -> SCALE(dim=-1) -> FC(3)", (3, 7, 6), "SCALE of line 1"),
        ("INPUT(3, 5, 5) -> CONV(4, 3x3) -> FC(4)", (3, 2, 2), "does not fit"),
        ("INPUT(3, 5, 5) -> FC(4)", (3, 4, 4), "does not fit"),
        ("INPUT(3, 5, 5) -> FC(4)", (1, 8, 8), "channels of 3x5x5"),
        ("INPUT(3, 5, 5) -> FC(4)", (3, "H", "W"), "sizes as numbers"),
        ("INPUT(3, 5, 5) -> FC(4)", {"x": (3, 6, 6)}, "cannot take `x`"),
        ("INPUT(3, 5, 5) -> FC(4)", (), "cannot take"),
    ],
)
def test_what_cannot_be_convolutional(text: str, shape: Any, message: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        archlang.loads(text, convolutional=True, input=shape)
    assert message in str(caught.value)
