"""docs/torch-errors.md: what torch is said to say, it says. What archc says is run by test_docs.py."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGE = (Path(__file__).parent.parent / "docs" / "torch-errors.md").read_text(encoding="utf-8")
CASES = re.findall(r"^## (\d+\. [^\n]+)\n\n```py\n(.*?)```\n\n```text\n(.*?)```\n", PAGE, re.MULTILINE | re.DOTALL)


def said(program: str) -> str:
    """What a program prints, or how it ends."""
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            exec(compile(program, "net.py", "exec"), {})
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return out.getvalue().strip()


@pytest.mark.parametrize(("title", "program", "message"), CASES, ids=[title for title, _, _ in CASES])
def test_torch_says_so(title: str, program: str, message: str) -> None:
    assert said(program) == " ".join(message.split()), title


def test_there_are_ten_of_each() -> None:
    assert len(CASES) == PAGE.count("```console\n") == PAGE.count("```py\n") == 10
    assert len(re.findall(r": error\[[a-z-]+\]: ", PAGE)) == 10
