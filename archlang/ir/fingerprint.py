"""A fingerprint of what a model computes and learns: the same for models that differ in names and layout alone.

Layers are numbered in the order in which they run, and each refers to its inputs by how many layers back they are. So
it makes no difference whether a part stands in a block, a group or a repeat. A sequence has a hash that is put together
from those of its parts, and a repeat has a power: a million copies cost what one does.
"""

from __future__ import annotations

from hashlib import sha256

from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Node, Ref, Repeat
from archlang.records import record

PRIME = 2**255 - 19
BASE = int.from_bytes(sha256(b"archlang fingerprint 1").digest()) % PRIME
"""The hash of a sequence is that of a polynomial at this place."""


@record
class Digest:
    """The hash of a sequence of layers with their number: x -> scale*x + shift."""

    scale: int = 1
    shift: int = 0
    length: int = 0

    def then(self, other: Digest) -> Digest:
        """That of both, one after the other."""
        # maps compose associatively: it makes no difference where blocks and groups begin and end.
        shift = (other.scale * self.shift + other.shift) % PRIME
        return Digest(self.scale * other.scale % PRIME, shift, self.length + other.length)

    def times(self, count: int) -> Digest:
        """That of so many copies."""
        power, found = self, Digest()
        # by squaring, as a power of a number: a million copies in twenty steps.
        while count:
            if count % 2:
                found = found.then(power)
            power, count = power.then(power), count // 2
        return found


SETTLED = 3
"""Copies after which those behind are fed alike, but where what flows in flows out past layers that nothing reads."""

Where = tuple[int, int] | str
"""Where a value is made: how many layers before a place and which output, or a text for what does not move with it."""


def fingerprint(model: Model) -> str:
    """32 hexadecimal digits that models with the same layers, connections, shared weights and shapes have in common."""
    inputs = tuple(f"input {port}" for port in range(len(model.inputs)))
    made = _Prints(model).body(len(model.bodies) - 1, inputs, "")
    sides = [(side.port, side.training) for side in model.sides]
    # which values flow out, too: models of the same layers may give others of their values.
    ends = f"{[given.shape for given in model.inputs]} {made.outputs} {sides} {made.digest.shift} {made.digest.length}"
    return sha256(ends.encode()).hexdigest()[:32]


@record
class _Made:
    """A copy of a body: its digest, and where its outputs are made, seen from behind it."""

    digest: Digest
    outputs: tuple[Where, ...]


class _Prints:
    """Works out each body once for each way in which it is fed."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.known: dict[tuple[BodyId, tuple[Where, ...], str], _Made] = {}

    def body(self, body_id: BodyId, inputs: tuple[Where, ...], mark: str) -> _Made:
        """One copy; `inputs` are seen from before it, `mark` says whether it runs in training only."""
        # distances in `inputs` are from the body's start, so copies that are fed alike have one key.
        key = body_id, inputs, mark
        if key not in self.known:
            self.known[key] = self._body(self.model.bodies[body_id], inputs, mark)
        return self.known[key]

    def _body(self, body: Body, inputs: tuple[Where, ...], mark: str) -> _Made:
        digest = Digest()
        made: list[tuple[tuple[Where, ...], int]] = []  # outputs of each node, and the length behind it
        first: dict[str, int] = {}  # where named parts first stand

        def where(ref: Ref) -> Where:
            """A value as it is seen from where the digest stands."""
            outputs, behind = (inputs, 0) if ref.node < 0 else made[ref.node]
            return _further(outputs[ref.port], digest.length - behind)

        for index, node in enumerate(body.nodes):
            inner = mark + (" training" if index in body.training else "") + _shared(node, digest, first)
            done = self._node(node, tuple(where(ref) for ref in node.inputs), inner)
            digest = digest.then(done.digest)
            made.append((done.outputs, digest.length))
        return _Made(digest, tuple(where(ref) for ref in body.outputs))

    def _node(self, node: Node, inputs: tuple[Where, ...], mark: str) -> _Made:
        match node:
            case Layer():
                # everything that a layer computes and learns, and nothing of its name or its line.
                text = f"{node.op!r} {node.init} {inputs} {node.outputs} {mark}"
                number = int.from_bytes(sha256(text.encode()).digest()) % PRIME
                return _Made(Digest(BASE, number, 1), tuple((1, port) for port in range(len(node.outputs))))
            case Call():
                return self.body(node.body, inputs, mark)
            case Repeat():
                return self._copies(node, inputs, mark)

    def _copies(self, repeat: Repeat, inputs: tuple[Where, ...], mark: str) -> _Made:
        """Copies in a row: the first of a run may be fed in another way than those behind it, which are all alike."""
        digest, flowing = Digest(), inputs[0]
        # seen from each copy, a label outside lies further back; as a text it stays the same for all.
        others = inputs[1:] if repeat.count == 1 else tuple(f"outside {where}" for where in inputs[1:])
        for run in repeat.runs:
            left = run.count
            while left:
                copy = self.body(run.body, (flowing, *others), mark)
                # an output is mostly a fixed distance before its copy's end: from the second copy on all are fed alike.
                settled = copy.outputs[0] == flowing or run.count - left >= SETTLED
                alike = left if settled else 1
                digest, flowing, left = digest.then(copy.digest.times(alike)), copy.outputs[0], left - alike
        return _Made(digest, (flowing,))


def _further(where: Where, layers: int) -> Where:
    """The same place seen from some layers further on; texts do not move."""
    # texts name a model's inputs and what stands outside a repeat.
    return where if isinstance(where, str) else (where[0] + layers, where[1])


def _shared(node: Node, digest: Digest, first: dict[str, int]) -> str:
    """How far back the part stands whose weights a node uses again."""
    if isinstance(node, Repeat) or node.name is None:
        return ""
    name = f"{node.name.base} {node.name.index}"
    # the same distance for a layer used again in a block as written flat.
    if node.shared and name in first:
        return f" shared {digest.length - first[name]}"
    first[name] = digest.length
    return ""
