"""Imports .arch files as Python modules: `import archlang.importer; from zoo.alexnet import AlexNet`.

Importing this module is what makes Python find them: on sys.path and in packages, behind everything that Python finds
itself. Each model of a file becomes a class, a `torch.nn.Module` whose arguments are the model's parameters:
`AlexNet(classes=10, device="cuda", seed=0, input=(3, 128, 128))`. Where no package `zoo` is to be found, it is the one
that ships with archlang. A file with errors raises `archlang.ArchitectureError` when it is imported, as a file of
Python raises SyntaxError.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

from archlang import resources
from archlang.api import model_of, require_torch
from archlang.checking import Outcome, Request, Run, check_source
from archlang.diagnostics import ArchitectureError, Collector, Diagnosed
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Silenced
from archlang.elaborate.parts import Options
from archlang.elaborate.program import Loader as ProgramLoader
from archlang.elaborate.program import ModelParameter
from archlang.reading import FileImporter, read_source
from archlang.source import Source
from archlang.syntax import ast

ENDING = ".arch"
ZOO = "zoo"


class ArchFinder(MetaPathFinder):
    """Finds `name.arch` in the folders of sys.path and of packages."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """The spec of the file with a module's name, if there is one."""
        file = fullname.rpartition(".")[2] + ENDING
        for folder in _folders(fullname, path):
            if _holds(folder, file):
                location = os.path.join(folder, file)  # noqa: PTH118  (a path as the user's sys.path has it)
                return spec_from_file_location(fullname, location, loader=ArchLoader(location))
        return _zoo_package() if fullname == ZOO else None


def _folders(fullname: str, path: Sequence[str] | None) -> Iterator[str]:
    """Where a module may stand; a package `zoo` that is only a folder goes on in the one that ships with archlang."""
    # `path` is None for top-level modules, and for others the __path__ of their package
    yield from sys.path if path is None else path
    package = sys.modules.get(ZOO)
    if fullname.startswith(f"{ZOO}.") and package is not None and getattr(package, "__file__", None) is None:
        yield str(resources.folder(ZOO))


def _holds(folder: str, file: str) -> bool:
    """Whether a folder has a file of that name, in the same letters; what cannot be read has none."""
    try:
        # listdir, since isfile finds Net.arch under the name of net.arch where a file system ignores case
        return os.path.isfile(os.path.join(folder, file)) and file in os.listdir(folder or ".")  # noqa: PTH113, PTH118, PTH208
    except (OSError, TypeError, ValueError):
        return False


def _zoo_package() -> ModuleSpec:
    spec = ModuleSpec(ZOO, None, is_package=True)
    # a package without a file of its own: its modules are the .arch files in this folder
    spec.submodule_search_locations = [str(resources.folder(ZOO))]
    return spec


class ArchLoader(Loader):
    """Makes the classes of a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def create_module(self, spec: ModuleSpec) -> None:
        """Python's own kind of module."""

    def get_source(self, fullname: str) -> str:
        """The text of the file."""
        return read_source(self.path).text

    def exec_module(self, module: ModuleType) -> None:
        """Check the file and put a class for each of its models into the module. Raises `ArchitectureError`."""
        try:
            source = read_source(self.path)
        except Diagnosed as error:
            raise ArchitectureError((error.diagnostic,)) from None
        maker = FileClasses(source, FileImporter(self.path), module.__name__)
        maker.check()
        classes = maker.classes()
        module.__doc__ = _head_comment(source.text)
        vars(module).update(classes, __all__=list(classes))


def _head_comment(text: str) -> str | None:
    """The comment at the top of a file."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    return "\n".join(lines) or None


class FileClasses:
    """The classes of one file. They keep its text: a change of the file counts when it is reloaded.

    `module` is where they will be found by name; bindings and input shapes of `request` are their defaults.
    """

    def __init__(self, source: Source, importer: FileImporter, module: str, request: Request | None = None) -> None:
        self.source = source
        self.importer = importer
        self.module = module
        self.request = request or Request()

    def check(self) -> None:
        """Raise `ArchitectureError` if a model of the file is wrong."""
        outcome = check_source(self.source, importer=self.importer)
        # what has no value gets one as an argument of the class
        errors = [d for d in outcome.diagnostics if d.severity == "error" and d.code != "unbound-parameters"]
        if errors:
            raise ArchitectureError(outcome.diagnostics)

    def classes(self) -> dict[str, Any]:
        """A class for each model, by name; of one with errors, too. Raises `ArchitectureError` without torch."""
        require_torch("importing a model", self.source.name)
        loader = ProgramLoader(self.importer, Collector())
        # for parameters and defaults alone: models are made when a class is called
        run = Run(loader.load(self.source), loader.programs, Request(), Collector())
        return {definition.name: self._class(run, definition) for definition in run.program.models}

    def _class(self, run: Run, definition: ast.Definition) -> Any:
        # behind `require_torch`: classes derive from torch.nn.Module
        from archlang.backends.classes import ClassParameter, make_class

        name = definition.name

        own = run.program.parameters(definition)
        bound = {p.name: self.request.bindings[p.name] for p in own if p.name in self.request.bindings}

        def make(values: Mapping[str, Any], shapes: Any) -> Any:
            """The model with these arguments of the class."""
            return model_of(self._check, name, shapes, {**bound, **values})

        parameters = [ClassParameter(p.name, *([bound[p.name]] if p.name in bound else _default(run, p))) for p in own]
        return make_class((self.module, name), definition.doc or f"The model {name}.", parameters, make, restore)

    def _check(self, request: Request) -> Outcome:
        # shapes given in a call are stronger than those of the cell or file
        mine = self.request.options.bound(self.request.bindings)
        options = Options(request.options.inputs or mine.inputs, mine.strict)
        full = Request(request.model, request.bindings, options)
        return check_source(self.source, full, choose_one=True, importer=self.importer)


class Expression:
    """A default that is worked out from other parameters; prints as it is written."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _default(run: Run, parameter: ModelParameter) -> tuple[Any, ...]:
    """The default that a file gives a parameter, or none."""
    if parameter.default is None:
        return ()
    try:
        return (run.evaluate(parameter.default, Environment(run.program, run.program.values)),)
    except (Diagnosed, Silenced):
        return (Expression(parameter.default.span.text),)


def restore(module: str, name: str) -> Any:
    """An empty module of a file's class for pickle to fill; an `ArchModule` where the class is gone."""
    try:
        # pickle finds the class by its module, which imports the .arch file anew where it is not loaded
        kind: Any = getattr(import_module(module), name)
    except (ImportError, AttributeError, ArchitectureError):
        from archlang.backends.torch_module import ArchModule

        kind = ArchModule
    return kind.__new__(kind)


# by name and not by class: reloading this module makes another class, and must not add a second finder
if not any(type(finder).__module__ == __name__ for finder in sys.meta_path):
    sys.meta_path.append(ArchFinder())
