"""Writes the function that a module's `forward` begins with: it raises one clear error for inputs that do not fit."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace

from archlang.backends.input_check import InputCheck, Pattern, condition, input_check, trains_parts
from archlang.backends.torch_source.samples import Samples
from archlang.backends.torch_source.text import LONGEST_LINE, WIDTH, Code
from archlang.backends.torch_source.words import variable_name
from archlang.ir.graph import BodyId, Input, Model

NAME = "check_input"

TRAINING_NAME = "check_training_input"


def guards(samples: Samples) -> dict[str, InputCheck]:
    """The functions by their names, a second one where parts that run in training only demand something else."""
    # a model may have the name of the function itself, and its class comes later in the file
    always, in_training = (f"{name}_" if name == samples.model.name else name for name in (NAME, TRAINING_NAME))
    found = {always: sample_check(samples, False)}
    if trains_parts(samples.model):
        training = sample_check(samples, True)
        if training.text != found[always].text:
            found[in_training] = training
    return found


def sample_check(samples: Samples, training: bool) -> InputCheck:
    """What the inputs must be whatever the arguments of the constructor are.

    Of other arguments, it is those of the first sample and of the last, in which all differ, that are looked at.
    """
    own, *others = samples.roots
    found = input_check(_model_at(samples, own), training)
    # each check is a walk over all sizes at once, so two samples stand for the rest
    for root in dict.fromkeys((*others[:1], *others[-1:])):
        check = input_check(_model_at(samples, root), training)
        if check.text != found.text:
            found = _common(found, check)
    return found


def decides_sizes(samples: Samples) -> str | None:
    """A parameter that decides about parts, and so about which sizes the inputs have; None if there is none."""
    decided = {name for _, names in samples.conditions for name in names} & set(samples.free)
    others = (one for one in samples.samples if len(one.values) == 1 and set(one.values) <= decided)
    found = {name for one in others for name in one.values if _demands_others(samples, one.root)}
    return samples.least(found) if found else None


def _demands_others(samples: Samples, root: BodyId) -> bool:
    """Whether the inputs of a sample must have other sizes, where those of the model have limits."""
    own = input_check(_model_at(samples, samples.roots[0]))
    return any(own.boxes) and input_check(_model_at(samples, root)).text != own.text


def _model_at(samples: Samples, root: BodyId) -> Model:
    """The model of a sample."""
    # bodies stand behind those that they use, so the rest of the table concerns other samples
    bodies = samples.model.bodies[: root + 1]
    names = (given.name for given in samples.model.inputs)
    return replace(samples.model, bodies=bodies, inputs=tuple(map(Input, names, bodies[root].inputs)))


def _common(one: InputCheck, other: InputCheck) -> InputCheck:
    """What both demand: the numbers in which they agree, and nothing of free sizes."""
    pairs = (zip(a, b, strict=True) for a, b in zip(one.patterns, other.patterns, strict=True))
    rows = (tuple(a if a == b and isinstance(a, int) else None for a, b in row) for row in pairs)
    # a box without letters demands nothing
    return replace(one, patterns=tuple(rows), boxes=({},))


def write_guard(code: Code, name: str, check: InputCheck, inputs: Sequence[str]) -> None:
    """A function. `inputs` are what `forward` calls them."""
    # fx keeps it as one call: it cannot trace an `if` about sizes
    code.add("@torch.fx.wrap")
    code.add(f"def {name}({', '.join(f'{name}: Tensor' for name in inputs)}) -> None:")
    body = code.deeper()
    what = "inputs of these shapes" if len(inputs) > 1 else "an input of this shape"
    mode = " in training" if check.training else ""
    body.docstring([f"Raise ValueError unless {check.model} takes {what}{mode}."])
    body.add("if torch.compiler.is_compiling():")
    body.take(_one(body, "return  # what compiles or exports a module has guards of its own"))
    # asked before sizes are unpacked, which would fail with a message of Python's; one more axis is the batch
    ranks = [f"{name}.dim() == {len(p) + 1}" for name, p in zip(inputs, check.patterns, strict=True)]
    # equal tuples are of equal length, so the number of axes needs no question of its own
    if len(inputs) == 1 and all(isinstance(size, int) for size in check.patterns[0]):
        body.add(f"if {inputs[0]}.shape[1:] == {_tuple_text(check.patterns[0])}:")
        body.take(_one(body, "return"))
    elif all(isinstance(size, int) for pattern in check.patterns for size in pattern):
        _sizes(body, check, inputs)
    else:
        body.add(f"if {' and '.join(ranks)}:")
        body.take(_sizes(body.deeper(), check, inputs))
    given = " and ".join(f"{{'x'.join(map(str, {name}.shape))}}" for name in inputs)
    _write_raise(body, f"{check.start}, not ", given, check.hint)
    code.take(body)


def _tuple_text(sizes: Pattern) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def _one(code: Code, text: str) -> Code:
    inner = code.deeper()
    inner.add(text)
    return inner


def _sizes(code: Code, check: InputCheck, inputs: Sequence[str]) -> Code:
    """The sizes by name, and what must hold of them."""
    names, demands = dict[str, str](), list[str]()
    taken = {*inputs, "torch", "_"}
    for name, pattern in zip(inputs, check.patterns, strict=True):
        if all(isinstance(size, int) for size in pattern):
            # all inputs have the batch of the first
            batch = [] if name == inputs[0] else [f"{name}.shape[0] == {inputs[0]}.shape[0]"]
            demands += [f"{name}.shape[1:] == {_tuple_text(pattern)}", *batch]
            continue
        parts = ["_"]
        for size in pattern:
            # linters ask for `_` where a name is not used
            if size is None or (isinstance(size, str) and size not in _limited(check)):
                parts.append("_")
                continue
            wanted = "channels" if isinstance(size, int) and len(parts) == 1 else f"size{len(parts)}"
            wanted = size if isinstance(size, str) and size.isidentifier() else wanted
            part = variable_name(wanted, taken.__contains__)
            taken.add(part)
            parts.append(part)
            if isinstance(size, int):
                demands.append(f"{part} == {size}")
            # a letter that was met before is an equal size: the two are compared
            elif names.setdefault(size, part) != part:
                demands.append(f"{part} == {names[size]}")
        if name != inputs[0]:
            demands.append(f"{name}.shape[0] == {inputs[0]}.shape[0]")
        if set(parts) != {"_"}:
            code.add(f"{', '.join(parts)} = {name}.shape")
    _write_demands(code, [*demands, *_limits(check, names)])
    return code


def _limited(check: InputCheck) -> set[str]:
    """Letters of which something is demanded: a set of sizes, or that two are equal."""
    letters = [size for pattern in check.patterns for size in pattern if isinstance(size, str)]
    return {name for box in check.boxes for name in box} | {name for name in letters if letters.count(name) > 1}


def _limits(check: InputCheck, names: dict[str, str]) -> Iterator[str]:
    boxes = [[condition(sizes, names[name]) for name, sizes in box.items() if name in names] for box in check.boxes]
    if len(boxes) == 1:
        yield from boxes[0]
    elif boxes:
        wholes = (" and ".join(box) for box in boxes)
        yield f"({' or '.join(f'({whole})' if ' and ' in whole else whole for whole in wholes)})"


def _write_demands(code: Code, demands: Sequence[str]) -> None:
    """`if channels == 3 and h >= 63:`, on several lines where it is long."""
    pieces = [piece for demand in demands for piece in ([demand] if demand[0] == "(" else demand.split(" and "))]
    # alternatives that are all there is need no parentheses
    if len(pieces) == 1 and pieces[0][0] == "(":
        pieces = [pieces[0][1:-1]]
    text = f"if {' and '.join(pieces)}:"
    if not pieces:
        code.add("return")
    elif code.indent + len(text) <= LONGEST_LINE:
        code.add(text)
        code.take(_one(code, "return"))
    else:
        code.add("if (")
        inner = code.deeper()
        for number, piece in enumerate(pieces):
            inner.add(f"and {piece}" if number else piece)
        code.take(inner)
        code.add("):")
        code.take(_one(code, "return"))


def _write_raise(code: Code, start: str, given: str, hint: str) -> None:
    """The error; a long message in pieces."""
    message = f'f"{start}{given}{hint}"'
    if code.indent + len(message) + len("raise ValueError()") <= LONGEST_LINE:
        code.add(f"raise ValueError({message})")
        return
    inner = code.deeper()
    if inner.indent + len(message) <= LONGEST_LINE:
        inner.add(message)
    else:
        # blanks stay at the ends: Python joins neighbouring literals without any
        for piece in textwrap.wrap(start, WIDTH - inner.indent - 3, drop_whitespace=False):
            inner.add(f'"{piece}"')
        inner.add(f'f"{given}"')
        for piece in textwrap.wrap(hint, WIDTH - inner.indent - 3, drop_whitespace=False):
            inner.add(f'"{piece}"')
    code.add("raise ValueError(")
    code.take(inner)
    code.add(")")
