"""Sub-pixel layers: values by hand, one undoing the other, what they see, and sizes left free."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archlang.checking import Request, check_source
from archlang.ir.graph import Model
from archlang.ir.paths import Place, find_place
from archlang.ir.receptive import output_field
from archlang.source import Source
from archlang.symbolic.legal import SymbolicModel


def model(text: str) -> Model:
    outcome = check_source(Source("net.arch", text), Request())
    assert outcome.ok, [(d.code, d.message) for d in outcome.diagnostics]
    return outcome.models[-1]


def sees(text: str, path: str) -> tuple[int | None, ...]:
    place = find_place(model(text), path)
    assert isinstance(place, Place)
    return output_field(place)["input"].sizes


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))
def test_shapes(factor: int, channels: int, height: int, width: int) -> None:
    small, large = (channels * factor**2, height, width), (channels, height * factor, width * factor)
    up = model(f"INPUT{small} -> PIXELSHUFFLE({factor})")
    down = model(f"INPUT{large} -> PIXELUNSHUFFLE({factor})")
    assert (up.outputs[0].shape, down.outputs[0].shape) == (large, small)


def test_values_and_the_way_back() -> None:
    torch = pytest.importorskip("torch")
    import archlang

    x = torch.arange(8.0).reshape(1, 8, 1, 1)
    up = archlang.loads("INPUT(8, 1, 1) -> PIXELSHUFFLE(2)")
    assert up(x).tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]
    both = archlang.loads("INPUT(8, 3, 5) -> PixelShuffle(upscale_factor=2) -> PixelUnshuffle(2)")
    x = torch.randn(2, 8, 3, 5)
    assert torch.equal(both(x), x)


def test_fields() -> None:
    chain = "INPUT(4, 12, 12) -> CONV(8, 3x3, padding=1) -> up: PIXELSHUFFLE(2) -> c: CONV(2, 3x3, padding=1)"
    # a 3x3 window spans two rows of what was shuffled, each of which sees three
    assert (sees(chain, "up"), sees(chain, "c")) == ((None, 3, 3), (None, 4, 4))
    chain = "INPUT(3, 12, 12) -> down: PIXELUNSHUFFLE(3) -> c: CONV(2, 2x2)"
    assert (sees(chain, "down")[1:], sees(chain, "c")) == ((3, 3), (None, 6, 6))


def test_free_sizes() -> None:
    """Both sizes are multiples of the factor; without bounds on the ways out this took for ever."""
    made = model("INPUT(3, H, W) -> PIXELUNSHUFFLE(4) -> CONV(16, 1) -> PIXELSHUFFLE(4)")
    assert made.is_symbolic
    assert made.with_numbers.outputs[0].shape[0] == 1
    assert all(size % 4 == 0 for size in made.with_numbers.inputs[0].shape[1:])


@pytest.mark.parametrize(
    ("text", "demand"),
    [
        ("INPUT(3, H, W) -> PIXELUNSHUFFLE(4)", "needs a multiple of 4"),
        ("INPUT(3, D, H, W) -> AVGPOOL((2, 7, 7), stride=1)", "needs a size of at least its window, 2x7x7"),
    ],
)
def test_what_sizes_left_free_must_be_is_said_in_a_few_words(text: str, demand: str) -> None:
    """It stands in a column of a table, which a whole sentence made 170 characters wide."""
    made = model(text)
    assert isinstance(made, SymbolicModel)
    assert {reason.demand for reason in made.reasons} == {demand}
