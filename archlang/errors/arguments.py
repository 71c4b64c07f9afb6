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
    """Arguments without a default are not given.

    A convolution without a number of filters, or a pooling without a window, has no shape. A bare word takes its
    arguments from the file's defaults; a word with parentheses, even empty ones, has only what stands in them.
    """

    code = "missing-argument"
    owner: str
    names: tuple[str, ...]
    signature: str
    bare: str = ""

    @property
    def message(self) -> str:
        """`CONV needs out_channels and kernel_size`: all that are missing at once."""
        return f"{self.owner} needs {listing(self.names)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """All arguments of the word, so that what is missing can be told from what has a default."""
        return (f"its arguments are {self.owner}({self.signature})",)

    @property
    def advice(self) -> tuple[str, ...]:
        """What the bare word stands for, where a file's defaults or the language's own give it arguments."""
        return (f"a bare {self.owner} stands for {self.bare}",) if self.bare else ()


@record
class TooManyArguments(Problem):
    """More positional arguments than there are.

    Values without a name are taken in torch's order, and behind the last argument there is no place for another. Often
    two numbers were meant as one size, `3x3`, or the word is taken for another layer.
    """

    code = "too-many-arguments"
    owner: str
    given: int
    signature: str
    taken: int

    @property
    def message(self) -> str:
        """`CONV takes at most 2 arguments, not 3`: `taken` counts those that can be given without a name."""
        return f"{self.owner} takes at most {plural(self.taken, 'argument')}, not {self.given}"

    @property
    def notes(self) -> tuple[str, ...]:
        """All arguments of the word, also those that are given by name only."""
        return (f"its arguments are {self.owner}({self.signature})",)


@record
class DuplicateArgument(ArgumentProblem):
    """One argument is given twice, perhaps once by its letter.

    K, F, S and P are the lectures' letters for `out_channels`, `kernel_size`, `stride` and `padding`, and a value
    without a name is an argument by its position.

    Of two values one would be lost without a word.
    """

    code = "duplicate-argument"

    @property
    def message(self) -> str:
        """By torch's name, though it may have been given by its letter: K is `out_channels`."""
        return f"{self.owner} is given `{self.argument}` twice"


@record
class PositionalAfterKeyword(Problem):
    """A positional argument stands behind a named one.

    Values without a name are counted from the left; behind a named one it is not clear which comes next. Python has the
    same rule.
    """

    code = "positional-after-keyword"

    @property
    def message(self) -> str:
        """Without a name of the argument, as nobody knows which one is meant."""
        return "an argument without a name stands behind one with a name"


@record
class WrongType(ArgumentProblem):
    """An argument has a value of the wrong kind.

    Numbers, texts, sizes, lists, true and false are different kinds of values, and none is turned into another:
    `bias=0` or `"32"` may be meant well, but are more often a slip.
    """

    code = "wrong-type"
    value: object
    expected: str

    @property
    def message(self) -> str:
        """The value as one writes it in a file: `"32"` in its quotes and `true` in small letters."""
        return f"`{self.argument}` of {self.owner} must be {self.expected}, not {value_text(self.value)}"


@record
class OutOfRange(ArgumentProblem):
    """An argument has the right kind of value, but one that it cannot take.

    torch would refuse the value when the network is built or first run; here it is said before. The message says what
    the argument can take.
    """

    code = "out-of-range"
    value: object
    expected: str
    hint: str = ""

    @property
    def message(self) -> str:
        """What it can be comes from the layer; a limit that follows from the input has its numbers in it."""
        return f"`{self.argument}` of {self.owner} must be {self.expected}, not {value_text(self.value)}"

    @property
    def advice(self) -> tuple[str, ...]:
        """The layer's own hint, where there is one way out."""
        return (self.hint,) if self.hint else ()


@record
class InferredArgument(ArgumentProblem):
    """A number is written that archlang finds out by itself: torch's in_channels, in_features, num_features.

    torch's layers are told how many channels or features flow in, `Conv2d(3, 16, 3)`. Here the number follows from what
    flows in, and the first argument is the next one.

    Written as in torch, every argument would be taken for the one behind it, and another layer be built.
    """

    code = "inferred-argument"
    inferred: str
    corrected: str

    @property
    def message(self) -> str:
        """The number is called by torch's name for it, `in_channels` of `nn.Conv2d`."""
        return f"`{self.inferred}` of {self.owner} is found out from the input and not written"

    @property
    def advice(self) -> tuple[str, ...]:
        """The call without the number; `CONV(3, 3, 3)` may mean it all the same, then by name."""
        # the number may be meant for the argument at its place, which it fits as well
        meant = "" if self.argument == self.inferred else f"; if `{self.argument}` is meant, give it by name"
        return (f"write {self.corrected}{meant}",)


@record
class GroupsIndivisible(ArgumentProblem):
    """Channels cannot be split evenly into groups.

    Each group reads an equal share of the input's channels and makes an equal share of the output's.

    Channels are whole, so the number of groups must divide both the input's and the output's. The heads of attention
    are groups of features.
    """

    code = "groups-indivisible"
    channels: int
    groups: int
    side: str

    @property
    def message(self) -> str:
        """`10 input channels cannot be split into 3 groups`; of attention, features are split into heads."""
        return f"{plural(self.channels, self.side + ' channel')} cannot be split into {plural(self.groups, 'group')}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The division with its remainder: `10 = 3*3 + 1`."""
        quotient, remainder = divmod(self.channels, self.groups)
        return (f"{self.channels} = {self.groups}*{quotient} + {remainder}",)


@record
class ExclusiveArguments(ArgumentProblem):
    """Two arguments say the same thing in different ways.

    If the two differed, one would have to be ignored; so only one is given.
    """

    code = "exclusive-arguments"
    other: str

    @property
    def message(self) -> str:
        """Both names, as either may be the one to leave out: a pooling takes `round` or `ceil_mode`."""
        return f"{self.owner} takes `{self.argument}` or `{self.other}`, not both"


@record
class NotAllowed(ArgumentProblem):
    """A value that other arguments of the same layer rule out.

    torch has no such layer: it would refuse the combination when the network is built or first run. The reason stands
    in the message.
    """

    code = "argument-conflict"
    value: object
    reason: str
    way_out: str = ""
    needs: str = ""
    """What sizes must be for the value to work, in a few words: `a multiple of 4`."""

    @property
    def message(self) -> str:
        """The argument with its value as it was given, and torch's reason against it."""
        return f"{self.argument}={value_text(self.value)} does not work here: {self.reason}"

    @property
    def advice(self) -> tuple[str, ...]:
        """What to write in its place, where the layer knows it."""
        return (self.way_out,) if self.way_out else ()
