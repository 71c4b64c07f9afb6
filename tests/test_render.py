"""Diagrams: what is drawn and folded, the DOT text, and the pictures made from it."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest

from archlang.backends import pictures
from archlang.backends.diagram import Box, Cluster, Diagram, Edge, Item
from archlang.backends.drawing import draw
from archlang.backends.graphviz import Style, bold_width, write_dot
from archlang.backends.pictures import write_pdf, write_png, write_svg
from archlang.backends.plan import LARGE_PAGE_BOXES, MAX_DEPTH
from archlang.backends.themes import FAMILY_NAMES, PALETTES, Palette
from archlang.checking import check_source
from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Argument, Body, Call, Input, Layer, Model, Name, Origin, Ref, Repeat, Run, Side
from archlang.ir.ops import WORDS
from archlang.ir.ops.base import Op, TorchCall
from archlang.ir.walk import flatten
from archlang.records import record
from archlang.source import Source

CASES = sorted((Path(__file__).parent / "golden" / "dot").glob("*.arch"))
SVG = "{http://www.w3.org/2000/svg}"


def model_of(text: str, name: str = "test.arch") -> Model:
    outcome = check_source(Source(name, text))
    assert not outcome.diagnostics, [diagnostic.message for diagnostic in outcome.diagnostics]
    return outcome.models[-1]


def diagram_of(text: str) -> Diagram:
    return draw(model_of(text))


def boxes(items: tuple[Item, ...]) -> Iterator[Box]:
    for item in items:
        yield from [item] if isinstance(item, Box) else boxes(item.items)


def outline(items: tuple[Item, ...]) -> list[object]:
    """Boxes as their titles, frames as (name, definition, count, what they hold)."""
    return [
        item.title if isinstance(item, Box) else (item.name, item.definition, item.count, outline(item.items))
        for item in items
    ]


def inner_outline(text: str) -> list[object]:
    """The outline without the input and the output."""
    return outline(diagram_of(text).items)[1:-1]


def edge_texts(text: str) -> list[str]:
    return [edge.text for edge in diagram_of(text).edges]


# ---- what is drawn ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_dot_text(case: Path, golden: Callable[[str, str], None]):
    dot = write_dot(draw(model_of(case.read_text(encoding="utf-8"), case.name)))
    golden(f"dot/{case.stem}.dot", dot)


def test_a_chain_is_drawn_box_by_box():
    diagram = diagram_of("model M = INPUT(3, 8, 8) -> CONV(16, 3x3) -> RELU -> head: FC(10)")
    assert [(box.id, box.title, box.detail, box.family, box.label, box.path) for box in diagram.boxes] == [
        (".input.input", "input", "3x8x8", "input", "", ""),
        ("conv1", "Conv2d", "3x3, 16", "conv", "", "conv1"),
        ("relu1", "ReLU", "", "activation", "", "relu1"),
        ("head", "Linear", "10", "linear", "head", "head"),
        (".output.0", "output", "10", "output", "", ""),
    ]
    assert [(box.parameters, box.macs) for box in diagram.boxes] == [(0, 0), (448, 15552), (0, 0), (5770, 5760), (0, 0)]
    assert [(edge.source, edge.target, edge.text) for edge in diagram.edges] == [
        (".input.input", "conv1", "3x8x8"),
        ("conv1", "relu1", "16x6x6"),
        ("relu1", "head", "16x6x6 -> 576"),
        ("head", ".output.0", "10"),
    ]


def test_copies_that_differ_in_channels_are_one():
    assert inner_outline("INPUT(3, 8, 8) -> [CONV(64, 3x3, padding=1) -> RELU]*3") == [
        ("", "", 3, ["Conv2d", "ReLU"]),
    ]


def test_nested_repeats_nest():
    assert inner_outline("INPUT -> [[CONV -> RELU]*2 -> POOL]*3 -> FC") == [
        ("", "", 3, [("", "", 2, ["Conv2d", "ReLU"]), "MaxPool2d"]),
        "Linear",
    ]


def test_stages_that_differ_stay_apart():
    stages = "[CONV(w, 3x3, padding=1)]*d -> POOL(2) for (w, d) in [(8, 2), (16, 3), (16, 3)]"
    pool = "MaxPool2d"
    drawn = [("", "", 2, ["Conv2d"]), pool, ("", "", 3, ["Conv2d"]), pool, ("", "", 3, ["Conv2d"]), pool]
    assert inner_outline(f"model M = INPUT(3, 32, 32) -> f: [{stages}]") == [("f", "", 1, drawn)]


def test_iterations_that_look_alike_are_one():
    text = "model M = INPUT(3, 8, 8) -> [CONV(w, 3x3, padding=1) -> RELU for w in [16, 16, 16, 32]]"
    assert inner_outline(text) == [("", "", 3, ["Conv2d", "ReLU"]), "Conv2d", "ReLU"]


def test_a_single_copy_has_no_frame():
    assert inner_outline("INPUT -> [CONV -> RELU]*1 -> FC") == ["Conv2d", "ReLU", "Linear"]


def test_scopes_are_frames_with_what_they_are_called():
    text = """
    block unit(c) = CONV(c, 3x3, padding=1) -> RELU
    model M = INPUT(3, 8, 8)
      -> stem: [BN -> RELU] -> unit(4) -> enc: unit(8) -> layer: unit(8)*3 -> rest: [RELU -> BN]*2
    """
    assert inner_outline(text) == [
        ("stem", "", 1, ["BatchNorm2d", "ReLU"]),
        ("", "unit(c=4)", 1, ["Conv2d", "ReLU"]),
        ("enc", "unit(c=8)", 1, ["Conv2d", "ReLU"]),
        ("layer", "unit(c=8)", 3, ["Conv2d", "ReLU"]),
        ("rest", "", 2, ["ReLU", "BatchNorm2d"]),
    ]


def test_a_box_alone_takes_the_name_of_its_block():
    text = """
    block squash = TANH(1.7159, 2/3)
    block down(k) = POOL(k)
    model M = INPUT(3, 8, 8) -> squash -> end: squash -> down(2) -> down(4)
    """
    assert inner_outline(text) == [
        "TANH",
        "TANH",
        ("", "down(k=2)", 1, ["MaxPool2d"]),
        ("", "down(k=4)", 1, ["MaxPool2d"]),
    ]
    tanh = [box for box in diagram_of(text).boxes if box.title == "TANH"]
    assert [(box.label, box.detail) for box in tanh] == [
        ("squash", "amplitude 1.716, slope 0.6667"),
        ("end", "amplitude 1.716, slope 0.6667"),
    ]


def test_copies_in_a_block_are_not_copies_of_the_block():
    block = "block pair(c) = [CONV(c, 3x3, padding=1) -> RELU]*2"
    text = f"{block} model M = INPUT(3, 8, 8) -> enc: pair(4) -> two: pair(4)*3"
    inner = [("", "", 2, ["Conv2d", "ReLU"])]
    assert inner_outline(text) == [("enc", "pair", 1, inner), ("two", "pair", 3, inner)]


def test_nothing_to_draw():
    diagram = diagram_of("INPUT(3, 8, 8) -> [CONV -> RELU]*0")
    assert [edge.text for edge in diagram.edges] == ["3x8x8"]
    assert len(list(boxes(diagram.items))) == 2


def test_ids_are_paths_of_layers():
    model = model_of(CASES[1].read_text(encoding="utf-8"))
    drawn = {box.id for box in boxes(draw(model).items)}
    paths = [flat.path for flat in flatten(model)]
    assert {path for path in drawn if not path.startswith(".")} <= set(paths)
    assert paths[0] in drawn


# ---- shapes on edges -------------------------------------------------------------------------------


def test_shapes_of_copies_go_from_the_first_to_the_last():
    assert edge_texts("INPUT -> [CONV -> POOL]*3 -> FC") == [
        "3x32x32",
        "32x32x32 ... 32x8x8",
        "32x4x4 -> 512",
        "10",
    ]


def test_shapes_of_nested_copies():
    assert edge_texts("INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> FC") == [
        "3x32x32",
        "32x32x32 ... 32x16x16",
        "32x32x32 ... 32x16x16",
        "32x8x8 -> 2048",
        "10",
    ]


def test_flattening_in_the_first_copy_only():
    assert edge_texts("INPUT(2, 4, 4) -> [FC(8) -> RELU]*3") == ["2x4x4 -> 32", "8", "8"]


# ---- branches: the picture is ready for them -------------------------------------------------------


@record(kw_only=True)
class Add(Op):
    """A join, until the language has one."""

    tag = "add"
    words = ("ADD",)
    kind = "add"
    family = "merge"

    def torch(self) -> TorchCall:
        return TorchCall("torch.add")


def residual_model() -> Model:
    """Three residual blocks; the first has a convolution on its shortcut."""
    place, shape = Origin("test.arch", 1, 1), (8, 4, 4)

    def layer(name: Name, op: Op, *inputs: int) -> Layer:
        return Layer(name, op, tuple(Ref(node) for node in inputs), (shape,), place)

    def conv(channels: int) -> Op:
        given = {"out_channels": 8, "kernel_size": (1, 1), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
        rest = {"groups": 1, "bias": True, "padding_mode": "zeros", "round": None}
        return WORDS["CONV"].build("CONV", given | rest, (channels, 4, 4))

    def body(channels: int) -> Body:
        own = [layer(Name("", 0), conv(channels), -1), layer(Name("", 1), WORDS["RELU"](inplace=False), 0)]
        skip = [layer(Name("shortcut"), conv(channels), -1)] if channels != 8 else []
        join = layer(Name("", 2), Add(), 1, 2 if skip else -1)
        nodes = (*own, *skip, join)
        return Body(
            "residual", (Argument("c", 8),), ((channels, 4, 4),), nodes, (Ref(len(nodes) - 1),), (("", 3),), place
        )

    def one(inner: int, channels: int) -> Body:
        call = Call(Name("", 0), inner, (Ref(-1),), (shape,), place)
        return Body(None, (), ((channels, 4, 4),), (call,), (Ref(0),), (("", 1),), place)

    repeat = Repeat((Run(2, 1), Run(3, 2)), (("", 0),), (Ref(-1),), (shape,), place)
    layers = Body(None, (), ((3, 4, 4),), (repeat,), (Ref(0),), (), place)
    root = Body(
        "Net", (), ((3, 4, 4),), (Call(Name("layer"), 4, (Ref(-1),), (shape,), place),), (Ref(0), Ref(0)), (), place
    )
    bodies = (body(3), body(8), one(0, 3), one(1, 8), layers, root)
    sides = (Side("again", 1, training=True),)
    return Model("Net", (Input("image", (3, 4, 4)),), bodies, (), (), place, sides=sides)


def test_branches_join():
    diagram = draw(residual_model())
    assert outline(diagram.items) == [
        "image",
        (
            "layer",
            "",
            1,
            [
                ("", "residual", 1, ["Conv2d", "ReLU", "Conv2d", "ADD"]),
                ("", "residual", 2, ["Conv2d", "ReLU", "ADD"]),
            ],
        ),
        "output",
        "again (in training)",
    ]
    ends = [(edge.source, edge.target) for edge in diagram.edges]
    assert ("layer.0.2", "layer.1.0") in ends
    assert ("layer.0.2", "layer.1.2") in ends
    assert ends[-2:] == [("layer.1.2", ".output.0"), ("layer.1.2", ".output.1")]


def test_one_line_enters_a_frame_however_many_read_it():
    dot = write_dot(draw(residual_model()))
    assert dot.count('"layer.0.2" -> ') == 1
    assert dot.count('".heading.layer.1*2" -> ') == 2


# ---- limits ----------------------------------------------------------------------------------------


def test_a_million_copies():
    diagram = diagram_of("INPUT(64, 8, 8) -> [CONV(64, 3x3, padding=1) -> BN -> RELU]*1000000 -> FC")
    assert len(list(boxes(diagram.items))) == 6
    assert "x1,000,000" in write_svg(write_dot(diagram))


def test_blocks_of_blocks_are_drawn_once_each():
    doubling = "".join(f"block b{i + 1} = x: b{i} -> y: b{i}\n" for i in range(20))
    diagram = diagram_of(f"block b0 = CONV -> RELU\n{doubling}model M = INPUT(32, 8, 8) -> b20")
    assert len(list(diagram.boxes)) < LARGE_PAGE_BOXES
    shown = {inset.id for inset in diagram.insets}
    assert {box.inset for box in diagram.boxes} - {""} == shown
    assert len(shown) == len(diagram.insets) > 1


def test_too_many_boxes_become_one_for_each_part():
    parts = " -> ".join(f"p{i}: [CONV(8, 3x3, padding=1) -> RELU -> CONV({i + 1}, 1x1)]" for i in range(50))
    diagram = diagram_of(f"model M = INPUT(8, 8, 8) -> {parts}")
    folded = [box for box in diagram.boxes if box.family == "folded"]
    assert [box.id for box in folded] == [f"p{i}" for i in range(50)]
    assert {box.detail for box in folded} == {"3 layers"}
    assert len(diagram.edges) == 51


def test_too_many_iterations_become_one_box():
    diagram = diagram_of("model M = INPUT(4, 8, 8) -> s: [CONV(w, 1x1) -> RELU for w in range(1, 1001)] -> POOL")
    (scope,) = [item for item in diagram.items if isinstance(item, Cluster)]
    assert [(box.id, box.title, box.detail) for box in boxes(scope.items)] == [(".part.0", "x1,000", "2,000 layers")]
    assert [edge.text for edge in diagram.edges] == ["4x8x8", "1000x8x8", "1000x4x4"]


def test_frames_end_where_they_are_too_deep():
    text = "CONV(4, 1x1)"
    for i in range(60):
        text = f"l{i}: [{text} -> RELU]"
    diagram = diagram_of(f"INPUT(4, 8, 8) -> {text}")
    assert len(list(boxes(diagram.items))) == MAX_DEPTH + 3
    write_svg(write_dot(diagram))


# ---- DOT text --------------------------------------------------------------------------------------

NASTY = [
    '"',
    "\\",
    "\\N",
    "end\\",
    "<b>bold</b>",
    "&lt;&amp;",
    "{a|b}",
    "a\nb",
    "\x00\x1b",
    "\u202e",
    "naïve 漢字",
    "-->",
    ":e",
]
SHOWN = {"a\nb": "a\\nb", "\x00\x1b": "\\x00\\x1b", "\u202e": "\\u202e"}


@pytest.mark.parametrize("text", NASTY)
def test_any_text_is_shown_as_it_is(text: str):
    box = Box(f"x{text}", text, "", "conv", text)
    diagram = Diagram(text, (Box("in", text, "", "input"), Cluster(text, (box,), text, text, 2)), ())
    edge = Edge("in", box.id, (1, 2), (1, 2), (1, 2))
    svg = write_svg(write_dot(Diagram(text, diagram.items, (edge,))))
    shown = SHOWN.get(text, text)
    assert [label for label in texts(svg) if label != "1x2"] == [shown, f"{shown}: {shown} x2", f"{shown}: {shown}"]


def test_long_text_is_cut():
    svg = write_svg(write_dot(Diagram("M", (Box("x", "title" * 100, "detail", "conv"),), ())))
    text, detail = texts(svg)
    assert detail == "detail"
    assert len(text) == Style().longest_text
    assert text.endswith("titleti...")


def test_every_family_of_layers_has_a_colour():
    families = {op.family for op in WORDS.values()} | {"folded", "input", "output", "other"}
    assert all(families <= set(palette.families) for palette in PALETTES.values())
    assert {op.family for op in WORDS.values()} <= set(FAMILY_NAMES)


def contrast(first: str, second: str) -> float:
    """By the rule of WCAG 2: 4.5 is legible, 7 good."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES.keys())
def test_text_is_legible_on_every_colour(palette: Palette):
    assert all(contrast(palette.text, paint.fill) > 7 for paint in (*palette.families.values(), palette.error))
    for frame in (palette.scope, palette.copies):
        assert contrast(frame.text, frame.heading) > 4.5
        assert contrast(palette.edge, frame.fill) > 4.5


def test_the_same_text_in_every_process():
    command = "import sys; from archlang.reading import check_target; from archlang.checking import Request;"
    command += "from archlang.writing import WRITERS; m = check_target(sys.argv[1], Request()).models[0];"
    command += "print(WRITERS['render']['.dot'](m), WRITERS['render']['.svg'](m))"

    def run(seed: str, **variables: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed} | variables
        arguments = [sys.executable, "-c", command, str(CASES[0])]
        return subprocess.run(arguments, env=environment, check=True, capture_output=True, text=True).stdout

    assert run("1") == run("2", HOME=os.devnull, XDG_CACHE_HOME=os.devnull)


# ---- pictures --------------------------------------------------------------------------------------


def texts(svg: str) -> list[str]:
    """What stands in the picture, spaces as one."""
    found = ElementTree.fromstring(svg).iter(f"{SVG}text")
    return [re.sub(r"\s+", " ", element.text or "").strip() for element in found]


@record
class Area:
    """Where a box or frame lies in the picture."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: Area) -> bool:
        return (
            self.left < other.left and self.top < other.top and other.right < self.right and other.bottom < self.bottom
        )

    def meets(self, other: Area) -> bool:
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)


def areas(svg: str, kind: str) -> dict[str, Area]:
    """The areas of all `node`s or `cluster`s by their ids."""
    found: dict[str, Area] = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        outline = group.find(f"{SVG}path")
        if kind in group.get("class", "").split() and outline is not None:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", outline.get("d", ""))]
            across, down = numbers[::2], numbers[1::2]
            title = group.findtext(f"{SVG}title", "")
            found[title] = Area(min(across), min(down), max(across), max(down))
    return found


@pytest.fixture(scope="module", params=CASES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> tuple[Diagram, str]:
    diagram = draw(model_of(request.param.read_text(encoding="utf-8"), request.param.name))
    return diagram, write_svg(write_dot(diagram))


def test_every_box_and_shape_stands_in_the_picture(case: tuple[Diagram, str]):
    diagram, svg = case
    drawn = areas(svg, "node")
    for box in boxes(diagram.items):
        assert box.id in drawn
        label = f"{box.label}: {box.title}" if box.label else box.title
        assert f"{label} {box.detail}".strip() in texts(svg)
    for edge in diagram.edges:
        assert edge.text in texts(svg)


def test_every_frame_holds_its_boxes_and_says_how_many_copies(case: tuple[Diagram, str]):
    diagram, svg = case
    nodes, frames = areas(svg, "node"), areas(svg, "cluster")

    def check(items: tuple[Item, ...]) -> None:
        for item in items:
            if isinstance(item, Cluster):
                frame = frames[f"cluster_{item.id}"]
                assert all(frame.holds(nodes[box.id]) for box in boxes(item.items))
                assert frame.holds(nodes[f".heading.{item.id}"])
                if item.count > 1:
                    assert any(text.endswith(f"x{item.count}") for text in texts(svg))
                check(item.items)

    check(diagram.items)


def test_boxes_do_not_meet_and_a_chain_is_straight(case: tuple[Diagram, str]):
    diagram, svg = case
    drawn = areas(svg, "node")
    assert not any(first.meets(second) for first, second in combinations(drawn.values(), 2))
    nodes = [drawn[box.id] for box in boxes(diagram.items)]
    middles = {round((area.left + area.right) / 2) for area in nodes}
    assert max(middles) - min(middles) <= 1


def test_svg_names_no_tool_and_no_date(case: tuple[Diagram, str]):
    _, svg = case
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>\n")
    assert "<!--" not in svg
    assert not re.search(r"graphviz|20\d\d-|/home|/work|/tmp", svg)
    assert svg.count("font-family") == 1


def test_png_has_two_pixels_for_each_unit():
    pytest.importorskip("resvg_py")
    svg = write_svg(write_dot(diagram_of("INPUT -> FC")))
    width, height = (int(size) for size in re.findall(r'="(\d+)pt"', svg)[:2])
    png = write_png(svg)
    assert png.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", png[16:24]) == (2 * width, 2 * height)


def test_a_png_has_a_largest_size(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("resvg_py")
    monkeypatch.setattr(pictures, "PNG_PIXELS", 10_000)
    width, height = struct.unpack(">II", write_png(write_svg(write_dot(diagram_of("INPUT -> FC"))))[16:24])
    assert 9_000 < width * height < 11_000


def test_a_pdf_is_as_large_as_the_picture_and_the_same_each_time():
    pytest.importorskip("typst")
    svg = write_svg(write_dot(diagram_of("INPUT -> FC")))
    width, height = (int(size) for size in re.findall(r'="(\d+)pt"', svg)[:2])
    pdf = write_pdf(svg)
    box = re.search(rb"/MediaBox\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert box is not None
    assert abs(float(box[1]) - width) < 2
    assert abs(float(box[2]) - height) < 2
    assert pdf == write_pdf(svg)


# ---- what may be missing ---------------------------------------------------------------------------


def problem_of(write: Callable[[], object]) -> str:
    with pytest.raises(Diagnosed) as caught:
        write()
    diagnostic = caught.value.diagnostic
    assert diagnostic.code == "missing-package"
    assert diagnostic.all_helps
    return diagnostic.message


def test_pdf_without_typst(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    assert "`typst`" in problem_of(lambda: write_pdf("<svg/>"))


def test_svg_without_webassembly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    pictures._webassembly.cache_clear()
    assert "`dot`" in problem_of(lambda: write_svg("digraph {}"))


def test_png_without_resvg(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert "`resvg-py`" in problem_of(lambda: write_png("<svg/>"))


def test_png_without_fonts(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("resvg_py")
    monkeypatch.setattr(pictures, "FONTS", "No Such Font")
    assert "font" in problem_of(lambda: write_png("<svg/>"))


@pytest.mark.parametrize("text", ["padded(c=1024, depth=0)", "features", "x2", "WWW", "illicit", "k=3, c=16, count=1"])
def test_headings_are_as_wide_as_their_fields(text: str):
    """By the advances of DejaVu Sans Bold, in thousandths of its size."""
    bold = {
        "padded(c=1024, depth=0)": 14906, "features": 4745, "x2": 1341, "WWW": 3309, "illicit": 2785,
        "k=3, c=16, count=1": 11192,
    }  # fmt: skip
    assert 1.0 <= bold_width(text) * 1000 / bold[text] + 0.04 <= 1.14
