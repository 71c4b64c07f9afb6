"""Labels as sources: scopes that begin with one."""

from __future__ import annotations

import pytest

from archlang.checking import Outcome, Request, check_source
from archlang.ir.fingerprint import fingerprint
from archlang.ir.graph import Call, Model
from archlang.ir.walk import flatten
from archlang.source import Source

START = "INPUT(4, 8, 8) -> a: CONV(4, 3x3, padding=1) -> RELU -> s: [CONV(4, 1x1) -> BN] -> "


def check(text: str, **values: object) -> Outcome:
    return check_source(Source("net.arch", text), Request(None, values))


def model(text: str, **values: object) -> Model:
    outcome = check(text, **values)
    assert outcome.ok, [(d.code, d.message) for d in outcome.diagnostics]
    return outcome.models[-1]


@pytest.mark.parametrize(
    ("within", "before"),
    [
        ("CONCAT{ _, b: [a -> CONV(2, 1)] }", "CONCAT{ _, a -> b: [CONV(2, 1)] }"),
        ("CONCAT{ _, b: [[a -> CONV(2, 1)] -> BN] }", "CONCAT{ _, a -> b: [CONV(2, 1) -> BN] }"),
        ("CONCAT{ _, [b: [a -> CONV(2, 1)] -> BN] }", "CONCAT{ _, a -> b: [CONV(2, 1)] -> BN }"),
        ("CONCAT{ _, b: [c: [a -> CONV(2, 1)] -> BN] }", "CONCAT{ _, a -> b: [c: [CONV(2, 1)] -> BN] }"),
        ("CONCAT{ _, b: [s.0 -> CONV(2, 1)] }", "CONCAT{ _, s.0 -> b: [CONV(2, 1)] }"),
        ("CONCAT{ _, b: [a] }", "CONCAT{ _, a -> b: [_] }"),
        ("CONCAT{ _, b: [a -> CONV(2, 1)]?(true) }", "CONCAT{ _, a -> b: [CONV(2, 1)] }"),
        ("CONCAT{ _, b: [a :: (4, 8, 8) -> CONV(2, 1)] }", "CONCAT{ _, a -> b: [CONV(2, 1)] }"),
        ("CONCAT{ _, b: [x: a -> BN -> ADD{ _, x }] }", "CONCAT{ _, a -> b: [x: _ -> BN -> ADD{ _, x }] }"),
        ("CONCAT{ _, b: [a -> BN -> ADD{ _, a }] }", "CONCAT{ _, a -> b: [BN -> ADD{ _, a }] }"),
        ("OUTPUT{ b: [a -> FC(2)] }", "OUTPUT{ a -> b: [FC(2)] }"),
        ("AUX{ b: [a -> FC(2)] }", "AUX{ a -> b: [FC(2)] }"),
    ],
)
def test_a_group_that_begins_a_branch_with_a_source_is_fed_with_it(within: str, before: str) -> None:
    one, other = model(START + within + " -> FC(3)"), model(START + before + " -> FC(3)")
    assert fingerprint(one) == fingerprint(other)
    assert [flat.path for flat in flatten(one)] == [flat.path for flat in flatten(other)]
    assert one.sides == other.sides


def test_the_source_is_the_only_input() -> None:
    made = model(START + "CONCAT{ _, b: [a -> CONV(2, 1)] }")
    (call,) = (node for node in made.bodies[-1].nodes if isinstance(node, Call) and node.name.base == "b")
    assert len(call.inputs) == 1


def test_one_text_for_each_switch() -> None:
    """The same group, elaborated twice with another source kept: bodies are not mixed up."""
    text = START + "CONCAT{ _, b: [a -> CONV(w, 1)] for w in [2, 3] } -> FC(3)"
    assert [d.code for d in check(text).diagnostics] == ["duplicate-label"]
    text = START + 'CONCAT{ _, "b{w}": [a -> CONV(w, 1)] for w in [2, 3] } -> FC(3)'
    assert {flat.path: flat.layer.outputs[0][0] for flat in flatten(model(text))}["b3.0"] == 3


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("CONCAT{ _, b: [CONV(2, 1) -> a] }", "source-discards-input"),
        ("b: [a -> CONV(2, 1)]", "source-discards-input"),
        ("CONCAT{ _, CONV(2, 1) -> b: [a -> CONV(2, 1)] }", "source-discards-input"),
        ("CONCAT{ _, b: [a -> CONV(2, 1)]*2 }", "source-discards-input"),
        ("AUX{ t: CONV(2, 1) } -> CONCAT{ _, b: [t -> CONV(2, 1)] }", "training-only"),
        ("CONCAT{ _, b: [later -> CONV(2, 1)] } -> later: RELU", "label-not-here"),
    ],
)
def test_elsewhere_it_is_an_error(rest: str, code: str) -> None:
    assert [d.code for d in check(START + rest).diagnostics] == [code]


def test_behind_a_failure_nothing_more_is_said() -> None:
    text = START + "bad: CONV(2, 99x99) -> CONCAT{ _, b: [bad -> CONV(2, 1)] }"
    assert len(check(text).diagnostics) == 1


def test_results_are_those_of_the_source_before_the_group() -> None:
    torch = pytest.importorskip("torch")
    import archlang

    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    nets = [
        archlang.loads(START + rest, seed=0).eval()
        for rest in ("CONCAT{ _, b: [a -> CONV(2, 1)] }", "CONCAT{ _, a -> b: [CONV(2, 1)] }")
    ]
    assert list(nets[0].state_dict()) == list(nets[1].state_dict())
    assert torch.equal(nets[0](x), nets[1](x))
