"""Which lints there are: archlang's own and those that others register."""

from __future__ import annotations

from functools import cache

from archlang.lints import dense, joins, order, unused, whole, windows
from archlang.lints.allow import ABOUT_COMMENTS
from archlang.lints.base import Lint

ENTRY_POINTS = "archlang.lints"
"""Group of entry points through which installed packages offer lints; each names a `Lint`."""

BROKEN_PLUGIN = "broken-plugin"
"""The code of warnings about packages whose lints or layers cannot be used."""

LINTS: list[Lint] = [
    Lint("channels-last", windows.inputs_with_channels_last, sized=True),
    Lint("batch-in-input", windows.inputs_with_batch, sized=True),
    Lint("even-kernel", windows.even_kernel, sized=True),
    Lint("large-pooling", windows.large_pooling, sized=True),
    Lint("large-kernel", windows.large_kernel, sized=True),
    Lint("wasted-padding", windows.wasted_padding, sized=True),
    Lint("indivisible-input", windows.indivisible_input, sized=True),
    Lint("small-receptive-field", whole.small_receptive_field, sized=True),
    Lint("first-fc-heavy", whole.first_fc_heavy, sized=True),
    Lint("linear-on-map", dense.linear_on_map),
    Lint("missing-activation", order.missing_activation),
    Lint("doubled-activation", order.doubled_activation),
    Lint("activation-before-loss", order.activation_before_loss),
    Lint("activation-on-scores", dense.activation_on_scores),
    Lint("join-of-itself", joins.joined_with_itself),
    Lint("bias-before-norm", order.bias_before_norm),
    Lint("dropout-before-norm", order.dropout_before_norm),
    Lint("dropout-at-output", order.dropout_at_output),
    Lint("unused-block", find_in_file=unused.unused_blocks),
    Lint("unused-parameter", find_in_file=unused.unused_parameters),
    Lint("unused-label", find_in_file=unused.unused_labels),
    Lint("unused-let", find_in_file=unused.unused_lets),
    Lint("unused-import", find_in_file=unused.unused_imports),
]
"""All lints, in the order in which their warnings about one place come."""


def register(lint: Lint) -> Lint:
    """Make a lint known. One of the same code is replaced, so that a module can be loaded again.

    Raises ValueError if it looks at nothing.
    """
    if lint.find is None and lint.find_in_file is None:
        raise ValueError(f"{lint.code} looks neither at models nor at files")
    # in place: others have imported the list itself
    LINTS[:] = [*(known for known in LINTS if known.code != lint.code), lint]
    return lint


@cache
def load_entry_points() -> None:
    """Register the lints of installed packages."""
    from archlang.plugins import take_offers

    take_offers(ENTRY_POINTS, register)


def codes() -> tuple[str, ...]:
    """The codes of all warnings."""
    # here and not on import: installed packages are looked through only where codes are asked for
    load_entry_points()
    return (*(lint.code for lint in LINTS), *ABOUT_COMMENTS, BROKEN_PLUGIN)
