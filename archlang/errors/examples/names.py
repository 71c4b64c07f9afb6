"""Examples of problems with names."""

from __future__ import annotations

from archlang.errors.examples.example import CHECK, Example

EXAMPLES = {
    "unknown-layer": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELUU -> FC(10)",
        "Correct the word, or define a block of that name.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)",
    ),
    "unknown-name": Example(
        "model Net(width = 32) = INPUT(3, 32, 32) -> CONV(widht, 3x3) -> FC(10)",
        "Correct the name, define it with `let`, or make it a parameter.",
        "model Net(width = 32) = INPUT(3, 32, 32) -> CONV(width, 3x3) -> FC(10)",
    ),
    "unknown-function": Example(
        "let widths = [16*2**i for i in rnage(4)]\nINPUT(3, 32, 32) -> CONV(widths[0], 3x3) -> FC(10)",
        "Correct the name, or write out what it was to work out.",
        "let widths = [16*2**i for i in range(4)]\nINPUT(3, 32, 32) -> CONV(widths[0], 3x3) -> FC(10)",
    ),
    "unknown-default": Example(
        "default stirde = 2\nINPUT(3, 32, 32) -> CONV -> FC(10)",
        "Correct the word, or remove the line.",
        "default stride = 2\nINPUT(3, 32, 32) -> CONV -> FC(10)",
    ),
    "unknown-argument": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3, strid=2) -> FC(10)",
        "Correct the name, or remove the argument.",
        'INPUT(3, 32, 32) -> CONV(16, 3x3, stride=2, round="floor") -> FC(10)',
    ),
    "unknown-attribute": Example(
        "model Net = INPUT(3, 32, 32) -> FC(10)\nassert Net.parametres == 30_730",
        "Correct the name; labels make parts of a model reachable.",
        "model Net = INPUT(3, 32, 32) -> FC(10)\nassert Net.parameters == 30_730",
    ),
    "unbound-parameters": Example(
        "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC",
        "Give them values: with `-D`, by a `let`, by defaults, or in a call.",
        command=CHECK,
        fixed_command=f"{CHECK} -D N=2 -D M=3 -D K=1",
    ),
    "duplicate-definition": Example(
        "model Net = INPUT(3, 32, 32) -> FC(10)\nmodel Net = INPUT(3, 32, 32) -> CONV -> FC(10)",
        "Rename one of them.",
        "model Net = INPUT(3, 32, 32) -> FC(10)\nmodel Deeper = INPUT(3, 32, 32) -> CONV -> FC(10)",
    ),
    "duplicate-label": Example(
        "INPUT(3, 32, 32) -> stem: CONV -> RELU -> stem: CONV -> FC(10)",
        "Choose another label.",
        "INPUT(3, 32, 32) -> stem: CONV -> RELU -> body: CONV -> FC(10)",
    ),
    "repeated-label": Example(
        "INPUT(3, 32, 32) -> [conv: CONV -> RELU]*3 -> FC(10)",
        "Give the label to the repeat, or put a counter into it.",
        "INPUT(3, 32, 32) -> conv: [CONV -> RELU]*3 -> FC(10)",
    ),
    "reserved-name": Example(
        "INPUT(3, 32, 32) -> forward: CONV -> FC(10)",
        "Choose another name.",
        "INPUT(3, 32, 32) -> first: CONV -> FC(10)",
    ),
    "no-model": Example(
        "block unit(c) = CONV(c, 3x3, padding=1) -> BN -> RELU",
        "Define a model that uses the blocks, or check a file that imports them.",
        "block unit(c) = CONV(c, 3x3, padding=1) -> BN -> RELU\nmodel Net = INPUT(3, 32, 32) -> unit(16) -> FC(10)",
    ),
}
