"""What `archc compile` and `archc render` have in common: one model goes to one file, whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from archlang.cli.common import finish
from archlang.cli.options import Reading
from archlang.diagnostics import Diagnosed
from archlang.ir.graph import Model
from archlang.writing import STANDARD_OUTPUT, default_path, write_output

if TYPE_CHECKING:
    from archlang.backends.render_options import RenderOptions


def make(
    command: str,
    file: str | None,
    output: str | None,
    reading: Reading,
    drawing: Callable[[], RenderOptions] | None = None,
    partial: bool = False,
) -> None:
    """Elaborate one model and write it; on any error nothing is written, unless `partial` asks for what there is.

    `drawing` reads the options of pictures.
    """
    target = reading.targets((file,) if file is not None else ())[0]
    try:
        drawn = drawing() if drawing else None
        outcome = reading.check(target, choose_one=True)
        if not outcome.ok and not (partial and outcome.partial):
            finish(outcome.diagnostics, "nothing was written")
            return
        made = outcome.models[0] if outcome.ok else outcome.partial[0]
        # by the model and not the file, as a file may hold several
        path = output or default_path(made, command)
        write_output(made, path, command, drawn, outcome.run)
    except Diagnosed as error:
        # also where a format refuses the model: what is written is written whole or not at all
        finish([error.diagnostic], "nothing was written")
        return
    finish(outcome.diagnostics, "" if outcome.ok else f"{path} shows what is known of {made.name}")
    if path != STANDARD_OUTPUT:
        # on standard error: standard output is for what is made
        print(f"wrote {path}: {made.name}{_made_for(made, command)}", file=sys.stderr)


def _made_for(model: Model, command: str) -> str:
    """For which sizes a module was written, where the model leaves them free."""
    if not model.is_symbolic:
        return ""
    from archlang.report.legal import made_for, module_for

    # what a picture shows is no matter of the sizes that a module takes
    return f", {made_for(model) if command == 'render' else module_for(model)}"
