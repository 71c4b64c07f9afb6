"""Fully connected layers as convolutions: the network slides over larger pictures, with the same weights and names.

A layer that reads a whole map of h x w becomes a convolution of h x w, those behind it 1x1 convolutions, and flattening
goes. Pooling to a fixed size in front of them becomes pooling by the window that it had. What would give an answer that
does not move over the picture is refused. Each body is made anew once for each way in which it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from math import prod
from typing import Any

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.errors.words import shape_text
from archlang.ir.fitting import DoesNotFit, running_shapes
from archlang.ir.graph import Body, BodyId, Call, Input, Layer, Model, Node, Ref, Repeat, Run, bodies_of
from archlang.ir.ops.activation import LogSoftmax, Maxout, PReLU, Softmax
from archlang.ir.ops.base import Op, OpError, Shape, Sizes, axis_index
from archlang.ir.ops.channels import ChannelShuffle, Select
from archlang.ir.ops.conv import Conv
from archlang.ir.ops.dropout import ChannelDropout, Dropout, DropPath
from archlang.ir.ops.group_norm import LayerNorm
from archlang.ir.ops.linear import Flatten, FullyConnected, Identity, Linear
from archlang.ir.ops.merge import Add, Concat, Mul
from archlang.ir.ops.norm import BatchNorm, LocalResponseNorm
from archlang.ir.ops.pool import AvgPool, LpPool, MaxPool
from archlang.ir.ops.scale import Scale
from archlang.ir.ops.shape import Slice
from archlang.ir.prune import prune_model
from archlang.ir.walk import input_shapes
from archlang.records import record

WHAT_FITS = "a model whose FC layers stand behind a map, with nothing between that mixes its numbers"
GROWTH = 1_000_000
WHAT_MOVES = "between it and FC only layers that treat all positions of the map alike, without padding"
ANY_SIZE = "a layer whose weights do not depend on the size of the map"


@record
class Value:
    """What flows in the old model and in the new one. `window` is the size of the map that was flattened here.

    `held` is the layer that gives a map one size whatever the size of the picture: `AVGPOOL of line 3`.
    """

    old: Shape
    new: Shape
    window: Sizes = ()
    held: str = ""

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
    hold the same numbers in the shape of a convolution's. Raises `Diagnosed` where there is no such layer, where
    something in front of one mixes the numbers of a map or has weights for its size, and where the map stays as large
    as it is when the picture grows.
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
        """Values of a body that all who read them flatten, through layers that treat all positions alike."""
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
        # from the last node on: whether such a layer leads to a flattening is known before what feeds it.
        for ref in (*(Ref(index) for index in reversed(range(len(body.nodes)))), *inputs):
            flat = (self._flattens(body, index, ref, Ref(index) in found) for index in readers.get(ref, ()))
            # all who read it must flatten it: a map that something else also reads as a map has to stay as it is.
            if (ref not in outputs or ends_flat) and (ref in readers or ref in outputs) and all(flat):
                found.add(ref)
        return frozenset(found)

    def _flattens(self, body: Body, index: int, ref: Ref, ends_flat: bool) -> bool:
        """Whether a node flattens a value that it reads, given whether what it gives is flattened."""
        node = body.nodes[index]
        # `ends_flat` speaks of all outputs at once: of several nothing is known.
        ends_flat = ends_flat and len(node.outputs) == 1
        if isinstance(node, Layer):
            shapes = input_shapes(body, node)
            return is_flattening(node.op, shapes) or (ends_flat and _moves(node.op, shapes, node.outputs[0]))
        ports = [Ref(-1, port) for port, read in enumerate(node.inputs) if read == ref]
        if isinstance(node, Repeat) and not (ends_flat and self.passes_on(node)):
            return bool(node.runs) and self.flattened(node.runs[0].body, False).issuperset(ports)
        return all(self.flattened(body_id, ends_flat).issuperset(ports) for body_id in bodies_of(node))

    def passes_on(self, repeat: Repeat) -> bool:
        """Whether each copy flattens what it takes, where that is done to what it gives."""
        return all(
            len(self.model.bodies[run.body].outputs) == 1 and Ref(-1) in self.flattened(run.body, True)
            for run in repeat.runs
        )

    def refusal(self, what: str, node: Node | None, expected: str = WHAT_FITS) -> Diagnosed:
        """That the model cannot be made convolutional, because of a layer."""
        return self.refusal_of(what if node is None else place_text(what, node), expected)

    def refusal_of(self, shown: str, expected: str) -> Diagnosed:
        """The same, of a layer that is named already."""
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
        # unless copies pass a flattening on, only the last copy's output is what is flattened behind the repeat.
        all_flat = ends_flat and self.maker.passes_on(repeat)
        for number, run in enumerate(repeat.runs):
            left = run.count
            ends = ends_flat and number == last and not all_flat
            while left:
                body, outputs = self.maker.body(run.body, given, all_flat or (ends and left == 1))
                same = outputs[0] == given[0]
                # once a copy gives what it takes, all behind it are alike but the last, where a flattening follows.
                again = max(left - 1, 1) if same and ends else left if same else 1
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
        if is_flattening(layer.op, tuple(value.old for value in given)):
            self._flatten(index, layer, given[0])
            return
        op = self._op(index, layer, given)
        if op is None:
            self._pass(index, layer, replace(given[0], old=layer.outputs[0]))
            return
        # an FC that became a Conv is what was asked for; a model in which nothing changes is refused.
        self.maker.changed |= type(op) is not type(layer.op)
        shapes = self._shapes(op, layer, given)
        # an elementwise layer behind the flattening leaves it flat; an FC layer, which is a Conv here, uses it up.
        window = given[0].window if given and isinstance(op, type(layer.op)) else ()
        held = _holder(op, layer, given, shapes)
        outputs = [Value(old, new, window, held) for old, new in zip(layer.outputs, shapes, strict=True)]
        self._add(index, replace(layer, op=op), tuple(outputs))

    def _flatten(self, index: int, layer: Layer, value: Value) -> None:
        """A flattening goes: the map goes on as a map, and the window remembers what the next FC layer saw of it."""
        if value.held and len(value.old) > 1:
            raise self.maker.refusal_of(value.held, WHAT_MOVES)
        # the features of a single position are a vector already: what follows works at each position of the new map.
        window = value.old[1:] if prod(value.old[1:]) > 1 else ()
        flat = value if len(value.old) == 1 else Value(layer.outputs[0], value.new, window)
        self._pass(index, layer, flat)

    def _shapes(self, op: Op, layer: Layer, given: Values) -> tuple[Shape, ...]:
        """What comes out of the new layer. Raises `Diagnosed` where it does not run on what flows in now."""
        try:
            return running_shapes(op, tuple(value.new for value in given))
        except DoesNotFit:
            raise self.maker.refusal(op.words[0], layer, ANY_SIZE) from None
        except OpError as error:
            raise Diagnosed(Diagnostic(error.problem, None, layer.origin.file)) from None

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


def place_text(word: str, node: Node) -> str:
    """`AVGPOOL of line 3`."""
    return f"{word} of line {node.origin.line}"


def is_flattening(op: Op, shapes: tuple[Shape, ...]) -> bool:
    """Whether a layer puts all numbers of its input in one row."""
    return isinstance(op, Flatten) and op.start_dim == 1 and op.end_dim in (-1, len(shapes[0]))


def _holder(op: Op, layer: Layer, given: Values, shapes: tuple[Shape, ...]) -> str:
    """The layer that keeps the size of what comes out as it is, if one does."""
    if all(value.held for value in given):
        return given[0].held if given else place_text(op.words[0], layer)
    # sizes far larger, so that no rounding hides the growth; channels stay, and so does what is held already.
    larger = tuple(value.new if value.held else _grown(value.new) for value in given)
    try:
        grown = running_shapes(op, larger)
    except (DoesNotFit, OpError):
        return ""  # what fails on other sizes says so itself when they come
    maps = [(old, new) for old, new in zip(shapes, grown, strict=True) if len(old) > 1]
    return place_text(op.words[0], layer) if maps and all(old == new for old, new in maps) else ""


def _grown(shape: Shape) -> Shape:
    return (*shape[:1], *(size + GROWTH for size in shape[1:]))


def _is_elementwise(op: Op) -> bool:
    """Whether a layer treats each number alike, wherever it stands."""
    # softmax mixes along an axis, PReLU may have a number for each feature of the flattened map.
    mixing = isinstance(op, Softmax | LogSoftmax | Maxout) or op.parameters()
    return isinstance(op, Dropout | DropPath | Identity) or (op.family == "activation" and not mixing)


def _moves(op: Op, inputs: tuple[Shape, ...], output: Shape) -> bool:
    """Whether a layer of maps treats all positions alike, so that it gives on a larger map what it gives on each part.

    With padding it would not: a part has a border where the larger map goes on.
    """
    if any(len(shape) != len(output) or len(shape) < 2 for shape in inputs):
        return False
    match op:
        case Conv():
            return not any(op.padding) and op.padding != "same"
        case MaxPool() | AvgPool() | LpPool():
            # pooling to a size in front of a flattening becomes pooling by windows.
            return op.to is not None or not (any(op.padding) or op.ceil_mode)
        case Softmax() | LogSoftmax() | Scale() | Slice() | Concat() | Add() | Mul():
            channels = axis_index(op.words[0], getattr(op, "dim", 1), output) == 0
            # one position that is spread over a map stands for all of it.
            return channels and all(shape[1:] == output[1:] for shape in inputs)
        case LayerNorm():
            return op.channels_first
        case BatchNorm() | LocalResponseNorm() | PReLU() | Maxout() | Select() | ChannelShuffle() | ChannelDropout():
            return True
        case _:
            return _is_elementwise(op)


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
        case Slice():
            return replace(op, behind=axes)
        case Add() | Mul() | Maxout() | Select():
            return op
        case _:
            return op if _is_elementwise(op) or op.family == "activation" else None
