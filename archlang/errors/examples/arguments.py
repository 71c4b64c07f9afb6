"""Examples of problems with arguments."""

from __future__ import annotations

from archlang.errors.examples.example import Example

EXAMPLES = {
    "missing-argument": Example(
        "INPUT(3, 32, 32) -> CONV(16) -> FC(10)",
        "Give the argument, or leave the parentheses out to take the defaults.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> FC(10)",
    ),
    "too-many-arguments": Example(
        "INPUT(3, 32, 32) -> FC(10, true, 5)",
        "Remove what does not belong there, or give it the name of its argument.",
        "INPUT(3, 32, 32) -> FC(10, bias=true)",
    ),
    "duplicate-argument": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3, stride=1, S=2) -> FC(10)",
        "Keep one of them.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3, stride=1) -> FC(10)",
    ),
    "positional-after-keyword": Example(
        "INPUT(3, 32, 32) -> CONV(out_channels=16, 3x3) -> FC(10)",
        "Put it in front of those with names, or give it its name, too.",
        "INPUT(3, 32, 32) -> CONV(out_channels=16, kernel_size=3x3) -> FC(10)",
    ),
    "wrong-type": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3, bias=0) -> FC(10)",
        "Write a value of the kind that the message asks for.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3, bias=false) -> FC(10)",
    ),
    "out-of-range": Example(
        "INPUT(3, 32, 32) -> DROPOUT(50) -> FC(10)",
        "Choose a value within the bounds that the message tells.",
        "INPUT(3, 32, 32) -> DROPOUT(0.5) -> FC(10)",
    ),
    "inferred-argument": Example(
        "INPUT(3, 32, 32) -> Conv2d(3, 16, 3) -> RELU -> FC(10)",
        "Leave the number out; give a later argument by its name.",
        "INPUT(3, 32, 32) -> Conv2d(16, 3) -> RELU -> FC(10)",
    ),
    "groups-indivisible": Example(
        "INPUT(96, 27, 27) -> CONV(256, 5x5, padding=2, groups=5) -> FC(10)",
        "Choose a number of groups that divides both, or other channels.",
        "INPUT(96, 27, 27) -> CONV(256, 5x5, padding=2, groups=4) -> FC(10)",
    ),
    "exclusive-arguments": Example(
        "INPUT(3, 32, 32) -> AVGPOOL(2, to=1) -> FC(10)",
        "Keep the one that is meant: `to` says the size of the output, the others the window.",
        "INPUT(3, 32, 32) -> AVGPOOL(to=1) -> FC(10)",
    ),
    "argument-conflict": Example(
        'INPUT(3, 32, 32) -> CONV(16, 3x3, stride=2, padding="same") -> FC(10)',
        "Change the argument that the message names, or the one that rules it out.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3, stride=2, padding=1) -> FC(10)",
    ),
}
