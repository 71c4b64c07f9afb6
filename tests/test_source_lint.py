"""Whatever authors call things and say about them, linters and formatters have nothing to say about the file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from test_source_arguments import opened
from test_source_golden import LONGEST_LINE

from archlang.backends.torch_source import write_source
from archlang.backends.torch_source.text import wrapped
from archlang.source import Source

WORDS = (
    "arXiv", "1404.5997,", "Krizhevsky:", "a", "multiply-accumulates", "https://example.org/" + "x" * 60, "網絡結構", "\\d",
    '"quoted"', "'", "é", "#", "C:\\new", '"""', "-", "well-known", "x" * 130, "the", "of", "0.5,", "::",
)  # fmt: skip
"""What stands in comments: long words, wide letters, quotes and backslashes."""

CONDITIONS = (
    "25 != c", "c == 4", "4 < c", "f == true", "not (c == 4)", "not not f", "not (f and c > 4)", "c * 2 >= in_channels",
    "16 <= c", "(c if f else 8) != 4", "not (4 > c) or f", "f != false", "-4 < c", "3 * 5 == c + 1",
)  # fmt: skip


def comment(random: Random) -> str:
    """A comment above a model, of several lines."""
    lines = (" ".join(random.choices(WORDS, k=random.randint(1, 30))) for _ in range(random.randint(1, 4)))
    return "\n".join(f"# {line}" for line in lines)


def program(random: Random) -> str:
    """A model with long names, many outputs, and conditions as people write them."""
    long = "_".join(random.choices(("stage", "width", "channels", "of", "the", "decoder"), k=random.randint(1, 5)))
    asked = [random.choice(CONDITIONS) for _ in range(2)]
    outputs = " -> ".join(f"OUTPUT{{{long}{number}: CONV(4, 1)}}" for number in range(random.randint(0, 5)))
    return f"""
block {long}_block(c, f = true) = CONV(c, 1) -> [BN]?({asked[0]}) -> part_{long}: [CONV(c, 1) -> RELU]?({asked[1]})
{comment(random)}
model Net{long.title().replace("_", "")}({long} = 6, on = true) =
  INPUT(3, 8, 8) -> {long}_block({long}) -> {long}_block(4, on) -> {long}_block(25, false) -> {long}_block(16, true)
  {f"-> {outputs}" if outputs else ""} -> FC({long})"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    for seed in range(12):
        model, variants = opened(Source("a_file_with_a_name.arch", program(Random(seed))))
        text = write_source(model, "a_file_with_a_name.arch", variants)
        ast.parse(text)
        (folder / f"net{seed}.py").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "command",
    [("format", "--diff"), ("check", "--select", "E,F,W,I,UP,N,B,SIM,RET,PIE", "--output-format", "concise")],
)
def test_ruff_has_nothing_to_say(written: Path, command: tuple[str, ...]) -> None:
    arguments = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", str(LONGEST_LINE), "."]
    run = subprocess.run([*arguments, "--no-cache"], cwd=written, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


def test_lines_are_broken_between_words() -> None:
    assert wrapped("a line", 80) == ["a line"]
    assert wrapped("", 80) == [""]
    assert wrapped("    name: one two", 14) == ["    name: one", "        two"]
    # letters of two columns, and what a backslash hides
    assert wrapped("網絡 結構", 6) == ["網絡", "結構"]
    assert wrapped("\\" * 20, 9) == ["\\" * 20]
