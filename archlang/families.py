"""Families: a model whose parameters range over domains is many models, checked one by one without writing them out.

`model Net(N in 1..3, width in [16, 32]) = ...` has six members; an unguarded `?` doubles them. How many there are is
computed, not counted; members share what they have in common, so a further one costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, product
from math import prod
from typing import Any

from archlang.checking import Request, Run, deep_recursion, import_nothing
from archlang.diagnostics import Collector, Diagnosed, Diagnostic
from archlang.elaborate.assertions import COUNTS, ModelValue
from archlang.elaborate.domains import domain_values
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Evaluator, Silenced, diagnosed
from archlang.elaborate.program import Importer, Loader, ModelParameter
from archlang.errors.families import BadCondition, NotFinite
from archlang.ir.graph import Model
from archlang.records import record
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.parser import parse


@record
class Member:
    """One member of a family: what was bound to what, and the model, or why there is none."""

    bindings: Mapping[str, Any]
    model: Model | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether the member is a legal model."""
        return self.model is not None

    def value(self, name: str) -> Any:
        """A count or shape of the model, or a parameter. Raises KeyError."""
        if name in self.bindings:
            return self.bindings[name]
        if self.model is None:
            raise Silenced
        return ModelValue(self.model).attribute(name)


class Family:
    """The members of a model, in the order of its parameters: the last varies fastest."""

    def __init__(self, run: Run, definition: ast.Definition) -> None:
        self.run = run
        self.definition = definition
        self.domains = _domains(run, definition)

    @property
    def count(self) -> int:
        """How many members there are."""
        return prod(len(values) for values in self.domains.values())

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Member]:
        for values in product(*self.domains.values()):
            yield self.member(dict(zip(self.domains, values, strict=True)))

    def member(self, bindings: dict[str, Any]) -> Member:
        """One member."""
        elaborator, collector = self.run.selected, Collector()
        elaborator.collector = collector
        elaborator.forgive()
        with deep_recursion():
            model = elaborator.model(self.definition, {**self.run.request.bindings, **bindings})
        return Member(bindings, model, tuple(collector))


def open_family(source: Source, request: Request, importer: Importer = import_nothing) -> Family:
    """The family of a file's model. Raises `Diagnosed` if the file is wrong or the family not finite."""
    collector = Collector()
    with deep_recursion():
        loader = Loader(importer, collector)
        run = Run(loader.load(source), loader.programs, request, collector)
        chosen = run.chosen(choose_one=True)
        run.check_bindings(chosen)
    for diagnostic in collector:
        raise Diagnosed(diagnostic)
    return Family(run, chosen[0])


def _domains(run: Run, definition: ast.Definition) -> dict[str, tuple[Any, ...]]:
    """The values of each parameter that ranges; bound ones and those with a plain default stand still."""
    parameters = run.program.parameters(definition)
    free = [p for p in parameters if p.name not in run.request.bindings]
    endless = [p for p in free if p.domain is None and p.default is None]
    if endless:
        problem = NotFinite(definition.name, tuple(dict.fromkeys(p.name for p in endless)))
        raise diagnosed(problem, endless[0].span)
    ranging = [p for p in free if p.domain is not None or p.is_switch]
    return {p.name: _values(run, p) for p in ranging}


def _values(run: Run, parameter: ModelParameter) -> tuple[Any, ...]:
    if parameter.domain is None:
        return (True, False)
    return domain_values(run.evaluate, run.program, parameter.name, parameter.domain)


# ---- choosing among members ------------------------------------------------------------------------


def choose_members(
    family: Family, members: Iterable[Member], where: str | None, sort: str | None, limit: int | None
) -> list[Member]:
    """Members for which `where` holds, in the order of `sort`, at most `limit`. Raises `Diagnosed`.

    A member that is no legal model satisfies no condition and has no place in an order.
    """
    holds = member_test(family, where, "--where")
    kept = (member for member in members if holds(member) is True)
    if sort is None:
        return list(islice(kept, limit))
    key = member_test(family, sort, "--sort")
    return sorted((member for member in kept if member.ok), key=key)[:limit]


class _MemberNames(Mapping[str, Any]):
    """What a condition on members can name."""

    def __init__(self, member: Member, names: tuple[str, ...]) -> None:
        self.member = member
        self.names = names

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        return self.member.value(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def member_test(family: Family, text: str | None, option: str = "--where") -> Callable[[Member], Any]:
    """The value of an expression for each member: `parameters < 1_000_000`. Raises `Diagnosed` for a bad one.

    Without a text every member passes. A member that is no legal model never does.
    """
    if text is None:
        return lambda member: True
    expression = _expression(text, option)
    names = (*family.domains, *COUNTS, "input", "output")
    evaluate = Evaluator(_no_models)

    def value(member: Member) -> Any:
        evaluate.steps = 0
        try:
            return evaluate(expression, Environment(family.run.program, _MemberNames(member, names)))
        except Silenced:
            return False

    return value


def _expression(text: str, option: str) -> ast.Expression:
    try:
        items = parse(Source(option, f"let value = {text}")).items
    except Diagnosed:
        items = ()
    if len(items) != 1 or not isinstance(items[0], ast.Let):
        raise Diagnosed(Diagnostic(BadCondition(option, text), None, option))
    return items[0].value


def _no_models(node: ast.Invocation, env: Environment) -> Any:
    del env
    raise diagnosed(BadCondition(node.span.source.name, node.span.text), node.span)
