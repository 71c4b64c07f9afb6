"""The table of the page: the rows of `archc check` with their place in the picture, explained as by `archc explain`.

Explanations and receptive fields are worked out for the rows, each standing for all copies that it covers, and as long
as the effort lasts: what a page takes is bounded whatever a model holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from archlang.diagnostics.text import printable
from archlang.errors.words import plural
from archlang.ir.graph import Call, Layer, Model, Repeat
from archlang.ir.paths import Place
from archlang.ir.receptive import Effort, Receptive
from archlang.ir.walk import fold_totals
from archlang.report.columns import BY_NAME, DEFAULT, FIELD_EFFORT, Column, Facts
from archlang.report.layer import Explainer
from archlang.report.rows import Row, Steps, table_rows
from archlang.report.text import shapes_text
from archlang.symbolic.legal import SymbolicModel

Data = dict[str, Any]

MOST_EXPLAINED = 2000
"""Rows with an explanation: as many as a page has room for."""


def table(model: Model) -> Data:
    """The table's headings, its tree of rows and the totals."""
    rows = table_rows(model)
    writer = _Rows(model)
    return {
        "headings": [[column.heading, column.side == ">"] for column in writer.columns],
        "rows": writer.rows(rows),
        "total": writer.total(),
    }


class _Rows:
    """Writes the rows of one model. A model whose sizes are left free is explained at those of its example."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.columns: Sequence[Column] = tuple(BY_NAME[name] for name in DEFAULT)
        self.facts = Facts(model)
        self.example = model.example if isinstance(model, SymbolicModel) else model
        # one effort for the column and the explanations, where both follow the same model
        self.explainer = Explainer(
            self.example, self.facts.effort if self.example is model else Effort(self.example, FIELD_EFFORT)
        )
        self.left = MOST_EXPLAINED

    def rows(self, rows: Iterable[Row]) -> list[Data]:
        """Rows with those inside."""
        return [self.row(row) for row in rows]

    def row(self, row: Row) -> Data:
        """One row: its path and cells, its key in the picture, the explanation and what it sees of the inputs."""
        data: Data = {"path": printable(row.path), "cells": self._cells(row), "key": self._key(row)}
        data |= {"about": printable_lines(about)} if (about := self._about(row)) else {}
        if sees := self._sees(row):
            data |= {"sees": sees} | self._growing(row)
        return data | ({"rows": self.rows(row.children)} if row.children else {})

    def _cells(self, row: Row) -> list[str]:
        return [printable(column.text(row, self.facts)) for column in self.columns]

    def total(self) -> list[str]:
        """The cells of the last row."""
        shapes = tuple(out.shape for out in self.model.outputs)
        return self._cells(Row("", "", shapes, fold_totals(self.model)[-1]))

    def _key(self, row: Row) -> str:
        """The steps to a row as the scripts write them; empty for an input."""
        *outer, last = [*row.steps] or [None]
        if last is None:
            return f"input.{row.path}" if row.type == "INPUT" else ""
        ends = f"{last.body}.{last.index}"
        end = ends if row.node else f"{ends}.{last.run}.*"
        return f"{self._chain(tuple(outer))}{end}"  # pyright: ignore[reportArgumentType]

    def _chain(self, steps: Steps) -> str:
        parts = (
            # as in scene.js: a part has one inside, a repeat one for each run and copy
            f"{step.body}.{step.index}.{step.run}.{step.copy}/"
            if isinstance(self.model.bodies[step.body].nodes[step.index], Repeat)
            else f"{step.body}.{step.index}/"
            for step in steps
        )
        return "".join(parts)

    def _about(self, row: Row) -> str:
        """The explanation; empty beyond the limit, and for what failed."""
        self.left -= 1
        if self.left < 0 or row.failure is not None:
            return ""
        if not row.steps:
            return self.explainer.input_text(row.path) if row.type == "INPUT" else ""
        if row.node is None:
            return _copies_text(row)
        place = self._place(row)
        return self.explainer.text(place) if place else ""

    def _place(self, row: Row) -> Place | None:
        """Where a row stands in the model in numbers; None where the example differs there."""
        place = Place(self.example, row.path, row.steps)
        # the same model: no need to see whether the place is there
        if self.example is self.model:
            return place
        for step in row.steps:
            if step.body >= len(self.example.bodies) or step.index >= len(self.example.bodies[step.body].nodes):
                return None
        node = self.example.bodies[row.steps[-1].body].nodes[row.steps[-1].index]
        return place if isinstance(node, Layer | Call) and row.node and node.name == row.node.name else None

    def _sees(self, row: Row) -> Data:
        """How much of each input is seen along its axes but the channels', and how far apart neighbours look."""
        if self.model.is_symbolic or self.left < 0 or row.failure is not None:
            return {}
        fields = self.facts.fields(row) or {}
        return {printable(name): _field(field) for name, field in fields.items()} if row.steps else {}

    def _growing(self, row: Row) -> Data:
        """How much more of each input the same part sees in each further copy, by the step that leads to the copies.

        Copies of one run have the same shapes, so that it is the same from each to the next; that is checked with the
        last one, and where it is not so, or nothing grows, nothing is said.
        """
        runs = self._runs(row)
        grows = {str(level): self._growth(row, level, count) for level, count in runs}
        return {"grows": grows} if runs and all(grow is not None for grow in grows.values()) else {}

    def _runs(self, row: Row) -> list[tuple[int, int]]:
        """The steps to a row that lead into one of several copies, with the number of these."""
        outer = [(step, self.model.bodies[step.body].nodes[step.index]) for step in row.steps[: -1 if row.node else 0]]
        counts = [node.runs[step.run].count if isinstance(node, Repeat) else 1 for step, node in outer]
        return [(level, count) for level, count in enumerate(counts) if count > 1]

    def _growth(self, row: Row, level: int, count: int) -> Data | None:
        first, second, last = (self._field_sizes(row, level, copy) for copy in (0, 1, count - 1))
        if first is None or second is None or last is None:
            return None
        grows = {name: [_more(*sizes) for sizes in zip(first[name], second[name], strict=True)] for name in first}
        reached = {
            name: [_grown(size, more, count - 1) for size, more in zip(first[name], grown, strict=True)]
            for name, grown in grows.items()
        }
        return grows if reached == last else None

    def _field_sizes(self, row: Row, level: int, copy: int) -> dict[str, list[int | None]] | None:
        """What a row's part sees of each input's axes in a copy."""
        if row.value is None:
            return None
        place = row.value.place
        steps = tuple(replace(step, copy=copy) if at == level else step for at, step in enumerate(place.steps))
        fields = self.facts.fields(replace(row, value=replace(row.value, place=replace(place, steps=steps))))
        return None if fields is None else {printable(name): _field(field)[0] for name, field in fields.items()}  # pyright: ignore[reportReturnType]


def _more(size: int | None, then: int | None) -> int | None:
    return None if size is None or then is None else then - size


def _grown(size: int | None, more: int | None, copies: int) -> int | None:
    return None if size is None or more is None else size + more * copies


def _field(field: Receptive) -> list[list[float | int | None]]:
    # without the channels of a map; a vector has no other axis
    start = int(len(field.sizes) > 1)
    return [list(field.sizes[start:]), [_number(stride) for stride in field.strides[start:]]]


def _number(stride: Fraction | None) -> float | int | None:
    if stride is None:
        return None
    return int(stride) if stride.denominator == 1 else float(stride)


def _copies_text(row: Row) -> str:
    return (
        f"{row.count:,} copies in a row: {row.path}\n\n  out  {shapes_text(row.outputs)}\n\n"
        f"Together\n  {plural(row.totals.layers, 'layer')}; the first copy stands below\n"
    )


def printable_lines(text: str) -> str:
    """A text of several lines, each as it is shown."""
    return "\n".join(printable(line) for line in text.rstrip("\n").split("\n"))
