"""What holds of all warnings: each can be silenced by itself, others can offer more, no text is too odd or too large."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import import_library, program, symbolic_program
from work import at_most

from archlang.checking import Outcome, Request, check_source
from archlang.cli import main
from archlang.diagnostics import Diagnostic
from archlang.elaborate.fixes import apply_edits
from archlang.lints import LINTS, with_lints
from archlang.lints.registry import codes
from archlang.reading import FileImporter
from archlang.resources import zoo_files
from archlang.source import Source, Span

CASES = Path(__file__).parent / "golden" / "diagnostics" / "lints"
ALLOW = re.compile(r"# allow:.*")


def find(path: str, span: Span) -> Source:
    """What cases import, and the zoo."""
    case = CASES / path
    return Source(path, case.read_text(encoding="utf-8")) if case.is_file() else FileImporter("zoo:net")(path, span)


def look(text: str, **options: list[str]) -> tuple[Diagnostic, ...]:
    return with_lints(check_source(Source("zoo:net", text), Request(), importer=find), **options).diagnostics


def told(found: tuple[Diagnostic, ...]) -> list[tuple[str, str, int, str]]:
    """Each warning without the place in its line: comments move nothing but what is behind them."""
    return [(d.code, d.message, d.span.line if d.span else 0, d.span.text if d.span else "") for d in found]


def texts() -> dict[str, str]:
    """The cases of the goldens and the zoo, what their comments allow no longer allowed."""
    paths = [path for path in sorted(CASES.glob("*.arch")) if path.stem not in ("imported", "unknown_lint")]
    return {path.stem: ALLOW.sub("", path.read_text(encoding="utf-8")) for path in (*paths, *zoo_files())}


WARNED = {name: text for name, text in texts().items() if look(text)}


def test_there_is_much_to_silence() -> None:
    assert len(WARNED) > 25
    assert {d.code for text in WARNED.values() for d in look(text)} == {lint.code for lint in LINTS}


@pytest.mark.parametrize("name", WARNED)
def test_a_comment_for_the_file_silences_one_code_and_nothing_else(name: str) -> None:
    text = WARNED[name]
    found = told(look(text))
    for code in {found_code for found_code, *_ in found}:
        left = [(kind, message, line + 1, words) for kind, message, line, words in found if kind != code]
        assert told(look(f"# allow: {code}: it is meant\n{text}")) == left
        assert told(look(text, allow=[code])) == [entry for entry in found if entry[0] != code]


@pytest.mark.parametrize("name", WARNED)
def test_a_comment_behind_it_silences_its_line_and_nothing_else(name: str) -> None:
    lines = WARNED[name].split("\n")
    found = told(look(WARNED[name]))
    for code, _, line, words in found:
        if "\n" in words or "#" in lines[line - 1]:
            continue
        changed = [*lines[: line - 1], f"{lines[line - 1]}  # allow: {code}", *lines[line:]]
        assert told(look("\n".join(changed))) == [entry for entry in found if (entry[0], entry[2]) != (code, line)]


def test_all_can_be_silenced_at_once() -> None:
    for text in WARNED.values():
        assert look(text, allow=["all"]) == ()
        some = {d.code for d in look(text)}
        assert look(f"# allow: {', '.join(sorted(some))}\n{text}") == ()


def test_what_is_silenced_takes_no_place() -> None:
    """Beyond a hundred warnings no more are told: those that are silenced do not count."""
    text = "INPUT(784) -> " + " -> ".join(["FC(9) -> BN -> RELU"] * 120) + " -> FC(10) -> SOFTMAX"
    assert len(look(text)) == 100
    assert [d.code for d in look(f"# allow: bias-before-norm\n{text}")] == ["activation-before-loss"]
    assert [d.code for d in look(text, allow=["bias-before-norm"])] == ["activation-before-loss"]


@pytest.mark.parametrize("name", WARNED)
def test_ways_out_leave_fewer_warnings(name: str) -> None:
    source = Source("zoo:net", WARNED[name])
    found = look(WARNED[name])
    for diagnostic in found:
        for remedy in diagnostic.helps:
            after = look(apply_edits(source.text, remedy.edits)) if remedy.edits else ()
            assert len(after) < len(found), remedy.message


# ---- any text ------------------------------------------------------------------------------------------


SOFT = "INPUT(784) -> FC(10) -> SOFTMAX"


def lint_calls(text: str) -> tuple[Outcome, Outcome]:
    outcome = check_source(Source("net.arch", text), Request(), importer=import_library)
    return outcome, with_lints(outcome)


@pytest.mark.parametrize("chunk", range(2))
def test_random_programs_have_warnings_and_no_faults(chunk: int) -> None:
    looked = 0
    for seed in range(chunk * 100, chunk * 100 + 100):
        text = program(random.Random(seed))
        outcome, warned = lint_calls(text)
        new = warned.diagnostics[len(outcome.diagnostics) :]
        assert warned.diagnostics[: len(outcome.diagnostics)] == outcome.diagnostics, text
        assert bool(new) <= outcome.ok and all(d.severity == "warning" and d.code in codes() for d in new), text
        assert told(lint_calls(text)[1].diagnostics) == told(warned.diagnostics), text
        looked += bool(new)
    assert looked > 10


def test_programs_with_free_sizes() -> None:
    for seed in range(40):
        _, warned = lint_calls(symbolic_program(random.Random(seed)))
        sized = {lint.code for lint in LINTS if lint.sized}
        assert not any(model.is_symbolic for model in warned.models) or not {d.code for d in warned.diagnostics} & sized


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=' ,:-#"\nabcxn_allow', max_size=30), st.sampled_from(["", "  ", "x"]))
def test_any_comment(comment: str, before: str) -> None:
    """Comments say what they want; what does not name a code is said, and nothing else changes."""
    text = f"INPUT(784) -> FC(64) -> BN -> RELU -> FC(10)\n# allow:{before}{comment}"
    outcome, warned = lint_calls(text)
    new = {d.code for d in warned.diagnostics[len(outcome.diagnostics) :]}
    assert new <= {*codes()} and (not outcome.ok or "bias-before-norm" in new)


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(8, 32, 32) -> [CONV(8, 3x3, padding=1) -> BN -> RELU]*1_000_000 -> FC(10)",
        "INPUT(8, 32, 32) -> [[[CONV(8, 4x4, padding=2) -> CONV(8, 2x2) -> RELU -> RELU]*100]*100]*100 -> AVGPOOL(to=1) -> FC(10)",
        "block b(n) = [CONV(4, 3x3, padding=1) -> b(n - 1)]?(n > 0)\nmodel A = INPUT(4, 9, 9) -> b(60) -> FC(2)",
        "INPUT(8, 32, 32) -> [ADD{ _, CONV(8, 3x3, padding=1) -> BN } -> RELU]*999_999 -> AVGPOOL(to=1) -> FC(10)",
        "INPUT(4, 9, 9) -> " + " -> ".join(["RELU"] * 1000) + " -> FC(2)",
        "INPUT(4, 9, 9) -> " + " -> ".join(["ADD{ _, CONV(4, 1x1) -> BN }"] * 300) + " -> AVGPOOL(to=1) -> FC(2)",
        "INPUT(3, 64, 64) -> " + "CONV(3, 1x1) -> OUTPUT{ [AVGPOOL(to=1) -> FLATTEN] } -> " * 300 + "FC(3)",
        "# allow: unused-allow, unknown-lint\n" + "# allow: even-kernel, even-kernal\n" * 5000 + SOFT,
        "INPUT(784)\n" + "# allow: even-kernel\n" * 5000 + SOFT.partition(")")[2],
        "# allow: " + ", ".join(["even-kernel", "odd-kernel"] * 5000) + "\n" + SOFT,
        "\n".join(f"# allow: unused-block\nblock b{i} = RELU" for i in range(1000)) + "\nmodel A =" + SOFT,
    ],
)
def test_the_effort_is_that_of_the_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy costs nothing."""
    outcome = check_source(Source("net.arch", text), Request())
    assert outcome.ok
    with at_most(1_000_000 + 500 * len(text)):
        assert with_lints(outcome).diagnostics


# ---- lints from elsewhere ------------------------------------------------------------------------------

PACKAGE = '''
    from archlang.errors.lints import Warned
    from archlang.lints import Finding, Lint
    from archlang.records import record


    @record
    class Tanh(Warned):
        """A TANH saturates where a RELU would not."""

        code = "no-tanh"

        @property
        def message(self) -> str:
            return "TANH saturates"


    lint = Lint("no-tanh", lambda net: (Finding(Tanh(), spot) for spot, _ in net.of("tanh")))
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder as pip leaves it: the module `advice` with its entry point."""
    (tmp_path / "advice.py").write_text(dedent(PACKAGE), encoding="utf-8")
    info = tmp_path / "advice-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: advice\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[archlang.lints]\nno-tanh = advice:lint\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "options", "status", "expected"),
    [
        ("INPUT(784) -> FC(64) -> TANH -> FC(10)", [], 0, "<text>:1:25: warning[no-tanh]: TANH saturates"),
        ("INPUT(784) -> FC(64) -> TANH -> FC(10)", ["--deny", "no-tanh"], 1, "error[no-tanh]"),
        ("INPUT(784) -> FC(64) -> TANH -> FC(10)", ["--allow", "no-tanh"], 0, ""),
        ("INPUT(784) -> FC(64) -> TANH -> FC(10)  # allow: no-tanh", [], 0, ""),
        ("INPUT(784) -> FC(64) -> RELU -> FC(10)  # allow: no-tanh", [], 0, "warning[unused-allow]"),
        ("INPUT(784) -> FC(64) -> RELU -> FC(10)  # allow: no-tan", [], 0, "did you mean `no-tanh`?"),
    ],
)
def test_a_package_offers_a_lint(package: Path, text: str, options: list[str], status: int, expected: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "archlang", "check", "-e", text, *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert (done.returncode, expected in done.stderr, bool(done.stderr)) == (status, True, bool(expected)), done.stderr


@pytest.mark.parametrize(
    ("changed", "entry", "reason"),
    [
        ((": (", ": 1/0 or ("), "no-tanh = advice:lint", "ZeroDivisionError: division by zero"),
        (("net.of", "net.off"), "no-tanh = advice:lint", "AttributeError: 'Net' object has no attribute 'off'"),
        (('return "TANH', "return self.x"), "no-tanh = advice:lint", "SyntaxError: "),
        (('"TANH saturates"', "self.gone"), "no-tanh = advice:lint", "AttributeError: 'Tanh' object has no"),
        (("from archlang", "from archlangg"), "no-tanh = advice:lint", "ModuleNotFoundError: No module named"),
        (("", ""), "no-tanh = advice:Tanh", "AttributeError: "),
        (("", ""), "no-tanh = advice:gone", "AttributeError: module 'advice' has no attribute 'gone'"),
        (("", ""), "no-tanh = advice:lint\n[archlang.layers]\nno-tanh = advice:gone", "AttributeError: module"),
    ],
)
def test_a_package_that_fails_is_named(package: Path, changed: tuple[str, str], entry: str, reason: str) -> None:
    """The check goes on without it, with the warnings of others."""
    assert "broken-plugin" in codes()
    path = package / "advice.py"
    path.write_text(path.read_text(encoding="utf-8").replace(*changed), encoding="utf-8")
    listed = package / "advice-1.0.dist-info" / "entry_points.txt"
    listed.write_text(f"[archlang.lints]\n{entry}\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])}
    text = "model A = INPUT(784) -> FC(64) -> TANH -> TANH -> FC(10)"
    command = [sys.executable, "-m", "archlang", "check", "-e", text]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr and done.stdout.startswith("A: 784 -> 10\n")
    assert "warning[doubled-activation]" in done.stderr
    if "layers" not in entry:  # those are looked for only where a word is not known
        head = f"advice: warning[broken-plugin]: `no-tanh` of the package advice cannot be used: {reason}"
        assert done.stderr.count(head) == 1, done.stderr


@pytest.mark.parametrize("arguments", [["--all"], ["--solve", "n=1..3"], ["--where", "layers > 1"]])
def test_families_are_not_looked_at(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--allow", "--deny"):
        with pytest.raises(SystemExit) as caught:
            main(["check", "-e", "model A(n in 1..3) = INPUT(784) -> FC(n)", option, "all", *arguments])
        assert caught.value.code == 2
        out, err = capsys.readouterr()
        assert out == "" and "members of a family" in err
