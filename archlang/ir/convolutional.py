"""Fully connected layers as convolutions: the network slides over larger pictures, with the same weights and names.

A layer that reads a whole map of h x w becomes a convolution of h x w, those behind it 1x1 convolutions, and flattening
goes. Pooling to a fixed size in front of them becomes pooling by the window that it had. Each body is made anew once
for each way in which it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.errors.words import shape_text
from archlang.ir.graph import Body, BodyId, Call, Input, Layer, Model, Node, Ref, Repeat, Run
from archlang.ir.ops.activation import LogSoftmax, Maxout, Softmax
from archlang.ir.ops.base import Op, OpError, Shape, Sizes
from archlang.ir.ops.conv import Conv
from archlang.ir.ops.dropout import Dropout, DropPath
from archlang.ir.ops.group_norm import LayerNorm
from archlang.ir.ops.linear import Flatten, FullyConnected, Identity, Linear
from archlang.ir.ops.merge import Add, Concat, Mul
from archlang.ir.ops.norm import BatchNorm
from archlang.ir.ops.pool import AvgPool, MaxPool
from archlang.ir.ops.scale import Scale
from archlang.ir.prune import prune_model
from archlang.records import record

WHAT_FITS = "a model whose FC layers stand behind a map, with nothing between that mixes its numbers"


@record
class Value:
    """What flows in the old model and in the new one. `window` is the size of the map that was flattened here."""

    old: Shape
    new: Shape
    window: Sizes = ()

    @property
    def is_flat(self) -> bool:
        """Whether it is a map that the old model has in one row."""
        return bool(self.window)

    @property
    def is_map(self) -> bool:
        """Whether it is a map of what the old model has once."""
        return len(self.new) > len(self.old) and not self.window


Values = tuple[Value, ...]


def convolutionalise(model: Model, shapes: Mapping[str, Sequence[int | str]] | None = None) -> Model:
    """The model with convolutions for its fully connected layers, for inputs of these shapes (None: its own).

    Outputs are maps, of 1x1 for its own shapes. Keys of the state_dict are the same; weights of fully connected layers
    hold the same numbers in the shape of a convolution's. Raises `Diagnosed` where there is no such layer, or where
    something in front of one mixes the numbers of a map.
    """
    inputs = tuple(replace(given, shape=_input_shape(model, given, shapes or {})) for given in model.inputs)
    # a plain Model: one of a subclass (sizes left free) would bring fields that no longer hold.
    known: dict[str, Any] = {field.name: getattr(model, field.name) for field in fields(Model)}
    known["inputs"] = inputs
    maker = _Maker(Model(**known))
    root = len(model.bodies) - 1
    values = tuple(Value(old.shape, new.shape) for old, new in zip(model.inputs, inputs, strict=True))
    maker.body(root, values, False)
    if not maker.changed:
        raise maker.refusal(model.name, None)
    return prune_model(maker.model, maker.bodies)


def _input_shape(model: Model, given: Input, shapes: Mapping[str, Sequence[int | str]]) -> Shape:
    """The new shape of an input. Raises `Diagnosed` for one with other axes or channels, or with letters."""
    known = {port.name for port in model.inputs}
    shape = shapes.get(given.name, given.shape)
    numbers = tuple(size for size in shape if isinstance(size, int) and size > 0)
    if shapes.keys() <= known and len(numbers) == len(shape) == len(given.shape) and numbers[0] == given.shape[0]:
        return numbers
    expected = f"sizes as numbers for `{given.name}`, with the axes and channels of {shape_text(given.shape)}"
    shown = "x".join(map(str, shape)) if shapes.keys() <= known else ", ".join(shapes)
    raise Diagnosed(Diagnostic(BadOption("input", shown, expected), None, model.origin.file))


class _Maker:
    """Makes new bodies from those of a model; `bodies` holds them with those that they use before them."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.bodies: list[Body] = []
        self.made: dict[tuple[BodyId, Values, bool], tuple[BodyId, Values]] = {}
        self.flat: dict[tuple[BodyId, bool], frozenset[Ref]] = {}
        self.changed = False

    def body(self, number: BodyId, values: Values, ends_flat: bool) -> tuple[BodyId, Values]:
        """The new body for these inputs, and what flows out; `ends_flat` says that its output is flattened."""
        key = (number, values, ends_flat)
        if key not in self.made:
            flattened = frozenset(ref.node for ref in self.flattened(number, ends_flat))
            made, outputs = _BodyMaker(self, self.model.bodies[number], values, flattened).make()
            self.bodies.append(made)
            self.made[key] = (len(self.bodies) - 1, outputs)
        return self.made[key]

    def flattened(self, number: BodyId, ends_flat: bool) -> frozenset[Ref]:
        """Values of a body that all who read them flatten, through layers that work at each position."""
        key = (number, ends_flat)
        if key not in self.flat:
            self.flat[key] = self._find_flattened(self.model.bodies[number], ends_flat)
        return self.flat[key]

    def _find_flattened(self, body: Body, ends_flat: bool) -> frozenset[Ref]:
        readers: dict[Ref, list[int]] = {}
        for index, node in enumerate(body.nodes):
            for ref in node.inputs:
                readers.setdefault(ref, []).append(index)
        found: set[Ref] = set()
        outputs = set(body.outputs)
        inputs = [Ref(-1, port) for port in range(len(body.inputs))]
        # from the last node on: whether a pointwise layer leads to a flattening is known before what feeds it.
        for ref in (*(Ref(index) for index in reversed(range(len(body.nodes)))), *inputs):
            flat = (self._flattens(body, index, ref, Ref(index) in found) for index in readers.get(ref, ()))
            # all who read it must flatten it: a map that something else also reads as a map has to stay as it is.
            if (ref not in outputs or ends_flat) and (ref in readers or ref in outputs) and all(flat):
                found.add(ref)
        return frozenset(found)

    def _flattens(self, body: Body, index: int, ref: Ref, ends_flat: bool) -> bool:
        """Whether a node flattens a value that it reads, given whether what it gives is flattened."""
        node = body.nodes[index]
        ports = [Ref(-1, port) for port, read in enumerate(node.inputs) if read == ref]
        match node:
            case Layer():
                return isinstance(node.op, Flatten) or (ends_flat and _is_pointwise(node.op))
            case Call():
                # `ends_flat` speaks of all outputs at once: of a body with several nothing is known.
                return self.flattened(node.body, ends_flat and len(node.outputs) == 1).issuperset(ports)
            case Repeat():
                return bool(node.runs) and self.flattened(node.runs[0].body, False).issuperset(ports)

    def refusal(self, what: str, node: Node | None, expected: str = WHAT_FITS) -> Diagnosed:
        """That the model cannot be made convolutional, because of a layer."""
        shown = what if node is None else f"{what} of line {node.origin.line}"
        return Diagnosed(Diagnostic(BadOption("convolutional", shown, expected), None, self.model.origin.file))


class _BodyMaker:
    """Makes one body. `values` and `refs` say what each value of the old body is in the new one."""

    def __init__(self, maker: _Maker, body: Body, inputs: Values, flattened: frozenset[int]) -> None:
        self.maker = maker
        self.body = body
        self.inputs = inputs
        self.flattened = flattened
        self.nodes: list[Node] = []
        self.values = {Ref(-1, port): value for port, value in enumerate(inputs)}
        self.refs = {ref: ref for ref in self.values}

    def make(self) -> tuple[Body, Values]:
        """The body, and what flows out of it."""
        training: list[int] = []
        for index, node in enumerate(self.body.nodes):
            # a node may vanish: training marks go by the new numbers.
            begun = len(self.nodes)
            self._node(index, node)
            if index in self.body.training:
                training += range(begun, len(self.nodes))
        body = replace(
            self.body,
            inputs=tuple(value.new for value in self.inputs),
            nodes=tuple(self.nodes),
            outputs=tuple(self.refs[ref] for ref in self.body.outputs),
            training=tuple(training),
        )
        return body, tuple(self.values[ref] for ref in self.body.outputs)

    def _node(self, index: int, node: Node) -> None:
        given = tuple(self.values[ref] for ref in node.inputs)
        match node:
            case Layer():
                self._layer(index, node, given)
            case Call():
                ends_flat = index in self.flattened and len(node.outputs) == 1
                body, outputs = self.maker.body(node.body, given, ends_flat)
                self._add(index, replace(node, body=body), outputs)
            case Repeat():
                runs, outputs = self._runs(node, given, index in self.flattened)
                self._add(index, replace(node, runs=runs), outputs)

    def _runs(self, repeat: Repeat, given: Values, ends_flat: bool) -> tuple[tuple[Run, ...], Values]:
        """Runs of new copies: one copy alone as long as what it gives differs from what it takes."""
        runs: list[Run] = []
        last = len(repeat.runs) - 1
        for number, run in enumerate(repeat.runs):
            left = run.count
            while left:
                # only the last copy's output is what is flattened behind the repeat.
                body, outputs = self.maker.body(run.body, given, ends_flat and number == last and left == 1)
                same = outputs[0] == given[0]
                # once a copy gives what it takes, all behind it are alike but the last, where a flattening follows.
                again = max(left - 1, 1) if same and ends_flat and number == last else left if same else 1
                runs.append(Run(body, again))
                given, left = (outputs[0], *given[1:]), left - again
        return tuple(runs), given[:1]

    def _add(self, index: int, node: Node, outputs: Values) -> None:
        inputs = tuple(self.refs[ref] for ref in node.inputs)
        self.nodes.append(replace(node, inputs=inputs, outputs=tuple(value.new for value in outputs)))
        for port, value in enumerate(outputs):
            self.values[Ref(index, port)] = value
            self.refs[Ref(index, port)] = Ref(len(self.nodes) - 1, port)

    def _pass(self, index: int, node: Node, value: Value) -> None:
        """The node goes: what it gave is what it took."""
        self.values[Ref(index)] = value
        self.refs[Ref(index)] = self.refs[node.inputs[0]]

    def _layer(self, index: int, layer: Layer, given: Values) -> None:
        if isinstance(layer.op, Flatten) and layer.op.start_dim == 1 and layer.op.end_dim in (-1, len(given[0].old)):
            value = given[0]
            # the map goes on as a map; the window remembers what the next FC layer saw of it.
            flat = value if len(value.old) == 1 else Value(layer.outputs[0], value.new, value.old[1:])
            self._pass(index, layer, flat)
            return
        op = self._op(index, layer, given)
        if op is None:
            self._pass(index, layer, replace(given[0], old=layer.outputs[0]))
            return
        # an FC that became a Conv is what was asked for; a model in which nothing changes is refused.
        self.maker.changed |= type(op) is not type(layer.op)
        try:
            shapes = op.infer_shapes(tuple(value.new for value in given))
        except OpError as error:
            raise Diagnosed(Diagnostic(error.problem, None, layer.origin.file)) from None
        # an elementwise layer behind the flattening leaves it flat; an FC layer, which is a Conv here, uses it up.
        window = given[0].window if given and isinstance(op, type(layer.op)) else ()
        self._add(index, replace(layer, op=op), tuple(map(Value, layer.outputs, shapes, [window] * len(shapes))))

    def _op(self, index: int, layer: Layer, given: Values) -> Op | None:
        """What the layer becomes; None where it goes."""
        op = layer.op
        if any(value.is_flat for value in given):
            found = _on_flat(op, given[0]) if len(given) == 1 else None
        # beside a map there may be a plain vector in the old model's sense: joining both has no meaning here.
        elif any(value.is_map for value in given):
            found = _on_maps(op, given) if all(value.is_map for value in given) else None
        elif isinstance(op, AvgPool | MaxPool) and op.to is not None and index in self.flattened:
            return self._window(layer, op, given[0])
        else:
            return op
        if found is None:
            raise self.maker.refusal(op.words[0], layer)
        return found

    def _window(self, layer: Layer, op: AvgPool | MaxPool, value: Value) -> Op | None:
        """Pooling by the window that pooling to a fixed size had; None where it did nothing."""
        pairs = list(zip(value.old[1:], op.to or (), strict=True))
        # adaptive bins of 8 to 7 overlap (pitfall of torchvision's VGG at 256): no window of a fixed stride does that.
        if any(size % to for size, to in pairs):
            expected = (
                f"a map that divides into {shape_text(op.to or ())} equal windows, not {shape_text(value.old[1:])}"
            )
            raise self.maker.refusal(op.words[0], layer, expected)
        if all(size == to for size, to in pairs):
            return None
        kernel = tuple(size // to for size, to in pairs)
        # one bin becomes a window that moves by single positions: the outputs are those of the net at each place.
        stride = tuple(1 if to == 1 else size // to for size, to in pairs)
        self.maker.changed = True
        # rows behind the last window are no mistake of the writer's: a larger picture brings them along.
        return replace(op, to=None, kernel_size=kernel, stride=stride, round="floor")


def _is_elementwise(op: Op) -> bool:
    """Whether a layer treats each number alike, wherever it stands."""
    # softmax mixes along an axis, PReLU may have a number for each feature of the flattened map.
    mixing = isinstance(op, Softmax | LogSoftmax | Maxout) or op.parameters()
    return isinstance(op, Dropout | DropPath | Identity) or (op.family == "activation" and not mixing)


def _is_pointwise(op: Op) -> bool:
    """Whether a layer of a map works at each position for itself."""
    return _is_elementwise(op) or isinstance(op, BatchNorm) or (isinstance(op, LayerNorm) and op.channels_first)


def _on_flat(op: Op, value: Value) -> Op | None:
    """A layer in front of which a map was flattened."""
    if isinstance(op, FullyConnected | Linear):
        return _convolution(op, value.new[0], value.window)
    return op if _is_elementwise(op) else None


def _convolution(op: FullyConnected | Linear, channels: int, window: Sizes) -> Conv:
    # torch flattens as (C, h, w), so FC's weight of K x C*h*w is Conv's of K x C x h x w, number by number.
    ones, zeros = (1,) * len(window), (0,) * len(window)
    return Conv(
        in_channels=channels, out_channels=op.out_features, kernel_size=window, stride=ones, padding=zeros,
        dilation=ones, groups=1, bias=op.bias, padding_mode="zeros", round="floor",
    )  # fmt: skip


def _on_maps(op: Op, values: Values) -> Op | None:
    """A layer of features, at each position of a map."""
    axes = len(values[0].new) - 1
    match op:
        case FullyConnected() | Linear():
            return _convolution(op, values[0].new[0], (1,) * axes)
        case BatchNorm():
            return replace(op, rank=axes)
        case LayerNorm():
            return replace(op, channels_first=True)
        case Softmax() | LogSoftmax() | Concat() | Scale():
            # features of a vector lie along its only axis; of a map of such vectors they are the channels.
            return replace(op, dim=1)
        case Add() | Mul() | Maxout():
            return op
        case _:
            return op if _is_elementwise(op) or op.family == "activation" else None
