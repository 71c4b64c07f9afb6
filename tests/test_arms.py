"""U-shaped networks are drawn as a U, whoever wrote them; others are not."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archlang.backends.arms import Arms, find_arms
from archlang.backends.diagram import Diagram
from archlang.backends.drawing import draw
from archlang.backends.graphviz import write_dot
from archlang.backends.pictures import write_svg
from archlang.checking import Request, check_source
from archlang.reading import check_target
from archlang.source import Source

SVG = "{http://www.w3.org/2000/svg}"
Point = tuple[float, float]


def drawn(text: str) -> Diagram:
    outcome = check_source(Source("test.arch", text))
    assert not outcome.diagnostics, [diagnostic.message for diagnostic in outcome.diagnostics]
    return draw(outcome.models[-1])


def zoo(name: str, model: str) -> Diagram:
    return draw(check_target(f"zoo:{name}", Request(model)).models[0])


def middles(diagram: Diagram) -> dict[str, Point]:
    """Where the boxes stand in the picture: x to the right, y downwards."""
    found: dict[str, Point] = {}
    for group in ElementTree.fromstring(write_svg(write_dot(diagram))).iter(f"{SVG}g"):
        outline = group.find(f"{SVG}path")
        if outline is None:
            outline = group.find(f"{SVG}ellipse")
        if group.get("class", "").startswith("node") and outline is not None:
            found[group.findtext(f"{SVG}title", "")] = _middle(outline)
    return found


def _middle(outline: ElementTree.Element) -> Point:
    if outline.tag == f"{SVG}ellipse":
        return float(outline.get("cx", "")), float(outline.get("cy", ""))
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", outline.get("d", ""))]
    across, down = numbers[::2], numbers[1::2]
    return (min(across) + max(across)) / 2, (min(down) + max(down)) / 2


def test_a_gate_on_a_bridge_stands_on_it():
    text = """
    model Gated = INPUT(8, 64, 64) -> e: CONV(8, 3x3, padding=1) -> POOL(2) -> CONV(16, 3x3, padding=1)
      -> UPSAMPLE(scale_factor=2) -> MUL{ _, e -> gate: [CONV(16, 1) -> SIGMOID] } -> CONV(4, 1)
    """
    diagram = drawn(text)
    at = middles(diagram)
    row = [at[name] for name in ("e", "gate.0", "gate.1", "mul1")]
    assert max(y for _, y in row) - min(y for _, y in row) < 1
    assert [x for x, _ in row] == sorted(x for x, _ in row)
    assert "cluster_gate" not in write_dot(diagram)


def assert_is_u(diagram: Diagram) -> Arms:
    """Levels share a height, the arm that goes down is on the left and goes down, the other is on the right and up."""
    arms, at = find_arms(diagram), middles(diagram)
    for row in arms.rows:
        across = [at[box][0] for box in row]
        down = [at[box][1] for box in row]
        assert across == sorted(across)
        assert across[0] < across[-1]
        assert max(down) - min(down) < 1
    for edge in diagram.edges:
        rise = at[edge.source][1] - at[edge.target][1]
        if edge.target in arms.rising and edge.source in arms.rising:
            assert rise > 0
        if edge.target in arms.falling:
            assert rise < 0
    heights = [at[row[0]][1] for row in arms.rows]
    assert heights == sorted(heights)
    assert max(at[box][0] for row in arms.rows for box in row[:1]) < min(at[row[-1]][0] for row in arms.rows)
    return arms


def u_net(depth: int, convs: int, join: str, down: str, rank: int, named: bool) -> str:
    """A U with `depth` bridges, written as a person would: by labels, or as a recursion."""
    sizes = ", ".join(["64"] * rank)
    unit = f"[CONV(c, 3, padding=1) -> RELU]*{convs}"
    grow = "UPCONV({}, 2, stride=2)"
    if not named:
        inner = f"{join}{{ _, {down} -> level(2*c, d - 1) -> {grow.format('c')} }} -> double(c)"
        blocks = f"block double(c) = {unit}\nblock level(c, d) = double(c) -> [{inner}]?(d > 0)\n"
        return f"{blocks}model M = INPUT(1, {sizes}) -> level(4, {depth}) -> CONV(2, 1)"
    lines = [f"block double(c) = {unit}\nmodel M = INPUT(1, {sizes})"]
    lines += [f"enc{i}: double({4 * 2**i}) -> {down}" for i in range(depth)]
    lines += [f"double({4 * 2**depth})"]
    for i in reversed(range(depth)):
        lines += [f"{grow.format(4 * 2**i)} -> {join}{{ enc{i}, _ }} -> double({4 * 2**i})"]
    return "\n  -> ".join([*lines, "CONV(2, 1)"])


@given(
    depth=st.integers(1, 5),
    convs=st.integers(1, 3),
    join=st.sampled_from(("CONCAT", "ADD")),
    down=st.sampled_from(("MAXPOOL(2)", "AVGPOOL(2)", "CONV(8, 2, stride=2)")),
    rank=st.integers(1, 3),
    named=st.booleans(),
)
def test_networks_of_one_to_five_bridges(depth: int, convs: int, join: str, down: str, rank: int, named: bool):
    arms = assert_is_u(drawn(u_net(depth, convs, join, down, rank, named)))
    assert len(arms.rows) == depth


@pytest.mark.parametrize(
    ("name", "model", "bridges"),
    [
        ("unet", "UNet", 4),
        ("unet", "UNetFlat", 4),
        ("unet", "UNetPadded", 4),
        ("deconvnet", "DeconvNet", 5),
        ("fcn", "FCN8s", 2),
        ("fcn", "FCN16s", 1),
    ],
)
def test_networks_of_the_zoo(name: str, model: str, bridges: int):
    assert len(assert_is_u(zoo(name, model)).rows) == bridges


def test_what_stands_on_a_bridge_stands_between_the_arms():
    arms = assert_is_u(
        drawn("""
    model M = INPUT(1, 32, 32) -> CONV(4, 3, padding=1)
      -> ADD{ [CONV(4, 1) -> RELU], MAXPOOL(2) -> CONV(4, 3, padding=1) -> UPCONV(4, 2, stride=2) } -> FC(2)
    """)
    )
    assert len(arms.rows) == 1
    assert len(arms.rows[0]) == 4


def test_a_long_end_goes_down_again():
    tail = " -> ".join(["CONV(4, 3, padding=1) -> RELU"] * 10)
    diagram = drawn(f"""
    model M = INPUT(1, 32, 32) -> CONV(4, 1)
      -> CONCAT{{ _, MAXPOOL(2) -> CONV(4, 1) -> UPCONV(4, 2, stride=2) }} -> {tail}
    """)
    arms, at = find_arms(diagram), middles(diagram)
    assert ".output.0" not in arms.rising
    assert min(point[1] for point in at.values()) > at[".input.input"][1] - 100
    assert at[".output.0"][1] > at["concat1"][1]


def test_sizes_left_free():
    text = "model M = INPUT(8, {}) -> CONV(8, 1) -> CONCAT{{ _, MAXPOOL(2) -> CONV(8, 1) -> UPCONV(8, 2, stride=2) }}"
    free, fixed = drawn(text.format("H, W")), drawn(text.format("32, 32"))
    assert len(assert_is_u(free).rows) == 1
    assert find_arms(free) == find_arms(fixed)


def test_two_in_a_row():
    level = "CONCAT{ _, MAXPOOL(2) -> CONV(8, 1) -> UPCONV(8, 2, stride=2) } -> CONV(8, 1)"
    arms = assert_is_rows(drawn(f"model M = INPUT(1, 32, 32) -> CONV(8, 1) -> {level} -> {level}"))
    assert len(arms.rows) == 2


def assert_is_rows(diagram: Diagram) -> Arms:
    arms, at = find_arms(diagram), middles(diagram)
    for row in arms.rows:
        assert at[row[0]][0] < at[row[-1]][0]
        assert abs(at[row[0]][1] - at[row[-1]][1]) < 1
    return arms


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(3, 32, 32) -> [CONV -> RELU -> POOL]*3 -> FC",
        "INPUT(8, 32, 32) -> [ADD{ _, CONV(8, 3, padding=1) -> RELU }]*4 -> FC",
        "INPUT(8, 32, 32) -> MUL{ _, AVGPOOL(to=1) -> CONV(8, 1) -> SIGMOID } -> FC",
        "INPUT(8, 32, 32) -> CONCAT{ CONV(8, 1), MAXPOOL(3, stride=1, padding=1) } -> FC",
        "INPUT(8, 32, 32) -> MAXPOOL(2) -> UPCONV(8, 2, stride=2) -> FC",
        "INPUT(8, 32, 32) -> ADD{ MAXPOOL(2) -> CONV(8, 1), AVGPOOL(2) } -> FC",
    ],
)
def test_networks_without_a_u(text: str):
    assert find_arms(drawn(f"model M = {text}")) == Arms()


@pytest.mark.parametrize(("name", "model"), [("resnet", "ResNet50"), ("inception", "InceptionV3"), ("vit", "ViTB16")])
def test_networks_of_the_zoo_without_a_u(name: str, model: str):
    assert find_arms(zoo(name, model)) == Arms()


def test_two_trunks_that_exchange_maps_are_no_u():
    """As those of HRNet (Wang et al. 2019): what leads past the smaller maps goes on by itself, too."""
    diagram = drawn("""
    model M = INPUT(4, 32, 32) -> s: CONV(4, 1)
      -> ADD{ a: CONV(4, 1), [b: CONV(4, 2, stride=2) -> UPSAMPLE(scale_factor=2)] } -> c: CONV(4, 1)
      -> CONCAT{ c -> AVGPOOL(to=1), ADD{ b, a -> CONV(4, 2, stride=2) } -> AVGPOOL(to=1) } -> FC(2)
    """)
    assert find_arms(diagram) == Arms()


def test_bridges_across_each_other():
    diagram = drawn("""
    model M = INPUT(1, 32, 32) -> a: CONV(4, 1) -> b: CONV(4, 1) -> MAXPOOL(2) -> CONV(4, 1) -> UPCONV(4, 2, stride=2)
      -> ADD{ _, a } -> CONV(4, 1) -> ADD{ _, b } -> CONV(1, 1)
    """)
    assert assert_is_rows(diagram).rows == (("a", "add1"),)
