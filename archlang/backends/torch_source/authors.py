"""The author's own expressions, as Python: `4 * width` is written as it stands in the file, if it gives what is needed.

Only the words are taken from here. Whether an expression gives the right number is decided by its values.
"""

from __future__ import annotations

import ast as python
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from archlang.backends.torch_source.conditions import Condition, Conditions
from archlang.backends.torch_source.text import flat
from archlang.backends.torch_source.words import is_argument_name, literal
from archlang.elaborate.program import Definition, walk
from archlang.ir.graph import Origin
from archlang.records import record
from archlang.syntax import ast

# a name or a number alone is found without the author, by its value
CALCULATED = (ast.Operation, ast.Conditional, ast.Unary, ast.Index, ast.Invocation)
"""Expressions that are more than a name or a number."""

# `range` and `zip` give lists in the language and iterators in Python, so they mean the same in loops only
FUNCTIONS = frozenset({"abs", "int", "len", "max", "min", "sum"})
"""Functions of the language that Python has just so."""

FOLDING = frozenset({"max", "min", "sum"})
"""Those that take what a comprehension gives one by one."""

# Python's own table; 0 is for conditionals and comprehensions, which need parentheses inside everything
PRECEDENCE = {"or": 1, "and": 2, "not": 3, "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "**": 8}
COMPARISON = 4
OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in"}
"""What a comparison of two values is where it does not hold."""

TURNED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
"""A comparison read from the other side."""

NEGATION = 7
ATOM = 9


class Tracing(Protocol):
    """Makes models whose numbers say how they follow from parameters (see `traced.py`)."""

    @property
    def decided(self) -> frozenset[str]:
        """The parameters that decided something in the models made so far."""
        ...

    @property
    def conditions(self) -> Sequence[tuple[ast.Expression, frozenset[str]]]:
        """The conditions of optional parts that parameters decide, with these."""
        ...

    @property
    def one_sided(self) -> Sequence[tuple[ast.Expression, frozenset[str]]]:
        """The conditions that have one outcome in all models made so far, somewhere in them."""
        ...

    def make(self, values: Mapping[str, Any]) -> Any:
        """The model with other values; None where they are not legal."""
        ...


class Family(Protocol):
    """The models that differ in the values of parameters (see `variants.py`)."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters with their values."""
        ...

    @property
    def followers(self) -> Mapping[str, str]:
        """Parameters that follow from others, with how, as the author wrote it."""
        ...

    def make(self, values: Mapping[str, Any]) -> Any:
        """The model with other values; None where they are not legal."""
        ...

    def find(self, definition: str) -> Definition | None:
        """A block or model that the file knows by its name."""
        ...

    def value(self, expression: ast.Expression, values: Mapping[str, Any]) -> Any:
        """What an expression of the file is, given the names around it; None where it is nothing."""
        ...

    def formula(self, expression: ast.Expression, values: Mapping[str, Any]) -> Any:
        """The same; None also where parameters decide it, so that its value does not say how it follows from them."""
        ...

    def definitions(self) -> Iterator[Definition]:
        """All blocks and models, those of imported files too."""
        ...

    def tracing(self, names: frozenset[str], positive: frozenset[str]) -> Tracing:
        """The models with parameters of these names traced."""
        ...


@record(eq=False)
# equal to itself alone: the same words in two blocks mean different names
class Written:
    """An expression of the file, the names that it uses, and which of them count something out."""

    node: ast.Expression
    names: frozenset[str]
    counting: frozenset[str]


class Author:
    """What the author wrote in the definitions of a file; nothing without a family."""

    def __init__(self, family: Family | None) -> None:
        self.family = family
        self.expressions = cache(self._expressions)
        self.conditions = Conditions(family)

    def value(self, written: Written, values: Mapping[str, Any]) -> Any:
        """What an expression is for these values; None where it is nothing."""
        return None if self.family is None else self.family.value(written.node, values)

    def formula(self, written: Written, values: Mapping[str, Any]) -> Any:
        """What an expression is for these values, if that says what it is for all others; None elsewhere."""
        return None if self.family is None else self.family.formula(written.node, values)

    @property
    def followers(self) -> tuple[tuple[str, str], ...]:
        """Parameters of the model that follow from others, with how."""
        return tuple(self.family.followers.items()) if self.family else ()

    def _expressions(self, definition: str) -> tuple[Written, ...]:
        """The expressions in a block or model, and in those that it is another name for; longer ones first."""
        found = None if self.family is None else self.family.find(definition)
        written: dict[str, Written] = {}
        while found is not None:
            # these can be the counter of a loop in Python, where one is written for a comprehension
            loops = _bound_names(found.tree.chain)
            defaults = tuple(parameter.default for parameter in found.tree.parameters)
            # outer expressions come before their parts, which are tried only where the whole does not fit
            for node in walk((found.tree.chain, defaults)):
                if isinstance(node, CALCULATED) and _is_python(node):
                    names = frozenset(name.name for name in _uses(node)) - _bound_names(node)
                    written.setdefault(node.span.text, Written(node, names, names & loops))
            # `model VGG11 = VGG(...)` has no chain of its own: the text is that of the model behind it
            alias = found.program.alias(found.tree)
            found = alias[0] if alias else None
        return tuple(written.values())

    def said(self, definition: str, condition: Condition) -> Written | None:
        """A condition by the names of a block or model; None where Python cannot say it, or it stands elsewhere."""
        hidden = self._hidden(definition, condition.chain)
        if hidden is None or not _is_python(condition.node):
            return None
        names = frozenset(name.name for name in _uses(condition.node))
        return None if names & hidden else Written(condition.node, names, frozenset())

    def _hidden(self, definition: str, chain: ast.Chain) -> frozenset[str] | None:
        """Names that mean something else in a chain than in a definition; None if it is not the definition's."""
        found = None if self.family is None else self.family.find(definition)
        hidden = _bound_names(chain)
        while found is not None:
            if found.tree.chain is chain:
                return hidden
            alias = found.program.alias(found.tree)
            # `model Wide(c = 8) = Base(c=2 * c)`: the `c` of one is not that of the other
            hidden |= _rebound(*alias) if alias else frozenset()
            found = alias[0] if alias else None
        return None

    def names_given(self, definition: str, origin: Origin) -> frozenset[str]:
        """The names that the author gave to the layer or block at a place as they are."""
        found = None if self.family is None else self.family.find(definition)
        calls = [] if found is None else [node for node in walk(found.tree.chain) if isinstance(node, ast.Call)]
        here = [node for node in calls if (node.span.line, node.span.column) == (origin.line, origin.column)]
        given = (argument.value for call in here for argument in call.arguments or ())
        return frozenset(value.name for value in given if isinstance(value, ast.NameUse))

    def holds(self, definition: str, node: ast.Expression) -> bool:
        """Whether an expression stands in a block or model, or in those that it is another name for."""
        found = None if self.family is None else self.family.find(definition)
        while found is not None:
            if any(inner is node for inner in walk(found.tree.chain)):
                return True
            alias = found.program.alias(found.tree)
            found = alias[0] if alias else None
        return False

    def defaults(self, definition: str) -> dict[str, Any]:
        """The values that parameters of a block have unless told otherwise, where these depend on nothing."""
        found = None if self.family is None else self.family.find(definition)
        if found is None or self.family is None:
            return {}
        given = {p.name: p.default for p in found.tree.parameters if p.default is not None}
        # a default that follows from other parameters would need their values in the signature
        return {name: self.family.value(node, {}) for name, node in given.items() if not list(_uses(node))}


def _uses(node: ast.Node) -> Iterator[ast.NameUse]:
    functions = {id(inner.function) for inner in walk(node) if isinstance(inner, ast.Invocation)}
    return (inner for inner in walk(node) if isinstance(inner, ast.NameUse) and id(inner) not in functions)


def _is_python(node: ast.Node) -> bool:
    """Whether an expression means in Python what it means here."""
    nodes = list(walk(node))
    loops = {id(one.loop.items) for one in nodes if isinstance(one, ast.Comprehension)}
    # a comprehension alone is a list here; written without brackets it is a generator, which `sum` takes as well
    folded = {id(one.arguments[0].value) for one in nodes if isinstance(one, ast.Invocation) and _folds(one)}
    for inner in nodes:
        match inner:
            case ast.Invocation(function=ast.NameUse(name=name)):
                if name not in FUNCTIONS and not (name == "range" and id(inner) in loops):
                    return False
            case ast.Comprehension():
                if id(inner) not in folded or not all(map(_is_bindable, inner.loop.names)):
                    return False
            case ast.Invocation() | ast.Attribute() | ast.Sequence():
                return False
            case _:
                pass
    return True


def _folds(node: ast.Invocation) -> bool:
    """Whether a function takes a comprehension and nothing else."""
    function = node.function
    if not isinstance(function, ast.NameUse) or function.name not in FOLDING or len(node.arguments) != 1:
        return False
    return isinstance(node.arguments[0].value, ast.Comprehension)


def _is_bindable(name: str) -> bool:
    return is_argument_name(name) and name not in FUNCTIONS


def _rebound(called: Definition, call: ast.Call) -> frozenset[str]:
    """Parameters of a model that an alias gives other values than its own parameters of these names."""
    names = [parameter.name for parameter in called.parameters()]
    given = [(argument.name or names[place], argument.value) for place, argument in enumerate(call.arguments or ())]
    return frozenset(name for name, value in given if not (isinstance(value, ast.NameUse) and value.name == name))


def _bound_names(node: ast.Node) -> frozenset[str]:
    """The names that comprehensions inside give their items."""
    return frozenset(name for one in walk(node) if isinstance(one, ast.Loop) for name in one.names)


def python_text(node: ast.Expression, names: Mapping[str, str], at_least: int = 0) -> str:
    """An expression as Python writes it, with the names that its values have there.

    It stands in parentheses unless its operators bind `at_least` so strongly.
    """
    return _bound(node, names, at_least)


def _text(node: ast.Expression, names: Mapping[str, str]) -> tuple[str, int]:
    """The text, and how strongly its outermost operator binds."""
    match node:
        case ast.Literal(value=value):
            return flat(literal(value)) or "", ATOM
        case ast.NameUse(name=name):
            # a name that has one value here is written as this, which may be `-3`
            return names[name], NEGATION if names[name].startswith("-") else ATOM
        case ast.Index():
            return f"{_bound(node.owner, names, ATOM)}[{python_text(node.index, names)}]", ATOM
        case ast.Invocation():
            values = ", ".join(python_text(argument.value, names) for argument in node.arguments)
            return f"{node.function.span.text}({values})", ATOM
        case ast.Comprehension():
            return _comprehension(node, names), 0
        case ast.Conditional():
            # a conditional inside a conditional keeps its parentheses, which Python could do without at the end
            parts = [_bound(part, names, 1) for part in (node.chosen, node.condition, node.other)]
            if {parts[0], parts[2]} == {"True", "False"}:
                return (
                    (f"not {_bound(node.condition, names, 4)}", 3)
                    if parts[2] == "True"
                    else _text(node.condition, names)
                )
            return f"{parts[0]} if {parts[1]} else {parts[2]}", 0
        case ast.Unary(operator="not", operand=ast.Operation(operators=(sign,)) as operand) if sign in OPPOSITES:
            return _compared(operand, OPPOSITES[sign], names), COMPARISON
        case ast.Unary(operator="not", operand=ast.Unary(operator="not", operand=operand)):
            return _text(operand, names)
        case ast.Unary(operator="not"):
            return f"not {_bound(node.operand, names, _below(node, 3))}", 3
        case ast.Unary():
            return f"-{_bound(node.operand, names, _below(node, NEGATION))}", NEGATION
        case ast.Operation():
            return _operation(node, names)
        case _:
            raise AssertionError(type(node))


def _below(node: ast.Unary, binds: int) -> int:
    """How strongly what stands behind a sign must bind, so that it needs no parentheses."""
    # `-(w**2)`: formatters put in those that Python could do without
    is_power = isinstance(node.operand, ast.Operation) and node.operand.operators[0] == "**"
    return ATOM if is_power else binds


def _comprehension(node: ast.Comprehension, names: Mapping[str, str]) -> str:
    """What stands inside the parentheses of `sum(...)`."""
    inside = {**names, **{name: name for name in node.loop.names}}
    condition = f" if {_bound(node.condition, inside, 1)}" if node.condition is not None else ""
    items = _bound(node.loop.items, names, 1)
    return f"{_bound(node.item, inside, 1)} for {', '.join(node.loop.names)} in {items}{condition}"


def _compared(node: ast.Operation, sign: str, names: Mapping[str, str]) -> str:
    """A comparison of two values; what does not change stands behind, and is asked for as linters want it."""
    left, right = (_bound(operand, names, COMPARISON + 1) for operand in node.operands)
    if sign in TURNED and _constancy(python.parse(left, mode="eval").body) > _constancy(
        python.parse(right, mode="eval").body
    ):
        left, right, sign = right, left, TURNED[sign]
    if right in ("True", "False", "None"):
        sign = {"==": "is", "!=": "is not"}.get(sign, sign)
    return f"{left} {sign} {right}"


def _constancy(node: python.expr) -> int:
    """How much a value looks like a constant: 2 for a literal, 1 for a name in capitals, 0 for anything else."""
    match node:
        case python.Constant():
            return 2
        case python.Name(id=name) | python.Attribute(attr=name):
            return int(name.isupper())
        case python.UnaryOp():
            return _constancy(node.operand)
        case python.BinOp():
            return min(_constancy(node.left), _constancy(node.right))
        case python.Tuple() | python.List():
            return min(map(_constancy, node.elts), default=2)
        case _:
            return 0


def _operation(node: ast.Operation, names: Mapping[str, str]) -> tuple[str, int]:
    if len(node.operators) == 1 and node.operators[0] in OPPOSITES:
        return _compared(node, node.operators[0], names), COMPARISON
    binds = PRECEDENCE.get(node.operators[0], COMPARISON)
    power = node.operators[0] == "**"
    # `a - (b - c)` and `(a**b)**c`: the side that operators do not group to needs a stronger operand
    text = before = _bound(node.operands[0], names, binds + power)
    for sign, operand in zip(node.operators, node.operands[1:], strict=True):
        given = _bound(operand, names, binds + 1 - power)
        blank = "" if power and _is_simple(before) and _is_simple(given.split("**")[0]) else " "
        text, before = f"{text}{blank}{sign}{blank}{given}", given
    return text, binds


def _is_simple(text: str) -> bool:
    """Whether formatters close `**` up to an operand: names, attributes and numbers, with their signs."""
    return re.fullmatch(r"-*(?:[A-Za-z_][\w.]*|[\d.]+(?:e-?\d+)?)", text.strip()) is not None


def _bound(node: ast.Expression, names: Mapping[str, str], at_least: int) -> str:
    text, binds = _text(node, names)
    return text if binds >= at_least else f"({text})"
