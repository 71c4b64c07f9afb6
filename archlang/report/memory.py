"""What a model needs in memory: a table of its layers, its totals, the largest batch that fits; as text and as data."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import StringIO
from math import prod
from typing import Any

from archlang.diagnostics.text import printable
from archlang.errors.words import listing, shape_text
from archlang.ir.budget import LARGEST_BATCH, OPTIMIZERS, Memory, Plan, largest_batch, memory_of
from archlang.ir.graph import Layer, Model
from archlang.ir.memory import Part
from archlang.ir.ops.base import Op
from archlang.records import record
from archlang.report.layout import GAP, aligned
from archlang.report.rows import Row, Steps, table_rows
from archlang.report.text import shapes_text

GIB = 2**30
BUDGET = 24 * GIB
"""The memory of a usual GPU."""

NOT_COVERED = (
    "Kept is what autograd holds for the backward pass; what several layers need counts for the first of them.",
    "Not counted: libraries' workspaces, what the allocator rounds up, and the CUDA context. MB = 1,000,000 bytes.",
)


@record
class Line:
    """A layer or part: its bytes of output for the batch, and what it keeps (training) or what is alive while it runs
    (inference), of all its copies."""

    row: Row
    depth: int
    copies: int
    output: int
    figure: int


def memory_text(model: Model, plan: Plan, budget: int = BUDGET, depth: int | None = None) -> str:
    """The section of the report that stands below the table, with so many levels of the tree (None: all of them)."""
    numbers = model.with_numbers
    memory = memory_of(numbers, plan)
    rows = [
        ("Layer", "Output shape", "Output", "Kept" if plan.mode == "train" else "Alive"),
        *_cells(numbers, memory, depth),
    ]
    table = aligned(rows, "<<>>")
    rule = "-" * max(map(len, table))
    totals = aligned([(f"{name}:", f"{size:,}", note) for name, size, note in _totals(memory)], "<><")
    head = ("", *_head(model, plan), rule, table[0], rule)
    foot = (rule, *totals, *_fit_lines(numbers, plan, budget), "", *_assumed(numbers), *NOT_COVERED)
    return "\n".join((*head, *table[1:], *foot))


def _assumed(model: Model) -> Iterator[str]:
    """Layers of other packages that do not say what they keep."""
    ops = (node.op for body in model.bodies for node in body.nodes if isinstance(node, Layer))
    # an op of archlang's own without a rule is meant so; of another package's nobody can tell
    kinds = dict.fromkeys(
        op.words[0] for op in ops if type(op).trace is Op.trace and not type(op).__module__.startswith("archlang.")
    )
    if kinds:
        yield printable(
            f"{listing(kinds)} without a rule for memory: taken to keep what flows in, and to need no more."
        )


def _head(model: Model, plan: Plan) -> tuple[str, ...]:
    """What the figures are for."""
    use = f"training with {plan.optimizer}" if plan.mode == "train" else "inference"
    head = f"Memory of {model.name} in {use}, in bytes: batch {plan.batch:,}, {plan.dtype}, {plan.device}"
    if not model.is_symbolic:
        return (printable(head),)
    shapes = listing(shape_text(given.shape) for given in model.with_numbers.inputs)
    return (printable(head), f"Sizes are left free; the figures are those for {shapes}.")


def _cells(model: Model, memory: Memory, depth: int | None = None) -> Iterator[tuple[str, ...]]:
    for line in memory_lines(model, memory, depth):
        path, shapes = GAP * line.depth + line.row.path, shapes_text(line.row.outputs)
        yield (path, shapes, f"{line.output:,}", f"{line.figure:,}" if line.figure else "-")


def memory_lines(model: Model, memory: Memory, depth: int | None = None) -> Iterator[Line]:
    """The rows of the table, each with its figures. In training those of the outermost add up to what is kept."""
    yield from _lines(table_rows(model, depth), memory, 0, 1)


def _lines(rows: Iterable[Row], memory: Memory, depth: int, copies: int) -> Iterator[Line]:
    setting = memory.plan.setting
    for row in rows:
        output = sum(prod(shape) for shape in row.outputs) * setting.batch * setting.itemsize
        yield Line(row, depth, copies, output, figure_at(memory, row.steps) if row.steps else 0)
        yield from _lines(row.children, memory, depth + 1, copies * row.count)


def figure_at(memory: Memory, steps: Steps) -> int:
    """What the part that steps lead to keeps, with all its copies; in inference what is alive while it runs."""
    # down the steps, adding up what is alive at each level before the part that leads further
    part, before = memory.part, 0
    for step in steps[:-1]:
        before += part.before[step.index] + _earlier(part, step.index, step.run)
        # rows show the first copy
        inner = part.inside[step.index][step.run].first
        assert inner is not None, "what has no copies has no rows"
        part = inner
    index, run = steps[-1].index, steps[-1].run
    # a call or a run of copies has an effect of its own, of all its copies
    effect = part.inside[index][run].effect if part.inside[index] else part.nodes[index]
    if memory.plan.mode == "train":
        return effect.kept
    return before + part.before[index] + _earlier(part, index, run) + effect.peak


def _earlier(part: Part, index: int, run: int) -> int:
    """What the earlier runs of a repeat leave alive."""
    return sum(inner.effect.live for inner in part.inside[index][:run])


# ---- totals ----------------------------------------------------------------------------------------


def _totals(memory: Memory) -> Iterator[tuple[str, int, str]]:
    plan = memory.plan
    yield "Parameters", memory.parameters, ""
    if plan.mode == "train":
        each = OPTIMIZERS[plan.optimizer]
        state = f"({plan.optimizer}: {'one number' if each == 1 else f'{each} numbers'} a parameter)" if each else ""
        yield "Gradients", memory.gradients, ""
        yield "Optimizer state", memory.state, state
    yield "Buffers", memory.buffers, ""
    yield "Input", memory.inputs, ""
    if plan.mode == "train":
        yield "Kept", memory.kept, "(for the backward pass; with the input where a layer reads it again)"
    else:
        yield "Alive at once", memory.alive, "(the outputs of layers that are still needed, at the worst moment)"
    step = "of a training step; not the sum, since what is kept goes as gradients come" if plan.mode == "train" else ""
    yield "Peak", memory.total, f"({memory.total / 1e6:,.2f} MB{', ' if step else ''}{step})"


def _fit_lines(model: Model, plan: Plan, budget: int) -> Iterator[str]:
    yield f"Largest batch that fits in {size_text(budget)}: {_fit_text(model, plan, budget)}"


def _fit_text(model: Model, plan: Plan, budget: int) -> str:
    uses = {"train": f"training with {plan.optimizer}", "infer": "inference"}
    found = ((largest_batch(model, replace(plan, mode=mode), budget), use) for mode, use in uses.items())
    return ", ".join(f"{_batch_text(batch)} ({use})" for batch, use in found)


def _batch_text(batch: int) -> str:
    return "none" if batch == 0 else "any" if batch == LARGEST_BATCH else f"{batch:,}"


UNITS = {"GiB": 2**30, "MiB": 2**20, "GB": 10**9, "MB": 10**6}


def size_text(size: int) -> str:
    """Bytes in the largest unit that leaves no rest: `24 GiB`."""
    # binary units come first: 24 GiB is no whole number of GB
    unit = next((unit for unit, one in UNITS.items() if size % one == 0), None)
    return f"{size // UNITS[unit]:,} {unit}" if unit else f"{size:,} bytes"


# ---- data ------------------------------------------------------------------------------------------


def memory_dict(model: Model, plan: Plan, budget: int = BUDGET) -> dict[str, Any]:
    """The same as data, in bytes; `copies` says how often a row of `layers` is there."""
    numbers = model.with_numbers
    memory = memory_of(numbers, plan)
    training = plan.mode == "train"
    parts = {"gradients": memory.gradients, "optimizer_state": memory.state, "kept": memory.kept} if training else {}
    return {
        "mode": plan.mode,
        "batch": plan.batch,
        "dtype": plan.dtype,
        "device": plan.device,
        **({"optimizer": plan.optimizer} if training else {}),
        **({"inputs": [list(given.shape) for given in numbers.inputs]} if model.is_symbolic else {}),
        "parameters": memory.parameters,
        "buffers": memory.buffers,
        "input": memory.inputs,
        **parts,
        "alive": memory.alive,
        "peak": memory.total,
        "budget": budget,
        "largest_batch": {
            mode: largest_batch(numbers, replace(plan, mode=mode), budget) for mode in ("train", "infer")
        },
        "layers": [_line_dict(line, training) for line in _leaves(numbers, memory)],
    }


def _leaves(model: Model, memory: Memory) -> Iterator[Line]:
    return (line for line in memory_lines(model, memory) if not line.row.children)


def _line_dict(line: Line, training: bool) -> dict[str, Any]:
    figure = {"kept" if training else "alive": line.figure}
    return {"name": line.row.path, "copies": line.copies * line.row.count, "output": line.output, **figure}


def memory_csv(models: Iterable[Model], plan: Plan) -> str:
    """A line for each layer that was written; bytes of one copy."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("model", "layer", "copies", "output_bytes", "kept_bytes" if plan.mode == "train" else "alive_bytes")
    )
    for model in models:
        for line in _leaves(model.with_numbers, memory_of(model.with_numbers, plan)):
            writer.writerow((model.name, line.row.path, line.copies * line.row.count, line.output, line.figure))
    return out.getvalue()


def memory_markdown(models: Iterable[Model], plan: Plan) -> str:
    """A heading, a table and the totals for each model."""
    lines: list[str] = []
    for model in models:
        memory = memory_of(model.with_numbers, plan)
        figure = "Kept" if plan.mode == "train" else "Alive"
        lines += [f"## {_head(model, plan)[0]}", ""]
        lines += [f"| Layer | Output shape | Output | {figure} |", "| :--- | :--- | ---: | ---: |"]
        lines += [f"| {' | '.join(cells)} |" for cells in _cells(model.with_numbers, memory)]
        lines += [f"| **{name}** |  |  | {size:,} |" for name, size, _ in _totals(memory)]
        lines.append("")
    return "\n".join(lines)
