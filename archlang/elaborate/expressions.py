"""Evaluation of expressions, at compile time and bounded. Values are int, float, bool, str, None and tuples of them,
and models in assertions. Nothing here calls Python's own evaluation."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeGuard

from archlang.diagnostics import Diagnosed, Diagnostic, Edit, Help, Problem
from archlang.elaborate.environment import Environment
from archlang.errors.names import UnknownAttribute, UnknownName
from archlang.errors.syntax import NestingTooDeep
from archlang.errors.values import BadOperand, DivisionByZero, IndexOutOfRange, NumberTooLarge, UnpackMismatch
from archlang.errors.words import closest, is_clear
from archlang.ir.arithmetic import Symbolic
from archlang.ir.ops.base import OpError
from archlang.source import Span
from archlang.syntax import ast

# below 2**53, up to which a float holds every whole number
LARGEST = 10**15
LONGEST = 10_000
"""Items of a list, those of the lists inside it included."""

LARGEST_EXPONENT = 64
"""Python would go on for ages with 10**10**10."""

DEEPEST = 100
"""Levels of lists in lists, and of expressions in expressions."""

STEPS = 2_000_000


LABELS_ARE_SOURCES = (
    "it is a label, and no value: labels are sources of branches, CONCAT{ label, _ }; a block has one input, what flows"
)


IN_CHAINS = (
    "only the chain of a block knows its input; a default of none leaves it to that: `in_channels if c == none else c`"
)


class Silenced(Exception):
    """Something that was already reported stands in the way; what needs it says nothing more."""


FAILED = object()
"""The value of a `let` that could not be evaluated."""


def diagnosed(problem: Problem, span: Span, *candidates: Help) -> Diagnosed:
    """The exception for a problem at a place."""
    return Diagnosed(Diagnostic(problem, span, span.source.name, candidates=candidates))


def rename(span: Span, new: str | None, known: Iterable[str]) -> tuple[Help, ...]:
    """The help that replaces a misspelt word, if there is a suggestion; safe if no other word is nearly as like."""
    return (Help(f"write `{new}`", (Edit(span, new),), is_clear(span.text, new, known)),) if new else ()


def naming(instead: str, evaluate: Callable[[], Any]) -> Any:
    """A value, where a name that is unknown cannot simply be defined: `instead` says what can stand in this place."""
    try:
        return evaluate()
    except Diagnosed as error:
        problem = error.diagnostic.problem
        if not isinstance(problem, UnknownName):
            raise
        raise Diagnosed(replace(error.diagnostic, problem=replace(problem, instead=instead))) from None


def is_list(value: Any) -> TypeGuard[tuple[Any, ...]]:
    """A list, which the language does not tell from a tuple."""
    return isinstance(value, tuple)


def is_number(value: Any) -> TypeGuard[int | float]:
    """An int or float that is not a bool, or a size left free."""
    return isinstance(value, int | float | Symbolic) and not isinstance(value, bool)


class Evaluator:
    """Evaluates expressions. `call_model` makes a model with arguments into a value, for assertions."""

    def __init__(self, call_model: Callable[[ast.Invocation, Environment], Any]) -> None:
        self.steps = 0
        self.depth = 0
        self.call_model = call_model
        self.functions = FUNCTIONS
        self.arithmetic = ARITHMETIC
        self.rules: dict[type[ast.Node], Callable[[Any, Environment], Any]] = {
            ast.Literal: lambda node, env: node.value,
            ast.NameUse: self._name,
            ast.Sequence: self._sequence,
            ast.Comprehension: self._comprehension,
            ast.Conditional: self.conditional,
            ast.Unary: self._unary,
            ast.Operation: self._operation,
            ast.Attribute: self._attribute,
            ast.Index: self._index,
            ast.Invocation: self._invocation,
        }

    def __call__(self, node: ast.Expression, env: Environment) -> Any:
        """The value of an expression. Raises `Diagnosed`, or `Silenced` when the cause is already reported."""
        self._spend(1, node.span)
        if self.depth == DEEPEST:
            raise diagnosed(NestingTooDeep(DEEPEST), node.span)
        self.depth += 1
        try:
            return self.rules[type(node)](node, env)
        finally:
            self.depth -= 1

    def _spend(self, steps: int, span: Span) -> None:
        """Count work, lists by their items; a bomb ends here and is reported once."""
        # what overran is already reported: everything behind it stays silent, or each expression would say so again
        if self.steps > STEPS:
            raise Silenced
        self.steps += steps
        if self.steps > STEPS:
            raise diagnosed(NumberTooLarge("the number of steps that evaluate this file", STEPS), span)

    def settled(self, node: ast.Expression, env: Environment) -> Any:
        """The value of an expression that becomes part of a name."""
        return self(node, env)

    def loop(self, loop: ast.Loop, env: Environment) -> Iterator[Environment]:
        """The environment of each iteration of `for names in items`."""
        items = self(loop.items, env)
        if not is_list(items):
            raise diagnosed(BadOperand("`for`", (items,), "a list"), loop.items.span)
        for item in items:
            yield env.extended(dict(zip(loop.names, self._unpack(loop, item), strict=True)))

    def _unpack(self, loop: ast.Loop, item: Any) -> tuple[Any, ...]:
        if len(loop.names) == 1:
            return (item,)
        if not is_list(item) or len(item) != len(loop.names):
            raise diagnosed(UnpackMismatch(len(loop.names), item), loop.span)
        return item

    def _name(self, node: ast.NameUse, env: Environment) -> Any:
        try:
            value = env.find(node.name)
        # names of assertions are looked up in the model itself, where a figure such as `memory` may not be known
        except OpError as error:
            raise diagnosed(error.problem, node.span) from None
        except KeyError:
            lower = node.name.lower()
            suggestion = lower if lower in ("true", "false", "none") else closest(node.name, env.names())
            # lets are evaluated from the top down, so one that stands further down has no value yet
            below = any(let.name == node.name for let in env.program.lets)
            known = None if below or node.name in env.program.labels else suggestion
            instead = LABELS_ARE_SOURCES if node.name in env.program.labels else ""
            instead = IN_CHAINS if node.name in ("in_channels", "in_features", "in_shape") else instead
            problem = UnknownName(node.name, known, defined_below=below, instead=instead)
            raise diagnosed(problem, node.span, *rename(node.span, problem.suggestion, env.names())) from None
        if value is FAILED:
            raise Silenced
        return value

    def _sequence(self, node: ast.Sequence, env: Environment) -> tuple[Any, ...]:
        return self.bounded(tuple([self(item, env) for item in node.items]), node.span)

    def _comprehension(self, node: ast.Comprehension, env: Environment) -> tuple[Any, ...]:
        items = [
            self(node.item, inner)
            for inner in self.loop(node.loop, env)
            if node.condition is None or self.truth(node.condition, inner)
        ]
        return self.bounded(tuple(items), node.span)

    def truth(self, node: ast.Expression, env: Environment) -> bool:
        """The value of a condition: true or false, nothing else."""
        value = self(node, env)
        if not isinstance(value, bool):
            raise diagnosed(BadOperand("a condition", (value,), "true or false (compare: `x > 0`)"), node.span)
        return value

    def conditional(self, node: ast.Conditional, env: Environment) -> Any:
        """`a if c else b`: only what is chosen is evaluated."""
        return self(node.chosen if self.truth(node.condition, env) else node.other, env)

    def _unary(self, node: ast.Unary, env: Environment) -> Any:
        if node.operator == "not":
            return not self.truth(node.operand, env)
        value = self(node.operand, env)
        if not is_number(value):
            raise diagnosed(BadOperand("`-`", (value,), "numbers"), node.span)
        return -value

    def _operation(self, node: ast.Operation, env: Environment) -> Any:
        match node.operators[0]:
            case "and":
                # generators: operands behind the one that decides are not evaluated, so `n > 0 and 8 // n` is safe
                return all(self.truth(operand, env) for operand in node.operands)
            case "or":
                return any(self.truth(operand, env) for operand in node.operands)
            case first:
                values = [self(operand, env) for operand in node.operands]
                return self._compare(node, values) if first in COMPARISONS else self._calculate(node, values)

    def _compare(self, node: ast.Operation, values: list[Any]) -> bool:
        # `a < b < c` compares neighbours, as in Python; no operand is evaluated twice
        return all(
            self._compare_two(node, sign, left, right)
            for sign, left, right in zip(node.operators, values, values[1:], strict=False)
        )

    def _compare_two(self, node: ast.Operation, sign: str, left: Any, right: Any) -> bool:
        if sign == "in" and not is_list(right):
            raise diagnosed(BadOperand("`in`", (left, right), "a value and a list"), node.span)
        self._spend(list_size(right), node.span)  # what comparing costs
        if sign in ("==", "!="):
            left, right = _as_shape(left, right), _as_shape(right, left)
        # True < 2 and "a" < "b" hold in Python, and mean nothing in an architecture
        ordered = is_number(left) and is_number(right)
        if sign in ("<", ">", "<=", ">=") and not ordered:
            raise diagnosed(BadOperand(f"`{sign}`", (left, right), "numbers"), node.span)
        return self.compared(sign, left, right)

    def compared(self, sign: str, left: Any, right: Any) -> bool:
        """The outcome of a comparison of values that can be compared."""
        return COMPARISONS[sign](left, right)

    def _calculate(self, node: ast.Operation, values: list[Any]) -> Any:
        result = values[0]
        for sign, value in zip(node.operators, values[1:], strict=True):
            result = self._calculate_two(node, sign, result, value)
        return result

    def _calculate_two(self, node: ast.Operation, sign: str, left: Any, right: Any) -> Any:
        # before the operator runs: 10**15 ** 10**15 would not come back to be found too large
        self._check_operands(node, sign, left, right)
        try:
            return self.bounded(self.arithmetic[sign](left, right), node.span)
        except ZeroDivisionError:
            raise diagnosed(DivisionByZero(), node.span) from None
        except OverflowError:
            raise diagnosed(NumberTooLarge("the number", LARGEST), node.span) from None

    def _check_operands(self, node: ast.Operation, sign: str, left: Any, right: Any) -> None:
        """Raise unless an operator takes these values and comes to an end with them."""
        lists = is_list(left) and is_list(right)
        texts = isinstance(left, str) and isinstance(right, str)
        if not (is_number(left) and is_number(right)) and not (sign == "+" and (lists or texts)):
            kinds = "two numbers, two lists or two texts" if sign == "+" else "two numbers"
            raise diagnosed(BadOperand(f"`{sign}`", (left, right), kinds), node.span)
        if sign != "**" or not (is_number(left) and is_number(right)):
            return
        if abs(right) > LARGEST_EXPONENT:
            raise diagnosed(NumberTooLarge("the exponent", LARGEST_EXPONENT), node.span)
        # Python's answer would be a complex number
        if left < 0 and not isinstance(right, int):
            raise diagnosed(BadOperand("`**`", (left, right), "whole exponents of negative numbers"), node.span)

    def bounded(self, value: Any, span: Span) -> Any:
        """The value, unless it is a number or list beyond what an architecture can hold."""
        size = list_size(value)
        self._spend(size, span)
        if size > LONGEST:
            raise diagnosed(NumberTooLarge("the list", LONGEST), span)
        # `not <=` instead of `>`: it turns down nan, too
        if isinstance(value, int | float) and not abs(value) <= LARGEST:
            raise diagnosed(NumberTooLarge("the number", LARGEST), span)
        return value

    def _attribute(self, node: ast.Attribute, env: Environment) -> Any:
        owner = self(node.owner, env)
        return self._look_up(node, owner, node.name)

    def _look_up(self, node: ast.Attribute | ast.Index, owner: Any, name: str) -> Any:
        # by the method: ModelValue and PartValue live in assertions.py, which imports this file
        if not hasattr(owner, "attribute"):
            raise diagnosed(BadOperand("`.`", (owner,), "models and their parts"), node.span)
        try:
            return owner.attribute(name)
        except OpError as error:
            raise diagnosed(error.problem, node.span) from None
        except KeyError as error:
            known: tuple[str, ...] = error.args[0]
            suggestion, span = closest(name, known), node.span
            if isinstance(node, ast.Attribute):
                span = span.source.span(span.end - len(name), span.end)
            problem = UnknownAttribute(name, suggestion, str(owner), known)
            fixes = rename(span, suggestion, known) if isinstance(node, ast.Attribute) else ()
            raise diagnosed(problem, span, *fixes) from None

    def _index(self, node: ast.Index, env: Environment) -> Any:
        owner, index = self(node.owner, env), self(node.index, env)
        # model["features.0"]: a path as reports write it
        if isinstance(index, str):
            return self._look_up(node, owner, index)
        if not (is_list(owner) or isinstance(owner, str)) or not isinstance(index, int) or isinstance(index, bool):
            raise diagnosed(BadOperand("`[ ]`", (owner, index), "a list and a whole number"), node.span)
        # negative indices count from the end, as in Python
        if not -len(owner) <= index < len(owner):
            raise diagnosed(IndexOutOfRange(index, len(owner)), node.span)
        return self.item(owner, index)

    def same(self, value: Any, known: Any) -> bool:
        """Whether a value is one of a domain."""
        return value == known

    def item(self, owner: Any, index: int) -> Any:
        """An item of a list or text."""
        return owner[index]

    def _invocation(self, node: ast.Invocation, env: Environment) -> Any:
        name = node.function.name if isinstance(node.function, ast.NameUse) else ""
        # functions are no values: a name in front of `(` is one of ours or a model
        if name not in FUNCTIONS:
            return self.call_model(node, env)
        if any(argument.name for argument in node.arguments):
            raise diagnosed(BadOperand(f"{name}()", (), "arguments without names"), node.span)
        values = [self(argument.value, env) for argument in node.arguments]
        self._spend(list_size(tuple(values)), node.span)
        try:
            return self.bounded(self.functions[name](*values), node.span)
        except (TypeError, ValueError, OverflowError):
            raise diagnosed(BadOperand(f"{name}()", tuple(values), EXPECTED[name]), node.span) from None
        except ZeroDivisionError:
            raise diagnosed(DivisionByZero(), node.span) from None


def list_size(value: Any) -> int:
    """Items of a list and of the lists inside it, each 16 characters of a text as one; 0 for a number.

    More than LONGEST means too many or too deep: a few lines of lists in lists can hold 2**60 items.
    """
    # a stack and not recursion, and it ends as soon as too much was counted: `let a = [b, b]` doubles with each line
    size, pending = 0, [(value, 1)]
    while pending and size <= LONGEST:
        item, depth = pending.pop()
        if isinstance(item, str):
            size += len(item) // 16
        elif is_list(item):
            size += len(item) if depth <= DEEPEST else LONGEST + 1
            pending.extend((inner, depth + 1) for inner in item if is_list(inner) or isinstance(inner, str))
    return size


def _as_shape(value: Any, other: Any) -> Any:
    """A lone number as a shape of one axis where it is compared with a shape: `output == 1000`."""
    return (value,) if is_number(value) and is_list(other) else value


def _range(*bounds: int) -> tuple[int, ...]:
    # len() of a range costs nothing, the tuple would
    numbers = range(*bounds)
    if len(numbers) > LONGEST:
        raise OverflowError
    return tuple(numbers)


def _zip(*lists: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    if not all(is_list(items) for items in lists):
        raise TypeError
    return tuple(zip(*lists, strict=True))


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    """min, max or sum of numbers: of one list, or of several arguments."""

    def reduce(*values: Any) -> Any:
        items = values[0] if len(values) == 1 else values
        if not is_list(items) or not all(is_number(item) for item in items):
            raise TypeError
        return function(items)

    return reduce


def _length(value: Any) -> int:
    if not is_list(value):
        raise TypeError
    return len(value)


def _number(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        if not is_number(value):
            raise TypeError
        return function(value)

    return apply


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "in": lambda item, items: item in items,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": operator.mod,
    "**": lambda a, b: a**b,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": _number(abs),
    "int": _number(int),
    "len": _length,
    "max": _reduced(max),
    "min": _reduced(min),
    "range": _range,
    "sum": _reduced(sum),
    "zip": _zip,
}
EXPECTED = {
    "abs": "one number",
    "int": "one number",
    "len": "one list",
    "max": "numbers, or one list of them",
    "min": "numbers, or one list of them",
    "range": f"one to three whole numbers, at most {LONGEST:,} items",
    "sum": "one list of numbers",
    "zip": "lists of equal length",
}
