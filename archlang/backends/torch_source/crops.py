"""Crops of a join by margins that are not the same in all objects of a class: `crop_like(x, y)` tells them by sizes.

A join cuts what is larger around the middle, by margins that follow from the layers beside it. Where a class stands for
bodies in which these differ, as the levels of a U-Net do, they are no numbers of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from archlang.backends.torch_source.flow import Applied
from archlang.backends.torch_source.rows import is_middle
from archlang.backends.torch_source.text import Code
from archlang.ir.graph import Layer
from archlang.ir.ops.shape import Crop

NAME = "crop_like"
"""The function that is written for such crops."""

JOINS = frozenset({"+", "*", "torch.cat"})
"""What demands maps of equal sizes."""


def with_likes(applied: Sequence[Applied]) -> list[Applied]:
    """The steps, in which crops by margins that differ read what they are made as large as, too."""
    # which step makes each value; inputs of the body have none and are always known
    made = {value: index for index, one in enumerate(applied) for value in one.outputs}
    found: list[Applied] = []
    for index, one in enumerate(applied):
        like = next(_likes(one, index, applied, made), None) if _differs(one) else None
        found.append(one if like is None else replace(one, inputs=(*one.inputs, like)))
    return found


def _differs(one: Applied) -> bool:
    """Whether a step cuts the middle out, by margins that are not the same in all bodies: none in some, maybe."""
    nodes = [step.node for step in one.steps if step is not None]
    # operations are compared by their fields, so this is the set of different margins
    margins = {node.op for node in nodes if isinstance(node, Layer) and isinstance(node.op, Crop)}
    return all(map(is_middle, nodes)) and (len(margins) > 1 or one.is_idle_in_some)


def _likes(one: Applied, index: int, applied: Sequence[Applied], made: dict[int, int]) -> Iterator[int]:
    """Values that a join takes beside the crop, known when it is made."""
    for join in applied[index + 1 :]:
        node = join.node
        if one.outputs[0] not in join.inputs or not isinstance(node, Layer) or node.op.torch().target not in JOINS:
            continue
        place = join.inputs.index(one.outputs[0])
        for other, value in enumerate(join.inputs):
            maker = made.get(value, -1)
            # a value that some objects lack is there only under the condition that makes it
            known = maker < 0 or applied[maker].present in (None, one.present)
            if maker < index and known and value != one.outputs[0] and _are_alike(join, place, other):
                yield value


def _are_alike(join: Applied, one: int, other: int) -> bool:
    """Whether two inputs of a join have the same sizes in all bodies."""
    shapes = [step.shapes for step in join.steps if step is not None]
    # channels, the first size, may differ: CONCAT puts them behind each other
    return all(given[one][1:] == given[other][1:] for given in shapes)


def write_crop(code: Code) -> None:
    """The function; of an odd number of rows to cut, the last side loses one more."""
    # fx keeps it as one call: it cannot trace a loop over a number of axes that only the tensor knows
    code.add("@torch.fx.wrap")
    code.add(f"def {NAME}(x: Tensor, other: Tensor) -> Tensor:")
    body = code.deeper()
    body.docstring(["The middle of `x`, as large as `other`."])
    body.add("for axis in range(2, x.dim()):")
    inner = body.deeper()
    inner.add("size = other.shape[axis]")
    # the smaller half is cut in front, as the margins of the join are
    inner.add("x = x.narrow(axis, (x.shape[axis] - size) // 2, size)")
    body.take(inner)
    body.add("return x")
    code.take(body)
