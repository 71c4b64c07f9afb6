"""The arguments of `forward`: a live module has those that the written class has, for all that looks at them."""

from __future__ import annotations

import copy
import gc
import importlib
import inspect
import io
import pickle
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from test_torch_backends import generated
from torch import Tensor, nn

import archlang
from archlang.backends.signatures import kind_with, plain_kind
from archlang.backends.torch_module import ArchModule
from archlang.backends.torch_source import write_source

SIAMESE = """model Siam = CONCAT{ left: INPUT(3, 4, 4) -> tower: [CONV(2, 1x1) -> FC(2)], right: INPUT(3, 4, 4) -> SHARE(tower) }
  -> head: FC(1)"""
LEFT, RIGHT = torch.randn(2, 5, 3, 4, 4, generator=torch.Generator().manual_seed(1))
NAMED = {"left": LEFT, "right": RIGHT}


def live(text: str = SIAMESE) -> Any:
    return archlang.loads(text, seed=0).eval()


def written(text: str = SIAMESE) -> Any:
    model = archlang.checks(text).models[0]
    made = generated(write_source(model, "test.arch"), model.name)().eval()
    made.load_state_dict(live(text).state_dict())
    return made


MAKERS: dict[str, Any] = {
    "live": live,
    "written": written,
    "copied": lambda: copy.deepcopy(live()),
    "pickled": lambda: pickle.loads(pickle.dumps(live())),
}


def arguments(module: Any) -> list[str]:
    return list(inspect.signature(module.forward).parameters)


@pytest.mark.parametrize("maker", MAKERS)
def test_torch_export_takes_free_axes_by_place_and_by_name(maker: str) -> None:
    module = MAKERS[maker]()
    expected, batch = module(LEFT, RIGHT), {0: torch.export.Dim("batch")}
    by_name = {"left": batch, "right": batch}
    for given, named, free in (((LEFT, RIGHT), {}, (batch, batch)), ((LEFT, RIGHT), {}, by_name), ((), NAMED, by_name)):
        exported = torch.export.export(module, given, named, dynamic_shapes=free).module()
        assert torch.allclose(exported(*given, **named), expected)
        few = {name: value[:2] for name, value in named.items()}
        assert torch.allclose(exported(*(value[:2] for value in given), **few), expected[:2], atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("maker", MAKERS)
def test_what_traces_sees_the_inputs(maker: str) -> None:
    torch._dynamo.reset()
    module = MAKERS[maker]()
    expected = module(LEFT, RIGHT)
    assert arguments(module) == ["left", "right"]
    traced = torch.fx.symbolic_trace(module)
    assert [node.target for node in traced.graph.nodes if node.op == "placeholder"] == ["left", "right"]
    assert torch.equal(traced(right=RIGHT, left=LEFT), expected)
    assert torch.equal(torch.jit.trace(module, example_kwarg_inputs=NAMED)(right=RIGHT, left=LEFT), expected)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    assert torch.equal(compiled(right=RIGHT, left=LEFT), expected) and torch.equal(compiled(LEFT, RIGHT), expected)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("INPUT(3, 4, 4) -> FC(2)", ["x"]),
        ("model N = left: INPUT(3, 4, 4) -> FC(2)", ["x"]),
        ('model N = ADD{ "0": INPUT(3, 4, 4), "1": INPUT(3, 4, 4) }', ["input_0", "input_1"]),
        ("model N = ADD{ self_: INPUT(3, 4, 4), y: INPUT(3, 4, 4) }", ["self_", "y"]),
    ],
)
def test_names_of_arguments(text: str, names: list[str]) -> None:
    given = [torch.randn(2, 3, 4, 4) for _ in names]
    for module in (live(text), written(text)):
        assert arguments(module) == names
        assert torch.equal(module(**dict(zip(names, given, strict=True))), live(text)(*given))
    by_label = dict(zip([known.name for known in live(text).arch.inputs], given, strict=True))
    assert torch.equal(live(text)(**by_label), live(text)(*given))


def test_names_that_differ_by_their_case_alone() -> None:
    text = "model N = CONCAT{ A: INPUT(1, 4, 4), a: INPUT(3, 4, 4) } -> FC(2)"
    one, other = torch.randn(2, 1, 4, 4), torch.randn(2, 3, 4, 4)
    assert arguments(live(text)) == ["A", "a"]
    assert torch.allclose(written(text)(one, other), live(text)(a=other, A=one))


def test_modules_are_what_their_classes_say() -> None:
    one, other = live(), live("model N = CONCAT{ y: INPUT(1, 2, 2), z: INPUT(2, 2, 2) } -> FLATTEN")
    assert isinstance(one, ArchModule) and type(one).__name__ == "ArchModule"
    assert type(one) is type(copy.copy(one)) is not type(other)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(one, protocol))
        assert torch.equal(again(**NAMED), one(**NAMED)) and arguments(again) == ["left", "right"]
    stream = io.BytesIO()
    torch.save(one, stream)
    stream.seek(0)
    assert arguments(torch.load(stream, weights_only=False)) == ["left", "right"]


@pytest.fixture
def classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "arch_test_signatures.arch").write_text(
        SIAMESE.replace("Siam", "Siam(n = 1)").replace("FC(1)", "FC(n)")
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    importlib.import_module("archlang.importer")
    yield importlib.import_module("arch_test_signatures")
    sys.modules.pop("arch_test_signatures", None)


def test_classes_of_files_have_them_themselves(classes: Any) -> None:
    net = classes.Siam(n=3, seed=0)
    assert type(net) is classes.Siam and arguments(net) == ["left", "right"] == arguments(classes.Siam())
    assert net(LEFT, right=RIGHT).shape == (5, 3)

    class Other(classes.Siam):
        """With a forward of its own."""

        def forward(self, pair: Tensor, scale: float) -> Tensor:
            return super().forward(*pair) * scale

    class Same(classes.Siam):
        """With nothing of its own."""

    other, same = Other(seed=0), Same(seed=0)
    assert arguments(other) == ["pair", "scale"] and arguments(same) == ["left", "right"]
    assert torch.equal(other(torch.stack((LEFT, RIGHT)), scale=2.0), 2 * same(LEFT, RIGHT))
    with pytest.raises(TypeError, match="Siam takes 2 inputs, `left` and `right`; `right` is missing"):
        same(LEFT)
    copied: Any = copy.deepcopy(other)
    assert type(copied) is Other and torch.equal(copied(torch.stack((LEFT, RIGHT)), 2.0), 2 * same(LEFT, RIGHT))


def test_inputs_that_depend_on_an_argument(classes: Any) -> None:
    net = classes.Siam(seed=0)
    # as a file does whose model has other inputs for other arguments
    between = kind_with(type(net), ArchModule, ("a", "b"), "mark")
    assert between is not classes.Siam and plain_kind(between) is classes.Siam
    assert list(inspect.signature(between.forward).parameters) == ["self", "a", "b"]
    assert kind_with(between, ArchModule, ("a", "b"), "mark") is between


def test_hooks_see_what_was_given() -> None:
    module, seen = live(), []

    def hook(_: nn.Module, given: Any, named: Any) -> None:
        seen.append((len(given), sorted(named)))

    handle = module.register_forward_pre_hook(hook, with_kwargs=True)
    module(LEFT, right=RIGHT), module(LEFT, RIGHT)
    assert seen == [(1, ["right"]), (2, [])]
    handle.remove()


def test_as_many_models_are_compiled_as_one_likes() -> None:
    """torch.compile counts by the code that it enters, and gives up at the ninth."""
    for count in range(1, 12):
        net = archlang.loads(f"INPUT(2, 4, 4) -> [CONV(2, 1) -> RELU]*{count} -> FC(2)").eval()
        x = torch.randn(1, 2, 4, 4)
        assert torch.equal(torch.compile(net, backend="eager", fullgraph=True)(x), net(x))


def test_classes_between_go_with_their_model() -> None:
    net = archlang.loads("INPUT(3) -> FC(2)")
    kind = weakref.ref(type(net))
    assert kind() is not ArchModule and type(net) is type(copy.copy(net)) is type(archlang.loads("INPUT(3) -> FC(2)"))
    assert torch.equal(net(torch.ones(1, 3)), copy.deepcopy(net)(torch.ones(1, 3)))
    del net
    gc.collect()
    assert kind() is None
