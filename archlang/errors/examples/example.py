"""What an example of a problem is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from archlang.diagnostics import Problem
from archlang.records import record

# the one name in all examples, so that commands and messages of a page agree
FILE = "example.arch"
CHECK = f"archc check {FILE}"


@record
class Example:
    """A text, example.arch, in which `command` finds the problem; what to do about it, and the text behind that.

    `fixed` and `fixed_command` are empty where they stay as they were. `files` are further files, by name. What the
    check of the text alone does not find is given as `problem`, as the command reports it, about `place`: a file, or a
    part of the text.
    """

    text: str
    fix: str
    fixed: str = ""
    command: str = CHECK
    fixed_command: str = ""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    problem: Problem | None = None
    place: str = FILE
