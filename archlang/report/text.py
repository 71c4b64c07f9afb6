"""The report for people: a table with its conventions in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archlang.diagnostics.text import printable
from archlang.errors.words import listing, shape_text
from archlang.ir.graph import Model
from archlang.ir.ops.base import Shape
from archlang.ir.ops.trace import DTYPE_BYTES
from archlang.ir.partial import first_code
from archlang.ir.walk import Totals, fold_totals
from archlang.report.columns import (
    DEFAULT,
    UNKNOWN,
    Column,
    Count,
    Facts,
    View,
    default_columns,
    flops_of,
    macs_of,
    parameters_of,
)  # fmt: skip
from archlang.report.layout import GAP, Grid, aligned, grid_lines, painted, wrapped
from archlang.report.rows import Row, table_rows, walk_rows

CONVENTIONS = (
    "MACs are multiply-accumulates of convolutions, linear layers and attention products, for one sample;",
    "FLOPs = 2 x MACs. BatchNorm running statistics are buffers. MB = 1,000,000 bytes.",
    "Shapes are torch's, channels first, without the batch.",
)
NOTES = {
    "activations": "Activations are the numbers that flow out of the layers, for one sample.",
    "receptive-field": "The receptive field is what one number depends on; of a row xN, one of the last copy's.",
    "stride": "The effective stride is how far apart on the input neighbouring numbers look.",
    "connected": "Connected to: what flows into a row, where that is not the row above it.",
}
"""What else a reader must know of some columns."""

MOST_NAMED = 4
"""Kinds of layers that a note names."""


def model_table(model: Model, view: View | None = None) -> str:
    """The report of one model: a head, the table, totals, conventions, and the defaults it relied on."""
    view = view or View()
    rows = table_rows(model, view.depth)
    columns = view.chosen(default_columns(rows))
    inputs, outputs = (shapes_text(port.shape for port in ports) for ports in (model.inputs, model.outputs))
    head = wrapped((printable(f"{model.name}: {inputs} -> {outputs or UNKNOWN}"),), view.width)
    lines = grid_lines(_grid(rows, columns, Facts(model)), view.width, view.colour)
    # one paragraph where lines are broken at a width: those that end early would look torn
    conventions = CONVENTIONS if view.width is None else (" ".join(CONVENTIONS),)
    notes = (*_open(model), *_legal(model, view.near), *conventions, *_notes(rows, columns), *_defaults(model))
    faint = (painted(line, "faint", view.colour) for line in wrapped(notes, view.width))
    return "\n".join((*head, *lines, *_footer(model, view.batch, view.dtype), "", *faint))


def models_text(models: Sequence[Model], view: View | None = None) -> str:
    """The report on models: the table of the only one, else a line for each; where columns or levels of the tree are
    asked for, a table for each."""
    wanted = view and (view.columns is not None or view.depth is not None)
    return models_tables(models, view) if wanted or len(models) == 1 else models_lines(models)


def models_tables(models: Sequence[Model], view: View | None = None) -> str:
    """A table for each model."""
    return "\n\n".join(model_table(model, view).rstrip("\n") for model in models)


def _grid(rows: Iterable[Row], columns: Sequence[Column], facts: Facts) -> Grid:
    """The tree with its levels as blanks before the names."""
    flat = list(walk_rows(rows))
    cells = [(GAP * level + row.path, *(column.text(row, facts) for column in columns)) for row, level in flat]
    parts = frozenset(index for index, (row, _) in enumerate(flat) if row.children)
    whole = frozenset(index for index, column in enumerate(columns, 1) if column.name not in CUTTABLE)
    headings, sides = ("Layer", *(c.heading for c in columns)), "<" + "".join(c.side for c in columns)
    return Grid(headings, sides, cells, whole, parts)


CUTTABLE = ("type", "arguments", "connected")
"""Columns of words, which lose their middle where a table is too wide."""


def _notes(rows: Iterable[Row], columns: Iterable[Column]) -> Iterator[str]:
    """What a reader must know of the columns that are shown, and which numbers there are not."""
    yield from (NOTES[column.name] for column in columns if column.name in NOTES)
    # rows that hold others lack what those lack, and `group` names no kind of layer
    flat = [row for row, _ in walk_rows(rows) if not row.children and row.failure is None]
    for name, count in (("parameters", parameters_of), ("MACs", macs_of)):
        kinds = list(dict.fromkeys(row.type for row in flat if count(row.totals).without))
        if kinds:
            verb = "has" if len(kinds) == 1 else "have"
            yield f"n/a: {listing(kinds[:MOST_NAMED])} {verb} no rule for {name}; sums with >= are those of the others."


def _open(model: Model) -> Iterator[str]:
    """What a model with errors does not tell."""
    if model.is_partial:
        yield "Errors left `?` open. What follows from it is neither listed nor counted; sums with >= are lower bounds."


def _footer(model: Model, batch: int, dtype: str) -> list[str]:
    """The counts of the whole model; formulas are too long to stand in a column of numbers."""
    if not model.is_symbolic:
        return aligned(_totals(fold_totals(model)[-1], batch, dtype), "<><")
    rows = _totals(fold_totals(model)[-1], 1, dtype)
    return aligned([(name, f"{count} {note}") for name, count, note in rows], "<<")


def _legal(model: Model, near: Sequence[tuple[str | None, int]]) -> Iterator[str]:
    """The legal sizes of a model that leaves sizes free."""
    if model.is_symbolic:
        from archlang.report.legal import legal_lines

        yield from (*legal_lines(model, near), "")


def _legal_list(models: Iterable[Model]) -> Iterator[str]:
    free = [model for model in models if model.is_symbolic]
    if free:
        from archlang.report.legal import legal_line

        yield from ("", "Legal sizes", *(line for model in free for line in legal_line(model)))


def rows_lines(rows: Iterable[Row], model: Model) -> list[str]:
    """Some rows of a model's table, with its headings."""
    grid = _grid(rows, View().chosen(DEFAULT), Facts(model))
    return aligned([grid.headings, *grid.rows], grid.sides)


def models_lines(models: Sequence[Model]) -> str:
    """One line for each model: name, output, parameters, MACs."""
    rows: list[tuple[str, ...]] = []
    for model in models:
        totals = fold_totals(model)[-1]
        counts = (f"{parameters_of(totals).footing} params", f"{macs_of(totals).footing} MACs")
        outputs = shapes_text(out.shape for out in model.outputs)
        failed = f"! {first_code(model)}" if model.is_partial else ""
        rows.append((model.name, f"-> {outputs or UNKNOWN}", *counts, failed))
    return "\n".join([*aligned(rows, "<<>><"), *_legal_list(models)])


def shapes_text(shapes: Iterable[Shape]) -> str:
    """`64x55x55`; several shapes with commas."""
    return ", ".join(shape_text(shape) for shape in shapes)


def _totals(totals: Totals, batch: int, dtype: str) -> list[tuple[str, str, str]]:
    """The counts of the footer; every parameter is trainable, what is not counts as a buffer."""
    parameters = parameters_of(totals)
    memory = f"({'>=' * bool(parameters.without)}{megabytes(totals.parameters, dtype)})"
    rows = [
        ("Total params:", parameters.footing, memory if parameters.status != "not available" else ""),
        ("Trainable params:", parameters.footing, ""),
        ("Buffers:", Count(totals.buffers, totals.failed).footing, ""),
        ("MACs:", macs_of(totals).footing, ""),
        ("FLOPs:", flops_of(totals).footing, ""),
    ]
    if batch > 1:
        outputs = totals.elements * batch
        note = f"({megabytes(outputs, dtype)}; the outputs of all layers, for a batch of {batch:,})"
        rows.append(("Outputs:", Count(outputs, totals.failed).footing, note))
    return rows


def megabytes(count: int, dtype: str) -> str:
    """What so many numbers take: `244.40 MB as float32`."""
    return f"{count * DTYPE_BYTES[dtype] / 1e6:,.2f} MB as {dtype}"


def _defaults(model: Model) -> Iterator[str]:
    """What bare words stood for, and where that is written."""
    heading = "Defaults used: "
    for use in model.defaults:
        yield printable(f"{heading}{use.word} = {use.text} ({use.origin.file}:{use.origin.line})")
        # said once; further defaults stand below the first
        heading = " " * len(heading)
