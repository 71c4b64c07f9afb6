"""Problems of the text itself, found while parsing."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing
from archlang.records import record


@record
class EmptyFile(Problem):
    """A file without a single definition."""

    code = "empty-file"

    @property
    def message(self) -> str:
        return "there is no architecture here"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("a chain is a whole file: INPUT(3, 32, 32) -> CONV -> RELU -> FC(10)",)


@record
class UnexpectedText(Problem):
    """Something stands where the grammar has no place for it."""

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
    """Two stages of a chain stand side by side."""

    code = "missing-arrow"

    @property
    def message(self) -> str:
        return "missing `->` between two stages"

    @property
    def label(self) -> str:
        return "a new stage begins here"


@record
class SpacedSize(Problem):
    """A size is written with blanks: 3 x 3."""

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
    """A bracket is opened and never closed."""

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
    """A closing bracket closes nothing, or something else."""

    code = "unmatched-bracket"
    bracket: str
    opened: str = ""

    @property
    def message(self) -> str:
        return f"`{self.bracket}` closes `{self.opened}`" if self.opened else f"`{self.bracket}` closes nothing"


@record
class TextTooLong(Problem):
    """More words and signs than any architecture written by hand has."""

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
    """Brackets or expressions are nested beyond any use."""

    code = "nesting-too-deep"
    limit: int

    @property
    def message(self) -> str:
        return f"nested deeper than {self.limit} levels"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("give the inner part a name, with `block` or `let`",)
