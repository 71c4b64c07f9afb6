"""Parts of a module that stand still: what `archlang.freeze` does, and undoes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, cast

from torch import nn

from archlang.backends.torch_module import ArchModule
from archlang.backends.wrappers import own_module
from archlang.diagnostics import ArchitectureError, Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.ir.paths import require_place
from archlang.ir.walk import flatten

FROZEN = "_frozen"
"""Where a module keeps the names of parameters that `freeze` has taken gradients from; no part can be called so."""


class StandsStill:
    """What `train` of a frozen layer is: the layer stays in evaluation mode, whoever asks and wherever it is put."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def __call__(self, mode: bool = True) -> nn.Module:
        """Nothing changes; the layer is given, as by torch's `train`."""
        return self.layer


def freeze_until(given: nn.Module, until: str | None) -> tuple[str, ...]:
    """Draw the line between what stands still and what learns. Raises `ArchitectureError`; then nothing was changed."""
    net = own_module("freeze", given)
    if not isinstance(cast("object", until), str | None):
        problem = BadOption("until", repr(until), "a name, as a str, or None")
        raise ArchitectureError((Diagnostic(problem, None, "until"),))
    paths = frozenset(() if until is None else _paths_until(net, until))
    module: Any = net  # the type of named_modules is not known in full
    for name, part in module.named_modules():
        _set_mode(net, part, name in paths)
    still = tuple(name for name, _ in net.named_parameters() if any(scope in paths for scope in scopes(name)))
    _set_gradients(net, frozenset(still))
    return still


def _set_mode(net: ArchModule, part: Any, still: bool) -> None:
    """Let a part stay in evaluation mode, or move again if it stood still."""
    # BatchNorm without gradients would still move its running statistics in training mode
    stood = isinstance(part.train, StandsStill)
    if still and not stood:
        part.eval()
        part.train = StandsStill(part)
    elif stood and not still:
        del part.train
        part.train(net.training)


def _set_gradients(net: ArchModule, still: frozenset[str]) -> None:
    """Take gradients from parameters, and give them back to those that an earlier call has taken them from."""
    taken: set[str] = set()
    before: frozenset[str] = vars(net).get(FROZEN, frozenset())
    for name, parameter in net.named_parameters():
        own = name in before and not parameter.requires_grad
        # what the user froze is not ours to let go
        if name in still and (own or parameter.requires_grad):
            taken.add(name)
        if own or name in taken:
            parameter.requires_grad_(name not in still)
    vars(net)[FROZEN] = frozenset(taken)


def scopes(key: str) -> Iterator[str]:
    """`a`, `a.b` and `a.b.c` of `a.b.c`."""
    return accumulate(key.split("."), "{}.{}".format)


def _paths_until(net: ArchModule, until: str) -> Iterator[str]:
    """Layers up to the last one of a part."""
    try:
        require_place(net.arch, until)
    except Diagnosed as error:
        raise ArchitectureError((error.diagnostic,)) from None
    # a further use of shared weights has no tensors of its own to keep still
    paths = [flat.path for flat in flatten(net.arch) if not flat.shared]
    own = (index for index, path in enumerate(paths) if path == until or path.startswith(f"{until}."))
    last = max(own, default=-1)
    return iter(paths[: last + 1])
