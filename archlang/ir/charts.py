"""What each value of a model sees of its inputs, as courses: worked out once for each body, so that the cost grows with
what is written and not with what it expands to. Knows nothing of what layers read: `courses.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.ir.courses import Sights, identity, of_layer, through
from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Node, Ref, Repeat
from archlang.ir.paths import Place
from archlang.ir.walk import input_shapes


class Charts:
    """The courses of all values of a model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._bodies: list[list[tuple[Sights, ...]]] = []
        # bodies stand before those that use them, so each finds its parts finished.
        for body in model.bodies:
            self._bodies.append(self._of_body(body))

    def of(self, place: Place, ref: Ref) -> Sights:
        """What a value of the body that a part stands in sees of each of the model's inputs, by their number."""
        seen = self._value(place.body, self._bodies[place.steps[-1].body], ref)
        # from the innermost body outwards: what is seen of a body's inputs is carried on to the values that make them.
        for step in reversed(place.steps[:-1]):
            outer = self.model.bodies[step.body]
            node = outer.nodes[step.index]
            # a repeat's input reaches copy 0 alone; a later copy sees it through all before it.
            if isinstance(node, Repeat):
                seen = through(seen, self._wired(node, self._before(node, step.run, step.copy)))
            seen = through(seen, self._flowing_in(outer, self._bodies[step.body], node))
        return seen

    def _of_body(self, body: Body) -> list[tuple[Sights, ...]]:
        """What each output of each node sees of the body's inputs."""
        nodes: list[tuple[Sights, ...]] = []
        for node in body.nodes:
            middle = self._flowing_in(body, nodes, node)
            nodes.append(tuple(through(seen, middle) for seen in self._of_node(body, node)))
        return nodes

    def _value(self, body: Body, nodes: Sequence[tuple[Sights, ...]], ref: Ref) -> Sights:
        return {ref.port: identity(len(body.inputs[ref.port]))} if ref.node < 0 else nodes[ref.node][ref.port]

    def _flowing_in(self, body: Body, nodes: Sequence[tuple[Sights, ...]], node: Node) -> Mapping[int, Sights]:
        return {port: self._value(body, nodes, ref) for port, ref in enumerate(node.inputs)}

    def _of_node(self, body: Body, node: Node) -> Sequence[Sights]:
        """What each output of a node sees of its inputs."""
        match node:
            case Layer():
                shapes = input_shapes(body, node)
                return [dict(enumerate(of_layer(node.op, shapes, shape))) for shape in node.outputs]
            case Call():
                return [self._output(node.body, port) for port in range(len(node.outputs))]
            # run number len(runs) would be the one behind the last: what flows into it is what flows out.
            case Repeat():
                return [self._before(node, len(node.runs), 0)] if node.outputs else []

    def _output(self, number: BodyId, port: int) -> Sights:
        body = self.model.bodies[number]
        return self._value(body, self._bodies[number], body.outputs[port])

    def _wired(self, repeat: Repeat, flow: Sights) -> Mapping[int, Sights]:
        """The inputs of a copy that `flow` flows into: the labels among them are those of the repeat."""
        labels = {
            port: {port: identity(len(shape))}
            for port, shape in enumerate(self.model.bodies[repeat.runs[0].body].inputs)
        }
        # labels of outer scopes reach each copy as they are; only input 0 goes from copy to copy.
        return {**labels, 0: flow}

    def _before(self, repeat: Repeat, run: int, copy: int) -> Sights:
        """What the first input of copy number `copy` of a run sees of the repeat's inputs: through all before it."""
        seen: Sights = {0: identity(len(self.model.bodies[repeat.runs[0].body].inputs[0]))}
        for number, each in enumerate(repeat.runs[: run + 1]):
            copies = self._copies(repeat, each.body, copy if number == run else each.count)
            seen = through(copies, self._wired(repeat, seen))
        return seen

    def _copies(self, repeat: Repeat, body: BodyId, count: int) -> Sights:
        """What flows out of so many copies of a body sees of the inputs of the first: by doubling."""
        seen: Sights = {0: identity(len(self.model.bodies[body].inputs[0]))}
        one = self._output(body, 0) if count else seen  # a body with errors has no output
        while count:
            if count % 2:
                seen = through(one, self._wired(repeat, seen))
            # `one` stands for 1, 2, 4, ... copies: a thousand cost ten doublings.
            one, count = through(one, self._wired(repeat, one)), count // 2
        return seen
