"""The two torch backends against each other and against the IR's own counts."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from archlang.backends.torch_module import LAYER_LIMIT, build_module
from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Body, Call, Input, Layer, Model, Name, Origin, Ref
from archlang.ir.ops.activation import ReLU
from archlang.ir.ops.linear import Linear
from archlang.ir.walk import flatten, fold_totals
from archlang.source import Source

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

PROGRAMS = {
    "linear": "INPUT(3, 8, 8) -> FC(4)",
    "nothing": "model Nothing = INPUT(3, 8, 8) -> [RELU]*0",
    "identity": "model Same = INPUT(3, 8, 8) -> IDENTITY",
    "conv_fc": "INPUT(3, 8, 8) -> CONV(4, 3x3, padding=1) -> RELU -> FC(5)",
    "pairs": "INPUT(3, 16, 16) -> [CONV(4, 3x3, padding=1) -> RELU -> POOL(2)]*2 -> FC(5) -> RELU -> FC(6)",
    "blueprint": """model Net = INPUT(3, 16, 16)
        -> [CONV(4, 3x3, padding=1) -> RELU -> CONV(4, 3x3, padding=1) -> RELU -> POOL(2)]*3
        -> [FC(5) -> RELU]*2 -> FC(6)""",
    "no_copies": "model Net = INPUT(3, 8, 8) -> [[CONV(4, 3x3) -> RELU]*0 -> POOL(2)]*2 -> [FC(5)]*0 -> FC(6)",
    "alexnet": """model Alex(classes = 5) = INPUT(3, 63, 63)
        -> features: [
             CONV(6, 11x11, stride=4, padding=2) -> RELU -> MAXPOOL(3, stride=2)
             -> CONV(8, 5x5, padding=2) -> RELU -> [CONV(7, 3x3, padding=1) -> RELU]*2 -> MAXPOOL(3, stride=2)
           ]
        -> avgpool: AVGPOOL(to=2x2) -> FLATTEN
        -> classifier: [ [DROPOUT(0.5) -> FC(9) -> RELU]*2 -> FC(classes) ]""",
    "vgg": """model VGG(depths = [2, 2, 3, 3, 3], widths = [4, 5, 6, 7, 7], classes = 3) = INPUT(3, 32, 32)
        -> features: [ [CONV(w, 3x3, padding=1) -> RELU]*d -> MAXPOOL(2) for (w, d) in zip(widths, depths) ]
        -> avgpool: AVGPOOL(to=2x2) -> FLATTEN
        -> classifier: [ [FC(11) -> RELU -> DROPOUT(0.5)]*2 -> FC(classes) ]
        model VGG11 = VGG(depths = [1, 1, 2, 2, 2])
        model VGG19 = VGG(depths = [2, 2, 4, 4, 4])""",
    "vgg_unlabelled": """model Net = INPUT(3, 32, 32)
        -> [ [CONV(w, 3x3, padding=1) -> RELU]*d -> MAXPOOL(2) for (w, d) in [(4, 2), (5, 2), (6, 3)] ] -> FC(3)""",
    "deep_top": """model Deep = INPUT(3, 6, 6)
        -> [CONV(4, 3x3, padding=1) -> RELU]*30 -> FC(5) -> [RELU -> FC(4)]*40 -> FC(2)""",
    "deep_vgg": """model Deep = INPUT(3, 32, 32)
        -> [ [CONV(w, 3x3, padding=1) -> BN -> RELU]*d -> MAXPOOL(2) for (w, d) in [(4, 5), (5, 4), (6, 3), (7, 3)] ]
        -> FC(3)""",
    "narrow": "model Net = INPUT(2, 40, 40) -> body: [CONV(3, 3x3)]*9 -> FC(2)",
    "nested": """model Net = INPUT(3, 32, 32)
        -> body: [[[CONV(4, 3x3, padding=1) -> RELU]*4 -> [CONV(5, 1x1)]*2 -> POOL(2)]*4 -> CONV(6, 1x1)]""",
    "nested_scopes": """model Net = INPUT(3, 16, 16)
        -> a: [CONV(4, 3x3, padding=1) -> b: [CONV(5, 1x1) -> RELU -> c: [BN -> RELU]] -> RELU]
        -> b: [RELU] -> FC(3)""",
    "loops_in_scopes": """model Net = INPUT(3, 8, 8)
        -> a: [CONV(4, 1x1) -> [CONV(5, 1x1) -> RELU]*7 -> b: [[CONV(6, 1x1) -> RELU]*8 -> RELU] -> [BN -> RELU]*5]
        -> c: [d: [[RELU -> CONV(3, 1x1)]*9] -> [TANH]*20] -> FC(2)""",
    "blocks": """block double(c) = [CONV(c, 3x3, padding=1) -> RELU]*2
        model Net = INPUT(1, 16, 16)
        -> enc1: double(4) -> POOL(2) -> enc2: double(8) -> POOL(2) -> double(16) -> FC(3)""",
    "block_once": "block head(n) = [FC(6) -> RELU -> FC(n)]  model Net = INPUT(3, 4, 4) -> head: head(5)",
    "block_heads": "block head(n) = [FC(6) -> RELU -> FC(n)]  model Net = INPUT(3, 4, 4) -> head(5) -> RELU -> head(4)",
    "block_structures": """block unit(c, bn = false, s = 1) = CONV(c, 3x3, stride=s, padding=1) -> BN?(bn) -> RELU
        model Net = INPUT(3, 17, 17)
        -> unit(4) -> unit(4, true) -> unit(8, true, 2) -> unit(6, false, 2) -> unit(4) -> FC(2)""",
    "block_multiples": """block bottle(w, k = 3x3) =
          CONV(w, 1x1) -> CONV(w, k, padding="same", groups=w) -> CONV(4*w, 1x1)
        model Net = INPUT(3, 8, 8) -> bottle(2) -> bottle(4, 1x3) -> bottle(8, 5) -> FC(2)""",
    "block_loops": """block stage(c, n) = [CONV(c, 3x3, padding=1) -> RELU]*n -> POOL(2)
        model Net = INPUT(3, 32, 32) -> body: [stage(4, 4) -> stage(4, 5) -> stage(8, 6)] -> FC(2)""",
    "block_tables": """block stage(ws, ds) =
          [[CONV(w, 3x3, padding=1) -> RELU]*d -> BN for (w, d) in zip(ws, ds)] -> POOL(2)
        model Net = INPUT(3, 32, 32) -> stage([4, 5, 6], [2, 3, 4]) -> stage([8, 9], [4, 5]) -> FC(2)""",
    "block_lists": """block stage(ws) = [CONV(w, 3x3, padding=1) -> RELU for w in ws] -> POOL(2)
        model Net = INPUT(3, 32, 32) -> stage([4, 5, 6, 7, 4]) -> stage([8, 9, 3, 4]) -> FC(2)""",
    "block_loop_around": """block unit(c) = CONV(c, 3x3, padding=1) -> BN -> RELU
        model Net = INPUT(3, 16, 16) -> layer1: unit(4)*3 -> layer2: unit(8)*5 -> layer3: [unit(6) -> RELU]*4 -> FC(2)""",
    "block_recursion": """block level(c, depth) = CONV(c, 3x3, padding=1) -> [POOL(2) -> level(2*c, depth - 1)]?(depth > 0)
        model Net = INPUT(1, 16, 16) -> level(3, 3) -> FC(2)""",
    "block_names": """block Linear2d(K, lambda_, self_x, l) = CONV(K, lambda_, padding=1) -> CONV(l, 1x1)
        block tensor(nn) = FC(nn)
        model Net = INPUT(3, 8, 8) -> Linear2d(4, 3, 0, 5) -> Linear2d(6, 3, 0, 7) -> tensor(5) -> tensor(4)""",
    "labels": "model Net = INPUT(3, 8, 8) -> conv1: CONV(4, 3x3) -> RELU -> CONV(5, 3x3) -> act: RELU -> flat: FLATTEN -> fc: FC(2)",
    "labelled_repeats": """model Net = INPUT(3, 8, 8)
        -> stage: [CONV(4, 3x3, padding=1) -> RELU]*3 -> many: [CONV(5, 1x1) -> BN -> RELU]*9 -> act: RELU*2 -> fcs: FC(4)*4""",
    "mixed_labels": """model Net = INPUT(3, 8, 8)
        -> a: [conv: CONV(4, 3x3) -> RELU -> bn: BN -> CONV(5, 1x1)] -> b: [first: CONV(3, 1x1) -> second: TANH] -> FC(2)""",
    "numbered_labels": """model Net = INPUT(3, 8, 8)
        -> a: ["conv{i}": CONV(3 + i, 1x1) for i in range(4)] -> b: ["l{i + 1}_x": CONV(2, 1x1) -> RELU for i in range(5)]
        -> c: ["unit{i}": [CONV(i, 1x1) -> RELU] for i in range(1, 6)] -> d: ["n{i}": RELU for i in range(9)] -> FC(2)""",
    "numbered_top": "model Net = INPUT(3, 8, 8) -> [\"a{i}\": CONV(i, 1x1) -> RELU for i in range(1, 30)] -> FC(2)",
    "fc_inside": "model Net = INPUT(3, 8, 8) -> net: [CONV(4, 3x3) -> RELU -> POOL(2) -> FC(5) -> RELU -> inner: [FC(4) -> RELU]] -> FC(3)",
    "fc_inside_first": "model Net = INPUT(3, 4, 4) -> a: [b: [c: [[FC(5) -> RELU]*2 -> FC(4)] -> RELU] -> FC(3)] -> RELU",
    "fc_inside_loops": """model Net = INPUT(3, 8, 8)
        -> net: [[CONV(4, 3x3, padding=1) -> RELU]*5 -> [FC(5) -> RELU]*6 -> flatten: FC(3) -> out: [[FC(2) -> TANH]*8]]""",
    "fc_block_inside": """block mlp(n) = [FC(n) -> RELU]*2
        model Net = INPUT(3, 8, 8) -> net: [CONV(2, 3x3) -> mlp(5) -> mlp(4) -> [mlp(3)]*4]""",
    "mlp": "model MLP = INPUT(2, 5, 5) -> net: [[FC(w) -> RELU for w in [64, 32, 32, 16, 8]] -> FC(3)]",
    "one_axis": "model Seq = INPUT(4, 50) -> body: [[CONV(w, 5, stride=2, padding=2) -> BN -> RELU for w in [8, 9, 10]] -> AVGPOOL(to=1)] -> FC(2)",
    "three_axes": "model Vol = INPUT(1, 8, 8, 8) -> [CONV(4, 3x3x3, padding=1) -> BN -> RELU -> MAXPOOL(2)]*2 -> CONV(2, 1x2x2) -> FC(3)",
    "flat_input": "model Flat = INPUT(20) -> [FC(10) -> BN -> RELU]*2 -> SOFTMAX -> FC(3)",
    "arguments": """model Net = INPUT(4, 20, 20)
        -> CONV(8, 3x5, stride=1x2, padding=1x2, dilation=2, groups=2, bias=false, padding_mode="reflect", round="floor")
        -> LRN(5, alpha=5e-4, k=2) -> LEAKYRELU(0.2) -> CONV(8, 4x4, padding="same")
        -> AVGPOOL(2, count_include_pad=false, round="floor") -> BN(eps=1e-3, momentum=none, affine=false)
        -> SIGMOID -> FLATTEN(1, 2) -> SOFTMAX(-1) -> FC(4, bias=false)""",
    "init_shared": """default init = "he"
        model Net = INPUT(3, 8, 8) -> a: [[CONV(4, 3x3, padding=1) -> BN -> RELU]*4] -> FC(3, bias=false)""",
    "init_orthogonal": "default init = \"orthogonal\"  model Net = INPUT(3, 8, 8) -> [CONV(4, 3x3, padding=1) -> RELU]*3 -> FC(3)",
    "init_mixed": """block unit(c) = CONV(c, 3x3, padding=1, init="lecun") -> RELU
        model Net = INPUT(3, 8, 8) -> CONV(4, 3x3, init="he") -> unit(5) -> unit(6)
        -> a: [[CONV(4, 1x1, init="he") -> RELU]*7 -> FC(5)] -> FC(4, init="xavier") -> FC(3, init="orthogonal")""",
    "models": """model Encoder(c) = INPUT(1, 16, 16) -> CONV(c, 3x3, padding=1) -> RELU -> [CONV(c, 1x1) -> RELU]*2
        block neck(c) = CONV(c, 1x1) -> BN
        model Whole = INPUT(1, 16, 16) -> encoder: Encoder(4) -> neck(5) -> neck(6) -> FC(2)
        model Alone = encoder: Encoder(5) -> FC(3)""",
    "model_loops": """model Part(n) = INPUT(4, 8, 8) -> [CONV(4, 1x1) -> RELU]*n -> BN
        model Whole = INPUT(4, 8, 8) -> Part(25) -> Part(30) -> [Part(2)]*3 -> FC(2)""",
    "alternating": "model Net = INPUT(3, 8, 8) -> a: [CONV(w, 1x1) -> [RELU]?(w > 3) -> BN for w in [2, 3, 4, 5, 2, 3, 4]] -> FC(2)",
    "sandwich": """model Net = INPUT(3, 8, 8)
        -> a: [[CONV(a, 1x1) -> [CONV(b, 1x1) -> RELU]*n -> CONV(a, 1x1) -> [CONV(4, 1x1)]*n -> BN
               for (a, b, n) in [(3, 4, 2), (5, 3, 3), (6, 7, 4), (3, 3, 3)]] -> [CONV(7, 1x1)]*9]""",
    "depthwise": """model Net = INPUT(3, 8, 8)
        -> a: [CONV(w, 1x1) -> CONV(w, 3x3, padding=1, groups=w) -> BN -> RELU for w in [4, 5, 6, 7]] -> FC(2)""",
    "returning": """model Net = INPUT(3, 8, 8)
        -> a: [[[CONV(2*w, 1x1) -> RELU]*3 -> CONV(w, 1x1)]*2 -> CONV(w, 3x3, padding=1) -> TANH for w in [4, 5, 6, 7]] -> FC(2)""",
    "same_copies": "model Net = INPUT(3, 8, 8) -> a: [CONV(w, 1x1) -> RELU for w in [4, 4, 4, 4, 5, 5, 5, 5, 5, 4]] -> FC(2)",
    "long_table": "model Net = INPUT(3, 8, 8) -> a: [[RELU]*70 -> [CONV(w, 1x1) for w in range(1, 71)] -> [DROPOUT(p) for p in [0.1, 0.2]]]",
    "many_of_two": "model Net = INPUT(3, 8, 8) -> a: [CONV(2 if i < 40 else 3, 1x1) -> RELU for i in range(80)] -> FC(2)",
    "residual": """block residual(c, s = 1) = ADD{
          [CONV(c, 3x3, stride=s, padding=1) -> BN -> RELU -> CONV(c, 3x3, padding=1) -> BN],
          [CONV(c, 1x1, stride=s) -> BN]?(s != 1 or c != in_channels) } -> RELU
        model Net = INPUT(3, 8, 8) -> CONV(4, 1x1) -> layer1: residual(4)*3
        -> layer2: [residual(8, 2) -> residual(8)*4] -> layer3: [residual(6, 2) -> residual(6)*9] -> FC(2)""",
    "basic": """block basic(c, stride = 1) = ADD{
          conv1: CONV(c, 3x3, stride=stride, padding=1, bias=false) -> bn1: BN -> RELU
            -> conv2: CONV(c, 3x3, padding=1, bias=false) -> bn2: BN,
          downsample: [CONV(c, 1x1, stride=stride, bias=false) -> BN]?(stride != 1 or c != in_channels),
        } -> RELU
        block stage(c, count, stride) = basic(c, stride) -> basic(c)*(count - 1)
        model Net(depths = [5, 4, 6]) = INPUT(3, 16, 16) -> CONV(4, 1x1)
        -> ["layer{i + 1}": stage(4 * 2**i, depths[i], 1 if i == 0 else 2) for i in range(3)] -> FC(2)""",
    "inception": """block unit(c, k, bn = false) = conv: CONV(c, k, padding="same") -> bn: BN?(bn) -> RELU
        block inception(c1, r3, c3, pool, bn = false) = CONCAT{
          branch1: unit(c1, 1x1, bn), branch2: [unit(r3, 1x1, bn) -> unit(c3, 3x3, bn)],
          MAXPOOL(3, stride=1, padding=1) -> branch3: unit(pool, 1x1, bn) }
        model Net(aux = true) = INPUT(3, 8, 8) -> a: inception(2, 3, 4, 5) -> AUX{ aux1: head(3), CONV(2, 1x1) -> FC(4) }?(aux)
        -> b: inception(5, 4, 6, 3) -> POOL(2) -> c: inception(2, 3, 4, 5, true) -> OUTPUT{ map: IDENTITY }?(aux) -> FC(2)
        block head(n) = AVGPOOL(to=1) -> DROPOUT -> FC(n)
        model Plain = INPUT(3, 8, 8) -> a: inception(2, 3, 4, 5) -> AUX{ aux1: head(3) } -> FC(2)""",
    "unet": """block double(c) = [CONV(c, 3x3) -> RELU]*2
        block level(c, depth) = double(c)
          -> [ CONCAT(align="crop"){ _, MAXPOOL(2) -> level(2*c, depth - 1) -> CONV(c, 1x1) } -> double(c) ]?(depth > 0)
        model Net = INPUT(1, 76, 76) -> level(3, 2) -> CONV(2, 1x1)""",
    "unet_flat": """block double(c) = [CONV(c, 3x3, padding=1) -> RELU]*2
        model Net = INPUT(1, 8, 8) -> enc1: double(3) -> MAXPOOL(2) -> mid: [CONV(8, 1x1) -> inner: RELU -> CONV(4, 1x1)]
        -> CONCAT(align="crop"){ enc1, _ } -> CONCAT{ mid.inner, _, [CONV(2, 1x1)] } -> MUL{ _, CONV(1, 1x1) -> SIGMOID }""",
    "crops": """block cut(c, n) = CONCAT{ CONV(c, 1x1) -> CROP(to=n), CONV(c, 1x1) -> CROP(to=n) -> CONV(c, 1x1) }
        model Net = INPUT(1, 9, 9) -> cut(3, 7) -> cut(4, 4) -> a: [CROP(to=2x1) -> CONV(2, 1x1)] -> CROP(to=1)""",
    "labels_inside": """model Net = INPUT(3, 8, 8) -> s: CONV(3, 1x1)
        -> body: [CONV(3, 1x1) -> ADD{ _, s } -> [RELU -> ADD{ _, s }]*3 -> [CONV(3, 1x1) -> RELU]*30]
        -> CONCAT{ x: CONV(2, 1x1), [CONV(1, 1x1) for i in range(2)] } -> CONCAT{ CONV(1, 1x1) for i in range(3) }""",
    "long_beside": """model Net = INPUT(3, 4, 4) -> start: CONV(3, 1x1) -> [CONV(3, 1x1) -> RELU]*60 -> ADD{ _, start } -> [TANH]*50
        -> g: [ADD{ _, CONV(3, 1x1) } -> [CONV(3, 1x1) -> RELU]*60 -> RELU]""",
    "shared": """model Net = INPUT(3, 8, 8) -> s: CONV(3, 1x1) -> RELU -> SHARE(s) -> g: [CONV(3, 1x1) -> RELU] -> SHARE(g)
        -> h: [t: CONV(3, 1x1) -> SHARE(t)]""",
    "two_inputs": "model Net = ADD{ left: INPUT(3, 4, 4), right: INPUT(3, 4, 4) -> CONV(3, 1x1) } -> FC(2)",
    "documented": '# A net with a "quoted" word, a \\ and """.\n#  - and a second line that is far too long to stand on one line of the text, so that it must be broken somewhere\n'
    "model Net = INPUT(3, 8, 8) -> FC(2)",
}  # fmt: skip


def models_of(text: str) -> tuple[Model, ...]:
    """The models of a text that has no errors."""
    outcome = check_source(Source("test.arch", text))
    assert outcome.ok, [diagnostic.message for diagnostic in outcome.diagnostics]
    return outcome.models


MODELS = {f"{name}-{model.name}": model for name, text in PROGRAMS.items() for model in models_of(text)}
SOURCES = {name: write_source(model, "test.arch") for name, model in MODELS.items()}

every_model = pytest.mark.parametrize("name", MODELS)


def generated(source: str, name: str) -> Any:
    """The class that generated source defines."""
    module = ModuleType("generated")
    exec(compile(source, "generated.py", "exec"), module.__dict__)
    return module.__dict__[name]


def both(model: Model, source: str, seed: int = 3) -> tuple[nn.Module, nn.Module]:
    """The live module and the generated one, with the same seed, in evaluation mode."""
    live = build_module(model, seed)
    torch.manual_seed(seed)
    return live.eval(), generated(source, model.name)().eval()


def example(model: Model, batch: int = 2) -> tuple[Tensor, ...]:
    """One value for each input."""
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(batch, *item.shape, generator=generator) for item in model.inputs)


def outputs(module: nn.Module, model: Model) -> tuple[Tensor, ...]:
    """All that a module returns."""
    given = module(*example(model))
    return given if isinstance(given, tuple) else (given,)


def assert_equal(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> None:
    """The same tensors."""
    assert len(one) == len(other)
    assert all(map(torch.equal, one, other))


def assert_agree(model: Model, source: str) -> None:
    """Counts, keys, shapes, values and outputs agree among the IR, the live module and the generated source."""
    live, made = both(model, source)
    expected = {
        f"{flat.path}.{key}": shape
        for flat in flatten(model)
        if not flat.layer.shared
        for key, shape in {**flat.layer.op.parameters(), **flat.layer.op.buffers()}.items()
    }
    for module in (live, made):
        assert sum(p.numel() for p in module.parameters()) == fold_totals(model)[-1].parameters
        assert {key: tuple(value.shape) for key, value in module.state_dict().items()} == expected
    assert list(live.state_dict()) == list(made.state_dict()) == list(expected)
    for key, value in live.state_dict().items():
        assert torch.equal(value, made.state_dict()[key]), key
    assert_equal(outputs(live, model), outputs(made, model))
    always = [output.shape for output in model.outputs if not output.training]
    assert [tuple(value.shape[1:]) for value in outputs(live, model)] == always


@every_model
def test_backends_agree(name: str) -> None:
    assert_agree(MODELS[name], SOURCES[name])


@every_model
def test_weights_move_from_one_to_the_other(name: str) -> None:
    model = MODELS[name]
    live, _ = both(model, SOURCES[name], 1)
    _, made = both(model, SOURCES[name], 2)
    made.load_state_dict(live.state_dict())
    assert_equal(outputs(live, model), outputs(made, model))


@every_model
def test_training_draws_the_same_masks(name: str) -> None:
    model = MODELS[name]
    live, made = both(model, SOURCES[name])
    results: list[tuple[Tensor, ...]] = []
    for module in (live.train(), made.train()):
        torch.manual_seed(5)
        results.append(outputs(module, model))
    assert_equal(*results)
    assert [tuple(value.shape[1:]) for value in results[0]] == [output.shape for output in model.outputs]


@pytest.fixture(scope="session")
def source_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("sources")
    for name, source in SOURCES.items():
        (folder / f"{name.replace('-', '_').lower()}.py").write_text(source, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("format", "--check", "--diff"),
        ("check", "--select", "E,F,W,I,UP,N,B", "--output-format", "concise"),
    ],
)
def test_ruff_has_nothing_to_say(source_folder: Any, command: tuple[str, ...]) -> None:
    arguments = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "120", "--no-cache", "."]
    run = subprocess.run(arguments, cwd=source_folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_lines_are_short() -> None:
    long = [line for source in SOURCES.values() for line in source.splitlines() if len(line) > 112]
    assert long == []


@pytest.fixture
def modules(request: pytest.FixtureRequest) -> Iterator[tuple[Model, nn.Module]]:
    """A model with its live module, or with that of its generated source."""
    name, index = request.param
    yield MODELS[name], both(MODELS[name], SOURCES[name])[index]


TRIED = ("alexnet-Alex", "deep_top-Deep", "fc_inside_loops-Net", "inception-Net", "long_beside-Net", "unet_flat-Net")
in_both = pytest.mark.parametrize("modules", [(n, i) for n in TRIED for i in (0, 1)], indirect=True)


@in_both
def test_compiles_as_one_graph(modules: tuple[Model, nn.Module]) -> None:
    model, module = modules
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    assert_equal(outputs(compiled, model), outputs(module, model))


@in_both
def test_exports(modules: tuple[Model, nn.Module]) -> None:
    model, module = modules
    exported = torch.export.export(module, example(model)).module()
    assert_equal(outputs(exported, model), outputs(module, model))


@in_both
def test_copies(modules: tuple[Model, nn.Module]) -> None:
    model, module = modules
    other = copy.deepcopy(module)
    assert_equal(outputs(other, model), outputs(module, model))


@pytest.mark.parametrize("name", TRIED)
def test_pickles(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS[name]
    (tmp_path / "written_by_arch.py").write_text(SOURCES[name], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("written_by_arch", None)
    made = getattr(__import__("written_by_arch"), model.name)().eval()
    for module in (made, build_module(model).eval()):
        again = pickle.loads(pickle.dumps(module))
        assert_equal(outputs(again, model), outputs(module, model))


@every_model
def test_builds_without_memory(name: str) -> None:
    model = MODELS[name]
    with torch.device("meta"):
        made = generated(SOURCES[name], model.name)()
    for module in (made, build_module(model, device="meta")):
        assert all(tensor.is_meta for tensor in module.state_dict().values())
    assert list(made.state_dict()) == list(build_module(model, device="meta").state_dict())


# ---- the live module


def test_a_seed_leaves_the_global_state() -> None:
    model = MODELS["pairs-Net"] if "pairs-Net" in MODELS else next(iter(MODELS.values()))
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    build_module(model, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_the_live_module_knows_its_model_and_prints_its_names() -> None:
    module = build_module(MODELS["blocks-Net"])
    assert module.arch is MODELS["blocks-Net"]
    text = repr(module)
    assert text.startswith("Net(\n  (enc1): double(\n    (0): Conv2d(1, 4,")
    sequential = build_module(MODELS["alexnet-Alex"]).features
    assert isinstance(sequential, nn.Sequential)
    assert repr(sequential).startswith("Sequential(\n  (0): Conv2d(3, 6,")
    assert repr(sequential[:1]).startswith("Sequential(")


def test_the_default_device_counts() -> None:
    with torch.device("meta"):
        module = build_module(MODELS["vgg-VGG"])
    assert all(p.is_meta for p in module.parameters())


def test_a_module_has_a_largest_size() -> None:
    (model,) = models_of("INPUT(3, 8, 8) -> [CONV(3, 3x3, padding=1)]*100_001")
    with pytest.raises(Diagnosed, match="100,001 layers"):
        build_module(model)
    assert LAYER_LIMIT == 100_000


# ---- initialisation


def test_schemes_give_their_spread_and_zero_biases() -> None:
    (model,) = models_of(
        """model Net = INPUT(400) -> a: FC(300, init="he") -> b: FC(500, init="lecun")
        -> c: FC(200, init="xavier") -> d: FC(100, init="orthogonal") -> e: FC(9)"""
    )
    values = build_module(model, seed=0).state_dict()
    spread = {"a": (2 / 400) ** 0.5, "b": (1 / 300) ** 0.5, "c": (2 / 700) ** 0.5, "d": (1 / 200) ** 0.5}
    for name, expected in spread.items():
        assert float(values[f"{name}.weight"].std()) == pytest.approx(expected, rel=0.03)
        assert not values[f"{name}.bias"].any()
    assert values["e.bias"].any()
    square = values["d.weight"] @ values["d.weight"].T
    assert torch.allclose(square, torch.eye(100), atol=1e-5)


# ---- the text


def body_of(name: str) -> str:
    """Generated source from the first class on."""
    return SOURCES[name][SOURCES[name].index("\nclass ") :]


def test_a_comprehension_becomes_one_loop() -> None:
    assert """
        layers: list[nn.Module] = []
        channels = 3
        for width, depth in ((4, 2), (5, 2), (6, 3), (7, 3), (7, 3)):
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
""" in body_of("vgg-VGG")


def test_a_block_is_one_class_with_parameters() -> None:
    source = body_of("blocks-Net")
    assert source.count("class ") == 2
    assert "def __init__(self, in_channels: int, c: int) -> None:" in source
    assert "self.enc2 = Double(4, 8)" in source


def test_structures_of_a_block_are_told_apart_by_an_argument() -> None:
    source = body_of("block_structures-Net")
    assert "class Unit(nn.Sequential):" in source
    assert "class UnitBn(nn.Sequential):" in source
    assert "self.unit4 = Unit(8, 6, s=2)" in source


def test_the_comment_above_a_model_heads_the_file() -> None:
    assert 'A net with a "quoted" word' in SOURCES["documented-Net"]
    assert generated(SOURCES["documented-Net"], "Net").__doc__ == "Net: 3x8x8 -> 2."


def test_only_what_is_used_is_imported() -> None:
    assert "import torch\n" not in SOURCES["identity-Same"]
    assert "from torch import Tensor, nn\n" in SOURCES["identity-Same"]
    assert "import torch\n" in SOURCES["linear-Net"] if "linear-Net" in SOURCES else True


@pytest.mark.parametrize("count", [1000, 1_000_000])
def test_many_copies_stay_short(count: int) -> None:
    for stage in (f"[CONV(4, 3x3, padding=1) -> RELU]*{count}", f"a: [CONV(4, 3x3, padding=1) -> RELU]*{count}"):
        (model,) = models_of(f"model Net = INPUT(3, 8, 8) -> {stage} -> FC(2)")
        assert len(write_source(model, "test.arch").splitlines()) < 45


# ---- graphs that are no chains, as the IR can hold them


def test_values_are_read_where_the_graph_says() -> None:
    place = Origin("test.arch", 1, 1)

    def layer(name: Name, op: Any, source: int, size: int) -> Layer:
        return Layer(name, op, (Ref(source),), ((size,),), place)

    fc = Linear(in_features=4, out_features=4, bias=True)
    nodes = (
        layer(Name("stem"), fc, -1, 4),
        layer(Name("left"), fc, 0, 4),
        layer(Name("relu", 0), ReLU(inplace=False), 1, 4),
        layer(Name("right"), fc, 0, 4),
    )
    fork = Body("fork", (), ((4,),), nodes, (Ref(2), Ref(3)), (), place)
    call = Call(Name("fork"), 0, (Ref(-1),), ((4,), (4,)), place)
    root = Body("Net", (), ((4,),), (call, layer(Name("last"), fc, 0, 4)), (Ref(1), Ref(0, 1)), (), place)
    model = Model("Net", (Input("input", (4,)),), (fork, root), (), (), place)
    live, made = both(model, write_source(model, "test.arch"))
    assert_equal(outputs(live, model), outputs(made, model))


# ---- random programs


def sequences(depth: int) -> st.SearchStrategy[str]:
    """Chains of convolutions and activations, with groups, repeats and blocks nested in them."""
    width = st.integers(1, 5)
    leaf = st.one_of(
        width.map(lambda w: f"CONV({w}, 1x1)"),
        width.map(lambda w: f"CONV({w}, 3x3, padding=1)"),
        width.map(lambda w: f"unit({w})"),
        st.tuples(width, st.integers(0, 4)).map(lambda wn: f"stage({wn[0]}, {wn[1]})"),
        st.sampled_from(["RELU", "BN", "CONV(w, 1x1)", "CONV(2*w, 1x1) -> RELU", "TANH"]),
    )
    if not depth:
        return leaf
    inner = st.lists(sequences(depth - 1), min_size=1, max_size=3).map(" -> ".join)
    counts = st.lists(st.integers(1, 5), min_size=1, max_size=5)
    return st.one_of(
        leaf,
        st.tuples(inner, st.integers(0, 5)).map(lambda p: f"[{p[0]}]*{p[1]}"),
        st.tuples(inner, counts).map(lambda p: f"[{p[0]} for w in {p[1]}]"),
        st.tuples(inner, counts).map(lambda p: f"[[{p[0]}]*n -> CONV(n, 1x1) for (w, n) in zip({p[1]}, {p[1][::-1]})]"),
        inner.map(lambda text: f"LABEL: [{text}]"),
        st.tuples(inner, st.integers(1, 4)).map(lambda p: f"LABEL: [{p[0]}]*{p[1]}"),
    )


def numbered(text: str) -> str:
    """Each label with a number of its own."""
    for number in range(text.count("LABEL")):
        text = text.replace("LABEL", f"part{number}", 1)
    return text


BLOCKS = """
let w = 3
block unit(c) = CONV(c, 3x3, padding=1) -> BN -> RELU
block stage(c, n) = [CONV(c, 1x1) -> RELU]*n -> unit(c)
"""


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(sequences(3), min_size=1, max_size=4), st.booleans())
def test_random_programs_agree(stages: list[str], ends: bool) -> None:
    text = numbered(" -> ".join(stages))
    program = f"{BLOCKS} model Net = INPUT(2, 3, 3) -> {text}{' -> FC(3)' if ends else ''}"
    outcome = check_source(Source("test.arch", program))
    if not outcome.ok or fold_totals(outcome.models[0])[-1].layers > 400:
        return
    model = outcome.models[0]
    assert_agree(model, write_source(model, "test.arch"))
