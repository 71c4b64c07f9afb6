"""Classes of live modules, one for each model of a file, as `archlang.importer` gives them.

How a model is made from arguments is the importer's business; here is what makes it a class like one written by hand.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any, ClassVar

from archlang.backends.signatures import plain_kind
from archlang.backends.torch_module import ArchModule
from archlang.diagnostics import ArchitectureError, Diagnosed
from archlang.ir.graph import Model
from archlang.records import record

OPTIONS = ("device", "seed", "input")
"""Arguments of each class behind those of its model; a parameter of that name takes the place."""

Make = Callable[[Mapping[str, Any], Any], Model]
"""Gives the model for values of its parameters and an input shape. Raises `ArchitectureError`."""

Restore = Callable[[str, str], ArchModule]
"""Gives an empty module of a class, by the names of its module and its own, for pickle to fill."""


@record
class ClassParameter:
    """A parameter of a class: its name, and its default where it has one that is known beforehand."""

    name: str
    default: Any = Parameter.empty

    @property
    def is_word(self) -> bool:
        """Whether it can be written as an argument of Python."""
        return self.name.isidentifier() and not keyword.iskeyword(self.name)


class FileModule(ArchModule):
    """A module of a class that was made from a file."""

    _restore: ClassVar[Restore]

    def _get_name(self) -> str:
        return type(self).__name__

    def __reduce_ex__(self, protocol: Any) -> Any:
        """By the name of the class and not by the class itself, if that is a file's own."""
        kind: Any = plain_kind(type(self))
        # its own and not inherited: a class that a user derived from it is found by pickle in the user's module
        if "_restore" not in vars(kind):
            return super().__reduce_ex__(protocol)
        return kind._restore, (kind.__module__, kind.__qualname__), self.__getstate__()


def make_class(
    place: tuple[str, str], doc: str, parameters: Sequence[ClassParameter], make: Make, restore: Restore
) -> type[FileModule]:
    """The class of a model, `AlexNet(classes=10)`, with the signature of its parameters; `place` is module and name."""
    module, name = place
    names = tuple(parameter.name for parameter in parameters)
    options = tuple(option for option in OPTIONS if option not in names)

    # self by place alone: a parameter of the model may be called `self`, too
    def __init__(self: FileModule, /, *given: Any, **named: Any) -> None:  # noqa: N807
        values = {**_positional(name, names, given, named), **named}
        chosen = {option: values.pop(option, None) for option in options}
        try:
            ArchModule.__init__(self, make(values, chosen.get("input")), chosen.get("seed"), chosen.get("device"))
        except Diagnosed as error:
            raise ArchitectureError((error.diagnostic,)) from None

    # what help() and editors show in place of *given, **named
    __init__.__signature__ = _signature(parameters, options)  # pyright: ignore[reportFunctionMemberAccess]
    __init__.__qualname__ = f"{name}.__init__"
    members = {"__init__": __init__, "__module__": module, "__doc__": doc, "_restore": staticmethod(restore)}
    return type(name, (FileModule,), members)


def _positional(name: str, names: Sequence[str], given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Positional arguments by name, refused as Python does."""
    if len(given) > len(names):
        raise TypeError(f"{name}() takes at most {len(names)} positional arguments but {len(given)} were given")
    values = dict(zip(names, given, strict=False))
    if twice := next((word for word in values if word in named), None):
        raise TypeError(f"{name}() got multiple values for argument '{twice}'")
    return values


def _signature(parameters: Sequence[ClassParameter], options: Sequence[str]) -> Signature:
    """The signature with `self`; what has no default stands by name alone once a default has been."""
    kind: Any = Parameter.POSITIONAL_OR_KEYWORD
    # a Signature refuses `lambda` as a name; **named takes it all the same
    shown = [parameter for parameter in parameters if parameter.is_word]
    first = [Parameter("self_" if any(p.name == "self" for p in shown) else "self", kind)]
    by_name: list[Parameter] = []
    for parameter in shown:
        behind = bool(first[1:]) and first[-1].default is not Parameter.empty and parameter.default is Parameter.empty
        made = Parameter(parameter.name, Parameter.KEYWORD_ONLY if behind else kind, default=parameter.default)
        (by_name if behind else first).append(made)
    given = [Parameter(option, Parameter.KEYWORD_ONLY, default=None) for option in options]
    return Signature([*first, *by_name, *given])
