"""Which parameters of a model become arguments of its constructor: those that change numbers, but not the structure.

The model is made with other values of its parameters, one by one and together. Models of equal structure are samples:
the writer takes them as further instances of the model's class (see `frames.py`). Their numbers are traced: a number
of the text is an expression in the arguments only if that gives it in every sample and for the same reason, which
holds for all other values. What decides which layers there are is no argument, unless its condition is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from typing import Any

from archlang.backends.torch_source.authors import Author, Family, Tracing
from archlang.backends.torch_source.frames import Variable
from archlang.backends.torch_source.measures import Measures
from archlang.ir.graph import Body, BodyId, Call, Model, Node, Repeat, bodies_of
from archlang.records import record
from archlang.syntax import ast
from archlang.traced import TracedInt, names_in, plain, traced

ALTERNATIVES = 4
"""Most further values of one parameter, and samples in which all differ at once; half as many of a large model."""

TRIES = 8
"""Most values of one parameter that are tried."""

MOST_SWITCHES = 3
"""Switches of which all combinations are tried; further ones are no arguments."""

FACTORS = (5, 16, 0.5, 0.25, 0)
"""How many times as large further values are where a condition has had one outcome."""

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

    `fixed` are parameters that change more than numbers, if other values were `tried`. `conditions` are those that free
    parameters decide, `one_sided` those of them with one outcome in all samples, somewhere in the model.
    """

    model: Model
    own: int
    samples: tuple[Sample, ...]
    parameters: Mapping[str, Any]
    free: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    tried: bool = False
    conditions: tuple[tuple[ast.Expression, frozenset[str]], ...] = ()
    one_sided: tuple[tuple[ast.Expression, frozenset[str]], ...] = ()

    @property
    def roots(self) -> tuple[BodyId, ...]:
        """The body of each sample, the model's own first."""
        return tuple(sample.root for sample in self.samples)

    @property
    def arguments(self) -> tuple[Variable, ...]:
        """The parameters, with their values in each sample."""
        given = [{**self.parameters, **sample.values} for sample in self.samples]
        values = [{name: traced(own[name], name) if name in self.free else own[name] for name in own} for own in given]
        return tuple(Variable(name, tuple(own[name] for own in values)) for name in self.parameters)

    def unfit(self, numbers: Sequence[Any]) -> str:
        """Which parameter to give up of those that change numbers for which there is no expression.

        The numbers are those of the samples, in their order, unless they say themselves what they follow from.
        """
        # a traced number says which parameters it follows from; a plain one shows it by the samples in which it changes
        if names := names_in(tuple(numbers)) & set(self.free):
            return self.least(names)
        changed = [
            set(sample.values)
            for sample, number in zip(self.samples, numbers, strict=True)
            if repr(plain(number)) != repr(plain(numbers[0]))
        ]
        # samples in which one parameter differs accuse it; those in which all do accuse nobody
        alone = set[str]().union(*(names for names in changed if len(names) == 1))
        return self.least(alone or self.free[-1:])

    def least(self, names: Iterable[str]) -> str:
        """The parameter to give up first."""
        return min(set(names) & set(self.free), key=self._importance)

    def _importance(self, name: str) -> tuple[bool, bool, int]:
        """What to give up first: switches, then lists, then what stands last."""
        value = self.parameters[name]
        return not isinstance(value, bool), not isinstance(value, tuple), -self.free.index(name)

    @property
    def bodies(self) -> frozenset[BodyId]:
        """The bodies of all samples."""
        used = set(self.roots)
        # from the back, as bodies stand behind those that they use
        for number in range(len(self.model.bodies) - 1, -1, -1):
            if number in used:
                used.update(body for node in self.model.bodies[number].nodes for body in bodies_of(node))
        return frozenset(used)


def take_samples(
    model: Model, author: Author, fixed: frozenset[str] = frozenset(), separate: frozenset[str] = frozenset()
) -> Samples:
    """The samples of a model in which parameters vary, those of `fixed` left out.

    It is itself alone without a family, or where making it again takes long. Blocks in `separate` have a class for
    each structure, so that a model with another of them is of another structure itself.
    """
    nodes, family = sum(len(body.nodes) for body in model.bodies), author.family
    if family is None or nodes > LARGEST_MODEL:
        known = {argument.name: argument.value for argument in model.arguments} if family is None else family.parameters
        return _alone(model, known, family is not None)
    most = ALTERNATIVES if nodes < LARGE_MODEL else ALTERNATIVES // 2
    names = {name for name, value in family.parameters.items() if name not in fixed and _can_vary(value)}
    # n switches have 2^n combinations, each a model to be made
    names -= _surplus(name for name, value in family.parameters.items() if name in names and isinstance(value, bool))
    while names:
        found = _sampled_all(model, author, family, frozenset(names), separate, most)
        if isinstance(found, Samples):
            return found
        names -= found
    return _alone(model, family.parameters, True)


def _alone(model: Model, parameters: Mapping[str, Any], tried: bool) -> Samples:
    table = _Table()
    base = Sample(table.add(model), {})
    return Samples(model, len(table.bodies), (base,), parameters, fixed=tuple(parameters), tried=tried)


def _surplus(switches: Iterator[str]) -> set[str]:
    """Switches of which not all combinations can be tried."""
    return set(islice(switches, MOST_SWITCHES, None))


def _sampled_all(
    model: Model, author: Author, family: Family, names: frozenset[str], separate: frozenset[str], most: int
) -> Samples | set[str]:
    """The samples with these parameters traced, or which of them stand in the way."""
    # traced twice: the sizes of the first model tell which parameters are at least 1, so that the second one can settle
    # comparisons such as `width > 0` for all their values
    tracing = family.tracing(names, frozenset())
    base = tracing.make({})
    if base is None:
        # one that cannot be traced by itself is to blame; where each can, they disagree, and all are given up
        legal = {name for name in names if family.tracing(frozenset({name}), frozenset()).make({}) is not None}
        return set(names - legal or names)
    tracing = family.tracing(names, _positive(base))
    table = _Table()
    base = Sample(table.add(tracing.make({})), {})
    own = len(table.bodies)
    values = {name: value for name, value in family.parameters.items() if name in names}
    found = {name: list(_alternatives(table, tracing, name, value, most)) for name, value in values.items()}
    _look_further(table, tracing, values, found)
    structure = Measures(table.merged(model), author.conditions, separate).structure
    # a parameter without a single other legal value has not shown what follows from it
    alike = {
        name for name, made in found.items() if made and all(structure(s.root) == structure(base.root) for s in made)
    }
    # asked again below: what two parameters decide together is met only when both differ
    if stuck := set(names - alike) | (set(tracing.decided) & names):
        return stuck
    free = tuple(values)
    joint = [*_joint(free, table, tracing, found, most), *_switched(values, table, tracing)]
    merged = table.merged(model)
    structure = Measures(merged, author.conditions, separate).structure
    if stuck := set(tracing.decided) & names:
        return stuck
    if any(structure(sample.root) != structure(base.root) for sample in joint):
        return set(free[-1:])
    fixed = tuple(name for name in family.parameters if name not in free)
    samples = (base, *(sample for name in free for sample in found[name]), *joint)
    conditions, one_sided = tuple(tracing.conditions), tuple(tracing.one_sided)
    return Samples(merged, own, samples, family.parameters, free, fixed, True, conditions, one_sided)


def _positive(model: Model) -> frozenset[str]:
    """Parameters that are at least 1, as multiples of them are sizes."""
    shapes = (shape for body in model.bodies for node in body.nodes for shape in node.outputs)
    # the size of a layer is at least 1, so of `3 * width` the width is
    sizes = {size for shape in shapes for size in shape if isinstance(size, TracedInt)}
    return frozenset(
        key[0] for size in sizes if len(size.terms) == 1 for key, n in size.terms.items() if len(key) == 1 and n > 0
    )


def _switched(values: Mapping[str, Any], table: _Table, tracing: Tracing) -> Iterator[Sample]:
    """Samples of all combinations of switches: what they choose together is seen."""
    switches = [name for name, value in values.items() if isinstance(value, bool)]
    # a single switch has been tried in both places among the alternatives
    for given in product((False, True), repeat=len(switches)) if len(switches) > 1 else ():
        yield from _sampled(table, tracing, dict(zip(switches, given, strict=True)))


def _joint(
    free: Sequence[str], table: _Table, tracing: Tracing, found: Mapping[str, Sequence[Sample]], most: int
) -> Iterator[Sample]:
    """Samples in which all parameters differ: each goes through its values in another order, the same every time."""
    for number in range(most if len(free) > 1 else 0):
        # strides 1, 2, 3, ... through the values: neighbours do not move together, and every run is the same
        places = {name: (number * (place + 1) + place) % len(found[name]) for place, name in enumerate(free)}
        yield from _sampled(table, tracing, {name: found[name][place].values[name] for name, place in places.items()})


def _sampled(table: _Table, tracing: Tracing, values: Mapping[str, Any]) -> Iterator[Sample]:
    made = tracing.make(values)
    if made is not None:
        yield Sample(table.add(made), values)


def _alternatives(table: _Table, tracing: Tracing, name: str, value: Any, most: int) -> Iterator[Sample]:
    """The model with further values of one parameter, at most so many."""
    tried = (sample for other in islice(_others(value), TRIES) for sample in _sampled(table, tracing, {name: other}))
    return islice(tried, most)


def _look_further(
    table: _Table, tracing: Tracing, values: Mapping[str, Any], found: Mapping[str, list[Sample]]
) -> None:
    """Add samples far from the model's own values, until each condition has been met with both outcomes."""
    for name, value in values.items():
        for factor in FACTORS:
            if not any(name in names for _, names in tracing.one_sided):
                break
            found[name].extend(_sampled(table, tracing, {name: _scaled(value, factor)}))


def _scaled(value: Any, factor: float) -> Any:
    """A value so many times as large, whole numbers at least 1."""
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return tuple(_scaled(item, factor) for item in items)
    return max(1, int(value * factor)) if type(value) is int else value


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
        # items one by one tell which of them a number follows from; all alike keep lists legal whose items must agree
        columns = [list(islice(_others(item), 5)) for item in value]
        for number in range(5):
            yield tuple(column[(number + place) % len(column)] for place, column in enumerate(columns))
            yield tuple(column[number % len(column)] for column in columns)


def _integers(value: int) -> Iterator[int]:
    # multiples too: where groups divide a width, or heads the features, its neighbours are not legal
    yield from (value + 1, value + 3, 2 * value, 3 * value)
    # small numbers only grow: a depth or width of 1 that shrinks is 0, which is another structure or none
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
            # samples share what a parameter does not reach, so the table grows by what differs
            if moved not in self.numbers:
                self.numbers[moved] = len(self.bodies)
                self.bodies.append(moved)
            numbers.append(self.numbers[moved])
        return numbers[-1]

    def merged(self, model: Model) -> Model:
        """The model with the bodies of all."""
        # the root is not the last body any more: samples say which one is theirs
        return replace(model, bodies=tuple(self.bodies))


def _renumbered(node: Node, numbers: Sequence[BodyId]) -> Node:
    match node:
        case Call():
            return replace(node, body=numbers[node.body])
        case Repeat():
            return replace(node, runs=tuple(replace(run, body=numbers[run.body]) for run in node.runs))
        case _:
            return node
