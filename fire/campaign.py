"""One campaign: every case of a schedule is asked for, everything is waited for, and a verdict is returned."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fire import acts
from fire.cases import Case, schedule
from fire.verdict import Verdict, dead_letters, ended, judge, unchanged
from fire.world import Deployed, FireError, World, wait_until

ASKING = 4  # at a time: the two cores are the limit
SETTLE_S = 600.0
THREE_MINUTES_MS = 180_000
FEW = 40  # so many fit what a person may have open by default


def run(cloud: Deployed, *, seed: int, count: int, hurry: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Return counts and findings.

    In a hurry what is silent is made older by three minutes and swept at once; else the campaign waits.
    """
    began = time.monotonic()
    world = World(cloud, prefix=f"fire-{secrets.token_hex(3)}-")
    cases = schedule(seed, count)
    if count > FEW:
        world.allow(count)
    world.faults([rule for case in cases for rule in case.rules])
    progress = Progress(len(cases), say)
    jobs: dict[str, Case] = {}
    letters = len(dead_letters(world))
    _ask_all(cases, world, jobs, progress)
    _settle(jobs, world, progress, hurry)
    verdict, after_s = _look(jobs, world), time.monotonic() - began
    verdict.dead_letters -= letters
    left = world.faults_left()
    world.http.close()
    if left:
        verdict.findings.append(f"faults that nobody met: {left}")
    return _numbers(cases, jobs, verdict) | {"seed": seed, "jobs": len(cases), "took_s": round(after_s, 1)}


def _ask_all(cases: list[Case], world: World, jobs: dict[str, Case], progress: Progress) -> None:
    """In the order of the schedule, several at a time; what changes the cloud for everybody comes after that."""
    lock = threading.Lock()

    def take(case: Case, job_id: str) -> None:
        with lock:
            jobs[job_id] = case
            progress.asked += 1

    single = [case for case in cases if case.act in acts.ACTS]
    with ThreadPoolExecutor(ASKING) as pool:
        for done in [pool.submit(lambda case=case: take(case, acts.ACTS[case.act](case, world))) for case in single]:
            done.result()
            progress.show(jobs, world)
    together = {"unstarted": acts.leave_unstarted, "stop unheard": acts.stop_unheard}
    for name, act in together.items():
        for number, job_id in act([case for case in cases if case.act.startswith(name)], world).items():
            take(cases[number], job_id)
    killed = [case for case in cases if case.act == "kill"]
    if killed:
        _wait_for_an_empty_queue(world)
    for case in killed:
        take(case, acts.kill(case, world))


def _wait_for_an_empty_queue(world: World) -> None:
    """Only messages that are late may still be on their way: the container itself has nothing to do."""

    def quiet() -> bool:
        seen = world.look()
        waiting = [job_id for job_id, job in seen.jobs.items() if not ended(job)]
        return all(job_id in seen.attempts and _was_made(seen.attempts[job_id], world) for job_id in waiting)

    wait_until(quiet, "an empty queue", SETTLE_S)


def _was_made(attempts: list[dict[str, Any]], world: World) -> bool:
    newest = max(attempts, key=lambda attempt: int(attempt["started_at_ms"]["N"]))
    if "outcome" in newest or "output_location" not in newest:
        return "outcome" in newest
    for place in ("output_location", "failure_location"):
        bucket, _, key = newest[place]["S"].removeprefix("s3://").partition("/")
        if world.client("s3").list_objects_v2(Bucket=bucket, Prefix=key).get("KeyCount"):
            return True
    return False


def _settle(jobs: dict[str, Case], world: World, progress: Progress, hurry: bool) -> None:
    """Wait until every job has ended and its owner was told; what has not by then is stuck, and counted as that."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        seen = world.look()
        waiting = [job_id for job_id in jobs if job_id not in seen.jobs or not ended(seen.jobs[job_id])]
        progress.show(jobs, world, len(jobs) - len(waiting))
        if not waiting:
            return
        if hurry:
            for job_id in waiting:
                _age(job_id, world)
            world.invoke("SweepOpenJobsFunction", {})
        time.sleep(2)


def _age(job_id: str, world: World) -> None:
    """Let a job that waits have been silent for longer than it was."""
    world.client("dynamodb").update_item(
        TableName=world.table,
        Key={"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}},
        UpdateExpression="SET updated_at_ms = updated_at_ms - :by",
        ExpressionAttributeValues={":by": {"N": str(THREE_MINUTES_MS)}},
    )


def _look(jobs: dict[str, Case], world: World) -> Verdict:
    """Run the states of one job of each kind, and of every fourth, once more, see that nothing changes, and judge."""
    for job_id in jobs:
        try:
            wait_until(lambda job_id=job_id: world.execution_status(job_id) != "RUNNING", job_id, 30)
        except FireError:
            break  # the verdict counts it
    before = world.look()
    chosen = {case.kind: job_id for job_id, case in jobs.items()}.values()
    again = list(dict.fromkeys((*chosen, *list(jobs)[::4])))
    with ThreadPoolExecutor(ASKING) as pool:
        list(pool.map(lambda job_id: _run_again(job_id, before.attempts.get(job_id, []), world), again))
    after = world.look()
    verdict = judge(jobs, after, world)
    unchanged(before, after, jobs, verdict)
    return verdict


def _run_again(job_id: str, attempts: list[dict[str, Any]], world: World) -> None:
    """What a redrive would do, and a repeated message and event: the emulator has no redrive, so states are invoked."""
    known = {"job_id": job_id}
    attempt_id = attempts[0]["attempt_id"]["S"] if attempts else "0" * 16
    world.invoke("ModeratePromptFunction", known)
    world.invoke("ReviewImagesFunction", known | {"attempt_id": attempt_id})
    world.invoke("NotifyRequesterFunction", known)
    world.invoke("CloseLostJobFunction", {"detail": {"name": job_id, "status": "ABORTED"}})


def _numbers(cases: list[Case], jobs: dict[str, Case], verdict: Verdict) -> dict[str, Any]:
    counted = Counter(case.kind for case in cases)
    odd = Counter(case.kind for job_id, case in jobs.items() if any(job_id in finding for finding in verdict.findings))
    return {
        "counts": verdict.counts,
        "findings": verdict.findings,
        "clean": verdict.clean,
        "kinds": {
            name: {"jobs": number, "as_predicted": number - odd[name]} for name, number in sorted(counted.items())
        },
    }


class Progress:
    """One line that tells a person how far it is."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self.asked = 0
        self._total = total
        self._say = say
        self._began = self._shown = time.monotonic()

    def show(self, jobs: dict[str, Case], world: World, done: int | None = None) -> None:
        now = time.monotonic()
        if now - self._shown < 2:
            return
        self._shown = now
        if done is None:
            seen = world.look()
            done = sum(1 for job_id in list(jobs) if job_id in seen.jobs and ended(seen.jobs[job_id]))
        self._say(f"{self.asked}/{self._total} asked for, {done} ended, {now - self._began:.0f} s")


def to_terminal(line: str) -> None:
    """Write over the line before on a terminal, else one line after the other."""
    end = "\r" if sys.stdout.isatty() else "\n"
    print(f"{line:<78}", end=end, flush=True)
