"""Ways out, computed: arguments are changed and tried, and only what comes out clean is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from archlang.diagnostics import Diagnostic, Edit, Help, Problem
from archlang.elaborate.calls import LayerCall
from archlang.errors.arguments import GroupsIndivisible
from archlang.errors.shapes import KernelTooLarge, PaddingTooLarge, WindowProblem
from archlang.errors.words import shape_text
from archlang.ir.ops.base import OpError, Shape
from archlang.source import Source
from archlang.syntax import ast

MOST_HELPS = 4
MOST_TRIES = 16
FARTHEST = 1_000
"""Numbers of groups that are looked at around the one given."""

Badness = tuple[int, int, int]
"""How wrong a text is, the worst first: characters that cannot be read, errors, warnings."""

RANK = {"error": 2, "warning": 3}
"""How many numbers of the badness the way out of an error, or of a warning, must make smaller."""

DIAGNOSTICS_WITH_HELPS = 5
"""A file with more errors than this is not a slip: trying edits for all of them would only cost time."""


def layer_repairs(
    problem: Problem, layer: LayerCall, call: ast.Call, inputs: tuple[Shape, ...], strict: bool
) -> Iterator[Help]:
    """Edits of one argument with which the layer takes its input, as (edit, what comes out)."""
    for name, text in _candidates(problem, layer):
        edit = layer.edit(name, text, call)
        output = _output(layer.with_argument(name, _value(text)), inputs, strict)
        if output:
            yield replace(edit, message=f"{name}={text} gives {shape_text(output)}")


def _candidates(problem: Problem, layer: LayerCall) -> Iterator[tuple[str, str]]:
    """(argument, text of its new value), the smallest change first."""
    match problem:
        case GroupsIndivisible():
            near = range(max(1, problem.groups - FARTHEST), problem.groups + FARTHEST)
            divisors = [g for g in near if problem.channels % g == 0]
            yield from (("groups", str(g)) for g in sorted(divisors, key=lambda g: abs(g - problem.groups)))
        case PaddingTooLarge():
            yield "padding", str(problem.kernel_size // 2)
        case WindowProblem():
            yield from _in_turn(*_window_candidates(problem, layer.op_class.family == "pool"))
        case _:
            pass


def _window_candidates(problem: WindowProblem, pooling: bool) -> Iterator[list[tuple[str, str]]]:
    """For each argument of a window its values worth trying, the nearest first."""
    axis = problem.axes[0]
    most = axis.kernel_size // 2 if pooling else axis.extent - 1
    first = max(axis.padding[0] + 1, (axis.extent - axis.size + 1) // 2)
    yield [("padding", str(p)) for p in range(first, min(most + 1, first + MOST_TRIES))]
    yield [("stride", str(s)) for s in range(axis.stride - 1, 0, -1)[:MOST_TRIES]]
    kernels = (axis.kernel_size - 1, axis.kernel_size + 1, axis.kernel_size - 2, axis.size)
    yield [("kernel_size", str(k)) for k in kernels if k >= axis.stride]
    if not isinstance(problem, KernelTooLarge):
        yield [("round", '"floor"'), ("round", '"ceil"')] if pooling else [("round", '"floor"')]


def _in_turn(*lists: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The first of each list, then the second of each: different kinds of change before more of one kind."""
    for row in zip_longest(*lists):
        yield from (candidate for candidate in row if candidate)


def _value(text: str) -> int | str:
    return int(text) if text.isdigit() else text.strip('"')


def _output(layer: LayerCall, inputs: tuple[Shape, ...], strict: bool) -> Shape | None:
    """What a changed layer gives, if it is clean."""
    try:
        op = layer.build(inputs)
        output = op.infer_shapes(inputs)[0]
        return None if any(True for _ in op.check(inputs, strict)) else output
    except OpError:
        return None


def try_helps(
    source: Source,
    diagnostics: Sequence[Diagnostic],
    badness: Badness,
    measure: Callable[[Source], Badness],
    tries: int,
) -> list[Diagnostic]:
    """Apply each candidate to the text and check the whole file again: what leaves it less bad is offered.

    `badness` is the text's own; `tries` is how many of all candidates may be tried.
    """
    turns, hopeful = iter(range(tries)), iter(range(DIAGNOSTICS_WITH_HELPS))
    return [
        replace(d, helps=tuple(_clean(source, d, badness, measure, turns)))
        if d.candidates and next(hopeful, None) is not None
        else d
        for d in diagnostics
    ]


def _clean(
    source: Source,
    diagnostic: Diagnostic,
    badness: Badness,
    measure: Callable[[Source], Badness],
    turns: Iterator[int],
) -> Iterator[Help]:
    found, known = 0, badness[: RANK[diagnostic.severity]]
    for candidate, _ in zip(diagnostic.candidates[:MOST_TRIES], turns, strict=False):
        if any(edit.span.source is not source for edit in candidate.edits):
            continue
        changed = Source(source.name, apply_edits(source.text, candidate.edits))
        if measure(changed)[: len(known)] < known:
            yield candidate
            found += 1
        if found == MOST_HELPS:
            return


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with edits applied, from the back so that offsets stay true."""
    for edit in sorted(edits, key=lambda e: e.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text
