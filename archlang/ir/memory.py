"""Memory of a model, folded over its shared bodies: what autograd keeps for the backward pass, and the most that is
alive at once, forwards and backwards.

Values are followed as `ops/trace.py` has them: a tensor that several layers keep counts once, for the first of them; a
view lies in its tensor's memory. A value is given up behind the last layer that reads it; the caller of a body holds
what it passes until the body is done, as Python does. Each body is followed once for each way in which its inputs can
lie, and copies in a row until these repeat, so the cost grows with what was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

from archlang.ir.graph import Body, BodyId, Call, Input, Layer, Model, Node, Ref, Repeat, Run
from archlang.ir.indices import index_inputs
from archlang.ir.ops.base import Op, Shape, count_elements
from archlang.ir.ops.trace import INDEX_BYTES, Setting, Storage, Tensor, Trace, contiguous_strides
from archlang.records import record


@record
class Effect:
    """What a part does, in bytes: its buffers, what is kept for the backward pass, gradients of its parameters, what it
    leaves alive, the most it has alive beyond what was before it, forwards (`peak`), and with what is kept and the
    gradients, backwards (`back`)."""

    buffers: int = 0
    kept: int = 0
    gradients: int = 0
    live: int = 0
    peak: int = 0
    back: int = 0

    def then(self, other: Effect) -> Effect:
        """Both, one after the other; the backward pass takes the second one first."""
        return Effect(
            self.buffers + other.buffers,
            self.kept + other.kept,
            self.gradients + other.gradients,
            self.live + other.live,
            max(self.peak, self.live + other.peak),
            # the second goes backwards beside all that the first keeps, the first beside the second's gradients.
            max(self.back + other.gradients, self.kept + other.back),
        )

    def times(self, count: int) -> Effect:
        """That many in a row, at least one."""
        more = count - 1
        return Effect(
            self.buffers * count,
            self.kept * count,
            self.gradients * count,
            self.live * count,
            # of copies that leave something alive the last peaks highest, of those that give something up the first.
            max(0, more * self.live) + self.peak,
            # copy i of n goes backwards beside i*kept and (n - 1 - i)*gradients: a line in i, largest at an end.
            self.back + more * max(self.gradients, self.kept),
        )


@record
class Given:
    """How an input of a body lies: a number that inputs in the same memory share, the memory's size, whether it is kept
    already and whether it is given up once it was read, and the tensor's strides."""

    group: int
    size: int
    kept: bool
    owned: bool
    strides: tuple[int, ...]
    itemsize: int
    grad: bool


@record
class Returned:
    """An output of a body: the number of the input's memory it lies in (below 0: of new memory), and how."""

    group: int
    size: int
    kept: bool
    strides: tuple[int, ...]
    itemsize: int
    grad: bool


@record(eq=False)
class Inner:
    """A call, or one run of a repeat: the effect of all its copies, and the first of them (None if there is none)."""

    effect: Effect
    first: Part | None


@record(eq=False)
class Part:
    """One body followed for inputs that lie in one way.

    An output is None where only training makes it. `nodes` hold the effect of each node and `before` what is alive when
    it starts; `inside` holds what stands in calls, and each run of repeats. `keeps` are the groups of inputs that it is
    the first to keep.
    """

    body: BodyId
    effect: Effect
    nodes: tuple[Effect, ...]
    before: tuple[int, ...]
    inside: tuple[tuple[Inner, ...], ...]
    outputs: tuple[Returned | None, ...]
    keeps: frozenset[int]


def follow(model: Model, setting: Setting) -> Part:
    """The whole model; its inputs are not counted until a layer keeps them. Visits what was written, not each copy."""
    given: list[Given] = []
    for port, (one, size) in enumerate(zip(model.inputs, input_bytes(model, setting), strict=True)):
        strides = contiguous_strides((setting.batch, *one.shape))
        # not owned: the caller of a module holds its inputs as long as it runs.
        given.append(Given(port, size, False, False, strides, size // _numbers(one, setting), False))
    return _Fold(model, setting).part(len(model.bodies) - 1, tuple(given))


def input_bytes(model: Model, setting: Setting) -> tuple[int, ...]:
    """Bytes of each of the model's inputs; indices are int64."""
    sizes = (INDEX_BYTES if index else setting.itemsize for index in index_inputs(model))
    return tuple(_numbers(one, setting) * size for one, size in zip(model.inputs, sizes, strict=True))


def _numbers(given: Input, setting: Setting) -> int:
    return setting.batch * prod(given.shape)


@record
class Keeps:
    """What one layer keeps for the backward pass: which of its inputs, whether its output, and bytes of its own."""

    inputs: tuple[int, ...]
    output: bool
    own: int


def layer_keeps(op: Op, inputs: Sequence[Shape], outputs: tuple[Shape, ...], setting: Setting) -> Keeps:
    """What a layer keeps by itself, of inputs that a gradient flows back to."""
    given: list[Tensor] = []
    for one in inputs:
        shape, itemsize = (setting.batch, *one), INDEX_BYTES if op.integer_input else setting.itemsize
        given.append(Tensor(Storage(prod(shape) * itemsize), shape, contiguous_strides(shape), itemsize, True))
    trace = Trace(setting, True)
    made = op.trace(trace, tuple(given), outputs)
    kept = tuple(index for index, tensor in enumerate(given) if tensor.storage.kept)
    # an operation in place gives its input's memory back, which counts as an input that is kept.
    own_output = made[0].storage.kept and all(made[0].storage is not tensor.storage for tensor in given)
    own = trace.kept - sum(given[index].storage.size for index in kept) - (made[0].storage.size if own_output else 0)
    return Keeps(kept, own_output, own)


class _Fold:
    """Follows the bodies of one model in one setting."""

    def __init__(self, model: Model, setting: Setting) -> None:
        self.model = model
        self.setting = setting
        self.known: dict[tuple[BodyId, tuple[Given, ...]], Part] = {}

    def part(self, body_id: BodyId, given: tuple[Given, ...]) -> Part:
        """A body on inputs that lie so."""
        key = body_id, given
        if key not in self.known:
            self.known[key] = _Frame(self, body_id, given).follow()
        return self.known[key]


class _Frame:
    """One body being followed: its values, and how often each memory is in use."""

    def __init__(self, fold: _Fold, body_id: BodyId, given: Sequence[Given]) -> None:
        self.fold = fold
        self.body_id = body_id
        self.body = fold.model.bodies[body_id]
        self.given = given
        self.memory = {one.group: Storage(one.size, one.kept) for one in given}
        self.values: dict[Ref, Tensor] = {}
        # heads for training alone (GoogLeNet's) cost nothing in inference.
        aside = () if fold.setting.training else self.body.training
        self.order = [index for index in range(len(self.body.nodes)) if index not in aside]
        self.last = _last_reads(self.body, self.order)
        self.nodes = [Effect()] * len(self.body.nodes)
        self.before = [0] * len(self.body.nodes)
        self.inside: list[tuple[Inner, ...]] = [()] * len(self.body.nodes)
        for port, (one, shape) in enumerate(zip(given, self.body.inputs, strict=True)):
            storage = self.memory[one.group]
            # the caller's own use never ends within the body, so the memory is never freed here.
            storage.uses += 1 if one.owned else 2  # the caller's own
            full = (fold.setting.batch, *shape)
            self.values[Ref(-1, port)] = Tensor(storage, full, one.strides, one.itemsize, one.grad)

    def follow(self) -> Part:
        """All nodes in their order; those for training alone only then."""
        effect = Effect()
        for index in self.order:
            self.before[index] = effect.live
            self.nodes[index] = self._node(index, self.body.nodes[index])
            effect = effect.then(self.nodes[index]).then(self._give_up(index))
        outputs = tuple(self._returned())
        effect = effect.then(self._give_up(None))
        keeps = frozenset(one.group for one in self.given if self.memory[one.group].kept and not one.kept)
        return Part(self.body_id, effect, tuple(self.nodes), tuple(self.before), tuple(self.inside), outputs, keeps)

    def _give_up(self, index: int | None) -> Effect:
        """Values that nothing reads behind a node; at the end (None) those that nothing ever read."""
        live = 0
        for ref in [ref for ref in self.values if self.last.get(ref) == index]:
            live -= self._released(self.values.pop(ref))
        return Effect(live=live)

    def _released(self, tensor: Tensor) -> int:
        """Give up a value; returns the bytes that become free."""
        storage = tensor.storage
        storage.uses -= 1
        return 0 if storage.uses or storage.kept else storage.size

    def _returned(self) -> Iterator[Returned | None]:
        groups = {id(storage): group for group, storage in self.memory.items()}
        for ref in self.body.outputs:
            tensor = self.values.get(ref)
            # an output of a node that is left out in inference.
            if tensor is None:
                yield None
                continue
            storage = tensor.storage
            # new memory gets numbers below 0, the same for outputs that share it: the caller must not count it twice.
            group = groups.setdefault(id(storage), -1 - len(groups))
            yield Returned(group, storage.size, storage.kept, tensor.strides, tensor.itemsize, tensor.grad)

    def _node(self, index: int, node: Node) -> Effect:
        inputs = [self.values[ref] for ref in node.inputs]
        match node:
            case Layer():
                outputs, effect = self._layer(node, inputs)
            case Call():
                outputs, effect = self._call(index, node, inputs)
            case Repeat():
                outputs, effect = self._repeat(index, node, inputs)
        for port, tensor in enumerate(outputs):
            if tensor is not None:
                tensor.storage.uses += 1
                self.values[Ref(index, port)] = tensor
        return effect

    # ---- layers ----------------------------------------------------------------------------------------

    def _layer(self, node: Layer, inputs: Sequence[Tensor]) -> tuple[Outputs, Effect]:
        parameters = count_elements(node.op.parameters()) * self.fold.setting.itemsize
        training = self.fold.setting.training
        # autograd's rule: an operation is recorded if any tensor in it needs a gradient.
        recording = training and (parameters > 0 or any(x.grad for x in inputs))
        trace = Trace(_setting_of(node.op, inputs, self.fold.setting), recording)
        outputs = node.op.trace(trace, tuple(inputs), node.outputs)
        trace.finish(outputs)
        gradients = 0 if node.shared or not training else parameters
        # backwards, every value that is alive here has a gradient of its own size on the way.
        waiting = self._waiting(()) + sum(tensor.size for tensor in outputs if tensor.grad)
        back = trace.kept + gradients + waiting
        buffers = 0 if node.shared else _buffer_bytes(node, self.fold.setting)
        return outputs, Effect(buffers, trace.kept, gradients, trace.live, trace.peak, back)

    def _waiting(self, refs: Sequence[Ref]) -> int:
        """Gradients of the values that are alive, but for those that a part is given."""
        return sum(tensor.size for ref, tensor in self.values.items() if tensor.grad and ref not in refs)

    # ---- bodies ----------------------------------------------------------------------------------------

    def _call(self, index: int, node: Call, inputs: Sequence[Tensor]) -> tuple[Outputs, Effect]:
        # not owned: the caller's variable holds what it passes until the call is done.
        part = self.fold.part(node.body, self._lying(inputs, [False] * len(inputs)))
        # gradients of shared weights add up in one place; activations are kept for each use anew.
        effect = replace(part.effect, gradients=0, buffers=0) if node.shared else part.effect
        self.inside[index] = (Inner(effect, part),)
        return self._outputs(part, inputs), replace(effect, back=effect.back + self._waiting(node.inputs))

    def _lying(self, inputs: Sequence[Tensor], owned: Sequence[bool]) -> tuple[Given, ...]:
        groups: dict[int, int] = {}
        return tuple(
            Given(
                # by order of appearance: bodies fed in the same way have one key, wherever the memory is.
                groups.setdefault(id(x.storage), len(groups)), x.storage.size, x.storage.kept,
                mine, x.strides, x.itemsize, x.grad,
            )
            for x, mine in zip(inputs, owned, strict=True)
        )  # fmt: skip

    def _outputs(self, part: Part, inputs: Sequence[Tensor]) -> Outputs:
        """The values that a part returns; its inputs are kept from now on if it keeps them."""
        given = self._lying(inputs, [False] * len(inputs))
        memory = {one.group: x.storage for one, x in zip(given, inputs, strict=True)}
        for group in part.keeps:
            memory[group].kept = True
        body = self.fold.model.bodies[part.body]
        outputs: list[Tensor | None] = []
        for ref, one in zip(body.outputs, part.outputs, strict=True):
            if one is None:
                outputs.append(None)
                continue
            storage = memory.setdefault(one.group, Storage(one.size, one.kept))
            shape = (self.fold.setting.batch, *body.shape_of(ref))
            outputs.append(Tensor(storage, shape, one.strides, one.itemsize, one.grad))
        return tuple(outputs)

    def _repeat(self, index: int, node: Repeat, inputs: Sequence[Tensor]) -> tuple[Outputs, Effect]:
        waiting = self._waiting(node.inputs)
        ref, flowing = node.inputs[0], inputs[0]
        # `x = block(x)` in a loop: the first copy's input is freed when the name is bound anew, unless others read it.
        mine = self.last[ref] == index and node.inputs.count(ref) == 1 and flowing.storage.uses == 1 and node.count > 0
        if mine:  # the first copy gives it up
            del self.values[ref]
            flowing.storage.uses = 0
        outputs, effect = (flowing,), Effect()
        for run in node.runs:
            outputs, inner = self._run(run, outputs, inputs[1:])
            effect = effect.then(inner.effect)
            self.inside[index] = (*self.inside[index], inner)
        return outputs, replace(effect, back=effect.back + waiting)

    def _run(self, run: Run, outputs: Outputs, others: Sequence[Tensor]) -> tuple[Outputs, Inner]:
        """Copies one after the other, until one finds its inputs as an earlier one did: from there on they go round."""
        effect, left = Effect(), run.count
        seen: dict[tuple[Given, ...], int] = {}
        parts: list[Part] = []
        while left:
            flowing = (_present(outputs[0]), *others)
            given = self._lying(flowing, [x.storage.uses == 0 for x in flowing])
            rounds = left // (len(parts) - seen[given]) if given in seen else 0
            # all further whole rounds at once; a rest is followed copy by copy, out of `known`.
            if rounds:
                effect = effect.then(_in_a_row(parts[seen[given] :]).times(rounds))
                left -= rounds * (len(parts) - seen[given])
                continue
            seen[given] = len(parts)
            parts.append(self.fold.part(run.body, given))
            effect = effect.then(parts[-1].effect)
            outputs = self._outputs(parts[-1], flowing)
            left -= 1
        return outputs, Inner(effect, parts[0] if parts else None)


Outputs = tuple[Tensor | None, ...]
"""Values by their number; None for what only training makes."""


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None, "the first output of a body is always there"
    return tensor


def _in_a_row(parts: Sequence[Part]) -> Effect:
    effect = Effect()
    for part in parts:
        effect = effect.then(part.effect)
    return effect


def _setting_of(op: Op, inputs: Sequence[Tensor], setting: Setting) -> Setting:
    """The setting of a layer: what it makes of whole numbers takes as many bytes as they do."""
    # joined with real numbers, which are never the longer ones, whole numbers become real.
    sizes = [x.itemsize for x in inputs] if op.keeps_integers else []
    return replace(setting, itemsize=min(sizes)) if sizes else setting


def _buffer_bytes(layer: Layer, setting: Setting) -> int:
    """Bytes of a layer's buffers; those of a single number are counters."""
    shapes = layer.op.buffers().values()
    return sum(prod(shape) * setting.itemsize if shape else INDEX_BYTES for shape in shapes)


OUTPUT = -1
"""Stands for the reader of a body's outputs."""


def _last_reads(body: Body, order: Sequence[int]) -> dict[Ref, int]:
    """The node that reads each value last."""
    last = {ref: index for index in order for ref in body.nodes[index].inputs}
    # what a body returns outlives its nodes, whoever reads it inside.
    return last | dict.fromkeys(body.outputs, OUTPUT)
