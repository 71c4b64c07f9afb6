"""Problems with pictures. All end with exit status 2."""

from __future__ import annotations

from archlang.errors.files import UsageProblem
from archlang.errors.words import listing
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
        """The limit alone: counting ends where it is passed."""
        return f"the picture would have more than {self.most:,} boxes"

    @property
    def advice(self) -> tuple[str, ...]:
        """Less of `--expand` or `--depth` if these asked for more; else repeats and blocks, which fold."""
        if self.asked:
            return ("expand a smaller part, or give a smaller --depth",)
        return ("write what is repeated as `[...]*N`, and parts as blocks: each is drawn once",)


@record
class NotOfVolumes(UsageProblem):
    """A figure of volumes (`--style volumes`, or a path ending in .tex) is asked for what only boxes have.

    Volumes stand from left to right, and show sizes, channels and kernels. `--direction`, `--columns`, `--show` and
    `--merge` are about boxes; .dot and .mmd leave the places to other programs, and these know no volumes.

    What has no effect is refused, so that nobody looks for it in the picture.
    """

    code = "not-of-volumes"
    what: str
    formats: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """`what` is an option, or the ending of a format that has boxes only."""
        return f"a figure of volumes has no {self.what}"

    @property
    def advice(self) -> tuple[str, ...]:
        """The formats that draw volumes, or the style that has the option."""
        if self.formats:
            return (f"end the path in {listing(self.formats, 'or')}, or draw with --style boxes",)
        return ("leave the option out, or draw with --style boxes",)
