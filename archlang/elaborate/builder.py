"""A body under construction: its nodes so far, what flows, the names and labels taken."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from archlang.diagnostics import Diagnosed, Diagnostic, Label
from archlang.errors.names import DuplicateLabel
from archlang.ir.graph import Argument, Body, Call, Input, Layer, Name, Node, Origin, Ref, Side
from archlang.ir.ops.base import Shape
from archlang.ir.partial import Failure, PartialBody
from archlang.records import record
from archlang.source import Span


class Flow(Enum):
    """What flows where there is no shape: nothing yet, or something unknown behind an error."""

    NOTHING = "nothing"
    UNKNOWN = "unknown"


Naming = Literal["kinds", "numbers"]
"""How unlabelled layers are named: conv1, fc2 at the top of a model; 0, 1, 2 in labelled groups and blocks."""


@record
class Tap:
    """What flows out of a labelled part, for whoever names the label; `node` is the part itself, if it is one node."""

    ref: Ref
    flow: Shape | Flow
    node: Layer | Call | None = None


@record
class Attempt:
    """What is being made of a stage: the name it took, and what flows into it, if that is not what flows."""

    name: Name
    inputs: tuple[Ref, ...] | None = None


@dataclass
class BodyBuilder:
    """A chain being elaborated. `root` says that it is a model's own: INPUT and extra outputs stand only there.

    `gaps` counts stages that failed and parts in which some did; `blind` is a chain that begins behind one.
    """

    naming: Naming
    flow: Shape | Flow
    root: bool = False
    captured: dict[str, Shape] = field(default_factory=dict[str, Shape])
    inputs: list[Input] = field(default_factory=list[Input])
    nodes: list[Node] = field(default_factory=list[Node])
    last: Ref = field(default_factory=lambda: Ref(-1))
    counters: dict[str, int] = field(default_factory=dict[str, int])
    # names that are taken, those inside repeats too; `taps` has the ones that can be read
    labels: dict[str, Span] = field(default_factory=dict[str, Span])
    taps: dict[str, Tap] = field(default_factory=dict[str, Tap])
    sides: list[Side] = field(default_factory=list[Side])
    extra_outputs: list[Ref] = field(default_factory=list[Ref])
    # indices of nodes that run in training only
    training: set[int] = field(default_factory=set[int])
    in_training: bool = False
    # the next stage begins a branch: a source there discards nothing
    begins: bool = False
    label_span: Span | None = None
    failures: list[Failure] = field(default_factory=list[Failure])
    gaps: int = 0
    attempt: Attempt | None = None

    def __post_init__(self) -> None:
        self.blind = self.flow is Flow.UNKNOWN
        if isinstance(self.flow, tuple):
            self.inputs.append(Input("input", self.flow))
        for label, shape in self.captured.items():
            # inputs of a body: what flows is port 0, the labels it uses of the scope around follow
            self.taps[label] = Tap(Ref(-1, len(self.inputs)), shape)
            self.inputs.append(Input(label, shape))

    @property
    def shape(self) -> Shape | None:
        """The shape that flows, where there is one."""
        return self.flow if isinstance(self.flow, tuple) else None

    def feed(self, shape: Shape, name: str) -> None:
        """Begin with a further input."""
        taken = {known.name for known in self.inputs}
        # input, input2: without a label, several inputs are told apart by their place
        numbered = name if name not in taken else f"{name}{len(self.inputs) + 1}"
        self.inputs.append(Input(numbered, shape))
        self.last, self.flow = Ref(-1, len(self.inputs) - 1), shape

    def add(self, node: Node, body: Body | None = None) -> None:
        """Append a node; its first output flows on, if it has one. `body` is what it calls, or one that is partial."""
        self.gaps += isinstance(body, PartialBody)
        self.attempt = None
        self.nodes.append(node)
        if self.in_training:
            self.training.add(len(self.nodes) - 1)
        if node.outputs:
            # further outputs (indices of a pooling, sides of a model) are read by name, they do not flow
            self.last, self.flow = Ref(len(self.nodes) - 1), node.outputs[0]
        else:
            self.flow = Flow.UNKNOWN

    def fail(self, failure: Failure) -> None:
        """Remember a stage that gave nothing; what flows behind it is unknown."""
        self.failures.append(failure)
        self.gaps += 1
        self.attempt, self.flow = None, Flow.UNKNOWN

    def go_to(self, ref: Ref, flow: Shape | Flow) -> None:
        """Let something else flow: the start of another branch, or a label's output."""
        self.last, self.flow = ref, flow

    @contextmanager
    def aside(self, training: bool) -> Generator[None, None, None]:
        """Elaborate something beside the chain, for training only if said so; then go on where it left."""
        ref, flow, outer = self.last, self.flow, self.in_training
        # all that stands inside AUX runs in training only, OUTPUT inside of it too
        self.in_training = outer or training
        try:
            yield
        finally:
            self.go_to(ref, flow)
            self.in_training = outer

    # ---- names

    def name(self, kind: str, label: str | None, span: Span, numbered: bool = True) -> Name:
        """The name of a layer or call: its label, or the next number of its kind.

        `numbered=False` is for joins, which are no modules of torch: they take no number from the layers beside them.
        """
        # "" is the base of plain numbers: 0, 1, 2 of a Sequential
        base = kind if self.naming == "kinds" or not numbered else ""
        if label is not None:
            self.take_label(label, span)
            # a labelled layer counts all the same, so that to label one renames none behind it; heads of AUX do not
            if self.naming == "kinds" and not self.in_training:
                self.counters[base] = self.counters.get(base, 0) + 1
            name = Name(label)
        else:
            index = self.counters.get(base, 0)
            self.counters[base] = index + 1
            name = Name(base, index)
        self.attempt = Attempt(name)
        return name

    def take_label(self, label: str, span: Span) -> None:
        """Mark a label as used in this scope; where it stands, `label_span` says if `span` is the part it names."""
        span = self.label_span or span
        if first := self.labels.get(label):
            # both places are one where a hole stands twice, and each time brings the label along
            others = (Label(first, "first given here"),) if first != span else ()
            raise Diagnosed(Diagnostic(DuplicateLabel(label), span, span.source.name, others))
        self.labels[label] = span

    def mark(self, label: str | None) -> None:
        """Remember what flows now as the output of a label."""
        if label is not None:
            node = self.nodes[self.last.node] if self.last.node >= 0 else None
            # the label of a group without a scope, or of `_`, marks a place and no single part
            own = node if isinstance(node, Layer | Call) and node.name == Name(label) else None
            self.taps[label] = Tap(self.last, self.flow, own)

    def starts_behind(self, names: tuple[tuple[str, int], ...], count: int) -> dict[str, int]:
        """Where automatic names of `count` copies of a body start; advances behind them."""
        # a body counts from 0 for itself: the repeat says where its first copy begins, the others follow
        starts = {base: self.counters.get(base, 0) for base, _ in names}
        for base, taken in names:
            self.counters[base] = self.counters.get(base, 0) + taken * count
        return starts

    def finish(self, definition: str | None, arguments: tuple[Argument, ...], origin: Origin) -> Body:
        """The frozen body; a partial one if stages failed."""
        made: dict[str, Any] = {
            "definition": definition,
            "arguments": arguments,
            "inputs": tuple(known.shape for known in self.inputs),
            "nodes": tuple(self.nodes),
            # port 0 is what flows out, sides follow; behind an error nothing comes out
            "outputs": (self.last, *self.extra_outputs) if self.shape is not None else (),
            "names": tuple(sorted(self.counters.items())),
            "training": tuple(sorted(self.training)),
            "origin": origin,
        }
        return PartialBody(**made, failures=tuple(self.failures)) if self.gaps else Body(**made)
