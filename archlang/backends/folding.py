"""What of each body is drawn, and which bodies look alike: the folding behind `drawing.py`, without boxes and edges.

Two bodies look alike when they differ in nothing but shapes and what goes on from copy to copy: numbers in labels,
arguments of their blocks, probabilities of dropping. Everything here costs what was written: a body is looked at once,
however often it occurs.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterator
from dataclasses import replace
from itertools import groupby

from archlang.backends.branches import Branches, find_branches
from archlang.errors.words import shape_text, value_text
from archlang.ir.graph import Argument, Body, BodyId, Call, Layer, Model, Node, Ref, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.partial import Failure, PartialBody
from archlang.ir.walk import Starts, copies
from archlang.records import record

MERGING = frozenset({"conv", "linear"})
"""Families that others are merged into."""

MERGED = frozenset({"norm", "activation"})


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
    """A node that is drawn, with its inputs, its number in the body, and the layers merged into it."""

    node: Node
    inputs: tuple[Wire, ...]
    index: int
    merged: tuple[Layer, ...] = ()


@record
class Failed:
    """A stage that gave nothing, with what was to flow into it."""

    failure: Failure
    inputs: tuple[Wire, ...]


@record
class View:
    """A body without what is not drawn. `look` is equal for bodies that look alike, `kind` for those that differ in
    numbers at most: one picture serves to explain them. `failed` are the stages of a partial body that gave nothing,
    `branches` those that look alike."""

    nodes: tuple[Drawn, ...]
    outputs: tuple[Wire, ...]
    look: int
    kind: int
    failed: tuple[Failed, ...] = ()
    branches: tuple[Branches, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.nodes and not self.failed


@record
class Group:
    """Successive copies of a repeat that look alike: the first's body and the last's, how many, and where the numbers
    of the first start."""

    first: BodyId
    last: BodyId
    count: int
    starts: Starts


class Views:
    """The views of all bodies of a model, by their numbers. `merge` draws normalisation and activation into the
    convolution or linear layer before them."""

    def __init__(self, model: Model, merge: bool = False) -> None:
        self._model = model
        self._merge = merge
        self._looks: dict[object, int] = {}
        # bodies stand before those that call them: the views inside are there already
        self._views: list[View] = []
        for body in model.bodies:
            self._views.append(self._view(body))

    def __getitem__(self, body: BodyId) -> View:
        return self._views[body]

    def _view(self, body: Body) -> View:
        sources: list[tuple[tuple[Ref, Shape], ...]] = []
        drawn: list[Drawn] = []
        hosts = _hosts(body) if self._merge else {}
        places: dict[int, int] = {}

        def wire(ref: Ref) -> Wire:
            shape = body.shape_of(ref)
            # through what is not drawn to what is: the shape there may be another, as before a flattening
            source, sent = (ref, shape) if ref.node < 0 else sources[ref.node][ref.port]
            return Wire(source, sent, shape)

        for index, node in enumerate(body.nodes):
            inputs = tuple(wire(ref) for ref in node.inputs)
            passed = self._passed(node)
            if passed is not None:
                sources.append(tuple((inputs[port].ref, inputs[port].sent) for port in passed))
                continue
            if index in hosts and isinstance(node, Layer):
                place = places[hosts[index]]
                drawn[place] = replace(drawn[place], merged=(*drawn[place].merged, node))
            else:
                place = places[index] = len(drawn)
                drawn.append(Drawn(node, inputs, index))
            sources.append(tuple((Ref(place, port), shape) for port, shape in enumerate(node.outputs)))
        failures = body.failures if isinstance(body, PartialBody) else ()
        failed = tuple(Failed(failure, tuple(wire(ref) for ref in failure.inputs)) for failure in failures)
        finished = self._finished(drawn, tuple(wire(ref) for ref in body.outputs), failed)
        return replace(finished, branches=self._branches(finished, body.training))

    def _finished(self, drawn: list[Drawn], outputs: tuple[Wire, ...], failed: tuple[Failed, ...]) -> View:
        ends = (*(end.ref for end in outputs), *failed)
        look = ("look", tuple(self._face(one) for one in drawn), ends)
        kind = ("kind", tuple(self._build(one) for one in drawn), ends)
        # equal looks get equal numbers, so that a body is compared by one number however deep it is
        look, kind = (self._looks.setdefault(seen, len(self._looks)) for seen in (look, kind))
        return View(tuple(drawn), outputs, look, kind, failed)

    def _branches(self, view: View, training: Container[int]) -> tuple[Branches, ...]:
        """What stands side by side and looks alike; which part of a value a branch takes may differ."""
        nodes = [(drawn.node, tuple(wire.ref for wire in drawn.inputs)) for drawn in view.nodes]
        ends = [wire.ref for wires in (view.outputs, *(one.inputs for one in view.failed)) for wire in wires]

        def face(place: int) -> object:
            drawn = view.nodes[place]
            node, late = drawn.node, drawn.index in training
            if isinstance(node, Layer) and node.op.family == "shape":
                return late, label_look(node), node.op.torch_class
            # inputs come from other nodes in each branch; what whole branches read, `find_branches` compares itself
            return late, self._face(replace(drawn, inputs=()))

        return find_branches(nodes, ends, face)

    def _passed(self, node: Node) -> tuple[int, ...] | None:
        """For a node that is not drawn, the input that stands behind each output; None for one that is."""
        match node:
            case Layer():
                # what the compiler put in has no name: the flattening before FC
                return (0,) if node.name is None else None
            case Call():
                view = self[node.body]
                return None if not view.is_empty else tuple(end.ref.port for end in view.outputs)
            case Repeat():
                return None if any(self.groups(node, {})) else tuple(range(len(node.inputs)))

    def _face(self, drawn: Drawn) -> object:
        """What one sees of a node, where its inputs come from included."""
        refs = tuple(wire.ref for wire in drawn.inputs)
        match drawn.node:
            case Layer() as layer:
                return refs, label_look(layer), layer.shared, tuple(_layer_look(one) for one in (layer, *drawn.merged))
            case Call() as call:
                definition = self._model.bodies[call.body].definition
                return refs, label_look(call), call.shared, definition, self[call.body].look
            case Repeat() as repeat:
                return refs, *((self[group.first].look, group.count) for group in self.groups(repeat, {}))

    def _build(self, drawn: Drawn) -> object:
        """What a node is, its numbers left out."""
        refs = tuple(wire.ref for wire in drawn.inputs)
        match drawn.node:
            case Layer() as layer:
                return refs, tuple(_layer_kind(one) for one in (layer, *drawn.merged))
            case Call() as call:
                return refs, self._model.bodies[call.body].definition, self[call.body].kind
            case Repeat() as repeat:
                return refs, *((self[group.first].kind, group.count > 1) for group in self.groups(repeat, {}))

    def groups(self, repeat: Repeat, starts: Starts) -> Iterator[Group]:
        """The copies of a repeat that have anything to draw, taken together where they look alike.

        All of them, if all look alike; otherwise those in a row that end in the same shape too, so that the stages of a
        comprehension, each at its own size, stay apart.
        """
        runs = [run for run in copies(self._model, repeat, starts) if run[1] and not self[run[0]].is_empty]
        alike = len({self[body].look for body, _, _ in runs}) == 1

        def key(run: tuple[BodyId, int, Starts]) -> object:
            body = self._model.bodies[run[0]]
            # one key for all, or neighbours that look alike and leave the same shape
            return alike or (self[run[0]].look, tuple(body.shape_of(ref) for ref in body.outputs))

        for _, same in groupby(runs, key):
            members = list(same)
            first, _, offsets = members[0]
            yield Group(first, members[-1][0], sum(count for _, count, _ in members), offsets)


def _hosts(body: Body) -> dict[int, int]:
    """For each layer that is merged into another, that other: what is normalised or activated, and read by nobody else.

    Layers with shared weights, and those that run in training only, stay by themselves.
    """
    readers = Counter([*(ref for node in body.nodes for ref in node.inputs), *body.outputs])
    hosts: dict[int, int] = {}
    for index, node in enumerate(body.nodes):
        if len(node.inputs) != 1 or readers[node.inputs[0]] > 1 or not _is_plain(body, index, MERGED):
            continue
        before = node.inputs[0].node
        # conv -> norm -> relu: where the norm went, the activation goes, too
        host = hosts.get(before, before)
        if before in hosts or (host >= 0 and _is_plain(body, host, MERGING)):
            hosts[index] = host
    return hosts


def _is_plain(body: Body, index: int, families: frozenset[str]) -> bool:
    node = body.nodes[index]
    if not isinstance(node, Layer) or node.name is None or node.shared:
        return False
    return index not in body.training and node.op.family in families


def _layer_look(layer: Layer) -> object:
    """What one sees of a layer; how much it drops often goes on from copy to copy."""
    op = layer.op
    return op.torch_class, op.family, "" if op.family == "regularisation" else op.summary


def _layer_kind(layer: Layer) -> str:
    """What a layer is; one activation is as good as another to explain a block."""
    return "activation" if layer.op.family == "activation" else layer.op.torch_class


def label_text(node: Layer | Call) -> str:
    """The name that the author gave a node; empty for one that was numbered."""
    return node.name.base if node.name and node.name.index is None else ""


def label_look(node: Layer | Call) -> str:
    """The name without its numbers, which count copies."""
    return re.sub(r"\d+", "#", label_text(node))


def telling_arguments(model: Model) -> dict[str, frozenset[str]]:
    """For each block, the parameters that are worth showing: that differ between its uses, if there are several."""
    values: defaultdict[str, defaultdict[str, list[object]]] = defaultdict(lambda: defaultdict(list))
    for body in model.bodies:
        for argument in body.arguments:
            values[body.definition or ""][argument.name].append(argument.value)
    # a single use has nothing to differ from, and shows all that it was called with
    return {
        definition: frozenset(
            name for name, given in named.items() if len(given) == 1 or given.count(given[0]) < len(given)
        )
        for definition, named in values.items()
    }


def arguments_text(body: Body, last: Body, telling: Container[str]) -> str:
    """What the block or model that a body came from was called with: `c=64, stride=2`; empty for a group.

    Arguments that were left at their defaults are left out; one that another has in the `last` copy shows both.
    """
    later = {argument.name: argument.value for argument in last.arguments}
    told = [known for known in body.arguments if known.name in telling]
    told = [known for known in told if not known.default or known.value != later[known.name]]
    return ", ".join(_argument_text(argument, later) for argument in told)


def _argument_text(argument: Argument, later: dict[str, object]) -> str:
    return f"{argument.name}={between(size_text(argument.value), size_text(later[argument.name]))}"


def size_text(value: object) -> str:
    """A value as one writes it in a file, kernels as `3x3`."""
    match value:
        case float():
            return f"{value:.4g}"
        case tuple() if len(value) > 1 and all(type(item) is int for item in value):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            return shape_text(value)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return value_text(value)


def between(first: str, last: str) -> str:
    """A text, or from the first copy's to the last's: `0 ... 0.1`."""
    return first if first == last else f"{first} ... {last}"
