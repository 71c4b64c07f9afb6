"""Problems with pictures. All end with exit status 2."""

from __future__ import annotations

from archlang.errors.files import UsageProblem
from archlang.records import record


@record
class TooManyBoxes(UsageProblem):
    """A picture would have more boxes than anyone could read.

    Repeats are drawn once, with their count, and large parts as one box; `--expand` and `--depth` ask for more of it.

    A picture of so many boxes is no picture, and would take minutes to lay out.
    """

    code = "too-many-boxes"
    most: int
    asked: bool

    @property
    def message(self) -> str:
        return f"the picture would have more than {self.most:,} boxes"

    @property
    def advice(self) -> tuple[str, ...]:
        if self.asked:
            return ("expand a smaller part, or give a smaller --depth",)
        return ("write what is repeated as `[...]*N`, and parts as blocks: each is drawn once",)
