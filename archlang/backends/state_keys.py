"""What two sets of named tensors have in common, for `load_state_dict` and `transfer`: keys and shapes, no values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from archlang.errors.words import MOST_LISTED, closest, plural, shape_text
from archlang.ir.ops.base import Shape
from archlang.records import record

Shapes = Mapping[str, Shape]

PREFIX_LISTED = 3
"""Names that show a prefix that all of them have."""


@record
class StateReport:
    """How named tensors fit those of a module: `str(report)` is the table, with the nearest names.

    `matched` have the same name and shape; `reshaped` hold the same numbers in another shape: a fully connected layer's
    as a convolution's. `mismatched` are the names whose shapes differ, each with the shape given and the one wanted;
    `missing` are wanted and not given, `unexpected` given and not wanted. `skipped` were left out on request.
    """

    matched: tuple[str, ...]
    reshaped: tuple[str, ...]
    mismatched: tuple[tuple[str, Shape, Shape], ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every tensor of the module got its value, and none was left over."""
        return not (self.mismatched or self.missing or self.unexpected or self.skipped)

    def nearest(self, key: str) -> str | None:
        """For a missing key the likest unexpected one, and the other way round."""
        return closest(key, self.unexpected if key in self.missing else self.missing)

    @property
    def prefix(self) -> str | None:
        """What stands before the given names and not before the wanted ones, `module.` of DataParallel for example."""
        given = self.unexpected[0] if self.unexpected else ""
        # behind each dot, the shortest prefix first
        ends = (position + 1 for position, letter in enumerate(given) if letter == ".")
        missing = set(self.missing)
        for end in ends:
            if all(key.startswith(given[:end]) and key[end:] in missing for key in self.unexpected):
                return given[:end]
        return None

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        counts = [f"{len(self.matched):,} of {plural(self._wanted, 'tensor')} matched"]
        counts += [f"{len(keys):,} {word}" for word, keys in self._kinds() if keys]
        yield ", ".join(counts)
        yield from _section("reshaped", self.reshaped)
        yield from _section("mismatched", [_mismatch(*item) for item in self.mismatched])
        prefix = self.prefix
        most = PREFIX_LISTED if prefix else MOST_LISTED
        for word, keys in (("missing", self.missing), ("unexpected", self.unexpected)):
            # the nearest name is looked for where it is shown alone: it means a look at all others
            yield from _section(word, [self._with_nearest(key, prefix) for key in keys[:most]], len(keys))
        if prefix:
            yield f"help: the given names begin with `{prefix}`, the module's do not"

    @property
    def _wanted(self) -> int:
        return sum(map(len, (self.matched, self.reshaped, self.mismatched, self.missing, self.skipped)))

    def _kinds(self) -> tuple[tuple[str, Sequence[object]], ...]:
        names = ("reshaped", "mismatched", "missing", "unexpected", "skipped")
        return tuple((name, getattr(self, name)) for name in names)

    def _with_nearest(self, key: str, prefix: str | None) -> str:
        nearest = None if prefix else self.nearest(key)
        return f"{key} (nearest: {nearest})" if nearest else key


def _mismatch(key: str, given: Shape, wanted: Shape) -> str:
    return f"{key}: given {_shape(given)}, wanted {_shape(wanted)}"


def _shape(shape: Shape) -> str:
    return shape_text(shape) or "a single number"


def _section(title: str, items: Sequence[str], total: int | None = None) -> Iterator[str]:
    """The items one below the other under a title; no more than anyone would read."""
    left = (len(items) if total is None else total) - min(len(items), MOST_LISTED)
    if items:
        yield f"{title}:"
        yield from (f"  {item}" for item in items[:MOST_LISTED])
    if left:
        yield f"  and {left:,} more"


def compare_shapes(given: Shapes, wanted: Shapes, skipped: Sequence[str] = ()) -> StateReport:
    """How tensors with these names and shapes fit the wanted ones; `skipped` are wanted names to leave out."""
    left_out = set(skipped)
    both = [key for key in wanted if key in given and key not in left_out]
    reshaped = tuple(key for key in both if is_reshaped(given[key], wanted[key]))
    others = [key for key in both if given[key] != wanted[key] and key not in reshaped]
    return StateReport(
        tuple(key for key in both if given[key] == wanted[key]),
        reshaped,
        tuple((key, given[key], wanted[key]) for key in others),
        tuple(key for key in wanted if key not in given and key not in left_out),
        tuple(key for key in given if key not in wanted),
        tuple(key for key in wanted if key in left_out),
    )


def is_reshaped(given: Shape, wanted: Shape) -> bool:
    """Whether one is a fully connected layer's weights, (out, C*H*W), and the other a convolution's, (out, C, H, W)."""
    # torch flattens C, H, W in this order, so that the numbers stay as they are (FCN's fc6; Long et al. 2015)
    flat, kernel = sorted((given, wanted), key=len)
    return len(flat) == 2 < len(kernel) and flat[0] == kernel[0] and flat[1] == prod(kernel[1:])


def shapes_of(state: Mapping[str, Any]) -> dict[str, Shape]:
    """Names and shapes of the tensors of a `state_dict`; what is no tensor is left out."""
    return {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}
