"""Models as papers draw them: feature maps as boxes in perspective, with kernels and arrows between.

`stages.py` says which maps are shown, read from the picture as data (`backends/diagram.py`); `layout.py` puts them in
places (`scene.py`); `svg.py` and `tikz.py` write what stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archlang.backends.render_options import DEFAULT_FACTS, RenderOptions
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.pictures import NotOfVolumes
from archlang.ir.graph import Model

if TYPE_CHECKING:
    from archlang.backends.volumes.scene import Scene


def make_scene(model: Model, options: RenderOptions | None = None) -> Scene:
    """The figure of a model, with its places. Raises `Diagnosed` for a path that is none, and for too many volumes."""
    # loaded when a figure is drawn: pictures of boxes need none of it
    from archlang.backends.volumes.layout import lay_out
    from archlang.backends.volumes.stages import find_strip

    options = options or RenderOptions()
    _refuse(options)
    return lay_out(find_strip(model, options), options)


def _refuse(options: RenderOptions) -> None:
    """Raise for an option that has no effect here."""
    given = {
        "--direction": options.direction is not None,
        "--show": options.show != DEFAULT_FACTS,
        "--merge": options.merge,
        "--columns": options.columns is not None,
    }
    for option, refused in given.items():
        if refused:
            raise Diagnosed(Diagnostic(NotOfVolumes(option), None, option))


def write_svg(model: Model, options: RenderOptions | None = None) -> str:
    """The figure as SVG: one element, ending in a newline."""
    from archlang.backends.volumes.svg import svg_text

    return svg_text(make_scene(model, options), options or RenderOptions())


def write_tikz(model: Model, options: RenderOptions | None = None) -> str:
    """The figure as a LaTeX document of its own, in plain TikZ."""
    from archlang.backends.volumes.tikz import tikz_text

    return tikz_text(make_scene(model, options), options or RenderOptions())
