"""Finds the legal sizes of a model: elaborates it with its sizes as formulas, once for each way that it can go.

Each run decides its comparisons for all sizes in question at once (`ir/dims.py`); what goes another way is left for a
run of its own. A run ends at its first error. So the runs cover every size exactly once, and each says of its own
whether they are legal. `elaborate.py` is one such run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import Collector, Diagnostic, Problem
from archlang.elaborate.elaborator import Elaborator
from archlang.elaborate.expressions import Silenced
from archlang.errors.symbolic import NoLegalSize, SizeInWeights, TooManyClasses
from archlang.ir.dims import Dim
from archlang.ir.graph import Model
from archlang.ir.letters import MOST_EFFORT, MOST_RUNS, Letters
from archlang.ir.ops.base import OpError
from archlang.ir.size_sets import LARGEST_LETTER, SizeSet
from archlang.records import record
from archlang.symbolic.elaborate import UNTRACKED, Domains, Stopped, SymbolicElaborator
from archlang.symbolic.given import with_letters
from archlang.symbolic.legal import TYPICAL, SizeBoxes, SymbolicModel, Variant
from archlang.symbolic.reasons import Failure, demand_text, find_reasons
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.checking import Run

MOST_WORK = 100_000
"""Stages that all runs together may elaborate: some seconds."""


@record
class Region:
    """Sizes, for each letter its own, with which the elaboration goes one way: to a model, or to an error (None)."""

    domains: Domains
    letters: Letters
    model: Model | None


class NothingLegal(Exception):
    """No size is legal, for these reasons."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(diagnostics[0].message)
        self.diagnostics = diagnostics


def explore(
    run: Run, definition: ast.Definition, bindings: dict[str, Any], letters: Sequence[str]
) -> SymbolicModel | None:
    """The model with its legal sizes; None after an error, which is then reported."""
    collector = run.selected.collector
    try:
        return _Explorer(run, definition, bindings, letters).explore()
    except NothingLegal as nothing:
        collector.extend(nothing.diagnostics)
    except Stopped as stopped:
        collector.add(_with_sizes(stopped.diagnostic, lambda: find_legal(run, definition, bindings, letters)))
    except Silenced:
        pass
    return None


def find_legal(
    run: Run,
    definition: ast.Definition,
    bindings: dict[str, Any],
    letters: Sequence[str],
    most_effort: int = MOST_EFFORT,
) -> SizeBoxes | None:
    """The legal sizes, also where each has weights of its own; None after any other error.

    `most_effort` bounds the arithmetic of all runs together.
    """
    explorer = _Explorer(run, definition, bindings, letters, own_weights=True)
    explorer.most_effort = most_effort
    try:
        return explorer.explore().legal
    except (NothingLegal, Stopped, Silenced):
        return None


def _with_sizes(diagnostic: Diagnostic, find: Callable[[], SizeBoxes | None]) -> Diagnostic:
    """A diagnostic that complains of weights tells which sizes are legal all the same."""
    problem = diagnostic.problem
    # once more with weights of any shape: which sizes fit can be said even where no module takes them all
    if not isinstance(problem, SizeInWeights) or (legal := find()) is None:
        return diagnostic
    return replace(diagnostic, problem=replace(problem, legal=legal.text))


class _Explorer:
    """Explores one model."""

    def __init__(
        self,
        run: Run,
        definition: ast.Definition,
        bindings: dict[str, Any],
        letters: Sequence[str],
        own_weights: bool = False,
    ) -> None:
        self.run = run
        self.definition = definition
        self.bindings = bindings
        self.names = tuple(letters)
        self.own_weights = own_weights
        self.effort, self.most_effort = 0, MOST_EFFORT
        self.failures: list[Failure] = []

    def explore(self) -> SymbolicModel:
        """The model. Raises `NothingLegal`, or `Stopped` where something has no formula."""
        legal = [region for region in self._regions() if region.model is not None]
        if not legal:
            raise NothingLegal(list(self._why_nothing()))
        sizes = SizeBoxes.of(self.names, [region.domains for region in legal])
        variants = _variants(self.names, legal)
        reasons = find_reasons(sizes, self.failures, variants[0].model)
        return SymbolicModel.of(variants, sizes, reasons, self._example(sizes))

    def _why_nothing(self) -> Iterator[Diagnostic]:
        """Why there is no legal size: what is wrong whatever the size is, or where those that came farthest failed."""
        # what came farthest through the network is nearest to being right; of equals that with most sizes
        *others, farthest = sorted(self.failures, key=lambda f: (f.order, SizeBoxes.of(self.names, [f.domains]).count))
        found = farthest.diagnostic
        # its message is written when it is shown, with formulas as they are for its sizes and not for the last run's
        farthest.letters.domains = dict(farthest.domains)
        against = [failure for failure in (*others, farthest) if failure.is_endless]
        # two layers without a common size (one wants even, one odd): neither is wrong alone
        if len({(failure.diagnostic.span, failure.diagnostic.code) for failure in against}) > 1:
            reasons = tuple(dict.fromkeys(demand_text(failure) for failure in against))
            problem = NoLegalSize(self.names, LARGEST_LETTER, reasons)
            yield replace(found, problem=problem, span=farthest.span, candidates=())
            return
        chosen = {name: sizes.nearest(TYPICAL) or sizes.first for name, sizes in farthest.domains.items()}
        # with numbers, where ways out can be tried and messages have no letters
        for diagnostic in self._at(chosen)[1] or [found]:
            same = (diagnostic.code, diagnostic.span) == (found.code, found.span)
            yield replace(found, candidates=diagnostic.candidates) if same else diagnostic

    def _stopped(self, problem: Problem) -> Stopped:
        span = self.definition.name_span
        return Stopped(Diagnostic(problem, span, span.source.name))

    def _regions(self) -> list[Region]:
        """Every size in one region, but for those that failed beside one."""
        # a stack of what is still to be explored: runs push what they split off
        left: list[Domains] = [dict.fromkeys(self.names, SizeSet.of())]
        regions: list[Region] = []
        work = self.run.selected.work
        while left:
            # what is left takes a run each: that there will be too many is known before they are made
            if len(regions) + len(left) > MOST_RUNS:
                raise self._stopped(TooManyClasses("cases", MOST_RUNS, self.names))
            if self.run.selected.work - work > min(MOST_WORK, self.run.selected.most_work):
                raise self._stopped(TooManyClasses("cases", len(regions), self.names))
            # the effort is bounded for all runs together: many cheap ones may cost as much as an expensive one
            letters = Letters(left.pop(), left, self.effort, self.most_effort)
            regions.append(self._region(letters))
            # what reads formulas from here on, a report, is bounded by what it shows
            self.effort, letters.most_effort = letters.effort, sys.maxsize
        return regions

    def _region(self, letters: Letters) -> Region:
        """One run."""
        run, sizes = self.run, {name: Dim.of(letters, name) for name in self.names}
        elaborator = SymbolicElaborator(run.program, run.evaluate, run.options.bound(sizes), letters, self.failures)
        elaborator.own_weights = self.own_weights
        elaborator.most_work = run.selected.most_work
        model = None
        try:
            model = elaborator.model(self.definition, self._bound(sizes))
            if model is None:
                raise Silenced
        except Stopped as stopped:
            if isinstance(stopped.diagnostic.problem, UNTRACKED):
                raise
        except OpError as error:
            raise self._stopped(error.problem) from None
        # from here on formulas are only read
        letters.closed = True
        run.selected.work += elaborator.work
        return Region(dict(letters.domains), letters, model)

    def _bound(self, sizes: Mapping[str, Any]) -> dict[str, Any]:
        """All bindings, with those sizes that are parameters of the model (and not only letters of `--input`)."""
        known = {parameter.name for parameter in self.run.program.parameters(self.definition)}
        # a parameter that a given letter stands for is that letter, whatever its own name is
        given = {name: with_letters(value, sizes) for name, value in self.bindings.items()}
        return {**{name: size for name, size in sizes.items() if name in known}, **given}

    def _example(self, sizes: SizeBoxes) -> Model:
        """The model at legal sizes next to the usual ones."""
        chosen = sizes.nearest(TYPICAL)
        model, diagnostics = self._at(chosen)
        # two ways to one answer, by formulas and by numbers: they must agree
        assert model is not None, f"{chosen} was found legal, but {diagnostics[0].message}"
        return model

    def _at(self, sizes: Mapping[str, int]) -> tuple[Model | None, list[Diagnostic]]:
        """The model with numbers for its letters."""
        run, collector = self.run, Collector()
        elaborator = Elaborator(run.program, run.evaluate, collector, run.options.bound(sizes))
        return elaborator.model(self.definition, self._bound(sizes)), list(collector)


def _variants(names: Sequence[str], regions: Sequence[Region]) -> list[Variant]:
    """Regions with equal models as one, that with most sizes first."""
    found: dict[int, list[Region]] = {}
    for region in regions:
        assert region.model is not None
        # by hash: `==` of formulas would be a comparison to decide, for one letter's sizes or another's
        found.setdefault(hash(region.model.bodies), []).append(region)
    variants = [_variant(names, same) for same in found.values()]
    return sorted(variants, key=lambda variant: -variant.sizes.count)


def _variant(names: Sequence[str], regions: Sequence[Region]) -> Variant:
    """The model that regions share, its formulas simplified for the sizes of all of them."""
    sizes, first = SizeBoxes.of(names, [region.domains for region in regions]), regions[0]
    assert first.model is not None
    # a formula is shown as short as its letters' sizes allow, so it must know those of all regions it stands for
    first.letters.domains = dict(sizes.sets)
    return Variant(sizes, first.model)
