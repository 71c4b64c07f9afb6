"""Writes classes: the model's own, and one for each structure that a block or called model takes.

What is a plain chain of modules becomes a subclass of `nn.Sequential` where its parts are only numbered, or where it is
too long for a `forward` of its own; else its parts are attributes. What is no chain has a `forward`, and is a subclass
of `nn.ModuleList` where its parts are only numbered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from archlang.backends.initialise import SCHEMES, Initialisation, initialisation
from archlang.backends.torch_source.containers import Builder
from archlang.backends.torch_source.forward import Forward, attribute_names, follow
from archlang.backends.torch_source.frames import Frame, FunctionFrame, Variable, Vector
from archlang.backends.torch_source.parts import LONGEST_FORWARD, Part, Parts, Segment, Style, segments_of
from archlang.backends.torch_source.sinks import Inline, Names
from archlang.backends.torch_source.text import Bracket, Code, Entry, Expression, call
from archlang.backends.torch_source.words import annotation, class_name, quote, variable_name
from archlang.errors.words import shape_text
from archlang.ir.graph import Body, BodyId, Call, Layer, Model
from archlang.ir.walk import Starts, name_text


@dataclass
class Attributes:
    """Parts as attributes; `names` are those that differ from the part's own name."""

    code: Code
    names: dict[str, str]
    style: Style | None = "attributes"

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Set an attribute."""
        assert names[0] is not None
        name = name_text(names[0], starts)
        name = self.names.get(name, name)
        if name.isidentifier():
            self.code.add(f"self.{name} = ", value)
        else:
            self.code.add("", call("self.add_module", quote(name), value))

    def flush(self) -> None:
        """Nothing is ever pending."""


@dataclass
class Class:
    """A class of the generated module: the bodies that it stands for, and once written its parameters."""

    name: str
    bodies: list[BodyId]
    parameters: list[Variable] = field(default_factory=list[Variable])
    written: bool = False

    @cached_property
    def _instances(self) -> dict[BodyId, int]:
        return {body: index for index, body in enumerate(self.bodies)}

    def values(self, parameter: Variable, bodies: Sequence[BodyId]) -> Vector:
        """What a parameter must be for each of these bodies."""
        return tuple(parameter.values[self._instances[body]] for body in bodies)


class Classes:
    """All classes of a generated module, in the order in which they must stand."""

    def __init__(self, model: Model, source_name: str) -> None:
        self.model = model
        self.source_name = source_name
        self.parts = Parts(model)
        self.init: Initialisation = initialisation(model)
        self.code = Code()
        self.required: set[str] = set()
        self._classes: dict[object, Class] = {}
        self._names = {model.name}
        self._name_definitions()

    def require(self, name: str) -> None:
        """Note that an import or helper is used."""
        self.required.add(name)

    def class_of(self, body: BodyId, label: str) -> Class | None:
        """The class that stands for a body; None if it is written in place."""
        key = self._key(body)
        if key not in self._classes:
            if self.parts.is_plain(body):
                return None
            alike = [other for other in self._called if self._key(other) == key]
            self._classes[key] = Class(self._name(label or "group"), alike)
        found = self._classes[key]
        if not found.written:
            found.written = True
            self._write(found)
        return found

    def write_model(self) -> None:
        """Write the model's class, those that it uses in front of it."""
        self._write(Class(self.model.name, [len(self.model.bodies) - 1]), is_model=True)

    # ---- which classes there are

    def _key(self, body: BodyId) -> tuple[str | None, int]:
        return self.model.bodies[body].definition, self.parts.structure(body)

    @cached_property
    def _called(self) -> list[BodyId]:
        """Bodies that open a scope."""
        nodes = (node for body in self.model.bodies for node in body.nodes)
        return sorted({node.body for node in nodes if isinstance(node, Call)})

    def _name_definitions(self) -> None:
        """Name the classes of all blocks and called models."""
        found: dict[str, dict[tuple[str | None, int], list[BodyId]]] = {}
        for number in self._called:
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
            numbers = [next(iter(own)) for own in values if len(own) == 1]
            if len(numbers) == len(structures) and all(isinstance(number, int) and number >= 0 for number in numbers):
                found.append((max(numbers), [_ending(argument.name, number) for number in numbers]))
        return (endings for _, endings in sorted(found, key=lambda item: item[0]))

    def _argument(self, body: BodyId, name: str) -> object:
        return next((a.value for a in self.model.bodies[body].arguments if a.name == name), None)

    # ---- one class

    def _write(self, one: Class, is_model: bool = False) -> None:
        bodies = [self.model.bodies[body] for body in one.bodies]
        function = FunctionFrame(len(bodies), _argument_vectors(bodies))
        parts = [self.parts.part(body).whole if is_model else self.parts.part(body) for body in one.bodies]
        writer = ClassWriter(self, function, parts)
        writer.write_content(self._inputs(bodies[0], is_model), one.bodies[0], is_model)
        if is_model and self.init.shared:
            self._write_initialisation(writer.constructor)
        one.parameters = function.parameters

        noqa = "noqa: N801" if not one.name[0].isupper() or "_" in one.name else ""
        code = Code()
        code.add(f"class {one.name}({writer.base}):", comment=noqa)
        inner = code.deeper()
        inner.docstring([self._doc(bodies, is_model)])
        self._write_methods(inner, writer, one.parameters)
        code.take(inner)
        self.code.lines += ["", "", *code.lines]

    def _inputs(self, body: Body, is_model: bool) -> list[str]:
        if len(body.inputs) == 1:
            return ["x"]
        if is_model:
            return [variable_name(item.name, lambda _: False) for item in self.model.inputs]
        return ["x", *("skip" if n == 1 else f"skip{n}" for n in range(1, len(body.inputs)))]

    def _write_methods(self, code: Code, writer: ClassWriter, parameters: Sequence[Variable]) -> None:
        if parameters or writer.constructor.lines != writer.bare:
            code.blank()
            entries = [Entry(annotation(p.values), f"{p.name}: ") for p in parameters]
            code.add("def ", Bracket("__init__(", (Entry("self"), *entries)), " -> None:")
            code.take(writer.constructor)
        if writer.forward.lines:
            self.require("Tensor")
            code.blank()
            code.take(writer.forward)

    def _write_initialisation(self, body: Code) -> None:
        body.add("for module in self.modules():")
        test = body.deeper()
        types = self.initialised_types(", ")
        test.add(f"if isinstance(module, {f'({types})' if ',' in types else types}):")
        layer = test.deeper()
        write_scheme(layer, self.init.shared or "", "module")
        test.take(layer)
        body.take(test)

    def initialised_types(self, separator: str) -> str:
        """The torch classes that `init=` applies to."""
        layers = [node for body in self.model.bodies for node in body.nodes if isinstance(node, Layer)]
        return separator.join(sorted({layer.op.torch().target for layer in layers if layer.op.initialised}))

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


class ClassWriter:
    """Writes the constructor and `forward` of one class; afterwards `base` is its base class."""

    def __init__(self, classes: Classes, function: FunctionFrame, parts: Sequence[Part]) -> None:
        self.classes = classes
        self.function = function
        self.parts = parts
        self.builder = Builder(classes.parts, classes, classes.init, function)
        self.base = "nn.Sequential"
        self.constructor = Code(8)
        self.forward = Code(4)
        self.bare: list[str] = []

    def write_content(self, inputs: Sequence[str], body: BodyId, is_model: bool) -> None:
        """Write both methods; `body` is one of those that the class stands for."""
        known = self.classes.parts
        plain = known.is_plain(body)
        if plain and not is_model and known.is_numbered(body):
            self._sequential()
        elif plain and not self._is_attributes():
            self._begin()
            self.builder.keys(self.constructor, "self", self.parts, self.function)
        elif not plain and known.is_numbered(body, "list"):
            self._list(inputs)
        else:
            self._attributes(inputs)

    def _begin(self) -> None:
        self.constructor.add("super().__init__()")

    def _sequential(self) -> None:
        if not self.builder.is_straight(self.parts):
            layers = self.builder.listing(self.constructor, self.parts, self.function)
            self.constructor.add(f"super().__init__(*{layers})")
            return
        inline = Inline()
        self.builder.fill(inline, self.parts, self.function, {})
        self.constructor.add("", Bracket("super().__init__(", tuple(inline.entries)))

    def _list(self, inputs: Sequence[str]) -> None:
        self.base = "nn.ModuleList"
        layers = self.builder.listing(self.constructor, self.parts, self.function, style="list")
        self.constructor.add(f"super().__init__({layers})")
        self._forward("list", inputs, {})

    def _attributes(self, inputs: Sequence[str]) -> None:
        self.base = "nn.Module"
        self._begin()
        self.bare = list(self.constructor.lines)
        self.function.used |= set(self.classes.parts.labels(self.parts[0]))
        flow = follow(self.classes.parts, self.parts, "attributes", len(inputs))
        names = attribute_names(flow)
        if any(isinstance(applied.node, Segment) for applied in flow.applied):
            names = {}
            self.builder.keys(self.constructor, "self", self.parts, self.function, "attributes")
        else:
            self.builder.fill(Attributes(self.constructor, names), self.parts, self.function, {})
        self._forward("attributes", inputs, names)

    def _forward(self, style: Style, inputs: Sequence[str], names: dict[str, str]) -> None:
        flow = follow(self.classes.parts, self.parts, style, len(inputs))
        forward = Forward(flow, names, self.function)
        forward.write(self.forward, inputs)
        if forward.uses_torch:
            self.classes.require("torch")
        for name in self.function.stored:
            self.constructor.add(f"self.{name} = {name}")

    def _is_attributes(self) -> bool:
        """Whether the parts of a plain chain are attributes: they have fit names, and are not too many."""
        known = self.classes.parts
        if any(not label.isidentifier() for label in known.labels(self.parts[0])):
            return False
        if any(_has_number(known, step.node) for step in self.parts[0].steps):
            return False
        lines, repeats = 0, False
        for steps in zip(*(part.steps for part in self.parts), strict=True):
            segments = segments_of(steps)
            if segments and not known.is_applied_by_name(segments, "attributes"):
                return False
            lines += known.run_size(segments[0]) if segments else 1
            repeats = repeats or bool(segments)
        return lines <= LONGEST_FORWARD or not repeats


def _has_number(parts: Parts, node: Layer | Call | Segment) -> bool:
    """Whether a number is the name of a part that has parameters: no attribute can have it."""
    if isinstance(node, Segment):
        return any(_has_number(parts, step.node) for step in parts.of(node.runs[0]).steps)
    numbered = node.name is not None and node.name.index is not None and node.name.base == ""
    return numbered and (isinstance(node, Call) or bool(node.op.parameters() or node.op.buffers()))


def write_scheme(code: Code, scheme: str, name: str) -> None:
    """Statements that initialise the layer of a name."""
    function = SCHEMES[scheme]
    arguments = "".join(f', {key}="{value}"' for key, value in function.arguments)
    code.add(f"nn.init.{function.function}({name}.weight{arguments})")
    code.add(f"if {name}.bias is not None:")
    zero = code.deeper()
    zero.add(f"nn.init.zeros_({name}.bias)")
    code.take(zero)


def _argument_vectors(bodies: Sequence[Body]) -> tuple[Variable, ...]:
    """The arguments of a definition, with their values in each body."""
    names = [argument.name for argument in bodies[0].arguments]
    values = [{argument.name: argument.value for argument in body.arguments} for body in bodies]
    return tuple(Variable(name, tuple(own.get(name) for own in values)) for name in names)


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _ending(name: str, value: object) -> str:
    if isinstance(value, bool):
        return _camel(name) if value else ""
    return f"{_camel(name)}{value}"
