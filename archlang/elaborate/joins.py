"""Joins: branches in braces, fed with the same input, brought together by CONCAT, ADD or MUL; and side outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archlang.diagnostics import Edit, Help
from archlang.elaborate.builder import BodyBuilder, Flow
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Silenced, diagnosed
from archlang.elaborate.foreign import input_beside
from archlang.errors.joins import MissingBranches, NotAtTop
from archlang.errors.shapes import NoInput
from archlang.ir import graph
from archlang.ir.ops.base import Shape
from archlang.ir.ops.shape import Crop, crop_to_smallest
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.elaborate.elaborator import Elaborator

SIDE_WORDS = ("AUX", "OUTPUT")
"""Chains beside the model's own, each an output of its own; AUX runs in training only."""


class Joins:
    """Elaborates joins and side outputs."""

    def __init__(self, walk: Elaborator) -> None:
        self.walk = walk

    def join(self, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        """`CONCAT{ a, b }`: all branches, then the layer that joins them."""
        if call.branches is None:
            raise diagnosed(MissingBranches(call.word, 0, 2), call.span, *_braced(call))
        # all of them, even if the first fails: each has its own mistakes to report
        ends = list(self._branches(call.branches, env, builder))
        if len(ends) < 2:
            raise diagnosed(MissingBranches(call.word, len(ends), 2), call.span, *_beside_input(call))
        if any(flow is Flow.NOTHING for _, flow in ends):
            raise diagnosed(NoInput(f"a branch of {call.word}"), call.span)
        # a branch that failed has said why
        if any(not isinstance(flow, tuple) for _, flow in ends):
            raise Silenced
        known = [(ref, flow) for ref, flow in ends if isinstance(flow, tuple)]
        self.walk.layers.join(call, label, env, builder, self._aligned(call, known, env, builder))

    def _branches(
        self, branches: tuple[ast.Branch, ...], env: Environment, builder: BodyBuilder
    ) -> Iterator[tuple[graph.Ref, Shape | Flow]]:
        """Where each branch ends and what flows there. All begin with what flows into the braces."""
        ref, flow = builder.last, builder.flow
        for branch, inner in self._expanded(branches, env):
            builder.go_to(ref, flow)
            # its first stage may be a label or an INPUT: they bring a flow of their own
            builder.begins = True
            self.walk.chain(branch.chain, inner, builder)
            builder.begins = False
            yield builder.last, builder.flow

    def _expanded(self, branches: tuple[ast.Branch, ...], env: Environment) -> Iterator[tuple[ast.Branch, Environment]]:
        """Branches with their names in scope: one for each item of a loop."""
        for branch in branches:
            if branch.loop is None:
                yield branch, env
            else:
                yield from ((branch, inner) for inner in self.walk.evaluate.loop(branch.loop, env))

    def _aligned(
        self, call: ast.Call, ends: list[tuple[graph.Ref, Shape]], env: Environment, builder: BodyBuilder
    ) -> list[tuple[graph.Ref, Shape]]:
        """With `align="crop"`: larger maps cut around their centre to the smallest, as U-Net does."""
        # cropping is asked for: sizes that differ by mistake are an error
        if not self.walk.layers.wants_crop(call, env):
            return ends
        aligned: list[tuple[graph.Ref, Shape]] = []
        for (ref, shape), crop in zip(ends, crop_to_smallest([shape for _, shape in ends]), strict=True):
            aligned.append(self._cropped(ref, shape, crop, builder, call) if crop else (ref, shape))
        return aligned

    def _cropped(
        self, ref: graph.Ref, shape: Shape, crop: Crop, builder: BodyBuilder, call: ast.Call
    ) -> tuple[graph.Ref, Shape]:
        builder.go_to(ref, shape)
        self.walk.layers.implicit(crop, builder, call.span)
        assert builder.shape is not None
        return builder.last, builder.shape

    # ---- side outputs

    def side(self, call: ast.Call, env: Environment, builder: BodyBuilder) -> None:
        """`AUX{ aux1: head(classes) }`: chains beside what flows, which flows on unchanged."""
        # a block may stand anywhere and several times, and has no outputs but what flows
        if not builder.root:
            raise diagnosed(NotAtTop(call.word), call.span)
        if not call.branches:
            raise diagnosed(MissingBranches(call.word, 0, 1), call.span)
        training = call.word == "AUX"
        with builder.aside(training):
            for ref, flow in list(self._branches(call.branches, env, builder)):
                if isinstance(flow, tuple):
                    builder.extra_outputs.append(ref)
                    name = self._side_name(ref, builder)
                    # counted from 1: number 0 is what flows out at the end
                    builder.sides.append(graph.Side(name, len(builder.extra_outputs), training))

    def _side_name(self, ref: graph.Ref, builder: BodyBuilder) -> str:
        """The label of the part whose output it is, or a number."""
        # `aux1: head(classes)` ends in the part aux1, though the label is one of the chain and not of the side
        label = next((name for name, tap in builder.taps.items() if tap.ref == ref), None)
        return label or f"output{len(builder.extra_outputs) + 1}"


def _braced(call: ast.Call) -> tuple[Help, ...]:
    """The help that puts into braces what was given in parentheses."""
    given = call.arguments or ()
    # CONCAT(conv(64), pool) is written as a function elsewhere; ADD(2) is not
    if not given or not all(isinstance(a.value, ast.Invocation | ast.NameUse) and a.name is None for a in given):
        return ()
    text = f"{call.word}{{ {', '.join(a.value.span.text for a in given)} }}"
    return (Help(f"write `{text}`" if len(text) < LONGEST else "write them in braces", (Edit(call.span, text),)),)


LONGEST = 80
"""Longest text that a help repeats."""


def _beside_input(call: ast.Call) -> tuple[Help, ...]:
    """The help that joins the only branch with the input itself."""
    branches = call.branches or ()
    if len(branches) != 1 or branches[0].loop is not None:
        return ()
    return (Help(f"`{call.word}{{ _, ... }}` joins it with the input itself", (input_beside(branches[0]),)),)
