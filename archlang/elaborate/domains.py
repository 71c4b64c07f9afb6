"""Domains of parameters: `N in 0..3`, `width in [16, 32]`."""

from __future__ import annotations

from typing import Any

from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import LONGEST, Evaluator, diagnosed, naming
from archlang.elaborate.program import ModelParameter, Program
from archlang.errors.families import BadDomain, OutsideDomain
from archlang.errors.values import NumberTooLarge
from archlang.errors.words import value_text
from archlang.ir.ops.arguments import is_integer
from archlang.syntax import ast

ALONE = "a domain is listed before parameters have values: give numbers or a `let`, and choose members with `--where`"
"""What can stand in a domain."""


def domain_values(evaluate: Evaluator, program: Program, name: str, domain: ast.Domain) -> tuple[Any, ...]:
    """All values of a domain, both ends of a range included. Raises `Diagnosed`."""
    # without local names: a domain is the same for every call, so that a family can be listed
    env = Environment(program, program.values)
    first = naming(ALONE, lambda: evaluate(domain.first, env))
    if domain.last is None:
        if not isinstance(first, tuple) or not first:
            raise diagnosed(BadDomain(name), domain.span)
        return first  # pyright: ignore[reportUnknownVariableType]
    last_of = domain.last
    last = naming(ALONE, lambda: evaluate(last_of, env))
    if not is_integer(first) or not is_integer(last) or last < first:
        raise diagnosed(BadDomain(name), domain.span)
    if last - first >= LONGEST:
        raise diagnosed(NumberTooLarge("the domain", LONGEST), domain.span)
    return tuple(range(first, last + 1))


def check_in_domain(evaluate: Evaluator, program: Program, parameter: ModelParameter, value: Any) -> None:
    """Raise unless a value is one of the parameter's domain, if it has one."""
    if parameter.domain is None:
        return
    values = domain_values(evaluate, program, parameter.name, parameter.domain)
    # True == 1 in Python, and `true` is no member of 0..3
    if not any(evaluate.same(value, known) and isinstance(value, bool) == isinstance(known, bool) for known in values):
        text = parameter.domain.span.text.removeprefix("in").strip()
        raise diagnosed(OutsideDomain(parameter.name, value_text(value), text), parameter.domain.span)
