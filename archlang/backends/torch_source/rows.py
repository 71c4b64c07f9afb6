"""Rows of steps of several bodies: who has them, their layers, and values spread over all bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archlang.backends.torch_source.steps import Part, Row, Segment, Step
from archlang.backends.torch_source.vectors import ANY, Vector
from archlang.ir.graph import Layer, Ref
from archlang.ir.ops.shape import Crop


def presence(row: Row, parts: Sequence[Part | None]) -> Vector | None:
    """Which bodies have a step; None where all do that are there."""
    if all(step is not None or part is None for step, part in zip(row.steps, parts, strict=True)):
        return None
    return tuple(ANY if part is None else step is not None for step, part in zip(row.steps, parts, strict=True))


def presences(rows: Sequence[Row], parts: Sequence[Part | None]) -> list[Vector | None]:
    """Which bodies have each of these steps. A crop of a join is where the join is: it may have nothing to cut."""
    found = [presence(row, parts) for row in rows]
    for index, row in enumerate(rows):
        # only what lets its first input pass where it is left out can be such a crop
        if found[index] is None or row.alias != row.inputs[0] or not is_middle(row.lead.node):
            continue
        joins = [other for other, join in enumerate(rows) if Ref(index) in join.inputs]
        if len(joins) == 1:
            found[index] = found[joins[0]]
    return found


def is_middle(node: object) -> bool:
    """Whether a step cuts out the middle, by margins that are the same for all sizes."""
    if not isinstance(node, Layer) or not isinstance(node.op, Crop) or node.op.after is None:
        return False
    # an odd number of rows to cut leaves one more at the end, as `crop_like` does
    return all(behind - before in (0, 1) for before, behind in zip(node.op.start, node.op.after, strict=True))


def condition_name(leads: Sequence[Step]) -> str:
    """What a constructor calls an argument that says whether these parts are there, if it needs one."""
    for lead in leads:
        node = lead.node
        # what some copies add and others do not is a shortcut, as in the blocks of MobileNetV2
        if isinstance(node, Layer) and node.op.torch().target == "+":
            return "residual"
        if not isinstance(node, Segment) and node.name is not None and node.name.index is None:
            return f"with_{node.name.base}"
    node = leads[0].node
    return f"with_{node.op.kind}" if isinstance(node, Layer) else "with_more"


def layers_of(steps: Sequence[Step | None]) -> list[Layer]:
    """The layers that are there."""
    return [step.node for step in steps if step is not None and isinstance(step.node, Layer)]


def spread(steps: Sequence[Step | None], values: Sequence[Any]) -> Vector:
    """Values of the steps that are there, as a vector for all."""
    given = iter(values)
    return tuple(next(given) if step is not None else ANY for step in steps)
