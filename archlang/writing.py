"""Writing what a command makes: whole or not at all, in the format that the path's ending names."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from archlang.checking import Run
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import CannotWrite, MissingPackage, UnknownFormat
from archlang.ir.graph import Model

if TYPE_CHECKING:
    from archlang.backends.render_options import RenderOptions
    from archlang.backends.torch_module import ArchModule

STANDARD_OUTPUT = "-"


def _source(model: Model, _: RenderOptions | None = None, run: Run | None = None) -> str:
    from archlang.backends.torch_source import write_source
    from archlang.variants import variants_of

    variants = None if run is None else variants_of(run, model)
    return write_source(model.with_numbers, PurePath(model.origin.file).name, variants)


def _json(model: Model, _: RenderOptions | None = None) -> str:
    from archlang.ir.json import write_model

    return write_model(model.with_numbers)


def _of_volumes(options: RenderOptions | None) -> bool:
    return options is not None and options.style == "volumes"


def _boxes_only(options: RenderOptions | None, ending: str) -> None:
    """Raise where a figure of volumes is wanted in a format that has none."""
    if _of_volumes(options):
        from archlang.errors.pictures import NotOfVolumes

        raise Diagnosed(Diagnostic(NotOfVolumes(ending, VOLUME_ENDINGS), None, "-o"))


def _dot(model: Model, options: RenderOptions | None = None) -> str:
    _boxes_only(options, ".dot")
    from archlang.backends.drawing import draw
    from archlang.backends.graphviz import write_dot

    return write_dot(draw(model, options), options)


def _svg(model: Model, options: RenderOptions | None = None) -> str:
    if _of_volumes(options):
        from archlang.backends import volumes

        return volumes.write_svg(model, options)
    from archlang.backends.drawing import draw
    from archlang.backends.pages import write_page

    return write_page(draw(model, options), options)


def _png(model: Model, options: RenderOptions | None = None) -> bytes:
    from archlang.backends.pictures import write_png

    return write_png(_svg(model, options))


def _pdf(model: Model, options: RenderOptions | None = None) -> bytes:
    from archlang.backends.pictures import write_pdf

    return write_pdf(_svg(model, options))


def _tikz(model: Model, options: RenderOptions | None = None) -> str:
    from archlang.backends.volumes import write_tikz

    return write_tikz(model, options)


def _mermaid(model: Model, options: RenderOptions | None = None) -> str:
    _boxes_only(options, ".mmd")
    from archlang.backends.drawing import draw
    from archlang.backends.mermaid import write_mermaid

    return write_mermaid(draw(model, options), options)


def _html(model: Model, options: RenderOptions | None = None) -> str:
    _boxes_only(options, ".html")
    from archlang.backends.html.page import write_html

    return write_html(model, options)


def _onnx(model: Model, _: RenderOptions | None = None) -> bytes:
    return module_bytes(_live(model, "writing ONNX"), ".onnx")


def _pt2(model: Model, _: RenderOptions | None = None) -> bytes:
    return module_bytes(_live(model, "writing .pt2"), ".pt2")


def _live(model: Model, feature: str) -> ArchModule:
    """The module, with the weights that the seed 0 gives: the same file each time."""
    if find_spec("torch") is None:
        raise Diagnosed(Diagnostic(MissingPackage(feature, "torch", "torch"), None, model.origin.file))
    from archlang.backends.torch_module import build_module

    # on the CPU, whatever torch's default device is
    return build_module(model.with_numbers, seed=0, device="cpu")


def module_bytes(net: ArchModule, ending: str) -> bytes:
    """A live module as the content of a file with this ending, .onnx or .pt2. Raises `Diagnosed`."""
    from archlang.backends.export import write_onnx, write_pt2

    return write_onnx(net) if ending == ".onnx" else write_pt2(net)


MODULE_ENDINGS = (".onnx", ".pt2")
VOLUME_ENDINGS = (".svg", ".png", ".pdf", ".tex")

Writer = Callable[[Model, "RenderOptions | None"], str | bytes]

WRITERS: dict[str, dict[str, Writer]] = {
    "compile": {".py": _source, ".json": _json, ".onnx": _onnx, ".pt2": _pt2},
    "render": {".svg": _svg, ".dot": _dot, ".png": _png, ".pdf": _pdf, ".mmd": _mermaid, ".tex": _tikz, ".html": _html},
}
"""For each command its formats by file ending; the first is the default."""


def default_path(model: Model, command: str) -> str:
    """`alexnet.py`: the file's own name if the model is named like it, else the model's in snake case."""
    stem = PurePath(model.origin.file.removeprefix("zoo:")).stem
    named_like_file = stem.replace("_", "").replace("-", "").lower() == model.name.lower()
    # MobileNetV2 gives mobile_net_v2, FCNHead gives fcn_head
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", model.name).lower()
    return (stem.replace("-", "_").lower() if named_like_file else snake) + next(iter(WRITERS[command]))


def write_output(
    model: Model, path: str, command: str, options: RenderOptions | None = None, run: Run | None = None
) -> None:
    """Make the output in full, then write it; `options` are those of pictures, `run` made the model.

    Without a run, as for a model read as data, source has no arguments. Raises `Diagnosed`; then no file was written or
    changed.
    """
    writer = _writer(path, command)
    # only source has arguments, and needs the run to find out what they change
    content = _source(model, options, run) if writer is _source else writer(model, options)
    if path != STANDARD_OUTPUT:
        replace_file(Path(path), content.encode() if isinstance(content, str) else content)
    elif isinstance(content, str):
        sys.stdout.write(content)
    else:
        sys.stdout.buffer.write(content)


def write_module(net: ArchModule, path: str) -> None:
    """Write a live module to a path that ends in .onnx or .pt2. Raises `Diagnosed`; then no file was changed."""
    ending = PurePath(path).suffix.lower()
    if ending not in MODULE_ENDINGS:
        raise Diagnosed(Diagnostic(UnknownFormat(path, MODULE_ENDINGS), None, path))
    replace_file(Path(path), module_bytes(net, ending))


def _writer(path: str, command: str) -> Writer:
    writers = WRITERS[command]
    if path == STANDARD_OUTPUT:
        return next(iter(writers.values()))
    try:
        return writers[PurePath(path).suffix.lower()]
    except KeyError:
        raise Diagnosed(Diagnostic(UnknownFormat(path, tuple(writers)), None, path)) from None


def replace_file(path: Path, data: bytes) -> None:
    """Write beside the path and move into place, so that nobody ever sees half a file. Raises `Diagnosed`."""
    import tempfile  # here, because it is slow to import and a check writes nothing

    temporary = ""
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        # in the same folder, since a move between file systems is a copy; cut, as names have at most 255 bytes
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        # mkstemp makes files that only their owner can read
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        Path(temporary).replace(path)
    except (OSError, ValueError) as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or "it is no path"
        raise Diagnosed(Diagnostic(CannotWrite(str(path), reason[:1].lower() + reason[1:]), None, str(path))) from None


def _umask() -> int:
    # there is no way to read it but to set it
    mask = os.umask(0)
    os.umask(mask)
    return mask
