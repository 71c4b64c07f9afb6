"""Numbers that differ become variables: constructor parameters, loop variables, and the running channel count.

The writer never handles one body but several of equal structure at once: the instances of a class, or the copies in
a loop. A number of the text is then a *vector*, one value for each of them. A `Frame` turns vectors into text: equal
values are written out, others get a variable in the outermost place where they can be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from archlang.backends.torch_source.text import Bracket, Entry, Expression, call
from archlang.backends.torch_source.words import literal, plural, singular, variable_name

Vector = tuple[Any, ...]
Role = Literal["", "in", "out"]

DEPTH = "depth"
"""What a number of copies is called that has no name."""

LONGEST_TABLE = 64
"""Most rows of a loop's table with a row for each copy; beyond, copies with equal values share one."""


def equal(one: Vector, other: Vector) -> bool:
    """Whether two vectors have the same values of the same types (1 is not true)."""
    return one == other and repr(one) == repr(other)


def is_constant(vector: Vector) -> bool:
    """Whether all values are the same."""
    return equal(vector, vector[:1] * len(vector))


def all_integers(vector: Vector) -> bool:
    """Whether all values are whole numbers."""
    return all(type(value) is int for value in vector)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of the text: its values, and the name and role of the argument that stands there."""

    values: Vector
    name: str
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A parameter or loop variable with its values."""

    name: str
    values: Vector
    role: Role = ""


@dataclass(frozen=True, slots=True)
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
    """A constructor: one instance for each body that the class stands for. New variables are its parameters."""

    used: set[str] = field(default_factory=set[str])
    locals: set[str] = field(default_factory=set[str])
    stored: dict[str, None] = field(default_factory=dict[str, None])

    def find(self, slot: Slot) -> Expression | None:
        if (found := super().find(slot)) is not None:
            return found
        for argument in self.arguments:
            if equal(argument.values, slot.values):
                return self._parameter(argument.name, slot)
        return self._derived(slot) if slot.role != "in" and all_integers(slot.values) else None

    def _derived(self, slot: Slot) -> str | None:
        """`4 * width`, `width // 2`, `count - 1`: a number that follows from an argument."""
        for argument in self.arguments:
            if all_integers(argument.values) and not is_constant(argument.values):
                text = _derivation(slot, argument)
                if text is not None:
                    return text.format(self.find(Slot(argument.values, argument.name)))
        return None

    def create(self, slot: Slot) -> str:
        return self._parameter(slot.name, slot)

    def store(self, slot: Slot) -> Expression:
        """The text of a number in another method: an attribute, if it is no constant."""
        if is_constant(slot.values):
            return literal(slot.values[0])
        known = (v.name for v in self.variables if equal(v.values, slot.values))
        argument = self.named(slot.values)
        name = next(known, None) or (self._parameter(argument, slot) if argument else self.create(slot))
        self.stored[name] = None
        return f"self.{name}"

    def _parameter(self, name: str, slot: Slot) -> str:
        name = variable_name(name, self.is_taken)
        self.used.add(name)
        self.variables.append(Variable(name, slot.values, slot.role))
        return name

    def is_taken(self, name: str) -> bool:
        return name in self.used

    @property
    def parameters(self) -> list[Variable]:
        """Parameters as a signature lists them: what comes in first, then in the order of the block's own."""
        order = [variable_name(argument.name, lambda _: False) for argument in self.arguments]
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


@dataclass
class LoopFrame(Frame):
    """The body of a loop: an instance for each run of copies, in each instance of the frame around it.

    `origin` holds the outer instance of each run, `counts` its copies. `entry` is the number of channels (`flow`
    says whether they are features) that flows into each; where it changes, a variable carries it from copy to copy.
    """

    outer: Frame = field(kw_only=True)
    function: FunctionFrame = field(kw_only=True)
    origin: tuple[int, ...] = field(kw_only=True)
    counts: tuple[int, ...] = field(kw_only=True)
    entry: Vector = field(kw_only=True)
    flow: str = field(kw_only=True)
    carry: str = ""
    start: Expression = ""
    inside: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.carries = self.project(self.entry) is None

    # ---- vectors here and in the frame around

    def by_outer(self, values: Sequence[Any]) -> list[list[Any]]:
        """The values, in a list for each instance of the frame around."""
        lists: list[list[Any]] = [[] for _ in range(self.outer.size)]
        for outer, value in zip(self.origin, values, strict=True):
            lists[outer].append(value)
        return lists

    def project(self, values: Vector) -> Vector | None:
        """The vector in the frame around, if all runs of an instance agree."""
        lists = self.by_outer(values)
        return tuple(one[0] for one in lists) if all(is_constant(tuple(one)) for one in lists) else None

    def column(self, values: Vector) -> Vector:
        """For each instance of the frame around, the values of all copies."""
        return tuple(
            tuple(value for value, count in pairs for _ in range(count if self.has_row_for_each else 1))
            for pairs in self.by_outer(list(zip(values, self.counts, strict=True)))
        )

    @property
    def totals(self) -> Vector:
        """Copies in each instance of the frame around."""
        return tuple(sum(counts) for counts in self.by_outer(self.counts))

    @property
    def has_row_for_each(self) -> bool:
        """Whether a table of this loop has a row for each copy."""
        return max(self.counts) == 1 or max(self.totals) <= LONGEST_TABLE

    # ---- text

    def flowing(self, values: Vector) -> Expression | None:
        if (text := super().flowing(values)) is not None:
            return text
        if self.carries:
            return self._carried() if equal(values, self.entry) and not self.running else None
        outer = self.project(values)
        return None if outer is None else self.outer.flowing(outer)

    def find(self, slot: Slot) -> Expression | None:
        if (found := super().find(slot)) is not None:
            return found
        outer = self.project(slot.values)
        return None if outer is None else self.outer.find(Slot(outer, slot.name, slot.role))

    def create(self, slot: Slot) -> str:
        outer = self.project(slot.values)
        if outer is not None:
            return self.outer.create(Slot(outer, slot.name, slot.role))
        argument = self.named_column(self.column(slot.values))
        name = self._new_name(singular(argument) if argument else slot.name)
        self.variables.append(Variable(name, slot.values, slot.role))
        return name

    def _new_name(self, wanted: str) -> str:
        """A free name for a variable; loops around must not use it for another from now on."""
        name = variable_name(wanted, self.is_taken)
        self.function.used.add(name)
        frame = self.outer
        while isinstance(frame, LoopFrame):
            frame.inside.add(name)
            frame = frame.outer
        return name

    def named_column(self, column: Vector) -> str | None:
        """The argument of the block or model that this column is."""
        return self.outer.named(column)

    def named(self, columns: Vector) -> str | None:
        outer = self.project(columns)
        return None if outer is None else self.outer.named(outer)

    def is_taken(self, name: str) -> bool:
        frame: Frame = self
        taken = {variable_name(argument.name, lambda _: False) for argument in self.function.arguments}
        taken |= self.function.locals | self.inside | {self.carry}
        while isinstance(frame, LoopFrame):
            taken |= {variable.name for variable in frame.variables}
            frame = frame.outer
            taken |= {str(frame.running.text)} if frame.running and frame is not self.outer else set()
        return name in taken | {variable.name for variable in frame.variables}

    # ---- the running channel count

    def _carried(self) -> str:
        """Make the variable that carries the channels from copy to copy, or go on with that of the loop before."""
        first = tuple(values[0] for values in self.by_outer(self.entry))
        self.start = self.outer.write(Slot(first, f"in_{self.flow}", "in"))
        before = self.outer.running
        if before and equal(before.values, first):
            self.carry = self.start = str(before.text)
        else:
            self.carry = self._new_name(self.flow)
        self.running = Known(self.entry, self.carry)
        return self.carry

    def update(self, values: Vector) -> Expression | None:
        """What the carrying variable must become at the end of a copy that gives `values`; None if it needs nothing."""
        if not self.carry or (self.running and equal(self.running.values, values)):
            return None
        text = self.write(Slot(values, f"out_{self.flow}", "out"))
        return None if text == self.carry else text

    def leave(self, values: Vector) -> None:
        """Tell the frame around what flows behind the loop, given what each run gives."""
        last = tuple(values[-1] for values in self.by_outer(values))
        text: Expression | None = self.outer.find(Slot(last, "")) if is_constant(last) else None
        if text is None and self.carry:
            text = self.carry
        if self.carry and not (isinstance(self.outer, LoopFrame) and self.outer.carry not in ("", self.carry)):
            self.outer.running = Known(last, self.carry)
        self.outer.known = Known(last, text) if text is not None else None

    # ---- the head of the loop

    def head(self) -> list[tuple[str, Expression]]:
        """The loop as `for NAMES in EXPRESSION`; two of them where copies with equal values share a row."""
        if not self.variables:
            return [("_", call("range", self.outer.write(Slot(self.totals, DEPTH))))]
        if self.has_row_for_each:
            return [self._table()]
        name = self._new_name(DEPTH)
        self.variables.append(Variable(name, self.counts))
        return [self._table(), ("_", call("range", name))]

    def _table(self) -> tuple[str, Expression]:
        names = ", ".join(variable.name for variable in self.variables)
        columns = [self.column(variable.values) for variable in self.variables]
        if len(columns) == 1:
            return names, self._values(columns[0])
        if all(is_constant(column) for column in columns):
            rows = zip(*(column[0] for column in columns), strict=True)
            return names, literal(tuple(rows))
        each = zip(self.variables, columns, strict=True)
        texts = [self.outer.write(Slot(column, plural(variable.name))) for variable, column in each]
        return names, Bracket("zip(", (*(Entry(text) for text in texts), Entry("True", "strict=")))

    def _values(self, column: Vector) -> Expression:
        values = column[0]
        if is_constant(column) and all_integers(values) and values == tuple(range(values[0], values[-1] + 1)):
            return call("range", *([str(values[0])] if values[0] else []), str(values[-1] + 1))
        return self.outer.write(Slot(column, plural(self.variables[0].name)))
