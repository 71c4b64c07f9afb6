"""What Python programs give by mistake: one clear sentence each, never an error from the inside."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import torch

import archlang
from archlang import ArchitectureError

NET = "model Net(classes = 3) = INPUT(3, 8, 8) -> c: CONV(4, 3x3, padding=1) -> head: FC(classes)"


def net(**options: Any) -> Any:
    return archlang.loads(NET, **options)


def image() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def refusal(function: Any, *given: Any, **named: Any) -> str:
    with pytest.raises(ArchitectureError) as caught:
        function(*given, **named)
    assert len(str(caught.value).splitlines()) < 8
    return str(caught.value)


@pytest.mark.parametrize("feature", ["loads", "checks"])
def test_texts(feature: str) -> None:
    function: Any = getattr(archlang, feature)
    for wrong in (None, b"INPUT(3, 4, 4)", 3, ["INPUT"]):
        assert "expected the text of an architecture, a str" in refusal(function, wrong)
    for name in ("a1.arch", "models/a1.arch", "zoo:alexnet", "model.json", " a1.arch\n"):
        text = refusal(function, name)
        assert "this names a file" in text and f"archlang.{feature[:-1]}({name.strip()!r})" in text


def test_files_go_by_paths_of_any_kind() -> None:
    assert archlang.check(b"zoo:lenet").ok  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("seed", [numpy.int64(3), numpy.uint8(3), 3])
def test_seeds_of_any_kind_of_integer(seed: Any) -> None:
    assert torch.equal(net(seed=seed).head.weight, net(seed=3).head.weight)


@pytest.mark.parametrize("seed", ["a", 2**70, 2**64, -(2**63) - 1, 1.0, torch.tensor(3), [3]])
def test_seeds_that_are_none(seed: Any) -> None:
    before = torch.get_rng_state()
    assert "expected a whole number from -2**63 to 2**64 - 1" in refusal(net, seed=seed)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [-(2**63), -1, 0, 2**64 - 1])
def test_seeds_at_the_ends(seed: int) -> None:
    assert torch.equal(net(seed=seed).head.weight, net(seed=seed).head.weight)


@pytest.mark.parametrize("option", ["until", "init", "model"])
def test_names(option: str) -> None:
    assert f"{option} cannot take `3`: expected a name, as a str" in refusal(net, **{option: 3})


@pytest.mark.parametrize("given", [(1, 3, 16, 16), {"input": (5, 3, 8, 8)}, (1, 3, "H", "W")])
def test_inputs_with_a_batch(given: Any) -> None:
    assert "expected 3 sizes; leave out the batch: 3," in refusal(net, input=given)
    assert "leave out the batch" in str(archlang.checks(NET, input=given))


def test_inputs_of_another_rank_that_are_no_batch() -> None:
    assert archlang.checks("INPUT(3, 8) -> RELU", input=(4, 2, 8)).ok
    assert archlang.checks("INPUT(C, H) -> RELU", input=(4, 2, 8)).ok
    assert "leave out the batch" not in str(archlang.checks(NET, input=(16, 16)))


@pytest.mark.parametrize(
    ("given", "named", "message"),
    [
        ((["c"],), {}, 'takes the inputs, then names one by one, not a list: activations(input, "c")'),
        ((3,), {}, "not an int"),
        ((None,), {}, "not None"),
        ((), {"names": ["c"]}, "not `names`"),
    ],
)
def test_names_of_activations(given: Any, named: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        net().activations(image(), *given, **named)
    assert message in str(caught.value)


def test_activations_of_inputs_by_name() -> None:
    module = net(seed=0)
    found = module.activations("c", "head", input=image())
    assert torch.equal(found["c"], module.c(image())) and torch.equal(found["head"], module(image()))
    torch._dynamo.reset()
    compiled = torch.compile(module.activations, backend="eager", fullgraph=True)("c", input=image())
    assert torch.equal(compiled["c"], found["c"])


def test_parts_by_number() -> None:
    assert "until cannot take `3`" in refusal(archlang.freeze, net(), until=3)
    assert "skip cannot take `3`" in refusal(archlang.transfer, net(), net(), skip=[3])


@pytest.mark.parametrize("part", ["c", "drop", "g", "g.inner", "two"])
def test_a_part_that_was_deleted_is_missed_by_its_name(part: str) -> None:
    module: Any = archlang.loads(
        "INPUT(3, 8, 8) -> c: CONV(3, 1x1) -> drop: DROPOUT -> g: [ADD{ _, inner: TANH }] -> two: MAXPOOL(2)"
    )
    scope, _, name = part.rpartition(".")
    delattr(module.get_submodule(scope), name)
    with pytest.raises(AttributeError, match=f"object has no attribute '{name}'"):
        module(image())


@pytest.mark.parametrize("wrong", ["yes", "no", 1, None, [True]])
def test_what_is_neither_true_nor_false(wrong: Any) -> None:
    for option in ("strict", "convolutional"):
        assert f"{option} cannot take" in (text := refusal(net, **{option: wrong})) and "True or False" in text
    assert "strict cannot take" in refusal(archlang.checks, NET, strict=wrong)
    for option in ("merge", "partial", *(["legend"] if wrong is not None else [])):
        assert "True or False" in refusal(archlang.render, "zoo:lenet", **{option: wrong})


@pytest.mark.parametrize("wrong", [3, None, [3], ["head", None], b"head", object()])
def test_parts_to_skip(wrong: Any) -> None:
    assert "expected the name of a part of the target, or a list of names" in refusal(
        archlang.transfer, net(), net(), skip=wrong
    )


@pytest.mark.parametrize("wrong", ["module.", ["module."], [("a", "b")], {3: "a"}, {"head": None}, 3, 0, ""])
def test_prefixes_to_rename(wrong: Any) -> None:
    assert 'such as {"module.": ""}' in refusal(archlang.transfer, net(), net(), rename=wrong)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"head.bias": 3}, "'head.bias' is an int"),
        ({"head.bias": numpy.zeros(3)}, "is a numpy array: torch.from_numpy makes one of it"),
        ({"c.bias": torch.zeros(4), "head.bias": [0.0] * 3}, "'head.bias' is a list"),
        ({3: torch.zeros(4)}, "whose keys are names"),
        ({"anything": 3}, "expected a state_dict of tensors"),
    ],
)
def test_states_of_other_things(state: Any, message: str) -> None:
    module = net(seed=0)
    before = module.c.bias.clone()
    assert message in refusal(archlang.transfer, state, module)
    assert torch.equal(module.c.bias, before)


@pytest.mark.parametrize("wrong", [3, [1.0, 2.0, 3.0], numpy.zeros(3), None])
def test_a_value_of_a_state_that_is_no_tensor(wrong: Any) -> None:
    module = net()
    for strict in (True, False):
        with pytest.raises(RuntimeError) as caught:
            module.load_state_dict({**module.state_dict(), "head.bias": wrong}, strict=strict)
        assert str(caught.value).startswith("cannot load this state into Net: `head.bias` must be a tensor, not ")
