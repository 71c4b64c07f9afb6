"""`forward` with a model's inputs as its arguments, as a class has it that was written by hand.

torch.export, torch.fx and editors read which arguments a forward has; stars would hide them. A class that comes from a
file gets its own; a module that was made without one gets a class between, which pickle does not see.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

from torch import Tensor

from archlang.backends.taken import FIRST

KINDS = "_kinds"
"""Where a class keeps those that were derived from it, by the arguments of their `forward`."""

FROM_FILE = "_restore"
"""What only classes that come from files have: how pickle finds them."""


def argument_names(inputs: Sequence[str]) -> tuple[str, ...]:
    """What inputs are called as arguments: by their names, and an only one `x`."""
    if len(inputs) == 1:
        return (FIRST,)
    names: list[str] = []
    for name in inputs:
        word = name if name.isidentifier() and not keyword.iskeyword(name) else f"input_{name}"
        while word in names:
            word += "_"
        names.append(word)
    return tuple(names)


def arguments_of(kind: Any) -> tuple[str, ...] | None:
    """The arguments of a class's `forward` if it is one of these; None for the user's own, and for one with stars."""
    return getattr(kind.forward, "arguments", None)


def kind_with(kind: type[Any], plain: Callable[..., Any], names: tuple[str, ...]) -> type[Any]:
    """The class for modules of a class whose inputs have these names; `plain` is the `forward` that takes any.

    It is the class itself where it has a `forward` of the user's own.
    """
    if kind.forward is plain:
        home = next((one for one in kind.__mro__ if FROM_FILE in vars(one)), None)
        if home is None:
            return _derived(kind, names)
        home.forward = _forward(names)
    known = arguments_of(kind)
    return kind if known in (None, names) else _derived(kind, names)


def plain_kind(kind: type[Any]) -> type[Any]:
    """The class that one between stands for, which has a name that can be found again."""
    base = kind.__base__
    return base if base is not None and kind in vars(base).get(KINDS, {}).values() else kind


def blank(kind: type[Any]) -> Any:
    """An empty module of a class, for pickle and copy to fill."""
    return object.__new__(kind)


def _derived(kind: type[Any], names: tuple[str, ...]) -> type[Any]:
    kinds: dict[tuple[str, ...], type[Any]] = vars(kind).get(KINDS) or {}
    if names not in kinds:
        place = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
        kinds = {**kinds, names: type(kind.__name__, (kind,), {**place, "forward": _forward(names)})}
        setattr(kind, KINDS, kinds)
    return kinds[names]


def _forward(names: tuple[str, ...]) -> Any:
    """`def forward(self, left, right)`. Its code has these names itself: torch.fx looks there."""
    # a tree and no text: whatever a name is, it stays a name
    tree: Any = ast.parse("def forward(self): return self._take()", "<forward>")
    function = tree.body[0]
    call = function.body[0].value
    # `self` may be an input's name
    call.func.value.id = me = next(word for word in ("self", "self_", "self__") if word not in names)
    function.args.args = [ast.arg(name) for name in (me, *names)]
    call.args = [ast.Name(name, ast.Load()) for name in names]
    made = compile(ast.fix_missing_locations(tree), "<forward>", "exec").co_consts
    forward: Any = FunctionType(next(code for code in made if isinstance(code, CodeType)), globals())
    forward.__doc__ = "Run the model on its inputs."
    forward.__annotations__ = dict.fromkeys(names, Tensor)
    forward.arguments = names
    return forward
