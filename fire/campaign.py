"""One campaign: every case of a schedule is asked for, everything is waited for, and a verdict is returned."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fire import acts
from fire.acts_together import TOGETHER
from fire.cases import Case, schedule
from fire.verdict import Verdict, dead_letters, ended, judge, judge_letters, unchanged
from fire.world import Deployed, FireError, Seen, World, wait_until

ASKING = 4  # at a time: the two cores are the limit
AGAIN = 8  # second runs at a time: each waits for the emulator most of its time
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
    progress = Progress(len(cases), world, say)
    letters = dead_letters(world)
    _ask_all(cases, world, progress)
    _settle(world, progress, hurry)
    for case in cases:  # last and one by one: nobody else may have work in the container
        if case.act == "kill":
            progress.take(case, acts.kill(case, world))
            _settle(world, progress, hurry)
    settled_s = time.monotonic() - began
    verdict = _look(progress.jobs, world, say)
    judge_letters(letters, world, verdict)
    if left := world.faults_left():
        verdict.findings.append(f"faults that nobody met: {left}")
    world.http.close()
    times = {"settled_s": round(settled_s, 1), "took_s": round(time.monotonic() - began, 1)}
    return _numbers(cases, progress.jobs, verdict) | {"seed": seed, "jobs": len(cases)} | times


def _ask_all(cases: list[Case], world: World, progress: Progress) -> None:
    """First what changes the cloud for everybody, then the rest in the order of the schedule, several at a time."""
    for name, act in TOGETHER.items():
        for number, job_id in act([case for case in cases if case.act.startswith(name)], world).items():
            progress.take(cases[number], job_id)

    def ask(case: Case) -> None:
        progress.take(case, acts.ACTS[case.act](case, world))

    with ThreadPoolExecutor(ASKING) as pool:
        asked = [pool.submit(ask, case) for case in cases if case.act in acts.ACTS]
        for done in asked:
            done.result()
            progress.show()


def _settle(world: World, progress: Progress, hurry: bool) -> None:
    """Wait until every job has ended and its owner was told; what has not by then is stuck, and counted as that."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        seen = world.look()
        waiting = [job_id for job_id in progress.jobs if job_id not in seen.jobs or not ended(seen.jobs[job_id])]
        progress.show(seen)
        if not waiting:
            return
        if hurry:
            for job_id in waiting:
                if _only_the_sweep_can_help(job_id, seen, world):
                    _age(job_id, world)
            world.invoke("SweepOpenJobsFunction", {})
        time.sleep(2)


def _only_the_sweep_can_help(job_id: str, seen: Seen, world: World) -> bool:
    """Not so while a function works for the job: nothing that works is silent for three minutes."""
    if job_id not in seen.jobs or not (status := world.execution_status(job_id)):
        return job_id in seen.jobs
    waits = any("output_location" in attempt for attempt in seen.attempts.get(job_id, ()))
    return status != "RUNNING" or (seen.jobs[job_id]["status"]["S"] == "GENERATING" and waits)


def _age(job_id: str, world: World) -> None:
    """Let a job that waits have been silent for longer than it was."""
    world.client("dynamodb").update_item(
        TableName=world.table,
        Key={"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}},
        UpdateExpression="SET updated_at_ms = updated_at_ms - :by",
        ExpressionAttributeValues={":by": {"N": str(THREE_MINUTES_MS)}},
    )


def _look(jobs: dict[str, Case], world: World, say: Callable[[str], None]) -> Verdict:
    """Run the states of every job once more, see that nothing changes, and judge."""
    running = set(jobs)

    def all_ended() -> bool:
        running.intersection_update(world.running())
        return not running

    with contextlib.suppress(FireError):  # the verdict counts it
        wait_until(all_ended, "the end of every execution", 30)
    before = world.look()
    say(f"{len(jobs)} ended; each is run once more")
    with ThreadPoolExecutor(AGAIN) as pool:
        list(pool.map(lambda job_id: _run_again(job_id, before.attempts.get(job_id, []), world), jobs))
    after = world.look()
    verdict = judge(jobs, after, world)
    unchanged(before, after, jobs, verdict)
    return verdict


def _run_again(job_id: str, attempts: list[dict[str, Any]], world: World) -> None:
    """What a redrive would do, and a repeated message and event: the emulator has no redrive, so states are invoked."""
    known = {"job_id": job_id}
    attempt_id = attempts[0]["attempt_id"]["S"] if attempts else "0" * 16
    world.invoke("ModeratePromptFunction", known)
    world.invoke("SealPicturesFunction", known | {"attempt_id": attempt_id})
    world.invoke("ReviewImagesFunction", known | {"attempt_id": attempt_id})
    world.invoke("NotifyRequesterFunction", known)
    world.invoke("CloseLostJobFunction", {"detail": {"name": job_id, "status": "ABORTED"}})


def _numbers(cases: list[Case], jobs: dict[str, Case], verdict: Verdict) -> dict[str, Any]:
    counted = Counter(case.kind for case in cases)
    odd = Counter(case.kind for job_id, case in jobs.items() if any(job_id in finding for finding in verdict.findings))
    return {
        "counts": verdict.counts,
        "notes": verdict.notes,
        "findings": verdict.findings,
        "clean": verdict.clean,
        "kinds": {
            name: {"jobs": number, "as_predicted": number - odd[name]} for name, number in sorted(counted.items())
        },
    }


class Progress:
    """What was asked for so far, and one line that tells a person how far it is."""

    def __init__(self, total: int, world: World, say: Callable[[str], None]) -> None:
        self.jobs: dict[str, Case] = {}
        self._total, self._world, self._say = total, world, say
        self._began = self._shown = time.monotonic()

    def take(self, case: Case, job_id: str) -> None:
        self.jobs[job_id] = case

    def show(self, seen: Seen | None = None) -> None:
        now = time.monotonic()
        if now - self._shown < 5:
            return
        self._shown, jobs = now, (seen or self._world.look()).jobs
        done = sum(job_id in jobs and ended(jobs[job_id]) for job_id in list(self.jobs))
        self._say(f"{len(self.jobs)}/{self._total} asked for, {done} ended, {now - self._began:.0f} s")
