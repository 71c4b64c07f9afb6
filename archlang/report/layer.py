"""One layer or part of a model explained as at the board: its sizes, counts and receptive field, with their numbers."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from math import prod

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.diagnostics.text import printable
from archlang.errors.words import listing, plural, product_text, shape_text, value_text
from archlang.ir.graph import Body, Call, Input, Layer, Model, Ref
from archlang.ir.memory import layer_keeps
from archlang.ir.ops.base import Shape, lacks_rule
from archlang.ir.ops.trace import DTYPE_BYTES, INDEX_BYTES, Setting
from archlang.ir.paths import Place, find_place, unknown_path
from archlang.ir.receptive import Effort
from archlang.ir.walk import Totals, counted, fold_totals, input_shapes
from archlang.report.columns import macs_of, parameters_of
from archlang.report.receptive import receptive_lines
from archlang.report.rows import scope_rows
from archlang.report.text import megabytes, rows_lines
from archlang.symbolic.legal import SymbolicModel

Section = tuple[str, Sequence[str]]
"""A heading and the lines below it."""

DTYPE = "float32"
MILLION = 1_000_000


def explanation(model: Model, path: str) -> str:
    """The layer, labelled part or input of a model with this path, explained. Raises `Diagnosed` if there is none."""
    if isinstance(model, SymbolicModel):
        shapes = listing(shape_text(given.shape) for given in model.example.inputs)
        return f"Sizes are left free; the numbers are those for {shapes}.\n\n{explanation(model.example, path)}"
    place = find_place(model, path)
    if isinstance(place, Place):
        return _part(place)
    given = next((given for given in model.inputs if given.name == path), None)
    if given is None:
        raise Diagnosed(Diagnostic(unknown_path(model, path, place), None, model.origin.file))
    return _input(model, given)


class Explainer:
    """Explains many parts of one model, with a bounded effort for all their receptive fields, and without the tables of
    what is inside: for pages that show these anyway."""

    def __init__(self, model: Model, effort: Effort) -> None:
        self._model = model
        self._effort = effort
        self._totals = fold_totals(model)

    def input_text(self, name: str) -> str:
        """One input of the model."""
        return _input(self._model, next(given for given in self._model.inputs if given.name == name))

    def text(self, place: Place) -> str:
        """One part."""
        node = place.node
        if isinstance(node, Layer):
            return _part_text(place, _layer_sections(place, node, self._effort))
        return _part_text(place, _scope_sections(place, node, self._totals, self._effort))


def _part(place: Place) -> str:
    node = place.node
    if isinstance(node, Layer):
        return _part_text(place, _layer_sections(place, node))
    parts = "Parts", rows_lines(scope_rows(place.model, node, place.path), place.model)
    return _part_text(place, [*_scope_sections(place, node, fold_totals(place.model)), parts])


def _part_text(place: Place, sections: Iterable[Section]) -> str:
    node = place.node
    head = f"{place.path} of {place.model.name}: {_kind(place)} ({node.origin.file}:{node.origin.line})"
    return _text([head, *_purpose(node), *_marks(place)], [("", _flow_lines(place)), *sections])


def _input(model: Model, given: Input) -> str:
    size = _memory((given.shape,))
    return _text(
        [f"{given.name} of {model.name}: INPUT"], [("", (f"out  {shape_text(given.shape)}",)), ("Memory", size)]
    )


def _text(head: Iterable[str], sections: Iterable[Section]) -> str:
    """Headings with their lines below, a blank line between."""
    parts = ["\n".join(head)]
    for title, lines in sections:
        parts.append("\n".join([*([title] if title else []), *(f"  {line}".rstrip() for line in lines)]))
    return "\n\n".join("\n".join(printable(line) for line in part.split("\n")) for part in parts) + "\n"


# ---- what it is ------------------------------------------------------------------------------------


def _kind(place: Place) -> str:
    node = place.node
    if isinstance(node, Layer):
        return f"{node.op.torch_class} {node.op.summary}".rstrip()
    body = place.model.bodies[node.body]
    arguments = ", ".join(f"{argument.name}={value_text(argument.value)}" for argument in body.arguments)
    return f"{body.definition}({arguments})" if body.definition else "a group"


def _purpose(node: Layer | Call) -> Iterator[str]:
    """The first sentences of what the documentation says of a layer."""
    if isinstance(node, Layer):
        yield from inspect.cleandoc(type(node.op).__doc__ or "").split("\n\n")[0].splitlines()


def _marks(place: Place) -> Iterator[str]:
    if place.shared:
        yield "It uses the weights of an earlier part, where they are counted."
    if place.training:
        yield "It runs in training only."


def _flow_lines(place: Place) -> tuple[str, ...]:
    node = place.node
    incoming = [_incoming(place.body, ref) for ref in node.inputs]
    flowing_in = (f"in   {listing(incoming)}",) if incoming else ()
    return (*flowing_in, f"out  {listing(shape_text(shape) for shape in node.outputs[:1])}")


def _incoming(body: Body, ref: Ref) -> str:
    """The shape of a value; with what the compiler put in before it: `512x7x7 -> FLATTEN -> 25088`."""
    shape = shape_text(body.shape_of(ref))
    node = body.nodes[ref.node] if ref.node >= 0 else None
    # the flattening before FC: the author wrote no such layer, and wonders where the size comes from
    if isinstance(node, Layer) and node.name is None and node.inputs:
        return f"{_incoming(body, node.inputs[0])} -> {node.op.words[0]} -> {shape}"
    return shape


# ---- layers ----------------------------------------------------------------------------------------


def _layer_sections(place: Place, layer: Layer, effort: Effort | None = None) -> Iterator[Section]:
    op, inputs, output = layer.op, input_shapes(place.body, layer), layer.outputs[0]
    if size := op.explain_shape(inputs, output):
        yield "Output size", size
    unknown = (f"not known: {op.torch_class} comes without a rule for them",)
    yield "Parameters", unknown if lacks_rule(op, "parameters") else op.explain_parameters(inputs, output)
    yield "Multiply-accumulates", unknown if lacks_rule(op, "macs") else op.explain_macs(inputs, output)
    yield "Memory", (*_memory(layer.outputs), _kept(layer, inputs))
    yield "Receptive field", tuple(receptive_lines(place, effort))


def _memory(shapes: tuple[Shape, ...]) -> tuple[str, ...]:
    numbers = " + ".join(product_text(shape) for shape in shapes)
    return (f"{numbers} numbers, {_bytes(4 * sum(prod(shape) for shape in shapes))} as {DTYPE} for each sample",)


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.2f} MB" if size >= 4 * MILLION else f"{size:,} bytes"


def _kept(layer: Layer, inputs: tuple[Shape, ...]) -> str:
    """What autograd holds of the layer, if a gradient flows through it."""
    keeps = layer_keeps(layer.op, inputs, layer.outputs, Setting())
    names = ["its input"] if len(inputs) == 1 else [f"input {index + 1}" for index in range(len(inputs))]
    # indices of an embedding are int64 whatever the type of the numbers
    width = INDEX_BYTES if layer.op.integer_input else DTYPE_BYTES[DTYPE]
    parts = [f"{names[index]}, {_bytes(width * prod(inputs[index]))}" for index in keeps.inputs]
    parts += [f"its output, {_bytes(DTYPE_BYTES[DTYPE] * prod(layer.outputs[0]))}"] if keeps.output else []
    parts += [f"{_bytes(keeps.own)} of its own"] if keeps.own else []
    return f"kept for the backward pass: {'; '.join(parts) or 'nothing'}"


# ---- scopes ----------------------------------------------------------------------------------------


def _scope_sections(
    place: Place, scope: Call, of_bodies: Sequence[Totals], effort: Effort | None = None
) -> Iterator[Section]:
    totals = counted(of_bodies[scope.body], place.shared, place.training)
    yield (
        "Together",
        (
            f"{plural(totals.layers, 'layer')}, {parameters_of(totals).footing} parameters, "
            f"{macs_of(totals).footing} multiply-accumulates",
            f"{totals.elements:,} numbers flow out of its layers, {megabytes(totals.elements, DTYPE)} for each sample",
        ),
    )
    if scope.outputs:  # nothing flows out of a part that fails
        yield "Receptive field of what flows out", tuple(receptive_lines(place, effort))
