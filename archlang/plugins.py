"""What installed packages offer archlang through entry points: layers and lints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from archlang.records import record

GROUPS = b"[archlang."
"""How the groups of entry points that archlang asks for begin, in the files where packages list theirs."""


@cache
def _entry_points() -> Any:
    """All entry points of all packages."""
    from importlib.metadata import entry_points

    return entry_points()


@cache
def _any_offered() -> bool:
    """Whether the file of any package names a group of ours: `importlib.metadata` costs as much as a small check does.

    What is no folder of files, such as a zip, is left to `importlib.metadata`.
    """
    # one is Python's own PathFinder, which looks in sys.path; another one may know packages from elsewhere
    others = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    return len(others) > 1 or any(_may_offer(folder) for folder in dict.fromkeys(sys.path))


def _may_offer(folder: str) -> bool:
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - half the time of Path.iterdir
    except OSError:
        return Path(folder).is_file()
    about = (name for name in names if name.lower().endswith((".dist-info", ".egg-info", "egg-info")))
    return any(_names_a_group(Path(folder, name, "entry_points.txt")) for name in about)


def _names_a_group(listed: Path) -> bool:
    try:
        return GROUPS in listed.read_bytes()
    except OSError:
        return False


@record
class Broken:
    """Something that a package offers and that cannot be used: the entry point's name and package, and why."""

    name: str
    package: str
    reason: str

    @property
    def text(self) -> str:
        """All of it in a sentence."""
        return f"`{self.name}` of the package {self.package} cannot be used: {self.reason}"


BROKEN: list[Broken] = []
"""What could not be used so far: a check goes on without it, and says so."""


def take_offers(group: str, take: Callable[[Any], object]) -> None:
    """Load the objects of a group and hand each on. What cannot be loaded, or is not taken, is noted in `BROKEN`."""
    for entry in _entry_points().select(group=group) if _any_offered() else ():
        try:
            take(entry.load())
        # whatever a package's import raises: it must not end checks that have nothing to do with it
        except Exception as error:
            package = entry.dist.name if entry.dist else entry.value
            BROKEN.append(Broken(entry.name, package, reason_of(error)))


def reason_of(error: Exception) -> str:
    """An exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
