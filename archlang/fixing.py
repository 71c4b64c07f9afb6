"""`archc check --fix`: ways out applied to a text, round by round, as long as each round makes it better.

Only edits that were tried are applied. Reads and writes no file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from archlang.checking import HELP_EFFORT, Outcome, Request, check_source
from archlang.diagnostics import Diagnostic, Edit, Help
from archlang.elaborate.fixes import apply_edits, is_better
from archlang.elaborate.program import Importer
from archlang.lints import with_lints
from archlang.records import record
from archlang.source import Source

FIX_EFFORT = 20 * HELP_EFFORT
"""Microseconds, roughly, that all rounds may take."""


@record
class Change:
    """A way out that was applied, and to what; its edits are places of the text as it was in its round."""

    diagnostic: Diagnostic
    remedy: Help


@record
class Fixed:
    """What became of a text: the rounds of changes, and what a check says of the text now."""

    source: Source
    rounds: tuple[tuple[Change, ...], ...]
    outcome: Outcome

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that was applied, in order."""
        return tuple(change for changes in self.rounds for change in changes)

    @property
    def unsafe(self) -> int:
        """How many errors and warnings remain whose ways out the author must choose: most change the architecture."""
        return sum(any(remedy.edits for remedy in d.helps) for d in self.outcome.diagnostics)


def fix_source(
    source: Source,
    request: Request,
    unsafe: bool,
    importer: Importer | None = None,
    allow: Iterable[str] = (),
    deny: Iterable[str] = (),
) -> Fixed:
    """Apply the safe ways out of a text's errors and warnings; with `unsafe` the first of any kind.

    Warnings in `allow` are left alone, those in `deny` are errors. Raises `Diagnosed` for a code that is none.

    Each round leaves fewer characters that cannot be read, or fewer errors, or fewer warnings, or only errors behind
    the one that it removed.
    """
    rounds: list[tuple[Change, ...]] = []
    check = partial(_check, request=request, importer=importer, allow=tuple(allow), deny=tuple(deny))
    outcome = check(source)
    effort = outcome.effort
    while effort < FIX_EFFORT:
        chosen = tuple(_without_overlaps(_choose(outcome.diagnostics, unsafe)))
        for changes in (chosen, chosen[:1])[: len(chosen)]:  # two that help alone can spoil each other
            changed = Source(source.name, _applied(source.text, changes))
            found = check(changed)
            # a check counts itself and not the ways out that it tried: a tenth of their limit stands for them
            effort += found.effort + HELP_EFFORT * bool(found.diagnostics) // 10
            if _is_better(outcome, found, changes):
                rounds.append(changes)
                source, outcome = changed, found
                break
        else:
            break
    return Fixed(source, tuple(rounds), outcome)


def _check(
    source: Source, request: Request, importer: Importer | None, allow: Sequence[str], deny: Sequence[str]
) -> Outcome:
    return with_lints(check_source(source, request, importer=importer), allow, deny)


def _is_better(before: Outcome, after: Outcome, changes: Sequence[Change]) -> bool:
    """Whether a round got anywhere; one alone may also show the next error."""
    if len(changes) > 1:
        return after.badness < before.badness
    (change,) = changes
    return is_better(before, after, change.diagnostic, change.remedy)


def _choose(diagnostics: Sequence[Diagnostic], unsafe: bool) -> Iterator[Change]:
    """For each diagnostic a way out that may be applied: a safe one if there is one."""
    for diagnostic in diagnostics:
        helps = [remedy for remedy in diagnostic.helps if remedy.edits and (remedy.safe or unsafe)]
        if helps:
            # False sorts before True, and min takes the first of equals: the first safe one, or else the first
            yield Change(diagnostic, min(helps, key=lambda remedy: not remedy.safe))


def _without_overlaps(changes: Iterator[Change]) -> Iterator[Change]:
    """Changes whose edits neither overlap nor touch those of an earlier one."""
    taken: list[Edit] = []
    for change in changes:
        if not any(_touch(edit, other) for edit in change.remedy.edits for other in taken):
            taken += change.remedy.edits
            yield change


def _touch(edit: Edit, other: Edit) -> bool:
    # `<=`: of two insertions at one place nobody knows which comes first
    return edit.span.start <= other.span.end and other.span.start <= edit.span.end


def _applied(text: str, changes: Sequence[Change]) -> str:
    return apply_edits(text, [edit for change in changes for edit in change.remedy.edits])


def with_line_ends(raw: str, fixed: Fixed) -> str:
    """The fixed text with the line ends, `\\r\\n` or `\\n`, and the byte order mark of the file as it was.

    `raw` is the file's text before it was read; each round is applied to it at the same places.
    """
    mark = "\ufeff" * raw.startswith("\ufeff")
    raw = raw.removeprefix("\ufeff")
    for changes in fixed.rounds:
        edits = sorted((e for change in changes for e in change.remedy.edits), key=lambda e: e.span.start, reverse=True)
        # "a\r\nb\r\nc": the two stand at 1 and 4 of the file, and at 1 and 3 of the text, where each is a single \n
        behind = [place - before for before, place in enumerate(_returns(raw))]
        for edit in edits:
            # as many \r are skipped as line ends lie in front; edits from the back leave those places as they are
            start, end = (place + bisect_left(behind, place) for place in (edit.span.start, edit.span.end))
            raw = raw[:start] + edit.text + raw[end:]
    return mark + raw


def _returns(raw: str) -> Iterator[int]:
    """Where `\\r\\n` stands."""
    place = raw.find("\r\n")
    while place >= 0:
        yield place
        place = raw.find("\r\n", place + 2)
