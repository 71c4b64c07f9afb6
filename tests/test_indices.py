"""Which inputs are indices, held to torch: of all ways to feed whole and real numbers, the fewest whole ones that run."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given, note
from hypothesis import strategies as st
from strategies import LAYERS, Case
from test_memory import alive_in_torch, inputs_of, kept_by_torch, model_of
from torch import nn

import archlang
from archlang.backends.torch_module import build_module
from archlang.checking import check_source
from archlang.ir.graph import Layer, Model
from archlang.ir.indices import index_inputs
from archlang.ir.memory import follow, input_bytes
from archlang.ir.ops import OPS
from archlang.ir.ops.trace import Setting
from archlang.source import Source

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

LETTERS = "abc"


# ---- layers ----------------------------------------------------------------------------------------

KEEPING = sorted(word for word in LAYERS if next(op for op in OPS if op.words[0] == word).keeps_integers)


@pytest.mark.parametrize("word", sorted(LAYERS))
@given(data=st.data())
def test_which_layers_keep_whole_numbers(word: str, data: st.DataObject) -> None:
    """Those that are said to give whole numbers for such do, or torch has no such layer; the others never do."""
    case: Case = data.draw(LAYERS[word])
    note(case.text)
    outcome = check_source(Source("<text>", case.text))
    # the coordinates of ADDCOORDS are no whole numbers, though torch cuts them down to such.
    if not outcome.ok or word == "ADDCOORDS":
        return
    model = outcome.models[0]
    try:
        result = build_module(model).eval()(*(torch.zeros(2, *one.shape, dtype=torch.long) for one in model.inputs))
    except (NotImplementedError, RuntimeError, IndexError):
        return
    assert (result.dtype == torch.long) == (word in KEEPING)


def test_some_layers_keep_whole_numbers() -> None:
    assert {"IDENTITY", "RESHAPE", "PAD", "RELU", "DROPOUT", "DROPPATH", "CONCAT", "ADD", "MAXPOOL"} <= set(KEEPING)
    assert not {"CONV", "LINEAR", "TANH", "EMBEDDING", "SCALE", "BN", "UNPOOL"} & set(KEEPING)


# ---- programs --------------------------------------------------------------------------------------

KEPT = (
    "IDENTITY", "RELU", "DROPOUT(0.3)", "DROPPATH(0.1)", "PERMUTE((2, 1))", "SHUFFLE(2)", "HARDTANH(0.0, 5.0)", "TANH",
    "RESHAPE((2, 8)) -> RESHAPE((4, 4))", "turn", "PAD(1) -> CROP(4)", "CONCAT{ _, _ } -> MAXOUT(2)", "twice{ RELU }", "twice{ turn }",
    "[SHUFFLE(g) for g in (1, 2, 4)]",
)  # fmt: skip
"""What keeps a shape of (4, 4); only TANH makes real numbers of whole ones."""

BLOCKS = "block turn = PERMUTE((2, 1)) -> RELU\nblock twice{ body } = ADD{ body, _ -> body }\n"

letters = st.sampled_from(LETTERS)


def _chains(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    chain = st.lists(inner, min_size=1, max_size=3).map(" -> ".join)
    return st.one_of(
        st.builds("[{}]*{}".format, chain, st.integers(0, 3)),
        st.builds("[{}]".format, chain),
        st.builds("ADD{{ {}, _ }}".format, chain),
        st.builds("MUL{{ {}, _ -> {} }}".format, letters, chain),
        st.builds("[MUL{{ _, {} }} -> {}]*{}".format, letters, chain, st.integers(0, 3)),
    )


steps = st.recursive(st.sampled_from(KEPT), _chains, max_leaves=4)
ends = st.sampled_from(("EMBEDDING(9, 2) -> FLATTEN", "LINEAR(3) -> FLATTEN", "FLATTEN", "BN -> FLATTEN"))


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Several inputs of one shape, joined and sent through groups, blocks and copies to tables and other layers."""
    branches = [
        " -> ".join((draw(letters), *draw(st.lists(steps, max_size=3)), draw(ends)))
        for _ in range(draw(st.integers(1, 3)))
    ]
    inputs = ", ".join(f"{letter}: INPUT(4, 4)" for letter in LETTERS)
    return f"{BLOCKS}model N = CONCAT{{ {inputs} }} -> CONCAT{{ {', '.join(branches)}, FLATTEN }}"


def ways_that_run(model: Model, module: nn.Module) -> set[tuple[bool, ...]]:
    """All choices of the inputs that are whole numbers with which torch runs the module."""
    found: set[tuple[bool, ...]] = set()
    for whole in product((False, True), repeat=len(model.inputs)):
        kinds = (torch.long if index else torch.float for index in whole)
        try:
            module(*(torch.zeros(2, *one.shape, dtype=kind) for one, kind in zip(model.inputs, kinds, strict=True)))
        except RuntimeError:
            continue
        found.add(whole)
    return found


def hold_to_torch(text: str) -> tuple[bool, ...]:
    outcome = check_source(Source("<text>", text))
    assert outcome.ok, [d.message for d in outcome.diagnostics]
    model = outcome.models[-1]
    ours, running = index_inputs(model), ways_that_run(model, build_module(model).eval())
    # where nothing runs, an input is looked up and multiplied at once: no choice is right.
    if running:
        assert ours in running
        assert all(b or not a for other in running for a, b in zip(ours, other, strict=True))
    return ours


@given(programs())
def test_random_programs(text: str) -> None:
    note(text)
    hold_to_torch(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INPUT(10) -> g: [RESHAPE((2, 5))] -> EMBEDDING(100, 8)", (True,)),
        ("INPUT(10) -> [IDENTITY]*2 -> EMBEDDING(100, 8)", (True,)),
        ("INPUT(10) -> [IDENTITY]*1_000_000 -> EMBEDDING(100, 8)", (True,)),
        ("INPUT(10) -> [EMBEDDING(100, 8)]*0 -> RELU", (False,)),
        ("INPUT(10) -> DROPOUT -> EMBEDDING(100, 8)", (True,)),
        ("INPUT(10) -> TANH -> LINEAR(3)", (False,)),
        ("CONCAT{ a: INPUT(4), b: INPUT(6) } -> EMBEDDING(9, 2)", (True, True)),
        ("ADD{ a: INPUT(4), b: INPUT(4) } -> FLATTEN -> CONCAT{ a -> EMBEDDING(9, 2) -> FLATTEN, b }", (True, False)),
        ("block b = RELU -> SELECT((0, 2))\nmodel N = INPUT(4, 2) -> b -> EMBEDDING(9, 2)", (True,)),
    ],
)
def test_known_programs(text: str, expected: tuple[bool, ...]) -> None:
    model = check_source(Source("<text>", text)).models[-1]
    assert index_inputs(model) == expected


# ---- what reads it ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(12) -> g: [RESHAPE((3, 4)) -> PERMUTE((2, 1))] -> EMBEDDING(50, 4) -> LINEAR(2)",
        "CONCAT{ a: INPUT(4), b: INPUT(6) } -> [RELU]*3 -> EMBEDDING(9, 2)",
        "ADD{ a: INPUT(2, 4), b: INPUT(2, 4) -> MUL{ _, _ } } -> PAD(1) -> EMBEDDING(9, 2) -> FC(2)",
        "INPUT(2, 6, 6) -> MAXPOOL(2) -> AVGPOOL(2, stride=1) -> FLATTEN -> EMBEDDING(9, 2)",
    ],
)
def test_memory_of_whole_numbers(text: str) -> None:
    """What is made of indices on the way to a table takes eight bytes a number, too, and none of it is kept."""
    model = model_of(text)
    assert all(index_inputs(model))
    for dtype_bytes in (4, 2):
        setting = Setting(2, dtype_bytes, device="cpu")
        assert input_bytes(model, setting) == tuple(2 * 8 * torch.Size(one.shape).numel() for one in model.inputs)
    assert follow(model, Setting(2, device="cpu")).effect.kept == kept_by_torch(
        build_module(model), inputs_of(model, 2, "cpu")
    )
    forward, _ = alive_in_torch(build_module(model), inputs_of(model, 2, "cpu"), False)
    assert follow(model, Setting(2, training=False, device="cpu")).effect.peak == forward


def test_export_of_indices_behind_a_group(tmp_path: Path) -> None:
    net = archlang.loads("INPUT(10) -> g: [RESHAPE((2, 5))] -> [IDENTITY]*2 -> DROPOUT -> EMBEDDING(100, 8)", seed=0)
    archlang.export(net, tmp_path / "net.pt2")
    x = torch.randint(0, 100, (3, 10))
    assert torch.equal(torch.export.load(tmp_path / "net.pt2").module()(x), net.eval()(x))


def test_every_kind_of_node_was_met() -> None:
    """The programs above would be worth little if they came out flat."""
    kinds = {type(node) for body in model_of(_NESTED).bodies for node in body.nodes}
    assert len(kinds - {Layer}) == 2
    assert hold_to_torch(_NESTED) == (True, False, False)


_NESTED = (
    f"{BLOCKS}model N = CONCAT{{ a: INPUT(4, 4), b: INPUT(4, 4), c: INPUT(4, 4) }} -> "
    "CONCAT{ a -> g: [RELU] -> [turn -> [SHUFFLE(s) for s in (1, 2)]]*2 -> turn -> EMBEDDING(9, 2) -> FLATTEN,"
    " b -> [ADD{ _, c }]*2 -> LINEAR(3) -> FLATTEN }"
)
