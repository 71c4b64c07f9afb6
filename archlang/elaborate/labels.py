"""Quoted labels with values in braces: `"conv{i + 1}"`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from archlang.diagnostics import Diagnosed
from archlang.elaborate.expressions import diagnosed
from archlang.errors.values import BadLabel
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.parser import parse


def fill(label: ast.Label, evaluate: Callable[[ast.Expression], Any]) -> str:
    """The text of a label with each `{expression}` replaced by its value, a whole number or a text."""

    def value(match: re.Match[str]) -> str:
        result = evaluate(_expression(label, match[1]))
        if isinstance(result, bool) or not isinstance(result, int | str):
            raise diagnosed(BadLabel(label.text, f"{{{match[1]}}} is neither a whole number nor a text"), label.span)
        return str(result)

    return re.sub(r"\{([^{}]*)\}", value, label.text)


def _expression(label: ast.Label, text: str) -> ast.Expression:
    try:
        item = parse(Source(label.span.source.name, f"let value = {text}")).items[0]
    except Diagnosed:
        raise diagnosed(BadLabel(label.text, f"{{{text}}} is no expression"), label.span) from None
    assert isinstance(item, ast.Let)
    return item.value
