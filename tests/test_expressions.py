"""Expressions: values, precedence, errors with their places, and bounds on work, size and depth."""

from __future__ import annotations

from typing import Any

import pytest
from work import at_most

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.elaborate import expressions
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import DEEPEST, LONGEST, STEPS, Evaluator, Silenced
from archlang.elaborate.program import prelude
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.parser import parse


def no_models(node: ast.Invocation, env: Environment) -> Any:
    raise AssertionError(f"{node.span.text} calls a model")


def value(text: str, **names: Any) -> Any:
    item = parse(Source("net.arch", f"let value = {text}")).items[0]
    assert isinstance(item, ast.Let)
    return Evaluator(no_models)(item.value, Environment(prelude(), {}, names))


def error(text: str, **names: Any) -> Diagnostic:
    with pytest.raises(Diagnosed) as caught:
        value(text, **names)
    return caught.value.diagnostic


# ---- values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # arithmetic and its precedence
        ("1 + 2*3 - 4", 3),
        ("(1 + 2)*3", 9),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("7 % 4", 3),
        ("7 / 2", 3.5),
        ("2**3**2", 512),
        ("-2**2", -4),
        ("2**-1", 0.5),
        ("- - 3", 3),
        ("10 - 3 - 2", 5),
        ("64 // 4 // 2", 8),
        # comparisons chain
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("1 == 1.0", True),
        ("(1, 2) == [1, 2]", True),
        ("1000 == (1000,)", True),
        ("(1000,) == 1000", True),
        ("3x3 == (3, 3)", True),
        ('"same" != "valid"', True),
        ("2 in [1, 2]", True),
        ('"same" in ["valid"]', False),
        ("none == none", True),
        # truth
        ("not 1 == 2", True),
        ("true or false and false", True),
        ("not true or true", True),
        ("false and 1/0 == 1", False),
        ("true or 1/0 == 1", True),
        # choices
        ("1 if 2 > 1 else 1/0", 1),
        ("1 if false else 2 if false else 3", 3),
        # lists
        ("[1, 2] + [3]", (1, 2, 3)),
        ('"a" + "b"', "ab"),
        ("[1, [2, 3]][1][0]", 2),
        ("[1, 2, 3][-1]", 3),
        ("()", ()),
        ("(1,)", (1,)),
        ("[1,]", (1,)),
        ("[2*x for x in range(3)]", (0, 2, 4)),
        ("[x for x in range(6) if x % 2 == 0]", (0, 2, 4)),
        ("[a*b for (a, b) in zip([1, 2], [3, 4])]", (3, 8)),
        ("[a*b for a, b in zip([1, 2], [3, 4])]", (3, 8)),
        ("[[y for y in range(x)] for x in range(3)]", ((), (0,), (0, 1))),
        # functions
        ("range(3)", (0, 1, 2)),
        ("range(1, 7, 2)", (1, 3, 5)),
        ("range(3, 0, -1)", (3, 2, 1)),
        ("zip([1, 2], [3, 4])", ((1, 3), (2, 4))),
        ("len([1, 2])", 2),
        ("min(3, 1, 2)", 1),
        ("max([3, 1, 2])", 3),
        ("sum([1, 2, 3])", 6),
        ("abs(-3)", 3),
        ("int(3.9)", 3),
    ],
)
def test_value(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_inner_names_hide_outer_ones() -> None:
    assert value("[x for x in [x, x + 1]] + [x]", x=5) == (5, 6, 5)


# ---- errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "marked", "code", "message"),
    [
        ("1 + x", "x", "unknown-name", "`x` is not defined here"),
        ("1 + (2 / 0)", "2 / 0", "division-by-zero", "division by zero"),
        ("5 // 0", "5 // 0", "division-by-zero", "division by zero"),
        ("0**-1", "0**-1", "division-by-zero", "division by zero"),
        ('1 + "a"', '1 + "a"', "bad-operand", '`+` works on two numbers, two lists or two texts, not on 1 and "a"'),
        ("true + 1", "true + 1", "bad-operand", "`+` works on two numbers, two lists or two texts, not on true and 1"),
        ("[1]*2", "[1]*2", "bad-operand", "`*` works on two numbers, not on (1,) and 2"),
        ("-none", "-none", "bad-operand", "`-` works on numbers, not on none"),
        ("not 1", "1", "bad-operand", "a condition works on true or false (compare: `x > 0`), not on 1"),
        ("1 if 0 else 2", "0", "bad-operand", "a condition works on true or false (compare: `x > 0`), not on 0"),
        ("1 and true", "1", "bad-operand", "a condition works on true or false (compare: `x > 0`), not on 1"),
        ('1 < "2"', '1 < "2"', "bad-operand", '`<` works on numbers, not on 1 and "2"'),
        ("1 in 2", "1 in 2", "bad-operand", "`in` works on a value and a list, not on 1 and 2"),
        ("(-8)**0.5", "(-8)**0.5", "bad-operand", "`**` works on whole exponents of negative numbers, not on -8 and 0.5"),
        ("[1, 2][2]", "[1, 2][2]", "index-out-of-range", "index 2 of a list of 2 items"),
        ("[][0]", "[][0]", "index-out-of-range", "index 0 of a list of 0 items"),
        ("[1][true]", "[1][true]", "bad-operand", "`[ ]` works on a list and a whole number, not on (1,) and true"),
        ("[1].size", "[1].size", "bad-operand", "`.` works on models and their parts, not on (1,)"),
        ("[x for x in 3]", "3", "bad-operand", "`for` works on a list, not on 3"),
        ("[a for (a, b) in [(1, 2, 3)]]", "for (a, b) in [(1, 2, 3)]", "unpack-mismatch",
         "2 names cannot be taken from (1, 2, 3)"),
        ("[a for (a, b) in [1]]", "for (a, b) in [1]", "unpack-mismatch", "2 names cannot be taken from 1"),
        ("len(3)", "len(3)", "bad-operand", "len() works on one list, not on 3"),
        ("len()", "len()", "bad-operand", "len() works on one list"),
        ("len(x=[1])", "len(x=[1])", "bad-operand", "len() works on arguments without names"),
        ("range(1.5)", "range(1.5)", "bad-operand",
         "range() works on one to three whole numbers, at most 10,000 items, not on 1.5"),
        ("range(1, 2, 0)", "range(1, 2, 0)", "bad-operand",
         "range() works on one to three whole numbers, at most 10,000 items, not on 1, 2 and 0"),
        ("zip([1], [1, 2])", "zip([1], [1, 2])", "bad-operand",
         "zip() works on lists of equal length, not on (1,) and (1, 2)"),
        ("max([])", "max([])", "bad-operand", "max() works on numbers, or one list of them, not on ()"),
        ('sum(["a"])', 'sum(["a"])', "bad-operand", 'sum() works on one list of numbers, not on ("a",)'),
    ],
)  # fmt: skip
def test_error(text: str, marked: str, code: str, message: str) -> None:
    found = error(text)
    assert (found.span and found.span.text, found.code, found.message) == (marked, code, message)


def test_misspelt_name_is_suggested() -> None:
    found = error("wdiths[0]", widths=(1, 2), depth=3)
    assert found.problem.label == "did you mean `widths`?"
    assert found.candidates[0].edits[0].text == "widths"


# ---- bounds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10**10**10", "the exponent goes beyond 64"),
        ("10**64", "the number goes beyond 1,000,000,000,000,000"),
        ("1e15**3", "the number goes beyond 1,000,000,000,000,000"),
        ("999_999_999*999_999_999", "the number goes beyond 1,000,000,000,000,000"),
        ("range(10**6) if false else [0 for x in range(5000) if x in range(9000)] + range(9000)",
         f"the number of steps that evaluate this file goes beyond {STEPS:,}"),
        ("range(9000) + range(9000)", f"the list goes beyond {LONGEST:,}"),
        ("[range(200) for x in range(200)]", f"the list goes beyond {LONGEST:,}"),
        ('["' + "x" * 10_000 + '" for x in range(100)]', f"the list goes beyond {LONGEST:,}"),
        ("[[[0 for x in range(29)] for y in range(29)] for z in range(29)]", f"the list goes beyond {LONGEST:,}"),
    ],
)  # fmt: skip
def test_too_large(text: str, message: str) -> None:
    with at_most(20_000_000):
        found = error(text)
    assert (found.code, found.message) == ("value-too-large", message)


def test_range_is_bounded_before_it_is_made() -> None:
    assert error("range(10**12)").code == "bad-operand"
    assert error("range(0, 10**15, 2)").code == "bad-operand"


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ("[sum(xs) for x in xs]", "sums"),
        ("[len(xs + xs) for x in range(5000)]", "concatenations"),
        ("[0 for x in xs if x in xs]", "searches"),
        ("[0 for x in xs if xs == ys]", "comparisons"),
        ("[[y for y in xs] for x in xs]", "nested loops"),
        ("[len(zip(xs, xs)) for x in xs]", "zips"),
    ],
)
def test_work_on_lists_counts_by_their_items(text: str, work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "STEPS", 200_000)
    with at_most(20_000_000):
        found = error(text, xs=tuple(range(5000)), ys=tuple(range(5000)))
    assert found.code == "value-too-large", work


@pytest.mark.parametrize(
    "text",
    [
        "-" * 5_000 + "1",
        "not " * 5_000 + "true",
        "1 if false else " * 5_000 + "1",
        "1**" * 5_000 + "1",
        "x" + "[0]" * 5_000,
        "x" + ".a" * 5_000,
    ],
)
def test_deep_expressions_end(text: str) -> None:
    found = error(text, x=(1,))
    assert (found.code, found.message) == ("nesting-too-deep", f"nested deeper than {DEEPEST} levels")


def test_long_flat_expressions_are_fine() -> None:
    assert value("+".join(["1"] * 5_000)) == 5_000
    assert value("<=".join(["1"] * 5_000)) is True
    assert value(" or ".join(["false"] * 5_000)) is False


def test_a_bomb_is_reported_once() -> None:
    evaluate = Evaluator(no_models)
    item = parse(Source("net.arch", "let value = [x for x in range(9000)]")).items[0]
    assert isinstance(item, ast.Let)
    evaluate.steps = STEPS - 5
    env = Environment(prelude(), {})
    with pytest.raises(Diagnosed):
        evaluate(item.value, env)
    with pytest.raises(Silenced):
        evaluate(item.value, env)
