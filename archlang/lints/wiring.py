"""Which layer feeds which, across blocks, groups and repeats, worked out on the shared bodies and not on their copies.

A layer is a `Spot`: a node of a body. What a spot reads and who reads it are sets over all places where its body
occurs, so that a question such as "is it always followed by BN?" is answered for all copies at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from archlang.ir.graph import BodyId, Call, Layer, Model, Ref, Repeat
from archlang.records import record


@record
class Spot:
    """A layer: node number `node` of body number `body` of a model."""

    body: BodyId
    node: int


Reader = tuple[Spot, int] | None
"""A layer with the number of the input it reads by; None for an output of the model."""

Source = Spot | None
"""A layer; None for an input of the model."""

Tail = Spot | int
"""Where a value of a body comes from: a layer inside, or the number of an input of the body."""


class Wiring:
    """Readers and sources of all layers of a model. Sets are dicts, so that their order is that of the model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._tails: dict[tuple[BodyId, int], Tail] = {}
        self._heads: dict[BodyId, dict[int, dict[Reader, None]]] = {}
        self._readers: defaultdict[Spot, dict[Reader, None]] = defaultdict(dict)
        self._sources: defaultdict[tuple[Spot, int], dict[Source, None]] = defaultdict(dict)
        self.outputs: tuple[Source, ...] = ()
        self._connect()

    def readers(self, spot: Spot) -> tuple[Reader, ...]:
        """Who reads what a layer gives, wherever its body occurs."""
        return tuple(self._readers[spot])

    def sources(self, spot: Spot, port: int = 0) -> tuple[Source, ...]:
        """What feeds an input of a layer, wherever its body occurs."""
        return tuple(self._sources[spot, port])

    # ---- connecting

    def _connect(self) -> None:
        root = len(self.model.bodies) - 1
        for number, body in enumerate(self.model.bodies):
            for index, node in enumerate(body.nodes):
                for port, ref in enumerate(node.inputs):
                    tail = self._tail(number, ref)
                    # what comes from outside a body is joined where the body is used; for the root it is an input
                    if isinstance(tail, Spot) or number == root:
                        self._join(tail, self._entry(number, index, port))
                if isinstance(node, Repeat):
                    self._join_copies(node)
        tails = [self._tail(root, ref) for ref in self.model.root.outputs]
        self.outputs = tuple(tail if isinstance(tail, Spot) else None for tail in tails)
        for tail in tails:
            self._join(tail, {None: None})

    def _join(self, tail: Tail, readers: dict[Reader, None]) -> None:
        source = tail if isinstance(tail, Spot) else None
        for reader in readers:
            if reader is not None:
                self._sources[reader][source] = None
            if source is not None:
                self._readers[source][reader] = None

    def _join_copies(self, repeat: Repeat) -> None:
        """What each copy gives to the next one, also through copies that pass on what they get."""
        flow: Tail | None = None
        for run in repeat.runs:
            # the second copy reads what the first one gives; further ones only repeat that
            for _ in range(min(run.count, 2)):
                if isinstance(flow, Spot):
                    self._join(flow, self._heads_of(run.body).get(0, {}))
                tail = self._output(run.body, 0)
                # a copy that passes on what it gets leaves the one before as the source
                flow = tail if isinstance(tail, Spot) else flow

    def _output(self, body: BodyId, port: int) -> Tail:
        if (body, port) not in self._tails:
            self._tails[body, port] = self._tail(body, self.model.bodies[body].outputs[port])
        return self._tails[body, port]

    def _tail(self, body: BodyId, ref: Ref) -> Tail:
        """Where a value comes from, through parts that pass on what they get."""
        # a loop over what is passed on, which ends at a layer or at an input of the body
        while ref.node >= 0:
            node = self.model.bodies[body].nodes[ref.node]
            if isinstance(node, Layer):
                return Spot(body, ref.node)
            found = self._output(node.body, ref.port) if isinstance(node, Call) else self._last(node, ref.port)
            if isinstance(found, Spot):
                return found
            ref = node.inputs[found]
        return ref.port

    def _last(self, repeat: Repeat, port: int) -> Tail:
        """Where a repeat's output comes from: its last copy that does anything."""
        for run in reversed(repeat.runs):
            found = self._output(run.body, port)
            # 0 is the input that flows: this copy does nothing with it
            if found != 0:
                return found
        return 0

    def _heads_of(self, body: BodyId) -> dict[int, dict[Reader, None]]:
        """The layers of a body that read each of its inputs."""
        if body not in self._heads:
            heads: defaultdict[int, dict[Reader, None]] = defaultdict(dict)
            for index, node in enumerate(self.model.bodies[body].nodes):
                for port, ref in enumerate(node.inputs):
                    tail = self._tail(body, ref)
                    if not isinstance(tail, Spot):
                        heads[tail] |= self._entry(body, index, port)
            self._heads[body] = heads
        return self._heads[body]

    def _entry(self, body: BodyId, index: int, port: int) -> dict[Reader, None]:
        """The layers that read input number `port` of a node."""
        node = self.model.bodies[body].nodes[index]
        match node:
            case Layer():
                return {(Spot(body, index), port): None}
            case Call():
                return self._heads_of(node.body).get(port, {})
            case Repeat():
                return {reader: None for run in self._fed(node, port) for reader in self._heads_of(run).get(port, {})}

    def _fed(self, repeat: Repeat, port: int) -> Iterator[BodyId]:
        """The bodies of a repeat that read its input: the flow goes to the first, labels used inside go to all."""
        for run in repeat.runs:
            yield run.body
            if port == 0 and isinstance(self._output(run.body, 0), Spot):
                return
