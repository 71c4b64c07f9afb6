"""Bounds on expansion: every program ends, in bounded time and memory."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.records import record


@record
class TooManyLayers(Problem):
    """The text expands to more layers than any machine could run."""

    code = "expansion-limit"
    count: int
    limit: int

    @property
    def message(self) -> str:
        return f"this expands to {self.count:,} layers and blocks; the limit is {self.limit:,}"


@record
class TooManyBodies(Problem):
    """Too many different parts: a repeat whose size changes in each of very many copies, or a bomb."""

    code = "too-many-parts"
    limit: int

    @property
    def message(self) -> str:
        return f"this expands to more than {self.limit:,} different parts"

    @property
    def notes(self) -> tuple[str, ...]:
        return ("copies that keep their shape count once",)


@record
class RecursionWithoutEnd(Problem):
    """A block or model calls itself without coming to an end."""

    code = "endless-recursion"
    name: str
    limit: int
    alias: bool = False

    @property
    def message(self) -> str:
        if self.alias:
            return f"`{self.name}` stands for a model that stands for another, and so on, more than {self.limit} times"
        return f"`{self.name}` calls itself more than {self.limit} levels deep"

    @property
    def advice(self) -> tuple[str, ...]:
        return () if self.alias else ("guard the inner call: `[...]?(depth > 0)`",)


@record
class NegativeRepeat(Problem):
    """A repeat count below zero, or no whole number."""

    code = "bad-repeat"
    value: object

    @property
    def message(self) -> str:
        return f"a part is repeated a whole number of times, 0 or more, not {self.value}"


@record
class FlatTooLarge(Problem):
    """A view with one row for each copy would be too large."""

    code = "flat-too-large"
    count: int
    limit: int

    @property
    def message(self) -> str:
        return f"one row for each of {self.count:,} layers is too much; at most {self.limit:,} are written"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("the text report folds repeats",)
