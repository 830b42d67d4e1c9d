"""The breaker: an alarm closes the door and nothing but a person opens it; and what the alarm counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from afterimage.adapters.admission_switch import AdmissionSwitch
from afterimage.domain.errors import InternalError, StoreUnavailableError
from afterimage.domain.job import Notice
from afterimage.domain.status import JobStatus
from afterimage.handlers import close_admission, notify_requester, record_failure
from fakes.outside import NOW_MS, Ticker
from fakes.samples import a_job, job_id
from fakes.stores import MemoryJobStore
from fakes.stubbed import UNREACHED, stubbed, unreached

PARAMETER = "/afterimage/admission"


def sns(message: Any) -> dict[str, Any]:
    return {"Records": [{"Sns": {"Message": message if isinstance(message, str) else json.dumps(message)}}]}


def expecting(closings: int) -> tuple[close_admission.Dependencies, Any]:
    client, stubber = stubbed("ssm")
    for _ in range(closings):
        asked = {"Name": PARAMETER, "Value": "closed", "Type": "String", "Overwrite": True}
        stubber.add_response("put_parameter", {"Version": 2}, asked)
    return close_admission.Dependencies(switch=AdmissionSwitch(client, PARAMETER)), stubber


def test_an_alarm_closes_the_door_as_often_as_it_is_told() -> None:
    deps, stubber = expecting(2)
    event = sns({"AlarmName": "share", "NewStateValue": "ALARM"})
    assert [close_admission.handle(event, deps) for _ in range(2)] == [["closed"], ["closed"]]
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_nothing_else_moves_the_switch(state: str) -> None:
    deps, _ = expecting(0)
    assert close_admission.handle(sns({"AlarmName": "share", "NewStateValue": state}), deps) == ["ignored"]


@pytest.mark.parametrize("message", ["", "no json", "[]", "{}", '{"AlarmName": "x"}', "null"])
def test_what_cannot_be_read_is_raised_so_that_it_is_kept(message: str) -> None:
    deps, _ = expecting(0)
    with pytest.raises(InternalError):
        close_admission.handle(sns(message), deps)


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_parameter_store_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    with pytest.raises(StoreUnavailableError):
        AdmissionSwitch(unreached("ssm", error), PARAMETER).close()


# ── What the alarm looks at: 1 for a failure of ours, 0 for a success, nothing for the rest ───────────────────────────


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was published of RequestFaulted."""
    found: list[float] = []

    def measure(name: str, value: float) -> None:
        assert name == "RequestFaulted"
        found.append(value)

    for module in (record_failure, notify_requester):
        monkeypatch.setattr(module, "measure", measure)
    return found


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        ("GenerationFailedError", [1]),
        ("EngineUnavailableError", [1]),
        ("States.Timeout", [1]),
        ("KeyError", [1]),
        ("GenerationRefusedError", []),
        ("JobClosedError", []),
    ],
)
def test_a_failure_counts_unless_it_is_the_callers_doing(values: list[float], error: str, counted: list[float]) -> None:
    deps = record_failure.Dependencies(jobs=MemoryJobStore(a_job(JobStatus.GENERATING)), clock=Ticker())
    record_failure.handle({"job_id": job_id(1), "error": error, "cause": ""}, deps)
    assert values == counted


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_final])
def test_a_success_counts_as_none(values: list[float], status: JobStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job(status, notice=Notice(state="sent", at_ms=NOW_MS))
    monkeypatch.setattr(notify_requester, "notify_requester", lambda *_: job)
    notify_requester.handle({"job_id": job_id(1)}, None)  # type: ignore[arg-type]
    assert values == ([0] if status is JobStatus.SUCCEEDED else [])
