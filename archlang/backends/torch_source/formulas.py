"""Formulas of whole numbers: how one vector follows from others, in all its places.

Nothing is guessed: a formula that is found holds for every value it was given, and of numbers that follow from the
parameters of a model (`traced.py`), for whatever these are.
"""

from __future__ import annotations

import re

from archlang.backends.torch_source.vectors import Vector
from archlang.traced import plain

NEAREST = 2
"""A number of copies may be written as another that differs by so many."""

ENOUGH = 4
"""Different values that an expression with two numbers of its own must hold for: two settle it, the others test it."""


def derive(values: Vector, given: Vector, is_count: bool = False) -> str | None:
    """How numbers follow from others: `4 * {}`, `{} // 2`, `{} - 1`; `{}` stands for the others."""
    # looked for among plain numbers, proved on those that say how they follow from parameters: 20 is not `max(w, 20)`
    found = _derived(plain(values), plain(given), is_count)
    if found is None or not all(_holds(found, *pair) for pair in zip(values, given, strict=True)):
        return None
    return found


def _holds(formula: str, value: int, number: int) -> bool:
    """Whether a formula gives a number, and gives it whatever the parameters are that both follow from."""
    # all that `_derived` writes: `4 * {}`, `{} // 2`, `{} - 1`, `2 * {} + 1`
    found = re.fullmatch(r"(?:(\d+) \* )?\{\}(?: // (\d+))?(?: ([+-]) (\d+))?", formula)
    if found is None:
        return False
    factor, divisor, sign, term = found.groups()
    result = number * int(factor or 1) // int(divisor or 1) + int(f"{sign or ''}{term or 0}")
    # `repr` of a traced number is its value with its formula
    return repr(result) == repr(value)


def _derived(values: Vector, given: Vector, is_count: bool) -> str | None:
    # equal pairs tell nothing more, and the ends of the order give the slope below
    pairs = sorted(set(zip(values, given, strict=True)), key=lambda pair: pair[1])
    differences = {value - number for value, number in pairs}
    # copies are counted (`depth - 1` behind a first that differs), channels multiplied: 8 of 4 is `2 * {}`
    if is_count and len(differences) == 1 and abs(difference := next(iter(differences))) <= NEAREST:
        return f"{{}} {_signed(difference)}"
    if all(number and value % number == 0 for value, number in pairs) and len({v // n for v, n in pairs}) == 1:
        return f"{pairs[0][0] // pairs[0][1]} * {{}}"
    if (
        all(value and number and number % value == 0 for value, number in pairs)
        and len({n // v for v, n in pairs}) == 1
    ):
        return f"{{}} // {pairs[0][1] // pairs[0][0]}"
    # one number with two values has no formula at all
    if len(pairs) < ENOUGH or len({number for _, number in pairs}) < len(pairs):
        return None
    return _linear(pairs) or _divided(pairs)


def _linear(pairs: list[tuple[int, int]]) -> str | None:
    (first, start), (last, end) = pairs[0], pairs[-1]
    factor, rest = divmod(last - first, end - start)
    term = first - factor * start
    # without a term it is a plain multiple, which is looked for above
    if rest or any(value != factor * number + term for value, number in pairs) or factor <= 0 or not term:
        return None
    return f"{f'{factor} * ' if factor > 1 else ''}{{}} {_signed(term)}"


def _divided(pairs: list[tuple[int, int]]) -> str | None:
    """`{} // 3`, or `{} // 3 * 2` never: only plain quotients, rounded down."""
    value, number = pairs[-1]
    # exact quotients are found above; these are rounded, as `in_channels // 3` is
    for divisor in range(2, 65) if value > 0 else ():
        if number // divisor == value and all(n // divisor == v for v, n in pairs):
            return f"{{}} // {divisor}"
    return None


def _signed(term: int) -> str:
    return f"{'-' if term < 0 else '+'} {abs(term)}"


def product_factor(values: Vector, one: Vector, other: Vector) -> int | None:
    """The whole number k with values = k * one * other, where both vary enough to tell."""
    factor = _factor(plain(values), plain(one), plain(other))
    rows = zip(values, one, other, strict=True)
    return factor if factor and all(repr(factor * a * b) == repr(value) for value, a, b in rows) else None


def _factor(values: Vector, one: Vector, other: Vector) -> int | None:
    triples = set(zip(values, one, other, strict=True))
    # each side must vary, or a factor would do for it as well
    if len({a for _, a, _ in triples}) < ENOUGH - 1 or len({b for _, _, b in triples}) < ENOUGH - 1:
        return None
    if any(a * b <= 0 or v % (a * b) for v, a, b in triples):
        return None
    factors = {v // (a * b) for v, a, b in triples}
    return factors.pop() if len(factors) == 1 and min(factors) > 0 else None
