"""Inputs and layers: from a word with arguments to an op with its output shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import Diagnosed, Diagnostic, Label, Problem
from archlang.elaborate.builder import Attempt, BodyBuilder, Flow
from archlang.elaborate.calls import CallReader, LayerCall
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import diagnosed, is_list
from archlang.elaborate.fixes import layer_repairs
from archlang.elaborate.parts import LARGEST_SIZE, origin
from archlang.elaborate.program import INPUT, find_default
from archlang.errors.arguments import ArgumentProblem, MissingArguments, OutOfRange, WrongType
from archlang.errors.files import BadOption
from archlang.errors.joins import BracesNotAllowed, JoinMismatch, TapDiscardsFlow
from archlang.errors.names import UnknownArgument
from archlang.errors.shapes import InputMismatch, InputNotFirst, NoInput
from archlang.errors.words import shape_text
from archlang.ir import graph
from archlang.ir.ops.arguments import is_integer
from archlang.ir.ops.base import Op, OpError, Shape
from archlang.ir.ops.linear import Flatten, FullyConnected
from archlang.source import Span
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.elaborate.elaborator import Elaborator


COLOURS = (1, 3, 4)
"""Channels of pictures."""


class Layers:
    """Elaborates inputs and layers."""

    def __init__(self, walk: Elaborator) -> None:
        self.walk = walk
        self.calls = CallReader(walk.evaluate)

    # ---- inputs

    def input(self, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        """INPUT: where a model, or a branch of one, begins."""
        _no_braces(call)
        shape = self._input_shape(call, label, env)
        # further inputs begin branches; in a model that another one calls, INPUT only says what must flow in
        if builder.root and (builder.flow is Flow.NOTHING or builder.begins):
            builder.feed(shape, label or "input")
        # behind an error nothing is known, and nothing is said
        elif builder.shape is not None and (builder.nodes or builder.root):
            raise diagnosed(InputNotFirst(builder.shape), call.span)
        elif builder.shape is not None and builder.shape != shape:
            raise diagnosed(InputMismatch("this model", builder.shape, shape), call.span)

    def _input_shape(self, call: ast.Call, label: str | None, env: Environment) -> Shape:
        # `--input` is stronger than the file, and None means the only input
        for name, shape in self.walk.options.inputs:
            if name is None or name == (label or "input"):
                _refuse_batch(shape, call)
                return check_input_shape(shape, call.span)
        # `INPUT` alone is the file's default; `INPUT()` asks for a shape
        default = find_default(env.program, INPUT) if call.arguments is None else None
        arguments = default.arguments if default else call.arguments or ()
        if not arguments:
            raise diagnosed(MissingArguments(INPUT, ("its shape",), "C, H, W", "INPUT(3, 32, 32)"), call.span)
        if default:
            self._use_default(INPUT, default)
        sizes = self._sizes(arguments, env.outermost if default else env)
        return check_input_shape(sizes, call.span)

    def _sizes(self, arguments: tuple[ast.Argument, ...], env: Environment) -> Shape:
        sizes: list[Any] = []
        for argument in arguments:
            if argument.name is not None:
                raise diagnosed(UnknownArgument(argument.name, None, INPUT, ("C", "H", "W")), argument.span)
            value = self.walk.evaluate(argument.value, env)
            # INPUT(3, 32x32) and INPUT(shape) spread: a size and a list are both tuples
            sizes.extend(value if is_list(value) else (value,))
            if not all(is_integer(size) for size in sizes):
                raise diagnosed(WrongType(INPUT, "shape", value, "whole numbers: C, H, W"), argument.span)
        return tuple(sizes)

    def _use_default(self, word: str, default: ast.DefaultLayer) -> None:
        text = default.span.text.removeprefix("default").strip()
        self.walk.defaults[word] = graph.DefaultUse(word, text, origin(default.span))

    # ---- layers

    def layer(self, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        """A layer fed with what flows."""
        _no_braces(call)
        layer = self._read(call, env)
        source = layer.op_class.is_source
        if builder.flow is Flow.NOTHING and not source:
            raise diagnosed(NoInput(call.word), call.span)
        if source and builder.shape is not None and not builder.begins:
            raise diagnosed(TapDiscardsFlow(call.word, builder.shape), call.span)
        # also behind an error, where no layer comes of it: the names of those further down do not depend on mistakes
        name = builder.name(layer.op_class.kind, label, call.span)
        if source:
            self._add(layer, call, name, builder, (), ())
        elif builder.shape is not None:
            # FC reads all of a map, as the lectures draw it; LINEAR acts on the last axis alone, as nn.Linear does
            if layer.op_class is FullyConnected and len(builder.shape) > 1:
                self.implicit(Flatten(), builder, call.span)
            self._add(layer, call, name, builder, (builder.shape,), (builder.last,))

    def join(
        self,
        call: ast.Call,
        label: str | None,
        env: Environment,
        builder: BodyBuilder,
        branches: list[tuple[graph.Ref, Shape]],
    ) -> None:
        """A layer fed with several branches."""
        layer = self._read(call, env)
        # CONCAT, ADD and MUL become an expression in forward(), so they take no index from the modules of a Sequential
        name = builder.name(layer.op_class.kind, label, call.span, numbered=False)
        self._add(layer, call, name, builder, tuple(s for _, s in branches), tuple(r for r, _ in branches))

    def wants_crop(self, call: ast.Call, env: Environment) -> bool:
        """Whether a join says `align="crop"`."""
        align = self.calls.layer(call, env).given.get("align")
        return align is not None and align.value == "crop"

    def _read(self, call: ast.Call, env: Environment) -> LayerCall:
        layer = self.calls.layer(call, env)
        if layer.default:
            self._use_default(call.word, layer.default)
        return layer

    def implicit(self, op: Op, builder: BodyBuilder, span: Span) -> None:
        """A layer that the compiler puts in, without a name: the flattening before FC, the crop before a join."""
        assert builder.shape is not None
        output = op.infer_shape((builder.shape,))
        # flattening multiplies sizes that were each within the bound
        if any(size > LARGEST_SIZE for size in output):
            problem = OutOfRange(op.words[0], "shape", output, f"at most {LARGEST_SIZE:,} along each axis")
            raise diagnosed(problem, span)
        builder.add(graph.Layer(None, op, (builder.last,), (output,), origin(span)))

    def _add(
        self,
        layer: LayerCall,
        call: ast.Call,
        name: graph.Name,
        builder: BodyBuilder,
        shapes: tuple[Shape, ...],
        sources: tuple[graph.Ref, ...],
    ) -> None:
        builder.attempt = Attempt(name, sources)
        op, outputs = self._op(layer, call, shapes)
        builder.add(graph.Layer(name, op, sources, outputs, origin(call.span), layer.init))

    def _op(self, layer: LayerCall, call: ast.Call, shapes: tuple[Shape, ...]) -> tuple[Op, tuple[Shape, ...]]:
        """The op on inputs of these shapes, and the shapes that come out. Raises `Diagnosed`."""
        try:
            op = layer.build(shapes)
            outputs = op.infer_shapes(shapes)
            # what torch would run without a word, such as rows never read; only shapes that it takes at all get so far
            problem = next(iter(op.check(shapes, self.walk.options.strict)), None)
            if problem is not None:
                raise OpError(problem)
            if any(size > LARGEST_SIZE for output in outputs for size in output):
                raise OpError(OutOfRange(layer.word, "shape", outputs[0], f"at most {LARGEST_SIZE:,} along each axis"))
        except OpError as error:
            raise Diagnosed(self._diagnostic(error, layer, call, shapes)) from None
        return op, outputs

    def _diagnostic(self, error: OpError, layer: LayerCall, call: ast.Call, shapes: tuple[Shape, ...]) -> Diagnostic:
        problem = error.problem
        span = layer.argument_span(problem.argument) if isinstance(problem, ArgumentProblem) else call.span
        if isinstance(problem, OutOfRange) and shapes:
            # INPUT(8, 3, 32, 32) is read as a volume, and what fails behind it looks like a size
            problem = replace(problem, hint=_without_batch(shapes[0]))
        candidates = tuple(layer_repairs(problem, layer, call, shapes, self.walk.options.strict))
        if isinstance(problem, JoinMismatch):
            # loaded only here: a text without this mistake does not pay for it
            from archlang.elaborate.join_fixes import join_repairs

            candidates = tuple(join_repairs(problem, call, shapes))
        return Diagnostic(problem, span, span.source.name, _branch_shapes(problem, call, shapes), candidates=candidates)


def _without_batch(shape: Shape) -> str:
    """What to say where the first size looks like the batch of pictures."""
    # (3, 3, 32, 32) could as well be a short film in colour
    looks = len(shape) == 4 and shape[1] in COLOURS and shape[0] not in COLOURS
    return f"the batch is not written: INPUT({', '.join(map(str, shape[1:]))})" if looks else ""


def _branch_shapes(problem: Problem, call: ast.Call, shapes: tuple[Shape, ...]) -> tuple[Label, ...]:
    """What comes out of each branch of a join that does not fit, where each is written out."""
    branches = call.branches or ()
    # a branch with a loop stands for several shapes, and has one place
    if not isinstance(problem, JoinMismatch) or len(branches) != len(shapes) or any(b.loop for b in branches):
        return ()
    return tuple(Label(branch.span, shape_text(shape)) for branch, shape in zip(branches, shapes, strict=True))


def _no_braces(call: ast.Call) -> None:
    """Only joins, blocks with holes, AUX and OUTPUT take branches."""
    if call.branches is not None:
        raise diagnosed(BracesNotAllowed(call.word), call.span)


def _refuse_batch(shape: tuple[Any, ...], call: ast.Call) -> None:
    """Sizes that are those of the file's numbers with one more in front are a tensor's, batch included."""
    values = [argument.value for argument in call.arguments or ()]
    written = [value.value for value in values if isinstance(value, ast.Literal)]
    # INPUT(3, 224, 224) with --input 8,3,256,256
    if written and len(shape) == len(values) + 1 and len(written) == len(values) and shape[1] == written[0]:
        rest = ",".join(map(str, shape[1:]))
        expected = f"{len(values)} sizes; leave out the batch: {rest}"
        raise diagnosed(BadOption("input", ",".join(map(str, shape)), expected), call.span)


def check_input_shape(shape: tuple[Any, ...], span: Span) -> Shape:
    """The shape of an input, 1 to 4 axes of at least 1."""
    if not all(is_integer(size) for size in shape):
        raise diagnosed(WrongType(INPUT, "shape", shape, "whole numbers: C, H, W"), span)
    if not 1 <= len(shape) <= 4:
        expected = "1 to 4 sizes: features, (C, L), (C, H, W) or (C, D, H, W)"
        raise diagnosed(OutOfRange(INPUT, "shape", shape, expected), span)
    if not all(1 <= size <= LARGEST_SIZE for size in shape):
        raise diagnosed(OutOfRange(INPUT, "shape", shape, f"sizes from 1 to {LARGEST_SIZE:,}"), span)
    return shape
