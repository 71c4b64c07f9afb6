"""Text to syntax tree, by the grammar; what is not in the grammar goes to `mistakes.py`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from archlang import resources
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.syntax import EmptyFile
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.brackets import Brackets, Refused, token_span
from archlang.syntax.build import Builder


@cache
def _parser() -> tuple[Lark, Brackets]:
    # one parser for all threads; only the brackets have a state of their own, and each thread has its own
    brackets = Brackets()
    lark = Lark(
        resources.grammar_text(),
        parser="lalr",
        propagate_positions=True,
        maybe_placeholders=False,
        postlex=brackets,
        cache=_cache_file(),
    )
    return lark, brackets


def _cache_file() -> str | bool:
    """Where the parse tables are kept between runs (they take as long to compute as a check); False if nowhere."""
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("archlang", ensure_exists=True)
        return str(Path(folder) / "grammar.lark-cache")
    except OSError:
        return False


def _tree(lark: Lark, text: str) -> Tree[Token]:
    return lark.parse(text)  # pyright: ignore[reportUnknownMemberType]  (lark's overloads for bytes are not typed)


def parse(source: Source) -> ast.File:
    """The syntax tree of a source. Raises `Diagnosed` at the first thing that is not in the grammar."""
    lark, brackets = _parser()
    try:
        file = Builder(source).file(_tree(lark, source.text))
    except UnexpectedInput as error:
        # only a text with a mistake pays for the words about it
        from archlang.syntax.mistakes import mistake

        raise Diagnosed(mistake(source, error, brackets.open)) from None
    except Refused as error:
        raise Diagnosed(Diagnostic(error.problem, token_span(source, error.token), source.name)) from None
    # comments alone are in the grammar, and no network
    if not file.items:
        raise Diagnosed(Diagnostic(EmptyFile(), source.span(0, 0), source.name))
    return file


def is_grammatical(source: Source) -> bool:
    """Whether a text has the form that the grammar gives; it may hold mistakes that are found behind it."""
    try:
        _tree(_parser()[0], source.text)
    except (UnexpectedInput, Refused):
        return False
    return True


def parse_expression(source: Source, start: int, end: int) -> ast.Expression | None:
    """The expression that stands between two offsets of a source, in a quoted label; None if there is none."""
    # the grammar begins with definitions: an expression is read as one, and its places moved back by the offset
    before = "let value = "
    try:
        tree = _tree(_parser()[0], before + source.text[start:end])
    except (UnexpectedInput, Refused):
        return None
    items = Builder(source, start - len(before)).file(tree).items
    # `{i} let b = 2` in a label would parse as two items
    return items[0].value if len(items) == 1 and isinstance(items[0], ast.Let) else None
