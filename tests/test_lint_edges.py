"""Lints at the edge of what they mean: a whole axis pooled, groups of one channel."""

from __future__ import annotations

import pytest

from archlang.checking import check_source
from archlang.diagnostics import Diagnosed
from archlang.lints import with_lints
from archlang.source import Source


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("INPUT(8, 16, 16) -> AVGPOOL(16x2, stride=2)", "large-pooling", False),
        ("INPUT(8, 16, 16) -> AVGPOOL(8x2, stride=2)", "large-pooling", True),
        ("INPUT(8, 16, 16) -> AVGPOOL(16x8, stride=8)", "large-pooling", True),
        ("INPUT(8, 16, 16) -> AVGPOOL(16)", "large-pooling", False),
        ("INPUT(8, 16, 16) -> CONV(8, 3) -> GN(8)", "bias-before-norm", True),
        ("INPUT(8, 16, 16) -> CONV(8, 3) -> GN(4)", "bias-before-norm", False),
    ],
)
def test_found(text: str, code: str, found: bool) -> None:
    outcome = with_lints(check_source(Source("net.arch", text)))
    assert outcome.ok
    assert (code in [d.code for d in outcome.diagnostics]) == found


@pytest.mark.parametrize(("code", "is_error"), [("stride-drops-input", True), ("stride-drops", False)])
def test_an_error_is_no_warning_to_deny(code: str, is_error: bool) -> None:
    with pytest.raises(Diagnosed) as caught:
        with_lints(check_source(Source("net.arch", "INPUT(3, 8, 8) -> RELU")), (), [code])
    assert ("is an error already" in caught.value.diagnostic.message) == is_error
