"""A text that has been parsed, cut into tokens with the comments and line breaks between them. Not a parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

TOKEN = re.compile(
    r'"[^"\\\n]*" | \#[^\n]* | [0-9]\w*(?:\.[0-9]\w*)?(?:(?<=[eE])[+-][0-9]+)? | [A-Za-z_]\w*'
    r"| -> | :: | \.\. | \*\* | // | [=!<>]= | \S",
    re.VERBOSE | re.ASCII,
)
LEADING = frozenset({"->", "and", "or", "if", "else", "+"})
"""Tokens that begin a line where one is broken beside them: comments behind them go in front of them."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands in front of a token: a comment behind the token before, comments on lines of their own.

    Each of `lines` is a comment with whether a blank line stands above it; `blank` says so of the token itself.
    """

    trailing: str = ""
    lines: tuple[tuple[bool, str], ...] = ()
    blank: bool = False
    broken: bool = False

    @property
    def commented(self) -> bool:
        """Whether it holds a comment."""
        return bool(self.trailing or self.lines)

    def then(self, other: Gap) -> Gap:
        """Both in one, where the token between them goes elsewhere."""
        if not other.commented:
            broken = self.broken or other.broken
            return Gap(self.trailing, self.lines, self.blank or other.blank, broken) if broken else self
        joins = bool(other.trailing) and not self.broken
        moved = ((self.blank, other.trailing),) if other.trailing and not joins else ()
        trailing = other.trailing if joins else self.trailing
        return Gap(trailing, (*self.lines, *moved, *other.lines), other.blank, True)


TIGHT = Gap()
BROKEN = Gap(broken=True)


@dataclass(slots=True)
class Token:
    """A token of the text, at an offset."""

    text: str
    start: int
    gap: Gap


def scan(text: str) -> tuple[list[Token], Gap]:
    """The tokens, and what stands behind the last one. Comments beside separators stand where lines may break."""
    tokens: list[Token] = []
    trailing, lines, blank, broken, end = "", list[tuple[bool, str]](), False, False, 0
    for match in TOKEN.finditer(text):
        breaks = text.count("\n", end, match.start())
        blank, broken, end = breaks > 1, broken or breaks > 0, match.end()
        word = match.group()
        if not word.startswith("#"):
            tokens.append(Token(word, match.start(), _gap(trailing, lines, blank, broken)))
            trailing, lines, broken = "", [], False
        elif broken or not tokens:
            lines.append((blank, word.rstrip()))
        else:
            trailing = word.rstrip()
    last = Gap(trailing, tuple(lines), broken=True)
    _settle(tokens)
    return tokens, last


def _gap(trailing: str, lines: list[tuple[bool, str]], blank: bool, broken: bool) -> Gap:
    if trailing or lines or blank:
        return Gap(trailing, tuple(lines), blank, broken)
    return BROKEN if broken else TIGHT


def _settle(tokens: list[Token]) -> None:
    """Move comments between an arrow and its stage in front of the arrow, those in front of a comma behind it."""
    for token, following in pairwise(tokens):
        if token.text in LEADING:
            token.gap, following.gap = token.gap.then(following.gap), TIGHT
        elif token.text == ",":
            token.gap, following.gap = TIGHT, token.gap.then(following.gap)
