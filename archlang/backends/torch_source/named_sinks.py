"""Sinks for parts with names: `OrderedDict([...])`, `nn.ModuleDict({...})`, and `add_module` where there are loops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from archlang.backends.torch_source.alignment import NotMergeable
from archlang.backends.torch_source.frames import Frame, Slot
from archlang.backends.torch_source.loops import LoopFrame
from archlang.backends.torch_source.sinks import Gaps, Inline, Names, common_name, take_if
from archlang.backends.torch_source.steps import Style
from archlang.backends.torch_source.text import Bracket, Code, Entry, Expression, call
from archlang.backends.torch_source.vectors import Vector, is_constant
from archlang.backends.torch_source.words import quote, unique
from archlang.ir.walk import Starts


@dataclass
class Named(Inline):
    """The pairs of one `OrderedDict([...])`; `labels` are the names that parts have."""

    labels: set[str] = field(default_factory=set[str])

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add a pair."""
        self.entries.append(_pair(_key(names, starts, frame, self.labels), value, comment))


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
    outer: list[tuple[Code, str]] = field(default_factory=list[tuple[Code, str]])
    gaps: Gaps = field(default_factory=Gaps)

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add a part under its name. Raises `NotMergeable` where parts that are missing in some change its number."""
        key = self._key(names, starts, frame)
        text = str(key).strip('"')
        self.pass_by(text)
        # `self.conv1 = ...` registers a child of a Sequential as `add_module` does, and reads better
        if self.target == "self" and quote(text) == key and text.isidentifier():
            self.code.add(f"self.{text} = ", value, comment=comment)
        elif self.target == "self" or self.begun:
            self.code.add("", call(f"{self.target}.add_module", key, value), comment=comment)
        else:
            self.pending.append(_pair(key, value, comment))

    def pass_by(self, name: str) -> None:
        """Note a name that is taken. Raises `NotMergeable` where it is a number that depends on what is there."""
        self.gaps.pass_by(name, self.outer[-1][1] if self.outer else "")

    def flush(self) -> None:
        """Make the module of the parts that are pending."""
        if self.target != "self" and not self.begun:
            self.is_ordered = bool(self.pending)
            # an empty nn.Sequential, to which loops and conditions add everything
            made = ordered(self.pending) if self.pending else ""
            self.code.add(f"{self.target} = ", call("nn.Sequential", *([made] if made else [])))
        self.begun, self.pending = True, []

    def begin_if(self, condition: str, together: bool) -> None:
        """Parts under a condition have statements of their own. Raises `NotMergeable` where they are counted."""
        # parts that may be missing would move what a counter names, and the places that `forward` goes by
        if self.counters or self.style:
            raise NotMergeable
        self.flush()
        self.outer.append((self.code, condition))
        self.code = self.code.deeper()

    def end_if(self) -> None:
        """Go on outside the condition."""
        block, (self.code, condition) = self.code, self.outer.pop()
        take_if(self.code, condition, block)

    def _key(self, names: Names, starts: Starts, frame: Frame) -> Expression:
        name = names[0]
        if name is None and isinstance(frame, LoopFrame):
            # copies of a loop need names that differ; the length grows with every part
            return f'f"flatten{{len({self.target})}}"'
        counter = self.counters.get(name.base) if name is not None and name.index is not None else None
        if name is None or counter is None:
            return _key(names, starts, frame, self.labels)
        return f'f"{name.base}{{next({counter})}}"' if name.base else f"str(next({counter}))"


@dataclass
class Mapped:
    """The entries of `nn.ModuleDict({...})`: parts of which some are only numbered, and not without gaps.

    Where some take statements of their own, all are added one by one: the order decides which random numbers they get.
    """

    code: Code
    one_by_one: bool = False
    style: Style | None = "attributes"
    entries: list[Entry] = field(default_factory=list[Entry])

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add an entry. Raises `NotMergeable` where the name is not the same in all bodies."""
        # keys stand in `forward` as texts, which cannot follow what a body is called
        key = quote(common_name(names, starts))
        if self.one_by_one:
            # nn.ModuleDict takes items by assignment, but no names by attribute that are numbers
            self.code.add(f"self[{key}] = ", value)
            return
        self.entries.append(Entry(value, f"{key}: "))

    def flush(self) -> None:
        """Nothing is ever pending."""

    def begin_if(self, condition: str, together: bool) -> None:
        """An expression has no parts that may be missing."""
        raise NotMergeable

    def end_if(self) -> None:
        """There is none."""


def ordered(pairs: Sequence[Entry]) -> Expression:
    """`OrderedDict([("conv0", nn.Conv2d(3, 64, 7))])`."""
    # a comment would keep a single pair from standing on one line
    entries = (replace(pairs[0], comment=""),) if len(pairs) == 1 else tuple(pairs)
    return call("OrderedDict", Bracket("[", entries, "]"))


def _pair(key: Expression, value: Expression, comment: str) -> Entry:
    return Entry(Bracket("(", (Entry(key), Entry(value))), comment=comment)


def _key(names: Names, starts: Starts, frame: Frame, labels: set[str]) -> Expression:
    """The name of a part as Python text."""
    name = names[0]
    if name is None:
        # flattening takes no number of its own, so that its name does not move those of other parts
        key = unique("flatten", labels.__contains__)
        labels.add(key)
        return quote(key)
    if name.index is None:
        return label_text(tuple(n.base for n in names if n), frame)
    return quote(common_name(names, starts))


def label_text(labels: Vector, frame: Frame) -> Expression:
    """A label as Python text: quoted, or put together from a loop variable."""
    if is_constant(labels):
        return quote(labels[0])
    # no leading zeros: from 7 `block{i}` makes block7, never block07
    matches = [re.fullmatch(r"(.*?)(0|[1-9][0-9]*)", label) for label in labels]
    prefixes = {match[1] for match in matches if match}
    if None in matches or len(prefixes) > 1:
        return frame.write(Slot(labels, "name"))
    number = frame.write(Slot(tuple(int(match[2]) for match in matches if match), "i"))
    return f'f"{prefixes.pop()}{{{number}}}"'
