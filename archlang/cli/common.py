"""What the commands share: where they write to, and how they end.

With its neighbours the only place that prints or exits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from archlang.diagnostics import Diagnostic
from archlang.diagnostics.text import render as render_text
from archlang.diagnostics.text import summary_line
from archlang.errors.files import UsageProblem

# 2 is click's own status for wrong usage; CI can tell a wrong architecture (1) from a wrong command
ERRORS, USAGE, FAULT = 1, 2, 3
"""Exit status: the architecture has errors, wrong usage or unreadable file, a fault of archlang itself."""


DTYPES = ("float32", "float64", "float16", "bfloat16")
"""Types of numbers that memory figures are given for."""

LEAST_WIDTH = 20
"""Characters of a line that a report can be fitted to."""


def in_colour(stream: TextIO) -> bool:
    """Whether to write in colour: to a terminal, unless NO_COLOR is set; anywhere with FORCE_COLOR."""
    # https://no-color.org: any value but an empty one; FORCE_COLOR is for CI, which shows colours but is no terminal
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def terminal_width(stream: TextIO) -> int | None:
    """The width of a terminal; None for a file or pipe, which have none."""
    if not stream.isatty():
        return None
    from shutil import get_terminal_size

    # no table can be fitted to less; a terminal that is narrower breaks the lines itself
    return max(get_terminal_size().columns, LEAST_WIDTH)


def finish(diagnostics: Iterable[Diagnostic], outcome: str = "") -> None:
    """Print diagnostics to standard error; end with their exit status if there are errors."""
    diagnostics = list(diagnostics)
    if not diagnostics:
        return
    # the report first, also where both streams go to one file
    sys.stdout.flush()
    print(render_text(diagnostics, color=in_colour(sys.stderr)).rstrip("\n"), file=sys.stderr)
    print("\n" + summary_line(diagnostics, outcome), file=sys.stderr)
    if status := status_of(diagnostics):
        sys.exit(status)


def status_of(diagnostics: Iterable[Diagnostic]) -> int:
    """The exit status that diagnostics mean."""
    errors = [d for d in diagnostics if d.severity == "error"]
    return (USAGE if any(isinstance(d.problem, UsageProblem) for d in errors) else ERRORS) if errors else 0
