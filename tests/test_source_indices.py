"""Loops whose numbers follow from the place of a copy, as the author wrote them: `drop * (before + i)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_source_arguments import arguments_of, opened, written
from torch import nn

from archlang.backends.torch_module import build_module
from archlang.backends.torch_source import write_source
from archlang.reading import read_source
from archlang.source import Source
from archlang.variants import Variants


def text_of(text: str) -> str:
    """The classes that are written for a text."""
    model, variants = opened(Source("test.arch", text))
    return write_source(model, "test.arch", variants).split("class ", 1)[1]


def leaves(net: nn.Module) -> list[tuple[str, str, float | None]]:
    """What a module is made of, with all its numbers, in order of execution as far as it is a chain."""
    modules: Any = net.modules()  # its type is not known in full
    return [
        (type(one).__name__, one.extra_repr(), getattr(one, "p", None)) for one in modules if not list(one.children())
    ]


def assert_alike(made: type[nn.Module], variants: Variants, values: Mapping[str, Any]) -> None:
    """For legal values both backends make the same."""
    model = variants.make(values)
    if model is not None:
        live = [leaf for leaf in leaves(build_module(model, device="meta")) if leaf[0] != "Flatten"]
        assert [leaf for leaf in leaves(made(**values)) if leaf[0] != "Flatten"] == live


FORMULAS = {
    "places": (
        "block stage(c, n, first) = [CONV(c, 1x1) -> DROPOUT(0.1 * (first + i) / 8) for i in range(n)]"
        "\nmodel Net(c = 4, n = 3) = INPUT(3, 4, 4) -> stage(c, n, 0) -> stage(c, 2, 3) -> FC(2)",
        ["nn.Dropout(0.1 * (first + i) / 8)", "for i in range(n):"],
    ),
    "the first is another": (
        "block stage(c, n, s) = [CONV(c, 1x1, stride=s if i == 0 else 1) for i in range(n)]"
        "\nmodel Net(c = 4) = INPUT(3, 16, 16) -> stage(c, 4, 1) -> stage(c, 3, 5) -> FC(2)",
        ["stride=s if i == 0 else 1", "for i in range(n):"],
    ),
    "from the second on": (
        "block half(c) = RELU -> CONV(c, 1x1)"
        "\nmodel Net(w = [4, 8, 12, 5, 6], p = 0.5) = INPUT(3, 8, 8) -> body: [half(w[i])?(i > 0) -> CONV(w[i], 1x1) "
        "-> DROPOUT(p * sum([w[j] for j in range(i)]) / 100) for i in range(5)] -> FC(2)",
        ["p * sum(w[j] for j in range(i)) / 100", "for i in range(1, 5):"],
    ),
    "labels, too": (
        'model Net(c = 2, p = 0.5) = INPUT(3, 4, 4) -> body: ["layer{i + 1}": [CONV(c, 1x1) -> DROPOUT(p * i / 9)] '
        "for i in range(9)] -> FC(2)",
        ["nn.Dropout(p * i / 9)", 'f"layer{i + 1}"', "for i in range(9):"],
    ),
    "a table and a place": (
        "block stage(sizes, p) = [CONV(sizes[i], 1x1) -> CONV(c, 1x1) -> DROPOUT(p * i / 100) "
        "for (i, c) in [(0, 3), (1, 7), (2, 4), (3, 9)]]"
        "\nmodel Net(sizes = [3, 4, 9, 5], p = 0.5) = INPUT(3, 4, 4) -> stage(sizes, p) -> stage(sizes, p / 2) -> FC(2)",
        ["p * i / 100", "enumerate("],
    ),
}
"""Texts, and what must stand in the source."""


@pytest.mark.parametrize(("text", "expected"), FORMULAS.values(), ids=FORMULAS)
def test_formulas_are_the_authors(text: str, expected: list[str]) -> None:
    source = text_of(text)
    for part in expected:
        assert part in source
    model, variants = opened(Source("test.arch", text))
    made = written(model, variants)
    assert_alike(made, variants, {})
    for name in arguments_of(made):
        value = variants.parameters[name]
        other = (
            tuple(number + 2 for number in value) if isinstance(value, tuple) else value / 2 if value < 1 else value + 3
        )
        assert_alike(made, variants, {name: other})


def test_the_files_own_numbers_are_no_places() -> None:
    source = text_of("""
        let step = 4
        model Net(c = 2) = INPUT(3, 4, 4) -> [CONV(c, 1x1) -> DROPOUT(q * step / 100) for q in [0, 1, 2, 5, 9, 3, 4]]
          -> FC(2)""")
    assert "for step" not in source
    assert "step" not in source.split("forward")[0]


def test_efficientnet_and_convnext_read_like_their_papers() -> None:
    source = write_source(*_opened("zoo:efficientnet"))
    assert "stride=stride if i == 0 else 1" in source
    assert "drop=0.2 * (first + i) / 16" in source
    made = written(*opened(read_source("zoo:convnext"), "ConvNeXt"))
    assert set(arguments_of(made)) == {"widths", "drop", "classes"}, "`range(depths[i])` decides which copies there are"
    _, variants = opened(read_source("zoo:convnext"), "ConvNeXt")
    for values in ({"drop": 0.25, "widths": (8, 16, 24, 32)}, {"drop": 0.0}):
        assert_alike(made, variants, values)


def _opened(name: str) -> tuple[Any, str, Variants]:
    model, variants = opened(read_source(name))
    return model, "test.arch", variants


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["c + i", "c * 2 ** i", "c if i == 0 else 2 * c", "c + k * i", "c + i % 2", "max(c, 3 * i)", "c + sizes[i]"]),
    st.sampled_from(["p", "p * i / 9", "p / (i + 1)", "0.1 * i", "p if i > 1 else 0.0"]),
    st.integers(1, 6),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.25, 0.9]),
)  # fmt: skip
def test_random_formulas(width: str, drop: str, copies: int, c: int, p: float) -> None:
    text = f"""
        block stage(c, k, p, sizes, n) = [CONV({width}, 1x1) -> RELU -> DROPOUT({drop}) for i in range(n)]
        model Net(c = 4, p = 0.5, sizes = [1, 5, 2, 8, 3, 4]) =
          INPUT(3, 4, 4) -> stage(c, 3, p, sizes, {copies}) -> stage(2 * c, 2, p / 2, sizes, 6) -> FC(2)"""
    model, variants = opened(Source("test.arch", text))
    made = written(model, variants)
    given_values = {"c": c, "p": p, "sizes": (2, 2, c, 1, 9, 3)}
    assert_alike(made, variants, {name: given_values[name] for name in arguments_of(made)})
