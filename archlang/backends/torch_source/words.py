"""Names and literals of generated Python: class names, variable names, quoted strings, type annotations."""

from __future__ import annotations

import builtins
import keyword
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from archlang.backends.torch_source.text import Bracket, Entry, Expression
from archlang.traced import plain

LIBRARY_NAMES = frozenset({
    "Any", "OrderedDict", "Tensor", "annotations", "check_input", "check_training_input", "crop_like", "enumerate",
    "getattr", "init", "isinstance", "itertools", "list",
    "next", "nn", "range", "self", "str", "super", "torch", "zip",
})  # fmt: skip
"""Names that generated code uses for what it did not define."""

LOCAL_NAMES = frozenset({"layers", "module", "x"})
"""Local variables of generated code."""

AMBIGUOUS = "l"
"""A letter that looks like a digit."""


def class_name(definition: str, taken: Callable[[str], bool]) -> str:
    """CamelCase for a block; a name that begins with a capital stays as it is."""
    # only first letters change: str.capitalize would make `resNet` `Resnet`
    camel = "".join(part[:1].upper() + part[1:] for part in definition.split("_"))
    name = definition if definition[:1].isupper() else camel or "Block"
    # `_2x` has lost the underscore that made it a name
    name = f"Block{name}" if name[:1].isdigit() else name
    return unique(name, lambda n: n in LIBRARY_NAMES or keyword.iskeyword(n) or taken(n))


def variable_name(name: str, taken: Callable[[str], bool]) -> str:
    """A name for a parameter or variable: lower case, as it is read, and free."""
    lower = name.lower()
    lower = lower.lstrip("_") or "value" if lower.startswith("__") else lower  # Python hides `__x` in classes
    # a parameter named `input` or `sum` would shadow the builtin, and `l` reads as 1 (pycodestyle's E741)
    unusable = (
        lower in LIBRARY_NAMES | LOCAL_NAMES | {AMBIGUOUS} or keyword.iskeyword(lower) or hasattr(builtins, lower)
    )
    return unique(f"{lower}_" if unusable else lower, taken)


def is_argument_name(name: str) -> bool:
    """Whether a constructor can have an argument of this name, just as it is."""
    hidden = name.startswith("__")
    return name.isidentifier() and not (keyword.iskeyword(name) or hidden or name in LIBRARY_NAMES | LOCAL_NAMES)


def unique(name: str, taken: Callable[[str], bool]) -> str:
    """`name`, or with the first number from 2 that is free."""
    if not taken(name):
        return name
    # a second `conv1` is `conv1_2` and a second `Vgg16` `Vgg16V2`: `conv12` would read as the twelfth
    separator = ("V" if name[0].isupper() else "_") if name[-1].isdigit() else ""
    number = 2
    while taken(f"{name}{separator}{number}"):
        number += 1
    return f"{name}{separator}{number}"


def quote(text: str) -> str:
    """A string literal in double quotes, as ruff prefers them. Labels and words of the language hold no quotes."""
    return f'"{text}"'


def literal(value: Any) -> Expression:
    """A value as Python writes it."""
    match value:
        case str():
            return quote(value)
        case float():
            return _float(value)
        case tuple():
            items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
            return Bracket("(", tuple(Entry(literal(item)) for item in items))
        case _:
            return str(value)


def _float(value: float) -> str:
    if not math.isfinite(value):
        return f'float("{value}")'
    # repr has `1e-05` and `1e+20` where people write `1e-5` and `1e20`
    return re.sub(r"e([+-])0*", lambda m: f"e{m[1].rstrip('+')}", repr(float(value)))


def annotation(values: Iterable[Any]) -> str:
    """The type of a parameter that takes these values: `int`, `tuple[int, ...]`, `int | tuple[int, int]`."""
    # None stands last, as one reads it: `int | None`
    names = sorted({_type_name(value) for value in values}, key=lambda name: (name == "None", name))
    # PEP 484 takes an int wherever a float is
    names = [name for name in names if name != "int" or "float" not in names]
    lengths = [name for name in names if name.startswith("tuple[int")]
    if len(lengths) > 1:
        names = ["tuple[int, ...]", *(name for name in names if name not in lengths)]
    return " | ".join(names)


def _type_name(value: Any) -> str:
    if not isinstance(value, tuple):
        # a number that is followed through the file is a TracedInt, which no generated file knows
        return "None" if value is None else type(plain(value)).__name__
    items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
    # True is an int to isinstance, and `tuple[bool, ...]` to a reader
    if len(items) <= 6 and all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        return f"tuple[{', '.join('int' for _ in items)}]" if items else "tuple[int, ...]"
    return f"tuple[{annotation(items)}, ...]"


def singular(name: str) -> str:
    """`widths` as `width`: one of them."""
    return name[:-1] if len(name) > 1 and name.endswith("s") and not name.endswith("ss") else name


def plural(name: str) -> str:
    """`width` as `widths`: all of them."""
    return name if name.endswith("s") else f"{name}s"
