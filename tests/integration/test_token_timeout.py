"""The wait for the task token ends by itself: seen on a copy of the deployed machine in which only that number differs.

The real bound is two and a half hours, which no test can wait for; a static test holds it against queue and inference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from integration.journey import ask, attempts_of, invoke, job_item, mails_to, person, read, wait_for_end

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

WAIT_S = 3


@pytest.fixture
def impatient_machine(cloud: LocalCloud) -> Iterator[str]:
    """A copy of the machine as it is deployed, whose StartGeneration waits for seconds."""
    states = cloud.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=cloud.outputs["StateMachineArn"])
    definition = json.loads(deployed["definition"])
    assert definition["States"]["StartGeneration"]["TimeoutSeconds"] == 9000
    definition["States"]["StartGeneration"]["TimeoutSeconds"] = WAIT_S
    arn = states.create_state_machine(name="impatient", definition=json.dumps(definition), roleArn=deployed["roleArn"])[
        "stateMachineArn"
    ]
    yield arn
    states.delete_state_machine(stateMachineArn=arn)


def queued_copy(cloud: LocalCloud, address: str) -> str:
    """A job as the door leaves it, which the deployed machine was not started for."""
    done = ask(cloud, address)
    wait_for_end(cloud, address, done)
    item = job_item(cloud, done)
    job_id = f"{done[:-1]}{'0' if done[-1] != '0' else '1'}"
    for name in ("notice", "pictures", "warnings", "failure"):
        item.pop(name, None)
    item |= {
        "pk": {"S": f"JOB#{job_id}"},
        "job_id": {"S": job_id},
        "status": {"S": "QUEUED"},
        "open": {"S": "QUEUED"},
        "gallery": {"S": "e" * 32},
        "decisions": {"L": []},
        "timeline": {"L": [{"M": {"status": {"S": "QUEUED"}, "at_ms": item["created_at_ms"]}}]},
    }
    cloud.client("dynamodb").put_item(TableName=cloud.outputs["TableName"], Item=item)
    return job_id


def test_a_token_that_nobody_answers_ends_the_job_timed_out_and_a_late_answer_changes_nothing(
    cloud: LocalCloud, impatient_machine: str
) -> None:
    address = person()
    job_id = queued_copy(cloud, address)
    mails_before = len(mails_to(cloud, address))
    states = cloud.client("stepfunctions")
    cloud.faults({"kind": "lose", "match": job_id})
    execution = states.start_execution(
        stateMachineArn=impatient_machine, name=job_id, input=json.dumps({"job_id": job_id})
    )["executionArn"]
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("FAILED", "timed_out")
    cloud.wait_until(lambda: states.describe_execution(executionArn=execution)["status"] == "FAILED", "its end")
    history = states.get_execution_history(executionArn=execution)["events"]
    assert "States.Timeout" in json.dumps(history, default=str)
    assert len(mails_to(cloud, address)) == mails_before + 1
    assert len(attempts_of(cloud, job_id)) == 1, "a time-out is no reason to wait again"
    assert cloud.faults_left() == []

    (attempt,) = attempts_of(cloud, job_id)
    late = {
        "invocationStatus": "Completed",
        "inferenceId": f"{job_id}.{attempt['attempt_id']['S']}",
        "responseParameters": {"outputLocation": attempt["output_location"]["S"]},
    }
    event = {"Records": [{"Sns": {"Message": json.dumps(late)}}]}
    assert invoke(cloud, "ResumeOnCompletionFunction", event) == ["late"]
    assert read(cloud, address, job_id)["status"] == "FAILED"
    assert len(mails_to(cloud, address)) == mails_before + 1
