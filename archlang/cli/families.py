"""`archc check` of a family: members of a model whose parameters range, and values that are to be found."""

from __future__ import annotations

import sys

import click

from archlang.checking import Request
from archlang.cli.common import ERRORS
from archlang.cli.options import Reading, grouped
from archlang.reading import read_solved, read_source
from archlang.records import record
from archlang.source import Source
from archlang.writing import STANDARD_OUTPUT

# members from which on a bar shows progress, and beyond which a report must be asked for with --limit
LONG_FAMILY, MOST_MEMBERS = 2_000, 1_000_000


@record
class Members:
    """Which members are asked for: all, those for which a condition holds, in what order, how many; values to find."""

    everything: bool
    where: str | None
    sort: str | None
    limit: int | None
    solve: tuple[str, ...]

    @property
    def are_asked(self) -> bool:
        """Whether the check is of a family at all."""
        return bool(self.everything or self.where or self.sort or self.limit or self.solve)


chooses_members = grouped(
    "members",
    Members,
    click.option(
        "--all", "everything", is_flag=True, help="Check every member of the model's family, a line for each."
    ),
    click.option("--where", metavar="EXPR", help='With --all: only members for which "parameters < 1_000_000" holds.'),
    click.option("--sort", metavar="EXPR", help='With --all: ordered by "macs", or by "-macs": the largest first.'),
    click.option("--limit", type=click.IntRange(1), help="With --all: at most so many members."),
    click.option(
        "--solve", metavar="NAME[=VALUES]", multiple=True, help="Which values of a parameter, 1..8, are legal?"
    ),
)


def check_members(files: tuple[str, ...], reading: Reading, members: Members, form: str) -> None:
    """Report the members that are asked for, or the values that are legal."""
    target, *more = reading.targets(files)
    if more:
        raise click.UsageError("a family is checked of one FILE at a time")
    check = _solve if members.solve else _check_family
    check(target, reading.text, reading.request(), members, form)


def _check_family(target: str, text: str | None, request: Request, members: Members, form: str) -> None:
    """Check the members of a family that are asked for; the status tells whether all of them are legal."""
    from archlang.families import choose_members, open_family
    from archlang.reading import family_of
    from archlang.report.family import family_text

    family = family_of(target, request) if text is None else open_family(Source("<text>", text), request)
    # the number is known before any member is made: a product of the sizes of the domains
    if members.limit is None and family.count > MOST_MEMBERS:
        raise click.UsageError(f"the family has {family.count:,} members; --limit says how many to report")
    # on standard error, as standard output may be piped on
    with click.progressbar(
        family, family.count, label=f"{family.count:,} members", file=sys.stderr, hidden=family.count < LONG_FAMILY
    ) as found:
        chosen = choose_members(family, found, members.where, members.sort, members.limit)
    print(family_text(family, chosen, form), end="")
    if any(not member.ok for member in chosen):
        sys.exit(ERRORS)


def _solve(target: str, text: str | None, request: Request, members: Members, form: str) -> None:
    """Try values of some parameters; the status tells whether any is legal."""
    from archlang.families import open_solutions
    from archlang.reading import FileImporter
    from archlang.report.family import family_text, solutions_text

    source = read_source(target) if text is None else Source("<text>", text)
    family = open_solutions(source, request, read_solved(members.solve), FileImporter(target or STANDARD_OUTPUT))
    found = list(family)
    print(solutions_text(family, found) if form == "text" else family_text(family, found, form), end="")
    # `--solve` looks for one way, `--all` promises all members: hence `any` here and `all` there
    if not any(member.ok for member in found):
        sys.exit(ERRORS)
