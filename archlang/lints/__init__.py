"""Warnings: rules of thumb that a checked network leaves, each with a code and each silenced where it is meant.

`with_lints` adds them to what a check found. They stop nothing: `archc check` and `archlang.check` show them, what
compiles and draws does not look for them. A text with errors gets none, since what is wrong comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from archlang.checking import HELP_EFFORT, Outcome, Run, check_once, deep_recursion
from archlang.diagnostics import MOST_DIAGNOSTICS, Collector, Diagnosed, Diagnostic
from archlang.elaborate.fixes import try_helps
from archlang.errors.files import UnknownCode
from archlang.errors.words import closest
from archlang.ir.graph import Model
from archlang.lints.allow import Comments
from archlang.lints.base import Finding, Lint, Net
from archlang.lints.registry import LINTS, codes, register
from archlang.lints.text import FileText
from archlang.plugins import BROKEN, Broken, reason_of
from archlang.source import Source

__all__ = ["LINTS", "Finding", "Lint", "Net", "known_codes", "register", "with_lints"]

ALL = "all"

WARNINGS_WITH_HELPS = 20
"""A file with more warnings than this is written in another style, and not by a slip."""

MOST_IDLE = 10 * MOST_DIAGNOSTICS
"""Comments without use of which more is looked at than how many there are."""


def with_lints(outcome: Outcome, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> Outcome:
    """The outcome with its warnings, those in `allow` left out, those in `deny` made errors; "all" means all.

    What the file's comments allow is left out, too. Raises `Diagnosed` for a code that is none.
    """
    allowed, denied = known_codes(allow, deny)
    if outcome.run is None or not outcome.ok or allowed >= set(codes()):
        return outcome
    found = _look(outcome.run, outcome.models, allowed)
    tried = _with_tried_helps(outcome, outcome.run, found, allowed)
    judged = (replace(d, denied=d.code in denied) for d in tried)
    return replace(outcome, diagnostics=(*outcome.diagnostics, *judged))


def known_codes(allow: Iterable[str], deny: Iterable[str]) -> tuple[set[str], set[str]]:
    """The codes that are allowed and those that are denied. Raises `Diagnosed` for one that is none."""
    return _known("--allow", allow), _known("--deny", deny)


def _known(option: str, wanted: Iterable[str]) -> set[str]:
    """The codes that an option names."""
    found = set[str]()
    for code in wanted:
        if code != ALL and code not in codes():
            # all kinds of problems are loaded only to tell an error's code from a misspelt one
            from archlang.errors.catalog import catalog

            problem = UnknownCode(code, closest(code, (*codes(), ALL)), code in catalog())
            raise Diagnosed(Diagnostic(problem, None, option))
        found |= set(codes()) if code == ALL else {code}
    return found


# ---- looking ---------------------------------------------------------------------------------------


def _look(run: Run, models: Sequence[Model], allowed: set[str]) -> list[Diagnostic]:
    """All warnings of one check, in the order of the file, without those that comments or `allowed` allow."""
    comments, collector = Comments(run.program), Collector()
    with deep_recursion():
        # generators: comments are asked once all lints have looked, since only then they know what they silenced
        for found in (_findings(run, models), islice(comments.problems(codes(), _is_complete(run, models)), MOST_IDLE)):
            collector.extend(d for d in found if not comments.silence(d) and d.code not in allowed)
    # stable: warnings about one place stay in the order of LINTS
    return sorted(collector, key=lambda d: d.span.start if d.span else -1)


def _is_complete(run: Run, models: Sequence[Model]) -> bool:
    """Whether everything in the file was looked at as it stands there."""
    request = run.request
    plain = not (request.model or request.bindings or request.options.inputs)
    return plain and len(models) == len(run.program.models) and not any(model.is_symbolic for model in models)


def _findings(run: Run, models: Sequence[Model]) -> Iterator[Diagnostic]:
    program = run.program
    text = FileText(program)
    nets = [Net(model.with_numbers, text, model.is_symbolic) for model in models]
    for lint in LINTS:
        try:
            found = [*_of_models(lint, nets, program.source.name), *_of_file(lint, text)]
            if lint.is_foreign:
                _ = [(d.message, d.problem.notes, d.problem.advice) for d in found]  # what raises, raises here
            yield from found
        except Exception as error:
            # another package's mistake is a warning about that package; our own must not pass unseen
            if not lint.is_foreign:
                raise
            yield _broken(Broken(lint.code, lint.package, reason_of(error)))
    yield from map(_broken, BROKEN)


def _broken(offer: Broken) -> Diagnostic:
    """The warning about something that a package offers."""
    from archlang.errors.lints import BrokenPlugin

    return Diagnostic(BrokenPlugin(offer.name, offer.package, offer.reason), None, offer.package)


def _of_file(lint: Lint, text: FileText) -> Iterator[Diagnostic]:
    """What a lint finds in the file."""
    for finding in lint.find_in_file(text) if lint.find_in_file else ():
        yield Diagnostic(finding.problem, finding.span, text.source.name, candidates=finding.helps)


def _of_models(lint: Lint, nets: Sequence[Net], file: str) -> Iterator[Diagnostic]:
    """What a lint finds at layers that the file itself writes.

    An edit changes all layers that are made from the same words, so it is no way out unless the lint found them all.
    """
    find = lint.find
    looked = [net for net in nets if find and not (lint.sized and net.symbolic)]
    found = [(net, finding) for net in looked if find for finding in find(net)]
    # a block used with several arguments is one text and several bodies, not all of which need be at fault
    hits = Counter(net.layer(finding.spot).origin for net, finding in found if finding.spot)
    for net, finding in found:
        call = net.call(finding.spot) if finding.spot else None
        span = finding.span or (call and call.span)
        # what an imported file writes is that file's business
        if span is None or span.source is not net.text.source:
            continue
        helps = finding.helps
        if finding.spot and helps:
            origin = net.layer(finding.spot).origin
            helps = helps if hits[origin] >= sum(other.written_at(origin) for other in looked) else ()
        yield Diagnostic(finding.problem, span, file, finding.secondary, candidates=helps)


# ---- helps -----------------------------------------------------------------------------------------


def _with_tried_helps(
    outcome: Outcome, run: Run, found: Sequence[Diagnostic], allowed: set[str]
) -> Sequence[Diagnostic]:
    """Apply each edit to the text and check it again: what leaves fewer warnings and no new one is offered."""
    # the list is cut off: whether an edit leaves fewer warnings could not be counted
    if len(found) >= MOST_DIAGNOSTICS:
        return found
    here = replace(outcome, diagnostics=tuple(found))
    before, left_over = Counter(d.code for d in found), HELP_EFFORT

    def check_again(changed: Source) -> Outcome:
        nonlocal left_over
        after = check_once(changed, run.request, False, run.importer)
        left_over -= after.effort
        if not after.ok or after.run is None:
            return after
        left = _look(after.run, after.models, allowed)
        # `<=` of counters: no code more often than before; else `here` is given back, which is no better and no help
        return replace(after, diagnostics=tuple(left)) if Counter(d.code for d in left) <= before else here

    def may_try() -> bool:
        return left_over > outcome.effort

    return try_helps(run.program.source, here, check_again, may_try, WARNINGS_WITH_HELPS)
