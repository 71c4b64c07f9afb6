"""Files that ship with the package: the grammar, the prelude, the zoo.

A wheel carries `grammars` and `zoo` inside the package; in a checkout (and an editable install) they stand beside it.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder `grammars` or `zoo`, wherever this installation keeps it."""
    inside = PACKAGE / name
    # not by importlib.resources: networks of the zoo are files with paths, which people read and import
    return inside if inside.is_dir() else PACKAGE.parent / name


def grammar_text() -> str:
    """The grammar of the language."""
    return (folder("grammars") / "arch.lark").read_text(encoding="utf-8")


def prelude_text() -> str:
    """What bare words stand for, in the language itself."""
    return (folder("grammars") / "prelude.arch").read_text(encoding="utf-8")


def zoo_files() -> list[Path]:
    """The networks that ship with the package, by name."""
    return sorted(folder("zoo").glob("*.arch"))
