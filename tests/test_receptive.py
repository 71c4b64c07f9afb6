"""Receptive fields against brute force (sets of positions), known networks, and gradients of torch."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archlang.checking import Request, check_source
from archlang.diagnostics.text import render
from archlang.ir.courses import FAR
from archlang.ir.graph import Model
from archlang.ir.paths import Place, find_place
from archlang.ir.receptive import MOST_POSITIONS, Receptive, input_field, output_field
from archlang.ir.walk import flatten
from archlang.reading import check_target
from archlang.source import Source

Reads = Callable[[int], set[int]]
"""The positions of the input that one position of the output depends on, as if there were no border."""

SIZE = 96


def model(text: str) -> Model:
    outcome = check_source(Source("net.arch", text), Request(), choose_one=True)
    assert outcome.ok, render(outcome.diagnostics)
    return outcome.models[0]


def place(made: Model, path: str) -> Place:
    found = find_place(made, path)
    assert isinstance(found, Place)
    return found


def field(made: Model, path: str) -> Receptive:
    return output_field(place(made, path))["input"]


# ---- brute force -------------------------------------------------------------------------------------


def window(k: int, s: int, p: int, d: int) -> Reads:
    return lambda o: {o * s - p + d * i for i in range(k)}


def transposed(k: int, s: int, p: int) -> Reads:
    return lambda o: {(o + p - i) // s for i in range(k) if (o + p - i) % s == 0}


def linear(factor: int) -> Reads:
    def reads(o: int) -> set[int]:
        at = (Fraction(2 * o + 1, 2)) / factor - Fraction(1, 2)
        return {at.__floor__(), at.__ceil__()}

    return reads


small = st.integers(1, 4)


@st.composite
def stages(draw: st.DrawFn) -> tuple[str, Reads]:
    """A layer over one axis, and what it reads."""
    kind = draw(st.sampled_from(("conv", "pool", "upconv", "nearest", "linear", "pad", "crop", "relu")))
    k, s = draw(small), draw(small)
    if kind == "conv":
        p, d = draw(st.integers(0, 3)), draw(st.integers(1, 3))
        return f'CONV(2, {k}, stride={s}, padding={p}, dilation={d}, round="floor")', window(k, s, p, d)
    if kind == "pool":
        p = draw(st.integers(0, k // 2))
        return f'AVGPOOL({k}, stride={s}, padding={p}, round="floor")', window(k, s, p, 1)
    if kind == "upconv":
        p = draw(st.integers(0, 2))
        return f"UPCONV(2, {k + s}, stride={s}, padding={p})", transposed(k + s, s, p)
    if kind == "nearest":
        return f"UPSAMPLE(scale_factor={s})", lambda o: {o // s}
    if kind == "linear":
        return f'UPSAMPLE(scale_factor={s}, mode="linear")', linear(s)
    if kind == "pad":
        return f"PAD(before={k}, after={s})", lambda o: {o - k}
    if kind == "crop":
        return f"SLICE(2, {k}, -{s})", lambda o: {o + k}
    return "RELU", lambda o: {o}


def seen(chain: list[Reads], position: int) -> set[int]:
    """What a position behind a chain of layers depends on."""
    positions = {position}
    for reads in reversed(chain):
        positions = set().union(*(reads(at) for at in positions))
    return positions


def extent(positions: set[int]) -> int:
    return max(positions) - min(positions) + 1


@settings(max_examples=150, deadline=None)
@given(st.lists(stages(), min_size=1, max_size=5))
def test_chains(chain: list[tuple[str, Reads]]) -> None:
    text = " -> ".join((f"INPUT(2, {SIZE})", *(words for words, _ in chain)))
    outcome = check_source(Source("net.arch", text))
    if not outcome.ok:
        return
    made = outcome.models[0]
    reads = [stage for _, stage in chain]
    layers = list(flatten(made))
    grows = any(flat.layer.outputs[0][1] > flat.inputs[0][1] for flat in layers)
    last = layers[-1]
    found = field(made, last.path)
    positions = range(min(max(last.layer.outputs[0]), MOST_POSITIONS)) if grows else range(1)
    assert found.sizes[1] == max(extent(seen(reads, position)) for position in positions), text
    moved = min(seen(reads, FAR)) - min(seen(reads, 0))
    assert found.strides[1] == Fraction(moved, FAR), text


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from((1, 3, 5, 7)), max_size=4), min_size=2, max_size=4))
def test_branches_see_what_the_largest_sees(branches: list[list[int]]) -> None:
    chains = [" -> ".join(f"CONV(2, {k}, padding={k // 2})" for k in kernels) or "_" for kernels in branches]
    made = model(f"INPUT(2, 64) -> ADD{{ {', '.join(chains)} }}")
    largest = max(sum(k - 1 for k in kernels) + 1 for kernels in branches)
    assert field(made, "add1").sizes[1] == largest


@st.composite
def halves(draw: st.DrawFn) -> tuple[str, Reads]:
    """A branch that makes 48 positions of 96, and what it reads: mostly two further on, but not all of them."""
    kind = draw(st.sampled_from(("pool", "crop", "corners", "nearest", "slower")))
    if kind == "pool":
        k = draw(small)
        return f'AVGPOOL({k}, stride=2, round="floor") -> UPSAMPLE(size=48)', lambda o: {
            o * ((96 - k) // 2 + 1) // 48 * 2 + i for i in range(k)
        }
    if kind == "crop":
        start = draw(st.integers(0, 48))
        return f"SLICE(2, {start}, {start + 48})", lambda o: {o + start}
    if kind == "corners":
        n = draw(st.sampled_from((2, 3, 4, 6, 8, 12, 24)))

        def between(o: int) -> set[int]:
            at = Fraction(o * (n - 1), 47)
            return {row * (96 // n) + i for row in (at.__floor__(), at.__ceil__()) for i in range(96 // n)}

        return f'AVGPOOL({96 // n}) -> UPSAMPLE(size=48, mode="linear", align_corners=true)', between
    if kind == "nearest":
        return "AVGPOOL(4) -> UPSAMPLE(scale_factor=2)", lambda o: {o // 2 * 4 + i for i in range(4)}
    size = draw(st.integers(20, 90))
    return f"SLICE(2, 0, {size}) -> UPSAMPLE(size=48)", lambda o: {o * size // 48}


def even_stride(reads: Reads) -> Fraction | None:
    """By how much both ends move for one position, if they do so evenly: all branches above repeat after 47*48."""
    period = 47 * 48
    ends = [(min(found), max(found)) for found in map(reads, range(2 * period))]
    moved = {move for a, b in zip(ends, ends[period:], strict=False) for move in (b[0] - a[0], b[1] - a[1])}
    return Fraction(moved.pop(), period) if len(moved) == 1 else None


@settings(max_examples=15, deadline=None)
@given(st.lists(halves(), min_size=1, max_size=3), st.integers(0, 2))
def test_strides_behind_joins_are_exact_or_none(branches: list[tuple[str, Reads]], further: int) -> None:
    chains = ", ".join(words for words, _ in branches)
    joined = f"CONCAT{{ {chains} }}" if len(branches) > 1 else chains
    made = model(f"INPUT(1, 96) -> {joined}" + " -> CONV(2, 3, padding=1)" * further)

    def reads(o: int) -> set[int]:
        """The ends of what the branches see, widened by the convolutions."""
        return {
            p
            for _, each in branches
            for at in range(o - further, o + further + 1)
            for p in (min(each(at)), max(each(at)))
        }

    found = field(made, list(flatten(made))[-1].path).strides[1]
    assert found == even_stride(reads), chains


def test_a_stride_is_no_rounded_slope() -> None:
    """92/47 apart on one branch, 2 on the other: drawn apart, they have none in common; at first both had FAR below."""
    made = model(
        "INPUT(3, 96, 96) -> MAXPOOL(2) -> a: CONV(4, 3x3, padding=1) -> MAXPOOL(2)"
        ' -> up: UPSAMPLE(scale_factor=2, mode="bilinear", align_corners=true) -> CONCAT{ a, _ }'
        " -> CONV(4, 3x3, padding=1) -> CONV(4, 3x3, padding=1)"
    )
    strides = {path: field(made, path).strides[1] for path in ("up", "concat1", "conv2", "conv3")}
    assert strides == {"up": Fraction(92, 47), "concat1": None, "conv2": None, "conv3": None}


# ---- known figures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "name", "path", "size", "stride"),
    [
        ("zoo:alexnet", "AlexNet", "features.12", 195, 32),
        ("zoo:vgg", "VGG16", "features.30", 212, 32),
        ("zoo:resnet", "ResNet18", "layer4", 435, 32),
        ("zoo:resnet", "ResNet50", "layer4", 427, 32),
        ("zoo:fcn", "FCN32s", "score", 404, 32),
        ("zoo:inception", "InceptionV3", "Mixed_7c", 1311, 32),
    ],
)
def test_known_networks(target: str, name: str, path: str, size: int, stride: int) -> None:
    """Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks. Distill 2019; torchvision has
    the stride of ResNet-50's blocks in the 3x3 convolutions."""
    found = field(check_target(target, Request(name)).models[0], path)
    assert found.sizes[1:] == (size, size)
    assert found.strides[1:] == (stride, stride)


def test_copies_are_followed_one_by_one() -> None:
    made = model("INPUT(2, 64) -> a: [CONV(2, 3, padding=1) -> [CONV(2, 3, padding=1)]*2]*3 -> CONV(2, 3, padding=1)")
    assert [field(made, flat.path).sizes[1] for flat in flatten(made)] == list(range(3, 23, 2))


def test_labels_inside_repeats_go_to_each_copy() -> None:
    made = model("INPUT(2, 64) -> start: CONV(2, 9, padding=4) -> [ADD{ CONV(2, 3, padding=1), start }]*3")
    assert [field(made, f"add{n}").sizes[1] for n in (1, 2, 3)] == [11, 13, 15]


def test_what_flows_in() -> None:
    made = model("INPUT(2, 64) -> CONV(2, 3) -> MAXPOOL(2)")
    assert input_field(place(made, "conv1"))["input"] == Receptive((1, 1), (Fraction(1), Fraction(1)))
    assert input_field(place(made, "pool1"))["input"].sizes == (None, 3)


def test_tokens_see_their_patch_until_they_attend() -> None:
    made = check_target("zoo:vit", Request(), choose_one=True).models[0]
    first = "encoder.layers.encoder_layer_0"
    assert field(made, f"{first}.ln_1").sizes == (None, 16, 16)
    assert field(made, f"{first}.self_attention").sizes == (None, None, None)


# ---- torch -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(1, 60) -> CONV(2, 3) -> AVGPOOL(2) -> CONV(2, 5, stride=2, dilation=2) -> RELU",
        "INPUT(1, 64) -> CONV(2, 3, padding=1) -> top: RELU -> AVGPOOL(2) -> CONV(2, 3, padding=1) -> mid: RELU"
        " -> AVGPOOL(2) -> CONV(2, 3, padding=1) -> UPCONV(2, 2, stride=2) -> CONCAT{ mid, _ } -> CONV(2, 3, padding=1)"
        " -> UPCONV(2, 2, stride=2) -> CONCAT{ top, _ } -> CONV(2, 3, padding=1)",
        'INPUT(1, 60) -> AVGPOOL(3) -> UPSAMPLE(scale_factor=2, mode="linear") -> CONV(1, 3, padding=1)',
        "INPUT(1, 60) -> MUL{ CONV(1, 7, padding=3), CONV(1, 3, padding=1) -> SIGMOID }",
        "INPUT(4, 60) -> GN(2) -> CONV(4, 3)",
    ],
)
def test_gradients(text: str) -> None:
    """Positions of the input with a gradient are those that are seen: the most of any position away from the border."""
    torch = pytest.importorskip("torch")
    import archlang

    made = model(text)
    last = list(flatten(made))[-1]
    net = archlang.loads(text, seed=0).double().eval()
    for weights in net.parameters():
        weights.data.abs_()  # so that no ReLU is off
    picture = torch.rand(1, *made.inputs[0].shape, dtype=torch.float64, requires_grad=True)
    output = net(picture)
    length = output.shape[-1]
    extents: list[int] = []
    for position in range(length // 3, 2 * length // 3 + 1):
        (gradient,) = torch.autograd.grad(output[..., position].square().sum(), picture, retain_graph=True)
        touched = gradient.abs().sum(dim=(0, 1)).nonzero().flatten()
        extents.append(int(touched.max() - touched.min()) + 1)
    found = field(made, last.path).sizes[1]
    assert max(extents) == (made.inputs[0].shape[1] if found is None else found)
