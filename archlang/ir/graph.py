"""The intermediate representation: hierarchical, shared, frozen.

A `Model` holds a table of `Body`s. A body is a small dataflow graph; its nodes are layers, calls of other bodies (each
opens a scope of names) and repeats (transparent for names). A body is stored once for each definition, arguments and
input shapes, however often it occurs, so everything that folds over the table costs what was written, not what it
expands to. Plain dataclasses: `json.py` lets pydantic write and read them.

Shapes leave out the batch, in torch's order: (C, H, W), (C, L), (C, D, H, W), (features,).
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from archlang.ir.ops.base import Op, Shape
from archlang.records import record

BodyId = int


@record
class Origin:
    """Where a node was written: file as named by the user, line and column from 1."""

    file: str
    line: int
    column: int


@record
class Name:
    """A name relative to its body.

    A label has no index and stands as it is. An automatic name is `base` with a number: in scopes that number
    their layers `base` is empty and numbers start at 0 (`features.0`); at the top of a model `base` is the kind of
    layer and numbers start at 1 (`conv1`). In a body that is repeated the index counts from the repeat's own start.
    """

    base: str
    index: int | None = None


@record
class Ref:
    """A value inside a body: output of node number `node`, or input number `port` of the body where `node` is -1."""

    node: int
    port: int = 0


@record
class Layer:
    """One operation. `name` is None for what the compiler put in (the flattening before FC): it takes no name.

    `shared` marks a further use of the layer that first had this name in the body: same weights, counted once.
    """

    name: Name | None
    op: Op
    inputs: tuple[Ref, ...]
    outputs: tuple[Shape, ...]
    origin: Origin
    init: str | None = None
    shared: bool = False
    node: Literal["layer"] = "layer"


@record
class Call:
    """An occurrence of a body that opens the scope `name`: a labelled group, a block, a model inside another.

    `shared` marks a further use of the part that first had this name in the enclosing body: same weights.
    """

    name: Name
    body: BodyId
    inputs: tuple[Ref, ...]
    outputs: tuple[Shape, ...]
    origin: Origin
    shared: bool = False
    node: Literal["call"] = "call"


@record
class Run:
    """`count` fresh copies of a body, one after the other."""

    body: BodyId
    count: int


@record
class Repeat:
    """Copies in a row, each fed with the first output of the one before: `[...]*N`, or a comprehension.

    The first input flows through the copies; further ones (labels used inside) go to each copy alike.

    Transparent: copies name their layers in the enclosing scope. `starts` holds, for each base of automatic names,
    how many of them the enclosing body used before the first copy.
    """

    runs: tuple[Run, ...]
    starts: tuple[tuple[str, int], ...]
    inputs: tuple[Ref, ...]
    outputs: tuple[Shape, ...]
    origin: Origin
    node: Literal["repeat"] = "repeat"

    @property
    def count(self) -> int:
        """Copies of all runs."""
        return sum(run.count for run in self.runs)


Node = Layer | Call | Repeat


def bodies_of(node: Node) -> tuple[BodyId, ...]:
    """The bodies that a node stands for."""
    match node:
        case Call():
            return (node.body,)
        case Repeat():
            return tuple(run.body for run in node.runs)
        case Layer():
            return ()


@record
class Argument:
    """A parameter of a block or model with the value it was called with.

    `default` says that it was not given, which makes no difference: calls with equal values share a body.
    """

    name: str
    value: object
    default: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        """Lists become tuples, so that what is read back from JSON equals what was written."""
        object.__setattr__(self, "value", _as_tuples(self.value))


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list | tuple) else value  # pyright: ignore[reportUnknownVariableType]


@record
class Body:
    """A dataflow graph with its inputs' shapes; nodes stand in execution order.

    `definition` names the block or model it came from (None for a group); `names` says how many automatic names
    of each base one copy takes, for bodies that are repeated. The first input and the first output are what flows
    through; further inputs are labels of outer scopes used inside, further outputs labels of this one used outside, or
    a model's side outputs. `training` lists nodes that run in training only.
    """

    definition: str | None
    arguments: tuple[Argument, ...]
    inputs: tuple[Shape, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Ref, ...]
    names: tuple[tuple[str, int], ...]
    origin: Origin
    training: tuple[int, ...] = ()

    def shape_of(self, ref: Ref) -> Shape:
        """Shape of a value of this body."""
        # inputs of a body have no node; -1 stands for them all.
        return self.inputs[ref.port] if ref.node < 0 else self.nodes[ref.node].outputs[ref.port]


@record
class Input:
    """An input of a model."""

    name: str
    shape: Shape


@record
class Side:
    """A further output of a model: its name, which output of the root body it is, and whether only in training."""

    name: str
    port: int
    training: bool


@record
class Output:
    """What a model returns: name, shape, and whether only in training."""

    name: str
    shape: Shape
    training: bool = False


@record
class DefaultUse:
    """A default that a bare word relied on: the word, what it stood for, and where that is written."""

    word: str
    text: str
    origin: Origin


@record
class Model:
    """A network whose inputs are known. Bodies stand before those that use them; the last is the model's own."""

    name: str
    inputs: tuple[Input, ...]
    bodies: tuple[Body, ...]
    arguments: tuple[Argument, ...]
    defaults: tuple[DefaultUse, ...]
    origin: Origin
    doc: str = ""
    sides: tuple[Side, ...] = ()

    @property
    def is_symbolic(self) -> bool:
        """Whether sizes are left free, so that shapes hold formulas: only a `SymbolicModel` (symbolic/legal.py)."""
        return False

    @property
    def is_partial(self) -> bool:
        """Whether errors ended it early, so that counts are lower bounds: only a `PartialModel` (partial.py)."""
        return False

    @property
    def with_numbers(self) -> Model:
        """The model at fixed sizes: itself, but for a `SymbolicModel`."""
        return self

    @property
    def root(self) -> Body:
        """The model's own body."""
        return self.bodies[-1]

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What the model returns: what flows out of its chain, then its side outputs."""
        # by reference and not stored twice: a shape of its own could contradict the body's.
        shapes = [self.root.shape_of(ref) for ref in self.root.outputs]
        sides = (Output(side.name, shapes[side.port], side.training) for side in self.sides)
        return (Output("output", shapes[0]), *sides)
