"""Problems of sizes left free: what cannot be said for every size at once."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.files import UsageProblem
from archlang.errors.words import listing
from archlang.records import record

Letters = tuple[str, ...]


def binding_text(letters: Letters) -> str:
    """`-D H=224 -D W=224`."""
    return " ".join(f"-D {letter}=224" for letter in letters)


@record
class SizeInWeights(Problem):
    """Weights whose number depends on a size that is left free."""

    code = "size-in-weights"
    owner: str
    letters: Letters
    weights: tuple[tuple[str, str], ...]
    shape: str
    pooling: str = ""

    @property
    def message(self) -> str:
        return f"the weights of {self.owner} depend on {listing(self.letters)}"

    @property
    def label(self) -> str:
        return f"reads {self.shape}" if self.shape else ""

    @property
    def notes(self) -> tuple[str, ...]:
        shapes = (f"its {name or 'tensor'} would be {shape}: one model for each size" for name, shape in self.weights)
        return tuple(shapes)

    @property
    def advice(self) -> tuple[str, ...]:
        pool = (f"pool to a fixed size in front of it: {self.pooling}",) if self.pooling else ()
        return (*pool, f"or bind the size: {binding_text(self.letters)}")


@record
class SizesCompared(Problem):
    """Two sizes left free meet: whether they fit depends on both at once."""

    code = "sizes-compared"
    left: str
    right: str
    letters: Letters

    @property
    def message(self) -> str:
        return f"whether this is legal depends on {listing(self.letters)} together: {self.left} meets {self.right}"

    @property
    def advice(self) -> tuple[str, ...]:
        first = self.letters[0]
        return (f"write one letter for both: {first}", f"or bind them: {binding_text(self.letters)}")


@record
class SizeNotTracked(Problem):
    """An operation on a size left free that has no exact formula here."""

    code = "size-not-tracked"
    operation: str
    letters: Letters

    @property
    def message(self) -> str:
        return f"{self.operation} has no formula in {listing(self.letters)}"

    @property
    def notes(self) -> tuple[str, ...]:
        return ("sizes left free can be added, multiplied by numbers, divided by whole numbers (//, %) and compared",)

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"bind the size: {binding_text(self.letters)}",)


@record
class TooManyClasses(Problem):
    """The legal sizes would repeat only after too many, or fall into too many cases."""

    code = "too-many-cases"
    what: str
    limit: int
    letters: Letters

    @property
    def message(self) -> str:
        return f"the sizes {listing(self.letters)} would have more than {self.limit:,} {self.what}"

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"bind a size: {binding_text(self.letters)}",)


@record
class NoLegalSize(Problem):
    """There is no size with which the model is legal."""

    code = "no-legal-size"
    letters: Letters
    largest: int
    reasons: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"no {listing(self.letters, 'or')} from 1 to {self.largest:,} is legal"

    @property
    def notes(self) -> tuple[str, ...]:
        return self.reasons


@record
class NothingToSolve(UsageProblem):
    """`--solve` names no parameter of the model, or gives values that it cannot try."""

    code = "cannot-solve"
    name: str
    reason: str
    known: Letters = ()

    @property
    def message(self) -> str:
        return f"--solve {self.name}: {self.reason}"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"its parameters are {listing(self.known)}",) if self.known else ()

    @property
    def advice(self) -> tuple[str, ...]:
        return ("for example --solve stride=1..8, or --solve stride=[1, 2, 4]",)


