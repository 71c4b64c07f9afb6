"""Repeats: `*N`, labelled or not, and comprehensions in brackets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from archlang.elaborate.bodies import is_empty, take_labels_of_copies
from archlang.elaborate.builder import BodyBuilder, Flow, Naming
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import diagnosed
from archlang.elaborate.parts import LAYER_LIMIT, Maker, Part, origin
from archlang.errors.limits import NegativeRepeat, TooManyLayers
from archlang.errors.words import value_text
from archlang.ir import graph
from archlang.ir.arithmetic import Symbolic
from archlang.ir.ops.base import Shape
from archlang.ir.partial import is_partial
from archlang.source import Span
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.elaborate.elaborator import Elaborator


class Repeats:
    """Elaborates repeated parts."""

    def __init__(self, walk: Elaborator) -> None:
        self.walk = walk

    def stage(
        self, copy: ast.Stage, repeat: ast.Repeat, label: str | None, env: Environment, builder: BodyBuilder
    ) -> None:
        """`X*N`: `copy` is the stage without the repeat and without its label."""
        count = self.walk.evaluate(repeat.count, env)
        if isinstance(count, Symbolic):
            count.refuse("a number of copies")
        # 0 is a count: parts that a parameter leaves out
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise diagnosed(NegativeRepeat(value_text(count)), repeat.span)
        if label is not None:
            self._labelled(copy, label, count, env, builder)
        # no node for a single copy, so that *1 changes no name and no path
        elif count == 1:
            self.walk.stage(copy, env, builder)
        elif count:
            maker = Maker(
                ("copy", id(copy.part), len(copy.suffixes)), lambda inner: self.walk.stage(copy, env, inner), copy
            )
            self._add(self._copies(maker, count, env, builder, builder.naming, copy.span), builder, copy.span)

    def _copies(
        self, maker: Maker, count: int, env: Environment, builder: BodyBuilder, naming: Naming, span: Span
    ) -> list[tuple[Part, int]]:
        """`count` copies in a row; the first that keeps its shape stands for all that follow."""
        runs: list[tuple[Part, int]] = []
        flow, left = self.walk.flowing(builder, span), count
        while left:
            self.walk.spend(span)
            part = self.walk.remembered(maker, env, builder, flow, naming, span)
            # the next copies read what this one reads, and are the same; behind an error, too, where both are unknown
            same = left if part.flow == flow else 1
            runs.append((part, same))
            flow, left = part.flow, left - same
        return runs

    def comprehension(self, group: ast.Group, loop: ast.Loop, env: Environment, builder: BodyBuilder) -> None:
        """`[... for x in items]`: the chains of all iterations, one after the other."""
        runs: list[tuple[Part, int]] = []
        flow: Shape | Flow | None = None
        span = group.chain.span
        for inner in self.walk.evaluate.loop(loop, env):
            self.walk.spend(group.span)
            # asked in the loop: without items nothing needs an input
            flow = self.walk.flowing(builder, group.span) if flow is None else flow
            maker = Maker(("loop", id(group)), partial(self.walk.chain, group.chain, inner), group.chain)
            part = self.walk.remembered(maker, inner, builder, flow, builder.naming, span)
            # neighbours with one body become one run with a count: 3 of 64 channels, then 4 of 128
            before = runs.pop()[1] if runs and runs[-1][0].body == part.body else 0
            runs.append((part, before + 1))
            flow = part.flow
        if runs:
            self._add(runs, builder, group.span)

    def _add(self, runs: list[tuple[Part, int]], builder: BodyBuilder, span: Span) -> None:
        """The node of a repeat, in one piece."""
        table, flow = self.walk.table, runs[-1][0].flow
        ids = [(part.body, count) for part, count in runs if part.body is not None]
        whole = len(ids) == len(runs) and isinstance(flow, tuple)
        # copies in which every part is switched off are no rows of the report
        ids = [(body, count) for body, count in ids if not is_empty(table.bodies[body])]
        if not ids:
            builder.flow = builder.flow if whole else Flow.UNKNOWN
            return
        self._check_size(ids, span)
        if whole:
            take_labels_of_copies(builder, table, ids, span)
        starts: dict[str, int] = {}
        for body, count in ids:
            # the right side of | wins, so the first run that uses a base says where it starts
            starts = builder.starts_behind(table.bodies[body].names, count) | starts
        run_nodes = tuple(graph.Run(body, count) for body, count in ids)
        sources = self.walk.sources(builder, runs[0][0])
        outputs = (flow,) if whole and isinstance(flow, tuple) else ()
        # the sources of the first run serve all: they use the same labels, being copies of one text
        node = graph.Repeat(run_nodes, tuple(starts.items()), sources, outputs, origin(span))
        builder.add(node, next((table.bodies[body] for body, _ in ids if is_partial(table.bodies[body])), None))

    def _check_size(self, ids: list[tuple[graph.BodyId, int]], span: Span) -> None:
        layers = sum(self.walk.table.layers[body] * count for body, count in ids)
        if layers > LAYER_LIMIT:
            raise diagnosed(TooManyLayers(layers, LAYER_LIMIT), span)

    def _labelled(self, copy: ast.Stage, label: str, count: int, env: Environment, builder: BodyBuilder) -> None:
        """`layer1: block(64)*3` is the scope layer1 with the copies 0, 1, 2."""
        walk, span = self.walk, copy.span
        name = builder.name("group", label, span)
        key = (id(copy.part), len(copy.suffixes))
        one = Maker(("numbered", *key), lambda inner: self._numbered(copy, env, inner), copy)

        def make_all(inner: BodyBuilder) -> None:
            if runs := self._copies(one, count, env, inner, "numbers", span):
                self._add(runs, inner, span)

        # with the count in its key, as a value that the copy's own text does not name
        everything = Maker(("labelled", *key, count), make_all, copy)
        part = walk.remembered(everything, env, builder, walk.flowing(builder, span), "numbers", span)
        walk.add_call(name, part, builder, span)

    def _numbered(self, copy: ast.Stage, env: Environment, builder: BodyBuilder) -> None:
        """One copy of a labelled repeat: a group becomes a numbered scope, a layer or block takes the number."""
        # layer1.0.conv1: a scope for each copy; a block already is one and takes the number as its name
        if isinstance(copy.part, ast.Group) and not copy.suffixes:
            self.walk.numbered_scope(copy.part, env, builder, copy.span)
        else:
            self.walk.stage(copy, env, builder)
