"""Vectors: the values that one number of the text has in several bodies at once."""

from __future__ import annotations

from typing import Any

from archlang.traced import is_traced

Vector = tuple[Any, ...]


class _Any:
    """Stands for the number of a part that is not there: any will do."""

    def __repr__(self) -> str:
        return "ANY"


ANY = _Any()


def equal(one: Vector, other: Vector) -> bool:
    """Whether two vectors have the same values of the same types (1 is not true)."""
    # `1 == 1.0 == True`, but their texts differ, and so do those of numbers that follow from parameters in other ways
    if one == other:
        return repr(one) == repr(other)
    # most vectors have no gaps, and this is asked for every number of the text
    if ANY not in one and ANY not in other:
        return False
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not ANY and b is not ANY]
    return repr([a for a, _ in pairs]) == repr([b for _, b in pairs])


def known_of(vector: Vector) -> Vector:
    """The values that matter."""
    return tuple(value for value in vector if value is not ANY) if ANY in vector else vector


def first_of(vector: Vector) -> Any:
    """The first value that matters."""
    return next((value for value in vector if value is not ANY), None)


def is_constant(vector: Vector) -> bool:
    """Whether all values are the same."""
    known = known_of(vector)
    return equal(known, known[:1] * len(known))


def is_literal(vector: Vector) -> bool:
    """Whether all values are the same, and follow from no parameter."""
    return is_constant(vector) and not is_traced(known_of(vector))


def all_integers(vector: Vector) -> bool:
    """Whether all values are whole numbers."""
    return all(isinstance(value, int) and not isinstance(value, bool) for value in known_of(vector))
