"""What is laid out: words, with a blank in front or not, and brackets with the items between them."""

from __future__ import annotations

from dataclasses import dataclass, field

from archlang.records import record
from archlang.syntax.formatting.tokens import Gap


@record
class Word:
    """A token with whether a blank stands in front; `broken` if the line has to break there, if it can."""

    text: str
    gap: Gap
    space: bool = False
    broken: bool = False

    @property
    def width(self) -> int:
        """Characters."""
        return len(self.text)


@dataclass(slots=True)
class Bracket:
    """Brackets and what they hold.

    `square` are groups, lists and braces: there the author chooses the lines, and `kept` says that the choice alone
    opens the bracket. `padded` have blanks inside; `comma` says whether one stands behind the last item.
    """

    opener: Word
    closer: Word
    items: list[list[Piece]]
    square: bool
    kept: bool
    padded: bool
    holes: bool
    comma: bool
    width: int = field(init=False)
    forced: bool = field(init=False)

    def __post_init__(self) -> None:
        """Measure: each bracket once, however deep it is nested."""
        # ", " between items: `3, 64, 3` is 1 + 2 + 1 + 2*2
        inner = sum(width(item) for item in self.items) + 2 * max(0, len(self.items) - 1) + self.single_comma
        self.width = 2 + 2 * self.padded + inner
        inside = any(is_broken(item) or item[0].broken for item in self.items)
        self.forced = inside or self.closer.broken or (self.kept and self.has_rows)

    @property
    def has_rows(self) -> bool:
        """Whether the author put its content on lines of its own."""
        return self.square and bool(self.items) and self.items[0][0].gap.broken

    @property
    def single_comma(self) -> bool:
        """Whether a comma stands behind the only item: `(a,)` is not `(a)`."""
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
        """Whether the line has to break in front of it."""
        return self.opener.broken


Piece = Word | Bracket


@record
class Definition:
    """A definition's pieces up to its `=`, and behind it. One without `=` is all head."""

    head: list[Piece]
    body: list[Piece]


def text_of(piece: Piece | None) -> str:
    """The text of a word; empty for brackets."""
    return piece.text if isinstance(piece, Word) else ""


def width(pieces: list[Piece]) -> int:
    """Characters on one line."""
    # the blank in front of the first belongs to the line around
    return sum(piece.width + piece.space for piece in pieces) - (pieces[0].space if pieces else 0)


def is_broken(pieces: list[Piece]) -> bool:
    """Whether they must not stand on one line. What stands in front of the first is not theirs."""
    inside = any(isinstance(piece, Bracket) and piece.forced for piece in pieces)
    return inside or any(piece.broken for piece in pieces[1:])


def flat(pieces: list[Piece]) -> str:
    """Their text on one line, without comments."""
    return "".join(" " * piece.space + flat_piece(piece) for piece in pieces).lstrip(" ")


def flat_piece(piece: Piece) -> str:
    """The text of a word or bracket on one line."""
    if isinstance(piece, Word):
        return piece.text
    pad = " " * piece.padded
    content = ", ".join(flat(item) for item in piece.items) + "," * piece.single_comma
    return f"{piece.opener.text}{pad}{content}{pad}{piece.closer.text}"
