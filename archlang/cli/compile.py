"""`archc compile`: a model as a file for torch, or as archlang's own IR."""

from __future__ import annotations

from typing import Any

import click

from archlang.cli.common import reads_a_model
from archlang.cli.making import make


@click.command("compile")
@click.argument("file", required=False, metavar="FILE")
@reads_a_model
@click.option("-o", "--output", metavar="OUT", help="A path ending in .py or .json; - for standard output.")
def command(file: str | None, output: str | None, **options: Any) -> None:
    """Write a model as a PyTorch module (.py), or as archlang's own IR (.json)."""
    make("compile", file, output, **options)
