"""A file that is loaded again is not checked again, unless it, or one that it imports, has changed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from archlang.checking import Outcome, Request, check_source
from archlang.diagnostics import Diagnosed
from archlang.ir.ops import WORDS
from archlang.reading import FileImporter, check_target, read_source
from archlang.records import record
from archlang.source import Source, Span

MOST_KEPT = 32
"""Checks that are remembered, the last ones."""


@record
class Kept:
    """A check without errors, and the files that were imported for it."""

    imported: tuple[Source, ...]
    outcome: Outcome


_kept: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()


def check_again(target: str, request: Request) -> Outcome:
    """The one model that a target means, as `check_target` finds it."""
    # standard input can be read once, and a model as data is not checked
    if target == "-" or target.endswith(".json"):
        return check_target(target, request, choose_one=True)
    try:
        source = read_source(target)
    except Diagnosed as error:
        return Outcome((), (error.diagnostic,))
    # the layers, too: one that was registered in between may give a word another meaning
    key = (source.name, source.text, repr(request), *WORDS.values())
    kept = _kept.pop(key, None)
    if kept is None or not all(map(_is_unchanged, kept.imported)):
        importer = _Recorder(target)
        outcome = check_source(source, request, True, importer)
        if not outcome.ok:
            return outcome
        # without the run, whose memory of bodies is much larger than the models
        kept = Kept(tuple(importer.read), replace(outcome, run=None))
    # at the end again, having been taken out above: the first one is the one not used for longest
    _kept[key] = kept
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return kept.outcome


def _is_unchanged(source: Source) -> bool:
    try:
        return read_source(source.name).text == source.text
    except Diagnosed:
        return False


class _Recorder(FileImporter):
    """Finds the files that a file imports, and keeps what it found."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.read: list[Source] = []

    def __call__(self, written: str, span: Span) -> Source:
        """The source of an imported path. Raises `Diagnosed` at the place of the import."""
        found = super().__call__(written, span)
        self.read.append(found)
        return found
