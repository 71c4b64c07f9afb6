"""Comments that mean something: `# allow: bias-before-norm, even-kernel: as in the paper` silences warnings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice, takewhile

from archlang.records import record
from archlang.source import Source, Span

ALLOW = re.compile(r"#+[ \t]*allow:[ \t]*")
# texts are matched so that a `#` inside one begins no comment
TEXT_OR_COMMENT = re.compile(r'"[^"\\\n]*"|#[^\n]*')
# a hyphen at the end is a dash in front of the reason: `# allow: even-kernel- as in the paper`
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
            # rfind gives -1 on the first line, so its start is 0
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


def comment_above(source: Source, line: int) -> str:
    """The comment lines right above a line (from 1): what they say of it."""
    lines: list[str] = []
    while line > 1 and (text := source.line_text(line - 1).strip()).startswith("#"):
        lines.append(text)
        line -= 1
    return _said(reversed(lines))


def file_header(source: Source) -> str:
    """The comment at the top, if an empty line follows: what it says is of the whole file."""
    # a comment without an empty line below is about the definition that follows
    lines = list(takewhile(lambda text: text.startswith("#"), _lines(source)))
    return _said(lines) if next(islice(_lines(source), len(lines), None), None) == "" else ""


def _lines(source: Source) -> Iterator[str]:
    return (source.line_text(line).strip() for line in range(1, len(source.line_starts) + 1))


def _said(lines: Iterable[str]) -> str:
    # what silences a warning is no documentation
    return "\n".join(line.lstrip("#").strip() for line in lines if not ALLOW.match(line))
