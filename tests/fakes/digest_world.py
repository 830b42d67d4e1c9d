"""A run that has come to rest, and everything by which its recipients are told."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.campaign import Run
from afterimage.domain.campaign_digest import Digest
from afterimage.domain.job import Notice
from afterimage.domain.status import JobStatus
from afterimage.domain.unsubscribing import Unsubscribed, UnsubscribeLink
from afterimage.usecases.tell_campaign import DigestPost, tell_campaign

from fakes.campaigns import CAMPAIGN_ID, RUN_ID
from fakes.faults import Faulty, breakable
from fakes.results_world import BASE, FOLDER, ResultsWorld
from fakes.stores import MemorySuppressionStore


class MemoryCampaignNotices(Faulty):
    """Implements `campaign_ports.CampaignNotices`."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[tuple[str, str, int, str], Notice] = {}

    def find(self, run: Run, address_hash: str) -> Notice | None:
        return self.records.get((run.campaign_id, run.run_id, run.leg, address_hash))

    @breakable
    def swap(self, run: Run, address_hash: str, expected_state: str | None, notice: Notice | None) -> bool:
        found, key = self.find(run, address_hash), (run.campaign_id, run.run_id, run.leg, address_hash)
        if (found.state if found else None) != expected_state:
            return False
        if notice:
            self.records[key] = notice
        else:
            self.records.pop(key, None)
        return True


class MemoryUnsubscribeStore(Faulty):
    """Implements `campaign_ports.UnsubscribeStore`."""

    def __init__(self) -> None:
        super().__init__()
        self.links: dict[str, UnsubscribeLink] = {}
        self.left: dict[str, Unsubscribed] = {}

    @breakable
    def put_link(self, link: UnsubscribeLink) -> None:
        assert link.token_hash not in self.links
        self.links[link.token_hash] = link

    def find_link(self, token_hash: str) -> UnsubscribeLink | None:
        return self.links.get(token_hash)

    def unsubscribe(self, left: Unsubscribed) -> None:
        self.left.setdefault(left.address_hash, left)

    def has_left(self, address_hash: str) -> bool:
        return address_hash in self.left


@dataclass(frozen=True)
class SentDigest:
    """One call of `DigestMailer.send_digest`."""

    digest: Digest
    recipient: str
    unsubscribe_url: str


class FakeDigestMailer(Faulty):
    """Implements `campaign_ports.DigestMailer`."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[SentDigest] = []

    @breakable
    def send_digest(self, digest: Digest, recipient: str, unsubscribe_url: str) -> None:
        self.sent.append(SentDigest(digest, recipient, unsubscribe_url))


class DigestWorld(ResultsWorld):
    """Two rows have ended, one with a picture, and the results are written and drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.add()
        self.add(JobStatus.FAILED)
        self.settle(claimed=2, succeeded=1, failed=1, pictures=1, micros=1_400)
        self.write()
        self.files.objects[f"{FOLDER}sheet-01.jpg"] = b"\xff\xd8a sheet"
        self.notices = MemoryCampaignNotices()
        self.suppressions = MemorySuppressionStore()
        self.unsubscribes = MemoryUnsubscribeStore()
        self.mailer = FakeDigestMailer()
        self.post = DigestPost(
            campaigns=self.campaigns,  # type: ignore[arg-type]
            files=self.files,
            links=self.links,
            notices=self.notices,
            suppressions=self.suppressions,
            unsubscribes=self.unsubscribes,
            mailer=self.mailer,
            link_base=BASE,
            link_ttl_s=lambda: 7 * 86_400,
            clock=self.clock,
            entropy=self.archive.entropy,
        )

    def tell(self, leg: int = 1) -> bool:
        return tell_campaign(CAMPAIGN_ID, RUN_ID, leg, self.post)
