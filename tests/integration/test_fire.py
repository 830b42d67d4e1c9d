"""A campaign with one request of each kind: `make fire` runs two hundred. What is silent is made older here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fire import campaign
from fire.cases import KINDS

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

SEED = 7


def test_every_request_ends_as_the_schedule_says_and_is_told_as_often(cloud: LocalCloud) -> None:
    numbers = campaign.run(cloud, seed=SEED, count=len(KINDS), hurry=True, say=print)
    assert numbers["findings"] == []
    assert set(numbers["kinds"]) == set(KINDS)
    assert numbers["clean"]
