"""Small helpers for wording, shared by all messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from math import prod


def shape_text(shape: Sequence[int]) -> str:
    """(64, 55, 55) as `64x55x55`; a single number stands alone."""
    return "x".join(str(size) for size in shape)


def size_text(sizes: Sequence[int]) -> str:
    """(2, 2) as `2`, (1, 2) as `1x2`: the way one writes a stride."""
    return str(sizes[0]) if len(set(sizes)) == 1 else shape_text(sizes)


MOST_LISTED = 24
"""Items of a list in a message."""


def shorten(text: str, most: int = 80) -> str:
    """The text with its middle left out, if it is longer than anyone would read."""
    return text if len(text) <= most else f"{text[: most - 20]}...{text[-17:]}"


def listing(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    items = list(words)
    if len(items) > MOST_LISTED:
        # 24 items in all, the last of which says how many were left out
        items[MOST_LISTED - 1 :] = [f"{len(items) - MOST_LISTED + 1:,} more"]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


def plural(count: int, noun: str) -> str:
    """`1 layer`, `3 layers`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def product_text(factors: Sequence[int]) -> str:
    """(5, 5, 3) as `5*5*3 = 75`; a single number stands alone."""
    total = f"{prod(factors):,}"
    return f"{'*'.join(map(str, factors))} = {total}" if len(factors) > 1 else total


def value_text(value: object) -> str:
    """A value as one writes it in a file: true, none, "same", (1, 2)."""
    match value:
        case bool() | None:
            return str(value).lower()
        case str():
            return f'"{shorten(value)}"'
        case tuple():
            items: tuple[object, ...] = value  # pyright: ignore[reportUnknownVariableType]
            inner = ", ".join(value_text(item) for item in items[:8]) + (", ..." if len(items) > 8 else "")
            # `(1)` would be a number in brackets, here as in Python
            return f"({inner},)" if len(items) == 1 else f"({inner})"
        case _:
            return str(value)


MOST_COMPARED = 1_000
LONGEST_COMPARED = 100
"""Comparing more or longer words would take longer than looking for the slip oneself."""


NICKNAMES = {
    "activation": "",
    "averagepooling2d": "AVGPOOL",
    "batchnorm": "BN",
    "batchnormalization": "BN",
    "concatenate": "CONCAT",
    "concatenation": "CONCAT",
    "conv2dtranspose": "UPCONV",
    "convtranspose": "UPCONV",
    "deconv": "UPCONV",
    "deconv1d": "ConvTranspose1d",
    "deconv2d": "ConvTranspose2d",
    "deconv3d": "ConvTranspose3d",
    "dense": "FC",
    "filters": "out_channels",
    "fractionalmaxpool2d": "",
    "fractionalmaxpool3d": "",
    "fullyconnected": "FC",
    "gap": "AVGPOOL(to=1)",
    "globalaveragepooling2d": "AVGPOOL(to=1)",
    "globalavgpool": "AVGPOOL(to=1)",
    "globalmaxpool": "MAXPOOL(to=1)",
    "globalmaxpooling2d": "MAXPOOL(to=1)",
    "groupnorm": "GN",
    "instancenorm": "IN",
    "kernel": "kernel_size",
    "layernorm": "LN",
    "maxpooling2d": "MAXPOOL",
    "mha": "ATTENTION",
    "multiheadattention": "ATTENTION",
    "multiply": "MUL",
    "rate": "p",
    "strides": "stride",
    "swish": "SILU",
    "syncbatchnorm": "BN",
    "units": "out_features",
}
"""What other frameworks and papers call our words; an empty one has no counterpart that a likeness should suggest."""


ANOTHER = frozenset({
    "alphadropout", "bilinear", "buffer", "constantpad1d", "constantpad2d", "constantpad3d", "cosineembeddingloss",
    "embeddingbag", "glu", "hardshrink", "hingeembeddingloss", "matmul", "max", "min", "module", "norm",
    "parameterdict", "parameterlist", "repeat", "rmsnorm", "rnn", "rrelu", "softmin", "softsign", "split", "unfold",
})  # fmt: skip
"""Functions that are like one of our words in spelling alone: to put that in their place makes another network."""


MODULES = re.compile(r"^(?:tf\.|torch\.|keras\.)*(?:nn|F|functional|layers|ops)\.|^(?:tf|torch|keras)\.", re.ASCII)
"""What stands before a layer's word in Python: `nn.`, `torch.nn.functional.`, `tf.keras.layers.`."""


def without_module(word: str) -> str:
    """`Conv2d` of `nn.Conv2d`."""
    found = MODULES.match(word)
    # again, as `nn.functional.relu` has two; never down to nothing
    return without_module(word[found.end() :]) if found and found.end() < len(word) else word


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that a wrong one means: another framework's name for it, or the likest spelling."""
    known = set(known)
    bare = without_module(word)
    # `nn.Conv2d` is no slip of spelling: the word is known, and only its module is too much
    if bare in known and bare != word:
        return bare
    nickname = "" if bare.lower() in ANOTHER else NICKNAMES.get(bare.lower())
    if nickname is None:
        # who writes `CONF` writes the lectures' words, and means CONV before Conv1d
        plain = {name for name in known if name[-2:] not in ("1d", "2d", "3d")} if bare.isupper() else known
        return closest(bare, plain)
    # `AVGPOOL(to=1)`: the word in front of its arguments must be one that is known here
    return nickname if nickname.split("(")[0] in known else None


NEAR = 0.1
"""A word within this likeness of the best one could be meant as well."""


def is_clear(word: str, suggestion: str, known: Iterable[str]) -> bool:
    """Whether a wrong word can hardly mean another known word than the one suggested."""
    word = without_module(word)
    if word == suggestion or word.lower() in NICKNAMES:
        return True
    likeness = SequenceMatcher(None, word.lower(), suggestion.lower()).ratio()
    # ReLU and RELU are one word to whoever misspelt it
    rivals = {name.lower() for name in known} - {suggestion.lower()}
    return not get_close_matches(word.lower(), rivals, n=1, cutoff=max(likeness - NEAR, 0))


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one most likely means: written in the same case, where there are several.

    Never the word itself: it was known, and something else is wrong with it.
    """
    by_lower: dict[str, str] = {}
    known = {name for name in known if name != word}
    if len(known) > MOST_COMPARED or len(word) > LONGEST_COMPARED:
        return None
    # of RELU and ReLU the one in the case of the slip; by name after that, as sets have no order
    for name in sorted(known, key=lambda name: (name.isupper() != word.isupper(), name)):
        by_lower.setdefault(name.lower(), name)
    # difflib's own cutoff; three, as the likest may turn the meaning
    matches = get_close_matches(word.lower(), by_lower, n=3, cutoff=0.6)
    return next((by_lower[match] for match in matches if not _is_opposite(word.lower(), match)), None)


OPPOSITES = frozenset({"un", "de", "up", "down", "in", "out", "to", "from", "adaptive", "fractional", "transpose"})
"""What makes another thing of a word: Flatten and Unflatten, MaxPool2d and AdaptiveMaxPool2d."""


def _is_opposite(one: str, other: str) -> bool:
    """Whether two words differ by a syllable that turns the meaning."""
    changes = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return any(
        # a slip of letters keeps the length; a syllable more or less is another layer
        tag != "equal" and ({one[a:b], other[c:d]} & OPPOSITES) and len(one) != len(other)
        for tag, a, b, c, d in changes
    )
