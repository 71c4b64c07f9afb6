"""From a model to a live torch.nn.Module, straight from the IR and not by way of generated source.

Both backends make the same parameters under the same names in the same order, so that each is a witness for the other.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from archlang.backends.activations import record_values
from archlang.backends.input_check import InputCheck, input_check
from archlang.backends.signatures import argument_names, arguments_of, blank, kind_with, plain_kind
from archlang.backends.state_keys import compare_shapes, shapes_of
from archlang.backends.taken import check_samples, check_tensors, in_order, kind_text
from archlang.backends.torch_graph import Graph, entitle
from archlang.backends.torch_recipe import recipe_of
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.ir.graph import Model
from archlang.ir.ops.base import Shape


class ArchModule(Graph):
    """The module of a model, which is kept as `arch`.

    With `seed` its values are those of `torch.manual_seed(seed)`, on every device alike, and the global random state
    stays as it was. Raises `Diagnosed` for more layers than a live module may have (`torch_recipe.LAYER_LIMIT`).
    """

    arch: Model

    def __init__(self, model: Model, seed: int | None = None, device: Device = None) -> None:
        recipe = recipe_of(model)
        target = torch.get_default_device() if device is None else torch.device(device)
        # made on the CPU and moved later: a GPU would draw other numbers from the same seed
        with _seeded(seed), _making_on("meta" if target.type == "meta" else "cpu"):
            super().__init__(recipe.root.make_children(), recipe.root.plans)
            self.arch = model
            self._built = tuple(given.shape for given in model.inputs)
            self._mark = recipe.mark
            self._takes: dict[bool, InputCheck] = {}
            entitle(self, model.name)
            recipe.initialise(self)
        self._take_names()
        if target.type not in ("cpu", "meta"):
            self.to(target)

    def forward(self, *given: Any, **named: Any) -> Any:
        """Run the model on its inputs, in their order or by their names.

        Raises TypeError for inputs that are missing or are no tensors, and ValueError for other ranks or sizes than it
        takes. A module's own class has the names of its inputs in place of the stars.
        """
        return self._take(*in_order(self.arch.name, self._inputs, given, named))

    def __call__(self, *given: Any, **named: Any) -> Any:
        """As torch's, but what is missing or has no such name is said with the names of the inputs."""
        if named or len(given) != len(self._built):
            arguments = arguments_of(type(self))
            if arguments is not None:  # the user's own forward takes what it likes
                labels = dict(zip(arguments, self._inputs, strict=True))
                by_label = {labels.get(word, word): value for word, value in named.items()}
                ordered = in_order(self.arch.name, self._inputs, given, by_label)
                if not named.keys() <= set(arguments):
                    given, named = ordered, {}
        return super().__call__(*given, **named)

    def _take(self, *inputs: Any) -> Any:
        # what compiles, exports or traces it has guards of its own, or no sizes yet
        if not (torch.compiler.is_compiling() or _is_tracing() or isinstance(inputs[0], torch.fx.Proxy)):
            self._check_inputs(*inputs)
        return super().forward(*inputs)

    def _take_names(self) -> None:
        """Give `forward` the names of the inputs."""
        self.__class__ = kind_with(type(self), ArchModule, argument_names(self._inputs), self._mark)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """By the class that was named, which has those with the names of inputs made again."""
        kind = plain_kind(type(self))
        if kind is type(self):
            return super().__reduce_ex__(protocol)
        return blank, (kind,), self.__getstate__()

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)  # pyright: ignore[reportUnknownMemberType]
        self._take_names()

    @property
    def _inputs(self) -> tuple[str, ...]:
        return tuple([given.name for given in self.arch.inputs])

    def _check_inputs(self, *inputs: Any) -> None:
        """Which other sizes it takes costs some time: that is worked out when the first ones arrive."""
        if len(inputs) != len(self._built):
            in_order(self.arch.name, self._inputs, inputs, {})
        check_tensors(self.arch.name, self._inputs, inputs)
        # the sizes that were written need no further look: the usual call pays one comparison
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
            start, wanted = f"cannot load this state into {self._get_name()}", self.state_dict()
            wrong = [key for key in wanted if key in state_dict and not isinstance(state_dict[key], Tensor)]
            if wrong:
                what = kind_text(state_dict[wrong[0]])
                raise RuntimeError(f"{start}: `{wrong[0]}` must be a tensor, not {what}") from error
            report = compare_shapes(shapes_of(state_dict), shapes_of(wanted))
            # names and shapes are all right, so it is something else that torch says best itself
            if report.complete and not report.reshaped:
                raise
            raise RuntimeError(f"{start}: {report}") from error

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


def _making_on(device: str) -> AbstractContextManager[object]:
    """New tensors are made there. Nothing is set where they are anyway: what is set looks at every call of torch."""
    return nullcontext() if torch.get_default_device().type == device else torch.device(device)


@contextmanager
def _seeded(seed: int | None) -> Generator[None]:
    if seed is None:
        yield
        return
    number = _seed_number(seed)
    state = torch.get_rng_state()
    try:
        # not torch.manual_seed, which seeds the generators of all GPUs too, and these would not be put back
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
