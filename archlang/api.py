"""archlang for Python programs: check, load, loads, render. Imports torch only to make modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike, fsdecode
from typing import TYPE_CHECKING, Any, Literal

from archlang.checking import Outcome, Request, check_source
from archlang.diagnostics import ArchitectureError, Diagnosed, Diagnostic
from archlang.elaborate.parts import Options
from archlang.errors.files import BadOption, MissingPackage
from archlang.families import Family
from archlang.ir.graph import Model
from archlang.ir.partial import PartialModel
from archlang.reading import check_bindings, check_inputs, check_target, family_of
from archlang.records import record
from archlang.repeated import check_again
from archlang.source import Source

if TYPE_CHECKING:
    import networkx as nx
    from torch import nn

    from archlang.backends.render_options import RenderOptions
    from archlang.backends.torch_module import ArchModule, Device

TargetPath = str | PathLike[str]

InputShapes = Sequence[int | str] | Mapping[str, Sequence[int | str]]
"""Sizes of the input without the batch, letters for those left free: (3, 224, 224), (3, "H", "W"); or these by name."""


@record
class Report:
    """What a check found. `str(report)` is the table, or one line for each model where there are several.

    `models` are those without errors; `partial` is what is known of the others.
    """

    models: tuple[Model, ...]
    diagnostics: tuple[Diagnostic, ...]
    partial: tuple[PartialModel, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there are no errors."""
        # what counts as an error is said in one place
        return Outcome(self.models, self.diagnostics).ok

    @property
    def _reported(self) -> tuple[Model, ...]:
        return (*self.models, *(model for model in self.partial if model.is_known))

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `archc check --format json`."""
        from archlang.report.data import report_dict

        return report_dict(self._reported, self.diagnostics, self.ok)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        from archlang.diagnostics.text import render
        from archlang.report.text import models_text

        return "\n".join(part for part in (models_text(self._reported), render(self.diagnostics)) if part)

    def table(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        depth: int | None = None,
        width: int | None = None,
        format: Literal["text", "csv", "md", "html"] = "text",
    ) -> str:
        """A table for each model, with the columns, levels of the tree and width that are wanted.

        `columns` is as for `archc check --columns`: names, `all`, or changes such as `+kernel`. Raises
        `ArchitectureError` for a column that there is not.
        """
        from archlang.report import exports, text
        from archlang.report.columns import View

        names = columns if columns is None or isinstance(columns, str) else ",".join(columns)
        writers = {
            "text": text.models_tables,
            "csv": exports.csv_text,
            "md": exports.markdown_text,
            "html": exports.html_text,
        }
        return _raising(writers[format], self.models, View(names, depth, width))

    def _repr_html_(self) -> str:
        from archlang.diagnostics.html import render_html
        from archlang.report.exports import html_text

        return "\n".join(part for part in (html_text(self._reported), render_html(self.diagnostics)) if part)


@record
class Picture:
    """A diagram. Shows itself in a notebook; `save` writes the format that the path's ending names."""

    model: Model
    options: RenderOptions | None = None

    def dot(self) -> str:
        """Graphviz text. Raises `ArchitectureError` for a figure of volumes."""
        return self._text(".dot")

    def mermaid(self) -> str:
        """Mermaid text, for Markdown. Raises `ArchitectureError` for a figure of volumes."""
        return self._text(".mmd")

    def html(self) -> str:
        """A page that opens, searches and explains the model, as one file."""
        return self._text(".html")

    def svg(self) -> str:
        """The picture as SVG text."""
        return self._text(".svg")

    def tikz(self) -> str:
        """A figure of volumes as a LaTeX document of its own."""
        return self._text(".tex")

    def _text(self, ending: str) -> str:
        from archlang.writing import WRITERS

        text = _raising(WRITERS["render"][ending], self.model, self.options)
        assert isinstance(text, str)
        return text

    def save(self, path: TargetPath) -> None:
        """Write .svg, .png, .pdf, .html, .dot, .mmd or .tex. Raises `ArchitectureError`; then nothing is written."""
        from archlang.writing import write_output

        _raising(write_output, self.model, fsdecode(path), "render", self.options)

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<Picture of {self.model.name}>"


@record
class Making:
    """How a module is made from a model: what `load` is told beside the model's parameters."""

    device: Device
    seed: int | None
    init: str | None
    until: str | None
    convolutional: bool
    input: InputShapes | None


def check(
    target: TargetPath,
    model: str | None = None,
    *,
    input: InputShapes | None = None,
    strict: bool = False,
    allow: Sequence[str] = (),
    **bindings: Any,
) -> Report:
    """Check a .arch file (or `zoo:name`): all models whose parameters are bound, or the one named.

    `input` replaces the model's input shape, without the batch: (3, 224, 224), (3, "H", "W") with sizes left free, or
    a shape for each input's name; `strict` is the lectures' rule (sizes must divide); `allow` leaves out warnings with
    these codes ("all": all of them); keyword arguments bind parameters. Errors and warnings come in the report; nothing
    is raised for them.
    """
    return _report(check_target(fsdecode(target), _request(model, input, strict, bindings)), allow)


def checks(
    text: str,
    model: str | None = None,
    *,
    input: InputShapes | None = None,
    strict: bool = False,
    allow: Sequence[str] = (),
    **bindings: Any,
) -> Report:
    """Check the text of an architecture, as `check` does a file."""
    return _report(check_source(_text("checks", text), _request(model, input, strict, bindings)), allow)


def load(
    target: TargetPath,
    model: str | None = None,
    *,
    device: Device = None,
    seed: int | None = None,
    input: InputShapes | None = None,
    strict: bool = False,
    init: str | None = None,
    until: str | None = None,
    convolutional: bool = False,
    **bindings: Any,
) -> ArchModule:
    """A torch module from a .arch file (or `zoo:name`); keyword arguments bind the model's parameters.

    Parameters are initialised as torch does unless the file says otherwise, or by the scheme `init` where the file says
    nothing ("torch", "he", "lecun", "xavier", "orthogonal"); `seed` makes them reproducible and leaves torch's own
    generator as it was. `until` cuts the model at a layer or part, whose value is the output. With `convolutional` its
    fully connected layers slide over the map as convolutions with the same names, for pictures of the size `input`, and
    larger. A parameter of the model with the name of an option is bound in a file (`model Mine = Net(seed=3)`). Raises
    `ArchitectureError`.
    """
    # of a network made convolutional, `input` is the size of the pictures that it slides over, and not its own
    shapes = None if convolutional else input
    outcome = check_again(fsdecode(target), _request(model, shapes, strict, bindings))
    return _module(outcome, Making(device, seed, init, until, convolutional, input))


def loads(
    text: str,
    model: str | None = None,
    *,
    device: Device = None,
    seed: int | None = None,
    input: InputShapes | None = None,
    strict: bool = False,
    init: str | None = None,
    until: str | None = None,
    convolutional: bool = False,
    **bindings: Any,
) -> ArchModule:
    """A torch module from the text of an architecture: `loads("INPUT(3, 32, 32) -> CONV -> RELU -> FC(10)")`."""
    shapes = None if convolutional else input
    outcome = check_source(_text("loads", text), _request(model, shapes, strict, bindings), choose_one=True)
    return _module(outcome, Making(device, seed, init, until, convolutional, input))


def export(net: nn.Module, path: TargetPath) -> None:
    """Write a module with the weights that it has, as it evaluates: .onnx (extra `archlang[onnx]`) or .pt2.

    The batch is free, and so are the sizes that its model leaves free. What torch.compile and DataParallel put around
    it is left out. Raises `ArchitectureError`; then no file was written or changed.
    """
    require_torch("exporting", "export")
    from archlang.backends.wrappers import own_module
    from archlang.writing import write_module

    _raising(write_module, own_module("export", net), fsdecode(path))


def render(
    target: TargetPath,
    model: str | None = None,
    *,
    input: InputShapes | None = None,
    expand: str | Iterable[str] = (),
    depth: int | None = None,
    direction: str | None = None,
    show: str | Iterable[str] | None = None,
    theme: str = "light",
    merge: bool = False,
    legend: bool | None = None,
    style: str = "boxes",
    columns: int | None = None,
    partial: bool = False,
    **bindings: Any,
) -> Picture:
    """The diagram of a .arch file's model (or `zoo:name`).

    `expand` names scopes whose copies are drawn one by one (`"all"`: all of them); `depth` is how many levels of scopes
    are drawn, otherwise as many as fit a page. `direction` is "TB" or "LR". `show` are the facts in a box: any of name,
    type, kernel, shape, parameters, macs. `theme` is light, dark, print or colorblind. `merge` draws normalisation and
    activation into the layer before them. `legend` says what the colours mean; None where it helps. `style` is
    "boxes", or "volumes" for feature maps in perspective. `columns` is how many columns the picture is cut into,
    otherwise as many as make it largest on a page. `partial`
    draws a model with errors as far as it goes, the layer that fails in red, instead of raising. A parameter of the
    model with the name of an option is bound with `archc render -D`. Raises `ArchitectureError`.
    """
    from archlang.backends.render_options import read_options

    _need_flag("partial", partial)
    options = _raising(read_options, expand, depth, direction, show, theme, merge, legend, style, columns)
    outcome = check_target(fsdecode(target), _request(model, input, False, bindings), choose_one=True)
    # the first model with errors, as far as it came
    if partial and not outcome.ok and outcome.partial:
        return Picture(outcome.partial[0], options)
    return Picture(_only(outcome), options)


def family(target: TargetPath, model: str | None = None, **bindings: Any) -> Family:
    """All members of a model whose parameters range over domains: `len(family)`, `for member in family`.

    Each member has `.bindings`, `.ok`, `.model` and `.diagnostics`. Keyword arguments bind parameters, which then
    stand still. Raises `ArchitectureError` where there is no end of members.
    """
    return _raising(family_of, fsdecode(target), _request(model, None, False, bindings))


def graph(target: TargetPath, model: str | None = None, **bindings: Any) -> nx.DiGraph[str]:
    """The layers of a model as a networkx graph, one node for each copy, shapes on the edges.

    Raises `ArchitectureError`.
    """
    from archlang.backends.network import flat_graph

    made = _only(check_target(fsdecode(target), _request(model, None, False, bindings), choose_one=True))
    return flat_graph(made.with_numbers)


def _text(feature: str, text: object) -> Source:
    """The text of an architecture. Raises `ArchitectureError` for what is none, the name of a file for example."""
    if not isinstance(text, str):
        problem = BadOption(feature, repr(text), "the text of an architecture, a str")
    # checks("net.arch") would parse the name as a chain of one word, and complain of that
    elif text.strip().startswith("zoo:") or text.strip().endswith((".arch", ".json")):
        other = f"archlang.{feature.removesuffix('s')}({text.strip()!r})"
        problem = BadOption(feature, text.strip(), "the text of an architecture; this names a file", other)
    else:
        return Source("<text>", text)
    raise ArchitectureError((Diagnostic(problem, None, feature),))


def _request(model: str | None, shapes: InputShapes | None, strict: bool, bindings: dict[str, Any]) -> Request:
    _need_flag("strict", strict)
    options = Options(_raising(check_inputs, shapes), strict)
    _need_text("model", model)
    return Request(model, _raising(check_bindings, bindings), options)


def _need_text(option: str, value: object) -> None:
    """Raise `ArchitectureError` for a name that is no text."""
    if not isinstance(value, str | None):
        raise ArchitectureError((Diagnostic(BadOption(option, repr(value), "a name, as a str"), None, option),))


def _need_flag(option: str, value: object) -> None:
    """Raise `ArchitectureError` for what is neither True nor False: "no" would count as true."""
    if not isinstance(value, bool):
        raise ArchitectureError((Diagnostic(BadOption(option, repr(value), "True or False"), None, option),))


def _report(outcome: Outcome, allow: Sequence[str]) -> Report:
    from archlang.lints import with_lints

    # checks alone look for warnings: who loads or draws a model has asked for something else
    linted = _raising(with_lints, outcome, allow)
    return Report(linted.models, linted.diagnostics, linted.partial)


def _only(outcome: Outcome) -> Model:
    if not outcome.ok:
        raise ArchitectureError(outcome.diagnostics)
    return outcome.models[0]


def model_of(check: Callable[[Request], Outcome], name: str, shapes: InputShapes | None, bindings: Any) -> Model:
    """The model that a check finds for a name, input shapes and bindings, in numbers. Raises `ArchitectureError`."""
    return _only(check(_request(name, shapes, False, dict(bindings)))).with_numbers


def require_torch(feature: str, file: str) -> None:
    """Raise `ArchitectureError`, which says how to get it, where torch is not installed."""
    try:
        import torch  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise ArchitectureError((Diagnostic(MissingPackage(feature, "torch", "torch"), None, file),)) from None


def _module(outcome: Outcome, making: Making) -> ArchModule:
    model = _only(outcome).with_numbers
    require_torch("making a module", model.origin.file)
    _need_text("until", making.until)
    _need_text("init", making.init)
    _need_flag("convolutional", making.convolutional)
    from archlang.backends.torch_module import build_module

    return _raising(build_module, _raising(_changed, model, making), making.seed, making.device)


def _changed(model: Model, making: Making) -> Model:
    """The model as it is wanted. Raises `Diagnosed`."""
    if making.convolutional:
        from archlang.ir.convolutional import convolutionalise

        shapes = check_inputs(making.input)
        model = convolutionalise(model, {name or model.inputs[0].name: shape for name, shape in shapes})
    if making.until is not None:
        from archlang.ir.cut import cut

        model = cut(model, making.until)
    if making.init is not None:
        from archlang.backends.initialise import with_scheme

        model = with_scheme(model, making.init)
    return model


def _raising(function: Any, *arguments: Any) -> Any:
    """Call a function of the inside; what it diagnoses becomes the public error."""
    try:
        return function(*arguments)
    except Diagnosed as error:
        # from None: frames of the compiler say nothing to who wrote the text
        raise ArchitectureError((error.diagnostic,)) from None
