"""A picture as Mermaid text, which GitHub, GitLab and most editors draw in Markdown: a flowchart with subgraphs."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.backends.captions import box_lines, edge_text, frame_lines
from archlang.backends.diagram import Box, Cluster, Diagram, Item
from archlang.backends.render_options import RenderOptions
from archlang.backends.themes import PALETTES

LONGEST_TEXT = 80
"""In characters."""

PLAIN = frozenset(" _-.:,;=+*/()[]{}?!^~")
"""Characters, beside letters and digits, that mean nothing in a quoted label: all others are written as entities."""


def write_mermaid(diagram: Diagram, options: RenderOptions | None = None) -> str:
    """The picture as a flowchart, ending in a newline."""
    return "".join(f"{line}\n" for line in _Writer(diagram, options or RenderOptions()).lines())


class _Writer:
    """Writes one picture. Nodes are `n0`, `n1`, ..., since paths may be Mermaid's words (`end`, `default`)."""

    def __init__(self, diagram: Diagram, options: RenderOptions) -> None:
        self.diagram = diagram
        self.options = options
        self.palette = PALETTES[options.theme]
        self.ids = {box.id: f"n{number}" for number, box in enumerate(diagram.boxes)}
        self.frames: list[bool] = []
        """For each frame, whether it holds copies."""

    def lines(self) -> Iterator[str]:
        """The lines of the flowchart."""
        yield f"flowchart {self.options.direction or 'TB'}"
        yield from self._items((*self.diagram.items, *self.diagram.insets), "  ")
        for edge in self.diagram.edges:
            text = edge_text(edge, self.options)
            yield f"  {self.ids[edge.source]} -->{f'|{_quoted(text)}|' if text else ''} {self.ids[edge.target]}"
        yield from self._classes()

    def _items(self, items: tuple[Item, ...], indent: str) -> Iterator[str]:
        for item in items:
            match item:
                case Box():
                    yield f"{indent}{self.ids[item.id]}{self._shape(item)}"
                case Cluster():
                    yield f"{indent}subgraph s{len(self.frames)}[{_quoted(*frame_lines(item, self.options))}]"
                    # before what is inside, which takes the next numbers
                    self.frames.append(item.count > 1)
                    yield f"{indent}  direction {self.options.direction or 'TB'}"
                    yield from self._items(item.items, f"{indent}  ")
                    yield f"{indent}end"

    def _shape(self, box: Box) -> str:
        """A circle for `+`, round ends for what comes and goes, a box for all others."""
        lines = box_lines(box, self.options)
        text = _quoted(*lines)
        if lines == (box.symbol,) and len(box.symbol) == 1:
            return f"(({text}))"
        return f"([{text}])" if box.family in ("input", "output") else f"[{text}]"

    def _classes(self) -> Iterator[str]:
        """Colours by families of layers, and of frames."""
        members: dict[str, list[str]] = {}
        for box in self.diagram.boxes:
            members.setdefault(box.family, []).append(self.ids[box.id])
        for number, (family, ids) in enumerate(members.items()):
            paint = self.palette.box(family)
            yield f"  classDef f{number} fill:{paint.fill},stroke:{paint.line},color:{self.palette.text}"
            yield f"  class {','.join(ids)} f{number}"
        for name, copied, frame in (("scope", False, self.palette.scope), ("copies", True, self.palette.copies)):
            if frames := [f"s{number}" for number, copies in enumerate(self.frames) if copies == copied]:
                yield f"  classDef {name} fill:{frame.fill},stroke:{frame.line},color:{self.palette.text}"
                yield f"  class {','.join(frames)} {name}"
        dashed = [self.ids[box.id] for box in self.diagram.boxes if box.training]
        if dashed:
            yield "  classDef training stroke-dasharray:4"
            yield f"  class {','.join(dashed)} training"


def _quoted(*lines: str) -> str:
    """Lines as a label in quotation marks, every character that could mean more as an entity."""
    return '"' + "<br>".join("".join(map(_entity, _cut(line))) for line in lines) + '"'


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3]}..."


def _entity(char: str) -> str:
    """A character, or Mermaid's `#38;` for it; what does not print is spelled out."""
    if not char.isprintable():
        return "".join(map(_entity, ascii(char)[1:-1]))
    return char if char.isalnum() or char in PLAIN else f"#{ord(char)};"
