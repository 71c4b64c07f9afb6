"""What a live module consists of when it runs: steps on numbered values, and modules that take them one by one."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from functools import reduce
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor, nn

from archlang.backends import support
from archlang.ir.ops.base import Shape
from archlang.records import record

Child = nn.Module | nn.Parameter


@record
class Step:
    """One step of a graph: the child to call by name, or a function; values are known by numbers.

    Without inputs it is a tensor of the module's own, made as many as the samples. `training` says that it runs in
    training only. `name` is the layer's or part's own.
    """

    child: str | None
    function: Callable[..., Any] | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    training: bool = False
    result: int | None = None
    named: tuple[tuple[str, Any], ...] = ()
    shape: Shape = ()
    name: str | None = None


Plan = tuple[tuple[tuple[Step, tuple[int, ...]], ...], tuple[int, ...]]
"""The steps of a run, each with the values that nothing reads after it, and what the run gives."""

Plans = tuple[Plan, Plan]
"""How a graph runs in training, and in evaluation: one and the same where nothing runs in training only."""


def planned(steps: Sequence[Step], results: Sequence[int], aside: Collection[int] = ()) -> Plans:
    """The plans of steps; results whose places are in `aside` are given in training only, as what only runs there."""
    made = {number for step in steps if step.training for number in step.outputs}
    always = [number for place, number in enumerate(results) if place not in aside and number not in made]
    whole = _plan(steps, tuple(results))
    if len(always) == len(results) and not made:
        return whole, whole
    return whole, _plan([step for step in steps if not step.training], tuple(always))


def _plan(steps: Sequence[Step], results: tuple[int, ...]) -> Plan:
    last = {number: index for index, step in enumerate(steps) for number in step.inputs}
    kept = set(results)
    spent = (
        tuple([number for number in dict.fromkeys(step.inputs) if last[number] == index and number not in kept])
        for index, step in enumerate(steps)
    )
    return tuple(zip(steps, spent, strict=True)), results


@record
class Function:
    """A function of tensors: torch's by its name with its other arguments, a sum, a product, or a slice."""

    target: str
    given: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]
    as_tuple: bool

    def __call__(self, *inputs: Tensor) -> Any:
        """The function of the tensors."""
        match self.target:
            case "+":
                return reduce(operator.add, inputs)
            case "*":
                return reduce(operator.mul, inputs)
            case "[]":
                return inputs[0][(..., *(slice(*ends) for ends in self.given[0]))]
            case _:
                tensors = (inputs,) if self.as_tuple else inputs
                return torch_object(self.target)(*tensors, *self.given, **dict(self.named))


class Titled(nn.Module):
    """A module that prints under the name of its block or model, and keeps values of its parts on request.

    `_kept` has a list for each part whose values are wanted.
    """

    _title = ""
    _kept: dict[str, list[Any]] | None = None

    def _get_name(self) -> str:
        return self._title or super()._get_name()

    def _keep(self, name: str | None, value: Any) -> Any:
        """Keep a value if it is wanted. A copy goes on, which a layer that works in place may change."""
        if self._kept is None or name not in self._kept:
            return value
        self._kept[name].append(value)
        items = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
        copies = tuple(item.clone() for item in items)
        return copies if isinstance(value, tuple) else copies[0]


def entitle(module: Titled, title: str) -> None:
    """Set what a module prints as; not by a public name, which a part could have."""
    module.__dict__["_title"] = title


class Chain(Titled, nn.Sequential):
    """Children one after the other."""

    _title = "Sequential"

    def forward(self, input: Any) -> Any:  # noqa: A002  (torch's name)
        """Run the children."""
        child: Any
        for name, child in self._modules.items():
            input = self._keep(name, child(input))  # noqa: A001
        return input


class Graph(Titled):
    """Children under the names of the IR, called as the plans for training and for evaluation say."""

    def __init__(self, children: Sequence[tuple[str, Child]], plans: Plans) -> None:
        super().__init__()
        for name, child in children:
            if isinstance(child, nn.Parameter):
                self.register_parameter(name, child)
            else:
                self.add_module(name, child)
        self._in_training, self._in_evaluation = plans

    def forward(self, x: Tensor, *others: Tensor) -> Any:
        """Run the graph."""
        batch = x.shape[0]
        values: dict[int, Any] = dict(enumerate((x, *others)))
        plan, ends = self._in_training if self.training else self._in_evaluation
        for step, spent in plan:
            given = self._run(step, [values[number] for number in step.inputs], batch)
            if self._kept is not None:
                given = self._keep(step.name, given)
            for number in spent:
                del values[number]
            if len(step.outputs) == 1:
                values[step.outputs[0]] = given
            else:
                values.update(zip(step.outputs, given, strict=True))
        results = tuple([values[number] for number in ends])
        return results[0] if len(results) == 1 else results

    def _run(self, step: Step, given: list[Any], batch: int) -> Any:
        if not given:
            return getattr(self, step.child or "").expand(batch, *step.shape)
        part: Any = step.function or self._modules[step.child or ""]
        result = part(*given, **dict(step.named)) if step.named else part(*given)
        return result if step.result is None else result[step.result]


def torch_object(target: str) -> Any:
    """What `nn.Conv2d`, `torch.flatten` or `package.module:Class` names."""
    if ":" in target:
        module, name = target.split(":")
        return getattr(import_module(module), name)
    found: Any = {"nn": nn, "torch": torch, "support": support}[target.partition(".")[0]]
    for part in target.split(".")[1:]:
        found = getattr(found, part)
    return found
