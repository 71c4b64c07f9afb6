"""The report for people: a table with its conventions in words. Written by hand: a table library costs 20 ms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archlang.diagnostics.text import printable
from archlang.errors.words import shape_text
from archlang.ir.graph import Model
from archlang.ir.ops.base import Shape
from archlang.ir.walk import Totals, fold_totals
from archlang.report.rows import Row, table_rows

DTYPE_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
"""Types that `--dtype` takes, with the bytes of one number."""

HEADINGS = ("Layer", "Type", "Output shape", "Params", "MACs")
ALIGNMENT = "<<<>>"  # of the columns above
GAP = "  "  # between columns, and before each level of the tree

CONVENTIONS = (
    "MACs are multiply-accumulates of convolutions, linear layers and attention products, for one sample;",
    "FLOPs = 2 x MACs. BatchNorm running statistics are buffers. MB = 1,000,000 bytes.",
    "Shapes are torch's, channels first, without the batch.",
)


def model_table(
    model: Model, batch: int = 1, dtype: str = "float32", near: Sequence[tuple[str | None, int]] = ()
) -> str:
    """The report of one model: a head, the table, totals, conventions, and the defaults it relied on."""
    rows = [HEADINGS, *_cells(table_rows(model))]
    lines = aligned(rows, ALIGNMENT)
    rule = "-" * max(len(line) for line in lines)
    inputs, outputs = (shapes_text(port.shape for port in ports) for ports in (model.inputs, model.outputs))
    head = f"{model.name}: {inputs} -> {outputs}"
    footer = (*_footer(model, batch, dtype), "", *_legal(model, near), *CONVENTIONS, *_defaults(model))
    return "\n".join((printable(head), rule, lines[0], rule, *lines[1:], rule, *footer))


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


def rows_lines(rows: Iterable[Row]) -> list[str]:
    """Some rows of a table, with its headings."""
    return aligned([HEADINGS, *_cells(rows)], ALIGNMENT)


def models_lines(models: Sequence[Model]) -> str:
    """One line for each model: name, output, parameters, MACs."""
    rows: list[tuple[str, ...]] = []
    for model in models:
        totals = fold_totals(model)[-1]
        counts = (f"{totals.parameters:,} params", f"{totals.macs:,} MACs")
        rows.append((model.name, f"-> {shapes_text(out.shape for out in model.outputs)}", *counts))
    return "\n".join([*aligned(rows, "<<>>"), *_legal_list(models)])


def aligned(rows: Sequence[Sequence[str]], alignment: str) -> list[str]:
    """Rows of cells as lines of columns; `alignment` has a `<` or `>` for each column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    columns = list(zip(alignment, widths, strict=True)) if rows else []
    return [
        GAP.join(f"{cell:{side}{width}}" for cell, (side, width) in zip(row, columns, strict=True)).rstrip()
        for row in rows
    ]


def shapes_text(shapes: Iterable[Shape]) -> str:
    """`64x55x55`; several shapes with commas."""
    return ", ".join(shape_text(shape) for shape in shapes)


def count_text(count: int) -> str:
    """A count with thousands separators; `-` for none."""
    return f"{count:,}" if count else "-"


def _cells(rows: Iterable[Row], depth: int = 0) -> Iterator[tuple[str, ...]]:
    for row in rows:
        counts = (count_text(row.totals.parameters), count_text(row.totals.macs))
        yield (GAP * depth + row.path, row.type, shapes_text(row.outputs), *counts)
        yield from _cells(row.children, depth + 1)


def _totals(totals: Totals, batch: int, dtype: str) -> list[tuple[str, str, str]]:
    """The counts of the footer; every parameter is trainable, what is not counts as a buffer."""
    rows = [
        ("Total params:", f"{totals.parameters:,}", f"({megabytes(totals.parameters, dtype)})"),
        ("Trainable params:", f"{totals.parameters:,}", ""),
        ("Buffers:", f"{totals.buffers:,}", ""),
        ("MACs:", f"{totals.macs:,}", ""),
        ("FLOPs:", f"{2 * totals.macs:,}", ""),
    ]
    if batch > 1:
        outputs = totals.elements * batch
        note = f"({megabytes(outputs, dtype)}; the outputs of all layers, for a batch of {batch:,})"
        rows.append(("Outputs:", f"{outputs:,}", note))
    return rows


def megabytes(count: int, dtype: str) -> str:
    """What so many numbers take: `244.40 MB as float32`."""
    return f"{count * DTYPE_BYTES[dtype] / 1e6:,.2f} MB as {dtype}"


def _defaults(model: Model) -> Iterator[str]:
    """What bare words stood for, and where that is written."""
    heading = "Defaults used: "
    for use in model.defaults:
        yield printable(f"{heading}{use.word} = {use.text} ({use.origin.file}:{use.origin.line})")
        heading = " " * len(heading)
