"""Constructors as frames: their numbers are arguments, follow from arguments, or become parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import combinations
from typing import Any

from archlang.backends.torch_source.authors import ATOM, PRECEDENCE, Author, Written, python_text
from archlang.backends.torch_source.conditions import Reason
from archlang.backends.torch_source.formulas import derive, product_factor
from archlang.backends.torch_source.frames import DEPTH, Frame, Given, NotExpressible, Slot, Variable
from archlang.backends.torch_source.rows import condition_name
from archlang.backends.torch_source.slices import slice_of
from archlang.backends.torch_source.steps import MAPPING_METHODS, SEQUENTIAL_METHODS, Step
from archlang.backends.torch_source.text import Bracket, Entry, Expression, flat
from archlang.backends.torch_source.vectors import ANY, Vector, all_integers, equal, first_of, is_literal, known_of
from archlang.backends.torch_source.words import annotation, is_argument_name, literal, plural, unique, variable_name
from archlang.syntax.reserved import MODULE_ATTRIBUTES
from archlang.traced import is_traced

IN_CHANNELS = "in_channels"
"""What a block calls the channels that come in, unless a parameter has the name."""


ATTRIBUTES = MODULE_ATTRIBUTES | SEQUENTIAL_METHODS | MAPPING_METHODS
"""What modules and their containers have already."""

Evaluate = Callable[[Written, Mapping[str, Any]], Any]
"""What an expression of the author is, given the values of its names."""

COPIES = "how often a part is repeated"
"""What an argument sets that is a number of copies."""


@dataclass
class FunctionFrame(Frame):
    """A constructor: one instance for each body that the class stands for. New variables are its parameters.

    `entry` and `exit` are the numbers of channels that come in and go out, `labels` are names that attributes of its
    own must not take. The first `own` instances are the model's, others come from samples of it. A closed constructor
    has no parameters but its arguments: those of the model.
    """

    own: int = 1
    closed: bool = False
    author: Author = field(default_factory=lambda: Author(None))
    written: tuple[Written, ...] = ()
    definition: str = ""
    asked: set[str] = field(default_factory=set[str])
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    uses: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    entry: Vector = ()
    exit: Vector = ()
    used: set[str] = field(default_factory=set[str])
    locals: set[str] = field(default_factory=set[str])
    stored: dict[str, Expression] = field(default_factory=dict[str, Expression])
    labels: frozenset[str] = frozenset()

    def write(self, slot: Slot) -> Expression:
        """The text of a number; notes which arguments of a model stand in it."""
        text = super().write(slot)
        self.note_use(slot, text)
        return text

    def note_use(self, slot: Slot, text: Expression) -> None:
        """Note which arguments of a model stand in the text of a number."""
        # a number of copies belongs to no class; an argument of a block that is called `depth` has an owner
        is_count = slot.name in (DEPTH, plural(DEPTH)) and not slot.owner
        use = COPIES if is_count else f"`{slot.name}` of `{slot.owner}`"
        if self.closed and (slot.owner or is_count):
            for name in {*re.findall(r"[A-Za-z_]\w*", flat(text) or "")} & {v.name for v in self.variables}:
                known = self.uses.setdefault(name, [])
                known += [use] if use not in known else []

    def find(self, slot: Slot) -> Expression | None:
        """The text of values that are constant, have a name, are an argument, or follow from one."""
        if slot.reason is not None:
            return self._presence(slot)
        if ANY in slot.values:  # `stride` of a part that only some have, though it is 2 in all of them
            for argument in self.arguments:
                if argument.name in (slot.name, *slot.words) and equal(argument.values, slot.values):
                    return self._name(argument)
            if slot.role == "in" and not is_literal(self.entry) and equal(self.entry, slot.values):
                return self._text_of(IN_CHANNELS)
        # what a block gives to itself counts down: `depth - 1`, though for a single depth a number would do
        if slot.in_itself and (found := self._written(slot, needed=slot.name)) is not None:
            return found
        if (found := super().find(slot)) is not None:
            return found
        # as a reader looks for it: an argument, an item of one, the author's expression, and last a formula found here
        for argument in self.arguments:
            if equal(argument.values, slot.values):
                return self._parameter(argument.name, replace(slot, values=argument.values), argument.name)
        for source in self._sources():
            if equal(source.values, slot.values):
                return source.name()
        if slot.is_table or all(isinstance(values, tuple) for values in known_of(slot.values)):
            return self._table(slot)
        if (found := self._written(slot)) is not None:
            return found
        return self._derived(slot) if all_integers(slot.values) else self._part(slot)

    def _table(self, slot: Slot) -> Expression | None:
        """A tuple whose items are all known: `(width, 2 * width)`, or a part of an argument: `widths[1:]`."""
        for argument in self.arguments:
            parts, lists = _known_in_first(slot.values, argument.values)
            if all(isinstance(value, tuple) for value in lists) and (part := slice_of(parts, lists)) is not None:
                return f"{self._name(argument)}{part}"
        lengths = {len(values) for values in known_of(slot.values)}
        # lists that are longer in some bodies have no text that goes item by item
        if len(lengths) > 1 or not (length := lengths.pop()):
            return None
        items = [Slot(_column(slot.values, place), slot.name) for place in range(length)]
        found = [self.find(item) for item in items]
        return None if None in found else Bracket("(", tuple(Entry(text) for text in found if text is not None))

    def _name(self, argument: Variable) -> str:
        """An argument by its name; it becomes a parameter."""
        known = Frame.find(self, Slot(argument.values, ""))
        return flat(known or "") or self._parameter(argument.name, argument.slot, argument.name)

    def _written(self, slot: Slot, needed: str = "") -> str | None:
        """The author's own expression, where it has these values, and `needed` in it: `stride if v1 else 1`."""
        for values, written in self._expressions:
            if needed and needed not in written.names:
                continue
            # an expression in `in_channels` that gives `in_channels` everywhere is a roundabout name for it
            own = IN_CHANNELS in written.names and equal(values, self.entry)
            if equal(values, slot.values) and not own:
                self.asked.add(written.node.span.text)
                return self._text(written)
        return None

    def text_of(self, written: Written, names: Mapping[str, str]) -> str:
        """The author's expression, given what some of its names are called here."""
        own = {name: self._text_of(name) for name in written.names if name not in names}
        return python_text(written.node, {**own, **names})

    def _text(self, written: Written, at_least: int = 0) -> str:
        return python_text(written.node, {name: self._text_of(name) for name in written.names}, at_least)

    @cached_property
    def around(self) -> dict[str, Vector]:
        """The names that the author could use, with their values."""
        # arguments stand here twice, as given and with sizes as torch writes them: the author's words mean the first
        known = {argument.name: argument.values for argument in reversed(self.arguments)}
        return known if self.closed or not all_integers(self.entry) else {IN_CHANNELS: self.entry, **known}

    @cached_property
    def _expressions(self) -> list[tuple[Vector, Written]]:
        """What the author wrote of names that differ here, with its values."""
        varying = {name: values for name, values in self.around.items() if not is_literal(values)}
        found = [written for written in self.written if written.names and written.names <= set(varying)]
        return [(self._values_of(written, varying, self.author.formula), written) for written in found]

    def _values_of(self, written: Written, known: Mapping[str, Vector], value: Evaluate) -> Vector:
        names = sorted(written.names)
        rows = list(zip(*(known[name] for name in names), strict=True))
        # evaluating is slow, and most instances have equal arguments; `repr` tells 1 from true, which are one key
        values = {repr(row): row for row in rows}
        given = {text: value(written, dict(zip(names, row, strict=True))) for text, row in values.items()}
        return tuple(given[repr(row)] for row in rows)

    def _text_of(self, name: str) -> str:
        argument = next((argument for argument in self.arguments if argument.name == name), None)
        if argument is not None:
            return self._name(argument)
        slot = Slot(self.entry, IN_CHANNELS, "in")
        return str(Frame.find(self, slot) or self.create(slot))

    def _derived(self, slot: Slot) -> str | None:
        """`4 * width`, `width // 2`, `count - 1`: a number that follows from an argument, or from what comes in."""
        sources = [source for source in self._sources() if all_integers(source.values)]
        sources = [source for source in sources if not is_literal(source.values)]
        for source in sources:
            wanted, given = _known_in_first(slot.values, source.values)
            text = derive(wanted, given, slot.name == DEPTH)
            # that what comes in is a part of an argument is the callers' doing: it stays a parameter of its own
            if text is not None and not ("//" in text and equal(slot.values, self.entry)):
                return text.format(source.name())
        for one, other in combinations(sources, 2):
            if (factor := product_factor(*_known_in_first(slot.values, one.values, other.values))) is not None:
                return f"{f'{factor} * ' if factor > 1 else ''}{one.name()} * {other.name()}"
        return self._multiple(slot)

    def _part(self, slot: Slot) -> str | None:
        """`drop / 17`: a fraction that is a part of an argument."""
        # fractions are rounded, so only formulas prove that one is a part of another
        for argument in self.arguments if is_traced(slot.values) else ():
            wanted, given = _known_in_first(slot.values, argument.values)
            if wanted[0] and isinstance(given[0], float) and isinstance(wanted[0], float):
                parts = round(given[0] / wanted[0])
                if parts > 1 and equal(tuple(number / parts for number in given), wanted):
                    return f"{self._name(argument)} / {parts}"
        return None

    def _multiple(self, slot: Slot) -> str | None:
        """A multiple of what the author wrote, as the numbers behind a flattening are: `49 * (width // 2)`."""
        for values, written in self._expressions:
            # positive, as it is divided by
            if all_integers(values) and min(values) > 0:
                wanted, given = _known_in_first(slot.values, values)
                factor = int(wanted[0]) // int(given[0])
                fits = factor > 1 and equal(tuple(factor * number for number in given), wanted)
                if fits and IN_CHANNELS not in written.names:
                    return f"{factor} * {self._text(written, ATOM)}"
        return None

    def _sources(self) -> Iterator[Given]:
        """Numbers that others may follow from."""
        for argument in self.arguments:
            yield Given(argument.values, partial(self._name, argument))
            if all(isinstance(value, tuple) for value in argument.values):
                for place in range(min(map(len, argument.values))):
                    column = tuple(value[place] for value in argument.values)
                    yield Given(column, partial(self._item, argument, place))
        for variable in self.variables:
            if variable.role == "in":
                yield Given(variable.values, lambda name=variable.name: name)

    def _item(self, argument: Variable, place: int) -> str:
        """An item of a list; the last one of any length is `[-1]`."""
        name = self._name(argument)
        any_length = any(variable.name == name and variable.is_table for variable in self.variables)
        # `widths[-1]` goes on to mean the last one in a longer list
        is_last = any_length and {len(value) for value in argument.values} == {place + 1}
        return f"{name}[{-1 if is_last else place}]"

    def create(self, slot: Slot) -> str:
        """A new parameter."""
        if self.closed:
            raise NotExpressible(slot.values)
        # an argument of this name has other values, or it would have been found
        own = {argument.name for argument in self.arguments}
        name = f"{slot.role}_channels" if slot.role and slot.name in own else slot.name
        if slot.role == "out" and not equal(slot.values, self.exit):
            # `out_channels` is what callers expect to come out of the block
            name = name.replace("out_", "hidden_")
        return self._parameter(name, slot)

    def store(self, slot: Slot, text: Expression | None = None) -> Expression:
        """The text of a number in another method: an attribute, if it is no constant."""
        text = text or self.find(slot) or self.create(slot)
        # a number that is the same in all objects needs no attribute: `forward` can write it down
        if is_literal(slot.values):
            return text
        if text not in self.stored.values():
            name = str(text) if str(text).isidentifier() else slot.name
            taken = self.labels | set(self.stored) | ATTRIBUTES
            self.stored[unique(name, taken.__contains__)] = text
        return f"self.{next(name for name, known in self.stored.items() if known == text)}"

    def reason(self, step: Step) -> Reason:
        """The conditions that decide about a step."""
        return self.author.conditions.at(step.node.origin) or ()

    def _presence(self, slot: Slot) -> Expression | None:
        """The text of whether a part is there: what the author asked for it, and nothing that is true as often."""
        if is_literal(slot.values):
            return literal(first_of(slot.values))
        known = (one for one in self.variables if one.reason == slot.reason and equal(one.values, slot.values))
        return next((one.name for one in known), None) or self._asked(slot.values, slot.reason or ())

    def _asked(self, present: Vector, reason: Reason) -> str | None:
        """The conditions that the author wrote around a part, in one, if they say where it is."""
        written = [self.author.said(self.definition, condition) for condition in reason]
        known = [one for one in written if one is not None and one.names <= set(self.around)]
        truths = [self._values_of(one, self.around, self.author.value) for one in known]
        # all that is asked for must hold; what is always true here need not be said
        if (
            not known
            or len(known) < len(reason)
            or not equal(tuple(all(row) for row in zip(*truths, strict=True)), present)
        ):
            return None
        # a condition that is asked leaves its parameter an argument (`Classes.unwritten_condition`)
        self.asked.update(one.node.span.text for one in known)
        varying = [one for one in known if not self._is_always_true(one)]
        return " and ".join(self._text(one, PRECEDENCE["and"] if len(varying) > 1 else 0) for one in varying)

    def _is_always_true(self, written: Written) -> bool:
        return all(value is True for value in self._values_of(written, self.around, self.author.formula))

    def kept_condition(self, present: Vector, leads: Sequence[Step]) -> str:
        """The text of a condition in another method: of one parameter, `self.depth > 0`, else an attribute."""
        text, name = self.condition(present, leads), condition_name(leads)
        # keeping the parameter says more than keeping the truth: `self.depth > 0`
        names = [node for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)]
        known = [variable for variable in self.variables if [variable.name] == [node.id for node in names]]
        if not known or text == known[0].name:
            return str(self.store(Slot(present, name), text))
        # offsets of `ast` count bytes; names of the language are ASCII, so that they are places in the text
        before, behind = text[: names[0].col_offset], text[names[0].end_col_offset :]
        return f"{before}{self.store(known[0].slot, known[0].name)}{behind}"

    def _parameter(self, name: str, slot: Slot, argument: str = "") -> str:
        """A new parameter; the `argument` that it is has the author's default."""
        if self.closed:
            return self._argument(name, slot)
        # names of arguments are kept free, though most never become parameters: they mean something to the author
        own = {variable_name(argument.name, lambda _: False) for argument in self.arguments} - {name.lower()}
        name = variable_name(name, lambda n: n in own or self.is_taken(n))
        self.used.add(name)
        # blocks give their width first: a call writes it without its name, as torch's are, `Basic(64, 128, stride=2)`
        first = bool(self.arguments) and self.arguments[0].name == name and all_integers(slot.values)
        role = slot.role or ("out" if first or equal(slot.values, self.exit) else "")
        values = self._without_any(slot.values)
        given = self.defaults.get(argument)
        # a default of another type than all values here would contradict the annotation
        has_default = given is not None and annotation((given,)) == annotation(values)
        self.variables.append(Variable(name, values, role, slot.is_table, has_default, given, slot.reason))
        return name

    def _argument(self, name: str, slot: Slot) -> str:
        """An argument of the model's constructor, under its own name."""
        # the arguments of a model are called as in the file, or the call in Python would be another
        if not is_argument_name(name) or self.is_taken(name):
            raise NotExpressible(slot.values)
        self.used.add(name)
        self.variables.append(
            Variable(name, slot.values, slot.role, slot.is_table, has_default=True, given=slot.values[0])
        )
        return name

    def is_taken(self, name: str) -> bool:
        """Whether any variable of the constructor has a name."""
        return name in self.used

    def condition(self, present: Vector, leads: Sequence[Step]) -> str:
        """The text of where parts are there: the author's condition, or a new parameter that says it."""
        slot = Slot(present, condition_name(leads), reason=self.reason(leads[0]))
        return str(self.find(slot) or self.create(slot))

    def _without_any(self, values: Vector) -> Vector:
        """With numbers where any will do: what comes in, if that fits."""
        if ANY in values and equal(self.entry, values):
            return self.entry
        return tuple(first_of(values) if value is ANY else value for value in values)

    @property
    def parameters(self) -> list[Variable]:
        """Parameters as a signature lists them: what comes in first, then in the order of the block's own."""
        order = [
            argument.name if self.closed else variable_name(argument.name, lambda _: False)
            for argument in self.arguments
        ]
        if self.closed:
            return sorted(self.variables, key=lambda v: order.index(v.name))
        return sorted(
            self.variables,
            # Python wants parameters with a default behind all others
            key=lambda v: (v.has_default, v.role != "in", order.index(v.name) if v.name in order else len(order)),
        )


def _column(values: Vector, place: int) -> Vector:
    return tuple(value if value is ANY else value[place] for value in values)


def _known_in_first(*vectors: Vector) -> tuple[Vector, ...]:
    """The vectors at the places where the first has values that matter."""
    if ANY not in vectors[0]:
        return vectors
    rows = [row for row in zip(*vectors, strict=True) if row[0] is not ANY]
    return tuple(zip(*rows, strict=True)) or vectors
