"""The documents say what the code does: metrics, error codes and folders are held against it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from afterimage.contracts.mail_event import MailFate
from afterimage.domain.campaign import RunStatus
from afterimage.domain.errors import AfterimageError, RejectedError, TransientError
from afterimage.domain.moderation import Action
from afterimage.domain.status import JobStatus
from afterimage.http.problems import status_of
from fakes.template import template

from cli.verification.findings import Verdict
from cli.verification.layers import MOST_BYTES, MOST_PIXELS

ROOT = Path(__file__).parent.parent.parent
_COUNTED = re.compile(r'(?:count|measure)\((f?)"([^"]+)"(?: if [^"]+ else "([^"]+)")?[,)]')
_VARIANTS = {
    "CampaignRun": [status.value.capitalize() for status in RunStatus],
    "Completion": ["Resumed", "Failed", "Late", "Contradicted"],
    "Job": [status.value.capitalize() for status in JobStatus if status.is_final],
    "Notice": ["Sent", "Failed", "Uncertain", "Sending", "NotWanted", "None", "Bounced", "Complained"],
    "Mail": [fate.value.title().replace("_", "") for fate in MailFate] + ["Repeated", "UnknownJob", "Foreign"],
    "Prompt": [action.value.capitalize() for action in Action],
}


def counted_metrics() -> set[str]:
    """The name of every metric that is counted or measured."""
    names: set[str] = set()
    sources = [ROOT / "functions" / "afterimage", ROOT / "imaging" / "afterimage_imaging"]
    for path in sorted(path for source in sources for path in source.rglob("*.py")):
        for is_format, name, other in _COUNTED.findall(path.read_text(encoding="utf-8")):
            if is_format:
                prefix = name.partition("{")[0]
                names |= {prefix + variant for variant in _VARIANTS[prefix]}
            else:
                names |= {name, other} - {""}
    return names


def test_every_metric_stands_in_the_table_and_no_other() -> None:
    section = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("## Metrics")[1].split("Logs are")[0]
    documented = set(re.findall(r"`([A-Z]\w+)`", section)) - {"Afterimage"}
    assert documented == counted_metrics()


def raised_at_the_door() -> set[str]:
    """Codes of the classes that the HTTP functions answer with."""
    pending, found = [RejectedError, TransientError], set()
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        found.add(kind)
    # What only states raise, or what has a code per rule.
    states = {"JobClosedError", "GenerationRefusedError", "EngineUnavailableError", "ModeratorUnavailableError"}
    states |= {"RunHaltedError", "RowDeferredError", "InputGoneError", "SigningKeyUnavailableError"}
    return {kind.code for kind in found if kind.__name__ not in states | {"RejectedError", "QuotaExceededError"}}


def test_every_error_code_of_the_door_is_documented_with_its_status() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d{3}) \| (.+) \|$", text, re.MULTILINE))
    documented = {code: int(status) for status, codes in rows.items() for code in re.findall(r"`(\w+)`", codes)}
    assert raised_at_the_door() - set(documented) == set()
    domain = ROOT / "functions" / "afterimage" / "domain"
    source = "".join((domain / name).read_text(encoding="utf-8") for name in ("request.py", "uploads.py"))
    rules = set(re.findall(r'code="(\w+)"', source))
    assert rules - set(documented) == set()
    assert {documented[code] for code in rules} == {422}


@pytest.mark.parametrize("kind", [RejectedError, TransientError])
def test_documented_statuses_are_those_that_are_answered(kind: type[AfterimageError]) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d{3}) \| (.+) \|$", text, re.MULTILINE))
    documented = {code: int(status) for status, codes in rows.items() for code in re.findall(r"`(\w+)`", codes)}
    pending = [kind]
    while pending:
        candidate = pending.pop()
        pending += candidate.__subclasses__()
        if candidate.code in documented:
            assert documented[candidate.code] == status_of(candidate()).value, candidate


def test_the_costs_are_explained_part_by_part() -> None:
    text = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    costs = json.loads((ROOT / "bench" / "results" / "costs.json").read_text(encoding="utf-8"))
    rows = "".join(re.findall(r"^\| (`.+?) \|", text, re.MULTILINE))
    assert set(re.findall(r"`([^`]+)`", rows)) == set(costs["dollars"]) | set(costs["assumed"])


def test_the_decisions_are_numbered_without_a_gap_and_titled_alike() -> None:
    paths = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in paths] == list(range(1, len(paths) + 1))
    for path in paths:
        assert path.read_text(encoding="utf-8").startswith(f"# {path.name[:4]} · "), path.name


def test_every_alarm_of_the_template_is_explained() -> None:
    alarms = {
        name for name, resource in template()["Resources"].items() if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\*\*(\w+Alarm)\*\* ·", text, re.MULTILINE)) == alarms


def test_every_verdict_on_a_file_is_explained_with_its_exit_code() -> None:
    text = (ROOT / "docs" / "provenance.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| `(\w+)` \|", text, re.MULTILINE)
    assert {name: int(code) for code, name in rows} == {verdict.name.lower(): verdict.value for verdict in Verdict}
    assert f"above {MOST_BYTES // 2**20} MiB or {MOST_PIXELS // 10**6} million pixels" in text


@pytest.mark.parametrize("name", ["README.md", "docs/operations.md"])
def test_parameters_of_a_documented_deployment_are_those_of_the_template(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^sam deploy (.*)$", text, re.MULTILINE)
    given = {parameter for command in commands for parameter in re.findall(r"\b([A-Z]\w+)=", command)}
    assert given, "the document shows a deployment"
    assert given <= set(template()["Parameters"])


def test_the_stack_outputs_that_the_readme_names_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"OutputKey=='(\w+)'|`(\w+TopicArn)`|\{(BucketName)\}", text))
    assert {name for names in named for name in names if name} <= set(template()["Outputs"])
    assert "Name=email_verified,Value=true" in text, "or the door refuses every request of the person"
