"""Whether a model that was read from a file is one that archlang could have made. Nothing behind this mistrusts it.

Everything that later code relies on is checked: references, shapes, counts, depth, and names that become Python's.
"""

from __future__ import annotations

from archlang.ir.fitting import DoesNotFit, running_shapes
from archlang.ir.graph import Argument, Body, Call, Input, Layer, Model, Name, Node, Ref, Repeat
from archlang.ir.ops.base import OpError, Shape
from archlang.ir.walk import input_shapes
from archlang.syntax.reserved import class_name_problem, label_problem

MOST_PARTS = 10_000_000
DEEPEST = 200


def verify_model(model: Model) -> None:
    """Raise ValueError, with one line, for the first thing that does not fit together."""
    _need(bool(model.bodies), "it has no body")
    _check_word(model.name, class_name_problem(model.name))
    _check_arguments(model.arguments)
    sizes: list[tuple[int, int]] = []
    for number, body in enumerate(model.bodies):
        # bodies may refer only to those before them: there can be no circle, and one pass checks all.
        sizes.append(_Verifier(model, number, body, sizes).check())
    _check_ports(model)


def _check_ports(model: Model) -> None:
    """The inputs and outputs of the model itself."""
    _need(tuple(known.shape for known in model.inputs) == model.root.inputs, "its inputs are not those of its body")
    for known in (*model.inputs, *model.sides):
        _need(known.name.isidentifier(), f"{known.name!r} is no name")
        _need(isinstance(known, Input) or 0 < known.port < len(model.root.outputs), f"{known.name} is no output")


class _Verifier:
    """Checks one body; `sizes` holds parts and depth of those before it, which alone it may use."""

    def __init__(self, model: Model, number: int, body: Body, sizes: list[tuple[int, int]]) -> None:
        self.model = model
        self.number = number
        self.body = body
        self.sizes = sizes
        self.taken: set[Name] = set()

    def check(self) -> tuple[int, int]:
        """How many parts the body expands to, and how deep it is."""
        body, parts, depth = self.body, 0, 0
        _need(bool(body.inputs and body.outputs), f"body {self.number} has no input or no output")
        _need(all(_is_shape(shape) for shape in body.inputs), f"body {self.number} has an impossible input")
        if body.definition is not None:
            _check_word(body.definition, class_name_problem(body.definition))
        _check_arguments(body.arguments)
        for index, node in enumerate(body.nodes):
            added, below = self._check_node(node, index)
            parts, depth = parts + added, max(depth, below)
        _need(
            all(self._is_known(ref, len(body.nodes)) for ref in body.outputs), f"body {self.number} has no such output"
        )
        _need(parts <= MOST_PARTS and depth <= DEEPEST, f"body {self.number} expands to too much")
        return parts, depth

    def _check_node(self, node: Node, index: int) -> tuple[int, int]:
        where = f"node {index} of body {self.number}"
        _need(all(self._is_known(ref, index) for ref in node.inputs), f"{where} reads what is not there")
        if not isinstance(node, Repeat):
            self._check_name(node, where)
        try:
            outputs, parts, depth = self._expand(node, input_shapes(self.body, node))
        except DoesNotFit:
            raise ValueError(f"{where} has weights or numbers of another size") from None
        # a file may hold any numbers: rules of layers meet them here unchecked.
        except (OpError, ArithmeticError, LookupError, TypeError) as error:
            raise ValueError(f"{where} is impossible: {error}") from None
        # shapes are worked out again and compared: later code reads them from the node.
        _need(node.outputs == outputs and all(map(_is_shape, outputs)), f"{where} has other shapes than it says")
        return parts, depth

    def _is_known(self, ref: Ref, before: int) -> bool:
        if ref.node == -1:
            return 0 <= ref.port < len(self.body.inputs)
        return 0 <= ref.node < before and 0 <= ref.port < len(self.body.nodes[ref.node].outputs)

    def _check_name(self, node: Layer | Call, where: str) -> None:
        name = node.name
        if name is None:
            return
        good = label_problem(name.base) is None if name.index is None else name.index >= 0 and _is_base(name.base)
        _need(good, f"{name.base!r} is no name")
        _need(node.shared or name not in self.taken, f"{where} has the name of another")
        self.taken.add(name)

    def _expand(self, node: Node, inputs: tuple[Shape, ...]) -> tuple[tuple[Shape, ...], int, int]:
        """What comes out of a node, how many parts it expands to, and how deep it is."""
        if isinstance(node, Layer):
            return running_shapes(node.op, inputs), 1, 0
        if isinstance(node, Call):
            parts, depth = self._size(node.body)
            return self._flow(node.body, inputs), parts + 1, depth + 1
        flow, parts, depth = inputs, 0, 0
        for run in node.runs:
            outputs = self._flow(run.body, flow)
            # copies of one body follow each other only if it gives the shape that it takes.
            _need(run.count >= 1 and (run.count == 1 or outputs[0] == flow[0]), "copies do not follow each other")
            flow = (outputs[0], *inputs[1:])
            inner, below = self._size(run.body)
            parts, depth = parts + inner * run.count, max(depth, below + 1)
        return flow[:1], parts, depth

    def _size(self, body: int) -> tuple[int, int]:
        _need(0 <= body < self.number, f"body {self.number} uses one that is not before it")
        return self.sizes[body]

    def _flow(self, number: int, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        self._size(number)
        body = self.model.bodies[number]
        _need(body.inputs == inputs, f"body {number} takes other inputs")
        return tuple(body.shape_of(ref) for ref in body.outputs)


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _check_word(word: str, problem: str | None) -> None:
    # names become classes and attributes of generated Python, so this is what keeps a file from writing code.
    _need(word.isascii() and word.isidentifier() and problem is None, f"{word!r} is no name")


def _check_arguments(arguments: tuple[Argument, ...]) -> None:
    for argument in arguments:
        _need(argument.name.isidentifier() and _is_value(argument.value), f"{argument.name!r} is no argument")


def _is_base(base: str) -> bool:
    return not base or (base.isascii() and base.isidentifier())


def _is_shape(shape: Shape) -> bool:
    return all(size >= 1 for size in shape)


def _is_value(value: object) -> bool:
    if isinstance(value, tuple):
        items: tuple[object, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return all(_is_value(item) for item in items)
    return value is None or isinstance(value, bool | int | float | str)
