"""Every way out with an edit, over all golden cases and the examples of all error pages: applied, it helps.

`test_diagnostics_golden.py` does the same through the command line, with each case's own options.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from archlang.checking import Outcome, check_source
from archlang.diagnostics import Diagnostic, Help
from archlang.elaborate.fixes import apply_edits
from archlang.elaborate.parts import origin
from archlang.errors.catalog import catalog, example
from archlang.errors.words import shape_text
from archlang.reading import FileImporter
from archlang.source import Source

FOLDER = Path(__file__).parent / "golden" / "diagnostics"
GOLDEN = sorted(path for path in FOLDER.glob("*/*.arch") if path.parent.name not in ("files", "limits"))
Tried = tuple[Source, Outcome, Diagnostic, Help]


def texts() -> Iterator[tuple[str, str]]:
    """Names and texts of all cases."""
    for path in GOLDEN:
        yield str(path), path.read_text(encoding="utf-8")
    for code in catalog():
        shown = example(code)
        if shown is not None and shown.problem is None:
            yield str(FOLDER / f"{code}.arch"), shown.text + "\n"


@cache
def tried() -> tuple[Tried, ...]:
    """All ways out with edits."""
    found: list[Tried] = []
    for name, text in texts():
        source = Source(name, text)
        outcome = check_source(source, importer=FileImporter(name))
        found += [(source, outcome, d, remedy) for d in outcome.diagnostics for remedy in d.helps if remedy.edits]
    return tuple(found)


def test_there_are_many() -> None:
    """The test below has something to try: of most kinds of errors that have ways out, safe ones among them."""
    codes = {diagnostic.code for _, _, diagnostic, _ in tried()}
    assert len(tried()) >= 60 and len(codes) >= 15
    assert {"stride-drops-input", "unknown-layer", "missing-arrow", "groups-indivisible", "cannot-reshape"} <= codes
    assert sum(remedy.safe for _, _, _, remedy in tried()) >= 15


@pytest.mark.parametrize("index", range(0, 200, 10))
def test_each_helps(index: int) -> None:
    """Fewer errors are left, or only others behind; none of the same kind stands at the place."""
    for source, before, diagnostic, remedy in tried()[index : index + 10]:
        text = apply_edits(source.text, remedy.edits)
        after = check_source(Source(source.name, text), importer=FileImporter(source.name))
        first = min(edit.span.start for edit in remedy.edits)
        same = [d for d in after.diagnostics if d.code == diagnostic.code and d.span and diagnostic.span]
        assert all(d.span.start != diagnostic.span.start for d in same), (source.name, remedy)
        behind = all(d.span and d.span.start >= first for d in after.diagnostics)
        assert after.badness < before.badness or (remedy.safe and behind), (source.name, remedy, text)


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        # an error of the argument itself, of a layer behind, of a block above that is used behind
        ("INPUT(3, 32, 32) -> CONV(8, 3x3, strid=2) -> FC(10)", "stride=2"),
        ("INPUT(3, 32, 32) -> CONVV(8, 3x3) -> CONV(8, 99x99)", "CONV(8, 3x3) ->"),
        ("block b(c) = CONV(c, 99x99)\nmodel M = INPUT(3, 32, 32) -> CONVV(8, 3x3) -> b(4)", "> CONV(8"),
    ],
)
def test_slips_are_mended_although_other_errors_show_then(text: str, fixed: str) -> None:
    (diagnostic,) = check_source(Source("net.arch", text)).diagnostics
    (remedy,) = diagnostic.helps
    assert remedy.safe and fixed in apply_edits(text, remedy.edits)


def test_all_are_tried() -> None:
    assert len(tried()) <= 200


def test_edits_stay_in_their_file_and_do_not_overlap() -> None:
    for source, _, _, remedy in tried():
        edits = sorted(remedy.edits, key=lambda edit: edit.span.start)
        assert all(edit.span.source is source for edit in edits)
        assert all(one.span.end <= other.span.start for one, other in pairwise(edits))
        assert remedy.message


SEVERAL_COPIES = (
    "INPUT(1, 28, 28) -> [CONV(32, 3x3) -> RELU -> MAXPOOL(2)]*4 -> FC(10)",
    "block b(c, k=3) = CONV(c, k) -> RELU\nmodel M = INPUT(3, 8, 8) -> b(8) -> b(16, k=9) -> FC(3)",
    "INPUT(3, 30, 30) -> [CONV(8, 3, stride=2) -> RELU]*2 -> FC(3)",
    "INPUT(3, 7, 7) -> [CONV(8, 3x3, stride=3) -> UPSAMPLE(scale_factor=7)]*1 -> FC(10)",
    "block b() = MAXPOOL(2)\nmodel A = INPUT(3, 7, 7) -> b()\nmodel B = INPUT(3, 9, 9) -> b()",
)


@pytest.mark.parametrize("text", SEVERAL_COPIES)
def test_what_an_edit_gives_is_so_in_all_copies(text: str) -> None:
    """A number stands in a help only if every layer written at the place gives it."""
    source = Source("several.arch", text)
    numbers = 0
    for diagnostic in check_source(source).diagnostics:
        for remedy in (remedy for remedy in diagnostic.helps if remedy.changes):
            after = check_source(Source(source.name, apply_edits(text, remedy.edits)))
            place = origin(remedy.changes)
            bodies = [body for model in (*after.models, *after.partial) for body in model.bodies]
            layers = [node for body in bodies for node in body.nodes if node.origin == place and node.name]
            shapes = {shape_text(layer.outputs[0]) for layer in layers}
            claimed = remedy.message.partition(" gives ")[2]
            assert claimed == (shapes.pop() if len(shapes) == 1 else ""), (text, remedy.message)
            numbers += 1
    assert numbers
