"""Numbers that remember how they follow from the parameters of a model, for backends that keep parameters as such.

A traced number calculates like any other and has one value, but it is equal only to numbers that follow from the
parameters alike: 16 that is `width` is not 16 that is `max(width, 8)`. Sums and products of whole numbers are kept as
polynomials, so `2 * (w + 1)` is `w + w + 2`; what is none (a quotient, a maximum) is a symbol in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

Terms = Mapping[tuple[str, ...], int]
"""A polynomial: for each product of symbols, how often it counts. The empty product is 1."""

MOST_TERMS = 32
"""A longer polynomial becomes a symbol."""

LONGEST = 160
"""Characters of a symbol; a longer one is known by its digest."""


class Traced:
    """A number with how it follows from parameters, as text, and the names of these."""

    text: str
    names: frozenset[str]

    def __hash__(self) -> int:
        return hash(self.text)


class TracedInt(Traced, int):
    """A whole number that follows from parameters."""

    terms: Terms

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TracedInt) and int.__eq__(self, other) is True and self.text == other.text

    # int has a __ne__ of its own, which does not ask __eq__; and with __eq__ alone, a class has no hash
    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        # by how it follows: values that are equal have equal texts
        return hash(self.text)

    def __repr__(self) -> str:
        return f"{int.__repr__(self)}[{self.text}]"

    def __str__(self) -> str:
        return int.__repr__(self)

    def __add__(self, other: Any) -> Any:
        return _calculated("+", int.__add__, self, other)

    def __radd__(self, other: Any) -> Any:
        return _calculated("+", int.__add__, other, self)

    def __sub__(self, other: Any) -> Any:
        return _calculated("-", int.__sub__, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _calculated("-", int.__sub__, other, self)

    def __mul__(self, other: Any) -> Any:
        return _calculated("*", int.__mul__, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _calculated("*", int.__mul__, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _calculated("//", int.__floordiv__, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _calculated("//", int.__floordiv__, other, self)

    def __truediv__(self, other: Any) -> Any:
        return fraction("/", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return fraction("/", other, self)

    def __pow__(self, other: Any, modulo: Any = None) -> Any:
        return power(self, other)

    def __rpow__(self, other: Any, modulo: Any = None) -> Any:
        return power(other, self)

    def __neg__(self) -> int:
        return 0 - self

    def __pos__(self) -> int:
        return self

    def __abs__(self) -> int:
        return applied("abs", abs, (self,))


class TracedFloat(Traced, float):
    """A fraction that follows from parameters; `whole` is the polynomial of one that is a whole number."""

    whole: Terms | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TracedFloat) and float.__eq__(self, other) is True and self.text == other.text

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"{float.__repr__(self)}[{self.text}]"

    def __str__(self) -> str:
        return float.__repr__(self)

    def __add__(self, other: Any) -> Any:
        return fraction("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return fraction("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return fraction("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return fraction("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return fraction("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return fraction("*", other, self)

    def __truediv__(self, other: Any) -> Any:
        return fraction("/", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return fraction("/", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return fraction("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return fraction("//", other, self)

    def __pow__(self, other: Any, modulo: Any = None) -> Any:
        return power(self, other)

    def __rpow__(self, other: Any, modulo: Any = None) -> Any:
        return power(other, self)

    def __neg__(self) -> float:
        return fraction("-", 0, self)

    def __abs__(self) -> float:
        return applied("abs", abs, (self,))

    def __trunc__(self) -> int:
        return (
            applied("int", int, (self,)) if self.whole is None else _integer(int(float(self)), self.whole, self.names)
        )

    def __floor__(self) -> int:
        return applied("floor", float.__floor__, (self,))

    def __ceil__(self) -> int:
        return applied("ceil", float.__ceil__, (self,))


FRACTIONS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
}


def traced(value: Any, name: str) -> Any:
    """The value of a parameter; lists by their items. What is no number stays as it is."""
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return tuple(traced(item, f"{name}[{place}]") for place, item in enumerate(items))
    names = frozenset({name.split("[")[0]})
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        # the number itself is a symbol: a polynomial of one term
        return _integer(value, {(name,): 1}, names)
    return _float(value, name, names) if isinstance(value, float) else value


def plain(value: Any) -> Any:
    """A value that remembers nothing; lists by their items."""
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return tuple(map(plain, items))
    if isinstance(value, TracedInt):
        return int(value)
    return float(value) if isinstance(value, TracedFloat) else value


def names_in(value: Any) -> frozenset[str]:
    """The parameters that a value follows from."""
    if isinstance(value, Traced):
        return value.names
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return frozenset[str]().union(*map(names_in, items))
    return frozenset()


def is_traced(value: Any) -> bool:
    """Whether a value follows from parameters."""
    return bool(names_in(value))


def symbol(value: Any, text: str, names: frozenset[str]) -> Any:
    """A number that follows from parameters in a way that only its text tells."""
    # a digest and not hash(), which differs from run to run, and with it the order of terms
    text = text if len(text) <= LONGEST else hashlib.sha256(text.encode()).hexdigest()
    if isinstance(value, int):
        return _integer(value, {(text,): 1}, names)
    return _float(value, text, names)


def applied(word: str, function: Callable[..., Any], values: Iterable[Any]) -> Any:
    """What a function of numbers gives."""
    given = tuple(values)
    return symbol(function(*map(plain, given)), f"{word}({', '.join(map(_text, given))})", names_in(given))


def extreme(word: str, function: Callable[..., Any], values: Iterable[Any]) -> Any:
    """The largest or smallest of numbers, of which some are traced; in which order they stand does not matter."""
    # max(w, w) is w; the sorted texts make max(w, 8) and max(8, w) one symbol
    given = list({_text(value): value for value in values}.values())
    return given[0] if len(given) == 1 else applied(word, function, sorted(given, key=_text))


def remainder(number: Any, divisor: Any) -> Any:
    """`a % b`, of which one is traced."""
    if isinstance(number, TracedInt) and type(divisor) is int and divisor:
        # (8a + 3b + 10) % 4 is (3b + 2) % 4
        terms = {key: factor % divisor for key, factor in number.terms.items() if factor % divisor}
        if not terms.keys() - {()}:
            return terms.get((), 0)
        return symbol(int(number) % divisor, f"({_polynomial(terms)}) % {divisor}", number.names)
    return applied("%", FRACTIONS["%"], (number, divisor))


def power(base: Any, exponent: Any) -> Any:
    """`a ** b`, of which one is traced; small whole exponents multiply."""
    if isinstance(base, TracedInt) and type(exponent) is int and 0 <= exponent <= 8:
        result: Any = 1
        # w**2 as w*w, so that it is equal to a product that was written out
        for _ in range(exponent):
            result = result * base
        return result
    return applied("**", FRACTIONS["**"], (base, exponent))


def bounds(number: Any, positive: frozenset[str]) -> tuple[int | None, int | None]:
    """Between which numbers a whole number lies, whatever its parameters are; those of `positive` are at least 1."""
    terms = number.terms if isinstance(number, TracedInt) else {(): int(number)}
    factors = [factor for key, factor in terms.items() if key]
    if any(symbol not in positive for key in terms for symbol in key):
        return None, None
    # the value where all symbols are 1, their least: with positive factors it only grows from there
    total = sum(terms.values())
    low = total if all(factor > 0 for factor in factors) else None
    return low, total if all(factor < 0 for factor in factors) else None


def _integer(value: int, terms: Terms, names: frozenset[str]) -> int:
    kept = {key: factor for key, factor in terms.items() if factor}
    # w - w + 3 follows from nothing: a plain number
    if not kept.keys() - {()}:
        return int(value)
    if len(kept) > MOST_TERMS or any(len(key) > MOST_TERMS for key in kept):
        return symbol(value, _polynomial(kept), names)
    number = TracedInt(value)
    number.terms, number.text, number.names = kept, _polynomial(kept), names
    return number


def _float(value: float, text: str, names: frozenset[str]) -> float:
    number = TracedFloat(value)
    number.text, number.names = text if len(text) <= LONGEST else hashlib.sha256(text.encode()).hexdigest(), names
    return number


def _polynomial(terms: Terms) -> str:
    # sorted: the same sum has one text, in whatever order it was written
    return " + ".join(f"{factor}*{'*'.join(key)}" for key, factor in sorted(terms.items()))


def _text(value: Any) -> str:
    return f"({value.text})" if isinstance(value, Traced) else repr(value)


def _terms(value: int) -> Terms:
    return value.terms if isinstance(value, TracedInt) else {(): int(value)}


def _calculated(sign: str, function: Callable[[int, int], int], one: Any, other: Any) -> Any:
    if isinstance(one, float) or isinstance(other, float):
        return fraction(sign, one, other)
    if not isinstance(one, int) or not isinstance(other, int):
        return NotImplemented
    value, names = function(int(one), int(other)), names_in((one, other))
    if sign == "//":
        return _quotient(value, one, other, names)
    return _integer(value, dict(_summed(sign, _terms(one), _terms(other))), names)


def _summed(sign: str, one: Terms, other: Terms) -> dict[tuple[str, ...], int]:
    if sign == "*":
        pairs = [(tuple(sorted(a + b)), n * m) for a, n in one.items() for b, m in other.items()]
    else:
        pairs = [*one.items(), *((key, factor if sign == "+" else -factor) for key, factor in other.items())]
    found: dict[tuple[str, ...], int] = {}
    for key, factor in pairs:
        found[key] = found.get(key, 0) + factor
    return found


def _quotient(value: int, one: int, other: int, names: frozenset[str]) -> int:
    """What the divisor divides comes out in front: (4a + b) // 2 is 2a + b // 2."""
    if isinstance(other, TracedInt) or not isinstance(one, TracedInt):
        return symbol(value, f"{_text(one)} // {_text(other)}", names)
    # (4a + b + 5) // 2 is 2a + 2 + (b + 1) // 2; // rounds down, so this holds below zero, too
    whole = {key: factor // other for key, factor in one.terms.items() if factor % other == 0 or not key}
    rest = {key: factor for key, factor in one.terms.items() if key and factor % other}
    if not rest:
        return _integer(value, whole, names)
    if left := one.terms.get((), 0) % other:
        rest[()] = left
    inner = f"({_polynomial(rest)}) // {other}"
    inner = inner if len(inner) <= LONGEST else hashlib.sha256(inner.encode()).hexdigest()
    return _integer(value, _summed("+", whole, {(inner,): 1}), names)


def fraction(sign: str, one: Any, other: Any) -> Any:
    """What an operator gives of numbers of which one is traced and one, or what comes out, is a fraction."""
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return NotImplemented
    value = FRACTIONS[sign](plain(one), plain(other))
    if (_is_nothing(one) and sign in ("*", "/", "//")) or (_is_nothing(other) and sign == "*"):
        return value  # whatever the other is
    # fractions are no polynomials: a float depends on the order in which it was worked out
    result = symbol(float(value), f"{_text(one)} {sign} {_text(other)}", names_in((one, other)))
    if sign == "*" and not is_traced(one):
        result.whole = _scaled(other, Fraction(one))
    elif not is_traced(other) and other and sign in ("*", "/"):
        result.whole = _scaled(one, Fraction(other) if sign == "*" else 1 / Fraction(other))
    return result


def _is_nothing(number: Any) -> bool:
    return not is_traced(number) and number == 0


def _scaled(number: Any, factor: Fraction) -> Terms | None:
    """A whole number times a factor, if that is a whole number whatever the parameters are, and no digit is lost."""
    # w / 3 is rounded: only powers of two divide a float exactly
    if not isinstance(number, TracedInt) or factor.denominator & (factor.denominator - 1):
        return None
    terms = {key: count * factor for key, count in number.terms.items()}
    return (
        {key: int(count) for key, count in terms.items()} if all(n.denominator == 1 for n in terms.values()) else None
    )
