"""Options that several commands take, or that belong together: a command gets each group of them as one record."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from archlang.checking import Outcome, Request, check_source
from archlang.elaborate.parts import Options
from archlang.reading import check_target, read_bindings, read_inputs
from archlang.records import record
from archlang.source import Source

Command = TypeVar("Command", bound=Callable[..., Any])


def grouped(name: str, kind: type[Any], *options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Options whose values reach the command as its argument `name`: a `kind`, which has a field for each of them."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> Any:
            # fields and options go by name, so a record cannot lack an option without an error here
            mine = {field: given.pop(field) for field in kind.__annotations__}
            return command(**given, **{name: kind(**mine)})

        decorated: Any = run
        # decorators apply from the last to the first, and help lists options as they stand
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


@record
class Reading:
    """Which model is read, and how: the text of `-e`, a model's name, NAME=VALUE pairs, input shapes, the rule."""

    text: str | None
    model: str | None
    bindings: tuple[str, ...]
    inputs: tuple[str, ...]
    strict: bool

    @property
    def is_plain(self) -> bool:
        """Whether nothing was said of the model but its file."""
        return not (self.model or self.bindings or self.inputs or self.strict)

    def request(self) -> Request:
        """The request. Raises `Diagnosed` for bindings and shapes that are none."""
        return Request(self.model, read_bindings(self.bindings), Options(read_inputs(self.inputs), self.strict))

    def targets(self, files: tuple[str, ...]) -> tuple[str, ...]:
        """The files to read; one nameless where `-e` gives the text."""
        # exactly one of the two
        if bool(files) == (self.text is not None):
            raise click.UsageError("give a FILE, or -e TEXT" + (", not both" if files else ""))
        return files or ("",)

    def check(self, target: str, choose_one: bool = False) -> Outcome:
        """What a check of one target finds; `choose_one` as for `check_source`. Raises `Diagnosed`."""
        if self.text is not None:
            return check_source(Source("<text>", self.text), self.request(), choose_one)
        return check_target(target, self.request(), choose_one)


MODEL_OPTIONS = (
    click.option("-m", "--model", metavar="NAME", help="The model of the file that is meant."),
    click.option("-D", "bindings", metavar="NAME=VALUE", multiple=True, help="Give a parameter of the model a value."),
    click.option(
        "--input",
        "inputs",
        metavar="[NAME=]C,H,W",
        multiple=True,
        help="Another shape for the input; sizes given as letters are left free.",
    ),
    click.option("--strict", is_flag=True, help="The lectures' rule: a size that is not whole is an error."),
)
"""Which model of a text is meant, and how it is read: all fields of `Reading` but the text."""

reads_a_model = grouped(
    "reading",
    Reading,
    click.option("-e", "text", metavar="TEXT", help="The architecture itself, in place of a file."),
    *MODEL_OPTIONS,
)
