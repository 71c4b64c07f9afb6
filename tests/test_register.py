"""A layer of one's own: one class, registered by a call or offered by an installed package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Literal

import pytest
import torch

import archlang
from archlang.ir.json import read_model, write_model
from archlang.ir.ops import OPS, WORDS
from archlang.layers import Counts, Op, OpError, Shape, TorchCall, keyword, number, positional, record, whole

PACKAGE = '''
    """Layers that know nothing of archlang's insides."""

    from typing import Literal

    from archlang.layers import Counts, Op, Shape, TorchCall, Value, positional, record, require_rank, whole


    @record(kw_only=True)
    class Squeeze(Op):
        """Channels halved by a learnt 1x1 mixing: (C, H, W) -> (C // factor, H, W)."""

        op: Literal["gadgets_squeeze"] = "gadgets_squeeze"
        channels: int
        factor: int

        tag = "gadgets_squeeze"
        words = ("SQUEEZE",)
        kind = "squeeze"
        signature = (whole("factor", 2),)

        @classmethod
        def build(cls, word: str, given: dict[str, Value], shape: Shape) -> "Squeeze":
            require_rank(word, shape, (3,), "(C, H, W)")
            return cls(channels=shape[0], **given)

        def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
            return (self.channels // self.factor, *inputs[0][1:])

        def parameters(self) -> Counts:
            return {"mix.weight": (self.channels // self.factor, self.channels, 1, 1)}

        def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
            return output[0] * output[1] * output[2] * self.channels

        def torch(self) -> TorchCall:
            sizes = (positional("channels", self.channels, "in"), positional("factor", self.factor))
            return TorchCall("gadgets.modules:Squeeze", sizes)
'''

MODULES = """
    from torch import Tensor, nn


    class Squeeze(nn.Module):
        def __init__(self, channels: int, factor: int) -> None:
            super().__init__()
            self.mix = nn.Conv2d(channels, channels // factor, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.mix(x)
"""

TEXT = "INPUT(8, 6, 6) -> SQUEEZE -> RELU -> SQUEEZE(4) -> FC(3)"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder as pip leaves it: the package `gadgets` with its entry point."""
    (tmp_path / "gadgets").mkdir()
    (tmp_path / "gadgets" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "gadgets" / "layers.py").write_text(dedent(PACKAGE), encoding="utf-8")
    (tmp_path / "gadgets" / "modules.py").write_text(dedent(MODULES), encoding="utf-8")
    info = tmp_path / "gadgets-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gadgets\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[archlang.layers]\nsqueeze = gadgets.layers:Squeeze\n", encoding="utf-8")
    return tmp_path


def run(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=package, timeout=120, check=False
    )


def test_a_package_offers_a_layer(package: Path) -> None:
    checked = run(package, "-m", "archlang", "check", "-e", TEXT)
    assert checked.returncode == 0, checked.stderr
    assert "SQUEEZE" in checked.stdout
    assert re.search(r"Total params: +147 ", checked.stdout)  # 8*4 + 4*1 + 36*3 + 3
    assert re.search(r"MACs: +1,404$", checked.stdout, re.MULTILINE)  # 32*36 + 4*36 + 108


def test_a_package_that_fails_is_named(package: Path) -> None:
    path = package / "gadgets" / "layers.py"
    path.write_text("import gadget_that_is_not_there\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    checked = run(package, "-m", "archlang", "check", "-e", TEXT)
    assert checked.returncode == 1 and "Traceback" not in checked.stderr
    assert "error[unknown-layer]: `SQUEEZE` is no layer" in checked.stderr
    reason = "ModuleNotFoundError: No module named 'gadget_that_is_not_there'"
    assert f"= note: `squeeze` of the package gadgets cannot be used: {reason}" in checked.stderr
    assert run(package, "-m", "archlang", "check", "-e", "INPUT(3, 8, 8) -> FC(2)").returncode == 0


def test_it_compiles_and_runs(package: Path) -> None:
    written = run(package, "-m", "archlang", "compile", "-e", TEXT, "-o", "net.py")
    assert written.returncode == 0, written.stderr
    text = (package / "net.py").read_text(encoding="utf-8")
    assert "from gadgets.modules import Squeeze\n" in text
    assert "archlang" not in text.split('"""', 2)[2]
    program = f"""
        import torch, archlang
        from net import Net
        live, x = archlang.loads({TEXT!r}, seed=0), torch.randn(2, 8, 6, 6)
        torch.manual_seed(0)
        written = Net()
        assert sum(p.numel() for p in written.parameters()) == 147
        assert list(live.state_dict()) == list(written.state_dict())
        assert torch.equal(live(x), written(x))
    """
    ran = run(package, "-W", "ignore", "-c", dedent(program))
    assert ran.returncode == 0, ran.stderr


# ---- by a call ---------------------------------------------------------------------------------------


@record(kw_only=True)
class Swish(Op):
    """x*sigmoid(x), for the test alone."""

    op: Literal["test_swish"] = "test_swish"

    tag = "test_swish"
    words = ("TESTSWISH",)
    kind = "swish"

    def torch(self) -> TorchCall:
        return TorchCall("nn.SiLU")


@pytest.fixture
def swish() -> Iterator[type[Op]]:
    archlang.register(Swish)
    yield Swish
    OPS.remove(Swish)
    del WORDS["TESTSWISH"]


@pytest.mark.usefixtures("swish")
def test_registered_by_a_call() -> None:
    report = archlang.checks("INPUT(3, 8, 8) -> TESTSWISH -> FC(2)")
    assert report.ok
    assert read_model(write_model(report.models[0])) == report.models[0]
    net = archlang.loads("INPUT(3, 8, 8) -> TESTSWISH -> FC(2)")
    assert isinstance(net.get_submodule("swish1"), torch.nn.SiLU)


@pytest.mark.usefixtures("swish")
def test_registering_twice_replaces() -> None:
    archlang.register(Swish)
    assert OPS.count(Swish) == 1


def test_what_is_incomplete_is_refused() -> None:
    with pytest.raises(ValueError, match="no record"):
        archlang.register(type("Plain", (), {}))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="has no tag and no words and no kind"):
        archlang.register(record(type("Empty", (Op,), {})))


def test_a_word_has_one_meaning() -> None:
    taken = record(type("Taken", (Op,), {"tag": "taken", "words": ("CONV",), "kind": "taken"}))
    with pytest.raises(ValueError, match="CONV"):
        archlang.register(taken)


def test_what_a_layer_is_written_with_is_public() -> None:
    import archlang.layers as public

    assert {Counts, Op, OpError, Shape, TorchCall, keyword, number, positional, record, whole} <= {
        getattr(public, name) for name in public.__all__ if name not in ("Value",)
    }
