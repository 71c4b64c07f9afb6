"""Parts of bodies and of models that are left when the rest is not needed any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Name, Node, Ref, Repeat, Run, bodies_of


def prune_body(body: Body, nodes: Sequence[Node], output: Ref) -> Body:
    """The body with these nodes, in as far as the output needs them; nothing of it is left for training only."""
    kept = sorted(_needed(nodes, output))
    # inputs of the body stay all, so that its callers need no change.
    place = {-1: -1, **{old: new for new, old in enumerate(kept)}}
    moved = (_with_inputs(nodes[index], place) for index in kept)
    return replace(body, nodes=tuple(_owning(moved)), outputs=(Ref(place[output.node], output.port),), training=())


def _needed(nodes: Sequence[Node], output: Ref) -> set[int]:
    needed: set[int] = set()
    # a list and not recursion: a body may have more nodes in a row than Python goes deep.
    pending = [output.node]
    while pending:
        index = pending.pop()
        if index >= 0 and index not in needed:
            needed.add(index)
            pending += [ref.node for ref in nodes[index].inputs]
    return needed


def _with_inputs(node: Node, place: dict[int, int]) -> Node:
    return replace(node, inputs=tuple(Ref(place[ref.node], ref.port) for ref in node.inputs))


def _owning(nodes: Iterable[Node]) -> Iterable[Node]:
    """Nodes of which the first of each name has the weights, where the one that had them is gone."""
    names: set[Name] = set()
    for node in nodes:
        if isinstance(node, Repeat) or node.name is None:
            yield node
            continue
        # weights belong to the first use in the body; if that is pruned, the next one takes its place.
        yield replace(node, shared=node.name in names) if node.shared else node
        names.add(node.name)


def prune_model(model: Model, bodies: Sequence[Body]) -> Model:
    """The model with these bodies, the last being its own, less those that nothing uses."""
    used = _used(bodies)
    # in the old order, in which bodies stand before those that use them.
    place = {old: new for new, old in enumerate(sorted(used))}
    return replace(model, bodies=tuple(_with_bodies(bodies[index], place) for index in sorted(used)))


def _used(bodies: Sequence[Body]) -> set[BodyId]:
    used: set[BodyId] = set()
    pending = [len(bodies) - 1]
    while pending:
        index = pending.pop()
        if index not in used:
            used.add(index)
            pending += [inner for node in bodies[index].nodes for inner in bodies_of(node)]
    return used


def _with_bodies(body: Body, place: dict[BodyId, BodyId]) -> Body:
    return replace(body, nodes=tuple(_moved(node, place) for node in body.nodes))


def _moved(node: Node, place: dict[BodyId, BodyId]) -> Node:
    match node:
        case Layer():
            return node
        case Call():
            return replace(node, body=place[node.body])
        case Repeat():
            return replace(node, runs=tuple(Run(place[run.body], run.count) for run in node.runs))
