"""Blocks whose repeats have other counts in other places: the written class runs the layers that the live module runs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_source_arguments import arguments_of, opened
from test_source_recursion import assert_agree
from test_torch_backends import generated, outputs

from archlang.backends.torch_module import build_module
from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.source import Source

BLOCKS = {
    "inside a join": "ADD{ _, [CONV(4, 3, padding=1) -> BN]*n } -> RELU",
    "in front of a join": "[CONV(4, 1)]*n -> ADD{ _, CONV(4, 1) }",
    "behind a join": "ADD{ _, CONV(4, 1) } -> [CONV(4, 1) -> RELU]*n",
    "around a join": "[CONCAT{ _, CONV(3, 1) }]*n",
    "two repeats": "[CONV(4, 1)]*n -> ADD{ _, [CONV(4, 1)]*(n + 1) } -> BN",
    "labels beside it": "[CONV(4, 1)]*n -> ADD{ _, k: CONV(4, 1) } -> BN",
    "a labelled repeat": "body: [CONV(4, 1)]*n -> ADD{ _, CONV(4, 1) }",
    "a comprehension": "[CONV(4, 1) -> DROPOUT(i / 10) for i in range(n)] -> ADD{ _, CONV(4, 1) }",
    "a chain": "[BN -> CONV(4, 1)]*n -> CONV(5, 1)",
    "a chain alone": "[CONV(4, 1)]*n",
    "one first": "[BN -> CONV(4, 1)]*(n - 1) -> CONV(4, 1)",
    "nested": "[[CONV(4, 1)]*n -> ADD{ _, BN }]*2",
    "a switch": "[CONV(4, 1)]*n -> ADD{ _, CONV(4, 1) }?(n > 2) -> BN",
}
CHAINS = ("b(2) -> b(3)", "b(2) -> b(1) -> b(4)", "b(n)", "b(n) -> b(n + 1)", "b(n) -> b(2) -> b(n)")


def text_of(block: str, chain: str) -> str:
    return f"block b(n) = {block}\nmodel Net(n = 2, w = 3) = INPUT(4, 5, 6) -> CONV(w, 1) -> CONV(4, 1) -> {chain} -> FC(2)"


def assert_right(text: str) -> None:
    """The class is the live module, with every value that its arguments can have."""
    model, variants = opened(Source("test.arch", text), "Net")
    source = write_source(model, "test.arch", variants)
    assert_agree(model, source)
    made = generated(source, "Net")
    for number in (0, 1, 3, 7):
        for name in arguments_of(made):
            assert_equal_with(made, variants, {name: number})


def assert_equal_with(made: Any, variants: Any, values: dict[str, Any]) -> None:
    """For legal values that the class does not refuse, outputs are those of the live module with the same weights."""
    other = variants.make(values)
    if other is None:
        return
    try:
        module = made(**values).eval()
    except ValueError:  # no copies at all
        assert 0 in values.values()
        return
    live = build_module(other, seed=1).eval()
    module.load_state_dict(live.state_dict())
    for one, two in zip(outputs(live, other), outputs(module, other), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("chain", CHAINS)
def test_counts(block: str, chain: str) -> None:
    assert_right(text_of(block, chain))


@st.composite
def bodies(draw: st.DrawFn, depth: int = 2) -> str:
    """A chain of layers, joins and repeats that keeps the shape, or changes the channels."""
    parts: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(("layer", "layer", "join", "repeat", "group") if depth else ("layer",)))
        if kind == "layer":
            parts.append(draw(st.sampled_from(("CONV(4, 1)", "BN", "RELU", "CONV(n + 2, 1)", "k{}: CONV(4, 1)"))))
            parts[-1] = parts[-1].format(len(parts) + 10 * depth)
        elif kind == "join":
            word = draw(st.sampled_from(("CONCAT", "ADD")))
            inner = draw(bodies(depth - 1))
            parts.append(f"{word}{{ CONV(4, 1), {inner} -> CONV(4, 1) }}")
        elif kind == "repeat":
            count = draw(st.sampled_from(("n", "n + 1", "2", "(n - 1)")))
            parts.append(f"[{draw(bodies(depth - 1))}]*({count})")
        else:
            parts.append(f"[{draw(bodies(depth - 1))}]?(n {draw(st.sampled_from(('> 2', '== 1', '< 3')))})")
    return " -> ".join(parts)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(bodies(), st.sampled_from(CHAINS))
def test_random_counts(block: str, chain: str) -> None:
    text = text_of(block, chain)
    assume(check_source(Source("test.arch", text)).ok)
    assert_right(text)
