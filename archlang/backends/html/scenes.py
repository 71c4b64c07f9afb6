"""The bodies of a model as data for the page's scripts: boxes with their words, and what flows between them.

A body is written once, however often it occurs; the scripts make names and copies from it as `ir/walk.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archlang.backends.captions import box_lines
from archlang.backends.diagram import Box
from archlang.backends.drawing import MOST_BOXES, SYMBOLS
from archlang.backends.folding import (
    Drawn,
    Failed,
    Group,
    View,
    Views,
    Wire,
    arguments_text,
    label_text,
    telling_arguments,
)
from archlang.backends.render_options import RenderOptions
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.diagnostics.text import printable
from archlang.errors.pictures import TooManyBoxes
from archlang.errors.words import plural, shape_text
from archlang.ir.graph import Body, BodyId, Call, Layer, Model, Name, Repeat
from archlang.ir.walk import Totals, counted, fold_totals, is_shared, layer_totals
from archlang.report.columns import macs_of, parameters_of

Data = dict[str, Any]


def scenes(model: Model, options: RenderOptions) -> dict[str, Data]:
    """The bodies that can be seen, by their numbers as text. Raises `Diagnosed` where one has too many boxes."""
    writer = _Scenes(model, options)
    needed, seen = [len(model.bodies) - 1], dict[str, Data]()
    while needed:
        number = needed.pop()
        if str(number) not in seen:
            seen[str(number)] = writer.body(number)
            # a set has no order of its own: sorted, the same model gives the same page
            needed += sorted(_inner(writer.views[number]), reverse=True)
    return seen


def _inner(view: View) -> set[BodyId]:
    """The bodies that a view's nodes open."""
    inner: set[BodyId] = set()
    for drawn in view.nodes:
        match drawn.node:
            case Call() as call:
                inner.add(call.body)
            case Repeat() as repeat:
                inner |= {run.body for run in repeat.runs if run.count}
            case Layer():
                pass
    return inner


class _Scenes:
    """Writes the bodies of one model."""

    def __init__(self, model: Model, options: RenderOptions) -> None:
        self.model = model
        self.options = options
        self.views = Views(model, options.merge)
        self.telling = telling_arguments(model)
        self.totals = fold_totals(model)

    def body(self, number: BodyId) -> Data:
        """One body: its boxes in execution order, what flows out, and how many names of each kind a copy takes."""
        body, view = self.model.bodies[number], self.views[number]
        if len(view.nodes) > MOST_BOXES:
            raise Diagnosed(Diagnostic(TooManyBoxes(MOST_BOXES, False), None, self.model.origin.file))
        items = [self._item(body, drawn) for drawn in view.nodes]
        # numbers behind those of all nodes, which no other item has
        items += [self._failed(failed, len(body.nodes) + place) for place, failed in enumerate(view.failed)]
        return {
            "ins": [shape_text(shape) for shape in body.inputs],
            "items": items,
            "outs": [_wire(wire) for wire in view.outputs],
            "names": dict(body.names),
        }

    def _item(self, body: Body, drawn: Drawn) -> Data:
        node, training = drawn.node, drawn.index in body.training
        data: Data = {"i": drawn.index, "in": [_wire(wire) for wire in drawn.inputs]}
        data["out"] = [shape_text(shape) for shape in node.outputs]
        data |= {"shared": True} if is_shared(node) else {}
        data |= {"training": True} if training else {}
        match node:
            case Layer() as layer:
                return data | self._layer(body, layer, drawn.merged, training)
            case Call() as call:
                return data | self._call(call, training)
            case Repeat() as repeat:
                return data | self._repeat(repeat, training)

    def _layer(self, body: Body, layer: Layer, merged: Sequence[Layer], training: bool) -> Data:
        op = layer.op
        totals = sum((layer_totals(body, one) for one in (layer, *merged)), Totals())
        shown = counted(totals, layer.shared, training)
        symbol = SYMBOLS.get(op.torch().target, "") if op.is_join else ""
        box = Box(
            "", op.torch_class, op.summary, op.family, label_text(layer), symbol=symbol, shared=layer.shared,
            merged=tuple(one.op.words[0] if one.op.family == "norm" else one.op.torch_class for one in merged),
            parameters=shown.parameters, macs=shown.macs,
        )  # fmt: skip
        lines = box_lines(box, self.options)
        # a join with nothing but its operator in it is a circle, as in the other formats
        round_one = {"symbol": symbol} if len(symbol) == 1 and lines == (symbol,) else {}
        data: Data = {"name": _name(layer.name), "family": op.family, "lines": _printable(lines)}
        places = {id(node): place for place, node in enumerate(body.nodes)}
        hidden = {"also": [places[id(one)] for one in merged]} if merged else {}
        return data | round_one | hidden | _counts(shown)

    def _call(self, call: Call, training: bool) -> Data:
        shown = counted(self.totals[call.body], call.shared, training)
        head = self._head(call)
        return {
            "name": _name(call.name),
            "family": "folded",
            "body": call.body,
            "lines": _printable((head, *self._below(shown))),
            **_counts(shown),
        }

    def _head(self, node: Call) -> str:
        """`layer1: stage(c=64)`; empty for a group without a name, which its number stands for."""
        body = self.model.bodies[node.body]
        arguments = arguments_text(body, body, self.telling.get(body.definition or "", ()))
        definition = f"{body.definition}({arguments})" if arguments and body.definition else body.definition or ""
        return ": ".join(text for text in (label_text(node), definition) if text)

    def _below(self, totals: Totals) -> Iterator[str]:
        """What stands below the head of a part that is closed."""
        yield plural(totals.layers, "layer")
        box = Box("", "", "", "", parameters=totals.parameters, macs=totals.macs)
        yield from box_lines(box, self.options)

    def _repeat(self, repeat: Repeat, training: bool) -> Data:
        runs = [
            {"body": run.body, "count": run.count, "drawn": bool(run.count) and not self.views[run.body].is_empty}
            for run in repeat.runs
        ]
        groups = list(self._groups(repeat, training))
        return {"starts": dict(repeat.starts), "runs": runs, "groups": groups}

    def _groups(self, repeat: Repeat, training: bool) -> Iterator[Data]:
        """Copies that look alike, with the runs that they are."""
        left = [n for n, run in enumerate(repeat.runs) if run.count and not self.views[run.body].is_empty]
        for group in self.views.groups(repeat, {}):
            mine, rest = list[int](), group.count
            while rest:
                # groups come in the order of the runs, and no run is in two: as many as make up the count
                mine.append(left.pop(0))
                rest -= repeat.runs[mine[-1]].count
            yield self._group(group, mine, repeat, training)

    def _group(self, group: Group, runs: list[int], repeat: Repeat, training: bool) -> Data:
        each = (self.totals[repeat.runs[run].body] * repeat.runs[run].count for run in runs)
        shown = counted(sum(each, Totals()), False, training)
        body = self.model.bodies[group.last]
        nodes = self.views[group.first].nodes
        # copies of one call: `x3` stands on the part itself, without a frame between
        alone = nodes[0].node if len(nodes) == 1 and not self.views[group.first].failed else None
        count = f"x{group.count:,}"
        head = f"{self._head(alone)}  {count}".strip() if isinstance(alone, Call) else count
        return {
            "runs": runs,
            "count": group.count,
            "alone": isinstance(alone, Call),
            "out": [shape_text(body.shape_of(ref)) for ref in body.outputs[:1]],
            "lines": _printable((head, *self._below(shown))),
            **_counts(shown),
        }

    def _failed(self, failed: Failed, number: int) -> Data:
        failure = failed.failure
        message = failure.diagnostic.message if failure.diagnostic else ""
        label = failure.name.base if failure.name and failure.name.index is None else ""
        lines = box_lines(Box("", failure.word, message, "error", label), self.options)
        return {
            "i": number, "name": _name(failure.name), "in": [_wire(wire) for wire in failed.inputs], "out": [],
            "family": "error", "lines": _printable(lines), "layers": 1,
        }  # fmt: skip


def _name(name: Name | None) -> list[Any] | None:
    return None if name is None else [printable(name.base), name.index]


def _wire(wire: Wire) -> list[Any]:
    """Where a value comes from, and the text on its edge."""
    sent, read = shape_text(wire.sent), shape_text(wire.read)
    return [wire.ref.node, wire.ref.port, sent if sent == read else f"{sent} -> {read}"]


def _counts(totals: Totals) -> Data:
    return {
        "layers": totals.layers,
        "parameters": parameters_of(totals).footing,
        "macs": macs_of(totals).footing,
    }


def _printable(lines: Sequence[str]) -> list[str]:
    return [printable(line) for line in lines]
