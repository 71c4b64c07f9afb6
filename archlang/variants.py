"""A model with other values of its parameters, made on demand: for backends that keep parameters as such.

Nothing is checked here: what another value breaks comes out as no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from functools import cached_property
from typing import Any

from archlang.checking import Run
from archlang.diagnostics import Diagnosed
from archlang.elaborate.elaborator import Elaborator
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import FUNCTIONS, Silenced
from archlang.elaborate.labels import value_names
from archlang.elaborate.parts import Letter
from archlang.elaborate.program import Definition
from archlang.families import Family
from archlang.ir.graph import Model
from archlang.syntax import ast
from archlang.traced import traced
from archlang.tracing import Asked, TracingEvaluator


class Variants:
    """A model of a checked file, with other values of its parameters."""

    def __init__(self, run: Run, definition: ast.Definition, model: Model) -> None:
        # a shape that was given for the input binds the names in it, which are then as if they had been bound by -D
        self.run, _ = run.with_given(definition, run.bindings(definition))
        self.definition = definition
        self.model = model
        self.family = Family(self.run, definition, {})

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that can be bound, with the values that they have.

        Sizes left free are none, nor are those whose default follows from others: another value would stand still.
        """
        return dict(self._parameters)

    @property
    def followers(self) -> dict[str, str]:
        """Parameters that follow from others, with how, as the author wrote it."""
        return self._followers

    @cached_property
    def _followers(self) -> dict[str, str]:
        values = self.run.program.values
        own = {parameter.name for parameter in self.run.program.parameters(self.definition)}
        found: dict[str, str] = {}
        for parameter in self.run.program.parameters(self.definition):
            names = value_names(parameter.default) if parameter.default is not None else frozenset[str]()
            # a default of numbers, or of the file's values, is a value like any other; `hidden = 4 * width` is not
            if parameter.name not in self.run.request.bindings and (names - {*FUNCTIONS, *values}) | (names & own):
                assert parameter.default is not None
                found[parameter.name] = parameter.default.span.text
        return found

    @cached_property
    def _evaluate(self) -> TracingEvaluator:
        return TracingEvaluator(self.run.evaluate)

    @cached_property
    def _parameters(self) -> dict[str, Any]:
        free = self.run.free_sizes(self.definition, {})
        known = {argument.name: argument.value for argument in self.model.arguments}
        values: dict[str, Any] = {}
        for parameter in self.run.program.parameters(self.definition):
            name = parameter.name
            if name in self.run.request.bindings:
                values[name] = self.run.request.bindings[name]
            # VGG16's `classes` is VGG's: the file has no default for it here, the model that was made has the value
            elif parameter.inherited and name in known:
                values[name] = known[name]
            elif parameter.default is not None:
                values[name] = self.value(parameter.default, values)
        # both were needed above, by defaults that name them
        left = {name for name, value in values.items() if isinstance(value, Letter)}.union(free, self.followers)
        return {name: value for name, value in values.items() if name not in left}

    def make(self, values: Mapping[str, Any]) -> Model | None:
        """The model with other values; None where they are not legal."""
        try:
            return self.family.member(dict(values)).model
        except (Diagnosed, Silenced):
            return None

    def tracing(self, names: frozenset[str], positive: frozenset[str]) -> Tracing:
        """The models with parameters of these names traced."""
        return Tracing(self, names, positive)

    def find(self, definition: str) -> Definition | None:
        """A block or model that the file knows by its name."""
        return self.run.program.definitions.get(definition)

    def value(self, expression: ast.Expression, values: Mapping[str, Any]) -> Any:
        """What an expression of the file is, given the names around it; None where it is nothing."""
        program, evaluate = self.run.program, self._evaluate
        evaluate.steps = 0
        try:
            return evaluate(expression, Environment(program, program.values, values))
        except (Diagnosed, Silenced):
            return None

    def formula(self, expression: ast.Expression, values: Mapping[str, Any]) -> Any:
        """The same; None also where parameters decide it, so that its value does not say how it follows from them."""
        self._evaluate.decided.clear()
        value = self.value(expression, values)
        return None if self._evaluate.decided else value

    def definitions(self) -> Iterator[Definition]:
        """All blocks and models, those of imported files too."""
        pending, known = [self.run.program], set[int]()
        while pending:
            if id(program := pending.pop()) not in known:
                known.add(id(program))
                pending += program.imports.values()
                # what was imported from elsewhere is met there
                yield from (found for found in program.definitions.values() if found.program is program)


class Tracing:
    """Models whose numbers say how they follow from parameters (see `traced.py`)."""

    def __init__(self, variants: Variants, names: frozenset[str], positive: frozenset[str]) -> None:
        self._names = names
        self._values = variants.parameters
        self._evaluate = TracingEvaluator(variants.run.evaluate, positive)
        # the run itself goes on with plain numbers
        run = copy(variants.run)
        run.evaluate = self._evaluate
        # with a memory of its own: a body made of traced numbers must not serve a check
        run.selected = Elaborator(run.program, run.evaluate, run.collector, run.options)
        self._family = Family(run, variants.definition, {})
        self._outcomes: dict[tuple[int, str], tuple[Asked, set[bool]]] = {}

    @property
    def decided(self) -> frozenset[str]:
        """The parameters that decided something in the models made so far."""
        return frozenset(self._evaluate.decided)

    @property
    def conditions(self) -> tuple[tuple[ast.Expression, frozenset[str]], ...]:
        """The conditions of optional parts that parameters decide, with these."""
        return tuple((node, frozenset(names)) for node, names in self._evaluate.conditions.values())

    def make(self, values: Mapping[str, Any]) -> Model | None:
        """The model with other values; None where they are not legal."""
        given = {name: traced(value, name) for name, value in {**self._values, **values}.items() if name in self._names}
        self._evaluate.asked.clear()
        try:
            made = self._family.member({**values, **given}).model
        except (Diagnosed, Silenced):
            return None
        # what was asked on the way to no model has shown nothing
        for asked in self._evaluate.asked if made else ():
            node, text, _, holds = asked
            self._outcomes.setdefault((id(node), text), (asked, set()))[1].add(holds)
        return made and made.with_numbers

    @property
    def one_sided(self) -> tuple[tuple[ast.Expression, frozenset[str]], ...]:
        """Conditions with one outcome in all models made so far, somewhere in them: the other is not known."""
        found = (asked for asked, outcomes in self._outcomes.values() if len(outcomes) == 1)
        return tuple((node, names) for node, _, names, _ in found)


def variants_of(run: Run, model: Model) -> Variants | None:
    """The variants of a model that a run made. None where sizes are left free: what they are is no parameter."""
    found = run.program.definitions.get(model.name)
    if found is None or not found.tree.is_model:
        return None
    return Variants(run, found.tree, model)
