"""Lints of fully connected layers: those that read a map along its width, and what stands behind the last one."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.diagnostics import Edit, Help
from archlang.ir.ops.base import Shape
from archlang.lints.base import NEUTRAL, Finding, Net
from archlang.lints.order import AT_THE_END, DROPOUTS, POINTWISE, is_scores
from archlang.lints.wiring import Spot
from archlang.syntax import ast

CHANNELS_FIRST = frozenset({"conv", "upconv", "max_pool", "avg_pool", "lp_pool", "upsample"})
"""Layers behind which the last axis is a width or a length."""

SHAPE_KEPT = NEUTRAL | POINTWISE | frozenset(DROPOUTS) | {"batch_norm", "instance_norm", "group_norm", "lrn"}
PICTURE_CHANNELS = (1, 3, 4)

CUT_OFF = frozenset({"relu", "relu6", "leaky_relu", "prelu", "elu", "gelu", "silu", "hardswish"})
"""Non-linearities of hidden layers; others give numbers of a range that an author may want."""

FEW = 64
FEATURES = 16
"""As many outputs as this, and a multiple of the other, are features for another network rather than classes."""


def linear_on_map(net: Net) -> Iterator[Finding]:
    """Layers of tokens that read maps, whose features stand along the first axis."""
    for spot, op in net.of("linear"):
        shape = net.input(spot)
        sources = net.sources(spot, SHAPE_KEPT)
        if len(shape) > 1 and sources and all(_gives_map(net, source, shape) for source in sources):
            from archlang.errors.lints import LinearOnMap

            problem = LinearOnMap(net.word(spot), shape, net.output(spot))
            call = net.call(spot)
            yield Finding(problem, spot, None, tuple(_instead(net, call, shape, op.out_features)) if call else ())


def _gives_map(net: Net, source: Spot | None, shape: Shape) -> bool:
    """Whether a layer gives a map with its channels first, or an input is a picture."""
    if source is not None:
        return net.op(source).tag in CHANNELS_FIRST
    # (3, 224, 224): tokens would hardly be as many as their features
    return len(shape) == 3 and shape[0] in PICTURE_CHANNELS and shape[1] == shape[2]


def _instead(net: Net, call: ast.Call, shape: Shape, features: int) -> Iterator[Help]:
    """What the author may have meant: all of the map at once, or the channels of each position."""
    word = net.text.source.span(call.span.start, call.span.start + len(call.word))
    yield Help("FC reads all of the map", (Edit(word, "FC"),))
    arguments = call.arguments or ()
    if len(arguments) == 1 and arguments[0].name is None:
        text = f"CONV({arguments[0].span.text}, {'x'.join('1' for _ in shape[1:])})"
        yield Help(f"a convolution makes {features} maps of the {shape[0]}", (Edit(call.span, text),))


def activation_on_scores(net: Net) -> Iterator[Finding]:
    """Outputs that come from a hidden layer's non-linearity behind the scores of a few classes."""
    # what another model of the file goes on with are features, and may end in what it likes
    calls_it = any(net.model.name in words for words in net.text.words.values())
    for name, spot in net.enders(AT_THE_END):
        if net.op(spot).tag in CUT_OFF and is_scores(net, spot) and _is_few(net.output(spot)[0]) and not calls_it:
            from archlang.errors.lints import ActivationOnScores

            call = net.call(spot)
            edits = net.text.without(call) if call else ()
            helps = (Help(f"end in the scores, without {call.word}", edits),) if call and edits else ()
            yield Finding(ActivationOnScores(net.word(spot), name, net.output(spot)[0]), spot, None, helps)


def _is_few(outputs: int) -> bool:
    return outputs < FEW or outputs % FEATURES != 0
