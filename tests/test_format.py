"""The layout of `archc fmt`: what it looks like, that it is stable, and that it never changes what a file says."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from random import Random
from typing import Any

import pytest
import strategies  # noqa: F401  (registers the profile)
from hypothesis import given, note
from hypothesis import strategies as st

from archlang.checking import Outcome, Request, check_source
from archlang.cli import main
from archlang.ir.graph import Origin
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


def meaning(value: Any) -> Any:
    """Models as plain data, without places."""
    if isinstance(value, Outcome):
        return meaning(value.models), sorted(diagnostic.code for diagnostic in value.diagnostics)
    if isinstance(value, Origin | Span):
        return None
    if is_dataclass(value):
        return type(value).__name__, [(f.name, meaning(getattr(value, f.name))) for f in fields(value)]
    return [meaning(item) for item in value] if isinstance(value, tuple) else (type(value).__name__, value)


# ---- layout, by example --------------------------------------------------------------------------

KEPT = {
    "one line": "model Net(classes = 10) = INPUT(3, 32, 32) -> conv: CONV(8, 3x3, padding=1) -> FC(classes)\n",
    "the author's lines of a chain": """\
model Net(N in 0..3 = 2, k in [1, 3]) =
  INPUT(3, 32, 32)
  -> CONV(8, k) -> RELU -> POOL?
  -> features: [
       CONV(16, 3x3, padding=1) -> RELU

       # halves
       -> MAXPOOL(2)
     ]*N :: (16, 16, 16)
  -> AUX{ head: FC(-1) }?(N > 0)  # in training
  -> FC(10)
""",
    "the author's lines of a join": """\
block residual(c){ body } = ADD{
  body,
  _ -> CONV(c, 1x1)
    -> BN,  # the sizes differ
} -> RELU
""",
    "the author's rows of a list": """\
let maps = [
  [0, 1, 2], [1, 2, 3], [2, 3, 4],
  [0, 1, 2, 3, 4, 5],
]
""",
    "a list as the last argument": """\
model Small = Net(last=1024, rows=[
  (3, 16, 16, true, "relu", 2), (3, 72, 24, false, "relu", 2), (3, 88, 24, false, "relu", 1),
  (5, 96, 40, true, "swish", 2), (5, 240, 40, true, "swish", 1),
])
""",
    "a bare chain": "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC\n",
    "blanks inside a labelled group of groups": "INPUT -> features: [ [CONV -> RELU]*2 -> POOL ] -> head: [FC]\n",
    "comments of parameters": """\
model Net(
  classes = 10,  # of CIFAR-10
  width = 64,
) = INPUT -> FC(classes)
""",
    "imports": 'from "blocks.arch" import a, b\n\nlet c = a if b else -1\n\n# the end\n',
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_canonical_text_is_kept(text: str) -> None:
    assert formatted(text) == text


MENDED = {
    "blanks": (
        "model  N( a=1,b in 0 .. 3 )=INPUT( 3,32 , 32)->x:A [ 0 ]".replace("A [ 0 ]", "[CONV(2*k, P = 1) ]  * 2 ?"),
        "model N(a = 1, b in 0..3) = INPUT(3, 32, 32) -> x: [CONV(2 * k, P=1)]*2?\n",
    ),
    "operators": (
        "let a=- 1+2 ** -n*(b [ 0 ]if not(c)else d . e)".replace("b [", "b["),
        "let a = -1 + 2**-n * (b[0] if not (c) else d.e)\n",
    ),
    "blank lines": ("\n\n# a\n\n\n\nlet a = 1\n\n\n\nlet b = 2\n\n\n", "# a\n\nlet a = 1\n\nlet b = 2\n"),
    "definitions on one line": ("let a = 1 let b = 2 INPUT->FC", "let a = 1\nlet b = 2\nINPUT -> FC\n"),
    "line ends": ("let a = 1 # one\r\n\tlet b = 2\r\n", "let a = 1  # one\nlet b = 2\n"),
    "arrows at line ends": ("INPUT -> # the image\nFC ->\nRELU", "INPUT  # the image\n-> FC\n-> RELU\n"),
    "brackets on the line of their content": (
        "let a = [1,\n 2] model N = INPUT -> [A\n -> B]",
        "let a = [1, 2]\nmodel N = INPUT -> [\n  A\n  -> B\n]\n",
    ),
    "commas": ("let a = f((1,), [2,], (3, 4,), x = [5,],)", "let a = f((1,), [2,], (3, 4), x=[5,])\n"),
    "a column of comments": ("let a = 1 # one\nlet bc = 2 # two\n", "let a = 1   # one\nlet bc = 2  # two\n"),
    "a comment inside arguments": (
        "INPUT -> CONV(8, # filters\n 3x3)",
        "INPUT -> CONV(\n  8,  # filters\n  3x3,\n)\n",
    ),
    "a comment in the midst of a stage": (
        "INPUT -> x: # the first\nCONV # the word\n-> RELU",
        "INPUT -> x: CONV  # the first  # the word\n-> RELU\n",
    ),
    "a comment behind an equals sign": ("model N = # a\n# b\nINPUT", "model N =  # a\n  # b\n  INPUT\n"),
}


@pytest.mark.parametrize(("text", "expected"), MENDED.values(), ids=MENDED.keys())
def test_layout_is_mended(text: str, expected: str) -> None:
    assert formatted(text) == expected
    assert formatted(expected) == expected


LONG = """\
model LongNet(classes = 1000) =
  INPUT(3, 224, 224)
  -> conv1: CONV(64, 7x7, stride=2, padding=3) -> RELU
  -> conv2: CONV(64, 3x3, padding=1)
  -> features: [
       CONV(128, 3x3, padding=1, bias=false)
       -> BN(eps=1e-3, momentum=0.01)
       -> RELU
       -> CONV(128, 3x3, padding=1, bias=false)
       -> MAXPOOL(2)
     ]
  -> JOIN{
       MAXPOOL(3, stride=2, padding=1),
       CONV(64, 3x3, stride=2, padding=1, bias=false) -> CONV(64, 3x3, padding=1) -> RELU,
     }
  -> FC(classes)
"""


def test_long_lines_break_at_labels_then_arrows_then_brackets() -> None:
    assert formatted(" ".join(LONG.split())) == LONG


def test_long_values_break_at_operators_or_fill_lines() -> None:
    condition = " and ".join(f"Net{i}.parameters == {i}_000_000" for i in range(5))
    assert formatted(f"assert {condition}") == "assert " + condition.replace(" and ", "\n  and ") + "\n"
    numbers = ", ".join(str(i) for i in range(100, 150))
    lines = formatted(f"let a = [{numbers}] default A({numbers})").splitlines()
    assert [len(line) for line in lines] == [9, 116, 116, 21, 1, 10, 116, 116, 21, 1]
    long = '"' + "x" * 130 + '"'
    assert formatted(f"let a = {long}") == f"let a = {long}\n"


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_zoo_stays_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    once = formatted(text)
    assert tree(parse(Source("<text>", once))) == tree(parse(Source("<text>", text)))
    assert formatted(once) == once
    assert max(map(len, once.splitlines())) <= 120
    assert re.findall(r"#.*", once) == re.findall(r"#.*", text)


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
                condition = ["if", *self.value(below, 1)] if self.chance(2) else []
                return ["[", *self.value(below), *self.loop(below), *condition, "]"]
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


# ---- generated models --------------------------------------------------------------------------


SHAPE = ("(", "3", ",", "8", ",", "8", ")")


class Models(Texts):
    """Draws the words of models that are right: every part keeps the shape (3, 8, 8)."""

    def __init__(self, draw: st.DrawFn) -> None:
        super().__init__(draw)
        self.labels = 0

    def model(self) -> Words:
        head = ["block", "unit", "(", "n", "=", "1", ")", "=", *self.chain(1)]
        return [*head, "model", "Net", "(", "n", "=", "2", ")", "=", "INPUT", *SHAPE, "->", *self.chain(3)]

    def stage(self, depth: int) -> Words:
        part = self.pick("group", "join", "each", "leaf", "leaf") if depth else "leaf"
        label = self.label() if self.chance(3) else []
        match part:
            case "group":
                return [
                    *label,
                    "[",
                    *self.unlabelled(depth),
                    "]",
                    *self.pick(("*", "n"), ("?", "(", "n", ">", "1", ")"), ()),
                ]
            case "join":
                joined = self.many(lambda: self.chain(depth - 1), 2, 3)
                return [
                    *label,
                    self.pick("ADD", "MUL"),
                    "{",
                    *joined,
                    "}",
                    *self.pick(("::", *SHAPE), ()),
                ]
            case "each":
                return ["[", *self.unlabelled(depth), "for", "i", "in", "[", "1", ",", "2", "]", "]"]
            case _:
                return [*label, *self.leaf()]

    def label(self) -> Words:
        self.labels += 1
        return [f"part{self.labels}", ":"]

    def unlabelled(self, depth: int) -> Words:
        words = self.chain(depth - 1)
        return [word for i, word in enumerate(words) if word != ":" and words[i + 1 : i + 2] != [":"]]

    def leaf(self) -> Words:
        conv = ["CONV", "(", "3", ",", "2", "*", "n", "+", "1", ",", "padding", "=", "n", ")"]
        return self.pick(
            conv, ["RELU"], ["BN"], ["MAXPOOL", "(", "3x3", ",", "stride", "=", "1", ",", "padding", "=", "1", ")"]
        )


@st.composite
def models(draw: st.DrawFn) -> str:
    return joined(Models(draw).model(), draw(st.randoms(use_true_random=False)))


@given(models())
def test_models_stay_the_same(text: str) -> None:
    once = formatted(text)
    note(once)
    before, after = (check_source(Source("<text>", version), Request()) for version in (text, once))
    assert before.ok
    assert meaning(after) == meaning(before)


# ---- size and depth ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "INPUT -> " + "[" * 99 + "A" + "]" * 99,
        "INPUT -> " + "A{ B, # b\n" * 99 + "A" + "}" * 99,
        "let a = " + "(\n# a\n" * 99 + "1" + ")" * 99,
        "let a = " + "name_of_a_function(1 + " * 99 + "1" + ")" * 99,
        "let a = " + "not " * 9_000 + "1",
        "let a = 1" + " if b else 2" * 2_000,
        "let a = 1" + " # one\n + b" * 2_000,
        "let a = f(1" + " # one\n * b" * 2_000 + ")",
        "let a = [" + "[1, 2], " * 2_000 + "]",
        "INPUT" + " -> CONV(64, 3x3)" * 2_000,
    ],
    ids=lambda text: text[:24],
)
def test_deep_and_large_texts(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once


# ---- the command -------------------------------------------------------------------------------


def archc(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file to format, a canonical one and a wrong one."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"a": "INPUT->FC", "b": "INPUT -> FC\n", "wrong": "INPUT -> "}.items():
        (tmp_path / f"{name}.arch").write_text(text, encoding="utf-8")
    return tmp_path


def test_fmt_rewrites_files_in_place(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "a.arch").chmod(0o640)
    (files / "link.arch").symlink_to("a.arch")
    kept = (files / "b.arch").stat().st_mtime_ns
    assert archc("fmt", "link.arch", "b.arch") == 0
    assert capsys.readouterr() == ("", "formatted link.arch\n")
    assert (files / "a.arch").read_text(encoding="utf-8") == "INPUT -> FC\n"
    assert (files / "a.arch").stat().st_mode & 0o777 == 0o640 and (files / "link.arch").is_symlink()
    assert (files / "b.arch").stat().st_mtime_ns == kept


def test_fmt_check_lists_and_writes_nothing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert archc("fmt", "--check", "a.arch", "b.arch") == 1
    assert capsys.readouterr() == ("a.arch\n", "")
    assert archc("fmt", "--check", "b.arch") == 0
    assert (files / "a.arch").read_text(encoding="utf-8") == "INPUT->FC"


def test_fmt_of_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, status, output in ((("-",), 0, "INPUT -> FC  # é\n"), (("--check", "-"), 1, "-\n")):
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO("INPUT->FC # é".encode())))
        assert archc("fmt", *arguments) == status
        assert capsys.readouterr() == (output, "")


@pytest.mark.parametrize(("name", "status"), [("wrong.arch", 1), ("missing.arch", 2), ("zoo:vgg", 2)])
def test_fmt_writes_nothing_after_an_error(files: Path, name: str, status: int) -> None:
    assert archc("fmt", "a.arch", name) == status
    assert (files / "a.arch").read_text(encoding="utf-8") == "INPUT->FC"
    assert (files / "wrong.arch").read_text(encoding="utf-8") == "INPUT -> "
