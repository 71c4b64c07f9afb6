"""What `assert` can ask of a model: its counts, its shapes, its parts by their labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from archlang.diagnostics import Diagnostic
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import COMPARISONS, Evaluator
from archlang.elaborate.figures import MemoryFigure, model_field, part_field
from archlang.errors.values import AssertionFailed
from archlang.errors.words import value_text
from archlang.ir.graph import Model
from archlang.ir.paths import Place, find_place
from archlang.ir.walk import Totals, fold_totals
from archlang.records import record
from archlang.syntax import ast

COUNTS: dict[str, Callable[[Totals], int]] = {
    "parameters": lambda totals: totals.parameters,
    "buffers": lambda totals: totals.buffers,
    "macs": lambda totals: totals.macs,
    "flops": lambda totals: 2 * totals.macs,
    "layers": lambda totals: totals.layers,
}

# labels with these names are still there for paths and state_dict, only assertions cannot reach them
ATTRIBUTES = (*COUNTS, "memory", "receptive_field", "input", "output")
"""What a model has; its parts have no `memory`."""


@record(eq=False)
class ModelValue:
    """A model in an expression."""

    model: Model

    def __str__(self) -> str:
        return self.model.name

    @cached_property
    def totals(self) -> tuple[Totals, ...]:
        """Totals of each of its bodies."""
        return fold_totals(self.model)

    def attribute(self, name: str) -> Any:
        """A figure, a shape or a part by its label. Raises KeyError with what there is, `OpError` for what has none."""
        if name in COUNTS:
            return COUNTS[name](self.totals[-1])
        match name:
            case "input":
                return self.model.inputs[0].shape
            case "output":
                return self.model.outputs[0].shape
            case "memory":
                return MemoryFigure.of(self.model)
            case "receptive_field":
                return model_field(self.model)
            case _:
                return PartValue.find(self, name)


@record(eq=False)
class PartValue:
    """A labelled part of a model in an expression."""

    owner: ModelValue
    place: Place

    def __str__(self) -> str:
        return f"{self.owner}.{self.place.path}"

    @staticmethod
    def find(owner: ModelValue, path: str) -> PartValue:
        """The part with a path. Raises KeyError with the names beside it."""
        found = find_place(owner.model, path)
        if isinstance(found, tuple):
            # KeyError carries what could be meant: the evaluator finds the nearest among it
            inside = (name.rpartition(".")[2] for name in found)
            raise KeyError((*(name for name in ATTRIBUTES if name != "memory" or "." not in path), *inside))
        return PartValue(owner, found)

    def attribute(self, name: str) -> Any:
        """A count or shape of the part, or a part of it."""
        # of a part with several inputs the first, which is what flows
        if name == "input" and self.place.node.inputs:
            return self.place.body.shape_of(self.place.node.inputs[0])
        if name == "output":
            return self.place.node.outputs[0]
        if name == "receptive_field":
            return part_field(self.place)
        if name in COUNTS:
            return COUNTS[name](self.place.totals(self.owner.totals))
        return PartValue.find(self.owner, f"{self.place.path}.{name}")


def check_assertion(assertion: ast.Assertion, evaluate: Evaluator, env: Environment) -> Diagnostic | None:
    """None if the assertion holds; raises what evaluation raises."""
    condition = assertion.condition
    if evaluate.truth(condition, env):
        return None
    compared = isinstance(condition, ast.Operation) and condition.operators[0] in COMPARISONS
    # only of comparisons: what `and` and `or` join, the text shows
    operands = condition.operands if isinstance(condition, ast.Operation) and compared else ()
    told = (operand for operand in operands if not isinstance(operand, ast.Literal))
    # once more: values were not kept, and evaluation changes nothing
    sides = tuple((operand.span.text, _text(evaluate(operand, env))) for operand in told)
    return Diagnostic(AssertionFailed(condition.span.text, sides), condition.span, condition.span.source.name)


def _text(value: Any) -> str:
    """A value with its thousands separated, as the report writes it."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value_text(value)
