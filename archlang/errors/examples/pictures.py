"""Examples of pictures that cannot be drawn."""

from __future__ import annotations

from archlang.errors.examples.example import FILE, Example
from archlang.errors.pictures import NotOfVolumes, TooManyBoxes

EXAMPLES = {
    "too-many-boxes": Example(
        "INPUT(3, 32, 32) -> [CONV(3, 3x3, padding=1) -> RELU]*5000 -> FC(10)",
        "Leave the repeats folded, or expand a smaller part.",
        command=f"archc render {FILE} --expand all",
        fixed_command=f"archc render {FILE}",
        problem=TooManyBoxes(2000, asked=True),
        place="--expand",
    ),
    "not-of-volumes": Example(
        "INPUT(3, 32, 32) -> [CONV(16, 3x3, padding=1) -> RELU -> POOL(2)]*2 -> FC(10)",
        "Leave the option out: volumes always go from left to right.",
        command=f"archc render {FILE} --style volumes --direction TB",
        fixed_command=f"archc render {FILE} --style volumes",
        problem=NotOfVolumes("--direction"),
        place="--direction",
    ),
}
