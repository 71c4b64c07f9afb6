"""What differs between two models, part by part: their trees of rows aligned. Lays nothing out.

Parts with the same label belong together; the others are aligned as sequences, first those that are alike, then in the
gaps between them those of the same kind that have most in common. Groups and blocks that match nothing are opened where
the other model has the same layers in other groups. Only what was written is compared: a million copies are one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any, Literal, cast

from archlang.errors.words import size_text, value_text
from archlang.ir.fingerprint import fingerprint
from archlang.ir.graph import Layer, Model
from archlang.ir.ops.base import Op
from archlang.ir.walk import Totals
from archlang.records import record
from archlang.report.rows import Row, table_rows
from archlang.report.text import shapes_text

MOST_COMPARED = 2_000_000
"""Pairs of rows that are looked at in one gap; what longer lists have in common is found at their ends alone."""

MOST_WEIGHED = 10_000
"""Pairs of rows whose likeness is worked out in one gap."""

LEAST_LIKENESS = 0.5
"""Groups that have less in common are not one and the same."""

LEAST_PAIRED = 0.8
"""Of the layers that are in both of two lists, how many must be in groups that belong together."""

Mark = Literal["=", "~", "-", "+"]


@record
class Change:
    """A row of the old model, of the new, or of both: `=` alike, `~` changed, `-` and `+` in one alone.

    `notes` say what changed in the row itself, `children` are aligned in the same way; of a part that is in one model
    alone there are none.
    """

    mark: Mark
    old: Row | None
    new: Row | None
    notes: tuple[str, ...] = ()
    children: tuple[Change, ...] = ()


@record
class Comparison:
    """Two models with their aligned rows."""

    old: Model
    new: Model
    changes: tuple[Change, ...]
    fingerprints: tuple[str, str]

    @property
    def same(self) -> bool:
        """Whether they compute and learn the same, whatever their names and layout."""
        return self.fingerprints[0] == self.fingerprints[1]

    @property
    def renamed(self) -> tuple[tuple[str, str], ...]:
        """Parts that go by another name in the new model."""
        return tuple((old.path, new.path) for old, new in _pairs(self.changes) if old.path != new.path)


def compare(old: Model, new: Model) -> Comparison:
    """Align two models, at the sizes of an example where they leave sizes free."""
    old, new = old.with_numbers, new.with_numbers
    prints = fingerprint(old), fingerprint(new)
    rows = table_rows(old), table_rows(new)
    # Of several alignments that are as good, the order decides which is found. Hence always the same order: what
    # differs is the same either way round.
    if repr((old.inputs, old.bodies)) <= repr((new.inputs, new.bodies)):
        paired = _Alignment().align(*rows)
    else:
        paired = tuple(_mirrored(change) for change in _Alignment().align(*reversed(rows)))
    names = _Names(paired)
    return Comparison(old, new, tuple(_settled(change, names) for change in paired), prints)


MIRRORED: dict[Mark, Mark] = {"=": "=", "~": "~", "-": "+", "+": "-"}


def _mirrored(change: Change) -> Change:
    children = tuple(_mirrored(child) for child in change.children)
    return Change(MIRRORED[change.mark], change.new, change.old, change.notes, children)


def _pairs(changes: Sequence[Change]) -> Iterator[tuple[Row, Row]]:
    """All rows that belong together."""
    for change in changes:
        if change.old and change.new:
            yield change.old, change.new
        yield from _pairs(change.children)


def _last(row: Row) -> str:
    """The name by which others read what flows out of a row: of copies in a row the last one's."""
    return row.path.rpartition(" .. ")[2]


# ---- what belongs together


class _Alignment:
    """Pairs rows. What a row holds is worked out once and goes by a number."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.known: dict[int, int] = {}
        self.layers: dict[int, tuple[Counter[int], Counter[type]]] = {}

    def align(self, old: Sequence[Row], new: Sequence[Row]) -> tuple[Change, ...]:
        """The rows of two lists in pairs, those of one alone between them."""
        # labels first: what an author calls the same is the same part, however much of it changed
        return tuple(self._aligned(old, new, (self._label_or_content, self.content, self._copied)))

    def _aligned(
        self, old: Sequence[Row], new: Sequence[Row], keys: Sequence[Callable[[Row], Any]]
    ) -> Iterator[Change]:
        """Pair rows whose keys are equal, in order; what lies between by the keys that are left."""
        if not (old and new):
            yield from _alone(old, new)
            return
        if not keys:
            yield from self._alike(old, new)
            return
        key, *others = keys
        if key == self._copied:
            old, new = self._grouped(old, new), self._grouped(new, old)
        i = j = 0
        for start, there, size in _blocks([key(row) for row in old], [key(row) for row in new]):
            yield from self._aligned(old[i:start], new[j:there], others)
            yield from map(self._pair, old[start : start + size], new[there : there + size])
            i, j = start + size, there + size

    def _pair(self, old: Row, new: Row) -> Change:
        return Change("=", old, new, (), self.align(old.children, new.children))

    def _alike(self, old: Sequence[Row], new: Sequence[Row]) -> Iterator[Change]:
        """Pair rows of which none are equal, in order, so that they have most in common. Groups are opened where pairs
        of them leave out much of what both lists hold."""
        pairs = _best_pairs(old, new, self._likeness)
        paired = sum(self._shared([old[i]], [new[j]]) for i, j in pairs)
        # the same layers laid out in other groups: compared without the groups, few of them are new
        inner = _without_groups(old), _without_groups(new)
        if (inner[0] is not old or inner[1] is not new) and paired < LEAST_PAIRED * self._shared(old, new):
            yield from self.align(*inner)
            return
        i = j = 0
        for start, there in (*pairs, (len(old), len(new))):
            yield from _alone(old[i:start], new[j:there])
            if start < len(old):
                yield self._pair(old[start], new[there])
            i, j = start + 1, there + 1

    def _shared(self, old: Sequence[Row], new: Sequence[Row]) -> int:
        """How many layers are in both lists."""
        return (self._layers(old)[0] & self._layers(new)[0]).total()

    def _likeness(self, old: Row, new: Row) -> float:
        """How much two rows have in common, 0 for what cannot belong together."""
        if _kind(old) != _kind(new):
            return 0
        if old.op or not (old.children and new.children):
            # at least 1 for two of a kind: rather paired than left out; equal shapes decide between several
            return 1 + (old.outputs == new.outputs) / 2
        both = zip(self._layers([old]), self._layers([new]), strict=True)
        # the mean of layers that are equal and layers of one class: a stage with other channels is still that stage
        likeness = sum(_shared_part(mine, theirs) for mine, theirs in both) / 2
        return 1 + likeness if likeness >= LEAST_LIKENESS or _is_copies(old) else 0

    def _layers(self, rows: Iterable[Row]) -> tuple[Counter[int], Counter[type]]:
        """The layers in some rows, of copies those of one: by their arguments, and by their kinds."""
        layers, kinds = Counter[int](), Counter[type]()
        for row in rows:
            if id(row) not in self.layers:
                self.layers[id(row)] = self._layer(row.op) if row.op else self._layers(row.children)
            layers.update(self.layers[id(row)][0])
            kinds.update(self.layers[id(row)][1])
        return layers, kinds

    def _layer(self, op: Op) -> tuple[Counter[int], Counter[type]]:
        number = self.numbers.setdefault(("layer", op), len(self.numbers))
        return Counter([number]), Counter([type(op)])

    def content(self, row: Row) -> int:
        """All of a row but its names and place: the same number for parts that do the same."""
        if id(row) not in self.known:
            inner = tuple(self.content(child) for child in row.children)
            key = row.op, _init(row), row.count, row.inputs, row.outputs, row.totals, _is_shared(row), inner
            self.known[id(row)] = self.numbers.setdefault(key, len(self.numbers))
        return self.known[id(row)]

    def _copied(self, row: Row) -> Any:
        """What copies in a row are copies of."""
        return ("copies", *map(self.content, row.children)) if _is_copies(row) else self.content(row)

    def _grouped(self, rows: Sequence[Row], others: Sequence[Row]) -> Sequence[Row]:
        """Rows with single copies of what the other list has several of as rows `x1`."""
        # by content, how many rows one copy is: `[CONV -> RELU]*2` is looked for as two rows in the other list
        wanted = {
            self._copied(other)[1:]: len(other.children) for other in others if other.count > 1 and other.children
        }
        contents, grouped, i = [self.content(row) for row in rows] if wanted else [], list[Row](), 0
        while i < len(rows):
            length = next((n for inner, n in wanted.items() if tuple(contents[i : i + n]) == inner), 0)
            grouped.append(_single_copy(rows[i : i + length]) if length else rows[i])
            i += length or 1
        return grouped

    def _label_or_content(self, row: Row) -> Any:
        return row.label or self.content(row)


def _is_copies(row: Row) -> bool:
    return row.node is None and bool(row.children)


def _single_copy(rows: Sequence[Row]) -> Row:
    """Rows as the one copy of a repeat."""
    first, last = rows[0], rows[-1]
    path = first.path if first is last else f"{first.path.partition(' .. ')[0]} .. {_last(last)}"
    return replace(
        first,
        path=path,
        type="x1",
        node=None,
        outputs=last.outputs,
        totals=sum((row.totals for row in rows), Totals()),
        children=tuple(rows),
        value=None,
    )


def _kind(row: Row) -> Any:
    """What could have become what: layers of one class, copies, groups."""
    if row.op:
        return type(row.op)
    return "copies" if _is_copies(row) or row.count > 1 else "part" if row.node else "input"


def _alone(old: Iterable[Row], new: Iterable[Row]) -> Iterator[Change]:
    yield from (Change("-", row, None) for row in old)
    yield from (Change("+", None, row) for row in new)


def _without_groups(rows: Sequence[Row]) -> Sequence[Row]:
    """Rows with those of groups and blocks in their place; the same where there are none."""
    opened = [row.children if row.children and row.node else [row] for row in rows]
    return [inner for rows in opened for inner in rows] if any(row.children and row.node for row in rows) else rows


def _shared_part(old: Counter[Any], new: Counter[Any]) -> float:
    """How much of two collections both have, from 0 to 1."""
    total = old.total() + new.total()
    # Dice's coefficient
    return 2 * (old & new).total() / total if total else 1.0


def _best_pairs(
    old: Sequence[Row], new: Sequence[Row], likeness: Callable[[Row, Row], float]
) -> Sequence[tuple[int, int]]:
    """Pairs in order whose likeness adds up to most; in long lists the first that may belong together."""
    if len(old) * len(new) > MOST_WEIGHED:
        blocks = _blocks([_kind(row) for row in old], [_kind(row) for row in new])
        return [(i + n, j + n) for i, j, size in blocks for n in range(size)]
    found = [[likeness(a, b) for b in new] for a in old]
    # best[i][j]: the most that the rows from i and from j on can have in common (longest common subsequence, weighted)
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            paired = best[i + 1][j + 1] + found[i][j] if found[i][j] else 0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    pairs, i, j = list[tuple[int, int]](), 0, 0
    while i < len(old) and j < len(new):
        if found[i][j] and best[i][j] == best[i + 1][j + 1] + found[i][j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _blocks(old: list[Any], new: list[Any]) -> Iterator[tuple[int, int, int]]:
    """Stretches that are equal, the last one empty at the ends: (start in old, start in new, length)."""
    shorter = min(len(old), len(new))
    # equal ends first: they cost little, and what lies between takes time with the product of both lengths
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
    yield 0, 0, head
    inner_old, inner_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(inner_old) * len(inner_new) <= MOST_COMPARED:
        # autojunk would skip what is frequent in lists of 200 and more: every ReLU of a ResNet
        for i, j, size in SequenceMatcher(None, inner_old, inner_new, autojunk=False).get_matching_blocks():
            yield head + i, head + j, size
    yield len(old) - tail, len(new) - tail, tail


# ---- what changed


class _Names:
    """Which names of the two models are those of one part."""

    def __init__(self, paired: Sequence[Change]) -> None:
        self.new = {_last(a): _last(b) for a, b in _pairs(paired)}
        self.old = {b: a for a, b in self.new.items()}

    def clash(self, old: str, new: str) -> bool:
        """Whether two parts that are in both models are not one and the same."""
        # a part that is in one model alone is no clash: that it came or went is said on its own row
        return old in self.new and new in self.old and self.new[old] != new and self.old[new] != old


def _settled(change: Change, names: _Names) -> Change:
    """A pair with what changed in it; alike if nothing did, there or below."""
    if not (change.old and change.new):
        return change
    children = tuple(_settled(child, names) for child in change.children)
    notes = tuple(_notes(change.old, change.new, names))
    deeper = any(child.mark != "=" for child in children)
    # shapes or counts may change without a note here or below: another input size changes the rows behind it
    alike = not (notes or deeper) and _figures(change.old) == _figures(change.new)
    return replace(change, mark="=" if alike else "~", notes=notes, children=children)


def _figures(row: Row) -> Any:
    return row.inputs, row.outputs, row.totals


def _notes(old: Row, new: Row, names: _Names) -> Iterator[str]:
    if old.count != new.count:
        yield f"x{old.count:,} -> x{new.count:,}"
    if old.op and new.op and type(old.op) is type(new.op):
        yield from _arguments(old.op, new.op)
    elif old.op or new.op:
        yield f"{old.type} -> {new.type}"
    for word, of in (("init", _init), ("shared", _is_shared)):
        if of(old) != of(new):
            yield f"{word} {_text(of(old))} -> {_text(of(new))}"
    # where the output differs as well, the column of shapes shows it
    if old.inputs != new.inputs and old.outputs == new.outputs:
        yield f"reads {shapes_text(old.inputs)} -> {shapes_text(new.inputs)}"
    if not (old.follows and new.follows) and any(map(names.clash, old.sources, new.sources)):
        yield f"connected to {', '.join(old.sources)} -> {', '.join(new.sources)}"


def _arguments(old: Op, new: Op) -> Iterator[str]:
    """`kernel_size 5x5 -> 3x3` for each argument that differs."""
    for argument in old.signature:
        values = [getattr(op, argument.name, None) for op in (old, new)]
        if values[0] != values[1]:
            yield f"{argument.name} {_text(values[0])} -> {_text(values[1])}"


def _text(value: Any) -> str:
    """Sizes as one writes them, `3x3` as `3`; other values as in a file."""
    return size_text(value) if _is_sizes(value) else value_text(value)


def _is_sizes(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and value != ()
        and all(isinstance(size, int) for size in cast("tuple[object, ...]", value))
    )


def _init(row: Row) -> str | None:
    return row.node.init if isinstance(row.node, Layer) else None


def _is_shared(row: Row) -> bool:
    return bool(row.node and row.node.shared)
