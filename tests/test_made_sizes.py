"""Which of the legal sizes a finished module takes, held against checks of each size and against the module itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archlang.checking import Request, check_source
from archlang.ir.graph import Model
from archlang.ir.walk import flatten
from archlang.report.data import report_dict
from archlang.report.legal import legal_lines, module_for
from archlang.source import Source
from archlang.symbolic.legal import SymbolicModel
from archlang.symbolic.made import holding_sizes, taken_sizes

parts = st.sampled_from(
    [
        "CONV(2, 3, padding=1)",
        "CONV(2, 2, stride=2)",
        "MAXPOOL(2)",
        "CROP(to=3)",
        "CROP(to=L - 2)",
        "UPSAMPLE(size=L)",
        "UPSAMPLE(size=2*L + 1)",
        "UPSAMPLE(scale_factor=2)",
        "PAD((L % 3, 1))",
        "SLICE(start=1, end=9)",
        "RESHAPE((1, 2*L))",
        "[TANH]?(L > 223)",
        "[RELU]*2",
        "AVGPOOL(to=4)",
        "twice",
    ]
)
TWICE = "block twice = UPSAMPLE(size=2*in_shape[1]) -> CROP(to=in_shape[1])\n"
SIZES = (*range(1, 12), *range(216, 233))


def model_of(text: str) -> Model | None:
    outcome = check_source(Source("net.arch", TWICE + "model Net = " + text), Request())
    return outcome.models[0] if outcome.ok else None


def layers_of(model: Model) -> list[Any]:
    return [(flat.path, flat.layer.op) for flat in flatten(model)]


@settings(max_examples=40, deadline=None)
@given(st.lists(parts, min_size=1, max_size=4))
def test_a_module_takes_the_sizes_with_which_all_its_layers_are_the_same(chain: list[str]) -> None:
    text = " -> ".join(["INPUT(2, L)", *chain])
    free = model_of(text)
    if not isinstance(free, SymbolicModel):
        return
    taken = taken_sizes(free) or free.legal
    made = layers_of(free.with_numbers)
    for size in SIZES:
        one = model_of(re.sub(r"\bL\b", str(size), text))
        assert ({"L": size} in taken) == (one is not None and layers_of(one) == made), size
    # what is said is said where it is so, and only there
    assert (taken_sizes(free) is not None) == any("module" in line for line in legal_lines(free))
    assert bool(holding_sizes(free)) or len(free.variants) > 1 or taken is free.legal


@settings(max_examples=10, deadline=None)
@given(st.lists(parts, min_size=1, max_size=3))
def test_the_live_module_takes_these_sizes_and_gives_their_shapes(chain: list[str]) -> None:
    torch = pytest.importorskip("torch")
    from archlang.backends.torch_module import build_module

    free = model_of(" -> ".join(["INPUT(2, L)", *chain]))
    if not isinstance(free, SymbolicModel):
        return
    taken = taken_sizes(free)
    net = build_module(free.with_numbers, seed=0, device="cpu")
    for size in SIZES:
        x = torch.zeros(1, 2, size)
        if {"L": size} in (taken or free.legal):
            assert tuple(net(x).shape[1:]) == free.shapes_at({"L": size})[1][0]
        else:
            with pytest.raises(ValueError, match="Net's input is") as caught:
                net(x)
            assert ("makes it for others" in str(caught.value)) == (taken is not None)


def test_what_holds_a_size_is_named_once_for_each_place() -> None:
    free = model_of("INPUT(3, H, W) -> [UPSAMPLE(size=(H, W)) -> CONV(3, 1x1)]*1_000 -> up: UPSAMPLE(size=(2*W, 7))")
    assert isinstance(free, SymbolicModel)
    assert [(part.owner, part.path, part.letters) for part in holding_sizes(free)] == [
        ("UPSAMPLE", "upsample1", ("H", "W")),
        ("UPSAMPLE", "up", ("W",)),
    ]
    assert module_for(free) == "made for 3x224x224, takes H, W = 224 only; legal are H, W >= 1"
    legal = report_dict((free,), (), True)["models"][0]["legal"]["module"]
    assert legal["text"] == "H, W = 224" and [layer["layer"] for layer in legal["layers"]] == ["upsample1", "up"]


def test_a_model_whose_layers_hold_no_size_says_nothing() -> None:
    free = model_of("INPUT(3, H, W) -> CONV(8, 3x3) -> UPSAMPLE(scale_factor=2) -> AVGPOOL(to=1) -> FC(2)")
    assert isinstance(free, SymbolicModel)
    assert taken_sizes(free) is None and holding_sizes(free) == ()
    assert module_for(free) == "made for 3x224x224; legal are H, W >= 3"
