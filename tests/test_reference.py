"""The zoo against the same networks written by hand: same keys, same bits in eval, same training step.

The published key lists are the third witness (test_zoo.py holds the zoo to them, this file the references).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from reference import REFERENCES
from test_zoo import TORCHVISION
from torch import Tensor, nn

import archlang

LISTS = Path(__file__).parent / "data" / "torchvision"
ZOO = {published: model for model, published in reversed(TORCHVISION.items()) if published in REFERENCES}

SIDE = {"alexnet": 63, "inception_v3": 75, "inception_v3_aux": 75, "googlenet_aux": 64}
"""Sizes at which a network is cheap; others take 32."""

FIXED_SIDE = 224
"""The vision transformer has a position for each patch."""

HUGE = (
    *("vgg11", "vgg16", "vgg16_bn", "wide_resnet50_2", "densenet161", "resnet101", "resnet34", "vit_b_16"),
    *("convnext_tiny", "inception_v3_aux"),
)
"""Compared in eval only: a training step of these costs seconds and shows nothing that their siblings do not."""


def pair(published: str) -> tuple[nn.Module, nn.Module]:
    """The network written by hand, and the zoo's with its weights."""
    stem, name, *aux = ZOO[published]
    torch.manual_seed(0)
    by_hand = REFERENCES[published]()
    spread(by_hand)
    ours = archlang.load(f"zoo:{stem}", name, **({"aux": True} if aux else {}))
    ours.load_state_dict(by_hand.state_dict(), strict=True)
    return by_hand, ours


def spread(net: nn.Module) -> None:
    """Statistics and scales that are not their starting values, so that a mistake in them shows."""
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.8, 1.2, generator=generator)


def image(published: str) -> Tensor:
    side = FIXED_SIDE if published == "vit_b_16" else SIDE.get(published, 32)
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))


def published_list(name: str) -> Iterator[tuple[str, str]]:
    for line in (LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()[1:]:
        key, _, shape = line.partition(" ")
        yield key, shape


@pytest.mark.parametrize("published", REFERENCES)
def test_references_have_the_published_keys(published: str) -> None:
    with torch.device("meta"):
        state = REFERENCES[published]().state_dict()
    shapes = {key: "x".join(map(str, value.shape)) or "scalar" for key, value in state.items()}
    assert shapes == dict(published_list(published))


@pytest.mark.parametrize("published", REFERENCES)
def test_the_same_bits_in_eval(published: str) -> None:
    by_hand, ours = pair(published)
    x = image(published)
    with torch.inference_mode():
        assert torch.equal(ours.eval()(x), by_hand.eval()(x))


STEPS = [name for name in REFERENCES if name not in HUGE]


@pytest.mark.parametrize("published", STEPS)
def test_the_same_training_step(published: str) -> None:
    by_hand, ours = pair(published)
    x = image(published)
    outputs = [step(net, x) for net in (by_hand, ours)]
    for theirs, mine in zip(*outputs, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
    theirs, mine = by_hand.state_dict(), ours.state_dict()
    for key in theirs:
        torch.testing.assert_close(
            mine[key], theirs[key], rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}"
        )


def step(net: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """One step of SGD with the same random numbers; the outputs before it."""
    torch.manual_seed(3)
    out = net.train()(x)
    outputs = out if isinstance(out, tuple) else (out,)
    sum(output.square().mean() for output in outputs).backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    return tuple(output.detach() for output in outputs)
