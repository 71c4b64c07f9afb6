"""Live modules as files for other programs: ONNX, and torch's own .pt2. The batch is free in both.

So are the sizes that the model leaves free. A module is written as it evaluates, with the weights that it has.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import torch
from torch import Tensor

from archlang.backends.input_check import input_check
from archlang.backends.torch_module import ArchModule
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption, MissingPackage
from archlang.errors.words import shorten
from archlang.ir.graph import Layer
from archlang.ir.indices import index_inputs
from archlang.symbolic.legal import ExampleModel

LARGEST_ONNX = 2_000_000_000
"""Bytes of a file of ONNX, which is one message of protobuf."""

BATCH = 2
"""Samples of the example that is followed; 1 would count as a constant."""


def write_onnx(net: ArchModule) -> bytes:
    """The module as ONNX. Raises `Diagnosed` for a missing package, and for more weights than ONNX can hold."""
    # torch's exporter imports both, but only when it runs, and then names no extra to install
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise _refused(net, MissingPackage("writing ONNX", package, "onnx"))
    _need_values(net)
    size = sum(value.numel() * value.element_size() for value in net.state_dict().values())
    if size > LARGEST_ONNX:
        expected = f"at most {LARGEST_ONNX:,} bytes of weights, which a file of ONNX holds; .pt2 has no such limit"
        raise _refused(net, BadOption("-o x.onnx", f"{net.arch.name} with {size:,} bytes", expected))
    # an exported module evaluates: side outputs of training (GoogLeNet's classifiers) are not there
    names: Any = {
        "input_names": [given.name for given in net.arch.inputs],
        "output_names": [given.name for given in net.arch.outputs if not given.training],
    }
    shapes = _free(net, {})
    with _evaluating(net), _silent(), _explained(net, ".onnx"):
        exporter: Any = torch.onnx
        program = exporter.export(net, _example(net), dynamo=True, dynamic_shapes=shapes, verbose=False, **names)
    return program.model_proto.SerializeToString()


def write_pt2(net: ArchModule) -> bytes:
    """The module as `torch.export.load` reads it. Raises `Diagnosed`."""
    _need_values(net)
    dims: dict[str, Any] = {"batch": torch.export.Dim("batch", min=1)}
    stream = BytesIO()
    with _evaluating(net), _silent(), _explained(net, ".pt2"):
        program = torch.export.export(net, _example(net), dynamic_shapes=_free(net, dims))
        torch.export.save(program, stream)
    return stream.getvalue()


def _example(net: ArchModule) -> tuple[Tensor, ...]:
    """Zeros for each input, on the module's device and of its type; whole numbers where they are indices."""
    # a module without weights takes torch's default type, on the CPU
    weights = next((p for p in net.parameters() if p.is_floating_point()), torch.empty(0))
    kinds = (torch.int64 if index else weights.dtype for index in index_inputs(net.arch))
    return tuple(
        torch.zeros(BATCH, *given.shape, dtype=kind, device=weights.device)
        for given, kind in zip(net.arch.inputs, kinds, strict=True)
    )


def _free(net: ArchModule, dims: dict[str, Any]) -> tuple[Any, ...]:
    """Which axes are free: by name as ONNX has it, or where `dims` are given as torch.export wants them."""
    free = isinstance(net.arch, ExampleModel) and (bool(dims) or not _pools_to_sizes(net))
    specs: list[dict[int, Any]] = []
    for pattern in input_check(net.arch).patterns:
        sizes = ("batch", *(size if free and isinstance(size, str) else None for size in pattern))
        names = {axis: re.sub(r"\W+", "_", size) for axis, size in enumerate(sizes) if size}
        anything = torch.export.Dim.DYNAMIC
        # DYNAMIC leaves the others to torch: export refuses a Dim that promises other sizes than it finds
        specs.append({axis: dims.get(name, anything) for axis, name in names.items()} if dims else names)
    return tuple(specs)


def _pools_to_sizes(net: ArchModule) -> bool:
    """Whether windows of some pooling depend on the size of its input: ONNX has no such, and keeps the example's."""
    nodes = (node for body in net.arch.bodies for node in body.nodes if isinstance(node, Layer))
    return any(set(getattr(node.op, "to", None) or (1,)) != {1} for node in nodes)


@contextmanager
def _explained(net: ArchModule, ending: str) -> Generator[None]:
    """What torch's exporter cannot write, as a diagnostic: its reason is that of the innermost error."""
    try:
        yield
    except Exception as error:
        reason: BaseException = error
        # the exporter wraps what went wrong in errors that tell how to report a bug in it
        while reason.__cause__ is not None:
            reason = reason.__cause__
        first = shorten(str(reason).split("\n")[0], 200)
        expected = f"a model that torch's exporter can write ({first})"
        raise _refused(net, BadOption(f"-o x{ending}", net.arch.name, expected)) from error


@contextmanager
def _evaluating(net: ArchModule) -> Generator[None]:
    training = net.training
    net.eval()
    try:
        yield
    finally:
        net.train(training)


@contextmanager
def _silent() -> Generator[None]:
    """Without what the exporters say to their own authors."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _need_values(net: ArchModule) -> None:
    if any(value.is_meta for value in net.state_dict().values()):
        raise _refused(net, BadOption("export", "a module on the meta device", "a module whose tensors have values"))


def _refused(net: ArchModule, problem: Any) -> Diagnosed:
    return Diagnosed(Diagnostic(problem, None, net.arch.origin.file))
