"""After any sequence of requests, replays, ends, repeats and deaths the counters say what the jobs say.

Run over the fake and over the adapter, through the door's own use case: a state machine of hypothesis draws what
happens, and after each step the counters are computed anew from the records.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
from abc import abstractmethod
from collections import Counter
from typing import Any

import boto3
import pytest
from afterimage.adapters.dynamodb.items import read
from afterimage.adapters.dynamodb.jobs import _KEYS, DynamoJobStore
from afterimage.domain.errors import IdempotencyConflictError, JobClosedError, JobNotFoundError, QuotaExceededError
from afterimage.domain.job import Job, JobId
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.quotas import Quotas
from afterimage.domain.recipients import Caller
from afterimage.domain.request import ImageRequest
from afterimage.domain.status import JobStatus
from afterimage.ports import JobStore
from afterimage.usecases.create_request import Door, create_request
from fakes.faults import Crash
from fakes.outside import Dice, FakePeople, FakeWorkflow, Ticker
from fakes.samples import ADA, ADDRESS, BOB, DAY_S
from fakes.stores import MemoryAccountStore, MemoryJobStore
from fakes.template import create_table
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from moto import mock_aws

# "before": the process dies before the write; "after": the write is done and the answer is lost.
FATES = st.sampled_from([None, None, None, None, "before", "after"])
_NAMES = itertools.count()
UNSUCCESSFUL = {JobStatus.BLOCKED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED}


class Counted(RuleBasedStateMachine):
    """Two people, few keys and tight bounds, so that everything meets everything."""

    store: JobStore

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[JobId] = []
        self.quotas = Quotas(monthly_pictures=9, concurrent_jobs=4, campaign_rows=None, daily_pictures=12)
        self.clock = Ticker()
        self.workflow = FakeWorkflow()
        self.door = Door(
            jobs=self.store,
            workflow=self.workflow,
            people=FakePeople(ada=ADDRESS, bob="bob@example.com"),
            profile=model_profiles()["demo"],
            admission_is_open=lambda: True,
            quotas=lambda: self.quotas,
            accounts=MemoryAccountStore(),
            job_ttl_s=90 * DAY_S,
            clock=self.clock,
            entropy=Dice(),
        )

    @abstractmethod
    def doom(self, method: str, fate: str | None) -> None:
        """Let the next write of a method end so."""

    @abstractmethod
    def spare(self) -> None:
        """Take back a fate that nothing met."""

    @abstractmethod
    def jobs(self) -> list[Job]:
        """Return every job on record."""

    @abstractmethod
    def counters(self) -> Counter[tuple[str, ...]]:
        """Return every counter on record."""

    @rule(
        caller=st.sampled_from([ADA, BOB]), count=st.integers(1, 4), key=st.sampled_from(["a", "b", None]), fate=FATES
    )
    def ask(self, caller: Caller, count: int, key: str | None, fate: str | None) -> None:
        before = len(self.ids)
        self.doom("create", fate)
        try:
            accepted = create_request(ImageRequest(prompt="a boat", count=count), caller, key, self.door)
        except (QuotaExceededError, IdempotencyConflictError):
            new = 0
        except Crash:
            new = fate == "after"
        else:
            new = not accepted.replayed
        self.spare()
        self.ids = sorted(job.job_id for job in self.jobs())
        assert len(self.ids) == before + new

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), to=st.sampled_from(JobStatus), fate=FATES)
    def write_status(self, data: st.DataObject, to: JobStatus, fate: str | None) -> None:
        job_id = data.draw(st.sampled_from(self.ids))
        self.doom("advance", fate)
        with contextlib.suppress(JobClosedError, Crash):
            self.store.advance(job_id, to, self.clock())
        self.spare()

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), success=st.booleans(), fate=FATES)
    def run_to_the_end(self, data: st.DataObject, success: bool, fate: str | None) -> None:
        """A whole way, repeated until it is told, as Step Functions and the sweep do."""
        job_id = data.draw(st.sampled_from(self.ids))
        way = ["MODERATING", "GENERATING", "REVIEWING", "DELIVERING", "SUCCEEDED"] if success else ["FAILED"]
        for status in way:
            self.doom("advance", fate if status == way[-1] else None)
            for _ in range(2):
                try:
                    self.store.advance(job_id, JobStatus(status), self.clock())
                except (JobClosedError, Crash):
                    continue
            self.spare()

    @rule()
    def erase_an_unknown_job(self) -> None:
        with pytest.raises(JobNotFoundError):
            self.store.advance(JobId("0" * 26), JobStatus.CANCELLED, self.clock())

    @rule(days=st.sampled_from([1, 9, 31]))
    def let_time_pass(self, days: int) -> None:
        self.clock.pass_s(days * DAY_S)

    @rule(cap=st.sampled_from([None, 5, 12]), month=st.sampled_from([0, 9, None]))
    def change_the_bounds(self, cap: int | None, month: int | None) -> None:
        self.quotas = dataclasses.replace(self.quotas, daily_pictures=cap, monthly_pictures=month)

    @invariant()
    def the_counters_are_the_truth_and_within_the_bound_of_open_requests(self) -> None:
        truth: Counter[tuple[str, ...]] = Counter()
        for job in self.jobs():
            assert job.charge
            truth["open", job.owner] += not job.status.is_final
            if job.status not in UNSUCCESSFUL:
                truth["month", job.owner, job.charge.month] += job.charge.pictures
                if job.charge.day:
                    truth["day", job.charge.day] += job.charge.pictures
        counters = self.counters()
        assert {name: count for name, count in counters.items() if count} == dict(+truth)
        assert all(count <= 4 for (kind, *_), count in counters.items() if kind == "open")


class InMemory(Counted):
    """Over the fake that other tests trust."""

    def __init__(self) -> None:
        self.memory = self.store = MemoryJobStore()
        super().__init__()

    def doom(self, method: str, fate: str | None) -> None:
        if fate:
            self.memory.fail_next(method, Crash(), after=fate == "after")

    def spare(self) -> None:
        self.memory._faults.clear()

    def jobs(self) -> list[Job]:
        return list(self.memory.records.values())

    def counters(self) -> Counter[tuple[str, ...]]:
        found = Counter({("open", owner): count for owner, count in self.memory.open.items()})
        found.update({("month", *name): count for name, count in self.memory.months.items()})
        found.update({("day", day): count for day, count in self.memory.days.items()})
        return found


class _Doomed:
    """A client whose next write dies."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.fate: str | None = None

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            if operation not in ("transact_write_items", "update_item"):
                return getattr(self._client, operation)(**arguments)
            fate, self.fate = self.fate, None
            if fate == "before":
                raise Crash
            answer = getattr(self._client, operation)(**arguments)
            if fate == "after":
                raise Crash
            return answer

        return call


class InTheTable(Counted):
    """Over the adapter, on moto."""

    def __init__(self) -> None:
        self.cloud = mock_aws()
        self.cloud.start()
        self.client = boto3.client(
            "dynamodb", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.table = f"counted-{next(_NAMES)}"  # a cloud of other tests may be about, and outlive this one
        create_table(self.client, self.table)
        self.doomed = _Doomed(self.client)
        self.store = DynamoJobStore(self.doomed, self.table)
        super().__init__()

    def teardown(self) -> None:
        self.cloud.stop()

    def doom(self, method: str, fate: str | None) -> None:
        self.doomed.fate = fate

    def spare(self) -> None:
        self.doomed.fate = None

    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.scan(TableName=self.table)["Items"]
        return found

    def jobs(self) -> list[Job]:
        return [read(Job, item, _KEYS) for item in self.items() if item["sk"]["S"] == "JOB"]

    def counters(self) -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter()
        for item in self.items():
            partition, _, name = item["pk"]["S"].partition("#")
            kind, _, month = item["sk"]["S"].partition("#")
            if partition == "OWNER":
                found[("open", name) if kind == "OPEN" else ("month", name, month)] = int(
                    item["jobs" if kind == "OPEN" else "pictures"]["N"]
                )
            elif partition == "DAY":
                found["day", name] = int(item["pictures"]["N"])
        return found


# A few in the quick suite; `make fire` takes 2,000, and a twentieth of them in the table, where each takes a second.
EXAMPLES = int(os.environ.get("AFTERIMAGE_EXAMPLES", "100"))
# On moto a step takes long enough that a failure is told as it was found.
_UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]
_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
InMemory.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=30, deadline=None, suppress_health_check=_SLOW
)
InTheTable.TestCase.settings = settings(
    max_examples=EXAMPLES // 20, stateful_step_count=12, deadline=None, suppress_health_check=_SLOW, phases=_UNSHRUNK
)
TestInMemory = InMemory.TestCase
TestInTheTable = InTheTable.TestCase
