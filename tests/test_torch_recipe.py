"""What live modules are made from is read once for each model, and the modules share nothing that changes."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from test_source_training import generated
from torch import nn

import archlang
from archlang.backends import torch_recipe
from archlang.backends.torch_module import build_module
from archlang.backends.torch_recipe import recipe_of
from archlang.report.rows import table_rows, walk_rows

TEXT = """
block unit(c) = ADD{ [CONV(c, 3x3, padding=1) -> BN -> DROPOUT(0.5) -> RELU], _ }

model Net =
    INPUT(3, 8, 8) -> CONV(4, 3x3) -> [unit(4)]*3 -> AUX(side){ AVGPOOL(to=1) -> FC(2) } -> [CONV(6, 3x3, padding=1) -> RELU]*2
        -> AVGPOOL(to=1) -> FC(5, init="he") -> FC(2)
"""


def model_of(text: str = TEXT) -> Any:
    return archlang.loads(text, device="meta").arch


def test_a_model_is_read_once_and_no_longer_than_it_lives() -> None:
    model = model_of()
    assert recipe_of(model) is recipe_of(model)
    key = id(model)
    assert key in torch_recipe._kept
    del model
    gc.collect()
    assert key not in torch_recipe._kept


def test_modules_of_one_model_share_no_part() -> None:
    model = model_of()
    one, other = build_module(model, seed=1), build_module(model, seed=1)
    shared = {id(part) for part in one.modules()} & {id(part) for part in other.modules()}
    assert not shared
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.add_(1)
    kept = other.state_dict()
    for name, value in build_module(model, seed=1).state_dict().items():
        assert torch.equal(value, kept[name])


def test_modes_and_hooks_are_a_modules_own() -> None:
    model = model_of()
    one, other = build_module(model, seed=1).eval(), build_module(model, seed=1)
    seen: list[Any] = []
    for part in one.modules():
        part.register_forward_hook(lambda *given: seen.append(given))
    assert all(part.training for part in other.modules())
    other(torch.zeros(2, 3, 8, 8))
    assert not seen


HEADS = {
    "dropout": "head: [DROPOUT(0.5) -> FC(4) -> RELU -> FC(2)]",
    "nested": "head: [DROPOUT(0.5) -> RELU -> inner: [DROPOUT(0.2) -> FC(4) -> RELU] -> FC(2)]",
    "permuted": "LN(channels_first=true) -> head: [DROPOUT(0.5) -> FC(2)]",
    "shared": "AUX(side){ head: [DROPOUT(0.5) -> FC(2)] } -> SHARE(head)",
}


@pytest.mark.parametrize("head", HEADS)
def test_a_group_that_flattens_first_is_a_plain_sequential(head: str) -> None:
    """As by hand: the flattening stands in front of it, in the live module and in the written class alike."""
    text = f"model Net = INPUT(3, 8, 8) -> CONV(4, 3x3) -> {HEADS[head]}"
    net = archlang.loads(text)
    written = generated(text)
    written.load_state_dict(net.state_dict())
    x = torch.randn(3, 3, 8, 8)
    for module in (net, written):
        assert isinstance(module.head, nn.Sequential)
        torch.manual_seed(0)
        module.result = module(x)
    one, other = (result if isinstance(result, tuple) else (result,) for result in (net.result, written.result))
    assert all(map(torch.equal, one, other)) and len(one) == len(other)
    for module in (net, written):
        module.head[-1] = nn.Linear(module.head[-1].in_features, 7)
        assert module.eval()(x).shape == (3, 7)
        module.head = nn.Linear(144, 5)
        assert module(x).shape == (3, 5)


def test_layers_before_the_flattening_have_the_values_of_the_report() -> None:
    net = archlang.loads("INPUT(3, 8, 8) -> CONV(4, 3x3) -> head: [DROPOUT -> RELU -> inner: [RELU -> FC(4)] -> FC(2)]")
    rows = {row.path: row.outputs[0] for row, _ in walk_rows(table_rows(net.arch))}
    names = ("head.0", "head.1", "head.inner.0", "head.inner.1", "head.inner", "head")
    values = net.eval().activations(torch.randn(2, 3, 8, 8), *names)
    assert {name: tuple(value.shape[1:]) for name, value in values.items()} == {name: rows[name] for name in names}


def test_a_flattening_inside_a_group_stays_there() -> None:
    net = archlang.loads("INPUT(3, 8, 8) -> head: [CONV(4, 3x3) -> FC(2)]")
    assert not isinstance(net.head, nn.Sequential)
    assert net.head(torch.zeros(2, 3, 8, 8)).shape == (2, 2)
