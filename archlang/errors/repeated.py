"""The same value where two different ones are meant. Warnings, too."""

from __future__ import annotations

from archlang.errors.lints import Warned
from archlang.errors.words import shape_text
from archlang.records import record


@record
class JoinOfItself(Warned):
    """Two branches of a join are the very same value.

    Nothing stands in either of them. A branch that `?` drops is what flows into the braces, so that `ADD{ _,
    [CONV]?(false) }` is `ADD{ _, _ }`.

    The sum is then twice the value, the product its square, and a concatenation has the same maps twice: nothing is
    joined. Most likely the whole join was to be optional.
    """

    code = "join-of-itself"
    word: str
    tag: str
    shape: tuple[int, ...]
    times: int
    branches: int

    @property
    def message(self) -> str:
        """`2 of 2 branches of ADD are the same value, 16x8x8`."""
        return f"{self.times} of {self.branches} branches of {self.word} are the same value, {shape_text(self.shape)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What comes out: `x + x = 2*x`."""
        if self.tag == "add":
            return (f"{' + '.join('x' * self.times)} = {self.times}*x",)
        if self.tag == "mul":
            return (f"{'*'.join('x' * self.times)} = x**{self.times}",)
        return (f"each of its {self.shape[0]} channels is there {self.times} times",)

    @property
    def advice(self) -> tuple[str, ...]:
        """Where the condition goes that drops a join as a whole."""
        return (f"make the join optional, not its branch: {self.word}{{ _, ... }}?(condition)",)
