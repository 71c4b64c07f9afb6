"""`archc check`: shapes, counts and what is wrong, of models, of families and of values to be found."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from archlang.checking import Outcome
from archlang.cli.common import finish, status_of
from archlang.cli.families import Members, check_members, chooses_members
from archlang.cli.fixing import Fixes, fix_target, fixes_files, is_text_output
from archlang.cli.hosts import FORMATS, annotate
from archlang.cli.options import Reading, reads_a_model
from archlang.cli.tables import Memory, Table, plans_memory, report, shapes_the_table
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.ir.graph import Model
from archlang.lints import with_lints


@click.command("check")
@click.argument("files", nargs=-1, metavar="[FILE | -]...")
@reads_a_model
@click.option("--format", "form", type=click.Choice(("text", "json", "csv", "md", *FORMATS)), default="text")
@click.option("--allow", metavar="CODE", multiple=True, help="Leave out warnings with this code; all, without any.")
@click.option("--deny", metavar="CODE", multiple=True, help="Make warnings with this code, or all, errors.")
@fixes_files
@shapes_the_table
@plans_memory
@chooses_members
def command(
    files: tuple[str, ...],
    reading: Reading,
    form: str,
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    fixes: Fixes,
    table: Table,
    memory: Memory,
    members: Members,
) -> None:
    """Check architectures and report their shapes, parameters and MACs.

    Without -m every model whose parameters are bound is checked. FILE is a .arch file, `-` for standard input, or
    `zoo:NAME` for a network that ships with archlang. Sizes that nothing binds, INPUT(3, H, W), stay free: the report
    has formulas and says which sizes are legal.
    """
    # refused and not ignored: an option without effect would look as if it had one
    if members.are_asked and (allow or deny):
        raise click.UsageError(
            "--allow and --deny are for warnings, which the members of a family are not looked at for"
        )
    _refuse_mixtures(form, fixes, memory, members)
    if members.are_asked:
        check_members(files, reading, members, form)
        return
    targets = reading.targets(files)
    # standard output holds one thing: the fixed text or the report, so that either can be piped on
    printed = fixes.fix and is_text_output(targets, reading.text)
    if printed and form != "text":
        raise click.UsageError(f"with --fix the fixed text is the output, so there is none for --format {form}")
    outcomes = [_outcome(target, reading, fixes, allow, deny) for target in targets]
    diagnostics = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    # annotations hold all that is wrong, so there is no report and nothing on standard error
    if form in FORMATS:
        print(annotate(form, diagnostics), end="")
        sys.exit(status_of(diagnostics))
    if not printed:
        diagnostics += _show(form, _models(outcomes, memory), diagnostics, table, memory)
    finish(diagnostics)


def _refuse_mixtures(form: str, fixes: Fixes, memory: Memory, members: Members) -> None:
    """Options that contradict each other are wrong usage."""
    if fixes.unsafe_fixes and not fixes.fix:
        raise click.UsageError("--unsafe-fixes goes with --fix")
    if not members.are_asked:
        return
    if fixes.fix:
        raise click.UsageError("--fix concerns files, not the members of a family")
    if form in FORMATS:
        raise click.UsageError(f"--format {form} is for diagnostics, which the members of a family have none of")
    if memory.is_asked:
        raise click.UsageError("memory is reported for models, not for families")


def _outcome(target: str, reading: Reading, fixes: Fixes, allow: tuple[str, ...], deny: tuple[str, ...]) -> Outcome:
    """What a check finds, of the fixed file where it is to be fixed."""
    if fixes.fix:
        return fix_target(target, reading.text, reading.request(), fixes.unsafe_fixes, allow, deny)
    return with_lints(reading.check(target), allow, deny)


def _models(outcomes: Sequence[Outcome], memory: Memory) -> list[Model]:
    """What is reported: models, and as far as they are known those with errors, whose memory nobody can tell."""
    whole = [model for outcome in outcomes for model in outcome.models]
    # what an error leaves known is still worth a table: shapes up to the layer that fails
    known = [model for outcome in outcomes for model in outcome.partial if model.is_known]
    return whole + ([] if memory.is_asked else known)


def _show(
    form: str, models: list[Model], diagnostics: list[Diagnostic], table: Table, memory: Memory
) -> list[Diagnostic]:
    """Print the report; what is wrong with what was asked of it."""
    try:
        print(report(form, models, diagnostics, table.view(models), memory.plan(table)), end="")
    except Diagnosed as error:
        return [error.diagnostic]
    return []
