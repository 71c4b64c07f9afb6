"""Ways out, computed: arguments are changed and tried, and only what comes out clean is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from math import prod
from typing import Protocol

from archlang.diagnostics import Diagnostic, Edit, Help, Problem
from archlang.elaborate.calls import LayerCall
from archlang.elaborate.foreign import in_pairs
from archlang.elaborate.parts import origin
from archlang.errors.arguments import GroupsIndivisible, InferredArgument
from archlang.errors.shapes import CannotReshape, KernelTooLarge, PaddingTooLarge, WindowProblem
from archlang.errors.words import shape_text, value_text
from archlang.ir.graph import Layer, Model
from archlang.ir.ops.base import OpError, Shape
from archlang.ir.ops.pad import Pad
from archlang.source import Source
from archlang.syntax import ast

# each help tried is a check of the whole file: few are read, and few are worth the wait
MOST_HELPS = 4
MOST_TRIES = 16
FARTHEST = 1_000
"""Numbers of groups that are looked at around the one given."""

Badness = tuple[int, int, int]
"""How wrong a text is, the worst first: characters that cannot be read, errors, warnings."""


class Trial(Protocol):
    """What a check of a text found."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All of them."""
        ...

    @property
    def badness(self) -> Badness:
        """How wrong the text is."""
        ...

    @property
    def models(self) -> tuple[Model, ...]:
        """The models that came out."""
        ...

    @property
    def partial(self) -> tuple[Model, ...]:
        """What is known of the others."""
        ...


RANK = {"error": 2, "warning": 3}
"""How many numbers of the badness the way out of an error, or of a warning, must make smaller."""

DIAGNOSTICS_WITH_HELPS = 5
"""A file with more errors than this is not a slip: trying edits for all of them would only cost time."""


def layer_repairs(
    problem: Problem, layer: LayerCall, call: ast.Call, inputs: tuple[Shape, ...], strict: bool
) -> Iterator[Help]:
    """Edits of one argument with which the layer takes its input."""
    # Conv2d(3, 64, 3): the number of channels that flow in is left out
    if isinstance(problem, InferredArgument):
        yield layer.without_inferred(problem.corrected, inputs)
    if layer.op_class is Pad and len(inputs) == 1:
        yield from in_pairs(call, inputs[0])
    # fromkeys: two ways to one value are tried once, the nearer first
    for name, text in dict.fromkeys(_candidates(problem, layer)):
        edit = layer.edit(name, text, call)
        # the layer alone, which is cheap; whether the file gets better is seen later, in `try_helps`
        if _is_clean(layer.with_argument(name, _value(text)), inputs, strict):
            yield replace(edit, message=f"{name}={text}", changes=call.span)


def _candidates(problem: Problem, layer: LayerCall) -> Iterator[tuple[str, str]]:
    """(argument, text of its new value), the smallest change first."""
    match problem:
        case GroupsIndivisible():
            # divisors of the channels that failed; whether they divide the others, too, is seen when they are tried
            near = range(max(1, problem.groups - FARTHEST), problem.groups + FARTHEST)
            divisors = [g for g in near if problem.channels % g == 0]
            yield from ((problem.argument, str(g)) for g in sorted(divisors, key=lambda g: abs(g - problem.groups)))
        case CannotReshape():
            yield from (("shape", text) for text in _reshapes(problem))
        case PaddingTooLarge():
            # torch takes no pooling whose padding is more than half its window
            yield "padding", str(problem.kernel_size // 2)
        case WindowProblem():
            yield from _in_turn(*_window_candidates(problem, layer.op_class.family == "pool"))
        case _:
            pass


def _reshapes(problem: CannotReshape) -> Iterator[str]:
    """The wanted shape with one of its sizes changed so that all numbers have a place."""
    wanted, size = problem.wanted, prod(problem.shape)
    for axis in reversed(range(len(wanted))):
        # -1 stands for what is left, and counts as nothing
        others = prod(n for index, n in enumerate(wanted) if index != axis and n != -1)
        if -1 not in wanted and size % others == 0:
            yield value_text((*wanted[:axis], size // others, *wanted[axis + 1 :]))
        elif wanted[axis] != -1 and -1 in wanted:
            near = range(max(1, wanted[axis] - FARTHEST), wanted[axis] + FARTHEST)
            fitting = sorted((n for n in near if size % (others * n) == 0), key=lambda n: abs(n - wanted[axis]))
            yield from (value_text((*wanted[:axis], n, *wanted[axis + 1 :])) for n in fitting[:2])


def _window_candidates(problem: WindowProblem, pooling: bool) -> Iterator[list[tuple[str, str]]]:
    """For each argument of a window its values worth trying, the nearest first."""
    axis = problem.axes[0]
    # of a pooling torch allows half the window; of a convolution, more would only add windows full of zeros
    most = axis.kernel_size // 2 if pooling else axis.extent - 1
    # at least what lets one window fit: N + 2P >= F, so P >= (F - N)/2, rounded up
    first = max(axis.padding[0] + 1, (axis.extent - axis.size + 1) // 2)
    yield [("padding", str(p)) for p in range(first, min(most + 1, first + MOST_TRIES))]
    yield [("stride", str(s)) for s in range(axis.stride - 1, 0, -1)[:MOST_TRIES]]
    kernels = (axis.kernel_size - 1, axis.kernel_size + 1, axis.kernel_size - 2, axis.size)
    # a window narrower than its stride would skip rows
    yield [("kernel_size", str(k)) for k in kernels if k >= axis.stride]
    # no rounding makes a window fit that is larger than its input; and only poolings of torch have ceil_mode
    if not isinstance(problem, KernelTooLarge):
        yield [("round", '"floor"'), ("round", '"ceil"')] if pooling else [("round", '"floor"')]


def _in_turn(*lists: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The first of each list, then the second of each: different kinds of change before more of one kind."""
    for row in zip_longest(*lists):
        yield from (candidate for candidate in row if candidate)


def _value(text: str) -> int | str | tuple[int, ...]:
    if text.startswith("("):
        return tuple(int(word) for word in text.strip("(,)").split(","))
    return int(text) if text.isdigit() else text.strip('"')


def _is_clean(layer: LayerCall, inputs: tuple[Shape, ...], strict: bool) -> bool:
    """Whether a changed layer takes its input."""
    try:
        op = layer.build(inputs)
        op.infer_shapes(inputs)
        return not any(True for _ in op.check(inputs, strict))
    except OpError:
        return False


def try_helps(
    source: Source,
    trial: Trial,
    check: Callable[[Source], Trial],
    may_try: Callable[[], bool],
    most: int = DIAGNOSTICS_WITH_HELPS,
) -> list[Diagnostic]:
    """Apply each candidate to the text and check the whole file again: what leaves it less bad is offered.

    `trial` is the check of the text as it is; `may_try` says whether there is effort left for one more,
    for the first `most` diagnostics that have any.
    """
    hopeful = iter(range(most))
    return [
        replace(d, helps=tuple(_clean(source, d, trial, check, may_try)))
        # the counter moves only at diagnostics that have something to try
        if d.candidates and next(hopeful, None) is not None
        else d
        for d in trial.diagnostics
    ]


def _clean(
    source: Source,
    diagnostic: Diagnostic,
    trial: Trial,
    check: Callable[[Source], Trial],
    may_try: Callable[[], bool],
) -> Iterator[Help]:
    found = 0
    for candidate in diagnostic.candidates[:MOST_TRIES]:
        if not may_try():
            return
        # a file that is imported is not ours to change
        if any(edit.span.source is not source for edit in candidate.edits):
            continue
        changed = check(Source(source.name, apply_edits(source.text, candidate.edits)))
        if is_better(trial, changed, diagnostic, candidate):
            yield _with_output(candidate, changed)
            found += 1
        if found == MOST_HELPS:
            return


def _with_output(remedy: Help, trial: Trial) -> Help:
    """The help with what comes out of the changed layer; without a number where its copies give different shapes."""
    if remedy.changes is None:
        return remedy
    place = origin(remedy.changes)
    bodies = (body for model in (*trial.models, *trial.partial) for body in model.bodies)
    nodes = (node for body in bodies for node in body.nodes)
    layers = (node for node in nodes if isinstance(node, Layer) and node.name is not None)  # not a crop put in
    shapes = {shape_text(layer.outputs[0]) for layer in layers if layer.origin == place}
    return replace(remedy, message=f"{remedy.message} gives {shapes.pop()}") if len(shapes) == 1 else remedy


def is_better(before: Trial, after: Trial, diagnostic: Diagnostic, remedy: Help) -> bool:
    """Whether a way out leaves fewer errors, or of a warning fewer warnings.

    An error hides those behind it. So a safe way out, which says what is meant anyway, may also show others, if all of
    them stand there or behind it, or in a block that is used there.
    """
    rank = RANK[diagnostic.severity]
    # as tuples: no fewer errors are worth a character that cannot be read, no fewer warnings an error
    if after.badness[:rank] < before.badness[:rank]:
        return True
    if not remedy.safe or diagnostic.severity != "error" or after.badness[0]:
        return False
    start = min(edit.span.start for edit in remedy.edits)
    last = max(remedy.edits, key=lambda edit: edit.span.start)
    end = sum(len(edit.text) - len(edit.span.text) for edit in remedy.edits) + last.span.end
    # by message and not by place: the edit has moved everything behind it
    known = {(d.code, d.message) for d in before.diagnostics if d is not diagnostic}
    shown = [d for d in after.diagnostics if d.severity == "error" and (d.code, d.message) not in known]
    # the same problem once more must stand behind the mended place, or nothing was mended
    return all(_is_reached_behind(d, end if d.code == diagnostic.code else start, end) for d in shown)


def _is_reached_behind(diagnostic: Diagnostic, start: int, end: int) -> bool:
    """Whether an error, or the use of the block that it stands in, begins behind `start` and goes on behind `end`."""
    spans = (diagnostic.span, *(label.span for label in diagnostic.trail))
    return any(span is not None and span.start >= start and span.end > end for span in spans)


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with edits applied, from the back so that offsets stay true."""
    for edit in sorted(edits, key=lambda e: e.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text
