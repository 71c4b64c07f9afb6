"""Names in scope while a chain or expression is evaluated."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from archlang.records import record

if TYPE_CHECKING:
    from archlang.elaborate.program import Program
    from archlang.syntax import ast


@record
class Hole:
    """A chain given to a block in braces, with the names in scope where it was written."""

    branch: ast.Branch
    env: Environment


@record
class Environment:
    """Values of local names (parameters, loop variables) in front of those of a file. Never changed, only extended.

    `program` is the file whose words, defaults and definitions count; `file` holds its values. `defaulted` names the
    parameters that no call gave a value.
    """

    program: Program
    file: Mapping[str, Any]
    local: Mapping[str, Any] = field(default_factory=dict[str, Any])
    holes: Mapping[str, Hole] = field(default_factory=dict[str, Hole])
    defaulted: frozenset[str] = frozenset()

    def extended(self, values: Mapping[str, Any]) -> Environment:
        """With more local names."""
        return replace(self, local={**self.local, **values})

    @property
    def outermost(self) -> Environment:
        """Without the local names."""
        return replace(self, local={}, holes={})

    def find(self, name: str) -> Any:
        """The value of a name. Raises KeyError if it has none."""
        return self.local[name] if name in self.local else self.file[name]

    def names(self) -> Iterable[str]:
        """All names in scope."""
        return (*self.local, *self.file)

    def key(self, names: Container[str]) -> tuple[Any, ...]:
        """Holes, and the local values among `names`, as something hashable that tells 1 from true.

        A chain that uses only those names is elaborated alike wherever the key is equal.
        """
        # as text: 1 == True == 1.0 in Python, and they would share a key
        values = sorted((name, self.program.text_of(value)) for name, value in self.local.items() if name in names)
        # a hole may pass on what its own block was given, so all names of where it was written count
        holes = sorted((name, id(hole.branch), hole.env.key(EVERY_NAME)) for name, hole in self.holes.items())
        return (*values, *holes)


class _EveryName:
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True


EVERY_NAME = _EveryName()
