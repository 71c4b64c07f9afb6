"""Letters, which stand for sizes left free: what is known of each in one elaboration, and how it is decided on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from math import lcm

from archlang.ir.size_sets import Interval, SizeSet

Part = Callable[[int, int, Interval, int], Interval | None]
"""Where in an interval of sizes with a given step slope*H + offset satisfies a condition."""


MOST_EFFORT = 12_000_000
"""Values of residue classes that all runs of one model may work out: some seconds. DenseNet201 takes 600,000."""


MOST_RUNS = 2_000
"""Ways that one model may go, each of which is an elaboration."""


class Letters:
    """What is known of each letter in one elaboration: the sizes for which everything so far goes the same way.

    `left` receives what was split off: for each letter its sizes, to be elaborated anew. A closed one splits no more:
    a comparison then says whether it holds for all of them. `effort` is what arithmetic with them has cost so far, in
    values of residue classes; there is an error where it is above `most_effort`.
    """

    def __init__(
        self,
        domains: Mapping[str, SizeSet],
        left: list[dict[str, SizeSet]],
        effort: int = 0,
        most_effort: int = MOST_EFFORT,
    ) -> None:
        self.domains = dict(domains)
        self.left = left
        self.closed = False
        self.effort = effort
        self.most_effort = most_effort

    def holds(self, letter: str, slope: int, offsets: tuple[int, ...], part: Part) -> bool:
        """Whether a condition on slope*H + offsets[H % their number] holds.

        Where it does so for some sizes only, go on with the larger share.
        """
        every, sizes = self._where(letter, slope, offsets, part)
        # closed: `every` is the answer for all sizes in question, and some are not enough.
        if every or not sizes or self.closed:
            return every
        return self._split(letter, sizes)

    def set_apart(self, letter: str, slope: int, offsets: Sequence[tuple[int, ...]]) -> None:
        """Leave the sizes where slope*H + offsets[H % their number] is zero for a run of their own, for each of several
        offsets; go on with those where none is, or with the last part if there are no such."""
        parts = [sizes for one in offsets if (sizes := self._where(letter, slope, one, where_zero)[1])]
        if not parts:
            return
        # all at once: one by one each would be taken out of what those before it left in pieces.
        classes = zip(*(sizes.classes for sizes in parts), strict=True)
        together = SizeSet(parts[0].modulus, tuple(tuple(chain(*intervals)) for intervals in classes))
        rest = self.domains[letter] - together
        first = rest or parts.pop()
        self.left.extend({**self.domains, letter: sizes} for sizes in parts)
        self.domains[letter] = first

    def _where(self, letter: str, slope: int, offsets: tuple[int, ...], part: Part) -> tuple[bool, SizeSet]:
        """Whether a condition holds for all sizes in question, and for which."""
        domain = self.domains[letter]
        # within a class of this modulus, H % len(offsets) is one number and the condition linear.
        modulus = lcm(domain.modulus, len(offsets))
        classes: list[tuple[Interval, ...]] = [()] * modulus
        every = True
        for r, interval in domain.refined(modulus).intervals:
            found = part(slope, offsets[r % len(offsets)], interval, modulus)
            every = every and found == interval
            classes[r] += (found,) if found else ()
        return every, SizeSet(modulus, tuple(classes))

    @contextmanager
    def restricted(self, domains: Mapping[str, SizeSet]) -> Generator[None, None, None]:
        """Show formulas as they are for other sizes, for a while."""
        outer, self.domains = self.domains, dict(domains)
        try:
            yield
        finally:
            self.domains = outer

    def _split(self, letter: str, yes: SizeSet) -> bool:
        no = self.domains[letter] - yes
        # the larger share keeps most of what was worked out; the rest is elaborated from the start.
        chosen = yes.count >= no.count
        self.left.append({**self.domains, letter: no if chosen else yes})
        self.domains[letter] = yes if chosen else no
        return chosen


def where_negative(slope: int, offset: int, interval: Interval, step: int) -> Interval | None:
    """The sizes of an interval with slope*H + offset below zero."""
    first, last = interval
    if slope == 0:
        return interval if offset < 0 else None
    if slope > 0:
        bound = min(last, (-offset - 1) // slope)
        # members lie `step` apart from `first` on: the last one up to the bound.
        last = bound - (bound - first) % step
    else:
        # a falling line is below zero from (offset + 1)/-slope on, rounded up.
        bound = max(first, -(-(offset + 1) // -slope))
        first = bound + (last - bound) % step
    return (first, last) if first <= last else None


def where_zero(slope: int, offset: int, interval: Interval, step: int) -> Interval | None:
    """The sizes of an interval with slope*H + offset zero."""
    first, last = interval
    if slope == 0:
        return interval if offset == 0 else None
    # one size at most, and it must be whole and a member.
    size, rest = divmod(-offset, slope)
    return (size, size) if rest == 0 and first <= size <= last and (size - first) % step == 0 else None
