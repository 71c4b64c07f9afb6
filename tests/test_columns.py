"""The columns of the report: what each shows, how they are chosen, fitted to a width and written in every format."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archlang
from archlang.checking import check_source
from archlang.cli import main
from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Model
from archlang.ir.ops import OPS, WORDS
from archlang.ir.ops.base import Op
from archlang.ir.paths import find_place
from archlang.ir.receptive import output_field
from archlang.ir.walk import flatten, fold_totals
from archlang.layers import Counts, Shape, TorchCall, positional, record, whole
from archlang.report.columns import BY_NAME, COLUMNS, DEFAULT, Facts, View, read_columns
from archlang.report.data import model_dict
from archlang.report.exports import csv_text, html_text, markdown_text
from archlang.report.layer import explanation
from archlang.report.layout import LEAST, Grid, grid_lines, shortened
from archlang.report.rows import Row, table_rows, walk_rows
from archlang.report.text import model_table, models_text
from archlang.source import Source

ZOO = [("resnet", "ResNet18"), ("unet", "UNet"), ("inception", "GoogLeNet"), ("vgg", "VGG11BN"), ("vit", "ViTB16")]
SKIP = """
block unit(c) = ADD{ [CONV(c, 3x3, padding=1, bias=false) -> BN -> RELU]*2, _ } -> RELU
model Skip = INPUT(3, 32, 32) -> stem: CONV(8, 3x3, padding=1) -> body: [unit(8)*4 -> POOL(2)] -> FC(10)
"""
TWO = "image: INPUT(1, 8, 8) -> CONV(2, 3x3) -> CONCAT{_, small: INPUT(1, 6, 6)} -> FC(3)"


def model_of(text: str, **bindings: object) -> Model:
    report = archlang.checks(text, **bindings)
    assert report.ok, report
    return report.models[0]


def zoo(name: str, model: str) -> Model:
    return archlang.check(f"zoo:{name}", model).models[0]


def rows_by_path(model: Model, depth: int | None = None) -> dict[str, Row]:
    return {row.path: row for row, _ in walk_rows(table_rows(model, depth))}


def cells(model: Model, column: str) -> dict[str, str]:
    facts = Facts(model)
    return {path: BY_NAME[column].text(row, facts) for path, row in rows_by_path(model).items()}


# ---- choosing


def test_columns_are_named_as_wanted() -> None:
    assert read_columns("macs, Type", DEFAULT) == ("macs", "type")
    assert read_columns("receptive_field,macs,macs", DEFAULT) == ("receptive-field", "macs")
    assert read_columns("all", DEFAULT) == tuple(BY_NAME)
    assert read_columns("+kernel,-macs", DEFAULT) == ("type", "output", "parameters", "kernel")
    assert read_columns("+all,-line", DEFAULT) == (*DEFAULT, *(n for n in BY_NAME if n not in (*DEFAULT, "line")))


@pytest.mark.parametrize("text", ["", ",", "macs,", "+macs,type", "-", "+", "type -macs"])
def test_what_names_no_columns_is_a_diagnostic(text: str) -> None:
    with pytest.raises(Diagnosed) as caught:
        read_columns(text, DEFAULT)
    assert caught.value.diagnostic.code in ("bad-option", "unknown-column")


def test_a_slip_is_recognised() -> None:
    with pytest.raises(Diagnosed) as caught:
        read_columns("params", DEFAULT)
    assert caught.value.diagnostic.problem.advice == ("did you mean `parameters`?",)


@given(st.text(max_size=30))
def test_any_text_is_columns_or_a_diagnostic(text: str) -> None:
    try:
        assert set(read_columns(text, DEFAULT)) <= set(BY_NAME)
    except Diagnosed as error:
        assert error.diagnostic.code in ("bad-option", "unknown-column")


# ---- values


@pytest.mark.parametrize(("name", "model_name"), ZOO)
def test_additive_columns_add_up_at_every_depth(name: str, model_name: str) -> None:
    model = zoo(name, model_name)
    total = fold_totals(model)[-1]
    for depth in (1, 2, None):
        rows = table_rows(model, depth)
        assert sum(row.totals.parameters for row in rows) == total.parameters
        assert sum(row.totals.elements for row in rows) == total.elements
        assert max(level for _, level in walk_rows(rows)) < (depth or 99)
        listed = list(csv.DictReader(io.StringIO(csv_text([model], View("all", depth)))))
        for column in ("parameters", "macs", "flops", "buffers", "activations"):
            wanted = {"flops": 2 * total.macs, "activations": total.elements}.get(column) or getattr(total, column)
            assert sum(int(row[column]) for row in listed) == wanted, column
        assert sum(float(row["parameters_share"]) for row in listed) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("name", "model_name"), ZOO[:4])
def test_receptive_fields_are_those_that_explain_gives(name: str, model_name: str) -> None:
    model = zoo(name, model_name)
    facts = Facts(model)
    single = [row for row in rows_by_path(model).values() if row.count == 1 and row.value]
    for row in single[:: max(len(single) // 12, 1)]:
        place = find_place(model, row.path)
        assert not isinstance(place, tuple)
        assert facts.fields(row) == output_field(place), row.path


def test_a_repeat_shows_what_its_last_copy_sees() -> None:
    model = model_of('INPUT(1, 99, 99) -> [CONV(1, 3x3, padding=1)]*5 -> [POOL(2, round="floor")]*2 -> FC(2)')
    field = cells(model, "receptive-field")
    assert (field["conv1 .. conv5"], field["conv1"]) == ("11x11", "3x3")
    stride = cells(model, "stride")
    assert (stride["conv1 .. conv5"], stride["pool1"], stride["pool2"], stride["fc1"]) == ("1", "2", "4", "-")
    assert field["fc1"] == "all"
    for path in ("conv5", "pool2"):
        place = find_place(model, path)
        assert not isinstance(place, tuple)
        sizes = output_field(place)["input"].sizes[1:]
        assert field.get(path, field["conv1 .. conv5"]) == "x".join(map(str, sizes))


def test_columns_of_one_axis_and_of_two_inputs() -> None:
    line = model_of('INPUT(4, 50) -> CONV(8, 5, stride=2, round="floor") -> RELU -> FC(2)')
    assert cells(line, "receptive-field")["conv1"] == "5"
    assert cells(line, "kernel") == {"input": "-", "conv1": "5", "relu1": "-", "fc1": "-"}
    two = model_of(TWO)
    assert cells(two, "receptive-field")["concat1"] == "image 3x3, small 1x1"
    assert cells(two, "connected")["concat1"] == "conv1, small"
    assert cells(two, "input")["concat1"] == "2x6x6, 1x6x6"


def test_what_is_connected_is_named_where_it_is_not_the_row_above() -> None:
    shown = {path: text for path, text in cells(model_of(SKIP), "connected").items() if text}
    assert shown == {"body.0.add1": "body.0.5, stem"}
    flat = {layer["name"]: layer["connected_to"] for layer in model_dict(model_of(SKIP))["layers"]}
    assert flat["body.2.add1"] == ["body.2.5", "body.1.6"]
    assert flat["fc1"] == ["body.4"]


@pytest.mark.parametrize(("name", "model_name"), ZOO)
def test_flat_connections_are_the_edges_of_the_graph(name: str, model_name: str) -> None:
    graph = archlang.graph(f"zoo:{name}", model_name)
    for layer in model_dict(zoo(name, model_name))["layers"]:
        assert sorted(set(layer["connected_to"])) == sorted(graph.predecessors(layer["name"])), layer["name"]


def test_the_column_appears_by_itself_where_there_is_something_to_say() -> None:
    chain, skip = zoo("vgg", "VGG11"), model_of(SKIP)
    assert "Connected to" not in model_table(chain)
    assert "Connected to" in model_table(skip)
    assert "Connected to" not in model_table(skip, View(depth=1))
    assert "Connected to" in markdown_text([skip])


# ---- what is not known


@record(kw_only=True)
class Mystery(Op):
    """A layer of another package that states its shape alone."""

    op: Literal["test_mystery"] = "test_mystery"
    tag = "test_mystery"
    words = ("MYSTERY",)
    kind = "mystery"

    def torch(self) -> TorchCall:
        return TorchCall("other.package:Mystery")


@record(kw_only=True)
class Bilinear(Op):
    """A layer of another package with parameters and no rule for MACs."""

    op: Literal["test_bilinear"] = "test_bilinear"
    features: int
    tag = "test_bilinear"
    words = ("TESTBILINEAR",)
    kind = "bilinear"
    signature = (whole("features"),)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (self.features,)

    def parameters(self) -> Counts:
        return {"weight": (self.features, 3)}

    def torch(self) -> TorchCall:
        return TorchCall("nn.Bilinear", (positional("features", self.features),))


@pytest.fixture
def mysteries() -> Iterator[None]:
    for op in (Mystery, Bilinear):
        archlang.register(op)
    yield
    for op in (Mystery, Bilinear):
        OPS.remove(op)
        for word in op.words:
            del WORDS[word]


@pytest.mark.usefixtures("mysteries")
class TestUnknown:
    TEXT = "INPUT(3, 8, 8) -> a: [CONV(4, 3x3) -> MYSTERY] -> b: [MYSTERY*3] -> TESTBILINEAR(5) -> FC(2)"

    def test_text(self) -> None:
        model = model_of(self.TEXT)
        assert cells(model, "parameters") == {
            "input": "-", "a": ">=112", "a.0": "112", "a.1": "n/a", "b": "n/a", "b.0 .. b.2": "n/a", "b.0": "n/a",
            "bilinear1": "15", "fc1": "12",
        }  # fmt: skip
        assert cells(model, "macs")["bilinear1"] == "n/a"
        assert cells(model, "share")["a.0"] == "n/a"
        table = model_table(model)
        assert re.search(r"^Total params: +>=139 ", table, re.MULTILINE)
        assert re.search(r"^FLOPs: +>=7,796 *$", table, re.MULTILINE)
        assert "n/a: MYSTERY and Bilinear have no rule for MACs; sums with >= are those of the others." in table
        assert models_text([model, model]).count(">=139 params  >=3,898 MACs") == 2

    def test_data(self) -> None:
        data = model_dict(model_of(self.TEXT))
        assert data["status"] == {"parameters": "partial", "macs": "partial"}
        assert (data["parameters"]["total"], data["macs"]) == (139, 3_898)
        layers = {layer["name"]: layer for layer in data["layers"]}
        assert layers["a.1"]["parameters"] is None and layers["a.1"]["macs"] is None
        assert layers["a.1"]["status"] == {"parameters": "not available", "macs": "not available"}
        assert layers["bilinear1"]["status"] == {"macs": "not available"}
        assert "status" not in layers["a.0"]

    def test_nothing_known_at_all(self) -> None:
        model = model_of("INPUT(3, 8, 8) -> MYSTERY")
        data = model_dict(model)
        assert (data["macs"], data["flops"], data["status"]["macs"]) == (None, None, "not available")
        assert re.search(r"^MACs: +n/a$", model_table(model), re.MULTILINE)

    def test_explain(self) -> None:
        layer, part = (explanation(model_of(self.TEXT), path) for path in ("a.1", "a"))
        assert layer.count("not known: MYSTERY comes without a rule for them") == 2
        assert "2 layers, >=112 parameters, >=3,888 multiply-accumulates" in part

    def test_csv(self) -> None:
        rows = {row["layer"]: row for row in csv.DictReader(io.StringIO(csv_text([model_of(self.TEXT)])))}
        assert (rows["a.1"]["macs"], rows["a.0"]["parameters"]) == ("", "112")
        folded = csv.DictReader(io.StringIO(csv_text([model_of(self.TEXT)], View(depth=1))))
        assert [row["parameters"] for row in folded] == ["0", ">=112", "", "15", "12"]

    def test_own_layers_and_stated_ones_are_exact(self) -> None:
        model = model_of("INPUT(3, 8, 8) -> BN -> RELU -> PRELU -> LN -> FC(2)")
        assert model_dict(model)["status"] == {"parameters": "exact", "macs": "exact"}


def test_fields_beyond_the_effort_are_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.report.columns.FIELD_EFFORT", 3_000)
    monkeypatch.setattr("archlang.ir.receptive.MOST_NODES", 1_000)
    monkeypatch.setattr("archlang.ir.receptive.MOST_CHARTED", 0)
    model = model_of(
        "INPUT(1, 9, 9) -> [CONV(1, 3x3, padding=1) -> RELU]*1000000 -> [CONV(2 + i, 1) for i in range(30)]"
    )
    table = model_table(model, View("receptive-field,stride"))
    assert re.search(r"^conv1000030 +n/a +n/a$", table, re.MULTILINE)
    assert re.search(r"^  relu1 +3x3 +1$", table, re.MULTILINE)


# ---- formulas


def test_free_sizes_are_formulas_in_every_column() -> None:
    model = model_of('INPUT(3, H, H) -> CONV(8, 3x3, padding=1) -> POOL(2, round="floor") -> AVGPOOL(to=1) -> FC(2)')
    table = model_table(model, View("all"))
    assert "216*H**2" in table
    assert "n/a" not in table
    assert model_dict(model, View("all"))["layers"][0]["macs"] not in (0, None)


# ---- width


@given(
    st.lists(st.tuples(st.text("abc.", max_size=60), st.text("xyz", max_size=40), st.integers(0, 10**15)), max_size=6),
    st.integers(20, 120),
)
def test_lines_fit_and_numbers_stay_whole(rows: list[tuple[str, str, int]], width: int) -> None:
    texts = [(name, words, f"{number:,}") for name, words, number in rows]
    lines = grid_lines(Grid(("Layer", "Words", "Numbers"), "<<>", texts), width)
    name = min(max([5, *(len(name) for name, _, _ in texts)]), max((width - 2) // 2, 5))
    assert max(map(len, lines)) <= max(width, name + 2 + max([7, *(len(text) for _, _, text in texts)]))
    for _, _, number in texts:
        assert any(line.endswith(number) for line in lines)


def test_short_texts_stay_and_long_ones_keep_their_ends() -> None:
    assert shortened("features.0", 14) == "features.0"
    assert shortened("features.2 .. features.1999999", 20) == "featu...ures.1999999"
    assert len(shortened("x" * 99, LEAST)) == LEAST


def test_a_narrow_table_is_continued_below() -> None:
    table = model_table(zoo("vgg", "VGG11"), View("type,output,parameters,macs,flops,activations", width=60))
    assert max(map(len, table.split("\n"))) <= 60
    blocks = len(re.findall("^Layer ", table, re.MULTILINE))
    assert blocks == len(re.findall(r"^  features.0 ", table, re.MULTILINE)) > 1


# ---- formats


class Tags(HTMLParser):
    """Collects the cells of a table and checks that tags close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag == "th":
            assert dict(attrs)["scope"] in ("col", "row")
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_html_is_a_table_of_the_same_cells() -> None:
    model = model_of(SKIP)
    rows = Tags(html_text([model], View("all"))).rows
    assert rows[0] == ["Layer", *(column.heading for column in COLUMNS)]
    facts = Facts(model)
    for cells_, (row, _) in zip(rows[1:-1], walk_rows(table_rows(model)), strict=True):
        assert cells_ == [row.path, *(column.text(row, facts) for column in COLUMNS)]
    assert rows[-1][0] == "Total"


def test_a_report_shows_itself_in_a_notebook() -> None:
    report = archlang.checks('INPUT(3, 8, 8) -> "a": CONV(2, 3x3) -> FC(2)')
    good = archlang.checks("INPUT(3, 8, 8) -> CONV(2, 3x3) -> FC(2)")
    assert "<caption>Net: 3x8x8 -&gt; 2; " in good._repr_html_()
    assert "<script" not in report._repr_html_()
    bad = archlang.checks("INPUT(3, 8, 8) -> CONV(2, 9x9) -> <b>")
    assert "<pre " in bad._repr_html_() and "<b>" not in bad._repr_html_()


def test_table_of_a_report() -> None:
    report = archlang.checks(SKIP)
    assert report.table() == str(report)
    assert report.table(["macs"], depth=1).splitlines()[2].split() == ["Layer", "MACs"]
    assert report.table("+kernel", format="csv").splitlines()[0].endswith(",line,kernel_size")
    assert report.table("kernel", format="md").startswith("## Skip\n\n| Layer | Kernel |\n")
    with pytest.raises(archlang.ArchitectureError, match="unknown-column"):
        report.table("colour")


def test_json_has_the_tree_where_levels_are_asked_for() -> None:
    model = model_of(SKIP)
    data = model_dict(model, View("all", depth=9))
    rows = data["rows"]

    def flat(rows: list[dict[str, object]]) -> Iterator[dict[str, object]]:
        for row in rows:
            yield row
            yield from flat(row.get("rows", []))  # pyright: ignore[reportArgumentType]

    assert [row["name"] for row in flat(rows)] == [row.path for row, _ in walk_rows(table_rows(model))]
    assert sum(row["macs"] for row in rows) == data["macs"]
    assert json.loads(json.dumps(data)) == data
    huge = model_of("INPUT(1, 9, 9) -> [CONV(1, 3x3, padding=1)]*5000000")
    assert model_dict(huge, View(depth=1))["rows"][1]["copies"] in (1, 5_000_000)


@pytest.mark.parametrize("form", ["txt", "csv", "md", "json", "html"])
def test_golden(form: str, golden) -> None:
    models, view = [model_of(SKIP)], View("all", width=100)
    texts = {
        "txt": lambda: model_table(models[0], view),
        "csv": lambda: csv_text(models, view),
        "md": lambda: markdown_text(models, view),
        "json": lambda: json.dumps(model_dict(models[0], view), indent=1) + "\n",
        "html": lambda: html_text(models, view) + "\n",
    }
    golden(f"report/all_columns.{form}", texts[form]())


def test_golden_of_levels_and_colour(golden) -> None:
    golden("report/levels.txt", model_table(zoo("resnet", "ResNet50"), View("+share,-macs", depth=2, width=72)) + "\n")
    golden("report/colour.txt", model_table(model_of(SKIP), View(colour=True)) + "\n")


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "report.md").read_text(encoding="utf-8")
    assert [column.name for column in COLUMNS if f"| `{column.name}` | {column.heading} |" not in page] == []
    assert [column.key for column in COLUMNS if f"`{column.key}`" not in page] == []


# ---- the command


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["check", *arguments])
    out, err = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, out, err


def test_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    text = ("-e", SKIP)
    status, out, _ = run(capsys, *text, "--columns", "-macs", "--depth", "1")
    assert (status, out.splitlines()[2].split()) == (0, ["Layer", "Type", "Output", "shape", "Params"])
    assert "\x1b" not in out
    _, two, _ = run(capsys, "zoo:lenet", "--columns", "macs")
    assert two.count("MACs are multiply-accumulates") == len(archlang.check("zoo:lenet").models) > 1
    status, out, err = run(capsys, *text, "--columns", "mac")
    assert (status, out, "did you mean `macs`?" in err) == (2, "", True)
    for wrong in (("--depth", "0"), ("--width", "3"), ("--width", "wide")):
        assert run(capsys, *text, *wrong)[0] == 2
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1m" in run(capsys, *text)[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(capsys, *text)[1]


def test_flat_layers_keep_their_order_with_columns_of_each_copy() -> None:
    model = model_of(SKIP)
    data = model_dict(model, View("receptive-field,stride,connected"))
    assert [layer["name"] for layer in data["layers"]] == [layer.path for layer in flatten(model)]
    for layer in data["layers"][::5]:
        place = find_place(model, layer["name"])
        assert not isinstance(place, tuple)
        sizes = output_field(place)["input"].sizes
        assert layer["receptive_field"] == {"input": list(sizes[1:])}, layer["name"]


def test_a_partial_model_counts_at_least_what_came_out() -> None:
    text = "INPUT(3, 9, 9) -> a: [CONV(4, 3x3) -> [RELU -> CONV(4, 1) -> CONV(2, 3x3, groups=3)]*2] -> FC(2)"
    (model,) = check_source(Source("<text>", text)).partial
    shown = cells(model, "parameters")
    assert shown["a"].startswith(">=")
    assert "?" in cells(model, "output")["a"]
    assert re.search(r"^MACs: +>=", model_table(model, View("all")), re.MULTILINE)
    assert model_dict(model, View("all", depth=3))["status"]["macs"] == "partial"
    assert "not available" not in html_text([model], View("all"))


@pytest.mark.parametrize("column", ["kernel", "receptive-field", "stride"])
def test_csv_has_sizes_as_a_table_shows_them(column: str) -> None:
    model = model_of("INPUT(3, 32, 32) -> CONV(4, 3x3, padding=1) -> a: RELU -> CONCAT{ _, a } -> POOL(2) -> FC(2)")
    view = View(f"type,{column}")
    listed = [row[-1] for row in csv.reader(io.StringIO(csv_text([model], view)))][1:]
    lines = [line for line in markdown_text([model], view).splitlines() if line.startswith("|")][
        2:-1
    ]  # without the total
    shown = [line.split("|")[-2].strip() for line in lines]
    assert [cell or "-" for cell in listed] == [cell or "-" for cell in shown]
