"""Numbers that differ become variables: constructor parameters, loop variables, and the running channel count.

The writer never handles one body but several of equal structure at once: the instances of a class, or the copies in
a loop. A number of the text is then a *vector*, one value for each of them. A `Frame` turns vectors into text: equal
values are written out, others get a variable in the outermost place where they can be told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from archlang.backends.torch_source.text import Expression
from archlang.backends.torch_source.words import annotation, is_argument_name, literal, unique, variable_name
from archlang.records import record

Vector = tuple[Any, ...]
Role = Literal["", "in", "out"]

DEPTH = "depth"
"""What a number of copies is called that has no name."""


def equal(one: Vector, other: Vector) -> bool:
    """Whether two vectors have the same values of the same types (1 is not true)."""
    return one == other and repr(one) == repr(other)


def is_constant(vector: Vector) -> bool:
    """Whether all values are the same."""
    return equal(vector, vector[:1] * len(vector))


def all_integers(vector: Vector) -> bool:
    """Whether all values are whole numbers."""
    return all(type(value) is int for value in vector)


class NotExpressible(Exception):
    """A number of the model varies in a way that no expression in its arguments does."""

    def __init__(self, values: Vector) -> None:
        super().__init__(str(values))
        self.values = values


@record
class Slot:
    """A place of the text: its values, and the name and role of the argument that stands there.

    A table is what a loop runs over: tuples of any length.
    """

    values: Vector
    name: str
    role: Role = ""
    is_table: bool = False


@record
class Variable:
    """A parameter or loop variable with its values."""

    name: str
    values: Vector
    role: Role = ""
    is_table: bool = False
    has_default: bool = False

    @property
    def default(self) -> Expression | None:
        """The value that it has unless told otherwise."""
        return literal(self.values[0]) if self.has_default else None

    @property
    def annotation(self) -> str:
        """Its type."""
        return "tuple[int, ...]" if self.is_table and all(map(all_integers, self.values)) else annotation(self.values)


@record
class Known:
    """What the text calls the number of channels (or features) that flow at this point."""

    values: Vector
    text: Expression


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
            text = self.flowing(slot.values) or self.find(slot) or self.create(slot)
        else:
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
        if not (self.known and equal(self.known.values, values)):
            self.known = None

    def find(self, slot: Slot) -> Expression | None:
        """The text of values that are constant, or have a name already."""
        if is_constant(slot.values):
            return literal(slot.values[0])
        return next((v.name for v in self.variables if equal(v.values, slot.values)), None)

    def create(self, slot: Slot) -> str:
        """A new variable."""
        raise NotImplementedError

    def named(self, columns: Vector) -> str | None:
        """The argument that has these values."""
        return next((a.name for a in self.arguments if equal(a.values, columns)), None)

    def is_taken(self, name: str) -> bool:
        """Whether a new variable may not have a name."""
        raise NotImplementedError


@dataclass
class FunctionFrame(Frame):
    """A constructor: one instance for each body that the class stands for. New variables are its parameters.

    `entry` and `exit` are the numbers of channels that come in and go out, `labels` are names that attributes of its
    own must not take. The first `own` instances are the model's, others come from samples of it. A closed constructor
    has no parameters but its arguments: those of the model.
    """

    own: int = 1
    closed: bool = False
    entry: Vector = ()
    exit: Vector = ()
    used: set[str] = field(default_factory=set[str])
    locals: set[str] = field(default_factory=set[str])
    stored: dict[str, Expression] = field(default_factory=dict[str, Expression])
    labels: frozenset[str] = frozenset()

    def find(self, slot: Slot) -> Expression | None:
        """The text of values that are constant, have a name, are an argument, or follow from one."""
        if (found := super().find(slot)) is not None:
            return found
        for argument in self.arguments:
            if equal(argument.values, slot.values):
                return self._parameter(argument.name, slot)
        return self._derived(slot) if all_integers(slot.values) else None

    def _derived(self, slot: Slot) -> str | None:
        """`4 * width`, `width // 2`, `count - 1`: a number that follows from an argument, or from what comes in."""
        for argument in (*self.arguments, *(v for v in self.variables if v.role == "in")):
            if all_integers(argument.values) and not is_constant(argument.values):
                text = _derivation(slot, argument)
                if text is not None and not ("//" in text and equal(slot.values, self.entry)):
                    return text.format(self.find(Slot(argument.values, argument.name)))
        return None

    def create(self, slot: Slot) -> str:
        """A new parameter."""
        if self.closed:
            raise NotExpressible(slot.values)
        own = {argument.name for argument in self.arguments}
        name = f"{slot.role}_channels" if slot.role and slot.name in own else slot.name
        if slot.role == "out" and not equal(slot.values, self.exit):
            name = name.replace("out_", "hidden_")
        return self._parameter(name, slot)

    def store(self, slot: Slot) -> Expression:
        """The text of a number in another method: an attribute, if it is no constant."""
        text = self.find(slot) or self.create(slot)
        if is_constant(slot.values):
            return text
        if text not in self.stored.values():
            name = str(text) if str(text).isidentifier() else slot.name
            taken = self.labels | set(self.stored)
            self.stored[unique(name, taken.__contains__)] = text
        return f"self.{next(name for name, known in self.stored.items() if known == text)}"

    def _parameter(self, name: str, slot: Slot) -> str:
        if self.closed:
            return self._argument(name, slot)
        own = {variable_name(argument.name, lambda _: False) for argument in self.arguments} - {name.lower()}
        name = variable_name(name, lambda n: n in own or self.is_taken(n))
        self.used.add(name)
        role = slot.role or ("out" if equal(slot.values, self.exit) else "")
        self.variables.append(Variable(name, slot.values, role, slot.is_table))
        return name

    def _argument(self, name: str, slot: Slot) -> str:
        """An argument of the model's constructor, under its own name."""
        if not is_argument_name(name) or self.is_taken(name):
            raise NotExpressible(slot.values)
        self.used.add(name)
        self.variables.append(Variable(name, slot.values, slot.role, slot.is_table, has_default=True))
        return name

    def is_taken(self, name: str) -> bool:
        """Whether any variable of the constructor has a name."""
        return name in self.used

    @property
    def parameters(self) -> list[Variable]:
        """Parameters as a signature lists them: what comes in first, then in the order of the block's own."""
        order = [
            argument.name if self.closed else variable_name(argument.name, lambda _: False)
            for argument in self.arguments
        ]
        if self.closed:
            return sorted(self.variables, key=lambda v: order.index(v.name))
        return sorted(
            self.variables,
            key=lambda v: (v.role != "in", order.index(v.name) if v.name in order else len(order)),
        )


def _derivation(slot: Slot, argument: Variable) -> str | None:
    """How a number follows from an argument in all instances; `{}` stands for the argument."""
    pairs = list(zip(slot.values, argument.values, strict=True))
    differences = {value - given for value, given in pairs}
    if slot.name == DEPTH and len(differences) == 1 and abs(difference := differences.pop()) <= 2:
        return f"{{}} {'-' if difference < 0 else '+'} {abs(difference)}"
    if all(given and value % given == 0 for value, given in pairs) and len({v // g for v, g in pairs}) == 1:
        return f"{pairs[0][0] // pairs[0][1]} * {{}}"
    if all(value and given % value == 0 for value, given in pairs) and len({g // v for v, g in pairs}) == 1:
        return f"{{}} // {pairs[0][1] // pairs[0][0]}"
    return None
