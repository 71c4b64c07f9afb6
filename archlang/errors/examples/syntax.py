"""Examples of texts that cannot be read."""

from __future__ import annotations

from archlang.errors.examples.example import Example
from archlang.errors.syntax import TextTooLong

EXAMPLES = {
    "empty-file": Example(
        "# nothing but a comment",
        "Write a chain; it is a whole file.",
        "INPUT(3, 32, 32) -> CONV -> RELU -> FC(10)",
    ),
    "unexpected-text": Example(
        "INPUT(3, 32, 32) -> CONV(16 3x3) -> FC(10)",
        "Look for what is missing at this place, or just before it.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> FC(10)",
    ),
    "missing-arrow": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3) RELU -> FC(10)",
        "Put an arrow between them.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)",
    ),
    "spaced-size": Example(
        "INPUT(1, 28, 28) -> CONV(6, 5 x 5) -> RELU -> FC(10)",
        "Write it without blanks.",
        "INPUT(1, 28, 28) -> CONV(6, 5x5) -> RELU -> FC(10)",
    ),
    "unclosed-bracket": Example(
        "INPUT(3, 32, 32) -> [CONV -> RELU -> FC(10)",
        "Close it where the part ends.",
        "INPUT(3, 32, 32) -> [CONV -> RELU]*2 -> FC(10)",
    ),
    "unmatched-bracket": Example(
        "INPUT(3, 32, 32) -> [CONV -> RELU)*2 -> FC(10)",
        "Close each bracket with its own kind, or remove the one too many.",
        "INPUT(3, 32, 32) -> [CONV -> RELU]*2 -> FC(10)",
    ),
    "text-too-long": Example(
        "INPUT(3, 32, 32) -> CONV(3, 3x3, padding=1) -> RELU -> CONV(3, 3x3, padding=1) -> RELU -> ... -> FC(10)",
        "Write repeated parts once.",
        "INPUT(3, 32, 32) -> [CONV(3, 3x3, padding=1) -> RELU]*10_000 -> FC(10)",
        problem=TextTooLong(100_000),
    ),
    "nesting-too-deep": Example(
        f"let size = {'(' * 101}32{')' * 101}\nINPUT(3, size, size) -> FC(10)",
        "Give the inner part a name.",
        "let inner = 32\nlet size = (inner)\nINPUT(3, size, size) -> FC(10)",
    ),
}
