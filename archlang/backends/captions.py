"""What stands in a box or on a frame, by the facts that were asked for: the same words in every format."""

from __future__ import annotations

import textwrap

from archlang.backends.diagram import Box, Cluster, Edge
from archlang.backends.render_options import RenderOptions

UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))

LONGEST_LINE = 44
"""Characters of a box in one line; the arguments of one with more stand below its title."""

LONGEST_HEADING = 36
"""The same for the heading of a frame."""

WRAP = 32
"""Characters from which on a line of arguments is broken."""

ALWAYS_NAMED = frozenset({"input", "output", "folded"})
"""Families of boxes whose title is a name of the author's, not a type."""


def box_lines(box: Box, options: RenderOptions) -> tuple[str, ...]:
    """The lines of a box: `conv1: Conv2d  3x3, 64`, then its counts if they are asked for."""
    if box.family == "error":
        head = ": ".join(text for text in (box.label, box.title) if text)
        return (head, *textwrap.wrap(box.detail, LONGEST_LINE))
    named = box.family in ALWAYS_NAMED
    title = " + ".join((_title(box), *box.merged)) if named or options.shows("type") else ""
    name = box.label if options.shows("name") else ""
    detail = box.detail if options.shows("kernel") or named else ""
    marks = " (shared)" if box.shared else ""
    head = ": ".join(text for text in (name, title) if text)
    counts = ", ".join(_counts(box.parameters, box.macs, options))
    if len(head) + len(detail) > LONGEST_LINE:
        lines = [f"{head}{marks}", *_wrapped(detail)]
    else:
        # never empty: where nothing is to be shown of a box, its type stands in it
        lines = ["  ".join(text for text in (f"{head}{marks}", detail) if text) or _title(box)]
    return tuple(line for line in (*lines, counts) if line)


def _wrapped(text: str) -> list[str]:
    """A list as lines, broken behind its commas."""
    lines = [""]
    for item in text.split(", "):
        if lines[-1] and len(lines[-1]) + len(item) > WRAP:
            lines.append("")
        lines[-1] += f"{item}, "
    return [line.removesuffix(" ") for line in lines[:-1]] + [lines[-1].removesuffix(", ")]


def _title(box: Box) -> str:
    return box.symbol or box.title


def frame_lines(cluster: Cluster, options: RenderOptions) -> tuple[str, ...]:
    """`features`, `layer1: unit(c=64)  x3`, `x2`; arguments that make it long stand in lines of their own."""
    definition, arguments = cluster.definition, ""
    # a heading makes its frame as wide as itself, whatever stands in the frame
    if len(cluster.name) + len(definition) > LONGEST_HEADING:
        definition, _, arguments = definition.removesuffix(")").partition("(")
    name = ": ".join(text for text in (cluster.name, definition) if text)
    count = f"x{cluster.count:,}" if cluster.count > 1 else ""
    marks = " ".join(
        text for text, holds in (("(in training)", cluster.training), ("(shared)", cluster.shared)) if holds
    )
    counts = ", ".join(_counts(cluster.parameters, cluster.macs, options))
    first = "  ".join(text for text in (name, count, cluster.note, marks, counts) if text)
    return (first, *_wrapped(arguments)) if arguments else (first,)


def edge_text(edge: Edge, options: RenderOptions) -> str:
    """The shape on an edge."""
    return edge.text if options.shows("shape") else ""


def _counts(parameters: int, macs: int, options: RenderOptions) -> list[str]:
    """`9,248 params`, `9.44M MACs`; what is zero is left out."""
    shown = [f"{parameters:,} params"] if parameters and options.shows("parameters") else []
    return shown + ([f"{short_count(macs)} MACs"] if macs and options.shows("macs") else [])


def short_count(count: int) -> str:
    """9,437,184 as `9.44M`: three digits are enough beside a box; formulas of sizes left free as they are."""
    if type(count) is not int:
        return f"{count:,}"
    for size, unit in UNITS:
        if count >= size:
            return f"{count / size:.3g}{unit}" if count < 999.5 * size else f"{count // size:,}{unit}"
    return str(count)
