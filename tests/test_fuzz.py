"""Whatever the text: diagnostics or models, never an exception, within bounded time. And the bombs we could think of."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archlang.checking import Outcome, Request, check_source
from archlang.diagnostics.json import to_dict
from archlang.diagnostics.text import render
from archlang.elaborate import elaborator
from archlang.ir.verify import verify_model
from archlang.report.text import model_table, models_lines
from archlang.resources import grammar_text, zoo_files
from archlang.source import Source

settings.register_profile("fuzz", deadline=None, derandomize=True, max_examples=60)
pytestmark = pytest.mark.timeout(240)  # a text of some lines that takes minutes is a hang

ZOO = [path.read_text(encoding="utf-8") for path in zoo_files()]
CORPUS = [text for text in ZOO if len(text) < 3_000] + [
    "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC",
    "block r(c, s = 1){ body } = ADD{ body, [CONV(c, 1x1, stride=s) -> BN]?(s != 1) } -> RELU\n"
    "model Net(d = 2) = INPUT -> CONV(8, 3x3, padding=1) -> stem: r(8){ CONV(8, 3x3, padding=1)*d } -> AUX{ FC(3) } -> FC",
    'let ws = [4, 8]\nmodel A(N in 1..3 = 1) = INPUT -> ["c{i}": CONV(w, 1x1) for (i, w) in zip(range(2), ws)]*N :: 8x32x32\n'
    "assert A.macs // 2 > 0 and not A.output == (1,)",
    "model A = INPUT -> a: CONV(3, 1x1) -> SHARE(a) -> p: MAXPOOL(2) -> CONCAT{ a, _ }?(false) -> UNPOOL(p) model B = A",
    'default CONV(4, 5x5) default init = "he" INPUT(C, H, W) -> CONV -> POOL?(1 < 2 <= 2 if true else false) -> FC',
    "INPUT -> CONCAT{ _, CONV(i, 1x1) for i in [1, 2] } -> f: [CONV -> [x: RELU]] -> ADD{ f.x, _ } -> OUTPUT{ FC }",
]
KNOWN = "INPUT CONV POOL FC RELU BN CONCAT ADD AUX SHARE UNPOOL _ N a b f x range zip len true none 3x3 1 2 0.5 1e9"
SIGNS = '-> * ? ( ) [ ] { } , : :: = == != < > <= + - / // % ** . .. "a" "c{i}" #'
WORDS = sorted({*re.findall(r'"([a-z]+)"', grammar_text()), *KNOWN.split(), *SIGNS.split(), "\n"})


def survive(text: str) -> Outcome:
    """Check a text and write everything that can be said about it."""
    outcome = check_source(Source("net.arch", text), Request())
    assert outcome.ok is not bool(outcome.diagnostics)
    shown = render(outcome.diagnostics, color=True)
    assert all(char.isprintable() or char in "\n\x1b" for char in shown)
    for found in outcome.diagnostics:
        to_dict(found)
        assert found.span is None or 0 <= found.span.start <= found.span.end <= len(found.span.source.text)
    for model in outcome.models:
        verify_model(model)
        model_table(model)
    models_lines(outcome.models)
    return outcome


# ---- random texts ------------------------------------------------------------------------------------


@settings(settings.get_profile("fuzz"))
@given(st.text(max_size=200))
def test_any_characters(text: str) -> None:
    survive(text)


@settings(settings.get_profile("fuzz"))
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    survive(data.decode("utf-8", "surrogateescape"))
    survive(data.decode("latin-1"))


@settings(settings.get_profile("fuzz"), max_examples=200)
@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_words(words: list[str]) -> None:
    survive(" ".join(words))
    survive("model A = INPUT -> " + " ".join(words))
    survive("let a = " + " ".join(words) + " INPUT -> FC")


TOKEN = re.compile(
    r"->|::|\*\*|//|\.\.|[<>=!]=|\d+x\d+|[A-Za-z_]\w*|\d+(?:\.\d+)?|\"[^\"\n]*\"|#[^\n]*|\s+|.", re.DOTALL
)


def mutate(text: str, dice: random.Random) -> str:
    """A few tokens or characters dropped, doubled, swapped or replaced."""
    parts = TOKEN.findall(text) if dice.random() < 0.7 else list(text)
    for _ in range(dice.randint(1, 4)):
        here = dice.randrange(len(parts))
        match dice.randrange(5):
            case 0:
                del parts[here : here + dice.randint(1, 3)]
            case 1:
                parts[here:here] = parts[here : here + dice.randint(1, 5)]
            case 2:
                there = dice.randrange(len(parts))
                parts[here], parts[there] = parts[there], parts[here]
            case 3:
                parts[here] = dice.choice(WORDS)
            case _:
                parts.insert(
                    here, dice.choice([*WORDS, "999999999999", "-1", "0", "1.5", "[]", "()", "\x00", "é", "”"])
                )
        parts = parts or [" "]
    return "".join(parts)


@pytest.mark.parametrize("seed", range(12))
def test_mutations_of_good_texts(seed: int) -> None:
    dice = random.Random(seed)
    for text in CORPUS:
        survive(mutate(text, dice))


def test_mutations_of_large_zoo_files() -> None:
    dice = random.Random(1)
    for text in ZOO:
        survive(mutate(text, dice))


@pytest.mark.parametrize("text", [text for text in CORPUS if len(text) < 400])
def test_every_prefix(text: str) -> None:
    for end in range(0, len(text), 3):
        survive(text[:end])


def test_good_texts_are_good() -> None:
    for text in ZOO:
        assert survive(text).ok


# ---- bombs -------------------------------------------------------------------------------------------


def repeated(template: str, count: int, join: str = " ") -> str:
    return join.join(template.replace("@", str(i)) for i in range(count))


BOMBS = {
    # counts
    "copies": "INPUT -> [CONV]*10**9",
    "copies of copies": "INPUT -> " + "[" * 20 + "RELU" + "]*1000" * 20,
    "copies of nothing": "INPUT -> [[RELU?(false)]*10**14]*10**14",
    "labelled copies of nothing": "INPUT -> a: [RELU?(false)]*10**14",
    "a long list": "let a = range(10**9) INPUT -> FC",
    "a power": "let a = 10**10**10 INPUT -> FC",
    "a tower": "let a = " + "9**" * 90 + "9 INPUT -> FC",
    "a long number": "let a = " + "9" * 100_000 + " INPUT -> FC",
    "a long fraction": "let a = 0." + "9" * 100_000 + " INPUT -> FC",
    "a large exponent": "let a = 1e999999999 INPUT -> FC",
    "a long size": "INPUT(" + "1x" * 100_000 + "1) -> FC",
    "a broken size": "INPUT(" + "1x" * 100_000 + "y) -> FC",
    "a large input": "INPUT(1_000_000_000, 1_000_000_000, 1_000_000_000) -> FC(1_000_000_000)",
    "a large window": "INPUT(3, 1000000000, 1000000000) -> POOL(999999999)",
    "a large kernel": "INPUT(3, 1000000000, 1000000000) -> CONV(1000000000, 1000000000)",
    "large groups": "INPUT(99999999, 3, 3) -> CONV(99999998, 3x3, groups=99999989)",
    # depth
    "brackets": "INPUT -> " + "[" * 100_000 + "CONV" + "]" * 100_000,
    "parentheses": "let a = " + "(" * 500_000,
    "braces": "INPUT -> " + "ADD{_, " * 20_000,
    "minus signs": "let a = " + "-" * 40_000 + "1 INPUT -> FC",
    "negations": "let a = " + "not " * 40_000 + "true INPUT -> FC",
    "conditionals": "let a = " + "1 if false else " * 8_000 + "2 INPUT -> FC",
    "indices": "let a = [1]" + "[0]" * 12_000 + " INPUT -> FC",
    "calls": "let a = len" + "()" * 20_000 + " INPUT -> FC",
    "attributes": "model A = INPUT -> FC assert A" + ".a" * 20_000 + " == 1",
    "suffixes": "INPUT -> RELU" + "*2" * 20_000,
    "a label": 'INPUT -> "{' + "-" * 40_000 + '1}": FC',
    "deep lists": "let a0 = [1]\n" + repeated("let b@ = [a0]", 10) + repeated("\nlet a@ = [a0]", 10)[10:],
    # recursion
    "recursion": "block a = [a] model M = INPUT -> a",
    "mutual recursion": "block a = b block b = a model M = INPUT -> a",
    "models in models": "model A = INPUT -> B model B = INPUT -> A",
    "aliases": "model A = B model B = A",
    "growing numbers": "block a(n) = a(n*n + 2) model M = INPUT -> a(2)",
    "growing lists": "block a(n) = a([n, n]) model M = INPUT -> a(0)",
    "growing sums": "block a(n) = a(n + n) model M = INPUT -> a([1, 2])",
    "growing holes": "block a{h} = a{[h -> h]} model M = INPUT -> a{RELU}",
    "deep brackets in recursion": "block a(n) = " + "x: [" * 90 + "a(n + 1)" + "]*2" * 90 + " model M = INPUT -> a(0)",
    # doubling
    "doubling": "block a(n) = [a(n-1) -> a(n-1)]?(n > 0) model M = INPUT -> a(60)",
    "doubling layers": "block a(n) = [RELU -> [a(n-1) -> a(n-1)]?(n > 0)] model M = INPUT -> a(60)",
    "doubling with arguments": "block a(n, k) = [a(n-1, 2*k) -> a(n-1, 2*k+1)]?(n > 0) model M = INPUT -> a(40, 1)",
    "doubling blocks": repeated("block b@ = [c@ -> c@]", 30) + repeated("block c@ = RELU", 30),
    "doubling lists": "let a0 = [1, 1]\n"
    + "\n".join(f"let a{i} = [a{i - 1}, a{i - 1}]" for i in range(1, 60))
    + "\nassert a59 == a58",
    "doubling branches": "INPUT -> " + "CONCAT{" * 12 + "RELU" + " for i in range(10)}" * 12,
    # work
    "a search": "let a = range(9999) let b = [1 for x in a if x in a] INPUT -> FC",
    "sums": "let a = range(9999) let b = [sum(a) for x in a] INPUT -> FC",
    "long texts": 'let a = "' + "x" * 50_000 + '" let b = [a + a for x in range(9999)] INPUT -> FC',
    "loops": "let a = [[[0 for x in range(999)] for y in range(999)] for z in range(999)] INPUT -> FC",
    "many shapes": "INPUT -> [[CONV(i + j + 1, 1x1) for i in range(999)] for j in range(999)]",
    "a long local list": "block b(xs) = [CONV(xs[x] + 1, 1x1) for x in xs] model M = INPUT -> b(range(9999))",
    "a long list as argument": "block c(xs) = RELU block b(xs) = [c(xs) for x in xs] model M = INPUT -> b(range(9999))",
    "many calls of a long block": "block b(i) = ["
    + repeated("RELU", 2_250, "->")
    + "]*2 model M = INPUT -> [b(i) for i in range(9999)]",
    # length
    "a chain": "INPUT -> " + repeated("RELU", 60_000, " -> "),
    "a long chain": "INPUT -> " + repeated("RELU", 6_250, " -> "),
    "words that mean nothing": "INPUT -> " + repeated("FOO@", 5_000, " -> "),
    "missing arguments": "INPUT -> " + repeated("CONV()", 5_000, " -> "),
    "labels": "INPUT -> " + repeated("a@: RELU", 3_750, " -> "),
    "equal labels": "INPUT -> " + repeated("a: RELU", 3_750, " -> "),
    "quoted labels": "INPUT -> " + repeated('"a{@}": RELU', 4_000, " -> "),
    "switches": "INPUT -> " + repeated("a@: RELU?", 3_750, " -> "),
    "free letters": "INPUT -> " + repeated("[CONV]*N", 3_750, " -> "),
    "errors at the end": "INPUT -> " + repeated("RELU", 10_000, " -> ") + " ->",
    "errors in all models": repeated("model a@ = INPUT -> CONV(3, 99x99)", 2_000),
    "errors in all branches": "INPUT -> CONCAT{" + repeated("CONV(3, 99x99)", 2_500, ",") + "}",
    "branches": "INPUT -> CONCAT{" + repeated("CONV(3, 9x9)", 2_500, ",") + "}",
    "sources": "INPUT -> a: CONV -> " + repeated("ADD{a, _}", 2_500, "->"),
    "deep sources": "INPUT -> a: [b: [c: CONV]] -> " + repeated("ADD{a.b.c, _}", 2_000, "->"),
    "shared weights": "INPUT -> a: CONV(3, 3x3, padding=1) -> " + repeated("SHARE(a)", 2_500, "->"),
    "models": repeated("model a@ = INPUT -> CONV -> FC", 2_000),
    "equal models": repeated("model a = INPUT -> CONV -> FC", 2_000),
    "a chain of aliases": repeated("model a@ = b@ model b@ = INPUT -> FC", 2_000),
    "comments": "#\n" * 200_000 + repeated("model a@ = X", 2_500),
    "assertions": "INPUT -> FC " + repeated("assert parameters == 1", 3_750),
    "calls in an assertion": "model M(n = 1) = INPUT -> FC(n) assert "
    + repeated("M(@ + 1).macs", 2_000, " + ")
    + " == 1",
    "definitions that are not there": repeated("let a@ = 1", 2_250) + repeated(" let b@ = x@", 2_250) + " INPUT -> FC",
    "blocks that are not there": repeated("block b@ = RELU", 2_250) + " INPUT -> " + repeated("c@", 2_250, "->"),
    "parameters": "block b(" + repeated("a@ = 1", 3_750, ",") + ") = RELU model M = INPUT -> b",
    "missing parameters": "block b(" + repeated("a@", 3_750, ",") + ") = RELU model M = INPUT -> b",
    "defaults": repeated("default CONV(32, 3x3)", 2_250) + " INPUT -> CONV",
    "a long name": "INPUT -> " + "A" * 900_000,
    "two long names": f"model {'a' * 400_000} = INPUT -> {'a' * 399_999}b",
    "a long label": "INPUT -> " + "a" * 900_000 + ": FC",
    "long text in an argument": 'INPUT -> CONV(3, 3x3, padding="' + "x" * 900_000 + '")',
    "digits before an error": "let a = " + "1" * 900_000 + " + ]",
    "blanks before an error": "let a = 1" + " " * 900_000 + " + ]",
    "braces in a label": 'INPUT -> "' + "{" * 400_000 + '": FC',
    # odd characters
    "pictures": "INPUT -> " + "\U0001f600" * 200_000,
    "accents": "INPUT -> CONV" + "\u0301" * 200_000,
    "surrogates": "INPUT -> \ud800\udfff",
    "zeros": "INPUT -> FC" + "\0" * 200_000,
    "turned around": "INPUT -> \u202eFC",
    "half a megabyte on one line with an error": "INPUT -> " + "CONV  " * 60_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elaborator, "WORK_LIMIT", elaborator.WORK_LIMIT // 3)
    outcome = survive(BOMBS[name])
    assert len(outcome.diagnostics) <= 100
    assert len(render(outcome.diagnostics)) < 2_000_000
