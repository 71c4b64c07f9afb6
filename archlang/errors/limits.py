"""Bounds on expansion: every program ends, in bounded time and memory."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.records import record


@record
class TooManyLayers(Problem):
    """The text expands to more layers than any machine could run.

    Repeats multiply: `[[...]*1000]*1000` is a million. The limit ends what grows beyond all use, mostly by a slip,
    before it takes all memory.
    """

    code = "expansion-limit"
    count: int
    limit: int

    @property
    def message(self) -> str:
        """`or more`: counting ends where the limit is passed."""
        return f"this expands to {self.count:,} layers and blocks or more; the limit is {self.limit:,}"


@record
class TooManyBodies(Problem):
    """Too many different parts: a repeat whose size changes in each of very many copies, or a bomb.

    What copies share is worked out once, so a million equal copies cost no more than ten. Here very many differ from
    each other, by their arguments or their shapes.

    Each needs work of its own, and the check would not end in useful time.
    """

    code = "too-many-parts"
    limit: int

    @property
    def message(self) -> str:
        """The limit alone: how many there would be is not known without elaborating them."""
        return f"this expands to more than {self.limit:,} different parts"

    @property
    def notes(self) -> tuple[str, ...]:
        """Why a million copies may be fine and fifty thousand not."""
        return ("copies that keep their shape count once",)


@record
class RecursionWithoutEnd(Problem):
    """A block or model calls itself without coming to an end.

    A block may call itself, with other arguments, as long as it ends: a guard `?(depth > 0)` drops the inner call.

    Without one the network has no end. A model that stands for another in a circle is none at all.
    """

    code = "endless-recursion"
    name: str
    limit: int
    alias: bool = False

    @property
    def message(self) -> str:
        """Of a block, how deep its calls went; of names for models, how long their chain is."""
        if self.alias:
            return f"`{self.name}` stands for a model that stands for another, and so on, more than {self.limit} times"
        return f"`{self.name}` calls itself more than {self.limit} levels deep"

    @property
    def advice(self) -> tuple[str, ...]:
        """The guard that ends a recursion; a circle of names has nothing to guard."""
        return () if self.alias else ("guard the inner call: `[...]?(depth > 0)`",)


@record
class NegativeRepeat(Problem):
    """A repeat count below zero, or no whole number.

    Copies are counted: 0 leaves the part out, 1 is the part itself. The count may be any expression, but there is
    neither half a copy nor one less than none.
    """

    code = "bad-repeat"
    value: object

    @property
    def message(self) -> str:
        """Counts below zero and counts that are not whole are told alike."""
        return f"a part is repeated a whole number of times, 0 or more, not {self.value}"


@record
class FlatTooLarge(Problem):
    """A view with one row for each copy would be too large.

    The text report has one row for each part that was written, however often it is repeated. JSON, a written module and
    the flat graph have one for each copy.

    So many would fill gigabytes that nothing could read.
    """

    code = "flat-too-large"
    count: int
    limit: int

    @property
    def message(self) -> str:
        """Rows for layers in all their copies, not lines of the file."""
        return f"one row for each of {self.count:,} layers is too much; at most {self.limit:,} are written"

    @property
    def advice(self) -> tuple[str, ...]:
        """The form that grows with the text, and not with the copies."""
        return ("the text report folds repeats",)
