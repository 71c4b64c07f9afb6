"""Examples of warnings about networks."""

from __future__ import annotations

from archlang.errors.examples.example import CHECK, Example
from archlang.errors.lints import BrokenPlugin

EXAMPLES = {
    "channels-last": Example(
        "INPUT(32, 32, 3) -> CONV(16, 3x3, padding=1) -> RELU -> FC(10)",
        "Write the channels first, and permute the pictures when they are loaded: x.permute(0, 3, 1, 2).",
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> RELU -> FC(10)",
    ),
    "batch-in-input": Example(
        "INPUT(1, 3, 32, 32) -> CONV(16, 3, padding=1) -> RELU -> FC(10)",
        "Leave the batch out: modules take batches of any size.",
        "INPUT(3, 32, 32) -> CONV(16, 3, padding=1) -> RELU -> FC(10)",
    ),
    "even-kernel": Example(
        "INPUT(3, 32, 32) -> CONV(16, 4x4, padding=2) -> RELU -> FC(10)",
        "Take an odd window with a padding of (F - 1)/2.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> RELU -> FC(10)",
    ),
    "large-pooling": Example(
        "INPUT(3, 64, 64) -> CONV(16, 3x3, padding=1) -> RELU -> MAXPOOL(8) -> FC(10)",
        "Pool in smaller steps, with convolutions between them.",
        "INPUT(3, 64, 64) -> [CONV(16, 3x3, padding=1) -> RELU -> MAXPOOL(2)]*3 -> FC(10)",
    ),
    "large-kernel": Example(
        "INPUT(3, 32, 32) -> CONV(32, 3x3, padding=1) -> RELU -> CONV(32, 7x7, padding=3) -> RELU -> FC(10)",
        "Take three layers of 3x3 in its place.",
        "INPUT(3, 32, 32) -> CONV(32, 3x3, padding=1) -> RELU -> [CONV(32, 3x3, padding=1) -> RELU]*3 -> FC(10)",
    ),
    "wasted-padding": Example(
        "INPUT(3, 32, 32) -> CONV(16, 1x1, padding=1) -> RELU -> FC(10)",
        "Pad by (F - 1)/2: a window of 1 needs none.",
        "INPUT(3, 32, 32) -> CONV(16, 1x1) -> RELU -> FC(10)",
    ),
    "indivisible-input": Example(
        "INPUT(3, 50, 50) -> [CONV(32, 3x3, stride=2, padding=1) -> RELU]*3 -> FC(10)",
        "Take an input that can be halved as often as the network does, or halve less often.",
        "INPUT(3, 48, 48) -> [CONV(32, 3x3, stride=2, padding=1) -> RELU]*3 -> FC(10)",
    ),
    "small-receptive-field": Example(
        "INPUT(3, 64, 64) -> [CONV(32, 3x3, padding=1) -> RELU]*3 -> AVGPOOL(to=1) -> FC(10)",
        "Pool between the convolutions, or take more of them.",
        "INPUT(3, 64, 64) -> [CONV(32, 3x3, padding=1) -> RELU -> MAXPOOL(2)]*4 -> AVGPOOL(to=1) -> FC(10)",
    ),
    "first-fc-heavy": Example(
        "INPUT(3, 64, 64) -> [CONV(64, 3x3, padding=1) -> RELU -> MAXPOOL(2)]*3 -> FC(512) -> RELU -> FC(10)",
        "Take the mean of each map before it.",
        "INPUT(3, 64, 64) -> [CONV(64, 3x3, padding=1) -> RELU -> MAXPOOL(2)]*3 -> AVGPOOL(to=1) -> FC(512) -> RELU -> "
        "FC(10)",
    ),
    "missing-activation": Example(
        "INPUT(784) -> FC(128) -> FC(10)",
        "Put a non-linearity between them, or leave one out.",
        "INPUT(784) -> FC(128) -> RELU -> FC(10)",
    ),
    "doubled-activation": Example(
        "INPUT(784) -> FC(128) -> RELU -> RELU -> FC(10)",
        "Leave one out.",
        "INPUT(784) -> FC(128) -> RELU -> FC(10)",
    ),
    "activation-before-loss": Example(
        "INPUT(784) -> FC(128) -> RELU -> FC(10) -> SOFTMAX",
        "End in the scores. Where a network is only used and not trained, say so: `# allow: activation-before-loss`.",
        "INPUT(784) -> FC(128) -> RELU -> FC(10)",
    ),
    "activation-on-scores": Example(
        "INPUT(784) -> FC(128) -> RELU -> FC(10) -> RELU",
        "End in the scores.",
        "INPUT(784) -> FC(128) -> RELU -> FC(10)",
    ),
    "linear-on-map": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> RELU -> LINEAR(10)",
        "Take FC, which flattens first, or flatten: `FLATTEN -> LINEAR(10)`.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> RELU -> FC(10)",
    ),
    "bias-before-norm": Example(
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1) -> BN -> RELU -> FC(10)",
        "Leave the bias out.",
        "INPUT(3, 32, 32) -> CONV(16, 3x3, padding=1, bias=false) -> BN -> RELU -> FC(10)",
    ),
    "dropout-before-norm": Example(
        "INPUT(784) -> FC(128) -> RELU -> DROPOUT(0.5) -> BN -> FC(10)",
        "Put the dropout behind the normalisation.",
        "INPUT(784) -> FC(128) -> RELU -> BN -> DROPOUT(0.5) -> FC(10)",
    ),
    "dropout-at-output": Example(
        "INPUT(784) -> FC(128) -> RELU -> FC(10) -> DROPOUT(0.5)",
        "Put it in front of the last layer.",
        "INPUT(784) -> FC(128) -> RELU -> DROPOUT(0.5) -> FC(10)",
    ),
    "join-of-itself": Example(
        "INPUT(16, 32, 32) -> CONV(16, 3x3, padding=1) -> RELU -> ADD{ _, [CONV(16, 1x1) -> BN]?(false) } -> FC(10)",
        "Make the join optional as a whole, or write what one of the branches is missing.",
        "INPUT(16, 32, 32) -> CONV(16, 3x3, padding=1) -> RELU -> ADD{ _, [CONV(16, 1x1) -> BN] }?(false) -> FC(10)",
    ),
    "broken-plugin": Example(
        "INPUT(784) -> FC(128) -> RELU -> FC(10)",
        "Update the package, or uninstall it. Until then the warning can be left out.",
        fixed_command=f"{CHECK} --allow broken-plugin",
        problem=BrokenPlugin("no-tanh", "advice", "AttributeError: 'Net' object has no attribute 'nodes'"),
        place="advice",
    ),
}
