"""The page as one file: data, style and scripts in it, nothing fetched. What a name holds is data and never markup."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from archlang.backends.drawing import find_target
from archlang.backends.html.records import table
from archlang.backends.html.scenes import scenes
from archlang.backends.render_options import EVERYTHING, RenderOptions
from archlang.backends.themes import FAMILY_NAMES, PALETTES, Palette
from archlang.diagnostics.text import printable
from archlang.errors.words import plural, shape_text
from archlang.ir.graph import Model
from archlang.ir.walk import fold_totals
from archlang.report.columns import flops_of, macs_of, parameters_of

SCRIPTS = ("layering.js", "columns.js", "scene.js", "placing.js", "drawing.js", "details.js", "table.js", "page.js")
"""In the order in which they build on each other."""

UNSAFE = re.compile("[<>&]")
"""What a parser of HTML could take for more than text."""


def write_html(model: Model, options: RenderOptions | None = None) -> str:
    """The page of a model, in ASCII. Raises `Diagnosed` for a path that is none, and for too many boxes in one body."""
    options = options or RenderOptions()
    for path in options.expand:
        if path != EVERYTHING:
            # the page opens paths itself: this only refuses those that are none
            find_target(model, path)
    style = f"{_colours()}\n{_part('page.css')}"
    # in one function: names of scripts do not become names of the window
    script = f'(() => {{\n"use strict";\n{"".join(_part(name) for name in SCRIPTS)}}})();\n'
    parts = {
        "policy": f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'",
        "title": _ascii(escape(printable(model.name))),
        "theme": options.theme,
        "style": style,
        "data": _json(page_data(model, options)),
        "script": script,
    }
    # in one pass, so that braces in a model's name are not looked at again
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _part("page.html"))


def page_data(model: Model, options: RenderOptions) -> dict[str, Any]:
    """What the scripts read."""
    totals = fold_totals(model)[-1]
    return {
        "name": printable(model.name),
        "totals": [
            plural(totals.layers, "layer"),
            f"{parameters_of(totals).footing} parameters",
            f"{macs_of(totals).footing} MACs",
            f"{flops_of(totals).footing} FLOPs for one sample",
        ],
        "inputs": [
            {"name": printable(given.name), "shape": shape_text(given.shape), "sizes": _sizes(given.shape)}
            for given in model.inputs
        ],
        "outputs": [
            {"name": printable(out.name), "shape": shape_text(out.shape), "training": out.training}
            for out in model.outputs
        ],
        "root": len(model.bodies) - 1,
        "bodies": scenes(model, options),
        "table": table(model),
        "families": FAMILY_NAMES,
        "options": {
            "across": options.direction == "LR",
            "depth": options.depth,
            "expand": [printable(path) for path in options.expand],
            "legend": options.legend,
            "shapes": options.shows("shape"),
        },
    }


def _sizes(shape: tuple[int, ...]) -> list[int] | None:
    """Sizes in numbers; None where some are left free."""
    return list(shape) if all(type(size) is int for size in shape) else None


def _part(name: str) -> str:
    return (files(__name__.rpartition(".")[0]) / name).read_text(encoding="ascii")


def _ascii(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _json(data: dict[str, Any]) -> str:
    text = json.dumps(data, separators=(",", ":"))
    # \u003c means the same to JSON, and `</script>` in a label cannot end the element
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _hash(text: str) -> str:
    """The source of a script or style for the page's policy: nothing else runs, and nothing is loaded."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


# ---- colours ---------------------------------------------------------------------------------------


def _colours() -> str:
    """Each theme as variables; `light` follows the reader's system."""
    rules = [f':root[data-theme="{theme}"] {{{_variables(palette)}}}' for theme, palette in PALETTES.items()]
    families = "".join(
        f".f-{family} > .box {{fill: var(--{family}); stroke: var(--{family}-line)}}\n"
        for family in (*PALETTES["light"].families, "error")
    )
    return "\n".join([*rules, families])


def _variables(palette: Palette) -> str:
    frames = {"scope": palette.scope, "copies": palette.copies}
    plain = {"page": palette.page, "text": palette.text, "edge": palette.edge}
    paints = {**palette.families, "error": palette.error}
    values = dict(plain)
    for name, paint in paints.items():
        values |= {name: paint.fill, f"{name}-line": paint.line}
    for name, frame in frames.items():
        values |= {name: frame.fill, f"{name}-line": frame.line, f"{name}-heading": frame.heading}
        values |= {f"{name}-text": frame.text}
    return "".join(f"--{name}: {value};" for name, value in values.items())
