"""The boxes of a picture as a graph to read feature maps from: the main line, where it parts, bridges of U's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from archlang.backends.arms import find_arms
from archlang.backends.diagram import Box, Cluster, Diagram, Item, boxes_of
from archlang.backends.volumes.maps import WEIGHTED, is_silent
from archlang.ir.ops.base import Shape
from archlang.records import record

Row = tuple[str, ...]
"""A bridge: the fork, boxes on it, the join."""


@record
class Region:
    """Boxes of a chain between two places where a single value is alive; `forked` says that one comes in."""

    boxes: tuple[Box, ...]
    forked: bool


class Flow:
    """What leads to the model's own output, in execution order, without bridges and without tensors of its own.

    `closed` names the blocks that are drawn as one stage each; who reads the flow fills it.
    """

    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram
        self.boxes = {box.id: box for box in boxes_of(diagram.items)}
        self.scopes: dict[str, tuple[Cluster, ...]] = {}
        self._note_scopes(diagram.items, ())
        self.last: dict[str, Shape] = {edge.source: edge.last for edge in diagram.edges}
        self.before: dict[str, list[str]] = {}
        for edge in diagram.edges:
            self.before.setdefault(edge.target, []).append(edge.source)
        self.closed: set[str] = set()
        line = self._main_line()
        self.outlets = self._outlets(line)
        rows = find_arms(diagram).rows
        # without any bridge, to see which of them lead past smaller maps; then without these alone
        self._connect(line, rows)
        self.bridges = [row for row in rows if self._is_bridge(row)]
        self._connect(line, self.bridges)
        self.weight = {box.id: int(box.family in WEIGHTED or box.family == "folded") for box in self.main}
        self.total = sum(self.weight.values())

    def _note_scopes(self, items: Iterable[Item], around: tuple[Cluster, ...]) -> None:
        for item in items:
            if isinstance(item, Cluster):
                self._note_scopes(item.items, (*around, item))
            else:
                self.scopes[item.id] = around

    def _main_line(self) -> list[Box]:
        """The boxes on the ways to the model's own output, without it; all, where it has none."""
        output = next((box for box in self.boxes.values() if box.family == "output"), None)
        ways = self.ways_to(output.id) if output else set(self.boxes)
        line = [box for box in self.boxes.values() if box.id in ways and box.family != "output"]
        # a class token or position table is no beginning of its own beside an input
        if any(box.family == "input" for box in line):
            return [box for box in line if box.family != "source"]
        return line

    def _outlets(self, line: Sequence[Box]) -> set[str]:
        """The boxes on the ways to the model's own output from which others lead to further outputs alone."""
        output = next((name for name, box in self.boxes.items() if box.family == "output"), "")
        inside, edges = {box.id for box in line}, self.diagram.edges
        known = inside | {output}
        return {edge.source for edge in edges if edge.source in inside and edge.target not in known}

    def ways_to(self, name: str) -> set[str]:
        """The boxes on all ways to a box, itself included."""
        found, waiting = {name}, [name]
        while waiting:
            new = [before for before in self.before.get(waiting.pop(), ()) if before not in found]
            found.update(new)
            waiting += new
        return found

    def _connect(self, line: Sequence[Box], rows: Iterable[Row]) -> None:
        """The main line and its edges, with these bridges taken away."""
        beside = {name for row in rows for name in row[1:-1]}
        bridged = {(row[0], row[-1]) for row in rows}
        kept = [box for box in line if box.id not in beside]
        self.behind: dict[str, list[str]] = {box.id: [] for box in kept}
        for edge in self.diagram.edges:
            inside = edge.source in self.behind and edge.target in self.behind
            if inside and (edge.source, edge.target) not in bridged:
                self.behind[edge.source].append(edge.target)
        self.main = self._inputs_late(kept)
        self.order = {box.id: number for number, box in enumerate(self.main)}

    def _inputs_late(self, boxes: Sequence[Box]) -> list[Box]:
        """Inputs right before what reads them first, so that one read late is not alive until then."""
        order = {box.id: number for number, box in enumerate(boxes)}
        first = {
            # half a place before its reader: nothing has to be numbered anew
            box.id: min((order[name] for name in self.behind[box.id]), default=order[box.id]) - 0.5
            for box in boxes
            if box.family == "input"
        }
        return sorted(boxes, key=lambda box: first.get(box.id, order[box.id]))

    def _is_bridge(self, row: Row) -> bool:
        """Whether all that goes past a bridge goes through a smaller map; a gate that is pooled does not."""
        if row[0] not in self.order or row[-1] not in self.order:
            return False
        inner = self.main[self.order[row[0]] + 1 : self.order[row[-1]]]
        ends = [region.boxes[-1] for region in self.regions(inner, True)]
        size = min(_area(self.boxes[row[0]]), _area(ends[-1]) if ends else 0)
        return any(_area(box) < size for box in ends)

    def level(self, name: str) -> int:
        """How many bridges lead past a box."""
        place, order = self.order[name], self.order
        return sum(order[row[0]] < place < order[row[-1]] for row in self.bridges)

    # ---- chains

    def regions(self, boxes: Sequence[Box], forked: bool) -> list[Region]:
        """A chain cut at each box behind which only its own value is alive, and at closed blocks."""
        order = {box.id: number for number, box in enumerate(boxes)}
        held = self._held(boxes)
        regions: list[Region] = []
        start = alive = 0
        for number, box in enumerate(boxes):
            # `alive` is how far edges from the boxes before lead: where no further than here, only this value goes on
            if alive <= number and number not in held:
                regions.append(Region(tuple(boxes[start : number + 1]), forked or start > 0))
                start = number + 1
            alive = max([alive, *(order[name] for name in self.behind[box.id] if name in order)])
        if start < len(boxes):
            regions.append(Region(tuple(boxes[start:]), forked or start > 0))
        return regions

    def _held(self, boxes: Sequence[Box]) -> set[int]:
        """Where a chain must not be cut: inside a closed block, and before a further input."""
        held: set[int] = set()
        for number, (box, after) in enumerate(pairwise(boxes)):
            scope = self.closed_scope(box)
            if scope and scope is self.closed_scope(after):
                held.add(number)
            # another value joins from outside: all before it is one region with it
            if after.family == "input":
                held.update(range(number + 1))
        return held

    def closed_scope(self, box: Box) -> Cluster | None:
        """The outermost scope around a box that is drawn as one stage."""
        return next((scope for scope in self.scopes[box.id] if base_name(scope) in self.closed), None)

    def block_around(self, boxes: Sequence[Box]) -> Cluster | None:
        """The scope with a definition around all boxes: the closed one, or the innermost."""
        common = self.scopes[boxes[0].id]
        for box in boxes[1:]:
            # scopes are the same objects around each box they hold; equal ones elsewhere are other uses
            common = tuple(a for a, b in zip(common, self.scopes[box.id], strict=False) if a is b)
        closed = next((scope for scope in common if base_name(scope) in self.closed), None)
        return closed or next((scope for scope in reversed(common) if scope.definition), None)

    def is_block(self, scope: Cluster) -> bool:
        """Whether a scope may be one stage: not most of the model, and not a way through several sizes."""
        boxes = list(boxes_of(scope.items))
        sizes = {box.shapes[0][1:] for box in boxes if box.shapes and not is_silent(box)}
        # sizes of ones alone do not count: a gate that pools to 1x1 (squeeze and excitation) stays inside its block
        few = len([size for size in sizes if set(size) - {1}]) <= 2
        return few and self.weight_of(boxes) * 2 <= self.total

    def weight_of(self, boxes: Iterable[Box]) -> int:
        """How many layers with weights are among boxes."""
        return sum(self.weight.get(box.id, 0) for box in boxes)

    def copies(self, box: Box, within: Cluster | None = None) -> int:
        """Copies of a box that are drawn as one, or of a scope around it."""
        count = 1
        for scope in self.scopes[box.id]:
            count *= scope.count
            if scope is within:
                break
        return count

    def name_of(self, box: Box) -> str:
        """The author's name of a map: the layer's, or its scope's where that has no further map."""
        if box.label or box.family == "input" or not self.scopes[box.id]:
            return box.label
        scope = self.scopes[box.id][-1]
        return scope.name if sum(not is_silent(inner) for inner in boxes_of(scope.items)) == 1 else ""

    def lanes(self, boxes: Sequence[Box]) -> list[list[Box]]:
        """The ways to the last box of a region, if there are any that have nothing to do with each other."""
        inner, end = boxes[:-1], boxes[-1]
        group = {box.id: box.id for box in inner}

        # union-find with halved paths: boxes joined by an edge are of one way
        def root(name: str) -> str:
            while group[name] != name:
                group[name] = group[group[name]]
                name = group[name]
            return name

        for box in inner:
            for name in self.behind[box.id]:
                if name in group:
                    group[root(name)] = root(box.id)
        lanes: dict[str, list[Box]] = {}
        for box in inner:
            lanes.setdefault(root(box.id), []).append(box)
        return list(lanes.values()) if all(end.id in self.behind[lane[-1].id] for lane in lanes.values()) else []


def base_name(scope: Cluster) -> str:
    """`unit` of `unit(c=64)`."""
    return scope.definition.partition("(")[0]


def _area(box: Box) -> int:
    """How many positions a map has; 0 for a vector."""
    area = 1
    for size in box.shapes[0][1:] if box.shapes else (0,):
        area *= int(size)
    return area
