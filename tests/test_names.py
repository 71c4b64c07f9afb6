"""Names of layers: those that labels give, those that are counted, and what may not collide."""

from __future__ import annotations

import pytest

from archlang.checking import Outcome, check_source
from archlang.ir.walk import flatten
from archlang.source import Source
from archlang.syntax.reserved import MODULE_ATTRIBUTES, label_problem

UNIT = "block unit = CONV(3, 3x3, padding=1) -> RELU\nmodel Net = "


def check(text: str) -> Outcome:
    return check_source(Source("net.arch", text))


def names(text: str) -> list[str]:
    outcome = check(text)
    assert outcome.ok, [(d.code, d.message) for d in outcome.diagnostics]
    return [layer.path for layer in flatten(outcome.models[-1])]


def errors(text: str) -> list[tuple[str, str]]:
    return [(d.code, d.span.text if d.span else "") for d in check(text).diagnostics]


# ---- automatic names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # at the top of a model: kind and number, counted for each kind
        ("INPUT -> CONV -> RELU -> CONV -> FC", "conv1 relu1 conv2 fc1"),
        ("INPUT -> CONV -> POOL -> MAXPOOL(2) -> AVGPOOL -> FC -> FC", "conv1 pool1 pool2 avgpool1 fc1 fc2"),
        # brackets without a label and repeats count on
        ("INPUT -> [CONV -> [RELU -> CONV]] -> CONV", "conv1 relu1 conv2 conv3"),
        ("INPUT -> [CONV -> RELU]*2 -> CONV", "conv1 relu1 conv2 relu2 conv3"),
        ("INPUT -> [[CONV]*2 -> RELU]*2 -> CONV", "conv1 conv2 relu1 conv3 conv4 relu2 conv5"),
        ("INPUT -> [CONV(c, 3x3, padding=1) for c in [4, 4, 8]] -> CONV", "conv1 conv2 conv3 conv4"),
        # a label takes its own place and leaves its number unused
        ("INPUT -> stem: CONV -> CONV", "stem conv2"),
        # scopes count from 0, layers without parameters too
        ("INPUT -> features: [CONV -> RELU -> CONV] -> head: FC", "features.0 features.1 features.2 head"),
        ("INPUT -> f: [CONV -> g: [RELU -> CONV] -> CONV]", "f.0 f.g.0 f.g.1 f.1"),
        ("INPUT -> f: [act: RELU -> CONV]", "f.act f.0"),
        ("INPUT -> f: [[CONV -> RELU]*2 -> POOL]", "f.0 f.1 f.2 f.3 f.4"),
        ("INPUT -> f: [CONV(c, 3x3, padding=1) -> RELU for c in [4, 8]]", "f.0 f.1 f.2 f.3"),
        # blocks and models are scopes
        (UNIT + "INPUT -> unit -> unit", "unit1.0 unit1.1 unit2.0 unit2.1"),
        (UNIT + "INPUT -> first: unit -> unit", "first.0 first.1 unit2.0 unit2.1"),
        (UNIT + "INPUT -> f: [unit -> unit]", "f.0.0 f.0.1 f.1.0 f.1.1"),
        ("model Tail = INPUT(32, 32, 32) -> CONV -> FC model Net = INPUT -> CONV -> Tail", "conv1 tail1.conv1 tail1.fc1"),
        # a repeat with a label numbers its copies
        ("INPUT -> layer: [CONV -> RELU]*2", "layer.0.0 layer.0.1 layer.1.0 layer.1.1"),
        ("INPUT -> layer: [CONV -> RELU]*1", "layer.0.0 layer.0.1"),
        ("INPUT -> layer: CONV*2", "layer.0 layer.1"),
        ("INPUT -> layer: CONV*0 -> FC", "fc1"),
        (UNIT + "INPUT -> layer: unit*2", "layer.0.0 layer.0.1 layer.1.0 layer.1.1"),
        (UNIT + "INPUT -> layer: [unit*2]", "layer.0.0 layer.0.1 layer.1.0 layer.1.1"),
        (UNIT + "INPUT -> layer: [unit -> unit]*2",
         "layer.0.0.0 layer.0.0.1 layer.0.1.0 layer.0.1.1 layer.1.0.0 layer.1.0.1 layer.1.1.0 layer.1.1.1"),
        # what is dropped takes no number
        ("INPUT -> CONV -> CONV?(false) -> CONV", "conv1 conv2"),
        ("INPUT -> [CONV]*0 -> CONV", "conv1"),
        # the flattening before FC takes none either
        ("INPUT -> f: [CONV -> FC -> RELU]", "f.0 f.1 f.2"),
        # branches count on; a labelled join is a scope
        ("INPUT -> CONCAT{ CONV, CONV } -> CONV", "conv1 conv2 concat1 conv3"),
        ("INPUT -> mix: CONCAT{ CONV, one: CONV } -> CONV", "mix.0 mix.one mix.concat1 conv1"),
    ],
)  # fmt: skip
def test_names(text: str, expected: str) -> None:
    assert names(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('INPUT -> ["conv{i + 1}": CONV for i in range(3)]', "conv1 conv2 conv3"),
        ('INPUT -> ["{w}{i}": CONV for (w, i) in [("a", 1), ("b", 2)]]', "a1 b2"),
        ('INPUT -> f: ["l{i}": [CONV -> RELU] for i in range(2)]', "f.l0.0 f.l0.1 f.l1.0 f.l1.1"),
        ('INPUT -> ["s{i}": [CONV]*2 for i in range(2)]', "s0.0.0 s0.1.0 s1.0.0 s1.1.0"),
        ('INPUT -> f: ["{10 + i}": CONV for i in range(2)]', "f.10 f.11"),
        ('model Net(name = "stem") = INPUT -> "{name}": CONV', "stem"),
        ('INPUT -> "plain": CONV', "plain"),
        ('INPUT -> "0": CONV -> CONV', "0 conv2"),
    ],
)
def test_quoted_labels(text: str, expected: str) -> None:
    assert names(text) == expected.split()


# ---- collisions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("INPUT -> a: CONV -> a: CONV", "duplicate-label", "a"),
        ("INPUT -> a: [CONV] -> [a: CONV]", "duplicate-label", "a"),
        ("INPUT -> a: CONV*2 -> a: CONV", "duplicate-label", "a"),
        ("INPUT -> CONCAT{ a: CONV, a: CONV }", "duplicate-label", "a"),
        ('INPUT -> a1: CONV -> ["a{i}": CONV for i in [1, 2]]', "duplicate-label", '["a{i}": CONV for i in [1, 2]]'),
        # a label that is the number of something else
        ("INPUT -> conv1: RELU -> CONV", "duplicate-label", "conv1"),
        ("INPUT -> CONV -> conv1: CONV", "duplicate-label", "conv1"),
        ("INPUT -> [CONV]*5 -> conv4: CONV", "duplicate-label", "conv4"),
        ('INPUT -> f: ["0": CONV -> RELU -> "2": CONV -> RELU]', "duplicate-label", '"0"'),
        (UNIT + "INPUT -> unit2: CONV(3, 1x1) -> unit -> unit", "duplicate-label", "unit2"),
        # labels inside repeats
        ("INPUT -> [a: CONV]*2", "repeated-label", "[a: CONV]*2"),
        ("INPUT -> [a: CONV(3, 1x1)]*1_000_000", "repeated-label", "[a: CONV(3, 1x1)]*1_000_000"),
        ("INPUT -> [a: CONV for i in range(2)]", "repeated-label", "[a: CONV for i in range(2)]"),
        ('INPUT -> ["a{i}": CONV for i in [1, 2, 1]]', "repeated-label", '["a{i}": CONV for i in [1, 2, 1]]'),
        ("INPUT -> s: [[a: CONV]*2]", "repeated-label", "[a: CONV]*2"),
    ],
)
def test_collision(text: str, code: str, marked: str) -> None:
    assert errors(text) == [(code, marked)]


@pytest.mark.parametrize(
    "text",
    [
        "INPUT -> conv2: CONV -> RELU -> CONV?(false)",
        "INPUT -> conv1: CONV -> CONV",
        "INPUT -> conv01: RELU -> CONV",
        "INPUT -> f: [conv1: CONV -> CONV]",
        "INPUT -> a: [b: CONV] -> b: [a: CONV]",
        "INPUT -> [a: CONV]*1",
        "INPUT -> [a: CONV]*0 -> a: CONV",
        "INPUT -> [[a: CONV for i in range(1)]]",
        "INPUT -> a: CONV?(false) -> a: CONV",
    ],
)
def test_no_collision(text: str) -> None:
    names(text)


def test_second_label_points_to_the_first() -> None:
    (found,) = check("INPUT -> a: CONV -> a: CONV").diagnostics
    assert [(label.span.column, label.text) for label in found.secondary] == [(10, "first given here")]


# ---- names that cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["forward", "train", "type", "class", "lambda", "_hidden", "half", "parameters"])
def test_reserved_label(label: str) -> None:
    assert errors(f"INPUT -> {label}: CONV") == [("reserved-name", label)]
    assert errors(f'INPUT -> "{label}": CONV') == [("bad-label", f'"{label}"')]


@pytest.mark.parametrize(
    "label", ["a b", "", "1a", "a-b", "a.b", "ä", "a{1.5}", "a{true}", "a{none}", "a{[1]}", "{", "a{1 2}"]
)
def test_label_that_is_no_name(label: str) -> None:
    assert errors(f'INPUT -> "{label}": CONV') == [("bad-label", f'"{label}"')]


@pytest.mark.parametrize("name", ["nn", "torch", "None", "lambda", "match", "CONV", "Conv2d", "INPUT", "AUX", "_"])
def test_reserved_definition(name: str) -> None:
    assert ("reserved-name", name) in errors(f"model {name} = INPUT -> FC")


def test_the_reserved_names_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    public = {name for name in dir(torch.nn.Module) if not name.startswith("_")}
    assert public <= MODULE_ATTRIBUTES
    own = set(vars(torch.nn.Module())) | {"arch", "activations"}
    assert MODULE_ATTRIBUTES - public <= own
    assert all(label_problem(name) for name in public)


def test_names_defined_twice() -> None:
    assert errors("model A = INPUT -> FC model A = INPUT -> FC") == [("duplicate-definition", "A")]
    assert errors("let a = 1 let a = 2 INPUT -> FC") == [("duplicate-definition", "a")]
    assert errors("let A = 1 model A = INPUT -> FC") == [("duplicate-definition", "A")]
    assert errors("block b(c, c) = RELU model A = INPUT -> b(1, 2)")[0] == ("duplicate-definition", "c")
    assert errors("default CONV(3, 1x1) default Conv2d(4, 1x1) INPUT -> CONV") == [("duplicate-definition", "Conv2d")]
    assert errors("default stride = 1 default stride = 2 INPUT -> CONV") == [("duplicate-definition", "stride")]
    assert not errors("default stride = 1 default CONV(4, 1x1) let stride = 2 INPUT -> CONV")


# ---- many names cost little --------------------------------------------------------------------------


def test_thousands_of_labels() -> None:
    text = "INPUT -> " + " -> ".join(f"relu{i}: TANH -> [RELU]*2" for i in range(20_000, 22_000))
    assert len(names(text)) == 6_000
