"""A shape that is given for an input which the file writes with names: `--input 3,32,32` for INPUT(3, H, W).

The names then have these sizes wherever they stand, as if `-D H=32 -D W=32` had been said: the shape that INPUT states
is worked out with its names left free, and solved for them. Letters that are given take the place of the file's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import Diagnosed
from archlang.elaborate.elaborator import Elaborator
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Silenced, diagnosed, is_list
from archlang.elaborate.labels import label_text
from archlang.elaborate.parts import CALL_DEPTH, Letter, Options
from archlang.elaborate.program import INPUT, Definition, walk
from archlang.errors.files import BadOption
from archlang.errors.symbolic import InputDisagrees
from archlang.errors.words import value_text
from archlang.ir.arithmetic import Symbolic
from archlang.ir.dims import Dim
from archlang.ir.letters import Letters
from archlang.ir.ops.arguments import is_integer
from archlang.ir.ops.base import OpError
from archlang.ir.size_sets import SizeSet
from archlang.records import record
from archlang.symbolic.letters import input_sizes
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.checking import Run

MOST_INPUTS = 1_000
"""Inputs of one model that are looked at."""


def with_letters(value: Any, sizes: Mapping[str, Any]) -> Any:
    """A value, or the size of the letter that it is."""
    return sizes[value.name] if isinstance(value, Letter) else value


@record(eq=False)
class _Equation:
    """One size of an INPUT: as it is written, its value with names left free, and what is given for it."""

    argument: ast.Argument
    written: Any
    given: int | str | tuple[int | str, ...]
    values: Mapping[str, Any]

    @property
    def open_name(self) -> str | None:
        """The name left free that the size is, and nothing besides."""
        size = self.written
        alone = isinstance(size, Dim) and (size.slope, size.offsets) == (1, (0,))
        return size.letter if alone else None

    @property
    def agrees(self) -> bool:
        """Whether the given size is the one that is written."""
        if isinstance(self.given, str):
            return self.open_name == _own(self.given)
        return not isinstance(self.written, Symbolic) and self.written == self.given

    def refuse_half(self) -> None:
        """Raise where a name keeps its value in the rest of the model, and the input has another."""
        if not self.agrees and self.values:
            known = tuple((name, value_text(value)) for name, value in self.values.items())
            problem = InputDisagrees(self.argument.value.span.text, str(self.given), known)
            raise diagnosed(problem, self.argument.span)


@record(eq=False)
class _Row:
    """An INPUT of the model and which of the given shapes is for it; without equations where it has another rank."""

    option: int
    equations: tuple[_Equation, ...]

    @property
    def agrees(self) -> bool:
        """Whether the given shape is what the file writes."""
        return bool(self.equations) and all(equation.agrees for equation in self.equations)


def _own(letter: str) -> str:
    # with a blank: no name of the file is called so
    return f"given {letter}"


def with_given(run: Run, definition: ast.Definition, bindings: dict[str, Any]) -> tuple[dict[str, Any], Options]:
    """Bindings with those that the given shapes make, and the shapes that say more than that. Raises `Diagnosed`."""
    return _Solver(run, definition, bindings).solve()


class _Solver:
    """Finds what the names in the INPUTs of one model are."""

    def __init__(self, run: Run, definition: ast.Definition, bindings: dict[str, Any]) -> None:
        self.run = run
        self.definition = definition
        self.bindings = bindings
        self.shapes = run.options.inputs
        sizes = input_sizes(run.program, definition)
        # values of a domain are compared one by one, which is nothing for formulas
        parameters = [p for p in run.program.parameters(definition) if p.name in sizes and p.domain is None]
        self.bound = [p.name for p in parameters if is_integer(bindings.get(p.name))]
        self.needed = [p.name for p in parameters if p.name not in bindings and p.default is None]
        # of two values for one size the given one counts, and where it makes no sense the file's own
        self.optional = [p.name for p in parameters if p.name not in bindings and p.default is not None]

    def solve(self) -> tuple[dict[str, Any], Options]:
        """See `with_given`."""
        try:
            return self._solve()
        except Silenced:
            # an error that is reported already ends the elaboration, too
            return self.bindings, self.run.options
        except OpError as error:
            failed = diagnosed(error.problem, self.definition.name_span)
        except Diagnosed as error:
            failed = error
        # the values that the file has make formulas only where they are left free
        if self.optional and not isinstance(failed.diagnostic.problem, InputDisagrees | BadOption):
            self.optional = []
            return self.solve()
        # without these names the elaboration itself finds what is wrong, or that nothing is
        if self.needed or isinstance(failed.diagnostic.problem, InputDisagrees):
            raise failed
        return self.bindings, self.run.options

    def _solve(self) -> tuple[dict[str, Any], Options]:
        solved: dict[str, Any] = {}
        rows = self._rows(solved)
        while fresh := dict(self._fresh(rows)):
            solved |= fresh
            rows = self._rows(solved)
        pairs = self._traced([equation for row in rows for equation in row.equations], solved)
        wrong = {name for names, equation in pairs if not equation.agrees for name in names}.intersection(self.optional)
        if wrong:
            self.optional = [name for name in self.optional if name not in wrong]
            return self._solve()
        for names, equation in pairs:
            self._check(names, equation, solved)
            equation.refuse_half()
        other = {row.option for row in rows if not row.agrees}
        spent = {row.option for row in rows} - other
        rest = tuple(shape for option, shape in enumerate(self.shapes) if option not in spent)
        return {**self.bindings, **solved}, replace(self.run.options, inputs=rest)

    def _traced(
        self, equations: Sequence[_Equation], solved: Mapping[str, Any]
    ) -> list[tuple[tuple[str, ...], _Equation]]:
        """Sizes with the names that each depends on, those with values included."""
        try:
            names = [_names(equation.written) for row in self._rows({}, self.bound) for equation in row.equations]
        except (Diagnosed, OpError):
            names = []
        if len(names) != len(equations):
            # there is no formula, or how many sizes there are depends on the names themselves
            names = [(*self.bound, *solved)] * len(equations)
        return list(zip(names, equations, strict=True))

    def _check(self, names: tuple[str, ...], equation: _Equation, solved: Mapping[str, Any]) -> None:
        """Raise if a size is another one than the names in it make."""
        if equation.agrees or not names:
            return
        text = equation.argument.value.span.text
        left = tuple(name for name in _names(equation.written) if name in self.needed)
        values = {**self.bindings, **solved}
        known = tuple((name, value_text(values[name])) for name in names if name in values)
        problem = InputDisagrees(text, str(equation.given), known, left)
        raise diagnosed(problem, equation.argument.span)

    def _fresh(self, rows: Sequence[_Row]) -> Iterator[tuple[str, Any]]:
        """Names that are found: those that stand alone, and only where there is none those in formulas."""
        equations = [equation for row in rows for equation in row.equations]
        alone: dict[str, Any] = {}
        for equation in equations:
            name = equation.open_name
            if name is not None and name in (*self.needed, *self.optional):
                # what is given first counts; another one behind it is refused
                alone.setdefault(name, equation.given)
        if alone:
            yield from ((name, Letter(size) if isinstance(size, str) else size) for name, size in alone.items())
            return
        for equation in equations:
            size = equation.written
            # only of names without a value: `INPUT(3, 32*scale)` says nothing of how to change a scale that is given
            if isinstance(size, Dim) and size.letter in self.needed and isinstance(equation.given, int):
                found = _sizes_of(size, equation.given)
                if len(found) == 1:
                    yield size.letter, found[0]
                    return

    # ---- the inputs of the model

    def _rows(self, solved: Mapping[str, Any], traced: Sequence[str] = ()) -> list[_Row]:
        """The inputs with what is known in them, and formulas of what is free or traced. Raises `Diagnosed`."""
        free = [name for name in (*traced, *self.needed, *self.optional) if name not in solved]
        own = {_own(size): SizeSet.of() for _, shape in self.shapes for size in shape if isinstance(size, str)}
        letters = Letters({**dict.fromkeys(free, SizeSet.of()), **own}, [])
        given = {
            size: Dim.of(letters, _own(size)) for _, shape in self.shapes for size in shape if isinstance(size, str)
        }
        values = {name: with_letters(value, given) for name, value in solved.items()}
        dims = {name: Dim.of(letters, name) for name in free}
        walker = self.run.selected
        owner, env = walker.blocks.bind_model(self.run.program, self.definition, {**self.bindings, **values, **dims})
        rows: list[_Row] = []
        for found in _inputs(owner, env, walker):
            option = next((i for i, (name, _) in enumerate(self.shapes) if name in (None, found.label)), None)
            if option is not None and len(rows) < MOST_INPUTS:
                rows.append(_Row(option, tuple(self._equations(found, self.shapes[option][1]))))
        return rows

    def _equations(self, found: _Found, shape: tuple[int | str, ...]) -> Iterator[_Equation]:
        call, env = found.call, found.env
        arguments = [argument for argument in call.arguments or () if argument.name is None]
        values = [self.run.evaluate(argument.value, env) for argument in arguments]
        rows = [(a, size) for a, value in zip(arguments, values, strict=True) for size in _flat(value)]
        if len(rows) == len(shape):
            for (argument, size), given in zip(rows, shape, strict=True):
                yield _Equation(argument, size, given, found.used_elsewhere(argument))
        elif len(rows) == 1 and all(isinstance(size, int) for size in shape):
            # INPUT(shape): one name for all sizes
            yield _Equation(*rows[0], shape, found.used_elsewhere(rows[0][0]))
        # a shape of another rank: numbers in the file go, names that stand elsewhere would be left without a size
        elif any(name in self.needed for a, size in rows if found.used_elsewhere(a) for name in _names(size)):
            raise diagnosed(_wrong_rank(call, len(rows), shape), call.span)


def _flat(value: Any) -> tuple[Any, ...]:
    return value if is_list(value) else (value,)


def _names(size: Any) -> tuple[str, ...]:
    return size.names if isinstance(size, Symbolic) else ()


def _sizes_of(dim: Dim, value: int) -> list[int]:
    """The sizes with which a formula has a value, two of them at most where it has many."""
    found: list[int] = []
    for r, offset in enumerate(dim.offsets):
        # (slope*H + offset)/modulus is the value, for an H in this class
        size, rest = divmod(value * dim.modulus - offset, dim.slope) if dim.slope else (0, 1)
        if rest == 0 and size >= 1 and size % dim.modulus == r:
            found.append(size)
    return found


def _wrong_rank(call: ast.Call, rank: int, shape: tuple[int | str, ...]) -> BadOption:
    given = ",".join(map(str, shape))
    batch = f"; leave out the batch: {','.join(map(str, shape[1:]))}" if len(shape) == rank + 1 else ""
    return BadOption("input", given, f"as many sizes as {call.span.text} has{batch}")


@record(eq=False)
class _Found:
    """An INPUT with its name, the values around it, and the model in whose chain it stands."""

    call: ast.Call
    label: str
    env: Environment
    owner: Definition

    def used_elsewhere(self, argument: ast.Argument) -> dict[str, Any]:
        """Parameters in an argument that stand in other places of the model, too, with their values."""
        here = {node.name for node in walk(argument.value) if isinstance(node, ast.NameUse)}
        parameters = {parameter.name for parameter in self.owner.parameters()}
        used = _names_beside_inputs(self.owner.tree)
        return {name: self.env.find(name) for name in sorted(here & parameters & used)}


def _names_beside_inputs(tree: ast.Definition) -> set[str]:
    """Names that a model uses in other places than its INPUTs."""
    nodes = [*walk(tree.chain), *walk(tree.parameters)]
    inputs = [n for n in nodes if isinstance(n, ast.Call) and n.word == INPUT]
    inside = {id(node) for call in inputs for node in walk(call.arguments or ())}
    return {node.name for node in nodes if isinstance(node, ast.NameUse) and id(node) not in inside}


def _inputs(owner: Definition, env: Environment, walker: Elaborator, calls: int = 0) -> Iterator[_Found]:
    """The INPUTs of a model, loops written out; where another model is its beginning, those of that one."""
    first = owner.tree.chain.stages[0].part
    called = env.program.called(first.word) if isinstance(first, ast.Call) else None
    if isinstance(first, ast.Call) and called is not None and called.tree.is_model and calls < CALL_DEPTH:
        yield from _inputs(called, walker.blocks.environment(called, first, env), walker, calls + 1)
    yield from _chain_inputs(owner.tree.chain, owner, env, walker)


def _chain_inputs(chain: ast.Chain, owner: Definition, env: Environment, walker: Elaborator) -> Iterator[_Found]:
    for stage in chain.stages:
        part = stage.part
        # most parts hold none, and their loops need not be written out
        if not any(isinstance(node, ast.Call) and node.word == INPUT for node in walk(part)):
            continue
        if not all(isinstance(s, ast.Repeat) or walker.is_kept(stage, s, env) for s in stage.suffixes):
            continue
        if isinstance(part, ast.Call) and part.word == INPUT:
            label = stage.label and label_text(stage.label, partial(walker.evaluate.settled, env=env))
            yield _Found(part, label or "input", env, owner)
            continue
        for inside in (part,) if isinstance(part, ast.Group) else part.branches or ():
            for inner in walker.evaluate.loop(inside.loop, env) if inside.loop else (env,):
                yield from _chain_inputs(inside.chain, owner, inner, walker)
