"""Words that are like one of ours and another function: nothing is offered that would make another network."""

from __future__ import annotations

import pytest

from archlang.checking import Request, check_source
from archlang.diagnostics import Diagnostic
from archlang.elaborate.fixes import apply_edits
from archlang.errors.words import ANOTHER, NICKNAMES
from archlang.ir.ops import WORDS
from archlang.source import Source


def only(text: str) -> Diagnostic:
    (found,) = check_source(Source("net.arch", text), Request()).diagnostics
    return found


@pytest.mark.parametrize("word", ["MATMUL", "GLU", "RNN", "Softmin", "Softsign", "RReLU", "Hardshrink", "AlphaDropout"])
def test_another_function_is_no_slip(word: str) -> None:
    found = only(f"INPUT(4, 8) -> {word} -> FC(3)")
    assert (found.code, found.helps) == ("unknown-layer", ())


def test_none_of_them_is_a_word() -> None:
    assert not ANOTHER & {word.lower() for word in WORDS}
    assert not ANOTHER & set(NICKNAMES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("BatchNorm(4)", "BN"),
        ("BatchNorm(4, eps=0.1)", "BN(eps=0.1)"),
        ("InstanceNorm(4)", "IN"),
        ("PReLU(4)", "PReLU(channels=true)"),
        ("PReLU(num_parameters=4, fill=0.1)", "PReLU(channels=true, fill=0.1)"),
        ("nn.PReLU(4)", "PReLU(channels=true)"),
        ("nn.PReLU(1)", "PReLU"),
        ("PReLU(1)", "PReLU"),
        ('"block1-0": RELU', '"block1_0": RELU'),
    ],
)
def test_offers_mean_the_same(before: str, after: str) -> None:
    text = f"INPUT(4, 8, 8) -> {before} -> CONV(4, 1)"
    found = only(text)
    edits = next(help_.edits for help_ in found.helps if help_.edits)
    assert apply_edits(text, edits) == text.replace(before, after)


@pytest.mark.parametrize("sizes", [(2, 2, 2, 2, 4), (4, 4, 2, 2, 1, 1, 1)])
def test_reshape_takes_as_many_axes_as_torch(sizes: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    import archlang

    net = archlang.loads(f"INPUT(64) -> RESHAPE({sizes}) -> FC(3)", seed=0)
    assert net.activations(torch.zeros(2, 64), "reshape1")["reshape1"].shape == (2, *sizes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x: _ -> RELU", "RELU"),
        ("x: _ # here\n -> RELU", "_ # here\n -> RELU"),
        ("ADD{ x: _, RELU }", "ADD{ _, RELU }"),
    ],
)
def test_an_unused_label_goes_with_its_underscore(before: str, after: str) -> None:
    from archlang.lints import with_lints

    text = f"INPUT(4, 8, 8) -> CONV(4, 3x3, padding=1) -> {before} -> FC(3)"
    (found,) = with_lints(check_source(Source("net.arch", text), Request())).diagnostics
    assert found.code == "unused-label"
    assert apply_edits(text, found.helps[0].edits) == text.replace(before, after)
