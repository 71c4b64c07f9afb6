"""Parts that run in training only (AUX), where they stand: in the live module and in the source alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.backends.torch_source import write_source
from archlang.checking import check_source
from archlang.ir.walk import flatten
from archlang.source import Source

NETS = {
    "in the middle": "INPUT(3, 8, 8) -> CONV(4, 3x3) -> AUX{ help: [DROPOUT -> FC(3)] } -> DROPOUT -> RELU -> FC(2)",
    "at the end": "INPUT(3, 8, 8) -> a: CONV(4, 3x3) -> DROPOUT -> FC(2) -> AUX{ a -> DROPOUT -> FC(3) }",
    "one reads another": "INPUT(3, 8, 8) -> CONV(4, 3x3) -> AUX{ h: DROPOUT -> FC(3) } -> RELU -> AUX{ h -> FC(3) } -> FC(1)",
    "what runs anyway": "INPUT(3, 8, 8) -> a: CONV(4, 3x3) -> RELU -> AUX{ a } -> FC(2)",
    "between outputs": "INPUT(3, 8, 8) -> a: CONV(4, 3x3) -> AUX{ RELU } -> OUTPUT{ o: TANH } -> AUX{ a -> FC(2), b: a, _ } -> FC(2)",
    "twice the same": "INPUT(3, 8, 8) -> CONV(4, 3x3) -> AUX{ h: FC(3), h } -> OUTPUT{ RELU } -> AUX{ h } -> FC(2)",
    "a long repeat": "INPUT(3, 8, 8) -> CONV(4, 3x3) -> AUX{ [CONV(4, 3x3, padding=1) -> DROPOUT]*40 } -> DROPOUT -> FC(2)",
    "shared weights": "INPUT(3, 8, 8) -> CONV(4, 3x3) -> AUX{ h: CONV(4, 1x1) -> DROPOUT } -> SHARE(h) -> DROPOUT -> FC(2)",
    "the name of the list": "INPUT(3, 8, 8) -> aux: CONV(4, 3x3) -> AUX{ FC(3) } -> ADD{ CONV(4, 3x3, padding=1), aux }",
    "the last layer": "INPUT(3, 8, 8) -> FC(4) -> AUX{ h: DROPOUT, h -> FC(3) } -> ADD{ _, FC(4) }",
}
"""Networks by what is odd in them."""

every_net = pytest.mark.parametrize("text", NETS.values(), ids=NETS)


def source_of(text: str) -> str:
    """The file that is written."""
    outcome = check_source(Source("net.arch", text))
    assert outcome.ok, [diagnostic.message for diagnostic in outcome.diagnostics]
    return write_source(outcome.models[0], "net.arch")


def generated(text: str) -> nn.Module:
    """The module of the file that is written."""
    module = ModuleType("generated")
    exec(compile(source_of(text), "generated.py", "exec"), module.__dict__)
    return module.__dict__["Net"]()


def run(net: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """All that a module returns, with the same dice every time."""
    torch.manual_seed(5)
    given: Any = net(x)
    return given if isinstance(given, tuple) else (given,)


@every_net
@pytest.mark.parametrize("training", [True, False])
def test_both_do_the_same(text: str, training: bool) -> None:
    live = archlang.loads(text, seed=0).train(training)
    written = generated(text).train(training)
    written.load_state_dict(live.state_dict())
    assert list(live.state_dict()) == list(written.state_dict())
    x = torch.randn(2, *live.arch.inputs[0].shape)
    one, other = run(live, x), run(written, x)
    expected = [output.shape for output in live.arch.outputs if training or not output.training]
    assert [tuple(value.shape[1:]) for value in one] == expected
    assert [value.shape for value in one] == [value.shape for value in other]
    assert all(map(torch.equal, one, other))


@every_net
def test_inference_runs_nothing_of_it(text: str) -> None:
    net = archlang.loads(text, seed=0).eval()
    ran: list[str] = []
    for name, module in net.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda *_, name=name: ran.append(name))
    run(net, torch.randn(2, *net.arch.inputs[0].shape))
    always = {flat.path for flat in flatten(net.arch) if not flat.training}
    aside = {flat.path for flat in flatten(net.arch) if flat.training}
    assert aside or "a }" in text
    assert set(ran) <= always


def test_dropout_draws_in_the_order_of_the_file() -> None:
    class ByHand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 4, 3)
            self.help = nn.Sequential(nn.Dropout(), nn.Flatten(), nn.Linear(144, 3))
            self.dropout1 = nn.Dropout()
            self.fc1 = nn.Linear(144, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            x = self.conv1(x)
            helped = self.help(x)
            return self.fc1(torch.relu(self.dropout1(x)).flatten(1)), helped

    by_hand = ByHand()
    text = NETS["in the middle"]
    x = torch.randn(2, 3, 8, 8)
    for net in (archlang.loads(text), generated(text)):
        for mine, own in zip(net.parameters(), by_hand.parameters(), strict=True):
            mine.data.copy_(own)
        assert all(map(torch.equal, run(net.train(), x), run(by_hand, x)))


def test_a_value_goes_when_inference_has_read_it() -> None:
    """What only training reads later does not keep a value alive."""
    text = "INPUT(3, 8, 8) -> a: CONV(4, 3x3) -> b: CONV(4, 3x3) -> FC(2) -> AUX{ a -> FC(3) }"
    net = archlang.loads(text).eval()
    spent = {step.name: values for step, values, *_ in net._in_evaluation[0]}
    assert spent["b"] == (1,)
    assert not any(1 in values for step, values, *_ in net._in_training[0] if step.name == "b")


def test_texts() -> None:
    lines = source_of(NETS["one reads another"]).split("def forward")[1].splitlines()[2:]
    assert [line.strip() for line in lines] == [
        "x = self.conv1(x)  # 4x6x6",
        "aux: list[Tensor] = []",
        "h = None",
        "if self.training:",
        "h = self.h(x)",
        "y = torch.flatten(h, 1)  # 144",
        "aux.append(self.fc1(y))  # 3",
        "x = self.relu1(x)",
        "if h is not None:",
        "y = torch.flatten(h, 1)  # 144",
        "aux.append(self.fc2(y))  # 3",
        "x = torch.flatten(x, 1)  # 144",
        "x = self.fc3(x)  # 1",
        "return (x, *aux) if aux else x",
    ]


def test_ruff_and_pyright_have_nothing_to_say(tmp_path: Path) -> None:
    for number, text in enumerate(NETS.values()):
        (tmp_path / f"net{number}.py").write_text(source_of(text), encoding="utf-8")
    common = ["--isolated", "--no-cache", "--line-length", "120"]
    for command in (
        ["ruff", "format", "--check", *common],
        ["ruff", "check", "--select", "E,F,W,I,UP,N,B,SIM,RET,PIE", *common],
        ["basedpyright", "--level", "error", "--pythonpath", sys.executable],
    ):
        arguments = [sys.executable, "-m", *command, "."]
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
