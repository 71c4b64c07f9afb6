"""The members of a family, one line each."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

from archlang.errors.words import listing, plural, shape_text, value_text
from archlang.families import Family, Member
from archlang.ir.graph import Model
from archlang.ir.walk import fold_totals
from archlang.report.layout import aligned


def family_text(family: Family, members: Sequence[Member], form: str) -> str:
    """The report on chosen members: aligned text, or JSON."""
    if form in ("csv", "md"):
        return _table(family, members, form)
    if form == "json":
        found = [member_dict(member) for member in members]
        head = {"schema": 1, "model": family.definition.name, "count": family.count, "members": found}
        return json.dumps(head, indent=1) + "\n"
    # aligned among themselves: messages of errors would make the columns as wide as the longest
    legal = iter(aligned([_cells(member) for member in members if member.ok], "<<<><<"))
    lines = [next(legal) if member.ok else f"{_bindings(member)}  {_error(member)}" for member in members]
    shown = f"{len(members):,} of " if len(members) != family.count else ""
    lines.append(f"{shown}{plural(family.count, 'member')} of {family.definition.name}")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _table(family: Family, members: Sequence[Member], form: str) -> str:
    """A column for each parameter that ranges, then output, parameters, MACs, and the error if there is one."""
    columns = (*family.domains, "output", "parameters", "macs", "error")
    rows = [_table_row(family, member) for member in members]
    if form == "md":
        lines = [columns, ["---"] * len(columns), *rows]
        return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows([columns, *rows])
    return out.getvalue()


def _table_row(family: Family, member: Member) -> list[Any]:
    values = [value_text(member.bindings[name]) for name in family.domains]
    found = member_dict(member)
    output = shape_text(found["output"]) if member.ok else ""
    return [*values, output, *(found[key] if member.ok else "" for key in ("parameters", "macs")), found["error"] or ""]


def member_dict(member: Member) -> dict[str, Any]:
    """A member as data; the counts are null where it is no legal model."""
    totals = fold_totals(member.model)[-1] if member.model else None
    data: dict[str, Any] = {
        "bindings": dict(member.bindings),
        "ok": member.ok,
        "output": list(member.model.outputs[0].shape) if member.model else None,
        "parameters": totals.parameters if totals else None,
        "macs": totals.macs if totals else None,
        "error": None if member.ok else _error(member),
    }
    if member.model is None or not member.model.is_symbolic:
        return data
    from archlang.report.legal import symbolic_dict

    return symbolic_dict(member.model, data)


def _bindings(member: Member) -> str:
    return " ".join(f"{name}={value_text(value)}" for name, value in member.bindings.items())


def _cells(member: Member) -> tuple[str, ...]:
    assert member.model is not None
    totals = fold_totals(member.model)[-1]
    output = shape_text(member.model.outputs[0].shape)
    cells = (_bindings(member), "->", output, f"{totals.parameters:,} params", f"{totals.macs:,} MACs")
    return (*cells, _legal(member.model))


def _legal(model: Model) -> str:
    """The legal sizes of a member that leaves sizes free."""
    if not model.is_symbolic:
        return ""
    from archlang.report.legal import sizes_text

    return sizes_text(model)


def solutions_text(family: Family, members: Sequence[Member]) -> str:
    """All members that were tried, and which values are legal."""
    legal = [_bindings(member) for member in members if member.ok]
    found = listing(legal, "or") if legal else "none of them"
    # without the last line, which counts members
    return family_text(family, members, "text").rstrip("\n").rpartition("\n")[0] + f"\nlegal: {found}\n"


def _error(member: Member) -> str:
    """The first error, in one line with its place."""
    first = next((d for d in member.diagnostics if d.severity == "error"), None)
    if first is None:
        return "error"
    place = f"{first.span.line}:{first.span.column}: " if first.span else ""
    return f"{place}error[{first.code}]: {first.message}"
