"""Colours of pictures: a palette for each theme, by the families of layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archlang.records import record

FAMILY_NAMES = {
    "conv": "convolution",
    "linear": "fully connected",
    "pool": "pooling",
    "norm": "normalisation",
    "activation": "activation",
    "regularisation": "regularisation",
    "shape": "shape",
    "join": "join",
    "attention": "attention",
    "embedding": "embedding",
    "source": "tensor of its own",
    "other": "other",
}
"""The families that a legend explains, in its order."""


@record
class Paint:
    """Colours of one family of boxes: inside and border."""

    fill: str
    line: str


@record
class FramePaint:
    """Colours of a frame, of the heading on it and of the heading's text."""

    fill: str
    line: str
    heading: str
    text: str


@record
class Palette:
    """Colours as `#rrggbb`, by the families of `Op.family`. Text has a contrast above 7 on every fill."""

    families: Mapping[str, Paint]
    page: str
    text: str
    edge: str
    scope: FramePaint
    copies: FramePaint
    error: Paint

    def box(self, family: str) -> Paint:
        """Colours of a family; those of `other` for one that has none."""
        return self.error if family == "error" else self.families.get(family, self.families["other"])


LIGHT = Palette(
    {
        "conv": Paint("#dbe9f8", "#3b73af"),
        "linear": Paint("#ddf1dc", "#3a8a45"),
        "pool": Paint("#fbe3d3", "#c0622d"),
        "norm": Paint("#ece3f5", "#7c5aa6"),
        "activation": Paint("#fdf5cf", "#a88a12"),
        "regularisation": Paint("#efefef", "#8a8a8a"),
        "shape": Paint("#d9f1f1", "#2e8b8b"),
        "join": Paint("#fbdfe6", "#b5395e"),
        "attention": Paint("#e2e6fb", "#4a55b5"),
        "embedding": Paint("#e6f0d6", "#66852c"),
        "source": Paint("#fdeccb", "#a8741a"),
        "other": Paint("#f6e1ea", "#a84a74"),
        "input": Paint("#ffffff", "#333333"),
        "output": Paint("#ffffff", "#333333"),
        "folded": Paint("#e9ecf2", "#4b5563"),
    },
    page="#ffffff",
    text="#1f2430",
    edge="#5b6270",
    scope=FramePaint("#f8f9fb", "#b4bac6", "#dfe3ea", "#1f2430"),
    copies=FramePaint("#eef1f6", "#5b6270", "#5b6270", "#ffffff"),
    error=Paint("#fbd0d0", "#b3121d"),
)

DARK = Palette(
    {
        "conv": Paint("#1d3a5c", "#6fa8e0"),
        "linear": Paint("#1f4527", "#72c47e"),
        "pool": Paint("#5a2f15", "#e89a6b"),
        "norm": Paint("#3d2b54", "#b596d9"),
        "activation": Paint("#4a3f0c", "#dcc04a"),
        "regularisation": Paint("#3a3a3a", "#a0a0a0"),
        "shape": Paint("#154444", "#64c2c2"),
        "join": Paint("#55202f", "#e8829f"),
        "attention": Paint("#2a2f66", "#959de8"),
        "embedding": Paint("#35441a", "#a9c86e"),
        "source": Paint("#503a10", "#dcaa52"),
        "other": Paint("#4f2438", "#dc8cb0"),
        "input": Paint("#16181d", "#d7dae0"),
        "output": Paint("#16181d", "#d7dae0"),
        "folded": Paint("#2f3540", "#9aa3b2"),
    },
    page="#16181d",
    text="#f0f2f5",
    edge="#b0b7c3",
    scope=FramePaint("#1e2128", "#565e6c", "#3a404c", "#f0f2f5"),
    copies=FramePaint("#262a33", "#9aa3b2", "#9aa3b2", "#16181d"),
    error=Paint("#6b1420", "#ff7b86"),
)

PRINT = Palette(
    {family: Paint(fill, "#000000") for family, fill in {
        "conv": "#d4d4d4", "linear": "#d4d4d4", "pool": "#ffffff", "norm": "#f2f2f2", "activation": "#f2f2f2",
        "regularisation": "#ffffff", "shape": "#ffffff", "join": "#ffffff", "attention": "#d4d4d4",
        "embedding": "#d4d4d4", "source": "#ffffff", "other": "#e4e4e4", "input": "#ffffff", "output": "#ffffff",
        "folded": "#e4e4e4",
    }.items()},
    page="#ffffff",
    text="#000000",
    edge="#000000",
    scope=FramePaint("#ffffff", "#000000", "#e8e8e8", "#000000"),
    copies=FramePaint("#ffffff", "#000000", "#404040", "#ffffff"),
    error=Paint("#ffffff", "#000000"),
)  # fmt: skip
"""Black on white, as a journal prints it: what has weights is grey."""

# greys and whites stay as in LIGHT: they rest on no hue
COLORBLIND = replace(
    LIGHT,
    families={
        **LIGHT.families,
        "conv": Paint("#cfe6f5", "#0072b2"),
        "linear": Paint("#cdeee3", "#009e73"),
        "pool": Paint("#f9d9c3", "#d55e00"),
        "norm": Paint("#f8e3ee", "#e29cc2"),
        "activation": Paint("#fbf7c4", "#d6c300"),
        "shape": Paint("#ffffff", "#777777"),
        "join": Paint("#ffffff", "#000000"),
        "attention": Paint("#dff1fc", "#56b4e9"),
        "embedding": Paint("#fbe6bf", "#e69f00"),
        "source": Paint("#fbe6bf", "#e69f00"),
        "other": Paint("#f3f3f3", "#000000"),
    },
)
"""After Okabe and Ito (Color Universal Design, 2008): they stay apart in the common kinds of colour blindness."""

PALETTES = {"light": LIGHT, "dark": DARK, "print": PRINT, "colorblind": COLORBLIND}
"""By the names of `render_options.THEMES`."""
