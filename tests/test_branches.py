"""Branches of a join that look alike are drawn once, with their number; nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archlang
from archlang.backends.diagram import Box, Cluster, Diagram, Item, boxes_of
from archlang.backends.drawing import draw
from archlang.backends.frames import SIDE_BY_SIDE
from archlang.backends.mermaid import write_mermaid
from archlang.backends.render_options import read_options
from archlang.ir.walk import fold_totals


def diagram(text: str, **options: object) -> Diagram:
    report = archlang.checks(text)
    assert report.ok, str(report)
    drawn = draw(report.models[0], read_options(**options))  # pyright: ignore[reportArgumentType]
    edges = [(edge.source, edge.target) for edge in drawn.edges]
    known = {box.id for box in drawn.boxes}
    assert all(end in known for edge in edges for end in edge), edges
    return drawn


def folded(items: tuple[Item, ...]) -> list[Cluster]:
    found: list[Cluster] = []
    for item in items:
        if isinstance(item, Cluster):
            found += [item] * (item.note == SIDE_BY_SIDE) + folded(item.items)
    return found


def parameters(items: tuple[Item, ...]) -> int:
    """The sum over all copies."""
    return sum(item.parameters if isinstance(item, Box) else item.count * parameters(item.items) for item in items)


def parallel(*branches: str, join: str = "CONCAT") -> str:
    return f"INPUT(6, 8, 8) -> {join}{{ {', '.join(branches)} }} -> FC(2)"


ALIKE = [
    (parallel(*["CONV(4, 3x3) -> RELU"] * 5), [5]),
    (
        parallel(
            *["SELECT([0, 1]) -> CONV(4, 3x3)", "SELECT([2, 3]) -> CONV(4, 3x3)", "SELECT([4, 5]) -> CONV(4, 3x3)"]
        ),
        [3],
    ),
    (parallel(*["CONV(4, 3x3)"] * 3, *["CONV(8, 3x3)"] * 4), [3, 4]),
    (parallel("h1: CONV(4, 3x3)", "h2: CONV(4, 3x3)", "h3: CONV(4, 3x3)"), [3]),
    (parallel(*["[CONV(6, 3x3, padding=1) -> RELU]*2"] * 3, join="ADD"), [3]),
    (f"block head = CONV(4, 3x3) -> RELU\nmodel Net = {parallel('head', 'head', 'head')}", [3]),
    ("INPUT(6, 9) -> CONCAT{ CONV(4, 3), CONV(4, 3), CONV(4, 3) } -> FC(2)", [3]),
]


@pytest.mark.parametrize(("text", "counts"), ALIKE, ids=[str(n) for n in range(len(ALIKE))])
def test_branches_that_look_alike_are_one(text: str, counts: list[int]) -> None:
    drawn = diagram(text)
    assert [frame.count for frame in folded(drawn.items)] == counts
    join = next(box for box in drawn.boxes if box.family == "join")
    assert sum(edge.target == join.id for edge in drawn.edges) == len(counts)
    assert parameters(drawn.items) == fold_totals(archlang.checks(text).models[0])[-1].parameters


DIFFERENT = [
    parallel("CONV(4, 3x3)", "CONV(4, 3x3)"),
    parallel("CONV(4, 3x3)", "CONV(4, 3x3)", "CONV(8, 3x3)"),
    parallel("CONV(4, 3x3) -> RELU", "CONV(4, 3x3) -> TANH", "CONV(4, 3x3)"),
    parallel("CONV(4, 3x3)", "CONV(8, 3x3)", "CONV(4, 3x3)", "CONV(4, 3x3)"),
    parallel("left: CONV(4, 3x3)", "middle: CONV(4, 3x3)", "right: CONV(4, 3x3)"),
    parallel("SELECT([0, 1]) -> CONV(4, 3x3)", "SELECT([2]) -> CONV(4, 3x3)", "SELECT([4, 5]) -> CONV(4, 3x3)"),
    parallel("_", "_", "_"),
    "INPUT(6, 8, 8) -> CONCAT{ a1: CONV(4, 3x3), a2: CONV(4, 3x3), a3: CONV(4, 3x3) } -> CONCAT{ _, a2 } -> FC(2)",
]


@pytest.mark.parametrize("text", DIFFERENT, ids=[str(n) for n in range(len(DIFFERENT))])
def test_what_differs_is_drawn_one_by_one(text: str) -> None:
    assert not folded(diagram(text).items)


def test_everything_is_drawn_where_it_is_asked_for() -> None:
    text = ALIKE[0][0]
    assert not folded(diagram(text, expand="all").items)
    assert sum(box.family == "conv" for box in diagram(text, expand="all").boxes) == 5
    assert sum(box.family == "conv" for box in diagram(text).boxes) == 1


def test_the_frame_says_so_in_every_format() -> None:
    drawn = diagram(ALIKE[0][0])
    assert "x5  side by side" in write_mermaid(drawn)
    (frame,) = folded(drawn.items)
    assert frame.parameters == 6 * 4 * 9 + 4
    assert [box.title for box in boxes_of(frame.items)] == ["Conv2d", "ReLU"]


BRANCH = st.sampled_from(
    ["CONV(4, 3x3, padding=1)", "CONV(4, 1x1) -> RELU", "_", "BN", "[CONV(6, 1x1)]*2 -> CONV(4, 1x1)"]
)


@given(st.lists(BRANCH, min_size=2, max_size=9), st.integers(1, 3))
def test_folding_keeps_the_sum_of_parameters(branches: list[str], copies: int) -> None:
    text = f"INPUT(6, 8, 8) -> [CONCAT{{ {', '.join(branches)} }} -> CONV(6, 1x1)]*{copies} -> FC(2)"
    totals = fold_totals(archlang.checks(text).models[0])[-1]
    for options in ({}, {"expand": "all"}, {"merge": True}):
        assert parameters(diagram(text, **options).items) == totals.parameters
