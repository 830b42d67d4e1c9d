"""What happens to a request besides faults of the endpoint. Each act asks for it and returns its id."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.domain.suppression import SuppressionKind, suppression_of
from afterimage.telemetry import now_ms

from fire.cases import OWNERS, Case
from fire.world import FINAL, FireError, World, wait_until
from local import processes
from local.settings import ROOT

SUPPRESSED = OWNERS  # the number of a person of whom mail came back


def ask(case: Case, world: World, *, owner: int | None = None) -> str:
    """Post the request and return its id."""
    address = world.address(case.owner if owner is None else owner)
    return accepted(world.post(address, "/v1/images", case.body, key=f"key-{case.seed}"))


def accepted(answer: Any) -> str:
    if answer.status_code != 202:
        raise FireError(f"a request was answered {answer.status_code}: {answer.text}")
    return str(answer.json()["id"])


def ask_five_times(case: Case, world: World) -> str:
    """One person's client that lost patience: the same key and body, at once."""
    with ThreadPoolExecutor(5) as pool:
        ids = set(pool.map(lambda _: ask(case, world), range(5)))
    if len(ids) != 1:
        raise FireError(f"one key made {len(ids)} requests")
    (job_id,) = ids
    wait_for_the_endpoint(job_id, world)
    return job_id


def stop(case: Case, world: World) -> str:
    job_id = ask(case, world)
    wait_for_the_endpoint(job_id, world)
    world.stop(job_id)
    return job_id


def time_out(case: Case, world: World) -> str:
    """The emulator ends no execution by its time-out, so the event that AWS would send is sent in its place."""
    job_id = ask(case, world)
    wait_for_the_endpoint(job_id, world)
    event = json.loads((ROOT / "events" / "eventbridge_execution_timed_out.json").read_text())
    event["detail"]["name"] = job_id
    for _ in range(2):
        world.invoke("CloseLostJobFunction", event)
    world.stop(job_id)
    return job_id


def contradict(case: Case, world: World) -> str:
    """The endpoint says afterwards that it failed, twice, and once more that it did not."""
    job_id = ask(case, world)
    attempt = wait_for_the_endpoint(job_id, world)
    wait_until(lambda: world.job(job_id)["status"]["S"] in FINAL, f"the end of {job_id}", 600)
    known = {"inferenceId": f"{job_id}.{attempt['attempt_id']['S']}", "eventName": "InferenceResult"}
    no = known | {"invocationStatus": "Failed", "failureReason": "contradiction"}
    place = {"outputLocation": attempt["output_location"]["S"]}
    yes = known | {"invocationStatus": "Completed", "responseParameters": place}
    for topic, message in (("ErrorTopicArn", no), ("ErrorTopicArn", no), ("SuccessTopicArn", yes)):
        world.client("sns").publish(TopicArn=world.cloud.outputs[topic], Message=json.dumps(message))
    return job_id


def suppressed(case: Case, world: World) -> str:
    suppression = suppression_of(world.address(SUPPRESSED), SuppressionKind.BOUNCE, now_ms())
    DynamoSuppressionStore(world.client("dynamodb"), world.table).put(suppression)
    job_id = ask(case, world, owner=SUPPRESSED)
    wait_for_the_endpoint(job_id, world)
    return job_id


def wait_for_the_endpoint(job_id: str, world: World) -> dict[str, Any]:
    """Return the attempt once the endpoint has the job and that is on record; an empty one when the job has ended."""

    def handed_over() -> dict[str, Any] | None:
        attempt = next((attempt for attempt in world.attempts(job_id) if "output_location" in attempt), None)
        return {} if attempt is None and world.job(job_id)["status"]["S"] in FINAL else attempt

    return wait_until(handed_over, f"an inference of {job_id}")


def ask_and_watch(case: Case, world: World) -> str:
    """As a person does, and the next one asks when this one waits for the endpoint: two cores make no crowd."""
    job_id = ask(case, world)
    wait_for_the_endpoint(job_id, world)
    return job_id


ACTS: dict[str, Callable[[Case, World], str]] = {
    "": ask_and_watch,
    "ask five times": ask_five_times,
    "stop": stop,
    "time out": time_out,
    "contradict": contradict,
    "suppressed": suppressed,
}


# ── Acts for several at once, because they change the cloud for everybody ─────────────────────────────────────────


def stop_unheard(cases: list[Case], world: World) -> dict[int, str]:
    """Executions are stopped while nobody listens to the bus."""
    jobs = {case.number: ask(case, world) for case in cases}
    for job_id in jobs.values():
        wait_for_the_endpoint(job_id, world)
    events = world.client("events")
    rules = [rule["Name"] for rule in events.list_rules()["Rules"] if "ExecutionEnded" in rule["Name"]]
    if not rules:
        raise FireError("there is no rule for the end of an execution")
    for rule in rules:
        events.disable_rule(Name=rule)
    try:
        for job_id in jobs.values():
            world.stop(job_id)
            wait_until(lambda job_id=job_id: world.execution_status(job_id) == "ABORTED", f"the stop of {job_id}")
    finally:
        for rule in rules:
            events.enable_rule(Name=rule)
    return jobs


def leave_unstarted(cases: list[Case], world: World) -> dict[int, str]:
    """The door records but may not start, as if it had died in between; some clients ask again."""
    with without(world, "RequestsApiFunction", "StartWorkflow"):
        jobs = {case.number: ask(case, world) for case in cases}
        for job_id in jobs.values():
            if world.job(job_id)["status"]["S"] != "QUEUED":
                raise FireError(f"{job_id} was started though nobody may")
    for case in cases:
        if case.act == "unstarted, asked again" and ask(case, world) != jobs[case.number]:
            raise FireError("a replay made another request")
    return jobs


@contextlib.contextmanager
def without(world: World, function: str, sid: str) -> Iterator[None]:
    """Take one statement from a function's role for as long as the block lasts."""
    iam, role = world.client("iam"), world.name(f"{function}Role")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        if any(statement.get("Sid") == sid for statement in document["Statement"]):
            break
    else:
        raise FireError(f"{role} has no statement {sid}")
    rest = copy.deepcopy(document)
    rest["Statement"] = [statement for statement in rest["Statement"] if statement.get("Sid") != sid]
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(rest))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def kill(case: Case, world: World) -> str:
    """The container is killed while it makes the picture, and started again. Nothing else may be in its queue."""
    address = world.address(case.owner)
    long = case.body | {"count": 4, "steps": 50}
    job_id = accepted(world.post(address, "/v1/images", long, key=f"key-{case.seed}"))
    wait_for_the_endpoint(job_id, world)
    running = processes.read(world.cloud.settings.run / "model.json")
    if running is None:
        raise FireError("the container does not run")
    os.killpg(running.pid, signal.SIGKILL)
    world.local("up")
    return job_id
