"""Finds the legal sizes of a model: elaborates it with its sizes as formulas, once for each way that it can go.

Each run decides its comparisons for all sizes in question at once (`ir/dims.py`); what goes another way is left for a
run of its own. A run ends at its first error. So the runs cover every size exactly once, and each says of its own
whether they are legal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from archlang.diagnostics import Collector, Diagnosed, Diagnostic, Edit, Help
from archlang.elaborate.builder import BodyBuilder
from archlang.elaborate.calls import LayerCall
from archlang.elaborate.elaborator import Elaborator
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.layers import Layers
from archlang.elaborate.parts import Options
from archlang.elaborate.program import Program
from archlang.errors.symbolic import NoLegalSize, SizeInWeights, SizeNotTracked, SizesCompared, TooManyClasses
from archlang.errors.words import shape_text
from archlang.ir import graph
from archlang.ir.arithmetic import Symbolic
from archlang.ir.dims import Letters
from archlang.ir.ops.base import OpError, Shape
from archlang.ir.ops.linear import FullyConnected
from archlang.ir.size_sets import LARGEST_LETTER, SizeSet
from archlang.records import record
from archlang.source import Span
from archlang.symbolic.legal import LegalSizes, SymbolicModel
from archlang.symbolic.reasons import Failure, find_reasons
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.checking import Run

MOST_RUNS = 2_000
"""Ways that one model may go."""

MOST_WORK = 300_000
"""Stages that all runs together may elaborate: some seconds."""

UNTRACKED = (SizeInWeights, SizesCompared, SizeNotTracked, TooManyClasses)
"""Problems of the formulas, not of single sizes: with one of them nothing is said of legal sizes."""

POOLING = "AVGPOOL(to=1) -> "

TYPICAL = 224
"""Where a concrete model is needed, the legal sizes next to this stand for all."""

Domains = dict[str, SizeSet]


class Stopped(Exception):
    """A run ended at its first error."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@record
class Region:
    """Sizes, for each letter its own, that all go one way: the model, or the failure."""

    domains: Domains
    letters: Letters
    model: graph.Model | None
    failure: Failure | None


def explore(run: Run, definition: ast.Definition, bindings: dict[str, Any], letters: Sequence[str]) -> SymbolicModel | None:
    """The model with its legal sizes; None after an error, which is then reported."""
    collector = run.selected.collector
    try:
        return _Explorer(run, definition, bindings, tuple(letters)).explore()
    except Stopped as stopped:
        collector.add(stopped.diagnostic)
        return None


class _Explorer:
    """Explores one model."""

    def __init__(
        self, run: Run, definition: ast.Definition, bindings: dict[str, Any], letters: tuple[str, ...]
    ) -> None:
        self.run = run
        self.definition = definition
        self.bindings = bindings
        self.names = letters

    def explore(self) -> SymbolicModel:
        regions = self._regions()
        legal = [region for region in regions if region.model is not None]
        failures = [region.failure for region in regions if region.failure is not None]
        if not legal:
            raise self._stopped(NoLegalSize(self.names, LARGEST_LETTER, _last_words(failures)))
        sizes = LegalSizes.of(self.names, [region.domains for region in legal])
        main = max(_variants(legal), key=lambda same: sum(_count(region) for region in same))
        model = _closed(main)
        reasons = find_reasons(sizes, failures, model)
        return SymbolicModel.of(model, sizes.because(reasons), self._example(sizes))

    def _stopped(self, problem: Any) -> Stopped:
        span = self.definition.name_span
        return Stopped(Diagnostic(problem, span, span.source.name))

    def _regions(self) -> list[Region]:
        left: list[Domains] = [dict.fromkeys(self.names, SizeSet.of())]
        regions: list[Region] = []
        work = 0
        while left:
            if len(regions) == MOST_RUNS or work > MOST_WORK:
                raise self._stopped(TooManyClasses("cases", len(regions), self.names))
            region, spent = self._region(Letters(left.pop(), left))
            if region.failure and isinstance(region.failure.diagnostic.problem, UNTRACKED):
                raise Stopped(region.failure.diagnostic)
            work += spent
            regions.append(region)
        self.run.selected.work += work
        return regions

    def _region(self, letters: Letters) -> tuple[Region, int]:
        """One run, and what it cost."""
        sizes = {name: letters[name] for name in self.names}
        run, options = self.run, self.run.options.bound(sizes)
        elaborator = SymbolicElaborator(run.program, run.evaluate, options, letters)
        model, failure = None, None
        try:
            known = {p.name for p in run.program.parameters(self.definition)}
            bound = {name: size for name, size in sizes.items() if name in known}
            model = elaborator.model(self.definition, {**self.bindings, **bound})
        except Stopped as stopped:
            failure = Failure(stopped.diagnostic, elaborator.failing, elaborator.work, dict(letters.domains))
        except OpError as error:
            raise self._stopped(error.problem) from None
        letters.closed = True
        return Region(dict(letters.domains), letters, model, failure), elaborator.work

    def _example(self, sizes: LegalSizes) -> graph.Model:
        """The model at legal sizes next to the usual ones."""
        run = self.run
        chosen = sizes.nearest(TYPICAL)
        elaborator = Elaborator(run.program, run.evaluate, Collector(), run.options.bound(chosen))
        known = {p.name for p in run.program.parameters(self.definition)}
        bound = {name: size for name, size in chosen.items() if name in known}
        model = elaborator.model(self.definition, {**self.bindings, **bound})
        assert model is not None, f"{chosen} was found legal"
        return model


def _count(region: Region) -> int:
    count = 1
    for sizes in region.domains.values():
        count *= sizes.count
    return count


def _variants(regions: list[Region]) -> list[list[Region]]:
    """Regions with equal models: the same formulas everywhere."""
    found: dict[object, list[Region]] = {}
    for region in regions:
        assert region.model is not None
        bodies = tuple((body.definition, body.inputs, body.nodes, body.outputs) for body in region.model.bodies)
        found.setdefault(hash(bodies), []).append(region)
    return list(found.values())


def _closed(regions: list[Region]) -> graph.Model:
    """The model that regions share, its formulas simplified for the sizes of all of them."""
    first, *others = regions
    for name, sizes in first.domains.items():
        for region in others:
            sizes = sizes | region.domains[name]
        first.letters.domains[name] = sizes
    assert first.model is not None
    return first.model


def _last_words(failures: list[Failure]) -> tuple[str, ...]:
    """Where the sizes that came farthest failed."""
    farthest = max(failures, key=lambda failure: failure.order).diagnostic
    place = f"line {farthest.span.line}: " if farthest.span else ""
    return (f"{place}{farthest.message}",)


# ---- one run ---------------------------------------------------------------------------------------


class SymbolicElaborator(Elaborator):
    """Elaborates with sizes left free, up to the first error. `failing` is the layer that it is about."""

    def __init__(self, program: Program, evaluate: Evaluator, options: Options, letters: Letters) -> None:
        super().__init__(program, evaluate, Collector(), options)
        self.letters = letters
        self.layers = SymbolicLayers(self)
        self.failing: tuple[str, tuple[Shape, ...]] | None = None
        self.forgive()

    def report(self, diagnostic: Diagnostic) -> None:
        """End the run."""
        super().report(diagnostic)
        raise Stopped(self.collector.items[-1])

    def stage(self, stage: ast.Stage, env: Environment, builder: BodyBuilder) -> None:
        """One stage; what has no formula is reported where it stands."""
        try:
            super().stage(stage, env, builder)
        except OpError as error:
            self.report(Diagnostic(error.problem, stage.span, stage.span.source.name))


class SymbolicLayers(Layers):
    """Elaborates layers on sizes left free."""

    walk: SymbolicElaborator

    def _add(
        self,
        layer: LayerCall,
        call: ast.Call,
        name: graph.Name,
        builder: BodyBuilder,
        shapes: tuple[Shape, ...],
        sources: tuple[graph.Ref, ...],
    ) -> None:
        super()._add(layer, call, name, builder, shapes, sources)
        added = builder.nodes[-1]
        assert isinstance(added, graph.Layer)
        _check_weights(added, layer.word, builder, call.span)

    def _diagnostic(self, error: OpError, layer: LayerCall, call: ast.Call, shapes: tuple[Shape, ...]) -> Diagnostic:
        """The diagnostic without ways out: these are for one size."""
        self.walk.failing = layer.word, shapes
        return Diagnostic(error.problem, call.span, call.span.source.name)


def _check_weights(layer: graph.Layer, word: str, builder: BodyBuilder, span: Span) -> None:
    """Raise if the number of weights depends on a size left free."""
    tensors = {**layer.op.parameters(), **layer.op.buffers()}
    free = {name: shape for name, shape in tensors.items() if letters_of(shape)}
    if not free:
        return
    names = tuple(dict.fromkeys(name for shape in free.values() for name in letters_of(shape)))
    weights = tuple((name, shape_text(shape)) for name, shape in free.items())
    reads = _read_shape(layer, builder)
    pools = isinstance(layer.op, FullyConnected) and len(reads) > 1
    problem = SizeInWeights(word, names, weights, shape_text(reads), "AVGPOOL(to=1)" if pools else "")
    helps = (Help("pool to a fixed size first", (Edit(span.source.span(span.start, span.start), POOLING),)),)
    raise Diagnosed(Diagnostic(problem, span, span.source.name, candidates=helps if pools else ()))


def _read_shape(layer: graph.Layer, builder: BodyBuilder) -> Shape:
    """What flows into a layer, before the compiler flattens it."""
    ref = layer.inputs[0] if layer.inputs else None
    if ref is None:
        return ()
    source = builder.nodes[ref.node] if ref.node >= 0 else None
    if isinstance(source, graph.Layer) and source.name is None:
        ref = source.inputs[0]
    return builder.inputs[ref.port].shape if ref.node < 0 else builder.nodes[ref.node].outputs[ref.port]


def letters_of(shape: Shape) -> tuple[str, ...]:
    """The letters that a shape depends on."""
    sizes = (size for size in cast("tuple[Any, ...]", shape) if isinstance(size, Symbolic))
    return tuple(dict.fromkeys(name for size in sizes for name in size.names))
