"""Transfer learning: weights carried over by name, and parts that stand still. Imports torch when it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archlang.backends.state_keys import StateReport

if TYPE_CHECKING:
    from torch import Tensor, nn


def transfer(
    source: nn.Module | Mapping[str, Tensor],
    target: nn.Module,
    *,
    skip: str | Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
) -> StateReport:
    """Copy the weights and buffers of `source`, a module or its `state_dict`, to those of `target` with the same names.

    Only what has the same shape is copied, or holds the same numbers: a fully connected layer's weights, (out, C*H*W),
    fit the convolution that stands for it, (out, C, H, W), and back. Everything else stays as it is and is in the
    report, whose text is a table with the nearest names. `skip` names a part of the target to leave out, or several;
    `rename` gives prefixes of the source's names with what the target has in their place: {"net.": ""}. What
    torch.compile, DataParallel and DistributedDataParallel put around a module is seen through. Types and devices may
    differ. Raises `ArchitectureError` for a part to skip or a prefix to rename that there is not, for names that become
    one, for what is no module or state, and for tensors without values (on "meta").
    """
    from archlang.backends.weights import move_weights

    return move_weights(source, target, skip, rename)


def freeze(net: nn.Module, until: str | None) -> tuple[str, ...]:
    """Let everything up to the part `until`, in the order of the table, stand still; everything behind it learns.

    Parameters there require no gradient, and the layers stay in evaluation mode whoever calls `train`, also inside
    another module, so that BatchNorm keeps its statistics and Dropout does nothing. A further call draws the line anew;
    None lets everything learn again that an earlier call has frozen. What you froze yourself stays as you left it.
    Gives the names of the parameters that stand still. `net` may be wrapped as for `transfer`. Raises
    `ArchitectureError` for a part that there is not, and for a module that archlang did not make.
    """
    from archlang.backends.freezing import freeze_until

    return freeze_until(net, until)
