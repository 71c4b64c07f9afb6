"""What `forward` does in training only: blocks under a condition, where they stand, that append their results to lists.

Results of a run of places share one list, in the order in which they come: `return (x, *aux) if aux else x`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from archlang.backends.torch_source.flow import Applied
from archlang.backends.torch_source.words import unique
from archlang.records import record

LIST = "aux"
"""What the list of results in training is called."""


@record
class Result:
    """What `forward` gives at one place: a value, maybe in training only."""

    value: int
    in_training: bool


class Asides:
    """Which steps and results are for training only. `names` are those of the inputs, which no list may take."""

    def __init__(self, steps: Sequence[Applied], results: Sequence[Result], names: Sequence[str]) -> None:
        self.steps = steps
        self.results = results
        self.makers = {value: index for index, one in enumerate(steps) for value in one.outputs if one.lead.training}
        self.lists = self._lists(set(names))
        self.blocks = list(self._blocks())

    def place(self, value: int) -> int:
        """Behind which step a result in training is appended: the one that makes it, or the last one."""
        return self.makers.get(value, len(self.steps))

    def appended(self, place: int) -> list[tuple[str, int]]:
        """What is appended behind a step, in its order: lists and values."""
        return [
            (self.lists[number], result.value)
            for number, result in enumerate(self.results)
            if result.in_training and self.place(result.value) == place
        ]

    def begun(self, first: int, last: int) -> list[str]:
        """The lists that get their first value behind one of these steps."""
        before = {name for place in range(first) for name, _ in self.appended(place)}
        found = (name for place in range(first, last) for name, _ in self.appended(place))
        return [name for name in dict.fromkeys(found) if name not in before]

    def _lists(self, taken: set[str]) -> dict[int, str]:
        """The list of each result in training, by its place among the results."""
        lists: dict[int, str] = {}
        for number, result in enumerate(self.results):
            if not result.in_training:
                continue
            before = self.results[number - 1]
            # one list is filled in the order of the lines; results in another order would change places in it
            follows = number - 1 in lists and self.place(before.value) <= self.place(result.value)
            lists[number] = lists[number - 1] if follows else unique(LIST, {*taken, *lists.values()}.__contains__)
        return lists

    def _blocks(self) -> Iterator[range]:
        """Stretches of steps that run together: all of them always, or all of them in training only."""
        for _, steps in groupby(range(len(self.steps)), lambda index: self.steps[index].lead.training):
            stretch = list(steps)
            yield range(stretch[0], stretch[-1] + 1)

    def is_for_training(self, block: range) -> bool:
        """Whether a block runs in training only."""
        return self.steps[block.start].lead.training

    def kept(self, block: range) -> list[int]:
        """Values that a later block for training reads of this one."""
        made = [value for index in block for value in self.steps[index].outputs if value in self.makers]
        later = {value for one in self.steps[block.stop :] for value in one.reads}
        return [value for value in made if value in later]

    def taken(self, block: range) -> list[int]:
        """Values of earlier blocks for training that this one reads."""
        reads = dict.fromkeys(value for index in block for value in self.steps[index].reads)
        return [value for value in reads if self.makers.get(value, block.start) < block.start]

    def behind(self, index: int) -> int:
        """The next step that runs whenever this one does."""
        if self.steps[index].lead.training:
            return index + 1
        following = (n for n in range(index + 1, len(self.steps)) if not self.steps[n].lead.training)
        # between the two may stand what only training runs
        return next(following, len(self.steps))

    def returned(self, names: Mapping[int, str]) -> str:
        """What `forward` returns: a tensor alone, or several, those for training from their lists."""
        texts: list[str] = []
        for number, result in enumerate(self.results):
            if not result.in_training:
                texts.append(names[result.value])
            elif self.lists[number] != self.lists.get(number - 1):
                texts.append(f"*{self.lists[number]}")
        always = [text for text in texts if text[0] != "*"]
        if len(always) == 1 < len(texts):
            # torchvision's GoogLeNet gives a lone tensor in evaluation, too
            return f"({', '.join(texts)}) if {texts[1].removeprefix('*')} else {always[0]}"
        return ", ".join(texts)
