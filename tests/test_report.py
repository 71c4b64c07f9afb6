"""The table of models built by hand: its tree, its sums, and every form it is written in."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import pytest
from work import at_most

from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Body, Call, DefaultUse, Input, Layer, Model, Name, Node, Origin, Ref, Repeat, Run
from archlang.ir.ops import WORDS
from archlang.ir.ops.base import Shape
from archlang.ir.ops.linear import Flatten
from archlang.ir.walk import flatten, fold_totals
from archlang.report.columns import View
from archlang.report.data import FLAT_LIMIT, model_dict, report_dict
from archlang.report.exports import csv_text, markdown_text
from archlang.report.rows import ROW_LIMIT, Row, table_rows
from archlang.report.text import model_table, models_lines

PLACE = Origin("toy.arch", 3, 5)


class Chain:
    """Builds the nodes of one body, each fed by the one before."""

    def __init__(self, bodies: list[Body], shape: Shape):
        self.bodies, self.input, self.shape = bodies, shape, shape
        self.nodes: list[Node] = []
        self.taken: dict[str, int] = {}

    def _name(self, base: str) -> Name:
        self.taken[base] = self.taken.get(base, 0) + 1
        return Name(base, self.taken[base] - 1)

    def _add(self, kind, *fields, shape: Shape, **more) -> Chain:
        self.shape = shape
        self.nodes.append(kind(*fields, (Ref(len(self.nodes) - 1),), (shape,), PLACE, **more))
        return self

    def layer(self, word: str, name: Name | None = None, base: str = "", **arguments) -> Chain:
        kind = WORDS[word]
        axes = kind.slides_over(self.shape)
        written = {p.name: (p, arguments.get(p.name, p.default)) for p in kind.signature}
        given = {
            key: p.read(word, key, value, axes) if value is not None else None for key, (p, value) in written.items()
        }
        op = kind.build(word, given, self.shape)
        return self._add(Layer, name or self._name(base), op, shape=op.infer_shape((self.shape,)))

    def conv(self, channels: int, base: str = "") -> Chain:
        return self.layer("CONV", base=base, out_channels=channels, kernel_size=3, padding=1)

    def fc(self, features: int, base: str = "") -> Chain:
        if len(self.shape) > 1:
            flat = Flatten()
            self._add(Layer, None, flat, shape=flat.infer_shape((self.shape,)))
        return self.layer("FC", base=base, out_features=features)

    def close(self, definition: str | None = None) -> int:
        names, output = tuple(self.taken.items()), (Ref(len(self.nodes) - 1),)
        self.bodies.append(Body(definition, (), (self.input,), tuple(self.nodes), output, names, PLACE))
        return len(self.bodies) - 1

    def call(self, name: Name | str, body: int) -> Chain:
        full = Name(name) if isinstance(name, str) else name
        return self._add(Call, full, body, shape=out(self.bodies[body]))

    def repeat(self, *runs: tuple[int, int]) -> Chain:
        starts = dict(self.taken)
        for body, count in runs:
            for base, taken in self.bodies[body].names:
                self.taken[base] = self.taken.get(base, 0) + taken * count
                starts.setdefault(base, 0)
        runs_ = tuple(Run(body, count) for body, count in runs)
        return self._add(Repeat, runs_, tuple(starts.items()), shape=out(self.bodies[runs[-1][0]]))

    def model(self, name: str = "Toy", defaults: tuple[DefaultUse, ...] = ()) -> Model:
        self.close(name)
        return Model(name, (Input("input", self.input),), tuple(self.bodies), (), defaults, PLACE)


def out(body: Body) -> Shape:
    return body.shape_of(body.outputs[0])


def stage(bodies: list[Body], shape: Shape, channels: int, base: str = "") -> int:
    return Chain(bodies, shape).conv(channels, base).layer("RELU", base=base and "relu").close()


def small_vgg(copies: int = 3, name: str = "SmallVGG", defaults: tuple[DefaultUse, ...] = ()) -> Model:
    """INPUT(3, 32, 32) -> features: [[CONV(64) -> RELU]*copies -> BN -> MAXPOOL(2)] -> FC(10)"""
    bodies: list[Body] = []
    first, others = stage(bodies, (3, 32, 32), 64), stage(bodies, (64, 32, 32), 64)
    group = Chain(bodies, (3, 32, 32)).repeat((first, 1), (others, copies - 1))
    features = group.layer("BN").layer("MAXPOOL", kernel_size=2).close()
    return Chain(bodies, (3, 32, 32)).call("features", features).fc(10, "fc").model(name, defaults)


def blueprint() -> Model:
    """INPUT(3, 32, 32) -> [[CONV(8) -> RELU]*2]*4 -> FC(10), all names at the top"""
    bodies: list[Body] = []
    first, others = stage(bodies, (3, 32, 32), 8, "conv"), stage(bodies, (8, 32, 32), 8, "conv")
    pair = Chain(bodies, (3, 32, 32)).repeat((first, 1), (others, 1)).close()
    pairs = Chain(bodies, (8, 32, 32)).repeat((others, 2)).close()
    return Chain(bodies, (3, 32, 32)).repeat((pair, 1), (pairs, 3)).fc(10, "fc").model("Blueprint")


def labelled() -> Model:
    """INPUT(8, 16, 16) -> layer1: [unit(8)]*3: each copy is a scope of its own, layer1.0 to layer1.2"""
    bodies: list[Body] = []
    unit = Chain(bodies, (8, 16, 16)).conv(8).layer("BN").close("unit")
    copy = Chain(bodies, (8, 16, 16))
    copy = copy.call(copy._name(""), unit).close()
    group = Chain(bodies, (8, 16, 16)).repeat((copy, 3)).close()
    return Chain(bodies, (8, 16, 16)).call("layer1", group).model("Labelled")


def bomb(levels: int) -> Model:
    """block b1 = [b0 -> b0], block b2 = [b1 -> b1], ...: a few lines, 2**levels layers"""
    bodies: list[Body] = []
    inner = Chain(bodies, (8, 16, 16)).conv(8).close("b0")
    for level in range(1, levels + 1):
        inner = Chain(bodies, (8, 16, 16)).call("left", inner).call("right", inner).close(f"b{level}")
    return Chain(bodies, (8, 16, 16)).call("all", inner).model("Bomb")


MODELS = {"small_vgg": small_vgg(), "blueprint": blueprint(), "labelled": labelled(), "bomb": bomb(2)}
ALL = list(MODELS.values())
DEFAULTS = (
    DefaultUse("CONV", "CONV(32, 3x3, padding=1)", Origin("prelude.arch", 12, 1)),
    DefaultUse("POOL", "POOL(2x2, stride=2)", Origin("pre\x1blude.arch", 14, 1)),
)

each = pytest.mark.parametrize("model", ALL, ids=MODELS)


def number(text: str) -> int:
    return 0 if text == "-" else int(text.replace(",", ""))


def paths(rows: tuple[Row, ...]) -> list[str]:
    return [path for row in rows for path in (row.path, *paths(row.children))]


def find(rows: tuple[Row, ...], path: str) -> Row:
    return next(row for row in walk(rows) if row.path == path)


def walk(rows: tuple[Row, ...]) -> list[Row]:
    return [inner for row in rows for inner in (row, *walk(row.children))]


@pytest.mark.parametrize("name", MODELS)
def test_table_golden(name, golden):
    golden(f"report/{name}.txt", model_table(MODELS[name]) + "\n")


def test_other_forms_golden(golden):
    golden("report/batch.txt", model_table(small_vgg(defaults=DEFAULTS), View(batch=8, dtype="float16")) + "\n")
    golden("report/several.txt", models_lines(ALL) + "\n")
    golden("report/several.csv", csv_text(ALL))
    golden("report/several.md", markdown_text(ALL))
    golden("report/small_vgg.json", json.dumps(report_dict([small_vgg()], [], True), indent=1) + "\n")


@each
def test_outermost_rows_add_up_to_the_model(model):
    rows, total = table_rows(model), fold_totals(model)[-1]
    assert sum(row.totals.parameters for row in rows) == total.parameters
    assert sum(row.totals.macs for row in rows) == total.macs
    for row in walk(rows):
        if row.children:
            assert row.totals.macs == row.count * sum(child.totals.macs for child in row.children)


@each
def test_columns_of_the_text_add_up_to_its_footer(model):
    lines = model_table(model).split("\n")
    table = [line.split() for line in lines[4 : lines.index(lines[1], 4)] if not line.startswith(" ")]
    footer = {line.split(":")[0]: line.split(":")[1].split() for line in lines if ":" in line}
    assert sum(number(cells[-2]) for cells in table) == number(footer["Total params"][0])
    assert sum(number(cells[-1]) for cells in table) == number(footer["MACs"][0])
    assert number(footer["FLOPs"][0]) == 2 * number(footer["MACs"][0])


@each
def test_every_name_of_the_tree_is_one_of_the_flat_view(model):
    flat = {layer.path for layer in flatten(model)}
    leaves = {row.path for row in walk(table_rows(model)) if not row.children and row.type != "INPUT"}
    assert leaves <= flat


def test_counts_against_numbers_worked_out_by_hand():
    totals = fold_totals(small_vgg())[-1]
    convolutions = (3 * 9 + 1) * 64 + 2 * (64 * 9 + 1) * 64
    assert totals.parameters == convolutions + 2 * 64 + (64 * 16 * 16 + 1) * 10
    assert totals.macs == 32 * 32 * 64 * 9 * (3 + 64 + 64) + 64 * 16 * 16 * 10
    assert totals.buffers == 2 * 64 + 1


def test_a_repeat_is_one_row_with_one_copy_below():
    features = find(table_rows(small_vgg(copies=5)), "features")
    assert paths(features.children) == [
        "features.0", "features.1", "features.2 .. features.9", "features.2", "features.3", "features.10", "features.11"
    ]  # fmt: skip
    folded, conv = find((features,), "features.2 .. features.9"), find((features,), "features.2")
    assert (folded.type, folded.count, folded.outputs) == ("x4", 4, ((64, 32, 32),))
    assert (folded.totals.parameters, conv.totals.parameters) == (4 * 36928, 36928)


def test_repeats_in_repeats_number_on():
    rows = table_rows(blueprint())
    assert [row.path for row in rows] == [
        "input", "conv1", "relu1", "conv2", "relu2", "conv3 .. relu8", "fc1"
    ]  # fmt: skip
    assert paths(rows[5].children) == ["conv3 .. relu4", "conv3", "relu3"]
    assert [row.count for row in walk((rows[5],))] == [3, 2, 1, 1]


def test_copies_of_a_block_are_scopes():
    layer1 = find(table_rows(labelled()), "layer1")
    assert paths(layer1.children) == ["layer1.0 .. layer1.2", "layer1.0", "layer1.0.0", "layer1.0.1"]
    assert [row.type for row in walk((layer1,))] == ["group", "x3", "unit", "Conv2d", "BatchNorm2d"]


def test_the_input_comes_first_and_what_the_compiler_put_in_is_not_shown():
    rows = table_rows(small_vgg())
    assert (rows[0].path, rows[0].type, rows[0].outputs) == ("input", "INPUT", ((3, 32, 32),))
    assert all(row.type != "Flatten" for row in walk(rows))


def test_a_million_copies_cost_nothing():
    with at_most(100_000):
        text = model_table(small_vgg(copies=1_000_000)) + csv_text([small_vgg(copies=1_000_000)])
    assert "features.2 .. features.1999999  x999,999" in text


def test_a_bomb_stays_closed():
    rows = table_rows(bomb(60))
    assert len(walk(rows)) < 2 * ROW_LIMIT
    assert find(rows, "all.left.right").type == f"b58, {2**58:,} layers"
    assert sum(row.totals.layers for row in rows) == 2**60
    assert all("layers" not in row.type for row in walk(table_rows(bomb(10))))


def test_what_was_written_is_shown_however_long():
    group = Chain([], (8, 16, 16))
    for _ in range(ROW_LIMIT + 5):
        group.layer("RELU")
    model = Chain(group.bodies, (8, 16, 16)).call("long", group.close()).model()
    assert len(walk(table_rows(model))) == ROW_LIMIT + 7


def test_json_has_the_keys_of_the_contract():
    data = report_dict([small_vgg()], [], True)
    assert list(data) == ["schema", "ok", "models", "diagnostics"]
    (model,) = data["models"]
    assert list(model) == [
        "name",
        "inputs",
        "outputs",
        "parameters",
        "buffers",
        "macs",
        "flops",
        "status",
        "fingerprint",
        "layers",
    ]
    assert model["inputs"] == [{"name": "input", "shape": [3, 32, 32]}]
    assert model["outputs"] == [{"name": "output", "shape": [10]}]
    assert model["parameters"] == {"total": model["parameters"]["trainable"], "trainable": 239626}
    assert model["layers"][0] == {
        "name": "features.0", "op": "Conv2d", "output_shape": [64, 32, 32], "parameters": 1792, "macs": 1769472,
        "line": 3, "column": 5,
        "input_shapes": [[3, 32, 32]], "kernel_size": [3, 3], "activations": 65536, "connected_to": ["input"],
    }  # fmt: skip


@each
def test_json_lists_every_copy_and_adds_up(model):
    data = model_dict(model)
    assert [layer["name"] for layer in data["layers"]] == [layer.path for layer in flatten(model)]
    assert sum(layer["parameters"] for layer in data["layers"]) == data["parameters"]["total"]
    assert sum(layer["macs"] for layer in data["layers"]) * 2 == data["flops"]


def test_json_of_too_many_layers_is_a_diagnostic():
    with pytest.raises(Diagnosed) as caught:
        model_dict(small_vgg(copies=FLAT_LIMIT))
    assert caught.value.diagnostic.code == "flat-too-large"
    assert caught.value.diagnostic.file == "toy.arch"


@each
def test_csv_parses_and_columns_add_up(model):
    rows = list(csv.DictReader(io.StringIO(csv_text([model]))))
    total = fold_totals(model)[-1]
    assert {row["model"] for row in rows} == {model.name}
    assert sum(int(row["parameters"]) for row in rows) == total.parameters
    assert sum(int(row["macs"]) for row in rows) == total.macs
    assert sum(int(row["copies"]) for row in rows if row["type"] != "INPUT") == total.layers


@each
def test_markdown_is_a_table(model):
    lines = markdown_text([model]).split("\n")
    assert lines[:2] == [f"## {model.name}", ""]
    assert lines[3] == "| :--- | :--- | :--- | ---: | ---: |"
    assert lines[-1] == ""
    assert {line.count("|") for line in lines[2:-1]} == {6}
    assert len(lines) == len(walk(table_rows(model))) + 6


def test_the_table_states_batch_type_and_defaults():
    text = model_table(small_vgg(defaults=DEFAULTS), View(batch=8, dtype="float16"))
    outputs = 8 * fold_totals(small_vgg())[-1].elements
    assert f"{outputs:,}  ({2 * outputs / 1e6:,.2f} MB as float16; the outputs of all layers, for a batch of 8)" in text
    assert "Defaults used: CONV = CONV(32, 3x3, padding=1) (prelude.arch:12)\n" in text
    assert text.isprintable() or "\x1b" not in text
    assert "Outputs:" not in model_table(small_vgg())


def test_several_models_are_aligned():
    lines = models_lines(ALL).split("\n")
    assert len(lines) == len(ALL)
    assert {line.index(" -> ") for line in lines} == {max(len(model.name) for model in ALL) + 1}
    assert len(set(map(len, lines))) == 1
    assert models_lines([]) == ""


def test_reports_import_no_table_library():
    modules = ", ".join(f"archlang.report.{name}" for name in ("text", "data", "exports"))
    code = f"import sys, {modules}; print({{'rich', 'torch'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
