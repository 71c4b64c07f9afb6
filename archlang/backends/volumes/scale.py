"""Lengths from sizes: linear where the smallest stays legible beside the largest, else by the root, else by the log."""

from __future__ import annotations

from collections.abc import Iterable
from math import log, sqrt

from archlang.records import record

HIGHEST = 150.0
"""Pixels of the largest height."""

THICKEST = 28.0
"""Pixels of the most channels."""

DEPTH = 0.34
"""Pixels up and to the right for each pixel of a map's width."""

THINNEST = 2.5
FLATTEST = 7.0
"""Pixels that the smallest size needs."""


@record
class Scale:
    """A growing function from sizes to pixels; `kind` says which."""

    kind: str
    most: int
    longest: float
    shortest: float

    def length(self, size: int) -> float:
        """Pixels for a size."""
        share = max(size, 1) / self.most
        if self.kind == "linear":
            return max(self.longest * share, self.shortest)
        if self.kind == "square root":
            return max(self.longest * sqrt(share), self.shortest)
        # size 1 is the shortest and the most is the longest
        return self.shortest + (self.longest - self.shortest) * log(max(size, 1)) / log(self.most)

    def widens(self, size: int) -> bool:
        """Whether a size has more pixels than its share, because it has so few."""
        return self.kind != "logarithm" and self.length(size) == self.shortest


def fitting_scale(sizes: Iterable[int], longest: float, shortest: float) -> Scale:
    """The plainest scale on which all sizes above 1 are legible; a single one is as long as can be."""
    telling = {size for size in sizes if size > 1} or {1}
    most, least = max(telling), min(telling)
    # the smallest has longest * least / most pixels, multiplied out
    if longest * least >= shortest * most:
        return Scale("linear", most, longest, shortest)
    if longest * sqrt(least / most) >= shortest:
        return Scale("square root", most, longest, shortest)
    return Scale("logarithm", most, longest, shortest)
