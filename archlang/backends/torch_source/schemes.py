"""Writes initialisation: one loop over all modules where they share a scheme, else a function for each scheme."""

from __future__ import annotations

from archlang.backends.initialise import SCHEMES
from archlang.backends.torch_source.text import Code
from archlang.ir.graph import Layer, Model


def initialised_types(model: Model) -> list[str]:
    """The torch classes that `init=` applies to."""
    layers = [node for body in model.bodies for node in body.nodes if isinstance(node, Layer)]
    return sorted({layer.op.torch().target for layer in layers if layer.op.initialised})


def write_shared(code: Code, model: Model, scheme: str) -> None:
    """The loop at the end of the model's constructor."""
    types = initialised_types(model)
    # at the end and in the order of the modules, as a live module does it: a seed gives both the same weights
    code.add("for module in self.modules():")
    test = code.deeper()
    joined = ", ".join(types)
    test.add(f"if isinstance(module, {f'({joined})' if len(types) > 1 else joined}):")
    layer = test.deeper()
    write_scheme(layer, scheme, "module")
    test.take(layer)
    code.take(test)


def write_function(code: Code, model: Model, scheme: str) -> None:
    """The function that gives a layer back with its weights set."""
    code.add(f"def init_{scheme}(layer: {' | '.join(initialised_types(model))}) -> nn.Module:")
    inner = code.deeper()
    inner.docstring([f"The layer with weights by {SCHEMES[scheme].function} and biases of 0."])
    write_scheme(inner, scheme, "layer")
    inner.add("return layer")
    code.take(inner)


def write_scheme(code: Code, scheme: str, name: str) -> None:
    """Statements that initialise the layer of a name."""
    function = SCHEMES[scheme]
    arguments = "".join(f', {key}="{value}"' for key, value in function.arguments)
    code.add(f"nn.init.{function.function}({name}.weight{arguments})")
    # torch keeps a bias that is left out as None; biases begin with 0 as in He et al. 2015, whose function sets weights
    code.add(f"if {name}.bias is not None:")
    zero = code.deeper()
    zero.add(f"nn.init.zeros_({name}.bias)")
    code.take(zero)
