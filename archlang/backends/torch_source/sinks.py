"""Where the parts of a body go as they are written: into one expression, a list, or under keys of a `nn.Sequential`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from archlang.backends.torch_source.alignment import NotMergeable
from archlang.backends.torch_source.frames import Frame, Slot, Vector, is_constant
from archlang.backends.torch_source.loops import LoopFrame
from archlang.backends.torch_source.steps import Style
from archlang.backends.torch_source.text import WIDTH, Bracket, Code, Entry, Expression, call, flat
from archlang.backends.torch_source.words import quote, unique
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

    def begin_if(self, condition: str) -> None:
        """What follows is there only under a condition. Raises `NotMergeable`."""
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

    def begin_if(self, condition: str) -> None:
        """An expression has no parts that may be missing."""
        raise NotMergeable

    def end_if(self) -> None:
        """There is none."""


@dataclass
class Named(Inline):
    """The pairs of one `OrderedDict([...])`; `labels` are the names that parts have."""

    labels: set[str] = field(default_factory=set[str])

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add a pair."""
        self.entries.append(_pair(_key(names, starts, frame, self.labels), value, comment))


@dataclass
class Listing:
    """A list of layers, filled by several statements."""

    code: Code
    name: str
    declared: bool
    style: Style | None = None
    begun: bool = False
    pending: list[Entry] = field(default_factory=list[Entry])
    outer: list[Code] = field(default_factory=list[Code])

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add an element."""
        self.pending.append(Entry(value, comment=comment))

    def flush(self) -> None:
        """Write pending elements in one statement."""
        entries = tuple(self.pending)
        if not self.begun:
            self.code.add(f"{self.name}{'' if self.declared else ': list[nn.Module]'} = ", Bracket("[", entries, "]"))
        elif len(entries) == 1:
            self.code.add("", call(f"{self.name}.append", entries[0].value), comment=entries[0].comment)
        elif entries:
            self.code.add(f"{self.name} += ", Bracket("[", entries, "]"))
        self.begun = True
        self.pending = []

    def begin_if(self, condition: str) -> None:
        """Elements under a condition are added by statements of their own."""
        if self.style:
            raise NotMergeable
        self.flush()
        self.code.add(f"if {condition}:")
        self.outer.append(self.code)
        self.code = self.code.deeper()

    def end_if(self) -> None:
        """Go on outside the condition."""
        self.flush()
        block, self.code = self.code, self.outer.pop()
        self.code.take(block)


@dataclass
class Keyed:
    """A `nn.Sequential` whose parts have names: it is made of the first ones, the others are added one by one.

    `counters` number names inside loops.
    """

    code: Code
    target: str
    labels: set[str]
    style: Style | None = None
    counters: dict[str, str] = field(default_factory=dict[str, str])
    begun: bool = False
    is_ordered: bool = False
    pending: list[Entry] = field(default_factory=list[Entry])

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add a part under its name."""
        key = self._key(names, starts, frame)
        text = str(key).strip('"')
        if self.target == "self" and quote(text) == key and text.isidentifier():
            self.code.add(f"self.{text} = ", value, comment=comment)
        elif self.target == "self" or self.begun:
            self.code.add("", call(f"{self.target}.add_module", key, value), comment=comment)
        else:
            self.pending.append(_pair(key, value, comment))

    def flush(self) -> None:
        """Make the module of the parts that are pending."""
        if self.target != "self" and not self.begun:
            self.is_ordered = bool(self.pending)
            made = ordered(self.pending) if self.pending else ""
            self.code.add(f"{self.target} = ", call("nn.Sequential", *([made] if made else [])))
        self.begun, self.pending = True, []

    def begin_if(self, condition: str) -> None:
        """Names would depend on what is there."""
        raise NotMergeable

    def end_if(self) -> None:
        """There is none."""

    def _key(self, names: Names, starts: Starts, frame: Frame) -> Expression:
        name = names[0]
        if name is None and isinstance(frame, LoopFrame):
            return f'f"flatten{{len({self.target})}}"'
        counter = self.counters.get(name.base) if name is not None and name.index is not None else None
        if name is None or counter is None:
            return _key(names, starts, frame, self.labels)
        return f'f"{name.base}{{next({counter})}}"' if name.base else f"str(next({counter}))"


@dataclass
class Attributes:
    """Parts as attributes; `names` are those that differ from the part's own name."""

    code: Code
    names: dict[str, str]
    style: Style | None = "attributes"
    condition: str = ""

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Set an attribute."""
        name = name_text(names[0], starts) if names[0] else ""
        has_number = name.isdigit() and name not in self.names
        if has_number and len({n.index for n in names if n is not None}) > 1:
            raise NotMergeable
        name = self.names.get(name, name)
        if self.condition:
            self._put_if(name, value)
        elif name.isidentifier():
            self.code.add(f"self.{name} = ", value)
        else:
            is_parameter = isinstance(value, Bracket) and value.opening == "nn.Parameter("
            function = "self.register_parameter" if is_parameter else "self.add_module"
            self.code.add("", call(function, quote(name), value))

    def flush(self) -> None:
        """Nothing is ever pending."""

    def _put_if(self, name: str, value: Expression) -> None:
        """Set an attribute that is None where the part is not there."""
        if not name.isidentifier() or (isinstance(value, Bracket) and value.opening == "nn.Parameter("):
            raise NotMergeable
        text, condition = flat(value), self.condition
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

    def begin_if(self, condition: str) -> None:
        """Attributes are None where the condition does not hold."""
        self.condition = condition

    def end_if(self) -> None:
        """Go on outside the condition."""
        self.condition = ""


@dataclass
class Mapped:
    """The entries of `nn.ModuleDict({...})`: parts of which some are only numbered, and not without gaps."""

    code: Code
    style: Style | None = "attributes"
    entries: list[Entry] = field(default_factory=list[Entry])

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add an entry. Raises `NotMergeable` where the name is not the same in all bodies."""
        texts = {name_text(name, starts) for name in names if name is not None}
        if len(texts) != 1:
            raise NotMergeable
        self.entries.append(Entry(value, f"{quote(texts.pop())}: "))

    def flush(self) -> None:
        """Nothing is pending: statements of groups stand in front."""

    def begin_if(self, condition: str) -> None:
        """An expression has no parts that may be missing."""
        raise NotMergeable

    def end_if(self) -> None:
        """There is none."""


def ordered(pairs: Sequence[Entry]) -> Expression:
    """`OrderedDict([("conv0", nn.Conv2d(3, 64, 7))])`."""
    entries = (replace(pairs[0], comment=""),) if len(pairs) == 1 else tuple(pairs)
    return call("OrderedDict", Bracket("[", entries, "]"))


def _pair(key: Expression, value: Expression, comment: str) -> Entry:
    return Entry(Bracket("(", (Entry(key), Entry(value))), comment=comment)


def _key(names: Names, starts: Starts, frame: Frame, labels: set[str]) -> Expression:
    """The name of a part as Python text."""
    name = names[0]
    if name is None:
        key = unique("flatten", labels.__contains__)
        labels.add(key)
        return quote(key)
    return (
        label_text(tuple(n.base for n in names if n), frame) if name.index is None else quote(name_text(name, starts))
    )


def label_text(labels: Vector, frame: Frame) -> Expression:
    """A label as Python text: quoted, or put together from a loop variable."""
    if is_constant(labels):
        return quote(labels[0])
    matches = [re.fullmatch(r"(.*?)(0|[1-9][0-9]*)", label) for label in labels]
    prefixes = {match[1] for match in matches if match}
    if None in matches or len(prefixes) > 1:
        return frame.write(Slot(labels, "name"))
    number = frame.write(Slot(tuple(int(match[2]) for match in matches if match), "i"))
    return f'f"{prefixes.pop()}{{{number}}}"'
