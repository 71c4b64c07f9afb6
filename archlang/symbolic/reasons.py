"""What forces the legal sizes, in words: each layer that turns some sizes down, and what it demands of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from archlang.diagnostics import Diagnostic, Problem
from archlang.errors.arguments import NotAllowed
from archlang.errors.joins import JoinMismatch
from archlang.errors.shapes import (
    AxisSizes,
    KernelTooLarge,
    NotWhole,
    StatedShape,
    StrideDropsInput,
    WindowProblem,
)  # fmt: skip
from archlang.errors.words import listing, shape_text
from archlang.ir.arithmetic import Symbolic
from archlang.ir.graph import Model
from archlang.ir.letters import Letters
from archlang.ir.ops.base import Op, Shape
from archlang.ir.size_sets import SizeSet
from archlang.ir.walk import FlatLayer, flatten
from archlang.records import record
from archlang.source import Span
from archlang.symbolic.legal import Reason, SizeBoxes, shape_at

LAYERS_NAMED = 50_000
"""Copies of layers that are looked at for the name of the one that failed."""


@record
class Failing:
    """A layer that cannot take its inputs: its word, the op if there is one, what flows in, and where it stands."""

    word: str
    op: Op | None
    inputs: tuple[Shape, ...]
    span: Span


@record
class Failure:
    """Sizes that end in one error: the layer it is about, if any, and how far they came."""

    diagnostic: Diagnostic
    layer: Failing | None
    order: int
    domains: dict[str, SizeSet]
    letters: Letters

    @property
    def span(self) -> Span | None:
        """Where the layer stands, or else the problem."""
        return self.layer.span if self.layer else self.diagnostic.span

    @property
    def is_endless(self) -> bool:
        """Whether it turns down sizes without end of every letter, not only small ones."""
        return all(sizes.is_endless for sizes in self.domains.values())


def find_reasons(legal: SizeBoxes, failures: Sequence[Failure], model: Model) -> tuple[Reason, ...]:
    """The reasons that matter, in the order in which the network meets them.

    Of lower bounds that is the one that decides, of everything else each.
    """
    names = _Names(model)
    reasons: list[Reason] = []
    for letter in legal.letters:
        steps = _steps(letter, legal.sets[letter], failures)
        # what turns down every second size forces a form (16k), what turns down a first few only a bound
        kept = [step for step in steps if step.turned_down.is_endless]
        reasons += [names.reason(step, letter) for step in (*kept, *_bound(steps, legal.sets[letter]))]
    return tuple(_merged(reasons))


@record
class _Step:
    """One failure as it concerns one letter: sizes turned down, and those left behind it."""

    failure: Failure
    turned_down: SizeSet
    left: SizeSet


def _steps(letter: str, legal: SizeSet, failures: Sequence[Failure]) -> list[_Step]:
    """Failures in the order in which they come; those at one place as one."""
    left = SizeSet.of()
    steps: list[_Step] = []
    for failure in sorted(failures, key=lambda failure: failure.order):
        turned_down = failure.domains[letter]
        # sizes that are legal after all failed with some size of another letter
        if turned_down & legal or letter not in (_blamed(failure) or (letter,)):
            continue  # another letter is to blame
        left = left - turned_down
        if steps and _place(steps[-1].failure) == _place(failure):
            before = steps.pop()
            turned_down, failure = turned_down | before.turned_down, before.failure
        steps.append(_Step(failure, turned_down, left))
    return steps


def _blamed(failure: Failure) -> tuple[str, ...]:
    """The letters of the axes that a window does not fit, where that can be told."""
    problem = failure.diagnostic.problem
    axes = problem.axes if isinstance(problem, WindowProblem) else ()
    return tuple(name for axis in axes for name in _letters(axis.size))


def _place(failure: Failure) -> object:
    return failure.diagnostic.span, failure.diagnostic.code, failure.order


def _bound(steps: Sequence[_Step], legal: SizeSet) -> list[_Step]:
    """Of the steps that turn down only small sizes, the one that turns down the largest that would fit otherwise."""
    # H = 12 + 16k from 188 on: 172 has the form and is not legal, so whoever turned it down sets the bound
    modulus, residues, start = legal.tail
    if not residues:
        return sorted((s for s in steps if not s.turned_down.is_endless), key=lambda s: s.turned_down.last)[-1:]
    for size in range(start - 1, 0, -1):
        if size % modulus in residues and size not in legal:
            return [step for step in steps if size in step.turned_down and not step.turned_down.is_endless]
    return []


def _merged(reasons: Iterable[Reason]) -> Iterable[Reason]:
    """Equal reasons of several letters as one."""
    merged: dict[object, Reason] = {}
    for reason in reasons:
        # H and W go through the same layers mostly, and have the same reasons
        key = replace(reason, letters=(), leaves=None)
        before = merged.get(key)
        if before is not None and before.leaves == reason.leaves:
            merged[key] = replace(before, letters=(*before.letters, *reason.letters))
        else:
            merged[key if before is None else (key, reason.letters)] = reason
    return merged.values()


class _Names:
    """Finds the paths of layers by where they were written and what flows into them."""

    def __init__(self, model: Model) -> None:
        self.layers: dict[object, list[FlatLayer]] = {}
        for flat in islice(flatten(model), LAYERS_NAMED):
            origin = flat.layer.origin
            self.layers.setdefault((origin.file, origin.line, origin.column), []).append(flat)

    def reason(self, step: _Step, letter: str) -> Reason:
        """A step in words."""
        diagnostic, span = step.failure.diagnostic, step.failure.span
        line, column = (span.line, span.column) if span else (0, 0)
        layer = step.failure.layer
        return Reason(
            letters=(letter,),
            owner=layer.word if layer else "",
            path=self._path(step.failure, layer) if layer else "",
            file=diagnostic.file,
            line=line,
            column=column,
            code=diagnostic.code,
            demand=_demand(step.failure, letter),
            leaves=step.left if step.turned_down.is_endless else None,
        )

    def _path(self, failure: Failure, layer: Failing) -> str:
        """The same layer at the same place into which the same flows for some sizes that failed."""
        span, sizes = layer.span, {name: domain.first for name, domain in failure.domains.items()}
        here = self.layers.get((span.source.name, span.line, span.column), [])
        # one line of a block stands for all its copies: the shapes in numbers tell which of them failed
        wanted = [shape_at(shape, sizes) for shape in layer.inputs]
        alike = [flat for flat in here if layer.op is None or flat.layer.op == layer.op] or here
        same = (flat for flat in alike if [shape_at(shape, sizes) for shape in flat.inputs] == wanted)
        found = next(same, alike[0] if alike else None)
        return found.path if found else ""


# ---- words -----------------------------------------------------------------------------------------


def demand_text(failure: Failure) -> str:
    """`MAXPOOL in line 3 needs an even size`."""
    span, letters = failure.span, _blamed(failure) or tuple(failure.domains)
    demand, line = _demand(failure, letters[0]), f"line {span.line}" if span else "the model"
    return f"{failure.layer.word} in {line} {demand}" if failure.layer and _is_need(demand) else f"{line}: {demand}"


def _is_need(demand: str) -> bool:
    return demand.startswith("needs ")


def _demand(failure: Failure, letter: str) -> str:
    """What a layer wants: `needs an even size`. Formulas are those of the sizes that failed."""
    with failure.letters.restricted(failure.domains):
        return _demand_of(failure.diagnostic.problem, letter)


def _demand_of(problem: Problem, letter: str) -> str:
    match problem:
        case StrideDropsInput() | NotWhole():
            return f"needs {_size_needed(_axis(problem.axes, letter), isinstance(problem, NotWhole))}"
        case KernelTooLarge():
            axis = _axis(problem.axes, letter)
            # N + 2P >= F
            return f"needs a size of at least {axis.extent - sum(axis.padding)}"
        case JoinMismatch():
            return f"needs equal sizes, not {_differing(problem.shapes, letter)}"
        case StatedShape():
            return f"{shape_text(problem.stated)} is stated"
        case NotAllowed():
            # the arithmetic is the error's: a column of a table has room for what is needed
            return f"needs {problem.needs}" if problem.needs else problem.reason
        case _:
            return problem.message


def _axis(axes: Sequence[AxisSizes], letter: str) -> AxisSizes:
    """The axis that a letter runs along."""
    return next((axis for axis in axes if letter in _letters(axis.size)), axes[0])


def _letters(size: Any) -> tuple[str, ...]:
    return size.names if isinstance(size, Symbolic) else ()


def _size_needed(axis: AxisSizes, exact: bool) -> str:
    """Which sizes a window covers without a row left over (that is not padding)."""
    slack = 0 if exact else axis.padding[1]
    over = sum(axis.padding) - axis.extent
    # (N + 2P - F) mod S rows are left over; they cost nothing while they lie in the padding behind
    fitting = [r for r in range(axis.stride) if (r + over) % axis.stride <= slack]
    match axis.stride, fitting:
        case 2, [0]:
            return "an even size"
        case 2, [1]:
            return "an odd size"
        case stride, [0]:
            return f"a multiple of {stride}"
        case stride, residues:
            return f"a size with remainder {listing(map(str, residues), 'or')} by {stride}"


def _differing(shapes: Sequence[Shape], letter: str) -> str:
    """The sizes of branches along the axes that a letter runs along."""
    columns = [column for column in zip(*shapes, strict=False) if any(letter in _letters(size) for size in column)]
    different = (dict.fromkeys(map(str, column)) for column in columns or zip(*shapes, strict=False))
    return "; ".join(listing(texts) for texts in different if len(texts) > 1)
