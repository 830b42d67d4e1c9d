"""What came out, against what the schedule says: counted from the table, the mails and Step Functions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fire.cases import GARBAGE, Case, End
from fire.world import FINAL, Item, Seen, World


@dataclass
class Verdict:
    """Counts of what should be none, and a line for each that is not."""

    stuck: int = 0
    wrong: int = 0
    mailed_twice: int = 0
    mails_not_as_predicted: int = 0
    inferences_not_as_predicted: int = 0
    orphan_executions: int = 0
    dead_letters: int = 0
    counters_wrong: int = 0
    jobs_of_nobody: int = 0
    changed_by_a_second_run: int = 0
    # Not wrong, and told: what was seen of two things that may be.
    garbage_kept: int = 0
    marks_taken_by_the_sweep: int = 0
    findings: list[str] = field(default_factory=list)

    def note(self, count: str, finding: str) -> None:
        setattr(self, count, getattr(self, count) + 1)
        self.findings.append(f"{count}: {finding}")

    @property
    def counts(self) -> dict[str, int]:
        return {name: value for name, value in vars(self).items() if name not in ("findings", *self.notes)}

    @property
    def notes(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("garbage_kept", "marks_taken_by_the_sweep")}

    @property
    def clean(self) -> bool:
        return not any(self.counts.values())


def ended(job: Item) -> bool:
    """True once a job has ended and its owner was told, or it is settled that nobody is."""
    notice = job.get("notice", {}).get("M", {}).get("state", {}).get("S", "sending")
    return job["status"]["S"] in FINAL and notice != "sending"


def judge(cases: dict[str, Case], seen: Seen, world: World) -> Verdict:
    """Compare every job with its case."""
    verdict = Verdict()
    mails = world.mails()
    for job_id, case in cases.items():
        _judge_job(job_id, case, seen, sum(job_id.encode() in mail for mail in mails), verdict)
    owners = {job["owner"]["S"] for job_id, job in seen.jobs.items() if job_id in cases}
    for job_id, job in seen.jobs.items():
        if job["owner"]["S"] in owners and job_id not in cases:
            verdict.note("jobs_of_nobody", f"{job_id} was asked for by nobody")
    for job_id in world.running() & set(cases):
        verdict.note("orphan_executions", f"{job_id} still runs")
    _judge_counters(owners, seen, verdict)
    return verdict


def judge_letters(before: dict[str, str], world: World, verdict: Verdict) -> None:
    """What was kept as a dead letter since, but for what nobody can act upon: that may be there, and nothing else."""
    for number, letter in dead_letters(world).items():
        if number in before:
            continue
        if GARBAGE in letter:
            verdict.garbage_kept += 1
        else:
            verdict.note("dead_letters", letter[:200])


def _judge_job(job_id: str, case: Case, seen: Seen, mails: int, verdict: Verdict) -> None:
    job = seen.jobs.get(job_id)
    where = f"{job_id} ({case.number}, {case.kind})"
    if job is None or not ended(job):
        verdict.note("stuck", f"{where} stands at {job['status']['S'] if job else 'nothing'}")
        return
    found, wanted = end_of(job, case.end.attempts), case.end
    if found != wanted or (wanted.status == "SUCCEEDED") != bool(job.get("pictures", {}).get("L")):
        verdict.note("wrong", f"{where} ended {found}, not {wanted}")
    if mails > 1:
        verdict.note("mailed_twice", f"{where} got {mails} mails")
    if mails != wanted.mails:
        verdict.note("mails_not_as_predicted", f"{where} got {mails} mails, not {wanted.mails}")
    if (made := len(seen.attempts.get(job_id, []))) != wanted.attempts:
        verdict.note("inferences_not_as_predicted", f"{where} took {made} inferences, not {wanted.attempts}")


def end_of(job: Item, attempts: int) -> End:
    """The end that is on record; inferences are counted apart."""
    return End(
        status=job["status"]["S"],
        code=job["failure"]["M"]["code"]["S"] if "failure" in job else None,
        notice=job["notice"]["M"]["state"]["S"],
        attempts=attempts,
    )


def _judge_counters(owners: set[str], seen: Seen, verdict: Verdict) -> None:
    """A person's open jobs and pictures of the month, as counted and as they are. The pictures of the day too, where
    nobody else has used this cloud: what somebody has erased stays counted, and nothing tells any more what it was."""
    jobs = list(seen.jobs.values())
    alone = {job["owner"]["S"] for job in jobs} <= owners
    month: Counter[tuple[str, str]] = Counter()
    day: Counter[str] = Counter()
    for job in jobs:
        charge = job.get("charge", {}).get("M")
        if charge and job["status"]["S"] not in ("FAILED", "BLOCKED", "CANCELLED", "EXPIRED"):
            pictures = int(charge["pictures"]["N"])
            month[job["owner"]["S"], charge["month"]["S"]] += pictures
            day[charge.get("day", {}).get("S", "")] += pictures
    still_open = Counter(job["owner"]["S"] for job in jobs if job["status"]["S"] not in FINAL)
    for item in seen.others:
        partition, _, name = item["pk"]["S"].partition("#")
        kind = item["sk"]["S"]
        if partition == "OWNER" and name not in owners:
            continue
        if partition == "OWNER" and kind.startswith("USE#"):
            _compare(f"{name} {kind}", item, "pictures", month[name, kind.removeprefix("USE#")], verdict)
        elif partition == "OWNER" and kind == "OPEN":
            _compare(f"{name} {kind}", item, "jobs", still_open[name], verdict)
        elif partition == "DAY" and kind == "USE" and alone:
            _compare(f"{name} {kind}", item, "pictures", day[name], verdict)


def _compare(what: str, item: Item, attribute: str, truth: int, verdict: Verdict) -> None:
    counted = int(item.get(attribute, {}).get("N", "0"))
    if counted != truth:
        verdict.note("counters_wrong", f"{what} counts {counted}, and there are {truth}")


def dead_letters(world: World) -> dict[str, str]:
    """What lies in the queue of what could not be handled, by number; it is there again a few seconds later."""
    queue, letters = world.client("sqs"), dict[str, str]()
    while True:
        found = queue.receive_message(
            QueueUrl=world.cloud.outputs["DeadLettersUrl"], MaxNumberOfMessages=10, VisibilityTimeout=10
        ).get("Messages", [])
        new = {message["MessageId"]: message["Body"] for message in found if message["MessageId"] not in letters}
        if not new:
            return letters
        letters |= new


def unchanged(before: Seen, after: Seen, cases: dict[str, Case], verdict: Verdict) -> None:
    """A second run of a state leaves every attribute of an ended job and of its attempts as it was. The one that is no
    state's is `open`: the sweep takes the mark UNTOLD from an ended job once it has seen that its owner was told."""
    for job_id in cases:
        then, now = seen_of(job_id, before), seen_of(job_id, after)
        changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
        if changed == ["open"] and then.get("open") == {"S": "UNTOLD"} and "open" not in now:
            verdict.marks_taken_by_the_sweep += 1
        elif changed:
            facts = ", ".join(f"{name}: {then.get(name)} → {now.get(name)}" for name in changed)
            verdict.note("changed_by_a_second_run", f"{job_id} {facts}"[:400])


def seen_of(job_id: str, seen: Seen) -> Item:
    """The attributes of a job, and its attempts as one more."""
    attempts = sorted(seen.attempts.get(job_id, []), key=lambda attempt: str(attempt["sk"]["S"]))
    return {**seen.jobs.get(job_id, {}), "attempts": {"L": attempts}}


def table_of(numbers: dict[str, Any]) -> list[list[Any]]:
    """Kind by kind: how many, and how they ended."""
    rows: list[list[Any]] = [["what happened", "jobs", "as predicted"]]
    return rows + [[name, row["jobs"], row["as_predicted"]] for name, row in numbers["kinds"].items()]
