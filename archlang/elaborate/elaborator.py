"""The walk: from the syntax tree to bodies, with names, arguments and shapes resolved in one pass.

A body is elaborated once for each (definition, arguments, input shape); `*N` stops at the first copy whose output
has the shape of its input, so its cost does not grow with N.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from archlang.diagnostics import Collector, Diagnosed, Diagnostic, Help, Label
from archlang.elaborate.bodies import (
    BodyBuilder, BodyTable, Flow, Naming, check_scope_names, take_labels_of_copies
)  # fmt: skip
from archlang.elaborate.calls import CallReader, LayerCall, match_arguments
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Evaluator, Silenced, diagnosed, rename
from archlang.elaborate.program import ALIAS_LIMIT, INPUT, ModelParameter, Program, find_default, switch_name
from archlang.errors.arguments import ArgumentProblem, MissingArguments, OutOfRange, WrongType
from archlang.errors.limits import NegativeRepeat, RecursionWithoutEnd, TooManyBodies, TooManyLayers
from archlang.errors.names import ReservedName, UnboundParameters, UnknownLayer
from archlang.errors.shapes import InputMismatch, InputNotFirst, NoInput, StatedShape
from archlang.errors.values import BadLabel
from archlang.errors.words import closest, value_text
from archlang.ir import graph
from archlang.ir.ops import WORDS
from archlang.ir.ops.arguments import is_integer
from archlang.ir.ops.base import OpError, Shape
from archlang.ir.ops.linear import Flatten, Linear
from archlang.source import Span
from archlang.syntax import ast
from archlang.syntax.build import BARE
from archlang.syntax.reserved import label_problem

CALL_DEPTH = 64
LAYER_LIMIT = 10_000_000
WORK_LIMIT = 200_000
LARGEST_SIZE = 10**9


@dataclass(frozen=True)
class Options:
    """What the command line adds to a file: the input shape by name (None: the only input), the lectures' rule."""

    inputs: tuple[tuple[str | None, Shape], ...] = ()
    strict: bool = False


@dataclass(frozen=True)
class Part:
    """An elaborated body with what flows out of it and the defaults it relied on. `body` is None behind an error."""

    body: graph.BodyId | None
    flow: Shape | Flow
    defaults: tuple[graph.DefaultUse, ...]
    input_names: tuple[str, ...] = ()
    labels: tuple[tuple[str, Span], ...] = ()


@dataclass(frozen=True)
class Maker:
    """How to fill a body, and what identifies it among all that this program makes."""

    key: tuple[Any, ...]
    make: Callable[[BodyBuilder], None]


class Elaborator:
    """Elaborates the models of one program."""

    def __init__(self, program: Program, evaluate: Evaluator, collector: Collector, options: Options) -> None:
        self.program = program
        self.evaluate = evaluate
        self.collector = collector
        self.options = options
        self.calls = CallReader(program, evaluate)
        self.table = BodyTable()
        self.memory: dict[Any, Part] = {}
        self.trail: tuple[Label, ...] = ()
        self.defaults: dict[str, graph.DefaultUse] = {}
        self.work = 0
        self.environment = Environment({}, program.values)

    # ---- models

    def model(self, definition: ast.Definition, bindings: dict[str, Any]) -> graph.Model | None:
        """A model with its parameters bound; None after an error, which is then reported."""
        errors = self.collector.errors
        try:
            definition, env = self._resolve_alias(definition, self._bind_model(definition, bindings))
            part = self._body_of(definition, env, Flow.NOTHING, definition.name_span)
        except Diagnosed as error:
            self.report(error.diagnostic)
            return None
        except Silenced:
            return None
        if part.body is None or self.collector.errors > errors:
            return None
        root = self.table.bodies[part.body]
        return graph.Model(
            name=definition.name,
            inputs=tuple(graph.Input(n, s) for n, s in zip(part.input_names, root.inputs, strict=True)),
            bodies=self.table.reachable(part.body),
            arguments=root.arguments,
            defaults=part.defaults,
            origin=origin(definition.name_span),
            doc=definition.doc,
        )

    def _bind_model(self, definition: ast.Definition, bindings: dict[str, Any]) -> Environment:
        """The environment of a model's chain: given values, then defaults. Raises for what has no value."""
        parameters = self.program.parameters(definition)
        unbound = [p for p in parameters if p.name not in bindings and p.default is None]
        if unbound:
            raise Diagnosed(_unbound(definition, unbound))
        return self._with_defaults(parameters, bindings)

    def _with_defaults(self, parameters: tuple[ModelParameter, ...], given: dict[str, Any]) -> Environment:
        """Given values, then defaults. An inherited parameter that is not given is left to whom it belongs."""
        env = self.environment
        for parameter in parameters:
            if parameter.name in given:
                env = env.extended({parameter.name: given[parameter.name]})
            elif not parameter.inherited and parameter.default is not None:
                env = env.extended({parameter.name: self.evaluate(parameter.default, env)})
        return env

    def _resolve_alias(self, definition: ast.Definition, env: Environment) -> tuple[ast.Definition, Environment]:
        """`model VGG16 = VGG(depths=...)` is VGG with other values under another name: same chain, same keys."""
        name = definition.name
        for _ in range(ALIAS_LIMIT):
            alias = self.program.alias(definition)
            if alias is None:
                return definition, env
            callee, call = alias
            inherited = [p.name for p in self.program.parameters(definition) if p.inherited and p.name in env.local]
            given = {n: env.local[n] for n in inherited} | self.given(callee, call, env)
            env = self._bind_model(callee, given)
            definition = replace(callee, name=name, name_span=definition.name_span, doc=definition.doc or callee.doc)
        raise diagnosed(RecursionWithoutEnd(name, ALIAS_LIMIT), definition.name_span)

    # ---- bodies

    def _body_of(self, definition: ast.Definition, env: Environment, flow: Shape | Flow, span: Span) -> Part:
        """The body of a block or model."""
        if len(self.trail) >= CALL_DEPTH:
            raise diagnosed(RecursionWithoutEnd(definition.name, CALL_DEPTH), span)
        naming: Naming = "kinds" if definition.is_model else "numbers"
        arguments = tuple(graph.Argument(name, value) for name, value in env.local.items())
        maker = Maker(("body", id(definition.chain)), lambda inner: self._chain(definition.chain, env, inner))
        return self._remembered(maker, env, flow, naming, definition.name_span, definition.name, arguments)

    def _remembered(
        self,
        maker: Maker,
        env: Environment,
        flow: Shape | Flow,
        naming: Naming,
        span: Span,
        definition: str | None = None,
        arguments: tuple[graph.Argument, ...] = (),
    ) -> Part:
        """A body, elaborated unless the same was before."""
        key = (maker.key, definition, env.key, flow, naming)
        if key not in self.memory:
            outer, self.defaults = self.defaults, {}
            try:
                builder = BodyBuilder(naming, flow)
                maker.make(builder)
                self.memory[key] = self._finish(builder, definition, arguments, span)
            finally:
                self.defaults = outer
        found = self.memory[key]
        self.defaults |= {use.word: use for use in found.defaults}
        return found

    def _finish(
        self, builder: BodyBuilder, definition: str | None, arguments: tuple[graph.Argument, ...], span: Span
    ) -> Part:
        uses = tuple(self.defaults.values())
        if builder.shape is None:
            return Part(None, builder.flow, uses)
        body = builder.finish(definition, arguments, origin(span))
        number = self.table.add(body)
        if self.table.layers[number] > LAYER_LIMIT:
            raise diagnosed(TooManyLayers(self.table.layers[number], LAYER_LIMIT), span)
        return Part(number, builder.flow, uses, builder.input_names, tuple(builder.labels.items()))

    def _scope(self, part: Part) -> Part:
        """A finished part that opens a scope: its names must be unique."""
        if part.body is not None:
            check_scope_names(self.table, self.table.bodies[part.body], dict(part.labels))
        return part

    # ---- chains

    def _chain(self, chain: ast.Chain, env: Environment, builder: BodyBuilder) -> None:
        for stage in chain.stages:
            self._stage(stage, env, builder)

    def _stage(self, stage: ast.Stage, env: Environment, builder: BodyBuilder) -> None:
        """One stage; an error in it is reported here and what flows behind it is unknown."""
        try:
            self._spend(stage.span)
            self._suffixed(stage, stage.suffixes, env, builder)
            if stage.stated is not None:
                self._check_stated(stage.stated, env, builder)
        except Diagnosed as error:
            self.report(error.diagnostic)
            builder.flow = Flow.UNKNOWN
        except Silenced:
            builder.flow = Flow.UNKNOWN

    def _suffixed(
        self, stage: ast.Stage, suffixes: tuple[ast.Repeat | ast.Optional, ...], env: Environment, builder: BodyBuilder
    ) -> None:
        """A stage with its suffixes, the last one first: `X*2?(c)` is `[X*2]?(c)`."""
        if not suffixes:
            self._part(stage, self._label(stage, env), env, builder)
            return
        last, inner = suffixes[-1], suffixes[:-1]
        if isinstance(last, ast.Optional):
            if self._is_kept(stage, last, env):
                self._suffixed(stage, inner, env, builder)
            return
        count = self._count(last, env)
        label = self._label(stage, env)
        copy = replace(stage, label=None, suffixes=inner, stated=None)
        if label is None:
            self._repeat(copy, count, env, builder)
        else:
            self._labelled_repeat(copy, label, count, env, builder)

    def _is_kept(self, stage: ast.Stage, optional: ast.Optional, env: Environment) -> bool:
        if optional.condition is not None:
            return self.evaluate.truth(optional.condition, env)
        try:
            value = env.find(switch_name(stage) or "")
        except KeyError:
            return True  # a block has no switches: its unguarded `?` keeps what stands before it
        if not isinstance(value, bool):
            raise diagnosed(WrongType("the switch", switch_name(stage) or "", value, "true or false"), optional.span)
        return value

    def _count(self, repeat: ast.Repeat, env: Environment) -> int:
        count = self.evaluate(repeat.count, env)
        if not is_integer(count) or count < 0:
            raise diagnosed(NegativeRepeat(value_text(count)), repeat.span)
        return count

    def _label(self, stage: ast.Stage, env: Environment) -> str | None:
        if stage.label is None:
            return None
        text = self._label_text(stage.label, env) if stage.label.quoted else stage.label.text
        reason = label_problem(text)
        if reason:
            raise diagnosed(BadLabel(text, reason) if stage.label.quoted else ReservedName(text, reason), stage.label.span)
        return text

    def _label_text(self, label: ast.Label, env: Environment) -> str:
        """`"conv{i + 1}"` with the values of its expressions."""
        from archlang.elaborate.labels import fill

        return fill(label, lambda expression: self.evaluate(expression, env))

    # ---- parts

    def _part(self, stage: ast.Stage, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        part = stage.part
        if isinstance(part, ast.Group):
            self._group(part, label, env, builder, stage.span)
        elif part.word == INPUT:
            self._input(part, label, env, builder)
        elif part.word in WORDS:
            self._layer(part, label, env, builder)
        elif part.word in self.program.definitions:
            self._call(self.program.definitions[part.word], part, label, env, builder)
        else:
            suggestion = closest(part.word, (*WORDS, INPUT, *self.program.definitions))
            problem = UnknownLayer(part.word, suggestion)
            raise diagnosed(problem, part.word_span, *rename(part.word_span, suggestion))

    def _group(
        self, group: ast.Group, label: str | None, env: Environment, builder: BodyBuilder, span: Span
    ) -> None:
        """Brackets: transparent without a label, a scope with one."""
        if label is None:
            if group.loop is None:
                self._chain(group.chain, env, builder)
            else:
                self._comprehension(group, group.loop, env, builder)
            return
        self._open_scope(group, label, env, builder, span)

    def _open_scope(
        self, group: ast.Group, label: str | None, env: Environment, builder: BodyBuilder, span: Span
    ) -> None:
        """A group with a name of its own: a body whose layers are numbered."""
        name = builder.name("group", label, span)
        maker = Maker(("scope", id(group)), lambda inner: self._group(group, None, env, inner, span))
        part = self._scope(self._remembered(maker, env, self._flowing(builder, span), "numbers", span))
        self._add_call(name, part, builder, span)

    def _flowing(self, builder: BodyBuilder, span: Span) -> Shape | Flow:
        """What flows into a body; nothing is an error."""
        if builder.flow is Flow.NOTHING:
            raise diagnosed(NoInput("this part"), span)
        return builder.flow

    def _add_call(self, name: graph.Name, part: Part, builder: BodyBuilder, span: Span) -> None:
        if part.body is None or not isinstance(part.flow, tuple):
            builder.flow = Flow.UNKNOWN
            return
        builder.add(graph.Call(name, part.body, (builder.last,), (part.flow,), origin(span)))

    # ---- repeats

    def _repeat(self, copy: ast.Stage, count: int, env: Environment, builder: BodyBuilder) -> None:
        """`X*N` without a label: copies that name their layers in the scope around them."""
        if count == 1:
            self._stage(copy, env, builder)
        elif count:
            maker = Maker(
                ("copy", id(copy.part), len(copy.suffixes)), lambda inner: self._stage(copy, env, inner)
            )
            self._add_repeat(self._copies(maker, count, env, builder, builder.naming, copy.span), builder, copy.span)

    def _copies(
        self, maker: Maker, count: int, env: Environment, builder: BodyBuilder, naming: Naming, span: Span
    ) -> list[tuple[Part, int]]:
        """`count` copies in a row; the first that keeps its shape stands for all that follow."""
        runs: list[tuple[Part, int]] = []
        flow, left = self._flowing(builder, span), count
        while left:
            self._spend(span)
            part = self._remembered(maker, env, flow, naming, span)
            same = left if part.flow == flow else 1
            runs.append((part, same))
            flow, left = part.flow, left - same
        return runs

    def _comprehension(self, group: ast.Group, loop: ast.Loop, env: Environment, builder: BodyBuilder) -> None:
        """`[... for x in items]`: the chains of all iterations, one after the other."""
        runs: list[tuple[Part, int]] = []
        flow: Shape | Flow | None = None
        for inner in self.evaluate.loop(loop, env):
            self._spend(group.span)
            flow = self._flowing(builder, group.span) if flow is None else flow
            maker = Maker(("loop", id(group)), partial(self._chain, group.chain, inner))
            part = self._remembered(maker, inner, flow, builder.naming, group.chain.span)
            if runs and runs[-1][0].body == part.body:
                runs[-1] = (part, runs[-1][1] + 1)
            else:
                runs.append((part, 1))
            flow = part.flow
        if runs:
            self._add_repeat(runs, builder, group.span)

    def _add_repeat(self, runs: list[tuple[Part, int]], builder: BodyBuilder, span: Span) -> None:
        flow = runs[-1][0].flow
        ids = [(part.body, count) for part, count in runs if part.body is not None]
        if len(ids) < len(runs) or not isinstance(flow, tuple):
            builder.flow = Flow.UNKNOWN
            return
        layers = sum(self.table.layers[body] * count for body, count in ids)
        if layers > LAYER_LIMIT:
            raise diagnosed(TooManyLayers(layers, LAYER_LIMIT), span)
        starts: dict[str, int] = {}
        for body, count in ids:
            take_labels_of_copies(builder, self.table.labels(body), count, span)
            starts = dict(builder.starts_behind(self.table.bodies[body], count)) | starts
        run_nodes = tuple(graph.Run(body, count) for body, count in ids)
        builder.add(graph.Repeat(run_nodes, tuple(starts.items()), (builder.last,), (flow,), origin(span)))

    def _labelled_repeat(
        self, copy: ast.Stage, label: str, count: int, env: Environment, builder: BodyBuilder
    ) -> None:
        """`layer1: block(64)*3` is the scope layer1 with the copies 0, 1, 2."""
        span = copy.span
        name = builder.name("group", label, span)
        one = Maker(("numbered", id(copy.part), len(copy.suffixes)), lambda inner: self._numbered(copy, env, inner))

        def make_all(inner: BodyBuilder) -> None:
            if runs := self._copies(one, count, env, inner, "numbers", span):
                self._add_repeat(runs, inner, span)

        everything = Maker(("labelled", id(copy.part), len(copy.suffixes), count), make_all)
        part = self._remembered(everything, env, self._flowing(builder, span), "numbers", span)
        self._add_call(name, part, builder, span)

    def _numbered(self, copy: ast.Stage, env: Environment, builder: BodyBuilder) -> None:
        """One copy of a labelled repeat: a group becomes a numbered scope, a layer or block takes the number."""
        if isinstance(copy.part, ast.Group) and not copy.suffixes:
            self._open_scope(copy.part, None, env, builder, copy.span)
        else:
            self._stage(copy, env, builder)

    # ---- layers

    def _input(self, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        shape = self._input_shape(call, label, env)
        if builder.flow is Flow.NOTHING:
            builder.feed(shape, label or "input")
        elif builder.shape is not None and builder.nodes:
            raise diagnosed(InputNotFirst(builder.shape), call.span)
        elif builder.shape is not None and builder.shape != shape:
            raise diagnosed(InputMismatch("this model", builder.shape, shape), call.span)

    def _input_shape(self, call: ast.Call, label: str | None, env: Environment) -> Shape:
        for name, shape in self.options.inputs:
            if name is None or name == (label or "input"):
                return shape
        default = find_default(self.program, INPUT) if call.arguments is None else None
        arguments = default.arguments if default else call.arguments or ()
        if not arguments:
            bare = "INPUT(3, 32, 32)"
            raise diagnosed(MissingArguments(INPUT, ("its shape",), "C, H, W", bare), call.span)
        if default:
            self._use_default(INPUT, default)
        sizes: list[Any] = []
        for argument in arguments:
            value = self.evaluate(argument.value, env if default is None else self.environment)
            sizes.extend(value if isinstance(value, tuple) else (value,))
            if argument.name is not None or not all(is_integer(size) for size in sizes):
                raise diagnosed(WrongType(INPUT, "shape", value, "whole numbers: C, H, W"), argument.span)
        return check_input_shape(tuple(sizes), call.span)

    def _use_default(self, word: str, default: ast.DefaultLayer) -> None:
        text = default.span.text.removeprefix("default").strip()
        self.defaults[word] = graph.DefaultUse(word, text, origin(default.span))

    def _layer(self, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        layer = self.calls.layer(call, env)
        if layer.default:
            self._use_default(call.word, layer.default)
        if builder.flow is Flow.NOTHING:
            raise diagnosed(NoInput(call.word), call.span)
        name = builder.name(layer.op_class.kind, label, call.span)
        if builder.shape is None:
            return
        if layer.op_class is Linear and len(builder.shape) > 1:
            self._flatten(builder, call.span)
        self._add_layer(layer, call, name, builder)

    def _flatten(self, builder: BodyBuilder, span: Span) -> None:
        """FC reads its whole input: flatten it, without a name."""
        op, shape = Flatten(), builder.shape
        assert shape is not None
        builder.add(graph.Layer(None, op, (builder.last,), (op.infer_shape((shape,)),), origin(span)))

    def _add_layer(self, layer: LayerCall, call: ast.Call, name: graph.Name, builder: BodyBuilder) -> None:
        assert builder.shape is not None
        inputs = (builder.shape,)
        try:
            op = layer.build(inputs[0])
            output = op.infer_shape(inputs)
            problem = next(iter(op.check(inputs, self.options.strict)), None)
            if problem is not None:
                raise OpError(problem)
            if max(output) > LARGEST_SIZE:
                raise OpError(OutOfRange(layer.word, "shape", output, f"at most {LARGEST_SIZE:,} along each axis"))
        except OpError as error:
            raise Diagnosed(self._op_diagnostic(error, layer, call, inputs)) from None
        builder.add(graph.Layer(name, op, (builder.last,), (output,), origin(call.span), layer.init))

    def _op_diagnostic(self, error: OpError, layer: LayerCall, call: ast.Call, inputs: tuple[Shape, ...]) -> Diagnostic:
        problem = error.problem
        span = layer.argument_span(problem.argument) if isinstance(problem, ArgumentProblem) else call.span
        candidates = tuple(self._repairs(problem, layer, call, inputs))
        return Diagnostic(problem, span, span.source.name, candidates=candidates)

    def _repairs(
        self, problem: Any, layer: LayerCall, call: ast.Call, inputs: tuple[Shape, ...]
    ) -> Iterator[Help]:
        """Changed arguments with which this layer alone is clean; whether the file is, `fixes.py` tries."""
        from archlang.elaborate.fixes import layer_repairs

        yield from layer_repairs(problem, layer, call, inputs, self.options.strict)

    # ---- calls of blocks and models

    def _call(
        self, definition: ast.Definition, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder
    ) -> None:
        given = self.given(definition, call, env)
        inner = self._with_defaults(self.program.parameters(definition), self._all_given(definition, given, call))
        name = builder.name(definition.name.lower(), label, call.span)
        flow = builder.flow if definition.is_model else self._flowing(builder, call.span)
        with self._expanding(definition, call.span):
            part = self._scope(self._body_of(definition, inner, flow, call.span))
        if builder.flow is Flow.NOTHING and part.body is not None:
            builder.feed(self.table.bodies[part.body].inputs[0], part.input_names[0])
        self._add_call(name, part, builder, call.span)

    def given(self, definition: ast.Definition, call: ast.Call, env: Environment) -> dict[str, Any]:
        """Arguments of a call of a block or model, by name."""
        names = [parameter.name for parameter in self.program.parameters(definition)]
        written = [parameter.name for parameter in definition.parameters]
        given = match_arguments(
            definition.name, call.arguments or (), written or names,
            lambda name: name if name in names else None, lambda value: self.evaluate(value, env), names,
        )  # fmt: skip
        return {name: item.value for name, item in given.items()}

    def _all_given(self, definition: ast.Definition, given: dict[str, Any], call: ast.Call) -> dict[str, Any]:
        parameters = self.program.parameters(definition)
        missing = tuple(p.name for p in parameters if p.default is None and p.name not in given)
        if missing:
            signature = ", ".join(p.name if p.default is None else p.span.text for p in parameters)
            raise diagnosed(MissingArguments(definition.name, missing, signature), call.span)
        return given

    @contextmanager
    def _expanding(self, definition: ast.Definition, span: Span) -> Iterator[None]:
        """Keep the way to the body of a definition, for diagnostics inside it."""
        kind = "model" if definition.is_model else "block"
        outer = self.trail
        self.trail = (Label(span, f"in {kind} `{definition.name}`, used here"), *outer)
        try:
            yield
        finally:
            self.trail = outer

    # ---- checks

    def _check_stated(self, stated: ast.Expression, env: Environment, builder: BodyBuilder) -> None:
        value = self.evaluate(stated, env)
        shape = value if isinstance(value, tuple) else (value,)
        if not all(is_integer(size) for size in shape):  # pyright: ignore[reportUnknownVariableType]
            raise diagnosed(WrongType("`::`", "shape", value, "a shape: (64, 56, 56)"), stated.span)
        if builder.shape is not None and shape != builder.shape:
            raise diagnosed(StatedShape(shape, builder.shape), stated.span)  # pyright: ignore[reportUnknownArgumentType]

    def _spend(self, span: Span) -> None:
        self.work += 1
        if self.work > WORK_LIMIT:
            raise diagnosed(TooManyBodies(WORK_LIMIT), span)

    def report(self, diagnostic: Diagnostic) -> None:
        """Collect a diagnostic with the chain of expansions that led to it."""
        self.collector.add(replace(diagnostic, trail=self.trail))


def origin(span: Span) -> graph.Origin:
    """A span as the IR keeps it."""
    return graph.Origin(span.source.name, span.line, span.column)


def check_input_shape(shape: Shape, span: Span) -> Shape:
    """The shape of an input, 1 to 4 axes of at least 1."""
    if not 1 <= len(shape) <= 4:
        raise diagnosed(OutOfRange(INPUT, "shape", shape, "1 to 4 sizes: features, (C, L), (C, H, W) or (C, D, H, W)"), span)
    if min(shape) < 1 or max(shape) > LARGEST_SIZE:
        raise diagnosed(OutOfRange(INPUT, "shape", shape, f"sizes from 1 to {LARGEST_SIZE:,}"), span)
    return shape


def _unbound(definition: ast.Definition, unbound: list[ModelParameter]) -> Diagnostic:
    """The diagnostic that lists parameters without a value and shows how to bind them."""
    names = tuple(dict.fromkeys(p.name for p in unbound))
    example = tuple(f"{name}={index % 2 + 1}" for index, name in enumerate(names, 1))
    named = definition.keyword != BARE
    owner = definition.name if named else "this chain"
    others = tuple(Label(p.span, "") for p in unbound[1:])
    span = unbound[0].span
    return Diagnostic(UnboundParameters(owner, names, example, named), span, span.source.name, others)
