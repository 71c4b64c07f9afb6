"""From tree to model: repeats, blocks, models, parameters, switches, defaults, assertions; and that parts are shared."""

from __future__ import annotations

from typing import Any

import pytest
from work import at_most

import archlang
from archlang.checking import Outcome, Request, check_source
from archlang.elaborate import elaborator
from archlang.elaborate.parts import CALL_DEPTH, LAYER_LIMIT, STAGE_DEPTH, Options
from archlang.ir.graph import Model, Repeat
from archlang.ir.walk import flatten, fold_totals
from archlang.source import Source


def check(text: str, model: str | None = None, strict: bool = False, **bindings: Any) -> Outcome:
    return check_source(Source("net.arch", text), Request(model, bindings, Options((), strict)))


def models_of(text: str, **bindings: Any) -> dict[str, Model]:
    outcome = check(text, **bindings)
    assert outcome.ok, [(d.code, d.message) for d in outcome.diagnostics]
    return {model.name: model for model in outcome.models}


def model_of(text: str, **bindings: Any) -> Model:
    return list(models_of(text, **bindings).values())[-1]


def output(text: str, **bindings: Any) -> tuple[int, ...]:
    return model_of(text, **bindings).outputs[0].shape


def kinds(text: str, **bindings: Any) -> list[str]:
    """torch classes of all layers, in order."""
    return [flat.layer.op.torch_class for flat in flatten(model_of(text, **bindings))]


def errors(text: str, **bindings: Any) -> list[tuple[str, str]]:
    return [(d.code, d.span.text if d.span else "") for d in check(text, **bindings).diagnostics]


# ---- repeats -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "copies"),
    [
        ("*0", 0),
        ("*1", 1),
        ("*3", 3),
        ("*2*3", 6),
        ("*(1 + 1)", 2),
        ("*2?(true)", 2),
        ("*2?(false)", 0),
        ("?(true)*2", 2),
    ],
)
def test_repeat(suffix: str, copies: int) -> None:
    assert kinds(f"INPUT -> [CONV -> RELU]{suffix} -> FC") == ["Conv2d", "ReLU"] * copies + ["Linear"]


@pytest.mark.parametrize("count", ["-1", "1.5", '"2"', "true", "none", "[2]", "2.0"])
def test_bad_repeat(count: str) -> None:
    assert errors(f"INPUT -> [CONV]*({count})") == [("bad-repeat", f"*({count})")]


def test_each_copy_is_fresh_and_follows_its_input() -> None:
    model = model_of("INPUT(3, 32, 32) -> [CONV(8, 3x3, padding=1) -> RELU -> POOL]*2 -> FC(10)")
    convolutions = [flat for flat in flatten(model) if flat.layer.op.tag == "conv"]
    assert [flat.inputs[0] for flat in convolutions] == [(3, 32, 32), (8, 16, 16)]
    assert fold_totals(model)[-1].parameters == (3 * 9 + 1) * 8 + (8 * 9 + 1) * 8 + (8 * 8 * 8 + 1) * 10


def test_comprehension() -> None:
    model = model_of("INPUT -> [CONV(c, k) -> RELU for (c, k) in zip([4, 8], [3, 5])] -> FC")
    assert [flat.layer.outputs[0] for flat in flatten(model)][:4] == [
        (4, 30, 30),
        (4, 30, 30),
        (8, 26, 26),
        (8, 26, 26),
    ]
    assert kinds("INPUT -> [CONV for i in []] -> FC") == ["Linear"]
    assert kinds("INPUT -> [CONV?(i > 0) for i in range(3)] -> FC") == ["Conv2d", "Conv2d", "Linear"]


def test_empty_parts_leave_nothing_behind() -> None:
    model = model_of("INPUT -> [[RELU?(false)]*1_000_000_000]*1_000_000_000 -> [POOL?(i > 5) for i in range(3)] -> FC")
    assert [flat.path for flat in flatten(model)] == ["fc1"]


# ---- sharing: what is elaborated once ----------------------------------------------------------------


def test_a_million_copies_cost_two() -> None:
    with at_most(20_000):
        model = model_of("INPUT -> [CONV(64, 3x3, padding=1) -> BN -> RELU]*1_000_000")
        totals = fold_totals(model)[-1]
    assert len(model.bodies) == 3
    (repeat,) = model.root.nodes
    assert isinstance(repeat, Repeat)
    assert [run.count for run in repeat.runs] == [1, 999_999]
    assert totals.layers == 3_000_000
    assert totals.parameters == (3 * 9 + 1) * 64 + 128 + 999_999 * ((64 * 9 + 1) * 64 + 128)


@pytest.mark.parametrize("count", [3, 30, 300_000])
def test_bodies_do_not_grow_with_the_count(count: int) -> None:
    block = "block unit(c) = CONV(c, 3x3, padding=1) -> RELU\n"
    assert len(model_of(block + f"model Net = INPUT -> stage: unit(8)*{count}").bodies) == 6
    assert len(model_of(block + f"model Net = INPUT -> [unit(8) -> unit(8)]*{count}").bodies) == 5
    assert len(model_of(f"INPUT -> [[CONV(8, 3x3, padding=1)]*{count} -> RELU]*3").bodies) == 5


def test_equal_calls_share_a_body() -> None:
    block = "block unit(c, k = 3) = CONV(c, k, padding=k // 2)\nmodel Net = INPUT(8, 9, 9) -> "
    assert len(model_of(block + "unit(8) -> unit(8, 3) -> unit(k=3, c=8)").bodies) == 2
    assert len(model_of(block + "unit(8) -> unit(8, 1)").bodies) == 3
    assert len(model_of(block + "[unit(8) for i in range(1000)]").bodies) == 3


def test_comprehension_shares_what_does_not_use_its_name() -> None:
    assert len(model_of("INPUT(8, 9, 9) -> [CONV(8, 1x1) for i in range(1000)]").bodies) == 2
    assert len(model_of("INPUT(8, 9, 9) -> [CONV(8, 1 + 2*(i % 2), padding=i % 2) for i in range(1000)]").bodies) == 3


def test_values_that_are_equal_but_not_the_same_are_kept_apart() -> None:
    flags = "block unit(b) = CONV(8, 1x1, bias=b)\nmodel Net = INPUT(8, 9, 9) -> unit(true) -> unit(1)"
    assert errors(flags) == [("wrong-type", "bias=b")]


def test_an_error_in_a_shared_part_is_told_to_each_that_uses_it() -> None:
    text = "block bad = CONV(8, 99x99)\nmodel A = INPUT -> bad\nmodel B = INPUT -> bad"
    assert errors(text) == [("kernel-too-large", "99x99")]
    assert not check(text, "B").ok
    assert not check(text, "B").models


# ---- blocks and models -------------------------------------------------------------------------------


def test_block_arguments() -> None:
    block = "block unit(c, k = 3, p = k // 2) = CONV(c, k, padding=p)\nmodel Net = INPUT -> "
    assert output(block + "unit(8) -> unit(4, 5) -> unit(p=0, c=2)") == (2, 30, 30)


@pytest.mark.parametrize(
    ("call", "code", "marked"),
    [
        ("unit", "missing-argument", "unit"),
        ("unit(k=1)", "missing-argument", "unit(k=1)"),
        ("unit(1, 1, 1)", "too-many-arguments", "1"),
        ("unit(1, c=1)", "duplicate-argument", "c=1"),
        ("unit(c=1, 2)", "positional-after-keyword", "2"),
        ("unit(1, stride=2)", "unknown-argument", "stride"),
        ("unit(w)", "unknown-name", "w"),
        ("unit(1){ RELU }", "no-branches", "unit(1){ RELU }"),
    ],
)
def test_bad_call(call: str, code: str, marked: str) -> None:
    assert errors(f"block unit(c, k = 1) = CONV(c, k)\nmodel Net = INPUT -> {call}") == [(code, marked)]


def test_a_block_sees_its_parameters_and_the_file_but_not_its_caller() -> None:
    assert output("let w = 3 block unit = CONV(w, 1x1) model Net = INPUT -> unit") == (3, 32, 32)
    assert output("let w = 3 block unit(w) = CONV(w, 1x1) model Net = INPUT -> unit(w + 1)") == (4, 32, 32)
    assert errors("block unit = CONV(w, 1x1) model Net(w = 3) = INPUT -> unit") == [("unknown-name", "w")]


def test_a_block_knows_its_input() -> None:
    text = "block same = CONV(in_channels, 3x3, padding=1) -> FC(in_features // 1000) model Net = INPUT -> same"
    assert output(text) == (3,)


def test_recursion_with_an_end() -> None:
    text = "block level(n) = [CONV(n, 3x3, padding=1) -> level(n - 1)]?(n > 0)\nmodel Net = INPUT -> level(4) -> FC"
    assert kinds(text) == ["Conv2d"] * 4 + ["Linear"]


def test_aliases() -> None:
    text = (
        "# The family.\nmodel Base(n = 10, k = 3) = INPUT -> CONV(8, k) -> FC(n)\n"
        "model Small = Base(5)\nmodel Wide(k = 7) = Base(k=k)\n# Its own words.\nmodel Smaller = Small\n"
    )
    models = models_of(text)
    assert {name: model.outputs[0].shape for name, model in models.items()} == {
        "Base": (10,), "Small": (5,), "Wide": (10,), "Smaller": (5,)
    }  # fmt: skip
    assert {layer.path for model in models.values() for layer in flatten(model)} == {"conv1", "fc1"}
    assert (models["Base"].doc, models["Small"].doc, models["Smaller"].doc) == (
        "The family.",
        "The family.",
        "Its own words.",
    )
    assert model_of(text + "model Last = Wide", k=5).root.nodes[0].outputs == ((8, 28, 28),)


def test_a_model_inside_another() -> None:
    text = "model Body = INPUT -> CONV(8, 1x1)\nmodel Net = INPUT -> RELU -> Body -> FC"
    assert [layer.path for layer in flatten(models_of(text)["Net"])] == ["relu1", "body1.conv1", "fc1"]
    assert output("model Body = INPUT -> CONV(8, 1x1)\nmodel Net = Body -> FC") == (10,)
    assert errors("model Tail = INPUT(8, 8, 8) -> FC\nmodel Net = INPUT -> Tail") == [
        ("input-mismatch", "INPUT(8, 8, 8)")
    ]


def test_an_error_inside_a_block_tells_the_way_there() -> None:
    text = "block inner = CONV(8, 9x9)\nblock outer = POOL -> inner\nmodel Net = INPUT(3, 8, 8) -> outer"
    (found,) = check(text).diagnostics
    assert found.code == "kernel-too-large"
    assert [label.span.text for label in found.trail] == ["inner", "outer"]
    assert [label.text for label in found.trail] == ["in block `inner`, used here", "in block `outer`, used here"]


@pytest.mark.parametrize(
    "text",
    [
        "block a = [a] model Net = INPUT -> a",
        "block a = b block b = a model Net = INPUT -> a",
        "block a(n) = a(n + 1) model Net = INPUT -> a(0)",
        "block a(n) = RELU -> x: a([n]) model Net = INPUT -> a(0)",
        "model A = INPUT -> A",
        "model A = INPUT -> B model B = INPUT -> A",
        "block a{h} = a{[h -> h]} model Net = INPUT -> a{RELU}",
    ],
)
def test_endless_recursion(text: str) -> None:
    found = check(text).diagnostics
    assert {d.code for d in found} == {"endless-recursion"}
    assert str(CALL_DEPTH) in found[0].message


# ---- free letters, switches, domains -----------------------------------------------------------------


BLUEPRINT = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC(32) -> RELU]*K -> FC"


def test_free_letters_must_be_bound() -> None:
    (found,) = check(BLUEPRINT).diagnostics
    assert found.code == "unbound-parameters"
    assert found.message == "`N`, `M` and `K` have no value in this chain"
    assert [label.span.text for label in found.secondary] == ["M", "K"]
    assert [d.message for d in check(BLUEPRINT, N=1, K=2).diagnostics] == ["`M` has no value in this chain"]


@pytest.mark.parametrize(("n", "m", "k", "pool"), [(0, 0, 0, True), (1, 1, 1, True), (2, 3, 2, True), (3, 2, 0, False)])
def test_blueprint(n: int, m: int, k: int, pool: bool) -> None:
    expected = (["Conv2d", "ReLU"] * n + ["MaxPool2d"] * pool) * m + ["Linear", "ReLU"] * k + ["Linear"]
    assert kinds(BLUEPRINT, N=n, M=m, K=k, pool=pool) == expected


def test_letters_that_have_a_value_are_not_free() -> None:
    assert output("let N = 2 INPUT -> [POOL]*N") == (3, 8, 8)
    assert output("model Net(N = 2) = INPUT -> [POOL]*N") == (3, 8, 8)
    assert output("INPUT -> [CONV(C, 1x1) for C in [4, 5]]") == (5, 32, 32)
    assert output("INPUT(C, 8, 8) -> [CONV(C, 1x1)]*2", C=4) == (4, 8, 8)


def test_switches() -> None:
    assert kinds("INPUT -> POOL? -> FC") == ["MaxPool2d", "Linear"]
    assert kinds("INPUT -> POOL? -> FC", pool=False) == ["Linear"]
    assert kinds("INPUT -> [POOL -> RELU]? -> down: POOL? -> FC", pool=False) == ["MaxPool2d", "Linear"]
    assert kinds("INPUT -> [POOL -> RELU]? -> down: POOL? -> FC", down=False) == ["MaxPool2d", "ReLU", "Linear"]
    assert kinds("block b = POOL? model Net = INPUT -> b") == ["MaxPool2d"]
    assert errors("INPUT -> POOL? -> FC", pool=1) == [("wrong-type", "?")]
    assert errors("INPUT -> POOL?(1) -> FC") == [("bad-operand", "1")]


def test_domains() -> None:
    text = "model Net(N in 1..3 = 2, w in [8, 16] = 8) = INPUT -> [CONV(w, 1x1)]*N"
    assert len(kinds(text)) == 2
    assert len(kinds(text, N=3, w=16)) == 3
    assert errors(text, N=4) == [("outside-domain", "in 1..3")]
    assert errors(text, N=0) == [("outside-domain", "in 1..3")]
    assert errors(text, w=12) == [("outside-domain", "in [8, 16]")]
    assert errors(text.replace("= 2", "= 7")) == [("outside-domain", "in 1..3")]
    assert errors(text.replace("1..3", "3..1")) == [("bad-domain", "in 3..1")]
    assert errors("block b(N in 1..3) = [RELU]*N model Net = INPUT -> b(9)")[0][0] == "outside-domain"


def test_unknown_binding() -> None:
    assert [d.code for d in check(BLUEPRINT, N=1, M=1, K=1, L=1).diagnostics] == ["unknown-parameter"]
    assert [d.code for d in check("INPUT -> FC", "Nett").diagnostics] == ["unknown-model"]


# ---- let and default ---------------------------------------------------------------------------------


def test_let() -> None:
    assert output("let a = 2 let b = [a, a*a] INPUT -> FC(b[1])") == (4,)
    assert errors("let b = a let a = 1 INPUT -> FC(b)") == [("unknown-name", "a")]
    assert errors("let a = 1/0 INPUT -> FC(a) -> CONV(a)") == [("division-by-zero", "1/0")]


def test_default_of_a_layer() -> None:
    assert output("default CONV(7, 5x5) INPUT -> CONV") == (7, 28, 28)
    assert output("default Conv2d(7, 5x5) INPUT -> CONV") == (7, 28, 28)
    assert output("default CONV(7, 5x5) INPUT -> CONV(8, 1x1)") == (8, 32, 32)
    assert output("default INPUT(1, 8, 8) INPUT -> POOL") == (1, 4, 4)
    assert output("let w = 5 default CONV(w, 1x1) model Net(w = 6) = INPUT -> CONV") == (5, 32, 32)
    assert errors("default CONV(w, 1x1) model Net(w = 6) = INPUT -> CONV") == [("unknown-name", "w")]
    assert errors("default CNV(7, 5x5) INPUT -> CONV") == [("unknown-default", "CNV")]


def test_default_of_an_argument() -> None:
    assert output("default padding = 1 INPUT -> CONV(4, 3x3) -> CONV(4, 3x3, padding=0)") == (4, 30, 30)
    assert errors("default paddin = 1 INPUT -> CONV(4, 3x3)") == [("unknown-default", "paddin")]
    assert errors('default padding = "sme" INPUT -> CONV(4, 3x3)')[0][0] == "out-of-range"
    assert errors('default padding = "sme" INPUT -> FC') == []


def test_the_defaults_that_were_used_are_told() -> None:
    model = model_of("default CONV(7, 5x5) INPUT -> CONV -> POOL(2) -> FC")
    assert [(use.word, use.text, use.origin.file) for use in model.defaults] == [
        ("INPUT", "INPUT(3, 32, 32)", "prelude.arch"),
        ("CONV", "CONV(7, 5x5)", "net.arch"),
        ("FC", "FC(10)", "prelude.arch"),
    ]
    assert model_of("INPUT(3, 8, 8) -> FC(3)").defaults == ()


# ---- assert and :: -----------------------------------------------------------------------------------


NET = "model Net(n = 10) = INPUT -> features: [CONV(8, 3x3) -> act: RELU] -> FC(n)\nassert "


@pytest.mark.parametrize(
    "condition",
    [
        "Net.parameters == 8*28 + 8*900*10 + 10",
        "parameters == Net.parameters",
        "Net.output == 10",
        "output == (10,)",
        "input == (3, 32, 32)",
        "Net.flops == 2*Net.macs and Net.buffers == 0 and Net.layers == 3",
        "Net.features.output == (8, 30, 30)",
        "Net.features.input == (3, 32, 32)",
        "Net.features.act.output == Net.features.output",
        "Net.features.parameters == 8*28 and Net.features.0.macs == 8*27*900",
        'Net["features"]["0"].parameters == 224',
        "Net(n=20).output == 20",
        "Net(5).parameters < Net.parameters",
        "1_000 < parameters < 100_000",
        "not parameters in [1, 2]",
        "sum([Net(i).output[0] for i in [1, 2]]) == 3",
    ],
)
def test_assertion_that_holds(condition: str) -> None:
    assert errors(NET + condition) == []


@pytest.mark.parametrize(
    ("condition", "notes"),
    [
        ("Net.parameters == 1", ("Net.parameters is 72,234",)),
        ("Net.output == Net.input", ("Net.output is (10,)", "Net.input is (3, 32, 32)")),
        ("1 < Net.layers < 3", ("Net.layers is 3",)),
        ("Net.layers == 3 and Net.macs == 0", ()),
        ("false", ()),
        ("not true", ()),
    ],
)
def test_assertion_that_fails(condition: str, notes: tuple[str, ...]) -> None:
    (found,) = check(NET + condition).diagnostics
    assert (found.code, found.problem.notes) == ("assertion-failed", notes)
    assert found.span and found.span.text == condition


@pytest.mark.parametrize(
    ("condition", "code", "marked"),
    [
        ("Net.parameters", "bad-operand", "Net.parameters"),
        ("Net.sizes == 1", "unknown-attribute", "sizes"),
        ("Net.features.act.conv == 1", "unknown-attribute", "conv"),
        ("Nett.parameters == 1", "unknown-name", "Nett"),
        ("Net(m=1).parameters == 1", "unknown-argument", "m"),
        ("Nett(1).parameters == 1", "unknown-function", "Nett"),
        ("Net(1, 2).parameters == 1", "too-many-arguments", "2"),
        ("parameters.total == 1", "bad-operand", "parameters.total"),
        ("Net.parameters == Net", "assertion-failed", "Net.parameters == Net"),
    ],
)
def test_bad_assertion(condition: str, code: str, marked: str) -> None:
    assert errors(NET + condition) == [(code, marked)]


def test_assertions_of_a_bound_model() -> None:
    assert errors("INPUT -> [CONV]*N\nassert layers == 2", N=2) == []
    assert errors("INPUT -> [CONV]*N\nassert layers == 2", N=3)[0][0] == "assertion-failed"


def test_assertions_are_about_models_as_written() -> None:
    """Other classes, or a larger picture, do not make a file wrong; a second model in it makes no difference."""
    for more in ("", "\nmodel Other = INPUT -> FC(3)"):
        assert errors(NET + "Net.output == 10" + more, n=20) == []
        assert errors(NET + "Net.output == 20" + more, n=20)[0][0] == "assertion-failed"
        assert errors(NET + "Net(n=20).output == 20" + more) == []
    assert archlang.checks("INPUT(3, 9, 9) -> CONV(2, 3x3)\nassert output == (2, 7, 7)", input=(3, 19, 19)).ok


def test_an_assertion_says_nothing_about_a_model_with_errors() -> None:
    assert errors("model Net = INPUT -> CONV(3, 99x99)\nassert Net.parameters == 1") == [("kernel-too-large", "99x99")]


def test_stated_shape() -> None:
    assert errors("INPUT :: (3, 32, 32) -> [CONV -> POOL :: 32x16x16]*1 :: (32, 16, 16) -> FC :: 10") == []
    assert errors("INPUT -> CONV :: (32, 30, 30) -> FC") == [("stated-shape", "(32, 30, 30)")]
    assert errors("INPUT -> FC(10) :: 1000") == [("stated-shape", "1000")]
    assert errors('INPUT -> FC :: "10"') == [("bad-operand", '"10"')]
    assert errors("INPUT -> CONV(3, 99x99) :: (1, 1, 1) -> FC :: 3") == [("kernel-too-large", "99x99")]


# ---- inputs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("CONV -> FC", "no-input", "CONV"),
        ("RELU -> INPUT", "no-input", "RELU"),
        ("[CONV]*2", "no-input", "[CONV]*2"),
        ("INPUT?(false) -> FC", "no-input", "FC"),
        ("INPUT -> INPUT", "input-not-first", "INPUT"),
        ("INPUT() -> FC", "missing-argument", "INPUT()"),
        ("INPUT(3, 32.5, 32) -> FC", "wrong-type", "32.5"),
        ("INPUT(true, 32, 32) -> FC", "wrong-type", "true"),
        ("INPUT(C=3) -> FC", "unknown-argument", "C=3"),
        ("INPUT(0, 32, 32) -> FC", "out-of-range", "INPUT(0, 32, 32)"),
        ("INPUT(1, 2, 3, 4, 5) -> FC", "out-of-range", "INPUT(1, 2, 3, 4, 5)"),
        ("INPUT(10**10) -> FC", "out-of-range", "INPUT(10**10)"),
        ("let a = 1", "no-model", ""),
    ],
)
def test_bad_input(text: str, code: str, marked: str) -> None:
    assert errors(text) == [(code, marked)]


def test_input_shapes() -> None:
    assert output("INPUT(100) -> FC(3)") == (3,)
    assert output("INPUT(3x8x8) -> POOL") == (3, 4, 4)
    assert output("INPUT((1, 4), 4, 4) -> POOL") == (1, 2, 2, 2)


# ---- several errors ----------------------------------------------------------------------------------


def test_an_error_silences_what_follows_from_it() -> None:
    assert errors("INPUT -> CONV(3, 99x99) -> POOL -> CONV(3, 1x1) -> FC") == [("kernel-too-large", "99x99")]
    assert errors("INPUT -> RELUU -> CONV(3) -> FC(none)") == [
        ("unknown-layer", "RELUU"),
        ("missing-argument", "CONV(3)"),
    ]
    assert errors("INPUT -> [RELUU]*5 -> TANNH") == [("unknown-layer", "RELUU"), ("unknown-layer", "TANNH")]


def test_diagnostics_stand_in_the_order_of_the_text_and_once() -> None:
    text = "model B = INPUT -> FC -> x: TANNH\nblock c = RELUU\nmodel A = INPUT -> c -> c\nassert Bee.macs == 1"
    assert errors(text) == [("unknown-layer", "TANNH"), ("unknown-layer", "RELUU"), ("unknown-name", "Bee")]


def test_no_more_than_a_hundred_diagnostics() -> None:
    assert len(errors("INPUT -> " + " -> ".join(["WIBBLE"] * 1_000))) == 100


# ---- limits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INPUT -> [CONV]*1_000_000_000", "expansion-limit"),
        (f"INPUT -> [RELU]*{LAYER_LIMIT + 1}", "expansion-limit"),
        ("INPUT -> [[[RELU]*1000]*1000]*1000", "expansion-limit"),
        ("INPUT -> a: [b: [RELU]*5_000_000]*3", "expansion-limit"),
        ("block a(n) = [a(n - 1) -> a(n - 1)]?(n > 0) model Net = INPUT -> a(60)", "expansion-limit"),
        ("block a(n) = [RELU -> [a(n - 1) -> a(n - 1)]?(n > 0)] model Net = INPUT -> a(60)", "expansion-limit"),
        ("block a(n) = " + "[" * 90 + "a(n + 1)" + "]" * 90 + " model Net = INPUT -> a(0)", "nesting-too-deep"),
        ("block a(n) = " + "x: [" * 90 + "a(n + 1)" + "]" * 90 + " model Net = INPUT -> a(0)", "nesting-too-deep"),
        ("block a(n) = " + "[" * 90 + "a(n + 1)" + "]*2" * 90 + " model Net = INPUT -> a(0)", "nesting-too-deep"),
    ],
)
def test_limit(text: str, code: str) -> None:
    with at_most(20_000_000):
        assert [found for found, _ in errors(text)] == [code]


@pytest.mark.parametrize(
    "text",
    [
        "INPUT -> [[CONV(i*j + 1, 1x1) for i in range(100)] for j in range(100)]",
        "INPUT(1, 20_000, 1) -> CONV(1, 3x1)*6_000",
        "INPUT(1, 20_000, 1) -> x: [CONV(1, 3x1) -> RELU]*6_000",
        "".join(f"block b{i}{{h}} = b{i + 1}{{[h -> h]}} " for i in range(30))
        + "block b30{h} = h model Net = INPUT -> b0{RELU}",
    ],
)
def test_work_is_bounded_and_its_end_told_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elaborator, "WORK_LIMIT", 5_000)
    assert [code for code, _ in errors(text)] == ["too-many-parts"]


def test_just_within_the_limits() -> None:
    assert fold_totals(model_of(f"INPUT -> [RELU]*{LAYER_LIMIT}"))[-1].layers == LAYER_LIMIT
    deep = "block a(n) = x: [a(n - 1)]?(n > 0) model Net = INPUT -> a(60) -> FC"
    assert len(model_of(deep).bodies) > 60
    assert len(kinds("INPUT -> " + "[" * 90 + "RELU" + "]" * 90)) == 1
    assert STAGE_DEPTH > 2 * CALL_DEPTH


# ---- what comments say


HEADED = """# About the file.
# allow: even-kernel: not said
# Its second line.

# About One.
model One(c = 2) = INPUT(3, 4, 4) -> CONV(c, 1x1)
model Two = One(c=3)

# About Three.
model Three = One(c=4)
model Four = INPUT(3)
"""


@pytest.mark.parametrize(
    ("name", "said"), [("One", "About One."), ("Two", "About One."), ("Three", "About Three."), ("Four", "")]
)
def test_a_comment_above_is_of_the_model_and_one_at_the_top_of_the_file(name: str, said: str) -> None:
    model = next(model for model in archlang.checks(HEADED).models if model.name == name)
    assert model.doc == "\n\n".join(text for text in ("About the file.\nIts second line.", said) if text)


@pytest.mark.parametrize("text", ["# Of the net.\nINPUT(3) -> FC(2)", "#\n\n# Of the net.\nINPUT(3) -> FC(2)"])
def test_a_comment_right_above_the_first_model_is_of_that_alone(text: str) -> None:
    assert archlang.checks(text).models[0].doc == "Of the net."


@pytest.mark.parametrize("name", ["ReLU", "Conv2d", "FC"])
def test_a_file_named_like_a_layer_uses_that_layer(name: str) -> None:
    arguments = {"ReLU": "", "Conv2d": "(4, 3)", "FC": "(4)"}[name]
    outcome = check_source(Source(f"{name}.arch", f"INPUT(3, 8, 8) -> {name}{arguments} -> {name}{arguments}"))
    assert outcome.ok and outcome.models[0].name == name


def test_a_comment_before_braces_is_no_argument() -> None:
    for comment in ("", "# (as in the paper)\n"):
        text = f'default CONCAT(align="crop") INPUT(3, 8, 8) -> CONCAT {comment}{{ CONV(4, 3), CONV(4, 1) }}'
        assert model_of(text).outputs[0].shape == (8, 6, 6)
