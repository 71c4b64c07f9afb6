"""Sizes left free: formulas and legal sizes, held against the elaboration of every single size.

The zoo's networks are compared for all sizes up to 1,024, random ones for all up to some hundred. What is compared
with elaborates each size by itself and knows nothing of formulas.
"""

from __future__ import annotations

import gc
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archlang
from archlang.checking import Request, Run, check_source, deep_recursion
from archlang.cli import main
from archlang.diagnostics import Collector, Diagnostic
from archlang.elaborate.builder import Flow
from archlang.elaborate.calls import LayerCall
from archlang.elaborate.elaborator import Elaborator
from archlang.elaborate.layers import Layers
from archlang.elaborate.parts import Options
from archlang.elaborate.program import Loader
from archlang.errors.symbolic import SizeInWeights
from archlang.ir.dims import Amount, Dim, value_at
from archlang.ir.formulas import formula
from archlang.ir.graph import Layer, Model
from archlang.ir.letters import Letters
from archlang.ir.ops.base import OpError, Shape
from archlang.ir.size_sets import SizeSet
from archlang.ir.walk import fold_totals, input_shapes
from archlang.reading import FileImporter, read_source
from archlang.report.text import model_table, models_text
from archlang.resources import zoo_files
from archlang.source import Source
from archlang.symbolic.explore import find_legal
from archlang.symbolic.legal import SizeBoxes, SymbolicModel, set_text
from archlang.syntax import ast

LARGEST = 1024
MANY_STAGES = 130
"""Networks with more than this are compared for the sizes at both ends only, and so are those that ask nothing new."""

UNET = """
model UNet(classes = 2, width = 64, depth = 4) = INPUT(1, H, W) -> level(width, depth) -> CONV(classes, 1x1)
block level(c, depth) =
  double(c)
  -> [ CONCAT(align="crop"){ _, MAXPOOL(2) -> level(2*c, depth - 1) -> UPCONV(c, 2x2, stride=2) } -> double(c) ]?(depth > 0)
block double(c) = [CONV(c, 3x3) -> RELU]*2
"""


# ---- one size by itself ----------------------------------------------------------------------------


class Failed(Exception):
    """The size is not legal."""


class QuickLayers(Layers):
    def _diagnostic(self, error: OpError, layer: LayerCall, call: ast.Call, shapes: tuple[Shape, ...]) -> Diagnostic:
        raise Failed


class Concrete(Elaborator):
    """Elaborates single sizes, up to their first error; parts in the middle that have equal sizes only once."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.program, run.evaluate, Collector(), Options())
        self.layers = QuickLayers(self)

    def report(self, diagnostic: Diagnostic) -> None:
        raise Failed

    def outputs(self, definition: ast.Definition, shape: Shape, **bindings: int) -> list[Shape] | None:
        self.options = Options(((None, shape),) if shape else ())
        self._depth = 0
        self.forgive()
        try:
            with deep_recursion():
                model = self.model(definition, bindings)
        except Failed:
            return None
        assert model is not None
        while self._memory and any(part is Flow.NOTHING for part in next(reversed(self._memory))):
            self._memory.popitem()  # a model's own chain, which would be remembered whatever its input
        return [out.shape for out in model.outputs]


def make_run(source: Source, shape: Sequence[int | str] = (), path: str = "") -> Run:
    collector = Collector()
    loader = Loader(FileImporter(path or source.name), collector)
    inputs = ((None, tuple(shape)),) if shape else ()
    run = Run(loader.load(source), loader.programs, Request(options=Options(inputs)), collector)
    assert not list(collector)
    return run


def explored(run: Run, definition: ast.Definition) -> SymbolicModel | None:
    with deep_recursion():
        made = run.make(definition, {})
    assert made is None or isinstance(made, SymbolicModel)
    return made


# ---- sets of sizes ---------------------------------------------------------------------------------


@st.composite
def size_sets(draw: st.DrawFn) -> SizeSet:
    found = SizeSet.of(1, 0)
    for _ in range(draw(st.integers(0, 4))):
        modulus = draw(st.integers(1, 6))
        first, length = draw(st.integers(1, 40)), draw(st.sampled_from((0, 5, 30, 10**6)))
        whole = SizeSet.of(first, min(first + length, 10**6)).refined(modulus)
        kept = draw(st.sets(st.integers(0, modulus - 1)))
        found = found | SizeSet(modulus, tuple(c if r in kept else () for r, c in enumerate(whole.classes)))
    return found


def members(sizes: SizeSet) -> set[int]:
    return {size for size in range(1, 150) if size in sizes}


@given(size_sets(), size_sets())
def test_sets_of_sizes_are_sets(a: SizeSet, b: SizeSet) -> None:
    assert members(a & b) == members(a) & members(b)
    assert members(a | b) == members(a) | members(b)
    assert members(a - b) == members(a) - members(b)
    assert (a == b) == (not (a - b) and not (b - a))


@given(size_sets())
def test_progressions_are_the_whole_set(sizes: SizeSet) -> None:
    listed = {n for first, step, last in sizes.progressions for n in range(first, (last or 150) + 1, step)}
    assert {n for n in listed if n < 150} == members(sizes)


@given(size_sets(), st.integers(1, 100))
def test_neighbours(sizes: SizeSet, size: int) -> None:
    below = [n for n in members(sizes) if n <= size]
    assert sizes.below(size) == max(below, default=None)
    above = [n for n in members(sizes) if n >= size]
    assert sizes.above(size) == min(above, default=None) or not above


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        (SizeSet.of(), ">= 1"),
        (SizeSet.of(5), ">= 5"),
        (SizeSet.of(3, 3), "= 3"),
        (SizeSet.of(475, 506), "= 475..506"),
        (SizeSet.of(2, 4) | SizeSet.of(9), "= 2..4 or >= 9"),
        (SizeSet(16, ((),) * 12 + (((188, 999_996),),) + ((),) * 3), "= 188 + 16k, k >= 0"),
        (SizeSet(4, (((8, 10**6),), (), (), ())), "= 4k, k >= 2"),
        (SizeSet(4, (((8, 10**6),), ((5, 999_997),), (), ())), "= 5 + 4k or 8 + 4k, k >= 0"),
    ],
)
def test_sets_in_words(sizes: SizeSet, text: str) -> None:
    assert set_text(sizes) == text


# ---- numbers ---------------------------------------------------------------------------------------

Function = Callable[[int], int]

STEPS: dict[str, Callable[[Any, int], Any]] = {
    "plus": lambda x, n: x + n,
    "minus": lambda x, n: x - n,
    "from": lambda x, n: n - x,
    "times": lambda x, n: x * n,
    "over": lambda x, n: x // n,
    "rest": lambda x, n: x % n,
    "halved": lambda x, n: x - x // n,
}
steps = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 5)), min_size=1, max_size=6)


def build(number: Any, program: Sequence[tuple[str, int]]) -> Any:
    for name, operand in program:
        number = STEPS[name](number, operand)
    return number


def evaluated(text: str, **letters: int) -> Fraction:
    """A formula worked out exactly."""
    exact = re.sub(r"\b(\d+)\b", r"Fraction(\1)", text.replace(",", ""))
    names = {"Fraction": Fraction, "floor": math.floor, "ceil": math.ceil}
    return eval(exact, names, {name: Fraction(value) for name, value in letters.items()})


def letters_of(domain: SizeSet, **others: SizeSet) -> Letters:
    return Letters({"H": domain, **others}, [])


@given(size_sets(), steps)
def test_formulas_have_the_values_of_the_function(domain: SizeSet, program: list[tuple[str, int]]) -> None:
    sizes = sorted(members(domain))[:60]
    if sizes:
        number = build(Dim.of(letters_of(domain), "H"), program)
        for size in sizes:
            expected = build(size, program)
            assert (number.at(size) if isinstance(number, Dim) else number) == expected
            if isinstance(number, Dim):
                assert evaluated(formula(number), H=size) == expected


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


@given(size_sets(), steps, steps, st.sampled_from(sorted(COMPARISONS)), st.integers(-5, 20), st.booleans())
def test_comparisons_split_the_sizes(
    domain: SizeSet, left: list[tuple[str, int]], right: list[tuple[str, int]], sign: str, number: int, lone: bool
) -> None:
    if not domain:
        return
    letters, compare = letters_of(domain), COMPARISONS[sign]
    letter = Dim.of(letters, "H")
    holds = compare(build(letter, left), number if lone else build(letter, right))
    split_off = [other["H"] for other in letters.left]
    for size in members(domain):
        truth = compare(build(size, left), number if lone else build(size, right))
        assert truth == holds if size in letters.domains["H"] else any(size in other for other in split_off)
        if any(size in other for other in split_off):
            assert truth != holds


@given(st.lists(st.tuples(st.integers(1, 3000), steps, steps), min_size=1, max_size=3), st.integers(0, 9))
def test_amounts_have_the_values_of_the_function(
    terms: list[tuple[int, list[tuple[str, int]], list[tuple[str, int]]]], plus: int
) -> None:
    letters = letters_of(SizeSet.of(), W=SizeSet.of())
    h, w = Dim.of(letters, "H"), Dim.of(letters, "W")
    amount = sum(n * build(h, f) * build(w, g) for n, f, g in terms) + plus
    for size in (1, 2, 5, 6, 7, 30, 31):
        for other in (1, 4, 9, 11):
            expected = sum(n * build(size, f) * build(other, g) for n, f, g in terms) + plus
            assert evaluated(format(amount, ","), H=size, W=other) == expected


def test_formulas_that_people_read() -> None:
    letters = letters_of(SizeSet.of())
    h = Dim.of(letters, "H")
    texts = ("H", "H - 4", "2*H + 3", "5 - H", "floor(H/2)", "ceil(H/2)", "floor((H - 3)/4)", "2*floor(H/2)")
    numbers = (h, h - 4, 2 * h + 3, 5 - h, h // 2, (h + 1) // 2, (h - 3) // 4, h // 2 * 2)
    assert tuple(formula(number) for number in numbers) == texts
    assert formula(((h + 1) // 2 + 3) // 4) == "ceil(H/8)"
    assert formula((2 * (h // 2) + 1) // 3) == "floor((2*floor(H/2) + 1)/3)"


def test_formulas_are_simple_where_sizes_are() -> None:
    sixteenths = SizeSet(16, tuple(((r or 16, 10**6 // 16 * 16),) if r == 0 else () for r in range(16)))
    h = Dim.of(letters_of(sixteenths), "H")
    assert [formula(n) for n in (h // 16, (h + 15) // 16, h // 2 - 4)] == ["H/16", "H/16", "(H - 8)/2"]
    assert (h % 8, (h + 3) % 16) == (0, 3)


def test_a_comparison_of_two_letters_is_refused() -> None:
    letters = letters_of(SizeSet.of(), W=SizeSet.of())
    with pytest.raises(OpError, match="depends on H and W together"):
        bool(Dim.of(letters, "H") < Dim.of(letters, "W"))


def test_products_compare_where_it_is_certain() -> None:
    letters = letters_of(SizeSet.of(), W=SizeSet.of())
    area = Dim.of(letters, "H") * Dim.of(letters, "W")
    assert isinstance(area, Amount)
    assert area > 0
    assert 3 * area != 7
    assert not area > 10**9  # a limit of the compiler's own
    assert area // area == 1 and 6 * area // 3 == 2 * area and 6 * area % 3 == 0


# ---- every network of the zoo, every size ----------------------------------------------------------


def sizes_to_compare(few: bool) -> Iterator[int]:
    return iter((*range(1, 70), *range(1000, LARGEST + 1))) if few else iter(range(1, LARGEST + 1))


def questions(model: Model) -> frozenset[object]:
    """All that a network asks of sizes: layers without channels and counts, with the formulas that flow into them."""
    layers = ((body, node) for body in model.bodies for node in body.nodes if isinstance(node, Layer))
    return frozenset(
        (layer.op.tag, *(getattr(layer.op, name, None) for name in WINDOW), *(s[1:] for s in input_shapes(body, layer)))
        for body, layer in layers
    )


WINDOW = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "to", "start", "before", "after")


def free_shape(shape: Shape) -> tuple[int | str, ...] | None:
    """All sizes but the channels as letters, and of a clip the frames too."""
    return None if len(shape) < 2 else (shape[0], *("L", "HW", "DHW")[len(shape) - 2])


def compare_sizes(
    legal: SizeBoxes, outputs: Callable[[Mapping[str, int]], list[Shape]] | None, concrete: Concrete,
    definition: ast.Definition, shape: Shape, few: bool,
) -> None:  # fmt: skip
    """Hold all sizes (of clips, those of the pictures) against what their own elaboration says."""
    for size in sizes_to_compare(few):
        sizes = {name: 16 if name == "D" else size for name in legal.letters}
        found = concrete.outputs(definition, (shape[0], *sizes.values()))
        assert (sizes in legal) == (found is not None), f"{definition.name} at {size}"
        if found is not None and outputs is not None:
            assert outputs(sizes) == found


@pytest.mark.parametrize("path", zoo_files(), ids=lambda path: path.stem)
def test_the_zoo_agrees_for_every_size(path: Path) -> None:
    source = read_source(f"zoo:{path.stem}")
    plain = make_run(source)
    concrete, asked = Concrete(plain), set[object]()
    gc.disable()  # the memory of bodies is large and none of it is garbage
    try:
        for definition in plain.program.models:
            if all(p.default is not None for p in plain.program.parameters(definition)):
                compare_network(source, plain, concrete, definition, asked)
    finally:
        gc.enable()


def compare_network(
    source: Source, plain: Run, concrete: Concrete, definition: ast.Definition, asked: set[object]
) -> None:
    plain.plain.forgive()
    known = plain.plain.model(definition, {})
    assert known is not None
    shape = known.inputs[0].shape
    free = free_shape(shape)
    if free is None:
        return
    run = make_run(source, free)
    own = run.program.definitions[definition.name].tree
    model = explored(run, own)
    few = plain.plain.work > MANY_STAGES
    if model is not None:
        asks = questions(model)
        few = few or asks in asked
        asked.add(asks)
        compare_sizes(model.legal, lambda sizes: model.shapes_at(sizes)[1], concrete, definition, shape, few)
        return
    assert {type(diagnostic.problem) for diagnostic in run.collector} == {SizeInWeights}
    legal = find_legal(make_run(source, free), own, {}, [n for n in free if isinstance(n, str)])
    assert legal is not None
    compare_sizes(legal, None, concrete, definition, shape, few)


# ---- random networks -------------------------------------------------------------------------------

kernels = st.integers(1, 5)
strides = st.integers(1, 4)


@st.composite
def layers(draw: st.DrawFn, depth: int = 2) -> str:
    """A layer, or a join of two branches."""
    kind = draw(
        st.sampled_from(("conv", "pool", "upconv", "upsample", "pad", "slice", *(("join",) * 2 if depth else ())))
    )
    k, s = draw(kernels), draw(strides)
    match kind:
        case "conv":
            dilation, padding = draw(st.integers(1, 3)), draw(st.integers(0, k))
            rounding = draw(st.sampled_from(("", ', round="floor"')))
            return f"CONV(2, {k}, stride={s}, padding={padding}, dilation={dilation}{rounding})"
        case "pool":
            word, padding = draw(st.sampled_from(("MAXPOOL", "AVGPOOL"))), draw(st.integers(0, k // 2))
            rounding = draw(st.sampled_from(("", ', round="floor"', ', round="ceil"')))
            return f"{word}({k}, stride={s}, padding={padding}{rounding})"
        case "upconv":
            return f"UPCONV(2, {k}, stride={s}, padding={draw(st.integers(0, 2))})"
        case "upsample":
            return f"UPSAMPLE(scale_factor={draw(st.sampled_from((2, 3, 0.5, 1.5)))})"
        case "pad":
            return f"PAD(before={draw(st.integers(0, 3))}, after={draw(st.integers(0, 3))})"
        case "slice":
            return f"SLICE(-1, {draw(st.integers(0, 3))}, {draw(st.sampled_from(('none', '-1', '-2')))})"
        case _:
            word = draw(st.sampled_from(("ADD", "CONCAT", 'CONCAT(align="crop")', 'ADD(align="crop")')))
            return f"{word}{{ {draw(st.just('_') | chains(depth - 1))}, {draw(chains(depth - 1))} }} -> CONV(2, 1)"


def chains(depth: int = 2) -> st.SearchStrategy[str]:
    return st.lists(layers(depth), min_size=1, max_size=4).map(" -> ".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chains())
def test_random_networks_agree_for_every_size(chain: str) -> None:
    compare_text(f"INPUT(2, L) -> {chain}", [(size,) for size in range(1, 161)])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chains(1), st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=60, max_size=60))
def test_random_networks_agree_for_pairs_of_sizes(chain: str, pairs: list[tuple[int, int]]) -> None:
    compare_text(f"INPUT(2, H, W) -> {chain}", pairs)


def compare_text(text: str, all_sizes: Sequence[tuple[int, ...]]) -> None:
    source = Source("<text>", text)
    run = make_run(source)
    (definition,) = run.program.models
    model, concrete = explored(run, definition), Concrete(run)
    for values in all_sizes:
        found = concrete.outputs(definition, (), **dict(zip("HW" if len(values) > 1 else "L", values, strict=True)))
        if model is None:
            assert found is None, f"{text} at {values}: {[d.message for d in run.collector]}"
            continue
        sizes = dict(zip(model.legal.letters, values, strict=True))
        assert (sizes in model.legal) == (found is not None), f"{text} at {values}"
        if found is not None:
            assert model.shapes_at(sizes)[1] == found, f"{text} at {values}"


def test_branches_by_size_are_variants() -> None:
    text = "INPUT(2, L) -> [CONV(2, 3, stride=2)]?(L > 40) -> [MAXPOOL(3)]?(L % 5 == 0)"
    compare_text(text, [(size,) for size in range(1, 200)])
    model = free_model(text)
    assert len(model.variants) == 4
    assert "The table is for" in model_table(model)


# ---- what it says ----------------------------------------------------------------------------------


def checked(text: str, **bindings: Any) -> Any:
    return check_source(Source("net.arch", text), Request(bindings=bindings))


def free_model(text: str, **bindings: Any) -> SymbolicModel:
    outcome = checked(text, **bindings)
    assert outcome.ok, outcome.diagnostics[0].message
    (model,) = outcome.models
    assert isinstance(model, SymbolicModel)
    return model


def diagnosed(text: str, code: str, **bindings: Any) -> Diagnostic:
    outcome = checked(text, **bindings)
    assert [d.code for d in outcome.diagnostics] == [code]
    return outcome.diagnostics[0]


def test_unet() -> None:
    model = free_model(UNET)
    assert model.legal.text == "H, W = 188 + 16k, k >= 0"
    assert [str(size) for size in model.outputs[0].shape] == ["2", "(H - 184)", "(W - 184)"]
    assert model.shapes_at(model.legal.smallest) == ([(1, 188, 188)], [(2, 4, 4)])
    assert fold_totals(model)[-1].parameters == 31_030_658
    assert [(r.path, r.demand, r.leaves and set_text(r.leaves, bounds=False)) for r in model.reasons] == [
        ("level1.1", "needs an even size", "= 2k"),
        ("level1.2.1", "needs an even size", "= 4k"),
        ("level1.2.2.1", "needs an even size", "= 4 + 8k"),
        ("level1.2.2.2.1", "needs an even size", "= 12 + 16k"),
        ("level1.2.2.4.2", "needs a size of at least 3", None),
    ]


def test_counts_are_formulas_with_the_right_values() -> None:
    formulas, numbers = free_model(UNET), checked(UNET, H=220, W=252).models[0]
    macs = format(fold_totals(formulas)[-1].macs, ",")
    assert evaluated(macs, H=220, W=252) == fold_totals(numbers)[-1].macs


def test_bound_letters_are_plain_numbers() -> None:
    outcome = checked(UNET, H=572, W=572)
    assert outcome.ok and not outcome.models[0].is_symbolic
    assert outcome.models[0].outputs[0].shape == (2, 388, 388)


def test_one_letter_bound_leaves_the_other_free() -> None:
    model = free_model(UNET, H=572)
    assert model.legal.text == "W = 188 + 16k, k >= 0"
    assert [str(size) for size in model.outputs[0].shape] == ["2", "388", "(W - 184)"]


def test_one_letter_for_both_axes() -> None:
    text = "INPUT(3, N, N) -> ADD{ _, PERMUTE((1, 3, 2)) } -> MAXPOOL(2)"
    assert free_model(text).legal.text == "N = 2k, k >= 1"
    assert free_model("model Net(N, M = 2) = " + text).legal.letters == ("N",)


def test_letters_stand_in_expressions_and_statements() -> None:
    text = "INPUT(3, H, W) -> CONV(4, 3x3) -> CROP(to=(H - 4, W // 2)) :: (4, H - 4, W // 2)"
    model = free_model(text)
    assert [str(size) for size in model.outputs[0].shape] == ["4", "(H - 4)", "floor(W/2)"]
    assert model.legal.text == "H >= 5 with W >= 3"


def test_a_stated_size_fixes_it() -> None:
    model = free_model("INPUT(3, H, W) -> MAXPOOL(2) :: (3, 16, W // 2) -> FLATTEN(1, 2) -> CONV(8, 1)")
    assert model.legal.text == "H = 32 with W = 2k, k >= 1"
    assert fold_totals(model)[-1].parameters == 8 * 48 + 8


def test_aliases_and_explicit_parameters() -> None:
    text = "model Base(H, W, c = 4) = INPUT(3, H, W) -> CONV(c, 3x3, stride=2)\nmodel Wide = Base(c = 8, W = 2 * N + 1)"
    base, wide = checked(text).models
    assert base.legal.text == "H, W = 3 + 2k, k >= 0"
    assert (wide.legal.text, str(wide.outputs[0].shape[2])) == ("N >= 1 with H = 3 + 2k, k >= 0", "N")


def test_what_fails_for_every_size_is_said_of_every_size() -> None:
    found = diagnosed("INPUT(3, H, 2 * W) -> CONV(4, 3x3, stride=2)", "stride-drops-input")
    assert found.message == "stride 2 does not cover an input of Hx(2*W)"


@pytest.mark.parametrize(
    ("target", "model", "legal"),
    [
        ("zoo:resnet", "ResNet50", "H, W >= 1"),
        ("zoo:vgg", "VGG16", "H, W = 32k, k >= 1"),
        ("zoo:unet", "UNetPadded", "H, W = 16k, k >= 1"),
        ("zoo:fcn", "FCN8s", "H, W = 475..506"),
        ("zoo:densenet", "DenseNet121", "H, W = 29..32 + 32k, k >= 0"),
    ],
)
def test_networks_that_everyone_knows(target: str, model: str, legal: str) -> None:
    report = archlang.check(target, model, input=(3, "H", "W"))
    assert report.to_dict()["models"][0]["legal"]["text"] == legal


def test_a_join_that_forces_a_multiple() -> None:
    text = "INPUT(8, L) -> CONCAT{ _, CONV(8, 3, stride=4, padding=1) -> UPSAMPLE(scale_factor=4) }"
    model = free_model(text)
    assert model.legal.text == "L = 4k, k >= 1"
    assert [r.demand for r in model.reasons] == ["needs equal sizes, not L and (4*ceil(L/4))"]


def test_the_strict_rule() -> None:
    outcome = check_source(
        Source("<text>", "INPUT(3, H) -> CONV(8, 7, stride=2, padding=3)"), Request(options=Options(strict=True))
    )
    assert outcome.models[0].legal.text == "H = 1 + 2k, k >= 0"  # pyright: ignore[reportAttributeAccessIssue]


# ---- what it cannot say ----------------------------------------------------------------------------


def test_weights_that_depend_on_a_size() -> None:
    found = diagnosed("INPUT(3, H, W) -> [CONV(8, 3x3, padding=1) -> MAXPOOL(2)]*2 -> FC(10)", "size-in-weights")
    assert found.message == "the weights of FC depend on H and W"
    assert found.problem.label == "reads 8x(H/4)x(W/4)"
    assert found.problem.notes == (
        "its weight would be 10x(H*W/2): one model for each size",
        "legal sizes, each with weights of its own: H, W = 4k, k >= 1",
    )
    assert [edit.text for way_out in found.helps for edit in way_out.edits] == ["AVGPOOL(to=1) -> "]
    assert found.problem.advice[-1] == "bind the size: -D H=224 -D W=224"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INPUT(3, H, W) -> FC(10)", "size-in-weights"),
        ("INPUT(3, L) -> ADD{ _, PARAMETER(in_shape) }", "unknown-name"),
        ("block b = ADD{ _, PARAMETER(in_shape) }\nINPUT(3, L) -> b", "size-in-weights"),
        ("INPUT(3, L) -> PERMUTE((2, 1)) -> CONV(4, 1)", "size-in-weights"),
        ("INPUT(3, H, W) -> ADD{ _, PERMUTE((1, 3, 2)) }", "sizes-compared"),
        ("INPUT(3, L) -> [CONV(3, 1)]*L", "size-not-tracked"),
        ("INPUT(3, L) -> CROP(to=L / 2)", "size-not-tracked"),
        ("INPUT(3, H, W) -> FLATTEN(2, -1) -> UPSAMPLE(scale_factor=0.5)", "size-not-tracked"),
        ("INPUT(3, L) -> CROP(to=int(0.3 * L))", "size-not-tracked"),
        ("INPUT(3, L) -> CROP(to=10 // L)", "size-not-tracked"),
        ("INPUT(3, L) -> MAXPOOL(4099)", "too-many-cases"),
        ("INPUT(3, L) -> CONV(4, 3, stride=2) -> CROP(to=L)", "no-legal-size"),
        ("INPUT(3, L) -> MAXPOL(2)", "unknown-layer"),
        ("INPUT(3, L) -> CONV(4, 3, groups=2)", "groups-indivisible"),
        ("INPUT(3, L) -> CONV(K, 3)", "unbound-parameters"),
    ],
)
def test_what_has_no_answer_is_a_diagnostic(text: str, code: str) -> None:
    diagnosed(text, code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INPUT(1, H, W) -> RESHAPE((-1, 735134400))", "size-not-tracked"),
        ("INPUT(D, H, W) -> RESHAPE((735134400, 735134400))", "too-many-cases"),
        ("INPUT(1, H, W) -> [CONV(1, 3)]*1000000", "too-many-cases"),
    ],
)
def test_what_would_take_long_ends_soon(text: str, code: str) -> None:
    """The limit is one of steps, some three seconds of them; the clock leaves room for slow machines."""
    before = time.process_time()
    diagnosed(text, code)
    assert time.process_time() - before < 15


def test_what_is_zero_divides_nothing() -> None:
    """(H - 1)//(H - 1) is 1 but for H = 1, and a product of two letters likewise."""
    for count in ("(H - 1) // (H - 1)", "((H - 1) * W) // ((H - 1) * W)"):
        assert free_model(f"INPUT(1, H, W) -> [CONV(2, 1)]*({count})").legal.text == "H >= 2 with W >= 1"
    assert free_model("INPUT(1, H, W) -> [CONV(2, 1)]*(H // H)").legal.text == "H, W >= 1"


def test_long_sums_are_multiplied_out() -> None:
    """MACs of many layers without padding, held against each size by itself."""
    text = "INPUT(1, H, W) -> [CONV(1, 3)]*20 -> MAXPOOL(2) -> [CONV(1, 3)]*20"
    macs = fold_totals(free_model(text))[-1].macs
    for height, width in ((122, 122), (130, 124), (258, 998)):
        (numbers,) = checked(text.replace("H, W", f"{height}, {width}")).models
        assert value_at(macs, {"H": height, "W": width}) == fold_totals(numbers)[-1].macs
    assert len(cast("Any", macs).terms) <= 32


def test_errors_that_have_nothing_to_do_with_sizes_come_all_and_with_ways_out() -> None:
    outcome = checked("INPUT(3, H, W) -> MAXPOL(2) -> AVGPOOL(to=1) -> FC(10, biass=true)")
    assert [d.code for d in outcome.diagnostics] == ["unknown-layer", "unknown-argument"]
    assert [d.helps[0].message for d in outcome.diagnostics] == ["write `MAXPOOL`", "write `bias`"]


def test_an_illegal_size_comes_with_its_neighbours() -> None:
    found = diagnosed(UNET, "stride-drops-input", H=200, W=188)
    assert found.helps[0].message == "UNet takes H, W = 188 + 16k, k >= 0; next to H = 200: 188 and 204"


def test_neighbours_where_each_size_has_weights_of_its_own() -> None:
    text = "INPUT(1, H, W) -> [CONV(6, 5x5) -> AVGPOOL(2)]*2 -> FC(10)"
    found = diagnosed(text, "stride-drops-input", H=29, W=28)
    assert found.helps[0].message == "Net takes H, W = 4k, k >= 4; next to H = 29: 28 and 32"


# ---- the command and Python ------------------------------------------------------------------------


def run_archc(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return (int(ended.value.code or 0), *capsys.readouterr())


@pytest.fixture
def unet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("unet.arch").write_text(UNET, encoding="utf-8")
    return "unet.arch"


def test_near(unet: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run_archc(capsys, "check", unet, "--near", "200", "--near", "W=220")
    assert status == 0
    assert "Near H = 200: 188 and 204\nNear W = 200: 188 and 204\nNear W = 220: legal\n" in out


@pytest.mark.parametrize("near", ["X=200", "much", "H="])
def test_near_what_is_no_size(unet: str, capsys: pytest.CaptureFixture[str], near: str) -> None:
    assert run_archc(capsys, "check", unet, "--near", near)[0] == 2


def test_json(unet: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run_archc(capsys, "check", unet, "--format", "json", "--near", "H=200")
    (model,) = json.loads(out)["models"]
    assert status == 0
    assert model["inputs"] == [{"name": "input", "shape": [1, "H", "W"]}]
    assert model["outputs"] == [{"name": "output", "shape": [2, "H - 184", "W - 184"]}]
    assert model["parameters"]["total"] == 31_030_658
    assert model["layers"][0]["output_shape"] == [64, "H - 2", "W - 2"]
    assert model["layers"][0]["macs"] == "576*(H - 2)*(W - 2)"
    legal = model["legal"]
    assert legal["sizes"] == [{name: [{"first": 188, "step": 16, "last": None}] for name in "HW"}]
    assert legal["smallest"] == {"sizes": {"H": 188, "W": 188}, "inputs": [[1, 188, 188]], "outputs": [[2, 4, 4]]}
    assert legal["near"] == [{"letter": "H", "size": 200, "below": 188, "above": 204}]
    assert legal["reasons"][0]["layer"] == "level1.1" and legal["reasons"][0]["line"] == 5


@pytest.mark.parametrize("form", ["csv", "md"])
def test_tables(unet: str, capsys: pytest.CaptureFixture[str], form: str) -> None:
    status, out, _ = run_archc(capsys, "check", unet, "--format", form)
    assert status == 0 and "64x(H - 2)x(W - 2)" in out


def test_letters_of_the_input_option(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run_archc(capsys, "check", "zoo:unet", "-m", "UNet", "--input", "1,H,W")
    assert "Legal sizes: H, W = 188 + 16k, k >= 0 (188, 204, 220, ...)" in out
    _, out, _ = run_archc(capsys, "check", "zoo:unet", "-m", "UNet", "--input", "1,H,W", "-D", "H=188", "-D", "W=204")
    assert out.startswith("UNet: 1x188x204 -> 2x4x20\n")


def test_several_models(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run_archc(capsys, "check", "zoo:unet", "--input", "3,H,W")
    assert status == 0
    assert out.endswith("UNetPadded: H, W = 16k, k >= 1 (16, 32, 48, ...)\n")


def test_compile_and_render_take_a_legal_size(unet: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_archc(capsys, "compile", unet)[::2] == (
        0, "wrote unet.py: UNet, made for 1x220x220; legal are H, W = 188 + 16k, k >= 0\n"
    )  # fmt: skip
    assert "Legal sizes: H, W = 188 + 16k, k >= 0. Written for 1x220x220" in Path("unet.py").read_text(encoding="utf-8")
    assert run_archc(capsys, "compile", unet, "-o", "unet.json")[0] == 0
    assert run_archc(capsys, "render", unet, "-o", "unet.dot")[0] == 0
    assert "64x(H - 2)x(W - 2)" in Path("unet.dot").read_text(encoding="utf-8")


def test_python(unet: str) -> None:
    report = archlang.check(unet)
    assert report.ok and "Legal sizes: H, W = 188 + 16k" in str(report)
    assert archlang.check(unet, H=572, W=572).models[0].outputs[0].shape == (2, 388, 388)
    assert archlang.graph(unet).number_of_nodes() > 40


SOLVED = """
model Net(s = 2, k = 3) = INPUT(3, 227, 227) -> CONV(8, 11x11, stride=s) -> MAXPOOL(k, stride=2)
model Free(s = 2) = INPUT(3, H, W) -> CONV(8, 3x3, stride=s)
"""


def test_solve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.arch"
    path.write_text(SOLVED, encoding="utf-8")
    status, out, _ = run_archc(capsys, "check", str(path), "-m", "Net", "--solve", "s=1..8")
    assert status == 0 and out.endswith("legal: s=1, s=2, s=3, s=4 or s=6\n")
    for line in out.splitlines()[:-1]:
        value = int(line[2])
        assert archlang.check(path, "Net", s=value).ok == ("error" not in line)
    status, out, _ = run_archc(capsys, "check", str(path), "-m", "Free", "--solve", "s=[2, 3]")
    assert out.splitlines()[0].endswith("H, W = 3 + 2k, k >= 0")
    status, out, _ = run_archc(capsys, "check", str(path), "-m", "Net", "--solve", "s=[5]", "--solve", "k=[2]")
    assert (status, out.splitlines()[-1]) == (1, "legal: none of them")


@pytest.mark.parametrize("solve", ["z", "s=", "s=x", "s=1)..", "s=3..1"])
def test_solve_for_what_cannot_be_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str], solve: str) -> None:
    path = tmp_path / "net.arch"
    path.write_text(SOLVED, encoding="utf-8")
    status, _, err = run_archc(capsys, "check", str(path), "-m", "Net", "--solve", solve)
    assert status in (0, 1, 2) and "fault" not in err
    assert (status == 0) == (solve == "s=")


def test_families_of_free_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.arch"
    path.write_text("model Net(N in 1..2) = INPUT(3, L) -> [CONV(3, 3, padding=1) -> MAXPOOL(2)]*N", encoding="utf-8")
    status, out, _ = run_archc(capsys, "check", str(path), "--all")
    assert status == 0
    assert [line.split("  ")[-1] for line in out.splitlines()[:2]] == ["L = 2k, k >= 1", "L = 4k, k >= 1"]


def test_a_check_of_fixed_sizes_loads_none_of_it() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from archlang.cli import main\ntry: main(['check', 'zoo:lenet'])\nexcept SystemExit: pass\n"
        "print([m for m in sys.modules if 'symbolic' in m and 'errors' not in m or m.endswith(('dims', 'letters'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_each_letter_has_the_bound_that_a_demand_comes_to() -> None:
    text = "INPUT(1, H, W) -> CONV(8, 3x7) -> POOL(3, stride=2) -> CONV(8, 5x5)"
    lines = models_text(check_source(Source("net.arch", text)).models)
    assert "hence H >= 13 and W >= 17" in lines
