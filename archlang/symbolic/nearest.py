"""Legal sizes next to a given one that is not: what a diagnostic offers where `-D H=200` does not work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import Diagnosed, Diagnostic, Help
from archlang.errors.words import listing
from archlang.symbolic.explore import find_legal
from archlang.symbolic.legal import SizeBoxes
from archlang.symbolic.letters import input_sizes
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.checking import Request, Run


def with_nearest(
    diagnostics: Sequence[Diagnostic], opened: Callable[[Request], Run], request: Request, choose_one: bool
) -> tuple[Diagnostic, ...]:
    """Diagnostics of sizes that were bound to letters, the first error with the nearest legal ones."""
    helps = _nearest(opened, request, choose_one)
    index = next((i for i, d in enumerate(diagnostics) if d.severity == "error"), None)
    if not helps or index is None:
        return tuple(diagnostics)
    # the first error is what the size led to; those behind it may be about anything
    first = diagnostics[index]
    return (*diagnostics[:index], replace(first, helps=(*helps, *first.helps)), *diagnostics[index + 1 :])


def _nearest(opened: Callable[[Request], Run], request: Request, choose_one: bool) -> tuple[Help, ...]:
    """Help for each model whose sizes were bound and are not legal."""
    try:
        run = opened(request)
        return tuple(found for definition in run.chosen(choose_one) for found in _helps(opened, run, definition))
    except (Diagnosed, RecursionError):
        return ()


def _helps(opened: Callable[[Request], Run], run: Run, definition: ast.Definition) -> Sequence[Help]:
    own, bound = run.with_given(definition, dict(run.request.bindings))
    given = _given(run, definition, bound)
    if not given:
        return ()
    # the sizes are let go again, everything else stays bound
    bindings = {name: value for name, value in bound.items() if name not in given}
    options = run.request.options if own.options == run.options else own.options
    freed = opened(replace(run.request, bindings=bindings, options=options))
    same = freed.program.definitions[definition.name].tree
    letters = freed.letters(same, bindings)
    legal = find_legal(freed, same, bindings, letters)
    # the sizes given are legal with the smallest others, so the error has another cause
    if legal is None or {**legal.smallest, **given} in legal:
        return ()
    return (Help(nearest_text(definition.name, legal, given)),)


def _given(run: Run, definition: ast.Definition, bound: Mapping[str, Any]) -> dict[str, int]:
    """Sizes that are bound to letters."""
    letters = {*input_sizes(run.program, definition), *run.request.options.letters}
    sizes = {name: value for name, value in bound.items() if name in letters}
    return {name: value for name, value in sizes.items() if isinstance(value, int) and not isinstance(value, bool)}


def nearest_text(model: str, legal: SizeBoxes, given: Mapping[str, int]) -> str:
    """`UNet takes H, W = 188 + 16k, k >= 0; next to H, W = 200: 188 and 204`."""
    near: dict[tuple[int, str], list[str]] = {}
    for name, size in given.items():
        beside = [n for n in legal.beside(name, size) if n is not None]
        # a legal one has itself on both sides
        if size not in beside:
            near.setdefault((size, listing(map(str, beside))), []).append(name)
    parts = (f"next to {', '.join(names)} = {size}: {sizes}" for (size, sizes), names in near.items())
    return "; ".join((f"{model} takes {legal.text}", *parts))
