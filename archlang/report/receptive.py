"""The receptive field of a layer in words, and the step that makes it from the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from archlang.errors.shapes import AXIS_NAMES
from archlang.errors.words import listing, shape_text
from archlang.ir.graph import Input, Layer
from archlang.ir.ops.base import Field
from archlang.ir.paths import Place
from archlang.ir.receptive import MOST_NODES, Effort, Receptive, TooFar, input_field, output_field
from archlang.ir.walk import input_shapes

LEGEND = "R_in is what a number that flows in sees, J_in how far apart its neighbours look"


def receptive_lines(place: Place, effort: Effort | None = None) -> Iterator[str]:
    """What one number that flows out of a part sees of each of the model's inputs; `effort` bounds that of several."""
    try:
        fields = output_field(place, effort)
        before = input_field(place, effort) if _single_input(place) else {}
    except TooFar:
        # a page has one effort for all its rows: it can run out before a layer that is not far at all
        spent = effort is not None and effort.left < MOST_NODES
        yield (
            "not worked out on this page" if spent else f"not worked out: more than {MOST_NODES:,} layers lie before it"
        )
        return
    if not fields:
        yield "it sees no input"
    for given in place.model.inputs:
        if given.name in fields:
            whose = given.name if len(place.model.inputs) > 1 else "the input"
            yield _sees(given, fields[given.name], whose)
        if given.name in before:
            yield from _law(place, fields[given.name], before[given.name])


def _single_input(place: Place) -> bool:
    return isinstance(place.node, Layer) and len(place.node.inputs) == 1


def _sees(given: Input, field: Receptive, whose: str) -> str:
    """`sees 3x51x51 of the input's 3x224x224; neighbours look 8 further on`."""
    if all(size is None for size in field.sizes):
        return f"one number sees all of {whose}'s {shape_text(given.shape)}"
    sizes = [there if size is None else size for size, there in zip(field.sizes, given.shape, strict=True)]
    strides = [stride for stride in field.strides[len(field.strides) > 1 :] if stride is not None]
    # counted as if maps went on: VGG-16's last pooling sees 212x212 of an input of 64x64, too
    beyond = any(size > there for size, there in zip(sizes, given.shape, strict=True))
    return (
        f"one number sees {shape_text(sizes)} of {whose}'s {shape_text(given.shape)}"
        + (", beyond its borders" if beyond else "")
        + (f"; its neighbours look {_stride_text(strides)} further on" if strides else "")
    )


def _stride_text(strides: Sequence[Fraction]) -> str:
    return str(strides[0]) if len(set(strides)) == 1 else " and ".join(map(str, strides))


def _law(place: Place, field: Receptive, before: Receptive) -> Iterator[str]:
    """R = R_in + (F - 1)*J_in with its numbers, for the axes along which the layer looks around and it holds."""
    extents = _extents(place)
    if not 1 < len(extents) == len(field.sizes):
        return
    steps: dict[str, list[str]] = {}
    columns = zip(field.sizes, extents, before.sizes, before.strides, field.strides, strict=True)
    # without the channels, along which nothing slides
    for name, numbers in zip(AXIS_NAMES[len(extents) - 1], list(columns)[1:], strict=True):
        out, extent, size, stride, there = numbers
        if out is None or extent is None or size is None or stride is None:
            continue
        # R_l = R_(l-1) + (F - 1)*J_(l-1) holds along a chain (Araujo et al. 2019); joined branches may see more
        if extent > 1 and out == size + (extent - 1) * stride:
            step = f"R = R_in + (F - 1)*J_in = {size} + ({extent} - 1)*{stride} = {out}"
            steps.setdefault(step + _apart(stride, there), []).append(name)
    yield from (f"{step}  ({listing(axes)})" for step, axes in steps.items())
    if steps:
        yield LEGEND


def _apart(before: Fraction, behind: Fraction | None) -> str:
    """How far apart neighbours look behind a layer that strides."""
    if behind is None or behind <= before:
        return ""
    return f", J = J_in*S = {before}*{behind / before} = {behind}"


def _extents(place: Place) -> tuple[int | None, ...]:
    """How far one number of a layer looks in the layer's own input, for each axis."""
    layer = place.node
    assert isinstance(layer, Layer)
    # position 0 stands for all: a window of 3 with padding 1 reads (-1, 1), an extent of 3
    one: Field = ((0, 0),) * len(layer.outputs[0])
    (field,) = layer.op.reads(one, input_shapes(place.body, layer), layer.outputs[0])
    return tuple(None if reach is None else reach[1] - reach[0] + 1 for reach in field)
