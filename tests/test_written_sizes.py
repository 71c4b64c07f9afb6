"""Sizes that are written, or given with `--input`, and do not work: the nearest legal ones, held against every size."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_symbolic import chains

from archlang.checking import Request, check_source
from archlang.diagnostics import Help
from archlang.elaborate.fixes import apply_edits
from archlang.elaborate.parts import Options
from archlang.source import Source


def sizes_help(text: str, *inputs: tuple[str | None, tuple[int, ...]]) -> Help | None:
    """The help with sizes of the only error, if it has one."""
    outcome = check_source(Source("<text>", text), Request(options=Options(inputs)))
    found = [one for d in outcome.diagnostics for one in d.helps if " takes " in one.message]
    assert len(found) <= 1
    return found[0] if found else None


def is_legal(text: str) -> bool:
    return check_source(Source("<text>", text)).ok


def fixed(text: str) -> str | None:
    """The text with the edit of that help."""
    remedy = sizes_help(text)
    return None if remedy is None else apply_edits(text, remedy.edits)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chains(1), st.integers(5, 60), st.booleans())
def test_the_nearest_sizes_are_the_nearest(chain: str, size: int, flat: bool) -> None:
    end = " -> FC(3)" if flat else ""
    text = f"INPUT(2, {size}) -> {chain}{end}"
    remedy = None if is_legal(text) else sizes_help(text)
    if remedy is None:
        return
    legal = [n for n in range(1, 4 * size + 1) if is_legal(text.replace(f"INPUT(2, {size})", f"INPUT(2, {n})"))]
    named = [int(n) for n in re.findall(r"\d+", remedy.message.split(f"L = {size}: ")[1])]
    below = [n for n in legal if n < size][-1:]
    above = [n for n in legal if n > size][:1]
    assert [n for n in named if n <= 4 * size] == below + above, remedy.message
    if remedy.edits:
        assert is_legal(apply_edits(text, remedy.edits))
        assert not remedy.safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INPUT(3, 225, 200) -> MAXPOOL(16)", "INPUT(3, 224, 192) -> MAXPOOL(16)"),
        ("INPUT(3, 225x200) -> MAXPOOL(16)", "INPUT(3, 224x192) -> MAXPOOL(16)"),
        ("INPUT(3, 17, 20, 9) -> MAXPOOL(2)", "INPUT(3, 16, 20, 8) -> MAXPOOL(2)"),
        ("INPUT(3, 9) -> CONV(8, 11)", "INPUT(3, 11) -> CONV(8, 11)"),
        (
            "CONCAT{ a: INPUT(3, 33, 32), b: INPUT(1, 33, 32) } -> MAXPOOL(2)",
            "CONCAT{ a: INPUT(3, 32, 32), b: INPUT(1, 32, 32) } -> MAXPOOL(2)",
        ),
        ("INPUT(3, 9, 9) -> ADD{ _, PERMUTE((1, 3, 2)) } -> MAXPOOL(2)",
         "INPUT(3, 8, 8) -> ADD{ _, PERMUTE((1, 3, 2)) } -> MAXPOOL(2)"),
        ("let c = 3\nmodel N(d = 2) = INPUT(c, 9, 8) -> MAXPOOL(d)", "let c = 3\nmodel N(d = 2) = INPUT(c, 8, 8) -> MAXPOOL(d)"),
    ],
)  # fmt: skip
def test_numbers_that_are_written_get_an_edit(text: str, expected: str) -> None:
    assert fixed(text) == expected
    assert is_legal(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model N(size = 9) = INPUT(3, size, size) -> MAXPOOL(2)", "N takes H, W = 2k, k >= 1; next to H, W = 9: 8 and 10"),
        ("let s = 9\nmodel N = INPUT(3, [s, 8]) -> MAXPOOL(2)", "N takes H, W = 2k, k >= 1; next to H = 9: 8 and 10"),
        ("model N = INPUT(1, 9, 9) -> MAXPOOL(2)\nassert N.output == (1, 9, 9)", None),
    ],
)  # fmt: skip
def test_other_sizes_are_named(text: str, words: str | None) -> None:
    remedy = sizes_help(text)
    assert (remedy and not remedy.edits) or words is None
    assert words is None or (remedy and remedy.message == words)


def test_sizes_of_the_command_line_get_words() -> None:
    text = "INPUT(3, 32, 32) -> MAXPOOL(16)"
    remedy = sizes_help(text, (None, (3, 40, 32)))
    assert remedy == Help("Net takes H, W = 16k, k >= 1; next to H = 40: 32 and 48")


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(3, 33, 33) -> MAXPOL(2)",  # another error
        "INPUT(3, 33, 33) -> MAXPOOL(2) -> CONV(8, 3x3, groups=2)",  # no size helps
        "INPUT(3, 33, 33) -> ADD{ _, CONV(8, 3x3) }",
        "INPUT(3, 7, 7) -> [CONV(8, 3x3, stride=2)]*6",  # none is near
        "INPUT(28, 28, 3) -> CONV(8, 5x5)",  # channels last
        "INPUT(3, 32, 32) -> CONV(8, 3x3, padding=1) -> RELU :: (8, 31, 31)",
        "MAXPOOL(2) -> INPUT(3, 33, 33)",
        "INPUT(10) -> FC(3) -> ADD{ _, FC(4) }",
        "INPUT(3, 33, 33) -> MAXPOOL(2) -> LINEAR(0)",
    ],
)
def test_nothing_is_said_where_it_does_not_help(text: str) -> None:
    assert not is_legal(text)
    assert sizes_help(text) is None
