"""Problems with the arguments of layers, blocks and models."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing, plural, value_text
from archlang.records import record


@record
class ArgumentProblem(Problem):
    """Base of problems that sit at one argument: `argument` names it, so that it can be marked."""

    owner: str
    argument: str


@record
class MissingArguments(Problem):
    """Arguments without a default are not given."""

    code = "missing-argument"
    owner: str
    names: tuple[str, ...]
    signature: str
    bare: str = ""

    @property
    def message(self) -> str:
        return f"{self.owner} needs {listing(self.names)}"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"its arguments are {self.owner}({self.signature})",)

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"a bare {self.owner} stands for {self.bare}",) if self.bare else ()


@record
class TooManyArguments(Problem):
    """More positional arguments than there are."""

    code = "too-many-arguments"
    owner: str
    given: int
    signature: str
    taken: int

    @property
    def message(self) -> str:
        return f"{self.owner} takes at most {plural(self.taken, 'argument')}, not {self.given}"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"its arguments are {self.owner}({self.signature})",)


@record
class DuplicateArgument(ArgumentProblem):
    """One argument is given twice, perhaps once by its letter."""

    code = "duplicate-argument"

    @property
    def message(self) -> str:
        return f"{self.owner} is given `{self.argument}` twice"


@record
class PositionalAfterKeyword(Problem):
    """A positional argument stands behind a named one."""

    code = "positional-after-keyword"

    @property
    def message(self) -> str:
        return "an argument without a name stands behind one with a name"


@record
class WrongType(ArgumentProblem):
    """An argument has a value of the wrong kind."""

    code = "wrong-type"
    value: object
    expected: str

    @property
    def message(self) -> str:
        return f"`{self.argument}` of {self.owner} must be {self.expected}, not {value_text(self.value)}"


@record
class OutOfRange(ArgumentProblem):
    """An argument has the right kind of value, but one that it cannot take."""

    code = "out-of-range"
    value: object
    expected: str

    @property
    def message(self) -> str:
        return f"`{self.argument}` of {self.owner} must be {self.expected}, not {value_text(self.value)}"


@record
class GroupsIndivisible(ArgumentProblem):
    """Channels cannot be split evenly into groups."""

    code = "groups-indivisible"
    channels: int
    groups: int
    side: str

    @property
    def message(self) -> str:
        return f"{plural(self.channels, self.side + ' channel')} cannot be split into {plural(self.groups, 'group')}"

    @property
    def notes(self) -> tuple[str, ...]:
        quotient, remainder = divmod(self.channels, self.groups)
        return (f"{self.channels} = {self.groups}*{quotient} + {remainder}",)


@record
class ExclusiveArguments(ArgumentProblem):
    """Two arguments say the same thing in different ways."""

    code = "exclusive-arguments"
    other: str

    @property
    def message(self) -> str:
        return f"{self.owner} takes `{self.argument}` or `{self.other}`, not both"


@record
class NotAllowed(ArgumentProblem):
    """A value that other arguments of the same layer rule out."""

    code = "argument-conflict"
    value: object
    reason: str
    way_out: str = ""

    @property
    def message(self) -> str:
        return f"{self.argument}={value_text(self.value)} does not work here: {self.reason}"

    @property
    def advice(self) -> tuple[str, ...]:
        return (self.way_out,) if self.way_out else ()
