"""Which inputs a module takes: held against torch, which runs the module on shapes of every size."""

from __future__ import annotations

import copy
import importlib.util
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_symbolic import chains, size_sets
from torch import nn

import archlang
from archlang.backends import torch_module
from archlang.backends.input_check import InputCheck, condition, input_check
from archlang.backends.torch_module import build_module
from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.ir.graph import Model
from archlang.ir.size_sets import SizeSet
from archlang.source import Source
from archlang.symbolic.legal import Box
from archlang.symbolic.running import merged


def model_of(text: str) -> Model:
    return check_source(Source("net.arch", text)).models[0]


def check_of(text: str) -> InputCheck:
    return input_check(model_of(text).with_numbers)


def runs(module: nn.Module, *shapes: tuple[int, ...]) -> bool:
    """Whether torch runs it, without numbers; what holds none is no result."""
    try:
        out = module.forward(*(torch.empty(shape, device="meta") for shape in shapes))
    except (RuntimeError, ValueError, IndexError, AssertionError):
        return False
    return all(tensor.numel() for tensor in (out if isinstance(out, tuple) else (out,)))


@given(size_sets())
def test_conditions_are_the_set(sizes: SizeSet) -> None:
    if not sizes:
        return
    code = condition(sizes, "h")
    for size in range(1, 150):
        assert eval(code, {"h": size}) == (size in sizes), code


@pytest.mark.parametrize(
    ("sizes", "code"),
    [
        (SizeSet.of(63), "h >= 63"),
        (SizeSet.of(32, 35), "32 <= h <= 35"),
        (SizeSet(16, ((),) * 12 + (((188, 999_996),),) + ((),) * 3), "h >= 188 and h % 16 == 12"),
        (SizeSet.of(2, 4) | SizeSet.of(9), "(2 <= h <= 4 or h >= 9)"),
    ],
)
def test_conditions_as_one_writes_them(sizes: SizeSet, code: str) -> None:
    assert condition(sizes, "h") == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INPUT(3, 32, 32) -> FC(10)", "Nx3x32x32"),
        ("INPUT(3, 32, 32) -> CONV(8, 3x3) -> AVGPOOL(to=1) -> FC(10)", "Nx3xHxW with H, W >= 3"),
        ("INPUT(1, 28, 28) -> CONV(8, 5x5) -> MAXPOOL(2) -> FC(10)", "Nx1xHxW with H, W = 28..29"),
        ("INPUT(128, 64) -> LINEAR(10)", "NxCx64"),
        ("INPUT(784) -> FC(10)", "Nx784"),
        ("INPUT(10) -> RELU", "NxL"),
        ("INPUT(3, 8, 8) -> ADD{ _, PERMUTE((1, 3, 2)) }", "Nx3xHxH"),
        (
            "CONCAT{ a: INPUT(3, 32, 32), b: INPUT(1, 32, 32) } -> CONV(3, 3x3)",
            "Nx3xHxW (`a`) and Nx1xHxW (`b`) with H, W >= 3",
        ),
        (
            "CONCAT{ a: INPUT(3, 32) -> FC(4), b: INPUT(1, 32) -> CONV(2, 3) -> AVGPOOL(to=1) -> FLATTEN }",
            "Nx3x32 (`a`) and Nx1xL2 (`b`) with L2 >= 3",
        ),
        ("INPUT(3, H, W) -> MAXPOOL(16)", "Nx3xHxW with H, W = 16k, k >= 1 (16, 32, 48, ...)"),
        ("INPUT(3, 2*H, W) -> MAXPOOL(4)", "Nx3x(2*H)xW with 2*H, W = 4k, k >= 1 (4, 8, 12, ...)"),
        ("INPUT(3, H, W) -> SLICE(-1, stop=-1)", "Nx3xHxW with W >= 2"),
        ("INPUT(3, 9, 9) -> SLICE(2, 1, -1)", "Nx3xHxW with H >= 3"),
        ("INPUT(3, 9, 9) -> SLICE(3, -4, -2)", "Nx3xHxW with W >= 4"),
        ("INPUT(3, 9, 9) -> SLICE(2, 3)", "Nx3xHxW with H >= 4"),
        ("INPUT(3, 9, 9) -> CROP(to=6)", "Nx3xHxW with H, W = 8..9"),
        ("INPUT(3, 9, 9) -> CROP(to=6, start=2)", "Nx3xHxW with H, W >= 8"),
        ("INPUT(3, H, W) -> CROP(to=6)", "Nx3xHxW with H, W = 224..225"),
        ("INPUT(3, L) -> [CONV(3, 1)]?(L > 100) -> MAXPOOL(2)", "Nx3xL with L = 2k, k >= 51 (102, 104, 106, ...)"),
    ],
)  # fmt: skip
def test_in_words(text: str, expected: str) -> None:
    assert check_of(text).text == expected


def test_zoo_in_words() -> None:
    found = {model.name: input_check(model).text for model in archlang.check("zoo:vgg").models}
    assert set(found.values()) == {"Nx3xHxW with H, W >= 32"}
    unet = archlang.check("zoo:unet").models[0]
    assert input_check(unet).text == "Nx1xHxW with H, W = 188 + 16k, k >= 0 (188, 204, 220, ...)"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chains(1), st.integers(20, 50))
def test_what_is_admitted_is_what_torch_runs(chain: str, size: int) -> None:
    outcome = check_source(Source("<text>", f"INPUT(2, {size}) -> CONV(2, 3, padding=1) -> {chain}"))
    if not outcome.ok:
        return
    check, module = input_check(outcome.models[0]), build_module(outcome.models[0], device="meta").eval()
    for length in range(1, 70):
        assert check.admits([(1, 2, length)]) == runs(module, (1, 2, length)), (check.text, length)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chains(1), st.booleans(), st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=40, max_size=40))
def test_what_is_admitted_runs_where_sizes_meet(chain: str, flat: bool, pairs: list[tuple[int, int]]) -> None:
    end = " -> FC(3)" if flat else ""
    outcome = check_source(Source("<text>", f"INPUT(2, 24, 20) -> {chain}{end}"))
    if not outcome.ok:
        return
    check, module = input_check(outcome.models[0]), build_module(outcome.models[0], device="meta").eval()
    assert check.admits([(1, 2, 24, 20)])
    for height, width in pairs:
        admitted, running = check.admits([(1, 2, height, width)]), runs(module, (1, 2, height, width))
        assert running or not admitted
        assert admitted or not running or flat


def test_every_legal_size_of_a_free_model_runs() -> None:
    model = archlang.check("zoo:unet", "UNet", input=(1, "H", "W"), width=2).models[0]
    check, module = input_check(model.with_numbers), build_module(model.with_numbers, device="meta")
    for size in range(150, 400):
        assert check.admits([(1, 1, size, 204)]) == (size >= 188 and size % 16 == 12)
        assert runs(module, (1, 1, size, 204)) or not check.admits([(1, 1, size, 204)])


def test_ranks_and_channels() -> None:
    check = check_of("INPUT(3, 32, 32) -> CONV(8, 3x3) -> AVGPOOL(to=1) -> FC(10)")
    assert check.admits([(2, 3, 32, 40)])
    for shape in ((3, 32, 32), (2, 4, 32, 32), (2, 3, 32), (2, 3, 32, 2), (3,), ()):
        assert not check.admits([shape])
    assert check.message([(3, 32, 32)]) == "Net's input is Nx3xHxW with H, W >= 3, not 3x32x32"


# ---- in live modules and written ones


HEADS = """
INPUT(3, 32, 32) -> CONV(4, 3x3) -> AUX{ AVGPOOL(5) -> FLATTEN -> FC(2) } -> CONV(4, 3x3) -> AVGPOOL(to=1) -> FC(10)
"""
TWO = "CONCAT{ a: INPUT(3, 16, 16), b: INPUT(1, 16, 16) } -> CONV(3, 3x3)"


def written(text: str, folder: Path) -> nn.Module:
    """The written source of a model as a module that Python imported."""
    import sys

    path = folder / "written_net.py"
    model = model_of(text).with_numbers
    path.write_text(write_source(model, "net.arch"))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, model.name)()


def test_sizes_are_worked_out_when_others_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def counted(model: Model, training: bool = False) -> InputCheck:
        asked.append(training)
        return input_check(model, training)

    monkeypatch.setattr(torch_module, "input_check", counted)
    module = archlang.loads("INPUT(3, 32, 32) -> CONV(8, 3x3) -> AVGPOOL(to=1) -> FC(10)").eval()
    for batch in (1, 2, 5):
        module(torch.zeros(batch, 3, 32, 32))
    assert asked == []
    for size in (20, 40, 20):
        module(torch.zeros(1, 3, size, size))
        with pytest.raises(ValueError, match="H, W >= 3, not 1x3x2x2"):
            module(torch.zeros(1, 3, 2, 2))
    assert asked == [False]


@pytest.mark.parametrize("text", ["INPUT(3, H, W) -> CONV(2, 3x3) -> MAXPOOL(2)", "INPUT(3, 32, 32) -> CONV(2, 3x3)"])
@pytest.mark.parametrize("asked", [False, True])
def test_copies_take_the_same(text: str, asked: bool) -> None:
    module = archlang.loads(text)
    if asked:
        module(torch.zeros(1, 3, 40, 40))
    for other in (
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
        pickle.loads(pickle.dumps(copy.copy(module))),
    ):
        x = torch.randn(2, 3, 30, 24)
        assert torch.equal(other(x), module(x))
        with pytest.raises(ValueError, match="not 1x3x2x2"):
            other(torch.zeros(1, 3, 2, 2))


def test_formulas_are_pickled_with_their_meaning() -> None:
    model = model_of('INPUT(3, H, W) -> CONV(2, 3x3, stride=2, round="floor") -> FLATTEN')
    again = pickle.loads(pickle.dumps(model))
    shape, same = model.outputs[0].shape, again.outputs[0].shape
    assert [f"{size}" for size in shape] == [f"{size}" for size in same]


@pytest.mark.parametrize("kind", ["live", "written"])
def test_parts_for_training_demand_sizes_in_training(kind: str, tmp_path: Path) -> None:
    module = archlang.loads(HEADS) if kind == "live" else written(HEADS, tmp_path)
    for size in range(1, 60):
        x = torch.zeros(2, 3, size, size)
        for training in (False, True):
            module.train(training)
            fits = size >= 5 and (not training or 32 <= size <= 36)
            if fits:
                module(x)
                continue
            limits = "H, W = 32..36 in training" if training and size >= 5 else "H, W "
            with pytest.raises(ValueError, match=limits):
                module(x)


@pytest.mark.parametrize("kind", ["live", "written"])
@pytest.mark.parametrize(
    "text", ["INPUT(3, 16, 16) -> CONV(2, 3x3) -> RELU", "INPUT(3, H, W) -> MAXPOOL(2)", TWO, HEADS]
)
def test_traced_compiled_and_exported(kind: str, text: str, tmp_path: Path) -> None:
    module = (archlang.loads(text) if kind == "live" else written(text, tmp_path)).eval()
    sizes = [(3, 32, 32)] if text == HEADS else [(3, 16, 16), (1, 16, 16)] if text == TWO else [(3, 16, 16)]
    inputs = tuple(torch.randn(2, *size) for size in sizes)
    expected = module(*inputs)
    others = (
        torch.fx.symbolic_trace(module),
        torch.compile(module, fullgraph=True, backend="eager"),
        torch.export.export(module, inputs).module(),
    )
    for other in others:
        assert torch.equal(other(*inputs), expected)


def test_boxes_that_fill_a_larger_one_are_that() -> None:
    def box(rows: tuple[int, int], columns: tuple[int, int]) -> Box:
        return {"H": SizeSet.of(*rows), "W": SizeSet.of(*columns)}

    wheel = [box((1, 2), (1, 1)), box((3, 3), (1, 2)), box((2, 3), (3, 3)), box((1, 1), (2, 3)), box((2, 2), (2, 2))]
    assert merged(wheel) == [box((1, 3), (1, 3))]
    assert len(merged(wheel[:4])) == 4
    assert merged([]) == []


def test_what_takes_too_long_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    from archlang.symbolic import running

    text = "INPUT(3, 64, 64) -> [CONV(2, 3x3, padding=1, stride=2)]*4 -> AVGPOOL(to=1)"
    monkeypatch.setattr(running, "MOST_EFFORT", 10)
    assert check_of(text).text == "Nx3xHxW"
