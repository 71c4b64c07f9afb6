"""`archc check --format sarif|github`: diagnostics for code hosts, on standard output, in place of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archlang import __version__
from archlang.cli.common import status_of
from archlang.diagnostics import Diagnostic, Problem

FORMATS = ("sarif", "github")


def annotate(form: str, diagnostics: Sequence[Diagnostic]) -> str:
    """The diagnostics in one of the formats, ending in a newline unless empty."""
    if form == "github":
        from archlang.diagnostics.github import to_commands

        return to_commands(diagnostics)
    import json

    from archlang.diagnostics.sarif import to_sarif

    # the status stands in the log as well: SARIF's readers do not see how the process ended
    log = to_sarif(diagnostics, __version__, str(Path.cwd()), _describe, status_of(diagnostics))
    return json.dumps(log, indent=1) + "\n"


def _describe(problem: type[Problem]) -> tuple[str, str]:
    """What `archc explain` says of a kind of problem; those of layers from elsewhere have no page."""
    from archlang.errors.catalog import catalog, meaning
    from archlang.explain import page

    about = meaning(problem)
    return about, page(problem.code) if catalog().get(problem.code) is problem else about
