"""Problems with files and with the command that names them. All end with exit status 2."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import MOST_COMPARED, MOST_LISTED, listing, shorten
from archlang.records import record


class UsageProblem(Problem):
    """The command or its files are wrong, not the architecture: exit status 2."""


@record
class CannotRead(UsageProblem):
    """A file is missing, is a folder, or may not be read.

    A path is relative to the current folder; `zoo:alexnet` names a network that ships with archlang, `-` is standard
    input.

    Nothing can be said about an architecture that cannot be read.
    """

    code = "cannot-read"
    reason: str
    suggestion: str | None = None
    inside: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The reason is the system's own, in small letters: `no such file or directory`."""
        return f"cannot read the file: {self.reason}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Of a folder, the architectures that lie in it."""
        return (f"it holds {listing(self.inside)}",) if self.inside else ()

    @property
    def advice(self) -> tuple[str, ...]:
        """A file beside the one that was asked for, of a similar name, or the only one of a folder."""
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()


@record
class NotText(UsageProblem):
    """A file holds bytes that are not UTF-8 text.

    Architectures are UTF-8 text. Bytes that are not could be shown in several ways, and places in the text would not be
    certain; the file may have been saved in an older encoding, or be no text at all.
    """

    code = "not-text"
    offset: int
    byte: int

    @property
    def message(self) -> str:
        """The first byte that is not UTF-8, with its offset from 0 as hex editors count."""
        return f"not UTF-8 text: byte 0x{self.byte:02x} at offset {self.offset:,}"

    @property
    def advice(self) -> tuple[str, ...]:
        """The one way that editors offer; the bytes alone do not tell which encoding they are in."""
        return ("save the file as UTF-8",)


@record
class FileTooLarge(UsageProblem):
    """A file is larger than any architecture written by hand.

    An architecture describes what is repeated once. So large a file is data, or was written by a program that should
    have used a repeat.
    """

    code = "file-too-large"
    size: int
    limit: int

    @property
    def message(self) -> str:
        """Bytes, not characters; of standard input no more are read than it takes to know."""
        return f"the file has {self.size:,} bytes; at most {self.limit:,} are read"

    @property
    def advice(self) -> tuple[str, ...]:
        """Files of this size mostly come from programs that wrote every copy out."""
        return ("write repeated parts once: `[...]*N`, or a block",)


@record
class CannotWrite(UsageProblem):
    """The output path cannot be written.

    The folder is missing or cannot be written to. Output is made in full before the file is touched, so nothing is left
    half written.
    """

    code = "cannot-write"
    path: str
    reason: str

    @property
    def message(self) -> str:
        """The path as it was given, and the system's own reason in small letters."""
        return f"cannot write `{self.path}`: {self.reason}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Said because a command that fails halfway often leaves something behind; this one does not."""
        return ("no file was written or changed",)


@record
class UnknownFormat(UsageProblem):
    """The ending of the output path names no format that this command writes.

    The ending of the path says what to write: `.py`, `.json`, `.onnx` and `.pt2` for `archc compile`, `.svg`, `.dot`,
    `.png`, `.pdf`, `.mmd` and `.tex` for `archc render`. A guess would write what nobody asked for.
    """

    code = "unknown-format"
    path: str
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        """The whole path, as the ending alone may be empty."""
        return f"`{self.path}` names no known format"

    @property
    def advice(self) -> tuple[str, ...]:
        """The endings that this command writes; others have other ones."""
        return (f"end the path in {listing(self.known, 'or')}",)


@record
class MissingPackage(UsageProblem):
    """A feature needs a package that is not installed.

    Checking, drawing and writing source need no more than archlang's own packages. What needs a larger one, torch above
    all, is an extra that is installed when it is wanted.
    """

    code = "missing-package"
    feature: str
    package: str
    extra: str

    @property
    def message(self) -> str:
        """The feature first, as it is known to whoever asked for it; the package may not be."""
        return f"{self.feature} needs the package `{self.package}`, which is not installed"

    @property
    def advice(self) -> tuple[str, ...]:
        """The extra and not the package, so that pip takes a version that archlang was tested with."""
        return (f"pip install 'archlang[{self.extra}]'",)


@record
class NotAModelFile(UsageProblem):
    """A .json file does not hold a model written by `archc compile -o model.json`.

    A `.json` file is read as a model in archlang's own form, complete and of the same version. Any other content cannot
    be trusted to be one.
    """

    code = "not-a-model-file"
    reason: str

    @property
    def message(self) -> str:
        """The reason comes from reading it: `Field required at inputs`."""
        return f"not a model that archc wrote: {self.reason}"


@record
class BadOption(UsageProblem):
    """An option such as -D or --input has a value that cannot be read.

    Values are written as in a file: `-D N=2`, `-D widths=[64, 128]`, `-D mode="same"`; shapes as `--input 3,224,224`,
    without the batch. What cannot be read might be anything.
    """

    code = "bad-option"
    option: str
    value: str
    expected: str
    suggestion: str | None = None

    @property
    def message(self) -> str:
        """The option, or in Python the function, with what it was given and what it takes."""
        return f"{self.option} cannot take `{shorten(self.value)}`: expected {self.expected}"

    @property
    def advice(self) -> tuple[str, ...]:
        """A file or function that was most likely meant."""
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()


@record
class UnknownModel(UsageProblem):
    """`-m` names no model of the file.

    `-m` chooses among the models that the file defines itself. Large and small letters differ.
    """

    code = "unknown-model"
    name: str
    suggestion: str | None
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        """`this file`, as models of other files are not meant by `-m`."""
        return f"there is no model `{self.name}` in this file"

    @property
    def notes(self) -> tuple[str, ...]:
        """The models of the file itself, without those that it imports."""
        return (f"it defines {listing(self.known)}" if self.known else "it defines no model",)

    @property
    def advice(self) -> tuple[str, ...]:
        """The likest of them, where one is like it."""
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()


@record
class UnknownPath(UsageProblem):
    """`archc explain`, or `archc render --expand`, is asked for a layer or part that the model does not have.

    Parts go by their names in the `state_dict`, as the table of `archc check` shows them: `features.0`, `conv1`. A
    part inside a labelled one is reached through its label.

    There is nothing to explain or to draw under a name that the model does not have; perhaps the file holds another
    model that does, which `-m` names.
    """

    code = "no-such-part"
    path: str
    suggestion: str | None
    model: str
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        """The whole path that was asked for, not the first part of it that is missing."""
        return f"{self.model} has no layer or part `{self.path}`"

    @property
    def notes(self) -> tuple[str, ...]:
        """The parts beside the wrong one; a scope of very many shows its first ones."""
        # cut off where names are no longer compared: how many more there are was not counted
        if len(self.known) >= MOST_COMPARED:
            return (f"there are {', '.join(self.known[: MOST_LISTED - 1])} and many more",)
        return (f"there are {listing(self.known)}",) if self.known else ()

    @property
    def advice(self) -> tuple[str, ...]:
        """The likest path in full, with the scope that it lies in."""
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()


@record
class UnknownCode(UsageProblem):
    """A code is named that no error or warning has: to `archc explain`, `--allow` or `--deny`.

    The code of an error or warning stands in brackets in its first line: `error[stride-drops-input]`.

    There is no page to show. `archc explain` alone lists all codes, and `archc explain FILE LAYER` explains a layer.
    """

    code = "unknown-code"
    name: str
    suggestion: str | None
    is_error: bool = False

    @property
    def message(self) -> str:
        """Errors cannot be allowed or denied: their code exists, but is no warning."""
        if self.is_error:
            return f"`{self.name}` is an error already, and no warning to allow or deny"
        return f"there is no error or warning `{self.name}`"

    @property
    def advice(self) -> tuple[str, ...]:
        """The likest code, or the command that lists all; nothing for errors, which stay errors."""
        if self.is_error:
            return ()
        return (f"did you mean `{self.suggestion}`?" if self.suggestion else "archc explain lists all",)


NO_MODEL = "no model of this file"


INPUT_LETTERS = ("C", "H", "W", "L", "D", "N", "B")
"""What sizes of an input are called."""


@record
class UnknownParameter(UsageProblem):
    """`-D` binds a name that is no parameter of the model.

    A value for a parameter that there is not would change nothing, and the result would not be what was asked for.
    """

    code = "unknown-parameter"
    name: str
    suggestion: str | None
    model: str
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        """`Net has no parameter dept`; where all models of a file were asked, that none of them has it."""
        return f"{self.model} has {'a' if self.model == NO_MODEL else 'no'} parameter `{self.name}`"

    @property
    def notes(self) -> tuple[str, ...]:
        """The parameters of the model, or of all models that were asked."""
        return (
            f"{'the' if self.model == NO_MODEL else 'its'} parameters are {listing(self.known)}"
            if self.known
            else "there are none",
        )

    @property
    def advice(self) -> tuple[str, ...]:
        """`-D H=256` mostly means the shape of the input, which another option gives."""
        if self.suggestion:
            return (f"did you mean `{self.suggestion}`?",)
        # H and W look like parameters to whoever knows the letters of the arithmetic
        if self.name in INPUT_LETTERS:
            return ("the input gets another shape with --input, for example --input 3,256,256",)
        return ()


@record
class UnknownInput(UsageProblem):
    """`--input NAME=...` names no input of the model.

    An input goes by its label, or `input` where it has none. A shape for an input that there is not would change
    nothing, and the result would not be what was asked for.
    """

    code = "unknown-input"
    name: str
    suggestion: str | None
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        """The name before the `=` of `--input`."""
        return f"there is no input `{self.name}`"

    @property
    def notes(self) -> tuple[str, ...]:
        """All inputs by their labels; one without a label is `input`."""
        return (f"the model has {listing(f'`{name}`' for name in self.known)}",)

    @property
    def advice(self) -> tuple[str, ...]:
        """The likest of them, where one is like it."""
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()


@record
class UnknownColumn(UsageProblem):
    """`--columns` names no column of the table.

    Columns go by short names: `--columns output,parameters,share`. `all` stands for all of them, and `+kernel,-macs`
    changes those that are shown anyway.

    A column that there is not would be missing from the report without a word.
    """

    code = "unknown-column"
    name: str
    suggestion: str | None
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        """The word without the `+` or `-` in front of it."""
        return f"there is no column `{self.name}`"

    @property
    def notes(self) -> tuple[str, ...]:
        """All columns, in two notes: in one they would not fit a line."""
        # two notes of about a line each: one would run over the edge of the terminal
        half = len(self.known) // 2
        return f"the columns are {', '.join(self.known[:half])},", listing(self.known[half:])

    @property
    def advice(self) -> tuple[str, ...]:
        """The likest of them, where one is like it."""
        return (f"did you mean `{self.suggestion}`?",) if self.suggestion else ()
