"""How a size left free came about: sums of letters and of divisions that round down, for display alone."""

from __future__ import annotations

from collections.abc import Callable

from archlang.records import record


@record
class Floor:
    """A whole division, rounded down."""

    of: Expression
    by: int


@record
class Expression:
    """constant + the sum of coefficient*atom; an atom is a letter or a division."""

    constant: int
    terms: tuple[tuple[str | Floor, int], ...]

    def plus(self, other: Expression, factor: int = 1) -> Expression:
        """The sum with a multiple of another."""
        terms = dict(self.terms)
        for atom, coefficient in other.terms:
            terms[atom] = terms.get(atom, 0) + coefficient * factor
        # H - H leaves nothing to show.
        kept = tuple((atom, coefficient) for atom, coefficient in terms.items() if coefficient)
        return Expression(self.constant + other.constant * factor, kept)

    def divided(self, by: int) -> Expression:
        """floor(this/by), with what divides taken out and a division of a division as one."""
        # floor((4H + W + 3)/2) = 2H + floor((W + 1)/2) + 1: what divides comes out whole.
        whole = tuple((atom, coefficient // by) for atom, coefficient in self.terms if coefficient % by == 0)
        rest = tuple((atom, coefficient) for atom, coefficient in self.terms if coefficient % by)
        outside, inside = divmod(self.constant, by)
        if not rest:
            return Expression(outside, whole)
        match rest:
            # floor((floor(H/2) + 1)/3) = floor((H + 2)/6), for whole numbers.
            case ((Floor() as inner, 1),):
                floor = Floor(inner.of.plus(Expression(inside * inner.by, ())), inner.by * by)
            case _:
                floor = Floor(Expression(inside, rest), by)
        return Expression(outside, whole).plus(Expression(0, ((floor, 1),)))


Derived = Callable[[], Expression]
"""How a number came about, worked out when it is to be shown."""
