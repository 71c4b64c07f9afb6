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
        """Comments alone are no architecture either."""
        return "there is no architecture here"

    @property
    def advice(self) -> tuple[str, ...]:
        """One line that is a whole file."""
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
        """The word or sign in question, or the end of the text."""
        return f"unexpected {self.found}"

    @property
    def label(self) -> str:
        """What could stand here, in words of the language and not of its grammar."""
        return f"expected {listing(self.expected, 'or')}" if self.expected else ""

    @property
    def advice(self) -> tuple[str, ...]:
        """What to write for a slip that is known, such as Python around the layers."""
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
        """Said of two stages, as neither of them is wrong."""
        return "missing `->` between two stages"

    @property
    def label(self) -> str:
        """Marks the second stage: the arrow belongs in front of it."""
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
        """The grammar reads `3x3` as a single token, like a number."""
        return "a size is one word"

    @property
    def label(self) -> str:
        """The same size without its blanks."""
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
        """The bracket that was opened: where it should be closed is not known."""
        return f"`{self.bracket}` is never closed"

    @property
    def label(self) -> str:
        """The bracket that would close it."""
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
        """Either it closes one of another kind, or none is open."""
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
        """Words and signs, as these are what parsing takes time for."""
        return f"the text has more than {self.limit:,} words and signs"

    @property
    def advice(self) -> tuple[str, ...]:
        """The language has repeats, so that texts stay short."""
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
        """Levels of brackets, suffixes, stages or operators, whichever went too deep."""
        return f"nested deeper than {self.limit} levels"

    @property
    def advice(self) -> tuple[str, ...]:
        """A name ends the nesting: what it stands for is a text of its own."""
        return ("give the inner part a name, with `block` or `let`",)
