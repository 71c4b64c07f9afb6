"""The two torch backends against each other and against the IR's own counts, on the programs of `data/torch_programs.txt`.

Generated text is also held against ruff; what it says for whole networks of the zoo is in `test_zoo.py`.
"""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from archlang.backends.torch_module import build_module
from archlang.backends.torch_recipe import LAYER_LIMIT
from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Body, Call, Input, Layer, Model, Name, Origin, Ref
from archlang.ir.ops.activation import ReLU
from archlang.ir.ops.linear import Linear
from archlang.ir.walk import flatten, fold_totals
from archlang.source import Source
from archlang.variants import variants_of

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

PROGRAMS = dict(
    section.split("\n", 1)
    for section in (Path(__file__).parent / "data" / "torch_programs.txt").read_text("utf-8").split("---- ")[1:]
)
"""Texts by name."""


def models_of(text: str) -> tuple[Model, ...]:
    """The models of a text that has no errors."""
    outcome = check_source(Source("test.arch", text))
    assert outcome.ok, [diagnostic.message for diagnostic in outcome.diagnostics]
    return outcome.models


MODELS = {f"{name}-{model.name}": model for name, text in PROGRAMS.items() for model in models_of(text)}
SOURCES = {name: write_source(model, "test.arch") for name, model in MODELS.items()}

every_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than they bring for layers this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
    """All that a module returns, with the same random numbers for what it draws."""
    torch.manual_seed(5)
    returned = module(*example(model))
    return returned if isinstance(returned, tuple) else (returned,)


def assert_equal(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> None:
    """The same tensors."""
    assert len(one) == len(other)
    assert all(map(torch.equal, one, other))


def expected_state(model: Model) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the state_dict, from the IR alone."""
    return {
        f"{flat.path}.{key}" if key else flat.path: shape
        for flat in flatten(model)
        if not flat.layer.shared
        for key, shape in {**flat.layer.op.parameters(), **flat.layer.op.buffers()}.items()
    }


def assert_agree(model: Model, source: str) -> None:
    """Counts, keys, shapes, values and outputs agree among the IR, the live module and the generated source."""
    live, made = both(model, source)
    for module in (live, made):
        assert sum(p.numel() for p in module.parameters()) == fold_totals(model)[-1].parameters
        assert {key: tuple(value.shape) for key, value in module.state_dict().items()} == expected_state(model)
    assert list(live.state_dict()) == list(made.state_dict())
    for key, value in live.state_dict().items():
        assert torch.equal(value, made.state_dict()[key]), key
    always = [output.shape for output in model.outputs if not output.training]
    assert [tuple(value.shape[1:]) for value in outputs(live, model)] == always
    assert_equal(outputs(live, model), outputs(made, model))


@every_model
def test_backends_agree(name: str) -> None:
    assert_agree(MODELS[name], SOURCES[name])


@every_model
def test_weights_move_and_training_draws_the_same_masks(name: str) -> None:
    model = MODELS[name]
    live, made = both(model, SOURCES[name], 1)
    made.load_state_dict(build_module(model, 2).state_dict())
    live.load_state_dict(made.state_dict())
    trained = outputs(live.train(), model)
    assert_equal(trained, outputs(made.train(), model))
    assert [tuple(value.shape[1:]) for value in trained] == [output.shape for output in model.outputs]


def test_keys_stand_in_the_order_of_execution() -> None:
    for name in ("vgg-VGG", "inception-Net", "loops_in_scopes-Net", "shared-Net"):
        assert list(build_module(MODELS[name], device="meta").state_dict()) == list(expected_state(MODELS[name]))


@pytest.fixture(scope="session")
def source_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
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
def test_ruff_has_nothing_to_say(source_folder: Path, command: tuple[str, ...]) -> None:
    arguments = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "120", "--no-cache", "."]
    run = subprocess.run(arguments, cwd=source_folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


TRIED = (
    "alexnet-Alex",
    "attention-Net",
    "deep_top-Deep",
    "fc_inside_loops-Net",
    "inception-Net",
    "long_beside-Net",
    "support-AddCoords",
    "switches-Net",
    "unet-Net",
    "unet_flat-Net",
)
in_both = pytest.mark.parametrize(("name", "index"), [(name, index) for name in TRIED for index in (0, 1)])


@in_both
def test_compiles_exports_and_copies(name: str, index: int) -> None:
    model = MODELS[name]
    module = both(model, SOURCES[name])[index]
    expected = outputs(module, model)
    torch._dynamo.reset()
    assert_equal(outputs(torch.compile(module, backend="eager", fullgraph=True), model), expected)
    assert_equal(outputs(torch.export.export(module, example(model)).module(), model), expected)
    assert_equal(outputs(copy.deepcopy(module), model), expected)


@pytest.mark.parametrize("name", TRIED)
def test_pickles(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS[name]
    (tmp_path / "written_by_arch.py").write_text(SOURCES[name], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "written_by_arch", raising=False)
    made = getattr(__import__("written_by_arch"), model.name)().eval()
    for module in (made, build_module(model).eval()):
        assert_equal(outputs(pickle.loads(pickle.dumps(module)), model), outputs(module, model))


@every_model
def test_builds_without_memory(name: str) -> None:
    model = MODELS[name]
    with torch.device("meta"):
        modules = (generated(SOURCES[name], model.name)(), build_module(model))
    for module in modules:
        assert all(tensor.is_meta for tensor in module.state_dict().values())


# ---- the live module


def test_a_seed_leaves_the_global_state() -> None:
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    build_module(MODELS["blocks-Net"], seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_the_live_module_knows_its_model_and_prints_its_names() -> None:
    module = build_module(MODELS["blocks-Net"])
    assert module.arch is MODELS["blocks-Net"]
    assert repr(module).startswith("Net(\n  (enc1): double(\n    (0): Conv2d(1, 4,")
    features = build_module(MODELS["alexnet-Alex"]).features
    assert isinstance(features, nn.Sequential)
    assert repr(features).startswith("Sequential(\n  (0): Conv2d(3, 6,")
    assert repr(features[:1]).startswith("Sequential(")


def test_a_module_has_a_largest_size() -> None:
    (model,) = models_of(f"INPUT(3, 8, 8) -> [CONV(3, 3x3, padding=1)]*{LAYER_LIMIT + 1}")
    with pytest.raises(Diagnosed, match="100,001 layers"):
        build_module(model)


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
    assert torch.allclose(values["d.weight"] @ values["d.weight"].T, torch.eye(100), atol=1e-5)


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


def test_optional_parts_of_a_block_are_conditions() -> None:
    outcome = check_source(Source("test.arch", PROGRAMS["block_structures"]))
    assert outcome.run
    source = write_source(outcome.models[0], "test.arch", variants_of(outcome.run, outcome.models[0]))
    assert source.count("\nclass ") == 2
    assert (
        """
        if bn:
            layers.append(nn.BatchNorm2d(c))
        layers.append(nn.ReLU())
"""
        in source
    )
    assert "self.unit3 = Unit(4, 8, bn=True, s=2)" in source and "self.unit4 = Unit(8, 6, s=2)" in source
    assert body_of("basic-Net").count("class Basic") == 1


def test_numbers_that_follow_from_others_are_written_so() -> None:
    assert "nn.Conv2d(w, 4 * w, 1)" in body_of("block_multiples-Net")
    assert "for _ in range(count - 1):" in body_of("basic-Net")


def test_a_residual_block_reads_as_one_writes_it() -> None:
    assert """
    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.downsample is not None:
            x = self.downsample(x)
        return self.relu2(y + x)
""" in body_of("basic-Net")


def test_parts_for_training_stand_where_they_are_written() -> None:
    assert """
        aux: list[Tensor] = []
        if self.training:
            aux.append(self.aux1(x))  # 3
""" in body_of("inception-Plain")


def test_flattening_stands_in_front_of_a_group() -> None:
    assert """
        x = torch.flatten(x, 1)  # 48
        return self.head(x)  # 5
""" in body_of("block_once-Net")


def test_the_comment_above_a_model_heads_the_file() -> None:
    assert 'A net with a "quoted" word' in SOURCES["documented-Net"]
    assert generated(SOURCES["documented-Net"], "Net").__doc__ == "Net: 3x8x8 -> 2."


def test_only_what_is_used_is_imported() -> None:
    for name in ("identity-Same", "deep_top-Deep"):
        assert "import torch\nfrom torch import Tensor, nn\n" in SOURCES[name]


@pytest.mark.parametrize("count", [1000, 1_000_000])
@pytest.mark.parametrize("label", ["", "a: "])
def test_many_copies_stay_short(count: int, label: str) -> None:
    (model,) = models_of(f"model Net = INPUT(3, 8, 8) -> {label}[CONV(4, 3x3, padding=1) -> RELU]*{count} -> FC(2)")
    assert len(write_source(model, "test.arch").splitlines()) < 45


def test_a_repeat_that_cannot_be_a_loop_has_a_largest_size() -> None:
    (model,) = models_of("model Net = INPUT(3, 8, 8) -> [ADD{ _, CONV(3, 1x1) }]*100_000")
    with pytest.raises(Diagnosed, match="20,001 layers"):
        write_source(model, "test.arch")


# ---- graphs as the IR can hold them, beyond what the language says today


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

BLOCKS = """
block unit(c) = CONV(c, 3x3, padding=1) -> BN -> RELU
block stage(c, n) = [CONV(c, 1x1) -> RELU]*n -> unit(c)
block residual(c) = ADD{ unit(c), [CONV(c, 1x1)]?(c != in_channels) } -> RELU
block maybe(c, bn = true, k = 1) =
  a: CONV(c, k, padding=k // 2) -> BN?(bn) -> RELU?(c > 2) -> TANH?(not bn) -> [b: CONV(c, 1x1) -> BN]?(k == 3)
block side(c) = ADD{ a: CONV(c, 1x1) -> RELU, [TANH -> b: CONV(c, 1x1)]?(c != in_channels) } -> RELU
block bare(c) = ADD{ CONV(c, 1x1) -> RELU, [TANH -> CONV(c, 1x1)]?(c != in_channels) } -> RELU
block either(c, act) = CONV(c, 1x1) -> RELU?(act == "relu") -> TANH?(act == "tanh") -> [CONV(c, 1x1) -> RELU]?(c == 3)
block around(c, t) =
  x: _ -> inside: [CONV(t * c, 1x1)?(t > 1) -> BN -> CONV(c, 3x3, padding=1)] -> [DROPOUT(0.1) -> ADD{ x, _ }]?(c == in_channels)
"""


def sequences(depth: int) -> st.SearchStrategy[str]:
    """Chains of convolutions, activations and blocks, with groups, repeats and branches nested in them."""
    width = st.integers(1, 5)
    leaf = st.one_of(
        width.map(lambda w: f"CONV({w}, 1x1)"),
        width.map(lambda w: f"CONV({w}, 3x3, padding=1)"),
        width.map(lambda w: f"unit({w})"),
        st.tuples(st.sampled_from(["residual", "side", "bare"]), width).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(width, st.booleans(), st.sampled_from([1, 3])).map(
            lambda p: f"maybe({p[0]}, {str(p[1]).lower()}, {p[2]})"
        ),
        st.tuples(width, st.sampled_from(["relu", "tanh", ""])).map(lambda p: f'either({p[0]}, "{p[1]}")'),
        st.tuples(width, st.integers(1, 2)).map(lambda p: f"around({p[0]}, {p[1]})"),
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
        st.tuples(inner, inner).map(lambda p: f"ADD{{ {p[0]} -> CONV(2, 1x1), {p[1]} -> CONV(2, 1x1) }}"),
        inner.map(lambda text: f"LABEL: [{text}]"),
        inner.map(lambda text: f"CONCAT{{ _, {text} }} -> CONV(4, 1x1)"),
        st.tuples(inner, st.integers(1, 4)).map(lambda p: f"LABEL: [{p[0]}]*{p[1]}"),
    )


def numbered(text: str) -> str:
    """Each label with a number of its own."""
    for number in range(text.count("LABEL")):
        text = text.replace("LABEL", f"part{number}", 1)
    return text


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(sequences(3), min_size=1, max_size=4), st.booleans())
def test_random_programs_agree(stages: list[str], ends: bool) -> None:
    text = numbered(" -> ".join(stages))
    program = (
        f"{BLOCKS} model Net(w = 3, v = 2) = INPUT(2, 3, 3) -> CONV(v, 1x1) -> {text}{' -> FC(3)' if ends else ''}"
    )
    outcome = check_source(Source("test.arch", program))
    if outcome.ok and outcome.run and fold_totals(outcome.models[0])[-1].layers < 400:
        (model,) = outcome.models
        assert_agree(model, write_source(model, "test.arch"))
        assert_agree(model, write_source(model, "test.arch", variants_of(outcome.run, model)))


def test_written_modules_say_which_inputs_fit() -> None:
    for text in ("INPUT(3, 32, 32) -> FC(4)", "INPUT(3, 32, 32) -> CONV(4, 3x3) -> AVGPOOL(to=1)", "INPUT(10) -> RELU",
                 "CONCAT{ a: INPUT(3, 8, 8), b: INPUT(1, 8, 8) } -> CONV(4, 3x3)", "INPUT(3, H, W) -> MAXPOOL(16)"):  # fmt: skip
        (model,) = models_of(text)
        module = generated(write_source(model.with_numbers, "test.arch"), model.name)()
        live = build_module(model.with_numbers)
        for size in (2, 3, 8, 9, 16, 32, 40):
            for rank in (1, 2, 3):
                shapes = [(2, *item.shape[:1], *(size,) * rank) for item in model.inputs]
                given = [torch.zeros(shape) for shape in shapes]
                messages = [message_of(net, given) for net in (module, live)]
                assert messages[0] == messages[1]


def message_of(module: nn.Module, given: list[Tensor]) -> str:
    """What a module says of inputs that do not fit; nothing if they do."""
    try:
        module(*given)
    except ValueError as error:
        return str(error)
    return ""
