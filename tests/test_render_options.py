"""What one may choose about a picture, and what is drawn when nobody chooses."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang.backends.captions import box_lines, frame_lines, short_count
from archlang.backends.diagram import Box, Cluster, Diagram, Item, boxes_of
from archlang.backends.drawing import MOST_BOXES, draw
from archlang.backends.graphviz import write_dot
from archlang.backends.plan import LARGE_PAGE_BOXES
from archlang.backends.render_options import FACTS, THEMES, RenderOptions, read_options
from archlang.backends.themes import PALETTES, Paint
from archlang.checking import Request, check_source
from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Model
from archlang.ir.walk import flatten, fold_totals
from archlang.reading import check_target
from archlang.source import Source

STACK = "model M = INPUT(3, 16, 16) -> f: [CONV(8, 3x3, padding=1) -> BN -> RELU]*3 -> head: [FC(16) -> RELU -> FC(2)]"


def model_of(text: str) -> Model:
    outcome = check_source(Source("test.arch", text))
    assert not outcome.diagnostics, [diagnostic.message for diagnostic in outcome.diagnostics]
    return outcome.models[-1]


@cache
def zoo_model(name: str, model: str | None = None) -> Model:
    return check_target(f"zoo:{name}", Request(model)).models[0]


def zoo_models() -> list[str]:
    from archlang import resources

    return [path.stem for path in resources.zoo_files()]


def drawn(text: str, **options: Any) -> Diagram:
    return draw(model_of(text), read_options(**options))


def frames(items: tuple[Item, ...]) -> list[Cluster]:
    found: list[Cluster] = []
    for item in items:
        if isinstance(item, Cluster):
            found += [item, *frames(item.items)]
    return found


def paths(diagram: Diagram) -> list[str]:
    return [box.path for box in diagram.boxes if box.path]


# ---- how much is drawn


def test_a_copy_by_copy_picture_has_every_layer():
    model = model_of(STACK)
    assert paths(draw(model, read_options(expand="all"))) == [flat.path for flat in flatten(model)]


@pytest.mark.parametrize("name", ["resnet", "densenet", "unet", "vit", "shufflenet"])
def test_expanded_zoo_networks_have_every_layer_and_every_count(name: str):
    model = zoo_model(name)
    diagram = draw(model, read_options(expand="all"))
    assert paths(diagram) == [flat.path for flat in flatten(model)]
    totals = fold_totals(model)[-1]
    assert sum(box.parameters for box in diagram.boxes) == totals.parameters
    assert sum(box.macs for box in diagram.boxes) == totals.macs


@pytest.mark.parametrize("name", zoo_models())
def test_folded_counts_are_those_of_the_model(name: str):
    model = zoo_model(name)

    def total(items: tuple[Item, ...]) -> int:
        return sum(
            item.layers
            if isinstance(item, Box) and item.family not in ("input", "output")
            else 0
            if isinstance(item, Box)
            else item.count * total(item.items)
            for item in items
        )

    assert total(draw(model).items) == fold_totals(model)[-1].layers


@pytest.mark.parametrize("name", zoo_models())
def test_every_network_of_the_zoo_is_one_page(name: str):
    for model in check_target(f"zoo:{name}", Request()).models:
        diagram = draw(model)
        assert len(list(boxes_of(diagram.items))) <= LARGE_PAGE_BOXES
        ids = [box.id for box in diagram.boxes]
        assert len(set(ids)) == len(ids)
        assert {end for edge in diagram.edges for end in (edge.source, edge.target)} == set(ids)
        assert {box.inset for box in diagram.boxes} - {""} == {inset.id for inset in diagram.insets}


def test_one_scope_is_expanded():
    two = "model M = INPUT(8, 8, 8) -> a: [CONV(8, 1) -> RELU]*3 -> b: [CONV(8, 1) -> RELU]*3"
    assert paths(drawn(two, expand="a")) == [*(f"a.{i}.{j}" for i in range(3) for j in range(2)), "b.0.0", "b.0.1"]
    assert paths(drawn(two, expand=["a", "b"])) == [f"{a}.{i}.{j}" for a in "ab" for i in range(3) for j in range(2)]


def test_the_way_to_a_copy_is_expanded_and_the_copy_drawn():
    text = """
    block unit(c) = [CONV(c, 1) -> RELU]*2
    model M = INPUT(8, 8, 8) -> a: unit(8)*3
    """
    diagram = drawn(text, expand="a.1", depth=1)
    assert [(box.path, box.family == "folded") for box in diagram.boxes if box.path] == [
        ("a.0", True),
        *((f"a.1.{i}", False) for i in range(4)),
        ("a.2", True),
    ]


def test_repeats_at_the_top_go_by_their_layers():
    text = "INPUT(8, 8, 8) -> [CONV(8, 1) -> RELU]*2 -> [POOL(2)]*2"
    assert paths(drawn(text, expand="conv2")) == ["conv1", "relu1", "conv2", "relu2", "pool1"]


def test_depth_counts_scopes():
    text = "model M = INPUT(3, 8, 8) -> a: [b: [CONV(4, 1) -> RELU]*2 -> c: [CONV(2, 1) -> RELU]] -> [RELU -> BN]*2 -> FC(2)"
    assert paths(drawn(text, depth=1)) == ["a", "relu1", "bn1", "fc1"]
    assert paths(drawn(text, depth=2)) == ["a.b", "a.c", "relu1", "bn1", "fc1"]
    assert paths(drawn(text, depth=3)) == ["a.b.0", "a.c.0", "a.c.1", "relu1", "bn1", "fc1"]
    assert paths(drawn(text, depth=4))[:3] == ["a.b.0.0", "a.b.0.1", "a.c.0"]
    assert drawn(text, depth=99) == drawn(text, depth=4)


def test_copies_whose_labels_count_are_one():
    diagram = drawn(
        'model M = INPUT(8, 8, 8) -> f: ["unit{i}": [conv: CONV(8, 1) -> DROPOUT(0.1 * i)] for i in range(5)] -> FC(2)'
    )
    (copies,) = [frame for frame in frames(diagram.items) if frame.count > 1]
    assert (copies.name, copies.count, copies.path) == ("unit0 ... unit4", 5, "f.unit0")
    assert [box.detail for box in boxes_of(copies.items)] == ["1x1, 8", "0 ... 0.4"]


def test_copies_that_differ_in_more_stay_apart():
    diagram = drawn(
        'model M = INPUT(8, 8, 8) -> f: ["unit{i}": [CONV(8, 1 + 2*i, padding="same") -> RELU] for i in range(3)]'
    )
    assert [frame.count for frame in frames(diagram.items)] == [1] * 4


def test_a_block_with_many_uses_is_drawn_once():
    text = """
    block unit(c, stride = 1) = conv: CONV(c, 3x3, stride=stride, padding=1) -> BN -> RELU -> CONV(c, 1) -> BN
    model M = INPUT(3, 64, 64) -> """ + " -> ".join(f"u{i}: unit({8 + i})" for i in range(12))  # fmt: skip
    diagram = drawn(text)
    (inset,) = diagram.insets
    uses = [box for box in diagram.boxes if box.inset]
    assert [box.path for box in uses] == [f"u{i}" for i in range(12)]
    assert {box.inset for box in uses} == {inset.id}
    assert (uses[3].title, uses[3].detail, uses[3].layers) == ("unit", "c=11", 5)
    assert (inset.name, inset.note, inset.path) == ("unit", "as in u0", "u0")
    assert [box.path for box in boxes_of(inset.items)][1:-1] == ["u0.conv", "u0.0", "u0.1", "u0.2", "u0.3"]


def test_structures_of_a_block_have_letters():
    text = """
    block unit(c, skip = false) = CONV(c, 1) -> [ADD{ _, CONV(c, 1) -> RELU }]?(skip) -> BN -> RELU
    model M = INPUT(8, 8, 8) -> """ + " -> ".join(f"u{i}: unit({i + 1}, {str(i % 2 == 1).lower()})" for i in range(12))  # fmt: skip
    diagram = drawn(text)
    assert [inset.name for inset in diagram.insets] == ["unit A", "unit B"]
    assert [box.title for box in diagram.boxes if box.inset] == ["unit A", "unit B"] * 6


# ---- what a box shows


def lines_of(text: str, path: str, **options: Any) -> tuple[str, ...]:
    chosen = read_options(**options)
    return next(box_lines(box, chosen) for box in draw(model_of(text), chosen).boxes if box.path == path)


CONV = "model M = INPUT(3, 8, 8) -> c: CONV(16, 3x3, stride=2, padding=1) -> BN -> RELU -> FC(10)"


@pytest.mark.parametrize(
    ("show", "shown"),
    [
        (None, ("c: Conv2d  3x3, 16, stride 2, pad 1",)),
        ("name", ("c",)),
        ("type", ("Conv2d",)),
        ("kernel", ("3x3, 16, stride 2, pad 1",)),
        ("name, kernel", ("c  3x3, 16, stride 2, pad 1",)),
        ("type,parameters,macs", ("Conv2d", "448 params, 6.91k MACs")),
        ("shape", ("Conv2d",)),
        (["type", "macs"], ("Conv2d", "6.91k MACs")),
    ],
)
def test_facts(show: Any, shown: tuple[str, ...]):
    assert lines_of(CONV, "c", show=show) == shown


def test_shapes_stand_on_the_edges_if_they_are_asked_for():
    diagram, options = drawn(CONV), read_options(show="type")
    assert "16x4x4" in write_dot(diagram)
    assert "16x4x4" not in write_dot(diagram, options)


def test_frames_show_counts_of_one_copy():
    diagram = drawn("model M = INPUT(4, 8, 8) -> f: [CONV(4, 1) -> RELU]*3", show="parameters,macs")
    (frame,) = frames(diagram.items)
    assert frame_lines(frame, read_options(show="parameters,macs")) == ("f  x3  20 params, 1.02k MACs",)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1k"), (999_499, "999k"), (999_999, "999k"), (9_437_184, "9.44M"), (12 * 10**9, "12G"), (5 * 10**15, "5,000T")],
)  # fmt: skip
def test_short_counts(count: int, text: str):
    assert short_count(count) == text


def test_merging():
    diagram = drawn(CONV, merge=True)
    assert [(box.path, box.merged) for box in diagram.boxes if box.path] == [("c", ("BN", "ReLU")), ("fc1", ())]
    assert lines_of(CONV, "c", merge=True) == ("c: Conv2d + BN + ReLU", "3x3, 16, stride 2, pad 1")
    assert [edge.text for edge in diagram.edges] == ["3x8x8", "16x4x4 -> 256", "10"]
    assert sum(box.parameters for box in diagram.boxes) == fold_totals(model_of(CONV))[-1].parameters


def test_merging_leaves_what_is_read_elsewhere():
    text = "model M = INPUT(4, 8, 8) -> c: CONV(4, 1) -> b: BN -> ADD{ RELU, b } -> POOL(2) -> RELU -> d: CONV(4, 1)"
    merged = {box.path: box.merged for box in drawn(text, merge=True).boxes if box.path}
    assert merged == {"c": ("BN",), "relu1": (), "add1": (), "pool1": (), "relu2": (), "d": ()}


@pytest.mark.parametrize("name", zoo_models())
def test_merging_keeps_the_network(name: str):
    model = zoo_model(name)
    plain, merged = draw(model, read_options(expand="all")), draw(model, read_options(expand="all", merge=True))
    assert sum(box.parameters for box in merged.boxes) == sum(box.parameters for box in plain.boxes)
    counted = sum(1 + len(box.merged) for box in merged.boxes)
    assert counted == len(list(plain.boxes))
    assert len(plain.edges) - len(merged.edges) == sum(len(box.merged) for box in merged.boxes)


def test_training_parts_and_shared_layers_are_marked():
    text = "model M = INPUT(4, 8, 8) -> c: CONV(4, 1) -> SHARE(c) -> AUX{ side: [FC(3) -> RELU] } -> FC(2)"
    diagram = drawn(text)
    marked = {box.path: (box.training, box.shared) for box in diagram.boxes if box.path}
    assert [path for path, (training, _) in marked.items() if training] == ["side.0", "side.1"]
    (side,) = frames(diagram.items)
    assert "in training" in frame_lines(side, RenderOptions())[0]
    dot = write_dot(diagram)
    assert dot.count("dashed") == 4  # the frame, its two boxes, and the output
    assert "(shared)" in dot


@pytest.mark.parametrize("ending", ["dot", "mmd", "svg", "html"])
def test_counts_of_free_sizes_are_formulas(ending: str):
    from archlang.writing import WRITERS

    model = model_of("model M = INPUT(3, H, W) -> CONV(40, 3x3, padding=1) -> POOL(2) -> CONV(500, 3)")
    text = WRITERS["render"][f".{ending}"](model, read_options(show="name,type,macs,parameters"))
    told = re.sub(r"&?#(\d+);", lambda found: chr(int(found[1])), str(text))
    assert "1,120 params, 1,080*H*W MACs" in told
    assert "180,500 params, 45,000*(H - 4)*(W - 4) MACs" in told


def test_joins_show_their_operator():
    text = "model M = INPUT(4, 8, 8) -> ADD{ _, RELU } -> MUL{ _, RELU } -> CONCAT{ _, RELU }"
    symbols = [box.symbol for box in drawn(text).boxes if box.family == "join"]
    assert symbols == ["+", "\N{MULTIPLICATION SIGN}", "concat"]


# ---- looks


@pytest.mark.parametrize("theme", THEMES)
def test_themes_colour_everything(theme: str):
    options = read_options(theme=theme)
    dot = write_dot(drawn(STACK), options)
    colours = set(re.findall(r"#[0-9a-f]{6}", dot))
    palette = PALETTES[theme]
    own = {colour for paint in palette.families.values() for colour in (paint.fill, paint.line)}
    own |= {palette.page, palette.text, palette.edge}
    own |= {
        getattr(frame, part)
        for frame in (palette.scope, palette.copies)
        for part in ("fill", "line", "heading", "text")
    }
    assert colours <= own


def seen_with(paint: Paint, kept: tuple[tuple[float, float, float], ...]) -> tuple[float, ...]:
    """A border as someone without one kind of cones sees it: linear RGB by Vienot, Brettel and Mollon (1999)."""
    linear = [(int(paint.line[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
    return tuple(max(sum(w * c for w, c in zip(row, linear, strict=True)), 0) ** (1 / 2.2) for row in kept)


PROTANOPE = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))
DEUTERANOPE = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))


@pytest.mark.parametrize("kept", [PROTANOPE, DEUTERANOPE], ids=["protanope", "deuteranope"])
def test_common_families_stay_apart_for_the_colour_blind(kept: Any):
    families = [PALETTES["colorblind"].families[name] for name in ("conv", "pool", "norm", "activation")]
    seen = [seen_with(paint, kept) for paint in families]
    for number, first in enumerate(seen):
        for second in seen[:number]:
            assert sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5 > 0.15


def test_a_legend_explains_the_families_that_are_there():
    def legend(dot: str) -> list[str]:
        return re.findall(r'"\.legend\.(\w+)" \[label', dot)

    diagram = drawn(STACK)
    assert legend(write_dot(diagram)) == []
    assert legend(write_dot(diagram, read_options(legend=True))) == ["conv", "linear", "norm", "activation"]
    large = draw(zoo_model("alexnet"))
    assert set(legend(write_dot(large))) == {box.family for box in large.boxes} - {"input", "output", "folded"}
    assert legend(write_dot(large, read_options(legend=False))) == []


def test_directions():
    assert "rankdir=LR" in write_dot(drawn(STACK), read_options(direction="LR"))
    assert "rankdir=TB" in write_dot(drawn(STACK))


# ---- words and limits


@pytest.mark.parametrize(
    ("options", "message", "suggestion"),
    [
        ({"show": "name,kernels"}, "--show cannot take `kernels`: expected name, type, kernel", "kernel"),
        ({"show": 3}, "--show cannot take `3`", None),
        ({"show": ["name", None]}, "--show cannot take `none`", None),
        ({"theme": "Dark"}, "--theme cannot take `Dark`", "dark"),
        ({"theme": None}, "--theme cannot take `none`", None),
        ({"direction": "RL"}, "--direction cannot take `RL`: expected TB or LR", None),
        ({"depth": 0}, "--depth cannot take `0`: expected a number of levels from 1", None),
        ({"depth": -3}, "--depth cannot take `-3`", None),
        ({"depth": True}, "--depth cannot take `true`", None),
        ({"depth": "two"}, "--depth cannot take `two`", None),
        ({"expand": 5}, "--expand cannot take `5`", None),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str, suggestion: str | None):
    with pytest.raises(archlang.ArchitectureError) as caught:
        archlang.render("zoo:lenet", **options)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "bad-option"
    assert diagnostic.message.startswith(message)
    assert any(f"`{suggestion}`" in way.message for way in diagnostic.all_helps) == (suggestion is not None)


@pytest.mark.parametrize("path", ["featurs", "features.99", "features.0.0", "", ".", "input", "features."])
def test_paths_that_lead_nowhere(path: str):
    with pytest.raises(archlang.ArchitectureError) as caught:
        archlang.render("zoo:alexnet", expand=path).svg()
    assert caught.value.diagnostics[0].code == "no-such-part"


def test_a_million_copies_are_not_drawn_one_by_one():
    model = model_of("INPUT(4, 8, 8) -> [CONV(4, 1) -> RELU]*1_000_000 -> FC(2)")
    with pytest.raises(Diagnosed) as caught:
        draw(model, read_options(expand="all"))
    assert caught.value.diagnostic.code == "too-many-boxes"
    assert f"{MOST_BOXES:,}" in caught.value.diagnostic.message


def test_a_row_that_is_too_long_is_an_error_too():
    model = model_of("INPUT(4, 8, 8)" + " -> RELU -> BN" * 1500)
    with pytest.raises(Diagnosed) as caught:
        draw(model)
    assert caught.value.diagnostic.code == "too-many-boxes"
    assert caught.value.diagnostic.file == "test.arch"


# ---- as a user calls it


def test_options_of_python_and_of_the_command_are_the_same(tmp_path: Path):
    from archlang.cli import main

    target = tmp_path / "a.dot"
    asked = [
        "--expand",
        "features",
        "--direction",
        "LR",
        "--show",
        "type,macs",
        "--theme",
        "print",
        "--merge",
        "--legend",
        "--depth",
        "2",
    ]
    with pytest.raises(SystemExit) as caught:
        main(["render", "zoo:vgg", "-m", "VGG11", "-o", str(target), *asked])
    assert caught.value.code == 0
    picture = archlang.render(
        "zoo:vgg", "VGG11", expand="features", direction="LR", show=("type", "macs"), theme="print", merge=True,
        legend=True, depth=2,
    )  # fmt: skip
    assert picture.dot() == target.read_text(encoding="utf-8")
    assert set(FACTS) > {"type", "macs"}


def test_pictures_for_markdown(tmp_path: Path):
    picture = archlang.render("zoo:lenet")
    picture.save(tmp_path / "lenet.mmd")
    assert (tmp_path / "lenet.mmd").read_text(encoding="utf-8") == picture.mermaid()


def test_nothing_is_said_at_the_end_of_a_program():
    command = "import archlang; archlang.render('zoo:lenet').svg()"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


# ---- models with errors


def partial_of(text: str, **options: Any) -> Diagram:
    outcome = check_source(Source("test.arch", text), None, choose_one=True)
    assert not outcome.ok
    return draw(outcome.partial[0], read_options(**options))


def failing(diagram: Diagram) -> list[tuple[str, str, str]]:
    return [(box.path, box.title, box.detail) for box in diagram.boxes if box.family == "error"]


@pytest.mark.parametrize(
    ("text", "path", "word", "before"),
    [
        ("INPUT(3, 7, 7) -> CONV(8, 1) -> RELU -> POOL(9) -> FC(10)", "pool1", "POOL", ["conv1", "relu1"]),
        (
            "INPUT(3, 7, 7) -> f: [CONV(8, 1) -> g: [RELU -> bad: POOL(9)]] -> FC(10)",
            "f.g.bad",
            "POOL",
            ["f.0", "f.g.0"],
        ),
        ("INPUT(3, 9, 9) -> [CONV(8, 3x3) -> RELU]*9 -> FC(2)", None, "CONV", ["conv1", "relu1"]),
        ("INPUT(3, 9, 9) -> ADD{ CONV(8, 3x3), CONV(8, 1) } -> FC(2)", "add1", "ADD", ["conv1", "conv2"]),
        ("INPUT(3, 9, 9) -> POOL(10)", "pool1", "POOL", []),
    ],
)
def test_all_up_to_the_error_is_drawn(text: str, path: str | None, word: str, before: list[str]):
    diagram = partial_of(f"model M = {text}")
    ((failed, title, message),) = failing(diagram)
    assert title == word
    assert message
    assert path in (None, failed)
    assert [box.path for box in diagram.boxes if box.path and box.family != "error"][: len(before)] == before
    (box,) = [box for box in diagram.boxes if box.family == "error"]
    assert any(edge.target == box.id for edge in diagram.edges)
    dot = write_dot(diagram)
    assert PALETTES["light"].error.line in dot
    assert " ".join(message.split())[:20] in dot.replace("\\n", " ")


def test_a_failing_use_of_a_block_is_drawn_in_full():
    uses = " -> ".join(["unit(8)"] * 20)
    text = f"block unit(c) = CONV(c, 3x3) -> BN -> RELU -> CONV(c, 1)\nmodel M = INPUT(3, 30, 30) -> {uses}"
    diagram = partial_of(text)
    ((path, word, _),) = failing(diagram)
    assert (path, word) == ("unit15.0", "CONV")
    assert len([box for box in diagram.boxes if box.inset]) == 14


def test_pictures_of_errors_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from archlang.cli import main

    target = tmp_path / "m.svg"
    text = "model M = INPUT(3, 7, 7) -> POOL(9) -> FC(10)"
    for arguments, status, written in ([], 1, False), (["--partial"], 1, True):
        with pytest.raises(SystemExit) as caught:
            main(["render", "-e", text, "-o", str(target), *arguments])
        assert (caught.value.code, target.exists()) == (status, written)
    assert "kernel-too-large" in capsys.readouterr().err
    file = tmp_path / "m.arch"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(archlang.ArchitectureError):
        archlang.render(file)
    assert "POOL" in archlang.render(file, partial=True).svg()
