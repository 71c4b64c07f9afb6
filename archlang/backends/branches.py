"""Branches of a join that look alike: they are drawn once, with their number, as copies in a row are.

A branch is a chain of nodes that nobody else reads, from a value to the join. Which nodes look alike is the caller's
to say; shapes have to be the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from archlang.ir.graph import Layer, Node, Ref
from archlang.records import record

FEWEST = 3
"""Two branches side by side are no trouble to a reader, and are often there to be compared."""

Reads = tuple[Node, tuple[Ref, ...]]
"""A node with the values that it reads, which other nodes at their places give."""


@record
class Branches:
    """Branches that look alike and stand next to each other: the places of their nodes, branch by branch."""

    members: tuple[tuple[int, ...], ...]

    @property
    def hidden(self) -> Iterator[int]:
        """The places of all nodes but the first branch's."""
        for member in self.members[1:]:
            yield from member


def find_branches(
    nodes: Sequence[Reads], outputs: Sequence[Ref], face: Callable[[int], object]
) -> tuple[Branches, ...]:
    """The branches that can be drawn once; `face` is what one sees of the node at a place."""
    readers = Counter(ref.node for ref in (*(ref for _, refs in nodes for ref in refs), *outputs))
    found: list[Branches] = []
    for node, refs in nodes:
        if not isinstance(node, Layer) or not node.op.is_join or len(refs) < FEWEST:
            continue
        chains = [_chain(nodes, ref, readers) for ref in refs]
        # a number for what cannot be drawn once: unlike everything beside it
        looks = [_look(nodes, chain, face) if _is_whole(chain) else index for index, chain in enumerate(chains)]
        for _, alike in groupby(range(len(refs)), lambda index, looks=looks: looks[index]):
            members = tuple(chains[index] for index in alike)
            if len(members) >= FEWEST:
                found.append(Branches(members))
    return tuple(found)


def _chain(nodes: Sequence[Reads], end: Ref, readers: Counter[int]) -> tuple[int, ...]:
    """The places of the nodes that only serve a value, from the first to the one that gives it."""
    places: list[int] = []
    # what is read elsewhere, too, is no part of the branch, and neither is a node with several inputs or outputs
    while end.node >= 0 and readers[end.node] == 1 and len(nodes[end.node][1]) == len(nodes[end.node][0].outputs) == 1:
        places.append(end.node)
        end = nodes[end.node][1][0]
    return tuple(reversed(places))


def _is_whole(chain: tuple[int, ...]) -> bool:
    """Whether there is something to draw once, in one piece."""
    # without a gap: nodes are drawn in execution order, and the frame takes all from the first to the last
    return bool(chain) and chain == tuple(range(chain[0], chain[-1] + 1))


def _look(nodes: Sequence[Reads], chain: tuple[int, ...], face: Callable[[int], object]) -> object:
    source = nodes[chain[0]][1]
    return source, tuple((face(place), nodes[place][0].outputs) for place in chain)
