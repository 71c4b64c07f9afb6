"""Puts stages in places: columns from left to right with their texts, rows that wrap, lanes, the levels of a U."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log2

from archlang.backends.render_options import RenderOptions
from archlang.backends.themes import FAMILY_NAMES
from archlang.backends.volumes.maps import Stage
from archlang.backends.volumes.scale import DEPTH, FLATTEST, HIGHEST, THICKEST, THINNEST, fitting_scale
from archlang.backends.volumes.scene import Kernel, Line, Patch, Point, Scene, Text, Volume, text_width
from archlang.backends.volumes.stages import Lanes, Part, Skip, Strip, stages_of
from archlang.errors.words import listing, plural
from archlang.records import record

GAP = 20.0
"""Between columns: room for an arrow."""

LINE = 13.0
"""From one line of text to the next."""

FONT = 11.0
SMALL = 9.5
MARGIN = 12.0
WIDEST = 1400.0
"""A row that would be wider is broken."""

APART = 4.0  # arcs leave and arrive so far from the middle, so that two at one map do not touch
LANE_GAP = 14.0
ROW_GAP = 30.0
LEVEL_GAP = 24.0
"""Between the levels of a U: room for what stands on the arrow."""

MOST_SLABS = 4
VECTOR = 7.0
"""Thickness and depth of a vector."""

SHORTEST_VECTOR, LONGEST_VECTOR = 16.0, 130.0
PLAIN_VECTOR = 64
"""The features of a vector that is drawn long, if there is no larger one."""

LONGEST_TEXT = 22
"""Letters of a name or caption; the rest is cut."""


@record
class _Column:
    """A volume at the origin, with the texts above and below it; `up` and `down` is what they need from the axis.

    `sides` are outputs that hang below, `dashed` where all of them run in training only.
    """

    volume: Volume
    above: tuple[str, ...]
    below: tuple[str, ...]
    sides: str
    dashed: bool
    width: float
    up: float
    down: float


@record
class _Exit:
    """Where a line to the next stage begins: the points it has, and behind which x it may turn."""

    points: tuple[Point, ...]
    right: float
    volume: Volume | None = None
    column: _Column | None = None
    axis: float = 0.0


def lay_out(strip: Strip, options: RenderOptions) -> Scene:
    """The figure of a strip of stages."""
    return _Layout(strip, options).scene()


class _Layout:
    """Gathers what stands where; rows first at their own places, then moved into the page."""

    def __init__(self, strip: Strip, options: RenderOptions) -> None:
        self.strip = strip
        self.options = options
        stages = list(stages_of(strip.parts))
        maps = [stage for stage in stages if stage.size]
        # the last two axes: the frames of a clip are slabs
        self.heights = fitting_scale([n for s in maps for n in s.size[-2:]], HIGHEST, FLATTEST)
        # 3 channels of a photograph beside 2,048 would push the scale from the root to the logarithm
        self.channels = fitting_scale([s.channels for s in maps if s.family != "input"], THICKEST, THINNEST)
        self.vectors = fitting_scale(
            [PLAIN_VECTOR, *(s.channels for s in stages if not s.size)], LONGEST_VECTOR, SHORTEST_VECTOR
        )
        self.columns = {stage.id: self._column(stage) for stage in stages}
        self.placed: dict[str, Volume] = {}
        self.taken: dict[int, float] = {}
        self.entered: set[str] = set()
        self.floors: dict[int, float] = {}
        self.kernels: list[Kernel] = []
        self.lines: list[Line] = []
        self.texts: list[Text] = []

    # ---- sizes

    def _column(self, stage: Stage) -> _Column:
        volume = self._volume(stage)
        above = tuple(text for text in (stage.size_text,) if text)
        # a name that the caption says anyway (`maxpool` above `max pool`) stands there once
        told = "".join(stage.caption).replace(" ", "")
        named = (stage.name, *stage.caption) if stage.name not in told else stage.caption
        below = (stage.channels_text, *(_cut(text) for text in named if text))
        outlets = [side for side in self.strip.sides if side.source == stage.id]
        sides, dashed = _cut(", ".join(side.text for side in outlets)), all(side.training for side in outlets)
        texts = [text_width(text, FONT) for text in (*above, *below)] + [text_width(sides, FONT)]
        height = volume.height + volume.depth
        down = height / 2 + LINE * len(below) + 4 + (LINE + 16 if sides else 0)
        return _Column(
            volume, above, below, sides, dashed, max(volume.width, *texts) + GAP, height / 2 + LINE + 6, down
        )

    def _volume(self, stage: Stage) -> Volume:
        if not stage.size:
            return Volume(stage, 0, 0, VECTOR, self.vectors.length(stage.channels), VECTOR, min(stage.count, 3))
        height = self.heights.length(stage.size[-2:][0])
        depth = DEPTH * self.heights.length(stage.size[-1]) if len(stage.size) > 1 else 3.0
        thickness, slabs = self.channels.length(stage.channels), min(stage.count, MOST_SLABS)
        if len(stage.size) > 2 and stage.size[0] > 1:
            # a clip shows its frames as slabs, one more for each doubling: 16 frames are 5 slabs
            frames = 1 + round(log2(stage.size[0]))
            thickness, slabs = max(thickness / 2, 2.0), slabs + frames - 1
        return Volume(stage, 0, 0, thickness, height, depth, slabs)

    def _measure(self, parts: Sequence[Part]) -> tuple[float, float, float]:
        """Width of parts in a row, and what they need above and below their axis."""
        width, up, down = 0.0, 8.0, 8.0
        for part in parts:
            if isinstance(part, Stage):
                column = self.columns[part.id]
                width, up, down = width + column.width, max(up, column.up), max(down, column.down)
            else:
                rows = [self._measure(row) for row in part.rows]
                tall = sum(row[1] + row[2] for row in rows) + LANE_GAP * (len(rows) - 1)
                above = _above_axis(rows)
                width, up, down = width + max(row[0] for row in rows) + GAP, max(up, above), max(down, tall - above)
        return width, up, down

    # ---- places

    def scene(self) -> Scene:
        """Everything, moved to where x and y are positive, with the notes below."""
        if any(self.strip.levels.values()):
            self._place_levels()
        else:
            self._place_rows()
        for skip in self.strip.skips:
            self._skip(skip)
        left, top, right, bottom = self._extent()
        texts, patches, width, end = self._notes(left, bottom, right - left)
        self.texts += texts
        dx, dy = MARGIN - left, MARGIN - top
        moved = _Moved(dx, dy)
        return Scene(
            round(width + 2 * MARGIN, 1), round(end - top + 2 * MARGIN, 1), self.strip.name, self._about(),
            tuple(moved.volume(volume) for volume in self.placed.values()),
            tuple(Kernel(moved.four(kernel.corners), moved.point(kernel.target)) for kernel in self.kernels),
            tuple(replace(line, points=tuple(moved.point(p) for p in line.points)) for line in self.lines),
            tuple(replace(text, x=text.x + dx, y=text.y + dy) for text in self.texts),
            tuple(replace(patch, x=patch.x + dx, y=patch.y + dy) for patch in patches),
        )  # fmt: skip

    def _place_rows(self) -> None:
        """The chain in as many rows as it needs, of about the same width."""
        exits: list[_Exit] = []
        y = 0.0
        for row in self._rows():
            _, up, down = self._measure(row)
            if exits:
                up += ROW_GAP
                exits = [self._turned(exits, y + ROW_GAP / 3)]
            exits = self._place(row, 0.0, y + up, exits)
            y += up + down

    def _turned(self, exits: Sequence[_Exit], y: float) -> _Exit:
        """One line from the end of a row to the beginning of the next, in the room at `y` between them."""
        x, start = max(exit_.right for exit_ in exits) + 4, exits[0].points[-1]
        for other in exits[1:]:
            self.lines.append(Line((*other.points, (x, other.points[-1][1])), arrow=False))
        # left of x = 0, where the next row begins
        return _Exit((*exits[0].points, (x, start[1]), (x, y)), -10.0)

    def _rows(self) -> list[list[Part]]:
        parts = list(self.strip.parts)
        widths = [self._measure([part])[0] for part in parts]
        # an arc past stages cannot turn into the next row
        count = 1 if self.strip.skips else int(sum(widths) // WIDEST) + 1
        share, filled = sum(widths) / count, 0.0
        rows: list[list[Part]] = [[] for _ in range(count)]
        for part, width in zip(parts, widths, strict=True):
            # a part goes into the row in which its middle lies, so that rows are about equally wide
            rows[min(int((filled + width / 2) / share), count - 1)].append(part)
            filled += width
        return [row for row in rows if row]

    def _place_levels(self) -> None:
        """The chain with what lies below a bridge one level deeper."""
        levels = self.strip.levels
        runs = [(min(levels.get(stage.id, 0) for stage in stages_of([part])), part) for part in self.strip.parts]
        axes: dict[int, float] = {}
        y = 0.0
        for level in range(max(level for level, _ in runs) + 1):
            _, up, down = self._measure([part for other, part in runs if other == level])
            axes[level] = y + up
            self.floors[level] = y + up + down
            y += up + down + LEVEL_GAP
        exits, x, before = list[_Exit](), 0.0, 0
        for level, part in runs:
            if level != before and isinstance(part, Stage) and len(exits) == 1 and not part.root:
                exits, x = self._change_level(exits[0], part, min(level, before), level > before, axes[level])
            else:
                exits = self._place([part], x, axes[level], exits)
                x += self._measure([part])[0]
            before = level

    def _change_level(
        self, before: _Exit, stage: Stage, band: int, down: bool, axis: float
    ) -> tuple[list[_Exit], float]:
        """Place a stage on another level of a U; returns its exits, and x behind it.

        The arrow leads down to its left, from below the texts of the one before or from its side, or up to below its
        own texts. What stands on it has its place in the `band` below the upper level.
        """
        column, free = self.columns[stage.id], self.taken.get(band, before.right - 1e6) + 8
        # what rises goes in behind the texts on the bridges that lead to its stage
        free = max(free, self._behind_bridges(stage) + column.volume.width / 2) if not down else free
        middle = before.right - (before.column.width - GAP) / 2 if before.column else before.right
        from_side = not down or before.volume is None or middle < free or before.volume.stage.id in self.entered
        turn = max(before.right + 10, free) if from_side else middle
        exit_ = self._place_stage(stage, turn + 16 if down else turn - (column.width - GAP) / 2, axis, [], False)
        volume = self.placed[stage.id]
        start = before.points if from_side or not before.column else ((turn, before.axis + before.column.down + 2),)
        corner = (turn, start[-1][1])
        end = ((turn, volume.inlet[1]), volume.inlet) if down else ((turn, axis + column.down + 2),)
        self.lines.append(Line((*start, *((corner,) if from_side else ()), *end)))
        # an arrow ends below this stage: none can begin there as well
        self.entered |= set() if down else {stage.id}
        if stage.arrow:
            text = Text(turn + 5, self.floors[band] + LINE, _cut(stage.arrow), SMALL, "start", muted=True)
            self.texts.append(text)
            self.taken[band] = text.box[2]
        return [exit_], exit_.right + GAP

    def _behind_bridges(self, stage: Stage) -> float:
        """How far to the right a stage may begin, for what stands on the arrows that lead across to it."""
        bridges = (
            skip for skip in self.strip.skips if skip.target == stage.id and skip.text and skip.level is not None
        )
        sources = ((self.placed[skip.source], text_width(_cut(skip.text), SMALL)) for skip in bridges)
        return max((source.x + source.width + width + 8 for source, width in sources), default=-1e6)

    def _place(
        self, parts: Sequence[Part], x: float, axis: float, exits: list[_Exit], forking: bool = False
    ) -> list[_Exit]:
        for part in parts:
            if isinstance(part, Stage):
                exits = [self._place_stage(part, x, axis, exits, forking)]
            else:
                exits = self._place_lanes(part, x, axis, exits)
            x += self._measure([part])[0]
            forking = False
        return exits

    def _place_lanes(self, lanes: Lanes, x: float, axis: float, exits: list[_Exit]) -> list[_Exit]:
        sizes = [self._measure(row) for row in lanes.rows]
        y = axis - _above_axis(sizes)
        found: list[_Exit] = []
        for row, (_, up, down) in zip(lanes.rows, sizes, strict=True):
            if row:
                found += self._place(row, x + GAP / 2, y + up, exits, forking=True)
            else:
                found += [
                    _Exit((*e.points, *_elbow(e.points[-1], (e.right + 4, y + up), e.right + 4)), e.right)
                    for e in exits
                ]
            y += up + down + LANE_GAP
        return found

    def _place_stage(self, stage: Stage, x: float, axis: float, exits: Sequence[_Exit], forking: bool) -> _Exit:
        column = self.columns[stage.id]
        left = x + (column.width - GAP - column.volume.width) / 2
        height = column.volume.height + column.volume.depth
        # the height includes the lid: the front begins lower by its depth
        volume = replace(column.volume, x=left, top=axis - height / 2 + column.volume.depth)
        self.placed[stage.id] = volume
        middle = x + (column.width - GAP) / 2
        self._label(column, middle, axis, height)
        for exit_ in () if stage.root else exits:
            self._link(exit_, volume, forking)
        return _Exit((volume.outlet,), x + column.width - GAP, volume, column, axis)

    def _label(self, column: _Column, x: float, axis: float, height: float) -> None:
        y = axis - height / 2 - 5
        self.texts += [Text(x, y, text, SMALL, muted=True) for text in column.above]
        y = axis + height / 2 + LINE
        for number, text in enumerate(column.below):
            self.texts.append(Text(x, y + number * LINE, text, FONT if number == 0 else SMALL, bold=number == 0))
        if column.sides:
            start = y + len(column.below) * LINE - 9
            self.lines.append(Line(((x, start), (x, start + 12)), dashed=column.dashed))
            self.texts.append(Text(x, start + 12 + LINE - 2, column.sides, SMALL, muted=True))

    def _link(self, exit_: _Exit, volume: Volume, forking: bool) -> None:
        """The line to a volume, or the kernel that makes it where there is room for one."""
        kernel = _kernel_on(exit_.volume, volume) if len(exit_.points) == 1 else None
        if kernel:
            self.kernels.append(kernel)
            return
        target = volume.inlet
        column = self.columns[volume.stage.id]
        texts = volume.x + (column.volume.width - (column.width - GAP)) / 2
        # lines that part turn just behind the fork, those that meet just before the join: there they lie on each other
        turn = exit_.right + 6 if forking else min(target[0] - 9, texts - 4)
        self.lines.append(Line((*exit_.points, *_elbow(exit_.points[-1], target, turn))))

    # ---- past stages

    def _skip(self, skip: Skip) -> None:
        """A copy arrow on a level of a U; an arc above the row elsewhere."""
        source, target = self.placed[skip.source], self.placed[skip.target]
        if skip.level is not None:
            start, end = source.outlet, target.inlet
            self.lines.append(Line((start, *_elbow(start, end, end[0] - 14)), "skip"))
            if skip.text:
                self.texts.append(Text((start[0] + end[0]) / 2, start[1] - 5, _cut(skip.text), SMALL, muted=True))
            return
        left, right = source.x + source.width / 2 + APART, target.x + target.width / 2 - APART
        between = [v for v in self.placed.values() if left - 60 <= v.x + v.width / 2 <= right + 60]
        above = [line.points[1][1] for line in self.lines if line.role == "skip"]
        top = min([v.top - v.depth for v in between]) - LINE - 14
        # each arc above those before it, so that none lie on each other
        top = min([top, *(y - 10 for y in above)])
        rises = [v.top - v.depth - LINE - 6 for v in (source, target)]
        self.lines.append(Line(((left, rises[0]), (left, top), (right, top), (right, rises[1])), "skip"))

    # ---- around

    def _extent(self) -> tuple[float, float, float, float]:
        boxes = [text.box for text in self.texts]
        boxes += [(v.x, v.top - v.depth, v.x + v.width, v.top + v.height) for v in self.placed.values()]
        boxes += [(x, y, x, y) for line in self.lines for x, y in line.points]
        if not boxes:
            return 0.0, 0.0, 0.0, 0.0
        return (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))

    def _notes(self, left: float, y: float, width: float) -> tuple[list[Text], list[Patch], float, float]:
        """The legend and the lines that say which scales were used; how wide and how far down it all is."""
        texts: list[Text] = []
        patches: list[Patch] = []
        if self._has_legend():
            y += 22
            x = left
            for family in self._families():
                name = "block" if family == "folded" else FAMILY_NAMES[family]
                if x > left and x + 15 + text_width(name, SMALL) > left + max(width, 240):
                    x, y = left, y + LINE + 2
                patches.append(Patch(x, y - 8, 9.0, family))
                texts.append(Text(x + 13, y, name, SMALL, "start", muted=True))
                x += 13 + text_width(name, SMALL) + 14
        for note in self._note_lines(max(width, 240)):
            y += LINE + (5 if not texts or len(texts) == len(patches) else 0)
            texts.append(Text(left, y, note, SMALL, "start", muted=True))
        return texts, patches, max([width, *(text.box[2] - left for text in texts)]), y

    def _note_lines(self, width: float) -> Iterator[str]:
        line = ""
        for part in self._scales():
            if line and text_width(f"{line}; {part}", SMALL) > width:
                yield line
                line = ""
            line = f"{line}; {part}" if line else part
        if line:
            yield line

    def _scales(self) -> Iterator[str]:
        """`heights to scale; thickness by the square root of the channels`."""
        stages = list(stages_of(self.strip.parts))
        if any(stage.size for stage in stages):
            linear = self.heights.kind == "linear"
            yield "heights to scale" if linear else f"heights by the {self.heights.kind} of the sizes"
            linear = self.channels.kind == "linear"
            small = " (smallest enlarged)" if any(s.size and self.channels.widens(s.channels) for s in stages) else ""
            yield ("thickness to scale" if linear else f"thickness by the {self.channels.kind} of the channels") + small
        if any(not stage.size for stage in stages):
            yield "vectors to scale" if self.vectors.kind == "linear" else f"vectors by the {self.vectors.kind}"
        if self.strip.note:
            yield self.strip.note

    def _has_legend(self) -> bool:
        return len(self._families()) > 2 if self.options.legend is None else self.options.legend

    def _families(self) -> list[str]:
        found = {stage.family for stage in stages_of(self.strip.parts)}
        return [family for family in (*FAMILY_NAMES, "folded") if family in found]

    def _about(self) -> str:
        stages = list(stages_of(self.strip.parts))
        ends = [stages[0], stages[-1]] if len(stages) > 1 else stages
        shapes = listing([" x ".join(t for t in (str(s.channels), s.size_text) if t) for s in ends], "to")
        return f"{plural(len(stages), 'stage')}: {shapes}"


@record
class _Moved:
    """A shift of places, rounded as it is written."""

    dx: float
    dy: float

    def point(self, point: Point) -> Point:
        """A place on the page, to a hundredth of a pixel: figures with the same places are the same bytes."""
        return round(point[0] + self.dx, 2), round(point[1] + self.dy, 2)

    def four(self, points: tuple[Point, Point, Point, Point]) -> tuple[Point, Point, Point, Point]:
        """The corners of a window, in their order."""
        a, b, c, d = (self.point(point) for point in points)
        return a, b, c, d

    def volume(self, volume: Volume) -> Volume:
        """Not rounded: the corners of its faces are worked out from several of its lengths first."""
        return replace(volume, x=volume.x + self.dx, top=volume.top + self.dy)


def _above_axis(lanes: Sequence[tuple[float, float, float]]) -> float:
    """How far lanes reach above the axis of their row: the axis of the middle one, or half way where there is none."""
    if len(lanes) % 2 == 0:
        return (sum(up + down for _, up, down in lanes) + LANE_GAP * (len(lanes) - 1)) / 2
    middle = len(lanes) // 2
    return sum(up + down + LANE_GAP for _, up, down in lanes[:middle]) + lanes[middle][1]


def _elbow(start: Point, end: Point, turn: float) -> tuple[Point, ...]:
    """The points behind the start of a line that goes straight, or turns at an x."""
    if abs(start[1] - end[1]) < 0.5:
        return (end,)
    return ((turn, start[1]), (turn, end[1]), end)


def _kernel_on(source: Volume | None, target: Volume) -> Kernel | None:
    """The window that a convolution reads, on the side of the map before it; None where it would be a dot."""
    kernel, size = target.stage.kernel[-2:], source.stage.size[-2:] if source else ()
    if source is None or len(kernel) != 2 or len(size) != 2 or target.stage.family != "conv" or max(kernel) == 1:
        return None
    # lines of a window on a low map, or across lanes, are a scribble
    if source.height < 24 or abs(source.outlet[1] - target.inlet[1]) > 1:
        return None
    # the window in proportion to the map, at least as large as can be seen; at most the map itself
    high = max(source.height * min(kernel[0] / size[0], 1), 5.0)
    deep = max(source.depth * min(kernel[1] / size[1], 1), 2.5)
    x, y = source.outlet
    a, b = x - deep / 2, y - high / 2 + deep / 2
    corners = ((a, b), (a + deep, b - deep), (a + deep, b - deep + high), (a, b + high))
    return Kernel(corners, target.inlet)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3]}..."
