"""`archc zoo`: what ships with archlang."""

from __future__ import annotations

import click

from archlang.checking import Request
from archlang.reading import check_target


@click.command("zoo")
def command() -> None:
    """List the networks that ship with archlang."""
    from archlang import resources
    from archlang.report.text import models_lines

    for path in resources.zoo_files():
        outcome = check_target(f"zoo:{path.stem}", Request())
        print(f"zoo:{path.stem}")
        print("".join(f"  {line}\n" for line in models_lines(outcome.models).splitlines()), end="")
