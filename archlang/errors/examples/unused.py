"""Examples of names that nothing uses, and of comments that silence warnings."""

from __future__ import annotations

from archlang.errors.examples.example import Example

UNIT = "block unit(c) = CONV(c, 3x3, padding=1) -> RELU\n"

EXAMPLES = {
    "unused-block": Example(
        f"{UNIT}model Net = INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)",
        "Use it, or leave it out. Where other files import it, say so: `# allow: unused-block: imported elsewhere`.",
        f"{UNIT}model Net = INPUT(3, 32, 32) -> unit(16) -> FC(10)",
    ),
    "unused-parameter": Example(
        "model Net(classes = 10) = INPUT(784) -> FC(10)",
        "Use it, or leave it out.",
        "model Net(classes = 10) = INPUT(784) -> FC(classes)",
    ),
    "unused-label": Example(
        "INPUT(16, 32, 32) -> skip: _ -> CONV(16, 3x3, padding=1) -> RELU -> FC(10)",
        "Read it where it is needed, or leave it out.",
        "INPUT(16, 32, 32) -> skip: _ -> CONV(16, 3x3, padding=1) -> RELU -> ADD{ skip, _ } -> FC(10)",
    ),
    "unused-let": Example(
        "let width = 32\nmodel Net = INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)",
        "Use it, or leave it out.",
        "let width = 32\nmodel Net = INPUT(3, 32, 32) -> CONV(width, 3x3) -> RELU -> FC(10)",
    ),
    "unused-import": Example(
        'from "blocks.arch" import unit\nmodel Net = INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)',
        "Use it, or do not import it.",
        'from "blocks.arch" import unit\nmodel Net = INPUT(3, 32, 32) -> unit(16) -> FC(10)',
        files={"blocks.arch": UNIT},
    ),
    "unused-allow": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)  # allow: even-kernel",
        "Leave the comment out, or put it where the warning is.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)",
    ),
    "unknown-lint": Example(
        "INPUT(784) -> FC(128) -> RELU -> FC(10)  # allow: missing-activations",
        "Correct the word, or leave the comment out where there is nothing to allow; `archc explain` lists all.",
        "INPUT(784) -> FC(128) -> RELU -> FC(10)",
    ),
}
