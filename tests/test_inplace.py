"""Operations in place: results, gradients and the caller's tensors are those of the same network without them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archlang.checking import Request, check_source
from archlang.ir.graph import Model
from archlang.ir.inplace import harmless_in_place
from archlang.ir.walk import flatten
from archlang.source import Source

IN_PLACE = ("RELU", "RELU6", "LEAKYRELU", "ELU", "SILU", "HARDSWISH", "HARDSIGMOID", "HARDTANH")
"""All words of activations that can work in place; DROPOUT does in training only."""


def model(text: str) -> Model:
    outcome = check_source(Source("net.arch", text), Request())
    assert outcome.ok, [(d.code, d.message) for d in outcome.diagnostics]
    return outcome.models[-1]


def in_place(text: str) -> list[bool]:
    """For each layer that could be in place whether it is."""
    ops: list[Any] = [flat.layer.op for flat in flatten(model(text))]
    return [op.inplace for op in ops if hasattr(op, "inplace")]


R = "RELU(inplace=true)"


@pytest.mark.parametrize(
    "text",
    [
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> {R} -> CONV(4, 1) -> BN -> {R} -> MAXPOOL(2) -> {R} -> FLATTEN -> FC(3)",
        # a block of torchvision's ResNet: `identity` is read, and nothing writes to it
        f"block b = ADD{{ _, [CONV(4, 1) -> BN -> {R} -> CONV(4, 1) -> BN] }} -> {R}\n"
        f"model N = INPUT(4, 8, 8) -> CONV(4, 1) -> BN -> {R} -> b*3 -> layer: b*2 -> FC(3)",
        # MobileNet's head: what is copied before it is overwritten may be overwritten once more
        "INPUT(4, 8, 8) -> FC(9) -> HARDSWISH(inplace=true) -> DROPOUT(0.2, inplace=true) -> FC(3)",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> PERMUTE((1, 3, 2)) -> g: [{R} -> CONV(4, 1)]",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> [{R} -> CONV(4, 1)]*5 -> CONCAT{{ [CONV(2, 1) -> {R}], CONV(2, 1) }}",
    ],
)
def test_harmless_ones_stay(text: str) -> None:
    assert all(in_place(text))


@pytest.mark.parametrize(
    "text",
    [
        f"INPUT(4, 8, 8) -> {R} -> CONV(4, 1)",
        f"INPUT(4, 8, 8) -> FLATTEN -> {R} -> FC(3)",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> ADD{{ _, {R} }}",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> ADD{{ {R}, _ }}",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> ADD{{ _, [DROPOUT -> {R}] }}",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> ADD{{ _, g: [IDENTITY -> {R}] }}",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> ADD{{ _, [{R}]*1 }}",
        f"INPUT(4, 8, 8) -> a: CONV(4, 1) -> {R} -> ADD{{ _, a }}",
        f"INPUT(4, 8, 8) -> s: [CONV(4, 1) -> BN] -> {R} -> ADD{{ _, s.0 -> BN, s }}",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> OUTPUT{{ o: TANH }} -> {R}",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> AUX{{ o: {R} }} -> BN",
        # one body, used where it is harmless and where it is not
        f"block b = {R} -> CONV(4, 1)\nmodel N = INPUT(4, 8, 8) -> CONV(4, 1) -> b -> ADD{{ _, b }}",
        # in the backward pass torch would miss what was overwritten
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> TANH -> {R}",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> RELU -> FLATTEN -> {R}",
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> SOFTMAX -> {R}",
        # a label inside a repeat goes to all copies
        f"INPUT(4, 8, 8) -> a: CONV(4, 1) -> [CONV(4, 1) -> ADD{{ _, [a -> {R}] }}]*2",
        # what flows on from one copy to the next is read twice in the first
        f"INPUT(4, 8, 8) -> CONV(4, 1) -> CONV(4, 1) -> [ADD{{ {R}, _ }} -> IDENTITY]*2",
        f"CONCAT{{ INPUT(4, 8, 8), [PARAMETER((4, 8, 8)) -> {R}] }} -> CONV(4, 1)",
    ],
)
def test_harmful_ones_make_new_memory(text: str) -> None:
    assert not any(in_place(text))


def test_a_further_use_is_the_same_module() -> None:
    text = f"INPUT(4, 8, 8) -> CONV(4, 1) -> r: {R} -> CONV(4, 1) -> ADD{{ _, SHARE(r) }}"
    assert in_place(text) == [False, False]


def test_bodies_without_any_are_left_as_they_are() -> None:
    made = model("INPUT(4, 8, 8) -> g: [CONV(4, 1) -> RELU]*3 -> FC(3)")
    assert all(one is other for one, other in zip(harmless_in_place(made.bodies), made.bodies, strict=True))


def test_a_million_copies_are_one_body() -> None:
    text = f"INPUT(4, 8, 8) -> CONV(4, 1) -> [ADD{{ _, [CONV(4, 1) -> {R}] }}]*1_000_000"
    ops: list[Any] = [node.op for body in model(text).bodies for node in body.nodes if hasattr(node, "op")]
    assert [op.inplace for op in ops if hasattr(op, "inplace")] == [True]


# ---- torch -------------------------------------------------------------------------------------------


def stages(depth: int, *words: str) -> st.SearchStrategy[str]:
    """Stages that keep 4x6x6, most of them in place or giving on what they get; `words` are further ones."""
    others = ("CONV(4, 1)", "BN", "TANH", "IDENTITY", "PERMUTE((1, 3, 2))", "DROPOUT(0, inplace=true)", "SIGMOID")
    single = st.sampled_from((*(f"{word}(inplace=true)" for word in IN_PLACE), *others, *words))
    if depth == 0:
        return single
    inner = st.lists(stages(depth - 1, *words), min_size=1, max_size=3).map(" -> ".join)
    joined = st.tuples(st.sampled_from(("ADD", "MUL")), inner, st.one_of(st.just("_"), inner))
    joins = joined.map(lambda parts: f"{parts[0]}{{ {parts[1]}, {parts[2]} }}")
    groups = st.tuples(inner, st.integers(1, 3)).map(lambda parts: f"[{parts[0]}]*{parts[1]}")
    return st.one_of(single, joins, groups, inner.map(lambda text: f"[{text}]"))


def chains(*words: str) -> st.SearchStrategy[str]:
    return st.lists(stages(2, *words), min_size=1, max_size=4).map(" -> ".join)


def followed(module: Any, text: str) -> list[Any]:
    """Outputs and gradients of a module; its input must stay as it is."""
    torch = pytest.importorskip("torch")
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    before = x.clone()
    outputs = module(x)
    assert torch.equal(x, before), text
    if outputs[0].requires_grad:
        sum(output.square().sum() for output in outputs).backward()
    return [*outputs, *(p.grad for p in module.parameters() if p.grad is not None)]


@settings(max_examples=10, deadline=None)
@given(chains(), chains("b", "g: [b]"), st.lists(chains("b"), min_size=2, max_size=2))
def test_results_gradients_and_inputs(block: str, scope: str, rest: list[str]) -> None:
    torch = pytest.importorskip("torch")
    from archlang.backends.torch_module import build_module
    from archlang.backends.torch_source import write_source

    text = f"block b = {block}\nmodel Net = INPUT(4, 6, 6) -> {rest[0]} -> s: [{scope.replace('g: ', '')}]"
    text += f" -> OUTPUT{{ o: [s -> {R}] }} -> {rest[1]}"
    made = model(text)
    expected = followed(build_module(model(text.replace("inplace=true", "inplace=false")), 0).double(), text)
    module = ModuleType("generated")
    exec(write_source(made, "test.arch"), module.__dict__)
    torch.manual_seed(0)
    for net in (build_module(made, 0), module.__dict__["Net"]()):
        found = followed(net.double(), text)
        assert all(torch.allclose(*pair, equal_nan=True) for pair in zip(found, expected, strict=True)), text
