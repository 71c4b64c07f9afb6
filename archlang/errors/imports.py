"""Problems of imports between files."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing
from archlang.records import record


@record
class CannotImport(Problem):
    """An imported file is not there or cannot be read.

    Paths are relative to the file that imports; `"zoo:resnet"` is a file that ships with archlang. A text given with
    `-e` imports nothing.

    The names that are imported are not known without it.
    """

    code = "cannot-import"
    path: str
    reason: str
    suggestion: str | None = None

    @property
    def message(self) -> str:
        """The path as it is written, relative to the file that imports."""
        return f'cannot import from "{self.path}": {self.reason}'

    @property
    def advice(self) -> tuple[str, ...]:
        """A file of a similar name, as the import would have to write it."""
        return (f'did you mean "{self.suggestion}"?',) if self.suggestion else ()


@record
class ImportOutsideRoot(Problem):
    """An import leads out of the project.

    The project is the nearest folder with a `pyproject.toml` or `.git`, else the file's own. An architecture from
    elsewhere should not be able to read files beyond it.
    """

    code = "import-outside-root"
    path: str
    root: str

    @property
    def message(self) -> str:
        """The path as it is written: what it resolves to depends on where the file lies."""
        return f'"{self.path}" leads out of the project'

    @property
    def notes(self) -> tuple[str, ...]:
        """Which folder the project is, as nothing in the file says so."""
        return (
            f"the project is the folder `{self.root}`: the nearest with pyproject.toml or .git, else the file's own",
        )


@record
class ImportCycle(Problem):
    """Files import each other in a circle.

    A file is read after all that it imports; in a circle none can be first.
    """

    code = "import-cycle"
    files: tuple[str, ...]

    @property
    def message(self) -> str:
        """The files are told in a note: their names may be long."""
        return "these files import each other in a circle"

    @property
    def notes(self) -> tuple[str, ...]:
        """`a.arch -> b.arch -> a.arch`: the circle, from the file that is met again."""
        return (" -> ".join(self.files),)

    @property
    def advice(self) -> tuple[str, ...]:
        """The usual way out; which definitions both need is for the author to see."""
        return ("move what both need into a third file",)


@record
class NothingToImport(Problem):
    """An imported file does not define the name.

    A file offers its blocks, models and values, and what it imports itself.

    The name would stand for nothing.
    """

    code = "nothing-to-import"
    name: str
    file: str
    suggestion: str | None
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        """The file as the import names it, and the name that it lacks."""
        return f"{self.file} defines no `{self.name}`"

    @property
    def label(self) -> str:
        """The likest definition of that file."""
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """All names that the file offers, those that it imports itself among them."""
        return (f"it defines {listing(self.known)}" if self.known else "it defines nothing",)
