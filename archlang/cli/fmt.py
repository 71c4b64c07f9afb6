"""`archc fmt`: files in their canonical layout."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from archlang.cli.common import ERRORS, finish
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.reading import ZOO_PREFIX, read_source
from archlang.source import Source
from archlang.writing import STANDARD_OUTPUT, replace_file


@click.command("fmt")
@click.argument("files", nargs=-1, required=True, metavar="[FILE | -]...")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; list what would change, with exit status 1.")
def command(files: tuple[str, ...], only_check: bool) -> None:
    """Lay files out anew, in place; what they say stays as it is. `-` goes from standard input to standard output."""
    # all files are read before any is written: with one that does not parse, nothing changes
    formatted, diagnostics = _formatted(files)
    changed = [target for target, source, text in formatted if text != source.text]
    if only_check:
        print("".join(f"{target}\n" for target in changed), end="")
        finish(diagnostics)
        sys.exit(ERRORS if changed else 0)
    finish(diagnostics, "nothing was written")
    for target, _, text in formatted:
        if target == STANDARD_OUTPUT:
            print(text, end="")
        elif target in changed:
            # the file itself and not a link to it, which writing would replace
            replace_file(Path(target).resolve(), text.encode())
            print(f"formatted {target}", file=sys.stderr)


def _formatted(files: tuple[str, ...]) -> tuple[list[tuple[str, Source, str]], list[Diagnostic]]:
    """Each file that parses with its new text, and why the others do not."""
    from archlang.syntax.formatting import format_source

    formatted: list[tuple[str, Source, str]] = []
    diagnostics: list[Diagnostic] = []
    # a file that is named twice is read and written once
    for target in dict.fromkeys(files):
        if target.startswith(ZOO_PREFIX):
            raise click.UsageError(f"{target} ships with archlang and is not rewritten")
        try:
            source = read_source(target)
            formatted.append((target, source, format_source(source)))
        except Diagnosed as error:
            diagnostics.append(error.diagnostic)
    return formatted, diagnostics
