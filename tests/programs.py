"""Random .arch programs, most of them valid or nearly so, from a seed: the whole language in small texts.

`program(dice)` writes one. Shapes are not tracked: arguments are chosen so that about half of the programs check, and
the others fail in all the ways that there are. `mutated` changes a few tokens of a text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from archlang.checking import import_nothing
from archlang.resources import grammar_text, zoo_files
from archlang.source import Source, Span

LIBRARY = {
    "lib.arch": "let wide = 6\nblock lib(c = 4){ body } = ADD{ body, _ } -> CONV(c, 1x1)\nblock tail(n = 3) = FLATTEN -> FC(n)",
    "broken.arch": "block lib(c = 4) = CONV(c, ",
    "loop.arch": 'from "loop.arch" import lib\nblock lib = RELU',
}
"""Files that programs import from."""


def import_library(path: str, span: Span) -> Source:
    """The importer of random programs."""
    return Source(path, LIBRARY[path]) if path in LIBRARY else import_nothing(path, span)


KEEPING = (
    "RELU", "BN", "GELU", "SIGMOID", "TANH", "SILU", "DROPOUT(0.3)", "IDENTITY", "SOFTMAX", "PRELU", "PRELU(channels=true)",
    "LEAKYRELU(0.2)", "DROPPATH(0.1)", "SCALE", "LN(dim=1)", "HARDSWISH", "RELU6", "IN", "LRN(3)", "GN(1)", "ELU(0.5)",
    "HARDTANH(-2.0, 2.0)", "SOFTPLUS", "LOGSOFTMAX(dim=-1)", "CHANNELDROPOUT(0.1)", "MISH",
    "SELU", "CELU(0.5)", "LOGSIGMOID",
)  # fmt: skip
NAMES = (
    "a",
    "b",
    "c",
    "d",
    "stem",
    "body",
    "head",
    "net",
    "x",
    "N",
    "H",
    "W",
    "wide",
    "in_channels",
    "in_shape",
    "i",
    "k",
)
NUMBERS = (
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "8",
    "16",
    "-1",
    "0.5",
    "1_000",
    "999999999999",
    "1e9",
    "1e-9",
    "true",
    "none",
)
JUNK = (
    "999999999999",
    "-1",
    "0",
    "1.5",
    "[]",
    "()",
    "\x00",
    "é",
    "”",
    "\u202e",
    "\U0001f600",
    "{",
    "}",
    "[",
    "]",
    "*10**9",
    "::",
)
SIGNS = '-> * ? ( ) [ ] { } , : :: = == != < > <= + - / // % ** . .. "a" "c{i}" #'
WORDS = sorted(
    {*re.findall(r'"([a-z]+)"', grammar_text()), *SIGNS.split(), *NAMES, *NUMBERS[:9], "CONV", "ADD", "AUX", "_"}
)
TOKEN = re.compile(
    r"->|::|\*\*|//|\.\.|[<>=!]=|\d+x\d+|[A-Za-z_]\w*|\d+(?:\.\d+)?|\"[^\"\n]*\"|#[^\n]*|\s+|.", re.DOTALL
)
SMALL_ZOO = [text for path in zoo_files() if len(text := path.read_text(encoding="utf-8")) < 1_500]


class Program:
    """One program being written; `axes` is the number of axes of its maps beside the channels."""

    def __init__(self, dice: random.Random, letters: Sequence[str] = ()) -> None:
        self.dice = dice
        self.axes = len(letters) or dice.choice((1, 1, 2, 2, 2, 3))
        self.letters = tuple(letters)
        self.labels: list[str] = []
        self.blocks: list[tuple[str, int, bool]] = []
        self.values: list[str] = []
        self.imports = not letters and self.chance(0.05)

    def pick(self, *choices: str) -> str:
        """One of several texts."""
        return self.dice.choice(choices)

    def chance(self, share: float) -> bool:
        """True that often."""
        return self.dice.random() < share

    # ---- values

    def number(self, low: int, high: int) -> str:
        """A number, mostly written out, else an expression with that value, seldom anything."""
        value = self.dice.randint(low, high)
        roll = self.dice.random()
        if roll < 0.86:
            return str(value)
        if roll < 0.90 and self.values:
            return self.dice.choice(self.values)
        if roll < 0.99:
            return self.pick(f"{value - 1} + 1", f"{2 * value} // 2", f"({value} if true else 1)", f"max(1, {value})", f"[{value}, 9][0]",
                             f"len(range({value}))", f"sum([{value}])")  # fmt: skip
        return self.dice.choice((*NUMBERS, *NAMES))

    def size(self, low: int, high: int) -> str:
        """A size along all axes: a number or one for each."""
        if self.chance(0.7):
            return self.number(low, high)
        numbers = [str(self.dice.randint(low, high)) for _ in range(self.axes if self.chance(0.95) else 2)]
        return "x".join(numbers) if self.chance(0.6) else f"({', '.join(numbers)})"

    def condition(self) -> str:
        """What an optional part depends on."""
        value = self.dice.choice(self.values) if self.values and self.chance(0.5) else str(self.dice.randint(0, 4))
        return self.pick(
            "true", "false", f"{value} > 2", f"not {value} == 1", f"{value} in (1, 2)", f"1 <= {value} < 3 or false"
        )

    # ---- stages

    def layer(self) -> str:
        """One layer."""
        k = self.dice.randint(1, 5)
        match self.dice.randrange(16):
            case 0 | 1 | 2:
                return f"CONV({self.number(1, 6)}, {k}{self._extras(k)})"
            case 3:
                return self.pick(
                    "CONV", "POOL", "CONV(K=4, F=3, P=1)", 'MAXPOOL(2, round="floor")', "AVGPOOL(2, ceil_mode=true)"
                )
            case 4 | 5:
                word = self.pick("MAXPOOL", "AVGPOOL", "LPPOOL")
                first = "2, " if word == "LPPOOL" else ""
                rounding = self.pick("", ', round="floor"', ', round="ceil"')
                return f"{word}({first}{self.size(1, 3)}{self._maybe('stride', 1, 3)}{rounding})"
            case 6:
                return f"UPCONV({self.number(1, 4)}, {k}{self._maybe('stride', 1, 3)}{self._maybe('padding', 0, 2)})"
            case 7:
                return self.pick(
                    "UPSAMPLE(scale_factor=2)", "UPSAMPLE(scale_factor=0.5)", f"UPSAMPLE({self.size(1, 12)})"
                )
            case 8:
                before, after = self.dice.randint(0, 3), self.dice.randint(0, 3)
                mode = self.pick("", "", ', mode="reflect"', ', mode="circular"', ', mode="replicate"')
                return f"PAD(before={before}, after={after}{mode})"
            case 9:
                return self.pick("ADDCOORDS", f"SLICE(-1, {self.number(0, 3)}, none)", "SLICE(-1, stop=-1)", f"CROP(to={self.size(1, 9)})",
                                 "SELECT((0, 0))", "SHUFFLE(2)", "MAXOUT(2)", "PERMUTE((2, 1))", "RESHAPE((4, -1))")  # fmt: skip
            case 10:
                return f"AVGPOOL(to={self.size(1, 3)})"
            case _:
                return self.keeping()

    def keeping(self) -> str:
        """A layer that keeps the shape."""
        return self.dice.choice(KEEPING if self.chance(0.5) else KEEPING[:8])

    def _extras(self, k: int) -> str:
        if self.chance(0.5):
            return ', padding="same"'
        same = f", padding={k // 2}" if self.chance(0.7) else self._maybe("padding", 0, 6)
        more = self.pick(
            "", "", "", ", groups=2", ", dilation=2", ", bias=false", ', padding_mode="reflect"', ', init="he"'
        )
        return same + self._maybe("stride", 1, 3) + self.pick("", ', round="floor"') + more

    def _maybe(self, name: str, low: int, high: int) -> str:
        return f", {name}={self.size(low, high)}" if self.chance(0.4) else ""

    def join(self, depth: int) -> str:
        """A join of branches."""
        align = self.pick("", "", '(align="crop")')
        word = self.pick("ADD", "CONCAT", "MUL")
        branches = [self.branch(depth) for _ in range(self.dice.randint(2, 3) if self.chance(0.97) else 1)]
        return f"{word}{align}{{ {', '.join(branches)} }}"

    def branch(self, depth: int) -> str:
        """What may stand in braces."""
        if self.chance(0.3):
            return "_"
        if self.labels and self.chance(0.2):
            return self.dice.choice(self.labels)
        loop = " for i in range(2)" if self.chance(0.1) else ""
        return f"{self.keeping() if self.chance(0.5) else self.chain(depth - 1, 2)}{loop}"

    def part(self, depth: int) -> str:
        """A layer, a group, a join, a call of a block, or a side part."""
        roll = self.dice.random()
        if depth <= 0 or roll < 0.55:
            return self.layer()
        if roll < 0.72:
            loop = self.pick("", "", "", " for i in range(2)", " for (i, k) in zip(range(2), [1, 3])")
            return f"[{self.chain(depth - 1, 3)}{loop}]"
        if roll < 0.84:
            return self.join(depth)
        if roll < 0.95 and self.blocks:
            name, count, hole = self.dice.choice(self.blocks)
            given = [self.number(1, 6) for _ in range(self.dice.randint(0, count))]
            filling = f"{{ {self.chain(depth - 1, 2)} }}" if hole else ""
            return f"{name}{in_parentheses(given)}{filling}"
        if roll < 0.97 and self.labels:
            return f"{self.pick('SHARE', 'UNPOOL')}({self.dice.choice(self.labels)})"
        more = ["lib(2){ RELU }"] if self.imports else []
        return self.pick("MUL{ _, AVGPOOL(to=1) -> SIGMOID }", "ADD{ _, PARAMETER((3, 8, 8)) }", *more)

    def stage(self, depth: int) -> str:
        """A part with its label and suffixes."""
        label = ""
        if self.chance(0.15):
            name = self.dice.choice(NAMES)
            self.labels.append(name)
            label = f"{name}: " if self.chance(0.9) else f'"{name}{{1 + 1}}": '
        text = label + self.part(depth)
        if self.chance(0.1):
            text += self.pick(
                *["*2", "*3", "*(1 + 1)", "?(true)"] * 9, "*0", "*N", "?", "*1_000_000" if self.chance(0.05) else "*4"
            )
        if self.chance(0.06):
            text += f"?({self.condition()})"
        if self.chance(0.01):
            text += " :: (4, 8, 8)"
        return text

    def chain(self, depth: int, most: int) -> str:
        """Stages in a row."""
        return " -> ".join(self.stage(depth) for _ in range(self.dice.randint(1, most)))

    def input(self) -> str:
        """INPUT with sizes, some of them letters."""
        if not self.letters and self.chance(0.1):
            return "INPUT"
        sizes = self.letters or [
            self.pick("H", "N") if self.chance(0.04) else str(self.dice.randint(4, 24)) for _ in range(self.axes)
        ]
        return f"INPUT({self.dice.choice((1, 2, 3, 4))}, {', '.join(sizes)})"

    def whole(self) -> str:
        """A chain that is a model."""
        ending = self.pick("", "", "", " -> FC(3)", " -> AVGPOOL(to=1) -> FC(3)", " -> FLATTEN -> LINEAR(4)")
        if self.axes == 1 and not self.letters and self.chance(0.1):
            return f"INPUT({self.dice.randint(2, 9)}) -> EMBEDDING(10, 4) -> {self.pick('ATTENTION(2)', 'LN', 'LINEAR(3)')}"
        if not self.letters and self.chance(0.06):
            return f"{self.pick('ADD', 'CONCAT')}{{ one: {self.input()}, two: {self.input()} -> {self.chain(1, 2)} }} -> {self.chain(1, 2)}"
        side = self.pick(" -> AUX{ FC(2) }", " -> OUTPUT{ side: AVGPOOL(to=1) }") if self.chance(0.1) else ""
        return f"{self.input()} -> {self.chain(2, 4)}{side}{ending}"

    # ---- definitions

    def block(self, number: int) -> str:
        """A block with parameters and perhaps a hole."""
        parameters = [
            f"{name}{f' = {self.number(1, 4)}' if self.chance(0.8) else ''}"
            for name in ("c", "k")[: self.dice.randint(0, 2)]
        ]
        hole = self.chance(0.3)
        outer, self.values = self.values, [*self.values, *(p.split(" ")[0] for p in parameters)]
        body = self.chain(1, 3) + (" -> ADD{ inner, _ }" if hole else "")
        self.values = outer
        self.blocks.append((f"b{number}", len(parameters), hole))
        return f"block b{number}{in_parentheses(parameters)}{'{ inner }' if hole else ''} = {body}"

    def let(self, number: int) -> str:
        """A value."""
        self.values.append(f"v{number}")
        return f"let v{number} = {self.pick(self.number(1, 8), self.number(1, 8), f'[{self.number(1, 4)}, 2]', '[n * n for n in range(3) if n > 0]')}"

    def model(self, number: int) -> str:
        """A model, perhaps a family."""
        parameters: list[str] = []
        outer = self.values
        if self.chance(0.4):
            parameters.append(self.pick("n = 2", "n = 3", "n in 1..3 = 1", "n in [1, 4] = 4", "n", "n in 0..2"))
            self.values = [*outer, "n"]
        text = f"model M{number}{in_parentheses(parameters)} = {self.whole()}"
        self.values = outer
        return text

    def text(self) -> str:
        """The whole program."""
        if self.letters or (not self.imports and self.chance(0.35)):
            return "\n".join([*self._definitions(1), self.whole()])
        items = self._definitions(2) + [self.model(number) for number in range(self.dice.randint(1, 2))]
        if self.chance(0.15):
            items.append(self.pick("model Alias = M0", "model Alias = M0(n=3)", "model Outer = INPUT(3, 8, 8) -> M0"))
        if self.chance(0.3):
            items.append(self.pick("assert M0.parameters >= 0", "assert M0.macs > 10 and M0.output != 3", "assert M0(n=1).parameters == 4",
                                   "assert parameters < 1_000_000", "assert 1 + 1 == 2"))  # fmt: skip
        if self.imports:
            items.insert(0, self.pick(*['from "lib.arch" import lib, tail'] * 4, 'from "lib.arch" import wide', 'from "broken.arch" import lib',
                                      'from "loop.arch" import lib', 'from "none.arch" import x'))  # fmt: skip
        if self.chance(0.1):
            items.append(
                self.pick(
                    "default CONV(4, 3x3, padding=1)",
                    'default init = "he"',
                    "default POOL(2, stride=1)",
                    "default INPUT(3, 8, 8)",
                )
            )
        if self.chance(0.2):
            self.dice.shuffle(items)
        return self.pick("\n", "\n\n", " ", "\n# a comment\n").join(items)

    def _definitions(self, most: int) -> list[str]:
        lets = [self.let(number) for number in range(self.dice.randint(0, most))]
        return lets + [self.block(number) for number in range(self.dice.randint(0, most))]


def in_parentheses(items: Sequence[str]) -> str:
    """`(a, b)`, or nothing without items."""
    return f"({', '.join(items)})" if items else ""


def symbolic_program(dice: random.Random) -> str:
    """A program of one model with one or two sizes left free."""
    return Program(dice, dice.choice((("L",), ("L",), ("H", "W")))).text()


def mutated(text: str, dice: random.Random) -> str:
    """A few tokens or characters dropped, doubled, swapped, replaced or nested."""
    parts = TOKEN.findall(text) if dice.random() < 0.8 else list(text)
    for _ in range(dice.randint(1, 3)):
        here = dice.randrange(len(parts))
        match dice.randrange(7):
            case 0:
                del parts[here : here + dice.randint(1, 3)]
            case 1:
                parts[here:here] = parts[here : here + dice.randint(1, 5)]
            case 2:
                there = dice.randrange(len(parts))
                parts[here], parts[there] = parts[there], parts[here]
            case 3:
                parts[here] = dice.choice(WORDS)
            case 4:
                numbers = [i for i, part in enumerate(parts) if part.isdigit()]
                parts[dice.choice(numbers or [here])] = dice.choice(NUMBERS)
            case 5:
                opening, closing = dice.choice(("[]", "()", "{}"))
                depth = dice.choice((1, 2, 30))
                parts[here] = opening * depth + parts[here] + closing * depth
            case _:
                parts.insert(here, dice.choice(JUNK))
        parts = parts or [" "]
    return "".join(parts)


def program(dice: random.Random) -> str:
    """A program, as it was written or mutated; some of them networks of the zoo, mutated."""
    roll = dice.random()
    if roll < 0.1:
        return mutated(dice.choice(SMALL_ZOO), dice)
    text = Program(dice).text()
    return text if roll < 0.7 else mutated(text, dice)


Importer = Callable[[str, Span], Source]
