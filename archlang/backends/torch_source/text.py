"""Python text, laid out as `ruff format` does: expressions that break onto lines, and blocks of code.

What is broken has one entry on each line and a trailing comma, so that formatting it again changes nothing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from unicodedata import east_asian_width

from archlang.records import record

# files are formatted for lines of 120: trailing commas keep ruff from joining what is broken at 100
WIDTH = 100
INDENT = 4

LONGEST_LINE = 120
"""Characters of a line that linters accept."""


@record
class Entry:
    """One entry of a bracket: `prefix` is `stride=`, `comment` stands behind its comma."""

    value: Expression
    prefix: str = ""
    comment: str = ""
    suffix: str = ""


@record
class Bracket:
    """A call, tuple or list."""

    opening: str
    entries: tuple[Entry, ...]
    closing: str = ")"

    @property
    def flat(self) -> str | None:
        """On one line; None if comments demand several."""
        texts = [flat(entry.value) for entry in self.entries]
        if any(entry.comment for entry in self.entries) or None in texts:
            return None
        parts = [f"{entry.prefix}{text}{entry.suffix}" for entry, text in zip(self.entries, texts, strict=True)]
        # `(3,)` and not `(3)`; a call has the function's name in its opening
        lone_tuple = self.opening == "(" and len(parts) == 1
        return f"{self.opening}{', '.join(parts)}{',' if lone_tuple else ''}{self.closing}"


Expression = str | Bracket


def flat(expression: Expression) -> str | None:
    """An expression on one line; None if it needs several."""
    return expression if isinstance(expression, str) else expression.flat


def call(function: str, *values: Expression) -> Bracket:
    """`function(a, b)`."""
    return Bracket(f"{function}(", tuple(Entry(value) for value in values))


def bracketed(text: str) -> Bracket | None:
    """The call that a statement is, or the values that it returns; None where it is anything else."""
    places = _commas(text)
    if text.startswith("return ") and places:
        return Bracket("return (", _entries(text[len("return ") :]))
    opening = next((place for place, sign in enumerate(text) if sign == "(" and _closes(text[place:])), -1)
    if not re.fullmatch(r"(?:return |[\w, ]+ = )?(?:[\w.]|\[[^\]]*\])+\(", text[: opening + 1]) or text.endswith("()"):
        return None
    return Bracket(text[: opening + 1], _entries(text[opening + 1 : -1]))


def _closes(text: str) -> bool:
    """Whether the bracket that a text begins with is closed by its last character."""
    depths = list(_depths(text))
    return depths[-1] == 0 and all(depths[:-1])


def _entries(text: str) -> tuple[Entry, ...]:
    places = [-1, *_commas(text), len(text)]
    return tuple(Entry(text[first + 1 : last].strip()) for first, last in pairwise(places))


def _commas(text: str) -> list[int]:
    return [place for place, depth in enumerate(_depths(text)) if text[place] == "," and depth == 0]


def _depths(text: str) -> Iterator[int]:
    """How many brackets are open behind each character."""
    return accumulate((sign in "([{") - (sign in ")]}") for sign in text)


@dataclass
class Code:
    """Lines of Python at one indentation; deeper ones are added as finished blocks."""

    indent: int = 0
    lines: list[str] = field(default_factory=list[str])

    def add(self, prefix: str, expression: Expression = "", suffix: str = "", comment: str = "") -> None:
        """A statement `prefix expression suffix  # comment`, broken where it is too long."""
        if isinstance(expression, str) and self.indent + len(f"{prefix}{expression}{suffix}") > LONGEST_LINE:
            # statements of `forward` are texts, which break only where names are long
            expression = bracketed(f"{prefix}{expression}") or expression
            prefix = "" if isinstance(expression, Bracket) else prefix
        text = flat(expression)
        if isinstance(expression, Bracket) and (text is None or not self._fits(f"{prefix}{text}{suffix}")):
            self._broken(prefix, expression, suffix, comment)
            return
        line = f"{prefix}{text}{suffix}"
        # shapes behind a line are a convenience: one that does not fit is left out, and never breaks the line
        fits = comment and self._fits(f"{line}  # {comment}")
        self.lines.append(" " * self.indent + (f"{line}  # {comment}" if fits else line))

    def _broken(self, prefix: str, expression: Bracket, suffix: str, comment: str) -> None:
        blank = " " * self.indent
        self.lines.append(f"{blank}{prefix}{expression.opening}")
        inner = self.deeper()
        for entry in expression.entries:
            inner.add(entry.prefix, entry.value, f"{entry.suffix},", entry.comment)
        self.take(inner)
        self.lines.append(f"{blank}{expression.closing}{suffix}" + (f"  # {comment}" if comment else ""))

    def _fits(self, text: str) -> bool:
        return self.indent + len(text) <= WIDTH

    def deeper(self, steps: int = 1) -> Code:
        """An empty block, to be filled and taken."""
        return Code(self.indent + INDENT * steps)

    def take(self, block: Code) -> None:
        """Append a finished block."""
        self.lines.extend(block.lines)

    def blank(self) -> None:
        """An empty line."""
        self.lines.append("")

    def docstring(self, paragraphs: Iterable[str]) -> None:
        """A docstring; lines of a paragraph stay as they are."""
        # backslashes first, or those that hide quotes would be doubled in turn
        texts = [text.replace("\\", "\\\\").replace('"""', r"\"\"\"") for text in paragraphs]
        blank = " " * self.indent
        if len(texts) == 1 and "\n" not in texts[0] and self.indent + len(texts[0]) + 6 <= LONGEST_LINE:
            self.lines.append(f'{blank}"""{texts[0]}"""')
            return
        whole = "\n\n".join(texts).split("\n")
        # the quotes stand in front of the first line
        room = [LONGEST_LINE - self.indent - (0 if place else 3) for place in range(len(whole))]
        lines = [part for line, width in zip(whole, room, strict=True) for part in wrapped(line, width)]
        self.lines.append(f'{blank}"""{lines[0]}')
        # empty lines stay empty: formatters remove blanks at line ends
        self.lines.extend(f"{blank}{line}" if line else "" for line in lines[1:])
        self.lines.append(f'{blank}"""')


def wrapped(line: str, width: int) -> list[str]:
    """A line of a docstring on as many lines as it takes; what goes on behind an indent is indented further."""
    # linters count letters that take two columns as two
    width = width // 2 if any(east_asian_width(letter) in "WF" for letter in line) else width
    indent = line[: len(line) - len(line.lstrip())]
    further = indent + " " * INDENT if indent else ""
    # a backslash and what it hides stay together
    whole = "\\" in line
    parts = textwrap.wrap(line, width, subsequent_indent=further, break_long_words=not whole, break_on_hyphens=False)
    return parts or [""]
