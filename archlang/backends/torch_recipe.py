"""What the modules of a live model are made from: read from its bodies once, so that making another costs no more than
calling torch's classes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any
from weakref import finalize

import torch
from torch import nn

from archlang.backends.flattening import is_put_in, takes_any_shape
from archlang.backends.initialise import SCHEMES, Initialisation, initialisation
from archlang.backends.torch_graph import (
    Applied,
    Chain,
    Child,
    Graph,
    Plans,
    Step,
    entitle,
    function_of,
    planned,
    torch_object,
)
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.limits import TooManyLayers
from archlang.ir.fingerprint import fingerprint
from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Node, Ref, Repeat
from archlang.ir.ops.base import Shape, TorchCall
from archlang.ir.ops.embedding import LearnedTensor
from archlang.ir.walk import Starts, advance, copies, fold_totals, name_text
from archlang.records import record

LAYER_LIMIT = 100_000
"""Most layers of a live module."""

NO_CALL = TorchCall("")
"""What a part calls beside its layers."""


@record
class MadeLayer:
    """A layer: a class of torch and its arguments."""

    cls: type[Any]
    given: tuple[Any, ...]
    named: dict[str, Any]
    scheme: str | None

    def make(self) -> nn.Module:
        """A new module, whose values are those of its scheme, otherwise torch's."""
        module = self.cls(*self.given, **self.named)
        if self.scheme:
            initialise(module, self.scheme)
        return module


@record
class MadeTensor:
    """A tensor of the model's own."""

    op: LearnedTensor

    def make(self) -> nn.Parameter:
        """A new parameter."""
        op = self.op
        # std 0 is a constant: zeros for ViT's class token, ConvNeXt's 1e-6 for layer scale
        values = torch.empty(op.stored).normal_(op.fill, op.std) if op.std else torch.full(op.stored, op.fill)
        return nn.Parameter(values)


@record
class MadeScope:
    """A body that opens a scope of names: its children, and how they run.

    `chain` says that one feeds the next. `maps` has the shapes of its layers that run behind the flattening which
    stands behind them in the model.
    """

    title: str
    children: tuple[tuple[str, MadeLayer | MadeTensor | MadeScope], ...]
    plans: Plans
    chain: bool
    maps: Mapping[str, Shape]

    def make_children(self) -> list[tuple[str, Child]]:
        """New children by their names."""
        return [(name, child.make()) for name, child in self.children]

    def make(self) -> nn.Module:
        """A new module with new children."""
        children: Any = self.make_children()
        module = Chain(OrderedDict(children)) if self.chain else Graph(children, self.plans)
        if self.title:
            entitle(module, self.title)
        if self.maps:
            module.__dict__["_maps"] = self.maps
        return module


@record
class Recipe:
    """What a model is made from, with its fingerprint. Layers of the classes `initialised` get `scheme` when all are
    made."""

    root: MadeScope
    mark: str
    scheme: str | None
    initialised: tuple[type[nn.Module], ...]

    def initialise(self, module: nn.Module) -> None:
        """Give all layers the scheme that they share, if they do."""
        if self.scheme:
            # in the order of the written class, so that a seed gives both the same values
            for child in module.modules():
                if isinstance(child, self.initialised):
                    initialise(child, self.scheme)


_kept: dict[int, Recipe] = {}
"""By the identity of a model, as long as it lives: to compare models would cost more than to read one again."""


def recipe_of(model: Model) -> Recipe:
    """What a model is made from. Raises `Diagnosed` for more layers than `LAYER_LIMIT`."""
    if id(model) not in _kept:
        layers = fold_totals(model)[-1].layers
        if layers > LAYER_LIMIT:
            raise Diagnosed(Diagnostic(TooManyLayers(layers, LAYER_LIMIT), None, model.origin.file))
        init = initialisation(model)
        aside = {side.port for side in model.sides if side.training}
        root = _Reader(model, init).root(aside)
        _kept[id(model)] = Recipe(
            root, fingerprint(model), init.shared, _initialised_types(model) if init.shared else ()
        )
        # the next model may get the identity of this one; at the end of the program there is none
        finalize(model, _kept.pop, id(model), None).atexit = False
    return _kept[id(model)]


class _Reader:
    """Reads the bodies of one model, each layer and each scope once."""

    def __init__(self, model: Model, init: Initialisation) -> None:
        self.model = model
        self.init = init
        self.scopes: dict[BodyId, MadeScope] = {}
        self.leads: dict[BodyId, Layer | None] = {}
        # by identity of the nodes, which the model keeps alive: copies share them, and to hash an op takes longer
        self.calls: dict[int, TorchCall] = {}
        self.layers: dict[int, MadeLayer | MadeTensor | Applied] = {}

    def root(self, aside: Collection[int]) -> MadeScope:
        """The model's own scope; results whose places are in `aside` are given in training only."""
        return self._scope(self.model.root, None, aside)

    def scope(self, body_id: BodyId) -> MadeScope:
        """The scope of a body, without the flattening that its caller does."""
        if body_id not in self.scopes:
            self.scopes[body_id] = self._scope(self.model.bodies[body_id], self.lead(body_id))
        return self.scopes[body_id]

    def _scope(self, body: Body, lead: Layer | None, aside: Collection[int] = ()) -> MadeScope:
        reading = _Scope(self, count(len(body.inputs)), lead)
        results = reading.follow(body, tuple(range(len(body.inputs))), {})
        return MadeScope(
            body.definition or "",
            tuple(reading.children),
            planned(reading.steps, len(body.inputs), results, aside),
            len(body.inputs) == 1 and _is_chain(reading.steps, results),
            reading.maps,
        )

    def lead(self, body_id: BodyId) -> Layer | None:
        """The flattening that a body begins with, if the compiler put it there and the body is a chain."""
        if body_id not in self.leads:
            body = self.model.bodies[body_id]
            self.leads[body_id] = self._lead(body.nodes) if _is_line(body) else None
        return self.leads[body_id]

    def _lead(self, nodes: Sequence[Node]) -> Layer | None:
        node = next((node for node in nodes if not takes_any_shape(node)), None)
        if isinstance(node, Call) and not node.shared:
            return self.lead(node.body)
        return node if isinstance(node, Layer) and is_put_in(node) else None

    def call(self, node: Layer | Call) -> TorchCall:
        """What torch calls for a node."""
        if not isinstance(node, Layer):
            return NO_CALL
        if id(node) not in self.calls:
            self.calls[id(node)] = node.op.torch()
        return self.calls[id(node)]

    def layer(self, layer: Layer) -> MadeLayer | MadeTensor | Applied:
        """How a layer is made, or the function that it is."""
        if id(layer) not in self.layers:
            self.layers[id(layer)] = self._layer(layer, self.call(layer))
        return self.layers[id(layer)]

    def _layer(self, layer: Layer, call: TorchCall) -> MadeLayer | MadeTensor | Applied:
        given = tuple([a.value for a in call.arguments if a.positional])
        named = {a.name: a.value for a in call.arguments if not a.positional}
        if isinstance(layer.op, LearnedTensor):
            return MadeTensor(layer.op)
        if not call.is_module:
            return function_of(call.target, given, named, call.tuple_inputs)
        return MadeLayer(torch_object(call.target), given, named, self.init.of(layer))


class _Scope:
    """One scope of names being filled; repeats are transparent. `lead` is the flattening that was done before."""

    def __init__(self, reader: _Reader, numbers: count[int], lead: Layer | None) -> None:
        self.reader = reader
        self.numbers = numbers
        self.lead = lead
        self.maps: dict[str, Shape] = {}
        self.children: list[tuple[str, MadeLayer | MadeTensor | MadeScope]] = []
        self.steps: list[Step] = []

    def follow(self, body: Body, inputs: tuple[int, ...], starts: Starts, training: bool = False) -> tuple[int, ...]:
        """Append one copy of a body; returns the numbers of what it gives."""
        values = {Ref(-1, port): number for port, number in enumerate(inputs)}
        for index, node in enumerate(body.nodes):
            aside = training or index in body.training
            given = self._node(node, tuple([values[ref] for ref in node.inputs]), starts, aside)
            values |= {Ref(index, port): number for port, number in enumerate(given)}
        return tuple([values[ref] for ref in body.outputs])

    def _node(self, node: Node, inputs: tuple[int, ...], starts: Starts, training: bool) -> tuple[int, ...]:
        if isinstance(node, Repeat):
            return self._repeat(node, inputs, starts, training)
        if node is self.lead:
            self.lead = None
            return inputs
        name = name_text(node.name, starts) if node.name else None
        if self.lead is not None and isinstance(node, Layer) and name:
            self.maps[name] = node.outputs[0]
        if isinstance(node, Call) and (lead := self.reader.lead(node.body)):
            inputs = inputs if lead is self.lead else self._node(lead, inputs, starts, training)
            self.lead = None
        outputs = tuple([next(self.numbers) for _ in node.outputs])
        call = self.reader.call(node)
        child, function = self._child(node, name)
        step = Step(
            child=child,
            function=function,
            inputs=tuple([inputs[index] for index in call.inputs]) if call.inputs else inputs,
            outputs=outputs,
            training=training,
            result=call.result,
            named={argument.name: argument.value for argument in call.call_arguments},
            shape=node.outputs[0],
            name=name,
        )
        self.steps.append(step)
        return outputs

    def _child(self, node: Layer | Call, name: str | None) -> tuple[str | None, Any]:
        """The name of the child that a step calls, or the function: torch.fx traces no modules that are no children."""
        # the child exists: it was added where the weights are used first
        if node.shared:
            return name, None
        part = self.reader.layer(node) if isinstance(node, Layer) else self.reader.scope(node.body)
        if isinstance(part, Applied):
            return None, part
        if name is None:
            # what the compiler put in has neither a name nor weights: its forward serves as the function
            made: Any = part.make()
            return None, made.forward
        self.children.append((name, part))
        return name, None

    def _repeat(self, repeat: Repeat, inputs: tuple[int, ...], starts: Starts, training: bool) -> tuple[int, ...]:
        ends = inputs
        for body_id, times, offsets in copies(self.reader.model, repeat, starts):
            body = self.reader.model.bodies[body_id]
            for _ in range(times):
                ends = self.follow(body, inputs, offsets, training)
                # the first value flows on, labels used inside are the same for all copies
                inputs = (ends[0], *inputs[1:])
                offsets = advance(offsets, body)
        return ends


def _is_line(body: Body) -> bool:
    """Whether each node of a body reads what the one before gives, and nothing else."""
    before = Ref(-1, 0)
    for index, node in enumerate(body.nodes):
        if node.inputs != (before,) or len(node.outputs) != 1:
            return False
        before = Ref(index, 0)
    return len(body.inputs) == 1 and body.outputs == (before,) and not body.training


def _is_chain(steps: Sequence[Step], results: tuple[int, ...]) -> bool:
    """Whether `nn.Sequential` runs the steps: modules, each one once, each fed with what the one before gives."""
    # value 0 comes in, step n makes value n + 1: nothing else is a chain
    names = {step.child for step in steps}
    if None in names or len(names) < len(steps) or results != (len(steps),):
        return False
    # add_module refuses children named as methods, of which Sequential has some more: append, insert, pop
    if any(hasattr(nn.Sequential, name or "") for name in names):
        return False
    return all(
        (step.inputs, step.outputs) == ((index,), (index + 1,))
        and not (step.function or step.named or step.training)
        and step.result is None
        for index, step in enumerate(steps)
    )


def _initialised_types(model: Model) -> tuple[type[nn.Module], ...]:
    layers = (node for body in model.bodies for node in body.nodes if isinstance(node, Layer))
    return tuple({torch_object(layer.op.torch().target) for layer in layers if layer.op.initialised})


def initialise(layer: Any, scheme: str) -> None:
    """Give a layer's weights the values of a scheme, and its biases 0."""
    function = getattr(nn.init, SCHEMES[scheme].function)
    function(layer.weight, **dict(SCHEMES[scheme].arguments))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
