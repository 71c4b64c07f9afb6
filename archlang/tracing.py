"""Elaboration with traced parameters: every number of the model then says how it follows from them.

What a parameter decides (a condition, how many copies there are, a name) is no number and cannot be followed: it is
noted here, so that the writer can keep the author's own condition, or give the parameter up.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from archlang.diagnostics import Diagnosed
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import ARITHMETIC, COMPARISONS, FUNCTIONS, Evaluator, Silenced, is_list, is_number
from archlang.elaborate.program import walk
from archlang.syntax import ast
from archlang.traced import (
    Traced,
    TracedFloat,
    TracedInt,
    bounds,
    extreme,
    fraction,
    is_traced,
    names_in,
    plain,
    power,
    remainder,
    symbol,
)

Asked = tuple[ast.Expression, str, frozenset[str], bool]
"""A condition, how the values of its names follow from the parameters, which of these decided it, and the outcome."""


class TracingEvaluator(Evaluator):
    """Evaluates expressions of traced numbers. Parameters of `positive` are known to be at least 1.

    `decided` are parameters that decided something, `conditions` the conditions of optional parts that some decide,
    `asked` each time that one was asked.
    """

    def __init__(self, like: Evaluator, positive: frozenset[str] = frozenset()) -> None:
        super().__init__(like.call_model)
        self.positive = positive
        self.decided: set[str] = set()
        self.conditions: dict[int, tuple[ast.Expression, set[str]]] = {}
        self.asked: list[Asked] = []
        self.functions = {**FUNCTIONS, **{name: partial(self._call, name) for name in FUNCTIONS}}
        self.arithmetic = {sign: partial(_calculated, sign) for sign in ARITHMETIC}

    def truth(self, node: ast.Expression, env: Environment) -> bool:
        """The value of a condition; of an optional part's, what decides it is kept with it."""
        # inside an expression: what decides it is noted there, by `compared`
        if self.depth:
            return super().truth(node, env)
        outer, self.decided = self.decided, set()
        try:
            holds = super().truth(node, env)
            if self.decided:
                # the node is kept beside its id, or another node could get the same
                self.conditions.setdefault(id(node), (node, set()))[1].update(self.decided)
                self.asked.append((node, _values_text(node, env), frozenset(self.decided), holds))
            return holds
        finally:
            self.decided = outer

    def settled(self, node: ast.Expression, env: Environment) -> Any:
        """The value of an expression that becomes part of a name."""
        value = self(node, env)
        self.decided |= names_in(value)
        return plain(value)

    def same(self, value: Any, known: Any) -> bool:
        """Whether a value is one of a domain: its number is, however it follows from the parameters."""
        return plain(value) == plain(known)

    def item(self, owner: Any, index: int) -> Any:
        """An item of a list; of a list of whole numbers at a traced place it is traced."""
        if not isinstance(index, Traced):
            return owner[index]
        if is_list(owner) and all(isinstance(one, int) and not isinstance(one, bool) for one in owner):
            return symbol(int(owner[index]), f"{owner!r}[{index!r}]", names_in((owner, index)))
        self.decided |= names_in(index)
        return owner[index]

    def compared(self, sign: str, left: Any, right: Any) -> bool:
        """The outcome of a comparison; noted unless it is the same for all values of the parameters."""
        if not is_traced((left, right)):
            return COMPARISONS[sign](left, right)
        outcome = COMPARISONS[sign](plain(left), plain(right))
        if not self._is_certain(sign, left, right):
            self.decided |= names_in((left, right))
        return outcome

    def _is_certain(self, sign: str, left: Any, right: Any) -> bool:
        if is_list(left) and is_list(right) and sign in ("==", "!=") and len(left) == len(right):
            return all(self._is_certain(sign, *pair) for pair in zip(left, right, strict=True))
        if not isinstance(left, int) or not isinstance(right, int) or sign == "in":
            return left == right and isinstance(left, TracedFloat) and sign != "in"
        low, high = bounds(left - right, self.positive)
        if low is not None and low == high:
            return True
        if sign in ("==", "!="):
            return (low is not None and low > 0) or (high is not None and high < 0)
        edges = [edge for edge, far in ((low, 1), (high, -1)) if edge is not None and _alike(sign, edge, far)]
        return bool(edges)

    def conditional(self, node: ast.Conditional, env: Environment) -> Any:
        """`a if c else b`: a number that follows from both where a parameter decides."""
        outer, self.decided = self.decided, set()
        try:
            holds = super().truth(node.condition, env)
            decided = self.decided
        finally:
            self.decided = outer
        value = self(node.chosen if holds else node.other, env)
        if not decided:
            return value
        names = decided | self._following(node, node.other if holds else node.chosen, env)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.decided |= decided
            return value
        return symbol(plain(value), _with_values(node, env), frozenset(names) | names_in(value))

    def _following(self, node: ast.Conditional, other: ast.Expression, env: Environment) -> set[str]:
        """What the branch that is not taken follows from; a branch that fails, or decides, is noted."""
        try:
            return set(names_in(self(other, env)))
        except (Diagnosed, Silenced):
            return set()

    def _call(self, word: str, *values: Any) -> Any:
        if not is_traced(values):
            return FUNCTIONS[word](*values)
        if word in ("max", "min"):
            items = values[0] if len(values) == 1 else values
            # as the plain functions do, which the traced ones stand in for
            if not is_list(items) or not all(is_number(item) for item in items):
                raise TypeError
            return extreme(word, FUNCTIONS[word], items)
        if word == "int":
            return values[0].__trunc__() if isinstance(values[0], TracedFloat) else values[0]
        if word == "range":
            # how long a list is belongs to the structure: a parameter that gives it decides
            self.decided |= names_in(values)
            return FUNCTIONS[word](*map(plain, values))
        return FUNCTIONS[word](*values)


def _alike(sign: str, edge: int, far: int) -> bool:
    """Whether all numbers from an edge on compare alike with 0."""
    compare = COMPARISONS[sign]
    return compare(edge, 0) == compare(edge + far, 0) == compare(far * (abs(edge) + 1), 0)


def _calculated(sign: str, left: Any, right: Any) -> Any:
    """The outcome of an operator. A plain fraction in front would calculate by itself and forget."""
    if sign == "%" and is_traced((left, right)):
        return remainder(left, right)
    if isinstance(left, float) and isinstance(right, TracedInt):
        return power(left, right) if sign == "**" else fraction(sign, left, right)
    return ARITHMETIC[sign](left, right)


def _values_text(node: ast.Expression, env: Environment) -> str:
    """How the values of an expression's names follow from the parameters, whatever these are."""
    names = sorted({inner.name for inner in walk(node) if isinstance(inner, ast.NameUse)} & set(env.names()))
    return ", ".join(f"{name}={_formula(env.find(name))}" for name in names)


def _formula(value: Any) -> str:
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return f"[{', '.join(map(_formula, items))}]"
    return value.text if isinstance(value, Traced) else repr(value)


def _with_values(node: ast.Expression, env: Environment) -> str:
    """An expression with the values of its names: equal texts have equal values, whatever the parameters are."""
    names = sorted({inner.name for inner in walk(node) if isinstance(inner, ast.NameUse)} & set(env.names()))
    return f"{node.span.text} with {', '.join(f'{name}={env.find(name)!r}' for name in names)}"
