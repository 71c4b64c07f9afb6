"""archlang: a language for neural network architectures, and its compiler.

    report = archlang.check("zoo:alexnet")              # shapes, parameters, MACs; no torch is imported
    net = archlang.load("zoo:vgg", "VGG16", classes=10) # a torch.nn.Module
    archlang.render("zoo:lenet").save("lenet.svg")

Names are imported when they are first used, so `import archlang` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archlang.api import (
        ArchitectureError,
        Picture,
        Report,
        check,
        checks,
        export,
        family,
        graph,
        load,
        loads,
        render,
    )
    from archlang.layers import register
    from archlang.weights import freeze, transfer

__version__ = "0.1.0"

__all__ = [
    "ArchitectureError",
    "Picture",
    "Report",
    "__version__",
    "check",
    "checks",
    "export",
    "family",
    "freeze",
    "graph",
    "load",
    "loads",
    "register",
    "render",
    "transfer",
]

_HOMES = {"register": "archlang.layers", "freeze": "archlang.weights", "transfer": "archlang.weights"}
"""Where names are defined that are not functions of api.py."""


# asked for what the module does not have yet (PEP 562)
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'archlang' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "archlang.api")), name)


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext archlang` calls: the cell magic `%%arch`, see docs/notebooks.md."""
    from archlang.notebook import load

    load(shell)


def __dir__() -> list[str]:
    return __all__
