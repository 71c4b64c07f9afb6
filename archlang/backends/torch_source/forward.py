"""Writes `forward`: one line for each step, with what keeps the shape (activations, dropout) written around it.

Steps are followed for all bodies of a class at once; a number in which they differ is kept as an attribute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from archlang.backends.torch_source.frames import FunctionFrame, Slot, Vector
from archlang.backends.torch_source.parts import (
    Part, Parts, Segment, Step, Style, behind, is_function, segments_of
)  # fmt: skip
from archlang.backends.torch_source.text import Code, flat
from archlang.backends.torch_source.words import unique, variable_name
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.limits import TooManyLayers
from archlang.errors.words import shape_text
from archlang.ir.graph import Call, Layer, Ref
from archlang.ir.ops.base import TorchArgument
from archlang.ir.ops.linear import Flatten
from archlang.ir.walk import Starts, advance, name_text

LONGEST_NESTING = 80
"""Most characters of a line of calls inside calls."""

LINE_LIMIT = 20_000
"""Most steps of one `forward`: beyond it stands a repeat that cannot be a loop and is too long to be written out."""

FOLDED = frozenset({"activation", "norm", "regularisation"})
"""Families of layers that are written around the layer before them."""

@dataclass(frozen=True, slots=True)
class Applied:
    """One step of `forward`: in each body, the values it reads and gives by number, and its name (empty without).

    A long repeat is one step, that applies its children one after the other; `children` says which of the scope's.
    """

    steps: tuple[Step, ...]
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    children: tuple[int, int] = (0, 0)

    @property
    def node(self) -> Layer | Call | Segment:
        """What is applied."""
        return self.steps[0].node

    @property
    def shape(self) -> str:
        """The shapes that come out, where they change and are the same in all bodies."""
        outputs = {step.outputs for step in self.steps}
        changes = any(step.outputs != step.shapes[:1] for step in self.steps)
        return ", ".join(map(shape_text, outputs.pop())) if changes and len(outputs) == 1 else ""

    @property
    def folds(self) -> bool:
        """Whether it may be written around the step before it."""
        node = self.node
        return isinstance(node, Layer) and node.op.family in FOLDED and not self.shape and len(self.inputs) == 1


@dataclass
class Flow:
    """The steps of bodies of equal structure, short repeats written out."""

    parts: Parts
    style: Style
    numbers: count[int]
    applied: list[Applied] = field(default_factory=list[Applied])
    results: tuple[int, ...] = ()
    registered: int = 0

    def follow(self, parts: Sequence[Part], inputs: Sequence[int], starts: Starts) -> tuple[int, ...]:
        """Apply bodies to values; returns what they give."""
        values: dict[Ref, int] = {Ref(-1, port): value for port, value in enumerate(inputs)}
        for index, steps in enumerate(zip(*(part.steps for part in parts), strict=True)):
            given = self._step(steps, tuple(values[ref] for ref in steps[0].inputs), starts)
            values |= {Ref(index, port): value for port, value in enumerate(given)}
        return tuple(values[ref] for ref in parts[0].outputs)

    def _step(self, steps: tuple[Step, ...], inputs: tuple[int, ...], starts: Starts) -> tuple[int, ...]:
        node = steps[0].node
        if isinstance(node, Segment):
            return self._segment(steps, inputs, starts)
        name = name_text(node.name, starts) if node.name else ""
        outputs = tuple(next(self.numbers) for _ in node.outputs)
        self._apply(Applied(steps, name, inputs, outputs))
        self.registered += not (node.shared or (isinstance(node, Layer) and is_function(node, self.style)))
        return outputs

    def _apply(self, applied: Applied) -> None:
        self.applied.append(applied)
        if len(self.applied) > LINE_LIMIT:
            model = self.parts.model
            raise Diagnosed(Diagnostic(TooManyLayers(len(self.applied), LINE_LIMIT), None, model.origin.file))

    def _segment(self, steps: tuple[Step, ...], inputs: tuple[int, ...], starts: Starts) -> tuple[int, ...]:
        segments = segments_of(steps)
        if not self.parts.is_applied_by_name(segments, self.style):
            outputs = (next(self.numbers),)
            last = self.registered + self.parts.segment_children(segments[0])
            self._apply(Applied(steps, "", inputs, outputs, (self.registered, last)))
            self.registered = last
            return outputs
        offsets = behind(starts, segments[0])
        ends = inputs
        for bodies, parts in self.parts.rows(segments):
            ends = self.follow(parts, inputs, offsets)
            inputs = (ends[0], *inputs[1:])
            offsets = advance(offsets, self.parts.model.bodies[bodies[0]])
        return ends


def follow(parts: Parts, bodies: Sequence[Part], style: Style, inputs: int) -> Flow:
    """The steps of bodies of equal structure."""
    flow = Flow(parts, style, count(inputs))
    flow.results = flow.follow(bodies, range(inputs), {})
    return flow


def attribute_names(flow: Flow) -> dict[str, str]:
    """Attributes for layers that are only numbered: `relu1` instead of "0", where no parameter has the number in its name."""
    kinds: dict[str, str] = {}
    for applied in flow.applied:
        node = applied.node
        if isinstance(node, Layer) and applied.name.isdigit() and not is_function(node, flow.style):
            if not node.op.parameters() and not node.op.buffers():
                kinds[applied.name] = node.op.kind
    totals, taken = Counter(kinds.values()), {applied.name for applied in flow.applied}
    names: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    for name, kind in kinds.items():
        numbers[kind] += 1
        wanted = kind if totals[kind] == 1 else f"{kind}{numbers[kind]}"
        names[name] = unique(wanted, taken.__contains__)
        taken.add(names[name])
    return names


Write = Callable[[Sequence[str]], str]
"""Writes a step, given the texts of what it reads."""


@dataclass(frozen=True, slots=True)
class Line:
    """A step with how it is written, maybe around others."""

    applied: Applied
    write: Write
    shape: str


class Forward:
    """Writes `forward` from a flow. `names` are attributes that differ from the name of the part."""

    def __init__(self, flow: Flow, names: dict[str, str], frame: FunctionFrame) -> None:
        self.flow = flow
        self.names = names
        self.frame = frame
        self.uses_torch = False

    def write(self, code: Code, inputs: Sequence[str]) -> None:
        """Write the method. Parts that run in training only come last, behind the return of inference."""
        results = self.flow.results
        training = {value for applied in self.flow.applied if applied.steps[0].training for value in applied.outputs}
        always = tuple(value for value in results if value not in training)
        ordered = sorted(self.flow.applied, key=lambda applied: applied.steps[0].training)
        kinds = {"Tensor" if len(given) == 1 else "tuple[Tensor, ...]" for given in {results, always}}
        signature = ", ".join(f"{name}: Tensor" for name in inputs)
        code.add(f"def forward(self, {signature}) -> {' | '.join(sorted(kinds))}:")
        body = code.deeper()
        _Statements(body, self._folded(ordered), results, always).write(dict(enumerate(inputs)))
        code.take(body)

    # ---- one step

    def _folded(self, applied: Sequence[Applied]) -> list[Line]:
        """Steps that keep the shape, written around those before them: `self.relu1(self.conv1(x))`."""
        uses = Counter(value for one in applied for value in one.inputs) + Counter(self.flow.results)
        lines: list[Line] = []
        for one in applied:
            line = Line(one, self._writer(one), one.shape)
            before = lines[-1] if lines else None
            if before and one.folds and one.inputs == before.applied.outputs and uses[one.inputs[0]] == 1:
                around = _around(line, before)
                names = ["x"] * len(before.applied.inputs)
                if not isinstance(before.applied.node, Segment) and len(around.write(names)) <= LONGEST_NESTING:
                    lines[-1] = around
                    continue
            lines.append(line)
        return lines

    def _writer(self, applied: Applied) -> Write:
        node = applied.node
        if isinstance(node, Segment):
            first, last = applied.children
            children = "self" if self.flow.style == "list" else "self.children()"
            return lambda inputs: f"list({children})[{first}:{last}]"
        if isinstance(node, Call):
            return lambda inputs: f"{self._child(applied.name)}({', '.join(inputs)})"
        if is_function(node, self.flow.style):
            return self._function(node, [s.node for s in applied.steps if isinstance(s.node, Layer)])
        return self._module(node, self._child(applied.name))

    def _child(self, name: str) -> str:
        if self.flow.style == "list":
            return f"self[{name}]"
        name = self.names.get(name, name)
        return f"self.{name}" if name.isidentifier() else f'self.get_submodule("{name}")'

    def _module(self, layer: Layer, child: str) -> Write:
        call = layer.op.torch()
        extras = [f"{a.name}={flat(self.frame.store(Slot((a.value,) * self.frame.size, a.name)))}" for a in call.call_arguments]
        result = "" if call.result is None else f"[{call.result}]"

        def write(inputs: Sequence[str]) -> str:
            given = [inputs[index] for index in call.inputs] if call.inputs else list(inputs)
            return f"{child}({', '.join([*given, *extras])}){result}"

        return write

    def _function(self, layer: Layer, layers: Sequence[Layer]) -> Write:
        call = layer.op.torch()
        values = [tuple(one.op.torch().arguments[i].value for one in layers) for i in range(len(call.arguments))]
        if call.target in ("+", "*"):
            return lambda inputs: f" {call.target} ".join(inputs)
        if call.target == "[]":
            slices = ", ".join(["...", *self._slices(values[0])])
            return lambda inputs: f"{inputs[0]}[{slices}]"
        self.uses_torch = True
        if isinstance(layer.op, Flatten):
            return self._flatten(layers)
        extras = [self._argument(a, v) for a, v in zip(call.arguments, values, strict=True)]

        def write(inputs: Sequence[str]) -> str:
            given = [f"({', '.join(inputs)})"] if call.tuple_inputs else list(inputs)
            return f"{call.target}({', '.join([*given, *extras])})"

        return write

    def _flatten(self, layers: Sequence[Layer]) -> Write:
        ops = [layer.op for layer in layers if isinstance(layer.op, Flatten)]
        ends = tuple(op.end_dim for op in ops)
        extras = [self._number(Slot(tuple(op.start_dim for op in ops), "start_dim"))]
        extras += [self._number(Slot(ends, "end_dim"))] if set(ends) != {-1} else []
        return lambda inputs: f"torch.flatten({inputs[0]}, {', '.join(extras)})"

    def _argument(self, argument: TorchArgument, values: Vector) -> str:
        text = self._number(Slot(values, argument.name))
        return text if argument.positional else f"{argument.name}={text}"

    def _slices(self, slices: Vector) -> Iterator[str]:
        """`4:60` for each axis; with blanks around the colon where an attribute stands."""
        for axis in zip(*slices, strict=True):
            starts, stops = (tuple(pair[end] for pair in axis) for end in (0, 1))
            start, stop = self._number(Slot(starts, "start")), self._number(Slot(stops, "stop"))
            start = "" if start == "0" else start
            simple = all(text.isdigit() or not text for text in (start, stop))
            yield f"{start}:{stop}" if simple else f"{start} : {stop}".strip()

    def _number(self, slot: Slot) -> str:
        return flat(self.frame.store(slot)) or ""


def _around(line: Line, before: Line) -> Line:
    """A step written around the one before it."""
    applied = replace(before.applied, name=line.applied.name, outputs=line.applied.outputs)
    return Line(applied, lambda inputs: line.write([before.write(inputs)]), before.shape)


class _Statements:
    """Writes lines as statements, with names for the values that they hand on."""

    def __init__(self, code: Code, lines: Sequence[Line], results: tuple[int, ...], always: tuple[int, ...]) -> None:
        self.code = code
        self.lines = lines
        self.results = results
        self.always = always
        self.reads = Counter(value for line in lines for value in line.applied.inputs)
        self.last = {value: index for index, line in enumerate(lines) for value in line.applied.inputs}
        self.last |= dict.fromkeys(results, len(lines))

    def write(self, names: dict[int, str]) -> None:
        """Write all statements; `names` are those of the inputs."""
        for index, line in enumerate(self.lines):
            begins_training = line.applied.steps[0].training and self.always != self.results
            if begins_training and not (index and self.lines[index - 1].applied.steps[0].training):
                self._return_early(names)
            text = line.write([names[value] for value in line.applied.inputs])
            if index == len(self.lines) - 1 and self.results == line.applied.outputs and not self._is_loop(line):
                self.code.add(f"return {text}", comment=line.shape)
                return
            self._statement(line, index, text, names)
        self.code.add(f"return {self._listed(self.results, names)}")

    def _is_loop(self, line: Line) -> bool:
        return isinstance(line.applied.node, Segment)

    def _is_sum(self, index: int) -> bool:
        node = self.lines[index].applied.node if index < len(self.lines) else None
        return isinstance(node, Layer) and node.op.torch().target in ("+", "*")

    def _return_early(self, names: dict[int, str]) -> None:
        self.code.add("if not self.training:")
        inner = self.code.deeper()
        inner.add(f"return {self._listed(self.always, names)}")
        self.code.take(inner)

    def _listed(self, values: Sequence[int], names: dict[int, str]) -> str:
        return ", ".join(names[value] for value in values)

    def _statement(self, line: Line, index: int, text: str, names: dict[int, str]) -> None:
        applied = line.applied
        live = {name for value, name in names.items() if self.last.get(value, -1) > index}
        given = names[applied.inputs[0]] if applied.inputs else ""
        for value in applied.outputs:
            names[value] = self._name(line, index, value, live)
            live.add(names[value])
        target = ", ".join(names[value] for value in applied.outputs)
        if not self._is_loop(line):
            self.code.add(f"{target} = {text}", comment=line.shape)
            return
        if target != given:
            self.code.add(f"{target} = {given}")
        self.code.add(f"for layer in {text}:", comment=line.shape)
        inner = self.code.deeper()
        inner.add(f"{target} = layer({target})")
        self.code.take(inner)

    def _name(self, line: Line, index: int, value: int, live: set[str]) -> str:
        """`x` for what the next step alone reads; the part's own name, or a letter, for what is read later."""
        last = self.last.get(value, index + 1)
        waits = self.reads[value] > 1 or (last > index + 1 and not self._is_sum(last))
        if waits and line.applied.name.isidentifier():
            return variable_name(line.applied.name, live.__contains__)
        return next((letter for letter in "xyz" if letter not in live), unique("y", live.__contains__))
