"""What torch wraps around modules, taken off: what is inside is archlang's own module, with the model's names."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from archlang.backends.torch_module import ArchModule
from archlang.diagnostics import ArchitectureError, Diagnostic
from archlang.errors.files import BadOption

PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside `torch.compile(...)`, `DataParallel` and `DistributedDataParallel`, however deep."""
    inner = module
    while True:
        if isinstance(inner, PARALLEL):
            inner = cast("nn.Module", inner.module)
        elif isinstance(original := getattr(inner, "_orig_mod", None), nn.Module):
            inner = original  # torch.compile's, whose class would import all of its compiler
        else:
            return inner


def own_module(feature: str, given: Any) -> ArchModule:
    """The module that archlang made, of what a user gives. Raises `ArchitectureError` for another one."""
    inner = unwrapped(given) if isinstance(given, nn.Module) else given
    if isinstance(inner, ArchModule):
        return inner
    expected = "a module that archlang made: by load, loads, or a class of a .arch file"
    raise ArchitectureError((Diagnostic(BadOption(feature, type(inner).__name__, expected), None, feature),))
