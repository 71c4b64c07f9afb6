"""How fast the compiled modules are, beside the same networks written by hand.

    .venv/bin/python benchmarks/run.py > speed.md

Three modules of each network run in one process with the same weights: archlang's live module, the source that
`archc compile` writes, and the reference of `tests/reference`. After a warm-up they take turns, in an order that
changes from round to round, so that a machine that gets slower slows all three; the ratio is the median over the
rounds of reference time / own time, in which 1.00 is as fast, more is faster. Runs on the CPU, or on a GPU where there
is one. Needs the extra `dev`; writes Markdown.
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

import archlang
from archlang.backends.torch_source import write_source

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from reference import REFERENCES

NETWORKS = {
    "alexnet": ("alexnet", "AlexNet"),
    "vgg11": ("vgg", "VGG11"),
    "resnet18": ("resnet", "ResNet18"),
    "resnet50": ("resnet", "ResNet50"),
    "squeezenet1_0": ("squeezenet", "SqueezeNet"),
    "mobilenet_v2": ("mobilenet", "MobileNetV2"),
    "densenet121": ("densenet", "DenseNet121"),
    "googlenet": ("inception", "GoogLeNet"),
    "vit_b_16": ("vit", "ViTB16"),
    "convnext_tiny": ("convnext", "ConvNeXtT"),
}
"""The reference's name, and the zoo's file and model."""

SIDE = 224
OWN = ("live", "source")


@dataclass(frozen=True)
class Setting:
    """How the modules are run. `batch` is samples at once."""

    label: str
    batch: int
    training: bool = False
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    compiled: bool = False


def settings(large: int, compiled: bool) -> list[Setting]:
    """The settings that are compared, with `large` samples for the large batch."""
    found = [
        Setting("inference, batch 1", 1),
        Setting(f"inference, batch {large}", large),
        Setting(f"training step, batch {large}", large, training=True),
        Setting(f"inference, batch {large}, channels last", large, channels_last=True),
        Setting(f"inference, batch {large}, bfloat16", large, dtype=torch.bfloat16),
        Setting(f"training step, batch {large}, bfloat16", large, training=True, dtype=torch.bfloat16),
    ]
    if compiled:
        found += [
            Setting("inference, batch 1, torch.compile", 1, compiled=True),
            Setting(f"inference, batch {large}, torch.compile", large, compiled=True),
            Setting(f"training step, batch {large}, torch.compile", large, training=True, compiled=True),
        ]
    return found


def from_source(stem: str, name: str) -> Callable[[], nn.Module]:
    """The class of the written file."""
    model = next(made for made in archlang.check(f"zoo:{stem}").models if made.name == name)
    module = types.ModuleType(f"written_{name}")
    sys.modules[module.__name__] = module  # torch.compile looks a class's globals up there
    exec(write_source(model.with_numbers, f"{stem}.arch"), module.__dict__)
    return module.__dict__[name]


def builders(network: str) -> dict[str, Callable[[], nn.Module]]:
    """How each of the three is made."""
    stem, name = NETWORKS[network]
    return {
        "reference": REFERENCES[network],
        "live": lambda: archlang.load(f"zoo:{stem}", name),
        "source": from_source(stem, name),
    }


def modules(network: str, setting: Setting, device: str) -> dict[str, nn.Module]:
    """The three modules with the same weights, ready to run."""
    made = {kind: build() for kind, build in builders(network).items()}
    state = made["reference"].state_dict()
    for net in made.values():
        net.load_state_dict(state)
        net.to(device, setting.dtype).train(setting.training)
        if setting.channels_last:
            net.to(memory_format=torch.channels_last)
    return {kind: torch.compile(net) if setting.compiled else net for kind, net in made.items()}  # pyright: ignore


def runner(net: nn.Module, setting: Setting, x: Tensor) -> Callable[[], None]:
    """One run: a forward pass, or a step of training."""

    def infer() -> None:
        with torch.inference_mode():
            net(x)

    def step() -> None:
        net.zero_grad(set_to_none=True)
        net(x).float().square().mean().backward()

    return step if setting.training else infer


def timed(run: Callable[[], None], device: str) -> float:
    """Seconds of one run, all work on the device done."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - start


def rounds(runs: dict[str, Callable[[], None]], device: str, seconds: float) -> dict[str, list[float]]:
    """Times of the three by turns, for about so many seconds: at least 5 rounds, at most 200."""
    for run in runs.values():
        for _ in range(2):
            run()
    found: dict[str, list[float]] = {kind: [] for kind in runs}
    order = list(runs)
    start = time.perf_counter()
    while len(found["reference"]) < 5 or (time.perf_counter() - start < seconds and len(found["reference"]) < 200):
        for kind in order:
            found[kind].append(timed(runs[kind], device))
        order = order[1:] + order[:1]
    return found


def ratio(times: dict[str, list[float]], kind: str) -> float:
    """The median over the rounds of the reference's time over ours."""
    return statistics.median(theirs / ours for theirs, ours in zip(times["reference"], times[kind], strict=True))


def compare(network: str, setting: Setting, device: str, seconds: float) -> str:
    """A line of the table."""
    x = torch.randn(setting.batch, 3, SIDE, SIDE, device=device, dtype=setting.dtype)
    if setting.channels_last:
        x = x.to(memory_format=torch.channels_last)
    made = modules(network, setting, device)
    times = rounds({kind: runner(net, setting, x) for kind, net in made.items()}, device, seconds)
    torch.compiler.reset()
    gc.collect()
    milliseconds = 1000 * statistics.median(times["reference"])
    ratios = " | ".join(f"{ratio(times, kind):.2f}" for kind in OWN)
    return f"| {network} | {milliseconds:,.1f} ms | {ratios} | {len(times['reference'])} |"


def construction(network: str, seconds: float) -> str:
    """A line of the table of construction times, of a file that was loaded before."""
    times = rounds(
        {kind: lambda build=build: build() and None for kind, build in builders(network).items()}, "cpu", seconds
    )
    milliseconds = 1000 * statistics.median(times["reference"])
    return f"| {network} | {milliseconds:,.1f} ms | {' | '.join(f'{ratio(times, kind):.2f}' for kind in OWN)} |"


def table(networks: Sequence[str], setting: Setting, device: str, seconds: float) -> Iterator[str]:
    """The heading and a line for each network."""
    yield f"\n### {setting.label[0].upper()}{setting.label[1:]}\n"
    yield "| network | reference | live | source | rounds |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for network in networks:
        yield compare(network, setting, device, seconds)


def machine(device: str) -> str:
    """Where the figures come from."""
    chip = torch.cuda.get_device_name() if device == "cuda" else f"{processor()}, {torch.get_num_threads()} threads"
    return f"- {chip}\n- Python {platform.python_version()}, torch {torch.__version__}, archlang {archlang.__version__}"


def processor() -> str:
    """The name of the CPU."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, help="The large batch; 8 on a CPU, 128 on a GPU.")
    parser.add_argument("--seconds", type=float, default=5.0, help="For each line of a table.")
    parser.add_argument("--compile", action="store_true", help="Under torch.compile, too; takes minutes more.")
    given = parser.parse_args()
    torch.manual_seed(0)
    print(machine(given.device))
    print("\n### Construction\n\n| network | reference | live | source |\n| --- | ---: | ---: | ---: |")
    for network in given.networks:
        print(construction(network, given.seconds / 2), flush=True)
    for setting in settings(given.batch or (128 if given.device == "cuda" else 8), given.compile):
        for line in table(given.networks, setting, given.device, given.seconds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
