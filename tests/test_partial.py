"""What is known of models with errors: all up to the error, the stage that failed, and nothing made up behind it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archlang
import archlang.resources
from archlang.checking import Outcome, check_source
from archlang.ir.partial import PartialBody, PartialModel
from archlang.ir.verify import verify_model
from archlang.ir.walk import FlatFailure, FlatLayer, flatten, flatten_partial, fold_totals
from archlang.report.columns import View
from archlang.report.data import model_dict
from archlang.report.exports import csv_text, html_text, markdown_text
from archlang.report.text import model_table, models_tables
from archlang.source import Source

BAD = {
    "CONV(8, 99)": "kernel-too-large",
    "CONF": "unknown-layer",
    "CONV(8, 3x3, bogus=1)": "unknown-argument",
    "CONV(8, 3x3, groups=5)": "groups-indivisible",
    "UNPOOL(nothing)": "no-switches",
    "POOL(2, stride=2) :: (1, 1)": "stated-shape",
    "CONV(nowhere)": "unknown-name",
    "ADD{ CONV(7, 1x1), CONV(9, 1x1) }": "join-mismatch",
}
GOOD = ("CONV(4, 3x3, padding=1)", "RELU", "BN", "[CONV(6, 1x1) -> RELU]*2", "ADD{ _, RELU }", "part: [CONV(3, 1x1)]")


def check(text: str) -> Outcome:
    return check_source(Source("net.arch", text))


def partial(text: str) -> PartialModel:
    outcome = check(text)
    assert outcome.models == () and len(outcome.partial) == 1, outcome.diagnostics
    return outcome.partial[0]


def known(model: PartialModel) -> list[tuple[str, object]]:
    return [(f.path, f.layer.outputs) for f in flatten_partial(model) if isinstance(f, FlatLayer)]


def failed(model: PartialModel) -> list[tuple[str, str, str]]:
    """Path, word and code of what failed."""
    found = [f for f in flatten_partial(model) if isinstance(f, FlatFailure)]
    return [(f.path, f.failure.word, f.failure.code) for f in found]


@given(st.lists(st.sampled_from(GOOD[:-1]), max_size=4), st.booleans(), st.sampled_from(sorted(BAD)), st.data())
def test_all_up_to_the_error_is_as_without_it(stages: list[str], group: bool, bad: str, data: st.DataObject) -> None:
    """The layers before the error have the names and shapes of a model that ends there."""
    stages += [GOOD[-1]] * group
    behind = data.draw(st.lists(st.sampled_from(("RELU", "FC(10)", "CONV(5, 3x3)")), max_size=3))
    before = ["INPUT(4, 16, 16)", *stages]
    model = partial(" -> ".join([*before, bad, *behind]))
    (whole,) = check(" -> ".join(before)).models
    own = 2 if "ADD" in bad else 1 if "::" in bad else 0  # layers of the stage itself that came out
    layers = [(flat.path, flat.layer.outputs) for flat in flatten(whole)]
    assert known(model)[: len(layers)] == layers
    assert len(known(model)) == len(layers) + own
    assert [code for _, _, code in failed(model)] == [BAD[bad]]
    made, wanted = fold_totals(model)[-1], fold_totals(whole)[-1]
    assert own or (made.parameters, made.macs, made.layers) == (wanted.parameters, wanted.macs, wanted.layers)
    assert model.outputs == () and model.is_partial and not whole.is_partial


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INPUT(3, 32, 32) -> CONV(8, 3x3) -> CONV(9, 99) -> FC(10)", [("conv2", "CONV", "kernel-too-large")]),
        ("INPUT(3, 32, 32) -> stem: CONV(9, 99) -> FC(10)", [("stem", "CONV", "kernel-too-large")]),
        ("INPUT(3, 8, 8) -> f: [RELU -> CONV(9, 99)] -> FC(1)", [("f.1", "CONV", "kernel-too-large")]),
        ("INPUT(3, 8, 8) -> [CONV(1, 3x3)]*9 -> FC(1)", [("conv4", "CONV", "kernel-too-large")]),
        ("INPUT(3, 8, 8) -> f: CONV(1, 3x3)*9 -> FC(1)", [("f.3", "CONV", "kernel-too-large")]),
        ("INPUT(3, 8, 8) -> [CONV(n, 5x5) for n in [1, 2, 3]]", [("conv2", "CONV", "kernel-too-large")]),
        ("let n = m\nINPUT(3, 8, 8) -> FC(n)", [("fc1", "FC", "")]),
        ("INPUT(3, 8, 8) -> ADD{ CONF, CONV(1, 99) } -> FC(1)",
         [("CONF", "CONF", "unknown-layer"), ("conv1", "CONV", "kernel-too-large")]),
        ("INPUT(3, 8, 8) -> RELU -> AUX{ CONV(1, 99) } -> FC(1)", [("conv1", "CONV", "kernel-too-large")]),
        ("INPUT(3, 8, 8) -> a: RELU -> a: RELU", [("a", "RELU", "duplicate-label")]),
        ("block b(n) = RELU -> CONV(n, 99)\nmodel N = INPUT(3, 8, 8) -> x: b(3) -> b(3)",
         [("x.1", "CONV", "kernel-too-large")]),
        ("INPUT(3, 8, 8) -> CONV(n, 3x3)*2.5", [("conv1", "CONV", "bad-repeat")]),
    ],
)  # fmt: skip
def test_the_stage_that_failed_has_its_path(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert failed(partial(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(3, 8, 8) -> e: CONV(9, 99) -> CONCAT{ _, e } -> SHARE(e) -> e",
        "INPUT(3, 8, 8) -> f: [RELU -> CONF] -> CONCAT{ f.0, f.1 }",
        "INPUT(3, 8, 8) -> p: MAXPOOL(99) -> UNPOOL(p) -> q: RELU -> q",
        "INPUT(3, 8, 8) -> f: [CONV(9, 99)]*3 -> ADD{ f.2.0, f } -> FC(1)",
        "INPUT(3, 8, 8) -> p: MAXPOOL(99) -> r: RELU -> SHARE(r) -> r.x",
    ],
)
def test_what_names_a_failed_part_says_nothing_more(text: str) -> None:
    assert len(check(text).diagnostics) == 1


def test_errors_in_several_places_are_all_reported() -> None:
    text = "INPUT(3, 8, 8) -> ADD{ CONF, CONV(1, 99) } -> CONV(3, bogus=1) -> [POL]*2"
    assert [d.code for d in check(text).diagnostics] == [
        "unknown-layer", "kernel-too-large", "unknown-argument", "unknown-layer"
    ]  # fmt: skip


def test_a_broken_block_breaks_every_model_that_uses_it() -> None:
    """Its error is reported once; a body from the memory must not make the second model whole."""
    block = "block b = CONV(4, 3x3) -> CONF\n"
    outcome = check(block + "model N = INPUT(3, 8, 8) -> b\nmodel M = INPUT(3, 8, 8) -> b -> FC(2)\nmodel A = N\n")
    assert [d.code for d in outcome.diagnostics] == ["unknown-layer"]
    assert outcome.models == () and [model.name for model in outcome.partial] == ["N", "M", "A"]


def test_a_failed_side_output_leaves_the_chain_known() -> None:
    model = partial("INPUT(3, 8, 8) -> RELU -> AUX{ CONV(1, 99) } -> FC(7)")
    assert [out.shape for out in model.outputs] == [(7,)]
    assert [path for path, _ in known(model)] == ["relu1", "fc1"]


def test_inputs_of_a_failed_join_are_its_branches() -> None:
    root = partial("INPUT(3, 8, 8) -> ADD{ CONV(4, 1x1), CONV(5, 1x1) }").root
    assert isinstance(root, PartialBody)
    assert [root.shape_of(ref) for ref in root.failures[0].inputs] == [(4, 8, 8), (5, 8, 8)]


def test_backends_refuse_a_partial_model() -> None:
    model = partial("INPUT(3, 8, 8) -> RELU -> CONF")
    with pytest.raises(TypeError, match="is partial"):
        _ = model.with_numbers
    with pytest.raises(ValueError, match="no input or no output"):
        verify_model(model)


def test_a_million_copies_cost_no_more() -> None:
    model = partial("INPUT(3, 8, 8) -> [CONV(3, 1x1)]*1_000_000 -> CONF")
    assert fold_totals(model)[-1].layers == 1_000_000


def test_a_chain_without_stages_is_an_error() -> None:
    assert [d.code for d in check("INPUT(3, 4, 4)?(false)").diagnostics] == ["no-input"]


# ---- in the report -----------------------------------------------------------------------------------

NET = "INPUT(3, 8, 8) -> CONV(4, 3x3) -> BN -> ADD{ RELU, CONV(5, 1x1) } -> FC(10)"


def report(text: str) -> dict[str, Any]:
    return archlang.checks(text).to_dict()


def test_json_has_null_for_what_is_unknown() -> None:
    data = report(NET)
    (model,) = data["models"]
    assert not data["ok"] and model["partial"] is True
    assert model["outputs"] == [{"name": "output", "shape": None}]
    assert [layer["name"] for layer in model["layers"]] == ["conv1", "bn1", "relu1", "conv2", "add1"]
    failed = model["layers"][-1]
    assert (failed["op"], failed["error"], failed["line"], failed["column"]) == ("ADD", "join-mismatch", 1, 41)
    assert [failed[name] for name in ("output_shape", "parameters", "macs", "activations")] == [None] * 4
    assert model["parameters"]["total"] == (3 * 9 * 4 + 4) + 2 * 4 + (4 * 5 + 5)
    assert model["status"] == {"parameters": "partial", "macs": "partial"}


@pytest.mark.parametrize("text", [NET, "INPUT(3, 8, 8) -> RELU -> CONF", "INPUT(3, 8, 8) -> f: [BN]*2 -> CONV(n, 3)"])
@pytest.mark.parametrize("form", ["text", "csv", "md", "html"])
def test_an_unknown_is_never_zero(text: str, form: str) -> None:
    """In no column of the row that failed, nor as a sum."""
    (model,) = check(text).partial
    view = View(columns="all")
    writers = {"text": models_tables, "csv": csv_text, "md": markdown_text, "html": html_text}
    shown = writers[form]((model,), view)
    row = next(line for line in shown.splitlines() if " ! " in line)
    cells = re.findall(r"[^\s|,<>]+", row)
    assert not {"0", "-0", "0.00%"} & set(cells), row
    if form == "text":
        totals = shown.split("Total params:")[1].split("\n\n")[0]
        assert not re.search(r"(?<![\d,.>=])\b0\b(?!\.)", totals), totals
        assert "lower bounds" in shown


def test_the_table_ends_where_the_error_stands() -> None:
    text = str(archlang.checks(NET))
    assert "Net: 3x8x8 -> ?" in text and "ADD ! join-mismatch" in text and "fc1" not in text.split("error[")[0]
    assert re.search(r"Total params: +>=145 ", text)


def test_several_models_are_a_line_each() -> None:
    broken, good = "model A = INPUT(3, 8, 8) -> FC(2) -> CONF\n", "model B = INPUT(3, 8, 8) -> FC(2)\n"
    lines = str(archlang.checks(broken + good)).splitlines()
    assert lines[0].split() == ["B", "->", "2", "386", "params", "384", "MACs"]
    assert lines[1].split() == ["A", "->", "?", ">=386", "params", ">=384", "MACs", "!", "unknown-layer"]


def test_a_model_that_fails_at_once_has_no_table() -> None:
    assert str(archlang.checks("INPUT(3, 8, 8) -> CONF")).startswith("<text>:1:19: error")


def test_every_column_is_worked_out_for_zoo_blocks_that_fail() -> None:
    """A real network, broken deep inside: all columns, all levels."""
    source = (archlang.resources.folder("zoo") / "resnet.arch").read_text(encoding="utf-8")
    broken = source.replace("CONV(", "CONV(bogus=1, ", 1)
    for model in check(broken).partial[:2]:
        assert "! " in model_table(model, View(columns="all"))
        assert any("error" in layer for layer in model_dict(model)["layers"])
