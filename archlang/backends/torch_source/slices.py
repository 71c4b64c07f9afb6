"""Slices: lists that are a part of others, `widths[1:]`, whatever the lengths of these are."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.backends.torch_source.vectors import Vector, equal

Pairs = list[tuple[Vector, Vector]]


def slice_of(parts: Vector, lists: Vector) -> str | None:
    """The slice that gives each part from the list at its place, `[1:]`, or nothing for whole lists.

    An end is left open, or counted from behind, only where that gives the parts of all lists.
    """
    pairs: Pairs = list(zip(parts, lists, strict=True))
    for first, starts in _starts(pairs):
        lasts = [start + len(part) for start, (part, _) in zip(starts, pairs, strict=True)]
        found = tuple(whole[start:last] for start, last, (_, whole) in zip(starts, lasts, pairs, strict=True))
        if not equal(found, parts):
            continue
        if (last := _end(lasts, pairs)) is not None:
            return "" if first == last == "" else f"[{first}:{last}]"
    return None


def _starts(pairs: Pairs) -> Iterator[tuple[str, list[int]]]:
    """The first places of the parts, as a text and as numbers: the same for all, or as far from the ends."""
    room = min(len(whole) - len(part) for part, whole in pairs)
    for first in range(room + 1):
        yield str(first or ""), [first] * len(pairs)
    # lists of one length are counted from the front
    if len({len(whole) for _, whole in pairs}) > 1:
        longest = max(len(part) for part, _ in pairs)
        for behind in range(max(longest, 1), min(len(whole) for _, whole in pairs) + 1):
            yield f"-{behind}", [len(whole) - behind for _, whole in pairs]


def _end(lasts: list[int], pairs: Pairs) -> str | None:
    """Where parts end that end at these places, as a text; None where no text says it of all."""
    behind = {len(whole) - last for last, (_, whole) in zip(lasts, pairs, strict=True)}
    if behind == {0}:
        return ""
    if len(set(lasts)) == 1:
        return str(lasts[0])
    return f"-{behind.pop()}" if len(behind) == 1 else None
