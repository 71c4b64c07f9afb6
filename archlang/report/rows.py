"""The table of a model as data: a tree of rows that follows the hierarchy the author wrote. Writes no text.

A repeat is one row with the totals of all its copies and one copy below it, so the table grows with what was
written, not with what it expands to. What a column shows of a row is in `columns.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Name, Ref, Repeat, Run
from archlang.ir.ops.base import Op, Shape
from archlang.ir.partial import Failure, failures_at
from archlang.ir.paths import Place, Step
from archlang.ir.sources import Scope, inside, reads_row_above, root_scope, source, sources
from archlang.ir.walk import (
    Starts,
    Totals,
    advance,
    copies,
    counted,
    failure_path,
    fold_totals,
    input_shapes,
    layer_totals,
    name_text,
)
from archlang.records import record

ROW_LIMIT = 10_000
"""Beyond this, only the first occurrence of a part is open: a few lines of blocks in blocks can hold 2**60 layers."""

Steps = tuple[Step, ...]


@record
class Value:
    """Where what flows out of a row is found: a value of the body that the place stands in."""

    place: Place
    ref: Ref


@record
class Row:
    """One line of the table.

    `type` is torch's class for a layer, the block's name or `group` for a scope, `xN` for copies in a row. `totals`
    cover everything inside and all `count` copies; `children` show the first copy, or are empty where a part stays
    closed. `sources` are the parts that make its inputs, and `follows` says that this is just the row above it.
    `value` is what flows out, of copies out of the last; None for the model's own inputs, and where it is unknown
    (then `outputs` is empty). `steps` lead to its node, of copies to their run; the model's own inputs have none.
    `failure` is the code of the error of a stage that failed (empty where the error stands elsewhere): nothing of it is
    known, and its `type` is the word it was written with.
    """

    path: str
    type: str
    outputs: tuple[Shape, ...]
    totals: Totals
    count: int = 1
    line: int | None = None
    children: tuple[Row, ...] = ()
    inputs: tuple[Shape, ...] = ()
    node: Layer | Call | None = None
    sources: tuple[str, ...] = ()
    follows: bool = True
    value: Value | None = None
    steps: Steps = ()
    failure: str | None = None

    @property
    def op(self) -> Op | None:
        """The layer's kind and arguments; None for other rows."""
        return self.node.op if isinstance(self.node, Layer) else None

    @property
    def label(self) -> str | None:
        """The name that the file gives the part; None for one that is numbered."""
        name = self.node.name if self.node else None
        return name.base if name and name.index is None else None


def table_rows(model: Model, depth: int | None = None) -> tuple[Row, ...]:
    """The rows of a model, its inputs first, with so many levels of the tree (None: all of them).

    Totals of the outermost rows add up to the model's.
    """
    inputs = (Row(given.name, "INPUT", (given.shape,), Totals()) for given in model.inputs)
    return (*inputs, *_Table(model, depth).rows(len(model.bodies) - 1, root_scope(model), (), 1))


def walk_rows(rows: Iterable[Row], level: int = 0) -> Iterator[tuple[Row, int]]:
    """All rows of a tree from top to bottom, each with its level from 0."""
    for row in rows:
        yield row, level
        yield from walk_rows(row.children, level + 1)


def scope_rows(model: Model, scope: Call, path: str) -> tuple[Row, ...]:
    """The parts of a scope: what its own chain holds, and of copies in a row what one holds."""
    # where they come from has no column here
    inputs = ("",) * len(scope.inputs)
    rows = _Table(model, None).rows(scope.body, Scope(f"{path}.", {}, inputs), (), 1)
    return tuple(replace(row, children=_childless(row.children) if row.count > 1 else ()) for row in rows)


def _childless(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(replace(row, children=()) for row in rows)


class _Table:
    """Opens the bodies of one model into rows while there is room."""

    def __init__(self, model: Model, depth: int | None) -> None:
        self.model = model
        self.depth = depth
        self.totals = fold_totals(model)
        self.sizes = _open_sizes(model)
        self.room = ROW_LIMIT
        self.aside = False  # inside a part that runs in training only
        self.opened: set[BodyId] = set()

    def rows(self, body_id: BodyId, scope: Scope, steps: Steps, level: int) -> Iterator[Row]:
        """Rows of one copy of a body; `level` is that of the tree, from 1."""
        body = self.model.bodies[body_id]
        # None for the place behind the last node, where a stage may have failed, too
        for index, node in enumerate((*body.nodes, None)):
            yield from (self._failed(failure, body, scope) for failure in failures_at(body, index))
            self.room -= 1
            training, here = self.aside or index in body.training, (*steps, Step(body_id, index))
            match node:
                case Layer(name=Name() as name):
                    totals = counted(layer_totals(body, node), node.shared, training)
                    kind = node.op.torch_class + _mark(node, training)
                    path, line = scope.prefix + name_text(name, scope.starts), node.origin.line
                    row = Row(path, kind, node.outputs[:1], totals, line=line)
                    yield self._connected(row, body, index, scope, here)
                case Layer() | None:
                    pass
                case Call():
                    row = self._scope(node, inside(self.model, body, node, scope), here, training, level)
                    yield self._connected(row, body, index, scope, here)
                case Repeat():
                    outer, self.aside = self.aside, training
                    yield from self._repeat(body, node, scope, here, level)
                    self.aside = outer

    def _repeat(self, body: Body, repeat: Repeat, scope: Scope, steps: Steps, level: int) -> Iterator[Row]:
        """Rows of each run, fed with what flows out of the one before."""
        given = replace(scope, inputs=sources(self.model, body, repeat, scope))
        follows = reads_row_above(body, steps[-1].index)
        for number, (_, count, starts) in enumerate(copies(self.model, repeat, scope.starts)):
            run, last = repeat.runs[number], replace(steps[-1], run=number, copy=max(count - 1, 0))
            inner = replace(given, starts=starts)
            yield from self._run(run, inner, (*steps[:-1], last), level, follows, repeat.origin.line)
            given, follows = self._behind(run, inner), True

    def _connected(self, row: Row, body: Body, index: int, scope: Scope, steps: Steps) -> Row:
        node = body.nodes[index]
        assert not isinstance(node, Repeat)
        return replace(
            row,
            node=node,
            inputs=input_shapes(body, node),
            sources=sources(self.model, body, node, scope),
            follows=reads_row_above(body, index),
            value=Value(Place(self.model, row.path, steps), Ref(index)) if node.outputs else None,
            steps=steps,
        )

    def _failed(self, failure: Failure, body: Body, scope: Scope) -> Row:
        """A stage that failed: what was to flow into it is all that is known."""
        known = [ref for ref in failure.inputs if ref.node >= 0 or body.inputs]
        kind = f"{failure.word} ! {failure.code}" if failure.code else failure.word
        return Row(
            scope.prefix + failure_path(failure, scope.starts),
            kind,
            (),
            Totals(without_parameters=1, without_macs=1, failed=1),
            line=failure.origin.line,
            inputs=tuple(body.shape_of(ref) for ref in known),
            sources=tuple(source(self.model, body, ref, scope) for ref in known),
            follows=len(known) < 2,
            failure=failure.code,
        )

    def _scope(self, call: Call, scope: Scope, steps: Steps, training: bool, level: int) -> Row:
        """A scope with what is inside; what is shared was shown where it first stood."""
        kind = self.model.bodies[call.body].definition or "group"
        totals = counted(self.totals[call.body], call.shared, training)
        outer, self.aside = self.aside, training
        children = () if call.shared else self._open(call.body, scope, steps, level + 1)
        self.aside = outer
        shown = _closed(kind, totals, children) if not call.shared else kind
        path = scope.prefix.removesuffix(".")
        return Row(path, shown + _mark(call, training), call.outputs[:1], totals, 1, call.origin.line, children)

    def _run(self, run: Run, scope: Scope, steps: Steps, level: int, follows: bool, line: int) -> Iterator[Row]:
        """A single copy as its own rows; several as one row with the first copy below."""
        totals = self._totals(run)
        # rows below show the first copy, while what flows out of them all is the last one's
        first = (*steps[:-1], replace(steps[-1], copy=0))
        alone = run.count == 1
        children = self._open(run.body, scope, first, level if alone else level + 1) if run.count else ()
        if alone and children:
            # it reads what comes in; that is the row above only if the repeat reads that
            yield from (replace(children[0], follows=children[0].follows and follows), *children[1:])
        elif totals.layers:
            body = self.model.bodies[run.body]
            path, flowing = self._range(run, scope), body.outputs[:1]
            outputs = tuple(body.shape_of(ref) for ref in flowing)
            kind = _closed(f"x{run.count:,}" if run.count > 1 else "group", totals, children)
            row = Row(path, kind, outputs, totals, run.count, line, children, body.inputs)
            row = replace(row, sources=scope.inputs, follows=follows)
            place = Place(self.model, path, (*steps, Step(run.body, len(body.nodes) - 1)))
            yield replace(row, value=Value(place, flowing[0]) if flowing else None, steps=steps)

    def _totals(self, run: Run) -> Totals:
        """Totals of all copies; inside a part that runs in training only without what inference costs."""
        return counted(self.totals[run.body] * run.count, False, self.aside)

    def _behind(self, run: Run, scope: Scope) -> Scope:
        """The scope of what follows a run: fed with what flows out of its last copy."""
        body = self.model.bodies[run.body]
        if not run.count or not body.outputs:
            return scope
        # automatic names go on through the copies: the last one's begin count - 1 copies further
        last = replace(scope, starts=advance(scope.starts, body, run.count - 1))
        return replace(scope, inputs=(source(self.model, body, body.outputs[0], last), *scope.inputs[1:]))

    def _open(self, body_id: BodyId, scope: Scope, steps: Steps, level: int) -> tuple[Row, ...]:
        """The rows inside, or none if they are too deep, or were shown before and all together are too many now."""
        too_deep = self.depth is not None and level > self.depth
        if too_deep or (body_id in self.opened and self.sizes[body_id] > self.room):
            return ()
        self.opened.add(body_id)
        return tuple(self.rows(body_id, scope, steps, level))

    def _range(self, run: Run, scope: Scope) -> str:
        """`features.2 .. features.5`: from the first name of the first copy to the last of the last."""
        behind = advance(scope.starts, self.model.bodies[run.body], run.count - 1)
        first = self._edge(run.body, scope.prefix, scope.starts, 0)
        last = self._edge(run.body, scope.prefix, behind, -1)
        return first if first == last else f"{first} .. {last}"

    def _edge(self, body_id: BodyId, prefix: str, starts: Starts, end: int) -> str:
        """The first (`end` 0) or last (-1) path directly inside a copy of a body; empty if nothing there has a name."""
        nodes = self.model.bodies[body_id].nodes
        for node in nodes if end == 0 else reversed(nodes):
            if not isinstance(node, Repeat):
                if node.name:
                    return prefix + name_text(node.name, starts)
            # of the runs with copies the first or the last, and of that its first or last copy
            elif node.count:
                body, count, offsets = [run for run in copies(self.model, node, starts) if run[1]][end]
                behind = advance(offsets, self.model.bodies[body], count - 1) if end else offsets
                if path := self._edge(body, prefix, behind, end):
                    return path
        return ""


def _mark(node: Layer | Call, training: bool) -> str:
    """What a reader must know to add up the column."""
    return " (shared)" if node.shared else " (in training)" if training else ""


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
                    # of each run one copy, as the table shows it
                    size += sum(sizes[run.body] for run in node.runs)
                case Layer():
                    pass
        sizes.append(size)
    return tuple(sizes)
