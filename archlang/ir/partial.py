"""Models with errors, as far as they could be made: for reports and pictures. No backend that makes modules sees one.

A `PartialModel` is a model whose bodies end where an error stood. Each `PartialBody` holds the nodes that came out and
the stages that failed; calls and repeats of such a body have no outputs where what flows out is unknown. What stands
behind an unknown shape is not there at all, so totals over a partial model are lower bounds.
"""

from __future__ import annotations

from dataclasses import field
from typing import NoReturn

from archlang.diagnostics import Diagnostic
from archlang.ir.graph import Body, Layer, Model, Name, Origin, Output, Ref
from archlang.records import record


@record
class Failure:
    """A stage that gave nothing: its name, the word it was written with, and what was to flow into it.

    `before` is how many nodes of the body stand before it. `diagnostic` says why, at its place in the text; it is None
    where the error stands elsewhere: a `let` without a value.
    """

    before: int
    name: Name | None
    word: str
    inputs: tuple[Ref, ...]
    origin: Origin
    diagnostic: Diagnostic | None = field(compare=False)

    @property
    def code(self) -> str:
        """The code of the error; empty where it stands elsewhere."""
        return self.diagnostic.code if self.diagnostic else ""


@record
class PartialBody(Body):
    """A body in which stages failed, or parts are partial. `outputs` is empty where what flows out is unknown."""

    failures: tuple[Failure, ...] = ()


@record
class PartialModel(Model):
    """What is known of a model with errors. Its root is a `PartialBody`, but for errors of names alone."""

    @property
    def is_partial(self) -> bool:
        """Always."""
        return True

    @property
    def is_known(self) -> bool:
        """Whether any layer came out, so that there is something to report."""
        return any(isinstance(node, Layer) for body in self.bodies for node in body.nodes)

    @property
    def with_numbers(self) -> NoReturn:
        """Not to be had: what makes modules asks for it."""
        raise TypeError(f"{self.name} is partial")

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What the model returns; nothing where that is unknown."""
        # `Model.outputs` begins with what flows out, which is what is unknown here.
        return super().outputs if self.root.outputs else ()


def failures_at(body: Body, index: int) -> tuple[Failure, ...]:
    """The stages of a body that failed right before its node number `index`."""
    if not isinstance(body, PartialBody):
        return ()
    return tuple(failure for failure in body.failures if failure.before == index)


def first_code(model: Model) -> str:
    """The code of an error that ended a partial model early; empty where none of its stages failed."""
    bodies = (body for body in model.bodies if isinstance(body, PartialBody))
    return next((failure.code for body in bodies for failure in body.failures if failure.code), "")


def is_partial(body: Body) -> bool:
    """Whether something in a body, or in what it calls, is unknown."""
    return isinstance(body, PartialBody)
