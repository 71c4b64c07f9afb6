"""Comparisons of models: what belongs together, what changed, and when two texts are the same network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from work import at_most

import archlang
from archlang.cli import main
from archlang.cli.diff import split_target
from archlang.ir.budget import Plan, memory_of
from archlang.ir.fingerprint import Digest, fingerprint
from archlang.ir.graph import Model
from archlang.ir.sources import flat_spots
from archlang.ir.walk import flatten, fold_totals
from archlang.report.changes import MIRRORED, Change, compare
from archlang.report.columns import View
from archlang.report.diff import diff_dict, diff_markdown, diff_text


def model_of(text: str, **bindings: object) -> Model:
    report = archlang.checks(text, **bindings)
    assert report.ok, report
    return report.models[0]


def changed(old: str, new: str) -> list[tuple[str, str | None, str | None, tuple[str, ...]]]:
    """The rows that differ, flat: mark, path of either, notes."""
    return flat(compare(model_of(old), model_of(new)).changes)


def flat(changes: Sequence[Change]) -> list[tuple[str, str | None, str | None, tuple[str, ...]]]:
    found: list[tuple[str, str | None, str | None, tuple[str, ...]]] = []
    for change in changes:
        if change.mark != "=":
            paths = (row.path if row else None for row in (change.old, change.new))
            found += [(change.mark, *paths, change.notes), *flat(change.children)]
    return found


# ---- random networks: nested parts whose layers keep the size of the map

LAYERS = st.sampled_from(
    [
        "CONV(4, 3x3, padding=1)",
        "CONV(4, 1)",
        "CONV(4, 5x5, padding=2, bias=false)",
        "RELU",
        "BN",
        "TANH",
        "DROPOUT(0.2)",
    ]
)
Part = Any
PARTS: st.SearchStrategy[list[Part]] = st.recursive(
    st.lists(LAYERS, min_size=1, max_size=4),
    lambda inner: st.lists(
        st.one_of(
            LAYERS,
            st.tuples(st.just("group"), inner),
            st.tuples(st.just("label"), inner),
            st.tuples(st.integers(1, 3), inner),
            st.tuples(st.just("ADD"), inner),
        ),
        min_size=1,
        max_size=3,
    ),
    max_leaves=8,
)


def written(parts: list[Part], fold: bool) -> str:
    """As text: with groups, labels and repeats, or with all of these written out."""
    labels = iter(f"part{number}" for number in range(1000))

    def text(parts: list[Part]) -> str:
        return " -> ".join(one(part) for part in parts)

    def one(part: Part) -> str:
        match part:
            case str():
                return part
            case ("ADD", inner):
                return f"ADD{{ {text(inner)}, _ }}"
            case (int() as count, inner):
                return f"[{text(inner)}]*{count}" if fold else " -> ".join([text(inner)] * count)
            case ("label", inner):
                return f"{next(labels)}: [{text(inner)}]" if fold and not repeated(parts) else text(inner)
            case (_, inner):
                return f"[{text(inner)}]" if fold else text(inner)
            case _:
                raise AssertionError(part)

    return f"INPUT(4, 6, 6) -> {text(parts)}"


def repeated(parts: list[Part]) -> bool:
    """Labels cannot stand in copies; they are left out wherever there is a repeat."""
    return any(isinstance(part, tuple) and (isinstance(part[0], int) or repeated(part[1])) for part in parts)


def witness(model: Model) -> list[Any]:
    """The network copy by copy: each layer with the positions of those that it reads."""
    rows = list(zip(flatten(model), flat_spots(model), strict=True))
    places = {given.name: -1 - index for index, given in enumerate(model.inputs)}
    found: list[Any] = []
    for index, (layer, spot) in enumerate(rows):
        found.append((repr(layer.layer.op), layer.layer.outputs, [places[name] for name in spot.sources]))
        places[layer.path] = index
    return found


@given(PARTS)
def test_layout_makes_no_difference_to_the_fingerprint(parts: list[Part]) -> None:
    folded, expanded = model_of(written(parts, True)), model_of(written(parts, False))
    assert witness(folded) == witness(expanded)
    assert fingerprint(folded) == fingerprint(expanded)
    assert compare(folded, expanded).same


@given(PARTS, PARTS)
def test_fingerprints_agree_with_networks_compared_copy_by_copy(one: list[Part], other: list[Part]) -> None:
    a, b = model_of(written(one, True)), model_of(written(other, True))
    assert (fingerprint(a) == fingerprint(b)) == (witness(a) == witness(b))


@given(PARTS)
def test_nothing_differs_from_itself(parts: list[Part]) -> None:
    model = model_of(written(parts, True))
    found = compare(model, model_of("# elsewhere\n" + written(parts, True)))
    assert found.same and not found.renamed and flat(found.changes) == []
    assert diff_text(found).endswith("The networks are the same.")


@given(PARTS, PARTS)
def test_the_other_way_round_is_the_mirror(one: list[Part], other: list[Part]) -> None:
    a, b = model_of(written(one, True)), model_of(written(other, True))

    def plain(change: Change, forth: bool) -> Any:
        mark, rows = (
            (change.mark, (change.old, change.new)) if forth else (MIRRORED[change.mark], (change.new, change.old))
        )
        return mark, [row and row.path for row in rows], len(change.notes), [plain(c, forth) for c in change.children]

    forth, back = compare(a, b), compare(b, a)
    assert [plain(change, True) for change in forth.changes] == [plain(change, False) for change in back.changes]


@given(PARTS, PARTS)
def test_differences_add_up(one: list[Part], other: list[Part]) -> None:
    a, b = model_of(written(one, True)), model_of(written(other, True))
    data = diff_dict(compare(a, b))
    totals = [fold_totals(model)[-1] for model in (a, b)]
    assert sum(change["parameters"] for change in data["changes"]) == totals[1].parameters - totals[0].parameters
    assert sum(change["macs"] for change in data["changes"]) == totals[1].macs - totals[0].macs
    assert sum(change["activations"] for change in data["changes"]) == totals[1].elements - totals[0].elements
    assert data["same"] == (data["old"]["fingerprint"] == data["new"]["fingerprint"])


# ---- the same network, and what is not


SAME = {
    "names": ("INPUT(3, 8, 8) -> a: CONV(4, 3x3) -> RELU", "INPUT(3, 8, 8) -> CONV(4, 3x3) -> b: RELU"),
    "repeat": ("INPUT(4, 8, 8) -> [CONV(4, 1) -> RELU]*3", "INPUT(4, 8, 8) -> [CONV(4, 1) -> RELU]*2 -> CONV(4, 1) -> RELU"),
    "block": ("block b = CONV(4, 1) -> RELU\nmodel Net = INPUT(4, 8, 8) -> b -> b", "INPUT(4, 8, 8) -> [CONV(4, 1) -> RELU]*2"),
    "flatten": ("INPUT(4, 8, 8) -> FC(2)", "INPUT(4, 8, 8) -> FLATTEN -> FC(2)"),
    "labels": ("INPUT(4, 8, 8) -> x: CONV(4, 1) -> RELU -> ADD{_, x}", "INPUT(4, 8, 8) -> CONV(4, 1) -> ADD{RELU, _}"),
}  # fmt: skip
DIFFERENT = {
    "order": ("INPUT(4, 8, 8) -> BN -> RELU", "INPUT(4, 8, 8) -> RELU -> BN"),
    "argument": ("INPUT(4, 8, 8) -> DROPOUT(0.5)", "INPUT(4, 8, 8) -> DROPOUT(0.4)"),
    "size": ("INPUT(4, 8, 8) -> RELU", "INPUT(4, 8, 9) -> RELU"),
    "connection": (
        "INPUT(4, 8, 8) -> a: RELU -> b: RELU -> RELU -> ADD{_, a}",
        "INPUT(4, 8, 8) -> a: RELU -> b: RELU -> RELU -> ADD{_, b}",
    ),
    "initial values": ('INPUT(4, 8, 8) -> CONV(4, 1)', 'INPUT(4, 8, 8) -> CONV(4, 1, init="he")'),
    "copies": ("INPUT(4, 8, 8) -> [CONV(4, 1)]*7", "INPUT(4, 8, 8) -> [CONV(4, 1)]*8"),
    "shared": (
        "INPUT(4, 8, 8) -> a: CONV(4, 1) -> RELU -> SHARE(a)",
        "INPUT(4, 8, 8) -> a: CONV(4, 1) -> RELU -> CONV(4, 1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_the_same_network(case: str) -> None:
    found = compare(*map(model_of, SAME[case]))
    assert found.same
    assert diff_text(found).splitlines()[2].startswith("The same network: ")
    assert "\n+" not in diff_text(found)


@pytest.mark.parametrize("case", DIFFERENT)
def test_not_the_same_network(case: str) -> None:
    found = compare(*map(model_of, DIFFERENT[case]))
    assert not found.same
    assert "The networks differ" in diff_text(found)


def test_a_fingerprint_stays_what_it_is() -> None:
    """Experiments are filed under it: what changes it must raise the version in its base."""
    assert fingerprint(model_of("INPUT(3, 8, 8) -> [CONV(4, 3x3, padding=1) -> RELU]*2 -> FC(5)")) == (
        "d1bcff4771fefa07bc656bcaaf0ba82c"
    )


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 10**9))
def test_digests_of_copies(first: int, second: int, shift: int) -> None:
    one = Digest(shift + 1, shift, 1)
    assert one.times(first).then(one.times(second)) == one.times(first + second)


# ---- what belongs together


def test_arguments_that_changed_are_named() -> None:
    assert changed(
        "INPUT(3, 32, 32) -> a: CONV(64, 5x5, padding=2) -> b: POOL(2)",
        "INPUT(3, 32, 32) -> a: CONV(96, 3x3, padding=1) -> b: POOL(2)",
    ) == [
        ("~", "a", "a", ("out_channels 64 -> 96", "kernel_size 5 -> 3", "padding 2 -> 1")),
        ("~", "b", "b", ()),
    ]


def test_labels_hold_parts_together() -> None:
    assert changed("INPUT(3, 9, 9) -> a: RELU -> b: TANH", "INPUT(3, 9, 9) -> a: TANH -> b: TANH") == [
        ("~", "a", "a", ("ReLU -> Tanh",))
    ]


def test_copies_are_counted() -> None:
    old, new = (f"INPUT(4, 8, 8) -> body: [[CONV(4, 1) -> RELU]*{n} -> BN]" for n in (2, 5))
    assert changed(old, new) == [
        ("~", "body", "body", ()),
        ("~", "body.0 .. body.3", "body.0 .. body.9", ("x2 -> x5",)),
    ]


def test_a_part_that_is_repeated_now() -> None:
    old, new = (f"INPUT(4, 8, 8) -> [CONV(4, 1) -> RELU]*{n} -> BN -> FC(2)" for n in (1, 3))
    assert changed(old, new) == [("~", "conv1 .. relu1", "conv1 .. relu3", ("x1 -> x3",))]
    assert changed(new, old) == [("~", "conv1 .. relu3", "conv1 .. relu1", ("x3 -> x1",))]


def test_memory_is_that_of_the_report() -> None:
    old, new = (model_of(f"INPUT(4, 8, 8) -> [CONV(4, 1) -> RELU]*{n} -> BN -> FC(2)") for n in (1, 3))
    data = diff_dict(compare(old, new), View(batch=3, dtype="float64"))
    for model, key in ((old, "old"), (new, "new")):
        plans = (Plan(3, "float64", mode) for mode in ("train", "infer"))
        train, run = (memory_of(model, plan).total for plan in plans)
        parameters = 8 * fold_totals(model)[-1].parameters
        assert data[key]["bytes"] == {"parameters": parameters, "train": train, "run": run}


def test_what_was_put_in_and_taken_out() -> None:
    old, new = "INPUT(4, 8, 8) -> CONV(4, 1) -> RELU -> FC(2)", "INPUT(4, 8, 8) -> CONV(4, 1) -> BN -> RELU -> FC(2)"
    assert changed(old, new) == [("+", None, "bn1", ())]
    assert changed(new, old) == [("-", "bn1", None, ())]


def test_another_connection_is_a_change() -> None:
    assert changed(*DIFFERENT["connection"]) == [("~", "add1", "add1", ("connected to relu3, a -> relu3, b",))]


def test_a_million_copies_and_long_files_take_no_time() -> None:
    block = "ADD{ [CONV(4, 1) -> RELU], _ }"
    old, new = (model_of(f"INPUT(4, 8, 8) -> [{block}]*{n} -> FC(2)") for n in (1_000_000, 1_000_001))
    with at_most(200_000):
        found = compare(old, new)
        assert not found.same and "x1,000,000 -> x1,000,001" in diff_text(found)
    many, more = ("INPUT(4, 8, 8)" + " -> RELU -> TANH" * n for n in (1_500, 1_501))
    with at_most(20_000_000):
        assert len(changed(many, more)) == 2


def test_free_sizes_are_compared_at_an_example() -> None:
    old, new = (model_of(f"INPUT(3, H, W) -> CONV({n}, 3x3, padding=1) -> AVGPOOL(to=1) -> FC(2)") for n in (8, 16))
    found = compare(old, new)
    assert [change.notes for change in found.changes if change.notes] == [("out_channels 8 -> 16",), ("reads 8 -> 16",)]
    assert "H" not in diff_text(found).split("\n")[0]


# ---- formats and the command


def zoo(old: str, new: str) -> Any:
    models = (archlang.check("zoo:" + name.split(":")[0], name.split(":")[1]).models[0] for name in (old, new))
    return compare(*models)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("vgg", "vgg:VGG16", "vgg:VGG19"),
        ("resnet", "resnet:ResNet18", "resnet:ResNet34"),
        ("bn", "vgg:VGG11", "vgg:VGG11BN"),
    ],
)
def test_golden(name: str, old: str, new: str, golden: Callable[[str, str], None]) -> None:
    found = zoo(old, new)
    golden(f"diff/{name}.txt", diff_text(found, View(width=100)) + "\n")
    golden(f"diff/{name}.md", diff_markdown(found))
    golden(f"diff/{name}.json", json.dumps(diff_dict(found), indent=1) + "\n")


def test_colour_and_width() -> None:
    text = diff_text(zoo("vgg:VGG11", "vgg:VGG13"), View(width=70, colour=True))
    assert "\x1b[33m~ features" in text and "\x1b[32m" in text
    assert max(len(re.sub("\x1b\\[[0-9;]*m", "", line)) for line in text.split("\n")) <= 80


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("zoo:vgg", ("zoo:vgg", None)),
        ("zoo:vgg:VGG16", ("zoo:vgg", "VGG16")),
        ("net.arch", ("net.arch", None)),
        ("a/net.arch:Net", ("a/net.arch", "Net")),
        ("-:Net", ("-", "Net")),
        ("net.arch:", ("net.arch:", None)),
        ("net.arch:1", ("net.arch:1", None)),
        (":Net", (":Net", None)),
        ("c:/net.arch", ("c:/net.arch", None)),
    ],
)
def test_targets(target: str, parts: tuple[str, str | None]) -> None:
    assert split_target(target) == parts


VGG_IN_GROUPS = """
model A = INPUT(3, 32, 32)
  -> features: [[[CONV(c, 3x3, padding=1) -> RELU]*2 -> MAXPOOL(2) for c in [16, 32, 64]]]
  -> classifier: [[FC(64) -> RELU -> DROPOUT]*2 -> FC(10)]
"""
VGG_IN_BLOCKS = """
block stage(c, n) = [CONV(c, 3x3, padding=1) -> RELU]*n -> MAXPOOL(2)
model B = INPUT(3, 32, 32) -> block1: stage(16, 2) -> block2: stage(32, 3) -> block3: stage(64, 2)
  -> fc6: FC(64) -> RELU -> DROPOUT -> fc7: FC(64) -> RELU -> DROPOUT -> prob: FC(10)
"""
VGG_FLAT = "model C = INPUT(3, 32, 32) -> " + " -> ".join(
    [f"[CONV({c}, 3x3, padding=1) -> RELU]*{n} -> MAXPOOL(2)" for c, n in ((16, 2), (32, 3), (64, 2))]
    + ["[FC(64) -> RELU -> DROPOUT]*2 -> FC(10)"]
)


@pytest.mark.parametrize(("old", "new"), [(VGG_IN_GROUPS, VGG_IN_BLOCKS), (VGG_IN_GROUPS, VGG_FLAT)])
def test_other_groups_are_opened(old: str, new: str) -> None:
    """One convolution more in the second stage is all that differs, however the layers are grouped."""
    found = compare(model_of(old), model_of(new))
    told = flat(found.changes)
    assert not any(mark == "-" for mark, *_ in told)
    assert sum(mark == "+" for mark, *_ in told) <= 2, told
    assert sum(row_difference(change) for change in found.changes) == 9 * 32 * 32 + 32


def row_difference(change: Change) -> int:
    return (change.new.totals.parameters if change.new else 0) - (change.old.totals.parameters if change.old else 0)


def test_groups_are_paired_by_what_they_hold() -> None:
    """Names differ, a stage is added in front, and one is wider: each finds its own."""
    stages = ["CONV(8, 3x3, padding=1) -> RELU -> POOL(2)", "CONV(16, 5x5, padding=2) -> TANH", "FC(10) -> SIGMOID"]
    old = "INPUT(8, 16, 16) -> " + " -> ".join(f"s{i}: [{text}]" for i, text in enumerate(stages))
    changed = ["CONV(8, 1) -> BN -> ELU", *stages]
    changed[2] = changed[2].replace("16,", "24,")
    new = "INPUT(8, 16, 16) -> " + " -> ".join(f"part{i}: [{text}]" for i, text in enumerate(changed))
    pairs = [(c.old and c.old.path, c.new and c.new.path) for c in compare(model_of(old), model_of(new)).changes]
    assert pairs == [("input", "input"), (None, "part0"), ("s0", "part1"), ("s1", "part2"), ("s2", "part3")]


def test_large_networks_in_other_groups_are_compared_fast() -> None:
    words = [f"CONV({8 + i % 5}, 1) -> RELU" for i in range(600)]
    texts = [
        "INPUT(8, 4, 4) -> "
        + " -> ".join(f"{name}{i}: [{' -> '.join(words[i : i + size])}]" for i in range(0, len(words), size))
        for name, size in (("a", 7), ("b", 9))
    ]
    texts[1] = texts[1].replace("CONV(11, 1)", "CONV(11, 3x3, padding=1)", 20)
    models = [model_of(text) for text in texts]
    with at_most(20_000_000):
        told = flat(compare(*models).changes)
    assert sum("kernel_size 1 -> 3" in note for *_, notes in told for note in notes) == 20


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["diff", *arguments])
    out, err = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, out, err


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "zoo:lenet:LeNet5", "zoo:lenet:LeNet5")
    assert (status, out.splitlines()[-1], err) == (0, "The networks are the same.", "")
    status, out, _ = run(capsys, "zoo:alexnet:AlexNet", "--new", "classes=10", "--exit-code", "--format", "json")
    assert status == 1
    assert json.loads(out)["changes"][-1]["new"]["name"] == "classifier"
    assert run(capsys, "zoo:alexnet:AlexNet", "--new", "classes=10")[0] == 0
    assert run(capsys, "zoo:lenet", "zoo:lenet", "--exit-code")[0] == 0
    assert run(capsys, "zoo:lenet", "zoo:alexnet", "--format", "md")[1].startswith("## LeNet5 -> AlexNet\n")


def test_models_are_compared_although_an_assertion_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text("model Net(k = 10) = INPUT(8) -> FC(k)\nassert Net.parameters == 99\n")
    status, out, err = run(capsys, str(path), "--new", "k=5")
    assert status == 1
    assert out.endswith("The networks differ.\n") and "out_features 10 -> 5" in out
    assert err.count("does not hold") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("zoo:vgg:VGG16",), 2, "give a second model"),
        (("zoo:vgg:VGG16", "zoo:vgg:VGG91"), 2, "did you mean `VGG19`"),
        (("zoo:vgg", "zoo:vgh"), 2, "zoo:vgg"),
        (("none.arch", "zoo:vgg"), 2, "cannot-read"),
        (("zoo:alexnet", "--new", "class=10"), 2, "did you mean `classes`"),
        (("zoo:alexnet", "--new", "classes=-1"), 1, "nothing was compared"),
        (("-", "-"), 2, "standard input can be read once only"),
        (("zoo:vgg", "zoo:vgg", "--format", "csv"), 2, "csv"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, words: str) -> None:
    found, out, err = run(capsys, *arguments)
    assert (found, out) == (status, "")
    assert words in err


def test_check_gives_the_fingerprint() -> None:
    old, new = (archlang.checks(text).to_dict()["models"][0]["fingerprint"] for text in SAME["repeat"])
    assert old == new and re.fullmatch("[0-9a-f]{32}", old)
    assert "fingerprint" not in archlang.checks("INPUT(3, H, W) -> CONV").to_dict()["models"][0]
