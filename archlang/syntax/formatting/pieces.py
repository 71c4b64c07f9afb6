"""Tokens to pieces: words, with a blank in front or not, and brackets with the items between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from archlang.syntax import ast
from archlang.syntax.formatting.tokens import Gap, Token

KEYWORDS = frozenset("model block let default assert for in if else and or not from import".split())
CLOSING = frozenset(")]}")
TIGHT_BEFORE = frozenset({",", ":", "?", ".", "..", "**"})
TIGHT_BEHIND = frozenset({".", "..", "**"})


@dataclass(slots=True)
class Word:
    """A token with whether a blank stands in front; `broken` if the author's line break in front of it is kept."""

    text: str
    gap: Gap
    space: bool
    broken: bool = False

    @property
    def width(self) -> int:
        """Characters."""
        return len(self.text)


@dataclass(slots=True)
class Bracket:
    """Brackets and what they hold. `square` are groups, lists and braces, whose lines the author chooses."""

    opener: Word
    square: bool
    padded: bool
    kept: bool
    holes: bool
    items: list[list[Piece]]
    closer: Word
    comma: bool
    width: int = field(init=False)
    forced: bool = field(init=False)

    def __post_init__(self) -> None:
        inner = sum(width(item) for item in self.items) + 2 * max(0, len(self.items) - 1) + self.single_comma
        self.width = 2 + 2 * self.padded + inner
        self.forced = self.closer.gap.commented or any(
            is_broken(item) or item[0].gap.commented for item in self.items
        )
        self.forced |= self.kept and self.opened

    @property
    def opened(self) -> bool:
        """Whether the author put its content on lines of its own."""
        return self.square and bool(self.items) and self.items[0][0].gap.broken

    @property
    def single_comma(self) -> bool:
        """Whether a comma stands behind the only item: `(a,)` is no `(a)`."""
        return self.comma and len(self.items) == 1

    @property
    def gap(self) -> Gap:
        """What stands in front of it."""
        return self.opener.gap

    @property
    def space(self) -> bool:
        """Whether a blank stands in front of it."""
        return self.opener.space

    @property
    def broken(self) -> bool:
        """Lines never begin with it because the author's do."""
        return False


Piece = Word | Bracket


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition's pieces up to its `=`, and behind it. One without `=` is all head."""

    head: list[Piece]
    body: list[Piece]


def width(pieces: list[Piece]) -> int:
    """Characters on one line."""
    return sum(piece.width + piece.space for piece in pieces) - (pieces[0].space if pieces else 0)


def is_broken(pieces: list[Piece]) -> bool:
    """Whether they cannot stand on one line. A comment in front of the first is not theirs."""
    inside = any(isinstance(piece, Bracket) and piece.forced for piece in pieces)
    return inside or any(piece.broken or piece.gap.commented for piece in pieces[1:])


def flat(pieces: list[Piece]) -> str:
    """Their text on one line, without comments."""
    return "".join((" " * piece.space) + flat_piece(piece) for piece in pieces).lstrip(" ")


def flat_piece(piece: Piece) -> str:
    """The text of a word or bracket on one line."""
    if isinstance(piece, Word):
        return piece.text
    pad = " " * piece.padded
    content = ", ".join(flat(item) for item in piece.items) + "," * piece.single_comma
    return f"{piece.opener.text}{pad}{content}{pad}{piece.closer.text}"


def definitions(file: ast.File, tokens: list[Token]) -> Iterator[Definition]:
    """The pieces of each definition of a file."""
    places = _Places(file)
    starts = [*(item.span.start for item in file.items[1:]), len(file.source.text)]
    position = 0
    for start in starts:
        builder = _Builder(places)
        while position < len(tokens) and tokens[position].start < start:
            builder.add(tokens[position])
            position += 1
        yield builder.definition()


class _Places:
    """What only the syntax tree knows of tokens: the stars that repeat, and the brackets that stand apart."""

    def __init__(self, file: ast.File) -> None:
        self.stars = set[int]()
        self.padded = set[int]()
        for node in _nodes(file):
            if isinstance(node, ast.Repeat):
                self.stars.add(node.span.start)
            elif isinstance(node, ast.Stage) and node.label and isinstance(node.part, ast.Group):
                if any(_holds_brackets(stage.part) for stage in node.part.chain.stages):
                    self.padded.add(node.part.span.start)


def _holds_brackets(part: ast.Call | ast.Group) -> bool:
    return isinstance(part, ast.Group) or part.branches is not None


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
    """An open bracket, or a definition (`opener` is None)."""

    opener: Word | None = None
    square: bool = True
    padded: bool = False
    kept: bool = True
    defines: bool = True
    items: list[list[Piece]] = field(default_factory=list[list[Piece]])
    current: list[Piece] = field(default_factory=list[Piece])
    comma: bool = False
    in_pattern: bool = False

    def end_item(self) -> None:
        if self.current:
            self.items.append(self.current)
            self.current = []


class _Builder:
    """Builds one definition, token by token."""

    def __init__(self, places: _Places) -> None:
        self.places = places
        self.frames = [_Frame()]
        self.before: Token | None = None
        self.unary = False
        self.head: list[Piece] = []

    def definition(self) -> Definition:
        body = self.frames[0].current
        return Definition(self.head, body) if self.head else Definition(body, [])

    def add(self, token: Token) -> None:
        frame = self.frames[-1]
        if token.text in CLOSING:
            self._close(self._word(token, False))
        elif token.text == "," and frame.opener and not frame.in_pattern:
            frame.comma = True
            frame.end_item()
            self.before = None
            return
        else:
            self._put(frame, token)
        self.before = token

    def _put(self, frame: _Frame, token: Token) -> None:
        frame.comma = False
        word = self._word(token, self._is_spaced(frame, token))
        if token.text in ("(", "[", "{"):
            self._open(frame, token, word)
            return
        frame.current.append(word)
        word.broken = frame.kept and token.gap.broken and token.text in ("->", "for")
        frame.in_pattern = token.text == "for" or (frame.in_pattern and token.text != "in")
        self.unary = token.text == "-" and not _ends_operand(self.before)
        if token.text == "=" and frame.opener is None:
            self.head, frame.current = frame.current, []

    def _word(self, token: Token, space: bool) -> Word:
        return Word(token.text, token.gap, space)

    def _is_spaced(self, frame: _Frame, token: Token) -> bool:
        before = self.before
        if before is None or before.text in ("(", "[", "{"):
            return False
        if before.text == "." and token.text.isdigit() and _text_is_number(frame.current[-2:-1]):
            return True  # `1. 5` is no number
        if token.text in TIGHT_BEFORE or before.text in TIGHT_BEHIND or self.unary:
            return False
        if token.start in self.places.stars or before.start in self.places.stars:
            return False
        if "=" in (token.text, before.text):
            return frame.defines
        return token.text not in ("(", "[", "{") or not _ends_operand(before)

    def _open(self, frame: _Frame, token: Token, word: Word) -> None:
        in_head = frame.opener is None and not self.head and bool(frame.current)
        parameters = in_head and isinstance(first := frame.current[0], Word) and first.text in ("model", "block")
        index = token.text == "[" and _ends_operand(self.before)
        square = token.text in "[{" and not index and not parameters
        padded = token.text == "{" or token.start in self.places.padded
        self.unary = False
        self.frames.append(_Frame(word, square, padded, square and frame.kept, parameters))

    def _close(self, closer: Word) -> None:
        frame = self.frames.pop()
        frame.end_item()
        outer = self.frames[-1]
        assert frame.opener, "the text has been parsed: its brackets match"
        holes = frame.defines and frame.opener.text == "{"
        outer.current.append(
            Bracket(frame.opener, frame.square, frame.padded, frame.kept, holes, frame.items, closer, frame.comma)
        )
        outer.comma = False


def _ends_operand(token: Token | None) -> bool:
    """Whether a value or part may end with the token, so that what follows belongs to it."""
    if token is None:
        return False
    last = token.text[-1]
    return token.text not in KEYWORDS and (last.isalnum() or last in '_")]}?')


def _text_is_number(pieces: list[Piece]) -> bool:
    return all(isinstance(piece, Word) and piece.text.isdigit() for piece in pieces)
