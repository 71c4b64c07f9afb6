"""What one may choose about a picture, in one record: the options of `archc render` and `archlang.render`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from archlang.diagnostics import Diagnosed, Diagnostic
from archlang.errors.files import BadOption
from archlang.errors.words import closest, listing, value_text
from archlang.records import record

FACTS = ("name", "type", "kernel", "shape", "parameters", "macs")
"""What a box can show: the author's name, torch's class, the arguments, the shapes (on the edges), the counts."""

DEFAULT_FACTS = ("name", "type", "kernel", "shape")
THEMES = ("light", "dark", "print", "colorblind")
DIRECTIONS = ("TB", "LR")
STYLES = ("boxes", "volumes")
EVERYTHING = "all"
"""As a path to expand: every copy of every part."""


@record
class RenderOptions:
    """How a model is drawn.

    `expand` names scopes whose copies are drawn one by one (`all` for every one), `depth` how many levels of scopes are
    drawn; without it as many as fit a page. `direction` is TB (downwards) or LR; None leaves it to the writer. `show`
    lists facts of `FACTS`. `merge` draws normalisation and activation into the layer before them. `legend` is None for
    one where it tells something. `style` is boxes for layers and their connections, volumes for feature maps in
    perspective (`backends/volumes`). `columns` is how many columns (rows from left to right) a picture of boxes is cut
    into; None for as many as make it largest on a page.
    """

    expand: tuple[str, ...] = ()
    depth: int | None = None
    direction: Literal["TB", "LR"] | None = None
    show: tuple[str, ...] = DEFAULT_FACTS
    theme: str = "light"
    merge: bool = False
    legend: bool | None = None
    style: str = "boxes"
    columns: int | None = None

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
    style: str = "boxes",
    columns: int | None = None,
) -> RenderOptions:
    """Options as a person gives them, checked. Raises `Diagnosed`."""
    facts = DEFAULT_FACTS if show is None else _words("show", show.split(",") if isinstance(show, str) else show)
    # `lr` is as clear as `LR`
    chosen: Any = None if direction is None else _choice("direction", _upper(direction), DIRECTIONS)
    return RenderOptions(
        _words("expand", [expand] if isinstance(expand, str) else expand),
        None if depth is None else _number("depth", depth, "levels"),
        chosen,
        tuple(_choice("show", fact, FACTS) for fact in facts if fact),
        _choice("theme", theme, THEMES),
        _flag("merge", merge),
        None if legend is None else _flag("legend", legend),
        _choice("style", style, STYLES),
        None if columns is None else _number("columns", columns, "columns"),
    )


def _words(option: str, words: Any) -> tuple[str, ...]:
    """Words in any spacing."""
    if not isinstance(words, Iterable):
        raise _refused(option, words, "words")
    given: list[Any] = list(words)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    # with nothing to choose from, _choice refuses whatever it is given
    return tuple(word.strip() if isinstance(word, str) else _choice(option, word, ()) for word in given)


def _upper(word: object) -> object:
    return word.upper() if isinstance(word, str) else word


def _choice(option: str, word: object, known: tuple[str, ...]) -> str:
    if isinstance(word, str) and word in known:
        return word
    suggestion = closest(word, known) if isinstance(word, str) else None
    raise _refused(option, word, listing(known, "or") or "words", suggestion)


def _flag(option: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refused(option, value, "True or False")
    return value


def _number(option: str, number: object, what: str) -> int:
    # not isinstance: True is an int
    if type(number) is not int or number < 1:
        raise _refused(option, number, f"a number of {what} from 1")
    return number


def _refused(option: str, value: object, expected: str, suggestion: str | None = None) -> Diagnosed:
    shown = value if isinstance(value, str) else value_text(value)
    return Diagnosed(Diagnostic(BadOption(f"--{option}", shown, expected, suggestion), None, f"--{option}"))
