"""A model with other values of its parameters, made on demand: for backends that keep parameters as such.

Nothing is checked here: what another value breaks comes out as no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from archlang.checking import Run
from archlang.diagnostics import Diagnosed
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Silenced
from archlang.elaborate.program import Definition
from archlang.families import Family
from archlang.ir.graph import Model
from archlang.syntax import ast


class Variants:
    """A model of a checked file, with other values of its parameters."""

    def __init__(self, run: Run, definition: ast.Definition, model: Model) -> None:
        self.run = run
        self.definition = definition
        self.model = model
        self.family = Family(run, definition, {})

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that can be bound, with the values that they have; sizes left free are none."""
        return dict(self._parameters)

    @cached_property
    def _parameters(self) -> dict[str, Any]:
        free = self.run.free_sizes(self.definition, {})
        known = {argument.name: argument.value for argument in self.model.arguments}
        values: dict[str, Any] = {}
        for parameter in self.run.program.parameters(self.definition):
            name = parameter.name
            if name in self.run.request.bindings:
                values[name] = self.run.request.bindings[name]
            elif parameter.inherited and name in known:
                values[name] = known[name]
            elif parameter.default is not None:
                values[name] = self.value(parameter.default, values)
        return {name: value for name, value in values.items() if name not in free}

    def make(self, values: Mapping[str, Any]) -> Model | None:
        """The model with other values; None where they are not legal."""
        try:
            return self.family.member(dict(values)).model
        except (Diagnosed, Silenced):
            return None

    def find(self, definition: str) -> Definition | None:
        """A block or model that the file knows by its name."""
        return self.run.program.definitions.get(definition)

    def value(self, expression: ast.Expression, values: Mapping[str, Any]) -> Any:
        """What an expression of the file is, given the names around it; None where it is nothing."""
        program = self.run.program
        self.run.evaluate.steps = 0
        try:
            return self.run.evaluate(expression, Environment(program, program.values, values))
        except (Diagnosed, Silenced):
            return None


def variants_of(run: Run, model: Model) -> Variants | None:
    """The variants of a model that a run made. None where sizes are left free: what they are is no parameter."""
    found = run.program.definitions.get(model.name)
    if model.is_symbolic or found is None or not found.tree.is_model:
        return None
    return Variants(run, found.tree, model)
