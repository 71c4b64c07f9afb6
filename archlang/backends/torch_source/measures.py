"""How much text parts make, and how their names follow each other: what decides between loops and single lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain

from archlang.backends.torch_source.conditions import Conditions
from archlang.backends.torch_source.parts import Parts
from archlang.backends.torch_source.recursion import merged_recursions
from archlang.backends.torch_source.steps import Copies, Part, Segment, Step, Style, segments_of
from archlang.ir.graph import BodyId, Call, Layer, Model

SHORT_REPEAT = 6
"""A repeat that takes at most so many lines is written out."""

LONGEST_FORWARD = 40
"""A repeat of more lines is a loop in `forward` where that can be."""


class Measures(Parts):
    """The parts of a model with their measures, each taken once."""

    def __init__(
        self, model: Model, conditions: Conditions, separate: frozenset[str], used: frozenset[BodyId] | None = None
    ) -> None:
        used = frozenset(range(len(model.bodies))) if used is None else used
        super().__init__(model, separate, used, merged_recursions(model, conditions, separate, used), conditions)
        # per object, as in `Parts`: a cache on the class would keep every model alive
        self.size = cache(self._size)
        self.counted = cache(self._counted)
        self.children = cache(self._children)

    def labels(self, part: Part) -> Iterator[str]:
        """Labels of a scope."""
        for step in part.steps:
            if isinstance(step.node, Segment):
                for run in step.node.runs:
                    yield from self.labels(self.of(run))
            elif step.node.name and step.node.name.index is None:
                yield step.node.name.base

    def _counted(self, body_id: BodyId) -> Counter[str]:
        """Automatic names of each base in one copy of a body."""
        counted: Counter[str] = Counter()
        for step in self.part(body_id).steps:
            node = step.node
            if isinstance(node, Segment):
                for run in node.runs:
                    counted.update({base: n * run.count for base, n in self.counted(run.body).items()})
            elif node.name and node.name.index is not None:
                counted[node.name.base] += 1
        return counted

    def has_all_numbers(self, segment: Segment) -> bool:
        """Whether the automatic names of a repeat follow each other: no labelled part takes a number between them."""
        for run in segment.runs:
            taken = dict(self.model.bodies[run.body].names)
            # the body's own count has the numbers that labelled parts took, too
            if any(taken[base] != count for base, count in self.counted(run.body).items()):
                return False
            nested = (step.node for step in self.part(run.body).steps if isinstance(step.node, Segment))
            if not all(map(self.has_all_numbers, nested)):
                return False
        return True

    def _children(self, body_id: BodyId, whole: bool = False) -> int:
        """How many modules one copy of a plain body adds to the scope around it."""
        total = 0
        for step in self.of(Copies(body_id, 1, whole)).steps:
            if isinstance(step.node, Segment):
                total += self.segment_children(step.node)
            else:
                total += step.node.name is not None
        return total

    def segment_children(self, segment: Segment) -> int:
        """How many modules a segment adds to the scope around it."""
        return sum(self.children(run.body, run.whole) * run.count for run in segment.runs)

    def is_short(self, segments: Sequence[Segment], longest: float) -> bool:
        """Whether a repeat is written out: few lines, and as many copies in each body."""
        counts = {segment.count for segment in segments}
        # what is there once in every body is no repeat, however long it is
        return counts == {1} or (len(counts) == 1 and max(map(self.run_size, segments)) <= longest)

    def is_applied_by_name(self, segments: Sequence[Segment], style: Style) -> bool:
        """Whether `forward` applies the layers of a repeat one by one: it is short, or no plain chain of children."""
        if self.is_short(segments, LONGEST_FORWARD):
            return True
        # in the constructor's loop a counter names the children, and a counter leaves out no number
        if style == "attributes" and not all(map(self.has_all_numbers, segments)):
            return True
        return not all(self.is_plain(run.body) and not run.whole for segment in segments for run in segment.runs)

    def rows(self, steps: Sequence[Step | None]) -> Iterator[tuple[BodyId, list[Part | None]]]:
        """Copies written out: the first of each segment with the body of one of them, the second of each, ..."""
        places = [place for place, step in enumerate(steps) if step is not None]
        expanded = (chain.from_iterable([run] * run.count for run in one.runs) for one in segments_of(steps))
        for runs in zip(*expanded, strict=True):
            parts: list[Part | None] = [None] * len(steps)
            for place, run in zip(places, runs, strict=True):
                parts[place] = self.of(run)
            yield runs[0].body, parts

    def _size(self, body_id: BodyId) -> int:
        """How many lines one copy of a body takes, with all its repeats written out."""
        total = 0
        for step in self.part(body_id).steps:
            node = step.node
            match node:
                case Layer():
                    total += node.name is not None
                case Call():
                    total += 2 if self.model.bodies[node.body].definition else 1 + self.size(node.body)
                case Segment():
                    total += self.run_size(node)
        return total

    def run_size(self, segment: Segment) -> int:
        """How many lines a segment takes, written out."""
        return sum(self.size(run.body) * run.count for run in segment.runs)
