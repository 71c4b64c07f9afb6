"""Embeddings of indices, and tensors that a model learns without any input."""

from __future__ import annotations

from typing import Literal, Self

from archlang.errors.arguments import OutOfRange
from archlang.ir.ops.arguments import flag, index, integers, number, optional, whole
from archlang.ir.ops.base import (
    Counts,
    Field,
    Lines,
    Op,
    OpError,
    Shape,
    TorchCall,
    Value,
    keyword,
    positional,
    require_rank,
    signature_call,
)  # fmt: skip
from archlang.ir.ops.shape import MOST_AXES
from archlang.ir.ops.trace import Storage, Tensor, Trace, contiguous_strides
from archlang.records import record

LARGEST_VOCABULARY = 10**9


@record(kw_only=True)
class Embedding(Op):
    """A learned vector for each index: words, tokens (torch.nn.Embedding).

    (...) of whole numbers from 0 to num_embeddings - 1 -> (..., embedding_dim); (L) -> (L, D) for a sequence. Weights
    are num_embeddings x embedding_dim; the vector of `padding_idx` begins as 0 and is not trained. Nothing is counted
    as work: it looks up.
    """

    op: Literal["embedding"] = "embedding"
    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None

    tag = "embedding"
    words = ("EMBEDDING", "Embedding")
    kind = "embedding"
    family = "embedding"
    integer_input = True
    signature = (whole("num_embeddings"), whole("embedding_dim"), optional(index("padding_idx")))

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` for more than three axes of indices, a huge table or a `padding_idx` outside it."""
        require_rank(word, shape, (1, 2, 3), "indices (L), or with up to three axes")
        count, padding = given["num_embeddings"], given["padding_idx"]
        if count > LARGEST_VOCABULARY:
            raise OpError(OutOfRange(word, "num_embeddings", count, f"at most {LARGEST_VOCABULARY:,}"))
        # torch takes indices from the end, too: padding_idx=-1 is the last row.
        if padding is not None and not -count <= padding < count:
            raise OpError(OutOfRange(word, "padding_idx", padding, f"an index below num_embeddings, {count}"))
        return cls(**given)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """(...) -> (..., embedding_dim)."""
        return (*inputs[0], self.embedding_dim)

    def reads(self, field: Field, inputs: tuple[Shape, ...], output: Shape) -> tuple[Field, ...]:
        """The index at the same place, for each number of its vector."""
        return (field[:-1],)

    def explain_shape(self, inputs: tuple[Shape, ...], output: Shape) -> Lines:
        """That an index becomes a row of the table."""
        return (f"each index becomes {self.embedding_dim} numbers, a row of a table of {self.num_embeddings:,}",)

    def parameters(self) -> Counts:
        """`weight` of num_embeddings x embedding_dim, the row of `padding_idx` among them."""
        return {"weight": (self.num_embeddings, self.embedding_dim)}

    @property
    def summary(self) -> str:
        """`10000 of 300`."""
        return f"{self.num_embeddings} of {self.embedding_dim}"

    def torch(self) -> TorchCall:
        """The size of a vector sets the width of what comes out, so loops in written source can carry it."""
        sizes = (
            positional("num_embeddings", self.num_embeddings),
            positional("embedding_dim", self.embedding_dim, "out"),
        )
        return signature_call(self, "nn.Embedding", *sizes)


@record(kw_only=True)
class LearnedTensor(Op):
    """A tensor of the model's own, the same for every sample (torch.nn.Parameter): class tokens, positions, scales.

    No input -> `shape`. It begins normally distributed around `fill` with the standard deviation `std`. Its name in the
    state dict is the layer's; it is stored in `shape`, or with `batch=true` in (1, *shape).
    """

    op: Literal["parameter"] = "parameter"
    shape: Shape
    std: float
    fill: float
    batch: bool

    tag = "parameter"
    words = ("PARAMETER",)
    kind = "parameter"
    family = "source"
    is_source = True
    signature = (
        integers("shape", "a shape such as 197x768", minimum=1),
        number("std", 0.0, minimum=0.0),
        number("fill", 0.0),
        flag("batch", False),
    )

    @classmethod
    def build(cls, word: str, given: dict[str, Value], shape: Shape) -> Self:
        """Raises `OpError` for more axes than a value of the language can have."""
        if len(given["shape"]) > MOST_AXES:
            raise OpError(OutOfRange(word, "shape", given["shape"], f"1 to {MOST_AXES} sizes, without the batch"))
        return cls(**given)

    def infer_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Its own shape: there is no input."""
        return self.shape

    @property
    def stored(self) -> Shape:
        """Shape of the tensor in the state dict."""
        return (1, *self.shape) if self.batch else self.shape

    def parameters(self) -> Counts:
        """One tensor without a name of its own: in the state dict it is called as the layer."""
        return {"": self.stored}

    def trace(self, trace: Trace, inputs: tuple[Tensor, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """A view of the parameter, for every sample the same."""
        shape = (trace.batch, *self.shape)
        return (
            # a stride of 0 is torch's `expand`: all samples read the parameter's own numbers.
            Tensor(Storage(0), shape, (0, *contiguous_strides(self.shape)), trace.setting.itemsize, trace.recording),
        )

    def torch(self) -> TorchCall:
        """No module: the constructor assigns an `nn.Parameter`, and `forward` expands it over the batch."""
        arguments = (positional("shape", self.stored), keyword("std", self.std), keyword("fill", self.fill))
        return TorchCall("nn.Parameter", arguments)
