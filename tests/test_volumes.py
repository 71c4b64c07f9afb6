"""Figures of volumes: which maps they show, where these stand, and what the writers make of it."""

from __future__ import annotations

import random
import re
import shutil
import string
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import import_library, program

import archlang
from archlang.backends.drawing import draw
from archlang.backends.render_options import EVERYTHING, RenderOptions, read_options
from archlang.backends.volumes import make_scene, write_svg, write_tikz
from archlang.backends.volumes.flow import Flow
from archlang.backends.volumes.maps import Stage
from archlang.backends.volumes.scale import fitting_scale
from archlang.backends.volumes.scene import Scene, slabs_of
from archlang.backends.volumes.stages import Lanes, Part, Strip, _Reader, find_strip, stages_of
from archlang.backends.volumes.tikz import tikz_text
from archlang.checking import Request, check_source
from archlang.ir.graph import Model
from archlang.ir.walk import flatten
from archlang.reading import check_target
from archlang.source import Source


def model_of(text: str) -> Model:
    outcome = check_source(Source("test.arch", text))
    assert outcome.models, [diagnostic.message for diagnostic in outcome.diagnostics]
    return outcome.models[-1]


def zoo_models() -> list[str]:
    from archlang import resources

    return [path.stem for path in resources.zoo_files()]


def zoo_model(name: str, model: str | None = None) -> Model:
    return check_target(f"zoo:{name}", Request(model)).models[0]


def strip_of(text: str) -> Strip:
    return find_strip(model_of(text), RenderOptions())


def told(strip: Strip) -> list[str]:
    """Each stage in a line: size, channels, what made it."""
    return [
        " ".join(text for text in (stage.size_text, stage.channels_text, "/".join(stage.caption)) if text)
        for stage in stages_of(strip.parts)
    ]


# ---- which maps are shown


def test_what_changes_nothing_to_be_seen_belongs_to_the_map_before():
    text = "INPUT(3, 32, 32) -> CONV(8, 3x3, padding=1) -> BN -> RELU -> DROPOUT(0.5) -> POOL(2) -> FC(10) -> SOFTMAX"
    assert told(strip_of(text)) == ["32x32 3 input", "32x32 8 conv 3x3", "16x16 8 max pool/2x2 /2", "10 FC"]


def test_maps_alike_are_one_stage_with_a_count():
    assert told(strip_of("INPUT(3, 8, 8) -> [CONV(8, 3x3, padding=1) -> RELU]*3 -> CONV(9, 1)"))[1:] == [
        "8x8 8 x3 conv 3x3",
        "8x8 9 conv 1x1",
    ]


def test_maps_that_shrink_from_copy_to_copy_are_all_drawn():
    sizes = [stage.size for stage in stages_of(strip_of("INPUT(3, 32, 32) -> [POOL(2)]*5").parts)]
    assert sizes == [(n, n) for n in (32, 16, 8, 4, 2, 1)]


def test_a_million_copies_are_one_stage():
    assert told(strip_of("INPUT(3, 32, 32) -> [CONV(3, 3x3, padding=1) -> RELU]*1_000_000 -> FC(10)")) == [
        "32x32 3 input",
        "32x32 3 x1,000,000 conv 3x3",
        "10 FC",
    ]


RESIDUAL = """
block unit(c) = ADD{ _, CONV(c, 3x3, padding=1) -> BN -> RELU -> CONV(c, 3x3, padding=1) -> BN } -> RELU
model M = INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> unit(16)*3 -> POOL(2) -> CONV(32, 1) -> unit(32)*2 -> FC(10)
"""


def test_a_block_with_branches_is_one_stage_with_its_name():
    assert told(strip_of(RESIDUAL)) == [
        "32x32 3 input",
        "32x32 16 conv 3x3",
        "32x32 16 x3 unit",
        "16x16 16 max pool/2x2 /2",
        "16x16 32 conv 1x1",
        "16x16 32 x2 unit",
        "10 FC",
    ]


def test_most_of_a_model_is_opened_as_lanes():
    (lanes,) = [part for part in find_strip(zoo_model("textcnn"), RenderOptions()).parts if isinstance(part, Lanes)]
    assert [len(row) for row in lanes.rows] == [2, 2, 2]


def test_what_passes_most_of_a_model_is_an_arc():
    strip = strip_of("INPUT(8, 16, 16) -> ADD{ _, [CONV(8, 3x3, padding=1) -> RELU -> CONV(8, 1)]*3 } -> RELU")
    assert [(skip.source, skip.level) for skip in strip.skips] == [(".input.input", None)]
    assert len(told(strip)) == 8


def test_two_inputs_are_two_lanes():
    tower = "CONV(8, 3x3) -> RELU -> POOL(2) -> FC(16)"
    strip = strip_of(f"CONCAT{{ left: INPUT(3, 34, 34) -> {tower}, right: INPUT(1, 18, 18) -> {tower} }} -> FC(2)")
    lanes = strip.parts[0]
    assert isinstance(lanes, Lanes)
    ends = [(row[0], row[-1]) for row in lanes.rows]
    assert all(isinstance(stage, Stage) for row in ends for stage in row)
    assert [stage.family for stage in stages_of(strip.parts)].count("input") == 2


def test_more_ways_than_fit_are_a_block():
    ways = ", ".join(f"CONV({c}, 1)" for c in range(1, 40))
    assert told(strip_of(f"INPUT(3, 8, 8) -> CONCAT{{ {ways} }} -> FC(2)"))[1:] == ["8x8 780 concat block", "2 FC"]


def test_ways_that_are_no_lanes_are_a_chain_with_arcs():
    unit = "CONV(8, 3x3, padding=1) -> MUL{ _, c }"
    strip = strip_of(f"INPUT(3, 32, 32) -> CONV(8, 1) -> MUL{{ _, c: INPUT(8, 1, 1) }} -> {unit} -> {unit} -> FC(3)")
    stages = list(stages_of(strip.parts))
    assert [stage.family for stage in stages].count("conv") == 2
    assert len(stages) == 6
    assert {skip.source for skip in strip.skips} > {".input.c"}


def test_a_u_has_levels_and_bridges():
    strip = find_strip(zoo_model("unet"), RenderOptions())
    assert sorted(skip.level for skip in strip.skips if skip.level is not None) == [0, 1, 2, 3]
    stages = list(stages_of(strip.parts))
    assert [strip.levels.get(stage.id, 0) for stage in stages] == [0, 0, 1, 2, 3, 4, 3, 3, 2, 2, 1, 1, 0, 0, 0]
    assert [stage.arrow for stage in stages if "pool" in stage.arrow] == ["max pool 2x2 /2"] * 4


def followed(parts: Iterable[Part], ends: list[str], found: set[tuple[str, str]]) -> list[str]:
    """Note which stage of a chain leads to which; returns those at its end."""
    for part in parts:
        if isinstance(part, Stage):
            found |= set() if part.root else {(end, part.id) for end in ends}
            ends = [part.id]
        else:
            ends = [end for row in part.rows for end in followed(row, ends, found)]
    return ends


def undrawn(model: Model) -> set[tuple[str, str]]:
    """What leads from one stage to another in the picture that the figure is read from, and not in the figure."""
    flow = Flow(draw(model, RenderOptions(expand=(EVERYTHING,))))
    reader = _Reader(flow)
    strip = reader.read()
    found = {(skip.source, skip.target) for skip in strip.skips}
    followed(strip.parts, [], found)
    stages = {stage.id for stage in stages_of(strip.parts)}
    pairs = {(reader.shown.get(edge.source), reader.shown.get(edge.target)) for edge in flow.diagram.edges}
    return {(a, b) for a, b in pairs if a in stages and b in stages and a != b} - found  # pyright: ignore


@pytest.mark.parametrize("name", zoo_models())
def test_every_way_of_the_zoo_is_drawn(name: str):
    assert not undrawn(zoo_model(name))


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_every_way_of_random_models_is_drawn(start: int):
    for seed in range(start, start + 50):
        source = Source("test.arch", program(random.Random(seed)))
        for model in check_source(source, importer=import_library).models:
            assert not undrawn(model.with_numbers), seed


@pytest.mark.parametrize(
    "text",
    [
        """
        INPUT(1, 45, 45) -> e: [CONV(4, 3x3) -> RELU] -> p: MAXPOOL(2, round="floor") -> CONV(4, 3x3, padding=1)
        -> UNPOOL(p) -> CONCAT(align="crop"){ _, e, e -> CROP(to=40), UPCONV(4, 3, stride=1) } -> CROP(to=33)
        """,
        "INPUT(3, 8, 8) -> CONCAT{ _, [a: CONV(8, 1x1) -> CONV(8, 1x1) -> CONCAT{ _, a, CONV(4, 1x1) }] } -> FC(2)",
        "INPUT(3, 8, 8) -> x: CONV(8, 1x1) -> y: CONV(8, 1x1) -> CONV(8, 1x1) -> ADD{ _, y, x } -> FC(2)",
    ],
)
def test_a_way_to_a_join_from_the_middle_of_a_lane_is_drawn(text: str):
    assert not undrawn(model_of(text))


def test_what_lies_between_a_pooling_and_its_unpooling_is_drawn():
    text = "INPUT(3, 64, 64) -> [CONV(8, 3x3, padding=1)]*4 -> p: MAXPOOL(2) -> CONV(8, 3x3, padding=1) -> UNPOOL(p) -> FC(2)"
    strip = strip_of(text)
    assert [line.split(" ", 2)[2] for line in told(strip)[2:5]] == [
        "max pool/2x2 /2",
        "conv 3x3",
        "max unpool/2x2 x2",
    ]
    assert [(skip.source, skip.target) for skip in strip.skips] == [("p", "unpool1")]


def test_lanes_below_a_bridge_stand_below_it():
    text = """
    INPUT(3, 64, 64) -> e: CONV(8, 3x3, padding=1) -> MAXPOOL(2) -> f: CONV(8, 3x3, padding=1)
    -> CONCAT{ [MAXPOOL(2) -> CONV(64, 3x3, padding=1) -> UPCONV(8, 2, stride=2)], AVGPOOL(3, stride=1, padding=1) }
    -> UPSAMPLE(scale_factor=2) -> CONCAT{ _, e } -> CONV(4, 1x1)
    """
    scene = make_scene(model_of(text), RenderOptions())
    found = {volume.stage.id: volume.top for volume in scene.volumes}
    assert all(found[name] > found["e"] for name in ("f", "conv3", "concat1"))


def test_further_outputs_stand_at_the_map_they_come_from():
    strip = find_strip(archlang.render("zoo:inception", "GoogLeNet", aux=True).model, RenderOptions())
    assert [side.training for side in strip.sides] == [True, True]
    assert {side.source for side in strip.sides} <= {stage.id for stage in stages_of(strip.parts)}


def test_each_output_hangs_on_the_layer_that_it_comes_from():
    text = (
        "INPUT(96) -> FC(64) -> RELU -> AUX{ early: FC(7) } -> [FC(64) -> RELU]*2 -> OUTPUT{ embedding: LN } -> FC(7)"
    )
    strip = strip_of(text)
    assert [stage.count for stage in stages_of(strip.parts)] == [1, 1, 2, 1]
    first, second = strip.sides
    assert (first.text, first.training, second.text, second.training) == ("early 7", True, "embedding 64", False)
    assert [stage.id for stage in stages_of(strip.parts)][1:3] == [first.source, second.source]
    check_places(make_scene(model_of(text)))


def test_many_outputs_of_one_map_have_room():
    sides = " -> ".join(f"OUTPUT{{ a_rather_long_name_{n}: FC({n}) }}" for n in range(1, 6))
    scene = make_scene(model_of(f"INPUT(3, 8, 8) -> CONV(2, 1) -> {sides} -> CONV(2, 3x3) -> FC(10)"))
    check_places(scene)
    assert sum(line.dashed for line in scene.lines) == 0


def test_free_sizes_are_drawn_as_numbers_and_said():
    scene = make_scene(model_of("INPUT(3, H, W) -> CONV(8, 3x3) -> POOL(2) -> AVGPOOL(to=1) -> FC(10)"))
    assert any("H" in text.text for text in scene.texts if text.muted)


@pytest.mark.parametrize("name", zoo_models())
def test_figures_of_the_zoo_fit_a_page(name: str):
    for model in check_target(f"zoo:{name}", Request()).models:
        strip = find_strip(model, RenderOptions())
        assert 0 < len(list(stages_of(strip.parts))) <= 40, model.name


@pytest.mark.parametrize("name", zoo_models())
def test_every_stage_is_the_shape_of_a_layer(name: str):
    model = zoo_model(name)
    shapes = {shape for flat in flatten(model) for shape in flat.layer.outputs} | {i.shape for i in model.inputs}
    for stage in stages_of(find_strip(model, RenderOptions()).parts):
        assert {(stage.channels, *stage.size), (*stage.size, stage.channels)} & shapes, stage


# ---- places


def check_places(scene: Scene) -> None:
    """Everything lies on the page, and no two texts or volumes lie on each other."""
    texts = [text.box for text in scene.texts]
    solids = [(v.x, v.top, v.x + v.width - v.depth, v.top + v.height) for v in scene.volumes]
    points = [point for volume in scene.volumes for slab in slabs_of(volume) for face in slab for point in face]
    points += [point for line in scene.lines for point in line.points]
    points += [point for left, top, right, bottom in texts for point in ((left, top), (right, bottom))]
    assert all(-0.1 <= x <= scene.width + 0.1 and -0.1 <= y <= scene.height + 0.1 for x, y in points)
    for one, other in combinations([*texts, *solids], 2):
        assert not overlap(one, other), (one, other, [t.text for t in scene.texts if t.box in (one, other)])


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    slack = 0.5
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide > slack and high > slack


@pytest.mark.parametrize("name", zoo_models())
def test_texts_and_volumes_of_the_zoo_do_not_overlap(name: str):
    for model in check_target(f"zoo:{name}", Request()).models:
        check_places(make_scene(model))


@pytest.mark.parametrize("name", zoo_models())
def test_larger_maps_are_higher_and_more_channels_thicker(name: str):
    maps = [v for v in make_scene(zoo_model(name)).volumes if len(v.stage.size) == 2]
    for one, other in combinations(maps, 2):
        if one.stage.size[0] <= other.stage.size[0]:
            assert one.height <= other.height + 1e-6
        if one.stage.channels <= other.stage.channels:
            assert one.thickness <= other.thickness + 1e-6


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=12))
def test_scales_grow_and_keep_to_their_bounds(sizes: list[int]):
    scale = fitting_scale(sizes, 150, 7)
    lengths = [scale.length(size) for size in sorted(sizes)]
    assert lengths == sorted(lengths)
    assert lengths[0] >= 7 - 1e-9
    assert lengths[-1] <= 150 + 1e-9
    if scale.kind == "linear" and max(sizes) > 1:
        assert all(abs(scale.length(n) - 150 * n / max(sizes)) < 1e-6 for n in sizes if n > 1)


LAYERS = st.sampled_from([
    "CONV({c}, 3x3, padding=1)", "CONV({c}, 1)", "RELU", "BN", "POOL(2)", "[CONV({c}, 3x3, padding=1) -> RELU]*4",
    "[CONV({c}, 1) -> RELU]*5_000", "ADD{{ _, BN -> RELU }}", "CONCAT{{ CONV({c}, 1), RELU -> CONV(3, 1) }}",
    "part{n}: [CONV({c}, 3x3, padding=1) -> RELU]", "MUL{{ _, AVGPOOL(to=1) -> CONV({c}, 1) -> CONV({c}, 1) }}",
    "CONCAT{{ _, POOL(2) -> CONV({c}, 1) -> UPCONV({c}, 2, stride=2) }}",
])  # fmt: skip


@given(st.lists(st.tuples(LAYERS, st.integers(1, 700)), min_size=1, max_size=9), st.booleans())
def test_random_chains_have_their_places(layers: list[tuple[str, int]], vector: bool):
    chain = [layer.format(c=c, n=n) for n, (layer, c) in enumerate(layers)]
    text = " -> ".join(["INPUT(3, 64, 64)", *chain, *(["FC(10)"] if vector else [])])
    for model in check_source(Source("test.arch", text)).models:
        scene = make_scene(model)
        check_places(scene)
        ET.fromstring(write_svg(model))
        check_tex(write_tikz(model))
        assert len(scene.volumes) == len({volume.stage.id for volume in scene.volumes})


def test_what_stands_on_a_bridge_has_room():
    text = """
    INPUT(1, 8, 17) -> AVGPOOL(to=3)
      -> ADD{ [AVGPOOL(1, round="ceil")], AVGPOOL(3, stride=1, round="ceil") -> AVGPOOL(to=3) } -> FC(3)
    """
    scene = make_scene(model_of(text))
    assert "avg pool 1x1" in [text.text for text in scene.texts]
    assert any(line.role == "skip" for line in scene.lines)
    check_places(scene)


def layout_text(scene: Scene) -> str:
    """Where everything stands, in lines that a person can compare."""
    lines = [f"{scene.title}: {scene.about}; {scene.width:.0f} x {scene.height:.0f}"]
    for volume in scene.volumes:
        stage, place = volume.stage, f"{volume.x:.0f},{volume.top:.0f}"
        box = f"{volume.thickness:.1f} x {volume.height:.1f} x {volume.depth:.1f}"
        lines.append(
            f"{place}  {box}  slabs {volume.slabs}  {stage.size_text or '-'}  {stage.channels_text}  {stage.family}"
        )
    lines += [f"{line.role} {' '.join(f'{x:.0f},{y:.0f}' for x, y in line.points)}" for line in scene.lines]
    lines += [f"kernel {kernel.target[0]:.0f},{kernel.target[1]:.0f}" for kernel in scene.kernels]
    lines += [f"text {text.x:.0f},{text.y:.0f} {text.text}" for text in scene.texts]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", ["alexnet", "unet", "textcnn"])
def test_layouts(name: str, golden: Callable[[str, str], None]):
    golden(f"volumes/{name}.txt", layout_text(make_scene(zoo_model(name))))


# ---- writers


def check_tex(text: str) -> None:
    """Braces and environments are balanced, and no character of TeX's own is left as it was."""
    bare = re.sub(r"\\[\\{}$&#%_]", "", text)
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    assert text.count(r"\begin{") == text.count(r"\end{")
    body = bare.split(r"\begin{tikzpicture}")[1]
    assert not set(body) & set("#%&_^~")
    assert body.count("$") % 2 == 0
    commands = {r"\path", r"\draw", r"\node", r"\fill", r"\end"}
    lines = [line for line in body.splitlines()[2:] if line]
    assert all(line.split("[")[0].split("{")[0] in commands for line in lines)
    assert all(line.endswith(";") or line.startswith(r"\end") for line in lines)
    defined = set(re.findall(r"\\definecolor\{(c\d+)\}", text))
    assert defined >= set(re.findall(r"\b(c\d+)\b", body))


@pytest.mark.parametrize("label", ['<b>&"', "%$#_^~", "x^2_3 {}", "]]>", "'`|<>", "a&amp;b", "日本語のラベル", "-->"])
def test_hostile_labels_are_escaped(label: str):
    from archlang.backends.volumes.layout import lay_out
    from archlang.backends.volumes.svg import svg_text

    strip = strip_of("INPUT(3, 8, 8) -> CONV(8, 1) -> FC(10)")
    stages = tuple(replace(stage, name=label) for stage in stages_of(strip.parts))
    scene = lay_out(replace(strip, parts=stages, name=label), RenderOptions())
    root = ET.fromstring(svg_text(scene, RenderOptions()))
    assert [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")].count(label) == 3
    assert root.findtext("{http://www.w3.org/2000/svg}title") == label
    check_tex(tikz_text(scene, RenderOptions()))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with TikZ")
def test_latex_makes_one_page_of_it(tmp_path: Path):
    model = model_of("model M = INPUT(3, 32, 32) -> a_b: [CONV(8, 3) -> RELU]*2 -> POOL(2) -> FC(10)")
    scene = make_scene(model)
    told = replace(scene, texts=(*scene.texts, replace(scene.texts[0], text=string.printable.strip())))
    (tmp_path / "figure.tex").write_text(tikz_text(told, RenderOptions()))
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "figure.tex"]
    log = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60).stdout
    assert "(1 page," in log, log
    assert "Missing character" not in log


@pytest.mark.parametrize("theme", ["light", "dark", "print", "colorblind"])
def test_the_same_model_gives_the_same_bytes(theme: str):
    options = read_options(style="volumes", theme=theme)
    first, second = (write_svg(zoo_model("lenet"), options) for _ in range(2))
    assert first == second
    assert write_tikz(zoo_model("lenet"), options) == write_tikz(zoo_model("lenet"), options)


def test_the_element_has_a_view_box_and_says_what_it_shows():
    root = ET.fromstring(write_svg(zoo_model("alexnet")))
    width, height = root.get("width", ""), root.get("height", "")
    assert root.get("viewBox") == f"0 0 {width.removesuffix('pt')} {height.removesuffix('pt')}"
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "AlexNet"
    assert "224x224" in (root.findtext("{http://www.w3.org/2000/svg}desc") or "")


def test_pictures_are_saved_in_each_format(tmp_path: Path):
    picture = archlang.render("zoo:lenet", style="volumes")
    for ending in ("svg", "tex"):
        picture.save(tmp_path / f"lenet.{ending}")
    assert (tmp_path / "lenet.svg").read_text() == picture.svg()
    assert (tmp_path / "lenet.tex").read_text() == picture.tikz() == archlang.render("zoo:lenet").tikz()
    with pytest.raises(archlang.ArchitectureError, match=r"no \.dot"):
        picture.dot()
    with pytest.raises(archlang.ArchitectureError, match=r"no \.mmd"):
        picture.mermaid()
    with pytest.raises(archlang.ArchitectureError, match="--merge"):
        archlang.render("zoo:lenet", style="volumes", merge=True).svg()


def test_png_and_pdf_are_made_of_the_svg(tmp_path: Path):
    pytest.importorskip("resvg_py")
    pytest.importorskip("typst")
    picture = archlang.render("zoo:lenet", style="volumes")
    for ending, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        picture.save(tmp_path / f"lenet.{ending}")
        assert (tmp_path / f"lenet.{ending}").read_bytes().startswith(start)


def test_models_with_errors_are_drawn_as_far_as_they_go():
    text = "model Net = INPUT(3, 32, 32) -> CONV(16, 3x3) -> POOL(7) -> FC(10)"
    outcome = check_source(Source("net.arch", text), None, choose_one=True)
    scene = make_scene(outcome.partial[0])
    check_places(scene)
    assert [volume.stage.family for volume in scene.volumes] == ["input", "conv", "error"]


def test_ways_to_a_join_that_fails_are_drawn():
    text = "model Net = INPUT(3, 32, 32) -> CONV(8, 1) -> ADD{ CONV(8, 3x3), CONV(9, 1) } -> FC(10)"
    outcome = check_source(Source("net.arch", text), None, choose_one=True)
    scene = make_scene(outcome.partial[0])
    check_places(scene)
    assert "error" in {volume.stage.family for volume in scene.volumes}
