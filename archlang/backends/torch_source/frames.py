"""Numbers that differ become variables: constructor parameters, loop variables, and the running channel count.

The writer never handles one body but several of equal structure at once: the instances of a class, or the copies in
a loop. A number of the text is then a *vector*, one value for each of them. A `Frame` turns vectors into text: equal
values are written out, others get a variable in the outermost place where they can be told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from archlang.backends.torch_source.conditions import Reason
from archlang.backends.torch_source.text import Expression
from archlang.backends.torch_source.vectors import Vector, all_integers, equal, first_of, is_literal
from archlang.backends.torch_source.words import annotation, literal
from archlang.records import record

Role = Literal["", "in", "out"]

DEPTH = "depth"
"""What a number of copies is called that has no name."""


class NotExpressible(Exception):
    """A number of the model varies in a way that no expression in its arguments does."""

    def __init__(self, values: Vector) -> None:
        super().__init__(str(values))
        self.values = values


@record
class Slot:
    """A place of the text: its values, and the name and role of the argument that stands there.

    A table is what a loop runs over: tuples of any length. `owner` is the class that the argument belongs to. Where a
    class makes objects of itself (`in_itself`), `depth - 1` says more than the number that it may always be.
    """

    values: Vector
    name: str
    role: Role = ""
    is_table: bool = False
    owner: str = ""
    in_itself: bool = False
    words: frozenset[str] = frozenset()
    """Names that the author gave to the layer."""
    reason: Reason | None = None
    """Of a truth that says whether a part is there: the conditions that decide it."""


@record
class Variable:
    """A parameter or loop variable with its values."""

    name: str
    values: Vector
    role: Role = ""
    is_table: bool = False
    has_default: bool = False

    @property
    def slot(self) -> Slot:
        """The place where it stands."""
        return Slot(self.values, self.name, self.role, self.is_table)

    given: Any = None
    reason: Reason | None = None

    @property
    def default(self) -> Expression | None:
        """The value that it has unless told otherwise."""
        return literal(self.given) if self.has_default else None

    @property
    def annotation(self) -> str:
        """Its type."""
        return "tuple[int, ...]" if self.is_table and all(map(all_integers, self.values)) else annotation(self.values)


@record
class Known:
    """What the text calls the number of channels (or features) that flow at this point."""

    values: Vector
    text: Expression


@record
class Given:
    """Values that have a name; asking for it makes it a parameter."""

    values: Vector
    name: Callable[[], str]


@dataclass
class Frame:
    """A stretch of code that stands for several bodies at once; `arguments` name their values.

    `known` is the number of channels that flows, `running` what the variable of the last loop was left with.
    """

    size: int
    arguments: tuple[Variable, ...] = ()
    variables: list[Variable] = field(default_factory=list[Variable])
    known: Known | None = None
    running: Known | None = None

    def write(self, slot: Slot) -> Expression:
        """The text of a number; the channels that come in are written as what flows."""
        if slot.role == "in" and all_integers(slot.values):
            # what comes in is what flows, though an argument may happen to be as large
            text = self.flowing(slot.values) or self.find(slot) or self.create(slot)
        else:
            # any other number is what the author calls it, and only without a name what happens to flow
            text = self.find(slot) or self._flowing_number(slot) or self.create(slot)
        if slot.role:
            self.known = Known(slot.values, text)
        return text

    def _flowing_number(self, slot: Slot) -> Expression | None:
        return self.flowing(slot.values) if all_integers(slot.values) else None

    def flowing(self, values: Vector) -> Expression | None:
        """The text of the channels that flow here, if they are `values`."""
        return next((k.text for k in (self.known, self.running) if k and equal(k.values, values)), None)

    def passes(self, values: Vector) -> None:
        """Note the channels behind a step that says nothing about them."""
        # a step that keeps the number of channels keeps their name, too
        if not (self.known and equal(self.known.values, values)):
            self.known = None

    def find(self, slot: Slot) -> Expression | None:
        """The text of values that are constant, or have a name already."""
        if is_literal(slot.values):
            return literal(first_of(slot.values))
        return next((v.name for v in self.variables if equal(v.values, slot.values)), None)

    def create(self, slot: Slot) -> str:
        """A new variable."""
        raise NotImplementedError

    def named(self, columns: Vector) -> str | None:
        """The argument that has these values."""
        # the first argument wins: where two have the same values everywhere, either name is right
        return next((a.name for a in self.arguments if equal(a.values, columns)), None)

    def is_taken(self, name: str) -> bool:
        """Whether a new variable may not have a name."""
        raise NotImplementedError
