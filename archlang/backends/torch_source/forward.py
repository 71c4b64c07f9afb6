"""Writes `forward`: one line for each step, with what keeps the shape (activations, dropout) folded into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from archlang.backends.torch_source.parts import Part, Parts, Segment, Step
from archlang.backends.torch_source.text import Code
from archlang.backends.torch_source.words import unique, variable_name
from archlang.errors.words import shape_text
from archlang.ir.graph import Layer, Name, Ref
from archlang.ir.ops.linear import Flatten
from archlang.ir.walk import Starts, advance, name_text

LONGEST_NESTING = 80
"""Most characters of a line of calls inside calls."""


FOLDED = frozenset({"activation", "norm", "regularisation"})
"""Families of layers that are written around the layer before them."""


@dataclass(frozen=True, slots=True)
class Apply:
    """One step of `forward`: what is called, the values it reads and gives by number, and the shape for the comment.

    `folds` says that it may be written around the step before it.
    """

    before: str
    after: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: str
    folds: bool

    def text(self, arguments: str) -> str:
        """The call."""
        return f"{self.before}{arguments}{self.after}"


def is_functional(layer: Layer) -> bool:
    """Whether `forward` does a layer by a function: flattening, unless it has a label."""
    return isinstance(layer.op, Flatten) and (layer.name is None or layer.name.index is not None)


@dataclass
class Flow:
    """Collects the steps of a body, with all its repeats written out."""

    parts: Parts
    numbers: count[int]
    applied: list[Apply] = field(default_factory=list[Apply])

    def follow(self, part: Part, inputs: Sequence[int], starts: Starts) -> tuple[int, ...]:
        """Apply a body to values; returns what it gives."""
        values: dict[Ref, int] = {Ref(-1, port): value for port, value in enumerate(inputs)}
        for index, step in enumerate(part.steps):
            given = self._step(step, [values[ref] for ref in step.inputs], starts)
            values |= {Ref(index, port): value for port, value in enumerate(given)}
        return tuple(values[ref] for ref in part.outputs)

    def _step(self, step: Step, inputs: Sequence[int], starts: Starts) -> tuple[int, ...]:
        node = step.node
        if isinstance(node, Segment):
            offsets: Starts = {**starts, **{base: starts.get(base, 0) + n for base, n in node.starts}}
            for run in node.runs:
                for _ in range(run.count):
                    inputs = self.follow(self.parts.of(run), inputs, offsets)
                    offsets = advance(offsets, self.parts.model.bodies[run.body])
            return tuple(inputs)
        outputs = tuple(next(self.numbers) for _ in step.outputs)
        before, after = _callee(node, starts) if isinstance(node, Layer) else _attribute(node.name, starts)
        changes = step.outputs != step.shapes
        name = name_text(node.name, starts) if node.name else ""
        shape = ", ".join(shape_text(shape) for shape in step.outputs) if changes else ""
        folds = isinstance(node, Layer) and not changes and node.op.family in FOLDED
        self.applied.append(Apply(before, after, name, tuple(inputs), outputs, shape, folds))
        return outputs


def _callee(layer: Layer, starts: Starts) -> tuple[str, str]:
    op = layer.op
    if isinstance(op, Flatten) and is_functional(layer):
        return "torch.flatten(", f", {op.start_dim}, {op.end_dim})" if op.end_dim != -1 else f", {op.start_dim})"
    assert layer.name is not None
    return _attribute(layer.name, starts)


def _attribute(name: Name, starts: Starts) -> tuple[str, str]:
    text = name_text(name, starts)
    return (f"self.{text}(" if text.isidentifier() else f'self.get_submodule("{text}")('), ")"


def write_forward(code: Code, parts: Parts, part: Part, inputs: Sequence[str]) -> bool:
    """Write the method `forward`; returns whether it uses functions of `torch`."""
    flow = Flow(parts, count(len(inputs)))
    results = flow.follow(part, range(len(inputs)), {})
    names = ["x"] if len(inputs) == 1 else [variable_name(name, lambda _: False) for name in inputs]
    given = "Tensor" if len(results) == 1 else "tuple[Tensor, ...]"
    code.add(f"def forward(self, {', '.join(f'{name}: Tensor' for name in names)}) -> {given}:")
    body = code.deeper()
    _write_steps(body, _folded(flow.applied, results), results, dict(enumerate(names)))
    code.take(body)
    return any(apply.before.startswith("torch.") for apply in flow.applied)


def _folded(applied: Sequence[Apply], results: Sequence[int]) -> list[Apply]:
    """Steps that keep the shape, written around those before them: `self.relu1(self.conv1(x))`."""
    folded: list[Apply] = []
    for apply in applied:
        before = folded[-1] if folded else None
        if before is None or not apply.folds or not _only_use(before, apply, applied, results):
            folded.append(apply)
            continue
        one = replace(before, before=apply.before + before.before, after=before.after + apply.after)
        one = replace(one, outputs=apply.outputs, name=apply.name)
        folded[-1:] = [one] if len(one.before + one.after) <= LONGEST_NESTING else [before, apply]
    return folded


def _only_use(before: Apply, apply: Apply, applied: Sequence[Apply], results: Sequence[int]) -> bool:
    if apply.inputs != before.outputs or set(before.outputs) & set(results):
        return False
    return sum(apply.inputs[0] in other.inputs for other in applied) == 1


def _write_steps(code: Code, applied: Sequence[Apply], results: Sequence[int], names: dict[int, str]) -> None:
    last_use = {value: index for index, apply in enumerate(applied) for value in apply.inputs}
    uses = {value: sum(value in apply.inputs for apply in applied) for value in last_use}
    last_use |= dict.fromkeys(results, len(applied))
    for index, apply in enumerate(applied):
        text = apply.text(", ".join(names[value] for value in apply.inputs))
        if index == len(applied) - 1 and tuple(results) == apply.outputs:
            code.add(f"return {text}", comment=apply.shape)
            return
        live = {name for value, name in names.items() if last_use.get(value, -1) > index}
        for value in apply.outputs:
            wanted = apply.name if uses.get(value, 0) > 1 and apply.name.isidentifier() else "x"
            names[value] = unique(wanted, live.__contains__)
            live.add(names[value])
        code.add(f"{', '.join(names[value] for value in apply.outputs)} = {text}", comment=apply.shape)
    code.add(f"return {', '.join(names[value] for value in results)}")
