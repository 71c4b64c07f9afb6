"""Which feature maps a figure shows, in order: the picture as data (`backends/diagram.py`) read as chains of maps.

A layer that changes nothing to be seen (activation, normalisation, dropout) belongs to the map before it. Maps alike in
a row are one stage with a count. Where ways part and meet again there are three cases: the ways of a block are one
stage with the block's name; the ways of a U are its arms, with bridges between; what is most of the model, or begins
at different inputs, is drawn as lanes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from archlang.backends.diagram import Box, Cluster, boxes_of
from archlang.backends.drawing import draw
from archlang.backends.render_options import EVERYTHING, RenderOptions
from archlang.backends.volumes.flow import Flow, Region, base_name
from archlang.backends.volumes.maps import Stage, block_stage, changes, is_silent, layer_stage, same
from archlang.errors.words import shape_text
from archlang.ir.graph import Model
from archlang.ir.walk import fold_totals
from archlang.records import record

MOST_EXPANDED = 450
"""Layers up to which copies are looked at one by one, so that maps that shrink from copy to copy are all drawn."""


MOST_STAGES = 24
"""Stages up to which a figure is one row or two; with more of them, blocks are closed."""

MOST_LANES = 6
"""Lanes beside each other; more are one block."""

MOST_CHAINED = 60
"""Boxes that are drawn one behind the other, with arcs, where their ways are no lanes."""

BLOCKS = {"+": "residual block", "concat": "concat block", "\N{MULTIPLICATION SIGN}": "gated block"}
"""Blocks without a name, by the join at their end."""

DEEPEST = 30
"""Ways inside each other that are opened."""


@record
class Lanes:
    """Ways that begin and end together, each a row of its own; an empty one passes what comes in."""

    rows: tuple[tuple[Part, ...], ...]


Part = Stage | Lanes


@record
class Skip:
    """A connection past stages: from one stage's id to another's, and what is on it. `level` is that of a U, from 0;
    None outside of one."""

    source: str
    target: str
    text: str
    level: int | None = None


@record
class Side:
    """A further output, and the stage that it springs from."""

    source: str
    text: str
    training: bool


@record
class Strip:
    """All that a figure shows. `levels` holds how deep in a U a stage stands; 0 where it does not say."""

    name: str
    parts: tuple[Part, ...]
    skips: tuple[Skip, ...]
    sides: tuple[Side, ...]
    levels: dict[str, int]
    note: str = ""


def find_strip(model: Model, options: RenderOptions) -> Strip:
    """The stages of a model. Sizes left free have the numbers of `Model.with_numbers`, and `note` says so."""
    note = ""
    if model.is_symbolic:
        from archlang.report.legal import made_for

        model, note = model.with_numbers, made_for(model)
    small = fold_totals(model)[-1].layers <= MOST_EXPANDED
    if options.depth is None and not options.expand and small:
        options = replace(options, expand=(EVERYTHING,))
    flow = Flow(draw(model, options))
    strip = _Reader(flow).read()
    # who asks for a depth or a part gets it, however many stages there are
    if options.depth is None and not options.expand and sum(1 for _ in stages_of(strip.parts)) > MOST_STAGES:
        close_blocks(flow)
        strip = _Reader(flow).read()
    return replace(strip, note=note)


def stages_of(parts: Iterable[Part]) -> Iterator[Stage]:
    """All stages of parts, those of lanes too."""
    for part in parts:
        if isinstance(part, Stage):
            yield part
        else:
            for row in part.rows:
                yield from stages_of(row)


def close_blocks(flow: Flow) -> None:
    """Let each block that is used several times be one stage: the innermost ones with more than a layer of weights."""
    uses: dict[str, set[str]] = {}
    for box in flow.main:
        for scope in reversed(flow.scopes[box.id]):
            if scope.definition and flow.weight_of(boxes_of(scope.items)) > 1:
                uses.setdefault(base_name(scope), set()).update({scope.id} if flow.is_block(scope) else ())
                break
    flow.closed |= {name for name, scopes in uses.items() if len(scopes) > 1}


class _Reader:
    """Reads the stages of one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.shown: dict[str, str] = {}
        self.skips: list[Skip] = []
        self.joins = {row[-1] for row in flow.bridges}

    def read(self) -> Strip:
        """The strip: once to find the blocks that have ways of their own, once with these closed."""
        flow = self.flow
        self._parts(flow.main, None, 0)
        self.skips, self.shown = [], {}
        parts = self._parts(flow.main, None, 0)
        self.skips += [self._bridge(row) for row in flow.bridges]
        sides = tuple(self._sides())
        levels = {name: flow.level(name) for name in flow.order if self.shown.get(name) == name}
        kept = {skip.source for skip in self.skips} | {side.source for side in sides}
        parts = _pooling_on_arrows(parts, levels, kept) if any(levels.values()) else parts
        return Strip(flow.diagram.name, tuple(parts), tuple(self.skips), sides, levels)

    def _bridge(self, row: tuple[str, ...]) -> Skip:
        beside = [self.flow.boxes[name] for name in row[1:-1]]
        texts = [" ".join(layer_stage(box).caption) for box in beside if not is_silent(box)]
        return Skip(self.shown[row[0]], self.shown[row[-1]], ", ".join(texts), self.flow.level(row[0]))

    # ---- chains

    def _parts(self, boxes: Sequence[Box], fork: Box | None, depth: int) -> list[Part]:
        """The parts of a chain that follows `fork`."""
        parts: list[Part] = []
        first = fork
        for region in self.flow.regions(boxes, fork is not None):
            if len(region.boxes) == 1:
                self._add_layer(parts, region.boxes[0], first)
            else:
                self._add_region(parts, region, first, depth)
            first = region.boxes[-1]
        return parts

    def _add_layer(self, parts: list[Part], box: Box, first: Box | None) -> None:
        before = parts[-1] if parts and isinstance(parts[-1], Stage) else None
        stage = layer_stage(box, self.flow.last.get(box.id), before)
        silent = is_silent(box) and box.id not in self.joins
        if before is not None and silent and (not changes(before, stage) or self._flattens(box)):
            self.shown[box.id] = before.id
            parts[-1] = replace(before, rows=stage.rows)
        # the beginning of a lane stands for what the fork gives: no map of its own
        elif silent and first is not None and not parts and first.shapes == box.shapes:
            self.shown[box.id] = self.shown.get(first.id, first.id)
        # up-conv, then concat at the same size: one map, whose arrow says up-conv
        elif before is not None and box.id in self.joins and before.family == "conv" and stage.size == before.size:
            self._join_enlarged(parts, before, stage)
        else:
            count, name = self.flow.copies(box), self.flow.name_of(box)
            self._add_stage(parts, replace(stage, count=count, name=name, root=self._is_root(box)), (box,))

    def _is_root(self, box: Box) -> bool:
        """Whether nothing that is drawn leads to a box."""
        return not any(name in self.flow.behind for name in self.flow.before.get(box.id, ()))

    def _flattens(self, box: Box) -> bool:
        """Whether a box only makes a vector for a layer behind it."""
        return box.family == "shape" and len(box.shapes[0]) == 1 and bool(self.flow.behind[box.id])

    def _join_enlarged(self, parts: list[Part], before: Stage, stage: Stage) -> None:
        """What is enlarged for a join stands on the arrow to it, as the authors of U-Net draw it."""
        parts[-1] = replace(stage, arrow=" ".join(before.caption))
        self.shown = {name: stage.id if shown == before.id else shown for name, shown in self.shown.items()}
        self.shown[stage.id] = stage.id

    def _add_stage(self, parts: list[Part], stage: Stage, boxes: Iterable[Box]) -> None:
        before = parts[-1] if parts else None
        # a stage with a further output stays alone: its line has to begin at that very map
        if isinstance(before, Stage) and same(before, stage) and not self._has_outlet(before):
            count, first, start = (
                before.count + stage.count,
                before.first or before.channels,
                before.start or before.size,
            )
            parts[-1] = replace(
                before, count=count, channels=stage.channels, first=first, name="", size=stage.size, start=start
            )
            stage = before
        else:
            parts.append(stage)
        for box in boxes:
            self.shown[box.id] = stage.id

    def _has_outlet(self, stage: Stage) -> bool:
        """Whether a further output hangs on a stage: those behind it have another."""
        return any(self.shown.get(name) == stage.id for name in self.flow.outlets)

    # ---- where ways part

    def _add_region(self, parts: list[Part], region: Region, first: Box | None, depth: int) -> None:
        flow, scope = self.flow, self.flow.block_around(region.boxes)
        if scope is not None and base_name(scope) in flow.closed:
            self._add_block(parts, region.boxes, scope)
            return
        # takes effect when the strip is read again, so that all uses of the block are one stage
        if scope is not None and region.forked and flow.is_block(scope):
            flow.closed.add(base_name(scope))
        lanes = flow.lanes(region.boxes)
        # with more than half of the layers that have weights, the ways are what the figure is about
        small = region.forked and flow.weight_of(region.boxes) * 2 <= flow.total and not _unpools(region.boxes[-1])
        # an empty way: a shortcut without layers
        passes = first is not None and region.boxes[-1].id in flow.behind.get(first.id, ())
        tangled = not lanes or (len(lanes) == 1 and not passes)
        if tangled and not small and len(region.boxes) <= MOST_CHAINED:
            self._add_chain(parts, region.boxes, first)
        elif tangled or small or depth > DEEPEST or len(lanes) > MOST_LANES:
            self._add_block(parts, region.boxes, None)
        else:
            self._open(parts, region.boxes[-1], lanes, first if passes else None, first, depth)

    def _add_block(self, parts: list[Part], boxes: Sequence[Box], scope: Cluster | None) -> None:
        """One stage for all boxes: those of a closed scope, or others, which go by the layer that joins them."""
        end, flow = boxes[-1], self.flow
        count = flow.copies(end, scope) if scope else min(flow.copies(box) for box in boxes)
        title = base_name(scope) if scope else BLOCKS.get(end.symbol, end.title)
        before = parts[-1] if parts and isinstance(parts[-1], Stage) else None
        self._add_stage(parts, block_stage(end, flow.last.get(end.id), title, count, before), boxes)

    def _add_chain(self, parts: list[Part], boxes: Sequence[Box], first: Box | None) -> None:
        """Boxes as they run, one behind the other; what does not come from the one before is an arc."""
        for box in boxes:
            before = parts[-1].id if parts and isinstance(parts[-1], Stage) else None
            # a dict for its order: a set of texts has another order in each run
            sources = {self.shown[name]: None for name in self.flow.before.get(box.id, ()) if name in self.shown}
            if before is None or before in sources:
                self._add_layer(parts, box, first)
            else:
                self._add_stage(parts, replace(layer_stage(box, self.flow.last.get(box.id)), root=True), (box,))
            target = self.shown[box.id]
            self.skips += [Skip(source, target, "") for source in sources if source not in (before, target)]
            first = box

    def _open(
        self, parts: list[Part], end: Box, lanes: list[list[Box]], passing: Box | None, first: Box | None, depth: int
    ) -> None:
        """Ways as lanes, or as the chain that it is if there is one beside what passes it by; then the join."""
        if len(lanes) == 1 and passing is not None and not self._is_root(lanes[0][0]):
            source = self.shown.get(passing.id, passing.id)
            parts += self._parts(lanes[0], first, depth + 1)
            self._add_join(parts, end)
            self.skips.append(Skip(source, self.shown[end.id], ""))
            self._add_early(lanes, end)
            return
        rows = [tuple(self._parts(lane, first, depth + 1)) for lane in lanes]
        parts.append(Lanes((*rows, ()) if passing is not None else tuple(rows)))
        self._add_join(parts, end)
        self._add_early(lanes, end)

    def _add_early(self, lanes: list[list[Box]], end: Box) -> None:
        """Arcs to a join from what is not the end of its lane."""
        for lane in lanes:
            sources = {self.shown[box.id]: None for box in lane[:-1] if end.id in self.flow.behind[box.id]}
            known = {self.shown[lane[-1].id], self.shown[end.id]}
            self.skips += [Skip(source, self.shown[end.id], "") for source in sources if source not in known]

    def _add_join(self, parts: list[Part], end: Box) -> None:
        """The join behind opened ways."""
        before = parts[-1] if parts and isinstance(parts[-1], Stage) else None
        self._add_stage(parts, layer_stage(end, self.flow.last.get(end.id), before), (end,))

    def _sides(self) -> Iterator[Side]:
        """Further outputs, each at the last stage before it that is shown."""
        # the first output is the model's own, at which the main line ends
        for box in [box for box in self.flow.boxes.values() if box.family == "output"][1:]:
            known = [name for name in self.flow.ways_to(box.id) if name in self.shown]
            if known:
                last = max(known, key=self.flow.order.__getitem__)
                title = box.title.removesuffix(" (in training)")
                yield Side(self.shown[last], f"{title} {shape_text(box.shapes[0])}", box.training)


def _unpools(box: Box) -> bool:
    """Whether a box reads the switches of a pooling: a second way to it, but no block that adds ways up."""
    return box.title.startswith("MaxUnpool")


def _pooling_on_arrows(parts: Sequence[Part], levels: dict[str, int], kept: set[str]) -> list[Part]:
    """Parts of a U without the poolings that lead a level down: these stand on the arrows."""
    found: list[Part] = []
    arrow = ""
    for number, part in enumerate(parts):
        after = parts[number + 1] if number + 1 < len(parts) else None
        before = found[-1] if found else None
        down = _goes_down(before, part, after, levels)
        if down and isinstance(part, Stage) and part.id not in kept:
            arrow = " ".join(part.caption)
        else:
            found.append(replace(part, arrow=arrow or part.arrow) if isinstance(part, Stage) else part)
            arrow = ""
    return found


def _goes_down(before: Part | None, part: Part, after: Part | None, levels: dict[str, int]) -> bool:
    """Whether a part is the pooling with which a level begins."""
    if not (isinstance(before, Stage) and isinstance(part, Stage) and isinstance(after, Stage)):
        return False
    below = levels.get(part.id, 0)
    return part.family == "pool" and levels.get(before.id, 0) < below == levels.get(after.id, 0)
