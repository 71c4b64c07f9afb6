"""The syntax tree: frozen dataclasses, every node with its span. Sugar is kept as written; meaning is elaboration's."""

from __future__ import annotations

from archlang.records import record
from archlang.source import Source, Span


@record(eq=False)
class Node:
    """Anything written in a file. Nodes are equal only to themselves, so they can key the elaborator's memory."""

    span: Span


# ---- expressions -----------------------------------------------------------------------------------


@record(eq=False)
class Literal(Node):
    """A number, string, size (a tuple), true, false or none."""

    value: int | float | str | bool | tuple[int, ...] | None


@record(eq=False)
class NameUse(Node):
    """A name standing for its value."""

    name: str


@record(eq=False)
class Sequence(Node):
    """A list or tuple; the language knows no difference."""

    items: tuple[Expression, ...]


@record(eq=False)
class Loop(Node):
    """`for (a, b) in items`."""

    names: tuple[str, ...]
    items: Expression


@record(eq=False)
class Comprehension(Node):
    """`[item for name in items if condition]`."""

    item: Expression
    loop: Loop
    condition: Expression | None


@record(eq=False)
class Conditional(Node):
    """`chosen if condition else other`."""

    chosen: Expression
    condition: Expression
    other: Expression


@record(eq=False)
class Unary(Node):
    """`-x` or `not x`."""

    operator: str
    operand: Expression


@record(eq=False)
class Operation(Node):
    """`a + b - c`, `a == b == c`, `a and b`: operators of one precedence, from left to right."""

    operators: tuple[str, ...]
    operands: tuple[Expression, ...]


@record(eq=False)
class Attribute(Node):
    """`model.parameters`, `model.features.output`."""

    owner: Expression
    name: str


@record(eq=False)
class Index(Node):
    """`items[0]`."""

    owner: Expression
    index: Expression


@record(eq=False)
class Argument(Node):
    """An argument of a call, with its name where it is given by name."""

    name: str | None
    value: Expression


@record(eq=False)
class Invocation(Node):
    """`len(x)`, or a model with arguments."""

    function: Expression
    arguments: tuple[Argument, ...]


Expression = (
    Literal | NameUse | Sequence | Comprehension | Conditional | Unary | Operation | Attribute | Index | Invocation
)


# ---- chains ----------------------------------------------------------------------------------------


@record(eq=False)
class Call(Node):
    """A layer, block, model or label by its word. `arguments` is None for a bare word, `branches` without braces."""

    word: str
    word_span: Span
    arguments: tuple[Argument, ...] | None
    branches: tuple[Branch, ...] | None = None


@record(eq=False)
class Branch(Node):
    """One member of `{ ... }`: a chain fed with what flows into the braces, or one for each item of a loop."""

    chain: Chain
    loop: Loop | None


@record(eq=False)
class Group(Node):
    """`[ ... ]`, or `[ ... for x in items ]`."""

    chain: Chain
    loop: Loop | None


@record(eq=False)
class Repeat(Node):
    """`*N`."""

    count: Expression


@record(eq=False)
class Optional(Node):
    """`?` or `?(condition)`."""

    condition: Expression | None


@record(eq=False)
class Label(Node):
    """`name:` or `"name{i}":`; `text` is without the quotes."""

    text: str
    quoted: bool


@record(eq=False)
class Stage(Node):
    """One member of a chain: label, part, suffixes in order, stated shape."""

    label: Label | None
    part: Call | Group
    suffixes: tuple[Repeat | Optional, ...]
    stated: Expression | None


@record(eq=False)
class Chain(Node):
    """Stages joined by `->`."""

    stages: tuple[Stage, ...]


# ---- definitions -----------------------------------------------------------------------------------


@record(eq=False)
class Parameter(Node):
    """A parameter of a model or block, with its default and the values it ranges over."""

    name: str
    default: Expression | None
    domain: Domain | None = None


@record(eq=False)
class Domain(Node):
    """`in 0..3`, both ends included, or `in [16, 32, 64]`."""

    first: Expression
    last: Expression | None


@record(eq=False)
class Definition(Node):
    """A model or block. `keyword` says which; a bare chain is a model too, named by its file."""

    keyword: str
    name: str
    name_span: Span
    parameters: tuple[Parameter, ...]
    chain: Chain
    doc: str = ""
    holes: tuple[str, ...] = ()

    @property
    def is_model(self) -> bool:
        """Whether it is a model, not a block."""
        return self.keyword != "block"


@record(eq=False)
class Let(Node):
    """`let name = value`."""

    name: str
    name_span: Span
    value: Expression


@record(eq=False)
class DefaultLayer(Node):
    """`default CONV(32, 3x3, padding=1)`."""

    word: str
    word_span: Span
    arguments: tuple[Argument, ...]


@record(eq=False)
class DefaultArgument(Node):
    """`default init = "he"`."""

    name: str
    name_span: Span
    value: Expression


@record(eq=False)
class Assertion(Node):
    """`assert condition`."""

    condition: Expression


@record(eq=False)
class Import(Node):
    """`from "file.arch" import a, b`."""

    path: str
    path_span: Span
    names: tuple[tuple[str, Span], ...]


Item = Definition | Let | DefaultLayer | DefaultArgument | Assertion | Import


@record(eq=False)
class File:
    """A parsed file."""

    source: Source
    items: tuple[Item, ...]
