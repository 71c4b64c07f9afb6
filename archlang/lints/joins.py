"""Lints of joins: what they are fed with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archlang.lints.base import Finding, Net


def joined_with_itself(net: Net) -> Iterator[Finding]:
    """Joins of which two branches are the very same value: empty ones, or such whose part `?` dropped."""
    for spot, layer in net.spots:
        if not layer.op.is_join:
            continue
        ref, times = Counter(layer.inputs).most_common(1)[0]
        if times > 1:
            from archlang.errors.repeated import JoinOfItself

            shape = net.model.bodies[spot.body].shape_of(ref)
            yield Finding(JoinOfItself(net.word(spot), layer.op.tag, shape, times, len(layer.inputs)), spot)
