"""What a reader of the written source meets: the author's own words, names that clash with nothing, complete checks."""

from __future__ import annotations

import pytest
import torch
from test_source_arguments import opened
from test_torch_backends import generated

from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.source import Source


def text_of(text: str, name: str = "Net") -> str:
    """The file of a network."""
    model, variants = opened(Source("test.arch", text), name)
    return write_source(model, "test.arch", variants)


def test_conditions_are_those_of_the_author_in_the_order_of_the_file() -> None:
    source = text_of("""
        block unit(c, act = "relu", bn = true) =
          CONV(c, 1x1) -> RELU?(act == "relu") -> TANH?(act == "tanh") -> BN?(bn) -> DROPOUT?(not bn)
        model Net = INPUT(3, 8, 8) -> unit(4) -> unit(5, "tanh", false) -> unit(6, "no") -> FC(2)""")
    assert (
        """
        layers: list[nn.Module] = [nn.Conv2d(in_channels, c, 1)]
        if act == "relu":
            layers.append(nn.ReLU())
        elif act == "tanh":
            layers.append(nn.Tanh())
        if bn:
            layers.append(nn.BatchNorm2d(c))
        else:
            layers.append(nn.Dropout(0.5))
"""
        in source
    )


def test_an_optional_layer_keeps_the_names_it_was_given() -> None:
    source = text_of("""
        block unit(c, s = 1) = ADD{ a: CONV(c, 3x3, stride=s, padding=1), b: CONV(c, 1x1, stride=s)?(s > 1 or c != in_channels) }
        model Net = INPUT(3, 8, 8) -> CONV(4, 1x1) -> unit(4) -> unit(8, 2) -> unit(8) -> FC(2)""")
    assert "nn.Conv2d(in_channels, c, 1, stride=s)" in source and "if s > 1 or c != in_channels" in source


def test_arguments_that_reach_a_block_in_a_loop_are_told() -> None:
    source = text_of("""
        block unit(c, p) = CONV(c, 1x1) -> DROPOUT(p)
        model Net(p = 0.5) = INPUT(3, 8, 8) -> body: [unit(4, p) -> unit(5, p) -> unit(6, p)]*9 -> FC(2)""")
    assert "p: sets `p` of `Unit`." in source


def test_inputs_of_unequal_batches_are_refused() -> None:
    source = text_of("model Net = ADD{ a: INPUT(3, 8, 8) -> FC(4), b: INPUT(5, H, H) -> AVGPOOL(to=1) -> FC(4) }")
    fixed = text_of("model Net = ADD{ a: INPUT(3) -> FC(4), b: INPUT(5) -> FC(4) }")
    for text, sizes in ((source, ((3, 8, 8), (5, 9, 9))), (fixed, ((3,), (5,)))):
        net = generated(text, "Net")()
        assert net(*(torch.zeros(2, *size) for size in sizes)).shape == (2, 4)
        with pytest.raises(ValueError, match=r"^Net's inputs are .* \(`a`\) and .* \(`b`\), not 2x3.* and 1x5"):
            net(torch.zeros(2, *sizes[0]), torch.zeros(1, *sizes[1]))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model check_input = INPUT(3, 8, 8) -> FC(2)", "check_input"),
        ("model Net = INPUT(3, 8, 8) -> check_input: CONV(3, 1x1) -> ADD{ _, CONV(3, 1x1) } -> FC(2)", "Net"),
        (
            "block unit(c, __p) = CONV(c, 1x1, stride=__p)\n"
            "model Net(__q = 2) = INPUT(3, 8, 8) -> unit(4, __q) -> unit(4, 1) -> AVGPOOL(to=1) -> FC(2)",
            "Net",
        ),
    ],
)
def test_names_clash_with_nothing(text: str, name: str) -> None:
    assert generated(text_of(text, name), name)()(torch.zeros(2, 3, 8, 8)).shape == (2, 2)


@pytest.mark.parametrize("name", ["__unit", "__init__"])
def test_names_that_python_hides_are_refused(name: str) -> None:
    outcome = check_source(
        Source("test.arch", f"block {name}(c) = CONV(c, 1x1)\nmodel Net = INPUT(3, 8, 8) -> {name}(2)")
    )
    assert [found.code for found in outcome.diagnostics] == ["reserved-name"]
    assert "Python hides names that begin with __" in outcome.diagnostics[0].message
