"""Examples of problems with branches, labels and shared weights."""

from __future__ import annotations

from archlang.errors.examples.example import Example

EXAMPLES = {
    "no-branches": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3){ RELU, TANH } -> FC(10)",
        "Put the branches behind the join that is meant, or group stages in brackets.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> CONCAT{ RELU, TANH } -> FC(10)",
    ),
    "missing-branches": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3) -> CONCAT -> FC(10)",
        "Put the branches in braces behind it.",
        "INPUT(3, 32, 32) -> CONCAT{ _, CONV(16, 3x3, padding=1) } -> FC(10)",
    ),
    "wrong-holes": Example(
        "block residual{ body } = ADD{ body, _ } -> RELU\n"
        "model Net = INPUT(3, 32, 32) -> residual{ CONV(3, 3x3, padding=1), RELU } -> FC(10)",
        "Give one chain for each hole; stages of one chain have `->` between them.",
        "block residual{ body } = ADD{ body, _ } -> RELU\n"
        "model Net = INPUT(3, 32, 32) -> residual{ CONV(3, 3x3, padding=1) -> RELU } -> FC(10)",
    ),
    "join-mismatch": Example(
        "INPUT(64, 28, 28) -> ADD{ _, CONV(128, 3x3, padding=1) } -> FC(10)",
        "Bring the branches to one shape: by a 1x1 convolution on the shortcut, by equal strides, or by padding.",
        "INPUT(64, 28, 28) -> ADD{ CONV(128, 1x1), CONV(128, 3x3, padding=1) } -> FC(10)",
    ),
    "source-discards-input": Example(
        "INPUT(3, 32, 32) -> early: CONV -> RELU -> early -> FC(10)",
        "Begin a branch with the label.",
        "INPUT(3, 32, 32) -> early: CONV -> RELU -> CONCAT{ _, early } -> FC(10)",
    ),
    "label-not-here": Example(
        "INPUT(3, 32, 32) -> CONCAT{ late, _ } -> late: CONV -> FC(10)",
        "Use it behind its part, or hand it to the block as a branch.",
        "INPUT(3, 32, 32) -> late: CONV -> RELU -> CONCAT{ late, _ } -> FC(10)",
    ),
    "unknown-part": Example(
        "INPUT(3, 32, 32) -> features: [conv: CONV -> RELU] -> CONCAT{ features.covn, _ } -> FC(10)",
        "Correct the path; the message lists what is there.",
        "INPUT(3, 32, 32) -> features: [conv: CONV -> RELU] -> CONCAT{ features.conv, _ } -> FC(10)",
    ),
    "cannot-share": Example(
        "INPUT(3, 32, 32) -> first: CONV(8, 3x3, padding=1) -> SHARE(first) -> FC(10)",
        "Feed it as many channels as the first use, or use a layer of its own.",
        "INPUT(8, 32, 32) -> first: CONV(8, 3x3, padding=1) -> SHARE(first) -> FC(10)",
    ),
    "training-only": Example(
        "INPUT(3, 32, 32) -> CONV -> AUX{ help: [POOL -> FC(10)] } -> FC(10) -> ADD{ _, help }",
        "Let the chain run always, or use what stands in front of it.",
        "INPUT(3, 32, 32) -> CONV -> OUTPUT{ help: [POOL -> FC(10)] } -> FC(10) -> ADD{ _, help }",
    ),
    "not-at-top": Example(
        "block head = AUX{ FC(10) }\nmodel Net = INPUT(3, 32, 32) -> CONV -> head -> FC(10)",
        "Write it in the model's own chain; what it holds can be a block.",
        "block head = FC(10)\nmodel Net = INPUT(3, 32, 32) -> CONV -> AUX{ early: head } -> FC(10)",
    ),
    "no-switches": Example(
        "INPUT(3, 32, 32) -> pool: AVGPOOL(2) -> UNPOOL(pool) -> FC(10)",
        "Label a maximum pooling and undo that.",
        "INPUT(3, 32, 32) -> pool: MAXPOOL(2) -> UNPOOL(pool) -> FC(10)",
    ),
}
