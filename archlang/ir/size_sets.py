"""Sets of sizes, exact: a modulus, and in each of its residue classes intervals. Imports nothing of the project.

`H = 188 + 16k` is the class 12 of 16 from 188 on. Whatever rules about windows, strides and joins say of one size is
such a set, and so are intersections and differences of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from math import lcm

from archlang.records import record

LARGEST_LETTER = 1_000_000
"""Sizes from 1 to this are looked at; a set that reaches it is taken to go on for ever."""

Interval = tuple[int, int]
"""The first and the last of sizes in one residue class, each a modulus behind the one before."""

Progression = tuple[int, int, int]
"""Sizes with equal steps: the first, the step, the last."""


@record(eq=False)
class SizeSet:
    """Sizes: for each residue of `modulus`, from 0 on, the intervals of those that have it."""

    modulus: int
    classes: tuple[tuple[Interval, ...], ...]

    @staticmethod
    def of(first: int = 1, last: int = LARGEST_LETTER) -> SizeSet:
        """All sizes from `first` to `last`."""
        return SizeSet(1, (((first, last),) if first <= last else (),))

    def refined(self, modulus: int) -> SizeSet:
        """The same set by the classes of a multiple of its modulus."""
        if modulus == self.modulus:
            return self
        classes = (_thinned(self.classes[r % self.modulus], r, modulus) for r in range(modulus))
        return SizeSet(modulus, tuple(classes))

    @cached_property
    def intervals(self) -> tuple[tuple[int, Interval], ...]:
        """All intervals, each with the residue of its class."""
        return tuple((r, interval) for r, intervals in enumerate(self.classes) for interval in intervals)

    @cached_property
    def count(self) -> int:
        """How many sizes."""
        return sum((last - first) // self.modulus + 1 for _, (first, last) in self.intervals)

    @cached_property
    def first(self) -> int:
        """The smallest size."""
        return min(first for _, (first, _) in self.intervals)

    @cached_property
    def last(self) -> int:
        """The largest size."""
        return max(last for _, (_, last) in self.intervals)

    @property
    def is_endless(self) -> bool:
        """Whether it has no upper bound."""
        return bool(self) and self.last > LARGEST_LETTER - self.modulus

    def below(self, size: int) -> int | None:
        """The largest size up to `size`."""
        found = (min(last, size - (size - r) % self.modulus) for r, (first, last) in self.intervals if first <= size)
        return max(found, default=None)

    def above(self, size: int) -> int | None:
        """The smallest size from `size` on."""
        found = (max(first, size + (r - size) % self.modulus) for r, (first, last) in self.intervals if last >= size)
        return min(found, default=None)

    def nearest(self, size: int) -> int | None:
        """The size nearest to `size`, the smaller one of two."""
        near = [n for n in (self.below(size), self.above(size)) if n is not None]
        return min(near, key=lambda n: abs(n - size), default=None)

    def __contains__(self, size: int) -> bool:
        # the residue of the size chooses the class, so within an interval every step fits.
        return any(first <= size <= last for first, last in self.classes[size % self.modulus])

    def __bool__(self) -> bool:
        return any(self.classes)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(n for _, (first, last) in self.intervals for n in range(first, last + 1, self.modulus)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SizeSet) and not self - other and not other - self

    # equal sets may have different moduli and classes, so no hash of the fields would do.
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __and__(self, other: SizeSet) -> SizeSet:
        return self - (self - other)

    def __sub__(self, other: SizeSet) -> SizeSet:
        modulus = lcm(self.modulus, other.modulus)
        pairs = zip(self.refined(modulus).classes, other.refined(modulus).classes, strict=True)
        return SizeSet(modulus, tuple(_difference(mine, theirs, modulus) for mine, theirs in pairs))

    def __or__(self, other: SizeSet) -> SizeSet:
        modulus = lcm(self.modulus, other.modulus)
        pairs = zip(self.refined(modulus).classes, other.refined(modulus).classes, strict=True)
        return SizeSet(modulus, tuple(_union((*mine, *theirs), modulus) for mine, theirs in pairs))

    # ---- as people write it

    @cached_property
    def tail(self) -> tuple[int, tuple[int, ...], int]:
        """What it is in the long run: (modulus, residues, from where on it is just that); the modulus is minimal.

        A set with an end has no residues, and the size behind its end.
        """
        # an endless class has its last member within one step of the limit, seldom on it.
        top = LARGEST_LETTER - self.modulus
        residues = tuple(r for r, intervals in enumerate(self.classes) if intervals and intervals[-1][1] > top)
        modulus, reduced = _shortest_period(self.modulus, residues)
        start = 1
        for r, intervals in enumerate(self.classes):
            start = max(start, _settled(intervals, r in residues, self.modulus))
        # the pattern may hold further down by chance: the part before it is as short as can be.
        while start > 1 and ((start - 1) % modulus in reduced) == (start - 1 in self):
            start -= 1
        return modulus, reduced, start

    @property
    def head(self) -> tuple[Progression, ...]:
        """What stands before the regular part: runs of sizes with equal steps."""
        return runs_of(self & SizeSet.of(1, self.tail[2] - 1))

    @property
    def progressions(self) -> tuple[tuple[int, int, int | None], ...]:
        """The set as (first, step, last) of arithmetic progressions; those without an end have None for the last."""
        modulus, residues, start = self.tail
        endless = sorted(start + (r - start) % modulus for r in residues)
        return (*self.head, *((first, modulus, None) for first in endless))


def runs_of(sizes: Iterable[int]) -> tuple[Progression, ...]:
    """Ascending sizes as runs with equal steps."""
    runs: list[Progression] = []
    for size in sizes:
        # a step of 0 is that of a lone size, which any next one can follow.
        if runs and runs[-1][1] in (0, size - runs[-1][2]):
            runs[-1] = (runs[-1][0], size - runs[-1][2], size)
        else:
            runs.append((size, 0, size))
    return tuple(run for found in runs for run in _plain(found))


def _thinned(intervals: Iterable[Interval], residue: int, modulus: int) -> tuple[Interval, ...]:
    """The members of intervals that have a residue of a multiple of their modulus."""
    # the first and the last member that have the residue; none if they cross.
    ends = ((a + (residue - a) % modulus, b - (b - residue) % modulus) for a, b in intervals)
    return tuple((a, b) for a, b in ends if a <= b)


def _difference(mine: tuple[Interval, ...], theirs: tuple[Interval, ...], step: int) -> tuple[Interval, ...]:
    # one pass over both, in ascending order: sets of single sizes, such as divisors, have many intervals.
    left, cuts, passed = list[Interval](), sorted(theirs), 0
    for start, last in sorted(mine):
        while passed < len(cuts) and cuts[passed][1] < start:
            passed += 1
        for a, b in map(cuts.__getitem__, range(passed, len(cuts))):
            if a > last:
                break
            # what is cut out leaves a piece before, and goes on a step behind.
            if start < a:
                left.append((start, a - step))
            start = max(start, b + step)
        if start <= last:
            left.append((start, last))
    return tuple(left)


def _union(intervals: Iterable[Interval], step: int) -> tuple[Interval, ...]:
    joined: list[Interval] = []
    for a, b in sorted(intervals):
        # neighbours in a class are a step apart: the next one continues the interval.
        if joined and a <= joined[-1][1] + step:
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
        else:
            joined.append((a, b))
    return tuple(joined)


def _shortest_period(modulus: int, residues: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The same residue classes by the smallest modulus that has them."""
    known = set(residues)
    for period in (d for d in range(1, modulus) if modulus % d == 0):
        # residues that a shift by the period maps to themselves.
        if all(((r + period) % modulus) in known for r in residues):
            return period, tuple(r for r in range(period) if r in known)
    return modulus, residues


def _settled(intervals: tuple[Interval, ...], endless: bool, modulus: int) -> int:
    """From where on a class is as it stays: all in, or all out."""
    if endless:
        # the last interval goes on for ever; before it, the class was out for one step.
        return intervals[-1][0] - modulus + 1
    return intervals[-1][1] + 1 if intervals else 1


def _plain(run: Progression) -> tuple[Progression, ...]:
    """A single size with step 1; two sizes far apart as two."""
    first, step, last = run
    if step > 1 and last - first == step:
        return (first, 1, first), (last, 1, last)
    return ((first, step or 1, last),)
