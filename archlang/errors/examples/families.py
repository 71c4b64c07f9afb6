"""Examples of problems with families."""

from __future__ import annotations

from archlang.errors.examples.example import CHECK, Example
from archlang.errors.families import BadCondition, NotFinite

MEMBERS = "model Net(depth in 1..3) = INPUT(3, 32, 32) -> [CONV -> RELU]*depth -> FC(10)"

EXAMPLES = {
    "family-not-finite": Example(
        "model Net(depth) = INPUT(3, 32, 32) -> [CONV -> RELU]*depth -> FC(10)",
        "Give the parameter a domain, or a value.",
        MEMBERS,
        command=f"{CHECK} --all",
        problem=NotFinite("Net", ("depth",)),
        place="depth",
    ),
    "bad-domain": Example(
        "model Net(depth in 3..1 = 2) = INPUT(3, 32, 32) -> [CONV -> RELU]*depth -> FC(10)",
        "Write a range from the smaller end to the larger, or a list with at least one value.",
        MEMBERS,
        fixed_command=f"{CHECK} --all",
    ),
    "outside-domain": Example(
        MEMBERS,
        "Choose one of the domain's values, or widen the domain.",
        command=f"{CHECK} -D depth=9",
        fixed_command=f"{CHECK} -D depth=2",
    ),
    "bad-condition": Example(
        MEMBERS,
        "Write an expression over the counts and the model's parameters.",
        command=f'{CHECK} --all --where "parameters <"',
        fixed_command=f'{CHECK} --all --where "parameters < 1_000_000"',
        problem=BadCondition("--where", "parameters <"),
        place="--where",
    ),
}
