"""Examples of problems with shapes."""

from __future__ import annotations

from archlang.errors.examples.example import CHECK, Example

EXAMPLES = {
    "kernel-too-large": Example(
        "INPUT(1, 28, 28) -> [CONV(8, 5x5) -> RELU -> MAXPOOL(2)]*3 -> FC(10)",
        "Pad the input, take a smaller window, or pool less before it.",
        "INPUT(1, 28, 28) -> [CONV(8, 5x5) -> RELU -> MAXPOOL(2)]*2 -> FC(10)",
    ),
    "stride-drops-input": Example(
        "INPUT(3, 7, 7) -> CONV(8, 3x3, stride=3) -> FC(10)",
        "Pad the input, choose another stride or window, or say on the line that the rest may be dropped.",
        "INPUT(3, 7, 7) -> CONV(8, 3x3, stride=3, padding=1) -> FC(10)",
    ),
    "not-whole": Example(
        "INPUT(3, 224, 224) -> CONV(64, 7x7, stride=2, padding=3) -> FC(10)",
        "Choose sizes that divide, say on the line how it is rounded, or check without `--strict`.",
        'INPUT(3, 224, 224) -> CONV(64, 7x7, stride=2, padding=3, round="floor") -> FC(10)',
        command=f"{CHECK} --strict",
    ),
    "padding-too-large": Example(
        "INPUT(3, 32, 32) -> MAXPOOL(2, padding=2) -> FC(10)",
        "Pad less, or take a larger window; zeros can be put around the map before, by `PAD`.",
        "INPUT(3, 32, 32) -> MAXPOOL(2, padding=1) -> FC(10)",
    ),
    "cannot-reshape": Example(
        "INPUT(32, 5, 5) -> RESHAPE((16, -1)) -> RESHAPE((400,)) -> FC(10)",
        "Make the product of the sizes that of the input's, or write -1 for the one that follows.",
        "INPUT(32, 5, 5) -> RESHAPE((16, -1)) -> RESHAPE((800,)) -> FC(10)",
    ),
    "wrong-rank": Example(
        "INPUT(3, 32, 32) -> FC(64) -> CONV(32, 3x3)",
        "Put the layer in front of the flattening, make a map again by `RESHAPE`, or take the word for this input.",
        "INPUT(3, 32, 32) -> CONV(32, 3x3) -> FC(64)",
    ),
    "no-input": Example(
        "CONV(16, 3x3) -> RELU -> FC(10)",
        "Begin the model with its input.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)",
    ),
    "input-not-first": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> INPUT(1, 30, 30) -> FC(10)",
        "Begin a branch of a join with a second input.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> CONCAT{ _, depth: INPUT(1, 30, 30) } -> FC(10)",
    ),
    "input-mismatch": Example(
        "model Head = INPUT(64, 8, 8) -> FC(10)\nmodel Net = INPUT(3, 32, 32) -> CONV(64, 3x3) -> Head",
        "Feed it the shape that it states, or make it a block, which has no input of its own.",
        "block head = FC(10)\nmodel Net = INPUT(3, 32, 32) -> CONV(64, 3x3) -> head",
    ),
    "stated-shape": Example(
        "INPUT(3, 227, 227) -> CONV(96, 11x11, stride=4) :: (96, 54, 54) -> FC(10)",
        "Correct the statement, or the layers before it.",
        "INPUT(3, 227, 227) -> CONV(96, 11x11, stride=4) :: (96, 55, 55) -> FC(10)",
    ),
}
