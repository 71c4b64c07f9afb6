"""Examples of problems in expressions."""

from __future__ import annotations

from archlang.errors.examples.example import Example

EXAMPLES = {
    "bad-operand": Example(
        "let widths = [16, 32] + 64\nINPUT(3, 32, 32) -> [CONV(w, 3x3) for w in widths] -> FC(10)",
        "Bring both sides to one kind.",
        "let widths = [16, 32] + [64]\nINPUT(3, 32, 32) -> [CONV(w, 3x3) for w in widths] -> FC(10)",
    ),
    "division-by-zero": Example(
        "model Net(groups = 0) = INPUT(3, 32, 32) -> CONV(32//groups, 3x3) -> FC(10)",
        "Give another value, or guard it: `32//groups if groups > 0 else 32`.",
        "model Net(groups = 4) = INPUT(3, 32, 32) -> CONV(32//groups, 3x3) -> FC(10)",
    ),
    "value-too-large": Example(
        "let width = 10**18\nINPUT(3, 32, 32) -> CONV(width, 3x3) -> FC(10)",
        "Look for the slip; no layer is that large.",
        "let width = 10**2\nINPUT(3, 32, 32) -> CONV(width, 3x3) -> FC(10)",
    ),
    "index-out-of-range": Example(
        "let widths = [16, 32]\nINPUT(3, 32, 32) -> [CONV(widths[i], 3x3) for i in range(3)] -> FC(10)",
        "Go through the list itself, or up to its length.",
        "let widths = [16, 32]\nINPUT(3, 32, 32) -> [CONV(w, 3x3) for w in widths] -> FC(10)",
    ),
    "unpack-mismatch": Example(
        "INPUT(3, 32, 32) -> [CONV(c, k) for (c, k) in [(16, 3), (32, 3, 1)]] -> FC(10)",
        "Give each item as many values as there are names.",
        "INPUT(3, 32, 32) -> [CONV(c, k) for (c, k) in [(16, 3), (32, 3)]] -> FC(10)",
    ),
    "bad-label": Example(
        'INPUT(3, 32, 32) -> ["conv{i / 2}": CONV for i in range(2)] -> FC(10)',
        "Let the braces hold whole numbers or words.",
        'INPUT(3, 32, 32) -> ["conv{i}": CONV for i in range(2)] -> FC(10)',
    ),
    "assertion-failed": Example(
        "model Net = INPUT(1, 28, 28) -> FC(10)\nassert Net.parameters == 7_840",
        "Correct what is wrong: the model, or what is said of it.",
        "model Net = INPUT(1, 28, 28) -> FC(10)\nassert Net.parameters == 7_850",
    ),
}
