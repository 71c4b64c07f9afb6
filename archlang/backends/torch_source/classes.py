"""Writes classes: the model's own, and one for each structure that a block or called model takes.

A class is one of three kinds. Parts named 0, 1, 2, ... make a subclass of `nn.Sequential`; parts with names of their
own make attributes and a `forward`; parts of a long repeat at the top, and names that cannot be attributes, make a
subclass of `nn.Sequential` with keys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from archlang.backends.initialise import SCHEMES, Initialisation, initialisation
from archlang.backends.torch_source.containers import Builder, Inline, Names, all_labels, is_numbered
from archlang.backends.torch_source.forward import write_forward
from archlang.backends.torch_source.frames import Frame, FunctionFrame, Variable, Vector
from archlang.backends.torch_source.parts import Part, Parts, Segment
from archlang.backends.torch_source.text import Bracket, Code, Entry, Expression, call
from archlang.backends.torch_source.words import annotation, class_name, quote
from archlang.errors.words import shape_text, value_text
from archlang.ir.graph import Body, BodyId, Layer, Model
from archlang.ir.walk import Starts, name_text

LONGEST_FORWARD = 40
"""A body of more lines, with repeats written out, has no attributes and `forward` of its own but keys in loops."""


@dataclass
class Attributes:
    """Parts as attributes; flattening is left to `forward`."""

    code: Code
    longest: float = math.inf
    leaves_flattening: bool = True

    def put(self, names: Names, starts: Starts, value: Expression, comment: str, frame: Frame) -> None:
        """Set an attribute."""
        assert names[0] is not None
        name = name_text(names[0], starts)
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

    def values(self, parameter: Variable, bodies: Sequence[BodyId]) -> Vector:
        """What a parameter must be for each of these bodies."""
        return tuple(parameter.values[self.bodies.index(body)] for body in bodies)


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
        self._collect()

    def require(self, name: str) -> None:
        """Note that an import or helper is used."""
        self.required.add(name)

    def class_of(self, body: BodyId, label: str) -> Class | None:
        """The class that stands for a body; None if it is written in place."""
        key = self._key(body)
        if key not in self._classes:
            if self.parts.part(body).is_chain:
                return None
            self._classes[key] = Class(self._name(label or "group"), self._alike(key))
        found = self._classes[key]
        if not found.written:
            found.written = True
            self._write(found)
        return found

    def write_model(self) -> None:
        """Write the model's class, those that it uses in front of it."""
        root = len(self.model.bodies) - 1
        self._write(Class(self.model.name, [root]), is_model=True)

    # ---- which classes there are

    def _key(self, body: BodyId) -> tuple[str | None, int]:
        return self.model.bodies[body].definition, self.parts.structure(body)

    def _alike(self, key: object) -> list[BodyId]:
        return [body for body in range(len(self.model.bodies) - 1) if self._key(body) == key]

    def _collect(self) -> None:
        """Name the classes of all blocks and called models."""
        keys: dict[str, dict[tuple[str | None, int], list[BodyId]]] = {}
        for number, body in enumerate(self.model.bodies[:-1]):
            if body.definition is not None:
                keys.setdefault(body.definition, {}).setdefault(self._key(number), []).append(number)
        for definition, structures in keys.items():
            endings = self._endings(list(structures.values()))
            for (key, bodies), ending in zip(structures.items(), endings, strict=True):
                self._classes[key] = Class(self._name(definition, ending), bodies)

    def _name(self, definition: str, ending: str = "") -> str:
        name = class_name(definition, lambda n: n + ending in self._names) + ending
        name = class_name(name, self._names.__contains__)
        self._names.add(name)
        return name

    def _endings(self, structures: Sequence[Sequence[BodyId]]) -> list[str]:
        """What tells the structures of one definition apart: `UnitPool` for pool=true, `LevelDepth2` for depth=2."""
        if len(structures) > 1:
            for name in (argument.name for argument in self.model.bodies[structures[0][0]].arguments):
                values = [{repr(self._argument(body, name)) for body in bodies} for bodies in structures]
                if all(len(own) == 1 for own in values) and len(set().union(*values)) == len(structures):
                    endings = [_ending(name, self._argument(bodies[0], name)) for bodies in structures]
                    if None not in endings:
                        return [ending or "" for ending in endings]
        return [""] * len(structures)

    def _argument(self, body: BodyId, name: str) -> object:
        return next((a.value for a in self.model.bodies[body].arguments if a.name == name), None)

    # ---- one class

    def _write(self, one: Class, is_model: bool = False) -> None:
        bodies = [self.model.bodies[body] for body in one.bodies]
        function = FunctionFrame(len(bodies), _argument_vectors(bodies))
        builder = Builder(self.parts, self, self.init, function)
        parts = [self.parts.part(body).whole if is_model else self.parts.part(body) for body in one.bodies]
        body = Code(8)
        base = self._write_body(builder, body, parts, is_model)
        if is_model and self.init.shared:
            self._write_initialisation(body)
        one.parameters = function.parameters

        code = Code()
        noqa = "noqa: N801" if not one.name[0].isupper() or "_" in one.name else ""
        code.add(f"class {one.name}({base}):", comment=noqa)
        inner = code.deeper()
        inner.docstring([self._doc(bodies, is_model)])
        if len(body.lines) > (base == "nn.Module") or one.parameters:
            inner.blank()
            self._write_signature(inner, one.parameters)
            inner.take(body)
        if base == "nn.Module":
            inner.blank()
            self.require("Tensor")
            names = [item.name for item in self.model.inputs] if is_model else [f"x{n}" for n in range(len(bodies[0].inputs))]
            if write_forward(inner, self.parts, parts[0], names):
                self.require("torch")
        code.take(inner)
        for line in ("", "", *code.lines):
            self.code.lines.append(line)

    def _write_body(self, builder: Builder, body: Code, parts: Sequence[Part], is_model: bool) -> str:
        """The statements of the constructor; returns the base class."""
        frame = builder.function
        if not is_model and is_numbered(self.parts, parts[0]):
            if builder.is_straight(parts):
                inline = Inline()
                builder.fill(inline, parts, frame, {})
                body.add("", Bracket("super().__init__(", tuple(inline.entries)))
            else:
                body.add(f"super().__init__(*{builder.listing(body, parts, frame)})")
            return "nn.Sequential"
        body.add("super().__init__()")
        if self._has_attributes(builder, parts):
            builder.fill(Attributes(body), parts, frame, {})
            return "nn.Module"
        builder.keys(body, "self", parts, frame)
        return "nn.Sequential"

    def _has_attributes(self, builder: Builder, parts: Sequence[Part]) -> bool:
        part = parts[0]
        if not part.is_chain:
            return True
        if any(not label.isidentifier() for label in all_labels(self.parts, part)):
            return False
        lines = 0
        for steps in zip(*(p.steps for p in parts), strict=True):
            segments = [step.node for step in steps if isinstance(step.node, Segment)]
            if segments and not builder.is_short(segments, LONGEST_FORWARD):
                return False
            lines += self.parts.run_size(segments[0]) if segments else 1
        return lines <= LONGEST_FORWARD or not any(isinstance(step.node, Segment) for step in part.steps)

    def _write_signature(self, code: Code, parameters: Sequence[Variable]) -> None:
        entries = [Entry(annotation(p.values), f"{p.name}: ") for p in parameters]
        code.add("def ", Bracket("__init__(", (Entry("self"), *entries)), " -> None:")

    def _write_initialisation(self, body: Code) -> None:
        body.add("for module in self.modules():")
        test = body.deeper()
        test.add(f"if isinstance(module, {self.initialised_types(', ', '()')}):")
        layer = test.deeper()
        write_scheme(layer, self.init.shared or "", "module")
        test.take(layer)
        body.take(test)

    def initialised_types(self, separator: str, brackets: str = "") -> str:
        """The torch classes that `init=` applies to."""
        layers = [node for body in self.model.bodies for node in body.nodes if isinstance(node, Layer)]
        types = sorted({layer.op.torch().target for layer in layers if layer.op.initialised})
        joined = separator.join(types)
        return f"{brackets[0]}{joined}{brackets[1]}" if brackets and len(types) > 1 else joined

    def _doc(self, bodies: Sequence[Body], is_model: bool) -> str:
        shapes = {(body.inputs, tuple(body.shape_of(ref) for ref in body.outputs)) for body in bodies}
        if is_model or bodies[0].definition is None:
            title = bodies[0].definition or "A group"
        else:
            arguments = ", ".join(argument.name for argument in bodies[0].arguments)
            title = f"`{bodies[0].definition}({arguments})` of {self.source_name}"
        if len(shapes) > 1:
            return f"{title}."
        inputs, outputs = shapes.pop()
        return f"{title}: {', '.join(map(shape_text, inputs))} -> {', '.join(map(shape_text, outputs))}."


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


def _ending(name: str, value: object) -> str | None:
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    if isinstance(value, bool):
        return camel if value else ""
    return f"{camel}{value}" if isinstance(value, int) and value >= 0 else None
