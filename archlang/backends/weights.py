"""Weights of modules: copied by name, and kept from learning. What `archlang.transfer` and `archlang.freeze` do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, cast

import torch
from torch import Tensor, nn

from archlang.backends.state_keys import StateReport, compare_shapes, shapes_of
from archlang.backends.torch_module import ArchModule
from archlang.backends.wrappers import own_module, unwrapped
from archlang.diagnostics import ArchitectureError, Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.errors.words import closest, listing
from archlang.ir.paths import require_place
from archlang.ir.walk import flatten


def move_weights(
    source: nn.Module | Mapping[str, Tensor],
    target: nn.Module,
    skip: str | Sequence[str],
    rename: Mapping[str, str],
) -> StateReport:
    """Copy what fits, and report. Raises `ArchitectureError`; then nothing was copied."""
    given = {_renamed(key, rename): value for key, value in _state_of(source).items() if isinstance(value, Tensor)}
    if not isinstance(cast("object", target), nn.Module):
        raise _refused("transfer", f"a {type(target).__name__}", "a module as its target")
    wanted = {key: value for key, value in unwrapped(target).state_dict().items() if isinstance(value, Tensor)}
    labels = (skip,) if isinstance(skip, str) else [str(label) for label in skip]
    skipped = [key for label in labels for key in _keys_of(label, wanted)]
    report = compare_shapes(shapes_of(given), shapes_of(wanted), skipped)
    copied = (*report.matched, *report.reshaped)
    for side, tensors in (("source", given), ("target", wanted)):
        # before anything is copied: all or nothing
        if any(tensors[key].is_meta for key in copied):
            raise _refused("transfer", f"a {side} on the meta device", "modules whose tensors have values")
    # a Parameter among the given would hang its graph of gradients on what it is copied into
    with torch.no_grad():
        for key in copied:
            # the tensors of state_dict are the module's own; copy_ keeps their type and device
            wanted[key].copy_(given[key].reshape(wanted[key].shape))
    return report


def _state_of(source: object) -> Mapping[str, Any]:
    """The named tensors of a module or a `state_dict`. Raises `ArchitectureError` for anything else."""
    if isinstance(source, nn.Module):
        return unwrapped(source).state_dict()
    if not isinstance(source, Mapping):
        given = repr(source) if isinstance(source, str) else f"a {type(source).__name__}"
        raise _refused("transfer", given, "a module or its state_dict, which torch.load(path) gives of a file")
    state = cast("Mapping[Any, Any]", source)
    nested = [key for key, value in state.items() if isinstance(value, nn.Module | Mapping)]
    # a checkpoint: {"model": state_dict, "epoch": 90}
    if nested and not any(isinstance(value, Tensor) for value in state.values()):
        expected = f"a state_dict; this has other things around it, so give it what is under {nested[0]!r}"
        raise _refused("transfer", f"a mapping with {listing(map(repr, state))}", expected)
    return state


def _renamed(key: str, rename: Mapping[str, str]) -> str:
    """The key with the first prefix that it has replaced."""
    prefix = next((old for old in rename if key.startswith(old)), None)
    return key if prefix is None else rename[prefix] + key.removeprefix(prefix)


def _keys_of(label: str, keys: Mapping[str, Any]) -> list[str]:
    """The keys of a part."""
    found = [key for key in keys if key == label or key.startswith(f"{label}.")]
    if not found:
        scopes = {scope for key in keys for scope in _scopes(key)}
        nearest = closest(label, scopes)
        raise _refused("skip", label, "a part of the target that has weights" + (f", `{nearest}`?" if nearest else ""))
    return found


def _scopes(key: str) -> Iterator[str]:
    """`a`, `a.b` and `a.b.c` of `a.b.c`."""
    return accumulate(key.split("."), "{}.{}".format)


def freeze_until(given: nn.Module, until: str | None) -> tuple[str, ...]:
    """Draw the line between what stands still and what learns. Raises `ArchitectureError`; then nothing was changed."""
    net = own_module("freeze", given)
    if not isinstance(cast("object", until), str | None):
        raise _refused("until", repr(until), "a name, as a str, or None")
    paths = frozenset(() if until is None else _paths_until(net, until))
    frozen = {name: any(scope in paths for scope in _scopes(name)) for name, _ in net.named_parameters()}
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(not frozen[name])
    module: Any = net  # the type of named_modules is not known in full
    # BatchNorm without gradients would still move its running statistics in training mode
    net.keep_in_evaluation([name for name, _ in module.named_modules() if name in paths])
    return tuple(name for name, still in frozen.items() if still)


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


def _refused(option: str, value: str, expected: str) -> ArchitectureError:
    return ArchitectureError((Diagnostic(BadOption(option, value, expected), None, option),))
