"""Names in scope while a chain or expression is evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Environment:
    """Values of local names (parameters, loop variables) in front of the file's own. Never changed, only extended."""

    local: Mapping[str, Any]
    file: Mapping[str, Any]

    def extended(self, values: Mapping[str, Any]) -> Environment:
        """With more local names."""
        return Environment({**self.local, **values}, self.file)

    def find(self, name: str) -> Any:
        """The value of a name. Raises KeyError if it has none."""
        return self.local[name] if name in self.local else self.file[name]

    def names(self) -> Iterable[str]:
        """All names in scope."""
        return (*self.local, *self.file)

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """The local values, as something hashable that tells 1 from true: equal ones elaborate a chain alike."""
        return tuple(sorted((name, repr(value)) for name, value in self.local.items()))
