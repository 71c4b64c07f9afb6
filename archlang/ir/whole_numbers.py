"""What all formulas of sizes left free share: comparisons, and what none of them can do (`Dim`, `Amount`: dims.py)."""

from __future__ import annotations

from math import ceil, floor, prod
from typing import Any, NoReturn

from archlang.errors.symbolic import SizeNotTracked
from archlang.ir.arithmetic import Symbolic
from archlang.ir.letters import Letters
from archlang.ir.ops.base import OpError

MOST_CLASSES = 4096
"""The largest modulus: the product of all strides that one meets on the way, and of what they are joined with."""

Number = Any
"""An int, a `Dim` or an `Amount`; what comes out as a constant is an int."""


class WholeNumber(Symbolic):
    """What both kinds of numbers share: comparisons, and what neither can do."""

    __slots__ = ()
    letters: Letters

    def is_negative(self) -> bool:
        """Whether it is below zero, for all sizes in question."""
        raise NotImplementedError

    def is_zero(self) -> bool:
        """Whether it is zero, for all sizes in question."""
        raise NotImplementedError

    def settle(self) -> None:
        """Closes the letters of the elaboration: what is asked from here on splits off no sizes."""
        self.letters.closed = True

    def refuse(self, operation: str) -> NoReturn:
        """Give up on an operation."""
        raise OpError(SizeNotTracked(operation, self.names))

    def _with(self, other: object) -> Any:
        """Arithmetic with something else: with decimals there is none."""
        return self.refuse("arithmetic with decimals") if isinstance(other, float) else NotImplemented

    def __lt__(self, other: Any) -> bool:
        # whole numbers are below 2.5 just where they are below 3: decimals end here, formulas stay whole.
        return is_negative(self - ceil(other)) if is_number(other) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return is_negative(self - floor(other) - 1) if is_number(other) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return is_negative(floor(other) - self) if is_number(other) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return is_negative(ceil(other) - self - 1) if is_number(other) else NotImplemented

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, float):
            return other.is_integer() and self == int(other)
        return is_zero(self - other) if is_number(other) else NotImplemented

    def __ne__(self, other: Any) -> bool:
        # of closed letters `==` is false where it holds for some sizes only, and `!=` must then be false as well.
        if not is_number(other) or not self.letters.closed:
            return not self == other
        return self < other or self > other

    def __hash__(self) -> int:
        raise NotImplementedError

    def __bool__(self) -> bool:
        return self != 0

    def __floor__(self) -> Number:
        return self

    def __ceil__(self) -> Number:
        return self

    def __abs__(self) -> Number:
        return self * -1 if self < 0 else self

    def __pow__(self, exponent: Any) -> Number:
        # by multiplying out: a decimal or negative exponent has no formula of whole numbers.
        if not isinstance(exponent, int) or exponent < 0:
            self.refuse("a power")
        factors: list[Number] = [self] * exponent
        return prod(factors)

    def __rpow__(self, base: Any) -> NoReturn:
        self.refuse("a power")

    def scaled(self, factor: float) -> Number:
        """floor(self*factor), for factors such as 2 and 0.5."""
        # a float is a fraction of powers of two: 0.5 is 1/2 exactly, 0.1 has 2**55 below and is refused.
        over, under = float(factor).as_integer_ratio()
        if under > MOST_CLASSES:
            self.refuse(f"a multiple by {factor:g}")
        return self * over // under

    def __truediv__(self, other: Any) -> NoReturn:
        self.refuse("a division that is not whole (write //)")

    def __rtruediv__(self, other: Any) -> NoReturn:
        self.refuse("a division by a size")

    def __rfloordiv__(self, other: Any) -> NoReturn:
        self.refuse("a division by a size")

    def __rmod__(self, other: Any) -> NoReturn:
        self.refuse("a remainder by a size")

    def __divmod__(self, other: Any) -> tuple[Number, Number]:
        return self // other, self % other

    def __mul__(self, other: Any) -> Number:
        raise NotImplementedError

    def __sub__(self, other: Any) -> Number:
        raise NotImplementedError

    def __rsub__(self, other: Any) -> Number:
        raise NotImplementedError

    def __floordiv__(self, divisor: Any) -> Number:
        raise NotImplementedError

    def __mod__(self, divisor: Any) -> Number:
        raise NotImplementedError

    def __str__(self) -> str:
        from archlang.ir.formulas import formula, in_product

        return in_product(formula(self))

    def __format__(self, spec: str) -> str:
        from archlang.ir.formulas import formula

        return formula(self, "," in spec)


def is_number(value: object) -> bool:
    """Whether something is a number, of this kind or Python's."""
    return isinstance(value, int | float | Symbolic)


def is_negative(value: Number) -> bool:
    """Whether a number is below zero, for all sizes in question."""
    # a difference may come out as a constant: H - H is the int 0.
    return value < 0 if isinstance(value, int) else value.is_negative()


def is_zero(value: Number) -> bool:
    """Whether a number is zero, for all sizes in question."""
    return value == 0 if isinstance(value, int) else value.is_zero()
