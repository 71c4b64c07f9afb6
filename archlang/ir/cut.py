"""A model cut at a part: what flows out of that part is the output, and what is not needed for it is gone."""

from __future__ import annotations

from dataclasses import replace

from archlang.ir.graph import Body, Call, Layer, Model, Ref, Repeat, Run
from archlang.ir.paths import Step, require_place
from archlang.ir.prune import prune_body, prune_model


def cut(model: Model, path: str) -> Model:
    """The model up to the part with a path, inclusive: `cut(model, "features.10")`. Names stay as they are.

    Inputs stay, side outputs go. A part that runs in training only runs always where the model is cut at it. Raises
    `Diagnosed` for a part that there is not.
    """
    bodies = list(model.bodies)
    # from the inside out: each body is cut before the one that holds it, and appended behind all others.
    for step in reversed(require_place(model, path).steps):
        # the innermost body is cut at a node of its own; only those around it have a cut body to refer to.
        inner = len(bodies) - 1 if len(bodies) > len(model.bodies) else None
        bodies.append(_cut_body(bodies, step, inner))
    return prune_model(replace(model, sides=()), bodies)


def _cut_body(bodies: list[Body], step: Step, inner: int | None) -> Body:
    """The body up to a node, in which the body `inner` is what is left of the one that the path leads on to."""
    body = bodies[step.body]
    node = body.nodes[step.index]
    if inner is not None:
        shape = bodies[inner].shape_of(bodies[inner].outputs[0])
        # a cut body gives what the part gives, in general of another shape than what the whole one gave.
        node = replace(_cut_node(node, step, inner), outputs=(shape,))
    return prune_body(body, (*body.nodes[: step.index], node), Ref(step.index))


def _cut_node(node: Layer | Call | Repeat, step: Step, inner: int) -> Call | Repeat:
    if isinstance(node, Repeat):
        # copies before the one that the path enters stay whole; those behind it are gone.
        whole = Run(node.runs[step.run].body, step.copy)
        before = (*node.runs[: step.run], *((whole,) if whole.count else ()))
        return replace(node, runs=(*before, Run(inner, 1)))
    assert isinstance(node, Call)
    return replace(node, body=inner)
