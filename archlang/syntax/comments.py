"""Comments that mean something: `# allow: bias-before-norm, even-kernel: as in the paper` silences warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archlang.records import record
from archlang.source import Source, Span

ALLOW = re.compile(r"#+[ \t]*allow:[ \t]*")
TEXT_OR_COMMENT = re.compile(r'"[^"\\\n]*"|#[^\n]*')
CODE = re.compile(r"[A-Za-z][\w-]*(?<!-)")
SEPARATOR = re.compile(r"[ \t]*,[ \t]*")


@record
class AllowComment:
    """Codes that a comment allows, each with its place; `alone` on its line, or behind something."""

    codes: tuple[Span, ...]
    alone: bool


def allow_comments(source: Source) -> Iterator[AllowComment]:
    """The comments of a text that allow something. A reason may follow the codes, behind a colon, a dash or a blank."""
    for match in TEXT_OR_COMMENT.finditer(source.text):
        allow = ALLOW.match(match.group())
        if allow:
            line_start = source.text.rfind("\n", 0, match.start()) + 1
            alone = not source.text[line_start : match.start()].strip()
            yield AllowComment(tuple(_codes(source, match.start() + allow.end(), match.end())), alone)


def _codes(source: Source, start: int, end: int) -> Iterator[Span]:
    """Words separated by commas; all of the comment where it does not begin with one."""
    code = CODE.match(source.text, start, end)
    if code is None:
        yield source.span(start, end)
    while code:
        yield source.span(code.start(), code.end())
        comma = SEPARATOR.match(source.text, code.end(), end)
        code = comma and CODE.match(source.text, comma.end(), end)
