"""The renderer alone, on toy diagnostics: golden texts, and promises that hold for any text."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archlang.diagnostics import Diagnostic, Edit, Help, Label, Problem
from archlang.diagnostics.json import to_dict
from archlang.diagnostics.text import LINE_WIDTH, printable, render, summary_line
from archlang.records import record
from archlang.source import Source, Span


@record
class Toy(Problem):
    code = "toy-problem"
    text: str = "something is wrong"
    mark: str = ""
    remarks: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return self.text

    @property
    def label(self) -> str:
        return self.mark

    @property
    def notes(self) -> tuple[str, ...]:
        return self.remarks

    @property
    def advice(self) -> tuple[str, ...]:
        return self.ways


@record
class ToyWarning(Toy):
    code = "toy-warning"
    severity = "warning"


TINY = Source(
    "tiny.arch",
    "# a small net\nblock double(c) =\n  [CONV(c, 3x3) -> RELU]*2\n\nmodel Tiny =\n  INPUT(1, 7, 7)\n"
    "  -> CONV(8, 3x3, stride=3) -> double(64)\n",
)
OTHER = Source("blocks.arch", "\n".join(f"# line {i}" for i in range(1, 12)) + "\nblock level(c) = double(c)\n")


def at(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return source.span(start, start + len(text))


def behind(source: Source, text: str) -> Span:
    end = at(source, text).end
    return source.span(end, end)


def toy(span: Span | None, mark: str = "", **more) -> Diagnostic:
    return Diagnostic(Toy(mark=mark), span, span.source.name if span else "gone.arch", **more)


def edited(*edits: Edit, message: str = "do this") -> Diagnostic:
    return toy(at(TINY, "stride=3"), helps=(Help(message, edits),))


def one_line(text: str, marked: str, mark: str = "here") -> Diagnostic:
    return toy(at(Source("line.arch", text), marked), mark)


STRIDE = Diagnostic(
    Toy(
        "stride 3 does not cover an input of 7x7",
        "the last row and the last column are never read",
        ("windows start at 0 and 3", "out = (N + 2P - F)/S + 1\n    = (7 + 2*0 - 3)/3 + 1\n    = 2, remainder 1"),
        ("or say that the rest is dropped",),
    ),
    at(TINY, "stride=3"),
    "tiny.arch",
    secondary=(Label(at(TINY, "7, 7"), "7 high, 7 wide"),),
    helps=(Help("pad by 1; the output becomes 3x3", (Edit(behind(TINY, "stride=3"), ", padding=1"),)),),
)

LONG = "INPUT(3, 32, 32) -> " + "CONV(64, 3x3) -> " * 30 + "FOO(1) -> " + "RELU -> " * 30 + "FC(10)"

CASES = {
    "ideal": STRIDE,
    "no_place": toy(None),
    "no_place_but_other": toy(None, secondary=(Label(at(OTHER, "level"), "defined here"),)),
    "warning": Diagnostic(ToyWarning(), at(TINY, "RELU"), "tiny.arch"),
    "tabs": one_line("\tINPUT(3)\t-> FOO", "FOO"),
    "tab_marked": one_line("INPUT(3)\t-> FOO", "\t"),
    "wide": one_line("# 画像\n日本語(名前, 3x3) -> CONV", "名前"),
    "behind_wide": one_line("日本語 -> e\u0301te\u0301 -> CONV", "CONV"),
    "control": one_line("a\x1b[31mb\u202ec\xa0d\x00 -> FOO", "FOO", "say \x1b[2J\nthis"),
    "long_middle": one_line(LONG, "FOO(1)"),
    "long_start": one_line(LONG, "INPUT(3, 32, 32)"),
    "long_end": one_line(LONG, "FC(10)"),
    "long_mark": one_line(LONG, LONG[3:-3]),
    "long_wide": one_line("層" * 80 + "FOO" + "層" * 80, "FOO"),
    "long_two": toy(
        at(long := Source("line.arch", LONG), "FOO(1)"),
        "this",
        secondary=(Label(at(long, "INPUT(3, 32, 32)"), "that"),),
    ),
    "multi_line": toy(at(TINY, "[CONV(c, 3x3) -> RELU]*2\n\nmodel Tiny"), "all of it"),
    "multi_line_bare": toy(at(TINY, "7, 7)\n  ->")),
    "two_in_a_line": toy(at(TINY, "stride=3"), "this", secondary=(Label(at(TINY, "8"), "and that"),)),
    "distant": toy(
        at(TINY, "double(64)"), "used here", secondary=(Label(at(TINY, "double(c)"), "takes one argument"),)
    ),
    "one_between": toy(at(TINY, "stride=3"), secondary=(Label(at(TINY, "Tiny ="), ""), Label(at(TINY, "RELU"), ""))),
    "two_files": toy(at(TINY, "double(64)"), "here", secondary=(Label(at(OTHER, "double(c)"), "and there"),)),
    "many_labels": toy(at(OTHER, "level"), secondary=tuple(Label(at(OTHER, f"line {i}\n"), "x") for i in range(1, 12))),
    "end_of_file": toy(behind(TINY, "double(64)\n"), "needs a `]`"),
    "end_of_line": toy(behind(TINY, "INPUT(1, 7, 7)")),
    "empty_file": toy(Source("empty.arch", "").span(0, 0), "nothing"),
    "windows_lines": one_line("INPUT(3)\r\n-> FOO\r\n-> FC", "FOO\r\n"),
    "trail": toy(
        at(TINY, "CONV(c, 3x3)"),
        trail=(Label(at(OTHER, "double(c)"), "in block double, used here"), Label(at(TINY, "double(64)"), "used here")),
    ),
    "long_trail": toy(
        at(TINY, "RELU"), trail=tuple(Label(at(TINY, "CONV(c, 3x3)"), f"in block level {i}") for i in range(40))
    ),
    "edit_insert": edited(Edit(behind(TINY, "stride=3"), ", padding=1")),
    "edit_replace": edited(Edit(at(TINY, "stride=3"), "stride=2")),
    "edit_delete": edited(Edit(at(TINY, ", stride=3"), "")),
    "edit_delete_line": edited(Edit(at(TINY, "  INPUT(1, 7, 7)\n"), "")),
    "edit_delete_long": edited(Edit(at(TINY, TINY.text[10:-12]), "")),
    "edit_several": edited(
        Edit(at(TINY, "double(64)"), "double(8)"), Edit(at(TINY, "8, 3x3"), "16, 3x3"), Edit(at(TINY, "1, 7"), "3, 7")
    ),
    "edit_lines": edited(Edit(behind(TINY, "# a small net\n"), "let a = 1\n\nlet b = 2\n"), Edit(at(TINY, "64"), "a")),
    "edit_many_lines": edited(Edit(TINY.span(0, 0), "".join(f"let a{i} = {i}\n" for i in range(9)))),
    "edit_overlap": edited(Edit(at(TINY, "stride=3"), "stride=2"), Edit(at(TINY, "=3)"), "=1)")),
    "edit_other_file": edited(Edit(at(OTHER, "level(c)"), "level(c, depth)")),
    "edit_long": toy(at(long, "FOO"), helps=(Help("did you mean RELU?", (Edit(at(long, "FOO"), "RELU"),)),)),
}


@pytest.mark.parametrize("case", CASES)
def test_golden(case, golden):
    golden(f"render/{case}.txt", render([CASES[case]]) + "\n")


def test_color(golden):
    golden("render/color.txt", render([STRIDE, CASES["warning"]], color=True) + "\n")


def test_color_only_adds_escapes():
    plain = re.sub(r"\x1b\[[0-9;]*m", "", render(CASES.values(), color=True))
    assert plain == render(CASES.values())


@pytest.mark.parametrize("case", CASES)
def test_heads_are_what_scripts_read(case):
    diagnostic = CASES[case]
    place = f":{diagnostic.span.line}:{diagnostic.span.column}" if diagnostic.span else ""
    head = f"{diagnostic.file}{place}: {diagnostic.severity}[{diagnostic.code}]: something is wrong"
    assert render([diagnostic]).split("\n")[0] == head.replace("something is wrong", diagnostic.message)


@pytest.mark.parametrize(
    "case", ["ideal", "tabs", "two_in_a_line", "end_of_line", "long_middle", "long_end", "windows_lines"]
)
def test_carets_stand_under_the_span(case):
    lines = render([CASES[case]]).split("\n")
    row = next(i for i, line in enumerate(lines) if "^" in line)
    start, end = lines[row].index("^"), lines[row].rindex("^") + 1
    assert lines[row - 1][start:end].rstrip() == CASES[case].span.text.rstrip()


def test_several_are_apart_and_none_is_empty():
    assert render([]) == ""
    assert render([STRIDE, STRIDE]) == f"{render([STRIDE])}\n\n{render([STRIDE])}"


def test_summary_line():
    warning = CASES["warning"]
    assert summary_line([]) == "no errors"
    assert summary_line([STRIDE]) == "1 error"
    assert summary_line([STRIDE, warning, warning], "nothing was written") == "1 error, 2 warnings; nothing was written"
    assert summary_line([warning]) == "1 warning"


TEXTS = st.text(st.characters(exclude_categories=()) | st.sampled_from("\n\r\t\x1b\u0301層 ab"), max_size=200)


@st.composite
def spans(draw, source):
    start = draw(st.integers(-2, len(source.text) + 2))
    return source.span(start, start + draw(st.integers(-2, 60)))


@st.composite
def diagnostics(draw):
    source, other = Source("a.arch", draw(TEXTS)), Source(draw(TEXTS), draw(TEXTS))
    place = spans(source) | spans(other)
    labels = st.lists(st.builds(Label, place, TEXTS), max_size=3).map(tuple)
    edits = st.lists(st.builds(Edit, place, TEXTS), max_size=3).map(tuple)
    helps = st.lists(st.builds(Help, TEXTS, edits), max_size=2).map(tuple)
    problem = draw(st.builds(Toy, TEXTS, TEXTS, st.tuples(TEXTS), st.tuples(TEXTS)))
    return Diagnostic(problem, draw(st.none() | spans(source)), draw(TEXTS), draw(labels), draw(labels), draw(helps))


@given(diagnostics())
def test_any_text_is_rendered_as_printable_lines(diagnostic):
    text = render([diagnostic])
    assert all(line.isprintable() for line in text.split("\n"))
    text.encode()
    assert re.sub(r"\x1b\[[0-9;]*m", "", render([diagnostic], color=True)) == text
    json.dumps(to_dict(diagnostic))


@given(TEXTS)
def test_printable_keeps_what_can_be_printed(text):
    assert printable(text).isprintable()
    assert not text.isprintable() or printable(text) == text


@pytest.mark.parametrize("char", ["x", "\x1b", "\u0301", "層", "\t"])
def test_lines_of_a_million_characters_are_cut(char):
    source = Source("big.arch", char * 1_000_000)
    lines = render([toy(source.span(500_000, 700_000), "here")]).split("\n")
    assert max(map(len, lines)) < 2 * LINE_WIDTH + 20


def test_json_has_the_shape_of_the_contract():
    data = to_dict(STRIDE)
    assert list(data)[:4] == ["severity", "code", "message", "file"]
    fixed = {key: data[key] for key in data if key not in ("label", "labels", "trail")}
    assert fixed == {
        "severity": "error",
        "code": "toy-problem",
        "message": "stride 3 does not cover an input of 7x7",
        "file": "tiny.arch",
        "line": 7,
        "column": 19,
        "end_line": 7,
        "end_column": 27,
        "notes": list(STRIDE.problem.notes),
        "helps": [
            {
                "message": "pad by 1; the output becomes 3x3",
                "edits": [{"line": 7, "column": 27, "end_line": 7, "end_column": 27, "text": ", padding=1"}],
            },
            {"message": "or say that the rest is dropped", "edits": []},
        ],
    }
    assert data["label"] == "the last row and the last column are never read"
    assert data["labels"][0]["message"] == "7 high, 7 wide"


def test_json_without_a_place_and_with_another_file():
    data = to_dict(CASES["no_place"])
    assert (data["line"], data["column"], data["end_line"], data["end_column"]) == (None,) * 4
    assert to_dict(CASES["edit_other_file"])["helps"][0]["edits"][0]["file"] == "blocks.arch"


def test_rendering_imports_little():
    code = "import sys, archlang.diagnostics.text; print({'rich', 'torch', 'unicodedata'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
