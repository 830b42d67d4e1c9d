"""What `ports.JobStore` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.transactions import TRIES
from afterimage.contracts.codec import ContractError
from afterimage.domain.errors import JobClosedError, JobNotFoundError, StoreUnavailableError
from afterimage.domain.job import Failure, InputPicture, JobWarning, Notice
from afterimage.domain.moderation import Action, Decision
from afterimage.domain.quotas import Quotas, charge_for
from afterimage.domain.status import JobStatus, sources
from afterimage.ports import IdempotencyClaim, JobChanges, JobStore, KeyTakenError, Phase
from botocore.exceptions import ClientError
from fakes.outside import NOW_MS
from fakes.samples import SPEC, a_job, job_id, pictures
from fakes.stores import MemoryJobStore
from fakes.stubbed import UNREACHED, stubbed, unreached

LATER_MS = NOW_MS + 5_000
CLAIM = IdempotencyClaim(
    key_hash="c" * 64, body_digest="d" * 64, job_id=job_id(1), expires_at_s=NOW_MS // 1000 + 86_400
)
DECISION = Decision(
    stage="prompt", action=Action.ALLOW, policy_version="1", at_ms=NOW_MS, scores={"toxicity": 0.25}, threshold=0.5
)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> JobStore:
    """Return an empty store."""
    if request.param == "memory":
        return MemoryJobStore()
    return DynamoJobStore(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_a_job_comes_back_as_it_was_put(store: JobStore) -> None:
    job = a_job(
        spec=dataclasses.replace(SPEC, guidance=7.53, seeds=(0, 2**32 - 1), preset="icon", scheduler="DDIMScheduler"),
        decisions=(DECISION,),
        pictures=pictures(),
        warnings=(JobWarning(code="prompt_cut", message="Cut.", detail="端っこ 🎨"),),
        failure=Failure(code="timed_out", sentence="Too long."),
        notice=Notice(state="failed", at_ms=NOW_MS, failure_code="MessageRejected"),
    )
    store.create(job, None)
    assert store.get(job.job_id, NOW_MS) == job


def test_absent_optionals_stay_absent(store: JobStore) -> None:
    job = a_job(recipient=None)
    store.create(job, None)
    read = store.get(job.job_id, NOW_MS)
    assert (read.recipient, read.failure, read.notice) == (None, None, None)


def test_a_job_and_its_claim_are_put_together(store: JobStore) -> None:
    store.create(a_job(), CLAIM)
    assert store.find_claim(CLAIM.key_hash, NOW_MS) == CLAIM
    assert store.get(CLAIM.job_id, NOW_MS) == a_job()


def test_a_taken_key_refuses_the_job_as_well(store: JobStore) -> None:
    store.create(a_job(), CLAIM)
    second = a_job(number=2)
    with pytest.raises(KeyTakenError):
        store.create(second, dataclasses.replace(CLAIM, job_id=second.job_id))
    with pytest.raises(JobNotFoundError):
        store.get(second.job_id, NOW_MS)
    assert store.find_claim(CLAIM.key_hash, NOW_MS) == CLAIM


def test_an_expired_claim_is_not_found_and_its_key_is_free_again(store: JobStore) -> None:
    store.create(a_job(), CLAIM)
    expired_ms = CLAIM.expires_at_s * 1000
    assert store.find_claim(CLAIM.key_hash, expired_ms - 1) == CLAIM
    assert store.find_claim(CLAIM.key_hash, expired_ms) is None
    second = a_job(number=2, created_at_ms=expired_ms)
    renewed = dataclasses.replace(CLAIM, job_id=second.job_id, expires_at_s=CLAIM.expires_at_s + 86_400)
    store.create(second, renewed)
    assert store.find_claim(CLAIM.key_hash, expired_ms) == renewed


def test_an_unknown_key_has_no_claim(store: JobStore) -> None:
    assert store.find_claim("0" * 64, NOW_MS) is None


def test_an_unknown_job_is_not_found(store: JobStore) -> None:
    with pytest.raises(JobNotFoundError):
        store.get(job_id(9), NOW_MS)


def test_an_expired_job_is_not_found_though_it_is_still_there(store: JobStore) -> None:
    job = a_job()
    store.create(job, None)
    assert store.get(job.job_id, job.expires_at_s * 1000 - 1) == job
    with pytest.raises(JobNotFoundError):
        store.get(job.job_id, job.expires_at_s * 1000)


def test_many_jobs_are_read_at_once_without_those_that_are_gone_or_expired(store: JobStore) -> None:
    jobs = [a_job(number=number, recipient=None) for number in range(1, 104)]
    dead = a_job(number=104, expires_at_s=NOW_MS // 1000)
    for job in (*jobs, dead):
        store.create(job, None)
    wanted = [job.job_id for job in jobs] + [dead.job_id, job_id(105)]
    assert store.get_many(wanted, NOW_MS) == {job.job_id: job for job in jobs}  # type: ignore[attr-defined]
    assert store.get_many([], NOW_MS) == {}  # type: ignore[attr-defined]


def test_what_dynamodb_leaves_for_another_call_is_asked_for_again() -> None:
    client, answers = stubbed("dynamodb")
    left = {"jobs": {"Keys": [{"pk": {"S": f"JOB#{job_id(1)}"}, "sk": {"S": "JOB"}}], "ConsistentRead": True}}
    for _ in range(TRIES):
        answers.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left})
    pauses: list[int] = []
    with pytest.raises(StoreUnavailableError):
        DynamoJobStore(client, "jobs", pauses.append).get_many([job_id(1)], NOW_MS)
    assert len(pauses) == TRIES
    answers.assert_no_pending_responses()


def test_an_owners_jobs_are_listed_newest_first_by_page(store: JobStore) -> None:
    jobs = [a_job(job_id=job_id(n, NOW_MS + n), created_at_ms=NOW_MS + n) for n in range(5)]
    for job in (jobs[3], jobs[0], jobs[4], jobs[1], jobs[2]):
        store.create(job, None)
    store.create(a_job(number=99, owner="user#somebody-else"), None)
    first = store.list_by_owner("user#ada", 2, None, NOW_MS)
    second = store.list_by_owner("user#ada", 2, first[-1].job_id, NOW_MS)
    last = store.list_by_owner("user#ada", 2, second[-1].job_id, NOW_MS)
    assert first + second + last == tuple(reversed(jobs))
    assert store.list_by_owner("user#ada", 2, last[-1].job_id, NOW_MS) == ()


def test_expired_jobs_leave_no_gap_in_a_page(store: JobStore) -> None:
    living = [a_job(job_id=job_id(n, NOW_MS + n)) for n in (1, 2)]
    dead = [a_job(job_id=job_id(n, NOW_MS + n), expires_at_s=NOW_MS // 1000) for n in (3, 4, 5)]
    for job in (*living, *dead):
        store.create(job, None)
    assert store.list_by_owner("user#ada", 2, None, NOW_MS) == (living[1], living[0])


def test_open_jobs_are_listed_longest_untouched_first(store: JobStore) -> None:
    old, older, fresh = (a_job(number=n, updated_at_ms=NOW_MS - age) for n, age in ((1, 20), (2, 30), (3, 0)))
    for job in (old, fresh, older):
        store.create(job, None)
    assert store.list_open(Phase.QUEUED, NOW_MS, 10) == (older.job_id, old.job_id)
    assert store.list_open(Phase.QUEUED, NOW_MS, 1) == (older.job_id,)


def test_a_job_leaves_the_queued_ones_when_work_on_it_begins(store: JobStore) -> None:
    job = a_job()
    store.create(job, None)
    store.advance(job.job_id, JobStatus.MODERATING, NOW_MS)
    assert store.list_open(Phase.QUEUED, LATER_MS, 10) == ()
    assert store.list_open(Phase.WORKING, LATER_MS, 10) == (job.job_id,)


@pytest.mark.parametrize("end", [status for status in JobStatus if status.is_final])
def test_an_ended_job_is_not_open_any_more(store: JobStore, end: JobStatus) -> None:
    way = {JobStatus.SUCCEEDED: JobStatus.DELIVERING, JobStatus.BLOCKED: JobStatus.MODERATING}
    job = a_job(way.get(end, JobStatus.QUEUED))
    store.create(job, None)
    assert [store.list_open(phase, LATER_MS, 10) for phase in Phase].count((job.job_id,)) == 1
    store.advance(job.job_id, end, NOW_MS)
    assert [store.list_open(phase, LATER_MS, 10) for phase in (Phase.QUEUED, Phase.WORKING)] == [(), ()]
    # One that succeeded was told before; of any other it is not known until somebody has looked.
    untold = () if end is JobStatus.SUCCEEDED else (job.job_id,)
    assert store.list_open(Phase.UNTOLD, LATER_MS, 10) == untold
    store.forget_ended(job.job_id)
    assert store.list_open(Phase.UNTOLD, LATER_MS, 10) == ()


def test_a_job_that_is_open_is_not_forgotten(store: JobStore) -> None:
    store.create(a_job(JobStatus.GENERATING), None)
    store.forget_ended(job_id(1))
    store.forget_ended(job_id(9))
    assert store.list_open(Phase.WORKING, LATER_MS, 10) == (job_id(1),)


@pytest.mark.parametrize("to", list(JobStatus))
@pytest.mark.parametrize("start", list(JobStatus))
def test_a_status_is_written_exactly_where_the_table_allows_it(
    store: JobStore, start: JobStatus, to: JobStatus
) -> None:
    job = a_job(start)
    store.create(job, None)
    if start in sources(to):
        advanced = store.advance(job.job_id, to, LATER_MS)
        assert (advanced.status, advanced.updated_at_ms) == (to, LATER_MS)
        assert store.get(job.job_id, NOW_MS) == advanced
    else:
        with pytest.raises(JobClosedError):
            store.advance(job.job_id, to, LATER_MS)
        assert store.get(job.job_id, NOW_MS) == job


@pytest.mark.parametrize("to", list(JobStatus))
@pytest.mark.parametrize("start", [JobStatus.HELD, JobStatus.MODERATING, JobStatus.REVIEWING, JobStatus.BLOCKED])
def test_a_write_that_names_a_status_finds_a_job_in_that_one_only(
    store: JobStore, start: JobStatus, to: JobStatus
) -> None:
    job = a_job(start)
    store.create(job, None)
    if start in sources(to, JobStatus.HELD):
        assert store.advance(job.job_id, to, LATER_MS, only_from=JobStatus.HELD).status is to
    else:
        with pytest.raises(JobClosedError):
            store.advance(job.job_id, to, LATER_MS, only_from=JobStatus.HELD)
        assert store.get(job.job_id, NOW_MS) == job


def test_of_two_who_would_move_a_job_out_of_held_one_does(store: JobStore) -> None:
    store.create(a_job(JobStatus.HELD), None)
    store.advance(job_id(1), JobStatus.MODERATING, LATER_MS, only_from=JobStatus.HELD)
    for other in (JobStatus.BLOCKED, JobStatus.MODERATING):
        with pytest.raises(JobClosedError):
            store.advance(job_id(1), other, LATER_MS, only_from=JobStatus.HELD)


@pytest.mark.parametrize("to", [JobStatus.MODERATING, JobStatus.REVIEWING, JobStatus.BLOCKED])
def test_whoever_read_an_earlier_wait_moves_nothing_out_of_a_later_one(store: JobStore, to: JobStatus) -> None:
    store.create(a_job(JobStatus.MODERATING), None)
    seen = store.advance(job_id(1), JobStatus.HELD, LATER_MS)
    store.advance(job_id(1), JobStatus.MODERATING, LATER_MS, only_from=JobStatus.HELD)
    for status in (JobStatus.GENERATING, JobStatus.REVIEWING, JobStatus.HELD):
        job = store.advance(job_id(1), status, LATER_MS)
    with pytest.raises(JobClosedError):
        store.advance(job_id(1), to, LATER_MS, only_from=JobStatus.HELD, entered=len(seen.timeline))
    assert store.get(job_id(1), NOW_MS) == job
    moved = store.advance(job_id(1), to, LATER_MS, only_from=JobStatus.HELD, entered=len(job.timeline))
    assert moved.status is to


def test_who_waits_for_a_person_is_listed_longest_first_a_page_at_a_time(store: JobStore) -> None:
    for number, age in ((1, 20), (2, 30), (3, 10)):
        store.create(a_job(JobStatus.HELD, number=number, updated_at_ms=NOW_MS - age), None)
    store.create(a_job(JobStatus.REVIEWING, number=4), None)
    first = store.list_held(2, None)
    assert [(one.job_id, one.since_ms) for one in first] == [(job_id(2), NOW_MS - 30), (job_id(1), NOW_MS - 20)]
    assert [one.job_id for one in store.list_held(2, first[-1])] == [job_id(3)]
    store.advance(job_id(2), JobStatus.CANCELLED, NOW_MS)
    assert [one.job_id for one in store.list_held(9, None)] == [job_id(1), job_id(3)]
    assert store.list_open(Phase.HELD, LATER_MS, 9) == (job_id(1), job_id(3))


def test_entering_a_status_adds_one_line_to_the_timeline_and_a_repeat_none(store: JobStore) -> None:
    store.create(a_job(), None)
    store.advance(job_id(1), JobStatus.MODERATING, NOW_MS + 1)
    repeated = store.advance(job_id(1), JobStatus.MODERATING, NOW_MS + 2)
    assert [(change.status, change.at_ms) for change in repeated.timeline] == [
        (JobStatus.QUEUED, NOW_MS),
        (JobStatus.MODERATING, NOW_MS + 1),
    ]
    assert repeated.updated_at_ms == NOW_MS + 2


@pytest.mark.parametrize("repeat", [False, True])
def test_changes_are_written_with_the_status(store: JobStore, repeat: bool) -> None:
    store.create(a_job(JobStatus.REVIEWING if repeat else JobStatus.GENERATING, decisions=(DECISION,)), None)
    review = dataclasses.replace(DECISION, stage="picture", action=Action.BLOCK, scores=None)
    changes = JobChanges(
        spec=dataclasses.replace(SPEC, model_prompt="a dramatic lighthouse"),
        decisions=(review,),
        pictures=pictures(),
        warnings=(JobWarning(code="size_rounded", message="Rounded."),),
        failure=Failure(code="timed_out", sentence="Too long."),
        notice=Notice(state="not_wanted", at_ms=LATER_MS),
    )
    advanced = store.advance(job_id(1), JobStatus.REVIEWING, LATER_MS, changes)
    assert advanced.spec == changes.spec
    assert advanced.decisions == (DECISION, review)
    assert (advanced.pictures, advanced.warnings) == (changes.pictures, changes.warnings)
    assert (advanced.failure, advanced.notice) == (changes.failure, changes.notice)
    assert store.get(job_id(1), NOW_MS) == advanced


def test_what_a_change_does_not_name_stays(store: JobStore) -> None:
    job = a_job(JobStatus.DELIVERING, pictures=pictures(), decisions=(DECISION,))
    store.create(job, None)
    advanced = store.advance(job.job_id, JobStatus.SUCCEEDED, LATER_MS)
    assert (advanced.pictures, advanced.decisions, advanced.spec) == (job.pictures, job.decisions, job.spec)


def test_no_job_cannot_advance(store: JobStore) -> None:
    with pytest.raises(JobNotFoundError):
        store.advance(job_id(9), JobStatus.MODERATING, NOW_MS)
    with pytest.raises(JobNotFoundError):
        store.get(job_id(9), NOW_MS)


def test_a_notice_is_swapped_only_from_the_expected_state(store: JobStore) -> None:
    sending, sent = Notice(state="sending", at_ms=NOW_MS), Notice(state="sent", at_ms=LATER_MS)
    store.create(a_job(), None)
    assert not store.swap_notice(job_id(1), "sending", sent)
    assert store.get(job_id(1), NOW_MS).notice is None
    assert store.swap_notice(job_id(1), None, sending)
    assert not store.swap_notice(job_id(1), None, sent)
    assert store.get(job_id(1), NOW_MS).notice == sending
    assert store.swap_notice(job_id(1), "sending", sent)
    assert store.get(job_id(1), NOW_MS).notice == sent


def test_a_notice_can_be_taken_back(store: JobStore) -> None:
    store.create(a_job(), None)
    store.swap_notice(job_id(1), None, Notice(state="sending", at_ms=NOW_MS))
    assert store.swap_notice(job_id(1), "sending", None)
    assert store.get(job_id(1), NOW_MS).notice is None
    assert not store.swap_notice(job_id(1), "sending", None)


def test_a_notice_that_stands_there_already_was_swapped(store: JobStore) -> None:
    """The SDK makes a call again whose answer was lost; the second one meets the first one's write."""
    mine, other = (Notice(state="sending", at_ms=NOW_MS, claim=claim) for claim in ("mine", "other"))
    store.create(a_job(), None)
    assert store.swap_notice(job_id(1), None, mine)
    assert store.swap_notice(job_id(1), None, mine)
    assert not store.swap_notice(job_id(1), None, other)
    assert store.get(job_id(1), NOW_MS).notice == mine


def test_all_open_jobs_are_listed_over_many_pages(dynamodb: Any, table: str) -> None:
    class Paging:
        """A client that gives two items a page, whatever it is asked for."""

        def query(self, **arguments: Any) -> Any:
            return dynamodb.query(**arguments | {"Limit": 2})

    for number in range(5):
        DynamoJobStore(dynamodb, table).create(a_job(number=number, updated_at_ms=NOW_MS + number), None)
    store = DynamoJobStore(Paging(), table)
    assert store.list_open(Phase.QUEUED, LATER_MS, 10) == tuple(job_id(number) for number in range(5))
    assert store.list_open(Phase.QUEUED, LATER_MS, 3) == tuple(job_id(number) for number in range(3))


@pytest.mark.parametrize("expected", [None, "sending"])
def test_no_job_has_no_notice_to_swap(store: JobStore, expected: str | None) -> None:
    assert not store.swap_notice(job_id(9), expected, Notice(state="sent", at_ms=NOW_MS))
    with pytest.raises(JobNotFoundError):
        store.get(job_id(9), NOW_MS)


def test_an_erased_job_is_gone_with_its_claim_and_no_other(store: JobStore) -> None:
    job, other = a_job(JobStatus.FAILED, claim_hash=CLAIM.key_hash), a_job(number=2)
    store.create(job, CLAIM)
    store.create(other, None)
    for _ in range(2):
        store.erase(job)
    with pytest.raises(JobNotFoundError):
        store.get(job.job_id, NOW_MS)
    assert store.find_claim(CLAIM.key_hash, NOW_MS) is None
    assert store.list_by_owner("user#ada", 10, None, NOW_MS) == (other,)


def test_a_claim_that_stands_for_another_job_by_now_outlives_the_first_one(store: JobStore) -> None:
    store.create(a_job(claim_hash=CLAIM.key_hash), CLAIM)
    later_ms = CLAIM.expires_at_s * 1000
    second = a_job(number=2, created_at_ms=later_ms, expires_at_s=later_ms)
    renewed = dataclasses.replace(CLAIM, job_id=second.job_id, expires_at_s=CLAIM.expires_at_s + 86_400)
    store.create(second, renewed)
    store.erase(store.get(job_id(1), NOW_MS))
    assert store.find_claim(CLAIM.key_hash, later_ms) == renewed


def test_an_erased_job_is_not_resurrected_by_whoever_still_works_on_it(store: JobStore) -> None:
    store.create(a_job(JobStatus.GENERATING), None)
    store.erase(a_job())
    for status in JobStatus:
        with pytest.raises(JobNotFoundError):
            store.advance(job_id(1), status, NOW_MS)
    assert not store.swap_notice(job_id(1), None, Notice(state="sending", at_ms=NOW_MS))
    assert store.list_by_owner("user#ada", 10, None, NOW_MS) == ()


class _Refusing:
    """A DynamoDB client whose every operation answers with one error."""

    def __init__(self, code: str, reasons: tuple[str, ...] = (), status: int = 400) -> None:
        self._response = {
            "Error": {"Code": code, "Message": "said AWS"},
            "ResponseMetadata": {"HTTPStatusCode": status},
            "CancellationReasons": [{"Code": reason} for reason in reasons],
        }

    def __getattr__(self, operation: str) -> Any:
        def refuse(**_: Any) -> None:
            raise ClientError(self._response, operation)

        return refuse


def every_call(store: JobStore) -> tuple[Callable[[], object], ...]:
    return (
        lambda: store.create(a_job(), CLAIM),
        lambda: store.find_claim("c" * 64, NOW_MS),
        lambda: store.get(job_id(1), NOW_MS),
        lambda: store.list_by_owner("user#ada", 1, None, NOW_MS),
        lambda: store.list_open(Phase.QUEUED, NOW_MS, 1),
        lambda: store.advance(job_id(1), JobStatus.MODERATING, NOW_MS),
        lambda: store.swap_notice(job_id(1), None, None),
        lambda: store.erase(a_job()),
        lambda: store.erase(a_job(claim_hash="c" * 64)),
        lambda: store.forget_ended(job_id(1)),
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
    ],
)
def test_every_method_turns_what_may_pass_into_our_error(code: str, status: int) -> None:
    for call in every_call(DynamoJobStore(_Refusing(code, status=status), "table")):
        with pytest.raises(StoreUnavailableError):
            call()


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_every_method_turns_a_table_that_is_not_reached_into_our_error(error: Exception) -> None:
    for call in every_call(DynamoJobStore(unreached("dynamodb", error), "table")):
        with pytest.raises(StoreUnavailableError):
            call()


def test_a_record_of_another_version_is_read_and_keeps_what_it_has(dynamodb: Any, table: str) -> None:
    store = DynamoJobStore(dynamodb, table)
    job = a_job(pictures=pictures(), notice=Notice(state="sent", at_ms=NOW_MS))
    store.create(job, None)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    item["surprise"] = {"M": {"any": {"L": [{"N": "1.5"}]}}}
    item["spec"]["M"]["style"] = {"S": "later"}
    item["pictures"]["L"][0]["M"]["alt_text"] = {"S": "later"}
    item["notice"]["M"]["channel"] = {"S": "mail"}
    dynamodb.put_item(TableName=table, Item=item)
    assert store.get(job.job_id, NOW_MS) == job
    assert store.advance(job.job_id, JobStatus.MODERATING, NOW_MS).spec == job.spec
    (item,) = dynamodb.scan(TableName=table)["Items"]
    assert item["surprise"] == {"M": {"any": {"L": [{"N": "1.5"}]}}}
    assert item["spec"]["M"]["style"] == {"S": "later"}


def test_a_record_without_a_needed_field_is_refused(dynamodb: Any, table: str) -> None:
    store = DynamoJobStore(dynamodb, table)
    store.create(a_job(), None)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    del item["spec"]["M"]["prompt"]
    dynamodb.put_item(TableName=table, Item=item)
    with pytest.raises(ContractError, match=r"^\$\.spec\.prompt is missing$"):
        store.get(job_id(1), NOW_MS)


def test_a_record_that_cannot_be_read_is_ended_all_the_same_and_gives_back_what_it_took(
    dynamodb: Any, table: str
) -> None:
    store = DynamoJobStore(dynamodb, table)
    quotas = Quotas(monthly_pictures=9, concurrent_jobs=9, campaign_rows=None, daily_pictures=9)
    job = a_job(charge=charge_for(1, NOW_MS, quotas))
    store.create(job, None, quotas)
    items = dynamodb.scan(TableName=table)["Items"]
    (item,) = (item for item in items if item["sk"]["S"] == "JOB")
    del item["spec"]
    dynamodb.put_item(TableName=table, Item=item)
    with pytest.raises(ContractError):
        store.advance(job.job_id, JobStatus.FAILED, NOW_MS)
    left = {item["sk"]["S"]: item for item in dynamodb.scan(TableName=table)["Items"]}
    assert left.pop("JOB")["status"] == {"S": "FAILED"}
    counted = [item.get("pictures", item.get("jobs")) for item in left.values()]
    assert counted == [{"N": "0"}] * 3


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_two_transactions_at_once_are_a_reason_to_ask_again(reason: str) -> None:
    store = DynamoJobStore(_Refusing("TransactionCanceledException", ("None", reason)), "table")
    with pytest.raises(StoreUnavailableError):
        store.create(a_job(), CLAIM)


class _Interrupted:
    """A DynamoDB client in front of the true one; `meanwhile` happens after the first refused update."""

    def __init__(self, client: Any, meanwhile: Callable[[], object]) -> None:
        self._client = client
        self._meanwhile = meanwhile

    def update_item(self, **arguments: Any) -> Any:
        try:
            return self._client.update_item(**arguments)
        except ClientError:
            self._meanwhile()
            raise


def test_a_repeat_that_is_overtaken_is_refused_as_closed(dynamodb: Any, table: str) -> None:
    other = DynamoJobStore(dynamodb, table)
    other.create(a_job(JobStatus.MODERATING), None)
    store = DynamoJobStore(
        _Interrupted(dynamodb, lambda: other.advance(job_id(1), JobStatus.GENERATING, NOW_MS)), table
    )
    with pytest.raises(JobClosedError):
        store.advance(job_id(1), JobStatus.MODERATING, NOW_MS)
    assert other.get(job_id(1), NOW_MS).status is JobStatus.GENERATING


def test_an_error_that_nobody_understands_is_passed_on() -> None:
    store = DynamoJobStore(_Refusing("AccessDeniedException"), "table")
    with pytest.raises(ClientError):
        store.get(job_id(1), NOW_MS)


def test_a_finished_job_leaves_the_sparse_index_in_the_table_itself(dynamodb: Any, table: str) -> None:
    store = DynamoJobStore(dynamodb, table)
    store.create(a_job(), None)
    store.advance(job_id(1), JobStatus.FAILED, NOW_MS)
    store.forget_ended(job_id(1))
    item = dynamodb.scan(TableName=table)["Items"][0]
    assert "open" not in item


def test_what_a_picture_is_begun_from_is_stored_and_older_records_have_none(dynamodb: Any, table: str) -> None:
    store = DynamoJobStore(dynamodb, table)
    picture = InputPicture(upload="u", etag='"tag"', size_bytes=9, content_type="image/png")
    spec = dataclasses.replace(SPEC, input=picture, strength=0.6, adapter="oil")
    store.create(a_job(spec=spec), None)
    assert store.get(job_id(1), NOW_MS).spec == spec
    older = dynamodb.scan(TableName=table)["Items"][0]
    for name in ("input", "strength", "adapter"):
        del older["spec"]["M"][name]
    dynamodb.put_item(TableName=table, Item=older)
    assert store.get(job_id(1), NOW_MS).spec == SPEC
