"""From text to models and diagnostics: parse, evaluate, elaborate, assert. The driver of everything archc does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import field, replace
from functools import partial
from typing import Any

from archlang.diagnostics import MOST_DIAGNOSTICS, Collector, Diagnosed, Diagnostic
from archlang.elaborate.assertions import ATTRIBUTES, ModelValue, check_assertion
from archlang.elaborate.elaborator import Elaborator
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import FAILED, FUNCTIONS, Evaluator, Silenced, diagnosed, rename
from archlang.elaborate.figures import UNITS, MemoryFigure
from archlang.elaborate.fixes import Badness, try_helps
from archlang.elaborate.input_fixes import with_input_fixes
from archlang.elaborate.labels import value_names
from archlang.elaborate.parts import WORK_LIMIT, Letter, Options
from archlang.elaborate.program import Definition, Importer, Loader, Program
from archlang.errors.files import NO_MODEL, UnknownInput, UnknownModel, UnknownParameter
from archlang.errors.imports import CannotImport
from archlang.errors.joins import JoinMismatch
from archlang.errors.names import NoModel, UnknownFunction, UnknownName
from archlang.errors.shapes import WindowProblem
from archlang.errors.syntax import NestingTooDeep
from archlang.errors.words import closest
from archlang.ir.graph import Model
from archlang.ir.ops.base import OpError
from archlang.ir.partial import PartialModel
from archlang.records import record
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.parser import is_grammatical

RECURSION_LIMIT = 20_000
"""Frames of Python's own stack, far above what the language's limits on nesting and calls can take."""


HELP_EFFORT = 1_000_000
"""Microseconds, roughly, that may go into trying ways out. Counted, not measured: the same text gets the same helps."""

UNGRAMMATICAL = 10_000_000
"""What makes a text worse than any other: more than the characters of the longest."""

SIZE_PROBLEMS = (WindowProblem, JoinMismatch)
"""Errors that another size of the input may mend."""

MOST_OWNERS = 20
"""Models that are searched for a part that an assertion names without its model."""

EFFORT_OF_CHARACTER = 10
EFFORT_OF_STAGE = 50


@record
class Request:
    """What to check: a model by name (None: all with bound parameters), bindings, inputs, the lectures' rule."""

    model: str | None = None
    bindings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Options = Options()


@record
class Outcome:
    """Models that came out, in the order of the file, all diagnostics, and what is known of the models with errors.

    `effort` is what the check cost, `unread` how many characters stand behind what cannot be parsed; `run` can make
    the models again, with other values (`variants.py`).
    """

    models: tuple[Model, ...]
    diagnostics: tuple[Diagnostic, ...]
    effort: int = 0
    unread: int = 0
    partial: tuple[PartialModel, ...] = ()
    run: Run | None = field(default=None, compare=False, repr=False)

    @property
    def ok(self) -> bool:
        """Whether there are no errors."""
        return all(d.severity != "error" for d in self.diagnostics)

    @property
    def badness(self) -> Badness:
        """How wrong the text is."""
        errors = sum(d.severity == "error" for d in self.diagnostics)
        return self.unread, errors, len(self.diagnostics) - errors


def check_source(
    source: Source, request: Request | None = None, choose_one: bool = False, importer: Importer | None = None
) -> Outcome:
    """Check a text. With `choose_one`, only the model that `compile` and `render` take is elaborated.

    Never raises for anything a text can hold: what is wrong comes out as diagnostics, with tried ways out.
    `importer` finds the files that the text imports.
    """
    request = request or Request()
    find = importer or import_nothing
    outcome = check_once(source, request, choose_one, find)
    if not outcome.diagnostics:
        return outcome

    # before the ways out are tried: an input with its channels last is the likeliest reason of all that follows
    if outcome.run and not outcome.ok:
        outcome = replace(outcome, diagnostics=with_input_fixes(outcome.run.program, outcome.diagnostics))
    # a list of errors that is cut off cannot tell whether an edit leaves fewer
    left = 0 if len(outcome.diagnostics) >= MOST_DIAGNOSTICS else HELP_EFFORT

    def check_again(changed: Source) -> Outcome:
        """A check of a changed text, out of what effort is left."""
        nonlocal left
        tried = check_once(changed, request, choose_one, find, left // EFFORT_OF_STAGE)
        left -= tried.effort
        return tried

    diagnostics = tuple(try_helps(source, outcome, check_again, lambda: left > outcome.effort))
    if not outcome.ok:
        with deep_recursion():
            # parsed once: further runs of this text differ only in what is bound
            items = outcome.run.program.items if outcome.run else None
            opened = partial(_open, source, importer=find, collector=Collector(), items=items)
            diagnostics = _with_sizes(source, outcome, diagnostics, opened, check_again, request, choose_one)
    return replace(outcome, diagnostics=diagnostics)


def _with_sizes(
    source: Source,
    outcome: Outcome,
    diagnostics: tuple[Diagnostic, ...],
    opened: Callable[[Request], Run],
    check_again: Callable[[Source], Outcome],
    request: Request,
    choose_one: bool,
) -> tuple[Diagnostic, ...]:
    """Diagnostics with the legal sizes next to those that are not: of letters that are bound, or of written ones."""
    # sizes that are bound from outside (-D H=200, --input) have no place in the text that could be changed
    if request.bindings or request.options.inputs:
        from archlang.symbolic.nearest import with_nearest

        found = with_nearest(diagnostics, opened, request, choose_one)
        if found != diagnostics:
            return found
    if not outcome.partial or not any(isinstance(d.problem, SIZE_PROBLEMS) for d in diagnostics):
        return diagnostics
    from archlang.symbolic.written import Attempt, with_written

    attempt = Attempt(source, outcome, check_again, opened, request, SIZE_PROBLEMS)
    return with_written(attempt, diagnostics, outcome.partial)


def import_nothing(path: str, span: Span) -> Source:
    """The importer of texts that stand alone."""
    raise diagnosed(CannotImport(path, "a text without a file imports nothing"), span)


def check_once(
    source: Source, request: Request, choose_one: bool, importer: Importer, most_work: int = WORK_LIMIT
) -> Outcome:
    """Check a text as `check_source` does, without ways out of what is wrong."""
    collector = Collector()
    models: tuple[Model, ...] = ()
    effort = EFFORT_OF_CHARACTER * len(source.text)
    run, partial = None, ()
    try:
        with deep_recursion():
            run = _open(source, request, importer, collector)
            run.limit_work(most_work)
            models = run.models(choose_one)
            run.assertions(choose_one)
            partial = tuple(run.partial)
    except Diagnosed as error:
        collector.add(error.diagnostic)
    except RecursionError:
        # the limits on nesting should make this unreachable; a text must not end archc with a traceback
        collector.add(Diagnostic(NestingTooDeep(1000), source.span(0, 0), source.name))
    effort += run.effort if run else 0
    unread = 0 if run else _unread(source, collector.items)
    return Outcome(models, tuple(sorted(collector, key=_place)), effort, unread, partial, run)


def _unread(source: Source, diagnostics: Sequence[Diagnostic]) -> int:
    """How many characters stand behind the first place that cannot be read: a text that is read further is better.

    Best of all is one that the grammar has no more to say of, wherever its first mistake stands.
    """
    spans = (d.span for d in diagnostics if d.span and d.span.source is source)
    behind = 1 + len(source.text) - min((span.start for span in spans), default=0)
    is_short = EFFORT_OF_CHARACTER * len(source.text) < HELP_EFFORT  # others get no ways out: nothing is compared
    return behind if is_short and is_grammatical(source) else behind + UNGRAMMATICAL


def _open(
    source: Source,
    request: Request,
    importer: Importer,
    collector: Collector,
    items: tuple[ast.Item, ...] | None = None,
) -> Run:
    """A check of a text that is parsed, its values worked out; `items` if it was parsed before. Raises `Diagnosed`."""
    loader = Loader(importer, collector)
    run = Run(loader.load(source, items), loader.programs, request, collector)
    run.importer = importer
    return run


def _place(diagnostic: Diagnostic) -> int:
    return diagnostic.span.start if diagnostic.span else -1


@contextmanager
def deep_recursion() -> Generator[None, None, None]:
    """Room for recursive blocks: each level takes a dozen frames of Python."""
    limit = sys.getrecursionlimit()
    # never below what the caller has set for itself
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


class Run:
    """One check of one program."""

    def __init__(self, program: Program, programs: Sequence[Program], request: Request, collector: Collector) -> None:
        self.program = program
        self.request = request
        self.collector = collector
        self.importer: Importer = import_nothing
        self.options = request.options.bound(request.bindings)
        self.evaluate = Evaluator(self._call_model)
        self.selected = Elaborator(program, self.evaluate, collector, self.options)
        # assertions are about the file as it is written: `--input` must not make `assert Net.macs == ...` fail
        as_written = Options(strict=request.options.strict)
        self.plain = (
            # one memory for both as long as they are the same
            self.selected if self.options == as_written else Elaborator(program, self.evaluate, collector, as_written)
        )
        self.values: dict[str, ModelValue] = {}
        self.partial: list[PartialModel] = []
        for loaded in programs:
            self._lets(loaded)

    def _lets(self, program: Program) -> None:
        """Evaluate a file's values from top to bottom, behind those it imports."""
        program.values.update({name: other.values[name] for name, other in program.imports.items()})
        env = Environment(program, program.values)
        for let in program.lets:
            try:
                if self.collector.is_full:
                    raise Silenced
                program.values[let.name] = self.evaluate(let.value, env)
            except Diagnosed as error:
                self.collector.add(error.diagnostic)
                program.values[let.name] = FAILED
            except Silenced:
                program.values[let.name] = FAILED

    def limit_work(self, stages: int) -> None:
        """Elaborate no more stages than so many, nor than the language's limit."""
        for elaborator in (self.selected, self.plain):
            elaborator.most_work = min(elaborator.most_work, stages)

    @property
    def effort(self) -> int:
        """What evaluation and elaboration cost."""
        # a set: where both are one elaborator, its work counts once
        return self.evaluate.steps + EFFORT_OF_STAGE * sum(one.work for one in {self.selected, self.plain})

    # ---- models

    def models(self, choose_one: bool) -> tuple[Model, ...]:
        """The models asked for, those with errors left out."""
        chosen = self.chosen(choose_one)
        self.check_bindings(chosen)
        made = [self._make_or_keep(definition) for definition in chosen]
        models = tuple(model for model in made if model is not None)
        self._check_inputs(models)
        return models

    def _make_or_keep(self, definition: ast.Definition) -> Model | None:
        """A model; of one with errors, what is known of it is kept."""
        self.selected.partial = None
        model = self.make(definition, self.bindings(definition))
        if self.selected.partial is not None and self.selected.partial.inputs:
            self.partial.append(self.selected.partial)
        return model

    def _check_inputs(self, models: Sequence[Model]) -> None:
        """A shape given to an input that no model has is a slip."""
        known = tuple(dict.fromkeys(given.name for model in models for given in model.inputs))
        for name, _ in self.options.inputs:
            # only where a model came out: without one its inputs are not known
            if models and name is not None and name not in known:
                problem = UnknownInput(name, closest(name, known), known)
                raise Diagnosed(Diagnostic(problem, None, self.program.source.name))

    def make(self, definition: ast.Definition, bindings: dict[str, Any]) -> Model | None:
        """A model with its parameters bound; None after an error. Sizes that nothing binds stay free."""
        try:
            run, bindings = self.with_given(definition, bindings)
        except Diagnosed as error:
            self.selected.collector.add(error.diagnostic)
            return None
        letters = run.letters(definition, bindings)
        if not letters:
            return run.selected.model(definition, bindings)
        # loaded only where a size is free
        from archlang.symbolic.explore import explore

        return explore(run, definition, bindings, letters)

    def with_given(self, definition: ast.Definition, bindings: dict[str, Any]) -> tuple[Run, dict[str, Any]]:
        """The run and bindings with which a model is made: names in its INPUTs are the sizes that are given for them.

        Raises `Diagnosed` where the two contradict each other.
        """
        self.selected.options = self.options
        if not self.options.inputs:
            return self, bindings
        # loaded only where a shape is given
        from archlang.symbolic.given import with_given

        bindings, options = with_given(self, definition, bindings)
        # what is left are shapes that the file does not write; the memory of bodies serves both
        run = copy(self)
        run.options = run.selected.options = options
        run.request = replace(self.request, bindings=bindings, options=options)
        return run, bindings

    def letters(self, definition: ast.Definition, bindings: Mapping[str, Any]) -> tuple[str, ...]:
        """Letters that stand for sizes: those given for names of the file, or for inputs, and the file's own."""
        given = (value.name for value in bindings.values() if isinstance(value, Letter))
        return tuple(dict.fromkeys((*given, *self.options.letters, *self.free_sizes(definition, bindings))))

    def free_sizes(self, definition: ast.Definition, bindings: Mapping[str, Any]) -> tuple[str, ...]:
        """Parameters without a value that are sizes of the model's inputs: `H` and `W` of INPUT(3, H, W)."""
        parameters = self.program.parameters(definition)
        unbound = [p.name for p in parameters if p.default is None and p.domain is None and p.name not in bindings]
        # most models have defaults for all: they do without the letters' module
        if not unbound:
            return ()
        from archlang.symbolic.letters import input_sizes

        sizes = input_sizes(self.program, definition)
        return tuple(dict.fromkeys(name for name in unbound if name in sizes))

    def chosen(self, choose_one: bool) -> list[ast.Definition]:
        """The models that the request means."""
        models, wanted = self.program.models, self.request.model
        if wanted is not None:
            return [self._named(wanted)]
        if not models:
            raise diagnosed(NoModel(), self.program.source.span(0, 0))
        if choose_one:
            return [_main_model(models, self.program.source.name)]
        bound = [model for model in models if self._is_bound(model)]
        # nothing is bound: the first one then says what it needs
        return bound or models[:1]

    def _named(self, name: str) -> ast.Definition:
        found = self.program.definitions.get(name)
        if found and found.tree.is_model:
            return found.tree
        known = tuple(model.name for model in self.program.models)
        raise Diagnosed(Diagnostic(UnknownModel(name, closest(name, known), known), None, self.program.source.name))

    def _is_bound(self, model: ast.Definition) -> bool:
        given = {*self.request.bindings, *self.free_sizes(model, self.request.bindings)}
        return all(p.default is not None or p.name in given for p in self.program.parameters(model))

    def bindings(self, model: ast.Definition) -> dict[str, Any]:
        """What the request binds of a model's parameters."""
        names = {p.name for p in self.program.parameters(model)}
        return {name: value for name, value in self.request.bindings.items() if name in names}

    def _open_bindings(self, model: ast.Definition) -> dict[str, Any]:
        """What the request binds of the parameters that have no default."""
        unset = {p.name for p in self.program.parameters(model) if p.default is None}
        return {name: value for name, value in self.bindings(model).items() if name in unset}

    def check_bindings(self, chosen: Sequence[ast.Definition]) -> None:
        """A binding that no model knows is a slip."""
        names = (p.name for model in chosen for p in self.program.parameters(model))
        known = tuple(dict.fromkeys((*names, *self.request.options.letters)))
        for name in self.request.bindings:
            if name not in known:
                owner = chosen[0].name if len(chosen) == 1 else NO_MODEL
                problem = UnknownParameter(name, closest(name, known), owner, known)
                raise Diagnosed(Diagnostic(problem, None, self.program.source.name))

    # ---- assertions

    def assertions(self, choose_one: bool) -> None:
        """Check the `assert`s of the file; models stand in them with their own defaults."""
        self._assert_all(self._asked(choose_one))

    def broken_by(self, definition: ast.Definition, model: Model) -> tuple[Diagnostic, ...]:
        """What assertions that name a model alone say of it, made with values that the file leaves open."""
        models = {one.name for one in self.program.models}
        # assertions that compare two models are checked once for the file, not for each member of one of them
        own = [a for a in self.program.assertions if value_names(a.condition) & models <= {definition.name}]
        if not own:
            return ()
        # a shallow copy: program and memory are shared, what is found is not
        run = copy(self)
        run.collector, run.values = Collector(), {definition.name: ModelValue(model)}
        run._assert_all(own)
        return tuple(run.collector)

    def _assert_all(self, assertions: Iterable[ast.Assertion]) -> None:
        env = Environment(self.program, _Lookup(self))
        for assertion in assertions:
            if self.collector.is_full:
                return
            try:
                failed = check_assertion(assertion, self.evaluate, env)
            except Diagnosed as error:
                failed = self._with_owner(error.diagnostic)
            except Silenced:
                continue
            if failed:
                self.collector.add(failed)

    def _with_owner(self, diagnostic: Diagnostic) -> Diagnostic:
        """An unknown name in an assertion, with the model that has a part of that name: `Net.conv1` for `conv1`."""
        problem, span = diagnostic.problem, diagnostic.span
        if not isinstance(problem, UnknownName) or span is None:
            return diagnostic
        owners = [m.name for m in self.program.models[:MOST_OWNERS] if self._has_part(m.name, problem.name)]
        if not owners:
            return diagnostic
        named = tuple(f"{owner}.{problem.name}" for owner in owners)
        helps = rename(span, named[0], named)
        return replace(diagnostic, problem=replace(problem, suggestion=named[0]), candidates=helps)

    def _has_part(self, model: str, name: str) -> bool:
        try:
            self.value(model).attribute(name)
        except (KeyError, OpError, Silenced, Diagnosed):
            return False
        return True

    def _asked(self, choose_one: bool) -> Iterator[ast.Assertion]:
        """All assertions; where one model is asked for, those that do not only name others."""
        models = {model.name for model in self.program.models}
        alone = choose_one or self.request.model is not None
        asked = {model.name for model in self.chosen(choose_one)} if alone else models
        for assertion in self.program.assertions:
            # `assert 2 * 3 == 6` names no model and concerns every one
            named = value_names(assertion.condition) & models
            if not named or named & asked:
                yield assertion

    def value(self, name: str) -> ModelValue:
        """A model by name, as an expression sees it."""
        if name not in self.values:
            self.values[name] = self._value_of(self.program.definitions[name], {})
        return self.values[name]

    def _value_of(self, definition: Definition, bindings: dict[str, Any]) -> ModelValue:
        """A model as it is written. What the request binds counts where the file itself leaves it open."""
        # -D H=64 is for the model that was asked for; in a file of several it would be bound in all that have an H
        sole = self.program.models == [definition.tree]
        given = {**self._open_bindings(definition.tree), **bindings} if sole else bindings
        if sole and (not self.options.inputs or self.free_sizes(definition.tree, given)):
            model = self.make(definition.tree, given)
        else:
            model = self.plain.model(definition.tree, given, definition.program)
        if model is None:
            raise Silenced
        return ModelValue(model)

    def _call_model(self, node: ast.Invocation, env: Environment) -> ModelValue | MemoryFigure:
        """`VGG(classes=10)` in an assertion, or `VGG.memory(batch=32)`."""
        if isinstance(node.function, ast.NameUse | ast.Attribute) and node.function.name == "memory":
            figure = self.evaluate(node.function, env)
            if isinstance(figure, MemoryFigure):
                return figure.called(node.arguments, lambda value: self.evaluate(value, env))
        name = node.function.name if isinstance(node.function, ast.NameUse) else node.function.span.text
        definition = self.program.definitions.get(name)
        if definition is None or not definition.tree.is_model:
            known = (*FUNCTIONS, *(model.name for model in self.program.models))
            suggestion = closest(name, known)
            place = node.function.span
            raise diagnosed(UnknownFunction(name, suggestion), place, *rename(place, suggestion, known))
        # as in a chain, so that arguments are matched, and errors worded, alike
        call = ast.Call(node.span, name, node.function.span, node.arguments)
        return self._value_of(definition, self.plain.blocks.given(definition, call, env))


class _Lookup(Mapping[str, Any]):
    """What assertions can name: the file's values, its models, and in a file of one model that model's attributes."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def __getitem__(self, name: str) -> Any:
        program = self.run.program
        if name in program.values:
            return program.values[name]
        definition = program.definitions.get(name)
        if definition and definition.tree.is_model:
            return self.run.value(name)
        if name in ATTRIBUTES and len(program.models) == 1:
            return self.run.value(program.models[0].name).attribute(name)
        # last: a value or model of the file may be called MB
        return UNITS[name]

    def __iter__(self) -> Iterator[str]:
        models = [model.name for model in self.run.program.models]
        own = [*ATTRIBUTES] if len(models) == 1 else []
        return iter([*self.run.program.values, *models, *own, *UNITS])

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _main_model(models: Sequence[ast.Definition], path: str) -> ast.Definition:
    """The model named like its file, else the only one, else the first."""
    stem = path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".arch").replace("_", "").replace("-", "").lower()
    return next((model for model in models if model.name.lower() == stem), models[0])
