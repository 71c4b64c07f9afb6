"""Divisors of large numbers, and the products of free sizes that are decided by them."""

from __future__ import annotations

import time
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archlang.checking import check_source
from archlang.ir.divisors import LARGEST_TRIED, divisors_within, primes_of
from archlang.ir.size_sets import SizeSet
from archlang.source import Source

PRIME = 1_000_000_007


@given(st.integers(1, 5_000), st.integers(1, 60), st.integers(1, 5_000))
def test_divisors(number: int, low: int, high: int) -> None:
    assert divisors_within(number, low, high) == tuple(d for d in range(low, high + 1) if number % d == 0)
    assert primes_of(number) == tuple(
        d for d in range(2, number + 1) if number % d == 0 and all(d % n for n in range(2, d))
    )


@pytest.mark.parametrize(
    ("number", "high", "expected"),
    [
        (PRIME, 10**6, (1,)),
        (PRIME, PRIME, (1, PRIME)),
        (6 * PRIME, PRIME, (1, 2, 3, 6, PRIME)),
        (PRIME * 999_999_937, 10**6, (1,)),
        (PRIME * 999_999_937, LARGEST_TRIED + 1, None),
        (10**18, 20, (1, 2, 4, 5, 8, 10, 16, 20)),
    ],
)
def test_large_numbers(number: int, high: int, expected: tuple[int, ...] | None) -> None:
    assert divisors_within(number, 1, high) == expected


@given(st.lists(st.integers(1, 60), max_size=12), st.lists(st.integers(1, 60), max_size=12))
def test_differences_of_sets_in_pieces(mine: list[int], theirs: list[int]) -> None:
    def single(sizes: list[int]) -> SizeSet:
        return SizeSet(1, (tuple((n, n) for n in sorted(set(sizes))),))

    assert list(single(mine) - single(theirs)) == sorted(set(mine) - set(theirs))


@pytest.mark.parametrize(
    ("wanted", "pairs"),
    [("(720720,)", 240), ("(1_000_000_007,)", 0), ("(963761, 198400)", 2), ("(1000000007, 999999937)", 0)],
)
def test_products_of_free_sizes(wanted: str, pairs: int) -> None:
    start = time.process_time()
    outcome = check_source(Source("<text>", f"INPUT(1, H, W) -> RESHAPE({wanted})"))
    assert time.process_time() - start < 4
    assert outcome.ok == (pairs > 0)
    if pairs:
        boxes = outcome.models[0].legal.boxes  # pyright: ignore[reportAttributeAccessIssue]
        found = [(h, w) for box in boxes for h in box["H"] for w in box["W"]]
        assert len(found) == pairs
        number = prod(map(int, wanted.strip("(,)").replace(",", "").split()))
        assert all(h * w == number for h, w in found)


def test_ways_out_take_parentheses_along() -> None:
    outcome = check_source(Source("<text>", "INPUT(1, 4, 4) -> RESHAPE( ( ( 15 ) ) )"))
    (help_,) = outcome.diagnostics[0].helps
    assert [(edit.span.text, edit.text) for edit in help_.edits] == [("( ( 15 ) )", "(16,)")]
