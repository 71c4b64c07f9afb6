"""What must hold of every text, whatever it says: the properties that `test_fuzz_programs.py` and `benchmarks/fuzz.py` check."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from programs import import_library, program, symbolic_program
from test_symbolic import Concrete, make_run

from archlang.checking import Outcome, Request, check_source
from archlang.diagnostics import Diagnostic, Edit, Help
from archlang.diagnostics.json import to_dict
from archlang.diagnostics.text import render
from archlang.elaborate.fixes import apply_edits
from archlang.ir.graph import Model
from archlang.ir.verify import verify_model
from archlang.ir.walk import flatten, fold_totals
from archlang.report.text import model_table, models_lines
from archlang.source import Source
from archlang.symbolic.legal import SymbolicModel
from archlang.syntax.formatting import format_source

SYMBOLIC_SHARE, HELPS_SHARE, LAYOUT_SHARE, JSON_SHARE, MODULE_SHARE = 0.01, 0.05, 0.1, 0.05, 0.01
LARGEST_COMPARED = 70
MOST_MODULES = 300
"""Layers of a model whose module is made."""


def text_of(seed: int) -> str:
    """The program with a number."""
    dice = random.Random(seed)
    return symbolic_program(dice) if dice.random() < SYMBOLIC_SHARE else program(dice)


def examine(seed: int) -> bool:
    """Check the program with a number for all that must hold. Whether it is a good program; raises where it does not hold."""
    dice = random.Random(seed)
    if dice.random() < SYMBOLIC_SHARE:
        return compare_legal_sizes(symbolic_program(dice))
    text, fate = program(dice), random.Random(-1 - seed)
    source = Source("net.arch", text)
    outcome = check(source)
    check_words(source, outcome)
    if fate.random() < HELPS_SHARE:
        check_helps(source, outcome)
    if fate.random() < LAYOUT_SHARE:
        check_layout(source, outcome)
    models_lines(outcome.models)
    for model in outcome.models:
        model_table(model)
        if not outcome.ok:
            continue
        verify_model(model.with_numbers)
        if fate.random() < JSON_SHARE:
            check_json(model)
        if fate.random() < MODULE_SHARE:
            check_module(model.with_numbers)
    return outcome.ok


def check(source: Source) -> Outcome:
    """The outcome; the library is there to import from."""
    return check_source(source, Request(), importer=import_library)


def check_words(source: Source, outcome: Outcome) -> None:
    """Every diagnostic stands in its text and can be shown."""
    for found in outcome.diagnostics:
        to_dict(found)
        for span in (found.span, *(label.span for label in (*found.secondary, *found.trail))):
            assert span is None or 0 <= span.start <= span.end <= len(span.source.text)
        for edit in edits_of(found):
            assert edit.span.source is source
    shown = render(outcome.diagnostics)
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert bool(outcome.models) or bool(outcome.diagnostics)


def edits_of(found: Diagnostic) -> Iterator[Edit]:
    return (edit for one in found.helps for edit in one.edits)


def check_helps(source: Source, outcome: Outcome) -> None:
    """Every way out leaves less wrong than there was; a safe one may show errors that its own had hidden."""
    helps: list[tuple[Diagnostic, Help]] = [(d, h) for d in outcome.diagnostics for h in d.helps if h.edits]
    for found, one in helps[:3]:
        changed = check(Source(source.name, apply_edits(source.text, one.edits)))
        gone = _first(changed, found) > _first(outcome, found)
        assert changed.badness < outcome.badness or (one.safe and gone), (found.code, one.message)


def _first(outcome: Outcome, found: Diagnostic) -> float:
    """Where a diagnostic like this one stands first."""
    alike = (d for d in outcome.diagnostics if (d.code, d.message) == (found.code, found.message))
    return min((d.span.start if d.span else -1 for d in alike), default=math.inf)


def check_layout(source: Source, outcome: Outcome) -> None:
    """The canonical layout of a text that can be read stays as it is, and means the same."""
    if outcome.unread:
        return
    once = format_source(source)
    assert format_source(Source(source.name, once)) == once
    again = check(Source(source.name, once))
    assert list(map(meaning, again.models)) == list(map(meaning, outcome.models))
    assert sorted(d.code for d in again.diagnostics) == sorted(d.code for d in outcome.diagnostics)


def meaning(model: Model) -> object:
    """A model but for the places in the text that it came from."""
    return (
        model.name,
        [(given.name, str(given.shape)) for given in model.inputs],
        [(out.name, str(out.shape)) for out in model.outputs],
        [[str(total) for total in (t.parameters, t.macs, t.layers)] for t in fold_totals(model)],
    )


def check_json(model: Model) -> None:
    """A model read back from its JSON is the same."""
    from archlang.ir.json import read_model, write_model

    plain = Model(**{name: getattr(model.with_numbers, name) for name in Model.__dataclass_fields__})
    assert read_model(write_model(plain)) == plain


def check_module(model: Model) -> None:
    """The live module has as many numbers as the model was counted to have."""
    totals = fold_totals(model)[-1]
    if totals.layers > MOST_MODULES or totals.parameters > 10**9:
        return
    from archlang.backends.torch_module import build_module

    module = build_module(model, device="meta")
    assert sum(p.numel() for p in module.parameters()) == totals.parameters
    assert sum(b.numel() for b in module.buffers()) == totals.buffers
    assert sum(1 for _ in flatten(model)) == totals.layers


def compare_legal_sizes(text: str) -> bool:
    """The legal sizes of a model are those with which its check succeeds, for each size by itself."""
    source = Source("net.arch", text)
    outcome = check(source)
    check_words(source, outcome)
    if not outcome.ok or len(outcome.models) != 1 or not isinstance(outcome.models[0], SymbolicModel):
        return outcome.ok
    model = outcome.models[0]
    run = make_run(source)
    (definition,) = run.program.models
    concrete = Concrete(run)
    dice = random.Random(len(text))
    for size in range(1, LARGEST_COMPARED):
        sizes = {
            name: size if name in ("L", "H") else dice.randint(1, LARGEST_COMPARED) for name in model.legal.letters
        }
        found = concrete.outputs(definition, (), **sizes)
        assert (sizes in model.legal) == (found is not None), f"{sizes} in {model.legal.text}"
        if found is not None:
            assert model.shapes_at(sizes)[1] == found, sizes
    return True
