"""`--format sarif` and `--format github`: valid for those who read them, and the same facts as the text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archlang.cli import main
from archlang.diagnostics import Diagnostic, Edit, Help, Label, Problem
from archlang.diagnostics.github import to_commands
from archlang.diagnostics.sarif import to_sarif
from archlang.records import record
from archlang.source import Source

BROKEN = "block b = CONV(4, 3x3) -> POOL(3)\nmodel N = INPUT(3, 16, 16) -> b\n  -> FC(10)\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def archc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        return int(str(caught.value.code)), *capsys.readouterr()

    return run


# ---- the rules of the schema that concern what is written ------------------------------------------

TEXT = {"text": str}
REGION = {"startLine": int, "startColumn": int, "endLine": int, "endColumn": int}
ARTIFACT = {"uri": str, "uriBaseId?": str}
PHYSICAL = {"artifactLocation": ARTIFACT, "region?": REGION}
CHANGE = {"artifactLocation": ARTIFACT, "replacements": [{"deletedRegion": REGION, "insertedContent": TEXT}]}
RESULT = {
    "ruleId": str, "ruleIndex": int, "level": str, "message": TEXT, "locations": [{"physicalLocation": PHYSICAL}],
    "relatedLocations?": [{"physicalLocation": PHYSICAL, "message?": TEXT}],
    "fixes?": [{"description": TEXT, "artifactChanges": [CHANGE]}],
}  # fmt: skip
RULE = {
    "id": str, "name": str, "shortDescription": TEXT, "help": {"text": str, "markdown": str},
    "defaultConfiguration": {"level": str},
}  # fmt: skip
RUN = {
    "tool": {"driver": {"name": str, "version": str, "semanticVersion": str, "rules": [RULE]}},
    "columnKind": str, "invocations": [{"executionSuccessful": bool, "exitCode": int}], "results": [RESULT],
}  # fmt: skip
LOG = {"$schema": str, "version": str, "runs": [RUN]}
"""Properties as SARIF 2.1.0 names them; it forbids all others. `?` marks those that may be missing."""


def conform(value: Any, shape: Any, path: str = "") -> None:
    """Assert that a value has the properties of a shape and no others, each of its type."""
    if isinstance(shape, dict):
        names = {name.rstrip("?") for name in shape}
        assert set(value) <= names, path
        for name, inner in shape.items():
            if name.rstrip("?") in value or not name.endswith("?"):
                conform(value[name.rstrip("?")], inner, f"{path}.{name}")
    elif isinstance(shape, list):
        for index, item in enumerate(value):
            conform(item, shape[0], f"{path}[{index}]")
    else:
        assert type(value) is shape, path


def validate(log: dict[str, Any]) -> dict[str, Any]:
    """The run of a log that keeps the rules."""
    conform(log, LOG)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(rule["name"].isalnum() and rule["shortDescription"]["text"] for rule in rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        for fix in result.get("fixes", ()):
            assert fix["artifactChanges"] and all(change["replacements"] for change in fix["artifactChanges"])
    for region in regions(run):
        assert min(region.values()) >= 1
        start, end = (region["startLine"], region["startColumn"]), (region["endLine"], region["endColumn"])
        assert start <= end
    return run


def regions(value: Any) -> list[dict[str, int]]:
    """All regions inside a value."""
    if isinstance(value, dict):
        own = [inner for name, inner in value.items() if name in ("region", "deletedRegion")]
        return own + [region for inner in value.values() for region in regions(inner)]
    return [region for item in value for region in regions(item)] if isinstance(value, list) else []


# ---- SARIF -----------------------------------------------------------------------------------------


def test_sarif_says_what_json_says(archc: Run) -> None:
    Path("net.arch").write_text(BROKEN)
    status, out, err = archc("check", "net.arch", "--format", "sarif")
    assert (status, err) == (1, "")
    (result,) = validate(json.loads(out))["results"]
    (wanted,) = json.loads(archc("check", "net.arch", "--format", "json")[1])["diagnostics"]
    assert result["ruleId"] == wanted["code"] and result["level"] == wanted["severity"]
    assert result["message"]["text"].startswith(f"{wanted['message']}: {wanted['label']}\n")
    assert "(14 + 2*0 - 3)/3 + 1 = 4.6667" in result["message"]["text"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "net.arch", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 1, "startColumn": 27, "endLine": 1, "endColumn": 34},
    }
    assert [place["message"]["text"] for place in result["relatedLocations"]] == ["in block `b`, used here"]
    fixes = [fix["description"]["text"] for fix in result["fixes"]]
    assert fixes == [remedy["message"] for remedy in wanted["helps"] if remedy["edits"]] and fixes
    replaced = result["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert {**replaced["deletedRegion"], "text": replaced["insertedContent"]["text"]} == {
        "startLine": 1, "startColumn": 33, "endLine": 1, "endColumn": 33, "text": ", padding=1"
    }  # fmt: skip


def test_rules_are_the_pages_of_explain(archc: Run) -> None:
    _, out, _ = archc("check", "-e", "INPUT(3, 8, 8) -> CONF -> CONV(3, bogus=1)", "--format", "sarif")
    rules = validate(json.loads(out))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["unknown-layer", "unknown-argument"]
    assert [rule["name"] for rule in rules] == ["UnknownLayer", "UnknownArgument"]
    for rule in rules:
        assert rule["help"]["text"] == archc("explain", rule["id"])[1]


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_several_files_are_one_log(archc: Run, form: str) -> None:
    """Those without errors have no results; a file that is not there makes the run fail."""
    Path("good.arch").write_text("INPUT(3, 8, 8) -> FC(1)\n")
    Path("bad.arch").write_text("INPUT(3, 8, 8) -> CONF\n")
    status, out, err = archc("check", "good.arch", "bad.arch", "missing.arch", "--format", form)
    assert (status, err) == (2, "")
    if form == "github":
        assert re.findall(r"file=([^,]+)", out) == ["bad.arch", "missing.arch"]
        return
    run = validate(json.loads(out))
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]]
    assert uris == ["bad.arch", "missing.arch"]
    assert run["invocations"] == [{"executionSuccessful": False, "exitCode": 2}]


def test_nothing_wrong_is_an_empty_log(archc: Run) -> None:
    status, out, err = archc("check", "zoo:lenet", "--format", "sarif")
    assert (status, err, validate(json.loads(out))["results"]) == (0, "", [])
    assert archc("check", "zoo:lenet", "--format", "github") == (0, "", "")


def test_members_of_a_family_have_no_annotations(archc: Run) -> None:
    status, out, err = archc("check", "-e", "INPUT(3, 8, 8) -> RELU*N", "--all", "--format", "sarif")
    assert (status, out) == (2, "") and "--format sarif" in err


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("net.arch", "net.arch"),
        ("a b/é,#?.arch", "a%20b/%C3%A9%2C%23%3F.arch"),
        ("a\\net.arch", "a/net.arch"),
        ("/work/here/sub/net.arch", "sub/net.arch"),
        ("/elsewhere/net.arch", "file:///elsewhere/net.arch"),
        ("zoo:alexnet", "zoo:alexnet"),
        ("<stdin>", "%3Cstdin%3E"),
    ],
)
def test_files_are_uris(name: str, uri: str) -> None:
    source = Source(name, "CONF")
    diagnostic = Diagnostic(Wrong("wrong"), source.span(0, 4), name)
    run = validate(to_sarif([diagnostic], "1", "/work/here", lambda _: ("a", "b"), 1))
    artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == uri
    assert artifact.get("uriBaseId") == (None if ":" in uri else "%SRCROOT%")


# ---- both, on whatever a diagnostic may hold ---------------------------------------------------------


@record
class Wrong(Problem):
    """Something is wrong."""

    code = "quite-wrong"
    text: str

    @property
    def message(self) -> str:
        return self.text

    @property
    def notes(self) -> tuple[str, ...]:
        return (self.text,)


@st.composite
def diagnostics(draw: st.DrawFn) -> Diagnostic:
    texts = st.text(st.characters(codec="utf-8"), max_size=20)
    source = Source(draw(texts), draw(texts))

    def span() -> Any:
        start = draw(st.integers(0, len(source.text)))
        return source.span(start, draw(st.integers(start, len(source.text))))

    helps = tuple(Help(draw(texts), (Edit(span(), draw(texts)),)) for _ in range(draw(st.integers(0, 2))))
    place = span() if draw(st.booleans()) else None
    return Diagnostic(Wrong(draw(texts)), place, source.name, (Label(span(), draw(texts)),), (), helps)


@given(st.lists(diagnostics(), max_size=3))
def test_any_diagnostic_is_a_valid_result(found: list[Diagnostic]) -> None:
    log = json.loads(json.dumps(to_sarif(found, "1", "/here", lambda _: ("a", "b"), 1)))
    assert len(validate(log)["results"]) == len(found)


@given(st.lists(diagnostics(), max_size=3))
def test_any_diagnostic_is_one_command(found: list[Diagnostic]) -> None:
    """What a runner reads back (actions/runner, ActionCommand) is what was meant."""
    commands = to_commands(found).split("\n")
    assert commands.pop() == "" and len(commands) == len(found)
    for command, diagnostic in zip(commands, found, strict=True):
        match = re.fullmatch(r"::(error|warning) (.*?)::(.*)", command, re.DOTALL)
        assert match and match[1] == diagnostic.severity
        properties = dict(pair.split("=", 1) for pair in match[2].split(","))
        message = match[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
        assert message.startswith(diagnostic.message)
        if diagnostic.span:
            assert properties["line"] == str(diagnostic.span.line)
            assert ("col" in properties) == (properties["line"] == properties["endLine"])
        assert properties["title"] == "archc quite-wrong"


def test_a_github_command_in_full(archc: Run) -> None:
    Path("a,b.arch").write_text("INPUT(3, 7, 7) -> CONV(8, 3x3, stride=3) -> FC(10)\n")
    _, out, _ = archc("check", "a,b.arch", "--format", "github")
    assert out.startswith(
        "::error file=a%2Cb.arch,line=1,endLine=1,col=32,endColumn=40,title=archc stride-drops-input::"
        "stride 3 does not cover an input of 7x7: the last row and the last column are never read%0Aout = "
    )
    assert "%0Ahelp: padding=1 gives 8x3x3%0A" in out and out.count("\n") == 1
