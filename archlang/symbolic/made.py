"""Which of the legal sizes a finished module takes: those with which each of its layers is the one that it has.

The shapes of a module follow its input by themselves. What stands in a layer as a number (the size of an UPSAMPLE,
where a CROP begins) is that of the sizes for which the module was made, and what a condition left out is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, cast

from archlang.ir.arithmetic import Symbolic
from archlang.ir.dims import Dim, value_at
from archlang.ir.graph import Layer, Model
from archlang.ir.letters import Letters
from archlang.ir.size_sets import SizeSet
from archlang.ir.walk import flatten
from archlang.records import record
from archlang.symbolic.legal import TYPICAL, Box, ExampleModel, SizeBoxes, SymbolicModel
from archlang.symbolic.running import Untracked, running_boxes

LAYERS_NAMED = 50_000
"""Copies of layers that are looked at for the names of those that hold sizes."""


@record
class HoldsSize:
    """A layer that holds numbers which depend on the sizes: its word, the path of its first copy, its place."""

    letters: tuple[str, ...]
    owner: str
    path: str
    file: str
    line: int


def made_sizes(model: ExampleModel, training: bool = False) -> Sequence[Box]:
    """The sizes with which every layer of the example is the right one."""
    shapes = [cast("tuple[Any, ...]", given.shape) for given in model.variant.inputs]
    written = model.sizes.nearest(TYPICAL)
    numbers = list(_free_numbers(model.variant))
    try:
        return running_boxes(
            model,
            lambda letters: tuple(tuple(_rebound(size, letters) for size in shape) for shape in shapes),
            model.sizes.boxes,
            lambda letters: all(_rebound(number, letters) == value_at(number, written) for number in numbers),
            training,
        )
    except Untracked:
        # not followed: of layers that hold numbers only the example's own sizes are certain
        return [{name: SizeSet.of(n, n) for name, n in written.items()}] if numbers else model.sizes.boxes


def taken_sizes(model: SymbolicModel) -> SizeBoxes | None:
    """The sizes that a module of it takes, where these are not all that are legal."""
    if not model.depends_on_size:
        return None
    sizes = SizeBoxes.of(model.legal.letters, made_sizes(model.with_numbers))
    return sizes if sizes.count < model.legal.count else None


def holding_sizes(model: SymbolicModel) -> tuple[HoldsSize, ...]:
    """The layers of a module that would be other ones for other sizes, one for each place in the file."""
    found: dict[object, HoldsSize] = {}
    for flat in islice(flatten(model.with_numbers.variant), LAYERS_NAMED):
        layer, origin = flat.layer, flat.layer.origin
        letters = tuple(dict.fromkeys(name for number in _numbers_of(layer) for name in number.names))
        place = HoldsSize(letters, layer.op.words[0], flat.path if layer.name else "", origin.file, origin.line)
        if letters:
            found.setdefault((origin.file, origin.line, origin.column), place)
    return tuple(found.values())


def _free_numbers(model: Model) -> Iterator[Any]:
    """Numbers inside layers that depend on the sizes."""
    layers = (node for body in model.bodies for node in body.nodes if isinstance(node, Layer))
    return (number for layer in layers for number in _numbers_of(layer))


def _numbers_of(layer: Layer) -> Iterator[Any]:
    for known in fields(layer.op):
        value: Any = getattr(layer.op, known.name)
        items = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
        yield from (item for item in items if isinstance(item, Symbolic))


def _rebound(size: Any, letters: Letters) -> Any:
    """The same formula where other things are known of its letters."""
    if isinstance(size, Dim):
        return Dim(letters, size.letter, size.modulus, size.slope, size.offsets, size.derived)
    # a formula that is no Dim (a product of sizes) cannot be put over other letters
    if isinstance(size, Symbolic):
        raise Untracked
    return size
