"""What a file defines, looked up by name: models, blocks, values and defaults, imported ones and the prelude's too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from itertools import zip_longest
from typing import Any

from archlang import resources
from archlang.diagnostics import Collector, Diagnosed, Diagnostic, Label, Problem
from archlang.elaborate.expressions import rename
from archlang.errors.imports import ImportCycle, NothingToImport
from archlang.errors.names import DuplicateDefinition, ReservedName, UnknownDefault
from archlang.errors.words import closest
from archlang.ir.ops import OPS, WORDS, find_layer
from archlang.ir.ops.registry import RESERVED
from archlang.records import record
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.build import BARE
from archlang.syntax.comments import file_header
from archlang.syntax.parser import parse
from archlang.syntax.reserved import class_name_problem

INPUT = "INPUT"
ALIAS_LIMIT = 64

Importer = Callable[[str, Span], Source]
"""Finds the source of an imported path, given the place of the import. Raises `Diagnosed`."""


@record
class ModelParameter:
    """A parameter of a model or block.

    `inherited` are those of the model that an alias stands for: `model VGG16 = VGG(depths=...)` takes `classes` too.
    """

    name: str
    default: ast.Expression | None
    span: Span
    inherited: bool = False
    domain: ast.Domain | None = None
    is_switch: bool = False


@record(eq=False)
class Definition:
    """A model or block with the file it was written in, whose words count inside it."""

    tree: ast.Definition
    program: Program

    def parameters(self) -> tuple[ModelParameter, ...]:
        """Parameters as written; for a model also its chain's free letters and switches, and those it inherits."""
        return self.program.parameters(self.tree)


@dataclass(eq=False)
class Program:
    """The definitions of one file. `values` fills as its `let`s are evaluated."""

    source: Source
    items: tuple[ast.Item, ...] = ()
    definitions: dict[str, Definition] = field(default_factory=dict[str, Definition])
    lets: list[ast.Let] = field(default_factory=list[ast.Let])
    defaults: dict[str, ast.DefaultLayer] = field(default_factory=dict[str, ast.DefaultLayer])
    default_arguments: dict[str, ast.DefaultArgument] = field(default_factory=dict[str, ast.DefaultArgument])
    assertions: list[ast.Assertion] = field(default_factory=list[ast.Assertion])
    imports: dict[str, Program] = field(default_factory=dict["str", "Program"])
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    names: dict[str, Span] = field(default_factory=dict[str, Span])
    # the value stands beside its text to stay alive: a list that is gone could leave its id to another
    _texts: dict[int, tuple[Any, str]] = field(default_factory=dict[int, tuple[Any, str]])
    _parameters: dict[int, tuple[ModelParameter, ...]] = field(default_factory=dict[int, tuple[ModelParameter, ...]])

    @cached_property
    def header(self) -> str:
        """What the comment at the top says of the whole file."""
        return file_header(self.source)

    def called(self, word: str) -> Definition | None:
        """The block or model that a word calls. A bare chain in `relu.arch` has not taken the layer's word away."""
        found = self.definitions.get(word)
        return None if found and found.tree.keyword == BARE and find_layer(word) else found

    def text_of(self, value: Any) -> str:
        """A text that tells values apart, 1 from true and 1 from 1.0; worked out once for each list."""
        if not isinstance(value, tuple):
            return repr(value)
        if id(value) not in self._texts:  # pyright: ignore[reportUnknownArgumentType]
            self._texts[id(value)] = value, repr(value)  # pyright: ignore[reportUnknownArgumentType]
        return self._texts[id(value)][1]  # pyright: ignore[reportUnknownArgumentType]

    @property
    def models(self) -> list[ast.Definition]:
        """The file's own models in the order of the file."""
        own = (found.tree for found in self.definitions.values() if found.program is self)
        return [tree for tree in own if tree.is_model]

    @cached_property
    def labels(self) -> frozenset[str]:
        """All labels of the file, wherever they stand."""
        chains = [found.tree.chain for found in self.definitions.values() if found.program is self]
        return frozenset(node.text for chain in chains for node in walk(chain) if isinstance(node, ast.Label))

    def parameters(self, definition: ast.Definition, aliases: int = 0) -> tuple[ModelParameter, ...]:
        """Parameters of a definition of this file, or of one that an alias in it stands for; worked out once."""
        # by the chain: a model asked for under the name of its alias is another tree with the same chain
        key = id(definition.chain)
        if key not in self._parameters:
            self._parameters[key] = self._find_parameters(definition, aliases)
        return self._parameters[key]

    def _find_parameters(self, definition: ast.Definition, aliases: int) -> tuple[ModelParameter, ...]:
        written = tuple(ModelParameter(p.name, p.default, p.span, domain=p.domain) for p in definition.parameters)
        if not definition.is_model:
            return written
        # a capital letter is free only where nothing in the file gives it a value: `[CONV]*N` without `let N`
        known = {p.name for p in written} | set(self.imports) | {let.name for let in self.lets}
        implicit = {p.name: p for p in _implicit(definition.chain, known)}
        own = (*written, *implicit.values())
        return (*own, *self._inherited(definition, {p.name for p in own}, aliases))

    def _inherited(self, definition: ast.Definition, own: set[str], aliases: int) -> Iterator[ModelParameter]:
        alias = self.alias(definition)
        # aliases in a circle have no parameters; `bind_model` reports the circle
        if alias is None or aliases > ALIAS_LIMIT:
            return
        callee, call = alias
        theirs = callee.program.parameters(callee.tree, aliases + 1)
        arguments = call.arguments or ()
        # an argument that the alias fixes is none of its own parameters any more
        given = {a.name or (p.name if p else "") for a, p in zip_longest(arguments, theirs[: len(arguments)]) if a}
        yield from (replace(p, inherited=True) for p in theirs if p.name not in given | own)

    def alias(self, definition: ast.Definition) -> tuple[Definition, ast.Call] | None:
        """The model that a model merely calls, with the call; None if its chain is more than that."""
        stage = definition.chain.stages[0]
        # anything besides the call makes it a network of its own, in which the other model is a part
        alone = len(definition.chain.stages) == 1 and not stage.label and not stage.suffixes and not stage.stated
        if not alone or not isinstance(stage.part, ast.Call):
            return None
        callee = self.definitions.get(stage.part.word)
        return (callee, stage.part) if callee and callee.tree.is_model and definition.is_model else None


def _implicit(chain: ast.Chain, known: set[str]) -> Iterator[ModelParameter]:
    """Free letters and unguarded `?` of a chain, in the order of the text."""
    nodes = list(walk(chain))
    # of loops anywhere in the chain: one letter does not mean a loop's item here and a parameter there
    known = known | {name for node in nodes if isinstance(node, ast.Loop) for name in node.names}
    for node in nodes:
        match node:
            case ast.NameUse(name=name) if len(name) == 1 and name.isupper() and name not in known:
                yield ModelParameter(name, None, node.span)
            case ast.Stage() if (name := switch_name(node)) and name not in known:
                yield ModelParameter(name, ast.Literal(node.span, True), node.span, is_switch=True)
            case _:
                pass


def switch_name(stage: ast.Stage) -> str | None:
    """The switch of an unguarded `?`: the label, or the first word of the part in lower case (`POOL?`: pool).

    A label with values in it, as "conv{i}", is no name of a parameter.
    """
    if not any(isinstance(suffix, ast.Optional) and suffix.condition is None for suffix in stage.suffixes):
        return None
    part = stage.part
    # `[[CONV -> RELU]*2]?` is called after the first word inside: conv
    while not _names_switch(stage) and isinstance(part, ast.Group):
        stage = part.chain.stages[0]
        part = stage.part
    if stage.label and _names_switch(stage):
        return stage.label.text
    return part.word.lower() if isinstance(part, ast.Call) else None


def _names_switch(stage: ast.Stage) -> bool:
    return stage.label is not None and stage.label.text.isidentifier()


@cache
def _below(kind: type[ast.Node]) -> tuple[str, ...]:
    """The fields of a kind of node in which nodes can stand, the last first."""
    # types are texts here, as annotations are postponed; walking is hot enough for this to be worked out once a class
    return tuple(f.name for f in reversed(fields(kind)) if f.type not in ("Span", "str", "str | None", "bool"))


def walk(node: Any) -> Iterator[ast.Node]:
    """A node and everything below it, in the order of the text."""
    # a stack: signs in front of signs (`- - - x`) nest as deep as a text is long
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, ast.Node):
            yield current
            pending.extend([getattr(current, name) for name in _below(type(current))])
        elif isinstance(current, tuple):
            pending.extend(reversed(current))  # pyright: ignore[reportUnknownArgumentType]


# ---- loading ---------------------------------------------------------------------------------------


class Loader:
    """Loads a file and what it imports, each file once."""

    def __init__(self, importer: Importer, collector: Collector) -> None:
        self.importer = importer
        self.collector = collector
        self.loaded: dict[str, Program] = {}
        self.loading: list[str] = []

    def load(self, source: Source, items: tuple[ast.Item, ...] | None = None) -> Program:
        """The program of a source; `items` if it was parsed before. Raises `Diagnosed` for what cannot be parsed."""
        program = Program(source)
        # not taken off when an error is raised: that ends the whole check
        self.loading.append(source.name)
        program.items = parse(source).items if items is None else items
        for item in program.items:
            self._add(program, item)
        self.loading.pop()
        self.loaded[source.name] = program
        return program

    def _add(self, program: Program, item: ast.Item) -> None:
        match item:
            case ast.Definition():
                self._define(program, item)
            case ast.Let():
                if self._is_new(program, item.name, item.name_span):
                    program.lets.append(item)
            case ast.DefaultLayer():
                self._default_layer(program, item)
            case ast.DefaultArgument():
                self._default_argument(program, item)
            case ast.Assertion():
                program.assertions.append(item)
            case ast.Import():
                self._import(program, item)

    def _define(self, program: Program, item: ast.Definition) -> None:
        reason = class_name_problem(item.name)
        # a bare chain has its file's name, which nobody chose as a word (`conv2d.arch`)
        if item.name in RESERVED or (item.keyword != BARE and find_layer(item.name)):
            reason = "it is a layer" if item.name not in RESERVED else "the language uses it itself"
        if reason:
            self._report(program, ReservedName(item.name, reason), item.name_span, ())
        names: dict[str, Span] = {}
        for parameter in item.parameters:
            self._claim(program, names, parameter.name, parameter.span)
        self._is_new(program, item.name, item.name_span)
        program.definitions.setdefault(item.name, Definition(item, program))

    def _default_layer(self, program: Program, item: ast.DefaultLayer) -> None:
        if item.word != INPUT and find_layer(item.word) is None:
            known = (*WORDS, INPUT)
            self._report(program, UnknownDefault(item.word, closest(item.word, known)), item.word_span, known)
        # with a blank in it, the key can meet no name of a definition
        elif self._is_new(program, f"default {_default_key(item.word)}", item.word_span, f"default {item.word}"):
            program.defaults[_default_key(item.word)] = item

    def _default_argument(self, program: Program, item: ast.DefaultArgument) -> None:
        known = {"init", *(parameter.name for op in OPS for parameter in op.signature)}
        if item.name not in known:
            problem = UnknownDefault(item.name, closest(item.name, known), is_argument=True)
            self._report(program, problem, item.name_span, known)
        elif self._is_new(program, f"default {item.name} =", item.name_span, f"default {item.name}"):
            program.default_arguments[item.name] = item

    def _is_new(self, program: Program, name: str, span: Span, shown: str = "") -> bool:
        """Whether a name is defined for the first time; reported if not."""
        return self._claim(program, program.names, name, span, shown)

    def _claim(self, program: Program, names: dict[str, Span], name: str, span: Span, shown: str = "") -> bool:
        first = names.setdefault(name, span)
        # by identity: `setdefault` gives back this very span where the name is new
        if first is not span:
            problem = DuplicateDefinition(shown or name)
            self.collector.add(Diagnostic(problem, span, span.source.name, (Label(first, "first defined here"),)))
        return first is span

    def _report(self, program: Program, problem: Problem, span: Span, known: Iterable[str]) -> None:
        suggestion: str | None = getattr(problem, "suggestion", None)
        self.collector.add(Diagnostic(problem, span, program.source.name, candidates=rename(span, suggestion, known)))

    def _import(self, program: Program, item: ast.Import) -> None:
        """Names of another file, with that file's own words behind them."""
        source = self.importer(item.path, item.path_span)
        if source.name in self.loading:
            chain = (*self.loading[self.loading.index(source.name) :], source.name)
            raise Diagnosed(Diagnostic(ImportCycle(chain), item.path_span, program.source.name))
        # once for each file, however many import it: its blocks are the same objects, and so are their bodies
        other = self.loaded.get(source.name) or self.load(source)
        for name, span in item.names:
            self._take(program, other, name, span)

    def _take(self, program: Program, other: Program, name: str, span: Span) -> None:
        if not self._is_new(program, name, span):
            return
        if name in other.definitions:
            program.definitions[name] = other.definitions[name]
        elif name in {let.name for let in other.lets} | set(other.imports):
            # the file that has the value, through files that only pass it on
            program.imports[name] = other.imports.get(name, other)
        else:
            known = (*other.definitions, *(let.name for let in other.lets))
            self._report(program, NothingToImport(name, other.source.name, closest(name, known), known), span, known)

    @property
    def programs(self) -> list[Program]:
        """All loaded files, those imported before those that import them."""
        return list(self.loaded.values())


def _default_key(word: str) -> str:
    """Words of one layer (POOL, MAXPOOL) share a default, but for those with arguments of their own."""
    return WORDS[word].tag if word in WORDS and word not in WORDS[word].adapted else word


def no_imports(path: str, span: Span) -> Source:
    """The importer of the prelude, which imports nothing."""
    raise AssertionError(f"{path} at {span.line}")


@cache
def prelude() -> Program:
    """The prelude, parsed once."""
    return Loader(no_imports, Collector()).load(Source("prelude.arch", resources.prelude_text()))


def find_default(program: Program, word: str) -> ast.DefaultLayer | None:
    """What a bare word stands for: the file's own default, or the prelude's."""
    key = _default_key(word)
    return program.defaults.get(key) or prelude().defaults.get(key)
