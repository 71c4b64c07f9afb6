"""The command `archc`. The only file that prints or exits.

Exit status: 0 no errors, 1 the architecture has errors, 2 wrong usage or unreadable file, 3 a fault of archlang.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from archlang import __version__
from archlang.checking import Outcome, Request, check_source
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.diagnostics.text import render as render_text
from archlang.diagnostics.text import summary_line
from archlang.elaborate.parts import Options
from archlang.errors.files import UsageProblem
from archlang.ir.graph import Model
from archlang.reading import (
    ZOO_PREFIX,
    Near,
    check_target,
    read_bindings,
    read_inputs,
    read_near,
    read_solved,
    read_source,
)  # fmt: skip
from archlang.source import Source
from archlang.writing import STANDARD_OUTPUT, default_path, replace_file, write_output

Command = TypeVar("Command", bound=Callable[..., Any])

ERRORS, USAGE, FAULT = 1, 2, 3
LONG_FAMILY, MOST_MEMBERS = 2_000, 1_000_000
DTYPES = ("float32", "float64", "float16", "bfloat16")


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archc")
def cli() -> None:
    """Check, compile and draw neural network architectures.

    \b
    archc check zoo:alexnet              shapes, parameters and MACs of every layer
    archc compile zoo:alexnet            a PyTorch module, alexnet.py
    archc render zoo:alexnet             a diagram, alexnet.svg
    archc fmt alexnet.arch               the file itself, laid out anew
    archc explain zoo:alexnet features.3 a layer with all its numbers; an error by its code
    archc check -e "INPUT(3, 32, 32) -> [CONV -> RELU -> POOL]*2 -> FC(10)"
    """


@cli.command()
@click.argument("files", nargs=-1, metavar="[FILE | -]...")
@reads_a_model
@click.option("--batch", type=click.IntRange(1, 10**6), default=1, help="Samples at once, for the memory figures.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", help="Type of the numbers, for memory.")
@click.option("--format", "form", type=click.Choice(("text", "json", "csv", "md")), default="text")
@click.option("--all", "everything", is_flag=True, help="Check every member of the model's family, a line for each.")
@click.option("--where", metavar="EXPR", help='With --all: only members for which "parameters < 1_000_000" holds.')
@click.option("--sort", metavar="EXPR", help='With --all: in the order of "macs", or "-macs" for the largest first.')
@click.option("--limit", type=click.IntRange(1), help="With --all: at most so many members.")
@click.option("--near", metavar="[NAME=]SIZE", multiple=True, help="With sizes left free: the legal ones next to this.")
@click.option("--solve", metavar="NAME[=VALUES]", multiple=True, help="Which values of a parameter, 1..8, are legal?")
def check(
    files: tuple[str, ...],
    text: str | None,
    model: str | None,
    bindings: tuple[str, ...],
    inputs: tuple[str, ...],
    strict: bool,
    batch: int,
    dtype: str,
    form: str,
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
        target, *more = _targets(files, text)
        if more:
            raise click.UsageError("a family is checked of one FILE at a time")
        if solve:
            _solve(target, text, request, form, read_solved(solve))
        else:
            _check_family(target, text, request, form, where, sort, limit)
        return
    outcomes = [_outcome(target, text, model, bindings, inputs, strict, False) for target in _targets(files, text)]
    models = [made for outcome in outcomes for made in outcome.models]
    diagnostics = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    try:
        print(_report(form, models, diagnostics, batch, dtype, read_near(near, models)), end="")
    except Diagnosed as error:
        diagnostics.append(error.diagnostic)
    _finish(diagnostics)


def _report(form: str, models: list[Model], diagnostics: list[Diagnostic], batch: int, dtype: str, near: Near) -> str:
    """The report in one of its formats, ending in a newline unless empty."""
    ok = all(d.severity != "error" for d in diagnostics)
    if form == "json":
        import json

        from archlang.report.data import report_dict

        return json.dumps(report_dict(models, diagnostics, ok, near), indent=1) + "\n"
    if form != "text":
        from archlang.report import exports

        return exports.csv_text(models) if form == "csv" else exports.markdown_text(models)
    from archlang.report.text import model_table, models_lines

    if not models:
        return ""
    table = model_table(models[0], batch, dtype, near) if len(models) == 1 else models_lines(models)
    return table.rstrip("\n") + "\n"


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


@cli.command("compile")
@click.argument("file", required=False, metavar="FILE")
@reads_a_model
@click.option("-o", "--output", metavar="OUT", help="A path ending in .py or .json; - for standard output.")
def compile_(file: str | None, output: str | None, **options: Any) -> None:
    """Write a model as a PyTorch module (.py), or as archlang's own IR (.json)."""
    _make("compile", file, output, **options)


@cli.command()
@click.argument("file", required=False, metavar="FILE")
@reads_a_model
@click.option("-o", "--output", metavar="OUT", help="A path ending in .svg, .dot, .png or .pdf; - for standard output.")
def render(file: str | None, output: str | None, **options: Any) -> None:
    """Draw a model as a diagram."""
    _make("render", file, output, **options)


def _make(
    command: str,
    file: str | None,
    output: str | None,
    text: str | None,
    model: str | None,
    bindings: tuple[str, ...],
    inputs: tuple[str, ...],
    strict: bool,
) -> None:
    """Elaborate one model and write it; on any error nothing is written."""
    target = _targets((file,) if file is not None else (), text)[0]
    try:
        outcome = _outcome(target, text, model, bindings, inputs, strict, True)
        if not outcome.ok:
            _finish(outcome.diagnostics, "nothing was written")
            return
        made = outcome.models[0]
        path = output or default_path(made, command)
        write_output(made, path, command)
    except Diagnosed as error:
        _finish([error.diagnostic], "nothing was written")
        return
    _finish(outcome.diagnostics)
    if path != STANDARD_OUTPUT:
        print(f"wrote {path}: {made.name}{_made_for(made)}", file=sys.stderr)


def _made_for(model: Model) -> str:
    """For which sizes a module was written, where the model leaves them free."""
    if not model.is_symbolic:
        return ""
    from archlang.report.legal import made_for

    return f", {made_for(model)}"


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="[FILE | -]...")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; list what would change, with exit status 1.")
def fmt(files: tuple[str, ...], only_check: bool) -> None:
    """Lay files out anew, in place; what they say stays as it is. `-` goes from standard input to standard output."""
    formatted, diagnostics = _formatted(files)
    changed = [target for target, source, text in formatted if text != source.text]
    if only_check:
        print("".join(f"{target}\n" for target in changed), end="")
        _finish(diagnostics)
        sys.exit(ERRORS if changed else 0)
    _finish(diagnostics, "nothing was written")
    for target, _, text in formatted:
        if target == STANDARD_OUTPUT:
            print(text, end="")
        elif target in changed:
            replace_file(Path(target).resolve(), text.encode())
            print(f"formatted {target}", file=sys.stderr)


def _formatted(files: tuple[str, ...]) -> tuple[list[tuple[str, Source, str]], list[Diagnostic]]:
    """Each file that parses with its new text, and why the others do not."""
    from archlang.syntax.formatting import format_source

    formatted: list[tuple[str, Source, str]] = []
    diagnostics: list[Diagnostic] = []
    for target in dict.fromkeys(files):
        if target.startswith(ZOO_PREFIX):
            raise click.UsageError(f"{target} ships with archlang and is not rewritten")
        try:
            source = read_source(target)
            formatted.append((target, source, format_source(source)))
        except Diagnosed as error:
            diagnostics.append(error.diagnostic)
    return formatted, diagnostics


@cli.command()
@click.argument("words", nargs=-1, metavar="[CODE | FILE LAYER]")
@reads_a_model
def explain(words: tuple[str, ...], text: str | None, **options: Any) -> None:
    """Explain an error, or a layer with all its numbers.

    \b
    archc explain                           all errors and warnings, a line each
    archc explain stride-drops-input        what it means, why, an example, what to do
    archc explain zoo:alexnet features.3    sizes, counts and receptive field of a layer
    archc explain zoo:alexnet features      a labelled part: its totals, its layers
    """
    expected = 1 if text is not None else 2
    if len(words) > expected or (len(words) < expected and (text is not None or _is_file(words))):
        raise click.UsageError("give a CODE, or a FILE and a LAYER of it; -e TEXT stands for the file")
    if len(words) < expected and any(options.values()):
        raise click.UsageError("a CODE takes no options; they choose the model of a FILE")
    if len(words) < expected:
        from archlang.explain import code_list, page

        print(page(words[0]) if words else code_list(), end="")
        return
    from archlang.report.layer import explanation

    outcome = _outcome(words[0], text, **options, choose_one=True)
    if outcome.ok:
        print(explanation(outcome.models[0], words[-1]), end="")
    _finish(outcome.diagnostics)


def _is_file(words: tuple[str, ...]) -> bool:
    """Whether a lone argument is no code but the file of a layer that was forgotten."""
    return any(word.startswith(ZOO_PREFIX) or "." in word for word in words)


@cli.command()
def zoo() -> None:
    """List the networks that ship with archlang."""
    from archlang import resources
    from archlang.report.text import models_lines

    for path in resources.zoo_files():
        outcome = check_target(f"zoo:{path.stem}", Request())
        print(f"zoo:{path.stem}")
        print("".join(f"  {line}\n" for line in models_lines(outcome.models).splitlines()), end="")


# ---- what the commands share -----------------------------------------------------------------------


def _targets(files: tuple[str, ...], text: str | None) -> tuple[str, ...]:
    if bool(files) == (text is not None):
        raise click.UsageError("give a FILE, or -e TEXT" + (", not both" if files else ""))
    return files or ("",)


def _outcome(
    target: str,
    text: str | None,
    model: str | None,
    bindings: tuple[str, ...],
    inputs: tuple[str, ...],
    strict: bool,
    choose_one: bool,
) -> Outcome:
    request = Request(model, read_bindings(bindings), Options(read_inputs(inputs), strict))
    if text is not None:
        return check_source(Source("<text>", text), request, choose_one)
    return check_target(target, request, choose_one)


def _finish(diagnostics: Iterable[Diagnostic], outcome: str = "") -> None:
    """Print diagnostics to standard error; end with their exit status if there are errors."""
    diagnostics = list(diagnostics)
    if not diagnostics:
        return
    sys.stdout.flush()
    color = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    print(render_text(diagnostics, color=color).rstrip("\n"), file=sys.stderr)
    print("\n" + summary_line(diagnostics, outcome), file=sys.stderr)
    errors = [d for d in diagnostics if d.severity == "error"]
    if errors:
        sys.exit(USAGE if any(isinstance(d.problem, UsageProblem) for d in errors) else ERRORS)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `archc` and exit. A fault of archlang itself is said to be one, with status 3."""
    sys.stdout, sys.stderr = (stream or Path(os.devnull).open("w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    try:
        try:
            cli.main(arguments, prog_name="archc", standalone_mode=True)
        except Diagnosed as error:
            _finish([error.diagnostic])
        except SystemExit:
            sys.stdout.flush()
            raise
    except OSError as error:
        # The output cannot be written; say nothing more to it, not even when Python closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has gone: `archc ... | head`
            sys.exit(ERRORS)
        print(f"archc: cannot write the output: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        sys.exit(USAGE)
    except Exception as error:
        if os.environ.get("ARCHLANG_DEBUG"):
            raise
        place = Path(error.__traceback__.tb_frame.f_code.co_filename).name if error.__traceback__ else ""
        print(f"archc: a fault of archlang itself, not of your file: {type(error).__name__}: {error}", file=sys.stderr)
        print(f"  in {place}; ARCHLANG_DEBUG=1 shows where. Please report it with the file.", file=sys.stderr)
        sys.exit(FAULT)
    sys.exit(0)
