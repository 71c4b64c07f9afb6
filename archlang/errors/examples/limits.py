"""Examples of texts that expand too far."""

from __future__ import annotations

from archlang.errors.examples.example import CHECK, Example
from archlang.errors.limits import FlatTooLarge, TooManyBodies

EXAMPLES = {
    "expansion-limit": Example(
        "INPUT(3, 32, 32) -> [[CONV(3, 3x3, padding=1) -> RELU]*1_000_000]*1_000 -> FC(10)",
        "Repeat less often.",
        "INPUT(3, 32, 32) -> [[CONV(3, 3x3, padding=1) -> RELU]*2]*3 -> FC(10)",
    ),
    "endless-recursion": Example(
        "block level(c) = CONV(c, 3x3, padding=1) -> level(c)\nmodel Net = INPUT(3, 32, 32) -> level(8) -> FC(10)",
        "Guard the inner call, and count down to it.",
        "block level(c, n) = CONV(c, 3x3, padding=1) -> level(c, n - 1)?(n > 1)\n"
        "model Net = INPUT(3, 32, 32) -> level(8, 3) -> FC(10)",
    ),
    "bad-repeat": Example(
        "INPUT(3, 32, 32) -> [CONV -> RELU]*1.5 -> FC(10)",
        "Give a whole number; `//` divides without a remainder.",
        "INPUT(3, 32, 32) -> [CONV -> RELU]*(3//2) -> FC(10)",
    ),
    "too-many-parts": Example(
        "INPUT(3, 32, 32) -> [[CONV(i*j + 1, 1x1) for i in range(1000)] for j in range(1000)] -> FC(10)",
        "Repeat parts that are alike, or fewer that are not.",
        "INPUT(3, 32, 32) -> [CONV(16*i, 1x1)*1000 for i in range(1, 10)] -> FC(10)",
        problem=TooManyBodies(50_000),
        place="[CONV(i*j + 1, 1x1) for i in range(1000)]",
    ),
    "flat-too-large": Example(
        "INPUT(3, 32, 32) -> [CONV(3, 3x3, padding=1) -> RELU]*1_000_000 -> FC(10)",
        "Take a form that folds repeats: the text report, or Markdown or CSV.",
        command=f"{CHECK} --format json",
        fixed_command=f"{CHECK} --format csv",
        problem=FlatTooLarge(2_000_001, 1_000_000),
    ),
}
