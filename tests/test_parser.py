"""Text to syntax tree: what is accepted, and for each syntax error its exact line, column and code."""

from __future__ import annotations

import threading

import pytest

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.elaborate.fixes import apply_edits
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.brackets import NESTING_LIMIT, TOKEN_LIMIT
from archlang.syntax.parser import parse


def tree(text: str) -> ast.File:
    return parse(Source("net.arch", text))


def error(text: str) -> Diagnostic:
    with pytest.raises(Diagnosed) as caught:
        tree(text)
    return caught.value.diagnostic


def place(diagnostic: Diagnostic) -> tuple[int, int, str]:
    assert diagnostic.span is not None
    return diagnostic.span.line, diagnostic.span.column, diagnostic.code


def let_value(text: str) -> ast.Expression:
    item = tree(f"let value = {text}").items[0]
    assert isinstance(item, ast.Let)
    return item.value


# ---- where and what ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column", "code"),
    [
        # the arrow that is missing: at top level, in a model, in brackets, in braces
        ("INPUT CONV", 1, 7, "missing-arrow"),
        ("INPUT(3, 32, 32) CONV(3, 3x3)", 1, 18, "missing-arrow"),
        ("model A = INPUT -> CONV\n  RELU -> FC", 2, 3, "missing-arrow"),
        ("model A = INPUT -> CONV\n  act: RELU -> FC", 2, 3, "missing-arrow"),
        ("model A = INPUT -> CONV [RELU]", 1, 25, "missing-arrow"),
        ("INPUT -> [CONV RELU]*2", 1, 16, "missing-arrow"),
        ("INPUT -> [CONV [RELU]]", 1, 16, "missing-arrow"),
        ("INPUT -> [CONV act: RELU]", 1, 16, "missing-arrow"),
        ("INPUT -> [RELU*2 x3: RELU]", 1, 18, "missing-arrow"),
        ("INPUT -> CONCAT{CONV RELU, _}", 1, 22, "missing-arrow"),
        # sizes with blanks
        ("INPUT -> CONV(64, 3 x 3)", 1, 19, "spaced-size"),
        ("INPUT -> CONV(64, 3x 3)", 1, 19, "spaced-size"),
        ("INPUT -> CONV(64, 3 x3)", 1, 19, "spaced-size"),
        ("INPUT -> CONV(64, 3 x 3 x 3)", 1, 19, "spaced-size"),
        ("INPUT -> CONV(64,\n  3 x 12)", 2, 3, "spaced-size"),
        ("INPUT\t->\tCONV(\t3 x 3)", 1, 16, "spaced-size"),
        # brackets
        ("INPUT -> [CONV", 1, 10, "unclosed-bracket"),
        ("INPUT -> CONV(3, 3x3", 1, 14, "unclosed-bracket"),
        ("INPUT -> CONV(3, 3x3 -> RELU", 1, 14, "unclosed-bracket"),
        ("INPUT -> CONCAT{_, CONV", 1, 16, "unclosed-bracket"),
        ("INPUT -> RELU?(", 1, 15, "unclosed-bracket"),
        ("let a = [1, 2", 1, 9, "unclosed-bracket"),
        ("let a = x[1", 1, 10, "unclosed-bracket"),
        ("model A = INPUT -> [CONV\nmodel B = INPUT -> FC", 1, 20, "unclosed-bracket"),
        ("INPUT -> CONV)", 1, 14, "unmatched-bracket"),
        ("INPUT -> [CONV)", 1, 15, "unmatched-bracket"),
        ("INPUT -> [CONV]]", 1, 16, "unmatched-bracket"),
        ("INPUT -> CONCAT{_, CONV]", 1, 24, "unmatched-bracket"),
        ("INPUT -> CONV(3, [1, 2)", 1, 23, "unmatched-bracket"),
        # the end of the text
        ("INPUT ->", 1, 9, "unexpected-text"),
        ("INPUT -> CONV ->\n\n", 1, 17, "unexpected-text"),
        ("model A = INPUT\n\nmodel", 3, 6, "unexpected-text"),
        ("let", 1, 4, "unexpected-text"),
        ("let a =", 1, 8, "unexpected-text"),
        ("assert", 1, 7, "unexpected-text"),
        ("block b", 1, 8, "unexpected-text"),
        ("default CONV", 1, 13, "unexpected-text"),
        ('from "a.arch"', 1, 14, "unexpected-text"),
        ("let a = 1 if true", 1, 18, "unexpected-text"),
        ("INPUT -> RELU*", 1, 15, "unexpected-text"),
        # anything else, mid-line
        ("-> CONV", 1, 1, "unexpected-text"),
        ("INPUT -> -> CONV", 1, 10, "unexpected-text"),
        ("INPUT -> CONV(3,,3)", 1, 17, "unexpected-text"),
        ("INPUT -> CONV(3 3)", 1, 17, "unexpected-text"),
        ("INPUT -> []", 1, 11, "unexpected-text"),
        ("INPUT -> @", 1, 10, "unexpected-text"),
        ("INPUT -> a: b: RELU", 1, 14, "unexpected-text"),
        ('INPUT -> "a" RELU', 1, 14, "unexpected-text"),
        ("INPUT -> RELU**2", 1, 15, "unexpected-text"),
        ("INPUT -> RELU*N+1", 1, 16, "unexpected-text"),
        ("model for = INPUT", 1, 7, "reserved-name"),
        ("model A INPUT", 1, 9, "unexpected-text"),
        ("model A(,) = INPUT", 1, 9, "unexpected-text"),
        ("let a == 3", 1, 8, "unexpected-text"),
        ("let a = 3y", 1, 9, "unexpected-text"),
        ("let a = .5", 1, 9, "unexpected-text"),
        ("let a = (,)", 1, 10, "unexpected-text"),
        ("let a = [1 for x in [1] for y in [2]]", 1, 25, "unexpected-text"),
        ("INPUT\u00a0-> FC", 1, 6, "unexpected-text"),
        ("INPUT -> FC\x00", 1, 12, "unexpected-text"),
        # carriage returns, tabs and comments count as characters like all others
        ("INPUT\r\n -> CONV(3\r\n, 3 x 3)", 3, 3, "spaced-size"),
        ("# INPUT CONV\nINPUT CONV # RELU", 2, 7, "missing-arrow"),
        # nothing at all
        ("", 1, 1, "empty-file"),
        ("  \n\n", 1, 1, "empty-file"),
        ("# a comment\n# and another", 1, 1, "empty-file"),
        # limits
        ("INPUT -> " + "[" * (NESTING_LIMIT + 1), 1, NESTING_LIMIT + 10, "nesting-too-deep"),
        ("INPUT -> RELU" + "*2" * 17, 1, 46, "nesting-too-deep"),
        ("INPUT" + " -> RELU" * (TOKEN_LIMIT // 2), 1, TOKEN_LIMIT * 4 + 2, "text-too-long"),
        ("let a = 1_000_000_000_000_001", 1, 9, "value-too-large"),
        ("let a = 1e16", 1, 9, "value-too-large"),
        ("let a = 3x9999999999999999", 1, 9, "value-too-large"),
    ],
)
def test_place_and_code(text: str, line: int, column: int, code: str) -> None:
    assert place(error(text)) == (line, column, code)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("INPUT ->", "expected a layer, a label or `[`"),
        ("-> CONV", "expected a layer, a label, `[` or a definition"),
        ("INPUT @ CONV", "expected `->` or a new definition"),
        ("INPUT -> [CONV @]", "expected `->` or the end of the chain"),
        ("INPUT -> CONV(3 3)", "expected `,` or `)`"),
        ("INPUT -> CONV(3, [1 2])", "expected `,` or `]`"),
        ("INPUT -> CONV(=3)", "expected a value or `)`"),
        ("model A INPUT", "expected `(` or `=`"),
        ('from "a.arch"', "expected `import`"),
        ("let a = 1 if true", "expected `else`"),
    ],
)
def test_expectation_in_words(text: str, label: str) -> None:
    assert error(text).problem.label == label


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("INPUT → CONV", "INPUT -> CONV"),
        ("INPUT => CONV", "INPUT -> CONV"),
        ("INPUT —> CONV", "INPUT -> CONV"),
        ("INPUT –> CONV", "INPUT -> CONV"),
        ("INPUT --> CONV", "INPUT -> CONV"),
        ("INPUT - > CONV", "INPUT -> CONV"),
        ("INPUT > CONV", "INPUT -> CONV"),
        ("INPUT >> CONV", "INPUT -> CONV"),
        ("INPUT |> CONV", "INPUT -> CONV"),
        ("INPUT , CONV", "INPUT -> CONV"),
        ("INPUT -> [CONV → RELU]", "INPUT -> [CONV -> RELU]"),
        ("INPUT CONV", "INPUT -> CONV"),
        ("INPUT -> [CONV\n RELU]", "INPUT -> [CONV\n -> RELU]"),
        ("INPUT -> CONV(64, 3 x 3)", "INPUT -> CONV(64, 3x3)"),
        ("INPUT -> CONV(64, 3 x 3 x 3)", "INPUT -> CONV(64, 3x3x3)"),
        ("INPUT -> CONV(64; 3x3)", "INPUT -> CONV(64, 3x3)"),
    ],
)
def test_fix_of_a_common_mistake(text: str, clean: str) -> None:
    assert apply_edits(text, error(text).candidates[0].edits) == clean
    tree(clean)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("INPUT -> CONV(3×3)", "write sizes with the letter x"),
        ("INPUT -> CONV(3, 3x3, padding=“same”)", "straight double quotes"),
        ("INPUT -> CONV(3, 3x3, padding='same')", "straight double quotes"),
        ('INPUT -> CONV(3, 3x3, padding="same)', 'a text ends with `"`'),
        ("INPUT -> CONV assert parameters = 3", "`==` compares"),
        ("INPUT -> RELU?(a = 1)", "`==` compares"),
        ("INPUT -> FC // comment", "comments begin with `#`"),
        ("INPUT -> FC /* comment */", "comments begin with `#`"),
        ("INPUT -> FC; INPUT -> FC", "no separator"),
        ("INPUT -> (CONV -> RELU)*2", "brackets `[ ]` group"),
        ("INPUT -> {CONV, RELU}", "braces hold the branches"),
        ("INPUT -> 3*RELU", "repeat behind the part"),
        ("import resnet", "from \"file.arch\" import name"),
    ],
)  # fmt: skip
def test_hint_for_a_common_mistake(text: str, hint: str) -> None:
    assert any(hint in advice for advice in error(text).problem.advice)


def test_closing_bracket_names_what_it_closes() -> None:
    assert error("INPUT -> [CONV)").message == "`)` closes `[`"
    assert error("INPUT -> CONV)").message == "`)` closes nothing"


# ---- what is accepted --------------------------------------------------------------------------------


def test_layout_means_nothing() -> None:
    spread = "INPUT\n\n  ->\r\n\tCONV (\n 3 ,\n3x3 , ) # a\n*\n2 -> a\n:\nRELU"
    (item,) = tree(spread).items
    assert isinstance(item, ast.Definition)
    stages = item.chain.stages
    assert [stage.part.word for stage in stages if isinstance(stage.part, ast.Call)] == ["INPUT", "CONV", "RELU"]
    assert stages[2].label is not None


def test_keywords_begin_other_names() -> None:
    tree("let models = 1 let in_ = 2 model letter(format = 3) = INPUT -> notes: FC(form + iffy) let trues = 1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_000", 1000),
        ("007", 7),
        ("1e3", 1000.0),
        ("2.5e-3", 0.0025),
        ("3x3", (3, 3)),
        ("1x7x2", (1, 7, 2)),
        ('"a # b"', "a # b"),
        ("true", True),
        ("none", None),
        ("0x10", (0, 10)),
    ],
)
def test_literals(text: str, value: object) -> None:
    literal = let_value(text)
    assert isinstance(literal, ast.Literal)
    assert literal.value == value


def test_index_has_no_blank_before_it() -> None:
    assert isinstance(let_value("x[0]"), ast.Index)
    assert isinstance(let_value("f(x)[0][1]"), ast.Index)
    assert len(tree("let a = x [RELU]").items) == 2


def test_comprehension_takes_a_condition() -> None:
    found = let_value("[x for x in xs if x > 1]")
    assert isinstance(found, ast.Comprehension)
    assert found.condition is not None
    assert found.condition.span.text == "x > 1"


def test_spans_are_exact() -> None:
    item = tree("model A(n=2) =\n  INPUT -> head: [CONV(n, 3x3) -> RELU]*n?(n > 1) :: (2, 30, 30)").items[0]
    assert isinstance(item, ast.Definition)
    stage = item.chain.stages[1]
    assert item.name_span.text == "A"
    assert stage.label and stage.label.span.text == "head"
    assert stage.part.span.text == "[CONV(n, 3x3) -> RELU]"
    assert [suffix.span.text for suffix in stage.suffixes] == ["*n", "?(n > 1)"]
    assert stage.stated and stage.stated.span.text == "(2, 30, 30)"
    assert (stage.span.line, stage.span.column) == (2, 12)


def test_comment_above_a_definition_is_its_documentation() -> None:
    file = tree("# One line.\n# Another.\nmodel A = INPUT -> FC\n\nmodel B = INPUT -> FC # not this\nmodel C = A")
    assert [item.doc for item in file.items if isinstance(item, ast.Definition)] == ["One line.\nAnother.", "", ""]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("my_net.arch", "MyNet"),
        ("nets/le-net 5.arch", "LeNet5"),
        ("3d.arch", "Net3d"),
        ("none.arch", "NoneNet"),
        ("tensor.arch", "TensorNet"),
        ("<text>", "Net"),
        ("_.arch", "Net"),
    ],
)
def test_a_bare_chain_is_named_by_its_file(path: str, name: str) -> None:
    item = parse(Source(path, "INPUT -> FC")).items[0]
    assert isinstance(item, ast.Definition)
    assert item.name == name


def test_threads_parse_side_by_side() -> None:
    wrong: list[BaseException] = []

    def work(bracket: str, closing: str) -> None:
        try:
            for _ in range(50):
                assert error(f"INPUT -> [CONV -> RELU]*2 -> {bracket}CONV").problem.label == f"needs a `{closing}`"
        except BaseException as caught:
            wrong.append(caught)

    pairs = [("[", "]"), ("ADD{", "}"), ("CONV(", ")")]
    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
