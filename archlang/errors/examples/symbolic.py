"""Examples of problems with sizes left free."""

from __future__ import annotations

from archlang.errors.examples.example import CHECK, Example
from archlang.errors.symbolic import NothingToSolve

EXAMPLES = {
    "size-in-weights": Example(
        "INPUT(3, H, W) -> CONV(16, 3x3) -> RELU -> FC(10)",
        "Pool to a fixed size before it, or bind the size.",
        "INPUT(3, H, W) -> CONV(16, 3x3) -> RELU -> AVGPOOL(to=1) -> FC(10)",
    ),
    "sizes-compared": Example(
        "INPUT(3, H, W) -> CONCAT{ _, PERMUTE((1, 3, 2)) } -> AVGPOOL(to=1) -> FC(10)",
        "Write one letter for both, or bind them.",
        "INPUT(3, H, H) -> CONCAT{ _, PERMUTE((1, 3, 2)) } -> AVGPOOL(to=1) -> FC(10)",
    ),
    "input-disagrees": Example(
        "INPUT(3, N, N) -> CROP(to=(N - 2, N - 2)) -> AVGPOOL(to=1) -> FC(10)",
        "Give sizes that one value of the name makes.",
        command=f"{CHECK} --input 3,32,48",
        fixed_command=f"{CHECK} --input 3,32,32",
    ),
    "size-not-tracked": Example(
        "INPUT(3, H, W) -> UPSAMPLE(scale_factor=1.7) -> CONV(8, 3x3)",
        "Bind the size, or do without the operation.",
        "INPUT(3, H, W) -> UPSAMPLE(scale_factor=2) -> CONV(8, 3x3)",
    ),
    "too-many-cases": Example(
        "INPUT(3, H, H) -> [MAXPOOL(n) for n in [7, 11, 13, 17]] -> AVGPOOL(to=1) -> FC(10)",
        "Bind the size.",
        fixed_command=f"{CHECK} -D H=17017",
    ),
    "no-legal-size": Example(
        "INPUT(1, L) -> CONCAT{ MAXPOOL(2), CONV(8, 3, stride=2) } -> AVGPOOL(to=1) -> FC(10)",
        "Change what the notes name: a stride, a window, or a padding.",
        "INPUT(1, L) -> CONCAT{ MAXPOOL(2), CONV(8, 3, stride=2, padding=1) } -> AVGPOOL(to=1) -> FC(10)",
    ),
    "cannot-solve": Example(
        "model Net(stride = 3) = INPUT(3, 7, 7) -> CONV(8, 3x3, stride=stride) -> FC(10)",
        "Name a parameter of the model, with a range or list of values.",
        command=f"{CHECK} --solve strid=1..4",
        fixed_command=f"{CHECK} --solve stride=1..4",
        problem=NothingToSolve("strid", "Net has no such parameter", ("stride",)),
        place="--solve",
    ),
}
