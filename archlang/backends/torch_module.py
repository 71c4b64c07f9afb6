"""From a model to a live torch.nn.Module, straight from the IR and not by way of generated source.

Both backends make the same parameters under the same names in the same order, so that each is a witness for the other.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, reduce
from importlib import import_module
from itertools import count
from numbers import Integral
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from archlang.backends import support
from archlang.backends.activations import record_values
from archlang.backends.initialise import SCHEMES, Initialisation, initialisation
from archlang.backends.input_check import InputCheck, input_check
from archlang.backends.state_keys import compare_shapes, shapes_of
from archlang.backends.taken import check_samples, check_tensors, in_order
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.errors.limits import TooManyLayers
from archlang.ir.graph import Body, BodyId, Layer, Model, Node, Ref, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.ops.embedding import LearnedTensor
from archlang.ir.walk import Starts, advance, copies, fold_totals, name_text
from archlang.records import record

LAYER_LIMIT = 100_000
"""Most layers of a live module."""


Child = nn.Module | nn.Parameter


@record
class Step:
    """One step of a graph: the child to call by name, or a function; values are known by numbers.

    Without inputs it is a tensor of the module's own, made as many as the samples. `spent` are the values that nothing
    reads after this step, `training` says that it runs in training only. `name` is the layer's or part's own.
    """

    child: str | None
    function: Callable[..., Any] | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    training: bool = False
    result: int | None = None
    named: tuple[tuple[str, Any], ...] = ()
    shape: Shape = ()
    spent: tuple[int, ...] = ()
    name: str | None = None


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
                return _torch_object(self.target)(*tensors, *self.given, **dict(self.named))


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


def _entitle(module: Titled, title: str) -> None:
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
    """Children under the names of the IR, called as its graph says.

    Results whose places are in `aside` are given in training only, as are those of steps that run only there.
    """

    def __init__(
        self,
        children: Sequence[tuple[str, Child]],
        steps: Sequence[Step],
        results: Sequence[int],
        aside: Collection[int] = (),
    ) -> None:
        super().__init__()
        for name, child in children:
            if isinstance(child, nn.Parameter):
                self.register_parameter(name, child)
            else:
                self.add_module(name, child)
        made = {number for step in steps if step.training for number in step.outputs}
        always = [number for place, number in enumerate(results) if place not in aside and number not in made]
        self._in_training = _with_spent(steps, tuple(results))
        self._in_evaluation = self._in_training
        if len(always) < len(results) or made:
            self._in_evaluation = _with_spent([step for step in steps if not step.training], tuple(always))

    def forward(self, x: Tensor, *others: Tensor) -> Any:
        """Run the graph."""
        batch = x.shape[0]
        values: dict[int, Any] = dict(enumerate((x, *others)))
        steps, ends = self._in_training if self.training else self._in_evaluation
        for step in steps:
            given = self._keep(step.name, self._run(step, [values[number] for number in step.inputs], batch))
            for number in step.spent:
                del values[number]
            values.update(zip(step.outputs, given if len(step.outputs) > 1 else (given,), strict=True))
        results = tuple(values[number] for number in ends)
        return results[0] if len(results) == 1 else results

    def _run(self, step: Step, given: list[Any], batch: int) -> Any:
        part: Any = step.function or getattr(self, step.child or "")
        if isinstance(part, nn.Parameter):
            return part.expand(batch, *step.shape)
        result = part(*given, **dict(step.named))
        return result if step.result is None else result[step.result]


class ArchModule(Graph):
    """The module of a model, which is kept as `arch`.

    With `seed` its values are those of `torch.manual_seed(seed)`, on every device alike, and the global random state
    stays as it was. Raises `Diagnosed` for more layers than `LAYER_LIMIT`.
    """

    arch: Model
    _still: tuple[str, ...] = ()

    def __init__(self, model: Model, seed: int | None = None, device: Device = None) -> None:
        layers = fold_totals(model)[-1].layers
        if layers > LAYER_LIMIT:
            raise Diagnosed(Diagnostic(TooManyLayers(layers, LAYER_LIMIT), None, model.origin.file))
        target = torch.get_default_device() if device is None else torch.device(device)
        init = initialisation(model)
        with _seeded(seed), torch.device("meta" if target.type == "meta" else "cpu"):
            aside = {side.port for side in model.sides if side.training}
            super().__init__(*_Builder(model, init).content(len(model.bodies) - 1), aside)
            self.arch = model
            self._built = tuple(given.shape for given in model.inputs)
            self._takes: dict[bool, InputCheck] = {}
            _entitle(self, model.name)
            _initialise_all(self, model, init)
            self.to(target)

    def forward(self, x: Any = None, /, *others: Any, **named: Any) -> Any:
        """Run the model on its inputs, in their order or by their names.

        Raises TypeError for inputs that are missing or are no tensors, and ValueError for other ranks or sizes than it
        takes.
        """
        words: Any = named
        if isinstance(words, dict) and (named or x is None):  # torch.fx has a proxy here
            x, *rest = in_order(self.arch.name, self._inputs, (*(() if x is None else (x,)), *others), named)
            others = tuple(rest)
        if isinstance(x, torch.fx.Proxy):
            others = tuple(others[index] for index in range(len(self._built) - 1))  # one proxy stands for them all
        elif not (torch.compiler.is_compiling() or _is_tracing()):  # what compiles or exports it has guards of its own
            self._check_inputs(x, *others)
        return super().forward(cast("Tensor", x), *others)

    @property
    def _inputs(self) -> tuple[str, ...]:
        return tuple([given.name for given in self.arch.inputs])

    def _check_inputs(self, *inputs: Any) -> None:
        """Which other sizes it takes costs some time: that is worked out when the first ones arrive."""
        if len(inputs) != len(self._built):
            in_order(self.arch.name, self._inputs, inputs, {})
        check_tensors(self.arch.name, self._inputs, inputs)
        if tuple([tuple(given.shape[1:]) for given in inputs]) != self._built:
            self._check_shapes(tuple(tuple(given.shape) for given in inputs))
        check_samples(self.arch.name, self._inputs, inputs)

    def _check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        if self.training not in self._takes:
            self._takes[self.training] = input_check(self.arch, self.training)
        takes = self._takes[self.training]
        if not _is_admitted(takes, shapes):
            raise ValueError(takes.message(shapes))

    def _repr_html_(self) -> str:
        """What a notebook shows: the report's table, and the diagram behind a click."""
        from archlang.backends.showing import model_html

        return model_html(self.arch)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch's. A RuntimeError lists what is missing, unexpected or of another shape, with the nearest names."""
        try:
            return super().load_state_dict(state_dict, strict, assign)
        except RuntimeError as error:
            report = compare_shapes(shapes_of(state_dict), shapes_of(self.state_dict()))
            if report.complete and not report.reshaped:
                raise
            raise RuntimeError(f"cannot load this state into {self._get_name()}: {report}") from error

    def keep_in_evaluation(self, parts: Sequence[str]) -> None:
        """Keep these parts, and no others, in evaluation mode, now and whenever `train` is called."""
        mode, self._still = self.training, ()
        self.train(mode)
        self._still = tuple(parts)
        self.train(mode)

    def train(self, mode: bool = True) -> Self:
        """As torch's; parts that are frozen stay in evaluation mode."""
        super().train(mode)
        module: Any = self  # the type of named_modules is not known in full
        parts: dict[str, Any] = dict(module.named_modules()) if self._still else {}
        for part in self._still:
            if part in parts:  # and not taken out since
                parts[part].eval()
        return self

    def activations(self, *given: Tensor | str, **named: Tensor) -> dict[str, Any]:
        """The values of layers and parts, by the names given after the inputs: `net.activations(x, "features.3")`.

        Inputs can go by their names, too. Each value has its shape in the table of `archlang.check`, with the batch; of
        a part that runs several times, whose weights are shared, it is the tuple of its values. Values are part of the
        graph of gradients. The whole model runs, in training or evaluation as it stands, also under torch.compile.
        Raises `ArchitectureError` for a name that the model does not have, or that does not run now, and TypeError for
        what is neither a tensor nor a name.
        """
        return record_values(self, self.arch, given, named)


Device = str | torch.device | None


def build_module(model: Model, seed: int | None = None, device: Device = None) -> ArchModule:
    """The live module: see `ArchModule`."""
    return ArchModule(model, seed, device)


def _is_tracing() -> bool:
    """Whether torch.jit.trace follows, for which sizes are tensors."""
    return torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


@lru_cache(maxsize=4096)
def _is_admitted(takes: InputCheck, shapes: tuple[Shape, ...]) -> bool:
    """Remembered: a loop of training asks the same again and again."""
    return takes.admits(shapes)


@contextmanager
def _seeded(seed: int | None) -> Generator[None]:
    if seed is None:
        yield
        return
    number = _seed_number(seed)
    state = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(number)
        yield
    finally:
        torch.set_rng_state(state)


def _seed_number(seed: object) -> int:
    """A seed of any kind of integer, numpy's too. Raises `Diagnosed`."""
    if isinstance(seed, Integral) and -(2**63) <= int(seed) < 2**64:
        return int(seed)
    problem = BadOption("seed", repr(seed), "a whole number from -2**63 to 2**64 - 1")
    raise Diagnosed(Diagnostic(problem, None, "seed"))


def _initialise_all(module: nn.Module, model: Model, init: Initialisation) -> None:
    """Give all layers the scheme that they share, if they do."""
    if init.shared:
        types = _initialised_types(model)
        for child in module.modules():
            if isinstance(child, types):
                initialise(child, init.shared)


def _initialised_types(model: Model) -> tuple[type[nn.Module], ...]:
    layers = (node for body in model.bodies for node in body.nodes if isinstance(node, Layer))
    return tuple({_torch_object(layer.op.torch().target) for layer in layers if layer.op.initialised})


def initialise(layer: Any, scheme: str) -> None:
    """Give a layer's weights the values of a scheme, and its biases 0."""
    function = getattr(nn.init, SCHEMES[scheme].function)
    function(layer.weight, **dict(SCHEMES[scheme].arguments))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _torch_object(target: str) -> Any:
    """What `nn.Conv2d`, `torch.flatten` or `package.module:Class` names."""
    if ":" in target:
        module, name = target.split(":")
        return getattr(import_module(module), name)
    found: Any = {"nn": nn, "torch": torch, "support": support}[target.partition(".")[0]]
    for part in target.split(".")[1:]:
        found = getattr(found, part)
    return found


Content = tuple[list[tuple[str, Child]], list[Step], tuple[int, ...]]


class _Builder:
    """Builds the modules of one model; every copy is new."""

    def __init__(self, model: Model, init: Initialisation) -> None:
        self.model = model
        self.init = init

    def module(self, body_id: BodyId) -> nn.Module:
        """The module of a body that opens a scope: `nn.Sequential` where it is a plain chain of modules."""
        body = self.model.bodies[body_id]
        children, steps, results = self.content(body_id)
        chain = len(body.inputs) == 1 and _is_chain(steps, results)
        module = Chain(OrderedDict(_modules(children))) if chain else Graph(children, steps, results)
        if body.definition:
            _entitle(module, body.definition)
        return module

    def content(self, body_id: BodyId) -> Content:
        """Children by name, steps and results of a scope."""
        body = self.model.bodies[body_id]
        scope = _Scope(self, count(len(body.inputs)))
        results = scope.follow(body, tuple(range(len(body.inputs))), {})
        return scope.children, scope.steps, results

    def layer(self, layer: Layer) -> Any:
        """The module, parameter or function of a layer."""
        call = layer.op.torch()
        given = tuple(a.value for a in call.arguments if a.positional)
        named = tuple((a.name, a.value) for a in call.arguments if not a.positional)
        if isinstance(layer.op, LearnedTensor):
            return _parameter(layer.op)
        if not call.is_module:
            return Function(call.target, given, named, call.tuple_inputs)
        module = _torch_object(call.target)(*given, **dict(named))
        if scheme := self.init.of(layer):
            initialise(module, scheme)
        return module


def _modules(children: Sequence[tuple[str, Child]]) -> Iterator[tuple[str, nn.Module]]:
    return ((name, child) for name, child in children if isinstance(child, nn.Module))


def _parameter(op: LearnedTensor) -> nn.Parameter:
    values = torch.empty(op.stored).normal_(op.fill, op.std) if op.std else torch.full(op.stored, op.fill)
    return nn.Parameter(values)


class _Scope:
    """One scope of names being filled; repeats are transparent."""

    def __init__(self, builder: _Builder, numbers: count[int]) -> None:
        self.builder = builder
        self.numbers = numbers
        self.children: list[tuple[str, Child]] = []
        self.steps: list[Step] = []

    def follow(self, body: Body, inputs: tuple[int, ...], starts: Starts) -> tuple[int, ...]:
        """Append one copy of a body; returns the numbers of what it gives."""
        values = {Ref(-1, port): number for port, number in enumerate(inputs)}
        for index, node in enumerate(body.nodes):
            begun = len(self.steps)
            given = self._node(node, tuple(values[ref] for ref in node.inputs), starts)
            if index in body.training:
                self.steps[begun:] = [replace(step, training=True) for step in self.steps[begun:]]
            values |= {Ref(index, port): number for port, number in enumerate(given)}
        return tuple(values[ref] for ref in body.outputs)

    def _node(self, node: Node, inputs: tuple[int, ...], starts: Starts) -> tuple[int, ...]:
        if isinstance(node, Repeat):
            return self._repeat(node, inputs, starts)
        name = name_text(node.name, starts) if node.name else None
        outputs = tuple(next(self.numbers) for _ in node.outputs)
        step = Step(name, None, inputs, outputs, shape=node.outputs[0], name=name)
        if not node.shared:
            part = self.builder.layer(node) if isinstance(node, Layer) else self.builder.module(node.body)
            if name is not None and isinstance(part, nn.Module | nn.Parameter):
                self.children.append((name, part))
            else:
                # What has no name is no child, and torch.fx traces only modules that are.
                function = part.forward if isinstance(part, nn.Module) else part
                step = replace(step, child=None, function=function)
        self.steps.append(_with_call(step, node) if isinstance(node, Layer) else step)
        return outputs

    def _repeat(self, repeat: Repeat, inputs: tuple[int, ...], starts: Starts) -> tuple[int, ...]:
        ends = inputs
        for body_id, times, offsets in copies(self.builder.model, repeat, starts):
            body = self.builder.model.bodies[body_id]
            for _ in range(times):
                ends = self.follow(body, inputs, offsets)
                inputs = (ends[0], *inputs[1:])
                offsets = advance(offsets, body)
        return ends


def _with_call(step: Step, layer: Layer) -> Step:
    """The step with what the layer's call says beyond its inputs."""
    call = layer.op.torch()
    inputs = tuple(step.inputs[index] for index in call.inputs) if call.inputs else step.inputs
    named = tuple((argument.name, argument.value) for argument in call.call_arguments)
    return replace(step, inputs=inputs, named=named, result=call.result)


def _is_chain(steps: Sequence[Step], results: tuple[int, ...]) -> bool:
    """Whether `nn.Sequential` runs the steps: modules, each one once, each fed with what the one before gives."""
    plain = all(
        replace(step, shape=(), spent=(), name=None) == Step(step.child, None, (index,), (index + 1,))
        for index, step in enumerate(steps)
    )
    names = {step.child for step in steps}
    if any(name and hasattr(nn.Sequential, name) for name in names):
        return False
    return plain and None not in names and len(names) == len(steps) and results == (len(steps),)


Plan = tuple[tuple[Step, ...], tuple[int, ...]]
"""The steps of a run, and what it gives."""


def _with_spent(steps: Sequence[Step], results: tuple[int, ...]) -> Plan:
    """The steps, each with the values that it reads last, and the results."""
    last = {number: index for index, step in enumerate(steps) for number in step.inputs}
    spent = (
        tuple(number for number in dict.fromkeys(step.inputs) if last[number] == index and number not in results)
        for index, step in enumerate(steps)
    )
    return tuple(replace(step, spent=values) for step, values in zip(steps, spent, strict=True)), results
