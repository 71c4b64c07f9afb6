"""Problems of families of models."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.files import UsageProblem
from archlang.errors.words import listing
from archlang.records import record


@record
class NotFinite(Problem):
    """A family is asked for all its members, but a parameter has neither a domain nor a value.

    `--all` checks every member. A parameter with a domain, `N in 0..3` or `width in [16, 32]`, has so many values; one
    with a value or default has one.

    A parameter with neither could be anything, and the members would have no end.
    """

    code = "family-not-finite"
    model: str
    names: tuple[str, ...]

    @property
    def message(self) -> str:
        """All parameters without an end at once, so that nobody mends them one by one."""
        verb = "has" if len(self.names) == 1 else "have"
        return f"{self.model} has no end of members: {listing(self.names)} {verb} neither a domain nor a value"

    @property
    def advice(self) -> tuple[str, ...]:
        """Both ways, written out for the parameters that were found: a domain in the file, or `-D`."""
        domains = ", ".join(f"{name} in 0..3" for name in self.names)
        options = " ".join(f"-D {name}=2" for name in self.names)
        return (f"give a domain: model {self.model}({domains}) = ...", f"or a value: {options}")


@record
class BadDomain(Problem):
    """A domain that is no range of whole numbers and no list.

    A domain says which values a parameter takes: `0..3` is 0, 1, 2 and 3, `[16, 32]` these two.

    There must be at least one value, and ranges have whole ends, or there is nothing to choose from.
    """

    code = "bad-domain"
    name: str

    @property
    def message(self) -> str:
        """The same for an empty range, `3..1`, and for ends that are not whole."""
        return f"the domain of `{self.name}` is neither a range of whole numbers nor a list"

    @property
    def advice(self) -> tuple[str, ...]:
        """A range and a list for this parameter. Both ends of a range count, unlike Python's."""
        return (f"for example {self.name} in 0..3 (both ends included), or {self.name} in [16, 32, 64]",)


@record
class OutsideDomain(Problem):
    """A parameter is given a value that its domain does not have.

    The domain is the author's statement of what the model is made for, so a value outside it, also as a default, is
    refused.
    """

    code = "outside-domain"
    name: str
    value: object
    domain: str

    @property
    def message(self) -> str:
        """`depth ranges over 1..3, which has no 9`: the domain in the author's words."""
        return f"`{self.name}` ranges over {self.domain}, which has no {self.value}"


@record
class BadCondition(UsageProblem):
    """`--where` or `--sort` is no expression over a member's counts and parameters.

    The members are known by their counts (`parameters`, `buffers`, `macs`, `flops`, `layers`) and by the values of
    their parameters; an expression over these says which to show, or in which order.
    """

    code = "bad-condition"
    option: str
    text: str

    @property
    def message(self) -> str:
        """The option and the part of its expression that cannot be used."""
        return f"{self.option} cannot use `{self.text}`"

    @property
    def advice(self) -> tuple[str, ...]:
        """An expression that always can: counts exist for every family."""
        return ('for example "parameters < 1_000_000 and macs < 50e6"',)
