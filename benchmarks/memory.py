"""What `archc check --memory` predicts beside what torch does, for every network of the zoo, as Markdown.

Networks run on the meta device, which computes shapes and nothing else; attention goes another way there, so what it
keeps is measured on the CPU. What autograd keeps is what
`torch.autograd.graph.saved_tensors_hooks` shows, each piece of memory once, without parameters and buffers. What is
alive is counted behind every operation. `--cuda` measures `torch.cuda.max_memory_allocated` instead, with numbers.

    python benchmarks/memory.py [--batch N] [--cuda] [NAME...]
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archlang.backends.torch_module import build_module
from archlang.checking import check_source
from archlang.ir.budget import Plan, memory_of
from archlang.ir.graph import Layer, Model
from archlang.ir.indices import index_inputs
from archlang.ir.ops.attention import Attention
from archlang.reading import read_source
from archlang.resources import zoo_files


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    models = [model for model in zoo_models() if not options.names or model.name in options.names]
    for line in on_cuda(models, options.batch) if options.cuda else on_meta(models, options.batch):
        print(line, flush=True)


def zoo_models() -> Iterator[Model]:
    """Every model of every file whose parameters are bound and whose sizes are numbers."""
    for path in zoo_files():
        yield from (model for model in check_source(read_source(f"zoo:{path.stem}")).models if not model.is_symbolic)


def inputs_of(model: Model, batch: int, device: str) -> list[Tensor]:
    """Inputs; indices are 0."""
    kinds = (torch.long if index else torch.float for index in index_inputs(model))
    return [
        torch.zeros(batch, *one.shape, dtype=kind, device=device) for one, kind in zip(model.inputs, kinds, strict=True)
    ]


def address(tensor: Tensor) -> Any:
    """Where the memory of a tensor is."""
    return cast("Any", StorageWeakRef(tensor.untyped_storage())).cdata


# ---- without a GPU ---------------------------------------------------------------------------------


def on_meta(models: list[Model], batch: int) -> Iterator[str]:
    """Kept exactly; the most alive forwards in inference, and in a training step without its optimizer."""
    yield "| network | kept | torch | | alive in inference | torch | | alive in a training step | torch | |"
    yield f"| --- |{' ---: | ---: | ---: |' * 3}"
    for model in models:
        train = memory_of(model, Plan(batch, optimizer="sgd", device="cpu"))
        infer = memory_of(model, Plan(batch, mode="infer", device="cpu"))
        place = "cpu" if has_attention(model) else "meta"
        pairs = (
            (train.kept, kept_by_torch(build_module(model, device=place), inputs_of(model, batch, place))),
            (infer.alive, alive_in_torch(build_module(model, device="meta"), inputs_of(model, batch, "meta"), False)),
            (train.alive, alive_in_torch(build_module(model, device="meta"), inputs_of(model, batch, "meta"), True)),
        )
        yield f"| {model.name} | {' | '.join(compared(ours, theirs) for ours, theirs in pairs)} |"


def has_attention(model: Model) -> bool:
    """Whether any layer is attention."""
    nodes = (node for body in model.bodies for node in body.nodes)
    return any(isinstance(node, Layer) and isinstance(node.op, Attention) for node in nodes)


def compared(ours: int, theirs: int) -> str:
    """Both in bytes, and how far they are apart."""
    return f"{ours:,} | {theirs:,} | {'exact' if ours == theirs else f'{100 * (ours / theirs - 1):+.1f} %'}"


def kept_by_torch(module: nn.Module, inputs: list[Tensor]) -> int:
    """Bytes of what autograd saves."""
    own = {address(tensor) for tensor in (*module.parameters(), *module.buffers())}
    saved: dict[Any, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if address(tensor) not in own:
            saved[address(tensor)] = tensor
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        _result = module.train()(*inputs)
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())


class Alive(TorchDispatchMode):
    """Counts the bytes in use behind every operation, but for what is there before."""

    def __init__(self, before: set[Any]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  (torch does not say)
        self.before = before
        self.found: dict[Any, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and address(tensor) not in self.before:
                memory = tensor.untyped_storage()
                self.found[address(tensor)] = (StorageWeakRef(memory), memory.nbytes())
        self.found = {key: one for key, one in self.found.items() if not one[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.found.values()))
        return result


def alive_in_torch(module: nn.Module, inputs: list[Tensor], training: bool) -> int:
    """The most bytes in use at once beside parameters, buffers and inputs."""
    before = {address(tensor) for tensor in (*module.parameters(), *module.buffers(), *inputs)}
    with torch.set_grad_enabled(training), Alive(before) as counter:
        step(module.train(training), inputs, training)
    return counter.peak


def step(module: nn.Module, inputs: list[Tensor], training: bool) -> None:
    """Forwards, and in training backwards."""
    result = module(*inputs)
    if training:
        results = cast("tuple[Tensor, ...]", result if isinstance(result, tuple) else (result,))
        torch.autograd.backward(results, [torch.ones_like(one) for one in results])


# ---- with one --------------------------------------------------------------------------------------


def on_cuda(models: list[Model], batch: int) -> Iterator[str]:
    """The peak of the second of two training steps with Adam, and of inference, as the allocator counts them."""
    yield "| network | inference | torch | | training step | torch | |"
    yield f"| --- |{' ---: | ---: | ---: |' * 2}"
    for model in models:
        pairs: list[str] = []
        for mode in ("infer", "train"):
            ours = memory_of(model, Plan(batch, mode=mode)).total
            pairs.append(compared(ours, peak_on_cuda(model, batch, mode == "train")))
        yield f"| {model.name} | {' | '.join(pairs)} |"


def peak_on_cuda(model: Model, batch: int, training: bool) -> int:
    """`max_memory_allocated`, from a clean start."""
    gc.collect()
    torch.cuda.empty_cache()
    module, inputs = build_module(model, device="cuda").train(training), inputs_of(model, batch, "cuda")
    optimizer = torch.optim.Adam(module.parameters()) if training and list(module.parameters()) else None
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        with torch.set_grad_enabled(training):
            step(module, inputs, training)
        if optimizer:
            cast("Any", optimizer).step()
            optimizer.zero_grad()
    return torch.cuda.max_memory_allocated()


if __name__ == "__main__":
    main()
