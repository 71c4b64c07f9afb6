"""A model as a picture: boxes, frames and edges, in no format and no colour. `drawing.py` makes one from a model.

This is what writers read (`graphviz.py`, `mermaid.py`, ...), and it stays as it is. What holds:

- `Diagram.items` is a tree: a `Box` is drawn, a `Cluster` is a frame around items. Items and edges stand in execution
  order; every edge joins two boxes by their ids, which are unique in the diagram, insets included. The id is the path,
  or `path~2` where a part with shared weights is used again.
- Copies that look alike are one frame with a `count`; boxes in it show the first copy, `path` and figures too. Copies
  that are branches of one join have the note `side by side`. Labels and numbers that go on from copy to copy are texts
  such as `layer0 ... layer11`.
- A part that is not drawn in full is a box of the family `folded`, with `layers` in it. Where its block is drawn once
  for all its uses, that is an inset, with the id `Box.inset`, and with an input and an output of its own.
- A layer that fails, in a model with errors, is a box of the family `error` whose `detail` is the message.
- `path` is what `archc explain FILE PATH` takes. It is empty for inputs, outputs and folded repeats.
- `parameters` and `macs` count one copy, as the report does: shared weights where they are used first, no MACs for what
  runs in training only.
"""

from __future__ import annotations

from collections.abc import Iterator

from archlang.errors.words import shape_text
from archlang.ir.graph import Origin
from archlang.ir.ops.base import Op, Shape
from archlang.records import record


@record
class Box:
    """A layer, an input, an output, or a part that is not drawn in full (family `folded`).

    `title` is torch's class, a block's name or `x1,000`; `detail` the arguments that matter; `label` the name that the
    author gave. `symbol` is a join's operator: `+`, a multiplication sign, `concat`. `shapes` are those of its outputs.
    `merged` names the layers that were drawn into this one; `op` is the layer itself, that of the first copy. `path`,
    `layers`, `parameters`, `macs`: see above.
    """

    id: str
    title: str
    detail: str
    family: str
    label: str = ""
    path: str = ""
    shapes: tuple[Shape, ...] = ()
    symbol: str = ""
    merged: tuple[str, ...] = ()
    layers: int = 1
    parameters: int = 0
    macs: int = 0
    training: bool = False
    shared: bool = False
    inset: str = ""
    origin: Origin | None = None
    op: Op | None = None


@record
class Cluster:
    """A frame around boxes: a scope (`name`; `definition` for a block and its arguments), `count` copies, or both.

    `note` is what else a reader should know: `as in layer1.0` on an inset.
    """

    id: str
    items: tuple[Item, ...]
    name: str = ""
    definition: str = ""
    count: int = 1
    path: str = ""
    note: str = ""
    parameters: int = 0
    macs: int = 0
    training: bool = False
    shared: bool = False


Item = Box | Cluster


@record
class Edge:
    """A value between two boxes: its shape as sent, as read (another where the compiler flattens it on the way), and as
    sent in the last of the copies that are drawn as one."""

    source: str
    target: str
    shape: Shape
    read_as: Shape
    last: Shape

    @property
    def text(self) -> str:
        """`64x55x55`, `256x6x6 -> 9216`, or from the first copy to the last `32x16x16 ... 32x4x4`."""
        text = shape_text(self.shape)
        if self.read_as != self.shape:
            return f"{text} -> {shape_text(self.read_as)}"
        return text if self.last == self.shape else f"{text} ... {shape_text(self.last)}"


@record
class Diagram:
    """The whole picture. `insets` are frames beside it, one for each block that stands in it as a single box.

    `sample` is the picture at some legal sizes, where the model leaves its sizes free: for what has to compare them.
    """

    name: str
    items: tuple[Item, ...]
    edges: tuple[Edge, ...]
    insets: tuple[Cluster, ...] = ()
    sample: Diagram | None = None

    @property
    def boxes(self) -> Iterator[Box]:
        """All boxes in execution order, those of the insets last."""
        yield from boxes_of((*self.items, *self.insets))


def boxes_of(items: tuple[Item, ...]) -> Iterator[Box]:
    """The boxes of items and of the frames among them, in order."""
    for item in items:
        if isinstance(item, Box):
            yield item
        else:
            yield from boxes_of(item.items)
