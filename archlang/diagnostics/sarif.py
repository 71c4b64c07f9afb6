"""Diagnostics as SARIF 2.1.0 (OASIS, 2020), which code hosts and editors read. Prints nothing, asks no file system.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; the numbers in comments are its sections.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from archlang.diagnostics import Diagnostic, Edit, Help, Label, Problem
from archlang.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT_ID = "%SRCROOT%"
"""What paths are relative to: the folder that archc runs in, which the reader knows under its own name."""

Describe = Callable[[type[Problem]], tuple[str, str]]
"""What a kind of problem is, in one line, and its whole page."""


def to_sarif(
    diagnostics: Iterable[Diagnostic], version: str, folder: str, describe: Describe, status: int
) -> dict[str, Any]:
    """The log of one run in `folder` that ends with an exit status; from 2 on, not all could be checked.

    Rules are the kinds of problems that occur, described with their pages.
    """
    found = list(diagnostics)
    # results refer to rules by their place in this list (3.27.6)
    kinds = list(dict.fromkeys(type(diagnostic.problem) for diagnostic in found))
    writer = _Writer(folder, {kind: index for index, kind in enumerate(kinds)})
    driver = {
        "name": "archc",
        "version": version,
        "semanticVersion": version,
        "rules": [_rule(kind, *describe(kind)) for kind in kinds],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",  # 3.14.17: characters, where its default are UTF-16 units
        "invocations": [{"executionSuccessful": status < 2, "exitCode": status}],
        "results": [writer.result(diagnostic) for diagnostic in found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: type[Problem], meaning: str, page: str) -> dict[str, Any]:
    return {
        "id": kind.code,
        # 3.49.7 wants a name that reads as an identifier: StrideDropsInput
        "name": "".join(word.capitalize() for word in kind.code.split("-")),
        "shortDescription": {"text": meaning},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": kind.severity},
    }


class _Writer:
    """Writes results; paths are made relative to `folder`."""

    def __init__(self, folder: str, rules: dict[type[Problem], int]) -> None:
        self.folder = folder
        self.rules = rules

    def result(self, diagnostic: Diagnostic) -> dict[str, Any]:
        """One result (3.27): the other places and the way there are its related locations, tried edits its fixes."""
        result: dict[str, Any] = {
            "ruleId": diagnostic.code,
            "ruleIndex": self.rules[type(diagnostic.problem)],
            "level": diagnostic.severity,
            "message": {"text": _message(diagnostic)},
            "locations": self._locations(diagnostic),
        }
        # places in their own right first, then the way there, innermost first
        related = [self._related(label) for label in (*diagnostic.secondary, *diagnostic.trail)]
        fixes = [self._fix(remedy) for remedy in diagnostic.helps if remedy.edits]
        return {**result, **({"relatedLocations": related} if related else {}), **({"fixes": fixes} if fixes else {})}

    def _locations(self, diagnostic: Diagnostic) -> list[dict[str, Any]]:
        """The place; a whole file where there is none inside it, and nothing for what is no file (`-D`)."""
        if diagnostic.span:
            return [{"physicalLocation": self._physical(diagnostic.span)}]
        if diagnostic.file.startswith("-"):
            return []
        return [{"physicalLocation": {"artifactLocation": self._artifact(diagnostic.file)}}]

    def _related(self, label: Label) -> dict[str, Any]:
        location: dict[str, Any] = {"physicalLocation": self._physical(label.span)}
        return {**location, "message": {"text": label.text}} if label.text else location

    def _physical(self, span: Span) -> dict[str, Any]:
        return {"artifactLocation": self._artifact(span.source.name), "region": _region(span)}

    def _artifact(self, name: str) -> dict[str, Any]:
        """A file by its URI (3.4): relative to the folder of the run if it lies in it."""
        path = PurePath(name)
        if name.startswith("zoo:"):
            return {"uri": "zoo:" + quote(name.removeprefix("zoo:"))}
        # outside the checkout no code host can show the file, but an editor on this machine can
        if path.is_absolute() and not path.is_relative_to(self.folder):
            return {"uri": "file://" + quote(name.replace("\\", "/"))}
        inside = path.relative_to(self.folder).as_posix() if path.is_absolute() else name.replace("\\", "/")
        return {"uri": quote(inside), "uriBaseId": ROOT_ID}

    def _fix(self, remedy: Help) -> dict[str, Any]:
        """A help as a fix (3.55), with the edits of each file together."""
        # a change in 3.56 is of one artifact, while a help may edit a file and one that it imports
        by_file: defaultdict[str, list[Edit]] = defaultdict(list)
        for edit in remedy.edits:
            by_file[edit.span.source.name].append(edit)
        changes = [
            {"artifactLocation": self._artifact(name), "replacements": [_replacement(edit) for edit in edits]}
            for name, edits in by_file.items()
        ]
        return {"description": {"text": remedy.message}, "artifactChanges": changes}


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}


def _region(span: Span) -> dict[str, int]:
    """3.30: lines and columns from 1, the end exclusive, as everywhere here."""
    end_line, end_column = span.end_position
    return {"startLine": span.line, "startColumn": span.column, "endLine": end_line, "endColumn": end_column}


def _message(diagnostic: Diagnostic) -> str:
    """The fact, what is at its place, the arithmetic and the ways out, a line each."""
    return "\n".join(message_lines(diagnostic))


def message_lines(diagnostic: Diagnostic) -> Sequence[str]:
    """All that a diagnostic says in words, for formats that show no source: message, label, notes, helps."""
    problem = diagnostic.problem
    helps = (f"help: {remedy.message}" for remedy in diagnostic.all_helps)
    first = f"{problem.message}: {problem.label}" if problem.label else problem.message
    return (first, *(line for note in problem.notes for line in note.split("\n")), *helps)
