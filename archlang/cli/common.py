"""What the commands share: the options that choose a model, reading it, and how a command ends.

With its neighbours the only place that prints or exits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO, TypeVar

import click

from archlang.checking import Outcome, Request, check_source
from archlang.diagnostics import Diagnostic
from archlang.diagnostics.text import render as render_text
from archlang.diagnostics.text import summary_line
from archlang.elaborate.parts import Options
from archlang.errors.files import UsageProblem
from archlang.reading import check_target, read_bindings, read_inputs
from archlang.source import Source

Command = TypeVar("Command", bound=Callable[..., Any])

ERRORS, USAGE, FAULT = 1, 2, 3
"""Exit status: the architecture has errors, wrong usage or unreadable file, a fault of archlang itself."""


DTYPES = ("float32", "float64", "float16", "bfloat16")
"""Types of numbers that memory figures are given for."""

LEAST_WIDTH = 20
"""Characters of a line that a report can be fitted to."""


def _with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


reads_a_model = _with_options(
    click.option("-e", "text", metavar="TEXT", help="The architecture itself, in place of a file."),
    click.option("-m", "--model", metavar="NAME", help="The model of the file that is meant."),
    click.option("-D", "bindings", metavar="NAME=VALUE", multiple=True, help="Give a parameter of the model a value."),
    click.option(
        "--input",
        "inputs",
        metavar="[NAME=]C,H,W",
        multiple=True,
        help="Another shape for the input; sizes given as letters are left free.",
    ),
    click.option("--strict", is_flag=True, help="The lectures' rule: a size that is not whole is an error."),
)


def targets(files: tuple[str, ...], text: str | None) -> tuple[str, ...]:
    """The files to read; one nameless where `-e` gives the text."""
    if bool(files) == (text is not None):
        raise click.UsageError("give a FILE, or -e TEXT" + (", not both" if files else ""))
    return files or ("",)


def outcome_of(
    target: str,
    text: str | None,
    model: str | None,
    bindings: tuple[str, ...],
    inputs: tuple[str, ...],
    strict: bool,
    choose_one: bool,
) -> Outcome:
    """What a check of one target finds; `choose_one` as for `check_source`."""
    request = Request(model, read_bindings(bindings), Options(read_inputs(inputs), strict))
    if text is not None:
        return check_source(Source("<text>", text), request, choose_one)
    return check_target(target, request, choose_one)


def in_colour(stream: TextIO) -> bool:
    """Whether to write in colour: to a terminal, unless NO_COLOR is set; anywhere with FORCE_COLOR."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def terminal_width(stream: TextIO) -> int | None:
    """The width of a terminal; None for a file or pipe, which have none."""
    if not stream.isatty():
        return None
    from shutil import get_terminal_size

    return max(get_terminal_size().columns, LEAST_WIDTH)


def finish(diagnostics: Iterable[Diagnostic], outcome: str = "") -> None:
    """Print diagnostics to standard error; end with their exit status if there are errors."""
    diagnostics = list(diagnostics)
    if not diagnostics:
        return
    sys.stdout.flush()
    print(render_text(diagnostics, color=in_colour(sys.stderr)).rstrip("\n"), file=sys.stderr)
    print("\n" + summary_line(diagnostics, outcome), file=sys.stderr)
    if status := status_of(diagnostics):
        sys.exit(status)


def status_of(diagnostics: Iterable[Diagnostic]) -> int:
    """The exit status that diagnostics mean."""
    errors = [d for d in diagnostics if d.severity == "error"]
    return (USAGE if any(isinstance(d.problem, UsageProblem) for d in errors) else ERRORS) if errors else 0
