"""Every diagnostic, as a user meets it: `golden/diagnostics/<stage>/<case>.arch` beside what archc says about it.

A case may begin with `# args: ...`, the command that is run; `{}` stands for its file. All are run in a copy of their
folder. Edits that a help offers are applied: the error must be gone, and nothing new may appear.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang.cli import main
from archlang.diagnostics import Problem

FOLDER = Path(__file__).parent / "golden" / "diagnostics"
CASES = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.arch"))
HELPERS = {"imports/blocks"}
"""Files that cases import."""

ELSEWHERE = {
    "broken-plugin": "test_lint_properties.py",
    "file-too-large": "test_cli.py",
    "missing-package": "test_api.py",
    "text-too-long": "test_parser.py",
}
"""Codes whose case would be a large file, or needs a package to be missing, with the test that has it."""


@pytest.fixture
def archc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in a copy of the folder of a case: (exit status, standard output, standard error)."""

    def run(case: str, arguments: list[str], change: str | None = None) -> tuple[int, str, str]:
        stage, name = case.split("/")
        folder = tmp_path / stage
        if not folder.exists():
            shutil.copytree(FOLDER / stage, folder)
            monkeypatch.chdir(folder)
        if change is not None:
            (folder / f"{name}.arch").write_text(change, encoding="utf-8", newline="\n")
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        out, err = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, out, err

    return run


def arguments_of(case: str) -> list[str]:
    """The command of a case."""
    first = (FOLDER / f"{case}.arch").read_text(encoding="latin-1").splitlines()[0]
    written = first.removeprefix("# args:") if first.startswith("# args:") else "check {}"
    return [word.replace("{}", f"{case.split('/')[1]}.arch") for word in shlex.split(written)]


@pytest.mark.parametrize("case", [case for case in CASES if case not in HELPERS])
def test_text(case: str, archc: Callable[..., tuple[int, str, str]], golden: Callable[[str, str], None]) -> None:
    arguments = arguments_of(case)
    status, _, err = archc(case, arguments)
    golden(f"diagnostics/{case}.txt", f"$ archc {shlex.join(arguments)}\n{err}exit status {status}\n")
    assert status in (1, 2) or "warning[" in err
    assert "archc: a fault" not in err
    assert all(line == line.rstrip() and len(line) < 160 for line in err.splitlines())


def codes() -> dict[str, type[Problem]]:
    """All problems that have a code."""
    for module in pkgutil.iter_modules(importlib.import_module("archlang.errors").__path__, "archlang.errors."):
        importlib.import_module(module.name)
    own = (problem for problem in _subclasses(Problem) if problem.__module__.startswith("archlang."))
    return {problem.code: problem for problem in own if "code" in vars(problem)}


def _subclasses(problem: type[Problem]) -> Iterator[type[Problem]]:
    for subclass in problem.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def test_every_code_has_a_case() -> None:
    shown = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*/*.txt"))
    assert {code for code in codes() if f"[{code}]" not in shown} == set(ELSEWHERE)
    for code, file in ELSEWHERE.items():
        assert f'"{code}"' in (Path(__file__).parent / file).read_text(encoding="utf-8")


def test_codes_are_words_and_classes_are_described() -> None:
    for code, problem in codes().items():
        assert all(word.isalpha() and word.islower() for word in code.split("-")), code
        assert problem.__doc__ and problem.__doc__.strip().endswith("."), code


def test_every_golden_text_has_its_case() -> None:
    assert sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.txt")) == [
        case for case in CASES if case not in HELPERS
    ]


# ---- helps -------------------------------------------------------------------------------------------


def apply(text: str, edits: list[dict[str, Any]]) -> str:
    """The text with the edits of a help, found by their lines and columns as an editor would."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + column - 1

    for edit in sorted(edits, key=lambda edit: (edit["line"], edit["column"]), reverse=True):
        start, end = offset(edit["line"], edit["column"]), offset(edit["end_line"], edit["end_column"])
        text = text[:start] + edit["text"] + text[end:]
    return text


@pytest.mark.parametrize(
    "case", [case for case in CASES if case not in HELPERS and case.split("/")[0] not in ("files", "limits")]
)
def test_helps_help(case: str, archc: Callable[..., tuple[int, str, str]]) -> None:
    arguments = [word for word in arguments_of(case) if word not in ("--format", "json")]
    if "--all" in arguments:
        return
    text = (FOLDER / f"{case}.arch").read_text(encoding="utf-8")
    before = diagnostics(archc(case, [*arguments, "--format", "json"]))
    for index, diagnostic in enumerate(before):
        for remedy in diagnostic["helps"]:
            if remedy["edits"]:
                changed = apply(text, remedy["edits"])
                after = diagnostics(archc(case, [*arguments, "--format", "json"], changed))
                others = kinds(d for i, d in enumerate(before) if i != index)
                severities = {"error", diagnostic["severity"]}
                shown = kinds(d for d in after if d["severity"] in severities and not is_behind(d, remedy))
                assert shown <= others, (remedy, changed, after)


def kinds(found: Iterable[dict[str, Any]]) -> Counter[str]:
    """What is wrong, of warnings the code: an edit may change their numbers."""
    return Counter(d["code" if d["severity"] == "warning" else "message"] for d in found)


def is_behind(diagnostic: dict[str, Any], remedy: dict[str, Any]) -> bool:
    """Whether a safe way out has only brought to light what stands behind it."""
    first = min((edit["line"], edit["column"]) for edit in remedy["edits"])
    return remedy.get("safe", False) and (diagnostic["line"], diagnostic["column"]) > first


def diagnostics(result: tuple[int, str, str]) -> list[dict[str, Any]]:
    return json.loads(result[1])["diagnostics"] if result[1] else []


def test_the_whole_catalogue_is_loaded() -> None:
    assert len(codes()) > 60
    assert archlang.__version__
