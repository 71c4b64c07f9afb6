"""How long `archc check` takes, beside what one would run in its place: torch itself, and torchinfo.

    .venv/bin/python benchmarks/check_speed.py > speed.md

Part one is a cold command: `archc check` of AlexNet against a process that imports torch and runs torchinfo on the same
network written by hand. Part two is depth: a block repeated N times, checked, against the same network built in torch
without memory for its numbers (the meta device) and run once. Every figure is of a fresh process, so this script itself
imports neither. Needs the extra `dev`; writes Markdown.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALEXNET = "zoo/alexnet.arch"
DEPTHS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
REPEATED = "INPUT(64, 32, 32) -> [CONV(64, 3x3, padding=1) -> BN -> RELU]*{}"
ARCHC = (sys.executable, "-m", "archlang", "check")

TORCHINFO_ALEXNET = """
import torch
from torch import nn
from torchinfo import summary

class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(),
            nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(),
            nn.Linear(4096, 1000),
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))

print(summary(AlexNet(), (1, 3, 224, 224), verbose=0))
"""

TORCH_META = """
import torch
from torch import nn

with torch.device("meta"), torch.no_grad():
    net = nn.Sequential()
    for _ in range({depth}):
        net.extend([nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()])
    net.eval()
    print(tuple(net(torch.empty(1, 64, 32, 32)).shape), sum(p.numel() for p in net.parameters()))
"""

IN_PROCESS = """
import time
from archlang.checking import check_source
from archlang.report.text import model_table
from archlang.source import Source

def check():
    start = time.perf_counter()
    model_table(check_source(Source("<text>", {text!r})).models[0])
    return time.perf_counter() - start

check()
print(min(check() for _ in range(5)))
"""


@dataclass(frozen=True)
class Run:
    """One process: its times and largest resident size, and what it printed; `ended` is False at the limit.

    `seconds` is time on the clock; `cpu_seconds` is its own work, which a busy machine disturbs less.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str
    ended: bool = True


def run(command: Sequence[str], environment: dict[str, str], limit: float) -> Run:
    """Run a command to its end or to the limit, in seconds."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out)
        timer = threading.Timer(limit, process.kill)
        timer.start()
        # wait4 and not getrusage: the figures of this child alone, not the largest of all so far.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode()
    ended = seconds < limit
    if ended and process.returncode != 0:
        raise SystemExit(f"{' '.join(command[:4])} ... ended with {process.returncode}")
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * kilobyte, text, ended)


def environment(cache: Path) -> dict[str, str]:
    """This process's environment, with compiled bytecode as any installation has it, and a parse cache of its own."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "XDG_CACHE_HOME": str(cache)}


def repeated(command: Sequence[str], count: int, env: dict[str, str], limit: float) -> list[Run]:
    """Runs of a command after one to warm up."""
    run(command, env, limit)
    return [run(command, env, limit) for _ in range(count)]


def cold(count: int, limit: float) -> None:
    """Part one."""
    command, torchinfo = (*ARCHC, ALEXNET), (sys.executable, "-c", TORCHINFO_ALEXNET)
    few = max(count // 4, 3)
    with tempfile.TemporaryDirectory() as folder:
        shared = environment(Path(folder))
        ours, theirs = repeated(command, count, shared, limit), repeated(torchinfo, few, shared, limit)
    firsts: list[Run] = []
    for _ in range(few):
        with tempfile.TemporaryDirectory() as folder:
            firsts.append(run(command, environment(Path(folder)), limit))
    print(f"## A cold command: `archc check {ALEXNET}`\n")
    print("| process | median | of it CPU | runs | |")
    print("| --- | ---: | ---: | ---: | --- |")
    print(f"| `archc check` | {_medians(ours)} | after one to warm up |")
    print(f"| `archc check`, very first run | {_medians(firsts)} | no parse tables kept yet |")
    print(f"| `import torch`, torchinfo | {_medians(theirs)} | the same network by hand |")
    print(f"\nRatio: **{_clock(theirs) / _clock(ours):.1f}** (aim: 10 or more)\n")


def _clock(runs: Sequence[Run]) -> float:
    return statistics.median(made.seconds for made in runs)


def _medians(runs: Sequence[Run]) -> str:
    cpu = statistics.median(made.cpu_seconds for made in runs)
    return f"{_clock(runs) * 1000:,.0f} ms | {cpu * 1000:,.0f} ms | {len(runs)}"


def deep(depths: Sequence[int], limit: float) -> None:
    """Part two."""
    print(f"## Depth: `{REPEATED.format('N')}`\n")
    print("| N | check, in process | `archc check` | peak | torch on meta, built and run | peak |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        torch_ends = True
        for depth in depths:
            text = REPEATED.format(depth)
            inside = float(run((sys.executable, "-c", IN_PROCESS.format(text=text)), env, limit).output)
            ours = run((*ARCHC, "-e", text), env, limit)
            theirs = run((sys.executable, "-c", TORCH_META.format(depth=depth)), env, limit) if torch_ends else None
            torch_ends = theirs is not None and theirs.ended
            print(
                f"| {depth:,} | {inside * 1000:.1f} ms | {_cells(ours, limit)} | {_cells(theirs, limit)} |", flush=True
            )
    print(f"\nAim: flat in N, under 200 MB. A process is ended after {limit:g} s; deeper ones are then not tried.")


def _cells(made: Run | None, limit: float) -> str:
    if made is None:
        return "not tried | "
    seconds = f"{made.seconds * 1000:,.0f} ms" if made.ended else f"over {limit:g} s"
    return f"{seconds} | {made.peak_bytes / 1e6:,.0f} MB"


def machine() -> str:
    """Processor, cores, Python and packages, in a line each."""
    names = ("archlang", "lark", "click", "torch", "torchinfo")
    return "\n".join(
        (
            f"- {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
            f"- Python {platform.python_version()}; " + ", ".join(f"{name} {version(name)}" for name in names),
            f"- load at the start: {os.getloadavg()[0]:.2f}",
        )
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="runs of the cold command (20)")
    parser.add_argument("--limit", type=float, default=20, help="seconds after which a process is ended (20)")
    parser.add_argument("--depths", type=int, nargs="+", default=DEPTHS, metavar="N")
    options = parser.parse_args()
    print(f"# Speed of `archc check`\n\n{machine()}\n")
    cold(options.count, options.limit)
    deep(options.depths, options.limit)


if __name__ == "__main__":
    main()
