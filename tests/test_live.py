"""The live module as a torch module among others: states, copies, activations, and what torch does with modules."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import archlang
from archlang import ArchitectureError
from archlang.backends.state_keys import StateReport, compare_shapes

NET = """
block residual(c) = ADD{ _, [conv: CONV(c, 3x3, padding=1) -> bn: BN -> RELU] }
model Net(classes = 3, inplace = false) =
  INPUT(3, 16, 16) -> stem: CONV(4, 3x3, padding=1) -> RELU(inplace=inplace)
  -> features: [ [residual(4) -> CONV(4, 3x3, padding=1) -> RELU(inplace=inplace)]*2 -> MAXPOOL(2) ]
  -> AUX{ aux1: FC(2) }
  -> FLATTEN -> head: FC(classes)
"""
SHARED = "model Net = CONCAT{ left: INPUT(3, 4, 4) -> tower: [CONV(2, 1x1) -> RELU], right: INPUT(3, 4, 4) -> SHARE(tower) } -> FC(1)"


def net(**bindings: Any) -> Any:
    return archlang.loads(NET, seed=0, **bindings).eval()


def image(batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, 16, 16, generator=torch.Generator().manual_seed(1))


# ---- the class


def test_a_module_knows_its_model_and_says_what_it_is() -> None:
    module = net(classes=5)
    assert module.arch == archlang.checks(NET, classes=5).models[0]
    assert repr(module).startswith("Net(\n  (stem): Conv2d(3, 4,")
    assert isinstance(module, nn.Module)


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "save", "state_dict"])
def test_copies_are_equal_and_independent(way: str) -> None:
    module = net()
    stream = io.BytesIO()
    match way:
        case "deepcopy":
            other = copy.deepcopy(module)
        case "pickle":
            other = pickle.loads(pickle.dumps(module))
        case "save":
            torch.save(module, stream)
            stream.seek(0)
            other = torch.load(stream, weights_only=False)
        case _:
            torch.save(module.state_dict(), stream)
            stream.seek(0)
            other = archlang.loads(NET, seed=1).eval()
            other.load_state_dict(torch.load(stream, weights_only=True))
    assert torch.equal(other(image()), module(image()))
    assert other.arch == module.arch
    with torch.no_grad():
        other.stem.weight.add_(1)
    assert not torch.equal(other.stem.weight, module.stem.weight)


def test_a_changed_module_is_copied_as_it_is() -> None:
    module = net()
    module.head = nn.Linear(module.head.in_features, 7)
    module.extra = nn.Linear(1, 1)
    other = pickle.loads(pickle.dumps(module))
    assert torch.equal(other(image()), module(image()))
    assert list(other.state_dict()) == list(module.state_dict())


def test_an_error_can_be_sent_to_another_process() -> None:
    with pytest.raises(ArchitectureError) as caught:
        archlang.loads("INPUT -> CNV")
    other = pickle.loads(pickle.dumps(caught.value))
    assert (str(other), repr(other.diagnostics)) == (str(caught.value), repr(caught.value.diagnostics))


# ---- inputs


def pair() -> Any:
    return archlang.loads(SHARED, seed=0).eval()


def two(batch: int = 2) -> tuple[Tensor, Tensor]:
    left, right = torch.randn(2, batch, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return left, right


def test_inputs_go_by_their_names() -> None:
    module, (left, right) = pair(), two()
    for found in (module(left, right=right), module(right=right, left=left), module.forward(left=left, right=right)):
        assert torch.equal(found, module(left, right))
    for word in ("x", "input"):
        assert torch.equal(net()(**{word: image()}), net()(image()))
    swapped = archlang.loads("model N = CONCAT{ y: INPUT(1, 2, 2), x: INPUT(2, 2, 2) } -> FLATTEN")
    y, x = torch.randn(3, 1, 2, 2), torch.randn(3, 2, 2, 2)
    assert torch.equal(swapped(x=x, y=y), swapped(y, x)) and torch.equal(swapped(y, x=x), swapped(y, x))


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_names_of_inputs_reach_what_torch_does() -> None:
    torch._dynamo.reset()
    module, (left, right) = pair(), two()
    expected, named = module(left, right), {"left": left, "right": right}
    assert torch.equal(torch.compile(module, backend="eager", fullgraph=True)(**named), expected)
    assert torch.equal(torch.export.export(module, (), named).module()(**named), expected)
    assert torch.equal(torch.func.functional_call(module, module.state_dict(), (left,), {"right": right}), expected)
    assert torch.equal(nn.DataParallel(module)(**named), expected)
    assert torch.equal(torch.fx.symbolic_trace(module)(left, right), expected)
    assert torch.equal(torch.jit.trace(module, (left, right))(left, right), expected)


LEFT, RIGHT = two()


@pytest.mark.parametrize(
    ("given", "named", "message"),
    [
        ((LEFT,), {}, "Net takes 2 inputs, `left` and `right`; `right` is missing"),
        ((), {}, "Net takes 2 inputs, `left` and `right`; `left` and `right` are missing"),
        ((), {"right": RIGHT}, "Net takes 2 inputs, `left` and `right`; `left` is missing"),
        ((LEFT, RIGHT, RIGHT), {}, "Net takes 2 inputs, `left` and `right`; 3 were given"),
        (((LEFT, RIGHT),), {}, "Net's input `left` must be a tensor, not a tuple of 2 tensors: give each on its own"),
        ((LEFT, [1, 2]), {}, "Net's input `right` must be a tensor, not a list"),
        ((LEFT, 3), {}, "Net's input `right` must be a tensor, not an int"),
        ((LEFT, None), {}, "Net's input `right` must be a tensor, not None"),
        ((LEFT.numpy(), RIGHT), {}, "Net's input `left` must be a tensor, not a numpy array: torch.from_numpy makes"),
        ((LEFT,), {"rigth": RIGHT}, "Net has no input `rigth`: it takes 2 inputs, `left` and `right`; did you mean `r"),
        ((LEFT, RIGHT), {"left": LEFT}, "Net's input `left` was given twice"),
        ((LEFT, RIGHT[:1]), {}, "Net's inputs must have as many samples each, not 2 of `left` and 1 of `right`"),
        ((LEFT[0], RIGHT), {}, "not 3x4x4 and 2x3x4x4"),
        ((torch.tensor(1.0), RIGHT), {}, "not a single number and 2x3x4x4"),
    ],
)
def test_inputs_that_do_not_fit(given: Any, named: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        pair()(*given, **named)
    assert message in str(caught.value) and "ArchModule" not in str(caught.value)


@pytest.mark.parametrize("given", [(), (image(), image()), ([1, 2],), (image().numpy(),), (image()[0],)])
def test_an_only_input_that_does_not_fit(given: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^Net.* input"):
        net()(*given)


# ---- states


def refused(module: Any, state: Any, **options: Any) -> str:
    with pytest.raises(RuntimeError) as caught:
        module.load_state_dict(state, **options)
    return str(caught.value)


def test_keys_that_do_not_fit_are_listed_with_the_nearest() -> None:
    state = net().state_dict()
    state["heed.bias"] = state.pop("head.bias")
    state["stem.weight"] = state["stem.weight"][:2]
    assert refused(net(), state) == (
        "cannot load this state into Net: 22 of 24 tensors matched, 1 mismatched, 1 missing, 1 unexpected\n"
        "mismatched:\n  stem.weight: given 2x3x3x3, wanted 4x3x3x3\n"
        "missing:\n  head.bias (nearest: heed.bias)\n"
        "unexpected:\n  heed.bias (nearest: head.bias)"
    )
    assert "1 mismatched" in refused(net(), state, strict=False)
    state["stem.weight"] = net().state_dict()["stem.weight"]
    result = net().load_state_dict(state, strict=False)
    assert (result.missing_keys, result.unexpected_keys) == (["head.bias"], ["heed.bias"])


def test_a_prefix_of_all_keys_is_named() -> None:
    wrapped = nn.DataParallel(net())
    text = refused(net(), wrapped.state_dict())
    assert text.endswith("help: the given names begin with `module.`, the module's do not")
    assert len(text.splitlines()) == 12


def test_what_is_no_state_is_refused_as_torch_does() -> None:
    with pytest.raises(TypeError, match="dict-like"):
        net().load_state_dict(5)
    assert "missing" in refused(net(), {})


KEYS = st.sampled_from(["a.weight", "b.weight", "c.bias", "d", "module.a.weight"])
SHAPES = st.sampled_from([(), (2,), (3,), (2, 12), (2, 3, 2, 2), (2, 12, 1), (4, 3)])


@settings(max_examples=50)
@given(st.dictionaries(KEYS, SHAPES), st.dictionaries(KEYS, SHAPES))
def test_every_key_is_reported_once(one: dict[str, Any], other: dict[str, Any]) -> None:
    report = compare_shapes(one, other)
    wanted = [*report.matched, *report.reshaped, *(key for key, _, _ in report.mismatched), *report.missing]
    assert sorted(wanted) == sorted(other)
    assert set(report.unexpected) == set(one) - set(other)
    assert all(one[key] == other[key] for key in report.matched)
    assert all(one[key] != other[key] for key, _, _ in report.mismatched)
    assert report.complete == (not report.mismatched and one.keys() == other.keys())
    assert str(report).startswith(f"{len(report.matched)} of {len(other)} tensor")


def test_long_reports_end() -> None:
    names = {f"layer{number}.weight": (1,) for number in range(5_000)}
    report = compare_shapes(names, {name.upper(): shape for name, shape in names.items()})
    assert len(str(report).splitlines()) < 60
    assert isinstance(report, StateReport)


# ---- activations


@pytest.mark.parametrize("inplace", [False, True])
def test_activations_are_those_of_hooks(inplace: bool) -> None:
    module = net(inplace=inplace)
    labels = [name for name, _ in module.named_modules() if name and not name.startswith("aux1")]
    expected: dict[str, Tensor] = {}

    def hook(name: str) -> Any:
        return lambda part, inputs, output: expected.__setitem__(name, output.clone())

    handles = [module.get_submodule(name).register_forward_hook(hook(name)) for name in labels]
    module(image())
    for handle in handles:
        handle.remove()
    found = module.activations(image(), *labels)
    assert list(found) == labels
    assert all(torch.equal(found[name], expected[name]) for name in labels)
    assert module._kept is None and module.features._kept is None


def test_layers_without_a_module_have_activations() -> None:
    found = net().activations(image(), "features.0.add1", "flatten1", "features.3", "head")
    assert [tuple(value.shape) for value in found.values()] == [(2, 4, 16, 16), (2, 256), (2, 4, 16, 16), (2, 3)]


def test_gradients_reach_an_activation() -> None:
    module = net(inplace=True)
    found = module.activations(image(), "stem", "features", "head")
    gradients = torch.autograd.grad(found["head"][:, 0].sum(), [found["stem"], found["features"]])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    assert (found["stem"] < 0).any()


def test_activations_do_not_break_compilation() -> None:
    torch._dynamo.reset()
    module = net()
    labels = ("stem", "features.1", "features.0.conv", "flatten1")
    expected = module.activations(image(), *labels)
    compiled = torch.compile(module.activations, backend="eager", fullgraph=True)(image(), *labels)
    assert all(torch.equal(compiled[label], expected[label]) for label in labels)
    whole = torch.compile(module, backend="eager", fullgraph=True)
    assert torch.equal(whole(image()), module(image()))
    assert torch.equal(whole.activations(image(), "stem")["stem"], expected["stem"])
    module.compile(backend="eager", fullgraph=True)
    assert torch.equal(module.activations(image(), "stem")["stem"], expected["stem"])


def test_shared_parts_have_a_value_for_each_use() -> None:
    module = archlang.loads(SHARED, seed=0)
    one, other = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    found = module.activations(one, other, "tower", "tower.0")
    assert [tuple(value.shape) for value in found["tower"]] == [(2, 2, 4, 4)] * 2
    assert torch.equal(found["tower"][1], module.tower(other))
    assert torch.equal(found["tower.0"][0], module.tower[0](one))


def test_activations_of_parts_put_there_later() -> None:
    module = net()
    module.features[6] = nn.Sequential(nn.MaxPool2d(2), nn.Identity())
    found = module.activations(image(), "features.6.0", "features.6")
    assert torch.equal(found["features.6.0"], found["features.6"])
    assert not module.features[6][0]._forward_hooks


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("stemm", "did you mean `stem`?"),
        ("features.9", "no layer or part `features.9`"),
        ("features.0.cnv", "did you mean `features.0.conv`?"),
        ("stem.weight", "no layer or part"),
        ("", "no layer or part"),
        ("..", "no layer or part"),
        ("aux1", "runs in training only"),
    ],
)
def test_unknown_activations(label: str, message: str) -> None:
    module = net()
    with pytest.raises(ArchitectureError) as caught:
        module.activations(image(), "stem", label)
    assert message in str(caught.value)
    assert module._kept is None


def test_activations_of_training_and_of_nothing() -> None:
    assert net().activations(image()) == {}
    assert net().train().activations(image(), "aux1")["aux1"].shape == (2, 2)
