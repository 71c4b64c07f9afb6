"""`archc explain`: pages of errors, held to what archc does, and explanations of layers, held to worked numbers."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from archlang import resources
from archlang.checking import Request, check_source
from archlang.cli import main
from archlang.diagnostics.text import render
from archlang.errors.catalog import catalog, example, meaning_and_reason
from archlang.errors.examples.example import FILE
from archlang.explain import code_list, diagnostics, page
from archlang.ir.graph import Model
from archlang.ir.ops import OPS
from archlang.ir.walk import flatten
from archlang.reading import check_target
from archlang.report.layer import explanation
from archlang.source import Source

ROOT = Path(__file__).parent.parent

NOT_RUN = {
    "broken-plugin": "needs a package that fails",
    "file-too-large": "the file would have megabytes",
    "missing-package": "the package is here",
    "not-text": "its bytes are no text",
    "text-too-long": "the file would have a hundred thousand words",
    "too-many-parts": "it takes seconds; the golden diagnostics have it",
}
"""Codes whose example is shown but not run, and why."""


def model(text: str) -> Model:
    outcome = check_source(Source("net.arch", text), Request(), choose_one=True)
    assert outcome.ok, render(outcome.diagnostics)
    return outcome.models[0]


def explain(text: str, path: str) -> str:
    return explanation(model(text), path)


@pytest.fixture
def archc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], tuple[int, str, str]]:
    """Runs a command in an empty folder: (exit status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> tuple[int, str, str]:
        words = shlex.split(command)
        assert words[0] == "archc"
        with pytest.raises(SystemExit) as caught:
            main(words[1:])
        out, err = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, out, err

    return run


# ---- pages of errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", catalog())
class TestPage:
    def test_says_what_and_why(self, code: str) -> None:
        what, why = meaning_and_reason(catalog()[code])
        assert what.endswith(".") and why.endswith("."), "the docstring has two paragraphs or more, the last says why"
        assert page(code).startswith(f"# {code}\n\n## What it means\n\n{what}\n\n## Why it is ")

    def test_example_has_this_problem_and_no_other(self, code: str) -> None:
        shown = example(code)
        assert shown is not None, "archlang/errors/examples has none"
        assert [diagnostic.code for diagnostic in diagnostics(shown)] == [code]

    def test_example_is_what_archc_says(self, code: str, archc: Callable[[str], tuple[int, str, str]]) -> None:
        shown = example(code)
        if code in NOT_RUN or shown is None:
            pytest.skip(NOT_RUN.get(code, ""))
        for name, text in {FILE: shown.text + "\n", **shown.files}.items():
            Path(name).write_text(text, encoding="utf-8")
        status, _, err = archc(shown.command)
        assert status in (1, 2) or catalog()[code].severity == "warning"
        assert err.startswith(render(diagnostics(shown)) + "\n")

    def test_fix_helps(self, code: str, archc: Callable[[str], tuple[int, str, str]]) -> None:
        shown = example(code)
        assert shown is not None and shown.fix.endswith(".")
        if code in {"not-text", "missing-package"}:
            pytest.skip(NOT_RUN[code])
        assert shown.fixed or shown.fixed_command
        for name, text in {FILE: (shown.fixed or shown.text) + "\n", **shown.files}.items():
            Path(name).write_text(text, encoding="utf-8")
        for command in (shown.fixed_command or shown.command).split(" && "):
            status, _, err = archc(command)
            assert (status, "error" in err, f"[{code}]" in err) == (0, False, False), err


def test_codes_are_listed() -> None:
    lines = code_list().splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(catalog())
    assert len(max(lines, key=len)) < 140


def test_documentation_has_a_page_for_each_code() -> None:
    pages = dict(generate().error_pages())
    folder = ROOT / "docs" / "errors"
    assert sorted(pages) == sorted([folder.with_suffix(".md"), *folder.iterdir()])
    assert [path.name for path, text in pages.items() if path.read_text(encoding="utf-8") != text] == []


def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestCommand:
    def test_code(self, archc: Callable[[str], tuple[int, str, str]]) -> None:
        assert archc("archc explain stride-drops-input") == (0, page("stride-drops-input"), "")

    def test_no_code_lists_all(self, archc: Callable[[str], tuple[int, str, str]]) -> None:
        assert archc("archc explain") == (0, code_list(), "")

    def test_unknown_code(self, archc: Callable[[str], tuple[int, str, str]]) -> None:
        status, out, err = archc("archc explain stride-drop-input")
        assert (status, out) == (2, "")
        assert "did you mean `stride-drops-input`?" in err

    def test_layer(self, archc: Callable[[str], tuple[int, str, str]]) -> None:
        status, out, err = archc("archc explain zoo:alexnet features.3")
        assert (status, err) == (0, "")
        assert out == explanation(check_target("zoo:alexnet", Request(), choose_one=True).models[0], "features.3")

    def test_options_of_a_model(self, archc: Callable[[str], tuple[int, str, str]]) -> None:
        text = "model A = INPUT(3, 8, 8) -> FC(1) model Net(k = 3) = INPUT(3, 32, 32) -> CONV(8, k)"
        status, out, _ = archc(f"archc explain -e '{text}' -m Net -D k=5 --input 1,16,16 conv1")
        assert status == 0
        assert "(5*5*1 + 1)*8 = 208" in out and "(16 + 2*0 - 5)/1 + 1 = 12" in out

    @pytest.mark.parametrize("words", ["zoo:alexnet", "missing.arch", "-e 'INPUT(8) -> FC(1)'", "a b c"])
    def test_wrong_number_of_arguments(self, words: str, archc: Callable[[str], tuple[int, str, str]]) -> None:
        status, out, err = archc(f"archc explain {words}")
        assert (status, out) == (2, "")
        assert "give a CODE, or a FILE and a LAYER of it" in err

    def test_options_without_a_file(self, archc: Callable[[str], tuple[int, str, str]]) -> None:
        status, out, err = archc("archc explain wrong-rank -D N=2")
        assert (status, out) == (2, "")
        assert "a CODE takes no options" in err

    def test_errors_of_the_file_come_first(self, archc: Callable[[str], tuple[int, str, str]]) -> None:
        status, out, err = archc("archc explain -e 'INPUT(3, 7, 7) -> POOL(2)' pool1")
        assert (status, out) == (1, "")
        assert "error[stride-drops-input]" in err

    def test_errors_outside_the_model_come_behind_it(self, archc: Callable[[str], tuple[int, str, str]]) -> None:
        text = "model Net = INPUT(3, 9, 9) -> CONV(8, 3) model Other = INPUT(3, 2, 2) -> CONV(8, 3)"
        sound = archc("archc explain -e 'INPUT(3, 9, 9) -> CONV(8, 3)' conv1")[1]
        status, out, err = archc(f"archc explain -m Net -e '{text} assert Net.parameters == 1' conv1")
        assert (status, out) == (1, sound)
        assert "does not hold: Net.parameters == 1" in err and "Net.parameters is 224" in err

    @pytest.mark.parametrize(
        ("path", "meant"), [("features.33", "features.3"), ("feature", "features"), ("avgpool.0", "avgpool")]
    )
    def test_unknown_layer(self, path: str, meant: str, archc: Callable[[str], tuple[int, str, str]]) -> None:
        status, out, err = archc(f"archc explain zoo:alexnet {path}")
        assert (status, out) == (2, "")
        assert f"AlexNet has no layer or part `{path}`" in err
        assert f"did you mean `{meant}`?" in err


# ---- layers ------------------------------------------------------------------------------------------

GOLDEN = {
    "conv": ("zoo:alexnet", "features.3"),
    "pool": ("zoo:alexnet", "features.2"),
    "fully_connected": ("zoo:alexnet", "classifier.1"),
    "part": ("zoo:alexnet", "features"),
    "input": ("zoo:alexnet", "input"),
    "grouped": ("zoo:mobilenet", "separable2.0.0"),
    "normalised": ("zoo:mobilenet", "separable2.0.1"),
    "upconv": ("zoo:unet", "level1.3"),
    "join": ("zoo:unet", "level1.concat1"),
    "block": ("zoo:unet", "level1.2"),
    "attention": ("zoo:vit", "encoder.layers.encoder_layer_0.self_attention"),
    "copies": ("zoo:vgg", "features"),
    "sequence": ("zoo:textcnn", "embedding1"),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_golden(case: str, golden: Callable[[str, str], None]) -> None:
    target, path = GOLDEN[case]
    golden(f"explain/{case}.txt", explanation(check_target(target, Request(), choose_one=True).models[0], path))


@pytest.mark.parametrize(
    ("text", "path", "lines"),
    [
        ("INPUT(3, 32, 32) -> CONV(10, 5x5)", "conv1", ["(F*F*D + 1)*K = (5*5*3 + 1)*10 = 760"]),
        (
            "INPUT(3, 227, 227) -> CONV(96, 11x11, stride=4)",
            "conv1",
            [
                "= (227 + 2*0 - 11)/4 + 1 = 55  (height and width)",
                "= 34,944",
                "55*55 = 3,025 positions: 105,705,600",
                "11*11*3 = 363",
            ],
        ),
        ("INPUT(3, 224, 224) -> CONV(96, 11x11, stride=4, round='floor')", "conv1", ["= 54.25, rounded down to 54"]),
        ("INPUT(3, 32, 32) -> MAXPOOL(3, stride=2, round='ceil')", "pool1", ["= 15.5, rounded up to 16"]),
        ("INPUT(64, 224, 224) -> MAXPOOL(2)", "pool1", ["(224 + 2*0 - 2)/2 + 1 = 112", "none: nothing is learned"]),
        ("INPUT(1, 7, 9) -> CONV(1, 3x3, dilation=2)", "conv1", ["F = d(k - 1) + 1 = 2*(3 - 1) + 1 = 5"]),
        ("INPUT(1, 7, 9) -> CONV(1, 3x3)", "conv1", ["(7 + 2*0 - 3)/1 + 1 = 5  (height)", "= 7  (width)"]),
        ("INPUT(512, 7, 7) -> FC(4096)", "fc1", ["512x7x7 -> FLATTEN -> 25088", "25088*4096 = 102,760,448"]),
        ("INPUT(512, 7, 7) -> CONV(4096, 7x7)", "conv1", ["4096x1x1", "(7*7*512 + 1)*4096 = 102,764,544"]),
        ("INPUT(3) -> FC(4) -> FC(2)", "fc1", ["(in + 1)*out = (3 + 1)*4 = 16"]),
        ("INPUT(3, 8, 8) -> CONV(4, 3x3, padding='same') -> BN", "bn1", ["2*4 = 8", "counter of batches, 9"]),
        ("INPUT(4, 16) -> CONV(6, 3, groups=2, bias=false)", "conv1", ["F*D*K = 3*2*6 = 36", "D = 4/2 = 2"]),
        ("INPUT(2, 8, 8, 8) -> CONV(4, 3)", "conv1", ["(F*F*F*D + 1)*K = (3*3*3*2 + 1)*4 = 220"]),
        (
            "INPUT(4, 30) -> CONV(6, 3, groups=2, dilation=2)",
            "conv1",
            ["(k*D + 1)*K = (3*2 + 1)*6 = 42", "F = d(k - 1) + 1 = 2*(3 - 1) + 1 = 5", "output: k*D = 3*2 = 6"],
        ),
        ("INPUT(2, 8, 8, 8) -> CONV(4, (3, 2, 1))", "conv1", ["output: F*F*F*D = 3*2*1*2 = 12", "together 16,128"]),
        (
            "INPUT(4, 8, 8) -> CONV(4, 3, groups=4, bias=false)",
            "conv1",
            ["F*F*D*K = 3*3*1*4 = 36", "F*F*D = 3*3*1 = 9"],
        ),
        ("INPUT(4, 10) -> UPCONV(8, 4, stride=2)", "upconv1", ["k*K*D + K = 4*8*4 + 8 = 136", "input: k*K = 4*8 = 32"]),
        (
            "INPUT(4, 5, 5, 5) -> UPCONV(8, 2, groups=2)",
            "upconv1",
            ["k*k*k*K/g*D + K = 2*2*2*4*4 + 8 = 136", "K/g = 8/2 = 4", "input: k*k*k*K/g = 2*2*2*4 = 32"],
        ),
        ("INPUT(16, 2, 2) -> UPCONV(8, 3, stride=2)", "upconv1", ["(2 - 1)*2 - 2*0 + 1*(3 - 1) + 0 + 1 = 5"]),
        ("INPUT(5, 8) -> LINEAR(3)", "linear1", ["at each of 5 positions: in*out = 8*3 = 24", "together 120"]),
        ("INPUT(64, 28, 28) -> CONCAT{ CONV(64, 1), CONV(32, 1) }", "concat1", ["64 + 32 = 96 along axis 1"]),
    ],
)
def test_worked_numbers(text: str, path: str, lines: list[str]) -> None:
    """Most are those of the lecture notes."""
    found = explain(text.replace("'", '"'), path)
    assert [line for line in lines if line not in found] == [], found


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("INPUT(3, 32, 32) -> [CONV(8, 3x3)]*2", "conv2", "sees 3x5x5 of the input's 3x32x32"),
        ("INPUT(3, 32, 32) -> [CONV(8, 3x3)]*3", "conv3", "R = R_in + (F - 1)*J_in = 5 + (3 - 1)*1 = 7"),
        ("INPUT(3, 32, 32) -> MAXPOOL(2)*2", "pool2", "= 2 + (2 - 1)*2 = 4, J = J_in*S = 2*2 = 4"),
        ("INPUT(3, 32, 32) -> [CONV(8, 3x3) -> RELU]*2", "relu2", "sees 3x5x5"),
        ("INPUT(3, 8, 8) -> [CONV(8, 3x3, padding=1)]*4", "conv4", "3x9x9 of the input's 3x8x8, beyond its borders"),
        ("INPUT(3, 8, 8) -> CONV(8, 3x3) -> FC(5)", "fc1", "sees all of the input's 3x8x8"),
        ("INPUT(3, 8, 8) -> CONV(3, 3x3, groups=3)", "conv1", "sees 1x3x3 of the input's 3x8x8"),
        (
            "INPUT(3, 8, 8) -> UPSAMPLE(scale_factor=2)",
            "upsample1",
            "sees 1x1x1 of the input's 3x8x8; its neighbours look 1/2",
        ),
        ("INPUT(3, 8, 8) -> CONCAT{ CONV(4, 1), CONV(4, 5, padding=2), POOL(3, 1, 1) }", "concat1", "sees 3x5x5"),
        ("INPUT(3, 8, 8) -> ADD{ _, PARAMETER((3, 8, 8)) }", "parameter1", "it sees no input"),
        ("INPUT(3, 9, 9) -> CONV(4, 3x5)", "conv1", "= 1 + (3 - 1)*1 = 3  (height)"),
        ("CONCAT{ a: INPUT(3, 8, 8) -> CONV(3, 3), b: INPUT(3, 6, 6) }", "concat1", "sees 3x3x3 of a's 3x8x8"),
        ("INPUT(2, 32, 32) -> AUX{ head: FC(3) } -> FC(3)", "head", "It runs in training only."),
        ("INPUT(3, 8, 8) -> a: CONV(3, 1) -> SHARE(a)", "a", "R"),
        ("INPUT(3, H, W) -> CONV(8, 3)", "conv1", "Sizes are left free; the numbers are those for 3x224x224."),
        (
            "INPUT(3, 8, 8) -> [CONV(3, 3, padding=1)]*200_000",
            "conv199999",
            "sees 3x399999x399999 of the input's 3x8x8, beyond its borders",
        ),
        (
            "INPUT(3, 8, 8) -> RESHAPE(192) -> RESHAPE(3x8x8) -> [CONV(3, 3, padding=1)]*200_000",
            "conv199999",
            "not worked out: more than 100,000",
        ),
    ],
)
def test_receptive_fields_and_marks(text: str, path: str, line: str) -> None:
    found = explain(text, path)
    assert line in found, found


EVERY = """
block all = PAD(1) -> PRELU -> GN(3) -> IN -> LRN(3) -> SCALE -> LPPOOL(2, 2) -> MAXOUT(2) -> ELU -> GELU -> SILU
  -> LEAKYRELU -> RELU6 -> HARDSWISH -> HARDSIGMOID -> HARDTANH -> SOFTPLUS -> TANH -> SIGMOID -> LOGSOFTMAX -> IDENTITY
  -> MISH -> SELU -> CELU -> LOGSIGMOID -> PIXELUNSHUFFLE(3) -> PIXELSHUFFLE(3)
  -> CHANNELDROPOUT -> DROPPATH(0.1) -> SLICE(1, 0, 2) -> CROP(8) -> SHUFFLE(2) -> ADDCOORDS -> SELECT((0, 1, 0))
  -> pool: MAXPOOL(2) -> UNPOOL(pool) -> UPSAMPLE(scale_factor=2) -> UPSAMPLE(10, mode="bilinear") -> AVGPOOL(2)
  -> UPCONV(6, 3) -> CONV(6, 3) -> BN -> RELU -> DROPOUT -> MUL{ _, SOFTMAX } -> CONCAT{ _, _ } -> ADD{ _, _ }
  -> FLATTEN -> RESHAPE((4, -1)) -> PERMUTE((2, 1)) -> ADD{ _, PARAMETER((75, 4)) } -> LN -> LINEAR(4) -> ATTENTION(2) -> FC(3)
model Net = INPUT(12, 16, 16) -> all: all
model Words = INPUT(9) -> all: [EMBEDDING(10, 4)]
"""


def every_layer() -> Iterator[tuple[Model, str, str]]:
    outcome = check_source(Source("every.arch", EVERY))
    assert outcome.ok, render(outcome.diagnostics)
    for made in outcome.models:
        for flat in flatten(made):
            yield made, flat.path, flat.layer.op.tag


def test_every_kind_of_layer_is_explained() -> None:
    known = {op.tag for op in OPS if op.__module__.startswith("archlang.")}
    assert {tag for _, _, tag in every_layer()} == known


@pytest.mark.parametrize("name", ["Net", "Words", *(path.stem for path in resources.zoo_files())])
def test_counts_are_explained_as_they_are_counted(name: str) -> None:
    """The last number of each section is the count of the report; every kind of layer once for each model."""
    models = {made.name: made for made, _, _ in every_layer()}
    made = models[name] if name in models else check_target(f"zoo:{name}", Request()).models[0]
    seen: set[type] = set()
    for flat in flatten(made):
        if type(flat.layer.op) in seen:
            continue
        seen.add(type(flat.layer.op))
        text = explanation(made, flat.path)
        totals = flat.layer.op.parameters(), flat.layer.op.macs(flat.inputs, flat.layer.outputs[0])
        assert all(line == line.rstrip() and len(line) < 160 for line in text.splitlines())
        assert counted(section(text, "Parameters"), "learned") == sum(map(product, totals[0].values())), text
        assert counted(section(text, "Multiply-accumulates"), "none") == totals[1], text


def product(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def section(text: str, title: str) -> list[str]:
    lines = text.split(f"\n{title}\n", 1)[1].split("\n\n")[0].splitlines()
    return [line.strip() for line in lines]


def counted(lines: list[str], none: str) -> int:
    """The number that a section comes to."""
    told = [line for line in lines if not line.startswith(("saved", "not shared", "D =", "K/g ="))]
    if told[0].startswith("none"):
        assert none in told[0] or len(lines) > 0
        return 0
    return int(told[-1].split()[-1].replace(",", ""))
