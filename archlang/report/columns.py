"""The columns of the table: what each one shows of a row, as data and as text. Lays nothing out.

A number that nobody worked out is never 0: it is not available, and a sum over it is one of the others, "at least".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption, UnknownColumn
from archlang.errors.words import closest, shape_text
from archlang.ir.arithmetic import Symbolic
from archlang.ir.graph import Model
from archlang.ir.ops.base import Op, Shape
from archlang.ir.walk import Totals, fold_totals
from archlang.records import record
from archlang.report.rows import Row, walk_rows

if TYPE_CHECKING:
    from fractions import Fraction

    from archlang.ir.receptive import Effort, Receptive

MISSING = "n/a"
UNKNOWN = "?"
"""What an error left open."""

FIELD_EFFORT = 200_000
"""Layers that are followed for the receptive fields of one table: about two seconds."""

Status = Literal["exact", "partial", "not available"]


@record
class Count:
    """A number and how many layers have no rule for it: it is then a sum over the others."""

    number: Any
    without: int = 0

    @property
    def status(self) -> Status:
        """`exact`; `partial` for a sum over layers of which some have no number; `not available`."""
        # a sum of 0 over the layers that have a number says nothing
        return "exact" if not self.without else "partial" if self.number else "not available"

    @property
    def text(self) -> str:
        """`1,234`, `>=1,234` where it is partial, `-` for none and `n/a` where there is no number."""
        if self.status == "not available":
            return MISSING
        return f"{'>=' * bool(self.without)}{self.number:,}" if self.number else "-"

    @property
    def footing(self) -> str:
        """The same where a sum stands: none is 0."""
        return f"{self.number:,}" if self.status == "exact" else self.text


def parameters_of(totals: Totals) -> Count:
    """The trainable numbers."""
    return Count(totals.parameters, totals.without_parameters)


def macs_of(totals: Totals) -> Count:
    """The multiply-accumulates for one sample."""
    return Count(totals.macs, totals.without_macs)


def flops_of(totals: Totals) -> Count:
    """Twice the multiply-accumulates."""
    return Count(2 * totals.macs, totals.without_macs)


class Facts:
    """What columns need of a model beside the row: its totals, and its receptive fields while there is effort left."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.totals = fold_totals(model)[-1]
        self.shapes = {given.name: given.shape for given in model.inputs}
        self._known: dict[Any, Fields | None] = {}

    @cached_property
    def effort(self) -> Effort:
        """What is left of the effort for the receptive fields."""
        from archlang.ir.receptive import Effort

        return Effort(self.model, FIELD_EFFORT)

    def fields(self, row: Row) -> Fields | None:
        """What one number that flows out of a row sees of each input; None where it was not worked out."""
        # loaded for these columns alone, which the usual table does not have
        from archlang.ir.receptive import TooFar, value_field

        if row.value is None:
            # the model's own inputs see nothing before them; of what failed nobody knows
            return {} if row.outputs else None
        place, ref = row.value.place, row.value.ref
        # two columns ask for it, the field and the stride
        key = (place.steps[:-1], place.steps[-1].body, ref)
        if key not in self._known:
            try:
                found = value_field(place, ref, row.outputs[0], self.effort)
                self._known[key] = {name: found[name] for name in self.shapes if name in found}
            except TooFar:
                self._known[key] = None
        return self._known[key]


Fields = dict[str, "Receptive"]


@record
class Column:
    """One column: its name for `--columns`, its heading for people and its key in CSV and JSON.

    `value` gives what JSON holds (numbers that have a status as `Count`), None where it is not available; `text` is
    the cell of a table for people.
    """

    name: str
    heading: str
    key: str
    side: Literal["<", ">"]
    value: Callable[[Row, Facts], Any]
    text: Callable[[Row, Facts], str]
    about: str


def _count(name: str, heading: str, key: str, of: Callable[[Totals], Count], about: str) -> Column:
    def count(row: Row) -> Count:
        return of(row.totals) if row.failure is None else Count(0, 1)

    def text(row: Row) -> str:
        # n/a is for layers without a rule, ? for what an error left open
        return count(row).text if row.failure is None else UNKNOWN

    return Column(name, heading, key, ">", lambda row, _: count(row), lambda row, _: text(row), about)


def _share(row: Row, facts: Facts) -> float | None:
    """The part of the model's parameters, from 0 to 1."""
    mine, all_of_them = parameters_of(row.totals), parameters_of(facts.totals)
    numbers = (mine.number, all_of_them.number)
    # a share of formulas would be a fraction of formulas
    if any(isinstance(number, Symbolic) for number in numbers) or mine.without or all_of_them.without:
        return None
    return round(mine.number / all_of_them.number, 6) if all_of_them.number else 0.0


def _share_text(row: Row, facts: Facts) -> str:
    share = _share(row, facts)
    return MISSING if share is None else "-" if not row.totals.parameters else f"{100 * share:.2f}%"


def kernel_of(op: Op | None) -> tuple[int, ...] | None:
    """The sizes of a window, if the layer has one."""
    sizes: Any = getattr(op, "kernel_size", None)
    return (sizes,) if isinstance(sizes, int) else sizes if isinstance(sizes, tuple) else None  # pyright: ignore[reportUnknownVariableType]


def _receptive(row: Row, facts: Facts) -> dict[str, list[int | None]] | None:
    """For each input the positions that are seen along its axes but the channels'; null for all of them."""
    fields = facts.fields(row)
    return None if fields is None else {name: list(_axes(field.sizes)) for name, field in fields.items()}


def _strides(row: Row, facts: Facts) -> dict[str, list[float | None]] | None:
    fields = facts.fields(row)
    return None if fields is None else {name: _plain(_axes(field.strides)) for name, field in fields.items()}


def _plain(strides: Iterable[Fraction | None]) -> list[float | None]:
    """Whole numbers as such."""
    return [None if s is None else int(s) if s.denominator == 1 else float(s) for s in strides]


def _axes(numbers: Sequence[Any]) -> Sequence[Any]:
    # torch's order: channels first; a vector has its one axis
    return numbers[1:] if len(numbers) > 1 else numbers


def _receptive_text(row: Row, facts: Facts) -> str:
    return _by_input(row, facts, lambda field, shape: _size(_axes(field.sizes), _axes(shape)))


def _size(sizes: Sequence[int | None], whole: Sequence[int]) -> str:
    """`51x51`; the size of the input along an axis where all of it is seen, `all` where that is so along each."""
    if all(size is None for size in sizes):
        return "all"
    return shape_text([there if size is None else size for size, there in zip(sizes, whole, strict=True)])


def _stride_text(row: Row, facts: Facts) -> str:
    return _by_input(row, facts, lambda field, _: _step(_axes(field.strides)))


def _step(strides: Sequence[Fraction | None]) -> str:
    """`8`, `1x8` or `1/2`; `-` where neighbours are not a certain step apart."""
    return "-" if None in strides else str(strides[0]) if len(set(strides)) == 1 else "x".join(map(str, strides))


def _by_input(row: Row, facts: Facts, text: Callable[[Receptive, Shape], str]) -> str:
    fields = facts.fields(row)
    if fields is None:
        return MISSING
    texts = {name: text(field, facts.shapes[name]) for name, field in fields.items()}
    if len(facts.shapes) == 1:
        return next(iter(texts.values()), "-")
    return ", ".join(f"{name} {text}" for name, text in texts.items()) or "-"


def _shapes(shapes: Iterable[Shape]) -> str:
    return ", ".join(map(shape_text, shapes))


COLUMNS = (
    Column("type", "Type", "type", "<", lambda row, _: row.type, lambda row, _: row.type,
           "torch's class, the block's name, or `xN` for copies in a row"),
    Column("input", "Input shape", "input_shapes", "<",
           lambda row, _: [list(shape) for shape in row.inputs], lambda row, _: _shapes(row.inputs) or "-",
           "the shapes that flow in"),
    Column("output", "Output shape", "output_shape", "<",
           lambda row, _: list(row.outputs[0]) if row.outputs else None, lambda row, _: _shapes(row.outputs) or UNKNOWN,
           "the shape that flows out"),
    Column("kernel", "Kernel", "kernel_size", "<",
           lambda row, _: list(kernel_of(row.op) or ()) or None,
           lambda row, _: shape_text(kernel_of(row.op) or ()) or "-",
           "the window of a convolution or pooling"),
    Column("arguments", "Arguments", "arguments", "<",
           lambda row, _: row.op.summary if row.op else "", lambda row, _: (row.op.summary if row.op else "") or "-",
           "the arguments that matter, in a few characters"),
    _count("parameters", "Params", "parameters", parameters_of, "trainable numbers; shared ones count once"),
    Column("share", "Params %", "parameters_share", ">", _share, _share_text,
           "the part of the model's parameters; in CSV and JSON from 0 to 1"),
    _count("buffers", "Buffers", "buffers", lambda totals: Count(totals.buffers, totals.failed),
           "numbers that are saved but not trained: BatchNorm's running statistics"),
    _count("macs", "MACs", "macs", macs_of, "multiply-accumulates for one sample"),
    _count("flops", "FLOPs", "flops", flops_of, "2 x MACs"),
    _count("activations", "Activations", "activations", lambda totals: Count(totals.elements, totals.failed),
           "numbers that flow out of the layers, for one sample"),
    Column("receptive-field", "Receptive field", "receptive_field", "<", _receptive, _receptive_text,
           "how much of the input one number depends on, along its axes but the channels'"),
    Column("stride", "Effective stride", "effective_stride", "<", _strides, _stride_text,
           "how far apart on the input neighbouring numbers look"),
    Column("connected", "Connected to", "connected_to", "<",
           lambda row, _: list(row.sources), lambda row, _: "" if row.follows else ", ".join(row.sources),
           "what flows in, by name"),
    Column("copies", "Copies", "copies", ">", lambda row, _: row.count, lambda row, _: f"{row.count:,}",
           "how often the row stands in a row"),
    Column("line", "Line", "line", ">",
           lambda row, _: row.line, lambda row, _: "-" if row.line is None else str(row.line),
           "the line of the file"),
)  # fmt: skip
"""All of them, in the order of `--columns all`; the layer's name stands before them in every table."""


@record
class View:
    """How a report is shown: columns (as for `--columns`; None: those of the format), levels of the tree and width
    (None: no limit), samples at once and type of the numbers for the memory figures, sizes whose legal neighbours are
    asked for, and whether in colour."""

    columns: str | None = None
    depth: int | None = None
    width: int | None = None
    batch: int = 1
    dtype: str = "float32"
    near: tuple[tuple[str | None, int], ...] = ()
    colour: bool = False

    def chosen(self, default: Sequence[str]) -> tuple[Column, ...]:
        """The columns, where a format has these by itself. Raises `Diagnosed` for one that there is not."""
        names = default if self.columns is None else read_columns(self.columns, default)
        return tuple(BY_NAME[name] for name in names)


BY_NAME = {column.name: column for column in COLUMNS}
DEFAULT = ("type", "output", "parameters", "macs")


def default_columns(rows: Iterable[Row]) -> tuple[str, ...]:
    """Those of a table for people: where a row reads another than the one above it, also what is connected to what."""
    return DEFAULT if all(row.follows for row, _ in walk_rows(rows)) else (*DEFAULT, "connected")


def read_columns(text: str, default: Sequence[str]) -> tuple[str, ...]:
    """`type,macs` as these; `all`; `+kernel,-macs` as the default ones with changes. Raises `Diagnosed`."""
    words = [word.strip().lower().replace("_", "-") for word in text.split(",")]
    changes = [word[:1] in ("+", "-") for word in words]
    # `type,+macs` could mean either: these two alone, or one more than usual
    if not all(words) or any(changes) != all(changes):
        expected = "names with commas, all of them changes or none: type,macs or +kernel,-macs"
        raise Diagnosed(Diagnostic(BadOption("--columns", text, expected), None, "--columns"))
    names = [name for word in words for name in _named(word.lstrip("+-"))]
    if not all(changes):
        return tuple(dict.fromkeys(names))
    removed = {name for word in words if word[0] == "-" for name in _named(word[1:])}
    added = [name for word in words if word[0] == "+" for name in _named(word[1:])]
    return tuple(name for name in dict.fromkeys([*default, *added]) if name not in removed)


def _named(word: str) -> tuple[str, ...]:
    if word == "all":
        return tuple(BY_NAME)
    if word not in BY_NAME:
        problem = UnknownColumn(word, closest(word, BY_NAME), tuple(BY_NAME))
        raise Diagnosed(Diagnostic(problem, None, "--columns"))
    return (word,)
