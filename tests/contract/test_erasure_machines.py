"""The machines that erase: what is asked of Step Functions, and under which names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from afterimage.adapters.erasure_machines import ErasureMachines
from afterimage.domain.errors import WorkflowUnavailableError
from botocore.exceptions import ClientError
from fakes.outside import NOW_MS
from fakes.samples import OWNER, job_id
from fakes.stubbed import UNREACHED, stubbed, unreached

LEFTOVERS = "arn:aws:states:eu-central-1:111122223333:stateMachine:leftovers"
ERASE_OWNER = "arn:aws:states:eu-central-1:111122223333:stateMachine:owner"
STARTED = {"executionArn": f"{LEFTOVERS}:x", "startDate": 0}
GALLERY = "9" * 32


def machines(client: Any, at_ms: int = NOW_MS) -> ErasureMachines:
    return ErasureMachines(client, lambda: at_ms, leftovers_arn=LEFTOVERS, owner_arn=ERASE_OWNER)


def test_the_second_look_is_named_as_its_job_and_knows_two_ids() -> None:
    client, stubber = stubbed("stepfunctions")
    document = json.dumps({"job_id": job_id(1), "gallery": GALLERY})
    wanted = {"stateMachineArn": LEFTOVERS, "name": job_id(1), "input": document}
    stubber.add_response("start_execution", STARTED, wanted)
    machines(client).look_again(job_id(1), GALLERY)
    stubber.assert_no_pending_responses()


def test_a_second_look_that_was_asked_for_already_is_as_good() -> None:
    client, stubber = stubbed("stepfunctions")
    stubber.add_client_error("start_execution", "ExecutionAlreadyExists")
    machines(client).look_again(job_id(1), GALLERY)
    stubber.assert_no_pending_responses()


def test_an_owner_may_be_erased_again_and_the_name_does_not_tell_who() -> None:
    names = []
    for at_ms in (NOW_MS, NOW_MS + 1):
        client, stubber = stubbed("stepfunctions")
        stubber.add_response("start_execution", STARTED)
        client.meta.events.register("provide-client-params.*.*", lambda params, **_: names.append(params))
        machines(client, at_ms).erase_owner(OWNER)
    assert [json.loads(asked["input"]) for asked in names] == [{"owner": OWNER}] * 2
    assert len({asked["name"] for asked in names}) == 2
    for asked in names:
        assert asked["stateMachineArn"] == ERASE_OWNER
        assert OWNER.partition("#")[2] not in asked["name"]
        assert len(asked["name"]) <= 80


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 400, WorkflowUnavailableError),
        ("InternalFailure", 500, WorkflowUnavailableError),
        ("AccessDeniedException", 400, ClientError),
    ],
)
def test_what_may_pass_is_told_as_ours_and_another_refusal_is_passed_on(
    code: str, status: int, error: type[Exception]
) -> None:
    client, stubber = stubbed("stepfunctions")
    for call in (lambda m: m.look_again(job_id(1), GALLERY), lambda m: m.erase_owner(OWNER)):
        stubber.add_client_error("start_execution", code, http_status_code=status)
        with pytest.raises(error):
            call(machines(client))


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_step_functions_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    with pytest.raises(WorkflowUnavailableError):
        machines(unreached("stepfunctions", error)).look_again(job_id(1), GALLERY)
