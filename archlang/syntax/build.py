"""Lark's tree to the syntax tree, bottom up and without recursion, so that no nesting can exhaust the stack."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import PurePath
from typing import Any

from lark import Token, Tree

from archlang.diagnostics import Diagnosed, Diagnostic, Edit, Help
from archlang.errors.syntax import MissingArrow, NestingTooDeep
from archlang.errors.values import NumberTooLarge
from archlang.records import record
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.comments import comment_above
from archlang.syntax.reserved import class_name_problem

LARGEST_INTEGER = 10**15
# `CONV*2*2*2` nests without a bracket, so the limit for brackets does not see it
MOST_SUFFIXES = 16
"""Of one stage: each is a level of nesting, as a bracket is."""

BARE = "bare"

Children = list[Any]


@record
class Braces:
    """What stands in braces behind a call, until the call takes it."""

    span: Span
    branches: tuple[ast.Branch, ...]


@record
class Holes:
    """Names of the chains that a block takes in braces."""

    names: tuple[str, ...]


class Builder:
    """Builds the nodes of one source: one method for each rule of the grammar, named as the rule.

    `offset` is where the parsed text begins in the source.
    """

    def __init__(self, source: Source, offset: int = 0) -> None:
        self.source = source
        self.offset = offset

    def file(self, tree: Tree[Token]) -> ast.File:
        """The whole file."""
        # by id, for as long as `tree` keeps its subtrees alive; iter_subtrees gives children before parents
        built: dict[int, Any] = {}
        for subtree in tree.iter_subtrees():
            children = [built[id(child)] if isinstance(child, Tree) else child for child in subtree.children]
            if subtree is tree:
                return ast.File(self.source, self._items(children))
            rule: Callable[[Span, Children], Any] = getattr(self, str(subtree.data))
            built[id(subtree)] = rule(self._span(subtree), children)
        raise AssertionError("iter_subtrees ends with the tree itself")

    def _span(self, tree: Tree[Token]) -> Span:
        if tree.meta.empty:
            return Span(self.source, 0, 0)
        return Span(self.source, tree.meta.start_pos + self.offset, tree.meta.end_pos + self.offset)

    def _items(self, items: Children) -> tuple[ast.Item, ...]:
        """Check that no bare chain is the rest of a chain whose arrow is missing."""
        for before, item in pairwise(items):
            # newlines mean nothing, so `A -> B` and `C -> D` below it are two chains to the grammar
            if _is_bare(item) and isinstance(before, ast.Definition) and not _starts_model(item):
                raise Diagnosed(missing_arrow(item.chain.stages[0].span))
        return tuple(items)

    # ---- definitions

    def model(self, span: Span, children: Children) -> ast.Definition:
        """`model Net(classes = 10) = chain`."""
        return self._definition("model", span, children)

    def block(self, span: Span, children: Children) -> ast.Definition:
        """`block residual(c){ body } = chain`."""
        return self._definition("block", span, children)

    def _definition(self, keyword: str, span: Span, children: Children) -> ast.Definition:
        # parameters and holes may both be missing; the grammar leaves no gap for what is
        name, *rest, chain = children
        parameters = next((part for part in rest if not isinstance(part, Holes)), ())
        holes = next((part.names for part in rest if isinstance(part, Holes)), ())
        doc = self._comment_above(span)
        return ast.Definition(span, keyword, str(name), self._at(name), parameters, chain, doc, holes)

    def holes(self, span: Span, children: Children) -> Holes:
        """`{ body, shortcut }` in the head of a block."""
        return Holes(tuple(str(name) for name in children))

    def imports(self, span: Span, children: Children) -> ast.Import:
        """`from "resnet.arch" import bottleneck`; the path without its quotes."""
        path, *names = children
        return ast.Import(span, path[1:-1], self._at(path), tuple((str(name), self._at(name)) for name in names))

    def bare(self, span: Span, children: Children) -> ast.Definition:
        """A chain as a whole model, with its file's name."""
        name = model_name(self.source.name)
        return ast.Definition(span, BARE, name, span, (), children[0], self._comment_above(span))

    def _comment_above(self, span: Span) -> str:
        """The documentation of a definition that begins its line."""
        # behind something else on the line, the comment above is about that
        return comment_above(self.source, span.line) if span.column == 1 else ""

    def parameters(self, span: Span, children: Children) -> tuple[ast.Parameter, ...]:
        """What stands in parentheses behind the name of a model or block."""
        return tuple(children)

    def parameter(self, span: Span, children: Children) -> ast.Parameter:
        """`N in 0..3 = 2`: domain and default, either of which may be missing."""
        name, *rest = children
        domain = next((part for part in rest if isinstance(part, ast.Domain)), None)
        default = next((part for part in rest if not isinstance(part, ast.Domain)), None)
        return ast.Parameter(span, str(name), default, domain)

    def domain(self, span: Span, children: Children) -> ast.Domain:
        """`in 0..3`, or `in [16, 32]`, which has no last value."""
        return ast.Domain(span, children[0], children[1] if len(children) > 1 else None)

    def let(self, span: Span, children: Children) -> ast.Let:
        """`let widths = [64, 128]`."""
        return ast.Let(span, str(children[0]), self._at(children[0]), children[1])

    def default_layer(self, span: Span, children: Children) -> ast.DefaultLayer:
        """`default CONV(32, 3x3)`."""
        word = children[0]
        return ast.DefaultLayer(span, str(word), self._at(word), children[1] if len(children) > 1 else ())

    def default_argument(self, span: Span, children: Children) -> ast.DefaultArgument:
        """`default init = "he"`."""
        return ast.DefaultArgument(span, str(children[0]), self._at(children[0]), children[1])

    def assertion(self, span: Span, children: Children) -> ast.Assertion:
        """`assert LeNet.parameters == 61_706`."""
        return ast.Assertion(span, children[0])

    # ---- chains

    def chain(self, span: Span, children: Children) -> ast.Chain:
        """Stages between arrows; the arrows themselves are gone."""
        return ast.Chain(span, tuple(children))

    def stage(self, span: Span, children: Children) -> ast.Stage:
        """`label: part*3? :: shape`. Raises `Diagnosed` for more suffixes than a nest may be deep."""
        label = children[0] if isinstance(children[0], ast.Label) else None
        part, *rest = children[1:] if label else children
        suffixes = tuple(child for child in rest if isinstance(child, ast.Repeat | ast.Optional))
        # what is left behind the suffixes is the shape behind `::`
        stated = rest[-1] if len(rest) > len(suffixes) else None
        if len(suffixes) > MOST_SUFFIXES:
            raise Diagnosed(Diagnostic(NestingTooDeep(MOST_SUFFIXES), suffixes[MOST_SUFFIXES].span, self.source.name))
        return ast.Stage(span, label, part, suffixes, stated)

    def label(self, span: Span, children: Children) -> ast.Label:
        """`name:` or `"conv{i}":`; its place is that of the name, without the colon."""
        token = children[0]
        quoted = token.type == "STRING"
        return ast.Label(self._at(token), token[1:-1] if quoted else str(token), quoted)

    def group(self, span: Span, children: Children) -> ast.Group:
        """`[chain]`, or `[chain for x in items]`."""
        return ast.Group(span, children[0], children[1] if len(children) > 1 else None)

    def call(self, span: Span, children: Children) -> ast.Call:
        """`WORD(arguments){ branches }`: bare, empty and filled parentheses are told apart."""
        path: Span = children[0]
        braces = next((part for part in children if isinstance(part, Braces)), None)
        written: list[tuple[ast.Argument, ...]] = [part for part in children[1:] if not isinstance(part, Braces)]
        end = braces.span.start if braces else span.end
        # from the text, since the tree of `CONV()` is that of `CONV`; what stands between path and braces are arguments
        bare = "(" not in re.sub(r"#[^\n]*", "", self.source.text[path.end : end])
        arguments = None if bare else next(iter(written), ())
        # the grammar lets blanks and comments stand around a path's dots
        word = re.sub(r"#[^\n]*|\s", "", path.text)
        return ast.Call(span, word, path, arguments, braces.branches if braces else None)

    def path(self, span: Span, children: Children) -> Span:
        """The place of `features.0`, whose text is read from the source."""
        return span

    def braces(self, span: Span, children: Children) -> Braces:
        """`{ a, b }` behind a call."""
        return Braces(span, tuple(children))

    def branch(self, span: Span, children: Children) -> ast.Branch:
        """A chain in braces, or one for each item of a loop."""
        return ast.Branch(span, children[0], children[1] if len(children) > 1 else None)

    def arguments(self, span: Span, children: Children) -> tuple[ast.Argument, ...]:
        """What stands between the parentheses of a call."""
        return tuple(children)

    def argument(self, span: Span, children: Children) -> ast.Argument:
        """`value` or `name=value`."""
        name = str(children[0]) if len(children) > 1 else None
        return ast.Argument(span, name, children[-1])

    def repeat(self, span: Span, children: Children) -> ast.Repeat:
        """`*N`."""
        return ast.Repeat(span, children[0])

    def optional(self, span: Span, children: Children) -> ast.Optional:
        """`?`, or `?(condition)`."""
        return ast.Optional(span, children[0] if children else None)

    def stated(self, span: Span, children: Children) -> ast.Expression:
        """`:: shape`."""
        return children[0]

    def loop(self, span: Span, children: Children) -> ast.Loop:
        """`for a, b in items`."""
        return ast.Loop(span, children[0], children[1])

    def names(self, span: Span, children: Children) -> tuple[str, ...]:
        """The names between `for` and `in`."""
        return tuple(str(name) for name in children)

    # ---- expressions

    def integer(self, span: Span, children: Children) -> ast.Literal:
        """`61_706`. Raises `Diagnosed` for more than 10**15."""
        digits = children[0].replace("_", "")
        # the length first: int() of a very long text takes long, and Python refuses more than 4300 digits
        if len(digits) > 16 or int(digits) > LARGEST_INTEGER:
            problem = NumberTooLarge("the number", LARGEST_INTEGER)
            raise Diagnosed(Diagnostic(problem, span, self.source.name))
        return ast.Literal(span, int(digits))

    def float(self, span: Span, children: Children) -> ast.Literal:
        """`0.5`, `1e-5`. Raises `Diagnosed` for more than 10**15."""
        value = float(children[0].replace("_", ""))
        if value > LARGEST_INTEGER:
            raise Diagnosed(Diagnostic(NumberTooLarge("the number", LARGEST_INTEGER), span, self.source.name))
        return ast.Literal(span, value)

    def string(self, span: Span, children: Children) -> ast.Literal:
        """`"text"`, without its quotes; there are no escapes in it."""
        return ast.Literal(span, str(children[0][1:-1]))

    def size(self, span: Span, children: Children) -> ast.Literal:
        """`3x3`: a tuple. Raises `Diagnosed` for numbers of more than 15 digits."""
        parts = children[0].split("x")
        # 0x10 is a size of 0 by 10: there are no hexadecimal numbers
        if any(len(part) > 15 for part in parts):
            raise Diagnosed(Diagnostic(NumberTooLarge("the size", LARGEST_INTEGER), span, self.source.name))
        return ast.Literal(span, tuple(int(part) for part in parts))

    def constant(self, span: Span, children: Children) -> ast.Literal:
        """`true`, `false` or `none`, as Python's."""
        return ast.Literal(span, {"true": True, "false": False, "none": None}[str(children[0])])

    def name(self, span: Span, children: Children) -> ast.NameUse:
        """A name that stands for its value."""
        return ast.NameUse(span, str(children[0]))

    def sequence(self, span: Span, children: Children) -> ast.Sequence:
        """`[a, b]`, `(a, b)`, `(a,)`, `()`: all the same."""
        return ast.Sequence(span, tuple(children))

    def comprehension(self, span: Span, children: Children) -> ast.Comprehension:
        """`[item for name in items if condition]`."""
        return ast.Comprehension(span, children[0], children[1], children[2] if len(children) > 2 else None)

    def condition(self, span: Span, children: Children) -> ast.Expression:
        """`if condition` of a comprehension."""
        return children[0]

    def conditional(self, span: Span, children: Children) -> ast.Conditional:
        """`chosen if condition else other`."""
        return ast.Conditional(span, *children)

    def inversion(self, span: Span, children: Children) -> ast.Unary:
        """`not x`."""
        return ast.Unary(span, "not", children[0])

    def negative(self, span: Span, children: Children) -> ast.Unary:
        """`-x`."""
        return ast.Unary(span, "-", children[-1])

    def _operation(self, span: Span, children: Children) -> ast.Operation:
        return ast.Operation(span, tuple(str(token) for token in children[1::2]), tuple(children[::2]))

    # operands and operators take turns among the children
    comparison = sum = product = _operation

    def either(self, span: Span, children: Children) -> ast.Operation:
        """`a or b or c` as one operation."""
        return ast.Operation(span, ("or",) * (len(children) - 1), tuple(children))

    def both(self, span: Span, children: Children) -> ast.Operation:
        """`a and b and c` as one operation."""
        return ast.Operation(span, ("and",) * (len(children) - 1), tuple(children))

    def power(self, span: Span, children: Children) -> ast.Operation:
        """`a ** b`; of `a ** b ** c` the right one comes first, as in Python."""
        return ast.Operation(span, ("**",), tuple(children))

    def attribute(self, span: Span, children: Children) -> ast.Attribute:
        """`model.features`, or `features.0`."""
        return ast.Attribute(span, children[0], str(children[1]))

    def index(self, span: Span, children: Children) -> ast.Index:
        """`items[0]`."""
        return ast.Index(span, *children)

    def invocation(self, span: Span, children: Children) -> ast.Invocation:
        """`len(x)`, `memory(batch=32)`."""
        return ast.Invocation(span, children[0], children[1] if len(children) > 1 else ())

    def _at(self, token: Token) -> Span:
        return Span(self.source, (token.start_pos or 0) + self.offset, (token.end_pos or 0) + self.offset)


def model_name(path: str) -> str:
    """The name of a bare chain: its file's, in the manner of classes (`my_net.arch` gives `MyNet`)."""
    # text that is no file (`-e`, a cell) has no name to take: Net
    words = re.findall(r"[A-Za-z0-9]+", PurePath(path).stem if path.endswith(".arch") else "")
    name = "".join(word[:1].upper() + word[1:] for word in words)
    if class_name_problem(name):
        return f"{name}Net"
    # 2020.arch: a class cannot begin with a digit
    return name if name[:1].isalpha() else f"Net{name}"


def _is_bare(item: ast.Item) -> bool:
    return isinstance(item, ast.Definition) and item.keyword == BARE


def _starts_model(item: ast.Definition) -> bool:
    part = item.chain.stages[0].part
    return isinstance(part, ast.Call) and part.word == "INPUT"


def missing_arrow(stage: Span) -> Diagnostic:
    """Two stages side by side: the second begins at `stage`."""
    fix = Help("put an arrow between them", (Edit(stage.source.span(stage.start, stage.start), "-> "),), safe=True)
    return Diagnostic(MissingArrow(), stage, stage.source.name, candidates=(fix,))
