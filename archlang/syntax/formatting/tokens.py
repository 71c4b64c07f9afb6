"""A text that has been parsed, cut into tokens with the comments and line breaks between them. Not a parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from archlang.records import record

TOKEN = re.compile(
    r'"[^"\\\n]*" | \#[^\n]* | [0-9]\w*(?:\.[0-9]\w*)?(?:(?<=[eE])[+-][0-9]+)? | [A-Za-z_]\w*'
    r"| -> | :: | \.\. | \*\* | // | [=!<>]= | \S",
    re.VERBOSE | re.ASCII,
)
LEADING = frozenset({"->", "for", "or", "and", "if", "else", "+"})
"""Tokens that a line may begin with. Comments behind them go in front of them."""


@record
class Gap:
    """What stands in front of a token: a comment behind the token before, and comments on lines of their own.

    Each of `lines` is a comment with whether a blank line stands above it; `blank` says so of the token itself.
    """

    trailing: str = ""
    lines: tuple[tuple[bool, str], ...] = ()
    blank: bool = False
    broken: bool = False

    @property
    def comments(self) -> tuple[str, ...]:
        """All of them, in order."""
        return (*((self.trailing,) if self.trailing else ()), *(text for _, text in self.lines))

    def then(self, other: Gap) -> Gap:
        """Both in one, where the token between them goes elsewhere."""
        if self.broken and other.trailing:
            other = Gap("", ((False, other.trailing), *other.lines), other.blank)
        lines = self.lines + other.lines
        return Gap(self.trailing or other.trailing, lines, self.blank or other.blank, self.broken or other.broken)

    def behind(self, comments: list[str]) -> Gap:
        """The gap with further comments on the line before it."""
        if not comments:
            return self
        return replace(self, trailing="  ".join([*comments, *self.comments[: bool(self.trailing)]]))


TIGHT = Gap()
BROKEN = Gap(broken=True)


@dataclass(slots=True)
class Token:
    """A token of the text, at an offset."""

    text: str
    start: int
    gap: Gap


def scan(text: str) -> list[Token]:
    """The tokens; the last is empty and stands for the end. Comments beside separators stand where lines may break."""
    tokens: list[Token] = []
    trailing, lines, blank, broken, end = "", list[tuple[bool, str]](), False, False, 0
    for match in TOKEN.finditer(text):
        breaks = text.count("\n", end, match.start())
        # two line breaks are an empty line; of several empty lines one is kept
        blank, broken, end = breaks > 1, broken or breaks > 0, match.end()
        word = match.group()
        if not word.startswith("#"):
            tokens.append(Token(word, match.start(), _gap(trailing, lines, blank, broken)))
            trailing, lines, broken = "", [], False
        # a comment on a line of its own; else it stands behind the token before
        elif broken or not tokens:
            lines.append((blank, word.rstrip()))
        else:
            trailing = word.rstrip()
    tokens.append(Token("", len(text), Gap(trailing, tuple(lines), broken=True)))
    _settle(tokens)
    return tokens


def _gap(trailing: str, lines: list[tuple[bool, str]], blank: bool, broken: bool) -> Gap:
    if trailing or lines or blank:
        return Gap(trailing, tuple(lines), blank, broken)
    return BROKEN if broken else TIGHT


def _settle(tokens: list[Token]) -> None:
    """Move comments between an arrow and its stage in front of the arrow, those in front of a comma behind it."""
    for token, following in pairwise(tokens):
        if token.text in LEADING:
            # `-> # why`: an arrow begins a line and ends none, so the comment goes in front of it
            token.gap, following.gap = token.gap.then(following.gap), TIGHT
        elif token.text == ",":
            token.gap, following.gap = TIGHT, token.gap.then(following.gap)
