"""Examples of problems with imports."""

from __future__ import annotations

from archlang.errors.examples.example import Example
from archlang.errors.imports import CannotImport, ImportOutsideRoot

BLOCKS = {"blocks.arch": "block unit(c) = CONV(c, 3x3, padding=1) -> BN -> RELU\n"}

EXAMPLES = {
    "cannot-import": Example(
        'from "blocs.arch" import unit\nINPUT(3, 32, 32) -> unit(16) -> FC(10)',
        "Correct the path.",
        'from "blocks.arch" import unit\nINPUT(3, 32, 32) -> unit(16) -> FC(10)',
        files=BLOCKS,
        problem=CannotImport("blocs.arch", "cannot read the file: no such file or directory", "blocks.arch"),
        place='"blocs.arch"',
    ),
    "import-outside-root": Example(
        'from "../elsewhere/blocks.arch" import unit\nINPUT(3, 32, 32) -> unit(16) -> FC(10)',
        "Put the file into the project, or mark the folder that holds both as one, by a pyproject.toml.",
        'from "blocks.arch" import unit\nINPUT(3, 32, 32) -> unit(16) -> FC(10)',
        files=BLOCKS,
        problem=ImportOutsideRoot("../elsewhere/blocks.arch", "."),
        place='"../elsewhere/blocks.arch"',
    ),
    "import-cycle": Example(
        'from "other.arch" import unit\nblock stem(c) = unit(c)\nINPUT(3, 32, 32) -> stem(16) -> FC(10)',
        "Move what both need into a third file.",
        'from "blocks.arch" import unit\nblock stem(c) = unit(c)\nINPUT(3, 32, 32) -> stem(16) -> FC(10)',
        files={"other.arch": 'from "example.arch" import stem\nblock unit(c) = CONV(c, 3x3)\n', **BLOCKS},
    ),
    "nothing-to-import": Example(
        'from "blocks.arch" import unit, steam\nINPUT(3, 32, 32) -> unit(16) -> FC(10)',
        "Correct the name, or define it there.",
        'from "blocks.arch" import unit\nINPUT(3, 32, 32) -> unit(16) -> FC(10)',
        files=BLOCKS,
    ),
}
