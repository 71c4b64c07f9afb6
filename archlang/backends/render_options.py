"""What one may choose about a picture, in one record: the options of `archc render` and `archlang.render`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.errors.words import closest, listing
from archlang.records import record

FACTS = ("name", "type", "kernel", "shape", "parameters", "macs")
"""What a box can show: the author's name, torch's class, the arguments, the shapes (on the edges), the counts."""

DEFAULT_FACTS = ("name", "type", "kernel", "shape")
THEMES = ("light", "dark", "print", "colorblind")
DIRECTIONS = ("TB", "LR")
EVERYTHING = "all"
"""As a path to expand: every copy of every part."""


@record
class RenderOptions:
    """How a model is drawn.

    `expand` names scopes whose copies are drawn one by one (`all` for every one), `depth` how many levels of scopes are
    drawn; without it as many as fit a page. `direction` is TB (downwards) or LR; None leaves it to the writer. `show`
    lists facts of `FACTS`. `merge` draws normalisation and activation into the layer before them. `legend` is None for
    one where it tells something.
    """

    expand: tuple[str, ...] = ()
    depth: int | None = None
    direction: Literal["TB", "LR"] | None = None
    show: tuple[str, ...] = DEFAULT_FACTS
    theme: str = "light"
    merge: bool = False
    legend: bool | None = None

    def shows(self, fact: str) -> bool:
        """Whether boxes show a fact."""
        return fact in self.show


def read_options(
    expand: str | Iterable[str] = (),
    depth: int | None = None,
    direction: str | None = None,
    show: str | Iterable[str] | None = None,
    theme: str = "light",
    merge: bool = False,
    legend: bool | None = None,
) -> RenderOptions:
    """Options as a person gives them, words checked. Raises `Diagnosed`."""
    facts = DEFAULT_FACTS if show is None else _words(show)
    chosen: Any = None if direction is None else _choice("direction", direction.upper(), DIRECTIONS)
    return RenderOptions(
        (expand,) if isinstance(expand, str) else tuple(expand),
        None if depth is None else _depth(depth),
        chosen,
        tuple(_choice("show", fact, FACTS) for fact in facts),
        _choice("theme", theme, THEMES),
        merge,
        legend,
    )


def _words(text: str | Iterable[str]) -> tuple[str, ...]:
    """`name,type` as words, in any spacing; words given one by one stay."""
    words = text.split(",") if isinstance(text, str) else list(text)
    return tuple(word.strip() for word in words if word.strip())


def _choice(option: str, word: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise _refused(f"--{option}", word, listing(known, "or"), closest(word, known))
    return word


def _depth(depth: int) -> int:
    if depth < 1:
        raise _refused("--depth", str(depth), "a number of levels from 1")
    return depth


def _refused(option: str, word: str, expected: str, suggestion: str | None = None) -> Diagnosed:
    return Diagnosed(Diagnostic(BadOption(option, word, expected, suggestion), None, option))
