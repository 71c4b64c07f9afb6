"""The zoo: every file checks clean, every model asserts its figures, and all witnesses of a network agree.

The witnesses: the figures in the files (papers, torchvision), torchvision's lists of keys in `data/torchvision`, the
IR, the live module, the generated source, and torch's own counter of operations. Large networks live on the meta
device, which computes shapes alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import archlang
from archlang.backends.torch_module import build_module
from archlang.backends.torch_source import write_source
from archlang.elaborate.program import walk
from archlang.ir.graph import Model
from archlang.ir.walk import flatten, fold_totals
from archlang.reading import read_source
from archlang.resources import zoo_files
from archlang.syntax import ast
from archlang.syntax.parser import parse

LISTS = Path(__file__).parent / "data" / "torchvision"

TORCHVISION = {
    ("alexnet", "AlexNet"): "alexnet",
    ("vgg", "VGG11"): "vgg11",
    ("vgg", "VGG13"): "vgg13",
    ("vgg", "VGG16"): "vgg16",
    ("vgg", "VGG19"): "vgg19",
    ("vgg", "VGG11BN"): "vgg11_bn",
    ("vgg", "VGG13BN"): "vgg13_bn",
    ("vgg", "VGG16BN"): "vgg16_bn",
    ("vgg", "VGG19BN"): "vgg19_bn",
    ("inception", "GoogLeNet"): "googlenet",
    ("inception", "GoogLeNet", "aux"): "googlenet_aux",
    ("inception", "InceptionV3"): "inception_v3",
    ("inception", "InceptionV3", "aux"): "inception_v3_aux",
    ("resnet", "ResNet18"): "resnet18",
    ("resnet", "ResNet34"): "resnet34",
    ("resnet", "ResNet50"): "resnet50",
    ("resnet", "ResNet101"): "resnet101",
    ("resnet", "ResNet152"): "resnet152",
    ("resnet", "ResNet50V1"): "resnet50",
    ("resnet", "ResNeXt50"): "resnext50_32x4d",
    ("resnet", "WideResNet50"): "wide_resnet50_2",
    ("densenet", "DenseNet121"): "densenet121",
    ("densenet", "DenseNet161"): "densenet161",
    ("densenet", "DenseNet169"): "densenet169",
    ("densenet", "DenseNet201"): "densenet201",
    ("squeezenet", "SqueezeNet"): "squeezenet1_0",
    ("squeezenet", "SqueezeNet11"): "squeezenet1_1",
    ("mobilenet", "MobileNetV2"): "mobilenet_v2",
    ("mobilenet", "MobileNetV3Large"): "mobilenet_v3_large",
    ("mobilenet", "MobileNetV3Small"): "mobilenet_v3_small",
    ("efficientnet", "EfficientNetB0"): "efficientnet_b0",
    ("shufflenet", "ShuffleNetV2"): "shufflenet_v2_x1_0",
    ("convnext", "ConvNeXtT"): "convnext_tiny",
    ("vit", "ViTB16"): "vit_b_16",
    ("vit", "ViTL16"): "vit_l_16",
}
"""Models that have torchvision's keys: (file, model), or with its heads for training, to the list of keys."""

SMALLER = {
    "UNet": (1, 188, 188),
    "UNetFlat": (1, 188, 188),
    "UNetPadded": (3, 32, 32),
    "ResNet34": (3, 64, 64),
    "ResNet50": (3, 64, 64),
    "ResNet50V1": (3, 64, 64),
    "ResNeXt50": (3, 64, 64),
    "DenseNet121": (3, 64, 64),
    "ConvNeXtT": (3, 64, 64),
    "SpeechPReLU": (3, 41, 20),
    "SpeechMaxout": (3, 41, 20),
}
"""Inputs at which these are cheap enough to compute."""

MOST_PARAMETERS, MOST_MACS, MOST_LAYERS = 32_000_000, 6_000_000_000, 700
"""Of a network that is computed in full."""

FIGURES = ("parameters", "macs", "output")


@cache
def checked(stem: str, model: str | None = None, aux: bool = False, shape: tuple[int, ...] | None = None) -> Any:
    """The report of a file of the zoo."""
    return archlang.check(f"zoo:{stem}", model, input=shape, **({"aux": True} if aux else {}))


def model_of(stem: str, name: str, *aux: str, shape: tuple[int, ...] | None = None) -> Model:
    """One model of the zoo."""
    report = checked(stem, name, bool(aux), shape) if aux or shape else checked(stem)
    return next(model for model in report.models if model.name == name)


@cache
def tree(stem: str) -> ast.File:
    """A file of the zoo, parsed."""
    return parse(read_source(f"zoo:{stem}"))


def families(stem: str) -> set[str]:
    """Models that others of the file are instances of: those assert the figures and are tested."""
    models = [item for item in tree(stem).items if isinstance(item, ast.Definition) and item.is_model]
    called = {node.word for model in models for node in walk(model.chain) if isinstance(node, ast.Call)}
    return called & {model.name for model in models}


STEMS = [path.stem for path in zoo_files()]
MODELS = {
    f"{stem}-{model.name}": (stem, model.name)
    for stem in STEMS
    for model in checked(stem).models
    if model.name not in families(stem)
}
HEADS = {
    f"{key}-aux": (*where, "aux")
    for key, where in MODELS.items()
    if any(argument.name == "aux" for argument in model_of(*where).arguments)
}
every_file = pytest.mark.parametrize("stem", STEMS)
every_model = pytest.mark.parametrize("where", (MODELS | HEADS).values(), ids=MODELS | HEADS)


# ---- the files


@every_file
def test_checks_clean(stem: str) -> None:
    report = checked(stem)
    assert report.ok, str(report)
    assert not report.diagnostics


@every_file
def test_is_written_to_be_read(stem: str) -> None:
    text = read_source(f"zoo:{stem}").text
    assert text.startswith("# ")
    assert text.endswith("\n")
    assert not [line for line in text.splitlines() if len(line) > 120 or line != line.rstrip() or "\t" in line]


@every_file
def test_every_model_asserts_its_figures(stem: str) -> None:
    names = {model.name for model in checked(stem).models} - families(stem)
    assert {(name, figure) for name in names for figure in FIGURES} <= set(asserted_figures(stem))


def asserted_figures(stem: str) -> Iterator[tuple[str, str]]:
    """What assertions name: (model, figure)."""
    for item in tree(stem).items:
        for node in walk(item.condition) if isinstance(item, ast.Assertion) else ():
            if isinstance(node, ast.Attribute) and isinstance(node.owner, ast.NameUse):
                yield node.owner.name, node.name


# ---- torchvision's keys


def tensors(model: Model) -> list[tuple[str, tuple[int, ...]]]:
    """The state dict that the IR promises: keys with shapes, in torch's order, a module's own tensors first."""
    root: dict[str, Any] = {}
    for flat in flatten(model):
        op = flat.layer.op
        for name, shape in {**op.parameters(), **op.buffers()}.items():
            *scopes, last = ".".join(filter(None, (flat.path, name))).split(".")
            scope = root
            for word in scopes:
                scope = scope.setdefault(word, {})
            scope.setdefault(last, shape)
    return list(in_order(root, ""))


def in_order(scope: dict[str, Any], prefix: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from ((prefix + name, item) for name, item in scope.items() if not isinstance(item, dict))
    for name, item in scope.items():
        if isinstance(item, dict):
            yield from in_order(item, f"{prefix}{name}.")


def listed(name: str) -> tuple[int, list[str]]:
    """The parameters and keys of a torchvision network."""
    total, *keys = (LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return int(total.removeprefix("parameters ")), keys


@pytest.mark.parametrize("where", TORCHVISION, ids="-".join)
def test_keys_are_torchvisions(where: tuple[str, ...]) -> None:
    total, keys = listed(TORCHVISION[where])
    model = model_of(*where)
    assert [f"{key} {'x'.join(map(str, shape)) or 'scalar'}" for key, shape in tensors(model)] == keys
    assert fold_totals(model)[-1].parameters == total


def test_every_list_of_keys_is_used() -> None:
    assert {path.stem for path in LISTS.glob("*.txt")} == set(TORCHVISION.values())


# ---- the two backends


def generated(model: Model) -> nn.Module:
    """The module of the generated source."""
    module = ModuleType("generated")
    exec(compile(write_source(model, "zoo"), "generated.py", "exec"), module.__dict__)
    return module.__dict__[model.name]()


def example(model: Model, batch: int) -> list[Tensor]:
    """One value for each input: whole numbers where they are looked up."""
    indices = any(getattr(flat.layer.op, "integer_input", False) for flat in flatten(model))
    make = (lambda shape: torch.zeros(shape, dtype=torch.int64)) if indices else torch.rand
    return [make((batch, *item.shape)) for item in model.inputs]


def results(module: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    """All that a module returns."""
    with torch.no_grad():
        given = module(*inputs)
    return list(given) if isinstance(given, tuple) else [given]


@every_model
def test_backends_promise_what_the_ir_does(where: tuple[str, ...]) -> None:
    model = model_of(*where)
    totals = fold_totals(model)[-1]
    with torch.device("meta"):
        made, inputs, two = generated(model), example(model, 1), example(model, 2)
    for module in (build_module(model, device="meta"), made):
        assert [(key, tuple(value.shape)) for key, value in module.state_dict().items()] == tensors(model)
        assert sum(value.numel() for value in module.parameters()) == totals.parameters
        counter = FlopCounterMode(display=False)
        with counter:
            shapes = [tuple(value.shape[1:]) for value in results(module.eval(), inputs)]
        assert counter.get_total_flops() == 2 * totals.macs
        assert shapes == [output.shape for output in model.outputs if not output.training]
        if any(output.training for output in model.outputs):
            shapes = [tuple(value.shape[1:]) for value in results(module.train(), two)]
            assert shapes == [output.shape for output in model.outputs]


def affordable(where: tuple[str, ...]) -> bool:
    """Whether a network can be computed here and now."""
    totals = fold_totals(model_of(*where, shape=SMALLER.get(where[1])))[-1]
    return totals.parameters <= MOST_PARAMETERS and totals.macs <= MOST_MACS and totals.layers <= MOST_LAYERS


COMPUTED = {key: where for key, where in MODELS.items() if affordable(where)}


@pytest.mark.parametrize("where", COMPUTED.values(), ids=COMPUTED)
def test_backends_compute_the_same(where: tuple[str, ...]) -> None:
    model = model_of(*where, shape=SMALLER.get(where[1]))
    live, made = build_module(model, seed=1).eval(), generated(model).eval()
    made.load_state_dict(live.state_dict())
    torch.manual_seed(2)
    inputs = example(model, 1)
    for one, other in zip(results(live, inputs), results(made, inputs), strict=True):
        assert torch.equal(one, other)
        assert one.isfinite().all()
        assert one.unique().numel() > 1


def test_unet_written_out_is_the_recursion() -> None:
    models = [model_of("unet", name, shape=SMALLER[name]) for name in ("UNet", "UNetFlat")]
    recursive, flat = (build_module(model, seed=1).eval() for model in models)
    flat.load_state_dict(dict(zip(flat.state_dict(), recursive.state_dict().values(), strict=True)))
    inputs = example(models[0], 1)
    assert torch.equal(*results(recursive, inputs), *results(flat, inputs))


# ---- use from elsewhere


def test_coordconv_is_a_block_to_import(tmp_path: Path) -> None:
    path = tmp_path / "mine.arch"
    path.write_text('from "zoo:coordconv" import CoordConv\nINPUT(3, 8, 8) -> CoordConv(4, 3x3, padding=1) -> FC(2)\n')
    report = archlang.check(path)
    assert report.ok, str(report)
    assert report.models[0].root.shape_of(report.models[0].root.outputs[0]) == (2,)
    assert fold_totals(report.models[0])[-1].parameters == (4 * 5 * 9 + 4) + (4 * 64 * 2 + 2)


def test_the_gallery_shows_every_file_once() -> None:
    page = (Path(__file__).parent.parent / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\(pictures/([\w/]+)\.svg\)", page)
    assert sorted(name for name in shown if "/" not in name) == sorted(path.stem for path in zoo_files())
    headings = {line.removeprefix("### ").lower() for line in page.splitlines() if line.startswith("### ")}
    assert set(re.findall(r"\]\(#(\w+)\)", page)) == headings
    assert all((Path(__file__).parent.parent / "docs" / "pictures" / f"{stem}.svg").is_file() for stem in shown)
