"""Which inputs a finished module takes: ranks, fixed sizes, and legal sizes for the others, as data, words and code.

A module takes what torch runs: a network written for 224x224 that pools to a fixed size takes larger pictures, too. One
whose sizes were left free takes the sizes that its check found legal. What cannot be described is left to torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any, cast

from archlang.errors.words import listing
from archlang.ir.dims import Dim
from archlang.ir.formulas import formula
from archlang.ir.graph import Model
from archlang.ir.size_sets import SizeSet
from archlang.records import record
from archlang.symbolic.legal import Box, ExampleModel, SizeBoxes
from archlang.symbolic.letters import AXES, paired, plans
from archlang.symbolic.made import made_sizes
from archlang.symbolic.running import Untracked, all_sizes, letter_inputs, running_boxes

PLAIN_NAME = "input"
"""What an input is called that the file gives no name."""

OTHER_SIZES = "; parts of it are made for these sizes, and `input=` or `--input` makes it for others"
"""What to do where a module takes fewer sizes than are legal."""

Pattern = tuple[int | str | None, ...]
"""The sizes of an input without the batch: a number, a letter, or anything."""


@record(eq=False)
class InputCheck:
    """What a model's inputs must be. `boxes` are sizes of the letters in `patterns`: one of them must hold.

    Equal letters are equal sizes. `training` says that it holds while parts run that only training needs, `hint` what
    to do about other sizes.
    """

    model: str
    names: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    boxes: tuple[Box, ...]
    training: bool = False
    hint: str = ""

    def admits(self, shapes: Sequence[Sequence[int]]) -> bool:
        """Whether inputs of these shapes, batch included, can be taken."""
        sizes: dict[str, int] = {}
        if len(shapes) != len(self.patterns):
            return False
        for pattern, shape in zip(self.patterns, shapes, strict=True):
            if len(shape) != len(pattern) + 1:
                return False
            for wanted, size in zip(pattern, shape[1:], strict=True):
                # the first size under a letter is the one that all others under it must have
                expected = sizes.setdefault(wanted, size) if isinstance(wanted, str) else wanted
                if expected is not None and expected != size:
                    return False
        return any(all(sizes[name] in allowed for name, allowed in box.items()) for box in self.boxes)

    @property
    def text(self) -> str:
        """`Nx3xHxW with H, W >= 63`, of several inputs with their names behind them."""
        inputs = list(pattern_texts(self.patterns))
        if len(inputs) > 1:
            inputs = [f"{text} (`{name}`)" for name, text in zip(self.names, inputs, strict=True)]
        limits = [box for box in self.boxes if box]
        sizes = SizeBoxes(tuple(limits[0]), tuple(limits)).text_with_examples if limits else ""
        sizes = sizes.replace(" with ", " and ")
        return listing(inputs) + (f" with {sizes}" if sizes else "")

    def message(self, shapes: Sequence[Sequence[int]]) -> str:
        """What is wrong with shapes that are not admitted."""
        given = listing("x".join(map(str, shape)) or "a single number" for shape in shapes)
        return f"{self.start}, not {given}{self.hint}"

    @property
    def start(self) -> str:
        """The part of the message that is the same for all inputs."""
        mode = " in training" if self.training else ""
        name = f" `{self.names[0]}`" if self.names[0] != PLAIN_NAME else ""
        whose = f"input{name} is" if len(self.names) == 1 else "inputs are"
        return f"{self.model}'s {whose} {self.text}{mode}"


def pattern_texts(patterns: Sequence[Pattern]) -> Iterator[str]:
    """`Nx3xHxW`; sizes that may be anything get letters that no other has."""
    taken = {size for pattern in patterns for size in pattern}
    for pattern in patterns:
        sizes = ["N"]
        for size, letter in zip(pattern, AXES.get(len(pattern), ()) or (None,) * len(pattern), strict=True):
            free = (f"{letter or 'C'}{number}" for number in chain([""], count(2)))
            text = str(size) if size is not None else next(name for name in free if name not in taken)
            taken.add(text)
            sizes.append(f"({text})" if " " in text or "*" in text else text)
        yield "x".join(sizes)


def input_check(model: Model, training: bool = False) -> InputCheck:
    """What a model's inputs must be, in training or in evaluation."""
    training = training and trains_parts(model)
    if not isinstance(model, ExampleModel):
        return _simplified(model, *_fixed_sizes(model, training), training)
    # the legal sizes, less those for which some layer of the module would have to be another one
    boxes = made_sizes(model, training)
    check = _simplified(model, *_example_sizes(model, boxes), training)
    left = SizeBoxes(model.legal.letters, tuple(boxes)).count < model.legal.count
    return replace(check, hint=OTHER_SIZES) if left else check


def trains_parts(model: Model) -> bool:
    """Whether some parts of a model run in training only."""
    return any(body.training for body in model.bodies)


def _simplified(model: Model, patterns: Sequence[Pattern], boxes: Sequence[Box], training: bool) -> InputCheck:
    """Without letters that stand for one number, or that may be anything."""
    # a letter with a single legal size is that number
    alone = {name: boxes[0][name].first for name in boxes[0] if len(boxes) == 1 and boxes[0][name].count == 1}
    known = tuple(tuple(alone.get(s, s) if isinstance(s, str) else s for s in pattern) for pattern in patterns)
    rest = [{name: sizes for name, sizes in box.items() if name not in alone} for box in boxes]
    free = {name for name in (rest[0] if rest else ()) if all(box[name] == SizeSet.of() for box in rest)}
    limits = tuple({name: sizes for name, sizes in box.items() if name not in free} for box in rest)
    return InputCheck(model.name, tuple(given.name for given in model.inputs), known, limits, training)


# ---- models with numbers ---------------------------------------------------------------------------


def _fixed_sizes(model: Model, training: bool) -> tuple[Sequence[Pattern], Sequence[Box]]:
    """The sizes around those that are written for which torch runs the module."""
    shapes = [given.shape for given in model.inputs]
    # the freest first: where sizes of several inputs cannot vary apart, they are one letter
    for patterns in plans(shapes, AXES):
        try:
            boxes = running_boxes(model, letter_inputs(patterns), [all_sizes(patterns)], training=training)
        except Untracked:
            continue
        written = dict(paired(patterns, shapes))
        around = next((box for box in boxes if all(size in box[name] for name, size in written.items())), None)
        if around is not None:
            return patterns, [around]
    # what cannot be followed is torch's to refuse
    patterns = next(plans(shapes, AXES))
    return patterns, [all_sizes(patterns)]


# ---- models whose sizes were left free ---------------------------------------------------------------


def _example_sizes(model: ExampleModel, boxes: Sequence[Box]) -> tuple[Sequence[Pattern], Sequence[Box]]:
    """The inputs with the sizes of their axes."""
    shapes = [cast("tuple[Any, ...]", given.shape) for given in model.variant.inputs]
    axes = {formula(size): size for shape in shapes for size in shape if isinstance(size, Dim)}
    kept = {name: size for name, size in axes.items() if _has_image(size)}
    patterns = [tuple(_pattern_size(size, kept) for size in shape) for shape in shapes]
    return patterns, [{name: image(box[size.letter], size) for name, size in kept.items()} for box in boxes]


def _pattern_size(size: Any, kept: Mapping[str, Dim]) -> int | str | None:
    return size if isinstance(size, int) else formula(size) if formula(size) in kept else None


def _has_image(size: Dim) -> bool:
    # a formula that rounds has one value for several sizes, so that its values do not tell them
    return size.modulus == 1 and size.slope > 0


def image(sizes: SizeSet, size: Dim) -> SizeSet:
    """The values of a*H + b."""
    a, b, modulus = size.slope, size.offsets[0], sizes.modulus * size.slope
    # H = 12, 28, 44, ... (16k + 12) under 2H + 1: 25, 57, 89, ..., which are 32k + 25
    classes: list[tuple[tuple[int, int], ...]] = [()] * modulus
    for r, (first, last) in sizes.intervals:
        place = (a * r + b) % modulus
        classes[place] = (*classes[place], (a * first + b, a * last + b))
    return SizeSet(modulus, tuple(classes))


# ---- code ----------------------------------------------------------------------------------------------

MOST_RUNS = 4
"""Runs of sizes that are written as comparisons."""


def condition(sizes: SizeSet, name: str) -> str:
    """A set of sizes as a Python condition: `h >= 188 and h % 16 == 12`."""
    modulus, residues, start = sizes.tail
    parts = [_run_condition(run, name) for run in sizes.head]
    if len(parts) > MOST_RUNS:
        runs = ", ".join(f"range({first}, {last + 1}, {step})" for first, step, last in sizes.head)
        parts = [f"any({name} in run for run in ({runs}))"]
    if residues:
        parts.append(" and ".join(_tail_conditions(modulus, residues, start, name)))
    return parts[0] if len(parts) == 1 else f"({' or '.join(f'({p})' if ' and ' in p else p for p in parts)})"


def _run_condition(run: tuple[int, int, int], name: str) -> str:
    first, step, last = run
    if first == last:
        return f"{name} == {first}"
    return f"{first} <= {name} <= {last}" + (f" and {name} % {step} == {first % step}" if step > 1 else "")


def _tail_conditions(modulus: int, residues: Sequence[int], start: int, name: str) -> Iterator[str]:
    # not `start` itself but the first size from there that is legal: a bound that can be used as it stands
    yield f"{name} >= {min(start + (r - start) % modulus for r in residues)}"
    if modulus > 1:
        yield f"{name} % {modulus} == {residues[0]}" if len(residues) == 1 else f"{name} % {modulus} in {residues}"
