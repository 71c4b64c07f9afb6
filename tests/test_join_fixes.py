"""Ways out of joins whose branches do not fit: which are offered, and that each of them mends the network."""

from __future__ import annotations

import pytest

from archlang.checking import check_source
from archlang.elaborate.fixes import apply_edits
from archlang.source import Source

CASES = [
    (
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> ADD{ _, [CONV(32, 3x3) -> BN -> RELU] } -> FC(10)",
        {"ADD{ _ -> CONV(32, 1), [CONV(32, 3x3, padding=1) -> BN -> RELU] }"},
    ),
    (
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> ADD{ _, CONV(32, 3x3, padding=1) }",
        {"ADD{ _ -> CONV(32, 1), CONV(32, 3x3, padding=1) }"},
    ),
    (
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> ADD{ _, CONV(16, kernel_size=5) }",
        {"ADD{ _, CONV(16, kernel_size=5, padding=2) }", 'ADD(align="crop"){ _, CONV(16, kernel_size=5) }'},
    ),
    (
        'INPUT(3, 33, 33) -> e: CONV(16, 3x3, padding=1) -> POOL(2, round="floor") -> UPCONV(8, 2, stride=2) '
        "-> CONCAT{ e, _ } -> CONV(10, 1)",
        {'CONCAT(align="crop"){ e, _ }'},
    ),
    ("INPUT(16, 20) -> ADD{ _, CONV(16, 3) }", {"CONV(16, 3, padding=1)", 'align="crop"'}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_ways_out_of_a_join(text: str, expected: set[str]) -> None:
    source = Source("net.arch", text)
    (diagnostic,) = check_source(source).diagnostics
    changed = [apply_edits(text, remedy.edits) for remedy in diagnostic.helps]
    assert diagnostic.code == "join-mismatch"
    assert all(check_source(Source("net.arch", other)).ok for other in changed)
    assert all(any(part in other for other in changed) for part in expected), changed


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(3, 8, 8) -> ADD{ _, FC(3) }",
        "INPUT(3, 8, 8) -> ADD{ [CONV(i, 1)] for i in range(1, 4) }",
        "INPUT(3, 8, 8) -> ADD{ CONV(2, 3), [CONV(3, 3) -> MAXPOOL(2)], CONV(4, 1) }",
        "block b() = CONV(4, 1)\nmodel M = INPUT(3, 8, 8) -> MUL{ b(), _ -> MAXPOOL(2), SIGMOID }",
    ],
)
def test_odd_joins_are_one_error(text: str) -> None:
    found = check_source(Source("net.arch", text)).diagnostics
    assert [d.code for d in found] == ["join-mismatch"]
