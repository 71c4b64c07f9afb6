"""The source of every network of the zoo, as it is written: read the diffs. ruff and pyright have nothing to say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.ir.graph import Model
from archlang.reading import FileImporter, read_source
from archlang.variants import Variants, variants_of

GOLDEN = Path(__file__).parent / "golden" / "source"
ZOO = sorted(path.stem for path in (Path(__file__).parent.parent / "zoo").glob("*.arch"))

LONGEST_LINE = 120


def opened(stem: str) -> list[tuple[Model, Variants | None]]:
    """The models of a file with their variants."""
    source = read_source(f"zoo:{stem}")
    outcome = check_source(source, importer=FileImporter(source.name))
    assert outcome.ok and outcome.run
    return [(model, variants_of(outcome.run, model)) for model in outcome.models]


def name_of(stem: str, model: Model) -> str:
    """The golden file of a model."""
    return f"{stem}_{model.name.lower()}.py"


@pytest.mark.parametrize("stem", ZOO)
def test_source_of_the_zoo(stem: str, golden: Callable[[str, str], None]) -> None:
    for model, variants in opened(stem):
        golden(f"source/{name_of(stem, model)}", write_source(model, f"{stem}.arch", variants))


def test_no_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {name_of(s, model) for s in ZOO for model, _ in opened(s)}


def test_texts_are_what_a_reviewer_accepts() -> None:
    for path in GOLDEN.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert max(map(len, text.splitlines())) <= LONGEST_LINE, path.name
        assert "archlang" not in text.split('"""', 2)[2], path.name
        assert '"""' in text.split("class ")[-1], path.name


@pytest.mark.parametrize(
    "command",
    [("format", "--check"), ("check", "--select", "E,F,W,I,UP,N,B,SIM,RET,PIE", "--output-format", "concise")],
)
def test_ruff_has_nothing_to_say(command: tuple[str, ...]) -> None:
    arguments = [
        sys.executable,
        "-m",
        "ruff",
        *command,
        "--isolated",
        "--line-length",
        str(LONGEST_LINE),
        "--no-cache",
        ".",
    ]
    run = subprocess.run(arguments, cwd=GOLDEN, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


def test_pyright_has_nothing_to_say(tmp_path: Path) -> None:
    settings = {"include": [str(GOLDEN)], "typeCheckingMode": "standard", "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    arguments = [
        sys.executable,
        "-m",
        "basedpyright",
        "--level",
        "error",
        "--pythonpath",
        sys.executable,
        "-p",
        str(tmp_path),
    ]
    run = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
