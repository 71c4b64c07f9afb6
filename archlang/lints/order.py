"""Lints of the order of layers: what stands in front of normalisations, non-linearities, losses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from archlang.diagnostics import Help
from archlang.lints.base import NEUTRAL, Finding, Net
from archlang.lints.wiring import Reader, Spot

WEIGHTED = ("conv", "upconv", "fc", "linear")
CENTRING = ("batch_norm", "instance_norm")
"""Normalisations that subtract the mean of each channel by itself; others keep what a bias adds."""

DROPOUTS = ("dropout", "channel_dropout")
POINTWISE = frozenset({
    "relu", "relu6", "leaky_relu", "prelu", "elu", "celu", "selu", "gelu", "silu", "mish", "hardswish", "hardsigmoid",
    "hardtanh", "softplus", "tanh", "sigmoid", "log_sigmoid",
})  # fmt: skip
ALONG_AXIS = frozenset({"softmax", "log_softmax"})
NOT_NEGATIVE = frozenset({"relu", "relu6", "hardsigmoid", "softplus", "sigmoid", "softmax"})
"""What RELU leaves as it is."""

KEEPS_SIGN = NEUTRAL | {"max_pool", "avg_pool", "flatten", "dropout", "channel_dropout", "drop_path", "reshape"}
"""Layers behind which numbers that are not negative are still not."""

LINEAR_BETWEEN = NEUTRAL | {"batch_norm", "flatten", "dropout", "channel_dropout"}
AT_THE_END = NEUTRAL | {"flatten", "reshape"}
# torch's losses that begin with log_softmax, or sigmoid, themselves
LOSSES = {"softmax": "CrossEntropyLoss", "sigmoid": "BCEWithLogitsLoss"}


def bias_before_norm(net: Net) -> Iterator[Finding]:
    """Biases that a normalisation takes away, wherever the layer stands."""
    for spot, op in net.of(*WEIGHTED):
        # LINEAR on tokens adds along the last axis, and the normalisation takes the mean along the first
        channels_last = op.tag == "linear" and len(net.output(spot)) > 1
        if not op.bias or channels_last or net.is_shared(spot):
            continue
        readers = net.readers(spot)
        if readers and all(_centres(net, reader) for reader in readers):
            norm = next(reader[0] for reader in readers if reader)
            size = op.parameters()["bias"][0]
            from archlang.errors.lints import BiasBeforeNorm

            problem = BiasBeforeNorm(net.word(spot), net.word(norm), size, size * net.copies[spot.body])
            helps = tuple(replace(h, safe=True) for h in net.given(spot, "bias=false leaves it out", bias="false"))
            yield Finding(problem, spot, net.argument_span(spot, "bias"), helps, net.label(norm, "normalised here"))


def _centres(net: Net, reader: Reader) -> bool:
    if reader is None:
        return False
    op = net.op(reader[0])
    # a group of one channel is centred by itself; in larger groups the biases of its channels differ and stay
    return op.tag in CENTRING or (op.tag == "group_norm" and op.num_groups == op.num_channels)


def doubled_activation(net: Net) -> Iterator[Finding]:
    """Non-linearities that read nothing but non-linearities."""
    for spot, _ in net.of(*POINTWISE, *ALONG_AXIS):
        idle = _idle_behind(net, spot)
        before = idle or _alike(net, spot, NEUTRAL, POINTWISE | ALONG_AXIS)
        if before is not None:
            from archlang.errors.lints import DoubledActivation

            problem = DoubledActivation(net.word(spot), net.word(before), idle is not None)
            call = net.call(spot)
            edits = net.text.without(call) if call and idle else ()
            helps = (Help(f"leave {call.word} out", edits),) if call and edits else ()
            yield Finding(problem, spot, None, helps, net.label(before, "the one before"))


def _idle_behind(net: Net, spot: Spot) -> Spot | None:
    """The non-linearity behind which this one changes nothing."""
    op = net.op(spot)
    # only RELU does nothing to what is not negative; sigmoid of relu, say, is odd and not idle
    if op.tag == "relu":
        return _alike(net, spot, KEEPS_SIGN, NOT_NEGATIVE)
    return None


def _alike(net: Net, spot: Spot, through: frozenset[str], tags: frozenset[str]) -> Spot | None:
    """The first source of a layer, if all its sources are of some kinds."""
    sources = net.sources(spot, through)
    known = [source for source in sources if source is not None and net.op(source).tag in tags]
    # all of them: a layer behind a join may need what one of its branches does not
    return known[0] if known and len(known) == len(sources) else None


def activation_before_loss(net: Net) -> Iterator[Finding]:
    """Outputs that come from a softmax, and features that come from a sigmoid behind a layer with weights."""
    for name, spot in net.enders(AT_THE_END):
        tag = net.op(spot).tag
        # a sigmoid may well end a network that gives pixels, softmax hardly anything but classes
        if tag == "softmax" or (tag == "sigmoid" and is_scores(net, spot)):
            call = net.call(spot)
            edits = net.text.without(call) if call else ()
            helps = (Help(f"end in the scores, without {call.word}", edits),) if call and edits else ()
            from archlang.errors.lints import ActivationBeforeLoss

            yield Finding(ActivationBeforeLoss(net.word(spot), name, LOSSES[tag]), spot, None, helps)


def is_scores(net: Net, spot: Spot) -> bool:
    """Whether a layer reads a few features that a fully connected layer gives and flow out as they are.

    Where that gives more than it reads, they are pixels or the like, and not scores.
    """
    flat = len(net.output(spot)) == 1 and any(reader is None for reader in net.readers(spot))
    before = _alike(net, spot, NEUTRAL, frozenset({"fc", "linear"})) if flat else None
    return before is not None and net.output(before)[0] <= prod(net.input(before))


def missing_activation(net: Net) -> Iterator[Finding]:
    """Layers with weights that read nothing but such layers."""
    for spot, op in net.of("conv", "fc", "linear"):
        before = _alike(net, spot, LINEAR_BETWEEN, frozenset({"conv", "fc", "linear"}))
        sources = net.sources(spot, LINEAR_BETWEEN)
        if before is None or not all(source and _merges(net, source, spot) for source in sources):
            continue
        parameters = sum(prod(shape) for shape in op.parameters().values())
        from archlang.errors.lints import MissingActivation

        problem = MissingActivation(net.word(spot), net.word(before), parameters)
        call = net.call(spot)
        edits = net.text.before(call, "RELU") if call else ()
        helps = (Help("put RELU between them", edits),) if edits else ()
        yield Finding(problem, spot, None, helps, net.label(before, "the one before"))


def _merges(net: Net, first: Spot, second: Spot) -> bool:
    """Whether two layers do no more than one could, and nothing else reads what is between them."""
    readers = net.readers(first, LINEAR_BETWEEN)
    if not all(reader and net.op(reader[0]).tag in WEIGHTED for reader in readers):
        return False
    a, b = net.op(first), net.op(second)
    # FC behind a convolution reads a map, as every classifier does
    if a.tag != "conv":
        return b.tag != "conv" and _is_wide(net, first, second)
    # MobileNet's depthwise and pointwise pair saves weights, which one convolution would not
    if b.tag != "conv" or max(*a.stride, a.groups) > 1:
        return False
    # 1x7 and 7x1 are a large window taken apart; 3x3 behind 3x3 looks twice along the same axis
    common = any(i > 1 and j > 1 for i, j in zip(a.kernel_size, b.kernel_size, strict=False))
    return common and max(*b.stride, b.groups) == 1


def _is_wide(net: Net, first: Spot, second: Spot) -> bool:
    """Whether the features between two layers are no fewer than those before or behind: a narrow middle is meant."""
    return net.output(first)[-1] >= min(net.input(first)[-1], net.output(second)[-1])


def dropout_before_norm(net: Net) -> Iterator[Finding]:
    """Batch normalisations that read what dropout gives."""
    # dropout raises variance in training only, and running statistics keep that (Li et al., arXiv 1801.05134)
    for spot, _ in net.of("batch_norm"):
        dropout = _alike(net, spot, NEUTRAL | POINTWISE, frozenset(DROPOUTS))
        if dropout is not None and 0 < net.op(dropout).p < 1:
            from archlang.errors.lints import DropoutBeforeNorm

            problem = DropoutBeforeNorm(net.word(dropout), net.word(spot), net.op(dropout).p)
            yield Finding(problem, dropout, None, (), net.label(spot, "normalised here"))


def dropout_at_output(net: Net) -> Iterator[Finding]:
    """Outputs that come from a dropout."""
    for name, spot in net.enders(AT_THE_END):
        op = net.op(spot)
        if op.tag in DROPOUTS and op.p > 0:
            call = net.call(spot)
            edits = net.text.without(call) if call else ()
            helps = (Help(f"leave {call.word} out", edits),) if call and edits else ()
            from archlang.errors.lints import DropoutAtOutput

            yield Finding(DropoutAtOutput(net.word(spot), name, op.p), spot, None, helps)
