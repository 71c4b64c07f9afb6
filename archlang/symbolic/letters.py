"""Letters that stand for sizes of inputs: those that a model has, and others put in place of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from archlang.elaborate.program import ALIAS_LIMIT, INPUT, Program, walk
from archlang.ir.ops.base import Shape
from archlang.syntax import ast


def input_sizes(program: Program, definition: ast.Definition, aliases: int = 0) -> frozenset[str]:
    """Names that stand in the arguments of a model's INPUTs, those of the model that it is an alias of included."""
    alias = program.alias(definition)
    if alias is None or aliases > ALIAS_LIMIT:
        inputs = (node for node in walk(definition.chain) if isinstance(node, ast.Call) and node.word == INPUT)
        return frozenset(name for call in inputs for name in _names(call.arguments or ()))
    callee, call = alias
    # `model Small = Net(S=32)`: S is a size of Net's input and none of Small's; `Net(S=T)` makes T one
    theirs = input_sizes(callee.program, callee.tree, aliases + 1)
    names = (parameter.name for parameter in callee.parameters())
    given = {a.name or next(names, ""): a for a in call.arguments or ()}
    passed = (name for size in theirs if size in given for name in _names((given[size],)))
    return frozenset(size for size in theirs if size not in given).union(passed)


def _names(arguments: tuple[ast.Argument, ...]) -> Iterator[str]:
    yield from (node.name for node in walk(arguments) if isinstance(node, ast.NameUse))


# ---- letters in place of numbers -------------------------------------------------------------------

Axes = Mapping[int, tuple[str | None, ...]]
"""For inputs of each rank the letters of their sizes; None for one that stays as it is."""

AXES: Axes = {1: ("L",), 2: ("C", "L"), 3: (None, "H", "W"), 4: (None, "D", "H", "W")}
"""All sizes but the channels of a map."""

MAPS: Axes = {1: (None,), 2: (None, "L"), 3: (None, "H", "W"), 4: (None, "D", "H", "W")}
"""The sizes that windows move along."""

Plan = list[tuple[int | str, ...]]
"""Shapes of inputs, with letters for some of their sizes."""


def plans(shapes: Sequence[Shape], axes: Axes) -> Iterator[Plan]:
    """Inputs with letters: each size its own; then equal sizes of several inputs as one; then all equal ones."""
    # most freedom first: equal numbers of two inputs may be equal by chance
    yield _lettered(shapes, axes, lambda number, name, size: (number, name))
    if len(shapes) > 1:
        yield _lettered(shapes, axes, lambda number, name, size: (name, size))
    yield _lettered(shapes, axes, lambda number, name, size: size)


def _lettered(shapes: Sequence[Shape], axes: Axes, key: Callable[[int, str, int], object]) -> Plan:
    """Shapes with letters for sizes; those with equal keys get the same."""
    letters: dict[object, str] = {}
    found: Plan = []
    for number, shape in enumerate(shapes):
        row: list[int | str] = []
        for size, name in zip(shape, axes[len(shape)], strict=True):
            fresh = f"{name}{number + 1}" if name in letters.values() else name
            # H, and H2 for a size of the second input that is not the same
            row.append(size if name is None else letters.setdefault(key(number, name, size), fresh or name))
        found.append(tuple(row))
    return found


def paired(patterns: Sequence[Sequence[int | str]], shapes: Sequence[Shape]) -> Iterator[tuple[str, int]]:
    """The letters with the sizes in whose place they stand."""
    for pattern, shape in zip(patterns, shapes, strict=True):
        yield from ((name, size) for name, size in zip(pattern, shape, strict=True) if isinstance(name, str))
