"""The table of a model as data: a tree of rows that follows the hierarchy the author wrote. Writes no text.

A repeat is one row with the totals of all its copies and one copy below it, so the table grows with what was
written, not with what it expands to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Name, Repeat, Run
from archlang.ir.ops.base import Shape
from archlang.ir.walk import Starts, Totals, advance, copies, counted, fold_totals, layer_totals, name_text
from archlang.records import record

ROW_LIMIT = 10_000
"""Beyond this, only the first occurrence of a part is open: a few lines of blocks in blocks can hold 2**60 layers."""


@record
class Row:
    """One line of the table.

    `type` is torch's class for a layer, the block's name or `group` for a scope, `xN` for copies in a row. `totals`
    cover everything inside and all `count` copies; `children` show one copy, or are empty where a part stays closed.
    """

    path: str
    type: str
    outputs: tuple[Shape, ...]
    totals: Totals
    count: int = 1
    line: int | None = None
    children: tuple[Row, ...] = ()


def table_rows(model: Model) -> tuple[Row, ...]:
    """The rows of a model, its inputs first. Totals of the outermost rows add up to the model's."""
    inputs = (Row(given.name, "INPUT", (given.shape,), Totals()) for given in model.inputs)
    return (*inputs, *_Table(model).rows(len(model.bodies) - 1, "", {}))


def scope_rows(model: Model, scope: Call, path: str) -> tuple[Row, ...]:
    """The parts of a scope: what its own chain holds, and of copies in a row what one holds."""
    rows = _Table(model).rows(scope.body, f"{path}.", {})
    return tuple(replace(row, children=_childless(row.children) if row.count > 1 else ()) for row in rows)


def _childless(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(replace(row, children=()) for row in rows)


class _Table:
    """Opens the bodies of one model into rows while there is room."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.totals = fold_totals(model)
        self.sizes = _open_sizes(model)
        self.room = ROW_LIMIT
        self.aside = False  # inside a part that runs in training only
        self.opened: set[BodyId] = set()

    def rows(self, body_id: BodyId, prefix: str, starts: Starts) -> Iterator[Row]:
        """Rows of one copy of a body."""
        body = self.model.bodies[body_id]
        for index, node in enumerate(body.nodes):
            self.room -= 1
            training = self.aside or index in body.training
            match node:
                case Layer(name=Name() as name):
                    totals = counted(layer_totals(body, node), node.shared, training)
                    kind = node.op.torch_class + _mark(node, training)
                    yield Row(prefix + name_text(name, starts), kind, node.outputs[:1], totals, line=node.origin.line)
                case Layer():
                    pass
                case Call():
                    yield self._scope(node, prefix + name_text(node.name, starts), training)
                case Repeat():
                    for run, offsets in zip(node.runs, copies(self.model, node, starts), strict=True):
                        yield from self._run(run, prefix, offsets[2], node.origin.line)

    def _scope(self, call: Call, path: str, training: bool) -> Row:
        """A scope with what is inside; what is shared was shown where it first stood."""
        kind = self.model.bodies[call.body].definition or "group"
        totals = counted(self.totals[call.body], call.shared, training)
        outer, self.aside = self.aside, training
        children = () if call.shared else self._open(call.body, f"{path}.", {})
        self.aside = outer
        shown = _closed(kind, totals, children) if not call.shared else kind
        return Row(path, shown + _mark(call, training), call.outputs[:1], totals, 1, call.origin.line, children)

    def _run(self, run: Run, prefix: str, starts: Starts, line: int) -> Iterator[Row]:
        """A single copy as its own rows; several as one row with the first copy below."""
        totals = self.totals[run.body] * run.count
        children = self._open(run.body, prefix, starts) if run.count else ()
        if run.count == 1 and children:
            yield from children
        elif totals.layers:
            path, outputs = self._range(run, prefix, starts), _outputs(self.model.bodies[run.body])
            kind = _closed(f"x{run.count:,}" if run.count > 1 else "group", totals, children)
            yield Row(path, kind, outputs, totals, run.count, line, children)

    def _open(self, body_id: BodyId, prefix: str, starts: Starts) -> tuple[Row, ...]:
        """The rows inside, or none if they were shown before and all together are too many now."""
        if body_id in self.opened and self.sizes[body_id] > self.room:
            return ()
        self.opened.add(body_id)
        return tuple(self.rows(body_id, prefix, starts))

    def _range(self, run: Run, prefix: str, starts: Starts) -> str:
        """`features.2 .. features.5`: from the first name of the first copy to the last of the last."""
        behind = advance(starts, self.model.bodies[run.body], run.count - 1)
        first, last = self._edge(run.body, prefix, starts, 0), self._edge(run.body, prefix, behind, -1)
        return first if first == last else f"{first} .. {last}"

    def _edge(self, body_id: BodyId, prefix: str, starts: Starts, end: int) -> str:
        """The first (`end` 0) or last (-1) path directly inside a copy of a body; empty if nothing there has a name."""
        nodes = self.model.bodies[body_id].nodes
        for node in nodes if end == 0 else reversed(nodes):
            if not isinstance(node, Repeat):
                if node.name:
                    return prefix + name_text(node.name, starts)
            elif node.count:
                body, count, offsets = [run for run in copies(self.model, node, starts) if run[1]][end]
                behind = advance(offsets, self.model.bodies[body], count - 1) if end else offsets
                if path := self._edge(body, prefix, behind, end):
                    return path
        return ""


def _mark(node: Layer | Call, training: bool) -> str:
    """What a reader must know to add up the column."""
    return " (shared)" if node.shared else " (in training)" if training else ""


def _outputs(body: Body) -> tuple[Shape, ...]:
    return (body.shape_of(body.outputs[0]),)


def _closed(kind: str, totals: Totals, children: tuple[Row, ...]) -> str:
    """The type of a row, with the number of layers where these are not shown."""
    return kind if children or not totals.layers else f"{kind}, {totals.layers:,} layers"


def _open_sizes(model: Model) -> tuple[int, ...]:
    """How many rows each body has when all inside it is open. Visits each body once."""
    sizes: list[int] = []
    for body in model.bodies:
        size = len(body.nodes)
        for node in body.nodes:
            match node:
                case Call():
                    size += sizes[node.body]
                case Repeat():
                    size += sum(sizes[run.body] for run in node.runs)
                case Layer():
                    pass
        sizes.append(size)
    return tuple(sizes)
