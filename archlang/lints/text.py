"""A checked file as lints see it: the call that stands at a place, and the edits of calls and stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from archlang.diagnostics import Edit
from archlang.elaborate.program import INPUT, Program, find_default, walk
from archlang.ir.graph import Origin
from archlang.ir.ops.base import Op, Shape
from archlang.source import Source
from archlang.syntax import ast

Edits = tuple[Edit, ...]


def _words(nodes: Iterable[ast.Node]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Call):
            yield node.word
            yield node.word.partition(".")[0]


class FileText:
    """The definitions of one file with their places."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @property
    def source(self) -> Source:
        """The text."""
        return self.program.source

    @cached_property
    def own(self) -> tuple[ast.Definition, ...]:
        """The models and blocks that the file defines itself."""
        return tuple(found.tree for found in self.program.definitions.values() if found.program is self.program)

    @cached_property
    def parts(self) -> dict[str, tuple[ast.Node, ...]]:
        """Everything in the chain of each model and block, by its name."""
        return {tree.name: tuple(walk(tree.chain)) for tree in self.own}

    @cached_property
    def nodes(self) -> tuple[ast.Node, ...]:
        """Everything in all chains."""
        return tuple(node for nodes in self.parts.values() for node in nodes)

    @cached_property
    def words(self) -> dict[str, frozenset[str]]:
        """Words of the calls in the chain of each model and block, by its name; of `features.0` the first, too."""
        return {name: frozenset(_words(nodes)) for name, nodes in self.parts.items()}

    @cached_property
    def _calls(self) -> dict[tuple[int, int], ast.Call]:
        # the IR keeps lines and columns and no offsets; no two calls begin at one place
        return {(n.span.line, n.span.column): n for n in self.nodes if isinstance(n, ast.Call)}

    @cached_property
    def _stages(self) -> dict[int, tuple[ast.Chain, int]]:
        """Chain and position of the stage that each call is the part of."""
        chains = (node for node in self.nodes if isinstance(node, ast.Chain))
        return {id(stage.part): (chain, i) for chain in chains for i, stage in enumerate(chain.stages)}

    def call_at(self, origin: Origin) -> ast.Call | None:
        """The call that a layer came from; None if it stands in another file."""
        return self._calls.get((origin.line, origin.column)) if origin.file == self.source.name else None

    def inputs_of(self, shape: Shape) -> Iterator[ast.Call]:
        """Where an input of a shape is written in numbers."""
        for call in self._calls.values():
            values = [argument.value for argument in call.arguments or ()]
            if call.word == INPUT and [v.value for v in values if isinstance(v, ast.Literal)] == [*shape]:
                yield call

    def argument(self, call: ast.Call, op: Op, name: str) -> ast.Argument | None:
        """An argument of a call as it is written, by name, letter or position."""
        # CONV(32, F=3, S=2): the lectures' letters are names, too
        names = {p.letter or p.name: p.name for p in op.signature} | {p.name: p.name for p in op.signature}
        adapted = op.adapted.get(call.word, {})
        names |= adapted
        positional = [*adapted.values()] or [p.name for p in op.signature if not p.keyword]
        for index, argument in enumerate(call.arguments or ()):
            written = names.get(argument.name) if argument.name else (positional[index : index + 1] or [""])[0]
            if written == name:
                return argument
        return None

    # ---- edits

    def with_arguments(self, call: ast.Call, op: Op, values: Mapping[str, str]) -> Edits:
        """Edits that give arguments other values; none where they stand as expressions, which others may share."""
        if call.arguments is None:
            return self._written_out(call, op, values)
        edits: list[Edit] = []
        added = ""
        for name, text in values.items():
            argument = self.argument(call, op, name)
            if argument is None:
                added += f", {name}={text}"
            elif isinstance(argument.value, ast.Literal):
                edits.append(Edit(argument.value.span, text))
            # width * 2, or a name: other layers may depend on it
            else:
                return ()
        return (*edits, *self._added(call, added)) if added else tuple(edits)

    def _added(self, call: ast.Call, text: str) -> Edits:
        if not call.arguments:
            return (Edit(call.span, f"{call.word}({text.removeprefix(', ')})"),) if call.branches is None else ()
        end = call.arguments[-1].span.end
        return (Edit(self.source.span(end, end), text),)

    def _written_out(self, call: ast.Call, op: Op, values: Mapping[str, str]) -> Edits:
        """A bare word with the arguments of its default."""
        default = find_default(self.program, call.word)
        parts = list(self._default_parts(default, op, values)) if default else []
        # what the default says already was exchanged in its place
        given = [f"{name}={text}" for name, text in values.items() if not any(p.startswith(f"{name}=") for p in parts)]
        return (Edit(call.span, f"{call.word}({', '.join([*parts, *given])})"),)

    def _default_parts(self, default: ast.DefaultLayer, op: Op, values: Mapping[str, str]) -> Iterator[str]:
        positional = [p.name for p in op.signature if not p.keyword]
        for index, argument in enumerate(default.arguments):
            name = argument.name or positional[index]
            yield f"{name}={values[name]}" if name in values else argument.span.text

    def without(self, call: ast.Call) -> Edits:
        """The edit that takes a stage out of its chain; none where it is the whole chain."""
        chain, index = self._stages.get(id(call), (None, 0))
        if chain is None or len(chain.stages) == 1:
            return ()
        stage = chain.stages[index]
        start = chain.stages[index - 1].span.end if index else stage.span.start
        end = stage.span.end if index else chain.stages[1].span.start
        span = self.source.span(start, end)
        # a comment would be lost, and a stated shape may be what its author wants checked
        return () if "#" in span.text or stage.stated else (Edit(span, ""),)

    def before(self, call: ast.Call, text: str) -> Edits:
        """The edit that puts a stage in front of one."""
        chain, index = self._stages.get(id(call), (None, 0))
        # in front of `X*3` it would stand once and not in each copy
        if chain is None or call.branches is not None or chain.stages[index].suffixes:
            return ()
        start = chain.stages[index].span.start
        return (Edit(self.source.span(start, start), f"{text} -> "),)
