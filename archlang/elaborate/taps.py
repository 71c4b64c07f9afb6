"""Labels as sources: what flowed out of a labelled part, used again; `_`; and weights used again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from archlang.elaborate.bodies import with_body
from archlang.elaborate.builder import BodyBuilder, Flow, Tap
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Silenced, diagnosed
from archlang.elaborate.parts import LARGEST_SIZE, origin
from archlang.errors.arguments import MissingArguments, OutOfRange
from archlang.errors.joins import BracesNotAllowed, CannotShare, NoSwitches, TapDiscardsFlow, TrainingOnly, UnknownPart
from archlang.errors.shapes import NoInput
from archlang.errors.words import listing, shape_text
from archlang.ir.fitting import DoesNotFit, running_shapes
from archlang.ir.graph import Call, Layer, Node, Ref, Repeat
from archlang.ir.ops.activation import PReLU
from archlang.ir.ops.base import OpError, Shape
from archlang.ir.ops.conv import Conv
from archlang.ir.ops.group_norm import GroupNorm, InstanceNorm
from archlang.ir.ops.norm import BatchNorm
from archlang.ir.ops.pool import MaxPool
from archlang.ir.ops.resample import MaxUnpool
from archlang.ir.ops.transposed import UpConv
from archlang.ir.walk import input_shapes_of
from archlang.source import Span
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.elaborate.elaborator import Elaborator

SIZELESS = (Conv, UpConv, BatchNorm, GroupNorm, InstanceNorm, PReLU)
"""Layers whose weights are for channels and not for sizes: they can run again on maps of another size."""

HERE = "_"
"""What flows into the braces, itself."""

SHARE = "SHARE"
"""`SHARE(label)`: the part with that label once more, with the same weights."""


class Taps:
    """Elaborates `_`, labels as sources, and SHARE."""

    def __init__(self, walk: Elaborator) -> None:
        self.walk = walk
        self._fed: dict[int, ast.Group] = {}

    def here(self, call: ast.Call, builder: BodyBuilder) -> None:
        """`_`: nothing happens to what flows."""
        if call.arguments is not None or call.branches is not None:
            raise diagnosed(BracesNotAllowed(call.word), call.span)
        if builder.flow is Flow.NOTHING:
            raise diagnosed(NoInput("`_`"), call.span)

    def tap(self, call: ast.Call, builder: BodyBuilder) -> bool:
        """A label as a source; False if the word is none."""
        if call.arguments is not None or call.branches is not None:
            return False
        found = self.find(builder, call.word)
        if found is None:
            # the scope is known and has no such part: not a layer misspelt
            owner = builder.taps.get(call.word.split(".")[0])
            if owner is not None:
                _refuse_unknown(owner)
                node = owner.node
                body = self.walk.table.bodies[node.body] if isinstance(node, Call) else None
                repeats = body is not None and any(isinstance(inside, Repeat) for inside in body.nodes)
                raise diagnosed(UnknownPart(call.word, self._known(builder, call.word), repeats), call.word_span)
            return False
        # a label in the midst of a chain would throw away what flows into it
        if builder.shape is not None and not builder.begins:
            raise diagnosed(TapDiscardsFlow(call.word, builder.shape), call.span)
        refuse_training_only(builder, found, call.word, call.span)
        builder.go_to(found.ref, found.flow)
        return True

    def begin(self, group: ast.Group, env: Environment, builder: BodyBuilder) -> ast.Group:
        """A labelled group at the beginning of a branch, and fed with the source that it begins with, if it does.

        `b: [a -> X]` is `a -> b: [_ -> X]`: what flows into a scope is its first input.
        """
        call = _first(group) if builder.begins else None
        if call is None or call.word in env.holes or env.program.called(call.word) is not None:
            return group
        found = self.find(builder, call.word)
        if found is None:
            return group
        refuse_training_only(builder, found, call.word, call.span)
        builder.go_to(found.ref, found.flow)
        # one for each group: bodies are found again by the node they are made of
        return self._fed.setdefault(id(group), _fed(group))

    def find(self, builder: BodyBuilder, path: str) -> Tap | None:
        """What flows out of the part at a path: a label of this scope, or a part inside one (`features.pool3`)."""
        # before the path is taken apart: a captured label is known here under its whole path
        if path in builder.taps:
            return builder.taps[path]
        first, *inside = path.split(".")
        node = builder.taps[first].node if first in builder.taps and inside else None
        if not isinstance(node, Call):
            return None
        index = builder.taps[first].ref.node
        # not the node of the tap: an export before this one has put another in its place
        current = builder.nodes[index]
        return self._export(builder, index, current, tuple(inside)) if isinstance(current, Call) else None

    def _export(self, builder: BodyBuilder, index: int, call: Call, inside: tuple[str, ...]) -> Tap | None:
        """Let a part inside a call be an output of it."""
        table = self.walk.table
        found = table.export(call.body, inside)
        if found is None:
            return None
        number, port, shape = found
        # the part becomes an output of the scope around it, since nothing reads into a body from outside
        builder.nodes[index] = with_body(call, number, table.bodies[number])
        return Tap(Ref(index, port), shape)

    def _known(self, builder: BodyBuilder, path: str) -> tuple[str, ...]:
        first = path.split(".")[0]
        node = builder.taps[first].node
        return (
            tuple(f"{first}.{name}" for name in self.walk.table.part_names(node.body)) if isinstance(node, Call) else ()
        )

    # ---- shared weights

    def share(self, call: ast.Call, label: str | None, builder: BodyBuilder) -> None:
        """`SHARE(net)`: a further use of the layer or scope labelled `net`."""
        _refuse_inner(call)
        name = self._shared_name(call)
        if label is not None:
            raise diagnosed(CannotShare(name, f"a further use has the name `{name}`, it takes no label"), call.span)
        tap = builder.taps.get(name)
        if tap is None:
            raise diagnosed(UnknownPart(name, tuple(builder.taps)), call.span)
        _refuse_unknown(tap)
        # weights are those of modules: a chain in plain brackets is several, `_` is none
        if tap.node is None:
            raise diagnosed(CannotShare(name, "the label names no single layer or scope"), call.span)
        if builder.flow is Flow.NOTHING:
            raise diagnosed(NoInput(SHARE), call.span)
        builder.add(self._again(name, builder, tap, call))

    def _shared_name(self, call: ast.Call) -> str:
        """The label that a word such as SHARE is given."""
        arguments = call.arguments or ()
        if len(arguments) != 1 or not isinstance(arguments[0].value, ast.NameUse) or call.branches is not None:
            raise diagnosed(MissingArguments(call.word, ("one label",), "label"), call.span)
        return arguments[0].value.name

    # ---- switches of a pooling

    def unpool(self, call: ast.Call, label: str | None, builder: BodyBuilder) -> None:
        """`UNPOOL(pool1)`: undo the MAXPOOL labelled `pool1`, with the places it took its values from."""
        name = self._shared_name(call)
        tap = builder.taps.get(name)
        if tap is not None:
            _refuse_unknown(tap)
        pool = builder.nodes[tap.ref.node] if tap is not None and tap.node is not None else None
        if not isinstance(pool, Layer) or not isinstance(pool.op, MaxPool):
            raise diagnosed(NoSwitches(name), call.span)
        if builder.flow is Flow.NOTHING:
            raise diagnosed(NoInput(call.word), call.span)
        if tap is not None:
            refuse_training_only(builder, tap, name, call.span)
        # before what is missing ends this: later names are the same with and without the mistake
        own = builder.name(MaxUnpool.kind, label, call.span)
        if builder.shape is None or tap is None:
            raise Silenced
        try:
            op = MaxUnpool.undo(pool.op, input_shapes_of(builder.inputs, builder.nodes, pool)[0])
            output = op.infer_shape((builder.shape, pool.outputs[0]))
        except OpError as error:
            raise diagnosed(error.problem, call.span) from None
        # the positions are a second output of the very pooling, as nn.MaxPool2d(return_indices=True) gives them
        switched = replace(pool.op, return_indices=True)
        builder.nodes[tap.ref.node] = replace(pool, op=switched, outputs=(pool.outputs[0],) * 2)
        builder.add(Layer(own, op, (builder.last, Ref(tap.ref.node, 1)), (output,), origin(call.span)))

    def _again(self, name: str, builder: BodyBuilder, tap: Tap, call: ast.Call) -> Node:
        """The node of the further use: its input must be one that the weights fit."""
        if builder.shape is None:
            raise Silenced
        node = builder.nodes[tap.ref.node]
        assert isinstance(node, Layer | Call)
        wanted = input_shapes_of(builder.inputs, builder.nodes, node)
        again = replace(node, inputs=(builder.last,), shared=True)
        # the same input, the same everything: a Call needs no new body
        if wanted == (builder.shape,):
            return again
        # a scope's body is for one size of input, so only layers can run at another: heads over the levels of a pyramid
        if isinstance(again, Layer) and isinstance(again.op, SIZELESS) and len(builder.shape) == len(wanted[0]):
            with suppress(DoesNotFit):
                return self._at_another_size(again, builder.shape, call)
        sizes = listing(shape_text(shape) for shape in wanted)
        note = f", and a scope is shared at one size: a layer of its own fits others of {wanted[0][0]} channels"
        note = note if isinstance(node, Call) and builder.shape[0] == wanted[0][0] else ""
        raise diagnosed(CannotShare(name, f"it takes {sizes}, not {shape_text(builder.shape)}{note}"), call.span)

    def _at_another_size(self, layer: Layer, shape: Shape, call: ast.Call) -> Layer:
        """The same layer on another map. Raises `DoesNotFit` where it has weights for other channels."""
        try:
            outputs = running_shapes(layer.op, (shape,))
            # windows may fit the first map and drop rows of this one
            problem = next(iter(layer.op.check((shape,), self.walk.options.strict)), None)
            if problem is not None:
                raise OpError(problem)
            if any(size > LARGEST_SIZE for size in outputs[0]):
                raise OpError(OutOfRange(SHARE, "shape", outputs[0], f"at most {LARGEST_SIZE:,} along each axis"))
        except OpError as error:
            raise diagnosed(error.problem, call.span) from None
        return replace(layer, outputs=outputs)


def _first(group: ast.Group) -> ast.Call | None:
    """The bare word that a group begins with; None where what is first is repeated, optional or more than a word."""
    stage = group.chain.stages[0]
    if group.loop is not None or stage.suffixes:
        return None
    if isinstance(stage.part, ast.Group):
        return _first(stage.part)
    return stage.part if stage.part.arguments is None and stage.part.branches is None else None


def _fed(group: ast.Group) -> ast.Group:
    """The group with `_` in place of the source that it begins with."""
    first, *others = group.chain.stages
    part = _fed(first.part) if isinstance(first.part, ast.Group) else replace(first.part, word=HERE)
    return replace(group, chain=replace(group.chain, stages=(replace(first, part=part), *others)))


def _refuse_inner(call: ast.Call) -> None:
    """`SHARE(scope.label)`: what is inside a scope is run by that scope."""
    value = call.arguments[0].value if call.arguments and len(call.arguments) == 1 else None
    if isinstance(value, ast.Attribute):
        reason = "it is inside another scope; SHARE takes a label of its own chain"
        raise diagnosed(CannotShare(value.span.text, reason), call.span)


def refuse_training_only(builder: BodyBuilder, tap: Tap, name: str, span: Span) -> None:
    """A value that only training gives is for what runs in training only."""
    if tap.ref.node in builder.training and not builder.in_training:
        raise diagnosed(TrainingOnly(name), span)


def _refuse_unknown(tap: Tap) -> None:
    """A part that failed was reported; what names it says nothing more."""
    if tap.flow is Flow.UNKNOWN:
        raise Silenced
