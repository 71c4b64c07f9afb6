"""Which inputs of a model are indices, whole numbers that an embedding looks up, and not real numbers."""

from __future__ import annotations

from archlang.ir.graph import Body, Call, Layer, Model, Node, Ref, Repeat


def index_inputs(model: Model) -> tuple[bool, ...]:
    """For each input whether something reads it as indices. Visits each body once."""
    ports: list[frozenset[int]] = []
    for body in model.bodies:
        ports.append(_index_ports(body, ports))
    return tuple(number in ports[-1] for number in range(len(model.inputs)))


def _index_ports(body: Body, ports: list[frozenset[int]]) -> frozenset[int]:
    """Inputs of a body that flow into a layer of indices, through layers that only move numbers about."""
    wanted: set[Ref] = set()
    # backwards: whether the output of a reshape is indices is known before its input is asked about.
    for index in reversed(range(len(body.nodes))):
        node = body.nodes[index]
        moves = isinstance(node, Layer) and node.op.family == "shape"
        if moves and any(ref.node == index for ref in wanted):
            wanted.update(node.inputs)
        wanted.update(node.inputs[port] for port in _read_as_indices(node, ports))
    return frozenset(ref.port for ref in wanted if ref.node == -1)


def _read_as_indices(node: Node, ports: list[frozenset[int]]) -> frozenset[int]:
    match node:
        case Layer():
            return frozenset(range(len(node.inputs)) if node.op.integer_input else ())
        case Call():
            return ports[node.body]
        case Repeat():
            # input 0 of the later runs is what the run before gives, and no input of the repeat.
            first = ports[node.runs[0].body] if node.runs else frozenset[int]()
            further = (port for run in node.runs for port in ports[run.body] if port)
            return first | frozenset(further)
