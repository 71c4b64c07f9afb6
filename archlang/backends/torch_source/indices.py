"""Numbers of a loop that follow from the place of a copy: `drop * (before + i)`, as the author of the file wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from archlang.backends.torch_source.authors import Author, Written
from archlang.backends.torch_source.vectors import ANY, Vector, is_literal, known_of
from archlang.records import record


@record
class Place:
    """Copies of one run: which instance of the constructor they belong to, and which places of the loop are theirs."""

    instance: int
    copies: range


def places_of(origin: Sequence[int], instances: Sequence[int], counts: Sequence[int]) -> list[Place]:
    """The places of runs, given the loop of each, the instance of the constructor, and the number of copies."""
    taken: dict[int, int] = {}
    places: list[Place] = []
    for loop, instance, count in zip(origin, instances, counts, strict=True):
        # copies are counted within one loop; each instance of the frame around has a loop of its own
        first = taken.get(loop, 0)
        taken[loop] = first + count
        places.append(Place(instance, range(first, first + count)))
    return places


def find_written(
    values: Vector,
    places: Sequence[Place],
    written: Sequence[Written],
    known: Mapping[str, Vector],
    author: Author,
    firsts: Sequence[int],
) -> tuple[Written, str, int] | None:
    """An expression that gives the values with the place of each copy for one of its names, that name, and its first.

    `firsts` are the numbers that the first copy may have.
    """
    # longer expressions come first: the author's whole one, not a part of it that happens to fit
    for one, first in product(written, firsts):
        unknown = one.names - set(known)
        # all other names must have one value in the whole constructor, or the place is not all that changes
        if len(unknown) == 1 and unknown <= one.counting:
            index = next(iter(unknown))
            around = [{name: known[name][place.instance] for name in one.names - {index}} for place in places]
            copies = [range(place.copies.start + first, place.copies.stop + first) for place in places]
            # a run of several copies has one value, so an expression that changes from copy to copy does not fit it
            rows = zip(values, around, copies, strict=True)
            if all(_gives(one, index, value, names, numbers, author) for value, names, numbers in rows):
                return one, index, first
    return None


def _gives(one: Written, index: str, value: object, around: Mapping[str, Any], copies: range, author: Author) -> bool:
    """Whether an expression is a value, of the same type, for each copy of a run."""
    given = (author.formula(one, {**around, index: copy}) for copy in copies)
    return value is ANY or all(repr(number) == repr(value) for number in given)


def shift_of(values: Vector, places: Sequence[Place]) -> int | None:
    """How much whole numbers are more than the places of the copies, if that is the same for all."""
    pairs = [(value, place) for value, place in zip(values, places, strict=True) if value is not ANY]
    # type, not isinstance: true is no number, and a traced number has a formula of its own
    if any(type(value) is not int or len(place.copies) > 1 for value, place in pairs):
        return None
    shifts = {value - place.copies.start for value, place in pairs}
    return shifts.pop() if len(shifts) == 1 else None


def is_better_as_table(column: Vector) -> bool:
    """Whether a table says more than a formula: the same whole numbers in every object."""
    values = [value for table in known_of(column) for value in table]
    # fractions such as `drop * i / 12` say nothing as a list of digits
    return is_literal(column) and not any(isinstance(value, float) for value in values)
