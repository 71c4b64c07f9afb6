"""The package as users get it: the wheel in a fresh environment without torch, and the editable install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

import archlang

ROOT = Path(__file__).parent.parent
ZOO = sorted(path.name for path in ROOT.glob("zoo/*.arch"))
SHIPPED = (
    "backends/html/page.html",
    "backends/html/page.js",
    "grammars/arch.lark",
    "grammars/prelude.arch",
    "py.typed",
    *(f"zoo/{name}" for name in ZOO),
)
INSTALL_SECONDS, COMMAND_SECONDS = 240, 60


def run(*command: str | Path, cwd: Path, seconds: int = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
    """Run a command in another folder, with nothing of this process's Python in its environment."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    texts = [str(part) for part in command]
    return subprocess.run(
        texts, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
    )


def output(*command: str | Path, cwd: Path, seconds: int = COMMAND_SECONDS) -> str:
    """The standard output of a command that succeeds."""
    done = run(*command, cwd=cwd, seconds=seconds)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Installed:
    """A wheel and the environment it was installed in; `folder` is an empty one to work in."""

    wheel: Path
    programs: Path
    folder: Path

    def archc(self, *arguments: str) -> str:
        return output(self.programs / "archc", *arguments, cwd=self.folder)

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        return run(self.programs / "python", "-c", code, cwd=self.folder)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def pip(*arguments: str | Path) -> None:
        constrained = (*arguments, "-q", "-c", ROOT / "constraints.txt")
        output(programs / "python", "-m", "pip", *constrained, cwd=folder, seconds=INSTALL_SECONDS)

    output(sys.executable, "-m", "venv", folder / "venv", cwd=folder, seconds=INSTALL_SECONDS)
    pip("wheel", "--no-deps", "-w", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    pip("install", wheel)
    (folder / "work").mkdir()
    return Installed(wheel, programs, folder / "work")


@pytest.mark.network
class TestWheel:
    def test_holds_the_files_that_the_package_reads(self, installed: Installed) -> None:
        names = ZipFile(installed.wheel).namelist()
        assert [name for name in SHIPPED if f"archlang/{name}" not in names] == []

    def test_holds_nothing_else(self, installed: Installed) -> None:
        tops = {name.split("/")[0] for name in ZipFile(installed.wheel).namelist()}
        assert tops == {"archlang", f"archlang-{archlang.__version__}.dist-info"}

    def test_version(self, installed: Installed) -> None:
        assert installed.archc("--version").split()[-1] == archlang.__version__

    def test_zoo(self, installed: Installed) -> None:
        listed = re.findall(r"^zoo:(\w+)$", installed.archc("zoo"), re.MULTILINE)
        assert [f"{name}.arch" for name in listed] == ZOO

    def test_works_as_the_editable_install_does(self, installed: Installed, tmp_path: Path) -> None:
        check = ("check", "zoo:alexnet", "-m", "AlexNet")
        editable = (sys.executable, "-m", "archlang")
        table = installed.archc(*check)
        assert "61,100,840" in table
        assert table == output(*editable, *check, cwd=tmp_path)
        for command, name in (("compile", "alexnet.py"), ("render", "alexnet.svg")):
            installed.archc(command, "zoo:alexnet")
            output(*editable, command, "zoo:alexnet", cwd=tmp_path)
            made = (installed.folder / name).read_text(encoding="utf-8")
            assert made == (tmp_path / name).read_text(encoding="utf-8")

    def test_has_no_torch(self, installed: Installed) -> None:
        assert "No module named 'torch'" in installed.python("import torch").stderr

    def test_load_says_how_to_get_torch(self, installed: Installed) -> None:
        said = installed.python("import archlang; archlang.load('zoo:alexnet')").stderr
        assert "error[missing-package]: making a module needs the package `torch`" in said
        assert "pip install 'archlang[torch]'" in said

    def test_the_importer_finds_the_zoo(self, installed: Installed) -> None:
        said = installed.python("import archlang.importer; import zoo; print(zoo.__path__); import zoo.alexnet")
        assert "error[missing-package]: importing a model needs the package `torch`" in said.stderr
        assert "site-packages" in said.stdout

    def test_installs_the_versions_of_the_constraints(self, installed: Installed) -> None:
        frozen = output(
            installed.programs / "python", "-m", "pip", "freeze", "--exclude", "archlang", cwd=installed.folder
        )
        assert {normal(line) for line in frozen.splitlines()} <= pins()


def test_editable_install_finds_its_files(tmp_path: Path) -> None:
    code = (
        "from archlang import resources as r; print(len(r.grammar_text()), len(r.prelude_text()), len(r.zoo_files()))"
    )
    sizes = output(sys.executable, "-c", code, cwd=tmp_path).split()
    assert int(sizes[0]) > 0
    assert int(sizes[1]) > 0
    assert int(sizes[2]) == len(ZOO)


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    required = {normal(re.split(r"[^\w.-]", text)[0]) for text in [*project["dependencies"], *extras]}
    assert required - {"archlang"} <= {pin.split("==")[0] for pin in pins()}


def pins() -> set[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {normal(line) for line in lines if line and not line.startswith("#")}


def normal(requirement: str) -> str:
    return requirement.lower().replace("_", "-")
