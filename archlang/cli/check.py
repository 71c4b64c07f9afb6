"""`archc check`: shapes, counts and what is wrong, of models, of families and of values to be found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from archlang.checking import Request
from archlang.cli.common import (
    DTYPES,
    ERRORS,
    LEAST_WIDTH,
    finish,
    in_colour,
    outcome_of,
    reads_a_model,
    status_of,
    targets,
    terminal_width,
)
from archlang.cli.fixing import fix_target, is_text_output
from archlang.cli.hosts import FORMATS, annotate
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.elaborate.parts import Options
from archlang.ir.graph import Model
from archlang.lints import with_lints
from archlang.reading import read_bindings, read_inputs, read_near, read_solved, read_source
from archlang.report.columns import View
from archlang.source import Source
from archlang.writing import STANDARD_OUTPUT

if TYPE_CHECKING:
    from archlang.ir.budget import Plan

LONG_FAMILY, MOST_MEMBERS = 2_000, 1_000_000
OPTIMIZERS = ("sgd", "momentum", "adam", "adamw")


@click.command("check")
@click.argument("files", nargs=-1, metavar="[FILE | -]...")
@reads_a_model
@click.option("--allow", metavar="CODE", multiple=True, help="Leave out warnings with this code; all, without any.")
@click.option("--deny", metavar="CODE", multiple=True, help="Make warnings with this code, or all, errors.")
@click.option("--batch", type=click.IntRange(1, 10**6), default=1, help="Samples at once, for the memory figures.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", help="Type of the numbers, for memory.")
@click.option("--memory", is_flag=True, help="What training or inference needs, layer by layer, and what batch fits.")
@click.option(
    "--mode", type=click.Choice(("train", "infer")), help="With --memory: training (as without it) or inference."
)
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="With --memory: whose state counts; adam by default.")
@click.option("--device", type=click.Choice(("cpu", "cuda")), help="With --memory: whose operations; cuda by default.")
@click.option("--fits", metavar="SIZE", help="With --memory: what the batch is to fit in, 24GiB by default.")
@click.option("--format", "form", type=click.Choice(("text", "json", "csv", "md", "sarif", "github")), default="text")
@click.option("--columns", metavar="NAMES", help="Columns of the table: type,output,macs or +kernel,-macs or all.")
@click.option("--depth", type=click.IntRange(1), help="Levels of the tree that are shown; what is deeper is summed up.")
@click.option("--width", type=click.IntRange(LEAST_WIDTH), help="Width of the text; without it that of the terminal.")
@click.option("--fix", is_flag=True, help="Apply safe ways out of errors and warnings to the files, and check again.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix: also those that change the architecture.")
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
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    batch: int,
    dtype: str,
    memory: bool,
    mode: str | None,
    optimizer: str | None,
    device: str | None,
    fits: str | None,
    form: str,
    columns: str | None,
    depth: int | None,
    width: int | None,
    fix: bool,
    unsafe_fixes: bool,
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
    asked = bool(memory or mode or optimizer or device or fits)
    family = bool(everything or where or sort or limit or solve)
    if unsafe_fixes and not fix:
        raise click.UsageError("--unsafe-fixes goes with --fix")
    if family and fix:
        raise click.UsageError("--fix concerns files, not the members of a family")
    if family and form in FORMATS:
        raise click.UsageError(f"--format {form} is for diagnostics, which the members of a family have none of")
    if family:
        if asked:
            raise click.UsageError("memory is reported for models, not for families")
        request = Request(model, read_bindings(bindings), Options(read_inputs(inputs), strict))
        target, *more = targets(files, text)
        if more:
            raise click.UsageError("a family is checked of one FILE at a time")
        if solve:
            _solve(target, text, request, form, read_solved(solve))
        else:
            _check_family(target, text, request, form, where, sort, limit)
        return
    read = targets(files, text)
    if fix and is_text_output(read, text):
        if form != "text":
            raise click.UsageError(f"with --fix the fixed text is the output, so there is none for --format {form}")
        form = "none"
    if fix:
        request = Request(model, read_bindings(bindings), Options(read_inputs(inputs), strict))
        outcomes = [fix_target(target, text, request, unsafe_fixes) for target in read]
    else:
        outcomes = [outcome_of(target, text, model, bindings, inputs, strict, False) for target in read]
    outcomes = [with_lints(outcome, allow, deny) for outcome in outcomes]
    models = [made for outcome in outcomes for made in outcome.models]
    models += [] if asked else [model for outcome in outcomes for model in outcome.partial if model.is_known]
    diagnostics = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    if form in FORMATS:
        print(annotate(form, diagnostics), end="")
        sys.exit(status_of(diagnostics))
    try:
        shown = width or terminal_width(sys.stdout), batch, dtype, read_near(near, models), in_colour(sys.stdout)
        plan = _plan(batch, dtype, mode, optimizer, device, fits) if asked else None
        print(_report(form, models, diagnostics, View(columns, depth, *shown), plan), end="")
    except Diagnosed as error:
        diagnostics.append(error.diagnostic)
    finish(diagnostics)


def _plan(batch: int, dtype: str, mode: Any, optimizer: str | None, device: Any, fits: str | None) -> tuple[Plan, int]:
    """How the models are meant to run, and the memory that there is."""
    from archlang.ir.budget import Plan
    from archlang.reading import read_size

    plan = Plan(batch, dtype, mode or "train", optimizer or "adam", device or "cuda")
    return plan, read_size(fits or "24GiB")


def _report(
    form: str, models: list[Model], diagnostics: list[Diagnostic], view: View, plan: tuple[Plan, int] | None
) -> str:
    """The report in one of its formats, ending in a newline unless empty; `none` has none."""
    if form == "none":
        return ""
    if form == "json":
        import json

        from archlang.report.data import report_dict

        ok = all(d.severity != "error" for d in diagnostics)
        report = report_dict(models, diagnostics, ok, view)
        if plan:
            from archlang.report.memory import memory_dict

            for model, data in zip(models, report["models"], strict=True):
                data["memory"] = memory_dict(model, *plan)
        return json.dumps(report, indent=1) + "\n"
    if form != "text":
        if plan:
            from archlang.report.memory import memory_csv, memory_markdown

            return memory_csv(models, plan[0]) if form == "csv" else memory_markdown(models, plan[0])
        from archlang.report import exports

        return exports.csv_text(models, view) if form == "csv" else exports.markdown_text(models, view)
    from archlang.report.text import models_text

    tables = [models_text(models, view)] if models else []
    if plan:
        from archlang.report.memory import memory_text

        tables += [memory_text(model, *plan, view.depth) for model in models]
    return "".join(f"{table}\n" for table in tables if table)


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
