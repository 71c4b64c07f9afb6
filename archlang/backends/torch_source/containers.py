"""Writes constructors: the layers of a body one after the other, into a sink (see `sinks.py`).

Several bodies of equal structure are written at once (see `frames.py`). Short repeats are written out, longer ones
become loops; parts that open a scope become a nested `nn.Sequential` or an object of a class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from archlang.backends.initialise import Initialisation
from archlang.backends.torch_source.alignment import NotMergeable
from archlang.backends.torch_source.frames import Frame, Slot, Variable
from archlang.backends.torch_source.functions import FunctionFrame
from archlang.backends.torch_source.loops import LoopFrame
from archlang.backends.torch_source.measures import SHORT_REPEAT, Measures
from archlang.backends.torch_source.named_sinks import Keyed, Named, ordered
from archlang.backends.torch_source.rows import layers_of, presence, spread
from archlang.backends.torch_source.sinks import Inline, Listing, Sink
from archlang.backends.torch_source.steps import Part, Segment, Step, Style, behind, is_function, segments_of
from archlang.backends.torch_source.text import INDENT, Bracket, Code, Entry, Expression, call, flat
from archlang.backends.torch_source.vectors import ANY, Vector, equal
from archlang.backends.torch_source.words import literal, unique
from archlang.errors.words import shape_text
from archlang.ir.graph import BodyId, Call, Layer
from archlang.ir.ops.base import TorchArgument, collapse
from archlang.ir.ops.embedding import LearnedTensor
from archlang.ir.walk import Starts, advance


class CalledClass(Protocol):
    """A class of the generated module, written already unless it is the one that is being written (`is_open`)."""

    name: str
    is_open: bool
    parameters: list[Variable]

    def values(self, parameter: Variable, bodies: Sequence[BodyId]) -> Vector:
        """What a parameter must be for each of these bodies."""
        ...


class Library(Protocol):
    """What constructors refer to: the classes of the module, its helpers and imports."""

    parts: Measures
    init: Initialisation

    def class_of(self, body: BodyId, label: str) -> CalledClass | None:
        """The class that stands for a body; None if it is written in place."""
        ...

    def require(self, name: str) -> None:
        """Note that an import or helper is used."""
        ...

    def imported_class(self, target: str) -> str:
        """What a class of another package is called in the module, which imports it."""
        ...

    def support_class(self, name: str) -> str:
        """What a class of `backends/support.py` is called in the module, which gets a copy of it."""
        ...


class Builder:
    """Writes the constructor of one class."""

    def __init__(self, library: Library, function: FunctionFrame) -> None:
        self.library = library
        self.parts = library.parts
        self.function = function
        self.declared: set[str] = set()
        self.reusable: set[str] = set()

    # ---- steps

    def fill(self, sink: Sink, parts: Sequence[Part | None], frame: Frame, starts: Starts) -> None:
        """Put all steps of these bodies, which one class stands for, into a sink."""
        rows, _ = self.parts.aligned(parts)
        for present, places in self.parts.together(rows, parts):
            together = [rows[place] for place in places]
            if present is None:
                for row in together:
                    self._put(sink, row.steps, row.lead, frame, starts)
                continue
            if not isinstance(frame, FunctionFrame):
                raise NotMergeable
            condition = frame.condition(present, [row.lead for row in together])
            sink.begin_if(condition, together=len(together) > 1)
            for row in together:
                self._put(sink, row.steps, row.lead, frame, starts)
            sink.end_if()
            # what flows behind a condition depends on it, so the name of what flowed before says nothing
            frame.known = frame.running = None

    def _put(self, sink: Sink, steps: Sequence[Step | None], lead: Step, frame: Frame, starts: Starts) -> None:
        node = lead.node
        if isinstance(node, Segment):
            self._segment(sink, steps, lead, frame, starts)
            return
        names = tuple(step.node.name for step in steps if step and not isinstance(step.node, Segment))
        # sinks go by the first name, which must be that of the widest body
        if node.name not in names[:1]:
            names = (node.name, *names)
        # a further use of a part has the module of the first
        value = None if node.shared else self._value(sink, steps, node, frame)
        if value is not None:
            sink.put(names, starts, value, _comment(steps, frame), frame)
        frame.passes(tuple(step.outputs[0][0] if step else ANY for step in steps))

    def _value(self, sink: Sink, steps: Sequence[Step | None], node: Layer | Call, frame: Frame) -> Expression | None:
        """What a part is made of; None for what `forward` does by a function."""
        if not isinstance(node, Layer):
            return self._called(sink, steps, frame)
        if isinstance(node.op, LearnedTensor):
            return self._parameter(steps, node.op, frame)
        return None if sink.style and is_function(node, sink.style) else self._layer(steps, node, frame)

    def _parameter(self, steps: Sequence[Step | None], op: LearnedTensor, frame: Frame) -> Expression:
        """`nn.Parameter(torch.zeros(1, 197, 768))`."""
        shapes = [layer.op.stored if isinstance(layer.op, LearnedTensor) else () for layer in layers_of(steps)]
        vectors = (spread(steps, sizes) for sizes in zip(*shapes, strict=True))
        # sizes that no parameter has are asked for as `size`, `size2`
        sizes = [frame.write(Slot(vector, "size", owner="nn.Parameter")) for vector in vectors]
        self.library.require("torch")
        std, fill = op.std, op.fill
        if std:
            end = f".normal_({literal(fill)}, {literal(std)})" if fill else f".normal_(std={literal(std)})"
            return call("nn.Parameter", f"{flat(call('torch.empty', *sizes))}{end}")
        if fill in (0, 1):
            return call("nn.Parameter", call("torch.ones" if fill else "torch.zeros", *sizes))
        return call("nn.Parameter", call("torch.full", Bracket("(", tuple(map(Entry, sizes))), literal(fill)))

    def _layer(self, steps: Sequence[Step | None], node: Layer, frame: Frame) -> Expression:
        """The constructor of a layer."""
        target = node.op.torch().target
        if target.startswith("support."):
            target = self.library.support_class(target.removeprefix("support."))
        elif ":" in target:
            target = self.library.imported_class(target)
        words = self._words(steps, node)
        expression = Bracket(
            f"{target}(",
            tuple(
                Entry(
                    frame.write(Slot(spread(steps, values), a.name, a.role, owner=target, words=words)),
                    "" if a.positional else f"{a.name}=",
                )
                for a, values in _arguments(layers_of(steps))
            ),
        )
        scheme = self.library.init.of(node)
        if scheme is None:
            return expression
        self.library.require(scheme)
        # schemes that differ are applied as layers are made, as in the live module: random numbers come in one order
        return call(f"init_{scheme}", expression)

    def _words(self, steps: Sequence[Step | None], node: Layer | Call) -> frozenset[str]:
        """What the author gave to a part that not all bodies have: a number may be the same in all that do."""
        if None not in steps:
            return frozenset()
        return self.function.author.names_given(self.function.definition, node.origin)

    def _called(self, sink: Sink, steps: Sequence[Step | None], frame: Frame) -> Expression:
        """A part that opens a scope: an object of a class, or a nested `nn.Sequential`."""
        bodies, label = _called(steps)
        called, *others = (self.library.class_of(body, label) for body in bodies)
        # objects of several classes, or some of the bodies written in place, have no text in common
        if any(other is not called for other in others):
            raise NotMergeable
        if called is not None:
            return self._object(called, bodies, steps, frame)
        parts = [self.parts.part(step.node.body) if step and isinstance(step.node, Call) else None for step in steps]
        return self._group(sink, bodies[0], parts, frame, label)

    def _object(
        self, called: CalledClass, bodies: Sequence[BodyId], steps: Sequence[Step | None], frame: Frame
    ) -> Expression:
        entries: list[Entry] = []
        skips = False
        for parameter in called.parameters:
            values = called.values(parameter, bodies)
            # a call leaves out what it would only repeat
            if parameter.has_default and equal(values, (parameter.given,) * len(values)):
                skips = True
                continue
            given = spread(steps, values)
            slot = Slot(
                given,
                parameter.name,
                parameter.role,
                owner=called.name,
                in_itself=called.is_open,
                reason=parameter.reason,
            )
            # channels go by position as in torch, `Basic(64, 128, stride=2)`; behind one that is named or left out all
            # have names
            by_name = not parameter.role or skips or any(entry.prefix for entry in entries)
            named = len(called.parameters) > 1 and by_name
            entries.append(Entry(frame.write(slot), f"{parameter.name}=" if named else ""))
        frame.passes(tuple(step.outputs[0][0] if step else ANY for step in steps))
        return Bracket(f"{called.name}(", tuple(entries))

    # ---- groups

    def _group(self, sink: Sink, body: BodyId, parts: Sequence[Part | None], frame: Frame, label: str) -> Expression:
        numbered = self.parts.is_numbered(body)
        if self.is_straight(parts):
            if not numbered:
                self.library.require("OrderedDict")
                return call("nn.Sequential", ordered(self.named(parts, frame)))
            inline = Inline()
            self.fill(inline, parts, frame, {})
            return Bracket("nn.Sequential(", tuple(inline.entries))
        sink.flush()
        if numbered:
            return f"nn.Sequential(*{self.listing(sink.code, parts, frame, label)})"
        name = self._local(label or "group")
        keyed = self.keys(sink.code, name, parts, frame)
        if keyed.is_ordered:
            self.library.require("OrderedDict")
        return name

    def named(self, parts: Sequence[Part | None], frame: Frame) -> list[Entry]:
        """The pairs of the one expression that bodies are."""
        inline = Named(labels=self._labels(parts))
        self.fill(inline, parts, frame, {})
        return inline.entries

    def listing(
        self, code: Code, parts: Sequence[Part | None], frame: Frame, label: str = "", style: Style | None = None
    ) -> str:
        """Statements that fill a list with layers; returns its name."""
        # a list inside a list must not write over the outer one, and is called after its label
        name = self._local("layers" if "layers" not in self.function.locals else label or "group")
        listing = Listing(code, name, name in self.declared, style)
        self.declared.add(name)
        self.fill(listing, parts, frame, {})
        listing.flush()
        # it is unpacked before another list begins: groups flush what is pending
        self.function.locals -= {name}
        return name

    def keys(
        self, code: Code, target: str, parts: Sequence[Part | None], frame: Frame, style: Style | None = None
    ) -> Keyed:
        """Statements that add parts to a module by name; one other than `self` is made by the first of them."""
        keyed = Keyed(code, target, self._labels(parts), style)
        self.fill(keyed, parts, frame, {})
        keyed.flush()
        return keyed

    def _labels(self, parts: Sequence[Part | None]) -> set[str]:
        return {label for part in parts if part is not None for label in self.parts.labels(part)}

    def _local(self, name: str) -> str:
        """A free name for a local variable."""
        # names of lists that are done may be taken again, those of parameters never
        taken = self.function.locals | (self.function.used - self.reusable)
        free = unique(name, taken.__contains__)
        self.reusable.add(free)
        self.function.locals.add(free)
        self.function.used.add(free)
        return free

    # ---- repeats

    def is_straight(self, parts: Sequence[Part | None]) -> bool:
        """Whether bodies can be written as one expression, without loops, conditions or names of their own."""
        for row in self.parts.aligned(parts)[0]:
            # an expression has no place for an `if` around one of its entries
            if presence(row, parts) is not None:
                return False
            if isinstance(row.lead.node, Segment):
                if not self.parts.is_short(segments_of(row.steps), SHORT_REPEAT):
                    return False
                if not all(self.is_straight(copies) for _, copies in self.parts.rows(row.steps)):
                    return False
            elif isinstance(row.lead.node, Call) and not self._is_straight_call(row.steps):
                return False
        return True

    def _is_straight_call(self, steps: Sequence[Step | None]) -> bool:
        bodies, label = _called(steps)
        if self.library.class_of(bodies[0], label) is not None:
            return True
        return self.is_straight([self.parts.part(body) for body in bodies])

    def _segment(self, sink: Sink, steps: Sequence[Step | None], lead: Step, frame: Frame, starts: Starts) -> None:
        segments = segments_of(steps)
        if not self._is_unrolled(segments, sink):
            self._counted_loop(sink, steps, lead, frame, starts)
            return
        offsets = behind(starts, segments[0])
        # copies written out: each begins its names where the one before it ended
        for body, parts in self.parts.rows(steps):
            self.fill(sink, parts, frame, offsets)
            offsets = advance(offsets, self.parts.model.bodies[body])

    def _is_unrolled(self, segments: Sequence[Segment], sink: Sink) -> bool:
        if sink.style:
            return self.parts.is_applied_by_name(segments, sink.style)
        if isinstance(sink, Keyed) and not all(map(self.parts.has_all_numbers, segments)):
            return True
        return self.parts.is_short(segments, SHORT_REPEAT)

    def _counted_loop(self, sink: Sink, steps: Sequence[Step | None], lead: Step, frame: Frame, starts: Starts) -> None:
        """A loop, with counters in front of it where names inside are numbered."""
        segments = segments_of(steps)
        counters: dict[str, str] = {}
        if isinstance(sink, Keyed):
            bases = {base for segment in segments for run in segment.runs for base in self.parts.counted(run.body)}
            for base in sorted(bases - set(sink.counters)):
                self.library.require("itertools")
                # loops inside share the counter of the loop around: names go on through both
                counters[base] = self._local(f"{base or 'number'}s")
                # names with a word count from 1 (`conv1`), bare numbers from 0, as in a Sequential
                firsts = {behind(starts, segment).get(base, 0) + (1 if base else 0) for segment in segments}
                if len(firsts) > 1:
                    raise NotMergeable
                sink.pass_by(f"{base}{(first := firsts.pop())}")
                sink.code.add(f"{counters[base]} = itertools.count({first or ''})")
            sink.counters |= counters
        self._loop(sink, steps, lead, frame)
        if isinstance(sink, Keyed):
            sink.counters = {base: name for base, name in sink.counters.items() if base not in counters}
        self.function.locals -= set(counters.values())

    def _loop(self, sink: Sink, steps: Sequence[Step | None], lead: Step, frame: Frame) -> None:
        segments = ((outer, step.node) for outer, step in enumerate(steps) if step)
        runs = [(outer, run) for outer, node in segments if isinstance(node, Segment) for run in node.runs]
        bodies = [self.parts.model.bodies[run.body] for _, run in runs]
        loop = LoopFrame(
            len(runs),
            outer=frame,
            function=self.function,
            origin=tuple(outer for outer, _ in runs),
            counts=tuple(run.count for _, run in runs),
            entry=tuple(body.inputs[0][0] for body in bodies),
            # a vector has features, a map channels: in both the first size without the batch
            flow="features" if len(lead.shapes[0]) == 1 else "channels",
        )
        sink.flush()
        outer_code, sink.code = sink.code, sink.code.deeper()
        # written before the head of the loop: only then is it known which numbers differ
        self.fill(sink, [self.parts.of(run) for _, run in runs], loop, {})
        sink.flush()
        given = tuple(body.shape_of(body.outputs[0])[0] for body in bodies)
        if (update := loop.update(given)) is not None:
            sink.code.add(*update)
        block, sink.code = sink.code, outer_code
        self._write_loop(sink.code, loop, block)
        loop.leave(given)

    def _write_loop(self, code: Code, loop: LoopFrame, block: Code) -> None:
        heads = loop.head()
        # nothing to set where the variable of the loop before goes on
        if loop.carry and loop.carry != loop.start:
            code.add(f"{loop.carry} = ", loop.start)
        code.add(f"for {heads[0][0]} in ", heads[0][1], ":")
        if len(heads) > 1:
            inner = code.deeper()
            inner.add(f"for {heads[1][0]} in ", heads[1][1], ":")
            code.take(inner)
            # the block was written for one loop around it, before a second one turned out to be needed
            block.lines = [" " * INDENT + line for line in block.lines]
        code.take(block)


def _comment(row: Sequence[Step | None], frame: Frame) -> str:
    """The shape that a step gives, where it changes and is the same for all instances of the model itself."""
    # instances from samples have shapes of models that nobody asked for
    own = row[: frame.own] if isinstance(frame, FunctionFrame) else row
    steps = [step for step in own if step is not None]
    shapes = {step.outputs[0] for step in steps}
    changes = any(step.outputs != step.shapes[:1] for step in steps)
    return shape_text(shapes.pop()) if changes and len(shapes) == 1 and not isinstance(frame, LoopFrame) else ""


def _called(steps: Sequence[Step | None]) -> tuple[list[BodyId], str]:
    """The bodies of calls, and their label."""
    calls = [step.node for step in steps if step is not None and isinstance(step.node, Call)]
    return [call.body for call in calls], calls[0].name.base if calls[0].name.index is None else ""


def _arguments(layers: Sequence[Layer]) -> Iterator[tuple[TorchArgument, Vector]]:
    """The arguments that any of these layers writes, with the values of all: defaults where one leaves it out."""
    given = [{argument.name: argument for argument in layer.op.torch().arguments} for layer in layers]
    # named arguments in the order of the fields, whichever layer is the first to write one
    order = list(type(layers[0].op).__dataclass_fields__)
    names = {name: argument for arguments in given for name, argument in arguments.items()}
    positional = [argument for argument in names.values() if argument.positional]  # in torch's order, not the fields'
    named = [argument for argument in names.values() if not argument.positional]
    for argument in (*positional, *sorted(named, key=lambda argument: _position(order, argument.name))):
        yield (
            argument,
            tuple(
                own[argument.name].value if argument.name in own else collapse(getattr(layer.op, argument.name))
                for own, layer in zip(given, layers, strict=True)
            ),
        )


def _position(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)
