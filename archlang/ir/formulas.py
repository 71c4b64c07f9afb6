"""Sizes left free as formulas that people read: the simplest that holds for all sizes in question.

`(H - 4)`, `H/16` where only multiples of 16 are legal, `floor((H - 3)/4)`, `ceil(H/2)`; nested roundings are one where
one is enough.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any, cast

from archlang.ir.arithmetic import Symbolic
from archlang.ir.dims import Amount, Dim, Factors
from archlang.ir.size_sets import SizeSet
from archlang.ir.terms import Expression, Floor

MOST_TRIED = 64
"""Multiples that are looked at for a formula such as 2*floor(H/2) + 1."""


def formula(number: Symbolic, thousands: bool = False) -> str:
    """The formula of a size left free."""
    text = _dim_formula(number) if isinstance(number, Dim) else _amount_formula(cast("Amount", number))
    return re.sub(r"\d{4,}", lambda digits: f"{int(digits[0]):,}", text) if thousands else text


def plain(number: Any) -> int | str:
    """A number for programs: an int, or a formula as a text."""
    text = str(number) if isinstance(number, int) else formula(number)
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def in_product(text: str) -> str:
    """A formula as it stands in `64x(H - 4)`: in parentheses, unless it is a word, a number or one function."""
    return text if re.fullmatch(r"\w+|(floor|ceil)\((?:[^()]|\([^()]*\))*\)", text) else f"({text})"


# ---- one letter ------------------------------------------------------------------------------------


def _dim_formula(dim: Dim) -> str:
    residues = _residues(dim.domain, dim.modulus)
    low, high = dim.bounds
    # of the sizes in question alone: a rule may have left one value of a formula.
    if low == high:
        return str(low)
    return (
        # from what reads most easily to what always works.
        _straight(dim, residues)
        or _rounded(dim, residues, 1, 0)
        or _multiple(dim, residues)
        or expression_text(dim.derived())
    )


def _residues(domain: SizeSet, modulus: int) -> list[int]:
    """Residues that sizes of a domain have."""
    # classes without sizes do not count: of multiples of 16, H/16 needs no rounding.
    found = {r % modulus for r, _ in domain.refined(lcm(domain.modulus, modulus)).intervals}
    return sorted(found)


def _straight(dim: Dim, residues: Sequence[int]) -> str | None:
    """`(3H + 2)/4`, where no rounding is needed."""
    if len({dim.offsets[r] for r in residues}) > 1:
        return None
    slope, offset = dim.slope, dim.offsets[residues[0]]
    common = gcd(slope, offset, dim.modulus)
    return quotient_text(linear_text(dim.letter, slope // common, offset // common), dim.modulus // common)


def _rounded(dim: Dim, residues: Sequence[int], factor: int, plus: int) -> str | None:
    """`floor((pH + q)/d)` or `ceil(...)`, times `factor` plus a number."""
    slope = Fraction(dim.slope, dim.modulus * factor)
    over, under = slope.numerator, slope.denominator
    values = [(r, divmod(dim.at(r) - plus, factor)) for r in residues]
    if any(rest for _, (_, rest) in values):
        return None
    # floor((pr + q)/d) = v just where v*d <= pr + q <= v*d + d - 1: the q that do for all residues at once.
    low = max(value * under - over * r for r, (value, _) in values)
    high = min(value * under + under - 1 - over * r for r, (value, _) in values)
    if low > high:
        return None
    # ceil(n/d) = floor((n + d - 1)/d): the same range moved. ceil(H/2) reads better than floor((H + 1)/2).
    down, up = _nearest_zero(low, high), _nearest_zero(low - under + 1, high - under + 1)
    name, shift = ("floor", down) if abs(down) <= abs(up) else ("ceil", up)
    text = f"{name}({quotient_text(linear_text(dim.letter, over, shift), under)})"
    return _sum_text([(factor, text)], plus)


def _multiple(dim: Dim, residues: Sequence[int]) -> str | None:
    """`2*floor(H/2) + 1`."""
    # 2*floor(H/2) + 1 takes every second value only: its differences have 2 in common.
    rise = gcd(*(dim.at(a) - dim.at(residues[0]) for r in residues for a in (r, r + dim.modulus)))
    for factor in (n for n in range(2, min(abs(rise), MOST_TRIED) + 1) if rise % n == 0):
        if text := _rounded(dim, residues, factor, dim.at(residues[0]) % factor):
            return text
    return None


def _nearest_zero(low: int, high: int) -> int:
    return min(max(0, low), high)


# ---- several letters -------------------------------------------------------------------------------

Powers = tuple[str, ...]
"""A product of letters, in alphabetical order."""


def _amount_formula(amount: Amount) -> str:
    if len(amount.terms) == 1:
        return _term_text(*amount.terms[0])
    # multiplied out where no rounding is in the way, over one denominator: (3*H*W + 2*H)/4.
    polynomial = _polynomial(amount)
    if polynomial is None:
        return _sum_of([_term_text(*term) for term in amount.terms])
    under = lcm(*(c.denominator for c in polynomial.values()))
    ordered = sorted(polynomial.items(), key=lambda item: (-len(item[0]), item[0]))
    terms = [_product_text(int(c * under), powers) for powers, c in ordered]
    return quotient_text(_sum_of(terms), under)


def _polynomial(amount: Amount) -> dict[Powers, Fraction] | None:
    """The amount as a polynomial of its letters; None if something in it must be rounded."""
    sums: dict[Powers, Fraction] = {}
    for factors, coefficient in amount.terms:
        product = {(): Fraction(coefficient)}
        for dim in factors:
            line = _line(dim)
            if line is None:
                return None
            product = _times(product, dim.letter, *line)
        for powers, c in product.items():
            sums[powers] = sums.get(powers, Fraction(0)) + c
    return {powers: c for powers, c in sums.items() if c}


def _line(dim: Dim) -> tuple[Fraction, Fraction] | None:
    """(a, b) of a*H + b."""
    low, high = dim.bounds
    if low == high:
        return Fraction(0), Fraction(low)
    offsets = {dim.offsets[r] for r in _residues(dim.domain, dim.modulus)}
    return (Fraction(dim.slope, dim.modulus), Fraction(offsets.pop(), dim.modulus)) if len(offsets) == 1 else None


def _times(product: dict[Powers, Fraction], letter: str, a: Fraction, b: Fraction) -> dict[Powers, Fraction]:
    result = {powers: c * b for powers, c in product.items()}
    for powers, c in product.items():
        higher = tuple(sorted((*powers, letter)))
        result[higher] = result.get(higher, Fraction(0)) + c * a
    return result


def _term_text(factors: Factors, coefficient: int) -> str:
    """`1,728*(H - 2)*(W - 2)`: denominators are taken to the coefficient."""
    scale, texts = Fraction(coefficient), list[str]()
    for dim in factors:
        line = _line(dim)
        if line is None:
            texts.append(in_product(_dim_formula(dim)))
            continue
        # (3H + 6)/2 as 3/2 * (H + 2): the factor stands without numbers in common.
        under = lcm(line[0].denominator, line[1].denominator)
        over = gcd(int(line[0] * under), int(line[1] * under)) or 1
        scale *= Fraction(over, under)
        if line[0]:
            texts.append(
                in_product(linear_text(dim.letter, int(line[0] * under) // over, int(line[1] * under) // over))
            )
    return quotient_text(_product_text(scale.numerator, tuple(texts)), scale.denominator)


def _product_text(coefficient: int, factors: Sequence[str]) -> str:
    if not factors:
        return str(coefficient)
    # powers as Python writes them, so that a formula can be pasted into a file.
    words = "*".join(f"{f}**{factors.count(f)}" if factors.count(f) > 1 else f for f in dict.fromkeys(factors))
    return words if coefficient == 1 else f"-{words}" if coefficient == -1 else f"{coefficient}*{words}"


def _sum_of(terms: Sequence[str]) -> str:
    text = " + ".join(terms)
    return text.replace("+ -", "- ") or "0"


# ---- text ------------------------------------------------------------------------------------------


def linear_text(letter: str, slope: int, offset: int) -> str:
    """`H`, `2*H + 3`, `5 - H`."""
    if slope == 0:
        return str(offset)
    if slope < 0 < offset:
        return f"{offset} - {linear_text(letter, -slope, 0)}"
    return _sum_text([(slope, letter)], offset)


def quotient_text(text: str, divisor: int) -> str:
    """`H/16`, `(H - 60)/16`."""
    # `H*W/2` needs no parentheses, `(H - 60)/16` does.
    simple = re.fullmatch(r"[\w*,()+ -]*", text) and (" " not in text or _is_wrapped(text))
    return text if divisor == 1 else f"{text}/{divisor}" if simple else f"({text})/{divisor}"


def _is_wrapped(text: str) -> bool:
    """Whether blanks stand in parentheses only."""
    depth = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == " " and depth == 0:
            return False
    return True


def _sum_text(terms: Sequence[tuple[int, str]], constant: int) -> str:
    """`2*floor(H/2) + 1`."""
    parts = [_product_text(coefficient, (text,)) for coefficient, text in terms]
    if constant or not parts:
        parts.append(str(constant))
    return _sum_of(parts)


def expression_text(expression: Expression) -> str:
    """An expression as it came about, where nothing simpler says the same."""
    return _sum_text([(n, _atom_text(atom)) for atom, n in expression.terms], expression.constant)


def _atom_text(atom: str | Floor) -> str:
    return atom if isinstance(atom, str) else f"floor({quotient_text(expression_text(atom.of), atom.by)})"
