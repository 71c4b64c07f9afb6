"""How much of a model fits a page: which blocks are drawn once beside it, and how many levels of scopes are drawn.

Counts boxes without making any; everything here costs what was written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from archlang.backends.folding import Views
from archlang.ir.graph import BodyId, Call, Layer, Model, Node, Repeat
from archlang.records import record

PAGE_BOXES = 40
"""As many as a reader takes in on one page. A picture with more has its repeated blocks drawn once."""

LARGE_PAGE_BOXES = 80
"""As many as can still be read; the inner levels of a picture with more are drawn as one box each."""

MAX_BOXES = 1000
"""More than anyone reads, yet laid out in a second: drawn where less would show nothing at all."""

FEW_BOXES = 8
"""A picture with fewer shows too little: rather more than a page."""

MAX_DEPTH = 30
"""Levels of frames, beyond which parts are drawn as one box each, too; frames this deep leave no room for text."""

SMALLEST_CLOSED = 3
"""Boxes of a block that is worth an inset."""

MOST_CLOSED = 12
"""Blocks that are drawn once: more insets than that explain nothing."""

Variant = tuple[str, int]
"""A block with the structure that it has for some arguments: its name, and the `kind` of its view."""


@record
class Plan:
    """What is drawn: `depth` levels below the first row, and calls of `closed` blocks as one box.

    `scopes_only`: repeats are no levels, as someone means it who asks for a number of levels.
    """

    depth: int
    closed: frozenset[str] = frozenset()
    scopes_only: bool = False


class Planner:
    """Finds the plan of a model."""

    def __init__(self, model: Model, views: Views) -> None:
        self.model = model
        self.views = views
        self.root = len(model.bodies) - 1

    def plan(self) -> Plan:
        """Everything, if it fits a page; otherwise blocks with several uses once; then as many levels as fit."""
        closed: list[str] = []
        while not self._fits(closed) and len(closed) < MOST_CLOSED:
            innermost = self._repeated_block(closed)
            if innermost is None:
                break
            closed.append(innermost)
        # a block closed early may fit after all when those closed after it have made room
        for name in tuple(closed):
            rest = [other for other in closed if other != name]
            closed = rest if self._fits(rest) else closed
        return Plan(self.fitting_depth(self.root, closed), frozenset(closed))

    def _fits(self, closed: Collection[str]) -> bool:
        """Whether the picture fits a page, with its insets."""
        sizes = self._levels(closed)[-1]
        return sum(sizes[body] for body in (self.root, *self.variants(closed).values())) <= PAGE_BOXES

    def fitting_depth(self, body: BodyId, closed: Collection[str]) -> int:
        """How many levels of a body to draw; its first row is drawn whatever its length."""
        sizes = [level[body] for level in self._levels(closed)]
        page = max((depth for depth, size in enumerate(sizes) if size <= LARGE_PAGE_BOXES), default=0)
        deeper = max((depth for depth, size in enumerate(sizes) if size <= MAX_BOXES), default=0)
        chosen = page if sizes[page] >= FEW_BOXES else min(page + 1, deeper)
        return MAX_DEPTH if chosen == len(sizes) - 1 else chosen

    def variants(self, closed: Collection[str]) -> dict[Variant, BodyId]:
        """The closed blocks that the picture and its insets show, one for each structure, with a body that has it."""
        return {variant: body for variant, (_, body) in self._places(closed).items() if variant[0] in closed}

    def variant(self, call: Call) -> Variant:
        """What is called; a group has no name."""
        return self.model.bodies[call.body].definition or "", self.views[call.body].kind

    def _repeated_block(self, closed: Collection[str]) -> str | None:
        """The innermost block that is drawn several times alike, and large enough to be drawn once instead."""
        sizes = self._levels(closed)[-1]
        places, bodies = Counter[str](), defaultdict[str, list[BodyId]](list)
        for (name, _), (count, body) in self._places(closed).items():
            if name and name not in closed:
                places[name] += count
                bodies[name].append(body)
        large = (name for name in places if max(sizes[body] for body in bodies[name]) >= SMALLEST_CLOSED)
        # each structure has an inset of its own: where every use has another, nothing is saved
        saving = (name for name in large if places[name] > len(bodies[name]))
        # what is inside stands first in the table of bodies
        return min(saving, key=lambda name: max(bodies[name]), default=None)

    def _places(self, closed: Collection[str]) -> dict[Variant, tuple[int, BodyId]]:
        """How often each structure of each block is drawn, and a body that has it."""
        drawn = Counter({self.root: 1})
        places: dict[Variant, tuple[int, BodyId]] = {}
        # bodies stand before those that call them: from the last on, all uses of a body are counted when its turn comes
        for number in range(self.root, -1, -1):
            for body, call in self._parts(number) if drawn[number] else ():
                variant = self.variant(call) if call else ("", 0)
                count, first = places.get(variant, (0, body))
                if call:
                    places[variant] = count + drawn[number], first
                # the inside of a closed block is drawn once, in its inset, however often the block is used
                if variant[0] not in closed or not count:
                    drawn[body] += 1 if variant[0] in closed else drawn[number]
        return places

    def _parts(self, number: BodyId) -> Iterator[tuple[BodyId, Call | None]]:
        """The bodies drawn in a body: those of its calls, and of its repeats' copies."""
        for one in self.views[number].nodes:
            match one.node:
                case Call() as call:
                    yield call.body, call
                case Repeat() as repeat:
                    yield from ((group.first, None) for group in self.views.groups(repeat, {}))
                case Layer():
                    pass

    def _levels(self, closed: Collection[str]) -> list[list[int]]:
        """Boxes of each body, by the number of levels of it that are drawn, until no more come."""
        levels = [[len(self.views[body].nodes) for body in range(self.root + 1)]]
        while len(levels) <= MAX_DEPTH:
            deeper = [self._boxes(body, closed, levels[-1]) for body in range(self.root + 1)]
            if deeper == levels[-1]:
                break
            levels.append(deeper)
        return levels

    def _boxes(self, number: BodyId, closed: Collection[str], inner: list[int]) -> int:
        """Boxes of a body when its scopes and repeats are drawn with the boxes of `inner`."""

        def size(node: Node) -> int:
            match node:
                case Layer():
                    return 1
                case Call():
                    return 1 if self.model.bodies[node.body].definition in closed else inner[node.body]
                case Repeat():
                    return sum(inner[group.first] for group in self.views.groups(node, {}))

        return sum(size(one.node) for one in self.views[number].nodes)
