"""Stages that failed, as the partial model of `ir/partial.py` keeps them."""

from __future__ import annotations

from archlang.diagnostics import Diagnostic
from archlang.elaborate.builder import Attempt, BodyBuilder, Flow, Tap
from archlang.elaborate.parts import origin
from archlang.errors.shapes import StatedShape
from archlang.ir.graph import Name, Ref
from archlang.ir.ops import find_layer
from archlang.ir.ops.base import Shape
from archlang.ir.partial import Failure
from archlang.records import record
from archlang.syntax import ast


@record
class Before:
    """How a body stood before a stage."""

    flow: Shape | Flow
    last: Ref
    gaps: int


def give_up(stage: ast.Stage, before: Before, builder: BodyBuilder, diagnostic: Diagnostic | None) -> None:
    """Remember a stage that failed, unless nothing was known before it or it only follows from one inside it.

    What flows behind it is unknown, and so is what its label gives.
    """
    # more gaps than before: a part inside failed, and is remembered where it stands
    if before.flow is not Flow.UNKNOWN and (diagnostic or builder.gaps == before.gaps):
        builder.fail(_failure(stage, before.last, builder, diagnostic))
    builder.flow = Flow.UNKNOWN
    if stage.label:
        # what reads the label further down is silent, too, and does not call it unknown
        builder.taps.setdefault(stage.label.text, Tap(builder.last, Flow.UNKNOWN))


def _failure(stage: ast.Stage, last: Ref, builder: BodyBuilder, diagnostic: Diagnostic | None) -> Failure:
    """What is known of a stage that gave nothing. A layer that took no name yet takes the one it would have."""
    word = stage.part.word if isinstance(stage.part, ast.Call) else "group"
    # the stage itself worked and is among the nodes: what failed is the statement behind it
    if diagnostic and isinstance(diagnostic.problem, StatedShape):
        return Failure(len(builder.nodes), None, "::", (builder.last,), origin(stage.span), diagnostic)
    attempt, op = builder.attempt, find_layer(word)
    if attempt is None and stage.label is None and op is not None:
        # a layer with wrong arguments still counts, so that the report numbers its successors as they will be
        attempt = Attempt(builder.name(op.kind, None, stage.span, numbered=not op.is_join))
    name = attempt.name if attempt else Name(stage.label.text) if stage.label else None
    inputs = attempt.inputs if attempt and attempt.inputs is not None else (last,)
    return Failure(len(builder.nodes), name, word, inputs, origin(stage.span), diagnostic)
