"""Problems of the text itself, found while parsing."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing
from archlang.records import record


@record
class EmptyFile(Problem):
    """A file without a single definition.

    There is nothing to check: no chain, no model, no block. The file may be the wrong one, or not saved yet.
    """

    code = "empty-file"

    @property
    def message(self) -> str:
        return "there is no architecture here"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("a chain is a whole file: INPUT(3, 32, 32) -> CONV -> RELU -> FC(10)",)


@record
class UnexpectedText(Problem):
    """Something stands where the grammar has no place for it.

    The grammar is one page long, grammars/arch.lark. The message says what could stand in this place.

    What follows cannot be understood without it. Often a comma or a bracket is missing just before.
    """

    code = "unexpected-text"
    found: str
    expected: tuple[str, ...]
    hint: str = ""

    @property
    def message(self) -> str:
        return f"unexpected {self.found}"

    @property
    def label(self) -> str:
        return f"expected {listing(self.expected, 'or')}" if self.expected else ""

    @property
    def advice(self) -> tuple[str, ...]:
        return (self.hint,) if self.hint else ()


@record
class MissingArrow(Problem):
    """Two stages of a chain stand side by side.

    `->` feeds what stands left of it to what stands right. Newlines mean nothing, so a new line is no new stage:
    without an arrow it is not clear what becomes of the output of the first.
    """

    code = "missing-arrow"

    @property
    def message(self) -> str:
        return "missing `->` between two stages"

    @property
    def label(self) -> str:
        return "a new stage begins here"


@record
class SpacedSize(Problem):
    """A size is written with blanks: 3 x 3.

    `3x3` is one word, as a number is. With blanks between, `x` would be a name like any other.
    """

    code = "spaced-size"
    size: str

    @property
    def message(self) -> str:
        return "a size is one word"

    @property
    def label(self) -> str:
        return f"write `{self.size}`, without blanks"


@record
class UnclosedBracket(Problem):
    """A bracket is opened and never closed.

    What it holds has no end, so all that follows would be part of it.
    """

    code = "unclosed-bracket"
    bracket: str
    closing: str

    @property
    def message(self) -> str:
        return f"`{self.bracket}` is never closed"

    @property
    def label(self) -> str:
        return f"needs a `{self.closing}`"


@record
class UnmatchedBracket(Problem):
    """A closing bracket closes nothing, or something else.

    Brackets nest: each closes the one opened last. `( )` hold arguments, `[ ]` group stages or list values, `{ }` hold
    branches.

    It is not clear where the part ends that was opened, or what this one should end.
    """

    code = "unmatched-bracket"
    bracket: str
    opened: str = ""

    @property
    def message(self) -> str:
        return f"`{self.bracket}` closes `{self.opened}`" if self.opened else f"`{self.bracket}` closes nothing"


@record
class TextTooLong(Problem):
    """More words and signs than any architecture written by hand has.

    A check is to end soon, whatever the text. An architecture describes what is repeated once, and stays far below the
    limit.
    """

    code = "text-too-long"
    limit: int

    @property
    def message(self) -> str:
        return f"the text has more than {self.limit:,} words and signs"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("write repeated parts once: `[...]*N`, or a block",)


@record
class NestingTooDeep(Problem):
    """Brackets or expressions are nested beyond any use.

    A check is to end, whatever the text, and what is nested so deeply can be read by nobody. A `block` or a `let` gives
    the inner part a name.
    """

    code = "nesting-too-deep"
    limit: int

    @property
    def message(self) -> str:
        return f"nested deeper than {self.limit} levels"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("give the inner part a name, with `block` or `let`",)
