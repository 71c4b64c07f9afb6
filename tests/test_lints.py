"""Lints: what each finds and, as important, what it leaves alone; how they are silenced; what they cost."""

from __future__ import annotations

import pytest

from archlang.checking import Request, check_source
from archlang.lints import with_lints
from archlang.source import Source


def codes(text: str, **options: tuple[str, ...]) -> list[str]:
    outcome = check_source(Source("net.arch", text), Request())
    assert outcome.ok, [d.message for d in outcome.diagnostics]
    return [d.code for d in with_lints(outcome, **options).diagnostics]


HEAD = "INPUT(3, 32, 32) -> "
MAPS = "INPUT(16, 32, 32) -> "
END = " -> RELU -> FC(10)"


@pytest.mark.parametrize(
    "text",
    [
        # even-kernel: halving, patches, no padding, "same", dilated to an odd extent, reflected
        HEAD + "CONV(16, 4x4, stride=2, padding=1)" + END,
        HEAD + "CONV(16, 4x4, stride=4)" + END,
        HEAD + "CONV(16, 4x4)" + END,
        HEAD + 'CONV(16, 4x4, padding="same")' + END,
        HEAD + "CONV(16, 2x2, dilation=2, padding=1)" + END,
        HEAD + 'CONV(16, 2x2, padding="full")' + END,
        # large-pooling: 3x3, global in three spellings, at stride 1, four of a sequence
        HEAD + "CONV(16, 3x3, padding=1) -> RELU -> MAXPOOL(3, stride=2, padding=1) -> FC(10)",
        HEAD + "[CONV(64, 3x3, padding=1) -> RELU -> MAXPOOL(2)]*4 -> AVGPOOL(2) -> FC(10)",
        HEAD + "CONV(16, 3x3, padding=1) -> RELU -> MAXPOOL(32) -> FC(10)",
        HEAD + "CONV(16, 3x3, padding=1) -> RELU -> MAXPOOL(to=1) -> FC(10)",
        HEAD + "CONV(16, 3x3, padding=1) -> RELU -> MAXPOOL(5, stride=1, padding=2) -> FC(10)",
        "INPUT(2, 64) -> CONV(8, 3) -> RELU -> MAXPOOL(4, round=\"floor\") -> FC(10)",
        # large-kernel: the first layer, one for each map, all of the map, along one axis
        HEAD + "CONV(16, 7x7, padding=3)" + END,
        MAPS + "CONV(16, 7x7, padding=3, groups=16)" + END,
        "INPUT(32, 7, 7) -> CONV(64, 7x7)" + END,
        "INPUT(32, 64) -> CONV(32, 9, padding=4)" + END,
        MAPS + "CONV(32, 1x7, padding=0x3)" + END,
        # wasted-padding: full, other border modes
        HEAD + 'CONV(16, 3x3, padding="full")' + END,
        HEAD + 'CONV(16, 3x3, padding=3, padding_mode="reflect")' + END,
        # indivisible-input: exact windows without padding, rounding that is said, 224 halved five times
        "INPUT(3, 55, 55) -> CONV(8, 3x3) -> RELU -> MAXPOOL(3, stride=2) -> FC(10)",
        'INPUT(3, 55, 55) -> CONV(8, 3x3, stride=2, padding=1, round="floor") -> RELU -> FC(10)',
        "INPUT(3, 224, 224) -> [CONV(64, 3x3, stride=2, padding=1) -> RELU]*5 -> FC(10)",
        # small-receptive-field: a squeeze in the middle, maps as output, half is seen
        MAPS + "MUL{ _, AVGPOOL(to=1) -> CONV(16, 1x1) -> SIGMOID } -> CONV(8, 3x3) -> RELU -> FC(10)",
        HEAD + "[CONV(16, 3x3, padding=1) -> RELU]*2 -> CONV(2, 1x1)",
        "INPUT(3, 16, 16) -> [CONV(16, 3x3, padding=1) -> RELU]*4 -> AVGPOOL(to=1) -> FC(10)",
        "INPUT(1, 16000) -> [CONV(64, 5) -> RELU]*3 -> AVGPOOL(to=1) -> FC(35)",
        # first-fc-heavy: small networks, features without maps, most of it elsewhere
        HEAD + "CONV(16, 3x3, padding=1) -> RELU -> FC(10)",
        "INPUT(3000) -> FC(1000) -> RELU -> FC(10)",
        "INPUT(1, 32, 32) -> FC(2000) -> RELU -> FC(10)",
        HEAD + "CONV(64, 3x3, padding=1) -> RELU -> MAXPOOL(to=4) -> FC(1024) -> RELU -> [FC(1024) -> RELU]*2 -> FC(10)",
        # missing-activation: separable, 1x7 and 7x1, narrow middles, strides, pooling, joins, a skip over it
        HEAD + "CONV(16, 3x3, padding=1) -> CONV(16, 1x1)" + END,
        MAPS + "CONV(16, 3x3, padding=1, groups=16) -> CONV(16, 1x1)" + END,
        MAPS + "CONV(16, 1x7, padding=0x3) -> CONV(16, 7x1, padding=3x0)" + END,
        HEAD + "CONV(16, 3x3) -> FC(10)",
        "INPUT(784) -> FC(16) -> FC(784)",
        HEAD + "CONV(16, 3x3, stride=2, padding=1) -> CONV(16, 3x3, padding=1)" + END,
        HEAD + "CONV(16, 3x3, padding=1) -> MAXPOOL(2) -> CONV(16, 3x3, padding=1)" + END,
        HEAD + "CONV(16, 3x3, padding=1) -> ADD{ _, CONV(16, 3x3, padding=1) -> RELU } -> CONV(16, 3x3)" + END,
        HEAD + "CONV(16, 3x3, padding=1) -> LN -> CONV(16, 3x3)" + END,
        # doubled-activation: not everywhere, gates, what does change something
        MAPS + "RELU -> [CONV(16, 3x3, padding=1) -> RELU]*3 -> FC(10)",
        "INPUT(16, 32, 32) -> CONV(16, 1x1) -> RELU -> [RELU -> CONV(16, 3x3, padding=1)]*3 -> FC(10)",
        MAPS + "MUL{ RELU, SIGMOID } -> FC(10)",
        MAPS + "ADD{ CONV(16, 1x1) -> RELU, _ } -> RELU -> FC(10)",
        MAPS + "CONV(16, 3x3) -> LEAKYRELU -> AVGPOOL(2) -> RELU -> FC(10)",
        "INPUT(3, 129, 129) -> [CONV(8, 3x3, stride=2, padding=1) -> RELU]*3 -> FC(10)",
        # activation-before-loss: for NLLLoss, pixels, attention inside
        "INPUT(20) -> FC(400) -> RELU -> FC(784) -> SIGMOID",
        "INPUT(784) -> FC(128) -> RELU -> FC(10) -> LOGSOFTMAX",
        HEAD + "CONV(16, 3x3, padding=1) -> RELU -> CONV(1, 1x1) -> SIGMOID",
        "INPUT(784) -> FC(32) -> RELU -> FC(784) -> SIGMOID -> RESHAPE(1x28x28)",
        "INPUT(784) -> FC(32) -> SOFTMAX -> FC(10)",
        # batch-in-input: volumes and films
        "INPUT(1, 16, 8, 8) -> CONV(8, 3, padding=1) -> RELU -> FC(10)",
        "INPUT(3, 8, 12, 12) -> CONV(8, 3, padding=1) -> RELU -> FC(10)",
        # linear-on-map: tokens, the last axis of a sequence or a spectrogram, flattened maps
        HEAD + "CONV(64, 4x4, stride=4) -> RELU -> PERMUTE((2, 3, 1)) -> LINEAR(10)",
        HEAD + "CONV(16, 3x3) -> RELU -> FLATTEN -> LINEAR(10)",
        "INPUT(50, 64) -> LINEAR(32) -> BN -> RELU -> LINEAR(8)",
        "INPUT(1, 100, 80) -> LINEAR(32) -> RELU -> FC(10)",
        # activation-on-scores: features, ranges that are meant, pixels, maps, a part of another model
        "INPUT(784) -> FC(256) -> RELU",
        "INPUT(784) -> FC(32) -> RELU -> FC(6) -> TANH",
        "INPUT(8) -> FC(32) -> RELU -> FC(1) -> SOFTPLUS",
        "INPUT(20) -> FC(400) -> RELU -> FC(784) -> RELU",
        HEAD + "CONV(10, 3x3) -> RELU",
        "model A = INPUT(784) -> FC(50) -> RELU\nmodel B = INPUT(784) -> A -> FC(10)",
        # bias-before-norm: other normalisations keep it, so does who else reads it, and weights used twice
        HEAD + "CONV(16, 3x3) -> GN(4)" + END,
        HEAD + "CONV(16, 3x3) -> LRN(5)" + END,
        HEAD + "CONV(16, 3x3) -> RELU -> BN -> FC(10)",
        HEAD + "conv: CONV(16, 3x3) -> ADD{ BN, conv }" + END,
        MAPS + "conv: CONV(16, 3x3, padding=1) -> BN -> RELU -> SHARE(conv)" + END,
        "INPUT(8, 16) -> LINEAR(16) -> BN" + END,
        # dropout-before-norm: without dropout, behind it, with weights between
        HEAD + "CONV(16, 3x3) -> RELU -> DROPOUT(0) -> BN -> FC(10)",
        HEAD + "CONV(16, 3x3, bias=false) -> BN -> RELU -> DROPOUT(0.5) -> FC(10)",
        "INPUT(784) -> FC(64) -> RELU -> DROPOUT(0.5) -> FC(10)",
        # unused names: labels of parts, recursion, use in defaults, in labels, in assertions, of holes
        HEAD + "conv1: CONV(16, 3x3) -> part: [RELU] -> FC(10)",
        "block down(n) = [CONV(8, 3x3) -> RELU -> down(n - 1)]?(n > 0)\nmodel A = " + HEAD + "down(2) -> FC(10)",
        "block b(c, k = c){ body } = CONV(k, 3x3) -> body\nmodel A = " + HEAD + "b(8){ RELU } -> FC(10)",
        'block b(n) = "unit{n}": CONV(8, 3x3) -> RELU\nmodel A = ' + HEAD + "b(3) -> FC(10)",
        "let total = 30_730\nmodel A = " + HEAD + "FC(10)\nassert A.parameters == total",
        "let c = 4\ndefault CONV(c, 3x3)\nmodel A = " + HEAD + "CONV -> RELU -> FC(10)",
        "model A(N = 2) = " + HEAD + "[CONV -> RELU]*N -> FC(10)",
        MAPS + "x: _ -> CONV(16, 3x3, padding=1) -> RELU -> ADD{ x, _ } -> FC(10)",
    ],
)  # fmt: skip
def test_silent(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INPUT(3, 131, 131) -> [CONV(8, 3x3, stride=2, padding=1) -> RELU]*3 -> FC(10)", "indivisible-input"),
        ("INPUT(3, 100, 100) -> [CONV(8, 3x3, stride=2, padding=1) -> RELU]*3 -> FC(10)", "indivisible-input"),
        ("INPUT(20) -> FC(400) -> RELU -> FC(1) -> SIGMOID", "activation-before-loss"),
        (HEAD + "CONV(16, 3x3) -> GN(4) -> RELU -> MAXPOOL(to=1) -> DROPOUT -> LINEAR(10)", "linear-on-map"),
        ("INPUT(1, 28, 28) -> LINEAR(10)", "linear-on-map"),
        ("INPUT(4, 60) -> CONV(8, 3) -> RELU -> LINEAR(10)", "linear-on-map"),
        ("INPUT(1, 8, 8, 8) -> CONV(8, 3) -> LINEAR(10)", "linear-on-map"),
        ("INPUT(784) -> FC(2048) -> RELU -> FC(1000) -> GELU", "activation-on-scores"),
        ("INPUT(784) -> FC(32) -> RELU -> LINEAR(2) -> RELU6", "activation-on-scores"),
        ("INPUT(3, 64, 64) -> CONV(64, 5x5) -> RELU -> AVGPOOL(to=1) -> FC(35)", "small-receptive-field"),
    ],
)
def test_the_nearest_that_is_told(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize(
    ("join", "found"),
    [
        ("ADD{ _, _ }", True),
        ("MUL{ _, _ }", True),
        ("CONCAT{ _, CONV(4, 1), _ }", True),
        ("ADD{ _, [CONV(4, 1) -> BN]?(false) }", True),
        ("g: [ADD{ _, _ }]", True),
        ("a: CONV(4, 1) -> RELU -> ADD{ a, a }", True),
        ("ADD{ _, CONV(4, 1) }", False),
        ("ADD{ _, IDENTITY }", False),
        ("ADD{ CONV(4, 1), CONV(4, 1) }", False),
        ("a: CONV(4, 1) -> RELU -> ADD{ _, a }", False),
        ("ADD{ _, [CONV(4, 1) -> BN]?(true) }", False),
        ("ADD{ _, CONV(4, 1) }?(false)", False),
    ],
)
def test_joins_of_a_value_with_itself(join: str, found: bool) -> None:
    text = f"INPUT(4, 8, 8) -> CONV(4, 3x3, padding=1) -> RELU -> {join} -> RELU -> FC(3)"
    assert ("join-of-itself" in codes(text)) == found


def test_what_a_join_with_itself_comes_to() -> None:
    text = "INPUT(4, 8, 8) -> CONV(4, 3x3, padding=1) -> ADD{ _, _, _ } -> FC(3)"
    (warning,) = with_lints(
        check_source(Source("net.arch", text), Request()), allow=("missing-activation",)
    ).diagnostics
    assert warning.message == "3 of 3 branches of ADD are the same value, 4x8x8"
    assert warning.problem.notes == ("x + x + x = 3*x",)
