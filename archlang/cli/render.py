"""`archc render`: a model as a diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archlang.cli.making import make
from archlang.cli.options import Reading, reads_a_model

if TYPE_CHECKING:
    from archlang.backends.render_options import RenderOptions


@click.command("render")
@click.argument("file", required=False, metavar="FILE")
@reads_a_model
@click.option(
    "-o", "--output", metavar="OUT", help="A path ending in .svg, .dot, .png, .pdf, .html, .mmd or .tex; -: SVG here."
)
@click.option("--style", default="boxes", metavar="STYLE", help="boxes, or volumes: feature maps, as in papers.")
@click.option("--expand", metavar="PATH", multiple=True, help="Draw the copies in this scope one by one; all: all.")
@click.option("--depth", type=int, metavar="N", help="Draw N levels of scopes; otherwise as many as fit a page.")
@click.option("--direction", metavar="TB|LR", help="From top to bottom, or from left to right.")
@click.option("--columns", type=int, metavar="N", help="Cut it into N columns, or rows; otherwise as fits a page.")
@click.option("--show", metavar="FACTS", help="Any of name,type,kernel,shape,parameters,macs.")
@click.option("--theme", default="light", metavar="THEME", help="light, dark, print or colorblind.")
@click.option("--merge", is_flag=True, help="Draw normalisation and activation into the layer before them.")
@click.option("--legend/--no-legend", default=None, help="Say what the colours mean; otherwise where it helps.")
@click.option("--partial", is_flag=True, help="With errors: draw all up to the layer that fails, and that one red.")
def command(
    file: str | None,
    output: str | None,
    style: str,
    expand: tuple[str, ...],
    depth: int | None,
    direction: str | None,
    columns: int | None,
    show: str | None,
    theme: str,
    merge: bool,
    legend: bool | None,
    partial: bool,
    reading: Reading,
) -> None:
    """Draw a model as a diagram."""

    # called by `make`, which reports wrong options as it reports wrong files
    def drawing() -> RenderOptions:
        from archlang.backends.render_options import read_options

        return read_options(expand, depth, direction, show, theme, merge, legend, style, columns)

    make("render", file, output, reading, drawing=drawing, partial=partial)
