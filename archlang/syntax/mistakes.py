"""What is said of a text that is not in the grammar: Lark's errors as diagnostics, with common mistakes recognised."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from lark import Token
from lark.exceptions import UnexpectedInput, UnexpectedToken

from archlang.diagnostics import Diagnostic, Edit, Help
from archlang.errors.names import AS_A_CHAIN, ReservedName
from archlang.errors.syntax import SpacedSize, UnclosedBracket, UnexpectedText, UnmatchedBracket
from archlang.source import Source, Span
from archlang.syntax.brackets import CLOSING, OPENING, token_span
from archlang.syntax.build import missing_arrow

CONCEPTS = {
    "_ARROW": "`->`",
    "NAME": "a name",
    "STRING": "a text",
    "INTEGER": "a number",
    "STAR": "`*`",
    "RPAR": "`)`",
    "LPAR": "`(`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "LSQB": "`[`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "COLON": "`:`",
    "FOR": "`for`",
    "IN": "`in`",
    "ELSE": "`else`",
    "IMPORT": "`import`",
}
"""Terminals in the reader's words. Those not listed (operators, mostly) would only lengthen the list."""

VALUE_STARTS = {"INTEGER", "NAME", "LPAR"}
STAGE_STARTS = {"NAME", "STRING", "LSQB"}
BEHIND_CHAIN = ({"FOR", "RSQB"}, {"FOR", "RBRACE"})
"""What the parser accepts behind a whole chain in brackets or braces."""

DEFINITION_STARTS = {"MODEL", "BLOCK", "LET", "DEFAULT", "ASSERT", "FROM"}
# not `3 x :`, where x is the label of a chain behind a number
SPACED_SIZE = re.compile(r"([0-9]+)[ \t]*x[ \t]*([0-9]+)(?:[ \t]*x[ \t]*([0-9]+))?(?![0-9]|[ \t]*:)")


class _Slip(NamedTuple):
    """A common mistake: what it looks like, what the parser would have taken there, what to say, and what to write
    in place of the match (a template of `re`)."""

    # matched where the text stumbles; lookbehinds may see what stands before
    pattern: re.Pattern[str]
    expected: str
    hint: str
    instead: str = ""


SLIPS = (
    _Slip(re.compile(r"[→⟶]|[\u2013\u2014]>|=>|-->|\|>|>>|- >|>|,"), "_ARROW", "stages are joined by `->`", "->"),
    _Slip(re.compile(r"[→⟶]|[\u2013\u2014]>|=>|-->|\|>|>>|- >|>|,"), "MODEL", "stages are joined by `->`", "->"),
    _Slip(re.compile(r"(?<=[0-9])\u00d7(?=[0-9])"), "", "write sizes with the letter x: 3x3", "x"),
    _Slip(re.compile(r"\u00d7"), "", "repeat with `*`, and write sizes with the letter x: 3x3"),
    _Slip(
        re.compile(r"""[\u2018-\u201f']([^\u2018-\u201f'"\\\n]*)[\u2018-\u201f']"""),
        "STRING",
        'texts stand in straight double quotes: "same"',
        r'"\1"',
    ),
    _Slip(re.compile(r"[\u2018-\u201f']"), "", 'texts stand in straight double quotes: "same"'),
    _Slip(re.compile(r'"'), "STRING", 'a text ends with `"` on its own line, and holds no `\\`'),
    _Slip(re.compile(r"//"), "", "comments begin with `#`", "#"),
    _Slip(re.compile(r"/\*"), "", "comments begin with `#`"),
    _Slip(re.compile(r"(?<=\[)\]"), "LSQB", "a group holds stages; as a branch of a join, `_` is its input itself"),
    _Slip(re.compile(r"[{}]"), "", "braces hold the branches of a join, `CONCAT{ a, b }`; brackets `[ ]` group"),
    _Slip(re.compile(r"\("), "LSQB", "brackets `[ ]` group stages: [CONV -> RELU]*2"),
    _Slip(re.compile(r"[0-9]+[ \t]*\*"), "LSQB", "repeat behind the part: CONV*3, [CONV -> RELU]*3"),
    _Slip(re.compile(r";"), "COMMA", "arguments and items are separated by `,`", ","),
    _Slip(re.compile(r";"), "", "definitions need no separator"),
    _Slip(re.compile(r"=(?!=)"), "COMPARISON", "`==` compares; `=` gives a value to an argument or a name", "=="),
    _Slip(
        re.compile(r"for\b"),
        "RSQB",
        "a comprehension has one `for`; they nest: [[CONV(a*b, 1) for b in widths] for a in [1, 2]]",
    ),
    _Slip(
        re.compile(r"(?<=\w):"),
        "RSQB",
        "lists have no slices, write a comprehension: [sizes[i] for i in range(1, len(sizes))]",
    ),
    _Slip(
        re.compile(r"(?<=\w\[):"),
        "",
        "lists have no slices, write a comprehension: [sizes[i] for i in range(2)]",
    ),
    _Slip(
        re.compile(r"-(?=\w*[ \t]*:)"),
        "",
        "a label has letters, digits and _, and no `-`: write block1_0",
    ),
    _Slip(re.compile(r"(?:import|from)\b"), "", 'names come from other files so: from "file.arch" import name'),
)
"""The first that fits counts; `expected` names a terminal that must be possible."""


def mistake(source: Source, error: UnexpectedInput, open_brackets: list[Token]) -> Diagnostic:
    """The diagnostic for what lark did not expect, while these brackets were open."""
    unexpected: Any = error  # lark does not type what its errors carry
    # each is tried: the LALR table of a state also lists words that fail behind a reduction
    expected: set[str] = unexpected.interactive_parser.accepts()
    if isinstance(error, UnexpectedToken):
        token: Token = unexpected.token
        # for lark the end is a token; everything else at the end has one to point at
        if token.type == "$END":
            return _at_end(source, token.end_pos or 0, expected, open_brackets)
        return _unexpected_token(source, token, expected, open_brackets)
    return _unexpected_characters(source, min(unexpected.pos_in_stream or 0, len(source.text)), expected)


def _at_end(source: Source, end: int, expected: set[str], open_brackets: list[Token]) -> Diagnostic:
    """The text ends too early, behind the last word at `end`: name the bracket that is open, or what is missing."""
    if open_brackets:
        return _unclosed(source, open_brackets[-1])
    problem = UnexpectedText("end of the text", _concepts(source, end, expected))
    return Diagnostic(problem, source.span(end, end), source.name)


def _unclosed(source: Source, bracket: Token) -> Diagnostic:
    problem = UnclosedBracket(bracket[-1], CLOSING[bracket.type])
    return Diagnostic(problem, token_span(source, bracket), source.name)


def _chain_in_parentheses(source: Source, bracket: Token) -> Diagnostic:
    """An arrow among the arguments: their bracket is not closed, or a chain stands in them as a whole."""
    depth = 0
    start = bracket.start_pos or 0
    for sign in re.finditer(r"[()]", source.text[start : start + FAR]):
        depth += 1 if sign.group() == "(" else -1
        if depth == 0:
            span = source.span(start, start + sign.end())
            return Diagnostic(UnexpectedText("chain in parentheses", (), CHAINS_STAND), span, source.name)
    return _unclosed(source, bracket)


FAR = 2_000
"""How far a closing bracket is looked for."""

CHAINS_STAND = "braces hold the branches of a join: ADD{ _, [CONV -> RELU] }; brackets group stages: [CONV -> RELU]*2"

AS_A_NAME = re.compile(r"[A-Za-z]\w*[ \t]*(?:=(?!=)|[,:)])")
"""A word where something is named: no definition begins so."""


def _unexpected_token(source: Source, token: Token, expected: set[str], open_brackets: list[Token]) -> Diagnostic:
    span = token_span(source, token)
    # first: in `3 x 3` the parser stumbles over x, a name like any other
    if spaced := _spaced_size(source, _number_before(source, span.start), span.start):
        return spaced
    # `let model = 3`, `for: CONV`: a keyword used as a name
    if "NAME" in expected and AS_A_NAME.match(source.text, span.start):
        return Diagnostic(ReservedName(str(token), "it is a word of the language"), span, source.name)
    # a definition inside brackets: it is the bracket that was forgotten
    if open_brackets and token.type in DEFINITION_STARTS:
        return _unclosed(source, open_brackets[-1])
    if open_brackets and (token.type, open_brackets[-1].type) == ("_ARROW", "LPAR"):
        return _chain_in_parentheses(source, open_brackets[-1])
    if token.type in OPENING:
        opened = open_brackets[-1][-1] if open_brackets else ""
        if opened != OPENING[token.type]:
            return Diagnostic(UnmatchedBracket(str(token), opened), span, source.name)
    # `[CONV RELU]`: where a chain may end, another stage begins
    if any(expected >= ends for ends in BEHIND_CHAIN) and token.type in ("NAME", "STRING", "LSQB", "_INDEX"):
        return missing_arrow(span)
    return _unexpected(source, span, expected)


def _unexpected_characters(source: Source, start: int, expected: set[str]) -> Diagnostic:
    if spaced := _spaced_size(source, start, start + 1):
        return spaced
    # a whole word and not its first letter, but no more than a line of the message can show
    word = re.compile(r"[A-Za-z0-9_.]+|->|.", re.DOTALL).match(source.text, start, start + 40)
    return _unexpected(source, source.span(start, word.end() if word else start), expected)


PYTHON = re.compile(
    r"[ \t]*(?:class\b|def\b|return\b|self\.|(?:[\w.]+[ \t]*=[ \t]*)(?:[\w.]+\.)?(?:Sequential|Model)\()"
)
"""Lines of a Python file that defines a network."""


def _in_definition(span: Span, expected: set[str]) -> str:
    """What to write where a definition is put into braces, as other languages do."""
    if expected == {"COMMA", "RBRACE"}:  # behind the name of a hole
        return "braces name the holes of a block; what it is made of stands behind `=`: block unit(c) = CONV(c) -> RELU"
    if span.text.startswith("{") and "EQUAL" in expected and expected <= {"LPAR", "EQUAL"}:
        return "what it is made of stands behind `=`: model Net = INPUT(3, 32, 32) -> CONV -> RELU"
    return ""


def _unexpected(source: Source, span: Span, expected: set[str]) -> Diagnostic:
    """Something that has no place here; perhaps a common mistake."""
    # the whole line tells Python from a slip, so it is asked before the slips
    if PYTHON.match(source.text, source.text.rfind("\n", 0, span.start) + 1):
        return Diagnostic(UnexpectedText(f"`{_short(span.text)}`", (), AS_A_CHAIN), span, source.name)
    if hint := _in_definition(span, expected):
        return Diagnostic(UnexpectedText(f"`{_short(span.text)}`", (), hint), span, source.name)
    for slip in SLIPS:
        match = slip.pattern.match(source.text, span.start)
        # what would be allowed here tells slips of one sign apart: `=` for `==`, `;` for `,`
        if match and (not slip.expected or slip.expected in expected):
            span = source.span(span.start, match.end()) if slip.instead else span
            instead = match.expand(slip.instead)
            fixes = (Help(f"write `{_short(instead)}`", (Edit(span, instead),), safe=True),) if instead else ()
            problem = UnexpectedText(f"`{_short(span.text)}`", (), slip.hint)
            return Diagnostic(problem, span, source.name, candidates=fixes)
    problem = UnexpectedText(f"`{_short(span.text)}`", _concepts(source, span.start, expected))
    return Diagnostic(problem, span, source.name)


def _spaced_size(source: Source, start: int, stumble: int) -> Diagnostic | None:
    """`3 x 3`, which would begin at `start` and over which the parser stumbles behind that."""
    match = SPACED_SIZE.match(source.text, start)
    # the parser must have stumbled inside the size, and there must be a blank in it: 3x3 is no mistake
    if not match or not start < stumble <= match.end() or not re.search(r"[ \t]", match.group()):
        return None
    size = "x".join(part for part in match.groups() if part)
    span = source.span(match.start(), match.end())
    fix = Help(f"write `{size}`", (Edit(span, size),), safe=True)
    return Diagnostic(SpacedSize(size), span, source.name, candidates=(fix,))


def _number_before(source: Source, start: int) -> int:
    """Where the number begins that ends right before `start`. A pattern would try every digit of a long one."""
    before = source.text[:start].rstrip(" \t")
    return len(before.rstrip("0123456789"))


def _concepts(source: Source, start: int, expected: set[str]) -> tuple[str, ...]:
    """What could stand here, in the reader's words and a fixed order."""
    if "MODEL" in expected:
        # MODEL is possible at the beginning and behind each definition; only there the chain may also go on
        before = re.sub(r"#[^\n]*", "", source.text[:start]).strip()
        return ("`->`", "a new definition") if before else ("a layer", "a label", "`[`", "a definition")
    if "_ARROW" in expected:
        return ("`->`", "the end of the chain")
    closing = tuple(CONCEPTS[name] for name in ("RPAR", "RSQB", "RBRACE") if name in expected)
    if expected >= VALUE_STARTS:
        return ("a value", *closing)
    if "COMMA" in expected and closing:
        return (CONCEPTS["COMMA"], *closing)
    if expected == STAGE_STARTS:
        return ("a layer", "a label", "`[`")
    return tuple(text for name, text in CONCEPTS.items() if name in expected)[:6]


def _short(text: str) -> str:
    line = text.splitlines()[0] if text.strip() else repr(text)[1:-1]
    return line if len(line) <= 40 else line[:37] + "..."
