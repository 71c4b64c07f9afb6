"""What torch does with modules: compilers, function transforms, several processes, types and devices.

Each is small and on the CPU; what needs a GPU is marked.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.multiprocessing.spawn import ProcessException

import archlang

NET = """
block residual(c) = ADD{ _, [conv: CONV(c, 3x3, padding=1) -> bn: BN -> RELU] }
model Net(classes = 3) =
  INPUT(3, 8, 8) -> stem: CONV(4, 3x3, padding=1) -> features: [residual(4)*2 -> CONV(4, 1x1) -> RELU]
  -> AVGPOOL(to=1) -> head: FC(classes)
"""
FREE = "model N = INPUT(3, H, W) -> CONV(4, 3x3, padding=1) -> POOL -> CONV(4, 1x1) -> POOL -> CONV(2, 1x1)"


def net(seed: int = 0, **options: Any) -> Any:
    return archlang.loads(NET, seed=seed, **options).eval()


def images(batch: int = 4, seed: int = 1) -> Tensor:
    return torch.randn(batch, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


# ---- compilers


def test_compiles_in_one_graph_with_any_batch() -> None:
    torch._dynamo.reset()
    module = net().train()
    other = copy.deepcopy(module)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True, dynamic=True)
    for batch in (2, 3, 7):
        compiled(images(batch)).sum().backward()
        other(images(batch)).sum().backward()
    assert torch.allclose(module.stem.weight.grad, other.stem.weight.grad, atol=1e-5)


def test_exports_with_a_free_batch_and_free_sizes() -> None:
    module = archlang.loads(FREE, seed=0).eval()
    free, batch = torch.export.Dim.DYNAMIC, torch.export.Dim("batch", min=1)
    program = torch.export.export(module, (torch.randn(2, 3, 16, 16),), dynamic_shapes=({0: batch, 2: free, 3: free},))
    for shape in ((1, 3, 8, 8), (3, 3, 12, 40)):
        x = torch.randn(shape)
        assert torch.equal(program.module()(x), module(x))


# ---- function transforms


def test_functional_calls_and_gradients_for_each_sample() -> None:
    module = net()
    state = {name: value.detach() for name, value in module.state_dict().items()}
    assert torch.equal(functional_call(module, state, (images(),)), module(images()))

    def loss(values: Any, x: Tensor) -> Tensor:
        return functional_call(module, {**state, **values}, (x[None],)).sum()

    weights = {name: value.detach() for name, value in module.named_parameters()}
    found = vmap(grad(loss), (None, 0))(weights, images())
    for index in range(4):
        module.zero_grad()
        module(images()[index : index + 1]).sum().backward()
        assert torch.allclose(found["stem.weight"][index], module.stem.weight.grad, atol=1e-5)


def test_an_ensemble_runs_at_once() -> None:
    members = [net(seed) for seed in range(3)]
    weights, buffers = stack_module_state(members)
    base = net(device="meta")
    x = images()
    found = vmap(lambda w, b: functional_call(base, (w, b), (x,)))(weights, buffers)
    for one, member in zip(found, members, strict=True):
        assert torch.allclose(one, member(images()), atol=1e-5)


# ---- types, layouts, devices


@pytest.mark.parametrize("kind", [torch.half, torch.bfloat16, torch.double])
def test_types(kind: torch.dtype) -> None:
    found = net().to(kind)(images().to(kind))
    assert found.dtype == kind
    assert torch.allclose(found.float(), net()(images()), atol=0.05)


def test_automatic_mixed_precision() -> None:
    module = net().train()
    with torch.autocast("cpu", torch.bfloat16):
        found = module(images())
        assert found.dtype == torch.bfloat16
        found.float().sum().backward()
    assert module.stem.weight.grad.dtype == torch.float32


def test_channels_last_goes_through() -> None:
    x = images().to(memory_format=torch.channels_last)
    module = net().to(memory_format=torch.channels_last)
    found = module.activations(x, "features", "head")
    assert found["features"].is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(found["head"], net()(images()), atol=1e-5)


def test_the_meta_device_and_back() -> None:
    with torch.device("meta"):
        assert net()(torch.empty(2, 3, 8, 8)).shape == (2, 3)
    state = net().state_dict()
    for assign in (False, True):
        module = net(device="meta")
        module = module if assign else module.to_empty(device="cpu")
        module.load_state_dict(state, assign=assign)
        assert torch.equal(module(images()), net()(images()))


def test_data_parallel() -> None:
    assert torch.equal(nn.DataParallel(net())(images()), net()(images()))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_cuda_graphs() -> None:
    module, x = net(device="cuda"), images().cuda()
    with torch.no_grad():
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            module(x)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = module(x)
        x.copy_(images(seed=5))
        graph.replay()
        assert torch.allclose(found, module(x), atol=1e-4)


# ---- several processes

# Two that do not find each other wait for half an hour by default.
MEETING_SECONDS, PROCESS_SECONDS = 60, 180


def meet(rank: int, folder: str) -> None:
    """One of two processes: join the other over the machine's own loopback."""
    torch.set_num_threads(1)
    meeting, patience = f"file://{folder}/meeting", timedelta(seconds=MEETING_SECONDS)
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2, timeout=patience)


def add_up(rank: int, folder: str) -> None:
    """What torch alone must do here before anything of ours is asked of it."""
    meet(rank, folder)
    total = torch.ones(1)
    torch.distributed.all_reduce(total)
    Path(folder, f"added{rank}").write_text(str(total.item()))
    torch.distributed.destroy_process_group()


def train(rank: int, folder: str) -> None:
    """Gradients of DistributedDataParallel and of fully_shard against one process's."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    meet(rank, folder)
    alone = net()
    ((alone(images(seed=0)).sum() + alone(images(seed=1)).sum()) / 2).backward()
    expected = alone.stem.weight.grad
    replicated = nn.parallel.DistributedDataParallel(net())
    replicated(images(seed=rank)).sum().backward()
    assert torch.allclose(replicated.module.stem.weight.grad, expected, atol=1e-5)
    sharded, mesh = net(), init_device_mesh("cpu", (2,))
    for block in (sharded.features[0], sharded.features[1], sharded):
        fully_shard(block, mesh=mesh)
    found = sharded.activations(images(seed=rank), "features.0", "head")
    assert torch.allclose(found["head"], alone(images(seed=rank)), atol=1e-5)
    found["head"].sum().backward()
    assert torch.allclose(sharded.stem.weight.grad.full_tensor(), expected, atol=1e-5)
    Path(folder, f"done{rank}").touch()
    torch.distributed.destroy_process_group()


def run_two(work: Callable[[int, str], None], folder: Path) -> set[str]:
    """The files that two processes leave; they are stopped where they do not end by themselves."""
    folder.mkdir()
    context = torch.multiprocessing.spawn(work, (str(folder),), nprocs=2, join=False)
    deadline = time.monotonic() + PROCESS_SECONDS
    while not context.join(timeout=5) and time.monotonic() < deadline:
        pass
    for process in context.processes:
        process.kill()
    return {path.name for path in folder.iterdir()}


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
    # a worker of pytest-xdist may be a main module without it, which new processes ask for
    monkeypatch.setattr(
        sys.modules["__main__"], "__spec__", getattr(sys.modules["__main__"], "__spec__", None), raising=False
    )
    try:
        alone = run_two(add_up, tmp_path / "torch")
    except ProcessException as broken:
        alone = {str(broken)}
    if not alone >= {"added0", "added1"}:
        pytest.skip(f"two processes of torch alone cannot talk to each other here: {alone}")
    assert {path.read_text() for path in (tmp_path / "torch").glob("added*")} == {"2.0"}
    assert run_two(train, tmp_path / "ours") >= {"done0", "done1"}
