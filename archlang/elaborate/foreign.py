"""Ways out of torch's spelling where it is more than another word: arguments without a use here, other layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod

from archlang.diagnostics import Edit, Help
from archlang.errors.words import NICKNAMES, without_module
from archlang.ir.ops import WORDS
from archlang.ir.ops.base import REQUIRED, Shape
from archlang.syntax import ast

IDLE = frozenset({"inplace", "device", "dtype"})
"""torch's arguments that change nothing about the network."""


PYTHON = {"True": "true", "False": "false", "None": "none"}

PADS = {
    "ZeroPad": "constant",
    "ConstantPad": "constant",
    "ReflectionPad": "reflect",
    "ReplicationPad": "replicate",
    "CircularPad": "circular",
}
"""torch's padding layers, without the number of axes, and what `mode` of PAD they are."""


def rewritten(call: ast.Call, shape: Shape | None) -> tuple[Help, ...]:
    """The help that writes a whole line of torch as it stands here, where that is more than another word."""
    return unflattened(call) or padded(call) or added(call) or pasted(call, shape)


def pasted(call: ast.Call, shape: Shape | None) -> tuple[Help, ...]:
    """The help that writes `nn.Conv2d(3, 64, 3)` as Conv2d(64, 3): without what archlang finds out by itself. It is
    safe if that is what flows in."""
    word, arguments = without_module(call.word), [a for a in call.arguments or () if a.name not in IDLE]
    nickname = NICKNAMES.get(word.lower(), "")
    # BatchNorm(64), a wrapper's name, is told the channels as torch's classes are; Dense(10) is not
    word = nickname if nickname in WORDS and WORDS[nickname].family == "norm" else word
    op = WORDS.get(word)
    # only with torch's module in front: without it, Conv2d(64, 3) is right as it stands
    if op is None or word == call.word or not op.inferred or not shape:
        return ()
    left_out = next((a for a in arguments if a.name == op.inferred), None)
    unnamed = [argument for argument in arguments if argument.name is None]
    if left_out is None and len(unnamed) > op.inferred_at:
        left_out = unnamed[op.inferred_at]
    needed = sum(parameter.default is REQUIRED for parameter in op.signature)
    # nn.Linear(10) has no argument too many: one of two is missing, and nobody knows which
    if left_out is None or len(arguments) <= needed:
        return ()
    value = left_out.value
    instead = op.instead_of_inferred(value.value if isinstance(value, ast.Literal) else None)
    parts = [instead if argument is left_out else _in_our_words(argument) for argument in arguments]
    kept = ", ".join(part for part in parts if part)
    text = f"{word}({kept})" if kept else word
    # channels of a map, features of a sequence, all of a map that FC flattens
    known = (shape[-1],) if op.inferred == "normalized_shape" else (shape[0], shape[-1], prod(shape))
    safe = isinstance(value, ast.Literal) and value.value in known
    return (Help(f"write {text}", (Edit(call.span, text),), safe=safe),)


def _in_our_words(argument: ast.Argument) -> str:
    value = PYTHON.get(argument.value.span.text, argument.value.span.text)
    return f"{argument.name}={value}" if argument.name else value


SKIPS = frozenset({"residual", "skip", "skipconnection", "shortcut"})


def added(call: ast.Call) -> tuple[Help, ...]:
    """The help that writes RESIDUAL{ body } as ADD{ _, body }."""
    branches = call.branches or ()
    if call.word.lower().replace("_", "") not in SKIPS or call.arguments or len(branches) != 1:
        return ()
    edits = (Edit(call.word_span, "ADD"), input_beside(branches[0]))
    return (Help("`ADD{ _, ... }` adds the input to what comes out of the branch", edits),)


def input_beside(branch: ast.Branch) -> Edit:
    """Puts the input itself, `_`, in front of the only branch of a join, which has two at least."""
    start = branch.chain.span.start
    return Edit(branch.span.source.span(start, start), "_, ")


def padded(call: ast.Call) -> tuple[Help, ...]:
    """The help that writes torch's ZeroPad2d((left, right, top, bottom)) and its like as PAD."""
    found = re.fullmatch(r"(\w+Pad)[123]d", without_module(call.word))
    # positions and names in one table, since torch takes either
    given = {argument.name or index: argument.value for index, argument in enumerate(call.arguments or ())}
    rows = given.pop("padding", None) or given.pop(0, None)
    value = given.pop("value", None) or given.pop(1, None)
    if not found or found[1] not in PADS or rows is None or given:
        return ()
    # ZeroPad2d(1) and ConstantPad2d(1, 0.5): one number is the same on all sides
    mode, sides = PADS[found[1]], _sides(rows)
    parts = [sides, f'mode="{mode}"' if mode != "constant" else "", f"value={value.span.text}" if value else ""]
    text = f"PAD({', '.join(part for part in parts if part)})"
    return (Help(f"write {text}", (Edit(call.span, text),), safe=True),) if sides else ()


def in_pairs(call: ast.Call, shape: Shape) -> tuple[Help, ...]:
    """The help that writes torch's pairs of an axis, PAD((1, 0)), as `before` and `after`."""
    rows = next((a for a in call.arguments or () if a.name in (None, "padding")), None)
    if rows is None or not isinstance(rows.value, ast.Sequence) or len(rows.value.items) != 2 * (len(shape) - 1):
        return ()
    return (Help(f"write {_sides(rows.value)}", (Edit(rows.span, _sides(rows.value)),), changes=call.span),)


def _sides(rows: ast.Expression) -> str:
    """torch's pairs, those of the last axis first, as `before` and `after` of the axes in their order."""
    if not isinstance(rows, ast.Sequence):
        return rows.span.text
    texts = [item.span.text for item in rows.items]
    # as F.pad: (left, right, top, bottom) gives before (top, left) and after (bottom, right)
    before, after = texts[-2::-2], texts[::-2]
    if len(texts) % 2 or not texts:
        return ""
    return f"before={_listed(before)}, after={_listed(after)}"


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def unflattened(call: ast.Call) -> tuple[Help, ...]:
    """The help that writes torch's Unflatten(1, sizes) as RESHAPE."""
    given = {argument.name or index: argument.value for index, argument in enumerate(call.arguments or ())}
    dim, sizes = given.get("dim", given.get(0)), given.get("unflattened_size", given.get(1))
    # dim 1 is the first axis behind the batch; RESHAPE shapes all of a sample, so of other axes it is no translation
    if without_module(call.word) != "Unflatten" or len(given) != 2 or not dim or not sizes or dim.span.text != "1":
        return ()
    text = f"RESHAPE({sizes.span.text})"
    return (Help(f"write {text}", (Edit(call.span, text),), safe=True),)


def without_idle(arguments: Sequence[ast.Argument], index: int) -> tuple[Help, ...]:
    """The help that leaves out an argument without a use here."""
    span = arguments[index].span
    if arguments[index].name not in IDLE:
        return ()
    # with one comma: the one behind it, or in front of the last
    start, end = span.start, span.end
    if index + 1 < len(arguments):
        end = arguments[index + 1].span.start
    elif index:
        start = arguments[index - 1].span.end
    edit = Edit(span.source.span(start, end), "")
    return (Help(f"leave {span.text} out: it changes nothing about the network", (edit,), safe=True),)
