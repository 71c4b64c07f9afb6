"""A model as a picture: boxes, clusters and edges, in no format and no colour. `graphviz.py` and others write it.

Copies that look alike are drawn once, in a cluster that says how many there are; `folding.py` finds them. An edge in
such a cluster shows the shape in the first copy and, where it differs, in the last.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from archlang.backends.folding import Drawn, Group, Views, Wire, definition_text, label_text
from archlang.errors.words import plural, shape_text
from archlang.ir.graph import BodyId, Call, Layer, Model, Node, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.walk import Starts, fold_totals, name_text
from archlang.records import record

MAX_BOXES = 1000
"""More than anyone reads, yet laid out in a second. Beyond it the inner parts are drawn as one box each."""

MAX_DEPTH = 30
"""Levels of frames, beyond which parts are drawn as one box each, too; frames this deep leave no room for text."""


@record
class Box:
    """A layer, an input, an output, or a part that is not drawn in full (family `folded`).

    `id` is the path of the layer or scope, of its first copy; what has no path has an id that begins with a dot.
    `label` is the name that the author gave.
    """

    id: str
    title: str
    detail: str
    family: str
    label: str = ""


@record
class Cluster:
    """A frame around boxes: a scope (`name`; `definition` for a block and its arguments), `count` copies, or both."""

    id: str
    items: tuple[Item, ...]
    name: str = ""
    definition: str = ""
    count: int = 1


Item = Box | Cluster


@record
class Edge:
    """A value between two boxes: its shape as sent, as read (another where the compiler flattens it on the way), and as
    sent in the last of the copies that are drawn as one."""

    source: str
    target: str
    shape: Shape
    read_as: Shape
    last: Shape

    @property
    def text(self) -> str:
        """`64x55x55`, `256x6x6 -> 9216`, or from the first copy to the last `32x16x16 ... 32x4x4`."""
        text = shape_text(self.shape)
        if self.read_as != self.shape:
            return f"{text} -> {shape_text(self.read_as)}"
        return text if self.last == self.shape else f"{text} ... {shape_text(self.last)}"


@record
class Diagram:
    """The whole picture; items and edges stand in execution order."""

    name: str
    items: tuple[Item, ...]
    edges: tuple[Edge, ...]


def draw(model: Model) -> Diagram:
    """The picture of a model, repeats folded."""
    drawing = _Drawing(model)
    root = len(model.bodies) - 1
    inputs = [Box(f".input.{i.name}", i.name, shape_text(i.shape), "input") for i in model.inputs]
    sources = tuple(_Source(box.id, i.shape, i.shape) for box, i in zip(inputs, model.inputs, strict=True))
    items, ends = drawing.draw_body(_Part(root, root, "", {}, sources, drawing.fitting_depth()))
    outputs: list[Box] = []
    for number, (end, out) in enumerate(zip(ends, model.outputs, strict=True)):
        title = f"{out.name} (in training)" if out.training else out.name
        outputs.append(Box(f".output.{number}", title, shape_text(out.shape), "output"))
        drawing.edges.append(Edge(end, outputs[-1].id, out.shape, out.shape, out.shape))
    return Diagram(model.name, (*inputs, *items, *outputs), tuple(drawing.edges))


@record
class _Source:
    """The box that a value comes from, with its shape in the first and in the last of the copies drawn as one."""

    box: str
    shape: Shape
    last: Shape


@record
class _Part:
    """A body to draw, with the one its last copy has, and its place. `depth` is how many levels of it are drawn."""

    first: BodyId
    last: BodyId
    prefix: str
    starts: Starts
    sources: tuple[_Source, ...]
    depth: int
    copied: bool = False


Ends = tuple[str, ...]
"""The boxes behind the outputs of a node."""


class _Drawing:
    """Draws bodies as items, and gathers the edges."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.views = Views(model)
        self.edges: list[Edge] = []

    @cached_property
    def layers(self) -> list[int]:
        """How many layers each body holds."""
        return [totals.layers for totals in fold_totals(self.model)]

    def fitting_depth(self) -> int:
        """How many levels of scopes and repeats to draw; the first row is drawn whatever its length."""
        sizes = [len(self.views[body].nodes) for body in range(len(self.model.bodies))]
        for depth in range(MAX_DEPTH):
            deeper = self._sizes(sizes)
            if deeper[-1] > MAX_BOXES:
                return depth
            if deeper == sizes:
                break
            sizes = deeper
        return MAX_DEPTH

    def _sizes(self, inner: list[int]) -> list[int]:
        """Boxes of each body when its scopes and repeats are drawn with the boxes of `inner`."""

        def size(node: Node) -> int:
            match node:
                case Layer():
                    return 1
                case Call():
                    return inner[node.body]
                case Repeat():
                    return sum(inner[group.first] for group in self.views.groups(node, {}))

        return [sum(size(drawn.node) for drawn in self.views[body].nodes) for body in range(len(inner))]

    def draw_body(self, part: _Part) -> tuple[list[Item], Ends]:
        """The items of a body and the boxes behind its outputs."""
        view, late = self.views[part.first], self.views[part.last]
        items: list[Item] = []
        ends: list[Ends] = []

        def source(wire: Wire, last: Wire) -> _Source:
            if wire.ref.node < 0:
                return part.sources[wire.ref.port]
            return _Source(ends[wire.ref.node][wire.ref.port], wire.sent, last.sent)

        for drawn, last in zip(view.nodes, late.nodes, strict=True):
            sources = tuple(source(*wires) for wires in zip(drawn.inputs, last.inputs, strict=True))
            new, boxes = self._draw_node(drawn, last.node, replace(part, sources=sources))
            items += new
            ends.append(boxes)
        return items, tuple(source(*wires).box for wires in zip(view.outputs, late.outputs, strict=True))

    def _draw_node(self, drawn: Drawn, last: Node, part: _Part) -> tuple[list[Item], Ends]:
        """The items of a node whose inputs come from `part.sources`, and the boxes behind its outputs."""
        match drawn.node, last:
            case Call() as call, Call() if part.depth > 0:
                return self._draw_call(call, last, part)
            case Repeat() as repeat, Repeat() if part.depth > 0:
                return self._draw_repeat(repeat, last, part)
            case node, _:
                box = self._box(node, part)
                for wire, source in zip(drawn.inputs, part.sources, strict=True):
                    read_as = source.shape if wire.read == wire.sent else wire.read
                    self.edges.append(Edge(source.box, box.id, source.shape, read_as, source.last))
                return [box], (box.id,) * len(node.outputs)

    def _box(self, node: Node, part: _Part) -> Box:
        match node:
            case Layer():
                return Box(_path(node, part), node.op.torch_class, node.op.summary, node.op.family, label_text(node))
            case Call():
                title = label_text(node) or definition_text(self.model.bodies[node.body]) or _path(node, part)
                return Box(_path(node, part), title, plural(self.layers[node.body], "layer"), "folded")
            case Repeat():
                layers = sum(self.layers[run.body] * run.count for run in node.runs)
                return Box(f".part.{len(self.edges)}", f"x{node.count:,}", plural(layers, "layer"), "folded")

    def _draw_call(self, call: Call, last: Call, part: _Part) -> tuple[list[Item], Ends]:
        path = _path(call, part)
        inner = _Part(call.body, last.body, f"{path}.", {}, part.sources, part.depth - 1)
        items, ends = self.draw_body(inner)
        definition = definition_text(self.model.bodies[call.body])
        name = label_text(call) or ("" if definition or part.copied else name_text(call.name, part.starts))
        return [_frame(Cluster(path, tuple(items), name, definition))], ends

    def _draw_repeat(self, repeat: Repeat, last: Repeat, part: _Part) -> tuple[list[Item], Ends]:
        items: list[Item] = []
        sources, ends = part.sources, ()
        lasts = self.views.groups(last, {})
        for group, late in zip(self.views.groups(repeat, part.starts), lasts, strict=True):
            new, ends = self._draw_group(group, late, replace(part, sources=sources))
            items += new
            shapes = zip(ends, self._outputs(group.last), self._outputs(late.last), strict=True)
            sources = tuple(_Source(*source) for source in shapes)
        return items, ends

    def _outputs(self, number: BodyId) -> tuple[Shape, ...]:
        body = self.model.bodies[number]
        return tuple(body.shape_of(ref) for ref in body.outputs)

    def _draw_group(self, group: Group, last: Group, part: _Part) -> tuple[list[Item], Ends]:
        """The items of copies that look alike: in one frame, or in none if there is a single copy."""
        copied = group.count > 1
        inner = _Part(group.first, last.last, part.prefix, group.starts, part.sources, part.depth - 1, copied)
        items, ends = self.draw_body(inner)
        if not copied:
            return items, ends
        return [_frame(Cluster(f"{items[0].id}*{group.count}", tuple(items), count=group.count))], ends


def _path(node: Layer | Call, part: _Part) -> str:
    return part.prefix + (name_text(node.name, part.starts) if node.name else "")


def _frame(outer: Cluster) -> Cluster:
    """A frame, and the only frame in it as one with it where that reads as written: `layer1: unit(64) x3`."""
    match outer.items:
        case (Cluster(name="") as inner,) if not outer.definition and 1 in (outer.count, inner.count):
            return replace(inner, id=outer.id, name=outer.name, count=outer.count * inner.count)
        case _:
            return outer
