"""Memory against torch: what autograd keeps (hooks on saved tensors), and what is alive at once (storages, counted).

Every layer is held to the CPU's own kernels with random arguments, networks of the zoo to the meta device.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, note
from hypothesis import strategies as st
from strategies import LAYERS, Case
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archlang.backends.torch_module import build_module
from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.cli import cli
from archlang.ir.budget import LARGEST_BATCH, Plan, largest_batch, memory_of
from archlang.ir.graph import Layer, Model
from archlang.ir.indices import index_inputs
from archlang.ir.memory import follow, input_bytes, layer_keeps
from archlang.ir.ops import OPS
from archlang.ir.ops.trace import DTYPE_BYTES, Setting
from archlang.reading import read_source
from archlang.report.memory import memory_lines
from archlang.source import Source

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

BATCH = 2
CPU = Setting(BATCH, device="cpu")


def model_of(text: str) -> Model:
    outcome = check_source(Source("<text>", text))
    assert outcome.ok, [diagnostic.message for diagnostic in outcome.diagnostics]
    return outcome.models[0]


@cache
def zoo_model(file: str, name: str) -> Model:
    return next(model for model in check_source(read_source(f"zoo:{file}")).models if model.name == name)


def generated(model: Model) -> nn.Module:
    module = ModuleType("generated")
    exec(compile(write_source(model, "model.arch"), "generated.py", "exec"), module.__dict__)
    return module.__dict__[model.name]()


def inputs_of(model: Model, batch: int, device: str, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Inputs; indices are 0, since the table of an embedding may be that short."""
    return [
        torch.zeros(batch, *given.shape, dtype=torch.long, device=device)
        if index
        else torch.rand(batch, *given.shape, device=device).to(dtype)
        for given, index in zip(model.inputs, index_inputs(model), strict=True)
    ]


def storage(tensor: Tensor) -> int:
    """The address of the memory that a tensor lies in."""
    return cast("Any", StorageWeakRef(tensor.untyped_storage())).cdata


def storages(tensors: Iterable[Tensor]) -> set[int]:
    return {storage(tensor) for tensor in tensors}


def kept_by_torch(module: nn.Module, inputs: list[Tensor]) -> int:
    """Bytes of what autograd saves, each piece of memory once, without parameters and buffers."""
    own = storages([*module.parameters(), *module.buffers()])
    saved: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if storage(tensor) not in own:
            saved[storage(tensor)] = tensor
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        result = module.train()(*inputs)
    del result
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())


class Alive(TorchDispatchMode):
    """Counts the bytes of the memory that is in use behind each operation of torch, but for what is there before."""

    def __init__(self, before: set[int]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  (torch does not say)
        self.before = before
        self.found: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and storage(tensor) not in self.before:
                memory = tensor.untyped_storage()
                self.found[storage(tensor)] = (StorageWeakRef(memory), memory.nbytes())
        self.found = {key: one for key, one in self.found.items() if not one[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.found.values()))
        return result


def alive_in_torch(module: nn.Module, inputs: list[Tensor], training: bool) -> tuple[int, int]:
    """The most bytes in use during the forward pass, and in training also during the backward pass."""
    counter = Alive(storages([*module.parameters(), *module.buffers(), *inputs]))
    with torch.set_grad_enabled(training), counter:
        result: Any = module.train(training)(*inputs)
        forward = counter.peak
        if training:
            results = cast("tuple[Tensor, ...]", result if isinstance(result, tuple) else (result,))
            torch.autograd.backward(results, [torch.ones_like(one) for one in results])
    return forward, counter.peak


# ---- every layer -----------------------------------------------------------------------------------


BEFORE = {
    "the model's input": "",
    "a tensor with a gradient": " -> SCALE",
    "one that is kept anyway": " -> SCALE -> SIGMOID",
    "one whose axes lie in another order": " -> SCALE -> LN(channels_first=true)",
}
"""What stands between the input and the layer in question."""


def behind(before: str, text: str) -> str:
    return re.sub(r"INPUT\([^)]*\)", lambda found: found[0] + before, text)


@pytest.mark.parametrize("word", LAYERS)
@given(data=st.data())
def test_every_layer_keeps_what_autograd_keeps(word: str, data: st.DataObject) -> None:
    case: Case = data.draw(LAYERS[word])
    text = case.text if case.vocabulary else behind(data.draw(st.sampled_from(list(BEFORE.values()))), case.text)
    note(text)
    outcome = check_source(Source("<text>", text))
    if not outcome.ok:
        return
    model = outcome.models[0]
    module, inputs = build_module(model), inputs_of(model, BATCH, "cpu")
    try:
        expected = kept_by_torch(module, inputs)
    except (RuntimeError, ValueError):
        return  # torch takes no such layer in training: one number for a channel, ...
    assert follow(model, CPU).effect.kept == expected


def test_the_page_of_layers_has_them_all() -> None:
    page = (Path(__file__).parent.parent / "docs" / "memory-layers.md").read_text("utf-8")
    shown = set(re.findall(r"[A-Z]\w+", " ".join(re.findall(r"^\| `(.*?)` \|", page, re.M))))
    assert {op.words[0] for op in OPS if op.__module__.startswith("archlang.")} <= shown


def test_a_layer_by_itself() -> None:
    """Of a gradient that flows through it: inputs by number, the output, bytes of its own."""
    expected = {
        "MUL{ _, _ }": ((0, 1), False, 0),
        "RELU": ((), True, 0),
        "MAXPOOL(2)": ((0,), False, 8 * 4 * 16),
        "DROPOUT": ((), False, 4 * 64),
        "BN": ((0,), False, 2 * 4 * 4),
        "ADD{ _, _ }": ((), False, 0),
    }
    for text, keeps in expected.items():
        (layer,) = model_of(f"INPUT(4, 8, 8) -> {text}").root.nodes
        assert isinstance(layer, Layer)
        found = layer_keeps(layer.op, ((4, 8, 8),) * len(layer.inputs), layer.outputs, Setting())
        assert (found.inputs, found.output, found.own) == keeps, text


# ---- networks --------------------------------------------------------------------------------------

ZOO = [
    ("alexnet", "AlexNet2012"), ("coordconv", "CoordConvPainter"), ("convnext", "ConvNeXtT"), ("deconvnet", "DeconvNet"),
    ("densenet", "DenseNetL40k12"), ("efficientnet", "EfficientNetB0"), ("inception", "GoogLeNet"), ("lenet", "LeNet5"),
    ("mobilenet", "MobileNetV3Small"), ("resnet", "ResNet50"), ("shufflenet", "ShuffleNetV2"),
    ("speech", "SpeechMaxout"), ("squeezenet", "SqueezeNet"), ("textcnn", "TextCNN"), ("unet", "UNet"), ("vgg", "VGG11BN"),
]  # fmt: skip
"""One network of each kind; `benchmarks/memory.py` takes the others."""

zoo = pytest.mark.parametrize(("file", "name"), ZOO)


@zoo
def test_networks_keep_what_autograd_keeps(file: str, name: str) -> None:
    model = zoo_model(file, name)
    expected = kept_by_torch(build_module(model, device="meta"), inputs_of(model, BATCH, "meta"))
    assert follow(model, CPU).effect.kept == expected


@zoo
def test_networks_have_alive_what_torch_has(file: str, name: str) -> None:
    """Forwards exactly; backwards within a few hundredths, since the gradients' own copies are not followed."""
    model = zoo_model(file, name)
    for training in (False, True):
        module, inputs = build_module(model, device="meta"), inputs_of(model, BATCH, "meta")
        forward, peak = alive_in_torch(module, inputs, training)
        part = follow(model, Setting(BATCH, training=training, device="cpu"))
        assert part.effect.peak == forward
        own = sum(input_bytes(model, CPU)[group] for group in part.keeps)
        ours = max(forward, part.effect.back - own) if training else forward
        assert ours == pytest.approx(peak, rel=0.05)


@pytest.mark.parametrize(("file", "name"), [("lenet", "LeNet5"), ("resnet", "ResNet18"), ("inception", "GoogLeNet")])
def test_the_written_source_needs_as_much(file: str, name: str) -> None:
    model = zoo_model(file, name)
    with torch.device("meta"):
        module = generated(model)
    assert kept_by_torch(module, inputs_of(model, BATCH, "meta")) == follow(model, CPU).effect.kept
    forward, _ = alive_in_torch(module, inputs_of(model, BATCH, "meta"), False)
    assert follow(model, Setting(BATCH, training=False)).effect.peak == forward


def peak_of_allocator(module: nn.Module, inputs: list[Tensor]) -> int:
    """The most bytes that inference takes from torch's allocator at once, also inside an operation."""
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        result = module.eval()(*inputs)
    del result
    events = cast("Any", found.profiler).kineto_results.events()
    return max(accumulate(event.nbytes() for event in events if event.name() == "[memory]"))


@given(st.data())
def test_attention_by_itself(data: st.DataObject) -> None:
    """torch goes one way for an even number of heads with a bias in inference, else another, and copies what it must."""
    batch, heads, length = (data.draw(st.integers(1, most)) for most in (3, 4, 5))
    features, bias = heads * data.draw(st.integers(1, 4)), data.draw(st.booleans())
    shape = data.draw(
        st.sampled_from([f"{length}, {features}) -> IDENTITY", f"{features}, {length}) -> PERMUTE((2, 1))"])
    )
    dropout = data.draw(st.sampled_from([0, 0.3, 1]))
    model = model_of(f"INPUT({shape} -> ATTENTION({heads}, {dropout}, {str(bias).lower()}) -> SCALE")
    module, inputs = build_module(model), inputs_of(model, batch, "cpu")
    running = follow(model, Setting(batch, training=False, device="cpu")).effect.peak
    in_one = bias and heads % 2 == 0
    # what the single operation takes inside can only be seen from the allocator.
    assert running == (peak_of_allocator(module, inputs) if in_one else alive_in_torch(module, inputs, False)[0])
    training = follow(model, Setting(batch, device="cpu")).effect
    assert training.peak == alive_in_torch(module, inputs, True)[0]
    assert training.kept == kept_by_torch(module, inputs)


def test_what_only_the_cpu_does_without() -> None:
    """CUDA's kernels copy channels that lie last before group norm, and pool one axis with positions."""
    last = model_of("INPUT(4, 6, 6) -> LN(channels_first=true) -> GN(2)")
    peaks = {device: follow(last, Setting(1, training=False, device=device)).effect.peak for device in ("cpu", "cuda")}
    assert peaks["cuda"] == peaks["cpu"] + 4 * 6 * 6 * 4
    pooled = model_of("INPUT(4, 8) -> MAXPOOL(2)")
    peaks = {
        device: follow(pooled, Setting(1, training=False, device=device)).effect.peak for device in ("cpu", "cuda")
    }
    assert peaks == {"cpu": 4 * 4 * 4, "cuda": 4 * 4 * (4 + 8)}


def test_attention_on_the_cpu() -> None:
    """The meta device takes another way through attention than devices that compute."""
    model = model_of(
        "INPUT(16, 12) -> [ADD{ _, LN -> ATTENTION(3) } -> ADD{ _, LN -> LINEAR(48) -> GELU -> LINEAR(12) }]*3"
    )
    for batch in (1, 2, 3):
        expected = kept_by_torch(build_module(model), inputs_of(model, batch, "cpu"))
        assert follow(model, Setting(batch, device="cpu")).effect.kept == expected


PROGRAMS = {
    "shared weights": "INPUT(4, 8, 8) -> c: CONV(4, 3, padding=1) -> RELU -> SHARE(c) -> RELU -> SHARE(c)",
    "views": "INPUT(4, 8, 8) -> CONV(4, 1) -> PERMUTE((2, 3, 1)) -> [LINEAR(4) -> RELU]*3 -> FLATTEN -> FC(3)",
    "views that go round": "INPUT(8, 8) -> LN -> [PERMUTE((2, 1)) -> LINEAR(8) -> TANH]*5",
    "in place": "INPUT(4, 8, 8) -> [CONV(4, 3, padding=1) -> BN -> RELU(inplace=true)]*4",
    "in place on what is kept": "INPUT(4, 8, 8) -> [CONV(4, 1) -> SIGMOID -> ELU(inplace=true)]*3",
    "nothing before": "INPUT(4, 8, 8) -> RELU -> MAXPOOL(2) -> CONV(2, 3) -> FC(2)",
    "nothing at all": "INPUT(4, 8, 8) -> [RELU -> MAXPOOL(2)]*2",
    "identities": "INPUT(4, 8, 8) -> [IDENTITY]*5 -> CONV(4, 1) -> [IDENTITY -> FLATTEN(2, 3)]*1 -> FC(2)",
    "a skip over copies": "INPUT(4, 8, 8) -> CONV(4, 1) -> ADD{ _, [CONV(4, 1) -> RELU]*6 } -> MUL{ _, RELU }",
    "labels in copies": "INPUT(4, 8, 8) -> a: CONV(4, 1) -> [ADD{ CONV(4, 1), a }]*4 -> RELU",
    "dropout": "INPUT(20) -> [FC(20) -> DROPOUT(0.2) -> RELU]*3 -> DROPOUT(0) -> DROPOUT(1) -> FC(2)",
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_programs(text: str, device: str) -> None:
    model = model_of(text)
    for module in (build_module(model, device=device), generated(model).to(device)):
        assert kept_by_torch(module, inputs_of(model, BATCH, device)) == follow(model, CPU).effect.kept
    forward, _ = alive_in_torch(build_module(model, device="meta"), inputs_of(model, BATCH, "meta"), False)
    assert follow(model, Setting(BATCH, training=False)).effect.peak == forward


@pytest.mark.parametrize("dtype", DTYPE_BYTES)
def test_types(dtype: str) -> None:
    model = model_of("INPUT(4, 8, 8) -> CONV(4, 3) -> BN -> RELU -> MAXPOOL(2) -> DROPOUT -> LN -> FC(4) -> SOFTMAX")
    module = build_module(model).to(getattr(torch, dtype))
    expected = kept_by_torch(module, inputs_of(model, BATCH, "cpu", getattr(torch, dtype)))
    assert follow(model, Setting(BATCH, DTYPE_BYTES[dtype], device="cpu")).effect.kept == expected


# ---- copies ----------------------------------------------------------------------------------------


def test_a_million_copies_are_added_up() -> None:
    """The cost does not grow with the copies, and each adds the same."""
    text = "INPUT(4, 8, 8) -> CONV(4, 1) -> [ADD{ _, CONV(4, 3, padding=1) -> BN -> RELU }]*COPIES -> FC(2)"
    few, more, most = (follow(model_of(text.replace("COPIES", str(n))), CPU).effect for n in (10, 11, 1_000_000))
    assert most.kept == few.kept + (more.kept - few.kept) * (1_000_000 - 10)
    assert most.gradients == few.gradients + (more.gradients - few.gradients) * (1_000_000 - 10)
    assert most.buffers == few.buffers + (more.buffers - few.buffers) * (1_000_000 - 10)


@given(st.integers(0, 9), st.integers(0, 9))
def test_copies_in_a_row_are_copies_written_out(first: int, second: int) -> None:
    inner = "PERMUTE((2, 1)) -> LINEAR(8) -> DROPOUT(0.5, inplace=true)"
    text = f"INPUT(8, 8) -> LN -> [{inner}]*{first} -> TANH -> [ADD{{ _, {inner} }}]*{second}"
    written = ["INPUT(8, 8) -> LN", *[inner] * first, "TANH", *[f"ADD{{ _, {inner} }}"] * second]
    for training in (True, False):
        setting = Setting(BATCH, training=training)
        folded, flat = (follow(model_of(t), setting).effect for t in (text, " -> ".join(written)))
        assert (folded.kept, folded.gradients, folded.live, folded.peak) == (
            flat.kept,
            flat.gradients,
            flat.live,
            flat.peak,
        )


# ---- assertions ------------------------------------------------------------------------------------

HELD = "model Held = INPUT(3, 32, 32) -> features: [CONV(16, 3x3, padding=1) -> RELU -> MAXPOOL(2)] -> FC(10)"


def failures(assertion: str, model: str = HELD) -> list[str]:
    """Codes of what is wrong with a file that asserts this."""
    return [d.problem.code for d in check_source(Source("<text>", f"{model}\nassert {assertion}")).diagnostics]


def test_assertions_hold_a_model_to_a_budget() -> None:
    needed = memory_of(model_of(HELD), Plan(32, "float16", "train", "momentum", "cpu")).total
    use = 'memory(32, optimizer="momentum", dtype="float16", device="cpu")'
    assert failures(f"Held.{use} == {needed}") == failures(f"{use} <= {needed}") == []
    assert failures(f"{use} < {needed}") == ["assertion-failed"]
    one = memory_of(model_of(HELD), Plan()).total
    assert failures(f"memory == {one} and Held.memory() == {one} and memory < 1*MiB and memory > 100*kB") == []
    assert failures(f'memory(mode="infer") == {memory_of(model_of(HELD), Plan(mode="infer")).total}') == []


@pytest.mark.parametrize(
    ("assertion", "code"),
    [
        ("memory(batches=3) < 4", "unknown-argument"),
        ("memory(batch=0) < 4", "out-of-range"),
        ('memory(batch="many") < 4', "wrong-type"),
        ('memory(3, "training") < 4', "out-of-range"),
        ("memory(batch=10**9) < 4", "value-too-large"),
        ("memory(1, batch=2) < 4", "duplicate-argument"),
        ("Held.features.memory < 4", "unknown-attribute"),
        ("Held.memory.kept < 4", "bad-operand"),
        ("parameters(2) < 4", "unknown-function"),
    ],
)
def test_assertions_that_make_no_sense(assertion: str, code: str) -> None:
    assert failures(assertion) == [code]


@pytest.mark.parametrize("figure", ["memory", "receptive_field"])
def test_sizes_left_free_have_no_such_figure(figure: str) -> None:
    free = "model Free = INPUT(3, H, W) -> CONV(8, 3) -> AVGPOOL(to=1) -> FC(3)"
    assert failures(f"{figure} == 3", free) == ["size-not-tracked"]


def test_receptive_fields_are_asserted() -> None:
    assert failures("Held.features.receptive_field == (4, 4) and receptive_field == (32, 32)") == []
    assert failures("Held.features.1.receptive_field == (5, 3)") == ["assertion-failed"]
    deep = "model Deep = INPUT(3, 64) -> a: CONV(3, 3, padding=1) -> [CONV(3, 3, padding=1)]*2 -> b: MAXPOOL(2)"
    assert failures("Deep.a.receptive_field == 3 and Deep.b.receptive_field == 8", deep) == []
    assert (
        failures("receptive_field == (0,)", "model Alone = INPUT(4) -> ADD{ PARAMETER((4,)), PARAMETER((4,)) }") == []
    )


# ---- the command -----------------------------------------------------------------------------------


def archc(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["check", *arguments])
    return result.exit_code, result.output


def test_the_command_in_all_its_formats() -> None:
    status, text = archc(
        "zoo:lenet", "-m", "LeNet5", "--memory", "--batch", "32", "--optimizer", "sgd", "--fits", "8 GB"
    )
    memory = memory_of(zoo_model("lenet", "LeNet5"), Plan(32, optimizer="sgd"))
    assert status == 0 and f"{memory.total:,}" in text and "Largest batch that fits in 8 GB:" in text
    status, text = archc("zoo:lenet", "-m", "LeNet5", "--mode", "infer", "--format", "json")
    data = json.loads(text)["models"][0]["memory"]
    assert (data["mode"], data["peak"]) == ("infer", memory_of(zoo_model("lenet", "LeNet5"), Plan(mode="infer")).total)
    assert [layer["name"] for layer in data["layers"]][:2] == ["input", "c1"]
    _, text = archc("zoo:lenet", "-m", "LeNet5", "--memory", "--format", "csv")
    rows = list(csv.DictReader(text.splitlines()))
    kept = memory_of(zoo_model("lenet", "LeNet5"), Plan()).kept
    assert sum(int(row["kept_bytes"]) for row in rows) == kept
    _, text = archc("zoo:lenet", "-m", "LeNet5", "--memory", "--format", "md")
    assert f"| **Kept** |  |  | {kept:,} |" in text


@pytest.mark.parametrize("size", ["", "0", "3", "GiB", "3 apples", "-1GB", "1e9"])
def test_sizes_that_are_none(size: str) -> None:
    assert archc("zoo:lenet", "--memory", "--fits", size or " ")[0] in (1, 2)


# ---- budgets ---------------------------------------------------------------------------------------


@given(st.integers(10**5, 10**9), st.sampled_from(["train", "infer"]), st.sampled_from(["sgd", "momentum", "adam"]))
def test_the_largest_batch_fits_and_one_more_does_not(limit: int, mode: Any, optimizer: str) -> None:
    model = model_of("INPUT(3, 16, 16) -> [CONV(8, 3, padding=1) -> BN -> RELU]*2 -> MAXPOOL(2) -> FC(50) -> FC(10)")

    def needed(batch: int) -> int:
        return memory_of(model, Plan(batch, mode=mode, optimizer=optimizer)).total

    batch = largest_batch(model, Plan(mode=mode, optimizer=optimizer), limit)
    assert batch == 0 or needed(batch) <= limit
    assert needed(batch + 1) > limit


def test_a_budget_that_nothing_uses_up() -> None:
    model = model_of("INPUT(1) -> ADD{ _, _ }")
    assert largest_batch(model, Plan(mode="infer"), 10**15) == LARGEST_BATCH
    assert largest_batch(model, Plan(mode="infer"), 1) == 0


def test_the_parts_of_a_plan() -> None:
    """Counted by hand: 8*(27 + 1) + 8*2 + 8*8*8*10 + 10 parameters."""
    model = model_of("INPUT(3, 8, 8) -> CONV(8, 3, padding=1) -> BN -> RELU -> FC(10)")
    parameters = 8 * 28 + 16 + 5120 + 10
    memory = memory_of(model, Plan(4, "float16", optimizer="momentum"))
    assert (memory.parameters, memory.gradients, memory.state) == (2 * parameters,) * 3
    assert memory.buffers == 2 * 16 + 8  # running mean and variance, and a counter of int64
    assert memory.inputs == 2 * 4 * 192
    # the image, the convolution's output, mean and deviation of 8 channels, the ReLU's output
    assert memory.kept == 2 * (4 * 192 + 4 * 512 + 16 + 4 * 512)


@zoo
def test_rows_add_up(file: str, name: str) -> None:
    """The outermost rows add up to what the model keeps, and so do the layers times their copies where those are alike."""
    model = zoo_model(file, name)
    memory = memory_of(model, Plan(2))
    lines = list(memory_lines(model, memory))
    assert sum(line.figure for line in lines if line.depth == 0) == memory.kept
    running = memory_of(model, Plan(2, mode="infer"))
    assert max(line.figure for line in memory_lines(model, running)) == running.alive
