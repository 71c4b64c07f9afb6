"""`archc compile`: a model as a file for torch, or as archlang's own IR."""

from __future__ import annotations

import click

from archlang.cli.making import make
from archlang.cli.options import Reading, reads_a_model


@click.command("compile")
@click.argument("file", required=False, metavar="FILE")
@reads_a_model
@click.option(
    "-o", "--output", metavar="OUT", help="A path ending in .py, .json, .onnx or .pt2; - for standard output."
)
def command(file: str | None, output: str | None, reading: Reading) -> None:
    """Write a model as a PyTorch module (.py), as archlang's own IR (.json), or with weights as ONNX or .pt2.

    \b
    archc compile zoo:alexnet                  alexnet.py, which imports torch and nothing else
    archc compile zoo:alexnet -o alexnet.onnx  with the weights of seed 0 and any batch (archlang[onnx])
    """
    make("compile", file, output, reading)
