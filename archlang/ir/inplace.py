"""Operations in place: they stay where nothing else needs the memory that they write to, and make new memory elsewhere.

`RELU(inplace=true)` overwrites its input. Where another branch reads that value, or the caller of the model holds it,
the results would not be those of the graph; where autograd needs it, torch refuses the backward pass. Whose memory a
value lies in is followed through views, calls and repeats, over what is written and not what it expands to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from archlang.ir.graph import Body, Call, Layer, Node, Ref, Repeat
from archlang.ir.ops.base import Op
from archlang.records import record

FRESH = frozenset({"conv", "pool", "linear", "embedding", "attention", "norm", "activation", "join"})
"""Families whose outputs are new memory. Others may give on their input or a view of it, as DROPOUT and FLATTEN do."""


@record
class Standing:
    """A value's memory: whether nothing but what reads the value needs it, and the body's inputs that may lie in it."""

    free: bool
    ports: frozenset[int] = frozenset()


FREE, TAKEN = Standing(True), Standing(False)


def harmless_in_place(bodies: Sequence[Body]) -> tuple[Body, ...]:
    """The bodies of a model, the last one its own, in which operations are in place only where that changes nothing."""
    if not any(_is_in_place(node) for body in bodies for node in body.nodes):
        return tuple(bodies)
    known: list[_Follower] = []
    for body in bodies:
        known.append(_Follower(body, known))
    protected: list[set[int]] = [set() for _ in bodies]
    # the caller holds the model's inputs; of other bodies those who use them tell, and stand behind them.
    protected[-1] = set(range(len(bodies[-1].inputs)))
    for number in reversed(range(len(bodies))):
        for node in bodies[number].nodes:
            known[number].protect(node, protected[number], protected)
    return tuple(one.settled(held) for one, held in zip(known, protected, strict=True))


def _is_in_place(node: Node) -> bool:
    return isinstance(node, Layer) and bool(getattr(node.op, "inplace", False))


class _Follower:
    """One body: the memory of each of its values."""

    def __init__(self, body: Body, known: Sequence[_Follower]) -> None:
        self.body = body
        self.known = known
        self.reads = Counter([*(ref for node in body.nodes for ref in node.inputs), *body.outputs])
        self.values = {Ref(-1, port): Standing(True, frozenset((port,))) for port in range(len(body.inputs))}
        for index, node in enumerate(body.nodes):
            for port, standing in enumerate(self._node(node)):
                self.values[Ref(index, port)] = standing
        self.outputs = tuple(map(self._given, body.outputs))

    def settled(self, protected: set[int]) -> Body:
        """The body, with those operations in place that may be. `protected` are inputs that others need."""
        harmful = {
            node.name
            for node in self.body.nodes
            if _is_in_place(node) and isinstance(node, Layer) and not _is_free(self._given(node.inputs[0]), protected)
        }
        # by name: a further use of a layer is the same module.
        nodes = tuple(_out_of_place(node) if _named(node) in harmful else node for node in self.body.nodes)
        return replace(self.body, nodes=nodes) if harmful else self.body

    def protect(self, node: Node, mine: set[int], protected: Sequence[set[int]]) -> None:
        """Mark inputs of the bodies that a node uses, where others need what it gives them; `mine` are this body's."""
        if isinstance(node, Layer):
            return
        held = {port for port, ref in enumerate(node.inputs) if not _is_free(self._given(ref), mine)}
        if isinstance(node, Call):
            protected[node.body].update(held)
            return
        # labels of the scope around go to all copies; what flows to the next one may be needed in the one before.
        held |= set(range(1, len(node.inputs))) if node.count > 1 else set()
        flows = [self.known[run.body].outputs[:1] for run in node.runs]
        held |= {0} if any(not one.free or one.ports - {0} for flow in flows for one in flow) else set()
        for run in node.runs:
            protected[run.body].update(held)

    def _given(self, ref: Ref) -> Standing:
        """The memory of a value for one who reads it."""
        standing = self.values[ref]
        return standing if self.reads[ref] == 1 else replace(standing, free=False)

    def _node(self, node: Node) -> tuple[Standing, ...]:
        """The memory of what a node gives."""
        given = [self._given(ref) for ref in node.inputs]
        match node:
            case Layer():
                # further outputs, the positions of a maximum, are its own.
                return (_of_layer(node.op, given), *(FREE for _ in node.outputs[1:]))
            case Call():
                return tuple(_through(one, given) for one in self.known[node.body].outputs)
            case Repeat():
                return (self._repeated(node, given),)

    def _repeated(self, node: Repeat, given: list[Standing]) -> Standing:
        flow, *others = given
        for run in node.runs:
            # the second copy reads what the first gave, as do all others.
            for _ in range(min(run.count, 2)):
                outputs = self.known[run.body].outputs
                flow = _through(outputs[0], [flow, *others]) if outputs else TAKEN
        return flow


def _of_layer(op: Op, given: Sequence[Standing]) -> Standing:
    """The memory of a layer's output."""
    details: Any = op
    in_place = getattr(details, "inplace", False)
    # where its input is needed it will not be in place: its output is memory of its own.
    own = op.family in FRESH and (not in_place or not _joined(given).free)
    # autograd needs the output of RELU, TANH or SOFTMAX again; of a copied input (HARDSWISH in place) it does not.
    kept = getattr(details, "keeps", "input") == "output" or (
        in_place and not getattr(details, "copies_in_place", True)
    )
    found = FREE if own else _joined(given)
    return replace(found, free=False) if kept else found


def _through(output: Standing, given: Sequence[Standing]) -> Standing:
    """The memory of a body's output, by that of what the body is given."""
    found = _joined([given[port] for port in sorted(output.ports)])
    return replace(found, free=found.free and output.free) if output.ports else output


def _joined(several: Iterable[Standing]) -> Standing:
    """Memory that may be any of several; none is that of a parameter."""
    several = list(several)
    ports = frozenset[int]().union(*(one.ports for one in several))
    return Standing(bool(several) and all(one.free for one in several), ports)


def _is_free(standing: Standing, protected: set[int]) -> bool:
    return standing.free and not standing.ports & protected


def _named(node: Node) -> object:
    return node.name if isinstance(node, Layer) else None


def _out_of_place(node: Node) -> Node:
    """A layer that makes new memory."""
    changed: Any = node
    return replace(changed, op=replace(changed.op, inplace=False)) if _is_in_place(node) else node
