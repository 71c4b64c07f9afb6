"""Layers used again on maps of another size: torch with one module called twice is the witness."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.backends.torch_source import write_source
from archlang.ir.json import read_model, write_model
from archlang.ir.verify import verify_model

LAYERS: dict[str, tuple[str, nn.Module]] = {
    "CONV(4, 3x3, padding=1)": ("8, 8", nn.Conv2d(4, 4, 3, padding=1)),
    "CONV(4, 3x3, stride=2, padding=1)": ("9, 9", nn.Conv2d(4, 4, 3, stride=2, padding=1)),
    "CONV(4, 3, groups=2)": ("12", nn.Conv1d(4, 4, 3, groups=2)),
    "UPCONV(4, 2, stride=2)": ("3, 5", nn.ConvTranspose2d(4, 4, 2, stride=2)),
    "BN": ("4, 4, 4", nn.BatchNorm3d(4)),
    "GN(2)": ("6, 6", nn.GroupNorm(2, 4)),
    "PRELU(channels=true)": ("6, 6", nn.PReLU(4)),
}


def written(text: str) -> Any:
    """The class that is written of a model, as an instance."""
    names: dict[str, Any] = {"__name__": "written"}
    exec(write_source(archlang.checks(text).models[0], "net.arch"), names)
    return names["Net"]()


@pytest.mark.parametrize("layer", LAYERS)
def test_one_layer_on_two_sizes(layer: str) -> None:
    sizes, other = LAYERS[layer]
    axes = sizes.count(",") + 1
    text = f"model Net = INPUT(4, {sizes}) -> h: {layer} -> PAD(1) -> SHARE(h)"
    report = archlang.checks(text, allow=["all"])
    assert report.ok, str(report)
    model = report.models[0]
    verify_model(model)
    assert read_model(write_model(model)) == model
    live = archlang.loads(text, seed=0)
    module: Any = written(text)
    x = torch.randn(2, 4, *map(int, sizes.split(",")))
    other.load_state_dict({key.removeprefix("h."): value for key, value in live.state_dict().items()})
    expected = other.train()(nn.functional.pad(other(x), [1] * 2 * axes))
    assert torch.allclose(live.train()(x), expected, atol=1e-6)
    module.load_state_dict(live.state_dict())
    assert torch.equal(live.eval()(x), module.eval()(x))
    assert tuple(expected.shape[1:]) == model.outputs[0].shape
    assert report.to_dict()["models"][0]["parameters"]["total"] == sum(p.numel() for p in other.parameters())


def macs(text: str) -> int:
    return archlang.checks(text).to_dict()["models"][0]["macs"]


def test_each_use_is_counted_at_its_size() -> None:
    once = "INPUT(4, {0}, {0}) -> CONV(4, 3x3, padding=1)"
    assert macs("INPUT(4, 8, 8) -> h: CONV(4, 3x3, padding=1) -> MAXPOOL(2) -> SHARE(h)") == macs(
        once.format(8)
    ) + macs(once.format(4))


def test_sizes_left_free() -> None:
    net = archlang.loads("INPUT(4, H, W) -> h: CONV(4, 3x3, padding=1) -> MAXPOOL(2) -> SHARE(h)", seed=0)
    x: Tensor = torch.randn(1, 4, 10, 6)
    child: Any = net.get_submodule("h")
    assert torch.equal(net(x), child(nn.functional.max_pool2d(child(x), 2)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("INPUT(3, 8, 8) -> h: CONV(4, 1x1) -> SHARE(h)", "it takes 3x8x8, not 4x8x8"),
        ("INPUT(3, 8, 8) -> h: CONV(3, 1x1) -> FLATTEN -> SHARE(h)", "it takes 3x8x8, not 192"),
        ("INPUT(8) -> h: FC(4) -> SHARE(h)", "it takes 8, not 4"),
        ("INPUT(3, 8, 8) -> h: LN -> MAXPOOL(2) -> SHARE(h)", "it takes 3x8x8, not 3x4x4"),
        (
            "INPUT(3, 8, 8) -> h: [CONV(3, 1x1)] -> MAXPOOL(2) -> SHARE(h)",
            "a layer of its own fits others of 3 channels",
        ),
        (
            "INPUT(3, 8, 8) -> e: [h: CONV(3, 1x1)] -> SHARE(e.h)",
            "`e.h` cannot be used here: it is inside another scope",
        ),
        ("INPUT(3, 7, 7) -> h: CONV(3, 3x3, stride=2) -> SHARE(h) -> SHARE(h)", "a window of 3x3 does not fit"),
        (
            "INPUT(3, 9, 9) -> h: CONV(3, 3x3, stride=3) -> PAD(1) -> SHARE(h)",
            "stride 3 does not cover an input of 5x5",
        ),
        ("INPUT(1, 9, 9) -> h: UPCONV(1, 2, stride=1000) -> SHARE(h) -> SHARE(h)", "at most"),
    ],
)
def test_what_does_not_fit(text: str, message: str) -> None:
    report = archlang.checks(text)
    assert not report.ok
    assert message in str(report)
