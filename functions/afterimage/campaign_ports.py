"""What the use cases of campaigns ask of the outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from afterimage.domain.campaign import ActiveRun, Campaign, Row, RowClaim, Run, RunStatus, Schedule
from afterimage.domain.campaign_digest import Digest
from afterimage.domain.job import Job, JobId, Notice
from afterimage.domain.quotas import Quotas
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.domain.unsubscribing import Unsubscribed, UnsubscribeLink
from afterimage.ports import IdempotencyClaim


class RowTakenError(Exception):
    """Raised by a claim when the row has a job or an outcome already; not a product error, only a race lost."""


class RowJobs(Protocol):
    """Jobs, where they are made for rows."""

    def create_for_row(self, job: Job, quotas: Quotas, claim: RowClaim, run: Run) -> None:
        """Put the job, take its charge and claim the row of `run` as it was read, all or nothing. Raises RowTakenError,
        which goes before RunHaltedError, which goes before QuotaExceededError."""

    def get(self, job_id: JobId, now_ms: int) -> Job:
        """Return a job that has not expired. Raises JobNotFoundError."""


class JobsById(Protocol):
    """Jobs, where many are looked at."""

    def get_many(self, job_ids: Sequence[JobId], now_ms: int) -> dict[JobId, Job]:
        """Return those that exist and have not expired, read consistently. Raises StoreUnavailableError."""


class CampaignStore(Protocol):
    """Campaigns, their runs and rows. Every method raises StoreUnavailableError when throttled."""

    def put(self, campaign: Campaign, claim: IdempotencyClaim | None = None) -> None:
        """Store a new campaign so that its owner and admins find it, with the claim on its key, all or nothing. Raises
        KeyTakenError, which goes before OwnerErasingError, and CampaignChangedError for an id that is taken."""

    def find_claim(self, key_hash: str, now_ms: int) -> IdempotencyClaim | None:
        """Return the living claim on a key."""

    def get(self, campaign_id: CampaignId, now_ms: int) -> Campaign:
        """Return a campaign that has not expired, read consistently. Raises CampaignNotFoundError."""

    def change(self, read: Campaign, changed: Campaign) -> None:
        """Replace what was read, unless it was changed meanwhile: then raises CampaignChangedError. `changed` must have
        a later `updated_at_ms`."""

    def list_by_owner(self, owner: str | None, limit: int, after: CampaignId | None) -> tuple[CampaignId, ...]:
        """Return ids, newest first, those older than `after` only; of everybody where `owner` is None."""

    def erase(self, campaign: Campaign) -> None:
        """Delete the campaign, the claim on its key and what finds it; runs and rows name nobody, and expire."""

    def forget(self, owner: str, campaign_id: CampaignId) -> None:
        """Delete what finds a campaign whose record is gone."""

    def begin_run(self, read: Campaign, run: Run, at_ms: int) -> bool:
        """Put a new run, its mark as active, and make it the campaign's latest, all or nothing. False when a run of
        that id is there already: the same event came twice. Raises CampaignChangedError."""

    def get_run(self, campaign_id: CampaignId, run_id: str) -> Run:
        """Return a run, read consistently. Raises CampaignNotFoundError."""

    def list_runs(self, campaign_id: CampaignId, limit: int) -> tuple[str, ...]:
        """Return ids of runs, the latest first."""

    def move_run(self, run: Run, to: RunStatus, at_ms: int, *, reason: str | None = None) -> Run | None:
        """Write a status over the one that was read, in the leg that was read; None when it moved on meanwhile."""

    def next_leg(
        self,
        run: Run,
        at_ms: int,
        *,
        retrying: bool,
        budget_pictures: int | None,
        budget_micros: int | None,
        max_failures: int | None,
    ) -> Run | None:
        """Set a run that rests going again, one leg on, with these bounds, and mark it as active; None when it moved
        on meanwhile."""

    def list_active(self, before_ms: int, limit: int) -> tuple[ActiveRun, ...]:
        """Return runs that were set going before a time and not yet forgotten."""

    def forget_active(self, active: ActiveRun) -> None:
        """Take the mark away, unless the run was set going again since."""

    def get_row(self, campaign_id: CampaignId, run_id: str, row: int) -> Row | None:
        """Return a row that was claimed or refused, read consistently."""

    def list_rows(self, campaign_id: CampaignId, run_id: str, after: int, limit: int) -> tuple[Row, ...]:
        """Return rows in their order, those behind `after` only."""

    def attach(self, ref: RowRef, task_token: str) -> bool:
        """Have somebody else wait for a row's end. False when it has ended."""

    def refuse_row(self, claim: RowClaim, failure_code: str, at_ms: int) -> None:
        """Settle a row that cannot be asked for as FAILED. Raises RunHaltedError and RowTakenError as a claim does."""


class CampaignWorkflow(Protocol):
    """The state machine of campaigns, seen from outside."""

    def start(self, campaign_id: CampaignId, run_id: str, leg: int) -> None:
        """Start the execution named after the leg; one that is there already is as good. Raises
        WorkflowUnavailableError."""

    def status(self, campaign_id: CampaignId, run_id: str, leg: int) -> str | None:
        """Return the status of that execution in Step Functions' words, None when it was never started."""


class Capacity(Protocol):
    """The machines behind the endpoint, where the stack has them."""

    def warm(self, holder: str) -> bool:
        """Have at least one machine until every holder has let go. False where the stack has no endpoint."""

    def let_go(self, holder: str) -> None:
        """Give the machine back unless somebody else holds it; to let go twice is as good."""


class CampaignFiles(Protocol):
    """A campaign's folder in the bucket. Every method raises StoreUnavailableError, the iterator of `read` too."""

    def read(self, key: str) -> Iterator[bytes]:
        """Yield an object from its beginning, of any size. Raises CampaignNotFoundError at the call."""

    def size(self, key: str) -> int | None:
        """Return how many bytes an object has, None for none."""

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of an object. Raises CampaignNotFoundError when it is gone."""

    def write(self, key: str, body: Iterable[bytes], content_type: str) -> None:
        """Store an object of any size; nothing is seen of it until all of it is there."""

    def erase(self, prefix: str) -> None:
        """Delete everything under a prefix."""


class CampaignLinks(Protocol):
    """What a caller sends to and reads from a campaign's folder itself, by addresses that open it for minutes."""

    def upload(self, key: str, content_type: str, most_bytes: int) -> tuple[str, dict[str, str]]:
        """Return where to send a form to, and its fields; one file of this type and no larger."""

    def download(self, key: str, name: str) -> str:
        """Return an address that opens an object as a file of this name."""

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names of what lies right under a prefix, in their order; a thousand at most."""


class CampaignSchedules(Protocol):
    """When campaigns run by themselves."""

    def put(self, campaign_id: CampaignId, schedule: Schedule) -> None:
        """Have the campaign begun at these times and at no others. Raises CampaignInvalidError for an expression that
        the scheduler does not take."""

    def remove(self, campaign_id: CampaignId) -> None:
        """Have it begun no more; without a schedule that is as good."""


class CampaignZips(Protocol):
    """The packing of a run's pictures."""

    def begin(self, campaign_id: CampaignId, run_id: str) -> None:
        """Have the pictures packed; how far that is stands beside the results."""


class CampaignChecks(Protocol):
    """The reading of a campaign's rows."""

    def begin(self, campaign_id: CampaignId, check_id: str) -> None:
        """Have the rows read; the answer is written into the campaign."""

    def finish(self, campaign_id: CampaignId, check_id: str) -> None:
        """Have the rows read, and wait until they are."""


class CampaignNotices(Protocol):
    """Who was told of a leg of a run. Every method raises StoreUnavailableError."""

    def find(self, run: Run, address_hash: str) -> Notice | None:
        """Return how telling an address stands."""

    def swap(self, run: Run, address_hash: str, expected_state: str | None, notice: Notice | None) -> bool:
        """Replace the notice if its state is the expected one."""


class UnsubscribeStore(Protocol):
    """Who left the mail of campaigns. Every method raises StoreUnavailableError."""

    def put_link(self, link: UnsubscribeLink) -> None:
        """Store the link of one mail."""

    def find_link(self, token_hash: str) -> UnsubscribeLink | None:
        """Return a link, expired ones too."""

    def unsubscribe(self, left: Unsubscribed) -> None:
        """Leave an address alone from now on; twice is as good as once."""

    def has_left(self, address_hash: str) -> bool:
        """True when the address is to get no mail of campaigns."""


class DigestMailer(Protocol):
    """Sends one mail about a run."""

    def send_digest(self, digest: Digest, recipient: str, unsubscribe_url: str) -> None:
        """Send. Raises MailUnavailableError (certainly not sent) or MailRefusedError (never will be)."""
