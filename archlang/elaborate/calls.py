"""Arguments of layers, blocks and models: matched with what is called, by position, name or letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import prod
from typing import Any

from archlang.diagnostics import Diagnosed, Edit, Help
from archlang.elaborate.environment import Environment
from archlang.elaborate.expressions import Evaluator, diagnosed, rename
from archlang.elaborate.foreign import without_idle
from archlang.elaborate.program import Program, find_default
from archlang.errors.arguments import (
    DuplicateArgument,
    InferredArgument,
    MissingArguments,
    OutOfRange,
    PositionalAfterKeyword,
    TooManyArguments,
    WrongType,
)  # fmt: skip
from archlang.errors.names import UnknownArgument
from archlang.errors.shapes import AXIS_NAMES, WrongRank
from archlang.errors.words import meant
from archlang.ir.ops import WORDS
from archlang.ir.ops.arguments import is_integer
from archlang.ir.ops.base import REQUIRED, Op, OpError, Parameter, Shape
from archlang.records import record
from archlang.source import Span
from archlang.syntax import ast

NO_COUNTS = ("eps", "bias", "channels", "dropout")
"""Arguments that no count of channels or features can be meant for."""

INIT_SCHEMES = ("torch", "he", "lecun", "xavier", "orthogonal")
"""Names that `init=` knows; `torch` is what torch does by itself."""


@record
class Given:
    """A value given to an argument, and where it stands."""

    value: Any
    span: Span

    @property
    def text(self) -> str:
        """The value as it is written."""
        return self.span.text


def match_arguments(
    owner: str,
    arguments: Sequence[ast.Argument],
    positional: Sequence[str],
    resolve: Callable[[str], str | None],
    evaluate: Callable[[ast.Expression], Any],
    known: Sequence[str],
) -> dict[str, Given]:
    """Arguments by name. `resolve` turns a written name (or letter) into an argument's own, or None if unknown."""
    given: dict[str, Given] = {}
    named = False
    for index, argument in enumerate(arguments):
        if argument.name is None and named:
            raise diagnosed(PositionalAfterKeyword(), argument.span, *_unnamed_first(arguments))
        if argument.name is None and index >= len(positional):
            raise diagnosed(TooManyArguments(owner, len(arguments), ", ".join(known), len(positional)), argument.span)
        named = argument.name is not None
        name = positional[index] if argument.name is None else resolve(argument.name)
        if name is None:
            raise _unknown_argument(owner, arguments, index, known)
        if name in given:
            raise diagnosed(DuplicateArgument(owner, name), argument.span)
        given[name] = Given(evaluate(argument.value), argument.span)
    return given


def _unnamed_first(arguments: Sequence[ast.Argument]) -> tuple[Help, ...]:
    """The help that writes arguments without a name before the others; no comment may get lost."""
    span = arguments[0].span.to(arguments[-1].span)
    # sorting is stable: both kinds keep their order, and with it what positions mean
    texts = [argument.span.text for argument in sorted(arguments, key=lambda argument: argument.name is not None)]
    if "#" in span.text:
        return ()
    return (Help("write arguments without a name first", (Edit(span, ", ".join(texts)),), safe=True),)


def _unknown_argument(owner: str, arguments: Sequence[ast.Argument], index: int, known: Sequence[str]) -> Exception:
    argument = arguments[index]
    written = argument.name or ""
    suggestion = meant(written, known)
    name_span = argument.span.source.span(argument.span.start, argument.span.start + len(written))
    problem = UnknownArgument(written, suggestion, owner, tuple(known))
    return diagnosed(problem, name_span, *(rename(name_span, suggestion, known) or without_idle(arguments, index)))


@record
class LayerCall:
    """A layer with evaluated arguments, before its input's shape is known."""

    word: str
    op_class: type[Op]
    given: dict[str, Given]
    span: Span
    default: ast.DefaultLayer | None
    init: str | None
    positional: tuple[str, ...] = ()

    def build(self, shapes: tuple[Shape, ...]) -> Op:
        """The op on inputs of these shapes. Raises `OpError`."""
        # a source reads nothing: its sizes are taken as those of one axis
        axes = 1
        if shapes:
            self._check_word(shapes[0])
            self._check_inferred(shapes[0])
            axes = self.op_class.slides_over(shapes[0])
        try:
            values = self._values(axes)
        except OpError:
            # 3x3 on features: that there is no map matters, not that 3x3 is no size of one axis
            if len(shapes) == 1 and len(shapes[0]) == 1:
                self._check_rank(shapes)
            raise
        return self.op_class.build_join(self.word, values, shapes)

    def _values(self, axes: int) -> dict[str, Any]:
        return {p.name: self._read(p, axes) for p in self.op_class.signature}

    def _check_rank(self, shapes: tuple[Shape, ...]) -> None:
        """A size such as 3x3 fits no features. Raises what is the matter with the input, if sizes are not."""
        for axes in (2, 3):
            with suppress(OpError):
                values = self._values(axes)
                break
        else:
            return
        self.op_class.build_join(self.word, values, shapes)

    def _read(self, parameter: Parameter, axes: int) -> Any:
        given = self.given.get(parameter.name)
        value = given.value if given else parameter.default
        return value if given is None and value is None else parameter.read(self.word, parameter.name, value, axes)

    def _check_inferred(self, shape: Shape) -> None:
        """torch's first argument would silently be taken for the next one: BN(64), Conv2d(3, 8, 5)."""
        # what a default says is not what somebody pasted here
        if not self.op_class.inferred or self.default is not None:
            return
        inferred = self.op_class.inferred
        values = [self.given[name].value for name in self.positional]
        odd = next((name for name in self.positional if self._is_a_count(name)), None)
        as_in_torch = (
            # only torch's own spelling (Conv2d), and only if the first number is what flows in: CONV(3, 8, 5) is ours
            len(values) > 2 and not self.word.isupper() and values[0] == shape[0] and _like_filters(*values[1:3])
        )
        if inferred in self.given or odd or as_in_torch:
            instead = self.op_class.instead_of_inferred(self._inferred.value)
            parts = [instead if given is self._inferred else given.text for given in self._written()]
            rest = ", ".join(part for part in parts if part)
            corrected = f"{self.word}({rest})" if rest else self.word
            argument = inferred if inferred in self.given else odd or self.positional[-1]
            raise OpError(InferredArgument(self.word, argument, inferred, corrected))

    @property
    def _inferred(self) -> Given:
        """What is written that archlang finds out by itself: the argument of that name, or the one in its place."""
        named = self.given.get(self.op_class.inferred)
        return named or self.given[self.positional[min(self.op_class.inferred_at, len(self.positional) - 1)]]

    def _written(self) -> list[Given]:
        """The arguments that stand in the call itself, in their order."""
        call = self.span
        here = (given for given in self.given.values() if given.span.source is call.source)
        inside = (given for given in here if call.start <= given.span.start and given.span.end <= call.end)
        return sorted(inside, key=lambda given: given.span.start)

    def without_inferred(self, text: str, inputs: tuple[Shape, ...]) -> Help:
        """The help that leaves out what archlang finds out by itself; safe if it says what flows in."""
        written, left_out = self._written(), self._inferred
        index = written.index(left_out)
        # channels of a map, features of a sequence, all of it where FC flattens
        known = {inputs[0][0], inputs[0][-1], prod(inputs[0])}
        if self.op_class.inferred == "normalized_shape":  # of more axes it would be another normalisation
            known = {inputs[0][-1], inputs[0][-1:]}
        edit = Edit(self.span, self.word)
        if instead := self.op_class.instead_of_inferred(left_out.value):
            return Help(f"write {text}", (Edit(left_out.span, instead),), left_out.value in known)
        # take the comma along: the one behind, or in front of the last argument
        if index + 1 < len(written):
            edit = Edit(self.span.source.span(left_out.span.start, written[index + 1].span.start), "")
        elif index:
            edit = Edit(self.span.source.span(written[index - 1].span.end, left_out.span.end), "")
        return Help(f"write {text}", (edit,), left_out.value in known)

    def _is_a_count(self, name: str) -> bool:
        """Whether an argument that takes no count is given one: a flag a number, eps the number of channels."""
        value = self.given[name].value
        # 0 and 1 are probabilities, and integers
        if name not in NO_COUNTS or not is_integer(value) or (name == "dropout" and value <= 1):
            return False
        return name != "eps" or value > 1

    def _check_word(self, shape: Shape) -> None:
        """`Conv2d` on a sequence is an error; `CONV` follows its input."""
        digit = re.fullmatch(r"[A-Za-z]+([123])d", self.word)
        # CONV has no digit, so the same line of a file can run over sequences, maps and volumes
        if digit and int(digit[1]) != self.op_class.slides_over(shape):
            axes = ", ".join(("C", *(name[0].upper() for name in AXIS_NAMES[int(digit[1])])))
            raise OpError(WrongRank(self.word, shape, f"an input ({axes})"))

    def argument_span(self, name: str) -> Span:
        """Where an argument stands, or the whole call if it is not written there."""
        given = self.given.get(name)
        return given.span if given and given.span.source is self.span.source and self.default is None else self.span

    def with_argument(self, name: str, value: Any) -> LayerCall:
        """The same call with one argument changed: a way out to be tried."""
        given = {**self.given, name: Given(value, self.argument_span(name))}
        return LayerCall(self.word, self.op_class, given, self.span, self.default, self.init)

    def edit(self, name: str, text: str, call: ast.Call) -> Help:
        """The edit that gives an argument another value. A bare word is written out with its default's arguments."""
        # a bare word has no arguments to change, and the default may serve others: the call gets its own
        if self.default is not None:
            return Help("", (Edit(call.span, f"{self.word}({self._default_with(name, text)})"),))
        given = self.given.get(name)
        written = next((a for a in call.arguments or () if given and a.span == given.span), None)
        if written:
            return Help("", (Edit(_with_parentheses(written), text),))
        if call.arguments:
            end = call.arguments[-1].span.end
            return Help("", (Edit(call.span.source.span(end, end), f", {name}={text}"),))
        return Help("", (Edit(call.span, f"{self.word}({name}={text})"),))

    def _default_with(self, name: str, text: str) -> str:
        """The arguments of the default, one of them changed or added."""
        assert self.default is not None
        given = self.given.get(name)
        parts: list[str] = []
        for argument in self.default.arguments:
            changed = given is not None and given.span == argument.span
            prefix = f"{argument.name}=" if argument.name else ""
            parts.append(f"{prefix}{text}" if changed else argument.span.text)
        return ", ".join(parts if given else [*parts, f"{name}={text}"])


def _with_parentheses(argument: ast.Argument) -> Span:
    """The value of an argument with the parentheses around it, which belong to no value: `(5)` is 5."""
    source, start, end = argument.span.source, argument.value.span.start, argument.value.span.end
    while True:
        before = source.text[argument.span.start : start].rstrip()
        behind = source.text[end : argument.span.end].lstrip()
        if not (before.endswith("(") and behind.startswith(")")):
            return source.span(start, end)
        start, end = argument.span.start + len(before) - 1, argument.span.end - len(behind) + 1


class CallReader:
    """Reads layer calls, with the defaults of the file they stand in."""

    def __init__(self, evaluate: Evaluator) -> None:
        self.evaluate = evaluate

    def layer(self, call: ast.Call, env: Environment) -> LayerCall:
        """A layer's arguments, those of its default if the word is bare."""
        op_class = WORDS[call.word]
        default = find_default(env.program, call.word) if call.arguments is None else None
        # `CONV` stands for the file's default, `CONV()` for the layer's own
        arguments = default.arguments if default else call.arguments or ()
        # a default was written outside of any block: it sees the file's values alone
        given = self._match(call.word, op_class, arguments, env.outermost if default else env)
        # `default init = "he"` is weaker than what the call, or the default of its word, says
        given = {**self._default_arguments(op_class, env), **given}
        init = self._init(call.word, given.pop("init", None))
        positional = _positional(call.word, op_class)
        unnamed = sum(argument.name is None for argument in call.arguments or ())
        self._require(call, op_class, given, env.program)
        return LayerCall(call.word, op_class, given, call.span, default, init, tuple(positional[:unnamed]))

    def _match(
        self, word: str, op_class: type[Op], arguments: Sequence[ast.Argument], env: Environment
    ) -> dict[str, Given]:
        signature, adapted = op_class.signature, op_class.adapted.get(word, {})
        names = {p.name: p.name for p in signature} | {p.letter: p.name for p in signature if p.letter}
        # a word with arguments of its own (AdaptiveAvgPool2d: output_size) knows only those
        names = {**adapted} or names
        if op_class.initialised:
            names["init"] = "init"
        known = [*adapted] or [p.name for p in signature]
        known += ["init"] if op_class.initialised else []
        inferred, positional = op_class.inferred, _positional(word, op_class)
        if inferred:
            names[inferred] = inferred

        def match(positional: Sequence[str]) -> dict[str, Given]:
            return match_arguments(word, arguments, positional, names.get, lambda v: self.evaluate(v, env), known)

        try:
            return match(positional)
        except Diagnosed as error:
            # a line of torch has one argument more, and fails by their number. With the inferred one in its place it
            # can be read, and `_check_inferred` says what to leave out
            again = DuplicateArgument if word.isupper() else DuplicateArgument | TooManyArguments
            if not inferred or not isinstance(error.diagnostic.problem, again):
                raise
            with suppress(Diagnosed):
                return match([*positional[: op_class.inferred_at], inferred, *positional[op_class.inferred_at :]])
            raise

    def _default_arguments(self, op_class: type[Op], env: Environment) -> dict[str, Given]:
        """Values that the file gives to an argument of every layer that has it: `default init = "he"`."""
        names = {p.name for p in op_class.signature} | ({"init"} if op_class.initialised else set[str]())
        outer = env.outermost
        return {
            name: Given(self.evaluate(item.value, outer), item.value.span)
            for name, item in env.program.default_arguments.items()
            if name in names
        }

    def _init(self, word: str, given: Given | None) -> str | None:
        if given is None:
            return None
        expected = " or ".join(f'"{scheme}"' for scheme in INIT_SCHEMES)
        if not isinstance(given.value, str):
            raise diagnosed(WrongType(word, "init", given.value, expected), given.span)
        if given.value not in INIT_SCHEMES:
            raise diagnosed(OutOfRange(word, "init", given.value, expected), given.span)
        return None if given.value == "torch" else given.value

    def _require(self, call: ast.Call, op_class: type[Op], given: dict[str, Given], program: Program) -> None:
        missing = tuple(p.name for p in op_class.signature if p.default is REQUIRED and p.name not in given)
        missing += tuple(name for name, own in op_class.adapted.get(call.word, {}).items() if own not in given)
        if missing:
            default = find_default(program, call.word)
            bare = default.span.text.removeprefix("default").strip() if default else ""
            adapted = op_class.adapted.get(call.word, {})
            text = ", ".join(adapted or (p.text for p in op_class.signature))
            raise diagnosed(MissingArguments(call.word, missing, text, bare), call.span)


def _positional(word: str, op_class: type[Op]) -> list[str]:
    """The arguments that can be given without a name, in their order."""
    adapted = op_class.adapted.get(word)
    return list(adapted.values()) if adapted else [p.name for p in op_class.signature if not p.keyword]


def _like_filters(value: Any, behind: Any) -> bool:
    """Whether a number is rather a count of filters than the size of a kernel, and the one behind it that size rather
    than a stride: 6 and 5 of LeNet's Conv2d(1, 6, 5)."""
    if not (is_integer(value) and is_integer(behind)):
        return is_integer(value) and value >= 8
    return value >= 8 or (value % 2 == 0 and behind % 2 == 1 and behind > 1)
