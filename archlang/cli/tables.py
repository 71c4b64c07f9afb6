"""The report of `archc check` in each of its formats, and the options that say what it shows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.common import DTYPES, LEAST_WIDTH, in_colour, terminal_width
from archlang.cli.options import grouped
from archlang.diagnostics import Diagnostic
from archlang.ir.graph import Model
from archlang.reading import read_near
from archlang.records import record
from archlang.report.columns import View

if TYPE_CHECKING:
    from archlang.ir.budget import Plan

OPTIMIZERS = ("sgd", "momentum", "adam", "adamw")


@record
class Table:
    """What the table shows: samples at once, type of the numbers, columns, levels, width, legal sizes near some."""

    batch: int
    dtype: str
    columns: str | None
    depth: int | None
    width: int | None
    near: tuple[str, ...]

    def view(self, models: Sequence[Model]) -> View:
        """The same for the writers. Raises `Diagnosed` for sizes that no model has."""
        # the report goes to standard output, so colours and width are that stream's; errors have the other's
        near, colour = read_near(self.near, models), in_colour(sys.stdout)
        width = self.width or terminal_width(sys.stdout)
        return View(self.columns, self.depth, width, self.batch, self.dtype, near, colour)


shapes_the_table = grouped(
    "table",
    Table,
    click.option("--batch", type=click.IntRange(1, 10**6), default=1, help="Samples at once, for the memory figures."),
    click.option("--dtype", type=click.Choice(DTYPES), default="float32", help="Type of the numbers, for memory."),
    click.option("--columns", metavar="NAMES", help="Columns of the table: type,output,macs or +kernel,-macs or all."),
    click.option("--depth", type=click.IntRange(1), help="Levels of the tree that are shown; others are summed up."),
    click.option(
        "--width", type=click.IntRange(LEAST_WIDTH), help="Width of the text; without it that of the terminal."
    ),
    click.option(
        "--near", metavar="[NAME=]SIZE", multiple=True, help="With sizes left free: the legal ones next to this."
    ),
)


@record
class Memory:
    """How the models are meant to run, and the memory that there is; None for what is not said."""

    memory: bool
    mode: Any
    optimizer: str | None
    device: Any
    fits: str | None

    @property
    def is_asked(self) -> bool:
        """Whether memory is reported at all."""
        return bool(self.memory or self.mode or self.optimizer or self.device or self.fits)

    def plan(self, table: Table) -> tuple[Plan, int] | None:
        """How the models run, and the bytes to fit in. Raises `Diagnosed` for a size that is none."""
        if not self.is_asked:
            return None
        from archlang.ir.budget import Plan
        from archlang.reading import read_size

        # None until here, so that `is_asked` can tell what was said from what is assumed
        optimizer, device = self.optimizer or "adam", self.device or "cuda"
        return Plan(table.batch, table.dtype, self.mode or "train", optimizer, device), read_size(self.fits or "24GiB")


plans_memory = grouped(
    "memory",
    Memory,
    click.option("--memory", is_flag=True, help="What training or inference needs by layer, and what batch fits."),
    click.option("--mode", type=click.Choice(("train", "infer")), help="With --memory: training, if not said."),
    click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="With --memory: whose state counts; adam if none."),
    click.option("--device", type=click.Choice(("cpu", "cuda")), help="With --memory: whose operations; cuda if none."),
    click.option("--fits", metavar="SIZE", help="With --memory: what the batch is to fit in, 24GiB if not said."),
)


def report(
    form: str, models: list[Model], diagnostics: list[Diagnostic], view: View, plan: tuple[Plan, int] | None
) -> str:
    """The report in one of its formats, ending in a newline unless empty."""
    # JSON holds the diagnostics as well, for programs that read one stream
    if form == "json":
        return _json(models, diagnostics, view, plan)
    if form == "text":
        return _text(models, view, plan)
    if plan:
        from archlang.report.memory import memory_csv, memory_markdown

        return memory_csv(models, plan[0]) if form == "csv" else memory_markdown(models, plan[0])
    from archlang.report import exports

    return exports.csv_text(models, view) if form == "csv" else exports.markdown_text(models, view)


def _text(models: list[Model], view: View, plan: tuple[Plan, int] | None) -> str:
    from archlang.report.text import models_text

    tables = [models_text(models, view)] if models else []
    if plan:
        from archlang.report.memory import memory_text

        tables += [memory_text(model, *plan, view.depth) for model in models]
    return "".join(f"{table}\n" for table in tables if table)


def _json(models: list[Model], diagnostics: list[Diagnostic], view: View, plan: tuple[Plan, int] | None) -> str:
    import json

    from archlang.report.data import report_dict

    found = report_dict(models, diagnostics, all(d.severity != "error" for d in diagnostics), view)
    if plan:
        from archlang.report.memory import memory_dict

        for model, data in zip(models, found["models"], strict=True):
            data["memory"] = memory_dict(model, *plan)
    return json.dumps(found, indent=1) + "\n"
