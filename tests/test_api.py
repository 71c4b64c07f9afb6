"""The Python interface: what `archlang.check`, `load`, `loads`, `render`, `family` and `graph` give and raise."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang import ArchitectureError
from archlang.ir.walk import fold_totals

NET = "# A net.\nmodel Net(classes = 10, widths = [4, 8]) =\n  INPUT -> [CONV(w, 3x3) -> RELU for w in widths] -> FC(classes)\n"


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.arch"
    path.write_text(NET)
    return path


def failure(function: Any, *arguments: Any, **bindings: Any) -> ArchitectureError:
    with pytest.raises(ArchitectureError) as caught:
        function(*arguments, **bindings)
    return caught.value


# ---- check -------------------------------------------------------------------------------------------


def test_check(net: Path) -> None:
    report = archlang.check(net)
    assert report.ok
    assert report.diagnostics == ()
    assert [model.name for model in report.models] == ["Net"]
    assert str(report).startswith("Net: 3x32x32 -> 10\n")
    assert report.to_dict()["models"][0]["outputs"] == [{"name": "output", "shape": [10]}]
    assert archlang.check(str(net), "Net").models == report.models


def test_bindings(net: Path) -> None:
    assert archlang.check(net, classes=5).models[0].outputs[0].shape == (5,)
    assert archlang.check(net, widths=[2, 3, 4]).to_dict()["models"][0]["layers"][0]["output_shape"] == [2, 30, 30]
    assert archlang.check(net, widths=(2,)).ok
    assert archlang.check(net, input=(1, 28, 28)).models[0].inputs[0].shape == (1, 28, 28)
    numpy = pytest.importorskip("numpy")
    assert archlang.check(net, classes=numpy.int64(5)).models[0].outputs[0].shape == (5,)


def test_check_raises_nothing_for_a_wrong_text(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text("INPUT -> CONV(8, 99x99)")
    report = archlang.check(path)
    assert (report.ok, report.models, [d.code for d in report.diagnostics]) == (False, (), ["kernel-too-large"])
    assert "error[kernel-too-large]" in str(report)
    assert report.to_dict()["ok"] is False
    assert [d.code for d in archlang.check(tmp_path / "none.arch").diagnostics] == ["cannot-read"]
    assert [d.code for d in archlang.check(tmp_path).diagnostics] == ["cannot-read"]
    assert [d.code for d in archlang.check("a\0b").diagnostics] == ["cannot-read"]


def test_strict(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text("INPUT(3, 224, 224) -> CONV(64, 7x7, stride=2, padding=3)")
    assert archlang.check(path).ok
    assert not archlang.check(path, strict=True).ok


@pytest.mark.parametrize("value", [object(), {"a": 1}, {1}, b"a", 1j, [[object()]]])
def test_values_that_the_language_does_not_have(net: Path, value: Any) -> None:
    assert [d.code for d in failure(archlang.check, net, widths=value).diagnostics] == ["bad-option"]


def test_values_without_end(net: Path) -> None:
    circle: list[Any] = []
    circle.append(circle)
    doubling: list[Any] = [1]
    for _ in range(60):
        doubling = [doubling, doubling]
    for value in (circle, doubling, list(range(100_000))):
        assert [d.code for d in failure(archlang.check, net, widths=value).diagnostics] == ["bad-option"]


@pytest.mark.parametrize("classes", [0, -1, 10**30, 1.5, float("nan"), float("inf"), True, None, "ten", "\ud800", []])
def test_wrong_values_are_diagnosed(net: Path, classes: Any) -> None:
    report = archlang.check(net, classes=classes)
    assert report.diagnostics[0].code in ("out-of-range", "wrong-type")
    str(report)
    report.to_dict()


@pytest.mark.parametrize("shape", [(), (0, 1, 1), (-1, 2, 2), (1, 2, 3, 4, 5), (1.5, 2, 3), (10**12, 1, 1)])
def test_wrong_inputs_are_diagnosed(net: Path, shape: Any) -> None:
    assert not archlang.check(net, input=shape).ok


# ---- load and loads ----------------------------------------------------------------------------------


def test_load(net: Path) -> None:
    torch = pytest.importorskip("torch")
    module = archlang.load(net, classes=3, seed=0)
    assert module(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
    again = archlang.load(net, classes=3, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), again.parameters(), strict=True))
    assert archlang.loads("INPUT(1, 28, 28) -> FC(10)")(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
    assert archlang.loads("INPUT -> [POOL]*N", N=2)(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty-file"),
        ("INPUT CONV", "missing-arrow"),
        ("INPUT -> \ud800", "unexpected-text"),
        ("INPUT -> \0", "unexpected-text"),
        ("INPUT -> [CONV]*N", "unbound-parameters"),
        ("let a = 1", "no-model"),
        ('from "other.arch" import a INPUT -> a', "cannot-import"),
        ("(" * 1_000_000, "unexpected-text"),
        ("let a = " + "(" * 1_000_000, "nesting-too-deep"),
    ],
)
def test_loads_raises_the_rendered_diagnostics(text: str, code: str) -> None:
    error = failure(archlang.loads, text)
    assert [d.code for d in error.diagnostics] == [code]
    assert f"error[{code}]" in str(error)
    assert len(str(error)) < 2_000


def test_load_of_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "resnet.arch").write_text("INPUT -> FC")
    error = failure(archlang.load, tmp_path / "resnt.arch")
    assert [d.code for d in error.diagnostics] == ["cannot-read"]
    assert "did you mean" in str(error)
    assert "did you mean" not in str(failure(archlang.load, tmp_path / "wibble.arch"))


def test_without_torch(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    error = failure(archlang.load, net)
    assert [d.code for d in error.diagnostics] == ["missing-package"]
    assert "pip install 'archlang[torch]'" in str(error)
    assert archlang.check(net).ok


# ---- render, family, graph ---------------------------------------------------------------------------


def test_render(net: Path, tmp_path: Path) -> None:
    picture = archlang.render(net)
    assert picture.dot().startswith("digraph")
    picture.save(tmp_path / "net.dot")
    assert (tmp_path / "net.dot").read_text() == picture.dot()
    assert [d.code for d in failure(picture.save, tmp_path / "net.gif").diagnostics] == ["unknown-format"]
    assert [d.code for d in failure(picture.save, tmp_path / "none" / "net.dot").diagnostics] == ["cannot-write"]
    assert [d.code for d in failure(archlang.render, net, "Nett").diagnostics] == ["unknown-model"]


def test_family(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text("model Net(N in 0..2, P in [1, 40]) = INPUT -> [CONV(4, P)]*N -> POOL? -> FC")
    members = archlang.family(path)
    assert len(members) == 12
    assert [member.ok for member in members] == [
        True,
        True,
        True,
        True,
        True,
        True,
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert len(archlang.family(path, N=1)) == 4
    path.write_text("INPUT -> [CONV]*N")
    assert [d.code for d in failure(archlang.family, path).diagnostics] == ["family-not-finite"]


def test_a_long_family_is_not_stopped_by_the_work_on_its_first_members(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text(
        "model Net(N in 1..300) = INPUT -> [CONV(sum(range(N*30)) % 7 + 1, 1x1) for i in range(N % 7)] -> FC"
    )
    assert all(member.ok for member in archlang.family(path))


def test_graph(net: Path) -> None:
    pytest.importorskip("networkx")
    graph = archlang.graph(net)
    assert "conv1" in graph and "fc1" in graph
    assert failure(archlang.graph, net, classes=0).diagnostics


def test_missing_package_has_its_code() -> None:
    from archlang.errors.files import MissingPackage

    assert MissingPackage.code == "missing-package"


# ---- inputs and the lectures' rule, for all functions ------------------------------------------------


def test_inputs_with_letters_and_names(net: Path) -> None:
    assert archlang.checks("INPUT(3, 8, 8) -> CONV(4, 3x3)", input=(3, "H", "W")).models[0].is_symbolic
    assert archlang.checks("INPUT(3, 8, 8) -> CONV(4, 3x3)", input=[3, 9, 9]).models[0].outputs[0].shape == (4, 7, 7)
    two = "model N = ADD{ a: INPUT(3, 4, 4), b: INPUT(3, 4, 4) }"
    shapes = archlang.checks(two, input={"a": (5, 2, 2), "b": (5, 2, 2)}).models[0].inputs
    assert [(given.name, given.shape) for given in shapes] == [("a", (5, 2, 2)), ("b", (5, 2, 2))]
    assert [d.code for d in archlang.checks(two, input={"c": (1,)}).diagnostics] == ["unknown-input"]


@pytest.mark.parametrize("shape", [5, "3,8,8", b"abc", (3, "H W", "W"), (3, None, 2), (3, (1, 2)), {"input": 3}, {3}])
def test_inputs_that_are_none(net: Path, shape: Any) -> None:
    for function in (archlang.check, archlang.load, archlang.render):
        assert [d.code for d in failure(function, net, input=shape).diagnostics] == ["bad-option"]


def test_strict_modules() -> None:
    text = "INPUT(3, 224, 224) -> CONV(64, 7x7, stride=2, padding=3)"
    assert archlang.loads(text, device="meta")
    assert [d.code for d in failure(archlang.loads, text, strict=True).diagnostics] == ["not-whole"]


def test_members_of_a_family_hold_to_what_the_file_asserts(tmp_path: Path) -> None:
    path = tmp_path / "f.arch"
    path.write_text(
        "model F(n in 1..3, w in [2, 4]) = INPUT(3) -> [FC(w) -> RELU]*n -> FC(1)\n"
        "assert F.parameters < 30 and F.output == 1\nassert G.output == 5\nmodel G = INPUT(3) -> FC(5)\n",
        encoding="utf-8",
    )
    members = list(archlang.family(path, "F"))
    assert all(member.model is not None for member in members)
    assert [member.ok for member in members] == [fold_totals(member.model)[-1].parameters < 30 for member in members]
    assert {d.code for member in members for d in member.diagnostics} == {"assertion-failed"}
    path.write_text(path.read_text(encoding="utf-8").replace("w in [2, 4]", "w in [2, 4] = 2"), encoding="utf-8")
    assert all(member.ok for member in archlang.family(path, "F")), "it is about the default"
