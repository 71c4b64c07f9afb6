"""The legal sizes of a model as data: which, what forces them, which are nearest to a given one. Writes no report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from functools import cached_property
from math import prod
from typing import Any

from archlang.errors.words import listing, shape_text
from archlang.ir.graph import Layer, Model
from archlang.ir.ops.base import Shape
from archlang.ir.size_sets import SizeSet, runs_of
from archlang.records import record

MOST_CLASSES = 4
"""Residue classes that are written one by one."""

Sizes = Mapping[str, int]
"""A value for each letter."""

Box = Mapping[str, SizeSet]
"""Sizes of each letter, any of one with any of the others."""


@record
class Reason:
    """What forces a restriction: the layer (its word and path, or neither), its place, and what it needs of sizes.

    `leaves` are the sizes of these letters that come past it; None where it is a lower bound, which the result shows.
    """

    letters: tuple[str, ...]
    owner: str
    path: str
    file: str
    line: int
    column: int
    code: str
    needs: str
    leaves: SizeSet | None


@record
class LegalSizes:
    """All legal sizes of the letters of a model: the union of boxes, which have no size in common."""

    letters: tuple[str, ...]
    boxes: tuple[Box, ...]
    reasons: tuple[Reason, ...] = ()

    @staticmethod
    def of(letters: Sequence[str], boxes: Sequence[Box]) -> LegalSizes:
        """The union of boxes; a single box, if the letters do not depend on each other."""
        whole = {name: _union([box[name] for box in boxes]) for name in letters}
        independent = sum(_count(box) for box in boxes) == _count(whole)
        return LegalSizes(tuple(letters), (whole,) if independent else tuple(boxes))

    def because(self, reasons: Sequence[Reason]) -> LegalSizes:
        """With what forces them."""
        return replace(self, reasons=tuple(reasons))

    @cached_property
    def sets(self) -> Box:
        """For each letter the sizes that are legal with some sizes of the others."""
        return {name: _union([box[name] for box in self.boxes]) for name in self.letters}

    @property
    def are_independent(self) -> bool:
        """Whether each letter has its legal sizes whatever the others are."""
        return len(self.boxes) == 1

    def __contains__(self, sizes: Sizes) -> bool:
        return any(all(sizes[name] in box[name] for name in self.letters) for box in self.boxes)

    def nearest(self, size: int) -> dict[str, int]:
        """The legal sizes next to one size for all letters."""
        found = ({name: sizes.nearest(size) or sizes.first for name, sizes in box.items()} for box in self.boxes)
        return min(found, key=lambda sizes: sum(abs(n - size) for n in sizes.values()))

    @property
    def smallest(self) -> dict[str, int]:
        """The smallest legal sizes."""
        return self.nearest(1)

    def beside(self, letter: str, size: int) -> tuple[int | None, int | None]:
        """The legal sizes of a letter next to `size`: the largest up to it, the smallest from it on."""
        return self.sets[letter].below(size), self.sets[letter].above(size)

    @property
    def text(self) -> str:
        """`H, W = 188 + 16k, k >= 0`."""
        return " or ".join(box_text(box) for box in self.boxes)


@record
class SymbolicModel(Model):
    """A model whose sizes are left free: its shapes are formulas (`ir/dims.py`), good for all of its legal sizes.

    `example` is the same model at legal sizes next to the usual ones, for whatever needs numbers.
    """

    legal: LegalSizes = field(kw_only=True)
    example: Model = field(kw_only=True)

    @property
    def is_symbolic(self) -> bool:
        return True

    @property
    def with_numbers(self) -> Model:
        shapes = ", ".join(shape_text(given.shape) for given in self.example.inputs)
        only = ", for this size only since some layers depend on it" if self.depends_on_size else ""
        sizes = f"Legal sizes: {self.legal.text}. Written for {shapes}{only}."
        return replace(self.example, doc="\n".join(part for part in (self.example.doc, sizes) if part))

    @staticmethod
    def of(model: Model, legal: LegalSizes, example: Model) -> SymbolicModel:
        """The symbolic model of a model with formulas."""
        parts: dict[str, Any] = {known.name: getattr(model, known.name) for known in fields(Model)}
        return SymbolicModel(**parts, legal=legal, example=example)

    @property
    def depends_on_size(self) -> bool:
        """Whether some layer itself, not only its shapes, depends on the sizes: a crop to another part's size."""
        layers = (node for body in self.bodies for node in body.nodes if isinstance(node, Layer))
        return any(_is_free(getattr(layer.op, known.name)) for layer in layers for known in fields(layer.op))


def shape_at(shape: Shape, sizes: Sizes) -> Shape:
    """A shape with its formulas worked out."""
    from archlang.ir.dims import value_at

    return tuple(value_at(size, sizes) for size in shape)


def _is_free(value: object) -> bool:
    from archlang.ir.arithmetic import Symbolic

    if isinstance(value, tuple):
        return any(_is_free(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    return isinstance(value, Symbolic)


def _count(box: Box) -> int:
    return prod(sizes.count for sizes in box.values())


def _union(sets: Sequence[SizeSet]) -> SizeSet:
    whole, *others = sets
    for one in others:
        whole = whole | one
    return whole


# ---- words -----------------------------------------------------------------------------------------


def box_text(box: Box, bounds: bool = True) -> str:
    """`H, W = 188 + 16k, k >= 0`; without `bounds`, `H, W = 188 + 16k`."""
    texts: dict[str, list[str]] = {}
    for name, sizes in box.items():
        texts.setdefault(set_text(sizes, bounds), []).append(name)
    return "; ".join(f"{', '.join(names)} {text}" for text, names in texts.items())


def set_text(sizes: SizeSet, bounds: bool = True) -> str:
    """`= 188 + 16k, k >= 0`, `>= 5`, `= 1, 3 or 8..12`; without `bounds` only what repeats, if anything does."""
    modulus, residues, start = sizes.tail
    head = [_run_text(*run) for run in sizes.head] if bounds or not residues else []
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
        return [f"{modulus}k" + (f", k >= {-(-start // modulus)}" if bounds else "")]
    firsts = sorted(start + (r - start) % modulus if bounds else r or modulus for r in residues)
    texts = [f"{_run_text(*run)} + {modulus}k" for run in runs_of(firsts)]
    return [*texts[:-1], texts[-1] + (", k >= 0" if bounds else "")] if texts else []


def _run_text(first: int, step: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}..{last}" if step == 1 else f"{first}, {first + step}, .., {last}"


def examples_text(sizes: SizeSet) -> str:
    """`188, 204, 220, ...`."""
    first = [str(first) for first, _ in zip(_ascending(sizes), range(3), strict=False)]
    return ", ".join(first) + (", ..." if sizes.count > len(first) else "")


def _ascending(sizes: SizeSet) -> Any:
    size: int | None = sizes.first
    while size is not None:
        yield size
        size = sizes.above(size + 1)
