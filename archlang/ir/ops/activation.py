"""Non-linearities: the shape stays (but for maxout), nothing is counted as work."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from archlang.errors.arguments import NotAllowed, OutOfRange
from archlang.errors.words import plural
from archlang.ir.arithmetic import blocks_read
from archlang.ir.ops.arguments import choice, dimension, flag, number, whole
from archlang.ir.ops.base import (
    Counts,
    Field,
    Lines,
    Op,
    OpError,
    Shape,
    TorchCall,
    Value,
    axis_index,
    keyword,
    positional,
    signature_call,
    with_defaults,
)  # fmt: skip
from archlang.ir.ops.trace import INDEX_BYTES, Tensor, Trace
from archlang.records import record

INPLACE = flag("inplace", False)


@record(kw_only=True)
class _Activation(Op):
    """An activation whose arguments are those of its class in torch."""

    torch_name: ClassVar[str]
    keeps: ClassVar[Literal["input", "output"]] = "input"
    """What its gradient is computed from."""
    copies_in_place: ClassVar[bool] = True
    """Whether torch copies an input that is kept before it is replaced; else the output serves as well."""
    family = "activation"

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A new output, or the input itself with `inplace`; the backward pass needs the one that `keeps` names."""
        x = inputs[0]
        if getattr(self, "inplace", False):
            return (self._in_place(trace, x),)
        out = trace.new(x.shape, like=inputs)
        trace.keep(x if self.keeps == "input" else out)
        return (out,)

    def _in_place(self, trace: Trace, x: Tensor) -> Tensor:
        """What stands in for the input is kept: the output that replaces it, or a copy made before."""
        # autograd's rule for `relu6_` and its like: an old input that the gradient's formula needs is cloned first.
        copied = trace.recording and self.keeps == "input" and self.copies_in_place
        trace.keep(trace.new(x.shape, like=(x,)) if copied else x)
        return trace.same(x)

    @property
    def summary(self) -> str:
        """The arguments that are not torch's defaults."""
        changed = {p.name: getattr(self, p.name) for p in self.signature if getattr(self, p.name) != p.default}
        # %.4g keeps 0.6667 of LeNet's slope of 2/3 and drops the digits that nobody reads.
        shown = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in changed.items()}
        return ", ".join(f"{name} {value}" for name, value in shown.items() if name != "inplace")

    def torch(self) -> TorchCall:
        """torch's class with the arguments of the signature, which has torch's names and order."""
        return signature_call(self, self.torch_name)


@record(kw_only=True)
class ReLU(_Activation):
    """max(0, x) (torch.nn.ReLU). Any shape, which stays."""

    op: Literal["relu"] = "relu"
    inplace: bool

    tag = "relu"
    words = ("RELU", "ReLU")
    kind = "relu"
    keeps_integers = True
    torch_name = "nn.ReLU"
    # the gradient is 1 just where the output is above zero: with inplace no further memory is kept.
    keeps = "output"
    signature = (INPLACE,)


@record(kw_only=True)
class ReLU6(_Activation):
    """min(max(0, x), 6) (torch.nn.ReLU6), MobileNet's. Any shape, which stays."""

    op: Literal["relu6"] = "relu6"
    inplace: bool

    tag = "relu6"
    words = ("RELU6", "ReLU6")
    # automatic names are kind and number: the first `relu6` would have the name of ReLU number 61.
    kind = "clippedrelu"
    keeps_integers = True
    torch_name = "nn.ReLU6"
    signature = (INPLACE,)


@record(kw_only=True)
class LeakyReLU(_Activation):
    """x above zero, negative_slope times x below (torch.nn.LeakyReLU). Any shape, which stays."""

    op: Literal["leaky_relu"] = "leaky_relu"
    negative_slope: float
    inplace: bool

    tag = "leaky_relu"
    words = ("LEAKYRELU", "LeakyReLU")
    kind = "leakyrelu"
    torch_name = "nn.LeakyReLU"
    # with a slope above zero the output has the input's sign: `leaky_relu_` keeps it alone.
    copies_in_place = False
    signature = (number("negative_slope", 0.01), INPLACE)

    @property
    def summary(self) -> str:
        """The slope below zero, torch's default of 0.01 too: papers disagree on it (0.2 in GANs)."""
        return f"{self.negative_slope:g}"


@record(kw_only=True)
class PReLU(Op):
    """x above zero, a learned multiple of x below (torch.nn.PReLU). Any shape, which stays.

    One number for all, or with `channels=true` one for each channel (torch's `num_parameters`); each begins as `fill`
    (torch's `init`).
    """

    op: Literal["prelu"] = "prelu"
    num_parameters: int
    fill: float

    tag = "prelu"
    inferred = "num_parameters"
    words = ("PRELU", "PReLU")
    kind = "prelu"
    family = "activation"
    signature = (flag("channels", False), number("fill", 0.25))

    @classmethod
    def instead_of_inferred(cls, value: object) -> str:
        """`PReLU(64)` learns a number for each channel, a bare PReLU one for all."""
        return "" if value == 1 else "channels=true"

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """`channels=true` takes the number of parameters from the input, where torch wants it written."""
        return cls(num_parameters=shape[0] if given["channels"] else 1, fill=given["fill"])

    def parameters(self) -> Counts:
        """`weight` of 1 or C numbers, the name in torch's state dict."""
        return {"weight": (self.num_parameters,)}

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the input: the output alone does not tell where it came from, since a slope may be below zero."""
        trace.keep(inputs[0])
        return (trace.new(inputs[0].shape, like=inputs),)

    @property
    def summary(self) -> str:
        """How many slopes are learned."""
        return str(self.num_parameters)

    def torch(self) -> TorchCall:
        """`num_parameters` only where it is not torch's 1; `fill` is torch's `init`, a word that is taken here."""
        count = (positional("num_parameters", self.num_parameters, "in"),) if self.num_parameters > 1 else ()
        return with_defaults(TorchCall("nn.PReLU", (*count, keyword("init", self.fill))), {"init": 0.25})


@record(kw_only=True)
class ELU(_Activation):
    """x above zero, alpha*(exp(x) - 1) below (torch.nn.ELU). Any shape, which stays."""

    op: Literal["elu"] = "elu"
    alpha: float
    inplace: bool

    tag = "elu"
    words = ("ELU",)
    kind = "elu"
    torch_name = "nn.ELU"
    # ELU's gradient can be had from its output, y + alpha below zero, and `elu_` does it so.
    copies_in_place = False
    signature = (number("alpha", 1.0), INPLACE)


@record(kw_only=True)
class CELU(_Activation):
    """x above zero, alpha*(exp(x/alpha) - 1) below, without a bend for any alpha (torch.nn.CELU). The shape stays."""

    op: Literal["celu"] = "celu"
    alpha: float
    inplace: bool

    tag = "celu"
    words = ("CELU",)
    kind = "celu"
    torch_name = "nn.CELU"
    # torch computes it by ELU's kernels.
    copies_in_place = False
    signature = (number("alpha", 1.0), INPLACE)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` for alpha = 0, by which torch refuses to divide."""
        if given["alpha"] == 0:
            raise OpError(OutOfRange(word, "alpha", given["alpha"], "a number other than 0: x is divided by it"))
        return cls(**given)


@record(kw_only=True)
class SELU(_Activation):
    """1.0507 times an ELU of alpha 1.6733, which keeps mean 0 and variance 1 (torch.nn.SELU). The shape stays."""

    op: Literal["selu"] = "selu"
    inplace: bool

    tag = "selu"
    words = ("SELU",)
    kind = "selu"
    torch_name = "nn.SELU"
    copies_in_place = False
    signature = (INPLACE,)


@record(kw_only=True)
class GELU(_Activation):
    """x times the normal distribution's share below x, exactly or by tanh (torch.nn.GELU). Any shape, which stays."""

    op: Literal["gelu"] = "gelu"
    approximate: str

    tag = "gelu"
    words = ("GELU",)
    kind = "gelu"
    torch_name = "nn.GELU"
    signature = (choice("approximate", "none", "none", "tanh"),)


@record(kw_only=True)
class SiLU(_Activation):
    """x*sigmoid(x), also called swish (torch.nn.SiLU). Any shape, which stays."""

    op: Literal["silu"] = "silu"
    inplace: bool

    tag = "silu"
    words = ("SILU", "SiLU")
    kind = "silu"
    torch_name = "nn.SiLU"
    signature = (INPLACE,)


@record(kw_only=True)
class Mish(_Activation):
    """x*tanh(log(1 + exp(x))), YOLOv4's (Misra 2019; torch.nn.Mish). Any shape, which stays."""

    op: Literal["mish"] = "mish"
    inplace: bool

    tag = "mish"
    words = ("MISH", "Mish")
    kind = "mish"
    torch_name = "nn.Mish"
    signature = (INPLACE,)


@record(kw_only=True)
class Hardswish(_Activation):
    """x*min(max(0, x + 3), 6)/6, MobileNet v3's (torch.nn.Hardswish). Any shape, which stays."""

    op: Literal["hardswish"] = "hardswish"
    inplace: bool

    tag = "hardswish"
    words = ("HARDSWISH", "Hardswish")
    kind = "hardswish"
    torch_name = "nn.Hardswish"
    signature = (INPLACE,)


@record(kw_only=True)
class Hardsigmoid(_Activation):
    """min(max(0, x + 3), 6)/6 (torch.nn.Hardsigmoid). Any shape, which stays."""

    op: Literal["hardsigmoid"] = "hardsigmoid"
    inplace: bool

    tag = "hardsigmoid"
    words = ("HARDSIGMOID", "Hardsigmoid")
    kind = "hardsigmoid"
    torch_name = "nn.Hardsigmoid"
    signature = (INPLACE,)


@record(kw_only=True)
class Hardtanh(_Activation):
    """x held between min_val and max_val (torch.nn.Hardtanh). Any shape, which stays."""

    op: Literal["hardtanh"] = "hardtanh"
    min_val: float
    max_val: float
    inplace: bool

    tag = "hardtanh"
    words = ("HARDTANH", "Hardtanh")
    kind = "hardtanh"
    keeps_integers = True
    torch_name = "nn.Hardtanh"
    signature = (number("min_val", -1.0), number("max_val", 1.0), INPLACE)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless min_val < max_val, as torch asserts."""
        if given["max_val"] <= given["min_val"]:
            raise OpError(OutOfRange(word, "max_val", given["max_val"], f"above min_val, {given['min_val']:g}"))
        return cls(**given)


@record(kw_only=True)
class Softplus(_Activation):
    """log(1 + exp(beta*x))/beta, and x itself where beta*x is above threshold (torch.nn.Softplus). The shape stays."""

    op: Literal["softplus"] = "softplus"
    beta: float
    threshold: float

    tag = "softplus"
    words = ("SOFTPLUS", "Softplus")
    kind = "softplus"
    torch_name = "nn.Softplus"
    signature = (number("beta", 1.0, above=0.0), number("threshold", 20.0))


@record(kw_only=True)
class Tanh(_Activation):
    """Hyperbolic tangent, amplitude*tanh(slope*x) (torch.nn.Tanh). Any shape, which stays.

    LeNet-5 of 1998 has TANH(1.7159, 2/3).
    """

    op: Literal["tanh"] = "tanh"
    amplitude: float = 1.0
    slope: float = 1.0

    tag = "tanh"
    words = ("TANH", "Tanh")
    kind = "tanh"
    torch_name = "support.ScaledTanh"
    # the gradient of tanh is 1 - y^2, that of the logistic function y*(1 - y): neither needs x.
    keeps = "output"
    signature = (number("amplitude", 1.0), number("slope", 1.0))

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Scaled, there are steps of slope*x, tanh and amplitude*y; the middle one is kept, as for a plain tanh."""
        if self.amplitude == self.slope == 1:
            return _Activation.trace(self, trace, inputs, outputs)
        scaled = trace.new(inputs[0].shape, like=inputs)
        squashed = trace.new(scaled.shape, like=(scaled,))
        trace.keep(squashed)
        trace.free(scaled)
        return (trace.new(squashed.shape, like=(squashed,)),)

    def torch(self) -> TorchCall:
        """`nn.Tanh` for plain numbers; torch has no class for the scaled one."""
        plain = self.amplitude == self.slope == 1
        return TorchCall("nn.Tanh") if plain else signature_call(self, self.torch_name)


@record(kw_only=True)
class Sigmoid(_Activation):
    """1/(1 + exp(-x)) (torch.nn.Sigmoid). Any shape, which stays."""

    op: Literal["sigmoid"] = "sigmoid"

    tag = "sigmoid"
    words = ("SIGMOID", "Sigmoid")
    kind = "sigmoid"
    torch_name = "nn.Sigmoid"
    keeps = "output"


@record(kw_only=True)
class LogSigmoid(_Activation):
    """Logarithm of the sigmoid, -log(1 + exp(-x)) (torch.nn.LogSigmoid). Any shape, which stays."""

    op: Literal["log_sigmoid"] = "log_sigmoid"

    tag = "log_sigmoid"
    words = ("LOGSIGMOID", "LogSigmoid")
    kind = "logsigmoid"
    torch_name = "nn.LogSigmoid"

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """On the CPU exp(-|x|) is kept beside the input; CUDA's kernel works it out again."""
        x = inputs[0]
        out = trace.new(x.shape, like=inputs)
        trace.keep(x, *((trace.new(x.shape, like=inputs),) if trace.setting.device == "cpu" else ()))
        return (out,)


@record(kw_only=True)
class _AlongAxis(_Activation):
    """What the softmaxes share: `dim` counts as in torch, 1 being the channels or features."""

    dim: int

    keeps = "output"
    signature = (dimension("dim", 1),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless the input has the axis."""
        axis_index(word, given["dim"], shape)
        return cls(**given)

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Keeps the output, which both gradients are written in; the output is always contiguous."""
        out = trace.output(outputs[0])
        trace.keep(out)
        return (out,)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """All of `dim`, since each number is divided by a sum along it; the other axes position by position."""
        axis = axis_index(self.words[0], self.dim, output)
        return ((*field[:axis], None, *field[axis + 1 :]),)

    def torch(self) -> TorchCall:
        """`dim` is always written: without it torch guesses the axis from the rank, and warns."""
        return TorchCall(self.torch_name, (keyword("dim", self.dim),))


@record(kw_only=True)
class Softmax(_AlongAxis):
    """exp(x) over its sum along the axis `dim`, by default the channels (torch.nn.Softmax). Any shape, which stays."""

    op: Literal["softmax"] = "softmax"

    tag = "softmax"
    words = ("SOFTMAX", "Softmax")
    kind = "softmax"
    torch_name = "nn.Softmax"


@record(kw_only=True)
class LogSoftmax(_AlongAxis):
    """Logarithm of the softmax along the axis `dim` (torch.nn.LogSoftmax). Any shape, which stays."""

    op: Literal["log_softmax"] = "log_softmax"

    tag = "log_softmax"
    words = ("LOGSOFTMAX", "LogSoftmax")
    kind = "logsoftmax"
    torch_name = "nn.LogSoftmax"


@record(kw_only=True)
class Maxout(Op):
    """Largest of `pieces` neighbouring channels (Goodfellow et al. 2013; no class in torch).

    (C, ...) -> (C/pieces, ...): channel c of the output is the maximum of channels c*pieces to (c + 1)*pieces - 1.
    """

    op: Literal["maxout"] = "maxout"
    pieces: int

    tag = "maxout"
    words = ("MAXOUT",)
    kind = "maxout"
    family = "activation"
    keeps_integers = True
    signature = (whole("pieces"),)

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` unless the channels divide into groups of `pieces`."""
        if shape[0] % given["pieces"]:
            reason = f"{plural(shape[0], 'channel')} cannot be split into groups of {given['pieces']}"
            raise OpError(NotAllowed(word, "pieces", given["pieces"], reason))
        return cls(**given)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, ...) -> (C/pieces, ...)."""
        return (inputs[0][0] // self.pieces, *inputs[0][1:])

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """Of `torch.max(..., dim=2)` the positions are kept (int64), not the input."""
        x = inputs[0]
        # one axis split in two is a view however the map lies: nothing is allocated before the maximum.
        groups = trace.reshape(x, (trace.batch, x.shape[1] // self.pieces, self.pieces, *x.shape[2:]))
        out = trace.output(outputs[0])
        trace.keep(trace.new(out.shape, INDEX_BYTES))
        trace.free(groups)
        return (out,)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The `pieces` channels of its group, at the same position."""
        return ((blocks_read(field[0], 1, self.pieces), *field[1:]),)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """`96/2 = 48 channels`."""
        return (f"{inputs[0][0]}/{self.pieces} = {output[0]} channels",)

    @property
    def summary(self) -> str:
        """`of 2`."""
        return f"of {self.pieces}"

    def torch(self) -> TorchCall:
        """A module of archlang's own, copied into generated files."""
        return TorchCall("support.Maxout", (positional("pieces", self.pieces),))
