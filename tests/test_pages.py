"""Pictures as pages: long ones in columns, insets and the legend beside them, each as large as a page allows."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archlang.backends.columns import JOINT, Cut, balanced, find_cuts, order_of, split, without_insets
from archlang.backends.crowding import Area, Laid, crowded, read_layout
from archlang.backends.diagram import Box, Cluster, Diagram, Edge, Item, boxes_of
from archlang.backends.drawing import draw
from archlang.backends.graphviz import node_id, write_dot
from archlang.backends.pages import PAGE, write_page
from archlang.backends.pictures import write_svg
from archlang.backends.render_options import read_options
from archlang.backends.volumes import make_scene
from archlang.checking import Request, check_source
from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Model
from archlang.reading import check_target
from archlang.source import Source
from tests.programs import program
from tests.test_render import NASTY

SVG = "{http://www.w3.org/2000/svg}"


def models_of(text: str) -> list[Model]:
    return list(check_source(Source("test.arch", text)).models)


def drawn(text: str) -> Diagram:
    return draw(models_of(text)[-1])


def zoo(name: str, model: str) -> Diagram:
    return draw(check_target(f"zoo:{name}", Request(model)).models[0])


def scale(svg: str) -> float:
    """How large the picture is when it is fitted to a page."""
    width, height = (float(size) for size in re.findall(r'\b(?:width|height)="([\d.]+)pt"', svg)[:2])
    return min(PAGE[0] / width, PAGE[1] / height)


def titles(svg: str) -> list[str]:
    groups = (group for group in ElementTree.fromstring(svg).iter(f"{SVG}g"))
    return [group.findtext(f"{SVG}title", "") for group in groups if group.get("class", "").startswith("node")]


def pieces(svg: str) -> list[Laid]:
    """Each piece's things at their places on the page."""
    found: list[Laid] = []
    for text in re.split(r'(?=<g transform="translate\([\d.]+ [\d.]+\)">)', svg)[1:]:
        moves = [tuple(map(float, move)) for move in re.findall(r"translate\(([-\d.]+) ([-\d.]+)\)", text)[:2]]
        x, y = (sum(parts) for parts in zip(*moves, strict=True))
        laid = read_layout(re.sub(r' id="p\d+\.', ' id="', text))
        boxes, frames, texts, lines = (
            tuple(Area(a.name, a.left + x, a.top + y, a.right + x, a.bottom + y) for a in areas)
            for areas in (laid.boxes, laid.frames, laid.texts, laid.lines)
        )
        found.append(Laid(boxes, frames, texts, lines))
    return found


def connections(svg: str) -> list[list[tuple[float, float]]]:
    """The corners of the lines from column to column."""
    lines = re.findall(r'<g class="edge">\n<path [^>]*d="([^"]*)"', svg)
    return [[(float(x), float(y)) for x, y in re.findall(r"([-\d.]+),([-\d.]+)", line)] for line in lines]


def points(line: list[tuple[float, float]]) -> list[Area]:
    return [
        Area("", x, y, x, y)
        for (ax, ay), (bx, by) in pairwise(line)
        for step in range(51)
        for x, y in [(ax + (bx - ax) * step / 50, ay + (by - ay) * step / 50)]
    ]


def assert_is_a_page(diagram: Diagram, svg: str) -> None:
    """Every box once, pieces apart from each other, and lines between columns on nothing else."""
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    nodes = titles(svg)
    assert all(nodes.count(node_id(box.id)) == 1 for box in diagram.boxes)
    laid = pieces(svg)
    things = [[*piece.boxes, *piece.frames, *piece.texts] for piece in laid]
    for first, second in combinations(things, 2):
        assert not [(a.name, b.name) for a in first for b in second if a.meets(b)]
    width, height = map(float, re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)[0])
    page = Area("", 0, 0, width + 8, height)  # commas are narrower than what a letter is reckoned with
    assert all(page.holds(thing) for piece in things for thing in piece)
    for line in connections(svg):
        assert all(page.holds(point) for point in points(line))
        boxes = [
            area for piece in laid for area in (*piece.boxes, *piece.texts) if JOINT_IDS.isdisjoint([area.name[:4]])
        ]
        assert not [box.name for box in boxes for point in points(line) if box.meets(point)]


JOINT_IDS = {".fro", ".to."}


# ---- pages


@pytest.mark.parametrize(
    ("name", "model", "least"),
    [
        ("vgg", "VGG16", 0.85), ("c3d", "C3D", 0.75), ("alexnet", "AlexNet", 0.9), ("speech", "SpeechPReLU", 1.0),
        ("resnet", "ResNet152", 0.55), ("unet", "UNet", 0.4), ("densenet", "DenseNetCIFAR", 0.75),
        ("inception", "InceptionV1", 0.48), ("mobilenet", "MobileNet", 0.6),
    ],
)  # fmt: skip
def test_networks_are_large_enough_on_a_page(name: str, model: str, least: float):
    diagram = zoo(name, model)
    svg = write_page(diagram)
    assert scale(svg) >= least
    assert_is_a_page(diagram, svg)


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_long_chains_go_on_in_the_next_column(direction: str):
    stages = " -> ".join(f"CONV({8 + n}, 3x3, padding=1) -> BN -> RELU" for n in range(16))
    diagram, options = drawn(f"model M = INPUT(3, 8, 8) -> {stages} -> FC(9)"), read_options(direction=direction)
    svg = write_page(diagram, options)
    assert_is_a_page(diagram, svg)
    assert len(connections(svg)) >= 2
    whole = write_svg(write_dot(diagram, options))
    fitted = [min(PAGE[n] / size for n, size in enumerate(sizes(one, direction))) for one in (svg, whole)]
    assert fitted[0] > 2 * fitted[1]


def sizes(svg: str, direction: str) -> list[float]:
    found = [float(size) for size in re.findall(r'\b(?:width|height)="([\d.]+)pt"', svg)[:2]]
    return found if direction == "TB" else found[::-1]


def test_residual_blocks_go_on_in_the_next_column():
    options = read_options(expand="all")
    model = check_target("zoo:resnet", Request("ResNet18")).models[0]
    diagram = draw(model, options)
    svg = write_page(diagram, options)
    assert_is_a_page(diagram, svg)
    assert connections(svg)
    assert scale(svg) > 1.3 * scale(write_svg(write_dot(diagram, options)))


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("columns", [1, 2, 3, 5, 10**9])
def test_columns_are_as_many_as_wanted(columns: int, direction: str):
    options = read_options(columns=columns, direction=direction)
    diagram = drawn(
        "model M = INPUT(3, 8, 8) -> a: [CONV(4, 1) -> CONV(5, 1)] -> CONV(6, 1) -> CONV(7, 1) -> FC(2) -> FC(1)"
    )
    svg = write_page(diagram, options)
    assert_is_a_page(diagram, svg)
    assert len(connections(svg)) + 1 == min(columns, len(find_cuts(diagram)) + 1)


def test_columns_are_refused_where_there_are_none():
    for columns in (0, -1, True, "two"):
        with pytest.raises(Diagnosed, match="--columns cannot take"):
            read_options(columns=columns)  # pyright: ignore[reportArgumentType]
    with pytest.raises(Diagnosed, match="no --columns"):
        make_scene(models_of("INPUT -> FC(2)")[-1], read_options(columns=2, style="volumes"))


def test_short_chains_stay_in_one_column():
    svg = write_page(drawn("INPUT -> [CONV -> RELU]*3 -> FC"))
    assert connections(svg) == []
    assert len(pieces(svg)) == 1


def test_u_shapes_are_not_cut():
    assert connections(write_page(zoo("unet", "UNet"))) == []


@pytest.mark.parametrize("seed", range(40))
def test_pages_of_random_programs(seed: int):
    for model in models_of(program(random.Random(seed)))[:1]:
        for direction in ("TB", "LR"):
            options = read_options(direction=direction, legend=True)
            diagram = draw(model, options)
            assert_is_a_page(diagram, write_page(diagram, options))


def test_the_same_picture_gives_the_same_bytes():
    first, second = (write_page(zoo("c3d", "C3D")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "text", [*NASTY, "</title><script>", "\ud800", "]]>", 'p1." id="x', ".from.1", ".to.1", ".legend.conv"]
)
def test_any_name_is_shown_as_it_is(text: str):
    """Names from files of other programs, of the model and of its boxes: nothing of them is markup or an id of ours."""
    boxes = [Box(f"{text}{number}", text, "", "conv", text) for number in range(60)]
    edges = [Edge(one.id, other.id, (1, 2), (1, 2), (1, 2)) for one, other in pairwise(boxes)]
    inset = Cluster(f".inset.{text}", (Box(f".inset.{text}.input.0", text, "", "input"),), text)
    diagram = Diagram(text, (Cluster(text, tuple(boxes), text, text),), tuple(edges), (inset,))
    svg = write_page(diagram, read_options(legend=True))
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= ALLOWED
    assert_is_a_page(diagram, svg)
    assert connections(svg)


ALLOWED = {"svg", "style", "title", "g", "polygon", "path", "text", "ellipse"}


def test_the_legend_stands_close():
    svg = write_page(drawn("INPUT -> CONV -> BN -> RELU -> FC"), read_options(legend=True))
    legend = [box for piece in pieces(svg) for box in piece.boxes if box.name.startswith(".legend.")]
    assert len(legend) == 4
    assert max(box.bottom for box in legend) - min(box.top for box in legend) < 60


# ---- cuts


def frames(items: tuple[Item, ...]) -> list[Cluster]:
    found: list[Cluster] = []
    for item in items:
        found += [item, *frames(item.items)] if isinstance(item, Cluster) else []
    return found


def assert_is_split(diagram: Diagram, cuts: list[Cut]) -> None:
    parts = split(diagram, cuts)
    inner = [[box for box in boxes_of(part.items) if box.family != JOINT] for part in parts]
    assert sorted(box.id for part in inner for box in part) == sorted(box.id for box in boxes_of(diagram.items))
    ends = [(edge.source, edge.target) for part in parts for edge in part.edges]
    whole = [end for end in ends if not any(name.startswith((".from.", ".to.")) for name in end)]
    begun = [end for end in ends if end[0].startswith(".from.")]
    assert len([end for end in ends if end[1].startswith(".to.")]) == len(cuts)
    assert len({source for source, _ in begun}) == len(cuts)
    assert len(whole) + len(begun) == len(diagram.edges)
    for part in parts:
        known = {box.id for box in boxes_of(part.items)}
        assert all({edge.source, edge.target} <= known for edge in part.edges)
    counted = [frame.id for part in parts for frame in frames(part.items) if frame.count > 1]
    assert len(counted) == len(set(counted))


@pytest.mark.parametrize("seed", range(60))
def test_cuts_keep_everything(seed: int):
    for model in models_of(program(random.Random(1000 + seed))):
        diagram = without_insets(draw(model))
        cuts = find_cuts(diagram)
        assert_is_split(diagram, cuts)
        assert_is_split(diagram, cuts[::2])


def test_places_to_cut():
    text = (
        "model M = INPUT(3, 8, 8) -> a: [CONV(4, 1) -> RELU -> CONV(5, 1)] -> [CONV(5, 1) -> RELU]*2 -> POOL -> FC(2)"
    )
    diagram = drawn(text)
    order = order_of(diagram)
    before = [(order[cut.behind].id, cut.price) for cut in find_cuts(diagram)]
    prices = dict(before)
    assert prices["a.2"] > prices["conv1"] == 0


def test_a_frame_that_is_cut_goes_on():
    diagram = drawn("model M = INPUT(3, 8, 8) -> a: [CONV(4, 1) -> CONV(5, 1)]")
    first, second = split(diagram, [cut for cut in find_cuts(diagram) if cut.price])
    assert [frame.note for frame in frames(first.items)] == [""]
    assert [frame.note for frame in frames(second.items)] == ["continued"]


lengths = st.lists(st.integers(1, 100), min_size=2, max_size=9)


@given(lengths, st.integers(2, 4))
def test_columns_are_about_as_short_as_they_can_be(rows: list[int], columns: int):
    ends = {0: 0.0, -1: float(sum(rows))}
    ends |= {number: float(sum(rows[:number])) for number in range(1, len(rows))}
    cuts = [Cut(number, str(number), 0.0) for number in range(1, len(rows))]
    chosen = [cut.behind for cut in balanced(cuts, ends, columns)]
    assert chosen == sorted(set(chosen))
    assert len(chosen) < columns

    def longest(places: tuple[int, ...]) -> int:
        return max(sum(rows[a:b]) for a, b in pairwise((0, *places, len(rows))))

    ways = [way for count in range(columns) for way in combinations(range(1, len(rows)), count)]
    assert longest(tuple(chosen)) <= 1.21 * min(map(longest, ways)) + 1


# ---- shapes on lines


def test_a_shape_on_a_box_is_found():
    box, text = Area("a", 0, 0, 50, 20), Area("a->b", 40, 10, 90, 17)
    assert crowded(Laid((box,), (), (text,), ())) == {"a->b"}
    assert crowded(Laid((Area("a", 0, 0, 39, 20),), (), (text,), ())) == set()


def test_a_shape_on_a_border_or_another_line_is_found():
    text = Area("a->b", 40, 10, 90, 17)
    assert crowded(Laid((), (Area("f", 0, 0, 60, 60),), (text,), ())) == {"a->b"}
    assert crowded(Laid((), (Area("f", 0, 0, 100, 60),), (text,), ())) == set()
    assert crowded(Laid((), (), (text,), (Area("c->d", 50, 12, 50, 12),))) == {"a->b"}
    assert crowded(Laid((), (), (text,), (Area("a->b", 50, 12, 50, 12),))) == set()


def test_no_shape_of_the_zoo_lies_on_a_border():
    for name, model in (("alexnet", "AlexNet"), ("blueprint", "DoublePairs"), ("efficientnet", "EfficientNetB0")):
        for piece in pieces(write_page(zoo(name, model))):
            assert crowded(piece) == set()


def test_bridges_show_their_shapes_between_the_frames():
    svg = write_page(zoo("unet", "UNet"))
    piece = pieces(svg)[0]
    assert "64x568x568 &#45;&gt;</text>" in svg
    assert not [frame for frame in piece.frames for text in piece.texts if frame.meets(text) and not frame.holds(text)]
