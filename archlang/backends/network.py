"""The flat view of a model as a networkx graph, for analysis: one node for each copy of a layer, edges with shapes."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from archlang.ir.graph import BodyId, Call, Layer, Model, Node, Ref, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.walk import Starts, advance, copies, name_text


def flat_graph(model: Model) -> nx.DiGraph[str]:
    """The graph of a model's layers.

    Nodes are paths (`features.0`; `features.0 (2)` for a further use of shared weights) with the attributes `op`
    (torch's class), `shape`, and `line`; inputs are nodes with op INPUT. Edges have the `shape` that flows.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    flow = _Flow(model, graph)
    for given in model.inputs:
        graph.add_node(given.name, op="INPUT", shape=given.shape, line=model.origin.line)
    flow.body(len(model.bodies) - 1, "", {}, [given.name for given in model.inputs])
    return graph


class _Flow:
    """Walks the bodies, keeping for each value the node that makes it."""

    def __init__(self, model: Model, graph: nx.DiGraph[str]) -> None:
        self.model = model
        self.graph = graph

    def body(self, body_id: BodyId, prefix: str, starts: Starts, inputs: Sequence[str]) -> list[str]:
        """Add the layers of one copy; returns the nodes of its outputs."""
        body = self.model.bodies[body_id]
        made: list[list[str]] = []

        def node_of(ref: Ref) -> str:
            return inputs[ref.port] if ref.node < 0 else made[ref.node][ref.port]

        for node in body.nodes:
            sources = [node_of(ref) for ref in node.inputs]
            shapes = [body.shape_of(ref) for ref in node.inputs]
            made.append(self._node(node, prefix, starts, sources, shapes))
        return [node_of(ref) for ref in body.outputs]

    def _node(self, node: Node, prefix: str, starts: Starts, sources: list[str], shapes: list[Shape]) -> list[str]:
        match node:
            # what the compiler put in is no node: its reader has an edge from what comes before it
            case Layer(name=None):
                return sources[:1]
            case Layer():
                # a pooling with indices has two outputs, and is one node
                return [self._layer(node, prefix, starts, sources, shapes)] * len(node.outputs)
            case Call():
                return self.body(node.body, f"{prefix}{name_text(node.name, starts)}.", {}, sources)
            case Repeat():
                return self._repeat(node, prefix, starts, sources)

    def _layer(self, layer: Layer, prefix: str, starts: Starts, sources: list[str], shapes: list[Shape]) -> str:
        assert layer.name is not None
        path = self._free(prefix + name_text(layer.name, starts))
        self.graph.add_node(path, op=layer.op.torch_class, shape=layer.outputs[0], line=layer.origin.line)
        for source, shape in zip(sources, shapes, strict=True):
            self.graph.add_edge(source, path, shape=shape)
        return path

    def _free(self, path: str) -> str:
        count = 2
        free = path
        while free in self.graph:
            free, count = f"{path} ({count})", count + 1
        return free

    def _repeat(self, repeat: Repeat, prefix: str, starts: Starts, sources: list[str]) -> list[str]:
        flowing = sources
        for body_id, count, offsets in copies(self.model, repeat, starts):
            for _ in range(count):
                # the first value flows from copy to copy; labels used inside are the same for all
                flowing = [*self.body(body_id, prefix, offsets, flowing)[:1], *sources[1:]]
                offsets = advance(offsets, self.model.bodies[body_id])
        return flowing[:1]
