"""Reading what a command is pointed at: files, standard input, the zoo, and values given as text."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from numbers import Integral, Real
from pathlib import Path
from typing import Any, cast

from archlang import resources
from archlang.checking import Outcome, Request, check_source
from archlang.diagnostics import Diagnosed, Diagnostic, Problem
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import DEEPEST, LONGEST, Evaluator, diagnosed
from archlang.elaborate.parts import LARGEST_SIZE
from archlang.elaborate.program import prelude
from archlang.errors.files import BadOption, CannotRead, FileTooLarge, NotAModelFile, NotText
from archlang.errors.imports import CannotImport, ImportOutsideRoot
from archlang.errors.words import closest, shorten
from archlang.families import Family, open_family
from archlang.ir.graph import Model
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.parser import parse

LARGEST_FILE = 1_000_000
LARGEST_MODEL_FILE = 100_000_000
ZOO_PREFIX = "zoo:"

InputShape = tuple[int | str, ...]
"""Sizes without the batch, letters among them for those that are left free."""


def check_target(target: str, request: Request, choose_one: bool = False) -> Outcome:
    """Check a file, `-` for standard input, or `zoo:name`. A .json file is a model that archc wrote.

    What cannot be read comes out as a diagnostic, too.
    """
    try:
        if target.endswith(".json"):
            _refuse_options(target, request)
            return Outcome((_read_model(target),), ())
        return check_source(read_source(target), request, choose_one, FileImporter(target))
    except Diagnosed as error:
        return Outcome((), (error.diagnostic,))


def _refuse_options(target: str, request: Request) -> None:
    """A model that was written as data has its values; nothing can be bound in it any more."""
    given = {
        "-m": request.model,
        "-D": request.bindings,
        "--input": request.options.inputs,
        "--strict": request.options.strict,
    }
    for option, value in given.items():
        if value:
            raise _failed(target, BadOption(option, target, "a .arch file: a .json file holds one finished model"))


def family_of(target: str, request: Request) -> Family:
    """The family of a file's model. Raises `Diagnosed`."""
    return open_family(read_source(target), request, FileImporter(target))


class FileImporter:
    """Finds the files that a file imports: beside the one that imports, never outside the project."""

    def __init__(self, target: str) -> None:
        # a text from elsewhere must not read files of its reader by `from "../../secret" import x`
        self.root = _project_root(_path(target)) if target != "-" else Path.cwd()

    def __call__(self, written: str, span: Span) -> Source:
        """The source of an imported path. Raises `Diagnosed` at the place of the import."""
        if written.startswith(ZOO_PREFIX):
            return self._read(written, written, span)
        here = span.source.name
        folder = _path(here).parent if here != "<stdin>" else Path.cwd()
        path = folder / written
        if "\0" in written:
            raise diagnosed(CannotImport(written, "it is no path"), span)
        # resolved, so that neither `..` nor a symbolic link leads out
        if Path(written).is_absolute() or not path.resolve().is_relative_to(self.root.resolve()):
            raise diagnosed(ImportOutsideRoot(written, str(self.root)), span)
        # one name for one file, or a circle of imports would not be seen as one
        name = f"{ZOO_PREFIX}{path.stem}" if here.startswith(ZOO_PREFIX) else os.path.normpath(path)
        return self._read(name, written, span)

    def _read(self, target: str, written: str, span: Span) -> Source:
        try:
            return read_source(target)
        except Diagnosed as error:
            suggestion = getattr(error.diagnostic.problem, "suggestion", None)
            shown = suggestion and (suggestion if suggestion.startswith(ZOO_PREFIX) else Path(suggestion).name)
            raise diagnosed(CannotImport(written, error.diagnostic.message, shown), span) from None


def _project_root(path: Path) -> Path:
    """The nearest folder above a file with a pyproject.toml or .git, else the file's own."""
    parents = path.resolve().parents
    return next((p for p in parents if (p / "pyproject.toml").exists() or (p / ".git").exists()), path.parent)


def read_source(target: str) -> Source:
    """The text of a target. Raises `Diagnosed`."""
    # one byte more than allowed tells a file that is too large, without reading all of it
    data = sys.stdin.buffer.read(LARGEST_FILE + 1) if target == "-" else _read_bytes(target, LARGEST_FILE)
    # file names may hold bytes that are no UTF-8; Python keeps them as surrogates, which cannot be printed
    name = "<stdin>" if target == "-" else target.encode(errors="backslashreplace").decode()
    if len(data) > LARGEST_FILE:
        raise _failed(name, FileTooLarge(len(data), LARGEST_FILE))
    try:
        # without the byte order mark that editors on Windows put in front
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _failed(name, NotText(error.start, data[error.start])) from None
    return Source(name, text.replace("\r\n", "\n"))


def _read_bytes(target: str, limit: int) -> bytes:
    path = _path(target)
    try:
        if not target:
            raise ValueError
        if path.is_dir():
            raise _failed(target, _folder(path))
        size = path.stat().st_size
        if size > limit:
            raise _failed(target, FileTooLarge(size, limit))
        with path.open("rb") as file:
            # stat says 0 of a pipe or a device, so what is read is bounded, too
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise _failed(target, CannotRead(reason[:1].lower() + reason[1:], _similar(target))) from None


def _path(target: str) -> Path:
    if target.startswith(ZOO_PREFIX):
        return resources.folder("zoo") / f"{Path(target.removeprefix(ZOO_PREFIX)).name}.arch"
    return Path(target)


MOST_FILES = 1_000
"""Files of a folder that are looked at for one that may be meant."""


def _folder(path: Path) -> CannotRead:
    """The problem of a folder in place of a file."""
    names = sorted(found.name for found in islice(path.glob("*.arch"), MOST_FILES) if found.is_file())
    return CannotRead("it is a folder", str(path / names[0]) if len(names) == 1 else None, (*names,))


def _similar(target: str) -> str | None:
    """A file that may be meant: of the zoo, or of the same folder."""
    word = target[len(ZOO_PREFIX) :] if target.lower().startswith(ZOO_PREFIX) else target
    zoo = [path.stem for path in resources.zoo_files()]
    if target.lower().startswith(ZOO_PREFIX) or word.lower() in zoo:
        name = word.lower() if word.lower() in zoo else closest(word, zoo)
        return name and ZOO_PREFIX + name
    try:
        path = Path(target)
        stem = closest(path.stem, [p.stem for p in islice(path.parent.glob("*.arch"), MOST_FILES) if p != path])
    except (OSError, ValueError):
        return None
    return stem and str(path.parent / f"{stem}.arch")


def _read_model(target: str) -> Any:
    from archlang.ir.json import read_model
    from archlang.ir.verify import verify_model

    try:
        model = read_model(_read_bytes(target, LARGEST_MODEL_FILE))
        # JSON of the right form may still name a body that is not there
        verify_model(model)
        return model
    except ValueError as error:
        raise _failed(target, NotAModelFile(str(error))) from None


def _failed(name: str, problem: Problem) -> Diagnosed:
    return Diagnosed(Diagnostic(problem, None, name))


# ---- values given as text --------------------------------------------------------------------------


def read_bindings(texts: Iterable[str]) -> dict[str, Any]:
    """`N=2`, `widths=[64, 128]`, `mode="same"`: values of the language. Raises `Diagnosed`."""
    bindings: dict[str, Any] = {}
    for text in texts:
        # at the first `=`: values may hold further ones
        name, sign, value = text.partition("=")
        if not sign or not re.fullmatch(r"[A-Za-z_]\w*", name.strip()):
            raise _failed("-D", BadOption("-D", text, "NAME=VALUE, for example N=2"))
        bindings[name.strip()] = _read_value(text, value)
    return bindings


def _read_value(binding: str, text: str) -> Any:
    """The value of an expression that uses no names."""
    try:
        if re.fullmatch(r"\s*[A-Za-z_][\w-]*\s*", text) and text.strip() not in ("true", "false", "none"):
            return text.strip()  # a bare word is a text: the shell has taken its quotes
        items = parse(Source("-D", f"let value = {text}")).items
        let = items[0]
        if len(items) == 1 and isinstance(let, ast.Let):
            return Evaluator(_no_models)(let.value, Environment(prelude(), {}))
    except Diagnosed:
        pass
    raise _failed("-D", BadOption("-D", binding, "a value such as 2, [64, 128], true or same"))


def _no_models(node: ast.Invocation, env: Environment) -> Any:
    del env
    raise _failed("-D", BadOption("-D", node.span.text, "a value without calls of models"))


def read_inputs(texts: Iterable[str]) -> tuple[tuple[str | None, InputShape], ...]:
    """`3,224,224`, `image=3,224,224` or `3,H,W`: input shapes by name, None for the only one. Raises `Diagnosed`."""
    return tuple(_read_input(text) for text in texts)


def _read_input(text: str) -> tuple[str | None, InputShape]:
    name, _, sizes = text.rpartition("=")
    # 3x224x224 is how reports write shapes
    parts = [part.strip() for part in sizes.split("," if "," in sizes else "x")]
    # ten digits hold the largest size; int() of a long text would take its time
    shape = tuple(int(part) if re.fullmatch(r"[0-9]{1,10}", part) else part for part in parts)
    if not 1 <= len(shape) <= 4 or not all(_is_size(size) for size in shape):
        expected = "C,H,W: 1 to 4 whole numbers, or letters for sizes left free: 3,224,224 or 3,H,W"
        raise _failed("--input", BadOption("--input", text, expected))
    return name or None, shape


def _is_size(size: int | str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_]\w*", size)) if isinstance(size, str) else 1 <= size <= LARGEST_SIZE


def check_inputs(given: Any) -> tuple[tuple[str | None, InputShape], ...]:
    """Input shapes given as Python values: (3, 224, 224), (3, "H", "W"), or a shape for each name. Raises `Diagnosed`.

    What is wrong with the sizes themselves is left to the check.
    """
    if given is None:
        return ()
    if isinstance(given, Mapping):
        named: Mapping[Any, Any] = given  # pyright: ignore[reportUnknownVariableType]
        return tuple((str(name), _given_shape(shape)) for name, shape in named.items())
    return ((None, _given_shape(given)),)


def _given_shape(given: Any) -> InputShape:
    is_list = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    sizes = tuple(cast("Sequence[Any]", given)) if is_list else ()
    # Real and Integral: numpy's numbers are not int
    if is_list and all(_is_size(size) if isinstance(size, str) else isinstance(size, Real) for size in sizes):
        return tuple(int(size) if isinstance(size, Integral) else size for size in sizes)
    expected = 'sizes without the batch, letters for those left free: (3, 224, 224) or (3, "H", "W")'
    raise _failed("input", BadOption("input", shorten(repr(cast("object", given))), expected))


Near = tuple[tuple[str | None, int], ...]
"""Sizes whose legal neighbours are asked for, each of one letter or (None) of all."""


def read_near(texts: Iterable[str], models: Sequence[Model]) -> Near:
    """`200` or `H=200`: a size of one letter of a model, or of all. Raises `Diagnosed`."""
    letters = {size for model in models if model.is_symbolic for size in _letters(model)}
    near: list[tuple[str | None, int]] = []
    for text in texts:
        name, _, size = text.rpartition("=")
        if not re.fullmatch(r"[0-9]{1,7}", size):
            raise _failed("--near", BadOption("--near", text, "a size, or that of one letter: 200 or H=200"))
        if not letters or (name and name not in letters):
            expected = f"a size of {name or 'a letter'} that a model here leaves free: INPUT(3, H, W), --input 3,H,W"
            raise _failed("--near", BadOption("--near", text, expected))
        near.append((name or None, int(size)))
    return tuple(near)


SIZE_UNITS = {"b": 1} | {
    f"{letter}{middle}b": base**power
    for power, letter in enumerate("kmgt", 1)
    for middle, base in (("", 1000), ("i", 1024))
}
"""Units of memory in small letters: kb, kib, mb, mib, ..."""


def read_size(text: str) -> int:
    """`24GiB`, `500 MB`, `1.5GB`: bytes. Raises `Diagnosed`."""
    from fractions import Fraction

    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) *([A-Za-z]*)", text.strip())
    # exact: 1.1 * 10**12 as a float has lost some bytes
    size = Fraction(found[1]) * SIZE_UNITS.get(found[2].lower(), 0) if found else Fraction(0)
    if size < 1:
        raise _failed("--fits", BadOption("--fits", text, "memory with its unit: 24GiB, 500MB, 1.5GB"))
    return int(size)


def _letters(model: Model) -> tuple[str, ...]:
    from archlang.symbolic.legal import SymbolicModel

    return model.legal.letters if isinstance(model, SymbolicModel) else ()


def read_solved(texts: Iterable[str]) -> dict[str, str | None]:
    """`stride=1..8` or `stride`: parameters with the values to try, None for the usual ones."""
    pairs = (text.partition("=") for text in texts)
    return {name.strip(): values.strip() or None for name, _, values in pairs}


def check_bindings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Bindings given as Python values: lists become tuples. Raises `Diagnosed` for what the language does not have."""
    return {name: _language_value(name, value, count()) for name, value in values.items()}


def _language_value(name: str, value: Any, items: Iterator[int], depth: int = 0) -> Any:
    """`items` counts those of a list and of the lists inside it."""
    if next(items) > LONGEST or depth > DEEPEST:
        raise _failed(name, BadOption(name, "a list", f"at most {LONGEST:,} items and {DEEPEST} levels"))
    if isinstance(value, list | tuple):
        return tuple(_language_value(name, item, items, depth + 1) for item in value)  # pyright: ignore[reportUnknownVariableType]
    # before Integral, of which bool is one: true must not become 1
    if value is None or isinstance(value, bool | float | str):
        return value
    if not isinstance(value, Integral):
        raise _failed(name, BadOption(name, repr(value), "a number, a text, true, false, none or a list of them"))
    return int(value)
