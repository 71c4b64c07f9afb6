"""`archc diff`: what differs between two models, block by block."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from archlang.checking import Outcome, Request
from archlang.cli.common import DTYPES, ERRORS, LEAST_WIDTH, finish, in_colour, terminal_width
from archlang.diagnostics.text import render
from archlang.elaborate.parts import Options
from archlang.reading import ZOO_PREFIX, check_target, read_bindings, read_inputs


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
@click.option("-D", "both", metavar="NAME=VALUE", multiple=True, help="Give a parameter of both models a value.")
@click.option("--old", "of_old", metavar="NAME=VALUE", multiple=True, help="Give one of the old model alone a value.")
@click.option("--new", "of_new", metavar="NAME=VALUE", multiple=True, help="Give one of the new model alone a value.")
@click.option("--input", "inputs", metavar="[NAME=]C,H,W", multiple=True, help="Another shape for the input of both.")
@click.option("--batch", type=click.IntRange(1, 10**6), default=1, help="Samples at once, for the memory figures.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", help="Type of the numbers, for memory.")
@click.option("--format", "form", type=click.Choice(("text", "json", "md")), default="text")
@click.option("--width", type=click.IntRange(LEAST_WIDTH), help="Width of the text; without it that of the terminal.")
@click.option("--exit-code", is_flag=True, help="End with status 1 if the networks differ, as diff does.")
def command(
    old: str,
    new: str | None,
    both: tuple[str, ...],
    of_old: tuple[str, ...],
    of_new: tuple[str, ...],
    inputs: tuple[str, ...],
    batch: int,
    dtype: str,
    form: str,
    width: int | None,
    exit_code: bool,
) -> None:
    """Show what differs between two models: what was added, removed and changed, block by block.

    OLD and NEW are files, or `zoo:NAME`, each with the model of it that is meant: FILE:MODEL. Without NEW it is OLD
    with other values.

    \b
    archc diff zoo:vgg:VGG16 zoo:vgg:VGG19
    archc diff net.arch:Small net.arch:Large
    archc diff zoo:alexnet --new classes=10
    """
    if new is None and not (of_old or of_new):
        raise click.UsageError("give a second model, or values that only one has: --new NAME=VALUE")
    if [split_target(target)[0] for target in (old, new or old)] == ["-", "-"]:
        raise click.UsageError("standard input can be read once only")
    outcomes = (
        _outcome(old, (*both, *of_old), inputs),
        _outcome(new if new is not None else old, (*both, *of_new), inputs),
    )
    found = (diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics)
    # by their texts, as the two readings have sources of their own
    diagnostics = list({render((diagnostic,)): diagnostic for diagnostic in found}.values())  # a file read twice
    # two models or nothing: a difference from half a model would be mostly the error
    if not all(outcome.models for outcome in outcomes):
        finish(diagnostics, "nothing was compared")
        return
    from archlang.report.changes import compare
    from archlang.report.columns import View
    from archlang.report.diff import diff_json, diff_markdown, diff_text

    found = compare(*(outcome.models[0] for outcome in outcomes))
    view = View(None, None, width or terminal_width(sys.stdout), batch, dtype, colour=in_colour(sys.stdout))
    texts = {
        "text": lambda: diff_text(found, view) + "\n",
        "json": lambda: diff_json(found, view),
        "md": lambda: diff_markdown(found, view),
    }
    print(texts[form](), end="")
    finish(diagnostics)
    # as of diff and `git diff`: differing is no error unless it was asked for
    if exit_code and not found.same:
        sys.exit(ERRORS)


def _outcome(target: str, bindings: tuple[str, ...], inputs: tuple[str, ...]) -> Outcome:
    path, model = split_target(target)
    return check_target(path, Request(model, read_bindings(bindings), Options(read_inputs(inputs))), True)


def split_target(target: str) -> tuple[str, str | None]:
    """`zoo:vgg:VGG16` as `zoo:vgg` and `VGG16`; a target that names no model, or is a file as it stands, is whole."""
    path, _, model = target.rpartition(":")
    # `zoo:vgg` is no file `zoo` with a model `vgg`, and a file may have a colon in its name
    if not path or f"{path}:" == ZOO_PREFIX or not re.fullmatch(r"[^\W\d]\w*", model) or Path(target).exists():
        return target, None
    return path, model
