"""Which row of a campaign a job was made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

CampaignId = NewType("CampaignId", str)
"""Made and known as a job id is: 26 characters that sort by time."""


@dataclass(frozen=True, kw_only=True)
class RowRef:
    """A row of one run of a campaign; `attempt` counts from 1, one more with each retry."""

    campaign_id: CampaignId
    run_id: str
    row: int
    attempt: int
