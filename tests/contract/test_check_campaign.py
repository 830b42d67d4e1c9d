"""The check of a campaign on moto's DynamoDB and S3: once, again, after dying half-way, and when things change."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.contracts.campaign import RowDocument, check_prefix, upload_key
from afterimage.contracts.codec import from_json
from afterimage.domain.campaign import Campaign, CampaignSettings, CampaignStatus
from afterimage.domain.errors import CampaignChangedError, CampaignStateError, StoreUnavailableError
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.moderation import packaged_policy
from afterimage.domain.quotas import UNLIMITED, Quota
from afterimage.handlers import check_campaign as handler
from afterimage.usecases.begin_campaign_check import mark_checking
from afterimage.usecases.check_campaign import Desk, check_campaign
from botocore.exceptions import ConnectTimeoutError
from fakes.campaigns import CAMPAIGN_ID, CHECK, a_campaign
from fakes.outside import NOW_MS, Dice, Ticker
from fakes.samples import OWNER

FOLDER = check_prefix(CAMPAIGN_ID, CHECK.check_id)
EVERY_FILE = {"rows.jsonl", "index.csv", "check.jsonl", "problems.json", "problems.csv"}
GOOD = b"prompt,sku\na lighthouse at dusk,1\na naked person,2\n"
BAD = b"prompt,sku\n,1\na fox,=1+1\n"


class World:
    """A campaign that waits for its check, and the bucket beside it."""

    def __init__(self, dynamodb: Any, table: str, s3: Any, bucket: str) -> None:
        self.campaigns = DynamoCampaignStore(dynamodb, table, pause=lambda _: None)
        self.accounts = DynamoAccountStore(dynamodb, table)
        self.files = S3CampaignFiles(s3, bucket)
        self._s3, self._bucket = s3, bucket
        self.desk = Desk(
            campaigns=self.campaigns,
            files=self.files,
            accounts=self.accounts,
            quotas=lambda: UNLIMITED,
            policy=packaged_policy,
            profile=model_profiles()["demo"],
            dollars_per_hour=1.0,
            clock=Ticker(),
        )

    def waiting(self, upload: bytes | None = GOOD, **settings: Any) -> None:
        empty = dataclasses.replace(CHECK, rows=0, pictures=0, seconds=0.0, micros=0)
        self.campaigns.erase(a_campaign())
        self.campaigns.put(a_campaign(CampaignStatus.CHECKING, check=empty, settings=CampaignSettings(**settings)))
        if upload is not None:
            self.send(upload)

    def send(self, upload: bytes) -> None:
        self.files.write(upload_key(CAMPAIGN_ID), [upload], "text/csv")

    def check(self, desk: Desk | None = None) -> Campaign | None:
        return check_campaign(CAMPAIGN_ID, CHECK.check_id, desk or self.desk)

    @property
    def campaign(self) -> Campaign:
        return self.campaigns.get(CAMPAIGN_ID, NOW_MS)

    @property
    def written(self) -> dict[str, bytes]:
        entries = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=FOLDER).get("Contents", ())
        keys = [entry["Key"] for entry in entries]
        return {key.removeprefix(FOLDER): b"".join(self.files.read(key)) for key in keys}

    def kind(self, name: str) -> str:
        return str(self._s3.head_object(Bucket=self._bucket, Key=FOLDER + name)["ContentType"])


@pytest.fixture
def world(dynamodb: Any, table: str, s3: Any, bucket: str) -> World:
    return World(dynamodb, table, s3, bucket)


def change(world: World, **changes: Any) -> None:
    """Somebody else changes the campaign."""
    read = world.campaign
    world.campaigns.change(read, dataclasses.replace(read, updated_at_ms=read.updated_at_ms + 1, **changes))


def test_rows_in_order_make_the_campaign_ready(world: World) -> None:
    world.waiting(axes={"seed": (7, 8)})
    done = world.check()
    assert done == world.campaign
    assert done is not None
    assert done.check is not None
    assert (done.status, done.check.check_id) == (CampaignStatus.READY, CHECK.check_id)
    assert (done.check.rows, done.check.pictures, done.check.problems, done.check.blocked) == (4, 4, 0, 2)
    assert done.check.micros > 0
    assert done.check.seconds > 0
    assert done.check.read_as == "CSV with commas, UTF-8"


def test_each_row_is_found_by_its_place_in_the_index(world: World) -> None:
    world.waiting(axes={"seed": (7, 8)})
    world.check()
    assert set(world.written) == EVERY_FILE
    places = list(csv.DictReader(io.StringIO(world.written["index.csv"].decode())))
    rows = [
        from_json(RowDocument, world.files.read_range(f"{FOLDER}rows.jsonl", int(at["start"]), int(at["length"])))
        for at in places
    ]
    assert [(row.row, row.line, row.request["prompt"], row.request["seed"], row.columns) for row in rows] == [
        (1, 2, "a lighthouse at dusk", 7, {"sku": "1"}),
        (2, 2, "a lighthouse at dusk", 8, {"sku": "1"}),
        (3, 3, "a naked person", 7, {"sku": "2"}),
        (4, 3, "a naked person", 8, {"sku": "2"}),
    ]


def test_faults_make_it_invalid_with_nothing_that_could_run(world: World) -> None:
    world.waiting(BAD)
    done = world.check()
    assert done is not None
    assert done.check is not None
    assert (done.status, done.check.problems) == (CampaignStatus.INVALID, 1)
    assert set(world.written) == EVERY_FILE - {"rows.jsonl", "index.csv"}
    (problem,) = json.loads(world.written["problems.json"])
    assert (problem["line"], problem["column"], problem["code"]) == (2, "prompt", "prompt_empty")
    assert b"'=1+1" in world.written["problems.csv"]
    assert world.kind("problems.csv") == "text/csv; charset=utf-8"
    assert world.kind("problems.json") == "application/json"


def test_a_check_that_is_delivered_twice_changes_nothing(world: World) -> None:
    world.waiting()
    world.check()
    before, files = world.campaign, world.written
    world.send(BAD)
    assert world.check() is None
    assert (world.campaign, world.written) == (before, files)


@pytest.mark.parametrize(
    "changes",
    [
        {"check": dataclasses.replace(CHECK, check_id="another")},
        {"check": None},
        {"status": CampaignStatus.DRAFT},
        {"status": CampaignStatus.READY},
        {"status": CampaignStatus.INVALID},
    ],
    ids=["another check", "no check", "draft", "ready", "invalid"],
)
def test_a_campaign_that_waits_for_another_check_is_left_alone(world: World, changes: dict[str, Any]) -> None:
    world.waiting()
    change(world, **changes)
    before = world.campaign
    assert world.check() is None
    assert (world.campaign, world.written) == (before, {})


def test_a_deleted_campaign_is_passed_over(world: World) -> None:
    world.waiting()
    world.campaigns.erase(world.campaign)
    assert world.check() is None
    assert world.written == {}


def test_a_check_that_died_half_way_is_done_again(world: World) -> None:
    world.waiting()
    for written_before in range(len(EVERY_FILE)):
        with pytest.raises(StoreUnavailableError):
            world.check(dataclasses.replace(world.desk, files=Dying(world.files, written_before)))
        assert world.campaign.status is CampaignStatus.CHECKING
    assert world.check() == world.campaign
    assert world.campaign.status is CampaignStatus.READY
    assert set(world.written) == EVERY_FILE


class Dying:
    """The files of a process that dies after so many were written."""

    def __init__(self, files: S3CampaignFiles, lives: int) -> None:
        self._files, self._lives = files, lives

    def write(self, key: str, body: Iterable[bytes], content_type: str) -> None:
        if self._lives == 0:
            raise StoreUnavailableError()
        self._lives -= 1
        self._files.write(key, body, content_type)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


class Failing:
    """Makes the nth call of these clients end before it is sent; counts them otherwise."""

    def __init__(self, *clients: Any, nth: int = 0) -> None:
        self._clients, self._nth, self.calls = clients, nth, 0

    def _before(self, **_: Any) -> None:
        self.calls += 1
        if self.calls == self._nth:
            raise ConnectTimeoutError(endpoint_url="https://aws")

    def __enter__(self) -> Failing:
        for client in self._clients:
            client.meta.events.register_first("before-call", self._before)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.meta.events.unregister("before-call", self._before)


def test_each_call_fails_once_and_the_check_that_is_run_again_is_whole(world: World, dynamodb: Any, s3: Any) -> None:
    world.waiting()
    with Failing(dynamodb, s3) as counted:
        world.check()
    wanted = world.written
    assert counted.calls > len(EVERY_FILE)
    for nth in range(1, counted.calls + 1):
        world.waiting()
        with Failing(dynamodb, s3, nth=nth), pytest.raises(StoreUnavailableError):
            world.check()
        assert world.campaign.status is CampaignStatus.CHECKING
        again = world.check()
        assert again == world.campaign
        assert (world.campaign.status, world.written) == (CampaignStatus.READY, wanted)


class Meanwhile:
    """A store in which something happens just before the campaign is read or changed for the nth time."""

    def __init__(self, world: World, method: str, nth: int, happens: Callable[[], None]) -> None:
        self._store, self._method, self._left, self._happens = world.campaigns, method, nth, happens

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._left -= 1
            if self._left == 0:
                self._happens()
        return getattr(self._store, name)


def meanwhile(world: World, method: str, nth: int, happens: Callable[[], None]) -> Desk:
    return dataclasses.replace(world.desk, campaigns=Meanwhile(world, method, nth, happens))


def test_what_somebody_else_changes_meanwhile_is_kept(world: World) -> None:
    world.waiting()
    done = world.check(meanwhile(world, "change", 1, lambda: change(world, name="Winter")))
    assert done == world.campaign
    assert (world.campaign.status, world.campaign.name) == (CampaignStatus.READY, "Winter")


def test_a_campaign_that_never_rests_stays_as_it_is_and_is_checked_again(world: World) -> None:
    world.waiting()

    class Restless(Meanwhile):
        def __getattr__(self, name: str) -> Any:
            if name == "change":
                change(world, name=f"{world.campaign.name}!")
            return getattr(self._store, name)

    with pytest.raises(CampaignChangedError):
        world.check(dataclasses.replace(world.desk, campaigns=Restless(world, "change", 0, lambda: None)))
    assert world.campaign.status is CampaignStatus.CHECKING
    assert world.check() is not None


def test_other_defaults_meanwhile_are_other_rows(world: World) -> None:
    world.waiting()
    others = CampaignSettings(defaults={"preset": "photo"})
    with pytest.raises(CampaignChangedError):
        world.check(meanwhile(world, "change", 1, lambda: change(world, settings=others)))
    assert world.campaign.status is CampaignStatus.CHECKING
    world.check()
    assert b'"preset":"photo"' in world.written["rows.jsonl"]


def test_a_new_check_that_begins_meanwhile_is_the_one_that_counts(world: World) -> None:
    world.waiting()
    newer = dataclasses.replace(CHECK, check_id="newer")
    assert world.check(meanwhile(world, "get", 2, lambda: change(world, check=newer))) is None
    assert world.campaign.check == newer
    assert world.written == {}


def test_a_new_check_that_begins_at_the_very_end_is_not_written_over(world: World) -> None:
    world.waiting()
    newer = dataclasses.replace(CHECK, check_id="newer")
    assert world.check(meanwhile(world, "change", 1, lambda: change(world, check=newer))) is None
    assert (world.campaign.status, world.campaign.check) == (CampaignStatus.CHECKING, newer)


def test_a_campaign_without_an_upload_is_its_axes(world: World) -> None:
    world.waiting(None, axes={"prompt": ("a fox", "an owl"), "seed": (1, 2, 3)})
    done = world.check()
    assert done is not None
    assert done.check is not None
    assert (done.status, done.check.rows) == (CampaignStatus.READY, 6)


def test_axes_that_name_a_prompt_may_be_checked_without_an_upload(world: World) -> None:
    world.waiting(None)
    change(world, status=CampaignStatus.DRAFT, check=None)
    ports: Any = {"campaigns": world.campaigns, "files": world.files, "clock": world.desk.clock, "entropy": Dice()}
    with pytest.raises(CampaignStateError):
        mark_checking(world.campaign, **ports)
    change(world, settings=CampaignSettings(axes={"prompt": ("a fox",)}))
    marked, check_id = mark_checking(world.campaign, **ports)
    assert marked.status is CampaignStatus.CHECKING
    done = check_campaign(CAMPAIGN_ID, check_id, world.desk)
    assert done is not None
    assert done.status is CampaignStatus.READY


def test_a_campaign_without_rows_of_any_kind_is_invalid(world: World) -> None:
    world.waiting(None)
    world.check()
    assert world.campaign.status is CampaignStatus.INVALID
    assert json.loads(world.written["problems.json"])[0]["code"] == "upload_missing"


def test_an_upload_that_is_too_large_is_told_and_not_copied_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("usecases.check_campaign", "domain.upload_check"):
        monkeypatch.setattr(f"afterimage.{module}.MAX_UPLOAD_BYTES", 1000)
    world.waiting(b"prompt\n" + b"a fox\n" * 1000)
    world.check()
    assert json.loads(world.written["problems.json"])[0]["code"] == "upload_too_large"


def test_an_admin_s_bound_for_the_owner_goes_before_the_general_one(world: World) -> None:
    world.waiting()
    world.accounts.set_override(OWNER, Quota(monthly_pictures=None, concurrent_jobs=None, campaign_rows=1))
    world.check()
    assert json.loads(world.written["problems.json"])[0]["code"] == "campaign_rows_reached"


def test_the_handler_says_how_it_went(world: World) -> None:
    event = {"campaign_id": CAMPAIGN_ID, "check_id": CHECK.check_id}
    world.waiting()
    assert handler.handle(event, world.desk) == "READY"
    assert handler.handle(event, world.desk) == "passed over"
