"""Bodies under construction: the chain so far, and the names its layers take."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from archlang.elaborate.expressions import diagnosed
from archlang.errors.names import DuplicateLabel, RepeatedLabel
from archlang.ir.graph import Argument, Body, BodyId, Call, Layer, Name, Node, Origin, Ref, Repeat
from archlang.ir.ops.base import Shape
from archlang.source import Span


class Flow(Enum):
    """What flows where there is no shape: nothing yet, or something unknown behind an error."""

    NOTHING = "nothing"
    UNKNOWN = "unknown"


Naming = Literal["kinds", "numbers"]
"""How unlabelled layers are named: conv1, fc2 at the top of a model; 0, 1, 2 in labelled groups and blocks."""


@dataclass
class BodyBuilder:
    """A chain being elaborated: nodes so far, what flows out of the last, names taken."""

    naming: Naming
    flow: Shape | Flow
    inputs: tuple[Shape, ...] = ()
    input_names: tuple[str, ...] = ()
    nodes: list[Node] = field(default_factory=list[Node])
    last: Ref = field(default_factory=lambda: Ref(-1))
    counters: dict[str, int] = field(default_factory=dict[str, int])
    labels: dict[str, Span] = field(default_factory=dict[str, Span])

    def __post_init__(self) -> None:
        if isinstance(self.flow, tuple):
            self.inputs = (self.flow,)

    @property
    def shape(self) -> Shape | None:
        """The shape that flows, where there is one."""
        return self.flow if isinstance(self.flow, tuple) else None

    def feed(self, shape: Shape, name: str = "input") -> None:
        """Begin with an input."""
        self.inputs, self.input_names, self.flow = (shape,), (name,), shape

    def add(self, node: Node) -> None:
        """Append a node that reads what flows; its output flows on."""
        self.nodes.append(node)
        self.last = Ref(len(self.nodes) - 1)
        self.flow = node.outputs[0]

    def name(self, kind: str, label: str | None, span: Span) -> Name:
        """The name of a layer or call: its label, or the next number of its kind."""
        base = kind if self.naming == "kinds" else ""
        if label is not None:
            self.take_label(label, span)
            if self.naming == "kinds":
                self.counters[base] = self.counters.get(base, 0) + 1
            return Name(label)
        index = self.counters.get(base, 0)
        self.counters[base] = index + 1
        return Name(base, index)

    def take_label(self, label: str, span: Span) -> None:
        """Mark a label as used in this scope."""
        if label in self.labels:
            raise diagnosed(DuplicateLabel(label), span)
        self.labels[label] = span

    def starts_behind(self, body: Body, count: int) -> tuple[tuple[str, int], ...]:
        """Where automatic names of `count` copies of a body start; advances behind them."""
        starts = tuple((base, self.counters.get(base, 0)) for base, _ in body.names)
        for base, taken in body.names:
            self.counters[base] = self.counters.get(base, 0) + taken * count
        return starts

    def finish(self, definition: str | None, arguments: tuple[Argument, ...], origin: Origin) -> Body:
        """The frozen body."""
        return Body(
            definition=definition,
            arguments=arguments,
            inputs=self.inputs,
            nodes=tuple(self.nodes),
            outputs=(self.last,),
            names=tuple(sorted(self.counters.items())),
            origin=origin,
        )


@dataclass
class BodyTable:
    """All finished bodies, equal ones once, with how many layers each expands to."""

    bodies: list[Body] = field(default_factory=list[Body])
    ids: dict[Body, BodyId] = field(default_factory=dict[Body, BodyId])
    layers: list[int] = field(default_factory=list[int])

    def add(self, body: Body) -> BodyId:
        """The number of a body, new or known."""
        if body not in self.ids:
            self.ids[body] = len(self.bodies)
            self.bodies.append(body)
            self.layers.append(sum(self._count(node) for node in body.nodes))
        return self.ids[body]

    def _count(self, node: Node) -> int:
        match node:
            case Layer():
                return 1
            case Call():
                return self.layers[node.body]
            case Repeat():
                return sum(self.layers[run.body] * run.count for run in node.runs)

    def reachable(self, root: BodyId) -> tuple[Body, ...]:
        """The bodies that a root uses, itself last, renumbered in the order they were finished."""
        pending, used = [root], {root}
        while pending:
            for node in self.bodies[pending.pop()].nodes:
                fresh = [b for b in _bodies_of(node) if b not in used]
                used.update(fresh)
                pending.extend(fresh)
        order = sorted(used)
        numbers = {old: new for new, old in enumerate(order)}
        return tuple(_renumbered(self.bodies[old], numbers) for old in order)

    def labels(self, body: BodyId) -> list[str]:
        """Labels that one copy of a repeated body puts into the enclosing scope."""
        found: list[str] = []
        for node in self.bodies[body].nodes:
            match node:
                case Layer(name=Name(base=label, index=None)) | Call(name=Name(base=label, index=None)):
                    found.append(label)
                case Repeat():
                    found.extend(label for run in node.runs for label in self.labels(run.body))
                case _:
                    pass
        return found

    def uses_name(self, body: Body, base: str, index: int) -> bool:
        """Whether an automatic name is used in a scope, inside its repeats too."""
        return any(self._node_uses(node, base, index) for node in body.nodes)

    def _node_uses(self, node: Node, base: str, index: int) -> bool:
        if not isinstance(node, Repeat):
            return node.name == Name(base, index)
        start = dict(node.starts).get(base, 0)
        for run in node.runs:
            body = self.bodies[run.body]
            taken = dict(body.names).get(base, 0)
            if 0 <= index - start < taken * run.count:
                return self.uses_name(body, base, (index - start) % taken)
            start += taken * run.count
        return False


def _bodies_of(node: Node) -> list[BodyId]:
    match node:
        case Layer():
            return []
        case Call():
            return [node.body]
        case Repeat():
            return [run.body for run in node.runs]


def _renumbered(body: Body, numbers: dict[BodyId, BodyId]) -> Body:
    from dataclasses import replace

    nodes: list[Node] = []
    for node in body.nodes:
        match node:
            case Layer():
                nodes.append(node)
            case Call():
                nodes.append(replace(node, body=numbers[node.body]))
            case Repeat():
                nodes.append(replace(node, runs=tuple(replace(run, body=numbers[run.body]) for run in node.runs)))
    return replace(body, nodes=tuple(nodes))


def check_scope_names(table: BodyTable, body: Body, labels: dict[str, Span]) -> None:
    """Raise if a label is also the automatic name of an unlabelled layer of the same scope."""
    for label, span in labels.items():
        match = re.fullmatch(r"([A-Za-z_]*?)(\d{1,9})", label)
        if match is None:
            continue
        index = int(match[2]) - 1 if match[1] else int(match[2])
        if str(int(match[2])) == match[2] and table.uses_name(body, match[1], index):
            raise diagnosed(DuplicateLabel(label), span)


def take_labels_of_copies(builder: BodyBuilder, labels: list[str], count: int, span: Span) -> None:
    """Labels inside a repeat belong to the enclosing scope: each must be there only once."""
    for label in labels:
        if count > 1 or label in builder.labels:
            raise diagnosed(RepeatedLabel(label, max(count, 2)), span)
        builder.labels[label] = span
