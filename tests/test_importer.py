"""Files imported as Python modules: what is found where, classes, signatures, reloading, pickling, errors."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import archlang
import archlang.importer
from archlang import ArchitectureError
from archlang.backends.torch_module import ArchModule

NET = """# Small nets.
# For tests.

# A net.
model Net(classes = 10, widths = [4, 8], hidden = 2*len(widths)) =
  INPUT(3, 8, 8) -> [CONV(w, 3x3) -> RELU for w in widths] -> FC(hidden) -> FC(classes)
model Wide = Net(widths = [16])
model Unbound(N) = INPUT -> [CONV]*N -> FC
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes files to a folder on sys.path; modules from it are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)

    def write_file(name: str, text: str = NET) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return path

    yield write_file
    for name in [name for name in sys.modules if name.startswith(("arch_test", "zoo"))]:
        del sys.modules[name]


def load(name: str) -> Any:
    return importlib.import_module(name)


# ---- what is found


def test_the_zoo_is_found_without_a_folder(write: Write) -> None:
    module = load("zoo.alexnet")
    assert issubclass(module.AlexNet, torch.nn.Module)
    net = module.AlexNet(classes=10, device="meta")
    same = archlang.load("zoo:alexnet", classes=10, device="meta")
    assert [(k, v.shape) for k, v in net.state_dict().items()] == [(k, v.shape) for k, v in same.state_dict().items()]


def test_a_folder_zoo_comes_first_and_goes_on_in_the_shipped_one(write: Write) -> None:
    write("zoo/alexnet.arch", "model AlexNet = INPUT(1, 2, 2) -> FC(3)")
    assert sum(p.numel() for p in load("zoo.alexnet").AlexNet().parameters()) == 15
    assert load("zoo.lenet").__all__ == ["LeNet5", "LeNet5Original"]


def test_files_in_packages_and_at_the_top(write: Write) -> None:
    write("arch_test_top.arch")
    write("arch_test_package/__init__.py", "")
    write("arch_test_package/inner/net.arch")
    for name in ("arch_test_top", "arch_test_package.inner.net"):
        assert load(name).Net().__class__.__module__ == name


def test_python_comes_first(write: Write) -> None:
    write("arch_test_both.arch", "not an architecture")
    write("arch_test_both.py", "ANSWER = 42")
    assert load("arch_test_both").ANSWER == 42


@pytest.mark.parametrize(
    "name", ["zoo.alexnt", "zoo.alexnet.AlexNet", "zoo.Alexnet", "arch_test_nothing", "zoo.sub.net"]
)
def test_what_is_not_there_is_an_import_error(write: Write, name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        load(name)


def test_odd_entries_of_the_path_are_passed_over(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("arch_test_odd.arch")
    monkeypatch.setattr(sys, "path", ["/nowhere", __file__, *sys.path])
    assert load("arch_test_odd").Net


def test_the_finder_is_there_once() -> None:
    importlib.reload(archlang.importer)
    finders = [finder for finder in sys.meta_path if type(finder).__name__ == "ArchFinder"]
    assert len(finders) == 1


# ---- modules and classes


def test_modules_say_what_they_are(write: Write) -> None:
    path = write("arch_test_net.arch")
    module = load("arch_test_net")
    assert (module.__doc__, module.__file__) == ("Small nets.\nFor tests.", str(path))
    assert module.__all__ == ["Net", "Wide", "Unbound"]
    assert module.Net.__doc__ == "A net."
    assert inspect.getsource(module) == NET


def test_signatures_are_those_of_the_models(write: Write) -> None:
    module = load(write("arch_test_net.arch").stem)
    options = "*, device=None, seed=None, input=None"
    shown = {name: str(inspect.signature(getattr(module, name))) for name in module.__all__}
    assert shown["Net"] == f"(classes=10, widths=(4, 8), hidden=2*len(widths), {options})"
    assert shown["Wide"] == f"(classes=10, hidden=2*len(widths), {options})"
    assert shown["Unbound"] == f"(N, {options})"


def test_odd_parameters(write: Write) -> None:
    text = "model Net(a = 1, b, seed = 3, self = 4, `class` = 2) = INPUT(1, 1, 1) -> FC(a + b + seed + self)"
    module = load(write("arch_test_names.arch", text.replace("`class`", "lambda")).stem)
    assert str(inspect.signature(module.Net)) == "(a=1, seed=3, self=4, *, b, device=None, input=None)"
    net = module.Net(b=1, **{"lambda": 1})
    assert net(torch.zeros(1, 1, 1, 1)).shape == (1, 9)


def test_arguments(write: Write) -> None:
    module = load(write("arch_test_net.arch").stem)
    net = module.Net(5, [2], seed=0, input=(3, 16, 16))
    assert net(torch.zeros(1, 3, 16, 16)).shape == (1, 5)
    again = archlang.load(module.__file__, "Net", classes=5, widths=[2], seed=0, input=(3, 16, 16))
    assert all(map(torch.equal, net.state_dict().values(), again.state_dict().values()))
    assert net.arch == again.arch
    assert next(module.Net(device="meta").parameters()).is_meta
    with torch.device("meta"):
        assert next(module.Net().parameters()).is_meta
    assert module.Unbound(N=2)(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    with pytest.raises(TypeError, match="at most 3 positional arguments but 4"):
        module.Net(1, 2, 3, 4)
    with pytest.raises(TypeError, match="multiple values for argument 'classes'"):
        module.Net(1, classes=2)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({"clases": 1}, "unknown-parameter"), ({"classes": 0}, "out-of-range"), ({"input": 5}, "bad-option")],
)
def test_wrong_arguments(write: Write, arguments: dict[str, Any], code: str) -> None:
    module = load(write("arch_test_net.arch").stem)
    with pytest.raises(ArchitectureError) as caught:
        module.Net(**arguments)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_subclasses(write: Write) -> None:
    module = load(write("arch_test_net.arch").stem)

    class Mine(module.Net):  # type: ignore[misc]
        def __init__(self, extra: int) -> None:
            super().__init__(classes=extra)
            self.last = torch.nn.Linear(extra, 2)

        def forward(self, x: Any) -> Any:
            return self.last(super().forward(x))

    mine = Mine(4)
    assert mine(torch.zeros(1, 3, 8, 8)).shape == (1, 2)
    assert (repr(mine).split("(")[0], str(inspect.signature(Mine))) == ("Mine", "(extra: 'int') -> 'None'")
    assert copy.deepcopy(mine)(torch.ones(1, 3, 8, 8)).equal(mine(torch.ones(1, 3, 8, 8)))


# ---- copies


def test_instances_are_pickled_by_the_name_of_their_class(write: Write) -> None:
    module = load(write("arch_test_net.arch").stem)
    net = module.Net(seed=1)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert type(other) is type(net) is module.Net
        assert torch.equal(other(torch.ones(1, 3, 8, 8)), net(torch.ones(1, 3, 8, 8)))


def test_a_pickle_outlives_its_file(write: Write) -> None:
    path = write("arch_test_gone.arch")
    module = load("arch_test_gone")
    net = module.Net(seed=1)
    kept = pickle.dumps(net)
    path.unlink()
    del sys.modules["arch_test_gone"]
    importlib.invalidate_caches()
    other = pickle.loads(kept)
    assert isinstance(other, ArchModule) and type(other).__name__ == "ArchModule"
    assert torch.equal(other(torch.ones(1, 3, 8, 8)), net(torch.ones(1, 3, 8, 8)))
    assert repr(other) == repr(net)


# ---- changes and errors


def test_reload_takes_the_file_as_it_is_now(write: Write) -> None:
    path = write("arch_test_net.arch")
    module = load("arch_test_net")
    path.write_text("model Net = INPUT(1, 2, 2) -> FC(3)", encoding="utf-8")
    assert module.Net().arch.inputs[0].shape == (3, 8, 8)
    old = module.Net()
    assert importlib.reload(module).Net().arch.inputs[0].shape == (1, 2, 2)
    assert old(torch.zeros(1, 3, 8, 8)).shape == (1, 10)


def test_a_wrong_file_raises_what_is_wrong(write: Write) -> None:
    path = write("arch_test_wrong.arch", "model Net = INPUT(3, 7, 7) -> POOL(2) -> CNV")
    with pytest.raises(ArchitectureError) as caught:
        load("arch_test_wrong")
    assert {d.code for d in caught.value.diagnostics} == {"stride-drops-input", "unknown-layer"}
    shown = "".join(traceback.format_exception(caught.value))
    assert shown.rstrip().splitlines()[-1] == "help: write `CONV`" or "error[unknown-layer]" in shown
    assert "arch_test_wrong" not in sys.modules
    path.write_text(NET, encoding="utf-8")
    assert load("arch_test_wrong").Net


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xff", "not-text"), (b"", "empty-file"), (b"block a = CONV", "no-model"), (b"(" * 9, "unexpected-text")],
)
def test_files_without_models(write: Write, data: bytes, code: str) -> None:
    write("arch_test_none.arch").write_bytes(data)
    with pytest.raises(ArchitectureError) as caught:
        load("arch_test_none")
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_without_torch(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("arch_test_net.arch")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ArchitectureError, match=r"pip install 'archlang\[torch\]'"):
        load("arch_test_net")
