"""From a model to the text of a standalone Python file, as one writes it by hand: torch is all that it imports.

`steps.py`, `parts.py` and `measures.py` bring bodies into the order of the text. `frames.py`, `functions.py` and
`loops.py` decide what is a number and what a variable, with the author's words (`authors.py`, `indices.py`) where they
fit. `containers.py` with its sinks writes constructors; `flow.py`, `forward.py`, `statements.py` and `asides.py` write
`forward`; `class_writer.py` and `classes.py` the classes; `text.py` lays out the lines.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from importlib import resources

from archlang.backends.initialise import SCHEMES
from archlang.backends.torch_source import crops
from archlang.backends.torch_source.authors import Author, Family
from archlang.backends.torch_source.classes import CannotMerge, Classes
from archlang.backends.torch_source.crops import write_crop
from archlang.backends.torch_source.frames import NotExpressible
from archlang.backends.torch_source.guards import decides_sizes, write_guard
from archlang.backends.torch_source.samples import take_samples
from archlang.backends.torch_source.schemes import write_function
from archlang.backends.torch_source.text import Code
from archlang.errors.words import shape_text
from archlang.ir.graph import Model
from archlang.ir.walk import fold_totals

USES = {"Tensor": r": Tensor\b", "torch": r"\btorch\."}
"""What shows that a copied class needs an import."""


def write_source(model: Model, source_name: str, family: Family | None = None) -> str:
    """The text of a Python file that defines the model; `source_name` is the .arch file that its header names.

    With the `family` of the model (see `variants.py`), parameters become arguments of its constructor.
    """
    classes = _write_classes(model, family, source_name)
    code = Code()
    code.docstring(_header(model, source_name))
    code.blank()
    code.add("from __future__ import annotations")
    code.blank()
    # copies come first: what they mention (`torch.`, `: Tensor`) decides about the imports above them
    copies = [support_text(name, new) for name, new in classes.support.items()]
    used = {word for word, use in USES.items() if any(re.search(use, text) for text in copies)}
    _write_imports(code, classes.required | used, classes.imported)
    for text in copies:
        code.lines += ["", "", *text.splitlines()]
    # `required` holds imports and helpers alike; the names of schemes in it are functions to write
    for scheme in sorted(classes.required & set(SCHEMES)):
        code.lines += ["", ""]
        write_function(code, model, scheme)
    if crops.NAME in classes.required:
        code.lines += ["", ""]
        write_crop(code)
    for name, check in classes.guards.items():
        code.lines += ["", ""]
        write_guard(code, name, check, classes.model_inputs)
    code.take(classes.code)
    return "\n".join(code.lines) + "\n"


def _write_classes(model: Model, family: Family | None, source_name: str) -> Classes:
    """The classes, with as many arguments of the model as its numbers can be told from.

    Each try gives up more than the one before: that a block is one class, or that a parameter is an argument.
    """
    separate, fixed = frozenset[str](), frozenset[str]()
    author = Author(family)
    samples = take_samples(model, author)
    while True:
        classes = Classes(samples, source_name, author, separate)
        try:
            classes.write_model()
            unfit = classes.unwritten_condition() or decides_sizes(samples)
        except NotExpressible as error:
            unfit = samples.unfit(error.values)
        except CannotMerge as error:
            # a block that is separate already has nothing left to give up but a parameter
            unfit = samples.least(samples.free) if error.definition in {*separate, None} else None
            separate |= frozenset(filter(None, [error.definition]))
        else:
            if unfit is None:
                return classes
        # what sampling itself refused stays refused: each try has less to vary than the one before, so there is a last
        fixed |= {*samples.fixed, unfit} if unfit else frozenset[str]()
        samples = take_samples(model, author, fixed, separate)


def support_text(name: str, new_name: str) -> str:
    """The text of a class of `backends/support.py`, under a new name."""
    text = resources.files("archlang.backends").joinpath("support.py").read_text(encoding="utf-8")
    found = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == name)
    lines = text.splitlines()[found.lineno - 1 : found.end_lineno]
    lines[0] = lines[0].replace(f"class {name}(", f"class {new_name}(")
    # a generated file imports torch, Tensor and nn, and no `F`
    return re.sub(r"\bF\.", "nn.functional.", "\n".join(lines))


def _header(model: Model, source_name: str) -> list[str]:
    # bodies stand behind those that they use: the last one is the model's own
    totals = fold_totals(model)[-1]
    inputs = ", ".join(shape_text(item.shape) for item in model.inputs)
    outputs = ", ".join(shape_text(output.shape) for output in model.outputs)
    figures = f"{totals.parameters:,} parameters, {totals.macs:,} multiply-accumulates."
    title = f"{model.name}, written by archlang from {source_name}."
    paragraphs = (title, _doc(model.doc), f"{inputs} -> {outputs}; {figures}")
    return [paragraph for paragraph in paragraphs if paragraph]


def _doc(text: str) -> str:
    """The comment above the model; characters that do not print are left out."""
    # escapes and turns of the writing direction would let the file look like other code than it is
    lines = ["".join(c for c in line.expandtabs() if c.isprintable()).rstrip() for line in text.strip().split("\n")]
    return "\n".join(lines)


def _write_imports(code: Code, required: set[str], imported: Mapping[str, str]) -> None:
    """What the module imports, in the order of isort. `imported`: classes of other packages, with their names."""
    standard = {"itertools": "import itertools", "OrderedDict": "from collections import OrderedDict"}
    if lines := [line for name, line in standard.items() if name in required]:
        code.lines += [*lines, ""]
    if "torch" in required:
        code.add("import torch")
    lines = [f"from torch import {'Tensor, ' if 'Tensor' in required else ''}nn"]
    for target, name in imported.items():
        module, written = target.split(":")
        lines.append(f"from {module} import {written}" + (f" as {name}" if name != written else ""))
    # by module; `import torch` is in front of them already, as isort puts plain imports before `from`
    for line in sorted(lines, key=lambda line: line.split()[1]):
        code.add(line)
