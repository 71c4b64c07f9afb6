"""The linter, the formatter and the type checker have nothing to say; part of the tests so that one command runs all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

TOOLS = {
    "ruff": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("basedpyright", "--pythonpath", sys.executable),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_to_say(tool: str) -> None:
    module, *arguments = TOOLS[tool]
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ci_runs_the_command_of_the_readme() -> None:
    """`.ci/run` takes it from there; here it is held to be one line that a reader can copy."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Tests\n")[1].split("```")[1]
    language, command = block.strip().split("\n")
    assert language == "sh"
    assert command.endswith(" -m pytest -n 2")
    assert '".[dev]"' in command
    assert "## Tests" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
