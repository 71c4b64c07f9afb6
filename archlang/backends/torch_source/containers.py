"""Writes what builds a body: its layers one after the other, into a `nn.Sequential`, a list, keys or attributes.

The writer handles several bodies of equal structure at once (see `frames.py`). Short repeats are written out, longer
ones become loops; parts that open a scope become a nested `nn.Sequential` or an object of a class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from archlang.backends.initialise import Initialisation
from archlang.backends.torch_source.forward import is_functional
from archlang.backends.torch_source.frames import Frame, FunctionFrame, LoopFrame, Slot, Variable, Vector, is_constant
from archlang.backends.torch_source.parts import Part, Parts, Segment, Step
from archlang.backends.torch_source.text import INDENT, Bracket, Code, Entry, Expression, call
from archlang.backends.torch_source.words import quote, unique
from archlang.errors.words import shape_text
from archlang.ir.graph import BodyId, Call, Layer, Name
from archlang.ir.ops.base import TorchArgument, collapse
from archlang.ir.walk import Starts, advance, name_text

SHORT_REPEAT = 6
"""A repeat that takes at most so many lines is written out."""

Names = tuple[Name | None, ...]


class CalledClass(Protocol):
    """A class of the generated module, written already."""

    name: str
    parameters: list[Variable]

    def values(self, parameter: Variable, bodies: Sequence[BodyId]) -> Vector:
        """What a parameter must be for each of these bodies."""
        ...


class Library(Protocol):
    """What constructors refer to: the classes of the module, its helpers and imports."""

    def class_of(self, body: BodyId, label: str) -> CalledClass | None:
        """The class that stands for a body; None if it is written in place."""
        ...

    def require(self, name: str) -> None:
        """Note that an import or helper is used."""
        ...


class Sink(Protocol):
    """Where the parts of a body go. `longest` says up to how many lines a repeat is written out, and
    `leaves_flattening` that `forward` will do what it can do by a function."""

    code: Code
    longest: float
    leaves_flattening: bool

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add one part, given as an expression."""
        ...

    def flush(self) -> None:
        """Write down what is pending, before other statements follow."""
        ...


@dataclass
class Inline:
    """The arguments of one `nn.Sequential(...)`."""

    entries: list[Entry] = field(default_factory=list[Entry])
    code: Code = field(default_factory=Code)
    longest: float = SHORT_REPEAT
    leaves_flattening: bool = False

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add an argument."""
        self.entries.append(Entry(value, comment=comment))

    def flush(self) -> None:
        """Nothing is pending: there are no other statements."""


@dataclass
class Listing:
    """A list of layers, filled by several statements."""

    code: Code
    name: str
    declared: bool
    begun: bool = False
    pending: list[Entry] = field(default_factory=list[Entry])
    longest: float = SHORT_REPEAT
    leaves_flattening: bool = False

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add an element."""
        self.pending.append(Entry(value, comment=comment))

    def flush(self) -> None:
        """Write pending elements in one statement."""
        entries = tuple(self.pending)
        if not self.begun:
            self.code.add(f"{self.name}{'' if self.declared else ': list[nn.Module]'} = ", Bracket("[", entries, "]"))
        elif len(entries) == 1:
            self.code.add(f"{self.name}.append(", entries[0].value, ")", entries[0].comment)
        elif entries:
            self.code.add(f"{self.name} += ", Bracket("[", entries, "]"))
        self.begun = True
        self.pending = []


@dataclass
class Keyed:
    """A `nn.Sequential` whose parts get their names one by one; `counters` number names inside loops."""

    code: Code
    target: str
    counters: dict[str, str]
    labels: set[str]
    longest: float = SHORT_REPEAT
    leaves_flattening: bool = False

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Add a part under its name."""
        self.code.add("", call(f"{self.target}.add_module", self._name(names, starts, frame), value), comment=comment)

    def flush(self) -> None:
        """Nothing is ever pending."""

    def _name(self, names: Names, starts: Starts, frame: Frame) -> Expression:
        name = names[0]
        if name is None and isinstance(frame, LoopFrame):
            return f'f"flatten{{len({self.target})}}"'
        if name is None:
            key = unique("flatten", self.labels.__contains__)
            self.labels.add(key)
            return quote(key)
        if name.index is None:
            return label_text(tuple(n.base for n in names if n), frame)
        counter = self.counters.get(name.base)
        if counter is None:
            return quote(name_text(name, starts))
        return f'f"{name.base}{{next({counter})}}"' if name.base else f"str(next({counter}))"


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


class Builder:
    """Writes the constructor of one class."""

    def __init__(self, parts: Parts, library: Library, init: Initialisation, function: FunctionFrame) -> None:
        self.parts = parts
        self.library = library
        self.init = init
        self.function = function
        self.declared: set[str] = set()

    # ---- steps

    def fill(self, sink: Sink, parts: Sequence[Part], frame: Frame, starts: Starts) -> None:
        """Put all steps of these bodies, which have equal structure, into a sink."""
        for steps in zip(*(part.steps for part in parts), strict=True):
            node = steps[0].node
            if isinstance(node, Segment):
                self._segment(sink, steps, frame, starts)
                continue
            names = tuple(step.node.name for step in steps if not isinstance(step.node, Segment))
            if not (isinstance(node, Layer) and sink.leaves_flattening and is_functional(node)):
                value = self.layer(steps, frame) if isinstance(node, Layer) else self._called(sink, steps, frame, names)
                sink.put(names, starts, value, _comment(steps, frame), frame)
            frame.passes(tuple(step.outputs[0][0] for step in steps))

    def layer(self, steps: Sequence[Step], frame: Frame) -> Expression:
        """The constructor of a layer."""
        layers = [step.node for step in steps if isinstance(step.node, Layer)]
        expression = Bracket(
            f"{layers[0].op.torch().target}(",
            tuple(
                Entry(frame.write(Slot(values, a.name, a.role)), "" if a.positional else f"{a.name}=")
                for a, values in _arguments(layers)
            ),
        )
        scheme = self.init.of(layers[0])
        if scheme is None:
            return expression
        self.library.require(scheme)
        return call(f"init_{scheme}", expression)

    def _called(self, sink: Sink, steps: Sequence[Step], frame: Frame, names: Names) -> Expression:
        """A part that opens a scope: an object of a class, or a nested `nn.Sequential`."""
        bodies = [step.node.body for step in steps if isinstance(step.node, Call)]
        label = names[0].base if names[0] and names[0].index is None else ""
        called = self.library.class_of(bodies[0], label)
        if called is not None:
            return self._object(called, bodies, steps, frame)
        return self._group(sink, [self.parts.part(body) for body in bodies], frame, label)

    def _object(
        self, called: CalledClass, bodies: Sequence[BodyId], steps: Sequence[Step], frame: Frame
    ) -> Expression:
        given = tuple(step.outputs[0][0] for step in steps)
        entries: list[Entry] = []
        for parameter in called.parameters:
            slot = Slot(called.values(parameter, bodies), parameter.name, parameter.role)
            keyword = not parameter.role or any(entry.prefix for entry in entries)
            entries.append(Entry(frame.write(slot), f"{parameter.name}=" if keyword else ""))
        frame.passes(given)
        return Bracket(f"{called.name}(", tuple(entries))

    # ---- groups

    def _group(self, sink: Sink, parts: Sequence[Part], frame: Frame, label: str) -> Expression:
        if is_numbered(self.parts, parts[0]) and self.is_straight(parts):
            inline = Inline()
            self.fill(inline, parts, frame, {})
            return Bracket("nn.Sequential(", tuple(inline.entries))
        sink.flush()
        if is_numbered(self.parts, parts[0]):
            return f"nn.Sequential(*{self.listing(sink.code, parts, frame, label)})"
        name = self._local(label or "group")
        sink.code.add(f"{name} = nn.Sequential()")
        self.keys(sink.code, name, parts, frame)
        return name

    def listing(self, code: Code, parts: Sequence[Part], frame: Frame, label: str = "") -> str:
        """Statements that fill a list with layers; returns its name."""
        name = self._local("layers" if "layers" not in self.function.locals else label or "group")
        listing = Listing(code, name, name in self.declared)
        self.declared.add(name)
        self.fill(listing, parts, frame, {})
        listing.flush()
        self.function.locals -= {name}
        return name

    def keys(self, code: Code, target: str, parts: Sequence[Part], frame: Frame) -> None:
        """Statements that add parts to a `nn.Sequential` by name."""
        counters = {base: self._local(f"{base or 'number'}s") for base in sorted(self._looped(parts, in_loop=False))}
        for base, name in counters.items():
            self.library.require("count")
            code.add(f"{name} = count({1 if base else ''})")
        self.fill(Keyed(code, target, counters, set(all_labels(self.parts, parts[0]))), parts, frame, {})
        self.function.locals -= set(counters.values())

    def _local(self, name: str) -> str:
        """A free name for a local variable."""
        taken = self.function.locals | (self.function.used - self.declared)
        free = unique(name, taken.__contains__)
        self.function.locals.add(free)
        self.function.used.add(free)
        return free

    def _looped(self, parts: Sequence[Part], in_loop: bool) -> set[str]:
        """Bases of automatic names that stand inside loops."""
        found: set[str] = set()
        for steps in zip(*(part.steps for part in parts), strict=True):
            node = steps[0].node
            if isinstance(node, Segment):
                looped = in_loop or not self.is_short(_segments(steps), SHORT_REPEAT)
                runs = [run for segment in _segments(steps) for run in segment.runs]
                found |= self._looped([self.parts.of(run) for run in runs], looped)
            elif in_loop and node.name and node.name.index is not None:
                found.add(node.name.base)
        return found

    # ---- repeats

    def is_straight(self, parts: Sequence[Part]) -> bool:
        """Whether bodies can be written as one expression, without loops or names of their own."""
        for steps in zip(*(part.steps for part in parts), strict=True):
            if isinstance(steps[0].node, Segment):
                segments = _segments(steps)
                if not self.is_short(segments, SHORT_REPEAT) or not all(map(self.is_straight, self._copies(segments))):
                    return False
            elif isinstance(steps[0].node, Call) and not self._is_straight_call(steps):
                return False
        return True

    def _is_straight_call(self, steps: Sequence[Step]) -> bool:
        bodies = [step.node.body for step in steps if isinstance(step.node, Call)]
        if self.library.class_of(bodies[0], "") is not None:
            return True
        parts = [self.parts.part(body) for body in bodies]
        return is_numbered(self.parts, parts[0]) and self.is_straight(parts)

    def is_short(self, segments: Sequence[Segment], longest: float) -> bool:
        """Whether a repeat is written out: few lines, and as many copies in each body."""
        counts = {segment.count for segment in segments}
        return counts == {1} or (len(counts) == 1 and max(map(self.parts.run_size, segments)) <= longest)

    def _copies(self, segments: Sequence[Segment]) -> Iterator[list[Part]]:
        """Copies written out: the first of each segment, the second of each, ..."""
        for runs in self._rows(segments):
            yield [self.parts.part(body).whole if whole else self.parts.part(body) for body, whole in runs]

    def _rows(self, segments: Sequence[Segment]) -> Iterator[tuple[tuple[BodyId, bool], ...]]:
        expanded = (chain.from_iterable([(r.body, r.whole)] * r.count for r in segment.runs) for segment in segments)
        return zip(*expanded, strict=True)

    def _segment(self, sink: Sink, steps: Sequence[Step], frame: Frame, starts: Starts) -> None:
        segments = _segments(steps)
        if not self.is_short(segments, sink.longest):
            self._loop(sink, segments, steps, frame)
            return
        offsets: Starts = {**starts, **{base: starts.get(base, 0) + n for base, n in segments[0].starts}}
        for row, parts in zip(self._rows(segments), self._copies(segments), strict=True):
            self.fill(sink, parts, frame, offsets)
            offsets = advance(offsets, self.parts.model.bodies[row[0][0]])

    def _loop(self, sink: Sink, segments: Sequence[Segment], steps: Sequence[Step], frame: Frame) -> None:
        runs = [(outer, run) for outer, segment in enumerate(segments) for run in segment.runs]
        bodies = [self.parts.model.bodies[run.body] for _, run in runs]
        loop = LoopFrame(
            len(runs),
            outer=frame,
            function=self.function,
            origin=tuple(outer for outer, _ in runs),
            counts=tuple(run.count for _, run in runs),
            entry=tuple(body.inputs[0][0] for body in bodies),
            flow="features" if len(steps[0].shapes[0]) == 1 else "channels",
        )
        sink.flush()
        outer_code, sink.code = sink.code, sink.code.deeper()
        self.fill(sink, [self.parts.of(run) for _, run in runs], loop, {})
        sink.flush()
        given = tuple(body.shape_of(body.outputs[0])[0] for body in bodies)
        if (update := loop.update(given)) is not None:
            sink.code.add(f"{loop.carry} = ", update)
        block, sink.code = sink.code, outer_code
        self._write_loop(sink.code, loop, block)
        loop.leave(given)

    def _write_loop(self, code: Code, loop: LoopFrame, block: Code) -> None:
        heads = loop.head()
        if loop.carry and loop.carry != loop.start:
            code.add(f"{loop.carry} = ", loop.start)
        code.add(f"for {heads[0][0]} in ", heads[0][1], ":")
        if len(heads) > 1:
            inner = code.deeper()
            inner.add(f"for {heads[1][0]} in ", heads[1][1], ":")
            code.take(inner)
            block.lines = [" " * INDENT + line for line in block.lines]
        code.take(block)


def _comment(steps: Sequence[Step], frame: Frame) -> str:
    """The shape that a step gives, where it changes and is the same for all."""
    shapes = {step.outputs[0] for step in steps}
    changes = any(step.outputs != step.shapes for step in steps)
    return shape_text(shapes.pop()) if changes and len(shapes) == 1 and not isinstance(frame, LoopFrame) else ""


def _segments(steps: Sequence[Step]) -> list[Segment]:
    return [step.node for step in steps if isinstance(step.node, Segment)]


def _arguments(layers: Sequence[Layer]) -> Iterator[tuple[TorchArgument, Vector]]:
    """The arguments that any of these layers writes, with the values of all; torch's default where one leaves it out."""
    given = [{argument.name: argument for argument in layer.op.torch().arguments} for layer in layers]
    order = list(type(layers[0].op).__dataclass_fields__)
    names = {name: argument for arguments in given for name, argument in arguments.items()}
    for argument in sorted(names.values(), key=lambda a: (not a.positional, _position(order, a.name))):
        yield argument, tuple(
            own[argument.name].value if argument.name in own else collapse(getattr(layer.op, argument.name))
            for own, layer in zip(given, layers, strict=True)
        )


def _position(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def is_numbered(parts: Parts, part: Part) -> bool:
    """Whether the parts of a body are a chain named 0, 1, 2, ..., so that `nn.Sequential` names them by itself."""
    return part.is_chain and all(_is_number(parts, step) for step in part.steps)


def _is_number(parts: Parts, step: Step) -> bool:
    if isinstance(step.node, Segment):
        return is_numbered(parts, parts.of(step.node.runs[0]))
    return step.node.name is not None and step.node.name.index is not None and step.node.name.base == ""


def all_labels(parts: Parts, part: Part) -> Iterable[str]:
    """Labels of a scope."""
    for step in part.steps:
        if isinstance(step.node, Segment):
            for run in step.node.runs:
                yield from all_labels(parts, parts.of(run))
        elif step.node.name and step.node.name.index is None:
            yield step.node.name.base
