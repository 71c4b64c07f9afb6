"""The command `archc`, one file for each of its commands; only this package prints or exits.

Exit status: 0 no errors, 1 the architecture has errors, 2 wrong usage or unreadable file, 3 a fault of archlang.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from archlang import __version__
from archlang.cli.common import ERRORS, FAULT, USAGE, finish
from archlang.diagnostics import Diagnosed
from archlang.errors.words import closest

COMMANDS = ("check", "diff", "compile", "render", "fmt", "explain", "zoo")
"""In the order of the help text; each is `command` in the module of its name."""


class Commands(click.Group):
    """Loads the module of a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        # one command pays for one module: start-up time is most of what a check takes
        return import_module(f"archlang.cli.{cmd_name}").command if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and a suggestion for a slip."""
        # before click looks: its own message for an unknown command suggests nothing
        meant = None if args[0] in COMMANDS else closest(args[0], COMMANDS)
        if meant:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {meant!r}?")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archc")
def cli() -> None:
    """Check, compile and draw neural network architectures.

    \b
    archc check zoo:alexnet              shapes, parameters and MACs of every layer
    archc diff zoo:vgg:VGG16 zoo:vgg:VGG19
                                         what was added, removed and changed between two models
    archc compile zoo:alexnet            a PyTorch module, alexnet.py
    archc render zoo:alexnet             a diagram, alexnet.svg
    archc fmt alexnet.arch               the file itself, laid out anew
    archc explain zoo:alexnet features.3 a layer with all its numbers; an error by its code
    archc check -e "INPUT(3, 32, 32) -> [CONV -> RELU -> POOL]*2 -> FC(10)"
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `archc` and exit. A fault of archlang itself is said to be one, with status 3."""
    # without a console (pythonw) both are None, and printing would be a fault of its own
    sys.stdout, sys.stderr = (stream or Path(os.devnull).open("w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    try:
        try:
            cli.main(arguments, prog_name="archc", standalone_mode=True)
        except Diagnosed as error:
            finish([error.diagnostic])
        # text may still wait in a buffer: if it cannot be written, that must fail here and not when Python closes
        except SystemExit:
            sys.stdout.flush()
            raise
    except OSError as error:
        # The output cannot be written; say nothing more to it, not even when Python closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has gone: `archc ... | head`
            sys.exit(ERRORS)
        print(f"archc: cannot write the output: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        sys.exit(USAGE)
    except Exception as error:
        # a traceback helps who works on archlang; who uses it needs to know that the file is not to blame
        if os.environ.get("ARCHLANG_DEBUG"):
            raise
        place = Path(error.__traceback__.tb_frame.f_code.co_filename).name if error.__traceback__ else ""
        print(f"archc: a fault of archlang itself, not of your file: {type(error).__name__}: {error}", file=sys.stderr)
        print(f"  in {place}; ARCHLANG_DEBUG=1 shows where. Please report it with the file.", file=sys.stderr)
        sys.exit(FAULT)
    sys.exit(0)
