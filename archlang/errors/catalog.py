"""All kinds of problems by their codes, with what their pages say: read from the classes and their examples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from archlang.diagnostics import Problem
from archlang.errors import __path__ as modules
from archlang.errors.examples import __path__ as examples
from archlang.errors.examples.example import Example


@cache
def catalog() -> dict[str, type[Problem]]:
    """All problems by code, those of one module together."""
    # subclasses are known once their modules are loaded, which a check does only for those that it needs
    for module in iter_modules(modules, "archlang.errors."):
        import_module(module.name)
    # plugins may have problems of their own, which have no page here
    own = (problem for problem in _subclasses(Problem) if problem.__module__.startswith("archlang."))
    # bases such as WindowProblem have no code; `vars`, as a subclass would inherit that of another
    found = [problem for problem in own if "code" in vars(problem)]
    return {problem.code: problem for problem in sorted(found, key=_order)}


def _subclasses(problem: type[Problem]) -> Iterator[type[Problem]]:
    for subclass in problem.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _order(problem: type[Problem]) -> tuple[str, int]:
    # in the order of the file, in which related problems stand together
    return problem.__module__, inspect.getsourcelines(problem)[1]


def topics() -> dict[str, list[type[Problem]]]:
    """Problems by what they are about: what their module says that it holds."""
    found: dict[str, list[type[Problem]]] = {}
    for problem in catalog().values():
        about = (import_module(problem.__module__).__doc__ or "").split(".")[0].split(":")[0]
        found.setdefault(about, []).append(problem)
    return found


def meaning(problem: type[Problem]) -> str:
    """What a problem is, in one line."""
    return _paragraphs(problem)[0]


def meaning_and_reason(problem: type[Problem]) -> tuple[str, str]:
    """The paragraphs of its documentation: what it means, and, the last one, why it is an error."""
    first, *rest = _paragraphs(problem)
    return "\n\n".join((first, *rest[:-1])), "".join(rest[-1:])


def _paragraphs(problem: type[Problem]) -> list[str]:
    return inspect.cleandoc(problem.__doc__ or "").split("\n\n")


@cache
def example(code: str) -> Example | None:
    """The example of a problem, if there is one."""
    for module in iter_modules(examples, "archlang.errors.examples."):
        found: dict[str, Example] = getattr(import_module(module.name), "EXAMPLES", {})
        if code in found:
            return found[code]
    return None
