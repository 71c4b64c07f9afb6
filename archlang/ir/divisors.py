"""Primes and divisors of numbers that files may write as large as they like. Imports nothing of the project."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, chain, cycle

LARGEST_TRIED = 1_000_000
"""Numbers that are tried as factors: some hundredths of a second, and all that a size left free can be."""

# from 7 on in steps over what 2, 3 and 5 divide.
_STEPS = (4, 2, 4, 2, 4, 6, 2, 6)


def primes_of(number: int) -> tuple[int, ...]:
    """The primes up to `LARGEST_TRIED` that divide a number, in ascending order; and what remains if it is a prime."""
    primes, rest = _split(number)
    return (*dict.fromkeys(primes), *((rest,) if 1 < rest < LARGEST_TRIED**2 else ()))


def divisors_within(number: int, low: int, high: int) -> tuple[int, ...] | None:
    """The divisors of a number above zero from `low` to `high`, ascending; None where it is too large to say."""
    primes, rest = _split(number)
    found = {1}
    for prime in primes:
        found |= {n * prime for n in found if n * prime <= high}
    if rest > 1 and high > LARGEST_TRIED:
        # what has no factor up to the limit is a prime below its square.
        if rest > LARGEST_TRIED**2:
            return None
        found |= {n * rest for n in found if n * rest <= high}
    return tuple(sorted(n for n in found if n >= low))


@lru_cache(maxsize=256)
def _split(number: int) -> tuple[tuple[int, ...], int]:
    """A number as primes up to the limit, each as often as it divides, and the rest, 1 or with larger primes only."""
    primes: list[int] = []
    for factor in chain((2, 3, 5), accumulate(cycle(_STEPS), initial=7)):
        if factor * factor > number or factor > LARGEST_TRIED:
            break
        while number % factor == 0:
            primes.append(factor)
            number //= factor
    # a rest below the square of what was tried is a prime itself, and a small one belongs to the others.
    return (tuple(primes), number) if number == 1 or number > LARGEST_TRIED else ((*primes, number), 1)
