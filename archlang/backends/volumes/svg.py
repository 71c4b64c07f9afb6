"""A figure as SVG: one element with a view box, a title and a description, in the colours of the theme."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from archlang.backends.pictures import FONTS
from archlang.backends.render_options import RenderOptions
from archlang.backends.themes import PALETTES, Palette
from archlang.backends.volumes.paint import faces
from archlang.backends.volumes.scene import Kernel, Line, Patch, Point, Scene, Text, Volume, slabs_of


def svg_text(scene: Scene, options: RenderOptions) -> str:
    """The whole element, ending in a newline."""
    palette = PALETTES[options.theme]
    width, height = number(scene.width), number(scene.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="{FONTS}">',
        f"<title>{plain(scene.title)}</title>",
        f"<desc>{plain(scene.about)}</desc>",
        "<defs>",
        *(_marker(role, palette) for role in ("flow", "skip")),
        "</defs>",
        f'<rect width="{width}" height="{height}" fill="{palette.page}"/>',
        *(line for volume in scene.volumes for line in _volume(volume, palette)),
        *(_line(line, palette) for line in scene.lines),
        *(line for kernel in scene.kernels for line in _kernel(kernel, palette)),
        *(_patch(patch, palette) for patch in scene.patches),
        *(_text(text, palette) for text in scene.texts),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """At most one digit behind the point, none where it is zero."""
    return (
        # -0.04 would be -0: another text for the same place
        f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")
    )


def plain(text: str) -> str:
    """Text with what XML has of its own escaped, and without what XML cannot hold."""
    return escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


def _marker(role: str, palette: Palette) -> str:
    paint = _stroke(role, palette)
    return (
        f'<marker id="{role}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0.8 7.5 4 0 7.2z" fill="{paint}"/></marker>'
    )


def _stroke(role: str, palette: Palette) -> str:
    return palette.edge if role == "flow" else palette.box("folded").line


def _points(points: tuple[Point, ...]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def _volume(volume: Volume, palette: Palette) -> Iterator[str]:
    paint = faces(volume.stage.family, palette)
    yield f'<g stroke="{paint.line}" stroke-width="0.8" stroke-linejoin="round">'
    # from left to right: each slab covers the side of the one before
    for slab in slabs_of(volume):
        for points, fill in zip(slab, (paint.lid, paint.side, paint.front), strict=True):
            yield f'<polygon points="{_points(points)}" fill="{fill}"/>'
    yield "</g>"


def _line(line: Line, palette: Palette) -> str:
    marker = f' marker-end="url(#{line.role})"' if line.arrow else ""
    dashed = ' stroke-dasharray="3 2"' if line.dashed else ""
    width = "1" if line.role == "flow" else "1.4"
    paint = _stroke(line.role, palette)
    points = _points(line.points)
    return f'<polyline points="{points}" fill="none" stroke="{paint}" stroke-width="{width}"{dashed}{marker}/>'


def _kernel(kernel: Kernel, palette: Palette) -> Iterator[str]:
    line = palette.text
    for corner in kernel.corners:
        yield f'<polyline points="{_points((corner, kernel.target))}" fill="none" stroke="{line}" stroke-width="0.5"/>'
    yield (
        f'<polygon points="{_points(kernel.corners)}" fill="{palette.page}" fill-opacity="0.6" stroke="{line}" '
        'stroke-width="0.8"/>'
    )


def _patch(patch: Patch, palette: Palette) -> str:
    paint = palette.box(patch.family)
    size = number(patch.size)
    return (
        f'<rect x="{number(patch.x)}" y="{number(patch.y)}" width="{size}" height="{size}" fill="{paint.fill}" '
        f'stroke="{paint.line}" stroke-width="0.8"/>'
    )


def _text(text: Text, palette: Palette) -> str:
    bold = ' font-weight="bold"' if text.bold else ""
    muted = ' opacity="0.8"' if text.muted else ""
    return (
        f'<text x="{number(text.x)}" y="{number(text.y)}" font-size="{number(text.size)}" text-anchor="{text.anchor}" '
        f'fill="{palette.text}"{bold}{muted}>{plain(text.text)}</text>'
    )
