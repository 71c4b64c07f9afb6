"""The documentation runs: every architecture in it is checked, every command's output compared, every program executed.

Fences: `arch` is checked and must be clean, or have exactly the errors that comments `# error: code` name;
`arch file=NAME` is also written to a file that later blocks of the page use; `ipython` is a cell of a notebook and
must succeed, or end in the error that `# error: Name` names; `console` runs its `$ archc ...` lines
and compares what they print; `python` is executed, names staying for later blocks. `--update-golden` rewrites the
outputs of console blocks.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from archlang.checking import Request, check_source
from archlang.cli import main
from archlang.ir.ops import OPS, WORDS
from archlang.reading import FileImporter
from archlang.source import Source

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    kind: str
    options: str
    text: str
    start: int
    end: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(m[1], m[2].strip(), m[3], m.start(3), m.end(3)) for m in FENCE.finditer(text)]


@pytest.fixture
def registry() -> Iterator[None]:
    """Layers that a page registers are known on that page only."""
    ops, words = [*OPS], dict(WORDS)
    yield
    OPS[:] = ops
    WORDS.clear()
    WORDS.update(words)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "zoo").symlink_to(ROOT / "zoo")
    names: dict[str, object] = {}
    changes: list[tuple[Block, str]] = []
    for block in blocks(page):
        if block.kind == "arch":
            check_arch(block)
        elif block.kind == "python":
            exec(compile(block.text, f"{page.name}", "exec"), names)
            forget_imports_from(tmp_path)
        elif block.kind == "ipython":
            run_cell(request.getfixturevalue("shell"), block.text)
        elif block.kind == "console":
            changes.append((block, run_console(block.text)))
    if request.config.getoption("--update-golden"):
        rewrite(page, changes)
    for block, actual in changes:
        assert actual == block.text


def forget_imports_from(folder: Path) -> None:
    """The next page may have another file of the same name."""
    own = {path.stem for path in folder.iterdir()}
    for name in [name for name in sys.modules if name.split(".")[0] in own]:
        del sys.modules[name]


def check_arch(block: Block) -> None:
    name = re.search(r"file=(\S+)", block.options)
    if name:
        Path(name[1]).write_text(block.text, encoding="utf-8")
    expected = sorted(re.findall(r"# error: ([\w-]+)", block.text))
    path = name[1] if name else "example.arch"
    outcome = check_source(Source(path, block.text), Request(), importer=FileImporter(path))
    unbound = {"unbound-parameters"} if "-D" in block.options else set[str]()
    assert sorted(d.code for d in outcome.diagnostics if d.code not in unbound | {"no-model"}) == expected, block.text


def run_cell(shell: Any, text: str) -> None:
    from IPython.utils.capture import capture_output

    with capture_output():
        error = shell.run_cell(text).error_in_exec
    expected = re.search(r"# error: (\w+)", text)
    assert (type(error).__name__ if error else None) == (expected[1] if expected else None), text


def run_console(text: str) -> str:
    lines: list[str] = []
    for command in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
        lines += [f"$ {command}", *run_archc(command).splitlines()]
    return "\n".join(lines) + "\n"


def run_archc(command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "archc", "documentation runs archc only"
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out), pytest.raises(SystemExit):
        main(words[1:])
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def rewrite(page: Path, changes: list[tuple[Block, str]]) -> None:
    text = page.read_text(encoding="utf-8")
    for block, actual in reversed(changes):
        text = text[: block.start] + actual + text[block.end :]
    page.write_text(text, encoding="utf-8")


def links(page: Path) -> Iterator[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))  # `self[0](x)` is no link
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [target for target in links(page) if not os.path.exists(page.parent / target)]  # noqa: PTH110
    assert not missing


def test_generated_pages_are_up_to_date() -> None:
    """`python docs/generate.py` writes them."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert [path.name for path, text in generate.pages() if path.read_text(encoding="utf-8") != text] == []
