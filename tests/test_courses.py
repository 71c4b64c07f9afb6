"""Courses, receptive fields by arithmetic, against those of positions that are followed one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from work import at_most

from archlang.checking import Request, check_source
from archlang.diagnostics.text import render
from archlang.ir.courses import MOST_PERIOD, Line, behind, identity
from archlang.ir.graph import Model
from archlang.ir.receptive import LONGEST_PERIOD, Effort, Receptive, TooFar, value_field
from archlang.reading import check_target
from archlang.report.columns import BY_NAME, Facts
from archlang.report.rows import Row, table_rows, walk_rows
from archlang.source import Source
from tests.programs import program


def model(text: str) -> Model:
    outcome = check_source(Source("net.arch", text), Request(), choose_one=True)
    assert outcome.models, render(outcome.diagnostics)
    return outcome.models[0]


def rows(made: Model) -> list[Row]:
    return [row for row, _ in walk_rows(table_rows(made)) if row.value is not None]


def fields(made: Model, some: Sequence[Row], effort: Effort) -> Iterator[dict[str, Receptive]]:
    for row in some:
        assert row.value is not None
        yield value_field(row.value.place, row.value.ref, row.outputs[0], effort)


def both_ways(made: Model, some: Sequence[Row]) -> None:
    by_hand = Effort(made)
    by_hand.charts = None
    both = zip(some, fields(made, some, Effort(made)), fields(made, some, by_hand), strict=True)
    for row, courses, followed in both:
        assert list(courses) == list(followed), row.path
        for name, course in courses.items():
            assert course.sizes == followed[name].sizes, row.path
            # of others the pattern is too long to be found by looking
            if all(stride.denominator <= LONGEST_PERIOD for stride in course.strides if stride):
                assert course.strides == followed[name].strides, row.path


@pytest.mark.parametrize(
    ("target", "name", "every"),
    [
        ("zoo:unet", "UNetPadded", 17),
        ("zoo:fcn", "FCN8s", 13),
        ("zoo:deconvnet", "DeconvNet", 29),
        ("zoo:densenet", "DenseNet121", 61),
        ("zoo:convnext", "ConvNeXt", 61),
        ("zoo:vit", "ViTB16", 41),
        ("zoo:efficientnet", "EfficientNetB0", 41),
        ("zoo:shufflenet", "ShuffleNetV2", 23),
        ("zoo:resnet", "ResNeXt50", 11),
        ("zoo:speech", "SpeechMaxout", 7),
        ("zoo:textcnn", "TextCNN", 3),
        ("zoo:coordconv", "DeconvPainter", 3),
    ],
)
def test_zoo(target: str, name: str, every: int) -> None:
    made = check_target(target, Request(name)).models[0]
    some = rows(made)
    both_ways(made, [*some[:3], *some[3:-2:every], *some[-2:]])


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    outcome = check_source(Source("net.arch", program(random.Random(f"courses{seed}"))))
    for made in outcome.models:
        if not made.is_symbolic:
            try:
                both_ways(made, rows(made)[:40])
            except TooFar:
                continue


@pytest.mark.parametrize(
    "text",
    [
        # up and down: positions of one period see differently much
        "INPUT(2, 64) -> MAXPOOL(2) -> UPSAMPLE(scale_factor=3) -> CONV(2, 4, stride=2) -> UPCONV(2, 2, stride=2)",
        'INPUT(2, 60, 40) -> UPSAMPLE(size=45x100, mode="bilinear") -> CONV(2, 3x5) -> UPSAMPLE(scale_factor=2)',
        "INPUT(2, 64) -> UPCONV(2, 1, stride=3) -> CONV(2, 2)",
        # branches at different speeds, axes that change places, all of a crop
        "INPUT(2, 32) -> ADD{ MAXPOOL(2), CROP(16) } -> CONV(2, 3)",
        "INPUT(2, 16, 16) -> ADD{ CONV(2, 3x1, padding=1x0), PERMUTE((1, 3, 2)) } -> CONV(2, 3)",
        "INPUT(2, 32) -> CROP(20) -> CONV(2, 3) -> AVGPOOL(to=1)",
        "INPUT(2, 32) -> SLICE(2, 4, 9) -> FC(3)",
        "INPUT(2, 30) -> AVGPOOL(to=7) -> CONV(2, 3)",
        # gates, groups, tokens, two inputs, parameters
        "INPUT(8, 30) -> MUL{ _, AVGPOOL(to=1) -> CONV(8, 1) -> SIGMOID } -> CONV(8, 5, groups=4) -> GN(2)",
        "INPUT(8, 30) -> CONV(8, 5, groups=4) -> CONV(4, 3, groups=2)",
        "INPUT(3, 32, 32) -> CONV(8, 4, stride=4) -> RESHAPE(8x64) -> PERMUTE((2, 1)) -> LINEAR(4) -> LINEAR(16)"
        " -> ATTENTION(2) -> LINEAR(2)",
        "ADD{ a: INPUT(2, 30), b: INPUT(2, 30) -> CONV(2, 3, padding=1) } -> CONV(2, 3)",
        "INPUT(2, 64) -> start: CONV(2, 9, padding=4) -> [ADD{ CONV(2, 3, padding=1), start }]*5",
        "INPUT(2, 256) -> [CONV(2, 3, stride=2, padding=1, round=\"floor\") -> RELU]*4 -> [UPSAMPLE(scale_factor=2)]*4",
    ],
)  # fmt: skip
def test_corners(text: str) -> None:
    made = model(text)
    both_ways(made, rows(made))


def lines() -> st.SearchStrategy[Line]:
    """Courses of windows and upsamplings."""
    windows = st.builds(lambda s, p, k: Line(0, s, (-p,), (k - p,)), st.integers(1, 3), st.integers(0, 3), small)
    nearest = st.integers(2, 4).map(lambda n: Line(0, 1, (0,) * n, (0,) * n))
    return windows | nearest


small = st.integers(0, 4)


@given(lines(), lines(), lines(), st.integers(-50, 50))
def test_order_of_composition(a: Line, b: Line, c: Line, p: int) -> None:
    """Courses are functions: they are chained as such, in any order of brackets."""
    left, right = behind(behind((a,), (b,)), (c,))[0], behind((a,), behind((b,), (c,)))[0]
    assert left == right
    assert isinstance(left, Line) and left.period <= MOST_PERIOD
    assert left.at(p, p) == c.at(*b.at(*a.at(p, p)))
    assert behind(identity(1), (a,)) == (a,) == behind((a,), identity(1))


def cells(made: Model, column: str) -> dict[str, str]:
    facts = Facts(made)
    return {row.path: BY_NAME[column].text(row, facts) for row, _ in walk_rows(table_rows(made))}


WAVENET = """
block gated(c, d) = ADD{
  _,
  MUL{
    PAD(before=d, after=0) -> CONV(c, 2, dilation=d) -> TANH,
    PAD(before=d, after=0) -> CONV(c, 2, dilation=d) -> SIGMOID
  } -> CONV(c, 1)
}
model WaveNet = INPUT(1, 16000) -> CONV(32, 1) -> [[gated(32, 2**i) for i in range(10)]]*3 -> RELU -> CONV(256, 1)
"""


def test_wavenet() -> None:
    """Ten layers of dilation 1 to 512 see 1024 samples: van den Oord et al., WaveNet, 2016. Three stacks see 3070."""
    found = cells(model(WAVENET), "receptive-field")
    assert found["gated10"] == "1024" and found["conv2"] == "3070"
    assert "n/a" not in found.values()
    assert set(cells(model(WAVENET), "stride").values()) == {"-", "1"}


def test_copies_cost_nothing() -> None:
    text = (
        "INPUT(2, 64) -> start: CONV(2, 3) -> [ADD{ CONV(2, 3, padding=1) -> CONV(2, 5, padding=2), start }]*1_000_000"
    )
    with at_most(200_000):
        assert cells(model(text), "receptive-field")["conv2 .. add1000000"] == str(3 + 6 * 1_000_000)
