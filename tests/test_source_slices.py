"""Lists that are parts of others, in blocks that are given lists of different lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_source_arguments import arguments_of, opened
from test_source_counts import assert_equal_with
from test_source_recursion import assert_agree
from test_torch_backends import generated

from archlang.backends.torch_source import write_source
from archlang.backends.torch_source.slices import slice_of
from archlang.checking import check_source
from archlang.source import Source

LISTS = ((1, 2, 3, 4), (5, 6, 7, 8, 9), (7, 1, 7))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, ""),
        (1, None, "[1:]"),
        (0, 3, "[:3]"),
        (1, 3, "[1:3]"),
        (1, -1, "[1:-1]"),
        (-2, None, "[-2:]"),
        (-3, -1, "[-3:-1]"),
    ],
)
def test_slices(first: int | None, last: int | None, expected: str) -> None:
    assert slice_of(tuple(own[first:last] for own in LISTS), LISTS) == expected


@settings(max_examples=300)
@given(st.lists(st.lists(st.integers(1, 3), max_size=5), min_size=1, max_size=3), st.data())
def test_a_slice_gives_what_was_asked_for(lists: list[list[int]], data: st.DataObject) -> None:
    wholes = tuple(map(tuple, lists))
    first, last = (data.draw(st.none() | st.integers(-6, 6)) for _ in range(2))
    parts = tuple(whole[first:last] for whole in wholes)
    text = slice_of(parts, wholes)
    if text is not None:
        assert tuple(eval(f"whole{text}", {}, {"whole": whole}) for whole in wholes) == parts
    elif first is not None and last is not None and 0 <= first < last:
        # an end behind the shorter ones is no slice for those who read it
        assert any(len(whole) < last for whole in wholes)


def changed(made: Any) -> Iterator[tuple[str, Any]]:
    """Other values of the arguments of a class, one by one."""
    for name, value in arguments_of(made).items():
        for number in (1, 2, 5):
            yield name, [item + number for item in value] if name == "sizes" else value + number


def assert_right(text: str) -> None:
    """The class is the live module, and with other values of its arguments the live module that has them."""
    model, variants = opened(Source("test.arch", text), "Net")
    source = write_source(model, "test.arch", variants)
    assert_agree(model, source)
    made = generated(source, "Net")
    for name, value in changed(made):
        assert_equal_with(made, variants, {name: value})


def test_an_end_is_left_open_only_where_all_lists_end() -> None:
    items = ", ".join(f"ws[{place}]" for place in range(1, 8))
    text = f"""
        block inner(ws) = [CONV(w, 1) -> RELU for w in ws]
        block outer(ws) = inner([{items}]) -> CONV(ws[0], 1)
        model Net = INPUT(3, 8) -> outer([1, 2, 3, 4, 5, 6, 7, 9]) -> outer([4, 5, 6, 7, 9, 8, 7, 5, 44]) -> FC(2)"""
    assert_right(text)
    model, variants = opened(Source("test.arch", text))
    assert "ws=ws[1:8]" in write_source(model, "test.arch", variants)


# ---- random blocks

INNER = (
    "[CONV(w, 1) -> RELU for w in ws]",
    "[CONV(w, 1) -> DROPOUT(i / 20) for (i, w) in zip(range(len(ws)), ws)]",
    "[CONV(ws[i], 1) for i in range(len(ws))]",
    "[CONV(ws[i], 1) for i in range(1, len(ws))] -> CONV(ws[0], 1)",
    "[CONV(ws[0], 1)]*len(ws) -> CONV(ws[-1], 1)",
    "CONV(ws[0], 1) -> BN?(len(ws) > 3) -> CONV(ws[len(ws) - 1], 1)",
    "ADD{ _, [CONV(w, 1) for w in ws] -> CONV(in_channels, 1) } -> CONV(sum(ws), 1)",
    "CONCAT{ *[CONV(w, 1) for w in ws] } -> CONV(max(ws), 1)",
    "CONV(sum(ws) + len(ws), 1) -> [BN -> CONV(w + 1, 1) for w in ws]",
    "[[CONV(w, 1) -> RELU]*ws[0] for w in ws]",
    "CONV(sum([w for w in ws if w > 2]) + 1, 1) -> [CONV(w, 1)?(w > 2) for w in ws]",
)
"""What is made of a list of whole numbers."""

PARTS = (
    "all", "[all[i] for i in range(1, len(all))]", "[all[i] for i in range(len(all) - 1)]",
    "[all[i] for i in range(1, len(all) - 1)]", "[all[0], all[1]]", "[all[-2], all[-1]]", "[all[1], all[2]]",
    "[all[1], all[2], all[3]]", "[all[0], all[2]]", "[2 * w for w in all]", "[all[i] for i in range(len(all) - 3, len(all))]",
    "[len(all), all[1]]", "all + [n]", "[n] + all", "[n, 2 * n]", "[all[-1], all[0]]", "[w for w in all if w > 2]",
)  # fmt: skip
"""What is given on of a list and a number."""


@st.composite
def programs(draw: st.DrawFn) -> str:
    inner = draw(st.sampled_from(INNER))
    lists = draw(st.lists(st.lists(st.integers(1, 6), min_size=3, max_size=9), min_size=2, max_size=3))
    first, second = (draw(st.sampled_from(PARTS)) for _ in range(2))
    more = draw(
        st.sampled_from(("", "-> CONV(all[-1], 1)", "-> CONV(all[2], 1)?(n > 2)", "-> [CONV(w, 1) for w in all]"))
    )
    given = [str(own) for own in lists]
    # lists of the model, whole and with items of its own behind
    given[0] = draw(st.sampled_from((given[0], "sizes", "sizes + [3]", "[w, 4, w, 2 * w]")))
    calls = " -> ".join(f"outer({own}, {draw(st.sampled_from(('2', '3', 'w', 'w + 1')))})" for own in given)
    return f"""
        block inner(ws) = {inner}
        block outer(all, n) = inner({first}) -> RELU -> inner({second}) {more}
        model Net(w = 2, sizes = {lists[0]}) = INPUT(3, 4) -> {calls} -> FC(2)"""


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_random_lists(text: str) -> None:
    assume(check_source(Source("test.arch", text)).ok)
    assert_right(text)
