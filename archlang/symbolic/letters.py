"""Which parameters of a model are sizes of its inputs."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.elaborate.program import ALIAS_LIMIT, INPUT, Program, walk
from archlang.syntax import ast


def input_sizes(program: Program, definition: ast.Definition, aliases: int = 0) -> frozenset[str]:
    """Names that stand in the arguments of a model's INPUTs, those of the model that it is an alias of included."""
    alias = program.alias(definition)
    if alias is None or aliases > ALIAS_LIMIT:
        inputs = (node for node in walk(definition.chain) if isinstance(node, ast.Call) and node.word == INPUT)
        return frozenset(name for call in inputs for name in _names(call.arguments or ()))
    callee, call = alias
    theirs = input_sizes(callee.program, callee.tree, aliases + 1)
    names = (parameter.name for parameter in callee.parameters())
    given = {a.name or next(names, ""): a for a in call.arguments or ()}
    passed = (name for size in theirs if size in given for name in _names((given[size],)))
    return frozenset(size for size in theirs if size not in given).union(passed)


def _names(arguments: tuple[ast.Argument, ...]) -> Iterator[str]:
    yield from (node.name for node in walk(arguments) if isinstance(node, ast.NameUse))
