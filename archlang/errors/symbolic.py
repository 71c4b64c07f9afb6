"""Problems of sizes left free: what cannot be said for every size at once."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.files import UsageProblem
from archlang.errors.words import listing
from archlang.records import record

Letters = tuple[str, ...]


def binding_text(letters: Letters) -> str:
    """`-D H=224 -D W=224`."""
    # as the networks of ImageNet take it: large enough for most
    return " ".join(f"-D {letter}=224" for letter in letters)


@record
class SizeInWeights(Problem):
    """Weights whose number depends on a size that is left free.

    A size that is left free, as H in `INPUT(3, H, W)`, stands for all sizes at once; the model is one network with one
    set of weights.

    Fully connected layers have a weight for every number that flows in: for another size they are another network.
    Pooling to a fixed size in front makes their number certain.
    """

    code = "size-in-weights"
    owner: str
    letters: Letters
    weights: tuple[tuple[str, str], ...]
    shape: str
    pooling: str = ""
    legal: str = ""

    @property
    def message(self) -> str:
        """`the weights of FC depend on H and W`."""
        return f"the weights of {self.owner} depend on {listing(self.letters)}"

    @property
    def label(self) -> str:
        """The shape that flows in, with the letters in it."""
        return f"reads {self.shape}" if self.shape else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """The shape of each tensor as a formula, and the sizes that would each have a model of its own."""
        shapes = (f"its {name or 'tensor'} would be {shape}: one model for each size" for name, shape in self.weights)
        return (*shapes, *([f"legal sizes, each with weights of its own: {self.legal}"] if self.legal else []))

    @property
    def advice(self) -> tuple[str, ...]:
        """Global pooling first, as it keeps the sizes free; binding them gives that up."""
        pool = (f"pool to a fixed size in front of it: {self.pooling} leaves 7x7 of any map",) if self.pooling else ()
        return (*pool, f"bind the size: {binding_text(self.letters)}")


@record
class SizesCompared(Problem):
    """Two sizes left free meet: whether they fit depends on both at once.

    Sizes are left free one by one: for each, what is legal is worked out by itself. Here two of them meet, in a join or
    in a comparison, so that neither can be judged alone.
    """

    code = "sizes-compared"
    left: str
    right: str
    letters: Letters

    @property
    def message(self) -> str:
        """Both sides as formulas: the letters alone do not say where they meet."""
        return f"whether this is legal depends on {listing(self.letters)} together: {self.left} meets {self.right}"

    @property
    def advice(self) -> tuple[str, ...]:
        """One letter for both makes a picture square; or numbers for both."""
        first = self.letters[0]
        return (f"write one letter for both: {first}", f"or bind them: {binding_text(self.letters)}")


@record
class InputDisagrees(UsageProblem):
    """The shape that is given for an input is not one that the file can write.

    `INPUT(3, N, N)` is a square: `--input 3,32,48` would make N two numbers at once. So would `-D N=32` together with
    `--input 3,48,48`, and no N makes `2*N` an odd number.

    The names in an INPUT may stand anywhere else in the model, where each must be one number.
    """

    code = "input-disagrees"
    written: str
    given: str
    known: tuple[tuple[str, str], ...]
    open: Letters = ()

    @property
    def message(self) -> str:
        """What is written in the file, and what was given for it."""
        if self.open:
            return f"the given input has {self.given} for `{self.written}`, which tells no {listing(self.open, 'or')}"
        values = listing(self.known_texts)
        return f"the given input has {self.given} for `{self.written}`, but {values}"

    @property
    def known_texts(self) -> tuple[str, ...]:
        """`N is 32`."""
        return tuple(f"{name} is {value}" for name, value in self.known)

    @property
    def advice(self) -> tuple[str, ...]:
        """Another shape; or another file, where the sizes are meant to differ."""
        names = listing((*(name for name, _ in self.known), *self.open))
        if self.open:
            return (f"bind {names} in place of the shape: {binding_text(self.open)}",)
        return ("give sizes that agree", f"or write a name of its own for each size that is not {names}")


@record
class SizeNotTracked(Problem):
    """An operation on a size left free that has no exact formula here.

    What is legal is worked out for all sizes at once, with exact formulas for the operations that layers need. This one
    has none, and a guess would not be a proof.
    """

    code = "size-not-tracked"
    operation: str
    letters: Letters

    @property
    def message(self) -> str:
        """The operation as it stands in the text, and the letters that it would need."""
        return f"{self.operation} has no formula in {listing(self.letters)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What can be done with sizes left free, in one line."""
        return ("sizes left free can be added, multiplied by numbers, divided by whole numbers (//, %) and compared",)

    @property
    def advice(self) -> tuple[str, ...]:
        """A number for each letter, with which everything can be calculated."""
        return (f"bind the size: {binding_text(self.letters)}",)


@record
class TooManyClasses(Problem):
    """The legal sizes would repeat only after too many, or fall into too many cases.

    The legal sizes are described as residues, such as `188 + 16k`. With many different strides, or comparisons of the
    size, they would repeat only after very many, and no description would be of use.
    """

    code = "too-many-cases"
    what: str
    limit: int
    letters: Letters

    @property
    def message(self) -> str:
        """`what` is cases, residue classes, or steps of arithmetic to find them."""
        return f"the sizes {listing(self.letters)} would have more than {self.limit:,} {self.what}"

    @property
    def advice(self) -> tuple[str, ...]:
        """A number for one letter often is enough, as the cases of letters multiply."""
        return (f"bind a size: {binding_text(self.letters)}",)


@record
class NoLegalSize(Problem):
    """There is no size with which the model is legal.

    Each layer demands something of the sizes: that a window fits, that a stride divides, that branches agree.

    No size meets all demands, so nothing can ever flow through the model; the notes name the layers.
    """

    code = "no-legal-size"
    letters: Letters
    largest: int
    reasons: tuple[str, ...]

    @property
    def message(self) -> str:
        """The range that was searched, as beyond it nobody looked."""
        return f"no {listing(self.letters, 'or')} from 1 to {self.largest:,} is legal"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the layers demand: no two of them need to contradict each other, three may."""
        return self.reasons


@record
class NothingToSolve(UsageProblem):
    """`--solve` names no parameter of the model, or gives values that it cannot try.

    `--solve` looks for values of one parameter of the model that make it legal. It needs a parameter that exists, and a
    finite list or range of values to try.
    """

    code = "cannot-solve"
    name: str
    reason: str
    known: Letters = ()
    blocks: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The reason in words: no such parameter, no range of values."""
        return f"--solve {self.name}: {self.reason}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The model's own parameters, and the blocks whose parameter was most likely meant."""
        known = (f"its parameters are {listing(self.known)}",) if self.known else ()
        blocks = listing(f"`{block}`" for block in self.blocks)
        return (*known, *([f"`{self.name}` is a parameter of the block {blocks}"] if blocks else []))

    @property
    def advice(self) -> tuple[str, ...]:
        """How a block's parameter becomes the model's, or what values look like."""
        own = f"make `{self.name}` a parameter of the model and pass it on: "
        passed = tuple(f"{own}{block}({self.name}={self.name})" for block in self.blocks[:1])
        return passed or ("for example --solve stride=1..8, or --solve stride=[1, 2, 4]",)
