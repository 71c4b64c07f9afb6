"""Mermaid text says what the picture says: read back here by a reader of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from archlang.backends.captions import box_lines, frame_lines
from archlang.backends.diagram import Box, Cluster, Diagram, Edge, Item
from archlang.backends.drawing import draw
from archlang.backends.mermaid import write_mermaid
from archlang.backends.render_options import RenderOptions, read_options
from archlang.backends.themes import PALETTES
from archlang.checking import Request, check_source
from archlang.reading import check_target
from archlang.source import Source

LABEL = r'"(?P<label>[^"]*)"'
NODE = re.compile(
    rf"(?P<id>n\d+)(\[{LABEL}\]|\(\({LABEL.replace('label', 'circle')}\)\)|\(\[{LABEL.replace('label', 'end')}\]\))"
)
FRAME = re.compile(rf"subgraph (?P<id>s\d+)\[{LABEL}\]")
EDGE = re.compile(rf"(?P<source>n\d+) -->(\|{LABEL}\|)? (?P<target>n\d+)")
COLOUR = re.compile(r"classDef (f\d+|scope|copies) fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}")


def plain(label: str | None) -> str:
    """A label without entities, its lines as lines."""
    text = (label or "").replace("<br>", "\n")
    assert not re.search(r'[<>&"`|]', text)
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text)


def read(text: str) -> tuple[list[object], list[tuple[str, str, str]], dict[str, str]]:
    """The tree of nodes' and frames' labels, the edges by labels' ids, and the label of each id."""
    first, *lines = text.splitlines()
    assert first in ("flowchart TB", "flowchart LR")
    stack: list[list[object]] = [[]]
    edges: list[tuple[str, str, str]] = []
    labels: dict[str, str] = {}
    for line in map(str.strip, lines):
        if found := FRAME.fullmatch(line):
            inner: list[object] = [plain(found["label"])]
            stack[-1].append(inner)
            stack.append(inner)
        elif line == "end":
            stack.pop()
        elif found := NODE.fullmatch(line):
            labels[found["id"]] = plain(found["label"] or found["circle"] or found["end"])
            stack[-1].append(labels[found["id"]])
        elif found := EDGE.fullmatch(line):
            edges.append((found["source"], found["target"], plain(found["label"])))
        else:
            known = r"direction (TB|LR)|class ([n\d,]+ (f\d+|training)|[s\d,]+ (scope|copies))|classDef training stroke-dasharray:4"
            assert COLOUR.fullmatch(line) or re.fullmatch(known, line), line
    assert len(stack) == 1
    return stack[0], edges, labels


def expected(items: tuple[Item, ...], options: RenderOptions) -> Iterator[object]:
    for item in items:
        if isinstance(item, Box):
            yield "\n".join(box_lines(item, options))
        else:
            yield ["\n".join(frame_lines(item, options)), *expected(item.items, options)]


@pytest.mark.parametrize("name", ["alexnet", "resnet", "inception", "unet", "vit", "coordconv"])
@pytest.mark.parametrize(
    "options", [RenderOptions(), read_options(show="type,macs,parameters", theme="dark", merge=True)]
)
def test_text_says_what_the_picture_says(name: str, options: RenderOptions):
    diagram = draw(check_target(f"zoo:{name}", Request()).models[0], options)
    tree, edges, labels = read(write_mermaid(diagram, options))
    assert tree == list(expected((*diagram.items, *diagram.insets), options))
    ids = dict(zip((box.id for box in diagram.boxes), labels, strict=True))
    shown = [edge.text if options.shows("shape") else "" for edge in diagram.edges]
    ends = [(ids[edge.source], ids[edge.target]) for edge in diagram.edges]
    assert edges == [(*pair, text) for pair, text in zip(ends, shown, strict=True)]


NASTY = [
    '"',
    "`code`",
    "end",
    "<b>",
    "#35;",
    "a|b",
    "a[b]",
    "]]",
    "%%{init}%%",
    "&amp;",
    "\\n",
    "x;y",
    "naïve 漢字",
    "{{",
    "-->",
    "click",
]


@pytest.mark.parametrize("text", NASTY)
def test_any_text_is_a_label(text: str):
    box = Box("x", text, "", "conv", text)
    frame = Cluster("frame", (box,), text, "", 2)
    diagram = Diagram(text, (Box("in", text, "", "input"), frame), (Edge("in", "x", (1, 2), (1, 2), (1, 2)),))
    tree, edges, _ = read(write_mermaid(diagram))
    assert tree == [text, [f"{text}  x2", f"{text}: {text}"]]
    assert edges == [("n0", "n1", "1x2")]


def test_what_does_not_print_is_spelled_out():
    (label,), _, _ = read(write_mermaid(Diagram("M", (Box("x", "a\nb\x1b\u202e", "", "conv"),), ())))
    assert label == "a\\nb\\x1b\\u202e"


def test_direction_and_training_parts():
    text = "model M = INPUT(3, 8, 8) -> CONV(4, 1) -> AUX{ side: FC(2) } -> FC(3)"
    (model,) = check_source(Source("test.arch", text)).models
    options = read_options(direction="lr")
    written = write_mermaid(draw(model, options), options)
    assert written.startswith("flowchart LR\n")
    assert "stroke-dasharray" in written


def test_frames_have_the_colours_of_the_theme():
    palette, lines = (
        PALETTES["dark"],
        write_mermaid(
            draw(check_target("zoo:vgg", Request("VGG16")).models[0]), read_options(theme="dark")
        ).splitlines(),
    )
    assert f"  classDef scope fill:{palette.scope.fill},stroke:{palette.scope.line},color:{palette.text}" in lines
    assert "  class s0,s6 scope" in lines
    assert "  class s1,s2,s3,s4,s5,s7 copies" in lines
