"""Problems in expressions: evaluated at compile time, bounded, never by Python."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing, plural, shorten, value_text
from archlang.records import record


@record
class BadOperand(Problem):
    """An operator or function is given values that it cannot work on.

    `+ - * / // % **` work on numbers, `+` also on two lists or two texts; conditions are true or false, and nothing
    else counts as such.

    A result would have to be invented.
    """

    code = "bad-operand"
    operation: str
    values: tuple[object, ...]
    expected: str

    @property
    def message(self) -> str:
        """`+ works on numbers, not on "a" and 3`: all operands, also those that are right."""
        given = listing(value_text(value) for value in self.values)
        return f"{self.operation} works on {self.expected}" + (f", not on {given}" if given else "")


@record
class DivisionByZero(Problem):
    """A division by zero.

    It has no result. `/`, `//` and `%` all divide.
    """

    code = "division-by-zero"

    @property
    def message(self) -> str:
        """The same of `/`, `//` and `%`, as in Python."""
        return "division by zero"


@record
class NumberTooLarge(Problem):
    """A number, list or range beyond what an architecture can hold.

    Numbers, lists and ranges are bounded so that every check ends in bounded time and memory. No layer is that large.
    """

    code = "value-too-large"
    what: str
    limit: int

    @property
    def message(self) -> str:
        """`what` is what grew too large: the number, the size, the domain, the batch."""
        return f"{self.what} goes beyond {self.limit:,}"


@record
class IndexOutOfRange(Problem):
    """An index behind the end of a list.

    There is no such item. Items count from 0; -1 is the last.
    """

    code = "index-out-of-range"
    index: int
    length: int

    @property
    def message(self) -> str:
        """The index as it came out, which may be calculated, and how many items there are."""
        return f"index {self.index} of a list of {plural(self.length, 'item')}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Indices of papers count from 1, those of the language and of Python from 0."""
        return ("items count from 0",)


@record
class UnpackMismatch(Problem):
    """`for (a, b) in ...` over items that are not pairs.

    Each item is taken apart into the names, one value for each. With fewer or more there would be a name without a
    value, or a value without a name.
    """

    code = "unpack-mismatch"
    names: int
    item: object

    @property
    def message(self) -> str:
        """The item at which it failed first."""
        return f"{plural(self.names, 'name')} cannot be taken from {value_text(self.item)}"


@record
class BadLabel(Problem):
    """A quoted label does not come out as a name.

    A quoted label may hold values in braces, `"block{i}"`. What comes out becomes a name in the `state_dict` and an
    attribute in Python.

    It must be letters, digits and underscores, and not begin with a digit; so the values must be whole numbers or
    words.
    """

    code = "bad-label"
    text: str
    reason: str

    @property
    def message(self) -> str:
        """The label as it comes out, with the values in its braces put in."""
        return f'the label "{shorten(self.text)}" is no name: {shorten(self.reason)}'


MOST_SIDES = 8
"""Of a comparison whose values are told."""


@record
class AssertionFailed(Problem):
    """An `assert` of the file does not hold.

    `assert` states what the author believes of a model, or of values: counts, shapes, comparisons. The notes show both
    sides as they are.

    The architecture is not what its file says it is. Either may be wrong.
    """

    code = "assertion-failed"
    text: str
    sides: tuple[tuple[str, str], ...]

    @property
    def message(self) -> str:
        """The condition as it stands in the text."""
        return f"does not hold: {shorten(self.text)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """`Net.parameters is 7,850`: each side with its value; numbers that stand for themselves are left out."""
        # a number that stands there as it is needs no value beside it
        return tuple(f"{shorten(text)} is {value}" for text, value in self.sides[:MOST_SIDES] if text != value)
