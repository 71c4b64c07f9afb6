"""Loading a file again: what has not changed is not checked again, and what has changed is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang import repeated
from archlang.diagnostics import ArchitectureError

MAIN = 'from "part.arch" import part\nmodel Net(c = 4) = INPUT(3, 8, 8) -> part(c) -> FC(2)\n'
PART = "block part(c) = CONV(c, 3x3) -> RELU\n"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are checked from here on."""
    made: list[str] = []
    check = repeated.check_source

    def noted(source: Any, *rest: Any) -> Any:
        made.append(Path(source.name).name)
        return check(source, *rest)

    monkeypatch.setattr(repeated, "check_source", noted)
    repeated._kept.clear()
    return made


@pytest.fixture
def main(tmp_path: Path) -> Path:
    (tmp_path / "part.arch").write_text(PART, encoding="utf-8")
    (tmp_path / "net.arch").write_text(MAIN, encoding="utf-8")
    return tmp_path / "net.arch"


def size(net: Any) -> int:
    return sum(values.numel() for values in net.parameters())


def test_the_same_again(main: Path, checks: list[str]) -> None:
    one, other = archlang.load(main), archlang.load(main)
    assert checks == ["net.arch"]
    assert one.arch == other.arch
    assert one.get_parameter("fc1.weight") is not other.get_parameter("fc1.weight")


def test_other_values_and_options(main: Path, checks: list[str]) -> None:
    sizes = {size(archlang.load(main, **given)) for given in ({}, {"c": 5}, {"c": 6}, {"input": (3, 9, 9)})}
    assert len(sizes) == 4
    assert len(checks) == 4


def test_an_edited_file(main: Path, checks: list[str]) -> None:
    before = archlang.load(main)
    main.write_text(MAIN.replace("FC(2)", "FC(7)"), encoding="utf-8")
    assert size(archlang.load(main)) > size(before)
    assert len(checks) == 2


def test_an_edited_import(main: Path, checks: list[str]) -> None:
    before = archlang.load(main)
    main.with_name("part.arch").write_text(PART.replace("3x3", "5x5"), encoding="utf-8")
    assert size(archlang.load(main)) != size(before)
    assert len(checks) == 2
    main.with_name("part.arch").unlink()
    with pytest.raises(ArchitectureError, match=r"part\.arch"):
        archlang.load(main)


def test_errors_are_found_again(main: Path, checks: list[str]) -> None:
    main.write_text(MAIN.replace("part(c)", "CONV(c, 9x9)"), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ArchitectureError):
            archlang.load(main)
    assert len(checks) == 2


def test_only_the_last_ones_are_kept(main: Path, checks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated, "MOST_KEPT", 2)
    for c in (1, 2, 3, 3, 2, 1):
        archlang.load(main, c=c)
    assert len(checks) == 4
    assert len(repeated._kept) == 2
