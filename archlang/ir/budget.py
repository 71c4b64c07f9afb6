"""What a model needs in memory to train and to run, from its parts; and the largest batch that fits into a budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from archlang.ir.graph import Model
from archlang.ir.memory import Part, follow, input_bytes
from archlang.ir.ops.trace import DTYPE_BYTES, Setting
from archlang.ir.walk import fold_totals
from archlang.records import record

OPTIMIZERS = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}
"""Optimizers, with the numbers that each holds for every parameter from step to step."""

TEMPORARY = {"adam": 1, "adamw": 1}
"""Numbers for every parameter that an optimizer needs while it steps: on a GPU torch does all parameters at once."""

LARGEST_BATCH = 10**9


@record
class Plan:
    """How a model is meant to run."""

    batch: int = 1
    dtype: str = "float32"
    mode: Literal["train", "infer"] = "train"
    optimizer: str = "adam"
    device: Literal["cpu", "cuda"] = "cuda"

    @property
    def setting(self) -> Setting:
        """What the layers need to know of it."""
        return Setting(self.batch, DTYPE_BYTES[self.dtype], self.mode == "train", self.device)


@record(eq=False)
class Memory:
    """What a model needs, in bytes.

    `kept` is what autograd holds for the backward pass, inputs that a layer reads again with it; `alive` is the most
    that is there at once beside parameters, buffers, the optimizer's state and the inputs. `total` is the peak of all:
    of a training step, or of running.
    """

    plan: Plan
    part: Part
    parameters: int
    buffers: int
    inputs: int
    gradients: int
    state: int
    kept: int
    alive: int

    @property
    def total(self) -> int:
        """The most that is needed at once."""
        return self.parameters + self.buffers + self.inputs + self.state + self.alive


def memory_of(model: Model, plan: Plan) -> Memory:
    """What a model needs; visits what was written, not what it expands to."""
    part, training = follow(model, plan.setting), plan.mode == "train"
    # of the totals: shared weights lie in memory once, those of training-only parts always.
    parameters = fold_totals(model)[-1].parameters * plan.setting.itemsize
    inputs = input_bytes(model, plan.setting)
    return Memory(
        plan,
        part,
        parameters,
        part.effect.buffers,
        sum(inputs),
        part.effect.gradients,
        OPTIMIZERS[plan.optimizer] * parameters if training else 0,
        part.effect.kept,
        _most_alive(part, inputs, plan) if training else part.effect.peak,
    )


def _most_alive(part: Part, inputs: tuple[int, ...], plan: Plan) -> int:
    """The most of a training step: forwards, backwards, or while the optimizer steps."""
    # a kept input counts for the layer that keeps it, and again among the inputs: once is enough.
    own = sum(inputs[group] for group in part.keeps)  # kept inputs are there in any case
    temporary = TEMPORARY.get(plan.optimizer, 0) if plan.device == "cuda" else 0
    # gradients are all there when the optimizer steps, activations are all gone.
    return max(part.effect.peak, part.effect.back - own, part.effect.gradients * (1 + temporary))


def largest_batch(model: Model, plan: Plan, limit: int) -> int:
    """Samples at once that fit into `limit` bytes: 0 if not even one does, `LARGEST_BATCH` if any number does."""

    def needed(batch: int) -> int:
        """Bytes with so many samples at once."""
        return memory_of(model, Plan(batch, plan.dtype, plan.mode, plan.optimizer, plan.device)).total

    return _largest(needed, limit) if needed(1) <= limit else 0


def _largest(needed: Callable[[int], int], limit: int) -> int:
    """The last number for which not more than `limit` is needed. What is needed grows, and ever faster if at all."""
    fits, too_many = 1, LARGEST_BATCH + 1
    while too_many - fits > 1:
        here = needed(fits)
        slope = needed(fits + 1) - here
        # what grows ever faster lies above its tangent, so the guess is too high or right; where it is a line, at once.
        guess = fits + (limit - here) // slope if slope > 0 else LARGEST_BATCH
        guess = min(max(guess, fits + 1), too_many - 1)
        if needed(guess) <= limit:
            fits = guess
        else:
            too_many = guess
            # halving behind each guess that is too high bounds their number by 30.
            middle = (fits + too_many) // 2
            if middle > fits and needed(middle) <= limit:
                fits = middle
            elif middle > fits:
                too_many = middle
    return fits
