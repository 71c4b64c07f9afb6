"""Which inputs of a model are indices, whole numbers that an embedding looks up, and not real numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archlang.ir.graph import Body, Call, Layer, Model, Node, Ref, Repeat
from archlang.records import record

Ports = frozenset[int]
"""Inputs of a body by their number."""

NONE: Ports = frozenset()


@record
class _Reading:
    """How a body reads its inputs: those that it looks up, and for each output those that it must be indices with."""

    looked_up: Ports
    outputs: tuple[Ports, ...]


def index_inputs(model: Model) -> tuple[bool, ...]:
    """For each input whether something reads it as indices. Visits each body once."""
    readings: list[_Reading] = []
    for body in model.bodies:
        readings.append(_Follower(body, readings).follow())
    return tuple(number in readings[-1].looked_up for number in range(len(model.inputs)))


class _Follower:
    """One body: for each value the inputs that are indices if it is, since the layers between keep whole numbers."""

    def __init__(self, body: Body, readings: Sequence[_Reading]) -> None:
        self.body = body
        self.readings = readings
        self.sources = {Ref(-1, port): frozenset((port,)) for port in range(len(body.inputs))}
        self.looked_up = NONE

    def follow(self) -> _Reading:
        for index, node in enumerate(self.body.nodes):
            outputs = self._node(node, [self.sources[ref] for ref in node.inputs])
            self.sources.update({Ref(index, port): ports for port, ports in enumerate(outputs)})
        return _Reading(self.looked_up, tuple(self.sources[ref] for ref in self.body.outputs))

    def _node(self, node: Node, inputs: Sequence[Ports]) -> tuple[Ports, ...]:
        match node:
            case Layer():
                self.looked_up |= _union(inputs) if node.op.integer_input else NONE
                # further outputs are a layer's own: the positions of a maximum are no numbers of its input.
                first = _union(inputs) if node.op.keeps_integers else NONE
                return (first, *(NONE for _ in node.outputs[1:]))
            case Call():
                return self._body(self.readings[node.body], inputs)
            case Repeat():
                return self._repeat(node, inputs)

    def _body(self, inner: _Reading, inputs: Sequence[Ports]) -> tuple[Ports, ...]:
        self.looked_up |= _union(inputs[port] for port in inner.looked_up)
        return tuple(_union(inputs[port] for port in ports) for ports in inner.outputs)

    def _repeat(self, node: Repeat, inputs: Sequence[Ports]) -> tuple[Ports, ...]:
        outputs: tuple[Ports, ...] = (inputs[0],)
        for run in node.runs:
            # the first copy adds all that copies ever add; the second reads what the first gave, as do all others.
            for _ in range(min(run.count, 2)):
                outputs = self._body(self.readings[run.body], (outputs[0], *inputs[1:]))
        return outputs


def _union(several: Iterable[Ports]) -> Ports:
    return NONE.union(*several)
