"""The author's expressions as Python: they have the same values there, and `ruff format` has nothing to change."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_expressions import value

from archlang.backends.torch_source.authors import python_text
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.parser import parse

NAMES = {"a": 3, "b": 2, "ws": (4, 1, 5)}
WORDS = {"a": "a", "b": "-2", "ws": "ws"}
"""What the names are called: one is a number that is written down."""


def text_of(expression: str) -> str:
    item = parse(Source("net.arch", f"let value = {expression}")).items[0]
    assert isinstance(item, ast.Let)
    return python_text(item.value, WORDS)


def formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "320", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a**2", "a**2"),
        ("(a + 1)**2", "(a + 1) ** 2"),
        ("2**(a + 1)", "2 ** (a + 1)"),
        ("a**-a**2", "a ** (-(a**2))"),
        ("2**a**(a - 1)", "2**a ** (a - 1)"),
        ("(a**2)**a", "(a**2) ** a"),
        ("(-a)**2", "(-a) ** 2"),
        ("-a**2", "-(a**2)"),
        ("ws[0]**2", "ws[0] ** 2"),
        ("max(a, 2)**a", "max(a, 2) ** a"),
        ("0.5**a", "0.5**a"),
        ("1e-5**a", "1e-5**a"),
        ("b**a", "(-2) ** a"),
        ("a**b", "a ** (-2)"),
        ("a - b", "a - -2"),
    ],
)
def test_powers(expression: str, expected: str) -> None:
    assert text_of(expression) == expected
    assert formatted(f"{expected}\n") == f"{expected}\n"


def expressions() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["a", "b", "ws[1]", "ws[a - 2]", "0", "1", "2", "0.5", "1e-5", "len(ws)"])

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        signs = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "**", "**", "<", "==", "and", "or"])
        return st.one_of(
            st.builds("({} {} {})".format, inner, signs, inner),
            st.builds("{} ** {}".format, leaves, leaves),
            st.builds("(-{})".format, inner),
            st.builds("(not {})".format, inner),
            st.builds("abs({})".format, inner),
            st.builds("max({}, {})".format, inner, inner),
            st.builds("({} if {} else {})".format, inner, inner, inner),
            st.builds("sum([{} for i in range(3)])".format, inner),
        )

    return st.recursive(leaves, larger, max_leaves=6)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(expressions(), min_size=60, max_size=60))
def test_random_expressions(texts: list[str]) -> None:
    written = "".join(f"{text_of(text)}\n" for text in texts)
    assert formatted(written) == written
    for text, line in zip(texts, written.splitlines(), strict=True):
        assert_same_value(text, line)


def assert_same_value(text: str, line: str) -> None:
    try:
        expected = value(text, **{**NAMES, "b": -2})
    except Exception:  # what is nothing here need not be anything in Python: `1 / 0`, `true + 1`
        return
    found: Any = eval(line, {**NAMES, "b": -2})
    assert found == expected
