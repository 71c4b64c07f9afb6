"""Every layer against torch: shapes, parameters, buffers, work and values, and what is rejected.

torch on the meta device is the reference, and on the CPU where the input is small. Modules that torch gets are written
down in `strategies.py`, not taken from archlang; the torch expression of each op is compared with them.
"""

from __future__ import annotations

import operator
import re
from functools import reduce
from math import prod
from typing import Any

import pytest
import torch
from hypothesis import given, note
from hypothesis import strategies as st
from strategies import LAYERS, Case, Function, shapes, value_text
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archlang.backends import support
from archlang.checking import Outcome, Request, check_source
from archlang.elaborate.parts import Options
from archlang.ir.graph import Layer, Model, Ref
from archlang.ir.json import read_model, write_model
from archlang.ir.ops import WORDS
from archlang.ir.ops.base import REQUIRED, Op, Shape, TorchArgument, TorchCall
from archlang.ir.walk import fold_totals
from archlang.source import Source

BATCH = 2
SMALL = 20_000
"""Input elements up to which the CPU computes as well."""

OPS = sorted(set(WORDS.values()), key=lambda op: op.tag)

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def check(text: str) -> Outcome:
    return check_source(Source("<text>", text))


def codes(text: str) -> list[str]:
    return [d.problem.code for d in check(text).diagnostics]


def last_op(model: Model, kind: type[Op]) -> Op:
    """The last layer of a kind."""
    ops = [node.op for node in model.root.nodes if isinstance(node, Layer) and isinstance(node.op, kind)]
    return ops[-1]


class Built(nn.Module):
    """A chain of layers made of their torch expressions, as `TorchCall` describes them."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.body = model.root
        self.calls = [node.op.torch() for node in self.body.nodes if isinstance(node, Layer)]
        for index, call in enumerate(self.calls):
            if call.is_module:
                self.add_module(str(index), _constructed(call))
            elif call.target == "nn.Parameter":
                self.register_parameter(str(index), nn.Parameter(torch.zeros(call.arguments[0].value)))

    def forward(self, *inputs: Tensor) -> Any:
        """Run the layers in order."""
        values = {Ref(-1, port): x for port, x in enumerate(inputs)}
        for index, (node, call) in enumerate(zip(self.body.nodes, self.calls, strict=True)):
            results = self._results(index, call, [values[ref] for ref in node.inputs])
            values |= {Ref(index, port): result for port, result in enumerate(results)}
        return values[self.body.outputs[0]]

    def _results(self, index: int, call: TorchCall, given: list[Tensor]) -> tuple[Tensor, ...]:
        """What a layer gives."""
        if call.target == "nn.Parameter":
            return (getattr(self, str(index)),)
        given = [given[i] for i in call.inputs] or given
        result = (
            getattr(self, str(index))(*given, **_named(call.call_arguments))
            if call.is_module
            else _applied(call, given)
        )
        return (result[call.result],) if call.result is not None else result if isinstance(result, tuple) else (result,)


def _named(arguments: tuple[TorchArgument, ...]) -> dict[str, Any]:
    return {a.name: a.value for a in arguments if not a.positional}


def _found(target: str) -> Any:
    """What `nn.Conv2d` or `torch.flatten` names."""
    home, _, rest = target.partition(".")
    return reduce(getattr, rest.split("."), {"nn": nn, "torch": torch, "support": support}[home])


def _constructed(call: TorchCall) -> nn.Module:
    return _found(call.target)(*[a.value for a in call.arguments if a.positional], **_named(call.arguments))


def _applied(call: TorchCall, inputs: list[Tensor]) -> Any:
    """A function of tensors."""
    if call.target in ("+", "*"):
        return reduce({"+": operator.add, "*": operator.mul}[call.target], inputs)
    positional = [a.value for a in call.arguments if a.positional]
    if call.target == "[]":
        return inputs[0][(..., *(slice(*pair) for pair in positional[0]))]
    return _found(call.target)(
        *([tuple(inputs)] if call.tuple_inputs else inputs), *positional, **_named(call.arguments)
    )


def run(module: nn.Module, inputs: list[Tensor]) -> Tensor:
    """What comes out in evaluation."""
    out = module.to(inputs[0].device).eval()(*inputs)
    assert out.shape[0] == BATCH
    return out


def is_small(case: Case) -> bool:
    return sum(prod(shape) for shape in case.shapes) < SMALL


def torch_takes(case: Case) -> bool:
    """Whether numbers come out; on the CPU where that is cheap, since the meta device lets some mistakes pass."""
    try:
        out = run(case.module(), case.inputs(BATCH) if is_small(case) else case.meta_inputs(BATCH))
    except (RuntimeError, ValueError, IndexError, AssertionError, NotImplementedError):
        return False
    return out.numel() > 0


def count(tensors: Any) -> int:
    return sum(t.numel() for t in tensors)


def tensors_of(tensors: Any) -> dict[str, Shape]:
    """Names in the last layer, and shapes."""
    return {re.sub(r"^[0-9]+[.]?", "", name): tuple(t.shape) for name, t in tensors}


def assert_equal_to_torch(model: Model, op: Op, case: Case) -> None:
    """Shape, parameters, buffers and work on the meta device."""
    with torch.device("meta"):
        theirs, ours = case.module(), Built(model)
    (output,) = model.outputs
    with FlopCounterMode(display=False) as counter:
        assert tuple(run(theirs, case.meta_inputs(BATCH)).shape[1:]) == output.shape
    assert tuple(run(ours, case.meta_inputs(BATCH)).shape[1:]) == output.shape
    assert dict(op.parameters()) == tensors_of(ours.named_parameters())
    assert dict(op.buffers()) == tensors_of(ours.named_buffers()) == tensors_of(theirs.named_buffers())
    if not op.is_source:
        assert dict(op.parameters()) == tensors_of(theirs.named_parameters())
    totals = fold_totals(model)[-1]
    assert totals.parameters == count(p for p in theirs.parameters() if p.requires_grad)
    assert totals.buffers == count(theirs.buffers())
    assert totals.macs * BATCH * 2 == counter.get_total_flops()


def assert_same_function(model: Model, case: Case) -> None:
    """Equal numbers come out on the CPU, given equal weights."""
    theirs, ours = case.module(), Built(model)
    state = zip(ours.state_dict(), theirs.state_dict().values(), strict=True)
    ours.load_state_dict(dict(state))
    inputs = case.inputs(BATCH)
    ours_out, theirs_out = (run(module, [x.clone() for x in inputs]) for module in (ours, theirs))
    torch.testing.assert_close(ours_out, theirs_out, equal_nan=True)


def torch_name(module: nn.Module) -> str:
    """The class of a layer, empty for one that torch has no class for."""
    last = module[-1] if isinstance(module, nn.Sequential) else module
    found = [kind.__name__ for kind in type(last).__mro__ if kind.__module__.startswith("torch.nn.modules.")]
    return last.torch_class if isinstance(last, Function) else found[0]


@pytest.mark.parametrize("word", sorted(LAYERS))
@given(data=st.data())
def test_layer_is_torchs(word: str, data: st.DataObject) -> None:
    case = data.draw(LAYERS[word])
    note(case.text)
    outcome = check(case.text)
    found = {d.problem.code for d in outcome.diagnostics}
    if not outcome.ok:
        # BN(4) on four channels means nothing in torch, but eps=4 here: what was rather meant is said instead.
        assert found & (case.stricter | {"inferred-argument"}) or not torch_takes(case), found
        return
    assert not found
    (model,) = outcome.models
    op = last_op(model, WORDS[word])
    assert_equal_to_torch(model, op, case)
    if is_small(case):
        assert_same_function(model, case)
    assert read_model(write_model(model)) == model
    if not op.is_source and word != "UNPOOL":  # whose reference is a function of two layers
        assert op.torch_class == (torch_name(case.module()) or op.words[0])


def test_every_op_is_drawn() -> None:
    assert set(LAYERS) == {op.words[0] for op in OPS}


# ---- any arguments at all ---------------------------------------------------------------------------

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers(-3, 9)
    | st.floats(-2, 2, allow_subnormal=False)
    | st.booleans()
    | st.none()
    | st.sampled_from(["same", "valid", "full", "ceil", "floor", "reflect", "circular", "he", "", "x"]),
    lambda values: st.lists(values, max_size=3).map(tuple),
    max_leaves=4,
)


def on(shape: Shape, op: type[Op], layer: str) -> str:
    """A model of a layer. A join gets its input twice; what has no input is added to it."""
    layer = f"{layer}{{ _, _ }}" if op.is_join else f"ADD{{ _, {layer} }}" if op.is_source else layer
    return f"INPUT{value_text(shape)} -> {layer}"


@st.composite
def any_layer(draw: st.DrawFn) -> tuple[Shape, str]:
    """A layer with any values for any of its arguments, sensible numbers among them."""
    op = draw(st.sampled_from(OPS))
    shape = draw(shapes((1, 2, 3, 4), largest=8))
    value = st.integers(1, 4) | VALUES
    needed = [p.name for p in op.signature if p.default is REQUIRED] if draw(st.booleans()) else []
    further = st.sampled_from([*(p.name for p in op.signature), "K", "F", "S", "P", "init"])
    named = dict.fromkeys([*needed, *draw(st.lists(further, max_size=4))])
    by_position = draw(st.lists(value, max_size=2)) if draw(st.booleans()) else []
    parts = [value_text(v) for v in by_position] + [f"{name}={value_text(draw(value))}" for name in named]
    return shape, on(shape, op, f"{draw(st.sampled_from(op.words))}({', '.join(parts)})")


def meta_shape(model: Model, shape: Shape) -> Shape:
    """Shape that the model's layers give on the meta device."""
    with torch.device("meta"):
        integers = any(isinstance(node, Layer) and node.op.integer_input for node in model.root.nodes)
        x = torch.empty(BATCH, *shape, dtype=torch.long if integers else torch.float)
        return tuple(run(Built(model), [x]).shape[1:])


def assert_diagnosed_or_runs(text: str, shape: Shape) -> None:
    """A model that torch runs comes out, or one diagnostic; never an exception."""
    outcome = check(text)
    assert outcome.ok == bool(outcome.models), text
    assert len(outcome.diagnostics) == (0 if outcome.ok else 1), text
    for model in outcome.models:
        assert meta_shape(model, shape) == model.outputs[0].shape, text


@given(any_layer())
def test_any_arguments_are_diagnosed_or_run(layer: tuple[Shape, str]) -> None:
    shape, text = layer
    assert_diagnosed_or_runs(text, shape)


def minimal(op: type[Op], parameter: str) -> dict[str, Any]:
    """The other arguments that a layer needs for one of them to be tried."""
    windowed = any(p.name == "kernel_size" for p in op.signature) and parameter != "to"
    return {p.name: 2 for p in op.signature if p.default is REQUIRED} | ({"kernel_size": 2} if windowed else {})


BAD_VALUES = [
    0, -1, 100, 1.5, -0.5, True, None, "word", "", (), (2,), (2, 2), (2, 2, 2, 2), (0, 0), (-1, 1), ((2, 2), 2),
    (2.0, 2.0), ("a", "b"),
]  # fmt: skip


@pytest.mark.parametrize("shape", [(4,), (4, 6), (4, 6, 6), (4, 4, 4, 4)], ids=str)
@pytest.mark.parametrize(
    ("op", "parameter"), [pytest.param(op, p.name, id=f"{op.tag}-{p.name}") for op in OPS for p in op.signature]
)
def test_a_bad_value_is_one_diagnostic(op: type[Op], parameter: str, shape: Shape) -> None:
    for value in BAD_VALUES:
        arguments = minimal(op, parameter) | {parameter: value}
        written = ", ".join(f"{name}={value_text(v)}" for name, v in arguments.items())
        text = on(shape, op, f"{op.words[0]}({written})")
        assert_diagnosed_or_runs(text, shape)


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        ("CONV(0, 3)", "out-of-range"),
        ("CONV(-8, 3)", "out-of-range"),
        ("CONV(8, 0)", "out-of-range"),
        ("CONV(8, 3, stride=0)", "out-of-range"),
        ("CONV(8, 3, padding=-1)", "out-of-range"),
        ("CONV(8, 3, dilation=0)", "out-of-range"),
        ("CONV(8, 3, groups=0)", "out-of-range"),
        ('CONV(8, 3, padding_mode="mirror")', "out-of-range"),
        ('CONV(8, 3, padding="half")', "out-of-range"),
        ("CONV(8, 3x3x3)", "out-of-range"),
        ("CONV(8.0, 3)", "wrong-type"),
        ("CONV(true, 3)", "wrong-type"),
        ('CONV(8, "3")', "wrong-type"),
        ("CONV(8, none)", "wrong-type"),
        ("CONV(8, 3, bias=1)", "wrong-type"),
        ("CONV(8, 3, stride=none)", "wrong-type"),
        ("CONV(8)", "missing-argument"),
        ('CONV(8, 3, 1, 0, 1, 1, true, "zeros", "floor")', "too-many-arguments"),
        ("CONV(8, 3, K=8)", "duplicate-argument"),
        ("CONV(8, 3, S=1, stride=1)", "duplicate-argument"),
        ("CONV(K=8, 3)", "positional-after-keyword"),
        ("CONV(8, 3, D=2)", "unknown-argument"),
        ("CONV(8, 3, in_channels=4)", "inferred-argument"),
        ("CONV(8, 9)", "kernel-too-large"),
        ("CONV(8, 3, dilation=4)", "kernel-too-large"),
        ("CONV(8, 3, groups=3)", "groups-indivisible"),
        ("CONV(9, 3, groups=2)", "groups-indivisible"),
        ("CONV(8, 3, stride=2)", "stride-drops-input"),
        ('CONV(8, 3, round="ceil")', "argument-conflict"),
        ('CONV(8, 4, stride=2, padding="same")', "argument-conflict"),
        ('CONV(8, 3, padding=8, padding_mode="reflect")', "argument-conflict"),
        ('CONV(8, 3, padding=9, padding_mode="circular")', "argument-conflict"),
        ('CONV(8, 16, padding="same", padding_mode="reflect")', "argument-conflict"),
        ("Conv1d(8, 3)", "wrong-rank"),
        ("Conv3d(8, 3)", "wrong-rank"),
        ("POOL(0)", "out-of-range"),
        ("POOL(2, to=2)", "exclusive-arguments"),
        ("POOL(to=2, ceil_mode=true)", "exclusive-arguments"),
        ("POOL(to=0)", "out-of-range"),
        ("POOL()", "missing-argument"),
        ("POOL(K=2)", "unknown-argument"),
        ("POOL(2, padding=2)", "padding-too-large"),
        ("POOL(3, 1, 2, dilation=2)", "padding-too-large"),
        ('POOL(3, padding="full")', "padding-too-large"),
        ('POOL(2, 1, padding="same")', "argument-conflict"),
        ('POOL(3, 2, padding="same")', "argument-conflict"),
        ("POOL(3, 2)", "stride-drops-input"),
        ("POOL(9)", "kernel-too-large"),
        ('POOL(3, 2, round="nearest")', "out-of-range"),
        ('POOL(3, 2, ceil_mode=true, round="floor")', "exclusive-arguments"),
        ("POOL(3, 2, 0, 1, true, 2)", "too-many-arguments"),
        ("MaxPool1d(2)", "wrong-rank"),
        ("AVGPOOL(2, divisor_override=0)", "out-of-range"),
        ("FC(0)", "out-of-range"),
        ("FC(10, 10)", "inferred-argument"),
        ("FLATTEN(0)", "wrong-rank"),
        ("FLATTEN(2, 1)", "wrong-rank"),
        ("FLATTEN(-7)", "wrong-rank"),
        ("FLATTEN(4)", "wrong-rank"),
        ("SOFTMAX(0)", "wrong-rank"),
        ("SOFTMAX(-4)", "wrong-rank"),
        ("SOFTMAX(4)", "wrong-rank"),
        ("DROPOUT(1.5)", "out-of-range"),
        ("DROPOUT(-1)", "out-of-range"),
        ("BN(eps=-1)", "out-of-range"),
        ("BN(momentum=2)", "out-of-range"),
        ("BatchNorm1d()", "wrong-rank"),
        ("LRN(0)", "out-of-range"),
        ("LRN()", "missing-argument"),
        ("RELU(1)", "wrong-type"),
        ('RELU(init="he")', "unknown-argument"),
        ('CONV(8, 3, init="random")', "out-of-range"),
        ("SIGMOID(1)", "too-many-arguments"),
        ("CROP(9)", "out-of-range"),
        ('PAD(8, mode="reflect")', "argument-conflict"),
        ('PAD(9, mode="circular")', "argument-conflict"),
        ('PAD(channels=1, mode="replicate")', "argument-conflict"),
        ("PAD(1, before=1)", "exclusive-arguments"),
        ("PAD()", "missing-argument"),
        ("UPCONV(8, 2, 2, output_padding=2)", "out-of-range"),
        ("UPCONV(8, 1, padding=4)", "argument-conflict"),
        ("UPCONV(9, 2, groups=2)", "groups-indivisible"),
        ("UPSAMPLE()", "missing-argument"),
        ("UPSAMPLE(16, 2)", "exclusive-arguments"),
        ("UPSAMPLE(scale_factor=0)", "out-of-range"),
        ("UPSAMPLE(scale_factor=0.1)", "argument-conflict"),
        ('UPSAMPLE(16, mode="linear")', "argument-conflict"),
        ("UPSAMPLE(16, align_corners=true)", "argument-conflict"),
        ("LPPOOL(0, 2)", "out-of-range"),
        ("LPPOOL(2)", "missing-argument"),
        ("GN(3)", "groups-indivisible"),
        ("SHUFFLE(3)", "groups-indivisible"),
        ("PIXELSHUFFLE(3)", "argument-conflict"),
        ("PIXELSHUFFLE(0)", "out-of-range"),
        ("PIXELUNSHUFFLE(3)", "argument-conflict"),
        ("FLATTEN -> PIXELSHUFFLE(2)", "wrong-rank"),
        ("CELU(0)", "out-of-range"),
        ("SELECT(4)", "out-of-range"),
        ("SLICE(1, 2, 2)", "out-of-range"),
        ("SLICE(0)", "wrong-rank"),
        ("RESHAPE((3, -1))", "cannot-reshape"),
        ("RESHAPE((-1, -1))", "out-of-range"),
        ("PERMUTE((1, 2))", "out-of-range"),
        ("PERMUTE((1, 2, 2))", "out-of-range"),
        ("HARDTANH(1, 0)", "out-of-range"),
        ("ATTENTION(2)", "wrong-rank"),
        ("CONV{ _, _ }", "no-branches"),
        ("CONCAT{ _ }", "missing-branches"),
        ("CROP(2, start=7)", "out-of-range"),
        ("CONCAT(dim=0){ _, _ }", "join-mismatch"),
        ('CONCAT(align="pad"){ _, _ }', "out-of-range"),
    ],
)
def test_what_a_line_gets_wrong(layer: str, code: str) -> None:
    assert codes(f"INPUT(4, 8, 8) -> {layer}") == [code]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INPUT(4) -> CONV(8, 1)", "wrong-rank"),
        ("INPUT(4) -> POOL(1)", "wrong-rank"),
        ("INPUT(4) -> LRN(5)", "wrong-rank"),
        ("INPUT(4) -> CROP(1)", "wrong-rank"),
        ("INPUT(4, 8) -> AVGPOOL(2, divisor_override=3)", "argument-conflict"),
        ("INPUT(4, 2, 8, 8) -> AVGPOOL(3, 1, 1)", "argument-conflict"),
        ("CONCAT{ a: INPUT(4, 8, 8), b: INPUT(4, 8, 7) }", "join-mismatch"),
        ("ADD{ a: INPUT(4, 8), b: INPUT(4, 8, 8) }", "join-mismatch"),
        ("MUL{ a: INPUT(4, 8), b: INPUT(3, 8) }", "join-mismatch"),
    ],
)
def test_what_does_not_fit_its_input(text: str, code: str) -> None:
    assert codes(text) == [code]


# ---- values that differ from what torch's words suggest ------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ('CONV(8, 3, padding="same")', (8, 9, 7)),
        ('CONV(8, 4x2, padding="same")', (8, 9, 7)),
        ('CONV(8, 3, padding="same", dilation=2)', (8, 9, 7)),
        ('CONV(8, 3, padding="valid")', (8, 7, 5)),
        ('CONV(8, 3, padding="full")', (8, 11, 9)),
        ('CONV(8, 3, padding="full", dilation=2)', (8, 13, 11)),
        ('CONV(8, 4, 2, round="floor")', (8, 3, 2)),
        ('CONV(8, 3, padding=8x6, padding_mode="reflect")', (8, 23, 17)),
        ('CONV(8, 3, padding=9x7, padding_mode="circular")', (8, 25, 19)),
        ('CONV(8, 3, padding=20, padding_mode="replicate")', (8, 47, 45)),
        ("CONV(8, 1x7, padding=0x3)", (8, 9, 7)),
        ("CONV(8, 1x7, padding=3)", (8, 15, 7)),
        ('POOL(3, 1, padding="same")', (4, 9, 7)),
        ('POOL(2, 1, padding="full")', (4, 10, 8)),
        ('POOL(2, round="floor")', (4, 4, 3)),
        ('POOL(2, round="ceil")', (4, 5, 4)),
        ("POOL(2, ceil_mode=true)", (4, 5, 4)),
        ("POOL(10, ceil_mode=true)", (4, 1, 1)),
        ("POOL(to=3)", (4, 3, 3)),
        ("AVGPOOL(to=1)", (4, 1, 1)),
        ("AVGPOOL(to=10x20)", (4, 10, 20)),
        ("BN(momentum=none)", (4, 9, 7)),
        ("FLATTEN(2)", (4, 63)),
        ("FLATTEN(-3, -2)", (36, 7)),
        ("CROP(4)", (4, 4, 4)),
    ],
)
def test_shape(layer: str, shape: Shape) -> None:
    (model,) = check(f"INPUT(4, 9, 7) -> {layer}").models
    assert model.outputs[0].shape == shape
    assert meta_shape(model, (4, 9, 7)) == shape


def test_padding_of_maximum_pooling_is_never_the_maximum() -> None:
    (model,) = check("INPUT(1, 2, 2) -> POOL(2, 2, 1)").models
    assert torch.equal(Built(model)(torch.full((1, 1, 2, 2), -1.0)), torch.full((1, 1, 2, 2), -1.0))


@pytest.mark.parametrize(("argument", "corner"), [("", 4 / 9), (", count_include_pad=false", 1.0)])
def test_divisor_of_average_pooling(argument: str, corner: float) -> None:
    (model,) = check(f"INPUT(1, 3, 3) -> AVGPOOL(3, 1, 1{argument})").models
    assert Built(model)(torch.ones(1, 1, 3, 3))[0, 0, 0, 0].item() == pytest.approx(corner)


def test_paper_alpha_of_local_response_normalisation() -> None:
    """The AlexNet paper sums where torch averages: alpha=1 there is alpha=5 here, with n=5 (channels 1 to 6)."""
    x = torch.arange(1.0, 7.0).reshape(1, 6, 1)
    for alpha, first in ((1, 0.36742), (5, 0.131199)):
        (model,) = check(f"INPUT(6, 1) -> LRN(5, alpha={alpha}, beta=0.75, k=1)").models
        assert Built(model)(x).flatten()[0].item() == pytest.approx(first, rel=1e-4)


def test_equal_work_of_grouped_convolutions() -> None:
    for groups, parameters in ((1, 614_656), (2, 307_456)):
        (model,) = check(f"INPUT(96, 27, 27) -> CONV(256, 5, padding=2, groups={groups})").models
        totals = fold_totals(model)[-1]
        assert (totals.parameters, totals.macs) == (parameters, (parameters - 256) * 27 * 27)


# ---- numbers without bounds ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [
        "CONV(1_000_000_000, 1)",
        "CONV(1_000_000_000_000_000, 1)",
        "CONV(4, 1, stride=1_000_000_000_000_000)",
        "CONV(4, 1, padding=1_000_000_000_000_000)",
        'CONV(4, 3, padding=1_000_000_000_000_000, padding_mode="reflect")',
        "POOL(2, 1, padding=1_000_000_000_000_000)",
        "POOL(to=1_000_000_000_000_000)",
        "AVGPOOL(2, divisor_override=1_000_000_000_000_000)",
        "FC(1_000_000_000_000_000)",
        "LRN(1_000_000_000_000_000, alpha=1_000_000_000_000_000)",
        "FLATTEN(1_000_000_000_000_000)",
        "SOFTMAX(1_000_000_000_000_000)",
        "LEAKYRELU(1_000_000_000_000_000)",
        "CROP(1_000_000_000_000_000)",
        "CONV(4, 1_000_000_000)",
        "CONV(4, 1, groups=1_000_000_000_000_000)",
        "CONV(1_000_000_000_000_000, 1, groups=3)",
        "POOL(1_000_000_000_000_000)",
        "PAD(1_000_000_000_000_000)",
        "UPCONV(8, 1_000_000_000_000_000)",
        "UPSAMPLE(scale_factor=1_000_000_000_000_000)",
        "SELECT(1_000_000_000_000_000)",
        "RESHAPE((1_000_000_000_000_000, -1))",
        "MAXOUT(1_000_000_000_000_000)",
    ],
)
def test_huge_numbers_are_diagnosed_or_taken(layer: str) -> None:
    outcome = check(f"INPUT(4, 8, 8) -> {layer}")
    assert outcome.ok == bool(outcome.models)
    for model in outcome.models:
        assert read_model(write_model(model)) == model


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(1_000_000_000, 1, 1) -> CONV(4, 1, groups=3)",
        "INPUT(3, 1_000_000_000, 1) -> CONV(4, (999_999_999, 1), (999_999_998, 1))",
        "INPUT(3, 8, 8) -> CONV(4, 2, 1_000_000_000_000_000)",
    ],
)
def test_ways_out_of_huge_numbers_are_found_in_no_time(text: str) -> None:
    request = Request(options=Options(strict=True))
    assert len(check_source(Source("<text>", text), request).diagnostics) == 1


# ---- classes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.tag)
def test_an_op_says_what_it_is(op: type[Op]) -> None:
    assert op.tag == op.__dataclass_fields__["op"].default
    assert op.words
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*", word) for word in op.words)
    assert op.words[0].isupper()
    assert re.fullmatch(r"[a-z]+", op.kind)
    assert op.family.isalpha()
    assert op.__doc__
    assert len(op.__doc__.splitlines()[0]) > 20
    assert not op.__doc__.startswith(f"{op.__name__}(")  # the one that dataclasses write


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.tag)
def test_arguments_of_an_op_are_told_apart(op: type[Op]) -> None:
    names = [p.name for p in op.signature] + [p.letter for p in op.signature if p.letter]
    assert len(set(names)) == len(names)
    assert "init" not in names
    flags = [p.keyword for p in op.signature]
    assert flags == sorted(flags), "keyword-only arguments stand last"
    assert all(p.default is not REQUIRED or not p.keyword for p in op.signature)
    for parameter in op.signature:
        assert parameter.text.split("=")[0] == parameter.name


def test_no_word_means_two_layers() -> None:
    words = [word for op in OPS for word in op.words]
    assert len(set(words)) == len(words)
    for own in (
        [op.tag for op in OPS],
        [op.__name__ for op in OPS],
    ):
        assert len(set(own)) == len(own)


@pytest.mark.parametrize("op", [op for op in OPS if len(op.words) > 1], ids=lambda op: op.tag)
def test_torchs_class_names_are_words(op: type[Op]) -> None:
    """The class that a layer becomes is also a way to write it, adaptive poolings apart."""
    arguments = ", ".join(f"{name}={value_text(value)}" for name, value in minimal(op, "").items())
    for shape in ((4,), (4, 6), (4, 6, 6), (4, 4, 4, 4)):
        for model in check(on(shape, op, f"{op.words[0]}({arguments})")).models:
            name = last_op(model, op).torch_class
            assert name in op.words
            (again,) = check(on(shape, op, f"{name}({arguments})")).models
            assert last_op(again, op) == last_op(model, op)
