"""Blocks of which one class stands for several bodies: what a condition or a number of one says must hold for all."""

from __future__ import annotations

import pytest
from test_source_arguments import arguments_of, opened
from test_source_counts import assert_equal_with
from test_source_recursion import assert_agree
from test_source_slices import changed
from test_torch_backends import generated

from archlang.backends.torch_source import write_source
from archlang.backends.torch_source.formulas import derive
from archlang.source import Source

TEXTS = {
    # `if m == 2: elif m == 4: elif m == 2:` never comes to the third
    "conditions again": """
        block one(c) = g: [BN] -> CONCAT{ [CONV(4, 1)]*c, CONV(c, 1) }
        block b(m){ body } = one(max(2, in_channels)) -> one(6 + in_channels) -> body
        model Net = INPUT(3, 4) -> b(2){ BN -> CONV(9, 1) } -> b(4){ CONV(4, 1) -> CONV(5, 1) } -> FC(2)""",
    # what a part is called follows from what stands before it in each body
    "numbers behind a gap": """
        block b(n, c) = [g: [TANH] -> CONV(c, 1)]?(c >= 4) -> [BN]*n
        model Net(w = 5) = INPUT(3, 4) -> b(9, 4) -> b(9, 3) -> b(9, 6) -> b(9, 2) -> FC(w)""",
    "groups with joins": """
        block b(m, with) = g: [[CONV(1, 1) -> CONV(m, 1)]?(with) -> CONCAT{ MAXPOOL(3, stride=1, padding=1), _ }] -> TANH
        model Net(w = 3) = INPUT(3, 4) -> b(w, true) -> b(2, false) -> b(4, true) -> b(w, false) -> FC(2)""",
    # `forward` goes by places among the children, which copies inside copies move
    "copies inside copies": """
        block b(ws) = [[BN -> CONV(3, 1)]*w for w in ws] -> ADD{ _, g: [CONV(3, 1)] }
        model Net(w = 2, n = 4) = INPUT(3, 4) -> b([w, 2, 20]) -> b([3, 9, 11]) -> b([5, 8, 10]) -> b([7, 5, 12])
          -> FC(n)""",
    "copies inside copies that are given": """
        block b(ws) = [[BN]*w for w in ws] -> ADD{ _, g: [CONV(3, 1)] }
        model Net(w = 30, n = 4) = INPUT(3, 4) -> b([w, 12]) -> FC(n)""",
    # an argument that is left out moves the places of those behind it
    "a default left out": """
        block b(all, ws = [2, 3], m = 2) =
          MUL{ _, g: [CONCAT{ CONV(m, 1), _ } -> CONV(ws[ws[0] % 2], 1) -> CONV(in_channels, 1)] }
        block outer(c) = CONV(5, 1) -> b([1, 2], m=c) -> CONV(in_channels, 1)
        model Net(w = 2) = INPUT(3, 4) -> b([1], [5, 7], w) -> outer(w) -> outer(w) -> FC(2)""",
    "a list that begins with 0": """
        block b(ws, n) = CONV(3, 1) -> [b(ws, n - 1) -> SIGMOID]?(n > 1) -> RELU
        model Net(on = true) = INPUT(3, 4) -> b([0, 2], 3) -> b([3, 4], 1) -> b([0, 2], 4) -> FC(2)""",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_class_is_the_live_module(text: str) -> None:
    model, variants = opened(Source("test.arch", text))
    for source in (write_source(model, "test.arch"), write_source(model, "test.arch", variants)):
        assert_agree(model, source)
    made = generated(source, "Net")
    for name, value in changed(made):
        assert_equal_with(made, variants, {name: value})


def test_numbers_that_follow_from_arguments_are_not_compared() -> None:
    text = """
        block b(n){ body } = RELU -> body
        model Net(w = 5) = INPUT(3, 4) -> b(66){ BN -> CONV(3, 1) } -> b(w){ GELU -> CONV(5, 1) }
          -> b(77){ TANH -> CONV(2, 1) } -> FC(w)"""
    model, variants = opened(Source("test.arch", text))
    made = generated(write_source(model, "test.arch", variants), "Net")
    assert "w" in arguments_of(made)
    # `if n == 77` would hold for the second of them, too
    for number in (66, 77):
        assert_equal_with(made, variants, {"w": number})


def test_zero_is_no_multiple() -> None:
    assert derive((3, 4), (0, 0)) is None
    assert derive((0, 0), (3, 4)) == "0 * {}"
