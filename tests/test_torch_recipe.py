"""What live modules are made from is read once for each model, and the modules share nothing that changes."""

from __future__ import annotations

import gc
from typing import Any

import torch

import archlang
from archlang.backends import torch_recipe
from archlang.backends.torch_module import build_module
from archlang.backends.torch_recipe import recipe_of

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
