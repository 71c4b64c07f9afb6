"""Steps of `forward` that only some objects have, several in a row under one condition: what flows around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archlang.backends.torch_source.flow import Applied
from archlang.records import record


@record
class Stretch:
    """Steps under one condition. `around` says for each value that is read behind them what stands for it elsewhere."""

    steps: range
    around: dict[int, int]


class Stretches:
    """The stretches of a method, and where each value is read: `reads` of a step, and the `last` step that does.

    What flows around a stretch is read where it begins.
    """

    def __init__(self, steps: Sequence[Applied], results: Sequence[int]) -> None:
        self.steps = steps
        # a step alone reads what stands for it elsewhere itself: `x = self.a(x) if self.a is not None else x`
        self.reads = [set(one.inputs if one.stretch >= 0 else one.reads) for one in steps]
        self.found: dict[int, Stretch] = {}
        # from the end, as what flows around a later stretch is read there, behind the earlier ones
        for together in reversed(list(_together(steps))):
            behind = {value for reads in self.reads[together.stop :] for value in reads}.union(results)
            leaving = [value for index in together for value in steps[index].outputs if value in behind]
            around = {value: self._around(value, together) for value in leaving}
            self.found[together.start] = Stretch(together, around)
            self.reads[together.start] |= set(around.values())
        self.last = {value: index for index, reads in enumerate(self.reads) for value in reads}

    def at(self, index: int) -> Stretch | None:
        """The stretch that begins with a step."""
        return self.found.get(index)

    def around(self, value: int) -> int | None:
        """What stands for a value where the steps that make it are not there, if it is read behind these."""
        return next((one.around[value] for one in self.found.values() if value in one.around), None)

    def _around(self, value: int, together: range) -> int:
        """What flows on where none of these steps is there."""
        otherwise = {made: one.otherwise for one in (self.steps[i] for i in together) for made in one.outputs}
        # what stands for a step may be left out under the same condition: on to what is made outside
        while value in otherwise:
            value = otherwise[value]
        return value


def _together(steps: Sequence[Applied]) -> Iterator[range]:
    """The steps of each stretch."""
    begin = 0
    for index in range(1, len(steps) + 1):
        if index == len(steps) or steps[index].stretch != steps[begin].stretch:
            if steps[begin].stretch >= 0:
                yield range(begin, index)
            begin = index
