"""What `drawing.py` hands down while it walks a model: the part to draw, where its values come from, what is folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from archlang.backends.branches import Branches
from archlang.backends.diagram import Box
from archlang.backends.folding import Drawn
from archlang.ir.graph import BodyId, Call, Layer, Node
from archlang.ir.ops.base import Shape
from archlang.ir.paths import Step
from archlang.ir.walk import Starts, Totals, counted, is_shared, name_text
from archlang.records import record

Target = tuple[Step, ...]
"""The rest of the way to a scope that is to be drawn copy by copy; empty in that scope itself."""


@record
class Source:
    """The box that a value comes from, with its shape in the first and in the last of the copies drawn as one."""

    box: str
    shape: Shape
    last: Shape


@record
class Part:
    """A body to draw, with the one its last copy has, and its place. `depth` is how many levels of it are drawn."""

    first: BodyId
    last: BodyId
    prefix: str
    starts: Starts
    sources: tuple[Source, ...]
    depth: int
    targets: tuple[Target, ...] = ()
    copied: bool = False
    shared: bool = False
    training: bool = False

    def inside(self, node: Node, training: bool) -> Part:
        """As a part of which `node` is drawn: weights that are shared, or run in training only, are so inside."""
        return replace(self, shared=self.shared or is_shared(node), training=self.training or training)


class Folds:
    """Branches that are drawn once: where the first of each begins and ends (with their number), the node of the last
    that stands for one of the first, and what is not drawn."""

    def __init__(self, branches: Iterable[Branches]) -> None:
        members = [branch.members for branch in branches]
        self.starts = {first[0] for first, *_ in members}
        self.ends = {alike[0][-1]: len(alike) for alike in members}
        self.last = {place: last for alike in members for place, last in zip(alike[0], alike[-1], strict=True)}
        self.hidden = {place for branch in branches for place in branch.hidden}

    def joined(self, drawn: Drawn) -> Drawn:
        """The node without what it reads of branches that are not drawn."""
        return replace(drawn, inputs=tuple(wire for wire in drawn.inputs if wire.ref.node not in self.hidden))


def within(targets: tuple[Target, ...], run: int, copy: int) -> Iterator[Target]:
    """What of the targets of a repeat lies in one of its copies; a scope that is expanded goes through its repeats."""
    for target in targets:
        if not target:
            yield target
        elif (target[0].run, target[0].copy) == (run, copy):
            yield target[1:]


def path_of(node: Layer | Call, part: Part) -> str:
    """The path of a node in a part."""
    return part.prefix + (name_text(node.name, part.starts) if node.name else "")


def with_totals(box: Box, totals: Totals, part: Part) -> Box:
    """A box with the counts that are shown for it in a part: shared weights count where they are used first."""
    shown = counted(totals, part.shared, part.training)
    return replace(
        box, layers=totals.layers, parameters=shown.parameters, macs=shown.macs, shared=part.shared,
        training=part.training,
    )  # fmt: skip
