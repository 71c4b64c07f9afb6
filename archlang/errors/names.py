"""Problems with names: unknown, given twice, reserved, or not bound."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing, shorten
from archlang.records import record


@record
class _Unknown(Problem):
    """Base of all unknown names; `suggestion` is what it most likely means."""

    name: str
    suggestion: str | None = None

    @property
    def label(self) -> str:
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""


@record
class UnknownLayer(_Unknown):
    """A stage names no layer, block or model."""

    code = "unknown-layer"

    @property
    def message(self) -> str:
        return f"`{self.name}` is no layer, block or model"


@record
class UnknownName(_Unknown):
    """An expression uses a name that nothing defines here."""

    code = "unknown-name"

    @property
    def message(self) -> str:
        return f"`{self.name}` is not defined here"

    @property
    def advice(self) -> tuple[str, ...]:
        return () if self.suggestion else (f"define it (`let {self.name} = ...`) or make it a parameter of the model",)


@record
class UnknownFunction(_Unknown):
    """An expression calls something that is no function and no model."""

    code = "unknown-function"

    @property
    def message(self) -> str:
        return f"`{shorten(self.name)}` is no function or model"


@record
class UnknownDefault(_Unknown):
    """A `default` for a layer, or for an argument, that there is not."""

    code = "unknown-default"
    is_argument: bool = False

    @property
    def message(self) -> str:
        what = "no layer has an argument" if self.is_argument else "there is no layer"
        return f"`default {self.name}` means nothing: {what} `{self.name}`"


@record
class UnknownArgument(_Unknown):
    """A layer, block or model has no argument of that name."""

    code = "unknown-argument"
    owner: str = ""
    known: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return f"{self.owner} has no argument `{self.name}`"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"{self.owner} takes {listing(self.known)}" if self.known else f"{self.owner} takes no arguments",)


@record
class UnknownAttribute(_Unknown):
    """A model or label is asked for something it does not have."""

    code = "unknown-attribute"
    owner: str = ""
    known: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return f"{self.owner} has no `{self.name}`"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"it has {listing(self.known)}",) if self.known else ()


@record
class UnboundParameters(Problem):
    """A model is used while some of its parameters have no value."""

    code = "unbound-parameters"
    model: str
    names: tuple[str, ...]
    example: tuple[str, ...]
    named: bool = True

    @property
    def message(self) -> str:
        verb = "has" if len(self.names) == 1 else "have"
        return f"{listing(f'`{name}`' for name in self.names)} {verb} no value in {self.model}"

    @property
    def advice(self) -> tuple[str, ...]:
        options = " ".join(f"-D {binding}" for binding in self.example)
        lets = " ".join(f"let {binding.replace('=', ' = ')}" for binding in self.example)
        in_file = f"{self.model}({', '.join(self.example)})" if self.named else f"`{lets}` before the chain"
        return (f"bind on the command line: {options}", f"or in the file: {in_file}")


@record
class DuplicateDefinition(Problem):
    """Two definitions of one file share a name."""

    code = "duplicate-definition"
    name: str

    @property
    def message(self) -> str:
        return f"`{self.name}` is defined twice"


@record
class DuplicateLabel(Problem):
    """Two parts of one scope would have the same name, and so the same keys in the state_dict."""

    code = "duplicate-label"
    name: str
    automatic: bool = False

    @property
    def message(self) -> str:
        return f"`{self.name}` is already the name of another part of this scope"

    @property
    def notes(self) -> tuple[str, ...]:
        return ("a part without a label takes this name by its number",) if self.automatic else ()

    @property
    def advice(self) -> tuple[str, ...]:
        return ("choose another label",)


@record
class RepeatedLabel(Problem):
    """A label stands inside a repeat: its copies would all have one name."""

    code = "repeated-label"
    name: str
    count: int

    @property
    def message(self) -> str:
        return f"the label `{self.name}` stands in a part that is repeated {self.count:,} times"

    @property
    def advice(self) -> tuple[str, ...]:
        return (
            "give the label to the repeat, `name: [...]*N`: its copies are then name.0, name.1, ...",
            'or put a counter into the label: `["name{i}": ... for i in range(N)]`',
        )


@record
class ReservedName(Problem):
    """A name that the Python module cannot have."""

    code = "reserved-name"
    name: str
    reason: str

    @property
    def message(self) -> str:
        return f"`{self.name}` cannot be a name: {self.reason}"

    @property
    def advice(self) -> tuple[str, ...]:
        return (f"for example `{self.name}_` or a longer word",)


@record
class NoModel(Problem):
    """A file defines blocks or values, but nothing that can be checked or compiled."""

    code = "no-model"

    @property
    def message(self) -> str:
        return "the file defines no model"

    @property
    def advice(self) -> tuple[str, ...]:
        return ("define one: model Name = INPUT(3, 32, 32) -> ...",)
