"""Ways out of joins whose branches do not fit: padding, a 1x1 projection, cropping. They are tried before they are
offered, so a candidate need not be certain."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.diagnostics import Edit, Help
from archlang.elaborate.program import walk
from archlang.errors.joins import JoinMismatch
from archlang.ir.ops import WORDS
from archlang.ir.ops.base import Shape
from archlang.ir.ops.conv import Conv
from archlang.syntax import ast

MOST_PADDED = 16
"""Convolutions in the branches of a join that are given a padding at once."""

PADDING = 4
"""Arguments without a name from which on a convolution's padding is among them."""


def join_repairs(problem: JoinMismatch, call: ast.Call, shapes: tuple[Shape, ...]) -> Iterator[Help]:
    """Edits with which the branches of a join may fit, the ones that keep most of the maps first."""
    branches = call.branches or ()
    # a loop makes several branches of one text, where an edit would change all of them
    if len(branches) != len(shapes) or any(branch.loop for branch in branches) or len({len(s) for s in shapes}) > 1:
        return
    padded, projected = tuple(_padded(branches)), tuple(_projected(problem, branches, shapes))
    # the sizes of the maps differ, and not only their channels
    if len({shape[1:] for shape in shapes}) > 1:
        both = (*padded, *projected)
        yield from _help("padding that keeps sizes", padded, call)
        yield from _help("a 1x1 projection, with padding that keeps sizes,", both if padded and projected else (), call)
        yield from _help('align="crop"', _cropped(call), call)
    yield from _help("a 1x1 projection", projected, call)


def _help(message: str, edits: tuple[Edit, ...], call: ast.Call) -> Iterator[Help]:
    if edits:
        yield Help(message, edits, changes=call.span)


def _cropped(call: ast.Call) -> tuple[Edit, ...]:
    """`align="crop"` behind the join's word."""
    end = call.arguments[-1].span.end if call.arguments else call.word_span.end
    # `ADD(){ ... }` has parentheses with nothing to put a comma behind
    if call.arguments is not None and not call.arguments:
        return ()
    text = ', align="crop"' if call.arguments else '(align="crop")'
    return (Edit(call.span.source.span(end, end), text),)


def _padded(branches: tuple[ast.Branch, ...]) -> Iterator[Edit]:
    """A padding of (F - 1)/2 for the convolutions of the branches that have none."""
    calls = [node for branch in branches for node in walk(branch) if isinstance(node, ast.Call)]
    for call in [call for call in calls if WORDS.get(call.word) is Conv][:MOST_PADDED]:
        arguments = call.arguments or ()
        size = _window(arguments)
        # (F - 1)/2 keeps sizes at stride 1 without dilation: a window of 3 spreads over d*(F - 1) + 1 otherwise
        given = {argument.name for argument in arguments} & {"padding", "P", "dilation"}
        if (
            arguments
            and size > 1
            and size % 2
            and not given
            and sum(argument.name is None for argument in arguments) < PADDING
        ):
            end = arguments[-1].span.end
            yield Edit(call.span.source.span(end, end), f", padding={size // 2}")


def _window(arguments: tuple[ast.Argument, ...]) -> int:
    """The size of a square window that is written as a number; 0 for any other."""
    for index, argument in enumerate(arguments):
        if (argument.name in ("kernel_size", "F") or (index, argument.name) == (1, None)) and isinstance(
            argument.value, ast.Literal
        ):
            value = argument.value.value
            # 3x3 is a tuple, 3 a number
            sizes = set(value) if isinstance(value, tuple) else {value}
            size = sizes.pop() if len(sizes) == 1 else 0
            return size if type(size) is int else 0
    return 0


def _projected(problem: JoinMismatch, branches: tuple[ast.Branch, ...], shapes: tuple[Shape, ...]) -> Iterator[Edit]:
    """A convolution of 1x1 behind the branches that are a mere label or `_`, to the channels of the others."""
    taps = [_is_tap(branch) for branch in branches]
    channels = {shape[0] for shape, tap in zip(shapes, taps, strict=True) if not tap}
    # CONCAT joins any numbers of channels; formulas of sizes left free cannot be written into the text
    if problem.word == "CONCAT" or len(channels) != 1 or not all(type(n) is int for n in channels):
        return
    (wanted,) = channels
    other = next(shape for shape, tap in zip(shapes, taps, strict=True) if not tap)
    for branch, shape, tap in zip(branches, shapes, taps, strict=True):
        # option B of the ResNet paper: the projection has the stride by which the branch made its maps smaller
        ratios = {n // m for n, m in zip(shape[1:], other[1:], strict=True)}
        stride = ratios.pop() if len(ratios) == 1 else 1
        if tap and shape != other:
            end = branch.chain.span.end
            step = f", stride={stride}" if stride > 1 else ""
            yield Edit(branch.span.source.span(end, end), f" -> CONV({wanted}, 1{step})")


def _is_tap(branch: ast.Branch) -> bool:
    """Whether a branch is one word that is no layer: `_`, or a label."""
    (stage, *more) = branch.chain.stages
    part = stage.part
    return (
        not more
        and isinstance(part, ast.Call)
        and part.arguments is None
        and part.branches is None
        and (part.word not in WORDS and not stage.suffixes)
    )
