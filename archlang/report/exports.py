"""The table for other tools: CSV for sheets, Markdown and HTML for pages."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from io import StringIO
from typing import Any

from archlang.ir.graph import Model
from archlang.ir.walk import fold_totals
from archlang.report.columns import (
    UNKNOWN,
    Column,
    Count,
    Facts,
    View,
    default_columns,
    flops_of,
    macs_of,
    parameters_of,
)
from archlang.report.rows import Row, table_rows, walk_rows
from archlang.report.text import shapes_text

CSV_COLUMNS = ("type", "output", "copies", "parameters", "macs", "line")
RULES = {"<": ":---", ">": "---:"}


def csv_text(models: Iterable[Model], view: View | None = None) -> str:
    """One line for each layer that was written, with its copies and the counts of all of them: columns add up.

    What is not available is empty; a sum over layers of which some have no number stands behind `>=`.
    """
    view = view or View()
    columns = view.chosen(CSV_COLUMNS)
    out = StringIO()
    # csv ends lines with \r\n by itself (RFC 4180); texts here end them with \n
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("model", "layer", *(column.key for column in columns)))
    for model in models:
        facts = Facts(model)
        for row in _leaves(table_rows(model, view.depth), 1):
            writer.writerow((model.name, row.path, *(_csv_cell(column, row, facts) for column in columns)))
    return out.getvalue()


def _leaves(rows: Iterable[Row], copies: int) -> Iterator[Row]:
    """Rows that hold no others, each standing for all its copies in the whole model."""
    for row in rows:
        if row.children:
            yield from _leaves(row.children, copies * row.count)
        else:
            # a row's totals are of all its own copies, but of one copy of the parts around it
            yield replace(row, totals=row.totals * copies, count=copies * row.count)


def _csv_cell(column: Column, row: Row, facts: Facts) -> Any:
    """Plain numbers; what is data of several parts as it is written in a table."""
    value = column.value(row, facts)
    match value:
        case Count():
            return {"exact": value.number, "partial": f">={value.number}", "not available": ""}[value.status]
        case None:
            return ""
        case list() | dict() if not value:  # the pattern `{}` would match every mapping
            return ""
        case list() if column.name == "connected":
            return ", ".join(row.sources)
        case list() | dict():
            return column.text(row, facts)
        case _:
            return value


def markdown_text(models: Iterable[Model], view: View | None = None) -> str:
    """A heading and a table for each model; a repeat is one row with its totals, and one copy below it."""
    return "\n".join(line for model in models for line in _section(model, view or View()))


def _section(model: Model, view: View) -> Iterator[str]:
    rows, facts = table_rows(model, view.depth), Facts(model)
    columns = view.chosen(default_columns(rows))
    yield from (f"## {model.name}", "", _line(("Layer", *(column.heading for column in columns))))
    yield _line(RULES[side] for side in ("<", *(column.side for column in columns)))
    for row, _ in walk_rows(rows):
        yield _line((row.path, *(column.text(row, facts) for column in columns)))
    yield _line(("**Total**", *_totals(model, columns)))
    yield ""


def _totals(model: Model, columns: Iterable[Column]) -> Iterator[str]:
    """The last row: the model's output, and sums where there are any."""
    total = Row("", "", tuple(out.shape for out in model.outputs), fold_totals(model)[-1])
    facts = Facts(model)
    for column in columns:
        value = column.value(total, facts)
        # of columns that are no counts, shapes and shares have something to say of the whole
        summed = value.footing if isinstance(value, Count) else column.text(total, facts)
        yield summed if isinstance(value, Count) or column.name in ("output", "share") else ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


# ---- HTML ------------------------------------------------------------------------------------------


def html_text(models: Iterable[Model], view: View | None = None) -> str:
    """A plain table for each model, as notebooks show it: a caption, headings with their scope, the tree as indents."""
    return "\n".join(_html_table(model, view or View()) for model in models)


def _html_table(model: Model, view: View) -> str:
    rows, facts = table_rows(model, view.depth), Facts(model)
    columns = view.chosen(default_columns(rows))
    headings = "".join(f'<th scope="col">{escape(text)}</th>' for text in ("Layer", *(c.heading for c in columns)))
    return "\n".join(
        (
            "<table>",
            f"<caption>{escape(_caption(model))}</caption>",
            f"<thead><tr>{headings}</tr></thead>",
            "<tbody>",
            *(_html_row(row, columns, facts, level) for row, level in walk_rows(rows)),
            "</tbody>",
            f"<tfoot><tr>{_html_cells('Total', _totals(model, columns), columns, 0)}</tr></tfoot>",
            "</table>",
        )
    )


def _caption(model: Model) -> str:
    totals = fold_totals(model)[-1]
    inputs, outputs = (shapes_text(port.shape for port in ports) for ports in (model.inputs, model.outputs))
    counts = (
        f"{parameters_of(totals).footing} parameters",
        f"{macs_of(totals).footing} MACs",
        f"{flops_of(totals).footing} FLOPs (2 x MACs) for one sample",
    )
    return f"{model.name}: {inputs} -> {outputs or UNKNOWN}; {', '.join(counts)}"


def _html_row(row: Row, columns: Sequence[Column], facts: Facts, level: int) -> str:
    return f"<tr>{_html_cells(row.path, (column.text(row, facts) for column in columns), columns, level)}</tr>"


def _html_cells(name: str, cells: Iterable[str], columns: Sequence[Column], level: int) -> str:
    head = f'<th scope="row" style="text-align: left; padding-left: {level + 0.5}em">{escape(name)}</th>'
    sides = ("right" if column.side == ">" else "left" for column in columns)
    styled = (f'<td style="text-align: {side}">{escape(cell)}</td>' for cell, side in zip(cells, sides, strict=True))
    return head + "".join(styled)
