"""Calls of blocks and models: arguments bound, holes filled, aliases followed."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import Diagnosed, Diagnostic, Label
from archlang.elaborate.builder import BodyBuilder, Flow, Naming
from archlang.elaborate.calls import match_arguments
from archlang.elaborate.domains import check_in_domain
from archlang.elaborate.environment import Environment, Hole
from archlang.elaborate.expressions import FAILED, diagnosed
from archlang.elaborate.parts import CALL_DEPTH, Maker, Part, origin
from archlang.elaborate.program import ALIAS_LIMIT, Definition, ModelParameter, Program
from archlang.errors.arguments import MissingArguments
from archlang.errors.joins import BracesNotAllowed, WrongHoles
from archlang.errors.limits import RecursionWithoutEnd
from archlang.errors.names import UnboundParameters
from archlang.errors.shapes import NoInput
from archlang.ir import graph
from archlang.ir.ops.base import Shape
from archlang.source import Span
from archlang.syntax import ast
from archlang.syntax.build import BARE

if TYPE_CHECKING:
    from archlang.elaborate.elaborator import Elaborator

INFERRED = ("in_shape", "in_channels", "in_features")
"""Names that a block finds about its own input: the shape, its first size, the product of its sizes."""


class Blocks:
    """Elaborates calls of blocks and models."""

    def __init__(self, walk: Elaborator) -> None:
        self.walk = walk
        self._groups: dict[int, ast.Group] = {}

    # ---- binding of a model's parameters

    def bind_model(
        self, program: Program, definition: ast.Definition, bindings: dict[str, Any]
    ) -> tuple[Definition, Environment]:
        """A model and the environment of its chain, aliases followed to the model they stand for.

        `model VGG16 = VGG(depths=...)` is VGG with other values under another name: same chain, same keys.
        """
        current = Definition(definition, program)
        env = self._bind(current, bindings)
        # each alias binds what it fixes and hands on the rest, with the names of its own file
        for _ in range(ALIAS_LIMIT):
            alias = current.program.alias(current.tree)
            if alias is None:
                return self._renamed(current, definition), env
            callee, call = alias
            # what was not given is left to the model itself, whose default may follow from its other parameters
            inherited = [p.name for p in current.parameters() if p.inherited and p.name in env.local]
            given = {name: env.local[name] for name in inherited} | self.given(callee, call, env)
            current, env = callee, self._bind(callee, given)
        raise diagnosed(RecursionWithoutEnd(definition.name, ALIAS_LIMIT, alias=True), definition.name_span)

    def _renamed(self, found: Definition, asked: ast.Definition) -> Definition:
        doc = "\n\n".join(text for text in (found.program.header, asked.doc or found.tree.doc) if text)
        return replace(found, tree=replace(found.tree, name=asked.name, name_span=asked.name_span, doc=doc))

    def _bind(self, definition: Definition, bindings: dict[str, Any]) -> Environment:
        """The environment of a model's chain: given values, then defaults. Raises for what has no value."""
        parameters = definition.parameters()
        unbound = [p for p in parameters if p.name not in bindings and p.default is None]
        if unbound:
            raise Diagnosed(_unbound(definition, unbound))
        return self._with_defaults(definition, parameters, bindings)

    def _with_defaults(
        self, definition: Definition, parameters: tuple[ModelParameter, ...], given: dict[str, Any]
    ) -> Environment:
        """Given values, then defaults. An inherited parameter that is not given is left to whom it belongs."""
        values: dict[str, Any] = {}
        # `values` fills while `env` is read: a default may use the parameters in front of it
        env = Environment(definition.program, definition.program.values, values)
        for parameter in parameters:
            if parameter.name in given:
                values[parameter.name] = given[parameter.name]
            elif not parameter.inherited and parameter.default is not None:
                values[parameter.name] = self.walk.evaluate(parameter.default, env)
            if parameter.name in values:
                check_in_domain(self.walk.evaluate, definition.program, parameter, values[parameter.name])
        # diagrams need not show what nobody gave
        return replace(env, defaulted=frozenset(values) - frozenset(given))

    def given(self, definition: Definition, call: ast.Call, env: Environment) -> dict[str, Any]:
        """Arguments of a call of a block or model, by name."""
        names = [parameter.name for parameter in definition.parameters()]
        written = [parameter.name for parameter in definition.tree.parameters]
        given = match_arguments(
            # positions are those of the parentheses; letters and switches of the chain only have names
            definition.tree.name, call.arguments or (), written or names,
            lambda name: name if name in names else None, lambda value: self.walk.evaluate(value, env), names,
        )  # fmt: skip
        return {name: item.value for name, item in given.items()}

    # ---- calls

    def call(
        self, definition: Definition, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder
    ) -> None:
        """A block or model in a chain."""
        tree = definition.tree
        if tree.is_model and builder.flow is Flow.NOTHING and not builder.root:
            raise diagnosed(NoInput("this part"), call.span)
        # before the name is taken: wrong arguments are reported at the call, whatever flows
        inner = self.environment(definition, call, env)
        name = builder.name(tree.name.lower(), label, call.span)
        # a model has its own INPUT and may begin a chain, a block must be fed
        flow = builder.flow if tree.is_model else self.walk.flowing(builder, call.span)
        with self.walk.expanding(f"in {tree.keyword} `{tree.name}`, used here", call.span):
            part = self.walk.scope(self.body(definition, inner, flow, call.span))
        # no captured labels: a definition sees nothing of where it is used
        sources = (builder.last,)
        if builder.flow is Flow.NOTHING:
            sources = self._feed(part, builder)
        self._add(name, part, builder, sources, call.span)

    def _feed(self, part: Part, builder: BodyBuilder) -> tuple[graph.Ref, ...]:
        """A model at the beginning of another brings its inputs along."""
        first = len(builder.inputs)
        for known in part.inputs:
            builder.feed(known.shape, known.name)
        return tuple(graph.Ref(-1, port) for port in range(first, len(builder.inputs)))

    def _add(
        self, name: graph.Name, part: Part, builder: BodyBuilder, sources: tuple[graph.Ref, ...], span: Span
    ) -> None:
        if part.body is None:
            builder.flow = Flow.UNKNOWN
            return
        body = self.walk.table.bodies[part.body]
        outputs = tuple(body.shape_of(ref) for ref in body.outputs)
        builder.add(graph.Call(name, part.body, sources, outputs, origin(span)), body)
        if not outputs:
            return
        # the call just added; its ports behind the first are the sides
        node = builder.last.node
        for side in part.sides:
            self._pass_side(side, node, builder)

    def _pass_side(self, side: graph.Side, node: int, builder: BodyBuilder) -> None:
        """Side outputs of a model inside another are its own, too."""
        # deeper down they end: only a model's own chain has outputs beside what flows
        if builder.root:
            builder.extra_outputs.append(graph.Ref(node, side.port))
            builder.sides.append(graph.Side(side.name, len(builder.extra_outputs), side.training))

    def environment(self, definition: Definition, call: ast.Call, env: Environment) -> Environment:
        """Names in scope inside the body of a call: parameters, holes."""
        given = self.given(definition, call, env)
        parameters = definition.parameters()
        missing = tuple(p.name for p in parameters if p.default is None and p.name not in given)
        if missing:
            signature = ", ".join(p.name if p.default is None else p.span.text for p in parameters)
            raise diagnosed(MissingArguments(definition.tree.name, missing, signature), call.span)
        holes, branches = definition.tree.holes, call.branches
        # told apart from a wrong number of braces: there are none to fill
        if branches is not None and not holes:
            raise diagnosed(BracesNotAllowed(call.word), call.span)
        if len(branches or ()) != len(holes):
            raise diagnosed(WrongHoles(call.word, holes, len(branches or ())), call.span)
        # with the caller's names: what is written in the braces means what it meant there
        filled = {name: Hole(branch, env) for name, branch in zip(holes, branches or (), strict=True)}
        return replace(self._with_defaults(definition, parameters, given), holes=filled)

    def body(self, definition: Definition, env: Environment, flow: Shape | Flow, span: Span) -> Part:
        """The body of a block or model."""
        tree = definition.tree
        # a block may call itself as long as a condition ends it: `[...]?(depth > 0)`
        if len(self.walk.trail) >= CALL_DEPTH:
            raise diagnosed(RecursionWithoutEnd(tree.name, CALL_DEPTH), span)
        naming: Naming = "kinds" if tree.is_model else "numbers"
        arguments = tuple(graph.Argument(name, value, name in env.defaulted) for name, value in env.local.items())
        # not among the arguments above: they follow from what flows, which is part of the body's key
        inner = env if tree.is_model else _with_inferred(env, flow)
        maker = Maker(("body", id(tree.chain)), lambda builder: self.walk.chain(tree.chain, inner, builder), tree.chain)
        return self.walk.remembered(maker, inner, None, flow, naming, tree.name_span, tree.name, arguments)

    def hole(self, hole: Hole, call: ast.Call, label: str | None, builder: BodyBuilder) -> None:
        """The chain that a block was given, where its hole stands: with the names of where it was written."""
        if call.arguments is not None or call.branches is not None:
            raise diagnosed(BracesNotAllowed(call.word), call.span)
        with self.walk.expanding(f"in the braces given to `{call.word}`", hole.branch.span):
            self.walk.group(self._group(hole.branch), label, hole.env, builder, call.span)

    def _group(self, branch: ast.Branch) -> ast.Group:
        """A branch as a group: one node for each, so that the memory of bodies finds it again."""
        return self._groups.setdefault(id(branch), ast.Group(branch.span, branch.chain, branch.loop))


def _with_inferred(env: Environment, flow: Shape | Flow) -> Environment:
    """What a block knows of its input, unless a parameter has the name. Behind an error nothing, without a word."""
    # (64, 8, 8): in_shape (64, 8, 8), in_channels 64, in_features 4096
    values = (flow, flow[0], prod(flow)) if isinstance(flow, tuple) else (FAILED,) * len(INFERRED)
    found = dict(zip(INFERRED, values, strict=True))
    return env.extended({name: value for name, value in found.items() if name not in env.local})


def _example(domain: ast.Domain | None, number: int) -> str:
    """A value that shows how to bind a parameter: of its domain, if it has one."""
    if domain is None:
        return str(number)
    first = domain.first.items[0] if isinstance(domain.first, ast.Sequence) and domain.first.items else domain.first
    return first.span.text


def _unbound(found: Definition, unbound: list[ModelParameter]) -> Diagnostic:
    """The diagnostic that lists parameters without a value and shows how to bind them."""
    names = tuple(dict.fromkeys(p.name for p in unbound))
    domains = {p.name: p.domain for p in unbound if p.domain is not None}
    example = tuple(f"{name}={_example(domains.get(name), index % 2 + 1)}" for index, name in enumerate(names, 1))
    definition = found.tree
    named = definition.keyword != BARE
    # the models of the file that do run: with an alias that binds everything, `-m` is the way out
    bound = (m for m in found.program.models if all(p.default is not None for p in found.program.parameters(m)))
    others = tuple(model.name for model in islice(bound, 3))
    owner = definition.name if named else "this chain"
    further = tuple(Label(p.span, "") for p in unbound[1:])
    span = unbound[0].span
    return Diagnostic(UnboundParameters(owner, names, example, named, others), span, span.source.name, further)
