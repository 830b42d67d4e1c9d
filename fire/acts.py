"""What happens to a request besides faults of the endpoint. Each act asks for it and returns its id."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.domain.suppression import SuppressionKind, suppression_of
from afterimage.telemetry import now_ms

from fire.cases import GARBAGE, OWNERS, Case
from fire.world import FINAL, FireError, World, wait_until
from local import processes
from local.settings import ROOT

SUPPRESSED = OWNERS  # the number of a person of whom mail came back
FIRST_LIMITED = OWNERS + 1  # and of the first of those who have a quota of their own


def ask(case: Case, world: World, *, owner: int | None = None) -> str:
    """Post the request and return its id."""
    address = world.address(case.owner if owner is None else owner)
    return accepted(world.send("POST", address, "/v1/images", case.body, key=f"key-{case.seed}"))


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


def cancel(case: Case, world: World, job_id: str) -> str:
    """Cancel, twice as an impatient client does: the second answer is the first."""
    for _ in range(2):
        answer = world.send("POST", world.address(case.owner), f"/v1/images/{job_id}/cancel")
        if (answer.status_code, answer.json().get("status")) != (200, "CANCELLED"):
            raise FireError(f"cancelling was answered {answer.status_code}: {answer.text}")
    return job_id


def cancel_at_work(case: Case, world: World) -> str:
    job_id = ask(case, world)
    wait_for_the_endpoint(job_id, world)
    return wait_for_the_outcome(cancel(case, world, job_id), world)


def cancel_when_made(case: Case, world: World) -> str:
    """The picture is there and its message on the way: it comes to somebody who has cancelled."""
    job_id = ask(case, world)
    bucket, _, made = wait_for_the_endpoint(job_id, world)["output_location"]["S"].removeprefix("s3://").partition("/")
    s3 = world.client("s3")
    wait_until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=made).get("KeyCount"), f"what was made for {job_id}")
    return wait_for_the_outcome(cancel(case, world, job_id), world)


def wait_for_the_outcome(job_id: str, world: World) -> str:
    """Return once the endpoint's message about it was heard, so that the end is judged that stands after it."""
    wait_until(lambda: "outcome" in world.attempts(job_id)[0], f"the message about {job_id}", 600)
    return job_id


def garbage(case: Case, world: World) -> str:
    """What nobody can act upon arrives on both topics while the request waits. Each text holds the seed of the request,
    by which the dead letter that it may become is known."""
    job_id = ask(case, world)
    wait_for_the_endpoint(job_id, world)
    mark = f"{GARBAGE}{case.seed}"
    unknown = {"invocationStatus": "Completed", "inferenceId": f"{job_id}.{'f' * 16}", "eventName": mark}
    foreign = {"invocationStatus": "Failed", "inferenceId": mark, "failureReason": mark}
    texts = (
        '{"eventName": "TestNotification"}',
        json.dumps(unknown),
        json.dumps(foreign),
        f"not JSON {mark}",
        f'["{mark}"]',
    )
    for topic in ("SuccessTopicArn", "ErrorTopicArn"):
        for text in texts:
            world.client("sns").publish(TopicArn=world.cloud.outputs[topic], Message=text)
    return job_id


def over_quota(case: Case, world: World) -> str:
    """One picture is left, and five requests for it arrive at once: one is taken, and the others hear why not."""
    address = world.address(FIRST_LIMITED + case.number)
    world.limit(address, 1)
    path = "/v1/images"
    keys = [f"key-{case.seed}-{number}" for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda key: world.send("POST", address, path, case.body, key), keys))
    refused = [answer for answer in answers if answer.status_code == 429]
    known = all(one.json()["code"] == "monthly_quota_reached" and "Retry-After" in one.headers for one in refused)
    taken = [answer for answer in answers if answer.status_code == 202]
    if not known or (len(taken), len(refused)) != (1, 4):
        raise FireError(f"a quota of one was answered {[(one.status_code, one.text) for one in answers]}")
    job_id = accepted(taken[0])
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


def kill(case: Case, world: World) -> str:
    """The container is killed while it makes the picture, and started again. Nothing else may be in its queue."""
    address = world.address(case.owner)
    long = case.body | {"count": 4, "steps": 50}
    job_id = accepted(world.send("POST", address, "/v1/images", long, key=f"key-{case.seed}"))
    wait_for_the_endpoint(job_id, world)
    running = processes.read(world.cloud.settings.run / "model.json")
    if running is None:
        raise FireError("the container does not run")
    os.killpg(running.pid, signal.SIGKILL)
    world.local("up")
    return job_id


ACTS: dict[str, Callable[[Case, World], str]] = {
    "": ask_and_watch,
    "ask five times": ask_five_times,
    "stop": stop,
    "time out": time_out,
    "contradict": contradict,
    "suppressed": suppressed,
    "cancel at work": cancel_at_work,
    "cancel when made": cancel_when_made,
    "garbage": garbage,
    "over quota": over_quota,
}
