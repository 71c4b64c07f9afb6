"""Lints of a network as a whole: where its parameters are, and how much of the input its end has seen."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from archlang.diagnostics import Help
from archlang.ir.ops.base import Shape, count_elements
from archlang.ir.paths import Place
from archlang.ir.walk import fold_totals
from archlang.lints.base import NEUTRAL, Finding, Net
from archlang.lints.folds import least_field, steps_to
from archlang.lints.wiring import Spot

MANY_PARAMETERS = 1_000_000
"""Below this it does not matter where they are."""

FLATTENING = NEUTRAL | {"flatten", "reshape", "dropout", "channel_dropout"}


def first_fc_heavy(net: Net) -> Iterator[Finding]:
    """The layer that first flattens maps, where it holds more than half of a large network."""
    if not any(True for _ in net.of("conv")):
        return
    total = fold_totals(net.model)[-1].parameters
    for spot, op in net.of("fc", "linear"):
        parameters = count_elements(op.parameters())
        maps = _flattened(net, spot) if parameters >= MANY_PARAMETERS and 2 * parameters > total else None
        if maps is not None:
            pooled = maps[0] * op.out_features + (op.out_features if op.bias else 0)
            word = net.word(spot)
            from archlang.errors.lints import FirstFcHeavy

            problem = FirstFcHeavy(word, maps, op.out_features, parameters, total, pooled)
            call = net.call(spot)
            edits = net.text.before(call, "AVGPOOL(to=1)") if call else ()
            helps = (Help(f"AVGPOOL(to=1) leaves {pooled:,} of its parameters", edits),) if edits else ()
            yield Finding(problem, spot, None, helps)


def _flattened(net: Net, spot: Spot) -> Shape | None:
    """The maps that flow flattened into a layer; None where it reads no maps."""
    (source, *others) = net.sources(spot, FLATTENING) or [None]
    shape = net.output(source) if source is not None and not others else net.input(spot)
    flat = prod(shape) == net.input(spot)[-1]
    return shape if flat and len(shape) > 1 and prod(shape[1:]) > 1 else None


def small_receptive_field(net: Net) -> Iterator[Finding]:
    """Global average poolings of numbers that have seen less than half of the input; sequences are meant to be long."""
    for spot, op in net.of("avg_pool"):
        shape = net.input(spot)
        bins = op.to or net.output(spot)[1:]
        if set(bins) == {1} and len(shape) > 2 and prod(shape[1:]) > 1 and _is_head(net, spot):
            yield from _narrow(net, spot)


def _is_head(net: Net, spot: Spot) -> bool:
    """Whether a layer's output flows out of the model without being joined to anything else on the way."""
    pending, seen = [spot], set[Spot]()
    while pending:
        for reader in net.wiring.readers(pending.pop()):
            if reader is None:
                return True
            if net.op(reader[0]).is_join:
                return False
            if reader[0] not in seen:
                seen.add(reader[0])
                pending.append(reader[0])
    return False


def _narrow(net: Net, spot: Spot) -> Iterator[Finding]:
    steps = steps_to(net.model, spot.body, spot.node)
    least = least_field(net.model, steps)
    if all(2 * least >= size for given in net.model.inputs for size in given.shape[1:]):
        return  # the exact field, which is larger still, takes much longer to work out
    from archlang.ir.receptive import TooFar, input_field

    try:
        fields = input_field(Place(net.model, "", steps))
    except TooFar:
        return
    for given in net.model.inputs:
        seen = fields[given.name].sizes[1:] if given.name in fields else ()
        sizes = zip(seen, given.shape[1:], strict=False)
        field = tuple(size if reach is None else min(reach, size) for reach, size in sizes)
        if field and any(2 * reach < size for reach, size in zip(field, given.shape[1:], strict=True)):
            from archlang.errors.lints import SmallReceptiveField

            problem = SmallReceptiveField(net.word(spot), given.name, field, given.shape[1:])
            yield Finding(problem, spot)
            return
