"""Watches the words and brackets of a text while Lark reads it: what is open, and nothing beyond the limits."""

from __future__ import annotations

from collections.abc import Iterator
from threading import local

from lark import Token
from lark.lark import PostLex

from archlang.diagnostics import Problem
from archlang.errors.syntax import NestingTooDeep, TextTooLong
from archlang.source import Source, Span

CLOSING = {"LPAR": ")", "LSQB": "]", "_INDEX": "]", "LBRACE": "}"}
OPENING = {"RPAR": "(", "RSQB": "[", "RBRACE": "{"}

NESTING_LIMIT = 100
TOKEN_LIMIT = 50_000
"""Words and signs of one text: some seconds of parsing, and far more than anyone writes by hand."""


class Brackets(local, PostLex):
    """Watches brackets while the text is read: what is open, and never too deep. Each thread has its own."""

    # words that lark's lexer would take in every state of the parser: none
    always_accept = ()

    def __init__(self) -> None:
        self.open: list[Token] = []

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The same words, while they are within the limits. Raises `Refused`."""
        # a text that failed has left its brackets for `mistake` to read; the next one begins with none
        self.open = []
        for count, token in enumerate(stream):
            if count == TOKEN_LIMIT:
                raise Refused(TextTooLong(TOKEN_LIMIT), token)
            if token.type in CLOSING:
                self.open.append(token)
                # refused while it is read, since what comes behind (building, walking, printing) may recurse
                if len(self.open) > NESTING_LIMIT:
                    raise Refused(NestingTooDeep(NESTING_LIMIT), token)
            yield token
            # Behind the yield: the parser has accepted the token, so the bracket closes the one on top.
            if token.type in OPENING:
                self.open.pop()


class Refused(Exception):
    """Ends the parsing of a text that is beyond a limit at `token`."""

    def __init__(self, problem: Problem, token: Token) -> None:
        super().__init__()
        self.problem = problem
        self.token = token


def token_span(source: Source, token: Token) -> Span:
    """Where a token stands."""
    start = token.start_pos or 0
    return source.span(start, token.end_pos or start + len(token))
