"""Modules as ONNX and .pt2: read back by onnx, onnxruntime and torch, on random input, with any batch and free sizes."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import archlang
from archlang import ArchitectureError
from archlang.cli import main
from archlang.ir.indices import index_inputs

TEXTS = {
    "chain": "model N = INPUT(3, 8, 8) -> f: [CONV(4, 3x3, padding=1) -> BN -> RELU -> MAXPOOL(2)]*2 -> DROPOUT -> FC(5)",
    "joins": "model N = INPUT(3, 6, 6) -> a: CONV(4, 1x1) -> CONCAT{ ADD{ _, CONV(4, 1x1) }, a } -> ADDCOORDS -> AVGPOOL(to=1) -> FC(2)",
    "inputs": "model N = CONCAT{ left: INPUT(3, 4, 4) -> t: [CONV(2, 1x1) -> RELU], right: INPUT(3, 4, 4) -> SHARE(t) } -> FC(1)",
    "outputs": "model N = INPUT(3, 8, 8) -> CONV(4, 3x3) -> OUTPUT{ early: FC(2) } -> AUX{ aux: FC(3) } -> RELU -> FC(4)",
    "words": "model N = INPUT(7) -> EMBEDDING(11, 4) -> AVGPOOL(to=1) -> FLATTEN -> FC(3)",
    "free": "model N = INPUT(3, H, W) -> CONV(4, 3x3, padding=1) -> POOL -> POOL -> CONV(2, 1x1)",
    "volume": "model N = INPUT(1, 4, 6, 6) -> CONV(2, 3x3x3, padding=1) -> LN -> RELU -> FC(2)",
}


def module(name: str) -> Any:
    return archlang.loads(TEXTS[name], seed=0)


def inputs(net: Any, batch: int, name: str) -> tuple[Tensor, ...]:
    """Random values, for a free size other than the example's."""
    generator = torch.Generator().manual_seed(batch)
    shapes = [(3, 8, 12)] if name == "free" else [given.shape for given in net.arch.inputs]
    if name == "words":
        return (torch.randint(0, 11, (batch, 7), generator=generator),)
    return tuple(torch.randn(batch, *shape, generator=generator) for shape in shapes)


def values(given: Any) -> list[Tensor]:
    return list(given) if isinstance(given, tuple | list) else [given]


@pytest.mark.parametrize("name", TEXTS)
def test_onnx_computes_the_same(name: str, tmp_path: Path) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    net = module(name)
    archlang.export(net, tmp_path / "net.onnx")
    assert net.training
    made = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(made, full_check=True)
    session = runtime.InferenceSession(made.SerializeToString())
    assert [value.name for value in session.get_inputs()] == [given.name for given in net.arch.inputs]
    assert [value.name for value in session.get_outputs()] == [o.name for o in net.arch.outputs if not o.training]
    assert session.get_inputs()[0].shape[0] == "batch"
    for batch in (1, 2, 5):
        given = inputs(net, batch, name)
        found = session.run(None, {value.name: x.numpy() for value, x in zip(session.get_inputs(), given, strict=True)})
        for one, other in zip(found, values(net.eval()(*given)), strict=True):
            assert torch.allclose(torch.from_numpy(one), other, atol=1e-5)


@pytest.mark.parametrize("name", TEXTS)
def test_pt2_computes_the_same(name: str, tmp_path: Path) -> None:
    net = module(name)
    archlang.export(net, tmp_path / "net.pt2")
    made = torch.export.load(tmp_path / "net.pt2").module()
    for batch in (1, 2, 5):
        given = inputs(net, batch, name)
        assert all(map(torch.equal, values(made(*given)), values(net.eval()(*given))))


def test_the_command_writes_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(TEXTS["chain"], encoding="utf-8")
    for path in ("net.onnx", "net.pt2"):
        with pytest.raises(SystemExit) as done:
            main(["compile", "net.arch", "-o", path])
        assert done.value.code == 0, capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"net.arch", "net.onnx", "net.pt2"}
    given = torch.randn(3, 3, 8, 8)
    made = torch.export.load("net.pt2").module()
    assert torch.equal(made(given), module("chain").eval()(given))


def test_trained_weights_of_a_type_are_kept() -> None:
    from archlang.backends.export import write_pt2

    net = module("chain").double()
    with torch.no_grad():
        net.fc1.bias.fill_(7)
    made = torch.export.load(io.BytesIO(write_pt2(net))).module()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(made(x), net.eval()(x))


def refusal(function: Any, *arguments: Any) -> str:
    with pytest.raises(ArchitectureError) as caught:
        function(*arguments)
    return str(caught.value)


def test_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = module("chain")
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    assert "end the path in .onnx or .pt2" in refusal(archlang.export, net, tmp_path / "net.py")
    assert "meta device" in refusal(archlang.export, archlang.loads(TEXTS["chain"], device="meta"), path)
    monkeypatch.setattr("archlang.backends.export.LARGEST_ONNX", 100)
    assert "at most 100 bytes" in refusal(archlang.export, net, path)
    for package in ("onnx", "onnxscript"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, package, None)
            text = refusal(archlang.export, net, path)
            assert f"needs the package `{package}`" in text and "pip install 'archlang[onnx]'" in text
    assert path.read_bytes() == b"old"
    assert "cannot-write" in refusal(archlang.export, net, tmp_path / "none" / "net.pt2")


@pytest.mark.parametrize("path", ["net.onnx", "net.pt2"])
def test_without_torch(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SystemExit) as done:
        main(["compile", "-e", TEXTS["chain"], "-o", path])
    assert done.value.code == 2
    assert "pip install 'archlang[torch]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXTS["words"], (True,)),
        (TEXTS["chain"], (False,)),
        ("model N = ADD{ a: INPUT(4) -> g: [EMBEDDING(5, 3)], b: INPUT(4, 3) -> RELU }", (True, False)),
        ("model N = INPUT(2, 2) -> FLATTEN -> EMBEDDING(5, 3) -> [LINEAR(3)]*3", (True,)),
        ("model N = INPUT(4, 3) -> [LINEAR(3) -> RELU]*1_000_000", (False,)),
    ],
)
def test_inputs_of_indices(text: str, expected: tuple[bool, ...]) -> None:
    assert index_inputs(archlang.checks(text).models[0]) == expected


def test_windows_that_depend_on_the_size_leave_it_fixed(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    net = archlang.loads("INPUT(3, H, W) -> CONV(4, 3x3) -> AVGPOOL(to=3)", seed=0).eval()
    archlang.export(net, tmp_path / "net.onnx")
    given = runtime.InferenceSession(tmp_path / "net.onnx").get_inputs()[0]
    assert given.shape == ["batch", *net.arch.inputs[0].shape]
    archlang.export(net, tmp_path / "net.pt2")
    x = torch.randn(2, 3, 20, 14)
    assert torch.equal(torch.export.load(tmp_path / "net.pt2").module()(x), net(x))


def test_what_torch_cannot_write_is_said(tmp_path: Path) -> None:
    text = refusal(archlang.export, archlang.loads("INPUT(4, 6, 6) -> MAXPOOL(to=4)"), tmp_path / "net.onnx")
    assert "a model that torch's exporter can write (No ONNX function found for" in text
    assert not list(tmp_path.iterdir())
