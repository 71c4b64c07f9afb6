"""Builds what a live module consists of (`torch_graph.py`) from the bodies of a model; every copy is new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import torch
from torch import nn

from archlang.backends.initialise import SCHEMES, Initialisation
from archlang.backends.torch_graph import Chain, Child, Function, Graph, Step, entitle, torch_object
from archlang.ir.graph import Body, BodyId, Layer, Model, Node, Ref, Repeat
from archlang.ir.ops.base import TorchCall
from archlang.ir.ops.embedding import LearnedTensor
from archlang.ir.walk import Starts, advance, copies, name_text

NO_CALL = TorchCall("")
"""What a part calls beside its layers."""

Content = tuple[list[tuple[str, Child]], list[Step], tuple[int, ...]]


class Builder:
    """Builds the modules of one model; every copy is new."""

    def __init__(self, model: Model, init: Initialisation) -> None:
        self.model = model
        self.init = init

    def module(self, body_id: BodyId) -> nn.Module:
        """The module of a body that opens a scope: `nn.Sequential` where it is a plain chain of modules."""
        body = self.model.bodies[body_id]
        children, steps, results = self.content(body_id)
        chain = len(body.inputs) == 1 and _is_chain(steps, results)
        module = Chain(OrderedDict(_modules(children))) if chain else Graph(children, steps, results)
        if body.definition:
            entitle(module, body.definition)
        return module

    def content(self, body_id: BodyId) -> Content:
        """Children by name, steps and results of a scope."""
        body = self.model.bodies[body_id]
        scope = _Scope(self, count(len(body.inputs)))
        results = scope.follow(body, tuple(range(len(body.inputs))), {})
        return scope.children, scope.steps, results

    def layer(self, layer: Layer, call: TorchCall) -> Any:
        """The module, parameter or function of a layer."""
        given = tuple([a.value for a in call.arguments if a.positional])
        named = {a.name: a.value for a in call.arguments if not a.positional}
        if isinstance(layer.op, LearnedTensor):
            return _parameter(layer.op)
        if not call.is_module:
            return Function(call.target, given, tuple(named.items()), call.tuple_inputs)
        module = torch_object(call.target)(*given, **named)
        if scheme := self.init.of(layer):
            initialise(module, scheme)
        return module


def _modules(children: Sequence[tuple[str, Child]]) -> Iterator[tuple[str, nn.Module]]:
    return ((name, child) for name, child in children if isinstance(child, nn.Module))


def _parameter(op: LearnedTensor) -> nn.Parameter:
    values = torch.empty(op.stored).normal_(op.fill, op.std) if op.std else torch.full(op.stored, op.fill)
    return nn.Parameter(values)


class _Scope:
    """One scope of names being filled; repeats are transparent."""

    def __init__(self, builder: Builder, numbers: count[int]) -> None:
        self.builder = builder
        self.numbers = numbers
        self.children: list[tuple[str, Child]] = []
        self.steps: list[Step] = []

    def follow(self, body: Body, inputs: tuple[int, ...], starts: Starts) -> tuple[int, ...]:
        """Append one copy of a body; returns the numbers of what it gives."""
        values = {Ref(-1, port): number for port, number in enumerate(inputs)}
        for index, node in enumerate(body.nodes):
            begun = len(self.steps)
            given = self._node(node, tuple(values[ref] for ref in node.inputs), starts)
            if index in body.training:
                self.steps[begun:] = [replace(step, training=True) for step in self.steps[begun:]]
            values |= {Ref(index, port): number for port, number in enumerate(given)}
        return tuple(values[ref] for ref in body.outputs)

    def _node(self, node: Node, inputs: tuple[int, ...], starts: Starts) -> tuple[int, ...]:
        if isinstance(node, Repeat):
            return self._repeat(node, inputs, starts)
        name = name_text(node.name, starts) if node.name else None
        outputs = tuple([next(self.numbers) for _ in node.outputs])
        call = node.op.torch() if isinstance(node, Layer) else NO_CALL
        step = Step(
            child=name,
            function=None,
            inputs=tuple([inputs[index] for index in call.inputs]) if call.inputs else inputs,
            outputs=outputs,
            result=call.result,
            named=tuple([(argument.name, argument.value) for argument in call.call_arguments]),
            shape=node.outputs[0],
            name=name,
        )
        if not node.shared:
            part = self.builder.layer(node, call) if isinstance(node, Layer) else self.builder.module(node.body)
            if name is not None and isinstance(part, nn.Module | nn.Parameter):
                self.children.append((name, part))
            else:
                # What has no name is no child, and torch.fx traces only modules that are.
                function = part.forward if isinstance(part, nn.Module) else part
                step = replace(step, child=None, function=function)
        self.steps.append(step)
        return outputs

    def _repeat(self, repeat: Repeat, inputs: tuple[int, ...], starts: Starts) -> tuple[int, ...]:
        ends = inputs
        for body_id, times, offsets in copies(self.builder.model, repeat, starts):
            body = self.builder.model.bodies[body_id]
            for _ in range(times):
                ends = self.follow(body, inputs, offsets)
                inputs = (ends[0], *inputs[1:])
                offsets = advance(offsets, body)
        return ends


def _is_chain(steps: Sequence[Step], results: tuple[int, ...]) -> bool:
    """Whether `nn.Sequential` runs the steps: modules, each one once, each fed with what the one before gives."""
    names = {step.child for step in steps}
    if None in names or len(names) < len(steps) or results != (len(steps),):
        return False
    if any(hasattr(nn.Sequential, name or "") for name in names):
        return False
    return all(
        (step.inputs, step.outputs) == ((index,), (index + 1,))
        and not (step.function or step.named or step.training)
        and step.result is None
        for index, step in enumerate(steps)
    )


def initialise_all(module: nn.Module, model: Model, init: Initialisation) -> None:
    """Give all layers the scheme that they share, if they do."""
    if init.shared:
        types = _initialised_types(model)
        for child in module.modules():
            if isinstance(child, types):
                initialise(child, init.shared)


def _initialised_types(model: Model) -> tuple[type[nn.Module], ...]:
    layers = (node for body in model.bodies for node in body.nodes if isinstance(node, Layer))
    return tuple({torch_object(layer.op.torch().target) for layer in layers if layer.op.initialised})


def initialise(layer: Any, scheme: str) -> None:
    """Give a layer's weights the values of a scheme, and its biases 0."""
    function = getattr(nn.init, SCHEMES[scheme].function)
    function(layer.weight, **dict(SCHEMES[scheme].arguments))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
