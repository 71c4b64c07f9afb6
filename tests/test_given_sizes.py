"""A shape given for an input that the file writes with letters: as if the letters were these sizes everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archlang
from archlang.checking import Outcome, Request, check_source
from archlang.elaborate.parts import Options
from archlang.families import open_family
from archlang.report.data import report_dict
from archlang.source import Source

Shape = tuple[int | str, ...]


def checked(text: str, *inputs: tuple[str | None, Shape], **bindings: Any) -> Outcome:
    return check_source(Source("net.arch", text), Request(None, bindings, Options(inputs)))


def replaced(text: str, sizes: Mapping[str, int | str]) -> str:
    """The text with sizes for its letters, all at once."""
    return re.sub(r"\b[A-Z]\b", lambda letter: str(sizes.get(letter[0], letter[0])), text)


def figures(outcome: Outcome) -> Any:
    """Everything in the report but what names places, which move when the text changes."""
    found = report_dict(outcome.models, (), outcome.ok)["models"]
    return [d.code for d in outcome.diagnostics], _without_places(found)


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        left = {"column", "origin", "arguments", "source", "span"}
        return {key: _without_places(item) for key, item in value.items() if key not in left}
    return [_without_places(item) for item in value] if isinstance(value, list) else value


parts = st.sampled_from(
    [
        "CROP(to=(H - 2, W - 2))",
        "UPSAMPLE(size=(H, W))",
        "UPSAMPLE(size=(2*H, W + 1))",
        "CONV(2, 3x3, padding=1)",
        "CONV(4, 2x2, stride=2)",
        "MAXPOOL(2)",
        "RESHAPE((2, H*W))",
        "[TANH]?(H > W)",
        "[CONV(2, 1x1) -> RELU]*(H % 3 + 1)",
        '"c{H}": CONV(2, 1x1)',
        "CONV(H, 1x1)",
        "grow(W){ RELU }",
        "CONCAT{ _, MAXPOOL(3, stride=1, padding=1) }",
    ]
)
GROW = "block grow(n){ body } = body -> CONV(in_channels + n % 5, 1x1) -> body\n"
inputs = st.sampled_from(
    ["INPUT(2, H, W)", "INPUT(2, W, H)", "INPUT(2, 2*H, W)", "INPUT(H, H + 3, W)", "INPUT(2, W*H, W)"]
)


def shape_of(written: str, sizes: Mapping[str, int]) -> Shape:
    values = replaced(written, sizes).removeprefix("INPUT").strip("()").split(", ")
    return tuple(int(eval(value)) for value in values)


@settings(max_examples=60, deadline=None)
@given(inputs, st.lists(parts, min_size=1, max_size=4), st.integers(3, 40), st.integers(3, 40))
def test_numbers_stand_for_the_letters_everywhere(written: str, chain: list[str], height: int, width: int) -> None:
    sizes = {"H": height, "W": width}
    text = " -> ".join([written, *chain])
    outcome = checked(GROW + text, (None, shape_of(written, sizes)))
    wanted = checked(GROW + replaced(text, sizes))
    assert figures(outcome) == figures(wanted)
    assert figures(outcome) == figures(checked(GROW + text, **sizes))


@settings(max_examples=25, deadline=None)
@given(st.lists(parts, min_size=1, max_size=3), st.sampled_from([("A", "B"), ("W", "H"), ("H", "W"), ("A", 12)]))
def test_other_letters_are_the_letters_of_the_file(chain: list[str], names: tuple[str, int | str]) -> None:
    text = " -> ".join(["INPUT(2, H, W)", *chain])
    outcome = checked(GROW + text, (None, (2, *names)))
    assert figures(outcome) == figures(checked(GROW + replaced(text, dict(zip("HW", names, strict=True)))))


@pytest.mark.parametrize(
    ("text", "given", "known"),
    [
        ("INPUT(3, N, N)", [(None, (3, 32, 48))], (("N", "32"),)),
        ("INPUT(3, N, N)", [(None, (3, "A", "B"))], (("N", "A"),)),
        ("INPUT(3, N, N)", [(None, (3, "A", 8))], (("N", "A"),)),
        ("INPUT(3, N, 2*N)", [(None, (3, 8, 17))], (("N", "8"),)),
        ("CONCAT{ a: INPUT(3, H, W), b: INPUT(1, H, W) }", [("a", (3, 8, 8)), ("b", (1, 9, 8))], (("H", "8"),)),
        ('CONCAT{ "x{i}": INPUT(3, L + i) for i in range(2) }', [("x0", (3, 8)), ("x1", (3, 8))], (("L", "8"),)),
        ("model Net(size = 32) = INPUT(3, size, 48) -> CROP(to=size - 2)", [(None, (3, 64, 64))], None),
        ("model A(N) = INPUT(1, N) -> CROP(to=N - 1)\nmodel B = A(16) -> TANH", [(None, (1, 32))], (("N", "16"),)),
    ],
)
def test_sizes_that_contradict_each_other_are_refused(
    text: str, given: list[tuple[str | None, Shape]], known: tuple[tuple[str, str], ...] | None
) -> None:
    outcome = check_source(
        Source("net.arch", text), Request("B" if "model B" in text else None, {}, Options(tuple(given)))
    )
    if known is None:
        # the size that has a number of its own goes, and what the name says is what it is
        assert outcome.ok and outcome.models[0].outputs[0].shape == (3, 62, 62)
        return
    assert [d.code for d in outcome.diagnostics] == ["input-disagrees"]
    assert outcome.diagnostics[0].problem.known == known  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("text", "given", "output"),
    [
        # a default is the size where nothing is given, and no more than that
        ("model Net(size = 32) = INPUT(3, size, size) -> CROP(to=size - 2)", (3, 64, 64), (3, 62, 62)),
        # of two sizes it cannot be both, and where nothing else uses it there is nothing to contradict
        ("model Net(size = 32) = INPUT(3, size, size) -> CONV(8, 3x3)", (3, 64, 48), (8, 62, 46)),
        ("model Net(c = 3) = INPUT(c, H, W) -> CONV(2*c, 3x3)", (1, 9, 9), (2, 7, 7)),
        ("model Sq(N) = INPUT(3, N, N) -> CROP(to=N - 2)\nmodel Net = Sq(N=2*T)", (3, 64, 64), (3, 62, 62)),
        ("model Net = INPUT(3, H*W) -> CROP(to=H)", (3, 64), None),
        ("INPUT(3, H, W) -> CROP(to=(H - 1, W))", (3, 64), None),
        ("model Net = INPUT(3, H, W) -> CONV(4, 3)", (3, 64), (4, 62)),
        ("model Net(shape) = INPUT(shape) -> CONV(4, 1)", (3, 9, 9), (4, 9, 9)),
        ("model Net(shape) = INPUT(shape) -> RESHAPE(shape)", (3, 9, 9), (3, 9, 9)),
        ("model Net(shape = (3, 5)) = INPUT(shape) -> CONV(4, 1)", (3, 9, 9), (4, 9, 9)),
        ("INPUT(3, N // 2)", (3, 64), None),
    ],
)
def test_what_is_given_is_solved_for_the_names(text: str, given: Shape, output: Shape | None) -> None:
    name = "Net" if "Net" in text else None
    outcome = check_source(Source("net.arch", text), Request(name, {}, Options(((None, given),))))
    if output is None:
        assert next(d.code for d in outcome.diagnostics) in {"input-disagrees", "bad-option"}
    else:
        assert outcome.ok and outcome.models[0].outputs[0].shape == output


def test_what_a_file_states_is_held_against_sizes_that_it_writes() -> None:
    text = "INPUT(3, H, W) -> CROP(to=(H - 2, W - 2)) :: (3, H - 2, W - 3)"
    assert [d.code for d in checked(text, (None, (3, 9, 9))).diagnostics] == ["stated-shape"]
    # one channel is not what the file writes: nothing that it states need hold
    assert checked(text, (None, (1, 9, 9))).ok
    assert checked("INPUT(3, L) -> CONV(4, 3)\nassert output == (4, 30)", (None, (3, 32))).ok
    assert not checked("INPUT(3, L) -> CONV(4, 3)\nassert output == (4, 31)", (None, (3, 32))).ok


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INPUT(3, H/2, W) -> CROP(to=W - 2)", "size-not-tracked"),
        ("INPUT(3, H, W) -> [TANH]*N", "unbound-parameters"),
        ("INPUT(3, H + nothing, W) -> TANH", "unknown-name"),
        ("INPUT(3, H, W) -> CONV(8, 1x1) -> RESHAPE((W, H))", "cannot-reshape"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_as_without_a_shape(text: str, code: str) -> None:
    assert [d.code for d in checked(text, (None, (3, 8, 9))).diagnostics] == [code]


def test_members_of_a_family_and_its_solutions_have_the_sizes() -> None:
    text = "model Net(k in [3, 5]) = INPUT(3, H, W) -> CROP(to=(H - k, W - k))"
    request = Request(None, {}, Options(((None, (3, 20, 20)),)))
    members = list(open_family(Source("net.arch", text), request))
    assert [member.model and member.model.outputs[0].shape for member in members] == [(3, 17, 17), (3, 15, 15)]


def test_modules_and_classes_have_the_sizes(tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    text = "model Net(k = 2, size = 8) = INPUT(1, size, W) -> CROP(to=(size - k, W - k)) -> CONV(2, 1x1)"
    net = archlang.loads(text, input=(1, 16, 12), seed=0)
    assert net(torch.zeros(1, 1, 16, 12)).shape == (1, 2, 14, 10)
    (tmp_path / "net.arch").write_text(text)
    report = archlang.check(tmp_path / "net.arch", input=(1, 16, 12))
    assert report.models[0].outputs[0].shape == (2, 14, 10)
