"""From a model to the text of a standalone Python file, as one writes it by hand: torch is all that it imports.

`parts.py` brings bodies into the order of the text, `frames.py` decides what is a number and what a variable,
`containers.py` and `forward.py` write the inside of classes, `classes.py` the classes, `text.py` lays out the lines.
"""

from __future__ import annotations

import textwrap

from archlang.backends.initialise import SCHEMES
from archlang.backends.torch_source.classes import Classes, write_scheme
from archlang.backends.torch_source.text import Code
from archlang.errors.words import shape_text
from archlang.ir.graph import Model
from archlang.ir.walk import fold_totals

LONGEST_LINE = 112
"""Most characters of a line of the comment that stands above a model; it is not broken for less."""


def write_source(model: Model, source_name: str) -> str:
    """The text of a Python file that defines the model; `source_name` is the .arch file that its header names."""
    classes = Classes(model, source_name)
    classes.write_model()
    code = Code()
    code.docstring(_header(model, source_name))
    code.blank()
    code.add("from __future__ import annotations")
    code.blank()
    _write_imports(code, classes.required)
    for scheme in sorted(classes.required & set(SCHEMES)):
        _write_helper(code, scheme, classes.initialised_types(" | "))
    code.take(classes.code)
    return "\n".join(code.lines) + "\n"


def _header(model: Model, source_name: str) -> list[str]:
    totals = fold_totals(model)[-1]
    inputs = ", ".join(shape_text(item.shape) for item in model.inputs)
    outputs = ", ".join(shape_text(output.shape) for output in model.outputs)
    figures = f"{totals.parameters:,} parameters, {totals.macs:,} multiply-accumulates."
    title = f"{model.name}, written by archlang from {source_name}."
    paragraphs = (title, _doc(model.doc), f"{inputs} -> {outputs}; {figures}")
    return [paragraph for paragraph in paragraphs if paragraph]


def _doc(text: str) -> str:
    """The comment above the model; long lines are broken, characters that do not print are left out."""
    lines = ["".join(c for c in line.expandtabs() if c.isprintable()).rstrip() for line in text.strip().split("\n")]
    return "\n".join(textwrap.fill(line, LONGEST_LINE) for line in lines)


def _write_imports(code: Code, required: set[str]) -> None:
    if "count" in required:
        code.add("from itertools import count")
        code.blank()
    if "torch" in required:
        code.add("import torch")
    code.add(f"from torch import {'Tensor, ' if 'Tensor' in required else ''}nn")


def _write_helper(code: Code, scheme: str, types: str) -> None:
    code.blank()
    code.blank()
    code.add(f"def init_{scheme}(layer: {types}) -> nn.Module:")
    inner = code.deeper()
    inner.docstring([f"The layer with weights by {SCHEMES[scheme].function} and biases of 0."])
    write_scheme(inner, scheme, "layer")
    inner.add("return layer")
    code.take(inner)
