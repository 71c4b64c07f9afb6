"""Legal sizes next to those that a file, or `--input`, gives: what is offered where a window or a join does not fit.

The model is explored with letters in place of the sizes. Where that says nothing, or nothing near, neither does this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import Diagnosed, Diagnostic, Edit, Help, Problem
from archlang.elaborate.fixes import Trial, apply_edits, is_better
from archlang.elaborate.program import INPUT, walk
from archlang.errors.shapes import channels_last
from archlang.ir.graph import Input
from archlang.ir.ops.base import Shape
from archlang.ir.partial import PartialBody, PartialModel
from archlang.records import record
from archlang.source import Source
from archlang.symbolic.explore import find_legal
from archlang.symbolic.legal import SizeBoxes, Sizes
from archlang.symbolic.letters import MAPS, paired, plans
from archlang.symbolic.nearest import nearest_text
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.checking import Request, Run

MOST_MODELS = 3
"""Models of a file that are explored."""

MOST_STAGES = 2_000
"""Stages that may be elaborated for each."""

MOST_EFFORT = 3_000_000
"""Values of residue classes that may be worked out for each: about a second."""

REACH = 4
"""How many times as large, or as small, a size may be that is still near."""


@record
class Attempt:
    """What is tried: the text, what a check of it found, and how to check another and to open a run of it.

    `mendable` are the problems that another size may mend.
    """

    source: Source
    trial: Trial
    check: Callable[[Source], Trial]
    opened: Callable[[Request], Run]
    request: Request
    mendable: tuple[type[Problem], ...]


def with_written(
    attempt: Attempt, diagnostics: Sequence[Diagnostic], partial: Sequence[PartialModel]
) -> tuple[Diagnostic, ...]:
    """Diagnostics, those that ended a model early with the nearest sizes that are legal."""
    result = list(diagnostics)
    for model in partial[:MOST_MODELS]:
        # a wrong argument is no matter of size, and exploring costs seconds
        ended = [failure.problem for failure in _failures(model) if isinstance(failure.problem, attempt.mendable)]
        # by identity: of two models with the same message each gets its own sizes
        places = (index for index, d in enumerate(result) if any(d.problem is problem for problem in ended))
        index = next(places, None)
        if index is None:
            continue
        try:
            found = _help(attempt, model, result[index])
        except (Diagnosed, RecursionError):
            continue
        result[index] = replace(result[index], helps=(*result[index].helps, *found))
    return tuple(result)


def _failures(model: PartialModel) -> Iterator[Diagnostic]:
    for body in model.bodies:
        if isinstance(body, PartialBody):
            yield from (failure.diagnostic for failure in body.failures if failure.diagnostic)


def _help(attempt: Attempt, model: PartialModel, diagnostic: Diagnostic) -> Sequence[Help]:
    """The sizes in words, with the edit where they are written in the file and it leaves fewer errors."""
    shapes = [given.shape for given in model.inputs]
    if any(map(channels_last, shapes)):
        return ()  # its axes are meant otherwise
    # the freest letters that give an answer; with fewer of them some models become small enough to explore
    for patterns in plans(shapes, MAPS):
        given = dict(paired(patterns, shapes))
        legal = _legal(attempt, model, patterns) if given else None
        if legal is None:
            continue
        target = legal.nearest_to(given)
        # 12 instead of 224 is legal perhaps, and not what anybody wants
        if given in legal or not all(_is_near(target[name], size) for name, size in given.items()):
            return ()
        words = Help(nearest_text(model.name, legal, given))
        edits = tuple(_edits(attempt, model, [_filled(pattern, target) for pattern in patterns]))
        remedy = replace(words, edits=edits)
        return (remedy if edits and _is_tried(attempt, diagnostic, remedy) else words,)
    return ()


def _is_near(target: int, size: int) -> bool:
    return size <= target * REACH and target <= size * REACH


def _filled(pattern: Sequence[int | str], sizes: Sizes) -> Shape:
    return tuple(sizes[size] if isinstance(size, str) else size for size in pattern)


def _legal(attempt: Attempt, model: PartialModel, patterns: Sequence[Sequence[int | str]]) -> SizeBoxes | None:
    """The legal sizes with letters for those of the inputs."""
    names = tuple(dict.fromkeys(size for pattern in patterns for size in pattern if isinstance(size, str)))
    inputs = tuple((given.name, tuple(pattern)) for given, pattern in zip(model.inputs, patterns, strict=True))
    run = attempt.opened(replace(attempt.request, options=replace(attempt.request.options, inputs=inputs)))
    found = run.program.definitions.get(model.name)
    known = {parameter.name for parameter in run.program.parameters(found.tree)} if found else set[str]()
    # the model has a parameter of its own with that letter, which must not be bound to a size
    if found is None or known.intersection(names):
        return None
    run.limit_work(MOST_STAGES)
    bindings: Mapping[str, Any] = attempt.request.bindings
    bound = {name: value for name, value in bindings.items() if name in known}
    return find_legal(run, found.tree, bound, names, MOST_EFFORT)


# ---- the edit --------------------------------------------------------------------------------------


def _edits(attempt: Attempt, model: PartialModel, wanted: Sequence[Shape]) -> Iterator[Edit]:
    """Where the sizes are written as numbers: other numbers. None where some of them are not."""
    run = attempt.opened(attempt.request)
    found = run.program.definitions.get(model.name)
    calls = [node for node in walk(found.tree.chain) if isinstance(node, ast.Call)] if found else []
    inputs = [call for call in calls if call.word == INPUT]
    # with --input the numbers in the file are not those that failed
    if attempt.request.options.inputs or len(inputs) != len(model.inputs):
        return
    for call, given, shape in zip(inputs, model.inputs, wanted, strict=True):
        yield from _input_edits(call, given, shape)


def _input_edits(call: ast.Call, given: Input, wanted: Shape) -> Iterator[Edit]:
    axis = 0
    for argument in call.arguments or ():
        value = argument.value.value if isinstance(argument.value, ast.Literal) else None
        written = value if isinstance(value, tuple) else (value,)
        # an argument may hold several sizes: INPUT(3, 224x224)
        ends = slice(axis, axis + len(written))
        # only numbers as they stand: what a name gives may be used elsewhere, too
        if given.shape[ends] == written and wanted[ends] != written:
            yield Edit(argument.value.span, "x".join(map(str, wanted[ends])))
        axis += len(written)


def _is_tried(attempt: Attempt, diagnostic: Diagnostic, remedy: Help) -> bool:
    """Whether the text is less wrong with it."""
    if any(edit.span.source is not attempt.source for edit in remedy.edits):
        return False
    changed = attempt.check(Source(attempt.source.name, apply_edits(attempt.source.text, remedy.edits)))
    return is_better(attempt.trial, changed, diagnostic, remedy)
