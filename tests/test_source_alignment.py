"""Bodies brought into one row of steps: the longest common part of chains, and long blocks with optional parts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_source_arguments import opened
from test_source_recursion import assert_agree

from archlang.backends.torch_source import write_source
from archlang.backends.torch_source.alignment import common_pairs
from archlang.source import Source


def longest(one: str, other: str) -> int:
    """The length of a longest common subsequence, from the table that everybody knows."""
    best = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            skipped = max(best[i + 1][j], best[i][j + 1])
            best[i][j] = max(skipped, best[i + 1][j + 1] + 1 if one[i] == other[j] else 0)
    return best[0][0]


@settings(max_examples=200)
@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_common_parts_are_the_longest(one: str, other: str) -> None:
    pairs = common_pairs(len(one), len(other), lambda i, j: one[i] == other[j])
    assert len(pairs) == longest(one, other)
    assert all(one[i] == other[j] for i, j in pairs)
    assert all(i < k and j < n for (i, j), (k, n) in pairwise(pairs))


def test_long_rows_that_differ_by_little_are_compared_along_the_way_only() -> None:
    one = [-1, *range(20_000), -2]
    other = [*range(7_000), -3, *range(7_000, 20_000), -4]
    asked = 0

    def fits(i: int, j: int) -> bool:
        nonlocal asked
        asked += 1
        return one[i] == other[j]

    assert len(common_pairs(len(one), len(other), fits)) == 20_000
    assert asked < 20 * len(one)


LONG = {
    "in a join": "block b(s) = ADD{ STAGES, _ } -> DROPOUT(0.5)?(s > 1) -> CONV(4, 1)",
    "behind a choice": "block b(s) = BN?(s > 1) -> ADD{ _, STAGES } -> CONV(4, 1)",
    "a chain": "block b(s) = BN?(s > 1) -> STAGES -> DROPOUT(0.5)?(s > 1) -> CONV(4, 1)",
    "labels": "block b(s) = first: BN?(s > 1) -> STAGES -> last: CONV(4, 1)?(s > 1) -> RELU",
}


@pytest.mark.parametrize("block", LONG.values(), ids=LONG)
def test_long_blocks_with_optional_parts(block: str) -> None:
    stages = " -> ".join(["RELU"] * 399 + ["CONV(4, 1)"])
    text = f"{block.replace('STAGES', stages)}\nmodel Net = INPUT(4, 3) -> b(1) -> b(2) -> b(1) -> FC(2)"
    model, variants = opened(Source("test.arch", text))
    source = write_source(model, "test.arch", variants)
    assert source.count("class B") == 1
    assert_agree(model, source)
