"""The table of finished bodies: equal ones once, with how much each expands to, and the names they take."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from archlang.elaborate.builder import BodyBuilder
from archlang.elaborate.expressions import diagnosed
from archlang.errors.names import DuplicateLabel, RepeatedLabel
from archlang.ir.graph import Body, BodyId, Call, Layer, Name, Node, Ref, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.walk import name_text
from archlang.source import Span


@dataclass
class BodyTable:
    """All finished bodies, equal ones once, with how many layers and calls each expands to."""

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
        inside = sum(self.layers[body] * count for body, count in _uses(node))
        return inside if isinstance(node, Repeat) else inside + 1

    def reachable(self, root: BodyId) -> tuple[Body, ...]:
        """The bodies that a root uses, itself last, renumbered in the order they were finished."""
        pending, used = [root], {root}
        while pending:
            for node in self.bodies[pending.pop()].nodes:
                fresh = [body for body, _ in _uses(node) if body not in used]
                used.update(fresh)
                pending.extend(fresh)
        order = sorted(used)
        numbers = {old: new for new, old in enumerate(order)}
        return tuple(_renumbered(self.bodies[old], numbers) for old in order)

    # ---- names

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

    # ---- outputs of parts inside

    def export(self, body: BodyId, path: tuple[str, ...]) -> tuple[BodyId, int, Shape] | None:
        """The body with one more output, that of the part at `path`: (its number, which output, the shape).

        None where there is no such part, or only inside a repeat.
        """
        inner = self.bodies[body]
        index = next((i for i, node in enumerate(inner.nodes) if _is_named(node, path[0])), None)
        if index is None:
            return None
        node, port = inner.nodes[index], 0
        nodes = list(inner.nodes)
        if len(path) > 1:
            found = self.export(node.body, path[1:]) if isinstance(node, Call) else None
            if found is None or not isinstance(node, Call):
                return None
            changed, port, _ = found
            node = nodes[index] = with_body(node, changed, self.bodies[changed])
        ref = Ref(index, port)
        outputs = inner.outputs if ref in inner.outputs else (*inner.outputs, ref)
        made = replace(inner, nodes=tuple(nodes), outputs=outputs)
        return self.add(made), outputs.index(ref), node.outputs[port]

    def part_names(self, body: BodyId) -> list[str]:
        """Names of the parts of a body, those in repeats left out."""
        nodes = self.bodies[body].nodes
        return [name_text(n.name, {}) for n in nodes if isinstance(n, Layer | Call) and n.name is not None]


def with_body(call: Call, number: BodyId, body: Body) -> Call:
    """A call of another body in place of its own, with that body's outputs."""
    return replace(call, body=number, outputs=tuple(body.shape_of(ref) for ref in body.outputs))


def _is_named(node: Node, text: str) -> bool:
    return isinstance(node, Layer | Call) and node.name is not None and name_text(node.name, {}) == text


def _uses(node: Node) -> list[tuple[BodyId, int]]:
    """Bodies that a node uses, with how many copies."""
    match node:
        case Layer():
            return []
        case Call():
            return [(node.body, 1)]
        case Repeat():
            return [(run.body, run.count) for run in node.runs]


def _renumbered(body: Body, numbers: dict[BodyId, BodyId]) -> Body:
    return replace(body, nodes=tuple(_renumbered_node(node, numbers) for node in body.nodes))


def _renumbered_node(node: Node, numbers: dict[BodyId, BodyId]) -> Node:
    match node:
        case Layer():
            return node
        case Call():
            return replace(node, body=numbers[node.body])
        case Repeat():
            return replace(node, runs=tuple(replace(run, body=numbers[run.body]) for run in node.runs))


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
