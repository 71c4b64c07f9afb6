"""The report for programs: the dictionaries that `archc check --format json` promises, one row for each copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.diagnostics.json import to_dict
from archlang.errors.limits import FlatTooLarge
from archlang.ir.graph import Model, Ref
from archlang.ir.ops.base import Shape
from archlang.ir.paths import Place
from archlang.ir.sources import flat_spots
from archlang.ir.walk import FlatFailure, FlatLayer, Totals, flatten_partial, fold_totals
from archlang.report.columns import BY_NAME, Column, Count, Facts, View, flops_of, macs_of, parameters_of
from archlang.report.rows import Row, Value, table_rows

SCHEMA = 1
FLAT_LIMIT = 1_000_000
"""Layers that are written one by one; more would be a file that nothing reads."""

CONTRACT = ("output", "parameters", "macs", "line")
"""Columns that every layer has, beside its name, class and place."""

EXTRA = ("input", "kernel", "activations", "connected")
"""Columns that a layer has unless others are chosen: those that cost little to work out."""

BY_PATH = ("connected", "receptive-field", "stride")
"""Columns that differ between copies; all others are worked out once for all of them."""


def report_dict(
    models: Iterable[Model], diagnostics: Iterable[Diagnostic], ok: bool, view: View | None = None
) -> dict[str, Any]:
    """The whole report of a file."""
    return {
        "schema": SCHEMA,
        "ok": ok,
        "models": [model_dict(model, view) for model in models],
        "diagnostics": [to_dict(diagnostic) for diagnostic in diagnostics],
    }


def model_dict(model: Model, view: View | None = None) -> dict[str, Any]:
    """One model with all its layers, or, with `view.depth`, with its tree of rows. Raises `Diagnosed` if the layers
    are too many to be listed."""
    view = view or View()
    totals = fold_totals(model)[-1]
    data = {
        "name": model.name,
        "inputs": [_port(given.name, given.shape) for given in model.inputs],
        "outputs": _outputs(model),
        **_totals(totals),
        **_fingerprint(model),
        **_listing(model, view, totals),
    }
    if not model.is_symbolic:
        return {**data, "partial": True} if model.is_partial else data
    from archlang.report.legal import symbolic_dict

    return symbolic_dict(model, data, view.near)


def _outputs(model: Model) -> list[dict[str, Any]]:
    """What the model returns; of one with errors the shape is null where it is unknown."""
    if not model.outputs:
        return [{"name": "output", "shape": None}]
    return [_port(out.name, out.shape) | ({"training": True} if out.training else {}) for out in model.outputs]


def _port(name: str, shape: Shape) -> dict[str, Any]:
    return {"name": name, "shape": list(shape)}


def _totals(totals: Totals) -> dict[str, Any]:
    """Sums over the layers that have a number; `status` says whether these are all."""
    parameters, macs = parameters_of(totals), macs_of(totals)
    return {
        # equal: what is not trained (running statistics) is a buffer in torch, and counted as one
        "parameters": {"total": _number(parameters), "trainable": _number(parameters)},
        "buffers": _number(Count(totals.buffers, totals.failed)),
        "macs": _number(macs),
        "flops": _number(flops_of(totals)),
        "status": {"parameters": parameters.status, "macs": macs.status},
    }


def _fingerprint(model: Model) -> dict[str, str]:
    """That of a model which has all its layers and sizes."""
    if model.is_partial or model.is_symbolic:
        return {}
    from archlang.ir.fingerprint import fingerprint

    return {"fingerprint": fingerprint(model)}


def _number(count: Count) -> Any:
    """null where there is none: an unknown is not 0."""
    return None if count.status == "not available" else count.number


def _listing(model: Model, view: View, totals: Totals) -> dict[str, Any]:
    """`layers`, or `rows` where the tree is asked for."""
    columns = [BY_NAME[name] for name in dict.fromkeys((*CONTRACT, *(c.name for c in view.chosen(EXTRA))))]
    if view.depth is not None:
        facts = Facts(model)
        return {"rows": [_tree(row, columns, facts) for row in table_rows(model, view.depth)]}
    if totals.layers > FLAT_LIMIT:
        raise Diagnosed(Diagnostic(FlatTooLarge(totals.layers, FLAT_LIMIT), None, model.origin.file))
    # a row for each copy needs no count of copies, and torch's class stands under `op`
    return {"layers": list(_layers(model, [c for c in columns if c.name not in ("type", "copies")]))}


def _tree(row: Row, columns: Sequence[Column], facts: Facts) -> dict[str, Any]:
    """A row of the table with those below it."""
    inner = [_tree(child, columns, facts) for child in row.children]
    data = {"name": row.path, "type": row.type, "copies": row.count, **_cells(columns, row, facts)}
    # null where the error stands elsewhere, and this is what follows from it
    data |= {} if row.failure is None else {"error": row.failure or None}
    return {**data, "rows": inner} if inner else data


def _layers(model: Model, columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """A row for each copy; what copies share is worked out once."""
    shared = [column for column in columns if column.name not in BY_PATH]
    own = [column for column in columns if column.name in BY_PATH]
    facts = Facts(model)
    known: dict[tuple[int, int, bool, bool], tuple[Row, dict[str, Any]]] = {}
    # goes along with the layers; stages that failed have no spot
    spots = flat_spots(model)
    for flat in flatten_partial(model):
        if isinstance(flat, FlatFailure):
            yield _failed(flat, columns)
            continue
        spot = next(spots)
        # bodies are shared: a million copies of a layer have one key, and their cells are worked out once
        layer, key = flat.layer, (id(flat.body), id(flat.layer), flat.shared, flat.training)
        if key not in known:
            row = _row(flat)
            marks = {name: True for name in ("shared", "training") if getattr(flat, name)}
            place = {"column": layer.origin.column, **marks}
            known[key] = row, {"op": row.type, **_cells(shared, row, facts), **place}
        row, data = known[key]
        if own:
            value = Value(Place(model, flat.path, spot.steps), Ref(spot.steps[-1].index))
            row = replace(row, sources=spot.sources, value=value)
        yield {"name": flat.path, **data, **{column.key: column.value(row, facts) for column in own}}


def _failed(flat: FlatFailure, columns: Sequence[Column]) -> dict[str, Any]:
    """A stage that failed, with the code of its error: null stands for all that is not known of it."""
    unknown = {column.key: None for column in columns}
    origin = flat.failure.origin
    place = {"line": origin.line, "column": origin.column}
    return {"name": flat.path, "op": flat.failure.word, **unknown, **place, "error": flat.failure.code or None}


def _row(flat: FlatLayer) -> Row:
    layer = flat.layer
    return Row(
        flat.path,
        layer.op.torch_class,
        layer.outputs[:1],
        flat.totals,
        line=layer.origin.line,
        inputs=flat.inputs,
        node=layer,
    )


def _cells(columns: Iterable[Column], row: Row, facts: Facts) -> dict[str, Any]:
    """Values by key; `status` names the counts that are not exact."""
    values = {column.key: column.value(row, facts) for column in columns}
    inexact = {key: value.status for key, value in values.items() if isinstance(value, Count) and value.without}
    plain = {key: _number(value) if isinstance(value, Count) else value for key, value in values.items()}
    return {**plain, "status": inexact} if inexact else plain
