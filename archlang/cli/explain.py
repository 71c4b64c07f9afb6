"""`archc explain`: the page of an error, or a layer with all its numbers."""

from __future__ import annotations

import click

from archlang.cli.common import finish
from archlang.cli.options import Reading, reads_a_model
from archlang.reading import ZOO_PREFIX


@click.command("explain")
@click.argument("words", nargs=-1, metavar="[CODE | FILE LAYER]")
@reads_a_model
def command(words: tuple[str, ...], reading: Reading) -> None:
    """Explain an error, or a layer with all its numbers.

    \b
    archc explain                           all errors and warnings, a line each
    archc explain stride-drops-input        what it means, why, an example, what to do
    archc explain zoo:alexnet features.3    sizes, counts and receptive field of a layer
    archc explain zoo:alexnet features      a labelled part: its totals, its layers
    """
    given = reading.text is not None
    expected = 1 if given else 2
    # a single word is a code, but `net.arch` alone is a layer that was forgotten
    if len(words) > expected or (len(words) < expected and (given or _is_file(words))):
        raise click.UsageError("give a CODE, or a FILE and a LAYER of it; -e TEXT stands for the file")
    if len(words) < expected and not reading.is_plain:
        raise click.UsageError("a CODE takes no options; they choose the model of a FILE")
    if len(words) < expected:
        from archlang.explain import code_list, page

        print(page(words[0]) if words else code_list(), end="")
        return
    from archlang.report.layer import explanation

    outcome = reading.check(words[0], choose_one=True)
    if outcome.models:  # what else is wrong, an `assert` that fails, is said behind it
        print(explanation(outcome.models[0], words[-1]), end="")
    finish(outcome.diagnostics)


def _is_file(words: tuple[str, ...]) -> bool:
    """Whether a lone argument is no code but the file of a layer that was forgotten."""
    return any(word.startswith(ZOO_PREFIX) or "." in word for word in words)
