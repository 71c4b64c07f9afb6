"""Records: frozen dataclasses that cost little to define.

`archc check` is over in a tenth of a second, half of which would go into defining three hundred frozen dataclasses:
each compiles half a dozen methods. A record compiles its `__init__` alone; comparison, hash and repr are shared. That
nobody assigns to a field is held by the type checker, not at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def record(cls: type[T], /) -> type[T]: ...


@overload
def record(*, kw_only: bool = False, eq: bool = True) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[Any] | None = None, /, *, kw_only: bool = False, eq: bool = True) -> Any:
    """Make a class a record; `eq=False` leaves records equal only to themselves."""

    def make(plain: type[Any]) -> type[Any]:
        made: Any = dataclass(eq=False, repr=False, match_args=False, kw_only=kw_only)(plain)
        # of the class itself: object has a __repr__, too
        if "__repr__" not in vars(plain):
            made.__repr__ = _repr
        made._compared = tuple(known.name for known in fields(made) if known.compare)
        if eq:
            # together: object's hash goes by identity, and equal records must have equal ones
            made.__eq__, made.__hash__ = _equal, _hash
        return made

    return make if cls is None else make(cls)


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in self._compared])


def _equal(self: Any, other: object) -> bool:
    # as dataclasses compare: a derived class is never equal to its base
    return type(self) is type(other) and _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"
