"""What every layer declares: its words and arguments, its shape rule, its counts and its torch expression.

One subclass of `Op` holds all of it in one place; registering it needs no change elsewhere. Shapes leave out the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from archlang.diagnostics import Problem
from archlang.errors.shapes import WrongRank
from archlang.errors.words import product_text
from archlang.ir.arithmetic import Reach
from archlang.ir.ops.trace import Tensor, Trace
from archlang.records import record

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Shape = tuple[int, ...]
Sizes = tuple[int, ...]
Field = tuple[Reach, ...]
"""A part of a map: the positions along each of its axes."""

Value = Any
"""A value of the language: int, float, bool, str, None or a tuple of values."""

REQUIRED = object()
"""Marks an argument without a default."""


class OpError(Exception):
    """A layer cannot be built from its arguments, or cannot take its input; carries the problem without a place."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@record
class Parameter:
    """One argument of a layer as a file writes it.

    `read` turns the value written into the op's canonical one, given the layer's word, the argument's name and the
    number of axes to slide over; it raises `OpError`. `letter` is the lectures' name (K, F, S, P).
    """

    name: str
    read: Callable[[str, str, Value, int], Any]
    default: Any = REQUIRED
    letter: str = ""
    keyword: bool = False

    @property
    def text(self) -> str:
        """`stride=1`, or the bare name where a value is needed."""
        # only errors and docs ask for it: a check without errors does not pay for the import.
        from archlang.errors.words import value_text

        return self.name if self.default is REQUIRED else f"{self.name}={value_text(self.default)}"


@record
class TorchArgument:
    """One argument of a torch expression. `role` marks numbers that follow from the input (`in`) or set the output
    (`out`), so that a loop in generated source can carry them from copy to copy."""

    name: str
    value: Any
    positional: bool = False
    role: Literal["", "in", "out"] = ""


@record
class TorchCall:
    """The torch expression of a layer, arguments at torch's defaults left out.

    `target` is one of: a module class (`nn.Conv2d`); a module class of archlang's own that is copied into generated
    files (`support.AddCoords`, in `backends/support.py`); a module class of another package, which generated files
    import (`package.module:Class`); a function of the input tensors (`torch.flatten`); `+` or
    `*` between all inputs; `[]`, slices of the last axes given as (start, stop) pairs; `nn.Parameter`, for a tensor
    of the model's own. A module is called with its inputs in the order of `inputs` (empty: each once) and with
    `call_arguments`; of a tuple that it returns, `result` is taken. `tuple_inputs` passes all inputs as one tuple, as
    torch.cat takes them.
    """

    target: str
    arguments: tuple[TorchArgument, ...] = ()
    inputs: tuple[int, ...] = ()
    call_arguments: tuple[TorchArgument, ...] = ()
    result: int | None = None
    tuple_inputs: bool = False

    @property
    def is_module(self) -> bool:
        """Whether it is a module to construct, not a function to call."""
        # a class of another package is written `package.module:Class`; the colon stands in no other target.
        own = self.target.startswith(("nn.", "support.")) and self.target != "nn.Parameter"
        return own or ":" in self.target


Lines = tuple[str, ...]

Counts = Mapping[str, Shape]
"""Tensors by torch's name with their shapes: {"weight": (64, 3, 11, 11), "bias": (64,)}."""


@record(kw_only=True)
class Op:
    """One kind of layer with its arguments in canonical form.

    Class variables: `tag` identifies the kind in files, `words` are its spellings (a trailing digit as in `Conv2d`
    demands that many axes), `kind` is the base of automatic names, `signature` its arguments in torch's order,
    `initialised` says whether `init=` can set its weights, and `family` groups layers for diagrams and lists.
    `inferred` is the argument of torch's class that follows from the input and is not written here, `inferred_at` its
    position there. `adapted` are torch's classes of the same layer with arguments of their own, each argument with its
    name here.
    `is_source` marks ops without an input, `is_join` those fed with the branches of braces, `integer_input` those that
    read indices instead of real numbers, and `keeps_integers` those whose output is of whole numbers where the inputs
    are, as torch runs them: what is looked up behind them are indices already before them.
    """

    tag: ClassVar[str]
    words: ClassVar[tuple[str, ...]]
    kind: ClassVar[str]
    signature: ClassVar[tuple[Parameter, ...]] = ()
    initialised: ClassVar[bool] = False
    family: ClassVar[str] = "other"
    is_source: ClassVar[bool] = False
    is_join: ClassVar[bool] = False
    inferred: ClassVar[str] = ""
    inferred_at: ClassVar[int] = 0
    adapted: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    integer_input: ClassVar[bool] = False
    keeps_integers: ClassVar[bool] = False

    @classmethod
    def instead_of_inferred(cls, value: object) -> str:
        """What to write for torch's argument `inferred` of this value: nothing, mostly."""
        del value
        return ""

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """The op for `given` (canonical values, defaults filled in) on an input of `shape`."""
        del word, shape
        return cls(**given)

    @classmethod
    def build_join(cls, word: str, given: dict[str, Value], shapes: tuple[Shape, ...]) -> Self:
        """The op for several inputs, or none; only joins and sources differ from `build`."""
        return cls.build(word, given, shapes[0] if shapes else ())

    @classmethod
    def slides_over(cls, shape: Shape) -> int:
        """How many axes sizes of this op have for an input of `shape`: all but the channels."""
        # (features) counts as one axis, so that a lone number can be read; whether the rank fits is asked later.
        return max(len(shape) - 1, 1)

    @property
    def torch_class(self) -> str:
        """torch's class name, `Conv2d`, or the word of the language where torch has none."""
        # by the expression and not by the class: AVGPOOL(to=6) is torch's AdaptiveAvgPool2d, and says so in the table.
        target = self.torch().target
        known = target.startswith("nn.") and target != "nn.Parameter"
        return target.removeprefix("nn.") if known else self.words[0]

    @property
    def summary(self) -> str:
        """The arguments that matter to a reader, in a few characters: `3x3, 64, stride 2`."""
        return ""

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape of the output; the same as the input unless overridden. Raises `OpError` where there is none."""
        return inputs[0]

    def infer_shapes(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Shapes of all outputs; only ops with several differ from `infer_shape`."""
        return (self.infer_shape(inputs),)

    def check(self, inputs: tuple[Shape, ...], strict: bool) -> Iterable[Problem]:
        """Problems of a layer that torch would run: rows never read. `strict` is the lectures' rule."""
        del inputs, strict
        return ()

    def parameters(self) -> Counts:
        """Trainable tensors."""
        return {}

    def buffers(self) -> Counts:
        """Tensors that are saved but not trained."""
        return {}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Multiply-accumulates for one sample: convolutions, linear layers and attention products; others have 0."""
        del inputs, output
        return 0

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """What the numbers of the output in `field` depend on in each input, as if maps had no border.

        Unless overridden, number for number of inputs that have the output's shape, or are spread over it; everything
        of others.
        """
        # a field is a box, one stretch of positions along each axis: each input gets one of its own.
        return tuple(_read_alike(field, shape, output) for shape in inputs)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Follow what torch allocates and keeps for the backward pass; returns the outputs.

        Unless overridden the layer keeps its inputs, and its outputs are new.
        """
        trace.keep(*inputs)
        return tuple(trace.output(shape) for shape in outputs)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """How the size of the output comes about, with its numbers."""
        return ("the shape stays",) if inputs and all(shape == output for shape in inputs) else ()

    def explain_parameters(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """How many numbers are learned, and how these come about."""
        del inputs, output
        # the name is empty where the layer is the tensor itself (LearnedTensor).
        tensors = self.parameters()
        sizes = tuple(f"{name or 'the tensor'}: {product_text(shape)}" for name, shape in tensors.items())
        together = (f"together {count_elements(tensors):,}",) if len(tensors) > 1 else ()
        return (*sizes, *together) if tensors else ("none: nothing is learned here",)

    def explain_macs(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """What the layer costs in multiply-accumulates, and how these come about."""
        macs = self.macs(inputs, output)
        return (f"{macs:,}",) if macs else ("none: only convolutions, linear layers and attention products count",)

    def torch(self) -> TorchCall:
        """The torch expression."""
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As `Op` itself: a union of all registered ops, told apart by their field `op`."""
        # pydantic asks the class of every field: only the field of type `Op` stands for all of them.
        if cls is not Op:
            return handler(source)
        from archlang.ir.json import op_union_schema

        return op_union_schema(handler)


def _read_alike(field: Field, shape: Shape, output: Shape) -> Field:
    """The field of an input that is read number for number; all of it where it is not."""
    # neither equal nor broadcast: nothing is known of which number goes where, so all of it may be read.
    if len(shape) != len(output) or any(n not in (1, out) for n, out in zip(shape, output, strict=True)):
        return (None,) * len(shape)
    # an axis of 1 that is spread over the output is read at its only position.
    return tuple((0, 0) if n < out and reach else reach for n, out, reach in zip(shape, output, field, strict=True))


def count_elements(tensors: Counts) -> int:
    """Numbers in all the tensors."""
    return sum(prod(shape) for shape in tensors.values())


def lacks_rule(op: Op, rule: Literal["parameters", "macs"]) -> bool:
    """Whether a layer leaves out the rule for a count although its torch expression may well have something to count.

    archlang's own layers leave out what is none by the report's conventions. A layer of another package may have left
    it out because nobody worked it out: its module is not known here, or it has parameters and thus something to
    multiply.
    """
    kind = type(op)
    # a class between may have the rule: what counts is whether it is still the empty one of `Op`.
    if getattr(kind, rule) is not getattr(Op, rule) or kind.__module__.startswith("archlang."):
        return False
    return ":" in op.torch().target or (rule == "macs" and bool(op.parameters()))


def require_rank(word: str, shape: Shape, ranks: tuple[int, ...], expected: str) -> None:
    """Raise unless the input has one of the numbers of axes (channels included)."""
    if len(shape) not in ranks:
        raise OpError(WrongRank(word, shape, expected))


def axis_index(word: str, dim: int, shape: Shape) -> int:
    """Where in `shape` the axis `dim` is, counted as torch does: 1 is the first behind the batch, -1 the last."""
    if not (1 <= dim <= len(shape) or -len(shape) <= dim <= -1):
        axes = f"axes 1 to {len(shape)} (the batch is axis 0 and stays)"
        raise OpError(WrongRank(f"{word}(dim={dim})", shape, axes))
    # shapes leave out the batch, so torch's axis 1 is index 0; from the end both count alike.
    return dim - 1 if dim > 0 else len(shape) + dim


def signature_call(op: Op, target: str, *leading: TorchArgument) -> TorchCall:
    """The expression of a layer whose signature is torch's: `leading`, then its other arguments by their names."""
    given = {argument.name for argument in leading}
    # names of a signature are torch's, so a layer without more to say needs no rule of its own.
    others = (keyword(p.name, getattr(op, p.name)) for p in op.signature if p.name not in given)
    return with_defaults(TorchCall(target, (*leading, *others)), {p.name: p.default for p in op.signature})


def with_defaults(call: TorchCall, defaults: Mapping[str, Any]) -> TorchCall:
    """The call without the keyword arguments that equal torch's defaults."""
    # what stands by position is kept even at torch's default: those behind it would move up.
    kept = (a for a in call.arguments if a.positional or a.name not in defaults or defaults[a.name] != a.value)
    return replace(call, arguments=tuple(kept))


def collapse(sizes: tuple[float, ...] | str) -> Any:
    """(3, 3) as 3, as one writes it; unequal sizes and words stay."""
    return sizes[0] if isinstance(sizes, tuple) and len(set(sizes)) == 1 else sizes


def keyword(name: str, value: Any) -> TorchArgument:
    """A named argument of a torch expression."""
    return TorchArgument(name, value)


def positional(name: str, value: Any, role: Literal["", "in", "out"] = "") -> TorchArgument:
    """An argument of a torch expression that is written without its name."""
    return TorchArgument(name, value, True, role)
