"""The part of the reports that only models with free sizes have: their legal sizes, and what forces them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archlang.errors.words import listing, shape_text
from archlang.ir.arithmetic import Symbolic
from archlang.ir.formulas import plain
from archlang.ir.graph import Model
from archlang.report.layout import aligned
from archlang.report.text import shapes_text
from archlang.symbolic.legal import Reason, SizeBoxes, Sizes, SymbolicModel, Variant, box_text
from archlang.symbolic.made import HoldsSize, holding_sizes, taken_sizes

MOST_HOLDING = 5
"""Layers that are listed for holding sizes."""

Near = Sequence[tuple[str | None, int]]
"""Sizes whose legal neighbours are asked for, each of one letter or (None) of all."""


def legal_lines(model: Model, near: Near = ()) -> Iterator[str]:
    """The legal sizes in a few lines of text; nothing for a model whose sizes are fixed."""
    if isinstance(model, SymbolicModel):
        yield f"Legal sizes: {model.legal.text_with_examples}"
        yield f"Smallest: {sizes_line(model, model.legal.smallest)}"
        yield from aligned([_cells(model, reason) for reason in model.reasons], "<<<<")
        yield from _variant_lines(model)
        yield from _module_lines(model)
        yield from _near_lines(model, near)


def legal_line(model: Model) -> Iterator[str]:
    """The same in one line, for a list of models."""
    if isinstance(model, SymbolicModel):
        yield f"{model.name}: {model.legal.text_with_examples}"


def sizes_text(model: Model) -> str:
    """`H, W = 188 + 16k, k >= 0`; nothing for a model whose sizes are fixed."""
    return model.legal.text if isinstance(model, SymbolicModel) else ""


def sizes_line(model: SymbolicModel, sizes: Sizes) -> str:
    """`1x188x188 -> 2x4x4`: what certain sizes give."""
    inputs, outputs = model.shapes_at(sizes)
    return f"{shapes_text(inputs)} -> {shapes_text(outputs)}"


def _variant_lines(model: SymbolicModel) -> Iterator[str]:
    """What comes out for sizes with which the model goes another way than the table shows."""
    first, *others = model.variants
    if others:
        yield f"The table is for {first.sizes.text}"
    for variant in others:
        yield f"For {variant.sizes.text} -> {shapes_text(out.shape for out in variant.model.outputs)}"


def _module_lines(model: SymbolicModel) -> Iterator[str]:
    """Which of the legal sizes a module takes, where it does not take all, and why."""
    sizes = taken_sizes(model)
    if sizes is None:
        return
    shapes = shapes_text(given.shape for given in model.example.inputs)
    yield f"A module made for {shapes} takes {sizes.text} only; --input makes one for another size"
    holding = holding_sizes(model)
    rows = [(_place(model, part.file, part.line), f"{part.owner} {part.path}".strip(), _held(part)) for part in holding]
    yield from aligned(rows[:MOST_HOLDING], "<<<")
    if len(rows) > MOST_HOLDING:
        yield f"  and {len(rows) - MOST_HOLDING} more"
    if len(model.variants) > 1:
        yield "  it has other parts for other sizes"


def _held(part: HoldsSize) -> str:
    return f"holds numbers that depend on {listing(part.letters)}"


def _cells(model: SymbolicModel, reason: Reason) -> tuple[str, ...]:
    place = _place(model, reason.file, reason.line)
    return place, f"{reason.owner} {reason.path}".strip(), reason.demand, _leaves(model, reason)


def _place(model: SymbolicModel, file: str, line: int) -> str:
    return f"  line {line}" if file == model.origin.file else f"  {file}:{line}"


def _leaves(model: SymbolicModel, reason: Reason) -> str:
    """`leaves H, W = 2k`, or of a bound what it comes to: `hence H, W >= 188`."""
    if reason.leaves is not None:
        return f"leaves {_leaves_text(reason)}"
    least: dict[int, list[str]] = {}
    for letter in reason.letters:
        least.setdefault(model.legal.sets[letter].first, []).append(letter)
    return "hence " + " and ".join(f"{', '.join(letters)} >= {bound}" for bound, letters in least.items())


def _leaves_text(reason: Reason) -> str:
    return box_text(dict.fromkeys(reason.letters, reason.leaves), bounds=False) if reason.leaves else ""


def _near_lines(model: SymbolicModel, near: Near) -> Iterator[str]:
    for letter, size in near:
        for name in model.legal.letters if letter is None else (letter,):
            yield f"Near {name} = {size}: {neighbours_text(model.legal, name, size)}"


def neighbours_text(legal: SizeBoxes, letter: str, size: int) -> str:
    """`188 and 204`, or that the size itself is legal."""
    below, above = legal.beside(letter, size)
    # a legal size is its own neighbour on both sides
    if below == above == size:
        return "legal"
    return " and ".join(str(n) for n in (below, above) if n is not None)


# ---- for programs ----------------------------------------------------------------------------------


def symbolic_dict(model: Model, data: Mapping[str, Any], near: Near = ()) -> dict[str, Any]:
    """The data of a model with its formulas as texts, and its legal sizes under the key `legal`."""
    written = {key: _plain(value) for key, value in data.items()}
    return {**written, "legal": _legal_dict(model, near)} if isinstance(model, SymbolicModel) else written


def _plain(value: Any) -> Any:
    match value:
        case Symbolic():
            return plain(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list():
            return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _legal_dict(model: SymbolicModel, near: Near) -> dict[str, Any]:
    legal, smallest = model.legal, model.legal.smallest
    inputs, outputs = model.shapes_at(smallest)
    found: dict[str, Any] = {
        "text": legal.text,
        "sizes": _boxes(legal),
        "smallest": {"sizes": smallest, "inputs": list(map(list, inputs)), "outputs": list(map(list, outputs))},
        "reasons": [_reason_dict(reason) for reason in model.reasons],
    }
    if len(model.variants) > 1:
        found["variants"] = [_variant_dict(variant) for variant in model.variants]
    if (taken := taken_sizes(model)) is not None:
        found["module"] = _module_dict(model, taken)
    if near:
        found["near"] = [_near_dict(legal, name, size) for letter, size in near for name in _named(legal, letter)]
    return found


def _named(legal: SizeBoxes, letter: str | None) -> tuple[str, ...]:
    return legal.letters if letter is None else (letter,)


def _boxes(sizes: SizeBoxes) -> list[dict[str, Any]]:
    """Boxes of sizes; for each letter its arithmetic progressions, `last` being null where there is no end."""
    return [{name: _progressions(box[name]) for name in sizes.letters} for box in sizes.boxes]


def _variant_dict(variant: Variant) -> dict[str, Any]:
    outputs = [_plain(list(out.shape)) for out in variant.model.outputs]
    return {"text": variant.sizes.text, "sizes": _boxes(variant.sizes), "outputs": outputs}


def _module_dict(model: SymbolicModel, taken: SizeBoxes) -> dict[str, Any]:
    """The sizes that a module takes, and the layers that hold numbers of these sizes."""
    layers = [
        {"letters": list(p.letters), "layer": p.path or None, "op": p.owner, "file": p.file, "line": p.line}
        for p in holding_sizes(model)
    ]
    return {"text": taken.text, "sizes": _boxes(taken), "layers": layers}


def _progressions(sizes: Any) -> list[dict[str, int | None]]:
    return [{"first": first, "step": step, "last": last} for first, step, last in sizes.progressions]


def _reason_dict(reason: Reason) -> dict[str, Any]:
    return {
        "letters": list(reason.letters),
        "layer": reason.path or None,
        "op": reason.owner or None,
        "demand": reason.demand,
        "leaves": _leaves_text(reason) or None,
        "code": reason.code,
        "file": reason.file,
        "line": reason.line,
        "column": reason.column,
    }


def _near_dict(legal: SizeBoxes, letter: str, size: int) -> dict[str, Any]:
    below, above = legal.beside(letter, size)
    return {"letter": letter, "size": size, "below": below, "above": above}


def made_for(model: Model) -> str:
    """`made for 1x220x220, legal are H, W = 188 + 16k, k >= 0`; empty for a model whose sizes are fixed."""
    return _made_for(model) if isinstance(model, SymbolicModel) else ""


def module_for(model: Model) -> str:
    """The same of a module, which may take fewer sizes: `made for 3x224x224, takes H, W = 224 only; legal are ...`."""
    if not isinstance(model, SymbolicModel):
        return ""
    taken = taken_sizes(model)
    return _made_for(model, f", takes {taken.text} only" if taken else "")


def _made_for(model: SymbolicModel, only: str = "") -> str:
    shapes = ", ".join(shape_text(given.shape) for given in model.example.inputs)
    return f"made for {shapes}{only}; legal are {model.legal.text}"
