"""Sizes that are left free, as numbers: `H`, `floor((H + 1)/2)`, and sums and products of them (`Amount`).

A `Dim` behaves as the integer that it stands for: the rules of layers run on it unchanged. Every comparison is decided
for all sizes still in question at once; where it holds for some of them only, the elaboration goes on with these and
the others are left for a run of their own (`Letters`). Nothing is sampled or guessed: what has no formula is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from math import gcd, lcm, prod
from typing import Any

from archlang.errors.symbolic import SizesCompared, TooManyClasses
from archlang.ir.arithmetic import Symbolic
from archlang.ir.divisors import divisors_within, primes_of
from archlang.ir.letters import MOST_RUNS, Letters, where_negative, where_zero
from archlang.ir.ops.base import OpError
from archlang.ir.size_sets import SizeSet
from archlang.ir.terms import Derived, Expression
from archlang.ir.whole_numbers import MOST_CLASSES, Number, WholeNumber, is_zero

MOST_UNREDUCED = 64 * MOST_CLASSES
"""Of a quotient before common factors are taken out: what is listed on the way must be bounded, too."""

EFFORT_OF_STEP = 30
"""What an operation costs whatever its modulus, in values of residue classes."""

MOST_TERMS = 32
"""Products that a sum keeps as they are added up; more are multiplied out, where that makes them fewer."""

COMPARED_AT_MOST = 10**8
"""Limits on products of sizes from here on are the compiler's own: they say nothing about the architecture."""


class Dim(WholeNumber):
    """A whole number for each size of one letter: (slope*H + offsets[H % modulus])/modulus, always whole.

    That is every formula of +, -, and // and * by constants. `modulus` is as small as it can be, so equal functions are
    equal in all fields.
    """

    __slots__ = ("_hash", "derived", "letter", "letters", "modulus", "offsets", "slope")

    def __init__(
        self, letters: Letters, letter: str, modulus: int, slope: int, offsets: tuple[int, ...], derived: Derived
    ) -> None:
        self.letters = letters
        self.letter = letter
        self.modulus = modulus
        self.slope = slope
        self.offsets = offsets
        self.derived = derived
        # worked out once: dims are keys of many tables, and offsets may be thousands.
        self._hash = hash((letter, modulus, slope, offsets))

    @staticmethod
    def of(letters: Letters, letter: str) -> Dim:
        """A letter itself."""
        return Dim(letters, letter, 1, 1, (0,), lambda: Expression(0, ((letter, 1),)))

    @property
    def names(self) -> tuple[str, ...]:
        """Its letter."""
        return (self.letter,)

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is, to sort and to tell apart."""
        return self.letter, self.modulus, self.slope, self.offsets

    @property
    def domain(self) -> SizeSet:
        """The sizes in question."""
        return self.letters.domains[self.letter]

    def at(self, size: int) -> int:
        """Its value where the letter is `size`."""
        return (self.slope * size + self.offsets[size % self.modulus]) // self.modulus

    @property
    def bounds(self) -> tuple[int, int]:
        """Its smallest and largest value for the sizes in question."""
        # linear between the ends, so the extremes are among them.
        values = [self.at(size) for size in _ends(self.domain, self.modulus)]
        return min(values), max(values)

    @property
    def content(self) -> int:
        """The largest number that divides all its values."""
        # at(r + k*modulus) = at(r) + k*slope, so residues and slope bring all values in.
        return gcd(self.slope, *(self.at(r) for r in range(self.modulus)))

    def less(self, number: int) -> tuple[int, ...]:
        """The offsets of itself less a number."""
        return tuple(offset - number * self.modulus for offset in self.offsets)

    def is_negative(self) -> bool:
        """Whether it is below zero."""
        return self.letters.holds(self.letter, self.slope, self.offsets, where_negative)

    def is_zero(self) -> bool:
        """Whether it is zero."""
        return self.letters.holds(self.letter, self.slope, self.offsets, where_zero)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # `derived` is a function, which pickle cannot write: its result goes instead.
        return _unpickled, (self.letters, *self.key, self.derived())

    def __repr__(self) -> str:
        return repr(self.key)

    def __neg__(self) -> Number:
        return self * -1

    def __add__(self, other: Any) -> Number:
        if isinstance(other, int):
            moved = tuple(c + other * self.modulus for c in self.offsets)
            return self._like(self.modulus, self.slope, moved, lambda: self.derived().plus(Expression(other, ())))
        if not isinstance(other, Dim):
            return self._with(other)
        # no single formula of one letter: a sum of two.
        if other.letter != self.letter:
            return Amount.make(self.letters, [((self,), 1), ((other,), 1)])
        return self._plus(other, 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Number:
        return self._plus(other, -1) if isinstance(other, Dim) and other.letter == self.letter else self + -other

    def __rsub__(self, other: Any) -> Number:
        return -self + other

    def __mul__(self, other: Any) -> Number:
        if isinstance(other, Dim):
            return Amount.make(self.letters, [((self, other), 1)])
        if not isinstance(other, int):
            return self._with(other)
        scaled = tuple(c * other for c in self.offsets)
        return self._like(
            self.modulus, self.slope * other, scaled, lambda: Expression(0, ()).plus(self.derived(), other)
        )

    __rmul__ = __mul__

    def __floordiv__(self, divisor: Any) -> Number:
        if not isinstance(divisor, int):
            return self._over(divisor)
        if divisor <= 0:
            # int's own ZeroDivisionError for 0, so that a formula fails as a number does.
            return -self // -divisor if divisor else 0 // divisor
        # so many more sizes that the quotient grows by a whole number from one period to the next: H//2 has period 2.
        finer = divisor // gcd(self.slope, divisor)
        modulus, slope = self.modulus * finer, self.slope * finer // divisor
        # reducing takes out common factors only: where that cannot be enough, nothing is listed.
        if modulus > MOST_UNREDUCED or modulus // gcd(modulus, slope) > MOST_CLASSES:
            raise OpError(TooManyClasses("residue classes", MOST_CLASSES, self.names))
        self.spend(modulus)
        scale = self.modulus * divisor
        # one value for each residue is all there is to know; it is (slope*r + offset)/modulus, solved for the offset.
        values = ((self.slope * r + self.offsets[r % self.modulus]) // scale for r in range(modulus))
        offsets = tuple(modulus * value - slope * r for r, value in enumerate(values))
        return self._like(modulus, slope, offsets, lambda: self.derived().divided(divisor))

    def spend(self, effort: int) -> None:
        """Count values worked out; refuse to go on where that takes too long."""
        self.letters.effort += effort
        if self.letters.effort > self.letters.most_effort:
            raise OpError(TooManyClasses("steps of arithmetic", self.letters.most_effort, self.names))

    def _over(self, divisor: Any) -> Number:
        # a number over itself is 1; any other quotient of two sizes has no formula.
        if isinstance(divisor, Dim) and divisor.key == self.key:
            _require_nonzero((divisor,))
            return 1
        return self.refuse("a division by a size")

    def __mod__(self, divisor: Any) -> Number:
        return self - self // divisor * divisor

    def _plus(self, other: Dim, sign: int) -> Number:
        modulus = lcm(self.modulus, other.modulus)
        mine, theirs = modulus // self.modulus, sign * (modulus // other.modulus)
        # the offsets of both, repeated to the common modulus.
        a, b = self.offsets * mine, other.offsets * abs(theirs)
        offsets = tuple(x * mine + y * theirs for x, y in zip(a, b, strict=True))
        slope = self.slope * mine + other.slope * theirs
        return self._like(modulus, slope, offsets, lambda: self.derived().plus(other.derived(), sign))

    def _like(self, modulus: int, slope: int, offsets: tuple[int, ...], derived: Derived) -> Number:
        """A number of the same letter: an int, if it is the same for all sizes in question."""
        # the smallest form, without which equal functions would have different hashes and fields.
        modulus, slope, offsets = _reduced(modulus, slope, offsets)
        if modulus > MOST_CLASSES:
            raise OpError(TooManyClasses("residue classes", MOST_CLASSES, self.names))
        self.spend(modulus + EFFORT_OF_STEP)
        made = Dim(self.letters, self.letter, modulus, slope, offsets, derived)
        domain = self.domain
        value = made.at(domain.first)
        # the two outermost sizes settle most cases before all intervals are gone through.
        same = value == made.at(domain.last) and all(made.at(n) == value for n in _ends(domain, modulus))
        return value if same else made


def _unpickled(
    letters: Letters, letter: str, modulus: int, slope: int, offsets: tuple[int, ...], derived: Expression
) -> Dim:
    return Dim(letters, letter, modulus, slope, offsets, lambda: derived)


def _reduced(modulus: int, slope: int, offsets: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
    """The same function with the smallest modulus."""
    for factor in primes_of(gcd(modulus, slope)):
        while modulus % factor == 0 and slope % factor == 0:
            period = modulus // factor
            if offsets != offsets[:period] * factor:
                break
            modulus, slope, offsets = period, slope // factor, tuple(c // factor for c in offsets[:period])
    return modulus, slope, offsets


def _ends(domain: SizeSet, modulus: int) -> Iterable[int]:
    """The sizes between which a function of this modulus is linear."""
    for _, interval in domain.refined(lcm(domain.modulus, modulus)).intervals:
        yield from interval


Factors = tuple[Dim, ...]
Term = tuple[Factors, int]
Terms = tuple[Term, ...]


class Amount(WholeNumber):
    """A sum of products of dims: elements of a map, multiply-accumulates, tokens. It is counted, hardly compared."""

    __slots__ = ("_hash", "letters", "terms")

    def __init__(self, letters: Letters, terms: tuple[tuple[Factors, int], ...]) -> None:
        self.letters = letters
        self.terms = terms
        self._hash = hash(terms)

    @staticmethod
    def make(letters: Letters, terms: Iterable[tuple[Factors, int]]) -> Number:
        """A sum of coefficient*product, as simple as can be: perhaps an int or a dim."""
        sums: dict[Factors, int] = {}
        for factors, coefficient in terms:
            # 2H * 3W and 6 * H * W are one term: what divides all values of a factor goes to the coefficient.
            ordered, content = _primitive(factors)
            sums[ordered] = sums.get(ordered, 0) + coefficient * content
        linear: dict[str, Number] = {}
        constant = sums.pop((), 0)
        # single sizes of one letter add up to a Dim, which knows more about itself than a sum does.
        for factors in [factors for factors in sums if len(factors) == 1]:
            (dim,), coefficient = factors, sums.pop(factors)
            linear[dim.letter] = linear.get(dim.letter, 0) + dim * coefficient
        constant += sum(dim for dim in linear.values() if isinstance(dim, int))
        dims = [dim for dim in linear.values() if isinstance(dim, Dim)]
        products = [(factors, coefficient) for factors, coefficient in sums.items() if coefficient]
        # layer by layer without padding, (H - 2)*(W - 2) + (H - 4)*(W - 4) + ...: multiplied out, that is four terms.
        if len(products) > MOST_TERMS and len(short := _expanded(products)) < len(products):
            return Amount.make(letters, (*short, *(((dim,), 1) for dim in dims), ((), constant)))
        # an Amount only where it is needed: dims and ints can be compared for all sizes at once.
        if not products and len(dims) <= 1:
            return dims[0] + constant if dims else constant
        products += [((dim,), 1) for dim in dims]
        return Amount(letters, (*sorted(products, key=_order), *([((), constant)] if constant else [])))

    @property
    def names(self) -> tuple[str, ...]:
        """The letters of its factors."""
        return tuple(dict.fromkeys(dim.letter for factors, _ in self.terms for dim in factors))

    @property
    def bounds(self) -> tuple[int, int]:
        """Between which values it surely lies."""
        low = high = 0
        for factors, coefficient in self.terms:
            # a product over a box of ranges has its extremes at corners; of a sum of them bounds may be wide.
            corners = [coefficient * prod(values) for values in product(*(dim.bounds for dim in factors))]
            low, high = low + min(corners), high + max(corners)
        return low, high

    def is_negative(self) -> bool:
        """Whether it is below zero; limits of the compiler's own are never reached."""
        low, high = self.bounds
        if high < 0 or low >= 0:
            return high < 0
        # compared with a limit of the compiler's own: taken as not reached, whatever the sizes.
        if -self.constant >= COMPARED_AT_MOST or self.constant >= COMPARED_AT_MOST:
            return self.constant < 0
        return self._undecided()

    def is_zero(self) -> bool:
        """Whether it is zero."""
        low, high = self.bounds
        expanded = self.expanded
        # no terms are left of what is zero as a polynomial: (H - 1)*W - H*W + W.
        if not expanded or low > 0 or high < 0:
            return not expanded
        for terms in (self.terms, expanded):
            match terms:
                case ((factors, _),):
                    return any(dim == 0 for dim in factors)
                # H*W = 12, say: only if the constant divides, and then by its divisors, which are few.
                case ((factors, coefficient), ((), constant)) if all(dim.bounds[0] >= 0 for dim in factors):
                    return constant % coefficient == 0 and self._has_product(factors, -constant // coefficient)
                case _:
                    pass
        return self._has_common_zero(expanded)

    def _has_product(self, factors: Factors, value: int) -> bool:
        """Whether dims that are not negative have this product."""
        if not factors:
            return value == 1
        if value <= 0:
            return value == 0 and any(dim == 0 for dim in factors)
        first, *others = factors
        low, high = first.bounds
        if low < high and not self.letters.closed:
            # what the others can be at all bounds the divisors that are left for the first.
            least, most = (prod(dim.bounds[end] for dim in others) for end in (0, 1))
            divisors = divisors_within(value, max(low, -(-value // max(most, 1))), min(high, value // max(least, 1)))
            if divisors is None:
                return self._undecided()
            if len(divisors) > MOST_RUNS:
                raise OpError(TooManyClasses("cases", MOST_RUNS, first.names))
            first.spend(first.modulus * len(divisors))
            # each divisor is a run of its own, in which the other factors are decided on.
            self.letters.set_apart(first.letter, first.slope, [first.less(divisor) for divisor in divisors])
            low, high = first.bounds
        return low == high > 0 == value % low and self._has_product(tuple(others), value // low)

    def _has_common_zero(self, terms: tuple[tuple[Factors, int], ...]) -> bool:
        """With a factor that all terms share: that it is zero, or the rest is."""
        shared = next((d for d in terms[0][0] if all(_count(d, factors) for factors, _ in terms)), None)
        if shared is None:
            return self._undecided()
        rest = Amount.make(self.letters, [(_without(factors, shared), n) for factors, n in terms])
        return is_zero(shared) or is_zero(rest)

    def _undecided(self) -> bool:
        """Give up, or say that a comparison does not hold for all sizes."""
        # nothing may be split off any more, so what is not known to hold does not hold.
        if self.letters.closed:
            return False
        # both sides of the comparison without signs, as one would write it: H*W < 4*H + 7.
        terms = [(factors, n) if _rises(factors) else ((-factors[0],), -n) for factors, n in self.terms]
        left = Amount.make(self.letters, [term for term in terms if term[1] > 0])
        right = Amount.make(self.letters, [(factors, -n) for factors, n in terms if n < 0])
        raise OpError(SizesCompared(f"{left:,}", f"{right:,}", self.names))

    @property
    def constant(self) -> int:
        """Its part without letters."""
        return next((coefficient for factors, coefficient in self.terms if not factors), 0)

    @property
    def expanded(self) -> Terms:
        """Its terms with each dim less its constant, so that equal amounts have equal terms."""
        return _expanded(self.terms)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return Amount, (self.letters, self.terms)

    def __repr__(self) -> str:
        return repr(self.terms)

    def __neg__(self) -> Number:
        return self * -1

    def __add__(self, other: Any) -> Number:
        if not _is_whole(other):
            return self._with(other)
        return Amount.make(self.letters, (*self.terms, *_terms(other)))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Number:
        return self + -other

    def __rsub__(self, other: Any) -> Number:
        return -self + other

    def __mul__(self, other: Any) -> Number:
        if not _is_whole(other):
            return self._with(other)
        terms = [((*f, *g), n * m) for f, n in self.terms for g, m in _terms(other)]
        return Amount.make(self.letters, terms)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: Any) -> Number:
        if isinstance(divisor, int) and divisor and all(n % divisor == 0 for _, n in self.terms):
            return Amount.make(self.letters, [(factors, n // divisor) for factors, n in self.terms])
        if isinstance(divisor, WholeNumber):
            # only a single product that every term has: 6*H*W // H is 6*W.
            (factors, n), *more = _terms(divisor)
            if not more and all(_divides(factors, n, term) for term in self.terms):
                _require_nonzero(factors)
                return Amount.make(self.letters, [(_without(f, *factors), m // n) for f, m in self.terms])
        return self.refuse("this division of a product of sizes")

    def __mod__(self, divisor: Any) -> Number:
        if isinstance(divisor, int) and divisor and all(n % divisor == 0 for _, n in self.terms):
            return 0
        return self - self // divisor * divisor


def _expanded(terms: Iterable[Term]) -> Terms:
    """Terms multiplied out, each dim less its constant."""
    sums: dict[Factors, int] = {}
    for factors, coefficient in terms:
        for chosen in product(*(_bare(dim) for dim in factors)):
            kept = tuple(sorted((part for part in chosen if isinstance(part, Dim)), key=lambda dim: dim.key))
            numbers = prod(part for part in chosen if isinstance(part, int))
            sums[kept] = sums.get(kept, 0) + coefficient * numbers
    return tuple(sorted(((f, n) for f, n in sums.items() if n), key=_order))


def _is_whole(value: object) -> bool:
    return isinstance(value, int | Symbolic)


def _terms(value: Number) -> tuple[tuple[Factors, int], ...]:
    if isinstance(value, Amount):
        return value.terms
    return (((value,), 1),) if isinstance(value, Dim) else (((), value),)


def _order(term: tuple[Factors, int]) -> Any:
    """Products before single sizes, constants last."""
    return -len(term[0]), [dim.key for dim in term[0]]


def _rises(factors: Factors) -> bool:
    return len(factors) != 1 or factors[0].slope >= 0


def _primitive(factors: Factors) -> tuple[Factors, int]:
    """The factors of a product in their order, without what divides all their values, and that."""
    if len(factors) < 2:
        return factors, 1
    contents = [dim.content for dim in factors]
    reduced = [dim // content if content > 1 else dim for dim, content in zip(factors, contents, strict=True)]
    numbers = prod(n for n in reduced if isinstance(n, int))
    dims = (dim for dim in reduced if isinstance(dim, Dim))
    return tuple(sorted(dims, key=lambda dim: dim.key)), prod(contents) * numbers


def _bare(dim: Dim) -> tuple[Number, Number]:
    """A dim as (what is 0 where the letter is 0, a constant)."""
    return dim - dim.at(0), dim.at(0)


def _count(dim: Dim, factors: Factors) -> int:
    """How often a dim, as it is written, is among factors. (To ask whether dims are equal is to decide it.)"""
    return sum(dim.key == other.key for other in factors)


def _require_nonzero(divisors: Factors) -> None:
    """Fail as int does for the sizes where a divisor is 0; the others go on."""
    if any(dim == 0 for dim in divisors):
        raise ZeroDivisionError


def _without(factors: Factors, *removed: Dim) -> Factors:
    left = list(factors)
    for dim in removed:
        del left[[other.key for other in left].index(dim.key)]
    return tuple(left)


def _divides(factors: Factors, coefficient: int, term: tuple[Factors, int]) -> bool:
    return term[1] % coefficient == 0 and all(_count(dim, term[0]) >= _count(dim, factors) for dim in factors)


def value_at(number: Number, sizes: Mapping[str, int]) -> int:
    """The value of a number for a size of each letter."""
    if isinstance(number, Dim):
        return number.at(sizes[number.letter])
    if isinstance(number, Amount):
        return sum(n * prod(dim.at(sizes[dim.letter]) for dim in factors) for factors, n in number.terms)
    return number
