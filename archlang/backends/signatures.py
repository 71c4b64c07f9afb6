"""`forward` with a model's inputs as its arguments, as a class has it that was written by hand.

torch.export, torch.fx and editors read which arguments a forward has; stars would hide them. And torch.compile keeps
what it compiled with the code that it entered by, no more than eight times: were that the same for all models, the
ninth would be refused. A class that comes from a file gets its own; the modules of a model that was made without one
get a class between, which pickle does not see.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Sequence
from types import CodeType, FunctionType
from typing import Any
from weakref import WeakValueDictionary

from torch import Tensor

from archlang.backends.taken import FIRST

BETWEEN = "_between"
"""What only classes between have."""

_kinds: WeakValueDictionary[tuple[type[Any], tuple[str, ...], str], type[Any]] = WeakValueDictionary()
"""The classes between, as long as there are modules of them: by the class that they stand for, the arguments of their
`forward`, and what the model is. torch.func takes equal models with other weights for one only if their class is."""

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


def kind_with(kind: type[Any], plain: type[Any], names: tuple[str, ...], mark: str) -> type[Any]:
    """The class for modules of a class, whose model has this mark and inputs of these names.

    `plain` has the `forward` and `__call__` that take any.

    It is the class itself where it comes from a file, or has a `forward` of the user's own.
    """
    if kind.forward is plain.forward:
        home = next((one for one in kind.__mro__ if FROM_FILE in vars(one)), None)
        if home is None:
            return _between(kind, plain, names, mark)
        home.forward, home.__call__ = _forward(names), _copied(plain.__call__)
    known = arguments_of(kind)
    return kind if known in (None, names) else _between(kind, plain, names, mark)


def plain_kind(kind: type[Any]) -> type[Any]:
    """The class that one between stands for, which has a name that can be found again."""
    base = kind.__base__
    return base if base is not None and BETWEEN in vars(kind) else kind


def blank(kind: type[Any]) -> Any:
    """An empty module of a class, for pickle and copy to fill."""
    return object.__new__(kind)


def _between(kind: type[Any], plain: type[Any], names: tuple[str, ...], mark: str) -> type[Any]:
    found = _kinds.get((kind, names, mark))
    if found is None:
        place = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
        own = {"forward": _forward(names), "__call__": _copied(plain.__call__), BETWEEN: True}
        found = _kinds[kind, names, mark] = type(kind.__name__, (kind,), {**place, **own})
    return found


def _copied(function: Any) -> Any:
    """The same function with a code object of its own."""
    code = function.__code__.replace()
    made = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__, made.__doc__ = function.__kwdefaults__, function.__doc__
    return made


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
