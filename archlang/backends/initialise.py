"""Initialisation schemes: what `init=` names mean in torch, for both torch backends. No torch is imported here.

A model whose layers all share one scheme is initialised at the end, in one go over its modules; where schemes are
mixed, each layer is as soon as it is made. Both backends keep to this, so that a seed gives both the same values.
"""

from __future__ import annotations

from dataclasses import replace

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.errors.words import listing
from archlang.ir.graph import Layer, Model, Node
from archlang.records import record


@record
class Scheme:
    """A function of torch.nn.init for the weights, with its keyword arguments; biases become 0."""

    function: str
    arguments: tuple[tuple[str, str], ...] = ()


# kaiming_normal_ draws with a deviation of gain / sqrt(fan_in): sqrt(2) for relu (He et al. 2015), 1 for linear
# (LeCun et al. 1998, Efficient BackProp); xavier is Glorot and Bengio 2010, orthogonal Saxe et al. 2014
SCHEMES = {
    "he": Scheme("kaiming_normal_", (("nonlinearity", "relu"),)),
    "lecun": Scheme("kaiming_normal_", (("nonlinearity", "linear"),)),
    "xavier": Scheme("xavier_uniform_"),
    "orthogonal": Scheme("orthogonal_"),
}

TORCH = "torch"
"""The scheme of layers that are given none: whatever torch's own classes do."""


@record
class Initialisation:
    """How a model is initialised. `shared` is the scheme of all its layers; None if they are mixed, or torch's own."""

    schemes: frozenset[str | None]

    @property
    def shared(self) -> str | None:
        """The one scheme of all layers that have weights to set."""
        return next(iter(self.schemes)) if len(self.schemes) == 1 else None

    def of(self, layer: Layer) -> str | None:
        """The scheme to apply to a layer as it is made."""
        return None if self.shared else layer.init


def initialisation(model: Model) -> Initialisation:
    """The schemes of a model's layers."""
    layers = (node for body in model.bodies for node in body.nodes if isinstance(node, Layer))
    return Initialisation(frozenset(layer.init for layer in layers if layer.op.initialised))


def with_scheme(model: Model, scheme: str) -> Model:
    """The model with a scheme for all layers for which the file has none. Raises `Diagnosed` for an unknown one."""
    if scheme == TORCH:
        return model
    if scheme not in SCHEMES:
        known = listing((f'"{name}"' for name in (TORCH, *SCHEMES)), "or")
        raise Diagnosed(Diagnostic(BadOption("init", scheme, known), None, model.origin.file))
    bodies = (replace(body, nodes=tuple(_initialised(node, scheme) for node in body.nodes)) for body in model.bodies)
    return replace(model, bodies=tuple(bodies))


def _initialised(node: Node, scheme: str) -> Node:
    free = isinstance(node, Layer) and node.op.initialised and node.init is None
    return replace(node, init=scheme) if free else node
