"""What the legend of a picture explains: its families of layers, and how they are arranged."""

from __future__ import annotations

from archlang.backends.diagram import Box, Diagram
from archlang.backends.render_options import RenderOptions
from archlang.backends.themes import FAMILY_NAMES

LEGEND_FAMILIES = 4
LEGEND_BOXES = 16
"""Families and boxes from which on a legend helps: in a smaller picture the boxes themselves say it all."""

LEGEND_ROW = 2
"""How many families stand beside each other."""


def legend_families(diagram: Diagram, options: RenderOptions) -> list[str]:
    """The families to explain, in the legend's order; empty where there is no legend."""
    layers = [box for box in diagram.boxes if not _plain(box)]
    known = {box.family if box.family in FAMILY_NAMES else "other" for box in layers}
    large = len(known) >= LEGEND_FAMILIES and len(layers) >= LEGEND_BOXES
    wanted = large if options.legend is None else options.legend
    return [family for family in FAMILY_NAMES if family in known] if wanted else []


def _plain(box: Box) -> bool:
    """Whether a box is of no family of layers."""
    return box.family in ("input", "output", "folded", "error")


def legend_rows(families: list[str]) -> list[list[str]]:
    """The families as they stand beside each other."""
    return [families[start : start + LEGEND_ROW] for start in range(0, len(families), LEGEND_ROW)]
