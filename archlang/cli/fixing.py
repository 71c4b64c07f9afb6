"""`archc check --fix`: files with ways out applied; standard input and `-e` come out as text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archlang.checking import Outcome, Request
from archlang.cli.options import grouped
from archlang.diagnostics import Diagnosed
from archlang.diagnostics.text import printable
from archlang.reading import ZOO_PREFIX, FileImporter, read_source
from archlang.records import record
from archlang.source import Source
from archlang.writing import STANDARD_OUTPUT, replace_file

if TYPE_CHECKING:
    from archlang.fixing import Fixed


@record
class Fixes:
    """Whether files are fixed, and whether in ways that change the architecture."""

    fix: bool
    unsafe_fixes: bool


fixes_files = grouped(
    "fixes",
    Fixes,
    click.option("--fix", is_flag=True, help="Apply safe ways out of errors and warnings to the files; check again."),
    click.option("--unsafe-fixes", is_flag=True, help="With --fix: also those that change the architecture."),
)


def is_text_output(targets: tuple[str, ...], text: str | None) -> bool:
    """Whether standard output is for the fixed text, so that it holds no report."""
    return text is not None or STANDARD_OUTPUT in targets


def fix_target(
    target: str, text: str | None, request: Request, unsafe: bool, allow: tuple[str, ...], deny: tuple[str, ...]
) -> Outcome:
    """Fix a file in place and say what was changed; what a check says of it now. The text of others is printed.

    Warnings in `allow` are left alone, those in `deny` are errors.
    """
    from archlang.fixing import fix_source
    from archlang.lints import known_codes

    # first, so that a misspelt code is said before a file is written
    known_codes(allow, deny)
    # the zoo is part of an installed package, and a .json file has no text that an edit could mend
    if target.startswith(ZOO_PREFIX) or target.endswith(".json"):
        raise click.UsageError(f"{target} is not a file that --fix could rewrite")
    try:
        source = read_source(target) if text is None else Source("<text>", text)
        # a text given with -e lies nowhere, so that paths of imports would be relative to nothing
        importer = None if text is not None else FileImporter(target)
        fixed = fix_source(source, request, unsafe, importer, allow, deny)
        if is_text_output((target,), text):
            # printed even if nothing was mended: whoever pipes it on wants the whole text
            print(fixed.source.text, end="" if fixed.source.text.endswith("\n") else "\n")
        elif fixed.rounds:
            # the file itself and not a link to it, which writing would replace
            _rewrite(Path(target).resolve(), fixed)
    except Diagnosed as error:
        return Outcome((), (error.diagnostic,))
    _tell(fixed, unsafe)
    return fixed.outcome


def _rewrite(path: Path, fixed: Fixed) -> None:
    """Write the fixed text as the file had it: line ends and byte order mark stay."""
    from archlang.fixing import with_line_ends

    replace_file(path, with_line_ends(path.read_bytes().decode(), fixed).encode())


def _tell(fixed: Fixed, unsafe: bool) -> None:
    """A line for each change, and whether more could be done."""
    for change in fixed.changes:
        span = change.remedy.edits[0].span
        # where the edit stands, which may be far from the place of the error
        place = f"{span.source.name}:{span.line}:{span.column}"
        print(printable(f"fixed {place}: {change.remedy.message} [{change.diagnostic.code}]"), file=sys.stderr)
    if fixed.unsafe and not unsafe:
        what = "another way out is" if fixed.unsafe == 1 else f"{fixed.unsafe} other ways out are"
        print(f"{what} for the author to choose; --unsafe-fixes applies the first of each", file=sys.stderr)
