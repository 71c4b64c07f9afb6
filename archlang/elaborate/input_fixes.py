"""Ways out of errors that come from an input as others write it: channels last or left out, a batch in front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from archlang.diagnostics import Diagnostic, Edit, Help
from archlang.elaborate.program import INPUT, Program, walk
from archlang.errors.shapes import MOST_COLOURS
from archlang.source import Span
from archlang.syntax import ast


def with_input_fixes(program: Program, diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics; of each model with an odd input, the first error with another input as the first way out."""
    found = list(diagnostics)
    for tree in (model for model in program.models if model.span.source is program.source):
        first = next((i for i, d in enumerate(found) if d.severity == "error" and _concerns(d, tree.span)), None)
        helps = tuple(_inputs(program, tree)) if first is not None else ()
        if first is not None and helps:
            # in front: an input read wrongly explains all that follows, what mends one layer only hides it
            found[first] = replace(found[first], candidates=(*helps, *found[first].candidates))
    return tuple(found)


def _concerns(diagnostic: Diagnostic, span: Span) -> bool:
    """Whether an error stands in a stretch of text, or is reached from there."""
    spans = (diagnostic.span, *(label.span for label in diagnostic.trail))
    return any(s and s.source is span.source and span.start <= s.start <= s.end <= span.end for s in spans)


def _inputs(program: Program, tree: ast.Definition) -> Iterator[Help]:
    """Inputs of a model as they may be meant."""
    # from the text, not the shapes: sizes that are letters may be meant otherwise, too
    for call in (node for node in walk(tree.chain) if isinstance(node, ast.Call) and node.word == INPUT):
        arguments = call.arguments or ()
        if arguments and all(argument.name is None for argument in arguments):
            for message, texts in _meant([argument.value for argument in arguments]):
                inside = program.source.span(arguments[0].span.start, arguments[-1].span.end)
                text = ", ".join(texts)
                yield Help(f"{message}: INPUT({text})", (Edit(inside, text),))


def _meant(sizes: Sequence[ast.Expression]) -> Iterator[tuple[str, list[str]]]:
    """What sizes most likely say, and how it is written here."""
    texts = [size.span.text for size in sizes]
    if len(sizes) in (3, 4) and _number(sizes[-1]) in (1, 3, MOST_COLOURS) and all(map(_may_be_long, sizes[:-1])):
        yield "channels come first, as in torch", [texts[-1], *texts[:-1]]
    if len(sizes) == 4 and _number(sizes[1]) in (1, 3, MOST_COLOURS) and all(map(_may_be_long, sizes[2:])):
        yield "the batch is not written", texts[1:]
    if len(sizes) == 2 and all(map(_may_be_long, sizes)):
        # INPUT(28, 28) of MNIST: a picture in grey has one channel, which is easily left out
        yield "the channels of a picture come first, as in torch", ["1", *texts]


def _number(size: ast.Expression) -> object:
    return size.value if isinstance(size, ast.Literal) else None


def _may_be_long(size: ast.Expression) -> bool:
    """Whether a size can be one of a picture: larger than a number of colours, or not known here."""
    number = _number(size)
    return number is None or (isinstance(number, int) and number > MOST_COLOURS)
