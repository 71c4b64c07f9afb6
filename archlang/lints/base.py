"""What a lint is, and what it sees of a model: its layers, who feeds whom, and where each was written.

A lint is a function that looks over a model or a file and yields findings. It looks at shared bodies, each once. It
knows nothing of comments that silence it, nor of options: the driver (`archlang.lints`) does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

from archlang.diagnostics import Help, Label, Problem
from archlang.ir.graph import BodyId, Layer, Model, Name
from archlang.ir.ops.base import Shape
from archlang.ir.walk import input_shapes
from archlang.lints.text import FileText
from archlang.lints.wiring import Reader, Spot, Wiring
from archlang.records import record
from archlang.source import Span
from archlang.syntax import ast

NEUTRAL = frozenset({"identity"})
"""Layers that are as if they were not there."""


@record
class Finding:
    """A problem at a layer, or at a place of the file. `helps` are edits that are tried before they are offered."""

    problem: Problem
    spot: Spot | None = None
    span: Span | None = None
    helps: tuple[Help, ...] = ()
    secondary: tuple[Label, ...] = ()


class Net:
    """One model as lints see it, at fixed sizes."""

    def __init__(self, model: Model, text: FileText, symbolic: bool) -> None:
        self.model = model
        self.text = text
        self.symbolic = symbolic

    @cached_property
    def wiring(self) -> Wiring:
        """Which layer feeds which."""
        return Wiring(self.model)

    @cached_property
    def spots(self) -> tuple[tuple[Spot, Layer], ...]:
        """All layers of all bodies, each once."""
        return tuple(
            (Spot(number, index), node)
            for number, body in enumerate(self.model.bodies)
            for index, node in enumerate(body.nodes)
            if isinstance(node, Layer)
        )

    def of(self, *tags: str) -> Iterator[tuple[Spot, Any]]:
        """The layers of some kinds, with their ops."""
        return ((spot, layer.op) for spot, layer in self.spots if layer.op.tag in tags)

    def layer(self, spot: Spot) -> Layer:
        """The layer at a spot."""
        node = self.model.bodies[spot.body].nodes[spot.node]
        assert isinstance(node, Layer)
        return node

    def op(self, spot: Spot) -> Any:
        """Its op: the fields are those of its kind."""
        return self.layer(spot).op

    def input(self, spot: Spot) -> Shape:
        """The shape of its first input."""
        return self.inputs(spot)[0]

    def inputs(self, spot: Spot) -> tuple[Shape, ...]:
        """The shapes of its inputs."""
        return input_shapes(self.model.bodies[spot.body], self.layer(spot))

    def output(self, spot: Spot) -> Shape:
        """The shape of its output."""
        return self.layer(spot).outputs[0]

    def is_shared(self, spot: Spot) -> bool:
        """Whether other layers of its body use its weights, or it those of another."""
        return (spot.body, self.layer(spot).name) in self._shared

    @cached_property
    def _shared(self) -> frozenset[tuple[BodyId, Name | None]]:
        """Bodies with the names of layers in them whose weights are used more than once."""
        return frozenset((spot.body, layer.name) for spot, layer in self.spots if layer.shared)

    @cached_property
    def copies(self) -> tuple[int, ...]:
        """How often each body occurs in the model."""
        from archlang.lints.folds import count_copies

        return count_copies(self.model)

    # ---- neighbours

    def sources(self, spot: Spot, through: frozenset[str] = NEUTRAL, port: int = 0) -> list[Spot | None]:
        """What feeds a layer, looking through layers of some kinds; None for an input of the model."""
        # a dict is a set that keeps the order in which layers were found, and with it the order of messages
        found: dict[Spot | None, None] = {}
        pending, seen = list(self.wiring.sources(spot, port)), set[Spot]()
        while pending:
            source = pending.pop(0)
            if source is None or self.op(source).tag not in through:
                found[source] = None
            # copies of a repeat are one spot here, which feeds itself
            elif source not in seen:
                seen.add(source)
                pending += self.wiring.sources(source)
        return list(found)

    def readers(self, spot: Spot, through: frozenset[str] = NEUTRAL) -> list[Reader]:
        """Who reads a layer, looking through layers of some kinds; None for an output of the model."""
        found: dict[Reader, None] = {}
        pending, seen = list(self.wiring.readers(spot)), set[Spot]()
        while pending:
            reader = pending.pop(0)
            if reader is None or self.op(reader[0]).tag not in through:
                found[reader] = None
            elif reader[0] not in seen:
                seen.add(reader[0])
                pending += self.wiring.readers(reader[0])
        return list(found)

    def enders(self, through: frozenset[str] = NEUTRAL) -> Iterator[tuple[str, Spot]]:
        """The layers that the model's outputs come from, looking through layers of some kinds, with their names."""
        names = {side.port: side.name for side in self.model.sides}
        for port, source in enumerate(self.wiring.outputs):
            if source is None:
                continue
            # `sources` looks at what feeds a layer, so the last one itself is looked at here
            before = self.sources(source, through) if self.op(source).tag in through else [source]
            yield from ((names.get(port, "output"), spot) for spot in before if spot is not None)

    # ---- places

    def call(self, spot: Spot) -> ast.Call | None:
        """Where a layer is written, if that is in the file itself."""
        return self.text.call_at(self.layer(spot).origin)

    def written_at(self, origin: object) -> int:
        """How many layers of the model's bodies were written at a place."""
        return self._origins[origin]

    @cached_property
    def _origins(self) -> Counter[object]:
        # layers without a name (a flattening, a crop) have the place of the word that they were put in for
        return Counter(layer.origin for _, layer in self.spots if layer.name is not None)

    def word(self, spot: Spot) -> str:
        """The word it is written with; its own, where it was written elsewhere."""
        call = self.call(spot)
        return call.word if call else self.op(spot).words[0]

    def argument_span(self, spot: Spot, name: str) -> Span | None:
        """Where an argument stands, or the whole call."""
        call = self.call(spot)
        argument = call and self.text.argument(call, self.op(spot), name)
        return argument.span if argument else call and call.span

    def label(self, spot: Spot, text: str) -> tuple[Label, ...]:
        """A second place, if the layer was written in this file."""
        call = self.call(spot)
        return (Label(call.span, text),) if call else ()

    def given(self, spot: Spot, message: str, **values: str) -> tuple[Help, ...]:
        """The edit that gives a layer's arguments other values."""
        call, op = self.call(spot), self.op(spot)
        edits = self.text.with_arguments(call, op, values) if call else ()
        return (Help(message, edits),) if edits else ()


Find = Callable[[Net], Iterable[Finding]]
FindInFile = Callable[[FileText], Iterable[Finding]]


@record
class Lint:
    """A lint: the code of its warnings, and how it finds them; they derive from `archlang.errors.lints.Warned`.

    It looks at each model (`find`) or at the file (`find_in_file`). One that is `sized` reads sizes of maps and has
    nothing to say where they are left free.
    """

    code: str
    find: Find | None = None
    find_in_file: FindInFile | None = None
    sized: bool = False

    @property
    def package(self) -> str:
        """The package that it comes from."""
        module: str | None = getattr(self.find or self.find_in_file, "__module__", None)
        return (module or "").partition(".")[0]

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else wrote it."""
        return self.package != "archlang"
