"""Receptive fields as functions of the position: their arithmetic, and those of single layers.

What position p of a map sees along an axis of an input mostly runs in step with p: from p*S - P to p*S - P + F - 1
behind a convolution, with a period behind an upsampling. Such a course is put together from those of the layers by
arithmetic; `charts.py` does so for models. Where there is none (reshapes, adaptive bins, branches that run at different
speeds), `receptive.py` follows positions one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import gcd, lcm
from typing import Literal

from archlang.ir.ops.base import Field, Op, Shape
from archlang.records import record

MOST_PERIOD = 256
"""Positions after which a course repeats, at most: 2**5 behind the five upsamplings of a deconvolution network."""

FAR = 2**10 * 3**5 * 5**2 * 7
"""A distance that upsamplings divide."""

PROBES = (0, 1, 2, 3, 4, 5, 7, 8, 15, 64, FAR)
"""Positions at which a layer is asked what it reads."""


@record
class Line:
    """What position p along `axis` sees: from `first[p % T] + step*(p // T)` to `last[p % T] + step*(p // T)`, where T
    is how many there are of each. Neither ever falls. `whole` says that all positions together see everything; a crop's
    do not."""

    axis: int
    step: int
    first: tuple[int, ...]
    last: tuple[int, ...]
    whole: bool = True

    @property
    def period(self) -> int:
        """After how many positions the same pattern starts, `step` further on."""
        return len(self.first)

    def at(self, first: int, last: int) -> tuple[int, int]:
        """What the positions from `first` to `last` see."""
        # neither end ever falls, so the first position's first and the last one's last bound all between.
        there, beyond = divmod(first, self.period), divmod(last, self.period)
        return self.first[there[1]] + self.step * there[0], self.last[beyond[1]] + self.step * beyond[0]


Unknown = Literal["odd", "lost"]
Course = Line | Literal["all"] | Unknown
"""`all` sees everything along an axis. Of `odd` nothing is known but that all positions together see everything, of
`lost` not even that."""

Courses = tuple[Course, ...]
"""One for each axis of an input."""

Sights = Mapping[int, Courses]
"""By the number of an input."""


def identity(rank: int) -> Courses:
    """Each position sees itself."""
    return tuple(Line(axis, 1, (0,), (0,)) for axis in range(rank))


# ---- arithmetic of courses -------------------------------------------------------------------------


def _is_whole(course: Course) -> bool:
    """Whether all positions together see everything."""
    return course.whole if isinstance(course, Line) else course != "lost"


def _unknown(*courses: Course) -> Unknown:
    return "odd" if all(map(_is_whole, courses)) else "lost"


def behind(outer: Courses, inner: Courses) -> Courses:
    """What is seen through two maps: `outer` of a middle one, which sees `inner`."""
    return tuple(_behind(outer, course) for course in inner)


def _behind(outer: Courses, inner: Course) -> Course:
    if isinstance(inner, Line):
        return _chained(outer[inner.axis], inner)
    # seen wholly through whatever it is, if the outer part takes all positions; else nothing can be told.
    if inner == "odd":
        return "all" if all(course == "all" for course in outer) else _unknown(*outer)
    return inner


def _chained(outer: Course, inner: Line) -> Course:
    if not isinstance(outer, Line):
        return outer if inner.whole else "lost"
    # the pattern comes back when the outer course has moved by whole periods of the inner one.
    rounds = inner.period // gcd(outer.step, inner.period)
    period = outer.period * rounds
    if period > MOST_PERIOD:
        return _unknown(outer, inner)
    # positions one by one over one period: pooling by 2 behind upsampling by 4 has period 2.
    reaches = [inner.at(*outer.at(p, p)) for p in range(period)]
    step = inner.step * (outer.step * rounds // inner.period)
    return _line(outer.axis, step, reaches, outer.whole and inner.whole)


def _line(axis: int, step: int, reaches: Sequence[tuple[int, int]], whole: bool) -> Line:
    """A course by one period of it, as short as it can be."""
    period = len(reaches)
    for short in (n for n in range(1, period) if period % n == 0 and step * n % period == 0):
        # a shorter period must also move on by its share of the step: (0, 1, 2, 3) in steps of 4 is just p.
        moved = step * short // period
        later = zip(reaches, reaches[short:], strict=False)
        if all((b[0] - a[0], b[1] - a[1]) == (moved, moved) for a, b in later):
            return _line(axis, moved, reaches[:short], whole)
    return Line(axis, step, tuple(first for first, _ in reaches), tuple(last for _, last in reaches), whole)


def _hull(one: Courses | None, other: Courses) -> Courses:
    """What either sees."""
    if one is None or one == other:
        return other
    return tuple(_either(*pair) for pair in zip(one, other, strict=True))


def _either(one: Course, other: Course) -> Course:
    if "all" in (one, other):
        return "all"
    if not (isinstance(one, Line) and isinstance(other, Line)):
        return _unknown(one, other)
    period = lcm(one.period, other.period)
    # branches at different speeds drift apart: their hull is not in step with the position, though each is.
    if one.axis != other.axis or one.step * other.period != other.step * one.period or period > MOST_PERIOD:
        return _unknown(one, other)
    pairs = [(one.at(p, p), other.at(p, p)) for p in range(period)]
    reaches = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs]
    return _line(one.axis, one.step * period // one.period, reaches, one.whole and other.whole)


def through(seen: Sights, middle: Mapping[int, Sights]) -> Sights:
    """What is seen behind a middle, of whose values `seen` says what is seen of each."""
    found: dict[int, Courses] = {}
    for port, outer in seen.items():
        for source, inner in middle[port].items():
            found[source] = _hull(found.get(source), behind(outer, inner))
    return found


# ---- layers ----------------------------------------------------------------------------------------


def of_layer(op: Op, inputs: tuple[Shape, ...], output: Shape) -> tuple[Courses, ...]:
    """How a layer reads each of its inputs, found by asking what it reads for some positions."""
    if type(op).reads is Op.reads and all(shape == output for shape in inputs):
        return (identity(len(output)),) * len(inputs)
    # `reads` is code, perhaps of another package: its course is read off answers and then tried on others.
    rank = len(output)

    def ask(field: Field) -> tuple[Field, ...]:
        """What the layer reads of each input for a field of its output."""
        return op.reads(field, inputs, output)

    answers = _Answers(
        {p: ask(((p, p),) * rank) for p in PROBES},
        [ask(tuple((FAR, FAR) if axis == other else (0, 0) for other in range(rank))) for axis in range(rank)],
        ask((_BETWEEN,) * rank),
        ask((None,) * rank),
        lambda position: ask(((position, position),) * rank),
    )
    return tuple(tuple(answers.course(port, axis) for axis in range(len(shape))) for port, shape in enumerate(inputs))


_BETWEEN = -5, 9
"""A stretch of positions that a layer is asked for."""


@record
class _Answers:
    """What a layer reads: of each input, along each axis."""

    at: Mapping[int, tuple[Field, ...]]
    alone: Sequence[tuple[Field, ...]]
    between: tuple[Field, ...]
    everything: tuple[Field, ...]
    ask: Callable[[int], tuple[Field, ...]]

    def course(self, port: int, axis: int) -> Course:
        """The course along one axis of an input."""
        whole = self.everything[port][axis] is None
        reaches = {p: fields[port][axis] for p, fields in self.at.items()}
        # output axes that move what is read here: with two of them (a reshape) there is no course.
        drivers = [i for i, fields in enumerate(self.alone) if fields[port][axis] != reaches[0]]
        # where everything is read from any position, `whole` tells a map apart from a crop's part.
        if not drivers and all(reach is None for reach in (*reaches.values(), self.between[port][axis])):
            return "all" if whole else "lost"
        known = {p: reach for p, reach in reaches.items() if reach is not None}
        found = None
        if len(drivers) == 1 and len(known) == len(reaches):
            # positions 0 and 1 propose a straight course; all the others must agree with it.
            line = Line(drivers[0], known[1][0] - known[0][0], known[0][:1], known[0][1:], whole)
            found = line if _holds(line, known) else self._periodic(line, port, axis, known)
        return found if found and self._fits(found, port, axis) else "odd" if whole else "lost"

    def _periodic(self, line: Line, port: int, axis: int, known: Mapping[int, tuple[int, int]]) -> Line | None:
        """The course with the shortest period that all of what is read agrees with."""
        # two full periods of the longest one that is tried: fewer could agree by chance.
        near = [reach for p in range(2 * MOST_PERIOD) if (reach := self.ask(p)[port][axis]) is not None]
        for period in range(2, MOST_PERIOD + 1 if len(near) == 2 * MOST_PERIOD else 0):
            first, last = (tuple(reach[end] for reach in near[:period]) for end in (0, 1))
            longer = Line(line.axis, near[period][0] - near[0][0], first, last, line.whole)
            if _holds(longer, dict(enumerate(near))) and _holds(longer, known):
                return longer
        return None

    def _fits(self, line: Line, port: int, axis: int) -> bool:
        """Whether a course also tells what a stretch reads, and what is read where only its own axis is far on."""
        far = self.alone[line.axis][port][axis]
        # a stretch must read what its ends do, and the other axes must not matter however far on they are.
        return self.between[port][axis] == line.at(*_BETWEEN) and far == line.at(FAR, FAR)


def _holds(line: Line, known: Mapping[int, tuple[int, int]]) -> bool:
    """Whether a course never falls and agrees with what is known."""
    ends = ((*line.first, line.first[0] + line.step), (*line.last, line.last[0] + line.step))
    # `at` relies on it: what falls (a flip) has its ends the other way round.
    rises = all(a <= b for values in ends for a, b in pairwise(values))
    return rises and all(line.at(p, p) == reach for p, reach in known.items())
