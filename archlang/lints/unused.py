"""Lints of names: blocks, parameters, values, imports and labels that nothing uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from archlang.diagnostics import Edit, Help
from archlang.elaborate.labels import value_names
from archlang.elaborate.taps import HERE
from archlang.lints.base import Finding
from archlang.lints.text import FileText
from archlang.source import Span
from archlang.syntax import ast


def unused_blocks(file: FileText) -> Iterator[Finding]:
    """Blocks that no model reaches."""
    trees = {tree.name: tree for tree in file.own}
    reached = [tree for tree in trees.values() if tree.is_model]
    known = {tree.name for tree in reached}
    # the list grows while it is walked: what a block calls is reached, too
    for tree in reached:
        more = [name for name in file.words[tree.name] if name in trees and name not in known]
        known.update(more)
        # sorted, as sets of texts have another order in each run
        reached += [trees[name] for name in sorted(more)]
    for name, tree in trees.items():
        if name not in known:
            from archlang.errors.unused import UnusedBlock

            yield Finding(UnusedBlock(name), span=tree.name_span)


def unused_parameters(file: FileText) -> Iterator[Finding]:
    """Parameters and holes that the chain and the other parameters do not name."""
    for tree in file.own:
        # of the whole definition: a parameter may serve the default or the domain of another
        named, words = value_names(tree), file.words[tree.name]
        unused = [(p.name, file.source.span(p.span.start, p.span.start + len(p.name))) for p in tree.parameters]
        unused = [(name, span) for name, span in unused if name not in named]
        unused += [(hole, tree.name_span) for hole in tree.holes if hole not in words]
        for name, span in unused:
            from archlang.errors.unused import UnusedParameter

            yield Finding(UnusedParameter(name, tree.name), span=span)


def unused_lets(file: FileText) -> Iterator[Finding]:
    """Values that no expression names."""
    used = _used_names(file)
    for let in file.program.lets:
        if let.name not in used:
            helps = (Help("leave it out", (Edit(_line(let.span), ""),)),)
            from archlang.errors.unused import UnusedLet

            yield Finding(UnusedLet(let.name), span=let.name_span, helps=helps)


def _used_names(file: FileText) -> set[str]:
    # a let counts as used where another one names it, even if nothing names that
    trees: list[ast.Node] = [*file.own, *file.program.lets, *file.program.assertions]
    trees += [*file.program.defaults.values(), *file.program.default_arguments.values()]
    return {name for tree in trees for name in value_names(tree)}


def _line(span: Span) -> Span:
    """A definition with the end of its line, where nothing else stands on it."""
    text = span.source.text
    end = text.find("\n", span.end)
    rest = text[span.end : end if end >= 0 else len(text)]
    return span.source.span(span.start, end + 1) if end >= 0 and not rest.strip() and span.column == 1 else span


def unused_imports(file: FileText) -> Iterator[Finding]:
    """Imported names that nothing in the file names."""
    used = _used_names(file).union(*file.words.values())
    for item in (item for item in file.program.items if isinstance(item, ast.Import)):
        for name, span in item.names:
            if name not in used:
                edit = Edit(_line(item.span), "") if len(item.names) == 1 else Edit(_listed(item, span), "")
                helps = (Help("do not import it", (edit,), safe=True),)
                from archlang.errors.unused import UnusedImport

                yield Finding(UnusedImport(name), span=span, helps=helps)


def _listed(item: ast.Import, span: Span) -> Span:
    """A name of several with its comma."""
    spans = [other for _, other in item.names]
    index = spans.index(span)
    return span.source.span(spans[index - 1].end, span.end) if index else span.source.span(span.start, spans[1].start)


def unused_labels(file: FileText) -> Iterator[Finding]:
    """Labels of `_` that no part of their definition reads."""
    for tree in file.own:
        words = file.words[tree.name]
        arguments = value_names(tree)
        behind = _stages_behind(file.parts[tree.name])
        for node in file.parts[tree.name]:
            # the label of a layer names its weights and is of use without a reader; `_` has none
            label = node.label if isinstance(node, ast.Stage) and node.part.span.text == HERE else None
            if isinstance(node, ast.Stage) and label and not label.quoted and label.text not in words | arguments:
                # `x: _ -> RELU` is RELU: without its label a `_` in front of others says nothing
                later = None if node.suffixes or node.stated else behind.get(id(node))
                edit = Edit(file.source.span(label.span.start, later or node.part.span.start), "")
                helps = (Help("leave the label out", (edit,), safe=True),)
                from archlang.errors.unused import UnusedLabel

                yield Finding(UnusedLabel(label.text), span=label.span, helps=helps)


def _stages_behind(nodes: Iterable[ast.Node]) -> dict[int, int]:
    """Where the stage behind each begins, unless a comment stands between the two."""
    chains = (node for node in nodes if isinstance(node, ast.Chain))
    pairs = (pair for chain in chains for pair in pairwise(chain.stages))
    return {
        id(one): other.span.start
        for one, other in pairs
        if "#" not in one.span.source.text[one.span.start : other.span.start]
    }
