"""What a module's forward is given, in the order of the model's inputs; what does not fit, said with their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor

from archlang.errors.words import closest, listing, plural

FIRST = "x"
"""What an only input without a name of its own is called in Python, as in the written class."""


def in_order(model: str, names: Sequence[str], given: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """Inputs given by place and by name, by place. Raises TypeError for too many, too few, and unknown names."""
    if len(given) > len(names):
        raise TypeError(f"{_takes(model, names)}; {len(given)} were given")
    by_name = dict(zip(names, given, strict=False))
    for word, value in named.items():
        name = names[0] if word == FIRST and len(names) == 1 else word
        if name not in names:
            nearest = closest(name, names)
            hint = f"; did you mean `{nearest}`?" if nearest else ""
            raise TypeError(f"{model} has no input `{word}`: {_takes('it', names)}{hint}")
        if name in by_name:
            raise TypeError(f"{model}'s input `{name}` was given twice")
        by_name[name] = value
    missing = [f"`{name}`" for name in names if name not in by_name]
    if missing:
        # inputs in one list are the likelier slip than a forgotten one, and the count alone would not show it
        _refuse_lists(model, by_name)
        raise TypeError(f"{_takes(model, names)}; {listing(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return tuple([by_name[name] for name in names])


def check_tensors(model: str, names: Sequence[str], given: Sequence[Any]) -> None:
    """Raise TypeError for an input that is no tensor."""
    for name, value in zip(names, given, strict=True):
        if not isinstance(value, Tensor):
            raise TypeError(_no_tensor(model, name, value))


def check_samples(model: str, names: Sequence[str], given: Sequence[Tensor]) -> None:
    """Raise ValueError for different numbers of samples."""
    if len({value.shape[0] for value in given}) > 1:
        counts = listing(f"{value.shape[0]:,} of `{name}`" for name, value in zip(names, given, strict=True))
        raise ValueError(f"{model}'s inputs must have as many samples each, not {counts}")


def _refuse_lists(model: str, given: Mapping[str, Any]) -> None:
    """Where inputs are missing because others came as one: say that."""
    for name, value in given.items():
        if isinstance(value, list | tuple):
            raise TypeError(_no_tensor(model, name, value))


def _no_tensor(model: str, name: str, value: Any) -> str:
    return f"{model}'s input `{name}` must be a tensor, not {kind_text(value)}"


def _takes(model: str, names: Sequence[str]) -> str:
    return f"{model} takes {plural(len(names), 'input')}, {listing(f'`{name}`' for name in names)}"


def kind_text(value: object) -> str:
    """`a list`, with the way out where there is one."""
    kind = type(value)
    if value is None:
        return "None"
    # by its module's name: numpy need not be there
    if kind.__module__.partition(".")[0] == "numpy":
        return "a numpy array: torch.from_numpy makes one of it"
    text = f"{'an' if kind.__name__[0] in 'aeioAEIO' else 'a'} {kind.__name__}"
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        if items and all(isinstance(item, Tensor) for item in items):
            return f"{text} of {plural(len(items), 'tensor')}: give each on its own"
    return text
