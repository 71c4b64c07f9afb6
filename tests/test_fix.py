"""`archc check --fix`: what is applied, what is left alone, and what becomes of the file."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archlang.checking import Request, check_source
from archlang.cli import main
from archlang.diagnostics import Diagnosed
from archlang.fixing import fix_source, with_line_ends
from archlang.reading import FileImporter
from archlang.source import Source

Run = Callable[..., tuple[int, str, str]]

SAFE = {
    "INPUT(3, 32, 32) -> CNOV(8, 3x3) -> FC(10)": "INPUT(3, 32, 32) -> CONV(8, 3x3) -> FC(10)",
    "INPUT(3, 32, 32) -> CONV(8, 3x3, strid=1) -> FC(10)": "INPUT(3, 32, 32) -> CONV(8, 3x3, stride=1) -> FC(10)",
    "INPUT(3, 32, 32) -> CONV(8, 3 x 3) -> FC(10)": "INPUT(3, 32, 32) -> CONV(8, 3x3) -> FC(10)",
    "INPUT(3, 32, 32) -> CONV(8, 3\u00d73) -> FC(10)": "INPUT(3, 32, 32) -> CONV(8, 3x3) -> FC(10)",
    "INPUT(3, 32, 32) -> CONV(8, 3x3) FC(10)": "INPUT(3, 32, 32) -> CONV(8, 3x3) -> FC(10)",
    "INPUT(3, 32, 32) \u2192 FC(10)": "INPUT(3, 32, 32) -> FC(10)",
    "INPUT(3, 32, 32) -> CONV(padding=1, 8, 3) -> FC(10)": "INPUT(3, 32, 32) -> CONV(8, 3, padding=1) -> FC(10)",
    "INPUT(3, 32, 32) -> CONV(8, 3, padding='same')": 'INPUT(3, 32, 32) -> CONV(8, 3, padding="same")',
    "INPUT(3, 8, 8) -> Conv2d(3, 16, 3, padding=1) -> BN(16) -> Linear(1024, 10)":
        "INPUT(3, 8, 8) -> Conv2d(16, 3, padding=1, bias=false) -> BN -> Linear(10)",
    "// a net\nINPUT(3, 8, 8) -> FC(10)": "# a net\nINPUT(3, 8, 8) -> FC(10)",
    "model N = INPUT(3, 8, 8) -> FC(10)\nassert N.output = 10":
        "model N = INPUT(3, 8, 8) -> FC(10)\nassert N.output == 10",
    "INPUT(3, 8, 8) -> CNV(4, 1) RELU -> [POOOL]*2 -> Dense(10)":
        "INPUT(3, 8, 8) -> CONV(4, 1) -> RELU -> [POOL]*2 -> FC(10)",
}  # fmt: skip
"""Slips that say what was meant, several of them hiding others."""

WARNED = {
    "INPUT(3, 8, 8) -> [CONV(4, 3x3, padding=1) -> BN -> RELU]*3 -> FC(10)":
        "INPUT(3, 8, 8) -> [CONV(4, 3x3, padding=1, bias=false) -> BN -> RELU]*3 -> FC(10)",
    "INPUT(3, 8, 8) -> CNV(4, 3x3) -> BN -> RELU -> Dense(10)":
        "INPUT(3, 8, 8) -> CONV(4, 3x3, bias=false) -> BN -> RELU -> FC(10)",
    "default CONV(4, 3x3)\nINPUT(3, 8, 8) -> CONV -> BN -> RELU -> FC(10)":
        "default CONV(4, 3x3)\nINPUT(3, 8, 8) -> CONV(4, 3x3, bias=false) -> BN -> RELU -> FC(10)",
    'from "zoo:resnet" import stage, basic\nmodel N = INPUT(16, 8, 8) -> basic(16) -> FC(10)':
        'from "zoo:resnet" import basic\nmodel N = INPUT(16, 8, 8) -> basic(16) -> FC(10)',
    'from "zoo:resnet" import stage\nmodel N = INPUT(16, 8, 8) -> FC(10)': "model N = INPUT(16, 8, 8) -> FC(10)",
    "# allow: even-kernel, large-pooling\nINPUT(784) -> FC(10)  # allow: large-kernel\n": "INPUT(784) -> FC(10)\n",
    "INPUT(784) -> FC(10) -> SOFTMAX  # allow: activation-befor-loss: as in the book\n":
        "INPUT(784) -> FC(10) -> SOFTMAX  # allow: activation-before-loss: as in the book\n",
    "INPUT(3, 8, 8) -> x: _ -> CONV(4, 3) -> RELU -> FC(10)": "INPUT(3, 8, 8) -> CONV(4, 3) -> RELU -> FC(10)",
}  # fmt: skip
"""Warnings whose ways out leave the network as it is."""

CHOICES = (
    "INPUT(3, 7, 7) -> CONV(8, 3x3, stride=3) -> FC(10)",
    "INPUT(3, 8, 8) -> CONV(8, 99) -> FC(10)",
    "INPUT(6, 8, 8) -> CONV(6, 1, groups=4) -> FC(10)",
    "INPUT(3, 8, 8) -> RELUUU -> FC(10)",
    "INPUT(784) -> FC(10) -> SOFTMAX",
    "let spare = 1\nmodel N = INPUT(784) -> FC(10)",
)
"""Errors and warnings whose ways out make different networks."""


@pytest.fixture
def archc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        return int(str(caught.value.code)), *capsys.readouterr()

    return run


@pytest.mark.parametrize("text", SAFE)
def test_slips_are_corrected(text: str) -> None:
    fixed = fix_source(Source("net.arch", text), Request(), unsafe=False)
    assert fixed.source.text == SAFE[text]
    assert fixed.outcome.ok and check_source(fixed.source).ok
    assert fixed.changes and all(change.remedy.safe for change in fixed.changes)


@pytest.mark.parametrize("text", WARNED)
def test_warnings_are_mended(text: str) -> None:
    fixed = fix_source(Source("net.arch", text), Request(), unsafe=False, importer=FileImporter("net.arch"))
    assert (fixed.source.text, fixed.outcome.diagnostics) == (WARNED[text], ())


def test_allowed_warnings_are_left_alone() -> None:
    source = Source("net.arch", next(iter(WARNED)))
    assert fix_source(source, Request(), unsafe=True, allow=["bias-before-norm"]).source is source
    assert fix_source(source, Request(), unsafe=False, deny=["all"]).outcome.ok
    with pytest.raises(Diagnosed, match="bias-before"):
        fix_source(source, Request(), unsafe=False, allow=["bias-before"])


def test_warnings_on_the_command_line(archc: Run) -> None:
    text = "INPUT(784) -> FC(64) -> BN -> RELU -> FC(10) -> SOFTMAX\n"
    Path("net.arch").write_text(text)
    status, out, err = archc("check", "net.arch", "--fix", "--allow", "bias-before-nrm")
    assert (status, out) == (2, "") and "unknown-code" in err and err.count("error") == 3
    status, _, err = archc("check", "net.arch", "--fix", "--allow", "all")
    assert (status, err, Path("net.arch").read_text()) == (0, "", text)
    status, _, err = archc("check", "net.arch", "--fix", "--deny", "activation-before-loss")
    assert status == 1 and "fixed net.arch:1:20: bias=false" in err and "1 error" in err
    assert Path("net.arch").read_text() == text.replace("64", "64, bias=false")
    status, _, err = archc("check", "net.arch", "--fix", "--unsafe-fixes")
    assert status == 0 and Path("net.arch").read_text() == "INPUT(784) -> FC(64, bias=false) -> BN -> RELU -> FC(10)\n"


@pytest.mark.parametrize("text", CHOICES)
def test_what_changes_the_architecture_is_the_authors_choice(text: str) -> None:
    source = Source("net.arch", text)
    fixed = fix_source(source, Request(), unsafe=False)
    assert (fixed.source, fixed.changes, fixed.unsafe) == (source, (), 1)
    other = fix_source(source, Request(), unsafe=True)
    assert other.outcome.ok and other.source.text != text and other.unsafe == 0


def test_a_fixed_file_is_written_and_reported(archc: Run) -> None:
    Path("net.arch").write_text("INPUT(3, 8, 8) -> CNV(4, 3) -> FC(10)\n")
    status, out, err = archc("check", "net.arch", "--fix")
    assert (status, err) == (0, "fixed net.arch:1:19: write `CONV` [unknown-layer]\n")
    assert out.startswith("Net: 3x8x8 -> 10\n")
    assert Path("net.arch").read_text() == "INPUT(3, 8, 8) -> CONV(4, 3) -> FC(10)\n"
    assert archc("check", "net.arch", "--fix")[2] == ""


def test_what_remains_is_reported(archc: Run) -> None:
    text = "INPUT(3, 7, 7) -> CNV(8, 3x3, stride=3) -> FC(10)\n"
    Path("net.arch").write_text(text)
    status, out, err = archc("check", "net.arch", "--fix")
    assert status == 1 and "--unsafe-fixes" in err and "error[stride-drops-input]" in err
    assert Path("net.arch").read_text() == text.replace("CNV", "CONV")
    status, out, _ = archc("check", "net.arch", "--fix", "--unsafe-fixes")
    assert status == 0 and out.startswith("Net: 3x7x7 -> 10")


@pytest.mark.parametrize("text", ["INPUT(3, 8, 8) -> QQQQQ -> FC(10)\n", "INPUT(3, 8, 8) -> [\n", "\n", CHOICES[0]])
def test_a_file_without_safe_ways_out_is_left_alone(archc: Run, text: str) -> None:
    Path("net.arch").write_text(text)
    before = Path("net.arch").stat()
    status, _, err = archc("check", "net.arch", "--fix")
    assert status == 1 and "fixed" not in err
    after = Path("net.arch").stat()
    assert (after.st_ino, after.st_mtime_ns, Path("net.arch").read_text()) == (before.st_ino, before.st_mtime_ns, text)


def test_imported_files_are_left_alone(archc: Run) -> None:
    block, net = "block b = CNV(4, 3)\n", 'from "b.arch" import b\nmodel N = INPUT(3, 8, 8) -> b -> FCC(10)\n'
    Path("b.arch").write_text(block)
    Path("net.arch").write_text(net)
    assert archc("check", "net.arch", "--fix")[0] == 1
    assert Path("b.arch").read_text() == block


def test_several_files(archc: Run) -> None:
    for name in ("a.arch", "b.arch", "good.arch"):
        Path(name).write_text("INPUT(3, 8, 8) -> Dense(10)\n" if name < "g" else "INPUT(3, 8, 8) -> FC(10)\n")
    status, _, err = archc("check", "a.arch", "good.arch", "b.arch", "--fix")
    assert status == 0 and [line.split(":")[0] for line in err.splitlines()] == ["fixed a.arch", "fixed b.arch"]
    assert {Path(name).read_text() for name in ("a.arch", "b.arch", "good.arch")} == {"INPUT(3, 8, 8) -> FC(10)\n"}


def test_texts_come_out_on_standard_output(archc: Run) -> None:
    status, out, err = archc("check", "-", "--fix", stdin="INPUT(3, 8, 8) -> Dense(10)\n")
    assert (status, out) == (0, "INPUT(3, 8, 8) -> FC(10)\n") and err.startswith("fixed <stdin>:1:19")
    status, out, err = archc("check", "-e", "INPUT(3, 8, 8) -> QQQQ", "--fix")
    assert (status, out) == (1, "INPUT(3, 8, 8) -> QQQQ\n") and "unknown-layer" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["zoo:alexnet", "--fix"],
        ["net.json", "--fix"],
        ["-", "--fix", "--format", "json"],
        ["net.arch", "--unsafe-fixes"],
        ["net.arch", "--fix", "--all"],
        ["zoo:resnet", "--fix", "--allow", "all"],
    ],
)
def test_what_cannot_be_fixed_is_wrong_usage(archc: Run, arguments: list[str]) -> None:
    status, out, err = archc("check", *arguments)
    assert (status, out) == (2, "") and "fix" in err


def test_a_missing_file_and_one_that_cannot_be_written(archc: Run) -> None:
    assert archc("check", "missing.arch", "--fix")[0] == 2
    Path("bytes.arch").write_bytes(b"\xff\xfe")
    assert archc("check", "bytes.arch", "--fix")[0] == 2
    assert Path("bytes.arch").read_bytes() == b"\xff\xfe"


def test_a_link_stays_a_link(archc: Run) -> None:
    Path("net.arch").write_text("INPUT(3, 8, 8) -> Dense(10)\n")
    Path("link.arch").symlink_to("net.arch")
    assert archc("check", "link.arch", "--fix")[0] == 0
    assert Path("link.arch").is_symlink() and Path("net.arch").read_text() == "INPUT(3, 8, 8) -> FC(10)\n"


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(SAFE)), st.booleans(), st.data())
def test_line_ends_and_byte_order_mark_stay(text: str, mark: bool, data: st.DataObject) -> None:
    """Comments and blank lines with either line end; all but the fixes is as it was."""
    ends = st.sampled_from(["\n", "\r\n"])
    before = "".join(f"# line {i}{data.draw(ends)}" for i in range(data.draw(st.integers(0, 3))))
    broken = text.replace(" -> ", data.draw(ends) + " -> ", 1)
    raw = "\ufeff" * mark + before + broken + data.draw(ends)
    source = Source("net.arch", raw.removeprefix("\ufeff").replace("\r\n", "\n"))
    fixed = fix_source(source, Request(), unsafe=False)
    restored = with_line_ends(raw, fixed)
    assert restored.removeprefix("\ufeff").replace("\r\n", "\n") == fixed.source.text
    assert restored.count("\r\n") == raw.count("\r\n") and restored.startswith("\ufeff") == mark
    assert fixed.outcome.ok


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.sampled_from(["CNV(4, 3)", "RELU", "POOOL", "CONV(4, 3 x 3)", "BN(4)", "CONV(strid=2, 4, 3)"]), max_size=5
    )
)
def test_rounds_end_with_fewer_errors(stages: list[str]) -> None:
    source = Source("net.arch", "INPUT(3, 64, 64) -> " + " ".join([*stages, "FCC(10)"]))
    before, fixed = check_source(source), fix_source(source, Request(), unsafe=False)
    assert bool(fixed.changes) != (fixed.source.text == source.text)
    assert not fixed.changes or fixed.outcome.badness[0] < before.badness[0] or not before.badness[0]
    again = fix_source(fixed.source, Request(), unsafe=False)
    assert again.changes == ()
