"""One elaboration with sizes left free, up to its first error."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, TypeVar, cast

from archlang.diagnostics import Collector, Diagnosed, Diagnostic, Edit, Help
from archlang.elaborate.builder import BodyBuilder
from archlang.elaborate.calls import LayerCall
from archlang.elaborate.elaborator import Elaborator
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.layers import Layers
from archlang.elaborate.parts import Options
from archlang.elaborate.program import Program
from archlang.errors.arguments import ArgumentProblem
from archlang.errors.symbolic import SizeInWeights, SizeNotTracked, SizesCompared, TooManyClasses
from archlang.errors.words import shape_text
from archlang.ir.arithmetic import Symbolic
from archlang.ir.graph import Layer, Name, Ref
from archlang.ir.letters import MOST_RUNS, Letters
from archlang.ir.ops.base import Op, OpError, Shape
from archlang.ir.ops.linear import FullyConnected
from archlang.ir.size_sets import SizeSet
from archlang.source import Span
from archlang.symbolic.reasons import Failing, Failure
from archlang.syntax import ast

UNTRACKED = (SizeInWeights, SizesCompared, SizeNotTracked, TooManyClasses)
"""Problems of formulas, not of sizes: with one of them nothing is said of legal sizes."""

Domains = dict[str, SizeSet]
Result = TypeVar("Result")


class Stopped(Exception):
    """A run ended at its first error."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class SymbolicElaborator(Elaborator):
    """Elaborates with sizes left free; `failures` receives what went wrong, and for which sizes."""

    def __init__(
        self, program: Program, evaluate: Evaluator, options: Options, letters: Letters, failures: list[Failure]
    ) -> None:
        super().__init__(program, evaluate, Collector(), options)
        self.letters = letters
        self.failures = failures
        self.layers = SymbolicLayers(self)
        self.failing: Failing | None = None
        self.own_weights = False  # whether each size may have weights of its own
        # the evaluator is that of all runs: what those before spent does not count against this one
        self.forgive()

    def report(self, diagnostic: Diagnostic) -> None:
        """End the run."""
        # kept with its trail first; then it ends the run, since behind an error no formula is known
        super().report(diagnostic)
        reported = self.collector.items[-1]
        self.failures.append(Failure(reported, self.failing, self.work, dict(self.letters.domains), self.letters))
        raise Stopped(reported)

    def stage(self, stage: ast.Stage, env: Environment, builder: BodyBuilder) -> None:
        """One stage; what has no formula is reported where it stands."""
        try:
            super().stage(stage, env, builder)
        except OpError as error:
            self.report(Diagnostic(error.problem, stage.span, stage.span.source.name))

    def _check_stated(self, stated: ast.Expression, env: Environment, builder: BodyBuilder) -> None:
        # bound out here: super() without arguments does not work in a lambda
        check = super()._check_stated
        self.settled(lambda: check(stated, env, builder))

    def settled(self, attempt: Callable[[], Result]) -> Result:
        """What a step without side effects gives, for the larger share of the sizes with which it succeeds.

        Sizes with which it fails are done with here, without a run of their own; those that go another way are left.
        Raises `Diagnosed` if all fail.
        """
        letters, left = self.letters, self.letters.left
        # a list of its own: only what this one step splits off is worked through here
        letters.left = [letters.domains]
        done: list[tuple[Domains, Result]] = []
        failed: list[tuple[Diagnosed, Failing | None, Domains]] = []
        try:
            while letters.left:
                # an attempt that failed closed the letters, to write its message without splitting them further
                letters.domains, letters.closed, self.failing = letters.left.pop(), False, None
                try:
                    done.append((letters.domains, attempt()))
                    # each would be a run of its own
                    if len(done) > MOST_RUNS:
                        raise OpError(TooManyClasses("cases", MOST_RUNS, tuple(letters.domains)))
                except Diagnosed as error:
                    # a lack of formulas is no property of sizes: nothing is said rather than something wrong
                    if isinstance(error.diagnostic.problem, UNTRACKED):
                        raise
                    failed.append((error, self.failing, letters.domains))
        finally:
            letters.left = left
        last = None
        if not done:
            # all fail: one of them is raised and ends the run, the others are noted like failures of runs of their own
            last, self.failing, letters.domains = failed.pop()
        for error, failing, domains in failed:
            self.failures.append(Failure(error.diagnostic, failing, self.work, domains, letters))
        if last is not None:
            raise last
        # the largest share goes on at once, the others are run again from the start
        done.sort(key=lambda one: prod(sizes.count for sizes in one[0].values()))
        letters.domains, result = done.pop()
        letters.left += (domains for domains, _ in done)
        letters.closed, self.failing = False, None
        return result


class SymbolicLayers(Layers):
    """Elaborates layers on sizes left free."""

    walk: SymbolicElaborator

    def _op(self, layer: LayerCall, call: ast.Call, shapes: tuple[Shape, ...]) -> tuple[Op, tuple[Shape, ...]]:
        make = super()._op
        return self.walk.settled(lambda: make(layer, call, shapes))

    def _diagnostic(self, error: OpError, layer: LayerCall, call: ast.Call, shapes: tuple[Shape, ...]) -> Diagnostic:
        """The diagnostic without ways out: these are for one size. Remembers the layer."""
        # the message compares sizes, too, and must not split off any by that
        self.walk.letters.closed = True
        try:
            op = layer.build(shapes)
        except OpError:
            # the word alone then names the layer: it has no op for these inputs
            op = None
        self.walk.failing = Failing(layer.word, op, shapes, call.span)
        problem = error.problem
        span = layer.argument_span(problem.argument) if isinstance(problem, ArgumentProblem) else call.span
        return Diagnostic(problem, span, span.source.name)

    def _add(
        self,
        layer: LayerCall,
        call: ast.Call,
        name: Name,
        builder: BodyBuilder,
        shapes: tuple[Shape, ...],
        sources: tuple[Ref, ...],
    ) -> None:
        super()._add(layer, call, name, builder, shapes, sources)
        if not self.walk.own_weights:
            _check_weights(layer.word, builder, call.span)


def _check_weights(word: str, builder: BodyBuilder, span: Span) -> None:
    """Raise if the number of weights of the last layer depends on a size left free."""
    layer = builder.nodes[-1]
    assert isinstance(layer, Layer)
    # weights are made before any input is seen, so their shapes must be numbers
    tensors = {**layer.op.parameters(), **layer.op.buffers()}
    free = {name: shape for name, shape in tensors.items() if letters_of(shape)}
    if not free:
        return
    names = tuple(dict.fromkeys(name for shape in free.values() for name in letters_of(shape)))
    weights = tuple((name, shape_text(shape)) for name, shape in free.items())
    reads = _read_shape(layer, builder)
    # FC behind a map: pooling to a fixed size is the usual way to take any size (torchvision's avgpool in front of it)
    pools = isinstance(layer.op, FullyConnected) and len(reads) > 1
    problem = SizeInWeights(word, names, weights, shape_text(reads), pooling_to(7, reads) if pools else "")
    start = span.source.span(span.start, span.start)
    pool = Help("pool over the whole map first", (Edit(start, f"{pooling_to(1, reads)} -> "),))
    raise Diagnosed(Diagnostic(problem, span, span.source.name, candidates=(pool,) if pools else ()))


def pooling_to(size: int, shape: Shape) -> str:
    """`AVGPOOL(to=7x7)`, which makes a map's size fixed."""
    return f"AVGPOOL(to={shape_text((size,) * (len(shape) - 1)) if size > 1 else size})"


def _read_shape(layer: Layer, builder: BodyBuilder) -> Shape:
    """What flows into a layer, before the compiler flattens it."""
    if not layer.inputs:
        return ()
    ref = layer.inputs[0]
    source = builder.nodes[ref.node] if ref.node >= 0 else None
    # a layer without a name is the flattening that was put in for FC
    if isinstance(source, Layer) and source.name is None:
        ref = source.inputs[0]
    return builder.inputs[ref.port].shape if ref.node < 0 else builder.nodes[ref.node].outputs[ref.port]


def letters_of(shape: Shape) -> tuple[str, ...]:
    """The letters that a shape depends on."""
    sizes = (size for size in cast("tuple[Any, ...]", shape) if isinstance(size, Symbolic))
    return tuple(dict.fromkeys(name for size in sizes for name in size.names))
