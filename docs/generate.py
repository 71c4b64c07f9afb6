"""Writes the generated pages: layers.md and memory-layers.md from the layer classes, zoo.md, gallery.md and their
pictures from the zoo, errors and the table of lints.md from the problem classes.

Usage: python docs/generate.py [--check]     with --check nothing is written; status 1 if a page would change
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archlang import resources
from archlang.api import Picture
from archlang.backends.render_options import read_options
from archlang.checking import Request, check_source
from archlang.errors.catalog import catalog, meaning
from archlang.errors.words import shape_text
from archlang.explain import index_page, page
from archlang.ir.graph import Layer, Model
from archlang.ir.memory import layer_keeps
from archlang.ir.ops import OPS
from archlang.ir.ops.base import Op
from archlang.ir.ops.trace import Setting
from archlang.ir.walk import fold_totals, input_shapes
from archlang.lints.registry import codes
from archlang.reading import check_target
from archlang.source import Source
from archlang.syntax.comments import ALLOW

DOCS = Path(__file__).parent
FAMILIES = {
    "conv": "Convolutions",
    "pool": "Pooling",
    "linear": "Fully connected",
    "norm": "Normalisation",
    "activation": "Non-linearities",
    "regularisation": "Regularisation",
    "shape": "Shapes",
    "join": "Joins",
    "attention": "Attention",
    "embedding": "Embeddings",
    "source": "Sources",
}
PEER_LINES: dict[str, tuple[str, int]] = {
    "alexnet": ("torchvision", 45),
    "vgg": ("torchvision", 105),
    "resnet": ("torchvision", 277),
    "inception": ("torchvision (GoogLeNet and v3 only)", 520),
    "densenet": ("torchvision", 184),
    "squeezenet": ("torchvision", 96),
    "mobilenet": ("torchvision (v2 and v3 only)", 349),
    "efficientnet": ("torchvision (all sizes)", 453),
    "shufflenet": ("torchvision (all widths)", 151),
    "convnext": ("torchvision", 187),
    "vit": ("torchvision", 353),
}
"""Lines that torchvision 0.29 takes for these networks: its model file without imports, comments, documentation and
the metadata of weights."""


def layers_page() -> str:
    """All layers by family."""
    lines = [
        "# The layers",
        "",
        "Generated from the layer classes by `docs/generate.py`. Shapes leave out the batch; arguments stand in",
        "torch's order, with torch's defaults. Words behind a slash are other spellings of the same layer.",
        "",
        "`INPUT(C, H, W)` begins a model; `SHARE(label)`, `AUX{ }`, `OUTPUT{ }` and `_` are described in",
        "[the language](language.md). Layers with weights also take `init=`. [Layers of one's own](own-layers.md) are",
        "one class each.",
        "",
    ]
    for family, title in FAMILIES.items():
        members = [op for op in OPS if op.family == family]
        if members:
            lines += [f"## {title}", ""]
            lines += [line for op in members for line in _layer(op)]
    return "\n".join(lines).rstrip() + "\n"


def _layer(op: type[Op]) -> Iterator[str]:
    arguments = ", ".join(parameter.text for parameter in op.signature)
    letters = [f"`{p.letter}` for `{p.name}`" for p in op.signature if p.letter]
    yield f"### {' / '.join(op.words)}"
    yield ""
    yield f"`{op.words[0]}({arguments})`" + (f" with the letters {', '.join(letters)}" if letters else "")
    yield ""
    yield inspect.cleandoc(op.__doc__ or "")
    yield ""
    if op.adapted:
        names = sorted({f"`{theirs}` for `{ours}`" for given in op.adapted.values() for theirs, ours in given.items()})
        yield f"As in torch: {', '.join(f'`{word}`' for word in op.adapted)}, with {', '.join(names)}."
        yield ""


MEMORY_EXAMPLES = """
INPUT(8, 16, 16) -> CONV(8, 3, padding=1)
INPUT(8, 16, 16) -> CONV(8, 3, padding=1, padding_mode="reflect")
INPUT(8, 16, 16) -> UPCONV(8, 2, stride=2)
INPUT(8, 16, 16) -> MAXPOOL(2)
INPUT(8, 16, 16) -> AVGPOOL(2)
INPUT(8, 16, 16) -> AVGPOOL(to=1)
INPUT(8, 16, 16) -> LPPOOL(2, 2)
INPUT(8, 16, 16) -> p: MAXPOOL(2) -> UNPOOL(p)
INPUT(8, 16, 16) -> UPSAMPLE(scale_factor=2)
INPUT(2048) -> FC(8)
INPUT(16, 128) -> LINEAR(8)
INPUT(8, 16, 16) -> BN
INPUT(16, 128) -> LN
INPUT(8, 16, 16) -> GN(2)
INPUT(8, 16, 16) -> IN
INPUT(8, 16, 16) -> LRN(5)
INPUT(8, 16, 16) -> SCALE
INPUT(8, 16, 16) -> RELU
INPUT(8, 16, 16) -> RELU(inplace=true)
INPUT(8, 16, 16) -> RELU6
INPUT(8, 16, 16) -> RELU6(inplace=true)
INPUT(8, 16, 16) -> LEAKYRELU
INPUT(8, 16, 16) -> PRELU
INPUT(8, 16, 16) -> ELU
INPUT(8, 16, 16) -> CELU
INPUT(8, 16, 16) -> SELU
INPUT(8, 16, 16) -> GELU
INPUT(8, 16, 16) -> SILU
INPUT(8, 16, 16) -> MISH
INPUT(8, 16, 16) -> HARDSWISH
INPUT(8, 16, 16) -> HARDSIGMOID
INPUT(8, 16, 16) -> HARDTANH
INPUT(8, 16, 16) -> SOFTPLUS
INPUT(8, 16, 16) -> TANH
INPUT(8, 16, 16) -> SIGMOID
INPUT(8, 16, 16) -> LOGSIGMOID
INPUT(8, 16, 16) -> SOFTMAX
INPUT(8, 16, 16) -> LOGSOFTMAX
INPUT(8, 16, 16) -> MAXOUT(2)
INPUT(8, 16, 16) -> DROPOUT
INPUT(8, 16, 16) -> CHANNELDROPOUT
INPUT(8, 16, 16) -> DROPPATH(0.1)
INPUT(8, 16, 16) -> ADD{ _, _ }
INPUT(8, 16, 16) -> MUL{ _, _ }
INPUT(8, 16, 16) -> CONCAT{ _, _ }
INPUT(8, 16, 16) -> FLATTEN
INPUT(8, 16, 16) -> IDENTITY
INPUT(8, 16, 16) -> RESHAPE((16, 128))
INPUT(8, 16, 16) -> PERMUTE((2, 3, 1))
INPUT(8, 16, 16) -> CROP(8)
INPUT(8, 16, 16) -> SLICE(1, 0, 4)
INPUT(8, 16, 16) -> PAD(1)
INPUT(8, 16, 16) -> PAD(1, mode="reflect")
INPUT(8, 16, 16) -> SELECT((0, 2))
INPUT(8, 16, 16) -> SHUFFLE(2)
INPUT(8, 16, 16) -> PIXELSHUFFLE(2)
INPUT(8, 16, 16) -> PIXELUNSHUFFLE(2)
INPUT(8, 16, 16) -> ADDCOORDS
INPUT(16, 128) -> ATTENTION(4)
INPUT(16, 128) -> ATTENTION(4, dropout=0.1)
INPUT(16) -> EMBEDDING(100, 128)
INPUT(8, 16, 16) -> ADD{ _, PARAMETER(8x16x16) }
"""
"""A layer each, of 2,048 numbers."""


def memory_page() -> str:
    """What each layer keeps for the backward pass."""
    lines = [
        "# What each layer keeps",
        "",
        "Generated by `docs/generate.py` from the layers' own rules, which `tests/test_memory.py` holds to torch's",
        "hooks on saved tensors. Bytes as float32 for one sample of 2,048 numbers, on a GPU; `cpu` stands behind those",
        "that differ there. In place the output lies in the input's memory. Where no gradient flows back to the input,",
        "as to the model's own, layers without weights keep nothing. [Memory](memory.md) says how this adds up.",
        "",
        "| layer | inputs | output | its own |",
        "| --- | --- | --- | ---: |",
        *(f"| `{text.partition(' -> ')[2]}` | {_keeps_text(text)} |" for text in MEMORY_EXAMPLES.strip().splitlines()),
    ]
    return "\n".join(lines) + "\n"


def _keeps_text(text: str) -> str:
    (model,) = check_source(Source("<text>", text)).models
    layer = next(node for node in reversed(model.root.nodes) if isinstance(node, Layer) and node.name)
    shapes = input_shapes(model.root, layer)
    cuda, cpu = (layer_keeps(layer.op, shapes, layer.outputs, Setting(device=device)) for device in ("cuda", "cpu"))
    own = f"{cuda.own:,}" + (f" (cpu {cpu.own:,})" if cpu != cuda else "")
    kept = [str(index + 1) for index in cuda.inputs] if len(shapes) > 1 else ["kept"] if cuda.inputs else []
    return f"{', '.join(kept)} | {'kept' if cuda.output else ''} | {own if cuda.own or cpu.own else ''}"


def zoo_page() -> str:
    """All networks that ship with the package."""
    lines = [
        "# The zoo",
        "",
        "Generated by `docs/generate.py`. Each file asserts the figures of its models, and `archc check zoo:NAME`",
        "checks them. MACs are for one sample, without heads that run in training only.",
        "",
        "Graph convolution (Kipf and Welling) is not among them: its propagation is a product with one fixed matrix",
        "of the data set, and the language holds layers, not data. Its dense part is `LINEAR`; a registered layer",
        "can hold the matrix ([own layers](own-layers.md)).",
        "",
    ]
    for path in resources.zoo_files():
        lines += _zoo_file(path)
    return "\n".join(lines).rstrip() + "\n"


def _zoo_file(path: Path) -> Iterator[str]:
    models = check_target(f"zoo:{path.stem}", Request()).models
    text = path.read_text(encoding="utf-8")
    yield f"## [{path.stem}](../zoo/{path.name})"
    yield ""
    yield from _citation(text)
    yield ""
    yield "| model | output | parameters | MACs |"
    yield "| --- | --- | ---: | ---: |"
    yield from (_zoo_row(model) for model in models)
    yield ""
    if path.stem in PEER_LINES:
        peer, count = PEER_LINES[path.stem]
        yield f"{_code_lines(text)} lines, without comments and assertions; {peer} takes {count}."
        yield ""
    yield f"![{models[0].name}](pictures/{path.stem}.svg)"
    yield ""


def _citation(text: str) -> Iterator[str]:
    """The comment at the top of a file."""
    for line in text.splitlines():
        if not line.startswith("#"):
            return
        if not ALLOW.match(line):
            yield line.removeprefix("#").strip()


def _zoo_row(model: Model) -> str:
    totals = fold_totals(model)[-1]
    output = shape_text(model.outputs[0].shape)
    return f"| {model.name} | {output} | {totals.parameters:,} | {totals.macs:,} |"


def _code_lines(text: str) -> int:
    """Lines that define networks."""
    lines = (line.strip() for line in text.splitlines())
    return sum(bool(line) and not re.match(r"#|assert\b", line) for line in lines)


def pictures() -> Iterator[tuple[Path, str]]:
    """The diagram of the first model of each zoo file."""
    for path in resources.zoo_files():
        outcome = check_target(f"zoo:{path.stem}", Request())
        yield DOCS / "pictures" / f"{path.stem}.svg", Picture(outcome.models[0]).svg()


OPTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "merged": ("zoo:alexnet", "AlexNet", {"merge": True, "legend": False}),
    "depth": ("zoo:alexnet", "AlexNet", {"depth": 1}),
    "dark": ("zoo:lenet", "LeNet5", {"show": "name,type,parameters,macs", "theme": "dark"}),
    "print": ("zoo:lenet", "LeNet5", {"direction": "LR", "theme": "print"}),
}
"""Pictures of diagrams.md: what is drawn, and with which options."""

VOLUMES = {"alexnet": "AlexNet", "vgg": "VGG16", "unet": "UNet", "lenet": "LeNet5"}
"""Figures of volumes.md: zoo files and their models."""

FAILING = "model Net = INPUT(3, 32, 32) -> features: [CONV(16, 3x3) -> RELU -> POOL(2)]*2 -> POOL(7) -> FC(10)"


def option_pictures() -> Iterator[tuple[Path, str]]:
    """The pictures of diagrams.md."""
    folder = DOCS / "pictures" / "options"
    for name, (target, model, options) in OPTIONS.items():
        drawn = check_target(target, Request(model)).models[0]
        yield folder / f"{name}.svg", Picture(drawn, read_options(**options)).svg()
    outcome = check_source(Source("net.arch", FAILING), None, choose_one=True)
    yield folder / "partial.svg", Picture(outcome.partial[0]).svg()


LINTS_HEAD = "| code | what it finds |\n| --- | --- |\n"


def lints_page() -> str:
    """The page of warnings: written by hand, but for the table of them."""
    text = (DOCS / "lints.md").read_text(encoding="utf-8")
    before, head, rest = text.partition(LINTS_HEAD)
    rows = "\n".join(f"| [{code}](errors/{code}.md) | {meaning(catalog()[code])} |" for code in codes())
    return before + head + rows + rest[rest.index("\n\n") :]


def volume_pictures() -> Iterator[tuple[Path, str]]:
    """The pictures of volumes.md."""
    for name, model in VOLUMES.items():
        drawn = check_target(f"zoo:{name}", Request(model)).models[0]
        yield DOCS / "pictures" / "volumes" / f"{name}.svg", Picture(drawn, read_options(style="volumes")).svg()


KINDS: dict[str, tuple[str, ...]] = {
    "How it began": ("blueprint", "lenet", "alexnet", "zfnet"),
    "Deeper": ("vgg", "nin", "inception", "resnet", "densenet"),
    "Small enough for a phone": ("squeezenet", "mobilenet", "shufflenet", "efficientnet"),
    "After the transformers": ("vit", "convnext"),
    "A class for each pixel": ("fcn", "deconvnet", "unet"),
    "Places, video, language and speech": ("coordconv", "c3d", "textcnn", "speech"),
}
"""Files of the zoo by what they are read for."""

FURTHER: dict[str, tuple[str, ...]] = {
    "blueprint": ("DoublePairs",),
    "lenet": ("LeNet5Original",),
    "inception": ("GoogLeNet", "InceptionV3"),
    "resnet": ("ResNet18", "ResNetCIFAR"),
    "densenet": ("DenseNetCIFAR",),
    "mobilenet": ("MobileNetV2", "MobileNetV3Small"),
    "fcn": ("FCN8s",),
    "unet": ("UNetPadded",),
}
"""Models that the gallery shows beside the first of their files."""


def gallery_page() -> str:
    """The pictures of all networks, by kind."""
    stems = [path.stem for path in resources.zoo_files()]
    placed = {stem for members in KINDS.values() for stem in members}
    kinds = KINDS | {"Others": tuple(stem for stem in stems if stem not in placed)}
    models = {stem: _exhibited(stem) for stem in stems}
    lines = [
        "# Gallery",
        "",
        "Generated by `docs/generate.py`. Networks of each file of [the zoo](zoo.md), as `archc render` draws them:",
        "repeats are folded, and a block that occurs often is drawn once, beside the picture.",
        "[Diagrams](diagrams.md) has the options, among them other formats.",
        "",
    ]
    for kind, members in kinds.items():
        if members:
            names = (model.name for stem in members for model in models[stem])
            lines.append(f"- {kind}: {', '.join(f'[{name}](#{name.lower()})' for name in names)}")
    for kind, members in kinds.items():
        if members:
            lines += ["", f"## {kind}", "", *(line for stem in members for line in _exhibits(stem, models[stem]))]
    return "\n".join(lines).rstrip() + "\n"


def _exhibited(stem: str) -> list[Model]:
    """The models of a file that the gallery shows: its first, and further ones."""
    models = check_target(f"zoo:{stem}", Request()).models
    return [models[0], *(model for name in FURTHER.get(stem, ()) for model in models if model.name == name)]


def _exhibits(stem: str, models: list[Model]) -> Iterator[str]:
    """The networks of a file with their source, figures and pictures."""
    for model in models:
        totals = fold_totals(model)[-1]
        shapes = " -> ".join(shape_text(port.shape) for port in (model.inputs[0], model.outputs[0]))
        yield from (f"### {model.name}", "")
        if model is models[0]:
            yield from (*_citation(resources.folder("zoo").joinpath(f"{stem}.arch").read_text(encoding="utf-8")), "")
        yield f"{shapes}; {totals.parameters:,} parameters, {totals.macs:,} MACs. [zoo/{stem}.arch](../zoo/{stem}.arch)"
        yield ""
        yield from ("```sh", f"archc render zoo:{stem} -m {model.name}", "```", "")
        picture = f"{stem}.svg" if model is models[0] else f"gallery/{model.name}.svg"
        yield from (f"![{model.name}](pictures/{picture})", "")
    if stem in VOLUMES:
        yield from (f"As [volumes](volumes.md), `archc render zoo:{stem} -m {VOLUMES[stem]} --style volumes`:", "")
        yield from (f"![{VOLUMES[stem]} as volumes](pictures/volumes/{stem}.svg)", "")


def gallery_pictures() -> Iterator[tuple[Path, str]]:
    """The pictures that the gallery has beside those of the zoo's page."""
    for stem in FURTHER:
        for model in _exhibited(stem)[1:]:
            yield DOCS / "pictures" / "gallery" / f"{model.name}.svg", Picture(model).svg()


def error_pages() -> Iterator[tuple[Path, str]]:
    """A page for each kind of problem, and the list of them."""
    yield DOCS / "errors.md", index_page()
    for code in catalog():
        yield DOCS / "errors" / f"{code}.md", page(code)


def pages() -> Iterator[tuple[Path, str]]:
    """All generated files with their content."""
    yield from error_pages()
    yield DOCS / "lints.md", lints_page()
    yield DOCS / "layers.md", layers_page()
    yield DOCS / "memory-layers.md", memory_page()
    yield DOCS / "zoo.md", zoo_page()
    yield DOCS / "gallery.md", gallery_page()
    yield from pictures()
    yield from gallery_pictures()
    yield from option_pictures()
    yield from volume_pictures()


def main() -> None:
    """Write the pages, or only say which are out of date."""
    changed = [(path, text) for path, text in pages() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path, text in changed:
        print(f"{path.name} is out of date" if "--check" in sys.argv else f"wrote {path.name}")
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    sys.exit(1 if changed and "--check" in sys.argv else 0)


if __name__ == "__main__":
    main()
