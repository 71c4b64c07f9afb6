"""A figure as a LaTeX document of its own: paths and nodes of plain TikZ, and nothing that a small TeX lacks."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.backends.render_options import RenderOptions
from archlang.backends.themes import PALETTES, Palette
from archlang.backends.volumes.paint import faces
from archlang.backends.volumes.scene import Kernel, Line, Patch, Point, Scene, Text, Volume, slabs_of

# two hyphens in a row are a dash in TeX, unless each stands in braces
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "\N{MULTIPLICATION SIGN}": r"$\times$", "-": "{-}", "[": "{[}", "]": "{]}",
}  # fmt: skip
"""Characters that TeX reads as something else."""

# y=-1bp: in a scene y grows downwards; a bp is 1/72 inch, as the points of SVG and PDF are
HEAD = r"""% {name}, drawn by archlang. lualatex and xelatex take every script, pdflatex Latin ones.
\documentclass{{article}}
\usepackage[paperwidth={width}bp, paperheight={height}bp, margin=0pt]{{geometry}}
\usepackage[T1]{{fontenc}}
\usepackage{{textcomp, tikz}}
\IfFileExists{{lmodern.sty}}{{\usepackage{{lmodern}}}}{{}}
\pagestyle{{empty}}
\setlength{{\topskip}}{{0pt}}
{colours}
\begin{{document}}
\tikzset{{every node/.style={{inner sep=0, font=\sffamily}}}}
\noindent\begin{{tikzpicture}}[x=1bp, y=-1bp, line join=round, >=stealth]"""

TAIL = r"""\end{tikzpicture}
\end{document}
"""


def tikz_text(scene: Scene, options: RenderOptions) -> str:
    """The document, ending in a newline."""
    writer = _Writer(PALETTES[options.theme])
    body = list(writer.body(scene))
    colours = "\n".join(rf"\definecolor{{{name}}}{{HTML}}{{{code}}}" for code, name in writer.colours.items())
    name = "".join(letter if letter.isprintable() else "?" for letter in scene.title)
    return "\n".join(
        (HEAD.format(name=name, colours=colours, width=_n(scene.width), height=_n(scene.height + 1)), *body, TAIL)
    )


def plain(text: str) -> str:
    """Text that TeX sets as it stands."""
    return "".join(SPECIAL.get(letter, letter if letter.isprintable() else "?") for letter in text)


class _Writer:
    """Writes commands, and gathers the colours that they use."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self.colours: dict[str, str] = {}

    def body(self, scene: Scene) -> Iterator[str]:
        """All of a scene, in the order in which it covers itself."""
        yield rf"\useasboundingbox (0,0) rectangle ({_n(scene.width)},{_n(scene.height)});"
        yield rf"\fill[{self._colour(self.palette.page)}] (0,0) rectangle ({_n(scene.width)},{_n(scene.height)});"
        for volume in scene.volumes:
            yield from self._volume(volume)
        yield from (self._line(line) for line in scene.lines)
        for kernel in scene.kernels:
            yield from self._kernel(kernel)
        yield from (self._patch(patch) for patch in scene.patches)
        yield from (self._text(text) for text in scene.texts)

    def _colour(self, code: str) -> str:
        name = code.removeprefix("#").upper()
        return self.colours.setdefault(name, f"c{len(self.colours)}")

    def _volume(self, volume: Volume) -> Iterator[str]:
        paint = faces(volume.stage.family, self.palette)
        for slab in slabs_of(volume):
            for points, fill in zip(slab, (paint.lid, paint.side, paint.front), strict=True):
                style = f"fill={self._colour(fill)}, draw={self._colour(paint.line)}, line width=0.6pt"
                yield rf"\path[{style}] {_path(points)} -- cycle;"

    def _line(self, line: Line) -> str:
        colour = self.palette.edge if line.role == "flow" else self.palette.box("folded").line
        style = f"{'->, ' if line.arrow else ''}{'dashed, ' if line.dashed else ''}{self._colour(colour)}"
        return rf"\draw[{style}, line width={'0.7' if line.role == 'flow' else '1'}pt] {_path(line.points)};"

    def _kernel(self, kernel: Kernel) -> Iterator[str]:
        colour = self._colour(self.palette.text)
        for corner in kernel.corners:
            yield rf"\draw[{colour}, line width=0.3pt] {_path((corner, kernel.target))};"
        style = f"fill={self._colour(self.palette.page)}, fill opacity=0.6, draw={colour}, line width=0.6pt"
        yield rf"\path[{style}] {_path(kernel.corners)} -- cycle;"

    def _patch(self, patch: Patch) -> str:
        paint, x, y = self.palette.box(patch.family), patch.x, patch.y
        style = f"fill={self._colour(paint.fill)}, draw={self._colour(paint.line)}, line width=0.6pt"
        return rf"\path[{style}] ({_n(x)},{_n(y)}) rectangle ({_n(x + patch.size)},{_n(y + patch.size)});"

    def _text(self, text: Text) -> str:
        anchor = "base" if text.anchor == "middle" else "base west"
        size = rf"\fontsize{{{_n(text.size)}bp}}{{{_n(text.size + 2)}bp}}\selectfont"
        bold = r"\bfseries " if text.bold else ""
        place = f"({_n(text.x)},{_n(text.y)})"
        style = f"anchor={anchor}, text={self._colour(self.palette.text)}"
        return rf"\node[{style}] at {place} {{{size}{bold} {plain(text.text)}}};"


def _n(value: float) -> str:
    return f"{value:.1f}"


def _path(points: tuple[Point, ...]) -> str:
    return " -- ".join(f"({_n(x)},{_n(y)})" for x, y in points)
