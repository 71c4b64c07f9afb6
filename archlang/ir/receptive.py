"""Receptive fields: how much of the input one number of a layer depends on, and how far its neighbours' are apart.

Worked out exactly, as if maps went on beyond their borders; of joined branches it is what any of them sees. Where what
is seen runs in step with the position, it is read off its course (`courses.py`). Elsewhere the positions that a number
depends on are followed backwards through every layer up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property, partial
from math import lcm
from sys import maxsize
from typing import TypeVar

from archlang.ir.arithmetic import Reach, Symbolic
from archlang.ir.charts import Charts
from archlang.ir.courses import FAR, Courses, Line
from archlang.ir.graph import Body, Call, Layer, Model, Node, Ref, Repeat
from archlang.ir.ops.base import Field, Shape
from archlang.ir.paths import Place
from archlang.ir.walk import input_shapes
from archlang.records import record

MOST_NODES = 100_000
"""Layers that are followed for one number; more would take longer than anyone waits."""

MOST_POSITIONS = 64
"""Neighbouring numbers that are looked at where sizes grow, since they do not all see the same there."""

STARTS = (0, 1, 5)
"""Positions from which a stride is tried."""

LONGEST_PERIOD = 2**12
"""The largest denominator of a stride: that behind four upsamplings by 8."""

MOST_CHARTED = 20_000
"""Layers, as written, whose courses are worked out: about two seconds."""


class TooFar(Exception):
    """There are too many layers before the one in question."""


@record
class Receptive:
    """What one number sees of an input, for each axis of that: how many positions (None: all of them), and how many
    further on its neighbour looks (None: no certain number)."""

    sizes: tuple[int | None, ...]
    strides: tuple[Fraction | None, ...]


def output_field(place: Place, effort: Effort | None = None) -> dict[str, Receptive]:
    """What one number that flows out of a part sees of each of the model's inputs. Raises `TooFar`."""
    return value_field(place, Ref(place.steps[-1].index), place.node.outputs[0], effort or Effort(place.model))


def input_field(place: Place, effort: Effort | None = None) -> dict[str, Receptive]:
    """What one number that flows into a part, by its first input, sees of each of the model's inputs."""
    ref = place.node.inputs[0]
    return value_field(place, ref, place.body.shape_of(ref), effort or Effort(place.model))


class Effort:
    """Layers that may still be followed for the fields of one model, if several are asked for."""

    def __init__(self, model: Model, left: int = maxsize) -> None:
        self.model = model
        self.grows = _grows(model)
        self.left = left
        self.known: dict[object, dict[str, Receptive]] = {}

    @cached_property
    def charts(self) -> Charts | None:
        """The courses of the model's values; None where there are too many layers, or sizes are left free."""
        sizes = (size for given in self.model.inputs for size in given.shape)
        layers = sum(len(body.nodes) for body in self.model.bodies)
        # probing compares sizes with positions, and of sizes left free each comparison may split.
        return None if layers > MOST_CHARTED or any(isinstance(n, Symbolic) for n in sizes) else Charts(self.model)

    def positions(self, shape: Shape) -> range:
        """The neighbours of which the one counts that sees most."""
        # behind an upsampling by 2 one neighbour sees a row more than the other.
        return range(min(max(shape), MOST_POSITIONS) if self.grows else 1)


def value_field(place: Place, ref: Ref, shape: Shape, effort: Effort) -> dict[str, Receptive]:
    """What one number of a value sees of each of the model's inputs: a value of the body that `place` stands in,
    made by the part there or one before it. Raises `TooFar`, also once the effort is spent."""
    key = (place.steps[:-1], place.steps[-1].body, ref)
    if key not in effort.known:
        charted = _charted(place, ref, shape, effort)
        effort.known[key] = _value_field(place, ref, shape, effort) if charted is None else charted
    return effort.known[key]


def _charted(place: Place, ref: Ref, shape: Shape, effort: Effort) -> dict[str, Receptive] | None:
    """What the courses tell of a value; None where one of them is odd."""
    if effort.charts is None:
        return None
    seen = effort.charts.of(place, ref)
    # one such course is enough: positions are followed for the whole value, and tell of all axes.
    if any(course in ("odd", "lost") for courses in seen.values() for course in courses):
        return None
    positions = effort.positions(shape)
    return {place.model.inputs[port].name: _read_off(seen[port], positions) for port in sorted(seen)}


def _read_off(courses: Courses, positions: Iterable[int]) -> Receptive:
    lines = [course if isinstance(course, Line) else None for course in courses]
    reaches = [[line.at(p, p) for p in positions] if line else [None] for line in lines]
    # 1/2 behind an upsampling by 2: two neighbours look at the same place.
    strides = [Fraction(line.step, line.period) if line and line.step else None for line in lines]
    return Receptive(tuple(map(_largest, reaches)), tuple(strides))


def _value_field(place: Place, ref: Ref, shape: Shape, effort: Effort) -> dict[str, Receptive]:
    def see(position: int) -> dict[str, Field]:
        """The fields of the number at one position along all axes."""
        backwards = _Backwards(place.model, most := min(MOST_NODES, effort.left))
        try:
            return backwards.to_inputs(place, {ref: ((position, position),) * len(shape)})
        finally:
            # also where it ends in TooFar: the next question must not spend it once more.
            effort.left -= most - backwards.left

    near = [see(position) for position in effort.positions(shape)]
    known = dict(enumerate(near))

    def look(name: str, axis: int, position: int) -> Reach:
        if position not in known:
            known[position] = see(position)
        return known[position][name][axis]

    return {name: _summary([fields[name] for fields in near], partial(look, name)) for name in near[0]}


def _grows(model: Model) -> bool:
    """Whether any layer makes its map larger."""
    layers = ((body, node) for body in model.bodies for node in body.nodes if isinstance(node, Layer))
    # joins are left out: an input that is broadcast is smaller than the output, but not enlarged.
    alone = ((body, node) for body, node in layers if not node.op.is_join)
    return any(
        len(shape) == len(node.outputs[0]) and any(a < b for a, b in zip(shape[1:], node.outputs[0][1:], strict=True))
        for body, node in alone
        for shape in input_shapes(body, node)
    )


def _summary(near: Sequence[Field], look: Callable[[int, int], Reach]) -> Receptive:
    """The largest of some neighbours' fields, and how these move: `look` tells that of any position, along an axis."""
    axes = range(len(near[0]))
    sizes = tuple(_largest(field[axis] for field in near) for axis in axes)
    return Receptive(sizes, tuple(_stride(partial(look, axis)) for axis in axes))


def _largest(reaches: Iterable[Reach]) -> int | None:
    extents = [None if reach is None else reach[1] - reach[0] + 1 for reach in reaches]
    return None if None in extents else max(extent for extent in extents if extent is not None)


def _stride(look: Callable[[int], Reach]) -> Fraction | None:
    """Positions by which a field moves for one of the output, if it does so evenly."""
    rate = _rate(look(0), look(FAR))
    if rate is None or rate <= 0:
        return None
    # from period to period, whatever is rounded in between, both ends must keep step. Ends that move apart are those of
    # branches at different speeds, and a rate that holds only far off is not one for neighbours.
    period = lcm(rate.denominator, FAR)
    tried = ((start, start + periods * period) for start in STARTS for periods in (1, 2))
    return rate if all(_moved(look(one), look(other)) == (rate * (other - one),) * 2 for one, other in tried) else None


def _rate(here: Reach, there: Reach) -> Fraction | None:
    """The fraction that is meant by how far a field moves over a long way, which was rounded to whole positions."""
    moved = _moved(here, there)
    return Fraction(moved[0], FAR).limit_denominator(LONGEST_PERIOD) if moved else None


def _moved(here: Reach, there: Reach) -> tuple[int, int] | None:
    """By how much both ends of a reach moved."""
    return None if here is None or there is None else (there[0] - here[0], there[1] - here[1])


Key = TypeVar("Key", int, Ref)

Fields = Mapping[int, Field]
"""Fields by the number of an input, or of an output."""


class _Backwards:
    """Follows fields of numbers back to the inputs of a model."""

    def __init__(self, model: Model, left: int) -> None:
        self.model = model
        self.left = left

    def to_inputs(self, place: Place, wanted: Mapping[Ref, Field]) -> dict[str, Field]:
        """What the values `wanted` in the body of a part see of each of the model's inputs that they depend on."""
        fields = self._body(place.body, wanted, place.steps[-1].index + 1)
        # from the body of the part outwards, each time through what stands before in the body around it.
        for step in reversed(place.steps[:-1]):
            outer = self.model.bodies[step.body]
            node = outer.nodes[step.index]
            if isinstance(node, Repeat):
                fields = self._copies(node, fields, step.run, step.copy)
            fields = self._body(outer, _at(node, fields), step.index)
        return {self.model.inputs[port].name: field for port, field in fields.items()}

    def _body(self, body: Body, wanted: Mapping[Ref, Field], before: int | None = None) -> Fields:
        """What values of a body see of its inputs, through its nodes `before` a certain one."""
        needed: dict[Ref, Field] = dict(wanted)
        for index in reversed(range(len(body.nodes) if before is None else before)):
            node = body.nodes[index]
            refs = [Ref(index, port) for port in range(len(node.outputs))]
            outputs = {ref.port: needed.pop(ref) for ref in refs if ref in needed}
            if outputs:
                for ref, field in _at(node, self._node(body, node, outputs)).items():
                    _add(needed, ref, field)
        return {ref.port: field for ref, field in needed.items()}

    def _node(self, body: Body, node: Node, outputs: Fields) -> Fields:
        """What some outputs of a node see of its inputs."""
        self.left -= 1
        if self.left < 0:
            raise TooFar
        match node:
            case Layer():
                # an op answers for one field; of a pooling's map and positions it reads the same anyway.
                field = _hull(outputs.values())
                return dict(enumerate(node.op.reads(field, input_shapes(body, node), node.outputs[0])))
            case Call():
                inner = self.model.bodies[node.body]
                wanted: dict[Ref, Field] = {}
                for port, field in outputs.items():
                    _add(wanted, inner.outputs[port], field)
                return self._body(inner, wanted)
            case Repeat():
                return self._copies(node, outputs, len(node.runs), 0)

    def _copies(self, repeat: Repeat, fields: Fields, run: int, copy: int) -> Fields:
        """What the input of copy number `copy` of a run sees of the repeat's inputs: through all copies before it."""
        found = {port: field for port, field in fields.items() if port != 0}
        flow = fields.get(0)
        for number in reversed(range(min(run + 1, len(repeat.runs)))):
            body = self.model.bodies[repeat.runs[number].body]
            for _ in range(copy if number == run else repeat.runs[number].count):
                if flow is None:
                    return found
                inner = dict(self._body(body, {body.outputs[0]: flow}))
                before, flow = flow, inner.pop(0, None)
                for port, field in inner.items():
                    _add(found, port, field)
                # a fixed point (everything, mostly): further copies read nothing new.
                if flow == before:
                    break
        return found if flow is None else {**found, 0: flow}


def _at(node: Node, fields: Fields) -> dict[Ref, Field]:
    """Fields of a node's inputs as fields of the values that flow into it."""
    found: dict[Ref, Field] = {}
    for port, field in fields.items():
        _add(found, node.inputs[port], field)
    return found


def _add(fields: dict[Key, Field], key: Key, field: Field) -> None:
    fields[key] = _hull((fields[key], field)) if key in fields else field


def _hull(fields: Iterable[Field]) -> Field:
    """The smallest field that has all positions of some."""
    return tuple(_reach_over(column) for column in zip(*fields, strict=True))


def _reach_over(reaches: tuple[Reach, ...]) -> Reach:
    known = [reach for reach in reaches if reach is not None]
    if len(known) < len(reaches):
        return None
    return min(first for first, _ in known), max(last for _, last in known)
