"""Families: a model whose parameters range over domains is many models, checked one by one without writing them out.

`model Net(N in 1..3, width in [16, 32]) = ...` has six members; an unguarded `?` doubles them. How many there are is
computed, not counted; members share what they have in common, so a further one costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, product
from math import prod
from typing import Any

from archlang.checking import Request, Run, deep_recursion, import_nothing
from archlang.diagnostics import Collector, Diagnosed, Diagnostic
from archlang.elaborate.assertions import ATTRIBUTES, ModelValue
from archlang.elaborate.domains import domain_values
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Evaluator, Silenced, diagnosed, naming
from archlang.elaborate.program import Importer, Loader, ModelParameter
from archlang.errors.families import BadCondition, NotFinite
from archlang.errors.words import listing
from archlang.ir.graph import Model
from archlang.records import record
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.parser import parse, parse_expression

TRIED = 16
"""Values from 1 on that are tried of a parameter without a domain."""


@record
class Member:
    """One member of a family: what was bound to what, and the model, or why there is none."""

    bindings: Mapping[str, Any]
    model: Model | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether the member is a legal model, and holds to what the file asserts."""
        return self.model is not None and all(d.severity != "error" for d in self.diagnostics)

    def value(self, name: str) -> Any:
        """A count or shape of the model, or a parameter. Raises KeyError."""
        if name in self.bindings:
            return self.bindings[name]
        if self.model is None:
            raise Silenced
        return ModelValue(self.model).attribute(name)


class Family:
    """The members of a model, in the order of its parameters: the last varies fastest."""

    def __init__(
        self, run: Run, definition: ast.Definition, domains: Mapping[str, tuple[Any, ...]] | None = None
    ) -> None:
        self.run = run
        self.definition = definition
        self.domains = _domains(run, definition) if domains is None else domains

    @property
    def count(self) -> int:
        """How many members there are."""
        return prod(len(values) for values in self.domains.values())

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Member]:
        open_values = self._open_values()
        for values in product(*self.domains.values()):
            member = self.member(dict(zip(self.domains, values, strict=True)))
            # an assertion is about a model with its defaults; of members it speaks only where parameters have none
            if member.model is not None and open_values >= self.domains.keys():
                broken = self.run.broken_by(self.definition, member.model)
                member = replace(member, diagnostics=(*member.diagnostics, *broken))
            yield member

    def _open_values(self) -> set[str]:
        """Parameters that the file leaves open: what it asserts is about each of their values."""
        return {p.name for p in self.run.program.parameters(self.definition) if p.default is None}

    def member(self, bindings: dict[str, Any]) -> Member:
        """One member."""
        # one elaborator for all members: bodies that they have in common are in its memory
        elaborator, collector = self.run.selected, Collector()
        elaborator.collector = collector
        elaborator.forgive()
        with deep_recursion():
            model = self.run.make(self.definition, {**self.run.request.bindings, **bindings})
        return Member(bindings, model, tuple(collector))


def open_family(source: Source, request: Request, importer: Importer = import_nothing) -> Family:
    """The family of a file's model. Raises `Diagnosed` if the file is wrong or the family not finite."""
    return Family(*_open(source, request, importer))


def open_solutions(
    source: Source, request: Request, names: Mapping[str, str | None], importer: Importer = import_nothing
) -> Family:
    """The family of a file's model over some parameters alone, to find out which values are legal.

    Their values are given as texts, `1..8` or `[1, 2, 4]`; None stands for the domain of the parameter, or numbers up
    to `TRIED`. Everything else keeps its default. Raises `Diagnosed`.
    """
    run, definition = _open(source, request, importer)
    return Family(run, definition, {name: _tried_values(run, definition, name, text) for name, text in names.items()})


def _tried_values(run: Run, definition: ast.Definition, name: str, text: str | None) -> tuple[Any, ...]:
    parameters = {p.name: p for p in run.program.parameters(definition)}
    parameter = parameters.get(name)
    if parameter is None:
        blocks = tuple(_blocks_with(run, name))
        raise _cannot_solve(name, f"{definition.name} has no such parameter", tuple(parameters), blocks)
    if text is not None:
        domain = _domain(name, text)
        return domain_values(run.evaluate, run.program, name, domain)
    if parameter.domain is not None or parameter.is_switch:
        return _values(run, parameter)
    return tuple(range(1, TRIED + 1))


def _domain(name: str, text: str) -> ast.Domain:
    """The domain that a text such as `1..8` stands for."""
    try:
        # the grammar has domains only behind a parameter, so one is put around the text
        (item,) = parse(Source("--solve", f"model Solved({name} in {text}) = INPUT")).items
    except (Diagnosed, ValueError):
        item = None
    domain = item.parameters[0].domain if isinstance(item, ast.Definition) and len(item.parameters) == 1 else None
    if domain is None:
        raise _cannot_solve(name, f"`{text}` is no range and no list of values", ())
    return domain


def _blocks_with(run: Run, name: str) -> Iterator[str]:
    """The blocks that have a parameter of this name."""
    for block, definition in run.program.definitions.items():
        if not definition.tree.is_model and any(p.name == name for p in definition.parameters()):
            yield block


def _cannot_solve(name: str, reason: str, known: tuple[str, ...], blocks: tuple[str, ...] = ()) -> Diagnosed:
    from archlang.errors.symbolic import NothingToSolve

    return Diagnosed(Diagnostic(NothingToSolve(name, reason, known, blocks), None, "--solve"))


def _open(source: Source, request: Request, importer: Importer) -> tuple[Run, ast.Definition]:
    """A file and its main model."""
    collector = Collector()
    with deep_recursion():
        loader = Loader(importer, collector)
        run = Run(loader.load(source), loader.programs, request, collector)
        chosen = run.chosen(choose_one=True)
        run.check_bindings(chosen)
    # the first of them: a wrong file has no members to speak of
    for diagnostic in collector:
        raise Diagnosed(diagnostic)
    return run, chosen[0]


def _domains(run: Run, definition: ast.Definition) -> dict[str, tuple[Any, ...]]:
    """The values of each parameter that ranges; bound ones and those with a plain default stand still."""
    parameters = run.program.parameters(definition)
    free = [p for p in parameters if p.name not in run.request.bindings]
    sizes = run.free_sizes(definition, run.request.bindings)
    # sizes of the input stay free as letters and make no members
    endless = [p for p in free if p.domain is None and p.default is None and p.name not in sizes]
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

    A member that is no legal model satisfies no condition on a model, and comes last in every order.
    """
    holds = member_test(family, where, "--where")
    kept = (member for member in members if _holds(holds(member), where))
    if sort is None:
        # lazily: with a limit and no order, no more members are made than are shown
        return list(islice(kept, limit))
    key = member_test(family, sort, "--sort")
    chosen = list(kept)
    failed = [member for member in chosen if not member.ok]
    try:
        return [*sorted((member for member in chosen if member.ok), key=key), *failed][:limit]
    except TypeError:  # values that have no order
        raise Diagnosed(Diagnostic(BadCondition("--sort", sort), None, "--sort")) from None


def _holds(value: Any, where: str | None) -> bool:
    if not isinstance(value, bool):
        raise Diagnosed(Diagnostic(BadCondition("--where", where or ""), None, "--where"))
    return value


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
    names = (*family.domains, *ATTRIBUTES)
    usable = f"each member has {listing(names)}"
    evaluate = Evaluator(_no_models)

    def value(member: Member) -> Any:
        """What the expression gives for one member; false for what is no legal model."""
        # the bound is on one member's evaluation, and not on how many members there are
        evaluate.steps = 0
        try:
            env = Environment(family.run.program, _MemberNames(member, names))
            return naming(usable, lambda: evaluate(expression, env))
        except Silenced:
            return False

    return value


def _expression(text: str, option: str) -> ast.Expression:
    expression = parse_expression(Source(option, text), 0, len(text))
    if expression is None:
        raise Diagnosed(Diagnostic(BadCondition(option, text), None, option))
    return expression


def _no_models(node: ast.Invocation, env: Environment) -> Any:
    del env
    raise diagnosed(BadCondition(node.span.source.name, node.span.text), node.span)
