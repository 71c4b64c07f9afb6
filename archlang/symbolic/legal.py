"""The legal sizes of a model as data: which, what forces them, which are nearest to a given one. Writes no report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields
from functools import cached_property
from math import prod
from typing import Any, cast

from archlang.errors.words import listing, shape_text
from archlang.ir.arithmetic import Symbolic
from archlang.ir.dims import value_at
from archlang.ir.graph import Layer, Model
from archlang.ir.ops.base import Shape
from archlang.ir.size_sets import SizeSet, runs_of
from archlang.records import record

TYPICAL = 224
"""Where a model with numbers is needed, the legal sizes next to this stand for all."""

MOST_CLASSES = 4
"""Residue classes that are written one by one."""

Sizes = Mapping[str, int]
"""A value for each letter."""

Box = Mapping[str, SizeSet]
"""Sizes of each letter, any of one with any of the others."""


@record
class Reason:
    """What forces a restriction: the layer (its word and path, or neither), its place, and what it demands.

    `leaves` are the sizes of these letters that come past it; None where it is a lower bound, which the result shows.
    """

    letters: tuple[str, ...]
    owner: str
    path: str
    file: str
    line: int
    column: int
    code: str
    demand: str
    leaves: SizeSet | None


@record(eq=False)
class SizeBoxes:
    """Sizes of several letters: the union of boxes that have none in common."""

    letters: tuple[str, ...]
    boxes: tuple[Box, ...]

    @staticmethod
    def of(letters: Sequence[str], boxes: Sequence[Box]) -> SizeBoxes:
        """The union of boxes; a single box, if the letters do not depend on each other."""
        whole = {name: _union([box[name] for box in boxes]) for name in letters}
        # boxes have no size in common, so they fill the product of their sides exactly if the counts are equal
        independent = sum(_count(box) for box in boxes) == _count(whole)
        return SizeBoxes(tuple(letters), (whole,) if independent else tuple(boxes))

    @cached_property
    def sets(self) -> Box:
        """For each letter its sizes, whatever those of the others."""
        return {name: _union([box[name] for box in self.boxes]) for name in self.letters}

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(_count(box) for box in self.boxes)

    def __contains__(self, sizes: Sizes) -> bool:
        return any(all(sizes[name] in box[name] for name in self.letters) for box in self.boxes)

    def nearest(self, size: int) -> dict[str, int]:
        """Those next to one size for all letters."""
        return self.nearest_to(dict.fromkeys(self.letters, size))

    def nearest_to(self, wanted: Sizes) -> dict[str, int]:
        """Those next to a size of each letter."""
        # in each box the nearest letter by letter, then the box with the smallest sum of distances
        found = (
            {name: sizes.nearest(wanted[name]) or sizes.first for name, sizes in box.items()} for box in self.boxes
        )
        return min(found, key=lambda sizes: sum(abs(n - wanted[name]) for name, n in sizes.items()))

    @property
    def smallest(self) -> dict[str, int]:
        """The smallest."""
        return self.nearest(1)

    def beside(self, letter: str, size: int) -> tuple[int | None, int | None]:
        """The sizes of a letter next to `size`: the largest up to it, the smallest from it on."""
        return self.sets[letter].below(size), self.sets[letter].above(size)

    @property
    def text(self) -> str:
        """`H, W = 188 + 16k, k >= 0`."""
        return ", or ".join(box_text(box) for box in self.boxes)

    @property
    def text_with_examples(self) -> str:
        """`H, W = 188 + 16k, k >= 0 (188, 204, 220, ...)`."""
        first = self.sets[self.letters[0]]
        # examples of one letter stand for all only if all have the same sizes
        alike = len(self.boxes) == 1 and len({set_text(sizes) for sizes in self.sets.values()}) == 1
        return f"{self.text} ({examples_text(first)})" if alike and first.tail[0] > 1 and not first.head else self.text


@record(eq=False)
class Variant:
    """Some of the legal sizes, with the model whose formulas hold for them."""

    sizes: SizeBoxes
    model: Model


@record
class ExampleModel(Model):
    """A model with numbers, the example of one whose sizes are free: `variant`, whose formulas hold for `sizes`.

    `legal` are the sizes of all variants.
    """

    sizes: SizeBoxes = field(kw_only=True)
    variant: Model = field(kw_only=True)
    legal: SizeBoxes = field(kw_only=True)


@record
class SymbolicModel(Model):
    """A model whose sizes are left free: its shapes are formulas (`ir/dims.py`).

    They hold for the first of its variants, that with most sizes; where sizes decide over more than shapes there are
    others. `example` is the model at legal sizes next to the usual ones, for whatever needs numbers.
    """

    legal: SizeBoxes = field(kw_only=True)
    variants: tuple[Variant, ...] = field(kw_only=True)
    reasons: tuple[Reason, ...] = field(kw_only=True)
    example: Model = field(kw_only=True)

    @staticmethod
    def of(variants: Sequence[Variant], legal: SizeBoxes, reasons: Sequence[Reason], example: Model) -> SymbolicModel:
        """The symbolic model of its variants."""
        parts: dict[str, Any] = {known.name: getattr(variants[0].model, known.name) for known in fields(Model)}
        return SymbolicModel(**parts, legal=legal, variants=tuple(variants), reasons=tuple(reasons), example=example)

    @property
    def is_symbolic(self) -> bool:
        """It is."""
        return True

    @property
    def with_numbers(self) -> ExampleModel:
        """The example, which says in its text which sizes are legal."""
        sizes = self.legal.nearest(TYPICAL)
        # not simply the first: the sizes next to 224 may belong to a smaller variant
        variant = next(variant for variant in self.variants if sizes in variant.sizes)
        parts: dict[str, Any] = {known.name: getattr(self.example, known.name) for known in fields(Model)}
        parts["doc"] = "\n".join(part for part in (self.example.doc, self._written_for) if part)
        return ExampleModel(**parts, sizes=variant.sizes, variant=variant.model, legal=self.legal)

    @property
    def _written_for(self) -> str:
        shapes = ", ".join(shape_text(given.shape) for given in self.example.inputs)
        only = ", and other sizes with which each layer is the same" if self.depends_on_size else ""
        return f"Legal sizes: {self.legal.text}. Written for {shapes}{only}."

    @property
    def depends_on_size(self) -> bool:
        """Whether some layer itself, not only its shapes, depends on the sizes: a crop to another part's size."""
        layers = (node for body in self.bodies for node in body.nodes if isinstance(node, Layer))
        return len(self.variants) > 1 or any(
            _is_free(getattr(layer.op, known.name)) for layer in layers for known in fields(layer.op)
        )

    def shapes_at(self, sizes: Sizes) -> tuple[list[Shape], list[Shape]]:
        """The shapes of the inputs and outputs at legal sizes."""
        model = next(variant.model for variant in self.variants if sizes in variant.sizes)
        inputs, outputs = ([shape_at(port.shape, sizes) for port in ports] for ports in (model.inputs, model.outputs))
        return inputs, outputs


def shape_at(shape: Shape, sizes: Sizes) -> Shape:
    """A shape with its formulas worked out."""
    return tuple(value_at(size, sizes) for size in shape)


def _is_free(value: object) -> bool:
    items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    return any(isinstance(item, Symbolic) for item in items)


def _count(box: Box) -> int:
    return prod(sizes.count for sizes in box.values())


def _union(sets: Sequence[SizeSet]) -> SizeSet:
    whole, *others = sets
    for one in others:
        whole = whole | one
    return whole


# ---- words -----------------------------------------------------------------------------------------


def box_text(box: Box, bounds: bool = True) -> str:
    """`H, W = 188 + 16k, k >= 0`; without `bounds`, `H, W = 12 + 16k`."""
    texts: dict[str, list[str]] = {}
    for name, sizes in box.items():
        texts.setdefault(set_text(sizes, bounds), []).append(name)
    return " with ".join(f"{', '.join(names)} {text}" for text, names in texts.items())


def set_text(sizes: SizeSet, bounds: bool = True) -> str:
    """`= 188 + 16k, k >= 0`, `>= 5`, `= 1, 3 or 8..12`; without `bounds` only what repeats, if anything does."""
    modulus, residues, start = sizes.tail
    head = [_run_text(*run) for run in sizes.head] if bounds or not residues else []
    # all sizes from `start` on
    if residues == (0,) and modulus == 1:
        return f"= {', '.join(head)} or >= {start}" if head else f">= {start}"
    classes = _class_texts(modulus, residues, start, bounds)
    if len(classes) > MOST_CLASSES:
        early = f"= {', '.join(head)} or " if head else ""
        return f"{early}>= {start} with remainder {listing(map(str, residues), 'or')} by {modulus}"
    return f"= {listing([*head, *classes], 'or')}"


def _class_texts(modulus: int, residues: Sequence[int], start: int, bounds: bool) -> list[str]:
    """`188 + 16k, k >= 0`, `32k, k >= 1`, `29..32 + 32k, k >= 0`."""
    if len(residues) == 1 and residues[0] == 0:
        # ceil(start / modulus): 32k from 20 on begins at k = 1
        return [f"{modulus}k" + (f", k >= {-(-start // modulus)}" if bounds else "")]
    # the smallest size of each class from `start` on: class 12 of 16 from 180 on is 188 + 16k
    firsts = sorted(start + (r - start) % modulus if bounds else r or modulus for r in residues)
    texts = [f"{_run_text(*run)} + {modulus}k" for run in runs_of(firsts)]
    return [*texts[:-1], texts[-1] + (", k >= 0" if bounds else "")] if texts else []


def _run_text(first: int, step: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}..{last}" if step == 1 else f"{first}, {first + step}, .., {last}"


def examples_text(sizes: SizeSet) -> str:
    """`188, 204, 220, ...`."""
    first = [str(size) for size, _ in zip(_ascending(sizes), range(3), strict=False)]
    return ", ".join(first) + (", ..." if sizes.count > len(first) else "")


def _ascending(sizes: SizeSet) -> Iterator[int]:
    size: int | None = sizes.first
    while size is not None:
        yield size
        size = sizes.above(size + 1)
