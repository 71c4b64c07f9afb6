"""Parameters of a model as arguments of the class that is written: for other values it is what archlang itself makes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from archlang.backends.torch_source import write_source
from archlang.backends.torch_source.formulas import derive, product_factor
from archlang.checking import Request, check_source
from archlang.ir.graph import Model
from archlang.ir.walk import flatten
from archlang.reading import FileImporter, read_source
from archlang.source import Source
from archlang.variants import Variants, variants_of
from archlang.writing import write_output

ZOO = sorted(path.stem for path in (Path(__file__).parent.parent / "zoo").glob("*.arch"))


def opened(source: Source, name: str | None = None) -> tuple[Model, Variants]:
    """A model of a text, and its variants."""
    outcome = check_source(source, Request(name), choose_one=True, importer=FileImporter(source.name))
    assert outcome.ok and outcome.run
    variants = variants_of(outcome.run, outcome.models[0])
    assert variants
    return outcome.models[0], variants


def written(model: Model, variants: Variants) -> type[nn.Module]:
    """The class of a model, from its source."""
    module = ModuleType("generated")
    exec(compile(write_source(model, "test.arch", variants), "generated.py", "exec"), module.__dict__)
    return module.__dict__[model.name]


def class_of(text: str) -> tuple[type[nn.Module], Variants]:
    """The class of the main model of a text."""
    model, variants = opened(Source("test.arch", text))
    return written(model, variants), variants


def arguments_of(made: type[nn.Module]) -> dict[str, Any]:
    """The arguments of a constructor with their defaults."""
    found = inspect.signature(made).parameters
    return {} if "args" in found else {name: parameter.default for name, parameter in found.items()}


def state(model: Model) -> list[tuple[str, tuple[int, ...]]]:
    """Keys and shapes of a model, from its IR."""
    return [
        (f"{flat.path}.{key}" if key else flat.path, shape)
        for flat in flatten(model)
        if not flat.layer.shared
        for key, shape in {**flat.layer.op.parameters(), **flat.layer.op.buffers()}.items()
    ]


def assert_same(made: type[nn.Module], variants: Variants, values: Mapping[str, Any]) -> bool:
    """For legal values the class holds what the model with these values holds. Says whether they were legal."""
    model = variants.make(values)
    if model is None:
        return False
    with torch.device("meta"):
        module = made(**values)
    assert sorted((key, tuple(value.shape)) for key, value in module.state_dict().items()) == sorted(state(model))
    return True


def changed(value: Any, number: int) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return number % 2 == 0
        case int():
            return (value + number, 2 * value, max(1, value - 1), 4 * value, number)[number % 5]
        case float():
            return number / 16
        case tuple():
            items: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
            return tuple(changed(item, number + place % 3) for place, item in enumerate(items))
        case _:
            return value


def zoo_models() -> Iterator[tuple[str, str]]:
    """Each file of the zoo with one of its models, the last: an alias where there are any."""
    for stem in ZOO:
        source = read_source(f"zoo:{stem}")
        outcome = check_source(source)
        yield from ((stem, model.name) for model in (*outcome.models[:1], *outcome.models[1:][-1:]))


@pytest.mark.parametrize(("stem", "name"), list(zoo_models()))
def test_the_zoo_takes_other_values(stem: str, name: str) -> None:
    model, variants = opened(read_source(f"zoo:{stem}"), name)
    made = written(model, variants)
    defaults = arguments_of(made)
    assert defaults == {name: variants.parameters[name] for name in defaults}
    for number in range(1, 5):
        assert_same(made, variants, {key: changed(value, number) for key, value in defaults.items()})
    if "classes" in variants.parameters and variants.make({"classes": 10}):
        assert assert_same(made, variants, {"classes": 10})


def test_what_a_network_takes() -> None:
    taken = {
        ("alexnet", "AlexNet"): {"classes": 1000, "dropout": 0.5},
        ("vgg", "VGG16"): {"widths": (64, 128, 256, 512, 512), "classes": 1000},
        ("resnet", "ResNet50"): {"v1": False, "groups": 1, "width": 1, "classes": 1000},
        ("densenet", "DenseNet121"): {"k": 32, "classes": 1000},
        ("unet", "UNet"): {"classes": 2, "width": 64},
        ("nin", "NiN"): {"classes": 10},
    }
    for (stem, name), arguments in taken.items():
        assert arguments.items() <= arguments_of(written(*opened(read_source(f"zoo:{stem}"), name))).items()


def test_numbers_are_expressions_in_the_arguments() -> None:
    made, variants = class_of("""
        let quarter = 4
        block unit(c) = CONV(c // quarter, 1x1) -> CONV(c, 3x3, padding=1) -> RELU
        model Net(width = 8, classes = 10, p = 0.5, sizes = [4, 6], wide = true) =
          INPUT(3, 8, 8) -> unit(width * (2 if wide else 1)) -> unit(width * 3) -> [CONV(s, 1x1) for s in sizes]
          -> CONV((width + 7) // 8 * 8, 1x1) -> AVGPOOL(to=2) -> DROPOUT(p) -> FC(sum(sizes)) -> FC(classes)""")
    assert set(arguments_of(made)) == {"width", "classes", "p", "sizes", "wide"}
    for width in (4, 12, 20, 40):
        assert assert_same(made, variants, {"width": width, "sizes": (5, width), "wide": width > 10})


def test_what_changes_the_structure_is_no_argument() -> None:
    made, _ = class_of("""model Net(depth = 2, bn = true, act = "relu", c = 4, k = 3) =
        INPUT(3, 8, 8) -> [CONV(c, k, padding=1)?(c > 3) -> BN?(bn) -> RELU?(act == "relu")]*depth -> x: FC(c)
        -> FC(2)?(k > 3)""")
    assert not {"bn", "act", "k"} & set(arguments_of(made))


def test_what_no_expression_tells_is_no_argument() -> None:
    made, variants = class_of(
        "model Net(n = 3, c = 8) = INPUT(1, 8, 8) -> CONV(c, 3x3) -> FC([7, 1, 9, 4, 5, 5, 7, 3][n % 8])"
    )
    assert_same(made, variants, {})
    taken = arguments_of(made)
    assert "c" in taken
    for value in range(7):
        assert "n" not in taken or assert_same(made, variants, {"n": value})


def test_free_sizes_keep_arguments_and_data_has_none(tmp_path: Path) -> None:
    source = Source(
        "test.arch", "model Net(H, c = 4) = INPUT(3, H, H) -> CONV(c, 3x3, padding=1) -> AVGPOOL(to=1) -> FC(2)"
    )
    outcome = check_source(source)
    write_output(outcome.models[0], str(tmp_path / "net.py"), "compile", None, outcome.run)
    write_output(outcome.models[0], str(tmp_path / "data.py"), "compile")
    for name, arguments in {"net": "self, c: int = 4", "data": "self"}.items():
        assert f"def __init__({arguments}) -> None:" in (tmp_path / f"{name}.py").read_text(encoding="utf-8")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    st.lists(
        st.sampled_from(["a", "b", "a + b", "a * b", "2 * a", "a // 2 + 1", "b - a + 40", "max(a, b)"]), min_size=1
    ),
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_random_expressions(widths: list[str], values: list[tuple[int, int]], copies: int) -> None:
    layers = " -> ".join(f"unit({width})" for width in widths)
    made, variants = class_of(f"""
        block unit(c) = CONV(c, 3x3, padding=1) -> RELU -> [CONV(c, 1x1)]*{copies} -> CONV(in_channels, 1x1)
        model Net(a = 6, b = 9) = INPUT(3, 4, 4) -> {layers} -> FC(a)""")
    assume(arguments_of(made))
    for a, b in values:
        given_values = {"a": a, "b": b}
        assert assert_same(made, variants, {name: given_values[name] for name in arguments_of(made)})


def test_formulas_hold_for_all_they_were_given() -> None:
    given_numbers = (4, 6, 10, 24)
    assert derive((8, 12, 20, 48), given_numbers) == "2 * {}"
    assert derive((2, 3, 5, 12), given_numbers) == "{} // 2"
    assert derive((11, 17, 29, 71), given_numbers) == "3 * {} - 1"
    assert derive((1, 2, 3, 8), given_numbers) == "{} // 3"
    assert derive((1, 2, 3, 9), given_numbers) is None
    assert derive((7, 9), (4, 6)) is None  # two numbers settle any line
    assert derive((3, 5), (4, 6), is_count=True) == "{} - 1"
    assert product_factor((12, 30, 84, 18), (2, 3, 7, 1), (3, 5, 6, 9)) == 2
    assert product_factor((12, 30, 84, 19), (2, 3, 7, 1), (3, 5, 6, 9)) is None


# ---- far from the samples

FAR = (1, 2, 3, 7, 33, 63, 64, 65, 100, 1000)
"""Values that no sample has, around thresholds that no sample crosses."""


def expressions(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Whole numbers of parameters, with thresholds at any place; none is below 1."""
    leaves = st.sampled_from(names) | st.integers(1, 80).map(str)

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        number = st.integers(2, 90)
        return st.one_of(
            st.builds("max({}, {})".format, inner, inner),
            st.builds("min({}, {})".format, inner, number),
            st.builds("({} + {})".format, inner, inner),
            st.builds("({} * {})".format, st.integers(1, 4), inner),
            st.builds("({} // {} + 1)".format, inner, number),
            st.builds("({} % {} + 1)".format, inner, number),
            st.builds("(abs({} - {}) + 1)".format, inner, number),
            st.builds("(int({} * 0.3) + 1)".format, inner),
            st.builds("(int({} / {}) + 1)".format, inner, number),
            st.builds("({} if {} < {} else {})".format, inner, inner, number, inner),
            st.builds("({} if {} != {} and {} > {} else {})".format, inner, inner, number, inner, number, inner),
        )

    return st.recursive(leaves, larger, max_leaves=4)


def conditions() -> st.SearchStrategy[str]:
    """What decides about a part of a block or of the model."""
    signs = st.sampled_from(["<", ">", "==", "!=", ">=", "<="])
    return st.builds("{} {} {}".format, expressions(("c",)), signs, st.integers(1, 90) | st.just("in_channels"))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(expressions(("w",)), expressions(("w", "v")), expressions(("c",)), conditions(), st.booleans())
def test_other_values_give_the_network_they_give_in_the_language(
    one: str, other: str, inner: str, condition: str, optional: bool
) -> None:
    kept = f"?({condition})" if optional else ""
    text = f"""
        block unit(c, s = 1) = ADD{{CONV(c, 3x3, padding=1), CONV(c, 1x1){kept if "in_channels" in kept else ""}}}
          -> [CONV({inner}, 1x1) -> BN]{kept} -> RELU
        model Net(w = 20, v = 3, n = 2) = INPUT(3, 4, 4) -> CONV({one}, 1x1) -> unit({other})
          -> body: [CONV({one}, 1x1) -> RELU]*n -> unit({one}) -> FC({other})"""
    assume(check_source(Source("test.arch", text)).ok)
    made, variants = class_of(text)
    taken = arguments_of(made)
    for number in FAR:
        for name in taken:
            assert_same(made, variants, {name: min(number, 9) if name == "n" else number})
        assert_same(made, variants, {**dict.fromkeys(taken, number), **({"n": 3} if "n" in taken else {})})


@pytest.mark.parametrize(
    ("chain", "is_argument"),
    [
        ("CONV(max(w, 16), 1x1)", True),
        ("CONV(w + w // 100, 1x1)", True),
        ("CONV(16 if w < 64 else 32, 1x1)", True),
        ("CONV(w, 1x1) -> [CONV(w, 1x1)]?(w > 64)", False),
        ("CONV([8, 16, 24][w % 3], 1x1)", False),
        ("['c{i}': CONV(8, 1x1) for i in range(w)]", False),
        ("CONV(8, 1x1, bias = w > 30)", False),
        ("'c{w // 50}': CONV(8, 1x1)", False),
        ("CONV(8, 1x1) -> body: [CONV(8, 1x1) -> RELU]*min(w, 21)", True),
        ("unit(w) -> unit(2 * w)", True),
        ("unit(w) -> unit(w + 4)", True),
    ],
)
def test_what_a_parameter_decides_is_no_argument(chain: str, is_argument: bool) -> None:
    made, variants = class_of(f"""
        block unit(c) = ADD{{CONV(c, 1x1), [CONV(c, 1x1) -> BN]?(c != in_channels)}} -> [RELU -> CONV(c, 1x1)]?(c > 64)
        model Net(w = 20) = INPUT(3, 4, 4) -> CONV(w, 1x1) -> {chain.replace("'", '"')} -> AVGPOOL(to=1) -> FC(2)""")
    assert ("w" in arguments_of(made)) is is_argument
    for number in FAR:
        assert_same(made, variants, dict.fromkeys(arguments_of(made), number))


@pytest.mark.parametrize(
    ("head", "arguments"),
    [
        ("a = 4, b = 2 * a", {"a"}),
        ("a = 4, b = a", {"a"}),
        ("a = 4, b = 3", {"a", "b"}),
        ("a = 4, b = 9 if a > 32 else 5", {"a"}),
        ("a = 4, b = [3, 5][a % 2]", set[str]()),
    ],
)
@pytest.mark.parametrize("alias", [False, True])
def test_what_follows_from_another_parameter_is_no_argument(head: str, arguments: set[str], alias: bool) -> None:
    name = "Base" if alias else "Net"
    text = f"model {name}({head}) = INPUT(3, 4, 4) -> CONV(a, 1x1) -> CONV(b, 1x1) -> FC(2)"
    made, variants = class_of(f"{text}\nmodel Net(a = 5) = Base(a = a)" if alias else text)
    assert set(arguments_of(made)) == arguments
    for number in FAR:
        assert_same(made, variants, dict.fromkeys(arguments, number))


def test_lists_of_another_length_and_no_copies_are_refused() -> None:
    made, _ = class_of("""
        model Net(n = 3, widths = [8, 4]) =
          INPUT(3, 6, 6) -> body: [CONV(8, 1x1) -> RELU]*n -> [CONV(w, 1x1) for w in widths] -> FC(2)""")
    assert made(n=1, widths=(2, 2))
    with pytest.raises(ValueError, match="widths has 2 values"):
        made(widths=(8, 4, 4))
    with pytest.raises(ValueError, match="n is at least 1"):
        made(n=0)
