"""Readers of argument values: from what a file says to an op's canonical form, or an `OpError` that says what fits.

Each takes the layer's word, the argument's name, the value and the number of axes that sizes have.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, cast

from archlang.errors.arguments import OutOfRange, WrongType
from archlang.ir.arithmetic import Symbolic
from archlang.ir.ops.base import REQUIRED, OpError, Parameter, Sizes, Value

Reader = Callable[[str, str, Value, int], Any]

NUMBERS = {1: "one number", 2: "one number or two", 3: "one number or three"}
AXES = {1: "one axis", 2: "two axes", 3: "three axes"}


def is_integer(value: Value) -> bool:
    """An int that is not a bool, or a size left free."""
    # to Python `true` is the int 1: without this CONV(true, 3) would have one filter.
    return isinstance(value, int | Symbolic) and not isinstance(value, bool)


def _each(value: Value, axes: int) -> tuple[Any, ...]:
    """The values of a tuple; a lone one for each axis."""
    return cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,) * axes


def _integer(minimum: int, expected: str) -> Reader:
    def read(word: str, name: str, value: Value, axes: int) -> int:
        """A whole number, for `axes` of any number."""
        del axes
        if not is_integer(value):
            raise OpError(WrongType(word, name, value, expected))
        if value < minimum:
            raise OpError(OutOfRange(word, name, value, f"{minimum} or more"))
        return value

    return read


def _sizes(minimum: int) -> Reader:
    def read(word: str, name: str, value: Value, axes: int) -> Sizes:
        """One size for each axis; a lone one stands for all of them."""
        values = _each(value, axes)
        # `all` of an empty tuple is true: `()` is no size.
        if not values or not all(is_integer(v) for v in values):
            raise OpError(WrongType(word, name, value, "a whole number or a size such as 3x3"))
        if len(values) != axes:
            raise OpError(
                OutOfRange(word, name, value, f"{NUMBERS[axes]}, since the input has {AXES[axes]} to slide over")
            )
        if any(v < minimum for v in values):
            raise OpError(OutOfRange(word, name, value, f"{minimum} or more"))
        return values

    return read


def _padding(word: str, name: str, value: Value, axes: int) -> Sizes | str:
    if isinstance(value, str):
        if value not in ("same", "valid", "full"):
            raise OpError(OutOfRange(word, name, value, 'a number, a size, "same", "valid" or "full"'))
        return value
    return _sizes(0)(word, name, value, axes)


def _flag(word: str, name: str, value: Value, axes: int) -> bool:
    del axes
    if not isinstance(value, bool):
        raise OpError(WrongType(word, name, value, "true or false"))
    return value


def _number(minimum: float | None, maximum: float | None, above: float | None) -> Reader:
    def read(word: str, name: str, value: Value, axes: int) -> float:
        """Always a float, so that ops of 1 and of 1.0 are alike in text, too."""
        del axes
        if not isinstance(value, float) and not is_integer(value):
            raise OpError(WrongType(word, name, value, "a number"))
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            expected = f"{minimum} or more" if maximum is None else f"from {minimum} to {maximum}"
            raise OpError(OutOfRange(word, name, value, expected))
        # written so that inf and nan fail, too: every comparison with nan is false.
        if above is not None and not above < value < inf:
            raise OpError(OutOfRange(word, name, value, f"above {above:g}"))
        return value if isinstance(value, float) else float(value)

    return read


def _choice(*words: str) -> Reader:
    def read(word: str, name: str, value: Value, axes: int) -> str:
        """One of the words as it stands."""
        del axes
        if not isinstance(value, str):
            raise OpError(WrongType(word, name, value, "a word in quotes"))
        if value not in words:
            raise OpError(OutOfRange(word, name, value, " or ".join(f'"{w}"' for w in words)))
        return value

    return read


def _integers(minimum: int, expected: str) -> Reader:
    def read(word: str, name: str, value: Value, axes: int) -> Sizes:
        """A tuple of any length, also of a lone number; `axes` says nothing about it."""
        del axes
        values = _each(value, 1)
        if not values or not all(is_integer(v) for v in values):
            raise OpError(WrongType(word, name, value, expected))
        if any(v < minimum for v in values):
            raise OpError(OutOfRange(word, name, value, f"{minimum} or more"))
        return values

    return read


def _factors(word: str, name: str, value: Value, axes: int) -> tuple[float, ...]:
    values = _each(value, axes)
    if not values or not all(isinstance(v, float) or is_integer(v) for v in values):
        raise OpError(WrongType(word, name, value, "a number, or one for each axis"))
    if len(values) != axes:
        raise OpError(OutOfRange(word, name, value, f"{NUMBERS[axes]}, since the input has {AXES[axes]}"))
    if not all(0 < v < inf for v in values):
        raise OpError(OutOfRange(word, name, value, "above 0"))
    # 2 and 2.0 are equal and not alike: a fingerprint and written source go by the text.
    return tuple(v if isinstance(v, float) else float(v) for v in values)


def optional(parameter: Parameter, default: Any = None) -> Parameter:
    """The same argument, with `none` allowed and, unless another is given, the default."""

    def read(word: str, name: str, value: Value, axes: int) -> Any:
        """None as it stands, anything else by the reader of the argument."""
        return None if value is None else parameter.read(word, name, value, axes)

    return Parameter(parameter.name, read, default, parameter.letter, parameter.keyword)


def whole(name: str, default: Any = REQUIRED, minimum: int = 1, letter: str = "") -> Parameter:
    """A whole number of at least `minimum`: a count of channels, features, groups."""
    return Parameter(name, _integer(minimum, "a whole number"), default, letter)


def sizes(name: str, default: Any = REQUIRED, minimum: int = 1, letter: str = "", keyword: bool = False) -> Parameter:
    """One number for each axis, or one for all."""
    return Parameter(name, _sizes(minimum), default, letter, keyword)


def integers(name: str, expected: str, default: Any = REQUIRED, minimum: int = 0, keyword: bool = False) -> Parameter:
    """One whole number or several: a shape, indices, the order of axes."""
    return Parameter(name, _integers(minimum, expected), default, keyword=keyword)


def factors(name: str, default: Any = REQUIRED) -> Parameter:
    """A positive number for each axis, or one for all."""
    return Parameter(name, _factors, default)


def padding(name: str = "padding") -> Parameter:
    """Zeros around the input: numbers, or the lectures' "same", "valid", "full"."""
    return Parameter(name, _padding, 0, "P")


def flag(name: str, default: bool, keyword: bool = False) -> Parameter:
    """true or false."""
    return Parameter(name, _flag, default, keyword=keyword)


def number(
    name: str,
    default: Any = REQUIRED,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
) -> Parameter:
    """A number, whole or not, between bounds, or finite and above another."""
    return Parameter(name, _number(minimum, maximum, above), default)


def choice(name: str, default: Any, *words: str, keyword: bool = False) -> Parameter:
    """One of a few words."""
    return Parameter(name, _choice(*words), default, keyword=keyword)


def dimension(name: str, default: Any = REQUIRED) -> Parameter:
    """An axis as torch counts them, the batch being 0; negative from the end."""
    return Parameter(name, _integer(-8, "a whole number"), default)


def index(name: str, default: Any = REQUIRED) -> Parameter:
    """A position, negative from the end."""
    return Parameter(name, _integer(-(10**9), "a whole number"), default)


ROUND = Parameter("round", _choice("floor", "ceil"), None, keyword=True)
"""How a size that is not whole is meant; None where the line does not say."""
