"""Pictures as a reader sees them: no text on a box, no box on another, no line through a box."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import pytest

from archlang import resources
from archlang.backends.drawing import draw
from archlang.backends.graphviz import write_dot
from archlang.backends.pictures import write_svg
from archlang.backends.render_options import read_options
from archlang.checking import Request
from archlang.reading import check_target
from archlang.records import record

SVG = "{http://www.w3.org/2000/svg}"
LETTER = 5.4
"""Units that a small letter is wide, at least; shapes are drawn in them."""

EDGE = 2
"""Units at the border of a box that a line may touch."""

Point = tuple[float, float]
Area = tuple[float, float, float, float]


@record
class Seen:
    """What stands where: boxes, the shapes on the lines, the lines as points."""

    boxes: dict[str, Area]
    texts: dict[str, Area]
    lines: dict[str, list[Point]]


def points(path: str) -> list[Point]:
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def curve(path: str) -> list[Point]:
    """A line of cubic pieces as points on it."""
    corners = points(path)
    found: list[Point] = []
    for start in range(0, len(corners) - 3, 3):
        a, b, c, d = corners[start : start + 4]
        for step in range(21):
            t, u = step / 20, 1 - step / 20
            weights = u**3, 3 * u * u * t, 3 * u * t * t, t**3
            found.append(
                (
                    sum(w * p[0] for w, p in zip(weights, (a, b, c, d), strict=True)),
                    sum(w * p[1] for w, p in zip(weights, (a, b, c, d), strict=True)),
                )
            )
    return found


def look(svg: str) -> Seen:
    seen = Seen({}, {}, {})
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        kind, name, path = group.get("class", ""), group.findtext(f"{SVG}title", ""), group.find(f"{SVG}path")
        if path is None:
            continue
        if kind.startswith("node"):
            across, down = zip(*points(path.get("d", "")), strict=True)
            seen.boxes[name] = min(across), min(down), max(across), max(down)
        elif kind == "edge":
            seen.lines[name] = curve(path.get("d", ""))
            text = group.find(f"{SVG}text")
            if text is not None and text.text:
                half = len(text.text.strip()) * LETTER / 2
                x, y = float(text.get("x", "")), float(text.get("y", ""))
                seen.texts[name] = x - half, y - 7, x + half, y
    return seen


def meet(first: Area, second: Area) -> bool:
    apart = first[2] <= second[0] or second[2] <= first[0]
    return not (apart or first[3] <= second[1] or second[3] <= first[1])


def within(point: Point, area: Area) -> bool:
    return area[0] + EDGE < point[0] < area[2] - EDGE and area[1] + EDGE < point[1] < area[3] - EDGE


@pytest.mark.parametrize("name", [path.stem for path in resources.zoo_files()])
def test_nothing_lies_on_anything_else(name: str):
    for model in check_target(f"zoo:{name}", Request()).models:
        seen = look(write_svg(write_dot(draw(model))))
        assert not [pair for pair in combinations(seen.boxes, 2) if meet(*(seen.boxes[box] for box in pair))]
        assert not [(text, box) for text in seen.texts for box in seen.boxes if meet(seen.texts[text], seen.boxes[box])]
        assert not [pair for pair in combinations(seen.texts, 2) if meet(*(seen.texts[text] for text in pair))]
        for line, way in seen.lines.items():
            assert not [box for box, area in seen.boxes.items() if any(within(point, area) for point in way)], line


@pytest.mark.parametrize(
    "options", [{"direction": "LR"}, {"merge": True}, {"show": "name,type,kernel,parameters,macs"}]
)
def test_options_keep_boxes_apart(options: dict[str, object]):
    for name in ("lenet", "resnet", "unet", "inception"):
        model = check_target(f"zoo:{name}", Request()).models[0]
        chosen = read_options(**options)  # pyright: ignore[reportArgumentType]
        seen = look(write_svg(write_dot(draw(model, chosen), chosen)))
        assert not [pair for pair in combinations(seen.boxes, 2) if meet(*(seen.boxes[box] for box in pair))]
        assert not [(text, box) for text in seen.texts for box in seen.boxes if meet(seen.texts[text], seen.boxes[box])]
