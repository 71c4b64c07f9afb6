"""Tokens to pieces: matches brackets, and decides where blanks stand and where comments go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from archlang.syntax import ast
from archlang.syntax.formatting.pieces import Bracket, Definition, Piece, Word, text_of
from archlang.syntax.formatting.tokens import LEADING, Token

KEYWORDS = frozenset(
    ("model", "block", "let", "default", "assert", "for", "in", "if", "else", "and", "or", "not", "from", "import")
)
OPENING = frozenset("([{")
CLOSING = frozenset(")]}")
TIGHT_BEFORE = frozenset({",", ":", "?", ".", "..", "**"})
TIGHT_BEHIND = frozenset({".", "..", "**"})


def definitions(file: ast.File, tokens: list[Token]) -> Iterator[Definition]:
    """The pieces of each definition; the last one holds the end of the text."""
    places = _Places(file)
    comments: list[str] = []
    position = 0
    # each definition ends where the next one begins; a last one of the end alone carries the comments behind all
    for start in (*(item.span.start for item in file.items[1:]), tokens[-1].start, tokens[-1].start + 1):
        builder = _Builder(places, comments)
        while position < len(tokens) and tokens[position].start < start:
            builder.add(tokens[position])
            position += 1
        yield builder.definition()
        # what found no place in this definition goes behind its last line
        comments = builder.frames[0].comments


class _Places:
    """What only the syntax tree knows of tokens: the stars that repeat, and the groups that stand apart."""

    def __init__(self, file: ast.File) -> None:
        self.stars = set[int]()
        self.padded = set[int]()
        for node in _nodes(file):
            # `CONV*3` has no blanks, `a * b` has; for the text they are the same sign
            if isinstance(node, ast.Repeat):
                self.stars.add(node.span.start)
            elif isinstance(node, ast.Stage) and node.label and _holds_brackets(node.part):
                self.padded.add(node.part.span.start)


def _holds_brackets(part: ast.Call | ast.Group) -> bool:
    """Whether it is a group with a group or braces among its stages."""
    inner = [stage.part for stage in part.chain.stages] if isinstance(part, ast.Group) else []
    return any(isinstance(part, ast.Group) or part.branches is not None for part in inner)


def _nodes(file: ast.File) -> Iterator[ast.Node]:
    """All nodes, without recursion."""
    stack: list[ast.Node] = [*file.items]
    while stack:
        node = stack.pop()
        yield node
        for value in vars(node).values():
            members = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
            stack.extend(member for member in members if isinstance(member, ast.Node))


@dataclass(slots=True)
class _Frame:
    """An open bracket, or a definition, which has no `opener`. `comments` wait for a place where a line may break."""

    opener: Word | None = None
    square: bool = True
    kept: bool = True
    padded: bool = False
    defines: bool = True
    comments: list[str] = field(default_factory=list[str])
    items: list[list[Piece]] = field(default_factory=list[list[Piece]])
    current: list[Piece] = field(default_factory=list[Piece])
    comma: bool = False
    in_pattern: bool = False

    def end_item(self, comma: bool) -> None:
        """End the item that is being built, at a comma or at the end."""
        if self.current:
            self.items.append(self.current)
            self.current, self.comma = [], comma

    def bracket(self, closer: Word) -> Bracket:
        """The bracket, now that it is closed."""
        opener = self.opener or closer
        holes = self.defines and opener.text == "{"
        return Bracket(opener, closer, self.items, self.square, self.kept, self.padded, holes, self.comma)


class _Builder:
    """Builds one definition, token by token."""

    def __init__(self, places: _Places, comments: list[str]) -> None:
        self.places = places
        self.frames = [_Frame(comments=comments)]
        self.before: Token | None = None
        self.signed = False
        self.head: list[Piece] = []

    def definition(self) -> Definition:
        """What was built."""
        body = self.frames[0].current
        return Definition(self.head, body) if self.head else Definition(body, [])

    def add(self, token: Token) -> None:
        """Take the next token."""
        frame = self.frames[-1]
        # the comma of `for a, b in` separates no items of the bracket
        if token.text == "," and frame.opener and not frame.in_pattern:
            frame.end_item(True)
            self.before = None
            return
        if token.text in CLOSING:
            self._close(token)
        elif token.text in OPENING:
            self._open(frame, token)
        else:
            self._put(frame, token)
        self.before = token

    def _put(self, frame: _Frame, token: Token) -> None:
        word = self._word(frame, token)
        frame.current.append(word)
        frame.in_pattern = token.text == "for" or (frame.in_pattern and token.text != "in")
        # a minus behind an operand is an operator with blanks, any other a sign without
        self.signed = token.text == "-" and not _ends_operand(self.before)
        if token.text == "=" and frame.opener is None:
            # only the `=` outside of brackets: those inside give arguments their values
            self.head, frame.current = frame.current, []

    def _word(self, frame: _Frame, token: Token) -> Word:
        """The token as a word. Its comments stay only where a line may break; elsewhere they wait for such a place."""
        space = self._is_spaced(frame, token)
        if not self._may_begin_line(frame, token):
            # a comment ends its line, so here it would break what belongs together
            frame.comments += token.gap.comments
            return Word(token.text, token.gap, space)
        gap, frame.comments = token.gap.behind(frame.comments), []
        broken = bool(gap.comments) or (frame.kept and gap.broken and token.text in ("->", "for"))
        return Word(token.text, gap, space, broken)

    def _may_begin_line(self, frame: _Frame, token: Token) -> bool:
        if not frame.current or token.text in LEADING or token.text in CLOSING:
            return True
        if frame.opener is None and text_of(frame.current[0]) == "from":
            # a long import breaks between its names
            return text_of(frame.current[-1]) == ","
        return token.text == "-" and _ends_operand(self.before)

    def _is_spaced(self, frame: _Frame, token: Token) -> bool:
        before = self.before
        if before is None or before.text in OPENING or token.text in CLOSING:
            return False
        if before.text == "." and token.text[0].isdigit() and text_of(frame.current[-2])[:1].isdigit():
            return True  # `1. 5` is not the number
        if token.text in TIGHT_BEFORE or before.text in TIGHT_BEHIND or self.signed:
            return False
        if token.start in self.places.stars or before.start in self.places.stars:
            return False
        if "=" in (token.text, before.text):
            # `classes = 10` where something is defined, `stride=2` where it is given
            return frame.defines
        # CONV(, a[, X{ belong to what stands in front; behind `->` a bracket stands apart
        return token.text not in OPENING or not _ends_operand(before)

    def _open(self, frame: _Frame, token: Token) -> None:
        word = self._word(frame, token)
        in_head = frame.opener is None and not self.head and bool(frame.current)
        defines = in_head and text_of(frame.current[0]) in ("model", "block")
        # `[` behind a value takes an item of it, anywhere else it opens a group or list
        is_index = token.text == "[" and _ends_operand(self.before)
        square = token.text != "(" and not is_index and not defines
        padded = token.text == "{" or token.start in self.places.padded
        inner = _Frame(word, square, square and frame.kept, padded, defines)
        if square:
            inner.comments, frame.comments = frame.comments, []
        self.signed = False
        self.frames.append(inner)

    def _close(self, token: Token) -> None:
        frame = self.frames.pop()
        frame.end_item(False)
        closer = self._word(frame, token)
        self.frames[-1].current.append(frame.bracket(closer))
        self.signed = False


def _ends_operand(token: Token | None) -> bool:
    """Whether a value or part may end with the token, so that what follows belongs to it."""
    if token is None:
        return False
    last = token.text[-1]
    return token.text not in KEYWORDS and (last.isalnum() or last in '_")]}?')
