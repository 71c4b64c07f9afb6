"""The HTML page without a browser: what it holds, that it is one file, and that names in it are never markup."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archlang
from archlang.api import check, checks
from archlang.backends.html import records
from archlang.backends.html.page import page_data, write_html
from archlang.backends.html.scenes import scenes
from archlang.backends.render_options import RenderOptions, read_options
from archlang.diagnostics import Diagnosed
from archlang.diagnostics.text import printable
from archlang.ir.graph import Model, Node, Repeat
from archlang.ir.paths import Place, require_place
from archlang.ir.receptive import output_field
from archlang.ir.sources import flat_spots
from archlang.ir.walk import flatten
from archlang.report.layer import explanation
from archlang.report.rows import table_rows, walk_rows

Data = dict[str, Any]

ZOO = ("resnet", "alexnet", "unet", "inception", "vit", "textcnn", "shufflenet")
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "'\u201c`${alert(1)}",
    "{{data}}",
    "\u65e5\u672c",
)


PLAIN = "block b(c) = CONV(c, 3x3, padding=1) -> RELU\nmodel M = INPUT(3, 8, 8) -> a: b(4) -> [b(4)]*3 -> FC(10)"


def model_of(text: str) -> Model:
    report = checks(text)
    assert report.ok, str(report)
    return report.models[-1]


class Page(HTMLParser):
    """Elements with their attributes, and the text in each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.inside][-1] += data

    @property
    def data(self) -> Data:
        return json.loads(self.texts["script"][0])


# ---- one file --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def resnet() -> str:
    return archlang.render("zoo:resnet", "ResNet152").html()


def test_the_same_model_gives_the_same_bytes(resnet: str):
    assert resnet.isascii()
    assert archlang.render("zoo:resnet", "ResNet152").html() == resnet


def test_nothing_is_fetched(resnet: str):
    assert set(re.findall(r"https?://[^\"'\s<)]*", resnet)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|import|eval|innerHTML|document\.write)\b\s*[(=]", resnet)
    assert all(not {"src", "href", "style"} & set(attributes) for _, attributes in Page(resnet).tags)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", resnet))


def test_the_policy_lets_the_own_script_and_style_in_and_nothing_else(resnet: str):
    page = Page(resnet)
    policy = next(
        attributes["content"] for tag, attributes in page.tags if "content" in attributes and "http-equiv" in attributes
    )
    hashes = [
        b64encode(sha256(text.encode()).digest()).decode() for text in (page.texts["style"][0], page.texts["script"][1])
    ]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; base-uri 'none'"
    )


def test_a_network_of_152_layers_is_a_small_page(resnet: str):
    assert len(resnet) < 400_000


def test_save_writes_what_html_gives(tmp_path: Path):
    picture = archlang.render("zoo:alexnet")
    picture.save(tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == picture.html()


# ---- what it holds ---------------------------------------------------------------------------------


def name_text(name: list[Any] | None, starts: dict[str, int]) -> str:
    assert name is not None
    base, index = name
    if index is None:
        return base
    number = starts.get(base, 0) + index
    return f"{base}{number + 1}" if base else str(number)


def behind(starts: dict[str, int], names: dict[str, int], count: int) -> dict[str, int]:
    return {**starts, **{base: starts.get(base, 0) + taken * count for base, taken in names.items()}}


Layers = dict[str, tuple[str, ...]]


def layers_of(data: Data) -> list[tuple[str, tuple[str, ...]]]:
    """All copies of layers that the page's data stand for, with the layers or inputs that they read."""
    found: list[tuple[str, tuple[str, ...]]] = []

    def body(number: int, prefix: str, starts: dict[str, int], given: list[str]) -> list[str]:
        made: list[list[str]] = []

        def value(wire: list[Any]) -> str:
            return given[wire[1]] if wire[0] < 0 else made[wire[0]][wire[1]]

        for item in data["bodies"][str(number)]["items"]:
            read = [value(wire) for wire in item["in"]]
            if "groups" in item:
                made.append(copies(item, prefix, starts, read))
            elif "body" in item:
                made.append(body(item["body"], f"{prefix}{name_text(item['name'], starts)}.", {}, read))
            else:
                path = prefix + name_text(item["name"], starts)
                found.append((path, tuple(read)))
                made.append([path] * len(item["out"]))
        return [value(wire) for wire in data["bodies"][str(number)]["outs"]]

    def copies(item: Data, prefix: str, starts: dict[str, int], given: list[str]) -> list[str]:
        now = behind(starts, item["starts"], 1)
        for run in item["runs"]:
            inner = data["bodies"].get(str(run["body"]))
            for _ in range(run["count"]):
                given = [*body(run["body"], prefix, now, given)[:1], *given[1:]]
                now = behind(now, inner["names"], 1)
        return given[:1]

    body(data["root"], "", {}, [given["name"] for given in data["inputs"]])
    return found


@pytest.mark.parametrize("name", ZOO)
def test_every_copy_of_every_layer_follows_from_the_data(name: str):
    model = check(f"zoo:{name}").models[0]
    given = [{"name": given.name} for given in model.inputs]
    data = {"root": len(model.bodies) - 1, "inputs": given, "bodies": scenes(model, RenderOptions())}
    expected = [(flat.path, spot.sources) for flat, spot in zip(flatten(model), flat_spots(model), strict=True)]
    assert layers_of(data) == expected


def all_rows(rows: list[Data]) -> Iterator[Data]:
    for row in rows:
        yield row
        yield from all_rows(row.get("rows", []))


@pytest.mark.parametrize("name", ("resnet", "alexnet", "vit"))
def test_the_table_is_that_of_the_report_and_each_row_has_its_place(name: str):
    model = check(f"zoo:{name}").models[0]
    data = page_data(model, RenderOptions())
    rows = list(all_rows(data["table"]["rows"]))
    assert [row["path"] for row in rows] == [row.path for row, _ in walk_rows(table_rows(model))]
    for row in rows:
        *_, (body, index, *_) = [step.split(".") for step in row["key"].split("/")]
        assert body == "input" or any(item["i"] == int(index) for item in data["bodies"][body]["items"])
    assert len({row["key"] for row in rows}) == len(rows)


def test_a_layer_is_explained_as_by_archc_explain():
    model = check("zoo:squeezenet").models[0]
    data = page_data(model, RenderOptions())
    told = {row["path"]: row["about"] for row in all_rows(data["table"]["rows"]) if "about" in row}
    for flat in flatten(model):
        assert told[flat.path] == explanation(model, flat.path).rstrip()


def test_what_is_seen_of_the_input_stands_in_each_row():
    rows = page_data(check("zoo:alexnet").models[0], RenderOptions())["table"]["rows"]
    seen = {row["path"]: row.get("sees") for row in all_rows(rows)}
    assert seen["features.0"] == {"input": [[11, 11], [4, 4]]}
    assert seen["features.3"] == {"input": [[51, 51], [8, 8]]}
    assert seen["classifier.6"] == {"input": [[None, None], [None, None]]}


@pytest.mark.parametrize("name", ["resnet", "vgg", "textcnn"])
def test_further_copies_see_more_by_as_much_as_is_written(name: str):
    assert_copies_see(check(f"zoo:{name}").models[0])


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(3, 64, 64) -> [[CONV(3, 3x3, padding=1)]*3 -> ADD{_, CONV(3, 5x5, padding=2)}]*4 -> FC(2)",
        "INPUT(3, 64, 64) -> POOL(2) -> [CONV(3, 3x3, padding=1, dilation=1) -> SOFTMAX(dim=1)]*9",
        "INPUT(4, 9) -> [LN -> RELU]*3",
    ],
)
def test_copies_of_copies_see_more_too(text: str):
    assert_copies_see(model_of(f"model M = {text}"))


def assert_copies_see(model: Model) -> None:
    """What is written for further copies is what the walk through the network finds for each."""
    rows = {row["key"]: row for row in all_rows(page_data(model, RenderOptions())["table"]["rows"])}
    compared = 0
    for flat in flatten(model):
        place = require_place(model, flat.path)
        key = key_of(model, place)
        row = rows.get(key) or rows.get(re.sub(r"(\d+\.\d+\.\d+)\.\d+/", r"\1.0/", key))
        if row is None or row["key"] == key or "grows" not in row:
            continue
        copies = [step.copy for step in place.steps]
        for input_name, field in output_field(place).items():
            start = int(len(field.sizes) > 1)
            more = [(copies[int(level)], grown[input_name]) for level, grown in row["grows"].items()]
            grown = [
                size if size is None else size + sum(count * (sizes[axis] or 0) for count, sizes in more)
                for axis, size in enumerate(row["sees"][input_name][0])
            ]
            assert grown == list(field.sizes[start:]), flat.path
            compared += 1
    assert compared or not any("*" in key for key in rows)


def key_of(model: Model, place: Place) -> str:
    parts: list[str] = []
    for step in place.steps:
        repeat = isinstance(model.bodies[step.body].nodes[step.index], Repeat)
        parts.append(f"{step.body}.{step.index}" + (f".{step.run}.{step.copy}" if repeat else ""))
    return "/".join(parts)


def test_explanations_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "MOST_EXPLAINED", 5)
    rows = page_data(check("zoo:alexnet").models[0], RenderOptions())["table"]["rows"]
    assert sum("about" in row for row in all_rows(rows)) == 5


def test_a_million_copies_are_written_once():
    two, million = (
        page_data(model_of(f"model M = INPUT(3, 32, 32) -> [CONV -> RELU -> CONV]*{count} -> FC(10)"), RenderOptions())
        for count in ("2", "1_000_000")
    )
    assert len(json.dumps(million)) - len(json.dumps(two)) < 1000  # longer numbers, and what each copy adds
    repeat = million["bodies"][str(million["root"])]["items"][0]
    assert [group["count"] for group in repeat["groups"]] == [1_000_000]


def test_options_reach_the_page():
    model = check("zoo:alexnet").models[0]
    data = page_data(model, read_options("features", 2, "LR", "name,type,parameters", "dark", True, False))
    assert data["options"] == {"across": True, "depth": 2, "expand": ["features"], "legend": False, "shapes": False}
    lines = [item["lines"] for item in data["bodies"]["0"]["items"]]
    assert lines[0] == ["Conv2d + ReLU", "884,992 params"]
    assert data["bodies"]["0"]["items"][0]["also"] == [1]
    assert 'data-wanted="dark"' in write_html(model, RenderOptions(theme="dark"))


def test_unknown_paths_to_expand_are_errors():
    with pytest.raises(Diagnosed, match="featurs"):
        write_html(check("zoo:alexnet").models[0], RenderOptions(expand=("featurs",)))


def test_more_boxes_than_can_be_drawn_are_an_error():
    with pytest.raises(Diagnosed, match="2,000 boxes"):
        write_html(model_of("model M = INPUT(3, 8, 8)" + " -> RELU" * 2001))


def test_failed_layers_stand_where_they_failed():
    report = checks("model M = INPUT(3, 8, 8) -> CONV(4, 3x3) -> head: CONV(5, 20x20) -> FC(10)")
    (model,) = report.partial
    data = page_data(model, RenderOptions())
    (failed,) = [item for item in data["bodies"][str(data["root"])]["items"] if item["family"] == "error"]
    assert failed["lines"][0] == "head: CONV"
    assert failed["in"] == [[0, 0, "4x6x6"]]
    assert data["outputs"] == []


@pytest.mark.parametrize(
    "part", ["head: [RELU -> CONV(5, 20x20)]", "[RELU -> CONV(5, 20x20)]*3", "b", "ADD{ _, [b -> RELU] }"]
)
def test_parts_that_fail_are_explained_as_far_as_they_go(part: str):
    text = f"block b = RELU -> CONV(5, 20x20)\nmodel M = INPUT(3, 8, 8) -> CONV(4, 3x3) -> {part} -> FC(10)"
    (model,) = checks(text).partial
    rows = list(all_rows(page_data(model, RenderOptions())["table"]["rows"]))
    assert any("Conv2d 3x3" in row.get("about", "") for row in rows)
    assert any("ReLU" in row.get("about", "") for row in rows)


def test_sizes_left_free_are_formulas():
    (model,) = check("zoo:alexnet", input=(3, "H", "W")).models
    data = page_data(model, RenderOptions())
    assert data["inputs"] == [{"name": "input", "shape": "3xHxW", "sizes": None}]
    abouts = [row.get("about", "") for row in all_rows(data["table"]["rows"])]
    assert any("Conv2d 11x11" in about for about in abouts)


# ---- hostile names ---------------------------------------------------------------------------------


def renamed(name: str, text: str = PLAIN) -> Model:
    """A model with this name for all that has one, as a model read from JSON can have."""
    model = model_of(text)
    origin = replace(model.origin, file=name)

    def node(old: Node) -> Node:
        if isinstance(old, Repeat):
            return replace(old, origin=origin)
        label = replace(old.name, base=name) if old.name and old.name.index is None else old.name
        return replace(old, name=label, origin=origin)  # pyright: ignore[reportArgumentType]

    bodies = tuple(
        replace(
            body,
            definition=body.definition and name,
            nodes=tuple(node(old) for old in body.nodes),
            arguments=tuple(replace(argument, name=name, value=name) for argument in body.arguments),
        )
        for body in model.bodies
    )
    inputs = tuple(replace(given, name=name) for given in model.inputs)
    return replace(model, name=name, bodies=bodies, inputs=inputs, origin=origin)


@given(st.sampled_from(HOSTILE) | st.text(max_size=12))
def test_names_are_never_markup(name: str):
    page, plain = write_html(renamed(name)), write_html(model_of(PLAIN))
    assert page.isascii()
    assert [tag for tag, _ in Page(page).tags] == [tag for tag, _ in Page(plain).tags]
    assert page.lower().count("</script") == 2
    assert Page(page).data["name"] == printable(name)


def test_a_hostile_name_arrives_as_it_is():
    for name in HOSTILE:
        data = Page(write_html(renamed(name))).data
        item = next(item for item in data["bodies"][str(data["root"])]["items"] if item["family"] == "folded")
        assert item["name"] == [name, None]
        assert data["inputs"][0]["name"] == name
