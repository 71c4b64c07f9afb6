"""Architectures in notebooks: `%load_ext archlang`, then cells that begin with `%%arch`.

A cell is checked like a file: the report, the diagnostics and the diagram are its output, its models become variables.
Reached from `load_ipython_extension` alone, so that `import archlang` needs no IPython.
"""

from __future__ import annotations

import keyword
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click
from IPython.core.error import UsageError
from IPython.display import display  # pyright: ignore[reportUnknownVariableType]
from IPython.terminal.interactiveshell import TerminalInteractiveShell

from archlang.api import Picture, Report
from archlang.checking import Outcome, Request, check_source
from archlang.cli.common import in_colour
from archlang.cli.options import MODEL_OPTIONS, Reading
from archlang.diagnostics import ArchitectureError, Diagnosed, Diagnostic
from archlang.diagnostics.text import render, summary_line
from archlang.errors.files import MissingPackage
from archlang.importer import FileClasses
from archlang.ir.graph import Model
from archlang.lints import with_lints
from archlang.reading import FileImporter
from archlang.records import record
from archlang.report.text import models_text
from archlang.source import Source

HERE = "-"
"""What a cell imports lies beside the notebook, in the current folder."""

UNBOUND = "unbound-parameters"
"""No error here, where nothing was asked for: the model's class takes the values."""

MODULE = "__main__"
"""Where Python finds a notebook's variables: what pickle looks up."""


@record
class Wish:
    """What the line behind `%%arch` asks for: how the cell is read, whether it is drawn, the variable's name."""

    reading: Reading
    diagram: bool
    name: str | None


class CellError(ArchitectureError):
    """A cell has errors, which stand in its output already: the traceback is one line."""

    def _render_traceback_(self) -> list[str]:
        return [summary_line(self.diagnostics, "variables are as they were")]


def load(shell: Any) -> None:
    """Give a shell of IPython the magic."""

    def arch(line: str, cell: str) -> None:
        """Check the architecture in this cell; `%%arch --help` tells the options."""
        wish = read_line(line)
        if wish is not None:
            _Cell(shell, wish, cell).run()

    shell.register_magic_function(arch, "cell", "arch")


# ---- the line


@click.command("%%arch", add_help_option=True)
@click.argument("name", required=False)
@click.option("--diagram/--no-diagram", default=True, help="Draw the model, or only report it.")
def _line(name: str | None, diagram: bool, **reading: Any) -> Wish:
    """Check the architecture in this cell, show its report and its diagram, and make its models variables.

    NAME is what the model is called in Python: the one that -m names, or the first of the cell.
    """
    return Wish(Reading("", reading["model"], reading["bindings"], reading["inputs"], reading["strict"]), diagram, name)


for _option in reversed(MODEL_OPTIONS):
    _option(_line)


def read_line(line: str) -> Wish | None:
    """The wish of a line; none where it asked for help. Raises IPython's `UsageError`."""
    try:
        # not standalone: click would end the process, which is the notebook's kernel
        wish = _line.main(shlex.split(line), prog_name="%%arch", standalone_mode=False)
    except click.ClickException as error:
        raise UsageError(f"%%arch: {error.format_message()}") from None
    # shlex: no closing quotation
    except ValueError as error:
        raise UsageError(f"%%arch: {str(error).lower()}") from None
    if not isinstance(wish, Wish):
        return None
    if wish.name is not None and not _is_variable(wish.name):
        raise UsageError(f"%%arch: `{wish.name}` cannot be the name of a variable")
    return wish


def _is_variable(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


# ---- the cell


class _Cell:
    """One run of a cell."""

    def __init__(self, shell: Any, wish: Wish, text: str) -> None:
        self.shell = shell
        self.wish = wish
        self.source = Source(f"<cell {shell.execution_count}>", f"\n{text}")  # its first line is that of the magic
        self.importer = FileImporter(HERE)

    def run(self) -> None:
        """Show what there is to show, then make variables. Raises `CellError`; then none is made."""
        try:
            request = self.wish.reading.request()
        except Diagnosed as error:
            self._show(Outcome((), (error.diagnostic,)))
            raise CellError((error.diagnostic,)) from None
        outcome = with_lints(check_source(self.source, request, importer=self.importer))
        # whoever names a model, or binds something, wants it made
        unbound = [] if request.model or request.bindings else [d for d in outcome.diagnostics if d.code == UNBOUND]
        outcome = replace(outcome, diagnostics=tuple(d for d in outcome.diagnostics if d not in unbound))
        self._show(outcome)
        if not outcome.ok:
            raise CellError(outcome.diagnostics)
        for diagnostic in unbound:
            print(f"no report: {diagnostic.message}; its class takes it, or -D")
        self._bind(request, outcome)

    # ---- what is shown

    def _show(self, outcome: Outcome) -> None:
        known = (*outcome.models, *(model for model in outcome.partial if model.is_known))
        # a terminal shows no HTML, only the repr of what is displayed
        if isinstance(self.shell, TerminalInteractiveShell):
            _print(known, outcome.diagnostics)
            return
        if known or outcome.diagnostics:
            display(Report(outcome.models, outcome.diagnostics, outcome.partial))
        if known and self.wish.diagram:
            display(Picture(known[0]))

    # ---- what becomes a variable

    def _bind(self, request: Request, outcome: Outcome) -> None:
        """A class for each model, or without torch the report of each."""
        made = self._classes(request) or {model.name: Report((model,), ()) for model in outcome.models}
        main = request.model or next(iter((*(model.name for model in outcome.models), *made)), None)
        names = {self.wish.name or model if model == main else model: model for model in made}
        variables = {name: made[model] for name, model in names.items() if _is_variable(name)}
        self.shell.push(variables)
        if not any(isinstance(value, type) for value in variables.values()):
            said = ", ".join(f"`{name}`" for name in variables) or "no variable"
            print(f"{said}: the report; a class needs torch: pip install 'archlang[torch]'", file=sys.stderr)

    def _classes(self, request: Request) -> dict[str, Any]:
        """The classes, none without torch."""
        try:
            return FileClasses(self.source, self.importer, MODULE, request).classes()
        except ArchitectureError as error:
            if isinstance(error.diagnostics[0].problem, MissingPackage):
                return {}
            raise


def _print(models: Sequence[Model], diagnostics: Sequence[Diagnostic]) -> None:
    """In a terminal: the table, and what is wrong on standard error."""
    print(models_text(models), end="", flush=True)
    if diagnostics:
        print(render(diagnostics, in_colour(sys.stderr)), file=sys.stderr)
