"""Blocks that hold themselves: one class for all depths, which computes what the live module does."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_source_arguments import arguments_of, assert_same, opened
from test_torch_backends import assert_equal, both, generated, outputs

from archlang.backends.torch_source import write_source
from archlang.backends.torch_source.steps import MAPPING_METHODS
from archlang.checking import check_source
from archlang.ir.graph import Model
from archlang.source import Source

NETS = {
    "a chain": "block level(c, n) = CONV(c, 3) -> BN -> [level(2 * c, n - 1) -> CONV(c, 1)]?(n > 0) -> RELU",
    "padded": """block level(c, n) = CONV(c, 3, padding=1) -> BN
        -> [CONCAT{ _, MAXPOOL(2) -> level(2 * c, n - 1) -> UPCONV(c, 2, stride=2) } -> CONV(c, 1)]?(n > 0)""",
    "cropped": """block level(c, n) = CONV(c, 3) -> RELU
        -> [CONCAT(align="crop"){ _, CONV(c, 3) -> level(c + 2, n - 1) -> CONV(c, 2) } -> CONV(c, 3)]?(n > 0)""",
    "nothing to crop in some": """block level(c, n) = enc: CONV(c, 3, padding=1) -> bn: BN
        -> [CONCAT(align="crop"){ _, pool: MAXPOOL(2) -> inner: level(2 * c, n - 1) -> up: UPCONV(c, 2, stride=2) }
        -> dec: CONV(c, 3)]?(n > 0) -> act: RELU""",
    "something behind": "block level(c, n) = CONV(c, 1) -> [ADD{ _, level(2 * c, n - 1) -> CONV(c, 1) }]?(n > 0) -> CONV(c, 1) -> BN",
    "twice itself": "block level(c, n) = CONV(c, 1) -> [ADD{ level(c, n - 1), level(c, n - 2) } -> DROPOUT]?(n > 0)",
    "copies of itself": "block level(c, n) = CONV(c, 1) -> RELU -> [[level(c + 1, n - 1)]*2 -> CONV(c, 1)]?(n > 0)",
    "through another": """block level(c, n) = CONV(c, 3, padding=1) -> [other(c + 1, n - 1)]?(n > 0) -> RELU
        block other(c, n) = ADD{ _, CONV(in_channels, 1) -> [level(c + 2, n - 1) -> CONV(c - 1, 1)]?(n > 0) } -> BN""",
    "in a group": "block level(c, n) = CONV(c, 1) -> down: [level(c + 3, n - 1) -> CONV(c, 1) -> RELU]?(n > 0)",
    "in a group with joins": """block level(c, n) = CONV(c, 1)
        -> down: [ADD{ _, level(c + 3, n - 1) -> CONV(c, 1) } -> RELU]?(n > 0)""",
    "names of methods": "block level(c, pop) = CONV(c, 1) -> [ADD{ _, level(c, pop - 1) } -> BN]?(pop > 0)",
}
"""Blocks by what is odd in them."""


def model_text(block: str, sizes: tuple[int, ...] = (40,), n: int = 3) -> str:
    """A network of a block."""
    return f"""{block}
        model Net(n = {n}, c = 4) = INPUT(3, {", ".join(map(str, sizes))}) -> level(c, n) -> AVGPOOL(to=1) -> FC(2)"""


def assert_one_class(text: str, name: str = "Level") -> None:
    """The file of a network has one class for its block, and computes what the live module does."""
    model, variants = opened(Source("test.arch", text), "Net")
    for source in (write_source(model, "test.arch", variants), write_source(model, "test.arch")):
        assert source.count(f"class {name}") == 1, source
        assert_agree(model, source)
    made = generated(write_source(model, "test.arch", variants), "Net")
    for number in range(1, 5):
        assert_same(made, variants, dict.fromkeys(arguments_of(made), number))
    assert "c" in arguments_of(made)


def assert_agree(model: Model, source: str) -> None:
    """Keys, values, outputs and gradients are those of the live module."""
    live, made = both(model, source)
    assert list(live.state_dict()) == list(made.state_dict())
    for key, value in live.state_dict().items():
        assert torch.equal(value, made.state_dict()[key]), key
    assert_equal(outputs(live, model), outputs(made, model))
    for module in (live, made):
        module.train()
    losses = [torch.stack([y.square().sum() for y in outputs(module, model)]).sum() for module in (live, made)]
    one, other = (torch.autograd.grad(loss, list(m.parameters())) for loss, m in zip(losses, (live, made), strict=True))
    assert_equal(one, other)


@pytest.mark.parametrize("block", NETS.values(), ids=NETS)
def test_one_class_stands_for_all_depths(block: str) -> None:
    assert_one_class(model_text(block))


def test_other_sizes_are_cropped_alike() -> None:
    model, variants = opened(Source("test.arch", model_text(NETS["cropped"], (40, 40))), "Net")
    live, made = both(model, write_source(model, "test.arch", variants))
    for sizes in ((40, 41), (57, 44)):
        x = torch.randn(2, 3, *sizes)
        assert torch.equal(live(x), made(x))


def test_what_differs_in_more_has_classes_of_its_own() -> None:
    text = model_text(
        "block level(c, n) = CONV(c, 1 + 2 * (n % 2), padding=n % 2) -> [level(7 * c % 11 + 1, n - 1)]?(n > 0)"
    )
    model, variants = opened(Source("test.arch", text), "Net")
    source = write_source(model, "test.arch", variants)
    assert_agree(model, source)
    other = model_text("block level(c, n) = CONV(c, 1) -> [BN -> level(c, n - 1)]?(n > 1) -> [TANH -> RELU]?(n == 1)")
    model, variants = opened(Source("test.arch", other), "Net")
    assert_agree(model, write_source(model, "test.arch", variants))


def test_what_decides_the_sizes_is_no_argument() -> None:
    padded, variants = opened(Source("test.arch", model_text(NETS["padded"])), "Net")
    source = write_source(padded, "test.arch", variants)
    assert "Written for n=3; other values need another file." in source
    chain, variants = opened(Source("test.arch", model_text(NETS["something behind"])), "Net")
    made = generated(write_source(chain, "test.arch", variants), "Net")
    assert arguments_of(made) == {"c": 4}, "how deep a block holds itself is none, either"
    for number in (1, 5, 40):
        assert assert_same(made, variants, {"c": number})


def test_attributes_do_not_hide_methods() -> None:
    model, variants = opened(Source("test.arch", model_text(NETS["names of methods"])), "Net")
    source = write_source(model, "test.arch", variants)
    assert not any(f"self.{name} = " in source for name in MAPPING_METHODS)


# ---- random blocks


@st.composite
def blocks(draw: st.DrawFn) -> tuple[str, tuple[int, ...], int]:
    """A block that holds itself, the sizes of a picture, and how deep it goes."""
    rank = draw(st.integers(1, 3))
    padding = draw(st.integers(0, 1))
    labels = draw(st.booleans())
    used = iter(range(99))

    def layer(text: str) -> str:
        return f"part{next(used)}: {text}" if labels else text

    def layers(least: int) -> str:
        kinds = ["CONV(c, 3, padding={})", "BN", "RELU", "CONV(c, 1)", "DROPOUT(0.25)", "CONV(c, 1, bias=false)"]
        chosen = draw(st.lists(st.sampled_from(kinds), min_size=least, max_size=2))
        return "".join(layer(text.format(padding)) + " -> " for text in chosen)

    step = draw(st.sampled_from(["c + 1", "2 * c", "c", "c + n", "c * n"]))
    inner = layer(f"level({step}, n - 1)")
    if draw(st.booleans()):
        inner = f"{layer('MAXPOOL(2)')} -> {inner} -> {layer('UPCONV(c, 2, stride=2)')}"
    else:
        inner = f"{layers(0)}{inner} -> {layer('CONV(c, 1)')}"
    join = draw(st.sampled_from(["ADD", "CONCAT", ""]))
    held = f'{join}(align="crop"){{ _, {inner} }}' if join else inner
    condition = draw(st.sampled_from(["n > 0", "n >= 1", "n != 0", "not n == 0"]))
    behind = draw(st.sampled_from(["", f" -> {layers(1)}{layer('CONV(c, 1)')}"]))
    first, last = layer("CONV(c, 1)"), layer("CONV(c, 1)")
    block = f"block level(c, n) = {first} -> {layers(0)}[{held} -> {layers(0)}{last}]?({condition}){behind}"
    return block, draw(st.sampled_from([(16,), (24,), (22,)])) * rank, draw(st.integers(1, 3))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(blocks())
def test_random_recursions(drawn: tuple[str, tuple[int, ...], int]) -> None:
    block, sizes, depth = drawn
    text = model_text(block, sizes, depth)
    assume(check_source(Source("test.arch", text)).ok and math.prod(sizes) < 20_000)
    assert_one_class(text)
