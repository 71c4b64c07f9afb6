"""`archc render`: a model as a diagram."""

from __future__ import annotations

from typing import Any

import click

from archlang.cli.common import reads_a_model
from archlang.cli.making import make


@click.command("render")
@click.argument("file", required=False, metavar="FILE")
@reads_a_model
@click.option("-o", "--output", metavar="OUT", help="A path ending in .svg, .dot, .png or .pdf; - for standard output.")
def command(file: str | None, output: str | None, **options: Any) -> None:
    """Draw a model as a diagram."""
    make("render", file, output, **options)
