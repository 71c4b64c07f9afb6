"""Lints of names: blocks, parameters, values, imports and labels that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.diagnostics import Edit, Help
from archlang.elaborate.labels import value_names
from archlang.elaborate.program import Program, walk
from archlang.elaborate.taps import HERE
from archlang.lints.base import Finding
from archlang.source import Span
from archlang.syntax import ast


def own(program: Program) -> list[ast.Definition]:
    """The models and blocks that the file defines itself."""
    return [found.tree for found in program.definitions.values() if found.program is program]


def words_of(definition: ast.Definition) -> set[str]:
    """Words of its calls; of `features.0` the first."""
    calls = (node.word for node in walk(definition.chain) if isinstance(node, ast.Call))
    return {part for word in calls for part in (word, word.split(".")[0])}


def unused_blocks(program: Program) -> Iterator[Finding]:
    """Blocks that no model reaches."""
    from archlang.errors.unused import UnusedBlock

    trees = {tree.name: tree for tree in own(program)}
    reached = [tree for tree in trees.values() if tree.is_model]
    known = {tree.name for tree in reached}
    for tree in reached:
        more = [name for name in words_of(tree) if name in trees and name not in known]
        known.update(more)
        reached += [trees[name] for name in sorted(more)]
    for name, tree in trees.items():
        if name not in known:
            yield Finding(UnusedBlock(name), span=tree.name_span)


def unused_parameters(program: Program) -> Iterator[Finding]:
    """Parameters and holes that the chain and the other parameters do not name."""
    from archlang.errors.unused import UnusedParameter

    for tree in own(program):
        named = set(value_names(tree.chain))
        for parameter in tree.parameters:
            for value in (parameter.default, parameter.domain):
                named |= value_names(value) if value else set[str]()
        for parameter in tree.parameters:
            if parameter.name not in named:
                span = program.source.span(parameter.span.start, parameter.span.start + len(parameter.name))
                yield Finding(UnusedParameter(parameter.name, tree.name), span=span)
        for hole in tree.holes:
            if hole not in words_of(tree):
                yield Finding(UnusedParameter(hole, tree.name), span=tree.name_span)


def unused_lets(program: Program) -> Iterator[Finding]:
    """Values that no expression names."""
    from archlang.errors.unused import UnusedLet

    used = _used_names(program)
    for let in program.lets:
        if let.name not in used:
            helps = (Help("leave it out", (Edit(_line(let.span), ""),)),)
            yield Finding(UnusedLet(let.name), span=let.name_span, helps=helps)


def _used_names(program: Program) -> set[str]:
    trees: list[ast.Node] = [*own(program), *program.lets, *program.assertions]
    trees += [*program.defaults.values(), *program.default_arguments.values()]
    return {name for tree in trees for name in value_names(tree)}


def _line(span: Span) -> Span:
    """A definition with the end of its line, where nothing else stands on it."""
    text = span.source.text
    end = text.find("\n", span.end)
    rest = text[span.end : end if end >= 0 else len(text)]
    return span.source.span(span.start, end + 1) if end >= 0 and not rest.strip() and span.column == 1 else span


def unused_imports(program: Program) -> Iterator[Finding]:
    """Imported names that nothing in the file names."""
    from archlang.errors.unused import UnusedImport

    used = _used_names(program).union(*(words_of(tree) for tree in own(program)))
    for item in (item for item in program.items if isinstance(item, ast.Import)):
        for name, span in item.names:
            if name not in used:
                edit = Edit(_line(item.span), "") if len(item.names) == 1 else Edit(_listed(item, span), "")
                helps = (Help("do not import it", (edit,), safe=True),)
                yield Finding(UnusedImport(name), span=span, helps=helps)


def _listed(item: ast.Import, span: Span) -> Span:
    """A name of several with its comma."""
    spans = [other for _, other in item.names]
    index = spans.index(span)
    return span.source.span(spans[index - 1].end, span.end) if index else span.source.span(span.start, spans[1].start)


def unused_labels(program: Program) -> Iterator[Finding]:
    """Labels of `_` that no part of their definition reads."""
    from archlang.errors.unused import UnusedLabel

    for tree in own(program):
        words = words_of(tree)
        arguments = value_names(tree.chain)
        for node in walk(tree.chain):
            label = node.label if isinstance(node, ast.Stage) and node.part.span.text == HERE else None
            if isinstance(node, ast.Stage) and label and not label.quoted and label.text not in words | arguments:
                edit = Edit(program.source.span(label.span.start, node.part.span.start), "")
                helps = (Help("leave the label out", (edit,)),)
                yield Finding(UnusedLabel(label.text), span=label.span, helps=helps)
