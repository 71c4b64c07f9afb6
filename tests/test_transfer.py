"""Transfer learning: cutting at a label, carrying weights over, freezing, initialising."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_torch_backends import MODELS, example
from torch import Tensor, nn

import archlang
from archlang import ArchitectureError
from archlang.backends.torch_module import build_module
from archlang.ir.cut import cut
from archlang.ir.graph import Model
from archlang.ir.verify import verify_model
from archlang.ir.walk import flatten

# the first call of such a convolution in a process warns
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

NET = """
block residual(c) = ADD{ _, [conv: CONV(c, 3x3, padding=1) -> bn: BN -> RELU] }
model Net(classes = 3) =
  INPUT(3, 8, 8) -> stem: CONV(4, 3x3, padding=1) -> RELU
  -> features: [ [residual(4) -> CONV(4, 3x3, padding=1) -> BN -> RELU -> DROPOUT]*2 -> MAXPOOL(2) ]
  -> AUX{ aux1: FC(2) }
  -> FLATTEN -> fc6: FC(8) -> head: FC(classes)
"""


def net(seed: int = 0, **options: Any) -> Any:
    return archlang.loads(NET, seed=seed, **options)


def image(batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def refusal(function: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(ArchitectureError) as caught:
        function(*arguments, **options)
    return str(caught.value)


# ---- cutting


def paths_of(model: Model) -> list[str]:
    """Layers, and the parts around them."""
    layers = dict.fromkeys(flat.path for flat in flatten(model) if not flat.training)
    scopes = (path.rsplit(".", depth)[0] for path in layers for depth in range(path.count(".") + 1))
    return list(dict.fromkeys(scopes))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_cut_model_gives_what_flows_there(data: st.DataObject) -> None:
    model = MODELS[data.draw(st.sampled_from(sorted(MODELS)))]
    path = data.draw(st.sampled_from(paths_of(model) or [""]))
    if not path:
        return
    whole = build_module(model, seed=0).eval()
    found = whole.activations(*example(model), path)[path]
    made = cut(model, path)
    verify_model(made)
    part = build_module(made, seed=1).eval()
    report = archlang.transfer(whole, part)
    assert len(report.matched) == len(part.state_dict())
    value = part(*example(model))
    first = found[0] if isinstance(found, tuple) else found
    assert torch.equal(value, first)
    assert made.outputs[0].shape == tuple(value.shape[1:])


def test_a_cut_model_has_only_what_it_needs() -> None:
    backbone = net(until="features.5")
    assert list(backbone.state_dict()) == [
        key
        for key in net().state_dict()
        if key.startswith(("stem", "features.0", "features.1.", "features.2", "features.5"))
    ]
    branches = "model N = INPUT(3, 4, 4) -> CONCAT{ a: CONV(2, 1x1), b: [CONV(3, 1x1) -> RELU] } -> FC(2)"
    assert list(archlang.loads(branches, until="b.0").state_dict()) == ["b.0.weight", "b.0.bias"]
    assert archlang.loads(branches, until="b")(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 4, 4)


def test_a_million_copies_are_cut_without_unrolling() -> None:
    model = archlang.checks("INPUT(3, 8, 8) -> [CONV(3, 3x3, padding=1) -> RELU]*1_000_000 -> FC(2)").models[0]
    made = cut(model, "relu3")
    assert [flat.path for flat in flatten(made)] == ["conv1", "relu1", "conv2", "relu2", "conv3", "relu3"]
    verify_model(made)


def test_cuts_of_what_is_not_there() -> None:
    assert "did you mean `features`?" in refusal(net, until="featurs")
    assert "did you mean `features.0.conv`?" in refusal(net, until="features.0.cnv")
    for path in ("", ".", "features.", "stem.weight"):
        assert "no-such-part" in refusal(net, until=path)


# ---- carrying over


def test_everything_but_the_head() -> None:
    old, new = net(), net(seed=1, classes=5)
    before = new.head.weight.clone()
    report = archlang.transfer(old, new)
    assert [key for key, _, _ in report.mismatched] == ["head.weight", "head.bias"]
    assert "head.weight: given 3x8, wanted 5x8" in str(report)
    assert torch.equal(new.head.weight, before)
    assert all(torch.equal(new.state_dict()[key], old.state_dict()[key]) for key in report.matched)
    assert not report.complete and archlang.transfer(old, net(seed=1)).complete


def test_parts_left_out_and_renamed() -> None:
    old, new = net(), net(seed=1)
    before = new.fc6.weight.clone()
    report = archlang.transfer(old.state_dict(), new, skip=["fc6", "features.0"])
    assert torch.equal(new.fc6.weight, before)
    assert set(report.skipped) == {key for key in new.state_dict() if key.startswith(("fc6.", "features.0."))}
    wrapped = nn.DataParallel(old)
    assert "begin with `module.`" in str(archlang.transfer(wrapped.state_dict(), new))
    assert archlang.transfer(wrapped.state_dict(), new, rename={"module.": ""}).complete
    assert torch.equal(new.eval()(image()), old.eval()(image()))


def test_types_and_shapes_of_one_layer_may_differ() -> None:
    old = archlang.loads("INPUT(3, 4, 4) -> head: FC(5)", seed=0).double()
    new = archlang.loads("INPUT(3, 4, 4) -> head: CONV(5, 4x4)", seed=1)
    assert archlang.transfer(old, new).reshaped == ("head.weight",)
    x = torch.randn(2, 3, 4, 4)
    assert torch.allclose(new(x).flatten(1), old(x.double()).float(), atol=1e-5)
    back = archlang.loads("INPUT(3, 4, 4) -> head: FC(5)", seed=2)
    archlang.transfer(new, back)
    assert torch.equal(back.head.weight, old.head.weight.float())


def test_transfers_that_cannot_be() -> None:
    assert "expected a part of the target that has weights, `fc6`?" in refusal(
        archlang.transfer, net(), net(), skip=["fc66"]
    )
    assert "meta device" in refusal(archlang.transfer, net(device="meta"), net())
    assert "meta device" in refusal(archlang.transfer, net(), net(device="meta"))
    assert "0 of 36 tensors matched" in str(archlang.transfer({}, net()))
    assert archlang.transfer({"a": 5, "b": torch.zeros(1)}, net()).unexpected == ("b",)


def test_prefixes_that_are_not_there_or_make_names_one() -> None:
    module = net(seed=1)
    before = module.head.weight.clone()
    state = {f"backbone.{key}": value for key, value in net().state_dict().items()}
    assert "expected how names of the source begin, `backbone`?" in refusal(
        archlang.transfer, state, module, rename={"backbon.": ""}
    )
    both = {"a.head.weight": torch.ones(3, 8), "b.head.weight": torch.zeros(3, 8), "b.head.bias": torch.zeros(3)}
    text = refusal(archlang.transfer, both, module, rename={"a.": "", "b.": ""})
    assert "`a.head.weight and b.head.weight`" in text and "all would be `head.weight`" in text
    one = {"a.head.weight": torch.ones(3, 8), "head.weight": torch.zeros(3, 8)}
    assert "all would be `head.weight`" in refusal(archlang.transfer, one, module, rename={"a.": ""})
    assert torch.equal(module.head.weight, before)
    # the first prefix counts, and a swap makes no two names one
    swapped = {"fc6.bias": torch.zeros(3), "head.bias": torch.ones(8)}
    report = archlang.transfer(swapped, module, rename={"fc6.": "head.", "head.": "fc6."})
    assert report.matched == ("fc6.bias", "head.bias") and bool((module.fc6.bias == 1).all())


# ---- freezing


def test_what_is_frozen_stands_still() -> None:
    module = net()
    names = archlang.freeze(module, until="features.1")
    assert set(names) == {
        name for name, _ in module.named_parameters() if name.startswith(("stem", "features.0.", "features.1."))
    }
    before = {name: value.clone() for name, value in module.state_dict().items()}
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    result, aux = module.train()(image())
    (result.sum() + aux.sum()).backward()
    optimizer.step()
    changed = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert not {name for name in changed if name.startswith(("stem", "features.0.", "features.1."))}
    assert {"features.2.running_mean", "features.5.bn.running_mean", "head.weight", "aux1.weight"} <= changed
    assert not module.features[0].bn.training and module.features[2].training


def test_the_line_is_drawn_anew() -> None:
    module = net().train()
    archlang.freeze(module, until="head")
    assert not any(p.requires_grad for name, p in module.named_parameters())
    archlang.freeze(module, until="stem")
    assert [name for name, p in module.named_parameters() if not p.requires_grad] == ["stem.weight", "stem.bias"]
    assert module.features[0].bn.training
    assert archlang.freeze(module, until=None) == ()
    assert all(part.training for part in module.modules())
    archlang.freeze(module.eval(), until="stem")
    assert not any(part.training for part in module.modules())


def test_the_line_moves_with_the_module() -> None:
    import copy

    module = net()
    archlang.freeze(module, until="features")
    other = copy.deepcopy(module)
    module.head = nn.Linear(8, 9)
    for one in (module, other):
        nn.DataParallel(one).train()
        assert not one.features[0].bn.training and one.head.training and one.head.weight.requires_grad


def frozen_norms(module: Any) -> list[Any]:
    return [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]


TRAINED: dict[str, Any] = {
    "a part": lambda module: module.features.train(),
    "a layer": lambda module: module.features[0].bn.train(),
    "each module": lambda module: [part.train() for part in module.modules()],
    "applied": lambda module: module.apply(lambda part: part.train()),
    "inside another": lambda module: nn.Sequential(module.features, nn.Flatten()).train(),
    "children of another": lambda module: nn.Sequential(*module.features.children()).eval().train(),
    "a compiled one": lambda module: torch.compile(module, backend="eager").train(),
    "parallel": lambda module: nn.DataParallel(module).train(),
}


@pytest.mark.parametrize("name", TRAINED)
def test_frozen_layers_stay_in_evaluation_whoever_calls_train(name: str) -> None:
    import copy
    import pickle

    module = net()
    archlang.freeze(module, until="features")
    for one in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        TRAINED[name](one)
        assert len(frozen_norms(one)) == 4 and not any(part.training for part in frozen_norms(one))
        before = one.features[0].bn.running_mean.clone()
        one(image())
        assert torch.equal(one.features[0].bn.running_mean, before)
        archlang.freeze(one, until=None)
        assert all(part.training for part in frozen_norms(one.train()))


def test_what_the_user_froze_stays_as_it_is() -> None:
    module = net()
    module.extra = nn.Linear(2, 2).requires_grad_(False)
    module.head.bias.requires_grad_(False)
    module.stem.bias.requires_grad_(False)
    archlang.freeze(module, until="features")
    assert not module.head.bias.requires_grad and not module.extra.weight.requires_grad
    assert module.head.weight.requires_grad and not module.stem.weight.requires_grad
    archlang.freeze(module, until="features")
    archlang.freeze(module, until=None)
    still = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    assert still == {"extra.weight", "extra.bias", "head.bias", "stem.bias"}


@pytest.mark.filterwarnings("ignore:.torch.jit.trace:DeprecationWarning")
def test_a_frozen_module_is_compiled_exported_and_traced() -> None:
    module, x = archlang.loads("INPUT(3, 8, 8) -> CONV(4, 3x3) -> b: BN -> RELU -> head: FC(3)", seed=0), image()
    archlang.freeze(module, until="b")
    y = module.train()(x)
    assert torch.equal(torch.compile(module, backend="eager", fullgraph=True)(x), y)
    assert torch.equal(torch.export.export(module, (x,)).module()(x), y)
    assert torch.equal(torch.fx.symbolic_trace(module)(x), y)
    assert torch.equal(torch.jit.trace(module, x)(x), y)


def test_parts_taken_out_behind_the_line() -> None:
    module = net()
    archlang.freeze(module, until="features")
    module.features = nn.Sequential(nn.MaxPool2d(2))
    assert module.train()(image())[0].shape == (2, 3)
    assert not module.stem.training and module.features.training


def test_shared_parts_are_frozen_where_they_first_stand() -> None:
    shared = "model N = INPUT(3, 4, 4) -> s: CONV(3, 1x1) -> t: CONV(3, 1x1) -> SHARE(s) -> u: CONV(3, 1x1)"
    assert archlang.freeze(archlang.loads(shared), until="s") == ("s.weight", "s.bias")


def test_lines_at_what_is_not_there() -> None:
    module = net()
    assert "did you mean `features`?" in refusal(archlang.freeze, module, until="feature")
    assert all(p.requires_grad for p in module.parameters())


# ---- what is around a module, and what is no module

WRAPPERS = {
    "compiled": lambda module: torch.compile(module, backend="eager"),
    "parallel": nn.DataParallel,
    "both": lambda module: nn.DataParallel(torch.compile(module, backend="eager")),
    "twice": lambda module: torch.compile(nn.DataParallel(module), backend="eager"),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_are_seen_through(name: str) -> None:
    wrap: Any = WRAPPERS[name]
    bare = net()
    wrapped = wrap(bare)
    assert archlang.transfer(net(seed=3), wrapped).complete and archlang.transfer(wrapped, net()).complete
    assert torch.equal(bare.head.weight, net(seed=3).head.weight)
    frozen = archlang.freeze(wrapped, until="features")
    assert set(frozen) == {name for name, p in bare.named_parameters() if not p.requires_grad}
    assert "stem.weight" in frozen and "head.weight" not in frozen
    wrapped.train()
    assert not bare.features[0].bn.training and bare.head.training


def test_a_compiled_module_is_exported(tmp_path: Any) -> None:
    bare = archlang.loads("INPUT(3, 4, 4) -> FC(2)", seed=0)
    for number, wrap in enumerate(WRAPPERS.values()):
        path = tmp_path / f"{number}.pt2"
        archlang.export(wrap(bare), path)
        x = torch.randn(3, 3, 4, 4)
        assert torch.equal(torch.export.load(path).module()(x), bare(x))


@pytest.mark.parametrize("wrong", [nn.Linear(3, 3), nn.DataParallel(nn.Linear(3, 3)), None, "net", 3])
def test_modules_of_others(wrong: Any, tmp_path: Any) -> None:
    for text in (
        refusal(archlang.freeze, wrong, until="f"),
        refusal(archlang.freeze, wrong, until=None),
        refusal(archlang.export, wrong, tmp_path / "x.pt2"),
    ):
        assert "expected a module that archlang made" in text
        assert "-o x" not in text
    assert not list(tmp_path.iterdir())


def test_what_is_no_state() -> None:
    module, state = net(), net(seed=1).state_dict()
    before = module.head.weight.clone()
    for wrong in ("x.pt", None, 3, [state]):
        assert "expected a module or its state_dict" in refusal(archlang.transfer, wrong, module)
    text = refusal(archlang.transfer, {"epoch": 3, "state_dict": state}, module)
    assert "give it what is under 'state_dict'" in text
    assert "under 'model'" in refusal(archlang.transfer, {"model": net(), "step": 1}, module)
    assert "a module as its target" in refusal(archlang.transfer, state, state)
    assert torch.equal(module.head.weight, before)


def test_one_part_left_out_is_one_name() -> None:
    assert archlang.transfer(net(), net(), skip="head").skipped == ("head.weight", "head.bias")
    assert "did you mean" not in refusal(archlang.transfer, net(), net(), skip="nothing-like-it")


# ---- initialising


def test_the_scheme_of_torch_is_one() -> None:
    own = archlang.loads("INPUT(3, 8, 8) -> CONV(4, 3x3) -> FC(3)", seed=0)
    same = archlang.loads("INPUT(3, 8, 8) -> CONV(4, 3x3) -> FC(3)", init="torch", seed=0)
    assert all(torch.equal(same.state_dict()[key], value) for key, value in own.state_dict().items())
    assert '"torch", "he", "lecun"' in refusal(archlang.loads, "INPUT(3, 8, 8) -> FC(3)", init="tourch")


def test_a_scheme_for_layers_without_one() -> None:
    text = 'INPUT(3, 8, 8) -> a: CONV(64, 3x3, init="xavier") -> b: CONV(64, 3x3) -> FC(3)'
    values = archlang.loads(text, init="he", seed=0).state_dict()
    assert not values["b.bias"].any() and not values["fc1.bias"].any()
    assert float(values["b.weight"].std()) == pytest.approx((2 / 576) ** 0.5, rel=0.05)
    assert float(values["a.weight"].abs().max()) <= (6 / (27 + 576)) ** 0.5
    assert '"lecun"' in refusal(archlang.loads, text, init="hee")
