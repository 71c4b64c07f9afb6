"""Writes `forward`: how each step is called, and which are written around others (see `flow.py`, `statements.py`).

A number in which the bodies of a class differ is kept as an attribute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from archlang.backends.torch_source import crops
from archlang.backends.torch_source.alignment import NotMergeable
from archlang.backends.torch_source.asides import Result
from archlang.backends.torch_source.crops import with_likes
from archlang.backends.torch_source.flow import Applied, Flow
from archlang.backends.torch_source.frames import Slot
from archlang.backends.torch_source.functions import FunctionFrame
from archlang.backends.torch_source.rows import condition_name, layers_of, spread
from archlang.backends.torch_source.statements import Line, Own, Statements, Write
from archlang.backends.torch_source.steps import Segment, Step, is_function
from archlang.backends.torch_source.text import Code, flat
from archlang.backends.torch_source.vectors import ANY, Vector, equal, first_of, is_literal
from archlang.ir.graph import Call, Layer
from archlang.ir.ops.base import TorchArgument
from archlang.ir.ops.linear import Flatten
from archlang.ir.ops.shape import Crop, Slice

LONGEST_NESTING = 80
"""Most characters of a line of calls inside calls."""


class Forward:
    """Writes `forward` from a flow. `names` are attributes that differ from the name of the part.

    In a subclass of `nn.ModuleDict` (`is_mapping`) parts are no attributes, but reached by their names.
    """

    def __init__(self, flow: Flow, names: dict[str, str], frame: FunctionFrame, is_mapping: bool = False) -> None:
        self.flow = flow
        self.is_mapping = is_mapping
        self.names = names
        self.frame = frame
        self.uses_torch = False
        self.helpers = set[str]()

    def write(self, code: Code, inputs: Sequence[str], aside: Collection[int] = ()) -> None:
        """Write the method. Results at the places `aside` are given in training only."""
        applied, results = with_likes(self.flow.applied), self.flow.results
        made = {value for one in applied if one.lead.training for value in one.outputs}
        given = [Result(value, place in aside or value in made) for place, value in enumerate(results)]
        signature = ", ".join(f"{name}: Tensor" for name in inputs)
        code.add(f"def forward(self, {signature}) -> {_return_type(given)}:")
        body = code.deeper()
        # parameters of the model's own are read where they are used; no line makes them
        own = {one.outputs[0]: self._own(one) for one in applied if one.is_own}
        lines = self._folded([one for one in applied if not one.is_own])
        Statements(body, lines, own, given).write(dict(enumerate(inputs)))
        code.take(body)

    # ---- one step

    def _own(self, applied: Applied) -> Own:
        """How a tensor of the model's own is read."""
        text = f"self.{applied.name}" if applied.name.isidentifier() else f'self.get_parameter("{applied.name}")'
        return Own(text, len(applied.lead.outputs[0]))

    def _folded(self, applied: Sequence[Applied]) -> list[Line]:
        """Steps that keep the shape, written around those before them: `self.relu1(self.conv1(x))`."""
        # a value that is read twice needs a name, so nothing is written around it
        uses = Counter(value for one in applied for value in one.inputs) + Counter(self.flow.results)
        lines: list[Line] = []
        for one in applied:
            line = Line(one, self._writer(one), one.shape, self._condition(one))
            before = lines[-1] if lines else None
            if (
                before
                and one.folds
                and not line.is_alone
                and not before.is_alone
                # folding across a condition or the border of training would take the inner step along
                and before.applied.stretch == one.stretch
                and one.inputs == before.applied.outputs
                and uses[one.inputs[0]] == 1
                and one.lead.training == before.applied.lead.training
            ):
                around = _around(line, before)
                # names are not settled yet; one letter is what most of them become
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
            # a ModuleList iterates over its children; list() makes slices of both, without modules of their own
            children = "self" if self.flow.style == "list" else "self.children()"
            return lambda inputs: f"list({children})[{first}:{last}]"
        if isinstance(node, Call):
            return lambda inputs: f"{self._child(applied.name)}({', '.join(inputs)})"
        if is_function(node, self.flow.style):
            # `with_likes` gave it a second input: its margins are told by sizes
            if isinstance(node.op, Crop) and len(applied.inputs) > 1:
                self.helpers.add(crops.NAME)
                return lambda inputs: f"{crops.NAME}({', '.join(inputs)})"
            if applied.is_idle_in_some:
                raise NotMergeable
            return self._function(node, applied.steps)
        return self._module(node, applied.steps, self._child(applied.name))

    def _condition(self, applied: Applied) -> str:
        """How `forward` knows that a part is there; empty where it always is."""
        if applied.present is None:
            return ""
        if applied.is_own:
            raise NotMergeable
        # asked first: parts that are there together are set in one block, and some of them may be functions
        if applied.stretch >= 0:
            return self._kept(applied.stretch, applied.present)
        if not isinstance(applied.node, Layer) or not is_function(applied.node, self.flow.style):
            # the constructor sets it to None where it is not there; type checkers follow this question
            return f"{self._child(applied.name)} is not None"
        text = self.frame.condition(applied.present, [applied.lead])
        return str(self.frame.store(Slot(applied.present, condition_name([applied.lead])), text))

    def _kept(self, stretch: int, present: Vector) -> str:
        """The condition of steps that are there together."""
        together = [one.lead for one in self.flow.applied if one.stretch == stretch]
        return self.frame.kept_condition(present, together)

    def _child(self, name: str) -> str:
        if self.flow.style == "list":
            return f"self[{name}]"
        if self.is_mapping:
            return f'self["{name}"]'
        name = self.names.get(name, name)
        return f"self.{name}" if name.isidentifier() else f'self.get_submodule("{name}")'

    def _module(self, node: Layer, steps: Sequence[Step | None], child: str) -> Write:
        call = node.op.torch()
        calls = [layer.op.torch().call_arguments for layer in layers_of(steps)]
        named = [spread(steps, [one[i].value for one in calls]) for i in range(len(call.call_arguments))]
        extras = [f"{a.name}={self._number(Slot(v, a.name))}" for a, v in zip(call.call_arguments, named, strict=True)]
        # nn.MultiheadAttention gives its weights behind its output
        result = "" if call.result is None else f"[{call.result}]"

        def write(inputs: Sequence[str]) -> str:
            # self-attention takes one value three times: query, key and value
            given = [inputs[index] for index in call.inputs] if call.inputs else list(inputs)
            return f"{child}({', '.join([*given, *extras])}){result}"

        return write

    def _function(self, layer: Layer, steps: Sequence[Step | None]) -> Write:
        call = layer.op.torch()
        calls = [one.op.torch().arguments for one in layers_of(steps)]
        values = [spread(steps, [one[i].value for one in calls]) for i in range(len(call.arguments))]
        if call.target in ("+", "*"):
            return lambda inputs: f" {call.target} ".join(inputs)
        if isinstance(layer.op, Slice) and (axes := self._axes(steps)) is not None:
            return axes
        if call.target == "[]":
            # crops concern the last axes; batch and channels stay behind the dots
            slices = ", ".join(["...", *self._slices(values[0])])
            return lambda inputs: f"{inputs[0]}[{slices}]"
        self.uses_torch = True
        if isinstance(layer.op, Flatten):
            return self._flatten(steps)
        extras = [self._argument(a, v) for a, v in zip(call.arguments, values, strict=True)]

        def write(inputs: Sequence[str]) -> str:
            given = [f"({', '.join(inputs)})"] if call.tuple_inputs else list(inputs)
            return f"{call.target}({', '.join([*given, *extras])})"

        return write

    def _axes(self, steps: Sequence[Step | None]) -> Write | None:
        """`x[:, 3:]`: a part of one axis, counted from the front; None where objects cut different axes."""
        ops = [layer.op for layer in layers_of(steps) if isinstance(layer.op, Slice)]
        axes = spread(steps, [op.dim for op in ops])
        if not is_literal(axes):
            return None
        sizes = [step.shapes[0][op.dim - 1] for step, op in zip(filter(None, steps), ops, strict=True)]
        # what ends with the axis has no end of its own; equal numbers follow from the arguments alike
        reaches_end = equal(tuple(sizes), tuple(op.stop for op in ops))
        parts = [((op.start, None if reaches_end else op.stop),) for op in ops]
        # from the front, where a part ends is how long it is
        name = "stop" if any(op.start for op in ops) else "length"
        (part,) = self._slices(spread(steps, parts), name)
        slices = ", ".join([":"] * first_of(axes) + [part])
        return lambda inputs: f"{inputs[0]}[{slices}]"

    def _flatten(self, steps: Sequence[Step | None]) -> Write:
        ops = [layer.op for layer in layers_of(steps) if isinstance(layer.op, Flatten)]
        ends = spread(steps, [op.end_dim for op in ops])
        extras = [self._number(Slot(spread(steps, [op.start_dim for op in ops]), "start_dim"))]
        extras += [self._number(Slot(ends, "end_dim"))] if set(ends) - {ANY} != {-1} else []
        return lambda inputs: f"torch.flatten({inputs[0]}, {', '.join(extras)})"

    def _argument(self, argument: TorchArgument, values: Vector) -> str:
        text = self._number(Slot(values, argument.name))
        return text if argument.positional else f"{argument.name}={text}"

    def _slices(self, slices: Vector, stop_name: str = "stop") -> Iterator[str]:
        """`4:-4` for each axis; with blanks around the colon where an attribute stands."""
        axes = len(first_of(slices))
        for axis in range(axes):
            starts, stops = (tuple(pairs if pairs is ANY else pairs[axis][end] for pairs in slices) for end in (0, 1))
            start, stop = self._number(Slot(starts, "start")), self._number(Slot(stops, stop_name))
            start, stop = "" if start == "0" else start, "" if stop == "None" else stop
            simple = all(text.removeprefix("-").isdigit() or not text for text in (start, stop))
            yield f"{start}:{stop}" if simple else f"{start} : {stop}".strip()

    def _number(self, slot: Slot) -> str:
        return flat(self.frame.store(slot)) or ""


def _return_type(results: Sequence[Result]) -> str:
    """The type of what is returned: a tensor alone, or several in a tuple."""
    always = sum(not result.in_training for result in results)
    # with side outputs in training only, `forward` gives a tensor here and a tuple there
    kinds = {"Tensor" if number == 1 else "tuple[Tensor, ...]" for number in (always, len(results))}
    return " | ".join(sorted(kinds))


def _around(line: Line, before: Line) -> Line:
    """A step written around the one before it."""
    applied = replace(before.applied, name=line.applied.name, outputs=line.applied.outputs)
    return Line(applied, lambda inputs: line.write([before.write(inputs)]), before.shape, before.condition)
