"""Where the flattening stands that the compiler puts in front of an FC: in front of the whole group that begins so.

Both torch backends do as the hand-written `x = self.classifier(torch.flatten(x, 1))`: the group stays a plain
`nn.Sequential` whose layers can be reached and replaced by number, and another head can take its place.
"""

from __future__ import annotations

from archlang.ir.graph import Layer
from archlang.ir.ops.linear import Flatten

SHAPELESS = frozenset({"dropout", "relu"})
"""Tags of layers that do the same to a map as to its flat numbers, so that the flattening may go in front of them."""


def takes_any_shape(node: object) -> bool:
    """Whether a flattening may be moved past a node."""
    return isinstance(node, Layer) and node.op.tag in SHAPELESS and not node.shared


def is_put_in(node: object) -> bool:
    """Whether a node is a flattening that the author did not write."""
    return isinstance(node, Layer) and node.name is None and isinstance(node.op, Flatten)
