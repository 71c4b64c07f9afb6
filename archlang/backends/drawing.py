"""Makes the picture of a model: walks its bodies, once for each place that is drawn, and gathers boxes and edges.

`folding.py` says what looks alike, `plan.py` how much is drawn. Colours and places are the writers' matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from string import ascii_uppercase

from archlang.backends.diagram import Box, Cluster, Diagram, Edge, Item
from archlang.backends.folding import Drawn, Group, Views, Wire, arguments_text, between, label_text, telling_arguments
from archlang.backends.frames import ends_of_inset, joined_frame, side_by_side
from archlang.backends.parts import Folds, Part, Source, Target, path_of, with_totals, within
from archlang.backends.plan import MAX_DEPTH, Plan, Planner, Variant
from archlang.backends.render_options import EVERYTHING, RenderOptions
from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.pictures import TooManyBoxes
from archlang.errors.words import plural, shape_text
from archlang.ir.graph import BodyId, Call, Layer, Model, Repeat
from archlang.ir.ops.base import Shape
from archlang.ir.partial import Failure, is_partial
from archlang.ir.paths import Place, find_place, unknown_path
from archlang.ir.walk import Totals, advance, copies, counted, fold_totals, layer_totals, name_text

MOST_BOXES = 2000
"""More takes minutes to lay out, and nobody reads it."""

SYMBOLS = {"+": "+", "*": "\N{MULTIPLICATION SIGN}", "torch.cat": "concat"}
"""Operators of joins by what torch calls them."""


def draw(model: Model, options: RenderOptions | None = None) -> Diagram:
    """The picture of a model. Raises `Diagnosed` for a path that is none, and for more boxes than can be drawn."""
    options = options or RenderOptions()
    diagram = _Drawing(model, options).draw()
    if not model.is_symbolic:
        return diagram
    return replace(diagram, sample=_Drawing(model.with_numbers, options).draw())


def find_target(model: Model, path: str) -> Target:
    """The steps to what `--expand` names. Raises `Diagnosed` if there is none."""
    place = find_place(model, path)
    if isinstance(place, Place):
        return place.steps
    raise Diagnosed(Diagnostic(unknown_path(model, path, place), None, "--expand"))


Ends = tuple[str, ...]
"""The boxes behind the outputs of a node."""


class _Drawing:
    """Draws bodies as items, and gathers the edges."""

    def __init__(self, model: Model, options: RenderOptions) -> None:
        self.model = model
        self.everything = EVERYTHING in options.expand
        self.asked = "--expand" if options.expand else "--depth" if options.depth is not None else ""
        self.views = Views(model, options.merge)
        self.planner = Planner(model, self.views)
        self.plan = self._plan(options)
        self.targets = tuple(find_target(model, path) for path in options.expand if path != EVERYTHING)
        self.telling = telling_arguments(model)
        self.totals = fold_totals(model)
        self.variants = Counter(name for name, _ in self.planner.variants(self.plan.closed))
        self.insets: dict[Variant, tuple[str, BodyId, str]] = {}
        self.edges: list[Edge] = []
        self.boxes = 0
        self.uses: Counter[str] = Counter()

    def _plan(self, options: RenderOptions) -> Plan:
        if self.everything:
            return Plan(MAX_DEPTH)
        return self.planner.plan() if options.depth is None else Plan(options.depth - 1, scopes_only=True)

    def draw(self) -> Diagram:
        """The whole picture."""
        root, model = len(self.model.bodies) - 1, self.model
        inputs = tuple(
            Box(f".input.{i.name}", i.name, shape_text(i.shape), "input", shapes=(i.shape,)) for i in model.inputs
        )
        sources = tuple(Source(box.id, i.shape, i.shape) for box, i in zip(inputs, model.inputs, strict=True))
        items, ends = self._draw_body(Part(root, root, "", {}, sources, self.plan.depth, self.targets))
        outputs: list[Box] = []
        for number, (end, out) in enumerate(zip(ends, model.outputs, strict=True)):
            title = f"{out.name} (in training)" if out.training else out.name
            shown = shape_text(out.shape)
            box = Box(f".output.{number}", title, shown, "output", shapes=(out.shape,), training=out.training)
            outputs.append(box)
            self.edges.append(Edge(end, box.id, out.shape, out.shape, out.shape))
        insets = tuple(self._draw_insets())
        return Diagram(model.name, (*inputs, *items, *outputs), tuple(self.edges), insets)

    def _draw_insets(self) -> Iterator[Cluster]:
        """A frame for each block that is drawn once; drawing one may ask for more."""
        done: set[Variant] = set()
        while waiting := [variant for variant in self.insets if variant not in done]:
            done.add(waiting[0])
            yield self._draw_inset(*self.insets[waiting[0]])

    def _draw_inset(self, name: str, number: BodyId, path: str) -> Cluster:
        body, inset = self.model.bodies[number], _inset_id(name)
        inputs = ends_of_inset(f"{inset}.input", "input", body.inputs)
        sources = tuple(Source(box.id, shape, shape) for box, shape in zip(inputs, body.inputs, strict=True))
        depth = self.planner.fitting_depth(number, self.plan.closed)
        # as in its first use: names and figures are those
        items, ends = self._draw_body(Part(number, number, f"{path}.", {}, sources, depth))
        shapes = tuple(body.shape_of(ref) for ref in body.outputs)
        outputs = ends_of_inset(f"{inset}.output", "output", shapes)
        for end, box, shape in zip(ends, outputs, shapes, strict=True):
            self.edges.append(Edge(end, box.id, shape, shape, shape))
        totals = self.totals[number]
        inner = (*inputs, *items, *outputs)
        return Cluster(inset, inner, name, "", 1, path, f"as in {path}", totals.parameters, totals.macs)

    def _draw_body(self, part: Part) -> tuple[list[Item], Ends]:
        """The items of a body and the boxes behind its outputs."""
        view, late = self.views[part.first], self.views[part.last]
        training = self.model.bodies[part.first].training
        items: list[Item] = []
        ends: list[Ends] = []
        begun = 0

        def source(wire: Wire, last: Wire) -> Source:
            if wire.ref.node < 0:
                return part.sources[wire.ref.port]
            return Source(ends[wire.ref.node][wire.ref.port], wire.sent, last.sent)

        # who expands a part looks for it by its path, which a branch that is drawn once would hide
        folds = Folds(() if self.everything or part.targets else view.branches)
        for place, (drawn, last) in enumerate(zip(view.nodes, late.nodes, strict=True)):
            # nothing reads it but the join, which is drawn without this input
            if place in folds.hidden:
                ends.append(())
                continue
            drawn = folds.joined(drawn)
            last = late.nodes[folds.last[place]] if place in folds.last else folds.joined(last)
            if place in folds.starts:
                begun = len(items)
            sources = tuple(source(*wires) for wires in zip(drawn.inputs, last.inputs, strict=True))
            targets = tuple(target for target in part.targets if not target or target[0].index == drawn.index)
            inner = replace(part.inside(drawn.node, drawn.index in training), sources=sources, targets=targets)
            new, boxes = self._draw_node(drawn, last, inner)
            items += new
            ends.append(boxes)
            if place in folds.ends:
                # a whole branch: its nodes stand in a row, so that all since its beginning are its own
                items[begun:] = [side_by_side(items[begun:], folds.ends[place])]
        for failed in view.failed:
            items.append(self._failed_box(failed.failure, part))
            self._lead([source(wire, wire) for wire in failed.inputs], failed.inputs, items[-1].id)
        return items, tuple(source(*wires).box for wires in zip(view.outputs, late.outputs, strict=True))

    def _lead(self, sources: Iterable[Source], wires: Iterable[Wire], target: str) -> None:
        """The edges into a box."""
        for wire, source in zip(wires, sources, strict=True):
            read_as = source.shape if wire.read == wire.sent else wire.read
            self.edges.append(Edge(source.box, target, source.shape, read_as, source.last))

    def _draw_node(self, drawn: Drawn, last: Drawn, part: Part) -> tuple[list[Item], Ends]:
        """The items of a node whose inputs come from `part.sources`, and the boxes behind its outputs."""
        match drawn.node, last.node:
            case Call() as call, Call() as late if self._opens(call, part):
                return self._draw_call(call, late, part)
            case Repeat() as repeat, Repeat() if part.targets or self.everything:
                return self._draw_copies(repeat, part)
            case Repeat() as repeat, Repeat() as late if (
                part.depth > 0 or self.plan.scopes_only or any(self._is_partial(run.body) for run in repeat.runs)
            ):
                return self._draw_repeat(repeat, late, part)
            case node, _:
                box = self._box(drawn, last, part)
                self._count()
                self._lead(part.sources, drawn.inputs, box.id)
                return [box], (box.id,) * len(node.outputs)

    def _opens(self, call: Call, part: Part) -> bool:
        """Whether the inside of a call is drawn: it is on the way to what is expanded or fails, or fits."""
        if self._is_partial(call.body) or any(target for target in part.targets):
            return True
        return part.depth > 0 and self.planner.variant(call)[0] not in self.plan.closed

    def _unique(self, path: str) -> str:
        """A path as an id: the first use of a part with shared weights has it, the second is `path~2`."""
        self.uses[path] += 1
        return path if self.uses[path] == 1 else f"{path}~{self.uses[path]}"

    def _is_partial(self, number: BodyId) -> bool:
        return is_partial(self.model.bodies[number])

    def _count(self) -> None:
        self.boxes += 1
        if self.boxes > MOST_BOXES:
            problem = TooManyBoxes(MOST_BOXES, bool(self.asked))
            raise Diagnosed(Diagnostic(problem, None, self.asked or self.model.origin.file))

    # ---- boxes

    def _box(self, drawn: Drawn, last: Drawn, part: Part) -> Box:
        match drawn.node, last.node:
            case Layer() as layer, Layer() as late:
                return self._layer_box(layer, late, drawn.merged, part)
            case Call() as call, Call() as late:
                return self._call_box(call, late, part)
            case Repeat() as repeat, _:
                totals = sum((self.totals[run.body] * run.count for run in repeat.runs), Totals())
                # unique without a name: edges lead into every such box, so that no other is made at the same number
                box = Box(f".part.{len(self.edges)}", f"x{repeat.count:,}", plural(totals.layers, "layer"), "folded")
                return with_totals(replace(box, shapes=repeat.outputs, origin=repeat.origin), totals, part)
            case _:
                raise AssertionError

    def _layer_box(self, layer: Layer, last: Layer, merged: tuple[Layer, ...], part: Part) -> Box:
        path, body, op = path_of(layer, part), self.model.bodies[part.first], layer.op
        # BatchNorm's parameters belong to the box into which it was drawn
        totals = sum((layer_totals(body, one) for one in (layer, *merged)), Totals())
        box = Box(
            self._unique(path), op.torch_class, between(op.summary, last.op.summary), op.family, _label(layer, last),
            path, layer.outputs, SYMBOLS.get(op.torch().target, "") if op.is_join else "",
            tuple(_short(one) for one in merged), origin=layer.origin, op=op,
        )  # fmt: skip
        return with_totals(box, totals, part)

    def _failed_box(self, failure: Failure, part: Part) -> Box:
        """A stage that gave nothing, with the message that says why."""
        label = failure.name.base if failure.name and failure.name.index is None else ""
        path = part.prefix + (name_text(failure.name, part.starts) if failure.name else f".failed.{failure.before}")
        message = failure.diagnostic.message if failure.diagnostic else ""
        return Box(self._unique(path), failure.word, message, "error", label, path, origin=failure.origin)

    def _call_box(self, call: Call, last: Call, part: Part) -> Box:
        path, totals = path_of(call, part), self.totals[call.body]
        body = self.model.bodies[call.body]
        label, title, inset = _label(call, last), body.definition or "", ""
        detail = self._arguments(call, last)
        # what is inside the inset shows; the box only says which one it is
        if title in self.plan.closed:
            title = self._inset_name(call, path)
            inset = _inset_id(title)
        else:
            detail = ", ".join(text for text in (detail, plural(totals.layers, "layer")) if text)
        if not title:
            title, label = label or path, ""
        box = Box(
            self._unique(path), title, detail, "folded", label, path, call.outputs, inset=inset, origin=call.origin
        )
        return with_totals(box, totals, part)

    def _definition(self, call: Call, last: Call) -> str:
        """`stage(c=64)`; empty for a group."""
        arguments = self._arguments(call, last)
        definition = self.model.bodies[call.body].definition
        return f"{definition}({arguments})" if arguments else definition or ""

    def _arguments(self, call: Call, last: Call) -> str:
        body, late = self.model.bodies[call.body], self.model.bodies[last.body]
        return arguments_text(body, late, self.telling.get(body.definition or "", ()))

    def _inset_name(self, call: Call, path: str) -> str:
        """`bottleneck`, or `bottleneck B` where it has several structures."""
        variant = self.planner.variant(call)
        if variant not in self.insets:
            name = variant[0]
            if self.variants[name] > 1:
                number = sum(known == name for known, _ in self.insets)
                name = f"{name} {ascii_uppercase[number] if number < 26 else number + 1}"
            self.insets[variant] = name, call.body, path
        return self.insets[variant][0]

    # ---- frames

    def _draw_call(self, call: Call, last: Call, part: Part) -> tuple[list[Item], Ends]:
        path = path_of(call, part)
        own = self._unique(path)
        targets = tuple(target[1:] for target in part.targets if target)
        inner = replace(
            part, first=call.body, last=last.body, prefix=f"{path}.", starts={}, depth=part.depth - 1, targets=targets,
            copied=False,
        )  # fmt: skip
        items, ends = self._draw_body(inner)
        definition = self._definition(call, last)
        name = _label(call, last) or ("" if definition or part.copied else name_text(call.name, part.starts))
        totals = counted(self.totals[call.body], part.shared, part.training)
        frame = Cluster(own, tuple(items), name, definition, 1, path, "", totals.parameters, totals.macs)
        return [joined_frame(replace(frame, training=part.training, shared=part.shared))], ends

    def _draw_repeat(self, repeat: Repeat, last: Repeat, part: Part) -> tuple[list[Item], Ends]:
        items: list[Item] = []
        sources, ends = part.sources, ()
        # bodies that look alike have the same groups inside, so that these go in pairs
        lasts = self.views.groups(last, {})
        for group, late in zip(self.views.groups(repeat, part.starts), lasts, strict=True):
            new, ends = self._draw_group(group, late, replace(part, sources=sources))
            items += new
            if not ends:
                break
            shapes = self._output(group.last), self._output(late.last)
            sources = (Source(ends[0], *shapes), *part.sources[1:])
        return items, ends

    def _draw_copies(self, repeat: Repeat, part: Part) -> tuple[list[Item], Ends]:
        """A repeat copy by copy."""
        items: list[Item] = []
        sources, ends = part.sources, ()
        for number, (body, count, starts) in enumerate(copies(self.model, repeat, part.starts)):
            for copy in range(count if self.views[body].nodes else 0):
                targets = tuple(within(part.targets, number, copy))
                inner = replace(part, first=body, last=body, starts=starts, sources=sources, targets=targets)
                new, ends = self._draw_body(inner)
                items += new
                if not ends:
                    return items, ends
                sources = (Source(ends[0], self._output(body), self._output(body)), *part.sources[1:])
                starts = advance(starts, self.model.bodies[body])
        return items, ends

    def _output(self, number: BodyId) -> Shape:
        """The shape that flows out of a body."""
        body = self.model.bodies[number]
        return body.shape_of(body.outputs[0])

    def _draw_group(self, group: Group, last: Group, part: Part) -> tuple[list[Item], Ends]:
        """The items of copies that look alike: in one frame, or in none if there is a single copy."""
        copied = group.count > 1
        depth = part.depth if self.plan.scopes_only else part.depth - 1
        inner = replace(part, first=group.first, last=last.last, starts=group.starts, depth=depth, copied=copied)
        items, ends = self._draw_body(inner)
        if not copied:
            return items, ends
        totals = counted(self.totals[group.first], part.shared, part.training)
        # by what stands first in it: frames inside each other are `conv1*3` and `conv1*3*2`
        frame = Cluster(f"{items[0].id}*{group.count}", tuple(items), count=group.count)
        return [
            joined_frame(replace(frame, parameters=totals.parameters, macs=totals.macs, training=part.training))
        ], ends


def _label(node: Layer | Call, last: Layer | Call) -> str:
    return between(label_text(node), label_text(last))


def _short(layer: Layer) -> str:
    """`BN`, `ReLU`: the shorter of the names in use."""
    return layer.op.words[0] if layer.op.family == "norm" else layer.op.torch_class


def _inset_id(name: str) -> str:
    return f".inset.{name}"
