"""`archc check`: shapes, counts and what is wrong, of models, of families and of values to be found."""

from __future__ import annotations

import sys

import click

from archlang.checking import Request
from archlang.cli.common import (
    ERRORS,
    LEAST_WIDTH,
    finish,
    in_colour,
    outcome_of,
    reads_a_model,
    targets,
    terminal_width,
)
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.elaborate.parts import Options
from archlang.ir.graph import Model
from archlang.reading import read_bindings, read_inputs, read_near, read_solved, read_source
from archlang.report.columns import View
from archlang.source import Source
from archlang.writing import STANDARD_OUTPUT

LONG_FAMILY, MOST_MEMBERS = 2_000, 1_000_000
DTYPES = ("float32", "float64", "float16", "bfloat16")


@click.command("check")
@click.argument("files", nargs=-1, metavar="[FILE | -]...")
@reads_a_model
@click.option("--batch", type=click.IntRange(1, 10**6), default=1, help="Samples at once, for the memory figures.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", help="Type of the numbers, for memory.")
@click.option("--format", "form", type=click.Choice(("text", "json", "csv", "md")), default="text")
@click.option("--columns", metavar="NAMES", help="Columns of the table: type,output,macs or +kernel,-macs or all.")
@click.option("--depth", type=click.IntRange(1), help="Levels of the tree that are shown; what is deeper is summed up.")
@click.option("--width", type=click.IntRange(LEAST_WIDTH), help="Width of the text; without it that of the terminal.")
@click.option("--all", "everything", is_flag=True, help="Check every member of the model's family, a line for each.")
@click.option("--where", metavar="EXPR", help='With --all: only members for which "parameters < 1_000_000" holds.')
@click.option("--sort", metavar="EXPR", help='With --all: in the order of "macs", or "-macs" for the largest first.')
@click.option("--limit", type=click.IntRange(1), help="With --all: at most so many members.")
@click.option("--near", metavar="[NAME=]SIZE", multiple=True, help="With sizes left free: the legal ones next to this.")
@click.option("--solve", metavar="NAME[=VALUES]", multiple=True, help="Which values of a parameter, 1..8, are legal?")
def command(
    files: tuple[str, ...],
    text: str | None,
    model: str | None,
    bindings: tuple[str, ...],
    inputs: tuple[str, ...],
    strict: bool,
    batch: int,
    dtype: str,
    form: str,
    columns: str | None,
    depth: int | None,
    width: int | None,
    everything: bool,
    where: str | None,
    sort: str | None,
    limit: int | None,
    near: tuple[str, ...],
    solve: tuple[str, ...],
) -> None:
    """Check architectures and report their shapes, parameters and MACs.

    Without -m every model whose parameters are bound is checked. FILE is a .arch file, `-` for standard input, or
    `zoo:NAME` for a network that ships with archlang. Sizes that nothing binds, INPUT(3, H, W), stay free: the report
    has formulas and says which sizes are legal.
    """
    if everything or where or sort or limit or solve:
        request = Request(model, read_bindings(bindings), Options(read_inputs(inputs), strict))
        target, *more = targets(files, text)
        if more:
            raise click.UsageError("a family is checked of one FILE at a time")
        if solve:
            _solve(target, text, request, form, read_solved(solve))
        else:
            _check_family(target, text, request, form, where, sort, limit)
        return
    outcomes = [outcome_of(target, text, model, bindings, inputs, strict, False) for target in targets(files, text)]
    models = [made for outcome in outcomes for made in outcome.models]
    diagnostics = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    try:
        shown = width or terminal_width(sys.stdout), batch, dtype, read_near(near, models), in_colour(sys.stdout)
        print(_report(form, models, diagnostics, View(columns, depth, *shown)), end="")
    except Diagnosed as error:
        diagnostics.append(error.diagnostic)
    finish(diagnostics)


def _report(form: str, models: list[Model], diagnostics: list[Diagnostic], view: View) -> str:
    """The report in one of its formats, ending in a newline unless empty."""
    if form == "json":
        import json

        from archlang.report.data import report_dict

        ok = all(d.severity != "error" for d in diagnostics)
        return json.dumps(report_dict(models, diagnostics, ok, view), indent=1) + "\n"
    if form != "text":
        from archlang.report import exports

        return exports.csv_text(models, view) if form == "csv" else exports.markdown_text(models, view)
    from archlang.report.text import models_text

    return models_text(models, view) + "\n" if models else ""


def _check_family(
    target: str, text: str | None, request: Request, form: str, where: str | None, sort: str | None, limit: int | None
) -> None:
    """Check the members of a family that are asked for; the status tells whether all of them are legal."""
    from archlang.families import choose_members, open_family
    from archlang.reading import family_of
    from archlang.report.family import family_text

    family = family_of(target, request) if text is None else open_family(Source("<text>", text), request)
    if limit is None and family.count > MOST_MEMBERS:
        raise click.UsageError(f"the family has {family.count:,} members; --limit says how many to report")
    with click.progressbar(
        family, family.count, label=f"{family.count:,} members", file=sys.stderr, hidden=family.count < LONG_FAMILY
    ) as members:
        chosen = choose_members(family, members, where, sort, limit)
    print(family_text(family, chosen, form), end="")
    if any(not member.ok for member in chosen):
        sys.exit(ERRORS)


def _solve(target: str, text: str | None, request: Request, form: str, names: dict[str, str | None]) -> None:
    """Try values of some parameters; the status tells whether any is legal."""
    from archlang.families import open_solutions
    from archlang.reading import FileImporter
    from archlang.report.family import family_text, solutions_text

    source = read_source(target) if text is None else Source("<text>", text)
    family = open_solutions(source, request, names, FileImporter(target or STANDARD_OUTPUT))
    members = list(family)
    print(solutions_text(family, members) if form == "text" else family_text(family, members, form), end="")
    if not any(member.ok for member in members):
        sys.exit(ERRORS)
