"""Writes the statements of `forward`: one for each line, with names for the values that they hand on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from archlang.backends.torch_source.asides import Asides, Result
from archlang.backends.torch_source.flow import Applied
from archlang.backends.torch_source.steps import Segment
from archlang.backends.torch_source.stretches import Stretch, Stretches
from archlang.backends.torch_source.text import Code
from archlang.backends.torch_source.words import unique, variable_name
from archlang.ir.graph import Layer
from archlang.records import record

LETTERS = "xyz"
"""Names of values that only flow on."""

BATCH = "batch"
"""The variable that holds the size of the batch, where it must be told apart from a tensor."""

Write = Callable[[Sequence[str]], str]
"""Writes a step, given the texts of what it reads."""


@record
class Line:
    """A step with how it is written, maybe around others; with a condition where not every object has it."""

    applied: Applied
    write: Write
    shape: str
    condition: str

    @property
    def is_alone(self) -> bool:
        """Whether it has a condition of its own."""
        return bool(self.condition) and self.applied.stretch < 0


@record
class Own:
    """A tensor of the model's own, the same for all samples: how it is read, and its axes without the batch."""

    text: str
    axes: int

    def expanded(self, batch: str) -> str:
        """Once for each sample."""
        return f"{self.text}.expand({', '.join([batch, *['-1'] * self.axes])})"


class Statements:
    """Writes lines as statements. `own` are values that no line gives."""

    def __init__(self, code: Code, lines: Sequence[Line], own: dict[int, Own], results: Sequence[Result]) -> None:
        self.code = code
        self.lines = lines
        self.own = own
        self.results = tuple(result.value for result in results)
        self.given = results
        self.stretches = Stretches([line.applied for line in lines], self.results)
        reads = zip(lines, self.stretches.reads, strict=True)
        # what training alone reads later does not make a value worth a name of its own
        self.reads = Counter(v for line, values in reads if not line.applied.lead.training for v in values)

    def write(self, names: dict[int, str]) -> None:
        """Write all statements; `names` are those of the inputs."""
        self.inputs = set(names.values())
        self.asides = Asides([line.applied for line in self.lines], self.given, list(names.values()))
        self.last = dict(self.stretches.last)
        # results are read behind the last line, but for those that a list holds by then
        self.last |= {v: len(self.lines) for v in self.results if v not in self.asides.makers}
        # a class token alone does not know how many samples there are: the first input tells
        if any(self._lacks_batch(line) for line in self.lines) or set(self.own) & set(self.results):
            self.code.add(f"{BATCH} = {next(iter(names.values()), 'x')}.shape[0]")
        names |= {value: own.expanded(BATCH) for value, own in self.own.items()}
        for block in self.asides.blocks:
            if self.asides.is_for_training(block):
                self._in_training(block, names)
            elif self._block(block, names):
                return
        self._append_rest(names)
        self.code.add(f"return {self.asides.returned(names)}")

    def _block(self, block: range, names: dict[int, str]) -> bool:
        """Write lines; returns whether the last one is the end of the method."""
        first = block.start
        while first < block.stop:
            stretch = self.stretches.at(first)
            if stretch is None:
                if self._lines(range(first, first + 1), names):
                    return True
                first += 1
                continue
            # the last stretch returns from inside its `if`, and what flows around it is returned behind
            if self._stretch(stretch, names):
                return True
            first = stretch.steps.stop
        return False

    def _stretch(self, stretch: Stretch, names: dict[int, str]) -> bool:
        """Lines under one condition; returns whether the last one is the end of the method."""
        around = {value: names[other] for value, other in stretch.around.items()}
        outer, self.code = self.code, self.code.deeper()
        ended = self._lines(stretch.steps, names)
        inner, self.code = self.code, outer
        self.code.add(f"if {self.lines[stretch.steps.start].condition}:")
        self.code.take(inner)
        if ended:
            self.code.add(f"return {around[self.results[0]]}")
            return True
        # most often the lines inside write over the name of what flows around, and there is no `else`
        if changed := {names[value]: other for value, other in around.items() if names[value] != other}:
            self.code.add("else:")
            other = self.code.deeper()
            other.add(f"{', '.join(changed)} = {', '.join(changed.values())}")
            self.code.take(other)
        return False

    def _lines(self, block: range, names: dict[int, str]) -> bool:
        """Write lines one by one; returns whether the last one is the end of the method."""
        for index in block:
            line = self.lines[index]
            text = line.write(self._read(line, names))
            if index == len(self.lines) - 1 and self.results == line.applied.outputs and not self._is_loop(line):
                # what flows on instead is read here too, and so still has its name
                text = f"{text} if {line.condition} else {names[line.applied.otherwise]}" if line.is_alone else text
                self.code.add(f"return {text}", comment=line.shape)
                return True
            self._statement(line, index, text, names)
        return False

    # ---- what runs in training only

    def _in_training(self, block: range, names: dict[int, str]) -> None:
        """A block under its condition; what a later one reads of it is None elsewhere."""
        self._declare(self.asides.begun(block.start, block.stop))
        outer, self.code = self.code, self.code.deeper()
        self._block(block, names)
        inner, self.code = self.code, outer
        for value in self.asides.kept(block):
            self.code.add(f"{names[value]} = None")
        # asking for the value and not for `self.training` lets type checkers know that it is there
        taken = [f"{names[value]} is not None" for value in self.asides.taken(block)]
        self.code.add(f"if {' and '.join(taken) or 'self.training'}:")
        self.code.take(inner)

    def _declare(self, lists: Sequence[str]) -> None:
        for name in lists:
            self.code.add(f"{name}: list[Tensor] = []")

    def _append_rest(self, names: dict[int, str]) -> None:
        """Append what other lines made, and only training gives."""
        end = len(self.lines)
        if appended := self.asides.appended(end):
            self._declare(self.asides.begun(end, end + 1))
            self.code.add("if self.training:")
            inner = self.code.deeper()
            for name, value in appended:
                inner.add(f"{name}.append({names[value]})")
            self.code.take(inner)

    # ---- one line

    def _flowing(self, line: Line) -> list[int]:
        return [value for value in line.applied.inputs if value not in self.own]

    def _lacks_batch(self, line: Line) -> bool:
        """Whether a line reads tensors of the model's own and nothing else."""
        return bool(line.applied.inputs) and not self._flowing(line)

    def _read(self, line: Line, names: dict[int, str]) -> list[str]:
        """What a line reads; a tensor of the model's own is made as many as the samples, unless a sum does that."""
        # a sum broadcasts over the batch, but torch.cat wants equal sizes along all other axes
        flowing = self._flowing(line)
        batch = f"{names[flowing[0]]}.shape[0]" if flowing else BATCH
        return [
            names[value] if value not in self.own
            else self.own[value].text if flowing and line.applied.is_sum
            else self.own[value].expanded(batch)
            for value in line.applied.inputs
        ]  # fmt: skip

    def _is_loop(self, line: Line) -> bool:
        return isinstance(line.applied.node, Segment)

    def _statement(self, line: Line, index: int, text: str, names: dict[int, str]) -> None:
        applied = line.applied
        appended = self.asides.appended(index)
        # a value that nothing reads but its list needs no name
        if len(appended) == 1 and applied.outputs[0] not in self.last and not line.is_alone and not self._is_loop(line):
            self.code.add(f"{appended[0][0]}.append({text})", comment=line.shape)
            return
        # a name is free again from the line on that reads it last: `x = self.conv1(x)`
        live = {name for value, name in names.items() if self.last.get(value, -1) > index}
        live |= set(self.asides.lists.values())
        given = names[applied.inputs[0]] if applied.inputs else ""
        otherwise = names.get(applied.otherwise, "")
        for port, value in enumerate(applied.outputs):
            names[value] = self._name(line, index, value, live, port, names)
            live.add(names[value])
        target = ", ".join(names[value] for value in applied.outputs)
        if line.is_alone:
            self._conditional(line, target, text, otherwise)
        elif self._is_loop(line):
            self._loop(line, target, text, given)
        else:
            self.code.add(f"{target} = {text}", comment=line.shape)
        for name, value in appended:
            self.code.add(f"{name}.append({names[value]})")

    def _loop(self, line: Line, target: str, text: str, given: str) -> None:
        """A repeat that applies its parts one after the other."""
        if target != given:
            self.code.add(f"{target} = {given}")
        self.code.add(f"for layer in {text}:", comment=line.shape)
        inner = self.code.deeper()
        inner.add(f"{target} = layer({target})")
        self.code.take(inner)

    def _conditional(self, line: Line, target: str, text: str, otherwise: str) -> None:
        """A step that not every object has."""
        if target != otherwise:
            self.code.add(f"{target} = {text} if {line.condition} else {otherwise}", comment=line.shape)
            return
        self.code.add(f"if {line.condition}:")
        inner = self.code.deeper()
        inner.add(f"{target} = {text}", comment=line.shape)
        self.code.take(inner)

    def _name(self, line: Line, index: int, value: int, live: set[str], port: int, names: dict[int, str]) -> str:
        """`x` for what the next step alone reads; the part's own name, or a letter, for what is read later."""
        name = line.applied.name
        # given the name of what flows on instead, it needs no `else`
        if line.is_alone and (otherwise := names[line.applied.otherwise]) not in live:
            return otherwise
        around = self.stretches.around(value)
        if around is not None and names[around] in set(LETTERS) - live:
            return names[around]
        if port and isinstance(line.applied.node, Layer):
            # nn.MaxPool2d with return_indices gives the places beside the values
            return variable_name(f"{name}_indices" if name.isidentifier() else "indices", live.__contains__)
        behind = self.asides.behind(index)
        last = self.last.get(value, behind)
        summed = last < len(self.lines) and self.lines[last].applied.is_sum
        # a summand may wait under a letter: `y + x` is short, and both go at once
        waits = self.reads[value] > 1 or (last > behind and not summed and value != self.results[0])
        if line.applied.lead.training and last >= self._end(index):
            # `x: Tensor` is an argument; assigning None to it would change its type
            live = live | self.inputs  # it is declared as what may be None
        if (waits or value in self.results[1:]) and name.isidentifier():
            return variable_name(name, live.__contains__)
        return next((letter for letter in LETTERS if letter not in live), unique("y", live.__contains__))

    def _end(self, index: int) -> int:
        """Where the block of a line ends."""
        return next(block.stop for block in self.asides.blocks if index in block)
