"""Ways out of torch's spelling where it is more than another word: arguments without a use here, other layers."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Edit, Help
from archlang.errors.words import without_module
from archlang.syntax import ast

IDLE = frozenset({"inplace", "device", "dtype"})
"""torch's arguments that change nothing about the network."""


def unflattened(call: ast.Call) -> tuple[Help, ...]:
    """The help that writes torch's Unflatten(1, sizes) as RESHAPE."""
    given = {argument.name or index: argument.value for index, argument in enumerate(call.arguments or ())}
    dim, sizes = given.get("dim", given.get(0)), given.get("unflattened_size", given.get(1))
    if without_module(call.word) != "Unflatten" or len(given) != 2 or not dim or not sizes or dim.span.text != "1":
        return ()
    text = f"RESHAPE({sizes.span.text})"
    return (Help(f"write {text}", (Edit(call.span, text),), safe=True),)


def without_idle(arguments: Sequence[ast.Argument], index: int) -> tuple[Help, ...]:
    """The help that leaves out an argument without a use here."""
    span = arguments[index].span
    if arguments[index].name not in IDLE:
        return ()
    start, end = span.start, span.end
    if index + 1 < len(arguments):
        end = arguments[index + 1].span.start
    elif index:
        start = arguments[index - 1].span.end
    edit = Edit(span.source.span(start, end), "")
    return (Help(f"leave {span.text} out: it changes nothing about the network", (edit,), safe=True),)
