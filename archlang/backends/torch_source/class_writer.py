"""Writes the inside of one class: its constructor and, where its base class has none that fits, its `forward`.

What is a plain chain of modules becomes a subclass of `nn.Sequential` where its parts are only numbered, or where it is
too long for a `forward` of its own; else its parts are attributes. What is no chain has a `forward`, and is a subclass
of `nn.ModuleList` where its parts are only numbered, and of `nn.ModuleDict` where some numbers are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from archlang.backends.torch_source.containers import Builder, Library
from archlang.backends.torch_source.flow import Flow, attribute_names, follow
from archlang.backends.torch_source.forward import Forward
from archlang.backends.torch_source.functions import FunctionFrame
from archlang.backends.torch_source.measures import LONGEST_FORWARD
from archlang.backends.torch_source.named_sinks import Mapped, ordered
from archlang.backends.torch_source.parts import Parts
from archlang.backends.torch_source.sinks import Attributes, Inline
from archlang.backends.torch_source.steps import MAPPING_METHODS, Part, Segment, is_function, segments_of
from archlang.backends.torch_source.text import Bracket, Code, Expression, call, flat
from archlang.ir.graph import BodyId, Call, Layer


class ClassWriter:
    """Writes the constructor and `forward` of one class; afterwards `base` is its base class.

    Results at the places `aside` are given in training only.
    """

    def __init__(
        self, library: Library, function: FunctionFrame, parts: Sequence[Part], aside: Collection[int] = ()
    ) -> None:
        self.library = library
        self.function = function
        self.parts = parts
        self.aside = aside
        self.builder = Builder(library, function)
        self.base = "nn.Sequential"
        self.constructor = Code(8)
        self.forward = Code(4)
        self.bare: list[str] = []

    def write_content(self, inputs: Sequence[str], body: BodyId, is_model: bool) -> None:
        """Write both methods; `body` is one of those that the class stands for."""
        known = self.library.parts
        plain = known.is_plain(body)
        if plain and not is_model and known.is_numbered(body):
            self._sequential()
        elif plain and not self._is_attributes():
            self._keyed()
        elif not plain and known.is_numbered(body, "list"):
            self._list(inputs)
        else:
            self._attributes(inputs)

    def _begin(self) -> None:
        self.constructor.add("super().__init__()")

    def _sequential(self) -> None:
        # loops are statements, which can stand in front of `super().__init__` as they make no attributes
        if not self.builder.is_straight(self.parts):
            layers = self.builder.listing(self.constructor, self.parts, self.function)
            self.constructor.add(f"super().__init__(*{layers})")
            return
        inline = Inline()
        self.builder.fill(inline, self.parts, self.function, {})
        self.constructor.add("", Bracket("super().__init__(", tuple(inline.entries)))

    def _keyed(self) -> None:
        """A `nn.Sequential` by names."""
        if self.builder.is_straight(self.parts):
            self.library.require("OrderedDict")
            named = ordered(self.builder.named(self.parts, self.function))
            self.constructor.add("", call("super().__init__", named))
            return
        self._begin()
        self.builder.keys(self.constructor, "self", self.parts, self.function)

    def _list(self, inputs: Sequence[str]) -> None:
        self.base = "nn.ModuleList"
        layers = self.builder.listing(self.constructor, self.parts, self.function, style="list")
        self.constructor.add(f"super().__init__({layers})")
        self._forward(follow(self.library.parts, self.parts, "list", len(inputs), self.function.own), inputs, {})

    def _attributes(self, inputs: Sequence[str]) -> None:
        self.base = "nn.Module"
        self._begin()
        # a constructor that stays like this is left out: Python calls that of the base
        self.bare = list(self.constructor.lines)
        # attributes for numbers must not take the names of parts
        self.function.labels = frozenset(label for part in self.parts for label in self.library.parts.labels(part))
        flow = follow(self.library.parts, self.parts, "attributes", len(inputs), self.function.own)
        names = attribute_names(flow)
        # an attribute cannot be called `0`, and renaming it would rename its keys in the `state_dict`
        if is_mapping := _is_mapping(flow, names):
            self._mapping()
        # long repeats are filled by loops with add_module, and applied by their places among the children
        elif any(isinstance(applied.node, Segment) for applied in flow.applied):
            names = {}
            self.builder.keys(self.constructor, "self", self.parts, self.function, "attributes")
        else:
            self.builder.fill(Attributes(self.constructor, names), self.parts, self.function, {})
        self._forward(flow, inputs, names, is_mapping)

    def _mapping(self) -> None:
        self.base = "nn.ModuleDict"
        mapped = Mapped(self.constructor, one_by_one=not self.builder.is_straight(self.parts))
        # parts given as one dictionary go to `super().__init__` themselves
        if not mapped.one_by_one:
            self.constructor.lines.clear()
        self.builder.fill(mapped, self.parts, self.function, {})
        if not mapped.one_by_one:
            self.constructor.add("", call("super().__init__", Bracket("{", tuple(mapped.entries), "}")))

    def _forward(self, flow: Flow, inputs: Sequence[str], names: dict[str, str], is_mapping: bool = False) -> None:
        forward = Forward(flow, names, self.function, is_mapping)
        forward.write(self.forward, inputs, self.aside)
        # imports and attributes follow from what `forward` turned out to need
        for name in ({"torch"} if forward.uses_torch else set[str]()) | forward.helpers:
            self.library.require(name)
        for attribute, value in self.function.stored.items():
            self._store(attribute, value)

    def _store(self, attribute: str, value: Expression) -> None:
        """Set an attribute: where a condition asks for what it holds, or else at the end."""
        # `self.has_skip = a and b` in front of `if self.has_skip:` spares writing the condition twice
        head, lines = f"if {flat(value)}:", self.constructor.lines
        places = [index for index, line in enumerate(lines) if line.strip() == head]
        # modules take attributes behind `super().__init__()` only, which a ModuleList calls last (it has no `bare`)
        if not places or str(value).isidentifier() or not self.bare:
            self.constructor.add(f"self.{attribute} = ", value)
            return
        for index in places:
            lines[index] = lines[index].replace(head, f"if self.{attribute}:")
        lines.insert(places[0], f"{' ' * self.constructor.indent}self.{attribute} = {flat(value)}")

    def _is_attributes(self) -> bool:
        """Whether the parts of a plain chain are attributes: they have fit names, and are not too many."""
        known = self.library.parts
        # a quoted label such as "0" is a key, and no attribute
        if any(not label.isidentifier() for part in self.parts for label in known.labels(part)):
            return False
        rows, _ = known.aligned(self.parts)
        if any(_has_number(known, row.lead.node) for row in rows):
            return False
        lines, repeats = 0, False
        for row in rows:
            segments = segments_of(row.steps)
            if segments and not known.is_applied_by_name(segments, "attributes"):
                return False
            # a chain of so many lines reads better as an nn.Sequential, which needs no `forward`
            lines += known.run_size(segments[0]) if segments else 1
            repeats = repeats or bool(segments)
        return lines <= LONGEST_FORWARD or not repeats


def _is_mapping(flow: Flow, names: dict[str, str]) -> bool:
    """Whether parts with parameters have numbers for names, which no attribute can have, and a mapping takes all."""
    parts = [applied for applied in flow.applied if applied.name]
    if not any(one.name.isdigit() and one.name not in names and _is_module(flow, one.node) for one in parts):
        return False
    # `add_module` refuses names that nn.ModuleDict has itself
    taken = {one.name for one in parts} & MAPPING_METHODS
    return not taken and not any(
        one.is_own or one.present is not None or isinstance(one.node, Segment) for one in flow.applied
    )


def _is_module(flow: Flow, node: Layer | Call | Segment) -> bool:
    return not isinstance(node, Layer) or not is_function(node, flow.style)


def _has_number(parts: Parts, node: Layer | Call | Segment) -> bool:
    """Whether a number is the name of a part that has parameters: no attribute can have it."""
    if isinstance(node, Segment):
        return any(_has_number(parts, step.node) for step in parts.of(node.runs[0]).steps)
    numbered = node.name is not None and node.name.index is not None and node.name.base == ""
    return numbered and (isinstance(node, Call) or bool(node.op.parameters() or node.op.buffers()))
