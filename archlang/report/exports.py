"""The table for other tools: CSV for sheets, Markdown for pages."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from archlang.ir.graph import Model
from archlang.ir.walk import fold_totals
from archlang.report.rows import Row, table_rows
from archlang.report.text import ALIGNMENT, HEADINGS, count_text, shapes_text

COLUMNS = ("model", "layer", "type", "output_shape", "copies", "parameters", "macs", "line")
RULES = {"<": ":---", ">": "---:"}


def csv_text(models: Iterable[Model]) -> str:
    """One line for each layer that was written, with its copies and the counts of all of them: columns add up."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for model in models:
        for row, copies in _leaves(table_rows(model), 1):
            counts = (f"{count * copies // row.count}" for count in (row.totals.parameters, row.totals.macs))
            writer.writerow((model.name, row.path, row.type, shapes_text(row.outputs), copies, *counts, row.line))
    return out.getvalue()


def markdown_text(models: Iterable[Model]) -> str:
    """A heading and a table for each model; a repeat is one row with its totals, and one copy below it."""
    return "\n".join(line for model in models for line in _section(model))


def _leaves(rows: Iterable[Row], copies: int) -> Iterator[tuple[Row, int]]:
    """Rows that hold no others, with the copies there are of each in the whole model."""
    for row in rows:
        if row.children:
            yield from _leaves(row.children, copies * row.count)
        else:
            yield row, copies * row.count


def _section(model: Model) -> Iterator[str]:
    totals = fold_totals(model)[-1]
    yield from (f"## {model.name}", "", _line(HEADINGS), _line(RULES[side] for side in ALIGNMENT))
    for row in _flat(table_rows(model)):
        counts = (count_text(row.totals.parameters), count_text(row.totals.macs))
        yield _line((row.path, row.type, shapes_text(row.outputs), *counts))
    yield _line(
        ("**Total**", "", shapes_text(out.shape for out in model.outputs), f"{totals.parameters:,}", f"{totals.macs:,}")
    )
    yield ""


def _flat(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        yield from _flat(row.children)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
