"""What nothing uses, and comments that silence warnings. Warnings, too."""

from __future__ import annotations

from archlang.errors.lints import Warned
from archlang.records import record


@record
class _Unused(Warned):
    """Base of names that nothing uses."""

    name: str


@record
class UnusedBlock(_Unused):
    """A block is used by no model of the file.

    Blocks that only blocks use which no model uses are not used either. Where other files import it, say so:
    `# allow: unused-block: ...`.

    It has no part in any network here: it is left over, or a call of it was forgotten.
    """

    code = "unused-block"

    @property
    def message(self) -> str:
        """`of this file`: what other files import cannot be seen from here."""
        return f"no model of this file uses the block `{self.name}`"


@record
class UnusedParameter(_Unused):
    """A parameter changes nothing: the chain of its block or model does not name it.

    Whoever gives it a value believes that the network follows.
    """

    code = "unused-parameter"
    owner: str

    @property
    def message(self) -> str:
        """The owner is a block or a model."""
        return f"`{self.owner}` does not use its parameter `{self.name}`"


@record
class UnusedLet(_Unused):
    """A value has a name that nothing uses.

    Nothing depends on it: it is left over, or meant somewhere where a number stands now.
    """

    code = "unused-let"

    @property
    def message(self) -> str:
        """Nothing: no expression of the file."""
        return f"nothing uses the value `{self.name}`"


@record
class UnusedImport(_Unused):
    """A name is imported and not used.

    The other file is read for nothing, and readers look for what it is good for.
    """

    code = "unused-import"

    @property
    def message(self) -> str:
        """One name at a time, as others of the same import may be used."""
        return f"`{self.name}` is imported and not used"


@record
class UnusedLabel(_Unused):
    """A label marks what flows at a place, and nothing reads it there.

    Labels of layers and groups are names of the `state_dict` and need no use. A label of `_` names nothing but what
    flows, so that a later part can read it.

    Most likely the part that should read it is missing: a skip connection that is not there.
    """

    code = "unused-label"

    @property
    def message(self) -> str:
        """Labels of `_` alone: those of layers are names of the `state_dict` as well."""
        return f"nothing reads `{self.name}`, which names what flows here"


@record
class UnusedAllow(Warned):
    """A comment silences a warning that there is not.

    It counts when all models of the file are checked as they are: with `-m`, `-D` or `--input` others may have it.

    What it once allowed is mended, or it stands in the wrong place; left as it is, it would silence the next one.
    """

    code = "unused-allow"
    name: str

    @property
    def message(self) -> str:
        """The code that the comment allows."""
        return f"there is no `{self.name}` here to allow"


@record
class UnknownLint(Warned):
    """A comment allows a warning that does not exist.

    `archc explain` lists all warnings.

    The warning that is meant stays, and the comment looks as if it were taken care of.
    """

    code = "unknown-lint"
    name: str
    suggestion: str | None

    @property
    def message(self) -> str:
        """The code as the comment has it."""
        return f"there is no warning `{self.name}`"

    @property
    def label(self) -> str:
        """The likest code of a warning."""
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""

    @property
    def advice(self) -> tuple[str, ...]:
        """The command that lists all codes, where none is like this one."""
        return () if self.suggestion else ("archc explain lists all",)
