"""Values of a live module's layers by name, while it runs: nothing of the user's is changed, no source is edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from archlang.backends.taken import kind_text
from archlang.diagnostics import ArchitectureError, Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.ir.graph import Model
from archlang.ir.paths import require_place
from archlang.ir.walk import flatten

Kept = dict[str, list[Any]]
"""Values by label, as they come."""


def record_values(
    module: nn.Module, model: Model, given: Sequence[Tensor | str], named: Mapping[str, Tensor]
) -> dict[str, Any]:
    """Run a module on the tensors, and give the values of the parts that the texts name.

    It uses plain attributes and lists alone, because torch.compile follows these without a break.
    """
    inputs = [value for value in given if not isinstance(value, str)]
    _check(model, inputs, named)
    kept: Kept = {label: [] for label in given if isinstance(label, str)}
    undo: list[Callable[[], None]] = []
    try:
        for label, values in kept.items():
            undo.append(_watch(module, model, label, values))
        module(*inputs, **named)
    finally:
        # backwards: two labels of one scope each saved the `_kept` that they found, and the first found the original
        for step in reversed(undo):
            step()
    return {label: _only(model, label, values) for label, values in kept.items()}


def _check(model: Model, inputs: Sequence[object], named: Mapping[str, object]) -> None:
    """Names in a list, or by a keyword, are a slip that nothing else would name as one."""
    known = [given.name for given in model.inputs]
    for word, value in (*((None, value) for value in inputs), *named.items()):
        if not isinstance(value, Tensor) and (word is None or word not in known):
            what = f"`{word}`" if word else kind_text(value)
            usage = f'activations({", ".join(known)}, "{_first_name(model)}")'
            raise TypeError(f"activations takes the inputs, then names one by one, not {what}: {usage}")


def _first_name(model: Model) -> str:
    return next((flat.path for flat in flatten(model)), "conv1")


def _watch(module: nn.Module, model: Model, label: str, values: list[Any]) -> Callable[[], None]:
    """Have the values of a part appended to a list; returns what ends it."""
    scope, _, name = label.rpartition(".")
    try:
        holder: Any = module.get_submodule(scope)
        if not hasattr(holder, "_kept"):  # put there by the user in place of a part
            return holder.get_submodule(name).register_forward_hook(_append(values)).remove
    # what get_submodule raises for a path that leads nowhere
    except AttributeError:
        raise _unknown(model, label) from None
    before = holder._kept
    # a new mapping: undoing puts the old one back untouched
    holder._kept = {**(before or {}), name: values}

    def undo() -> None:
        holder._kept = before

    return undo


def _append(values: list[Any]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        values.append(output)

    return hook


def _only(model: Model, label: str, values: list[Any]) -> Any:
    """The value of a part, or all that it had where it ran several times."""
    if not values:
        raise _unknown(model, label)
    return values[0] if len(values) == 1 else tuple(values)


def _unknown(model: Model, label: str) -> ArchitectureError:
    """Why there is no value: no such part, or one that does not run now."""
    try:
        training = require_place(model, label).training
    except Diagnosed as error:
        return ArchitectureError((error.diagnostic,))
    expected = "a part that runs in evaluation: this one runs in training only" if training else "a part that ran"
    return ArchitectureError((Diagnostic(BadOption("activations", label, expected), None, model.origin.file),))
