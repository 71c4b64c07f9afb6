"""Loops: what differs from copy to copy becomes a loop variable, and the running channel count has one of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from archlang.backends.torch_source.frames import DEPTH, Frame, Known, NotExpressible, Slot, Variable
from archlang.backends.torch_source.functions import FunctionFrame
from archlang.backends.torch_source.indices import Place, find_written, is_better_as_table, places_of, shift_of
from archlang.backends.torch_source.text import Bracket, Entry, Expression, call
from archlang.backends.torch_source.vectors import (
    ANY,
    Vector,
    all_integers,
    equal,
    first_of,
    is_constant,
    is_literal,
    known_of,
)
from archlang.backends.torch_source.words import literal, plural, singular, variable_name
from archlang.traced import is_traced

LONGEST_TABLE = 64
"""Most rows of a loop's table with a row for each copy; beyond, copies with equal values share one."""


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
    index: str = ""
    first: int = 0
    carry: str = ""
    start: Expression = ""
    inside: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        # where every copy gets as many channels, the frame around knows their name
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
        return (
            tuple(first_of(tuple(one)) if one else ANY for one in lists)
            if all(is_constant(tuple(one)) for one in lists)
            else None
        )

    def column(self, values: Vector) -> Vector:
        """For each instance of the frame around, the values of all copies."""
        return tuple(
            # a run of n equal copies is one value here and n rows of the table
            tuple(value for value, count in pairs for _ in range(count if self.has_row_for_each else 1))
            if pairs
            else ANY
            for pairs in self.by_outer(list(zip(values, self.counts, strict=True)))
        )

    @property
    def totals(self) -> Vector:
        """Copies in each instance of the frame around."""
        return tuple(sum(counts) if counts else ANY for counts in self.by_outer(self.counts))

    @property
    def has_row_for_each(self) -> bool:
        """Whether a table of this loop has a row for each copy."""
        # a million equal copies of a block are one run: the table must not grow with them
        return max(self.counts) == 1 or max(known_of(self.totals)) <= LONGEST_TABLE

    # ---- text

    def write(self, slot: Slot) -> Expression:
        """The text of a number; notes which arguments of a model stand in it."""
        text = super().write(slot)
        self.function.note_use(slot, text)
        return text

    def flowing(self, values: Vector) -> Expression | None:
        """The text of the channels that flow here; the first use makes the variable that carries them."""
        if (text := super().flowing(values)) is not None:
            return text
        if self.carries:
            # only who asks for them needs the variable: a loop of parts without channels has none
            return self._carried() if equal(values, self.entry) and not self.running else None
        outer = self.project(values)
        return None if outer is None else self.outer.flowing(outer)

    def find(self, slot: Slot) -> Expression | None:
        """The text of values that are constant, or have a name here or further out."""
        if (found := super().find(slot)) is not None:
            return found
        outer = self.project(slot.values)
        return None if outer is None else self.outer.find(replace(slot, values=outer))

    def create(self, slot: Slot) -> str:
        """A new loop variable, or a variable further out where all runs agree."""
        outer = self.project(slot.values)
        # what is the same in all copies is settled in front of the loop
        if outer is not None:
            return self.outer.create(replace(slot, values=outer))
        if (text := self._by_index(slot)) is not None:
            return text
        # a loop over the argument `widths` calls each of them `width`
        argument = self.named_column(self.column(slot.values))
        name = self._new_name(singular(argument) if argument else slot.name)
        self.variables.append(Variable(name, slot.values, slot.role))
        return name

    # ---- the place of a copy

    @cached_property
    def places(self) -> list[Place]:
        """Which copies each run is."""
        instances, frame = self.origin, self.outer
        # the author's names mean the values of a whole constructor: places lead from the innermost loop out to it
        while isinstance(frame, LoopFrame):
            instances, frame = tuple(frame.origin[outer] for outer in instances), frame.outer
        return places_of(self.origin, instances, self.counts)

    def _by_index(self, slot: Slot) -> str | None:
        """The author's expression in the place of the copy, where no table says it better."""
        if not self.has_row_for_each:
            return None
        # a loop that counts anyway can say its number, or one that is always as far from it
        if self.index and (shift := shift_of(slot.values, self.places)) is not None:
            shift -= self.first
            return f"{self.index} {'-' if shift < 0 else '+'} {abs(shift)}" if shift else self.index
        column = self.column(slot.values)
        if is_better_as_table(column) or self.named_column(column) is not None:
            return None
        function = self.function
        # comprehensions count from 0 or 1 as a rule; once the loop counts, all expressions share its counter
        firsts = (self.first,) if self.index else (0, 1)
        found = find_written(slot.values, self.places, function.written, function.around, function.author, firsts)
        if found is None:
            return None
        written, index, self.first = found
        self.index = self.index or self._new_name(index)
        text = function.text_of(written, {index: self.index})
        function.note_use(slot, text)
        return text

    def _new_name(self, wanted: str) -> str:
        """A free name for a variable; loops around must not use it for another from now on."""
        name = variable_name(wanted, self.is_taken)
        self.function.used.add(name)
        frame = self.outer
        while isinstance(frame, LoopFrame):
            # loops of Python are no scopes: an inner variable would overwrite an outer one of its name
            frame.inside.add(name)
            frame = frame.outer
        return name

    def named_column(self, column: Vector) -> str | None:
        """The argument of the block or model that this column is."""
        return self.outer.named(column)

    def named(self, columns: Vector) -> str | None:
        """The argument further out that has these values."""
        outer = self.project(columns)
        return None if outer is None else self.outer.named(outer)

    def is_taken(self, name: str) -> bool:
        """Whether a name is used around this loop, in it, or for an argument."""
        frame: Frame = self
        taken = {variable_name(argument.name, lambda _: False) for argument in self.function.arguments}
        taken |= self.function.locals | self.inside | {self.carry}
        while isinstance(frame, LoopFrame):
            taken |= {frame.index, *(variable.name for variable in frame.variables)}
            frame = frame.outer
            # what the frame right around was left with may be taken up again, see `_carried`
            taken |= {str(frame.running.text)} if frame.running and frame is not self.outer else set()
        return name in taken | {variable.name for variable in frame.variables}

    # ---- the running channel count

    def _carried(self) -> str:
        """Make the variable that carries the channels from copy to copy, or go on with that of the loop before."""
        first = tuple(values[0] if values else ANY for values in self.by_outer(self.entry))
        self.start = self.outer.write(Slot(first, f"in_{self.flow}", "in"))
        before = self.outer.running
        # the loop before left its variable with just this number: it goes on without a new assignment
        if before and equal(before.values, first):
            self.carry = self.start = str(before.text)
        else:
            self.carry = self._new_name(self.flow)
        self.running = Known(self.entry, self.carry)
        return self.carry

    def update(self, values: Vector) -> tuple[str, Expression] | None:
        """The statement that sets the carrying variable at the end of a copy that gives `values`, in two parts."""
        if not self.carry or self.running is None or equal(self.running.values, values):
            return None
        slot = Slot(values, f"out_{self.flow}", "out")
        # a name says most, then how it grows; a table of numbers that no rule gives comes last
        text = self.find(slot) or self.flowing(values) or self._growth(slot, self.running.values) or self.write(slot)
        return (f"{self.carry} ", text) if str(text).startswith(("+= ", "*= ")) else (f"{self.carry} = ", text)

    def _growth(self, slot: Slot, before: Vector) -> str | None:
        """`+= 32` or `*= 2`, where every copy adds as much or multiplies alike."""
        pairs = list(zip(slot.values, before, strict=True))
        added = self.find(Slot(tuple(after - first for after, first in pairs), ""))
        if isinstance(added, str) and all(after > first for after, first in pairs):
            return f"+= {added}"
        # plain numbers suggest the factor; the products below prove it for traced ones
        factors = {int(after) // int(first) for after, first in pairs if first}
        factor = factors.pop() if len(factors) == 1 else 0
        return f"*= {factor}" if all(repr(factor * first) == repr(after) for after, first in pairs) else None

    def leave(self, values: Vector) -> None:
        """Tell the frame around what flows behind the loop, given what each run gives."""
        # behind the loop flows what the last copy gives, under the name that carried it
        last = tuple(values[-1] if values else ANY for values in self.by_outer(values))
        text: Expression | None = self.outer.find(Slot(last, "")) if is_constant(last) else None
        if text is None and self.carry:
            text = self.carry
        if self.carry and not (isinstance(self.outer, LoopFrame) and self.outer.carry not in ("", self.carry)):
            self.outer.running = Known(last, self.carry)
        self.outer.known = Known(last, text) if text is not None else None

    # ---- the head of the loop

    def head(self) -> list[tuple[str, Expression]]:
        """The loop as `for NAMES in EXPRESSION`; two of them where copies with equal values share a row."""
        # a table in front of the loop says how many copies there are; without one their number is asked for
        if not self.variables:
            if self.first:
                return [(self.index, call("range", str(self.first), self._behind_last()))]
            return [(self.index or "_", call("range", self._count(self.totals)))]
        if self.index:
            names, table = self._table()
            # enumerate gives pairs: the rows of the table are taken apart inside them
            names = f"({names})" if len(self.variables) > 1 else names
            start = (Entry(str(self.first), "start="),) if self.first else ()
            return [(f"{self.index}, {names}", Bracket("enumerate(", (Entry(table), *start)))]
        if self.has_row_for_each:
            return [self._table()]
        # `for width, depth in ((64, 3000), (128, 6000)): for _ in range(depth):`
        name = self._new_name(DEPTH)
        self.variables.append(Variable(name, self.counts))
        return [self._table(), ("_", call("range", name))]

    def _behind_last(self) -> Expression:
        """Where the places end that do not begin with 0."""
        totals = tuple(total if total is ANY else total + self.first for total in self.totals)
        return self._count(totals)

    def _count(self, totals: Vector) -> Expression:
        """How many copies there are. Without any, something else would flow on: only models refuse to have none."""
        if self.carry and not self.function.closed and is_traced(totals):
            raise NotExpressible(totals)
        return self.outer.write(Slot(totals, DEPTH))

    def _table(self) -> tuple[str, Expression]:
        names = ", ".join(variable.name for variable in self.variables)
        columns = [self.column(variable.values) for variable in self.variables]
        if len(columns) == 1:
            return names, self._values(columns[0])
        # numbers that no argument changes stand in one table of rows, others in a list for each of them
        if all(is_literal(column) for column in columns):
            rows = zip(*(first_of(column) for column in columns), strict=True)
            return names, literal(tuple(rows))
        each = zip(self.variables, columns, strict=True)
        texts = [self.outer.write(Slot(column, plural(variable.name), is_table=True)) for variable, column in each]
        # strict, as callers may give lists of different lengths, and ruff's B905 asks for it
        return names, Bracket("zip(", (*(Entry(text) for text in texts), Entry("True", "strict=")))

    def _values(self, column: Vector) -> Expression:
        values = first_of(column)
        if is_literal(column) and all_integers(values) and values == tuple(range(values[0], values[-1] + 1)):
            return call("range", *([str(values[0])] if values[0] else []), str(values[-1] + 1))
        return self.outer.write(Slot(column, plural(self.variables[0].name), is_table=True))
