"""The classes of a generated module: the model's own, and one for each structure that a block or called model takes.

They are written on demand, so that each stands behind those that it uses.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from archlang.backends.initialise import initialisation
from archlang.backends.input_check import InputCheck
from archlang.backends.torch_source.alignment import NotMergeable
from archlang.backends.torch_source.authors import Author
from archlang.backends.torch_source.class_writer import ClassWriter
from archlang.backends.torch_source.frames import Variable
from archlang.backends.torch_source.functions import COPIES, FunctionFrame
from archlang.backends.torch_source.guards import NAME, TRAINING_NAME, guards
from archlang.backends.torch_source.measures import Measures
from archlang.backends.torch_source.samples import Samples
from archlang.backends.torch_source.schemes import write_shared
from archlang.backends.torch_source.text import WIDTH, Bracket, Code, Entry, flat
from archlang.backends.torch_source.vectors import Vector
from archlang.backends.torch_source.words import class_name, literal, variable_name
from archlang.errors.words import shape_text
from archlang.ir.graph import Body, BodyId, Layer
from archlang.ir.ops.base import collapse
from archlang.records import record

MOST_ROUNDS = 6
"""How often a class that holds itself is written, until what it gives to its own objects is what they take."""

MOST_USES = 2
"""Uses of an argument that its line names."""


class CannotMerge(Exception):
    """The bodies of a definition have no class in common; without one, those of the model itself."""

    def __init__(self, definition: str | None) -> None:
        super().__init__(definition)
        self.definition = definition


@dataclass
class Class:
    """A class of the generated module: the bodies that it stands for, and once written its parameters."""

    name: str
    bodies: list[BodyId]
    parameters: list[Variable] = field(default_factory=list[Variable])
    written: bool = False
    holds_itself: bool = False
    is_open: bool = False

    @cached_property
    def _instances(self) -> dict[BodyId, int]:
        return {body: index for index, body in enumerate(self.bodies)}

    def values(self, parameter: Variable, bodies: Sequence[BodyId]) -> Vector:
        """What a parameter must be for each of these bodies."""
        return tuple(parameter.values[self._instances[body]] for body in bodies)


@record
class _State:
    """What was known before a class was written."""

    classes: dict[object, tuple[Class, bool]]
    names: set[str]
    functions: int
    lines: int
    required: set[str]


class Classes:
    """All classes of a generated module, in the order in which they must stand."""

    def __init__(
        self, samples: Samples, source_name: str, author: Author, separate: frozenset[str] = frozenset()
    ) -> None:
        self.author = author
        self.samples = samples
        self.model = model = samples.model
        self.source_name = source_name
        self.parts = Measures(model, author.conditions, separate, samples.bodies)
        self.init = initialisation(model)
        self.code = Code()
        self.required: set[str] = set()
        self.support: dict[str, str] = {}
        self.imported: dict[str, str] = {}
        self._classes: dict[object, Class] = {}
        self._functions: list[FunctionFrame] = []
        self.model_inputs: list[str] = []
        self.guards: dict[str, InputCheck] = {}
        self._names = {model.name, NAME, TRAINING_NAME}
        self._name_support()
        self._name_definitions()

    def require(self, name: str) -> None:
        """Note that an import or helper is used."""
        self.required.add(name)

    def support_class(self, name: str) -> str:
        """What a class of `backends/support.py` is called in the module, which gets a copy of it."""
        return self.support[name]

    def imported_class(self, target: str) -> str:
        """What a class of another package (`package.module:Class`) is called in the module, which imports it."""
        return self.imported[target]

    def class_of(self, body: BodyId, label: str) -> Class | None:
        """The class that stands for a body; None if it is written in place."""
        key = self._key(body)
        if key not in self._classes:
            # a group that is a chain is a nn.Sequential where it stands; one with joins needs a class for its `forward`
            if self.model.bodies[body].definition is None and self.parts.is_plain(body):
                return None
            alike = [other for other in self.parts.called if self._key(other) == key]
            self._classes[key] = Class(self._name(label or "group"), alike)
        found = self._classes[key]
        # asked for while it is being written: it makes an object of itself
        found.holds_itself |= found.is_open
        if not found.written:
            found.written = True
            self._settle(found)
        return found

    def write_model(self) -> None:
        """Write the model's class, those that it uses in front of it."""
        self._write(Class(self.model.name, list(self.samples.roots)), is_model=True)

    def unwritten_condition(self) -> str | None:
        """A parameter that decides about a part where no text asks for it; None if there is none.

        How deep a block holds itself is one, too: what is equal at all depths that are there need not be at others.
        """
        for node, names in self.samples.conditions:
            owners = [one for one in self._functions if self.author.holds(one.definition, node)]
            # the parameter would change which parts there are, and nothing in the text would follow it
            if not owners or not all(node.span.text in one.asked for one in owners):
                return self.samples.least(names)
            if any(one.definition in self.parts.recursive for one in owners):
                return self.samples.least(names)
        # what flows on where a condition has the outcome that no sample has is not known
        unknown = (names for node, names in self.samples.one_sided if not self.parts.keeps_shapes(node))
        return next(map(self.samples.least, unknown), None)

    # ---- which classes there are

    def _key(self, body: BodyId) -> tuple[str | None, int]:
        return self.model.bodies[body].definition, self.parts.variant(body)

    def _name_support(self) -> None:
        """Name the copies of archlang's own layers, before blocks take the names."""
        layers = [node for body in self.model.bodies for node in body.nodes if isinstance(node, Layer)]
        targets = {layer.op.torch().target for layer in layers}
        for name in sorted(target.removeprefix("support.") for target in targets if target.startswith("support.")):
            self.support[name] = self._name(name)
        for target in sorted(target for target in targets if ":" in target):
            # imported under another name where the model or a copy has this one
            self.imported[target] = self._name(target.split(":")[1])

    def _name_definitions(self) -> None:
        """Name the classes of all blocks and called models."""
        found: dict[str, dict[tuple[str | None, int], list[BodyId]]] = {}
        for number in self.parts.called:
            definition = self.model.bodies[number].definition
            if definition is not None:
                found.setdefault(definition, {}).setdefault(self._key(number), []).append(number)
        for definition, structures in found.items():
            endings = self._endings(list(structures.values()))
            for (key, bodies), ending in zip(structures.items(), endings, strict=True):
                self._classes[key] = Class(self._name(definition, ending), bodies)

    def _name(self, definition: str, ending: str = "") -> str:
        name = class_name(definition, lambda _: False) + ending
        name = class_name(name, self._names.__contains__)
        self._names.add(name)
        return name

    def _endings(self, structures: Sequence[Sequence[BodyId]]) -> list[str]:
        """What tells the structures of one definition apart: a label that only one has, or the value of an argument."""
        if len(structures) > 1:
            # what a class has is a better name than what it was given; the order in which they are met comes last
            for endings in (self._label_endings(structures), *self._argument_endings(structures)):
                if None not in endings and len(set(endings)) == len(structures):
                    return [ending or "" for ending in endings]
        return [""] * len(structures)

    def _label_endings(self, structures: Sequence[Sequence[BodyId]]) -> list[str | None]:
        """`BasicDownsample` for the one with a part `downsample`."""
        labels = [list(self.parts.labels(self.parts.part(bodies[0]))) for bodies in structures]
        common = set(labels[0]).intersection(*labels)
        return [next((_camel(label) for label in own if label not in common), "") for own in labels]

    def _argument_endings(self, structures: Sequence[Sequence[BodyId]]) -> Iterator[list[str | None]]:
        """`UnitPool` for pool=true, `LevelDepth2` for depth=2; the argument with the smallest values first."""
        found: list[tuple[int, list[str | None]]] = []
        for argument in self.model.bodies[structures[0][0]].arguments:
            values = [{self._argument(body, argument.name) for body in bodies} for bodies in structures]
            given = [next(iter(own)) for own in values if len(own) == 1]
            if len(given) == len(structures):
                numbers = [value for value in given if isinstance(value, int)]
                # `LevelDepth2` reads better than `LevelC256`: small numbers are choices, large ones sizes
                found.append((max(numbers, default=0), [_ending(argument.name, value) for value in given]))
        return (endings for _, endings in sorted(found, key=lambda item: item[0]))

    def _argument(self, body: BodyId, name: str) -> object:
        return next((a.value for a in self.model.bodies[body].arguments if a.name == name), None)

    # ---- one class

    def _settle(self, one: Class) -> None:
        """Write a class; one that makes objects of itself again and again, until it gives them what it takes."""
        # inside, it calls itself with the parameters of the round before: the first round knows none
        for _ in range(MOST_ROUNDS):
            given, state = one.parameters, self._state()
            one.is_open, one.holds_itself = True, False
            self._write(one)
            one.is_open = False
            if not one.holds_itself or one.parameters == given:
                return
            self._go_back(state)
        raise CannotMerge(self.model.bodies[one.bodies[0]].definition or "")

    def _state(self) -> _State:
        known = {key: (one, one.written) for key, one in self._classes.items()}
        return _State(known, set(self._names), len(self._functions), len(self.code.lines), set(self.required))

    def _go_back(self, state: _State) -> None:
        """Forget what was written since."""
        self._classes = {key: one for key, (one, _) in state.classes.items()}
        for one, written in state.classes.values():
            one.written = written
        self._names, self.required = state.names, state.required
        del self._functions[state.functions :]
        del self.code.lines[state.lines :]

    def _write(self, one: Class, is_model: bool = False) -> None:
        bodies = [self.model.bodies[body] for body in one.bodies]
        # the first size without the batch: channels of a map, features of a vector
        entry = tuple(body.inputs[0][0] if body.inputs else 0 for body in bodies)
        leave = tuple(body.shape_of(body.outputs[0])[0] for body in bodies)
        arguments = _argument_vectors(self.samples.arguments if is_model else _arguments_of(bodies))
        # bodies of the model come first in the table; a class that only samples use has none, but needs one to speak of
        own = 1 if is_model else max(1, sum(body < self.samples.own for body in one.bodies))
        function = FunctionFrame(len(bodies), arguments, own=own, closed=is_model, entry=entry, exit=leave)
        function.author, function.definition = self.author, bodies[0].definition or ""
        self._functions.append(function)
        function.defaults = {} if is_model else _default_sizes(self.author, bodies[0].definition)
        function.written = self.author.expressions(bodies[0].definition) if bodies[0].definition else ()
        # callers flatten in front of a block; a model has no caller, and does it itself
        parts = [self.parts.part(body).whole if is_model else self.parts.part(body) for body in one.bodies]
        aside = [side.port for side in self.model.sides if side.training] if is_model else []
        writer = ClassWriter(self, function, parts, aside)
        widest = max(one.bodies, key=lambda body: len(self.parts.part(body).steps))
        try:
            writer.write_content(self._inputs(bodies[0], is_model), widest, is_model)
        except NotMergeable:
            raise CannotMerge(None if is_model else bodies[0].definition or "") from None
        if is_model and self.init.shared:
            write_shared(writer.constructor, self.model, self.init.shared)
        one.parameters = function.parameters
        if is_model:
            # which arguments became parameters is known only now; they are checked before anything is made of them
            writer.constructor.lines[:0] = [f"{' ' * 8}{line}" for line in _demands(function)]
        if is_model:
            self.model_inputs = self._inputs(bodies[0], is_model)
            self._write_check(writer.forward)

        # the author's name stays, though linters want CapWords
        noqa = "noqa: N801" if not one.name[0].isupper() or "_" in one.name else ""
        code = Code()
        code.add(f"class {one.name}({writer.base}):", comment=noqa)
        inner = code.deeper()
        inner.docstring([self._doc(bodies[:own], is_model), *(self._sections(function) if is_model else ())])
        self._write_methods(inner, writer, one.parameters)
        code.take(inner)
        self.code.lines += ["", "", *code.lines]

    def _write_check(self, forward: Code) -> None:
        """The first lines of the model's `forward`."""
        given = ", ".join(self.model_inputs)
        if not forward.lines:
            given = "input"  # as nn.Sequential calls it
            forward.add("def forward(self, input: Tensor) -> Tensor:")
            body = forward.deeper()
            body.add("return super().forward(input)")
            forward.take(body)
        self.require("torch")
        self.guards = guards(self.samples)
        always, *in_training = self.guards
        lines = [f"{always}({given})"]
        for name in in_training:
            lines += ["if self.training:", f"    {name}({given})"]
        # behind `def forward(...):`, which is the first line
        forward.lines[1:1] = [f"{' ' * 8}{line}" for line in lines]

    def _inputs(self, body: Body, is_model: bool) -> list[str]:
        if len(body.inputs) == 1:
            return ["x"]
        if is_model:
            names: list[str] = []
            for item in self.model.inputs:
                # a number can be a label, and no argument; `A` and `a` are both read as `a`
                word = f"input_{item.name}" if item.name.isdigit() else item.name
                names.append(variable_name(word, names.__contains__))
            return names
        return ["x", *("skip" if n == 1 else f"skip{n}" for n in range(1, len(body.inputs)))]

    def _write_methods(self, code: Code, writer: ClassWriter, parameters: Sequence[Variable]) -> None:
        if parameters or writer.constructor.lines != writer.bare:
            code.blank()
            entries = [_signature_entry(parameter) for parameter in parameters]
            code.add("def ", Bracket("__init__(", (Entry("self"), *entries)), " -> None:")
            code.take(writer.constructor)
        if writer.forward.lines:
            self.require("Tensor")
            code.blank()
            code.take(writer.forward)

    def _sections(self, function: FunctionFrame) -> Iterator[str]:
        """What stands below the first line of a model: its arguments, what is fixed, and what it returns."""
        lines = [f"    {p.name}: {_uses(function, p.name)}" for p in function.parameters]
        if lines:
            yield "\n".join(["Args:", *lines])
        if self.samples.fixed and self.samples.tried:
            values = (f"{name}={flat(literal(self.samples.parameters[name]))}" for name in self.samples.fixed)
            text = f"Written for {', '.join(values)}; other values need another file."
            yield textwrap.fill(text, WIDTH - 4, break_long_words=False)
        followers = [f"{name} = {how}" for name, how in self.author.followers]
        if followers:
            text = f"No arguments, as they follow: {', '.join(followers)}."
            yield textwrap.fill(text, WIDTH - 4, break_long_words=False)
        # with the bodies of samples behind it, the table's last body is not the model's own
        outputs = replace(self.model, bodies=self.model.bodies[: self.samples.own]).outputs
        if len(outputs) > 1:
            names = (f"{one.name} {shape_text(one.shape)}{' in training' if one.training else ''}" for one in outputs)
            yield textwrap.fill(f"Returns {', '.join(names)}, in this order.", WIDTH - 4)

    def _doc(self, bodies: Sequence[Body], is_model: bool) -> str:
        shapes = {(body.inputs, tuple(body.shape_of(ref) for ref in body.outputs)) for body in bodies}
        if is_model:
            title = self.model.name
        elif bodies[0].definition is None:
            title = f"Part of {self.model.name}"
        else:
            arguments = ", ".join(argument.name for argument in bodies[0].arguments)
            title = f"`{bodies[0].definition}({arguments})` of {self.source_name}"
        if len(shapes) > 1:
            return f"{title}."
        inputs, outputs = shapes.pop()
        return f"{title}: {', '.join(map(shape_text, inputs))} -> {', '.join(map(shape_text, outputs))}."


def _demands(function: FunctionFrame) -> Iterator[str]:
    """What arguments must be, as other values take other layers: lists as long as the author's, no copies of none."""
    for parameter in function.parameters:
        name, given = parameter.name, parameter.values[0]
        if isinstance(given, tuple):
            yield f"if len({name}) != {len(cast('tuple[Any, ...]', given))}:"
            yield f'    raise ValueError("{name} has {len(cast("tuple[Any, ...]", given))} values")'
        elif COPIES in function.uses.get(name, ()):
            yield f"if {name} < 1:"
            yield f'    raise ValueError("{name} is at least 1")'


def _uses(function: FunctionFrame, name: str) -> str:
    """What an argument sets: `out_features` of `nn.Linear`."""
    # what is in no constructor, as the size of a crop
    uses = function.uses.get(name, ["a number of `forward`"])
    return f"sets {', '.join(uses[:MOST_USES])}{' and others' if len(uses) > MOST_USES else ''}."


def _default_sizes(author: Author, definition: str | None) -> dict[str, Any]:
    """The author's defaults, sizes as torch's are written."""
    return {name: _size(value) for name, value in author.defaults(definition).items()} if definition else {}


def _signature_entry(parameter: Variable) -> Entry:
    """`classes: int = 1000`."""
    default = f" = {flat(parameter.default)}" if parameter.default is not None else ""
    return Entry(parameter.annotation, f"{parameter.name}: ", suffix=default)


def _arguments_of(bodies: Sequence[Body]) -> tuple[Variable, ...]:
    """The arguments of a definition, with their values in each body."""
    names = [argument.name for argument in bodies[0].arguments]
    values = [{argument.name: argument.value for argument in body.arguments} for body in bodies]
    return tuple(Variable(name, tuple(own.get(name) for own in values)) for name in names)


def _argument_vectors(arguments: Sequence[Variable]) -> tuple[Variable, ...]:
    """Arguments, and once more those of sizes as torch's are written."""
    # `k=3x3` is (3, 3) in the file and 3 in torch's text: either may be what a number equals
    return (*arguments, *(Variable(vector.name, tuple(map(_size, vector.values))) for vector in arguments))


def _size(value: Any) -> Any:
    """3x3 as 3, as torch's arguments are written."""
    if not isinstance(value, tuple):
        return value
    sizes = cast("tuple[Any, ...]", value)
    return collapse(sizes) if sizes else sizes


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _ending(name: str, value: object) -> str | None:
    match value:
        case bool():
            return _camel(name) if value else ""
        # a minus sign cannot stand in a name
        case int() if value >= 0:
            return f"{_camel(name)}{value}"
        case str() if value.isidentifier():
            return _camel(value)
        case _:
            return None
