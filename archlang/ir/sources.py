"""What flows into a part, by name: of the parts that a reader of the table sees, and of single layers."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Name, Node, Ref, Repeat
from archlang.ir.paths import Step
from archlang.ir.walk import Starts, advance, copies, name_text
from archlang.records import record


@record
class Scope:
    """Where one copy of a body stands: the prefix of its names, where automatic ones start, what makes its inputs."""

    prefix: str
    starts: Starts
    inputs: tuple[str, ...]


def root_scope(model: Model) -> Scope:
    """The scope of a model's own body."""
    return Scope("", {}, tuple(given.name for given in model.inputs))


def sources(model: Model, body: Body, node: Node, scope: Scope) -> tuple[str, ...]:
    """The parts that make a node's inputs: layers, and scopes for what flows through them."""
    return tuple(source(model, body, ref, scope) for ref in node.inputs)


def source(model: Model, body: Body, ref: Ref, scope: Scope) -> str:
    """The part that makes a value; what the compiler put in is looked through."""
    if ref.node < 0:
        return scope.inputs[ref.port]
    node = body.nodes[ref.node]
    match node:
        case Layer(name=Name() as name):
            return scope.prefix + name_text(name, scope.starts)
        # a Flatten that the compiler put in is in no table: the reader sees what stands before it.
        case Layer():
            return source(model, body, node.inputs[0], scope)
        case Call():
            path = scope.prefix + name_text(node.name, scope.starts)
            # what flows out of a part has the part's name; a label inside it has its own.
            if ref.port == 0:
                return path
            inner = model.bodies[node.body]
            return source(model, inner, inner.outputs[ref.port], inside(model, body, node, scope))
        case Repeat():
            return _last_of(model, node, sources(model, body, node, scope), scope)


def inside(model: Model, body: Body, call: Call, scope: Scope) -> Scope:
    """The scope that a call opens."""
    path = scope.prefix + name_text(call.name, scope.starts)
    return Scope(f"{path}.", {}, sources(model, body, call, scope))


def _last_of(model: Model, repeat: Repeat, given: Sequence[str], scope: Scope) -> str:
    """The part that makes what flows out of the last copy."""
    flowing, *others = given
    for body_id, count, offsets in copies(model, repeat, scope.starts):
        inner = model.bodies[body_id]
        if count and inner.outputs:
            # straight to the last copy, without going through the others.
            behind = advance(offsets, inner, count - 1)
            flowing = source(model, inner, inner.outputs[0], Scope(scope.prefix, behind, (flowing, *others)))
    return flowing


def reads_row_above(body: Body, index: int) -> bool:
    """Whether a node reads just what flows out of the named part before it, or, the first of all, into the body."""
    inputs = body.nodes[index].inputs
    if len(inputs) != 1:
        return False
    before, ref = index - 1, inputs[0]
    # rows of the table are parts with names; what was put in between has none.
    while before >= 0 and _is_put_in(body.nodes[before]):
        before -= 1
    while ref.node >= 0 and _is_put_in(body.nodes[ref.node]):
        ref = body.nodes[ref.node].inputs[0]
    return ref == Ref(before)


def _is_put_in(node: Node) -> bool:
    return isinstance(node, Layer) and node.name is None


@record
class Spot:
    """One copy of a layer: the steps to it, and the layers or inputs that it reads."""

    steps: tuple[Step, ...]
    sources: tuple[str, ...]


def flat_spots(model: Model) -> Generator[Spot]:
    """The spots of all layers, in the order of `walk.flatten`."""
    yield from _spots(model, len(model.bodies) - 1, (), root_scope(model))


Spots = Generator[Spot, None, tuple[str, ...]]
"""Gives the layers, and ends with what makes the outputs."""


def _spots(model: Model, body_id: BodyId, steps: tuple[Step, ...], scope: Scope) -> Spots:
    body = model.bodies[body_id]
    made: list[tuple[str, ...]] = []

    def maker(ref: Ref) -> str:
        return scope.inputs[ref.port] if ref.node < 0 else made[ref.node][ref.port]

    for index, node in enumerate(body.nodes):
        read = tuple(maker(ref) for ref in node.inputs)
        match node:
            case Layer(name=Name() as name):
                yield Spot((*steps, Step(body_id, index)), read)
                made.append((scope.prefix + name_text(name, scope.starts),) * len(node.outputs))
            case Layer():
                made.append(read)
            case Call():
                inner = Scope(f"{scope.prefix}{name_text(node.name, scope.starts)}.", {}, read)
                made.append((yield from _spots(model, node.body, (*steps, Step(body_id, index)), inner)))
            case Repeat():
                made.append(
                    (yield from _copies(model, node, (steps, body_id, index), Scope(scope.prefix, scope.starts, read)))
                )
    return tuple(maker(ref) for ref in body.outputs)


def _copies(model: Model, repeat: Repeat, at: tuple[tuple[Step, ...], BodyId, int], scope: Scope) -> Spots:
    flowing, (steps, body_id, index) = scope.inputs, at
    for run, (inner, count, offsets) in enumerate(copies(model, repeat, scope.starts)):
        for copy in range(count):
            step = Step(body_id, index, run, copy)
            out = yield from _spots(model, inner, (*steps, step), Scope(scope.prefix, offsets, flowing))
            # a body with errors gives nothing: what flowed in is then the best that is known.
            flowing = (*(out[:1] or flowing[:1]), *flowing[1:])
            offsets = advance(offsets, model.bodies[inner])
    return flowing[:1]
