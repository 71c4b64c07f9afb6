"""What is derived from a model: totals folded over its shared bodies, and the flat view with one row for each copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from math import prod

from archlang.ir.graph import Body, BodyId, Call, Input, Layer, Model, Name, Node, Repeat
from archlang.ir.ops.base import Shape, count_elements, lacks_rule
from archlang.ir.partial import Failure, PartialBody, failures_at
from archlang.records import record


@record
class Totals:
    """Sums over layers: trainable numbers, saved but untrained ones, multiply-accumulates and output elements for
    one sample, and how many layers (those the compiler put in not counted).

    `without_...` say for how many layers there is no rule for a count, or which failed in a partial model: the sum is
    then one of the others. `failed` are the latter alone.
    """

    parameters: int = 0
    buffers: int = 0
    macs: int = 0
    elements: int = 0
    layers: int = 0
    without_parameters: int = 0
    without_macs: int = 0
    failed: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, f) + getattr(other, f) for f in FIELDS))

    def __mul__(self, count: int) -> Totals:
        return Totals(*(getattr(self, f) * count for f in FIELDS))


FIELDS = tuple(field.name for field in fields(Totals))


def layer_totals(body: Body, layer: Layer) -> Totals:
    """Totals of one layer of a body."""
    inputs = input_shapes(body, layer)
    return Totals(
        count_elements(layer.op.parameters()),
        count_elements(layer.op.buffers()),
        layer.op.macs(inputs, layer.outputs[0]),
        # a Flatten that the compiler put in is a view, and no layer that anyone wrote.
        sum(prod(shape) for shape in layer.outputs) if layer.name else 0,
        1 if layer.name else 0,
        # 0 for want of a rule is not a count of 0, and totals must be able to say so.
        int(lacks_rule(layer.op, "parameters")),
        int(lacks_rule(layer.op, "macs")),
    )


def input_shapes(body: Body, node: Layer | Call | Repeat) -> tuple[Shape, ...]:
    """Shapes that flow into a node."""
    return tuple(body.shape_of(ref) for ref in node.inputs)


def input_shapes_of(inputs: Sequence[Input], nodes: Sequence[Node], node: Node) -> tuple[Shape, ...]:
    """Shapes that flow into a node of a body that is not finished yet."""
    return tuple(inputs[r.port].shape if r.node < 0 else nodes[r.node].outputs[r.port] for r in node.inputs)


def fold_totals(model: Model) -> tuple[Totals, ...]:
    """Totals of each body of the model's table; the last is the whole model's. Visits each body once."""
    totals: list[Totals] = []
    for body in model.bodies:
        failed = len(body.failures) if isinstance(body, PartialBody) else 0
        total = Totals(without_parameters=failed, without_macs=failed, failed=failed)
        for index, node in enumerate(body.nodes):
            # bodies stand before those that use them: their totals are there already.
            total += counted(_node_totals(body, node, totals), is_shared(node), index in body.training)
        totals.append(total)
    return tuple(totals)


def _node_totals(body: Body, node: Node, totals: Sequence[Totals]) -> Totals:
    """Totals of a node as if it stood alone."""
    match node:
        case Layer():
            return layer_totals(body, node)
        case Call():
            return totals[node.body]
        case Repeat():
            return sum((totals[run.body] * run.count for run in node.runs), Totals())


def is_shared(node: Node | None) -> bool:
    """Whether a node uses the weights of an earlier one."""
    return isinstance(node, Layer | Call) and node.shared


def counted(totals: Totals, shared: bool, training: bool) -> Totals:
    """What a node adds: shared weights count once; what runs in training only has no part in inference."""
    if shared:
        # ResNet's one `relu` called twice works twice; its weights, if it had any, would be there once.
        totals = replace(totals, parameters=0, buffers=0, without_parameters=0)
    # torchvision's GoogLeNet: 13,004,888 parameters with its heads, and the MACs of inference without.
    return replace(totals, macs=0, elements=0, without_macs=0) if training else totals


@record
class FlatLayer:
    """One copy of a layer with its absolute path; `shared` uses weights counted before, `training` runs only there."""

    path: str
    layer: Layer
    body: Body
    shared: bool = False
    training: bool = False

    @property
    def inputs(self) -> tuple[Shape, ...]:
        """Shapes of its inputs."""
        return input_shapes(self.body, self.layer)

    @property
    def totals(self) -> Totals:
        """What this copy adds to the model's totals."""
        return counted(layer_totals(self.body, self.layer), self.shared, self.training)


Starts = Mapping[str, int]


def name_text(name: Name, starts: Starts) -> str:
    """A relative name in full: labels as they stand, `0` in a numbered scope, `conv1` at the top of a model."""
    if name.index is None:
        return name.base
    # numbers of a Sequential count from 0 as torch's do; `conv1` counts from 1, as papers write it.
    number = starts.get(name.base, 0) + name.index
    return f"{name.base}{number + 1}" if name.base else str(number)


def copies(model: Model, repeat: Repeat, starts: Starts) -> Iterator[tuple[BodyId, int, Starts]]:
    """Each run of a repeat as (body, count, where automatic names of its first copy start)."""
    offsets = {base: starts.get(base, 0) + start for base, start in repeat.starts}
    for run in repeat.runs:
        yield run.body, run.count, dict(offsets)
        offsets = advance(offsets, model.bodies[run.body], run.count)


def advance(starts: Starts, body: Body, count: int = 1) -> dict[str, int]:
    """Starts of automatic names behind `count` copies of a body."""
    return {**starts, **{base: starts.get(base, 0) + taken * count for base, taken in body.names}}


@record
class FlatFailure:
    """A stage of a partial model that failed, with its absolute path."""

    path: str
    failure: Failure


def flatten(model: Model) -> Iterator[FlatLayer]:
    """All layers in execution order, one for each copy, without those the compiler put in."""
    yield from (flat for flat in flatten_partial(model) if isinstance(flat, FlatLayer))


def flatten_partial(model: Model) -> Iterator[FlatLayer | FlatFailure]:
    """All layers, and in a partial model the stages that failed, where they stand."""
    yield from _walk(model, len(model.bodies) - 1, "", {}, False, False)


def failure_path(failure: Failure, starts: Starts) -> str:
    """The name of a stage that failed, in full; its word where it has none."""
    return name_text(failure.name, starts) if failure.name else failure.word


def _walk(
    model: Model, body_id: BodyId, prefix: str, starts: Starts, shared: bool, training: bool
) -> Iterator[FlatLayer | FlatFailure]:
    body = model.bodies[body_id]
    # None behind the last node: a stage may have failed there.
    for index, node in enumerate((*body.nodes, None)):
        for failure in failures_at(body, index):
            yield FlatFailure(prefix + failure_path(failure, starts), failure)
        again, aside = shared or is_shared(node), training or index in body.training
        match node:
            case Layer(name=Name() as name):
                yield FlatLayer(prefix + name_text(name, starts), node, body, again, aside)
            case Layer():
                pass
            case Call():
                inner = f"{prefix}{name_text(node.name, starts)}."
                # a call opens a scope of its own, where numbers start anew.
                yield from _walk(model, node.body, inner, {}, again, aside)
            case Repeat():
                for run_body, count, offsets in copies(model, node, starts):
                    for _ in range(count):
                        yield from _walk(model, run_body, prefix, offsets, again, aside)
                        offsets = advance(offsets, model.bodies[run_body])
            case None:
                pass
