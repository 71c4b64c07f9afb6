"""A comparison of two models for people and programs: a tree of what was added, removed and changed, and totals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from archlang.diagnostics.text import printable
from archlang.errors.words import plural
from archlang.ir.budget import Plan, memory_of
from archlang.ir.graph import Model
from archlang.ir.walk import Totals, fold_totals
from archlang.report.changes import Change, Comparison
from archlang.report.columns import MISSING, Count, View, macs_of, parameters_of
from archlang.report.layout import GAP, Grid, aligned, grid_lines, painted, wrapped
from archlang.report.rows import Row
from archlang.report.text import shapes_text

MOST_RENAMED = 12
"""Parts with another name that are listed."""

NOTE = (
    "+ added, - removed, ~ changed. Figures are differences; those of a row xN are for all copies, those below it for "
    "one. MACs and activations, the numbers that flow out of the layers, are for one sample. MB to train is the peak "
    "of a step with {optimizer}, MB to run that of inference, for {batch} as {dtype} on {device}; MB = 1,000,000 bytes."
)

FIGURES: tuple[tuple[str, str, Callable[[Totals], Count]], ...] = (
    ("Params", "parameters", parameters_of),
    ("MACs", "macs", macs_of),
    ("Activations", "activations", lambda totals: Count(totals.elements)),
)
"""Heading, key in JSON and value of what is compared."""

SIZES = ("MB of params", "MB to train", "MB to run")
"""Headings of what is compared in bytes."""

BYTES = ("parameters", "train", "run")
"""The same as keys in JSON."""

HEADINGS = ("Part", "Change", "Output shape", *(heading for heading, _, _ in FIGURES))


def diff_text(found: Comparison, view: View | None = None) -> str:
    """The tree of changes, the totals of both, and the verdict."""
    view = view or View()
    plan = Plan(view.batch, view.dtype)
    parts = ["\n".join(wrapped((_head(found),), view.width))]
    if not found.same:
        lines = list(_lines(found.changes, 0))
        if lines:
            styles = {index: mark for index, (mark, _) in enumerate(lines) if mark != "="}
            cells = [(f"{' ' if mark == '=' else mark} {first}", *rest) for mark, (first, *rest) in lines]
            grid = Grid(HEADINGS, "<<<>>>", cells, frozenset({2}), styles=styles)
            parts.append("\n".join(grid_lines(grid, view.width, view.colour)))
        parts.append("\n".join(aligned(list(_totals(found, plan)), "<>>>>")))
        note = NOTE.format(**_words(plan))
        parts.append("\n".join(painted(line, "faint", view.colour) for line in wrapped((note,), view.width or 112)))
    parts.append("\n".join(wrapped(_verdict(found), view.width)))
    return "\n\n".join(parts)


def _words(plan: Plan) -> dict[str, str]:
    """What a reader must know of the sizes."""
    device = "a GPU" if plan.device == "cuda" else "the CPU"
    return {"optimizer": plan.optimizer, "batch": plural(plan.batch, "sample"), "dtype": plan.dtype, "device": device}


def _head(found: Comparison) -> str:
    old, new = (_model_text(model) for model in (found.old, found.new))
    return printable(f"{old}  ->  {new}")


def _model_text(model: Model) -> str:
    shapes = (shapes_text(port.shape for port in ports) for ports in (model.inputs, model.outputs))
    return f"{model.name}: {' -> '.join(shapes)}"


def _verdict(found: Comparison) -> Iterator[str]:
    # the fingerprint follows every connection; rows note only those between parts that both models have
    if not found.same and all(change.mark == "=" for change in found.changes):
        yield "The networks differ: not in any part, but in how these are connected."
        return
    if not found.same:
        yield "The networks differ."
        return
    renamed = found.renamed
    laid_out = any(change.mark != "=" for change in found.changes)
    if not renamed and not laid_out:
        yield "The networks are the same."
        return
    differ = " and ".join(["names"] * bool(renamed) + ["layout"] * laid_out)
    yield f"The same network: {differ} differ, the layers, their connections and sizes are equal."
    yield from (f"{GAP}{old} -> {new}" for old, new in renamed[:MOST_RENAMED])
    if len(renamed) > MOST_RENAMED:
        yield f"{GAP}and {len(renamed) - MOST_RENAMED:,} more"


Line = tuple[str, tuple[str, ...]]
"""A mark and the cells behind it."""


def _lines(changes: Sequence[Change], level: int) -> Iterator[Line]:
    """A line for each row that differs, and one for several that do not."""
    for alike, group in groupby(changes, lambda change: change.mark == "="):
        members = list(group)
        if alike:
            # where a whole level is alike, only figures of the part around it differ: no line for that
            if len(members) < len(changes):
                yield "=", (f"{GAP * level}({plural(len(members), 'row')} alike)", *[""] * (len(HEADINGS) - 1))
            continue
        for change in members:
            shown = change.notes or ((_presence(change),) if change.mark != "~" else ())
            yield (
                change.mark,
                (GAP * level + _name(change), ", ".join(shown), _shapes(change), *(_deltas(change))),
            )
            yield from _lines(change.children, level + 1)


def _name(change: Change) -> str:
    """The name; both, where they differ."""
    return " -> ".join(dict.fromkeys(row.path for row in (change.old, change.new) if row))


def _presence(change: Change) -> str:
    """What was added or removed: `Conv2d 3x3, 64`, `unit, 3 layers`."""
    row = change.old or change.new
    assert row is not None
    if row.op:
        return f"{row.type} {row.op.summary}".rstrip()
    return f"{row.type}, {plural(row.totals.layers, 'layer')}" if row.children else row.type


def _shapes(change: Change) -> str:
    return " -> ".join(dict.fromkeys(shapes_text(row.outputs) for row in (change.old, change.new) if row))


def _deltas(change: Change) -> Iterator[str]:
    for _, _, of in FIGURES:
        delta = _delta(change, of)
        yield MISSING if delta is None else f"{delta:+,}" if delta else "-"


def _delta(change: Change, of: Callable[[Totals], Count]) -> int | None:
    """New less old; None where either is not known."""
    return _difference(of(_totals_of(change.old)), of(_totals_of(change.new)))


def _difference(old: Count, new: Count) -> int | None:
    # a lower bound less another is neither
    return None if old.without or new.without else new.number - old.number


def _totals_of(row: Row | None) -> Totals:
    # what is in one model alone is nothing in the other: the difference is all of it
    return row.totals if row else Totals()


def _totals(found: Comparison, plan: Plan) -> Iterator[tuple[str, ...]]:
    """The figures of both models with their difference and ratio; of numbers that are stored also their size."""
    yield "", found.old.name, found.new.name, "Difference", "Ratio"
    totals = [fold_totals(model)[-1] for model in (found.old, found.new)]
    for heading, _, of in FIGURES:
        old, new = (of(one) for one in totals)
        delta = _difference(old, new)
        ratio = f"x{new.number / old.number:,.3f}" if delta is not None and old.number else "-"
        yield heading, old.footing, new.footing, MISSING if delta is None else f"{delta:+,}" if delta else "0", ratio
    for heading, sizes in _sizes(found, plan).items():
        if sizes is None:
            yield heading, MISSING, MISSING, MISSING, "-"
            continue
        old, new = (size / 1e6 for size in sizes)
        yield heading, f"{old:,.2f}", f"{new:,.2f}", f"{new - old:+,.2f}", f"x{new / old:,.3f}" if old else "-"


def _sizes(found: Comparison, plan: Plan) -> dict[str, tuple[int, int] | None]:
    """Bytes of the parameters, of a training step and of running; None where layers have no rule for parameters."""
    models = found.old, found.new
    if any(fold_totals(model)[-1].without_parameters for model in models):
        return dict.fromkeys(SIZES)
    # parameters take the same in both modes: the first is as good as the second
    trained, run = ([memory_of(model, replace(plan, mode=mode)) for model in models] for mode in ("train", "infer"))
    parameters, training, running = (
        (trained[0].parameters, trained[1].parameters),
        (trained[0].total, trained[1].total),
        (run[0].total, run[1].total),
    )
    return dict(zip(SIZES, (parameters, training, running), strict=True))


# ---- Markdown and JSON -----------------------------------------------------------------------------


def diff_markdown(found: Comparison, view: View | None = None) -> str:
    """The same as tables of Markdown."""
    plan = Plan(view.batch, view.dtype) if view else Plan()
    lines = [f"## {found.old.name} -> {found.new.name}", ""]
    if not found.same:
        lines += [_row(("", *HEADINGS)), _row([":---"] * 4 + ["---:"] * 3)]
        lines += [
            _row((mark.replace("=", ""), cells[0].strip(), *cells[1:])) for mark, cells in _lines(found.changes, 0)
        ]
        head, *figures = list(_totals(found, plan))
        lines += ["", _row(head), _row([":---"] + ["---:"] * 4), *(_row(cells) for cells in figures), ""]
        lines += [NOTE.format(**_words(plan)), ""]
    return "\n".join([*lines, *_verdict(found)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    # an entity, since not every dialect of Markdown takes a backslash before a bar
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def diff_json(found: Comparison, view: View | None = None) -> str:
    """The comparison as JSON: both models, and the tree of what differs."""
    return json.dumps(diff_dict(found, view), indent=1) + "\n"


def diff_dict(found: Comparison, view: View | None = None) -> dict[str, Any]:
    """The comparison as data: no rows that are alike, and null where a number is not known."""
    sizes = _sizes(found, Plan(view.batch, view.dtype) if view else Plan())
    old, new = (_model_dict(found, number, sizes) for number in (0, 1))
    return {
        "schema": 1,
        "same": found.same,
        "old": old,
        "new": new,
        "changes": [_change_dict(change) for change in found.changes if change.mark != "="],
        "renamed": [list(pair) for pair in found.renamed],
    }


def _model_dict(found: Comparison, number: int, sizes: dict[str, tuple[int, int] | None]) -> dict[str, Any]:
    """One of the models, number 0 or 1; `bytes` are those of a row of sizes, null where they are not known."""
    model = (found.old, found.new)[number]
    totals = fold_totals(model)[-1]
    counts = {key: None if of(totals).status == "not available" else of(totals).number for _, key, of in FIGURES}
    ports = (("inputs", model.inputs), ("outputs", model.outputs))
    stored = {key: both and both[number] for key, both in zip(BYTES, sizes.values(), strict=True)}
    shapes = {name: [list(port.shape) for port in group] for name, group in ports}
    return {"name": model.name, "fingerprint": found.fingerprints[number], **shapes, **counts, "bytes": stored}


WORDS = {"+": "added", "-": "removed", "~": "changed"}


def _change_dict(change: Change) -> dict[str, Any]:
    inner = [_change_dict(child) for child in change.children if child.mark != "="]
    return {
        "change": WORDS[change.mark],
        "old": _row_dict(change.old),
        "new": _row_dict(change.new),
        "notes": list(change.notes),
        **{key: _delta(change, of) for _, key, of in FIGURES},
        **({"changes": inner} if inner else {}),
    }


def _row_dict(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    shape = list(row.outputs[0]) if row.outputs else None
    return {"name": row.path, "type": row.type, "copies": row.count, "output_shape": shape, "line": row.line}
