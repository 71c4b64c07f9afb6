"""Which layers there are: archlang's own and those that others register."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass
from functools import cache
from typing import Any, TypeVar

from archlang.ir.ops.base import Op

ENTRY_POINTS = "archlang.layers"
"""Group of entry points through which installed packages offer layers; each names a class."""

OPS: list[type[Op]] = []
"""All layers, in the order of their registration."""

WORDS: dict[str, type[Op]] = {}
"""Layers by the words that name them."""

RESERVED = ("INPUT", "SHARE", "AUX", "OUTPUT", "_")
"""Words that the language uses itself."""

OpClass = TypeVar("OpClass", bound=type[Op])


def register(op: OpClass) -> OpClass:
    """Make a layer known by its words; usable as a decorator. A second class of the same name replaces the first.

    Raises ValueError if the class is not complete, or a word is taken by another layer.
    """
    # plugins come from elsewhere: an error here is the author's first message, so it names what is missing.
    candidate: Any = op  # callers may not check types
    if not (is_dataclass(candidate) and isinstance(candidate, type) and issubclass(candidate, Op)):
        raise ValueError(f"{op.__name__} is no record (a dataclass) derived from archlang.layers.Op")
    missing = [name for name in ("tag", "words", "kind") if not getattr(op, name, None)]
    if missing:
        raise ValueError(f"{op.__name__} has no {' and no '.join(missing)}")
    before = next((known for known in OPS if known.tag == op.tag), None)
    # the tag stands in written files: two layers of one tag could not be told apart on reading.
    if before is not None and before.__qualname__ != op.__qualname__:
        raise ValueError(f"the tag {op.tag!r} belongs to {before.__qualname__}")
    words = (*op.words, *op.adapted)
    # a layer registered again, as a reloaded module does, may keep its own words.
    taken = [w for w in words if w in RESERVED or (w in WORDS and WORDS[w].tag != op.tag)]
    if taken:
        raise ValueError(f"{', '.join(taken)}: these words have a meaning already")
    # in place: others hold this very list.
    OPS[:] = [*(known for known in OPS if known is not before), op]
    WORDS.update(dict.fromkeys(words, op))
    return op


def register_all(ops: Iterable[type[Op]]) -> None:
    """Register several."""
    for op in ops:
        register(op)


@cache
def load_entry_points() -> None:
    """Register the layers of installed packages; done when a word is not known, since looking costs time."""
    from archlang.plugins import take_offers

    take_offers(ENTRY_POINTS, register)


def find_layer(word: str) -> type[Op] | None:
    """The layer that a word names."""
    # most checks know all their words and never look through what is installed.
    if word not in WORDS and word[:1].isalpha():
        load_entry_points()
    return WORDS.get(word)
