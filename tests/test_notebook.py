"""Cells of notebooks, run by IPython in this process: what they show, by kind, what they bind, and what they refuse."""

from __future__ import annotations

import builtins
import inspect
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO, capture_output

import archlang
from archlang.backends.classes import FileModule
from archlang.diagnostics.html import ESCAPE, render_html
from archlang.diagnostics.text import render

SMALL = "model Small(classes = 10, width = 4) = INPUT(3, 8, 8) -> CONV(width, 3x3, padding=1) -> RELU -> FC(classes)\n"
WRONG = "model Wrong = INPUT(3, 8, 8) -> CONV(4, 3x3) -> MAXPOOL(30) -> FC(2)\n"
OPEN = "model Open(N) = INPUT(3, 8, 8) -> [CONV]*N -> FC(10)\n"


class Notebook:
    """A shell with the extension."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.run("%load_ext archlang")

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.shell.user_ns

    def run(self, text: str, error: str | None = None) -> CapturedIO:
        """Run a cell; it must succeed, or end in an error of that name."""
        with capture_output() as captured:
            result = self.shell.run_cell(text)
        raised = result.error_before_exec or result.error_in_exec
        assert (type(raised).__name__ if raised else None) == error, (text, captured.stdout, captured.stderr)
        return captured


@pytest.fixture
def notebook(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    monkeypatch.chdir(tmp_path)
    return Notebook(shell)


def kinds(captured: CapturedIO) -> list[set[str]]:
    """The kinds of each thing that is shown."""
    return [set(output.data) for output in captured.outputs]


TABLE, PICTURE = {"text/plain", "text/html"}, {"text/plain", "image/svg+xml"}


# ---- what is shown


def test_a_cell_shows_its_report_and_its_diagram(notebook: Notebook) -> None:
    shown = notebook.run(f"%%arch\n{SMALL}")
    assert kinds(shown) == [TABLE, PICTURE]
    table, picture = (output.data for output in shown.outputs)
    report = archlang.checks(SMALL)
    assert table["text/plain"] == str(report)
    assert table["text/html"] == report._repr_html_()
    assert picture["image/svg+xml"] == archlang.Picture(report.models[0]).svg()
    assert not shown.stdout
    assert not shown.stderr


def test_the_diagram_can_be_left_out(notebook: Notebook) -> None:
    assert kinds(notebook.run(f"%%arch --no-diagram\n{SMALL}")) == [TABLE]


def test_the_diagram_is_of_the_model_that_is_meant(notebook: Notebook) -> None:
    both = f"{SMALL}model Other = INPUT(5) -> FC(7)\n"
    assert "Small" in notebook.run(f"%%arch\n{both}").outputs[1].data["text/plain"]
    shown = notebook.run(f"%%arch -m Other\n{both}")
    assert "Other" in shown.outputs[1].data["text/plain"]
    assert "Small" not in shown.outputs[0].data["text/html"]


def test_options_reach_the_check(notebook: Notebook) -> None:
    shown = notebook.run(f"%%arch --input 3,16,16 -D 'classes=2 + 5' --no-diagram\n{SMALL}")
    assert shown.outputs[0].data["text/plain"].startswith("Small: 3x16x16 -> 7")
    uneven = "INPUT(3, 8, 8) -> CONV(8, 3x3, stride=2, padding=1) -> FC(10)"
    notebook.run(f"%%arch --no-diagram\n{uneven}")
    assert "not-whole" in notebook.run(f"%%arch --strict\n{uneven}", "CellError").outputs[0].data["text/html"]


def test_values_of_the_notebook_can_be_given(notebook: Notebook) -> None:
    notebook.run("n = 6")
    assert "-> 6" in notebook.run("%%arch -D classes=$n\n" + SMALL).outputs[0].data["text/plain"]


def test_warnings_are_shown_and_bind(notebook: Notebook) -> None:
    shown = notebook.run("%%arch\nmodel Twice = INPUT(3, 8, 8) -> CONV(4, 3x3) -> RELU -> RELU -> FC(2)")
    assert "warning[" in shown.outputs[0].data["text/html"]
    assert "Twice" in notebook


def test_errors_show_the_arithmetic_and_bind_nothing(notebook: Notebook) -> None:
    notebook.run("Wrong = 'as it was'")
    shown = notebook.run(f"%%arch\n{SMALL}{WRONG}", "CellError")
    page = shown.outputs[0].data["text/html"]
    assert 'font-weight: bold">error[kernel-too-large]</span>' in page
    assert "padded input 6 + 2*0 = 6 &lt; 30" in page
    assert "<caption>Wrong: 3x8x8 -&gt; ?" in page
    assert notebook["Wrong"] == "as it was"
    assert "Small" not in notebook
    assert shown.stdout.strip() == "1 error; variables are as they were"
    assert "Traceback" not in shown.stdout + shown.stderr


def test_a_model_with_an_error_is_drawn_up_to_it(notebook: Notebook) -> None:
    shown = notebook.run(f"%%arch\n{WRONG}", "CellError")
    assert kinds(shown) == [TABLE, PICTURE]
    assert "MAXPOOL" in shown.outputs[1].data["image/svg+xml"]


def test_lines_are_counted_as_the_cell_shows_them(notebook: Notebook) -> None:
    page = notebook.run(f"%%arch\n{SMALL}{WRONG}", "CellError").outputs[0].data["text/html"]
    assert re.search(r"&lt;cell \d+&gt;:3:57: ", page)


@pytest.mark.parametrize(
    "cell", ["CONV(3", "block B = RELU", "# nothing", "model A = B", "\0", "<script>alert(1)</script>"]
)
def test_nonsense_is_diagnosed(notebook: Notebook, cell: str) -> None:
    shown = notebook.run(f"%%arch\n{cell}", "CellError")
    assert kinds(shown) == [TABLE]
    assert "<script" not in shown.outputs[0].data["text/html"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--hlep", "No such option '--hlep'. Did you mean '--help'?"),
        ("-D 'x", "no closing quotation"),
        ("one two", "unexpected extra argument (two)"),
        ("a-b", "`a-b` cannot be the name of a variable"),
        ("class", "`class` cannot be the name of a variable"),
    ],
)
def test_the_line_is_checked(notebook: Notebook, line: str, said: str) -> None:
    shown = notebook.run(f"%%arch {line}\n{SMALL}", "UsageError")
    assert said in shown.stderr
    assert "Small" not in notebook


@pytest.mark.parametrize(
    ("line", "code"), [("-D 3", "bad-option"), ("-m Smal", "unknown-model"), ("-D N=3", "unknown-parameter")]
)
def test_what_the_line_asks_for_is_checked(notebook: Notebook, line: str, code: str) -> None:
    assert f"error[{code}]" in notebook.run(f"%%arch {line}\n{SMALL}", "CellError").outputs[0].data["text/html"]


def test_help(notebook: Notebook) -> None:
    shown = notebook.run(f"%%arch --help\n{SMALL}")
    assert "Usage: %%arch [OPTIONS] [NAME]" in shown.stdout
    assert "Small" not in notebook


def test_a_terminal_gets_text(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.notebook.TerminalInteractiveShell", InteractiveShell)
    shown = notebook.run(f"%%arch\n{SMALL}")
    assert not shown.outputs
    assert shown.stdout.startswith("Small: 3x8x8 -> 10\n")
    wrong = notebook.run(f"%%arch\n{WRONG}", "CellError")
    assert "error[kernel-too-large]" in wrong.stderr
    assert "\x1b" not in wrong.stderr
    assert "<" not in wrong.stdout


# ---- what becomes a variable


def test_each_model_becomes_a_class(notebook: Notebook) -> None:
    notebook.run(f"%%arch\n{SMALL}model Other = INPUT(5) -> FC(7)\n{OPEN}")
    assert str(inspect.signature(notebook["Small"])) == "(classes=10, width=4, *, device=None, seed=None, input=None)"
    assert notebook["Small"](classes=3)(torch.zeros(2, 3, 8, 8)).shape == (2, 3)
    assert notebook["Other"]()(torch.zeros(2, 5)).shape == (2, 7)
    assert [name for name, _ in notebook["Open"](N=3).named_children()] == ["conv1", "conv2", "conv3", "fc1"]


def test_the_main_model_can_be_named(notebook: Notebook) -> None:
    notebook.run(f"%%arch net\n{SMALL}model Other = INPUT(5) -> FC(7)")
    assert {"net", "Other"} <= set(notebook.shell.user_ns)
    assert "Small" not in notebook
    notebook.run(f"%%arch -m Other small\n{SMALL}model Other = INPUT(5) -> FC(7)")
    assert notebook["small"]()(torch.zeros(2, 5)).shape == (2, 7)
    assert "Small" in notebook


def test_a_bare_pipeline_has_a_name(notebook: Notebook) -> None:
    notebook.run("%%arch tiny\nINPUT(5) -> FC(7)")
    assert notebook["tiny"]()(torch.zeros(2, 5)).shape == (2, 7)


def test_what_the_line_gives_is_the_default(notebook: Notebook) -> None:
    notebook.run(f"%%arch -D classes=7 --input 3,16,16\n{SMALL}model Other(k = 2) = INPUT(3, 8, 8) -> FC(k)")
    assert inspect.signature(notebook["Small"]).parameters["classes"].default == 7
    assert notebook["Small"]()(torch.zeros(2, 3, 16, 16)).shape == (2, 7)
    assert notebook["Small"](classes=3, input=(3, 4, 4))(torch.zeros(2, 3, 4, 4)).shape == (2, 3)
    assert notebook["Other"](k=5)(torch.zeros(2, 3, 16, 16)).shape == (2, 5)


def test_letters_of_the_input_can_be_bound(notebook: Notebook) -> None:
    notebook.run(f"%%arch --input 3,H,H -D H=12\n{SMALL}")
    assert notebook["Small"]()(torch.zeros(2, 3, 12, 12)).shape == (2, 10)


def test_a_model_without_values_becomes_a_class(notebook: Notebook) -> None:
    shown = notebook.run(f"%%arch\n{OPEN}")
    assert "`N` has no value in Open" in shown.stdout
    assert not shown.outputs
    assert notebook["Open"](2)(torch.zeros(1, 3, 8, 8)).shape == (1, 10)
    assert "unbound-parameters" in notebook.run(f"%%arch -m Open\n{OPEN}", "CellError").outputs[0].data["text/html"]


def test_cells_import_files_beside_the_notebook(notebook: Notebook, tmp_path: Path) -> None:
    (tmp_path / "parts.arch").write_text("block Double(c) = [CONV(c, 3x3, padding=1) -> RELU]*2\n")
    notebook.run('%%arch\nfrom "parts.arch" import Double\nmodel Net = INPUT(3, 8, 8) -> Double(4) -> FC(2)')
    assert notebook["Net"]()(torch.zeros(1, 3, 8, 8)).shape == (1, 2)


def test_modules_of_a_cell_can_be_pickled(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook.run(f"%%arch\n{SMALL}")
    net = notebook["Small"](classes=3, seed=0)
    assert type(net).__module__ == "__main__"
    monkeypatch.setattr(sys.modules["__main__"], "Small", type(net), raising=False)
    again = pickle.loads(pickle.dumps(net))
    assert type(again) is type(net)
    x = torch.ones(1, 3, 8, 8)
    assert torch.equal(again(x), net(x))


def test_a_later_cell_takes_the_place_of_an_earlier_one(notebook: Notebook) -> None:
    notebook.run(f"%%arch\n{SMALL}")
    old = notebook["Small"]
    notebook.run(f"%%arch\n{SMALL.replace('classes = 10', 'classes = 2')}")
    assert notebook["Small"]()(torch.zeros(1, 3, 8, 8)).shape == (1, 2)
    assert old()(torch.zeros(1, 3, 8, 8)).shape == (1, 10)


def test_without_torch_the_report_is_bound(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_torch(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    shown = notebook.run(f"%%arch small\n{SMALL}")
    monkeypatch.undo()
    assert "`small`: the report; a class needs torch: pip install 'archlang[torch]'" in shown.stderr
    assert isinstance(notebook["small"], archlang.Report)
    assert notebook["small"].models[0].name == "Small"


def test_models_that_are_not_meant_may_be_wrong(notebook: Notebook) -> None:
    notebook.run(f"%%arch -m Small\n{SMALL}{WRONG}")
    assert notebook["Small"]()(torch.zeros(1, 3, 8, 8)).shape == (1, 10)
    with pytest.raises(archlang.ArchitectureError, match="kernel-too-large"):
        notebook["Wrong"]()


# ---- what shows itself


def test_a_module_shows_its_table_and_its_diagram(notebook: Notebook) -> None:
    shown = notebook.run(f"%%arch --no-diagram\n{SMALL}")
    net = notebook["Small"]()
    page = net._repr_html_()
    assert page.startswith(shown.outputs[0].data["text/html"])
    assert "<svg" in page
    assert repr(net).startswith("Small(\n  (conv1): Conv2d")
    assert isinstance(net, FileModule)


def test_a_module_of_a_thousand_parts_shows_its_table_and_its_diagram() -> None:
    net = archlang.loads("INPUT(4) -> [FC(4) -> RELU]*500", device="meta")
    assert net._repr_html_().count("<tr>") < 20
    assert "500" in net._repr_html_()


def test_a_picture_says_what_it_is_of() -> None:
    assert repr(archlang.render("zoo:lenet")) == "<Picture of LeNet5>"


def test_diagnostics_as_html_are_their_text() -> None:
    """The witness: the page without its tags is the text."""
    from html import unescape

    found = archlang.checks(f"{SMALL}{WRONG}# <b> & \x1b[31m").diagnostics
    page = render_html(found)
    assert unescape(re.sub(r"<[^>]+>", "", page)) == render(found)
    assert len(ESCAPE.findall(render(found, color=True))) == len(re.findall("</?span", page))
    assert page.count("<span") == page.count("</span>")
    assert render_html(()) == ""
