"""Diagnostics as HTML, for notebooks: the text of `text.py` in a `<pre>`, its colours as spans.

The text holds printable characters and its own colour escapes only, so that nothing of a source becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from archlang.diagnostics import Diagnostic
from archlang.diagnostics.text import STYLES, render

CSS = {
    "error": "color: #c62828; font-weight: bold",
    "warning": "color: #b26a00; font-weight: bold",
    "note": "color: #00838f",
    "help": "color: #2e7d32",
    "message": "font-weight: bold",
}
"""As a terminal shows them; dark enough on white and light enough on black."""

ESCAPE = re.compile(r"\x1b\[([\d;]*)m")
_NAMES = {code: name for name, code in STYLES.items()}


def render_html(diagnostics: Iterable[Diagnostic]) -> str:
    """The diagnostics as one preformatted text in colour; empty if there are none."""
    # escaped before colours become tags: escapes hold no character of HTML, so they come through unchanged
    text = render(diagnostics, color=True)
    return f'<pre style="white-space: pre; overflow-x: auto">{ESCAPE.sub(_tag, escape(text))}</pre>' if text else ""


def _tag(match: re.Match[str]) -> str:
    """A span for a style's escape, its end for the one that ends all."""
    name = _NAMES.get(match[1])
    return f'<span style="{CSS[name]}">' if name else "</span>"
