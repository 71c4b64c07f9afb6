"""Finds what is drawn as a U: a part that contracts, one that expands again, and bridges between them at equal sizes.

Nothing here knows of U-Net. A *bridge* leads from a fork to a join past a way that goes down to a smaller size and up
again; bridges that lie inside each other are the levels of one U. A module that multiplies by a pooled gate has no
bridge: its way goes down and stays there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

from archlang.backends.diagram import Box, Diagram, boxes_of
from archlang.records import record

TAIL_BEYOND_HEAD = 4
"""Boxes by which the end of a picture may stand higher than its beginning; a longer end goes down again."""


@record
class Bridge:
    """A fork and the join it is bridged to; `beside` are the boxes on the bridge, `turn` the first box behind
    the smallest size on the way below it."""

    fork: str
    join: str
    beside: tuple[str, ...]
    turn: str


@record
class Arms:
    """What is drawn as a U: `rising` boxes go upwards; each of `rows` stands at one height, the arm that goes down on
    the left; `falling` is that arm."""

    rows: tuple[tuple[str, ...], ...] = ()
    falling: frozenset[str] = frozenset()
    rising: frozenset[str] = frozenset()


def find_arms(diagram: Diagram) -> Arms:
    """The arms of a picture's U's; empty where it has none. Its insets are not looked at."""
    sample = diagram.sample or diagram
    # at other sizes other copies may look alike and be folded: arms would name boxes that are not in this picture
    if [box.id for box in sample.boxes] != [box.id for box in diagram.boxes]:
        return Arms()
    flow = _Flow(sample)
    levels = _nested(flow, list(_bridges(flow)))
    if not levels:
        return Arms()
    rows: list[tuple[str, ...]] = []
    falling: set[str] = set()
    rising: set[str] = set()
    for number, bridges in enumerate(levels):
        outer, inner = bridges[0], bridges[-1]
        inside = flow.between(outer.fork, outer.join)
        up = flow.between(inner.turn, outer.join)
        beside = {box for bridge in bridges for box in bridge.beside}
        rows += [(bridge.fork, *bridge.beside, bridge.join) for bridge in bridges]
        rising |= up
        falling |= inside - up - beside
        # what leads to the first U goes down with it, what follows the last rises with it
        if number == len(levels) - 1:
            rising |= set(flow.tail(outer))
        falling |= set(flow.head(outer)) if number == 0 else set()
    return Arms(tuple(rows), frozenset(falling - rising), frozenset(rising))


class _Flow:
    """The boxes of a picture as a graph, in execution order."""

    def __init__(self, diagram: Diagram) -> None:
        boxes = {box.id: box for box in boxes_of(diagram.items)}
        self.order = {name: number for number, name in enumerate(boxes)}
        self.size = {name: _size(box) for name, box in boxes.items()}
        self.before: defaultdict[str, list[str]] = defaultdict(list)
        self.behind: defaultdict[str, list[str]] = defaultdict(list)
        for edge in diagram.edges:
            if edge.source in boxes and edge.target in boxes and edge.source not in self.before[edge.target]:
                self.before[edge.target].append(edge.source)
                self.behind[edge.source].append(edge.target)
        self.gate = self._gates()

    def _gates(self) -> dict[str, str | None]:
        """For each box the last that every way to it passes (its immediate dominator; Cooper et al. 2001)."""
        gates: dict[str, str | None] = {}
        # one pass is enough: in execution order all that leads to a box is done (Cooper et al. iterate for loops alone)
        for name in self.order:
            gates[name] = self._common(self.before[name], gates)
        return gates

    def _common(self, names: list[str], gates: dict[str, str | None]) -> str | None:
        found: str | None = names[0] if names else None
        for other in names[1:]:
            step: str | None = other
            while found != step and found is not None and step is not None:
                # the later of the two cannot lie on every way to the earlier one: it steps back
                if self.order[found] > self.order[step]:
                    found = gates[found]
                else:
                    step = gates[step]
            # two inputs have no gate in common
            found = found if found == step else None
        return found

    def between(self, first: str, last: str) -> set[str]:
        """The boxes on all ways from one box to another, both included."""
        ahead = _reached(first, self.behind)
        return {name for name in _reached(last, self.before) if name in ahead}

    def is_closed(self, inside: set[str], end: str) -> bool:
        """Whether boxes lead to each other and to an end only: a bridge is a way past, no second trunk."""
        return all(name in inside or name == end for box in inside for name in self.behind[box])

    def head(self, outer: Bridge) -> list[str]:
        """The boxes before a U."""
        return [name for name in _reached(outer.fork, self.before) if name != outer.fork]

    def tail(self, outer: Bridge) -> list[str]:
        """The boxes behind a U that still rise: all of them, if they do not stand out far above its beginning."""
        tail = sorted(_reached(outer.join, self.behind) - {outer.join}, key=self.order.__getitem__)
        room = len(self.head(outer)) + 1 + TAIL_BEYOND_HEAD
        return tail if len(tail) <= room else tail[: room - TAIL_BEYOND_HEAD]


def _reached(start: str, following: defaultdict[str, list[str]]) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        new = [name for name in following[waiting.pop()] if name not in found]
        found.update(new)
        waiting += new
    return found


def _size(box: Box) -> int:
    """How many positions a map has; 0 where there are none, or they are left free."""
    sizes: tuple[Any, ...] = box.shapes[0][1:] if box.shapes else ()
    return prod(sizes) if sizes and all(type(size) is int for size in sizes) else 0


def _bridges(flow: _Flow) -> Iterator[Bridge]:
    for join, sources in flow.before.items():
        fork = flow.gate.get(join)
        if len(sources) > 1 and fork is not None and flow.size[fork]:
            yield from _bridge(flow, fork, join)


def _bridge(flow: _Flow, fork: str, join: str) -> Iterator[Bridge]:
    """The bridge between a fork and a join, if one of the ways goes down and up again, and another does not."""
    inside = flow.between(fork, join) - {fork, join}
    lowest = _lowest(flow, inside)
    size = flow.size
    # deeper than both ends: a way that is pooled and stays small (squeeze and excitation) never comes up again
    deep = [name for name in flow.before[join] if name in inside and lowest[name] < min(size[fork], size[name])]
    beside = {name for name in flow.before[join] if name not in deep and name != fork}
    if len(deep) != 1 or (not beside and fork not in flow.before[join]):
        return
    way = sorted(flow.between(fork, deep[0]) - {fork}, key=flow.order.__getitem__)
    # the last box at the smallest size: the way rises from the next one on
    bottom = max(number for number, name in enumerate(way) if size[name] == lowest[deep[0]])
    on_bridge = set[str]().union(*(flow.between(fork, name) for name in beside)) - {fork}
    # what reads of the way below is no bridge past it
    if bottom + 1 < len(way) and not on_bridge & set(way) and flow.is_closed(on_bridge, join):
        yield Bridge(fork, join, tuple(sorted(on_bridge, key=flow.order.__getitem__)), way[bottom + 1])


def _lowest(flow: _Flow, inside: Iterable[str]) -> dict[str, int]:
    """For each box the smallest size on the ways to it."""
    lowest: dict[str, int] = {}
    for name in sorted(inside, key=flow.order.__getitem__):
        lowest[name] = min([flow.size[name], *(lowest[before] for before in flow.before[name] if before in lowest)])
    return lowest


def _nested(flow: _Flow, bridges: list[Bridge]) -> list[list[Bridge]]:
    """The bridges of each U, the outermost first; none at all where they lie across each other."""
    levels: list[list[Bridge]] = []
    for bridge in sorted(bridges, key=lambda bridge: flow.order[bridge.fork]):
        start, end = flow.order[bridge.fork], flow.order[bridge.join]
        # begins before the U so far has ended: has to lie inside its innermost bridge
        if levels and start < flow.order[levels[-1][0].join]:
            around = levels[-1][-1]
            if not flow.order[around.fork] < start < end < flow.order[around.join]:
                return []
            levels[-1].append(bridge)
        else:
            levels.append([bridge])
    return levels
