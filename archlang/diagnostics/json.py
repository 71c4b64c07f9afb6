"""Diagnostics for programs: the shape that `archc check --format json` promises. Writes no text itself."""

from __future__ import annotations

from typing import Any

from archlang.diagnostics import Diagnostic, Edit, Help, Label
from archlang.source import Span


def to_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    """One diagnostic; lines and columns count from 1, ends are exclusive, and all four are None without a place.

    `labels` are the other places and `trail` the expansions that led there, innermost first. `safe` helps are
    those that `archc check --fix` applies.
    """
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": diagnostic.file,
        **_place(diagnostic.span),
        "label": diagnostic.problem.label,
        "notes": list(diagnostic.problem.notes),
        # advice in words is a help without edits: readers have one list to go through
        "helps": [_help(remedy, diagnostic.file) for remedy in diagnostic.all_helps],
        "labels": [_label(label) for label in diagnostic.secondary],
        "trail": [_label(label) for label in diagnostic.trail],
    }


def _place(span: Span | None) -> dict[str, int | None]:
    line, column = (span.line, span.column) if span else (None, None)
    end_line, end_column = span.end_position if span else (None, None)
    return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}


def _label(label: Label) -> dict[str, Any]:
    return {"message": label.text, "file": label.span.source.name, **_place(label.span)}


def _help(remedy: Help, file: str) -> dict[str, Any]:
    edits = [_edit(edit, file) for edit in remedy.edits]
    return {"message": remedy.message, "edits": edits, **({"safe": True} if remedy.safe else {})}


def _edit(edit: Edit, file: str) -> dict[str, Any]:
    """An edit; it names its file only where that is not the diagnostic's."""
    name = edit.span.source.name
    return {**({} if name == file else {"file": name}), **_place(edit.span), "text": edit.text}
