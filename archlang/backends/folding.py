"""What of each body is drawn, and which bodies look alike: the folding behind `diagram.py`, without boxes and edges.

Two bodies look alike when they differ in nothing but shapes. Everything here costs what was written: a body is looked
at once, however often it occurs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from archlang.errors.words import value_text
from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Node, Ref, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.walk import Starts, copies
from archlang.records import record


@record
class Wire:
    """A value that is read: where it comes from among the drawn nodes, its shape there, and its shape as read.

    The two shapes differ where the compiler put a layer in between.
    """

    ref: Ref
    sent: Shape
    read: Shape


@record
class Drawn:
    """A node that is drawn, with its inputs."""

    node: Node
    inputs: tuple[Wire, ...]


@record
class View:
    """A body without what is not drawn. `look` is equal for bodies that look alike."""

    nodes: tuple[Drawn, ...]
    outputs: tuple[Wire, ...]
    look: int


@record
class Group:
    """Successive copies of a repeat that look alike: the first's body and the last's, and where its numbers start."""

    first: BodyId
    last: BodyId
    count: int
    starts: Starts


class Views:
    """The views of all bodies of a model, by their numbers."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._looks: dict[object, int] = {}
        self._views: list[View] = []
        for body in model.bodies:
            self._views.append(self._view(body))

    def __getitem__(self, body: BodyId) -> View:
        return self._views[body]

    def _view(self, body: Body) -> View:
        sources: list[tuple[tuple[Ref, Shape], ...]] = []
        drawn: list[Drawn] = []

        def wire(ref: Ref) -> Wire:
            shape = body.shape_of(ref)
            source, sent = (ref, shape) if ref.node < 0 else sources[ref.node][ref.port]
            return Wire(source, sent, shape)

        for node in body.nodes:
            inputs = tuple(wire(ref) for ref in node.inputs)
            passed = self._passed(node)
            if passed is None:
                sources.append(tuple((Ref(len(drawn), port), shape) for port, shape in enumerate(node.outputs)))
                drawn.append(Drawn(node, inputs))
            else:
                sources.append(tuple((inputs[port].ref, inputs[port].sent) for port in passed))
        outputs = tuple(wire(ref) for ref in body.outputs)
        look = (tuple(self._face(one) for one in drawn), tuple(end.ref for end in outputs))
        return View(tuple(drawn), outputs, self._looks.setdefault(look, len(self._looks)))

    def _passed(self, node: Node) -> tuple[int, ...] | None:
        """For a node that is not drawn, the input that stands behind each output; None for one that is."""
        match node:
            case Layer():
                return (0,) if node.name is None else None
            case Call():
                view = self[node.body]
                return None if view.nodes else tuple(end.ref.port for end in view.outputs)
            case Repeat():
                return None if any(self.groups(node, {})) else tuple(range(len(node.inputs)))

    def _face(self, drawn: Drawn) -> object:
        """What one sees of a node, where its inputs come from included."""
        refs = tuple(wire.ref for wire in drawn.inputs)
        match drawn.node:
            case Layer() as layer:
                return refs, label_text(layer), layer.op.torch_class, layer.op.summary, layer.op.family
            case Call() as call:
                return refs, label_text(call), definition_text(self._model.bodies[call.body]), self[call.body].look
            case Repeat() as repeat:
                return refs, *((self[group.first].look, group.count) for group in self.groups(repeat, {}))

    def groups(self, repeat: Repeat, starts: Starts) -> Iterator[Group]:
        """The copies of a repeat that have anything to draw, taken together where they look alike.

        All of them, if all look alike; otherwise those in a row that end in the same shape too, so that the stages of a
        comprehension, each at its own size, stay apart.
        """
        runs = [run for run in copies(self._model, repeat, starts) if run[1] and self[run[0]].nodes]
        alike = len({self[body].look for body, _, _ in runs}) == 1

        def key(run: tuple[BodyId, int, Starts]) -> object:
            body = self._model.bodies[run[0]]
            return alike or (self[run[0]].look, tuple(body.shape_of(ref) for ref in body.outputs))

        for _, same in groupby(runs, key):
            members = list(same)
            first, _, offsets = members[0]
            yield Group(first, members[-1][0], sum(count for _, count, _ in members), offsets)


def label_text(node: Layer | Call) -> str:
    """The name that the author gave a node; empty for one that was numbered."""
    return node.name.base if node.name and node.name.index is None else ""


def definition_text(body: Body) -> str:
    """The block or model that a body came from, as it was called: `double(64)`; empty for a group."""
    arguments = ", ".join(value_text(argument.value) for argument in body.arguments)
    return f"{body.definition}({arguments})" if arguments else body.definition or ""
