"""Where the parts of a body go as they are written: into one expression, a list, or under keys of a `nn.Sequential`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from archlang.backends.torch_source.alignment import NotMergeable
from archlang.backends.torch_source.frames import Frame
from archlang.backends.torch_source.steps import Style
from archlang.backends.torch_source.text import WIDTH, Bracket, Code, Entry, Expression, call, flat
from archlang.backends.torch_source.words import quote
from archlang.ir.graph import Name
from archlang.ir.walk import Starts, name_text

Names = tuple[Name | None, ...]


class Sink(Protocol):
    """Where the parts of a body go. `style` says how `forward` reaches them, None that there is no `forward`."""

    code: Code
    style: Style | None

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add one part, given as an expression."""
        ...

    def flush(self) -> None:
        """Write down what is pending, before other statements follow."""
        ...

    def begin_if(self, condition: str, together: bool) -> None:
        """What follows is there only under a condition, several parts `together`. Raises `NotMergeable`."""
        ...

    def end_if(self) -> None:
        """What follows is there in any case."""
        ...


@dataclass
class Inline:
    """The arguments of one `nn.Sequential(...)`."""

    entries: list[Entry] = field(default_factory=list[Entry])
    code: Code = field(default_factory=Code)
    style: Style | None = None

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add an argument."""
        self.entries.append(Entry(value, comment=comment))

    def flush(self) -> None:
        """Nothing is pending: there are no other statements."""

    def begin_if(self, condition: str, together: bool) -> None:
        """An expression has no parts that may be missing."""
        raise NotMergeable

    def end_if(self) -> None:
        """There is none."""


@dataclass
class Listing:
    """A list of layers, filled by several statements."""

    code: Code
    name: str
    declared: bool
    style: Style | None = None
    begun: bool = False
    pending: list[Entry] = field(default_factory=list[Entry])
    outer: list[tuple[Code, str]] = field(default_factory=list[tuple[Code, str]])
    before: tuple[tuple[str, ...], int] = ((), -1)
    """The conditions of the last `if` and its `elif`s, and the number of lines behind their blocks."""

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add an element."""
        self.pending.append(Entry(value, comment=comment))

    def flush(self) -> None:
        """Write pending elements in one statement."""
        entries = tuple(self.pending)
        if not self.begun:
            # type checkers want a variable declared once, however often the constructor begins a list of this name
            self.code.add(f"{self.name}{'' if self.declared else ': list[nn.Module]'} = ", Bracket("[", entries, "]"))
        # one more is an `append`, as one writes it by hand
        elif len(entries) == 1:
            self.code.add("", call(f"{self.name}.append", entries[0].value), comment=entries[0].comment)
        elif entries:
            self.code.add(f"{self.name} += ", Bracket("[", entries, "]"))
        self.begun = True
        self.pending = []

    def begin_if(self, condition: str, together: bool) -> None:
        """Elements under a condition are added by statements of their own."""
        self.flush()
        self.outer.append((self.code, condition))
        self.code = self.code.deeper()

    def end_if(self) -> None:
        """Go on outside the condition."""
        self.flush()
        block, (self.code, condition) = self.code, self.outer.pop()
        chain, behind = self.before
        # a condition right behind others may become their `else` or `elif`
        chain = take_if(self.code, condition, block, chain if behind == len(self.code.lines) else ())
        self.before = (chain, len(self.code.lines))


def common_name(names: Names, starts: Starts) -> str:
    """The name of a part. Raises `NotMergeable` where it is another in some bodies: the text has one for all."""
    texts = {name_text(name, starts) for name in names if name is not None}
    if len(texts) != 1:
        raise NotMergeable
    return texts.pop()


@dataclass
class Gaps:
    """Conditions of parts with numbers for names: what they leave out changes the numbers of those behind them."""

    conditions: set[str] = field(default_factory=set[str])

    def pass_by(self, name: str, condition: str, keeps_number: bool = True) -> None:
        """Note a part. Raises `NotMergeable` where its number is its name and depends on what is there."""
        if not name.isdigit():
            return
        # parts under the same condition move each other's numbers together, or not at all
        if keeps_number and self.conditions - {condition}:
            raise NotMergeable
        if condition:
            self.conditions.add(condition)


@dataclass
class Attributes:
    """Parts as attributes; `names` are those that differ from the part's own name.

    A part that not every object has is None elsewhere; several together are set in one block.
    """

    code: Code
    names: dict[str, str]
    style: Style | None = "attributes"
    condition: str = ""
    outer: Code | None = None
    gaps: Gaps = field(default_factory=lambda: Gaps())

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Set an attribute."""
        name = name_text(names[0], starts) if names[0] else ""
        keeps_number = name not in self.names
        # what has a name of the class's own may have another number in each body
        if keeps_number and name.isdigit():
            name = common_name(names, starts)
        self.gaps.pass_by(name, self.condition, keeps_number)
        name = self.names.get(name, name)
        if self.condition and self.outer is None:
            self._put_if(name, value)
        elif name.isidentifier():
            self.code.add(f"self.{name} = ", value)
        else:
            is_parameter = isinstance(value, Bracket) and value.opening == "nn.Parameter("
            # names such as `0` are keys of the `state_dict`, but no attributes that Python could write down
            function = "self.register_parameter" if is_parameter else "self.add_module"
            self.code.add("", call(function, quote(name), value))

    def flush(self) -> None:
        """Nothing is ever pending."""

    def _put_if(self, name: str, value: Expression) -> None:
        """Set an attribute that is None where the part is not there."""
        if not name.isidentifier() or (isinstance(value, Bracket) and value.opening == "nn.Parameter("):
            raise NotMergeable
        text, condition = flat(value), self.condition
        # `a if (b if c else d) else None` would read in another order without parentheses
        condition = f"({condition})" if " if " in condition else condition
        line = f"self.{name} = {text} if {condition} else None"
        if text is not None and self.code.indent + len(line) <= WIDTH:
            self.code.add(line)
            return
        self.code.add(f"self.{name} = None")
        self.code.add(f"if {condition}:")
        inner = self.code.deeper()
        inner.add(f"self.{name} = ", value)
        self.code.take(inner)

    def begin_if(self, condition: str, together: bool) -> None:
        """Attributes are None where the condition does not hold, or not there if there are several."""
        self.condition = condition
        if together:
            self.outer, self.code = self.code, self.code.deeper()

    def end_if(self) -> None:
        """Go on outside the condition."""
        if self.outer is not None:
            block, self.code, self.outer = self.code, self.outer, None
            take_if(self.code, self.condition, block)
        self.condition = ""


def take_if(code: Code, condition: str, block: Code, chain: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A block under its condition, unless it is empty; `chain` are those of the `if` and `elif`s in front of it.

    Returns the chain that a further condition may go on.
    """
    if not block.lines:
        return chain
    if len(chain) == 1 and _is_opposite(chain[0], condition):
        code.add("else:")
        code.take(block)
        return ()
    # each asks for a value of its own, so that at most one of them holds
    goes_on = bool(chain) and all(_is_other_value(one, condition) for one in chain)
    code.add(f"{'elif' if goes_on else 'if'} {condition}:")
    code.take(block)
    return (*chain, condition) if goes_on else (condition,)


def _is_opposite(before: str, condition: str) -> bool:
    # `not a and b` is no opposite of `a and b`: only conditions of one word are turned
    turned = {f"not {before}": condition, f"not {condition}": before}
    return any(one == other and not re.search(r" (and|or|if) ", one) for one, other in turned.items())


def _is_other_value(before: str, condition: str) -> bool:
    """Whether a condition asks for another value of the same name: `act == "relu"` behind `act == "swish"`."""
    found = [re.fullmatch(r"(\w+) == (\"[^\"]*\"|\d+)", text) for text in (before, condition)]
    return None not in found and len({one[1] for one in found if one}) < len({one[2] for one in found if one})
