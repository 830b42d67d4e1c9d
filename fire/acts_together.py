"""Acts for several requests at once, because they change the cloud for everybody."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator

from fire.acts import ask, cancel, wait_for_the_endpoint
from fire.cases import Case
from fire.world import FireError, World, wait_until


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
        wait_until(lambda: not world.running().intersection(jobs.values()), "the stop of all")
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
        if case.act == "unstarted, cancelled":
            cancel(case, world, jobs[case.number])
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


TOGETHER = {"unstarted": leave_unstarted, "stop unheard": stop_unheard}
