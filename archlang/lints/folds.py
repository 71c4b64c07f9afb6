"""What lints add up over a model's shared bodies: how often each occurs, how much strides reduce, the ways to each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Node, Repeat
from archlang.ir.paths import Step

LARGEST_STRIDE = 1 << 20
"""Products of strides are not followed further: no input is divided so often."""

WINDOWED = frozenset({"conv", "max_pool", "avg_pool", "lp_pool"})


def uses(node: Node) -> Iterator[tuple[BodyId, int]]:
    """The bodies that a node uses, with how many copies."""
    if isinstance(node, Call):
        yield node.body, 1
    elif isinstance(node, Repeat):
        yield from ((run.body, run.count) for run in node.runs)


def count_copies(model: Model) -> tuple[int, ...]:
    """How often each body occurs."""
    counts = [0] * len(model.bodies)
    counts[-1] = 1
    # users stand behind what they use: from the end, the count of a body is complete when it is read
    for number in reversed(range(len(model.bodies))):
        for node in model.bodies[number].nodes:
            for inner, count in uses(node):
                counts[inner] += counts[number] * count
    return tuple(counts)


def total_strides(model: Model, axis: int) -> int:
    """By how much the strides of convolutions and poolings reduce an axis, along the way that reduces it most."""
    strides: list[int] = []
    for body in model.bodies:
        reached: list[int] = []
        for node in body.nodes:
            before = max((reached[ref.node] for ref in node.inputs if ref.node >= 0), default=1)
            reached.append(min(before * _stride(node, axis, strides), LARGEST_STRIDE))
        strides.append(max(reached, default=1))
    return strides[-1]


def _stride(node: Node, axis: int, of_bodies: Sequence[int]) -> int:
    if not isinstance(node, Layer):
        # a stride of 2 is at the limit, 2**20, after 20 copies
        return prod(min(of_bodies[body], LARGEST_STRIDE) ** min(count, 20) for body, count in uses(node))
    stride: Any = getattr(node.op, "stride", None)
    return stride[axis - 1] if node.op.tag in WINDOWED and stride and axis <= len(stride) else 1


# ---- receptive fields, from below ------------------------------------------------------------------

# the receptive field as a pair: r = 1 + growth, and the jump j; a window k, s makes r + j*(k - 1), j*s of it
Growth = tuple[int, int]
"""How many positions more than one a number sees through some layers, and by how many its neighbours look further."""

STAYS: Growth = (0, 1)


class Ways:
    """The ways from a model's own body to its layers, and how much of the input a number sees at their ends."""

    def __init__(self, model: Model) -> None:
        self._root = len(model.bodies) - 1
        self._bodies = model.bodies
        self._users: dict[BodyId, Step] = {}
        self._growths: list[Growth] = []
        self._inside: list[list[Growth]] = []
        for number, body in enumerate(model.bodies):
            self._add(number, body)

    def _add(self, number: BodyId, body: Body) -> None:
        grown: list[Growth] = []
        for index, node in enumerate(body.nodes):
            grown.append(_then(_into(node, grown), _growth(node, self._growths)))
            for run, (inner, count) in enumerate(uses(node)):
                self._users.setdefault(inner, Step(number, index, run, count - 1))
        self._inside.append(grown)
        ends = [grown[ref.node] for ref in body.outputs[:1] if ref.node >= 0]
        self._growths.append(ends[0] if ends else STAYS)

    def to(self, body: BodyId, index: int) -> tuple[Step, ...]:
        """The way to a node: its last copy in the first place where it occurs."""
        steps = [Step(body, index)]
        while steps[-1].body != self._root:
            steps.append(self._users[steps[-1].body])
        return tuple(reversed(steps))

    def least_field(self, steps: Sequence[Step]) -> int:
        """How many positions along each axis of the input a number in front of a node sees at least.

        Follows one path, the one that sees most, through each body once; of several axes it takes the smallest numbers.
        """
        found = STAYS
        for step in steps:
            node = self._bodies[step.body].nodes[step.index]
            found = _then(found, _into(node, self._inside[step.body]))
            for run, (inner, count) in enumerate(uses(node)):
                # copies in front of this one have gone before
                if isinstance(node, Repeat) and run <= step.run:
                    found = _then(found, _times(self._growths[inner], count if run < step.run else step.copy))
        return 1 + found[0]


def _into(node: Node, grown: Sequence[Growth]) -> Growth:
    """The largest growth of what flows into a node."""
    return max((grown[ref.node] for ref in node.inputs if ref.node >= 0), default=STAYS)


def _growth(node: Node, of_bodies: Sequence[Growth]) -> Growth:
    if not isinstance(node, Layer):
        found = STAYS
        for body, count in uses(node):
            found = _then(found, _times(of_bodies[body], count))
        return found
    op: Any = node.op
    if op.tag not in WINDOWED or not op.kernel_size or not op.stride:
        return STAYS
    dilation = getattr(op, "dilation", None) or (1,) * len(op.kernel_size)
    # a lower bound for all axes at once: the smallest window and the smallest stride among them
    extents = (d * (k - 1) for k, d in zip(op.kernel_size, dilation, strict=True))
    return min(extents), min(op.stride)


def _then(first: Growth, second: Growth) -> Growth:
    return min(first[0] + first[1] * second[0], LARGEST_STRIDE), min(first[1] * second[1], LARGEST_STRIDE)


def _times(growth: Growth, count: int) -> Growth:
    """What copies in a row do, by squaring."""
    found = STAYS
    # `_then` is associative, so doubling works: a million copies take twenty steps
    while count:
        found = _then(found, growth) if count % 2 else found
        growth, count = _then(growth, growth), count // 2
    return found
