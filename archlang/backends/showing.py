"""How a model shows itself in a notebook: its table, and its picture behind a click."""

from __future__ import annotations

from archlang.backends.drawing import draw
from archlang.backends.pages import write_page
from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Model
from archlang.report.exports import html_text


def model_html(model: Model) -> str:
    """The report's table and the diagram, which is left out where there are more boxes than can be drawn."""
    table = html_text([model])
    try:
        picture = write_page(draw(model))
    except Diagnosed:
        return table
    return f"{table}\n<details><summary>diagram</summary>\n{picture}</details>"
