"""What is needed to give archlang a layer of one's own.

A layer is one class derived from `Op` and marked `@record(kw_only=True)`: its words, its arguments, its shape rule, its
counts, its torch expression. `archlang.register` makes it known; a package can also offer it as an entry point of the
group `archlang.layers`. Then it is checked, counted, drawn and compiled as the built-in ones are.
"""

from archlang.ir.ops.arguments import choice, dimension, flag, number, optional, padding, sizes, whole
from archlang.ir.ops.base import (
    Counts,
    Op,
    OpError,
    Shape,
    Sizes,
    TorchArgument,
    TorchCall,
    Value,
    keyword,
    positional,
    require_rank,
    with_defaults,
)
from archlang.ir.ops.registry import register
from archlang.ir.ops.trace import Tensor, Trace
from archlang.records import record

__all__ = [
    "Counts",
    "Op",
    "OpError",
    "Shape",
    "Sizes",
    "Tensor",
    "TorchArgument",
    "TorchCall",
    "Trace",
    "Value",
    "choice",
    "dimension",
    "flag",
    "keyword",
    "number",
    "optional",
    "padding",
    "positional",
    "record",
    "register",
    "require_rank",
    "sizes",
    "whole",
    "with_defaults",
]
