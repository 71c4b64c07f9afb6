"""Parts that only some copies of a block have: the written class asks what the author asked, or is another class."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_source_arguments import arguments_of, opened
from test_source_counts import assert_equal_with
from test_source_recursion import assert_agree
from test_torch_backends import generated

from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.source import Source

VALUES = (1, 2, 4, 5, 6, 23, 63, 65, 200)
"""Values of arguments: those of other calls, and far from the samples."""

TEXTS = {
    "holes": """
        block hole(c){ body } = body -> CONV(c, 1)
        model Net(v = 6) = INPUT(4, 8) -> hole(4){ CONV(4, 1) -> RELU } -> hole(v){ RELU } -> FC(2)""",
    "holes behind a layer": """
        block hole(c){ body } = CONV(c, 1) -> body
        model Net(v = 6) = INPUT(4, 8) -> hole(4){ RELU -> DROPOUT } -> hole(v){ RELU } -> FC(2)""",
    "holes under a condition": """
        block hole(c, f = true){ body } = [body -> RELU]?(f) -> CONV(c, 1)
        model Net(v = 6, off = false) = INPUT(4, 8) -> hole(4){ CONV(4, 1) -> BN } -> hole(v, f=off){ RELU } -> FC(2)""",
    "labelled holes": """
        block hole(c){ body } = g: body -> CONV(c, 1)
        model Net(v = 6) = INPUT(4, 8) -> hole(4){ ADD{ _, CONV(4, 1) } -> RELU } -> hole(v){ ADD{ _, RELU } } -> FC(2)""",
    "sizes": """
        block u(c) = CONV(c, 1) -> [TANH]?(in_shape[1] > 4) -> MAXPOOL(2)
        model Net(v = 6) = INPUT(4, 8) -> u(4) -> u(v) -> FC(2)""",
    "sizes in a group": """
        block u(c) = g: [ADD{ _, CONV(in_channels, 1)?(in_shape[1] > 4) }] -> CONV(c, 1) -> [RELU]?(c == 4) -> MAXPOOL(2)
        model Net(v = 6) = INPUT(4, 8) -> u(4) -> u(v) -> FC(2)""",
    "a condition in a condition": """
        block u(c, d) = [CONV(c, 1) -> [CONV(c, 1)]?(c > 4)]?(d > 1) -> RELU
        model Net(v = 6, w = 3) = INPUT(4, 8) -> u(4, 2) -> u(v, w) -> u(2, 0) -> FC(2)""",
    "conditions that are true as often": """
        block u(c) = CONV(c, 1) -> [BN]?(c > 64) -> [TANH]?(c > 70) -> RELU
        model Net(v = 60) = INPUT(4, 8) -> u(v) -> u(4) -> FC(2)""",
    "an outcome that no sample has": """
        block u(c) = ADD{ CONV(c, 1), CONV(c, 1) } -> [CONV(2, 1) -> BN]?(c < 24) -> RELU
        model Net(v = 3) = INPUT(4, 8) -> CONV(64, 1) -> u(v % 32 + 1) -> u(64) -> CONV(5, 1) -> FC(2)""",
    "an alias": """
        model Base(c = 8) = INPUT(4, 8) -> CONV(c, 1) -> [BN]?(c > 20) -> FC(2)
        model Net(c = 8) = Base(c=2 * c)""",
    "words": """
        block u(c, act) = CONV(c, 1) -> RELU?(act == "relu") -> TANH?(act == "tanh")
        model Net(v = 6, act = "tanh") = INPUT(4, 8) -> u(v, "relu") -> u(4, act) -> FC(2)""",
}


def assert_written_as_live(text: str) -> str:
    """The class with other arguments is the live module with these; returns its text."""
    model, variants = opened(Source("test.arch", text))
    source = write_source(model, "test.arch", variants)
    assert_agree(model, source)
    made = generated(source, model.name)
    for name, value in arguments_of(made).items():
        for other in VALUES if type(value) is int else (False, True) if isinstance(value, bool) else ():
            assert_equal_with(made, variants, {name: other})
    return source


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_only_some_copies_have_follows_the_author(text: str) -> None:
    assert_written_as_live(text)


def test_other_braces_are_other_classes() -> None:
    source = assert_written_as_live(TEXTS["holes"])
    assert source.count("class Hole") == 2
    assert " if " not in source[source.index("class Hole") :]


def test_what_the_arguments_do_not_say_is_a_parameter() -> None:
    source = assert_written_as_live(TEXTS["sizes"])
    assert "U(4, 4, with_tanh=True)" in source or "U(4, with_tanh=True)" in source
    assert "c == 4" not in source


PARTS = (
    "BN",
    "RELU -> CONV(c, 1)",
    "CONV(in_channels, 1)",
    "body",
    "ADD{ _, TANH }",
    "g: [CONV(c, 1) -> BN]",
    "MAXPOOL(2)",
)
ASKED = (
    "c > 4",
    "c == 4",
    "c != in_channels",
    "in_shape[1] > 4",
    "in_channels < 6",
    "f",
    "not f",
    "c > 4 and f",
    "d > 2",
)
GIVEN = ("RELU", "CONV(4, 1)", "BN -> RELU", "[CONV(v, 1)]?(v > 5)", "CONV(in_channels, 1)")


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A block with optional parts and a hole, called several times with numbers and parameters of the model."""
    part = st.builds("[{}]?({})".format, st.sampled_from(PARTS), st.sampled_from(ASKED)) | st.sampled_from(PARTS)
    block = " -> ".join([draw(st.sampled_from(["CONV(c, 1)", "RELU"])), *draw(st.lists(part, min_size=1, max_size=3))])
    # labels are for one part each
    assume(block.count("g:") < 2)
    number, truth = st.sampled_from(["4", "6", "v", "w", "2 * v", "w + 1"]), st.sampled_from(["true", "false", "on"])
    call = st.builds("b({}, {}, {}){{{{ {} }}}}".format, number, number, truth, st.sampled_from(GIVEN))
    calls = " -> ".join(
        text.replace("{{", "{").replace("}}", "}") for text in draw(st.lists(call, min_size=2, max_size=3))
    )
    return f"""
        block b(c, d, f){{ body }} = {block}
        model Net(v = 6, w = 3, on = true) = INPUT(4, 16) -> {calls} -> CONV(3, 1) -> FC(2)"""


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(programs())
def test_random_blocks_with_holes_and_conditions(text: str) -> None:
    assume(check_source(Source("test.arch", text)).ok)
    assert_written_as_live(text)
