"""Cuts a long picture into columns that are laid out by themselves: where it may be cut, where best, and the pieces.

A cut goes through the edges of one box and through frames that are drawn once, never through copies or beside branches.
Both ends get a *joint*, a box of the family `joint` that `pages.py` leads a line to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from archlang.backends.diagram import Box, Cluster, Diagram, Edge, Item, boxes_of
from archlang.backends.links import frames_around
from archlang.records import record

JOINT = "joint"
"""Family of the ends of edges that are cut."""

FROM, TO = JOINTS = (".from.", ".to.")
"""What the ids of joints begin with, where a column goes on and where it ends."""

CONTINUED = "continued"
"""Note on a frame whose beginning stands in a column before."""

KEPT_TOGETHER = frozenset({"norm", "activation", "regularisation", "output"})
"""Families that belong to the box before them, in the same frame."""

FRAME_PRICE = 60.0
POOL_PRICE = 40.0
"""In points of height: what a cut through a frame costs, and one before a pooling, which ends a stage."""

SLACK = 1.2
"""How much longer than needed a column may be, for cuts at better places."""

MOST_CUTS = 200
"""Places that are looked at."""


@record
class Cut:
    """A place to cut: behind how many boxes, the box whose value leads past it, and the price of it."""

    behind: int
    source: str
    price: float


def order_of(diagram: Diagram) -> list[Box]:
    """The boxes outside the insets in execution order; an input stands before what reads it, an output behind what
    makes it."""
    boxes = list(boxes_of(diagram.items))
    place = {box.id: float(number) for number, box in enumerate(boxes)}
    # backwards, so that the first of several readers has the last word
    for edge in reversed(diagram.edges):
        if edge.source in place and edge.source.startswith(".input."):
            place[edge.source] = place[edge.target] - 0.5
    for box, edge in ((box, edge) for box in boxes if box.family == "output" for edge in diagram.edges):
        if edge.target == box.id:
            place[box.id] = place[edge.source] + 0.5
    return sorted(boxes, key=lambda box: place[box.id])


def find_cuts(diagram: Diagram) -> list[Cut]:
    """All places to cut, in order; each through the edges of another box."""
    order = order_of(diagram)
    place = {box.id: number for number, box in enumerate(order)}
    sources = _only_sources(diagram.edges, place)
    frames = {name: set(around) for name, around in frames_around(diagram.items, ())}
    price = dict(_prices(diagram.items, place))
    cuts: dict[int, Cut] = {}
    for behind, (box, following) in enumerate(pairwise(order)):
        source = sources[behind]
        # one cut for each source: further on the same edges would be cut; an input stays with what reads it
        if source is None or source in cuts or price.get(behind) == float("inf") or box.family == "input":
            continue
        # a frame may begin a column with a box of any family: it begins something
        entered = not frames[following.id] <= frames[box.id]
        if entered or following.family not in KEPT_TOGETHER:
            pooled = POOL_PRICE if following.family == "pool" else 0.0
            cuts[source] = Cut(behind + 1, order[source].id, price.get(behind, 0.0) + pooled)
    return list(cuts.values())


def _only_sources(edges: Sequence[Edge], place: Mapping[str, int]) -> list[int | None]:
    """For each place the only box whose edges lead past it; None where there are several, or none.

    Numbers are all the same where the square of their sum is their count times the sum of their squares.
    """
    counts, sums, squares = ([0] * (len(place) + 1) for _ in range(3))
    # an edge counts from its source up to its target: sums over all before a place are those of the edges that pass it
    for edge in edges:
        if edge.source in place:
            source = place[edge.source]
            for end, sign in ((source, 1), (place[edge.target], -1)):
                counts[end] += sign
                sums[end] += sign * source
                squares[end] += sign * source * source
    passing = zip(accumulate(counts), accumulate(sums), accumulate(squares), strict=True)
    return [
        total // count if count > 0 and total * total == count * square else None for count, total, square in passing
    ]


def _prices(items: tuple[Item, ...], place: Mapping[str, int]) -> Iterator[tuple[int, float]]:
    """What a cut behind each box costs for the frames around it; infinite within copies."""
    prices: Counter[int] = Counter()
    for item in items:
        if isinstance(item, Cluster):
            places = [place[box.id] for box in boxes_of(item.items)]
            own = FRAME_PRICE if item.count == 1 else float("inf")
            # up to the last box but one: behind the last the frame has ended
            prices.update(dict.fromkeys(range(min(places), max(places)), own))  # pyright: ignore[reportArgumentType]
            prices.update(dict(_prices(item.items, place)))  # pyright: ignore[reportArgumentType]
    yield from prices.items()


def balanced(cuts: Sequence[Cut], ends: Mapping[int, float], columns: int) -> list[Cut]:
    """The cuts into so many columns, or as many as there can be, about equally long and at the cheapest places.

    `ends` says how far along the picture each place is, and under 0 and -1 where the picture begins and ends.
    """
    if columns < 2 or not cuts:
        return []
    # every n-th, n rounded up: the search below takes time with the square of their number
    thin = cuts[:: -(-len(cuts) // MOST_CUTS)]
    places = [ends[0], *(ends[cut.behind] for cut in thin), ends[-1]]
    prices = [0.0, *(cut.price for cut in thin), 0.0]
    longest = _shortest_columns(places, columns) * SLACK
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    way: tuple[int, ...] = ()
    for _ in range(min(columns, len(places))):
        best = dict(_extended(best, places, prices, longest))
        # where so many columns cannot be, those of the round before stand
        _, way = best.get(len(places) - 1, (0.0, way))
    return [thin[number - 1] for number in way[:-1]]


def _extended(
    best: Mapping[int, tuple[float, tuple[int, ...]]], places: Sequence[float], prices: Sequence[float], longest: float
) -> Iterator[tuple[int, tuple[float, tuple[int, ...]]]]:
    """The cheapest ways to each place with one column more; columns of one length cost the least."""
    for end in range(1, len(places)):
        ways = (
            # squares of parts with a given sum are least when the parts are equal
            (price + prices[end] + (places[end] - places[start]) ** 2 / longest, (*way, end))
            for start, (price, way) in best.items()
            if start < end and 0 < places[end] - places[start] <= longest
        )
        if found := min(ways, default=None):
            yield end, found


def _shortest_columns(places: Sequence[float], columns: int) -> float:
    """How long the longest column is at least."""
    low, high = (places[-1] - places[0]) / columns, places[-1] - places[0]
    # halves 20 times: to a millionth of the length
    for _ in range(20):
        middle = (low + high) / 2
        if _needed(places, middle) <= columns:
            high = middle
        else:
            low = middle
    return high


def _needed(places: Sequence[float], longest: float) -> float:
    """How many columns of a length it takes."""
    columns, start = 1, places[0]
    for before, place in pairwise(places):
        if place - before > longest:
            return float("inf")
        if place - start > longest:
            columns, start = columns + 1, before
    return columns


def split(diagram: Diagram, cuts: Sequence[Cut]) -> list[Diagram]:
    """The pieces of a picture without its insets, in order; each but the first begins with a joint."""
    order = order_of(diagram)
    bounds = [0, *(cut.behind for cut in cuts), len(order)]
    place = {box.id: number for number, box in enumerate(order)}
    pieces: list[Diagram] = []
    seen: set[str] = set()
    for number, (start, end) in enumerate(pairwise(bounds)):
        kept = {box.id for box in order[start:end]}
        items, own = _kept(diagram.items, kept, seen), _inside(diagram.edges, kept)
        if number:
            joint = Box(f"{FROM}{number}", "", "", JOINT)
            through = _through(diagram.edges, place, cuts[number - 1])
            items, own = (joint, *items), (*(replace(edge, source=joint.id) for edge in through), *own)
        if number < len(cuts):
            joint = Box(f"{TO}{number + 1}", "", "", JOINT)
            # one line for all edges that are cut, which have one source: they part again in the next column
            first = _through(diagram.edges, place, cuts[number])[0]
            items, own = (*items, joint), (*own, replace(first, target=joint.id, read_as=first.shape))
        pieces.append(Diagram(diagram.name, items, own))
    return pieces


def _through(edges: Sequence[Edge], place: Mapping[str, int], cut: Cut) -> list[Edge]:
    """The edges that a cut goes through."""
    return [edge for edge in edges if edge.source == cut.source and place[edge.target] >= cut.behind]


def _inside(edges: Sequence[Edge], kept: set[str]) -> tuple[Edge, ...]:
    return tuple(edge for edge in edges if edge.source in kept and edge.target in kept)


def _kept(items: tuple[Item, ...], kept: set[str], seen: set[str]) -> tuple[Item, ...]:
    """Of the items what is kept; frames that were `seen` before say so."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, Box):
            found += [item] if item.id in kept else []
        elif inner := _kept(item.items, kept, seen):
            # the figures stand on the frame's first part, and count once
            again = {"note": CONTINUED, "parameters": 0, "macs": 0} if item.id in seen else {}
            found.append(replace(item, items=inner, **again))
            seen.add(item.id)
    return tuple(found)


def without_insets(diagram: Diagram) -> Diagram:
    """The picture alone."""
    sample = diagram.sample and without_insets(diagram.sample)
    kept = {box.id for box in boxes_of(diagram.items)}
    return replace(diagram, edges=_inside(diagram.edges, kept), insets=(), sample=sample)


def inset_pieces(diagram: Diagram) -> list[Diagram]:
    """Each inset as a picture of its own."""
    return [
        Diagram(diagram.name, (), _inside(diagram.edges, {box.id for box in boxes_of((inset,))}), (inset,))
        for inset in diagram.insets
    ]
