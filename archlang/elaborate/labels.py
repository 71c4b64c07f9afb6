"""Labels: their text, with values in braces where they are quoted, and where they are used as sources."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from archlang.diagnostics import Edit, Help
from archlang.elaborate.expressions import diagnosed
from archlang.elaborate.program import switch_name, walk
from archlang.errors.names import ReservedName
from archlang.errors.values import BadLabel
from archlang.ir.ops import WORDS
from archlang.syntax import ast
from archlang.syntax.parser import parse_expression
from archlang.syntax.reserved import label_problem

Evaluate = Callable[[ast.Expression], Any]


def label_text(label: ast.Label, evaluate: Evaluate) -> str:
    """The name that a label gives. Raises `Diagnosed` for what a Python module cannot have as an attribute."""
    # a plain label is a name and holds no braces
    text = _fill(label, evaluate) if label.quoted else label.text
    reason = label_problem(text)
    if reason:
        raise diagnosed(
            BadLabel(text, reason) if label.quoted else ReservedName(text, reason), label.span, *_plain(label)
        )
    return text


def _plain(label: ast.Label) -> tuple[Help, ...]:
    """The help that writes `_` for signs that no name has: torchvision's `block1-0`."""
    plain = re.sub(r"[-. ]", "_", label.text)
    if not label.quoted or "{" in label.text or label_problem(plain):
        return ()
    return (Help(f'write "{plain}"', (Edit(label.span, f'"{plain}"'),)),)


def _fill(label: ast.Label, evaluate: Evaluate) -> str:
    """`"conv{i + 1}"` with each expression replaced by its value, a whole number or a text."""

    def value(match: re.Match[str]) -> str:
        result = evaluate(_expression(label, *match.span(1)))
        # a float would put a dot into the name, which state_dict reads as a step into a submodule
        if isinstance(result, bool) or not isinstance(result, int | str):
            raise diagnosed(BadLabel(label.text, f"{match[0]} is neither a whole number nor a text"), label.span)
        return str(result)

    return re.sub(r"\{([^{}]*)\}", value, label.text)


@lru_cache(maxsize=10_000)
def _expression(label: ast.Label, start: int, end: int) -> ast.Expression:
    """The expression at these characters of a label."""
    # offsets in the source, for errors inside the braces; the label's own text begins behind its quote
    quote = label.span.start + 1
    found = parse_expression(label.span.source, quote + start, quote + end)
    if found is None:
        raise diagnosed(BadLabel(label.text, f"{{{label.text[start:end]}}} is no expression"), label.span)
    return found


@lru_cache(maxsize=10_000)
def tap_words(part: ast.Node) -> tuple[str, ...]:
    """Words of a part that may name labels of a scope around it: those that are no layers, in a fixed order."""
    words = {node.word for node in walk(part) if isinstance(node, ast.Call) and node.arguments is None}
    # sorted, since they become inputs of the body in this order
    return tuple(sorted(word for word in words if word not in WORDS))


@lru_cache(maxsize=10_000)
def value_names(part: ast.Node) -> frozenset[str]:
    """Names of values that a part uses: in expressions, in quoted labels, as switches of an unguarded `?`."""
    names: set[str] = set()
    for node in walk(part):
        match node:
            case ast.NameUse():
                names.add(node.name)
            case ast.Label(quoted=True):
                # of all the text, in braces or not: a name too many costs a body made twice, one too few would be wrong
                names.update(re.findall(r"[A-Za-z_]\w*", node.text))
            case ast.Stage():
                # an unguarded `?` reads its switch though no name stands there
                names.add(switch_name(node) or "")
            case _:
                pass
    return frozenset(names)
