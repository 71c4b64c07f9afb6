"""What installed packages offer archlang through entry points: layers and lints."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any


@cache
def _entry_points() -> Any:
    """All entry points of all packages: to look for them costs more than the rest of a small check."""
    from importlib.metadata import entry_points

    return entry_points()


def offered(group: str) -> Iterator[Any]:
    """The objects of a group, loaded."""
    for entry in _entry_points().select(group=group):
        yield entry.load()
