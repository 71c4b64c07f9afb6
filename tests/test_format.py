"""The layout of `archc fmt`: what it looks like, that it is stable, and that it never changes what a file says."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import strategies  # noqa: F401  (registers the profile)
from hypothesis import given, note
from hypothesis import strategies as st

from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.formatting import format_source
from archlang.syntax.parser import parse

ROOT = Path(__file__).parent.parent
ZOO = sorted((ROOT / "zoo").glob("*.arch"))


def formatted(text: str) -> str:
    return format_source(Source("<text>", text))


def tree(value: Any) -> Any:
    """A syntax tree as plain data, without places."""
    if isinstance(value, ast.File):
        return tree(value.items)
    if isinstance(value, ast.Node):
        return type(value).__name__, [(f.name, tree(getattr(value, f.name))) for f in fields(value)]
    if isinstance(value, tuple):
        return [tree(item) for item in value]
    return None if isinstance(value, Span) else (type(value).__name__, value)


# ---- generated texts ---------------------------------------------------------------------------------

Words = list[str]
NAMES = ("a", "b1", "CONV", "N", "_", "long_name_of_a_thing", "another_one", "format_")
LEAVES = (*NAMES, "1", "0", "64", "1_000", "0.5", "1e-4", "3x3", "1x7x2", '"same"', '"# no comment"', "true", "none")
GAPS = (
    "",
    "",
    "",
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\n  ",
    " \n\n\n",
    "\t",
    "\r\n",
    " # {}\n",
    "\n# {}\n",
    "#{}\n\n\n",
    "\n\n # {}\n # {} \n\n",
)
INDEX = "\0["


class Texts:
    """Draws the words of texts, rule by rule of the grammar."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def chance(self, of: int) -> bool:
        return self.draw(st.integers(1, of)) == of

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def many(self, rule: Any, least: int, most: int, comma: bool = True) -> Words:
        count = self.draw(st.integers(least, most))
        words = [word for i in range(count) for word in ([",", *rule()] if i else rule())]
        return [*words, *([","] if comma and count and self.chance(3) else [])]

    def name(self) -> str:
        return self.pick(*NAMES)

    # values

    def value(self, depth: int, level: int = 0) -> Words:
        level = self.draw(st.integers(level, 12)) if depth else 9
        below = depth - 1
        match level:
            case 0:
                parts = self.value(below, 1), self.value(below, 1), self.value(below)
                return [*parts[0], "if", *parts[1], "else", *parts[2]]
            case 1 | 2 | 4 | 5 | 6:
                signs = {1: ("or",), 2: ("and",), 4: ("==", "<", "in", "!="), 5: ("+", "-"), 6: ("*", "/", "//", "%")}
                higher = {1: 2, 2: 3, 4: 5, 5: 6, 6: 7}[level]
                words = self.value(below, higher)
                for _ in range(self.draw(st.integers(1, 3))):
                    words += [self.pick(*signs[level]), *self.value(below, higher)]
                return words
            case 3:
                return ["not", *self.value(below, 3)]
            case 7:
                return ["-", *self.value(below, 7)]
            case 8:
                return [*self.primary(below), "**", *self.value(below, 7)]
            case _:
                return self.primary(depth)

    def primary(self, depth: int) -> Words:
        if depth <= 0:
            return [self.pick(*LEAVES)]
        below = depth - 1
        match self.draw(st.integers(0, 7)):
            case 0:
                return ["(", *self.value(below), ")"]
            case 1:
                return ["[", *self.many(lambda: self.value(below), 0, 4), "]"]
            case 2:
                return ["(", *self.value(below), ",", ")"]
            case 3:
                return ["(", *self.many(lambda: self.value(below), 2, 4), ")"]
            case 4:
                return ["[", *self.value(below), *self.loop(below), "]"]
            case 5:
                return [*self.primary(below), ".", self.pick("a", "parameters", "0")]
            case 6:
                return [*self.primary(below), INDEX, *self.value(below), "]"]
            case _:
                return [*self.primary(below), "(", *self.many(lambda: self.argument(below), 0, 3), ")"]

    def argument(self, depth: int) -> Words:
        return [self.name(), "=", *self.value(depth)] if self.chance(2) else self.value(depth)

    def loop(self, depth: int) -> Words:
        names = self.many(lambda: [self.name()], 1, 3)
        pattern = ["(", *names, ")"] if self.chance(2) else names
        return ["for", *pattern, "in", *self.value(depth, 9)]

    # chains

    def chain(self, depth: int) -> Words:
        words = self.stage(depth)
        for _ in range(self.draw(st.integers(0, 4))):
            words += ["->", *self.stage(depth)]
        return words

    def stage(self, depth: int) -> Words:
        words = [self.pick('"label{i + 1}"', *NAMES), ":"] if self.chance(4) else []
        words += self.group(depth - 1) if depth > 0 and self.chance(3) else self.call(depth)
        while self.chance(4):
            words += self.suffix()
        return [*words, "::", *self.value(1)] if self.chance(6) else words

    def suffix(self) -> Words:
        match self.draw(st.integers(0, 3)):
            case 0:
                return ["?"]
            case 1:
                return ["?", "(", *self.value(2), ")"]
            case _:
                return ["*", *(["-"] if self.chance(6) else []), *self.value(1, 9)]

    def group(self, depth: int) -> Words:
        return ["[", *self.branch(depth), "]"]

    def branch(self, depth: int) -> Words:
        return [*self.chain(depth), *(self.loop(1) if self.chance(3) else [])]

    def call(self, depth: int) -> Words:
        words = [self.name()]
        words += [".", self.pick("a", "0")] if self.chance(8) else []
        words += ["(", *self.many(lambda: self.argument(1), 0, 4), ")"] if self.chance(2) else []
        if depth > 0 and self.chance(3):
            words += ["{", *self.many(lambda: self.branch(depth - 1), 1, 3), "}"]
        return words

    # definitions

    def item(self) -> Words:
        match self.draw(st.integers(0, 7)):
            case 0:
                return ["let", self.name(), "=", *self.value(3)]
            case 1:
                return ["default", self.name(), "=", *self.value(2)]
            case 2:
                return ["default", self.name(), "(", *self.many(lambda: self.argument(2), 0, 4), ")"]
            case 3:
                return ["assert", *self.value(3)]
            case 4:
                return ["from", '"a.arch"', "import", *self.many(lambda: [self.name()], 1, 9, comma=False)]
            case 5:
                return ["INPUT", "->", *self.chain(2)]
            case _:
                return self.definition()

    def definition(self) -> Words:
        keyword = self.pick("model", "block")
        words = [keyword, self.name()]
        words += ["(", *self.many(self.parameter, 0, 4), ")"] if self.chance(2) else []
        if keyword == "block" and self.chance(2):
            words += ["{", *self.many(lambda: [self.name()], 1, 3, comma=False), "}"]
        return [*words, "=", *self.chain(2)]

    def parameter(self) -> Words:
        words = [self.name()]
        if self.chance(4):
            words += ["in", *self.value(1, 5), *(["..", *self.value(1, 5)] if self.chance(2) else [])]
        return [*words, "=", *self.value(1)] if self.chance(2) else words


def joined(words: Words, random: Random, gaps: tuple[str, ...] = GAPS) -> str:
    """Words with gaps between them that leave them apart. Comments are numbered."""
    text, count = "", 0
    for word in words:
        gap = "" if "." in (word, text[-1:]) else random.choice(gaps)
        if needs_gap(text[-1:], word):
            gap = gap or " "
        while "{}" in gap and word != INDEX:
            gap = gap.replace("{}", f"c{count}.", 1)
            count += 1
        text += word[1:] if word == INDEX else gap + word
    return text + random.choice(gaps).format(count, count + 1)


def needs_gap(before: str, word: str) -> bool:
    if word[0] in "[.":
        return bool(re.match(r'[\w\])"]', before))
    return bool(re.match(r"[\w.]", before)) and bool(re.match(r"[\w.]", word))


@st.composite
def texts(draw: st.DrawFn) -> str:
    words = [word for _ in range(draw(st.integers(1, 3))) for word in Texts(draw).item()]
    return joined(words, draw(st.randoms(use_true_random=False)))


def comments(text: str) -> list[str]:
    return re.findall(r"c\d+\.", text)


@given(texts())
def test_meaning_comments_and_layout_of_any_text(text: str) -> None:
    once = formatted(text)
    note(once)
    assert tree(parse(Source("<text>", once))) == tree(parse(Source("<text>", text)))
    assert sorted(comments(once)) == sorted(comments(text))
    assert formatted(once) == once
    assert once.endswith("\n") and not re.search(r"[ \t\r]\n|\n\n\n|\A\n|\n\n\Z", once)
