"""The canonical layout of a text. Only blanks, line breaks and commas in front of closing brackets are changed.

The rules, in short:

- What fits a line of 120 characters stands on one, unless its author broke it in front of a `->` or a `for`, or behind
  the opening bracket of a group, a list or a join: such breaks say what belongs together, and are kept.
- A chain that does not stand on one line begins on a line of its own, and its further lines begin with `->`. A line
  that is too long breaks at its labels, then at each of its arrows.
- Brackets that do not fit are opened: their content is indented by two, and they close on a line of their own.
- Comments stay beside what they stood beside. One in the midst of a line moves to where a line can end.
"""

from __future__ import annotations

from archlang.source import Source
from archlang.syntax.formatting.nesting import definitions
from archlang.syntax.formatting.printer import Printer
from archlang.syntax.formatting.tokens import scan
from archlang.syntax.parser import parse

__all__ = ["format_source"]


def format_source(source: Source) -> str:
    """The text of a source in the canonical layout. Raises `Diagnosed` if it does not parse."""
    file = parse(source)
    printer = Printer()
    for definition in definitions(file, scan(source.text)):
        printer.definition(definition)
    return printer.text()
