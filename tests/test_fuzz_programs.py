"""Ten thousand random programs of the whole language: no exception, no hang, no wrong legal set (see `fuzzing.py`).

`benchmarks/fuzz.py` runs as many as one has time for. What it found is kept below.
"""

from __future__ import annotations

import random

import pytest
from fuzzing import check, check_words, compare_legal_sizes, examine, text_of
from programs import program

from archlang.ir.verify import verify_model
from archlang.source import Source

PROGRAMS, CHUNKS = 10_000, 25


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_programs(chunk: int) -> None:
    each = PROGRAMS // CHUNKS
    good = 0
    for seed in range(chunk * each, (chunk + 1) * each):
        try:
            good += examine(seed)
        except Exception as error:
            raise AssertionError(f"program {seed}:\n{text_of(seed)}") from error
    assert each // 10 < good < each  # or the programs test nothing


def test_a_seed_is_a_program() -> None:
    assert text_of(7) == text_of(7)
    assert len({program(random.Random(seed)) for seed in range(200)}) > 190


FOUND = {
    "a switch with a label that is no name": 'INPUT(1, 7, 9) -> "in_channels{1 + 1}": CONV(6, 2)? -> AVGPOOL(to=1)',
    "a formula in the arithmetic of an error": "INPUT(4, N, 19) -> AVGPOOL(4)",
    "ways out that each cost a full check": (
        "INPUT(2, 8, 8) -> c: AVGPOOL(to=3) -> [UPCONV(3, 2)]*1_000_000?(1 in (1, 2)) -> MAXPOOL(2)"
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(name: str) -> None:
    source = Source("net.arch", FOUND[name])
    outcome = check(source)
    check_words(source, outcome)
    for model in outcome.models:
        verify_model(model)


def test_a_wrong_legal_set_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from archlang.symbolic.legal import SizeBoxes

    assert compare_legal_sizes("INPUT(2, L) -> MAXPOOL(2)")
    monkeypatch.setattr(SizeBoxes, "__contains__", lambda self, sizes: True)
    with pytest.raises(AssertionError, match="2k"):
        compare_legal_sizes("INPUT(2, L) -> MAXPOOL(2)")
