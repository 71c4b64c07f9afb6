"""The command line: exit status, the two outputs, formats, options, and what becomes of files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archlang import __version__
from archlang.cli import main, options
from archlang.reading import LARGEST_FILE

NET = (
    "model Net(classes = 10, depth = 1) = INPUT(3, 32, 32) -> [CONV(8, 3x3, padding=1) -> RELU]*depth -> FC(classes)\n"
)
TWO = NET + "model Other = INPUT(1, 28, 28) -> FC(10)\n"
BROKEN = "model Net = INPUT -> CONV(8, 99x99) -> FC(10)\n"


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def archc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        sys.stdout.flush()
        return Result(int(str(caught.value.code)), *capfd.readouterr())

    return run


def write(name: str, text: str | bytes) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def codes(result: Result) -> list[str]:
    return re.findall(r"(?:error|warning)\[([a-z-]+)\]", result.err)


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def process(arguments: Sequence[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "archlang", *arguments]
    return subprocess.run(command, timeout=60, check=False, **{"capture_output": True, **options})


# ---- exit status and outputs -------------------------------------------------------------------------


def test_a_good_file_is_reported_on_standard_output(archc: Run) -> None:
    result = archc("check", write("net.arch", NET))
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("Net: 3x32x32 -> 10\n")
    assert result.out.endswith("\n")
    assert "Total params" in result.out


def test_errors_go_to_standard_error_with_status_1(archc: Run) -> None:
    result = archc("check", write("net.arch", BROKEN))
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("net.arch:1:30: error[kernel-too-large]: a window of 99x99 does not fit")
    assert result.err.endswith("\n1 error\n")
    assert "\x1b" not in result.err


@pytest.mark.parametrize(
    ("target", "reason", "meant"),
    [
        ("nets", "it is a folder\n  = note: it holds a.arch and b.arch\n\n", None),
        ("nets/one", "it is a folder\n  = note: it holds c.arch\n", "nets/one/c.arch"),
        ("nets/none.arch", "it is a folder\n\n", None),
        ("nets/A.arch", "no such file or directory\n", "nets/a.arch"),
        ("alexnet", "no such file or directory\n", "zoo:alexnet"),
        ("ZOO:AlexNet", "no such file or directory\n", "zoo:alexnet"),
        ("zoo:alexnt", "no such file or directory\n", "zoo:alexnet"),
    ],
)
def test_what_was_meant_by_a_path(archc: Run, target: str, reason: str, meant: str | None) -> None:
    for path in ("nets/b.arch", "nets/a.arch", "nets/one/c.arch", "nets/none.arch/x.txt"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write(path, NET)
    result = archc("check", target)
    assert (result.status, result.out) == (2, "")
    helps = f"help: did you mean `{meant}`?\n\n" if meant else ""
    assert result.err == f"{target}: error[cannot-read]: cannot read the file: {reason}{helps}1 error\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "missing.arch"], "cannot-read"),
        (["check", "folder"], "cannot-read"),
        (["check", "net.arch/net.arch"], "cannot-read"),
        (["check", ""], "cannot-read"),
        (["check", "a\0b"], "cannot-read"),
        (["check", "zoo:"], "cannot-read"),
        (["check", "zoo:../net"], "cannot-read"),
        (["check", "zoo:alexnt"], "cannot-read"),
        (["check", "binary.arch"], "not-text"),
        (["check", "net.arch", "-m", "Nett"], "unknown-model"),
        (["check", "net.arch", "-m", ""], "unknown-model"),
        (["check", "net.arch", "-D", "class=3"], "unknown-parameter"),
        (["check", "net.arch", "-D", "classes"], "bad-option"),
        (["check", "net.arch", "-D", "classes="], "bad-option"),
        (["check", "net.arch", "-D", "classes=x y"], "bad-option"),
        (["check", "net.arch", "-D", "classes=1/0"], "bad-option"),
        (["check", "net.arch", "-D", "classes=1 model B = INPUT"], "bad-option"),
        (["check", "net.arch", "-D", "classes=" + "-" * 50_000 + "1"], "bad-option"),
        (["check", "net.arch", "-D", "classes=Net().macs"], "bad-option"),
        (["check", "net.arch", "-D", "1=1"], "bad-option"),
        (["check", "net.arch", "--input", "3,"], "bad-option"),
        (["check", "net.arch", "--input", "0,1,1"], "bad-option"),
        (["check", "net.arch", "--input", "1,1,1,1,1"], "bad-option"),
        (["check", "net.json"], "not-a-model-file"),
        (["compile", "net.arch", "-o", "net.xyz"], "unknown-format"),
        (["compile", "net.arch", "-o", "net"], "unknown-format"),
        (["compile", "net.arch", "-o", "net.svg"], "unknown-format"),
        (["render", "net.arch", "-o", "net.py"], "unknown-format"),
        (["compile", "net.arch", "-o", "missing/net.py"], "cannot-write"),
        (["compile", "net.arch", "-o", "net.arch/net.py"], "cannot-write"),
        (["compile", "net.arch", "-o", "folder.py"], "cannot-write"),
        (["compile", "net.arch", "-o", "a\0.py"], "cannot-write"),
    ],
)
def test_wrong_use_has_status_2(archc: Run, arguments: list[str], code: str) -> None:
    write("net.arch", NET)
    write("net.json", "{}")
    write("binary.arch", b"INPUT -> FC # \xff")
    Path("folder").mkdir()
    Path("folder.py").mkdir()
    before = files()
    result = archc(*arguments)
    assert (result.status, codes(result), result.out) == (2, [code], "")
    assert files() == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chek"],
        ["check"],
        ["compile"],
        ["check", "net.arch", "--what"],
        ["check", "net.arch", "-e", "INPUT -> FC"],
        ["check", "net.arch", "--batch", "0"],
        ["check", "net.arch", "--dtype", "int8"],
        ["check", "net.arch", "--format", "yaml"],
        ["compile", "net.arch", "other.arch"],
        ["check", "net.arch", "-D"],
    ],
)
def test_wrong_options_have_status_2(archc: Run, arguments: list[str]) -> None:
    result = archc(*arguments)
    assert result.status == 2
    assert result.out == ""
    assert "Usage: archc" in result.err or "Error: " in result.err


def test_help_and_version(archc: Run) -> None:
    assert archc("--version").out == f"archc, version {__version__}\n"
    for command in ([], ["check"], ["compile"], ["render"], ["zoo"]):
        result = archc(*command, "-h")
        assert (result.status, result.err) == (0, "")
        assert result.out.startswith("Usage: archc")


def test_a_fault_has_status_3_and_says_so(archc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(options, "check_target", fail)
    result = archc("check", "net.arch")
    assert (result.status, result.out) == (3, "")
    assert "a fault of archlang itself, not of your file: KeyError: 'oops'" in result.err
    assert "Traceback" not in result.err


def test_a_large_file_is_not_read(archc: Run) -> None:
    assert "file-too-large" in codes(archc("check", write("large.arch", b"#" * (LARGEST_FILE + 1))))
    with Path("sparse.arch").open("wb") as file:
        file.truncate(50_000_000)
    result = archc("check", "sparse.arch")
    assert (result.status, codes(result)) == (2, ["file-too-large"])
    assert archc("check", "-", stdin=b"#" * (LARGEST_FILE + 1)).status == 2
    if Path("/dev/zero").exists():
        assert codes(archc("check", "/dev/zero")) == ["file-too-large"]


# ---- where the text comes from -----------------------------------------------------------------------


def test_text_from_standard_input_and_the_command_line(archc: Run) -> None:
    assert archc("check", "-", stdin=NET.encode()).out.startswith("Net: 3x32x32 -> 10\n")
    assert archc("check", "-e", "INPUT(1, 28, 28) -> FC(10)").out.startswith("Net: 1x28x28 -> 10\n")
    assert archc("check", "-", stdin=b"INPUT CONV").err.startswith("<stdin>:1:7: error[missing-arrow]")
    assert archc("check", "-e", "INPUT CONV").err.startswith("<text>:1:7: error[missing-arrow]")
    assert codes(archc("check", "-", stdin=b"\xff\xfe")) == ["not-text"]
    assert codes(archc("check", "-", stdin=b"")) == ["empty-file"]
    assert archc("check", "-e", "").status == 1


@pytest.mark.parametrize("text", [b"\xef\xbb\xbfINPUT -> FC(3)", b"INPUT\r\n-> FC(3)\r\n", b"\tINPUT ->\tFC(3)"])
def test_byte_order_mark_line_ends_and_tabs(archc: Run, text: bytes) -> None:
    assert archc("check", write("net.arch", text)).out.startswith("Net: 3x32x32 -> 3\n")


def test_lines_are_counted_behind_a_byte_order_mark_and_windows_line_ends(archc: Run) -> None:
    result = archc("check", write("net.arch", b"\xef\xbb\xbf# net\r\nINPUT -> RELUU\r\n"))
    assert result.err.startswith("net.arch:2:10: error[unknown-layer]")


def test_the_zoo(archc: Run) -> None:
    assert "LeNet5 " in archc("check", "zoo:lenet").out
    result = archc("zoo")
    assert (result.status, result.err) == (0, "")
    assert "zoo:alexnet\n  AlexNet " in result.out
    assert archc("compile", "zoo:alexnet", "-o", "-").out.startswith('"""AlexNet')


def test_several_files(archc: Run) -> None:
    result = archc(
        "check", write("a.arch", NET), write("b.arch", BROKEN), write("c.arch", "INPUT -> FC(3)"), "none.arch"
    )
    assert result.status == 2
    assert [line.split()[0] for line in result.out.splitlines()[:1]] == ["Net"]
    assert result.out.count("params") == 2
    assert codes(result) == ["kernel-too-large", "cannot-read"]
    assert archc("check", "a.arch", "b.arch").status == 1


def test_a_file_name_of_any_bytes(archc: Run) -> None:
    for name in ("-net.arch", "a b.arch", 'q"""+x.arch', "nét.arch", "\udcff.arch", "x;y.arch"):
        try:
            Path(name).write_text("INPUT -> FC(3)")
        except (OSError, UnicodeEncodeError):
            continue
        assert archc("check", "--", name).status == 0
        assert archc("compile", "-o", "out.py", "--", name).status == 0
        compile(Path("out.py").read_text(encoding="utf-8"), "out.py", "exec")
        assert archc("compile", "-o", "out.json", "--", name).status == 0
        assert archc("check", "--format", "json", "--", name).status == 0


# ---- formats -----------------------------------------------------------------------------------------


def test_json(archc: Run) -> None:
    result = archc("check", write("net.arch", TWO), "--format", "json")
    report = json.loads(result.out)
    assert list(report) == ["schema", "ok", "models", "diagnostics"]
    assert (report["schema"], report["ok"], report["diagnostics"]) == (1, True, [])
    net, other = report["models"]
    assert (net["name"], other["name"]) == ("Net", "Other")
    assert net["inputs"] == [{"name": "input", "shape": [3, 32, 32]}]
    assert net["outputs"] == [{"name": "output", "shape": [10]}]
    assert net["parameters"] == {"total": 224 + 81_930, "trainable": 224 + 81_930}
    assert (net["buffers"], net["flops"]) == (0, 2 * net["macs"])
    assert net["layers"][0] == {
        "name": "conv1", "op": "Conv2d", "output_shape": [8, 32, 32], "parameters": 224, "macs": 221_184,
        "line": 1, "column": 59,
        "input_shapes": [[3, 32, 32]], "kernel_size": [3, 3], "activations": 8_192, "connected_to": ["input"],
    }  # fmt: skip
    assert [layer["name"] for layer in net["layers"]] == ["conv1", "relu1", "fc1"]
    assert sum(layer["macs"] for layer in net["layers"]) == net["macs"]


def test_json_of_diagnostics(archc: Run) -> None:
    result = archc(
        "check", write("net.arch", "INPUT(1, 7, 7) -> CONV(8, 3x3, stride=3) -> FC(10)\n"), "--format", "json"
    )
    report = json.loads(result.out)
    assert (result.status, report["ok"], report["models"]) == (1, False, [])
    (found,) = report["diagnostics"]
    assert {key: found[key] for key in ("severity", "code", "file", "line", "column", "end_line", "end_column")} == {
        "severity": "error", "code": "stride-drops-input", "file": "net.arch",
        "line": 1, "column": 32, "end_line": 1, "end_column": 40,
    }  # fmt: skip
    assert found["message"] and found["notes"]
    assert found["helps"][0] == {
        "message": "padding=1 gives 8x3x3",
        "edits": [{"line": 1, "column": 40, "end_line": 1, "end_column": 40, "text": ", padding=1"}],
    }
    missing = json.loads(archc("check", "none.arch", "--format", "json").out)["diagnostics"][0]
    assert (missing["line"], missing["column"], missing["file"]) == (None, None, "none.arch")


def test_csv(archc: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(archc("check", write("net.arch", TWO), "--format", "csv").out)))
    assert {row["model"] for row in rows} == {"Net", "Other"}
    assert sum(int(row["parameters"]) for row in rows if row["model"] == "Net") == 82_154


def test_markdown(archc: Run) -> None:
    out = archc("check", write("net.arch", TWO), "--format", "md").out
    assert out.startswith("## Net\n")
    assert "| **Total** |" in out


def test_text_of_several_models_is_a_line_for_each(archc: Run) -> None:
    lines = archc("check", write("net.arch", TWO)).out.splitlines()
    assert [line.split()[:3] for line in lines] == [["Net", "->", "10"], ["Other", "->", "10"]]


def test_batch_and_dtype(archc: Run) -> None:
    out = archc("check", write("net.arch", NET), "--batch", "4", "--dtype", "float16").out
    assert "as float16" in out
    assert "for a batch of 4" in out


def test_too_many_rows_for_json(archc: Run) -> None:
    result = archc("check", "-e", "INPUT -> [RELU]*5_000_000", "--format", "json")
    assert (result.status, codes(result), result.out) == (1, ["flat-too-large"], "")
    assert archc("check", "-e", "INPUT -> [RELU]*5_000_000").status == 0


# ---- options -----------------------------------------------------------------------------------------


def test_model_and_bindings(archc: Run) -> None:
    write("net.arch", TWO)
    assert archc("check", "net.arch", "-m", "Other").out.startswith("Other: 1x28x28 -> 10\n")
    out = archc("check", "net.arch", "-m", "Net", "-D", "classes=5", "-D", "depth = 2").out
    assert out.startswith("Net: 3x32x32 -> 5\n")
    assert "conv2" in out
    assert "did you mean `Other`?" in archc("check", "net.arch", "-m", "Othr").err
    assert "did you mean `classes`?" in archc("check", "net.arch", "-D", "clases=5").err
    assert "--input 3,256,256" in archc("check", "net.arch", "-D", "W=256").err
    assert codes(archc("check", "net.arch", "-m", "Net", "-D", 'depth="two"')) == ["bad-repeat"]


def test_input(archc: Run) -> None:
    write("net.arch", NET)
    assert archc("check", "net.arch", "--input", "1,28,28").out.startswith("Net: 1x28x28 -> 10\n")
    assert archc("check", "net.arch", "--input", "1x28x28").out.startswith("Net: 1x28x28 -> 10\n")
    assert archc("check", "net.arch", "--input", "input=1,28,28").out.startswith("Net: 1x28x28 -> 10\n")


def test_strict(archc: Run) -> None:
    text = "INPUT(3, 224, 224) -> CONV(64, 7x7, stride=2, padding=3) -> FC(10)"
    assert archc("check", "-e", text).status == 0
    assert codes(archc("check", "-e", text, "--strict")) == ["not-whole"]


FAMILY = "model Net(N in 0..2, w in [8, 16]) = INPUT -> [CONV(w, 1x1)]*N -> FC"


def test_family(archc: Run) -> None:
    write("net.arch", FAMILY)
    assert archc("check", "net.arch", "--all").out.endswith("6 members of Net\n")
    assert archc("check", "net.arch", "--all", "-D", "w=8").out.endswith("3 members of Net\n")
    out = archc("check", "net.arch", "--where", "layers > 1 and w == 16", "--sort", "-parameters", "--limit", "1").out
    assert out.startswith("N=2 w=16 ")
    assert json.loads(archc("check", "net.arch", "--all", "--format", "json").out)["count"] == 6


def test_an_order_leaves_nobody_out(archc: Run) -> None:
    """Members with errors come last, in their own order, and the status tells of them."""
    text = "model Net(k in [9, 3, 1], w in [8, 4]) = INPUT(3, 5, 5) -> CONV(w, k)"
    plain = archc("check", write("net.arch", text), "--all")
    ordered = archc("check", "net.arch", "--all", "--sort", "parameters")
    assert plain.status == ordered.status == 1
    assert sorted(plain.out.splitlines()) == sorted(ordered.out.splitlines())
    starts = [line[:7] for line in ordered.out.splitlines()]
    assert starts[:6] == ["k=1 w=4", "k=1 w=8", "k=3 w=4", "k=3 w=8", "k=9 w=8", "k=9 w=4"]
    assert archc("check", "net.arch", "--all", "--sort", "parameters", "--limit", "4").status == 0
    assert archc("check", "net.arch", "--where", "macs >= 0", "--sort", "macs").status == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--where", "layers"], "bad-condition"),
        (["--where", "layers <"], "bad-condition"),
        (["--where", "layers < 1 model A = INPUT"], "bad-condition"),
        (["--where", "Net().layers > 1"], "bad-condition"),
        (["--where", "depth > 1"], "unknown-name"),
        (["--where", "layers / 0 > 1"], "division-by-zero"),
        (["--where", "10**10**10 > 1"], "value-too-large"),
        (["--sort", "none"], "bad-condition"),
        (["--sort", "output if N > 0 else 1"], "bad-condition"),
        (["--sort", "depth"], "unknown-name"),
        (["-m", "Nett"], "unknown-model"),
    ],
)
def test_bad_family_options(archc: Run, arguments: list[str], code: str) -> None:
    result = archc("check", write("net.arch", FAMILY), "--all", *arguments)
    assert result.status in (1, 2)
    assert (codes(result), result.out) == ([code], "")


# ---- imports -----------------------------------------------------------------------------------------


def test_imports(archc: Run) -> None:
    write("parts/unit.arch", 'from "width.arch" import w\nblock unit = CONV(w, 1x1) -> BN\n')
    write("parts/width.arch", "let w = 7\n")
    write("net.arch", 'from "parts/unit.arch" import unit, w\nmodel Net = INPUT -> unit -> FC(w)\n')
    assert archc("check", "net.arch").out.startswith("Net: 3x32x32 -> 7\n")
    assert archc("check", "-", stdin=Path("net.arch").read_bytes()).status == 0
    assert archc("check", "-e", 'from "parts/unit.arch" import unit INPUT -> unit').status == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("none.arch", "cannot-import"),
        ("parts", "cannot-import"),
        ("", "cannot-import"),
        ("a\0b", "cannot-import"),
        ("binary.arch", "cannot-import"),
        ("large.arch", "cannot-import"),
        ("zoo:../parts/unit", "cannot-import"),
        ("zoo:wibble", "cannot-import"),
        ("net.arch", "import-cycle"),
        ("circle.arch", "import-cycle"),
        ("/etc/passwd", "import-outside-root"),
        ("../unit.arch", "import-outside-root"),
        ("parts/../../unit.arch", "import-outside-root"),
        ("link.arch", "import-outside-root"),
        ("broken.arch", "unclosed-bracket"),
        ("empty.arch", "empty-file"),
        ("other.arch", "nothing-to-import"),
    ],
)
def test_bad_import(archc: Run, path: str, code: str) -> None:
    Path("parts").mkdir()
    Path("link.arch").symlink_to("/etc/hosts")
    write("binary.arch", b"\xff")
    write("large.arch", b"#" * (LARGEST_FILE + 1))
    write("circle.arch", 'from "net.arch" import unit\n')
    write("broken.arch", "block unit = [CONV\n")
    write("empty.arch", "")
    write("other.arch", "block units = RELU\n")
    result = archc("check", write("net.arch", f'from "{path}" import unit\nmodel Net = INPUT -> FC(3)\n'))
    assert (result.status, codes(result)) == (1, [code])


def test_a_long_chain_of_imports(archc: Run) -> None:
    for i in range(300):
        write(f"f{i}.arch", f'from "f{i + 1}.arch" import unit\n')
    write("f300.arch", "block unit = RELU\n")
    assert archc("check", write("net.arch", 'from "f0.arch" import unit\nmodel Net = INPUT -> unit\n')).status == 0


# ---- writing -----------------------------------------------------------------------------------------


def test_default_output(archc: Run) -> None:
    result = archc("compile", write("my_net.arch", "model MyNet = INPUT -> FC\nmodel LeNet5 = INPUT -> FC(5)\n"))
    assert (result.status, result.out, result.err) == (0, "", "wrote my_net.py: MyNet\n")
    assert archc("compile", "my_net.arch", "-m", "LeNet5").err == "wrote le_net5.py: LeNet5\n"
    assert archc("compile", "-e", "INPUT -> FC", "-o", "x.json").err == "wrote x.json: Net\n"
    assert files() == ["le_net5.py", "my_net.arch", "my_net.py", "x.json"]


def test_standard_output(archc: Run) -> None:
    result = archc("compile", "-e", "INPUT -> FC", "-o", "-")
    assert (result.status, result.err, files()) == (0, "", [])
    assert "class Net(nn.Module)" in result.out
    assert archc("render", "-e", "INPUT -> FC", "-o", "-").out.startswith("<svg")


def test_outputs_round_trip(archc: Run) -> None:
    assert "(self, classes: int = 10)" in archc("compile", write("net.arch", NET), "-o", "-").out  # data has none
    source = archc(
        "compile",
        write("net.arch", NET.replace("(classes = 10, depth = 1)", "").replace("depth", "1").replace("classes", "10")),
        "-o",
        "-",
    ).out
    archc("compile", "net.arch", "-o", "model.JSON")
    archc("compile", "net.arch", "-o", "model.json")
    assert archc("compile", "model.json", "-o", "-").out == source
    assert archc("check", "model.json").out == archc("check", "net.arch").out


def test_an_existing_file_is_replaced_and_keeps_its_mode(archc: Run) -> None:
    write("net.py", "old")
    Path("net.py").chmod(0o640)
    assert archc("compile", "-e", "INPUT -> FC", "-o", "net.py").status == 0
    assert Path("net.py").stat().st_mode & 0o777 == 0o640
    assert "class Net" in Path("net.py").read_text()
    assert files() == ["net.py"]


@pytest.mark.parametrize("text", [BROKEN, "INPUT -> [CONV]*N", "INPUT CONV", "let a = 1"])
def test_after_an_error_nothing_is_written(archc: Run, text: str) -> None:
    write("net.arch", text)
    write("net.py", "old")
    for command in (["compile", "net.arch"], ["compile", "net.arch", "-o", "net.py"], ["render", "net.arch"]):
        result = archc(*command)
        assert (result.status, result.out) == (1, "")
        assert result.err.endswith("; nothing was written\n")
    assert files() == ["net.arch", "net.py"]
    assert Path("net.py").read_text() == "old"


@pytest.mark.parametrize("step", ["mkstemp", "chmod", "replace"])
def test_a_failed_write_leaves_everything_as_it_was(archc: Run, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    write("net.json", "old")

    def fail(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp" if step == "mkstemp" else f"pathlib.Path.{step}", fail)
    result = archc("compile", "-e", "INPUT -> FC", "-o", "net.json")
    assert (result.status, codes(result)) == (2, ["cannot-write"])
    assert "permission denied" in result.err
    assert files() == ["net.json"]
    assert Path("net.json").read_text() == "old"


def test_a_read_only_folder(archc: Run) -> None:
    folder = Path("locked")
    folder.mkdir()
    folder.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write anywhere")
        assert codes(archc("compile", "-e", "INPUT -> FC", "-o", "locked/net.json")) == ["cannot-write"]
    finally:
        folder.chmod(0o700)


# ---- model files that archc did not write ------------------------------------------------------------


def change(model: Any, path: str, value: Any) -> Any:
    """A copy of a model's JSON with the value at a path replaced."""
    changed = json.loads(json.dumps(model))
    *way, last = (int(word) if word.lstrip("-").isdigit() else word for word in path.split("."))
    place = changed
    for word in way:
        place = place[word]
    place[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("bodies", []),
        ("bodies.-1.nodes.0.body", 99),
        ("bodies.-1.nodes.0.body", -1),
        ("bodies.-1.nodes.0.body", 5),
        ("bodies.-1.nodes.0.inputs", []),
        ("bodies.-1.inputs", [[3, 32, 31]]),
        ("bodies.-1.outputs", []),
        ("bodies.-1.outputs", [{"node": 7, "port": 0}]),
        ("bodies.0.nodes.0.inputs", [{"node": 0, "port": 0}]),
        ("bodies.0.nodes.0.inputs", [{"node": -1, "port": 7}]),
        ("bodies.0.nodes.0.inputs", [{"node": -2, "port": 0}]),
        ("bodies.0.nodes.0.inputs", []),
        ("bodies.0.nodes.0.outputs", []),
        ("bodies.0.nodes.0.outputs", [[1, 2, 3]]),
        ("bodies.0.nodes.0.op.out_channels", -3),
        ("bodies.0.nodes.0.op.in_channels", 4),
        ("bodies.0.nodes.0.op.stride", [0, 0]),
        ("bodies.0.nodes.0.op.stride", []),
        ("bodies.0.nodes.0.op.op", "what"),
        ("bodies.0.nodes.0.name", {"base": "x; import os", "index": None}),
        ("bodies.0.nodes.0.name", {"base": "forward", "index": None}),
        ("bodies.0.nodes.0.name", {"base": "x", "index": -1}),
        ("bodies.0.nodes.1.name", {"base": "", "index": 0}),
        ("bodies.0.definition", "import os"),
        ("bodies.4.nodes.0.runs.0.count", 0),
        ("bodies.4.nodes.0.runs.0.count", 2),
        ("bodies.4.nodes.0.runs.1.count", 10**12),
        ("bodies.4.nodes.0.runs.1.body", 4),
        ("bodies.4.nodes.0.runs", []),
        ("name", "import os"),
        ("name", "None"),
        ("name", "../../net"),
        ("inputs", []),
        ("inputs.0.shape", [1]),
        ("inputs.0.name", "x, y"),
        ("sides", [{"name": "aux", "port": 3, "training": True}]),
        ("arguments", [{"name": "a b", "value": 1}]),
        ("bodies.0.arguments", [{"name": "a b", "value": 1}]),
        ("bodies.0.arguments", [{"name": "a", "value": {"b": 1}}]),
    ],
)
def test_a_tampered_model_file(archc: Run, path: str, value: Any) -> None:
    archc("compile", "-e", "INPUT -> f: [CONV -> RELU]*3 -> FC", "-o", "model.json")
    model = json.loads(Path("model.json").read_text())
    write("changed.json", json.dumps(change(model, path, value)))
    for arguments in (["check", "changed.json"], ["compile", "changed.json", "-o", "-"]):
        result = archc(*arguments)
        assert (result.status, codes(result), result.out) == (2, ["not-a-model-file"], "")


def test_a_model_file_that_is_no_json(archc: Run) -> None:
    for text in (b"", b"\xff", b"null", b"[]", b'{"name": 1}', b"[" * 100_000, b"{" * 100_000, b'{"bodies": NaN}'):
        result = archc("check", write("model.json", text))
        assert (result.status, codes(result)) == (2, ["not-a-model-file"])


# ---- the process itself ------------------------------------------------------------------------------


def test_a_reader_that_goes_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = process(
        ["check", "zoo:resnet", "-m", "ResNet152", "--format", "json"], stdout=writing, capture_output=False, stderr=-1
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("arguments", [["check", "zoo:lenet"], ["compile", "zoo:lenet", "-o", "-"]])
def test_a_full_disk(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = process(arguments, stdout=full, stderr=-1, capture_output=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"archc: cannot write the output: ")


@pytest.mark.skipif(os.name != "posix", reason="closes descriptors by number")
@pytest.mark.parametrize(("text", "status"), [("INPUT -> FC", 0), ("INPUT -> FOO", 1)])
def test_closed_outputs(text: str, status: int) -> None:
    command = [sys.executable, "-m", "archlang", "check", "-e", text]
    for closing in (">&-", "2>&-", ">&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {closing}', "sh", *command], timeout=60, check=False, capture_output=True
        )
        assert done.returncode == status, closing


def test_plain_ascii_output() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    for arguments in (
        ["check", "zoo:unet", "-m", "UNet"],
        ["render", "zoo:lenet", "-o", "-"],
        ["check", "-e", "INPUT é"],
    ):
        done = process(arguments, env=environment)
        assert done.returncode in (0, 1), done.stderr
        assert done.stdout.isascii() and done.stderr.isascii()


def test_no_colour_in_a_pipe_and_control_characters_never() -> None:
    done = process(["check", "-e", "INPUT -> \x1b[31mCONV \x07"])
    assert done.returncode == 1
    assert b"\x1b" not in done.stderr and b"\x07" not in done.stderr
