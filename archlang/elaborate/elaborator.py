"""The walk: from the syntax tree to bodies, with names, arguments and shapes resolved in one pass.

A body is elaborated once for each (definition, arguments, input shapes); `*N` stops at the first copy whose output
has the shape of its input, so its cost does not grow with N. This file holds what all parts share: models, the memory
of bodies, chains and their suffixes. `layers.py`, `repeats.py`, `joins.py` and `blocks.py` hold the kinds of parts.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from archlang.diagnostics import MOST_DIAGNOSTICS, Collector, Diagnosed, Diagnostic, Label
from archlang.elaborate.blocks import Blocks
from archlang.elaborate.bodies import BodyTable, check_scope_names
from archlang.elaborate.builder import BodyBuilder, Flow, Naming
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Evaluator, Silenced, diagnosed, is_list, rename
from archlang.elaborate.failures import Before, give_up
from archlang.elaborate.foreign import rewritten
from archlang.elaborate.joins import SIDE_WORDS, Joins
from archlang.elaborate.labels import label_text, tap_words, value_names
from archlang.elaborate.layers import Layers
from archlang.elaborate.parts import LAYER_LIMIT, STAGE_DEPTH, WORK_LIMIT, Maker, Options, Part, origin
from archlang.elaborate.program import INPUT, Program, switch_name
from archlang.elaborate.repeats import Repeats
from archlang.elaborate.taps import HERE, SHARE, Taps, refuse_training_only
from archlang.errors.arguments import WrongType
from archlang.errors.joins import LabelNotHere
from archlang.errors.limits import TooManyBodies, TooManyLayers
from archlang.errors.names import UnknownLayer
from archlang.errors.shapes import NoInput, StatedShape
from archlang.errors.syntax import NestingTooDeep
from archlang.errors.values import BadOperand
from archlang.errors.words import meant
from archlang.ir import graph
from archlang.ir.inplace import harmless_in_place
from archlang.ir.ops import WORDS, find_layer
from archlang.ir.ops.arguments import is_integer
from archlang.ir.ops.base import Shape
from archlang.ir.ops.resample import MaxUnpool
from archlang.ir.partial import PartialModel, is_partial
from archlang.plugins import BROKEN
from archlang.source import Span
from archlang.syntax import ast

AnyModel = TypeVar("AnyModel", bound=graph.Model)


class Elaborator:
    """Elaborates the models of one program."""

    def __init__(self, program: Program, evaluate: Evaluator, collector: Collector, options: Options) -> None:
        self.program = program
        self.evaluate = evaluate
        self.collector = collector
        self.options = options
        self.table = BodyTable()
        self.trail: tuple[Label, ...] = ()
        self.defaults: dict[str, graph.DefaultUse] = {}
        self.blocks = Blocks(self)
        self.joins = Joins(self)
        self.layers = Layers(self)
        self.repeats = Repeats(self)
        self.taps = Taps(self)
        # keys below hold id()s of nodes: they stay unique because programs, and these tables, keep their nodes alive
        self._memory: dict[Any, Part] = {}
        self._copies: dict[tuple[int, int], ast.Stage] = {}
        self.work = 0
        self.most_work = WORK_LIMIT
        self.partial: PartialModel | None = None
        self._depth = 0
        self._reported = 0

    # ---- models

    def model(
        self, definition: ast.Definition, bindings: dict[str, Any], program: Program | None = None
    ) -> graph.Model | None:
        """A model with its parameters bound; None after an error, which is then reported.

        What is known of a model with errors is then found in `partial`.
        """
        errors, part = self.collector.errors, None
        self.partial = None
        try:
            found, env = self.blocks.bind_model(program or self.program, definition, bindings)
            definition = found.tree
            part = self.blocks.body(found, env, Flow.NOTHING, definition.name_span)
            if part.flow is Flow.NOTHING and self.collector.errors == errors:
                raise diagnosed(NoInput(definition.name), definition.name_span)
            self.scope(part)
        except Diagnosed as error:
            self.report(error.diagnostic)
        except Silenced:
            pass
        if part is None or part.body is None:
            return None
        if self.collector.errors == errors and not is_partial(self.table.bodies[part.body]):
            return self._made(graph.Model, definition, part, part.body)
        self.partial = self._made(PartialModel, definition, part, part.body)
        return None

    def _made(self, kind: type[AnyModel], definition: ast.Definition, part: Part, body: graph.BodyId) -> AnyModel:
        return kind(
            name=definition.name,
            inputs=part.inputs,
            bodies=harmless_in_place(self.table.reachable(body)),
            arguments=self.table.bodies[body].arguments,
            defaults=part.defaults,
            origin=origin(definition.name_span),
            doc=definition.doc,
            sides=part.sides if self.table.bodies[body].outputs else (),
        )

    # ---- bodies

    def remembered(
        self,
        maker: Maker,
        env: Environment,
        outer: BodyBuilder | None,
        flow: Shape | Flow,
        naming: Naming,
        span: Span,
        definition: str | None = None,
        arguments: tuple[graph.Argument, ...] = (),
    ) -> Part:
        """A body, elaborated unless the same was before. `outer` is the scope whose labels it may use."""
        captured = self._captured(maker, env, outer, span)
        local = env.key(value_names(maker.part))
        # the definition, too: an alias shares the chain of its model, and has a name of its own
        # whether `::` counts is a matter of the options, which differ between models of one file
        stated = not self.options.inputs
        key = (maker.key, definition, arguments, local, flow, naming, tuple(captured.items()), stated)
        if key not in self._memory:
            with self._apart():
                builder = BodyBuilder(naming, flow, root=flow is Flow.NOTHING, captured=captured)
                maker.make(builder)
                self._memory[key] = self._finish(builder, definition, arguments, span)
        found = self._memory[key]
        self.defaults |= {use.word: use for use in found.defaults}
        # told again at each use; the collector keeps one of each code and place
        self.collector.extend(found.diagnostics)
        return found

    @contextmanager
    def _apart(self) -> Generator[None, None, None]:
        """Collect what one body alone uses and reports, so that the memory can tell it again to whom it serves."""
        defaults, collector = self.defaults, self.collector
        self.defaults, self.collector = {}, Collector()
        try:
            yield
        except BaseException:
            # what ends early is not remembered, and what it reported before must not get lost with it
            collector.extend(self.collector)
            raise
        finally:
            self.defaults, self.collector = defaults, collector

    def _captured(self, maker: Maker, env: Environment, outer: BodyBuilder | None, span: Span) -> dict[str, Shape]:
        """Labels of the scope around that a part uses, with their shapes."""
        if outer is None:
            return {}
        # as `_call` looks words up: a definition hides the label of its name
        known = (word for word in tap_words(maker.part) if env.program.called(word) is None)
        found = {word: tap for word in known if (tap := self.taps.find(outer, word)) is not None}
        for word, tap in found.items():
            # asked out here: inside the body the label is an input like any other
            refuse_training_only(outer, tap, word, span)
        return {word: tap.flow for word, tap in found.items() if isinstance(tap.flow, tuple)}

    def _finish(
        self, builder: BodyBuilder, definition: str | None, arguments: tuple[graph.Argument, ...], span: Span
    ) -> Part:
        number, labels = None, tuple(builder.labels.items())
        # behind an error shapes are unknown, so of such a chain there is nothing worth keeping
        if not builder.blind and (builder.shape is not None or builder.gaps):
            body = builder.finish(definition, arguments, origin(span))
            number = self.table.add(body)
            if self.table.layers[number] > LAYER_LIMIT:
                raise diagnosed(TooManyLayers(self.table.layers[number], LAYER_LIMIT), span)
        return Part(
            body=number,
            flow=builder.flow,
            defaults=tuple(self.defaults.values()),
            inputs=tuple(builder.inputs),
            sides=tuple(builder.sides),
            labels=labels,
            captured=tuple(builder.captured),
            diagnostics=tuple(self.collector),
        )

    def scope(self, part: Part) -> Part:
        """A finished part that opens a scope: its names must be unique."""
        if part.body is not None and isinstance(part.flow, tuple):
            check_scope_names(self.table, self.table.bodies[part.body], dict(part.labels))
        return part

    def sources(self, builder: BodyBuilder, part: Part) -> tuple[graph.Ref, ...]:
        """What feeds a body: what flows, then the labels that it captured."""
        taps = (self.taps.find(builder, label) for label in part.captured)
        return (builder.last, *(tap.ref for tap in taps if tap is not None))

    def add_call(self, name: graph.Name, part: Part, builder: BodyBuilder, span: Span) -> None:
        """Put an occurrence of a body into the chain."""
        if part.body is None:
            builder.flow = Flow.UNKNOWN
            return
        outputs = (part.flow,) if isinstance(part.flow, tuple) else ()
        call = graph.Call(name, part.body, self.sources(builder, part), outputs, origin(span))
        builder.add(call, self.table.bodies[part.body])

    # ---- chains

    def chain(self, chain: ast.Chain, env: Environment, builder: BodyBuilder) -> None:
        """Stages one after the other."""
        for stage in chain.stages:
            self.stage(stage, env, builder)

    def stage(self, stage: ast.Stage, env: Environment, builder: BodyBuilder) -> None:
        """One stage; an error in it is reported here and what flows behind it is unknown."""
        # only the first stage of a branch may be a source; it is handed on to the part, as `[a -> b]` begins with `a`
        begins, builder.begins = builder.begins, False
        before = Before(builder.flow, builder.last, builder.gaps)
        builder.attempt = None
        self._depth += 1
        try:
            self.spend(stage.span)
            self._suffixed(stage, stage.suffixes, env, builder, begins)
            if stage.stated is not None:
                self._check_stated(stage.stated, env, builder)
        except Diagnosed as error:
            self.report(error.diagnostic)
            give_up(stage, before, builder, error.diagnostic)
        except Silenced:
            give_up(stage, before, builder, None)
        finally:
            self._depth -= 1

    def _suffixed(
        self,
        stage: ast.Stage,
        suffixes: tuple[ast.Repeat | ast.Optional, ...],
        env: Environment,
        builder: BodyBuilder,
        begins: bool,
    ) -> None:
        """A stage with its suffixes, the last one first: `X*2?(c)` is `[X*2]?(c)`."""
        if not suffixes:
            label = self._label(stage, env, builder)
            builder.begins = begins
            self._part(stage, label, env, builder)
            builder.begins = False
            builder.mark(label)
            return
        last, inner = suffixes[-1], suffixes[:-1]
        if isinstance(last, ast.Repeat):
            # outside the copies: the label names them all together, as a scope
            label = self._label(stage, env, builder)
            self.repeats.stage(self._copy(stage, inner), last, label, env, builder)
            builder.mark(label)
        # a part that is dropped is not looked at: its label stays free, errors in it stay unsaid
        elif self.is_kept(stage, last, env):
            self._suffixed(stage, inner, env, builder, begins)

    def _copy(self, stage: ast.Stage, suffixes: tuple[ast.Repeat | ast.Optional, ...]) -> ast.Stage:
        """What a repeat repeats: one node for each, so that what it names is worked out once."""
        key = id(stage), len(suffixes)
        if key not in self._copies:
            # what `::` states is the shape behind all copies, and `stage` has it
            self._copies[key] = replace(stage, label=None, suffixes=suffixes, stated=None)
        return self._copies[key]

    def is_kept(self, stage: ast.Stage, optional: ast.Optional, env: Environment) -> bool:
        """Whether a part with a `?` is there."""
        if optional.condition is not None:
            return self.evaluate.truth(optional.condition, env)
        try:
            value = env.find(switch_name(stage) or "")
        except KeyError:
            return True  # a block has no switches: its unguarded `?` keeps what stands before it
        if not isinstance(value, bool):
            raise diagnosed(WrongType("this model", switch_name(stage) or "", value, "true or false"), optional.span)
        return value

    def _label(self, stage: ast.Stage, env: Environment, builder: BodyBuilder) -> str | None:
        builder.label_span = stage.label and stage.label.span
        return stage.label and label_text(stage.label, lambda expression: self.evaluate.settled(expression, env))

    # ---- parts

    def _part(self, stage: ast.Stage, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        part = stage.part
        if isinstance(part, ast.Group):
            self.group(part, label, env, builder, stage.span)
        # the label of a join is that of a module around its branches' layers (`mixed_5b.0`), not of the joining itself
        elif label is not None and part.branches is not None and _is_join(part.word):
            self._open_scope(part, label, env, builder, stage.span)
        else:
            self._call(part, label, env, builder)

    def _call(self, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        """A part that is one word: what the word means here, looked up in this order."""
        word = call.word
        # words of the language, then what was given and what the file names, layers last: a label hides a layer
        if word == INPUT:
            self.layers.input(call, label, env, builder)
        elif word == HERE:
            self.taps.here(call, builder)
        elif word == SHARE:
            self.taps.share(call, label, builder)
        elif word in MaxUnpool.words:
            self.taps.unpool(call, label, builder)
        elif word in SIDE_WORDS:
            self.joins.side(call, env, builder)
        elif word in env.holes:
            self.blocks.hole(env.holes[word], call, label, builder)
        elif (definition := env.program.called(word)) is not None:
            self.blocks.call(definition, call, label, env, builder)
        elif not self.taps.tap(call, builder):
            self._layer(call, label, env, builder)

    def _layer(self, call: ast.Call, label: str | None, env: Environment, builder: BodyBuilder) -> None:
        op = find_layer(call.word)
        if op is None:
            raise self._unknown(call, env, builder)
        if op.is_join:
            self.joins.join(call, label, env, builder)
        else:
            self.layers.layer(call, label, env, builder)

    def _unknown(self, call: ast.Call, env: Environment, builder: BodyBuilder) -> Diagnosed:
        """A word that means nothing here: perhaps a label of a later part, perhaps misspelt."""
        label = call.word.split(".")[0]
        # a label that stands further down, or inside another scope, is no spelling mistake
        if label in env.program.labels:
            return diagnosed(LabelNotHere(call.word), call.word_span)
        if first := builder.labels.get(label):
            where = (Label(first, "its part stands in a repeat"),)
            return Diagnosed(Diagnostic(LabelNotHere(call.word), call.word_span, call.word_span.source.name, where))
        words = (*WORDS, *SIDE_WORDS, INPUT, SHARE, *env.program.definitions, *env.holes, *builder.taps)
        # the same label in other case beats a layer's word that is as like
        label = next((name for name in builder.taps if name.lower() == call.word.lower()), None)
        suggestion = label or meant(call.word, words)
        repairs = rewritten(call, builder.shape) or rename(call.word_span, suggestion, words)
        broken = tuple(offer.text for offer in BROKEN)
        return diagnosed(UnknownLayer(call.word, suggestion, broken), call.word_span, *repairs)

    def group(self, group: ast.Group, label: str | None, env: Environment, builder: BodyBuilder, span: Span) -> None:
        """Brackets: transparent without a label, a scope with one."""
        if label is not None:
            self._open_scope(group, label, env, builder, span)
        elif group.loop is None:
            self.chain(group.chain, env, builder)
        else:
            self.repeats.comprehension(group, group.loop, env, builder)

    def _open_scope(
        self, part: ast.Group | ast.Call, label: str | None, env: Environment, builder: BodyBuilder, span: Span
    ) -> None:
        """A group or join with a name of its own: a body whose layers are numbered."""
        part = self.taps.begin(part, env, builder) if isinstance(part, ast.Group) else part
        name = builder.name("group", label, span)

        def make(inner: BodyBuilder) -> None:
            if isinstance(part, ast.Group):
                self.group(part, None, env, inner, span)
            else:
                self.joins.join(part, None, env, inner)

        # without the label, which is the call's: one scope under several labels (`"conv{i}"` in a loop) is one body
        maker = Maker(("scope", id(part)), make, part)
        made = self.scope(self.remembered(maker, env, builder, self.flowing(builder, span), "numbers", span))
        self.add_call(name, made, builder, span)

    def numbered_scope(self, group: ast.Group, env: Environment, builder: BodyBuilder, span: Span) -> None:
        """A group whose name is its number among the copies of a labelled repeat."""
        self._open_scope(group, None, env, builder, span)

    def flowing(self, builder: BodyBuilder, span: Span) -> Shape | Flow:
        """What flows into a body; nothing is an error."""
        if builder.flow is Flow.NOTHING:
            raise diagnosed(NoInput("this part"), span)
        return builder.flow

    # ---- checks

    def _check_stated(self, stated: ast.Expression, env: Environment, builder: BodyBuilder) -> None:
        """What `::` says must be so, for the file's own input: another one from outside makes other shapes."""
        if self.options.inputs:
            return
        value = self.evaluate(stated, env)
        shape = value if is_list(value) else (value,)
        if not shape or not all(is_integer(size) for size in shape):
            raise diagnosed(BadOperand("`::`", (value,), "a shape such as (64, 56, 56)"), stated.span)
        if builder.shape is not None and shape != builder.shape:
            raise diagnosed(StatedShape(shape, builder.shape), stated.span)

    def spend(self, span: Span) -> None:
        """Count one step of work; a bomb ends here and is reported once."""
        # a loop in which each item fails costs work, though nobody would see the errors any more
        if self.work > self.most_work or self._reported > MOST_DIAGNOSTICS:
            raise Silenced
        if self._depth > STAGE_DEPTH:
            raise diagnosed(NestingTooDeep(STAGE_DEPTH), span)
        self.work += 1
        if self.work > self.most_work:
            raise diagnosed(TooManyBodies(self.most_work), span)

    def forgive(self) -> None:
        """Start counting work anew: the next member of a family is not to blame for the last."""
        self.work = self._reported = self.evaluate.steps = 0

    def report(self, diagnostic: Diagnostic) -> None:
        """Collect a diagnostic with the chain of expansions that led to it."""
        self._reported += 1
        self.collector.add(replace(diagnostic, trail=self.trail))

    @contextmanager
    def expanding(self, text: str, span: Span) -> Generator[None, None, None]:
        """Keep the way to the body of a definition, for diagnostics inside it."""
        outer = self.trail
        self.trail = (Label(span, text), *outer)
        try:
            yield
        finally:
            self.trail = outer


def _is_join(word: str) -> bool:
    op = find_layer(word)
    return op is not None and op.is_join
