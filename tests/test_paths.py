"""Parts by their names: each that the flat view has is found, others are refused, and copies cost nothing."""

from __future__ import annotations

import random

import pytest
from work import at_most

from archlang.checking import Request, check_source
from archlang.ir.graph import Model
from archlang.ir.paths import Place, find_place, unknown_path
from archlang.ir.walk import flatten
from archlang.source import Source
from tests.programs import program


def models(text: str) -> tuple[Model, ...]:
    return tuple(made.with_numbers for made in check_source(Source("net.arch", text), Request()).models)


TEXTS = (
    # names that end in digits, nested repeats with layers around them, runs of several bodies, labels in single copies
    "block b2(c) = CONV(c, 3, padding=1) -> x: RELU block b(c) = b2(c) -> b2(c)\n"
    "model A = INPUT(4, 8) -> b(4) -> [b2(4) -> [CONV(4, 1) -> b(4)]*3 -> RELU]*4 -> b2(4) -> CONV(4, 1)",
    'INPUT(4, 8) -> a: [CONV(4, 1) -> [RELU -> CONV(4, 1)]*2]*3 -> ["s{i}": CONV(4 + i, 1) -> RELU for i in range(12)]',
    "INPUT(4, 8) -> [CONV(4, 1)]*11 -> [CONV(5 + i, 1) -> [RELU]*i -> BN for i in range(4)] -> CONV(2, 1)",
)


@pytest.mark.parametrize("text", [*TEXTS, *(program(random.Random(f"paths{seed}")) for seed in range(25))])
def test_all_names_are_found(text: str) -> None:
    for made in models(text):
        for flat in [*flatten(made)][:300]:
            place = find_place(made, flat.path)
            assert isinstance(place, Place) and place.path == flat.path
            assert place.node is flat.layer


@pytest.mark.parametrize("path", ["conv0", "conv12", "conv", "conv-1", "conv1.0", "conv01", "conv\u0662", "1", "", "."])
def test_other_names_are_not(path: str) -> None:
    (made,) = models("INPUT(4, 8) -> [CONV(4, 1)]*11")
    assert not isinstance(find_place(made, path), Place)


def test_copies_cost_nothing() -> None:
    (made,) = models("block b(c) = CONV(c, 1) -> RELU\nmodel A = INPUT(4, 8) -> [b(4) -> [CONV(4, 1)]*3]*1_000_000")
    with at_most(100_000):
        find_among_many(made)


def find_among_many(made: Model) -> None:
    place = find_place(made, "conv2999999")
    assert isinstance(place, Place) and [step.copy for step in place.steps] == [999_999, 1, 0]
    for path in ("conv3000001", "b1000001", "b7.conv1", "c" * 1000, "conv" + "9" * 5000):
        beside = find_place(made, path)
        assert isinstance(beside, tuple)
        assert len(unknown_path(made, path, beside).notes[0]) < 400
