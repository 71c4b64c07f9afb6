"""Problems with files and with the command that names them. All end with exit status 2."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing
from archlang.records import record


class UsageProblem(Problem):
    """The command or its files are wrong, not the architecture: exit status 2."""


@record
class CannotRead(UsageProblem):
    """A file is missing, is a folder, or may not be read."""

    code = "cannot-read"
    reason: str
    suggestion: str | None = None

    @property
    def message(self) -> str:
        return f"cannot read the file: {self.reason}"

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()


@record
class NotText(UsageProblem):
    """A file holds bytes that are not UTF-8 text."""

    code = "not-text"
    offset: int
    byte: int

    @property
    def message(self) -> str:
        return f"not UTF-8 text: byte 0x{self.byte:02x} at offset {self.offset:,}"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("save the file as UTF-8",)


@record
class FileTooLarge(UsageProblem):
    """A file is larger than any architecture written by hand."""

    code = "file-too-large"
    size: int
    limit: int

    @property
    def message(self) -> str:
        return f"the file has {self.size:,} bytes; at most {self.limit:,} are read"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("write repeated parts once: `[...]*N`, or a block",)


@record
class CannotWrite(UsageProblem):
    """The output path cannot be written."""

    code = "cannot-write"
    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot write `{self.path}`: {self.reason}"

    @property
    def notes(self) -> tuple[str, ...]:
        return ("no file was written or changed",)


@record
class UnknownFormat(UsageProblem):
    """The ending of the output path names no format that this command writes."""

    code = "unknown-format"
    path: str
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"`{self.path}` names no known format"

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"end the path in {listing(self.known, 'or')}",)


@record
class MissingPackage(UsageProblem):
    """A feature needs a package that is not installed."""

    code = "missing-package"
    feature: str
    package: str
    extra: str

    @property
    def message(self) -> str:
        return f"{self.feature} needs the package `{self.package}`, which is not installed"

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"pip install 'archlang[{self.extra}]'",)


@record
class NotAModelFile(UsageProblem):
    """A .json file does not hold a model written by `archc compile -o model.json`."""

    code = "not-a-model-file"
    reason: str

    @property
    def message(self) -> str:
        return f"not a model that archc wrote: {self.reason}"


@record
class BadOption(UsageProblem):
    """An option such as -D or --input has a value that cannot be read."""

    code = "bad-option"
    option: str
    value: str
    expected: str

    @property
    def message(self) -> str:
        return f"{self.option} cannot take `{self.value}`: expected {self.expected}"


@record
class UnknownModel(UsageProblem):
    """`-m` names no model of the file."""

    code = "unknown-model"
    name: str
    suggestion: str | None
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"there is no model `{self.name}` in this file"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"it defines {listing(self.known)}" if self.known else "it defines no model",)

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()


@record
class UnknownPath(UsageProblem):
    """`archc explain` is asked for a layer or part that the model does not have.

    Parts go by their names in the `state_dict`, as the table of `archc check` shows them: `features.0`, `conv1`. A
    part inside a labelled one is reached through its label.

    There is nothing to explain under a name that the model does not have; perhaps the file holds another model that
    does, which `-m` names.
    """

    code = "no-such-part"
    path: str
    suggestion: str | None
    model: str
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"{self.model} has no layer or part `{self.path}`"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"there are {listing(self.known)}",) if self.known else ()

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()


@record
class UnknownCode(UsageProblem):
    """`archc explain` is asked for a code that no problem has.

    The code of an error or warning stands in brackets in its first line: `error[stride-drops-input]`.

    There is no page to show. `archc explain` alone lists all codes, and `archc explain FILE LAYER` explains a layer.
    """

    code = "unknown-code"
    name: str
    suggestion: str | None

    @property
    def message(self) -> str:
        return f"there is no error `{self.name}`"

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"did you mean `{self.suggestion}`?" if self.suggestion else "archc explain lists all",)


@record
class UnknownParameter(UsageProblem):
    """`-D` binds a name that is no parameter of the model."""

    code = "unknown-parameter"
    name: str
    suggestion: str | None
    model: str
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"{self.model} has no parameter `{self.name}`"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"its parameters are {listing(self.known)}" if self.known else "it has no parameters",)

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()
