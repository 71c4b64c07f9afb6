"""What a file defines, looked up by name: models, blocks, values and defaults, the prelude's behind its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import zip_longest
from typing import Any

from archlang import resources
from archlang.diagnostics import Collector, Diagnostic, Label
from archlang.errors.names import DuplicateDefinition, ReservedName
from archlang.ir.ops import WORDS
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.parser import parse
from archlang.syntax.reserved import class_name_problem

INPUT = "INPUT"
ALIAS_LIMIT = 64


@dataclass(frozen=True)
class ModelParameter:
    """A parameter of a model or block.

    `inherited` are those of the model that an alias stands for: `model VGG16 = VGG(depths=...)` takes `classes` too.
    """

    name: str
    default: ast.Expression | None
    span: Span
    inherited: bool = False


@dataclass
class Program:
    """The definitions of one file. `values` fills as its `let`s are evaluated."""

    source: Source
    definitions: dict[str, ast.Definition] = field(default_factory=dict[str, ast.Definition])
    lets: list[ast.Let] = field(default_factory=list[ast.Let])
    defaults: dict[str, ast.DefaultLayer] = field(default_factory=dict[str, ast.DefaultLayer])
    default_arguments: dict[str, ast.DefaultArgument] = field(default_factory=dict[str, ast.DefaultArgument])
    assertions: list[ast.Assertion] = field(default_factory=list[ast.Assertion])
    values: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def models(self) -> list[ast.Definition]:
        """Models in the order of the file."""
        return [definition for definition in self.definitions.values() if definition.is_model]

    def parameters(self, definition: ast.Definition, aliases: int = 0) -> tuple[ModelParameter, ...]:
        """Parameters as written; for a model also its chain's free letters and switches, and those it inherits."""
        written = tuple(ModelParameter(p.name, p.default, p.span) for p in definition.parameters)
        if not definition.is_model:
            return written
        known = {p.name for p in written} | set(self.values) | {let.name for let in self.lets}
        implicit = {p.name: p for p in _implicit(definition.chain, known)}
        own = (*written, *implicit.values())
        return (*own, *self._inherited(definition, {p.name for p in own}, aliases))

    def _inherited(self, definition: ast.Definition, own: set[str], aliases: int) -> Iterator[ModelParameter]:
        alias = self.alias(definition)
        if alias is None or aliases > ALIAS_LIMIT:
            return
        callee, call = alias
        theirs = self.parameters(callee, aliases + 1)
        given = {a.name or p.name for a, p in zip_longest(call.arguments or (), theirs[: len(call.arguments or ())]) if a}
        yield from (replace(p, inherited=True) for p in theirs if p.name not in given | own)

    def alias(self, definition: ast.Definition) -> tuple[ast.Definition, ast.Call] | None:
        """The model that a model merely calls, with the call; None if its chain is more than that."""
        stage = definition.chain.stages[0]
        alone = len(definition.chain.stages) == 1 and not stage.label and not stage.suffixes and not stage.stated
        if not alone or not isinstance(stage.part, ast.Call):
            return None
        callee = self.definitions.get(stage.part.word)
        return (callee, stage.part) if callee and callee.is_model and definition.is_model else None


def _implicit(chain: ast.Chain, known: set[str]) -> Iterator[ModelParameter]:
    """Free letters and unguarded `?` of a chain, in the order of the text."""
    nodes = list(walk(chain))
    known = known | {name for node in nodes if isinstance(node, ast.Loop) for name in node.names}
    for node in nodes:
        match node:
            case ast.NameUse(name=name) if len(name) == 1 and name.isupper() and name not in known:
                yield ModelParameter(name, None, node.span)
            case ast.Stage() if (name := switch_name(node)) and name not in known:
                yield ModelParameter(name, ast.Literal(node.span, True), node.span)
            case _:
                pass


def switch_name(stage: ast.Stage) -> str | None:
    """The switch of an unguarded `?`: the label, or the first word of the part in lower case (`POOL?`: pool)."""
    if not any(isinstance(suffix, ast.Optional) and suffix.condition is None for suffix in stage.suffixes):
        return None
    part = stage.part
    while stage.label is None and isinstance(part, ast.Group):
        stage = part.chain.stages[0]
        part = stage.part
    return stage.label.text if stage.label else part.word.lower() if isinstance(part, ast.Call) else None


def walk(node: Any) -> Iterator[ast.Node]:
    """A node and everything below it, in the order of the text."""
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, ast.Node):
            yield current
            pending.extend(getattr(current, f.name) for f in reversed(fields(current)) if f.name != "span")
        elif isinstance(current, tuple):
            pending.extend(reversed(current))  # pyright: ignore[reportUnknownArgumentType]


def load_program(file: ast.File, collector: Collector) -> Program:
    """Sort a file's items by what they define; a name defined twice is reported."""
    program = Program(file.source)
    for item in file.items:
        match item:
            case ast.Definition():
                _define(program, item, collector)
            case ast.Let():
                program.lets.append(item)
            case ast.DefaultLayer():
                program.defaults[_default_key(item.word)] = item
            case ast.DefaultArgument():
                program.default_arguments[item.name] = item
            case ast.Assertion():
                program.assertions.append(item)
    return program


def _define(program: Program, item: ast.Definition, collector: Collector) -> None:
    file = program.source.name
    if reason := class_name_problem(item.name):
        collector.add(Diagnostic(ReservedName(item.name, reason), item.name_span, file))
    if item.name in WORDS or item.name == INPUT:
        collector.add(Diagnostic(ReservedName(item.name, "it is a layer"), item.name_span, file))
    if before := program.definitions.get(item.name):
        first = Label(before.name_span, "first defined here")
        collector.add(Diagnostic(DuplicateDefinition(item.name), item.name_span, file, (first,)))
    else:
        program.definitions[item.name] = item


def _default_key(word: str) -> str:
    """Words of one layer (POOL, MAXPOOL) share a default."""
    return WORDS[word].tag if word in WORDS else word


@cache
def prelude() -> Program:
    """The prelude, parsed once."""
    return load_program(parse(Source("prelude.arch", resources.prelude_text())), Collector())


def find_default(program: Program, word: str) -> ast.DefaultLayer | None:
    """What a bare word stands for: the file's own default, or the prelude's."""
    key = _default_key(word)
    return program.defaults.get(key) or prelude().defaults.get(key)


