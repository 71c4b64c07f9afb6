"""Lints of a network as a whole: where its parameters are, and how much of the input its end has seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from archlang.diagnostics import Help
from archlang.ir.graph import Model
from archlang.ir.ops.base import Shape, count_elements
from archlang.ir.paths import Place
from archlang.ir.walk import fold_totals
from archlang.lints.base import NEUTRAL, Finding, Net
from archlang.lints.folds import Ways
from archlang.lints.wiring import Spot

if TYPE_CHECKING:
    from archlang.ir.receptive import Effort

MANY_PARAMETERS = 1_000_000
"""Below this it does not matter where they are."""

MOST_FOLLOWED = 20_000
"""Layers that are followed for the receptive fields of one model."""

FLATTENING = NEUTRAL | {"flatten", "reshape", "dropout", "channel_dropout"}


def first_fc_heavy(net: Net) -> Iterator[Finding]:
    """The layer that first flattens maps, where it holds more than half of a large network."""
    if not any(True for _ in net.of("conv")):
        return
    total = fold_totals(net.model)[-1].parameters
    for spot, op in net.of("fc", "linear"):
        parameters = count_elements(op.parameters())
        # VGG-16: the first of three FC has 102.8 of 138.4 million parameters
        maps = _flattened(net, spot) if parameters >= MANY_PARAMETERS and 2 * parameters > total else None
        if maps is not None:
            # what is left with one number for each map, as in ResNet
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
    # each number of the map is a feature: nothing but a flattening stands between
    flat = prod(shape) == net.input(spot)[-1]
    return shape if flat and len(shape) > 1 and prod(shape[1:]) > 1 else None


def small_receptive_field(net: Net) -> Iterator[Finding]:
    """Global average poolings of numbers that have seen less than half of the input; sequences are meant to be long."""
    means = [spot for spot, op in net.of("avg_pool") if _is_global(net.input(spot), op.to or net.output(spot)[1:])]
    heads = _heads(net) if means else set[Spot]()
    seen = Seen(net.model) if heads & set(means) else None
    for spot in means:
        field = seen.before(spot) if seen and spot in heads else None
        if field is not None:
            from archlang.errors.lints import SmallReceptiveField

            yield Finding(SmallReceptiveField(net.word(spot), *field), spot)


def _is_global(shape: Shape, bins: Shape) -> bool:
    """Whether maps are averaged to one number each."""
    return set(bins) == {1} and len(shape) > 2 and prod(shape[1:]) > 1


def _heads(net: Net) -> set[Spot]:
    """The layers whose output flows out of the model without being joined to anything else on the way."""
    pending = [spot for spot in net.wiring.outputs if spot is not None]
    found = set[Spot]()
    while pending:
        spot = pending.pop()
        # a pooling that is multiplied or added again (squeeze and excitation) is no end of the network
        if spot not in found and not net.op(spot).is_join:
            found.add(spot)
            pending += [source for source in net.wiring.sources(spot) if source is not None]
    return found


Narrow = tuple[str, Shape, Shape]
"""An input, what is seen of it, and its sizes."""


class Seen:
    """What the numbers of a model see of its inputs."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.ways = Ways(model)
        self.largest = max((size for given in model.inputs for size in given.shape[1:]), default=0)

    @cached_property
    def _effort(self) -> Effort:
        from archlang.ir.receptive import Effort

        return Effort(self.model, MOST_FOLLOWED)

    def before(self, spot: Spot) -> Narrow | None:
        """An input of which a number in front of a layer has seen less than half."""
        steps = self.ways.to(spot.body, spot.node)
        if 2 * self.ways.least_field(steps) >= self.largest:
            return None  # the exact field, which is larger still, takes much longer to work out
        from archlang.ir.receptive import TooFar, value_field

        place = Place(self.model, "", steps)
        ref = place.node.inputs[0]
        try:
            fields = value_field(place, ref, place.body.shape_of(ref), self._effort)
        except TooFar:
            return None
        found = (
            (given.name, _reached(fields[given.name].sizes, given.shape), given.shape[1:])
            for given in self.model.inputs
            if given.name in fields
        )
        return next((narrow for narrow in found if _is_narrow(*narrow[1:])), None)


def _reached(sizes: Sequence[int | None], shape: Shape) -> Shape:
    pairs = zip(sizes[1:], shape[1:], strict=False)
    # a field may reach into the padding, beyond what there is to see
    return tuple(size if reach is None else min(reach, size) for reach, size in pairs)


def _is_narrow(field: Shape, sizes: Shape) -> bool:
    return bool(field) and any(2 * reach < size for reach, size in zip(field, sizes, strict=True))
