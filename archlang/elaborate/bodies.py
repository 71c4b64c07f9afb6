"""The table of finished bodies: equal ones once, with how much each expands to, and the names they take."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
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
    # by value, places in the text included: items of a loop that change nothing make one body
    ids: dict[Body, BodyId] = field(default_factory=dict[Body, BodyId])
    layers: list[int] = field(default_factory=list[int])
    labels: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    """Labels that one copy of each body puts into the enclosing scope, where it is repeated."""

    def add(self, body: Body) -> BodyId:
        """The number of a body, new or known."""
        if body not in self.ids:
            self.ids[body] = len(self.bodies)
            self.bodies.append(body)
            self.layers.append(sum(self._count(node) for node in body.nodes))
            self.labels.append(tuple(self._labels(body)))
        return self.ids[body]

    def _count(self, node: Node) -> int:
        # numbers of layers are kept per body, so ten million copies are one product
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
        # a body is finished after all that it uses, so ascending numbers put parts before wholes
        order = sorted(used)
        numbers = {old: new for new, old in enumerate(order)}
        return tuple(_renumbered(self.bodies[old], numbers) for old in order)

    # ---- names

    def _labels(self, body: Body) -> Iterator[str]:
        for node in body.nodes:
            match node:
                # no index: a label, not an automatic name
                case Layer(name=Name(base=label, index=None)) | Call(name=Name(base=label, index=None)):
                    yield label
                case Repeat():
                    yield from (label for run in node.runs for label in self.labels[run.body])
                case _:
                    pass

    def name_ranges(self, node: Node) -> Iterator[tuple[str, int, int]]:
        """Automatic names that a node may use, as (base, first index, index behind the last)."""
        if isinstance(node, Repeat):
            for base, start in node.starts:
                # each copy takes as many numbers as its body counted
                taken = (dict(self.bodies[run.body].names).get(base, 0) * run.count for run in node.runs)
                yield base, start, start + sum(taken)
        elif node.name is not None and node.name.index is not None:
            yield node.name.base, node.name.index, node.name.index + 1

    def uses_name(self, node: Node, base: str, index: int) -> bool:
        """Whether a node uses an automatic name; a repeat opens only the copy that would have it."""
        if not isinstance(node, Repeat):
            return node.name == Name(base, index)
        start = dict(node.starts).get(base, 0)
        for run in node.runs:
            body = self.bodies[run.body]
            taken = dict(body.names).get(base, 0)
            if 0 <= index - start < taken * run.count:
                # within the copy that has the name, names count from 0 again
                return any(self.uses_name(inner, base, (index - start) % taken) for inner in body.nodes)
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
        # bodies are shared and frozen: a changed copy is made, other uses keep theirs
        nodes = list(inner.nodes)
        if len(path) > 1:
            found = self.export(node.body, path[1:]) if isinstance(node, Call) else None
            if found is None or not isinstance(node, Call):
                return None
            changed, port, _ = found
            node = nodes[index] = with_body(node, changed, self.bodies[changed])
        ref = Ref(index, port)
        # at the end, so that ports that others read stay what they are
        outputs = inner.outputs if ref in inner.outputs else (*inner.outputs, ref)
        made = replace(inner, nodes=tuple(nodes), outputs=outputs)
        return self.add(made), outputs.index(ref), node.outputs[port]

    def part_names(self, body: BodyId) -> list[str]:
        """Names of the parts of a body, those in repeats left out."""
        nodes = self.bodies[body].nodes
        return [name_text(n.name, {}) for n in nodes if isinstance(n, Layer | Call) and n.name is not None]


def is_empty(body: Body) -> bool:
    """Whether a body does nothing at all: what flows in flows out."""
    return not body.nodes and body.outputs == (Ref(-1),)


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
    alike: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for label in labels:
        # conv1 is ("conv", 0) and 0 is ("", 0), see `name_text`; longer numbers no model of ten million layers reaches
        if match := re.fullmatch(r"([A-Za-z_]*?)(0|[1-9][0-9]{0,8})", label):
            alike[match[1]][int(match[2]) - 1 if match[1] else int(match[2])] = label
    indexes = {base: sorted(by_index) for base, by_index in alike.items()}
    for node in body.nodes:
        for base, start, end in table.name_ranges(node):
            near = indexes.get(base, [])
            # the few labels among the names of a repeat, not its copies one by one
            for index in near[bisect_left(near, start) : bisect_left(near, end)]:
                if table.uses_name(node, base, index):
                    label = alike[base][index]
                    raise diagnosed(DuplicateLabel(label, automatic=True), labels[label])


def take_labels_of_copies(builder: BodyBuilder, table: BodyTable, copies: list[tuple[BodyId, int]], span: Span) -> None:
    """Labels inside a repeat belong to the enclosing scope: each must be there only once."""
    total, own = sum(count for _, count in copies), set[str]()
    for body, count in copies:
        # the label stands once in the text, but each copy would have it: `[a: CONV]*2` has two parts named a
        for label in table.labels[body]:
            if count > 1 or label in own:
                raise diagnosed(RepeatedLabel(label, total), span)
            # the repeat's own label, if it has one, is not what is taken here
            builder.label_span = None
            builder.take_label(label, span)
            own.add(label)
