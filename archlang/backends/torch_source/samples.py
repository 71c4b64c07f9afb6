"""Which parameters of a model become arguments of its constructor: those that change numbers, but not the structure.

The model is made with other values of its parameters, one by one and together. Models of equal structure are samples:
the writer takes them as further instances of the model's class (see `frames.py`), so that a number of the text is an
expression in the arguments only if that holds in every sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from archlang.backends.torch_source.authors import Family
from archlang.backends.torch_source.frames import Variable
from archlang.backends.torch_source.measures import Measures
from archlang.ir.graph import Body, BodyId, Call, Model, Node, Repeat
from archlang.records import record

ALTERNATIVES = 4
"""Most further values of one parameter, and samples in which all differ at once; half as many of a large model."""

TRIES = 8
"""Most values of one parameter that are tried."""

LARGE_MODEL = 400
"""Nodes of a model that takes a while to make."""

LARGEST_MODEL = 4_000
"""Most nodes of a model that is made again and again; a larger one keeps its numbers."""


@record
class Sample:
    """A model in the common table: its body, and the values that differ from the model's own."""

    root: BodyId
    values: Mapping[str, Any]


@record
class Samples:
    """A model, and others of its structure behind it; `bodies` are those of all, the model's own before `own`.

    `fixed` are parameters that change more than numbers, if other values were `tried`.
    """

    model: Model
    own: int
    samples: tuple[Sample, ...]
    parameters: Mapping[str, Any]
    free: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    tried: bool = False

    @property
    def roots(self) -> tuple[BodyId, ...]:
        """The body of each sample, the model's own first."""
        return tuple(sample.root for sample in self.samples)

    @property
    def arguments(self) -> tuple[Variable, ...]:
        """The parameters, with their values in each sample."""
        values = [{**self.parameters, **sample.values} for sample in self.samples]
        return tuple(Variable(name, tuple(own[name] for own in values)) for name in self.parameters)

    def without(self, numbers: Sequence[Any]) -> Samples:
        """The samples without the parameters that change numbers for which there is no expression."""
        changed = [
            set(sample.values)
            for sample, number in zip(self.samples, numbers, strict=True)
            if repr(number) != repr(numbers[0])
        ]
        alone = set[str]().union(*(names for names in changed if len(names) == 1)) or set(self.free[-1:])
        return self.fixing({min(alone, key=self._importance)})

    def _importance(self, name: str) -> tuple[bool, bool, int]:
        """What to give up first: switches, then lists, then what stands last."""
        value = self.parameters[name]
        return not isinstance(value, bool), not isinstance(value, tuple), -self.free.index(name)

    def fixing(self, names: set[str]) -> Samples:
        """The samples in which these parameters have the model's own values."""
        return replace(
            self,
            samples=tuple(sample for sample in self.samples if not names & set(sample.values)),
            free=tuple(name for name in self.free if name not in names),
            fixed=tuple(name for name in self.parameters if name in {*self.fixed, *names}),
        )

    @property
    def bodies(self) -> frozenset[BodyId]:
        """The bodies of all samples."""
        used = set(self.roots)
        for number in range(len(self.model.bodies) - 1, -1, -1):
            if number in used:
                used.update(body for node in self.model.bodies[number].nodes for body in _bodies_of(node))
        return frozenset(used)


def _bodies_of(node: Node) -> tuple[BodyId, ...]:
    match node:
        case Call():
            return (node.body,)
        case Repeat():
            return tuple(run.body for run in node.runs)
        case _:
            return ()


def take_samples(model: Model, family: Family | None) -> Samples:
    """The samples of a model; itself alone without a family, or where making it again takes long."""
    table = _Table()
    base = Sample(table.add(model), {})
    own = len(table.bodies)
    nodes = sum(len(body.nodes) for body in model.bodies)
    if family is None or nodes > LARGEST_MODEL:
        known = {argument.name: argument.value for argument in model.arguments} if family is None else family.parameters
        return Samples(model, own, (base,), known, fixed=tuple(known))
    most = ALTERNATIVES if nodes < LARGE_MODEL else ALTERNATIVES // 2
    parameters = {name: value for name, value in family.parameters.items() if _can_vary(value)}
    found = {name: list(_alternatives(table, family, name, value, most)) for name, value in parameters.items()}
    structure = Measures(table.merged(model)).structure
    own_structure = structure(base.root)
    alike = {name: all(structure(s.root) == own_structure for s in samples) for name, samples in found.items()}
    free = tuple(name for name, samples in found.items() if samples and alike[name])
    fixed = tuple(name for name in family.parameters if name not in free)
    single = tuple(sample for name in free for sample in found[name])
    result = Samples(model, own, (base, *single), family.parameters, free, fixed, True)
    return _with_joint(result, table, family, found, most)


def _with_joint(
    samples: Samples, table: _Table, family: Family, found: Mapping[str, Sequence[Sample]], most: int
) -> Samples:
    """With samples in which all parameters differ; the last one is fixed as long as these differ in structure."""
    while True:
        joint = list(_joint(samples, table, family, found, most)) if len(samples.free) > 1 else []
        merged = table.merged(samples.model)
        structure = Measures(merged).structure
        if all(structure(sample.root) == structure(samples.roots[0]) for sample in joint):
            return replace(samples, model=merged, samples=(*samples.samples, *joint))
        samples = samples.fixing(set(samples.free[-1:]))


def _joint(
    samples: Samples, table: _Table, family: Family, found: Mapping[str, Sequence[Sample]], most: int
) -> Iterator[Sample]:
    """Samples in which all parameters differ: each goes through its values in another order, the same every time."""
    for number in range(most):
        places = {name: (number * (place + 1) + place) % len(found[name]) for place, name in enumerate(samples.free)}
        yield from _sampled(table, family, {name: found[name][place].values[name] for name, place in places.items()})


def _sampled(table: _Table, family: Family, values: Mapping[str, Any]) -> Iterator[Sample]:
    made = family.make(values)
    if made is not None:
        yield Sample(table.add(made), values)


def _alternatives(table: _Table, family: Family, name: str, value: Any, most: int) -> Iterator[Sample]:
    """The model with further values of one parameter, at most so many."""
    tried = (sample for other in islice(_others(value), TRIES) for sample in _sampled(table, family, {name: other}))
    return islice(tried, most)


def _can_vary(value: Any) -> bool:
    """Whether there are values like this one: numbers, and lists of them."""
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return bool(items) and all(isinstance(item, int | float) for item in items)
    return isinstance(value, int | float)


def _others(value: Any) -> Iterator[Any]:
    """Values like this one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from dict.fromkeys(n for n in _integers(value) if n != value)
    elif isinstance(value, float):
        yield from dict.fromkeys(n for n in (value / 2, value + 0.125, value / 4, value * 0.75, 0.3) if n != value)
    else:
        columns = [list(islice(_others(item), 5)) for item in value]
        for number in range(5):
            yield tuple(column[(number + place) % len(column)] for place, column in enumerate(columns))
            yield tuple(column[number % len(column)] for column in columns)


def _integers(value: int) -> Iterator[int]:
    yield from (value + 1, value + 3, 2 * value, 3 * value)
    yield from (value - 1, value // 2, 5 * value, value + 8) if value > 3 else (value + 2, 5 * value, value + 8)


class _Table:
    """The bodies of several models, equal ones once."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.numbers: dict[Body, BodyId] = {}

    def add(self, model: Model) -> BodyId:
        """Take in the bodies of a model; returns the number of its own."""
        numbers: list[BodyId] = []
        for body in model.bodies:
            nodes = tuple(_renumbered(node, numbers) for node in body.nodes)
            moved = replace(body, nodes=nodes)
            if moved not in self.numbers:
                self.numbers[moved] = len(self.bodies)
                self.bodies.append(moved)
            numbers.append(self.numbers[moved])
        return numbers[-1]

    def merged(self, model: Model) -> Model:
        """The model with the bodies of all."""
        return replace(model, bodies=tuple(self.bodies))


def _renumbered(node: Node, numbers: Sequence[BodyId]) -> Node:
    match node:
        case Call():
            return replace(node, body=numbers[node.body])
        case Repeat():
            return replace(node, runs=tuple(replace(run, body=numbers[run.body]) for run in node.runs))
        case _:
            return node
