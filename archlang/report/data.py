"""The report for programs: the dictionaries that `archc check --format json` promises, one row for each copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.diagnostics.json import to_dict
from archlang.errors.limits import FlatTooLarge
from archlang.ir.graph import Model
from archlang.ir.ops.base import Shape
from archlang.ir.walk import Totals, flatten, fold_totals

SCHEMA = 1
FLAT_LIMIT = 1_000_000
"""Layers that are written one by one; more would be a file that nothing reads."""


Near = Sequence[tuple[str | None, int]]
"""Sizes of letters whose legal neighbours are asked for; see `legal.py`."""


def report_dict(
    models: Iterable[Model], diagnostics: Iterable[Diagnostic], ok: bool, near: Near = ()
) -> dict[str, Any]:
    """The whole report of a file."""
    return {
        "schema": SCHEMA,
        "ok": ok,
        "models": [model_dict(model, near) for model in models],
        "diagnostics": [to_dict(diagnostic) for diagnostic in diagnostics],
    }


def model_dict(model: Model, near: Near = ()) -> dict[str, Any]:
    """One model with all its layers. Raises `Diagnosed` if these are too many to be listed."""
    totals = fold_totals(model)[-1]
    if totals.layers > FLAT_LIMIT:
        raise Diagnosed(Diagnostic(FlatTooLarge(totals.layers, FLAT_LIMIT), None, model.origin.file))
    data = {
        "name": model.name,
        "inputs": [_port(given.name, given.shape) for given in model.inputs],
        "outputs": [_port(out.name, out.shape) | ({"training": True} if out.training else {}) for out in model.outputs],
        "parameters": {"total": totals.parameters, "trainable": totals.parameters},
        "buffers": totals.buffers,
        "macs": totals.macs,
        "flops": 2 * totals.macs,
        "layers": list(_layers(model)),
    }
    if not model.is_symbolic:
        return data
    from archlang.report.legal import symbolic_dict

    return symbolic_dict(model, data, near)


def _port(name: str, shape: Shape) -> dict[str, Any]:
    return {"name": name, "shape": list(shape)}


def _layers(model: Model) -> Iterator[dict[str, Any]]:
    """A row for each copy; what copies share is worked out once."""
    known: dict[tuple[int, int, bool, bool], tuple[str, Totals]] = {}
    for flat in flatten(model):
        layer, key = flat.layer, (id(flat.body), id(flat.layer), flat.shared, flat.training)
        if key not in known:
            known[key] = layer.op.torch_class, flat.totals
        kind, totals = known[key]
        marks = {name: True for name in ("shared", "training") if getattr(flat, name)}
        yield {
            "name": flat.path,
            "op": kind,
            "output_shape": list(layer.outputs[0]),
            "parameters": totals.parameters,
            "macs": totals.macs,
            "line": layer.origin.line,
            "column": layer.origin.column,
            **marks,
        }
