"""Weights of modules, copied by name: what `archlang.transfer` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from archlang.backends.freezing import scopes
from archlang.backends.state_keys import StateReport, compare_shapes, shapes_of
from archlang.backends.taken import kind_text
from archlang.backends.wrappers import unwrapped
from archlang.diagnostics import ArchitectureError, Diagnostic
from archlang.errors.files import BadOption
from archlang.errors.words import closest, listing


def move_weights(source: object, target: object, skip: object, rename: object) -> StateReport:
    """Copy what fits, and report. Raises `ArchitectureError`; then nothing was copied."""
    if not isinstance(target, nn.Module):
        raise _refused("transfer", kind_text(target), "a module as its target")
    wanted = {key: value for key, value in unwrapped(target).state_dict().items() if isinstance(value, Tensor)}
    given = _renamed(_tensors_of(source, wanted), rename)
    skipped = [key for label in _labels(skip) for key in _keys_of(label, wanted)]
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


def _tensors_of(source: object, wanted: Mapping[str, Any]) -> dict[str, Tensor]:
    """The named tensors of a module or a `state_dict`. Raises `ArchitectureError` for anything else."""
    if isinstance(source, nn.Module):
        state: Mapping[Any, Any] = unwrapped(source).state_dict()
    elif isinstance(source, Mapping):
        state = cast("Mapping[Any, Any]", source)
    else:
        given = repr(source) if isinstance(source, str) else kind_text(source)
        raise _refused("transfer", given, "a module or its state_dict, which torch.load(path) gives of a file")
    tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    others = [key for key in state if key not in tensors]
    nested = [key for key in others if isinstance(state[key], nn.Module | Mapping)]
    # a checkpoint: {"model": state_dict, "epoch": 90}
    if nested and not tensors:
        expected = f"a state_dict; this has other things around it, so give it what is under {nested[0]!r}"
        raise _refused("transfer", f"a mapping with {listing(map(repr, state))}", expected)
    if unnamed := next((key for key in state if not isinstance(key, str)), None):
        raise _refused("transfer", f"a mapping with {unnamed!r}", "a state_dict, whose keys are names")
    # a module may keep more than tensors in its state (`get_extra_state`); under a tensor's name it is a mistake
    if wrong := next((key for key in others if key in wanted or not tensors), None):
        raise _refused("transfer", f"a mapping whose {wrong!r} is {kind_text(state[wrong])}", "a state_dict of tensors")
    return tensors


def _renamed(tensors: dict[str, Tensor], rename: object) -> dict[str, Tensor]:
    """The tensors, of each name the first prefix that it has replaced."""
    prefixes = _prefixes(rename)
    if not prefixes:
        return tensors
    found = {key: next((old for old in prefixes if key.startswith(old)), None) for key in tensors}
    for old in prefixes:
        if not any(key.startswith(old) for key in tensors):
            nearest = closest(old.rstrip("."), {scope for key in tensors for scope in scopes(key)})
            raise _refused("rename", old, "how names of the source begin" + (f", `{nearest}`?" if nearest else ""))
    names = {key: key if old is None else prefixes[old] + key.removeprefix(old) for key, old in found.items()}
    counts = Counter(names.values())
    if same := [key for key in names if counts[names[key]] > 1]:
        both = [key for key in same if names[key] == names[same[0]]]
        raise _refused("rename", listing(both), f"another name for each; all would be `{names[same[0]]}`")
    return {names[key]: tensor for key, tensor in tensors.items()}


def _prefixes(rename: object) -> dict[str, str]:
    """What `rename` maps to what. Raises `ArchitectureError` unless it is texts to texts."""
    if rename is None:
        return {}
    pairs = cast("Mapping[object, object]", rename) if isinstance(rename, Mapping) else None
    if pairs is None or not all(isinstance(text, str) for pair in pairs.items() for text in pair):
        expected = 'prefixes with what stands in their place, such as {"module.": ""}'
        raise _refused("rename", repr(cast("object", rename)), expected)
    return cast("dict[str, str]", dict(pairs))


def _labels(skip: object) -> tuple[str, ...]:
    """The parts to leave out. Raises `ArchitectureError` for what are no names."""
    items: tuple[object, ...] = (skip,)
    if isinstance(skip, Iterable) and not isinstance(skip, str):
        items = tuple(cast("Iterable[object]", skip))
    for item in items:
        if not isinstance(item, str):
            raise _refused("skip", repr(item), "the name of a part of the target, or a list of names")
    return cast("tuple[str, ...]", items)


def _keys_of(label: str, keys: Mapping[str, Any]) -> list[str]:
    """The keys of a part."""
    found = [key for key in keys if key == label or key.startswith(f"{label}.")]
    if not found:
        nearest = closest(label, {scope for key in keys for scope in scopes(key)})
        raise _refused("skip", label, "a part of the target that has weights" + (f", `{nearest}`?" if nearest else ""))
    return found


def _refused(option: str, value: str, expected: str) -> ArchitectureError:
    return ArchitectureError((Diagnostic(BadOption(option, value, expected), None, option),))
